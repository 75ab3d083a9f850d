"""Rules of convolutions, linear layers, pools and means."""

from __future__ import annotations

from functools import partial

from .rules import Arguments, CallLayer, OpaqueCall, Rules, without

RULES = Rules()


def numbered(*functions: str) -> str:
    """Return the names of these functions for one, two and three axes."""
    return " ".join(function.format(nd) for function in functions for nd in (1, 2, 3))


def axes_of(args: Arguments) -> int:
    """Return the number of axes in a function's name. OpaqueCall if its input has another beside its channels."""
    nd = int(args.call.function.removesuffix("_with_indices")[-2])
    if args.bare or len(args.x.shape) != nd + 2:
        raise OpaqueCall
    return nd


@RULES.rule(numbered("conv{}d"), "input weight bias stride padding dilation groups")
def conv(args: Arguments) -> CallLayer:
    """Read a convolution; it is depthwise if each channel is a group of its own."""
    arrays = args.arrays("weight", "bias")
    (c_o, each, *k), c_i = arrays["weight"].shape, args.x.shape[1]
    layer = args.layer("conv", arrays, nd=axes_of(args), c_o=c_o, k=k, bias="bias" in arrays)
    if args.get("groups", 1) == c_i > 1 and each == 1:
        return layer._replace(op=f"dw{layer.op}", keys=without({**layer.keys, "g": None}, c_o=c_i))
    return layer


@RULES.rule(numbered("conv_transpose{}d"), "input weight bias stride padding output_padding groups dilation")
def transposed(args: Arguments) -> CallLayer:
    """Read a transposed convolution."""
    arrays = args.arrays("weight", "bias")
    _, each, *k = arrays["weight"].shape
    c_o = each * args.get("groups", 1)
    return args.layer("convT", arrays, nd=axes_of(args), c_o=c_o, k=k, bias="bias" in arrays)


@RULES.rule("linear", "input weight bias")
def linear(args: Arguments) -> CallLayer:
    """Read a linear layer on the last axis."""
    arrays = args.arrays("weight", "bias")
    return args.layer("linear", arrays, out=arrays["weight"].shape[0], bias="bias" in arrays)


def pool(args: Arguments, op: str) -> CallLayer:
    """Read a sliding pool; the indices of its maxima are opaque. PyTorch's default stride is the kernel's size."""
    if args.get("divisor_override") is not None:
        raise OpaqueCall
    layer = args.layer(op, nd=axes_of(args))
    s = layer.keys.get("s")
    return layer._replace(keys=without({**layer.keys, "s": s or None}, s=layer.keys["k"]))


for _op, _functions, _arguments in (
    ("maxpool", ("max_pool{}d", "max_pool{}d_with_indices"), "padding dilation ceil_mode return_indices"),
    ("avgpool", ("avg_pool{}d",), "padding ceil_mode count_include_pad divisor_override"),
):
    RULES.rule(numbered(*_functions), f"input kernel_size stride {_arguments}")(partial(pool, op=_op))
RULES.rule(numbered("lp_pool{}d"), "input norm_type kernel_size stride ceil_mode")(partial(pool, op="lppool"))


@RULES.rule(
    numbered("adaptive_avg_pool{}d", "adaptive_max_pool{}d", "adaptive_max_pool{}d_with_indices"), "input output_size"
)
def adaptive(args: Arguments) -> CallLayer:
    """Read an adaptive pool; to a single unit it is a global one."""
    axes_of(args)
    kind = "avgpool" if "avg" in args.call.function else "maxpool"
    out = args.out[1:]
    return CallLayer(f"global{kind}") if set(out) == {1} else CallLayer(f"adaptive{kind}", {"out": list(out)})


@RULES.rule("mean amax", "input dim keepdim")
def reduction(args: Arguments) -> CallLayer:
    """Read a mean or a maximum: over all of space it is a global pool. OpaqueCall for a maximum over other axes."""
    dim, keep = args.get("dim"), bool(args.get("keepdim", False))
    is_mean = args.call.function == "mean"
    if dim is None:
        raise OpaqueCall
    axes = sorted({args.axis(one) for one in (dim if isinstance(dim, (list, tuple)) else [dim])})
    if axes == list(range(2, len(args.x.shape))) and not args.bare:
        return CallLayer("globalavgpool" if is_mean else "globalmaxpool", without({"keepdims": keep}, keepdims=True))
    if not is_mean:
        raise OpaqueCall
    return CallLayer("mean", without({"axis": axes, "keepdims": keep}, keepdims=False))
