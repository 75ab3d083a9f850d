"""The output shapes of PyTorch's functions that rearrange, join and split tensors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from types import EllipsisType
from typing import Any

from ....errors import ShapeError
from ....sizes import show
from ..budget import listable
from .shapes import SHAPES, Shape, ShapeCall, Shapes, as_list, axis_of, met, shape_of
from .tensors import TensorValue

# Reshaping


@SHAPES.rule("view reshape")
def view(call: ShapeCall) -> Shapes:
    """Return the requested shape, with -1 inferred. Raise ShapeError if the number of values differs."""
    return filled(call.x, call.several("shape", 1))


def filled(shape: Shape, wanted: list[int]) -> Shape:
    """Return sizes with -1 inferred."""
    if not all(isinstance(n, int) for n in wanted):
        raise TypeError("sizes are whole numbers")
    have, rest = prod(shape), prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1 or min(wanted, default=1) < -1:
        raise ShapeError(f"{wanted} has more than one open size")
    fits = have == rest if -1 not in wanted else rest > 0 and have % rest == 0
    if not fits:
        sample = f"{show(shape[1:])} = {prod(shape[1:]):,} values a sample" if len(shape) > 1 else f"{have:,} values"
        text = ", ".join(map(str, wanted))
        raise ShapeError(f"{sample} cannot be viewed as ({text})")
    return tuple([have // rest if n == -1 else n for n in wanted])


@SHAPES.rule("view_as reshape_as expand_as", "input other")
def as_other(call: ShapeCall) -> Shapes:
    """Return the shape of another tensor."""
    return call.shape("other")


@SHAPES.rule("flatten", "input start_dim end_dim")
def flatten(call: ShapeCall) -> Shapes:
    """Return the shape with several axes flattened into one."""
    rank = len(call.x)
    start, end = axis_of(call.get("start_dim", 0), rank), axis_of(call.get("end_dim", -1), rank)
    if start > end:
        raise ShapeError(f"start_dim {start} comes after end_dim {end}")
    return (*call.x[:start], prod(call.x[start : end + 1]), *call.x[end + 1 :])


@SHAPES.rule("ravel")
def ravel(call: ShapeCall) -> Shapes:
    """Return the shape of all values in one axis."""
    return (prod(call.x),)


@SHAPES.rule("unflatten", "input dim sizes unflattened_size")
def unflatten(call: ShapeCall) -> Shapes:
    """Return the shape with an axis split into several."""
    at = call.axis(len(call.x))
    wanted = call.get("sizes", call.get("unflattened_size"))
    return (*call.x[:at], *filled((call.x[at],), list(wanted)), *call.x[at + 1 :])


@SHAPES.rule("squeeze")
def squeeze(call: ShapeCall) -> Shapes:
    """Return the shape without axes of size 1."""
    gone = call.axes(len(call.x))
    return tuple([n for at, n in enumerate(call.x) if n != 1 or at not in gone])


@SHAPES.rule("unsqueeze")
def unsqueeze(call: ShapeCall) -> Shapes:
    """Return the shape with a new axis of size 1."""
    at = axis_of(call.get("dim"), len(call.x) + 1)
    return (*call.x[:at], 1, *call.x[at:])


@SHAPES.rule("permute")
def permute(call: ShapeCall) -> Shapes:
    """Return the shape with its axes permuted."""
    order = [axis_of(one, len(call.x)) for one in call.several("dims", 1)]
    if sorted(order) != list(range(len(call.x))):
        raise ShapeError(
            f"{show(call.x[1:])} with its batch has {len(call.x)} axes, and {order} is not an order of them"
        )
    return tuple([call.x[at] for at in order])


@SHAPES.rule("transpose swapaxes swapdims")
def transpose(call: ShapeCall) -> Shapes:
    """Return the shape with two axes swapped."""
    first, second = [axis_of(call.get(f"dim{at}", call.get(f"axis{at}")), len(call.x)) for at in (0, 1)]
    sizes = list(call.x)
    sizes[first], sizes[second] = sizes[second], sizes[first]
    return tuple(sizes)


@SHAPES.rule("t T mT adjoint H mH")
def turned(call: ShapeCall) -> Shapes:
    """Return the shape with the last two axes swapped, or with all axes reversed."""
    return call.x[::-1] if call.function == "T" or len(call.x) < 2 else (*call.x[:-2], call.x[-1], call.x[-2])


@SHAPES.rule("movedim moveaxis")
def movedim(call: ShapeCall) -> Shapes:
    """Return the shape with axes moved."""
    rank = len(call.x)
    source, target = [[axis_of(n, rank) for n in as_list(call.get(name))] for name in ("source", "destination")]
    order = [axis for axis in range(rank) if axis not in source]
    for to, axis in sorted(zip(target, source, strict=True)):
        order.insert(to, axis)
    return tuple([call.x[at] for at in order])


# Joining and repeating


@SHAPES.rule("cat concat concatenate")
def cat(call: ShapeCall) -> Shapes:
    """Return the shape of concatenated tensors."""
    shapes = [shape_of(one) for one in call.get("tensors")]
    shapes = [one for one in shapes if one != (0,)] or shapes
    return joined(shapes, call.axis(len(shapes[0]), 0))


def joined(shapes: list[Shape], at: int) -> Shape:
    """Return the shape of tensors concatenated along an axis. Raise ShapeError if they do not match."""
    rest = {one[:at] + one[at + 1 :] for one in shapes}
    if len(rest) > 1:
        texts = " and ".join([show(one[1:]) or "()" for one in shapes])
        raise ShapeError(f"{texts} differ outside axis {at}, so they cannot be joined along it")
    return (*shapes[0][:at], sum(one[at] for one in shapes), *shapes[0][at + 1 :])


@SHAPES.rule("stack")
def stack(call: ShapeCall) -> Shapes:
    """Return the shape of tensors stacked along a new axis."""
    shapes = [shape_of(one) for one in call.get("tensors")]
    if len(set(shapes)) > 1:
        raise ShapeError(f"{' and '.join(show(one) for one in shapes)} are stacked, but differ")
    at = axis_of(call.get("dim", 0), len(shapes[0]) + 1)
    return (*shapes[0][:at], len(shapes), *shapes[0][at:])


@SHAPES.rule("hstack vstack dstack column_stack")
def stacked(call: ShapeCall) -> Shapes:
    """Return the shape of tensors concatenated along the axis that the function's name implies."""
    shapes = [_WIDENED[call.function](shape_of(one)) for one in call.get("tensors")]
    at = {"hstack": min(1, len(shapes[0]) - 1), "vstack": 0, "dstack": 2, "column_stack": 1}[call.function]
    return joined(shapes, at)


