"""Cross-correlation of many channels, in bounded memory: columns for a part of the output, and one matrix product.

Everything here works on views with the channels first, whatever their strides: x (N, c_i, *space), weight
(c_o, c_i/g, *k), out (N, c_o, *out). On an axis with kernel k, stride s, dilation d and padding pb before, output u
sees the inputs u*s + i*d - pb, i = 0 … k-1; what lies outside of x is zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .task import Array, Dtype
from .threads import buffer, each, shares

TILE = 8 << 20
"""How many bytes of columns are made at once for a large product: what the last cache holds, more or less."""
GROUP_TILE = 8 << 20
"""The same where each group has a small product of its own: what the cache of one core holds."""
MOST_WASTE = 1.13
"""How much longer the rows of the padded input may be than those of the output, to be copied in one piece …"""
MOST_WASTE_OF_FEW = 1.5
"""… and how much where few channels come out, and copying costs more than the product."""
FEW = 32


LEAST_POSITIONS = 256
"""How many positions a map has at the least to be worth a matrix product of its own; smaller ones share one."""

Index = tuple[slice | int, ...]


class Windows(NamedTuple):
    """The windows of a sliding layer, one entry an axis; the padding after follows from the output's size."""

    k: tuple[int, ...]
    s: tuple[int, ...]
    d: tuple[int, ...]
    pb: tuple[int, ...]


