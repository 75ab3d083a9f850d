"""Rules of norms, activations and what changes nothing: they keep every shape."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from .calls import Constant, TracedTensor, tree
from .rules import Arguments, CallLayer, OpaqueCall, own, rule, without


@rule("batch_norm", "input running_mean running_var weight bias training momentum eps")
def batchnorm(asked: Arguments) -> CallLayer:
    """A batch norm by its running statistics."""
    roles = ("weight", "bias", "running_mean", "running_var")
    arrays = own({role: asked.get(role) for role in roles})
    if "running_var" not in arrays or asked.get("training", False) or asked.bare:
        raise OpaqueCall
    return CallLayer("batchnorm", affine(asked, arrays), arrays)


def affine(asked: Arguments, arrays: Mapping[str, Constant], default: bool = True) -> dict[str, Any]:
    """A norm's eps, and which of weight and bias it has."""
    keys = {"eps": asked.get("eps", 1e-5), "scale": "weight" in arrays, "center": "bias" in arrays}
    return without(keys, eps=1e-5, scale=default, center=default)


@rule("layer_norm", "input normalized_shape weight bias eps")
def layernorm(asked: Arguments) -> CallLayer:
    """A layer norm over the last axes."""
    arrays = own({"weight": asked.get("weight"), "bias": asked.get("bias")})
    rank = len(asked.get("normalized_shape"))
    if rank >= len(asked.x.shape):
        raise OpaqueCall
    axes = list(range(-rank, 0))
    return CallLayer("layernorm", without({"axis": axes}, axis=[-1]) | affine(asked, arrays), arrays)


@rule("group_norm", "input num_groups weight bias eps")
def groupnorm(asked: Arguments) -> CallLayer:
    """A group norm."""
    arrays = own({"weight": asked.get("weight"), "bias": asked.get("bias")})
    assert asked.map
    return CallLayer("groupnorm", {"g": asked.get("num_groups"), **affine(asked, arrays)}, arrays)


@rule("instance_norm", "input running_mean running_var weight bias use_input_stats momentum eps")
def instancenorm(asked: Arguments) -> CallLayer:
    """An instance norm by the statistics of its input."""
    if asked.get("running_mean") is not None or not asked.get("use_input_stats", True) or asked.bare:
        raise OpaqueCall
    arrays = own({"weight": asked.get("weight"), "bias": asked.get("bias")})
    return CallLayer("instancenorm", affine(asked, arrays, default=False), arrays)


@rule("local_response_norm", "input size alpha beta k")
def lrn(asked: Arguments) -> CallLayer:
    """A local response norm."""
    assert asked.map
    keys = {"size": asked.get("size"), "alpha": asked.get("alpha", 1e-4), "beta": asked.get("beta", 0.75)}
    return CallLayer("lrn", keys | {"offset": asked.get("k", 1.0)})


_PLAIN = "relu relu6 silu sigmoid tanh hardswish hardsigmoid selu softsign mish exp"
for _name in _PLAIN.split():
    rule(_name)(lambda asked: CallLayer(asked.call.function))


@rule("leaky_relu", "input negative_slope")
def leaky_relu(asked: Arguments) -> CallLayer:
    """A leaky ReLU."""
    return CallLayer("leakyrelu", without({"alpha": asked.get("negative_slope", 0.01)}, alpha=0.01))


@rule("elu", "input alpha")
def elu(asked: Arguments) -> CallLayer:
    """An ELU."""
    return CallLayer("elu", without({"alpha": asked.get("alpha", 1.0)}, alpha=1.0))


@rule("prelu", "input weight")
def prelu(asked: Arguments) -> CallLayer:
    """A leaky ReLU of trained slopes."""
    assert asked.map
    arrays = own({"weight": asked.get("weight")})
    return CallLayer("prelu", without({"num_parameters": prod(arrays["weight"].shape)}, num_parameters=1), arrays)


@rule("gelu", "input")
def gelu(asked: Arguments) -> CallLayer:
    """A GELU, exact or by tanh."""
    return CallLayer("gelu", without({"approximate": asked.get("approximate", "none") == "tanh"}, approximate=False))


@rule("softplus", "input beta threshold")
def softplus(asked: Arguments) -> CallLayer:
    """A softplus as it is by default."""
    if (asked.get("beta", 1), asked.get("threshold", 20)) != (1, 20):
        raise OpaqueCall
    return CallLayer("softplus")


@rule("softmax", "input dim")
def softmax(asked: Arguments) -> CallLayer:
    """A softmax along an axis."""
    if asked.get("dim") is None:
        raise OpaqueCall
    axis = asked.axis(asked.get("dim"))
    return CallLayer("softmax", without({"axis": -1 if axis == len(asked.x.shape) - 1 else axis}, axis=-1))


@rule("hardtanh", "input min_val max_val")
def hardtanh(asked: Arguments) -> CallLayer:
    """A clip; ReLU6 where it is from 0 to 6."""
    return clipped(asked, asked.get("min_val", -1.0), asked.get("max_val", 1.0))


@rule("clamp clip", "input min max")
def clamp(asked: Arguments) -> CallLayer:
    """A clip."""
    return clipped(asked, asked.get("min"), asked.get("max"))


def clipped(asked: Arguments, low: Any, high: Any) -> CallLayer:
    """A clip to these numbers. OpaqueCall where they are tensors."""
    assert asked.x
    if any(isinstance(bound, (TracedTensor, Constant)) for bound in (low, high)):
        raise OpaqueCall
    if (low, high) == (0, 6):
        return CallLayer("relu6")
    return CallLayer("relu") if (low, high) == (0, None) else CallLayer("clip", without({"min": low, "max": high}))


@rule("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout", "input p")
def dropout(asked: Arguments) -> CallLayer:
    """Nothing, once trained."""
    return CallLayer("dropout", without({"rate": asked.get("p", 0.5)}, rate=0.5))


_SAME = "contiguous clone detach to float double half type type_as requires_grad cpu cuda alias data identity detach_"


@rule(_SAME)
def same(asked: Arguments) -> TracedTensor:
    """What gives the same values again."""
    return asked.sampled(next(leaf for leaf in tree(asked.call.args) if isinstance(leaf, TracedTensor)))
