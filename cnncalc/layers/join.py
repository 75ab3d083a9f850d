"""Layers in which paths meet: add, mul, concat."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ShapeError
from ..field import join as join_fields
from ..sizes import Open, Shape, Size, show
from .base import Env, Fields, Layer, Traced, axis_of
from .keys import axis


class Join(Layer):
    """What joins share: their fields are joined axis by axis."""

    JOINS = True

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Traced:
        if len(xs) < 2:
            raise ShapeError(f"{self.op} joins two layers or more, and reads one", "name them, as from=a+b", key="from")
        ranks = {len(x) for x in xs}
        if len(ranks) > 1:
            raise self.unequal(xs, "they have not the same number of axes")
        values, out = self.meet(xs, env)
        seen = tuple([join_fields(axis) for axis in zip(*fields, strict=False)])
        return Traced(values, out, seen)

    def meet(self, xs: Sequence[Shape], env: Env) -> tuple[dict[str, object], Shape]:
        """The resolved keys, and what comes out of these shapes. ShapeError where they do not go together."""
        raise NotImplementedError

    def unequal(self, xs: Sequence[Shape], why: str) -> ShapeError:
        """The error of shapes that do not go together; who reads the layers adds where they come from."""
        return ShapeError(f"{self.op} of {' and '.join(map(show, xs))}: {why}", key="from")


def same(sizes: Sequence[Size]) -> Size | None:
    """The size that they all are, the known one where some are open; None where two are surely different."""
    numbers = {size for size in sizes if isinstance(size, int)}
    if len(numbers) > 1:
        return None
    return numbers.pop() if numbers else sizes[0]


class Add(Join):
    """The sum of equal shapes, value by value."""

    def meet(self, xs: Sequence[Shape], env: Env) -> tuple[dict[str, object], Shape]:
        out = []
        for sizes in zip(*xs, strict=True):
            size = same(sizes)
            if size is None:
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ")
            out.append(size)
        return {}, tuple(out)


class Mul(Join):
    """The product, value by value; a size of 1 is repeated, as a squeeze-and-excite gate needs."""

    def meet(self, xs: Sequence[Shape], env: Env) -> tuple[dict[str, object], Shape]:
        out = []
        for sizes in zip(*xs, strict=True):
            size = same([size for size in sizes if size != 1] or [1])
            if size is None:
                raise self.unequal(xs, f"{' and '.join(map(str, sizes))} differ, and neither is 1")
            out.append(size)
        return {}, tuple(out)


class Concat(Join):
    """One after another along an axis, the channels' unless it says otherwise; the batch is axis 0."""

    KEYS = {"axis": axis}
    HELP = {"axis": "The axis along which they stand one after another: the batch is 0, by default the channels."}
    DERIVED = ("axis",)
    ALIASES = {"dim": "axis"}
    BARE = "axis"
    axis: int | None = None

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Traced:
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


OPS = {"add": (Add, None), "mul": (Mul, None), "concat": (Concat, None)}
