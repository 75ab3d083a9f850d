"""Rules for value-by-value operations on several values, constants and numbers."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from ....sizes import LARGEST
from .calls import Constant, OpaqueCall
from .rules import Call, Rules
from .values import BatchedTensor, Operand, with_batch

RULES = Rules()


def combine(call: Call, op: str, *operands: Operand) -> BatchedTensor:
    """Return operands combined value by value: a join, a scale by an array, or a rescaling by numbers."""
    if len(operands) == 2:
        alone = rescaled(call, op, *operands)
        if alone is not None:
            return alone
    return joined(call, op, *operands)


def joined(call: Call, op: str, *operands: Operand) -> BatchedTensor:
    """Return operands combined by a join."""
    kept = [one for one in operands if isinstance(one, BatchedTensor) and one.folded]
    if len(kept) == len(operands) and len({(one.folded, one.axes) for one in kept}) == 1:
        return kept[0]._replace(layer=call.layers.add(op, [one.layer for one in kept]), axes=kept[0].axes)
    values, back, axis = call.layers.meeting(operands)
    layer = call.layers.add(op, [one.layer for one in values])
    return BatchedTensor(layer, with_batch(call.out, None if back is None else len(call.out) - back, axis))


def rescaled(call: Call, op: str, first: Operand, second: Operand) -> BatchedTensor | None:
    """Return an operation with a constant as one layer with weights or numbers; None if there is no such layer."""
    x, other = (first, second) if isinstance(first, BatchedTensor) else (second, first)
    if not isinstance(x, BatchedTensor) or isinstance(other, BatchedTensor):
        return None
    if isinstance(other, Constant) and other.of:
        return scaled(call, op, x, other)
    single = not isinstance(other, Constant) or prod(other.shape) == 1
    fits = not isinstance(other, Constant) or len(other.shape) <= len(x.axes)
    by_channel = isinstance(other, Constant) and along_channels(x, other)
    numbers = listed(other) if fits and (single or by_channel) else None
    if numbers is None:
        return None
    if op not in ("pow", "max", "min"):
        return _by_numbers(call, op, x, numbers, swapped=first is not x)
    if not single or (op == "pow" and first is not x):
        return None
    return x._replace(layer=call.layers.add(op, [x.layer], {"value": numbers[0]}))


def listed(other: Any) -> list[float] | None:
    """Return the numbers of a constant; None if they are unknown or cannot be part of a spec."""
    if isinstance(other, (int, float)):
        numbers: list[Any] = [other]
    else:
        array = other.read()
        if array is None:
            return None
        numbers = [int(one) if array.dtype.kind in "iub" else float(one) for one in array.reshape(-1)]
    return numbers if all(abs(one) <= LARGEST for one in numbers) else None


def _by_numbers(call: Call, op: str, x: BatchedTensor, numbers: list[Any], *, swapped: bool) -> BatchedTensor | None:
    """Return a sum, difference, product or quotient with numbers as a rescaling; None for other operations."""
    keys: dict[str, list[Any]]
    match op, swapped:
        case "add", _:
            keys = {"offset": numbers}
        case "mul", _:
            keys = {"factor": numbers}
        case "sub", False:
            keys = {"offset": [-one for one in numbers]}
        case "sub", True:
            keys = {"factor": [-1], "offset": numbers}
        case "div", False if 0 not in numbers:
            keys = {"factor": [1 / one for one in numbers]}
        case "div", True if len(numbers) == 1:
            layer = call.layers.add("reciprocal", [x.layer])
            return x._replace(
                layer=layer if numbers == [1] else call.layers.add("rescale", [layer], {"factor": numbers[0]})
            )
        case _:
            return None
    if len(numbers) > 1:
        x = call.layers.folded(x, x.place(1)) if x.batch_at == 0 or (x.batch_at is None and len(x.axes) > 2) else x
    neutral = {"offset": [0], "factor": [1]}
    keys = {key: value for key, value in keys.items() if value != neutral[key]}
    if not keys:
        return x
    single = {key: value[0] if len(value) == 1 else value for key, value in keys.items()}
    return x._replace(layer=call.layers.add("rescale", [x.layer], single))


def along_channels(x: BatchedTensor, array: Constant) -> bool:
    """Return whether an array has one number for each channel of a layer's input."""
    back = len(x.axes) - 1
    if x.batch_at != 0 or back < 1 or len(array.shape) < back:
        return False
    own = array.shape[len(array.shape) - back :]
    return len(x.axes[1]) == 1 and own[0] == x.axes[1][0] == prod(array.shape) and len(array.shape) <= back + 1


