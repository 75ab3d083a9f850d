"""Sums, products and what stands for them: of two layers, or of one and a constant (onnx/defs/math/defs.cc)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from .....registry import Registry
from .....sizes import LARGEST, NOTHING_KNOWN, Size, known
from ..const import INITIALISER, Const
from ..fold import broadcast
from ..gates import gate
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, Output

HANDLERS: Registry[str, Handler] = Registry()


class BinaryOp(NamedTuple):
    """An operation of two operands, the second of which may be a constant."""

    key: str
    """Which of rescale's keys a number is: factor or offset."""
    role: str
    """Which of scale's weights an array is: weight or bias."""
    number: Callable[[float], float]
    """The constant as it then stands."""
    array: Callable[[Any], Any]


KINDS = {
    "Add": BinaryOp("offset", "bias", operator.pos, operator.pos),
    "Sub": BinaryOp("offset", "bias", operator.neg, operator.neg),
    "Mul": BinaryOp("factor", "weight", operator.pos, operator.pos),
    "Div": BinaryOp("factor", "weight", lambda v: 1 / v, lambda a: 1 / a),
}


@HANDLERS.register(*KINDS)
def binary(b: GraphReader, node: GraphNode) -> None:
    """One of KINDS."""
    if len(node.inputs) < 2 or not all(node.inputs[:2]):
        raise node.wrong("needs two inputs")
    if node.op in ("Mul", "Div") and gate(b, node):
        return
    first, second = node.inputs[:2]
    if b.const(first) is not None and node.op in ("Add", "Mul"):
        first, second = second, first
    if b.const(first) is not None:
        _from_constant(b, node, first, second)
    elif b.const(second) is not None:
        _with_constant(b, node, first, second)
    else:
        _of_two(b, node, first, second)


def _from_constant(b: GraphReader, node: GraphNode, first: str, second: str) -> None:
    """Constants less x; divided by x they are only a shape."""
    const, x = b.const(first), b.value(second)
    number = None if const is None else const.scalar()
    if node.op != "Sub" or number is None:
        raise OpaqueNode(_met(b, node))
    b.make(node, "rescale", x, {"factor": -1, "offset": number})


def _with_constant(b: GraphReader, node: GraphNode, first: str, second: str) -> None:
    x, const, kind = b.value(first), b.const(second), KINDS[node.op]
    assert const is not None
    if x.shape == NOTHING_KNOWN:
        raise OpaqueNode(known=False)
    number = const.scalar() if len(const.shape) <= len(b.full(x) or ()) else None
    if number is not None and not (node.op == "Div" and number == 0) and abs(number) < LARGEST:
        b.make(node, "rescale", x, {kind.key: kind.number(number)})
    elif node.op == "Add" and _is_bias(b, first, x, const):
        _join_role(b, node, x, "bias", const)
    elif _by_channel(b, x, const):
        _scaled(b, node, first, x, const)
    else:
        _of_two(b, node, first, second)


def _is_bias(b: GraphReader, first: str, x: Output, const: Const) -> bool:
    """Whether a constant is the bias of the linear layer whose result it is added to."""
    layer = x.layer
    if layer.op != "linear" or layer.keys["bias"] or layer.tie is not None or b.graph.uses.get(first) != 1:
        return False
    return const.shape[-1:] == (const.size,) == x.shape[-1:]


def _join_role(b: GraphReader, node: GraphNode, x: Output, role: str, const: Const) -> None:
    """A constant becomes an array of the layer that made x."""
    layer, size = x.layer, (const.size,)
    layer.keys["bias" if layer.op == "linear" else "scale" if role == "weight" else "center"] = True
    layer.weights[role] = const.derived(size, lambda a: a.reshape(size)).read
    b.give(node, x)


def _by_channel(b: GraphReader, x: Output, const: Const) -> bool:
    """Whether a constant is one number for each channel."""
    full = b.full(x)
    if full is None or len(const.shape) > len(full):
        return False
    aligned = (1,) * (len(full) - len(const.shape)) + const.shape
    channel = 1 if b.batched else 0
    return const.size == known(full[channel]) == aligned[channel] and len(full) > channel


