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


def spatial(asked: Arguments, nd: int) -> None:
    """OpaqueCall if the input has not this many axes beside its channels."""
    if len(asked.map.shape) != nd + 2:
        raise OpaqueCall


@RULES.rule(numbered("conv{}d"), "input weight bias stride padding dilation groups")
def conv(asked: Arguments) -> CallLayer:
    """A convolution, depthwise where each channel is a group of its own."""
    arrays = asked.arrays("weight", "bias")
    c_o, each, *k = arrays["weight"].shape
    groups, c_i = asked.get("groups", 1), asked.map.shape[1]
    spatial(asked, len(k))
    alone = groups == c_i > 1 and each == 1
    keys = {"c_o": c_o, "k": plain(k), **asked.renamed("conv"), "bias": "bias" in arrays}
    if alone:
        keys |= {"c_o": None if c_o == c_i else c_o, "g": 1}
    return CallLayer(ranked("dwconv" if alone else "conv", len(k)), without(keys, **TORCH["conv"].defaults), arrays)


@RULES.rule(numbered("conv_transpose{}d"), "input weight bias stride padding output_padding groups dilation")
def transposed(asked: Arguments) -> CallLayer:
    """A transposed convolution."""
    arrays = asked.arrays("weight", "bias")
    _, each, *k = arrays["weight"].shape
    spatial(asked, len(k))
    keys = {"c_o": each * asked.get("groups", 1), "k": plain(k), **asked.renamed("convT"), "bias": "bias" in arrays}
    return CallLayer(ranked("convT", len(k)), without(keys, **TORCH["convT"].defaults), arrays)


@RULES.rule("linear", "input weight bias")
def linear(asked: Arguments) -> CallLayer:
    """A linear layer on the last axis."""
    arrays = asked.arrays("weight", "bias")
    keys = without({"out": arrays["weight"].shape[0], "bias": "bias" in arrays}, bias=True)
    return CallLayer("linear", keys, arrays)


def pooled(asked: Arguments, op: str) -> tuple[str, dict[str, Any]]:
    """The op of a sliding pool and its keys, without those that hold PyTorch's defaults."""
    nd = axes_of(asked.call.function)
    spatial(asked, nd)
    keys = asked.renamed(op)
    if asked.get("stride") in (None, [], ()):
        keys["s"] = keys["k"]
    return ranked(op, nd), without(keys, **{**TORCH[op].defaults, "s": keys["k"]})


@RULES.rule(
    numbered("max_pool{}d", "max_pool{}d_with_indices"),
    "input kernel_size stride padding dilation ceil_mode return_indices",
)
def maxpool(asked: Arguments) -> CallLayer:
    """A max pool, its indices (if they are asked for) left out."""
    return CallLayer(*pooled(asked, "maxpool"))


@RULES.rule(numbered("avg_pool{}d"), "input kernel_size stride padding ceil_mode count_include_pad divisor_override")
def avgpool(asked: Arguments) -> CallLayer:
    """An average pool."""
    if asked.get("divisor_override") is not None:
        raise OpaqueCall
    return CallLayer(*pooled(asked, "avgpool"))


@RULES.rule(numbered("lp_pool{}d"), "input norm_type kernel_size stride ceil_mode")
def lppool(asked: Arguments) -> CallLayer:
    """A power-average pool."""
    return CallLayer(*pooled(asked, "lppool"))


@RULES.rule(
    numbered("adaptive_avg_pool{}d", "adaptive_max_pool{}d", "adaptive_max_pool{}d_with_indices"), "input output_size"
)
def adaptive(asked: Arguments) -> CallLayer:
    """An adaptive pool, a global one where a single unit comes out."""
    kind = "avgpool" if "avg" in asked.call.function else "maxpool"
    spatial(asked, axes_of(asked.call.function))
    out = asked.out[1:]
    return CallLayer(f"global{kind}") if set(out) == {1} else CallLayer(f"adaptive{kind}", {"out": list(out)})


@RULES.rule("mean", "input dim keepdim")
def mean(asked: Arguments) -> CallLayer:
    """A mean: a global pool where it is over all of space."""
    axes, keep = asked.axes(asked.get("dim")), bool(asked.get("keepdim", False))
    if axes == list(range(2, len(asked.x.shape))) and not asked.bare:
        return CallLayer("globalavgpool", without({"keepdims": keep}, keepdims=True))
    return CallLayer("mean", without({"axis": axes, "keepdims": keep}, keepdims=False))


@RULES.rule("amax", "input dim keepdim")
def amax(asked: Arguments) -> CallLayer:
    """A maximum over all of space."""
    if asked.axes(asked.get("dim")) != list(range(2, len(asked.map.shape))):
        raise OpaqueCall
    return CallLayer("globalmaxpool", without({"keepdims": bool(asked.get("keepdim", False))}, keepdims=True))
