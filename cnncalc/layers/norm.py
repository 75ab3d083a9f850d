"""Normalisations. Their statistics are taken as constants for the receptive field, as in every published table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import ShapeError
from ..sizes import Shape, Size, count, counted, product
from .base import Env, Fields, Layer, Traced, axes_of, check_channels, divides
from .keys import Reader, at_least, flag, integers, number, takes, whole, whole_form


def channels(x: Shape, env: Env) -> Size:
    """A sample's channels, or its features where it has no axes."""
    return x[-1] if env.channels_last else x[0]


class Norm(Layer):
    """A weight (`scale`) and a bias (`center`) for each channel."""

    KEEPS_SHAPE = True
    KEYS: ClassVar[dict[str, Reader]] = {"eps": number, "scale": flag, "center": flag}
    HELP: ClassVar[dict[str, str]] = {
        "eps": "What is added to the variance.",
        "scale": "Whether there is a weight.",
        "center": "Whether there is a bias.",
    }
    ALIASES = {"epsilon": "eps", "affine": "scale center", "elementwise_affine": "scale center"}
    eps: float | None = None
    scale: bool = True
    center: bool = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        values, size = self.normalised(x, env)
        weights = count(size) if self.scale else 0
        bias = count(size) if self.has_center() else 0
        values |= {"eps": env.dialect.norm_eps if self.eps is None else self.eps}
        values |= {"scale": self.scale, "center": self.has_center()}
        return Traced(values, x, fields, weights, bias, self.buffers(size))

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        size = self.weight_shape(x, env)
        return {role: size for role, has in (("weight", values["scale"]), ("bias", values["center"])) if has}

    def weight_shape(self, x: Shape, env: Env) -> Shape:
        """The shape of its weight, and of its bias."""
        return (channels(x, env),)

    def has_center(self) -> bool:
        """Whether it has a bias."""
        return self.center

    def normalised(self, x: Shape, env: Env) -> tuple[dict[str, object], Size]:
        """The keys of its own, and how many weights it has."""
        return {}, channels(x, env)

    def buffers(self, size: Size) -> int | None:
        """How many numbers it keeps that are not trained."""
        return 0

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        parts = [f"{counted(traced.weights)} weights"] * self.scale + [
            f"{counted(traced.bias)} bias"
        ] * self.has_center()
        lines = [f"parameters: {' + '.join(parts)}"] if parts else []
        return lines + ([f"buffers: 2*{channels(x, env)}, the running mean and variance"] if traced.buffers else [])


class BatchNorm(Norm):
    """Per channel over batch and space; the running mean and variance are 2C buffers."""

    ALIASES: ClassVar[dict[str, str]] = {**Norm.ALIASES, "num_features": "c_i"}
    KEYS: ClassVar[dict[str, Reader]] = {"c_i": at_least(1), **Norm.KEYS}
    c_i: int | None = None

    def normalised(self, x: Shape, env: Env) -> tuple[dict[str, object], Size]:
        c = channels(x, env)
        check_channels(self.c_i, c, x)
        return {}, c

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        shapes = super().weight_shapes(x, values, env)
        return shapes | dict.fromkeys(("running_mean", "running_var"), self.weight_shape(x, env))

    def buffers(self, size: Size) -> int | None:
        return count(2, size)


class LayerNorm(Norm):
    """Over the axes of `axis` (the last one by default); the batch is axis 0."""

    KEYS: ClassVar[dict[str, Reader]] = {"axis": integers, **Norm.KEYS}
    HELP = {**Norm.HELP, "axis": "The axes that are normalised together: the batch is 0, the last is -1."}
    axis: tuple[int, ...] = (-1,)

    def normalised(self, x: Shape, env: Env) -> tuple[dict[str, object], Size]:
        if not self.axis:
            raise ShapeError("axis names no axis", "leave it out for the last axis", key="axis")
        return {"axis": self.axis}, product(self.weight_shape(x, env))

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        return super().trace(x, fields, env)._replace(axes=self.axes(x))

    def axes(self, x: Shape) -> tuple[int, ...]:
        """Return the axes that are normalised together, in the order of the sample x, the batch being 0."""
        return tuple(sorted(axes_of(self.axis, x)))

    def weight_shape(self, x: Shape, env: Env) -> Shape:
        return tuple([x[axis - 1] for axis in self.axes(x)])


@takes("groups", lambda _: {**whole_form(-1), "not": {"const": 0}})
def groups(value: object, nd: int | None) -> int:
    """A number of groups; -1 is one for each channel (Keras)."""
    return -1 if value == -1 and type(value) is int else whole(value)


class GroupNorm(Norm):
    """Per group of channels."""

    KEYS: ClassVar[dict[str, Reader]] = {"g": groups, **Norm.KEYS}
    HELP = {**Norm.HELP, "g": "How many groups of channels; -1 is one for each channel."}
    ALIASES: ClassVar[dict[str, str]] = {**Norm.ALIASES, "num_groups": "g"}
    BARE = "g"
    NEEDED = ("g",)
    g: int

    def normalised(self, x: Shape, env: Env) -> tuple[dict[str, object], Size]:
        c = channels(x, env)
        if self.g == -1:
            return {"g": c if isinstance(c, int) else -1}, c
        divides(self.g, c, "channels")
        return {"g": self.g}, c


class InstanceNorm(Norm):
    """Per channel of each sample; without weights unless asked, and then with both."""

    DERIVED = ("center",)
    scale: bool = False

    def has_center(self) -> bool:
        return self.center if "center" in self.given else self.scale


class LocalResponseNorm(Layer):
    """Across `size` neighbouring channels (Krizhevsky et al. 2012)."""

    KEEPS_SHAPE = True
    KEYS = {"size": at_least(1), "alpha": number, "beta": number, "offset": number}
    HELP = {
        "size": "How many channels next to each other.",
        "alpha": "The factor of the mean square.",
        "beta": "The power.",
        "offset": "What is added before the power is taken.",
    }
    ALIASES = {"bias": "offset", "k": "offset"}
    BARE = "size"
    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    offset: float = 1.0

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        return Traced({"size": self.size, "alpha": self.alpha, "beta": self.beta, "offset": self.offset}, x, fields)


OPS = {
    "batchnorm": (BatchNorm, None),
    "layernorm": (LayerNorm, None),
    "groupnorm": (GroupNorm, None),
    "instancenorm": (InstanceNorm, None),
    "lrn": (LocalResponseNorm, None),
}
