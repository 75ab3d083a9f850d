"""Borders and other resolutions (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from math import floor, isfinite
from typing import Any

from .....registry import Registry
from .....sizes import LARGEST, Size
from ..fold import numbers
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, Output

Pairs = list[tuple[int, int]]

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Pad")
def pad(b: GraphReader, node: GraphNode) -> None:
    """Around the spatial axes: a pad, or a crop where it is negative; around others only its shape is known."""
    x, full = b.known(node)
    pairs = _pairs(b, node, len(full))
    out = [n + before + after for n, (before, after) in zip(full, pairs, strict=True)]
    front = 2 if b.batched else 1
    value = _pad_value(b, node)
    own = pairs[front:]
    signs = {n > 0 for pair in own for n in pair if n}
    if any(n for pair in pairs[:front] for n in pair) or len(signs) > 1 or value is None or not own:
        raise OpaqueNode(out)
    if signs == {False}:
        b.make(node, "crop", x, {"p": [[-before, -after] for before, after in own]})
        return
    mode = node.text("mode", "constant")
    b.make(node, "pad", x, {"p": [list(pair) for pair in own], "mode": mode} | ({"value": value} if value else {}))


def _pairs(b: GraphReader, node: GraphNode, rank: int) -> Pairs:
    """(before, after) on each axis. OpaqueNode if it is not a constant, SpecError if it does not fit."""
    name = next((name for name in ("pads", "paddings") if node.has(name)), None)
    pads = node.ints(name) if name else numbers(b.const(node.input(1)))
    axes = numbers(b.const(node.input(3))) if node.input(3) else list(range(rank))
    if pads is None or axes is None:
        raise OpaqueNode(known=False)
    if len(pads) != 2 * len(axes) or any(not -rank <= a < rank for a in axes):
        raise node.wrong(f"{len(pads)} pads for {len(axes)} axes: each axis has a begin and an end")
    pairs: Pairs = [(0, 0)] * rank
    for at, axis in enumerate(axes):
        pairs[axis] = (pads[at], pads[at + len(axes)])
    return pairs


def _pad_value(b: GraphReader, node: GraphNode) -> float | None:
    """The constant, None if it is not known, or not finite."""
    if not node.input(2):
        return node.number("value", 0.0)
    const = b.const(node.input(2))
    value = None if const is None else const.scalar()
    return value if value is not None and isfinite(value) and abs(value) <= LARGEST else None


MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}


LARGEST_SCALE = 2.0**63


@HANDLERS.register("Resize", "Upsample")
def resize(b: GraphReader, node: GraphNode) -> None:
    """By scales, or to sizes; where its values are other than upsample's, only its shape is known."""
    x, full = b.known(node)
    scales, sizes = _scales(b, node), numbers(b.const(node.input(3)))
    axes = node.ints("axes") or list(range(len(full)))
    if (scales is None) == (sizes is None) or node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise OpaqueNode(known=False)
    given: list[float] = list(sizes if sizes is not None else scales or [])
    if len(given) != len(axes) or any(not -len(full) <= a < len(full) for a in axes):
        raise node.wrong(f"{len(given)} scales or sizes for {len(axes)} axes")
    whole = dict(zip([a % len(full) for a in axes], given, strict=True))
    out = [_resized(n, whole.get(at), scales is not None) for at, n in enumerate(full)]
    front = 2 if b.batched else 1
    if out[:front] != list(full[:front]) or len(full) == front:
        raise OpaqueNode(out)
    values = [whole.get(at, 1 if scales is not None else n) for at, n in enumerate(full)][front:]
    keys = _how(b, node, x, out[front:])
    if keys is None or not all(isinstance(v, (int, float)) for v in values):
        raise OpaqueNode(out)
    b.make(node, "upsample", x, {("out" if scales is None else "factor"): values, **keys})


def _scales(b: GraphReader, node: GraphNode) -> list[float] | None:
    scales = node.floats("scales")
    if scales is None:
        at = 1 if len(node.inputs) == 2 else 2
        const = b.const(node.input(at))
        values = None if const is None else const.values
        scales = [float(v) for v in values if isinstance(v, (int, float))] if values else None
    for scale in scales or []:
        if not 0 < scale < LARGEST_SCALE:
            raise node.wrong(f"a scale of {scale}")
    return None if scales is None else list(scales)


def _resized(n: Size, by: float | None, is_scale: bool) -> Size:
    if by is None:
        return n
    if not is_scale:
        return int(by)
    if isinstance(n, int):
        return floor(n * by)
    if not by.is_integer():
        raise OpaqueNode(known=False)
    return n * int(by)


def _how(b: GraphReader, node: GraphNode, x: Output, out: list[Size]) -> dict[str, Any] | None:
    """The mode, where upsample computes the same. Upsample, and Resize to operator set 10, begin at the corner."""
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
    align = {"half_pixel": False, "pytorch_half_pixel": False, "align_corners": True}.get(where)
    return None if align is None else {"mode": mode, "align": align}


@HANDLERS.register("DepthToSpace")
def depth_to_space(b: GraphReader, node: GraphNode) -> None:
    """CRD is a pixel shuffle; DCR the same with the channels in another order: reshape, permute, reshape."""
    x, full = b.known(node)
    f = node.whole("blocksize")
    if len(x.shape) != 3 or f < 1:
        raise node.wrong(f"blocksize {f} of {len(full)} axes")
    if node.text("mode", "DCR") == "CRD" or f == 1:
        b.make(node, "pixelshuffle", x, {"factor": f})
        return
    c, h, w = _sizes(x)
    shape = [f, f, c // (f * f), h, w]
    _by_axes(b, node, x, shape, [3, 4, 1, 5, 2], [c // (f * f), h * f, w * f])


@HANDLERS.register("SpaceToDepth")
def space_to_depth(b: GraphReader, node: GraphNode) -> None:
    """Blocks become channels: reshape, permute, reshape."""
    x, full = b.known(node)
    f = node.whole("blocksize")
    if len(x.shape) != 3 or f < 1:
        raise node.wrong(f"blocksize {f} of {len(full)} axes")
    c, h, w = _sizes(x)
    _by_axes(b, node, x, [c, h // f, f, w // f, f], [3, 5, 1, 2, 4], [c * f * f, h // f, w // f])


def _sizes(x: Output) -> list[int]:
    sizes = [n for n in x.shape if isinstance(n, int)]
    if len(sizes) < len(x.shape):
        raise OpaqueNode(known=False)
    return sizes


def _by_axes(b: GraphReader, node: GraphNode, x: Output, first: list[int], order: list[int], last: list[int]) -> None:
    apart = b.add(f"{node.name}.apart", "reshape", x, {"out": first})
    turned = b.add(f"{node.name}.turned", "permute", apart, {"order": order})
    b.make(node, "reshape", turned, {"out": last})
