"""Rules of norms, activations and what changes nothing: they keep every shape."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ....layers.names import TORCH
from .calls import Constant, TracedTensor, tree
from .rules import Arguments, CallLayer, OpaqueCall, Rule, Rules, without

RULES = Rules()


@RULES.rule("batch_norm", "input running_mean running_var weight bias training momentum eps")
def batchnorm(asked: Arguments) -> CallLayer:
    """A batch norm by its running statistics."""
    arrays = asked.arrays("weight", "bias", "running_mean", "running_var")
    if "running_var" not in arrays or asked.get("training", False) or asked.bare:
        raise OpaqueCall
    return CallLayer("batchnorm", affine(asked, arrays), arrays)


def affine(asked: Arguments, arrays: Mapping[str, Constant], default: bool = True) -> dict[str, Any]:
    """A norm's eps, and which of weight and bias it has."""
    keys = {"eps": asked.get("eps", 1e-5), "scale": "weight" in arrays, "center": "bias" in arrays}
    return without(keys, eps=1e-5, scale=default, center=default)


@RULES.rule("layer_norm", "input normalized_shape weight bias eps")
def layernorm(asked: Arguments) -> CallLayer:
    """A layer norm over the last axes."""
    arrays = asked.arrays("weight", "bias")
    rank = len(asked.get("normalized_shape"))
    if rank >= len(asked.x.shape):
        raise OpaqueCall
    axes = list(range(-rank, 0))
    return CallLayer("layernorm", without({"axis": axes}, axis=[-1]) | affine(asked, arrays), arrays)


@RULES.rule("group_norm", "input num_groups weight bias eps")
def groupnorm(asked: Arguments) -> CallLayer:
    """A group norm."""
    arrays = asked.arrays("weight", "bias")
    assert asked.map
    return CallLayer("groupnorm", {"g": asked.get("num_groups"), **affine(asked, arrays)}, arrays)


@RULES.rule("instance_norm", "input running_mean running_var weight bias use_input_stats momentum eps")
def instancenorm(asked: Arguments) -> CallLayer:
    """An instance norm by the statistics of its input."""
    if asked.get("running_mean") is not None or not asked.get("use_input_stats", True) or asked.bare:
        raise OpaqueCall
    arrays = asked.arrays("weight", "bias")
    return CallLayer("instancenorm", affine(asked, arrays, default=False), arrays)


def by_name(op: str) -> Rule:
    """A rule of an op whose arguments are only renamed."""
    return lambda asked: CallLayer(op, without(asked.renamed(op), **TORCH[op].defaults))


for _op in ("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "selu", "softsign", "mish", "exp"):
    RULES.rule(_op)(by_name(_op))
RULES.rule("leaky_relu", "input negative_slope")(by_name("leakyrelu"))
RULES.rule("elu", "input alpha")(by_name("elu"))
RULES.rule("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout", "input p")(
    by_name("dropout")
)


@RULES.rule("local_response_norm", "input size alpha beta k")
def lrn(asked: Arguments) -> CallLayer:
    """A local response norm."""
    assert asked.map
    return CallLayer("lrn", asked.renamed("lrn"))


@RULES.rule("prelu", "input weight")
def prelu(asked: Arguments) -> CallLayer:
    """A leaky ReLU of trained slopes."""
    assert asked.map
    arrays = asked.arrays("weight")
    return CallLayer("prelu", without({"num_parameters": prod(arrays["weight"].shape)}, num_parameters=1), arrays)


@RULES.rule("gelu", "input")
def gelu(asked: Arguments) -> CallLayer:
    """A GELU, exact or by tanh."""
    return CallLayer("gelu", without({"approximate": asked.get("approximate", "none") == "tanh"}, approximate=False))


@RULES.rule("softplus", "input beta threshold")
def softplus(asked: Arguments) -> CallLayer:
    """A softplus as it is by default."""
    if (asked.get("beta", 1), asked.get("threshold", 20)) != (1, 20):
        raise OpaqueCall
    return CallLayer("softplus")


@RULES.rule("softmax", "input dim")
def softmax(asked: Arguments) -> CallLayer:
    """A softmax along an axis."""
    if asked.get("dim") is None:
        raise OpaqueCall
    axis = asked.axis(asked.get("dim"))
    return CallLayer("softmax", without({"axis": -1 if axis == len(asked.x.shape) - 1 else axis}, axis=-1))


@RULES.rule("hardtanh", "input min_val max_val")
def hardtanh(asked: Arguments) -> CallLayer:
    """A clip; ReLU6 where it is from 0 to 6."""
    return clipped(asked, asked.get("min_val", -1.0), asked.get("max_val", 1.0))


@RULES.rule("clamp clip", "input min max")
def clamp(asked: Arguments) -> CallLayer:
    """A clip."""
    return clipped(asked, asked.get("min"), asked.get("max"))


def clipped(asked: Arguments, low: Any, high: Any) -> CallLayer:
    """A clip to these numbers. OpaqueCall if they are tensors."""
    assert asked.x
    if any(isinstance(bound, (TracedTensor, Constant)) for bound in (low, high)):
        raise OpaqueCall
    if (low, high) == (0, 6):
        return CallLayer("relu6")
    return CallLayer("relu") if (low, high) == (0, None) else CallLayer("clip", without({"min": low, "max": high}))


_SAME = "contiguous clone detach to float double half type type_as requires_grad cpu cuda alias data identity detach_"


@RULES.rule(_SAME)
def same(asked: Arguments) -> TracedTensor:
    """What gives the same values again."""
    return asked.sampled(next(leaf for leaf in tree(asked.call.args) if isinstance(leaf, TracedTensor)))
