"""The kernels of linear layers, and of layers that only reshape a sample or reorder its axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..sums import sum_dtype
from ..task import Array, Kernel, Task, Weights, accumulates, keeps
from ..threads import each, shares


def _linear(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, weight, bias = xs[0], weights["weight"], weights.get("bias")
    if task.channels_last:  # stored (in, out)
        weight = weight.T
    kind = sum_dtype(x, weight, bias, out, weight.shape[1])
    rows, to = x.reshape(-1, x.shape[-1]), out.reshape(-1, out.shape[-1])
    room = task.scratch // 4 // kind.itemsize
    most = max(room // weight.shape[1], 1) if weight.dtype != kind else len(weight)
    at_once = max(room // (weight.shape[1] + most), 1)

    def work(mine: slice) -> None:
        for first in range(mine.start, mine.stop, most):
            some = slice(first, min(first + most, mine.stop))
            kernel = weight[some].T.astype(kind, copy=False)
            for begin in range(0, len(rows), at_once):
                these = slice(begin, begin + at_once)
                product = rows[these].astype(kind, copy=False) @ kernel
                if bias is not None:
                    product += bias[some].astype(kind, copy=False)
                np.copyto(to[these, some], product, casting="unsafe")

    few = len(rows) == 1  # the BLAS multiplies a vector in one thread, limited by memory
    each(work, shares(len(weight), weight.nbytes) if few else [slice(0, len(weight))])


def in_order(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Fill `out` with the values of x in order."""
    if not np.may_share_memory(xs[0], out):
        np.copyto(out, xs[0].reshape(out.shape))


def _permute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    np.copyto(out, xs[0].transpose(0, *task.axes))


KERNELS = {
    "linear": Kernel(_linear, accumulates),
    "flatten": Kernel(in_order, keeps, in_place=True),
    "reshape": Kernel(in_order, keeps, in_place=True),
    "permute": Kernel(_permute, keeps),
}
