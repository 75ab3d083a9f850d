"""Rules of calls that move values: shapes, orders, repetitions, borders, resolutions."""

from __future__ import annotations

from math import prod
from typing import Any

from ....layers.resample import EXACT
from ....sizes import LARGEST
from .calls import BatchMixed, Constant, OpaqueCall
from .rules import Call, Rules, short, without
from .values import BATCH, Axes, BatchedTensor, regrouped, with_batch

RULES = Rules()
MOST_INDICES = 1 << 16
"""How many units of an axis are gathered one by one."""


@RULES.rule("flatten view reshape unflatten view_as reshape_as ravel", "input shape")
def reshape(call: Call) -> BatchedTensor:
    """Read the same values in another shape. Raise OpaqueCall for another type over the same memory."""
    x = call.x
    return _in_shape(call, x, call.out)


def _in_shape(call: Call, x: BatchedTensor, shape: tuple[int, ...]) -> BatchedTensor:
    """Return a value in another shape. Raise BatchMixed if the batch does not stay whole."""
    have = [prod(n for n in axis if n != BATCH) * (call.layers.batch or 1 if BATCH in axis else 1) for axis in x.axes]
    if prod(have) != prod(shape):
        raise OpaqueCall
    axes = regrouped(x.axes, call.layers.batch or 1, shape)
    if axes is None:
        raise BatchMixed
    return call.layers.reshaped(x, axes)


@RULES.rule("unsqueeze", "input dim")
def unsqueeze(call: Call) -> BatchedTensor:
    """Read a new axis of one unit."""
    x = call.x
    at = call.get("dim") % (len(x.axes) + 1)
    return call.layers.reshaped(x, (*x.axes[:at], (1,), *x.axes[at:]))


@RULES.rule("squeeze", "input dim")
def squeeze(call: Call) -> BatchedTensor:
    """Read axes of one unit that vanish; the batch stays, but a single sample of the caller's would lose it."""
    x = call.x
    dims = call.dims()
    call.layers.loses_one |= x.batch_at in dims and x.axes[x.batch_at] == (BATCH,)
    axes = tuple([axis for at, axis in enumerate(x.axes) if at not in dims or axis != (1,)])
    return call.layers.reshaped(x, axes)


@RULES.rule("permute", "input dims")
def permute(call: Call) -> BatchedTensor:
    """Read the axes in another order."""
    dims = call.get("dims")
    order = list(dims) if isinstance(dims, (list, tuple)) else [dims, *call.call.args[2:]]
    return ordered(call, order)


@RULES.rule("transpose swapaxes swapdims", "input dim0 dim1")
def transpose(call: Call) -> BatchedTensor:
    """Read two axes that are swapped."""
    first, second = [call.get(f"dim{at}", call.get(f"axis{at}")) for at in (0, 1)]
    order = list(range(len(call.kept.axes)))
    order[first], order[second] = order[second], order[first]
    return ordered(call, order)


@RULES.rule("t T mT adjoint H mH numpy_T")
def turned(call: Call) -> BatchedTensor:
    """Read the last two axes swapped, or all in reverse order."""
    order = list(range(len(call.kept.axes)))
    if call.function == "T":
        order.reverse()
    elif len(order) > 1:
        order[-2:] = order[:-3:-1]
    return ordered(call, order)


