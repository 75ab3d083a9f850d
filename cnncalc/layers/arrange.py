"""Layers that repeat, roll or stack a sample's values: expand, tile, roll, stack."""

from __future__ import annotations

from collections.abc import Sequence

from ..axes import join as join_fields
from ..errors import ShapeError, shown
from ..field import MOST_FOLLOWED, MOST_PHASES, Field
from ..sizes import MOST_SIZES, Open, Shape, Size, known, show
from .base import Env, Fields, Layer, Sign, Trace, axes_of, ops
from .join import Join, same
from .keys import axis, integers


class Arrangement(Layer):
    """The base of layers that only move and repeat values."""

    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT


class Expand(Arrangement):
    """Expansion: axes of size 1 are repeated to the sizes `out`, before which axes may be added (NumPy's broadcast)."""

    WORD = "expand"
    REFUSED = {"keras_read": "reads as a reshape and a tile"}
    EXAMPLE = "globalavgpool OP:16x32x32"
    MAKES_AXES = True
    KEYS = {"out": integers}
    HELP = {"out": "The sizes without the batch, which end with those of the input's axes; -1 keeps an axis as it is."}
    BARE = "out"
    NEEDED = ("out",)
    out: tuple[int, ...]

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        added = len(self.out) - len(x)
        if added < 0 or any(n < 1 for n in self.out[:added]) or any(n < 1 and n != -1 for n in self.out):
            raise ShapeError(
                f"out is {show(self.out)}, but the input is {show(x)}",
                "give a size of at least 1 for each axis, new axes first; -1 keeps an axis",
                key="out",
            )
        if len(self.out) > MOST_SIZES:
            raise ShapeError(f"out has {len(self.out)} sizes", f"a shape has at most {MOST_SIZES} sizes", key="out")
        out: list[Size] = [*self.out[:added]]
        for n, wanted in zip(x, self.out[added:], strict=True):
            if isinstance(n, Open) and wanted != -1:
                env.require((n, "=", wanted), (n, "=", 1))
            elif n != 1 and wanted not in (n, -1):
                what = f"an axis of {n} cannot become one of {wanted}: only an axis of 1 is repeated"
                raise ShapeError(f"{show(x)} to {show(self.out)}: {what}", "-1 keeps an axis as it is", key="out")
            out.append(n if wanted == -1 else wanted)
        values = {"out": tuple(out) if all(isinstance(n, int) for n in out) else self.out}
        for place, (n, size) in enumerate(zip(x, out[added:], strict=True)):
            if n != size:
                fields = fields.at(place, lambda field: field.still(1)) if n == 1 else fields.lose([place])
        for place in range(added):
            fields = fields.insert(place)
        return Trace(values, tuple(out), fields)


class Tile(Arrangement):
    """Tiling: the sample repeated along its axes."""

    WORD = "tile"
    EXAMPLE = "OP:1x2x3"
    KEYS = {"repeats": integers}
    HELP = {"repeats": "How many times the values are repeated: one number per axis of the sample."}
    BARE = "repeats"
    NEEDED = ("repeats",)
    repeats: tuple[int, ...]

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if len(self.repeats) != len(x) or any(times < 1 for times in self.repeats):
            raise ShapeError(
                f"repeats is {shown(self.repeats)}, but the input is {show(x)}",
                f"give {len(x)} numbers of at least 1, one per axis",
                key="repeats",
            )
        for place, (n, times) in enumerate(zip(x, self.repeats, strict=True)):
            if times > 1 and isinstance(n, int) and n * times <= MOST_PHASES:
                units = [*range(n)] * times
                fields = fields.at(place, lambda field, units=units, n=n: field.take(units, n))  # type: ignore[misc]
            elif times > 1:
                fields = fields.lose([place])
        out = tuple([n * times for n, times in zip(x, self.repeats, strict=True)])
        return Trace({"repeats": self.repeats}, out, fields)


class Roll(Arrangement):
    """Roll: values are shifted along axes, and those shifted beyond the end re-enter at the beginning."""

    WORD = "roll"
    REFUSED = {"onnx_read": "reads as slices and a concat"}
    EXAMPLE = "OP:shift=1,axis=-1"
    KEYS = {"shift": integers, "axis": integers}
    ALIASES = {"shifts": "shift", "dims": "axis"}
    HELP = {
        "shift": "By how many units the values move towards the end of each axis.",
        "axis": "The axes: the batch is 0, the last is -1.",
    }
    NEEDED = ("shift", "axis")
    shift: tuple[int, ...]
    axis: tuple[int, ...]

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        axes = axes_of(self.axis, x)
        if len(self.shift) != len(axes):
            what = f"{len(self.shift)} shifts for {len(axes)} axes"
            raise ShapeError(what, "give one shift for each axis", key="shift")
        values = {"shift": self.shift, "axis": self.axis}
        moves = [(known(x[place - 1]), shift) for place, shift in zip(axes, self.shift, strict=True)]
        return Trace(values, x, fields.each([axis - 1 for axis in axes], moves, _roll), axes=axes)


def _roll(field: Field, move: tuple[int | None, int]) -> Field:
    n, shift = move
    if not shift:
        return field
    return field.lost() if n is None or n > MOST_FOLLOWED else field.take(rolled(n, shift), n)


def rolled(n: int, shift: int) -> Sequence[int]:
    """Return which of n units is at each place after a roll."""
    return range(n) if shift % n == 0 else [*range(-shift % n, n), *range(-shift % n)]


class Stack(Join):
    """Stacking: inputs of equal shape side by side along a new axis."""

    WORD = "stack"
    REFUSED = {"onnx_read": "reads as reshapes and a concat"}
    LINEAR = True
    MAKES_AXES = True
    KEYS = {"axis": axis}
    HELP = {"axis": "The position of the new axis in the output: the batch is 0, the last is -1."}
    ALIASES = {"dim": "axis"}
    axis: int = 1

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        if len({len(x) for x in xs}) > 1:
            raise self.unequal(xs, "the numbers of axes differ")
        out: list[Size] = []
        for sizes in zip(*xs, strict=True):
            size = same(sizes, env)
            if size is None:
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ")
            out.append(size)
        rank = len(out) + 1
        if self.axis == 0 or not -rank <= self.axis <= rank:
            what = f"axis {self.axis} is not an axis of the output, which has {rank}"
            raise ShapeError(what, f"the axes are 1 to {rank}, the batch is 0, the last is -1", key="axis")
        place = self.axis - 1 if self.axis > 0 else self.axis + rank
        out.insert(place, len(xs))
        seen = join_fields(fields, xs, (*out[:place], *out[place + 1 :])).insert(place)
        return Trace({"axis": self.axis}, tuple(out), seen, axes=(place + 1,))


OPS = ops(Expand, Tile, Roll, Stack)
