"""Keras's layers, each as layers here: the configuration's keys under other names, the values as they are."""

from __future__ import annotations

from typing import Any

from ...build import NO_FIGURES
from .config import LayerCall, Sizes
from .functions import LAMBDAS, LAYERS, Converter, LayerPart, Parts, Raw, activation, numbers, out_of, same

_ENDS = {"1D": "1d", "2D": "", "3D": "3d"}


def convert(call: LayerCall) -> list[LayerPart]:
    """The layers that a Keras layer is here; one opaque layer for what cnncalc does not know."""
    kind = _kind(call)
    convert = CONVERT.get(kind)
    call = call._replace(kind=kind)
    if convert is None or _other_layout(call) or (kind not in _MANY and len(call.read()) != 1):
        return [LayerPart(opaque(call))]
    found = convert(call)
    if found is None:
        return [LayerPart(opaque(call))]
    parts = [LayerPart(found)] if isinstance(found, dict) else found
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


def opaque(call: LayerCall) -> Raw:
    """What cnncalc does not know, with all that is known of it all the same."""
    kind = call.kind if call.kind.isprintable() else "unknown"
    figures = NO_FIGURES if kind in _WEIGHTLESS else FIGURES[kind](call) if kind in FIGURES else {}
    return {"op": "opaque", "type": kind[:255], **figures, **out_of(_out(call))}


def _out(call: LayerCall) -> Sizes | None:
    """What comes out, by the file or by the rule of the layer."""
    sizes = call.sizes()
    if call.out is not None:
        return call.out
    if call.kind in _KEEPS:
        return sizes
    if call.kind in _RECURRENT:
        units = (_count(call, "units"),)
        return units if not call.get("return_sequences") else None if sizes is None else (*sizes[:-1], *units)
    if call.kind == "RepeatVector" and sizes is not None:
        return (_count(call, "n"), *sizes)
    if call.kind == "Embedding" and sizes is not None:
        return (*sizes, _count(call, "output_dim"))
    return None


def _count(call: LayerCall, key: str) -> int | None:
    value = call.get(key)
    return value if type(value) is int and value > 0 else None


def _conv(call: LayerCall) -> Parts:
    return {"op": "conv" + _end(call), "c_o": call.get("filters"), **_window(call), "g": call.get("groups")}


def _end(call: LayerCall) -> str:
    """What ends an op's word for as many axes as the class has."""
    return next(end for digits, end in _ENDS.items() if digits in call.kind)


def _window(call: LayerCall) -> Raw:
    return {
        "k": call.get("kernel_size"),
        "s": call.get("strides"),
        "p": call.get("padding"),
        "d": call.get("dilation_rate"),
        "bias": call.get("use_bias"),
    }


def _depthwise(call: LayerCall) -> Parts:
    return {"op": "dwconv" + _end(call), "multiplier": call.get("depth_multiplier"), **_window(call)}


def _separable(call: LayerCall) -> Parts:
    more = {"c_o": call.get("filters"), "multiplier": call.get("depth_multiplier")}
    return {"op": "sepconv" + _end(call), **more, **_window(call)}


def _transposed(call: LayerCall) -> Parts:
    more = {"c_o": call.get("filters"), "out_pad": call.get("output_padding")}
    return {"op": "convT" + _end(call), **more, **_window(call)}


def _pool(op: str) -> Converter:
    def make(call: LayerCall) -> Parts:
        window = {"k": call.get("pool_size"), "s": call.get("strides"), "p": call.get("padding")}
        return {"op": op + _end(call), **window}

    return make


def _adaptive(op: str) -> Converter:
    return lambda call: {"op": op, "out": call.get("output_size")}


def _global(op: str) -> Converter:
    return lambda call: {"op": op, "keepdims": bool(call.get("keepdims"))}


def _dense(call: LayerCall) -> Parts:
    return {"op": "linear", "out": call.get("units"), "bias": call.get("use_bias")}


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
    def make(call: LayerCall) -> Parts:
        value = call.get(key)
        lone = call.kind.endswith("1D") and isinstance(value, list) and all(type(n) is int for n in value)
        return {"op": op, "p": [value] if lone else value}  # in one dimension two numbers are before and after

    return make


def _upsample(call: LayerCall) -> Parts:
    size, mode = call.get("size"), call.get("interpolation") or "nearest"
    known = ("nearest", "bilinear", "bicubic")
    return {"op": "upsample", "factor": 2 if size is None else size, "mode": mode} if mode in known else None


