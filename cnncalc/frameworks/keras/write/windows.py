"""Convolutions and pools: the padding as one of Keras's words where one means the same, or as a layer of its own."""

from __future__ import annotations

from typing import Any

from ....layers.pool import KEEP, empty_window
from ....layers.sliding import Slide, halves, place
from ....sizes import Open, Size
from .step import Known, Make, Step, border, numbered, padded, refuse


def conv(known: Known) -> list[Step]:
    """Conv1D to Conv3D."""
    v = known.layer.values
    return _convolve(known, "Conv", {"filters": v["c_o"], "groups": v["g"]}, strided_dilation=False)


def depthwise(known: Known) -> list[Step]:
    """DepthwiseConv1D and 2D."""
    _at_most_two(known)
    return _convolve(known, "DepthwiseConv", {"depth_multiplier": known.layer.values["multiplier"]})


def separable(known: Known) -> list[Step]:
    """SeparableConv1D and 2D."""
    _at_most_two(known)
    v = known.layer.values
    return _convolve(known, "SeparableConv", {"filters": v["c_o"], "depth_multiplier": v["multiplier"]})


def _at_most_two(known: Known) -> None:
    if len(known.space()) > 2:
        raise refuse(f"it has no {known.layer.op}")


def _convolve(known: Known, kind: str, own: dict[str, Any], strided_dilation: bool = True) -> list[Step]:
    v = known.layer.values
    if v["flip"]:
        raise refuse("no convolution turns its kernel", key="flip")
    if max(v["s"]) > 1 and max(v["d"]) > 1 and not strided_dilation:
        raise refuse("a convolution has no stride and dilation together", "make one of the two 1", "d")
    before, word = _conv_padding(known, causal=kind == "Conv")
    window = {"kernel_size": list(v["k"]), "strides": list(v["s"]), "padding": word}
    window |= {"dilation_rate": list(v["d"]), "use_bias": v["bias"]}
    return [*before, *known.one(numbered(known, kind), **own, **window, **known.format())]


def _conv_padding(known: Known, causal: bool) -> tuple[list[Step], str]:
    """The layer before and the word."""
    v, sides = known.layer.values, known.layer.values["p"]
    if isinstance(sides, str):
        if sides in ("same", "same_upper"):
            return [], "same"
        raise refuse(f"padding {sides!r} of an open size", "give the input's sizes", "p")
    if not any(map(any, sides)):
        return [], "valid"
    same = place(known.space(), v["k"], v["s"], v["d"], "same", False)
    if [(one.pb, one.pa) for one in same] == sides:
        return [], "same"
    if causal and len(sides) == 1 and sides[0] == (same[0].k - 1, 0):
        return [], "causal"
    return [padded(known, sides)], "valid"


def transposed(known: Known) -> list[Step]:
    """Conv1DTranspose to 3D, and what is cut away as a Cropping behind it."""
    v = known.layer.values
    if v["flip"]:
        raise refuse("no convolution turns its kernel", key="flip")
    if v["g"] != 1:
        raise refuse("a transposed convolution has no groups", key="g")
    if max(v["s"]) > 1 and max(v["d"]) > 1:
        raise refuse("a transposed convolution has no stride and dilation together", "make one of the two 1", "d")
    extents = [d * (k - 1) + 1 for k, d in zip(v["k"], v["d"], strict=True)]
    pads, extra = v["p"], v["out_pad"]
    word, more, cut = _transposed_padding(extents, v["s"], [(b, a - o) for (b, a), o in zip(pads, extra, strict=True)])
    config = {"filters": v["c_o"], "kernel_size": list(v["k"]), "strides": list(v["s"]), "padding": word}
    config |= {"dilation_rate": list(v["d"]), "use_bias": v["bias"], "output_padding": more, **known.format()}
    kind = numbered(known, "Conv") + "Transpose"
    out = known.layer.traced.out
    if not any(map(any, cut)):
        return known.one(kind, **config)
    wide = known.with_space(out, tuple([n + b + a for n, (b, a) in zip(known.spatial_out(), cut, strict=True)]))
    return [Step(kind, config, wide), border(known, "Cropping", cut, out, "_crop")]


