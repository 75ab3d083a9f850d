"""Keras's layers, each as layers of a spec: the configuration's keys under other names, the values as they are."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from ....layers import OPS
from ....layers.affine import LEAST_DEVIATION
from ....layers.names import KERAS
from . import dense, images, sequences, shapes  # noqa: F401 - they register their converters
from .config import LayerCall, Tensor
from .functions import (
    CONVERTERS,
    JOINS,
    TENSORFLOW,
    Converter,
    LayerPart,
    Parts,
    Raw,
    Results,
    activation,
    numbers,
    renamed,
)
from .images import MODES
from .opaque import has_figures, opaque
from .roles import Recipe
from .variables import inner_layer
from .windows import FUSED, SPELLINGS


def convert(call: LayerCall) -> list[LayerPart] | Results:
    """Return the layers for a call of a Keras layer; one opaque layer for what cnncalc does not know."""
    kind = _kind(call)
    call = call._replace(kind=kind)
    converter = CONVERTERS.get(kind)
    if _other_layout(call) or (kind not in _JOINS and len(call.read()) != 1) or (call.masked and kind in _MASKED):
        converter = None
    converted = None if converter is None else converter(call)
    if converted is None:
        return [LayerPart(opaque(call))]
    if isinstance(converted, Results):
        return converted
    parts = [LayerPart(converted)] if isinstance(converted, dict) else converted
    fused = activation(call.get("activation"), call._replace(args=())) if kind in _FUSED else None
    return parts if fused is None else [*parts, LayerPart(fused, "_activation")]


def is_known(kind: str) -> bool:
    """Return whether a class is a layer of Keras's of which something is known here."""
    return _SPELLINGS.get(kind, kind) in CONVERTERS or has_figures(kind)


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


@CONVERTERS.register("Masking")
def _masking(call: LayerCall) -> Parts:
    """Return what Masking does to values: it makes steps zero that are `mask_value` throughout."""
    return {"op": "identity"} if call.get("mask_value") in (None, 0) else None


@CONVERTERS.register("RMSNormalization")
def _rms(call: LayerCall) -> Parts:
    """Return x / sqrt(mean(x**2) + eps), then a weight for each channel."""
    return _scaled(call, [LayerPart({"op": "square"}, "_square")], 1e-6, "scale")


@CONVERTERS.register("LayerNormalization")
def _layernorm(call: LayerCall) -> Parts:
    """Return a layer norm; with `rms_scaling` x / sqrt(variance + eps), then a weight."""
    if not call.get("rms_scaling"):
        return renamed(call, "layernorm")
    read = call.read()[0].layer
    mean: Raw = {"op": "mean", "axis": [-1 if call.channels_last else 1], "keepdims": True}
    apart = LayerPart({"op": "sub"}, "_apart", (read, "_center"))
    return _scaled(call, [LayerPart(mean, "_center"), apart, LayerPart({"op": "square"}, "_square")], 1e-3, "gamma")


def _scaled(call: LayerCall, squares: list[LayerPart], eps: float, weight: str) -> Parts:
    """Return x / sqrt(mean(squares) + eps) over the channels, then a weight for each."""
    axis = call.get("axis")
    if not call.on_channels(-1 if axis is None else axis):
        return None
    given = call.get("epsilon")
    return [
        *squares,
        LayerPart({"op": "mean", "axis": [-1 if call.channels_last else 1], "keepdims": True}, "_mean"),
        LayerPart({"op": "rescale", "offset": eps if given is None else given}, "_sum"),
        LayerPart({"op": "rsqrt"}, "_inverse"),
        LayerPart({"op": "mul"}, "_normal", (call.read()[0].layer, "_inverse")),
        LayerPart({"op": "scale"}, "", ("_normal",), {"weight": Recipe((weight,))}),
    ]


@CONVERTERS.register("SpectralNormalization")
def _spectral(call: LayerCall) -> Parts:
    """Return the layer inside: its kernel is normalised while it is trained, and kept so."""
    inner = inner_layer(call.config)
    if inner is None:
        return None
    kind, config = inner
    trained = call.config.get("trainable") is not False and config.get("trainable") is not False
    return convert(call._replace(kind=kind, config={**config, "trainable": trained}))


@CONVERTERS.register("Normalization")
def _normalization(call: LayerCall) -> Parts:
    """Return a normalization by given numbers, or by those that it learns and keeps; or what undoes it."""
    axis, mean, variance = call.get("axis"), numbers(call.get("mean")), numbers(call.get("variance"))
    if axis is None or not call.on_channels(axis) or (mean is None) != (variance is None):
        return None
    if not call.get("invert"):
        return {"op": "normalization"} if mean is None else {"op": "normalization", "mean": mean, "variance": variance}
    if variance is None:
        return None
    listed = variance if isinstance(variance, list) else [variance]
    return {"op": "rescale", "factor": [max(sqrt(n), LEAST_DEVIATION) for n in listed], "offset": mean}