def _scaled(b: GraphReader, node: GraphNode, first: str, x: Output, const: Const) -> None:
    """One number a channel: trained ones are a scale's, others a rescale's."""
    kind, layer = KINDS[node.op], x.layer
    flat = const.derived((const.size,), lambda a: kind.array(a.reshape(-1)))
    bare = layer.op == "groupnorm" and not layer.keys["scale" if kind.role == "weight" else "center"]
    if bare and b.graph.uses.get(first) == 1 and node.op in ("Add", "Mul") and const.origin == INITIALISER:
        _join_role(b, node, x, kind.role, const)
        return
    values = const.values if const.origin != INITIALISER else None
    if values is not None and all(isinstance(v, (int, float)) and abs(v) < LARGEST and v != 0 for v in values):
        b.make(node, "rescale", x, {kind.key: [kind.number(v) for v in values]})  # type: ignore[arg-type]
        return
    keys = {"scale": kind.role == "weight", "center": kind.role == "bias"}
    b.make(node, "scale", x, keys, {kind.role: flat})


def operand(b: GraphReader, name: str, rank: int) -> Output:
    """What meets a value of this rank: a constant gets the axes that it lacks, and loses a batch of 1."""
    const = b.const(name)
    if const is None:
        return b.value(name)
    aligned = (1,) * (rank - len(const.shape)) + const.shape
    if b.batched and aligned[0] != 1:
        return b.value(name)
    params = const.size if const.kind == "float" and const.origin == INITIALISER else 0
    full: list[Size] = [b.batch, *aligned[1:]] if b.batched else list(aligned)
    return b.opaque(name, "Constant", full, (), params=params, macs=0, buffers=0)


def _of_two(b: GraphReader, node: GraphNode, first: str, second: str) -> None:
    """Two layers: a sum of equal shapes, a product with sizes of 1 repeated, x - y as x + (-y)."""
    rank = max(len(b.full(b.value(name)) or ()) for name in (first, second) if b.const(name) is None)
    xs = [operand(b, name, rank) for name in (first, second)]
    shapes = [x.shape for x in xs]
    if NOTHING_KNOWN in shapes:
        raise OpaqueNode(_met(b, node))
    equal = shapes[0] == shapes[1]
    if node.op == "Mul" and len(shapes[0]) == len(shapes[1]):
        b.make(node, "mul", xs)
    elif node.op == "Add" and equal:
        b.make(node, "add", xs)
    elif node.op == "Sub" and equal:
        less = b.add(f"{node.name}.negative", "rescale", xs[1], {"factor": -1})
        b.make(node, "add", [xs[0], less])
    else:
        raise OpaqueNode(_met(b, node))


def _met(b: GraphReader, node: GraphNode) -> tuple[Size, ...] | None:
    """The shape that a node's inputs come to together, None if that is not known."""
    shapes = []
    for name in filter(None, node.inputs):
        const = b.const(name)
        full = const.shape if const is not None else b.full(b.value(name))
        if full is None:
            return None
        shapes.append(full)
    return broadcast(*shapes)


@HANDLERS.register("Sum")
def several(b: GraphReader, node: GraphNode) -> None:
    """A sum of several layers of equal shapes."""
    xs = [b.value(name) for name in node.inputs]
    shapes = {x.shape for x in xs}
    if len(xs) == 1:
        b.make(node, "identity", xs)
    elif len(shapes) > 1 or NOTHING_KNOWN in shapes:
        raise OpaqueNode(_met(b, node))
    else:
        b.make(node, "add", xs)


_OTHERS = (
    *("Pow", "Min", "Max", "Mean", "Mod", "And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less"),
    *("LessOrEqual", "Where", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
)


@HANDLERS.register(*_OTHERS)
def met(b: GraphReader, node: GraphNode) -> None:
    """Another function of several operands: only its shape is known."""
    raise OpaqueNode(_met(b, node))
