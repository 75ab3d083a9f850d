"""The kernels of pad and crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import SpecError
from ...layers.border import repeated
from ..task import Array, Kernel, Place, Task, Weights, keeps
from ..threads import blockwise


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

    def work(block: Place) -> None:
        """Fill a block from the values of x that it repeats, along one axis after another."""
        taken = x[tuple([slice(None) if axis in axes else part for axis, part in enumerate(block)])]
        for axis, (before, after) in zip(axes, pads, strict=True):
            units = np.arange(*block[axis].indices(out.shape[axis]))
            taken = np.take(taken, repeated(task.values["mode"], x.shape[axis], before, after, units), axis)
        out[block] = taken

    blockwise(work, out, out.itemsize)


def _constant(task: Task, out: Array) -> float:
    value = task.values["value"]
    if out.dtype.kind == "f":
        return float(value)
    least, most = (0, 1) if out.dtype == bool else (np.iinfo(out.dtype).min, np.iinfo(out.dtype).max)
    if not float(value).is_integer() or not least <= value <= most:
        help = f"give a whole number from {least} to {most}, or x as floats"
        raise SpecError(f"value {value} is not of dtype {out.dtype}", help)
    return int(value)


def _crop(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    kept = [slice(None)] * out.ndim
    for axis, (before, _) in zip(task.axes, task.values["p"], strict=True):
        kept[axis] = slice(before, before + out.shape[axis])
    np.copyto(out, xs[0][tuple(kept)])


KERNELS = {"pad": Kernel(_pad, keeps), "crop": Kernel(_crop, keeps)}
