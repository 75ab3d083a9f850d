"""Keras's masks: the layers that make one, pass one on, or whose values depend on one.

A mask has a number for each step: 1 if it counts, otherwise 0. Source: `compute_mask` of the classes in
keras/src/layers.
"""

from __future__ import annotations

from typing import NamedTuple

from ...build import Draft
from .config import LayerCall, Sizes, Tensor
from .parts import CONVERTERS, LayerPart, Parts, Raw, Results, listed


class MadeMask(NamedTuple):
    """The mask of a layer's output."""

    parts: list[LayerPart]
    """The layers that compute it, which read the layer's inputs."""
    masked: bool
    """Whether there is one."""
    mask: Tensor | None
    """The mask, possibly the suffix of an earlier part; None if it cannot be followed."""
    outputs: int = 1
    """The number of the layer's outputs that have it."""


NO_MASK = MadeMask([], False, None)
UNKNOWN_MASK = MadeMask([], True, None)


def takes_masks(call: LayerCall) -> bool:
    """Return whether a layer removes the masks of its inputs, so that later layers see none.

    MultiHeadAttention does so since Keras 3: after it, x + attention(x) has no mask.
    """
    return call.kind == "MultiHeadAttention" and not call.old


def output_mask(call: LayerCall) -> MadeMask:
    """Return the mask of a layer's output, by Keras's rules; operations give none."""
    kind, sizes, read = call.kind, call.sizes(), call.read()
    if call.is_operation or not read:
        return NO_MASK
    if kind in ("Embedding", "ReversibleEmbedding") and not call.kwargs.get("reverse"):
        return _unequal(call, 0, sizes) if call.config.get("mask_zero") else NO_MASK
    if kind == "Masking":
        return _unequal(call, call.get("mask_value") or 0, None if sizes is None else sizes[:-1], over_last=True)
    if not call.masked or kind not in _PASSING or (kind in _RECURRENT and not _gives_steps(call)):
        return NO_MASK
    both = kind == "Bidirectional" and call.config.get("merge_mode", "concat") is None
    return _merged(call, read) if kind in _MERGING else MadeMask([], True, call.mask, 1 + both)


def _gives_steps(call: LayerCall) -> bool:
    """Return whether a recurrent layer returns every step."""
    inner = call.config.get("layer") if call.kind == "Bidirectional" else None
    config = inner.get("config") if isinstance(inner, dict) else call.config
    return isinstance(config, dict) and bool(config.get("return_sequences"))


def _unequal(call: LayerCall, value: float, sizes: Sizes | None, over_last: bool = False) -> MadeMask:
    """Return the mask of values that differ from `value`; with `over_last`, of steps with any such value."""
    compared = LayerPart({"op": "compare", "by": "ne", "value": value}, "_mask", (call.read()[0].layer,))
    parts = [compared]
    if over_last:
        parts = [compared._replace(suffix="_differs"), LayerPart({"op": "max", "axis": [-1]}, "_mask", ("_differs",))]
    return MadeMask(parts, True, Tensor("_mask", sizes))


def _merged(call: LayerCall, read: list[Tensor]) -> MadeMask:
    """Return the union of several masks: a step counts if it counts in one of them, or if an input has no mask."""
    masks = [one.mask for one in read if one.mask is not None]
    along_steps = call.kind == "Concatenate" and not call.on_last(call.get("axis"))
    if len(masks) == len(read) and len(masks) > 1:
        raw: Raw = {"op": "concat", "axis": call.axis(call.get("axis"))} if along_steps else {"op": "max"}
        return MadeMask([LayerPart(raw, "_mask", tuple([one.layer for one in masks]))], True, Tensor("_mask", None))
    if len(masks) == len(read):
        return MadeMask([], True, masks[0])
    return UNKNOWN_MASK if along_steps or any(one.masked and one.mask is None for one in read) else NO_MASK


_MERGING = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_PASSING = {
    *(*_MERGING, *_RECURRENT),
    *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "ThresholdedReLU", "Softmax", "Dense", "Identity", "Lambda"),
    *("BatchNormalization", "GroupNormalization", "LayerNormalization", "UnitNormalization", "Normalization"),
    *("ActivityRegularization", "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "TimeDistributed"),
    *(f"SpatialDropout{n}D" for n in (1, 2, 3)),
    *("MultiHeadAttention", "GroupedQueryAttention", "Attention", "AdditiveAttention"),
}
"""The layers that pass a mask on (`supports_masking`); others lose it."""


