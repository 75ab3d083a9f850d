"""Keras's layers, each as layers of a spec: the configuration's keys under other names, the values as they are."""

from __future__ import annotations

from collections.abc import Callable

from ....layers import OPS
from ....layers.names import KERAS
from .config import LayerCall
from .functions import CONVERTERS, TENSORFLOW, WITH_CONSTANT, Converter, LayerPart, Parts, activation, numbers, renamed
from .opaque import opaque
from .windows import FUSED, SPELLINGS


def convert(call: LayerCall) -> list[LayerPart]:
    """Return the layers for a call of a Keras layer; one opaque layer for what cnncalc does not know."""
    kind = _kind(call)
    call = call._replace(kind=kind)
    converter = CONVERTERS.get(kind)
    if _other_layout(call) or (kind not in _JOINS and len(call.read()) != 1):
        converter = None
    converted = None if converter is None else converter(call)
    if converted is None:
        return [LayerPart(opaque(call))]
    parts = [LayerPart(converted)] if isinstance(converted, dict) else converted
    fused = activation(call.get("activation"), call._replace(args=())) if kind in _FUSED else None
    return parts if fused is None else [*parts, LayerPart(fused, "_activation")]


def _kind(call: LayerCall) -> str:
    """Return the class that does what a TensorFlow function does, and one name for a class with many spellings."""
    if call.kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        function = call.config.get("function")
        return TENSORFLOW.get(function.rpartition(".")[2], call.kind) if isinstance(function, str) else call.kind
    return _SPELLINGS.get(call.kind, call.kind)


def _other_layout(call: LayerCall) -> bool:
    """Return whether a layer takes its channels elsewhere than the network does."""
    given = call.config.get("data_format")
    return given is not None and call.kind != "Flatten" and (given == "channels_last") != call.channels_last


@CONVERTERS.register("Flatten")
def _flatten(call: LayerCall) -> Parts:
    """Return a flatten in Keras's order: channels that stand first are moved to the end before."""
    sizes = call.sizes()
    flat = LayerPart({"op": "flatten"})
    if call.get("data_format") != "channels_first":
        return [flat]
    if sizes is None:
        return None
    if len(sizes) < 2 or all(n == 1 for n in sizes[1:]) or sizes[0] == 1:
        return [flat]
    return [LayerPart({"op": "permute", "order": [*range(2, len(sizes) + 1), 1]}, "_permute"), flat]


@CONVERTERS.register("Resizing")
def _resizing(call: LayerCall) -> Parts:
    mode = call.get("interpolation") or "bilinear"
    simple = not any(call.get(f"{how}_to_aspect_ratio") for how in ("crop", "pad"))
    out = [call.get("height"), call.get("width")]
    return {"op": "upsample", "out": out, "mode": mode} if simple and mode in ("bilinear", "bicubic") else None


@CONVERTERS.register("Normalization")
def _normalization(call: LayerCall) -> Parts:
    """Return a normalization by given numbers, or by those that it learns and keeps; None if it is inverted."""
    axis, mean, variance = call.get("axis"), numbers(call.get("mean")), numbers(call.get("variance"))
    if call.get("invert") or axis is None or not call.on_channels(axis) or (mean is None) != (variance is None):
        return None
    return {"op": "normalization"} if mean is None else {"op": "normalization", "mean": mean, "variance": variance}


@CONVERTERS.register("Rescaling")
def _rescaling(call: LayerCall) -> Parts:
    factor, offset = numbers(call.get("scale")), numbers(call.get("offset"))
    if not call.channels_last and (isinstance(factor, list) or isinstance(offset, list)):
        return None  # lists are for the last axis
    return {"op": "rescale", "factor": factor, "offset": offset}


def _over_other_axes(call: LayerCall) -> bool:
    axis = call.get("axis")
    return not call.on_channels(-1 if axis is None else axis)


def _over_batch(call: LayerCall) -> bool:
    axis = call.get("axis")
    return axis is None or 0 in (axis if isinstance(axis, list) else [axis])


def _other_cell(call: LayerCall) -> bool:
    """Return whether a recurrent layer has other functions than usual, gives its states, or gives steps backwards."""
    usual = {"activation": ("tanh", "relu", "sigmoid", "linear"), "recurrent_activation": ("sigmoid",)}
    if any(call.get(key) not in (None, *names) for key, names in usual.items()):
        return True
    backwards = call.get("go_backwards") and call.get("return_sequences")
    return bool(backwards or call.get("return_state") or len(call.tensors()) > 1)


_OPAQUE_IF: dict[str, Callable[[LayerCall], object]] = {
    "upsample": lambda call: call.get("interpolation") not in (None, "nearest", "bilinear", "bicubic"),
    "batchnorm": lambda call: call.get("renorm") or _over_other_axes(call),
    "groupnorm": _over_other_axes,
    "layernorm": lambda call: call.get("rms_scaling"),
    "scale": lambda call: not call.channels_last,
    **dict.fromkeys(("mean", "sum", "prod", "logsumexp", "cumsum"), _over_batch),
    **dict.fromkeys(("lstm", "gru", "rnn"), _other_cell),
}
"""The tests for calls that no layer here expresses, by the op for other calls of the class."""


@CONVERTERS.register("Min", "Max", "Amin", "Amax")
def _extreme(call: LayerCall) -> Parts:
    """Return a minimum or a maximum over some axes."""
    if _over_batch(call):
        return None
    keys = {key: value for key in ("axis", "keepdims") if (value := call.get(key)) is not None}
    return {"op": call.kind.lower()[-3:], **keys}


def _by_name(op: str) -> Converter:
    """Return the converter to an op whose keys are only renamed."""
    is_opaque = _OPAQUE_IF.get(OPS[op][0].WORD)
    return lambda call: None if is_opaque is not None and is_opaque(call) else renamed(call, op)


CONVERTERS.register("AlphaDropout", "GaussianDropout", "StochasticDepth", *(f"SpatialDropout{n}D" for n in (1, 2, 3)))(
    _by_name("dropout")
)
_RANDOM = (
    *("Flip", "Rotation", "Zoom", "Translation", "Contrast", "Brightness", "Shear", "Hue", "Saturation", "ColorJitter"),
    *("Grayscale", "Invert", "Erasing", "Perspective", "GaussianBlur", "Sharpness", "Posterization"),
    *("ColorDegeneration", "ElasticTransform"),
)
_INERT = ("Masking", "ActivityRegularization", "GaussianNoise", "AugMix", "CutMix", "MixUp", "RandAugment")
"""Layers that do nothing once trained, as do those called `Random…` with one of _RANDOM."""
CONVERTERS.register(*_INERT, *(f"Random{what}" for what in _RANDOM))(_by_name("identity"))
for _op, _name in KERAS.items():
    for _word, _end in _name.numbered():
        CONVERTERS.setdefault(_word, _by_name(_op + _end if _op + _end in OPS else _op))

_SPELLINGS = {
    **SPELLINGS,
    **dict.fromkeys(("BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"), "BatchNormalization"),
}
"""The classes by their other names."""

_FUSED = {*FUSED, "Dense"}
"""Layers with an activation of their own."""
_JOINS = {*WITH_CONSTANT, "Where", "Stack", "Concatenate", "CustomScaleLayer"}
"""Layers that may read several tensors."""
