"""The source of layers that rearrange, select, join, pad or resize a sample's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....layers.keys import Pair
from ....layers.resample import DETAILS, EXACT
from ....registry import Registry
from .code import Code, TorchContext, TorchWriter, compact, inexpressible, invoke, listed, module, order, padded

WRITERS: Registry[str, TorchWriter] = Registry()
CUBIC = -0.75
"""PyTorch's constant of cubic upsampling."""


@WRITERS.register("flatten")
def flatten(site: TorchContext) -> Code:
    """Write a flatten of a sample in the network's own order."""
    if not site.x:  # nn.Flatten needs an axis
        return Code("{0}.unsqueeze(1)")
    return Code(f"{{self}}({{0}}{site.own(len(site.x))})", "nn.Flatten()")


@WRITERS.register("reshape")
def reshape(site: TorchContext) -> Code:
    """Write a reshape in the network's own order."""
    sizes = ", ".join(str(site.known(n, "a size")) for n in site.layer.traced.out)
    return Code(f"{{0}}{site.own(len(site.x))}.reshape(-1, {sizes}){site.back(len(site.out))}")


@WRITERS.register("permute")
def permute(site: TorchContext) -> Code:
    """Write a permute."""
    dims = site.dims
    return Code("{0}" + order([0, *dims[-1:], *dims[:-1]] if site.last else [0, *dims]))


@WRITERS.register("concat")
def concat(site: TorchContext) -> Code:
    """Write a concatenation of the inputs along an axis."""
    values = [f"{{{at}}}" for at in range(len(site.layer.samples))]
    return Code(f"torch.cat({_tuple(as_batch(site, values))}, {site.dims[0]})")


def as_batch(site: TorchContext, values: list[str]) -> list[str]:
    """Return the values that a layer reads, with those without a batch repeated to the others' batch."""
    batched = [fields.batched for fields in site.layer.reads_fields]
    if len(set(batched)) == 1:
        return values
    like = values[batched.index(True)]
    sizes = f"len({like}), {', '.join(['-1'] * len(site.x))}"
    return [one if has else f"{one}.expand({sizes})" for one, has in zip(values, batched, strict=True)]


@WRITERS.register("slice")
def slice_(site: TorchContext) -> Code:
    """Write a slice of an axis. PyTorch slices only forwards, so the axis is flipped first to go backwards."""
    v, dim = site.values, site.dims[0]
    start, stop, step, n = v["start"], v["stop"], v["step"], site.x[dim - 1]
    flip = f".flip({dim})" if step < 0 else ""
    if step < 0:  # unit u of n is unit -(u+1) of the flipped axis
        last = n - 1 if isinstance(n, int) else -1
        start, stop, step = last - start, None if stop is None else last - stop, -step
    stop = "" if stop is None or stop == n else stop
    if flip and (not start and stop == "" and step == 1):
        return Code(f"{{0}}{flip}")
    part = f"{start or ''}:{stop}" + (f":{step}" if step != 1 else "")
    return Code(f"{{0}}{flip}[{':, ' * dim}{part}]")


@WRITERS.register("gather")
def gather(site: TorchContext) -> Code:
    """Write a selection of units of an axis by index, in the network's own order of axes."""
    before, after = site.own(len(site.x)), site.back(len(site.out))
    indices = repr(site.values["indices"]).replace(",)", ")").replace("(", "[").replace(")", "]")
    return Code(f"{{0}}{before}[{':, ' * site.layer.traced.axes[0]}{indices}]{after}")


@WRITERS.register("expand")
def expand(site: TorchContext) -> Code:
    """Write an expand of axes of size 1, with new axes after the batch, in the network's own order of axes."""
    rank, out = len(site.x), site.layer.traced.out
    added = len(out) - rank
    axes = f"[:{', None' * added}]" if added else ""
    sizes = ", ".join(str(n) if isinstance(n, int) else "-1" for n in out)
    return Code(f"{{0}}{site.own(rank)}{axes}.expand(-1, {sizes}){site.back(len(out))}")


@WRITERS.register("tile")
def tile(site: TorchContext) -> Code:
    """Write a repetition of a sample along its axes."""
    repeats = site.values["repeats"]
    return Code(invoke("{0}.repeat", 1, *((*repeats[-1:], *repeats[:-1]) if site.last else repeats)))


@WRITERS.register("roll")
def roll(site: TorchContext) -> Code:
    """Write a roll along axes."""
    return Code(invoke("{0}.roll", tuple(site.values["shift"]), tuple(site.dims)))


