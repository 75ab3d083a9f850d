"""The kernels of activations: value-by-value functions, one cache-sized block at a time, and softmax along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import erfc, log, pi

import numpy as np

from ..task import Array, Dtype, Kernel, Task, Weights, averages, keeps, wide
from ..threads import blockwise, buffer
from .dense import in_order

Function = Callable[[Array, Array, Task], object]
"""A function that fills the second array, which may be the first, from the first."""


def pointwise(function: Function) -> Callable[[Task, Sequence[Array], Weights, Array], None]:
    """Return a kernel that applies a function block by block, with float16 computed in float32."""

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        x, kind = xs[0], wide(out.dtype)

        def work(block: tuple[slice, ...]) -> None:
            mine, target = x[block], out[block]
            if mine.dtype == target.dtype == kind:
                function(mine, target, task)
                return
            some = buffer("pointwise", mine.shape, kind)
            np.copyto(some, mine, casting="unsafe")
            function(some, some, task)
            np.copyto(target, some, casting="unsafe")

        blockwise(work, out, 2 * kind.itemsize)

    return compute


def _relu(x: Array, out: Array, task: Task) -> None:
    zero = x.dtype.type(0)
    if x.dtype.kind == "f":  # NumPy clips to two bounds twice as fast as it takes the maximum with one
        np.clip(x, zero, x.dtype.type(np.inf), out=out)
    else:
        np.maximum(x, zero, out=out)


def _relu6(x: Array, out: Array, task: Task) -> None:
    if x.dtype == bool:
        np.copyto(out, x)
    else:
        np.clip(x, x.dtype.type(0), x.dtype.type(6), out=out)


def _leakyrelu(x: Array, out: Array, task: Task) -> None:
    slope = x.dtype.type(task.values["alpha"])
    below = x * slope
    if 0 <= slope <= 1:
        np.maximum(x, below, out=out)
    else:
        np.copyto(out, np.where(x > 0, x, below))


def _exponential(x: Array, out: Array, alpha: float) -> None:
    """Fill `out` with x above 0, with alpha * (exp(x) - 1) below."""
    below = np.expm1(np.minimum(x, 0))
    below *= x.dtype.type(alpha)
    np.copyto(out, np.where(x > 0, x, below))


def _elu(x: Array, out: Array, task: Task) -> None:
    _exponential(x, out, task.values["alpha"])


def _sigmoid(x: Array, out: Array, task: Task) -> None:
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def _silu(x: Array, out: Array, task: Task) -> None:
    below = np.exp(-x)
    below += 1
    np.divide(x, below, out=out)


def _hardsigmoid(x: Array, out: Array, task: Task) -> None:
    np.multiply(x, x.dtype.type(task.values["alpha"]), out=out)
    out += x.dtype.type(0.5)
    np.clip(out, 0, 1, out=out)


def _hardswish(x: Array, out: Array, task: Task) -> None:
    gate = x + x.dtype.type(3)
    np.clip(gate, 0, 6, out=gate)
    np.multiply(x, gate, out=out)
    out /= 6


def _clip(x: Array, out: Array, task: Task) -> None:
    least, most = task.values["min"], task.values["max"]
    if least is not None or most is not None:
        np.clip(x, least, most, out=out)
    else:
        np.copyto(out, x)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Klambauer et al. 2017, Self-Normalizing Neural Networks, equation 14."""


def _selu(x: Array, out: Array, task: Task) -> None:
    _exponential(x, out, SELU_ALPHA)
    out *= x.dtype.type(SELU_SCALE)


def _gelu(x: Array, out: Array, task: Task) -> None:
    """Fill `out` with x/2 erfc(-x/sqrt(2)), the default of PyTorch and of Keras, or with its approximation by tanh."""
    if task.values["approximate"]:
        inner = x * x * x
        inner *= x.dtype.type(0.044715)
        inner += x
        inner *= x.dtype.type((2 / pi) ** 0.5)
        np.tanh(inner, out=inner)
        inner += 1
        inner *= x.dtype.type(0.5)
        np.multiply(x, inner, out=out)
        return
    share = erfc_of(x * x.dtype.type(-(0.5**0.5)))
    share *= x.dtype.type(0.5)
    np.multiply(x, share, out=out)