def scaled(call: Call, op: str, x: BatchedTensor, array: Constant) -> BatchedTensor | None:
    """Return an operation as a weight or bias per channel; None for other operations, or an array of another shape."""
    if op not in ("add", "mul") or not along_channels(x, array):
        return None
    x = call.layers.folded(x, x.place(1))
    keys, role = ({}, "weight") if op == "mul" else ({"scale": False, "center": True}, "bias")
    flat = array._replace(shape=(prod(array.shape),), read=partial(_flat, array))
    return x._replace(layer=call.layers.add("scale", [x.layer], keys, {role: flat}))


def _flat(array: Constant) -> Any:
    values = array.read()
    return None if values is None else values.reshape(-1)


def times(call: Call, operand: Operand, number: Any) -> Operand:
    """Return an operand times a number."""
    if number == 1:
        return operand
    if not isinstance(operand, BatchedTensor):
        return (
            operand * number
            if isinstance(operand, (int, float))
            else times(call, call.layers.constant(operand), number)
        )
    return operand._replace(layer=call.layers.add("rescale", [operand.layer], {"factor": number}))


def binary(call: Call, op: str, *, reversed: bool = False) -> BatchedTensor:
    """Read an operation of two operands."""
    first, second = call.operand(call.get("input")), call.operand(call.get("other"))
    if call.get("alpha", 1) != 1:
        if reversed:
            first = times(call, first, call.get("alpha"))
        else:
            second = times(call, second, call.get("alpha"))
    return combine(call, op, *((second, first) if reversed else (first, second)))


for _functions, _op in (
    ("add radd iadd", "add"),
    ("mul rmul imul multiply", "mul"),
    ("sub isub subtract", "sub"),
    ("maximum fmax", "max"),
    ("minimum fmin", "min"),
):
    RULES.rule(_functions, "input other")(partial(binary, op=_op))
RULES.rule("rsub", "input other")(partial(binary, op="sub", reversed=True))


@RULES.rule("neg negative")
def neg(call: Call) -> BatchedTensor:
    """Read a change of sign."""
    return call.same("rescale", {"factor": -1})


@RULES.rule("div truediv itruediv divide true_divide floor_divide floordiv ifloordiv", "input other")
def div(call: Call) -> BatchedTensor:
    """Read a quotient, rounded down or towards 0 if requested."""
    mode = "floor" if "floor" in call.function else call.get("rounding_mode")
    if mode is None:
        return binary(call, "div")
    if mode not in ("floor", "trunc"):
        raise OpaqueCall
    return whole_quotient(call, call.operand(call.get("input")), call.operand(call.get("other")), mode)


def whole_quotient(call: Call, first: Operand, second: Operand, mode: str) -> BatchedTensor:
    """Return a rounded quotient. It divides, as multiplying by the reciprocal would make 49/49 less than 1."""
    value = joined(call, "div", first, second)
    return value._replace(layer=call.layers.add(mode, [value.layer]))


@RULES.rule("remainder mod fmod rmod", "input other")
def remainder(call: Call) -> BatchedTensor:
    """Read the remainder of a quotient rounded down, or towards 0."""
    first, second = call.operand(call.get("input")), call.operand(call.get("other"))
    if call.function == "rmod":
        first, second = second, first
    quotient = whole_quotient(call, first, second, "trunc" if call.function == "fmod" else "floor")
    return combine(call, "sub", first, combine(call, "mul", quotient, second))


@RULES.rule("rdiv rtruediv", "input other")
def rdiv(call: Call) -> BatchedTensor:
    """Read a quotient with its operands swapped."""
    return binary(call, "div", reversed=True)


@RULES.rule("rfloordiv", "input other")
def rfloordiv(call: Call) -> BatchedTensor:
    """Read a quotient rounded down with its operands swapped."""
    return whole_quotient(call, call.operand(call.get("other")), call.operand(call.get("input")), "floor")


@RULES.rule("pow ipow float_power", "input exponent")
def power(call: Call) -> BatchedTensor:
    """Read a power."""
    first, second = call.operand(call.get("input")), call.operand(call.get("exponent", call.get("other")))
    named = {2: "square", 0.5: "sqrt", -1: "reciprocal", -0.5: "rsqrt"}
    if isinstance(first, BatchedTensor) and isinstance(second, (int, float)) and second in named:
        return call.same(named[second])
    return combine(call, "pow", first, second)