def _resizing(call: LayerCall) -> Parts:
    mode = call.get("interpolation") or "bilinear"
    simple = not any(call.get(f"{how}_to_aspect_ratio") for how in ("crop", "pad"))
    out = [call.get("height"), call.get("width")]
    return {"op": "upsample", "out": out, "mode": mode} if simple and mode in ("bilinear", "bicubic") else None


def _norm_keys(call: LayerCall) -> Raw:
    return {"eps": call.get("epsilon"), "scale": call.get("scale"), "center": call.get("center")}


def _batchnorm(call: LayerCall) -> Parts:
    axis = call.get("axis")
    if call.get("renorm") or not call.on_channels(-1 if axis is None else axis):
        return None
    return {"op": "batchnorm", **_norm_keys(call)}


def _groupnorm(call: LayerCall) -> Parts:
    axis, groups = call.get("axis"), call.get("groups")
    if not call.on_channels(-1 if axis is None else axis):
        return None
    return {"op": "groupnorm", "g": 32 if groups is None else groups, **_norm_keys(call)}


def _layernorm(call: LayerCall) -> Parts:
    return None if call.get("rms_scaling") else {"op": "layernorm", "axis": call.get("axis"), **_norm_keys(call)}


def _normalization(call: LayerCall) -> Parts:
    """Given numbers, or those that it learns and keeps; `invert` undoes it."""
    axis, mean, variance = call.get("axis"), numbers(call.get("mean")), numbers(call.get("variance"))
    if call.get("invert") or axis is None or not call.on_channels(axis) or (mean is None) != (variance is None):
        return None
    return {"op": "normalization"} if mean is None else {"op": "normalization", "mean": mean, "variance": variance}


def _rescaling(call: LayerCall) -> Parts:
    factor, offset = numbers(call.get("scale")), numbers(call.get("offset"))
    if not call.channels_last and (isinstance(factor, list) or isinstance(offset, list)):
        return None  # lists are for the last axis
    return {"op": "rescale", "factor": factor, "offset": offset}


def _dropout(call: LayerCall) -> Parts:
    return {"op": "dropout", "rate": call.get("rate", "drop_path_rate")}


def _layer_scale(call: LayerCall) -> Parts:
    return {"op": "scale"} if call.channels_last else None


def _embedding_figures(call: LayerCall) -> Raw:
    rows, columns = _count(call, "input_dim"), _count(call, "output_dim")
    return {} if rows is None or columns is None else {"params": rows * columns, "buffers": 0, "macs": 0}


def _recurrent_figures(call: LayerCall) -> Raw:
    """Parameters: gates * units * (features + units + bias), two biases in a GRU that resets after (Keras's cells)."""
    sizes, units = call.sizes(), _count(call, "units")
    if units is None or not sizes or sizes[-1] is None:
        return {}
    biases = 0 if call.get("use_bias") is False else 2 if call.kind == "GRU" and call.get("reset_after") else 1
    gates = _RECURRENT[call.kind]
    return {"params": gates * units * (sizes[-1] + units + biases), "buffers": 0}


def _bidirectional_figures(call: LayerCall) -> Raw:
    """Twice those of the layer that runs both ways."""
    inner = call.get("layer")
    kind, config = (inner.get("class_name"), inner.get("config")) if isinstance(inner, dict) else (None, None)
    if kind not in tuple(_RECURRENT) or not isinstance(config, dict):
        return {}
    figures = _recurrent_figures(call._replace(kind=kind, config=config))
    return figures and {**figures, "params": 2 * figures["params"]}


def _attention_figures(call: LayerCall) -> Raw:
    """Four projections, with biases (keras/src/layers/attention/multi_head_attention.py)."""
    read = [one.sizes[-1] if one.sizes else None for one in call.tensors()[:3]]
    heads, key = _count(call, "num_heads"), _count(call, "key_dim")
    if len(read) < 2 or None in read or heads is None or key is None or call.get("output_shape") is not None:
        return {}
    bias = call.get("use_bias") is not False
    value = _count(call, "value_dim") or key
    query, values, keys = (read[0] or 0), (read[1] or 0), (read[-1] or 0)
    widths = [(query, heads * key), (keys, heads * key), (values, heads * value), (heads * value, query)]
    return {"params": sum((a + bias) * b for a, b in widths), "buffers": 0}


