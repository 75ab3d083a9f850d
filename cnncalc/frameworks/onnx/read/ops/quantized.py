"""Quantized operators as operators on rounded real numbers, with quantize layers where numbers are integers.

A value of integers is read as the real numbers that it stands for, and its scale is kept until it is dequantized
(onnx/defs/quantization/defs.cc; onnxruntime, docs/ContribOperators.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .....registry import Registry
from ....values import Handle
from ..broadcasting import join
from ..const import Const
from ..made import OpaqueNode, Quantized, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler
from .conv import convolved
from .dense import linear, multiplied, transposed
from .pool import pool as sliding

RANGES = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767), 21: (0, 15), 22: (-8, 7)}
"""The least and the largest number of each TensorProto.DataType."""
UINT8 = 2
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register("QuantizeLinear")
def quantize(b: GraphReader, node: GraphNode) -> None:
    """Read values rounded to multiples of a scale."""
    given = b.quantized.get(node.input(0))
    x = b.first(node) if given is None or given.of is None else _real(b, node, 0, given)
    b.give(node, rounded(b, node, x, node.inputs[1:3], node.name))


def rounded(b: GraphReader, node: GraphNode, x: Handle, how: Sequence[str], name: str) -> Handle:
    """Return a value rounded by a scale and a zero, which are kept for the node's first output."""
    own = _quantized(b, how)
    if node.op == "QuantizeLinear" and own.per_channel and not _on_channels(node, b.full(x)):
        raise OpaqueNode(b.full(x))
    to = b.type_of(how[1]) if len(how) > 1 and how[1] else node.whole("output_dtype") or UINT8
    if to not in RANGES:
        raise OpaqueNode(b.full(x))
    least, most = RANGES[to]
    keys = {"scale": one_or_all(own.scale), "zero": one_or_all(own.zero), "min": least, "max": most}
    b.quantized[node.outputs[0]] = own
    return b.pointwise(name, "quantize", x, keys)


def _on_channels(node: GraphNode, full: Any) -> bool:
    """Return whether scales are per channel, the axis after the batch."""
    return full is not None and len(full) > 1 and node.axis("axis", len(full), 1) == 1 and not node.whole("block_size")


def one_or_all(numbers: Sequence[float]) -> float | list[float]:
    """Return the number if there is only one, otherwise all."""
    return numbers[0] if len(numbers) == 1 else list(numbers)


def _quantized(b: GraphReader, how: Sequence[str]) -> Quantized:
    """Return a constant scale and zero. Raise OpaqueNode if they are not constant, or if there is no scale."""
    by, at = [*how, "", ""][:2]
    scale = [v for v in needed(b.listed(by)) if isinstance(v, (int, float))]
    listed: Sequence[Any] | None = b.listed(at) if at else [0]
    zero = [v for v in needed(listed) if isinstance(v, (int, float))]
    if not scale or len(zero) not in (1, len(scale)) or min(scale) <= 0:
        raise OpaqueNode(known=False)
    return Quantized(tuple(scale), tuple(zero))


@HANDLERS.register("DequantizeLinear")
def dequantize(b: GraphReader, node: GraphNode) -> None:
    """Read the real numbers that integers stand for: the value itself if it was quantized with the same scale."""
    x, own = b.first(node), _quantized(b, node.inputs[1:3])
    if own.per_channel and not _on_channels(node, b.full(x)):
        raise OpaqueNode(b.full(x))
    b.give(node, _real(b, node, 0, own))


def _real(b: GraphReader, node: GraphNode, at: int, own: Quantized) -> Handle:
    """Return the real numbers that an input stands for, given a scale and a zero."""
    name = node.input(at)
    x, have = b.value(name), b.quantized.get(name, Quantized((1.0,), (0.0,)))
    if have == own:
        return x
    rows = (have.scale, have.zero, own.scale, own.zero)
    width = max(map(len, rows))
    columns = [row * width if len(row) == 1 else row for row in rows]
    factor = [s2 / s1 for s1, _, s2, _ in zip(*columns, strict=True)]
    offset = [(z1 - z2) * s2 for _, z1, s2, z2 in zip(*columns, strict=True)]
    keys = {"factor": one_or_all(factor)} | ({"offset": one_or_all(offset)} if any(offset) else {})
    return b.pointwise(node.name if node.op == "DequantizeLinear" else f"{node.name}.in{at}", "rescale", x, keys)


