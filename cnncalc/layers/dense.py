"""Layers over whole samples: linear, flatten, reshape, permute."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ..errors import ShapeError, shown
from ..sizes import Shape, count, counted, known, product, show
from .base import KERNEL, Env, Fields, Layer, Sign, Trace, axis_of, check_channels, ops
from .conv import params_text, times
from .keys import at_least, flag, integers


class Linear(Layer):
    """Fully connected (dense) layer on the last axis: in*out weights."""

    WORD = "linear"
    ALSO = ("fc",)
    EXAMPLE = "flatten OP:10"
    VIEW = False
    LINEAR = True
    SIGN = Sign.ANY
    WEIGHTS = {"weight": KERNEL, "bias": 0}
    KEYS = {"c_i": at_least(1), "out": at_least(1), "bias": flag}
    HELP = {"c_i": "The number of input features; may be left out.", "out": "The number of output features."}
    BARE = "out"
    NEEDED = ("out",)
    out: int
    c_i: int | None = None
    bias: bool = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if not x:
            raise ShapeError(
                "a single number has no features", ("keep an axis with keepdims, or put a reshape before it")
            )
        check_channels(self.c_i, x[-1], x[-1:], env, "feature")
        out = (*x[:-1], self.out)
        values = {"c_i": known(x[-1]) or self.c_i, "out": self.out, "bias": self.bias}
        if fields.axes[-1] is not None:
            fields = fields.whole([len(x) - 1], x)
        return Trace(values, out, fields, *self.counts(x, values, env), count(values["c_i"] or x[-1], *out))

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        features = values["c_i"] or x[-1]
        weight = (features, self.out) if env.channels_last else (self.out, features)
        return {"weight": weight} | ({"bias": (self.out,)} if self.bias else {})

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        return {"out": shape[-1 if env.channels_last else 0]} if len(shape) == 2 else {}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [
            params_text("in*out", times(x[-1], self.out), "out", traced),
            f"MACs: in*out = {times(*x[:-1], x[-1], self.out)} = {counted(traced.macs)}",
        ]


class Flatten(Layer):
    """Flatten: all values of a sample in one row, in the order of its layout."""

    WORD = "flatten"
    VIEW = True
    LINEAR = True
    SIGN = Sign.KEPT
    MAKES_AXES = True

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        return Trace({}, (product(x),), fields.flatten(x) if len(x) != 1 else fields)

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return [f"{times(x)} = {traced.out[0]} features"]


class Reshape(Layer):
    """Reshape: the same values in another shape, of all axes or of neighbors; one size may be -1."""

    WORD = "reshape"
    EXAMPLE = "OP:out=-1"
    VIEW = True
    LINEAR = True
    SIGN = Sign.KEPT
    MAKES_AXES = True
    KEYS = {"out": integers, "axis": integers}
    HELP = {
        "out": (
            "The new sizes without the batch, [] for a single number; one may be -1, which is inferred from the others."
        ),
        "axis": "The axis that `out` replaces, or the first and the last of several; by default all.",
    }
    BARE = "out"
    NEEDED = ("out",)
    out: tuple[int, ...]
    axis: tuple[int, ...] | None = None

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        out = self.resolve(x, env)
        values = {"out": out} if all(isinstance(n, int) for n in out) else self.given
        return Trace(values, out, fields.reshape(x, out))

    def resolve(self, x: Shape, env: Env) -> Shape:
        """Return the output shape. Raise ShapeError if its product differs from that of the input."""
        if self.axis is None:
            return self.filled(x, env)
        if len(self.axis) not in (1, 2):
            what = f"axis is {shown(self.axis)}: one axis, or the first and the last of several"
            raise ShapeError(what, "leave it out for all axes", key="axis")
        first, *_, last = [axis_of(axis, x) for axis in (self.axis[0], self.axis[-1])]
        if first > last:
            raise ShapeError(f"axis is {shown(self.axis)}: axis {last} comes before axis {first}", key="axis")
        return (*x[: first - 1], *self.filled(x[first - 1 : last], env), *x[last:])

    def filled(self, x: Shape, env: Env) -> Shape:
        """Return `out` with its -1 resolved, for the input sizes that it replaces."""
        if any(n < 1 and n != -1 for n in self.out) or self.out.count(-1) > 1:
            raise ShapeError(f"out is {show(self.out)}: sizes are at least 1, and one may be -1", key="out")
        have, given, is_free = product(x), prod(n for n in self.out if n != -1), -1 in self.out
        if not isinstance(have, int):
            env.require((have, "|", given) if is_free else (have, "=", given))
        elif have % given if is_free else have != given:
            asked = times(self.out) if is_free else f"{times(self.out)} = {given}" if self.out else "a single one"
            raise ShapeError(
                f"{show(x)} is {times(x)} = {have} values, but out asks for {asked}",
                "both must have the same number of values; -1 is inferred from the other sizes",
                key="out",
            )
        rest = have // given
        return tuple([rest if n == -1 else n for n in self.out])


class Permute(Layer):
    """Permute: the axes in another order; the batch is axis 0 and stays."""

    WORD = "permute"
    EXAMPLE = "OP:2x3x1"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    MOVES_AXES = True
    KEYS = {"order": integers}
    HELP = {"order": "The axes in their new order, from 1: the batch is 0 and may be left out."}
    BARE = "order"
    NEEDED = ("order",)
    order: tuple[int, ...]

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        order = self.order[1:] if self.order[:1] == (0,) else self.order
        if sorted(order) != list(range(1, len(x) + 1)):
            raise ShapeError(
                f"order is {shown(self.order)}, but the axes of {show(x)} are 1 to {len(x)}",
                "give each axis once; the batch is axis 0 and may be left out",
                key="order",
            )
        out = tuple([x[axis - 1] for axis in order])
        return Trace({"order": order}, out, fields.permute([axis - 1 for axis in order]), axes=order)


OPS = ops(Linear, Flatten, Reshape, Permute)
