"""Keras's layers as layers of a spec: mostly the configuration's keys renamed, with their values unchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, prod, sqrt
from sys import float_info
from typing import Any

from ....errors import SpecError, shown
from ....layers import OPS
from ....layers.affine import LEAST_DEVIATION
from ....layers.names import KERAS
from ...build import Draft
from . import attention, categories, dense, images, sequences, shapes  # noqa: F401 - they register their converters
from .activations import activation
from .config import LayerCall, Sizes, Tensor, leaves
from .functions import JOINED, JOINS, TENSORFLOW, numbers
from .images import MODES
from .masks import masked_extreme, masked_mean, masked_product, masked_softmax
from .moves import between, on_axis
from .opaque import has_figures, opaque
from .parts import CONVERTERS, Converter, LayerPart, Parts, Raw, Results, ended, listed, renamed
from .roles import Recipe, Recipes, literal
from .sequences import RECURRENT
from .tracing import shape_of_sizes, sizes_of_shape, traced
from .variables import inner_layer
from .windows import FUSED


def convert(call: LayerCall) -> list[LayerPart] | Results:
    """Return the layers for a call of a Keras layer; one opaque layer if it is unknown."""
    kind = _kind(call)
    call = call._replace(kind=kind)
    order = _order_here(call)
    converted = _in_place(call) if order is None else between(call, order, _in_place)
    if converted is None:  # in the other layout, with an unknown number of axes
        return [LayerPart(opaque(call._replace(channels_last=not call.channels_last)))]
    if isinstance(converted, Results):
        return converted
    parts = listed(converted)
    end = call.get("activation")
    if kind not in _FUSED or end in (None, "linear"):
        return parts
    x = Tensor(parts[-1].suffix, _sizes_of(parts, call))
    return [*parts, *ended(activation(end, call._replace(args=(x,))), "_activation")]


def _in_place(call: LayerCall) -> list[LayerPart] | Results:
    """Return the layers for a call in the network's own layout, without its activation."""
    several = call.kind not in _JOINS and len(call.read()) != 1
    converter = None if several else CONVERTERS.get(call.kind)
    if converter is not None and call.masked and call.kind in _MASKED:
        converter = _MASKED[call.kind]
    converted = None if converter is None else converter(call)
    if isinstance(converted, Results):
        return converted
    parts = [] if converted is None else listed(converted)
    numbers = [one for part in parts for value in part.raw.values() for one in leaves(value) if isinstance(one, float)]
    return parts if parts and all(map(isfinite, numbers)) else [LayerPart(opaque(call))]


def _sizes_of(parts: list[LayerPart], call: LayerCall) -> Sizes | None:
    """Return the output sizes of the last layer; None if unknown."""
    if call.out is not None:
        return call.out
    known = {one.layer: shape_of_sizes(one.sizes) for one in call.tensors()}
    above: Sequence[Draft | str] = [one.layer for one in call.tensors()]
    for part in parts:
        reads = above if part.reads is None else part.reads
        keys = {key: value for key, value in part.raw.items() if key != "op"}
        known[part.suffix] = traced(part.raw["op"], keys, [known[one] for one in reads], call.channels_last)
        above = [part.suffix]
    return sizes_of_shape(known[parts[-1].suffix].shape)


def is_known(kind: str) -> bool:
    """Return whether a class is a known Keras layer."""
    return kind in CONVERTERS or has_figures(kind)


def _kind(call: LayerCall) -> str:
    """Return the class of a call, or the equivalent class of a TensorFlow function."""
    if call.kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        function = call.config.get("function")
        return TENSORFLOW.get(function.rpartition(".")[2], call.kind) if isinstance(function, str) else call.kind
    return call.kind


