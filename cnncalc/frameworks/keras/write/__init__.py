"""The writer of Keras 3 documents, in the form of `to_json()` that `keras.models.model_from_json` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ....errors import CnncalcError, shown
from ....layers import Sign
from ....layers.names import KERAS
from ....network import INPUT, Network, Node
from ....notation.encode import encode
from ....registry import Registry
from ....report import LayerReport
from ....sizes import Shape, known
from ....trace import shape
from ....wiring import unused_name
from . import sequences, simple, windows
from .step import NUMPY, KerasContext, KerasWriter, inexpressible

WRITERS: Registry[str, KerasWriter] = Registry(windows.WRITERS, simple.WRITERS, sequences.WRITERS)
"""The writers by op word, without an ending for the number of axes."""
WRITERS.update({op: KerasContext.named for op in KERAS if op not in WRITERS})


_LAYERS = ("Add", "Subtract", "Multiply", "Minimum", "Maximum", "Concatenate")
LISTED = {*(("keras.layers", kind) for kind in _LAYERS), (NUMPY, "Stack")}
"""The layers and operations that take a list of inputs, by module and class."""


class KerasTensor(NamedTuple):
    """The output of a Keras layer: the layer, the index of its call, and the sizes."""

    name: str
    call: int
    out: Shape
    not_negative: bool = False
    """Whether it certainly has no negative values."""


def write(network: Network) -> str:
    """Return the whole document. Raise SpecError, with the layer, for what Keras cannot express."""
    report = shape(_renamed(network))
    name = (network.name or "model").replace("/", "_")
    writer = ModelWriter(report.network, report.batch)
    return encode(writer.functional(name, report.layers, report.sample)) + "\n"


def _renamed(network: Network) -> Network:
    """Return the network with names that Keras accepts: `/conv1/Conv`, as in ONNX files, becomes `conv1_Conv`."""
    taken, tried = {node.name for node in network.nodes}, dict[str, int]()
    nodes = []
    for node in network.nodes:
        name = node.name
        if "/" in name:
            name = unused_name(name.strip("/").replace("/", "_") or "layer", taken, tried=tried)
            taken.add(name)
        nodes.append(node._replace(name=name))
    return network._replace(nodes=tuple(nodes))


NORMS_OF_CHANNELS = ("batchnorm", "groupnorm", "instancenorm")
"""Keras layers that accept only one number of axes per object."""


class ModelWriter:
    """The writer of one model: the network or a block."""

    def __init__(self, network: Network, batch: int | None, within: tuple[Node, ...] = ()):
        self.network, self.batch, self.within = network, batch, within
        """`within` has the block and those around it."""
        self.layers: dict[str, dict[str, Any]] = {}
        self.inputs: list[str] = []
        self.results: list[KerasTensor] = []
        """The output of each layer."""

    def functional(self, name: str, layers: Sequence[LayerReport], start: Shape) -> dict[str, Any]:
        """Return the model of these layers, whose input is `start`. Raise SpecError, with the layer, if Keras lacks it.

        Its outputs are the layers that no other layer reads, the last one first.
        """
        self.taken = {"input", *(layer.name for layer in layers)}
        first = self.input("input", start)
        for layer in layers:
            reads = [first if at == INPUT else self.results[at] for at in layer.node.reads]
            try:
                result = self.write_layer(layer, reads)
            except CnncalcError as error:
                raise self.network.blame(error, layer.node, self.within) from None
            kept = layer.node.layer.sign is Sign.KEPT and all(one.not_negative for one in reads)
            self.results.append(result._replace(not_negative=kept or layer.node.layer.sign is Sign.NOT_NEGATIVE))
        read = {at for layer in layers for at in layer.node.reads}
        ends = [[one.name, one.call, 0] for at, one in enumerate(self.results) if at not in read]
        outputs = [ends[-1], *ends[:-1]]
        inputs = [[one, 0, 0] for one in self.inputs]
        config = {"name": name, "trainable": True, "layers": list(self.layers.values())}
        config["input_layers"] = inputs[0] if len(inputs) == 1 else inputs
        config["output_layers"] = outputs[0] if len(outputs) == 1 else outputs
        return _entry("keras.src.models.functional", "Functional", config)

    def input(self, name: str, sizes: Shape) -> KerasTensor:
        """Add an input layer and return its output."""
        config = {"batch_shape": self.shape(sizes), "dtype": "float32", "name": name}
        self.layers[name] = {**_entry("keras.layers", "InputLayer", config), "name": name, "inbound_nodes": []}
        self.inputs.append(name)
        return KerasTensor(name, 0, sizes)

    def shape(self, sizes: Shape) -> list[int | None]:
        """Return a shape with the batch, with None for open sizes."""
        return [self.batch, *map(known, sizes)]

    def write_layer(self, layer: LayerReport, reads: list[KerasTensor]) -> KerasTensor:
        """Add one layer as one or more Keras layers, and return its output."""
        if "/" in layer.name:
            raise inexpressible(f"the name {shown(layer.name)}, which contains a /", "give the layer another name")
        if layer.op == "input":
            if self.within:
                raise inexpressible("an additional input inside a block", "move it out of the block")
            return self.input(layer.name, layer.traced.out)
        tied = self.owner(layer)
        if layer.inner:
            writer = ModelWriter(self.network, self.batch, (*self.within, layer.node))
            entry = writer.functional(layer.name, layer.inner, layer.sample)
            return self.call(entry, reads, layer.traced.out, tied)
        if (reason := layer.refusal("keras_write")) is not None:
            raise inexpressible(reason)
        inputs, made = reads, dict[str, KerasTensor]()
        for step in WRITERS[layer.node.layer.WORD](KerasContext(layer, all(one.not_negative for one in reads))):
            name = layer.name
            if step.reads is not None:
                reads = [inputs[one] if isinstance(one, int) else made[one] for one in step.reads]
            if step.suffix:
                name = unused_name(name + step.suffix, self.taken)
                self.taken.add(name)
            entry = _entry(step.module, step.kind, {"name": name, **step.config})
            own = None if step.suffix else tied
            made[step.suffix] = self.call(entry, reads, step.out, own, step.more, step.named)
            reads = [made[step.suffix]]
        return reads[0]

    def owner(self, layer: LayerReport) -> str | None:
        """Return the name of the layer whose weights a layer shares; None if it has its own or none.

        Keras builds a layer for its first input, so a layer with only constants is a new one each time.
        """
        if layer.node.tie is None or not (layer.inner or layer.weight_shapes()):
            return None
        first = self.results[layer.node.tie]
        if layer.op in NORMS_OF_CHANNELS and len(first.out) != len(layer.traced.out):
            raise inexpressible("a norm shared by inputs with different numbers of axes", "remove tie", key="tie")
        return first.name

    def call(
        self,
        entry: dict[str, Any],
        reads: list[KerasTensor],
        out: Shape,
        tied: str | None,
        more: tuple[Any, ...] = (),
        named: Mapping[str, Any] = {},
    ) -> KerasTensor:
        """Add a call of a new layer, or of the layer it is tied to. Raise SpecError if the two differ."""
        config = entry["config"]
        if tied is not None:
            first = self.layers[tied]
            if {**config, "name": tied} != first["config"] or entry["class_name"] != first["class_name"]:
                raise inexpressible(f"it shares the weights of {shown(tied)}, which is a different layer", key="tie")
        name = tied or config["name"]
        nodes = self.layers.setdefault(name, {**entry, "name": name, "inbound_nodes": []})["inbound_nodes"]
        tensors = [self.tensor(one) for one in reads]
        listed = (entry["module"], entry["class_name"]) in LISTED
        nodes.append({"args": [tensors] if listed else [*tensors, *more], "kwargs": dict(named)})
        return KerasTensor(name, len(nodes) - 1, out)

    def tensor(self, read: KerasTensor) -> dict[str, Any]:
        """Return a tensor in Keras's form."""
        config = {"shape": self.shape(read.out), "dtype": "float32", "keras_history": [read.name, read.call, 0]}
        return {"class_name": "__keras_tensor__", "config": config}


def _entry(module: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    registered = None if module == "keras.layers" else kind
    return {"module": module, "class_name": kind, "config": config, "registered_name": registered}
