"""The source of everything without a window: norms, activations, joins, and what moves values."""

from __future__ import annotations

from typing import Any

from ....layers.affine import factors
from .code import Code, Site, emits, in_row, invoke, module, order, padded, without


def with_scale(site: Site, name: str, *args: object, axes: int, **keys: object) -> str:
    """A norm whose weight and bias are both there or both not, and a Scale behind it for one of them alone."""
    scale, center = site.values["scale"], site.values["center"]
    plain = invoke(name, *args, **keys, affine=scale and center)
    default = "False" if "InstanceNorm" in name else "True"
    plain = plain.replace(f", affine={default})", ")")
    if scale == center:
        return plain
    return in_row(plain, scale_of(site, axes))


def scale_of(site: Site, axes: int) -> str:
    """The helper module of a weight, a bias, or both, one a channel."""
    keys = {"axes": axes, "scale": site.values["scale"], "center": site.values["center"]}
    return invoke("Scale", site.c, **keys)


def eps(site: Site) -> dict[str, object]:
    """A norm's eps where it is not PyTorch's."""
    return without({"eps": site.values["eps"]}, eps=1e-5)


@emits("batchnorm")
def batchnorm(site: Site) -> Code:
    """A batch norm over channels, or over features."""
    axes = len(site.x) - 1
    return module(with_scale(site, f"nn.BatchNorm{site.nd if axes else 1}d", site.c, axes=axes, **eps(site)))


@emits("instancenorm")
def instancenorm(site: Site) -> Code:
    """An instance norm."""
    return module(with_scale(site, f"nn.InstanceNorm{site.nd}d", site.c, axes=site.nd, **eps(site)))


@emits("groupnorm")
def groupnorm(site: Site) -> Code:
    """A group norm."""
    axes = len(site.x) - 1
    return module(with_scale(site, "nn.GroupNorm", site.values["g"], site.c, axes=axes, **eps(site)))


@emits("layernorm")
def layernorm(site: Site) -> Code:
    """A layer norm over the last axes, the others moved before them where they stand elsewhere."""
    scale, center, rank = site.values["scale"], site.values["center"], len(site.x)
    if center and not scale:
        raise site.refuse("has no layer norm with a bias and no weight")
    dims = site.dims
    sizes = tuple([site.known(site.x[dim - 1], "what is normalised") for dim in dims])
    keys = {**eps(site), "elementwise_affine": scale, "bias": center}
    keys = without(keys, elementwise_affine=True, bias=True if scale else center)
    text = invoke("nn.LayerNorm", sizes[0] if len(sizes) == 1 else sizes, **keys)
    turned = [0, *(dim for dim in range(1, rank + 1) if dim not in dims), *dims]
    if turned == sorted(turned):
        return module(text)
    return Code(f"{{self}}({{0}}{order(turned)}){order([turned.index(dim) for dim in range(rank + 1)])}", text)


@emits("lrn")
def lrn(site: Site) -> Code:
    """A local response norm."""
    v = site.values
    if v["size"] % 2 == 0 and not site.layer.env.dialect.lrn_before_is_larger:
        raise site.refuse("puts an even norm's extra channel before, and this one's stands after", "give an odd size")
    return module(invoke("nn.LocalResponseNorm", v["size"], alpha=v["alpha"], beta=v["beta"], k=v["offset"]))


@emits("scale")
def scale(site: Site) -> Code:
    """A weight, a bias or both, one a channel."""
    return module(scale_of(site, len(site.x) - 1))


@emits("rescale")
def rescale(site: Site) -> Code:
    """Constants that are multiplied and added."""
    factor, offset = site.values["factor"], site.values["offset"]
    return Code(affine_call(site, factor, offset))


def affine_call(site: Site, factor: Any, offset: Any) -> str:
    """A value times factor, and offset added: what changes nothing is left out."""
    text = "{0}"
    if factor == -1:
        text = "-{0}"
    elif factor != 1:
        text += f" * {constant(site, factor)}"
    return text if offset == 0 and text != "{0}" else f"{text} + {constant(site, offset)}"