Sides = list[tuple[int, int]]


def _transposed_padding(extents: list[int], s: tuple[int, ...], cut: Sides) -> tuple[str, list[int] | None, Sides]:
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


def pool(kind: str) -> Make:
    """MaxPooling and AveragePooling."""
    average = kind == "AveragePooling"

    def make(known: Known) -> list[Step]:
        v = known.layer.values
        if max(v["d"]) > 1:
            raise refuse("a pool has no dilation", key="d")
        before, word = _pool_padding(known, average)
        window = {"pool_size": list(v["k"]), "strides": list(v["s"]), "padding": word}
        return [*before, *known.one(numbered(known, kind), **window, **known.format())]

    return make


def _pool_padding(known: Known, average: bool) -> tuple[list[Step], str]:
    """The layer before and the word. `same` pads with what a pool leaves out; a layer before pads with zeros."""
    v, sides = known.layer.values, known.layer.values["p"]
    counted = average and v["count_include_pad"]
    same = place(known.space(), v["k"], v["s"], v["d"], "same", False)
    if isinstance(sides, str):
        if sides in ("same", "same_upper") and not counted:
            return [], "same"
        raise refuse(f"padding {sides!r} of an open size", "give the input's sizes", "p")
    out = known.spatial_out()
    needed = [_needed(slide, pair, size, v["ceil"]) for slide, pair, size in zip(same, sides, out, strict=True)]
    if not any(map(any, needed)):
        return [], "valid"
    is_same = [(one.pb, one.out) for one in same] == [(pb, size) for (pb, _), size in zip(needed, out, strict=True)]
    if is_same and not (counted and any(map(any, sides))):
        return [], "same"
    overhangs = any(after > given for (_, after), (_, given) in zip(needed, sides, strict=True))
    if average and (not counted or overhangs):
        raise refuse(
            "an average that leaves out padding other than that of 'same'", "write count_include_pad=true", "p"
        )
    if not average:
        _check_maximum(known)
    return [padded(known, needed)], "valid"


def _check_maximum(known: Known) -> None:
    """SpecError if zeros around the input could be a maximum that is not the layer's own."""
    v = known.layer.values
    if not known.not_negative:
        raise refuse(
            "a maximum over padding other than that of 'same', of values that may be negative",
            "put a relu before it, or a padding that 'same' gives",
            "p",
        )
    slides = place(known.space(), v["k"], v["s"], v["d"], v["p"], bool(v["ceil"]), v["ceil"] == KEEP)
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


def global_pool(kind: str) -> Make:
    """GlobalMaxPooling and GlobalAveragePooling."""
    return lambda known: known.one(numbered(known, kind), keepdims=known.layer.values["keepdims"], **known.format())


def adaptive(kind: str) -> Make:
    """A global pool, one whose window divides the input, or Keras's adaptive one."""

    def make(known: Known) -> list[Step]:
        space, out = known.space(), known.spatial_out()
        if all(o == 1 for o in out):
            return known.one(numbered(known, f"Global{kind}"), keepdims=True, **known.format())
        if any(isinstance(n, Open) or isinstance(o, Open) for n, o in zip(space, out, strict=True)):
            raise refuse("an adaptive pool of an open size", "give the input's sizes", "out")
        if any(n % o for n, o in zip(space, out, strict=True)):  # type: ignore[operator]
            return known.one(numbered(known, f"Adaptive{kind}"), output_size=list(out), **known.format())
        k = [n // o for n, o in zip(space, out, strict=True)]  # type: ignore[operator]
        return known.one(numbered(known, kind), pool_size=k, strides=k, padding="valid", **known.format())

    return make
