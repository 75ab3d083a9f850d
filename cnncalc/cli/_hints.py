"""Hints on standard error: notes on layer words; on a terminal the number of other hints; all of them with --hints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from ..errors import named_list, printable
from ..render.messages import hint_text
from ..render.texts import paint, plural
from ..report import Hint, LayerReport
from ..sources.words import is_stdin
from ._terminal import note, settings, style_of

if TYPE_CHECKING:
    from ..hints import Advice

hints_option = click.option(
    "--hints", "lists_hints", is_flag=True, help="List what may be unintended, and how to fix it."
)
MOST_TOLD = 100
"""The most hints that are listed; in JSON all are."""
LONGEST_LINE = 1000
"""The longest command line that is repeated in a message."""


Runs = Sequence[tuple[str, Sequence[LayerReport]]]
"""The layers of a network under one or several dialects, each with the dialect's name."""


class Remarks(NamedTuple):
    """The remarks on a network: what is perhaps not meant."""

    name: str
    """The network's name, if there are several."""
    notes: Sequence[str]
    """The remarks on layer words, which are given unasked."""
    hints: Sequence[Hint]
    """The other remarks, if they are shown."""
    said: bool
    """Whether some of them were given before."""
    built_in: bool


def remarks(runs: Runs, asked: bool, is_data: bool = False, name: str = "", said: Advice | None = None) -> Remarks:
    """Return the remarks on a network, without the one `said` before.

    If the result is data for a program (`is_data`), only notes on layer words are shown.
    """
    told = _notes(runs)
    hints = hints_of(runs, [*told]) if _tells(asked, is_data) else []
    hints = [hint for hint in hints if (hint.text, hint.help) != said]
    return Remarks(name, [*told.values()], hints, said is not None, all(is_built_in(layers) for _, layers in runs))


def tell(found: Sequence[Remarks], asked: bool, is_data: bool = False) -> None:
    """Print the notes, and count or list the hints on networks."""
    noted = [f"{one.name}: {text}" if one.name else text for one in found for text in one.notes]
    for text in noted:
        note(text)
    if asked and found and all(one.built_in for one in found):
        note("built-in networks get no hints; to see those of a copy: cnncalc zoo NAME | cnncalc shape - --hints")
    elif _tells(asked, is_data):
        hints = [(one.name, hint) for one in found for hint in one.hints]
        _tell(hints, asked, bool(noted) or any(one.said for one in found))


def _tells(asked: bool, is_data: bool) -> bool:
    """Return whether hints are listed or counted."""
    return not is_data and (asked or counts_hints())


def note_words(runs: Runs) -> None:
    """Print the notes on layer words, under each of several dialects."""
    for text in _notes(runs).values():
        note(text)


def _notes(runs: Runs) -> dict[Hint, str]:
    """Return the unasked hints on layer words under each of several dialects, with their notes."""
    typed = [layers for _, layers in runs if layers and (source := layers[0].network.source) and source.is_typed]
    if not typed:
        return {}
    from ..hints.typed import notes

    return dict(said for layers in typed for said in notes(layers))


def hints_of(runs: Runs, told: Sequence[Hint] = ()) -> list[Hint]:
    """Return the hints on a network except those `told`; if not all dialects give one, its text says which do.

    A built-in network has no hints.
    """
    from ..hints.table import hints

    names: dict[Hint, list[str]] = {}
    for name, layers in runs:
        for hint in () if is_built_in(layers) else hints(layers, told):
            names.setdefault(hint, []).append(name)
    return [
        hint if len(own) == len(runs) else hint._replace(text=f"{hint.text}, in {named_list(own)}")
        for hint, own in names.items()
    ]


def is_built_in(layers: Sequence[LayerReport]) -> bool:
    """Return whether the layers are those of a built-in network."""
    source = layers[0].network.source if layers else None
    return source is not None and source.built_in


def counts_hints() -> bool:
    """Return whether to print the number of hints unasked: on a terminal, unless -q is given."""
    return not settings().quiet and sys.stderr is not None and sys.stderr.isatty()


def _tell(hints: Sequence[tuple[str, Hint]], asked: bool, noted: bool) -> None:
    """Print hints, each after the name of its network, or only their number if not asked for.

    `noted` says whether notes were printed before them.
    """
    if settings().quiet or sys.stderr is None:
        return
    style = style_of(sys.stderr)
    if asked:
        lines = [hint_text(hint, name, style) for name, hint in hints[:MOST_TOLD]]
        lines += [f"{plural(len(hints) - MOST_TOLD, 'more hint')}: --json lists all"] if len(hints) > MOST_TOLD else []
        lines = lines or ["no other hints" if noted else "no hints"]
    else:
        count = paint(f"{plural(len(hints), 'hint')}:", "cyan", style.color)
        lines = [f"{count} {_again()}"] if hints else []
    for line in lines:
        print(line, file=sys.stderr)


def _again() -> str:
    """Return the command line that lists the hints, ready to be pasted."""
    import shlex

    words = settings().words
    end = words.index("--") if "--" in words else len(words)
    line = f"cnncalc {shlex.join([*words[:end], '--hints', *words[end:]])}"
    if any(map(is_stdin, words)) or len(line) > LONGEST_LINE or line != printable(line):
        return "add --hints to list them"
    return line
