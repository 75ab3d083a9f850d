"""Layers in which paths meet: add, mul, concat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..errors import ShapeError
from ..field import join as join_fields
from ..sizes import Open, Shape, Size, show
from .base import Env, Fields, Layer, Sign, Trace, axis_of, ops
from .keys import axis


class Join(Layer):
    """What joins share: their fields are joined axis by axis."""

    VIEW = False
    SIGN = Sign.KEPT
    JOINS = True
    EXAMPLE = "relu:name=a tanh:name=b OP:from=a+b"

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        if len(xs) < 2:
            raise ShapeError(f"{self.op} needs at least two inputs, got one", "name them, as from=a+b", key="from")
        ranks = {len(x) for x in xs}
        if len(ranks) > 1:
            raise self.unequal(xs, "the numbers of axes differ")
        values, out = self.meet(xs, env)
        seen = tuple([join_fields(axis) for axis in zip(*fields, strict=False)])
        return Trace(values, out, seen)

    def meet(self, xs: Sequence[Shape], env: Env) -> tuple[dict[str, object], Shape]:
        """The resolved keys, and the output's shape. ShapeError if the inputs' shapes do not go together."""
        raise NotImplementedError

    def unequal(self, xs: Sequence[Shape], why: str) -> ShapeError:
        """The error for shapes that do not go together; the caller adds the layers that they come from."""
        return ShapeError(f"{self.op} of {' and '.join(map(show, xs))}: {why}", key="from")


def same(sizes: Sequence[Size]) -> Size | None:
    """The one size that all of them have, the known one if some are open; None if two surely differ."""
    numbers = {size for size in sizes if isinstance(size, int)}
    if len(numbers) > 1:
        return None
    return numbers.pop() if numbers else sizes[0]


class Elementwise(Join):
    """A function of the inputs' values at each place."""

    REPEATED: ClassVar[tuple[int, ...]] = ()
    """The sizes that are repeated to meet the others."""

    def meet(self, xs: Sequence[Shape], env: Env) -> tuple[dict[str, object], Shape]:
        out = []
        for sizes in zip(*xs, strict=True):
            size = same([size for size in sizes if size not in self.REPEATED] or sizes)
            if size is None:
                neither = ", and neither is 1" if self.REPEATED else ""
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ{neither}")
            out.append(size)
        return {}, tuple(out)


class Add(Elementwise):
    """Sum of inputs of equal shape, value by value."""

    WORD = "add"
    LINEAR = True


class Mul(Elementwise):
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

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        traced = super().trace_all(xs, fields, env)
        return traced._replace(axes=(axis_of(traced.values["axis"], xs[0]),))

    def meet(self, xs: Sequence[Shape], env: Env) -> tuple[dict[str, object], Shape]:
        wanted = self.axis if self.axis is not None else len(xs[0]) if env.channels_last else 1
        axis = axis_of(wanted, xs[0])
        out: list[Size] = []
        for at, sizes in enumerate(zip(*xs, strict=True), 1):
            size = _sum(sizes) if at == axis else same(sizes)
            if size is None:
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ, beside axis {wanted}")
            out.append(size)
        return {"axis": wanted}, tuple(out)


def _sum(sizes: Sequence[Size]) -> Size:
    total: Size = 0
    for size in sizes:
        total = size + total if isinstance(size, Open) else total + size
    return total


OPS = ops(Add, Mul, Concat)
