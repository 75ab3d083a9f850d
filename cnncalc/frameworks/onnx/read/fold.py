"""Constant folding as far as shapes need it: Shape, Gather, Concat and similar ops on small lists of sizes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from math import isfinite, prod
from typing import Any, TypeVar

from ....errors import SpecError
from ....limits import MOST_AXES, MOST_MADE, MOST_READ
from ....registry import Registry
from ....sizes import LARGEST, Open, Size, show
from .const import (
    FLOATS,
    INITIALIZER,
    Const,
    Inputs,
    Number,
    broadcast,
    numbers,
    of_tensor,
    of_values,
    package,
)
from .evaluate import EVALUATED, evaluated
from .model import GraphNode, OnnxGraph

Fold = Callable[[GraphNode, Const, Inputs], Const | None]
"""A function that returns the constant a node makes from its first input and all inputs; None if not computed."""
FOLDS: Registry[str, Fold] = Registry()
N = TypeVar("N", bound=Size)


@FOLDS.register("Identity")
def _identity(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    """Return the same constant, or a separate parameter if it may repeat one number.

    Exporters merge arrays with equal numbers, such as untrained biases, and then give each parameter its own name.
    """
    own = source.trained and not source.varies
    roots, key = ({node.outputs[0]: source.size}, node.outputs[0]) if own else (source.roots, source.key)
    same: dict[str, Any] = {"origin": source.origin, "uniform": source.uniform, "roots": roots, "cost": source.cost}
    made = Const(source.shape, source.kind, source.read, lambda: source.values, key=key, **same)
    made.own = own or source.own
    return made


@FOLDS.register("Cast")
def _cast(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    to = node.whole("to")
    kind = "float" if to in FLOATS else "int"
    try:
        dtype = package().helper.tensor_dtype_to_np_dtype(to)
    except KeyError:  # unknown type number
        return None

    def read() -> object:
        return source.read().astype(dtype)

    def values() -> list[Number] | None:
        have = source.values
        if have is None or kind == "float":
            return have
        if not all(isfinite(v) for v in have if isinstance(v, float)):
            return None
        return [int(v) if isinstance(v, float) else v for v in have]

    how: dict[str, Any] = {"origin": source.origin, "key": source.key, "uniform": source.uniform}
    return Const(source.shape, kind, read, values, **how, cost=source.cost, roots=source.roots or None)


def _constant(node: GraphNode, folder: str | None) -> Const | None:
    """Return a Constant node's value from the attribute that holds it; None for a text or a sparse tensor."""
    tensor = node.tensor("value")
    if tensor is not None:
        return of_tensor(tensor, "constant", folder, node.outputs[0] if node.outputs else None)
    for name, kind in (("value_int", "int"), ("value_float", "float")):
        if node.has(name):
            return of_values([node.whole(name) if kind == "int" else node.number(name)], kind, ())
    ints, floats = node.ints("value_ints"), node.floats("value_floats")
    values: Sequence[Number] | None = floats if ints is None else ints
    return None if values is None else of_values(values, "float" if ints is None else "int")


