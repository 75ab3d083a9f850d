"""The source of layers that compute values: norms, functions, arithmetic, linear layers and reductions."""

from __future__ import annotations

from math import prod
from typing import Any

from ....layers.affine import factors
from ....layers.names import TORCH, TORCH_FUNCTIONS
from ....registry import Registry
from .code import Code, TorchContext, TorchWriter, compact, inexpressible, invoke, module, order

WRITERS: Registry[str, TorchWriter] = Registry()


@WRITERS.register("batchnorm", "instancenorm", "groupnorm")
def norm(site: TorchContext) -> Code:
    """Write a norm over channels and space, or over features."""
    v = site.values
    check_several(site)
    groups = [v["g"]] if site.op == "groupnorm" else []
    any_ = v["scale"] or v["center"]
    affine = {} if any_ == (site.op != "instancenorm") else {"affine": any_}
    return module(without(site, site.named(*groups, site.c, eps=v["eps"], more=affine)))


def without(site: TorchContext, text: str) -> str:
    """Return the source of a norm without the weight or the bias, if its layer lacks just one of them."""
    lacks = [role for key, role in (("scale", "weight"), ("center", "bias")) if not site.values[key]]
    return f'without({text}, "{lacks[0]}")' if len(lacks) == 1 else text


def check_several(site: TorchContext) -> None:
    """Raise SpecError for a per-sample norm over a single value, which PyTorch refuses (functional.py)."""
    space = prod(n if isinstance(n, int) else 2 for n in site.x[1:])
    if site.op == "instancenorm" and space == 1:
        raise inexpressible("has no instance norm over one value per channel", "leave it out: its output is 0")
    batch = [n if isinstance(n, int) else 2 for n in site.layer.x[: len(site.layer.x) - len(site.x)]]
    if site.op == "groupnorm" and prod(batch) * (site.c // site.values["g"]) * space == 1:
        raise inexpressible("has no group norm over one value per group", "lower g, or give a batch of several")


def scale_of(site: TorchContext) -> str:
    """Return the helper module of a weight, a bias or both, one per channel."""
    v = site.values
    return invoke("Scale", site.c, axes=len(site.x) - 1, scale=v["scale"], center=v["center"])


@WRITERS.register("scale")
def scale(site: TorchContext) -> Code:
    """Write a weight, a bias or both, one per channel."""
    return module(scale_of(site))


@WRITERS.register("layernorm")
def layernorm(site: TorchContext) -> Code:
    """Write a layer norm over the last axes; other axes are moved to the end and back."""
    scale, center, dims = site.values["scale"], site.values["center"], site.dims
    sizes = tuple([site.known(site.x[dim - 1], "what is normalized") for dim in dims])
    affine = {} if center else {"bias": False} if scale else {"elementwise_affine": False}
    text = site.named(sizes[0] if len(sizes) == 1 else sizes, eps=site.values["eps"], more=affine)
    text = without(site, text) if center else text
    axes = range(len(site.x) + 1)
    turned = [axis for axis in axes if axis not in dims] + dims
    if turned == list(axes):
        return module(text)
    return Code(f"{{self}}({{0}}{order(turned)}){order([turned.index(axis) for axis in axes])}", text)


@WRITERS.register("lrn")
def lrn(site: TorchContext) -> Code:
    """Write a local response norm of contiguous values, as PyTorch's uses `view`."""
    v = site.values
    if len(site.x) < 2:
        raise inexpressible("has no local response norm of features", "put it before the flatten")
    if v["size"] % 2 == 0 and not site.layer.env.dialect.lrn_before_is_larger:
        raise inexpressible("puts an even norm's extra channel before, but this one is after", "give an odd size")
    text = invoke("nn.LocalResponseNorm", v["size"], alpha=v["alpha"], beta=v["beta"], k=v["offset"])
    return Code("{self}({0}.contiguous())" if len(site.x) > 2 else "{self}({0})", text)


@WRITERS.register("rescale", "normalization")
def rescale(site: TorchContext) -> Code:
    """Write a multiplication and addition of constants or statistics, leaving out factors of 1 and offsets of 0."""
    v = site.values
    if site.op == "rescale":
        factor, offset = v["factor"], v["offset"]
    elif "mean" in v:
        factor, offset = [several if len(several) > 1 else several[0] for several in factors(v)]
    else:
        raise inexpressible("has no layer with a learned mean and variance", "give mean and variance")
    text = "{0}"
    if factor == -1:
        text = "-{0}"
    elif factor != 1:
        text += f" * {constant(site, factor)}"
    return Code(text if offset == 0 and factor != 1 else f"{text} + {constant(site, offset)}")


@WRITERS.register("quantize")
def quantize(site: TorchContext) -> Code:
    """Write PyTorch's fake quantization, for all channels or per channel."""
    v = site.values
    if "scale" not in v:
        raise inexpressible("has no fake quantization with a range per sample", "give scale")
    several = [isinstance(v[key], (list, tuple)) for key in ("scale", "zero")]
    if not any(several):
        numbers = f"{v['scale']!r}, {int(v['zero'])}, {v['min']}, {v['max']}"
        return Code(f"torch.fake_quantize_per_tensor_affine({{0}}, {numbers})")
    width = len(v["scale" if several[0] else "zero"])
    rows = [list(v[key]) if own else [v[key]] * width for key, own in zip(("scale", "zero"), several, strict=True)]
    scale, zero = [f"torch.tensor({row!r}, device={{0}}.device" for row in (rows[0], [int(n) for n in rows[1]])]
    ends = f"{scale}), {zero}, dtype=torch.int32), 1, {v['min']}, {v['max']}"
    return Code(f"torch.fake_quantize_per_channel_affine({{0}}, {ends})")


def constant(site: TorchContext, value: Any) -> str:
    """Return the source of a number, or of numbers along the channels."""
    if not isinstance(value, (list, tuple)):
        return repr(value) if value >= 0 else f"({value!r})"
    numbers = ", ".join(repr(float(one)) for one in value)
    axes = "".join(", 1" for _ in site.x[1:])
    return f"torch.tensor([{numbers}], device={{0}}.device){f'.view(-1{axes})' if axes else ''}"


_BY_NAME = (
    "relu relu6 silu sigmoid tanh hardswish selu softplus softsign mish identity leakyrelu elu dropout channelshuffle "
    "logsigmoid celu softshrink hardshrink tanhshrink threshold"
)


@WRITERS.register(*_BY_NAME.split())
def by_name(site: TorchContext) -> Code:
    """Write a module whose arguments are the op's renamed keys."""
    return module(site.named(*[site.values[key] for key in TORCH[site.op].keys.values()]))


@WRITERS.register("exp", *TORCH_FUNCTIONS)
def function(site: TorchContext) -> Code:
    """Write a value-by-value function."""
    return Code(f"torch.{site.op}({{0}})")


@WRITERS.register("neg")
def neg(site: TorchContext) -> Code:
    """Write a change of sign."""
    return Code("-{0}")


@WRITERS.register("gelu")
def gelu(site: TorchContext) -> Code:
    """Write a GELU, exact or by tanh."""
    return module('nn.GELU(approximate="tanh")' if site.values["approximate"] else "nn.GELU()")


@WRITERS.register("hardsigmoid")
def hardsigmoid(site: TorchContext) -> Code:
    """Write PyTorch's hard sigmoid if the slope is 1/6, otherwise a clip."""
    alpha = site.values["alpha"]
    return module("nn.Hardsigmoid()") if alpha == 1 / 6 else Code(f"({{0}} * {alpha!r} + 0.5).clamp(0, 1)")


@WRITERS.register("clip")
def clip(site: TorchContext) -> Code:
    """Write a clip to one or two bounds."""
    given = {key: bound for key in ("min", "max") if (bound := site.values[key]) is not None}
    return Code(invoke("{0}.clamp", **given)) if given else module("nn.Identity()")


@WRITERS.register("prelu")
def prelu(site: TorchContext) -> Code:
    """Write a PReLU with one slope or one per channel, or a helper for slopes of another shape."""
    if "num_parameters" in site.values:
        return module(site.named(site.values["num_parameters"]))
    if site.last and set(site.dims) == set(range(2, len(site.x) + 1)):
        return module(site.named(site.c))
    shape = [site.known(n, "its slopes") for n in site.layer.weight_shapes()["weight"]]
    rank = len(site.x)
    return Code(f"{{self}}({{0}}{site.own(rank)}){site.back(rank)}", invoke("Slopes", *shape))


@WRITERS.register("softmax", "logsoftmax")
def softmax(site: TorchContext) -> Code:
    """Write a softmax along an axis, or its logarithm."""
    return module(site.named(site.dims[0]))


@WRITERS.register("linear")
def linear(site: TorchContext) -> Code:
    """Write a linear layer on the network's own last axis."""
    c_i, rank = site.layer.sample[-1], len(site.x)
    text = site.named(site.known(c_i, "its features"), site.values["out"], bias=site.values["bias"])
    return Code(f"{{self}}({{0}}{site.own(rank)}){site.back(rank)}", text)


def operands(site: TorchContext) -> list[str]:
    """Return the inputs as expressions with equal numbers of axes, in PyTorch's order, followed by `value`, if any."""
    rank = max(map(len, site.layer.samples))
    values = []
    for at, x in enumerate(site.layer.samples):
        added = f"[:, {'None, ' * (rank - len(x))}]".replace(", ]", "]") if len(x) < rank else ""
        values.append(f"{{{at}}}" + (f"{site.own(len(x))}{added}{site.back(rank)}" if added else ""))
    return values + ([repr(site.values["value"])] if "value" in site.values else [])


JOINED = '''def joined(function, *values: torch.Tensor) -> torch.Tensor:
    """Return what a function of two values makes of all, one after another."""
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result
'''
MOST_OPERANDS = 20
"""The most inputs of one expression: Python limits the nesting of brackets and operators."""
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
COMPARISONS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}


