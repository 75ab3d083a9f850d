"""Constants that onnx's own functions compute: small ones at once, larger ones when they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import ceil, isfinite, prod
from typing import Any

from ....errors import SpecError
from ....limits import MADE_OF_ONE, MOST_COMPARED, MOST_NUMBERS_LATER, MOST_READ, NUMBERS_A_NODE
from ....sizes import MOST_SIZES
from .const import Const, Inputs, Number, broadcast, first_line, numbers, of_array, package
from .model import GraphNode, OnnxGraph

UNARY = (
    *("Abs", "Acos", "Asin", "Atan", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg", "Not", "Reciprocal", "Relu"),
    *("Round", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "Clip", "LeakyRelu", "Cast"),
    *("BatchNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization", "Softmax"),
    *("CumSum", "Trilu"),
)
"""Operators whose result has the shape of their first input."""
COMPARED = ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual")
"""Operators that make truth values of numbers."""
MET = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Mean", "Sum", "And", "Or", "Xor", "Where"),
    *COMPARED,
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
    *("ArgMax", "ArgMin", "NonZero", "Size", "Shape", "ScatterND", "GatherND"),
    *("Range", "Expand", "Tile", "Identity", "QuantizeLinear", "EyeLike"),
)
"""Operators that onnx's own functions work out when an array is read: what they make is not much larger than that."""
PRODUCTS = ("MatMul", "Gemm", "Einsum")
SIZED = ("Expand", "Tile", "Range")
"""Operators whose result is as large as its inputs say: nothing is made unless that is known."""
EVALUATED = {*UNARY, *MET, *REDUCED, *MADE, *PRODUCTS}
LATER = (*REDUCED, "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal")
"""Operators that compute even few numbers only when they are read, if they are made of large arrays."""
WITHOUT_PRODUCTS = {
    *(*UNARY, *MET, *REDUCED, *MADE),
    *("Constant", "ConstantOfShape", "Pad", "Resize", "If", "Loop", "SequenceEmpty", "SequenceInsert", "SequenceAt"),
    *("ConcatFromSequence", "TopK", "NonMaxSuppression", "RoiAlign", "OneHot", "Compress", "ScatterElements"),
}
"""Operators without MACs."""


def evaluated(node: GraphNode, own: list[Const], given: Inputs, graph: OnnxGraph) -> list[Const] | None:
    """Return the results of onnx's own functions for constants: few numbers now, whole arrays when read."""
    names = {name: one for name, one in zip(node.inputs, given, strict=False) if name and one is not None}
    largest = max(own, key=lambda one: (bool(one.roots), one.size))  # a shape may have more numbers than an array
    roots = {key: size for one in own if not one.filled for key, size in one.roots.items() if size > 1}
    origin = largest.origin if roots else "computed"  # from numbers only, like ranges

    last = max([at + 1 for at, out in enumerate(node.outputs) if out and out in graph.uses], default=len(node.outputs))
    outputs = node.outputs[:last]

    def run() -> list[Any]:
        return evaluate(node, {name: one.read() for name, one in names.items()}, graph.opset, outputs)

    shape, cost = _shape(node, own, given), sum([one.cost for one in names.values()])
    if cost > MOST_NUMBERS_LATER + MADE_OF_ONE * sum(roots.values()) or (shape is None and node.op in SIZED):
        return None
    kind = "int" if node.op in COMPARED else given[1].kind if node.op == "Where" and given[1] else largest.kind
    uniform = largest.uniform if len(own) == 1 and node.op != "Trilu" else lambda: False
    how: dict[str, Any] = {"origin": origin, "key": node.outputs[0], "uniform": uniform, "roots": roots}
    if shape is not None and prod(shape) > MOST_READ:
        return [Const(shape, kind, lambda: run()[0], **how, cost=cost)]
    spent = cost + NUMBERS_A_NODE + (_most_made(node, own) if shape is None else prod(shape))
    if shape is not None and roots and node.op in LATER and cost > MOST_COMPARED:
        once = cache(run)

        def few() -> list[Number] | None:
            made = _now(once, spent, graph)
            return None if made is None else of_array(made[0], origin).values

        return [Const(shape, kind, lambda: once()[0], few, **how, cost=cost)]
    made = _now(run, spent, graph)
    if made is None:
        return None
    return [of_array(array, origin, out, roots) for array, out in zip(made, outputs, strict=True)]


def _now(run: Callable[[], list[Any]], spent: int, graph: OnnxGraph) -> list[Any] | None:
    """Return all results of a node; None if one is missing, or if the graph may not compute as many numbers more."""
    if spent > graph.numbers:
        return None
    graph.numbers -= spent
    try:
        made = run()
    except SpecError:
        return None
    return None if any(array is None for array in made) else made


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
    return _length(own) if node.op == "Range" else _reduced(node, first, given) if node.op in REDUCED else None


def _reduced(node: GraphNode, shape: tuple[int, ...], given: Inputs) -> tuple[int, ...] | None:
    """Return the shape of a reduction's result; None if its axes are unknown or impossible."""
    rank, keep = len(shape), node.whole("keepdims", 1)
    axes = node.ints("axes") if node.has("axes") else numbers(given[1]) if node.input(1) else []
    if axes is None or any(not -rank <= axis < rank for axis in axes):
        return None
    if not axes and not node.whole("noop_with_empty_axes"):
        axes = [*range(rank)]
    gone = {axis % rank for axis in axes}
    return tuple([1 if at in gone else n for at, n in enumerate(shape) if keep or at not in gone])


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


def evaluate(node: GraphNode, arrays: Mapping[str, Any], opset: int, outputs: Sequence[str]) -> list[Any]:
    """Return the first outputs of a node by onnx's reference implementation, None for one left out.

    An operator of an old operator set may have further outputs that the implementation lacks. Raise SpecError if it
    fails.
    """
    import warnings

    onnx = package()
    from onnx.reference import ReferenceEvaluator

    helper, info = onnx.helper, onnx.ValueInfoProto
    try:
        inputs, wanted = [info(name=name) for name in arrays], [info(name=name) for name in outputs if name]
        graph = helper.make_graph([node.proto], "folded", inputs, wanted)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # overflow gives whatever the reference gives
            results = ReferenceEvaluator(model).run(None, dict(arrays))
        made = dict(zip([one.name for one in wanted], results, strict=True))
    except Exception as error:  # noqa: BLE001 - whatever NumPy and onnx raise for what does not fit
        raise node.wrong(f"its constants cannot be computed: {first_line(error)}") from None
    return [made.get(name) for name in outputs]
