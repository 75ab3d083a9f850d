"""The kernels of layers that reduce some axes of a sample to one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2, prod
from typing import Any

import numpy as np

from ...sizes import LARGEST
from ..sums import extreme, too_large
from ..task import Array, Compute, Kernel, Task, Weights, accumulates, averages, wide


def reduction(ufunc: np.ufunc, bound: Callable[[int, int], int] | None = None, what: str = "") -> Compute:
    """Return the kernel of a reduction by a binary function, with float16 computed in float32.

    `bound` returns the largest result for a magnitude and a number of integers; ShapeError if it is beyond int64.
    """

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        x, kind = xs[0], wide(out.dtype)
        if kind.kind in "iu" and bound is not None:
            most = bound(extreme(x), prod([x.shape[axis] for axis in task.axes]))
            if most > LARGEST:
                raise too_large(what, most)
        result = ufunc.reduce(x, axis=task.axes, dtype=kind, keepdims=task.values["keepdims"])
        np.copyto(out, result, casting="unsafe")

    return compute


def _sum(largest: int, count: int) -> int:
    return largest * count


def _product(largest: int, count: int) -> int:
    return largest**count if largest < 2 or log2(largest) * count < 128 else 1 << 200


def _mean(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, kind = xs[0], wide(out.dtype)
    np.copyto(out, x.mean(task.axes, dtype=kind, keepdims=task.values["keepdims"]), casting="unsafe")


def sample_by_sample(function: Callable[[Array, tuple[int, ...], bool], Any]) -> Compute:
    """Return the kernel of a function of a sample, its axes and whether they stay, with float16 computed in float32."""

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        kind, axes = wide(out.dtype), tuple([axis - 1 for axis in task.axes])
        for n, x in enumerate(xs[0]):
            out[n] = function(x.astype(kind), axes, task.values["keepdims"])

    return compute


def _l1(x: Array, axes: tuple[int, ...], keepdims: bool) -> Any:
    return np.abs(x, out=x).sum(axes, keepdims=keepdims)


def _l2(x: Array, axes: tuple[int, ...], keepdims: bool) -> Any:
    return np.sqrt(np.square(x, out=x).sum(axes, keepdims=keepdims))


def _logsumexp(x: Array, axes: tuple[int, ...], keepdims: bool) -> Any:
    most = x.max(axes, keepdims=True)
    most[~np.isfinite(most)] = 0
    x -= most
    result = np.log(np.exp(x, out=x).sum(axes, keepdims=True))
    result += most
    return result if keepdims else result.squeeze(axes)


def _integer_l1(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Compute sums of magnitudes; sums of integers stay integers."""
    if out.dtype.kind in "iu":
        most = _sum(extreme(xs[0]), prod([xs[0].shape[axis] for axis in task.axes]))
        if most > LARGEST:
            raise too_large("a sum", most)
    sample_by_sample(_l1)(task, xs, weights, out)


KERNELS = {
    "mean": Kernel(_mean, averages),
    "sum": Kernel(reduction(np.add, _sum, "a sum"), accumulates),
    "prod": Kernel(reduction(np.multiply, _product, "a product"), accumulates),
    "l1": Kernel(_integer_l1, accumulates),
    "l2": Kernel(sample_by_sample(_l2), averages),
    "logsumexp": Kernel(sample_by_sample(_logsumexp), averages),
}
