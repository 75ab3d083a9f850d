"""What exporters write as several nodes and is one function: x times a function of x."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose, pi, sqrt
from typing import Any, NamedTuple

from .model import GraphNode
from .reader import GraphReader

Inner = list[GraphNode]


class Gate(NamedTuple):
    """x*f(x)*factor, as one op."""

    op: str
    keys: dict[str, Any]
    factor: float
    find: Callable[[GraphReader, str, str], Inner | None]
    """The nodes that f is made of, from its result's name and x's; None if it is another function."""


class Product(NamedTuple):
    """A product of several, its numbers taken together."""

    names: list[str]
    factor: float
    inner: Inner


def gate(b: GraphReader, node: GraphNode) -> bool:
    """Whether a product is one of GATES; its layer then stands in place of those of its parts."""
    found = _product(b, node)
    if found is None or len(found.names) != 2:
        return False
    for x, other in (found.names, found.names[::-1]):
        for kind in GATES:
            inner = kind.find(b, other, x) if isclose(kind.factor, found.factor, rel_tol=1e-4) else None
            if inner is not None:
                for part in (*found.inner, *inner):
                    b.drop(part)
                b.make(node, kind.op, b.value(x), kind.keys)
                return True
    return False


def _product(b: GraphReader, node: GraphNode) -> Product | None:
    """What a node multiplies, nodes that nothing else reads looked through."""
    names: list[str] = []
    factor, inner = 1.0, []
    for at, name in enumerate(node.inputs[:2]):
        const = b.const(name)
        if const is not None:
            number = const.scalar()
            if number is None or (node.op == "Div" and (at == 0 or number == 0)):
                return None
            factor *= 1 / number if node.op == "Div" else number
            continue
        if node.op == "Div" and at == 1:
            return None
        maker = b.sole_maker(name, "Mul", "Div")
        below = None if maker is None else _product(b, maker)
        if maker is None or below is None:
            names.append(name)
        else:
            names += below.names
            factor *= below.factor
            inner += [maker, *below.inner]
    return Product(names, factor, inner) if len(names) < 5 else None


def _with_number(b: GraphReader, node: GraphNode, number: float) -> str | None:
    """The other operand of a node that takes this number, too."""
    for const, other in (node.inputs[:2], node.inputs[1::-1]):
        found = b.const(const)
        value = None if found is None else found.scalar()
        if value is not None and isclose(value, number, rel_tol=1e-4):
            return other
    return None


def _silu(b: GraphReader, name: str, x: str) -> Inner | None:
    maker = b.sole_maker(name, "Sigmoid")
    return [maker] if maker is not None and maker.input(0) == x else None


def _mish(b: GraphReader, name: str, x: str) -> Inner | None:
    outer = b.sole_maker(name, "Tanh")
    inner = outer and b.sole_maker(outer.input(0), "Softplus")
    return [outer, inner] if outer and inner and inner.input(0) == x else None


def _hard(b: GraphReader, name: str, x: str) -> Inner | None:
    maker = b.sole_maker(name, "HardSigmoid")
    if maker is None or maker.input(0) != x:
        return None
    exact = isclose(maker.number("alpha", 0.2), 1 / 6, rel_tol=1e-5) and maker.number("beta", 0.5) == 0.5
    return [maker] if exact else None


def _clipped(b: GraphReader, name: str, x: str) -> Inner | None:
    """Clip(x + 3, 0, 6)."""
    outer = b.sole_maker(name, "Clip")
    layer = outer and b.value(name).layer
    inner = outer and b.sole_maker(outer.input(0), "Add")
    if not outer or not inner or not layer or layer.op != "relu6" or _with_number(b, inner, 3) != x:
        return None
    return [outer, inner]


def _erf(b: GraphReader, name: str, x: str) -> Inner | None:
    """1 + erf(x/sqrt(2))."""
    outer = b.sole_maker(name, "Add")
    curve = outer and b.sole_maker(_with_number(b, outer, 1) or "", "Erf")
    scaled = curve and b.sole_maker(curve.input(0), "Mul", "Div")
    found = scaled and _product(b, scaled)
    if not outer or not curve or not scaled or not found or found.names != [x]:
        return None
    return [outer, curve, scaled, *found.inner] if isclose(found.factor, sqrt(0.5), rel_tol=1e-4) else None


def _tanh(b: GraphReader, name: str, x: str) -> Inner | None:
    """1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3))."""
    outer = b.sole_maker(name, "Add")
    curve = outer and b.sole_maker(_with_number(b, outer, 1) or "", "Tanh")
    scaled = curve and b.sole_maker(curve.input(0), "Mul")
    found = scaled and _product(b, scaled)
    if not outer or not curve or not scaled or not found or not isclose(found.factor, sqrt(2 / pi), rel_tol=1e-4):
        return None
    added = b.sole_maker(found.names[0], "Add") if len(found.names) == 1 else None
    cubed = added and _cubed(b, [name for name in added.inputs if name != x], x)
    return [outer, curve, scaled, *found.inner, added, *cubed] if added and cubed else None


def _cubed(b: GraphReader, names: list[str], x: str) -> Inner | None:
    """0.044715*x**3, as a power or as a product."""
    maker = b.sole_maker(names[0], "Mul") if len(names) == 1 else None
    found = maker and _product(b, maker)
    if not maker or not found or not isclose(found.factor, 0.044715, rel_tol=1e-3):
        return None
    if found.names == [x] * 3:
        return [maker, *found.inner]
    power = b.sole_maker(found.names[0], "Pow") if len(found.names) == 1 else None
    three = power and b.const(power.input(1))
    if not power or not three or three.scalar() != 3 or power.input(0) != x:
        return None
    return [maker, *found.inner, power]


GATES = (
    Gate("silu", {}, 1, _silu),
    Gate("mish", {}, 1, _mish),
    Gate("hardswish", {}, 1, _hard),
    Gate("hardswish", {}, 1 / 6, _clipped),
    Gate("gelu", {}, 0.5, _erf),
    Gate("gelu", {"approximate": True}, 0.5, _tanh),
)
