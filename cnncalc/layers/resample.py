"""Layers that change a map's resolution or reorder its channels: upsample, pixel shuffles, channelshuffle."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from struct import pack, unpack
from typing import Any

from ..dialects import Dialect
from ..errors import ShapeError
from ..field import Field, Interval
from ..sizes import UNKNOWN, Shape, Size, product
from .base import Env, Fields, Layer, Sign, Trace, axis_names, by_axis, check_divides, join, ops, space_of
from .keys import Axes, at_least, factors, flag, number, one_of, per_axis, spread

Factor = int | float
MODE_AXES = {"bilinear": 2, "bicubic": 2, "trilinear": 3}
"""The number of axes of a mode whose name implies it."""

DETAILS = frozenset({"where", "round", "cubic", "exclude_outside", "antialias"})
"""The keys that only ONNX's Resize has."""
EXACT = {"where": "half_pixel", "round": "round_prefer_ceil"}
"""The keys of PyTorch's `nearest-exact`."""
PLACES = {
    "half_pixel": (1, 1),
    "pytorch_half_pixel": (1, 1),
    "half_pixel_symmetric": (1, 1),
    "asymmetric": (0, 0),
    "tf_half_pixel_for_nn": (1, 0),
}
"""Twice the number added to an output's index before scaling, and twice the number subtracted afterwards."""
ROUNDED: dict[str, Callable[[int, int], int]] = {
    "floor": lambda a, b: a // b,
    "ceil": lambda a, b: -(-a // b),
    "round_prefer_floor": lambda a, b: -((b - 2 * a) // (2 * b)),
    "round_prefer_ceil": lambda a, b: (2 * a + b) // (2 * b),
}
"""The ways to round a fraction a/b."""
HALVES = 1e-6
"""The distance within which a position counts as a half (onnxruntime)."""
NEAREST: dict[str, Callable[[Any], Any]] = {
    "floor": lambda at: at // 1,
    "ceil": lambda at: -(-at // 1),
    "round_prefer_floor": lambda at: -((0.5 + HALVES - at) // 1),
    "round_prefer_ceil": lambda at: (at + 0.5 + HALVES) // 1,
}
"""The ways to round a position: a number in double precision, or an array."""
MOST_ROUNDED = 1 << 16
"""The most inputs and outputs of an axis for which it is decided whether rounding moves any."""
MOST_FLOAT32 = 3.4e38


class Upsample(Layer):
    """Upsampling: a map at another resolution, by `factor` or to the sizes `out`."""

    WORD = "upsample"
    EXAMPLE = "OP:factor=2"
    PER_AXIS = ("factor", "out")
    VIEW = False
    SPATIAL = True
    LINEAR = True
    SIGN = Sign.ANY
    KEYS = {
        "factor": factors,
        "out": per_axis(1),
        "mode": one_of("nearest", "linear", "bilinear", "trilinear", "cubic", "bicubic"),
        "align": flag,
        "where": one_of(
            "half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric", "tf_half_pixel_for_nn"
        ),
        "round": one_of("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
        "cubic": number,
        "exclude_outside": flag,
        "antialias": flag,
    }
    HELP = {
        "factor": "How many times as large the output is: one number, or one per axis.",
        "out": "The output's sizes: one number, or one per axis.",
        "mode": "How values between the units are computed.",
        "align": "Whether the corners of input and output coincide.",
        "where": (
            "Where outputs lie between inputs, in ONNX's terms; by default half_pixel, and asymmetric for nearest."
        ),
        "round": "Which input is nearest, in ONNX's terms; by default floor.",
        "cubic": "The constant A of a cubic (Keys 1981); by default the dialect's.",
        "exclude_outside": "Whether a cubic leaves out inputs beyond the border; by default as the dialect does.",
        "antialias": "Whether each unit of a smaller output averages all inputs that it covers.",
    }
    BARE = "out"
    factor: Factor | tuple[Factor, ...] | None = None
    out: Axes | None = None
    mode: str = "nearest"
    align: bool = False
    where: str | None = None
    round: str | None = None
    cubic: float | None = None
    exclude_outside: bool | None = None
    antialias: bool = False

    @property
    def sign(self) -> Sign:
        """The sign of the output: a cubic spline overshoots."""
        return Sign.ANY if "cubic" in self.mode else Sign.KEPT

    def rank(self) -> int | None:
        for value in (self.factor, self.out):
            if isinstance(value, tuple):
                return len(value)
        return MODE_AXES.get(self.mode)

    @property
    def overstates(self) -> str | None:
        is_wide = self.antialias and "cubic" in self.mode
        return "a wide cubic does not see the units at which it is 0" if is_wide else None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        nd = len(space)
        self.check_mode(nd, env)
        if (self.out is None) == (self.factor is None):
            raise ShapeError("upsample takes either factor or out", "for example upsample:factor=2 or upsample:56x56")
        factor = spread(self.factor, nd)
        out: Shape = tuple([_scaled(n, f, env) for n, f in zip(space, factor, strict=True)])
        if self.out is not None:
            out = spread(self.out, nd)
        more = {key: value for key, value in self.given.items() if key in DETAILS}
        sizes: dict[str, object] = {"factor": factor} if self.out is None else {"out": out}
        values = {**sizes, "mode": self.mode, "align": self.align, **more}
        moved = [partial(_moves, values, axis, env.dialect) for axis in range(nd)]
        seen = fields.each(space_of(x, env), [*zip(space, out, factor, moved, strict=True)], self._see)
        return Trace(values, join(c, out, env), seen)

    def check_mode(self, nd: int, env: Env) -> None:
        """Raise ShapeError for a mode that is incompatible with this number of axes, or with `align`."""
        named = MODE_AXES | ({"linear": 1, "cubic": 0} if env.dialect.linear_is_1d else {})
        if named.get(self.mode, nd) != nd:
            modes = {1: "nearest or linear", 2: "nearest, bilinear or bicubic", 3: "nearest or trilinear"}
            raise ShapeError(
                f"{self.mode} is not a mode for {nd} {'axis' if nd == 1 else 'axes'}",
                f"use {modes.get(nd, 'nearest')}",
                key="mode",
            )
        if self.antialias and (self.mode == "nearest" or self.align or self.where is not None):
            raise ShapeError("antialias needs a linear or cubic mode and half_pixel", "leave it out", key="antialias")
        for key, mode in (("round", "nearest"), ("cubic", "cubic"), ("exclude_outside", "cubic")):
            spared = key == "exclude_outside" and self.antialias
            if getattr(self, key) is not None and mode not in self.mode and not spared:
                raise ShapeError(f"{key} is for mode {mode}, but this is {self.mode}", f"leave {key} out", key=key)
        if self.align and self.where is not None:
            raise ShapeError("align and where both set where the outputs lie", "leave one out", key="where")
        if self.align and self.mode == "nearest" and self.round is None:
            raise ShapeError("mode nearest has no align", "leave align out, or use another mode", key="align")

    def _see(self, field: Field, sizes: tuple[Size, Size, Factor | None, Moves]) -> Field:
        n, out, factor, moves = sizes
        is_copied = self.antialias or ("linear" in self.mode and self.where is None)  # for any factor (PyTorch)
        if n == out and (factor in (None, 1) or is_copied):
            return field
        if n == 1:
            return field.still(1)  # the border is repeated beyond it
        if self.where == "pytorch_half_pixel" and out == 1:
            return field.spread([(0, 0)], 1)
        if self.mode == "nearest" and (not field.follows(n, out) or moves(n, out)):
            return field.lost()
        if not self.align:
            if isinstance(factor, int):
                n, out = 1, factor  # the same for every n
            elif factor is not None and (not isinstance(n, int) or n * factor != out):
                return field.lost()
        return self._resample(field, n, out) if isinstance(n, int) and isinstance(out, int) else field.lost()

    def _resample(self, field: Field, n: int, out: int) -> Field:
        """Return the field of `out` units resampled from n."""
        taps = _taps(self.mode, self.round or "floor")
        if self.antialias and n > out:
            reach = (2 if "cubic" in self.mode else 1) * 2 * n

            def below(u: int) -> Interval:
                centre = (2 * u + 1) * n + out  # in units of 1/(2*out), plus half a unit
                return (centre - reach) // (2 * out), -(-(centre + reach) // (2 * out)) - 2  # 0 at its ends

            return field.resample(n, out, below)
        if not self.align:
            where = self.where or ("asymmetric" if self.mode == "nearest" else "half_pixel")
            twice, off = PLACES[where]  # unit u is at (u + twice/2)n/out - off/2
            return field.resample(n, out, lambda u: taps((2 * u + twice) * n - off * out, 2 * out))
        if out == 1:
            return field.spread([(0, 0)], 1)
        return field.resample(n - 1, out - 1, lambda u: taps((n - 1) * u, out - 1))

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        if self.factor is None:
            return []
        rows = zip(self.split(x, env)[1], traced.values["factor"], self.split(traced.out, env)[1], strict=True)
        return by_axis([f"floor({n}*{factor}) = {out}" for n, factor, out in rows])


def place(u: Any, n: int, out: int, by: Any, where: str, rounded: Callable[[Any], Any]) -> Any:
    """Return the position of output u among n inputs, divided by the scale as in onnxruntime's Resize.

    u is a number in double precision or an array; `rounded` rounds to the precision of the computation.
    """
    if by == 1:
        return u
    if where == "pytorch_half_pixel" and out == 1:
        return 0 * u
    twice, off = PLACES[where]
    if where == "half_pixel_symmetric":  # the centres of input and output coincide; summed in double precision
        return rounded(rounded(n / 2 * (1 - rounded(out / rounded(by * n)))) + (u + 0.5) / by - 0.5)
    return rounded(rounded((u + twice / 2) / by) - off / 2)


def nearest(
    v: Mapping[str, Any],
    axis: int,
    sizes: tuple[int, int],
    u: Any,
    dialect: type[Dialect],
    rounded: Callable[[Any], Any],
    is_double: bool = False,
) -> Any:
    """Return the input that output u of an axis takes, before clamping to the border.

    u is a number in double precision or an array; `rounded` rounds to float32, as PyTorch computes floor(u * scale).
    In two dimensions, an axis that keeps or doubles its size does not use the scale; otherwise the scale of float64
    values is in double precision (`is_double`). Sources: ATen/native/UpSample.h, `nearest_idx`;
    cpu/UpSampleKernel.cpp, `HelperInterpNearest`.
    """
    (n, out), factor = sizes, v["factor"][axis] if "factor" in v else None
    scale = n / out if factor is None else 1 / factor
    if dialect.exact_by_scale and EXACT.items() <= v.items():
        return rounded((u + 0.5) * rounded(scale)) // 1
    if DETAILS.isdisjoint(v):
        is_flat = len(v.get("factor") or v["out"]) == 2
        if is_flat and out in (n, 2 * n):
            return u * n // out
        return rounded(u * (scale if is_double and not is_flat else rounded(scale))) // 1
    if v["align"]:
        at = rounded(rounded(u * (n - 1)) / max(out - 1, 1))
    else:
        at = place(u, n, out, rounded(factor or out / n), v.get("where", "asymmetric"), rounded)
    return NEAREST[v.get("round", "floor")](at)


def float32(value: float) -> float:
    """Return a number rounded to float32."""
    return value if abs(value) > MOST_FLOAT32 else float(unpack("f", pack("f", value))[0])


def units(v: Mapping[str, Any], axis: int, sizes: tuple[int, int], dialect: type[Dialect]) -> list[int]:
    """Return the input that each output of an axis takes, for float32 values."""
    n, out = sizes
    return [min(max(int(nearest(v, axis, sizes, float(u), dialect, float32)), 0), n - 1) for u in range(out)]


Moves = Callable[[Size, Size], bool]
"""A function that returns whether rounding moves an output of an axis of these sizes."""


def _moves(v: Mapping[str, Any], axis: int, dialect: type[Dialect], n: Size, out: Size) -> bool:
    """Return whether rounding moves an output away from its nearest input, or may do so on a long axis."""
    factor = v["factor"][axis] if "factor" in v else None
    if not isinstance(n, int) and isinstance(factor, int):
        n, out = OPEN, OPEN * factor
    if not isinstance(n, int) or not isinstance(out, int):
        return False
    above, below = (n - 1, max(out - 1, 1)) if v["align"] else (n, out)
    common = math.gcd(above, below)
    if not ((above // common) & (above // common - 1) or (below // common) & (below // common - 1)):
        return False  # powers of two are exact
    if max(n, out) > MOST_ROUNDED or (v["align"] and n * out >= 1 << 24):
        return True
    (twice, off), how = PLACES[v.get("where", "asymmetric")], ROUNDED[v.get("round", "floor")]
    for u in _rounded_last(above, below, twice, off, out):
        exact = how((2 * u + twice) * above - off * below, 2 * below)
        found = int(nearest(v, axis, (n, out), float(u), dialect, float32))
        if min(max(found, 0), n - 1) != min(max(exact, 0), n - 1):
            return True
    return False


def _rounded_last(above: int, below: int, twice: int, off: int, out: int) -> Iterator[int]:
    """Yield outputs of which at least one is moved if rounding moves any.

    All positions have the same relative rounding error. So only those close to a point where rounding changes may be
    moved, and of those at equal distance between two powers of two, the first or the last.
    """
    period, far = below // math.gcd(above, below), below * (above + 1) >> 19  # more than float32's rounding
    powers = [1 << bit for bit in range(above.bit_length() + 1)]
    ends = [0, out, *[-(-(2 * power + back) * below // (2 * above)) for power in powers for back in (-twice, off)]]
    for first in range(min(period, out)):
        beside = ((2 * first + twice) * above - off * below) % below  # a half counts with every way to round
        if min(beside, below - beside) <= far:
            last = first + (out - 1 - first) // period * period
            for end in ends:
                at = first + (end - first) // period * period
                yield from {min(max(u, first), last) for u in (at - period, at, at + period)}


OPEN = 64
"""The size assumed for an open one when it is tested whether rounding moves an output."""
MOST_PARTS = 1 << 10
"""The largest denominator of a factor that multiplies an open size exactly, as in double precision."""


def _scaled(n: Size, factor: Factor | None, env: Env) -> Size:
    """Return a size times a factor, rounded down; unknown without a factor."""
    if isinstance(factor, int):
        return n * factor
    if factor is None:
        return UNKNOWN
    if not isinstance(n, int):
        times, parts = factor.as_integer_ratio()
        scaled = n * times // parts if parts <= MOST_PARTS else UNKNOWN
        env.require((scaled, ">=", 1))
        return scaled
    out = math.floor(n * factor)  # double precision, as in PyTorch
    if out < 1:
        raise ShapeError(f"the output is empty: floor({n}*{factor}) = {out} < 1", "raise factor", key="factor")
    return out


def _taps(mode: str, rounding: str) -> Callable[[int, int], Interval]:
    """Return a function from a fractional position to the units that an output there mixes; on a unit, only that."""
    reach = 1 if "cubic" in mode else 0

    def sees(numerator: int, denominator: int) -> Interval:
        if mode == "nearest":
            unit = ROUNDED[rounding](numerator, denominator)
            return unit, unit
        first, rest = divmod(numerator, denominator)
        return (first - reach, first + 1 + reach) if rest else (first, first)

    return sees


class BlockShuffle(Layer):
    """The base of pixel shuffles, which map factor**2 channels of a pixel to a block of pixels of one channel."""

    EXAMPLE = "OP:2"
    VIEW = False
    SPATIAL = True
    LINEAR = True
    SIGN = Sign.KEPT
    RANKS = (2,)
    KEYS = {"factor": at_least(1), "order": one_of("crd", "dcr")}
    BARE = "factor"
    NEEDED = ("factor",)
    ORDER = "The order of the factor*factor channels: crd (channel, row, column) or dcr (row, column, channel)."
    factor: int
    order: str = "crd"


class PixelShuffle(BlockShuffle):
    """Pixel shuffle (depth to space): factor**2 channels become one, factor times as high and wide."""

    WORD = "pixelshuffle"
    REFUSED = {"keras_read": "reads as a permute between two reshapes"}
    HELP = {"factor": "The factor by which height and width grow.", "order": BlockShuffle.ORDER}

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        f = self.factor
        if not isinstance(c, int):
            env.require((c, "|", f * f))
        elif c % (f * f):
            raise ShapeError(
                f"factor={f} needs a multiple of {f}*{f} = {f * f} input channels, gets {c}",
                f"{c} = {c // (f * f)}*{f * f} + {c % (f * f)}",
                key="factor",
            )
        seen = moved(self, fields, x, env)
        if seen is None:
            places = space_of(x, env)
            seen = fields.each(places, space, lambda field, _: field.resample(1, f, lambda u: (u // f, u // f)))
        return Trace(self.values(env), join(c // (f * f), tuple([n * f for n in space]), env), seen)


class PixelUnshuffle(BlockShuffle):
    """Pixel unshuffle (space to depth): factor*factor pixels become one, with factor**2 times as many channels."""

    WORD = "pixelunshuffle"
    REFUSED = {"keras_read": "reads as a permute between two reshapes"}
    HELP = {"factor": "The factor by which height and width shrink.", "order": BlockShuffle.ORDER}

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        f = self.factor
        for n, name in zip(space, axis_names(len(space)), strict=True):
            check_divides(f, n, f"the {name}", env, "factor")
        seen = moved(self, fields, x, env)
        if seen is None:
            seen = fields.each(space_of(x, env), space, lambda field, _: field.slide(f, f, 0))
        return Trace(self.values(env), join(c * (f * f), tuple([n // f for n in space]), env), seen)


class ChannelShuffle(Layer):
    """Channel shuffle: the channels of g groups, interleaved."""

    WORD = "channelshuffle"
    ALSO = ("shuffle",)
    REFUSED = {"keras": "it has no layer for channelshuffle"}
    EXAMPLE = "OP:4"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS = {"g": at_least(1)}
    HELP = {"g": "The number of groups whose channels are interleaved."}
    BARE = "g"
    NEEDED = ("g",)
    g: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, _ = self.split(x, env)
        check_divides(self.g, c, "channels", env)
        return Trace(self.values(env), x, moved(self, fields, x, env) or fields)


def moved(layer: Layer, fields: Fields, x: Shape, env: Env) -> Fields | None:
    """Return the fields of a shuffle if channels run along an axis of the input, too; None if they do not."""
    if fields.axes[-1 if env.channels_last else 0] is None:
        return None
    apart, order, out = apart_in_order(layer.WORD, layer.values(env), x, env.channels_last)
    places = [axis - 1 for axis in order]
    return fields.reshape(x, apart).permute(places).reshape(tuple([apart[place] for place in places]), out)


def apart_in_order(op: str, values: Mapping[str, Any], x: Shape, channels_last: bool) -> tuple[Shape, list[int], Shape]:
    """Return a shuffle as reshape, permute, reshape: the shape with split axes, their new order, and the output shape.

    `values` has the resolved keys, x is the sample. The order leaves out the batch, which is axis 0.
    """
    c, *space = (x[-1], *x[:-1]) if channels_last else x
    g, f, dcr = values.get("g", 1), values.get("factor", 1), values.get("order") == "dcr"
    if op == "channelshuffle":  # (g, c/g)
        parts: list[Size] = [g, c // g, *space]
        channels, into, pixels = [0, 1], [1, 0], [[at] for at in range(2, len(parts))]
        out = [c]
    elif op == "pixelshuffle":  # (c, f, f) or (f, f, c), h, w
        less = c // (f * f)
        parts = [f, f, less, *space] if dcr else [less, f, f, *space]
        channels, into = [0, 1, 2], [2 if dcr else 0]
        row, column = (0, 1) if dcr else (1, 2)
        pixels, out = [[3, row], [4, column]], [less]
    else:  # c, (h, f), (w, f)
        parts = [c, space[0] // f, f, space[1] // f, f]
        channels, into, pixels = [0], [2, 4, 0] if dcr else [0, 2, 4], [[1], [3]]
        out = [c * (f * f)]
    apart_space = [at for at in range(len(parts)) if at not in channels]
    have = [*apart_space, *channels] if channels_last else [*channels, *apart_space]
    flat = [at for several in pixels for at in several]
    want = [*flat, *into] if channels_last else [*into, *flat]
    sizes: list[Size] = [product(parts[at] for at in several) for several in pixels]
    shape = (*sizes, *out) if channels_last else (*out, *sizes)
    return tuple([parts[at] for at in have]), [have.index(at) + 1 for at in want], shape


OPS = ops(Upsample, PixelShuffle, PixelUnshuffle, ChannelShuffle)
