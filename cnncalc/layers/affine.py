"""Layers that multiply each channel by a number and add another: trained weights, constants, or statistics."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, ClassVar

from ..errors import ShapeError, shown
from ..sizes import Shape, counted
from .base import Env, Fields, Layer, Sign, Start, Trace, channels, ops
from .keys import Reader, flag, integer, numbers


class Affine(Layer):
    """The base of layers with a weight for each channel (`scale`) and a bias (`center`)."""

    VIEW = False
    SIGN = Sign.ANY
    KEEPS_SHAPE = True
    WEIGHTS: ClassVar[Mapping[str, Start]] = {"weight": 1, "bias": 0}
    KEYS: ClassVar[Mapping[str, Reader]] = {"scale": flag, "center": flag}
    HELP: ClassVar[Mapping[str, str]] = {"scale": "Whether there is a weight.", "center": "Whether there is a bias."}
    scale: bool = True
    center: bool = False

    def has_center(self) -> bool:
        """Return whether there is a bias."""
        return self.center

    def weight_shape(self, x: Shape, env: Env) -> Shape:
        """Return the shape of the weight, and of the bias."""
        return (channels(x, env),)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = self.weight_shape(x, env)
        return {role: size for role, key in (("weight", "scale"), ("bias", "center")) if values[key]}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        weights, bias = f"{counted(traced.weights)} weights", f"{counted(traced.bias)} bias"
        parts = [weights] * self.scale + [bias] * self.has_center()
        return [f"parameters: {' + '.join(parts)}"] if parts else []


class Scale(Affine):
    """Scale: one weight for each channel (layer scale), one bias, or both."""

    WORD = "scale"
    LINEAR = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if not self.scale and not self.center:
            raise ShapeError("scale has neither a weight nor a bias", "leave the layer out", key="scale")
        values = self.values(env)
        return Trace(values, x, fields, *self.counts(x, values, env))

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"{line}, one per channel" for line in super().explain(x, traced, env)]


def check_numbers(key: str, value: float | tuple[float, ...], x: Shape, env: Env) -> None:
    """Raise ShapeError unless there is one number for all channels, or one for each."""
    c = channels(x, env) if x else 1
    if not isinstance(value, tuple) or len(value) == 1:
        return
    if not isinstance(c, int):
        env.require((c, "=", len(value)))
    elif len(value) != c:
        raise ShapeError(
            f"{key} has {len(value)} numbers for {c} channels", "give one number, or one per channel", key=key
        )


class Rescale(Layer):
    """Rescaling by constants: x*factor + offset, for all channels or for each."""

    WORD = "rescale"
    VIEW = False
    LINEAR = True
    SIGN = Sign.ANY
    ADDED = {"offset": 0}
    KEEPS_SHAPE = True
    KEYS = {"factor": numbers, "offset": numbers}
    HELP = {
        "factor": "The number that values are multiplied by: one, or one per channel.",
        "offset": "The number that is then added: one, or one per channel.",
    }
    BARE = "factor"
    factor: float | tuple[float, ...] = 1
    offset: float | tuple[float, ...] = 0

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        check_numbers("factor", self.factor, x, env)
        check_numbers("offset", self.offset, x, env)
        return super().trace(x, fields, env)


LEAST_DEVIATION = 1e-7
"""The smallest divisor (keras/src/layers/preprocessing/normalization.py, keras.backend.epsilon)."""


def factors(values: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Return the factors and offsets, per channel or for all, that equal a normalization by given statistics."""
    listed = [list(v) if isinstance(v, (list, tuple)) else [v] for v in (values["mean"], values["variance"])]
    width = max(map(len, listed))
    mean, variance = [one * width if len(one) == 1 else one for one in listed]
    factor = [1 / max(sqrt(v), LEAST_DEVIATION) for v in variance]
    return factor, [-m * f for m, f in zip(mean, factor, strict=True)]


