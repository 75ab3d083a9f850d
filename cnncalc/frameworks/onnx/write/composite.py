"""Constants, further inputs, and layers that fold axes into the batch."""

from __future__ import annotations

from typing import Any

from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers

WRITERS: Registry[str, OnnxWriter] = Registry()


@WRITERS.register("constant")
def constant(file: OnnxFile, layer: LayerReport) -> None:
    """Write an initializer, or a ConstantOfShape for one number; the first axis is a batch of 1."""
    shape, value = [1, *numbers(layer, layer.traced.out, "a constant")], layer.values["value"]
    if value is None:
        file.node("Identity", [file.weight(layer, "weight", shape)], layer.name)
        return
    helper, types = file.onnx.helper, file.onnx.TensorProto
    filling = helper.make_tensor("value", types.FLOAT, [1], [float(value)])
    file.node("ConstantOfShape", [file.constant(layer, "shape", shape)], layer.name, value=filling)


@WRITERS.register("input")
def further_input(file: OnnxFile, layer: LayerReport) -> None:
    """Write an input of the graph."""
    file.inputs.append(file.value(layer))


@WRITERS.register("tobatch", "frombatch")
def batch_axes(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Reshape whose first size is inferred."""
    shape: list[Any] = [-1, *numbers(layer, layer.traced.out, "a sample with a folded axis")]
    file.node("Reshape", [*file.reads(layer), file.constant(layer, "shape", shape)], layer.name)


@WRITERS.register("movebatch")
def movebatch(file: OnnxFile, layer: LayerReport) -> None:
    """Write the move of the batch in an output; layers that read the value have the batch in front."""
    others = list(range(1, len(layer.traced.out) + 1))
    to = file.batch_at(layer)
    file.node("Transpose", file.reads(layer), layer.name, perm=[*others[:to], 0, *others[to:]])


def as_batch(file: OnnxFile, layer: LayerReport, first: bool = False) -> list[str]:
    """Return the names of a layer's inputs, with those without a batch repeated to the others' batch."""
    names, reads = file.reads(layer, first), list(zip(layer.reads_fields, layer.inputs(), strict=True))
    batched = [name for name, (fields, _) in zip(names, reads, strict=True) if fields.batched]
    if len(batched) in (0, len(names)):
        return names
    rank = len(layer.sample) + 1
    batch = file.step(layer, "batch", "Shape", [batched[0]], start=0, end=1)
    ones = file.constant(layer, "ones", [1] * (rank - 1))
    shape = file.step(layer, "shape", "Concat", [batch, ones], axis=0)
    return [
        name if fields.batched else file.step(layer, "repeated", "Expand", [name, shape])
        for name, (fields, _) in zip(names, reads, strict=True)
    ]
