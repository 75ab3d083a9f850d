"""Padding and resizing (onnx/defs/tensor/defs.cc)."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite
from typing import Any

from .....dialects import Onnx
from .....layers.base import ENDS
from .....layers.resample import MOST_ROUNDED, PLACES, float32, units
from .....registry import Registry
from .....sizes import LARGEST, Open, Size
from ....values import BATCH, Handle
from ..const import numbers, shortest
from ..fold import integers
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler

LARGEST_SCALE = 2.0**63
MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Pad")
def pad(b: GraphReader, node: GraphNode) -> None:
    """Read a pad, or a crop if it is negative everywhere."""
    x, full = b.known(node)
    pairs = _pairs(b, node, len(full))
    out = [n + before + after for n, (before, after) in zip(full, pairs, strict=True)]
    value = b.scalar(node.input(2)) if node.input(2) else node.number("value", 0.0)
    if value is None or not isfinite(value) or abs(value) > LARGEST:
        raise OpaqueNode(out)
    for at, pair in enumerate(pairs):
        if any(pair):
            x = b.along(x, at)[0]
    assert x.axes is not None
    places = {at: x.axes[at][0] for at, pair in enumerate(pairs) if any(pair)}
    if not places:
        b.make_pointwise(node, "identity", x)
        return
    around = _around_map(x, pairs)
    if around is not None and all(n <= 0 for pair in pairs for n in pair):
        b.give(node, b.add(node.name, "crop", x, {"p": [[-before, -after] for before, after in around]}))
        return
    keys: dict[str, Any] = {"p": around}
    if around is None:
        keys = {"p": [list(pairs[at]) for at in places], "axis": [place + 1 for place in places.values()]}
    keys |= {"mode": node.text("mode", "constant"), **({"value": value} if value else {})}
    b.give(node, b.add(node.name, "pad", x, keys))


def _around_map(x: Handle, pairs: Sequence[tuple[int, int]]) -> list[list[int]] | None:
    """Return the padding of each spatial axis; None if other axes are padded, or the value is not a map."""
    axes = x.axes or ()
    first = next((at for at, group in enumerate(axes) if group == (0,)), 0)
    around = [list(pair) for at, pair in enumerate(pairs) if at > first and axes[at] and axes[at] != (BATCH,)]
    is_spatial = not any(any(pair) for pair in pairs[: first + 1])
    return around if is_spatial and len(around) == len(x.shape) - 1 and x.batch_at in (0, None) else None


def _pairs(b: GraphReader, node: GraphNode, rank: int) -> list[tuple[int, int]]:
    """Return (before, after) for each axis.

    Raise OpaqueNode if they are not constants, SpecError if they do not fit.
    """
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
    """Read a resize by scales or sizes; if upsample cannot compute the same values, only the shape is known."""
    x, full = b.known(node)
    scales, sizes = _scales(b, node), _sizes(b, node)
    if (scales is None) == (sizes is None):
        raise OpaqueNode(known=False)
    by = _by_axis(node, len(full), scales or [] if sizes is None else sizes)
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    is_by_sizes = scales is None and policy == "stretch"
    if is_by_sizes:
        resized = by
    elif scales is None:
        by = _kept_ratio(full, by, policy)
        resized = {at: floor(full[at] * scale + 0.5) for at, scale in by.items()}
    else:
        resized = {at: _scaled(full[at], scale) for at, scale in by.items()}
    out = [resized.get(at, n) for at, n in enumerate(full)]
    changed = sorted(at for at in by if out[at] != full[at])
    if not changed:
        b.make_pointwise(node, "identity", x)
        return
    order = _maps_last(changed, out)
    pairs = [(full[at], out[at]) for at in order[2:]]
    factors = [by.get(at, 1) for at in order[2:]]
    maps = b.maps(b.permuted(f"{node.name}.first", x, order))
    keys = _how(b, node, maps.x, [after for _, after in pairs], factors if scales else [])
    if is_by_sizes and all(isinstance(after, int) for _, after in pairs):
        made = b.add(node.name, "upsample", maps.x, {"out": [after for _, after in pairs], **keys})
    else:
        factors = [_factor(after, before) for before, after in pairs] if is_by_sizes else factors
        if None in factors:
            raise OpaqueNode(out)
        made = _by_scales(b, node, maps.x, pairs, factors, keys)
    made = b.unmapped(node.name, made, maps)
    b.give(node, b.permuted(f"{node.name}.last", made, [order.index(at) for at in range(len(full))]))


def _by_axis(node: GraphNode, rank: int, given: Sequence[Any]) -> dict[int, Any]:
    """Return the scales or sizes by their axes. Raise SpecError if the axes do not exist, or are more or fewer."""
    axes = node.ints("axes") or list(range(rank))
    if len(given) != len(axes) or any(not -rank <= a < rank for a in axes):
        raise node.wrong(f"{len(given)} scales or sizes for {len(axes)} axes")
    return dict(zip([a % rank for a in axes], given, strict=True))


def _maps_last(changed: Sequence[int], out: Sequence[Size]) -> list[int]:
    """Return the order of the axes in which those that change come after two others. Raise OpaqueNode if none has."""
    order = list(range(len(out)))
    if min(changed) >= 2:
        return order
    if len(out) - len(changed) != 2:
        raise OpaqueNode(out)
    return [*[at for at in order if at not in changed], *changed]  # the channels were last


def _sizes(b: GraphReader, node: GraphNode) -> list[Size] | None:
    """Return the requested sizes, some possibly open; None if they are not given."""
    listed = b.listed(node.input(3))
    return None if not listed else [n for n in listed if not isinstance(n, float)]


def _factor(n: Size, was: Size) -> int | None:
    """Return the factor between two sizes, which may be open; None if it is not an integer."""
    if n == was:
        return 1
    return next((by for by in range(2, 65) if was * by == n), None) if not isinstance(n, int) else None


def _kept_ratio(full: tuple[Size, ...], by: dict[int, Any], policy: str) -> dict[int, Any]:
    """Return one scale for all axes: the least or the largest that the sizes imply."""
    sizes = [(n, full[at]) for at, n in by.items()]
    ratios = [n / was for n, was in sizes if isinstance(n, int) and isinstance(was, int)]
    if len(ratios) < len(sizes):
        raise OpaqueNode(known=False)
    return dict.fromkeys(by, min(ratios) if policy == "not_larger" else max(ratios))


def _scales(b: GraphReader, node: GraphNode) -> list[float] | None:
    """Return the scales from an attribute or input; None if there are none. Raise SpecError for an impossible one."""
    scales = node.floats("scales")
    if scales is None:
        values = b.listed(node.input(1 if len(node.inputs) == 2 else 2))
        scales = [float(v) for v in values if isinstance(v, (int, float))] if values else None
    for scale in scales or []:
        if not 0 < scale < LARGEST_SCALE:
            raise node.wrong(f"a scale of {scale}")
    return scales


def _scaled(n: Size, by: float) -> Size:
    """Return a size times a scale, in float32 as in runtimes. Raise OpaqueNode if an open size would be truncated."""
    if isinstance(n, int):
        return floor(float32(n * float32(by)))
    if not by.is_integer():
        raise OpaqueNode(known=False)
    return n * int(by)


def _uncopied(keys: dict[str, Any], pairs: Sequence[tuple[Size, Size]], factors: Sequence[float]) -> dict[str, Any]:
    """Return the details of an upsampling, with `where` if otherwise an axis that keeps its size would be copied."""
    is_kept = any(n == out and by != 1 for (n, out), by in zip(pairs, factors, strict=True))
    has_places = keys.get("align") or "antialias" in keys
    return {"where": "half_pixel", **keys} if is_kept and keys["mode"] == "linear" and not has_places else keys


def _by_scales(
    b: GraphReader,
    node: GraphNode,
    x: Handle,
    pairs: Sequence[tuple[Size, Size]],
    scales: list[float],
    keys: dict[str, Any],
) -> Handle:
    """Return a resized map; in old operator sets, axes that shrink to the nearest unit round up.

    Sizes replace scales that equal their ratio in float32 and that no factor in double precision can express.
    """
    factors = [_exact(*pair, by) for pair, by in zip(pairs, scales, strict=True)]
    rounds_up = _begins_at_corner(b, node) and keys["mode"] == "nearest" and min(factors) < 1
    if not rounds_up:
        if factors != scales and all(_is_ratio(*pair, by) for pair, by in zip(pairs, scales, strict=True)):
            return b.add(node.name, "upsample", x, {"out": [out for _, out in pairs], **keys})
        return b.add(node.name, "upsample", x, {"factor": factors, **_uncopied(keys, pairs, factors)})
    smaller, larger = [min(by, 1) for by in factors], [max(by, 1) for by in factors]
    enlarges = max(larger) > 1
    name = f"{node.name}.smaller" if enlarges else node.name
    made = b.add(name, "upsample", x, {"factor": smaller, **keys, "round": "ceil"})
    return b.add(node.name, "upsample", made, {"factor": larger, **keys}) if enlarges else made


def _is_ratio(n: Size, out: Size, by: float) -> bool:
    """Return whether a scale is the ratio of these sizes in float32."""
    return isinstance(n, int) and isinstance(out, int) and by == float32(out / n)


def _exact(n: Size, out: Size, by: float) -> float:
    """Return a scale as a factor whose product with a size, in double precision, is truncated to the same size.

    Raise OpaqueNode if there is none: sizes that keep their ratio are rounded.
    """
    if not isinstance(n, int):
        return by
    found = next((one for one in (by, shortest(by), by * (1 + 2**-23)) if floor(n * one) == out), None)
    if found is None:
        raise OpaqueNode
    return found


def _how(b: GraphReader, node: GraphNode, x: Handle, out: list[Size], factors: Sequence[float]) -> dict[str, Any]:
    """Return the mode and the details of an upsampling. Raise OpaqueNode if upsample cannot compute the same.

    Upsample, and Resize up to operator set 10, begin at the corner. `factors` are the scales, if given.
    """
    mode = MODES.get(node.text("mode", "nearest"))
    old = _begins_at_corner(b, node)
    where = "asymmetric" if old else node.text("coordinate_transformation_mode", "half_pixel")
    pairs = list(zip(x.shape[1:], out, strict=False))
    if mode is None or where not in (*PLACES, "align_corners"):
        raise OpaqueNode([b.batch, *x.shape[:1], *out])
    keys: dict[str, Any] = {"mode": mode}
    if mode != "nearest" or where == "align_corners":
        keys["align"] = where == "align_corners"
    if mode != "nearest" and where == "pytorch_half_pixel" and all(isinstance(o, int) and o > 1 for o in out):
        where = "half_pixel"  # it differs only for a single output
    if where not in ("align_corners", "asymmetric" if mode == "nearest" else "half_pixel"):
        keys["where"] = where
    if mode != "nearest":
        return keys | _filter(node, mode, pairs)
    rounding = "floor" if old else node.text("nearest_mode", "round_prefer_floor")
    whole = all(_factor(o, n) if isinstance(o, Open) else isinstance(n, int) and o % n == 0 for n, o in pairs)
    whole = whole and all(by == int(by) for by in factors)
    if whole and where.endswith("half_pixel") and rounding.startswith("round_prefer"):
        return {"mode": mode}  # each input is repeated by the factor
    if rounding == "floor" and where == "asymmetric":
        b.graph.numbers -= NUMBERS_A_UNIT * sum([o for o in out if isinstance(o, int) and o <= MOST_ROUNDED])
        if b.graph.numbers >= 0 and not divides(pairs, factors):
            return keys
    return {**keys, "round": rounding}


NUMBERS_A_UNIT = 16
"""The numbers of constants that computing one output's input counts as, as it takes as long."""


