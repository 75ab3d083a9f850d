"""Constant folding as far as shapes need it: Shape, Gather, Concat and similar ops on small lists of sizes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from math import ceil, isfinite, prod
from typing import Any, TypeVar

from ....errors import SpecError
from ....limits import MADE_OF_ONE, MOST_AXES, MOST_MADE, MOST_NUMBERS_LATER, MOST_READ, NUMBERS_A_NODE
from ....registry import Registry
from ....sizes import LARGEST, MOST_SIZES, Open, Size, known, show
from .const import (
    FLOATS,
    INITIALIZER,
    Const,
    Number,
    first_line,
    of_array,
    of_tensor,
    of_values,
    package,
)
from .model import GraphNode, OnnxGraph

Inputs = Sequence[Const | None]
"""A node's inputs: None for one that is left out or is not a constant, and after the last."""
Fold = Callable[[GraphNode, Const, Inputs], Const | None]
"""A function that returns the constant a node makes from its first input and all inputs; None if not computed."""
FOLDS: Registry[str, Fold] = Registry()
N = TypeVar("N", bound=Size)


@FOLDS.register("Identity")
def _identity(node: GraphNode, source: Const, given: Inputs) -> Const | None:
    """Return the same constant, or a separate parameter if it may repeat one number.

    Exporters merge arrays with equal numbers, such as untrained biases.
    """
    roots = {node.outputs[0]: source.size} if source.trained and not source.varies else source.roots
    same: dict[str, Any] = {"origin": source.origin, "uniform": source.uniform, "roots": roots, "cost": source.cost}
    return Const(source.shape, source.kind, source.read, lambda: source.values, **same)


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


def broadcast(*shapes: Sequence[Size]) -> tuple[Size, ...] | None:
    """Return the shape that these broadcast to; None if they do not broadcast."""
    rank = max(map(len, shapes), default=0)
    out: list[Size] = []
    for at in range(-rank, 0):
        wide = [shape[at] for shape in shapes if len(shape) >= -at and shape[at] != 1]
        fixed = {n for n in wide if isinstance(n, int)}
        if len(fixed) > 1:
            return None
        out.append(next(iter([*fixed, *wide]), 1))
    return tuple(out)


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


def numbers(const: Const | None) -> list[int] | None:
    """Return a constant's integers; None if one of them is open or not an integer."""
    values = None if const is None else const.values
    if values is None:
        return None
    whole = [n for v in values if isinstance(v, (int, Open)) and (n := known(v)) is not None]
    return whole if len(whole) == len(values) else None


