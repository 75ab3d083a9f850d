"""Operators that onnxruntime writes when optimizing a file, and attention (onnxruntime, docs/ContribOperators.md)."""

from __future__ import annotations

from copy import copy
from typing import Any

from .....errors import SpecError
from .....registry import Registry
from ....values import Handle
from ..broadcasting import join, operands
from ..const import Const
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler
from . import activation, norm, pool
from .conv import convolved
from .dense import linear, multiplied, plus, transposed

BLOCKED = "com.microsoft.nchwc."
ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "LeakyRelu": "leakyrelu", "Clip": "clip"}
ACTIVATIONS |= {"HardSigmoid": "hardsigmoid"}
HANDLERS: Registry[str, Handler] = Registry()


def _activated(b: GraphReader, node: GraphNode, x: Handle) -> Handle:
    """Return a value after the function that ends a fused node."""
    word = node.text("activation")
    if not word:
        return x
    params = node.floats("activation_params") or []
    keys: dict[str, Any] = {}
    if word == "LeakyRelu":
        keys = {"alpha": params[0] if params else 0.01}
    elif word == "Clip":
        keys = dict(zip(("min", "max"), params, strict=False))
    elif word == "HardSigmoid":
        if params[1:] not in ([], [0.5]):
            raise OpaqueNode(known=False)
        keys = {"alpha": params[0] if params else 0.2}
    if word not in ACTIVATIONS:
        raise OpaqueNode(known=False)
    return b.pointwise(f"{node.name}.{ACTIVATIONS[word]}", ACTIVATIONS[word], x, keys)


@HANDLERS.register("com.microsoft.FusedConv", f"{BLOCKED}Conv")
def conv(b: GraphReader, node: GraphNode) -> None:
    """Read a convolution, an added value, and a function; the numbers of a blocked kernel are not available."""
    weight, bias = b.param(node, 1), b.param(node, 2)
    if weight is None:
        raise node.wrong("has no kernel")
    if node.op.startswith(BLOCKED):
        weight = Const(weight.shape, weight.kind, _blocked, origin=weight.origin, key=weight.key, roots=weight.roots)
    made = convolved(b, node, b.first(node), weight, bias)
    if node.input(3):
        made = join(b, node, "add", [made, b.value(node.input(3))])
    b.give(node, _activated(b, node, made))


def _blocked() -> Any:
    raise SpecError("the file has its kernels in onnxruntime's blocked order", "read the file that it was made from")


def _of(op: str, handle: Handler) -> Handler:
    """Return the handler of an operator's variant for blocked channels."""

    def blocked(b: GraphReader, node: GraphNode) -> None:
        plain = copy(node)
        plain.op = op
        handle(b, plain)

    return blocked


HANDLERS.update(
    {f"{BLOCKED}{op}": _of(op, pool.pool) for op in ("MaxPool", "AveragePool")},
    {f"{BLOCKED}{op}": _of(op, pool.global_pool) for op in ("GlobalMaxPool", "GlobalAveragePool")},
    {f"{BLOCKED}ReorderInput": activation.keyed("identity", lambda _: {})},
    {"com.microsoft.QuickGelu": _of("Swish", activation.swish), "com.microsoft.Gelu": _of("Gelu", activation.gelu)},
)


@HANDLERS.register(f"{BLOCKED}ReorderOutput")
def reordered(b: GraphReader, node: GraphNode) -> None:
    """Read a reordering from blocked channels, leaving out those that only fill a block."""
    x, full = b.known(node)
    channels = node.whole("channels")
    if channels in (0, full[1]):
        b.make_pointwise(node, "identity", x)
        return
    x, axis = b.along(x, 1)
    b.make(node, "slice", x, {"axis": axis, "start": 0, "stop": channels})


@HANDLERS.register("com.microsoft.BiasGelu", "com.microsoft.FastGelu")
def bias_gelu(b: GraphReader, node: GraphNode) -> None:
    """Read gelu(x + bias)."""
    x = join(b, node, "add", operands(b, node)) if node.input(1) else b.first(node)
    b.give(node, b.pointwise(f"{node.name}.gelu", "gelu", x, {"approximate": node.op.endswith("FastGelu")}))


