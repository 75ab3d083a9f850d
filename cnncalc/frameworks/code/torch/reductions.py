"""The output shapes of PyTorch's functions that reduce or sort values along axes."""

from __future__ import annotations

from ....errors import ShapeError
from .shapes import SHAPES, Shape, ShapeCall, Shapes, met
from .tensors import TensorValue


@SHAPES.rule("norm")
@SHAPES.rule("mean amax amin logsumexp nanmean", "input dim keepdim")
@SHAPES.rule("sum prod nansum", "input dim keepdim", "summed")
@SHAPES.rule("all any", "input dim keepdim", "bool")
@SHAPES.rule("var std", "input dim unbiased keepdim")
def reduction(call: ShapeCall) -> Shapes:
    """Return the shape with axes reduced."""
    return _without_axes(call)


def _without_axes(call: ShapeCall) -> Shape:
    if isinstance(call.get("dim"), bool):  # such as std(unbiased)
        call.given["dim"] = None
    return reduced(call.x, call.axes(len(call.x)), keeps(call))


def keeps(call: ShapeCall) -> bool:
    """Return whether reduced axes are kept, with size 1."""
    return bool(call.get("keepdim", call.get("keepdims", False)))


def reduced(shape: Shape, dims: list[int], keep: bool) -> Shape:
    """Return a shape with axes reduced."""
    return tuple([1 if at in dims else n for at, n in enumerate(shape) if keep or at not in dims])


@SHAPES.rule("max min median mode kthvalue cummax cummin", "input dim keepdim")
def extreme(call: ShapeCall) -> Shapes:
    """Return the shape of an extreme: of all values, of two operands, or along an axis with its indices."""
    other = call.get("other", call.get("dim"))
    if isinstance(other, TensorValue):
        return met(call.x, other.shape)
    if other is None:
        return ()
    out = reduced(call.x, call.axes(len(call.x)), keeps(call))
    return [out, out]


@SHAPES.rule("var_mean std_mean", "input dim unbiased keepdim")
def moments(call: ShapeCall) -> Shapes:
    """Return the shapes of a variance and a mean."""
    out = _without_axes(call)
    return [out, out]


@SHAPES.rule("argmax argmin", "input dim keepdim", "int")
def place_of(call: ShapeCall) -> Shapes:
    """Return the shape of the indices of extremes."""
    return reduced(call.x, call.axes(len(call.x)), keeps(call))


@SHAPES.rule("sort", "input dim descending")
def sort(call: ShapeCall) -> Shapes:
    """Return the shapes of sorted values and of their indices."""
    return [call.x, call.x]


@SHAPES.rule("argsort", "input dim descending", "int")
def argsort(call: ShapeCall) -> Shapes:
    """Return the shape of the indices of sorted values."""
    return call.x


@SHAPES.rule("topk", "input k dim")
def topk(call: ShapeCall) -> Shapes:
    """Return the shapes of the largest values and of their indices."""
    at = call.axis(len(call.x), -1)
    out = (*call.x[:at], call.get("k"), *call.x[at + 1 :])
    return [out, out]


@SHAPES.rule("glu")
def glu(call: ShapeCall) -> Shapes:
    """Return the shape with an axis halved."""
    at = call.axis(len(call.x), -1)
    if call.x[at] % 2:
        raise ShapeError(f"{call.x[at]} cannot be halved")
    return (*call.x[:at], call.x[at] // 2, *call.x[at + 1 :])
