"""Constants folded as far as shapes need: Shape, Gather, Concat and their kind on small lists of sizes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, isfinite, prod, sqrt

from ....errors import SpecError
from ....registry import Registry
from ....sizes import LARGEST, Open, known
from .const import INITIALISER, MOST_READ, Const, Number, of_tensor, of_values
from .model import GraphNode, OnnxGraph

MOST_MADE = 1 << 29
"""The most numbers of a constant that a node makes of one, when they are read."""
Inputs = Sequence[Const | None]
"""A node's inputs: None for one that is left out, or not a constant, and behind the last."""
Fold = Callable[[GraphNode, Const, Inputs, OnnxGraph], Const | None]
"""The constant that a node makes of constants, the first of them apart; None if that is not worked out."""
FOLDS: Registry[str, Fold] = Registry()


@FOLDS.register("Identity")
def _identity(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    """The same again; another parameter, where it was one: exporters make one of two that hold equal numbers."""
    return Const(source.shape, source.kind, source.read, lambda: source.values, origin=source.origin)


@FOLDS.register("Cast")
def _cast(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    from .const import FLOATS, package

    to = node.whole("to")
    kind = "float" if to in FLOATS else "int"

    def read() -> object:
        return source.read().astype(package().helper.tensor_dtype_to_np_dtype(to))

    def values() -> list[Number] | None:
        have = source.values
        if have is None or kind == "float":
            return have
        if not all(isfinite(v) for v in have if isinstance(v, float)):
            return None
        return [int(v) if isinstance(v, float) else v for v in have]

    return Const(source.shape, kind, read, values, origin=source.origin, key=source.key, uniform=source.uniform)


def _constant(node: GraphNode, graph: OnnxGraph) -> Const | None:
    tensor = node.tensor("value")
    if tensor is not None:
        return of_tensor(tensor, "constant", graph.folder, node.outputs[0] if node.outputs else None)
    for name, kind in (("value_int", "int"), ("value_float", "float")):
        if node.has(name):
            return of_values([node.whole(name) if kind == "int" else node.number(name)], (), kind)
    ints, floats = node.ints("value_ints"), node.floats("value_floats")
    listed: Sequence[Number] | None = ints if ints is not None else floats
    return None if listed is None else of_values(listed, (len(listed),), "float" if ints is None else "int")


@FOLDS.register("ConstantOfShape")
def _constant_of_shape(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    """One number again and again; many floats stand for weights, as in the files that come with onnx."""
    sizes = numbers(source)
    if sizes is None or min(sizes, default=1) < 0:
        return None
    tensor = node.tensor("value")
    fill = of_tensor(tensor, "constant", None) if tensor is not None else of_values([0.0], (1,), "float")
    value, size, shape = fill.scalar(), prod(sizes), tuple(sizes)
    if value is None:
        return None
    if size <= 1 or fill.kind != "float":
        return of_values([value] * size, shape, fill.kind) if size <= MOST_READ else None

    def read() -> object:
        if size > MOST_MADE:
            raise SpecError(f"a constant of {size:,} numbers is more than can be made")
        return fill.read().reshape(-1).repeat(size).reshape(shape)

    values: list[Number] | None = [value] * size if size <= MOST_READ else None
    return Const(shape, fill.kind, read, values, origin=INITIALISER, key=node.outputs[0])


@FOLDS.register("Transpose")
def _transpose(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    perm = node.ints("perm")
    perm = list(range(len(source.shape)))[::-1] if perm is None else perm
    if sorted(perm) != list(range(len(source.shape))):
        raise node.wrong(f"perm is {perm}, and the input has {len(source.shape)} axes")
    return source.derived(tuple([source.shape[p] for p in perm]), lambda a: a.transpose(perm), f"transposed {perm}")


@FOLDS.register("Reshape")
def _reshape(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    wanted = integers(node, "shape", given, 1)
    if wanted is None:
        return None
    shape = [source.shape[at] if n == 0 and at < len(source.shape) else n for at, n in enumerate(wanted)]
    rest = prod(n for n in shape if n != -1)
    shape = [source.size // max(rest, 1) if n == -1 else n for n in shape]
    return _in_shape(source, tuple(shape)) if prod(shape) == source.size and min(shape, default=1) >= 0 else None


def _in_shape(source: Const, shape: tuple[int, ...]) -> Const:
    reshaped = source.derived(shape, lambda a: a.reshape(shape), f"as {shape}")
    return Const(
        shape,
        source.kind,
        reshaped.read,
        lambda: source.values,
        origin=source.origin,
        key=reshaped.key,
        uniform=source.uniform,
    )


def axes_of(node: GraphNode, given: Inputs, rank: int) -> list[int] | None:
    """The axes of an attribute, or of the second input, from 0 on; None if they are not given, or not known."""
    axes = integers(node, "axes", given, 1)
    return None if axes is None else [a + rank if a < 0 else a for a in axes]


@FOLDS.register("Unsqueeze")
def _unsqueeze(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    rank = len(source.shape) + len(integers(node, "axes", given, 1) or [])
    axes = axes_of(node, given, rank)
    if axes is None or len(set(axes)) < len(axes) or any(not 0 <= a < rank for a in axes):
        return None
    rest = iter(source.shape)
    return _in_shape(source, tuple([1 if at in axes else next(rest) for at in range(rank)]))


@FOLDS.register("Squeeze")
def _squeeze(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    axes = axes_of(node, given, len(source.shape))
    if axes is None:
        axes = [at for at, n in enumerate(source.shape) if n == 1]
    return _in_shape(source, tuple([n for at, n in enumerate(source.shape) if at not in axes]))


@FOLDS.register("Gather")
def _gather(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    at = given[1]
    values, places = source.values, numbers(at)
    if at is None or values is None or places is None or len(source.shape) != 1:
        return None
    if node.whole("axis") not in (0, -1) or any(not -len(values) <= p < len(values) for p in places):
        return None
    return of_values([values[p] for p in places], at.shape, source.kind)


@FOLDS.register("Concat")
def _concat(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    joined: list[Number] = []
    for one in given[: len(node.inputs)]:
        values = None if one is None else one.values
        if one is None or values is None or len(one.shape) != 1:
            return None
        joined += values
    kind = "float" if any(one and one.kind == "float" for one in given) else "int"
    return of_values(joined, (len(joined),), kind)


@FOLDS.register("Slice")
def _slice(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    parts, values = slices_of(node, given), source.values
    if values is None or parts is None or len(source.shape) != 1 or len(parts) != 1:
        return None
    _, start, stop, step = parts[0]
    kept = values[start:stop:step] if step else []
    return of_values(kept, (len(kept),), source.kind)


def slices_of(node: GraphNode, given: Inputs) -> list[tuple[int, int, int, int]] | None:
    """(axis, start, stop, step) of each axis that a Slice cuts; None if they are not constants."""
    starts, stops = integers(node, "starts", given, 1), integers(node, "ends", given, 2)
    if starts is None or stops is None:
        return None
    axes, steps = integers(node, "axes", given, 3), integers(node, "steps", given, 4)
    if (axes is None and node.input(3)) or (steps is None and node.input(4)):
        return None
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(stops) == len(axes) == len(steps):
        raise node.wrong("starts, ends, axes and steps have different lengths")
    return list(zip(axes, starts, stops, steps, strict=True))


@FOLDS.register("Range")
def _range(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    ends = [None if one is None else one.scalar() for one in given[:3]]
    if not all(isinstance(n, int) for n in ends):
        return None
    start, stop, step = [n for n in ends if isinstance(n, int)]
    if step == 0 or (stop - start) // step > MOST_READ:
        return None
    places = list(range(start, stop, step))
    return of_values(places, (len(places),), "int")


@FOLDS.register("Expand")
def _expand(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    sizes, value = numbers(given[1]), source.scalar()
    if sizes is None or value is None or not 0 <= prod(sizes) <= MOST_READ or min(sizes, default=1) < 0:
        return None
    return of_values([value] * prod(sizes), tuple(sizes), source.kind)


def _quotient(a: Number, b: Number) -> Number:
    """Integers are cut off towards zero, as C++ does."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b  # type: ignore[operator]
    if isinstance(a, Open) or isinstance(b, Open):
        return a // b  # type: ignore[operator]
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


ELEMENTWISE: dict[str, Callable[..., Number]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": _quotient,
    "Mod": operator.mod,
    "Min": lambda *v: min(v),
    "Max": lambda *v: max(v),
    "Equal": lambda a, b: int(a == b),
    "Greater": lambda a, b: int(a > b),
    "Less": lambda a, b: int(a < b),
    "GreaterOrEqual": lambda a, b: int(a >= b),
    "LessOrEqual": lambda a, b: int(a <= b),
    "And": lambda a, b: int(bool(a) and bool(b)),
    "Or": lambda a, b: int(bool(a) or bool(b)),
    "Not": lambda a: int(not a),
    "Where": lambda c, a, b: a if c else b,
    "Neg": operator.neg,
    "Abs": abs,
    "Floor": lambda a: float(floor(a)),
    "Ceil": lambda a: float(ceil(a)),
    "Sqrt": sqrt,
}
_FLAGS = {"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Not"}
_ON_ARRAYS = {"Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Div": operator.truediv}


@FOLDS.register(*ELEMENTWISE)
def _elementwise(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    """Number by number, where one is as long as another, or of one number."""
    consts = [one for one in given if one is not None]
    shape = broadcast(*[one.shape for one in consts])
    if shape is None or len(consts) < len(node.inputs):
        return None
    rows = [one.values for one in consts]
    size = prod(n for n in shape if isinstance(n, int))  # constants have no open sizes
    if any(row is None or len(row) not in (1, size) for row in rows) or size > MOST_READ:
        return _lazily(node, consts, shape)
    columns = [row * size if len(row) == 1 and size != 1 else row for row in rows if row is not None]
    try:
        results = [ELEMENTWISE[node.op](*column) for column in zip(*columns, strict=True)]
    except (TypeError, ZeroDivisionError, ValueError, OverflowError):  # what an open size does not do
        return None
    if any(isinstance(v, int) and abs(v) > LARGEST for v in results):
        return None
    kind = "int" if node.op in _FLAGS else consts[-1].kind
    return of_values(results, tuple([n for n in shape if isinstance(n, int)]), kind)


def _lazily(node: GraphNode, consts: Sequence[Const], shape: Sequence[object]) -> Const | None:
    """The same of large arrays, worked out when they are read."""
    if node.op not in _ON_ARRAYS or len(consts) != 2 or consts[0].kind != "float":
        return None
    first, second = consts
    sizes = tuple([n for n in shape if isinstance(n, int)])
    origin = max(consts, key=lambda one: one.size).origin
    return Const(sizes, "float", lambda: _ON_ARRAYS[node.op](first.read(), second.read()), origin=origin)


def broadcast(*shapes: Sequence[int | Open]) -> tuple[int | Open, ...] | None:
    """The shape that these come to when each is repeated to meet the others; None if they do not go together."""
    rank = max(map(len, shapes), default=0)
    out = []
    for at in range(-rank, 0):
        sizes = [shape[at] for shape in shapes if len(shape) >= -at]
        wide = [n for n in sizes if n != 1]
        fixed = {n for n in wide if isinstance(n, int)}
        if len(fixed) > 1:
            return None
        out.append(fixed.pop() if fixed else wide[0] if wide else 1)
    return tuple(out)


@FOLDS.register("ReduceProd")
def _product(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    values = source.values
    if values is None or not all(isinstance(v, int) for v in values):
        return None
    product = prod(v for v in values if isinstance(v, int))
    keep = node.whole("keepdims", 1)
    return of_values([product], (1,) if keep else (), "int")


@FOLDS.register("DequantizeLinear")
def _dequantised(node: GraphNode, source: Const, given: Inputs, graph: OnnxGraph) -> Const | None:
    """A weight kept as integers: (w - zero)*scale."""
    scale, zero = given[1:3]
    if scale is None:
        return None
    axis, rank = node.whole("axis", 1), len(source.shape)

    def read() -> object:
        across = [-1 if at == axis % max(rank, 1) else 1 for at in range(rank)] if scale.shape else ()
        factor = scale.read().reshape(across)
        whole = source.read().astype(factor.dtype)
        return (whole - zero.read().reshape(across) if zero is not None else whole) * factor

    return Const(source.shape, "float", read, origin=source.origin)


def inputs_of(node: GraphNode, constants: Mapping[str, Const]) -> Inputs:
    """A node's inputs as constants."""
    return [*[constants.get(name) for name in node.inputs], *[None] * 5]


def integers(node: GraphNode, name: str, given: Inputs, at: int) -> list[int] | None:
    """Whole numbers from an attribute, as old operator sets have them, or from an input; None if they are not known."""
    return node.ints(name) if node.has(name) else numbers(given[at])


def numbers(const: Const | None) -> list[int] | None:
    """A constant's whole numbers, None if one of them is open or no whole number."""
    values = None if const is None else const.values
    if values is None:
        return None
    whole = [known(v) if isinstance(v, (int, Open)) else None for v in values]
    listed = [n for n in whole if n is not None]
    return listed if len(listed) == len(values) else None


def fold(node: GraphNode, constants: dict[str, Const], graph: OnnxGraph) -> Const | None:
    """The constant that a node makes, None if it reads anything else, or if that is not computed."""
    if node.op == "Constant":
        return _constant(node, graph)
    how = FOLDS.get(node.op)
    if how is None or any(name and name not in constants for name in node.inputs):
        return None
    given = inputs_of(node, constants)
    return how(node, given[0], given, graph) if given[0] is not None else None