@HANDLERS.register("com.microsoft.SkipLayerNormalization")
def skip_norm(b: GraphReader, node: GraphNode) -> None:
    """Read a sum followed by a norm over the last axis."""
    x = join(b, node, "add", [b.value(node.input(0)), b.value(node.input(1))])
    if node.input(4):
        x = join(b, node, "add", [x, needed(b.const(node.input(4)))])
    keys, weights = norm.affine(b.param(node, 2), b.param(node, 3))
    x, axis = b.along(x, x.rank - 1)
    b.make(node, "layernorm", x, {"axis": [axis], **keys, "eps": node.number("epsilon", 1e-12)}, weights)
    if len(node.outputs) > 3 and node.outputs[3]:
        b.values[node.outputs[3]] = x


@HANDLERS.register("com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul", "com.microsoft.FusedGemm")
def product(b: GraphReader, node: GraphNode) -> None:
    """Read a matrix product of possibly transposed matrices, times a number, followed by a function."""
    x, weight = b.first(node), b.const(node.input(1))
    if node.whole("transA") and x.axes is not None:
        x = b.permuted(f"{node.name}.A", x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])
    if weight is not None and len(weight.shape) == 2:
        made = linear(b, node, x, weight if node.whole("transB") else transposed(weight))
    else:
        y = b.value(node.input(1))
        if node.whole("transB") and y.axes is not None:
            y = b.permuted(f"{node.name}.B", y, [*range(y.rank - 2), y.rank - 1, y.rank - 2])
        made = multiplied(b, node, x, y)
    alpha = node.number("alpha", 1.0)
    if alpha != 1:
        made = b.pointwise(f"{node.name}.alpha", "rescale", made, {"factor": alpha})
    beta = node.number("beta", 1.0)
    made = plus(b, node, made, beta) if node.input(2) and beta != 0 else made
    b.give(node, _activated(b, node, made))


@HANDLERS.register("Attention")
def attention(b: GraphReader, node: GraphNode) -> None:
    """Read attention with an additive mask, with heads as an axis or part of one."""
    q, k, v = [b.value(node.input(at)) for at in range(3)]
    full = needed(b.full(q))
    heads = [node.whole(f"{kind}_num_heads") for kind in ("q", "kv")]
    odd = node.number("softcap") or node.input(4) or node.input(5) or node.input(6) or not node.has_only(ATTENTION)
    if odd or node.whole("qk_matmul_output_mode") or heads[0] != heads[1] or q.batch_at not in (0, None):
        raise OpaqueNode
    if len(full) == 3:
        q, k, v = [_apart(b, f"{node.name}.{name}", x, heads[0]) for name, x in zip("qkv", (q, k, v), strict=True)]
    shapes = [b.full(x) for x in (q, k, v)]
    if any(shape is None or len(shape) != 4 or shape[1] != (shapes[0] or ())[1] for shape in shapes):
        raise OpaqueNode
    reads = [b.maps(x).x for x in (q, k, v)]
    if node.input(3):
        reads.append(_mask(b, node))
    scale = node.number("scale") if node.has("scale") else None
    keys = {"causal": bool(node.whole("is_causal"))} | ({} if scale is None else {"scale": scale})
    made = b.add(node.name, "attention", reads, keys).arranged(q.axes)
    if len(full) == 3:
        made = b.permuted(f"{node.name}.together", made, [0, 2, 1, 3])
        width = needed(b.full(made))
        made = b.reshaped(f"{node.name}.out", made, [*width[:2], width[2] * width[3]])
    b.give(node, made)


ATTENTION = (
    "scale",
    "is_causal",
    "q_num_heads",
    "kv_num_heads",
    "qk_matmul_output_mode",
    "softcap",
    "softmax_precision",
)
"""The attributes of attention that are supported."""


def _mask(b: GraphReader, node: GraphNode) -> Handle:
    """Return what is added to the scores, per sample or for all."""
    name = node.input(3)
    const = b.const(name)
    if b.kind(name) != "float":
        raise OpaqueNode
    if const is None:
        value = b.value(name)
        if value.rank != 4:
            raise OpaqueNode
        return b.maps(value).x
    if len(const.shape) == 4 and const.shape[0] != 1:
        raise OpaqueNode
    return b.constant(name, const, const.shape[-3:])


def _apart(b: GraphReader, name: str, x: Handle, heads: int) -> Handle:
    """Return (batch, length, heads*width) as (batch, heads, length, width)."""
    batch, length, width = needed(b.full(x))
    apart = b.reshaped(f"{name}.heads", x, [batch, length, heads, width // heads])
    return b.permuted(f"{name}.first", apart, [0, 2, 1, 3])