def _weight(b: GraphReader, node: GraphNode, at: int, scale: str, zero: str, axis: int) -> Const:
    """Return a constant of integers as the real numbers that they stand for, with scales along an axis."""
    const, s, z = needed(b.const(node.input(at))), b.const(scale), b.const(zero)
    several = {one.size for one in (s, z) if one is not None and one.size > 1}
    if several and (not const.shape or several != {const.shape[axis]}):
        raise OpaqueNode(known=False)

    def change(array: Any) -> Any:
        rank = len(const.shape)
        across = [-1 if at == axis % rank else 1 for at in range(rank)]
        real = array.astype("float32")
        if z is not None:
            real = real - z.read().astype("float32").reshape(across if z.size > 1 else ())
        if s is not None:
            real = real * s.read().reshape(across if s.size > 1 else ())
        return real

    made = const.derived(const.shape, change, f"of {scale} {zero}")
    made.kind = "float"
    return made


@HANDLERS.register("QLinearConv")
def conv(b: GraphReader, node: GraphNode) -> None:
    """Read a convolution of real numbers with a rounded result."""
    x = _real(b, node, 0, _quantized(b, node.inputs[1:3]))
    weight = _weight(b, node, 3, node.input(4), node.input(5), 0)
    bias, scales = b.const(node.input(8)), [needed(b.const(node.input(at))) for at in (1, 4)]
    if bias is not None:
        bias = bias.derived(
            bias.shape,
            lambda a: a.astype("float32") * scales[0].read().reshape(-1) * scales[1].read().reshape(-1),
            "real",
        )
    made = convolved(b, node, x, weight, bias)
    b.give(node, rounded(b, node, made, node.inputs[6:8], f"{node.name}.rounded"))


@HANDLERS.register("QLinearMatMul")
def matmul(b: GraphReader, node: GraphNode) -> None:
    """Read a matrix product of real numbers with a rounded result."""
    x = _real(b, node, 0, _quantized(b, node.inputs[1:3]))
    if b.const(node.input(3)) is None:
        made = multiplied(b, node, x, _real(b, node, 3, _quantized(b, node.inputs[4:6])))
    else:
        weight = _weight(b, node, 3, node.input(4), node.input(5), -1)
        made = linear(b, node, x, transposed(weight)) if len(weight.shape) == 2 else multiplied(b, node, x, weight)
    b.give(node, rounded(b, node, made, node.inputs[6:8], f"{node.name}.rounded"))


@HANDLERS.register("DynamicQuantizeLinear")
def dynamic(b: GraphReader, node: GraphNode) -> None:
    """Read values rounded to a scale from their own range, which is computed at run time, and that scale."""
    x, name = b.first(node), node.name
    if isinstance(b.batch, int) and b.batch > 1:  # the range is over all samples
        raise OpaqueNode(b.full(x))
    axes = {"axis": list(range(1, len(x.shape) + 1))}
    ends = []
    for op, bound in (("max", "min"), ("min", "max")):
        end = b.add(f"{name}.{op}", op, x, axes).arranged(())
        ends.append(b.pointwise(f"{name}.{op}_with_0", "clip", end, {bound: 0}))
    scale = b.pointwise(f"{name}.scale", "rescale", b.add(f"{name}.range", "sub", ends), {"factor": 1 / 255})
    below = b.pointwise(f"{name}.below", "neg", ends[1])
    zero = b.pointwise(f"{name}.zero", "round", b.add(f"{name}.steps", "div", [below, scale]))
    for out, value in zip(
        node.outputs, (b.add(name, "quantize", x, {"min": 0, "max": 255}), scale, zero), strict=False
    ):
        if out:
            b.values[out] = value
    b.quantized[node.outputs[0]] = Quantized((1.0,), (0.0,), node.outputs[0], shifted=True)
    b.scales[node.outputs[1]] = (node.outputs[0], None)
    b.dynamic[node.outputs[0]] = (scale, zero)
    b.zeros[node.outputs[2]] = node.outputs[0]