def _order_here(call: LayerCall) -> list[int] | None:
    """Return the order of axes that moves a layer's channels to the network's place; None if they are there.

    It is empty if the number of axes is unknown.
    """
    given = call.config.get("data_format", "channels_last" if call.kind in _ALWAYS_LAST else None)
    if given is None or call.kind == "Flatten" or (given == "channels_last") == call.channels_last:
        return None
    first = 2 if call.kind.startswith("ConvLSTM") else 1  # after the steps
    sizes = call.sizes()
    if sizes is None:
        return []
    axes, steps = [*range(first, len(sizes) + 1)], [*range(1, first)]
    if not axes:  # no channels
        return None
    return [*steps, *axes[1:], axes[0]] if call.channels_last else [*steps, *axes[-1:], *axes[:-1]]


@CONVERTERS.register("Flatten")
def _flatten(call: LayerCall) -> Parts:
    """Return a flatten in Keras's order: leading channels are moved to the end first."""
    sizes = call.sizes()
    flat = LayerPart({"op": "flatten"})
    if call.get("data_format") != "channels_first":
        return [flat]
    if sizes is None:
        return None
    if len(sizes) < 2 or all(n == 1 for n in sizes[1:]) or sizes[0] == 1:
        return [flat]
    return [LayerPart({"op": "permute", "order": [*range(2, len(sizes) + 1), 1]}, "_permute"), flat]


@CONVERTERS.register("BatchNormalization", "GroupNormalization")
def _norm_of_axis(call: LayerCall) -> Parts:
    """Return a norm of the channels, or of another axis, which is first moved to their place."""
    op = "batchnorm" if call.kind == "BatchNormalization" else "groupnorm"
    return on_axis(call, call.get("axis"), lambda one: renamed(one, op))


@CONVERTERS.register("LayerScale")
def _layer_scale(call: LayerCall) -> Parts:
    return on_axis(call, -1, lambda _: {"op": "scale"})


@CONVERTERS.register("RMSNormalization")
def _rms(call: LayerCall) -> Parts:
    """Return x / sqrt(mean(x**2) + eps), then a weight for each unit of the axes, which Keras treats as the last."""
    axes, sizes = call.axes(), call.sizes()
    shape = None if axes is None or sizes is None else [sizes[axis - 1] for axis in axes]
    return _scaled(call, call.read()[0].layer, 1e-6, "scale", shape)


@CONVERTERS.register("LayerNormalization")
def _layernorm(call: LayerCall) -> Parts:
    """Return a layer norm; with `rms_scaling` x / sqrt(variance + eps), then a weight.

    If axes are given in another order, Keras reshapes rather than transposes their weights to fit the input.
    """
    axes, sizes = call.axes(), call.sizes()
    if not call.get("rms_scaling"):
        raw, given = renamed(call, "layernorm"), call.config.get("axis")
        if axes is None or sizes is None or not isinstance(given, (list, tuple)):
            return raw
        own = [sizes[axis - 1] for axis in axes]
        return [LayerPart(raw, recipes={role: Recipe((one,), _reshaped(own)) for role, one in _AFFINE.items()})]
    x = call.read()[0].layer
    if axes is None or sizes is None:
        return None
    shape = [n if axis in axes else 1 for axis, n in enumerate(sizes, 1)]
    scaled = _scaled(call, "_apart", 1e-3, "gamma", shape)
    if scaled is None:
        return None
    mean: Raw = {"op": "mean", "axis": axes, "keepdims": True}
    return [LayerPart(mean, "_center", (x,)), LayerPart({"op": "sub"}, "_apart", (x, "_center")), *scaled]


_AFFINE = {"weight": "gamma", "bias": "beta"}


def _reshaped(shape: list[int | None]) -> Callable[[list[Any], bool], Any]:
    """Return a function that reshapes an array."""
    return lambda arrays, _: arrays[0].reshape(shape)


@CONVERTERS.register("LayerNorm")
def _normalized(call: LayerCall) -> Parts:
    """Return a layer norm without weights: those of the operation may be computed, or are separate arrays."""
    eps = call.get("epsilon")
    weights = [*call.args[1:], call.get("gamma"), call.get("beta")]
    keys = {"scale": False, "center": False, "eps": 1e-7 if eps is None else eps}
    return renamed(call, "layernorm") | keys if all(one is None for one in weights) else None


