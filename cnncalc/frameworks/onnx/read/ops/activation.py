"""Functions of each value alone, and softmax (onnx/defs/math/defs.cc)."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from typing import Any

from .....layers.names import ONNX
from .....registry import Registry
from .....sizes import LARGEST, known
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode

KEPT = (
    *("BitwiseNot", "Hardmax", "IsInf", "IsNaN", "MeanVarianceNormalization", "Not", "ThresholdedRelu"),
    *("Trilu", "QuantizeLinear", "DequantizeLinear", "Bernoulli", "EyeLike"),
    *("RandomNormalLike", "RandomUniformLike", "ReverseSequence", "ScatterElements", "ScatterND", "Scatter"),
)
"""The operators that keep their input's shape, and have no layer here."""

HANDLERS: Registry[str, Handler] = Registry()


def keyed(op: str, keys: Callable[[GraphNode], dict[str, Any] | None] | None = None) -> Handler:
    """Return the handler of an op with these keys, by default its attributes renamed; opaque where they are None."""

    def handle(b: GraphReader, node: GraphNode) -> None:
        x, own = b.first(node), keys(node) if keys else node.renamed(ONNX[op])
        if own is None:
            raise OpaqueNode(b.full(x))
        b.make(node, op, x, own)

    return handle


@HANDLERS.register(*KEPT)
def kept(b: GraphReader, node: GraphNode) -> None:
    """Read an operator of which only the shape is known, which is its input's."""
    raise OpaqueNode(b.full(b.first(node)))


def _hardsigmoid(node: GraphNode) -> dict[str, Any] | None:
    return node.renamed(ONNX["hardsigmoid"]) if node.number("beta", 0.5) == 0.5 else None


def _selu(node: GraphNode) -> dict[str, Any] | None:
    alpha, gamma = node.number("alpha", 1.6732632), node.number("gamma", 1.050701)
    return {} if abs(alpha - 1.6732632) < 1e-4 and abs(gamma - 1.0507) < 1e-4 else None


_RENAMED = ("relu", "sigmoid", "tanh", "softplus", "softsign", "mish", "hardswish", "exp", "identity", "leakyrelu")
_FUNCTIONS = (
    *("abs", "neg", "sqrt", "reciprocal", "log", "floor", "ceil", "round", "sign", "erf", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"),
)


def _shrink(b: GraphReader, node: GraphNode) -> None:
    """Read a Shrink that moves what is left by lambd, or by nothing."""
    lambd, bias = node.number("lambd", 0.5), node.number("bias", 0.0)
    if bias not in (0, lambd):
        raise OpaqueNode(b.full(b.first(node)))
    b.make(node, "softshrink" if bias else "hardshrink", b.first(node), {"lambd": lambd})


HANDLERS.update(
    {ONNX[op].word: keyed(op) for op in (*_RENAMED, *_FUNCTIONS, "elu", "celu")},
    {"Shrink": _shrink},
    dict.fromkeys(("Cast", "CastLike"), keyed("identity")),
    {
        "Swish": keyed("silu", lambda node: {} if node.number("alpha", 1.0) == 1.0 else None),
        "Selu": keyed("selu", _selu),
        "HardSigmoid": keyed("hardsigmoid", _hardsigmoid),
        "Gelu": keyed("gelu", lambda node: {"approximate": node.text("approximate", "none") == "tanh"}),
    },
)


@HANDLERS.register("LpNormalization")
def normalize(b: GraphReader, node: GraphNode) -> None:
    """Read a division by the norm along an axis."""
    x, full = b.known(node)
    axis = b.axis(node.whole("axis", -1), len(full))
    if axis == 0:
        raise OpaqueNode(full)
    b.make(node, "normalize", x, {"axis": [axis], "norm": node.whole("p", 2)})


@HANDLERS.register("CumSum")
def cumsum(b: GraphReader, node: GraphNode) -> None:
    """Read a sum of all values up to each, itself included."""
    x, full = b.known(node)
    axis = b.scalar(node.input(1))
    if not isinstance(axis, int) or node.whole("exclusive") or node.whole("reverse"):
        raise OpaqueNode(full)
    along = b.axis(axis, len(full))
    if along == 0:
        raise OpaqueNode(full)
    b.make(node, "cumsum", x, {"axis": along})


@HANDLERS.register("Softmax", "LogSoftmax")
def softmax(b: GraphReader, node: GraphNode) -> None:
    """Read it along one axis; before operator set 13 it was along all from `axis` on, the same if the rest are 1."""
    x, full = b.known(node)
    old = b.graph.opset < 13
    axis = b.axis(node.whole("axis", 1 if old else -1), len(full))
    if axis == 0 or (old and any(n != 1 for n in x.shape[axis:])):
        raise OpaqueNode(full)
    b.make(node, node.op.lower(), x, {"axis": axis})


@HANDLERS.register("Clip")
def clip(b: GraphReader, node: GraphNode) -> None:
    """Read bounds from attributes (to operator set 6), or from inputs; 0 and 6 are ReLU6."""
    x = b.first(node)
    bounds: list[float | int | None] = []
    for at, name in ((1, "min"), (2, "max")):
        bound = node.number(name) if node.has(name) else b.scalar(node.input(at))
        if bound is None and node.input(at):
            raise OpaqueNode(b.full(x))
        bounds.append(None if bound is None or isinf(bound) or abs(bound) > LARGEST else bound)
    if bounds == [0, 6]:
        b.make(node, "relu6", x)
    else:
        b.make(node, "clip", x, {"min": bounds[0], "max": bounds[1]})


@HANDLERS.register("PRelu")
def prelu(b: GraphReader, node: GraphNode) -> None:
    """Read slopes that meet a sample from its last axis on: one, one a channel, or one a unit but along axes of 1."""
    x, full = b.known(node)
    slope = b.param(node, 1)
    if slope is None:
        raise OpaqueNode(full)
    sizes = slope.aligned(len(full))[b.batched :]
    if len(sizes) != len(x.shape) or any(n not in (1, known(have)) for n, have in zip(sizes, x.shape, strict=True)):
        raise OpaqueNode(full, params=slope.size)
    if slope.size in (1, sizes[0]):
        b.make(node, "prelu", x, {"num_parameters": slope.size}, {"weight": slope.reshaped((slope.size,))})
    else:
        shared = [at for at, n in enumerate(sizes, 1) if n == 1]
        b.make(node, "prelu", x, {"shared_axes": shared}, {"weight": slope.reshaped(sizes)})


@HANDLERS.register("Dropout")
def dropout(b: GraphReader, node: GraphNode) -> None:
    """Read its rate, which does nothing once the network is trained."""
    rate = node.number("ratio", 0.5) if b.const(node.input(1)) is None else b.scalar(node.input(1))
    b.make(node, "dropout", b.first(node), {} if rate is None or not 0 <= rate <= 1 else {"rate": rate})