UNARY = (
    *("Abs", "Acos", "Asin", "Atan", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg", "Not", "Reciprocal", "Relu"),
    *("Round", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "Clip", "LeakyRelu", "Cast"),
    *("BatchNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization", "Softmax"),
    *("CumSum", "Trilu"),
)
"""Operators whose result has the shape of their first input."""
MET = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Mean", "Sum", "Equal", "Greater", "Less", "And", "Or"),
    *("GreaterOrEqual", "LessOrEqual", "Xor", "Where"),
)
REDUCED = tuple(
    [f"Reduce{kind}" for kind in ("Max", "Mean", "Sum", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp")]
)
MADE = (
    *(
        "Transpose",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Gather",
        "GatherElements",
        "Concat",
        "Slice",
        "Split",
    ),
    *("MatMul", "Gemm", "ArgMax", "ArgMin", "NonZero", "Size", "Shape", "ScatterND"),
    *("Range", "Expand", "Tile", "Identity", "QuantizeLinear", "EyeLike"),
    *("GatherND", "Einsum"),
)
"""Operators that onnx's own functions work out when an array is read: what they make is not much larger than that."""
SIZED = ("Expand", "Tile", "Range")
"""Operators whose result is as large as its inputs say: nothing is made unless that is known."""
EVALUATED = {*UNARY, *MET, *REDUCED, *MADE}


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
    return _evaluated(node, own, given, graph)


def _evaluated(node: GraphNode, own: list[Const], given: Inputs, graph: OnnxGraph) -> list[Const] | None:
    """Return the results of onnx's own functions for constants: few numbers now, whole arrays when read."""
    names = {name: one for name, one in zip(node.inputs, given, strict=False) if name and one is not None}
    largest = max(own, key=lambda one: (bool(one.roots), one.size))  # a shape may have more numbers than an array
    roots = {key: size for one in own if not one.filled for key, size in one.roots.items() if size > 1}
    origin = largest.origin if roots else "computed"  # from numbers only, like ranges

    def run() -> list[Any]:
        return evaluate(node, {name: one.read() for name, one in names.items()}, graph.opset)

    shape, cost = _shape(node, own, given), sum([one.cost for one in names.values()])
    if cost > MOST_NUMBERS_LATER + MADE_OF_ONE * sum(roots.values()) or (shape is None and node.op in SIZED):
        return None
    if shape is not None and prod(shape) > MOST_READ:
        kind = given[1].kind if node.op == "Where" and given[1] else largest.kind
        uniform = largest.uniform if len(own) == 1 and node.op != "Trilu" else lambda: False
        how: dict[str, Any] = {"origin": origin, "key": node.outputs[0], "uniform": uniform, "roots": roots}
        return [Const(shape, kind, lambda: run()[0], **how, cost=cost)]
    cost += NUMBERS_A_NODE + (_most_made(node, own) if shape is None else prod(shape))
    if cost > graph.numbers:
        return None
    graph.numbers -= cost
    try:
        made = run()
    except SpecError:
        return None
    if any(array is None for array in made):  # the operator lacks this output
        return None
    return [of_array(array, origin, out, roots) for array, out in zip(made, node.outputs, strict=False)]


def _shape(node: GraphNode, own: list[Const], given: Inputs) -> tuple[int, ...] | None:
    """Return the shape of a node's result if it is simple to determine."""
    first = own[0].shape
    if node.op in UNARY:
        return first
    if node.op in MET or node.op == "Expand":
        others = [numbers(given[1]) or ()] if node.op == "Expand" else [one.shape for one in own[1:]]
        met = broadcast(first, *others)
        return None if met is None else tuple([n for n in met if isinstance(n, int)])
    if node.op == "Concat":
        axis = node.axis("axis", len(first))
        rests = {(len(one.shape), *one.shape[:axis], *one.shape[axis + 1 :]) for one in own}
        return (*first[:axis], sum([one.shape[axis] for one in own]), *first[axis + 1 :]) if len(rests) == 1 else None
    if node.op == "Tile":
        times = numbers(given[1]) or []
        return tuple([n * t for n, t in zip(first, times, strict=True)]) if len(times) == len(first) else None
    return _length(own) if node.op == "Range" else None


def _most_made(node: GraphNode, own: Sequence[Const]) -> int:
    """Return an upper bound on the numbers that an operator makes or works on, if its result has its own shape."""
    first, *others = own
    if node.op in ("Einsum", "GatherND"):
        return prod([one.size for one in own])
    if node.op == "Gather":
        return prod([one.size for one in others]) * first.size // max(min(first.shape, default=1), 1)
    if node.op in ("MatMul", "Gemm"):
        shared = max(min([n for one in own for n in one.shape], default=1), 1)
        return prod([one.size for one in own[:2]]) // shared**2
    return MOST_SIZES * sum([one.size for one in own])


def _length(ends: list[Const]) -> tuple[int] | None:
    """Return the shape of a Range; None if its ends are not numbers."""
    values = [value for value in [one.scalar() for one in ends] if value is not None]
    if len(values) != 3 or not values[2]:
        return None
    count = (values[1] - values[0]) / values[2]
    return (max(ceil(count), 0),) if isfinite(count) else None


def evaluate(node: GraphNode, arrays: Mapping[str, Any], opset: int) -> list[Any]:
    """Return the results of onnx's reference implementation. Raise SpecError if it fails."""
    import warnings

    onnx = package()
    from onnx.reference import ReferenceEvaluator

    helper, info = onnx.helper, onnx.ValueInfoProto
    try:
        inputs, outputs = [info(name=name) for name in arrays], [info(name=name) for name in node.outputs if name]
        graph = helper.make_graph([node.proto], "folded", inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # overflow gives whatever the reference gives
            results = ReferenceEvaluator(model).run(None, dict(arrays))
        made = dict(zip([one.name for one in outputs], results, strict=True))
    except Exception as error:  # noqa: BLE001 - whatever NumPy and onnx raise for what does not fit
        raise node.wrong(f"its constants cannot be computed: {first_line(error)}") from None
    return [made.get(name) for name in node.outputs]
