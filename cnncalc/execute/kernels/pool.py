"""The kernels of pools: separable, one axis after another, in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import product
from math import prod

import numpy as np

from ...sizes import LARGEST
from ..convolution.columns import overlap, reached, taps
from ..convolution.taps import reaching
from ..task import Array, Dtype, Kernel, Task, Weights, averages, wide
from ..threads import blockwise, buffer

Reach = tuple[tuple[slice, slice], ...]
"""The inputs that some outputs of an axis see: pairs of outputs and inputs, which are combined.

A pair has as many inputs as outputs, one input that all its outputs see, or one output that sees all its inputs.
"""
MANY = 8
"""The ratio of cells to outputs from which on all that an output sees is reduced at once."""


@lru_cache(maxsize=4096)
def sliding(n: int, k: int, s: int, d: int, pb: int, begin: int, size: int) -> Reach:
    """Return what outputs `begin` … `begin + size` of a window over n inputs see, per cell or per output."""
    pb -= begin * s
    if min(k, (n + (size - 1) * s) // d) > MANY * size:
        sights = [(slice(u, u + 1), overlap(n, u * s - pb, d, k)[1]) for u in reached(n, k, s, d, pb, size)]
        return tuple([pair for pair in sights if pair[1].start < pair[1].stop])
    if n < min(k, (n + (size - 1) * s) // d):  # fewer inputs than cells that meet an input
        reach = [(i, reaching(i, k, s, d, pb, size)) for i in range(n)]
        return tuple([(met[1], slice(i, i + 1)) for i, met in reach if met is not None])
    pairs = [(to, seen) for _, to, seen in taps(n, k, s, d, pb, size)]
    pairs.sort(key=lambda pair: pair[0].start - pair[0].stop)  # the pair that covers most comes first
    return tuple(pairs)


def adaptive(n: int, o: int, begin: int, size: int) -> Reach:
    """Return what outputs `begin` … `begin + size` of o see: unit u sees floor(u*n/o) to ceil((u+1)*n/o) - 1."""
    if n % o == 0:
        return sliding(n, n // o, n // o, 1, 0, begin, size)
    end = begin + size
    pairs = []
    if o > n:  # input i is seen by units floor(i*o/n) to ceil((i+1)*o/n) - 1
        for i in range(begin * n // o, -(-end * n // o)):
            to = slice(max(i * o // n, begin) - begin, min(-(-(i + 1) * o // n), end) - begin)
            pairs.append((to, slice(i, i + 1)))
        return tuple(pairs)
    for unit in range(begin, end):
        to, first, last = slice(unit - begin, unit - begin + 1), unit * n // o, -(-(unit + 1) * n // o)
        pairs += [(to, slice(first, last))] if n > MANY * o else [(to, slice(i, i + 1)) for i in range(first, last)]
    return tuple(pairs)


Reacher = Callable[[int, int, int], Reach]
"""A function of a spatial axis, a first output and a number of outputs that returns what those outputs see."""
Finish = Callable[[Array, Sequence[slice]], object]
"""A function that turns the sums of a block, at these spatial positions, into outputs."""


def reduce(ufunc: np.ufunc, neutral: float, x: Array, out: Array, reaches: Sequence[Reach]) -> None:
    """Fill out (N, C, *out) with the windows of x (N, C, *space) reduced, along one axis after another.

    Intermediate arrays have their channels last if x has.
    """
    source = x
    channels_last = abs(x.strides[1]) < min(map(abs, x.strides[2:]))
    for axis, reach in enumerate(reaches[:-1]):
        n, c, *space = source.shape
        space[axis] = out.shape[axis + 2]
        shape = (n, *space, c) if channels_last else (n, c, *space)
        to = buffer(f"pool{axis}", shape, out.dtype)
        to = np.moveaxis(to, -1, 1) if channels_last else to
        along(ufunc, neutral, source, to, axis + 2, reach)
        source = to
    along(ufunc, neutral, source, out, 1 + len(reaches), reaches[-1])


def along(ufunc: np.ufunc, neutral: float, x: Array, out: Array, axis: int, reach: Reach) -> None:
    """Fill `out` with what each output sees along one axis, reduced."""
    before = (slice(None),) * axis

    def values(to: slice, seen: slice) -> Array:
        """Return one value for each output of a pair, possibly not yet in the outputs' dtype."""
        found = x[(*before, seen)]
        one = to.stop - to.start == 1 < found.shape[axis]
        return ufunc.reduce(found, axis, out.dtype, keepdims=True) if one else found

    first, *others = reach or ((slice(0), slice(0)),)
    if first[0] != slice(0, out.shape[axis]):  # some outputs see no input here
        out[...] = neutral
        others = list(reach)
    elif others and others[0][0] == first[0]:  # two cells at once, without a copy
        ufunc(values(*first), values(*others.pop(0)), out=out, dtype=out.dtype, casting="unsafe")
    else:
        np.copyto(out, values(*first), casting="unsafe")
    for to, seen in others:
        target = out[(*before, to)]
        ufunc(target, values(to, seen), out=target, dtype=out.dtype, casting="unsafe")


