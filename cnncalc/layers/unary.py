"""Arithmetic functions of single values, and functions of the values along some axes."""

from __future__ import annotations

from typing import Any, ClassVar

from ..errors import ShapeError
from ..sizes import Shape
from .activation import Activation, Softmax
from .base import Env, Fields, Layer, Sign, Trace, axes_of, axis_of, ops
from .keys import Reader, axis, divisor, integers, not_negative, number


class Arithmetic(Activation):
    """The base of value-by-value functions that are not used as activations."""

    FOLLOWS = False


class Abs(Arithmetic):
    """Absolute value: |x|."""

    WORD = "abs"
    SIGN = Sign.NOT_NEGATIVE


class Neg(Arithmetic):
    """Negative: -x."""

    WORD = "neg"
    LINEAR = True
    SIGN = Sign.ANY


class Sqrt(Arithmetic):
    """Square root."""

    WORD = "sqrt"
    SIGN = Sign.KEPT


class Rsqrt(Arithmetic):
    """Reciprocal of the square root: 1/sqrt(x)."""

    WORD = "rsqrt"
    REFUSED = {"onnx_read": "reads as sqrt and reciprocal"}
    SIGN = Sign.KEPT


class Square(Arithmetic):
    """Square: x*x."""

    WORD = "square"
    REFUSED = {"onnx_read": "reads as pow"}
    SIGN = Sign.NOT_NEGATIVE


class Reciprocal(Arithmetic):
    """Reciprocal: 1/x."""

    WORD = "reciprocal"
    SIGN = Sign.KEPT


class Log(Arithmetic):
    """Natural logarithm."""

    WORD = "log"
    SIGN = Sign.ANY


class Log1p(Arithmetic):
    """Natural logarithm of 1 + x."""

    WORD = "log1p"
    REFUSED = {"onnx_read": "reads as rescale and log"}
    SIGN = Sign.KEPT


class Expm1(Arithmetic):
    """Exponential minus 1: exp(x) - 1."""

    WORD = "expm1"
    REFUSED = {"onnx_read": "reads as exp and rescale"}
    SIGN = Sign.KEPT


class Floor(Arithmetic):
    """Floor: the largest whole number that is not above x."""

    WORD = "floor"
    SIGN = Sign.KEPT


class Ceil(Arithmetic):
    """Ceiling: the smallest whole number that is not below x."""

    WORD = "ceil"
    SIGN = Sign.KEPT


class Round(Arithmetic):
    """Rounding to the nearest whole number, halves to the even one."""

    WORD = "round"
    SIGN = Sign.KEPT


class Trunc(Arithmetic):
    """Truncation: x rounded to a whole number towards 0."""

    WORD = "trunc"
    REFUSED = {"onnx_read": "reads as sign, abs, floor and mul"}
    SIGN = Sign.KEPT


class SignOf(Arithmetic):
    """Sign: -1, 0 or 1."""

    WORD = "sign"
    SIGN = Sign.KEPT


class Erf(Arithmetic):
    """Error function."""

    WORD = "erf"
    SIGN = Sign.KEPT


class Sin(Arithmetic):
    """Sine."""

    WORD = "sin"
    SIGN = Sign.ANY


class Cos(Arithmetic):
    """Cosine."""

    WORD = "cos"
    SIGN = Sign.ANY


class Tan(Arithmetic):
    """Tangent."""

    WORD = "tan"
    SIGN = Sign.ANY


class Asin(Arithmetic):
    """Arcsine."""

    WORD = "asin"
    SIGN = Sign.KEPT


class Acos(Arithmetic):
    """Arccosine."""

    WORD = "acos"
    SIGN = Sign.NOT_NEGATIVE


class Atan(Arithmetic):
    """Arctangent."""

    WORD = "atan"
    SIGN = Sign.KEPT


class Sinh(Arithmetic):
    """Hyperbolic sine."""

    WORD = "sinh"
    SIGN = Sign.KEPT


class Cosh(Arithmetic):
    """Hyperbolic cosine."""

    WORD = "cosh"
    SIGN = Sign.NOT_NEGATIVE


class Asinh(Arithmetic):
    """Inverse of the hyperbolic sine."""

    WORD = "asinh"
    SIGN = Sign.KEPT


class Acosh(Arithmetic):
    """Inverse of the hyperbolic cosine."""

    WORD = "acosh"
    SIGN = Sign.NOT_NEGATIVE


class Atanh(Arithmetic):
    """Inverse of the hyperbolic tangent."""

    WORD = "atanh"
    SIGN = Sign.KEPT


