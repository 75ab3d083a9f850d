"""Functions of each value alone, and softmax (onnx/defs/math/defs.cc)."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from typing import Any

from .....layers.names import ONNX
from .....registry import Registry
from .....sizes import LARGEST, known
from ..const import Const
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode

KEPT = (
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Cos", "Cosh", "CumSum", "Erf"),
    *("Floor", "Hardmax", "IsInf", "IsNaN", "Log", "LogSoftmax", "MeanVarianceNormalization", "Not", "Reciprocal"),
    *("Round", "Shrink", "Sign", "Sin", "Sinh", "Sqrt", "Tan", "ThresholdedRelu", "LpNormalization", "Trilu"),
    *("QuantizeLinear", "DequantizeLinear", "Bernoulli", "EyeLike", "RandomNormalLike", "RandomUniformLike"),
    *("ReverseSequence", "ScatterElements", "ScatterND", "Scatter"),
)
"""What keeps its input's shape, and has no layer here."""

HANDLERS: Registry[str, Handler] = Registry()


def by_name(op: str) -> Handler:
    """An op whose attributes are only renamed."""

    def handle(b: GraphReader, node: GraphNode) -> None:
        b.make(node, op, b.first(node), node.renamed(ONNX[op]))

    return handle


def keyed(op: str, keys: Callable[[GraphNode], dict[str, Any] | None]) -> Handler:
    """A function with the keys that its attributes say; None for what the op cannot say."""

    def handle(b: GraphReader, node: GraphNode) -> None:
        x, own = b.first(node), keys(node)
        if own is None:
            raise OpaqueNode(b.full(x))
        b.make(node, op, x, own)

    return handle


def kept(b: GraphReader, node: GraphNode) -> None:
    """Only its shape is known, which is its input's."""
    raise OpaqueNode(b.full(b.first(node)))


def _hardsigmoid(node: GraphNode) -> dict[str, Any] | None:
    return node.renamed(ONNX["hardsigmoid"]) if node.number("beta", 0.5) == 0.5 else None


def _selu(node: GraphNode) -> dict[str, Any] | None:
    alpha, gamma = node.number("alpha", 1.6732632), node.number("gamma", 1.050701)
    return {} if abs(alpha - 1.6732632) < 1e-4 and abs(gamma - 1.0507) < 1e-4 else None


@HANDLERS.register("Softmax")
def softmax(b: GraphReader, node: GraphNode) -> None:
    """Along one axis; before operator set 13 along all from one on, flattened, which is the same where those are 1."""
    x, full = b.known(node)
    old = b.graph.opset < 13
    axis = node.whole("axis", 1 if old else -1)
    ours = b.axis(axis, len(full))
    after = x.shape[ours:]
    if ours == 0 or (old and any(n != 1 for n in after)):
        raise OpaqueNode(full)
    b.make(node, "softmax", x, {"axis": ours})


@HANDLERS.register("Clip")
def clip(b: GraphReader, node: GraphNode) -> None:
    """Bounds from attributes (to operator set 6), or from inputs; 0 and 6 are ReLU6."""
    x = b.first(node)
    bounds: list[float | int | None] = []
    for at, name in ((1, "min"), (2, "max")):
        bound = node.number(name) if node.has(name) else _input_bound(b, node, at)
        bounds.append(None if bound is None or isinf(bound) or abs(bound) > LARGEST else bound)
    if bounds == [0, 6]:
        b.make(node, "relu6", x)
    else:
        b.make(node, "clip", x, {"min": bounds[0], "max": bounds[1]})


def _input_bound(b: GraphReader, node: GraphNode, at: int) -> float | int | None:
    if not node.input(at):
        return None
    const = b.const(node.input(at))
    bound = None if const is None else const.scalar()
    if bound is None:
        raise OpaqueNode(b.full(b.first(node)))
    return bound


@HANDLERS.register("PRelu")
def prelu(b: GraphReader, node: GraphNode) -> None:
    """Slopes that meet a sample from its last axis on: one, one a channel, or one a unit but along axes of 1."""
    x, full = b.known(node)
    slope = b.param(node, 1)
    shape = slope.shape if slope is not None else ()
    sample = shape[1:] if len(shape) == len(full) and b.batched else shape
    sizes = (1,) * (len(x.shape) - len(sample)) + tuple(sample)
    fits = len(sizes) == len(x.shape) and all(n in (1, known(have)) for n, have in zip(sizes, x.shape, strict=True))
    if slope is None or not fits:
        raise OpaqueNode(full, params=slope.size if slope is not None else 0)
    if slope.size in (1, sizes[0]):
        b.make(node, "prelu", x, {"num_parameters": slope.size}, {"weight": _flat(slope)})
        return
    shared = [at for at, n in enumerate(sizes, 1) if n == 1]
    b.make(node, "prelu", x, {"shared_axes": shared}, {"weight": slope.derived(sizes, lambda a: a.reshape(sizes))})


def _flat(const: Const) -> Const:
    return const.derived((const.size,), lambda a: a.reshape(-1), "in a row")


@HANDLERS.register("Dropout")
def dropout(b: GraphReader, node: GraphNode) -> None:
    """Nothing, once trained."""
    const = b.const(node.input(1))
    rate = const.scalar() if const is not None else node.number("ratio", 0.5)
    b.make(node, "dropout", b.first(node), {} if rate is None or not 0 <= rate <= 1 else {"rate": rate})


HANDLERS.register(*KEPT)(kept)
HANDLERS.update(
    {ONNX[op].word: by_name(op) for op in ("relu", "sigmoid", "tanh", "softplus", "softsign", "mish", "hardswish")},
    {ONNX[op].word: by_name(op) for op in ("exp", "identity", "leakyrelu", "elu")},
    dict.fromkeys(("Cast", "CastLike"), by_name("identity")),
    {
        "Celu": keyed("elu", lambda node: {"alpha": 1.0} if node.number("alpha", 1.0) == 1.0 else None),
        "Swish": keyed("silu", lambda node: {} if node.number("alpha", 1.0) == 1.0 else None),
        "Selu": keyed("selu", _selu),
        "HardSigmoid": keyed("hardsigmoid", _hardsigmoid),
        "Gelu": keyed("gelu", lambda node: {"approximate": node.text("approximate", "none") == "tanh"}),
        "Neg": keyed("rescale", lambda _: {"factor": -1}),
    },
)