class Normalization(Layer):
    """Normalization by fixed statistics per channel: (x - mean)/sqrt(variance), given or kept with a count (Keras)."""

    WORD = "normalization"
    REFUSED = {"onnx_read": "reads as rescale", "torch_read": "reads as rescale"}
    VIEW = False
    LINEAR = True
    SIGN = Sign.ANY
    WEIGHTS = {"mean": 0, "variance": 1, "count": 0}
    BUFFERS = ("mean", "variance", "count")
    ADDED = {"mean": 0}
    KEEPS_SHAPE = True
    KEYS = {"mean": numbers, "variance": numbers}
    HELP = {
        "mean": "The mean: one number, or one per channel.",
        "variance": "The variance: one number, or one per channel.",
    }
    mean: float | tuple[float, ...] | None = None
    variance: float | tuple[float, ...] | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        given = {"mean": self.mean, "variance": self.variance}
        if (self.mean is None) != (self.variance is None):
            raise ShapeError("normalization takes both mean and variance, or neither", "give both", key="mean")
        for key, value in given.items():
            if value is not None:
                check_numbers(key, value, x, env)
        least = min(self.variance) if isinstance(self.variance, tuple) else self.variance
        if least is not None and least < 0:
            raise ShapeError(f"variance is {shown(self.variance)}: a variance must be at least 0", key="variance")
        values = {key: value for key, value in given.items() if value is not None}
        return Trace(values, x, fields, *self.counts(x, values, env))

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = (channels(x, env),)
        return {} if "mean" in values else {"mean": size, "variance": size, "count": (1,)}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"buffers: 2*{channels(x, env)} + 1, mean, variance and a count"] if traced.buffers else []


class Quantize(Layer):
    """Fake quantization: values rounded to multiples of `scale`, as many as the whole numbers from `min` to `max`."""

    WORD = "quantize"
    REFUSED = {"keras": "it has no layer for quantize", "torch_read": "reads as an opaque layer"}
    EXAMPLE = "OP:0.02"
    VIEW = False
    LINEAR = False
    SIGN = Sign.KEPT
    KEEPS_SHAPE = True
    KEYS = {"scale": numbers, "zero": numbers, "min": integer, "max": integer}
    HELP = {
        "scale": "The step between values: one, or one per channel; by default the sample's own range in 255 steps.",
        "zero": "The whole number that stands for 0: one, or one per channel.",
        "min": "The least whole number.",
        "max": "The largest whole number.",
    }
    BARE = "scale"
    scale: float | tuple[float, ...] | None = None
    zero: float | tuple[float, ...] = 0
    min: int = 0
    max: int = 255

    @property
    def sign(self) -> Sign:
        """The sign of the output, which is not negative if no integer lies below the one that stands for 0."""
        if self.scale is None:
            return Sign.KEPT
        return Sign.NOT_NEGATIVE if all(zero <= self.min for zero in self.zeros) else Sign.KEPT

    @property
    def zeros(self) -> tuple[float, ...]:
        """The integers that stand for 0, one for all channels or one for each."""
        return self.zero if isinstance(self.zero, tuple) else (self.zero,)

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        for key, value in (("scale", self.scale), ("zero", self.zero)):
            if value is not None:
                check_numbers(key, value, x, env)
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale,)
        if any(scale is not None and scale <= 0 for scale in scales):
            raise ShapeError(f"scale is {shown(self.scale)}: a step must be larger than 0", key="scale")
        if self.min >= self.max:
            raise ShapeError(f"min is {self.min} and max is {self.max}: min must not be larger than max", key="min")
        if any(zero != int(zero) or not self.min <= zero <= self.max for zero in self.zeros):
            what = f"zero is {shown(self.zero)}: it must be a whole number from {self.min} to {self.max}"
            raise ShapeError(what, key="zero")
        return super().trace(x, fields, env)

    def values(self, env: Env) -> dict[str, Any]:
        return {key: value for key, value in super().values(env).items() if value is not None}


OPS = ops(Scale, Rescale, Normalization, Quantize)
