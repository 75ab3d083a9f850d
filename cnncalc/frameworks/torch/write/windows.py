"""The source of convolutions and pools, with PyTorch's own padding if possible, otherwise with an explicit F.pad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....layers import ConvKind
from ....layers.keys import Pair
from ....registry import Registry
from ....sizes import Size
from ....window import extent, positions, positions_ceil
from .code import Code, TorchContext, TorchWriter, compact, inexpressible, listed, module, padded

WRITERS: Registry[str, TorchWriter] = Registry()


def sides(site: TorchContext) -> list[Pair]:
    """Return the padding of each axis. Raise SpecError for a padding word that depends on an open size."""
    p = site.values["p"]
    if isinstance(p, str):
        raise inexpressible(f"has no padding {p!r} for an open size", "give the input's sizes")
    return list(p)


def even(pairs: Sequence[Pair]) -> bool:
    """Return whether the padding of each axis is the same before and after."""
    return all(before == after for before, after in pairs)


def check_flip(site: TorchContext) -> None:
    """Raise SpecError for a flipped kernel."""
    if site.values["flip"]:
        raise inexpressible("has no convolution with a flipped kernel", "flip the weights, and remove flip")


def window(site: TorchContext, **more: object) -> tuple[str, dict[str, Any]]:
    """Return a convolution's input as an expression, padded if necessary, and its keyword arguments."""
    check_flip(site)
    v = site.values
    keys = {"s": compact(v["s"]), "p": v["p"], "d": compact(v["d"]), **more}
    if v["p"] == "same" and set(v["s"]) == {1}:
        return "{0}", keys
    pairs = sides(site)
    if even(pairs):
        return "{0}", keys | {"p": compact([pair[0] for pair in pairs])}
    return padded(pairs), keys | {"p": 0}


@WRITERS.register("conv", "dwconv")
def conv(site: TorchContext) -> Code:
    """Write a convolution; a depthwise one has as many groups as channels."""
    groups = site.c if site.node.layer.CONVOLUTION is ConvKind.DEPTHWISE else site.values["g"]
    before, keys = window(site, g=groups, bias=site.values["bias"])
    c_o, k = site.known(site.out[0]), compact(site.values["k"])
    return Code(f"{{self}}({before})", site.named(site.c, c_o, k, op="conv", **keys))


@WRITERS.register("sepconv")
def sepconv(site: TorchContext) -> Code:
    """Write a depthwise convolution and a pointwise one, which has the bias."""
    inner = site.c * site.values["multiplier"]
    before, keys = window(site, g=site.c, bias=False)
    depthwise = site.named(site.c, inner, compact(site.values["k"]), op="conv", **keys)
    pointwise = site.named(inner, site.values["c_o"], 1, op="conv", bias=site.values["bias"])
    return Code(f"{{self}}({before})", listed("SeparableConv", depthwise, pointwise))


@WRITERS.register("convT")
def transposed(site: TorchContext) -> Code:
    """Write a transposed convolution; one with uneven cuts is computed whole, then cropped."""
    check_flip(site)
    v = site.values
    pairs, extra = sides(site), list(v["out_pad"])
    limits = [max(s, d) for s, d in zip(v["s"], v["d"], strict=True)]
    call, padding = "{self}({0})", compact([pair[0] for pair in pairs])
    if not even(pairs) or any(o >= limit for o, limit in zip(extra, limits, strict=True)):
        cut = [(-before, -max(after - o, 0)) for (before, after), o in zip(pairs, extra, strict=True)]
        extra = [max(o - after, 0) for (_, after), o in zip(pairs, extra, strict=True)]
        call, padding = padded(cut).format("{self}({0})"), 0
    for o, limit in zip(extra, limits, strict=True):
        if o >= limit:
            raise inexpressible(f"needs an output_padding below max(s, d) = {limit}, not {o}", "lower out_pad")
    keys = {"s": compact(v["s"]), "p": padding, "out_pad": compact(extra), "g": v["g"], "bias": v["bias"]}
    return Code(call, site.named(site.c, v["c_o"], compact(v["k"]), **keys, d=compact(v["d"])))


