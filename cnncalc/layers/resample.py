"""Layers that make more of a map, or order its channels anew: upsample, pixelshuffle, channelshuffle."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from ..errors import ShapeError, SpecError, shown
from ..field import Field, Interval
from ..sizes import UNKNOWN, Shape, Size
from .base import AXIS_NAMES, Env, Fields, Layer, Traced, divides, join, split, unseen
from .keys import Axes, at_least, axes_form, check_axes, flag, number, number_form, one_of, per_axis, spread, takes

Factor = int | float


@takes("factors", lambda nd: axes_form({**number_form(), "exclusiveMinimum": 0}, nd))
def factors(value: object, nd: int | None) -> Factor | tuple[Factor, ...]:
    """A factor above 0 for all axes, or one per axis."""
    if isinstance(value, (list, tuple)):
        check_axes(len(value), nd)
        return tuple([_factor(v) for v in value])
    return _factor(value)


def _factor(value: object) -> Factor:
    factor = number(value, None)
    if factor <= 0 or not math.isfinite(factor):
        raise SpecError(f"{shown(value)} is not a factor", "a factor is above 0")
    return int(factor) if isinstance(factor, float) and factor.is_integer() else factor


class Upsample(Layer):
    """A map at another resolution, by `factor` or to the sizes `out`; `align` puts the corners on the corners."""

    EXAMPLE = "OP:factor=2"
    KEYS = {
        "factor": factors,
        "out": per_axis(1),
        "mode": one_of("nearest", "linear", "bilinear", "trilinear", "cubic", "bicubic"),
        "align": flag,
    }
    HELP = {
        "factor": "How many times as large: one number, or one per axis.",
        "out": "The sizes that come out: one, or one per axis.",
        "mode": "How values between the units come about.",
        "align": "Whether the corners lie on the corners.",
    }
    ALIASES = {"scale_factor": "factor", "size": "out", "interpolation": "mode", "align_corners": "align"}
    BARE = "out"
    factor: Factor | tuple[Factor, ...] | None = None
    out: Axes | None = None
    mode: str = "nearest"
    align: bool = False

    def rank(self) -> int | None:
        for value in (self.factor, self.out):
            if isinstance(value, tuple):
                return len(value)
        return {"bilinear": 2, "bicubic": 2, "trilinear": 3}.get(self.mode)

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c, space = split(x, env, self.rank(), self.op)
        if (self.factor is None) == (self.out is None):
            raise ShapeError("upsample takes either factor or out", "as upsample:factor=2 or upsample:56x56")
        self.check_mode(len(space), env)
        values: dict[str, object]
        if self.out is not None:
            out: Shape = spread(self.out, len(space))
            values = {"out": out}
            ratios: tuple[Factor | None, ...] = (None,) * len(space)
        else:
            assert self.factor is not None
            given = self.factor if isinstance(self.factor, tuple) else (self.factor,) * len(space)
            out = tuple([_scaled(n, f) for n, f in zip(space, given, strict=True)])
            values, ratios = {"factor": given}, given
            _check_sizes(space, out, given)
        values |= {"mode": self.mode, "align": self.align}
        if len(fields) != len(space):
            return Traced(values, join(c, out, env), unseen(fields))
        seen = [self._see(f, n, o, r) for f, n, o, r in zip(fields, space, out, ratios, strict=True)]
        return Traced(values, join(c, out, env), tuple(seen))

    def check_mode(self, nd: int, env: Env) -> None:
        """ShapeError for a mode that is not one of this many axes, or that corners mean nothing to."""
        named = {"bilinear": 2, "bicubic": 2, "trilinear": 3}
        if env.dialect.linear_is_1d:
            named |= {"linear": 1, "cubic": 0}
        if named.get(self.mode, nd) != nd:
            modes = {1: "nearest or linear", 2: "nearest, bilinear or bicubic", 3: "nearest or trilinear"}
            raise ShapeError(
                f"{self.mode} is no mode of {nd} {'axis' if nd == 1 else 'axes'}",
                f"use {modes.get(nd, 'nearest')}",
                key="mode",
            )
        if self.align and self.mode == "nearest":
            raise ShapeError("align means nothing to nearest", "leave align out, or give another mode", key="align")

    def _see(self, field: Field, n: Size, out: Size, ratio: Factor | None) -> Field:
        if n == out and (ratio in (None, 1) or self.mode != "nearest"):
            return field
        if self.align and self.mode != "nearest":
            return self._see_aligned(field, n, out)
        if isinstance(ratio, int):
            n, out = 1, ratio  # the same for every n
        if not isinstance(n, int) or not isinstance(out, int) or (ratio is not None and n * ratio != out):
            return field.lost()
        if self.mode == "nearest":
            return field.resample(n, out, partial(_nearest, n, out))
        return field.resample(n, out, _taps(self.mode, partial(_half_pixel, n, out)))

    def _see_aligned(self, field: Field, n: Size, out: Size) -> Field:
        if not isinstance(n, int) or not isinstance(out, int):
            return field.lost()
        if out == 1:
            return field.spread([(0, 0)], 1)
        return field.resample(n - 1, out - 1, _taps(self.mode, partial(_aligned, n, out)))

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        if self.factor is None:
            return []
        _, space = split(x, env, None, self.op)
        _, out = split(traced.out, env, None, self.op)
        names = AXIS_NAMES.get(len(space), ("axis",) * len(space))
        rows = zip(names, space, traced.values["factor"], out, strict=True)
        return [f"{name}: floor({n}*{f}) = {o}" for name, n, f, o in rows]


def _scaled(n: Size, factor: Factor) -> Size:
    if isinstance(factor, int):
        return n * factor
    return math.floor(n * factor) if isinstance(n, int) else UNKNOWN  # in double precision, as PyTorch does


def _check_sizes(space: Shape, out: Shape, given: tuple[Factor, ...]) -> None:
    for n, o, f in zip(space, out, given, strict=True):
        if isinstance(o, int) and o < 1:
            raise ShapeError(f"nothing is left: floor({n}*{f}) = {o} < 1", "raise factor", key="factor")


def _nearest(n: int, out: int, u: int) -> Interval:
    return u * n // out, u * n // out


def _aligned(n: int, out: int, u: int) -> tuple[int, int]:
    """Where in the input unit u lies when corners lie on corners: u(n-1)/(out-1)."""
    return (n - 1) * u, out - 1


def _half_pixel(n: int, out: int, u: int) -> tuple[int, int]:
    """Where in the input unit u lies: (u + 1/2)n/out - 1/2."""
    return (2 * u + 1) * n - out, 2 * out


def _taps(mode: str, source: Callable[[int], tuple[int, int]]) -> Callable[[int], Interval]:
    """Which units an interpolation mixes at `source(u)` = (numerator, denominator); on a unit itself, only that."""
    reach = 1 if "cubic" in mode else 0

    def sees(u: int) -> Interval:
        numerator, denominator = source(u)
        first, rest = divmod(numerator, denominator)
        return (first - reach, first + 1 + reach) if rest else (first, first)

    return sees


class PixelShuffle(Layer):
    """factor**2 channels become one channel, factor times as high and wide."""

    EXAMPLE = "OP:2"
    KEYS = {"factor": at_least(1)}
    HELP = {"factor": "How many times as high and wide."}
    ALIASES = {"upscale_factor": "factor", "blocksize": "factor"}
    BARE = "factor"
    NEEDED = ("factor",)
    factor: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c, space = split(x, env, self.nd, self.op)
        f = self.factor
        if isinstance(c, int) and c % (f * f):
            raise ShapeError(
                f"factor={f} needs a multiple of {f}*{f} = {f * f} channels, and {c} arrive",
                f"{c} = {c // (f * f)}*{f * f} + {c % (f * f)}",
                key="factor",
            )
        out = join(c // (f * f), tuple([n * f for n in space]), env)
        if len(fields) != len(space):
            return Traced({"factor": f}, out, unseen(fields))
        return Traced({"factor": f}, out, tuple([a.resample(1, f, partial(_nearest, 1, f)) for a in fields]))


class ChannelShuffle(Layer):
    """The channels of g groups dealt out in turn."""

    EXAMPLE = "OP:4"
    KEYS = {"g": at_least(1)}
    HELP = {"g": "How many groups of channels are dealt out."}
    BARE = "g"
    NEEDED = ("g",)
    g: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c, _ = split(x, env, None, self.op)
        divides(self.g, c, "channels")
        return Traced({"g": self.g}, x, fields)


OPS = {"upsample": (Upsample, None), "pixelshuffle": (PixelShuffle, 2), "channelshuffle": (ChannelShuffle, None)}