def _scaled(
    call: LayerCall, squared: Draft | str, eps: float, weight: str, shape: list[int | None] | None
) -> list[LayerPart] | None:
    """Return x / sqrt(mean(squared**2) + eps) over the axes of a call, times a weight of a shape."""
    axes, given = call.axes(), call.get("epsilon")
    sizes = [n for n in shape or [] if n is not None]
    if axes is None or shape is None or len(sizes) < len(shape):
        return None
    is_scale = call.channels_last and call.on_channels(axes)
    array: Raw = {"op": "constant", "shape": sizes}
    recipe = {"weight": Recipe((weight,), lambda arrays, _: arrays[0].reshape(sizes))}
    weighted = [LayerPart(array, "_weight", (), recipe), LayerPart({"op": "mul"}, "", ("_normal", "_weight"))]
    return [
        LayerPart({"op": "square"}, "_square", (squared,)),
        LayerPart({"op": "mean", "axis": axes, "keepdims": True}, "_mean"),
        LayerPart({"op": "rescale", "offset": eps if given is None else given}, "_sum"),
        LayerPart({"op": "rsqrt"}, "_inverse"),
        LayerPart({"op": "mul"}, "_normal", (call.read()[0].layer, "_inverse")),
        *([LayerPart({"op": "scale"}, "", ("_normal",), {"weight": Recipe((weight,))})] if is_scale else weighted),
    ]


@CONVERTERS.register("Normalize")
def _normalize(call: LayerCall) -> Parts:
    """Return x divided by a norm over some axes; over two axes, norms other than the 2-norm are matrix norms."""
    axes, order, eps = call.axes(), call.get("order"), call.get("epsilon")
    order, eps = 2 if order is None else order, 1e-7 if eps is None else eps
    if axes is None or type(order) is not int or type(eps) not in (int, float) or (len(axes) > 1 and order != 2):
        return None
    return {"op": "normalize", "axis": axes, "norm": order, "eps": eps}


@CONVERTERS.register("L2Normalize")
def _l2_normalize(call: LayerCall) -> Parts:
    """Return x / sqrt(max(sum(x**2), epsilon)), as in TensorFlow."""
    given = call.get("epsilon")
    eps = 1e-12 if given is None else given
    if call.get("axis") is None or type(eps) not in (int, float) or eps < 0:
        return None
    return _normalize(call._replace(config={**call.config, "epsilon": sqrt(eps)}))


@CONVERTERS.register("SpectralNormalization")
def _spectral(call: LayerCall) -> Parts:
    """Return the inner layer, whose kernel is stored normalized."""
    inner = inner_layer(call.config)
    if inner is None:
        return None
    kind, config = inner
    trained = call.config.get("trainable") is not False and config.get("trainable") is not False
    return convert(call._replace(kind=kind, config={**config, "trainable": trained}))


@CONVERTERS.register("Normalization")
def _normalization(call: LayerCall) -> Parts:
    """Return a normalization by given or stored statistics, or its inverse."""
    mean, variance = numbers(call.get("mean")), numbers(call.get("variance"))
    if (mean is None) != (variance is None):
        return None
    axes, is_inverse = call.axes(), bool(call.get("invert"))
    keys = {} if mean is None else {"mean": mean, "variance": variance}
    if not is_inverse and axes is not None and call.on_channels(axes):
        return {"op": "normalization", **keys}
    if isinstance(mean, (int, float)) and isinstance(variance, (int, float)):
        return rescaled(call, mean, variance)
    if not is_inverse and axes is not None and len(axes) == 1:
        return on_axis(call, axes[0], lambda _: {"op": "normalization", **keys})
    return _by_statistics(call, axes)


def rescaled(call: LayerCall, mean: float, variance: float) -> Raw:
    """Return a normalization by one mean and one variance, or its inverse. Raise SpecError if they are invalid."""
    for what, value in (("mean", mean), ("variance", variance)):
        if abs(value) > float_info.max or (what == "variance" and value < 0):
            raise SpecError(
                f"{what} is {shown(value)}", (f"a {what} must be a finite number{' of at least 0' * (value < 0)}")
            )
    deviation = max(sqrt(variance), LEAST_DEVIATION)
    if call.get("invert"):
        return {"op": "rescale", "factor": deviation, "offset": mean}
    return {"op": "rescale", "factor": 1 / deviation, "offset": -mean / deviation}


