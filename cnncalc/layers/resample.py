"""Layers that change a map's resolution or reorder its channels: upsample, pixelshuffle, channelshuffle."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import ShapeError
from ..field import Field, Interval
from ..sizes import UNKNOWN, Shape, Size
from .base import Env, Fields, Layer, Sign, Trace, by_axis, divides, join, ops, space_of
from .keys import Axes, at_least, factors, flag, one_of, per_axis, spread

Factor = int | float
MODE_AXES = {"bilinear": 2, "bicubic": 2, "trilinear": 3}
"""The number of axes that a mode is for, if its name says that."""


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
        return MODE_AXES.get(self.mode)

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        nd = len(space)
        self.check_mode(nd, env)
        if (self.out is None) == (self.factor is None):
            raise ShapeError("upsample takes either factor or out", "as upsample:factor=2 or upsample:56x56")
        factor = spread(self.factor, nd)
        out: Shape = tuple([_scaled(n, f) for n, f in zip(space, factor, strict=True)])
        if self.out is not None:
            out = spread(self.out, nd)
        seen = fields.each(space_of(x, env), [*zip(space, out, factor, strict=True)], self._see)
        sizes = {"factor": factor} if self.out is None else {"out": out}
        return Trace({**sizes, "mode": self.mode, "align": self.align}, join(c, out, env), seen)

    def check_mode(self, nd: int, env: Env) -> None:
        """ShapeError for a mode that does not go with this many axes, or with `align`."""
        named = MODE_AXES | ({"linear": 1, "cubic": 0} if env.dialect.linear_is_1d else {})
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
        n, out, factor = sizes
        if n == out and (factor in (None, 1) or self.mode != "nearest"):
            return field
        if not self.align:
            if isinstance(factor, int):
                n, out = 1, factor  # the same for every n
            elif factor is not None and (not isinstance(n, int) or n * factor != out):
                return field.lost()
        return self._resample(field, n, out) if isinstance(n, int) and isinstance(out, int) else field.lost()

    def _resample(self, field: Field, n: int, out: int) -> Field:
        """Return the field of `out` units that are worked out from n."""
        if self.mode == "nearest":
            return field.resample(n, out, lambda u: (u * n // out, u * n // out))
        if not self.align:  # unit u lies at (u + 1/2)n/out - 1/2
            return field.resample(n, out, _taps(self.mode, lambda u: ((2 * u + 1) * n - out, 2 * out)))
        if out == 1:
            return field.spread([(0, 0)], 1)
        return field.resample(n - 1, out - 1, _taps(self.mode, lambda u: ((n - 1) * u, out - 1)))

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        if self.factor is None:
            return []
        rows = zip(self.split(x, env)[1], traced.values["factor"], self.split(traced.out, env)[1], strict=True)
        return by_axis([f"floor({n}*{factor}) = {out}" for n, factor, out in rows])


def _scaled(n: Size, factor: Factor | None) -> Size:
    """Return a size times a factor, rounded down; unknown without one."""
    if isinstance(factor, int):
        return n * factor
    if factor is None or not isinstance(n, int):
        return UNKNOWN
    out = math.floor(n * factor)  # in double precision, as in PyTorch
    if out < 1:
        raise ShapeError(f"the output is empty: floor({n}*{factor}) = {out} < 1", "raise factor", key="factor")
    return out


def _taps(mode: str, source: Callable[[int], tuple[int, int]]) -> Callable[[int], Interval]:
    """Return which units an interpolation mixes at `source(u)`, a fraction; on a unit itself, only that."""
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
    BARE = "factor"
    NEEDED = ("factor",)
    factor: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        f = self.factor
        if isinstance(c, int) and c % (f * f):
            raise ShapeError(
                f"factor={f} needs a multiple of {f}*{f} = {f * f} input channels, gets {c}",
                f"{c} = {c // (f * f)}*{f * f} + {c % (f * f)}",
                key="factor",
            )
        seen = fields.each(space_of(x, env), space, lambda field, _: field.resample(1, f, lambda u: (u // f, u // f)))
        return Trace({"factor": f}, join(c // (f * f), tuple([n * f for n in space]), env), seen)


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

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, _ = self.split(x, env)
        divides(self.g, c, "channels")
        return super().trace(x, fields, env)


OPS = ops(Upsample, PixelShuffle, ChannelShuffle)
