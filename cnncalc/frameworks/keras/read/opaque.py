"""Keras layers that are opaque here: their output's sizes and their figures, as far as these are known."""

from __future__ import annotations

from ...build import NO_FIGURES
from .config import LayerCall, Sizes
from .functions import Raw, out_of


def opaque(call: LayerCall) -> Raw:
    """What cnncalc does not know, with all that is known of it."""
    kind = call.kind if call.kind.isprintable() else "unknown"
    figures = NO_FIGURES if kind in _WEIGHTLESS else FIGURES[kind](call) if kind in FIGURES else {}
    return {"op": "opaque", "type": kind[:255], **figures, **out_of(_out(call))}


def _out(call: LayerCall) -> Sizes | None:
    """The output's sizes, from the file or by the layer's rule."""
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

_KEEPS = {"UnitNormalization", "RMSNormalization", "BatchNormalization", "GroupNormalization", "LayerNormalization"} | {
    *("Normalization", "LayerScale", "Rescaling", "LogSoftmax"),
}
"""Opaque layers that keep the shape."""
_WEIGHTLESS = {
    *("InputLayer", "UnitNormalization", "RepeatVector", "Flatten", "Rescaling", "CenterCrop", "RandomCrop"),
    *("Concatenate", "Mean", "Reshape", "Transpose", "Squeeze", "ExpandDims", "GetItem", "Split", "Stack", "Pad"),
    *(f"{kind}{n}D" for kind in ("MaxPooling", "AveragePooling", "UpSampling", "ZeroPadding") for n in (1, 2, 3)),
    *(f"{kind}{n}D" for kind in ("GlobalMaxPooling", "GlobalAveragePooling", "Cropping") for n in (1, 2, 3)),
    *("Resizing", "Sum", "Max", "Min", "Sqrt", "Square", "Power", "Rsqrt", "Absolute", "Log", "LogSoftmax", "Tile"),
    *("Discretization", "CategoryEncoding", "Hashing", "StringLookup", "IntegerLookup", "TextVectorization"),
}
"""Opaque layers without weights, which multiply nothing up."""