_WIDENED: dict[str, Callable[[Shape], Shape]] = {
    "hstack": lambda shape: shape or (1,),
    "vstack": lambda shape: (1,) * (2 - len(shape)) + shape,
    "column_stack": lambda shape: shape + (1,) * (2 - len(shape)),
    "dstack": lambda shape: (1,) * (2 - len(shape)) + shape + (1,) * (len(shape) < 3),
}
"""The shape to which each function expands a tensor with few axes (`torch.atleast_1d` and the like)."""


@SHAPES.rule("expand broadcast_to")
def expand(call: ShapeCall) -> Shapes:
    """Return the shape with axes of size 1 expanded."""
    wanted = call.several("size", 1)
    have = (1,) * (len(wanted) - len(call.x)) + call.x
    out = tuple([n if size == -1 else size for n, size in zip(have, wanted, strict=True)])
    if any(n not in (1, size) for n, size in zip(have, out, strict=True)):
        raise ShapeError(f"{show(call.x)} cannot be repeated to {show(out)}")
    return out


@SHAPES.rule("repeat tile")
def repeat(call: ShapeCall) -> Shapes:
    """Return the shape with axes repeated."""
    times = call.several("dims" if "dims" in call.given else "repeats", 1)
    rank = max(len(times), len(call.x))
    sizes, counts = (1,) * (rank - len(call.x)) + call.x, [1] * (rank - len(times)) + times
    return tuple([n * count for n, count in zip(sizes, counts, strict=True)])


@SHAPES.rule("repeat_interleave")
def repeat_interleave(call: ShapeCall) -> Shapes:
    """Return the shape with each unit of an axis repeated."""
    times = call.get("repeats")
    if call.get("dim") is None:
        return (prod(call.x) * times,)
    at = call.axis(len(call.x))
    return (*call.x[:at], call.x[at] * times, *call.x[at + 1 :])