class LogSigmoid(Activation):
    """Logarithm of the sigmoid: -log(1 + exp(-x))."""

    WORD = "logsigmoid"
    REFUSED = {"onnx_read": "reads as rescale, softplus and rescale"}
    SIGN = Sign.ANY


class Celu(Activation):
    """CELU, the continuous ELU: x, or alpha*(exp(x/alpha) - 1) below 0."""

    WORD = "celu"
    SIGN = Sign.KEPT
    KEYS: ClassVar[dict[str, Reader]] = {"alpha": divisor}
    BARE = "alpha"
    HELP = {"alpha": "The factor below 0, which also divides x."}
    alpha: float = 1.0


class SoftShrink(Activation):
    """Soft shrinkage: x moved towards 0 by `lambd`, or 0 within that distance of 0."""

    WORD = "softshrink"
    SIGN = Sign.KEPT
    KEYS: ClassVar[dict[str, Reader]] = {"lambd": not_negative}
    BARE = "lambd"
    HELP = {"lambd": "The distance from 0 within which values become 0."}
    lambd: float = 0.5


class HardShrink(Activation):
    """Hard shrinkage: x, or 0 within `lambd` of 0."""

    WORD = "hardshrink"
    SIGN = Sign.KEPT
    KEYS: ClassVar[dict[str, Reader]] = {"lambd": number}
    BARE = "lambd"
    HELP = {"lambd": "The distance from 0 within which values become 0."}
    lambd: float = 0.5


class TanhShrink(Activation):
    """Tanh shrinkage: x - tanh(x)."""

    WORD = "tanhshrink"
    REFUSED = {"onnx_read": "reads as tanh and sub"}
    SIGN = Sign.KEPT


class Threshold(Activation):
    """Threshold: x above `threshold`, else `value`."""

    WORD = "threshold"
    REFUSED = {"onnx_read": "reads as compare and where"}
    SIGN = Sign.ANY
    KEYS: ClassVar[dict[str, Reader]] = {"threshold": number, "value": number}
    HELP = {"threshold": "The value that x must exceed.", "value": "The output for other values."}
    threshold: float = 0.0
    value: float = 0.0

    @property
    def sign(self) -> Sign:
        if self.value < 0:
            return Sign.ANY
        return Sign.KEPT if self.threshold < 0 else Sign.NOT_NEGATIVE


class LogSoftmax(Softmax):
    """Logarithm of the softmax along one axis, by default the last."""

    WORD = "logsoftmax"
    SIGN = Sign.ANY
    HELP = {"axis": "The axis along which the exponentials sum to 1: the batch is 0, the last is -1."}


class CumSum(Layer):
    """Cumulative sum along an axis: each unit is the sum of all up to it."""

    WORD = "cumsum"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEEPS_SHAPE = True
    KEEPS_POSITIVE = True
    KEYS = {"axis": axis}
    BARE = "axis"
    HELP = {"axis": "The axis along which values are summed: the batch is 0, by default the last, -1."}
    axis: int = -1

    @property
    def overstates(self) -> str | None:
        return "a sum does not see the values after its own"

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        along = axis_of(self.axis, x)
        return Trace(self.values(env), x, fields.mixed([along - 1], x), axes=(along,))


class Normalize(Layer):
    """Normalization to a norm of 1 over some axes: x divided by its norm, or by `eps` if that is larger."""

    WORD = "normalize"
    VIEW = False
    LINEAR = False
    SIGN = Sign.KEPT
    KEEPS_SHAPE = True
    KEYS = {"axis": integers, "norm": divisor, "eps": not_negative}
    HELP = {
        "axis": "The axes over which the norm is taken: the batch is 0, the last is -1.",
        "norm": "The power of the norm: 2 is the Euclidean one.",
        "eps": "The smallest number that values are divided by.",
    }
    axis: tuple[int, ...] = (-1,)
    norm: float = 2
    eps: float = 1e-12

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if not self.axis:
            raise ShapeError("axis is an empty list", "leave it out for the last axis", key="axis")
        values: dict[str, Any] = self.values(env)
        return Trace(values, x, fields, axes=axes_of(self.axis, x))


OPS = ops(
    *(Abs, Neg, Sqrt, Rsqrt, Square, Reciprocal, Log, Log1p, Expm1, Floor, Ceil, Round, Trunc, SignOf, Erf),
    *(Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh),
    *(LogSigmoid, Celu, SoftShrink, HardShrink, TanhShrink, Threshold, LogSoftmax, CumSum, Normalize),
)
