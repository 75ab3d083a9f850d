"""Convolutions and pools, with padding as one of Keras's words if one is equivalent, or as a separate layer."""

from __future__ import annotations

from ....layers.keys import KEEP, Pair
from ....layers.pixels import empty_window
from ....layers.sliding import Slide, halves, place
from ....registry import Registry
from ....sizes import Open, Size
from .step import KerasContext, KerasStep, KerasWriter, border, inexpressible, padded

WRITERS: Registry[str, KerasWriter] = Registry()


@WRITERS.register("conv", "dwconv", "sepconv")
def conv(context: KerasContext) -> list[KerasStep]:
    """Return a convolution, preceded by its padding if no word is equivalent; depthwise ones have one or two axes."""
    v, sides, op = context.layer.values, context.layer.values["p"], context.layer.node.layer.WORD
    if op != "conv" and len(context.space()) > 2:
        raise inexpressible(f"it has no {context.layer.op}")
    _check(context, "a convolution" if op == "conv" else None)
    if isinstance(sides, str):
        return context.named(p=_open_same(sides))
    same = place(context.space(), v["k"], v["s"], v["d"], "same", False)
    if not any(map(any, sides)):
        return context.named(p="valid")
    if [(one.pb, one.pa) for one in same] == sides:
        return context.named(p="same")
    if op == "conv" and len(sides) == 1 and sides[0] == (same[0].k - 1, 0):
        return context.named(p="causal")
    return [padded(context, sides), *context.named(p="valid")]


def _check(context: KerasContext, strided: str | None) -> None:
    """Raise SpecError for a flipped kernel, and in a `strided` convolution for a stride together with a dilation."""
    v = context.layer.values
    if v["flip"]:
        raise inexpressible("it has no convolution that flips its kernel", key="flip")
    if strided and max(v["s"]) > 1 and max(v["d"]) > 1:
        raise inexpressible(f"{strided} has no stride and dilation together", "make one of the two 1", "d")


def _open_same(p: str, *, possible: bool = True) -> str:
    """Return `same` for a padding that is a word because of an open size.

    Raise SpecError if it means another padding.
    """
    if p in ("same", "same_upper") and possible:
        return "same"
    raise inexpressible(f"padding {p!r} of an open size", "give the input's sizes", "p")


@WRITERS.register("convT")
def transposed(context: KerasContext) -> list[KerasStep]:
    """Return a transposed convolution, followed by a Cropping for what no word cuts off."""
    v = context.layer.values
    if v["g"] != 1:
        raise inexpressible("a transposed convolution has no groups", key="g")
    _check(context, "a transposed convolution")
    extents = [d * (k - 1) + 1 for k, d in zip(v["k"], v["d"], strict=True)]
    cuts = [(before, after - more) for (before, after), more in zip(v["p"], v["out_pad"], strict=True)]
    word, more, cut = _transposed_padding(extents, v["s"], cuts)
    steps = context.named(p=word, out_pad=more)
    if not any(map(any, cut)):
        return steps
    out = context.layer.traced.out
    return [steps[0]._replace(out=context.wider(out, cut)), border(context, "crop", cut, out, "_crop")]


def _transposed_padding(
    extents: list[int], s: tuple[int, ...], cut: list[Pair]
) -> tuple[str, list[int] | None, list[Pair]]:
    """Return Keras's word and output_padding, and what is left to crop before and after on each axis.

    Without output_padding `same` cuts max(k' - s, 0), the odd unit after, and `valid` nothing, adding max(s - k', 0);
    with it `valid` adds just that (keras/src/backend/common/backend_utils.py).
    """
    shorter = [max(t - k, 0) for k, t in zip(extents, s, strict=True)]
    halved = [halves(max(k - t, 0), lower=False) for k, t in zip(extents, s, strict=True)]
    if cut == [(before, after - more) for (before, after), more in zip(halved, shorter, strict=True)]:
        return "same", None, [(0, 0)] * len(s)
    left = [(before, after + more) for (before, after), more in zip(cut, shorter, strict=True)]
    if all(after >= 0 for _, after in left):
        return "valid", None, left
    added = [max(-after, 0) for _, after in cut]
    if any(more >= t for more, t in zip(added, s, strict=True)):
        raise inexpressible(f"output_padding {max(added)} is not below the stride", key="out_pad")
    return "valid", added, [(before, max(after, 0)) for before, after in cut]


