"""Layers that take a part of a sample: slice."""

from __future__ import annotations

from ..errors import ShapeError
from ..sizes import UNKNOWN, Shape, Size
from ..window import positions
from .base import Env, Fields, Layer, Sign, Trace, axis_fields, axis_of, ops, out_fields
from .keys import at_least, axis, integer


class Slice(Layer):
    """Slice: the units `start` to `stop` (not included) of an axis, every `step`-th."""

    WORD = "slice"
    EXAMPLE = "OP:axis=1,stop=8"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS = {"axis": axis, "start": integer, "stop": integer, "step": at_least(1)}
    HELP = {
        "axis": "Which axis: the batch is 0, the last is -1.",
        "start": "The first unit; a negative number counts from the end.",
        "stop": "The first unit that is left out, counted as `start` is; by default none is.",
        "step": "The step between units: 2 takes every second one.",
    }
    NEEDED = ("axis",)
    axis: int
    start: int = 0
    stop: int | None = None
    step: int = 1

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        axis = axis_of(self.axis, x)
        n, first, last = x[axis - 1], self.start, self.stop
        size: Size = UNKNOWN
        if isinstance(n, int):
            first, last, _ = slice(first, last).indices(n)
            size = positions(last - first, 0, 1, self.step)
        elif first >= 0 and (last is None or last < 0):
            size = positions(n + ((last or 0) - first), 0, 1, self.step)
        if last is not None and 0 <= last <= first:
            raise ShapeError(f"nothing is left of {n}: {first} to {last}, {last} not included", key="start")
        values = {"axis": self.axis, "start": first, "stop": last, "step": self.step}
        out = (*x[: axis - 1], size, *x[axis:])
        seen = axis_fields(x, fields, env)
        field = seen[axis - 1]
        seen[axis - 1] = field and field.slide(1, self.step, -first if first >= 0 else None)
        return Trace(values, out, out_fields(seen, fields, env), axes=(axis,))


OPS = ops(Slice)