def _tuple(values: Sequence[str]) -> str:
    return f"({', '.join(values)}{',' * (len(values) == 1)})"


@WRITERS.register("stack")
def stack(site: TorchContext) -> Code:
    """Write a stack of the inputs along a new axis, in the network's own order of axes."""
    inputs = as_batch(site, [f"{{{at}}}" for at in range(len(site.layer.inputs()))])
    values = _tuple([f"{one}{site.own(len(site.x))}" for one in inputs])
    return Code(f"torch.stack({values}, {site.layer.traced.axes[0]}){site.back(len(site.out))}")


@WRITERS.register("pixelshuffle")
def pixelshuffle(site: TorchContext) -> Code:
    """Write a pixel shuffle; if row and column come before the channel, the channels are shuffled first."""
    f, text = site.values["factor"], site.named(site.values["factor"])
    return module(
        text if site.values["order"] == "crd" else listed("nn.Sequential", site.named(f * f, op="channelshuffle"), text)
    )


@WRITERS.register("pixelunshuffle")
def pixelunshuffle(site: TorchContext) -> Code:
    """Write a pixel unshuffle; if row and column come before the channel, the channels are shuffled afterwards."""
    text = site.named(site.values["factor"])
    return module(
        text
        if site.values["order"] == "crd"
        else listed("nn.Sequential", text, site.named(site.c, op="channelshuffle"))
    )


@WRITERS.register("pad")
def pad(site: TorchContext) -> Code:
    """Write padding around a map, or along the named axes.

    PyTorch pads the last axes: any number of them with a constant, otherwise all of space, with or without channels.
    """
    v, rank = site.values, len(site.x)
    by_dim = dict(zip(site.dims, v["p"], strict=True))
    mode = {"edge": "replicate", "wrap": "circular"}.get(v["mode"], v["mode"])
    first = min(by_dim) if mode == "constant" else min(*by_dim, 2)
    pairs = [by_dim.get(dim, (0, 0)) for dim in range(first, rank + 1)]
    if mode == "constant":
        return Code(padded(pairs, v["value"]))
    if mode == "circular" and _wraps_again(site, by_dim):
        return Code(_wrapped(site, by_dim))
    if len(pairs) > 3:
        raise inexpressible(f"has no padding of mode {v['mode']} over {len(pairs)} axes", "use mode=constant")
    return Code(f'{padded(pairs)[:-1]}, mode="{mode}")')


def _wraps_again(site: TorchContext, by_dim: Mapping[int, Pair]) -> bool:
    """Return whether padding wraps more than once, or begins with units that are cut off, which F.pad refuses."""
    lefts = {dim: site.x[dim - 1] + sum(min(side, 0) for side in pair) for dim, pair in by_dim.items()}
    return any(isinstance(left, int) and max(by_dim[dim]) > left for dim, left in lefts.items())


def _wrapped(site: TorchContext, by_dim: Mapping[int, Pair]) -> str:
    """Return a padding by selection of the units of each axis by index."""
    text = "{0}"
    for dim, (before, after) in by_dim.items():
        n, first = site.known(site.x[dim - 1], "a size"), max(-before, 0)
        left = n + min(after, 0) - first
        units = f"torch.arange({-before - first}, {n + after - first}) % {left}"
        text += f"[{':, ' * dim}{units}{f' + {first}' if first else ''}]"
    return text


@WRITERS.register("crop")
def crop(site: TorchContext) -> Code:
    """Write a crop: PyTorch crops with negative padding."""
    return Code(padded([(-before, -after) for before, after in site.values["p"]]))


@WRITERS.register("upsample")
def upsample(site: TorchContext) -> Code:
    """Write a resize."""
    v, nd = site.values, site.nd
    own = {key: value for key, value in v.items() if key in DETAILS}
    if own and own != EXACT:
        raise inexpressible(f"has no {' or '.join(own)} of upsampling", "leave it out")
    mode = {"linear": {1: "linear", 2: "bilinear", 3: "trilinear"}[nd], "cubic": "bicubic"}.get(v["mode"], v["mode"])
    if mode == "bicubic" and (nd != 2 or site.layer.env.dialect.cubic != CUBIC):
        raise inexpressible(f"has cubic upsampling over two axes, with A = {CUBIC}")
    key = "out" if "out" in v else "factor"
    return module(site.named(**{key: compact(v[key])}, mode="nearest-exact" if own else mode, align=v["align"]))
