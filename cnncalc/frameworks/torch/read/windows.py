"""Rules of convolutions, linear layers, pools and means."""

from __future__ import annotations

from typing import Any

from ....layers.names import TORCH
from .rules import Arguments, CallLayer, OpaqueCall, Rules, plain, without

RULES = Rules()


def numbered(*functions: str) -> str:
    """These functions for one, two and three axes."""
    return " ".join(function.format(nd) for function in functions for nd in (1, 2, 3))


def axes_of(function: str) -> int:
    """The number of axes in a function's name."""
    return int(function.removesuffix("_with_indices")[-2])


def ranked(op: str, nd: int) -> str:
    """An op's word for this many axes."""
    return op if nd == 2 else f"{op}{nd}d"


def spatial(args: Arguments, nd: int) -> None:
    """OpaqueCall if the input has not this many axes beside its channels."""
    if len(args.map.shape) != nd + 2:
        raise OpaqueCall


@RULES.rule(numbered("conv{}d"), "input weight bias stride padding dilation groups")
def conv(args: Arguments) -> CallLayer:
    """A convolution, depthwise where each channel is a group of its own."""
    arrays = args.arrays("weight", "bias")
    c_o, each, *k = arrays["weight"].shape
    groups, c_i = args.get("groups", 1), args.map.shape[1]
    spatial(args, len(k))
    alone = groups == c_i > 1 and each == 1
    keys = {"c_o": c_o, "k": plain(k), **args.renamed("conv"), "bias": "bias" in arrays}
    if alone:
        keys |= {"c_o": None if c_o == c_i else c_o, "g": 1}
    return CallLayer(ranked("dwconv" if alone else "conv", len(k)), without(keys, **TORCH["conv"].defaults), arrays)


@RULES.rule(numbered("conv_transpose{}d"), "input weight bias stride padding output_padding groups dilation")
def transposed(args: Arguments) -> CallLayer:
    """A transposed convolution."""
    arrays = args.arrays("weight", "bias")
    _, each, *k = arrays["weight"].shape
    spatial(args, len(k))
    keys = {"c_o": each * args.get("groups", 1), "k": plain(k), **args.renamed("convT"), "bias": "bias" in arrays}
    return CallLayer(ranked("convT", len(k)), without(keys, **TORCH["convT"].defaults), arrays)


@RULES.rule("linear", "input weight bias")
def linear(args: Arguments) -> CallLayer:
    """A linear layer on the last axis."""
    arrays = args.arrays("weight", "bias")
    keys = without({"out": arrays["weight"].shape[0], "bias": "bias" in arrays}, bias=True)
    return CallLayer("linear", keys, arrays)


def pooled(args: Arguments, op: str) -> tuple[str, dict[str, Any]]:
    """The op of a sliding pool and its keys, without those that hold PyTorch's defaults."""
    nd = axes_of(args.call.function)
    spatial(args, nd)
    keys = args.renamed(op)
    if args.get("stride") in (None, [], ()):
        keys["s"] = keys["k"]
    return ranked(op, nd), without(keys, **{**TORCH[op].defaults, "s": keys["k"]})


@RULES.rule(
    numbered("max_pool{}d", "max_pool{}d_with_indices"),
    "input kernel_size stride padding dilation ceil_mode return_indices",
)
def maxpool(args: Arguments) -> CallLayer:
    """A max pool, its indices (if they are args for) left out."""
    return CallLayer(*pooled(args, "maxpool"))


@RULES.rule(numbered("avg_pool{}d"), "input kernel_size stride padding ceil_mode count_include_pad divisor_override")
def avgpool(args: Arguments) -> CallLayer:
    """An average pool."""
    if args.get("divisor_override") is not None:
        raise OpaqueCall
    return CallLayer(*pooled(args, "avgpool"))


@RULES.rule(numbered("lp_pool{}d"), "input norm_type kernel_size stride ceil_mode")
def lppool(args: Arguments) -> CallLayer:
    """A power-average pool."""
    return CallLayer(*pooled(args, "lppool"))


@RULES.rule(
    numbered("adaptive_avg_pool{}d", "adaptive_max_pool{}d", "adaptive_max_pool{}d_with_indices"), "input output_size"
)
def adaptive(args: Arguments) -> CallLayer:
    """An adaptive pool, a global one where a single unit comes out."""
    kind = "avgpool" if "avg" in args.call.function else "maxpool"
    spatial(args, axes_of(args.call.function))
    out = args.out[1:]
    return CallLayer(f"global{kind}") if set(out) == {1} else CallLayer(f"adaptive{kind}", {"out": list(out)})


@RULES.rule("mean", "input dim keepdim")
def mean(args: Arguments) -> CallLayer:
    """A mean: a global pool where it is over all of space."""
    axes, keep = args.axes(args.get("dim")), bool(args.get("keepdim", False))
    if axes == list(range(2, len(args.x.shape))) and not args.bare:
        return CallLayer("globalavgpool", without({"keepdims": keep}, keepdims=True))
    return CallLayer("mean", without({"axis": axes, "keepdims": keep}, keepdims=False))


@RULES.rule("amax", "input dim keepdim")
def amax(args: Arguments) -> CallLayer:
    """A maximum over all of space."""
    if args.axes(args.get("dim")) != list(range(2, len(args.map.shape))):
        raise OpaqueCall
    return CallLayer("globalmaxpool", without({"keepdims": bool(args.get("keepdim", False))}, keepdims=True))
