"""Rules for calls that take parts of a value or write to them."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import prod
from types import EllipsisType
from typing import Any

from .calls import BatchMixed, Constant, OpaqueCall
from .reshaping import expanded
from .rules import TENSORS, Call, Rules, short, without
from .values import BATCH, BatchedTensor

RULES = Rules()


def part(call: Call, x: BatchedTensor, at: int, start: int, stop: int, step: int = 1) -> BatchedTensor:
    """Return a slice of one of PyTorch's axes; `stop` is left out if it is the end."""
    axis, n = call.axis(x, at), x.axes[at][0]
    keys = {"start": start, "stop": None if stop >= n else stop, "step": step}
    layer = call.layers.add("slice", [x.layer], {"axis": axis, **without(keys, start=0, step=1)})
    size = len(range(start, stop, step))
    return x._replace(layer=layer, axes=(*x.axes[:at], (size,), *x.axes[at + 1 :]))


@RULES.rule("chunk tensor_split split split_with_sizes", "input sections dim")
def split(call: Call) -> list[BatchedTensor | None]:
    """Read an axis split into parts, each of which is a layer."""
    x = call.x
    at = call.get("dim", 0) % len(x.axes)
    call.axis(x, at)
    ends = list(accumulate((shape[at] for shape in call.call.outs), initial=0))
    if len(ends) == 2:
        return [x]
    return [part(call, x, at, start, stop) for start, stop in pairwise(ends)]


@RULES.rule("unbind", "input dim")
def unbind(call: Call) -> list[BatchedTensor | None]:
    """Read the units of an axis, which vanishes; each result is a layer."""
    x = call.x
    at = call.get("dim", 0) % len(x.axes)
    call.axis(x, at)
    return [unit(call, x, at, index) for index in range(len(call.call.outs))]


def unit(call: Call, x: BatchedTensor, at: int, index: int) -> BatchedTensor:
    """Return one unit of an axis, which vanishes."""
    one = x if x.axes[at] == (1,) else part(call, x, at, index, index + 1)
    call.axis(x, at)
    return call.layers.reshaped(one, (*x.axes[:at], *x.axes[at + 1 :]))


@RULES.rule("narrow", "input dim start length")
def narrow(call: Call) -> BatchedTensor:
    """Read a part of an axis."""
    x = call.x
    at = call.get("dim") % len(x.axes)
    start = call.get("start") % size_of(x, at)
    return pick(call, x, {at: slice(start, start + call.get("length"))})


@RULES.rule("select", "input dim index")
def select(call: Call) -> BatchedTensor:
    """Read one unit of an axis, which vanishes."""
    x = call.x
    return pick(call, x, {call.get("dim") % len(x.axes): call.get("index")})


def size_of(x: BatchedTensor, at: int) -> int:
    """Return the size of an axis without the batch."""
    return prod(n for n in x.axes[at] if n != BATCH)


def pick(call: Call, x: BatchedTensor, places: dict[int, Any]) -> BatchedTensor:
    """Return a value cut to slices, and to single units, whose axes vanish.

    Raise BatchMixed for a part of the batch.
    """
    for at, what in places.items():
        if BATCH in x.axes[at]:
            if not isinstance(what, slice) or what != slice(None, None, None):
                whole = isinstance(what, slice) and is_whole(what, (call.layers.batch or 1) * size_of(x, at))
                if not whole:
                    raise BatchMixed
            continue
        n = x.axes[at][0]
        if isinstance(what, slice):
            start, stop, step = what.indices(n)
            if (start, stop, step) != (0, n, 1):
                x = part(call, x, at, start, stop, step)
        elif not -n <= what < n:
            raise OpaqueCall
        elif n > 1:
            x = part(call, x, at, what % n, what % n + 1)
    gone = [at for at, what in places.items() if not isinstance(what, slice)]
    return call.layers.reshaped(x, tuple([axis for at, axis in enumerate(x.axes) if at not in gone]))


def is_whole(what: slice, n: int) -> bool:
    """Return whether a slice takes all of n units."""
    return what.indices(n) == (0, n, 1)


@RULES.rule("getitem", "input index")
def getitem(call: Call) -> BatchedTensor:
    """Read parts of axes by slices, single units and constant lists. Raise OpaqueCall if a traced tensor picks them."""
    x = call.x
    index = normal(call.get("index"), len(x.axes))
    basic: dict[int, Any] = {}
    advanced: dict[int, Constant] = {}
    at = 0
    for one in index:
        if one is None:
            continue
        if isinstance(one, (int, slice)) and not isinstance(one, bool):
            basic[at] = one
        elif isinstance(one, Constant):
            advanced[at] = one
        else:
            raise OpaqueCall
        at += 1
    if not advanced:
        return with_new_axes(call, pick(call, x, basic), index)
    if any(not isinstance(one, slice) for one in basic.values()):
        raise OpaqueCall
    x = pick(call, x, basic)
    return (
        with_new_axes(call, gathered(call, x, advanced), [one for one in index if not isinstance(one, Constant)])
        if None in index
        else gathered(call, x, advanced)
    )


