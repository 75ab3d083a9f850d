"""Activations by name and by class, and Keras's functions: the layers of a spec for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, log, pi, prod
from typing import Any, NamedTuple

from ....layers import OPS
from ....layers.names import KERAS, KERAS_ACTIVATIONS
from ....registry import Registry
from ...build import NO_FIGURES, Draft, printable
from .config import LayerCall, Sizes, Tensor, leaves, plain
from .roles import Recipes, literal

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
    trainable: bool = True
    """Whether its arrays are trained if the Keras layer's are."""
    shared: bool = False
    """Whether the first call of the layer has its array in another op, and counts it."""
    copies: int = 1
    """How many times over its kernel holds one array, which counts once."""


class Results(NamedTuple):
    """The layers of a spec for a Keras layer that gives several tensors."""

    parts: list[LayerPart]
    given: tuple[str, ...]
    """The suffixes of the parts that these tensors are."""


Parts = Raw | list[LayerPart] | Results | None
"""One layer, several, or None for a call that no layer here expresses."""
Converter = Callable[[LayerCall], Parts]

CONVERTERS: Registry[str, Converter] = Registry()
"""The layers for each class of Keras, a layer or an operation."""
NAMED: dict[str, Raw] = {name: {"op": op} for op, names in KERAS_ACTIVATIONS.items() for name in names}
"""The layer for each of Keras's activations by its name."""
NAMED["leaky_relu"]["alpha"] = 0.2
ACTIVATIONS: dict[str, Raw] = {
    **NAMED,
    "hard_tanh": {"op": "clip", "min": -1, "max": 1},
    "sparse_sigmoid": {"op": "hardsigmoid", "alpha": 0.5},
}
"""The same, and those that are other ops with certain keys."""


def renamed(call: LayerCall, op: str) -> Raw:
    """Return an op with the keys of the call's configuration under our names."""
    return {"op": op, **KERAS[OPS[op][0].WORD].ours(call.get)}


