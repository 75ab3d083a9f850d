"""Arithmetic with several values, or one and a constant (onnx/defs/math/defs.cc, onnx/defs/logical/defs.cc)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from .....registry import Registry
from .....sizes import LARGEST, Size, known
from ....values import BATCH, Handle
from ..broadcasting import join, operands
from ..const import INITIALIZER, Const, of_values
from ..gates import gate
from ..made import OpaqueNode
from ..model import GraphNode
from ..reader import GraphReader, Handler
from .quantized import scaled

HANDLERS: Registry[str, Handler] = Registry()


class BinaryOp(NamedTuple):
    """An operation of two operands, the second of which may be a constant."""

    key: str
    """The key of rescale that a number becomes."""
    role: str
    """The weight of scale that an array becomes."""
    flag: str
    """The key of scale and norms that says whether the weight exists."""
    change: Callable[[Any], Any]
    """The function that returns the number or array with the same effect in a sum or product."""


KINDS = {
    "Add": BinaryOp("offset", "bias", "center", operator.pos),
    "Sub": BinaryOp("offset", "bias", "center", operator.neg),
    "Mul": BinaryOp("factor", "weight", "scale", operator.pos),
    "Div": BinaryOp("factor", "weight", "scale", lambda v: 1 / v),
}


@HANDLERS.register(*KINDS)
def binary(b: GraphReader, node: GraphNode) -> None:
    """Read one of KINDS."""
    if node.op in ("Mul", "Div") and (scaled(b, node) or gate(b, node)):
        return
    first, second = node.inputs[:2]
    if b.const(first) is not None and node.op in ("Add", "Mul"):
        first, second = second, first
    const = b.const(second)
    if b.const(first) is not None and _of_number(b, node, first, second):
        return
    whole = node.op == "Div" and b.kind(node.input(0)) != "float"
    if const is not None and b.const(first) is None and not whole and _with_constant(b, node, first, const):
        return
    made = join(b, node, node.op.lower(), operands(b, node))
    b.give(node, b.pointwise(f"{node.name}.whole", "trunc", made) if whole else made)


def _of_number(b: GraphReader, node: GraphNode, first: str, second: str) -> bool:
    """Add the layers of a number minus x, or of a number divided by x; return whether the node is that."""
    number = b.scalar(first)
    if number is None or len((b.const(first) or of_nothing).shape) > len(b.full_of(second) or ()):
        return False
    x = b.value(second)
    if node.op == "Sub":
        b.make_pointwise(node, "rescale", x, {"factor": -1, "offset": number})
    elif number == 1 and b.kind(second) == "float":
        b.make_pointwise(node, "reciprocal", x)
    else:
        return False
    return True


of_nothing = Const((), "other", lambda: None)


def _with_constant(b: GraphReader, node: GraphNode, name: str, const: Const) -> bool:
    """Add the layer for a value and a constant, or complete the layer before; return whether that was possible."""
    x, kind = b.value(name), KINDS[node.op]
    full = b.full(x)
    if full is None:
        raise OpaqueNode(known=False)
    number = const.scalar() if len(const.shape) <= len(full) else None
    learned = const.trained and const.shape and node.op in ("Add", "Mul")
    usable = number is not None and not (node.op == "Div" and number == 0) and abs(number) < LARGEST
    flag = _completes(b, node, name, const)
    if usable and not learned and number is not None:
        b.make_pointwise(node, "rescale", x, {kind.key: kind.change(number)})
    elif flag is not None:
        x.layer.keys[flag] = True
        array = b.arrays.setdefault(x.layer, {})[kind.role] = const.reshaped((const.size,))
        x.layer.weights[kind.role] = array.read
        b.weighted.add(x.layer)
        b.give(node, x)
    elif _by_channel(b, x, const):
        values = None if _is_weight(b, node, x, const) else const.values
        if values is not None and all(isinstance(v, (int, float)) and 0 < abs(v) < LARGEST for v in values):
            b.make(node, "rescale", x, {kind.key: [kind.change(v) for v in values]})
        else:
            keys = {"scale": kind.flag == "scale", "center": kind.flag == "center"}
            array = const.derived((const.size,), lambda a: kind.change(a.reshape(-1)), kind.role)
            b.make(node, "scale", x, keys, {kind.role: array})
    else:
        return False
    return True


def _is_weight(b: GraphReader, node: GraphNode, x: Handle, const: Const) -> bool:
    """Return whether a constant counts as a parameter: it is stored as a weight, or follows a layer with weights."""
    if const.origin == INITIALIZER or not isinstance((const.values or [0])[0], (int, float)):
        return True
    return node.op in ("Add", "Mul") and b.completes(x.layer)


def _completes(b: GraphReader, node: GraphNode, name: str, const: Const) -> str | None:
    """Return the key of the weight that a constant adds to the preceding linear layer or groupnorm; None if none."""
    x, kind = b.value(name), KINDS[node.op]
    if x.layer.op == "linear" and node.op == "Add":
        flag = "bias"
        fits = x.layer.tie is None and const.shape[-1:] == (const.size,) == x.shape[-1:]
    elif x.layer.op == "groupnorm" and node.op in ("Add", "Mul"):
        flag = kind.flag
        fits = const.origin == INITIALIZER and _by_channel(b, x, const)
    else:
        return None
    return flag if fits and not x.layer.keys[flag] and b.graph.uses[name] == 1 else None


def _by_channel(b: GraphReader, x: Handle, const: Const) -> bool:
    """Return whether a constant has one number per channel, the first of several sample axes."""
    full, channel = b.full(x) or (), 1 if x.batched else 0
    if x.axes is None or len(const.shape) > len(full) or len(full) <= channel:
        return False
    if x.axes[channel] != (0,) or (x.batched and x.axes[0] not in ((BATCH,), ())):
        return False
    sizes: tuple[Size, ...] = const.aligned(len(full))
    return const.size == known(full[channel]) == sizes[channel] and const.size > 1


_JOINS = {"Max": "max", "Min": "min", "Sum": "add", "Mean": "add", "Pow": "pow"}


@HANDLERS.register(*_JOINS)
def several(b: GraphReader, node: GraphNode) -> None:
    """Read a function of one or several values, or of a value and a number."""
    given = operands(b, node)
    if not given:
        raise node.wrong("has no input")
    op, count = _JOINS[node.op], len(given)
    number = b.scalar(node.input(1)) if count == 2 and op != "add" else None
    first = given[0]
    if count == 1:
        b.make_pointwise(node, "identity", b.first(node))
        return
    if number is not None and isinstance(first, Handle) and abs(number) < LARGEST:
        made = b.pointwise(node.name, op, first, {"value": number})
    else:
        made = join(b, node, op, given)
    if node.op == "Mean":
        made = b.pointwise(f"{node.name}.mean", "rescale", made, {"factor": 1 / count})
    b.give(node, made)


COMPARED = {"Equal": "eq", "Greater": "gt", "GreaterOrEqual": "ge", "Less": "lt", "LessOrEqual": "le"}


@HANDLERS.register(*COMPARED)
def compare(b: GraphReader, node: GraphNode) -> None:
    """Read a comparison of two values, or of one and a number."""
    first, number, keys = b.const(node.input(0)), b.scalar(node.input(1)), {"by": COMPARED[node.op]}
    if first is None and number is not None and abs(number) < LARGEST:
        b.make_pointwise(node, "compare", b.first(node), {**keys, "value": number})
    else:
        b.give(node, join(b, node, "compare", operands(b, node), keys))


@HANDLERS.register("And", "Or", "Xor")
def logical(b: GraphReader, node: GraphNode) -> None:
    """Read a logical function of truth values 0 and 1: their product, maximum, or inequality."""
    op, keys = {"And": ("mul", {}), "Or": ("max", {}), "Xor": ("compare", {"by": "ne"})}[node.op]
    b.give(node, join(b, node, op, operands(b, node), keys))


@HANDLERS.register("Where")
def where(b: GraphReader, node: GraphNode) -> None:
    """Read a choice between two values."""
    b.give(node, join(b, node, "where", operands(b, node)))


@HANDLERS.register("Trilu")
def triangle(b: GraphReader, node: GraphNode) -> None:
    """Read a triangle: values on one side of a diagonal are kept, others become 0, by a choice with a constant mask."""
    _, full = b.known(node)
    sizes, diagonal = [known(n) for n in full[-2:]], b.scalar(node.input(1)) if node.input(1) else 0
    rows, columns = sizes if len(sizes) == 2 else (None, None)
    if diagonal is None or rows is None or columns is None or rows * columns > b.graph.numbers:
        raise OpaqueNode(full)
    b.graph.numbers -= rows * columns
    upper = bool(node.whole("upper", 1))
    holds = [at - row == diagonal or (at - row > diagonal) is upper for row in range(rows) for at in range(columns)]
    side, zero = of_values([int(one) for one in holds], "int", (rows, columns)), of_values([0.0], "float", ())
    b.give(node, join(b, node, "where", [side, *operands(b, node)[:1], zero]))


@HANDLERS.register("Mod")
def modulo(b: GraphReader, node: GraphNode) -> None:
    """Read the remainder of integers, a - b*floor(a/b); for other numbers only the shape is known."""
    x, by = operands(b, node)
    if b.kind(node.input(0)) != "int" or node.whole("fmod"):
        raise OpaqueNode(b.met(node))
    ratio = join(b, node.part("ratio"), "div", [x, by])
    times = b.pointwise(f"{node.name}.floor", "floor", ratio)
    b.give(node, join(b, node, "sub", [x, join(b, node.part("multiple"), "mul", [times, by])]))


@HANDLERS.register("BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor")
def met(b: GraphReader, node: GraphNode) -> None:
    """Read another function of several operands, of which only the shape is known."""
    raise OpaqueNode(b.met(node))
