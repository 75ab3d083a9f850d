"""Convolutions: plain, depthwise and separable, in 1 to 3 dimensions (cross-correlation; `flip` flips the kernel)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, ClassVar

from ..errors import ShapeError
from ..field import MOST_PHASES, Field
from ..sizes import Count, Shape, Size, atom, count, counted, known, total
from .base import (
    KERNEL,
    ConvKind,
    Env,
    Fields,
    Sign,
    StepKind,
    Trace,
    check_channels,
    check_divides,
    join,
    ops,
    space_of,
)
from .keys import Axes, Reader, at_least, flag, per_axis, sides, spread
from .sliding import AxisWindow, Slide, Windowed, check_fits, explain_slides, place, sides_of

WINDOW_KEYS = {"k": per_axis(1), "s": per_axis(1), "p": sides, "p_total": per_axis(0), "d": per_axis(1)}
CHANNEL_KEYS = {"c_i": at_least(1), "c_o": at_least(1)}
OUT_KEY = {"out": per_axis(1)}
OUT_HELP = {"out": "The output's sizes, from which the padding is computed: one number, or one per axis."}
LAST_KEYS = {"bias": flag, "flip": flag}
Keys = dict[str, Any]
"""Resolved keys."""
Measured = tuple[Sequence[AxisWindow], Size, Keys, Shape, tuple[Count, Count, Count], Count]
"""The windows, the output channels, the resolved keys, the output shape, the counts of arrays and the MACs."""


class Convolution(Windowed):
    """The base of convolutions: a window with a kernel of k taps per axis, 1 by default."""

    LINEAR = True
    SIGN = Sign.ANY
    WEIGHTS = {"weight": KERNEL, "bias": 0}
    KEYS: ClassVar[Mapping[str, Reader]] = {**CHANNEL_KEYS, **WINDOW_KEYS, "g": at_least(1), **OUT_KEY, **LAST_KEYS}
    HELP: ClassVar[Mapping[str, str]] = OUT_HELP
    ORDERS: ClassVar[tuple[str, str]] = ("c_o, c_i/g, k", "k, c_i/g, c_o")
    """The axes of its kernels in NCHW and in NHWC."""
    BARE = "c_o"
    c_i: int | None = None
    c_o: int | None = None
    k: Axes = 1
    s: Axes = 1
    g: int = 1
    bias: bool = True
    flip: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        windows, c_o, values, out, counts, macs = env.once(self, x, self.measured)
        place = len(x) - 1 if env.channels_last else 0
        if fields.axes[place] is not None:
            fields = self.see_channels(fields, place, x, c_o)
        seen = fields.each(space_of(x, env), windows, lambda field, window: window.see(field))
        return Trace(values, out, seen, *counts, macs, macs)

    def measured(self, x: Shape, env: Env) -> Measured:
        """Return what follows from the shape of the input."""
        c_i, space = self.split(x, env)
        check_channels(self.c_i, c_i, x, env)
        c_i = c_i if self.c_i is None else self.c_i
        windows, keys = self.windows(space, env)
        c_o, own = self.kernels(c_i, env)
        values = {"c_i": known(c_i), "c_o": known(c_o), **keys, **own, "bias": self.bias, "flip": self.flip}
        counts = self.counts(x, values if type(c_i) is int else {**values, "c_i": c_i, "c_o": c_o}, env)
        out = tuple([window.out for window in windows])
        macs = count(counts[0], *self.positions(space, out))  # also the number of weights if none were shared
        return windows, c_o, values, join(c_o, out, env), counts, macs

    def placed(self, space: Shape, env: Env) -> Sequence[AxisWindow]:
        return self.windows(space, env)[0]

    def see_channels(self, fields: Fields, place: int, x: Shape, c_o: Size) -> Fields:
        """Return the fields in which an output channel sees its group, for channels that run along an input axis."""
        groups, own, made = self.groups(x[place]), known(x[place]), known(c_o)
        if groups == 1 or own is None or made is None:
            return fields.whole([place], x)
        each, alike = own // groups, made // groups
        if alike > MOST_PHASES:
            return fields.at(place, Field.lost)
        return fields.at(place, lambda field: field.spread([(0, each - 1)] * alike, each))

    def groups(self, c_i: Size) -> int:
        """Return the number of separate groups of channels."""
        return self.g

    def windows(self, space: Shape, env: Env) -> tuple[Sequence[AxisWindow], Keys]:
        """Return the window on each axis, and the resolved keys that place it."""
        return self.slides(space, env)

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], Keys]:
        """Return the sliding window on each axis, and the resolved k, s, p, d."""
        nd = len(space)
        k, s, d = spread(self.k, nd), spread(self.s, nd), spread(self.d, nd)
        p = None if self.works_out_padding else self.padding(nd, env)
        if isinstance(p, str) and p.startswith("same") and not env.dialect.strided_same and max(s) > 1:
            raise ShapeError(
                f"PyTorch refuses padding {p} together with a stride: s is {'x'.join(map(str, s))}",
                "write the padding as numbers, or use --dialect plain for Keras's meaning",
                key="p",
            )
        wanted = self.wanted(nd)
        strides = self.strides_dilated(env) or max(d) == 1
        slides = place(space, k, s, d, p, ceil=False, wanted=wanted, strides=strides)
        check_fits(slides, self.p_total is not None, env, wanted=wanted)
        keys = {"k": k, "s": s, "p": sides_of(slides, p), "d": d}
        return slides, keys if wanted is None else {**keys, "out": wanted}

    def kernels(self, c_i: Size, env: Env) -> tuple[Size, Keys]:
        """Return the number of output channels and the other resolved keys.

        Raise ShapeError if c_i does not fit them.
        """
        raise NotImplementedError

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        if len(shape) == nd:  # one channel in and out
            shape = (*shape, 1, 1) if env.channels_last else (1, 1, *shape)
        return cls.keys_of_kernel(shape, g, env) if nd is not None and len(shape) == nd + 2 else {}

    @classmethod
    def keys_of_kernel(cls, kernel: tuple[int, ...], g: int, env: Env) -> dict[str, Any]:
        """Return the keys that follow from the shape of its only kernel; empty if it has several kernels."""
        return {}

    def positions(self, space: Shape, out: Shape) -> Shape:
        """Return the sizes of the map over which the kernel moves: every weight is used once at each position."""
        return out

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        if values["c_i"] is None:  # open or unknown
            c_i, _ = self.split(x, env)
            values = {**values, "c_i": c_i, "c_o": self.kernels(c_i, env)[0]}
        return self.kernel_shapes(values, env) | ({"bias": (values["c_o"],)} if self.bias else {})

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        """Return the shape of each kernel: NCHW (c_o, c_i/g, k), NHWC (k, c_i/g, c_o)."""
        raise NotImplementedError

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        """Return the size of each axis, the parameters and the multiply-accumulates as formulas."""
        c_i, space = self.split(x, env)
        form, product = self.weights_text({**traced.values, "c_i": self.c_i or c_i})
        _, out = self.split(traced.out, env)
        positions = self.positions(space, out)
        name = "out" if positions is out else "in"
        return [
            *self.explain_windows(space, env),
            params_text(form, product, "c_o", traced),
            f"MACs: {name}*({form}) = {times(positions)}*({product}) = {counted(traced.macs)}",
        ]

    def explain_windows(self, space: Shape, env: Env) -> list[str]:
        """Return the formula of each axis with its numbers."""
        return explain_slides(self.slides(space, env)[0])

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        """Return the number of weights as a formula in letters and in numbers."""
        raise NotImplementedError


def check_strided_dilation(s: tuple[int, ...], d: tuple[int, ...], env: Env) -> None:
    """Raise ShapeError if the dialect does not allow a stride and a dilation together."""
    if not env.dialect.strided_dilation and max(s) > 1 and max(d) > 1:
        strides, dilations = ["x".join(map(str, numbers)) for numbers in (s, d)]
        raise ShapeError(
            f"Keras refuses a stride and a dilation together: s is {strides}, d is {dilations}",
            "make one of the two 1",
            key="d",
        )


def times(*factors: object) -> str:
    """Return `64*3*7*7` from numbers and tuples of numbers; `?` for an unknown number."""
    flat: list[object] = []
    for factor in factors:
        flat += factor if isinstance(factor, (tuple, list)) else [factor]
    return "*".join("?" if f is None else atom(f) for f in flat)


def params_text(form: str, product: str, bias: str, traced: Trace) -> str:
    """Return the line with the number of parameters: the formula of the weights, and the bias if there is one."""
    if traced.bias != 0:
        form, product = f"{form} + {bias}", f"{product} + {counted(traced.bias)}"
    return f"parameters: {form} = {product} = {counted(total([traced.weights, traced.bias]))}"


class Conv(Convolution):
    """Convolution: c_o kernels, each over c_i/g channels."""

    WORD = "conv"
    EXAMPLE = "OP:64,k3,p1"
    CONVOLUTION = ConvKind.PLAIN
    STEP = StepKind.SUM
    NEEDED = ("c_o",)
    c_o: int

    def strides_dilated(self, env: Env) -> bool:
        return env.dialect.strided_dilation

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], Keys]:
        slides, keys = super().slides(space, env)
        check_strided_dilation(keys["s"], keys["d"], env)
        return slides, keys

    def kernels(self, c_i: Size, env: Env) -> tuple[Size, Keys]:
        check_divides(self.g, c_i, "c_i", env, also=self.c_o)
        check_divides(self.g, self.c_o, "c_o", env, also=known(c_i))
        return self.c_o, {"g": self.g}

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return {"weight": _dense_shape(self.c_o, values["c_i"] // self.g, values["k"], env)}

    @classmethod
    def keys_of_kernel(cls, kernel: tuple[int, ...], g: int, env: Env) -> dict[str, Any]:
        *k, _, c_o = kernel if env.channels_last else (*kernel[2:], kernel[1], kernel[0])
        return {"c_o": c_o, "k": k}

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        if self.g == 1:
            return "c_o*c_i*k", times(self.c_o, values["c_i"], values["k"])
        return "c_o*c_i/g*k", times(self.c_o, f"({times(values['c_i'])}/{self.g})", values["k"])


class ChannelwiseConv(Convolution):
    """The base of depthwise and separable convolutions: `multiplier` kernels for each channel alone."""

    KEYS = {**CHANNEL_KEYS, "multiplier": at_least(1), **WINDOW_KEYS, **OUT_KEY, **LAST_KEYS}
    HELP: ClassVar[Mapping[str, str]] = {**OUT_HELP, "multiplier": "The number of kernels for each channel."}
    DIALECT_WORDS = "channelwise_words"

    def fan_in(self, role: str, shape: tuple[int, ...], values: Mapping[str, Any], env: Env) -> int:
        return super().fan_in(role, shape, values, env) if role == "pointwise" else prod(values["k"])


class DepthwiseConv(ChannelwiseConv):
    """Depthwise convolution: `multiplier` kernels for each channel."""

    WORD = "dwconv"
    ALSO = ("dw", "depthwise")
    REFUSED = {"onnx_read": "reads as a conv with groups"}
    EXAMPLE = "OP:k3,p1"
    CONVOLUTION = ConvKind.DEPTHWISE
    STEP = StepKind.SUM
    ORDERS = ("c_o, 1, k", "k, c_i, multiplier")
    HELP = {**ChannelwiseConv.HELP, "c_o": "The number of output channels; by default c_i*multiplier."}
    multiplier: int | None = None

    def groups(self, c_i: Size) -> int:
        return known(c_i) or 1

    def kernels(self, c_i: Size, env: Env) -> tuple[Size, Keys]:
        multiplier = self.times_each(c_i, env)
        return self.c_o or c_i * multiplier, {"multiplier": multiplier}

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return {"weight": _channelwise_shape(values, env)}

    @classmethod
    def keys_of_kernel(cls, kernel: tuple[int, ...], g: int, env: Env) -> dict[str, Any]:
        return {"k": kernel[:-2], "multiplier": kernel[-1]} if env.channels_last else {"k": kernel[2:]}

    def times_each(self, c_i: Size, env: Env) -> int:
        """Return the multiplier, derived from c_o if not given. Raise ShapeError if the two disagree."""
        c_o, multiplier = self.c_o, self.multiplier
        if c_o is None:
            return multiplier or 1
        if multiplier is None:
            if not isinstance(c_i, int):
                raise ShapeError("the multiplier c_o/c_i is unknown while c_i is open", "give multiplier", key="c_o")
            times_each, rest = divmod(c_o, c_i)
            if rest:
                what = f"c_o={c_o} is not a multiple of c_i={c_i}: {c_o} = {times_each}*{c_i} + {rest}"
                near = " or ".join(f"c_o={n * c_i}" for n in (times_each, times_each + 1) if n)
                raise ShapeError(what, f"give {near}; sepconv and conv give any number of channels", key="c_o")
            return times_each
        if not isinstance(c_i, int):
            env.require((c_i * multiplier, "=", c_o))
        elif c_i * multiplier != c_o:
            raise ShapeError(f"c_o is {c_o}, but c_i*multiplier = {c_i}*{multiplier}", "leave c_o out", key="c_o")
        return multiplier

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        return "c_i*multiplier*k", times(values["c_i"], values["multiplier"], values["k"])


class SeparableConv(ChannelwiseConv):
    """Separable convolution: `multiplier` kernels for each channel, then a 1x1 convolution over all of them."""

    WORD = "sepconv"
    ALSO = ("separable",)
    REFUSED = {"onnx_read": "reads as two convs", "torch_read": "reads as a dwconv and a conv"}
    EXAMPLE = "OP:64,k3,p1"
    CONVOLUTION = ConvKind.SEPARABLE
    WEIGHTS = {"depthwise": KERNEL, "pointwise": KERNEL, "bias": 0}
    NEEDED = ("c_o",)
    c_o: int
    multiplier: int = 1

    def kernels(self, c_i: Size, env: Env) -> tuple[Size, Keys]:
        return self.c_o, {"multiplier": self.multiplier}

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        inner, ones = values["c_i"] * self.multiplier, (1,) * len(values["k"])
        return {"depthwise": _channelwise_shape(values, env), "pointwise": _dense_shape(self.c_o, inner, ones, env)}

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        each = times(values["c_i"], self.multiplier)
        return "c_i*multiplier*(k + c_o)", f"{each}*({times(values['k'])} + {self.c_o})"


def _dense_shape(c_o: int, c_i: int, k: tuple[int, ...], env: Env) -> Shape:
    return (*k, c_i, c_o) if env.channels_last else (c_o, c_i, *k)


def _channelwise_shape(values: Mapping[str, Any], env: Env) -> Shape:
    """Return the shape of the depthwise kernels: NCHW (c_i*multiplier, 1, k), NHWC (k, c_i, multiplier)."""
    c_i, multiplier, k = values["c_i"], values["multiplier"], values["k"]
    return (*k, c_i, multiplier) if env.channels_last else (c_i * multiplier, 1, *k)


OPS = ops(Conv, DepthwiseConv, SeparableConv)
