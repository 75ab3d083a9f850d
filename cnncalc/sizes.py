"""Sizes, which are integers or formulas of letters (`floors`), and shapes as text and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod

from .errors import SpecError, shown
from .floors import LARGEST as LARGEST  # noqa: PLC0414  others import it from here
from .floors import UNKNOWN as UNKNOWN  # noqa: PLC0414
from .floors import Open as Open  # noqa: PLC0414

MOST_SIZES = 8
"""The most sizes of a shape: a batch, channels and three axes are five, and a reshape may split some."""


Size = int | Open
Shape = tuple[Size, ...]


class _NothingKnown(tuple[Size, ...]):
    """A shape that equals no other, as () is the shape of a single number."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)


NOTHING_KNOWN: Shape = _NothingKnown()
"""A shape of which not even the number of sizes is known."""


def evaluated(size: Size, numbers: Mapping[str, Size]) -> Size:
    """Return a size with numbers or other sizes in place of letters."""
    return size.at(numbers) if isinstance(size, Open) else size


def known(size: Size | None) -> int | None:
    """Return the size as a number; None if it is open."""
    return size if type(size) is int else None


def product(sizes: Iterable[Size]) -> Size:
    """Return the product of sizes; 1 if there are none."""
    return prod(sizes)


Count = int | Open | None
"""A number of things: a formula if it depends on an open size, None if it is not known."""


def count(*factors: Count) -> Count:
    """Return the product of the factors as a count; None if one of them is not known."""
    if None in factors:
        return None
    result: Size = prod(factors)  # type: ignore[arg-type]  # none is None
    return None if type(result) is not int and result == UNKNOWN else result


def total(counts: Iterable[Count]) -> Count:
    """Return the sum of counts; None if one of them is not known."""
    result: Size = 0
    opens: dict[Size, int] = {}
    """How many times each open size occurs: copies of a layer have the same sizes."""
    for number in counts:
        if type(number) is int:  # the usual case
            result += number
        elif number is None:
            return None
        else:
            opens[number] = opens.get(number, 0) + 1
    for size, times in opens.items():
        result = result + size * times
    return None if isinstance(result, Open) and result.is_unknown else result


def counted(number: Count, longest: int = 240) -> str:
    """Return a count as text: `1,000`, `unknown`, its formula, or `open` if the formula is too long."""
    if isinstance(number, Open):
        text = str(number)
        return text if len(text) <= longest else "open"
    return "unknown" if number is None else f"{number:,}"


def show(shape: Iterable[Size]) -> str:
    """Return a shape as text: `3x224x224`, with formulas in brackets; or `scalar`, or `unknown`."""
    text = "x".join([str(s) if type(s) is int or len(str(s)) == 1 else f"[{s}]" for s in shape])
    return text or ("unknown" if shape == NOTHING_KNOWN else "scalar")


UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def size_text(amount: int) -> str:
    """Return a number of bytes as text: `512 bytes`, `1.5 MiB`."""
    value, power = float(amount), 0
    while round(value, 1) >= 1024 and power < len(UNITS) - 1:
        value, power = value / 1024, power + 1
    return f"{value:.1f} {UNITS[power]}" if power else f"{amount} byte{'s' * (amount != 1)}"


