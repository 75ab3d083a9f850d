"""Borders and other resolutions (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from math import floor, isfinite
from typing import Any

from .....registry import Registry
from .....sizes import LARGEST, Size, known
from ..fold import integers, numbers
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, Output, needed

LARGEST_SCALE = 2.0**63
MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
ALIGN = {"half_pixel": False, "pytorch_half_pixel": False, "align_corners": True}
"""The `align` of each way to place the output's values between the input's."""
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Pad")
def pad(b: GraphReader, node: GraphNode) -> None:
    """Read a pad of the spatial axes, or a crop if it is negative; around others only its shape is known."""
    x, full = b.known(node)
    pairs = _pairs(b, node, len(full))
    out = [n + before + after for n, (before, after) in zip(full, pairs, strict=True)]
    front = 2 if b.batched else 1
    value = b.scalar(node.input(2)) if node.input(2) else node.number("value", 0.0)
    own = pairs[front:]
    signs = {n > 0 for pair in own for n in pair if n}
    if any(n for pair in pairs[:front] for n in pair) or len(signs) > 1 or not own:
        raise OpaqueNode(out)
    if value is None or not isfinite(value) or abs(value) > LARGEST:
        raise OpaqueNode(out)
    if signs == {False}:
        b.make(node, "crop", x, {"p": [[-before, -after] for before, after in own]})
        return
    keys = {"p": [list(pair) for pair in own], "mode": node.text("mode", "constant")}
    b.make(node, "pad", x, keys | ({"value": value} if value else {}))


def _pairs(b: GraphReader, node: GraphNode, rank: int) -> list[tuple[int, int]]:
    """Return (before, after) for each axis. OpaqueNode if they are not constants, SpecError if they do not fit."""
    given = b.given(node)
    pads = needed(integers(node, "paddings" if node.has("paddings") else "pads", given, 1))
    axes = needed(integers(node, "axes", given, 3, list(range(rank))))
    if len(pads) != 2 * len(axes) or any(not -rank <= a < rank for a in axes):
        raise node.wrong(f"{len(pads)} pads for {len(axes)} axes: each axis has a begin and an end")
    pairs = [(0, 0)] * rank
    for at, axis in enumerate(axes):
        pairs[axis] = (pads[at], pads[at + len(axes)])
    return pairs


@HANDLERS.register("Resize", "Upsample")
def resize(b: GraphReader, node: GraphNode) -> None:
    """Read scales, or the sizes that the axes get; if its values are other than upsample's, only its shape is known."""
    x, full = b.known(node)
    scales, sizes = _scales(b, node), numbers(b.const(node.input(3)))
    axes, rank = node.ints("axes") or list(range(len(full))), len(full)
    if (scales is None) == (sizes is None) or node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise OpaqueNode(known=False)
    given: list[float] = list(sizes if sizes is not None else scales or [])
    if len(given) != len(axes) or any(not -rank <= a < rank for a in axes):
        raise node.wrong(f"{len(given)} scales or sizes for {len(axes)} axes")
    by = dict(zip([a % rank for a in axes], given, strict=True))
    out = [n if at not in by else int(by[at]) if scales is None else _scaled(n, by[at]) for at, n in enumerate(full)]
    front = 2 if b.batched else 1
    if out[:front] != list(full[:front]) or rank == front:
        raise OpaqueNode(out)
    values = [by.get(at, n if scales is None else 1) for at, n in enumerate(full)][front:]
    keys = _how(b, node, x, out[front:])
    if keys is None or not all(isinstance(v, (int, float)) for v in values):
        raise OpaqueNode(out)
    b.make(node, "upsample", x, {("out" if scales is None else "factor"): values, **keys})


def _scales(b: GraphReader, node: GraphNode) -> list[float] | None:
    """Return the scales of an attribute, or of an input; None if there are none. SpecError for an impossible one."""
    scales = node.floats("scales")
    if scales is None:
        values = b.listed(node.input(1 if len(node.inputs) == 2 else 2))
        scales = [float(v) for v in values if isinstance(v, (int, float))] if values else None
    for scale in scales or []:
        if not 0 < scale < LARGEST_SCALE:
            raise node.wrong(f"a scale of {scale}")
    return scales


def _scaled(n: Size, by: float) -> Size:
    """Return a size times a scale. OpaqueNode if an open size would be cut off."""
    if isinstance(n, int):
        return floor(n * by)
    if not by.is_integer():
        raise OpaqueNode(known=False)
    return n * int(by)


def _how(b: GraphReader, node: GraphNode, x: Output, out: list[Size]) -> dict[str, Any] | None:
    """Return the mode, if upsample computes the same. Upsample, and Resize to operator set 10, begin at the corner."""
    mode = MODES.get(node.text("mode", "nearest"))
    old = node.op == "Upsample" or b.graph.opset < 11
    where = "asymmetric" if old else node.text("coordinate_transformation_mode", "half_pixel")
    if mode is None or node.whole("antialias") or node.whole("exclude_outside"):
        return None
    if mode == "nearest":
        rounding = "floor" if old else node.text("nearest_mode", "round_prefer_floor")
        pairs = zip(x.shape[1:], out, strict=False)
        whole = all(isinstance(n, int) and isinstance(o, int) and o % n == 0 for n, o in pairs)
        centred = whole and where.endswith("half_pixel") and rounding.startswith("round_prefer")
        return {"mode": mode} if centred or (where == "asymmetric" and rounding == "floor") else None
    if mode == "cubic" and abs(node.number("cubic_coeff_a", -0.75) + 0.75) > 1e-6:
        return None
    return {"mode": mode, "align": ALIGN[where]} if where in ALIGN else None


@HANDLERS.register("DepthToSpace", "SpaceToDepth")
def blocks(b: GraphReader, node: GraphNode) -> None:
    """Read DepthToSpace in CRD order as a pixel shuffle, other orders and the way back as reshape, permute, reshape."""
    x, full = b.known(node)
    f, to_space = node.whole("blocksize"), node.op == "DepthToSpace"
    if len(x.shape) != 3 or f < 1:
        raise node.wrong(f"blocksize {f} of {len(full)} axes")
    if to_space and (node.text("mode", "DCR") == "CRD" or f == 1):
        b.make(node, "pixelshuffle", x, {"factor": f})
        return
    c, h, w = [needed(known(n)) for n in x.shape]
    if to_space:
        c //= f * f
        apart, order, out = [f, f, c, h, w], [3, 4, 1, 5, 2], [c, h * f, w * f]
    else:
        h, w = h // f, w // f
        apart, order, out = [c, h, f, w, f], [3, 5, 1, 2, 4], [c * f * f, h, w]
    split = b.add(f"{node.name}.apart", "reshape", x, {"out": apart})
    turned = b.add(f"{node.name}.turned", "permute", split, {"order": order})
    b.make(node, "reshape", turned, {"out": out})
