"""Convolutions one tap at a time, for kernels of which few taps meet the input, at any distance.

With far more taps than inputs, they are computed one input at a time.

Everything here works on views with the channels first, of any strides: x (N, c_i, *space), out (N, c_o, *out). The sums
are taken in the weight's dtype, one sample at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd, prod

import numpy as np

from ..task import Array
from ..threads import buffer
from .columns import EVERY, Index, Shapes, Windows, broadcast_bias, overlap, taps

LEAST_SHARE = 16
"""The inverse of the share of taps on the input below which it is faster to process only those."""


def has_few_inputs(space: Sequence[int], k: Sequence[int]) -> bool:
    """Return whether there are so many taps that one product per input is faster."""
    return prod(space) * LEAST_SHARE < prod(k)


def pays(shapes: Shapes) -> bool:
    """Return whether so few taps of a cross-correlation meet the input that processing them one by one is faster."""
    space, out, windows = shapes.x[2:], shapes.out[2:], shapes.windows
    if all((k - 1) * d < n for n, k, d in zip(space, windows.k, windows.d, strict=True)):
        return False
    if has_few_inputs(space, windows.k):
        return True
    axes = [taps(*axis) for axis in zip(space, *windows, out, strict=True)]
    meet = prod([sum([to.stop - to.start for _, to, _ in axis]) for axis in axes])
    return bool(meet * LEAST_SHARE < prod(out) * prod(windows.k))


def working(shapes: Shapes) -> int:
    """Return the most bytes that `correlate` takes besides its arguments."""
    seen = prod([min(pair) for pair in zip(shapes.x[2:], shapes.out[2:], strict=True)])
    each = prod(shapes.out[1:]) + seen * (shapes.x[1] + shapes.out[1]) + prod(shapes.weight[:2])
    if has_few_inputs(shapes.x[2:], shapes.windows.k):
        each = 2 * prod(shapes.out[1:]) + prod(shapes.weight)
    return each * shapes.kind.itemsize


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int) -> None:
    """Fill `out` with the cross-correlation of x and weight (c_o, c_i/g, *k), with one product per tap or input."""
    if has_few_inputs(x.shape[2:], windows.k):
        _correlate_inputs(x, weight, bias, out, windows, g)
        return
    kind = weight.dtype
    axes = [taps(*axis) for axis in zip(x.shape[2:], *windows, out.shape[2:], strict=True)]
    by_group = weight.reshape(g, -1, *weight.shape[1:])
    for n, sums in _sums(out, bias, kind):
        for several in product(*axes):
            cells, places, inputs = zip(*several, strict=True)
            seen = x[(n, EVERY, *inputs)].astype(kind)
            made = np.matmul(by_group[(EVERY, EVERY, EVERY, *cells)], seen.reshape(g, len(seen) // g, -1))
            target: Index = (EVERY, *places)
            sums[target] += made.reshape(len(sums), *seen.shape[1:])


def _correlate_inputs(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int) -> None:
    """Fill `out` with the cross-correlation, with one product per input."""
    kind = weight.dtype
    by_group = weight.reshape(g, -1, *weight.shape[1:])
    axes = list(zip(*windows, out.shape[2:], strict=True))
    for n, sums in _sums(out, bias, kind):
        for place in np.ndindex(*x.shape[2:]):
            meets = [reaching(u, *axis) for u, axis in zip(place, axes, strict=True)]
            if None in meets:
                continue
            cells, outputs = zip(*filter(None, meets), strict=True)
            kernel = by_group[(EVERY, EVERY, EVERY, *cells)]
            seen = x[(n, EVERY, *place)].astype(kind).reshape(g, 1, 1, -1)
            made = np.matmul(seen, kernel.reshape(*kernel.shape[:3], -1))
            target: Index = (EVERY, *outputs)
            sums[target] += made.reshape(len(sums), *kernel.shape[3:])


def reaching(u: int, k: int, s: int, d: int, pb: int, size: int) -> tuple[slice, slice] | None:
    """Return the cells of one axis, last first, through which outputs see input u, and these outputs; None if none."""
    common = gcd(s, d)
    places, beside = divmod(u + pb, common)
    period, step = s // common, d // common
    first = places * pow(step, -1, period) % period
    if beside or first >= k:
        return None
    out = (u + pb - first * d) // s  # each further cell reaches the output `step` before
    begin, end = max(-((size - 1 - out) // step), 0), min((k - 1 - first) // period, out // step)
    if end < begin:
        return None
    lowest = first + begin * period
    cells = slice(first + end * period, lowest - 1 if lowest else None, -period)
    return cells, slice(out - end * step, out - begin * step + 1, step)


def scatter(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int) -> None:
    """Fill `out` with the transposed convolution of x and weight (c_i, c_o/g, *k), with one product per input."""
    kind = weight.dtype
    by_group = weight.reshape(g, -1, *weight.shape[1:])
    axes = list(zip(out.shape[2:], *windows, strict=True))
    for n, sums in _sums(out, bias, kind):
        for place in np.ndindex(*x.shape[2:]):
            meets = [overlap(size, u * s - pb, d, k) for u, (size, k, s, d, pb) in zip(place, axes, strict=True)]
            cells, outputs = zip(*meets, strict=True)
            kernel = by_group[(EVERY, EVERY, EVERY, *cells)]
            seen = x[(n, EVERY, *place)].astype(kind).reshape(g, 1, -1)
            made = np.matmul(seen, kernel.reshape(*kernel.shape[:2], -1))
            target: Index = (EVERY, *outputs)
            sums[target] += made.reshape(len(sums), *kernel.shape[3:])


def _sums(out: Array, bias: Array | None, kind: np.dtype[np.generic]) -> Iterator[tuple[int, Array]]:
    """Yield each sample's index and its sums, initialized with the bias, which are then copied to the output."""
    for n, sample in enumerate(out):
        sums = sample if out.dtype == kind else buffer("sums", sample.shape, kind)
        sums[...] = broadcast_bias(bias, sample.ndim - 1)
        yield n, sums
        if sums is not sample:
            np.copyto(sample, sums, casting="unsafe")
