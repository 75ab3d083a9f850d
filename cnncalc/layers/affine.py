"""Layers that multiply each channel by a number and add another: weights of their own, constants, or statistics."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, ClassVar

from ..errors import ShapeError, SpecError, shown
from ..sizes import Shape, count, counted, known, total
from .base import Env, Fields, Layer, Sign, Start, Traced, channels, ops
from .keys import Reader, flag, number, number_form, takes


class Affine(Layer):
    """A weight for each channel with `scale`, and a bias with `center`."""

    VIEW = False
    SIGN = Sign.ANY
    KEEPS_SHAPE = True
    WEIGHTS: ClassVar[Mapping[str, Start]] = {"weight": 1, "bias": 0}
    KEYS: ClassVar[Mapping[str, Reader]] = {"scale": flag, "center": flag}
    HELP: ClassVar[Mapping[str, str]] = {"scale": "Whether there is a weight.", "center": "Whether there is a bias."}
    scale: bool = True
    center: bool = False

    def has_center(self) -> bool:
        """Whether there is a bias."""
        return self.center

    def weight_shape(self, x: Shape, env: Env) -> Shape:
        """The shape of the weight, and of the bias."""
        return (channels(x, env),)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = self.weight_shape(x, env)
        return {role: size for role, key in (("weight", "scale"), ("bias", "center")) if values[key]}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        weights, bias = f"{counted(traced.weights)} weights", f"{counted(traced.bias)} bias"
        parts = [weights] * self.scale + [bias] * self.has_center()
        return [f"parameters: {' + '.join(parts)}"] if parts else []


class Scale(Affine):
    """Scale: one weight for each channel (layer scale), one bias, or both."""

    WORD = "scale"
    LINEAR = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        if not self.scale and not self.center:
            raise ShapeError("scale has neither a weight nor a bias", "leave the layer out", key="scale")
        c = count(channels(x, env))
        values = {"scale": self.scale, "center": self.center}
        return Traced(values, x, fields, c if self.scale else 0, c if self.center else 0)

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        return [f"{line}, one per channel" for line in super().explain(x, traced, env)]


def _numbers_form(nd: int | None) -> dict[str, Any]:
    return {**number_form(), "type": ["number", "array"], "items": number_form(), "minItems": 1}


@takes("numbers", _numbers_form)
def numbers(value: object, nd: int | None) -> float | tuple[float, ...]:
    """A number, or one for each channel."""
    if isinstance(value, (list, tuple)):
        if not value:
            raise SpecError(f"{shown(value)} holds no number")
        return tuple([number(one, nd) for one in value])
    return number(value, nd)


def check_numbers(key: str, value: float | tuple[float, ...], x: Shape, env: Env) -> None:
    """ShapeError unless there is one number for all channels, or one for each."""
    c = known(channels(x, env))
    if isinstance(value, tuple) and c is not None and len(value) not in (1, c):
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

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        check_numbers("factor", self.factor, x, env)
        check_numbers("offset", self.offset, x, env)
        return Traced({"factor": self.factor, "offset": self.offset}, x, fields)


LEAST_DEVIATION = 1e-7
"""The least that a value is divided by (keras/src/layers/preprocessing/normalization.py, keras.backend.epsilon)."""


def factors(values: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """The factor and the offset of each channel, or of all, that amount to a normalization with given statistics."""
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
    ADDED = {"mean": 0}
    KEEPS_SHAPE = True
    KEYS = {"mean": numbers, "variance": numbers}
    HELP = {
        "mean": "The mean: one number, or one per channel.",
        "variance": "The variance: one number, or one per channel.",
    }
    mean: float | tuple[float, ...] | None = None
    variance: float | tuple[float, ...] | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        given = {"mean": self.mean, "variance": self.variance}
        if (self.mean is None) != (self.variance is None):
            raise ShapeError("normalization takes mean and variance, or neither", "give both", key="mean")
        for key, value in given.items():
            if value is not None:
                check_numbers(key, value, x, env)
        least = min(self.variance) if isinstance(self.variance, tuple) else self.variance
        if least is not None and least < 0:
            raise ShapeError(f"variance is {shown(self.variance)}: a variance is at least 0", key="variance")
        buffers = 0 if self.mean is not None else total([count(2, channels(x, env)), 1])
        return Traced({k: v for k, v in given.items() if v is not None}, x, fields, 0, 0, buffers)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = (channels(x, env),)
        return {} if "mean" in values else {"mean": size, "variance": size, "count": (1,)}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        return [f"buffers: 2*{channels(x, env)} + 1, mean, variance and a count"] if traced.buffers else []


OPS = ops(Scale, Rescale, Normalization)