def constant(site: Site, value: Any) -> str:
    """A number, or numbers along the channels."""
    if not isinstance(value, (list, tuple)):
        return repr(value) if value >= 0 else f"({value!r})"
    numbers = ", ".join(repr(float(one)) for one in value)
    axes = "".join(", 1" for _ in site.x[1:])
    return f"torch.tensor([{numbers}], device={{0}}.device){f'.view(-1{axes})' if axes else ''}"


@emits("normalization")
def normalization(site: Site) -> Code:
    """Given means and variances as constants."""
    if "mean" not in site.values:
        raise site.refuse("has no layer whose mean and variance are learnt and kept", "give mean and variance")
    factor, offset = [several if len(several) > 1 else several[0] for several in factors(site.values)]
    return Code(affine_call(site, factor, offset))


_MODULES = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "silu": "SiLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "hardswish": "Hardswish",
    "identity": "Identity",
    "selu": "SELU",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "mish": "Mish",
}


@emits(*_MODULES)
def activation(site: Site) -> Code:
    """A function of each value that is a module without arguments."""
    return module(f"nn.{_MODULES[site.op]}()")


@emits("exp")
def exp(site: Site) -> Code:
    """The exponential."""
    return Code("torch.exp({0})")


@emits("leakyrelu")
def leakyrelu(site: Site) -> Code:
    """A leaky ReLU."""
    return module(invoke("nn.LeakyReLU", site.values["alpha"]))


@emits("elu")
def elu(site: Site) -> Code:
    """An ELU."""
    return module(invoke("nn.ELU", site.values["alpha"]))


@emits("gelu")
def gelu(site: Site) -> Code:
    """A GELU, exact or by tanh."""
    return module('nn.GELU(approximate="tanh")' if site.values["approximate"] else "nn.GELU()")


@emits("hardsigmoid")
def hardsigmoid(site: Site) -> Code:
    """PyTorch's hard sigmoid, whose slope is 1/6, or a clip."""
    alpha = site.values["alpha"]
    if alpha == 1 / 6:
        return module("nn.Hardsigmoid()")
    return Code(f"({{0}} * {alpha!r} + 0.5).clamp(0, 1)")


@emits("clip")
def clip(site: Site) -> Code:
    """Values between two bounds."""
    keys = {"min": site.values["min"], "max": site.values["max"]}
    given = {key: value for key, value in keys.items() if value is not None}
    return Code(invoke("{0}.clamp", **given)) if given else module("nn.Identity()")


@emits("prelu")
def prelu(site: Site) -> Code:
    """One slope, or one a channel."""
    if "num_parameters" in site.values:
        return module(invoke("nn.PReLU", site.values["num_parameters"]))
    shared = set(site.dims)
    if shared not in (set(range(2, len(site.x) + 1)), set(range(1, len(site.x) + 1))):
        raise site.refuse("has one slope, or one a channel", "share all of space: shared_axes=[1, 2]")
    return module(invoke("nn.PReLU", 1 if 1 in shared else site.c))


@emits("softmax")
def softmax(site: Site) -> Code:
    """A softmax along an axis."""
    return module(invoke("nn.Softmax", site.dims[0]))


@emits("dropout")
def dropout(site: Site) -> Code:
    """A dropout."""
    return module(invoke("nn.Dropout", site.values["rate"]))


@emits("linear")
def linear(site: Site) -> Code:
    """A linear layer on the network's own last axis."""
    c_i, rank = site.layer.sample[-1], len(site.x)
    keys = without({"bias": site.values["bias"]}, bias=True)
    text = invoke("nn.Linear", site.known(c_i, "its features"), site.values["out"], **keys)
    return Code(f"{{self}}({{0}}{site.own(rank)}){site.back(rank)}", text)


@emits("flatten")
def flatten(site: Site) -> Code:
    """All of a sample in one row, in the network's own order."""
    return Code(f"{{self}}({{0}}{site.own(len(site.x))})", "nn.Flatten()")


