"""Matrix products: Gemm, and MatMul with a constant, are linear layers (onnx/defs/math/defs.cc)."""

from __future__ import annotations

from .....registry import Registry
from .....sizes import Size, count, known, show
from ..const import Const
from ..fold import broadcast
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, needed

HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("Gemm")
def gemm(b: GraphReader, node: GraphNode) -> None:
    """Read alpha*A*B + beta*C, B (in, out) or with transB (out, in), C a bias."""
    x, weight = b.first(node), needed(b.param(node, 1))
    if len(weight.shape) != 2 or node.whole("transA"):
        raise OpaqueNode(known=False)
    weight = weight if node.whole("transB") else transposed(weight)
    out, c_i = weight.shape
    bias = bias_of(b.param(node, 2), out)
    weights = {
        "weight": times(weight, node.number("alpha", 1.0)),
        "bias": bias and times(bias, node.number("beta", 1.0)),
    }
    b.make(node, "linear", x, {"c_i": c_i, "out": out, "bias": bias is not None}, weights)


def bias_of(const: Const | None, out: int) -> Const | None:
    """Return C as one number for each output. OpaqueNode if it is one for each sample."""
    if const is None or const.shape == (out,):
        return const
    if const.size == out:
        return const.reshaped((out,))
    if const.size == 1:
        return const.derived((out,), lambda a: a.reshape(-1).repeat(out), f"{out} times")
    raise OpaqueNode(known=False)


def transposed(weight: Const) -> Const:
    """Return a matrix transposed."""
    return weight.derived(weight.shape[::-1], lambda a: a.T, "transposed [1, 0]")


def times(const: Const, factor: float) -> Const:
    """Return a constant times a number."""
    return const if factor == 1 else const.derived(const.shape, lambda a: a * a.dtype.type(factor), f"times {factor}")


@HANDLERS.register("MatMul")
def matmul(b: GraphReader, node: GraphNode) -> None:
    """Read a product with a constant matrix as a linear layer; of others the shape and the MACs (numpy.matmul)."""
    if not node.input(1):
        raise node.wrong("has no second input")
    weight = b.const(node.input(1))
    if weight is not None and len(weight.shape) == 2 and b.const(node.input(0)) is None:
        c_i, out = weight.shape
        keys = {"c_i": c_i, "out": out, "bias": False}
        b.make(node, "linear", b.first(node), keys, {"weight": transposed(weight)})
        return
    first, second = [b.full_of(name) for name in node.inputs[:2]]
    if not first or not second:
        raise OpaqueNode(known=False)
    front = broadcast(first[:-2], second[:-2])
    if front is None:
        raise node.wrong(f"{show(first)} and {show(second)} cannot be multiplied")
    out_shape: list[Size] = [*front, *first[-2:-1], *(second[-1:] if len(second) > 1 else ())]
    own = [known(n) for n in out_shape[b.batched :]]
    raise OpaqueNode(out_shape, macs=count(*own, first[-1]))