def divides(sizes: Sequence[tuple[Size, Size]], factors: Sequence[float]) -> bool:
    """Return whether dividing by the scale (onnxruntime) selects other inputs than multiplying (PyTorch)."""
    known = [(n, o) for n, o in sizes if isinstance(n, int) and isinstance(o, int) and o <= MOST_ROUNDED]
    if len(known) < len(sizes):
        return False
    multiplied = {"align": False, **({"factor": factors} if factors else {"out": [o for _, o in known]})}
    divided = {**multiplied, "round": "floor"}
    return any(units(multiplied, at, one, Onnx) != units(divided, at, one, Onnx) for at, one in enumerate(known))


def _begins_at_corner(b: GraphReader, node: GraphNode) -> bool:
    """Return whether the operator set only aligns corners: it then rounds up where it makes a map smaller."""
    return node.op == "Upsample" or b.graph.opset < 11


def _filter(node: GraphNode, mode: str, pairs: Sequence[tuple[Size, Size]]) -> dict[str, Any]:
    """Return the details of interpolation: the cubic constant, the treatment of the border, antialiasing."""
    differs = any(isinstance(n, int) and isinstance(o, int) and o <= n for n, o in pairs)
    keys: dict[str, Any] = {"antialias": True} if node.whole("antialias") and differs else {}
    a = node.number("cubic_coeff_a", -0.75)
    if mode == "cubic" and abs(a + 0.75) > 1e-6:
        keys["cubic"] = a
    if node.whole("exclude_outside") and (keys.get("antialias") or mode == "cubic"):
        keys["exclude_outside"] = True
    return keys