@WRITERS.register("maxpool", "avgpool")
def pool(context: KerasContext) -> list[KerasStep]:
    """Return a sliding pool. Keras does not count `same` padding; other padding is zeros from a preceding layer."""
    v, sides = context.layer.values, context.layer.values["p"]
    if max(v["d"]) > 1:
        raise inexpressible("a pool has no dilation", key="d")
    average = context.layer.node.layer.WORD == "avgpool"
    counted = average and v["count_include_pad"]
    if isinstance(sides, str):
        return context.named(p=_open_same(sides, possible=not counted))
    same, out = place(context.space(), v["k"], v["s"], v["d"], "same", False), context.spatial_out()
    needed = [_needed(slide, pair, size, v["ceil"]) for slide, pair, size in zip(same, sides, out, strict=True)]
    if not any(map(any, needed)):
        return context.named(p="valid")
    is_same = [(one.pb, one.out) for one in same] == [(pb, size) for (pb, _), size in zip(needed, out, strict=True)]
    if is_same and not (counted and any(map(any, sides))):
        return context.named(p="same")
    overhangs = any(after > given for (_, after), (_, given) in zip(needed, sides, strict=True))
    if average and (not counted or overhangs):
        what = "an average that leaves out padding other than that of 'same'"
        raise inexpressible(what, "write count_include_pad=true", "p")
    if not average:
        _check_maximum(context)
    return [padded(context, needed), *context.named(p="valid")]


def _check_maximum(context: KerasContext) -> None:
    """Raise SpecError if zero padding could win a maximum."""
    v = context.layer.values
    if not context.not_negative:
        raise inexpressible(
            "a maximum over values that may be negative and padding other than that of 'same'",
            "put a relu before it, or use padding that 'same' gives",
            "p",
        )
    slides = place(context.space(), v["k"], v["s"], v["d"], v["p"], bool(v["ceil"]), v["ceil"] == KEEP)
    beyond = [isinstance(w.n, Open) and max(pads) >= w.k for w, pads in zip(slides, v["p"], strict=True)]
    if any(beyond) or any(empty_window(slide) is not None for slide in slides):
        raise inexpressible("the maximum of a window entirely in the padding", "lower p below k", "p")


def _needed(slide: Slide, pads: tuple[int, int], out: Size, ceil: bool) -> tuple[int, int]:
    """Return what the windows cover beyond the input on one axis, or all of the padding if the size is open."""
    before, after = pads
    if isinstance(slide.n, Open) or isinstance(out, Open):
        if ceil:
            raise inexpressible("rounding up of an open size", "give the input's sizes", "ceil")
        return before, after
    return before, max((out - 1) * slide.s + slide.k - slide.n - before, 0)


@WRITERS.register("adaptivemaxpool", "adaptiveavgpool")
def adaptive(context: KerasContext) -> list[KerasStep]:
    """Return a global pool, a pool whose window divides the input, or Keras's adaptive pool."""
    space, out = context.space(), context.spatial_out()
    kind = context.layer.node.layer.WORD.removeprefix("adaptive")
    if all(o == 1 for o in out):
        return context.named(f"global{kind}", keepdims=True)
    sizes = [(n, o) for n, o in zip(space, out, strict=True) if isinstance(n, int) and isinstance(o, int)]
    if len(sizes) < len(space):
        raise inexpressible("an adaptive pool of an open size", "give the input's sizes", "out")
    if any(n % o for n, o in sizes):
        return context.named(out=list(out))
    k = [n // o for n, o in sizes]
    return context.named(kind, k=k, s=k, p="valid")