def normal(index: Any, rank: int) -> list[Any]:
    """Return an index with a slice for each omitted axis."""
    places = list(index) if isinstance(index, tuple) and not isinstance(index, TENSORS) else [index]
    dots = [at for at, one in enumerate(places) if isinstance(one, EllipsisType)]
    missing = rank - sum(one is not None and not isinstance(one, EllipsisType) for one in places)
    at = dots[0] if dots else len(places)
    places[at : at + len(dots)] = [slice(None)] * missing
    return places


def with_new_axes(call: Call, x: BatchedTensor, index: list[Any]) -> BatchedTensor:
    """Return a value with a new axis of size 1 for each None in an index."""
    axes = iter(x.axes)
    placed = [(1,) if one is None else next(axes) for one in index if one is None or isinstance(one, slice)]
    return call.layers.reshaped(x, (*placed, *axes))


def units(one: Constant) -> Any:
    """Return the indices that a constant holds, as an array. Raise OpaqueCall if they are unknown."""
    values = one.read()
    if values is None or values.dtype.kind not in "iub" or not values.size:
        raise OpaqueCall
    return values


def gathered(call: Call, x: BatchedTensor, advanced: dict[int, Constant]) -> BatchedTensor:
    """Return the units that constants pick along adjacent axes."""
    places = sorted(advanced)
    arrays = [units(advanced[at]) for at in places]
    if places != list(range(places[0], places[0] + len(places))):
        raise OpaqueCall
    for at in places:
        call.axis(x, at)
    sizes = [x.axes[at][0] for at in places]
    used = [name for at in places for name in advanced[at].of]
    if any(array.dtype.kind == "b" for array in arrays):
        if len(arrays) > 1 or arrays[0].ndim != 1:
            raise OpaqueCall
        arrays = [arrays[0].nonzero()[0]]
    flat: Any = 0
    for array, n in zip(arrays, sizes, strict=True):
        flat = flat * n + array % n
    first, after = places[0], places[-1] + 1
    if len(places) > 1:
        x = call.layers.reshaped(x, (*x.axes[:first], (prod(sizes),), *x.axes[after:]))
    layer = call.layers.add("gather", [x.layer], {"axis": x.place(first) + 1, "indices": flat.tolist()})
    call.layers.uses[layer] = tuple(dict.fromkeys(used))
    return x._replace(layer=layer, axes=(*x.axes[:first], *[(n,) for n in flat.shape], *x.axes[first + 1 :]))


@RULES.rule("index_select", "input dim index")
def index_select(call: Call) -> BatchedTensor:
    """Read the units of an axis whose indices a constant lists."""
    x, index = call.x, call.get("index")
    if not isinstance(index, Constant):
        raise OpaqueCall
    return gathered(call, x, {call.get("dim") % len(x.axes): index})


@RULES.rule("unfold", "input dimension size step")
def unfold(call: Call) -> BatchedTensor:
    """Read windows along an axis, with their units on a new last axis; or the windows of a map as columns."""
    if (
        len(call.call.outs[0]) == len(call.kept.axes) + 1
        and isinstance(call.get("dimension"), int)
        and "size" in call.given
    ):
        x = call.x
        at = call.get("dimension") % len(x.axes)
        axis, n, size, step = call.axis(x, at), size_of(x, at), call.get("size"), call.get("step")
        starts = range(0, n - size + 1, step)
        indices = [list(range(start, start + size)) for start in starts]
        layer = call.layers.add("gather", [x.layer], {"axis": axis, "indices": indices})
        wide = x._replace(layer=layer, axes=(*x.axes[:at], (len(indices),), (size,), *x.axes[at + 1 :]))
        return call.layers.permuted(wide, [*range(at + 1), *range(at + 2, len(wide.axes)), at + 1])
    names = ("input", "kernel_size", "dilation", "padding", "stride")
    call.given = dict(zip(names, call.call.args, strict=False)) | dict(call.call.kwargs)
    keys = {"k": "kernel_size", "d": "dilation", "p": "padding", "s": "stride"}
    given = {key: call.get(name) for key, name in keys.items()}
    return call.through(
        call.spatial(2),
        "unfold",
        without(
            {k: short(v if isinstance(v, (list, tuple)) else [v]) for k, v in given.items() if v is not None},
            d=1,
            p=0,
            s=1,
        ),
    )._replace(axes=call.resized(call.spatial(2), call.out))


