"""Layers that reduce some axes of a sample to one value: mean, sum, prod, l1, l2, logsumexp."""

from __future__ import annotations

from ..errors import ShapeError
from ..sizes import Shape
from .base import Env, Fields, Layer, Sign, Trace, axes_of, ops
from .keys import flag, integers

KEYS = {"axis": integers, "keepdims": flag}
HELP = {
    "axis": "The axes to reduce, by default all: the batch is 0, the last is -1.",
    "keepdims": "Whether to keep these axes, with size 1.",
}


def reduced(axis: tuple[int, ...] | None, keepdims: bool, x: Shape, fields: Fields) -> Trace:
    """Trace a reduction of some axes of a sample x, by default all.

    Raise ShapeError if an axis is missing, or x has none.
    """
    if not x:  # in PyTorch and ONNX a reduction of no axes reduces all, the batch included
        raise ShapeError("it reduces axes, and a single number has none", "leave the layer out")
    given = tuple(range(1, len(x) + 1)) if axis is None else axis
    axes = axes_of(given, x)
    if not axes:
        raise ShapeError("axis is an empty list", "give at least one", key="axis")
    places = {axis - 1 for axis in axes}
    out = tuple([1 if at in places else n for at, n in enumerate(x) if keepdims or at not in places])
    seen = fields.pooled(sorted(places), x)
    return Trace({"axis": given, "keepdims": keepdims}, out, seen if keepdims else seen.drop(places), axes=axes)


class Reduction(Layer):
    """The base of reductions: some axes become one value, and stay with size 1 or vanish."""

    VIEW = False
    SIGN = Sign.KEPT
    MAKES_AXES = True
    EXAMPLE = "OP:axis=-1"
    KEYS = KEYS
    HELP = HELP
    axis: tuple[int, ...] | None = None
    keepdims: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        return reduced(self.axis, self.keepdims, x, fields)

    def surrogate(self, inputs: int) -> Layer:
        return super().surrogate(inputs) or Total(Total.WORD, None, self.given)


class Mean(Reduction):
    """Mean over some axes, which are kept with size 1 or removed."""

    WORD = "mean"
    LINEAR = True


class Total(Reduction):
    """Sum over some axes."""

    WORD = "sum"
    LINEAR = True


class Prod(Reduction):
    """Product over some axes."""

    WORD = "prod"
    LINEAR = False


class L1(Reduction):
    """L1 norm over some axes: the sum of |x|."""

    WORD = "l1"
    REFUSED = {"keras_read": "reads as abs and sum"}
    LINEAR = False
    SIGN = Sign.NOT_NEGATIVE


class L2(Reduction):
    """L2 norm over some axes: the square root of the sum of x**2."""

    WORD = "l2"
    REFUSED = {"keras_read": "reads as square, sum and sqrt"}
    LINEAR = False
    SIGN = Sign.NOT_NEGATIVE


class LogSumExp(Reduction):
    """Logarithm of the sum of exponentials over some axes: log(sum(exp(x)))."""

    WORD = "logsumexp"
    LINEAR = False


OPS = ops(Mean, Total, Prod, L1, L2, LogSumExp)
