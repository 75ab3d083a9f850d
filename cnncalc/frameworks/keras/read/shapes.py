"""Keras's operations that only move values: splits, stacks, permutes, rolls, pads, tiles and indexing."""

from __future__ import annotations

from math import prod
from typing import Any

from ....limits import MOST_RESULTS
from .config import LayerCall, Sizes, Tensor, is_listable, plain
from .functions import array_in
from .parts import CONVERTERS, LayerPart, Parts, Raw, Results, opaque_layer, renamed, same_shape
from .roles import literal


def _axis(call: LayerCall, value: object) -> int | None:
    """Return an axis counted from the front; None for the batch or if uncertain."""
    axis = call.axis(value)
    return axis if axis is not None and axis > 0 else None


def _size(call: LayerCall, axis: int | None) -> int | None:
    """Return the size of an axis of a call's input; None if it is open or uncertain."""
    sizes = call.sizes()
    return None if axis is None or sizes is None or axis > len(sizes) else sizes[axis - 1]


@CONVERTERS.register("Reshape")
def _reshape(call: LayerCall) -> Parts:
    """Return a reshape to a layer's target shape; an operation's includes the batch, or -1 for it."""
    if call.get("target_shape") is not None:
        return renamed(call, "reshape")
    shape, sizes = plain(call.get("newshape", "shape")), call.sizes()
    if call.out is not None or not isinstance(shape, (list, tuple)) or sizes is None or None in sizes:
        return to_sizes(call.out)
    wanted = [n for n in shape[1:] if type(n) is int]
    is_whole = -1 in wanted or prod(wanted) == prod([n or 0 for n in sizes])
    return {"op": "reshape", "out": wanted} if len(wanted) == len(shape) - 1 and is_whole else None


def to_sizes(sizes: Sizes | None) -> Parts:
    """Return a reshape to these sizes (for a single number, a mean); None if more than one is unknown."""
    if sizes is None or sizes.count(None) > 1:
        return None
    if not sizes:
        return {"op": "mean"}
    return {"op": "reshape", "out": [-1 if n is None else n for n in sizes]}


@CONVERTERS.register("ExpandDims")
def _expand_dims(call: LayerCall) -> Parts:
    """Return a reshape with new axes of size 1."""
    sizes, given = call.sizes(), plain(call.get("axis"))
    axes = list(given) if isinstance(given, (list, tuple)) else [given]
    if sizes is None or any(type(axis) is not int for axis in axes):
        return None
    rank = len(sizes) + 1 + len(axes)
    places = {axis % rank for axis in axes if -rank <= axis < rank}
    if 0 in places or len(places) < len(axes):
        return None
    left = iter(sizes)
    return to_sizes(tuple([1 if axis in places else next(left) for axis in range(1, rank)]))


@CONVERTERS.register("Squeeze")
def _squeeze(call: LayerCall) -> Parts:
    """Return a reshape that removes the named axes of size 1, or all."""
    sizes, given = call.sizes(), plain(call.get("axis"))
    axes = [call.axis(one) for one in (given if isinstance(given, (list, tuple)) else [given])]
    if sizes is None or (given is not None and (None in axes or 0 in axes)):
        return None
    gone = [n == 1 if given is None else axis in axes for axis, n in enumerate(sizes, 1)]
    return to_sizes(tuple([n for n, goes in zip(sizes, gone, strict=True) if not goes]))


@CONVERTERS.register("Repeat")
def _repeat(call: LayerCall) -> Parts:
    """Return each place of an axis repeated several times in a row."""
    axis, repeats = _axis(call, call.get("axis")), plain(call.get("repeats"))
    size = _size(call, axis)
    if not is_listable(size):
        return None
    counts = [repeats] * size if type(repeats) is int else repeats
    if not isinstance(counts, list) or any(type(n) is not int for n in counts):
        return None
    counts = counts * size if len(counts) == 1 else counts
    if len(counts) != size or min(counts) < 0 or not is_listable(sum(counts)):
        return None
    return {"op": "gather", "axis": axis, "indices": [at for at, count in enumerate(counts) for _ in range(count)]}


