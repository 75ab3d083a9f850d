"""Layers that widen or narrow a map at its borders: pad, crop."""

from __future__ import annotations

from ..errors import ShapeError
from ..field import Field
from ..sizes import Open, Shape
from ..window import positions
from .base import AXIS_NAMES, Env, Fields, Layer, Traced, join, split, unseen
from .keys import Pair, Sides, number, one_of, sides, spread_sides


class Border(Layer):
    """What is added (or, cropped, taken away) before and after on each axis."""

    EXAMPLE = "OP:1"
    KEYS = {"p": sides}
    HELP = {"p": "How much on each side: a number, one per axis, or [before, after] pairs."}
    ALIASES = {"cropping": "p"}
    BARE = "p"
    NEEDED = ("p",)
    SIGN = 1
    p: Sides

    def rank(self) -> int | None:
        """One axis for each padding given; a number is for any number of axes."""
        return len(self.p) if isinstance(self.p, tuple) else None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        if isinstance(self.p, str):
            raise ShapeError(f"{self.op} takes its sides in numbers, not as {self.p!r}", "as p1 or p0+1x2", key="p")
        c, space = split(x, env, self.rank(), self.op)
        pads = spread_sides(self.p, len(space))
        self.check(space, pads)
        out = tuple([positions(n, self.SIGN * (b + a), 1, 1) for n, (b, a) in zip(space, pads, strict=True)])
        for axis, (n, size, pair) in enumerate(zip(space, out, pads, strict=True)):
            if not isinstance(size, Open) and size < 1:
                names = AXIS_NAMES.get(len(space), range(len(space)))
                raise ShapeError(
                    f"nothing is left: {n} - {pair[0]} - {pair[1]} = {size} < 1 on the {names[axis]} axis",
                    "crop less",
                    key="p",
                )
        return Traced({"p": pads, **self.more_values()}, join(c, out, env), self._shift(fields, pads))

    def check(self, space: Shape, pads: tuple[Pair, ...]) -> None:
        """ShapeError where the padding has no values to be made of."""

    def more_values(self) -> dict[str, object]:
        """The resolved keys beyond the sides."""
        return {}

    def _shift(self, fields: Fields, pads: tuple[Pair, ...]) -> Fields:
        if len(fields) != len(pads):
            return unseen(fields)
        return tuple([Field.slide(f, 1, 1, self.SIGN * before) for f, (before, _) in zip(fields, pads, strict=True)])

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        _, space = split(x, env, None, self.op)
        sign = "+-"[self.SIGN < 0]
        pads = traced.values["p"]
        names = AXIS_NAMES.get(len(space), ("axis",) * len(space))
        return [
            f"{name}: {n} {sign} {b} {sign} {a} = {n + self.SIGN * (b + a)}"
            for name, n, (b, a) in zip(names, space, pads, strict=True)
        ]


class Pad(Border):
    """Values around a map: a constant, or the map's own reflected, repeated or wrapped around."""

    KEYS = {
        "p": sides,
        "mode": one_of("constant", "reflect", "replicate", "edge", "circular", "wrap"),
        "value": number,
    }
    HELP = {**Border.HELP, "mode": "What the padding is made of.", "value": "The constant."}
    mode: str = "constant"
    value: float = 0

    def check(self, space: Shape, pads: tuple[Pair, ...]) -> None:
        room = {"reflect": -1, "circular": 0, "wrap": 0}.get(self.mode)
        if room is None:
            return
        for n, pair in zip(space, pads, strict=True):
            if isinstance(n, int) and max(pair) > n + room:
                raise ShapeError(
                    f"{self.mode} padding of {max(pair)} needs at least {max(pair) - room} values, and there are {n}",
                    f"lower p to {n + room}, or use mode=constant",
                    key="p",
                )

    def more_values(self) -> dict[str, object]:
        return {"mode": self.mode, "value": self.value}


class Crop(Border):
    """A map without its borders."""

    SIGN = -1


OPS = {"pad": (Pad, None), "crop": (Crop, None)}
