"""Rules for value-by-value functions, for norms, and for calls that change nothing: all keep the shape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

from ....layers.activation import Clip
from ....layers.names import TORCH
from ....sizes import LARGEST
from .arithmetic import combine, listed
from .calls import Constant, OpaqueCall
from .layers import uniform
from .rules import TENSORS, Call, Rules, short, without
from .values import BatchedTensor, Operand

RULES = Rules()


def norm(call: Call, op: str, x: BatchedTensor, arrays: Mapping[str, Constant], **keys: Any) -> BatchedTensor:
    """Return a norm with its eps and its weight and bias, if any."""
    scale, center = ("weight" in arrays, "bias" in arrays)
    keys |= {"eps": call.get("eps", 1e-5), "scale": scale, "center": center}
    defaults = {"scale": False, "center": scale} if op == "instancenorm" else {"scale": True, "center": True}
    return call.through(x, op, without(keys, eps=1e-5, **defaults), arrays)


@RULES.rule("batch_norm", "input running_mean running_var weight bias training momentum eps")
def batchnorm(call: Call) -> BatchedTensor:
    """Read a batch norm by its running statistics."""
    arrays = call.arrays("weight", "bias", "running_mean", "running_var")
    if "running_var" not in arrays or call.get("training", False):
        raise OpaqueCall
    return norm(call, "batchnorm", call.spatial(), arrays)


@RULES.rule("layer_norm", "input normalized_shape weight bias eps")
def layernorm(call: Call) -> BatchedTensor:
    """Read a layer norm over the last axes."""
    x, rank = call.kept, len(call.get("normalized_shape"))
    first = call.axis(x, len(x.axes) - rank)
    if first < 1:
        x = call.x
    axes: dict[str, Any] = {} if rank == 1 else {"axis": list(range(-rank, 0))}
    for at in range(-rank, 0):
        call.axis(x, at)
    return norm(call, "layernorm", x, call.arrays("weight", "bias"), **axes)


@RULES.rule("rms_norm", "input normalized_shape weight eps")
def rmsnorm(call: Call) -> BatchedTensor:
    """Read an RMS norm over the last axes."""
    x, rank = call.x, len(call.get("normalized_shape"))
    axes = [call.axis(x, at) for at in range(-rank, 0)]
    square = call.layers.add("square", [x.layer])
    mean = call.layers.add("mean", [square], {"axis": axes, "keepdims": True})
    eps = call.get("eps")
    shifted = call.layers.add("rescale", [mean], {"offset": eps if eps is not None else 1.1920928955078125e-07})
    root = call.layers.add("rsqrt", [shifted])
    normed = x._replace(layer=call.layers.add("mul", [x.layer, root]))
    weight = call.get("weight")
    if weight is None:
        return normed
    if not isinstance(weight, Constant):
        raise OpaqueCall
    return normed._replace(layer=call.layers.add("mul", [normed.layer, call.layers.constant(weight).layer]))


@RULES.rule("group_norm", "input num_groups weight bias eps")
def groupnorm(call: Call) -> BatchedTensor:
    """Read a group norm."""
    return norm(call, "groupnorm", call.spatial(), call.arrays("weight", "bias"), g=call.get("num_groups"))


@RULES.rule("instance_norm", "input running_mean running_var weight bias use_input_stats momentum eps")
def instancenorm(call: Call) -> BatchedTensor:
    """Read an instance norm by the statistics of its input, or as a batch norm by its running statistics."""
    if not call.get("use_input_stats", True):
        arrays = call.arrays("weight", "bias", "running_mean", "running_var")
        return norm(call, "batchnorm", call.spatial(), arrays)
    return norm(call, "instancenorm", call.spatial(), call.arrays("weight", "bias"))


def by_name(op: str, functions: str | None = None) -> None:
    """Register the rule of an op whose arguments are only renamed; by default PyTorch's function has the op's name."""

    def rule(call: Call) -> BatchedTensor:
        return call.same(*call.named(op))

    RULES.rule(functions or op, " ".join(["input", *TORCH[op].keys]))(rule)


for _op in ("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "selu", "softsign", "mish", "exp"):
    by_name(_op)
by_name("elu")
by_name("leakyrelu", "leaky_relu")
by_name("dropout", "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout")

_SAME_NAMES = """
    abs sqrt rsqrt square reciprocal log log1p expm1 floor ceil round sign erf sin cos tan asin acos atan sinh cosh
    asinh acosh atanh trunc logsigmoid tanhshrink
