"""Convolutions: plain, depthwise and separable, in 1 to 3 dimensions (cross-correlation; `flip` turns the kernel)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import ShapeError
from ..sizes import Shape, Size, atom, count, counted, known, total
from .base import Env, Fields, Layer, Traced, check_channels, divides, join, split
from .keys import Axes, Sides, at_least, flag, per_axis, sides, spread
from .sliding import Slide, by_total, check_fits, explain_slides, place, sides_of, slide_fields

WINDOW_KEYS = {"k": per_axis(1), "s": per_axis(1), "p": sides, "p_total": per_axis(0), "d": per_axis(1)}


class Kernels(NamedTuple):
    """What a convolution's kernels come to, for the channels that arrive."""

    c_o: Size
    weights: int | None
    own: dict[str, Any]
    """The resolved keys of this kind of convolution alone."""


class Convolution(Layer):
    """What the three share: a window with a kernel of k taps an axis, k = 1 where it is left out."""

    CONVOLUTION = True
    k: Axes = 1
    s: Axes = 1
    p: Sides = 0
    p_total: Axes | None = None
    d: Axes = 1
    c_i: int | None = None
    bias: bool = True
    flip: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c_i, space = split(x, env, self.nd, self.op)
        check_channels(self.c_i, c_i, x)
        slides, window = self.slides(space, env)
        c_o, weights, own = self.kernels(c_i, window["k"])
        out = tuple([s.out for s in slides])
        macs = count(weights, *out)
        values = {"c_i": known(c_i), "c_o": known(c_o), **window, **own, "bias": self.bias, "flip": self.flip}
        bias = count(c_o) if self.bias else 0
        local = macs  # a locally connected layer has a weight for each multiplication
        return Traced(values, join(c_o, out, env), slide_fields(fields, slides), weights, bias, 0, macs, local)

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return self.kernel_shapes(values, env) | ({"bias": (values["c_o"],)} if self.bias else {})

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        """The shape of each kernel: NCHW (c_o, c_i/g, k), NHWC (k, c_i/g, c_o)."""
        raise NotImplementedError

    def words(self, env: Env) -> frozenset[str]:
        """The padding words that the dialect allows."""
        return env.dialect.conv_words

    def kernels(self, c_i: Size, k: tuple[int, ...]) -> Kernels:
        """The kernels over c_i channels. ShapeError where the channels do not go with the keys."""
        raise NotImplementedError

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], dict[str, Any]]:
        """The window on each axis, and the resolved k, s, p, d."""
        nd = len(space)
        k, s, d = spread(self.k, nd), spread(self.s, nd), spread(self.d, nd)
        p = self.p if self.p_total is None else by_total(self.p_total, nd)
        if isinstance(p, str):
            check_conv_word(p, s, nd, self.words(env), env)
        slides = place(space, k, s, d, p, ceil=False)
        check_fits(slides, k, d, total=self.p_total is not None)
        return slides, {"k": k, "s": s, "p": sides_of(slides, p), "d": d}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        """The floor formula, the parameters and the multiply-accumulates as the products they are."""
        _, space = split(x, env, self.nd, self.op)
        slides, window = self.slides(space, env)
        form, product = self.weights_text(traced.values)
        out = [s.out for s in slides]
        return [
            *explain_slides(slides, window["d"], window["k"], ceil=False),
            params_text(form, product, "c_o", traced),
            f"MACs: out*({form}) = {times(out)}*({product}) = {counted(traced.macs)}",
        ]

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        """How many weights there are, as a formula and with its numbers."""
        raise NotImplementedError


def check_conv_word(word: str, s: tuple[int, ...], nd: int, words: frozenset[str], env: Env) -> None:
    """ShapeError for a padding word that the dialect or the number of axes does not allow."""
    dialect = env.dialect
    if word == "causal" and nd != 1:
        raise ShapeError(f"causal padding is for one axis, this layer has {nd}", "write the sides, as p=0+1x2", key="p")
    check_word(word, words, env)
    if word.startswith("same") and not dialect.strided_same and max(s) > 1:
        raise ShapeError(
            f"PyTorch refuses padding {word} together with a stride: s is {'x'.join(map(str, s))}",
            "write the padding as numbers, or use --dialect plain for Keras's meaning",
            key="p",
        )


def check_word(word: str, words: frozenset[str], env: Env) -> None:
    """ShapeError for a padding word that is none of the dialect's."""
    if word not in words:
        known = f"the words are {' '.join(sorted(words))}" if words else "it is written in numbers there"
        raise ShapeError(f"padding {word!r} is no word of dialect {env.dialect.name} here", known, key="p")


def check_strided_dilation(s: tuple[int, ...], d: tuple[int, ...], env: Env) -> None:
    """ShapeError where the dialect refuses a stride and a dilation together."""
    if not env.dialect.strided_dilation and max(s) > 1 and max(d) > 1:
        raise ShapeError(
            f"Keras refuses a stride and a dilation together: s is {'x'.join(map(str, s))}, d is "
            f"{'x'.join(map(str, d))}",
            "make one of the two 1",
            key="d",
        )


