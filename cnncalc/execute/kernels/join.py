"""The kernels of layers with several inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod

import numpy as np

from ...errors import ShapeError
from ...sizes import LARGEST
from ..sums import extreme
from ..task import Array, Kernel, Task, Weights, accumulates, keeps, wide
from ..threads import blockwise


def _add(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    _combine(np.add, sum, "a sum", xs, out)


def _mul(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    _combine(np.multiply, prod, "a product", xs, out)


def _combine(
    ufunc: np.ufunc, bound: Callable[[Iterable[int]], int], what: str, xs: Sequence[Array], out: Array
) -> None:
    """Fill `out`, which may be the first array, with all of the arrays combined, float16 in float32.

    ShapeError if integers may grow beyond int64: `bound` combines their largest magnitudes.
    """
    kind = wide(out.dtype)
    if kind.kind in "iu" and (most := bound(map(extreme, xs))) > LARGEST:
        raise ShapeError(f"{what} of integers may reach {most:,}, beyond 2^63 - 1", "give the values as float64")
    xs = [np.broadcast_to(x, out.shape) for x in xs]

    def work(block: tuple[slice, ...]) -> None:
        first, second, *others = [x[block] for x in xs]
        result = ufunc(first, second, out=out[block] if kind == out.dtype else None, dtype=kind, casting="unsafe")
        for other in others:
            ufunc(result, other, out=result, dtype=kind, casting="unsafe")
        if kind != out.dtype:
            out[block] = result

    blockwise(work, out, len(xs) * out.itemsize)


def _concat(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    axis, begin = task.axes[0], 0
    for x in xs:
        end = begin + x.shape[axis]
        np.copyto(out[(slice(None),) * axis + (slice(begin, end),)], x, casting="unsafe")
        begin = end


KERNELS = {
    "add": Kernel(_add, accumulates, in_place=True),
    "mul": Kernel(_mul, accumulates),
    "concat": Kernel(_concat, keeps),
}
