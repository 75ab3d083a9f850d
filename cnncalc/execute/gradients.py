"""Gradients of a cross-correlation: each is itself a cross-correlation or a transposed convolution.

x is (N, c_i, *space), weight is (c_o, c_i/g, *k), and `upstream` (N, c_o, *out) is the gradient of whatever is
minimized with respect to the output. Output u sees the inputs u*s + i*d - p, where p is the padding before; the
padding after follows from the sizes. k, s, p and d are one number for all axes, or one per axis.
Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning (arXiv 1603.07285), sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import SpecError, shown
from .convolution.columns import Windows
from .convolution.convolve import convolve
from .convolution.transposed import scatter
from .task import Array

__all__ = ["bias_gradient", "input_gradient", "weight_gradient"]
PerAxis = int | Sequence[int]
"""One number for all axes, or one per axis."""


def _windows(nd: int, k: PerAxis, s: PerAxis, d: PerAxis, p: PerAxis) -> Windows:
    """Return the windows of `nd` axes. Raise SpecError for a value that is not an integer or one integer per axis."""
    axes = []
    for name, value, least in (("k", k, 1), ("s", s, 1), ("d", d, 1), ("p", p, 0)):
        numbers = (value,) * nd if isinstance(value, int) else tuple(value) if isinstance(value, Sequence) else ()
        if len(numbers) != nd or any(type(n) is not int or n < least for n in numbers):
            raise SpecError(f"{name} is {shown(value)}", f"give one whole number of at least {least}, or {nd} of them")
        axes.append(numbers)
    return Windows(*axes)


def weight_gradient(
    x: Array, upstream: Array, k: PerAxis, *, s: PerAxis = 1, p: PerAxis = 0, d: PerAxis = 1, g: int = 1
) -> Array:
    """Return the gradient (c_o, c_i/g, *k): x correlated with the upstream gradient, stride and dilation exchanged."""
    windows = _windows(x.ndim - 2, k, s, d, p)
    c_i, c_o = x.shape[1] // g, upstream.shape[1] // g
    swapped = Windows(upstream.shape[2:], windows.d, windows.s, windows.pb)
    gradient = np.empty((g * c_o, c_i, *windows.k), np.result_type(x, upstream))
    for group in range(g):
        i, o = slice(group * c_i, (group + 1) * c_i), slice(group * c_o, (group + 1) * c_o)
        convolve(x[:, i].swapaxes(0, 1), upstream[:, o].swapaxes(0, 1), None, gradient[o].swapaxes(0, 1), swapped)
    return gradient


def bias_gradient(upstream: Array) -> Array:
    """Return the gradient (c_o,): the upstream gradient, summed over the batch and over space."""
    return np.asarray(upstream.sum(axis=(0, *range(2, upstream.ndim))))


def input_gradient(
    upstream: Array,
    weight: Array,
    space: Sequence[int],
    *,
    s: PerAxis = 1,
    p: PerAxis = 0,
    d: PerAxis = 1,
    g: int = 1,
) -> Array:
    """Return the gradient (N, c_i, *space): the upstream gradient's transposed convolution with the same kernel."""
    windows = _windows(len(space), weight.shape[2:], s, d, p)
    shape = (len(upstream), weight.shape[1] * g, *space)
    gradient = np.zeros(shape, np.result_type(upstream, weight))
    scatter(upstream, weight, None, gradient, windows, g)
    return gradient