def times(*factors: object) -> str:
    """`64*3*7*7` from numbers and tuples of them."""
    flat: list[object] = []
    for factor in factors:
        flat += factor if isinstance(factor, (tuple, list)) else [factor]
    return "*".join(atom(f) for f in flat)


def params_text(form: str, product: str, bias: str, traced: Traced) -> str:
    """The line that says how many parameters there are: the weights' formula, and the bias where there is one."""
    if traced.bias != 0:
        form, product = f"{form} + {bias}", f"{product} + {counted(traced.bias)}"
    return f"parameters: {form} = {product} = {counted(total([traced.weights, traced.bias]))}"


class Conv(Convolution):
    """c_o kernels over c_i/g channels each."""

    EXAMPLE = "OP:64,k3,p1"
    KEYS = {
        "c_i": at_least(1),
        "c_o": at_least(1),
        **WINDOW_KEYS,
        "g": at_least(1),
        "bias": flag,
        "flip": flag,
    }
    BARE = "c_o"
    NEEDED = ("c_o",)
    c_o: int
    g: int = 1

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], dict[str, Any]]:
        slides, window = super().slides(space, env)
        check_strided_dilation(window["s"], window["d"], env)
        return slides, window

    def kernels(self, c_i: Size, k: tuple[int, ...]) -> Kernels:
        divides(self.g, c_i, "c_i", also=self.c_o)
        divides(self.g, self.c_o, "c_o", also=known(c_i))
        return Kernels(self.c_o, count(self.c_o, c_i // self.g, *k), {"g": self.g})

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
            return "c_o*c_i*k", times(self.c_o, _or_unknown(values["c_i"]), values["k"])
        return "c_o*c_i/g*k", times(self.c_o, f"({_or_unknown(values['c_i'])}/{self.g})", values["k"])


class ChannelwiseConv(Convolution):
    """What depthwise and separable convolutions share: `multiplier` kernels for each channel alone."""

    KEYS = {
        "c_i": at_least(1),
        "c_o": at_least(1),
        "multiplier": at_least(1),
        **WINDOW_KEYS,
        "bias": flag,
        "flip": flag,
    }
    HELP = {"multiplier": "How many kernels each channel has."}
    ALIASES = {"depth_multiplier": "multiplier"}
    BARE = "c_o"

    def words(self, env: Env) -> frozenset[str]:
        return env.dialect.channelwise_words


class DepthwiseConv(ChannelwiseConv):
    """Nothing but that: c_o = c_i*multiplier."""

    EXAMPLE = "OP:k3,p1"
    c_o: int | None = None
    multiplier: int | None = None

    def kernels(self, c_i: Size, k: tuple[int, ...]) -> Kernels:
        multiplier = self.times_each(c_i)
        return Kernels(c_i * multiplier, count(c_i, multiplier, *k), {"multiplier": multiplier})

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
        """The multiplier, from c_o where it is not given; ShapeError where the two disagree."""
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
        return "c_i*multiplier*k", times(_or_unknown(values["c_i"]), values["multiplier"], values["k"])


class SeparableConv(ChannelwiseConv):
    """A depthwise convolution and then a 1x1 convolution over its c_i*multiplier channels (Keras SeparableConv2D)."""

    EXAMPLE = "OP:64,k3,p1"
    NEEDED = ("c_o",)
    c_o: int
    multiplier: int = 1

    def kernels(self, c_i: Size, k: tuple[int, ...]) -> Kernels:
        inner = c_i * self.multiplier
        weights = total([count(inner, *k), count(inner, self.c_o)])
        return Kernels(self.c_o, weights, {"multiplier": self.multiplier})

    def kernel_shapes(self, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        inner, ones = values["c_i"] * self.multiplier, (1,) * len(values["k"])
        return {"depthwise": _channelwise_shape(values, env), "pointwise": _dense_shape(self.c_o, inner, ones, env)}

    def weights_text(self, values: dict[str, Any]) -> tuple[str, str]:
        each = (_or_unknown(values["c_i"]), self.multiplier)
        return "c_i*multiplier*(k + c_o)", f"{times(each)}*({times(values['k'])} + {self.c_o})"


def _dense_shape(c_o: int, c_i: int, k: tuple[int, ...], env: Env) -> Shape:
    return (*k, c_i, c_o) if env.channels_last else (c_o, c_i, *k)


def _channelwise_shape(values: Mapping[str, Any], env: Env) -> Shape:
    """One kernel for each channel and multiplier: NCHW (c_i*multiplier, 1, k), NHWC (k, c_i, multiplier)."""
    c_i, multiplier, k = values["c_i"], values["multiplier"], values["k"]
    return (*k, c_i, multiplier) if env.channels_last else (c_i * multiplier, 1, *k)


def _or_unknown(number: int | None) -> object:
    return "?" if number is None else number


OPS = {
    "conv": (Conv, 2),
    "conv1d": (Conv, 1),
    "conv3d": (Conv, 3),
    "dwconv": (DepthwiseConv, 2),
    "dwconv1d": (DepthwiseConv, 1),
    "dwconv3d": (DepthwiseConv, 3),
    "sepconv": (SeparableConv, 2),
    "sepconv1d": (SeparableConv, 1),
    "sepconv3d": (SeparableConv, 3),
}
