"""Expectations: what the figures of a spec must be. They are read here, and figures are compared with them.

"expect": {"out": "64xHxW", "params": 9472, "max_macs": "4.1G", "macs": "4.09G±1%", "min_rf": "100x90"}

In an expectation of the whole network, a key may name a layer, as in "conv1.out". On the command line a sign may
stand for the bound, as in `params<=50k`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any, NamedTuple

from ..errors import Path, SpecError, escaped, nearest, shown
from ..hints.table import kinds_named
from ..sizes import NOTHING_KNOWN, Open, Shape, is_digits, parse_shape, read_shape, show, to_json


class Figure(NamedTuple):
    """A figure of a report that can be expected."""

    code: str
    """The stable code of a finding about it."""
    slug: str
    is_shape: bool = False
    per_axis: bool = False
    """Whether it is a number for each axis."""
    in_bytes: bool = False
    """Whether it is a number of bytes, which needs a dtype."""


FIGURES = {
    "out": Figure("CC101", "output-shape", is_shape=True),
    "in": Figure("CC102", "input-shape", is_shape=True),
    "params": Figure("CC103", "parameters"),
    "weights": Figure("CC104", "weights"),
    "bias": Figure("CC105", "bias"),
    "buffers": Figure("CC106", "buffers"),
    "macs": Figure("CC107", "macs"),
    "fc_weights": Figure("CC108", "fully-connected-weights"),
    "local_weights": Figure("CC109", "locally-connected-weights"),
    "rf": Figure("CC110", "receptive-field-size", per_axis=True),
    "rf_size": Figure("CC110", "receptive-field-size", per_axis=True),
    "rf_stride": Figure("CC111", "receptive-field-stride", per_axis=True),
    "rf_start": Figure("CC112", "receptive-field-start", per_axis=True),
    "flops": Figure("CC114", "flops"),
    "memory": Figure("CC115", "memory", in_bytes=True),
    "param_bytes": Figure("CC116", "parameter-bytes", in_bytes=True),
}
FORBID = "forbid"
"""The key of the hints that must not be there."""
UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
BOUNDS = ("min_", "max_")
SIGNS = {"<=": "max_", "=<": "max_", "≤": "max_", ">=": "min_", "=>": "min_", "≥": "min_", "<": "max_", ">": "min_"}
"""The bound of each sign; the last two exclude the number itself."""
_SIGNED = re.compile(r"([^<>=≤≥!]*)(<=|=<|>=|=>|==|!=|[<>=≤≥])(.*)", re.DOTALL)
_TURNED = r"(?s)([^<>=≤≥]+)([<>]=?|[≤≥])([^<>=≤≥]+)(?:([<>]=?|[≤≥])([^<>=≤≥]+))?"
"""A figure between two bounds, or after one: `100M<params<140M`."""
_MIRRORED = str.maketrans("<>≤≥", "><≥≤")
_SEVERAL = re.compile(r"([^<>=≤≥]*),\s*([^,<>=≤≥]+[<>=≤≥].*)", re.DOTALL)

_MEANT = {"output": "out", "input": "in", "parameters": "params", "mac": "macs", "flop": "flops", "field": "rf"}
_MEANT |= {"receptive_field": "rf", "size": "param_bytes", "bytes": "param_bytes", "mem": "memory", "shape": "out"}
"""Other names of the figures."""


class Range(NamedTuple):
    """The accepted integers, both ends included; None means no bound."""

    low: int | None
    high: int | None

    def without_end(self) -> Range:
        """Return the range with its only bound excluded."""
        return Range(None if self.low is None else self.low + 1, None if self.high is None else self.high - 1)

    def holds(self, number: int) -> bool:
        """Return whether a number is in the range."""
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


class Expectation(NamedTuple):
    """One key of an `expect` object."""

    key: str
    """The key as written, with min_ or max_."""
    figure: str
    text: str
    """The expected value as written."""
    value: Any
    """The expected value as JSON: a number (without tolerance), a shape, a number for each axis, or names of hints."""
    layer: str | None = None
    """The name of the layer whose figure it is; None for the object that has the expectation."""
    bound: str = ""
    """`min_`, `max_`, or empty for the value itself."""
    excludes: bool = False
    """Whether the bound itself is excluded."""
    shape: Shape | None = None
    """The expected shape, with letters for any size; None for a number."""
    ranges: tuple[Range, ...] = ()
    """The accepted ranges of a number: one for all axes, or one for each."""
    is_typed: bool = False
    """Whether it comes from the command line rather than a spec."""


def read(value: Any, path: Path = (), named: bool = False) -> list[Expectation]:
    """Return the expectations of an `expect` object. Raise SpecError with the path of the key at fault.

    `named` says whether a key may name a layer. In a spec each layer has an `expect` of its own.
    """
    expectations = []
    for one in each(value, path, named):
        if isinstance(one, SpecError):
            raise one
        expectations.append(one)
    return expectations


def each(value: Any, path: Path = (), named: bool = False) -> Iterator[Expectation | SpecError]:
    """Yield each expectation of an `expect` object, or the error of its key, as `read` raises it."""
    if not isinstance(value, Mapping):
        yield SpecError(f"expect is {shown(value)}", 'write an object, for example {"out": "64x56x56"}', path=path)
        return
    for key, wanted in value.items():
        if not isinstance(key, str):
            yield SpecError(
                (f"there is no figure {shown(key)} to expect"), "a figure is a string, such as out", path=path
            )
            continue
        try:
            one = read_one(key, wanted)
        except SpecError as error:
            yield SpecError(error.what, error.help, path=(*path, key))
            continue
        if one.layer is not None and not named:
            help = "give the layer an expect of its own"
            yield SpecError(f"there is no figure {shown(key)} to expect", help, path=(*path, key))
        else:
            yield one


def is_expectation(text: str) -> bool:
    """Return whether a text has the form of an expectation, such as out=1000."""
    parts = _SIGNED.fullmatch(text)
    name = "" if parts is None else parts[1].strip().rpartition(".")[2]
    return name == FORBID or name.removeprefix("min_").removeprefix("max_") in FIGURES


def read_text(text: str) -> Expectation:
    """Read an expectation of the command line: `out=1000`, `max_params=26M`, `conv1.params<=50k`.

    White space around a sign is ignored. Raise SpecError if it is invalid.
    """
    parts = _SIGNED.fullmatch(text)
    if parts is None:
        key = text.strip() if is_expectation(f"{text}=") else "out"
        raise SpecError(f"--expect {shown(text)} has no value", f"write it as --expect {escaped(key)}=1000")
    key, sign, value = (part.strip() for part in parts.groups())
    several = _SEVERAL.fullmatch(value)
    if several is not None and is_expectation(several[2]):
        each_alone = [f"--expect {quote(escaped(one))}" for one in (key + sign + several[1], several[2])]
        help = f"write each on its own: {' '.join(each_alone)}"
        raise SpecError(f"--expect {shown(text)} has several expectations", help)
    turned = None if is_expectation(f"{key}=") else re.fullmatch(_TURNED, text)
    if turned is not None and is_expectation(f"{turned[3].strip()}="):
        low, first, figure, *second = [part.strip() for part in turned.groups() if part is not None]
        bounds = [f"{figure}{first.translate(_MIRRORED)}{low}", *([figure + "".join(second)] if second else [])]
        each_alone = [f"--expect {quote(escaped(one))}" for one in bounds]
        raise SpecError(f"--expect {shown(text)}: a figure comes first", f"write {' '.join(each_alone)}")
    if sign == "!=":
        raise SpecError(f"--expect {shown(text)}: it excludes a value instead of expecting one", "write = or a bound")
    layer, dot, figure = key.rpartition(".")
    wanted = _bracketed(key, value, figure) if value.endswith((")", "]")) else value
    if sign not in SIGNS:
        return read_one(key, wanted)
    if figure.startswith(BOUNDS):
        raise SpecError(f"--expect {shown(text)} has two bounds", f"write {escaped(key)}={escaped(value)}")
    if FIGURES.get(figure) is not None and FIGURES[figure].is_shape:
        raise SpecError(f"--expect {shown(text)}: {figure} is a shape", f"write {escaped(key)}={escaped(value)}")
    read = read_one(f"{layer}{dot}{SIGNS[sign]}{figure}", wanted)
    if sign not in "<>":
        return read
    return read._replace(ranges=tuple([one.without_end() for one in read.ranges]), excludes=True)


def _bracketed(key: str, text: str, figure: str) -> str | list[str]:
    """Return `16x32x32` for `(16, 32, 32)`, and the parts of `[3, 3]`.

    The shape of a single number has no parts: `[]`, `()` or `torch.Size([])`. Raise SpecError if it is not a shape.
    """
    if figure not in FIGURES or not FIGURES[figure].is_shape:
        return [part.strip() for part in text[1:-1].split(",")] if text[0] in "([" else text
    if text.replace(" ", "") in ("[]", "()", "torch.Size([])"):
        return []
    try:
        return show(parse_shape(text.replace('"', "")))
    except SpecError as error:
        raise SpecError(f"{key}: {error.what}", error.help) from None


def read_forbidden(key: str, wanted: Any, layer: str | None = None) -> Expectation:
    """Return the expectation that there are no such hints: one name, several separated by commas, a list, or `all`."""
    names = [name.strip() for name in wanted.split(",")] if isinstance(wanted, str) else wanted
    if not isinstance(names, (list, tuple)) or not names:
        raise SpecError(
            f"{key}: {shown(wanted)} names no hint", ("for example dropped-pixels, several separated by commas, or all")
        )
    try:
        kinds = tuple([kind.name for kind in kinds_named(names)])
    except SpecError as error:
        raise SpecError(f"{key}: {error.what}", error.help) from None
    return Expectation(key, FORBID, ",".join(names), kinds, layer)


def read_one(key: str, wanted: Any) -> Expectation:
    """Read one expectation, such as `max_params` and `26M`. Raise SpecError if it cannot be read."""
    layer, _, own = re.sub(r"\brf\.(size|stride|start)$", r"rf_\1", key).rpartition(".")
    if own == FORBID:
        return read_forbidden(key, wanted, layer or None)
    bound = next((b for b in BOUNDS if own.startswith(b)), "")
    name = own.removeprefix(bound)
    figure = FIGURES.get(name)
    if figure is None or (figure.is_shape and bound):
        raise _no_figure(own, bound, name)
    text = "x".join(map(_text_of, wanted)) if isinstance(wanted, (list, tuple)) else _text_of(wanted)
    if not figure.is_shape:
        numbers = [_with_tolerance(key, part, figure) for part in _parts(key, figure, wanted)]
        ends = [Range(None if bound == "max_" else low, None if bound == "min_" else high) for _, low, high in numbers]
        value = numbers[0][0] if len(numbers) == 1 else tuple([number for number, _, _ in numbers])
        return Expectation(key, name, text, value, layer or None, bound, ranges=tuple(ends))
    try:
        shape = read_shape([wanted] if type(wanted) is int else wanted, scalar=True)
    except SpecError as error:
        raise SpecError(f"{key}: {error.what}", error.help) from None
    return Expectation(key, name, text, tuple(to_json(shape) or ()), layer or None, shape=shape)


def _text_of(wanted: object) -> str:
    """Return a wanted value as it is written."""
    return wanted if isinstance(wanted, str) else shown(wanted)


def _no_figure(own: str, bound: str, name: str) -> SpecError:
    """Return the error for a key that names no figure, or bounds one that is a shape, with the nearest one."""
    if (meant := _MEANT.get(name.lower())) is not None:
        return SpecError(f"there is no figure {shown(own)} to expect", f"did you mean '{bound}{meant}'?")
    bounded = [one for one, what in FIGURES.items() if not what.is_shape]
    known = bounded if bound else [*FIGURES, FORBID, *(b + one for b in BOUNDS for one in bounded)]
    near = nearest(name, known, bound) if name not in FIGURES else f"did you mean '{name}'?"
    help = near or f"the figures are {', '.join(FIGURES)}, and min_, max_; of a layer: conv1.out"
    return SpecError(f"there is no figure {shown(own)} to expect", help)


def _parts(key: str, figure: Figure, wanted: Any) -> Any:
    """Return the value of each axis, or the only value. Raise SpecError for several values of a figure that has one."""
    parts: Any = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    if isinstance(wanted, str) and figure.per_axis:
        parts = wanted.replace("X", "x").replace("×", "x").split("x")  # a comma may group digits
    if not parts or (len(parts) > 1 and not figure.per_axis):
        raise SpecError(f"{key}: {shown(wanted)} is not one number", "only receptive fields have one value per axis")
    return parts


def _with_tolerance(key: str, part: Any, figure: Figure) -> tuple[float, int, int]:
    """Return the number that a value means, and the lowest and highest integers within its tolerance."""
    if figure.in_bytes and isinstance(part, str):
        part = part.strip().removesuffix("B")
    text, sign, tolerance = (part, "", "") if not isinstance(part, str) else part.replace("+-", "±").partition("±")
    number, scale = _number(key, text, part)
    value = number / scale if number % scale else number // scale
    if not sign:
        if number % scale:
            raise SpecError(f"{key}: {shown(part)} is not a whole number")
        return value, number // scale, number // scale
    share, share_scale = _number(key, tolerance.strip().removesuffix("%"), part)
    if share < 0:
        help = "a tolerance is the allowed distance on either side"
        raise SpecError(f"{key}: {shown(part)} has a tolerance below 0", help)
    if tolerance.strip().endswith("%"):
        share, share_scale = abs(number) * share, scale * share_scale * 100
    both = scale * share_scale
    low, high = number * share_scale - share * scale, number * share_scale + share * scale
    return value, -(-low // both), high // both


LARGEST = 10**100
"""The largest number that can be expected; products of sizes are hardly larger."""
LONGEST = 100
"""The most digits of an expected number written as text."""


_MEANT_UNITS = {"K": "k, or Ki for 1,024", "m": "M", "g": "G", "t": "T", "b": "G", "B": "G"}
"""Units that people type, and the right ones: B is a billion."""
_EXPONENT = r"\d+(?:\.\d+)?[eE]\+?\d\d?"
"""A number such as 6e4, which is not accepted: figures are integers, and units serve the purpose."""


def _number(key: str, text: Any, whole: Any) -> tuple[int, int]:
    """Return a number as an exact fraction: `4.09G` is 4090000000/1."""
    if not isinstance(text, (bool, float)) and hasattr(text, "__index__") and abs(int(text)) <= LARGEST:
        return int(text), 1
    if isinstance(text, float) and text.is_integer() and abs(text) <= LARGEST:
        return int(text), 1
    if isinstance(text, str):
        digits = text.strip()
        unit = next((u for u in sorted(UNITS, key=len, reverse=True) if digits.endswith(u)), "")
        before, _, after = digits.removesuffix(unit).strip().partition(".")
        sign = -1 if before.startswith("-") else 1
        before = _ungrouped(before.removeprefix("-"))
        if is_digits(before) and (not after or is_digits(after)) and len(before + after) < LONGEST:
            return sign * int(before + after) * UNITS.get(unit, 1), 10 ** len(after)
    slip = re.fullmatch(r"\s*([\d.,_]+) ?([KmgtbB])\s*", text) if isinstance(text, str) else None
    if slip is not None:
        raise SpecError(f"{key}: {shown(whole)} is not a number", f"write {slip[1]}{_MEANT_UNITS[slip[2]]}")
    help = f"for example 9472, 4.1G or 4.09G±1%; the units are {' '.join(UNITS)}"
    if isinstance(text, str) and re.fullmatch(_EXPONENT, text.strip()) and float(text).is_integer():
        help = f"write {str(whole).replace(text.strip(), f'{float(text):.0f}', 1)}"
    raise SpecError(f"{key}: {shown(whole)} is not a number", help)


def _ungrouped(digits: str) -> str:
    """Remove the separators between groups of three digits; any other comma stays and makes the number invalid."""
    groups = digits.replace("_", ",").split(",")
    grouped = 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    return "".join(groups) if grouped else digits


def holds(expectation: Expectation, actual: Any) -> bool:
    """Return whether a shape, a count, or a number for each axis is as expected; None is an unknown number."""
    if expectation.shape is not None:
        return matches(expectation.shape, actual)
    numbers = actual if isinstance(actual, list) else [actual]
    ranges = expectation.ranges * len(numbers) if len(expectation.ranges) == 1 else expectation.ranges
    if len(ranges) != len(numbers):
        what = f"{expectation.key}: {len(ranges)} numbers for {len(numbers)} axes"
        raise SpecError(what, "give one, or one per axis")
    return all(number is not None and one.holds(number) for one, number in zip(ranges, numbers, strict=True))


def matches(wanted: Shape, actual: Shape) -> bool:
    """Return whether a shape is the expected one; a letter stands for the same size everywhere."""
    letters: dict[str, object] = {}
    if len(wanted) != len(actual) or actual is NOTHING_KNOWN:
        return False
    for want, size in zip(wanted, actual, strict=True):
        if isinstance(want, Open) and want.letter is not None:
            if letters.setdefault(want.letter, size) != size:
                return False
        elif isinstance(want, int) and want != size:
            return False
    return True


def describe(expectation: Expectation) -> str:
    """Describe what is expected: `at most 26M`."""
    if expectation.shape is not None:
        return show(expectation.shape)
    words = ("more than ", "less than ") if expectation.excludes else ("at least ", "at most ")
    prefix = dict(zip(BOUNDS, words, strict=True)).get(expectation.bound, "")
    return prefix + expectation.text
