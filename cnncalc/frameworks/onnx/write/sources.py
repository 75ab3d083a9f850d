"""Layers that read nothing, and those that fold axes into the batch or move it."""

from __future__ import annotations

from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers

WRITERS: Registry[str, OnnxWriter] = Registry()


@WRITERS.register("constant")
def constant(file: OnnxFile, layer: LayerReport) -> None:
    """Write an array with a batch of one: an initialiser, or one number in all places."""
    shape, value = [1, *numbers(layer, layer.traced.out, "constants")], layer.values["value"]
    if value is None:
        file.node("Identity", [file.weight(layer, "weight", shape)], layer.name)
        return
    number = file.onnx.helper.make_tensor("value", file.onnx.TensorProto.FLOAT, [1], [float(value)])
    file.node("ConstantOfShape", [file.constant(layer, "shape", shape)], layer.name, value=number)


@WRITERS.register("input")
def further_input(file: OnnxFile, layer: LayerReport) -> None:
    """Write nothing: it is an input of the graph."""


@WRITERS.register("tobatch", "frombatch")
def fold(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Reshape that counts the batch anew."""
    shape = file.constant(layer, "shape", [-1, *numbers(layer, layer.traced.out, "folded axes")])
    file.node("Reshape", [*file.reads(layer), shape], layer.name)


@WRITERS.register("movebatch")
def movebatch(file: OnnxFile, layer: LayerReport) -> None:
    """Write the batch at its place in an output; a layer that reads it has it in front."""
    to, rank = layer.values["to"], len(layer.sample)
    if any(layer.nodes[at] is layer.node for node in layer.nodes for at in node.reads if at >= 0):
        to = 0
    perm = [*range(1, to + 1), 0, *range(to + 1, rank + 1)]
    file.node("Transpose" if to else "Identity", file.reads(layer), layer.name, perm=perm if to else None)
