"""Rules of calls that move values: shapes, orders, parts, borders, resolutions."""

from __future__ import annotations

from math import prod
from typing import Any

from .calls import TracedTensor
from .rules import Arguments, CallLayer, OpaqueCall, Rules, plain, without

RULES = Rules()


@RULES.rule("flatten view reshape unflatten squeeze unsqueeze view_as reshape_as ravel")
def reshape(args: Arguments) -> CallLayer | TracedTensor:
    """The same values in another shape; flat where all of a sample is in one row."""
    x, out = args.x.shape[1:], args.out
    if x == out:
        return args.x
    if prod(x) != prod(out):
        raise OpaqueCall
    return CallLayer("flatten") if len(out) == 1 else CallLayer("reshape", {"out": list(out)})


@RULES.rule("permute", "input dims")
def permute(args: Arguments) -> CallLayer | TracedTensor:
    """The axes in another order, the batch in front."""
    dims = args.get("dims")
    order = list(dims) if isinstance(dims, (list, tuple)) else [dims, *args.rest]
    return ordered(args, order)


@RULES.rule("transpose swapaxes swapdims", "input dim0 dim1")
def transpose(args: Arguments) -> CallLayer | TracedTensor:
    """Two axes in each other's place."""
    first, second = [args.get(f"dim{at}", args.get(f"axis{at}")) for at in (0, 1)]
    order = list(range(len(args.first.shape)))
    order[first], order[second] = order[second], order[first]
    return ordered(args, order)


@RULES.rule("movedim moveaxis", "input source destination")
def movedim(args: Arguments) -> CallLayer | TracedTensor:
    """One axis in another place."""
    source, destination = args.get("source"), args.get("destination")
    if not isinstance(source, int) or not isinstance(destination, int):
        raise OpaqueCall
    rank = len(args.first.shape)
    order = [axis for axis in range(rank) if axis != source % rank]
    order.insert(destination % rank, source % rank)
    return ordered(args, order)


def ordered(args: Arguments, order: list[int]) -> CallLayer | TracedTensor:
    """A permute. OpaqueCall if the batch is moved."""
    order = [axis % len(args.first.shape) for axis in order]
    if args.bare:
        order = [0, *(axis + 1 for axis in order)]
    if order[0] != 0:
        raise OpaqueCall
    return args.x if order == sorted(order) else CallLayer("permute", {"order": order[1:]})


@RULES.rule("cat concat concatenate", "tensors dim")
def cat(args: Arguments) -> CallLayer | TracedTensor:
    """One after another along an axis, the channels' unless it says otherwise."""
    tensors = args.get("tensors")
    if not all(isinstance(one, TracedTensor) for one in tensors):
        raise OpaqueCall
    values = tuple([args.sampled(one) for one in tensors])
    if len(values) == 1:
        return values[0]
    axis = args.axis(args.get("dim", args.get("axis", 0)))
    if len({len(value.shape) for value in values}) > 1:
        raise OpaqueCall
    return CallLayer("concat", without({"axis": axis}, axis=1), reads=values)


@RULES.rule("channel_shuffle native_channel_shuffle", "input groups")
def channelshuffle(args: Arguments) -> CallLayer:
    """The channels of several groups dealt out in turn."""
    assert args.map
    return CallLayer("channelshuffle", {"g": args.get("groups")})


@RULES.rule("pixel_shuffle", "input upscale_factor")
def pixelshuffle(args: Arguments) -> CallLayer:
    """Channels laid out as pixels."""
    assert args.map
    return CallLayer("pixelshuffle", {"factor": args.get("upscale_factor")})


