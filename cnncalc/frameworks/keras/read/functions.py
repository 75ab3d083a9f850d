"""Keras's functions of tensors: arithmetic, joins and comparisons, also with constants."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import log, pi, prod
from typing import Any

from ....layers.activation import Clip
from ....sizes import LARGEST
from ...build import Draft
from .activations import NAMED, as_named, class_of
from .config import LayerCall, Sizes, Tensor, leaves, plain
from .parts import CONVERTERS, Converter, LayerPart, Parts, Raw, opaque_layer
from .roles import literal


def numbers(value: Any) -> float | list[float] | None:
    """Return a number, or the flattened numbers of a nested list; None for anything else."""
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
"""The layers that join several tensors, by class."""
WITH_CONSTANT: dict[str, Callable[[Any, bool], Raw]] = {
    "Add": lambda c, _: {"offset": c},
    "Multiply": lambda c, _: {"factor": c},
    "Subtract": lambda c, is_first: {"factor": -1, "offset": c} if is_first else {"offset": negated(c)},
    **dict.fromkeys(("TrueDivide", "Divide"), lambda c, is_first: {} if is_first else inverse(c)),
}
"""The keys of a rescale for a tensor and a constant, which may come first; empty if there is none."""


def negated(value: Any) -> Any:
    """Return a number or numbers negated."""
    return [-n for n in value] if isinstance(value, list) else -value


def inverse(value: Any) -> Raw:
    """Return the factor that divides by a number or numbers; empty for 0."""
    listed = value if isinstance(value, list) else [value]
    if 0 in listed:
        return {}
    return {"factor": [1 / n for n in listed] if isinstance(value, list) else 1 / value}


def _average(call: LayerCall) -> Parts:
    """Return the average of several tensors, or for the operation that of one tensor over an axis."""
    if not call.is_operation:
        return _arithmetic(call)
    axis, sizes = call.axis(call.get("axis")), call.sizes()
    weights = call.args[1] if len(call.args) > 1 else call.kwargs.get("weights")
    if not axis or len(call.tensors()) > 1:
        return None
    if weights is None:
        return {"op": "mean", "axis": [axis], "keepdims": False}
    numbers, shape = array_in(plain(weights)) or ([], [])
    if sizes is None or not 1 <= axis <= len(sizes) or shape != [sizes[axis - 1]]:
        return None
    if any(abs(n) > LARGEST for n in numbers) or not (whole := sum(numbers)):
        return None
    shares = array_part([n / whole for n in numbers], shape + [1] * (len(sizes) - axis), "_weights")
    product = LayerPart({"op": "mul"}, "_weighted", (call.read()[0].layer, "_weights"))
    return [shares, product, LayerPart({"op": "sum", "axis": [axis], "keepdims": False})]


@CONVERTERS.register(*(kind for kind in JOINS if kind != "Average"))
def _arithmetic(call: LayerCall) -> Parts:
    """Return the layers that join tensors, or a tensor and constants. An average is a divided sum."""
    operands = given_operands(call, "x1", "x2", "x", "y")
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
    """Return one layer for a tensor and a constant; None if it takes two."""
    is_first = operands[1] is tensor
    constant, raw = operands[0 if is_first else 1], JOINS[call.kind]
    if call.kind in WITH_CONSTANT:
        flat = constant if isinstance(constant, (int, float)) else _per_channel(constant, tensor, call.channels_last)
        keys = {} if flat is None else WITH_CONSTANT[call.kind](flat, is_first)
        return {"op": "rescale", **keys} if keys else None
    swaps = raw["op"] in ("min", "max") or not is_first
    return {**raw, "value": constant} if swaps and isinstance(constant, (int, float)) else None


def _per_channel(constant: Any, tensor: Tensor, channels_last: bool) -> list[float] | None:
    """Return an array with one number per channel as a list; None for other arrays."""
    shape, numbers_ = shape_in(constant), list(leaves(constant))
    is_row = channels_last and tensor.sizes is not None and [*tensor.sizes[-1:]] == [len(numbers_)] == shape[-1:]
    return numbers_ if is_row and len(shape) <= len(tensor.sizes or ()) + 1 else None  # type: ignore[return-value]


def operands_of(value: Any) -> list[Any]:
    """Return the operands of an operation: tensors, numbers, and arrays as nested lists."""
    value = plain(value)
    if isinstance(value, (list, tuple)) and not isinstance(value, Tensor):
        whole = list(leaves(value))
        if whole and all(isinstance(one, (int, float)) for one in whole) and not isinstance(value, tuple):
            return [value]
        return [one for each in value for one in operands_of(each)]
    return [value] if isinstance(value, Tensor) or type(value) in (int, float) else [] if value is None else [value]


def given_operands(call: LayerCall, *names: str) -> list[Any]:
    """Return the operands of a call: its positional arguments, then those given by these names."""
    return operands_of([*call.args, *map(call.kwargs.get, names)])


def shape_in(value: Any) -> list[int]:
    """Return the shape of a nested list of numbers."""
    shape = []
    while isinstance(value, list) and value:
        shape.append(len(value))
        value = value[0]
    return shape


def array_in(value: Any) -> tuple[list[float], list[int]] | None:
    """Return the numbers of an array, flattened, and its shape; None for a value that is not a numeric array."""
    shape = shape_in(value)
    numbers = [n for n in leaves(value) if isinstance(n, (int, float))]
    return (numbers, shape) if shape and prod(shape) == len(numbers) == len(leaves(value)) else None


def array_part(numbers: list[float], shape: list[int], suffix: str) -> LayerPart:
    """Return a constant layer with an array that is not a parameter."""
    raw: Raw = {"op": "constant", "shape": shape, "kind": "constant"}
    return LayerPart(raw, suffix, (), {"weight": literal(numbers, shape)})


def layers_for(operands: list[Any], sizes: Sizes | None) -> tuple[list[LayerPart], tuple[Draft | str, ...]] | None:
    """Return layers for the constants among operands, and the inputs of a join of all operands.

    None for a constant that differs between samples, and for anything that is not a constant.
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
            array = array_in(one)
            if sizes is None or array is None:
                return None
            numbers, shape = array
            if len(shape) == len(sizes) + 1 and shape[0] == 1:
                shape = shape[1:]
            if len(shape) > len(sizes):
                return None
            parts.append(array_part(numbers, shape, suffix))
        reads.append(suffix)
    return parts, tuple(reads)


