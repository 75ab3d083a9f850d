"""Arrays as text: nested lists, `[[0,1],[2,3]]`, and tables of numbers, one row per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import LONGEST_PATH, SpecError, Where, shown
from .task import Array

SEPARATORS = (",", ";", "\t", None)
"""The separators of numbers in a row; the first one that occurs in the first row is used. None is white space."""
ENDINGS = (".csv", ".tsv", ".txt", ".dat")
"""The endings of table files."""


def looks_like_list(text: str) -> bool:
    """Return whether a text has the form of a list of numbers rather than of a file name."""
    return text.lstrip()[:1] == "["


def read_text(data: bytes, name: str) -> Array:
    """Return the array of a text: a nested list or a table. Raise SpecError, with line and column, for other texts."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError(f"{shown(name, LONGEST_PATH)} is not a table of numbers: it is not UTF-8", _SAVE) from None
    return read_list(text, name) if looks_like_list(text) else _read_table(text, name)


_SAVE = "save numbers with numpy.save or numpy.savetxt"


def read_list(text: str, name: str | None = None) -> Array:
    """Return the array of a nested JSON list. Raise SpecError for lists of different lengths."""
    what = shown(text.strip()) if name is None else shown(name, LONGEST_PATH)
    try:
        value = json.loads(text)
    except RecursionError:
        raise SpecError(f"{what} is nested too deeply", _LIST) from None
    except ValueError as error:
        raise SpecError(f"{what} is not a list of numbers: {str(error).partition(':')[0].lower()}", _LIST) from None
    sizes = []
    part = value
    while isinstance(part, list):
        sizes.append(len(part))
        part = part[0] if part else None
    numbers = list(_numbers(value, sizes, what))
    return _array(numbers, what).reshape(sizes)


_LIST = "for example [[0, 1], [2, 3]], with the same number of values in each row"


def _numbers(value: Any, sizes: Sequence[int], what: str) -> Iterator[float]:
    """Yield the numbers of nested lists of these sizes, in order."""
    if not sizes:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SpecError(f"{what}: {shown(value)} is not a number", _LIST)
        yield value
        return
    if not isinstance(value, list) or len(value) != sizes[0]:
        have = f"{len(value)} entr{'y' if len(value) == 1 else 'ies'}" if isinstance(value, list) else "a number"
        raise SpecError(f"{what}: {shown(value)} has {have}, but the first has {sizes[0]}", _LIST)
    for part in value:
        yield from _numbers(part, sizes[1:], what)


def _read_table(text: str, name: str) -> Array:
    """Return the array of a table: rows and columns, or one axis if each line has one number."""
    stripped = enumerate(map(str.strip, text.splitlines()), 1)
    lines = [(at, line) for at, line in stripped if line and not line.startswith("#")]
    if not lines:
        raise SpecError(f"{shown(name, LONGEST_PATH)} is empty", _SAVE)
    separator = next(one for one in SEPARATORS if one is None or one in lines[0][1])
    if len(lines) > 1 and all(_number(cell) is None for cell in lines[0][1].split(separator)):
        del lines[0]  # the column names
    width = len(lines[0][1].split(separator))
    numbers: list[float] = []
    for at, line in lines:
        cells = line.split(separator)
        if len(cells) != width:
            what = f"a row of {len(cells)} number{'s' * (len(cells) != 1)}, but the first has {width}"
            raise _at(name, at, 1, SpecError(what, "all rows of a table have the same length"))
        for column, cell in enumerate(cells, 1):
            number = _number(cell)
            if number is None:
                what = f"{shown(cell.strip())}, in column {column}, is not a number"
                raise _at(name, at, 1, SpecError(what, "a table has only numbers, and at most one row of names"))
            numbers.append(number)
    return _array(numbers, shown(name, LONGEST_PATH)).reshape(len(lines) if width == 1 else (len(lines), width))


def _at(name: str, line: int, column: int, error: SpecError) -> SpecError:
    error.where = Where(name, line, column)
    return error


def _number(text: str) -> float | None:
    """Return the number in a cell, exactly if it is an integer; None for other text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _array(numbers: list[float], what: str) -> Array:
    """Return numbers as int64 if all are integers, otherwise as float64."""
    whole = all(isinstance(number, int) for number in numbers)
    try:
        return np.array(numbers, np.int64 if whole and numbers else np.float64)
    except OverflowError:
        raise SpecError(f"{what} has a whole number of more than 64 bits", "write it with a decimal point") from None
