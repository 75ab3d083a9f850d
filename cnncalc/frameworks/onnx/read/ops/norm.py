"""Normalisations (onnx/defs/nn/defs.cc)."""

from __future__ import annotations

from typing import Any

from .....layers.names import ONNX
from .....registry import Registry
from .....sizes import known
from ..const import INITIALISER, Const
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, params_of
from .activation import by_name

GROUPS_BY_CHANNEL = 21
"""The operator set from which on a group norm has a weight for each channel, not for each group."""

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("BatchNormalization")
def batchnorm(b: GraphReader, node: GraphNode) -> None:
    """Scale, bias, and the running mean and variance."""
    x = b.first(node)
    roles = ("weight", "bias", "running_mean", "running_var")
    weights = {role: b.param(node, at) for at, role in enumerate(roles, 1)}
    scale = weights["weight"]
    if scale is None or len(scale.shape) != 1 or node.whole("spatial", 1) != 1:
        raise OpaqueNode(b.full(x), params=params_of(scale) + params_of(weights["bias"]))
    keys, arrays = affine(scale, weights["bias"])
    means = {role: weights[role] for role in roles[2:]}
    keys |= {"c_i": scale.shape[0], **node.renamed(ONNX["batchnorm"])}
    b.make(node, "batchnorm", x, keys, arrays | means)


@HANDLERS.register("LayerNormalization")
def layernorm(b: GraphReader, node: GraphNode) -> None:
    """Over the axes from `axis` on, with a weight of their shape."""
    x, full = b.known(node)
    weight, bias = b.param(node, 1), b.param(node, 2)
    first = b.axis(node.whole("axis", -1), len(full))
    axes = list(range(first, len(x.shape) + 1))
    shape = tuple([known(x.shape[a - 1]) for a in axes])
    if first == 0 or any(w is not None and w.shape != shape for w in (weight, bias)):
        raise OpaqueNode(full, params=params_of(weight) + params_of(bias))
    keys, arrays = affine(weight, bias)
    b.make(node, "layernorm", x, {"axis": axes, **keys, **node.renamed(ONNX["layernorm"])}, arrays)


def affine(weight: Const | None, bias: Const | None) -> tuple[dict[str, Any], dict[str, Const | None]]:
    """Whether there is a weight, and a bias, and these; constants of ones and zeros are none."""
    own = {"weight": _trained(weight, 1), "bias": _trained(bias, 0)}
    return {"scale": own["weight"] is not None, "center": own["bias"] is not None}, own


def _trained(const: Const | None, plain: int) -> Const | None:
    stands_in = const is not None and const.origin != INITIALISER and set(const.values or ()) == {plain}
    return None if stands_in else const


@HANDLERS.register("GroupNormalization")
def groupnorm(b: GraphReader, node: GraphNode) -> None:
    """By groups of channels; one weight a group, as it once was, is said by its shape only."""
    x = b.first(node)
    weight, bias = b.param(node, 1), b.param(node, 2)
    channels = known(x.shape[0]) if x.shape else None
    if weight is None or (b.graph.opset < GROUPS_BY_CHANNEL and weight.shape != (channels,)):
        raise OpaqueNode(b.full(x), params=params_of(weight) + params_of(bias))
    keys, arrays = affine(weight, bias)
    b.make(node, "groupnorm", x, keys | node.renamed(ONNX["groupnorm"]), arrays)


@HANDLERS.register("InstanceNormalization")
def instancenorm(b: GraphReader, node: GraphNode) -> None:
    """Each channel of each sample."""
    x, weight, bias = b.first(node), b.param(node, 1), b.param(node, 2)
    keys, arrays = affine(weight, bias)
    b.make(node, "instancenorm", x, keys | node.renamed(ONNX["instancenorm"]), arrays)


HANDLERS[ONNX["lrn"].word] = by_name("lrn")
