"""Value-by-value functions, and layers that multiply and add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ....layers.affine import factors
from ....layers.names import ONNX, ONNX_FUNCTIONS
from ....layers.unary import Normalize
from ....registry import Registry
from ....report import LayerReport
from .composite import as_batch
from .file import OnnxFile, OnnxWriter, inexpressible, numbers, renamed, weight_shape
from .windows import AFFINE, affine, bias, by_channel, finish, scaling


def one_node(attributes: Callable[[LayerReport], dict[str, Any]] = renamed) -> OnnxWriter:
    """Return the writer of an op that is one node, whose attributes are by default the layer's keys."""

    def write(file: OnnxFile, layer: LayerReport) -> None:
        pointwise(file, layer, ONNX[layer.op].word, **attributes(layer))

    return write


def pointwise(file: OnnxFile, layer: LayerReport, op: str, more: Sequence[str] = (), **attributes: Any) -> None:
    """Add the node of a value-by-value layer, in the order of axes that its inputs have."""
    first = file.is_first(layer)
    file.end(layer, op, [*file.reads(layer, first), *more], first, **attributes)


def along(file: OnnxFile, layer: LayerReport) -> None:
    """Write one node that works along an axis, with inputs without a batch repeated to the others' batch."""
    first = file.is_first(layer)
    attributes = renamed(layer) | {"axis": file.axis(layer, layer.traced.axes[0], first)}
    file.end(layer, ONNX[layer.op].word, as_batch(file, layer, first), first, **attributes)


