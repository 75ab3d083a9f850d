"""Rules of norms, activations and calls that change nothing: they keep every shape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

from ....layers.names import TORCH
from .calls import Constant, TracedTensor
from .rules import TENSORS, Arguments, CallLayer, OpaqueCall, Rules, without

RULES = Rules()


def norm(op: str, args: Arguments, arrays: Mapping[str, Constant], **keys: Any) -> CallLayer:
    """Return a norm with its eps, and which of weight and bias it has."""
    scale, center = ("weight" in arrays, "bias" in arrays)
    keys |= {"eps": args.get("eps", 1e-5), "scale": scale, "center": center}
    defaults = {"scale": False, "center": scale} if op == "instancenorm" else {"scale": True, "center": True}
    return CallLayer(op, without(keys, eps=1e-5, **defaults), arrays)


@RULES.rule("batch_norm", "input running_mean running_var weight bias training momentum eps", batch=True)
def batchnorm(args: Arguments) -> CallLayer:
    """Read a batch norm by its running statistics."""
    if args.get("training", False):
        raise OpaqueCall
    return by_statistics(args)


def by_statistics(args: Arguments) -> CallLayer:
    """Return a norm by running statistics. OpaqueCall if there are none."""
    arrays = args.arrays("weight", "bias", "running_mean", "running_var")
    if "running_var" not in arrays:
        raise OpaqueCall
    return norm("batchnorm", args, arrays)


@RULES.rule("layer_norm", "input normalized_shape weight bias eps")
def layernorm(args: Arguments) -> CallLayer:
    """Read a layer norm over the last axes."""
    rank = len(args.get("normalized_shape"))
    if rank >= len(args.x.shape):
        raise OpaqueCall
    axes: dict[str, Any] = {} if rank == 1 else {"axis": list(range(-rank, 0))}
    return norm("layernorm", args, args.arrays("weight", "bias"), **axes)


@RULES.rule("group_norm", "input num_groups weight bias eps", batch=True)
def groupnorm(args: Arguments) -> CallLayer:
    """Read a group norm."""
    return norm("groupnorm", args, args.arrays("weight", "bias"), g=args.get("num_groups"))


@RULES.rule("instance_norm", "input running_mean running_var weight bias use_input_stats momentum eps", batch=True)
def instancenorm(args: Arguments) -> CallLayer:
    """Read an instance norm by the statistics of its input; by running ones it is a batch norm."""
    if not args.get("use_input_stats", True):
        return by_statistics(args)
    if args.get("running_mean") is not None:
        raise OpaqueCall
    return norm("instancenorm", args, args.arrays("weight", "bias"))


def by_name(op: str, functions: str | None = None, *, batch: bool = False) -> None:
    """Enter the rule of an op whose arguments are only renamed; PyTorch's function has by default the op's name."""
    arguments = " ".join(["input", *TORCH[op].keys])
    RULES.rule(functions or op, arguments, batch=batch)(partial(Arguments.layer, op=op))


for _op in ("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "selu", "softsign", "mish", "exp"):
    by_name(_op)
by_name("elu")
by_name("leakyrelu", "leaky_relu")
by_name("dropout", "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout")
by_name("channelshuffle", "channel_shuffle native_channel_shuffle", batch=True)
by_name("pixelshuffle", "pixel_shuffle", batch=True)


@RULES.rule("local_response_norm", "input size alpha beta k", batch=True)
def lrn(args: Arguments) -> CallLayer:
    """Read a local response norm."""
    return CallLayer("lrn", TORCH["lrn"].ours(args.get))


@RULES.rule("prelu", "input weight", batch=True)
def prelu(args: Arguments) -> CallLayer:
    """Read a leaky ReLU of trained slopes."""
    arrays = args.arrays("weight")
    return args.layer("prelu", arrays, num_parameters=prod(arrays["weight"].shape))


@RULES.rule("gelu", "input")
def gelu(args: Arguments) -> CallLayer:
    """Read a GELU, exact or by tanh."""
    return args.layer("gelu", approximate=args.get("approximate") == "tanh")


@RULES.rule("softplus", "input beta threshold")
def softplus(args: Arguments) -> CallLayer:
    """Read a softplus as it is by default."""
    if (args.get("beta", 1), args.get("threshold", 20)) != (1, 20):
        raise OpaqueCall
    return CallLayer("softplus")


@RULES.rule("softmax", "input dim")
def softmax(args: Arguments) -> CallLayer:
    """Read a softmax along an axis."""
    if args.get("dim") is None:
        raise OpaqueCall
    axis = args.axis(args.get("dim"))
    return args.layer("softmax", axis=-1 if axis == len(args.x.shape) - 1 else axis)


def clip(args: Arguments, names: tuple[str, str], defaults: tuple[Any, Any]) -> CallLayer:
    """Read a clip to two bounds; from 0 it is a ReLU or a ReLU6. OpaqueCall if a bound is a tensor."""
    low, high = map(args.get, names, defaults)
    if isinstance(low, TENSORS) or isinstance(high, TENSORS):
        raise OpaqueCall
    if low == 0 and high in (6, None):
        return CallLayer("relu6" if high else "relu")
    return CallLayer("clip", without({"min": low, "max": high}))


RULES.rule("hardtanh", "input min_val max_val")(partial(clip, names=("min_val", "max_val"), defaults=(-1.0, 1.0)))
RULES.rule("clamp clip", "input min max")(partial(clip, names=("min", "max"), defaults=(None, None)))


_SAME = "contiguous clone detach to float double half type type_as requires_grad cpu cuda alias data identity detach_"


@RULES.rule(_SAME)
def same(args: Arguments) -> TracedTensor:
    """Read a call that returns the same values."""
    return args.sampled(args.first)