@CONVERTERS.register("Rescaling")
def _rescaling(call: LayerCall) -> Parts:
    factor, offset = numbers(call.get("scale")), numbers(call.get("offset"))
    if not call.channels_last and (isinstance(factor, list) or isinstance(offset, list)):
        return None  # lists are for the last axis
    return {"op": "rescale", "factor": factor, "offset": offset}


@CONVERTERS.register("TimeDistributed")
def _time_distributed(call: LayerCall) -> Parts:
    """Return a layer that works on each step alone; a Dense does so by itself."""
    inner = inner_layer(call.config)
    if inner is None or len(call.tensors()) != 1:
        return None
    kind, config = inner
    config = {**config, "trainable": config.get("trainable") is not False and call.config.get("trainable") is not False}
    if kind in ("Dense", "Activation", "ReLU", "Dropout"):
        return convert(call._replace(kind=kind, config=config))
    sizes = call.sizes()
    one = Tensor(call.read()[0].layer, None if sizes is None else sizes[1:])
    out = None if call.out is None else call.out[1:]
    parts = convert(call._replace(kind=kind, config=config, args=(one,), kwargs={}, out=out))
    if isinstance(parts, Results) or any(part.raw["op"] == "opaque" and "out" not in part.raw for part in parts):
        return None
    first, *others = parts
    fold, unfold = LayerPart({"op": "tobatch"}, "_steps"), LayerPart({"op": "frombatch"}, "_together")
    return [fold, first._replace(reads=first.reads and ("_steps",)), *others, unfold]


def _over_other_axes(call: LayerCall) -> bool:
    axis = call.get("axis")
    return not call.on_channels(-1 if axis is None else axis)


def _over_batch(call: LayerCall) -> bool:
    axis = call.get("axis")
    return axis is None or 0 in (axis if isinstance(axis, list) else [axis])


_OPAQUE_IF: dict[str, Callable[[LayerCall], object]] = {
    "upsample": lambda call: call.get("interpolation") not in (None, *MODES),
    "batchnorm": _over_other_axes,
    "groupnorm": _over_other_axes,
    "scale": lambda call: not call.channels_last,
    **dict.fromkeys(("mean", "sum", "prod", "logsumexp", "cumsum"), _over_batch),
}
"""The tests for calls that no layer here expresses, by the op for other calls of the class."""


@CONVERTERS.register("Min", "Max", "Amin", "Amax")
def _extreme(call: LayerCall) -> Parts:
    """Return a minimum or a maximum over some axes."""
    if _over_batch(call):
        return None
    keys = {key: value for key in ("axis", "keepdims") if (value := call.get(key)) is not None}
    return {"op": call.kind.lower()[-3:], **keys}


@CONVERTERS.register("Var", "Std")
def _variance(call: LayerCall) -> Parts:
    """Return the mean of the squared differences from the mean over some axes, or its square root."""
    if _over_batch(call):
        return None
    axis = call.get("axis")
    axes = {"axis": list(axis) if isinstance(axis, (list, tuple)) else [axis]}
    mean: Raw = {"op": "mean", **axes, "keepdims": bool(call.get("keepdims"))}
    parts = [
        LayerPart({"op": "mean", **axes, "keepdims": True}, "_mean"),
        LayerPart({"op": "sub"}, "_apart", (call.read()[0].layer, "_mean")),
        LayerPart({"op": "square"}, "_square"),
    ]
    if call.kind == "Var":
        return [*parts, LayerPart(mean)]
    return [*parts, LayerPart(mean, "_variance"), LayerPart({"op": "sqrt"})]


@CONVERTERS.register("Norm")
def _norm(call: LayerCall) -> Parts:
    """Return the norm of the values along an axis, or the Euclidean one over several."""
    order, axis = call.get("ord"), call.get("axis")
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if _over_batch(call) or not (order in (None, 2, "fro", "euclidean") or (order == 1 and len(axes) == 1)):
        return None
    if order == 2 and len(axes) > 1:  # the largest singular value
        return None
    return {"op": "l1" if order == 1 else "l2", "axis": axes, "keepdims": bool(call.get("keepdims"))}


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
_INERT = ("ActivityRegularization", "GaussianNoise", "AugMix", "CutMix", "MixUp", "RandAugment")
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

_FUSED = {*FUSED, "Dense", "EinsumDense"}
"""Layers with an activation of their own."""
_JOINS = {
    *(*JOINS, "Where", "Concatenate", "CustomScaleLayer"),
    *("MultiHeadAttention", "Attention", "AdditiveAttention", "DotProductAttention"),
    *("GroupQueryAttention", "GroupedQueryAttention"),
    *("LSTM", "GRU", "SimpleRNN"),
    *("Dot", "Matmul", "Einsum", "Stack", "Constant"),
}
"""Layers that may read several tensors, or none."""
_MASKED = {"GlobalAveragePooling1D", "Softmax", "TimeDistributed"}
"""Layers whose values depend on a mask, beside those over sequences."""
