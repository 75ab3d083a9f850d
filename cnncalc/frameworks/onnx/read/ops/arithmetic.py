"""Sums, products and what stands for them: of two layers, or of one and a constant (onnx/defs/math/defs.cc)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
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
    """The key of rescale that a number becomes."""
    role: str
    """The weight of scale that an array becomes."""
    flag: str
    """The key of scale, and of norms, that says that there is this weight."""
    change: Callable[[Any], Any]
    """Return the number, or the array, that has the same effect in a sum or a product."""


KINDS = {
    "Add": BinaryOp("offset", "bias", "center", operator.pos),
    "Sub": BinaryOp("offset", "bias", "center", operator.neg),
    "Mul": BinaryOp("factor", "weight", "scale", operator.pos),
    "Div": BinaryOp("factor", "weight", "scale", lambda v: 1 / v),
}


COMPARISONS = {"Greater": "gt", "GreaterOrEqual": "ge", "Less": "lt", "LessOrEqual": "le", "Equal": "eq"}
JOINS = {
    **{word: word.lower() for word in ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Where")},
    **dict.fromkeys(COMPARISONS, "compare"),
    "Sum": "add",
}
"""The layer that joins several values, by operator."""


@HANDLERS.register(*KINDS)
def binary(b: GraphReader, node: GraphNode) -> None:
    """Read one of KINDS."""
    if len(node.inputs) < 2 or not all(node.inputs[:2]):
        raise node.wrong("needs two inputs")
    if node.op in ("Mul", "Div") and gate(b, node):
        return
    first, second = node.inputs[:2]
    if b.const(first) is not None and node.op in ("Add", "Mul"):
        first, second = second, first
    const = b.const(second)
    if b.const(first) is not None:  # constants less x; divided by x they are only a shape
        x, number = b.value(second), b.scalar(first)
        if node.op != "Sub" or number is None:
            raise OpaqueNode(_met(b, node))
        b.make(node, "rescale", x, {"factor": -1, "offset": number})
    elif const is None or not _with_constant(b, node, first, const):
        _of_two(b, node, first, second)


def _with_constant(b: GraphReader, node: GraphNode, name: str, const: Const) -> bool:
    """Add the layer that a value and a constant make, or complete the layer before; return whether they do."""
    x, kind = b.value(name), KINDS[node.op]
    full = b.full(x)
    if full is None:
        raise OpaqueNode(known=False)
    number = const.scalar() if len(const.shape) <= len(full) else None
    flag = _completes(b, node, name, const)
    if number is not None and not (node.op == "Div" and number == 0) and abs(number) < LARGEST:
        b.make(node, "rescale", x, {kind.key: kind.change(number)})
    elif flag is not None:
        x.layer.keys[flag] = True
        x.layer.weights[kind.role] = const.reshaped((const.size,)).read
        b.give(node, x)
    elif _by_channel(b, full, const):
        values = const.values if const.origin != INITIALISER else None
        if values is not None and all(isinstance(v, (int, float)) and 0 < abs(v) < LARGEST for v in values):
            b.make(node, "rescale", x, {kind.key: [kind.change(v) for v in values]})
        else:
            keys = {"scale": kind.flag == "scale", "center": kind.flag == "center"}
            array = const.derived((const.size,), lambda a: kind.change(a.reshape(-1)))
            b.make(node, "scale", x, keys, {kind.role: array})
    else:
        return False
    return True


def _completes(b: GraphReader, node: GraphNode, name: str, const: Const) -> str | None:
    """Return the key of the linear layer or groupnorm before whose missing weight a constant is, None if none."""
    x, kind = b.value(name), KINDS[node.op]
    if x.layer.op == "linear" and node.op == "Add":
        flag = "bias"
        fits = x.layer.tie is None and const.shape[-1:] == (const.size,) == x.shape[-1:]
    elif x.layer.op == "groupnorm" and node.op in ("Add", "Mul"):
        flag = kind.flag
        fits = const.origin == INITIALISER and _by_channel(b, b.full(x) or (), const)
    else:
        return None
    return flag if fits and not x.layer.keys[flag] and b.graph.uses[name] == 1 else None


def _by_channel(b: GraphReader, full: tuple[Size, ...], const: Const) -> bool:
    """Return whether a constant is one number for each channel."""
    channel = 1 if b.batched else 0
    aligned = const.aligned(len(full))
    return channel < len(full) == len(aligned) and const.size == known(full[channel]) == aligned[channel]


def operand(b: GraphReader, name: str, rank: int) -> Output:
    """Return an operand of a value of this rank: a constant with axes of 1 in front, without a batch of 1."""
    const = b.const(name)
    aligned = () if const is None else const.aligned(rank)
    if const is None or (b.batched and aligned[0] != 1):
        return b.value(name)
    full: list[Size] = [b.batch, *aligned[1:]] if b.batched else [*aligned]
    return b.opaque(name, "Constant", full, (), params=const.params, macs=0, buffers=0)


def _of_two(b: GraphReader, node: GraphNode, first: str, second: str) -> None:
    """Add a layer that joins two values, sizes of 1 repeated."""
    join(b, node, [first, second])


def join(b: GraphReader, node: GraphNode, names: Sequence[str], keys: dict[str, Any] | None = None) -> None:
    """Add the layer that joins values. OpaqueNode unless they have equally many axes."""
    rank = max([len(b.full(b.value(name)) or ()) for name in names if b.const(name) is None], default=0)
    xs = [operand(b, name, rank) for name in names]
    if NOTHING_KNOWN in [x.shape for x in xs] or len({len(x.shape) for x in xs}) > 1:
        raise OpaqueNode(_met(b, node))
    b.make(node, JOINS[node.op], xs, keys)


def _met(b: GraphReader, node: GraphNode) -> tuple[Size, ...] | None:
    """Return the shape that a node's inputs have together, None if that is not known."""
    shapes = [b.full_of(name) for name in filter(None, node.inputs)]
    known_shapes = [full for full in shapes if full is not None]
    return broadcast(*known_shapes) if len(known_shapes) == len(shapes) else None


@HANDLERS.register("Sum", "Min", "Max", "Pow")
def several(b: GraphReader, node: GraphNode) -> None:
    """Read an operation of several values, or of one and a number."""
    names = [name for name in node.inputs if name]
    if len(names) == 1:
        b.make(node, "identity", b.first(node))
        return
    number = b.scalar(names[1])
    if len(names) == 2 and b.const(names[0]) is None and number is not None and abs(number) < LARGEST:
        b.make(node, JOINS[node.op], b.value(names[0]), {"value": number})
    else:
        join(b, node, names)


@HANDLERS.register(*COMPARISONS)
def compare(b: GraphReader, node: GraphNode) -> None:
    """Read a comparison, its result as numbers."""
    first, second = node.inputs[:2]
    number, by = b.scalar(second), {"by": COMPARISONS[node.op]}
    if b.const(first) is None and number is not None and abs(number) < LARGEST:
        b.make(node, "compare", b.value(first), {**by, "value": number})
    else:
        join(b, node, [first, second], by)


@HANDLERS.register("Where")
def where(b: GraphReader, node: GraphNode) -> None:
    """Read a choice between two values."""
    join(b, node, node.inputs[:3])


_OTHERS = (*("Mean", "Mod", "And", "Or", "Xor", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),)


@HANDLERS.register(*_OTHERS)
def met(b: GraphReader, node: GraphNode) -> None:
    """Read another function of several operands: only its shape is known."""
    raise OpaqueNode(_met(b, node))
