"""A window step by step: what each step of a convolution or a pool reads, computes and writes.

A step of a sliding window makes one output. A step of a transposed convolution spreads one input over a window of the
output. Channels come first here, whatever the layout. A place has an index for each spatial axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import inf, isnan, prod
from typing import NamedTuple

from .layers import ConvKind
from .layers.base import StepKind
from .report import LayerReport
from .sizes import NOTHING_KNOWN

Number = int | float
Place = tuple[int, ...]
Values = Callable[[int, Place], Number]
"""A function that returns a map's value at a channel and a place."""
Kernel = Callable[[int, int, Place], Number]
"""A function that returns a weight by output channel, input channel (counted within its group) and tap."""
SMALL = 100
"""The bound below which made-up values stay."""


class AxisWindow(NamedTuple):
    """The window on one axis."""

    n: int
    out: int
    k: int | None = None
    """The number of taps; None if the sizes of input and output determine the window."""
    s: int = 1
    d: int = 1
    pb: int = 0
    pa: int = 0

    @property
    def taps(self) -> int:
        """The largest number of cells of a window."""
        return self.k or -(-self.n // max(1, self.out)) + 1

    @property
    def extent(self) -> int:
        """The places that a window spans, those between its cells included."""
        return (self.taps - 1) * self.d + 1

    def cells(self, step: int) -> list[tuple[int, int]]:
        """Return the taps of a step's window, each with its place, which is outside the map for padding."""
        if self.k is None:
            first, end = step * self.n // self.out, -(-(step + 1) * self.n // self.out)
            return [(place - first, place) for place in range(first, end)]
        return [(tap, step * self.s - self.pb + tap * self.d) for tap in range(self.k)]

    @property
    def overhang(self) -> int:
        """How far the last window reaches beyond the padding if the output's size is rounded up."""
        return max(0, self.cells(self.out - 1)[-1][1] + 1 - self.n - self.pa) if self.out else 0


class Window(NamedTuple):
    """A layer whose window moves over a map step by step."""

    kind: StepKind
    axes: tuple[AxisWindow, ...]
    c_i: int
    c_o: int
    groups: int
    is_flipped: bool = False
    counts_padding: bool = False
    """Whether an average counts the padding."""

    @property
    def spreads(self) -> bool:
        """Whether a step spreads one input over a window of the output."""
        return self.kind is StepKind.SPREAD

    @property
    def grid(self) -> Place:
        """The number of steps on each axis."""
        return tuple([axis.n if self.spreads else axis.out for axis in self.axes])

    @property
    def total(self) -> int:
        """The number of steps."""
        return prod(self.grid)

    def place(self, number: int) -> Place:
        """Return the place of step `number`, counted from 0: that of its output, or of the input it spreads."""
        place = []
        for size in reversed(self.grid):
            number, index = divmod(number, size)
            place.append(index)
        return tuple(place[::-1])

    def cells(self, step: Place) -> list[tuple[Place, Place]]:
        """Return the taps of a step's window, each with its place in the map under the window."""
        by_axis = []
        for axis, one in zip(self.axes, step, strict=True):
            last = (axis.k or 0) - 1
            by_axis.append([(last - tap if self.is_flipped else tap, place) for tap, place in axis.cells(one)])
        return [_paired(own) for own in product(*by_axis)]

    def writers(self, place: Place, step: Place) -> list[tuple[Place, Place]]:
        """Return the taps with which a transposed window adds to an output place, each with its step.

        Steps after `step` on the first axis are left out.
        """
        by_axis = []
        for number, (axis, at) in enumerate(zip(self.axes, place, strict=True)):
            reach = [(tap, at + axis.pb - tap * axis.d) for tap in range(axis.k or 0)]
            last = (axis.k or 0) - 1
            own = [(last - tap if self.is_flipped else tap, one // axis.s) for tap, one in reach if not one % axis.s]
            end = axis.n if number else step[0] + 1
            by_axis.append([(tap, one) for tap, one in own if 0 <= one < end])
        return [_paired(own) for own in product(*by_axis)]

    def is_inside(self, place: Place) -> bool:
        """Return whether a place lies in the map under the window, not in its padding or in what is cut off."""
        sizes = [axis.out if self.spreads else axis.n for axis in self.axes]
        return all(0 <= at < size for at, size in zip(place, sizes, strict=True))

    @property
    def products(self) -> int:
        """The number of products of a step; for a transposed window, with those added earlier where it writes."""
        before = prod([min(-(-axis.taps // axis.s), axis.n) for axis in self.axes]) if self.spreads else 1
        return self.c_i // self.groups * prod([axis.taps for axis in self.axes]) * before

    def inputs(self, channel: int) -> list[int]:
        """Return the input channels that an output channel depends on."""
        each = self.c_i // self.groups
        group = channel * self.groups // self.c_o
        return [*range(group * each, (group + 1) * each)]

    def is_counted(self, place: Place) -> bool:
        """Return whether an average counts a place: in the input, or also in the padding, but never beyond it."""
        if not self.counts_padding:
            return self.is_inside(place)
        return all(at < axis.n + axis.pa for at, axis in zip(place, self.axes, strict=True))

    def divisor(self, step: Place) -> int:
        """Return the number of cells that an average is taken over."""
        return sum(self.is_counted(place) for _, place in self.cells(step))


def window_of(layer: LayerReport) -> Window | None:
    """Return the window of a layer; None if it has none that can be shown step by step, or if a size is open."""
    if NOTHING_KNOWN in (layer.sample, layer.traced.out):
        return None
    values, last = layer.values, layer.env.channels_last
    x, out = [shape[-1:] + shape[:-1] if last else shape for shape in (layer.sample, layer.traced.out)]
    sizes = [n for n in (*x, *out) if isinstance(n, int)]
    kind = layer.node.layer.STEP
    if kind is None or len(sizes) < len(x) + len(out):
        return None
    (c_i, *space), (c_o, *made) = sizes[: len(x)], sizes[len(x) :]
    made = made or [1] * len(space)  # a global pool that drops its axes
    if "k" in values:
        rows = zip(space, made, values["k"], values["s"], values["d"], values["p"], strict=True)
        axes = [AxisWindow(n, o, k, s, d, *p) for n, o, k, s, d, p in rows]
    else:
        axes = [AxisWindow(n, o) for n, o in zip(space, made, strict=True)]
    is_alone = layer.node.layer.CONVOLUTION in (None, ConvKind.DEPTHWISE)
    groups = c_i if is_alone else values["g"]
    return Window(kind, tuple(axes), c_i, c_o, groups, bool(values.get("flip")), bool(values.get("count_include_pad")))


class Term(NamedTuple):
    """A value that a step reads, and the weight it is multiplied by; 1 for a pool."""

    x: Number | None
    """The value; None for padding that is left out: all of it for a maximum, what is not counted for an average."""
    weight: Number = 1


class Filled(NamedTuple):
    """A window with its values."""

    window: Window
    x: Values
    kernel: Kernel
    bias: Callable[[int], Number]
    made_up: tuple[str, ...] = ()
    """Which values are made up: `input`, `kernel`."""

    def terms(self, channel: int, step: Place) -> list[tuple[int, list[Term]]]:
        """Return what a step of a sliding window reads for an output channel: the terms of each input channel."""
        window, is_sum = self.window, self.window.kind is StepKind.SUM
        cells = []
        for tap, place in window.cells(step):
            is_inside = window.is_inside(place)
            is_zero = not is_inside and (is_sum or (window.kind is StepKind.MEAN and window.is_counted(place)))
            cells.append((tap, place, is_inside, 0 if is_zero else None))
        found = []
        for at, c in enumerate(window.inputs(channel)):
            read = [(tap, self.x(c, place) if is_inside else beside) for tap, place, is_inside, beside in cells]
            found.append((c, [Term(x, self.kernel(channel, at, tap) if is_sum else 1) for tap, x in read]))
        return found

    def output(self, channel: int, step: Place) -> Number:
        """Return the output of a step of a sliding window in an output channel."""
        terms = [term for _, own in self.terms(channel, step) for term in own]
        seen = [term.x for term in terms if term.x is not None]
        if self.window.kind is StepKind.MAX:
            return next(filter(isnan, seen), max(seen, default=-inf))  # NaN wins
        if self.window.kind is StepKind.MEAN:
            return sum(seen) / self.window.divisor(step)
        return sum([(term.x or 0) * term.weight for term in terms]) + self.bias(channel)

    def written(self, channel: int, place: Place, step: Place) -> Number:
        """Return the value at a place of an output channel after this step of a transposed window."""
        inputs = list(enumerate(self.window.inputs(channel)))
        writers = [(tap, one) for tap, one in self.window.writers(place, step) if one <= step]
        terms = [self.x(c, one) * self.kernel(channel, at, tap) for tap, one in writers for at, c in inputs]
        return sum(terms) + self.bias(channel)

    def spread(self, channel: int, step: Place) -> dict[Place, list[tuple[int, Term]]]:
        """Return what a step of a transposed window adds at each place of an output channel, by input channel."""
        inputs = [(at, c, self.x(c, step)) for at, c in enumerate(self.window.inputs(channel))]
        return {
            place: [(c, Term(x, self.kernel(channel, at, tap))) for at, c, x in inputs]
            for tap, place in self.window.cells(step)
        }


def made_up(window: Window) -> Filled:
    """Return a window filled with small integers: the input and each kernel count from 0, further channels from 1."""

    def x(channel: int, place: Place) -> Number:
        return (_index(place, [axis.n for axis in window.axes]) + channel) % SMALL

    def kernel(channel: int, c: int, tap: Place) -> Number:
        return (_index(tap, [axis.k or 1 for axis in window.axes]) + channel + c) % SMALL

    has_kernel = window.kind in (StepKind.SUM, StepKind.SPREAD)
    return Filled(window, x, kernel, lambda _: 0, ("input", "kernel") if has_kernel else ("input",))


def _paired(cells: Sequence[tuple[int, int]]) -> tuple[Place, Place]:
    """Return a cell's tap and its place, each with an index per axis."""
    return tuple([tap for tap, _ in cells]), tuple([place for _, place in cells])


def _index(place: Place, sizes: Sequence[int]) -> int:
    """Return the index of a place in its map, counted row by row."""
    number = 0
    for at, size in zip(place, sizes, strict=True):
        number = number * size + at
    return number