@FOLDS.register("ConstantOfShape")
def _constant_of_shape(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    """Return one number repeated; many floats count as weights, as in onnx's own test files."""
    shape = numbers(source)
    if shape is None or min(shape, default=1) < 0:
        return None
    tensor = node.tensor("value")
    fill = of_tensor(tensor, "constant", None) if tensor is not None else of_values([0.0], "float")
    value, size = fill.scalar(), prod(shape)
    if value is None:
        return None
    values: list[Number] | None = [value] * size if size <= MOST_READ else None
    if size <= 1 or fill.kind != "float":
        return None if values is None else of_values(values, fill.kind, shape)

    def read() -> object:
        if size > MOST_MADE:
            raise SpecError(f"a constant of {size:,} numbers is too large")
        return fill.read().reshape(-1).repeat(size).reshape(shape)

    made = Const(shape, fill.kind, read, values, origin=INITIALIZER, key=node.outputs[0])
    made.filled = True
    return made


@FOLDS.register("Transpose")
def _transpose(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    perm = node.permutation(len(source.shape))
    return source.derived([source.shape[p] for p in perm], lambda a: a.transpose(perm), f"transposed {perm}")


@FOLDS.register("Reshape")
def _reshape(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    wanted = integers(node, "shape", given, 1)
    if wanted is None:
        return None
    shape = [source.shape[at] if n == 0 and at < len(source.shape) else n for at, n in enumerate(wanted)]
    rest = prod(n for n in shape if n != -1)
    shape = [source.size // max(rest, 1) if n == -1 else n for n in shape]
    return source.reshaped(tuple(shape)) if prod(shape) == source.size and min(shape, default=1) >= 0 else None


def axes_of(node: GraphNode, given: Inputs, rank: int, default: list[int] | None = None) -> list[int] | None:
    """Return the axes of an attribute or of the second input, counted from 0; None if unknown."""
    listed = None if node.has("axes") or not node.input(1) else given[1]
    if listed is not None and listed.size > rank:
        raise node.wrong(f"names {listed.size:,} axes of {rank}")
    axes = integers(node, "axes", given, 1, default)
    return None if axes is None else [a + rank if a < 0 else a for a in axes]


def squeezed(node: GraphNode, given: Inputs, shape: Sequence[N]) -> list[N | int] | None:
    """Return a shape without a Squeeze's axes (by default all of size 1), or with an Unsqueeze's new axes.

    None if the axes are unknown. Raise SpecError if they are impossible.
    """
    rank = len(shape)
    if node.op == "Squeeze":
        axes = axes_of(node, given, rank, [at for at, n in enumerate(shape) if n == 1])
        return None if axes is None else [n for at, n in enumerate(shape) if at not in axes]
    made = given[1] if node.input(1) else None
    rank += len(node.ints("axes") or ()) if node.has("axes") else 0 if made is None else made.size
    if rank > MOST_AXES:
        raise node.wrong(f"makes {rank:,} axes, more than {MOST_AXES}")
    axes = axes_of(node, given, rank)
    if axes is None:
        return None
    if len(set(axes)) < len(axes) or any(not 0 <= a < rank for a in axes):
        raise node.wrong(f"axes {axes} of {rank}")
    rest = iter(shape)
    return [1 if at in axes else next(rest) for at in range(rank)]


@FOLDS.register("Squeeze", "Unsqueeze")
def _squeeze(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    shape = squeezed(node, given, source.shape)
    return None if shape is None else source.reshaped(tuple(shape))


def _row(const: Const | None) -> list[Number] | None:
    """Return the numbers of a constant with one axis; None for others."""
    return const.values if const is not None and len(const.shape) == 1 else None


@FOLDS.register("Gather")
def _gather(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    at, row, places = given[1], _row(source), numbers(given[1])
    if not source.is_open or at is None or row is None or places is None or node.whole("axis") not in (0, -1):
        return None
    if len(places) > MOST_READ or any(not -len(row) <= p < len(row) for p in places):
        return None
    return of_values([row[p] for p in places], source.kind, at.shape)


@FOLDS.register("Concat")
def _concat(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    rows = [_row(one) for one in given[: len(node.inputs)]]
    if None in rows or not any(one is not None and one.is_open for one in given):
        return None
    if sum([len(row) for row in rows if row is not None]) > MOST_READ:
        return None
    kind = "float" if any(one and one.kind == "float" for one in given) else "int"
    return of_values([n for row in rows for n in row or ()], kind)


@FOLDS.register("Slice")
def _slice(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    parts, row = slices_of(node, given), _row(source)
    if row is None or not source.is_open or parts is None or len(parts) != 1:
        return None
    _, start, stop, step = parts[0]
    return of_values(row[start:stop:step] if step else [], source.kind)


def slices_of(node: GraphNode, given: Inputs) -> list[tuple[int, int, int, int]] | None:
    """Return (axis, start, stop, step) for each axis of a Slice; None if they are not constants."""
    starts, stops = integers(node, "starts", given, 1), integers(node, "ends", given, 2)
    if starts is None or stops is None:
        return None
    axes = integers(node, "axes", given, 3, list(range(len(starts))))
    steps = integers(node, "steps", given, 4, [1] * len(starts))
    if axes is None or steps is None:
        return None
    if not len(starts) == len(stops) == len(axes) == len(steps):
        raise node.wrong("starts, ends, axes and steps have different lengths")
    return list(zip(axes, starts, stops, steps, strict=True))


def _quotient(a: Number, b: Number) -> Number:
    """Return a/b; for integers truncated towards zero, as in C++."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b  # type: ignore[operator]
    if isinstance(a, Open) or isinstance(b, Open):
        return a // b  # type: ignore[operator]
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


ELEMENTWISE: Mapping[str, Callable[..., Number]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": _quotient,
    "Min": lambda *v: min(v),
    "Max": lambda *v: max(v),
    "Equal": lambda a, b: int(_same(a, b)),
    "Greater": lambda a, b: int(a > b),
    "Less": lambda a, b: int(a < b),
    "GreaterOrEqual": lambda a, b: int(a >= b),
    "LessOrEqual": lambda a, b: int(a <= b),
    "Where": lambda c, a, b: a if c else b,
}
"""Functions of numbers that may be open sizes. TypeError if they cannot be computed for open sizes."""


def _same(a: Number, b: Number) -> bool:
    """Return whether two numbers are equal; an open size is positive. Raise TypeError if unknown."""
    opened = [n for n in (a, b) if isinstance(n, Open)]
    if opened and a != b and not any(isinstance(n, (int, float)) and n < 1 for n in (a, b)):
        raise TypeError
    return a == b


@FOLDS.register(*ELEMENTWISE)
def _elementwise(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    """Apply the op number by number, broadcasting single numbers, if some are open sizes."""
    consts = [one for one in given if one is not None]
    shape = broadcast(*[one.shape for one in consts])
    if shape is None or len(consts) < len(node.inputs) or not any(one.is_open for one in consts):
        return None
    sizes = [n for n in shape if isinstance(n, int)]  # constants have no open sizes
    size = prod(sizes)
    if size > MOST_READ:
        return None
    rows = [one.values * size if one.values and one.size == 1 else one.values for one in consts]
    columns = [row for row in rows if row is not None and len(row) == size]
    if len(columns) < len(consts):
        return None
    try:
        results = [ELEMENTWISE[node.op](*column) for column in zip(*columns, strict=True)]
    except (TypeError, ZeroDivisionError, ValueError, OverflowError):  # an open size or no result
        return None
    beyond = any(isinstance(v, int) and abs(v) > LARGEST for v in results)
    return None if beyond else of_values(results, consts[-1].kind, sizes)


@FOLDS.register("DequantizeLinear")
def _dequantized(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    """Return a weight stored as integers, (w - zero)*scale, with scales per unit of an axis or per block of units."""
    scale, zero = given[1:3]
    if scale is None:
        return None
    rank, block = len(source.shape), node.whole("block_size")
    axis = node.whole("axis", 1) % max(rank, 1)
    before, own, after = source.shape[:axis], source.shape[axis : axis + 1], source.shape[axis + 1 :]
    sizes = (*before, *[-(-n // block) for n in own], *after) if block else own
    if any(one.size != 1 and one.size != prod(sizes) for one in (scale, zero) if one is not None):
        raise node.wrong(f"needs 1 scale and zero, or {show(sizes)} of them, for {show(source.shape)}")

    def over(one: Const) -> Any:
        """Return scales or zeros in a shape that broadcasts with the weight."""
        array = one.read()
        if one.size == 1:
            return array.reshape(())
        if block:
            return array.reshape(sizes).repeat(min(block, *own), axis)[(slice(None),) * axis + (slice(*own),)]
        return array.reshape([*own, *[1] * len(after)])

    def read() -> object:
        factor = over(scale)
        whole = source.read().astype(factor.dtype)
        return (whole - over(zero) if zero is not None else whole) * factor

    key = source.key and f"{source.key} dequantized by {node.inputs[1]}"
    return Const(source.shape, "float", read, origin=source.origin, key=key, cost=source.cost)


def inputs_of(node: GraphNode, constants: Mapping[str, Const]) -> Inputs:
    """Return a node's inputs as constants."""
    return [*[constants.get(name) for name in node.inputs], *[None] * 5]


def integers(node: GraphNode, name: str, given: Inputs, at: int, default: list[int] | None = None) -> list[int] | None:
    """Return the integers of an attribute (in old operator sets) or of an input; None if unknown."""
    if node.has(name):
        return node.ints(name)
    return numbers(given[at]) if node.input(at) else default


def fold(node: GraphNode, constants: dict[str, Const], graph: OnnxGraph) -> list[Const] | None:
    """Return the constants that a node makes, None if it reads anything else, or if they are not computed."""
    if node.op == "Constant":
        made = _constant(node, graph.folder)
        return None if made is None else [made]
    if any(name and name not in constants for name in node.inputs):
        return None
    given, how = inputs_of(node, constants), FOLDS.get(node.op)
    made = how(node, given[0], given) if how is not None and given[0] is not None else None
    if made is not None:
        graph.numbers -= made.size if made.size <= MOST_READ else 0  # small results are cached when read
        return [made] if graph.numbers >= 0 else None
    own = [one for one in given if one is not None]
    if node.op not in EVALUATED or not own or any(one.is_open for one in own):
        return None
    return evaluated(node, own, given, graph)