def flatten(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Flatten; if space is a single unit, the order of axes does not matter."""
    first = file.has_only_first(layer) and all(n == 1 for n in layer.sample[:-1])
    file.node("Flatten", file.reads(layer, first), layer.name, axis=1)


def permute(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Transpose of values in their current order of axes."""
    first = file.is_first(layer)
    order = [file.axis(layer, axis, first) for axis in layer.traced.axes]
    file.node("Transpose", file.reads(layer, first), layer.name, perm=[0, *order])


WRITERS: Registry[str, OnnxWriter] = Registry(
    {op: one_node() for op in (*ONNX_FUNCTIONS, "hardswish", "selu", "leakyrelu", "elu", "celu")},
    {
        "hardsigmoid": one_node(lambda layer: {**renamed(layer), "beta": 0.5}),
        "gelu": one_node(lambda layer: {"approximate": "tanh" if layer.values["approximate"] else "none"}),
        "concat": along,
        "softmax": along,
        "logsoftmax": along,
        "flatten": flatten,
        "permute": permute,
    },
)


@WRITERS.register("silu")
def silu(file: OnnxFile, layer: LayerReport) -> None:
    """Write x*sigmoid(x)."""
    first = file.is_first(layer)
    (x,) = file.reads(layer, first)
    file.end(layer, "Mul", [x, file.step(layer, "sigmoid", "Sigmoid", [x])], first)


@WRITERS.register("clip", "relu6")
def clip(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Clip within bounds; a relu6 is one within 0 and 6."""
    bounds = {"min": 0, "max": 6} if layer.op == "relu6" else layer.values
    ends = [(part, bounds[part]) for part in ("min", "max")]
    names = ["" if bound is None else file.constant(layer, part, float(bound)) for part, bound in ends]
    pointwise(file, layer, "Clip", names)


@WRITERS.register("dropout")
def dropout(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Dropout, which does nothing in inference."""
    if layer.values["rate"] == 1:
        raise inexpressible(layer, "a dropout of all values: the ratio must be below 1", "give a lower rate")
    ratio = file.constant(layer, "ratio", float(layer.values["rate"]))
    pointwise(file, layer, "Dropout", [ratio])


@WRITERS.register("prelu")
def prelu(file: OnnxFile, layer: LayerReport) -> None:
    """Write a PRelu with slopes shaped to broadcast with a sample."""
    shape, first = weight_shape(layer, "weight"), not file.last or file.is_first(layer)
    if len(shape) == 1 and shape[0] > 1 and first:
        shape += [1] * (len(layer.sample) - 1)
    elif len(shape) > 1 and file.last and first:
        order = (len(shape) - 1, *range(len(shape) - 1))
        pointwise(file, layer, "PRelu", [file.weight(layer, "weight", order=order)])
        return
    pointwise(file, layer, "PRelu", [file.weight(layer, "weight", shape)])


@WRITERS.register("linear")
def linear(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Gemm for features, or MatMul and Add for more axes."""
    (x,), v = file.reads(layer), layer.values
    if len(layer.sample) == 1:
        reads = [x, file.weight(layer, "weight"), *bias(file, layer)]
        file.node("Gemm", reads, layer.name, transB=int(not file.last))
        return
    reads = [x, file.weight(layer, "weight", order=(0, 1) if file.last else (1, 0))]
    if v["bias"]:
        product = file.node("MatMul", reads, file.name(f"{layer.name}.product"), layer.name)
        file.node("Add", [product, *bias(file, layer)], layer.name, f"{layer.name}.add")
    else:
        file.node("MatMul", reads, layer.name)


@WRITERS.register("scale")
def scale(file: OnnxFile, layer: LayerReport) -> None:
    """Write a weight and a bias for each channel."""
    finish(file, layer, scaling(file, layer))


@WRITERS.register("rescale", "normalization")
def rescale(file: OnnxFile, layer: LayerReport) -> None:
    """Write a constant factor and offset; a normalization is (x - mean)/max(sqrt(variance), 1e-7)."""
    v = layer.values
    if layer.op == "normalization":
        if "mean" not in v:
            raise inexpressible(layer, "learned statistics and their count", "give mean and variance")
        v = dict(zip(("factor", "offset"), factors(v), strict=True))
    steps = []
    for op, key, nothing in (("Mul", "factor", 1), ("Add", "offset", 0)):
        values = [float(n) for n in (v[key] if isinstance(v[key], (list, tuple)) else [v[key]])]
        if values != [nothing]:
            shape = by_channel(layer) if len(values) > 1 else ()
            steps.append((op, file.constant(layer, op.lower() + "end", values, shape)))
    finish(file, layer, steps)


QUANTIZED = {(0, 255): "UINT8", (-128, 127): "INT8"}
"""The type of each range of integers."""


@WRITERS.register("quantize")
def quantize(file: OnnxFile, layer: LayerReport) -> None:
    """Write a QuantizeLinear and a DequantizeLinear with the same scale and zero."""
    v = layer.values
    kind = QUANTIZED.get((v["min"], v["max"]))
    if kind is None or "scale" not in v:
        help = "give scale, and min and max of one of them"
        raise inexpressible(layer, "a range that is not that of an integer type, or that depends on the sample", help)
    scales, zeros = [list(v[key]) if isinstance(v[key], (list, tuple)) else [v[key]] for key in ("scale", "zero")]
    width = max(len(scales), len(zeros))
    scales, zeros = [one * (width // len(one)) for one in (scales, zeros)]
    shape = [width] if width > 1 else []
    scale = file.constant(layer, "scale", [float(n) for n in scales], shape)
    zero = file.constant(layer, "zero", [int(n) for n in zeros], shape, kind=kind)
    first = width > 1 or file.is_first(layer)
    whole = file.step(layer, "whole", "QuantizeLinear", [*file.reads(layer, first=first), scale, zero])
    file.end(layer, "DequantizeLinear", [whole, scale, zero], first)


@WRITERS.register("layernorm")
def layernorm(file: OnnxFile, layer: LayerReport) -> None:
    """Write a norm over the last axes; other axes are moved there and back."""
    rank, axes = len(layer.sample), list(layer.traced.axes)
    sizes = numbers(layer, tuple([layer.sample[a - 1] for a in axes]), "weights")
    weights = affine(file, layer, sizes, AFFINE if layer.values["center"] else AFFINE[:1])
    attributes: dict[str, Any] = {"axis": -len(axes), "epsilon": float(layer.values["eps"])}
    (x,) = file.reads(layer)
    if axes == list(range(rank - len(axes) + 1, rank + 1)):
        file.node("LayerNormalization", [x, *weights], layer.name, **attributes)
        return
    order = [0, *[a for a in range(1, rank + 1) if a not in axes], *axes]
    turned = file.step(layer, "turned", "Transpose", [x], perm=order)
    made = file.step(layer, "made", "LayerNormalization", [turned, *weights], **attributes)
    file.node("Transpose", [made], layer.name, perm=[order.index(a) for a in range(rank + 1)])


def operands(file: OnnxFile, layer: LayerReport, first: bool = False) -> list[str]:
    """Return the names of the inputs with equal numbers of axes, followed by that of `value`, if any."""
    rank = max(map(len, layer.samples))
    names = file.reads(layer, first)
    for at, x in enumerate(layer.samples):
        if len(x) < rank:
            axes = file.constant(layer, "axes", list(range(1, rank - len(x) + 1)))
            names[at] = file.step(layer, "aligned", "Unsqueeze", [names[at], axes])
    return names + ([file.constant(layer, "value", float(layer.values["value"]))] if "value" in layer.values else [])


@WRITERS.register("add")
def add(file: OnnxFile, layer: LayerReport) -> None:
    """Write an Add of two operands, a Sum of several."""
    first = file.is_first(layer)
    names = operands(file, layer, first)
    file.end(layer, "Add" if len(names) == 2 else "Sum", names, first)


@WRITERS.register("sub", "mul", "div", "pow")
def operation(file: OnnxFile, layer: LayerReport) -> None:
    """Write the operator for the first two operands, and again for each further one."""
    first = file.is_first(layer)
    result, *others, last = operands(file, layer, first)
    for other in others:
        result = file.step(layer, "product", ONNX[layer.op].word, [result, other])
    file.end(layer, ONNX[layer.op].word, [result, last], first)


@WRITERS.register("min", "max")
def extreme(file: OnnxFile, layer: LayerReport) -> None:
    """Write a minimum or a maximum of the operands, or over some axes."""
    if "keepdims" in layer.values:
        reduce(file, layer, f"Reduce{layer.op.capitalize()}")
    else:
        first = file.is_first(layer)
        file.end(layer, ONNX[layer.op].word, operands(file, layer, first), first)


@WRITERS.register("compare")
def compare(file: OnnxFile, layer: LayerReport) -> None:
    """Write a comparison with its result as numbers."""
    kinds = {"gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual"}
    first = file.is_first(layer)
    holds = file.step(layer, "holds", kinds.get(layer.values["by"], "Equal"), operands(file, layer, first))
    if layer.values["by"] == "ne":
        holds = file.step(layer, "differs", "Not", [holds])
    file.end(layer, "Cast", [holds], first, to=file.onnx.TensorProto.FLOAT)


@WRITERS.register("where")
def where(file: OnnxFile, layer: LayerReport) -> None:
    """Write a choice between two inputs."""
    condition, first, second = operands(file, layer)
    holds = file.step(layer, "holds", "Cast", [condition], to=file.onnx.TensorProto.BOOL)
    file.node("Where", [holds, first, second], layer.name)


def reduce(file: OnnxFile, layer: LayerReport, op: str) -> None:
    """Add the node of a reduction over the layer's axes."""
    keep = bool(layer.values["keepdims"])
    first = file.has_only_first(layer) and (keep or len(layer.traced.out) < 2)
    axes = file.constant(layer, "axes", [file.axis(layer, axis, first) for axis in layer.traced.axes])
    file.end(layer, op, [*file.reads(layer, first), axes], first, keepdims=int(keep))


@WRITERS.register("mean", "sum", "prod", "l1", "l2", "logsumexp")
def reduction(file: OnnxFile, layer: LayerReport) -> None:
    """Write a reduction over some axes."""
    reduce(file, layer, ONNX[layer.op].word)


def in_row(file: OnnxFile, layer: LayerReport, *ops: str | tuple[str, float]) -> None:
    """Add operators one after another, each on the previous value and possibly a number."""
    first = file.is_first(layer)
    (x,) = file.reads(layer, first)
    for at, op in enumerate(ops, 1):
        word, *number = [op] if isinstance(op, str) else op
        reads = [x, *[file.constant(layer, "number", n) for n in number if isinstance(n, float)]]
        if at == len(ops):
            file.end(layer, str(word), reads, first)
        else:
            x = file.step(layer, str(at), str(word), reads)


@WRITERS.register("rsqrt")
def rsqrt(file: OnnxFile, layer: LayerReport) -> None:
    """Write the reciprocal of a square root."""
    in_row(file, layer, "Sqrt", "Reciprocal")


@WRITERS.register("square")
def square(file: OnnxFile, layer: LayerReport) -> None:
    """Write x to the power of 2."""
    in_row(file, layer, ("Pow", 2.0))


@WRITERS.register("log1p")
def log1p(file: OnnxFile, layer: LayerReport) -> None:
    """Write the logarithm of 1 + x."""
    in_row(file, layer, ("Add", 1.0), "Log")


@WRITERS.register("expm1")
def expm1(file: OnnxFile, layer: LayerReport) -> None:
    """Write exp(x) - 1."""
    in_row(file, layer, "Exp", ("Sub", 1.0))


@WRITERS.register("logsigmoid")
def logsigmoid(file: OnnxFile, layer: LayerReport) -> None:
    """Write -softplus(-x)."""
    in_row(file, layer, "Neg", "Softplus", "Neg")


@WRITERS.register("trunc")
def trunc(file: OnnxFile, layer: LayerReport) -> None:
    """Write the sign of x times the floor of its magnitude."""
    (x,) = file.reads(layer)
    size = file.step(layer, "floor", "Floor", [file.step(layer, "magnitude", "Abs", [x])])
    file.node("Mul", [file.step(layer, "sign", "Sign", [x]), size], layer.name)


@WRITERS.register("tanhshrink")
def tanhshrink(file: OnnxFile, layer: LayerReport) -> None:
    """Write x - tanh(x)."""
    (x,) = file.reads(layer)
    file.node("Sub", [x, file.step(layer, "tanh", "Tanh", [x])], layer.name)


@WRITERS.register("softshrink", "hardshrink")
def shrink(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Shrink, which moves the remaining values by its bias."""
    lambd = float(layer.values["lambd"])
    file.node("Shrink", file.reads(layer), layer.name, lambd=lambd, bias=lambd * (layer.op == "softshrink"))


@WRITERS.register("threshold")
def threshold(file: OnnxFile, layer: LayerReport) -> None:
    """Write a choice between x and a number."""
    (x,) = file.reads(layer)
    least, value = [file.constant(layer, key, float(layer.values[key])) for key in ("threshold", "value")]
    file.node("Where", [file.step(layer, "above", "Greater", [x, least]), x, value], layer.name)


@WRITERS.register("cumsum")
def cumsum(file: OnnxFile, layer: LayerReport) -> None:
    """Write a CumSum."""
    axis = file.constant(layer, "axis", layer.traced.axes[0])
    file.node("CumSum", [*file.reads(layer), axis], layer.name)


@WRITERS.register("normalize")
def normalize(file: OnnxFile, layer: LayerReport) -> None:
    """Write an LpNormalization over one axis without eps, or else a division by the norm or by eps, if larger."""
    (x,), v = file.reads(layer), layer.values
    if v["norm"] in (1, 2) and v["eps"] == Normalize.eps and len(layer.traced.axes) == 1:
        file.node("LpNormalization", [x], layer.name, axis=layer.traced.axes[0], p=int(v["norm"]))
        return
    axes = file.constant(layer, "axes", list(layer.traced.axes))
    if v["norm"] in (1, 2):
        norm = file.step(layer, "norm", f"ReduceL{v['norm']:.0f}", [x, axes], keepdims=1)
    else:
        power, root = [file.constant(layer, part, float(n)) for part, n in (("p", v["norm"]), ("root", 1 / v["norm"]))]
        powers = file.step(layer, "powers", "Pow", [file.step(layer, "magnitude", "Abs", [x]), power])
        norm = file.step(layer, "norm", "Pow", [file.step(layer, "sum", "ReduceSum", [powers, axes], keepdims=1), root])
    least = file.step(layer, "least", "Max", [norm, file.constant(layer, "eps", float(v["eps"]))])
    file.node("Div", [x, least], layer.name)
