"""Normalizations (onnx/defs/nn/defs.cc)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .....layers.names import ONNX, ONNX_OPS
from .....registry import Registry
from .....sizes import known
from ....values import Handle
from ..const import INITIALIZER, Const
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler

GROUPS_BY_CHANNEL = 21
"""The operator set from which on a group norm has a weight per channel instead of per group."""
STATISTICS = ("running_mean", "running_var")
LEAST_VARIANCE = 1e-18
"""The square of what MeanVarianceNormalization adds to the deviation."""
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("LRN")
def lrn(b: GraphReader, node: GraphNode) -> None:
    """Read a normalization across neighboring channels."""
    b.make_on_maps(node, "lrn", b.first(node), node.renamed(ONNX["lrn"]))


@HANDLERS.register("BatchNormalization")
def batchnorm(b: GraphReader, node: GraphNode) -> None:
    """Read a batch norm: scale, bias, and the running mean and variance."""
    x = b.first(node)
    scale, bias, *statistics = [b.param(node, at) for at in range(1, 5)]
    if scale is None or len(scale.shape) != 1 or node.whole("spatial", 1) != 1 or x.rank == 1:
        raise OpaqueNode(b.full(x), params=params_of(scale, bias))
    keys, weights = affine(scale, bias)
    keys |= {"c_i": scale.size, **node.renamed(ONNX["batchnorm"])}
    b.make_on_maps(node, "batchnorm", x, keys, weights | dict(zip(STATISTICS, statistics, strict=True)))


@HANDLERS.register("LayerNormalization")
def layernorm(b: GraphReader, node: GraphNode) -> None:
    """Read a norm over the axes from `axis` on, with a weight of their shape."""
    x, full = b.known(node)
    weight, bias = b.param(node, 1), b.param(node, 2)
    first = node.axis("axis", len(full), -1)
    for at in range(first, len(full)):
        x, _ = b.along(x, at)
    axes = [b.along(x, at)[1] for at in range(first, len(full))]
    shape = tuple([known(x.shape[a - 1]) for a in axes])
    own = [None if w is None else w.reshaped(w.aligned(len(axes))) for w in (weight, bias)]
    if any(w is not None and w.shape != shape for w in own):
        raise OpaqueNode(full, params=params_of(weight, bias))
    keys, weights = affine(*own)
    b.make(node, "layernorm", x, {"axis": axes, **keys, **node.renamed(ONNX["layernorm"])}, weights)


@HANDLERS.register("GroupNormalization", "InstanceNormalization")
def norm(b: GraphReader, node: GraphNode) -> None:
    """Read an instance or group norm; a weight per group, as in old files, is expanded to channels."""
    x, op = b.first(node), ONNX_OPS[node.op]
    full = b.full(x) or ()
    weight, bias = b.param(node, 1), b.param(node, 2)
    channels = known(full[1]) if len(full) > 1 else None
    if op == "groupnorm" and weight is not None and b.graph.opset < GROUPS_BY_CHANNEL and weight.shape != (channels,):
        if channels is None or channels % max(weight.size, 1):
            raise OpaqueNode(full, params=params_of(weight, bias))
        each = channels // weight.size
        weight, bias = [w and w.derived((channels,), lambda a: a.repeat(each), "each") for w in (weight, bias)]
    keys, weights = affine(weight, bias)
    b.make_on_maps(node, op, x, keys | node.renamed(ONNX[op]), weights)


@HANDLERS.register("MeanVarianceNormalization")
def standardized(b: GraphReader, node: GraphNode) -> None:
    """Read (x - mean)/deviation over some axes, by default all but the channels."""
    x, full = b.known(node)
    axes = node.ints("axes")
    x, places = _places(b, node, x, [0, 2, 3] if axes is None else axes, len(full))
    b.make(node, "layernorm", x, {"axis": places, "scale": False, "center": False, "eps": LEAST_VARIANCE})


@HANDLERS.register("RMSNormalization")
def rmsnorm(b: GraphReader, node: GraphNode) -> None:
    """Read an RMS norm over the axes from `axis` on, with a weight of their shape."""
    x, full = b.known(node)
    weight, first = needed(b.param(node, 1)), node.axis("axis", len(full), -1)
    x, places = _places(b, node, x, range(first, len(full)), len(full))
    square = b.pointwise(f"{node.name}.square", "square", x)
    mean = b.add(f"{node.name}.mean", "mean", square, {"axis": places, "keepdims": True})
    shifted = b.pointwise(f"{node.name}.eps", "rescale", mean, {"offset": node.number("epsilon", 1e-5)})
    root = b.pointwise(f"{node.name}.root", "rsqrt", shifted)
    normal = b.add(f"{node.name}.normal", "mul", [x, root])
    own = b.constant(node.input(1), weight, weight.aligned(len(places)), weight=True)
    b.give(node, b.add(node.name, "mul", [normal, own]))


def _places(b: GraphReader, node: GraphNode, x: Handle, axes: Iterable[int], rank: int) -> tuple[Handle, list[int]]:
    """Return a value and the sample's numbers (batch 0) for some of the file's axes."""
    ours = [at % rank if -rank <= at < rank else None for at in axes]
    if None in ours:
        raise node.wrong(f"axes {list(axes)} of {rank}")
    wanted = [at for at in ours if at is not None]
    for at in wanted:
        x = b.without_batch(x, at)
    x = b.explicit(x, min(wanted, default=rank))
    return x, sorted(b.along(x, at)[1] for at in wanted)


def affine(weight: Const | None, bias: Const | None) -> tuple[dict[str, Any], dict[str, Const | None]]:
    """Return `scale` and `center`, and the weight and bias; constants of ones and zeros are left out."""
    weights = {}
    for role, const, plain in (("weight", weight, 1), ("bias", bias, 0)):
        stands_in = const is not None and const.origin != INITIALIZER and const.repeats(plain)
        weights[role] = None if stands_in else const
    return {"scale": weights["weight"] is not None, "center": weights["bias"] is not None}, weights


def params_of(*weights: Const | None) -> int:
    """Return the total number of trained numbers."""
    return sum(const.params for const in weights if const is not None)
