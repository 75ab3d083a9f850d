"""The kernels of pad and crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import SpecError
from ...layers.border import repeated
from ..task import Array, Kernel, Task, Weights, keeps


def _pad(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, pads, axes = xs[0], task.values["p"], task.axes
    if task.values["mode"] == "constant":
        out[...] = _constant(task, out)
        kept, inside = [slice(None)] * x.ndim, [slice(None)] * x.ndim
        for axis, (before, after) in zip(axes, pads, strict=True):
            n = x.shape[axis]
            kept[axis] = slice(max(-before, 0), n + min(after, 0))
            inside[axis] = slice(max(before, 0), out.shape[axis] - max(after, 0))
        out[tuple(inside)] = x[tuple(kept)]
        return
    picks = [
        np.asarray(repeated(task.values["mode"], x.shape[axis], *pair)) for axis, pair in zip(axes, pads, strict=True)
    ]
    for sample, made in zip(x, out, strict=True):
        taken = sample
        for axis, units in zip(axes[:-1], picks, strict=False):
            taken = np.take(taken, units, axis - 1)
        np.take(taken, picks[-1], axes[-1] - 1, made)


def _constant(task: Task, out: Array) -> float:
    value = task.values["value"]
    if out.dtype.kind != "f" and out.dtype.type(value) != value:
        raise SpecError(f"value {value} is not of dtype {out.dtype}", "give a whole number, or x as floats")
    return float(value) if out.dtype.kind == "f" else int(value)


def _crop(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    kept = [slice(None)] * out.ndim
    for axis, (before, _) in zip(task.axes, task.values["p"], strict=True):
        kept[axis] = slice(before, before + out.shape[axis])
    np.copyto(out, xs[0][tuple(kept)])


KERNELS = {"pad": Kernel(_pad, keeps), "crop": Kernel(_crop, keeps)}
