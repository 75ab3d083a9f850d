"""Activations by name and by class, and Keras's functions: each as layers here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ....layers import OPS
from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....registry import Registry
from ...build import NO_FIGURES, Draft
from .config import LayerCall, Sizes, Tensor, dict_of, leaves, plain

Raw = dict[str, Any]
"""A layer as a spec holds it, without its name and what it reads."""


class LayerPart(NamedTuple):
    """One of the layers that a Keras layer is here."""

    raw: Raw
    suffix: str = ""
    """What stands behind the Keras layer's name; the part without one has that name."""
    reads: tuple[Draft | str, ...] | None = None
    """The layers that it reads, an earlier part by its suffix; None for the part above, or all that the layer reads."""


Parts = Raw | list[LayerPart] | None
"""One layer, several, or None for what cannot be said here."""
Converter = Callable[[LayerCall], Parts]

NAMED: dict[str, Raw] = {name: {"op": op} for op, names in KERAS_ACTIVATIONS.items() for name in names}
"""Keras's activations that are layers here, by their names."""
NAMED["leaky_relu"]["alpha"] = 0.2
FUNCTIONS: Registry[str, Converter] = Registry()
"""Keras's layers and operations that work on each value, join tensors or take parts of one."""


def renamed(call: LayerCall, op: str) -> Raw:
    """An op with the keys of the call's configuration under our names."""
    return {"op": op, **KERAS[OPS[op][0].WORD].ours(call.get)}


def by_name(op: str) -> Converter:
    """An op whose keys are only renamed."""
    return lambda call: renamed(call, op)


def activation(value: Any, call: LayerCall) -> Raw | None:
    """The layer of an activation, by its name or as the file holds a function or a layer; None for the identity."""
    value = plain(value)
    if value is None:
        return None
    name: Any = value
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if isinstance(kind, str) and kind in FUNCTIONS and isinstance(config, dict):
            layer = FUNCTIONS[kind](call._replace(kind=kind, config=config))
            return layer if isinstance(layer, dict) else _unknown(kind, call.sizes())
        if isinstance(kind, str) and kind not in ("function", "__lambda__") and kind.lower() not in NAMED:
            return {"op": "opaque", "type": printable_type(kind), **out_of(call.sizes())}  # it may have weights
        name = config.get("name") if isinstance(config, dict) else config
    if name == "linear":
        return None
    if not isinstance(name, str) or name not in NAMED:
        return _unknown(name if isinstance(name, str) and name.isprintable() else "activation", call.sizes())
    return _old(NAMED[name], call)


def _unknown(name: str, sizes: Sizes | None) -> Raw:
    """A function of each value that has no layer here: it keeps the shape, and holds no weights."""
    return {"op": "opaque", "type": printable_type(name), **NO_FIGURES, **out_of(sizes)}


def printable_type(name: str) -> str:
    """A type's name as an opaque layer holds it."""
    return name[:255] if name.isprintable() else "activation"


def out_of(sizes: Sizes | None) -> Raw:
    """The output of an opaque layer, where anything is known of it."""
    return {"out": list(sizes)} if sizes else {}


def _old(raw: Raw, call: LayerCall) -> Raw:
    """The same in Keras 2, whose hard sigmoid has the slope 0.2."""
    return {**raw, "alpha": 0.2} if call.old and raw["op"] == "hardsigmoid" else raw


@FUNCTIONS.register("Activation")
def _activation(call: LayerCall) -> Parts:
    return activation(call.get("activation"), call) or {"op": "identity"}


@FUNCTIONS.register("ReLU")
def _relu(call: LayerCall) -> Parts:
    """max_value, threshold and slope: relu, relu6, leakyrelu, or clip."""
    most, slope = call.get("max_value"), call.get("negative_slope", "alpha") or 0
    if call.get("threshold") or (slope and most is not None):
        return _unknown(call.kind, call.sizes())
    if most is None:
        return {"op": "leakyrelu", "alpha": slope} if slope else {"op": "relu"}
    return {"op": "relu6"} if most == 6 else {"op": "clip", "min": 0, "max": most}


@FUNCTIONS.register("Softmax")
def _softmax(call: LayerCall) -> Parts:
    axis = call.get("axis", "dim")
    if isinstance(axis, list):
        return {"op": "softmax", "axis": axis[0]} if len(axis) == 1 else _unknown(call.kind, call.sizes())
    return {"op": "softmax"} if axis is None else {"op": "softmax", "axis": axis}


@FUNCTIONS.register("Gelu")
def _gelu(call: LayerCall) -> Parts:
    return {"op": "gelu", "approximate": call.get("approximate") is not False}


