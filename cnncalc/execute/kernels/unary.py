"""The kernels of arithmetic functions of single values, and of functions of the values along some axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, pi

import numpy as np

from ...sizes import LARGEST
from ..sums import extreme, too_large
from ..task import Array, Compute, Kernel, Task, Weights, accumulates, averages, keeps, wide
from .activation import Function, erfc_of, pointwise


def plain(ufunc: np.ufunc) -> Function:
    """Return a NumPy function as a value-by-value function."""
    return lambda x, out, _: ufunc(x, out=out)


def whole(ufunc: np.ufunc) -> Function:
    """Return a NumPy function with integral results, which leaves integers unchanged."""

    def function(x: Array, out: Array, task: Task) -> None:
        if x.dtype.kind == "f":
            ufunc(x, out=out)
        else:
            np.copyto(out, x)

    return function


def _sign(x: Array, out: Array, task: Task) -> None:
    if x.dtype == bool:
        np.copyto(out, x)
    else:
        np.sign(x, out=out)


def exact(function: Function, power: int, what: str) -> Compute:
    """Return the kernel of a function whose results have the magnitude of the input to a power.

    Raise ShapeError if integers may grow beyond int64.
    """
    each = pointwise(function)

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        if out.dtype.kind in "iu" and (most := extreme(xs[0]) ** power) > LARGEST:
            raise too_large(what, most)
        each(task, xs, weights, out)

    return compute


def _rsqrt(x: Array, out: Array, task: Task) -> None:
    np.sqrt(x, out=out)
    np.reciprocal(out, out=out)


NEAR = 0.5
"""The distance from 0 within which the error function is computed by its power series."""
SERIES = [2 / pi**0.5 * (-1) ** n / (factorial(n) * (2 * n + 1)) for n in range(14)]
"""The coefficients of that series, of x, x**3, x**5 …"""


def _erf(x: Array, out: Array, task: Task) -> None:
    squared, sum_of_powers = x * x, np.full_like(x, SERIES[-1])
    for coefficient in reversed(SERIES[:-1]):  # Horner's rule
        sum_of_powers *= squared
        sum_of_powers += x.dtype.type(coefficient)
    sum_of_powers *= x
    np.copyto(out, np.where(np.abs(x) < NEAR, sum_of_powers, 1 - erfc_of(x)))


def _logsigmoid(x: Array, out: Array, task: Task) -> None:
    np.negative(x, out=out)
    np.logaddexp(out, x.dtype.type(0), out=out)
    np.negative(out, out=out)


def _celu(x: Array, out: Array, task: Task) -> None:
    alpha = x.dtype.type(task.values["alpha"])
    below = np.expm1(x / alpha)
    below *= alpha
    np.copyto(out, np.where(x > 0, x, below))


def _softshrink(x: Array, out: Array, task: Task) -> None:
    lambd = x.dtype.type(task.values["lambd"])
    moved = np.where(x > 0, x - lambd, x + lambd)
    np.copyto(out, np.where((x >= -lambd) & (x <= lambd), x.dtype.type(0), moved))


def _hardshrink(x: Array, out: Array, task: Task) -> None:
    lambd = x.dtype.type(task.values["lambd"])
    np.copyto(out, np.where((x >= -lambd) & (x <= lambd), x.dtype.type(0), x))


def _threshold(x: Array, out: Array, task: Task) -> None:
    least, value = x.dtype.type(task.values["threshold"]), x.dtype.type(task.values["value"])
    np.copyto(out, np.where(x <= least, value, x))


def _logsoftmax(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    along = task.axes[0] - 1
    for n, x in enumerate(xs[0]):
        mine = x.astype(wide(out.dtype))
        mine -= mine.max(axis=along, keepdims=True)
        mine -= np.log(np.exp(mine).sum(axis=along, keepdims=True))
        out[n] = mine


def _cumsum(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    kind, along = wide(out.dtype), task.axes[0]
    if kind.kind in "iu" and (most := extreme(xs[0]) * out.shape[along]) > LARGEST:
        raise too_large("a sum", most)
    for x, target in zip(xs[0], out, strict=True):
        np.copyto(target, np.cumsum(x, axis=along - 1, dtype=kind), casting="unsafe")


def _normalize(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    axes, power, kind = tuple([axis - 1 for axis in task.axes]), task.values["norm"], wide(out.dtype)
    for n, x in enumerate(xs[0]):
        mine = x.astype(kind)
        powers = np.abs(mine, out=out[n] if out.dtype == kind else None)  # the output array serves as working memory
        powers **= kind.type(power)
        norm = powers.sum(axes, keepdims=True) ** kind.type(1 / power)
        out[n] = np.divide(mine, np.maximum(norm, kind.type(task.values["eps"])), out=mine)


FUNCTIONS: dict[str, Function] = {
    "sqrt": plain(np.sqrt),
    "rsqrt": _rsqrt,
    "reciprocal": plain(np.reciprocal),
    "log": plain(np.log),
    "log1p": plain(np.log1p),
    "expm1": plain(np.expm1),
    "erf": _erf,
    "sin": plain(np.sin),
    "cos": plain(np.cos),
    "tan": plain(np.tan),
    "asin": plain(np.arcsin),
    "acos": plain(np.arccos),
    "atan": plain(np.arctan),
    "sinh": plain(np.sinh),
    "cosh": plain(np.cosh),
    "asinh": plain(np.arcsinh),
    "acosh": plain(np.arccosh),
    "atanh": plain(np.arctanh),
    "logsigmoid": _logsigmoid,
    "celu": _celu,
    "softshrink": _softshrink,
    "hardshrink": _hardshrink,
    "tanhshrink": lambda x, out, _: np.subtract(x, np.tanh(x), out=out),
    "threshold": _threshold,
}
"""The real value-by-value functions."""
WHOLE: dict[str, Function] = {
    "floor": whole(np.floor),
    "ceil": whole(np.ceil),
    "round": whole(np.rint),
    "trunc": whole(np.trunc),
    "sign": _sign,
}
"""The functions that keep the dtype of integers."""
KERNELS = {
    op: Kernel(pointwise(function), averages, in_place=True, each=function) for op, function in FUNCTIONS.items()
}
KERNELS |= {op: Kernel(pointwise(function), keeps, in_place=True) for op, function in WHOLE.items()}
KERNELS |= {
    "abs": Kernel(exact(plain(np.abs), 1, "a magnitude"), accumulates, in_place=True),
    "neg": Kernel(exact(plain(np.negative), 1, "a negative"), accumulates, in_place=True),
    "square": Kernel(exact(plain(np.square), 2, "a square"), accumulates, in_place=True),
    "logsoftmax": Kernel(_logsoftmax, averages, in_place=True),
    "cumsum": Kernel(_cumsum, accumulates),
    "normalize": Kernel(_normalize, averages, in_place=True),
}
