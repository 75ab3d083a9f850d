"""Columns (im2col): the windows of the input that a part of a sliding layer's output sees, one column each.

Everything here works on views with the channels first, of any strides: x (N, c_i, *space), out (N, c_o, *out).
On an axis with kernel k, stride s, dilation d and padding pb before, output u sees the inputs u*s + i*d - pb,
i = 0 … k-1; what is outside of x is zero.

The columns are copied from the input itself if nothing is padded and the stride is 1. Otherwise they are copied from
`planes`: the input with the zeros around it, with every s-th unit of an axis side by side. The values that a tap sees
are then contiguous in a plane, and are copied at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import gcd, prod
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..task import Array, Dtype, Place
from ..threads import buffer

PIECE = 1 << 20
"""The bytes that are copied before some of them are set to zero: as many as a core's own cache holds."""
MOST_PHASES = 64
"""The most phases of the input, one plane each; with more, planes would be too small to copy."""
LEAST_POSITIONS = 256
"""The fewest positions of a map that gets its own matrix product; smaller maps share one."""

Index = tuple[slice | int, ...]
EVERY = slice(None)


def broadcast_bias(bias: Array | None, nd: int) -> Array | int:
    """Return a bias shaped to broadcast to an array (N, c_o, *space) with `nd` spatial axes; 0 without a bias."""
    return 0 if bias is None else bias.reshape(-1, *(1,) * nd)


class Windows(NamedTuple):
    """The windows of a sliding layer, one entry per axis; the padding after follows from the output's size."""

    k: tuple[int, ...]
    s: tuple[int, ...]
    d: tuple[int, ...]
    pb: tuple[int, ...]

    def at(self, begin: tuple[int, ...]) -> Windows:
        """Return the windows, counted from this position on."""
        return self._replace(pb=tuple([pb - u * s for pb, u, s in zip(self.pb, begin, self.s, strict=True)]))

    def only(self, cells: Sequence[range]) -> Windows:
        """Return the windows restricted to some of the kernel's cells."""
        pads = [pb - some.start * d for pb, some, d in zip(self.pb, cells, self.d, strict=True)]
        return self._replace(k=tuple(map(len, cells)), pb=tuple(pads))


@lru_cache(maxsize=1024)
def seeing(windows: Windows, space: tuple[int, ...], size: tuple[int, ...]) -> tuple[range, ...]:
    """Return the kernel's cells on each axis, without those at the ends through which no output sees the input."""
    return tuple([_cells(*axis) for axis in zip(space, *windows, size, strict=True)])


