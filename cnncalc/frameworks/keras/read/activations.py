"""Keras's activations: by name, as functions, and as layers."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from ....layers.names import KERAS, KERAS_ACTIVATIONS
from .config import LayerCall, plain
from .parts import CONVERTERS, Converter, LayerPart, Parts, Raw, Results, listed, opaque_layer, renamed, same_shape

NAMED: dict[str, Raw] = {name: {"op": op} for op, names in KERAS_ACTIVATIONS.items() for name in names}
"""The layer for each Keras activation, by name."""
NAMED["leaky_relu"]["alpha"] = 0.2
ACTIVATIONS: dict[str, Raw] = {
    **NAMED,
    "hard_tanh": {"op": "clip", "min": -1, "max": 1},
    "sparse_sigmoid": {"op": "hardsigmoid", "alpha": 0.5},
}
"""The activations that are one layer here, some with fixed keys."""


def activation(value: Any, call: LayerCall) -> list[LayerPart]:
    """Return the layers of an activation, given as a name, a function or a layer; empty for the identity.

    A function without a layer here keeps the shape and has no weights. The call reads the activation's input.
    """
    value = plain(value)
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if isinstance(kind, str) and kind in CONVERTERS and isinstance(config, dict):
            made = CONVERTERS[kind](call._replace(kind=kind, config=config))
            return [LayerPart(same_shape(kind))] if made is None or isinstance(made, Results) else listed(made)
        if isinstance(kind, str) and kind not in ("function", "__lambda__") and kind.lower() not in NAMED:
            return [LayerPart(same_shape(kind, {}))]  # it may have weights
        value = config.get("name") if isinstance(config, dict) else config
    if value is None or value == "linear":
        return []
    if isinstance(value, str) and value in COMPOSED:
        return COMPOSED[value](call)
    if not isinstance(value, str) or value not in ACTIVATIONS:
        return [LayerPart(same_shape(value if isinstance(value, str) and value else "activation"))]
    return [LayerPart(_of_version(ACTIVATIONS[value], call))]


def _squareplus(call: LayerCall) -> list[LayerPart]:
    """Return (x + sqrt(x**2 + b))/2."""
    x, b = call.read()[0].layer, call.get("b")
    return [
        LayerPart({"op": "square"}, "_square", (x,)),
        LayerPart({"op": "rescale", "offset": 4 if b is None else b}, "_more"),
        LayerPart({"op": "sqrt"}, "_root"),
        LayerPart({"op": "add"}, "_sum", (x, "_root")),
        LayerPart({"op": "rescale", "factor": 0.5}),
    ]


def _sparse_plus(call: LayerCall) -> list[LayerPart]:
    """Return 0 up to -1, (x + 1)**2/4 from there to 1, and x above."""
    x = call.read()[0].layer
    return [
        LayerPart({"op": "clip", "min": -1, "max": 1}, "_middle", (x,)),
        LayerPart({"op": "rescale", "factor": 0.5, "offset": 0.5}, "_half"),
        LayerPart({"op": "square"}, "_square"),
        LayerPart({"op": "max"}, "", ("_square", x)),
    ]


def _glu(call: LayerCall) -> list[LayerPart]:
    """Return the first half of an axis times the sigmoid of the second half."""
    (x, sizes, *_), axis = call.read()[0], call.get("axis")
    axis = -1 if axis is None else axis
    at = call.axis(axis)
    size = None if sizes is None or at is None or not 1 <= at <= len(sizes) else sizes[at - 1]
    if size is None or size % 2:
        return [LayerPart(opaque_layer("Glu", None))]
    return [
        LayerPart({"op": "slice", "axis": axis, "stop": size // 2}, "_first", (x,)),
        LayerPart({"op": "slice", "axis": axis, "start": size // 2}, "_second", (x,)),
        LayerPart({"op": "sigmoid"}, "_gate"),
        LayerPart({"op": "mul"}, "", ("_first", "_gate")),
    ]


COMPOSED: dict[str, Callable[[LayerCall], list[LayerPart]]] = {
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "glu": _glu,
}
"""The activations that become several layers here."""
ACTIVATION_NAMES = (*ACTIVATIONS, *COMPOSED, "linear", "sparsemax", "threshold")
"""The names of all Keras activations."""


def _of_version(raw: Raw, call: LayerCall) -> Raw:
    """Return an activation as in the file's version of Keras: the hard sigmoid of Keras 2 has a slope of 0.2."""
    return {**raw, "alpha": 0.2} if call.old and raw == {"op": "hardsigmoid"} else raw