@WRITERS.register(*OPERATORS)
def operation(site: TorchContext) -> Code:
    """Write an operator between the inputs."""
    first, *others = operands(site)
    if len(others) >= MOST_OPERANDS:
        return Code(f"joined(torch.{site.op}, {first}, {', '.join(others)})")
    return Code(f" {OPERATORS[site.op]} ".join([first, *(f"({one})" if one[0] == "-" else one for one in others)]))


@WRITERS.register("compare")
def compare(site: TorchContext) -> Code:
    """Write a comparison as numbers."""
    first, second = operands(site)
    return Code(f"({first} {COMPARISONS[site.values['by']]} {second}).to({{0}}.dtype)")


@WRITERS.register("where")
def where(site: TorchContext) -> Code:
    """Write a choice between two inputs."""
    condition, first, second = operands(site)
    return Code(f"torch.where({condition} != 0, {first}, {second})")


@WRITERS.register("min", "max")
def extreme(site: TorchContext) -> Code:
    """Write a minimum or maximum over the inputs, one input and a number, or some axes."""
    if "keepdims" in site.values:
        return over_axes(site, f"a{site.op}")
    if "value" in site.values:
        return Code(invoke("{0}.clamp", **{"max" if site.op == "min" else "min": site.values["value"]}))
    result, *others = operands(site)
    if len(others) >= MOST_OPERANDS:
        return Code(f"joined(torch.{site.op}imum, {result}, {', '.join(others)})")
    for other in others:
        result = f"torch.{site.op}imum({result}, {other})"
    return Code(result)