def _meet(call: LayerCall, tensors: list[Tensor]) -> bool:
    """Return whether tensors broadcast per sample: a layer adds axes in front of samples, an operation does not.

    A constant has no batch, so it meets each sample if it has no more axes.
    """
    ranks = {len(one.sizes) for one in tensors if one.sizes is not None and not is_constant(one)}
    constants = [len(one.sizes or ()) for one in tensors if is_constant(one)]
    return not call.is_operation or (len(ranks) < 2 and max(constants, default=0) <= max(ranks, default=0))


def is_constant(tensor: Tensor) -> bool:
    """Return whether a tensor is an array of the model rather than a sample."""
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
    """Return an opaque value-by-value layer, whose shape follows from NumPy's broadcasting."""
    sizes = [one.sizes for one in call.tensors()]
    arrays = [shape_in(one) for one in operands_of(call.args) if isinstance(one, list)]
    rank = max([len(one or ()) for one in sizes], default=0)
    if any(len(shape) > rank + 1 for shape in arrays):  # the batch would come after an axis
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
    raw: Raw = {"op": "clip"}
    for key, end in (("min", -1), ("max", 1)):
        bound = call.get(f"x_{key}")
        if bound is None:
            continue
        number = numbers(bound)
        if not isinstance(number, (int, float)):
            return None
        try:
            raw[key] = Clip.bound(number, end)
        except ValueError:
            return None
    return raw


@CONVERTERS.register("Constant")
def _constant(call: LayerCall) -> Parts:
    """Return an array of a model outside its layers: a variable, or a constant from source code."""
    keys = {key: value for key in ("shape", "kind") if (value := call.get(key)) is not None}
    return [LayerPart({"op": "constant", **keys}, "", ())]


