"""Keras layers that are opaque here: their output sizes and figures, as far as known."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from ....layers import OPS
from ....layers.names import KERAS
from ...build import NO_FIGURES
from .config import LayerCall, Sizes, whole_numbers
from .parts import Raw, opaque_layer, renamed, same_shape
from .quantized import quantization
from .tracing import shape_given
from .variables import inner_layer


def opaque(call: LayerCall) -> Raw:
    """Return an opaque layer for a call, with everything known about it."""
    figures = NO_FIGURES if call.kind in _WEIGHTLESS else FIGURES[call.kind](call) if call.kind in FIGURES else {}
    if not figures and (call.is_operation or call.kind in _PRODUCTS):  # an operation has no weights
        figures = {"params": 0, "buffers": 0} if call.kind in _PRODUCTS else NO_FIGURES
    return same_shape(call.kind, figures) if call.kind in _KEEPS else opaque_layer(call.kind, _out(call), figures)


def has_figures(kind: str) -> bool:
    """Return whether the figures of a class are known."""
    return kind in FIGURES or kind in _WEIGHTLESS


def _out(call: LayerCall) -> Sizes | None:
    """Return the output sizes, from the file or by the layer's rule."""
    sizes = call.sizes()
    if call.out is not None:
        return call.out
    if call.kind in _RECURRENT:
        units = (_count(call, "units"),)
        return units if not call.get("return_sequences") else None if sizes is None else (*sizes[:-1], *units)
    if sizes is None:
        return None
    if call.kind in ("RandomCrop", "Resizing") and len(sizes) == 3:
        space = (_count(call, "height"), _count(call, "width"))
        return (*space, sizes[-1]) if call.channels_last else (sizes[0], *space)
    if call.kind == "UpSampling2D" and len(sizes) == 3:
        raw = renamed(call, "upsample") | {"mode": "nearest"}  # sizes do not depend on the interpolation
        return shape_given(raw, (sizes,), call.channels_last)
    return _conv_lstm_out(call, sizes) if call.kind.startswith("ConvLSTM") else None


def _conv_lstm_out(call: LayerCall, sizes: Sizes) -> Sizes | None:
    """Return the output sizes of a one-step convolution, after the steps if all are returned."""
    op = {"1": "conv1d", "2": "conv", "3": "conv3d"}[call.kind[-2]]
    made = shape_given(renamed(call, op), (sizes[1:],), call.channels_last)
    return made if made is None or not call.get("return_sequences") else (sizes[0], *made)


def _count(call: LayerCall, key: str) -> int | None:
    value = call.get(key)
    return value if type(value) is int and value > 0 else None


def _embedding_figures(call: LayerCall) -> Raw:
    rows, columns = _count(call, "input_dim"), _count(call, "output_dim")
    return {} if rows is None or columns is None else {"params": rows * columns, "buffers": 0, "macs": 0}


def _recurrent_figures(call: LayerCall) -> Raw:
    """Return the figures: gates * units * (features + units + bias) parameters, with two biases if a GRU resets after.

    At each step it multiplies by all parameters except biases.
    """
    sizes, units = call.sizes(), _count(call, "units")
    if units is None or not sizes or sizes[-1] is None:
        return {}
    biases = 0 if call.get("use_bias") is False else 2 if call.kind == "GRU" and call.get("reset_after") else 1
    gates = _RECURRENT[call.kind]
    figures = {"params": gates * units * (sizes[-1] + units + biases), "buffers": 0}
    steps = sizes[0] if len(sizes) == 2 else None
    return figures if steps is None else {**figures, "macs": steps * gates * units * (sizes[-1] + units)}


def _conv_lstm_figures(call: LayerCall) -> Raw:
    """Return the figures of one convolution of the input and one of the state at every step, with four gates each."""
    sizes, c_o, window, nd = call.sizes(), _count(call, "filters"), call.get("kernel_size"), int(call.kind[-2])
    k = whole_numbers([window] * nd if type(window) is int else window)
    if c_o is None or k is None or len(k) != nd or sizes is None or len(sizes) != nd + 2:
        return {}
    c_i = sizes[-1] if call.channels_last else sizes[1]
    if c_i is None:
        return {}
    bias = call.get("use_bias") is not False
    figures = {"params": 4 * c_o * ((c_i + c_o) * prod(k) + bias), "buffers": 0}
    given = _out(call)
    out = given if given is None or call.get("return_sequences") is not True else given[1:]
    space = None if out is None else out[:-1] if call.channels_last else out[1:]
    if space is None or sizes[0] is None or None in space:
        return figures
    positions = prod([n for n in space if n is not None])
    return {**figures, "macs": sizes[0] * positions * 4 * c_o * (c_i + c_o) * prod(k)}


def _bidirectional_figures(call: LayerCall) -> Raw:
    """Return twice the figures of the wrapped layer."""
    inner = inner_layer(call.config)
    if inner is None or inner[0] not in _RECURRENT:
        return {}
    figures = _recurrent_figures(call._replace(kind=inner[0], config=inner[1]))
    return {key: 2 * n for key, n in figures.items()}


