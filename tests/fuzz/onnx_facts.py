"""What onnxruntime and the file say about an ONNX model: its first output, MACs by formula, and its arrays."""

from __future__ import annotations

import copy
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper

COUNTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv", "QLinearConv", "ConvInteger", "QLinearMatMul",
           "MatMulInteger", "LSTM", "GRU", "RNN")  # fmt: skip
VIEWS = ("Identity", "Cast", "Transpose", "DequantizeLinear", "Reshape", "Unsqueeze", "Squeeze")
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
TRAINED = {
    **dict.fromkeys(
        ("Conv", "ConvTranspose", "Gemm", "FusedConv", "InstanceNormalization", "LayerNormalization"), (1, 2)
    ),
    **dict.fromkeys(("PRelu", "ConvInteger"), (1,)),
    **dict.fromkeys(("MatMul", "MatMulInteger", "Add", "Mul", "Sub", "Div"), (0, 1)),
    **dict.fromkeys(("GroupNormalization", "BatchNormalization"), (1, 2)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3)),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
}
"""The inputs of each operator that are trainable if they are stored in the file."""


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """Return a session of onnxruntime without optimization, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model: onnx.ModelProto, feeds: dict[str, Any]) -> Any:
    """Return the first output of a model."""
    return session(model).run(model.graph.output[:1] and [model.graph.output[0].name], feeds)[0]


def observe(model: onnx.ModelProto, feeds: dict[str, Any]) -> tuple[Any, int]:
    """Return the first output of a model, and its MACs from the shapes of the tensors in that run.

    Nodes inside `If` and `Loop` are not counted.
    """
    held = {one.name for one in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type in COUNTED]
    seen = {name for node in nodes for name in (*node.input, *node.output[:1]) if name} - held - set(feeds)
    constants = {out for node in model.graph.node if node.op_type == "Constant" for out in node.output}
    first, wide = model.graph.output[0].name, copy.deepcopy(model)
    del wide.graph.output[:]
    names = [first, *sorted(seen - {first} - constants)]
    wide.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    shapes: dict[str, tuple[int, ...]] = {name: np.shape(value) for name, value in feeds.items()}
    shapes |= {one.name: tuple(one.dims) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            shapes[node.output[0]] = tuple(node.attribute[0].t.dims)
    results = session(wide).run(names, feeds)
    shapes |= {name: np.shape(value) for name, value in zip(names, results, strict=True)}
    return results[0], sum(macs(node, shapes) for node in nodes)


def macs(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the MACs of a node from the shapes of its inputs and outputs."""
    kind, ins = node.op_type, [shapes.get(name, ()) for name in node.input]
    out = shapes.get(node.output[0], ())
    if kind == "ConvTranspose":
        return prod(ins[0]) * prod(ins[1][1:])
    if kind in GATES:
        directions, gates_h, size = ins[1]
        return ins[0][0] * ins[0][1] * directions * gates_h * (size + gates_h // GATES[kind])
    if kind == "Gemm":
        transposed = any(one.name == "transA" and one.i for one in node.attribute)
        return prod(out) * ins[0][0 if transposed else 1]
    if kind in ("MatMul", "MatMulInteger", "QLinearMatMul"):
        return prod(out) * ins[0][-1]
    return prod(out) * prod(ins[3 if kind == "QLinearConv" else 1][1:])


def arrays(model: onnx.ModelProto) -> tuple[int, int]:
    """Return how many trainable numbers and how many buffers a file holds, by the ops that read them.

    A single number in `Add`, `Mul`, `Sub` and `Div` does not count: it is part of a formula. Exporters merge arrays
    whose numbers are all equal, as before training; each `Identity` stands for one of them.
    """
    equal = {one.name for one in model.graph.initializer if is_uniform(one)}
    sizes = {one.name: (prod(one.dims), one.data_type) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            tensor = node.attribute[0].t
            sizes[node.output[0]] = (prod(tensor.dims), tensor.data_type)
    root: dict[str, str] = {}
    for node in model.graph.node:  # a weight after a cast, a transposition or a dequantization is that weight
        if node.op_type in VIEWS and node.input[0] in sizes:
            sizes[node.output[0]] = sizes[node.input[0]]
            if node.op_type == "Identity" and node.input[0] in equal:
                continue
            root[node.output[0]] = root.get(node.input[0], node.input[0])
    trained, kept = set[str](), set[str]()
    for node in model.graph.node:
        bare = node.op_type in ("Add", "Mul", "Sub", "Div")
        for at in TRAINED.get(node.op_type, ()):
            name = node.input[at] if at < len(node.input) else ""
            if name in sizes and not (bare and sizes[name][0] == 1) and sizes[name][1] != TensorProto.INT64:
                trained.add(root.get(name, name))
        if node.op_type == "BatchNormalization":
            kept.update(root.get(name, name) for name in node.input[3:5] if name in sizes)
    return sum(sizes[name][0] for name in trained), sum(sizes[name][0] for name in kept)


def is_uniform(tensor: TensorProto) -> bool:
    """Return whether all numbers of an array are equal."""
    values = numpy_helper.to_array(tensor)
    return bool(values.size) and bool((values == values.flat[0]).all())


def array(value: Any, name: str) -> TensorProto:
    """Return an array as an initializer."""
    return numpy_helper.from_array(np.asarray(value), name)