def numbers(value: Any) -> float | list[float] | None:
    """A number, or a flat list of some from however nested a one; None for anything else."""
    value = plain(value)
    listed = [one for one in leaves(value) if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if not listed or len(listed) != sum(1 for _ in leaves(value)):
        return None
    return listed if isinstance(value, list) else listed[0]


def terms(call: LayerCall) -> list[Tensor | float] | None:
    """The tensors and numbers that an operation takes; None if there is anything else."""
    given = [*leaves(call.args), *(call.kwargs.get(key) for key in ("x1", "x2", "x", "y"))]
    operands: list[Tensor | float] = []
    for one in given:
        if isinstance(one, Tensor) or (isinstance(one, (int, float)) and not isinstance(one, bool)):
            operands.append(one)
        elif one is not None:
            return None
    return operands


@FUNCTIONS.register("Add")
def _add(call: LayerCall) -> Parts:
    return _arithmetic(call, "add", lambda c, _: {"op": "rescale", "offset": c})


@FUNCTIONS.register("Multiply")
def _multiply(call: LayerCall) -> Parts:
    return _arithmetic(call, "mul", lambda c, _: {"op": "rescale", "factor": c})


@FUNCTIONS.register("Subtract")
def _subtract(call: LayerCall) -> Parts:
    """The difference as a sum: x - y is x + (-1)*y."""
    made = _arithmetic(call, "add", lambda c, first: {"factor": -1, "offset": c} if first else {"offset": -c})
    if not isinstance(made, dict) or made.get("op") not in (None, "add"):
        return made
    if "op" not in made:
        return {"op": "rescale", **made}
    read = call.tensors()
    if len(read) != 2:
        return None
    negative = LayerPart({"op": "rescale", "factor": -1}, "_negative", (read[1].layer,))
    return [negative, LayerPart({"op": "add"}, "", (read[0].layer, "_negative"))]


@FUNCTIONS.register("Average")
def _average(call: LayerCall) -> Parts:
    """The sum, divided."""
    made = _arithmetic(call, "add", lambda _, __: {})
    if made != {"op": "add"}:
        return _elementwise(call)
    return [LayerPart(made, "_sum"), LayerPart({"op": "rescale", "factor": 1 / len(call.tensors())})]


@FUNCTIONS.register("TrueDivide", "Divide")
def _divide(call: LayerCall) -> Parts:
    made = _arithmetic(call, None, lambda c, first: {} if first or c == 0 else {"op": "rescale", "factor": 1 / c})
    return made or _elementwise(call)


def _arithmetic(call: LayerCall, op: str | None, constant: Callable[[float, bool], Raw]) -> Parts:
    """A join of tensors, or a tensor and a constant (`constant` is told whether the constant stands first)."""
    operands = terms(call)
    if operands is None:
        return None
    fixed = [one for one in operands if not isinstance(one, Tensor)]
    if len(operands) == 2 and len(fixed) == 1:
        return constant(fixed[0], operands[0] is fixed[0])
    if fixed or not operands:
        return None
    if len(operands) == 1:
        return {"op": "identity"}
    sizes = [one.sizes for one in operands if isinstance(one, Tensor)]
    return {"op": op} if op is not None and _join(op, sizes) else _elementwise(call)


def _join(op: str, sizes: list[Sizes | None]) -> bool:
    """Whether these sizes go together as a layer here joins them; what is not known is taken to."""
    given = [one for one in sizes if one is not None]
    if len({len(one) for one in given}) > 1:
        return False
    columns = [{n for n in column if n is not None} for column in zip(*given, strict=True)]
    return op == "mul" or all(len(column) < 2 for column in columns)


@FUNCTIONS.register("Maximum", "Minimum")
def _elementwise(call: LayerCall) -> Parts:
    """Values met one by one in a way that has no layer here: only the shape is known, by NumPy's broadcasting."""
    sizes = [one.sizes for one in call.tensors()]
    out = call.out if call.out is not None else _broadcast(sizes)
    return {"op": "opaque", "type": call.kind, **NO_FIGURES, **out_of(out)}


def _broadcast(sizes: list[Sizes | None]) -> Sizes | None:
    given = [one for one in sizes if one is not None]
    if len(given) < len(sizes) or not given:
        return None
    rank = max(map(len, given))
    columns = zip(*((1,) * (rank - len(one)) + one for one in given), strict=True)
    return tuple([_meet([n for n in column if n != 1]) for column in columns])


def _meet(sizes: list[int | None]) -> int | None:
    return sizes[0] if sizes and all(n == sizes[0] for n in sizes) else None if sizes else 1


@FUNCTIONS.register("CustomScaleLayer")
def _custom_scale(call: LayerCall) -> Parts:
    """X + scale*y (Inception-ResNet's residual)."""
    read = call.read()
    if len(read) != 2:
        return None
    scaled = LayerPart({"op": "rescale", "factor": call.get("scale")}, "_scaled", (read[1].layer,))
    return [scaled, LayerPart({"op": "add"}, "", (read[0].layer, "_scaled"))]


@FUNCTIONS.register("Concatenate")
def _concatenate(call: LayerCall) -> Parts:
    axis = call.get("axis")
    sizes = [one.sizes for one in call.read()]
    if len(sizes) == 1:
        return {"op": "identity"}
    return {"op": "concat", "axis": -1 if axis is None else axis} if axis != 0 else None


@FUNCTIONS.register("Mean")
def _mean(call: LayerCall) -> Parts:
    axis = call.get("axis")
    if axis is None or 0 in (axis if isinstance(axis, list) else [axis]):
        return None
    return {"op": "mean", "axis": axis, "keepdims": bool(call.get("keepdims"))}


@FUNCTIONS.register("Reshape")
def reshape(call: LayerCall) -> Parts:
    """A layer's target shape; an operation's with the batch in front."""
    target = call.get("target_shape")
    if target is not None:
        return {"op": "reshape", "out": target}
    return to_shape(call)


@FUNCTIONS.register("Squeeze", "ExpandDims")
def to_shape(call: LayerCall) -> Parts:
    """A reshape to the shape that the file says comes out."""
    if not call.out or call.out.count(None) > 1:
        return None
    return {"op": "reshape", "out": [-1 if n is None else n for n in call.out]}


@FUNCTIONS.register("Transpose")
def _transpose(call: LayerCall) -> Parts:
    axes = call.get("axes", "perm")
    if not isinstance(axes, list) or len(axes) < 2 or axes[0] != 0:
        return None
    return {"op": "permute", "order": axes[1:]}


@FUNCTIONS.register("Clip")
def _clip(call: LayerCall) -> Parts:
    return {"op": "clip", "min": numbers(call.get("x_min")), "max": numbers(call.get("x_max"))}


@FUNCTIONS.register("GetItem")
def _get_item(call: LayerCall) -> Parts:
    """Slices along some axes; a single place, which takes an axis away, has no layer here."""
    keys = call.get("slice_spec") or (call.args[1] if len(call.args) == 2 else None)
    keys = plain(keys)
    if not isinstance(keys, list) or not keys:
        return None
    parts = []
    for axis, key in enumerate(keys):
        bounds = _bounds(key)
        if bounds is None or (axis == 0 and bounds):
            return None
        if bounds:
            parts.append({"op": "slice", "axis": axis, **bounds})
    if not parts:
        return {"op": "identity"}
    return [*(LayerPart(raw, f"_axis{raw['axis']}") for raw in parts[:-1]), LayerPart(parts[-1])]


def _bounds(key: Any) -> Raw | None:
    """start, stop and step of a slice as far as they are given; or None, or goes backwards."""
    if not isinstance(key, dict):
        return None
    config = dict_of(key["config"], "a slice") if key.get("class_name") == "__slice__" and "config" in key else key
    bounds = {name: config[name] for name in ("start", "stop", "step") if config.get(name) is not None}
    if set(config) - {"start", "stop", "step"} or any(type(n) is not int for n in bounds.values()):
        return None
    return None if bounds.get("step", 1) < 1 else bounds


def _same(op: str) -> Converter:
    """An activation without keys."""
    return lambda call: _old({"op": op}, call)


FUNCTIONS.update(
    {"LeakyReLU": by_name("leakyrelu"), "PReLU": by_name("prelu"), "ELU": by_name("elu"), "Elu": by_name("elu")},
    {"LeakyRelu": lambda call: {"op": "leakyrelu", "alpha": call.get("negative_slope") or 0.2}},
    {"Negative": lambda _: {"op": "rescale", "factor": -1}},
    {word: _same(word.lower()) for word in ("Relu", "Relu6", "Sigmoid", "Tanh", "Silu", "Selu", "Mish", "Exp")},
    {word: _same(word.lower()) for word in ("Softplus", "Softsign", "HardSigmoid")},
    {"HardSilu": _same("hardswish")},
)
_OPERATORS = ("add", "multiply", "subtract", "truediv", "divide")
LAMBDAS = {
    **{f"{where}.{name}": name.capitalize() for where in ("__operators__", "math") for name in _OPERATORS},
    **{f"{where}.truediv": "TrueDivide" for where in ("__operators__", "math")},
    **{f"{where}.{name}": name.capitalize() for where in ("nn", "math") for name in ("sigmoid", "tanh", "softplus")},
    **{f"nn.{name}": name.capitalize() for name in ("relu", "relu6", "silu", "selu", "elu", "gelu", "softmax")},
    "nn.swish": "Silu",
    "nn.leaky_relu": "LeakyRelu",
    "math.exp": "Exp",
    "math.negative": "Negative",
    "concat": "Concatenate",
    "identity": "Identity",
    "stop_gradient": "Identity",
    "cast": "Identity",
    "math.reduce_mean": "Mean",
    "__operators__.getitem": "GetItem",
}
"""TensorFlow's functions in Keras 2 (`TFOpLambda`, `SlicingOpLambda`), by the class of Keras 3 that does the same."""
