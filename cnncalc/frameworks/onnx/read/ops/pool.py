"""Pools, sliding and global, and means over all of a map (onnx/defs/nn/defs.cc, onnx/defs/reduction)."""

from __future__ import annotations

from typing import Any

from .....layers.keys import spread
from .....layers.names import ENDS, ONNX_OPS
from .....layers.sliding import place
from .....registry import Registry
from .....sizes import Size
from ..fold import axes_of
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, Output
from .conv import window

OWN_CEIL = 22
"""The operator set from which on a window that would start in the padding after is dropped."""

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("MaxPool", "AveragePool", "LpPool")
def pool(b: GraphReader, node: GraphNode) -> None:
    """A sliding pool."""
    op, x, k = ONNX_OPS[node.op], b.first(node), node.ints("kernel_shape")
    if not k:
        raise node.wrong("has no kernel_shape")
    if len(k) not in ENDS:
        raise OpaqueNode(known=False)
    keys = window(node, k)
    if node.whole("ceil_mode"):
        keys |= rounded_up(b, x, keys)
    if op == "avgpool" and node.whole("count_include_pad"):
        keys["count_include_pad"] = True
    if op == "lppool":
        keys["norm"] = node.whole("p", 2)
    b.make(node, op + ENDS[len(k)], x, keys)


def rounded_up(b: GraphReader, x: Output, keys: dict[str, Any]) -> dict[str, Any]:
    """`ceil`; where an older operator set keeps the window that we would drop, the padding after that reaches it."""
    space, k, p = x.shape[1:], tuple(keys["k"]), keys["p"]
    if b.graph.opset >= OWN_CEIL or len(space) != len(k) or isinstance(p, str):
        return {"ceil": True}
    sizes = [n for n in space if isinstance(n, int)]
    strides: tuple[int, ...] = tuple(keys["s"])
    dilations: tuple[int, ...] = tuple(keys["d"])
    s, d = spread(strides, len(k)), spread(dilations, len(k))
    if len(sizes) < len(space) or min(*k, *s, *d) < 1:
        return {"ceil": True}
    slides = place(tuple(sizes), k, s, d, tuple([tuple(pair) for pair in p]), ceil=True)
    reach = [-(-(w.n + sum(pair) - w.k) // w.s) + 1 for w, pair in zip(slides, p, strict=True)]
    if reach == [w.out for w in slides]:
        return {"ceil": True}
    after = [(out - 1) * w.s + w.k - w.n - pair[0] for out, w, pair in zip(reach, slides, p, strict=True)]
    return {"p": [[pair[0], max(pair[1], most)] for pair, most in zip(p, after, strict=True)]}


@HANDLERS.register("GlobalMaxPool", "GlobalAveragePool")
def global_pool(b: GraphReader, node: GraphNode) -> None:
    """One value a channel, the axes kept as ones."""
    b.make(node, ONNX_OPS[node.op], b.first(node), {"keepdims": True})


@HANDLERS.register("GlobalLpPool")
def global_lp(b: GraphReader, node: GraphNode) -> None:
    """A global Lp pool, of which only the shape is known."""
    _, full = b.known(node)
    raise OpaqueNode([*full[:2], *[1] * (len(full) - 2)])


def reduced(node: GraphNode, b: GraphReader) -> tuple[Output, tuple[Size, ...], list[int], bool]:
    """What a reduction reads, its shape, over which axes, and whether they stay."""
    x, full = b.known(node)
    given = b.given(node)
    if node.input(1) and given[1] is None:
        raise OpaqueNode(known=False)
    axes = axes_of(node, given, len(full))
    if not axes:
        axes = [] if node.whole("noop_with_empty_axes") else list(range(len(full)))
    if any(not 0 <= a < len(full) for a in axes):
        raise node.wrong(f"axes {axes} of {len(full)}")
    return x, full, sorted(set(axes)), bool(node.whole("keepdims", 1))


def without(full: tuple[Size, ...], axes: list[int], keep: bool) -> list[Size]:
    """A shape after a reduction."""
    return [1 if at in axes else n for at, n in enumerate(full) if keep or at not in axes]


_REDUCTIONS = ("Sum", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")


@HANDLERS.register("ReduceMean")
def mean(b: GraphReader, node: GraphNode) -> None:
    """A global average where it is over all of space, else a mean over axes."""
    x, full, axes, keep = reduced(node, b)
    shape = without(full, axes, keep)
    if (b.batched and 0 in axes) or not shape:
        raise OpaqueNode(shape)
    if not axes:
        b.make(node, "identity", x)
    elif b.batched and len(full) > 2 and axes == list(range(2, len(full))):
        b.make(node, "globalavgpool", x, {"keepdims": keep})
    else:
        b.make(node, "mean", x, {"axis": [b.axis(a, len(full)) for a in axes], "keepdims": keep})


@HANDLERS.register("ReduceMax")
def maximum(b: GraphReader, node: GraphNode) -> None:
    """A global maximum where it is over all of space."""
    x, full, axes, keep = reduced(node, b)
    if not (b.batched and len(full) > 2 and axes == list(range(2, len(full)))):
        raise OpaqueNode(without(full, axes, keep))
    b.make(node, "globalmaxpool", x, {"keepdims": keep})


@HANDLERS.register(*[f"Reduce{kind}" for kind in _REDUCTIONS])
def reduction(b: GraphReader, node: GraphNode) -> None:
    """Another reduction: only its shape is known."""
    _, full, axes, keep = reduced(node, b)
    raise OpaqueNode(without(full, axes, keep))