@RULES.rule("pad", "input pad mode value")
def pad(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Values around a map, and what is below 0 taken away. PyTorch counts the last axis first."""
    sides, space = list(args.get("pad")), len(args.map.shape) - 2
    while len(sides) > 2 * space and not any(sides[-2:]):
        del sides[-2:]
    if len(sides) > 2 * space:
        raise OpaqueCall
    sides += [0] * (2 * space - len(sides))
    pairs = [[before, after] for before, after in zip(sides[::2], sides[1::2], strict=True)][::-1]
    mode = {"mode": args.get("mode", "constant"), "value": args.get("value") or 0}
    added, taken = [[[max(sign * n, 0) for n in pair] for pair in pairs] for sign in (1, -1)]
    made = [CallLayer("pad", {"p": added, **without(mode, mode="constant", value=0)})] if any(map(any, added)) else []
    made += [CallLayer("crop", {"p": taken})] if any(map(any, taken)) else []
    return made or args.x


@RULES.rule("interpolate upsample", "input size scale_factor mode align_corners recompute_scale_factor antialias")
def interpolate(args: Arguments) -> CallLayer | TracedTensor:
    """Another resolution, by a factor or to sizes."""
    assert args.map
    mode, factor = args.get("mode", "nearest"), args.get("scale_factor")
    if mode not in ("nearest", "linear", "bilinear", "bicubic", "trilinear") or args.get("antialias", False):
        raise OpaqueCall
    if factor is None or args.get("recompute_scale_factor"):
        keys: dict[str, Any] = {"out": plain(args.out[1:])}
    else:
        factors = list(factor) if isinstance(factor, (list, tuple)) else [factor]
        factors = [int(one) if float(one).is_integer() else one for one in factors]
        keys = {"factor": factors[0] if len(set(factors)) == 1 else factors}
    keys |= without({"mode": mode, "align": bool(args.get("align_corners"))}, mode="nearest", align=False)
    return CallLayer("upsample", keys)


def part(args: Arguments, axis: int, start: int, stop: int | None, step: int = 1) -> CallLayer:
    """A slice of an axis; `stop` left out if it is the end."""
    n = args.x.shape[axis]
    stop = None if stop is None or stop >= n else stop
    return CallLayer("slice", {"axis": axis, **without({"start": start, "stop": stop, "step": step}, start=0, step=1)})


@RULES.rule("narrow", "input dim start length")
def narrow(args: Arguments) -> CallLayer:
    """A part of an axis."""
    start = args.get("start")
    return part(args, args.axis(args.get("dim")), start, start + args.get("length"))


def parts(args: Arguments, axis: int) -> list[CallLayer]:
    """The results of a call that splits an axis, side by side: a call of several results is one layer each."""
    slices, at = [], 0
    for shape in args.call.outs:
        slices.append(part(args, axis, at, at + shape[axis - args.bare])._replace(reads=(args.x,)))
        at += shape[axis - args.bare]
    return slices


@RULES.rule("chunk tensor_split", "input chunks dim")
def chunk(args: Arguments) -> list[CallLayer]:
    """An axis in several parts."""
    return parts(args, args.axis(args.get("dim", 0)))


@RULES.rule("split split_with_sizes", "input split_size_or_sections dim")
def split(args: Arguments) -> list[CallLayer]:
    """An axis in parts of given sizes."""
    return parts(args, args.axis(args.get("dim", 0)))


@RULES.rule("select", "input dim index")
def select(args: Arguments) -> list[CallLayer] | TracedTensor:
    """One unit of an axis, which vanishes."""
    return picked(args, [(args.axis(args.get("dim")) - args.bare, args.get("index"))])


@RULES.rule("getitem", "input index")
def getitem(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Parts of axes by slices and single units; OpaqueCall for what picks by a tensor."""
    index = args.get("index")
    return picked(args, positions(index if isinstance(index, tuple) else (index,), len(args.first.shape)))


def positions(index: tuple[Any, ...], rank: int) -> list[tuple[int, Any]]:
    """What is picked along each axis: a slice, or one unit. OpaqueCall for anything else."""
    axes = [one for one in index if one is not None and one is not Ellipsis]
    if any(not isinstance(one, (int, slice)) or isinstance(one, bool) for one in axes):
        raise OpaqueCall
    if Ellipsis in index:
        behind = [one for one in index[index.index(Ellipsis) + 1 :] if one is not None]
        before = len(axes) - len(behind)
        return [*enumerate(axes[:before]), *enumerate(behind, rank - len(behind))]
    return list(enumerate(axes))


def picked(args: Arguments, places: list[tuple[int, Any]]) -> list[CallLayer] | TracedTensor:
    """Slices of these axes of the first value, and a reshape where axes come or go."""
    places = [(axis + args.bare, what) for axis, what in places]
    made = [one for axis, what in places if (one := taken(args, axis, what)) is not None]
    shape = list(args.x.shape)
    for axis, what in places:
        shape[axis] = len(range(shape[axis])[what]) if isinstance(what, slice) else 1
    if tuple(shape[1:]) != args.out:
        made.append(CallLayer("flatten") if len(args.out) == 1 else CallLayer("reshape", {"out": list(args.out)}))
    return made or args.x


def taken(args: Arguments, axis: int, what: Any) -> CallLayer | None:
    """One slice; None if it takes all. OpaqueCall for a part of the batch."""
    n = args.x.shape[axis]
    start, stop, step = what.indices(n) if isinstance(what, slice) else (what % n, what % n + 1, 1)
    if (start, stop, step) == (0, n, 1):
        return None
    if axis == 0 or step < 1:
        raise OpaqueCall
    return part(args, axis, start, stop, step)
