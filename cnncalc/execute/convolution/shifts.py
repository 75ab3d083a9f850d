"""Cross-correlation as one product for all taps and a shifted sum of the results.

The input is not copied (no im2col), and the terms have as many channels as the output, so it pays if these are far
fewer than the input's. Everything here works on views with the channels first, of any strides: x (N, c_i, *space),
weight (c_o, c_i, *k), out (N, c_o, *space). Through cell i of an axis, output u sees input u + i*d - pb.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from operator import mul
from typing import NamedTuple

import numpy as np

from ..task import Array, Then
from ..threads import BLOCK, buffer, cut, each
from .columns import EVERY, Index, Part, Shapes, Windows, broadcast_bias, merged

LEAST_INPUTS = 32
"""The fewest input channels: with fewer, the product is too small to make up for the sums."""

MOST_KERNELS = 4
"""The largest weights, which may be copied, in multiples of what is made at once."""


def pays(shapes: Shapes) -> bool:
    """Return whether a convolution can be computed this way, and faster."""
    c_o, c_i, *k = shapes.weight
    same = shapes.x[2:] == shapes.out[2:] and max(shapes.windows.s) == 1
    if shapes.g > 1 or not same or prod(k) == 1 or c_i < LEAST_INPUTS:
        return False
    own = [pb % d == 0 and pb // d < n for n, d, pb in zip(k, shapes.windows.d, shapes.windows.pb, strict=True)]
    small = _fit(shapes) >= 1 and prod(shapes.weight) * shapes.kind.itemsize <= MOST_KERNELS * shapes.tile
    return all(own) and 2 * c_o <= c_i and small


def working(shapes: Shapes) -> int:
    """Return the most bytes that `correlate` takes besides its arguments."""
    c_o, c_i, *k = shapes.weight
    before, after = _reach(shapes.windows)
    height, *rest = shapes.out[2:]
    rows = min(_rows(shapes) + before + after, height)
    return (prod(shapes.weight) + (prod(k) * c_o + c_i) * rows * prod(rest)) * shapes.kind.itemsize


def _fit(shapes: Shapes) -> int:
    """Return how many units of an output's first axis can be made at once."""
    c_o, _, *k = shapes.weight
    each = prod(k) * c_o * prod(shapes.out[3:]) * shapes.kind.itemsize
    return shapes.tile // each - sum(_reach(shapes.windows))


def _rows(shapes: Shapes) -> int:
    """Return how many are made at once, so that all steps are about equal."""
    height = shapes.out[2]
    return -(-height // -(-height // max(_fit(shapes), 1)))


def _reach(windows: Windows) -> tuple[int, int]:
    """Return how far a kernel sees before and after an output on the first axis."""
    k, _, d, pb = [axis[0] for axis in windows]
    return pb, (k - 1) * d - pb


def arranged(weight: Array) -> Array:
    """Return a weight (c_o, c_i, *k) stored in memory as (*k, c_o, c_i), as `correlate` prefers."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-2, -1))), (-2, -1), (0, 1))


def correlate(
    x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, tile: int, then: Then | None = None
) -> None:
    """Fill `out` with the cross-correlation, some rows of a sample at a time, and call `then` for each part."""
    c_o, c_i, *k = weight.shape
    height, *rest = x.shape[2:]
    matrix = np.moveaxis(weight, (0, 1), (-2, -1)).reshape(-1, c_i)
    rows = _rows(Shapes(x.shape, weight.shape, out.shape, windows, 1, weight.dtype, tile))
    before, after = _reach(windows)
    for n, begin in product(range(len(x)), range(0, height, rows)):
        end = min(begin + rows, height)
        first, last = max(begin - before, 0), min(end + after, height)
        made = _products(matrix, x[n, :, first:last]).reshape(*k, c_o, last - first, *rest)
        _add_up(made, bias, out, windows, Part(slice(n, n + 1), (begin, *(0,) * len(rest)), (end - begin, *rest)), then)


def _products(matrix: Array, x: Array) -> Array:
    """Return the products of all taps with some rows of a sample."""
    shape = (len(x), prod(x.shape[1:]))
    seen = merged(x, shape) if x.dtype == matrix.dtype else None
    if seen is None:
        seen = buffer("seen", shape, matrix.dtype)
        np.copyto(seen.reshape(x.shape), x, casting="unsafe")
    made = buffer("made", (len(matrix), shape[1]), matrix.dtype)
    return np.matmul(matrix, seen, out=made)


def _add_up(made: Array, bias: Array | None, out: Array, windows: Windows, part: Part, then: Then | None) -> None:
    """Fill a part of `out` with the sums of the taps' products (*k, c_o, rows, …), some channels at a time."""
    nd, c_o = len(windows.k), out.shape[1]
    first = max(part.begin[0] - _reach(windows)[0], 0)

    def work(mine: slice) -> None:
        sums = _sum(made[(*(EVERY,) * nd, mine)], windows, part.begin[0] - first, part.size[0])
        place = part.place(mine)
        added = broadcast_bias(None if bias is None else bias[mine], nd)
        np.add(sums.reshape(-1, *part.size), added, out=out[place][0], casting="unsafe")
        if then is not None:
            then(place)

    several = max(BLOCK // (2 * prod(part.size) * made.itemsize), 1)
    each(work, cut(c_o, several), made.nbytes)


def _sum(made: Array, windows: Windows, begin: int, rows: int) -> Array:
    """Return the sum (c, rows * …) of the taps' products (*k, c, rows, …), for the rows from `begin` on."""
    nd = len(windows.k)
    sums, *others = [(made[tap.cell], tap) for tap in _taps(windows, made.shape[nd + 1 :], begin, rows)]
    total: Array = sums[0].reshape(len(sums[0]), -1)[:, sums[1].seen]
    for values, tap in others:
        for edge in tap.beyond:
            values[edge] = 0
        part = total[:, tap.outputs]
        np.add(part, values.reshape(len(values), -1)[:, tap.seen], out=part)
    return total


class Tap(NamedTuple):
    """What a cell of the kernel adds to a sum: its products as one row, shifted against the outputs.

    At the ends of all axes but the first, these belong to the next or previous row, and are set to zero.
    """

    cell: tuple[int, ...]
    beyond: tuple[Index, ...]
    outputs: slice
    seen: slice


@lru_cache(maxsize=256)
def _taps(windows: Windows, space: tuple[int, ...], begin: int, rows: int) -> tuple[Tap, ...]:
    """Return the taps that add to an output's rows from `begin` on, first the one that sees the output's own position.

    `space` is that of the products.
    """
    strides = [prod(space[axis + 1 :]) for axis in range(len(space))]
    length, found = rows * strides[0], list[Tap]()
    for cell in product(*map(range, windows.k)):
        shifts = [i * d - pb for i, d, pb in zip(cell, windows.d, windows.pb, strict=True)]
        ends = [slice(0, shift) if shift > 0 else slice(shift, None) for shift in shifts]
        beyond = [(*(EVERY,) * (axis + 1), ends[axis]) for axis, shift in enumerate(shifts) if axis and shift]
        at = begin * strides[0] + sum(map(mul, shifts, strides))
        start, stop = max(0, -at), min(length, prod(space) - at)
        if start < stop:
            tap = Tap(cell, tuple(beyond), slice(start, stop), slice(at + start, at + stop))
            found.insert(len(found) if any(shifts) else 0, tap)
    return tuple(found)
