"""Convolutions and pools: the padding as one of Keras's words where one means the same, or as a layer of its own."""

from __future__ import annotations

from ....layers.keys import KEEP, Pair
from ....layers.pool import empty_window
from ....layers.sliding import Slide, halves, place
from ....registry import Registry
from ....sizes import Open, Size
from .step import KerasContext, KerasStep, KerasWriter, border, padded, refuse

WRITERS: Registry[str, KerasWriter] = Registry()


@WRITERS.register("conv", "dwconv", "sepconv")
def conv(context: KerasContext) -> list[KerasStep]:
    """A convolution; Keras has depthwise and separable ones over one and two axes."""
    v, op = context.layer.values, context.layer.node.layer.WORD
    if op != "conv" and len(context.space()) > 2:
        raise refuse(f"it has no {context.layer.op}")
    _check_flip(context)
    if op == "conv" and max(v["s"]) > 1 and max(v["d"]) > 1:
        raise refuse("a convolution has no stride and dilation together", "make one of the two 1", "d")
    before, word = _conv_padding(context, causal=op == "conv")
    return [*before, *context.named(p=word)]


def _check_flip(context: KerasContext) -> None:
    if context.layer.values["flip"]:
        raise refuse("it has no convolution that flips its kernel", key="flip")


def _conv_padding(context: KerasContext, causal: bool) -> tuple[list[KerasStep], str]:
    """The layer before and the word."""
    v, sides = context.layer.values, context.layer.values["p"]
    if isinstance(sides, str):
        if sides in ("same", "same_upper"):
            return [], "same"
        raise refuse(f"padding {sides!r} of an open size", "give the input's sizes", "p")
    if not any(map(any, sides)):
        return [], "valid"
    same = place(context.space(), v["k"], v["s"], v["d"], "same", False)
    if [(one.pb, one.pa) for one in same] == sides:
        return [], "same"
    if causal and len(sides) == 1 and sides[0] == (same[0].k - 1, 0):
        return [], "causal"
    return [padded(context, sides)], "valid"


@WRITERS.register("convT")
def transposed(context: KerasContext) -> list[KerasStep]:
    """Conv1DTranspose to 3D, and what is cut away as a Cropping behind it."""
    v = context.layer.values
    _check_flip(context)
    if v["g"] != 1:
        raise refuse("a transposed convolution has no groups", key="g")
    if max(v["s"]) > 1 and max(v["d"]) > 1:
        raise refuse("a transposed convolution has no stride and dilation together", "make one of the two 1", "d")
    extents = [d * (k - 1) + 1 for k, d in zip(v["k"], v["d"], strict=True)]
    pads, extra = v["p"], v["out_pad"]
    word, more, cut = _transposed_padding(extents, v["s"], [(b, a - o) for (b, a), o in zip(pads, extra, strict=True)])
    made = context.named(p=word, out_pad=more)
    if not any(map(any, cut)):
        return made
    out = context.layer.traced.out
    wide = context.with_space(out, tuple([n + b + a for n, (b, a) in zip(context.spatial_out(), cut, strict=True)]))
    return [made[0]._replace(out=wide), border(context, "Cropping", cut, out, "_crop")]


def _transposed_padding(
    extents: list[int], s: tuple[int, ...], cut: list[Pair]
) -> tuple[str, list[int] | None, list[Pair]]:
    """Keras's word and output_padding, and what is left to cut away before and after on each axis.

    Without output_padding `same` cuts max(k' - s, 0), the odd unit after, and `valid` nothing, adding max(s - k', 0);
    with it `valid` adds just that (keras/src/backend/common/backend_utils.py).
    """
    same = [_same_cut(k, t) for k, t in zip(extents, s, strict=True)]
    if cut == same:
        return "same", None, [(0, 0)] * len(s)
    covered = [max(t - k, 0) for k, t in zip(extents, s, strict=True)]
    if all(after + more >= 0 for (_, after), more in zip(cut, covered, strict=True)):
        return "valid", None, [(before, after + more) for (before, after), more in zip(cut, covered, strict=True)]
    added = [max(-after, 0) for _, after in cut]
    if any(more >= t for more, t in zip(added, s, strict=True)):
        raise refuse(f"output_padding {max(added)} is not below the stride", key="out_pad")
    return "valid", added, [(before, max(after, 0)) for before, after in cut]


