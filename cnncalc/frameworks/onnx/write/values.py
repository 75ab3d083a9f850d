"""Functions of each value, and what multiplies and adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ....layers.affine import factors
from ....report import LayerReport
from .file import File, numbers, unsaid, weight_shape
from .windows import Writing, affine, by_channel, finish, front

PLAIN = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "hardswish": "HardSwish",
    "selu": "Selu",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "mish": "Mish",
    "exp": "Exp",
    "identity": "Identity",
}


def _none(values: dict[str, Any]) -> dict[str, Any]:
    return {}


def one(op: str, attributes: Callable[[dict[str, Any]], dict[str, Any]] = _none) -> Writing:
    """One node with the attributes that the layer's keys say."""

    def handle(file: File, layer: LayerReport) -> None:
        file.node(op, file.reads(layer), layer.name, **attributes(layer.values))

    return handle


def silu(file: File, layer: LayerReport) -> None:
    """x*sigmoid(x)."""
    (x,) = file.reads(layer)
    file.node("Mul", [x, file.step(layer, "sigmoid", "Sigmoid", [x])], layer.name)


def _clipped(file: File, layer: LayerReport, bounds: Sequence[float | None]) -> None:
    names = [
        "" if bound is None else file.constant(layer, part, [float(bound)], whole=False, shape=())
        for part, bound in zip(("min", "max"), bounds, strict=True)
    ]
    file.node("Clip", [*file.reads(layer), *names], layer.name)


def clip(file: File, layer: LayerReport) -> None:
    """Within bounds."""
    _clipped(file, layer, (layer.values["min"], layer.values["max"]))


def relu6(file: File, layer: LayerReport) -> None:
    """Within 0 and 6."""
    _clipped(file, layer, (0, 6))


def dropout(file: File, layer: LayerReport) -> None:
    """Nothing, once trained."""
    ratio = file.constant(layer, "ratio", [float(layer.values["rate"])], whole=False, shape=())
    file.node("Dropout", [*file.reads(layer), ratio], layer.name)


def prelu(file: File, layer: LayerReport) -> None:
    """Slopes shaped to meet a sample."""
    shape = weight_shape(layer, "weight")
    if len(shape) == 1 and shape[0] > 1 and not file.last:
        shape = [*shape, *[1] * (len(layer.sample) - 1)]
    file.node("PRelu", [*file.reads(layer), file.weight(layer, "weight", shape)], layer.name)


def linear(file: File, layer: LayerReport) -> None:
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


def _apply(file: File, layer: LayerReport, steps: list[tuple[str, str]]) -> None:
    """(op, constant) one after another; an Identity where there is none."""
    (x,) = file.reads(layer)
    if not steps:
        file.node("Identity", [x], layer.name)
        return
    if file.last:
        x = file.step(layer, "channels_first", "Transpose", [x], perm=front(layer))
    finish(file, layer, steps, x)


def scale(file: File, layer: LayerReport) -> None:
    """A weight and a bias a channel."""
    shape = by_channel(layer)
    roles = [("Mul", "weight", "scale"), ("Add", "bias", "center")]
    _apply(file, layer, [(op, file.weight(layer, role, shape)) for op, role, key in roles if layer.values[key]])


def rescale(file: File, layer: LayerReport) -> None:
    """Constants that are no weights."""
    v = layer.values
    _rescaled(file, layer, v["factor"], v["offset"])


def _rescaled(file: File, layer: LayerReport, factor: Any, offset: Any) -> None:
    steps = []
    for op, value, nothing in (("Mul", factor, 1), ("Add", offset, 0)):
        listed = list(value) if isinstance(value, tuple) else [value]
        if listed != [nothing]:
            shape = by_channel(layer) if len(listed) > 1 else ()
            floats = [float(n) for n in listed]
            steps.append((op, file.constant(layer, op.lower() + "end", floats, whole=False, shape=shape)))
    _apply(file, layer, steps)


def normalization(file: File, layer: LayerReport) -> None:
    """(x - mean)/max(sqrt(variance), 1e-7) by constants; statistics that are weights have no operator."""
    v = layer.values
    if "mean" not in v:
        raise unsaid(layer, "statistics that are learnt, and their count", "give mean and variance")
    factor, offset = factors(v)
    _rescaled(file, layer, tuple(factor), tuple(offset))


def layernorm(file: File, layer: LayerReport) -> None:
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


def add(file: File, layer: LayerReport) -> None:
    """Of two, or of several."""
    reads = file.reads(layer)
    file.node("Add" if len(reads) == 2 else "Sum", reads, layer.name)


def mul(file: File, layer: LayerReport) -> None:
    """One after another."""
    first, *others = file.reads(layer)
    for number, other in enumerate(others, 1):
        last = number == len(others)
        first = (
            file.node("Mul", [first, other], layer.name) if last else file.step(layer, "product", "Mul", [first, other])
        )


WRITERS: dict[str, Writing] = {
    **{word: one(op) for word, op in PLAIN.items()},
    "leakyrelu": one("LeakyRelu", lambda v: {"alpha": float(v["alpha"])}),
    "elu": one("Elu", lambda v: {"alpha": float(v["alpha"])}),
    "hardsigmoid": one("HardSigmoid", lambda v: {"alpha": float(v["alpha"]), "beta": 0.5}),
    "gelu": one("Gelu", lambda v: {"approximate": "tanh" if v["approximate"] else "none"}),
    "softmax": one("Softmax", lambda v: {"axis": v["axis"]}),
    "silu": silu,
    "clip": clip,
    "relu6": relu6,
    "dropout": dropout,
    "prelu": prelu,
    "linear": linear,
    "scale": scale,
    "rescale": rescale,
    "normalization": normalization,
    "layernorm": layernorm,
    "add": add,
    "mul": mul,
}
