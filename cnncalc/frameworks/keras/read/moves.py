"""Layers with channels on another axis than the network's: they are placed between two permutes."""

from __future__ import annotations

from .config import LayerCall
from .parts import Converter, LayerPart, Parts, Results, listed

STILL = ("identity", "dropout")
"""The ops for which the position of the channels does not matter."""


def between(call: LayerCall, order: list[int], convert: Converter) -> Parts:
    """Return the layers for a call on its input's axes in another order (from 1), which is undone afterwards.

    None if the number of axes, and so the order, is unknown, and for a call that cannot be expressed.
    """
    sizes, out, read = call.sizes(), call.out, call.read()
    if len(read) != 1:
        return None
    turned = read[0]._replace(layer="_turned", sizes=sizes and tuple([sizes[axis - 1] for axis in order]))
    wanted = None if out is None or len(out) != len(order) else tuple([out[axis - 1] for axis in order])
    kwargs = {key: value for key, value in call.kwargs.items() if value is not read[0]}
    made = convert(call._replace(args=(turned,), kwargs=kwargs, out=wanted))
    if made is None or isinstance(made, Results):
        return None
    parts = listed(made)
    if all(part.raw["op"] in STILL for part in parts):
        return parts
    if sizes is None:
        return None
    there = LayerPart({"op": "permute", "order": order}, "_turned", (read[0].layer,))
    if parts[-1].raw.get("keepdims") is False:  # a global pool, which leaves only the channels
        return [there, *parts]
    back = [order.index(axis) + 1 for axis in range(1, len(order) + 1)]
    return [there, *parts, LayerPart({"op": "permute", "order": back}, "_back")]


def on_axis(call: LayerCall, axis: object, convert: Converter) -> Parts:
    """Return the layers for a call whose channels are on an axis, by default the last."""
    at, sizes = call.axis(-1 if axis is None else axis), call.sizes()
    if call.on_channels(at) or (sizes is not None and len(sizes) == 1):
        return convert(call)
    if at is None or sizes is None or not 0 < at <= len(sizes):
        return None
    others = [one for one in range(1, len(sizes) + 1) if one != at]
    return between(call, [*others, at] if call.channels_last else [at, *others], convert)
