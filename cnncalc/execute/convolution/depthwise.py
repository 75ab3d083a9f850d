"""Depthwise cross-correlation with columns for one kernel row: a single product for all rows, and their sum.

Columns of all cells (im2col) copy the input once per cell of the kernel; these copy it once per cell of a row.
Everything here works on views with the channels first, of any strides.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from ..task import Array, Then
from ..threads import BLOCK, buffer, cut, each, threads
from .columns import EVERY, Layout, Shapes, Windows, gather, see

LEAST_ROWS = 3
"""The fewest rows of a kernel: with fewer, the saved copies do not make up for the sums."""
LEAST_DIVIDED = 1 << 18
"""The number of multiplications from which OpenBLAS uses several threads, for which several callers would wait."""


def pays(shapes: Shapes) -> bool:
    """Return whether a cross-correlation is depthwise and faster this way, with a channel within the tile's memory."""
    c_o, each_c, *k = shapes.weight
    if not shapes.g == c_o == shapes.x[1] or each_c > 1 or shapes.kind.kind != "f":
        return False
    return k[0] >= LEAST_ROWS and shapes.windows.s[0] == 1 and _each_channel(shapes) <= shapes.tile


def working(shapes: Shapes) -> int:
    """Return the most bytes that `correlate` takes besides its arguments."""
    return threads() * _channels(shapes) * _each_channel(shapes) + prod(shapes.weight) * shapes.kind.itemsize


def _rows(windows: Windows, out: tuple[int, ...]) -> tuple[Windows, tuple[int, ...]]:
    """Return the windows of one row of the kernel, and the size that all rows together see."""
    k, _, d, _ = [axis[0] for axis in windows]
    return windows._replace(k=(1, *windows.k[1:])), (out[0] + (k - 1) * d, *out[1:])


def _each_channel(shapes: Shapes) -> int:
    """Return the bytes per channel: its columns, what they are copied from, and the products."""
    k = shapes.weight[2:]
    windows, size = _rows(shapes.windows, shapes.out[2:])
    view = see(shapes.x[2:], windows, size)
    values = (prod(k[1:]) + k[0]) * prod(size) + prod(view.shape) + sum(view.margins)
    return values * shapes.kind.itemsize


def _channels(shapes: Shapes) -> int:
    """Return the number of channels that are processed at once."""
    most = min(BLOCK // (prod(shapes.out[2:]) * shapes.kind.itemsize), shapes.tile // _each_channel(shapes))
    return min(max(most, 1), shapes.out[1])


def correlate(
    x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, tile: int, then: Then | None = None
) -> None:
    """Fill `out` with the cross-correlation of x (N, c, *space) and weight (c, 1, *k), and call `then` for parts."""
    kind, (c, _, k, *others) = weight.dtype, weight.shape
    rows, size = _rows(windows, out.shape[2:])
    view = see(x.shape[2:], rows, size)
    each_row, length = windows.d[0] * prod(out.shape[3:]), prod(out.shape[2:])
    kernels = np.ascontiguousarray(weight).reshape(c, k, prod(others))

    def work(item: tuple[int, slice]) -> None:
        n, mine = item
        count = mine.stop - mine.start
        columns = gather(x[n : n + 1, mine], view, size, Layout(kind, count, taps_first=False, ones=False))[0]
        made = buffer("made", (count, k, columns.shape[-1]), kind)
        for some in cut(columns.shape[-1], max(LEAST_DIVIDED // kernels[0].size, 1)):
            np.matmul(kernels[mine], columns[..., some], out=made[..., some])
        by_row = [made[:, row, row * each_row : row * each_row + length] for row in range(k)]
        if bias is not None:
            np.add(by_row[0], bias[mine, None], out=by_row[0])
        for row in by_row[1:-1]:
            np.add(by_row[0], row, out=by_row[0])
        first, last = [row.reshape(count, *out.shape[2:]) for row in (by_row[0], by_row[-1])]
        np.add(first, last, out=out[n, mine], casting="unsafe")
        if then is not None:
            then((slice(n, n + 1), mine, *(EVERY,) * (out.ndim - 2)))

    channels = cut(c, _channels(Shapes(x.shape, weight.shape, out.shape, windows, c, kind, tile)))
    each(work, product(range(len(x)), channels), out.size * (k + prod(others)) * kind.itemsize)
