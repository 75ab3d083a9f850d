"""Layers that split a map into the values of its windows, and reassemble it: unfold, fold."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from ..errors import ShapeError
from ..sizes import Shape, product, show
from .base import Env, Fields, Sign, Trace, join, ops, space_of
from .keys import Axes, per_axis, sides, spread
from .sliding import Slide, Windowed, check_fits, explain_slides, place, sides_of


class Patches(Windowed):
    """The base of unfold and fold: a window whose values make one column."""

    LINEAR = True
    SIGN = Sign.KEPT
    NEEDED: ClassVar[tuple[str, ...]] = ("k",)
    DIALECT_WORDS = "pool_words"
    KEYS = {"k": per_axis(1), "s": per_axis(1), "p": sides, "d": per_axis(1)}
    BARE = "k"
    s: Axes = 1

    def window(self, space: Shape, env: Env) -> tuple[dict[str, Any], list[Slide]]:
        """Return the resolved keys, and the window on each axis of a map. Raise ShapeError if one does not fit."""
        nd = len(space)
        k, s, d = [spread(value, nd) for value in (self.k, self.s, self.d)]
        slides = place(space, k, s, d, self.padding(nd, env), False)
        check_fits(slides, False, env)
        return {"k": k, "s": s, "p": sides_of(slides, self.p), "d": d}, slides


class Unfold(Patches):
    """Unfolding (im2col): the values under each window in a column: c*k channels, and one axis of all windows."""

    WORD = "unfold"
    REFUSED = {"keras": "it has no layer for unfold", "onnx_read": "reads as gathers, a permute and a reshape"}
    EXAMPLE = "OP:k3,s2,p1"
    MAKES_AXES = True
    HELP = {"k": "The window's size: one number, or one per axis."}

    def placed(self, space: Shape, env: Env) -> list[Slide]:
        return self.window(space, env)[1]

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        c, space = self.split(x, env)
        values, slides = self.window(space, env)
        out = [slide.out for slide in slides]
        fields = fields.lose([len(x) - 1 if env.channels_last else 0])
        seen = fields.each(space_of(x, env), slides, lambda field, slide: slide.see(field))
        columns = join(c * prod(values["k"]), (product(out),), env)
        return Trace(values, columns, seen.reshape(join(1, tuple(out), env), join(1, (product(out),), env)))

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        return explain_slides(self.window(self.split(x, env)[1], env)[1])


class Fold(Patches):
    """Folding (col2im): columns back into a map of the sizes `out`; values that windows share are added up."""

    WORD = "fold"
    REFUSED = {"keras": "it has no layer for fold"}
    EXAMPLE = "unOP:k3,p1 OP:k3,p1,out=32"
    MAKES_AXES = True
    KEYS = {"out": per_axis(1), **Patches.KEYS}
    HELP = {"k": "The window's size: one number, or one per axis.", "out": "The sizes of the map."}
    NEEDED = ("out", "k")
    out: Axes

    def rank(self) -> int | None:
        """Return 1: the input has one axis, that of all windows."""
        return 1

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        nd = self.nd or 2
        c, (windows,) = self.split(x, env)
        space = spread(self.out, nd)
        values, slides = self.window(space, env)
        cells, number = prod(values["k"]), product([slide.out for slide in slides])
        if not isinstance(windows, int):
            env.require((windows, "=", number))
        elif windows != number:
            fitting = " * ".join(str(slide.out) for slide in slides)
            what = f"{show(space)} has {fitting} = {number} windows, but the input {show(x)} has {windows}"
            raise ShapeError(what, "give the same out, k, s, p and d as the unfold", key="out")
        if not isinstance(c, int):
            env.require((c, "|", cells))
        elif c % cells:
            what = f"the {c} values of a column are not a multiple of {cells}, the size of the window"
            raise ShapeError(what, f"{c} = {c // cells}*{cells} + {c % cells}", key="k")
        out = join(c // cells, space, env)
        return Trace({"out": space, **values}, out, fields.lost(len(out)))


OPS = ops(Unfold, Fold)