@emits("reshape")
def reshape(site: Site) -> Code:
    """The same values in another shape, in the network's own order."""
    sizes = ", ".join(str(site.known(n, "a size")) for n in site.layer.traced.out)
    return Code(f"{{0}}{site.own(len(site.x))}.reshape(-1, {sizes}){site.back(len(site.out))}")


@emits("permute")
def permute(site: Site) -> Code:
    """The axes in another order."""
    rank = len(site.x)
    dims = site.dims
    return Code("{0}" + order([0, *([dims[-1], *dims[:-1]] if site.last and rank > 1 else dims)]))


@emits("add")
def add(site: Site) -> Code:
    """A sum."""
    return Code(" + ".join(f"{{{at}}}" for at in range(len(site.layer.inputs()))))


@emits("mul")
def mul(site: Site) -> Code:
    """A product."""
    return Code(" * ".join(f"{{{at}}}" for at in range(len(site.layer.inputs()))))


@emits("concat")
def concat(site: Site) -> Code:
    """One after another along an axis."""
    every = ", ".join(f"{{{at}}}" for at in range(len(site.layer.inputs())))
    return Code(f"torch.cat(({every}), {site.dims[0]})")


@emits("slice")
def slice_(site: Site) -> Code:
    """A part of an axis."""
    v, dim = site.values, site.dims[0]
    stop = "" if v["stop"] is None or v["stop"] == site.x[dim - 1] else v["stop"]
    part = f"{v['start'] or ''}:{stop}" + (f":{v['step']}" if v["step"] != 1 else "")
    return Code(f"{{0}}[{':, ' * dim}{part}]")


@emits("mean")
def mean(site: Site) -> Code:
    """A mean over some axes."""
    dims = sorted(site.dims)
    keep = site.values["keepdims"]
    if keep or not site.last:
        return Code(f"{{0}}.mean({tuple(dims) if len(dims) > 1 else dims[0]}{', keepdim=True' if keep else ''})")
    raise site.refuse("keeps channels first, and this mean moves them", "give keepdims=true, and a reshape")


@emits("pad")
def pad(site: Site) -> Code:
    """Values around a map."""
    v = site.values
    if v["mode"] == "constant":
        return Code(padded(v["p"], v["value"]))
    mode = {"edge": "replicate", "wrap": "circular"}.get(v["mode"], v["mode"])
    return Code(f'{padded(v["p"])[:-1]}, mode="{mode}")')


@emits("crop")
def crop(site: Site) -> Code:
    """A map without its borders: PyTorch pads by what is below 0."""
    return Code(padded([(-before, -after) for before, after in site.values["p"]]))


@emits("upsample")
def upsample(site: Site) -> Code:
    """Another resolution."""
    v = site.values
    nd, word = site.nd, v["mode"]
    mode = {"linear": {1: "linear", 2: "bilinear", 3: "trilinear"}[nd], "cubic": "bicubic"}.get(word, word)
    if mode == "bicubic" and (nd != 2 or site.layer.env.dialect.cubic != CUBIC):
        raise site.refuse(f"has cubic upsampling over two axes, with A = {CUBIC}")
    sizes = v["out"] if "out" in v else v["factor"]
    same = sizes[0] if len(set(sizes)) == 1 else tuple(sizes)
    keys = {"size" if "out" in v else "scale_factor": same, "mode": mode, "align_corners": v["align"]}
    return module(invoke("nn.Upsample", **without(keys, mode="nearest", align_corners=False)))


CUBIC = -0.75
"""PyTorch's constant of cubic upsampling."""


@emits("pixelshuffle")
def pixelshuffle(site: Site) -> Code:
    """Channels laid out as pixels."""
    return module(invoke("nn.PixelShuffle", site.values["factor"]))


@emits("channelshuffle")
def channelshuffle(site: Site) -> Code:
    """The channels of several groups dealt out in turn."""
    return module(invoke("nn.ChannelShuffle", site.values["g"]))
