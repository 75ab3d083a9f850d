"""The figures of a receptive field on one axis, such as its centre and its share of padding."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from ..field import NOTHING, Field, Interval
from ..layers.base import AXIS_LETTERS, Fields
from ..network import INPUT
from ..sizes import Size, known
from .graph import Graph
from .reads import Space, space_of


class AxisFigures(NamedTuple):
    """The receptive field of a layer's units on one axis of the network's input."""

    letter: str
    """The axis's name, such as H or W."""
    field: Field
    units: Size
    """The number of units along the axis; 1 if they see the whole axis."""
    pixels: Size
    """The number of pixels of the input along the axis."""

    @property
    def centre(self) -> float | None:
        """The position of the middle of the first unit's field."""
        return None if self.first is None else middle(self.first)

    @property
    def first(self) -> Interval | None:
        """The first and last pixel of the first unit's field; None if it is unknown or empty."""
        spans = self.field.spans
        return None if spans is None or spans[0][0] == NOTHING else spans[0][0]

    @property
    def stride(self) -> int | Fraction | None:
        """The distance between neighbors in pixels, averaged over a period."""
        if self.field.phases is None:
            return self.field.stride
        mean = Fraction(self.field.advance, len(self.field.phases))
        return mean.numerator if mean.denominator == 1 else mean

    @property
    def padding(self) -> float | None:
        """The share of what all units see that lies outside the input; None if unknown."""
        spans, units, pixels = self.field.spans, known(self.units), known(self.pixels)
        return None if spans is None or units is None or pixels is None else _padding(*spans, units, pixels)


@lru_cache(maxsize=64)  # a layer's axes and the layers of a chain often have equal arguments
def _padding(phases: tuple[Interval, ...], advance: int, units: int, pixels: int) -> float | None:
    """Return the share of what `units` units see that lies outside `pixels` pixels; None if they see nothing."""
    inside = seen = 0
    for phase, (first, last) in enumerate(phases):
        turns = len(range(phase, units, len(phases)))
        if turns and (first, last) != NOTHING:
            seen += turns * (last - first + 1)
            inside += _inside(first, last, advance, turns, pixels)
    return round(1 - inside / seen, 6) if seen else None


def middle(span: Interval) -> float:
    """Return the middle of an interval of pixels."""
    return number(sum(span), 2)


def number(numerator: int, denominator: int) -> float:
    """Return a quotient, as an int if it is an integer or too large for a float to have a fraction."""
    whole, rest = divmod(numerator, denominator)
    return numerator / denominator if rest and abs(whole) < WHOLE_FROM else whole


WHOLE_FROM = 1 << 53


def _inside(first: int, last: int, advance: int, turns: int, pixels: int) -> int:
    """Return how many of the pixels `first` to `last`, moved by `advance` each turn, are from 0 to `pixels` - 1."""
    if advance < 0:
        return _inside(first + advance * (turns - 1), last + advance * (turns - 1), -advance, turns, pixels)
    whole = turns * (last - first + 1)
    before = _below(first, advance, turns) - _below(last + 1, advance, turns)
    after = _below(pixels - 1 - last - advance * (turns - 1), advance, turns)
    after -= _below(pixels - first - advance * (turns - 1), advance, turns)
    return whole - before - after


def _below(start: int, advance: int, turns: int) -> int:
    """Return the sum over all turns of how far `start`, moved by `advance` each turn, is below 0."""
    if start >= 0:
        return 0
    count = turns if advance == 0 else min(turns, -(start // advance))
    return -start * count - advance * count * (count - 1) // 2


def axis_figures(graph: Graph, at: int, fields: Fields, source: int) -> tuple[AxisFigures, ...]:
    """Return the figures of a layer's `fields` on each axis of an earlier layer, or of the input."""
    pixels, space = graph.space(source).shape, space_of(fields, graph.sample(at))
    letters = axis_letters(len(pixels))
    rows = enumerate(zip(letters, fields.of, pixels, strict=False))
    return tuple([AxisFigures(letter, field, units_along(space, axis), n) for axis, (letter, field, n) in rows])


def axis_letters(number: int) -> tuple[str, ...]:
    """Return the names of this many axes: H and W."""
    return tuple(AXIS_LETTERS.get(number) or [f"{at}" for at in range(1, number + 1)])


def units_along(space: Space, along: int) -> Size:
    """Return the number of units along an axis of the input; 1 if they see the whole axis."""
    return next((size for size, axis in zip(space.sizes, space.axes, strict=True) if axis == along), 1)


def letters_of(graph: Graph, at: int) -> list[str | None]:
    """Return the letter of the input's axis that each axis of a layer's units runs along; None for several."""
    space = graph.space(at)
    letters = axis_letters(len(graph.space(INPUT).places))
    axes = [space.axes[place] for place in space.places]
    return [letters[axis] if type(axis) is int else None for axis in axes]