def _attention_figures(call: LayerCall) -> Raw:
    """Return the figures of four projections, with biases, and of the two products between them.

    Source: multi_head_attention.py and grouped_query_attention.py of keras/src/layers/attention.
    """
    read = [one.sizes for one in call.read()[:3]]
    heads = _count(call, "num_heads") or _count(call, "num_query_heads")
    others = _count(call, "num_key_value_heads") or heads
    key = _count(call, "key_dim") or _count(call, "head_dim")
    if len(read) < 2 or any(not one or one[-1] is None for one in read) or not heads or not others or not key:
        return {}
    if quantization(call.config) is not None:  # its scales count, too
        return {}
    bias = call.get("use_bias") is not False
    value = _count(call, "value_dim") or key
    sizes = [[n or 0 for n in one or ()] for one in (read[0], read[-1], read[1])]
    wanted = call.get("output_shape")
    out = wanted if type(wanted) is int else sizes[0][-1]
    widths = [
        *[(sizes[0][-1], heads * key), (sizes[1][-1], others * key), (sizes[2][-1], others * value)],
        (heads * value, out),
    ]
    figures = {"params": sum((a + bias) * b for a, b in widths), "buffers": 0}
    steps = [prod(one[:-1]) for one in (*sizes, sizes[0])]
    if 0 in steps or isinstance(wanted, (list, tuple)):
        return figures if wanted is None or type(wanted) is int else {}
    products = heads * steps[0] * steps[1] * (key + value)
    return {**figures, "macs": products + sum(n * a * b for n, (a, b) in zip(steps, widths, strict=True))}


def _statistics(call: LayerCall) -> Raw:
    """Return the figures of a mean and variance per unit of some axes and a count, unless they are given."""
    sizes, axis = call.sizes(), call.get("axis")
    if call.get("mean") is not None:
        return NO_FIGURES
    axes = [call.axis(one) for one in (axis if isinstance(axis, list) else [axis] if type(axis) is int else [])]
    if sizes is None or any(one is None or not 1 <= one <= len(sizes) for one in axes):
        return {}
    kept = [sizes[(one or 1) - 1] for one in axes]
    return {} if None in kept else {"params": 0, "buffers": 2 * prod([n or 0 for n in kept]) + 1, "macs": 0}


def _rms_figures(call: LayerCall) -> Raw:
    """Return the figures of one scale per unit of the normalized axes."""
    sizes, axis = call.sizes(), call.axis(call.get("axis"))
    size = sizes[axis - 1] if sizes is not None and axis is not None and 1 <= axis <= len(sizes) else None
    return {} if size is None else {"params": size, "buffers": 0, "macs": 0}


_PRODUCTS = (
    *("Matmul", "Einsum", "Dot", "Tensordot", "Inner", "Outer", "Vdot", "Kron", "Correlate", "DotProductAttention"),
    *(
        "Conv",
        "DepthwiseConv",
        "SeparableConv",
        "ConvTranspose",
        "Inv",
        "Solve",
        "Svd",
        "Qr",
        "Cholesky",
        "Det",
        "Eigh",
    ),
    *("TFOpLambda", "TensorFlowOpLayer", "Lambda", "Map", "Scan", "VectorizedMap", "Cond", "WhileLoop", "STFT", "FFT"),
)
"""The operations that may have multiply-accumulates."""
_RECURRENT = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
FIGURES: dict[str, Callable[[LayerCall], Raw]] = {
    "Embedding": _embedding_figures,
    **dict.fromkeys(_RECURRENT, _recurrent_figures),
    **{f"ConvLSTM{n}D": _conv_lstm_figures for n in (1, 2, 3)},
    "Bidirectional": _bidirectional_figures,
    "Normalization": _statistics,
    "Attention": lambda call: {
        "params": bool(call.get("use_scale")) + (call.get("score_mode") == "concat"),
        "buffers": 0,
    },
    **dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention"), _attention_figures),
    "RMSNormalization": _rms_figures,
    **dict.fromkeys(("Lambda", "Dot", "Matmul", "Einsum"), lambda _: {"params": 0, "buffers": 0}),
}
"""The functions that return the figures of opaque layers, as far as known."""

_CLASSES = {word: OPS[op][0] for op, name in KERAS.items() for word, _ in name.numbered()}
"""The op class of each Keras layer when it is not opaque."""
_KEEPS = {
    *(word for word, cls in _CLASSES.items() if cls.KEEPS_SHAPE),
    *("UnitNormalization", "RMSNormalization", "LogSoftmax", "LayerNorm", "RMSNorm"),
    *("Tril", "Triu", "NanToNum", "Isinf", "Isfinite", "Digitize", "BatchNorm", "Inv"),
    *("AffineTransform", "GaussianBlur", "BinaryCrossentropy"),
    *("Solarization", "AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization"),
}
"""Opaque layers that keep the shape."""
_WEIGHTLESS = {
    *(word for word, cls in _CLASSES.items() if not cls.WEIGHTS and word not in _PRODUCTS),
    *("InputLayer", "UnitNormalization", "RepeatVector", "CenterCrop", "RandomCrop", "Resizing", "LogSoftmax", "Tile"),
    *("Solarization", "AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization", "MelSpectrogram"),
    *("Transpose", "Squeeze", "ExpandDims", "Split", "Stack", "Pad"),
    *("Sum", "Max", "Min", "Sqrt", "Square", "Power", "Rsqrt", "Absolute", "Log"),
    *("Discretization", "CategoryEncoding", "Hashing", "StringLookup", "IntegerLookup", "TextVectorization"),
}
"""Opaque layers without weights and multiply-accumulates."""
