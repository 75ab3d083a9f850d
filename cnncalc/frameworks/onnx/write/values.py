"""Functions of each value, and layers that multiply and add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ....layers.affine import factors
from ....layers.names import ONNX
from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers, renamed, unsaid, weight_shape
from .windows import AFFINE, affine, bias, by_channel, finish, scaling


def one_node(attributes: Callable[[LayerReport], dict[str, Any]] = renamed) -> OnnxWriter:
    """Return the writer of an op that is one node, its attributes the layer's keys unless they are given."""

    def write(file: OnnxFile, layer: LayerReport) -> None:
        pointwise(file, layer, ONNX[layer.op].word, **attributes(layer))

    return write


def pointwise(file: OnnxFile, layer: LayerReport, op: str, more: Sequence[str] = (), **attributes: Any) -> None:
    """Add the node of a layer that works on values where they are, in the order of axes that these have."""
    first = file.is_first(layer)
    file.end(layer, op, [*file.reads(layer, first), *more], first, **attributes)


def along(file: OnnxFile, layer: LayerReport) -> None:
    """Write one node that works along an axis."""
    first = file.is_first(layer)
    attributes = renamed(layer) | {"axis": file.axis(layer, layer.traced.axes[0], first)}
    file.end(layer, ONNX[layer.op].word, file.batched(layer, first), first, **attributes)


def flatten(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Flatten; where space is one unit, its order does not matter."""
    first = file.has_only_first(layer) and all(n == 1 for n in layer.sample[:-1])
    file.node("Flatten", file.reads(layer, first), layer.name, axis=1)


def permute(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Transpose, of values in the order that they have."""
    first = file.is_first(layer)
    order = [file.axis(layer, axis, first) for axis in layer.traced.axes]
    file.node("Transpose", file.reads(layer, first), layer.name, perm=[0, *order])


_RENAMED = ("relu", "sigmoid", "tanh", "hardswish", "selu", "softplus", "softsign", "mish", "exp", "identity")
WRITERS: Registry[str, OnnxWriter] = Registry(
    {op: one_node() for op in (*_RENAMED, "leakyrelu", "elu")},
    {
        "hardsigmoid": one_node(lambda layer: {**renamed(layer), "beta": 0.5}),
        "gelu": one_node(lambda layer: {"approximate": "tanh" if layer.values["approximate"] else "none"}),
        "softmax": along,
        "concat": along,
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
    """Write a Dropout, which does nothing once the network is trained."""
    ratio = file.constant(layer, "ratio", float(layer.values["rate"]))
    pointwise(file, layer, "Dropout", [ratio])


@WRITERS.register("prelu")
def prelu(file: OnnxFile, layer: LayerReport) -> None:
    """Write slopes shaped to meet a sample."""
    shape, first = weight_shape(layer, "weight"), not file.last or file.is_first(layer)
    if len(shape) == 1 and shape[0] > 1 and first:
        shape += [1] * (len(layer.sample) - 1)
    elif len(shape) > 1 and file.last and first:
        slopes = file.weight(layer, "weight", [*shape[-1:], *shape[:-1]], lambda a: a.transpose(-1, *range(a.ndim - 1)))
        pointwise(file, layer, "PRelu", [slopes])
        return
    pointwise(file, layer, "PRelu", [file.weight(layer, "weight", shape)])


@WRITERS.register("linear")
def linear(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Gemm of features; of more axes MatMul and Add."""
    (x,), v = file.reads(layer), layer.values
    if len(layer.sample) == 1:
        reads = [x, file.weight(layer, "weight"), *bias(file, layer)]
        file.node("Gemm", reads, layer.name, transB=int(not file.last))
        return
    reads = [x, file.weight(layer, "weight", [v["c_i"], v["out"]], lambda a: a if file.last else a.T)]
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
    """Write a factor and an offset as constants; a normalization is (x - mean)/max(sqrt(variance), 1e-7)."""
    v = layer.values
    if layer.op == "normalization":
        if "mean" not in v:
            raise unsaid(layer, "learnt statistics and their count", "give mean and variance")
        v = dict(zip(("factor", "offset"), factors(v), strict=True))
    steps = []
    for op, key, nothing in (("Mul", "factor", 1), ("Add", "offset", 0)):
        values = [float(n) for n in (v[key] if isinstance(v[key], (list, tuple)) else [v[key]])]
        if values != [nothing]:
            shape = by_channel(layer) if len(values) > 1 else ()
            steps.append((op, file.constant(layer, op.lower() + "end", values, shape)))
    finish(file, layer, steps)


@WRITERS.register("layernorm")
def layernorm(file: OnnxFile, layer: LayerReport) -> None:
    """Write a norm over the last axes; others are moved there, and back."""
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


@WRITERS.register("add")
def add(file: OnnxFile, layer: LayerReport) -> None:
    """Write an Add of two layers, a Sum of several."""
    pointwise(file, layer, "Add" if len(layer.node.reads) == 2 else "Sum")


@WRITERS.register("mul")
def mul(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Mul of the first two layers, and one more for each further layer."""
    first = file.is_first(layer)
    product, *others, last = file.reads(layer, first)
    for other in others:
        product = file.step(layer, "product", "Mul", [product, other])
    file.end(layer, "Mul", [product, last], first)
