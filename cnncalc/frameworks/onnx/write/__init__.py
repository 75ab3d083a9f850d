"""A network as ONNX (https://onnx.ai/onnx/operators): every padding worked out, weights in initialisers."""

from __future__ import annotations

from ....errors import SpecError
from ....network import Network
from ....registry import Registry
from ....trace import shape
from . import axes, composite, sequences, values, windows
from .file import IR_VERSION, OPSET, OnnxFile, OnnxWriter, unsaid

WRITERS: Registry[str, OnnxWriter] = Registry(
    windows.WRITERS, values.WRITERS, axes.WRITERS, sequences.WRITERS, composite.WRITERS
)
"""The writer of each op, by its family's word."""


def write(network: Network) -> bytes:
    """Return the bytes of the file. SpecError with the layer's name for what ONNX cannot say.

    Weights are those that the network's own file holds; others are zeros that a node makes from their shape.
    """
    network = network.inlined()
    report = shape(network)
    file = OnnxFile(report, report.batch)
    for layer in report.layers:
        if (reason := layer.refusal("onnx_write")) is not None:
            raise unsaid(layer, f"this: {reason}")
        WRITERS[layer.node.layer.WORD](file, layer)
    helper, inputs = file.onnx.helper, [layer for layer in report.layers if layer.node.layer.WORD == "input"]
    outputs = report.outputs()
    for layer in outputs:
        file.value_of(layer.name)
    graph = helper.make_graph(
        file.nodes,
        network.name or "network",
        [file.first_input(), *file.inputs],
        [file.value(layer) for layer in outputs],
        file.initialisers,
        value_info=[file.value(layer) for layer in report.layers if layer not in (*outputs, *inputs)],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="cnncalc")
    try:
        data: bytes = model.SerializeToString()
    except ValueError:  # beyond what protobuf holds
        raise SpecError("the network is more than 2 GiB, the most an ONNX file can hold", "leave -w out") from None
    return data
