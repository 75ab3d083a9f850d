"""How the value of a key is read: one small function a kind, from JSON (or a word made JSON) to what layers hold.

Each takes the value and the layer's number of axes (None where its input decides) and raises SpecError with the key
left out: whoever calls knows it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import SpecError, nearest, shown
from ..sizes import LARGEST

Axes = int | tuple[int, ...]
"""One number for all axes, or one per axis."""
Pair = tuple[int, int]
Sides = int | str | tuple[int | Pair, ...]
"""Padding: one number, a word, or one number or (before, after) per axis; a lone pair stands for all axes."""
Reader = Callable[[object, int | None], object]


def whole(value: object, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if type(value) is int:
        if least <= value <= LARGEST:
            return value
        if value < least:
            raise SpecError(f"{shown(value)} is too small: it is at least {least}")
        raise SpecError(f"{shown(value)} is too large: it is at most {LARGEST:,}")
    raise SpecError(f"{shown(value)} is not a whole number", _whole_help(value))


def _whole_help(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return f"write {int(value)}"
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return f"write it without quotes: {value[:20]}"
    return None


def at_least(least: int) -> Reader:
    """One whole number."""

    def read(value: object, nd: int | None) -> int:
        return whole(value, least)

    return read


def per_axis(least: int) -> Reader:
    """One whole number, or one per axis."""

    def read(value: object, nd: int | None) -> Axes:
        if isinstance(value, list):
            check_axes(len(value), nd)
            return tuple([whole(v, least) for v in value])
        return whole(value, least)

    return read


def check_axes(given: int, nd: int | None) -> None:
    """One entry an axis: SpecError otherwise."""
    if given != (nd or max(given, 1)):
        axes = "one axis" if nd == 1 else f"{nd} axes" if nd else "at least one axis"
        raise SpecError(f"{given} numbers for {axes}", "one number stands for all axes, or give one per axis")


PADDING_WORDS = ("valid", "same", "same_upper", "same_lower", "full", "causal")


def sides(value: object, nd: int | None) -> Sides:
    """Padding: a number, one per axis, [before, after] pairs, or a word."""
    if type(value) is int:
        return whole(value, 0)
    if isinstance(value, str):
        if value.lower() in PADDING_WORDS:
            return value.lower()
        hint = nearest(value, PADDING_WORDS) or f"the words are {' '.join(PADDING_WORDS)}"
        raise SpecError(f"unknown padding {shown(value)}", hint)
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], list):
            return (_side(value[0]),)
        if nd == 1 and len(value) == 2 and all(type(v) is int for v in value):
            raise SpecError(
                f"{shown(value)} is two numbers for one axis", f"for before and after write [{shown(value)}]"
            )
        check_axes(len(value), nd)
        return tuple([_side(v) for v in value])
    raise SpecError(f"{shown(value)} is not a padding", "a number, one per axis, [[before, after], ...] or a word")


def _side(value: object) -> int | Pair:
    if isinstance(value, list):
        if len(value) != 2:
            raise SpecError(f"{shown(value)} is not a pair", "padding is [before, after] on an axis")
        return whole(value[0], 0), whole(value[1], 0)
    return whole(value, 0)


def flag(value: object, nd: int | None) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise SpecError(f"{shown(value)} is not true or false")


def number(value: object, nd: int | None) -> int | float:
    """Any finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpecError(f"{shown(value)} is not a number")
    if not -LARGEST <= value <= LARGEST:  # NaN too
        raise SpecError(f"{shown(value)} is no finite number of at most {LARGEST:,}")
    return value


def one_of(*words: str) -> Reader:
    """One of these words, in any case."""

    def read(value: object, nd: int | None) -> str:
        if isinstance(value, str) and value.lower() in words:
            return value.lower()
        hint = nearest(value, words) if isinstance(value, str) else None
        raise SpecError(f"unknown word {shown(value)}", hint or f"it is one of {' '.join(words)}")

    return read


def integers(value: object, nd: int | None) -> tuple[int, ...]:
    """A list of whole numbers of either sign, or one of them."""
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if type(entry) is not int or abs(entry) > LARGEST:
            raise SpecError(f"{shown(entry)} is not a whole number")
    return tuple(entries)


def axis(value: object, nd: int | None) -> int:
    """An axis: the batch is 0, and -1 is the last."""
    if type(value) is int and -32 <= value <= 32:
        return value
    raise SpecError(f"{shown(value)} is not an axis", "an axis is a whole number: the batch is 0, the last is -1")


def spread(value: tuple[int, ...] | int, nd: int) -> tuple[int, ...]:
    """One value per axis."""
    if isinstance(value, int):
        return (value,) * nd
    check_axes(len(value), nd)
    return value


def spread_sides(value: Sides, nd: int) -> tuple[Pair, ...]:
    """One (before, after) per axis, of a padding that is no word."""
    assert not isinstance(value, str)
    if isinstance(value, int):
        return ((value, value),) * nd
    if len(value) == 1 and isinstance(value[0], tuple):
        value = value * nd
    check_axes(len(value), nd)
    return tuple([(v, v) if isinstance(v, int) else v for v in value])
