"""The kernels of layers that multiply each channel by a number and add another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...layers.affine import LEAST_DEVIATION
from ..task import Array, Dtype, Kernel, Task, Weights, averages, wide
from .norm import affine, by_channel


def _scale(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    kind = wide(out.dtype)
    weight, bias = [by_channel(w, out, kind) if w is not None else None for w in map(weights.get, ("weight", "bias"))]
    affine(xs[0], weight, bias, out)


def _rescale(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    factor, offset = [_constant(task.values[key], out, wide(out.dtype)) for key in ("factor", "offset")]
    affine(xs[0], factor, offset, out)


def _constant(value: object, out: Array, kind: Dtype) -> Array:
    """Return a number, or one per channel, shaped to broadcast with a sample."""
    if out.ndim == 1:  # one number per sample
        return np.asarray(value, kind).reshape(1)
    return by_channel(np.broadcast_to(np.asarray(value, kind), (out.shape[1],)), out, kind)


def _normalization(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Compute (x - mean) / max(sqrt(variance), 1e-7), as Keras's layer does."""
    kind = wide(out.dtype)
    mean, variance = [np.asarray(weights.get(key, task.values.get(key)), np.float64) for key in ("mean", "variance")]
    factor = 1 / np.maximum(np.sqrt(variance), LEAST_DEVIATION)
    affine(xs[0], _constant(factor, out, kind), _constant(-mean * factor, out, kind), out)


def _quantize(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Compute (clip(round(x/scale) + zero, min, max) - zero)*scale, with halves rounded to even."""
    kind, v = wide(out.dtype), task.values
    for n in range(len(out)):
        own = slice(n, n + 1)
        x = xs[0][own].astype(kind, copy=False)
        scale, zero = _range(x, v) if "scale" not in v else [_constant(v[key], out, kind) for key in ("scale", "zero")]
        whole = np.rint(x / scale)
        whole += zero
        np.clip(whole, v["min"], v["max"], out=whole)
        whole -= zero
        np.multiply(whole, scale, out=out[own], casting="unsafe")


def _range(x: Array, values: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return the scale and the zero of a sample's own range, extended to contain 0 (onnx, DynamicQuantizeLinear)."""
    least, most = min(x.min(), x.dtype.type(0)), max(x.max(), x.dtype.type(0))
    scale = (most - least) / x.dtype.type(values["max"] - values["min"])
    scale = scale if scale > 0 else x.dtype.type(1)
    return scale, np.rint(np.clip(values["min"] - least / scale, values["min"], values["max"]))


KERNELS = {
    "quantize": Kernel(_quantize, averages, spatial=True),
    "scale": Kernel(_scale, averages, spatial=True, in_place=True),
    "rescale": Kernel(_rescale, averages, spatial=True, in_place=True),
    "normalization": Kernel(_normalization, averages, spatial=True, in_place=True),
}