def _cells(n: int, k: int, s: int, d: int, pb: int, size: int) -> range:
    """Return the cells of one axis from the first to the last through which an output sees the input; at least one."""
    first = min(max(-(((size - 1) * s - pb) // d), 0), k - 1)
    return range(first, max(min((n - 1 + pb) // d, k - 1), first) + 1)


@lru_cache(maxsize=1024)
def seeing_outputs(windows: Windows, space: tuple[int, ...], size: tuple[int, ...]) -> tuple[range, ...]:
    """Return the outputs on each axis, without those at the ends whose window contains only padding."""
    return tuple([reached(*axis) for axis in zip(space, *windows, size, strict=True)])


def reached(n: int, k: int, s: int, d: int, pb: int, size: int) -> range:
    """Return the outputs of one axis from the first to the last whose window meets the input."""
    first = min(max(-(((k - 1) * d - pb) // s), 0), size)
    return range(first, max(min((n - 1 + pb) // s + 1, size), first))


@lru_cache(maxsize=4096)
def taps(n: int, k: int, s: int, d: int, pb: int, size: int) -> tuple[tuple[int, slice, slice], ...]:
    """Return the cells of one axis through which any of `size` outputs sees the input, with those outputs and inputs.

    The time depends on the number of such cells, not on the kernel's size.
    """
    between = _cells(n, k, s, d, pb, size)
    cells: Iterable[int] = between
    if len(between) > size * (n // d + 1):  # few outputs: take the cells of each
        each = [_cells(n, k, s, d, pb - u * s, 1) for u in reached(n, k, s, d, pb, size)]
        cells = sorted(set().union(*each))
    found = [(cell, *overlap(n, cell * d - pb, s, size)) for cell in cells]
    return tuple([tap for tap in found if tap[1].start < tap[1].stop])


def overlap(n: int, origin: int, s: int, size: int) -> tuple[slice, slice]:
    """Return which of `size` units (unit u is at origin + u*s) are on an axis of n inputs, and these inputs."""
    first = min(max(-(origin // s), 0), size)
    end = max(min(size, (n - 1 - origin) // s + 1), first)
    start = origin + first * s
    return slice(first, end), slice(start, start + (end - first - 1) * s + 1, s) if end > first else slice(0, 0)


class Shapes(NamedTuple):
    """The shapes of a convolution's arrays, for estimates and for choosing how to compute it."""

    x: tuple[int, ...]
    """(N, c_i, *space)."""
    weight: tuple[int, ...]
    """(c_o, c_i/g, *k); of a transposed one (c_i, c_o/g, *k)."""
    out: tuple[int, ...]
    """(N, c_o, *out)."""
    windows: Windows
    g: int
    kind: Dtype
    """The dtype of sums."""
    tile: int
    """The approximate bytes that are made at once."""


class Part(NamedTuple):
    """A part of an output: some samples, and on each axis the first position and the number of positions."""

    samples: slice
    begin: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def positions(self) -> int:
        """The number of positions in all its samples."""
        return int((self.samples.stop - self.samples.start) * prod(self.size))

    def place(self, channels: slice) -> Place:
        """Return the place of some of its channels in an array (N, c, *out)."""
        return self.samples, channels, *[slice(b, b + n) for b, n in zip(self.begin, self.size, strict=True)]

    def of(self, out: Array) -> Array:
        """Return this part of an array (N, c, *out), as a view."""
        return out[self.place(EVERY)]


def parts(n: int, space: Sequence[int], most: int, several: int) -> Iterator[Part]:
    """Yield an output in parts of about `most` positions: up to `several` samples, one sample, or a piece of one."""
    size = list(space)
    for axis, whole in enumerate(space):
        pieces = -(-whole // max(most // prod(space[axis + 1 :]), 1))
        size[axis] = -(-whole // pieces)
        if size[axis] > 1:
            break
    several = max(min(most // prod(space), several), 1)
    counts = [-(-whole // step) for whole, step in zip(space, size, strict=True)]
    for first in range(0, n, several):
        for number in range(prod(counts)):  # itertools.product would list the positions of each axis
            begin = _place(number, counts, size)
            fits = [min(step, whole - b) for b, step, whole in zip(begin, size, space, strict=True)]
            yield Part(slice(first, min(first + several, n)), begin, tuple(fits))


def _place(number: int, counts: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """Return where part `number` begins, if there are `counts` parts of this size on each axis."""
    begin = []
    for count, step in zip(reversed(counts), reversed(size), strict=True):
        number, at = divmod(number, count)
        begin.append(at * step)
    return tuple(reversed(begin))


class Layout(NamedTuple):
    """The order of columns: (n, g, c_i/g * k, positions), or (1, g, c_i/g * k, n * positions) if the maps are small."""

    kind: Dtype
    g: int
    taps_first: bool
    """Whether k comes before c_i/g, as in NHWC."""
    ones: bool
    """Whether a row of ones is appended."""


def gather(x: Array, view: View, rows: tuple[int, ...], layout: Layout) -> Array:
    """Return the columns that a part of an output sees of its samples x; `rows` is its size, or the view's rows."""
    n, c = x.shape[:2]
    kind, g, taps_first, ones = layout
    apart = n if g > 1 or prod(rows) >= LEAST_POSITIONS else 1
    if apart == n and not ones and view.unpadded and set(view.k) == {1}:
        seen = x[view.phases[0].seen]
        columns = merged(seen, (n, g, c // g, prod(seen.shape[2:]))) if seen.dtype == kind else None
        if columns is not None:
            return columns
    cells = (*view.k, c // g) if taps_first else (c // g, *view.k)
    columns = buffer("columns", (apart, g, prod(cells) + ones, n // apart * prod(rows)), kind)
    if ones:
        columns[:, :, -1] = 1
    by_cell = columns[:, :, : prod(cells)].reshape(apart, g, *cells, n // apart, *rows)
    by_channel = np.moveaxis(by_cell, 2 + len(rows), 2) if taps_first else by_cell
    to = (by_channel.swapaxes(0, 3 + len(rows)) if apart > 1 else by_channel)[0]  # (g, c_i/g, *k, n, *rows)
    for which, seen in _sights(x.swapaxes(0, 1), view, rows, kind, g):
        copy(to[which], seen, view.beyond)
    return columns


def _by_step(steps: Sequence[int], strides: Sequence[int], counts: Sequence[int]) -> list[int]:
    """Return the bytes between positions of each axis; 0 for an axis with one position, whose step may be huge."""
    rows = zip(steps, strides, counts, strict=True)
    return [step * stride if count > 1 else 0 for step, stride, count in rows]


def _sights(source: Array, view: View, rows: tuple[int, ...], kind: Dtype, g: int) -> Iterator[tuple[Index, Array]]:
    """Yield for each phase the columns it fills and their values (g, c_i/g, *taps, n, *rows) from (c, n, *space)."""
    c, n = source.shape[:2]
    if view.unpadded:
        planes = source = source[view.phases[0].seen]
    else:
        planes, memory = padded(source, view, kind)
    by_c, by_n = planes.strides[:2]
    by_axis = planes.strides[-len(rows) :]
    by_position = _by_step(view.steps, by_axis, rows)
    for phase in view.phases:
        shape = (g, c // g, *phase.counts, n, *rows)
        strides = (by_c * (c // g), by_c, *_by_step(phase.steps, by_axis, phase.counts), by_n, *by_position)
        if view.unpadded:
            yield phase.cells, as_strided(source, shape, strides)
        else:
            yield phase.cells, np.ndarray(shape, kind, memory, phase.first * kind.itemsize, strides)


def padded(source: Array, view: View, kind: Dtype) -> tuple[Array, Array]:
    """Return the planes (c, n, phases…, *q) of a part's input (c, n, *space), and their memory with the margins."""
    c, n = source.shape[:2]
    before, after = view.margins
    size = c * n * prod(view.shape)
    memory = buffer("planes", (before + size + after,), kind)
    memory[:before] = 0
    memory[before + size :] = 0
    planes = memory[before : before + size].reshape(c, n, *view.shape)
    for outside in view.outside:
        planes[outside] = 0
    for phase in view.phases:
        np.copyto(planes[phase.inside], source[phase.seen], casting="unsafe")
    return planes, memory


class Phase(NamedTuple):
    """The taps of a kernel that see the same phase of the input: every s-th unit of each axis."""

    seen: tuple[slice, ...]
    """The part of the input (c, n, *space) that the taps see."""
    inside: Index
    """The place of that part in the planes (c, n, phases…, *q)."""
    first: int
    """The offset, in the planes' memory, of what the first tap sees at the part's first position."""
    steps: tuple[int, ...]
    """The distance, on each axis, between what neighboring taps see."""
    counts: tuple[int, ...]
    """The number of taps on each axis."""
    cells: Index
    """The columns that the taps fill, in (g, c_i/g, *k, n, *rows)."""


class View(NamedTuple):
    """How a part of an output sees its input, phase by phase."""

    k: tuple[int, ...]
    """The kernel."""
    unpadded: bool
    """Whether the columns are copied from the input itself, with no padding and no taps left out between others."""
    shape: tuple[int, ...]
    """The shape of the planes, (phases…, *q)."""
    margins: tuple[int, int]
    """The number of values before and after the planes that are read but not used."""
    rows: tuple[int, ...]
    """The sizes of what is copied for each tap if it is contiguous: whole rows of the planes."""
    outside: tuple[Index, ...]
    """The zero parts of the planes, in (c, n, phases…, *q)."""
    steps: tuple[int, ...]
    """The distance, on each axis of the planes, between what neighboring positions see."""
    phases: tuple[Phase, ...]
    beyond: tuple[Index, ...]
    """Where a tap sees the end of another row, in (g, c_i/g, *k, n, *rows): the columns are set to zero there."""


@lru_cache(maxsize=256)
def see(space: tuple[int, ...], windows: Windows, size: tuple[int, ...]) -> View:
    """Return how the first `size` positions of an output see an input of this space."""
    axes = [_axis(*axis) for axis in zip(space, *windows, size, strict=True)]
    if max(windows.s) == 1 and size[1:] == space[1:] and not _inside(axes):
        view = _side_by_side(axes[0][0], space, windows, size)
        if view is not None:
            return view
    if prod(map(len, axes)) <= MOST_PHASES:
        return _phased(windows, size, axes)
    every = windows._replace(s=(1,) * len(space))
    reach = tuple([(u - 1) * s + 1 for u, s in zip(size, windows.s, strict=True)])
    axes = [_axis(*axis) for axis in zip(space, *every, reach, strict=True)]
    return _phased(every, reach, axes)._replace(rows=size, steps=windows.s)


def _phased(windows: Windows, size: tuple[int, ...], axes: Sequence[Sequence[AxisPhase]]) -> View:
    """Return the view of a part phase by phase: each phase has its own plane, with the zeros around it."""
    q = tuple([axis[0].width for axis in axes])
    shape = (*map(len, axes), *q)
    phases = []
    for which in product(*map(range, map(len, axes))):
        mine = [axis[i] for axis, i in zip(axes, which, strict=True)]
        phases.append(
            Phase(
                (EVERY, EVERY, *[p.seen for p in mine]),
                (EVERY, EVERY, *which, *[p.inside for p in mine]),
                sum(map(mul, (*which, *[p.offset for p in mine]), _strides(shape))),
                tuple([p.step for p in mine]),
                tuple([p.taps for p in mine]),
                (EVERY, EVERY, *[p.cells for p in mine]),
            )
        )
    unpadded = _inside(axes) and (max(windows.s) == 1 or max(windows.k) == 1)
    outside = _around(phases[0].inside, shape) if len(phases) == 1 else ((EVERY,),)
    after = prod(q[1:])  # rows copied whole end a little later, which in an input would be beyond its memory
    rows = size if unpadded else (size[0], *q[1:])
    return View(windows.k, unpadded, shape, (0, after), rows, outside, (1,) * len(q), tuple(phases), ())


def _inside(axes: Sequence[Sequence[AxisPhase]]) -> bool:
    """Return whether everything seen is within the input."""
    return all(phase.inside == slice(0, phase.width) for axis in axes for phase in axis)


def _side_by_side(rows: AxisPhase, space: tuple[int, ...], windows: Windows, size: tuple[int, ...]) -> View | None:
    """Return the view of an output as wide as its input (stride 1): planes of that width, with no zeros between rows.

    What a tap sees of such a plane is contiguous, shifted from the output's position. At the ends of rows it sees
    values of the next or previous row, and the columns are set to zero there. None if a tap is further from its output
    than the length of a row.
    """
    nd = len(space)
    shape = (*(1,) * nd, rows.width, *space[1:])
    shifts = [[i * d - pb for i in range(k)] for k, _, d, pb in zip(*windows, strict=True)][1:]
    first = [taps[0] * step for taps, step in zip(shifts, _strides(shape)[nd + 1 :], strict=True)]
    last = [taps[-1] * step for taps, step in zip(shifts, _strides(shape)[nd + 1 :], strict=True)]
    beyond: list[Index] = []
    for axis, taps in enumerate(shifts, 1):
        for tap, shift in enumerate(taps):
            if abs(shift) > space[axis]:
                return None
            if shift:
                edge = slice(0, -shift) if shift < 0 else slice(space[axis] - shift, None)
                cells, positions = [EVERY] * nd, [EVERY] * nd
                cells[axis], positions[axis] = slice(tap, tap + 1), edge
                beyond.append((EVERY, EVERY, *cells, EVERY, *positions))
    before, after = sum([max(-step, 0) for step in first]), sum([max(step, 0) for step in last])
    whole = (EVERY,) * (nd - 1)
    phase = Phase(
        (EVERY, EVERY, rows.seen, *whole),
        (EVERY, EVERY, *(0,) * nd, rows.inside, *whole),
        before + sum(first),
        windows.d,
        windows.k,
        (EVERY,) * (2 + nd),
    )
    outside = _around(phase.inside, shape)
    return View(windows.k, False, shape, (before, after), size, outside, windows.s, (phase,), tuple(beyond))


def _around(inside: Index, shape: Sequence[int]) -> tuple[Index, ...]:
    """Return the complement of an index in planes of this shape, as slices of one axis each."""
    outside: list[Index] = []
    for axis, (which, width) in enumerate(zip(inside[2:], shape, strict=True), 2):
        if isinstance(which, slice) and which != EVERY:
            edges = slice(0, which.start), slice(which.stop, width)
            outside += [(*inside[:axis], edge) for edge in edges if edge.start < edge.stop]
    return tuple(outside)


def _strides(shape: Sequence[int]) -> list[int]:
    """Return the strides, in values, of a contiguous array."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


class AxisPhase(NamedTuple):
    """The cells of one axis that see the same phase of it."""

    cells: slice
    taps: int
    offset: int
    step: int
    width: int
    """The number of units of its plane that are seen."""
    inside: slice
    """Which of these units belong to the input."""
    seen: slice
    """Which inputs they are."""


def _axis(n: int, k: int, s: int, d: int, pb: int, size: int) -> list[AxisPhase]:
    """Return the phases that a kernel's cells see on one axis."""
    period = s // gcd(s, d)
    q = size + (k - 1) * d // s
    phases = []
    for cell in range(min(period, k)):
        offset, origin = divmod(cell * d, s)  # the plane's first unit is input origin - pb
        taps = len(range(cell, k, period))
        phases.append(
            AxisPhase(slice(cell, None, period), taps, offset, period * d // s, q, *overlap(n, origin - pb, s, q))
        )
    return phases


def merged(array: Array, shape: tuple[int, ...]) -> Array | None:
    """Return the array in another shape; None if that would need a copy."""
    reshaped = array.reshape(shape)
    return reshaped if np.may_share_memory(reshaped, array) else None


def flipped(weight: Array) -> Array:
    """Return a kernel rotated by 180 degrees."""
    return weight[(EVERY, EVERY, *(slice(None, None, -1),) * (weight.ndim - 2))]


def copy(to: Array, source: Array, beyond: Sequence[Index] = ()) -> None:
    """Copy an array (g, c, …) and set the parts `beyond` to zero, some channels at a time.

    Those parts are then still in the cache. This runs in one thread: the BLAS's threads are still spinning after a
    product, and would compete with others.
    """
    axis = 0 if to.shape[0] > 1 else 1
    whole = to.shape[axis]
    step = max(whole * PIECE // to.nbytes, 1) if beyond else whole
    for start in range(0, whole, step):
        mine = slice(start, start + step) if axis == 0 else (0, slice(start, start + step))
        np.copyto(to[mine], source[mine], casting="unsafe")
        for index in beyond:
            to[mine][index[axis:]] = 0
