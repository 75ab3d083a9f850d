"""JSON text, parsed strictly, and places in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import isfinite
from typing import Any

from ..errors import CnncalcError, Path, SpecError, Where, shown
from ..layers import OPS, aliases_of
from ..network import Origin

Raw = dict[str, Any]
"""A layer in JSON form."""


@cache
def _meant() -> dict[str, set[str]]:
    meant: dict[str, set[str]] = {}
    for cls, _ in OPS.values():
        for raw, keys in aliases_of(cls).items():
            meant.setdefault(raw, {raw}).update(keys.split())
    return meant


def canonical(raw: str) -> set[str]:
    """Return every key that a name may stand for: `padding` is p, and `p` is also a dropout's rate."""
    return _meant().get(raw, {raw})


class Document(Origin):
    """A JSON text and its name, as the origin of networks."""

    def __init__(self, text: str, name: str, first_line: int = 1):
        self.text, self.name, self.first_line = text, name, first_line
        self.layers_at: Path | None = ("layers",)
        """The path of the layers: () for a bare list, None for a single layer."""
        self.imported = False
        """Whether the network comes from another framework, so that the places of its layers are unknown."""
        self.places: dict[Path, int] | None = None
        """The offset of each path, computed when one is first looked up."""
        self.line_ends: list[int] | None = None
        """The offsets of the line ends, computed when a place is first looked up."""

    def where(self, at: int) -> Where:
        """Return the place of an offset in the text."""
        from . import positions  # imported only for an error, to keep reading fast

        if self.line_ends is None:
            self.line_ends = positions.line_ends(self.text)
        return positions.place(self.line_ends, at, self.name, self.first_line)

    def locate(self, path: Path, key: str | None) -> Where:
        """Return the place of a path, or of the name that stands for `key` in the object there."""
        if self.imported:
            return Where(self.name, 0, 0)
        from . import positions

        if path[:1] == ("layers",):
            path = path[2:] if self.layers_at is None else (*self.layers_at, *path[1:])
        if self.places is None:
            self.places = positions.index(self.text)
        is_key = None if key is None else lambda raw: key in canonical(raw)
        return self.where(positions.find(self.places, path, is_key))


class _NotStrict(ValueError):
    """An error for something that Python's parser accepts but JSON does not."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotStrict
    return members


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise _NotStrict
    return number


_A_SPEC = 'a spec is JSON, for example [{"op": "conv", "c_o": 64, "k": 7}]'
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_finite, parse_float=_finite)
_PYTHON_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


def parse(document: Document, takes_infinity: Callable[[Any], bool] = lambda _: False) -> Any:
    """Parse a JSON text. Raise SpecError at the place of invalid JSON, a duplicate name, NaN or 1e400.

    `takes_infinity` returns whether a parsed value may contain NaN and Infinity, as Python's own parser allows.
    """
    if not document.text.strip():
        raise _at(document, 0, "is empty", _A_SPEC)
    try:
        return _DECODER.decode(document.text)
    except json.JSONDecodeError as error:
        raise _not_json(document, error) from None
    except RecursionError:
        raise _at(document, 0, "nested too deeply", "a spec is a list of layers") from None
    except ValueError:
        with suppress(ValueError, RecursionError):
            value = _PYTHON_DECODER.decode(document.text)
            if takes_infinity(value):
                return value
        raise _not_strict(document) from None


def _at(document: Document, at: int, what: str, help: str | None = None) -> CnncalcError:
    error = SpecError(what, help)
    error.where = document.where(at)
    return error


BY_LINE = "for one spec per line: cnncalc shape --jsonl, cnncalc check --jsonl"
"""The help for a text with several networks."""


_SLIPS = {
    r".?,\s*[]}]": "remove the comma before ] or }",
    r".'": 'put names and strings in double quotes: {"op": "relu"}',
    r".(#|//|/\*)": "JSON has no comments; layer words may have them, after #",
    r".(True|False|None)\b": "JSON spells these true, false and null",
    r"[{,:[][^\W\d]": 'put names and strings in double quotes: {"op": "relu"}',
    r'[^{,:[][{["\d]': "separate values with commas",
}
"""Common mistakes in JSON, as patterns that include the character before, each with its help."""
LONGEST_SLIP = 100
"""The number of characters that are searched for such a mistake."""


def _not_json(document: Document, error: json.JSONDecodeError) -> CnncalcError:
    start = len(document.text) - len(document.text.lstrip())
    if document.text[start] not in "[{":
        what = "not a network: neither JSON, layer words, Python source nor a print-out"
        return _at(document, start, what, f"{_A_SPEC}; layer words are 3x224x224 conv:64,k7,s2")
    if error.msg == "Extra data":
        return _more(document, error.pos)
    what = (error.msg[0].lower() + error.msg[1:]).removesuffix(" at")
    place = document.text[: error.pos].rstrip()[-1:] + document.text[error.pos : error.pos + LONGEST_SLIP]
    help = next((help for slip, help in _SLIPS.items() if re.match(slip, place)), None)
    return _at(document, error.pos, f"not JSON: {what}", help)


def _more(document: Document, at: int) -> CnncalcError:
    """Return the error for text after the document, on the same line or a later one."""
    if document.text[at] not in "{[":
        return _at(document, at, f"{shown(document.text[at:].strip(), 20)} after the document", "leave it out")
    is_alone = "\n" in document.text[:at].strip(" \t")
    help = BY_LINE if is_alone else f"put them on separate lines; {BY_LINE}"
    return _at(document, at, "a second document after the first", help)


def _not_strict(document: Document) -> CnncalcError:
    """Return the error for the first duplicate name or non-finite number."""
    from . import positions

    try:  # such a number may be followed by invalid JSON: 1e999abc
        json.loads(document.text, parse_int=float)
    except json.JSONDecodeError as error:
        return _not_json(document, error)
    return _at(document, *positions.not_strict(document.text))
