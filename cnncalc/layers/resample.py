"""Layers that change a map's resolution or reorder its channels: upsample, pixelshuffle, channelshuffle."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from ..errors import ShapeError, SpecError, shown
from ..field import Field, Interval
from ..sizes import UNKNOWN, Shape, Size
from .base import Env, Fields, Layer, Sign, Traced, by_axis, divides, each_axis, join, ops
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
    """Upsampling: a map at another resolution, by `factor` or to the sizes `out`."""

    WORD = "upsample"
    EXAMPLE = "OP:factor=2"
    VIEW = False
    LINEAR = True
    SIGN = Sign.ANY
    KEYS = {
        "factor": factors,
        "out": per_axis(1),
        "mode": one_of("nearest", "linear", "bilinear", "trilinear", "cubic", "bicubic"),
        "align": flag,
    }
    HELP = {
        "factor": "How many times as large the output is: one number, or one per axis.",
        "out": "The output's sizes: one number, or one per axis.",
        "mode": "How values between the units are worked out.",
        "align": "Whether the corners of input and output coincide.",
    }
    ALIASES = {"scale_factor": "factor", "size": "out", "interpolation": "mode", "align_corners": "align"}
    BARE = "out"
    factor: Factor | tuple[Factor, ...] | None = None
    out: Axes | None = None
    mode: str = "nearest"
    align: bool = False

    @property
    def sign(self) -> Sign:
        """A cubic spline overshoots."""
        return Sign.ANY if "cubic" in self.mode else Sign.KEPT

    def rank(self) -> int | None:
        for value in (self.factor, self.out):
            if isinstance(value, tuple):
                return len(value)
        return {"bilinear": 2, "bicubic": 2, "trilinear": 3}.get(self.mode)

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c, space = self.split(x, env)
        nd = len(space)
        self.check_mode(nd, env)
        if self.out is not None and self.factor is None:
            out: Shape = spread(self.out, nd)
            values: dict[str, object] = {"out": out}
            ratios: tuple[Factor | None, ...] = (None,) * nd
        elif self.factor is not None and self.out is None:
            ratios = given = self.factor if isinstance(self.factor, tuple) else (self.factor,) * nd
            out = tuple([_scaled(n, f) for n, f in zip(space, given, strict=True)])
            values = {"factor": given}
        else:
            raise ShapeError("upsample takes either factor or out", "as upsample:factor=2 or upsample:56x56")
        seen = each_axis(fields, [*zip(space, out, ratios, strict=True)], self._see)
        return Traced({**values, "mode": self.mode, "align": self.align}, join(c, out, env), seen)

    def check_mode(self, nd: int, env: Env) -> None:
        """ShapeError for a mode that does not go with this many axes, or with `align`."""
        named = {"bilinear": 2, "bicubic": 2, "trilinear": 3}
        if env.dialect.linear_is_1d:
            named |= {"linear": 1, "cubic": 0}
        if named.get(self.mode, nd) != nd:
            modes = {1: "nearest or linear", 2: "nearest, bilinear or bicubic", 3: "nearest or trilinear"}
            raise ShapeError(
                f"{self.mode} is not a mode for {nd} {'axis' if nd == 1 else 'axes'}",
                f"use {modes.get(nd, 'nearest')}",
                key="mode",
            )
        if self.align and self.mode == "nearest":
            raise ShapeError("mode nearest has no align", "leave align out, or give another mode", key="align")

    def _see(self, field: Field, sizes: tuple[Size, Size, Factor | None]) -> Field:
        n, out, ratio = sizes
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
        rows = zip(self.split(x, env)[1], traced.values["factor"], self.split(traced.out, env)[1], strict=True)
        return by_axis([f"floor({n}*{factor}) = {out}" for n, factor, out in rows])


def _scaled(n: Size, factor: Factor) -> Size:
    if isinstance(factor, int):
        return n * factor
    if not isinstance(n, int):
        return UNKNOWN
    out = math.floor(n * factor)  # in double precision, as in PyTorch
    if out < 1:
        raise ShapeError(f"the output is empty: floor({n}*{factor}) = {out} < 1", "raise factor", key="factor")
    return out


def _nearest(n: int, out: int, u: int) -> Interval:
    return u * n // out, u * n // out


def _aligned(n: int, out: int, u: int) -> tuple[int, int]:
    """Where in the input unit u lies if corners coincide: u(n-1)/(out-1)."""
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
    """Pixel shuffle: factor**2 channels become one, factor times as high and wide."""

    WORD = "pixelshuffle"
    REFUSED = {"keras": "it has no layer for pixelshuffle"}
    EXAMPLE = "OP:2"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    RANKS = (2,)
    KEYS = {"factor": at_least(1)}
    HELP = {"factor": "How many times as high and wide the output is."}
    ALIASES = {"upscale_factor": "factor", "blocksize": "factor"}
    BARE = "factor"
    NEEDED = ("factor",)
    factor: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c, space = self.split(x, env)
        f = self.factor
        if isinstance(c, int) and c % (f * f):
            raise ShapeError(
                f"factor={f} needs a multiple of {f}*{f} = {f * f} input channels, gets {c}",
                f"{c} = {c // (f * f)}*{f * f} + {c % (f * f)}",
                key="factor",
            )
        seen = each_axis(fields, space, lambda field, _: field.resample(1, f, partial(_nearest, 1, f)))
        return Traced({"factor": f}, join(c // (f * f), tuple([n * f for n in space]), env), seen)


class ChannelShuffle(Layer):
    """Channel shuffle: the channels of g groups dealt out in turn."""

    WORD = "channelshuffle"
    REFUSED = {"keras": "it has no layer for channelshuffle"}
    EXAMPLE = "OP:4"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS = {"g": at_least(1)}
    HELP = {"g": "The number of groups whose channels are dealt out."}
    BARE = "g"
    NEEDED = ("g",)
    g: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        c, _ = self.split(x, env)
        divides(self.g, c, "channels")
        return Traced({"g": self.g}, x, fields)


OPS = ops(Upsample, PixelShuffle, ChannelShuffle)
