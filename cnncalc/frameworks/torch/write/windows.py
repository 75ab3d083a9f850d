"""The source of convolutions and pools: PyTorch's own paddings where it has them, and else an explicit F.pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....layers import ConvKind
from ....layers.keys import Pair, spread_sides
from ....registry import Registry
from ....window import extent, positions, positions_ceil
from .code import Code, TorchContext, TorchWriter, compact, in_row, module, padded

INFINITE = 'float("-inf")'

WRITERS: Registry[str, TorchWriter] = Registry()


def sides(site: TorchContext) -> list[Pair] | str:
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


def window(site: TorchContext, **more: object) -> tuple[str, dict[str, object]]:
    """What is called before a convolution, and its keyword arguments."""
    pairs = sides(site)
    before, padding = "{0}", pairs if isinstance(pairs, str) else compact([pair[0] for pair in pairs])
    if not isinstance(pairs, str) and not even(pairs):
        before, padding = padded(pairs), 0
    return before, {"s": compact(site.values["s"]), "p": padding, "d": compact(site.values["d"]), **more}


def check_flip(site: TorchContext) -> None:
    """SpecError for a kernel that is turned."""
    if site.values["flip"]:
        raise site.refuse("has no convolution with a flipped kernel", "flip the weights, and remove flip")


@WRITERS.register("conv", "dwconv")
def conv(site: TorchContext) -> Code:
    """A convolution; a depthwise one has as many groups as channels."""
    check_flip(site)
    groups = site.c if site.layer.node.layer.CONVOLUTION is ConvKind.DEPTHWISE else site.values["g"]
    before, keys = window(site, g=groups, bias=site.values["bias"])
    c_o, k = site.known(site.out[0]), compact(site.values["k"])
    return Code(f"{{self}}({before})", site.named(site.c, c_o, k, op="conv", **keys))


@WRITERS.register("sepconv")
def sepconv(site: TorchContext) -> Code:
    """A depthwise convolution and a pointwise one, which has the bias."""
    check_flip(site)
    inner = site.c * site.values["multiplier"]
    before, keys = window(site, g=site.c, bias=False)
    depthwise = site.named(site.c, inner, compact(site.values["k"]), op="conv", **keys)
    pointwise = site.named(inner, site.values["c_o"], 1, op="conv", bias=site.values["bias"])
    return Code(f"{{self}}({before})", in_row(depthwise, pointwise))


@WRITERS.register("convT")
def transposed(site: TorchContext) -> Code:
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
            raise site.refuse(f"needs an output_padding below max(s, d) = {limit}, not {o}", "lower out_pad")
    keys = {"s": compact(v["s"]), "p": padding, "out_pad": compact(extra), "g": v["g"], "bias": v["bias"]}
    return Code(call, site.named(site.c, v["c_o"], compact(v["k"]), **keys, d=compact(v["d"])))


def comes_out(site: TorchContext, pads: Sequence[Pair], ceil: bool) -> bool:
    """Whether PyTorch's window with these sides gives the layer's own sizes, for whatever size is open."""
    v = site.values
    for n, out, k, s, d, (before, after) in zip(site.x[1:], site.out[1:], v["k"], v["s"], v["d"], pads, strict=True):
        reach = extent(k, d)
        size = positions_ceil(n, before, after, reach, s) if ceil else positions(n, before + after, reach, s)
        if size != out:
            return False
    return True


def allowed(site: TorchContext, pads: Sequence[int]) -> bool:
    """Whether PyTorch's pools take this much padding: half of the kernel at the most."""
    return all(pad <= k // 2 for pad, k in zip(pads, site.values["k"], strict=True))


def pool_keys(site: TorchContext, padding: Sequence[int], ceil: object, **more: object) -> dict[str, Any]:
    """A pool's keys; `ceil` may be the word for keeping a last window, where that changes no size."""
    s, k = compact(site.values["s"]), compact(site.values["k"])
    return {**({} if s == k else {"s": s}), "p": compact(padding), **more, "ceil": bool(ceil)}


def exact(site: TorchContext, pairs: Sequence[Pair]) -> list[Pair]:
    """Sides with which a window that is rounded down gives the layer's own sizes: not more after than needed."""
    v, tight = site.values, []
    for n, out, k, s, d, (before, _) in zip(site.x[1:], site.out[1:], v["k"], v["s"], v["d"], pairs, strict=True):
        needed = (site.known(out, "a size") - 1) * s + extent(k, d) - site.known(n, "a size") - before
        tight.append((before, max(needed, 0)))
    return tight


@WRITERS.register("maxpool")
def maxpool(site: TorchContext) -> Code:
    """A max pool. What hangs over the end never wins, so rounding up stands for padding after."""
    pairs = sides(site)
    assert not isinstance(pairs, str)
    k, d = compact(site.values["k"]), compact(site.values["d"])
    before = [pair[0] for pair in pairs]
    for ceil in (site.values["ceil"], True):
        if allowed(site, before) and comes_out(site, [(pad, pad) for pad in before], ceil):
            return module(site.named(k, **pool_keys(site, before, ceil, d=d)))
    around = padded(exact(site, pairs), INFINITE)
    return Code(f"{{self}}({around})", site.named(k, **pool_keys(site, [0] * site.nd, False, d=d)))


@WRITERS.register("avgpool")
def avgpool(site: TorchContext) -> Code:
    """An average pool. Padding that counts is put around before; what hangs over the end never counts."""
    pairs = sides(site)
    assert not isinstance(pairs, str)
    if set(site.values["d"]) != {1}:
        raise site.refuse("has no dilated average pool")
    counts, ceil = site.values["count_include_pad"], site.values["ceil"]
    k = compact(site.values["k"])
    before = [pair[0] for pair in pairs]
    for up in (ceil, True):
        same = [(pad, pad) for pad in before]
        fits = allowed(site, before) and comes_out(site, same, up)
        if fits and (same == pairs or not counts):
            counted = counts if any(before) else True
            return module(site.named(k, **pool_keys(site, before, up, count_include_pad=counted)))
    if counts and comes_out(site, pairs, False):
        return Code(f"{{self}}({padded(pairs)})", site.named(k, **pool_keys(site, [0] * site.nd, False)))
    if ceil and not any(map(any, pairs)):
        raise site.refuse("drops a last window that starts beyond the map, but this average keeps it", "remove ceil")
    raise site.refuse(f"has no average over {pairs} around the map whose padding {'counts' if counts else 'does not'}")


@WRITERS.register("lppool")
def lppool(site: TorchContext) -> Code:
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
    s, k = compact(v["s"]), compact(v["k"])
    text = site.named(v["norm"], k) if s == k else site.named(v["norm"], k, s=s)
    return Code(f"{{self}}({before})", text)


@WRITERS.register("globalavgpool", "globalmaxpool")
def global_pool(site: TorchContext) -> Code:
    """A global pool: an adaptive one to a single unit, or a mean (a maximum) where the axes vanish."""
    if site.values["keepdims"]:
        return module(site.named(1, op=site.op.replace("global", "adaptive")))
    axes = tuple(range(2, site.nd + 2))
    return Code(f"{{0}}.{'mean' if 'avg' in site.op else 'amax'}({axes if len(axes) > 1 else axes[0]})")


@WRITERS.register("adaptiveavgpool", "adaptivemaxpool")
def adaptive_pool(site: TorchContext) -> Code:
    """An adaptive pool."""
    out = tuple(n if isinstance(n, int) else None for n in site.out[1:])
    same = out[0] if len(set(out)) == 1 else out
    return module(site.named(same))
