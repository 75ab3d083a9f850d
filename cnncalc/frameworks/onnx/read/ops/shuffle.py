"""What exporters write as Reshape, something, Reshape: shuffled channels, and group norms."""

from __future__ import annotations

from .....sizes import NOTHING_KNOWN, Shape
from ..model import GraphNode
from ..reader import GraphReader, Output


def recognised(b: GraphReader, node: GraphNode, target: Shape) -> bool:
    """Whether a Reshape to this sample ends one of these; its layer then stands in place of the three."""
    middle = b.sole_maker(node.input(0), "Transpose", "InstanceNormalization")
    first = middle and b.sole_maker(middle.input(0), "Reshape")
    if not middle or not first or target == NOTHING_KNOWN:
        return False
    source, inner = b.value(first.input(0)), b.value(first.outputs[0])
    if source.shape != target:
        return False
    replacement = (_channels if middle.op == "Transpose" else _groups)(b, node, middle, source, inner)
    if replacement is None:
        return False
    b.drop(middle)
    b.drop(first)
    op, keys = replacement
    b.make(node, op, source, keys)
    return True


Found = tuple[str, dict[str, object]]


def _channels(b: GraphReader, node: GraphNode, middle: GraphNode, source: Output, inner: Output) -> Found | None:
    """(g, c/g, *space) with its first two axes turned."""
    layer = b.value(middle.outputs[0]).layer
    turned = (2, 1, *range(3, len(inner.shape) + 1))
    if layer.op != "permute" or tuple(layer.keys["order"]) != turned or inner.shape[2:] != source.shape[1:]:
        return None
    return ("channelshuffle", {"g": inner.shape[0]}) if len(inner.shape) == len(source.shape) + 1 else None


def _groups(b: GraphReader, node: GraphNode, middle: GraphNode, source: Output, inner: Output) -> Found | None:
    """(g, everything) normalised, weights of 1 and biases of 0: how exporters write a group norm."""
    weight, bias = [b.const(name) for name in middle.inputs[1:3]]
    plain = [None if const is None else set(const.values or ()) for const in (weight, bias)] == [{1}, {0}]
    if not plain or len(inner.shape) != 2:
        return None
    keys: dict[str, object] = {"g": inner.shape[0], "eps": middle.number("epsilon", 1e-5)}
    return "groupnorm", {**keys, "scale": False, "center": False}
