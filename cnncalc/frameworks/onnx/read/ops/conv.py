"""Convolutions and transposed convolutions (onnx/defs/nn/defs.cc)."""

from __future__ import annotations

from typing import Any

from .....layers.names import ENDS
from .....registry import Registry
from ..const import Const
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode

WORDS = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower", "VALID": "valid"}

HANDLERS: Registry[str, Handler] = Registry()


def padding(node: GraphNode, nd: int) -> Any:
    """`auto_pad`, or `pads` as [before, after] an axis. SpecError if they are not as many as axes."""
    word = node.text("auto_pad", "NOTSET")
    if word not in ("NOTSET", ""):
        return WORDS.get(word, word)
    pads = node.ints("pads")
    if pads is None:
        return [[0, 0]] * nd
    if len(pads) != 2 * nd:
        raise node.wrong(f"{len(pads)} pads for {nd} axes: each axis has a begin and an end")
    return [list(pair) for pair in zip(pads[:nd], pads[nd:], strict=True)]


def window(node: GraphNode, k: list[int]) -> dict[str, Any]:
    """The keys of a window of k taps: strides and dilations are 1 where they are left out."""
    nd = len(k)
    return {
        "k": k,
        "s": node.ints("strides") or [1] * nd,
        "p": padding(node, nd),
        "d": node.ints("dilations") or [1] * nd,
    }


def kernel(node: GraphNode, weight: Const | None) -> tuple[int, int, list[int]]:
    """A kernel's first two sizes and its taps. SpecError if its shape is not a kernel's."""
    if weight is None:
        raise node.wrong("has no kernel")
    if len(weight.shape) < 3:
        raise node.wrong(f"its kernel has the shape {list(weight.shape)}")
    if len(weight.shape) > 5:
        raise OpaqueNode(known=False)
    first, second, *k = weight.shape
    return first, second, k


@HANDLERS.register("Conv")
def conv(b: GraphReader, node: GraphNode) -> None:
    """Kernels (c_o, c_i/g, k), as ours."""
    x, weight, bias = b.first(node), b.param(node, 1), b.param(node, 2)
    c_o, each, k = kernel(node, weight)
    g = node.whole("group", 1)
    keys = {"c_i": each * g, "c_o": c_o, **window(node, k), "g": g, "bias": bias is not None}
    b.make(node, f"conv{ENDS[len(k)]}", x, keys, {"weight": weight, "bias": bias})


@HANDLERS.register("ConvTranspose")
def transposed(b: GraphReader, node: GraphNode) -> None:
    """Kernels (c_i, c_o/g, k), as ours; with output_shape the padding follows from it."""
    x, weight, bias = b.first(node), b.param(node, 1), b.param(node, 2)
    c_i, each, k = kernel(node, weight)
    g = node.whole("group", 1)
    keys = {"c_i": c_i, "c_o": each * g, **window(node, k), "g": g, "bias": bias is not None}
    if any(node.ints("output_padding") or []):
        keys["out_pad"] = node.ints("output_padding")
    wanted = node.ints("output_shape")
    if wanted:
        keys["out"] = wanted[-len(k) :]
        if not isinstance(keys["p"], str):
            del keys["p"]
    b.make(node, f"convT{ENDS[len(k)]}", x, keys, {"weight": weight, "bias": bias})
