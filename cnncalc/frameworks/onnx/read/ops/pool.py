"""Pools, sliding and global, and reductions over any axes (onnx/defs/nn/defs.cc, onnx/defs/reduction)."""

from __future__ import annotations

from typing import Any

from .....layers.base import ENDS
from .....layers.names import ONNX_OPS
from .....registry import Registry
from .....sizes import Size
from ....values import BATCH, Handle, numbered
from ..fold import axes_of
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler
from .conv import window

REDUCTIONS = {
    "ReduceMax": "max",
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceL1": "l1",
    "ReduceL2": "l2",
    "ReduceLogSumExp": "logsumexp",
    "ReduceLogSum": "sum",
    "ReduceSumSquare": "sum",
}
"""The op of each reduction, which may be preceded or followed by another layer."""
GLOBAL_POOLS = {"ReduceMax": "globalmaxpool", "ReduceMean": "globalavgpool"}
"""The ops of reductions over all of space."""
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("MaxPool", "AveragePool", "LpPool")
def pool(b: GraphReader, node: GraphNode) -> None:
    """Read a sliding pool."""
    op, x, k = ONNX_OPS[node.op], b.first(node), node.ints("kernel_shape")
    if not k:
        raise node.wrong("has no kernel_shape")
    if len(k) not in ENDS:
        raise OpaqueNode(known=False)
    keys: dict[str, Any] = window(node, k)
    if node.whole("ceil_mode"):
        keys["ceil"] = True
    if op == "avgpool" and node.whole("count_include_pad"):
        keys["count_include_pad"] = True
    if op == "lppool":
        keys["norm"] = node.whole("p", 2)
    b.make_on_maps(node, op + ENDS[len(k)], x, keys)


@HANDLERS.register("GlobalMaxPool", "GlobalAveragePool")
def global_pool(b: GraphReader, node: GraphNode) -> None:
    """Read a global pool: one value per channel, with axes kept at size 1."""
    b.make_on_maps(node, ONNX_OPS[node.op], b.first(node), {"keepdims": True})


@HANDLERS.register("GlobalLpPool")
def global_lp(b: GraphReader, node: GraphNode) -> None:
    """Read a global Lp pool: the sum of powers of |x|, to the power 1/p."""
    x, p = b.first(node), node.whole("p", 2)
    maps = b.maps(x)
    axes = list(range(2, len(maps.x.shape) + 1))
    if p in (1, 2):
        made = b.add(node.name, f"l{p}", maps.x, {"axis": axes, "keepdims": True})
    else:
        powers = b.add(f"{node.name}.pow", "pow", b.add(f"{node.name}.abs", "abs", maps.x), {"value": p})
        total = b.add(f"{node.name}.sum", "sum", powers, {"axis": axes, "keepdims": True})
        made = b.add(node.name, "pow", total, {"value": 1 / p})
    b.give(node, b.unmapped(node.name, made, maps))


@HANDLERS.register(*REDUCTIONS)
def reduction(b: GraphReader, node: GraphNode) -> None:
    """Read a reduction over some axes, by default all."""
    x, full = b.known(node)
    rank = len(full)
    axes = needed(axes_of(node, b.given(node), rank, []))
    if not axes and not node.whole("noop_with_empty_axes"):
        axes = list(range(rank))
    if any(not 0 <= a < rank for a in axes):
        raise node.wrong(f"axes {axes} of {rank}")
    axes, keep = sorted(set(axes)), bool(node.whole("keepdims", 1))
    if node.op == "ReduceSumSquare":
        x = b.pointwise(f"{node.name}.square", "pow", x, {"value": 2})
    made = reduced(b, node, x, axes, keep)
    if node.op == "ReduceLogSum":
        made = b.pointwise(f"{node.name}.log", "log", made)
    b.give(node, made)


def reduced(b: GraphReader, node: GraphNode, x: Handle, axes: list[int], keep: bool) -> Handle:
    """Return a value with some of the file's axes reduced, kept at size 1 or removed."""
    assert x.axes is not None
    if (b.batch == 1 and x.batch_at in axes and not keep) or (
        x.batch_at in axes and not (b.batch == 1 and x.axes[x.batch_at or 0] == (BATCH,))
    ):
        x = b.without_batch(x, x.batch_at or 0)
    assert x.axes is not None
    places = [place for at in axes for place in x.axes[at] if place != BATCH]
    op, keys = REDUCTIONS[node.op], {"axis": [place + 1 for place in places], "keepdims": keep}
    space = list(range(1, len(x.shape)))
    batch_first = x.axes[:1] == ((BATCH,),)
    if not places:
        made = b.pointwise(node.name, "abs" if node.op in ("ReduceL1", "ReduceL2") else "identity", x)
    elif node.op in GLOBAL_POOLS and batch_first and places == space and 1 < len(x.shape) < 5:
        made = b.add(node.name, GLOBAL_POOLS[node.op], x, {"keepdims": keep})
    else:
        made = b.add(node.name, op, x, keys)
    groups: list[list[Size]] = []
    batch: tuple[int, int] | None = None
    for at in range(x.rank):
        own = [n for n in x.sizes_at(at, BATCH) if n != BATCH]
        if at in axes and not keep:
            continue
        if BATCH in x.axes[at]:
            batch = (len(groups), x.axes[at].index(BATCH))
        groups.append([1] * len(own) if at in axes else own)
    return made.arranged(numbered(groups, batch))