def _by_statistics(call: LayerCall, axes: list[int] | None) -> Parts:
    """Return a normalization by arrays over any axes or none, layer by layer, or its inverse."""
    sizes = call.sizes()
    if sizes is None or (axes is None and call.get("axis")):
        return None
    shape = [n if axis in (axes or ()) else 1 for axis, n in enumerate(sizes, 1)]
    known = [n for n in shape if n is not None]
    if len(known) < len(shape):
        return None
    x, parts, count = call.read()[0].layer, [], prod(known)
    for role in ("mean", "variance"):
        given = numbers(call.get(role))
        raw: Raw = {"op": "constant", "shape": known, "kind": "buffer" if given is None else "constant"}
        recipes: Recipes = {}
        if given is None:
            recipes = {"weight": Recipe((role,), lambda arrays, _: arrays[0].reshape(known))}
        elif not isinstance(given, list):
            raw |= {"value": given}
        elif len(given) != count:
            return None
        else:
            recipes = {"weight": literal(given, known)}
        parts.append(LayerPart(raw, f"_{role}", (), recipes))
    parts += [LayerPart({"op": "sqrt"}, "_root"), LayerPart({"op": "max", "value": LEAST_DEVIATION}, "_deviation")]
    if call.get("invert"):
        turned = LayerPart({"op": "mul"}, "_wide", (x, "_deviation"))
        return [*parts, turned, LayerPart({"op": "add"}, "", ("_wide", "_mean"))]
    return [
        *parts,
        LayerPart({"op": "sub"}, "_apart", (x, "_mean")),
        LayerPart({"op": "div"}, "", ("_apart", "_deviation")),
    ]


@CONVERTERS.register("Rescaling")
def _rescaling(call: LayerCall) -> Parts:
    factor, offset = numbers(call.get("scale")), numbers(call.get("offset"))
    raw: Raw = {"op": "rescale", "factor": factor, "offset": offset}
    return on_axis(call, -1, lambda _: raw) if isinstance(factor, list) or isinstance(offset, list) else raw


@CONVERTERS.register("TimeDistributed")
def _time_distributed(call: LayerCall) -> Parts:
    """Return a layer applied to each step separately; a Dense does so by itself."""
    inner = inner_layer(call.config)
    if inner is None or len(call.values()) != 1:
        return None
    kind, config = inner
    config = {**config, "trainable": config.get("trainable") is not False and call.config.get("trainable") is not False}
    if kind in ("Dense", "Activation", "ReLU", "Dropout"):
        return convert(call._replace(kind=kind, config=config))
    sizes = call.sizes()
    one = Tensor("_steps", None if sizes is None else sizes[1:])
    out = None if call.out is None else call.out[1:]
    parts = convert(call._replace(kind=kind, config=config, args=(one,), kwargs={}, out=out))
    if isinstance(parts, Results) or any(part.raw["op"] == "opaque" and "out" not in part.raw for part in parts):
        return None
    return [LayerPart({"op": "tobatch"}, "_steps"), *parts, LayerPart({"op": "frombatch"}, "_together")]


def _over_batch(call: LayerCall) -> bool:
    axis = call.get("axis")
    return axis is None or 0 in (axis if isinstance(axis, list) else [axis])


_OPAQUE_IF: dict[str, Callable[[LayerCall], object]] = {
    "upsample": lambda call: call.get("interpolation") not in (None, *MODES),
    **dict.fromkeys(("mean", "sum", "prod", "logsumexp", "cumsum"), _over_batch),
}
"""The tests for calls that cannot be expressed here, by the op of the class's other calls."""