def _rms_figures(call: LayerCall) -> Raw:
    """One scale for each unit of the normalised axes."""
    sizes, axis = call.sizes(), call.axis(call.get("axis"))
    size = sizes[axis - 1] if sizes is not None and axis is not None and 1 <= axis <= len(sizes) else None
    return {} if size is None else {"params": size, "buffers": 0, "macs": 0}


def _no_weights(_: LayerCall) -> Raw:
    """Without weights; what it multiplies up is not known."""
    return {"params": 0, "buffers": 0}


_RECURRENT = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
FIGURES = {
    "Embedding": _embedding_figures,
    **dict.fromkeys(_RECURRENT, _recurrent_figures),
    "Bidirectional": _bidirectional_figures,
    "MultiHeadAttention": _attention_figures,
    "RMSNormalization": _rms_figures,
    **dict.fromkeys(("Lambda", "Dot", "Matmul", "Einsum"), _no_weights),
}
"""What is known of layers that are opaque: how many parameters they have."""

_FUSED = {
    *(f"{kind}{n}D" for kind in ("Conv", "DepthwiseConv", "SeparableConv") for n in (1, 2, 3)),
    *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
    "Dense",
}
"""Layers with an activation of their own."""

_IDENTITY = (
    *("Identity", "Masking", "ActivityRegularization", "GaussianNoise"),
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

CONVERT: dict[str, Converter] = {
    **LAYERS,
    **{f"Conv{n}D": _conv for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": _depthwise for n in (1, 2, 3)},
    **{f"SeparableConv{n}D": _separable for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": _transposed for n in (1, 2, 3)},
    **{f"MaxPooling{n}D": _pool("maxpool") for n in (1, 2, 3)},
    **{f"AveragePooling{n}D": _pool("avgpool") for n in (1, 2, 3)},
    **{f"AdaptiveMaxPooling{n}D": _adaptive("adaptivemaxpool") for n in (1, 2, 3)},
    **{f"AdaptiveAveragePooling{n}D": _adaptive("adaptiveavgpool") for n in (1, 2, 3)},
    **{f"GlobalMaxPooling{n}D": _global("globalmaxpool") for n in (1, 2, 3)},
    **{f"GlobalAveragePooling{n}D": _global("globalavgpool") for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": _border("pad", "padding") for n in (1, 2, 3)},
    **{f"Cropping{n}D": _border("crop", "cropping") for n in (1, 2, 3)},
    **{f"UpSampling{n}D": _upsample for n in (1, 2, 3)},
    "Resizing": _resizing,
    "Dense": _dense,
    "Flatten": _flatten,
    "Permute": lambda call: {"op": "permute", "order": call.get("dims")},
    "BatchNormalization": _batchnorm,
    "LayerNormalization": _layernorm,
    "GroupNormalization": _groupnorm,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    "LayerScale": _layer_scale,
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "StochasticDepth"), _dropout),
    **{f"SpatialDropout{n}D": _dropout for n in (1, 2, 3)},
    **dict.fromkeys(_IDENTITY, same("identity")),
}
"""Every Keras layer that is a layer here."""

_MANY = {
    *("Add", "Multiply", "Subtract", "TrueDivide", "Divide", "Average", "Maximum", "Minimum"),
    *("Concatenate", "CustomScaleLayer"),
}
"""What may read several tensors."""
_KEEPS = {"UnitNormalization", "RMSNormalization", "BatchNormalization", "GroupNormalization", "LayerNormalization"} | {
    *("Normalization", "LayerScale", "Rescaling", "LogSoftmax"),
}
"""Opaque layers that keep the shape."""
_WEIGHTLESS: set[Any] = {
    *("InputLayer", "UnitNormalization", "RepeatVector", "Flatten", "Rescaling", "CenterCrop", "RandomCrop"),
    *("Concatenate", "Mean", "Reshape", "Transpose", "Squeeze", "ExpandDims", "GetItem", "Split", "Stack", "Pad"),
    *(f"{kind}{n}D" for kind in ("MaxPooling", "AveragePooling", "UpSampling", "ZeroPadding") for n in (1, 2, 3)),
    *(f"{kind}{n}D" for kind in ("GlobalMaxPooling", "GlobalAveragePooling", "Cropping") for n in (1, 2, 3)),
    *("Resizing", "Sum", "Max", "Min", "Sqrt", "Square", "Power", "Rsqrt", "Absolute", "Log", "LogSoftmax", "Tile"),
    *("Discretization", "CategoryEncoding", "Hashing", "StringLookup", "IntegerLookup", "TextVectorization"),
}
"""Opaque layers without weights, which multiply nothing up."""
