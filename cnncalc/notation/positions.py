"""The places of values in a JSON text. They are looked up only for an error, so that reading stays fast."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from math import isfinite
from typing import NamedTuple

from ..errors import Path, Where, shown

_PIECE = re.compile(r'[ \t\n\r]*("(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)
"""A token of JSON. The pattern never backtracks: the state for that would take 150 bytes per character."""


class Value(NamedTuple):
    """A value of the text: its path, the offset of its key (for a member of an object), and its own offset."""

    path: Path
    key_at: int | None
    at: int
    text: str
    """The token that the value begins with."""


def values(text: str) -> Iterator[Value]:
    """Yield every value of a JSON text in order."""
    path: list[str | int] = []
    objects: list[bool] = []  # for each open container, whether it is an object
    key_at: int | None = None
    wants_key = False
    for match in _PIECE.finditer(text):
        piece, at = match[1], match.start(1)
        if piece == ":":
            continue
        if piece in "}]":
            objects.pop()
            path.pop()
            wants_key = False
        elif piece == ",":
            wants_key = objects[-1]
            if not wants_key:
                path[-1] = int(path[-1]) + 1
        elif wants_key:
            path[-1] = piece
            with suppress(ValueError):
                path[-1] = str(json.loads(piece))
            key_at, wants_key = at, False
        else:
            yield Value(tuple(path), key_at, at, piece)
            key_at = None
            if piece in "{[":
                objects.append(piece == "{")
                path.append("" if objects[-1] else 0)
                wants_key = objects[-1]


def line_ends(text: str) -> list[int]:
    """Return the offsets of the line ends of a text."""
    return [match.start() for match in re.finditer("\n", text)]


def place(ends: Sequence[int], at: int, file: str, first_line: int = 1) -> Where:
    """Return the line and column of an offset in a text with these line ends."""
    above = bisect_left(ends, at)
    return Where(file, above + first_line, at - (ends[above - 1] if above else -1))


def index(text: str) -> dict[Path, int]:
    """Return the offset of each value by path: that of its key, or in an array its own."""
    return {value.path: value.at if value.key_at is None else value.key_at for value in values(text)}


def find(places: dict[Path, int], path: Path, is_key: Callable[[str], bool] | None = None) -> int:
    """Return the offset of a path, or of its member whose name `is_key`; of the enclosing value if it is missing."""
    if is_key is not None:
        for place_, at in places.items():
            if place_[:-1] == path and len(place_) > len(path) and is_key(str(place_[-1])):
                return at
    while path not in places and path:
        path = path[:-1]
    return places.get(path, 0)


def not_strict(text: str) -> tuple[int, str, str | None]:
    """Return the offset of the first duplicate name or non-finite number, and what is wrong."""
    seen: set[Path] = set()
    for value in values(text):
        if value.key_at is not None and value.path in seen:
            return value.key_at, f"{shown(value.path[-1])} is given twice", "leave out one of them"
        if value.key_at is not None:
            seen.add(value.path)
        with suppress(ValueError):
            if not isfinite(float(value.text)):
                return value.at, f"{shown(value.text)[1:-1]} is not a number that JSON can hold", None
    raise AssertionError("specs are strict JSON")