@CONVERTERS.register("Split")
def _split(call: LayerCall) -> Parts:
    """Return a slice for each part."""
    axis, parts = _axis(call, call.get("axis")), plain(call.get("indices_or_sections"))
    sizes = call.sizes()
    if axis is None or sizes is None or axis > len(sizes):
        return None
    size = sizes[axis - 1]
    if type(parts) is int and 0 < parts <= MOST_RESULTS and size is not None:
        begins = list(range(0, size, size // parts)) if size % parts == 0 else []
    else:
        begins = [0, *parts] if isinstance(parts, (list, tuple)) and all(type(n) is int for n in parts) else []
    if not begins:
        return None
    read = (call.read()[0].layer,)
    ends = [*begins[1:], size]
    slices = [
        LayerPart(
            {"op": "slice", "axis": axis, "start": begin, **({} if end is None else {"stop": end})}, f"_part{n}", read
        )
        for n, (begin, end) in enumerate(zip(begins, ends, strict=True), 1)
    ]
    return Results(slices, tuple(one.suffix for one in slices))


@CONVERTERS.register("Unstack")
def _unstack(call: LayerCall) -> Parts:
    axis = _axis(call, call.get("axis"))
    size = _size(call, axis)
    if size is None or size > MOST_RESULTS:
        return None
    read = (call.read()[0].layer,)
    places = [LayerPart({"op": "gather", "axis": axis, "indices": at}, f"_place{at + 1}", read) for at in range(size)]
    return Results(places, tuple(one.suffix for one in places))


@CONVERTERS.register("Stack")
def _stack(call: LayerCall) -> Parts:
    axis = call.get("axis")
    rank = None if (sizes := call.sizes()) is None else len(sizes) + 2
    axis = axis + rank if type(axis) is int and axis < 0 and rank is not None else axis
    return {"op": "stack", "axis": axis} if type(axis) is int and axis > 0 else None


@CONVERTERS.register("Swapaxes", "Moveaxis")
def _moved(call: LayerCall) -> Parts:
    sizes = call.sizes()
    keys = ("axis1", "axis2") if call.kind == "Swapaxes" else ("source", "destination")
    given = [value if isinstance(value, list) else [value] for value in (call.get(key) for key in keys)]
    first, second = [[_axis(call, one) or 0 for one in axes] for axes in given]
    if sizes is None or len(first) != len(second) or not all(0 < n <= len(sizes) for n in (*first, *second)):
        return None
    if call.kind == "Swapaxes":
        first, second = [*first, *second], [*second, *first]
    order = [axis for axis in range(1, len(sizes) + 1) if axis not in first]
    for place, axis in sorted(dict(zip(second, first, strict=True)).items()):
        order.insert(place - 1, axis)
    return {"op": "permute", "order": order}


@CONVERTERS.register("Flip")
def _flip(call: LayerCall) -> Parts:
    given = call.get("axis")
    axes = [_axis(call, one) for one in (given if isinstance(given, list) else [given])]
    if None in axes:
        return None
    return _in_a_row([{"op": "slice", "axis": axis, "step": -1} for axis in axes]) if axes else {"op": "identity"}


def _in_a_row(raws: list[Raw]) -> list[LayerPart]:
    """Return layers in sequence; the last has the Keras layer's name."""
    return [*[LayerPart(raw, f"_axis{raw['axis']}") for raw in raws[:-1]], LayerPart(raws[-1])]


@CONVERTERS.register("Roll")
def _roll(call: LayerCall) -> Parts:
    shift, axis = plain(call.get("shift")), plain(call.get("axis"))
    axes = [_axis(call, one) for one in (axis if isinstance(axis, (list, tuple)) else [axis])]
    shifts = list(shift) if isinstance(shift, (list, tuple)) else [shift] * len(axes)
    if None in axes or len(shifts) != len(axes) or any(type(one) is not int for one in shifts):
        return None
    return {"op": "roll", "shift": shifts, "axis": axes}


def _is_width(n: object) -> bool:
    return type(n) is int and n >= 0


@CONVERTERS.register("Pad")
def _pad(call: LayerCall) -> Parts:
    widths, mode = plain(call.get("pad_width")), call.get("mode") or "constant"
    sizes, value = call.sizes(), (call.args[1] if len(call.args) > 1 else call.get("constant_values")) or 0
    if sizes is None or mode not in ("constant", "reflect", "symmetric") or not isinstance(value, (int, float)):
        return None
    if not isinstance(widths, (list, tuple)) or len(widths) != len(sizes) + 1:
        return None
    pairs = [list(one) if isinstance(one, (list, tuple)) else [one, one] for one in widths]
    if pairs[0] != [0, 0] or any(len(pair) != 2 or not all(map(_is_width, pair)) for pair in pairs):
        return None
    axes = [at for at, pair in enumerate(pairs) if any(pair)]
    if not axes:
        return {"op": "identity"}
    if mode == "symmetric":
        return _mirrored(sizes, axes, pairs)
    raw: Raw = {"op": "pad", "axis": axes, "p": [pairs[at] for at in axes], "mode": mode}
    return raw | ({"value": value} if value else {})


def _mirrored(sizes: Sizes, axes: list[int], pairs: list[list[int]]) -> Parts:
    """Return symmetric padding as a selection of places: values mirrored at the ends, the outermost ones repeated."""
    raws: list[Raw] = []
    for axis in axes:
        size, (before, after) = sizes[axis - 1], pairs[axis]
        if not is_listable(size) or not is_listable(size + before + after):
            return None
        period = [*range(size), *reversed(range(size))]
        places = [period[place % (2 * size)] for place in range(-before, size + after)]
        raws.append({"op": "gather", "axis": axis, "indices": places})
    return _in_a_row(raws)


@CONVERTERS.register("Tile")
def _tile(call: LayerCall) -> Parts:
    repeats, sizes = plain(call.get("repeats")), call.sizes()
    if not isinstance(repeats, (list, tuple)) or sizes is None or len(repeats) != len(sizes) + 1 or repeats[0] != 1:
        return None
    return {"op": "tile", "repeats": list(repeats[1:])}


@CONVERTERS.register("BroadcastTo")
def _broadcast(call: LayerCall) -> Parts:
    shape = plain(call.get("shape"))
    if not isinstance(shape, (list, tuple)) or any(type(n) is not int for n in shape[1:]):
        return None
    return {"op": "expand", "out": list(shape[1:])}


@CONVERTERS.register("Take")
def _take(call: LayerCall) -> Parts:
    given = call.args[1] if len(call.args) > 1 else call.get("indices")
    table = array_in(plain(call.args[0])) if call.args and isinstance(given, Tensor) else None
    if table is not None:
        return _rows(call, *table, given)
    axis, indices = _axis(call, call.get("axis")), plain(given)
    return {"op": "gather", "axis": axis, "indices": indices} if axis is not None and _is_places(indices) else None


def _rows(call: LayerCall, numbers: list[float], shape: list[int], places: Tensor) -> Parts:
    """Return the rows of an array at the indices in a tensor: an embedding that is not a parameter."""
    axis = call.get("axis")
    if len(shape) != 2 or axis not in (0, -2):
        return None
    raw: Raw = {"op": "embedding", "rows": shape[0], "out": shape[1]}
    return [LayerPart(raw, "", (places.layer,), {"weight": literal(numbers, shape)})]


@CONVERTERS.register("Argmax", "Argmin")
def _place_of_extreme(call: LayerCall) -> Parts:
    """Return an opaque layer for argmax and argmin, without the axis or with it as size 1."""
    axis, sizes = _axis(call, call.get("axis")), call.sizes()
    if axis is None or sizes is None or axis > len(sizes):
        return None
    return opaque_layer(call.kind, (*sizes[: axis - 1], *[1] * bool(call.get("keepdims")), *sizes[axis:]))


@CONVERTERS.register("CountNonzero", "Median", "Nanmean", "Nansum", "Nanmax", "Nanmin")
def _reduced(call: LayerCall) -> Parts:
    """Return an opaque layer that removes the reduced axes, or keeps them with size 1."""
    given, sizes = plain(call.get("axis")), call.sizes()
    axes = [_axis(call, one) for one in (given if isinstance(given, (list, tuple)) else [given])]
    if sizes is None or not all(axis is not None and axis <= len(sizes) for axis in axes):
        return None
    keep = bool(call.get("keepdims"))
    out = [1 if at in axes else n for at, n in enumerate(sizes, 1) if keep or at not in axes]
    return opaque_layer(call.kind, tuple(out))


@CONVERTERS.register("Sort", "Argsort", "Cumprod")
def _along(call: LayerCall) -> Parts:
    """Return an opaque layer that keeps the shape; without an axis, it works on the flattened values."""
    axis = call.config.get("axis", None if call.kind == "Cumprod" else -1)
    return same_shape(call.kind) if type(axis) is int else opaque_layer(call.kind, None)


@CONVERTERS.register("TopK")
def _largest(call: LayerCall) -> Parts:
    """Return opaque layers: the k largest values of the last axis, and their indices."""
    count, sizes = call.get("k"), call.sizes()
    if not sizes or type(count) is not int or count < 1:
        return None
    raw, read = opaque_layer(call.kind, (*sizes[:-1], count)), (call.read()[0].layer,)
    return Results([LayerPart(raw, "", read), LayerPart(raw, "_places", read)], ("", "_places"))


@CONVERTERS.register("Diff")
def _differences(call: LayerCall) -> Parts:
    """Return the differences of successive values along an axis, taken `n` times."""
    axis, times = _axis(call, -1 if call.get("axis") is None else call.get("axis")), call.get("n")
    times = 1 if times is None else times
    if axis is None or times != 1 or _size(call, axis) == 1:
        return None
    read = (call.read()[0].layer,)
    return [
        LayerPart({"op": "slice", "axis": axis, "start": 1}, "_next", read),
        LayerPart({"op": "slice", "axis": axis, "stop": -1}, "_last", read),
        LayerPart({"op": "sub"}, "", ("_next", "_last")),
    ]


@CONVERTERS.register("Hstack")
def _side_by_side(call: LayerCall) -> Parts:
    return {"op": "concat", "axis": 1} if all(one.sizes for one in call.tensors()) else None


def _is_places(value: object) -> bool:
    return type(value) is int or (isinstance(value, list) and bool(value) and all(map(_is_places, value)))


@CONVERTERS.register("GetItem")
def _get_item(call: LayerCall) -> Parts:
    """Return x[…]: slices along some axes, indices that remove axes, and new axes of size 1."""
    given = call.args[1] if len(call.args) == 2 else call.kwargs.get("key")
    keys, sizes = _whole_keys(plain(call.get("slice_spec") or given), call.sizes()), call.sizes()
    if keys is None or sizes is None:
        return None
    raws: list[Raw] = []
    left: list[int | None] = []
    axis = 0
    for key in keys:
        bounds = _bounds(key)
        if key is None:
            left.append(1)
            continue
        if type(key) is int:
            raws.append({"op": "gather", "axis": axis, "indices": key})
        elif bounds is None:
            return None
        else:
            raws += [{"op": "slice", "axis": axis, **bounds}] if bounds else []
            left += [_sliced(sizes[axis - 1], bounds)] if axis else []
        axis += 1
    if any(raw["axis"] == 0 for raw in raws) or keys[0] is None:
        return None
    raws.sort(key=lambda raw: (raw["op"] == "gather", -raw["axis"]))  # removing an axis does not affect those before it
    if None in keys:
        if left.count(None) > 1:
            return None
        raws.append({"op": "reshape", "out": [-1 if n is None else n for n in left]})
    if not raws:
        return {"op": "identity"}
    return [*[LayerPart(raw, f"_axis{raw['axis']}") for raw in raws[:-1]], LayerPart(raws[-1])]


def _whole_keys(keys: Any, sizes: Sizes | None) -> list[Any] | None:
    """Return an index for each axis, batch first, and for each new axis; None if there are too many."""
    keys = list(keys) if isinstance(keys, (list, tuple)) else [keys]
    dots = [at for at, key in enumerate(keys) if _is_ellipsis(key)]
    taken = sum(1 for key in keys if key is not None) - len(dots)
    if sizes is None or taken > len(sizes) + 1 or len(dots) > 1:
        return None
    at = dots[0] if dots else len(keys)
    return [*keys[:at], *[{}] * (len(sizes) + 1 - taken), *keys[at + 1 :]]


def _is_ellipsis(key: object) -> bool:
    return key == "..." or (isinstance(key, dict) and key.get("class_name") == "__ellipsis__")


def _bounds(key: Any) -> Raw | None:
    """Return the given start, stop and step of a slice; None if it is not a slice."""
    if not isinstance(key, dict):
        return None
    config = key.get("config") if key.get("class_name") == "__slice__" else key
    if not isinstance(config, dict) or set(config) - {"start", "stop", "step"}:
        return None
    bounds = {name: config[name] for name in ("start", "stop", "step") if config.get(name) is not None}
    if any(type(n) is not int for n in bounds.values()) or bounds.get("step") == 0:
        return None
    return {} if bounds == {"start": 0} else bounds


def _sliced(size: int | None, bounds: Raw) -> int | None:
    """Return the number of places in a slice."""
    if not bounds or size is None:
        return size
    return len(range(*slice(bounds.get("start"), bounds.get("stop"), bounds.get("step")).indices(size)))