def over_axes(site: TorchContext, method: str, *, power: int | None = None, several: bool = True) -> Code:
    """Return the source of a method that reduces some axes, in the network's own order unless all axes stay.

    `power` is that of a norm. Without `several`, the method reduces one axis per call.
    """
    keep = site.values["keepdims"]
    turned = site.last and not keep
    dims = sorted(site.layer.traced.axes if turned else site.dims)
    x = "{0}" + (site.own(len(site.x)) if turned else "")
    more = ", keepdim=True" if keep else ""
    if power is not None:
        text = f"torch.linalg.vector_norm({x}, {power}, {tuple(dims)}{more})"
    else:
        calls = [dims[0] if len(dims) == 1 else tuple(dims)] if several else reversed(dims)
        text = x + "".join(f".{method}({called}{more})" for called in calls)
    return Code(text + (site.back(len(site.out)) if turned else ""))


@WRITERS.register("mean", "sum", "logsumexp")
def reduction(site: TorchContext) -> Code:
    """Write a reduction by the method of the same name."""
    return over_axes(site, site.op)


@WRITERS.register("prod")
def product(site: TorchContext) -> Code:
    """Write a product over one axis after another, last first."""
    return over_axes(site, "prod", several=False)


@WRITERS.register("l1", "l2")
def vector_norm(site: TorchContext) -> Code:
    """Write a norm over some axes."""
    return over_axes(site, "norm", power=int(site.op[1]))


@WRITERS.register("cumsum")
def cumsum(site: TorchContext) -> Code:
    """Write a cumulative sum along an axis."""
    return Code(f"{{0}}.cumsum({site.dims[0]})")


@WRITERS.register("normalize")
def normalize(site: TorchContext) -> Code:
    """Write a division by the norm over some axes."""
    v = site.values
    dims = compact(site.dims) if len(site.dims) == 1 else tuple(site.dims)
    return Code(f"F.normalize({{0}}, p={v['norm']!r}, dim={dims}, eps={v['eps']!r})")
