"""Borders and other resolutions (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from math import floor, isfinite
from typing import Any

from .....layers.base import ENDS
from .....layers.resample import PLACES
from .....registry import Registry
from .....sizes import LARGEST, Size
from ..fold import integers, numbers
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, Output, needed

LARGEST_SCALE = 2.0**63
MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Pad")
def pad(b: GraphReader, node: GraphNode) -> None:
    """Read a pad of the spatial axes, or of those that are padded; a crop if it only takes away."""
    x, full = b.known(node)
    pairs = _pairs(b, node, len(full))
    out = [n + before + after for n, (before, after) in zip(full, pairs, strict=True)]
    front = 2 if b.batched else 1
    value = b.scalar(node.input(2)) if node.input(2) else node.number("value", 0.0)
    if value is None or not isfinite(value) or abs(value) > LARGEST or (b.batched and any(pairs[0])):
        raise OpaqueNode(out)
    signs = {n > 0 for pair in pairs for n in pair if n}
    where = {at if b.batched else at + 1: list(pair) for at, pair in enumerate(pairs) if any(pair)}
    if len(x.shape) == 1 or 1 in where:
        keys: dict[str, Any] = {"p": [*where.values()] or 0, "axis": [*where] or [1]}
    elif signs == {False}:
        b.make(node, "crop", x, {"p": [[-before, -after] for before, after in pairs[front:]]})
        return
    else:
        keys = {"p": [list(pair) for pair in pairs[front:]]}
    b.make(node, "pad", x, {**keys, "mode": node.text("mode", "constant"), **({"value": value} if value else {})})


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
    if mode is None or node.whole("antialias") or where not in (*PLACES, "align_corners"):
        return None
    keys: dict[str, Any] = {"mode": mode}
    several = all(isinstance(o, int) and o > 1 for o in out)
    if mode != "nearest" or where == "align_corners":
        keys["align"] = where == "align_corners"
    if mode != "nearest" and where == "pytorch_half_pixel" and several:
        where = "half_pixel"  # it differs only for a single output
    if where not in ("align_corners", "asymmetric" if mode == "nearest" else "half_pixel"):
        keys["where"] = where
    if mode == "nearest":
        rounding = "floor" if old else node.text("nearest_mode", "round_prefer_floor")
        pairs = zip(x.shape[1:], out, strict=False)
        whole = all(isinstance(n, int) and isinstance(o, int) and o % n == 0 for n, o in pairs)
        if whole and where.endswith("half_pixel") and rounding.startswith("round_prefer"):
            return {"mode": mode}  # each input as often as the factor says
        return keys if rounding == "floor" and where == "asymmetric" else {**keys, "round": rounding}
    if mode == "cubic":
        a = node.number("cubic_coeff_a", -0.75)
        keys |= {"cubic": a} if abs(a + 0.75) > 1e-6 else {}
        keys |= {"exclude_outside": True} if node.whole("exclude_outside") else {}
    return keys


@HANDLERS.register("DepthToSpace", "SpaceToDepth")
def blocks(b: GraphReader, node: GraphNode) -> None:
    """Read channels as blocks of pixels, and the way back."""
    x, full = b.known(node)
    f, op = node.whole("blocksize"), "pixelshuffle" if node.op == "DepthToSpace" else "pixelunshuffle"
    if len(x.shape) != 3 or f < 1:
        raise node.wrong(f"blocksize {f} of {len(full)} axes")
    b.make(node, op, x, {"factor": f, "order": node.text("mode", "DCR").lower()})


@HANDLERS.register("Col2Im")
def fold(b: GraphReader, node: GraphNode) -> None:
    """Read columns that are put together again as a map; its sizes and the window's are constants."""
    x, _ = b.known(node)
    out, k = [needed(numbers(b.const(node.input(at)))) for at in (1, 2)]
    if len(x.shape) != 2 or not 1 <= len(out) <= 3:
        raise OpaqueNode(known=False)
    nd = len(out)
    s, d, pads = [node.ints(name) or [plain] * nd for name, plain in (("strides", 1), ("dilations", 1), ("pads", 0))]
    pads = pads if len(pads) == 2 * nd else [*pads, *pads]
    keys = {"out": out, "k": k, "s": s, "d": d, "p": [[pads[at], pads[at + nd]] for at in range(nd)]}
    b.make(node, f"fold{ENDS[nd]}", x, keys)
