"""The names of ops and keys in Keras, PyTorch and ONNX: one table, read in both directions.

Specs accept these words, too. Readers and writers of frameworks' files use them wherever a key is only renamed.
Ops are listed without an ending for the number of axes; `{}` in a name stands for that number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..registry import Registry
from .base import ENDS


class Name(NamedTuple):
    """A framework's name for an op: a class, a module or an operator, and its keys."""

    word: str
    keys: dict[str, str] = {}
    """The framework's names of keys, mapped to ours."""
    defaults: Mapping[str, Any] = {}
    """The framework's defaults for keys that a file may leave out, by our names."""
    positions: tuple[str, ...] = ()
    """The framework's positional arguments, if their order is not that of `keys`."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The framework's arguments in positional order."""
        return self.positions or tuple(self.keys)

    def theirs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of our keys under the framework's names (the first, if several); other keys are left out."""
        first = {ours: theirs for theirs, ours in reversed(self.keys.items())}
        return {first[ours]: value for ours, value in values.items() if ours in first}

    def ours(self, read: Callable[[str], Any]) -> dict[str, Any]:
        """Return under our names what `read` returns for the framework's keys (None if not given)."""
        keys = dict(self.defaults)
        for theirs, ours in reversed(self.keys.items()):
            value = read(theirs)
            if value is not None:
                keys[ours] = value
        return keys

    def numbered(self) -> Iterator[tuple[str, str]]:
        """Yield the name for each number of axes, with the ending of the op's word."""
        for nd, end in ENDS.items() if "{}" in self.word else [(0, "")]:
            yield self.word.format(nd), end


Names = Registry[str, Name]


def named(words: Mapping[str, str]) -> dict[str, Name]:
    """Return the names of ops without keys."""
    return {op: Name(word) for op, word in words.items()}


def capitalized(*ops: str) -> dict[str, Name]:
    """Return the names of ops without keys that a framework calls by our word, capitalized."""
    return {op: Name(op.capitalize()) for op in ops}


