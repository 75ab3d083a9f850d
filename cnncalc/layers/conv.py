"""Convolutions: plain, depthwise and separable, in 1 to 3 dimensions (cross-correlation; `flip` turns the kernel)."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..sizes import Shape, Size, atom, count, known, total
from .base import Env, Fields, Layer, Traced, check_channels, divides, join, split
from .keys import Axes, Sides, at_least, flag, per_axis, sides, spread
from .sliding import Slide, by_total, check_fits, explain_slides, place, sides_of, slide_fields

WINDOW_KEYS = {"k": per_axis(1), "s": per_axis(1), "p": sides, "p_total": per_axis(0), "d": per_axis(1)}


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

    def slides(self, space: Shape, env: Env) -> tuple[list[Slide], dict[str, Any]]:
        """The window on each axis, and the resolved k, s, p, d."""
        nd = len(space)
        k, s, d = spread(self.k, nd), spread(self.s, nd), spread(self.d, nd)
        p = self.p if self.p_total is None else by_total(self.p_total, nd)
        if isinstance(p, str):
            check_conv_word(p, s, nd, env)
        slides = place(space, k, s, d, p, ceil=False)
        check_fits(slides, k, d)
        return slides, {"k": k, "s": s, "p": sides_of(slides, p), "d": d}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        """The floor formula, the parameters and the multiply-accumulates as the products they are."""
        _, space = split(x, env, self.nd, self.op)
        slides, window = self.slides(space, env)
        return [
            *explain_slides(slides, window["d"], window["k"], ceil=False),
            *self.explain_counts(traced, [s.out for s in slides]),
        ]

    def explain_counts(self, traced: Traced, out: list[Size]) -> list[str]:
        """The weights, bias and multiply-accumulates of one sample."""
        raise NotImplementedError


def check_conv_word(word: str, s: tuple[int, ...], nd: int, env: Env) -> None:
    """ShapeError for a padding word that the dialect or the number of axes does not allow."""
    dialect = env.dialect
    if word == "causal" and nd != 1:
        raise ShapeError(f"causal padding is for one axis, this layer has {nd}", "write the sides, as p=0+1x2", key="p")
    check_word(word, dialect.conv_words, env)
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


def counted(value: int | None) -> str:
    """A number in a line of arithmetic."""
    return "unknown" if value is None else f"{value:,}"


class Conv(Convolution):
    """c_o kernels over c_i/g channels each."""

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

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c_i, space = split(x, env, self.nd, self.op)
        c_o, g = self.c_o, self.g
        check_channels(self.c_i, c_i, x)
        slides, window = self.slides(space, env)
        if env.dialect.strided_dilation is False:
            check_strided_dilation(window["s"], window["d"], env)
        if g != 1:
            divides(g, c_i, "c_i")
            divides(g, c_o, "c_o")
        out = tuple([s.out for s in slides])
        weights = count(c_o, c_i // g, *window["k"])
        macs = count(weights, *out)
        values = {"c_i": known(c_i), "c_o": c_o, **window, "g": g, "bias": self.bias, "flip": self.flip}
        return Traced(
            values,
            join(c_o, out, env),
            slide_fields(fields, slides),
            weights,
            c_o if self.bias else 0,
            0,
            macs,
            macs,  # a locally connected layer has a weight for each multiplication
        )

    def explain_counts(self, traced: Traced, out: list[Size]) -> list[str]:
        v = traced.values
        per = f"({v['c_i']}/{v['g']})" if v["g"] != 1 else v["c_i"]
        bias = self.c_o if self.bias else 0
        params = total([traced.weights, bias])
        return [
            f"parameters: c_o*c_i{'/g' if v['g'] != 1 else ''}*k + c_o = {times(self.c_o, per, v['k'])} + {bias}"
            f" = {counted(params)}",
            f"MACs: c_o*out*c_i{'/g' if v['g'] != 1 else ''}*k = {times(self.c_o, out, per, v['k'])}"
            f" = {counted(traced.macs)}",
        ]


class DepthwiseConv(Convolution):
    """`multiplier` kernels for each channel alone: c_o = c_i*multiplier."""

    KEYS = {
        "c_i": at_least(1),
        "c_o": at_least(1),
        "multiplier": at_least(1),
        **WINDOW_KEYS,
        "bias": flag,
        "flip": flag,
    }
    ALIASES = {"depth_multiplier": "multiplier"}
    BARE = "c_o"
    c_o: int | None = None
    multiplier: int | None = None

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
        if c_i * multiplier != c_o:
            raise ShapeError(f"c_o is {c_o}, and c_i*multiplier = {c_i}*{multiplier}", "leave c_o out", key="c_o")
        return multiplier

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c_i, space = split(x, env, self.nd, self.op)
        check_channels(self.c_i, c_i, x)
        multiplier = self.times_each(c_i)
        slides, window = self.slides(space, env)
        out = tuple([s.out for s in slides])
        c_o = c_i * multiplier
        weights = count(c_i, multiplier, *window["k"])
        macs = count(weights, *out)
        values = {
            "c_i": known(c_i),
            "c_o": known(c_o),
            "multiplier": multiplier,
            **window,
            "bias": self.bias,
            "flip": self.flip,
        }
        bias = count(c_o) if self.bias else 0
        return Traced(values, join(c_o, out, env), slide_fields(fields, slides), weights, bias, 0, macs, macs)

    def explain_counts(self, traced: Traced, out: list[Size]) -> list[str]:
        v = traced.values
        each = (v["c_i"], v["multiplier"])
        return [
            f"parameters: c_i*multiplier*k + c_o = {times(each, v['k'])} + {counted(traced.bias)}"
            f" = {counted(total([traced.weights, traced.bias]))}",
            f"MACs: c_i*multiplier*out*k = {times(each, out, v['k'])} = {counted(traced.macs)}",
        ]


class SeparableConv(Convolution):
    """A depthwise convolution and then a 1x1 convolution over its c_i*multiplier channels (Keras SeparableConv2D)."""

    KEYS = {
        "c_i": at_least(1),
        "c_o": at_least(1),
        "multiplier": at_least(1),
        **WINDOW_KEYS,
        "bias": flag,
        "flip": flag,
    }
    ALIASES = {"depth_multiplier": "multiplier"}
    BARE = "c_o"
    NEEDED = ("c_o",)
    c_o: int
    multiplier: int = 1

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c_i, space = split(x, env, self.nd, self.op)
        check_channels(self.c_i, c_i, x)
        slides, window = self.slides(space, env)
        out = tuple([s.out for s in slides])
        inner = c_i * self.multiplier
        depthwise, pointwise = count(inner, *window["k"]), count(inner, self.c_o)
        weights = total([depthwise, pointwise])
        macs = count(weights, *out)
        values = {
            "c_i": known(c_i),
            "c_o": self.c_o,
            "multiplier": self.multiplier,
            **window,
            "bias": self.bias,
            "flip": self.flip,
        }
        bias = self.c_o if self.bias else 0
        return Traced(values, join(self.c_o, out, env), slide_fields(fields, slides), weights, bias, 0, macs, macs)

    def explain_counts(self, traced: Traced, out: list[Size]) -> list[str]:
        v = traced.values
        each = (v["c_i"], v["multiplier"])
        both = f"({times(each, v['k'])} + {times(each, self.c_o)})"
        units = count(*out)
        return [
            f"parameters: c_i*multiplier*k + c_i*multiplier*c_o + c_o = {both[1:-1]} + {counted(traced.bias)}"
            f" = {counted(total([traced.weights, traced.bias]))}",
            f"MACs: out*(c_i*multiplier*k + c_i*multiplier*c_o) = {times(out)}*{both} = {counted(traced.macs)}"
            if units is not None
            else "MACs: unknown while a size is open",
        ]


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
