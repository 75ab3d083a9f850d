"""The kernels of pad and crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import SpecError
from ..task import Array, Kernel, Task, Weights, keeps


def _pad(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, pads = xs[0], task.values["p"]
    space = x.shape[2:]
    if task.values["mode"] == "constant":
        out[...] = _constant(task, out)
        inside = [slice(b, b + n) for (b, _), n in zip(pads, space, strict=True)]
        out[(slice(None), slice(None), *inside)] = x
        return
    pick(x, out, [_picked(task.values["mode"], n, b, a) for (b, a), n in zip(pads, space, strict=True)])


def pick(x: Array, out: Array, inputs: Sequence[Array]) -> None:
    """Fill each map of `out` from those of x: `inputs` are, on each axis, the input of each output."""
    grid = np.ix_(*inputs)
    for n, c in np.ndindex(x.shape[:2]):
        out[n, c] = x[n, c][grid]


def _constant(task: Task, out: Array) -> float:
    value = task.values["value"]
    if out.dtype.kind != "f" and out.dtype.type(value) != value:
        raise SpecError(f"value {value} is not of dtype {out.dtype}", "give a whole number, or x as floats")
    return float(value) if out.dtype.kind == "f" else int(value)


def _picked(mode: str, n: int, before: int, after: int) -> Array:
    """Return which of n inputs each output is."""
    at = np.arange(-before, n + after)
    if mode in ("circular", "wrap"):
        return at % n
    if mode == "reflect":
        at = np.abs(at)
        return np.asarray(np.where(at >= n, 2 * (n - 1) - at, at))
    return np.clip(at, 0, n - 1)


def _crop(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    space = [slice(b, b + n) for (b, _), n in zip(task.values["p"], out.shape[2:], strict=True)]
    np.copyto(out, xs[0][(slice(None), slice(None), *space)])


KERNELS = {"pad": Kernel(_pad, keeps, spatial=True), "crop": Kernel(_crop, keeps, spatial=True)}
