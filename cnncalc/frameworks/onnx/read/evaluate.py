"""Constants that onnx's own functions compute: small ones at once, larger ones when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite, prod
from typing import Any

from ....errors import SpecError
from ....limits import MADE_OF_ONE, MOST_NUMBERS_LATER, MOST_READ, NUMBERS_A_NODE
from ....sizes import MOST_SIZES
from .const import Const, Inputs, broadcast, first_line, numbers, of_array, package
from .model import GraphNode, OnnxGraph

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


def evaluated(node: GraphNode, own: list[Const], given: Inputs, graph: OnnxGraph) -> list[Const] | None:
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