_ARCS = {"asin": "Arcsin", "acos": "Arccos", "atan": "Arctan", "asinh": "Arcsinh", "acosh": "Arccosh"}
_KERAS_REDUCTION = {"axis": "axis", "keepdims": "keepdims"}
_KERAS_WINDOW = {"kernel_size": "k", "strides": "s", "padding": "p", "dilation_rate": "d", "use_bias": "bias"}
_KERAS_POOL = {"pool_size": "k", "strides": "s", "padding": "p"}
_KERAS_NORM = {"epsilon": "eps", "scale": "scale", "center": "center"}
_KERAS_RECURRENT = {
    "units": "out",
    "use_bias": "bias",
    "return_sequences": "sequences",
    "go_backwards": "backward",
    "activation": "activation",
}
_KERAS_GATED = {**_KERAS_RECURRENT, "recurrent_activation": "gate"}
_KERAS_LAST = {"sequences": False}
_KERAS_CONV_ORDER = (
    *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"),
    *("groups", "activation", "use_bias"),
)
_KERAS_EACH_ORDER = ("kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate")
_KERAS_POOL_ORDER = ("pool_size", "strides", "padding", "data_format")
_KERAS_GATED_ORDER = ("units", "activation", "recurrent_activation", "use_bias")
_KERAS_NORM_ORDER = ("axis", "momentum", "epsilon", "center", "scale")
KERAS: Names = Registry(
    {
        "conv": Name("Conv{}D", {"filters": "c_o", "groups": "g", **_KERAS_WINDOW}, {}, _KERAS_CONV_ORDER),
        "dwconv": Name(
            "DepthwiseConv{}D",
            {"depth_multiplier": "multiplier", **_KERAS_WINDOW},
            {},
            (*_KERAS_EACH_ORDER, "activation", "use_bias"),
        ),
        "sepconv": Name(
            "SeparableConv{}D",
            {"filters": "c_o", "depth_multiplier": "multiplier", **_KERAS_WINDOW},
            {},
            (*_KERAS_CONV_ORDER[:6], "depth_multiplier", "activation", "use_bias"),
        ),
        "convT": Name(
            "Conv{}DTranspose",
            {"filters": "c_o", "output_padding": "out_pad", **_KERAS_WINDOW},
            {},
            (*_KERAS_CONV_ORDER[:4], "output_padding", "data_format", "dilation_rate", "activation", "use_bias"),
        ),
        "maxpool": Name("MaxPooling{}D", _KERAS_POOL, {}, _KERAS_POOL_ORDER),
        "avgpool": Name("AveragePooling{}D", _KERAS_POOL, {}, _KERAS_POOL_ORDER),
        "globalmaxpool": Name(
            "GlobalMaxPooling{}D", {"keepdims": "keepdims"}, {"keepdims": False}, ("data_format", "keepdims")
        ),
        "globalavgpool": Name(
            "GlobalAveragePooling{}D", {"keepdims": "keepdims"}, {"keepdims": False}, ("data_format", "keepdims")
        ),
        "adaptivemaxpool": Name("AdaptiveMaxPooling{}D", {"output_size": "out"}),
        "adaptiveavgpool": Name("AdaptiveAveragePooling{}D", {"output_size": "out"}),
        "linear": Name("Dense", {"units": "out", "use_bias": "bias"}, {}, ("units", "activation", "use_bias")),
        "reshape": Name("Reshape", {"target_shape": "out"}),
        "permute": Name("Permute", {"dims": "order"}),
        "pad": Name("ZeroPadding{}D", {"padding": "p"}),
        "crop": Name("Cropping{}D", {"cropping": "p"}),
        "upsample": Name(
            "UpSampling{}D",
            {"size": "factor", "interpolation": "mode"},
            {"factor": 2, "mode": "nearest"},
            ("size", "data_format", "interpolation"),
        ),
        "batchnorm": Name("BatchNormalization", _KERAS_NORM, {}, _KERAS_NORM_ORDER),
        "layernorm": Name(
            "LayerNormalization", {"axis": "axis", **_KERAS_NORM}, {}, ("axis", "epsilon", "center", "scale")
        ),
        "groupnorm": Name(
            "GroupNormalization",
            {"groups": "g", **_KERAS_NORM},
            {"g": 32},
            ("groups", "axis", "epsilon", "center", "scale"),
        ),
        "normalization": Name(
            "Normalization", {"mean": "mean", "variance": "variance"}, {}, ("axis", "mean", "variance", "invert")
        ),
        "rescale": Name("Rescaling", {"scale": "factor", "offset": "offset"}),
        "scale": Name("LayerScale"),
        "mul": Name("Multiply"),
        "concat": Name("Concatenate", {"axis": "axis"}),
        "relu": Name("ReLU", positions=("max_value", "negative_slope", "threshold")),
        "leakyrelu": Name(
            "LeakyReLU", {"negative_slope": "alpha", "alpha": "alpha"}, {"alpha": 0.3}, ("negative_slope",)
        ),
        "elu": Name("ELU", {"alpha": "alpha"}),
        "prelu": Name(
            "PReLU",
            {"shared_axes": "shared_axes"},
            {"shared_axes": []},
            ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes"),
        ),
        "softmax": Name("Softmax", {"axis": "axis"}),
        "dropout": Name("Dropout", {"rate": "rate", "drop_path_rate": "rate"}, {}, ("rate", "noise_shape", "seed")),
        **{op: Name(op.capitalize(), _KERAS_REDUCTION, {"keepdims": False}) for op in ("mean", "sum", "prod")},
        "logsumexp": Name("Logsumexp", _KERAS_REDUCTION, {"keepdims": False}),
        "sub": Name("Subtract"),
        "div": Name("Divide"),
        "pow": Name("Power"),
        "min": Name("Minimum"),
        "max": Name("Maximum"),
        "celu": Name("Celu", {"alpha": "alpha"}, {"alpha": 1.0}),
        "softshrink": Name("SoftShrink", {"threshold": "lambd"}, {"lambd": 0.5}),
        "hardshrink": Name("HardShrink", {"threshold": "lambd"}, {"lambd": 0.5}),
        "threshold": Name("Threshold", {"threshold": "threshold", "default_value": "value"}),
        "logsoftmax": Name("LogSoftmax", {"axis": "axis"}, {"axis": -1}),
        "cumsum": Name("Cumsum", {"axis": "axis"}),
        "normalize": Name("UnitNormalization", {"axis": "axis"}, {"axis": -1}),
        "clip": Name("Clip", {"x_min": "min", "x_max": "max"}),
        "slice": Name("GetItem"),
        "gather": Name("Take", {"axis": "axis"}),
        "roll": Name("Roll", {"shift": "shift", "axis": "axis"}),
        "stack": Name("Stack", {"axis": "axis"}, {"axis": 0}),
        "tile": Name("Tile"),
        "matmul": Name("Matmul"),
        "einsum": Name("Einsum"),
        "attention": Name("DotProductAttention", {"is_causal": "causal", "scale": "scale"}),
        "multihead": Name(
            "MultiHeadAttention",
            {
                "num_heads": "heads",
                "key_dim": "key_dim",
                "value_dim": "value_dim",
                "output_shape": "out",
                "use_bias": "bias",
            },
            {},
            ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape"),
        ),
        "embedding": Name("Embedding", {"input_dim": "rows", "output_dim": "out"}),
        "lstm": Name("LSTM", _KERAS_GATED, _KERAS_LAST, _KERAS_GATED_ORDER),
        "gru": Name("GRU", {**_KERAS_GATED, "reset_after": "reset_after"}, _KERAS_LAST, _KERAS_GATED_ORDER),
        "rnn": Name("SimpleRNN", _KERAS_RECURRENT, _KERAS_LAST, ("units", "activation", "use_bias")),
    },
    capitalized("flatten", "add", "identity", "sqrt", "rsqrt", "square", "reciprocal", "log", "log1p", "expm1"),
    capitalized("floor", "ceil", "round", "trunc", "sign", "erf", "sin", "cos", "tan", "sinh", "cosh", "where"),
    named({"abs": "Absolute", "neg": "Negative", "logsigmoid": "LogSigmoid", "tanhshrink": "TanhShrink"}),
    named({**_ARCS, "atanh": "Arctanh"}),
)
"""Keras's layers, and its operations where there is no layer."""
KERAS_ALIASES = {
    name.replace(long, short): name
    for op, long, short in (
        *[(op, "Conv", "Convolution") for op in ("conv", "dwconv", "sepconv", "convT")],
        ("maxpool", "MaxPooling", "MaxPool"),
        ("avgpool", "AveragePooling", "AvgPool"),
        ("globalmaxpool", "MaxPooling", "MaxPool"),
        ("globalavgpool", "AveragePooling", "AvgPool"),
    )
    for name, _ in KERAS[op].numbered()
} | {
    "GroupQueryAttention": "GroupedQueryAttention",
    "SyncBatchNormalization": "BatchNormalization",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
"""Other names of Keras's classes."""
KERAS_ACTIVATIONS: Registry[str, tuple[str, ...]] = Registry(
    {op: (op,) for op in ("relu", "relu6", "sigmoid", "tanh", "softmax", "elu", "selu", "gelu", "mish", "softplus")},
    {
        "softsign": ("softsign",),
        "silu": ("silu", "swish"),
        "hardsigmoid": ("hard_sigmoid",),
        "hardswish": ("hard_silu", "hard_swish"),
        "exp": ("exponential",),
        "leakyrelu": ("leaky_relu",),
        "logsigmoid": ("log_sigmoid",),
        "celu": ("celu",),
        "softshrink": ("soft_shrink",),
        "hardshrink": ("hard_shrink",),
        "tanhshrink": ("tanh_shrink",),
        "logsoftmax": ("log_softmax",),
    },
)
"""The names of Keras's activations, the one that is written coming first."""

TORCH_FUNCTIONS = (
    *("abs", "sqrt", "rsqrt", "square", "reciprocal", "log", "log1p", "expm1", "floor", "ceil", "round", "trunc"),
    *("sign", "erf", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"),
)
"""PyTorch's value-by-value functions that have the same names as our ops."""
_TORCH_WINDOW = {"kernel_size": "k", "stride": "s", "padding": "p", "dilation": "d"}
_TORCH_CONV = {"in_channels": "c_i", "out_channels": "c_o", **_TORCH_WINDOW, "groups": "g", "bias": "bias"}
_TORCH_NORM = {"eps": "eps", "affine": "scale center"}
_TORCH_RECURRENT = {"input_size": "c_i", "hidden_size": "out", "bidirectional": "bidirectional", "bias": "bias"}
_TORCH_ONE_WAY = {"bidirectional": False, "bias": True}
_INPLACE = ("inplace",)
_TORCH_POOL_ORDER = ("kernel_size", "stride", "padding")
_TORCH_NORM_ORDER = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_TORCH_RECURRENT_ORDER = (
    *("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size"),
)
TORCH: Names = Registry(
    {
        "conv": Name(
            "Conv{}d",
            _TORCH_CONV,
            {"s": 1, "p": 0, "d": 1, "g": 1, "bias": True},
            (*_TORCH_CONV, "padding_mode"),
        ),
        "convT": Name(
            "ConvTranspose{}d",
            {**_TORCH_CONV, "output_padding": "out_pad"},
            {"s": 1, "p": 0, "d": 1, "g": 1, "bias": True, "out_pad": 0},
            (
                *("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding"),
                *("groups", "bias", "dilation", "padding_mode"),
            ),
        ),
        "maxpool": Name(
            "MaxPool{}d",
            {**_TORCH_WINDOW, "ceil_mode": "ceil"},
            {"p": 0, "d": 1, "ceil": False},
            (*_TORCH_POOL_ORDER, "dilation", "return_indices", "ceil_mode"),
        ),
        "avgpool": Name(
            "AvgPool{}d",
            {**_TORCH_WINDOW, "ceil_mode": "ceil", "count_include_pad": "count_include_pad"},
            {"p": 0, "d": 1, "ceil": False, "count_include_pad": True},
            (*_TORCH_POOL_ORDER, "ceil_mode", "count_include_pad", "divisor_override"),
        ),
        "lppool": Name(
            "LPPool{}d", {"norm_type": "norm", "kernel_size": "k", "stride": "s", "ceil_mode": "ceil"}, {"ceil": False}
        ),
        "adaptivemaxpool": Name("AdaptiveMaxPool{}d", {"output_size": "out"}),
        "adaptiveavgpool": Name("AdaptiveAvgPool{}d", {"output_size": "out"}),
        "linear": Name("Linear", {"in_features": "c_i", "out_features": "out", "bias": "bias"}, {"bias": True}),
        "upsample": Name(
            "Upsample",
            {"size": "out", "scale_factor": "factor", "mode": "mode", "align_corners": "align"},
            {"mode": "nearest", "align": False},
        ),
        "pixelshuffle": Name("PixelShuffle", {"upscale_factor": "factor"}),
        "pixelunshuffle": Name("PixelUnshuffle", {"downscale_factor": "factor"}),
        "unfold": Name(
            "Unfold", _TORCH_WINDOW, {"s": 1, "p": 0, "d": 1}, ("kernel_size", "dilation", "padding", "stride")
        ),
        "fold": Name(
            "Fold",
            {"output_size": "out", **_TORCH_WINDOW},
            {"s": 1, "p": 0, "d": 1},
            ("output_size", "kernel_size", "dilation", "padding", "stride"),
        ),
        "channelshuffle": Name("ChannelShuffle", {"groups": "g"}),
        "batchnorm": Name("BatchNorm{}d", {"num_features": "c_i", **_TORCH_NORM}, {"eps": 1e-5}, _TORCH_NORM_ORDER),
        "layernorm": Name(
            "LayerNorm",
            {"normalized_shape": "sizes", "eps": "eps", "elementwise_affine": "scale center"},
            {"eps": 1e-5},
            ("normalized_shape", "eps", "elementwise_affine", "bias"),
        ),
        "groupnorm": Name(
            "GroupNorm",
            {"num_groups": "g", "num_channels": "c_i", **_TORCH_NORM},
            {"eps": 1e-5},
            ("num_groups", "num_channels", "eps", "affine"),
        ),
        "instancenorm": Name(
            "InstanceNorm{}d", {"num_features": "c_i", **_TORCH_NORM}, {"eps": 1e-5}, _TORCH_NORM_ORDER
        ),
        "lrn": Name(
            "LocalResponseNorm",
            {"size": "size", "alpha": "alpha", "beta": "beta", "k": "offset"},
            {"alpha": 1e-4, "beta": 0.75, "offset": 1.0},
        ),
        "relu": Name("ReLU", positions=_INPLACE),
        "relu6": Name("ReLU6", positions=_INPLACE),
        "silu": Name("SiLU", positions=_INPLACE),
        "selu": Name("SELU", positions=_INPLACE),
        "exp": Name("exp"),
        "leakyrelu": Name("LeakyReLU", {"negative_slope": "alpha"}, {"alpha": 0.01}, ("negative_slope", *_INPLACE)),
        "elu": Name("ELU", {"alpha": "alpha"}, {"alpha": 1.0}, ("alpha", *_INPLACE)),
        "gelu": Name("GELU", {"approximate": "approximate"}, {"approximate": False}),
        "prelu": Name("PReLU", {"num_parameters": "num_parameters"}, {"num_parameters": 1}),
        "softmax": Name("Softmax", {"dim": "axis"}, {"axis": -1}),
        "dropout": Name("Dropout", {"p": "rate"}, {"rate": 0.5}, ("p", *_INPLACE)),
        "celu": Name("CELU", {"alpha": "alpha"}, {"alpha": 1.0}, ("alpha", *_INPLACE)),
        "softshrink": Name("Softshrink", {"lambd": "lambd"}, {"lambd": 0.5}),
        "hardshrink": Name("Hardshrink", {"lambd": "lambd"}, {"lambd": 0.5}),
        "threshold": Name("Threshold", {"threshold": "threshold", "value": "value"}),
        "logsoftmax": Name("LogSoftmax", {"dim": "axis"}, {"axis": -1}),
        "multihead": Name(
            "MultiheadAttention",
            {"num_heads": "heads", "kdim": "kdim", "vdim": "vdim", "bias": "bias"},
            {"bias": True},
            ("embed_dim", "num_heads", "dropout", "bias", "add_bias_kv", "add_zero_attn", "kdim", "vdim"),
        ),
        "embedding": Name("Embedding", {"num_embeddings": "rows", "embedding_dim": "out"}),
        "lstm": Name("LSTM", _TORCH_RECURRENT, _TORCH_ONE_WAY, _TORCH_RECURRENT_ORDER),
        "gru": Name("GRU", _TORCH_RECURRENT, _TORCH_ONE_WAY, _TORCH_RECURRENT_ORDER),
        "rnn": Name(
            "RNN",
            {**_TORCH_RECURRENT, "nonlinearity": "activation"},
            {**_TORCH_ONE_WAY, "activation": "tanh"},
            (*_TORCH_RECURRENT_ORDER[:3], "nonlinearity", *_TORCH_RECURRENT_ORDER[3:]),
        ),
    },
    named({"logsigmoid": "LogSigmoid", "tanhshrink": "Tanhshrink", "neg": "neg"}),
    {op: Name(op) for op in TORCH_FUNCTIONS},
    {op: Name(op.capitalize(), positions=_INPLACE) for op in ("hardswish", "hardsigmoid", "mish")},
    {"flatten": Name("Flatten", positions=("start_dim", "end_dim"))},
    {"softplus": Name("Softplus", positions=("beta", "threshold"))},
    capitalized("sigmoid", "tanh", "softsign", "identity"),
)
"""PyTorch's modules, and its functions where there is no module."""

_ONNX_WINDOW = {"kernel_shape": "k", "strides": "s", "pads": "p", "auto_pad": "p", "dilations": "d"}
_ONNX_NORM = {"epsilon": "eps"}
_ONNX_REDUCTIONS = {"mean": "Mean", "sum": "Sum", "prod": "Prod", "l1": "L1", "l2": "L2", "logsumexp": "LogSumExp"}
ONNX_FUNCTIONS = (
    *("abs", "neg", "sqrt", "reciprocal", "log", "floor", "ceil", "round", "sign", "erf", "sin", "cos", "tan", "asin"),
    *("acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "relu", "sigmoid", "tanh", "softplus", "softsign"),
    *("mish", "exp", "identity"),
)
"""Value-by-value functions that are an ONNX operator without attributes."""
ONNX: Names = Registry(
    {
        "conv": Name("Conv", {**_ONNX_WINDOW, "group": "g"}),
        "convT": Name("ConvTranspose", {**_ONNX_WINDOW, "group": "g", "output_padding": "out_pad"}),
        "maxpool": Name("MaxPool", {**_ONNX_WINDOW, "ceil_mode": "ceil"}),
        "avgpool": Name("AveragePool", {**_ONNX_WINDOW, "ceil_mode": "ceil", "count_include_pad": "count_include_pad"}),
        "lppool": Name("LpPool", {**_ONNX_WINDOW, "ceil_mode": "ceil", "p": "norm"}),
        "globalmaxpool": Name("GlobalMaxPool"),
        "globalavgpool": Name("GlobalAveragePool"),
        "linear": Name("Gemm"),
        "reshape": Name("Reshape", {"shape": "out"}),
        "permute": Name("Transpose", {"perm": "order"}),
        "pad": Name("Pad", {"mode": "mode"}),
        "slice": Name("Slice"),
        **{op: Name(f"Reduce{kind}", {"keepdims": "keepdims"}) for op, kind in _ONNX_REDUCTIONS.items()},
        "concat": Name("Concat", {"axis": "axis"}),
        "add": Name("Sum"),
        "upsample": Name("Resize", {"mode": "mode"}),
        "pixelshuffle": Name("DepthToSpace", {"blocksize": "factor", "mode": "order"}),
        "pixelunshuffle": Name("SpaceToDepth", {"blocksize": "factor", "mode": "order"}),
        "fold": Name("Col2Im", {"strides": "s", "pads": "p", "dilations": "d"}),
        "gather": Name("Gather", {"axis": "axis"}),
        "expand": Name("Expand"),
        "tile": Name("Tile"),
        "batchnorm": Name("BatchNormalization", _ONNX_NORM, {"eps": 1e-5}),
        "layernorm": Name("LayerNormalization", _ONNX_NORM, {"eps": 1e-5}),
        "groupnorm": Name("GroupNormalization", {"num_groups": "g", **_ONNX_NORM}, {"g": 1, "eps": 1e-5}),
        "instancenorm": Name("InstanceNormalization", _ONNX_NORM, {"eps": 1e-5}),
        "lrn": Name(
            "LRN",
            {"size": "size", "alpha": "alpha", "beta": "beta", "bias": "offset"},
            {"size": 0, "alpha": 1e-4, "beta": 0.75, "offset": 1.0},
        ),
        "hardswish": Name("HardSwish"),
        "leakyrelu": Name("LeakyRelu", {"alpha": "alpha"}, {"alpha": 0.01}),
        "elu": Name("Elu", {"alpha": "alpha"}, {"alpha": 1.0}),
        "hardsigmoid": Name("HardSigmoid", {"alpha": "alpha"}, {"alpha": 0.2}),
        "gelu": Name("Gelu", {"approximate": "approximate"}),
        "softmax": Name("Softmax", {"axis": "axis"}),
        "prelu": Name("PRelu"),
        "clip": Name("Clip", {"min": "min", "max": "max"}),
        "dropout": Name("Dropout", {"ratio": "rate"}, {"rate": 0.5}),
        "logsoftmax": Name("LogSoftmax", {"axis": "axis"}),
        "cumsum": Name("CumSum"),
        "normalize": Name("LpNormalization", {"axis": "axis", "p": "norm"}, {"axis": -1, "norm": 2}),
        "celu": Name("Celu", {"alpha": "alpha"}, {"alpha": 1.0}),
        "softshrink": Name("Shrink", {"lambd": "lambd"}, {"lambd": 0.5}),
    },
    capitalized("sub", "div", "pow", "min", "max", "where", "flatten", "mul", "selu", *ONNX_FUNCTIONS),
)
"""ONNX's operators and their attributes."""
ONNX_OPS = {name.word: op for op, name in ONNX.items()}
"""The op of each operator."""


def aliases(op: str) -> dict[str, str]:
    """Return the names of an op's keys in Keras, PyTorch and ONNX that differ from ours, mapped to ours."""
    tables = [table[op].keys for table in (KERAS, TORCH, ONNX) if op in table]
    return {theirs: ours for keys in tables for theirs, ours in keys.items() if theirs != ours}
