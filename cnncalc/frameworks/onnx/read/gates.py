"""Gates that exporters write as several nodes: x times a function of x."""

from __future__ import annotations

from itertools import permutations
from math import isclose, pi, sqrt
from typing import Any, NamedTuple

from ...build import printable
from .model import GraphNode
from .reader import GraphReader

Inner = list[GraphNode]
X = "x"
Pattern = str | float | tuple[Any, ...]
"""A pattern: X, a number, an operator with operands in any order, or (PRODUCT, number, *operands)."""
PRODUCT = "product"
MOST_PRODUCTS = 6
"""The most nested products in which a gate is searched: x*x*x times a number has three."""


class Gate(NamedTuple):
    """x*f(x)*factor, as one op."""

    op: str
    factor: float
    pattern: Pattern
    """The pattern of the nodes that f is written as."""
    keys: dict[str, Any] = {}


CUBES: tuple[tuple[Pattern, ...], ...] = ((X, X, X), (("Pow", X, 3),))
GATES = (
    Gate("silu", 1, ("Sigmoid", X)),
    Gate("mish", 1, ("Tanh", ("Softplus", X))),
    Gate("hardswish", 1, ("HardSigmoid", X)),
    Gate("hardswish", 1 / 6, ("Clip", ("Add", 3, X))),
    Gate("gelu", 0.5, ("Add", 1, ("Erf", (PRODUCT, sqrt(0.5), X)))),
    *[
        Gate(
            "gelu",
            0.5,
            ("Add", 1, ("Tanh", (PRODUCT, sqrt(2 / pi), ("Add", X, (PRODUCT, 0.044715, *cube))))),
            {"approximate": True},
        )
        for cube in CUBES
    ],
)


def _is_own(b: GraphReader, node: GraphNode) -> bool:
    """Return whether a node is still a separate layer."""
    layer = b.value(node.outputs[0]).layer
    return layer.name == printable(node.name) and layer in b.made


class Product(NamedTuple):
    """A product of several factors, with its numbers multiplied together."""

    names: list[str]
    factor: float
    inner: Inner


def gate(b: GraphReader, node: GraphNode) -> bool:
    """Return whether a product is one of GATES, whose layer then replaces those of its parts."""
    product = _product(b, node)
    if product is None or len(product.names) != 2:
        return False
    for x, other in (product.names, product.names[::-1]):
        for kind in GATES:
            same = isclose(kind.factor, product.factor, rel_tol=1e-4)
            inner = _match(b, other, kind.pattern, x) if same else None
            parts = [*product.inner, *(inner or ())]
            if inner is not None and all(part.outputs[0] in b.values and _is_own(b, part) for part in parts):
                for part in parts:
                    b.drop(part)
                b.make(node, kind.op, b.value(x), kind.keys)
                return True
    return False


def _product(b: GraphReader, node: GraphNode, below: int = MOST_PRODUCTS) -> Product | None:
    """Return the factors of a node, including those of products that only it reads; None if one is an array.

    `below` is the number of nested products that are searched.
    """
    names: list[str] = []
    factor, inner = 1.0, []
    for at, name in enumerate(node.inputs[:2]):
        number = b.scalar(name)
        if b.const(name) is not None:
            if number is None or (node.op == "Div" and (at == 0 or number == 0)):
                return None
            factor *= 1 / number if node.op == "Div" else number
            continue
        if node.op == "Div" and at == 1:
            return None
        maker = b.sole_maker(name, "Mul", "Div") if below else None
        part = None if maker is None else _product(b, maker, below - 1)
        if maker is None or part is None:
            names.append(name)
        else:
            names += part.names
            factor *= part.factor
            inner += [maker, *part.inner]
    return Product(names, factor, inner) if len(names) < 5 else None


def _match(b: GraphReader, name: str, pattern: Pattern, x: str) -> Inner | None:
    """Return the nodes that make a value from x according to a pattern; None if they do not match."""
    if not isinstance(pattern, tuple):
        value = None if pattern == X else b.scalar(name)
        same = name == x if value is None else isclose(value, pattern, rel_tol=1e-4)  # type: ignore[arg-type]
        return [] if same and (pattern == X) == (value is None) else None
    op, *operands = pattern
    if op == PRODUCT:
        maker = b.sole_maker(name, "Mul", "Div")
        product = maker and _product(b, maker)
        if not maker or not product or not isclose(product.factor, operands.pop(0), rel_tol=1e-3):
            return None
        names, inner = product.names, [maker, *product.inner]
    else:
        maker = b.sole_maker(name, op)
        if maker is None or not _fits(b, maker):
            return None
        names, inner = maker.inputs[: len(operands)], [maker]
    if len(names) != len(operands):
        return None
    for order in permutations(operands) if op != "Pow" else [operands]:
        parts = [_match(b, one, operand, x) for one, operand in zip(names, order, strict=True)]
        if None not in parts:
            return [*inner, *[node for part in parts for node in part or []]]
    return None


def _fits(b: GraphReader, node: GraphNode) -> bool:
    """Return whether the attributes and bounds of a node are those of a gate."""
    if node.op == "HardSigmoid":
        return isclose(node.number("alpha", 0.2), 1 / 6, rel_tol=1e-5) and node.number("beta", 0.5) == 0.5
    return node.op != "Clip" or b.value(node.outputs[0]).layer.op == "relu6"
