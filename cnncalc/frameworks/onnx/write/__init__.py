"""The writer of ONNX files (https://onnx.ai/onnx/operators): paddings are resolved, weights are initializers."""

from __future__ import annotations

from ....errors import SpecError
from ....network import Network
from ....registry import Registry
from ....trace import shape
from . import axes, composite, sequences, values, windows
from .file import MOST_BYTES, OPSET, WITHOUT, OnnxFile, OnnxWriter, inexpressible

WRITERS: Registry[str, OnnxWriter] = Registry(
    windows.WRITERS, values.WRITERS, axes.WRITERS, sequences.WRITERS, composite.WRITERS
)
"""The writers by op word, without an ending for the number of axes."""


def write(network: Network) -> bytes:
    """Return the bytes of the file. Raise SpecError with the layer's name for what ONNX cannot express.

    Weights are those of the network's own file; others are zeros that a node makes from their shape.
    """
    network = network.inlined()
    report = shape(network)
    file = OnnxFile(report, report.batch)
    for layer in report.layers:
        if (reason := layer.refusal("onnx_write")) is not None:
            raise inexpressible(layer, f"this: {reason}")
        WRITERS[layer.node.layer.WORD](file, layer)
    inputs = [layer for layer in report.layers if layer.node.layer.WORD == "input"]
    outputs = report.outputs()
    for layer in outputs:
        file.value_of(layer.name)
    graph = file.graph
    graph.name = network.name or "network"
    graph.input.extend([file.first_input(), *file.inputs])
    graph.output.extend([file.value(layer) for layer in outputs])
    graph.value_info.extend([file.value(layer) for layer in report.layers if layer not in (*outputs, *inputs)])
    file.model.opset_import.append(file.onnx.helper.make_opsetid("", OPSET))
    try:
        data: bytes = file.model.SerializeToString()
    except Exception as error:
        if isinstance(error, ValueError) or file.model.ByteSize() > MOST_BYTES:
            raise SpecError("the network is more than 2 GiB, the most an ONNX file can hold", WITHOUT) from None
        if type(error).__name__ == "EncodeError":  # raised by protobuf if memory is insufficient
            raise MemoryError("for the bytes of the file") from None
        raise
    return data