class Part(NamedTuple):
    """A part of an output: samples, and on each axis from where on and how many positions."""

    samples: slice
    begin: tuple[int, ...]
    size: tuple[int, ...]

    def of(self, out: Array) -> Array:
        """The same part of an array (N, c, *out), as a view."""
        space = [slice(b, b + n) for b, n in zip(self.begin, self.size, strict=True)]
        return out[(self.samples, slice(None), *space)]


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1) -> None:
    """Fill `out` with the cross-correlation, computed in the dtype of the weight (x's and out's may be others)."""
    kernel = prepare(weight, bias, g, len(x) * prod(out.shape[2:]))
    if g > 1:
        grouped(x, kernel, out, windows)
        return
    for part in parts(len(x), out.shape[2:], TILE // (kernel.matrix.shape[2] * weight.itemsize), len(x)):
        multiply(x, kernel, out, windows, part)


class Kernels(NamedTuple):
    """The kernels of a layer as a matrix for each group."""

    matrix: Array
    """(g, c_o/g, c_i/g * k), and with `ones` a last column, the bias."""
    taps_first: bool
    """Whether the cells come before the channels, as they lie in NHWC."""
    ones: bool
    """Whether the columns have a row of ones, which the bias is multiplied with."""
    bias: Array | None
    """What is still to be added, (c_o,)."""

    def of(self, groups: slice) -> Kernels:
        """Those of some of the groups."""
        c_o = self.matrix.shape[1]
        bias = None if self.bias is None else self.bias[groups.start * c_o : groups.stop * c_o]
        return self._replace(matrix=self.matrix[groups], bias=bias)


def prepare(weight: Array, bias: Array | None, g: int, positions: int) -> Kernels:
    """The kernels, the bias among them where copying them is cheaper than to add it to so many positions."""
    matrix, taps_first = as_matrix(weight, g)
    if bias is None or g > 1 or matrix.shape[2] > positions:
        return Kernels(matrix, taps_first, ones=False, bias=bias)
    return Kernels(np.concatenate([matrix, bias.reshape(g, -1, 1)], 2), taps_first, ones=True, bias=None)


def grouped(x: Array, kernel: Kernels, out: Array, windows: Windows) -> None:
    """A small product for each group: each thread has groups of its own, as many at a time as are worth waking it."""
    matrix = kernel.matrix
    g, c_o, height = matrix.shape
    c_i = x.shape[1] // g
    pieces = list(parts(len(x), out.shape[2:], GROUP_TILE // (height * matrix.itemsize), 1))
    each_group = prod(pieces[0].size) * height * matrix.itemsize
    several = max(min(GROUP_TILE // each_group, -(-g // len(shares(g, g * each_group, GROUP_TILE // 2)))), 1)

    def work(item: tuple[Part, int]) -> None:
        part, first = item
        last = min(first + several, g)
        i, o = slice(first * c_i, last * c_i), slice(first * c_o, last * c_o)
        multiply(x[:, i], kernel.of(slice(first, last)), out[:, o], windows, part)

    each(work, product(pieces, range(0, g, several)))


def as_matrix(weight: Array, g: int) -> tuple[Array, bool]:
    """The weight as (g, c_o/g, c_i/g * k), and whether the cells come before the channels, as they lie in NHWC."""
    c_o = len(weight) // g
    for taps_first, axes in ((False, weight), (True, np.moveaxis(weight, 1, -1))):
        matrix = axes.reshape(g, c_o, -1)
        if np.may_share_memory(matrix, weight):
            return matrix, taps_first
    return weight.reshape(g, c_o, -1), False


def parts(n: int, space: Sequence[int], most: int, several: int) -> Iterator[Part]:
    """An output in parts of about `most` positions: at most `several` samples, one, or a piece of one."""
    size = list(space)
    for axis, whole in enumerate(space):
        pieces = -(-whole // max(most // prod(space[axis + 1 :]), 1))
        size[axis] = -(-whole // pieces)
        if size[axis] > 1:
            break
    several = max(min(most // prod(space), several), 1)
    for first in range(0, n, several):
        for begin in product(*[range(0, whole, step) for whole, step in zip(space, size, strict=True)]):
            fits = [min(step, whole - b) for b, step, whole in zip(begin, size, space, strict=True)]
            yield Part(slice(first, min(first + several, n)), begin, tuple(fits))


def multiply(x: Array, kernel: Kernels, out: Array, windows: Windows, part: Part) -> None:
    """One part of the output: what each position sees as a column (im2col), the product, and the bias."""
    matrix, bias = kernel.matrix, kernel.bias
    g, c_o, _ = matrix.shape
    target = part.of(out)
    columns, rows = gather(x[part.samples], kernel, windows, part)
    apart, n = len(columns), len(target)
    if bias is None and rows == part.size and apart == n and target.dtype == matrix.dtype:
        flat = merged(target, (n, g, c_o, prod(rows)))
        if flat is not None:
            np.matmul(matrix, columns, out=flat)
            return
    found = buffer("product", (apart, g, c_o, columns.shape[-1]), matrix.dtype)
    np.matmul(matrix, columns, out=found)
    inside: Index = (slice(None), slice(None), slice(None), *map(slice, part.size))
    valid = found.reshape(apart, g * c_o, n // apart, *rows)[inside]
    valid = valid[:, :, 0] if apart == n else valid[0].swapaxes(0, 1)

    def finish(c: slice) -> None:
        if bias is None:
            np.copyto(target[:, c], valid[:, c], casting="unsafe")
        else:
            added = bias[c].reshape(-1, *(1,) * len(rows))
            np.add(valid[:, c], added, out=target[:, c], casting="unsafe")

    each(finish, shares(g * c_o, target.nbytes))


def gather(x: Array, kernel: Kernels, windows: Windows, part: Part) -> tuple[Array, tuple[int, ...]]:
    """The columns of a part, and the sizes of what the positions are: the part's, or larger.

    They are (n, g, c_i/g * k, positions), or (1, g, c_i/g * k, n * positions) where the maps are small. Where the rows
    of the padded input are nearly as long as those of the output, a map is copied in one piece for each tap, and the
    few positions between the rows are left out after the product.
    """
    g, c_o, height = kernel.matrix.shape
    n, c, kind = len(x), x.shape[1], kernel.matrix.dtype
    view = see(x.shape[2:], windows, part.begin, part.size)
    source = x.swapaxes(0, 1)
    if view.bare:
        planes, rows = source[view.phases[0].seen], part.size
        if set(windows.k) == {1} and planes.dtype == kind and not kernel.ones:
            columns = merged(planes.swapaxes(0, 1), (n, g, c // g, prod(rows)))
            if columns is not None and (n == 1 or prod(rows) >= LEAST_POSITIONS):
                return columns, rows
        planes = planes[(slice(None), slice(None), *(None,) * len(rows))]
    else:
        waste = MOST_WASTE if c_o >= FEW else MOST_WASTE_OF_FEW
        planes = padded(source, view, kind)
        rows = view.rows if prod(view.rows) <= waste * prod(part.size) else part.size
    apart = n if prod(rows) >= LEAST_POSITIONS else 1
    cells = (*windows.k, c // g) if kernel.taps_first else (c // g, *windows.k)
    columns = buffer("columns", (apart, g, height, n // apart * prod(rows)), kind)
    if kernel.ones:
        columns[:, :, -1] = 1
    by_cell = columns[:, :, : prod(cells)].reshape(apart, g, *cells, n // apart, *rows)
    by_channel = np.moveaxis(by_cell, 2 + len(rows), 2) if kernel.taps_first else by_cell
    by_channel = by_channel.swapaxes(0, 3 + len(rows)) if apart > 1 else by_channel
    pairs = []
    by_c, by_n, *strides = planes.strides
    by_axis = strides[len(rows) :]
    for phase in view.phases:
        steps = [step * stride for step, stride in zip(phase.steps, by_axis, strict=True)]
        shape = (g, c // g, *phase.counts, n, *rows)
        seen = as_strided(planes[phase.first], shape, (by_c * (c // g), by_c, *steps, by_n, *by_axis))
        pairs.append((by_channel[0][phase.cells], seen))
    copy(pairs)
    return columns, rows


def padded(source: Array, view: View, kind: Dtype) -> Array:
    """What a part sees of an input (c, n, *space) and of the zeros around it: (c, n, phases…, *q)."""
    c, n = source.shape[:2]
    shape = (c, n, *view.shape)
    slack = prod(view.shape[len(view.rows) + 1 :])  # what is copied in one piece ends a little later
    memory = buffer("phases", (prod(shape) + slack,), kind)
    planes = memory[: prod(shape)].reshape(shape)
    memory[planes.size :] = 0
    for phase in view.phases:
        for outside in phase.outside:
            planes[outside] = 0
    copy([(planes[phase.inside], source[phase.seen]) for phase in view.phases])
    return planes


class Phase(NamedTuple):
    """Those taps of a kernel that see the same phase of the input: every s-th unit of each axis."""

    seen: tuple[slice, ...]
    """What they see of the input (c, n, *space)."""
    inside: Index
    """Where that stands among the zeros, in the planes (c, n, phases…, *q)."""
    outside: tuple[Index, ...]
    """Where the zeros stand."""
    first: Index
    """Where the first tap sees the part's first position, in the planes."""
    steps: tuple[int, ...]
    """How much further on each axis the next tap does."""
    counts: tuple[int, ...]
    """How many taps there are on each axis."""
    cells: tuple[slice, ...]
    """Which of the columns they fill, in (g, c_i/g, *k, n, *rows)."""


class View(NamedTuple):
    """How a part of an output sees its input: one phase after another."""

    bare: bool
    """Whether the columns can be copied from the input itself."""
    shape: tuple[int, ...]
    """Of the planes, (phases…, *q)."""
    rows: tuple[int, ...]
    """The sizes of what is copied for each tap where it is copied in one piece: whole rows of the planes."""
    phases: tuple[Phase, ...]


@lru_cache(maxsize=4096)
def see(space: tuple[int, ...], windows: Windows, begin: tuple[int, ...], size: tuple[int, ...]) -> View:
    """How the positions `begin` … `begin + size` of an output see an input of this space."""
    axes = [_axis(*axis) for axis in zip(space, *windows, begin, size, strict=True)]
    q = tuple([u + (k - 1) * d // s for k, s, d, u in zip(windows.k, windows.s, windows.d, size, strict=True)])
    every: tuple[slice, ...] = (slice(None), slice(None))
    phases = []
    for which in product(*map(range, map(len, axes))):
        mine = [axis[i] for axis, i in zip(axes, which, strict=True)]
        here: Index = (*every, *which)
        outside: list[Index] = []
        for axis, (phase, width) in enumerate(zip(mine, q, strict=True)):
            before: Index = (*here, *(slice(None),) * axis)
            edges = (slice(0, phase.begin), slice(phase.end, width))
            outside += [(*before, edge) for edge in edges if edge.start < edge.stop]
        phases.append(
            Phase(
                (*every, *[p.seen for p in mine]),
                (*here, *[slice(p.begin, p.end) for p in mine]),
                tuple(outside),
                (*here, *[slice(p.offset, None) for p in mine]),
                tuple([p.step for p in mine]),
                tuple([p.taps for p in mine]),
                (*every, *[p.cells for p in mine]),
            )
        )
    padded = any(phase.outside for phase in phases)
    bare = not padded and (max(windows.s) == 1 or max(windows.k) == 1)
    return View(bare, (*map(len, axes), *q), (size[0], *q[1:]), tuple(phases))


class _AxisPhase(NamedTuple):
    cells: slice
    taps: int
    offset: int
    step: int
    begin: int
    end: int
    seen: slice


def _axis(n: int, k: int, s: int, d: int, pb: int, begin: int, size: int) -> list[_AxisPhase]:
    """The phases that a kernel's cells see on one axis: the cells, and where in the phase's plane the input lies."""
    period = s // gcd(s, d)
    q = size + (k - 1) * d // s
    found = []
    for cell in range(min(period, k)):
        cells = slice(cell, None, period)
        origin = begin * s + cell * d % s - pb  # the input that the plane's first unit is
        first = min(max(-(origin // s), 0), q)
        end = max(min(q, (n - 1 - origin) // s + 1), first)
        seen = slice(origin + first * s, origin + (end - 1) * s + 1, s) if end > first else slice(0, 0)
        found.append(_AxisPhase(cells, len(range(cell, k, period)), cell * d // s, period * d // s, first, end, seen))
    return found


def merged(array: Array, shape: tuple[int, ...]) -> Array | None:
    """The array in another shape, None where that would be a copy."""
    found = array.reshape(shape)
    return found if np.may_share_memory(found, array) else None


def copy(pairs: Sequence[tuple[Array, Array]]) -> None:
    """Copy the second of each pair into the first; several threads share a large one along its longest axis."""
    pieces = []
    for to, source in pairs:
        axis = max(range(to.ndim - 1), key=to.shape.__getitem__)
        before = (slice(None),) * axis
        for share in shares(to.shape[axis], to.nbytes):
            mine = (*before, share)
            pieces.append((to[mine], source[mine]))
    each(lambda piece: np.copyto(*piece, casting="unsafe"), pieces)
