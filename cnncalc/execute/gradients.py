"""Gradients of a cross-correlation: each is itself a cross-correlation, or a transposed one.

x is (N, c_i, *space), weight (c_o, c_i/g, *k), and `upstream`, the gradient of whatever is minimised with respect to
the output, (N, c_o, *out). Output u sees the inputs u*s + i*d - pb; `windows` holds k, s, d and pb of each axis.
Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning (arXiv 1603.07285), sections 4 and 5.
"""

from __future__ import annotations

import numpy as np

from .convolution.columns import Windows
from .convolution.convolve import convolve
from .convolution.transposed import scatter
from .task import Array


def weight_gradient(x: Array, upstream: Array, windows: Windows, g: int = 1) -> Array:
    """Return the gradient (c_o, c_i/g, *k): x correlated with the upstream gradient, stride and dilation exchanged."""
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


def input_gradient(upstream: Array, weight: Array, windows: Windows, space: tuple[int, ...], g: int = 1) -> Array:
    """Return the gradient (N, c_i, *space): the upstream gradient's transposed convolution with the same kernel."""
    shape = (len(upstream), weight.shape[1] * g, *space)
    gradient = np.zeros(shape, np.result_type(upstream, weight))
    scatter(upstream, weight, None, gradient, windows, g)
    return gradient
