"""Convolutions: plain, depthwise and separable, in 1 to 3 dimensions (cross-correlation; `flip` turns the kernel)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, ClassVar

from ..errors import ShapeError
from ..sizes import Shape, Size, atom, count, counted, known, total
from .base import KERNEL, ConvKind, Env, Fields, Layer, Sign, Traced, check_channels, divides, each_axis, join, ops
from .keys import Axes, Reader, Sides, at_least, flag, per_axis, sides, spread
from .sliding import AxisWindow, Slide, by_total, check_fits, explain_slides, place, sides_of

WINDOW_KEYS = {"k": per_axis(1), "s": per_axis(1), "p": sides, "p_total": per_axis(0), "d": per_axis(1)}
CHANNEL_KEYS = {"c_i": at_least(1), "c_o": at_least(1)}
LAST_KEYS = {"bias": flag, "flip": flag}
Keys = dict[str, Any]
"""Resolved keys."""


class Convolution(Layer):
    """What all of them share: a window with a kernel of k taps per axis, 1 by default."""

    VIEW = False
    LINEAR = True
    SIGN = Sign.ANY
    RANKS = (2, 1, 3)
    WEIGHTS = {"weight": KERNEL, "bias": 0}
    KEYS: ClassVar[Mapping[str, Reader]] = {**CHANNEL_KEYS, **WINDOW_KEYS, "g": at_least(1), **LAST_KEYS}
    BARE = "c_o"
    c_i: int | None = None
    c_o: int | None = None
    k: Axes = 1
    s: Axes = 1
    p: Sides = 0
    p_total: Axes | None = None
    d: Axes = 1
    g: int = 1
    bias: bool = True
    flip: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c_i, space = self.split(x, env)
        check_channels(self.c_i, c_i, x)
        windows, keys = self.windows(space, env)
        c_o, weights, own = self.kernels(c_i, keys["k"], env)
        out = tuple([window.out for window in windows])
        macs = count(weights, *self.positions(space, out))  # and as many weights, if none were shared
        values = {"c_i": known(c_i), "c_o": known(c_o), **keys, **own, "bias": self.bias, "flip": self.flip}
        bias = count(c_o) if self.bias else 0
        seen = each_axis(fields, windows, lambda field, window: window.see(field))
        return Traced(values, join(c_o, out, env), seen, weights, bias, 0, macs, macs)

    def windows(self, space: Shape, env: Env) -> tuple[Sequence[AxisWindow], Keys]:
        """The window on each axis, and the resolved keys that place it."""
        return self.slides(space, env)

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], Keys]:
        """The sliding window on each axis, and the resolved k, s, p, d."""
        nd = len(space)
        k, s, d = spread(self.k, nd), spread(self.s, nd), spread(self.d, nd)
        p = self.p if self.p_total is None else by_total(self.p_total, nd)
        if isinstance(p, str):
            check_conv_word(p, s, nd, self.words(env), env)
        slides = place(space, k, s, d, p, ceil=False)
        check_fits(slides, self.p_total is not None)
        return slides, {"k": k, "s": s, "p": sides_of(slides, p), "d": d}

    def words(self, env: Env) -> frozenset[str]:
        """The padding words that the dialect allows."""
        return env.dialect.conv_words

    def kernels(self, c_i: Size, k: tuple[int, ...], env: Env) -> tuple[Size, int | None, Keys]:
        """Output channels, number of weights and own resolved keys. ShapeError if c_i does not go with the keys."""
        raise NotImplementedError

    def positions(self, space: Shape, out: Shape) -> Shape:
        """The sizes of the map at each of whose positions all weights are used once."""
        return out

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return self.kernel_shapes(values, env) | ({"bias": (values["c_o"],)} if self.bias else {})

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        """The shape of each kernel: NCHW (c_o, c_i/g, k), NHWC (k, c_i/g, c_o)."""
        raise NotImplementedError

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        """The size of each axis, the parameters and the multiply-accumulates as the products they are."""
        _, space = self.split(x, env)
        form, product = self.weights_text(traced.values)
        _, out = self.split(traced.out, env)
        positions = self.positions(space, out)
        name = "out" if positions is out else "in"
        return [
            *self.explain_windows(space, env),
            params_text(form, product, "c_o", traced),
            f"MACs: {name}*({form}) = {times(positions)}*({product}) = {counted(traced.macs)}",
        ]

    def explain_windows(self, space: Shape, env: Env) -> list[str]:
        """The formula of each axis with its numbers."""
        return explain_slides(self.slides(space, env)[0])

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        """How many weights there are, as a formula and with its numbers."""
        raise NotImplementedError


def check_conv_word(word: str, s: tuple[int, ...], nd: int, words: frozenset[str], env: Env) -> None:
    """ShapeError for a padding word that the dialect or the number of axes does not allow."""
    if word == "causal" and nd != 1:
        raise ShapeError(f"causal padding is for one axis, this layer has {nd}", "write the sides, as p=0+1x2", key="p")
    check_word(word, words, env)
    if word.startswith("same") and not env.dialect.strided_same and max(s) > 1:
        raise ShapeError(
            f"PyTorch refuses padding {word} together with a stride: s is {'x'.join(map(str, s))}",
            "write the padding as numbers, or use --dialect plain for Keras's meaning",
            key="p",
        )


def check_word(word: str, words: frozenset[str], env: Env) -> None:
    """ShapeError for a padding word that the dialect does not have."""
    if word not in words:
        help = f"the words are {', '.join(sorted(words))}" if words else "write the padding as numbers"
        here = " here" if env.dialect.conv_words else ""
        raise ShapeError(f"{env.dialect.title} has no padding {word!r}{here}", help, key="p")


def check_strided_dilation(s: tuple[int, ...], d: tuple[int, ...], env: Env) -> None:
    """ShapeError if the dialect refuses a stride and a dilation together."""
    if not env.dialect.strided_dilation and max(s) > 1 and max(d) > 1:
        strides, dilations = ["x".join(map(str, numbers)) for numbers in (s, d)]
        raise ShapeError(
            f"Keras refuses a stride and a dilation together: s is {strides}, d is {dilations}",
            "make one of the two 1",
            key="d",
        )


def times(*factors: object) -> str:
    """`64*3*7*7` from numbers and tuples of them; `?` for a number that is not known."""
    flat: list[object] = []
    for factor in factors:
        flat += factor if isinstance(factor, (tuple, list)) else [factor]
    return "*".join("?" if f is None else atom(f) for f in flat)


def params_text(form: str, product: str, bias: str, traced: Traced) -> str:
    """The line that says how many parameters there are: the weights' formula, and the bias if there is one."""
    if traced.bias != 0:
        form, product = f"{form} + {bias}", f"{product} + {counted(traced.bias)}"
    return f"parameters: {form} = {product} = {counted(total([traced.weights, traced.bias]))}"