FAR = 26.0
"""The number from which on erfc counts as 0; it is 1e-296 there."""


@lru_cache(maxsize=2)
def _tail(kind: Dtype) -> Array:
    """Return the Chebyshev coefficients of log(erfc(z)/t) + z**2 over t = 2/(2 + z), to this dtype's precision.

    The form is that of W. H. Press et al., Numerical Recipes, 3rd edition, 6.2.2.
    """
    from numpy.polynomial import chebyshev

    nearest = 2 / (2 + FAR)

    def logarithm(u: float) -> float:
        t = nearest + (u + 1) / 2 * (1 - nearest)
        z = 2 / t - 2
        return log(erfc(z) / t) + z * z

    coefficients = chebyshev.chebinterpolate(np.vectorize(logarithm), 36)
    keep = np.abs(coefficients) > np.finfo(kind).eps / 64
    return np.asarray(coefficients[: int(np.flatnonzero(keep)[-1]) + 1].astype(kind))


def erfc_of(x: Array) -> Array:
    """Return the complementary error function of an array of floats."""
    z = np.abs(x)
    np.minimum(z, x.dtype.type(FAR), out=z)
    nearest = 2 / (2 + FAR)
    t = 2 / (2 + z)
    u = (t - x.dtype.type(nearest)) * x.dtype.type(2 / (1 - nearest)) - 1
    *others, first = _tail(x.dtype)[::-1]
    later, last = np.zeros_like(u), np.zeros_like(u)
    twice = 2 * u
    for coefficient in others:  # Clenshaw's recurrence
        later, last = twice * later - last + coefficient, later
    exponent = u * later - last + first
    exponent -= z * z
    positive = t * np.exp(exponent)
    return np.asarray(np.where(x < 0, 2 - positive, positive), x.dtype)


def _softmax(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, along = xs[0], task.axes[0] - 1
    kind = wide(out.dtype)
    for n in range(len(x)):
        mine = x[n].astype(kind)
        mine -= mine.max(axis=along, keepdims=True)
        np.exp(mine, out=mine)
        np.divide(mine, mine.sum(axis=along, keepdims=True), out=out[n], casting="unsafe")


def _prelu(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    slopes = weights["weight"].astype(wide(out.dtype), copy=False)
    if slopes.size > 1 and "num_parameters" in task.values and not task.channels_last:
        slopes = slopes.reshape(-1, *(1,) * (out.ndim - 2))
    for n, x in enumerate(xs[0]):
        np.copyto(out[n, ...], np.where(x > 0, x, x * slopes), casting="unsafe")


FUNCTIONS: dict[str, Function] = {
    "relu": _relu,
    "relu6": _relu6,
    "leakyrelu": _leakyrelu,
    "elu": _elu,
    "gelu": _gelu,
    "silu": _silu,
    "sigmoid": _sigmoid,
    "tanh": lambda x, out, _: np.tanh(x, out=out),
    "hardswish": _hardswish,
    "hardsigmoid": _hardsigmoid,
    "selu": _selu,
    "softplus": lambda x, out, _: np.logaddexp(x, x.dtype.type(0), out=out),
    "softsign": lambda x, out, _: np.divide(x, np.abs(x) + 1, out=out),
    "mish": lambda x, out, _: np.multiply(x, np.tanh(np.logaddexp(x, x.dtype.type(0))), out=out),
    "exp": lambda x, out, _: np.exp(x, out=out),
    "clip": _clip,
}
"""The value-by-value functions, by op."""
KERNELS = {
    op: Kernel(pointwise(function), averages, in_place=True, each=function) for op, function in FUNCTIONS.items()
}
KERNELS |= {op: KERNELS[op]._replace(dtype=keeps) for op in ("relu", "relu6")}
KERNELS |= {
    "identity": Kernel(in_order, keeps, in_place=True),
    "dropout": Kernel(in_order, keeps, in_place=True),
    "softmax": Kernel(_softmax, averages, in_place=True),
    "prelu": Kernel(_prelu, averages, in_place=True),
}
