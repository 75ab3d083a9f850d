"""Groups of three nodes (Reshape, something, Reshape) that are one layer: channel shuffles and group norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .....sizes import Shape, Size
from ....values import batch_first
from ..model import GraphNode
from ..reader import GraphReader


def recognized(b: GraphReader, node: GraphNode, target: Sequence[Size]) -> bool:
    """Return whether a Reshape to this shape ends such a group, which is then replaced by one layer."""
    middle = b.sole_maker(node.input(0), "Transpose", "InstanceNormalization")
    first = middle and b.sole_maker(middle.input(0), "Reshape")
    if not middle or not first or first.input(0) in b.constants:
        return False
    source, inner = b.value(first.input(0)), b.value(first.outputs[0])
    plain = [one.axes == batch_first(len(one.shape)) for one in (source, inner)]
    if b.full(source) != tuple(target) or not all(plain):
        return False
    keys = (_shuffled if middle.op == "Transpose" else _normalized)(b, middle, source.shape, inner.shape)
    if keys is None:
        return False
    b.drop(middle)
    b.drop(first)
    b.make(node, "channelshuffle" if middle.op == "Transpose" else "groupnorm", source, keys)
    return True


def _shuffled(b: GraphReader, middle: GraphNode, source: Shape, inner: Shape) -> dict[str, Any] | None:
    """Return the keys of a channelshuffle, (g, c/g, *space) with its first two axes swapped; None for others."""
    layer, rank = b.value(middle.outputs[0]).layer, len(inner)
    turned = layer.op == "permute" and tuple(layer.keys["order"]) == (2, 1, *range(3, rank + 1))
    fits = rank == len(source) + 1 and inner[2:] == source[1:]
    return {"g": inner[0]} if turned and fits else None


def _normalized(b: GraphReader, middle: GraphNode, source: Shape, inner: Shape) -> dict[str, Any] | None:
    """Return the keys of a groupnorm, (g, everything) normalized with weights of 1 and biases of 0; None for others."""
    plain = [const.repeats(1 - at) for at, const in enumerate(map(b.const, middle.inputs[1:3])) if const is not None]
    if plain != [True, True] or len(inner) != 2 or len(source) < 2:
        return None
    return {"g": inner[0], "eps": middle.number("epsilon", 1e-5), "scale": False, "center": False}
