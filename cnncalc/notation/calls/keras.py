"""Keras's layers whose arguments are not simply renamed."""

from __future__ import annotations

from typing import Any

from ...dialects import DIALECTS
from ...errors import SpecError, nearest, shown
from ...layers import OPS, names
from ..document import Raw
from .classes import BoundCall, Framework, ModuleCall, NamedArgument, check_allowed, each_rank, per_axis, renamed


def _completed(bound: BoundCall, layers: list[Raw]) -> list[Raw]:
    """Return the layers with Keras's differing defaults, and the activation as a separate layer."""
    first = layers[0]
    cls = OPS[first["op"]][0]
    if "eps" in cls.KEYS:
        first.setdefault("eps", DIALECTS["keras"].norm_eps)
    shape = bound.get("input_shape", bound.get("batch_input_shape"))
    c_i = shape[-1] if isinstance(shape, list) and shape else bound.get("input_dim")
    if c_i is not None and "c_i" in cls.KEYS:
        first.setdefault("c_i", c_i)
    given = bound.values.get("activation")
    if "activation" in bound.table.keys or bound.kind == "Activation":
        return layers
    return [*layers, *_activation(given)]


def _activation(value: Any) -> list[Raw]:
    """Return the layers of a Keras activation, given as a name, a function or a layer; empty for None and linear."""
    if isinstance(value, ModuleCall):
        return value.layers
    name = value.name if isinstance(value, NamedArgument) else value
    if name is None or name == "linear":
        return []
    for op, words in names.KERAS_ACTIVATIONS.items():
        if name in words:
            return [{"op": op}]
    known = ["linear", *[one for words in names.KERAS_ACTIVATIONS.values() for one in words]]
    help = nearest(name, known) if isinstance(name, str) else None
    raise SpecError(f"{shown(name)} is not an activation of Keras's", help or f"it is one of {', '.join(known)}")


KERAS = Framework(
    "keras",
    names.KERAS,
    ignored=(
        *("name", "trainable", "dtype", "data_format", "momentum", "seed", "noise_shape", "batch_size", "weights"),
        *("batch_input_shape", "input_shape", "input_dim", "renorm", "synchronized", "mask_zero", "dropout"),
        *("unit_forget_bias", "recurrent_dropout", "stateful", "unroll", "use_cudnn", "time_major"),
        *("implementation", "autocast"),
    ),
    ignored_ends=("_initializer", "_regularizer", "_constraint"),
    more={
        "LSTM": ("return_sequences", "return_state", "go_backwards"),
        "GRU": ("return_sequences", "return_state", "go_backwards", "reset_after"),
        "SimpleRNN": ("return_sequences", "return_state", "go_backwards"),
        "BatchNormalization": ("fused",),
    },
    aliases=names.KERAS_ALIASES,
    complete=_completed,
)


@KERAS.reads("Activation", arguments="activation")
def _lone_activation(bound: BoundCall) -> list[Raw]:
    if "activation" not in bound.values:
        raise SpecError("Activation needs an activation", "for example Activation('relu')")
    return _activation(bound.values["activation"]) or [{"op": "identity"}]


@KERAS.reads("Input", "InputLayer", arguments="shape batch_size")
def _input(bound: BoundCall) -> list[Raw]:
    shape = bound.get("shape", bound.get("input_shape"))
    known = isinstance(shape, list) and shape and all(type(n) is int for n in shape)
    example = "x".join(map(str, shape)) if known and shape else "3x224x224"
    last = " --layout NHWC" if "x" in example and known else ""
    raise SpecError(
        f"{bound.kind} is the network's input, not a layer", f"write its shape as the first word: {example}{last}"
    )


@KERAS.reads("ReLU")
def _relu(bound: BoundCall) -> list[Raw]:
    most, slope, least = bound.get("max_value"), bound.get("negative_slope", 0), bound.get("threshold", 0)
    if least or (slope and most is not None):
        raise SpecError("ReLU with a threshold, or with max_value and a slope, cannot be read from a call", "use clip")
    if most is None:
        return [{"op": "leakyrelu", "alpha": slope} if slope else {"op": "relu"}]
    return [{"op": "relu6"} if most == 6 else {"op": "clip", "min": 0, "max": most}]


@KERAS.reads(*each_rank("MaxPooling{}D"), *each_rank("AveragePooling{}D"))
def _pool(bound: BoundCall) -> list[Raw]:
    bound.values.setdefault("pool_size", 2)
    return [{"op": bound.op, "ceil": False} | renamed(bound)]


@KERAS.reads(*each_rank("ZeroPadding{}D"), *each_rank("Cropping{}D"))
def _border(bound: BoundCall) -> list[Raw]:
    """Return a pad or a crop; in one dimension two numbers are the sides before and after."""
    (argument,) = bound.table.keys
    bound.values.setdefault(argument, 1)
    raw = renamed(bound)
    lone = bound.kind.endswith("1D") and isinstance(raw["p"], list) and all(type(n) is int for n in raw["p"])
    return [raw | {"p": [raw["p"]] if lone else per_axis(raw["p"], int(bound.kind[-2]))}]


@KERAS.reads(*each_rank("UpSampling{}D"))
def _upsampling(bound: BoundCall) -> list[Raw]:
    """Return an upsample with a factor per axis: the class alone says how many axes there are."""
    raw = renamed(bound)
    return [raw | {"factor": per_axis(raw["factor"], int(bound.kind[-2]))}]


@KERAS.reads(
    *[*each_rank("SpatialDropout{}D"), "AlphaDropout", "GaussianDropout", "StochasticDepth"],
    arguments="rate noise_shape seed",
)
def _keras_dropout(bound: BoundCall) -> list[Raw]:
    return [{"op": "dropout", "rate": bound.get("rate", 0.5)}]


@KERAS.reads("BatchNormalization", "GroupNormalization")
def _keras_norm(bound: BoundCall) -> list[Raw]:
    """Return a norm over the channels in the network's layout: Keras's axis refers to its own layout."""
    check_allowed(bound, "axis", (-1, 1, 2, 3, 4))
    return [renamed(bound)]


@KERAS.reads(
    "Conv3DTranspose",
    arguments="filters kernel_size strides padding data_format output_padding dilation_rate activation use_bias",
)
def _conv3d_transpose(bound: BoundCall) -> list[Raw]:
    """Return the convolution: in this class the order of arguments differs from that of other ranks."""
    return [renamed(bound)]