@CONVERTERS.register("Activation")
def _activation(call: LayerCall) -> Parts:
    return activation(call.get("activation"), call) or {"op": "identity"}


@CONVERTERS.register("ReLU")
def _relu(call: LayerCall) -> Parts:
    """Return relu, relu6, leakyrelu or clip, by max_value, threshold and slope, or a choice between two lines."""
    most, slope, least = (call.get(*keys) for keys in (("max_value",), ("negative_slope", "alpha"), ("threshold",)))
    most = None if most == inf else most
    if not least and not slope:
        raw: Raw = {"op": "relu6"} if most == 6 else {"op": "clip", "min": 0, "max": most}
        return {"op": "relu"} if most is None else raw
    if not least and most is None:
        return {"op": "leakyrelu", "alpha": slope}
    if any(type(one) not in (int, float) for one in (most or 0, slope or 0, least or 0)):
        return None
    x, least, slope = call.read()[0].layer, least or 0, slope or 0
    above = LayerPart({"op": "clip", "min": 0, "max": most}, "_most", (x,))
    return [
        LayerPart({"op": "compare", "by": "gt", "value": least}, "_above", (x,)),
        LayerPart({"op": "rescale", "factor": slope, "offset": -slope * least}, "_below", (x,)),
        *([] if most is None else [above]),
        LayerPart({"op": "where"}, "", ("_above", x if most is None else "_most", "_below")),
    ]


@CONVERTERS.register("Softmax")
def _softmax(call: LayerCall) -> Parts:
    axis = call.get("axis", "dim")
    axes = list(axis) if isinstance(axis, (list, tuple)) else [-1 if axis is None else axis]
    if len(axes) == 1:
        return {"op": "softmax", "axis": axes[0]}
    x, keys = call.read()[0].layer, {"axis": axes, "keepdims": True}
    parts = [LayerPart({"op": "logsumexp", **keys}, "_total", (x,)), LayerPart({"op": "sub"}, "_log", (x, "_total"))]
    return [*parts, LayerPart({"op": "exp"})]


@CONVERTERS.register("Gelu")
def _gelu(call: LayerCall) -> Parts:
    """Return a GELU: Keras 3's operation approximates by default, TensorFlow's function does not."""
    approximate = call.get("approximate")
    return {"op": "gelu", "approximate": not call.old if approximate is None else bool(approximate)}


def as_named(raw: Raw) -> Converter:
    """Return the converter to an activation, with the keys of its class in Keras: alpha, a threshold, an axis."""
    if raw["op"] not in KERAS:
        return lambda call: _of_version(raw, call)
    return lambda call: _of_version({**raw, **renamed(call, raw["op"])}, call)


def class_of(name: str) -> str:
    """Return the class of the Keras operation with a name: `HardSilu` for `hard_silu`."""
    return "".join([part.capitalize() for part in name.split("_")])


CONVERTERS.update(
    {
        "Elu": lambda call: renamed(call, "elu"),
        "LeakyRelu": lambda call: {"op": "leakyrelu", "alpha": 0.2, **renamed(call, "leakyrelu")},
    }
)
for _name, _raw in ACTIVATIONS.items():
    CONVERTERS.setdefault(class_of(_name), as_named(_raw))
for _name, _function in COMPOSED.items():
    CONVERTERS.setdefault(class_of(_name), _function)
