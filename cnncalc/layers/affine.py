"""Layers that multiply each channel by a number and add another: weights of their own, constants, or statistics."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from ..errors import ShapeError, SpecError, shown
from ..sizes import Shape, count, counted, known, total
from .base import Env, Fields, Layer, Traced
from .keys import flag, number, number_form, takes
from .norm import channels


class Scale(Layer):
    """One weight for each channel (layer scale), one bias, or both."""

    KEEPS_SHAPE = True
    KEYS = {"scale": flag, "center": flag}
    HELP = {"scale": "Whether there is a weight.", "center": "Whether there is a bias."}
    scale: bool = True
    center: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        if not self.scale and not self.center:
            raise ShapeError("scale has neither a weight nor a bias", "leave the layer out", key="scale")
        c = channels(x, env)
        values = {"scale": self.scale, "center": self.center}
        return Traced(values, x, fields, count(c) if self.scale else 0, count(c) if self.center else 0)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = (channels(x, env),)
        return {role: size for role, has in (("weight", values["scale"]), ("bias", values["center"])) if has}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        parts = [f"{counted(traced.weights)} weights"] * self.scale + [f"{counted(traced.bias)} bias"] * self.center
        return [f"parameters: {' + '.join(parts)}, one a channel"]


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
    """ShapeError where there is not one number for each channel."""
    c = known(channels(x, env))
    if isinstance(value, tuple) and c is not None and len(value) not in (1, c):
        raise ShapeError(
            f"{key} has {len(value)} numbers, and {c} channels arrive", "one number, or one a channel", key=key
        )


class Rescale(Layer):
    """x * factor + offset, constants that are no parameters: for all channels, or one for each."""

    KEEPS_SHAPE = True
    KEYS = {"factor": numbers, "offset": numbers}
    HELP = {
        "factor": "What each value is multiplied by: one number, or one a channel.",
        "offset": "What is added then: one number, or one a channel.",
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
    """The factor and the offset of each channel (or one for all) that a normalization with given statistics is."""
    listed = [list(v) if isinstance(v, (list, tuple)) else [v] for v in (values["mean"], values["variance"])]
    width = max(map(len, listed))
    mean, variance = [one * width if len(one) == 1 else one for one in listed]
    factor = [1 / max(sqrt(v), LEAST_DEVIATION) for v in variance]
    return factor, [-m * f for m, f in zip(mean, factor, strict=True)]


class Normalization(Layer):
    """(x - mean)/sqrt(variance) of each channel: given, or learnt from data and kept, with a count (Keras)."""

    KEEPS_SHAPE = True
    KEYS = {"mean": numbers, "variance": numbers}
    HELP = {"mean": "The mean: one number, or one a channel.", "variance": "The variance, in the same way."}
    mean: float | tuple[float, ...] | None = None
    variance: float | tuple[float, ...] | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        given = {"mean": self.mean, "variance": self.variance}
        if (self.mean is None) != (self.variance is None):
            raise ShapeError("normalization takes mean and variance, or neither", "give both", key="mean")
        for key, value in given.items():
            if value is not None:
                check_numbers(key, value, x, env)
        if (
            self.variance is not None
            and min(self.variance if isinstance(self.variance, tuple) else [self.variance]) < 0
        ):
            raise ShapeError(f"variance is {shown(self.variance)}: a variance is at least 0", key="variance")
        buffers = 0 if self.mean is not None else total([count(2, channels(x, env)), 1])
        return Traced({k: v for k, v in given.items() if v is not None}, x, fields, 0, 0, buffers)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = (channels(x, env),)
        return {} if "mean" in values else {"mean": size, "variance": size, "count": (1,)}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        return [f"buffers: 2*{channels(x, env)} + 1, mean, variance and a count"] if traced.buffers else []


OPS = {"scale": (Scale, None), "rescale": (Rescale, None), "normalization": (Normalization, None)}
