"""Keras's layers, each as layers here: the configuration's keys under other names, the values as they are."""

from __future__ import annotations

from ....layers import OPS
from ....layers.names import KERAS
from ....registry import Registry
from .config import LayerCall
from .functions import FUNCTIONS, LAMBDAS, Converter, LayerPart, Parts, Raw, activation, by_name, numbers, renamed
from .opaque import opaque


def convert(call: LayerCall) -> list[LayerPart]:
    """The layers that a Keras layer is here; one opaque layer for what cnncalc does not know."""
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
    """The class: a TensorFlow function's where it is one, and the same name for its many spellings."""
    if call.kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        function = call.config.get("function")
        return LAMBDAS.get(function, call.kind) if isinstance(function, str) else call.kind
    return SPELLINGS.get(call.kind, call.kind)


def _other_layout(call: LayerCall) -> bool:
    """Whether a layer takes its channels elsewhere than the network does."""
    given = call.config.get("data_format")
    return given is not None and call.kind != "Flatten" and (given == "channels_last") != call.channels_last


CONVERTERS: Registry[str, Converter] = Registry(FUNCTIONS)
"""Every Keras layer that is a layer here."""


@CONVERTERS.register("Flatten")
def _flatten(call: LayerCall) -> Parts:
    """In Keras's order: channels that stand first are moved behind before."""
    sizes = call.sizes()
    flat: Raw = {"op": "flatten"}
    if call.get("data_format") != "channels_first":
        return flat
    if sizes is None:
        return None
    if len(sizes) < 2 or all(n == 1 for n in sizes[1:]) or sizes[0] == 1:
        return flat
    return [LayerPart({"op": "permute", "order": [*range(2, len(sizes) + 1), 1]}, "_permute"), LayerPart(flat)]


def _border(op: str, key: str) -> Converter:
    def convert(call: LayerCall) -> Parts:
        value = call.get(key)
        lone = call.kind.endswith("1D") and isinstance(value, list) and all(type(n) is int for n in value)
        return {"op": op, "p": [value] if lone else value}  # in one dimension two numbers are before and after

    return convert


CONVERTERS.register(*(f"ZeroPadding{n}D" for n in (1, 2, 3)))(_border("pad", "padding"))
CONVERTERS.register(*(f"Cropping{n}D" for n in (1, 2, 3)))(_border("crop", "cropping"))


@CONVERTERS.register(*(f"UpSampling{n}D" for n in (1, 2, 3)))
def _upsample(call: LayerCall) -> Parts:
    raw = renamed(call, "upsample")
    return raw if raw["mode"] in ("nearest", "bilinear", "bicubic") else None


@CONVERTERS.register("Resizing")
def _resizing(call: LayerCall) -> Parts:
    mode = call.get("interpolation") or "bilinear"
    simple = not any(call.get(f"{how}_to_aspect_ratio") for how in ("crop", "pad"))
    out = [call.get("height"), call.get("width")]
    return {"op": "upsample", "out": out, "mode": mode} if simple and mode in ("bilinear", "bicubic") else None


@CONVERTERS.register("BatchNormalization")
def _batchnorm(call: LayerCall) -> Parts:
    return None if call.get("renorm") or not _over_channels(call) else renamed(call, "batchnorm")


@CONVERTERS.register("GroupNormalization")
def _groupnorm(call: LayerCall) -> Parts:
    return renamed(call, "groupnorm") if _over_channels(call) else None


def _over_channels(call: LayerCall) -> bool:
    axis = call.get("axis")
    return call.on_channels(-1 if axis is None else axis)


@CONVERTERS.register("LayerNormalization")
def _layernorm(call: LayerCall) -> Parts:
    return None if call.get("rms_scaling") else renamed(call, "layernorm")


@CONVERTERS.register("Normalization")
def _normalization(call: LayerCall) -> Parts:
    """Given numbers, or those that it learns and keeps; `invert` undoes it."""
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


@CONVERTERS.register("LayerScale")
def _layer_scale(call: LayerCall) -> Parts:
    return {"op": "scale"} if call.channels_last else None


_FUSED = {
    *(f"{kind}{n}D" for kind in ("Conv", "DepthwiseConv", "SeparableConv") for n in (1, 2, 3)),
    *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
    "Dense",
}
"""Layers with an activation of their own."""

_INERT = (
    *("Masking", "ActivityRegularization", "GaussianNoise"),
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness"),
    *("RandomShear", "RandomHue", "RandomSaturation", "RandomColorJitter", "RandomGrayscale", "RandomInvert"),
    *("RandomErasing", "RandomPerspective", "RandomGaussianBlur", "RandomSharpness", "RandomPosterization"),
    *("RandomColorDegeneration", "RandomElasticTransform", "AugMix", "CutMix", "MixUp", "RandAugment"),
)
"""Layers that do nothing once trained."""

SPELLINGS = {
    **{f"Convolution{n}D{end}": f"Conv{n}D{end}" for n in (1, 2, 3) for end in ("", "Transpose")},
    **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
    **{f"{far}AvgPool{n}D": f"{far}AveragePooling{n}D" for far in ("", "Global") for n in (1, 2, 3)},
    **{f"{far}MaxPool{n}D": f"{far}MaxPooling{n}D" for far in ("", "Global") for n in (1, 2, 3)},
    **dict.fromkeys(("BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"), "BatchNormalization"),
    "HardSwish": "HardSilu",
}

CONVERTERS.register("AlphaDropout", "GaussianDropout", "StochasticDepth", *(f"SpatialDropout{n}D" for n in (1, 2, 3)))(
    by_name("dropout")
)
CONVERTERS.register(*_INERT)(by_name("identity"))
for _op, _name in KERAS.items():
    for _word, _end in _name.numbered():
        if _word not in CONVERTERS:
            CONVERTERS[_word] = by_name(_op + _end if _op + _end in OPS else _op)

_JOINS = {
    *("Add", "Multiply", "Subtract", "TrueDivide", "Divide", "Average", "Maximum", "Minimum"),
    *("Concatenate", "CustomScaleLayer"),
}
"""What may read several tensors."""