class Conv(Convolution):
    """Convolution: c_o kernels, each over c_i/g channels."""

    WORD = "conv"
    EXAMPLE = "OP:64,k3,p1"
    CONVOLUTION = ConvKind.PLAIN
    NEEDED = ("c_o",)
    c_o: int

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], Keys]:
        slides, keys = super().slides(space, env)
        check_strided_dilation(keys["s"], keys["d"], env)
        return slides, keys

    def kernels(self, c_i: Size, k: tuple[int, ...], env: Env) -> tuple[Size, int | None, Keys]:
        divides(self.g, c_i, "c_i", also=self.c_o)
        divides(self.g, self.c_o, "c_o", also=known(c_i))
        return self.c_o, count(self.c_o, c_i // self.g, *k), {"g": self.g}

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return {"weight": _dense_shape(self.c_o, values["c_i"] // self.g, values["k"], env)}

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        if len(shape) == nd:  # one channel in and out
            return {"c_o": 1, "k": list(shape)}
        if nd is None or len(shape) != nd + 2:
            return {}
        *k, _, c_o = shape if env.channels_last else (*shape[2:], shape[1], shape[0])
        return {"c_o": c_o, "k": k}

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        if self.g == 1:
            return "c_o*c_i*k", times(self.c_o, values["c_i"], values["k"])
        return "c_o*c_i/g*k", times(self.c_o, f"({times(values['c_i'])}/{self.g})", values["k"])


class ChannelwiseConv(Convolution):
    """What depthwise and separable convolutions share: `multiplier` kernels for each channel alone."""

    KEYS = {**CHANNEL_KEYS, "multiplier": at_least(1), **WINDOW_KEYS, **LAST_KEYS}
    HELP: ClassVar[Mapping[str, str]] = {"multiplier": "The number of kernels for each channel."}
    ALIASES = {"depth_multiplier": "multiplier"}

    def words(self, env: Env) -> frozenset[str]:
        return env.dialect.channelwise_words

    def fan_in(self, role: str, shape: tuple[int, ...], values: Mapping[str, Any], env: Env) -> int:
        return super().fan_in(role, shape, values, env) if role == "pointwise" else prod(values["k"])


class DepthwiseConv(ChannelwiseConv):
    """Depthwise convolution: `multiplier` kernels for each channel."""

    WORD = "dwconv"
    REFUSED = {"onnx_read": "reads as a conv with groups"}
    EXAMPLE = "OP:k3,p1"
    CONVOLUTION = ConvKind.DEPTHWISE
    HELP = {**ChannelwiseConv.HELP, "c_o": "The number of output channels; by default c_i*multiplier."}
    multiplier: int | None = None

    def kernels(self, c_i: Size, k: tuple[int, ...], env: Env) -> tuple[Size, int | None, Keys]:
        multiplier = self.times_each(c_i)
        return c_i * multiplier, count(c_i, multiplier, *k), {"multiplier": multiplier}

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return {"weight": _channelwise_shape(values, env)}

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        if len(shape) == nd:
            return {"k": list(shape)}
        if nd is None or len(shape) != nd + 2:
            return {}
        return {"k": list(shape[:nd]), "multiplier": shape[-1]} if env.channels_last else {"k": list(shape[2:])}

    def times_each(self, c_i: Size) -> int:
        """The multiplier, from c_o if it is not given; ShapeError if the two disagree."""
        c_o, multiplier = self.c_o, self.multiplier
        if c_o is None:
            return multiplier or 1
        if multiplier is None:
            if not isinstance(c_i, int):
                raise ShapeError("the multiplier c_o/c_i is not known while c_i is open", "give multiplier", key="c_o")
            divides(c_i, c_o, "c_o", "c_o")
            return c_o // c_i
        if isinstance(c_i, int) and c_i * multiplier != c_o:
            raise ShapeError(f"c_o is {c_o}, and c_i*multiplier = {c_i}*{multiplier}", "leave c_o out", key="c_o")
        return multiplier

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        return "c_i*multiplier*k", times(values["c_i"], values["multiplier"], values["k"])


class SeparableConv(ChannelwiseConv):
    """Separable convolution: `multiplier` kernels for each channel, then a 1x1 convolution over all of them."""

    WORD = "sepconv"
    REFUSED = {"onnx_read": "reads as two convs", "torch_read": "reads as a dwconv and a conv"}
    EXAMPLE = "OP:64,k3,p1"
    CONVOLUTION = ConvKind.SEPARABLE
    WEIGHTS = {"depthwise": KERNEL, "pointwise": KERNEL, "bias": 0}
    NEEDED = ("c_o",)
    c_o: int
    multiplier: int = 1

    def kernels(self, c_i: Size, k: tuple[int, ...], env: Env) -> tuple[Size, int | None, Keys]:
        inner = c_i * self.multiplier
        weights = total([count(inner, *k), count(inner, self.c_o)])
        return self.c_o, weights, {"multiplier": self.multiplier}

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        inner, ones = values["c_i"] * self.multiplier, (1,) * len(values["k"])
        return {"depthwise": _channelwise_shape(values, env), "pointwise": _dense_shape(self.c_o, inner, ones, env)}

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        each = times(values["c_i"], self.multiplier)
        return "c_i*multiplier*(k + c_o)", f"{each}*({times(values['k'])} + {self.c_o})"


def _dense_shape(c_o: int, c_i: int, k: tuple[int, ...], env: Env) -> Shape:
    return (*k, c_i, c_o) if env.channels_last else (c_o, c_i, *k)


def _channelwise_shape(values: Mapping[str, Any], env: Env) -> Shape:
    """One kernel for each channel and multiplier: NCHW (c_i*multiplier, 1, k), NHWC (k, c_i, multiplier)."""
    c_i, multiplier, k = values["c_i"], values["multiplier"], values["k"]
    return (*k, c_i, multiplier) if env.channels_last else (c_i * multiplier, 1, *k)


OPS = ops(Conv, DepthwiseConv, SeparableConv)