@RULES.rule("movedim moveaxis", "input source destination")
def movedim(call: Call) -> BatchedTensor:
    """Read axes that are moved."""
    rank = len(call.kept.axes)
    source, destination = [
        [one % rank for one in (given if isinstance(given, (list, tuple)) else [given])]
        for given in (call.get("source"), call.get("destination"))
    ]
    order = [axis for axis in range(rank) if axis not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return ordered(call, order)


def ordered(call: Call, order: list[int]) -> BatchedTensor:
    """Return the first argument with its axes in another order."""
    x = call.kept
    order = [axis % len(x.axes) for axis in order]
    return x if order == sorted(order) else call.layers.permuted(x, order)


@RULES.rule("cat concat concatenate", "tensors dim")
def cat(call: Call) -> BatchedTensor:
    """Read values one after another along an axis."""
    tensors = [call.operand(one) for one in call.get("tensors")]
    tensors = [one for one in tensors if not (isinstance(one, Constant) and 0 in one.shape)]
    rank = len(call.out)
    at = call.get("dim", call.get("axis", 0)) % rank
    values = _side_by_side(call, tensors)
    if len(values) == 1:
        return values[0]
    x = (
        next(one for one in values if one.batch_at is not None)
        if any(one.batch_at is not None for one in values)
        else values[0]
    )
    axis = call.axis(x, at)
    layer = call.layers.add("concat", [one.layer for one in values], without({"axis": axis}, axis=1))
    return x._replace(
        layer=layer, axes=with_batch(call.out, x.batch_at, x.axes[x.batch_at] if x.batch_at is not None else ())
    )


def _side_by_side(call: Call, operands: list[Any]) -> list[BatchedTensor]:
    """Return operands of equal rank as values with the batch on the same axis."""
    values, _, _ = call.layers.meeting(operands)
    if any(len(one.axes) != len(values[0].axes) for one in values):
        raise OpaqueCall
    return values


@RULES.rule("stack", "tensors dim")
def stack(call: Call) -> BatchedTensor:
    """Read values side by side along a new axis."""
    values = _side_by_side(call, [call.operand(one) for one in call.get("tensors")])
    x = next((one for one in values if one.batch_at is not None), values[0])
    at = call.get("dim", 0) % (len(x.axes) + 1)
    axes = (*x.axes[:at], (len(values),), *x.axes[at:])
    if len(values) == 1:
        return call.layers.reshaped(x, axes)
    layer = call.layers.add("stack", [one.layer for one in values], {"axis": x.place(at) + 1})
    return x._replace(layer=layer, axes=axes)


@RULES.rule("hstack vstack dstack column_stack", "tensors")
def stacked(call: Call) -> BatchedTensor:
    """Read values one after another along the axis that the function's name says."""
    values = _side_by_side(call, [call.operand(one) for one in call.get("tensors")])
    at = {"hstack": 1, "vstack": 0, "dstack": 2, "column_stack": 1}[call.function]
    if len(values[0].axes) <= max(at, 1) or len(call.out) != len(values[0].axes):
        raise OpaqueCall
    x = next((one for one in values if one.batch_at is not None), values[0])
    layer = call.layers.add("concat", [one.layer for one in values], without({"axis": call.axis(x, at)}, axis=1))
    return x._replace(layer=layer, axes=call.resized(x, call.out))


@RULES.rule("expand expand_as broadcast_to", "input size")
def expand(call: Call) -> BatchedTensor:
    """Read axes of one unit repeated, and new ones in front."""
    return expanded(call, call.x, call.out)


def expanded(call: Call, x: BatchedTensor, shape: tuple[int, ...]) -> BatchedTensor:
    """Return a value whose axes of one unit are repeated, with new ones in front."""
    more = len(shape) - len(x.axes)
    at = x.batch_at
    axes = with_batch(shape, None if at is None else at + more, x.axes[at] if at is not None else ())
    if at is None and call.layers.batch and call.layers.batch > 1 and any(n % call.layers.batch == 0 for n in shape):
        raise BatchMixed
    if axes == x.axes:
        return x
    out = [n for axis in axes for n in axis if n != BATCH]
    if tuple(out) == x.sample:
        return x._replace(axes=axes)
    return x._replace(layer=call.layers.add("expand", [x.layer], {"out": out}), axes=axes)


@RULES.rule("repeat tile", "input repeats")
def repeat(call: Call) -> BatchedTensor:
    """Read axes repeated one after another. Raise BatchMixed for the batch."""
    x, rank = call.x, len(call.out)
    given = call.call.args[1:] if "dims" not in call.given else [call.get("dims")]
    repeats = list(given[0]) if given and isinstance(given[0], (list, tuple)) else list(given)
    repeats = [1] * (rank - len(repeats)) + repeats
    if x.batch_at is not None and repeats[x.batch_at + rank - len(x.axes)] != 1:
        raise BatchMixed
    axes: Axes = (*[(1,)] * (rank - len(x.axes)), *x.axes)
    x = call.layers.reshaped(x, axes)
    counts = [n for axis, n in zip(axes, repeats, strict=True) for size in axis if size != BATCH for n in [n]]
    if all(n == 1 for n in counts):
        return x
    return x._replace(layer=call.layers.add("tile", [x.layer], {"repeats": counts}), axes=call.resized(x, call.out))


@RULES.rule("repeat_interleave", "input repeats dim")
def repeat_interleave(call: Call) -> BatchedTensor:
    """Read each unit of an axis repeated."""
    x, times, dim = call.x, call.get("repeats"), call.get("dim")
    if not isinstance(times, int) or dim is None:
        raise OpaqueCall
    axis, n = call.axis(x, dim), x.axes[dim % len(x.axes)][0]
    if n * times > MOST_INDICES:
        raise OpaqueCall
    indices = [unit for unit in range(n) for _ in range(times)]
    layer = call.layers.add("gather", [x.layer], {"axis": axis, "indices": indices})
    return x._replace(layer=layer, axes=call.resized(x, call.out))


@RULES.rule("roll", "input shifts dims")
def roll(call: Call) -> BatchedTensor:
    """Read axes whose units are shifted round."""
    x = call.x
    shifts, dims = [
        list(one) if isinstance(one, (list, tuple)) else [one] for one in (call.get("shifts"), call.get("dims"))
    ]
    if dims in ([None], []):
        raise OpaqueCall
    axes = [call.axis(x, dim) for dim in dims]
    return x._replace(layer=call.layers.add("roll", [x.layer], {"shift": shifts, "axis": axes}))


@RULES.rule("flip fliplr flipud", "input dims")
def flip(call: Call) -> BatchedTensor:
    """Read axes backwards."""
    x, dims = call.x, {"fliplr": [1], "flipud": [0]}.get(call.function, call.get("dims"))
    dims = list(dims) if isinstance(dims, (list, tuple)) else [dims, *call.call.args[2:]]
    for dim in dims:
        x = x._replace(layer=call.layers.add("slice", [x.layer], {"axis": call.axis(x, dim), "step": -1}))
    return x


@RULES.rule("pad", "input pad mode value")
def pad(call: Call) -> BatchedTensor:
    """Read values around axes, and fewer where a side is below 0. PyTorch counts the last axis first."""
    x, sides = call.kept, list(call.get("pad"))
    pairs = [[before, after] for before, after in zip(sides[::2], sides[1::2], strict=True)]
    rank = len(x.axes)
    pairs = ([[0, 0]] * rank)[: rank - len(pairs)] + pairs[::-1]
    value = call.get("value")
    if value is not None and value > LARGEST:
        raise OpaqueCall  # a spec does not hold it; minus infinity is a max pool's own
    mode = without({"mode": call.get("mode"), "value": value}, mode="constant", value=0)
    if rank > 2 and not any(map(any, pairs[:2])) and x.batch_at in (0, None):
        x = call.spatial()
        return _padded(call, x, pairs[2:], mode)
    x = call.x
    at = [place for place, pair in enumerate(pairs) if any(pair)]
    axes = [call.axis(x, place) for place in at]
    pairs, layer = [pairs[place] for place in at], x.layer
    if mode.get("mode") == "circular":
        pairs, taken = _parted(pairs)
        layer = call.layers.add("pad", [layer], {"p": taken, "axis": axes}) if any(map(any, taken)) else layer
    layer = call.layers.add("pad", [layer], {"p": pairs, "axis": axes, **mode}) if any(map(any, pairs)) else layer
    return x._replace(layer=layer, axes=call.resized(x, call.out))


def _padded(call: Call, x: BatchedTensor, pairs: list[list[int]], mode: dict[str, Any]) -> BatchedTensor:
    """Return space with values around it, and a crop where a side is below 0: before what is left is wrapped around."""
    added, taken = _parted(pairs)
    steps = [("pad", {"p": added, **mode})] if any(map(any, added)) else []
    crops: list[tuple[str, dict[str, Any]]] = [("crop", {"p": [[-n for n in pair] for pair in taken]})]
    crops = crops if any(map(any, taken)) else []
    layer = x.layer
    for op, keys in [*crops, *steps] if mode.get("mode") == "circular" else [*steps, *crops]:
        layer = call.layers.add(op, [layer], keys)
    return x._replace(layer=layer, axes=call.resized(x, call.out))


def _parted(pairs: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the sides above 0 and those below 0, each with 0 for the others."""
    return [[max(n, 0) for n in pair] for pair in pairs], [[min(n, 0) for n in pair] for pair in pairs]


@RULES.rule("interpolate upsample", "input size scale_factor mode align_corners recompute_scale_factor antialias")
def interpolate(call: Call) -> BatchedTensor:
    """Read another resolution, by a factor or to sizes."""
    mode, factor, x = call.get("mode", "nearest"), call.get("scale_factor"), call.spatial()
    out = call.out[2:]
    if mode == "area":
        return call.through(x, "adaptiveavgpool", {"out": list(out)})
    if mode not in RESAMPLED or (call.get("antialias") and call.get("align_corners")):
        raise OpaqueCall
    if factor is None or call.get("recompute_scale_factor"):
        size = {"out": short(out)}
    else:
        size = {"factor": short(factor if isinstance(factor, (list, tuple)) else [factor])}
    keys = RESAMPLED[mode] | without({"align": bool(call.get("align_corners"))}, align=False)
    if call.get("antialias"):
        keys |= {"antialias": True, "exclude_outside": True} | ({"cubic": -0.5} if mode == "bicubic" else {})
    return call.through(x, "upsample", size | keys)


RESAMPLED: dict[str, dict[str, Any]] = {
    "nearest": {},
    "nearest-exact": EXACT,
    **{mode: {"mode": mode} for mode in ("linear", "bilinear", "bicubic", "trilinear")},
}
"""The keys of each way to work out values between units."""


@RULES.rule("pixel_shuffle", "input upscale_factor")
def pixel_shuffle(call: Call) -> BatchedTensor:
    """Read channels that become a finer map."""
    return call.through(call.spatial(2), "pixelshuffle", {"factor": call.get("upscale_factor")})


@RULES.rule("pixel_unshuffle", "input downscale_factor")
def pixel_unshuffle(call: Call) -> BatchedTensor:
    """Read a map that becomes a coarser one of more channels."""
    return call.through(call.spatial(2), "pixelunshuffle", {"factor": call.get("downscale_factor")})
