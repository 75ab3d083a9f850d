"""Matrix products: Gemm, and MatMul with a constant, are linear layers (onnx/defs/math/defs.cc)."""

from __future__ import annotations

from .....registry import Registry
from .....sizes import Size, count, known, show
from ..const import Const
from ..fold import broadcast
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Gemm")
def gemm(b: GraphReader, node: GraphNode) -> None:
    """alpha*A*B + beta*C, B (in, out) or with transB (out, in), C a bias."""
    x, weight = b.first(node), b.param(node, 1)
    if weight is None or len(weight.shape) != 2:
        raise OpaqueNode(known=False)
    if node.whole("transA"):
        raise OpaqueNode(known=False)
    weight = weight if node.whole("transB") else transposed(weight)
    out, _ = weight.shape
    bias = bias_of(b.param(node, 2), out)
    keys = {"c_i": weight.shape[1], "out": out, "bias": bias is not None}
    arrays = {
        "weight": times(weight, node.number("alpha", 1.0)),
        "bias": bias and times(bias, node.number("beta", 1.0)),
    }
    b.make(node, "linear", x, keys, arrays)


def bias_of(const: Const | None, out: int) -> Const | None:
    """C as one number for each output. OpaqueNode if it is one for each sample."""
    if const is None or const.shape == (out,):
        return const
    if const.size == out:
        return const.derived((out,), lambda a: a.reshape(-1), "in a row")
    if const.size == 1:
        return const.derived((out,), lambda a: a.reshape(-1).repeat(out), f"{out} times")
    raise OpaqueNode(known=False)


def transposed(weight: Const) -> Const:
    """A matrix turned."""
    return weight.derived((weight.shape[1], weight.shape[0]), lambda a: a.T, "transposed [1, 0]")


def times(const: Const, factor: float) -> Const:
    """A constant times a number."""
    return const if factor == 1 else const.derived(const.shape, lambda a: a * a.dtype.type(factor), f"times {factor}")


@HANDLERS.register("MatMul")
def matmul(b: GraphReader, node: GraphNode) -> None:
    """With a constant matrix a linear layer; of two that are made, what its shape and its products are."""
    second = node.input(1)
    if not second:
        raise node.wrong("has no second input")
    weight = b.const(second)
    if weight is None or len(weight.shape) != 2 or b.const(node.input(0)) is not None:
        raise _product(b, node)
    x = b.first(node)
    b.make(
        node,
        "linear",
        x,
        {"c_i": weight.shape[0], "out": weight.shape[1], "bias": False},
        {"weight": transposed(weight)},
    )


def _product(b: GraphReader, node: GraphNode) -> OpaqueNode:
    """The shape of a product of matrices, and how many multiply-accumulates it takes (numpy.matmul)."""
    shapes = []
    for name in node.inputs[:2]:
        const = b.const(name)
        full = const.shape if const is not None else b.full(b.value(name))
        if full is None or not full:
            return OpaqueNode(known=False)
        shapes.append(tuple(full))
    first, second = shapes
    rows, columns = (first[-2:-1], second[-1:] if len(second) > 1 else ())
    front = broadcast(first[:-2], second[:-2])
    if front is None:
        raise node.wrong(f"{show(first)} and {show(second)} cannot be multiplied")
    out: list[Size] = [*front, *rows, *columns]
    params = sum(c.size for c in map(b.const, node.inputs) if c is not None and c.origin == "initialiser")
    own = [known(n) for n in (out[1:] if b.batched else out)]
    return OpaqueNode(out, params=params, macs=count(*own, first[-1]))