"""
UNARY = dict(zip(_SAME_NAMES.split(), _SAME_NAMES.split(), strict=True)) | {
    "absolute": "abs",
    "arctan": "atan",
    "arcsin": "asin",
    "arccos": "acos",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "fix": "trunc",
    "sgn": "sign",
    "log_sigmoid": "logsigmoid",
    "expit": "sigmoid",
}
"""Value-by-value functions without arguments, and the op for each."""


def unary(call: Call, op: str) -> BatchedTensor:
    """Read a value-by-value function. Raise OpaqueCall for rounding to decimals."""
    if call.given.get("decimals"):
        raise OpaqueCall
    return call.same(op)


for _function, _op in UNARY.items():
    RULES.rule(_function)(partial(unary, op=_op))


def with_numbers(op: str, functions: str, arguments: Mapping[str, tuple[str, float]]) -> None:
    """Register the rule of an op whose arguments are numbers: for each PyTorch name, the op's key and the default."""

    def rule(call: Call) -> BatchedTensor:
        keys = {key: call.get(name, default) for name, (key, default) in arguments.items()}
        if not all(isinstance(value, (int, float)) and abs(value) <= LARGEST for value in keys.values()):
            raise OpaqueCall
        return call.same(op, {key: short([value]) for key, value in keys.items()})

    RULES.rule(functions, " ".join(["input", *arguments]))(rule)


with_numbers("celu", "celu", {"alpha": ("alpha", 1.0)})
with_numbers("softshrink", "softshrink", {"lambd": ("lambd", 0.5)})
with_numbers("hardshrink", "hardshrink", {"lambd": ("lambd", 0.5)})
with_numbers("threshold", "threshold", {"threshold": ("threshold", 0.0), "value": ("value", 0.0)})


@RULES.rule("log2 log10")
def log_of(call: Call) -> BatchedTensor:
    """Read a logarithm of another base."""
    from math import log

    x = call.kept
    logarithm = call.layers.add("log", [x.layer])
    factor = 1 / log(2 if call.function == "log2" else 10)
    return x._replace(layer=call.layers.add("rescale", [logarithm], {"factor": factor}))


@RULES.rule("channel_shuffle native_channel_shuffle", "input groups")
def channelshuffle(call: Call) -> BatchedTensor:
    """Read a channel shuffle."""
    return call.through(call.spatial(), *call.named("channelshuffle"))


@RULES.rule("local_response_norm", "input size alpha beta k")
def lrn(call: Call) -> BatchedTensor:
    """Read a local response norm."""
    return call.through(call.spatial(), "lrn", TORCH["lrn"].ours(call.get))


@RULES.rule("prelu", "input weight")
def prelu(call: Call) -> BatchedTensor:
    """Read a leaky ReLU with trained slopes."""
    arrays = call.arrays("weight")
    count = prod(arrays["weight"].shape)
    x = call.spatial() if count > 1 else call.kept
    op, keys = call.named("prelu", num_parameters=count)
    slopes = arrays["weight"]._replace(shape=(count,))
    return x._replace(layer=call.layers.add(op, [x.layer], keys, {"weight": slopes}))


@RULES.rule("rrelu", "input lower upper training")
def rrelu(call: Call) -> BatchedTensor:
    """Read a leaky ReLU with a random slope, which in inference is the mean slope."""
    slope = (call.get("lower", 1 / 8) + call.get("upper", 1 / 3)) / 2
    return call.same("leakyrelu", {"alpha": slope})


@RULES.rule("gelu", "input approximate")
def gelu(call: Call) -> BatchedTensor:
    """Read a GELU, exact or by tanh."""
    return call.same(*call.named("gelu", approximate=call.get("approximate") == "tanh"))


@RULES.rule("softplus", "input beta threshold")
def softplus(call: Call) -> BatchedTensor:
    """Read a softplus, rescaled before and after if it has a beta; above a low threshold it is the value itself."""
    beta, threshold, x = call.get("beta", 1), call.get("threshold", 20), call.kept
    if isinstance(beta, TENSORS) or beta == 0:
        raise OpaqueCall
    scaled = call.layers.add("rescale", [x.layer], {"factor": beta}) if beta != 1 else x.layer
    soft = call.layers.add("softplus", [scaled])
    if beta != 1:
        soft = call.layers.add("rescale", [soft], {"factor": 1 / beta})
    if threshold < PLAIN:
        above = call.layers.add("compare", [scaled], {"by": "gt", "value": threshold})
        soft = call.layers.add("where", [above, x.layer, soft])
    return x._replace(layer=soft)


PLAIN = 20
"""The number from which on a softplus equals its argument."""


@RULES.rule("softmax log_softmax softmin", "input dim")
def softmax(call: Call) -> BatchedTensor:
    """Read a softmax or log-softmax along an axis, or a softmin."""
    dim, x = call.get("dim"), call.kept
    if dim is None:
        dim = 0 if len(x.axes) in (0, 1, 3) else 1
    axis = call.axis(x, dim)
    if axis < 1:
        x = call.x
        axis = call.axis(x, dim)
    if call.function == "softmin":
        x = x._replace(layer=call.layers.add("neg", [x.layer]))
    keys = {} if axis == len(x.sample) - x.folded else {"axis": axis}
    op = "logsoftmax" if call.function == "log_softmax" else "softmax"
    return x._replace(layer=call.layers.add(op, [x.layer], keys))


