"""Layers that work value by value (softmax along one axis), and so keep every shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import ShapeError, shown
from ..sizes import LARGEST, Shape, counted, show
from .base import Env, Fields, Layer, Sign, Start, Trace, axes_of, axis_of, channels, ops
from .keys import Reader, at_least, axis, flag, integers, number, rate, space_axes


class Activation(Layer):
    """A function of each value, without weights."""

    VIEW = False
    LINEAR = False
    KEEPS_SHAPE = True
    FOLLOWS = True


class Relu(Activation):
    """ReLU, the rectified linear unit: max(x, 0)."""

    WORD = "relu"
    SIGN = Sign.NOT_NEGATIVE
    KEEPS_POSITIVE = True


class Relu6(Activation):
    """ReLU6: x, at least 0 and at most 6."""

    WORD = "relu6"
    SIGN = Sign.NOT_NEGATIVE
    KEEPS_POSITIVE = True


class Silu(Activation):
    """SiLU (swish): x*sigmoid(x)."""

    WORD = "silu"
    ALSO = ("swish",)
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True


class Sigmoid(Activation):
    """Sigmoid: 1/(1 + exp(-x))."""

    WORD = "sigmoid"
    SIGN = Sign.NOT_NEGATIVE


class Tanh(Activation):
    """Hyperbolic tangent."""

    WORD = "tanh"
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True


class HardSwish(Activation):
    """Hard swish: x*relu6(x + 3)/6."""

    WORD = "hardswish"
    ALSO = ("hswish",)
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True


class Selu(Activation):
    """SELU, the self-normalizing ELU: 1.0507*x, or 1.7581*(exp(x) - 1) below 0."""

    WORD = "selu"
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True


class Softplus(Activation):
    """Softplus: log(1 + exp(x))."""

    WORD = "softplus"
    SIGN = Sign.NOT_NEGATIVE


class Softsign(Activation):
    """Softsign: x/(1 + |x|)."""

    WORD = "softsign"
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True


class Mish(Activation):
    """Mish: x*tanh(softplus(x))."""

    WORD = "mish"
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True


class Exp(Activation):
    """Exponential: exp(x)."""

    WORD = "exp"
    SIGN = Sign.NOT_NEGATIVE


class Identity(Activation):
    """Identity: the input as it is; `axes` gives its number of spatial axes if no other layer does."""

    WORD = "identity"
    FOLLOWS = False
    VIEW = True
    LINEAR = True
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True
    KEYS: ClassVar[dict[str, Reader]] = {"axes": space_axes}
    HELP = {"axes": "The number of its input's spatial axes, if no other layer decides it."}
    axes: int | None = None

    def rank(self) -> int | None:
        return self.axes

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if self.axes is not None and len(x) != self.axes + 1:
            raise ShapeError(
                (f"axes is {self.axes}, but {show(x)} has {len(x) - 1} axes besides the channels"), key="axes"
            )
        return Trace({} if self.axes is None else {"axes": self.axes}, x, fields)


class LeakyRelu(Activation):
    """Leaky ReLU: x, or alpha*x below 0; alpha is 0.01 in PyTorch and ONNX, 0.3 in Keras."""

    WORD = "leakyrelu"
    ALSO = ("lrelu",)
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True
    KEYS: ClassVar[dict[str, Reader]] = {"alpha": number}
    BARE = "alpha"
    HELP = {"alpha": "The slope below 0."}
    alpha: float | None = None

    @property
    def is_linear(self) -> bool:
        return self.alpha == 1

    def values(self, env: Env) -> dict[str, Any]:
        return {"alpha": env.dialect.leaky_slope if self.alpha is None else self.alpha}


class Elu(Activation):
    """ELU, the exponential linear unit: x, or alpha*(exp(x) - 1) below 0."""

    WORD = "elu"
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True
    KEYS: ClassVar[dict[str, Reader]] = {"alpha": number}
    BARE = "alpha"
    HELP = {"alpha": "The factor below 0."}
    alpha: float = 1.0


class Clip(Activation):
    """Clip: each value at least `min` and at most `max`."""

    WORD = "clip"
    SIGN = Sign.ANY
    KEYS: ClassVar[dict[str, Reader]] = {"min": number, "max": number}
    HELP = {
        "min": "The smallest value of the output; unlimited by default.",
        "max": "The largest value of the output; unlimited by default.",
    }
    ALIASES = {"min_val": "min", "max_val": "max"}
    min: float | None = None
    max: float | None = None

    @staticmethod
    def bound(number: float, end: int) -> float | None:
        """Return a bound at an end (-1 for `min`, 1 for `max`); None if it cuts nothing off.

        Raise ValueError for an infinite bound at the wrong end and for NaN, which keep no number.
        """
        if abs(number) <= LARGEST:
            return number
        if number * end > 0:
            return None
        raise ValueError(f"{number} leaves no finite value")

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ShapeError(f"min is {self.min} and max is {self.max}: min must not be larger than max", key="min")
        return super().trace(x, fields, env)

    @property
    def is_linear(self) -> bool:
        return self.min is None and self.max is None

    @property
    def sign(self) -> Sign:
        if self.max is not None and self.max < 0:
            return Sign.ANY
        return Sign.KEPT if self.min is None or self.min < 0 else Sign.NOT_NEGATIVE


class HardSigmoid(Activation):
    """Hard sigmoid: alpha*x + 1/2, at least 0 and at most 1; alpha is 1/6 in PyTorch and Keras, 0.2 in ONNX."""

    WORD = "hardsigmoid"
    ALSO = ("hsigmoid",)
    SIGN = Sign.NOT_NEGATIVE
    KEYS: ClassVar[dict[str, Reader]] = {"alpha": number}
    BARE = "alpha"
    HELP = {"alpha": "The slope around 0."}
    alpha: float | None = None

    def values(self, env: Env) -> dict[str, Any]:
        return {"alpha": env.dialect.hard_slope if self.alpha is None else self.alpha}


class Gelu(Activation):
    """GELU: x times the share of the normal distribution below x (Hendrycks & Gimpel 2016)."""

    WORD = "gelu"
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True
    KEYS: ClassVar[dict[str, Reader]] = {"approximate": flag}
    HELP = {"approximate": "Whether to approximate it by tanh."}
    approximate: bool = False


class Softmax(Activation):
    """Softmax along one axis, by default the last."""

    WORD = "softmax"
    SIGN = Sign.NOT_NEGATIVE
    KEYS: ClassVar[dict[str, Reader]] = {"axis": axis}
    BARE = "axis"
    HELP = {"axis": "The axis along which values sum to 1: the batch is 0, the last is -1."}
    axis: int = -1

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        return Trace(self.values(env), x, fields, axes=(axis_of(self.axis, x),))


class Dropout(Activation):
    """Dropout: the identity, as in a trained network."""

    WORD = "dropout"
    FOLLOWS = False
    VIEW = True
    LINEAR = True
    SIGN = Sign.KEPT
    KEEPS_POSITIVE = True
    KEYS: ClassVar[dict[str, Reader]] = {"rate": rate}
    BARE = "rate"
    HELP = {"rate": "The fraction of values that training drops."}
    rate: float = 0.5


class PRelu(Layer):
    """PReLU: a leaky ReLU with trained slopes: one, one per channel, or one per unit, shared along `shared_axes`."""

    WORD = "prelu"
    VIEW = False
    LINEAR = False
    SIGN = Sign.KEPT
    WEIGHTS: ClassVar[dict[str, Start]] = {"weight": 0.25}
    KEEPS_SHAPE = True
    FOLLOWS = True
    KEYS = {"num_parameters": at_least(1), "shared_axes": integers}
    BARE = "num_parameters"
    HELP = {
        "num_parameters": "The number of slopes: 1, or one per channel.",
        "shared_axes": "The axes along which all units share a slope.",
    }
    num_parameters: int | None = None
    shared_axes: tuple[int, ...] | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if self.num_parameters is not None and self.shared_axes is not None:
            raise ShapeError("prelu takes either num_parameters or shared_axes", key="shared_axes")
        if self.shared_axes is not None or (self.num_parameters is None and env.dialect.prelu_per_unit):
            shared = self.shared_axes or ()
            if axes_of(shared, x, "shared_axes") != shared:
                help = f"the axes are 1 to {len(x)}"
                raise ShapeError(f"shared_axes {shown(shared)} counts from the end", help, key="shared_axes")
            values: dict[str, Any] = {"shared_axes": shared}
            return Trace(values, x, fields, *self.counts(x, values, env), axes=shared)
        slopes, c = self.num_parameters or 1, channels(x, env)
        if slopes != 1 and not isinstance(c, int):
            env.require((c, "=", slopes))
        elif slopes not in (1, c):
            what = f"num_parameters is {slopes}, but the input has {c} channels"
            raise ShapeError(what, f"set it to 1 or {c}", key="num_parameters")
        return Trace({"num_parameters": slopes}, x, fields, slopes)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        if "num_parameters" in values:
            return {"weight": (values["num_parameters"],)}
        return {"weight": tuple([1 if axis in values["shared_axes"] else n for axis, n in enumerate(x, 1)])}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"parameters: {counted(traced.weights)} slope{'' if traced.weights == 1 else 's'}"]


OPS = ops(
    *(Relu, Relu6, Silu, Sigmoid, Tanh, HardSwish, Selu, Softplus, Softsign, Mish, Exp),
    *(Identity, LeakyRelu, Elu, Clip, Gelu, HardSigmoid, PRelu, Softmax, Dropout),
)