@CONVERTERS.register("Min", "Max", "Amin", "Amax")
def _extreme(call: LayerCall) -> Parts:
    """Return a minimum or a maximum over some axes."""
    if _over_batch(call):
        return None
    keys = {key: value for key in ("axis", "keepdims") if (value := call.get(key)) is not None}
    return {"op": call.kind.lower()[-3:], **keys}


@CONVERTERS.register("Any", "All")
def _any(call: LayerCall) -> Parts:
    """Return whether values along some axes are nonzero anywhere, or everywhere."""
    if _over_batch(call):
        return None
    keys = {key: value for key in ("axis", "keepdims") if (value := call.get(key)) is not None}
    there = LayerPart({"op": "compare", "by": "ne", "value": 0}, "_there")
    return [there, LayerPart({"op": "max" if call.kind == "Any" else "min", **keys})]


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


@CONVERTERS.register("Moments")
def _moments(call: LayerCall) -> Parts:
    """Return the mean and the variance over some axes."""
    own = call._replace(kind="Var", config={**call.config, "axis": call.get("axes")})
    parts = _variance(own)
    if not isinstance(parts, list):
        return None
    mean = LayerPart(parts[-1].raw, "_average", (call.read()[0].layer,))
    return Results([*parts, mean], ("_average", ""))


@CONVERTERS.register("Norm")
def _norm(call: LayerCall) -> Parts:
    """Return the norm of the values along an axis, or the Euclidean norm over several."""
    order, axis = call.get("ord"), call.get("axis")
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if _over_batch(call) or not (order in (None, 2, "fro", "euclidean") or (order == 1 and len(axes) == 1)):
        return None
    if order == 2 and len(axes) > 1:  # a matrix norm: the largest singular value
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
"""Layers that do nothing in inference, like those named `Random…` followed by one of _RANDOM."""
CONVERTERS.register(*_INERT, *(f"Random{what}" for what in _RANDOM))(_by_name("identity"))
for _op, _name in KERAS.items():
    for _word, _end in _name.numbered():
        CONVERTERS.setdefault(_word, _by_name(_op + _end if _op + _end in OPS else _op))

_ALWAYS_LAST = {"UpSampling1D", "Cropping1D", "ZeroPadding1D"}
"""Layers whose channels are the last axis by default."""
_FUSED = {*FUSED, "Dense", "EinsumDense"}
"""Layers with a built-in activation."""
_JOINS = {
    *(*JOINS, "Where", "Concatenate", "CustomScaleLayer"),
    *("MultiHeadAttention", "GroupedQueryAttention", "Attention", "AdditiveAttention", "DotProductAttention"),
    *("LSTM", "GRU", "SimpleRNN"),
    *(
        "Dot",
        "Matmul",
        "Einsum",
        "Tensordot",
        "Stack",
        "Constant",
        "LogicalAnd",
        "LogicalOr",
        "LogicalXor",
        "RNN",
        "Bidirectional",
    ),
    *("FloorDivide", *JOINED, "Hstack"),
}
"""Layers that may read several tensors or none."""
_MASKED: dict[str, Converter] = {
    "GlobalAveragePooling1D": masked_mean,
    "Softmax": masked_softmax,
    "Multiply": lambda call: _arithmetic_of(call, masked_product),
    "Maximum": lambda call: _arithmetic_of(call, masked_extreme),
    "Minimum": lambda call: _arithmetic_of(call, masked_extreme),
    "TimeDistributed": lambda call: None if _reads_mask(call) else _time_distributed(call),
}
"""The layers whose values depend on a mask, other than sequence layers."""


def _arithmetic_of(call: LayerCall, masked: Converter) -> Parts:
    """Return a layer that joins values with masked steps; those of Keras 2 and operations ignore masks."""
    return CONVERTERS[call.kind](call) if call.old or call.is_operation else masked(call)


def _reads_mask(call: LayerCall) -> bool:
    """Return whether the values of a wrapped layer depend on a mask."""
    inner = inner_layer(call.config)
    return inner is None or inner[0] in (*_MASKED, *RECURRENT, "RNN", "Bidirectional")