def clip(call: Call, names: tuple[str, str], defaults: tuple[Any, Any]) -> BatchedTensor:
    """Read a clip to two bounds: with bounds of 0 (and 6) a ReLU or ReLU6, with tensors a max and a min."""
    low, high = [
        bound_of(call, call.get(*one), end) for one, end in zip(zip(names, defaults, strict=True), (-1, 1), strict=True)
    ]
    if isinstance(low, (Constant, BatchedTensor)) or isinstance(high, (Constant, BatchedTensor)):
        x = call.kept
        for op, bound in (("max", low), ("min", high)):
            x = x if bound is None else combine(call, op, x, bound)
        return x
    if low == 0 and high in (6, None):
        return call.same("relu6" if high else "relu")
    if low is not None and high is not None and call.function != "hardtanh":
        low = min(low, high)  # if min > max, all values become max (torch.clamp)
    return call.same("clip", without({"min": low, "max": high}))


def bound_of(call: Call, bound: Any, end: int) -> Operand | None:
    """Return a bound of a clip: a number if known, None if it is infinite, or a tensor.

    Raise OpaqueCall for a bound that keeps no number.
    """
    if bound is None:
        return None
    operand = call.operand(bound)
    number = uniform(operand) if isinstance(operand, Constant) and not operand.of else operand
    if not isinstance(number, (int, float)):
        return operand
    try:
        return Clip.bound(number, end)
    except ValueError:
        raise OpaqueCall from None


RULES.rule("hardtanh", "input min_val max_val")(partial(clip, names=("min_val", "max_val"), defaults=(-1.0, 1.0)))
RULES.rule("clamp clip", "input min max")(partial(clip, names=("min", "max"), defaults=(None, None)))
RULES.rule("clamp_min", "input min")(partial(clip, names=("min", "max"), defaults=(None, None)))
RULES.rule("clamp_max", "input max")(partial(clip, names=("min", "max"), defaults=(None, None)))


@RULES.rule("fake_quantize_per_tensor_affine", "input scale zero_point quant_min quant_max")
def quantize(call: Call) -> BatchedTensor:
    """Read values rounded to multiples of one step."""
    return call.same("quantize", steps_of(call))


@RULES.rule("fake_quantize_per_channel_affine", "input scale zero_point axis quant_min quant_max")
def quantize_channels(call: Call) -> BatchedTensor:
    """Read values rounded to multiples of a step for each channel."""
    x = call.spatial()
    if call.axis(x, call.get("axis")) != 1:
        raise OpaqueCall
    return call.through(x, "quantize", steps_of(call))


def steps_of(call: Call) -> dict[str, Any]:
    """Return the keys of a quantization. Raise OpaqueCall if its steps are learned or unknown."""
    arrays = [call.operand(call.get(name)) for name in ("scale", "zero_point")]
    scale, zero = [None if isinstance(one, Constant) and one.of else listed(one) for one in arrays]
    if scale is None or zero is None:
        raise OpaqueCall
    return {"scale": short(scale), "zero": short(zero), "min": call.get("quant_min"), "max": call.get("quant_max")}


@RULES.rule("glu", "input dim")
def glu(call: Call) -> BatchedTensor:
    """Read the first half of an axis, gated by the second."""
    x, dim = call.x, call.get("dim", -1)
    axis, half = call.axis(x, dim), x.axes[dim % len(x.axes)][0] // 2
    value = call.layers.add("slice", [x.layer], {"axis": axis, "stop": half})
    gate = call.layers.add("sigmoid", [call.layers.add("slice", [x.layer], {"axis": axis, "start": half})])
    return x._replace(layer=call.layers.add("mul", [value, gate]), axes=call.resized(x, call.out))


_SAME = "contiguous clone detach to float double half bfloat16 type type_as requires_grad cpu cuda alias data identity"


@RULES.rule("nan_to_num")
def nan_to_num(call: Call) -> BatchedTensor:
    """Read values that are always finite. Raise OpaqueCall for others, of which it is unknown which are finite."""
    if not call.x.integer:
        raise OpaqueCall
    return call.x


@RULES.rule(f"{_SAME} positive conj real resolve_conj int long short bool byte char")
def same(call: Call) -> BatchedTensor:
    """Read a call that returns the same values, possibly truncated, or whether they are nonzero."""
    x, kind = call.kept, call.call.kinds[0] if call.call.kinds else "float"
    if kind == "bool" != x.integer:
        return call.same("compare", {"by": "ne", "value": 0})
    return x if kind == "float" or x.integer else call.same("trunc")
