"""Activations by name and by class, and Keras's functions: the layers of a spec for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ....layers import OPS
from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....registry import Registry
from ...build import NO_FIGURES, Draft, printable
from .config import LayerCall, Sizes, Tensor, expect, leaves, plain
from .roles import Recipes

Raw = dict[str, Any]
"""A layer as a spec holds it, without its name and what it reads."""


class LayerPart(NamedTuple):
    """One of the layers of a spec for a Keras layer."""

    raw: Raw
    suffix: str = ""
    """The end of its name, after the Keras layer's; the part without one has that name."""
    reads: tuple[Draft | str, ...] | None = None
    """The layers that it reads, an earlier part by its suffix; None for the part above, or all that the layer reads."""
    recipes: Recipes | None = None
    """Its arrays; None for the usual ones of its op."""


Parts = Raw | list[LayerPart] | None
"""One layer, several, or None for a call that no layer here expresses."""
Converter = Callable[[LayerCall], Parts]

CONVERTERS: Registry[str, Converter] = Registry()
"""The layers for each class of Keras, a layer or an operation."""
NAMED: dict[str, Raw] = {name: {"op": op} for op, names in KERAS_ACTIVATIONS.items() for name in names}
"""The layer for each of Keras's activations by its name."""
NAMED["leaky_relu"]["alpha"] = 0.2


def renamed(call: LayerCall, op: str) -> Raw:
    """Return an op with the keys of the call's configuration under our names."""
    return {"op": op, **KERAS[OPS[op][0].WORD].ours(call.get)}


