"""The kernels of normalizations in inference mode; per-sample statistics are computed from the sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..task import Array, Dtype, Kernel, Task, Weights, averages, wide
from ..threads import blockwise, buffer, each
from .pool import sliding


def by_channel(values: Array, x: Array, kind: Dtype) -> Array:
    """Return one value per channel, shaped to broadcast with a sample of x (N, C, *space)."""
    return values.astype(kind, copy=False).reshape(-1, *(1,) * (x.ndim - 2))


def affine(x: Array, factor: Array | None, offset: Array | None, out: Array) -> None:
    """Fill out (N, C, *space), which may be x, with x*factor + offset, each of them (C, 1 …) or None."""

    def work(block: tuple[slice, ...]) -> None:
        mine, target, own = x[block], out[block], block[1] if len(block) > 1 else slice(None)
        if factor is not None:
            np.multiply(mine, factor[own], out=target, casting="unsafe")
            mine = target
        if offset is not None:
            np.add(mine, offset[own], out=target, casting="unsafe")

    blockwise(work, out, out.itemsize)


def factors(weights: Weights, eps: float) -> tuple[Array, Array]:
    """Return the factor and the offset that a batch norm applies to each channel, in float64."""
    factor = weights.get("weight", np.float64(1)) / np.sqrt(weights["running_var"].astype(np.float64) + eps)
    return factor, weights.get("bias", np.float64(0)) - weights["running_mean"] * factor


def _batchnorm(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    kind = np.result_type(wide(out.dtype), np.float32)
    factor, offset = factors(weights, task.values["eps"])
    affine(xs[0], by_channel(factor, out, kind), by_channel(offset, out, kind), out)


def _normalize(task: Task, x: Array, out: Array, axes: Sequence[int], weights: Weights, shape: Sequence[int]) -> None:
    """Fill `out` with each sample standardized over some axes, times weight, plus bias, both of shape `shape`.

    Standardizing subtracts the mean and divides by the square root of the population variance plus eps.
    """
    kind, over = wide(out.dtype), tuple(axes)
    given = map(weights.get, ("weight", "bias"))
    weight, bias = [None if w is None else w.reshape(shape).astype(kind, copy=False) for w in given]

    def work(n: int) -> None:
        sample = x[n].astype(kind)
        sample -= sample.mean(axis=over, keepdims=True)
        variance = np.square(sample).mean(axis=over, keepdims=True)
        sample /= np.sqrt(variance + kind.type(task.values["eps"]))
        if weight is not None:
            sample *= weight
        if bias is not None:
            sample += bias
        np.copyto(out[n], sample, casting="unsafe")

    each(work, range(len(x)), 1 << 62 if out.nbytes >= 1 << 20 else 0)


def _layernorm(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    shape = [n if axis in task.axes else 1 for axis, n in enumerate(out.shape[1:], 1)]
    _normalize(task, xs[0], out, [axis - 1 for axis in task.axes], weights, shape)


def _groupnorm(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Standardize g groups of channels, or each channel separately."""
    g = task.values.get("g", out.shape[1])
    source, target = [split_groups(array, g) for array in (xs[0], out)]
    _normalize(task, source, target, range(1, out.ndim), weights, (*target.shape[1:3], *(1,) * (out.ndim - 2)))


def split_groups(array: Array, g: int) -> Array:
    """Return a view (N, g, C/g, *space) of an array (N, C, *space)."""
    view = array.view()
    strides = (array.strides[0], array.strides[1] * (array.shape[1] // g), *array.strides[1:])
    shape = (len(array), g, array.shape[1] // g, *array.shape[2:])
    return np.lib.stride_tricks.as_strided(view, shape, strides)


def _lrn(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Divide x by (offset + alpha * mean of squares over `size` channels) ** beta; size//2 come before (PyTorch)."""
    v, x, kind = task.values, xs[0], wide(out.dtype)
    size, c = v["size"], out.shape[1]
    before = size // 2 if task.dialect.lrn_before_is_larger else (size - 1) // 2
    seen = sliding(c, size, 1, 1, before, 0, c)
    space = np.moveaxis(out, 1, -1)[..., 0]

    def work(block: tuple[slice, ...]) -> None:
        mine = (block[0], slice(None), *block[1:])
        squares = buffer("squares", x[mine].shape, kind)
        np.multiply(x[mine], x[mine], out=squares, casting="unsafe", dtype=kind)
        sums = buffer("sums", squares.shape, kind)
        sums[...] = 0
        for to, source in seen:
            np.add(sums[:, to], squares[:, source], out=sums[:, to])
        sums *= kind.type(v["alpha"] / size)
        sums += kind.type(v["offset"])
        if v["beta"] == 0.75:  # the usual case: two roots are faster than a power
            np.sqrt(sums, out=sums)
            np.multiply(sums, np.sqrt(sums, out=squares), out=sums)
        else:
            np.power(sums, kind.type(v["beta"]), out=sums)
        np.divide(x[mine], sums, out=out[mine], casting="unsafe")

    blockwise(work, space, 2 * c * kind.itemsize)


KERNELS = {
    "batchnorm": Kernel(_batchnorm, averages, spatial=True, in_place=True),
    "layernorm": Kernel(_layernorm, averages, in_place=True),
    "groupnorm": Kernel(_groupnorm, averages, spatial=True, in_place=True),
    "instancenorm": Kernel(_groupnorm, averages, spatial=True, in_place=True),
    "lrn": Kernel(_lrn, averages, spatial=True, in_place=True),
}
