"""Normalizations. For the receptive field their statistics count as constants, as in every published table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import ShapeError, shown
from ..sizes import Open, Shape, show
from .affine import Affine
from .base import Env, Fields, Layer, Sign, Trace, axes_of, channels, check_channels, check_divides, ops
from .keys import Reader, at_least, groups, integers, not_negative, number


class Norm(Affine):
    """The base of normalizations followed by a weight (`scale`) and a bias (`center`) for each channel."""

    LINEAR = False
    FOLLOWS = True
    KEYS: ClassVar[dict[str, Reader]] = {"eps": not_negative, **Affine.KEYS}
    HELP: ClassVar[dict[str, str]] = {**Affine.HELP, "eps": "A small number that is added to the variance."}
    ALIASES = {"affine": "scale center", "elementwise_affine": "scale center", "bias": "center"}
    CONDITIONS = frozenset({"bias"})
    eps: float | None = None
    center: bool = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        eps = env.dialect.norm_eps if self.eps is None else self.eps
        values = {**self.normalized(x, env), "eps": eps, "scale": self.scale, "center": self.has_center()}
        return Trace(values, x, fields, *self.counts(x, values, env))

    def normalized(self, x: Shape, env: Env) -> dict[str, object]:
        """Return the resolved keys of the normalization itself. Raise ShapeError if they do not fit the sample x."""
        return {}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        lines = super().explain(x, traced, env)
        return lines + ([f"buffers: 2*{channels(x, env)}, the running mean and variance"] if traced.buffers else [])


class ChannelNorm(Norm):
    """The base of normalizations per channel, whose number of channels may be declared."""

    KEYS: ClassVar[dict[str, Reader]] = {"c_i": at_least(1), **Norm.KEYS}
    c_i: int | None = None

    def normalized(self, x: Shape, env: Env) -> dict[str, object]:
        c = channels(x, env)
        check_channels(self.c_i, c, x, env)
        return {} if self.c_i is None or isinstance(c, int) else {"c_i": self.c_i}

    def weight_shape(self, x: Shape, env: Env) -> Shape:
        return super().weight_shape(x, env) if self.c_i is None else (self.c_i,)


class BatchNorm(ChannelNorm):
    """Batch normalization: per channel over batch and space; the running mean and variance are 2C buffers."""

    WORD = "batchnorm"
    ALSO = ("bn",)
    LINEAR = True
    WEIGHTS = {**Norm.WEIGHTS, "running_mean": 0, "running_var": 1}
    BUFFERS = ("running_mean", "running_var")
    ADDED = {**Norm.ADDED, "running_mean": 0}
    BARE = "c_i"

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        shapes = super().weight_shapes(x, values, env)
        return shapes | dict.fromkeys(("running_mean", "running_var"), self.weight_shape(x, env))


class LayerNorm(Norm):
    """Layer normalization: over the axes of `axis`, by default the last."""

    WORD = "layernorm"
    ALSO = ("ln",)
    KEYS: ClassVar[dict[str, Reader]] = {"axis": integers, "sizes": integers, **Norm.KEYS}
    HELP = {
        **Norm.HELP,
        "axis": "The axes to normalize over: the batch is 0, the last is -1.",
        "sizes": "The sizes of these axes, in the order of the sample, if declared.",
    }
    axis: tuple[int, ...] = (-1,)
    sizes: tuple[int, ...] | None = None

    def normalized(self, x: Shape, env: Env) -> dict[str, object]:
        if not self.axis:
            raise ShapeError("axis is an empty list", "leave it out for the last axis", key="axis")
        own = self.own(x)
        if self.sizes is None or own == self.sizes:
            return {"axis": self.axis}
        apart = [(n, size) for n, size in zip(own, self.sizes, strict=False) if n != size]
        if len(own) != len(self.sizes) or not all(isinstance(n, Open) for n, _ in apart):
            others = "" if Open in map(type, own) else f", set it to {shown(list(own))}"
            help = f"remove sizes{others}, or fix the layer before"
            raise ShapeError(f"normalizes axes of {show(self.sizes)}, gets {show(own)}", help, key="sizes")
        for n, size in apart:
            env.require((n, "=", size))
        return {"axis": self.axis, "sizes": self.sizes}

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        return super().trace(x, fields, env)._replace(axes=self.axes(x))

    def axes(self, x: Shape) -> tuple[int, ...]:
        """Return the axes that are normalized together, in the order of the sample x, with the batch as 0."""
        return tuple(sorted(axes_of(self.axis, x)))

    def own(self, x: Shape) -> Shape:
        """Return the sizes of these axes."""
        return tuple([x[axis - 1] for axis in self.axes(x)])

    def weight_shape(self, x: Shape, env: Env) -> Shape:
        return self.own(x) if self.sizes is None else self.sizes


class GroupNorm(ChannelNorm):
    """Group normalization: per sample and group of channels."""

    WORD = "groupnorm"
    ALSO = ("gn",)
    EXAMPLE = "OP:4"
    KEYS: ClassVar[dict[str, Reader]] = {"g": groups, **ChannelNorm.KEYS}
    HELP = {**Norm.HELP, "g": "The number of groups of channels; -1 means one for each channel."}
    BARE = "g"
    NEEDED = ("g",)
    g: int

    def normalized(self, x: Shape, env: Env) -> dict[str, object]:
        c, declared = channels(x, env), super().normalized(x, env)
        if self.g == -1:
            return {"g": c if isinstance(c, int) else -1, **declared}
        check_divides(self.g, c, "channels", env)
        return {"g": self.g, **declared}


class InstanceNorm(ChannelNorm):
    """Instance normalization: per sample and channel; by default without weights, with `scale` also with a bias."""

    WORD = "instancenorm"
    REFUSED = {"keras_read": "reads as a groupnorm"}
    DERIVED = ("center",)
    scale: bool = False

    def has_center(self) -> bool:
        return self.center if "center" in self.given else self.scale

    def normalized(self, x: Shape, env: Env) -> dict[str, object]:
        space = x[:-1] if env.channels_last else x[1:]
        several = [n for n in space if n != 1]
        if env.dialect.norms_several and several and all(isinstance(n, Open) for n in several):
            env.require(*[(n, ">=", 2) for n in several])
        if env.dialect.norms_several and not several:
            raise ShapeError(
                f"PyTorch refuses an instancenorm over one value per channel, but gets {show(x)}",
                "leave the layer out, or use --dialect plain",
            )
        return super().normalized(x, env)


class LocalResponseNorm(Layer):
    """Local response normalization across `size` neighboring channels (Krizhevsky et al. 2012)."""

    WORD = "lrn"
    REFUSED = {"keras": "it has no layer for lrn"}
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    FOLLOWS = True
    KEEPS_SHAPE = True
    KEYS = {"size": at_least(1), "alpha": number, "beta": number, "offset": number}
    HELP = {
        "size": "The number of neighboring channels.",
        "alpha": "The factor of the mean square.",
        "beta": "The power.",
        "offset": "The number that is added before the power is taken.",
    }
    BARE = "size"
    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    offset: float = 1.0

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        channels(x, env)
        return super().trace(x, fields, env)

    @property
    def is_linear(self) -> bool:
        return self.alpha == 0 or self.beta == 0


OPS = ops(BatchNorm, LayerNorm, GroupNorm, InstanceNorm, LocalResponseNorm)