@HANDLERS.register("DepthToSpace", "SpaceToDepth")
def blocks(b: GraphReader, node: GraphNode) -> None:
    """Read depth-to-space and space-to-depth, in either order."""
    x, full = b.known(node)
    f, to_space = node.whole("blocksize"), node.op == "DepthToSpace"
    if len(full) != 4 or f < 1:
        raise node.wrong(f"blocksize {f} of {len(full)} axes")
    order = node.text("mode", "DCR").lower()
    keys: dict[str, Any] = {"factor": f} | ({} if order == "crd" else {"order": order})
    b.make_on_maps(node, "pixelshuffle" if to_space else "pixelunshuffle", x, keys)


@HANDLERS.register("Col2Im")
def fold(b: GraphReader, node: GraphNode) -> None:
    """Read a fold of columns into a map, whose sizes and window must be constants."""
    x, full = b.known(node)
    out, k = [needed(numbers(b.const(node.input(at)))) for at in (1, 2)]
    if len(full) != 3 or len(out) not in ENDS:
        raise OpaqueNode(known=False)
    nd = len(out)
    s, d, pads = [node.ints(name) or [plain] * nd for name, plain in (("strides", 1), ("dilations", 1), ("pads", 0))]
    pads = pads if len(pads) == 2 * nd else [*pads, *pads]
    keys = {"out": out, "k": k, "s": s, "d": d, "p": [[pads[at], pads[at + nd]] for at in range(nd)]}
    b.make_on_maps(node, f"fold{ENDS[nd]}", x, keys)


@HANDLERS.register("GridSample")
def grid_sample(b: GraphReader, node: GraphNode) -> None:
    """Read values between units, at the places of a grid, of which only the shape is known."""
    _, full = b.known(node)
    places = needed(b.full_of(node.input(1)))
    raise OpaqueNode([*full[:2], *places[1:-1]])


@HANDLERS.register("RoiAlign", "MaxRoiPool")
def regions(b: GraphReader, node: GraphNode) -> None:
    """Read a map of each region, of which only the shape is known."""
    _, full = b.known(node)
    rows = needed(b.full_of(node.input(1)))
    pooled = node.ints("pooled_shape") or [node.whole("output_height", 1), node.whole("output_width", 1)]
    raise OpaqueNode([*rows[:1], *full[1:2], *pooled])
