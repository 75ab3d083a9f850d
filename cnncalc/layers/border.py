"""Layers that widen or narrow a map at its borders: pad, crop."""

from __future__ import annotations

from ..errors import ShapeError
from ..sizes import Open, Shape
from ..window import positions
from .base import Env, Fields, Layer, Sign, Trace, axis_names, by_axis, join, ops, space_of
from .keys import Pair, Sides, number, one_of, sides, spread_sides


class Border(Layer):
    """A number of units that are added, or taken away, before and after on each axis."""

    VIEW = False
    LINEAR = True
    KEYS = {"p": sides}
    HELP = {"p": "The units on each side: a number, one per axis, or [before, after] pairs."}
    BARE = "p"
    EXAMPLE = "OP:1"
    NEEDED = ("p",)
    DIRECTION = 1
    p: Sides

    def rank(self) -> int | None:
        """Return one axis for each padding that is given; a single number is for any number of axes."""
        return len(self.p) if isinstance(self.p, tuple) else None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if isinstance(self.p, str):
            raise ShapeError(f"{self.op} takes its sides in numbers, not as {self.p!r}", "as p1 or p0+1x2", key="p")
        c, space = self.split(x, env)
        pads = spread_sides(self.p, len(space))
        self.check(space, pads)
        out = tuple([positions(n, self.DIRECTION * (b + a), 1, 1) for n, (b, a) in zip(space, pads, strict=True)])
        for axis, (n, size, pair) in enumerate(zip(space, out, pads, strict=True)):
            if not isinstance(size, Open) and size < 1:
                raise ShapeError(
                    f"the output is empty: {n} - {pair[0]} - {pair[1]} = {size} < 1 on the "
                    f"{axis_names(len(space))[axis]} axis",
                    "crop less",
                    key="p",
                )
        seen = fields.each(space_of(x, env), pads, lambda field, pair: field.slide(1, 1, self.DIRECTION * pair[0]))
        return Trace({**self.values(env), "p": pads}, join(c, out, env), seen)

    def check(self, space: Shape, pads: tuple[Pair, ...]) -> None:
        """ShapeError if the map has not enough values to make the padding of."""

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        sign, rows = "+-"[self.DIRECTION < 0], zip(self.split(x, env)[1], traced.values["p"], strict=True)
        return by_axis([f"{n} {sign} {b} {sign} {a} = {n + self.DIRECTION * (b + a)}" for n, (b, a) in rows])


class Pad(Border):
    """Padding of a map with a constant, or with its own values reflected, repeated or wrapped around."""

    WORD = "pad"
    SIGN = Sign.ANY
    ADDED = {"value": 0}
    KEYS = {
        **Border.KEYS,
        "mode": one_of("constant", "reflect", "replicate", "edge", "circular", "wrap"),
        "value": number,
    }
    HELP = {**Border.HELP, "mode": "The values of the padding.", "value": "The constant of mode constant."}
    mode: str = "constant"
    value: float = 0

    @property
    def sign(self) -> Sign:
        """Negative constants may be added."""
        return Sign.ANY if self.mode == "constant" and self.value < 0 else Sign.KEPT

    def check(self, space: Shape, pads: tuple[Pair, ...]) -> None:
        room = {"reflect": -1, "circular": 0, "wrap": 0}.get(self.mode)
        if room is None:
            return
        for n, pair in zip(space, pads, strict=True):
            if isinstance(n, int) and max(pair) > n + room:
                raise ShapeError(
                    f"{self.mode} padding of {max(pair)} needs at least {max(pair) - room} values, gets {n}",
                    f"lower p to {n + room}, or use mode=constant",
                    key="p",
                )


class Crop(Border):
    """Cropping: a map without its borders."""

    WORD = "crop"
    SIGN = Sign.KEPT
    DIRECTION = -1


OPS = ops(Pad, Crop)
