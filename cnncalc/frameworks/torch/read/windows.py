"""Rules for convolutions and pools."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from .reductions import POOLS
from .rules import Call, Rules, without
from .values import BatchedTensor

RULES = Rules()


def numbered(*functions: str) -> str:
    """Return the names of these functions for one, two and three axes."""
    return " ".join(function.format(nd) for function in functions for nd in (1, 2, 3))


def axes_of(call: Call) -> int:
    """Return the number of axes in a function's name."""
    return int(call.function.removesuffix("_with_indices")[-2])


def channels(x: BatchedTensor) -> int:
    """Return the channels of a value of channels and space."""
    return x.sample[x.folded]


@RULES.rule(numbered("conv{}d"), "input weight bias stride padding dilation groups")
def conv(call: Call) -> BatchedTensor:
    """Read a convolution; it is depthwise if each channel is a group of its own."""
    x, arrays = call.spatial(axes_of(call)), call.arrays("weight", "bias")
    (c_o, each, *k), c_i = arrays["weight"].shape, channels(x)
    op, keys = call.named("conv", nd=axes_of(call), c_o=c_o, k=k, bias="bias" in arrays)
    if call.get("groups", 1) == c_i > 1 and each == 1:
        op, keys = f"dw{op}", without({**keys, "g": None}, c_o=c_i)
    return call.through(x, op, keys, arrays)


@RULES.rule(numbered("conv_transpose{}d"), "input weight bias stride padding output_padding groups dilation")
def transposed(call: Call) -> BatchedTensor:
    """Read a transposed convolution."""
    arrays = call.arrays("weight", "bias")
    _, each, *k = arrays["weight"].shape
    c_o = each * call.get("groups", 1)
    op, keys = call.named("convT", nd=axes_of(call), c_o=c_o, k=k, bias="bias" in arrays)
    return call.through(call.spatial(axes_of(call)), op, keys, arrays)


def pool(call: Call, op: str) -> BatchedTensor:
    """Read a sliding pool; the indices of its maxima are unknown. PyTorch's default stride is the kernel size."""
    if call.get("divisor_override") is not None:
        return divided(call)
    word, keys = call.named(op, nd=axes_of(call))
    return call.through(call.spatial(axes_of(call)), word, without({**keys, "s": keys.get("s") or None}, s=keys["k"]))


def divided(call: Call) -> BatchedTensor:
    """Read an average pool with its own divisor: the mean with padding, rescaled."""
    nd, x = axes_of(call), call.spatial(axes_of(call))
    k = listed(call.get("kernel_size"), nd)
    s, p = listed(call.get("stride") or k, nd), listed(call.get("padding", 0), nd)
    space = zip(x.sample[-nd:], call.out[-nd:], k, s, p, strict=True)
    sides = [[before, max((out - 1) * step + size - n - before, 0)] for n, out, size, step, before in space]
    layer = call.layers.add("pad", [x.layer], {"p": sides}) if any(map(any, sides)) else x.layer
    word, keys = call.named("avgpool", nd=nd, k=k, s=s, p=0, ceil=False, count_include_pad=True)
    mean = call.layers.add(word, [layer], without(keys, s=keys["k"]))
    layer = call.layers.add("rescale", [mean], {"factor": prod(k) / call.get("divisor_override")})
    return x._replace(layer=layer, axes=call.resized(x, call.out))


def listed(value: Any, nd: int) -> list[int]:
    """Return a number for each of nd axes."""
    numbers = [*value] if isinstance(value, (list, tuple)) else [value]
    return numbers * nd if len(numbers) == 1 else numbers


for _op, _functions, _arguments in (
    ("maxpool", ("max_pool{}d", "max_pool{}d_with_indices"), "padding dilation ceil_mode return_indices"),
    ("avgpool", ("avg_pool{}d",), "padding ceil_mode count_include_pad divisor_override"),
):
    RULES.rule(numbered(*_functions), f"input kernel_size stride {_arguments}")(partial(pool, op=_op))
RULES.rule(numbered("lp_pool{}d"), "input norm_type kernel_size stride ceil_mode")(partial(pool, op="lppool"))


@RULES.rule(
    numbered("adaptive_avg_pool{}d", "adaptive_max_pool{}d", "adaptive_max_pool{}d_with_indices"), "input output_size"
)
def adaptive(call: Call) -> BatchedTensor:
    """Read an adaptive pool, which is a global one if its output is a single unit."""
    x, nd = call.spatial(axes_of(call)), axes_of(call)
    kind = "mean" if "avg" in call.function else "max"
    out = call.out[-nd:]
    if set(out) == {1}:
        return call.through(x, POOLS[kind])
    return call.through(x, f"adaptive{kind.replace('mean', 'avg')}pool", {"out": list(out)})
