"""Pools, sliding and global, and means over all of a map (onnx/defs/nn/defs.cc, onnx/defs/reduction)."""

from __future__ import annotations

from .....layers.base import ENDS
from .....layers.names import ONNX_OPS
from .....registry import Registry
from ..fold import axes_of
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, needed
from .conv import window

REDUCTIONS = ("Max", "Mean", "Sum", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
GLOBAL_POOLS = {"ReduceMax": "globalmaxpool", "ReduceMean": "globalavgpool"}
"""The ops of reductions over all of space."""
ONE_TO_ONE = {f"Reduce{kind}": kind.lower() for kind in REDUCTIONS if kind not in ("LogSum", "SumSquare")}
"""The op of each reduction over some axes."""
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("MaxPool", "AveragePool", "LpPool")
def pool(b: GraphReader, node: GraphNode) -> None:
    """Read a sliding pool."""
    op, x, k = ONNX_OPS[node.op], b.first(node), node.ints("kernel_shape")
    if not k:
        raise node.wrong("has no kernel_shape")
    if len(k) not in ENDS:
        raise OpaqueNode(known=False)
    keys = window(node, k)
    if node.whole("ceil_mode"):
        keys["ceil"] = True
    if op == "avgpool" and node.whole("count_include_pad"):
        keys["count_include_pad"] = True
    if op == "lppool":
        keys["norm"] = node.whole("p", 2)
    b.make(node, op + ENDS[len(k)], x, keys)


@HANDLERS.register("GlobalMaxPool", "GlobalAveragePool")
def global_pool(b: GraphReader, node: GraphNode) -> None:
    """Read a global pool: one value a channel, the axes kept as ones."""
    b.make(node, ONNX_OPS[node.op], b.first(node), {"keepdims": True})


@HANDLERS.register("GlobalLpPool")
def global_lp(b: GraphReader, node: GraphNode) -> None:
    """Read a global Lp pool: only its shape is known."""
    _, full = b.known(node)
    raise OpaqueNode([*full[:2], *[1] * (len(full) - 2)])


@HANDLERS.register(*[f"Reduce{kind}" for kind in REDUCTIONS])
def reduction(b: GraphReader, node: GraphNode) -> None:
    """Read a global pool, or a reduction over other axes; of a reduction over the batch only the shape is known."""
    x, full = b.known(node)
    rank = len(full)
    axes = needed(axes_of(node, b.given(node), rank, []))
    if not axes and not node.whole("noop_with_empty_axes"):
        axes = list(range(rank))
    if any(not 0 <= a < rank for a in axes):
        raise node.wrong(f"axes {axes} of {rank}")
    axes, keep = sorted(set(axes)), bool(node.whole("keepdims", 1))
    out = [1 if at in axes else n for at, n in enumerate(full) if keep or at not in axes]
    if node.op in GLOBAL_POOLS and b.batched and rank > 2 and axes == list(range(2, rank)):
        b.make(node, GLOBAL_POOLS[node.op], x, {"keepdims": keep})
    elif node.op not in ONE_TO_ONE or (b.batched and 0 in axes) or len(out) <= b.batched:
        raise OpaqueNode(out)
    elif axes:
        b.make(node, ONE_TO_ONE[node.op], x, {"axis": [b.axis(a, rank) for a in axes], "keepdims": keep})
    else:
        b.make(node, "identity", x)
