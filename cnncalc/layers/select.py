"""Layers that take a part of a sample, or a mean over some of its axes: slice, mean."""

from __future__ import annotations

from ..errors import ShapeError
from ..sizes import UNKNOWN, Shape, Size
from ..window import positions
from .base import Env, Fields, Layer, Sign, Trace, axes_of, axis_of, ops
from .keys import at_least, axis, flag, integer, integers


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
        seen = fields.at(axis - 1, lambda field: field.slide(1, self.step, -first if first >= 0 else None))
        return Trace(values, out, seen, axes=(axis,))


class Mean(Layer):
    """Mean over some axes, which stay as ones or vanish."""

    WORD = "mean"
    EXAMPLE = "OP:axis=-1"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS = {"axis": integers, "keepdims": flag}
    HELP = {
        "axis": "The axes over which the mean is taken: the batch is 0, the last is -1.",
        "keepdims": "Whether these axes stay, as ones.",
    }
    NEEDED = ("axis",)
    MAKES_AXES = True
    axis: tuple[int, ...]
    keepdims: bool = False

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        axes = axes_of(self.axis, x)
        if not axes:
            raise ShapeError("axis names no axis", "give at least one", key="axis")
        places = {axis - 1 for axis in axes}
        out = tuple([1 if at in places else n for at, n in enumerate(x) if self.keepdims or at not in places])
        values = {"axis": self.axis, "keepdims": self.keepdims}
        seen = fields.pooled(sorted(places), x)
        return Trace(values, out, seen if self.keepdims else seen.drop(places), axes=axes)


OPS = ops(Slice, Mean)
