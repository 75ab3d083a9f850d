"""The form of the output: the one that an option names, or the one that the ending of -o implies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ..errors import LONGEST_PATH, SpecError, shown
from ..outputs import STDOUT, is_special

Endings = Mapping[str, Sequence[str]]
"""The file endings of each form, the main one first."""


def form(option: str, named: str | None, path: str | None, endings: Endings) -> str | None:
    """Return the form that an option names, or else the one that the ending of -o implies, if any.

    Raise SpecError if the ending belongs to another kind of file. An unknown ending decides nothing.
    """
    ending = _ending(path)
    meant = [name for name in endings if ending in endings[name]]
    if named in meant or not (meant or _is_known(ending)):
        return named
    if named is None and meant:
        return meant[0]
    own = list(dict.fromkeys(endings.get(named, ()) if named else [some[0] for some in endings.values()]))
    writes = f"{option} {named} writes {own[0] if own else 'text'}" if named else f"this writes {_either(own)}"
    way = f"that ends in {_either(own)}" if own else "with another ending"
    raise SpecError(
        f"{writes}, and {shown(path, LONGEST_PATH)} ends in {ending}",
        f"give -o a name {way}" + (f", or {option} {meant[0]}" if meant else ""),
    )


def check_ending(path: str | None, endings: Sequence[str], what: str, option: str = "-o") -> None:
    """Raise SpecError if a file's ending belongs to another kind than `what` is written, such as `an array`."""
    ending = _ending(path)
    if ending not in endings and _is_known(ending):
        wrong = f"{what} is written as {_either(endings)}, and {shown(path, LONGEST_PATH)} ends in {ending}"
        raise SpecError(wrong, f"give {option} a name that ends in {_either(endings)}")


def _ending(path: str | None) -> str:
    """Return a path's ending in lower case; empty for standard output, a pipe or a device."""
    return "" if path is None or path == STDOUT or is_special(path) else os.path.splitext(path)[1].lower()


def _is_known(ending: str) -> bool:
    """Return whether the ending belongs to a known form."""
    if not ending:
        return False
    from ..frameworks import ENDINGS as TARGETS
    from ..frameworks.unsupported import UNSUPPORTED
    from ..render import ENDINGS as FORMATS

    unsupported = [one.endings for one in UNSUPPORTED]
    return any(ending in some for some in (*FORMATS.values(), *TARGETS.values(), *unsupported))


def _either(words: Sequence[str]) -> str:
    """Return `.json, .csv or .md`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
