"""The kernels of layers in which paths meet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ...errors import ShapeError
from ...sizes import LARGEST
from ..exact import extreme
from ..task import Array, Kernel, Task, Weights, accumulates, keeps, wide
from ..threads import blockwise


def _bounded(out: Array, bound: int, what: str) -> None:
    if out.dtype.kind in "iu" and bound > LARGEST:
        raise ShapeError(f"{what} of integers may reach {bound:,}, beyond 2^63 - 1", "give the values as float64")


def _add(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    if out.dtype.kind in "iu":
        _bounded(out, sum(map(extreme, xs)), "a sum")
    _combine(np.add, xs, out)


def _mul(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    if out.dtype.kind in "iu":
        _bounded(out, reduce(lambda a, b: a * b, map(extreme, xs)), "a product")
    _combine(np.multiply, [np.broadcast_to(x, out.shape) for x in xs], out)


def _combine(ufunc: np.ufunc, xs: Sequence[Array], out: Array) -> None:
    """All of the arrays combined, float16 in float32; `out` may be the first."""
    kind = wide(out.dtype)

    def work(block: tuple[slice, ...]) -> None:
        first, second, *others = [x[block] for x in xs]
        found = out[block] if kind == out.dtype else None
        found = ufunc(first, second, out=found, dtype=kind, casting="unsafe")
        for other in others:
            found = ufunc(found, other, out=found, dtype=kind, casting="unsafe")
        if kind != out.dtype:
            out[block] = found

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
