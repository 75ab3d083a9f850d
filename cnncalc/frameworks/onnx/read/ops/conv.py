"""Convolutions and transposed convolutions (onnx/defs/nn/defs.cc)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .....layers.base import ENDS
from .....registry import Registry
from .....sizes import count, known
from ....values import Handle
from ..const import Const
from ..made import OpaqueNode, made_of, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler

WORDS = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower", "VALID": "valid"}
HANDLERS: Registry[str, Handler] = Registry()


def window(node: GraphNode, k: list[int]) -> dict[str, Any]:
    """Return the keys of a window of k taps, by ONNX's defaults. Raise SpecError if pads are not two for each axis."""
    nd, word = len(k), node.text("auto_pad", "NOTSET")
    pads = node.ints("pads")
    padding: Any = WORDS.get(word, word)
    if word in ("NOTSET", ""):
        pads = [0] * 2 * nd if pads is None else pads
        if len(pads) != 2 * nd:
            raise node.wrong(f"{len(pads)} pads for {nd} axes: each axis has a begin and an end")
        padding = [list(pair) for pair in zip(pads[:nd], pads[nd:], strict=True)]
    return {"k": k, "s": node.ints("strides") or [1] * nd, "p": padding, "d": node.ints("dilations") or [1] * nd}


@HANDLERS.register("Conv", "ConvTranspose")
def conv(b: GraphReader, node: GraphNode) -> None:
    """Read a convolution with kernel (c_o, c_i/g, k), or transposed (c_i, c_o/g, k), possibly with `output_shape`."""
    if node.input(1) in b.values:
        raise _of_value(b, node)
    b.give(node, convolved(b, node, b.first(node), needed(b.param(node, 1)), b.param(node, 2)))


def _of_value(b: GraphReader, node: GraphNode) -> OpaqueNode:
    """Return an opaque node with the output sizes and MACs of a convolution whose kernel is computed."""
    x, full = b.known(node)
    kernel = [needed(known(n)) for n in needed(b.full_of(node.input(1)))]
    if not 3 <= len(kernel) <= 5 or len(kernel) != len(full):
        raise OpaqueNode(known=False)
    op, keys = _layer(node, kernel, bias=False)
    made = needed(made_of(op, keys, full[1:]))
    kernels = b.value(node.input(1))
    whole = False in (x.batched, kernels.batched) or b.batch == 1
    macs = count(made.macs, full[0]) if whole else made.macs if (x.batch_at, kernels.batch_at) == (0, None) else None
    return OpaqueNode((full[0], *made.out), params=0, macs=known(macs))


def _layer(node: GraphNode, kernel: Sequence[int], *, bias: bool) -> tuple[str, dict[str, Any]]:
    """Return the op and the keys of a convolution with a kernel of these sizes."""
    first, each, *k = kernel
    g, transposed = node.whole("group", 1), node.op == "ConvTranspose"
    c_i, c_o = (first, each * g) if transposed else (each * g, first)
    keys = {"c_i": c_i, "c_o": c_o, **window(node, k), "g": g, "bias": bias}
    if transposed:
        out_pad, out = node.ints("output_padding") or [], node.ints("output_shape")
        if any(out_pad):
            keys["out_pad"] = out_pad
        if out:
            keys["out"] = out[-len(k) :]
            if not isinstance(keys["p"], str):
                del keys["p"]
    return f"{'convT' if transposed else 'conv'}{ENDS[len(k)]}", keys


def convolved(b: GraphReader, node: GraphNode, x: Handle, weight: Const, bias: Const | None) -> Handle:
    """Return the output of a node's convolution of a value."""
    if len(weight.shape) < 3:
        raise node.wrong(f"its kernel has the shape {list(weight.shape)}")
    if len(weight.shape) > 5:
        raise OpaqueNode(known=False)
    apart = bias is not None and b.is_shared(node.input(1))
    op, keys = _layer(node, weight.shape, bias=bias is not None and not apart)
    weights = {"weight": weight, "bias": None if apart else bias}
    maps = b.maps(x)
    made = b.add(node.name, op, maps.x, keys, weights)
    if apart:
        made = b.add(f"{node.name}.bias", "scale", made, {"scale": False, "center": True}, {"bias": bias})
    return b.unmapped(node.name, made, maps)