def slides(site: TorchContext) -> Iterator[tuple[Size, Size, int, int]]:
    """Yield the input's size, the output's size, the kernel's extent and the stride of each axis."""
    v = site.values
    for n, out, k, s, d in zip(site.x[1:], site.out[1:], v["k"], v["s"], v["d"], strict=True):
        yield n, out, extent(k, d), s


def fits(site: TorchContext, pairs: Sequence[Pair], ceil: bool) -> bool:
    """Return whether PyTorch's window with this padding gives the layer's sizes, for all values of open ones."""
    return all(
        out == (positions_ceil(n, *pair, k, s) if ceil else positions(n, sum(pair), k, s))
        for (n, out, k, s), pair in zip(slides(site), pairs, strict=True)
    )


def rounding(site: TorchContext, pads: Sequence[int]) -> bool | None:
    """Return the ceil_mode with which a pool with this padding on both sides gives the layer's sizes; None if neither.

    PyTorch's pools accept padding of at most half the kernel.
    """
    if any(pad > k // 2 for pad, k in zip(pads, site.values["k"], strict=True)):
        return None
    pairs = [(pad, pad) for pad in pads]
    return next((ceil for ceil in (bool(site.values["ceil"]), True) if fits(site, pairs, ceil)), None)


def pool(site: TorchContext, *args: object, p: Sequence[int] = (0,), ceil: bool = False, **more: Any) -> str:
    """Return a sliding pool's module. PyTorch's default stride is the kernel size."""
    k, s, d = [compact(site.values[key]) for key in "ksd"]
    stride = {} if s == k else {"s": s}
    return site.named(*args, k, **stride, p=compact(p), d=d, **more, ceil=ceil)


def exact(site: TorchContext, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the least padding with which a window rounded down gives the layer's sizes."""
    return [
        (before, max((site.known(out, "a size") - 1) * s + k - site.known(n, "a size") - before, 0))
        for (n, out, k, s), (before, _) in zip(slides(site), pairs, strict=True)
    ]


def fits_bare(site: TorchContext) -> bool:
    """Return whether a window over three axes fits the map without padding."""
    sizes = zip(site.x[1:], site.values["k"], strict=True)
    return site.nd < 3 or all(not isinstance(n, int) or n >= k for n, k in sizes)


def check_bare(site: TorchContext, around: Sequence[Pair] | None = None) -> None:
    """Raise SpecError for an average over three axes whose window does not fit the map that PyTorch gets.

    PyTorch's avg_pool3d, which lp_pool3d uses, needs n >= k before its own padding; `around` is explicit padding.
    """
    pairs = around or [(0, 0)] * site.nd
    for n, k, pair in zip(site.x[1:], site.values["k"], pairs, strict=True):
        if site.nd == 3 and isinstance(n, int) and n + sum(pair) < k:
            raise inexpressible(
                f"needs n >= k for an {site.op} before padding, but {n + sum(pair)} < {k}", f"lower k to {n}"
            )


@WRITERS.register("maxpool")
def maxpool(site: TorchContext) -> Code:
    """Write a max pool. The overhang at the end never wins, so rounding up can replace padding after."""
    pairs = sides(site)
    before = [pair[0] for pair in pairs]
    ceil = rounding(site, before)
    if ceil is not None:
        return module(pool(site, p=before, ceil=ceil))
    around = padded(exact(site, pairs), 'float("-inf")')
    return Code(f"{{self}}({around})", pool(site))


@WRITERS.register("avgpool")
def avgpool(site: TorchContext) -> Code:
    """Write an average pool. Padding that counts is added explicitly; the overhang at the end never counts."""
    pairs, counts = sides(site), site.values["count_include_pad"]
    if set(site.values["d"]) != {1}:
        raise inexpressible("has no dilated average pool")
    before = [pair[0] for pair in pairs]
    ceil = rounding(site, before)
    if ceil is not None and (even(pairs) or not counts) and (not counts or fits_bare(site)):
        check_bare(site)
        return module(pool(site, p=before, ceil=ceil, count_include_pad=counts or not any(before)))
    if counts and fits(site, pairs, False):
        check_bare(site, pairs)
        return Code(f"{{self}}({padded(pairs)})", pool(site))
    if site.values["ceil"] and not any(map(any, pairs)):
        what = "drops a last window that starts beyond the map, but this average keeps it"
        raise inexpressible(what, "round down: ceil=false")
    raise inexpressible(
        f"has no average over {pairs} around the map whose padding {'counts' if counts else 'does not'}"
    )


@WRITERS.register("lppool")
def lppool(site: TorchContext) -> Code:
    """Write a power-average pool. PyTorch does not take absolute values, and counts a cut window as a whole one.

    So other dialects need absolute values for odd powers, and explicit zero padding. For a negative power, the
    overhang, which does not count, is padded with infinity.
    """
    v, pairs = site.values, sides(site)
    if set(v["d"]) != {1}:
        raise inexpressible("has no dilated lppool")
    if site.layer.env.dialect.lp_signed:
        if (ceil := rounding(site, [0] * site.nd)) is None:
            raise inexpressible("drops a last window that starts beyond the map", "round down: ceil=false")
        return module(pool(site, v["norm"], ceil=ceil))
    padding = any(map(any, pairs))
    around = exact(site, pairs) if v["ceil"] or padding else pairs
    outside = 0 if v["norm"] > 0 or around == pairs else 'float("inf")'
    if outside and padding:
        raise inexpressible("has no lppool of a power below 0 with both padding and a window that is cut", "give p=0")
    check_bare(site, around)
    before = padded(around, outside) if any(map(any, around)) else "{0}"
    return Code(f"{{self}}({before}{'.abs()' if v['norm'] % 2 else ''})", pool(site, v["norm"]))


@WRITERS.register("globalavgpool", "globalmaxpool")
def global_pool(site: TorchContext) -> Code:
    """Write a global pool: an adaptive pool to a single unit, or a mean or maximum if the axes vanish."""
    if site.values["keepdims"]:
        return module(site.named(1, op=site.op.replace("global", "adaptive")))
    return Code(f"{{0}}.{'mean' if 'avg' in site.op else 'amax'}({compact(range(2, site.nd + 2))})")


@WRITERS.register("adaptiveavgpool", "adaptivemaxpool")
def adaptive_pool(site: TorchContext) -> Code:
    """Write an adaptive pool; an open output size is None."""
    return module(site.named(compact([n if isinstance(n, int) else None for n in site.out[1:]])))


@WRITERS.register("unfold")
def unfold(site: TorchContext) -> Code:
    """Write windows as columns, after an F.pad if the padding is uneven."""
    return patches(site, 1)


@WRITERS.register("fold")
def fold(site: TorchContext) -> Code:
    """Write a fold of columns into a map, which is cropped afterwards if the padding is uneven."""
    return patches(site, -1, [site.known(n, "a size") for n in site.out[1:]])


def patches(site: TorchContext, direction: int, out: Sequence[int] = ()) -> Code:
    """Return an Unfold, or with `out` a Fold."""
    v, pairs = site.values, sides(site)
    if len(v["k"]) != 2:
        raise inexpressible(f"has {site.op} only over two axes, but this has {len(v['k'])}")
    keys = {"s": compact(v["s"]), "d": compact(v["d"])}
    if even(pairs):
        call, p = "{self}({0})", compact([pair[0] for pair in pairs])
    elif direction > 0:
        call, p = f"{{self}}({padded(pairs)})", 0
    else:
        call, p = padded([(-before, -after) for before, after in pairs]).format("{self}({0})"), 0
        out = [n + before + after for n, (before, after) in zip(out, pairs, strict=True)]
    return Code(call, site.named(*([tuple(out)] if out else []), compact(v["k"]), **keys, p=p))