@HANDLERS.register("ConvInteger", "MatMulInteger")
def of_integers(b: GraphReader, node: GraphNode) -> None:
    """Read a convolution or product of integers; with a dynamic scale it is one of the real numbers."""
    zero, have = node.input(2), b.quantized.get(node.input(0))
    x = b.first(node) if have is None or have.of is None else b.values[node.input(0)]
    if have is None or have.of is None:
        shift = b.scalar(zero) if zero else 0
        x = _real(b, node, 0, Quantized((1.0,), (float(needed(shift)),)))
    elif b.zeros.get(zero) != have.of:
        raise OpaqueNode(known=False)
    weight = _weight(b, node, 1, "", node.input(3), 0 if node.op == "ConvInteger" else -1)
    if node.op == "ConvInteger":
        made = convolved(b, node, x, weight, None)
    elif len(weight.shape) == 2:
        made = linear(b, node, x, transposed(weight))
    else:
        made = multiplied(b, node, x, weight)
    b.give(node, made)
    if have is not None and have.of is not None:
        b.quantized[node.outputs[0]] = have._replace(shifted=False)


def scaled(b: GraphReader, node: GraphNode) -> bool:
    """Return whether a product is one of scales, or of integers and the scale they were quantized with."""
    first, second = node.inputs[:2]
    if first in b.scales:
        first, second = second, first
    if second not in b.scales:
        return False
    of, factor = b.scales[second]
    const = b.const(first)
    if const is not None and factor is None:
        b.scales[node.outputs[0]] = (of, const)
        return False
    have = b.quantized.get(first)
    if have is None or have.of != of:
        return False
    value = b.values[first]
    if factor is None:
        b.give(node, value)
    elif factor.scalar() is not None:
        b.make_pointwise(node, "rescale", value, {"factor": factor.scalar()})
    else:
        b.give(node, join(b, node, "mul", [value, factor]))
    return True


@HANDLERS.register("com.microsoft.QLinearAdd", "com.microsoft.QLinearMul")
def of_two(b: GraphReader, node: GraphNode) -> None:
    """Read a sum or product of real numbers with a rounded result."""
    xs = [
        _weight(b, node, at, node.input(at + 1), node.input(at + 2), 0)
        if b.const(node.input(at)) is not None
        else _real(b, node, at, _quantized(b, node.inputs[at + 1 : at + 3]))
        for at in (0, 3)
    ]
    made = join(b, node, "add" if node.op.endswith("Add") else "mul", xs)
    b.give(node, rounded(b, node, made, node.inputs[6:8], f"{node.name}.rounded"))


@HANDLERS.register("com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu")
def of_one(b: GraphReader, node: GraphNode) -> None:
    """Read a function of real numbers with a rounded result."""
    x = _real(b, node, 0, _quantized(b, node.inputs[1:3]))
    sigmoid = node.op.endswith("Sigmoid")
    made = b.pointwise(
        node.name, "sigmoid" if sigmoid else "leakyrelu", x, {} if sigmoid else {"alpha": node.number("alpha", 0.01)}
    )
    b.give(node, rounded(b, node, made, node.inputs[3:5], f"{node.name}.rounded"))


def channels_last(op: str, handle: Handler) -> Handler:
    """Return the handler of an operator's channels-last variant."""

    def turned(b: GraphReader, node: GraphNode) -> None:
        name, out, x = node.input(0), node.outputs[0], b.first(node)
        if x.axes is None:
            raise OpaqueNode(known=False)
        plain = node.without("channels_last")
        plain.op = op
        b.values[name] = b.permuted(f"{node.name}.first", x, [0, x.rank - 1, *range(1, x.rank - 1)])
        try:
            handle(b, plain)
        finally:
            b.values[name] = x
        made = b.values[out]
        b.values[out] = b.permuted(f"{node.name}.last", made, [0, *range(2, made.rank), 1])

    return turned


HANDLERS["com.microsoft.QLinearConv"] = channels_last("QLinearConv", conv)


@HANDLERS.register("com.microsoft.NhwcMaxPool")
def nhwc_pool(b: GraphReader, node: GraphNode) -> None:
    """Read a max pool of integers with channels last."""
    channels_last("MaxPool", sliding)(b, node)
    if node.input(0) in b.quantized:
        b.quantized[node.outputs[0]] = b.quantized[node.input(0)]


@HANDLERS.register("com.microsoft.QLinearGlobalAveragePool")
def pool(b: GraphReader, node: GraphNode) -> None:
    """Read a rounded global average of real numbers."""
    if node.whole("channels_last"):
        channels_last("com.microsoft.QLinearGlobalAveragePool", pool)(b, node)
        return
    maps = b.maps(_real(b, node, 0, _quantized(b, node.inputs[1:3])))
    made = b.unmapped(node.name, b.add(node.name, "globalavgpool", maps.x, {"keepdims": True}), maps)
    b.give(node, rounded(b, node, made, node.inputs[3:5], f"{node.name}.rounded"))
