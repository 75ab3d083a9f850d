"""Functions of each value, and what multiplies and adds."""

from __future__ import annotations

from typing import Any

from ....layers.affine import factors
from ....layers.names import ONNX
from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers, renamed, unsaid, weight_shape
from .windows import affine, by_channel, channels_first, finish

WRITERS: Registry[str, OnnxWriter] = Registry()


def by_name(file: OnnxFile, layer: LayerReport) -> None:
    """One node whose attributes are the layer's keys."""
    file.node(ONNX[layer.op].word, file.reads(layer), layer.name, **renamed(layer))


WRITERS.register("relu", "sigmoid", "tanh", "hardswish", "selu", "softplus", "softsign", "mish", "exp")(by_name)
WRITERS.register("identity", "leakyrelu", "elu", "softmax", "concat")(by_name)


@WRITERS.register("hardsigmoid")
def hardsigmoid(file: OnnxFile, layer: LayerReport) -> None:
    """A slope around 0, where it is a half."""
    file.node("HardSigmoid", file.reads(layer), layer.name, **renamed(layer), beta=0.5)


@WRITERS.register("gelu")
def gelu(file: OnnxFile, layer: LayerReport) -> None:
    """Exact, or by tanh."""
    how = "tanh" if layer.values["approximate"] else "none"
    file.node("Gelu", file.reads(layer), layer.name, approximate=how)


@WRITERS.register("silu")
def silu(file: OnnxFile, layer: LayerReport) -> None:
    """x*sigmoid(x)."""
    (x,) = file.reads(layer)
    file.node("Mul", [x, file.step(layer, "sigmoid", "Sigmoid", [x])], layer.name)


@WRITERS.register("clip", "relu6")
def clip(file: OnnxFile, layer: LayerReport) -> None:
    """Within bounds; a relu6 within 0 and 6."""
    bounds = {"min": 0, "max": 6} if layer.op == "relu6" else layer.values
    names = [
        "" if bounds[part] is None else file.constant(layer, part, [float(bounds[part])], whole=False, shape=())
        for part in ("min", "max")
    ]
    file.node("Clip", [*file.reads(layer), *names], layer.name)


@WRITERS.register("dropout")
def dropout(file: OnnxFile, layer: LayerReport) -> None:
    """Nothing, once trained."""
    ratio = file.constant(layer, "ratio", [float(layer.values["rate"])], whole=False, shape=())
    file.node("Dropout", [*file.reads(layer), ratio], layer.name)


@WRITERS.register("prelu")
def prelu(file: OnnxFile, layer: LayerReport) -> None:
    """Slopes shaped to meet a sample."""
    shape = weight_shape(layer, "weight")
    if len(shape) == 1 and shape[0] > 1 and not file.last:
        shape = [*shape, *[1] * (len(layer.sample) - 1)]
    file.node("PRelu", [*file.reads(layer), file.weight(layer, "weight", shape)], layer.name)


@WRITERS.register("linear")
def linear(file: OnnxFile, layer: LayerReport) -> None:
    """Gemm of features; of more axes MatMul and Add."""
    out, c_i = layer.values["out"], layer.values["c_i"]
    if c_i is None:
        raise unsaid(layer, "weights of open sizes", "give the input in numbers")
    (x,) = file.reads(layer)
    has_bias = layer.values["bias"]
    if len(layer.sample) == 1:
        weight = file.weight(layer, "weight", [c_i, out] if file.last else [out, c_i])
        bias = [file.weight(layer, "bias", [out])] if has_bias else []
        file.node("Gemm", [x, weight, *bias], layer.name, transB=int(not file.last))
        return
    weight = file.weight(layer, "weight", [c_i, out], lambda a: a if file.last else a.T)
    if not has_bias:
        file.node("MatMul", [x, weight], layer.name)
        return
    product = file.node("MatMul", [x, weight], file.name(f"{layer.name}.product"), layer.name)
    file.node("Add", [product, file.weight(layer, "bias", [out])], layer.name, f"{layer.name}.add")


def _apply(file: OnnxFile, layer: LayerReport, steps: list[tuple[str, str]]) -> None:
    """(op, constant) one after another; an Identity where there is none."""
    if steps:
        finish(file, layer, steps, channels_first(file, layer))
    else:
        file.node("Identity", file.reads(layer), layer.name)


@WRITERS.register("scale")
def scale(file: OnnxFile, layer: LayerReport) -> None:
    """A weight and a bias a channel."""
    shape = by_channel(layer)
    roles = [("Mul", "weight", "scale"), ("Add", "bias", "center")]
    _apply(file, layer, [(op, file.weight(layer, role, shape)) for op, role, key in roles if layer.values[key]])


@WRITERS.register("rescale")
def rescale(file: OnnxFile, layer: LayerReport) -> None:
    """Constants that are not weights."""
    v = layer.values
    _rescaled(file, layer, v["factor"], v["offset"])


def _rescaled(file: OnnxFile, layer: LayerReport, factor: Any, offset: Any) -> None:
    steps = []
    for op, value, nothing in (("Mul", factor, 1), ("Add", offset, 0)):
        listed = list(value) if isinstance(value, tuple) else [value]
        if listed != [nothing]:
            shape = by_channel(layer) if len(listed) > 1 else ()
            floats = [float(n) for n in listed]
            steps.append((op, file.constant(layer, op.lower() + "end", floats, whole=False, shape=shape)))
    _apply(file, layer, steps)


@WRITERS.register("normalization")
def normalization(file: OnnxFile, layer: LayerReport) -> None:
    """(x - mean)/max(sqrt(variance), 1e-7) by constants; statistics that are weights have no operator."""
    v = layer.values
    if "mean" not in v:
        raise unsaid(layer, "learnt statistics and their count", "give mean and variance")
    factor, offset = factors(v)
    _rescaled(file, layer, tuple(factor), tuple(offset))


@WRITERS.register("layernorm")
def layernorm(file: OnnxFile, layer: LayerReport) -> None:
    """Over the last axes; others are brought there, and back."""
    rank = len(layer.sample)
    axes = list(layer.traced.axes)
    sizes = numbers(layer, tuple([layer.sample[a - 1] for a in axes]), "weights")
    weights = affine(file, layer, sizes, lambda a: a)
    weights = weights if layer.values["center"] else weights[:1]
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
    """Of two, or of several."""
    reads = file.reads(layer)
    file.node("Add" if len(reads) == 2 else "Sum", reads, layer.name)


@WRITERS.register("mul")
def mul(file: OnnxFile, layer: LayerReport) -> None:
    """One after another."""
    first, *others = file.reads(layer)
    for number, other in enumerate(others, 1):
        last = number == len(others)
        first = (
            file.node("Mul", [first, other], layer.name) if last else file.step(layer, "product", "Mul", [first, other])
        )