def pooled(
    ufunc: np.ufunc, neutral: float, x: Array, out: Array, reacher: Reacher, finish: Finish | None = None
) -> None:
    """Fill out (N, C, *out) from x (N, C, *space), block by block; `finish` turns sums into outputs, in place."""
    kind = wide(out.dtype)

    def work(block: tuple[slice, ...]) -> None:
        space = [slice(*b.indices(n)) for b, n in zip(block[2:], out.shape[2:], strict=True)]
        reaches = [reacher(axis, b.start, b.stop - b.start) for axis, b in enumerate(space)]
        target = out[block]
        sums = target if kind == out.dtype else buffer("wide", target.shape, kind)
        reduce(ufunc, neutral, x[block[:2]], sums, reaches)
        if finish is not None:
            finish(sums, space)
        if sums is not target:
            np.copyto(target, sums, casting="unsafe")

    cells = prod(x.shape[2:]) // max(prod(out.shape[2:]), 1)
    blockwise(work, out, max(cells, 1) * x.itemsize)


def least(kind: Dtype) -> float:
    """Return the neutral value of a maximum."""
    if kind.kind == "f":
        return -np.inf
    return int(np.iinfo(kind).min) if kind.kind in "iu" else False


def _reacher(task: Task, x: Array, out: Array) -> Reacher:
    """Return the function that gives the inputs of a pool's outputs; an adaptive pool has no k."""
    v = task.values
    if "k" not in v:
        sizes = [*zip(x.shape[2:], out.shape[2:], strict=True)]
        return lambda axis, begin, size: adaptive(*sizes[axis], begin, size)
    axes = [(n, k, s, d, pb) for n, k, s, d, (pb, _) in zip(x.shape[2:], v["k"], v["s"], v["d"], v["p"], strict=True)]
    return lambda axis, begin, size: sliding(*axes[axis], begin, size)