def opaque_layer(type: str, sizes: Sizes | None, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer of these figures, with its output's sizes if they are known."""
    return {"op": "opaque", "type": printable(type), **figures, **({} if sizes is None else {"out": list(sizes)})}


def same_shape(type: str, figures: Mapping[str, int] = NO_FIGURES) -> Raw:
    """Return an opaque layer of these figures that keeps the shape."""
    return {"op": "opaque", "type": printable(type), "same": True, **figures}


def activation(value: Any, call: LayerCall) -> list[LayerPart]:
    """Return the layers of an activation, a name or a function or layer as a file holds it; none for the identity.

    A function that has no layer here keeps the shape, and has no weights. The call reads what it works on.
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


def listed(parts: Raw | list[LayerPart]) -> list[LayerPart]:
    """Return layers as a list, for one or several."""
    return [LayerPart(parts)] if isinstance(parts, dict) else parts


def ended(parts: list[LayerPart], end: str) -> list[LayerPart]:
    """Return layers whose names have another end, so that they can stand behind those that they read as `""`."""
    ends: dict[Draft | str, str] = {part.suffix: f"{end}{part.suffix}" for part in parts[:-1]}
    return [
        part._replace(
            suffix=f"{end}{part.suffix}",
            reads=None if part.reads is None else tuple([ends.get(one, one) for one in part.reads]),
        )
        for part in parts
    ]


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
    """Return 0 up to -1, (x + 1)**2/4 from there to 1, and x behind."""
    x = call.read()[0].layer
    return [
        LayerPart({"op": "clip", "min": -1, "max": 1}, "_middle", (x,)),
        LayerPart({"op": "rescale", "factor": 0.5, "offset": 0.5}, "_half"),
        LayerPart({"op": "square"}, "_square"),
        LayerPart({"op": "max"}, "", ("_square", x)),
    ]


def _glu(call: LayerCall) -> list[LayerPart]:
    """Return the first half of an axis times the sigmoid of the second."""
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
"""The activations that take several layers here."""
ACTIVATION_NAMES = (*ACTIVATIONS, *COMPOSED, "linear", "sparsemax", "threshold")
"""Every activation that Keras has, by its name."""


def _of_version(raw: Raw, call: LayerCall) -> Raw:
    """Return an activation as the file's version of Keras has it: the hard sigmoid of Keras 2 has the slope 0.2."""
    return {**raw, "alpha": 0.2} if call.old and raw == {"op": "hardsigmoid"} else raw


@CONVERTERS.register("Activation")
def _activation(call: LayerCall) -> Parts:
    return activation(call.get("activation"), call) or {"op": "identity"}


@CONVERTERS.register("ReLU")
def _relu(call: LayerCall) -> Parts:
    """Return relu, relu6, leakyrelu or clip, by max_value, threshold and slope; or the choice between two lines."""
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
WITH_CONSTANT: dict[str, Callable[[Any, bool], Raw]] = {
    "Add": lambda c, _: {"offset": c},
    "Multiply": lambda c, _: {"factor": c},
    "Subtract": lambda c, is_first: {"factor": -1, "offset": c} if is_first else {"offset": negated(c)},
    **dict.fromkeys(("TrueDivide", "Divide"), lambda c, is_first: {} if is_first else inverse(c)),
}
"""The keys of a rescale that joins a tensor and a constant, which may be the first of them; none if there is none."""


def negated(value: Any) -> Any:
    """Return a number, or each of some, with the other sign."""
    return [-n for n in value] if isinstance(value, list) else -value


def inverse(value: Any) -> Raw:
    """Return the factor that divides by a number, or by each of some; nothing for 0."""
    listed = value if isinstance(value, list) else [value]
    if 0 in listed:
        return {}
    return {"factor": [1 / n for n in listed] if isinstance(value, list) else 1 / value}


def _average(call: LayerCall) -> Parts:
    """Return an average of several tensors, or the operation's of one over an axis."""
    if not call.is_operation:
        return _arithmetic(call)
    axis = call.get("axis")
    over_batch = axis is None or axis == 0 or len(call.tensors()) > 1
    return None if over_batch else {"op": "mean", "axis": [axis], "keepdims": False}


@CONVERTERS.register(*(kind for kind in JOINS if kind != "Average"))
def _arithmetic(call: LayerCall) -> Parts:
    """Return the layers that join tensors, or a tensor and constants. An average is the sum, divided."""
    operands = operands_of([*call.args, *(call.kwargs.get(key) for key in ("x1", "x2", "x", "y"))])
    tensors = [one for one in operands if isinstance(one, Tensor)]
    raw, constants = JOINS[call.kind], len(operands) - len(tensors)
    if len(operands) == len(tensors) == 1 and call.kind != "Average":
        return {"op": "identity"}
    pairs = raw["op"] in ("sub", "div", "pow", "compare")
    if len(operands) < 2 or not tensors or (pairs and len(operands) > 2) or not _meet(call, tensors):
        return _elementwise(call)
    if constants and len(operands) == 2:
        joined = _with_constant(call, operands, tensors[0])
        if joined is not None:
            return joined
    read = layers_for(operands, tensors[0].sizes)
    if read is None:
        return _elementwise(call)
    parts, reads = read
    if call.kind == "Average":
        parts += [LayerPart(raw, "_sum", reads), LayerPart({"op": "rescale", "factor": 1 / len(operands)})]
        return parts
    return [*parts, LayerPart(raw, "", reads)]


def _with_constant(call: LayerCall, operands: list[Any], tensor: Tensor) -> Raw | None:
    """Return one layer for a tensor and a constant; None if that takes two."""
    is_first = operands[1] is tensor
    constant, raw = operands[0 if is_first else 1], JOINS[call.kind]
    if call.kind in WITH_CONSTANT:
        flat = constant if isinstance(constant, (int, float)) else _per_channel(constant, tensor, call.channels_last)
        keys = {} if flat is None else WITH_CONSTANT[call.kind](flat, is_first)
        return {"op": "rescale", **keys} if keys else None
    swaps = raw["op"] in ("min", "max") or not is_first
    return {**raw, "value": constant} if swaps and isinstance(constant, (int, float)) else None


def _per_channel(constant: Any, tensor: Tensor, channels_last: bool) -> list[float] | None:
    """Return an array with one number for each channel as a list; None for another."""
    shape, numbers_ = shape_in(constant), list(leaves(constant))
    is_row = channels_last and tensor.sizes is not None and [*tensor.sizes[-1:]] == [len(numbers_)] == shape[-1:]
    return numbers_ if is_row and len(shape) <= len(tensor.sizes or ()) + 1 else None  # type: ignore[return-value]


def operands_of(value: Any) -> list[Any]:
    """Return what an operation joins: tensors, numbers, and arrays as nested lists of numbers."""
    value = plain(value)
    if isinstance(value, (list, tuple)) and not isinstance(value, Tensor):
        whole = list(leaves(value))
        if whole and all(type(one) in (int, float) for one in whole) and not isinstance(value, tuple):
            return [value]
        return [one for each in value for one in operands_of(each)]
    return [value] if isinstance(value, Tensor) or type(value) in (int, float) else [] if value is None else [value]


def shape_in(value: Any) -> list[int]:
    """Return the shape of a nested list of numbers."""
    shape = []
    while isinstance(value, list) and value:
        shape.append(len(value))
        value = value[0]
    return shape


def layers_for(operands: list[Any], sizes: Sizes | None) -> tuple[list[LayerPart], tuple[Draft | str, ...]] | None:
    """Return layers for the constants among operands, and what a join of all of them reads.

    None for a constant that differs from sample to sample, and for what is no constant.
    """
    parts: list[LayerPart] = []
    reads: list[Draft | str] = []
    for number, one in enumerate(operands, 1):
        if isinstance(one, Tensor):
            reads.append(one.layer)
            continue
        suffix = f"_operand{number}"
        if type(one) in (int, float):
            parts.append(LayerPart({"op": "constant", "shape": [], "value": one, "kind": "constant"}, suffix, ()))
        else:
            shape = shape_in(one)
            if sizes is None or not shape or not all(type(n) in (int, float) for n in leaves(one)):
                return None
            if len(shape) == len(sizes) + 1 and shape[0] == 1:
                shape = shape[1:]
            if len(shape) > len(sizes) or prod(shape) != len(list(leaves(one))):
                return None
            raw: Raw = {"op": "constant", "shape": shape, "kind": "constant"}
            flat = [n for n in leaves(one) if isinstance(n, (int, float))]
            parts.append(LayerPart(raw, suffix, (), {"weight": literal(flat, shape)}))
        reads.append(suffix)
    return parts, tuple(reads)


def _meet(call: LayerCall, tensors: list[Tensor]) -> bool:
    """Return whether tensors meet sample by sample: a layer puts axes in front of samples, an operation does not.

    A constant has no batch, so that it meets each sample, if it has no more axes.
    """
    ranks = {len(one.sizes) for one in tensors if one.sizes is not None and not is_constant(one)}
    constants = [len(one.sizes or ()) for one in tensors if is_constant(one)]
    return not call.is_operation or (len(ranks) < 2 and max(constants, default=0) <= max(ranks, default=0))


def is_constant(tensor: Tensor) -> bool:
    """Return whether a tensor is an array that the model has, and no sample."""
    return isinstance(tensor.layer, Draft) and tensor.layer.op == "constant"


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
    arrays = [shape_in(one) for one in operands_of(call.args) if isinstance(one, list)]
    rank = max([len(one or ()) for one in sizes], default=0)
    if any(len(shape) > rank + 1 for shape in arrays):  # the batch stands behind an axis
        return opaque_layer(call.kind, call.out)
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
    axis = axis if axis is not None else 0 if call.is_operation else -1
    if len(call.read()) == 1:
        return {"op": "identity"}
    return {"op": "concat", "axis": axis} if axis != 0 else None


@CONVERTERS.register("Transpose")
def _transpose(call: LayerCall) -> Parts:
    axes = call.get("axes", "perm")
    if not isinstance(axes, list) or len(axes) < 2 or axes[0] != 0:
        return None
    return {"op": "permute", "order": axes[1:]}


@CONVERTERS.register("Clip")
def _clip(call: LayerCall) -> Parts:
    least, most = numbers(call.get("x_min")), numbers(call.get("x_max"))
    return {"op": "clip", "min": None if least == -inf else least, "max": None if most == inf else most}


@CONVERTERS.register("Constant")
def _constant(call: LayerCall) -> Parts:
    """Return an array that a model has besides its layers: a variable or a constant of source that was read."""
    keys = {key: value for key in ("shape", "kind") if (value := call.get(key)) is not None}
    return [LayerPart({"op": "constant", **keys}, "", ())]


def _without_keys(op: str, **keys: Any) -> Converter:
    """Return the converter to an op that does not look at the call's own keys."""
    return _as_named({"op": op, **keys})


def _as_named(raw: Raw) -> Converter:
    """Return the converter to an activation, with the keys that its class has in Keras: alpha, a threshold, an axis."""
    if raw["op"] not in KERAS:
        return lambda call: _of_version(raw, call)
    return lambda call: _of_version({**raw, **renamed(call, raw["op"])}, call)


def class_of(name: str) -> str:
    """Return the class of Keras's operation of a name: `HardSilu` for `hard_silu`."""
    return "".join([part.capitalize() for part in name.split("_")])


@CONVERTERS.register("Where")
def _where(call: LayerCall) -> Parts:
    """Return a choice between two values."""
    operands = operands_of([*call.args, *(call.kwargs.get(key) for key in ("condition", "x1", "x2"))])
    tensors = [one for one in operands if isinstance(one, Tensor)]
    if len(operands) != 3 or not tensors or not _meet(call, tensors):
        return _elementwise(call)
    read = layers_for(operands, tensors[0].sizes)
    return _elementwise(call) if read is None else [*read[0], LayerPart({"op": "where"}, "", read[1])]


def _in_a_row(*raws: Raw) -> Converter:
    """Return the converter to layers one behind another."""
    return lambda _: [*[LayerPart(raw, f"_step{at}") for at, raw in enumerate(raws[:-1], 1)], LayerPart(raws[-1])]


def _of_conditions(op: str, **keys: Any) -> Converter:
    """Return the converter to a join of conditions: whether values are not 0, which is 1 or 0 here."""
    raw: Raw = {"op": op, **keys}

    def joined(call: LayerCall) -> Parts:
        read, parts = call.tensors(), []
        reads = [one.layer for one in read]
        for at, layer in enumerate(reads):
            if not isinstance(layer, Draft) or layer.op != "compare":
                reads[at] = f"_condition{at + 1}"
                parts.append(LayerPart({"op": "compare", "by": "ne", "value": 0}, f"_condition{at + 1}", (layer,)))
        if len(read) != 2 or not _meet(call, read):
            return _elementwise(call)
        return [*parts, LayerPart(raw, "", tuple(reads))]

    return joined


CONVERTERS.update(
    {f"Log{base}": _in_a_row({"op": "log"}, {"op": "rescale", "factor": 1 / log(base)}) for base in (2, 10)},
    {
        "Exp2": _in_a_row({"op": "rescale", "factor": log(2)}, {"op": "exp"}),
        "Deg2rad": _without_keys("rescale", factor=pi / 180),
        "Rad2deg": _without_keys("rescale", factor=180 / pi),
        "Erfc": _in_a_row({"op": "erf"}, {"op": "rescale", "factor": -1, "offset": 1}),
        "OnesLike": _without_keys("rescale", factor=0, offset=1),
        "ZerosLike": _without_keys("rescale", factor=0),
        "LogicalNot": _without_keys("compare", by="eq", value=0),
        "LogicalAnd": _of_conditions("mul"),
        "LogicalOr": _of_conditions("max"),
        "LogicalXor": _of_conditions("compare", by="ne"),
        "Fabs": _without_keys("abs"),
        **dict.fromkeys(
            ("Copy", "StopGradient", "SaturateCast", "Array", "ConvertToTensor"), _without_keys("identity")
        ),
    },
    {"Elu": lambda call: renamed(call, "elu"), "Exp": _without_keys("exp")},
    {"LeakyRelu": lambda call: {"op": "leakyrelu", "alpha": call.get("negative_slope") or 0.2}},
    {"Cast": _without_keys("identity"), "Average": _average},
    dict.fromkeys(("FloorDivide", "Mod", "Arctan2", "SquaredDifference"), _elementwise),
)
for _name, _raw in ACTIVATIONS.items():
    CONVERTERS.setdefault(class_of(_name), _as_named(_raw))
for _name, _function in COMPOSED.items():
    CONVERTERS.setdefault(class_of(_name), _function)
_SAME_NAME = ("add", "multiply", "subtract", "divide", "exp", "negative", "identity", *NAMED)
TENSORFLOW = {
    **{name: class_of(name) for name in _SAME_NAME},
    **dict.fromkeys(("stop_gradient", "cast"), "Identity"),
    "truediv": "TrueDivide",
    "concat": "Concatenate",
    "reduce_mean": "Mean",
    "getitem": "GetItem",
}
"""TensorFlow's functions in Keras 2 (`TFOpLambda`, `SlicingOpLambda`), by the class of Keras 3 that does the same."""
