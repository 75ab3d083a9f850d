"""Rules of calls that move values: shapes, orders, parts, borders, resolutions."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import prod
from types import EllipsisType

from .calls import TracedTensor
from .rules import Arguments, CallLayer, OpaqueCall, Rules, plain, without

RULES = Rules()


@RULES.rule("flatten view reshape unflatten squeeze unsqueeze view_as reshape_as ravel")
def reshape(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Read the same values in another shape."""
    if prod(args.x.shape[1:]) != prod(args.out):
        raise OpaqueCall
    return reshaped(args.x.shape[1:], args.out) or args.x


def reshaped(sample: tuple[int, ...], out: tuple[int, ...]) -> list[CallLayer]:
    """Return a reshape of a sample, a flatten if it ends in one row; empty if the shapes are the same."""
    if sample == out:
        return []
    return [CallLayer("flatten") if len(out) == 1 else CallLayer("reshape", {"out": list(out)})]


@RULES.rule("permute", "input dims")
def permute(args: Arguments) -> CallLayer | TracedTensor:
    """Read the axes in another order, the batch in front."""
    dims = args.get("dims")
    order = list(dims) if isinstance(dims, (list, tuple)) else [dims, *args.call.args[2:]]
    return ordered(args, order)


@RULES.rule("transpose swapaxes swapdims", "input dim0 dim1")
def transpose(args: Arguments) -> CallLayer | TracedTensor:
    """Read two axes that are swapped."""
    first, second = [args.get(f"dim{at}", args.get(f"axis{at}")) for at in (0, 1)]
    order = list(range(len(args.first.shape)))
    order[first], order[second] = order[second], order[first]
    return ordered(args, order)


@RULES.rule("movedim moveaxis", "input source destination")
def movedim(args: Arguments) -> CallLayer | TracedTensor:
    """Read one axis that is moved. OpaqueCall for several."""
    source, destination = args.get("source"), args.get("destination")
    if not isinstance(source, int) or not isinstance(destination, int):
        raise OpaqueCall
    rank = len(args.first.shape)
    order = [axis for axis in range(rank) if axis != source % rank]
    order.insert(destination % rank, source % rank)
    return ordered(args, order)


def ordered(args: Arguments, order: list[int]) -> CallLayer | TracedTensor:
    """Return a permute. OpaqueCall if the batch is moved."""
    order = [axis % len(args.first.shape) for axis in order]
    if args.bare:
        order = [0, *(axis + 1 for axis in order)]
    if order[0] != 0:
        raise OpaqueCall
    return args.x if order == sorted(order) else CallLayer("permute", {"order": order[1:]})


@RULES.rule("cat concat concatenate", "tensors dim")
def cat(args: Arguments) -> CallLayer | TracedTensor:
    """Read values one after another along an axis."""
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


@RULES.rule("pad", "input pad mode value", batch=True)
def pad(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Read values around a map, and a crop where a side is below 0. PyTorch counts the last axis first."""
    sides, space = list(args.get("pad")), len(args.x.shape) - 2
    if any(sides[2 * space :]):
        raise OpaqueCall
    sides = (sides + [0] * (2 * space))[: 2 * space]
    pairs = [[before, after] for before, after in zip(sides[::2], sides[1::2], strict=True)][::-1]
    mode = without({"mode": args.get("mode"), "value": args.get("value")}, mode="constant", value=0)
    added, taken = [[[max(sign * n, 0) for n in pair] for pair in pairs] for sign in (1, -1)]
    made = [CallLayer("pad", {"p": added, **mode})] if any(map(any, added)) else []
    made += [CallLayer("crop", {"p": taken})] if any(map(any, taken)) else []
    return made or args.x


@RULES.rule(
    "interpolate upsample", "input size scale_factor mode align_corners recompute_scale_factor antialias", batch=True
)
def interpolate(args: Arguments) -> CallLayer:
    """Read another resolution, by a factor or to sizes."""
    mode, factor = args.get("mode", "nearest"), args.get("scale_factor")
    if mode not in ("nearest", "linear", "bilinear", "bicubic", "trilinear") or args.get("antialias", False):
        raise OpaqueCall
    if factor is None or args.get("recompute_scale_factor"):
        size = {"out": plain(args.out[1:])}
    else:
        size = {"factor": plain(factor if isinstance(factor, (list, tuple)) else [factor])}
    more = without({"mode": mode, "align": bool(args.get("align_corners"))}, mode="nearest", align=False)
    return CallLayer("upsample", size | more)


def part(args: Arguments, axis: int, start: int, stop: int, step: int = 1) -> CallLayer:
    """Return a slice of an axis of the first value; `stop` is left out if it is the end."""
    keys = {"start": start, "stop": None if stop >= args.x.shape[axis] else stop, "step": step}
    return CallLayer("slice", {"axis": axis, **without(keys, start=0, step=1)})


@RULES.rule("chunk tensor_split split split_with_sizes", "input sections dim")
def split(args: Arguments) -> list[CallLayer]:
    """Read an axis in several parts: each result is a layer of its own."""
    axis = args.axis(args.get("dim", 0))
    ends = list(accumulate((shape[axis - args.bare] for shape in args.call.outs), initial=0))
    return [part(args, axis, start, stop)._replace(reads=(args.x,)) for start, stop in pairwise(ends)]


@RULES.rule("narrow", "input dim start length")
def narrow(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Read a part of an axis."""
    axis = args.axis(args.get("dim")) - args.bare
    start = args.get("start") % args.first.shape[axis]
    return pick(args, [(axis, slice(start, start + args.get("length")))])


@RULES.rule("select", "input dim index")
def select(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Read one unit of an axis, which vanishes."""
    return pick(args, [(args.axis(args.get("dim")) - args.bare, args.get("index"))])


@RULES.rule("getitem", "input index")
def getitem(args: Arguments) -> list[CallLayer] | TracedTensor:
    """Read parts of axes by slices and single units. OpaqueCall if a tensor or a list picks them."""
    index = args.get("index")
    places = [one for one in (index if isinstance(index, tuple) else (index,)) if one is not None]
    if any(not isinstance(one, (int, slice, EllipsisType)) or isinstance(one, bool) for one in places):
        raise OpaqueCall
    if Ellipsis in places:
        at, missing = places.index(Ellipsis), len(args.first.shape) - len(places) + 1
        places[at : at + 1] = [slice(None)] * missing
    return pick(args, list(enumerate(places)))


def pick(args: Arguments, places: list[tuple[int, int | slice]]) -> list[CallLayer] | TracedTensor:
    """Return slices of these axes of the first value, and a reshape if axes come or go.

    OpaqueCall for a part of the batch, or a step below 1.
    """
    layers: list[CallLayer] = []
    shape = list(args.x.shape)
    for place, what in places:
        axis = place + args.bare
        n = shape[axis]
        start, stop, step = what.indices(n) if isinstance(what, slice) else (what % n, what % n + 1, 1)
        if (start, stop, step) != (0, n, 1):
            if axis == 0 or step < 1:
                raise OpaqueCall
            layers.append(part(args, axis, start, stop, step))
        shape[axis] = len(range(start, stop, step))
    return layers + reshaped(tuple(shape[1:]), args.out) or args.x
