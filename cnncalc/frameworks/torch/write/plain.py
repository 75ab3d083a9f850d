"""The source of everything without a window: norms, activations, joins, and what moves values."""

from __future__ import annotations

from typing import Any

from ....layers.affine import factors
from ....layers.names import TORCH
from ....registry import Registry
from .code import Code, TorchContext, TorchWriter, in_row, invoke, module, order, padded, without

WRITERS: Registry[str, TorchWriter] = Registry()


def with_scale(site: TorchContext, *args: object, axes: int) -> Code:
    """A norm whose weight and bias are both there or both not, and a Scale behind it for one of them alone."""
    scale, center = site.values["scale"], site.values["center"]
    both, name = scale and center, TORCH[site.op]
    affine = {} if both == (site.op != "instancenorm") else {"affine": both}
    eps = {} if site.values["eps"] == name.defaults["eps"] else {"eps": site.values["eps"]}
    word = name.word.format(site.nd if axes else 1)
    plain = invoke(f"nn.{word}", *args, **eps, **affine)
    return module(plain if scale == center else in_row(plain, scale_of(site, axes)))


def scale_of(site: TorchContext, axes: int) -> str:
    """The helper module of a weight, a bias, or both, one a channel."""
    keys = {"axes": axes, "scale": site.values["scale"], "center": site.values["center"]}
    return invoke("Scale", site.c, **keys)


@WRITERS.register("batchnorm", "instancenorm", "groupnorm")
def norm(site: TorchContext) -> Code:
    """A norm over channels and space, or over features."""
    groups = [site.values["g"]] if site.op == "groupnorm" else []
    return with_scale(site, *groups, site.c, axes=len(site.x) - 1)


@WRITERS.register("layernorm")
def layernorm(site: TorchContext) -> Code:
    """A layer norm over the last axes, the others moved before them where they stand elsewhere."""
    scale, center, rank = site.values["scale"], site.values["center"], len(site.x)
    if center and not scale:
        raise site.refuse("has no layer norm with a bias and no weight")
    dims = site.dims
    sizes = tuple([site.known(site.x[dim - 1], "what is normalised") for dim in dims])
    keys = {"eps": site.values["eps"], "elementwise_affine": scale, "bias": center}
    keys = without(keys, eps=1e-5, elementwise_affine=True, bias=True if scale else center)
    text = invoke("nn.LayerNorm", sizes[0] if len(sizes) == 1 else sizes, **keys)
    turned = [0, *(dim for dim in range(1, rank + 1) if dim not in dims), *dims]
    if turned == sorted(turned):
        return module(text)
    return Code(f"{{self}}({{0}}{order(turned)}){order([turned.index(dim) for dim in range(rank + 1)])}", text)


@WRITERS.register("lrn")
def lrn(site: TorchContext) -> Code:
    """A local response norm."""
    v = site.values
    if v["size"] % 2 == 0 and not site.layer.env.dialect.lrn_before_is_larger:
        raise site.refuse("puts an even norm's extra channel before, but this one is after", "give an odd size")
    return module(invoke("nn.LocalResponseNorm", v["size"], alpha=v["alpha"], beta=v["beta"], k=v["offset"]))


@WRITERS.register("scale")
def scale(site: TorchContext) -> Code:
    """A weight, a bias or both, one a channel."""
    return module(scale_of(site, len(site.x) - 1))


@WRITERS.register("rescale")
def rescale(site: TorchContext) -> Code:
    """Constants that are multiplied and added."""
    factor, offset = site.values["factor"], site.values["offset"]
    return Code(affine_call(site, factor, offset))


def affine_call(site: TorchContext, factor: Any, offset: Any) -> str:
    """A value times factor, and offset added: what changes nothing is left out."""
    text = "{0}"
    if factor == -1:
        text = "-{0}"
    elif factor != 1:
        text += f" * {constant(site, factor)}"
    return text if offset == 0 and text != "{0}" else f"{text} + {constant(site, offset)}"


def constant(site: TorchContext, value: Any) -> str:
    """A number, or numbers along the channels."""
    if not isinstance(value, (list, tuple)):
        return repr(value) if value >= 0 else f"({value!r})"
    numbers = ", ".join(repr(float(one)) for one in value)
    axes = "".join(", 1" for _ in site.x[1:])
    return f"torch.tensor([{numbers}], device={{0}}.device){f'.view(-1{axes})' if axes else ''}"


@WRITERS.register("normalization")
def normalization(site: TorchContext) -> Code:
    """Given means and variances as constants."""
    if "mean" not in site.values:
        raise site.refuse("has no layer with a learnt mean and variance", "give mean and variance")
    factor, offset = [several if len(several) > 1 else several[0] for several in factors(site.values)]
    return Code(affine_call(site, factor, offset))


def by_name(*keys: str) -> TorchWriter:
    """A module whose arguments are these of our keys."""
    return lambda site: module(site.named(*[site.values[key] for key in keys]))


WRITERS.register("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "selu", "softplus", "softsign", "mish")(
    by_name()
)
WRITERS.register("identity")(by_name())
WRITERS.register("leakyrelu", "elu")(by_name("alpha"))
WRITERS.register("dropout")(by_name("rate"))
WRITERS.register("pixelshuffle")(by_name("factor"))
WRITERS.register("channelshuffle")(by_name("g"))


@WRITERS.register("exp")
def exp(site: TorchContext) -> Code:
    """The exponential."""
    return Code("torch.exp({0})")


@WRITERS.register("gelu")
def gelu(site: TorchContext) -> Code:
    """A GELU, exact or by tanh."""
    return module('nn.GELU(approximate="tanh")' if site.values["approximate"] else "nn.GELU()")


