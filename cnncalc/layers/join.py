"""Layers in which paths meet: add, mul, concat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..axes import join as join_fields
from ..errors import ShapeError
from ..sizes import Shape, Size, show
from .base import Env, Fields, Layer, Sign, Trace, axis_of, ops
from .keys import axis


class Join(Layer):
    """The base of joins: sizes are equal on every axis, and fields are joined axis by axis."""

    VIEW = False
    SIGN = Sign.KEPT
    JOINS = True
    EXAMPLE = "relu:name=a tanh:name=b OP:from=a+b"
    REPEATED: ClassVar[tuple[int, ...]] = ()
    """The sizes that are repeated to meet the others."""

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        if len(xs) < 2:
            raise ShapeError(f"{self.op} needs at least two inputs, got one", "name them, as from=a+b", key="from")
        if len({len(x) for x in xs}) > 1:
            raise self.unequal(xs, "the numbers of axes differ")
        values, axes = self.resolve(xs[0], env)
        out: list[Size] = []
        for at, sizes in enumerate(zip(*xs, strict=True), 1):
            size = sum(sizes) if at in axes else same([n for n in sizes if n not in self.REPEATED] or sizes)
            if size is None:
                why = f", beside axis {values['axis']}" if axes else ", and neither is 1" if self.REPEATED else ""
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ{why}")
            out.append(size)
        seen = join_fields(fields, xs, tuple(out))
        return Trace(values, tuple(out), seen.lose([axis - 1 for axis in axes]), axes=axes)

    def resolve(self, x: Shape, env: Env) -> tuple[dict[str, int], tuple[int, ...]]:
        """Return the resolved keys, and the axes of a sample x along which the inputs are put together."""
        return {}, ()

    def unequal(self, xs: Sequence[Shape], why: str) -> ShapeError:
        """Return the error for shapes that do not go together; the caller adds the layers that they come from."""
        return ShapeError(f"{self.op} of {' and '.join(map(show, xs))}: {why}", key="from")


def same(sizes: Sequence[Size]) -> Size | None:
    """Return the one size that all of them have, the known one if some are open; None if two surely differ."""
    numbers = {size for size in sizes if isinstance(size, int)}
    if len(numbers) > 1:
        return None
    return numbers.pop() if numbers else sizes[0]


class Add(Join):
    """Sum of inputs of equal shape, value by value."""

    WORD = "add"
    LINEAR = True


class Mul(Join):
    """Product of inputs, value by value; a size of 1 is repeated, as a squeeze-and-excite gate needs."""

    WORD = "mul"
    LINEAR = False
    REPEATED = (1,)


class Concat(Join):
    """Concatenation along an axis, by default that of the channels."""

    WORD = "concat"
    LINEAR = True
    KEYS = {"axis": axis}
    HELP = {"axis": "The axis along which the inputs are put together: the batch is 0, by default the channels'."}
    DERIVED = ("axis",)
    ALIASES = {"dim": "axis"}
    BARE = "axis"
    axis: int | None = None

    def resolve(self, x: Shape, env: Env) -> tuple[dict[str, int], tuple[int, ...]]:
        wanted = self.axis if self.axis is not None else len(x) if env.channels_last else 1
        return {"axis": wanted}, (axis_of(wanted, x),)


OPS = ops(Add, Mul, Concat)
