"""Layers that work on each value alone (softmax along one axis): they keep every shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import ShapeError, SpecError, shown
from ..sizes import Shape, count, counted, product, show
from .base import Env, Fields, Layer, Traced, axes_of, axis_of
from .keys import Reader, at_least, axis, flag, integers, number, takes
from .norm import channels


class Activation(Layer):
    """A function of each value, without weights."""

    KEEPS_SHAPE = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        return Traced(self.values(env), x, fields)

    def values(self, env: Env) -> dict[str, object]:
        """The resolved keys."""
        return {}


class Identity(Activation):
    """Nothing; `axes` says how many spatial axes arrive, where no other layer does."""

    KEYS: ClassVar[dict[str, Reader]] = {"axes": at_least(0)}
    HELP = {"axes": "How many spatial axes its input has, where no layer after it tells."}
    axes: int | None = None

    def rank(self) -> int | None:
        return self.axes

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        if self.axes is not None and len(x) != self.axes + 1:
            raise ShapeError(f"axes is {self.axes}, and {show(x)} has {len(x) - 1} beside the channels", key="axes")
        return Traced({} if self.axes is None else {"axes": self.axes}, x, fields)


class LeakyRelu(Activation):
    """x, or alpha*x below 0: 0.01 by PyTorch and ONNX, 0.3 by Keras."""

    KEYS: ClassVar[dict[str, Reader]] = {"alpha": number}
    HELP = {"alpha": "The slope below 0."}
    ALIASES = {"negative_slope": "alpha"}
    alpha: float | None = None

    def values(self, env: Env) -> dict[str, object]:
        return {"alpha": env.dialect.leaky_slope if self.alpha is None else self.alpha}


class Elu(Activation):
    """x, or alpha*(exp(x) - 1) below 0."""

    KEYS: ClassVar[dict[str, Reader]] = {"alpha": number}
    HELP = {"alpha": "The factor below 0."}
    alpha: float = 1.0

    def values(self, env: Env) -> dict[str, object]:
        return {"alpha": self.alpha}


class Clip(Activation):
    """Each value at least `min` and at most `max`."""

    KEYS: ClassVar[dict[str, Reader]] = {"min": number, "max": number}
    HELP = {"min": "The least that comes out; by default there is none.", "max": "The most."}
    ALIASES = {"min_val": "min", "max_val": "max"}
    min: float | None = None
    max: float | None = None

    def values(self, env: Env) -> dict[str, object]:
        return {"min": self.min, "max": self.max}


class HardSigmoid(Activation):
    """alpha*x + 1/2, at least 0 and at most 1: alpha is 1/6 by PyTorch and Keras, 0.2 by ONNX."""

    KEYS: ClassVar[dict[str, Reader]] = {"alpha": number}
    HELP = {"alpha": "The slope around 0."}
    alpha: float | None = None

    def values(self, env: Env) -> dict[str, object]:
        return {"alpha": env.dialect.hard_slope if self.alpha is None else self.alpha}


class Gelu(Activation):
    """x times the normal distribution's share below x; `approximate` by tanh (Hendrycks & Gimpel 2016)."""

    KEYS: ClassVar[dict[str, Reader]] = {"approximate": flag}
    HELP = {"approximate": "Whether it is approximated by tanh."}
    approximate: bool = False

    def values(self, env: Env) -> dict[str, object]:
        return {"approximate": self.approximate}


class Softmax(Activation):
    """Along one axis: the last by default."""

    KEYS: ClassVar[dict[str, Reader]] = {"axis": axis}
    HELP = {"axis": "The axis along which values sum to 1: the batch is 0, the last is -1."}
    ALIASES = {"dim": "axis"}
    axis: int = -1

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        return Traced({"axis": self.axis}, x, fields, axes=(axis_of(self.axis, x),))


@takes("rate", lambda _: {"type": "number", "minimum": 0, "maximum": 1})
def rate(value: object, nd: int | None) -> float:
    """A share from 0 to 1."""
    share = number(value, nd)
    if not 0 <= share <= 1:
        raise SpecError(f"{shown(value)} is not a rate", "a rate is from 0 to 1")
    return share


class Dropout(Activation):
    """Nothing, once trained."""

    KEYS: ClassVar[dict[str, Reader]] = {"rate": rate}
    HELP = {"rate": "The share that is dropped."}
    ALIASES = {"p": "rate", "ratio": "rate"}
    rate: float = 0.5

    def values(self, env: Env) -> dict[str, object]:
        return {"rate": self.rate}


class PRelu(Layer):
    """A leaky ReLU with trained slopes: one, one a channel (PyTorch), or one a unit but along `shared_axes` (Keras)."""

    KEEPS_SHAPE = True
    KEYS = {"num_parameters": at_least(1), "shared_axes": integers}
    HELP = {
        "num_parameters": "How many slopes: 1, or one a channel.",
        "shared_axes": "Axes along which one slope serves.",
    }
    num_parameters: int | None = None
    shared_axes: tuple[int, ...] | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        if self.num_parameters is not None and self.shared_axes is not None:
            raise ShapeError("prelu takes either num_parameters or shared_axes", key="shared_axes")
        if self.shared_axes is not None or (self.num_parameters is None and env.dialect.prelu_per_unit):
            shared = self.shared_axes or ()
            axes = axes_of(shared, x, "shared_axes")
            if axes != shared:
                help = f"the axes are 1 to {len(x)}"
                raise ShapeError(f"shared_axes {shown(shared)} counts from the end", help, key="shared_axes")
            size = product(n for axis, n in enumerate(x, 1) if axis not in axes)
            return Traced({"shared_axes": shared}, x, fields, count(size), axes=axes)
        number_ = self.num_parameters or 1
        c = channels(x, env)
        if number_ != 1 and isinstance(c, int) and number_ != c:
            raise ShapeError(
                f"num_parameters is {number_}, and {c} channels arrive", f"it is 1 or {c}", key="num_parameters"
            )
        return Traced({"num_parameters": number_}, x, fields, number_)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        if "num_parameters" in values:
            return {"weight": (values["num_parameters"],)}
        return {"weight": tuple([1 if axis in values["shared_axes"] else n for axis, n in enumerate(x, 1)])}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        return [f"parameters: {counted(traced.weights)} slope{'' if traced.weights == 1 else 's'}"]


_PLAIN = (
    *("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish"),
    *("selu", "softplus", "softsign", "mish", "exp"),
)
OPS: dict[str, tuple[type[Layer], int | None]] = {
    **dict.fromkeys(_PLAIN, (Activation, None)),
    "identity": (Identity, None),
    "leakyrelu": (LeakyRelu, None),
    "elu": (Elu, None),
    "clip": (Clip, None),
    "gelu": (Gelu, None),
    "hardsigmoid": (HardSigmoid, None),
    "prelu": (PRelu, None),
    "softmax": (Softmax, None),
    "dropout": (Dropout, None),
}
