"""The kernels of layers that take a part of a sample, or a mean over some of its axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..task import Array, Kernel, Task, Weights, averages, keeps, wide


def _slice(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, v = xs[0], task.values
    taken = slice(v["start"], v["stop"], v["step"])
    np.copyto(out, x[(slice(None),) * task.axes[0] + (taken,)])


def _gather(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    indices, axis = np.asarray(task.values["indices"]), task.axes[0]
    for sample, made in zip(xs[0], out, strict=True):
        np.copyto(made, np.take(sample, indices, axis - 1))


def _mean(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, kind = xs[0], wide(out.dtype)
    np.copyto(out, x.mean(task.axes, dtype=kind, keepdims=task.values["keepdims"]), casting="unsafe")


KERNELS = {"slice": Kernel(_slice, keeps), "gather": Kernel(_gather, keeps), "mean": Kernel(_mean, averages)}