@SHAPES.rule("meshgrid", "tensors indexing")
def meshgrid(call: ShapeCall) -> Shapes:
    """Return the shapes of the coordinates of a grid."""
    given = [one for one in call.args if isinstance(one, TensorValue)] or call.get("tensors")
    sizes = [prod(shape_of(one)) for one in given]
    if call.get("indexing") == "xy" and len(sizes) > 1:
        sizes[:2] = sizes[1::-1]
    return [tuple(sizes)] * len(sizes)


# Splitting and indexing


@SHAPES.rule("chunk", "input chunks dim")
def chunk(call: ShapeCall) -> Shapes:
    """Return the shapes of a given number of parts of an axis; the last one may be smaller."""
    n = call.x[call.axis(len(call.x), 0)]
    each = max(-(-n // _number(call.get("chunks"), "parts")), 1)
    return in_parts(call, [each] * listable(n // each) + [n % each] * bool(n % each))


@SHAPES.rule("split split_with_sizes", "input split_size_or_sections dim")
def split(call: ShapeCall) -> Shapes:
    """Return the shapes of parts of an axis, given one size or several."""
    n, sizes = call.x[call.axis(len(call.x), 0)], call.get("split_size_or_sections", call.get("split_size"))
    if isinstance(sizes, int):
        sizes = [_number(sizes, "units of a part")] * listable(n // sizes) + [n % sizes] * bool(n % sizes)
    if sum(sizes) != n:
        raise ShapeError(f"{n} is split into {' + '.join(map(str, sizes))} = {sum(sizes)}")
    return in_parts(call, list(sizes))


@SHAPES.rule("tensor_split", "input indices_or_sections dim")
def tensor_split(call: ShapeCall) -> Shapes:
    """Return the shapes of parts of an axis, given their number (the first ones larger) or the indices to split at."""
    n, given = call.x[call.axis(len(call.x), 0)], call.get("indices_or_sections", call.get("sections"))
    if isinstance(given, int):
        _number(given, "parts")
        return in_parts(call, [n // given + (at < n % given) for at in range(listable(given))])
    ends = [0, *[slice(None, at).indices(n)[1] for at in given], n]
    return in_parts(call, [max(b - a, 0) for a, b in pairwise(ends)])


def _number(given: int, what: str) -> int:
    """Return a number of parts, or the size of a part. Raise ShapeError if it is not positive."""
    if given < 1:
        raise ShapeError(f"the number of {what} is {given}, and must be at least 1")
    return given


def in_parts(call: ShapeCall, sizes: list[int]) -> list[Shape]:
    """Return the shapes of parts of these sizes."""
    at = call.axis(len(call.x), 0)
    return [(*call.x[:at], n, *call.x[at + 1 :]) for n in sizes]


@SHAPES.rule("unbind")
def unbind(call: ShapeCall) -> Shapes:
    """Return the shapes of the units of an axis."""
    at = call.axis(len(call.x), 0)
    return [call.x[:at] + call.x[at + 1 :]] * listable(call.x[at])


@SHAPES.rule("narrow")
def narrow(call: ShapeCall) -> Shapes:
    """Return the shape of a part of an axis. Raise ShapeError if it goes beyond the axis."""
    at = call.axis(len(call.x))
    start = call.get("start") + (call.x[at] if call.get("start") < 0 else 0)
    if start + call.get("length") > call.x[at]:
        raise ShapeError(f"{call.get('length')} units from {start} on are more than an axis of {call.x[at]} has")
    return (*call.x[:at], call.get("length"), *call.x[at + 1 :])


@SHAPES.rule("select")
def select(call: ShapeCall) -> Shapes:
    """Return the shape of one unit of an axis."""
    at = call.axis(len(call.x))
    unit(call.get("index"), call.x[at])
    return call.x[:at] + call.x[at + 1 :]


@SHAPES.rule("index_select")
def index_select(call: ShapeCall) -> Shapes:
    """Return the shape of the units of an axis that a tensor of indices selects."""
    at = call.axis(len(call.x))
    return (*call.x[:at], prod(call.shape("index")), *call.x[at + 1 :])


@SHAPES.rule("gather take_along_dim", "input dim index")
def gather(call: ShapeCall) -> Shapes:
    """Return the shape of the values at a tensor of indices."""
    return call.shape("index" if "index" in call.given else "dim")


@SHAPES.rule("diag", "input diagonal")
def diag(call: ShapeCall) -> Shapes:
    """Return the shape of a matrix with given values on a diagonal, or of the diagonal of a matrix."""
    offset = call.get("diagonal", 0)
    if len(call.x) == 1:
        return (call.x[0] + abs(offset),) * 2
    rows, columns = call.x
    return (max(min(rows + min(offset, 0), columns - max(offset, 0)), 0),)


@SHAPES.rule("rot90", "input k dims")
def rot90(call: ShapeCall) -> Shapes:
    """Return the shape of a tensor rotated by multiples of 90 degrees in the plane of two axes."""
    sizes, (first, second) = list(call.x), [axis_of(one, len(call.x)) for one in call.get("dims", (0, 1))]
    if call.get("k", 1) % 2:
        sizes[first], sizes[second] = sizes[second], sizes[first]
    return tuple(sizes)


@SHAPES.rule("diagonal", "input offset dim1 dim2")
def diagonal(call: ShapeCall) -> Shapes:
    """Return the shape of a diagonal."""
    rank, offset = len(call.x), call.get("offset", 0)
    first, second = axis_of(call.get("dim1", 0), rank), axis_of(call.get("dim2", 1), rank)
    n = max(min(call.x[first] + min(offset, 0), call.x[second] - max(offset, 0)), 0)
    return (*[size for at, size in enumerate(call.x) if at not in (first, second)], n)


@SHAPES.rule("diff", "input n dim")
def diff(call: ShapeCall) -> Shapes:
    """Return the shape of the differences of neighbors."""
    at = call.axis(len(call.x), -1)
    return (*call.x[:at], max(call.x[at] - call.get("n", 1), 0), *call.x[at + 1 :])


@SHAPES.rule("getitem")
def getitem(call: ShapeCall) -> Shapes:
    """Return the shape of an indexing result: integers, slices, new axes, lists and tensors."""
    index = call.get("index")
    places = list(index) if isinstance(index, tuple) else [index]
    rest = len(call.x) - sum(taken(one) for one in places)
    if rest < 0:
        raise ShapeError(f"{len(call.x)} axes are given {len(call.x) - rest} indices")
    dots = next((at for at, one in enumerate(places) if isinstance(one, EllipsisType)), len(places))
    places[dots : dots + 1] = [slice(None)] * rest
    sizes = iter(call.x)
    out: list[int] = []
    picked: dict[int, Shape] = {}
    first = 0
    for at, one in enumerate(places):
        if one is None:
            out.append(1)
        elif isinstance(one, slice):
            out.append(len(range(*one.indices(next(sizes)))))
        elif isinstance(one, int) and not isinstance(one, bool):
            unit(one, next(sizes))
        else:
            first = first if picked else len(out)
            picked[at] = listed_shape(one, [next(sizes) for _ in range(taken(one))])
    if picked:
        together = len(picked) == max(picked) - min(picked) + 1
        place = first if together else 0  # if they are not adjacent, the axes that they select come first
        out[place:place] = met(*picked.values())
    return tuple(out)


def taken(one: Any) -> int:
    """Return how many axes one part of an index uses."""
    if isinstance(one, TensorValue) and one.kind == "bool":
        return len(one.shape)
    return int(one is not None and not isinstance(one, EllipsisType))


def unit(at: int, n: int) -> None:
    """Raise ShapeError if an index is out of range for an axis of n units."""
    if not -n <= at < n:
        raise ShapeError(f"the index {at} is out of range for an axis of {n}")


def listed_shape(one: Any, sizes: list[int]) -> Shape:
    """Return the shape selected by a list or a tensor. Raise NotImplementedError if it depends on unknown values."""
    if isinstance(one, TensorValue):
        if one.kind != "bool":
            return one.shape
        values = one.all_values() if len(one.shape) == 1 else None
        one = None if values is None else [bool(value) for value in values]
    if not isinstance(one, list) or not all(isinstance(n, int) for n in one):
        raise NotImplementedError
    if one and all(isinstance(n, bool) for n in one):
        if len(one) != sizes[0]:
            raise ShapeError(f"a mask of {len(one)} is for an axis of {sizes[0]}")
        return (sum(one),)
    for at in one:
        unit(at, sizes[0])
    return (len(one),)
