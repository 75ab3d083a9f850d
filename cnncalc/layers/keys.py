"""Readers of keys: a small function for each kind of value, from JSON (or a layer word as JSON) to what layers hold.

Each takes the value and the layer's number of axes (None if its input decides). It raises SpecError without the key,
which the caller adds. `takes` registers what each reader accepts, for the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from typing import Any, TypeVar

from ..dialects import PADDING_WORDS
from ..errors import SpecError, nearest, shown
from ..sizes import LARGEST, MOST_SIZES, is_digits, read_shape, split_axes, to_json

Axes = int | tuple[int, ...]
"""One number for all axes, or one per axis."""
Pair = tuple[int, int]
Sides = int | str | tuple[int | Pair, ...]
"""Padding: one number, a word, or a number or (before, after) per axis; a single pair stands for all axes."""
Reader = Callable[[object, int | None], object]
Schema = dict[str, Any]
Form = Callable[[int | None], Schema]
"""A function from a number of axes to the JSON Schema of what a reader accepts; null (not given) is left out."""
R = TypeVar("R", bound=Reader)
T = TypeVar("T", int, int | None, int | float | None)

FORMS: dict[Reader, tuple[str, Form]] = {}
"""The name and the form of each reader. A form is only computed when needed."""
WORDS: dict[Reader, tuple[str, ...]] = {}
"""The words of each reader made by `one_of`."""


def takes(name: str, form: Form) -> Callable[[R], R]:
    """Return a decorator that registers the form of a reader."""

    def note(reader: R) -> R:
        FORMS[reader] = name, form
        return reader

    return note


def whole_form(least: int = 1, most: int = LARGEST) -> Schema:
    """Return the form of an integer from `least` to `most`."""
    return {"type": "integer", "minimum": least, "maximum": most}


def axes_form(one: Schema, nd: int | None, entry: Schema | None = None) -> Schema:
    """Return the form of one value for all axes, or a list with an entry per axis."""
    lengths = {"minItems": 1} if nd is None else {"minItems": nd, "maxItems": nd}
    return {**one, "type": [one["type"], "array"], "items": entry or one, **lengths}


def words_form(words: Iterable[str]) -> Schema:
    """Return the form of one of these words: listed as written here, accepted in any case."""
    words = list(words)
    return {"anyOf": [{"enum": words}, {"type": "string", "pattern": f"^{any_case(words)}$"}]}


def any_case(words: Iterable[str]) -> str:
    """Return a regular expression for these words in any case, valid in ECMAScript and Python."""
    spelled = ["".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word.lower()) for word in words]
    return f"({'|'.join(spelled)})"


def whole(value: object, least: int = 1) -> int:
    """Read an integer of at least `least`."""
    if type(value) is int and least <= value <= LARGEST:
        return value
    number = value.__index__() if hasattr(value, "__index__") else None  # also NumPy's integers
    if number is None or isinstance(value, bool):
        raise SpecError(f"{shown(value)} is not a whole number", _whole_help(value))
    if number < least:
        raise SpecError(f"{shown(number)} is too small: the minimum is {least}")
    if number > LARGEST:
        raise SpecError(f"{shown(number)} is too large: the maximum is {LARGEST:,}")
    return int(number)


def _whole_help(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return f"write {int(value)}"
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return f"write it without quotes: {value[:20]}"
    if isinstance(value, str) and len(value) == 1 and value.isalpha():
        return "give a number: a letter can only stand for a size of the input"
    return None


def at_least(least: int) -> Reader:
    """Return the reader of an integer of at least `least`."""

    @takes(f"whole-from-{least}", lambda _: whole_form(least))
    def read(value: object, nd: int | None) -> int:
        return whole(value, least)

    return read


@takes("space-axes", lambda _: whole_form(0, MOST_SIZES - 1))
def space_axes(value: object, nd: int | None) -> int:
    """Read a number of spatial axes: a sample also has channels."""
    number = whole(value, 0)
    if number > MOST_SIZES - 1:
        raise SpecError(f"{number} is too large: the maximum is {MOST_SIZES - 1}")
    return number


def per_axis(least: int) -> Reader:
    """Return the reader of an integer, or one per axis."""
    return one_or_each(f"axes-from-{least}", lambda value: whole(value, least), whole_form(least))


def one_or_each(name: str, read_one: Callable[[object], object], one: Schema, null: bool = False) -> Reader:
    """Return the reader of one value for all axes, or a list with one per axis; with `null`, entries may be null."""

    @takes(name, lambda nd: axes_form(one, nd, {**one, "type": [one["type"], "null"]} if null else one))
    def read(value: object, nd: int | None) -> object:
        if isinstance(value, (list, tuple)):
            values = tuple([None if null and entry is None else read_one(entry) for entry in value])
            check_axes(len(values), nd)
            return values
        return read_one(value)

    return read


def check_axes(given: int, nd: int | None) -> None:
    """Raise SpecError unless there is one entry per axis."""
    if given != (nd or max(given, 1)):
        axes = "one axis" if nd == 1 else f"{nd} axes" if nd else "at least one axis"
        raise SpecError(
            f"{given} number{'s' * (given != 1)} for {axes}", "one number stands for all axes, or give one per axis"
        )


def _sides_form(nd: int | None, least: int = 0) -> Schema:
    one = whole_form(least)
    numbers = axes_form(one, nd, axes_form(one, 2)) | {"minItems": 1}
    if nd is not None and nd > 1:  # a single pair stands for all axes, a single number does not
        numbers |= {"if": {"minItems": 2}, "then": {"minItems": nd}, "else": {"items": {"type": "array"}}}
    listed = {"enum": [word for word in PADDING_WORDS if word != "causal" or nd == 1]}
    words = {"anyOf": [listed, *words_form(PADDING_WORDS)["anyOf"][1:]]}
    # the branch by type gives each type its own message; the list beside it is what editors suggest
    return {"anyOf": [{"if": {"type": "string"}, "then": words, "else": numbers}, listed]}


def sides_from(name: str, least: int) -> Reader:
    """Return the reader of a padding of at least `least`: a number, one per axis, [before, after] pairs, or a word."""

    @takes(name, lambda nd: _sides_form(nd, least))
    def read(value: object, nd: int | None) -> Sides:
        if type(value) is int:
            return whole(value, least)
        if isinstance(value, str):
            if value.lower() in PADDING_WORDS:
                return value.lower()
            hint = nearest(value, PADDING_WORDS) or f"the words are {' '.join(PADDING_WORDS)}"
            raise SpecError(f"unknown padding {shown(value)}", hint)
        if isinstance(value, (list, tuple)):
            if len(value) == 1 and isinstance(value[0], (list, tuple)):
                return (_side(value[0], least),)
            if nd == 1 and len(value) == 2 and all(type(v) is int for v in value):
                raise SpecError(
                    f"{shown(value)} is two numbers for one axis", f"for before and after write [{shown(value)}]"
                )
            check_axes(len(value), nd)
            return tuple([_side(v, least) for v in value])
        raise SpecError(
            f"{shown(value)} is not a padding", ("give a number, one per axis, [[before, after], ...] or a word")
        )

    return read


def onnx_pads(value: object, nd: int | None) -> list[list[object]]:
    """Return ONNX's pads, the begins of all axes and then their ends, as [before, after] per axis."""
    if not isinstance(value, (list, tuple)) or len(value) % 2 or len(value) != 2 * (nd or len(value) // 2) or not value:
        raise SpecError(f"{shown(value)} is not ONNX's pads", "first the begins of all axes, then their ends")
    half = len(value) // 2
    return [[before, after] for before, after in zip(value[:half], value[half:], strict=True)]


def _side(value: object, least: int) -> int | Pair:
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise SpecError(f"{shown(value)} is not a pair", "padding is [before, after] on an axis")
        return whole(value[0], least), whole(value[1], least)
    return whole(value, least)


sides = sides_from("padding", 0)
"""A padding: a number, one per axis, [before, after] pairs, or a word."""
signed_sides = sides_from("signed-padding", -LARGEST)
"""A padding whose negative numbers remove units."""


@takes("flag", lambda _: {"type": "boolean"})
def flag(value: object, nd: int | None) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    raise SpecError(f"{shown(value)} is not true or false")


def number_form() -> Schema:
    """Return the form of any finite number."""
    return {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}


@takes("number", lambda _: number_form())
def number(value: object, nd: int | None) -> int | float:
    """Read any finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpecError(f"{shown(value)} is not a number")
    if not -LARGEST <= value <= LARGEST:  # also NaN
        raise SpecError(f"{shown(value)} is not a finite number of at most {LARGEST:,}")
    return value


def one_of(*words: str) -> Reader:
    """Return the reader of one of these words, in any case."""

    @takes(f"words-{words[0]}-to-{words[-1]}", lambda _: words_form(words))
    def read(value: object, nd: int | None) -> str:
        if isinstance(value, str) and value.lower() in words:
            return value.lower()
        hint = nearest(value, words) if isinstance(value, str) else None
        raise SpecError(f"unknown word {shown(value)}", hint or f"choose one of {' '.join(words)}")

    WORDS[read] = words
    return read


@takes("integer", lambda _: whole_form(-LARGEST))
def integer(value: object, nd: int | None) -> int:
    """Read an integer of either sign."""
    if type(value) is not int or abs(value) > LARGEST:
        raise SpecError(f"{shown(value)} is not a whole number")
    return value


@takes("integers", lambda _: {**axes_form(whole_form(-LARGEST), None), "minItems": 0})
def integers(value: object, nd: int | None) -> tuple[int, ...]:
    """Read an integer of either sign, or a list of them."""
    if isinstance(value, str) and all(is_digits(part.removeprefix("-")) for part in split_axes(value)):
        raise SpecError(f"{shown(value)} is not a list of numbers", f"write [{','.join(split_axes(value))}]")
    return tuple([integer(one, nd) for one in (value if isinstance(value, (list, tuple)) else [value])])


@takes("step", lambda _: {**whole_form(-LARGEST), "not": {"const": 0}})
def step(value: object, nd: int | None) -> int:
    """Read a step: any integer except 0."""
    number = integer(value, nd)
    if number == 0:
        raise SpecError("0 is not a step", "a step is 1 or more, or negative to go backwards")
    return number


Nested = int | tuple["Nested", ...]
"""A number, or a list of numbers or lists."""
MOST_NESTED = 4
"""The deepest nesting of a list of indices."""


def _indices_form() -> Schema:
    forms = [whole_form(-LARGEST)]
    while len(forms) <= MOST_NESTED:
        forms.append({"type": "array", "minItems": 1, "items": forms[-1]})
    return {"type": ["integer", "array"], "anyOf": forms}


@takes("indices", lambda _: _indices_form())
def indices(value: object, nd: int | None) -> Nested:
    """Read an integer of either sign, a list of integers, or nested lists of equal lengths."""
    if not isinstance(value, (list, tuple)):
        return integer(value, nd)
    if not value:
        raise SpecError("the list of indices is empty", "give at least one")
    if set(map(type, value)) == {int} and max(map(abs, value)) <= LARGEST:
        return tuple(value)  # there may be 50,000 of them
    read = tuple([indices(one, nd) for one in value])
    if len({nested_shape(one) for one in read}) > 1:
        raise SpecError(f"{shown(value)} holds lists of different lengths")
    if len(nested_shape(read)) > MOST_NESTED:
        raise SpecError(f"indices are nested lists, at most {MOST_NESTED} deep")
    return read


def nested_shape(value: Nested) -> tuple[int, ...]:
    """Return the lengths of a list, of the lists in it, and so on; () for a number."""
    return (len(value), *nested_shape(value[0])) if isinstance(value, tuple) else ()


def leaves(value: Nested) -> Iterator[int]:
    """Yield the numbers of a nested list, in order."""
    if isinstance(value, tuple):
        for one in value:
            yield from leaves(one)
    else:
        yield value


@takes("axis", lambda _: {"type": "integer", "minimum": -32, "maximum": 32})
def axis(value: object, nd: int | None) -> int:
    """Read an axis: the batch is 0, and -1 is the last."""
    if type(value) is int and -32 <= value <= 32:
        return value
    raise SpecError(f"{shown(value)} is not an axis", "an axis is a whole number: the batch is 0, the last is -1")


KEEP = "keep"
"""Rounding up without the last-window rule, as in Caffe's pools without padding."""


@takes("rounding", lambda _: {"anyOf": [{"type": "boolean"}, {"const": KEEP}]})
def rounding(value: object, nd: int | None) -> bool | str:
    """Read true (round up), false (round down), or keep (round up and keep every window)."""
    if isinstance(value, bool) or value == KEEP:
        return value
    raise SpecError(f"{shown(value)} is not true, false or {KEEP}")


WORDS[rounding] = ("true", "false", KEEP)


@takes("from-0", lambda _: {**number_form(), "minimum": 0})
def not_negative(value: object, nd: int | None) -> int | float:
    """Read a number of at least 0."""
    least = number(value, nd)
    if least < 0:
        raise SpecError(f"{shown(value)} is too small: the minimum is 0")
    return least


LEAST_DIVISOR = 2.0**-126
"""The smallest normal number of float32: smaller ones may have no reciprocal."""


@takes(
    "divisor",
    lambda _: {**number_form(), "not": {"exclusiveMinimum": -LEAST_DIVISOR, "exclusiveMaximum": LEAST_DIVISOR}},
)
def divisor(value: object, nd: int | None) -> int | float:
    """Read a divisor: a norm's power, whose root is 1/power, or the alpha of a CELU."""
    below = number(value, nd)
    if abs(below) < LEAST_DIVISOR:
        raise SpecError(f"{shown(value)} is 0, or nearly: the layer divides by this number")
    return below


@takes("rate", lambda _: {"type": "number", "minimum": 0, "maximum": 1})
def rate(value: object, nd: int | None) -> float:
    """Read a fraction from 0 to 1."""
    share = number(value, nd)
    if not 0 <= share <= 1:
        raise SpecError(f"{shown(value)} is not a rate", "a rate is from 0 to 1")
    return share


@takes("groups", lambda _: {**whole_form(-1), "not": {"const": 0}})
def groups(value: object, nd: int | None) -> int:
    """Read a number of groups; -1 is one for each channel (Keras)."""
    return -1 if value == -1 and type(value) is int else whole(value)


def _factor(value: object) -> int | float:
    factor = number(value, None)
    if factor < LEAST_DIVISOR or not isfinite(factor):
        raise SpecError(f"{shown(value)} is not a factor", "a factor is above 0")
    return int(factor) if isinstance(factor, float) and factor.is_integer() else factor


factors = one_or_each("factors", _factor, {**number_form(), "minimum": LEAST_DIVISOR})
"""A positive factor for all axes, or one per axis."""
numbers = one_or_each("numbers", lambda value: number(value, None), number_form())
"""A number, or one for each channel."""
wanted_sizes = one_or_each("sizes", whole, whole_form(), null=True)
"""An adaptive pool's output sizes: one for all axes, or one per axis, null to keep an axis as it is."""


@takes("nested-layers", lambda _: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/layer"}})
def nested(value: object, nd: int | None) -> object:
    """Read a list of layers, which the spec's reader reads and wires later."""
    if isinstance(value, (list, tuple)) and value:
        return value
    raise SpecError(f"{shown(value)} is not a list of layers", 'as [{"op": "relu"}]')


def shape_form(nd: int | None) -> Schema:
    """Return the form of a shape: a list of sizes, or a text."""
    size = {**whole_form(), "type": ["integer", "string", "null"], "pattern": "^[A-WYZa-wyz]$"}
    return {"type": ["string", "array"], "pattern": SHAPE, "items": size, "minItems": 1, "maxItems": MOST_SIZES}


_SIZE = "(0*[1-9][0-9]{0,18}|[A-WYZa-wyz])"
SHAPE = f"^ *{_SIZE}([xX×,]{_SIZE}){{0,{MOST_SIZES - 1}}} *$"


@takes("whole-shape", lambda nd: {**shape_form(nd), "minItems": 0})
def sizes(value: object, nd: int | None) -> tuple[int | str | None, ...]:
    """Read a shape without the batch from JSON: sizes are numbers, letters or null; [] is a single number."""
    return tuple(to_json(read_shape(value, scalar=True)) or ())


@takes("text", lambda _: {"type": "string", "maxLength": 255})
def text(value: object, nd: int | None) -> str:
    """Read any printable text."""
    if isinstance(value, str) and value.isprintable() and len(value) <= 255:
        return value
    raise SpecError(f"{shown(value)} is not printable text of at most 255 characters")


def spread(value: T | tuple[T, ...], nd: int) -> tuple[T, ...]:
    """Return one value per axis."""
    if not isinstance(value, tuple):
        return (value,) * nd
    check_axes(len(value), nd)
    return value


def spread_sides(value: Sides, nd: int) -> tuple[Pair, ...]:
    """Return one (before, after) per axis from a padding in numbers."""
    assert not isinstance(value, str)
    if isinstance(value, int):
        return ((value, value),) * nd
    if len(value) == 1 and isinstance(value[0], tuple):
        value = value * nd
    check_axes(len(value), nd)
    return tuple([(v, v) if isinstance(v, int) else v for v in value])