def _same_cut(k: int, s: int) -> tuple[int, int]:
    """What `same` cuts before and after; below 0 it adds."""
    pb, pa = halves(max(k - s, 0), lower=False)
    return pb, pa - max(s - k, 0)


@WRITERS.register("maxpool", "avgpool")
def pool(context: KerasContext) -> list[KerasStep]:
    """A sliding pool."""
    if max(context.layer.values["d"]) > 1:
        raise refuse("a pool has no dilation", key="d")
    before, word = _pool_padding(context, average=context.layer.node.layer.WORD == "avgpool")
    return [*before, *context.named(p=word)]


def _pool_padding(context: KerasContext, average: bool) -> tuple[list[KerasStep], str]:
    """The layer before and the word. `same` pads with what a pool leaves out; a layer before pads with zeros."""
    v, sides = context.layer.values, context.layer.values["p"]
    counted = average and v["count_include_pad"]
    same = place(context.space(), v["k"], v["s"], v["d"], "same", False)
    if isinstance(sides, str):
        if sides in ("same", "same_upper") and not counted:
            return [], "same"
        raise refuse(f"padding {sides!r} of an open size", "give the input's sizes", "p")
    out = context.spatial_out()
    needed = [_needed(slide, pair, size, v["ceil"]) for slide, pair, size in zip(same, sides, out, strict=True)]
    if not any(map(any, needed)):
        return [], "valid"
    is_same = [(one.pb, one.out) for one in same] == [(pb, size) for (pb, _), size in zip(needed, out, strict=True)]
    if is_same and not (counted and any(map(any, sides))):
        return [], "same"
    overhangs = any(after > given for (_, after), (_, given) in zip(needed, sides, strict=True))
    if average and (not counted or overhangs):
        raise refuse(
            "an average that leaves out padding, unless it is that of 'same'", "write count_include_pad=true", "p"
        )
    if not average:
        _check_maximum(context)
    return [padded(context, needed)], "valid"


def _check_maximum(context: KerasContext) -> None:
    """SpecError if zeros around the input could be a maximum that is not the layer's own."""
    v = context.layer.values
    if not context.not_negative:
        raise refuse(
            "a maximum over values that may be negative and padding, unless it is that of 'same'",
            "put a relu before it, or a padding that 'same' gives",
            "p",
        )
    slides = place(context.space(), v["k"], v["s"], v["d"], v["p"], bool(v["ceil"]), v["ceil"] == KEEP)
    beyond = [isinstance(w.n, Open) and max(pads) >= w.k for w, pads in zip(slides, v["p"], strict=True)]
    if any(beyond) or any(empty_window(slide) is not None for slide in slides):
        raise refuse("the maximum of a window that lies in the padding", "lower p below k", "p")


def _needed(slide: Slide, pads: tuple[int, int], out: Size, ceil: bool) -> tuple[int, int]:
    """What the windows cover beyond the input on one axis; all of the padding where the size is open."""
    before, after = pads
    if isinstance(slide.n, Open) or isinstance(out, Open):
        if ceil:
            raise refuse("rounding up of an open size", "give the input's sizes", "ceil")
        return before, after
    return before, max((out - 1) * slide.s + slide.k - slide.n - before, 0)


@WRITERS.register("adaptivemaxpool", "adaptiveavgpool")
def adaptive(context: KerasContext) -> list[KerasStep]:
    """A global pool, one whose window divides the input, or Keras's adaptive one."""
    space, out = context.space(), context.spatial_out()
    kind = context.layer.op.removeprefix("adaptive")
    if all(o == 1 for o in out):
        return context.named(f"global{kind}", keepdims=True)
    sizes = [(n, o) for n, o in zip(space, out, strict=True) if isinstance(n, int) and isinstance(o, int)]
    if len(sizes) < len(space):
        raise refuse("an adaptive pool of an open size", "give the input's sizes", "out")
    if any(n % o for n, o in sizes):
        return context.named(out=list(out))
    k = [n // o for n, o in sizes]
    return context.named(kind, k=k, s=k, p="valid")