def _max(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    pooled(np.maximum, least(out.dtype), xs[0], out, _reacher(task, xs[0], out))


def _avg(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, v = xs[0], task.values
    if "k" not in v:
        divisors: list[Divisor] = [
            partial(_adaptive_divisor, n, o) for n, o in zip(x.shape[2:], out.shape[2:], strict=True)
        ]
    elif prod(out.shape[2:]) == 1 and v["k"] == x.shape[2:] and not any(map(any, v["p"])):
        _mean(task, xs, weights, out)
        return
    else:
        divisors = _divisors(task, x, v["count_include_pad"])
    pooled(np.add, 0, x, out, _reacher(task, x, out), _divides(divisors))


Divisor = Callable[[slice], Array]
"""A function that returns how many cells count in the windows of some outputs of an axis."""


def _divisors(task: Task, x: Array, padding: bool) -> list[Divisor]:
    """Return the divisors of a pool over x on each spatial axis, with `padding` counted or not."""
    v = task.values
    axes = zip(x.shape[2:], v["k"], v["s"], v["d"], v["p"], strict=True)
    return [partial(_divisor, *axis, padding) for axis in axes]


def _adaptive_divisor(n: int, o: int, some: slice) -> Array:
    """Return how many of n inputs each of the selected outputs (of o) sees on one axis."""
    unit = np.arange(some.start, some.stop)
    return np.asarray(-(-(unit + 1) * n // o) - unit * n // o)


def _divisor(n: int, k: int, s: int, d: int, p: tuple[int, int], padding: bool, some: slice) -> Array:
    """Return how many cells of each window count on one axis: those in the input, or also those in explicit padding."""
    pb, pa = p
    wide = np.int64 if some.stop * s + k * d + n + pb + pa < LARGEST // 2 else object
    begins = np.arange(some.start, some.stop).astype(wide) * s - pb
    if padding:  # caffe/layers/pooling_layer.cpp and ATen's avg_pool: the window's end is cut to the padded input
        return np.asarray(np.minimum(-((begins - n - pa) // d), k))
    first, last = np.maximum(-(begins // d), 0), np.minimum((n - 1 - begins) // d, k - 1)
    return np.asarray(np.maximum(last - first + 1, 0))


def _divides(divisors: Sequence[Divisor], times: int = 1) -> Finish:
    """Return a function that divides sums by the product of the axes' divisors, and multiplies them by `times`."""

    def finish(sums: Array, space: Sequence[slice]) -> None:
        first, *others = [divisor(some) for divisor, some in zip(divisors, space, strict=True)]
        if all((one == one[0]).all() for one in (first, *others)):
            uniform = prod(int(one[0]) for one in (first, *others))
            np.divide(sums, sums.dtype.type(uniform / times), out=sums)
            return
        counts = first.astype(np.float64)
        for one in others:
            counts = counts[..., None] * one.astype(np.float64)
        np.divide(sums, (counts / times).astype(sums.dtype), out=sums)

    return finish


def _mean(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Fill `out`, which has one value per channel, with the mean of each map of x (N, C, *space)."""
    x, means, kind = xs[0], out.reshape(out.shape[:2]), wide(out.dtype)
    count = prod(x.shape[2:])
    ones = np.ones(count, kind)

    def work(block: tuple[slice, ...]) -> None:
        maps = x[block].reshape(*means[block].shape, count).astype(kind, copy=False)
        np.divide(maps @ ones, kind.type(count), out=means[block], casting="unsafe")

    blockwise(work, means, count * x.itemsize)


def _lp(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Fill `out` with the Lp norms of windows. PyTorch computes avg_pool(x**norm)*prod(k) without abs (lp_pool2d)."""
    x, v, signed = xs[0], task.values, task.dialect.lp_signed
    norm, kind = v["norm"], wide(out.dtype)
    counts, own = _divisors(task, x, padding=True), _divisors(task, x, padding=False)
    average = _divides(counts, prod(v["k"]))

    def finish(sums: Array, space: Sequence[slice]) -> None:
        if signed:
            average(sums, space)
        sums **= 1 / norm  # NumPy computes roots, and squares below, without a general power
        for axis, some in enumerate(space) if norm < 0 else ():  # the power of a zero in the padding is infinite
            padded = counts[axis](some) != own[axis](some)
            sums[(slice(None),) * (axis + 2) + (padded,)] = 0

    several = _powers(task, x.shape, kind)
    for n, c in product(range(len(x)), range(0, x.shape[1], several)):
        some = (slice(n, n + 1), slice(c, c + several))
        powers = buffer("powers", x[some].shape, kind)
        if signed:
            np.copyto(powers, x[some], casting="unsafe")
        else:
            np.abs(x[some], out=powers, dtype=kind, casting="unsafe")
        powers **= norm
        pooled(np.add, 0, powers, out[some], _reacher(task, powers, out), finish)


def _powers(task: Task, x: tuple[int, ...], kind: Dtype) -> int:
    """Return the number of maps of x whose powers are in memory at once."""
    return min(max(task.scratch // 4 // (prod(x[2:]) * kind.itemsize), 1), x[1])


def _lp_working(task: Task, x: tuple[int, ...], out: tuple[int, ...], kind: Dtype) -> int:
    """Return the bytes of these powers and of pooling them."""
    return _powers(task, x, kind) * prod(x[2:]) * kind.itemsize + min(8 * prod(x), task.scratch)


def _global_max(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, flat = xs[0], out.reshape(out.shape[:2])
    axes = tuple(range(2, x.ndim))
    blockwise(lambda block: np.max(x[block], axis=axes, out=flat[block]), flat, prod(x.shape[2:]) * x.itemsize)


KERNELS = {
    "maxpool": Kernel(_max, spatial=True),
    "avgpool": Kernel(_avg, averages, spatial=True),
    "lppool": Kernel(_lp, averages, spatial=True, working=_lp_working),
    "globalmaxpool": Kernel(_global_max, spatial=True),
    "globalavgpool": Kernel(_mean, averages, spatial=True),
    "adaptivemaxpool": Kernel(_max, spatial=True),
    "adaptiveavgpool": Kernel(_avg, averages, spatial=True),
}