def _without_keys(op: str, **keys: Any) -> Converter:
    """Return the converter to an op that ignores the call's own keys."""
    return as_named({"op": op, **keys})


@CONVERTERS.register("Cast", "SaturateCast")
def _cast(call: LayerCall) -> Parts:
    """Return a cast: integers are truncated, saturated casts clipped, and truth values become 0 and 1."""
    to, read = call.get("dtype"), call.read()
    whole = re.fullmatch(r"(u?)int(\d{1,2})", to) if isinstance(to, str) else None
    if (to != "bool" and whole is None) or (
        read and isinstance(read[0].layer, Draft) and read[0].layer.op == "compare"
    ):
        return {"op": "identity"}
    if whole is None:
        return {"op": "compare", "by": "ne", "value": 0}
    is_unsigned, bits = bool(whole[1]), int(whole[2])
    if call.kind == "Cast" or not 1 < bits < 32:
        return {"op": "trunc"}
    least, most = (0, 2**bits - 1) if is_unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return _in_a_row({"op": "clip", "min": least, "max": most}, {"op": "trunc"})(call)


@CONVERTERS.register("Where")
def _where(call: LayerCall) -> Parts:
    """Return a choice between two values."""
    operands = given_operands(call, "condition", "x1", "x2")
    tensors = [one for one in operands if isinstance(one, Tensor)]
    if len(operands) != 3 or not tensors or not _meet(call, tensors):
        return _elementwise(call)
    read = layers_for(operands, tensors[0].sizes)
    return _elementwise(call) if read is None else [*read[0], LayerPart({"op": "where"}, "", read[1])]


def _floor_divide(call: LayerCall) -> Parts:
    """Return a floor division, of two tensors or of a tensor and a constant."""
    operands = given_operands(call, "x1", "x2")
    tensors = [one for one in operands if isinstance(one, Tensor)]
    read = layers_for(operands, tensors[0].sizes) if len(operands) == 2 and tensors and _meet(call, tensors) else None
    if read is None:
        return _elementwise(call)
    return [*read[0], LayerPart({"op": "div"}, "_quotient", read[1]), LayerPart({"op": "floor"}, "", ("_quotient",))]


def _is_nan(call: LayerCall) -> Parts:
    """Return a comparison of each value with itself, as only NaN differs from itself."""
    x = call.read()[0].layer
    return [LayerPart({"op": "compare", "by": "ne"}, "", (x, x))]


JOINED = (
    *("Mod", "Arctan2", "SquaredDifference", "Logaddexp", "LeftShift", "RightShift", "BitwiseAnd", "BitwiseOr"),
    *("BitwiseXor", "BitwiseLeftShift", "BitwiseRightShift", "Hypot", "Heaviside", "Nextafter", "Fmod"),
)
"""Binary operations of which only the output shape is known."""


def _in_a_row(*raws: Raw) -> Converter:
    """Return the converter to layers in sequence."""
    return lambda _: [*[LayerPart(raw, f"_step{at}") for at, raw in enumerate(raws[:-1], 1)], LayerPart(raws[-1])]


def _of_conditions(op: str, **keys: Any) -> Converter:
    """Return the converter to a join of conditions, which are 1 where values are nonzero and else 0."""
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
        "Isnan": _is_nan,
        **dict.fromkeys(("Copy", "StopGradient", "Array", "ConvertToTensor"), _without_keys("identity")),
    },
    {"Exp": _without_keys("exp"), "Average": _average},
    {"FloorDivide": _floor_divide},
    dict.fromkeys(JOINED, _elementwise),
)
_SAME_NAME = ("add", "multiply", "subtract", "divide", "exp", "negative", "identity", *NAMED)
TENSORFLOW = {
    **{name: class_of(name) for name in _SAME_NAME},
    "stop_gradient": "Identity",
    "cast": "Cast",
    "truediv": "TrueDivide",
    "concat": "Concatenate",
    "reduce_mean": "Mean",
    "getitem": "GetItem",
}
"""TensorFlow's functions in Keras 2 (`TFOpLambda`, `SlicingOpLambda`), with the equivalent class of Keras 3."""
