"""Keras layers that are opaque here: their output's sizes and their figures, as far as these are known."""

from __future__ import annotations

from collections.abc import Callable

from ....layers import OPS
from ....layers.names import KERAS
from ...build import NO_FIGURES
from .config import LayerCall, Sizes
from .functions import Raw, opaque_layer


def opaque(call: LayerCall) -> Raw:
    """Return an opaque layer for a call, with all that is known of it."""
    figures = NO_FIGURES if call.kind in _WEIGHTLESS else FIGURES[call.kind](call) if call.kind in FIGURES else {}
    return opaque_layer(call.kind, _out(call), figures)


def _out(call: LayerCall) -> Sizes | None:
    """Return the output's sizes, from the file or by the layer's rule."""
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
    """Return gates * units * (features + units + bias) parameters, two biases in a GRU that resets after (Keras's)."""
    sizes, units = call.sizes(), _count(call, "units")
    if units is None or not sizes or sizes[-1] is None:
        return {}
    biases = 0 if call.get("use_bias") is False else 2 if call.kind == "GRU" and call.get("reset_after") else 1
    gates = _RECURRENT[call.kind]
    return {"params": gates * units * (sizes[-1] + units + biases), "buffers": 0}


def _bidirectional_figures(call: LayerCall) -> Raw:
    """Return twice the figures of the layer that runs both ways."""
    inner = call.get("layer")
    kind, config = (inner.get("class_name"), inner.get("config")) if isinstance(inner, dict) else (None, None)
    if kind not in tuple(_RECURRENT) or not isinstance(config, dict):
        return {}
    figures = _recurrent_figures(call._replace(kind=kind, config=config))
    return figures and {**figures, "params": 2 * figures["params"]}


def _attention_figures(call: LayerCall) -> Raw:
    """Return the figures of four projections, with biases (keras/src/layers/attention/multi_head_attention.py)."""
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
    """Return the figures of one scale for each unit of the normalised axes."""
    sizes, axis = call.sizes(), call.axis(call.get("axis"))
    size = sizes[axis - 1] if sizes is not None and axis is not None and 1 <= axis <= len(sizes) else None
    return {} if size is None else {"params": size, "buffers": 0, "macs": 0}


_RECURRENT = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
FIGURES: dict[str, Callable[[LayerCall], Raw]] = {
    "Embedding": _embedding_figures,
    **dict.fromkeys(_RECURRENT, _recurrent_figures),
    "Bidirectional": _bidirectional_figures,
    "MultiHeadAttention": _attention_figures,
    "RMSNormalization": _rms_figures,
    **dict.fromkeys(("Lambda", "Dot", "Matmul", "Einsum"), lambda _: {"params": 0, "buffers": 0}),
}
"""The figures of opaque layers: their parameters, as far as these are known."""

_CLASSES = {word: OPS[op][0] for op, name in KERAS.items() for word, _ in name.numbered()}
"""The class of the op that each Keras layer is otherwise."""
_KEEPS = {
    *(word for word, cls in _CLASSES.items() if cls.KEEPS_SHAPE),
    *("UnitNormalization", "RMSNormalization", "LogSoftmax"),
}
"""Opaque layers that keep the shape."""
_WEIGHTLESS = {
    *(word for word, cls in _CLASSES.items() if not cls.WEIGHTS),
    *("InputLayer", "UnitNormalization", "RepeatVector", "CenterCrop", "RandomCrop", "Resizing", "LogSoftmax", "Tile"),
    *("Transpose", "Squeeze", "ExpandDims", "Split", "Stack", "Pad"),
    *("Sum", "Max", "Min", "Sqrt", "Square", "Power", "Rsqrt", "Absolute", "Log"),
    *("Discretization", "CategoryEncoding", "Hashing", "StringLookup", "IntegerLookup", "TextVectorization"),
}
"""Opaque layers without weights, which multiply nothing up."""