def opaque_layer(type: str, sizes: Sizes | None, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer of these figures, with its output's sizes if any are known."""
    return {"op": "opaque", "type": printable(type), **figures, **({"out": list(sizes)} if sizes else {})}


def activation(value: Any, call: LayerCall) -> Raw | None:
    """Return the layer of an activation, a name or a function or layer as a file holds it; None for the identity.

    A function that has no layer here keeps the shape, and has no weights.
    """
    value = plain(value)
    if value is None:
        return None
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if isinstance(kind, str) and kind in CONVERTERS and isinstance(config, dict):
            layer = CONVERTERS[kind](call._replace(kind=kind, config=config))
            return layer if isinstance(layer, dict) else opaque_layer(kind, call.sizes())
        if isinstance(kind, str) and kind not in ("function", "__lambda__") and kind.lower() not in NAMED:
            return opaque_layer(kind, call.sizes(), {})  # it may have weights
        value = config.get("name") if isinstance(config, dict) else config
    if value == "linear":
        return None
    if not isinstance(value, str) or value not in NAMED:
        return opaque_layer(value if isinstance(value, str) and value else "activation", call.sizes())
    return _of_version(NAMED[value], call)


def _of_version(raw: Raw, call: LayerCall) -> Raw:
    """Return an activation as the file's version of Keras has it: the hard sigmoid of Keras 2 has the slope 0.2."""
    return {**raw, "alpha": 0.2} if call.old and raw["op"] == "hardsigmoid" else raw


@CONVERTERS.register("Activation")
def _activation(call: LayerCall) -> Parts:
    return activation(call.get("activation"), call) or {"op": "identity"}


@CONVERTERS.register("ReLU")
def _relu(call: LayerCall) -> Parts:
    """Return relu, relu6, leakyrelu or clip, by max_value, threshold and slope."""
    most, slope = call.get("max_value"), call.get("negative_slope", "alpha") or 0
    if call.get("threshold") or (slope and most is not None):
        return None
    if most is None:
        return {"op": "leakyrelu", "alpha": slope} if slope else {"op": "relu"}
    return {"op": "relu6"} if most == 6 else {"op": "clip", "min": 0, "max": most}


@CONVERTERS.register("Softmax")
def _softmax(call: LayerCall) -> Parts:
    axis = call.get("axis", "dim")
    if isinstance(axis, list):
        return {"op": "softmax", "axis": axis[0]} if len(axis) == 1 else None
    return {"op": "softmax"} if axis is None else {"op": "softmax", "axis": axis}


@CONVERTERS.register("Gelu")
def _gelu(call: LayerCall) -> Parts:
    return {"op": "gelu", "approximate": call.get("approximate") is not False}


def numbers(value: Any) -> float | list[float] | None:
    """Return a number, or a flat list of some from however nested a one; None for anything else."""
    value = plain(value)
    listed: list[Any] = list(leaves(value))
    if not listed or any(type(one) not in (int, float) for one in listed):
        return None
    return listed if isinstance(value, list) else listed[0]


COMPARISONS = {
    "Greater": "gt",
    "GreaterEqual": "ge",
    "Less": "lt",
    "LessEqual": "le",
    "Equal": "eq",
    "NotEqual": "ne",
}
JOINS: dict[str, Raw] = {
    "Add": {"op": "add"},
    "Average": {"op": "add"},
    "Subtract": {"op": "sub"},
    "Multiply": {"op": "mul"},
    "TrueDivide": {"op": "div"},
    "Divide": {"op": "div"},
    "Power": {"op": "pow"},
    "Minimum": {"op": "min"},
    "Maximum": {"op": "max"},
    **{kind: {"op": "compare", "by": by} for kind, by in COMPARISONS.items()},
}
"""The layer that joins several tensors, by class."""
WITH_CONSTANT: dict[str, Callable[[float, bool], Raw]] = {
    "Add": lambda c, _: {"offset": c},
    "Multiply": lambda c, _: {"factor": c},
    "Subtract": lambda c, is_first: {"factor": -1, "offset": c} if is_first else {"offset": -c},
    **dict.fromkeys(("TrueDivide", "Divide"), lambda c, is_first: {} if is_first or c == 0 else {"factor": 1 / c}),
    **dict.fromkeys(("Average", "Power", "Minimum", "Maximum", *COMPARISONS), lambda *_: {}),
}
"""The keys of a rescale that joins a tensor and a constant, which may be the first of them; none if there is none."""


@CONVERTERS.register(*WITH_CONSTANT)
def _arithmetic(call: LayerCall) -> Parts:
    """Return the layers that join tensors, or a tensor and a constant. An average is the sum, divided."""
    operands = [*leaves(call.args), *(call.kwargs.get(key) for key in ("x1", "x2", "x", "y"))]
    operands = [one for one in operands if one is not None]
    tensors = [one for one in operands if isinstance(one, Tensor)]
    constants = [one for one in operands if isinstance(one, (int, float)) and not isinstance(one, bool)]
    raw = JOINS[call.kind]
    if len(operands) == 2 and len(tensors) == len(constants) == 1:
        is_first = operands[0] is constants[0]
        keys = WITH_CONSTANT[call.kind](constants[0], is_first)
        if keys or call.kind in ("TrueDivide", "Divide", "Average"):
            return {"op": "rescale", **keys} if keys else _elementwise(call)
        return _elementwise(call) if is_first and raw["op"] not in ("min", "max") else {**raw, "value": constants[0]}
    if len(operands) == len(tensors) == 1 and call.kind != "Average":
        return {"op": "identity"}
    pairs = raw["op"] in ("sub", "div", "pow", "compare")
    fits = 2 <= len(tensors) == len(operands) and not (pairs and len(tensors) > 2)
    if not fits or not _joins([one.sizes for one in tensors]):
        return _elementwise(call)
    if call.kind == "Average":
        return [LayerPart(raw, "_sum"), LayerPart({"op": "rescale", "factor": 1 / len(tensors)})]
    return raw


def _joins(sizes: list[Sizes | None]) -> bool:
    """Return whether tensors of these sizes have equally many axes, as far as that is known."""
    return len({len(one) for one in sizes if one is not None}) < 2


def _scaled_sum(read: list[Tensor], factor: Any, suffix: str) -> list[LayerPart]:
    """Return x + factor*y as two layers, the product under a suffix."""
    scaled = LayerPart({"op": "rescale", "factor": factor}, suffix, (read[1].layer,))
    return [scaled, LayerPart({"op": "add"}, "", (read[0].layer, suffix))]


@CONVERTERS.register("CustomScaleLayer")
def _custom_scale(call: LayerCall) -> Parts:
    """Return x + scale*y (Inception-ResNet's residual)."""
    read = call.read()
    return _scaled_sum(read, call.get("scale"), "_scaled") if len(read) == 2 else None


def _elementwise(call: LayerCall) -> Parts:
    """Return an opaque layer that joins values one by one; its shape follows from NumPy's broadcasting."""
    sizes = [one.sizes for one in call.tensors()]
    return opaque_layer(call.kind, call.out if call.out is not None else _broadcast(sizes))


def _broadcast(sizes: list[Sizes | None]) -> Sizes | None:
    given = [one for one in sizes if one is not None]
    if len(given) < len(sizes) or not given:
        return None
    rank = max(map(len, given))
    columns = zip(*((1,) * (rank - len(one)) + one for one in given), strict=True)
    wide = [{n for n in column if n != 1} or {1} for column in columns]
    return tuple([next(iter(column)) if len(column) == 1 else None for column in wide])


@CONVERTERS.register("Concatenate")
def _concatenate(call: LayerCall) -> Parts:
    axis = call.get("axis")
    if len(call.read()) == 1:
        return {"op": "identity"}
    return {"op": "concat", "axis": -1 if axis is None else axis} if axis != 0 else None


@CONVERTERS.register("Reshape")
def _reshape(call: LayerCall) -> Parts:
    """Return a reshape to a layer's target shape; an operation's has the batch in front."""
    return _to_known_shape(call) if call.get("target_shape") is None else renamed(call, "reshape")


@CONVERTERS.register("Squeeze", "ExpandDims")
def _to_known_shape(call: LayerCall) -> Parts:
    """Return a reshape to the shape that the file gives for the output."""
    if not call.out or call.out.count(None) > 1:
        return None
    return {"op": "reshape", "out": [-1 if n is None else n for n in call.out]}


@CONVERTERS.register("Transpose")
def _transpose(call: LayerCall) -> Parts:
    axes = call.get("axes", "perm")
    if not isinstance(axes, list) or len(axes) < 2 or axes[0] != 0:
        return None
    return {"op": "permute", "order": axes[1:]}


@CONVERTERS.register("Clip")
def _clip(call: LayerCall) -> Parts:
    return {"op": "clip", "min": numbers(call.get("x_min")), "max": numbers(call.get("x_max"))}


@CONVERTERS.register("GetItem")
def _get_item(call: LayerCall) -> Parts:
    """Return slices along some axes; a single place, which takes an axis away, has no layer here."""
    keys = plain(call.get("slice_spec") or (call.args[1] if len(call.args) == 2 else None))
    if not isinstance(keys, list) or not keys:
        return None
    bounds = [_bounds(key) for key in keys]
    slices = [{"op": "slice", "axis": axis, **one} for axis, one in enumerate(bounds) if one]
    if None in bounds or bounds[0]:
        return None
    if not slices:
        return {"op": "identity"}
    return [*(LayerPart(raw, f"_axis{raw['axis']}") for raw in slices[:-1]), LayerPart(slices[-1])]


@CONVERTERS.register("Flip")
def _flip(call: LayerCall) -> Parts:
    """Return a slice that goes backwards along each axis."""
    axes = _axes(call)
    if axes is None:
        return None
    parts = [{"op": "slice", "axis": axis, "step": -1} for axis in axes]
    return [*(LayerPart(raw, f"_axis{at}") for at, raw in enumerate(parts[:-1])), LayerPart(parts[-1])]


def _axes(call: LayerCall) -> list[int] | None:
    """Return the axes of an operation as a list; None without any, and for the batch."""
    axis = call.get("axis")
    axes = [axis] if isinstance(axis, int) else axis
    return axes if isinstance(axes, list) and axes and 0 not in axes else None


@CONVERTERS.register("Roll")
def _roll(call: LayerCall) -> Parts:
    shift, axes = call.get("shift"), _axes(call)
    shifts = [shift] * len(axes or ()) if isinstance(shift, int) else shift
    return None if axes is None else {"op": "roll", "shift": shifts, "axis": axes}


@CONVERTERS.register("Tile")
def _tile(call: LayerCall) -> Parts:
    repeats = call.get("repeats")
    return {"op": "tile", "repeats": repeats[1:]} if isinstance(repeats, list) and repeats[0] == 1 else None


@CONVERTERS.register("Take")
def _take(call: LayerCall) -> Parts:
    """Return the units of an axis by constant numbers."""
    indices = plain(call.args[1] if len(call.args) > 1 else call.kwargs.get("indices"))
    axes = _axes(call)
    whole = list(leaves(indices)) if isinstance(indices, list) else [indices]
    if axes is None or not whole or not all(type(one) is int for one in whole):
        return None
    return {"op": "gather", "axis": axes[0], "indices": indices}


@CONVERTERS.register("Pad")
def _pad(call: LayerCall) -> Parts:
    """Return a pad along the axes that get wider, the batch not among them."""
    widths, mode = call.get("pad_width"), call.get("mode") or "constant"
    value = numbers(call.kwargs.get("constant_values", call.args[1] if len(call.args) > 1 else None)) or 0
    if not isinstance(widths, list) or not all(isinstance(pair, list) for pair in widths) or any(widths[0]):
        return None
    if mode not in ("constant", "reflect") or isinstance(value, list):
        return None
    wider = {axis: pair for axis, pair in enumerate(widths) if any(pair)}
    if not wider:
        return {"op": "identity"}
    return {"op": "pad", "p": [*wider.values()], "axis": [*wider], "mode": mode, "value": value}


@CONVERTERS.register("Stack")
def _stack(call: LayerCall) -> Parts:
    axes = _axes(call)
    return None if axes is None or len(call.tensors()) < 2 else {"op": "stack", "axis": axes[0]}


def _bounds(key: Any) -> Raw | None:
    """Return start, stop and step of a slice as far as they are given; None if it is not one."""
    if not isinstance(key, dict):
        return None
    config = expect(key["config"], dict, "a slice") if key.get("class_name") == "__slice__" and "config" in key else key
    bounds = {name: config[name] for name in ("start", "stop", "step") if config.get(name) is not None}
    if set(config) - {"start", "stop", "step"} or any(type(n) is not int for n in bounds.values()):
        return None
    return bounds if bounds.get("step") != 0 else None


def _without_keys(op: str) -> Converter:
    return lambda call: _of_version({"op": op}, call)


def _class_of(name: str) -> str:
    """Return the class of Keras's operation of a name: `HardSilu` for `hard_silu`."""
    return name.title().replace("_", "")


@CONVERTERS.register("Where")
def _where(call: LayerCall) -> Parts:
    """Return a choice between two tensors."""
    tensors = [one for one in leaves(call.args) if isinstance(one, Tensor)]
    if len(tensors) != 3 or not _joins([one.sizes for one in tensors]):
        return _elementwise(call)
    return {"op": "where"}


CONVERTERS.update(
    {"Elu": lambda call: renamed(call, "elu"), "Exp": _without_keys("exp")},
    {"LeakyRelu": lambda call: {"op": "leakyrelu", "alpha": call.get("negative_slope") or 0.2}},
    {"Cast": _without_keys("identity")},
)
for _name, _raw in NAMED.items():
    CONVERTERS.setdefault(_class_of(_name), _without_keys(_raw["op"]))
_SAME_NAME = ("add", "multiply", "subtract", "divide", "exp", "negative", "identity", *NAMED)
TENSORFLOW = {
    **{name: _class_of(name) for name in _SAME_NAME},
    **dict.fromkeys(("stop_gradient", "cast"), "Identity"),
    "truediv": "TrueDivide",
    "concat": "Concatenate",
    "reduce_mean": "Mean",
    "getitem": "GetItem",
}
"""TensorFlow's functions in Keras 2 (`TFOpLambda`, `SlicingOpLambda`), by the class of Keras 3 that does the same."""