@WRITERS.register("hardsigmoid")
def hardsigmoid(site: TorchContext) -> Code:
    """PyTorch's hard sigmoid, whose slope is 1/6, or a clip."""
    alpha = site.values["alpha"]
    if alpha == 1 / 6:
        return module("nn.Hardsigmoid()")
    return Code(f"({{0}} * {alpha!r} + 0.5).clamp(0, 1)")


@WRITERS.register("clip")
def clip(site: TorchContext) -> Code:
    """Values between two bounds."""
    keys = {"min": site.values["min"], "max": site.values["max"]}
    given = {key: value for key, value in keys.items() if value is not None}
    return Code(invoke("{0}.clamp", **given)) if given else module("nn.Identity()")


@WRITERS.register("prelu")
def prelu(site: TorchContext) -> Code:
    """One slope, or one a channel."""
    if "num_parameters" in site.values:
        return module(invoke("nn.PReLU", site.values["num_parameters"]))
    shared = set(site.dims)
    if shared not in (set(range(2, len(site.x) + 1)), set(range(1, len(site.x) + 1))):
        raise site.refuse("has one slope, or one a channel", "share all of space: shared_axes=[1, 2]")
    return module(invoke("nn.PReLU", 1 if 1 in shared else site.c))


@WRITERS.register("softmax")
def softmax(site: TorchContext) -> Code:
    """A softmax along an axis."""
    return module(invoke("nn.Softmax", site.dims[0]))


@WRITERS.register("linear")
def linear(site: TorchContext) -> Code:
    """A linear layer on the network's own last axis."""
    c_i, rank = site.layer.sample[-1], len(site.x)
    text = site.named(site.known(c_i, "its features"), site.values["out"], bias=site.values["bias"])
    return Code(f"{{self}}({{0}}{site.own(rank)}){site.back(rank)}", text)


@WRITERS.register("flatten")
def flatten(site: TorchContext) -> Code:
    """All of a sample in one row, in the network's own order."""
    return Code(f"{{self}}({{0}}{site.own(len(site.x))})", "nn.Flatten()")


@WRITERS.register("reshape")
def reshape(site: TorchContext) -> Code:
    """The same values in another shape, in the network's own order."""
    sizes = ", ".join(str(site.known(n, "a size")) for n in site.layer.traced.out)
    return Code(f"{{0}}{site.own(len(site.x))}.reshape(-1, {sizes}){site.back(len(site.out))}")


@WRITERS.register("permute")
def permute(site: TorchContext) -> Code:
    """The axes in another order."""
    rank = len(site.x)
    dims = site.dims
    return Code("{0}" + order([0, *([dims[-1], *dims[:-1]] if site.last and rank > 1 else dims)]))


@WRITERS.register("add", "mul")
def combined(site: TorchContext) -> Code:
    """A sum, or a product."""
    return Code((" + " if site.op == "add" else " * ").join(f"{{{at}}}" for at in range(len(site.layer.inputs()))))


@WRITERS.register("concat")
def concat(site: TorchContext) -> Code:
    """One after another along an axis."""
    every = ", ".join(f"{{{at}}}" for at in range(len(site.layer.inputs())))
    return Code(f"torch.cat(({every}), {site.dims[0]})")


@WRITERS.register("slice")
def slice_(site: TorchContext) -> Code:
    """A part of an axis."""
    v, dim = site.values, site.dims[0]
    stop = "" if v["stop"] is None or v["stop"] == site.x[dim - 1] else v["stop"]
    part = f"{v['start'] or ''}:{stop}" + (f":{v['step']}" if v["step"] != 1 else "")
    return Code(f"{{0}}[{':, ' * dim}{part}]")


@WRITERS.register("mean")
def mean(site: TorchContext) -> Code:
    """A mean over some axes."""
    dims = sorted(site.dims)
    keep = site.values["keepdims"]
    if keep or not site.last:
        return Code(f"{{0}}.mean({tuple(dims) if len(dims) > 1 else dims[0]}{', keepdim=True' if keep else ''})")
    raise site.refuse("keeps channels first, but this mean moves them", "give keepdims=true, and add a reshape")


@WRITERS.register("pad")
def pad(site: TorchContext) -> Code:
    """Values around a map."""
    v = site.values
    if v["mode"] == "constant":
        return Code(padded(v["p"], v["value"]))
    mode = {"edge": "replicate", "wrap": "circular"}.get(v["mode"], v["mode"])
    return Code(f'{padded(v["p"])[:-1]}, mode="{mode}")')


@WRITERS.register("crop")
def crop(site: TorchContext) -> Code:
    """A map without its borders: PyTorch pads by what is below 0."""
    return Code(padded([(-before, -after) for before, after in site.values["p"]]))


@WRITERS.register("upsample")
def upsample(site: TorchContext) -> Code:
    """Another resolution."""
    v = site.values
    nd, word = site.nd, v["mode"]
    mode = {"linear": {1: "linear", 2: "bilinear", 3: "trilinear"}[nd], "cubic": "bicubic"}.get(word, word)
    if mode == "bicubic" and (nd != 2 or site.layer.env.dialect.cubic != CUBIC):
        raise site.refuse(f"has cubic upsampling over two axes, with A = {CUBIC}")
    sizes = v["out"] if "out" in v else v["factor"]
    same = sizes[0] if len(set(sizes)) == 1 else tuple(sizes)
    keys: dict[str, Any] = {"out" if "out" in v else "factor": same, "mode": mode, "align": v["align"]}
    return module(site.named(**keys))


CUBIC = -0.75
"""PyTorch's constant of cubic upsampling."""
