"""Layers that widen or narrow a map at its borders: pad, crop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..errors import ShapeError
from ..sizes import Open, Shape, Size
from ..window import positions
from .base import Env, Fields, Layer, Sign, Trace, axes_of, axis_names, by_axis, ops
from .keys import Pair, Sides, integers, number, one_of, sides, signed_sides, spread_sides


class Border(Layer):
    """The base of layers that add or remove units before and after on each axis."""

    VIEW = False
    SPATIAL = True
    LINEAR = True
    KEYS = {"p": sides}
    HELP = {"p": "The units on each side: a number, one per axis, or [before, after] pairs."}
    BARE = "p"
    EXAMPLE = "OP:1"
    NEEDED = ("p",)
    PER_AXIS = ("p",)
    DIRECTION = 1
    p: Sides
    axis: tuple[int, ...] | None = None

    @property
    def is_spatial(self) -> bool:
        return self.axis is None

    def rank(self) -> int | None:
        """Return the number of paddings that are given; None for a single number, which is for any number of axes."""
        return len(self.p) if isinstance(self.p, tuple) and self.axis is None else None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if isinstance(self.p, str):
            raise ShapeError(
                (f"{self.op} takes its sides as numbers, not as {self.p!r}"), "for example p1 or p0+1x2", key="p"
            )
        axes = self.axes(x, env)
        pads = spread_sides(self.p, len(axes))
        out = list(x)
        for axis, pair, name in zip(axes, pads, self.names(axes), strict=True):
            place, n = axis - 1, x[axis - 1]
            out[place] = positions(n, self.DIRECTION * sum(pair), 1, 1)
            self.check(n, pair, name, env)
        places = [axis - 1 for axis in axes]
        rows = [
            (self.DIRECTION * pair[0], out[axis - 1], self.repeated(x[axis - 1], pair))
            for axis, pair in zip(axes, pads, strict=True)
        ]
        seen = fields.each(places, rows, lambda field, row: field.pad(*row))
        return Trace({**self.values(env), "p": pads}, tuple(out), seen, axes=axes)

    def axes(self, x: Shape, env: Env) -> tuple[int, ...]:
        """Return the axes it works along, counted from the front with the batch as 0; by default all spatial axes."""
        if self.axis == ():
            raise ShapeError("axis is an empty list", "leave it out for all spatial axes", key="axis")
        if self.axis is not None:
            return axes_of(self.axis, x)
        nd = len(self.split(x, env)[1])
        return tuple(range(1, nd + 1) if env.channels_last else range(2, nd + 2))

    def repeated(self, n: Size, pair: Pair) -> Callable[[int], int] | None:
        """Return a function from output units to the input units they repeat; None for a constant, or if n is open."""
        return None

    def names(self, axes: Sequence[int]) -> list[str]:
        """Return the name of each axis in messages."""
        if self.axis is not None:
            return [f"axis {axis}" for axis in axes]
        return [f"the {name} axis" for name in axis_names(len(axes))]

    def check(self, n: Size, pair: Pair, name: str, env: Env) -> None:
        """ShapeError if nothing is left of an axis."""
        size = positions(n, self.DIRECTION * sum(pair), 1, 1)
        if isinstance(size, Open):
            env.require((size, ">=", 1))
        elif size < 1:
            text = f"the output is empty: {sided(n, pair, self.DIRECTION)} = {size} < 1 on {name}"
            raise ShapeError(text, "crop less", key="p")

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        rows = [
            f"{sided(x[axis - 1], pair, self.DIRECTION)} = {traced.out[axis - 1]}"
            for axis, pair in zip(traced.axes, traced.values["p"], strict=True)
        ]
        if self.axis is None:
            return by_axis(rows)
        return [f"{name}: {row}" for name, row in zip(self.names(traced.axes), rows, strict=True)]


def sided(n: Size, pair: Pair, direction: int) -> str:
    """Return a size with what is added or removed on each side: `5 + 1 - 2`."""
    return " ".join([str(n), *[f"{'+' if direction * (side or 1) > 0 else '-'} {abs(side)}" for side in pair]])


class Pad(Border):
    """Padding with a constant, or with the map's own values reflected, repeated or wrapped around; below 0 it crops."""

    WORD = "pad"
    SIGN = Sign.ANY
    ADDED = {"value": 0}
    KEYS = {
        "p": signed_sides,
        "axis": integers,
        "mode": one_of("constant", "reflect", "replicate", "edge", "circular", "wrap"),
        "value": number,
    }
    HELP = {
        "p": "The units on each side: a number, one per axis, or [before, after] pairs; negative numbers crop.",
        "axis": "The axes that p is of: the batch is 0, the last is -1; by default all spatial axes.",
        "mode": "The values of the padding.",
        "value": "The value used by mode constant.",
    }
    mode: str = "constant"
    value: float = 0

    @property
    def sign(self) -> Sign:
        """The sign of the output: negative constants may be added."""
        return Sign.ANY if self.mode == "constant" and self.value < 0 else Sign.KEPT

    def values(self, env: Env) -> dict[str, Any]:
        """Return every key with its value; `axis` only if it is given."""
        values = super().values(env)
        return values if self.axis is not None else {key: value for key, value in values.items() if key != "axis"}

    def repeated(self, n: Size, pair: Pair) -> Callable[[int], int] | None:
        return partial(repeated, self.mode, n, *pair) if self.mode != "constant" and isinstance(n, int) else None

    def check(self, n: Size, pair: Pair, name: str, env: Env) -> None:
        """ShapeError if nothing is left of an axis, or it has not enough values to make the padding of."""
        super().check(n, pair, name, env)
        taken = [min(side, 0) for side in pair]
        left, least = n + sum(taken), 0 if self.mode == "constant" else 1
        if isinstance(left, Open):
            env.require((left, ">=", least))
        elif left < least:
            raise ShapeError(f"nothing is left of {n} on {name}: {sided(n, (taken[0], taken[1]), 1)} = {left}", key="p")
        room: Size | None = n - 1 if self.mode == "reflect" else None
        if self.mode in ("circular", "wrap") and not env.dialect.wrap_again:
            room = left
        if isinstance(room, Open):
            env.require((room, ">=", max(pair)))
        elif room is not None and max(pair) > room:
            raise ShapeError(
                f"{self.mode} padding of {max(pair)} needs at least {n + (max(pair) - room)} values, gets {n}",
                f"lower p to {room}, or use mode=constant",
                key="p",
            )


def repeated(mode: str, n: int, before: int, after: int, unit: Any) -> Any:
    """Return which of n units a unit of a padded axis repeats; also for an array of units.

    Units cut off on one side are not wrapped around to the other, but a reflection includes them.
    """
    at, first, last = unit - before, max(-before, 0), n - 1 + min(after, 0)
    if mode in ("circular", "wrap"):
        return (at - first) % (last + 1 - first) + first
    if mode == "reflect":
        return n - 1 - abs(n - 1 - abs(at))
    return (first + last + abs(at - first) - abs(at - last)) // 2  # clamp to first … last


class Crop(Border):
    """Cropping: a map without its borders."""

    WORD = "crop"
    SIGN = Sign.KEPT
    DIRECTION = -1


OPS = ops(Pad, Crop)
