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
def batchnorm(args: Arguments) -> CallLayer:
    """A batch norm by its running statistics."""
    arrays = args.arrays("weight", "bias", "running_mean", "running_var")
    if "running_var" not in arrays or args.get("training", False) or args.bare:
        raise OpaqueCall
    return CallLayer("batchnorm", affine(args, arrays), arrays)


def affine(args: Arguments, arrays: Mapping[str, Constant], default: bool = True) -> dict[str, Any]:
    """A norm's eps, and which of weight and bias it has."""
    keys = {"eps": args.get("eps", 1e-5), "scale": "weight" in arrays, "center": "bias" in arrays}
    return without(keys, eps=1e-5, scale=default, center=default)


@RULES.rule("layer_norm", "input normalized_shape weight bias eps")
def layernorm(args: Arguments) -> CallLayer:
    """A layer norm over the last axes."""
    arrays = args.arrays("weight", "bias")
    rank = len(args.get("normalized_shape"))
    if rank >= len(args.x.shape):
        raise OpaqueCall
    axes = list(range(-rank, 0))
    return CallLayer("layernorm", without({"axis": axes}, axis=[-1]) | affine(args, arrays), arrays)


@RULES.rule("group_norm", "input num_groups weight bias eps")
def groupnorm(args: Arguments) -> CallLayer:
    """A group norm."""
    arrays = args.arrays("weight", "bias")
    assert args.map
    return CallLayer("groupnorm", {"g": args.get("num_groups"), **affine(args, arrays)}, arrays)


@RULES.rule("instance_norm", "input running_mean running_var weight bias use_input_stats momentum eps")
def instancenorm(args: Arguments) -> CallLayer:
    """An instance norm by the statistics of its input."""
    if args.get("running_mean") is not None or not args.get("use_input_stats", True) or args.bare:
        raise OpaqueCall
    arrays = args.arrays("weight", "bias")
    return CallLayer("instancenorm", affine(args, arrays, default=False), arrays)


def by_name(op: str) -> Rule:
    """A rule of an op whose arguments are only renamed."""
    return lambda args: CallLayer(op, without(args.renamed(op), **TORCH[op].defaults))


for _op in ("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "selu", "softsign", "mish", "exp"):
    RULES.rule(_op)(by_name(_op))
RULES.rule("leaky_relu", "input negative_slope")(by_name("leakyrelu"))
RULES.rule("elu", "input alpha")(by_name("elu"))
RULES.rule("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout", "input p")(
    by_name("dropout")
)


@RULES.rule("local_response_norm", "input size alpha beta k")
def lrn(args: Arguments) -> CallLayer:
    """A local response norm."""
    assert args.map
    return CallLayer("lrn", args.renamed("lrn"))


@RULES.rule("prelu", "input weight")
def prelu(args: Arguments) -> CallLayer:
    """A leaky ReLU of trained slopes."""
    assert args.map
    arrays = args.arrays("weight")
    return CallLayer("prelu", without({"num_parameters": prod(arrays["weight"].shape)}, num_parameters=1), arrays)


@RULES.rule("gelu", "input")
def gelu(args: Arguments) -> CallLayer:
    """A GELU, exact or by tanh."""
    return CallLayer("gelu", without({"approximate": args.get("approximate", "none") == "tanh"}, approximate=False))


@RULES.rule("softplus", "input beta threshold")
def softplus(args: Arguments) -> CallLayer:
    """A softplus as it is by default."""
    if (args.get("beta", 1), args.get("threshold", 20)) != (1, 20):
        raise OpaqueCall
    return CallLayer("softplus")


@RULES.rule("softmax", "input dim")
def softmax(args: Arguments) -> CallLayer:
    """A softmax along an axis."""
    if args.get("dim") is None:
        raise OpaqueCall
    axis = args.axis(args.get("dim"))
    return CallLayer("softmax", without({"axis": -1 if axis == len(args.x.shape) - 1 else axis}, axis=-1))


@RULES.rule("hardtanh", "input min_val max_val")
def hardtanh(args: Arguments) -> CallLayer:
    """A clip; ReLU6 where it is from 0 to 6."""
    return clipped(args, args.get("min_val", -1.0), args.get("max_val", 1.0))


@RULES.rule("clamp clip", "input min max")
def clamp(args: Arguments) -> CallLayer:
    """A clip."""
    return clipped(args, args.get("min"), args.get("max"))


def clipped(args: Arguments, low: Any, high: Any) -> CallLayer:
    """A clip to these numbers. OpaqueCall if they are tensors."""
    assert args.x
    if any(isinstance(bound, (TracedTensor, Constant)) for bound in (low, high)):
        raise OpaqueCall
    if (low, high) == (0, 6):
        return CallLayer("relu6")
    return CallLayer("relu") if (low, high) == (0, None) else CallLayer("clip", without({"min": low, "max": high}))


_SAME = "contiguous clone detach to float double half type type_as requires_grad cpu cuda alias data identity detach_"


@RULES.rule(_SAME)
def same(args: Arguments) -> TracedTensor:
    """What gives the same values again."""
    return args.sampled(next(leaf for leaf in tree(args.call.args) if isinstance(leaf, TracedTensor)))
