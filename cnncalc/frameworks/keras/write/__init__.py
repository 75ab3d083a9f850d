"""A network as a Keras 3 document, as `to_json()` writes it and `keras.models.model_from_json` reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from ....errors import CnncalcError, shown
from ....layers import Sign
from ....network import INPUT, Network
from ....registry import Registry
from ....report import LayerReport
from ....sizes import Shape, known
from ....trace import shape
from ....wiring import unused_name
from ...support import refusal
from . import simple, windows
from .step import KerasContext, KerasStep, KerasWriter, refuse

WRITERS: Registry[str, KerasWriter] = Registry(windows.WRITERS, simple.WRITERS)
"""How each op is written, by its family's word."""


class KerasTensor(NamedTuple):
    """What a layer gives in Keras: the layer that gives it, which of its calls, and its sizes."""

    name: str
    call: int
    out: Shape


def write(network: Network) -> str:
    """The whole document. SpecError, with the layer, for what Keras cannot say."""
    report = shape(_renamed(network))
    model = ModelWriter(report.network, report.batch)
    whole = model.functional(_model_name(network), report.layers, report.sample, outermost=True)
    return json.dumps({"module": "keras.src.models.functional", **whole}) + "\n"


def _renamed(network: Network) -> Network:
    """The network with names that Keras takes: `/conv1/Conv`, as ONNX files have them, is `conv1_Conv`."""
    taken = {node.name for node in network.nodes}
    nodes = []
    for node in network.nodes:
        name = node.name
        if "/" in name:
            name = unused_name(name.strip("/").replace("/", "_") or "layer", taken)
            taken.add(name)
        nodes.append(node._replace(name=name))
    return network._replace(nodes=tuple(nodes))


def _model_name(network: Network) -> str:
    return (network.name or "model").replace("/", "_")


class ModelWriter:
    """A model being written: the network's, or that of a block in it."""

    def __init__(self, network: Network, batch: int | None):
        self.network, self.batch = network, batch
        self.layers: dict[str, dict[str, Any]] = {}

    def functional(self, name: str, layers: Sequence[LayerReport], start: Shape, *, outermost: bool) -> dict[str, Any]:
        """The model of these layers, which read `start`. SpecError, with the layer, for what Keras cannot say.

        Its outputs are the layers that no other layer reads. Of a block the last layer comes first: what reads the
        block reads its first output.
        """
        self.taken = {"input", *(layer.name for layer in layers)}
        self.input("input", start)
        results: list[KerasTensor] = []
        signs: list[bool] = []
        first = KerasTensor("input", 0, start)
        inputs = ["input"]
        for layer in layers:
            reads = [first if at == INPUT else results[at] for at in layer.node.reads]
            positive = all(at != INPUT and signs[at] for at in layer.node.reads)
            try:
                results.append(self.write_layer(layer, reads, positive, results, inputs))
            except CnncalcError as error:
                raise self.network.blame(error, layer.node) from None
            sign = layer.node.layer.sign
            signs.append(sign is Sign.NOT_NEGATIVE or (sign is Sign.KEPT and positive))
        read = {at for layer in layers for at in layer.node.reads}
        ends = [one for at, one in enumerate(results) if at not in read]
        if not outermost:
            ends = [ends[-1], *ends[:-1]]
        outputs = [[one.name, one.call, 0] for one in ends]
        listed = [[one, 0, 0] for one in inputs]
        config = {"name": name, "trainable": True, "layers": list(self.layers.values())}
        config["input_layers"] = listed[0] if len(listed) == 1 else listed
        config["output_layers"] = outputs[0] if len(outputs) == 1 else outputs
        return {"class_name": "Functional", "config": config, "registered_name": "Functional"}

    def input(self, name: str, sizes: Shape) -> None:
        """An input layer."""
        config = {"batch_shape": self.shape(sizes), "dtype": "float32", "name": name}
        self.layers[name] = _entry("keras.layers", "InputLayer", config, name)

    def shape(self, sizes: Shape) -> list[int | None]:
        """A shape with the batch; null for what is open."""
        return [self.batch, *map(known, sizes)]

    def write_layer(
        self,
        layer: LayerReport,
        reads: list[KerasTensor],
        positive: bool,
        results: list[KerasTensor],
        inputs: list[str],
    ) -> KerasTensor:
        """One layer, as all the Keras layers that it is."""
        if "/" in layer.name:
            raise refuse(f"the name {shown(layer.name)}, which has a / in it", "give the layer another name")
        if layer.op == "opaque" and layer.values.get("type") == "InputLayer" and layer.traced.out:
            self.input(layer.name, layer.traced.out)
            inputs.append(layer.name)
            return KerasTensor(layer.name, 0, layer.traced.out)
        tied = None if layer.node.tie is None else results[layer.node.tie].name
        if layer.inner:
            writer = ModelWriter(self.network, self.batch)
            inner = writer.functional(layer.name, layer.inner, layer.sample, outermost=False)
            entry = {"module": "keras.src.models.functional", **inner}
            return self.call(layer.name, entry, reads, layer.traced.out, tied)
        if (reason := refusal(layer, "keras")) is not None:
            raise refuse(reason)
        for step in WRITERS[layer.node.layer.WORD](KerasContext(layer, positive)):
            own = layer.name if not step.suffix else self.unique(layer.name + step.suffix)
            reads = [self.step(own, step, reads, None if step.suffix else tied)]
        return reads[0]

    def step(self, name: str, step: KerasStep, reads: list[KerasTensor], tied: str | None) -> KerasTensor:
        """One Keras layer of this name, or one more call of that which it is tied to."""
        entry = _entry(step.module, step.kind, {"name": name, **step.config}, name)
        return self.call(name, entry, reads, step.out, tied, step.more, step.kind in ("Add", "Multiply", "Concatenate"))

    def call(
        self,
        name: str,
        entry: dict[str, Any],
        reads: list[KerasTensor],
        out: Shape,
        tied: str | None,
        more: tuple[Any, ...] = (),
        listed: bool = False,
    ) -> KerasTensor:
        """A call of a new layer, or of the one that it is tied to. SpecError if the two differ."""
        if tied is not None:
            same = {**entry["config"], "name": tied} == self.layers[tied]["config"]
            if not same or entry["class_name"] != self.layers[tied]["class_name"]:
                raise refuse(f"it shares the weights of {shown(tied)}, which is a different layer", key="tie")
        entry = self.layers.setdefault(tied or name, {**entry, "name": name, "inbound_nodes": []})
        tensors = [self.tensor(one) for one in reads]
        entry["inbound_nodes"].append({"args": [tensors] if listed else [*tensors, *more], "kwargs": {}})
        return KerasTensor(entry["name"], len(entry["inbound_nodes"]) - 1, out)

    def tensor(self, read: KerasTensor) -> dict[str, Any]:
        """What is read, as Keras writes a tensor."""
        config = {"shape": self.shape(read.out), "dtype": "float32", "keras_history": [read.name, read.call, 0]}
        return {"class_name": "__keras_tensor__", "config": config}

    def unique(self, stem: str) -> str:
        """A name that no layer has."""
        name = unused_name(stem, self.taken)
        self.taken.add(name)
        return name


def _entry(module: str, kind: str, config: dict[str, Any], name: str) -> dict[str, Any]:
    registered = None if module == "keras.layers" else kind
    return {
        "module": module,
        "class_name": kind,
        "config": config,
        "registered_name": registered,
        "name": name,
        "inbound_nodes": [],
    }