def read_size(text: str) -> int:
    """Read a number of bytes: `256M`, `1.5GiB`, `4096`; K, M, G and T are powers of 1024. Raise SpecError otherwise."""
    digits = text.strip().lower().removesuffix("b").removesuffix("i")
    power = "kmgt".find(digits[-1:]) + 1
    whole, _, part = digits[: len(digits) - (power > 0)].partition(".")
    if not is_digits(whole + part):
        raise SpecError(f"{shown(text)} is not a number of bytes", "for example 256M or 1G")
    return int(int(whole + part) * 1024**power // 10 ** len(part))


def atom(size: object) -> str:
    """Return a size as a factor of a formula: in brackets unless it is a number or a letter."""
    text = str(size)
    return f"({text})" if isinstance(size, Open) and len(text) > 1 else text


def to_json(shape: Iterable[Size]) -> list[int | str | None] | None:
    """Return a shape as JSON: numbers, `"H"` or `"(H+1)//2"` for an open size, null for an unknown one."""
    if shape is NOTHING_KNOWN:
        return None
    return [s if not isinstance(s, Open) else None if s.is_unknown else str(s) for s in shape]


def split_axes(text: str) -> list[str]:
    """Return the parts of a text between the separators `x`, `×` and `,`."""
    return text.replace("X", "x").replace("×", "x").replace(",", "x").split("x")


def is_digits(text: str) -> bool:
    """Return whether a text is a number short enough to be read."""
    return text.isascii() and text.isdecimal() and len(text) < 4000


def is_letter(text: str) -> bool:
    """Return whether a text is one letter, which names an open size."""
    return len(text) == 1 and text.isascii() and text.isalpha() and text not in "xX"


def looks_like_shape(word: str) -> bool:
    """Return whether a word on the command line is meant as a shape: sizes separated by `x`, `,` or `×`, or a tuple."""
    parts, has_open = _typed(word)
    known = [p for p in parts if is_digits(p) or is_letter(p)]
    sizes = [*known, *[p for p in parts if has_open and p in _OPEN]]
    return bool(known) and len(sizes) == len(parts) and (has_open or len(parts) > 1 or word.isdecimal())


def parse_shape(text: str) -> Shape:
    """Read a shape as it is typed: `3x224x224`, `3,224,224`, `3×224×224`, a letter for an open size, or a tuple.

    `(3, 224, 224)`, `[3, 224, 224]` and `torch.Size([3, 224, 224])` are the same. In `(None, 224, 224, 3)` the batch
    is open, and is left out. Raise SpecError for anything else, with the right spelling if it is clear.
    """
    parts, has_open = _typed(text)
    if has_open and len(parts) > 1 and parts[0] in _OPEN:
        del parts[0]
    _check_signs(text)
    return read_shape([int(p) if is_digits(p) else None if has_open and p in _OPEN else p for p in parts], text)


_OPEN = ("None", "-1", "batch", "batch_size", "?")
"""How frameworks print an open size in a tuple."""
_BRACKETS = {"(": ")", "[": "]"}


def _typed(text: str) -> tuple[list[str], bool]:
    """Return the sizes of a typed shape, and whether some may be open, as it is a tuple or has a `None`."""
    text = text.strip()
    printed = re.fullmatch(r"(?:torch\.Size|(?:tf\.)?TensorShape)\((.*)\)", text)
    if printed is not None:
        text = printed[1].strip()
    bracketed = text[-1:] == _BRACKETS.get(text[:1])
    if bracketed:
        text = text[1:-1].strip().removesuffix(",")
    parts = [part.strip() for part in split_axes(text)]
    return parts, bracketed or "None" in parts


def _check_signs(text: str) -> None:
    """Raise SpecError for a shape with signs that shapes do not have, with its right spelling."""
    spelling = respelled(text)
    if spelling is not None:
        raise SpecError(f"{shown(text)} is not a shape", f"write {spelling}", key="input")


_POWERS = {"²": 2, "³": 3}
_SEPARATORS = (*"*:;/_·⋅|-хХ", "by")  # noqa: RUF001 - Cyrillic, too
"""Characters that people type between sizes but that are not accepted."""


def respelled(text: str) -> str | None:
    """Return a mistyped shape in the right spelling: `3x32x32` for `3*32*32` and `3x32²`; None if it is not clear."""
    sizes = text.strip(" \t\n,").removeprefix("(").removesuffix(")").replace("**2", "²")
    said = re.sub(r"(?<=[\d²³])\s+(?=\d)", "x", sizes)
    for sign in _SEPARATORS:
        said = said.replace(sign, "x")
    parts: list[str] = []
    for part in split_axes(said):
        own = part.strip()
        times = _POWERS.get(own[-1:], 1)
        size = own[:-1] if times > 1 else own
        if not is_digits(size) and not (is_letter(size) and parts):
            return None
        parts += [size] * times
    spelling = "x".join(parts)
    typed = _typed(text)[0]
    return None if len(parts) < 2 or typed == parts else spelling


def read_shape(value: object, text: str | None = None, *, scalar: bool = False) -> Shape:
    """Return a shape from JSON: `[3, 224, 224]`, `[3, "H", "W"]`, null for an open size without a name.

    `scalar` says whether [] may stand for the shape of a single number.
    """
    if isinstance(value, str):
        _check_signs(value)
        return read_shape([int(p) if is_digits(p) else p for p in split_axes(value.strip())], value)
    if not isinstance(value, (list, tuple)) or not (value or scalar):
        several = "a shape is written 3x224x224, in JSON [3, 224, 224]"
        help = f"a shape of one size is written [{value}]" if type(value) is int else several
        raise SpecError(f"{shown(value)} is not a shape", help, key="input")
    if len(value) > MOST_SIZES:
        raise SpecError(f"a shape of {len(value)} sizes", f"a shape has at most {MOST_SIZES} sizes", key="input")
    within = value if text is None else text
    return tuple([_read_size(size, within) for size in value])


def _read_size(value: object, within: object) -> Size:
    if value is None:
        return UNKNOWN
    if hasattr(value, "__index__") and not isinstance(value, bool):
        value = value.__index__()  # also NumPy's integers
    if type(value) is int:
        why = "a size is at least 1" if value < 1 else f"a size is at most {LARGEST:,}" if value > LARGEST else None
        if why is None:
            return value
        raise SpecError(f"{shown(value)} is not a size, in {shown(within)}", why, key="input")
    if isinstance(value, str) and is_letter(value):
        return Open(value)
    raise SpecError(
        f"{shown(value)} is not a size, in {shown(within)}",
        "a size is a whole number, or one letter (but not x) for an open size: 3x224x224, 3xHxW",
        key="input",
    )