@RULES.rule("fold", "input output_size kernel_size dilation padding stride")
def fold(call: Call) -> BatchedTensor:
    """Read columns of overlapping windows, summed into a map."""
    x = call.kept
    if len(x.axes) == 3:
        x = call.layers.folded(x, x.place(1))
    names = {"out": "output_size", "k": "kernel_size", "d": "dilation", "p": "padding", "s": "stride"}
    given = {key: call.get(name) for key, name in names.items()}
    values = {k: short(v if isinstance(v, (list, tuple)) else [v]) for k, v in given.items() if v is not None}
    out = given["out"]
    values["out"] = list(out) if isinstance(out, (list, tuple)) else [out, out]
    return call.through(x, "fold", without(values, d=1, p=0, s=1))


@RULES.rule("copy", "input src")
def copy(call: Call) -> BatchedTensor:
    """Read values put in place of others."""
    source = call.operand(call.get("src"))
    if isinstance(source, BatchedTensor):
        return expanded(call, call.layers.unfolded(source), call.out)
    return filled(call, call.x, source)


@RULES.rule("fill zero", "input value")
def fill(call: Call) -> BatchedTensor:
    """Read a number written to all values."""
    return filled(call, call.x, call.operand(call.get("value", 0)))


def filled(call: Call, x: BatchedTensor, value: Any) -> BatchedTensor:
    """Return a constant, or a value without axes, expanded in place of another value."""
    values, _, _ = call.layers.meeting([x, value])
    return x._replace(layer=call.layers.add("expand", [values[1].layer], {"out": list(x.sample)}))


@RULES.rule("setitem", "input index value")
def setitem(call: Call) -> BatchedTensor:
    """Read an assignment to some units of a value, as a concatenation of the parts around and the new part."""
    whole, value = call.operand(call.get("input")), call.operand(call.get("value"))
    index = normal(call.get("index"), len(call.out))
    if any(not isinstance(one, (int, slice)) or isinstance(one, bool) for one in index):
        raise OpaqueCall
    values, _, _ = call.layers.meeting(
        [whole, *([value] if isinstance(value, BatchedTensor) and len(value.axes) == len(call.out) else [])]
    )
    x = values[0]
    if x.batch_at is None and isinstance(value, BatchedTensor) and value.batch_at is not None:
        raise BatchMixed
    return written(call, x, index, value, 0)


def written(call: Call, x: BatchedTensor, index: list[Any], value: Any, at: int) -> BatchedTensor:
    """Return a value after an assignment to an index, from axis `at` on."""
    while (
        at < len(index) and isinstance(index[at], slice) and (BATCH in x.axes[at] or is_whole(index[at], x.axes[at][0]))
    ):
        at += 1
    if at == len(index):
        return _put(call, x, index, value)
    one, n = index[at], size_of(x, at)
    call.axis(x, at)
    start, stop, step = one.indices(n) if isinstance(one, slice) else (one % n, one % n + 1, 1)
    middle = part(call, x, at, start, stop, step) if (start, stop, step) != (0, n, 1) else x
    new = written(call, middle, index, value, at + 1)
    if step != 1:
        return _dealt(call, x, new, at, range(start, stop, step))
    before = [part(call, x, at, 0, start)] if start else []
    after = [part(call, x, at, stop, n)] if stop < n else []
    if not before and not after:
        return new
    layer = call.layers.add(
        "concat", [o.layer for o in [*before, new, *after]], without({"axis": call.axis(x, at)}, axis=1)
    )
    return x._replace(layer=layer)


def _dealt(call: Call, x: BatchedTensor, new: BatchedTensor, at: int, places: range) -> BatchedTensor:
    """Return a value with new units at these places of an axis."""
    axis, n = call.axis(x, at), x.axes[at][0]
    both = call.layers.add("concat", [x.layer, new.layer], without({"axis": axis}, axis=1))
    indices = [n + places.index(unit) if unit in places else unit for unit in range(n)]
    return x._replace(layer=call.layers.add("gather", [both], {"axis": axis, "indices": indices}))


def _put(call: Call, x: BatchedTensor, index: list[Any], value: Any) -> BatchedTensor:
    """Return what is written in place of a part of this shape."""
    if isinstance(value, BatchedTensor):
        value = call.layers.unfolded(value)
        gone = [at for at, one in enumerate(index) if isinstance(one, int)]
        if gone and len(value.axes) == len(index) - len(gone):
            axes = list(value.axes)
            for at in gone:
                axes.insert(at, (1,))
            value = call.layers.reshaped(value, tuple(axes))
        shape = tuple([prod(call.layers.batch or 1 if n == BATCH else n for n in axis) for axis in x.axes])
        return expanded(call, value, shape)
    return filled(call, x, value)
