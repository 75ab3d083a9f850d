"""The kernels of layers that select part of a sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..task import Array, Kernel, Task, Weights, keeps


def _slice(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, v = xs[0], task.values
    taken = slice(v["start"], v["stop"], v["step"])
    np.copyto(out, x[(slice(None),) * task.axes[0] + (taken,)])


def _gather(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    indices, axis = np.asarray(task.values["indices"]), task.axes[0]
    for n, sample in enumerate(xs[0]):
        out[n] = np.take(sample, indices, axis - 1)


KERNELS = {"slice": Kernel(_slice, keeps), "gather": Kernel(_gather, keeps)}
