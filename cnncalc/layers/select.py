"""Layers that select part of a sample: slice, gather."""

from __future__ import annotations

from ..errors import ShapeError
from ..field import Field
from ..floors import smaller
from ..sizes import MOST_SIZES, Open, Shape, Size
from ..window import positions
from .base import Env, Fields, Layer, Sign, Trace, axis_of, ops
from .keys import Nested, axis, indices, integer, leaves, nested_shape, step


class Slice(Layer):
    """Slice: the units `start` to `stop` (not included) of an axis, every `step`-th; a step below 0 goes backwards."""

    WORD = "slice"
    EXAMPLE = "OP:axis=1,stop=8"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS = {"axis": axis, "start": integer, "stop": integer, "step": step}
    HELP = {
        "axis": "The axis: the batch is 0, the last is -1.",
        "start": (
            "The first unit; by default the first of the axis, or the last if the step is negative; -1 is the last."
        ),
        "stop": "The unit before which to stop, counted like `start`; by default none.",
        "step": "The step between units: 2 takes every second one, -1 goes backwards.",
    }
    NEEDED = ("axis",)
    axis: int
    start: int | None = None
    stop: int | None = None
    step: int = 1

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        axis = axis_of(self.axis, x)
        n = x[axis - 1]
        first, last, size = self.resolve(n, env)
        values = {"axis": self.axis, "start": first, "stop": last, "step": self.step}
        out = (*x[: axis - 1], size, *x[axis:])

        def see(field: Field) -> Field:
            if self.step > 0:
                return field.slide(1, self.step, -first if first >= 0 else None)
            return field.spread([(first, first)], self.step) if isinstance(n, int) else field.lost()

        return Trace(values, out, fields.at(axis - 1, see), axes=(axis,))

    def resolve(self, n: Size, env: Env) -> tuple[int, int | None, Size]:
        """Return the start, the stop (None to take all the rest) and the number of units taken of n.

        Raise ShapeError if nothing is taken. For an open size, both ends are left as given.
        """
        step, last = self.step, self.stop
        first = self.start if self.start is not None else 0 if step > 0 else -1
        if isinstance(n, int):
            first, stop, _ = slice(first, last, step).indices(n)
            self.check_some(n, first, stop)
            return first, stop if stop >= 0 else None, len(range(first, stop, step))
        if last is not None and (first < 0) == (last < 0):
            self.check_some(n, first, last)
        if step > 0:
            end = n if last is None else n + last if last < 0 else smaller(n, last)
            span = end - first if first >= 0 else smaller(end - n - first, end)
        else:
            begin = n + first if first < 0 else smaller(n - 1, first)
            span = begin + 1 if last is None else begin - last if last >= 0 else smaller(begin - n - last, begin + 1)
        size = positions(span, 0, 1, abs(step))
        env.require((size, ">=", 1))
        return first, last, size

    def check_some(self, n: Size, first: int, end: int) -> None:
        """Raise ShapeError if there is no unit between two places."""
        if not range(first, end, self.step):
            steps = "" if self.step > 0 else f" in steps of {self.step}"
            raise ShapeError(f"nothing is left of {n}: {first} to {end}{steps}, {end} not included", key="start")


class Gather(Layer):
    """Gathering: the units of an axis at the listed indices; a single index removes the axis."""

    WORD = "gather"
    EXAMPLE = "OP:axis=1,indices=[0,2,1]"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    MAKES_AXES = True
    KEYS = {"axis": axis, "indices": indices}
    ALIASES = {"dim": "axis", "index": "indices"}
    HELP = {
        "axis": "The axis: the batch is 0, the last is -1.",
        "indices": (
            "The indices: a number, a list, or nested lists for several new axes; negative ones count from the end."
        ),
    }
    NEEDED = ("axis", "indices")
    axis: int
    indices: Nested

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        axis = axis_of(self.axis, x)
        n, shape, units = x[axis - 1], nested_shape(self.indices), list(leaves(self.indices))
        if isinstance(n, Open):
            env.require((n, ">=", max(max(units) + 1, -min(units))))
        wrong = next((unit for unit in units if isinstance(n, int) and not -n <= unit < n), None)
        if wrong is not None:
            help = f"the units are 0 to {n - 1}, or -{n} to -1 from the end"
            raise ShapeError(f"there is no unit {wrong} on an axis of {n}", help, key="indices")
        out = (*x[: axis - 1], *shape, *x[axis:])
        if len(out) > MOST_SIZES:
            raise ShapeError(f"the output has {len(out)} sizes", f"at most {MOST_SIZES} are possible", key="indices")
        places = [unit % n if isinstance(n, int) else unit for unit in units]
        if min(places) < 0 or len(shape) > 1:
            seen = fields.lose([axis - 1])
        else:
            seen = fields.at(axis - 1, lambda field: field.take(places, n if isinstance(n, int) else 0))
        if len(shape) != 1:
            seen = seen.drop([axis - 1])
            for _ in shape:
                seen = seen.insert(axis - 1)
        return Trace({"axis": self.axis, "indices": self.indices}, out, seen, axes=(axis,))


OPS = ops(Slice, Gather)