@CONVERTERS.register("Masking")
def _masking(call: LayerCall) -> Parts:
    """Return what Masking does to values: it zeroes steps that consist only of `mask_value`."""
    value = call.get("mask_value")
    if value in (None, 0):
        return {"op": "identity"}
    x = call.read()[0].layer
    return [
        LayerPart({"op": "compare", "by": "ne", "value": value}, "_unequal", (x,)),
        LayerPart({"op": "max", "axis": [-1], "keepdims": True}, "_counts"),
        LayerPart({"op": "mul"}, "", (x, "_counts")),
    ]


def column(mask: Tensor, suffix: str = "_counts") -> LayerPart:
    """Return a mask of steps with an added feature axis of size 1."""
    steps = mask.sizes[0] if mask.sizes else None
    return LayerPart({"op": "reshape", "out": [-1 if steps is None else steps, 1]}, suffix, (mask.layer,))


def masked_mean(call: LayerCall) -> Parts:
    """Return the mean of the steps that count (GlobalAveragePooling1D)."""
    mask, x = call.mask, call.read()[0].layer
    if mask is None or not call.channels_last:  # with channels first, Keras applies the mask to the channels
        return None
    total: Raw = {"op": "sum", "axis": [1], "keepdims": bool(call.get("keepdims"))}
    return [
        column(mask),
        LayerPart({"op": "mul"}, "_counted", (x, "_counts")),
        LayerPart(total, "_sum"),
        LayerPart(total, "_steps", ("_counts",)),
        LayerPart({"op": "div"}, "", ("_sum", "_steps")),
    ]


def masked_softmax(call: LayerCall) -> Parts:
    """Return a softmax of the values that count; the others are 0."""
    mask, read = call.mask, call.read()
    made = CONVERTERS["Softmax"](call._replace(args=(read[0]._replace(layer="_chosen"),), kwargs={}))
    if (
        made is None
        or isinstance(made, Results)
        or mask is None
        or mask.sizes is None
        or read[0].sizes is None
        or len(mask.sizes) > len(read[0].sizes)
    ):
        return None
    low: Raw = {"op": "constant", "shape": [], "value": -1e9, "kind": "constant"}
    chosen = LayerPart({"op": "where"}, "_chosen", (mask.layer, read[0].layer, "_low"))
    softmax = listed(made)
    ends = [softmax[-1]._replace(suffix="_softmax"), LayerPart({"op": "mul"}, "", ("_softmax", mask.layer))]
    return [LayerPart(low, "_low", ()), chosen, *softmax[:-1], *ends]


def masked_product(call: LayerCall) -> Parts:
    """Return a product in which masked steps are 1, or 0 if masked in all factors (Multiply)."""
    columns = _columns(call)
    if columns is None:
        return None
    parts, factors, all_masked = [*columns], list[Draft | str](), len(columns) == len(call.read())
    one: Raw = {"op": "constant", "shape": [], "value": 1, "kind": "constant"}
    parts.append(LayerPart(one, "_one", ()))
    for at, read in enumerate(call.read(), 1):
        factors.append(f"_factor{at}" if read.masked else read.layer)
        if read.masked:
            parts.append(LayerPart({"op": "where"}, f"_factor{at}", (f"_counts{at}", read.layer, "_one")))
    if not all_masked:
        return [*parts, LayerPart({"op": "mul"}, "", tuple(factors))]
    parts.append(LayerPart({"op": "mul"}, "_product", tuple(factors)))
    parts.append(LayerPart({"op": "max"}, "_counts", tuple(one.suffix for one in columns)))
    return [*parts, LayerPart({"op": "mul"}, "", ("_product", "_counts"))]


def masked_extreme(call: LayerCall) -> Parts:
    """Return a maximum or minimum over inputs whose step counts; if none counts, the first input's value."""
    columns, (first, *others) = _columns(call), call.read()
    if columns is None or len(others) != 1:
        return None
    second, parts = others[0], [*columns]
    ends: list[Draft | str] = [first.layer, second.layer]
    for at, read, name in ((1, second, "_counts2"), (0, first, "_counts1")):
        if read.masked:
            kept: tuple[Draft | str, ...] = (name, ends[at], ends[1 - at])
            parts.append(LayerPart({"op": "where"}, f"_kept{at + 1}", kept))
            ends[at] = f"_kept{at + 1}"
    return [*parts, LayerPart({"op": call.kind.lower()[:3]}, "", tuple(ends))]


def _columns(call: LayerCall) -> list[LayerPart] | None:
    """Return each input's mask, if any, with a feature axis of size 1; None if one cannot be followed."""
    found = []
    for at, read in enumerate(call.read(), 1):
        if read.masked and read.mask is not None and read.sizes is not None and len(read.sizes) == 2:
            found.append(column(read.mask, f"_counts{at}"))
        elif read.masked:
            return None
    return found