@RULES.rule("rpow", "input other")
def rpow(call: Call) -> BatchedTensor:
    """Read a power with its operands swapped."""
    return combine(call, "pow", call.operand(call.get("other")), call.operand(call.get("input")))


@RULES.rule("addcmul addcdiv", "input tensor1 tensor2")
def addcmul(call: Call) -> BatchedTensor:
    """Read a sum with the product or quotient of two other values."""
    base, first, second = [call.operand(call.get(name)) for name in ("input", "tensor1", "tensor2")]
    if not isinstance(first, BatchedTensor) and not isinstance(second, BatchedTensor):
        first = call.layers.constant(first) if isinstance(first, Constant) else call.layers.number(first)
    product = combine(call, "mul" if call.function == "addcmul" else "div", first, second)
    return combine(call, "add", base, times(call, product, call.get("value", 1)))


@RULES.rule("lerp", "input end weight")
def lerp(call: Call) -> BatchedTensor:
    """Read a linear interpolation between two values."""
    start, end, weight = [call.operand(call.get(name)) for name in ("input", "end", "weight")]
    way = combine(call, "sub", end, start)
    return combine(call, "add", start, combine(call, "mul", way, weight))


COMPARED = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "not_equal": "ne", "greater": "gt"}
COMPARED |= {"less": "lt", "greater_equal": "ge", "less_equal": "le"}
"""The relation of each function that compares."""
TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


@RULES.rule(" ".join(COMPARED), "input other")
def compare(call: Call) -> BatchedTensor:
    """Read a comparison: 1 where it holds, 0 elsewhere."""
    by = COMPARED[call.function]
    first, second = call.operand(call.get("input")), call.operand(call.get("other"))
    if not isinstance(first, BatchedTensor):
        first, second, by = second, first, TURNED[by]
    numbers = (
        listed(second)
        if not isinstance(second, BatchedTensor) and not (isinstance(second, Constant) and second.of)
        else None
    )
    if isinstance(first, BatchedTensor) and numbers is not None and len(numbers) == 1:
        return first._replace(layer=call.layers.add("compare", [first.layer], {"by": by, "value": numbers[0]}))
    values, back, axis = call.layers.meeting([first, second])
    layer = call.layers.add("compare", [one.layer for one in values], {"by": by})
    return BatchedTensor(layer, with_batch(call.out, None if back is None else len(call.out) - back, axis))


@RULES.rule("logical_and bitwise_and and iand", "input other")
def both(call: Call) -> BatchedTensor:
    """Read a logical and: the product of truth values."""
    return combine(call, "mul", *truths(call))


@RULES.rule("logical_or bitwise_or or ior", "input other")
def either(call: Call) -> BatchedTensor:
    """Read a logical or: the maximum of truth values."""
    return joined(call, "max", *truths(call))


def truths(call: Call) -> list[Operand]:
    """Return two operands of truth values. Raise OpaqueCall for others, for which the operation is bitwise."""
    operands = [call.operand(call.get(name)) for name in ("input", "other")]
    if not all(holds_truths(one) for one in operands):
        raise OpaqueCall
    return operands


def holds_truths(one: Operand) -> bool:
    """Return whether an operand is known to hold truth values."""
    if isinstance(one, Constant):
        values = one.read()
        return values is not None and values.dtype.kind == "b"
    return isinstance(one, BatchedTensor) and one.integer == "bool"


@RULES.rule("logical_not bitwise_not invert")
def negation(call: Call) -> BatchedTensor:
    """Read a logical not."""
    if call.kept.integer != "bool" and call.function != "logical_not":
        raise OpaqueCall
    return call.same("compare", {"by": "eq", "value": 0})


@RULES.rule("where", "condition input other")
def where(call: Call) -> BatchedTensor:
    """Read a choice between two operands, value by value."""
    if "input" not in call.given:
        raise OpaqueCall  # the indices of true values, whose number is unknown
    return combine(call, "where", *[call.operand(call.get(name)) for name in ("condition", "input", "other")])


@RULES.rule("masked_fill", "input mask value")
def masked_fill(call: Call) -> BatchedTensor:
    """Read a value written where a mask holds."""
    return combine(call, "where", *[call.operand(call.get(name)) for name in ("mask", "value", "input")])
