"""The source of convolutions and pools: PyTorch's own paddings where it has them, and else an explicit F.pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....layers import ConvKind
from ....layers.keys import Pair, spread_sides
from ....window import extent, positions, positions_ceil
from .code import Code, Site, compact, emits, in_row, invoke, module, padded, without

INFINITE = 'float("-inf")'


def sides(site: Site) -> list[Pair] | str:
    """The padding per axis, or `same` where only an open size hides it. SpecError for a word that is not worked out."""
    p = site.values["p"]
    if not isinstance(p, str):
        return list(spread_sides(p, site.nd))
    if p == "same" and set(site.values["s"]) == {1} and "pool" not in site.op:
        return p
    raise site.refuse(f"has no padding {p!r} for an open size", "give the input's sizes")


def even(pairs: Sequence[Pair]) -> bool:
    """Whether each axis has as much before as after."""
    return all(before == after for before, after in pairs)


def window(site: Site, **more: object) -> tuple[str, dict[str, object]]:
    """What is called before a convolution, and its keyword arguments."""
    pairs = sides(site)
    before, padding = "{0}", pairs if isinstance(pairs, str) else compact([pair[0] for pair in pairs])
    if not isinstance(pairs, str) and not even(pairs):
        before, padding = padded(pairs), 0
    keys = {"stride": compact(site.values["s"]), "padding": padding, "dilation": compact(site.values["d"]), **more}
    return before, without(keys, stride=1, padding=0, dilation=1, groups=1, bias=True)


def check_flip(site: Site) -> None:
    """SpecError for a kernel that is turned."""
    if site.values["flip"]:
        raise site.refuse("has no convolution with a turned kernel", "turn the weights, and leave flip out")


@emits("conv", "dwconv")
def conv(site: Site) -> Code:
    """A convolution; a depthwise one has as many groups as channels."""
    check_flip(site)
    groups = site.c if site.layer.node.layer.CONVOLUTION is ConvKind.DEPTHWISE else site.values["g"]
    before, keys = window(site, groups=groups, bias=site.values["bias"])
    k = compact(site.values["k"])
    return Code(f"{{self}}({before})", invoke(f"nn.Conv{site.nd}d", site.c, site.known(site.out[0]), k, **keys))


@emits("sepconv")
def sepconv(site: Site) -> Code:
    """A depthwise convolution and a pointwise one, which has the bias."""
    check_flip(site)
    inner, name = site.c * site.values["multiplier"], f"nn.Conv{site.nd}d"
    before, keys = window(site, groups=site.c, bias=False)
    depthwise = invoke(name, site.c, inner, compact(site.values["k"]), **keys)
    pointwise = invoke(name, inner, site.values["c_o"], 1, **without({"bias": site.values["bias"]}, bias=True))
    return Code(f"{{self}}({before})", in_row(depthwise, pointwise))


@emits("convT")
def transposed(site: Site) -> Code:
    """A transposed convolution; where it cuts unevenly, all of it is made and the borders cropped."""
    check_flip(site)
    v = site.values
    pairs, extra = list(spread_sides(v["p"], site.nd)), list(v["out_pad"])
    limits = [max(s, d) for s, d in zip(v["s"], v["d"], strict=True)]
    call, padding = "{self}({0})", compact([pair[0] for pair in pairs])
    if not even(pairs) or any(o >= limit for o, limit in zip(extra, limits, strict=True)):
        cut = [(-before, -max(after - o, 0)) for (before, after), o in zip(pairs, extra, strict=True)]
        extra = [max(o - after, 0) for (_, after), o in zip(pairs, extra, strict=True)]
        call, padding = padded(cut).format("{self}({0})"), 0
    for o, limit in zip(extra, limits, strict=True):
        if o >= limit:
            raise site.refuse(f"adds less than max(s, d) = {limit} after, and here {o} are wanted", "lower out_pad")
    keys = {
        "stride": compact(v["s"]),
        "padding": padding,
        "output_padding": compact(extra),
        "groups": v["g"],
        "bias": v["bias"],
        "dilation": compact(v["d"]),
    }
    keys = without(keys, stride=1, padding=0, output_padding=0, groups=1, bias=True, dilation=1)
    return Code(call, invoke(f"nn.ConvTranspose{site.nd}d", site.c, v["c_o"], compact(v["k"]), **keys))


def comes_out(site: Site, pads: Sequence[Pair], ceil: bool) -> bool:
    """Whether PyTorch's window with these sides gives the layer's own sizes, for whatever size is open."""
    v = site.values
    for n, out, k, s, d, (before, after) in zip(site.x[1:], site.out[1:], v["k"], v["s"], v["d"], pads, strict=True):
        reach = extent(k, d)
        found = positions_ceil(n, before, after, reach, s) if ceil else positions(n, before + after, reach, s)
        if found != out:
            return False
    return True


def allowed(site: Site, pads: Sequence[int]) -> bool:
    """Whether PyTorch's pools take this much padding: half of the kernel at the most."""
    return all(pad <= k // 2 for pad, k in zip(pads, site.values["k"], strict=True))


def pool_keys(site: Site, padding: Sequence[int], ceil: object, **more: object) -> dict[str, object]:
    """A pool's keyword arguments; `ceil` may be the word for keeping a last window, where that changes no size."""
    s = compact(site.values["s"])
    keys: dict[str, Any] = {"stride": s, "padding": compact(padding), **more, "ceil_mode": bool(ceil)}
    return without(
        keys, stride=compact(site.values["k"]), padding=0, dilation=1, ceil_mode=False, count_include_pad=True
    )


def exact(site: Site, pairs: Sequence[Pair]) -> list[Pair]:
    """Sides with which a window that is rounded down gives the layer's own sizes: no more after than it needs."""
    v, found = site.values, []
    for n, out, k, s, d, (before, _) in zip(site.x[1:], site.out[1:], v["k"], v["s"], v["d"], pairs, strict=True):
        needed = (site.known(out, "a size") - 1) * s + extent(k, d) - site.known(n, "a size") - before
        found.append((before, max(needed, 0)))
    return found


@emits("maxpool")
def maxpool(site: Site) -> Code:
    """A max pool. What hangs over the end never wins, so rounding up stands for padding after."""
    pairs = sides(site)
    assert not isinstance(pairs, str)
    k, d, name = compact(site.values["k"]), compact(site.values["d"]), f"nn.MaxPool{site.nd}d"
    before = [pair[0] for pair in pairs]
    for ceil in (site.values["ceil"], True):
        if allowed(site, before) and comes_out(site, [(pad, pad) for pad in before], ceil):
            return module(invoke(name, k, **pool_keys(site, before, ceil, dilation=d)))
    around = padded(exact(site, pairs), INFINITE)
    return Code(f"{{self}}({around})", invoke(name, k, **pool_keys(site, [0] * site.nd, False, dilation=d)))


@emits("avgpool")
def avgpool(site: Site) -> Code:
    """An average pool. Padding that counts is put around before; what hangs over the end never counts."""
    pairs = sides(site)
    assert not isinstance(pairs, str)
    if set(site.values["d"]) != {1}:
        raise site.refuse("has no dilated average pool")
    counts, ceil = site.values["count_include_pad"], site.values["ceil"]
    k, name = compact(site.values["k"]), f"nn.AvgPool{site.nd}d"
    before = [pair[0] for pair in pairs]
    for up in (ceil, True):
        same = [(pad, pad) for pad in before]
        fits = allowed(site, before) and comes_out(site, same, up)
        if fits and (same == pairs or not counts):
            counted = counts if any(before) else True
            return module(invoke(name, k, **pool_keys(site, before, up, count_include_pad=counted)))
    if counts and comes_out(site, pairs, False):
        return Code(f"{{self}}({padded(pairs)})", invoke(name, k, **pool_keys(site, [0] * site.nd, False)))
    if ceil and not any(map(any, pairs)):
        raise site.refuse("drops a last window that starts beyond the map, and this average keeps it", "leave ceil out")
    raise site.refuse(f"has no average over {pairs} around the map whose padding {'counts' if counts else 'does not'}")


@emits("lppool")
def lppool(site: Site) -> Code:
    """A power-average pool, zeros put around before: PyTorch's rounding up would count a cut window as a whole one.

    It takes powers of negative numbers as they are, too.
    """
    v = site.values
    pairs = sides(site)
    assert not isinstance(pairs, str)
    if set(v["d"]) != {1}:
        raise site.refuse("has no dilated lppool")
    around = exact(site, pairs) if v["ceil"] or any(map(any, pairs)) else pairs
    before = padded(around) if any(map(any, around)) else "{0}"
    if v["norm"] % 2:
        before += ".abs()"
    keys = without({"stride": compact(v["s"])}, stride=compact(v["k"]))
    return Code(f"{{self}}({before})", invoke(f"nn.LPPool{site.nd}d", v["norm"], compact(v["k"]), **keys))


@emits("globalavgpool", "globalmaxpool")
def global_pool(site: Site) -> Code:
    """A global pool: an adaptive one to a single unit, or a mean (a maximum) where the axes vanish."""
    kind = "Avg" if "avg" in site.op else "Max"
    if site.values["keepdims"]:
        return module(invoke(f"nn.Adaptive{kind}Pool{site.nd}d", 1))
    axes = tuple(range(2, site.nd + 2))
    return Code(f"{{0}}.{'mean' if kind == 'Avg' else 'amax'}({axes if len(axes) > 1 else axes[0]})")


@emits("adaptiveavgpool", "adaptivemaxpool")
def adaptive_pool(site: Site) -> Code:
    """An adaptive pool."""
    kind = "Avg" if "avg" in site.op else "Max"
    out = tuple(n if isinstance(n, int) else None for n in site.out[1:])
    same = out[0] if len(set(out)) == 1 else out
    return module(invoke(f"nn.Adaptive{kind}Pool{site.nd}d", same))
