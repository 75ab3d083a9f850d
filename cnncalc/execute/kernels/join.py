"""The kernels of layers with several inputs."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from ...sizes import LARGEST
from ..sums import extreme, too_large
from ..task import Array, Compute, Dtype, Kernel, Task, Weights, accumulates, averages, keeps, wide
from ..threads import BLOCK, blockwise, cut, each
from .reduce import reduction

Bound = Callable[[Sequence[int]], int]
"""A function from the largest magnitudes of operands to that of the result."""


def aligned(x: Array, out: Array) -> Array:
    """Return a view of an input broadcast to the output, with axes of size 1 inserted after the batch."""
    return np.broadcast_to(x.reshape(len(x), *(1,) * (out.ndim - x.ndim), *x.shape[1:]), out.shape)


def combine(ufunc: np.ufunc, bound: Bound | None = None, what: str = "") -> Compute:
    """Return the kernel of an operation on several inputs, or on one and a value, with float16 computed in float32.

    `bound` is for results that may exceed integers, which are called `what`: ShapeError if they may grow beyond int64.
    """

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        kind = wide(out.dtype)
        operands = list(xs)
        if "value" in task.values:
            operands.append(np.full((1,) * out.ndim, task.values["value"], kind))
        if kind.kind in "iu" and bound is not None and (most := bound([extreme(x) for x in operands])) > LARGEST:
            raise too_large(what, most)
        operands = [aligned(x, out) if at < len(xs) else np.broadcast_to(x, out.shape) for at, x in enumerate(operands)]

        def work(block: tuple[slice, ...]) -> None:
            first, second, *others = [x[block] for x in operands]
            result = ufunc(first, second, out=out[block] if kind == out.dtype else None, dtype=kind, casting="unsafe")
            for other in others:
                ufunc(result, other, out=result, dtype=kind, casting="unsafe")
            if kind != out.dtype:
                out[block] = result

        at_once = min(len(operands), 3)  # two operands and their result, or a further operand
        blockwise(work, out, at_once * out.itemsize)

    return compute


def _power(operands: Sequence[int]) -> int:
    """Return the largest magnitude of a power of integers, or a number beyond int64."""
    base, exponent = operands
    return base**exponent if base < 2 or exponent < 64 else LARGEST + 1


def powers(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of powers: integers stay integers if the exponent is a non-negative integer."""
    exponent = values.get("value")
    return (accumulates if isinstance(exponent, int) and exponent >= 0 else averages)(kinds, values)


def extremes(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype of a minimum or maximum: that of the inputs, or one that also holds `value`."""
    if "value" not in values:
        return keeps(kinds, values)
    return (accumulates if isinstance(values["value"], int) else averages)(kinds, values)


def extreme_of(pick: np.ufunc) -> Compute:
    """Return the kernel of min or max: over several inputs, one input and a value, or some axes of one input."""
    join, over = combine(pick, max, "a value"), reduction(pick)

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        (over if "keepdims" in task.values else join)(task, xs, weights, out)

    return compute


COMPARISONS = {
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


def _compare(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    compare, value = COMPARISONS[task.values["by"]], task.values.get("value")
    first, *others = [aligned(x, out) for x in xs]
    if value is not None:
        others = [np.broadcast_to(np.asarray(value, first.dtype if first.dtype.kind == "f" else None), out.shape)]

    def work(block: tuple[slice, ...]) -> None:
        out[block] = compare(first[block], others[0][block])

    blockwise(work, out, 2 * out.itemsize)


def _where(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    condition, first, second = [aligned(x, out) for x in xs]

    def work(block: tuple[slice, ...]) -> None:
        out[block] = np.where(condition[block] != 0, first[block], second[block])

    blockwise(work, out, 3 * out.itemsize)


def chosen(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    """Return the dtype that holds both choices; the condition comes first in `kinds`."""
    return keeps(kinds[1:], values)


def _concat(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Fill `out` some units of the axis at a time, and apply what follows while they are in the cache."""
    axis, ends = task.axes[0], [*accumulate(x.shape[task.axes[0]] for x in xs)]
    before = (slice(None),) * axis

    def work(mine: slice) -> None:
        first = mine.start
        for at in range(bisect(ends, first), len(xs)):
            begin, last = ends[at] - xs[at].shape[axis], min(ends[at], mine.stop)
            part = xs[at][(*before, slice(first - begin, last - begin))]
            np.copyto(out[(*before, slice(first, last))], part, casting="unsafe")
            first = last
            if first == mine.stop:
                break
        if task.then is not None:
            place = [*before, mine, *(slice(None),) * (out.ndim - axis - 1)]
            task.then((place[0], place[-1], *place[1:-1]) if task.channels_last else tuple(place))

    several = max(BLOCK * out.shape[axis] // (2 * out.nbytes), 1)
    each(work, cut(out.shape[axis], several), 2 * out.nbytes)


KERNELS = {
    "add": Kernel(combine(np.add, sum, "a sum"), accumulates, in_place=True),
    "sub": Kernel(combine(np.subtract, sum, "a difference"), accumulates, in_place=True),
    "mul": Kernel(combine(np.multiply, prod, "a product"), accumulates, in_place=True),
    "div": Kernel(combine(np.true_divide), averages, in_place=True),
    "pow": Kernel(combine(np.power, _power, "a power"), powers, in_place=True),
    "min": Kernel(extreme_of(np.minimum), extremes),
    "max": Kernel(extreme_of(np.maximum), extremes),
    "compare": Kernel(_compare, keeps, in_place=True),
    "where": Kernel(_where, chosen),
    "concat": Kernel(_concat, keeps, finishes=True),
}
