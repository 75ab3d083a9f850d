"""The kernels of layers that repeat, roll or stack values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..task import Array, Kernel, Task, Weights, keeps


def _expand(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x = xs[0]
    np.copyto(out, x.reshape(len(x), *(1,) * (out.ndim - x.ndim), *x.shape[1:]))


def _tile(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, pairs = xs[0], list(zip(task.values["repeats"], xs[0].shape[1:], strict=True))
    once = x.reshape(len(x), *[size for _, n in pairs for size in (1, n)])
    np.copyto(out.reshape(len(out), *[size for pair in pairs for size in pair]), once)


def _roll(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, axes, shifts = xs[0], task.axes, task.values["shift"]
    for halves in np.ndindex(*(2,) * len(axes)):
        taken, put = [slice(None)] * x.ndim, [slice(None)] * x.ndim
        for axis, shift, over in zip(axes, shifts, halves, strict=True):
            kept = x.shape[axis] - shift % x.shape[axis]
            taken[axis] = slice(kept, None) if over else slice(kept)
            put[axis] = slice(shift % x.shape[axis]) if over else slice(shift % x.shape[axis], None)
        np.copyto(out[tuple(put)], x[tuple(taken)])


def _stack(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    for at, x in enumerate(xs):
        np.copyto(out[(slice(None),) * task.axes[0] + (at,)], x, casting="unsafe")


KERNELS = {
    "expand": Kernel(_expand, keeps),
    "tile": Kernel(_tile, keeps),
    "roll": Kernel(_roll, keeps),
    "stack": Kernel(_stack, keeps),
}
