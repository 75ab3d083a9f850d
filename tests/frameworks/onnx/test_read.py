"""ONNX files as networks: the figures of their exporters, and the shapes that onnx itself infers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnncalc
from cnncalc.frameworks.onnx.read import const, read
from cnncalc.frameworks.onnx.read.const import messages, of_tensor
from cnncalc.frameworks.onnx.read.model import USUAL, arity, dims_of, infer
from cnncalc.sizes import NOTHING_KNOWN
from cnncalc.sources import read_bytes
from tests import DATA
from tests.program import here
from tests.zoo.test_zoo import of

EXPORTS = sorted(path.stem for path in (DATA / "onnx").glob("*.onnx"))
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
Layers = list[dict[str, Any]]
NEW_ONNX = pytest.mark.skipif(
    tuple(map(int, onnx.__version__.split(".")[:2])) < (1, 22),
    reason="before onnx 1.22 its reference had no reverse direction, and its inference gave an unknown shape as []",
)
"""For tests whose oracle is newer than the lowest version."""


def export(name: str) -> Path:
    return DATA / "onnx" / f"{name}.onnx"


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_have_the_figures_of_the_networks(name: str) -> None:
    (row,) = of("networks.csv", name)
    report = cnncalc.shape(export(name))
    assert report.out == (1, 1000)
    assert (report.params, report.macs) == (int(row["params"]), int(row["macs"]))
    assert not [layer.name for layer in report.layers if layer.op == "opaque"]


@pytest.mark.parametrize("name", EXPORTS)
def test_every_shape_is_what_onnx_infers(name: str) -> None:
    model = onnx.load(export(name), load_external_data=False)
    inferred = infer(model, model.ByteSize())
    layers = {layer.name: layer for layer in cnncalc.shape(export(name)).layers}
    compared = 0
    for node in model.graph.node:
        info, layer = inferred.get(node.output[0]), layers.get(node.name)
        if info is not None and layer is not None:
            assert list(layer.out) == dims_of(info), node.name
            compared += 1
    assert compared > 15


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_the_models_that_come_with_onnx(path: Path) -> None:
    model = onnx.load(path)
    report = cnncalc.shape(path)
    assert list(report.out) == dims_of(model.graph.output[0])
    assert not [layer.name for layer in report.layers if layer.op == "opaque"]
    assert isinstance(report.params, int)
    assert report.params > 1_000_000


def model(
    nodes: list[Any],
    x: list[int | str | None],
    arrays: dict[str, Any] | None = None,
    opset: int = 17,
    outputs: list[Any] | None = None,
) -> bytes:
    """Return an ONNX file with input x and output y."""
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        outputs or [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in (arrays or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(made.SerializeToString())


def several(nodes: list[Any], inputs: dict[str, list[int | str]], outputs: list[str]) -> bytes:
    """Return an ONNX file with these inputs and outputs."""
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name, sizes in inputs.items()]
    graph = helper.make_graph(nodes, "made", given, [named(one) for one in outputs])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def layers_of(data: bytes) -> Layers:
    layers: Layers = read(data).spec["layers"]
    return layers


def out_of(data: bytes) -> tuple[object, ...]:
    return tuple(cnncalc.shape(read(data).spec).out)


def named(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def check_values(data: bytes, x: Any) -> None:
    """Compare the values of what is read with those of onnx's own reference."""
    from onnx.reference import ReferenceEvaluator

    expected = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"x": x})[0]
    np.testing.assert_allclose(cnncalc.run(read_bytes(data, "net.onnx"), x), expected, rtol=1e-4, atol=1e-5)


def chain(*rows: tuple[str, list[str], str, dict[str, Any]]) -> list[Any]:
    return [helper.make_node(op, reads, [out], name=out, **more) for op, reads, out, more in rows]


def drawn(*shape: int, seed: int = 2) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(F32)


N = "batch"
ones = np.ones
F32 = np.float32
I64 = np.int64


def node(op: str, *reads: str, **attributes: Any) -> Any:
    return helper.make_node(op, ["x", *reads], ["y"], name="n", **attributes)


@pytest.mark.parametrize(
    ("made", "op", "keys", "out"),
    [
        # onnx/defs/nn/defs.cc
        (node("Conv", "w", auto_pad="SAME_LOWER", strides=[2, 2]), "conv", {"p": "same_lower"}, (2, 5, 4, 6)),
        (node("Conv", "w", pads=[0, 1, 2, 3]), "conv", {"p": [[0, 2], [1, 3]]}, (2, 5, 7, 13)),
        (node("ConvTranspose", "v", strides=[2, 3], output_shape=[13, 31]), "convT", {"out": [13, 31]}, (2, 4, 13, 31)),
        (node("ConvTranspose", "v", strides=[2, 3], output_padding=[1, 0]), "convT", {}, (2, 4, 16, 32)),
        (node("MaxPool", kernel_shape=[3, 2]), "maxpool", {"s": [1, 1]}, (2, 3, 5, 10)),
        (node("AveragePool", kernel_shape=[3, 2], count_include_pad=1), "avgpool", {"count_include_pad": True}, None),
        (node("LpPool", kernel_shape=[3, 2], p=3), "lppool", {"norm": 3}, None),
        (node("GlobalMaxPool"), "globalmaxpool", {"keepdims": True}, (2, 3, 1, 1)),
        (node("ReduceMean", axes=[2, 3], keepdims=0), "globalavgpool", {"keepdims": False}, (2, 3)),
        (node("ReduceMean", axes=[-1]), "mean", {"axis": [3], "keepdims": True}, (2, 3, 7, 1)),
        (node("HardSigmoid"), "hardsigmoid", {"alpha": 0.2}, (2, 3, 7, 11)),
        (node("Clip", "zero", "six"), "relu6", {}, (2, 3, 7, 11)),
        (node("Clip", "", "six"), "clip", {"min": None, "max": 6.0}, (2, 3, 7, 11)),
        (node("PRelu", "slopes"), "prelu", {"num_parameters": 3}, (2, 3, 7, 11)),
        (node("Softmax", axis=1), "softmax", {"axis": 1}, (2, 3, 7, 11)),
        (node("Add", "six"), "rescale", {"offset": 6.0}, (2, 3, 7, 11)),
        (node("Div", "six"), "rescale", {"factor": 1 / 6}, (2, 3, 7, 11)),
        (node("Mul", "slopes"), "scale", {"scale": True, "center": False}, (2, 3, 7, 11)),
        (node("Sub", "slopes"), "scale", {"scale": False, "center": True}, (2, 3, 7, 11)),
        (node("Add", "x"), "add", {"from": ["input", "input"]}, (2, 3, 7, 11)),
        (node("Concat", "x", axis=-1), "concat", {"axis": 3}, (2, 3, 7, 22)),
        (node("Flatten"), "flatten", {}, (2, 231)),
        (node("Reshape", "two_minus"), "flatten", {}, (2, 231)),
        (node("Reshape", "zero_split"), "reshape", {"out": [21, 11]}, (2, 21, 11)),
        (node("Transpose", perm=[0, 2, 3, 1]), "permute", {"order": [2, 3, 1]}, (2, 7, 11, 3)),
        (node("Pad", "pads", "six", mode="constant"), "pad", {"p": [[1, 3], [2, 4]], "value": 6.0}, (2, 3, 11, 17)),
        (node("Pad", "pads", mode="edge"), "pad", {"mode": "edge"}, (2, 3, 11, 17)),
        (node("Pad", "crops"), "crop", {"p": [[1, 3], [2, 4]]}, (2, 3, 3, 5)),
        (
            node("Resize", "", "scales", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
            "upsample",
            {"factor": [2.0, 3.0]},
            (2, 3, 14, 33),
        ),
        (node("Resize", "", "", "sizes", mode="linear"), "upsample", {"out": [9, 10], "align": False}, (2, 3, 9, 10)),
        (node("Slice", "one", "big", "one"), "slice", {"axis": 1, "start": 1, "stop": 3}, (2, 2, 7, 11)),
        (node("Gather", "one", axis=2), "slice", {"axis": 2, "start": 1, "stop": 2}, (2, 3, 1, 11)),
        (node("LRN", size=3), "lrn", {"size": 3}, (2, 3, 7, 11)),
        (node("InstanceNormalization", "c", "c"), "instancenorm", {"scale": True, "center": True}, (2, 3, 7, 11)),
        (node("BatchNormalization", "c", "c", "c", "c"), "batchnorm", {"c_i": 3}, (2, 3, 7, 11)),
        (node("LayerNormalization", "last", axis=-1), "layernorm", {"axis": [3], "center": False}, (2, 3, 7, 11)),
        (node("MatMul", "matrix"), "linear", {"out": 4, "bias": False}, (2, 3, 7, 4)),
        (node("Neg"), "neg", {}, (2, 3, 7, 11)),
        (node("Unsqueeze", "one"), "reshape", {"out": [1, 3, 7, 11]}, (2, 1, 3, 7, 11)),
        (node("Erf"), "erf", {}, (2, 3, 7, 11)),
        (node("Pow", "six"), "pow", {"value": 6.0}, (2, 3, 7, 11)),
        (node("ReduceSum", "one"), "sum", {"axis": [1], "keepdims": True}, (2, 1, 7, 11)),
        (node("ReduceMax", axes=[1, 3], keepdims=0), "max", {"axis": [1, 3]}, (2, 7)),
        (node("ReduceL2", axes=[2]), "l2", {"axis": [2], "keepdims": True}, (2, 3, 1, 11)),
        (node("Einsum", equation="nchw->nwhc"), "einsum", {"equation": "chw->whc"}, (2, 11, 7, 3)),
        (node("Tile", "times"), "tile", {"repeats": [1, 2, 1]}, (2, 3, 14, 11)),
        (node("Gather", "turned", axis=1), "gather", {"axis": 1, "indices": [2, 0]}, (2, 2, 7, 11)),
        (
            node("Slice", "minus", "least", "one", "minus"),
            "slice",
            {"start": 2, "stop": None, "step": -1},
            (2, 3, 7, 11),
        ),
        # operators that cnncalc cannot express keep their shape
        (node("ReverseSequence", "turned"), "opaque", {"out": [3, 7, 11], "params": 0}, (2, 3, 7, 11)),
    ],
    ids=lambda value: value.op_type if hasattr(value, "op_type") else None,
)
def test_one_node(made: Any, op: str, keys: dict[str, object], out: tuple[int, ...] | None) -> None:
    arrays = {
        "w": ones((5, 3, 3, 3), F32),
        "v": ones((3, 4, 3, 2), F32),
        "zero": F32(0),
        "six": F32(6),
        "slopes": np.arange(3, dtype=F32).reshape(3, 1, 1),
        "c": np.arange(3, dtype=F32),
        "last": ones(11, F32),
        "matrix": ones((11, 4), F32),
        "two_minus": np.array([2, -1], I64),
        "zero_split": np.array([0, 21, 11], I64),
        "pads": np.array([0, 0, 1, 2, 0, 0, 3, 4], I64),
        "crops": -np.array([0, 0, 1, 2, 0, 0, 3, 4], I64),
        "scales": np.array([1, 1, 2, 3], F32),
        "sizes": np.array([2, 3, 9, 10], I64),
        "one": np.array([1], I64),
        "big": np.array([2**63 - 1], I64),
        "times": np.array([1, 1, 2, 1], I64),
        "turned": np.array([2, 0], I64),
        "minus": np.array([-1], I64),
        "least": np.array([-(2**63) + 1], I64),
    }
    used = {name: array for name, array in arrays.items() if name in made.input}
    data = model([made], [2, 3, 7, 11], used)
    (layer,) = layers_of(data)
    assert layer["op"] == op
    assert {key: layer.get(key) for key in keys} == keys
    inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(data), data_prop=True)
    assert list(out_of(data)) == dims_of(inferred.graph.output[0])
    assert out is None or out_of(data) == out


@pytest.mark.parametrize(
    ("opset", "made", "arrays", "op", "keys"),
    [
        (6, node("Clip", min=0.0, max=6.0), {}, "relu6", {}),
        (9, node("Slice", starts=[1], ends=[3], axes=[1]), {}, "slice", {"start": 1, "stop": 3}),
        (9, node("Pad", pads=[0, 0, 1, 2, 0, 0, 3, 4], value=1.5), {}, "pad", {"value": 1.5}),
        (7, node("Upsample", scales=[1.0, 1.0, 2.0, 3.0]), {}, "upsample", {"factor": [2.0, 3.0]}),
        (9, node("Upsample", "s"), {"s": np.array([1, 1, 2, 3], F32)}, "upsample", {"factor": [2.0, 3.0]}),
        (11, node("Unsqueeze", axes=[1]), {}, "reshape", {"out": [1, 3, 7, 11]}),
        (18, node("ReduceMean", "a"), {"a": np.array([2, 3], I64)}, "globalavgpool", {}),
        (11, node("Softmax", axis=3), {}, "softmax", {"axis": 3}),
        (10, node("Dropout", ratio=0.25), {}, "dropout", {"rate": 0.25}),
        (13, node("Dropout", "r"), {"r": F32(0.25)}, "dropout", {"rate": 0.25}),
        (20, node("Gelu", approximate="tanh"), {}, "gelu", {"approximate": True}),
        (21, node("GroupNormalization", "c", "c", num_groups=1), {"c": ones(3, F32)}, "groupnorm", {"g": 1}),
    ],
)
def test_what_operator_sets_say_in_other_ways(
    opset: int, made: Any, arrays: dict[str, Any], op: str, keys: dict[str, object]
) -> None:
    (layer,) = layers_of(model([made], [2, 3, 7, 11], arrays, opset))
    assert layer["op"] == op
    assert {key: layer.get(key) for key in keys} == keys


def test_a_batch_that_moves_is_not_lost() -> None:
    """As in recurrent networks and windows: (time, batch, features), and windows folded into the batch."""
    rows = chain(
        ("Transpose", ["x"], "t", {"perm": [1, 0, 2]}),
        ("MatMul", ["t", "w"], "m", {}),
        ("Transpose", ["m"], "b", {"perm": [1, 0, 2]}),
        ("Reshape", ["b", "windows"], "f", {}),
        ("Softmax", ["f"], "s", {"axis": -1}),
        ("Reshape", ["s", "back"], "y", {}),
    )
    arrays = {"w": ones((6, 4), F32), "windows": np.array([-1, 5, 2, 2], I64), "back": np.array([-1, 5, 4], I64)}
    spec = read(model(rows, [N, 5, 6], arrays)).spec
    assert [layer["op"] for layer in spec["layers"]] == ["linear", "reshape", "softmax", "reshape"]
    assert cnncalc.shape(spec, batch=3).out == (3, 5, 4)
    moved = read(model(rows[:2], [N, 5, 6], arrays, outputs=[named("m")])).spec
    assert cnncalc.shape(moved, (3, 5, 6)).out == (5, 3, 4)


def test_a_batch_that_is_contracted_is_an_axis_of_the_sample() -> None:
    spec = read(model([node("Gemm", "w", transA=1)], [6, 2], {"w": ones((6, 4), F32)})).spec
    report = cnncalc.shape(spec)
    assert (report.batch, report.sample, report.out, report.macs) == (None, (6, 2), (2, 4), 48)


def test_several_maps_of_one_sample_go_through_a_convolution_one_by_one() -> None:
    """(N, T, C, H, W) folded to (N*T, C, H, W): the axis stays in the batch from layer to layer."""
    rows = chain(
        ("Reshape", ["x", "fold"], "f", {}),
        ("Conv", ["f", "w"], "c", {}),
        ("Relu", ["c"], "r", {}),
        ("Conv", ["r", "v"], "d", {}),
        ("Reshape", ["d", "back"], "y", {}),
    )
    arrays = {
        "fold": np.array([-1, 3, 8, 9], I64),
        "back": np.array([-1, 5, 4, 6, 8], I64),
        "w": ones((4, 3, 3, 2), F32),
        "v": ones((4, 4, 1, 1), F32),
    }
    spec = read(model(rows, [N, 5, 3, 8, 9], arrays)).spec
    assert [layer["op"] for layer in spec["layers"]] == ["tobatch", "conv", "relu", "conv", "frombatch"]
    report = cnncalc.shape(spec, batch=2)
    assert report.out == (2, 5, 4, 6, 8)
    assert report.macs == 2 * 5 * 6 * 8 * (4 * 3 * 6 + 4 * 4)


def test_quantized_numbers_are_real_ones_that_are_rounded() -> None:
    rows = chain(
        ("QuantizeLinear", ["x", "s", "z"], "q", {}),
        ("Transpose", ["q"], "p", {"perm": [0, 1, 3, 2]}),
        ("DequantizeLinear", ["p", "s", "z"], "d", {}),
        ("DequantizeLinear", ["w8", "ws"], "w", {"axis": 0}),
        ("Conv", ["d", "w"], "y", {}),
    )
    rng = np.random.default_rng(0)
    arrays = {
        "s": F32(0.02),
        "z": np.uint8(128),
        "w8": rng.integers(-128, 128, (4, 3, 2, 2)).astype(np.int8),
        "ws": np.array([0.01, 0.02, 0.03, 0.04], F32),
    }
    data = model(rows, [2, 3, 7, 11], arrays, opset=21)
    assert [layer["op"] for layer in layers_of(data)] == ["quantize", "permute", "conv"]
    assert cnncalc.shape(read(data).spec).params == 48
    check_values(data, rng.standard_normal((2, 3, 7, 11)).astype(F32))


def quantized_in_blocks(axis: int, block: int, scales: tuple[int, ...]) -> bytes:
    """Return a product with a matrix of 5x7 integers, with a scale and a zero point for each block."""
    arrays = {
        "w": np.arange(35, dtype=np.int8).reshape(5, 7),
        "s": (np.arange(np.prod(scales)) + 1).reshape(scales).astype(F32) / 8,
        "z": np.arange(np.prod(scales)).reshape(scales).astype(np.int8),
    }
    rows = chain(
        ("DequantizeLinear", ["w", "s", "z"], "d", {"axis": axis, "block_size": block}), ("MatMul", ["x", "d"], "y", {})
    )
    return model(rows, [2, 5], arrays, opset=21)


@pytest.mark.parametrize(
    ("axis", "block", "scales"), [(0, 2, (3, 7)), (0, 5, (1, 7)), (1, 3, (5, 3)), (-2, 2, (3, 7)), (1, 1 << 60, (5, 1))]
)
def test_weights_quantized_in_blocks(axis: int, block: int, scales: tuple[int, ...]) -> None:
    data = quantized_in_blocks(axis, block, scales)
    assert [layer["op"] for layer in layers_of(data)] == ["linear"]
    if block < 10:  # the reference computes whole blocks
        check_values(data, np.arange(10).reshape(2, 5).astype(F32))


@pytest.mark.parametrize(("scales", "block", "wanted"), [((3,), 2, "3x7"), ((2, 7), 2, "3x7"), ((7,), 0, "5")])
def test_scales_that_do_not_fit_the_weights(scales: tuple[int, ...], block: int, wanted: str) -> None:
    with pytest.raises(cnncalc.SpecError, match=f"needs 1 scale and zero, or {wanted} of them, for 5x7"):
        read(quantized_in_blocks(0, block, scales))


@NEW_ONNX
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("op", "gates", "more"), [("LSTM", 4, {}), ("GRU", 3, {"linear_before_reset": 1}), ("RNN", 1, {})]
)
def test_recurrent_layers(op: str, gates: int, more: dict[str, Any], direction: str) -> None:
    rng, both = np.random.default_rng(1), 1 + (direction == "bidirectional")
    shapes = {"w": (both, gates * 5, 4), "r": (both, gates * 5, 5), "b": (both, gates * 10)}
    arrays = {name: rng.standard_normal(shape).astype(F32) for name, shape in shapes.items()}
    rows = [
        helper.make_node("Transpose", ["x"], ["t"], name="t", perm=[1, 0, 2]),
        helper.make_node(op, ["t", "w", "r", "b"], ["s", "h"], name="n", direction=direction, hidden_size=5, **more),
        helper.make_node("Transpose", ["s"], ["y"], name="y", perm=[2, 0, 1, 3]),
    ]
    data = model(rows, [3, 7, 4], arrays)
    report = cnncalc.shape(read(data).spec)
    assert report.params == sum(array.size for array in arrays.values())
    assert report.macs == 3 * 7 * both * gates * 5 * (4 + 5)
    x = rng.standard_normal((3, 7, 4)).astype(F32)
    check_values(data, x)
    rows[-1] = helper.make_node("Transpose", ["h"], ["y"], name="y", perm=[1, 0, 2])
    check_values(model(rows, [3, 7, 4], arrays), x)


RESIZED = [
    {"mode": mode, "coordinate_transformation_mode": where, **more}
    for mode, more in (
        ("nearest", {"nearest_mode": "floor"}),
        ("nearest", {"nearest_mode": "round_prefer_ceil"}),
        ("linear", {}),
        ("cubic", {}),
        ("cubic", {"cubic_coeff_a": -0.5, "exclude_outside": 1}),
    )
    for where in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
]


@pytest.mark.parametrize("attributes", RESIZED, ids=lambda one: "-".join(map(str, one.values())))
@pytest.mark.parametrize("sizes", [[9, 14], [3, 7], [1, 20]])
def test_every_way_to_resize(attributes: dict[str, Any], sizes: list[int]) -> None:
    if sizes[0] == 1 and (attributes["mode"], attributes["coordinate_transformation_mode"]) == (
        "cubic",
        "pytorch_half_pixel",
    ):
        pytest.skip(
            "onnxruntime puts one output on the first input, as the operator's text says; the reference does not"
        )
    data = model(
        [node("Resize", "", "", "s", **attributes)], [1, 2, 6, 7], {"s": np.array([1, 2, *sizes], I64)}, opset=19
    )
    check_values(data, np.random.default_rng(2).standard_normal((1, 2, 6, 7)).astype(F32))


@pytest.mark.parametrize("more", [{}, {"exclude_outside": 1}])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialiasing(mode: str, more: dict[str, int]) -> None:
    made = node("Resize", "", "", "s", mode=mode, antialias=1, **more)
    data = model([made], [1, 2, 16, 17], {"s": np.array([1, 2, 5, 20], I64)}, opset=19)
    check_values(data, np.random.default_rng(3).standard_normal((1, 2, 16, 17)).astype(F32))


SCALED: list[tuple[dict[str, Any], float, list[float]]] = [
    ({"mode": "linear"}, 1.3, [0, 1.3076923, 2.8461540]),  # it is resampled, although it keeps its size
    ({"mode": "linear", "antialias": 1}, 1.3, [0, 2, 4]),
    ({"mode": "cubic"}, 1.3, [-0.24090862, 1.0150642, 2.9331353]),
    ({"mode": "cubic", "antialias": 1}, 1.3, [-0.10546875, 1.8945312, 3.8945312]),
    ({"mode": "nearest"}, 1.3, [0, 2, 2]),
    ({"mode": "nearest"}, 4 / 3, [0, 2, 2, 4]),
    ({"mode": "nearest", "nearest_mode": "floor"}, 5 / 3, [0, 0, 2, 2, 4]),  # a scale equal to that of 3 and 5
]


@pytest.mark.parametrize(("attributes", "scale", "column"), SCALED, ids=str)
def test_scales_that_keep_a_size_or_nearly(attributes: dict[str, Any], scale: float, column: list[float]) -> None:
    """The first column of values from onnxruntime 1.32; the other axis is doubled, so that Resize is not a copy."""
    x = np.array([[0, 1], [2, 3], [4, 5]], F32)[None, None]
    data = model([node("Resize", "", "s", **attributes)], [1, 1, 3, 2], {"s": np.array([1, 1, scale, 2], F32)}, 19)
    np.testing.assert_allclose(cnncalc.run(read_bytes(data, "net.onnx"), x)[0, 0, :, 0], column, rtol=1e-5)


ROUNDED: list[tuple[str, str, int, int, list[int]]] = [
    ("asymmetric", "round_prefer_ceil", 7, 8, [1, 2, 3, 4, 5, 5, 6, 7]),  # 4/(8/7) is 3.4999998 in float32
    ("asymmetric", "round_prefer_ceil", 10, 12, [1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 9, 10]),
    ("asymmetric", "floor", 14, 2, [1, 7]),  # 1/(2/14) is 6.9999995
    ("half_pixel_symmetric", "floor", 3, 1, [1]),  # 0.5/(1/3) - 0.5 is below 1 in double precision
    ("half_pixel_symmetric", "ceil", 21, 3, [5, 11, 18]),
    ("align_corners", "floor", 8, 24, [1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8]),
]


@pytest.mark.parametrize(("where", "rounding", "n", "out", "wanted"), ROUNDED)
def test_places_next_to_a_half_or_a_whole_number(
    where: str, rounding: str, n: int, out: int, wanted: list[int]
) -> None:
    """The values from onnxruntime 1.32 for 1, 2, 3 and so on."""
    made = node("Resize", "", "", "s", coordinate_transformation_mode=where, nearest_mode=rounding)
    data = model([made], [1, 1, n], {"s": np.array([1, 1, out], I64)}, 19)
    x = np.arange(1, n + 1, dtype=F32)[None, None]
    assert cnncalc.run(read_bytes(data, "net.onnx"), x)[0, 0].tolist() == wanted


def test_a_branch_of_a_constant_condition_is_read_in_its_place() -> None:
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Mul", ["x", by], ["b"], name=name)], name, [], [named("b")]
        )
        for name, by in (("then", "three"), ("else", "four"))
    }
    rows = [helper.make_node("If", ["no"], ["y"], name="if", **branches)]
    data = model(rows, [2, 3, 7, 11], {"no": np.array(False), "three": F32(3), "four": F32(4)})
    (layer,) = layers_of(data)
    assert (layer["op"], layer["name"], layer["factor"]) == ("rescale", "else", 4)


def test_an_operator_of_onnxruntime_is_read() -> None:
    conv = helper.make_node("FusedConv", ["x", "w"], ["y"], name="f", domain="com.microsoft", activation="Relu")
    assert [layer["op"] for layer in layers_of(model([conv], [2, 3, 7, 11], {"w": ones((4, 3, 2, 2), F32)}))] == [
        "conv",
        "relu",
    ]
    blocked = [
        helper.make_node("ReorderInput", ["x"], ["b"], name="in", domain="com.microsoft.nchwc"),
        helper.make_node("Conv", ["b", "w"], ["c"], name="c", domain="com.microsoft.nchwc"),
        helper.make_node("ReorderOutput", ["c"], ["y"], name="out", domain="com.microsoft.nchwc", channels=6),
    ]
    data = model(blocked, [2, 8, 7, 11], {"w": ones((8, 8, 2, 2), F32)})
    report = cnncalc.shape(read(data).spec)
    assert [layer.op for layer in report.layers] == ["identity", "conv", "slice"]
    assert report.out == (2, 6, 6, 10)
    with pytest.raises(cnncalc.SpecError, match="the file has its kernels in onnxruntime's blocked order"):
        cnncalc.run(read_bytes(data, "net.onnx"), ones((2, 8, 7, 11), F32))
    blocked[-1].attribute[0].i = 8
    whole = layers_of(model(blocked, [2, 8, 7, 11], {"w": ones((8, 8, 2, 2), F32)}))
    assert [layer["op"] for layer in whole] == ["identity", "conv", "identity"]


def test_an_operator_of_onnxruntime_that_lacks_inputs_is_opaque() -> None:
    node = helper.make_node("QLinearAdd", ["x", "x", "x"], ["y"], domain="com.microsoft")
    assert [layer["op"] for layer in layers_of(model([node], [2, 3, 7, 11]))] == ["opaque"]


@pytest.mark.parametrize(
    "attributes",
    [{"activation": "Elu"}, {"activation": "HardSigmoid", "activation_params": [0.2, 0.25]}],
)
def test_a_function_that_a_fused_node_does_not_share_with_us(attributes: dict[str, Any]) -> None:
    conv = helper.make_node("FusedConv", ["x", "w"], ["y"], name="f", domain="com.microsoft", **attributes)
    data = model([conv], [2, 3, 7, 11], {"w": ones((4, 3, 2, 2), F32)}, outputs=declared_y(2, 4, 6, 10))
    report = cnncalc.shape(read(data).spec)
    assert report.layers[-1].op == "opaque"
    assert (report.out, report.params) == ((2, 4, 6, 10), 48)


def test_the_figures_of_a_sequence_that_is_rounded_at_every_step() -> None:
    """Onnxruntime's DynamicQuantizeLSTM: kernels (directions, in, 4*hidden), eight vectors of biases."""
    reads = ["x", "w", "r", "b", "", "", "", "s", "z", "s", "z"]
    lstm = helper.make_node("DynamicQuantizeLSTM", reads, ["y"], name="n", domain="com.microsoft", hidden_size=5)
    arrays = {"w": ones((1, 3, 20), np.int8), "r": ones((1, 5, 20), np.int8), "b": ones((1, 40), F32)}
    arrays |= {"s": ones(1, F32), "z": np.zeros(1, np.int8)}
    report = cnncalc.shape(read(model([lstm], [7, 2, 3], arrays)).spec)
    assert (report.out, report.params, report.macs) == ((7, 1, 2, 5), 20 * (3 + 5) + 40, 7 * 2 * 20 * (3 + 5))


def test_open_sizes_are_bound_before_constants_are_worked_out() -> None:
    """A pad to the next multiple of 8, as in segmentation networks."""
    rows = chain(
        ("Shape", ["x"], "s", {}),
        ("Gather", ["s", "two"], "h", {}),
        ("Sub", ["zero", "h"], "n", {}),
        ("Mod", ["n", "eight"], "m", {}),
        ("Unsqueeze", ["m", "first"], "u", {}),
        ("Concat", ["zeros", "u", "one"], "p", {"axis": 0}),
        ("Pad", ["x", "p"], "y", {}),
    )
    arrays = {"two": I64(2), "zero": I64(0), "eight": I64(8), "first": np.array([0], I64)}
    arrays |= {"zeros": np.zeros(6, I64), "one": np.array([0], I64)}
    data = model(rows, [N, 3, "height", "width"], arrays)
    assert cnncalc.shape(read(data, sizes={"x": (1, 3, 13, 9)}).spec).out == (1, 3, 16, 9)
    network = read_bytes(data, "net.onnx")
    assert cnncalc.shape(network, (2, 3, 13, 9)).out == (2, 3, 16, 9)
    assert cnncalc.shape(network, (3, 13, 9)).out == (3, 16, 9)


@pytest.mark.parametrize("opset", [11, 17, 21, 22])
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_a_window_that_would_begin_in_the_padding(op: str, opset: int) -> None:
    """Left out in every operator set, as in onnxruntime and the reference; only onnx's inference keeps it below 22."""
    made = node(op, kernel_shape=[1, 2], strides=[3, 3], ceil_mode=1, pads=[0, 0, 0, 1])
    data = model([made], [1, 1, 5, 6], opset=opset)
    assert out_of(data)[2:] == (2, 2)
    assert cnncalc.shape(read(data).spec).layers[0].values["ceil"] is True


GATES = [
    ("silu", [("Sigmoid", ["x"], "s", {}), ("Mul", ["s", "x"], "y", {})]),
    ("mish", [("Softplus", ["x"], "p", {}), ("Tanh", ["p"], "t", {}), ("Mul", ["x", "t"], "y", {})]),
    ("hardswish", [("HardSigmoid", ["x"], "h", {"alpha": 1 / 6}), ("Mul", ["x", "h"], "y", {})]),
    (
        "hardswish",
        [
            ("Add", ["x", "three"], "a", {}),
            ("Clip", ["a", "zero", "six"], "c", {}),
            ("Mul", ["x", "c"], "m", {}),
            ("Div", ["m", "six"], "y", {}),
        ],
    ),
    (
        "gelu",
        [
            ("Div", ["x", "root"], "d", {}),
            ("Erf", ["d"], "e", {}),
            ("Add", ["e", "one"], "a", {}),
            ("Mul", ["x", "a"], "m", {}),
            ("Mul", ["m", "half"], "y", {}),
        ],
    ),
    (
        "gelu",
        [
            ("Pow", ["x", "three"], "c", {}),
            ("Mul", ["c", "cubic"], "k", {}),
            ("Add", ["x", "k"], "i", {}),
            ("Mul", ["i", "slope"], "u", {}),
            ("Tanh", ["u"], "t", {}),
            ("Add", ["one", "t"], "a", {}),
            ("Mul", ["x", "half"], "h", {}),
            ("Mul", ["h", "a"], "y", {}),
        ],
    ),
]


@pytest.mark.parametrize(("op", "rows"), GATES)
def test_functions_written_as_several_nodes(op: str, rows: Any) -> None:
    numbers = {
        "zero": 0,
        "one": 1,
        "three": 3,
        "six": 6,
        "half": 0.5,
        "root": 2**0.5,
        "cubic": 0.044715,
        "slope": 0.79788456,
    }
    data = model(chain(*rows), [2, 3, 7, 11], {name: F32(n) for name, n in numbers.items()}, opset=14)
    assert [layer["op"] for layer in layers_of(data)] == [op]
    x = np.linspace(-4, 4, 2 * 3 * 7 * 11, dtype=F32).reshape(2, 3, 7, 11)
    from onnx.reference import ReferenceEvaluator

    expected = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"x": x})[0]
    np.testing.assert_allclose(cnncalc.run(read(data).spec, x), expected, rtol=1e-5, atol=1e-5)


def test_a_gate_that_others_read_stays_as_it_is() -> None:
    rows = chain(("Sigmoid", ["x"], "s", {}), ("Mul", ["s", "x"], "m", {}), ("Add", ["m", "s"], "y", {}))
    assert [layer["op"] for layer in layers_of(model(rows, [2, 3, 7, 11]))] == ["sigmoid", "mul", "add"]


def test_a_constant_is_reshaped_again_and_again() -> None:
    """Its numbers were searched for through all earlier shapes, as deep as Python allows."""
    ends = ["c", *[f"c{at}" for at in range(1200)]]
    rows = [
        helper.make_node("Reshape", [one, "s" if at % 2 else "t"], [ends[at + 1]]) for at, one in enumerate(ends[:-1])
    ]
    rows.append(helper.make_node("Reshape", ["x", ends[-1]], ["y"]))
    arrays = {"c": np.array([[2], [3], [77]]), "s": np.array([3]), "t": np.array([3, 1])}
    assert out_of(model(rows, [2, 3, 7, 11], arrays)) == (2, 3, 77)


@pytest.mark.parametrize("op", ["Squeeze", "Unsqueeze", "ReduceSum"])
def test_more_axes_than_there_can_be(op: str) -> None:
    data = model([helper.make_node(op, ["x", "axes"], ["y"])], [2, 3, 7, 11], {"axes": np.zeros(400, np.int64)})
    with pytest.raises(cnncalc.SpecError, match=r"names 400 axes of 4|makes 404 axes, more than 32"):
        read(data)


def test_gates_whose_parts_stand_far_apart() -> None:
    """All sigmoids come before all products."""
    ends = [helper.make_node("Sigmoid", [one], [f"s{one}"], name=f"s{one}") for one in ("x", "r")]
    gates = [helper.make_node("Mul", [f"s{one}", one], [f"m{one}"]) for one in ("x", "r")]
    last = helper.make_node("Add", ["mx", "mr"], ["y"])
    data = model([helper.make_node("Relu", ["x"], ["r"]), *ends, *gates, last], [2, 3, 7, 11])
    assert [layer["op"] for layer in layers_of(data)] == ["relu", "silu", "silu", "add"]


def test_a_batch_left_open_goes_through_the_nodes_that_work_a_shape_out() -> None:
    rows = chain(
        ("Conv", ["x", "w"], "c", {}),
        ("Shape", ["c"], "s", {}),
        ("Gather", ["s", "zero"], "g", {}),
        ("Unsqueeze", ["g", "first"], "u", {}),
        ("Concat", ["u", "minus"], "t", {"axis": 0}),
        ("Reshape", ["c", "t"], "y", {}),
    )
    arrays = {"w": ones((4, 3, 2, 2), F32), "zero": I64(0), "first": np.array([0], I64), "minus": np.array([-1], I64)}
    found = read(model(rows, [N, 3, 7, 11], arrays))
    assert found.spec["input"] == [3, 7, 11]
    assert [layer["op"] for layer in found.spec["layers"]] == ["conv", "flatten"]
    assert cnncalc.shape(found.spec).out == (4 * 6 * 10,)
    assert cnncalc.shape(found.spec, batch=5).out == (5, 240)
    numeric = read(model(rows, [5, 3, "height", 11], arrays)).spec
    assert numeric["input"] == [5, 3, "H", 11]
    assert str(cnncalc.shape(numeric).out[1]) == "H*40-40"


def test_shuffled_channels_and_groups() -> None:
    shuffle = chain(
        ("Reshape", ["x", "apart"], "a", {}),
        ("Transpose", ["a"], "t", {"perm": [0, 2, 1, 3, 4]}),
        ("Reshape", ["t", "whole"], "y", {}),
    )
    arrays = {"apart": np.array([2, 2, 3, 5, 7], I64), "whole": np.array([2, -1, 5, 7], I64)}
    assert [(layer["op"], layer.get("g")) for layer in layers_of(model(shuffle, [2, 6, 5, 7], arrays))] == [
        ("channelshuffle", 2)
    ]
    groups = chain(
        ("Reshape", ["x", "rows"], "a", {}),
        ("InstanceNormalization", ["a", "ones", "zeros"], "i", {}),
        ("Reshape", ["i", "whole"], "r", {}),
        ("Mul", ["r", "w"], "m", {}),
        ("Add", ["m", "b"], "y", {}),
    )
    others: dict[str, Any] = {
        "rows": np.array([0, 2, -1], I64),
        "ones": ones(2, F32),
        "zeros": np.zeros(2, F32),
        "whole": np.array([2, 6, 5, 7], I64),
        "w": np.arange(6, dtype=F32).reshape(6, 1, 1),
        "b": np.arange(6, dtype=F32).reshape(6, 1, 1),
    }
    data = model(groups, [2, 6, 5, 7], others)
    (layer,) = layers_of(data)
    assert (layer["op"], layer["g"], layer["scale"], layer["center"]) == ("groupnorm", 2, True, True)
    assert cnncalc.shape(read(data).spec).params == 12


@pytest.mark.parametrize("slopes", [[3, 1, 1], [3, 1, 11], [1, 7, 11]])
def test_slopes_read_twice_are_shared_whatever_axes_they_share(slopes: list[int]) -> None:
    rows = chain(("PRelu", ["x", "w"], "a", {}), ("PRelu", ["a", "w"], "y", {}))
    spec = read(model(rows, [2, 3, 7, 11], {"w": np.arange(np.prod(slopes), dtype=F32).reshape(slopes)})).spec
    assert spec["layers"][1]["tie"] == "a"
    assert cnncalc.shape(spec).params == np.prod(slopes)


def test_a_weight_read_twice_is_shared_and_counted_once() -> None:
    rows = chain(("Conv", ["x", "w"], "a", {}), ("Relu", ["a"], "r", {}), ("Conv", ["r", "w"], "y", {}))
    array = np.arange(81, dtype=F32).reshape(3, 3, 3, 3)
    found = read(model(rows, [2, 3, 7, 11], {"w": array}))
    assert found.spec["layers"][2]["tie"] == "a"
    assert cnncalc.shape(found.spec).params == 81
    apart = chain(("Identity", ["w"], "v", {}), *[], ("Conv", ["x", "w"], "a", {}), ("Conv", ["a", "v"], "y", {}))
    assert cnncalc.shape(read(model(apart, [2, 3, 7, 11], {"w": array})).spec).params == 81
    for zeros in (
        array * 0,
        (40 - array) * 0,
    ):  # before training, times a scale of 0
        assert cnncalc.shape(read(model(apart, [2, 3, 7, 11], {"w": zeros})).spec).params == 162


def test_an_untrained_weight_with_a_name_of_its_own_is_one_parameter() -> None:
    """PyTorch's exporter names a merged parameter by an Identity, and its use by another layer by a second one."""
    names = chain(("Identity", ["b"], "own", {}), ("Identity", ["own"], "again", {}))
    convs = chain(("Conv", ["x", "w", "own"], "a", {}), ("Conv", ["a", "w", "own"], "y", {}))
    arrays = {"w": np.arange(81, dtype=F32).reshape(3, 3, 3, 3), "b": np.zeros(3, F32)}
    found = read(model([*names, *convs], [2, 3, 7, 11], arrays))
    assert [layer.get("tie") for layer in found.spec["layers"]] == [None, "a"]
    assert cnncalc.shape(found.spec).params == 84
    shifts = chain(("Add", ["x", "own"], "a", {}), ("Relu", ["a"], "r", {}), ("Add", ["r", "again"], "y", {}))
    assert cnncalc.shape(read(model([*names, *shifts], [2, 3], {"b": np.zeros(3, F32)})).spec).params == 3


INNER = {
    "that only moves values": (["Add", "NonMaxSuppression"], {}, 0, 0),
    "with a product": (["MatMul"], {}, None, None),
    "with an array": (["Add"], {"held": np.ones(3, F32)}, None, None),
    "with an array of the network": (["Add"], {}, None, None),
}


@pytest.mark.parametrize("name", INNER)
def test_a_branch_without_weights_and_products_has_no_figures(name: str) -> None:
    ops, held, params, macs = INNER[name]
    other = next(iter(held), "w" if name.endswith("network") else "x")
    nodes = [helper.make_node(op, ["x", other], ["b"] if op == ops[0] else [op], name=op) for op in ops]
    inner = [numpy_helper.from_array(array, key) for key, array in held.items()]
    branches = [helper.make_graph(nodes, "g", [], [named("b")], inner) for _ in range(2)]
    rows = [
        *chain(("ReduceMax", ["x"], "m", {"keepdims": 0})),
        helper.make_node("Cast", ["m"], ["flag"], to=TensorProto.BOOL),
        helper.make_node("If", ["flag"], ["y"], name="if", then_branch=branches[0], else_branch=branches[1]),
    ]
    report = cnncalc.shape(read(model(rows, [2, 3, 3], {"w": np.arange(3, dtype=F32)})).spec)
    assert (report.params, report.macs) == (params, macs)


@pytest.mark.parametrize("is_node", [False, True])
def test_the_sparse_arrays_of_a_branch_may_be_parameters(is_node: bool) -> None:
    values, places = np.array([2, 7, 5], F32), np.array([0, 2, 3], np.int64)
    held = helper.make_sparse_tensor(
        numpy_helper.from_array(values, "held"), numpy_helper.from_array(places, "places"), [4]
    )
    nodes = [helper.make_node("Constant", [], ["held"], sparse_value=held)] * is_node
    branch = helper.make_graph([*nodes, helper.make_node("Add", ["x", "held"], ["b"])], "g", [], [named("b")])
    branch.sparse_initializer.extend([held] * (not is_node))
    rows = [
        *chain(("ReduceMax", ["x"], "m", {"keepdims": 0})),
        helper.make_node("Cast", ["m"], ["flag"], to=TensorProto.BOOL),
        helper.make_node("If", ["flag"], ["y"], name="if", then_branch=branch, else_branch=branch),
    ]
    report = cnncalc.shape(read(model(rows, [2, 3, 4])).spec)
    assert (report.params, report.macs) == (None, None)


@pytest.mark.parametrize("size", [70, 5000])
def test_a_comparison_of_arrays_is_no_parameter_whatever_its_size(size: int) -> None:
    rows = chain(("Greater", ["c", "zero"], "g", {}), ("Where", ["g", "x", "zero"], "y", {}))
    arrays = {"c": np.arange(size, dtype=F32), "zero": np.zeros((), F32)}
    assert cnncalc.shape(read(model(rows, [1, size], arrays)).spec).params == 0


def test_outputs_of_a_constant_norm_may_be_left_out() -> None:
    """An input that is left out has their name, too: the empty one."""
    rows = [
        helper.make_node("BatchNormalization", ["k", "g", "b", "b", "g"], ["w", "", ""]),
        helper.make_node("Conv", ["x", "w", ""], ["y"]),
    ]
    arrays = {"k": drawn(2, 3, 3, 3), "g": np.array([2, 3, 5], F32), "b": np.array([1, 2, 4], F32)}
    assert [layer["op"] for layer in read(model(rows, [1, 3, 5, 7], arrays)).spec["layers"]] == ["conv"]


@pytest.mark.parametrize(("scale", "params"), [(1, 3), (0, 6)])
def test_a_vector_that_stands_twice_counts_once_unless_it_is_not_yet_trained(scale: int, params: int) -> None:
    rows = [
        helper.make_node("Identity", ["b"], ["c"], name="c"),
        *chain(("Add", ["x", "b"], "a", {}), ("Relu", ["a"], "r", {}), ("Add", ["r", "c"], "y", {})),
    ]
    array = np.arange(3, dtype=F32).reshape(3, 1, 1) * scale
    assert cnncalc.shape(read(model(rows, [2, 3, 7, 11], {"b": array})).spec).params == params


def test_an_input_that_only_a_branch_reads_is_an_input() -> None:
    """The condition is an input, too, so neither branch is read; the names of their inputs are kept."""
    info = helper.make_tensor_value_info
    branches = [
        helper.make_graph([helper.make_node(op, ["x", "more"], [f"{op}_out"])], op, [], [named(f"{op}_out")])
        for op in ("Add", "Mul")
    ]
    node_ = helper.make_node("If", ["flag"], ["z"], name="z", then_branch=branches[0], else_branch=branches[1])
    given = [info("x", TensorProto.FLOAT, [1, 3, 4]), info("flag", TensorProto.BOOL, [1])]
    given.append(info("more", TensorProto.FLOAT, [1, 3, 4]))
    nodes = [helper.make_node("Relu", ["x"], ["y"], name="y"), node_]
    graph = helper.make_graph(nodes, "made", given, [named("y"), named("z")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    network = read_bytes(made.SerializeToString(), "net.onnx")
    report = cnncalc.shape(network, {"x": (1, 3, 5), "more": (1, 3, 5), "flag": (1,)})
    assert report.out == (1, 3, 5)
    source = report.network.source
    assert source is not None
    assert source.notes == ("'z' (If) depends on a value that is known only at run time: its branches are not read",)


def test_an_unknown_operator_keeps_the_shape_that_the_file_says() -> None:
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4, 5, 6])]
    rows = [
        helper.make_node("Mystery", ["x", "w"], ["m"], name="what", domain="com.example"),
        helper.make_node("Conv", ["m", "k"], ["y"], name="c"),
    ]
    arrays = {"w": ones((8, 9), F32), "k": ones((4, 5, 2, 2), F32)}
    data = model(rows, [2, 3, 7, 11], arrays, outputs=outputs)
    first = onnx.load_from_string(data)
    first.graph.value_info.append(helper.make_tensor_value_info("m", TensorProto.FLOAT, [2, 5, 6, 7]))
    report = cnncalc.shape(read(first.SerializeToString()).spec)
    mystery, conv = report.layers
    assert (mystery.op, mystery.values["type"], mystery.out) == ("opaque", "com.example.Mystery", (2, 5, 6, 7))
    assert (mystery.params, mystery.macs) == (72, None)
    assert (conv.out, conv.params) == ((2, 4, 5, 6), 80)
    assert (report.params, report.macs) == (152, None)
    assert cnncalc.shape(read(data).spec).layers[0].out is NOTHING_KNOWN  # the file says nothing


def test_a_file_without_its_data_is_traced_and_not_executed() -> None:
    x = np.ones((1, 3, 224, 224), F32)
    with pytest.raises(cnncalc.SpecError, match="only the shape of"):
        cnncalc.run(export("alexnet"), x)


def test_the_weights_of_a_file_are_used_and_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = chain(
        ("Conv", ["x", "w", "b"], "c", {"pads": [1, 1, 1, 1]}),
        ("Flatten", ["c"], "f", {}),
        ("Gemm", ["f", "g", "h"], "l", {"alpha": 0.5, "beta": 2.0}),
        ("MatMul", ["l", "m"], "p", {}),
        ("Add", ["n", "p"], "y", {}),
    )
    shapes = {"w": (4, 3, 3, 3), "b": (4,), "g": (4 * 35, 6), "h": (6,), "m": (6, 2), "n": (2,)}
    arrays = {name: rng.standard_normal(shape).astype(F32) for name, shape in shapes.items()}
    data = model(rows, [2, 3, 5, 7], arrays)
    path, x = tmp_path / "net.onnx", rng.standard_normal((2, 3, 5, 7)).astype(F32)
    path.write_bytes(data)
    np.save(tmp_path / "x.npy", x)
    from onnx.reference import ReferenceEvaluator

    expected = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"x": x})[0]
    np.testing.assert_allclose(cnncalc.run(path, x), expected, rtol=1e-4)
    files = {name: str(tmp_path / name) for name in ("net.json", "net.npz", "x.npy", "y.npy")}
    assert here(["convert", str(path), "-o", files["net.json"], "--weights-out", files["net.npz"]]) == (0, "", "")
    done = here(["run", files["net.json"], "-w", files["net.npz"], "-x", files["x.npy"], "-o", files["y.npy"], "-q"])
    assert done == (0, "", "")
    np.testing.assert_allclose(np.load(files["y.npy"]), expected, rtol=1e-4)
    assert here(["convert", "lenet5", "--weights-out", files["net.npz"]]).code == 2


def test_every_command_reads_the_file_and_standard_input(tmp_path: Path) -> None:
    path, data = str(export("resnet18")), export("resnet18").read_bytes()
    piped = here(["shape", "-", "--json"], data)
    assert json.loads(piped.out) == json.loads(here(["shape", path, "--json"]).out)
    assert here(["check", path, "--expect", "params=11689512", "--expect", "out=1x1000"]).code == 0
    assert here(["diff", path, path, "--exit-code"]).code == 0
    other = tmp_path / "no-suffix"
    other.write_bytes(data)
    assert cnncalc.shape(other).params == cnncalc.shape(str(path)).params == 11_689_512


def test_a_report_of_a_file_reads_back() -> None:
    for name in ("googlenet", "convnext_tiny"):
        report = cnncalc.shape(export(name)).to_dict()
        assert cnncalc.shape(report).to_dict() == report


def changed(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return a file after a change."""
    made = onnx.load_from_string(data)
    change(made)
    return bytes(made.SerializeToString())


def _first(made: Any) -> Any:
    return made.graph.initializer[0]


def calling(inputs: int) -> bytes:
    """Return a file that calls a function of one input with as many as given."""

    def change(made: Any) -> None:
        opsets = [helper.make_opsetid("mine", 1), helper.make_opsetid("", 17)]
        inner = [helper.make_node("Neg", ["a"], ["b"])]
        made.functions.append(helper.make_function("mine", "F", ["a"], ["b"], inner, opsets))
        made.opset_import.append(opsets[0])
        made.graph.node[0].domain = "mine"

    return changed(model([node("F", *["x"] * (inputs - 1))], [1, 3]), change)


def test_a_function_of_the_file_is_read() -> None:
    assert [layer["op"] for layer in layers_of(calling(1))] == ["neg"]
    check_values(calling(1), ones((1, 3), F32))


def test_data_that_do_not_fit_are_said_where_they_are_needed(tmp_path: Path) -> None:
    def cut(made: Any) -> None:
        _first(made).raw_data = b"123"

    path = tmp_path / "net.onnx"
    path.write_bytes(changed(model([node("Add", "k")], [1, 3], {"k": np.arange(3, dtype=F32)}), cut))
    assert cnncalc.shape(path).params == 3
    with pytest.raises(cnncalc.SpecError, match="the data of 'k' cannot be read: "):
        cnncalc.run(path, ones((1, 3), F32))
    shaped = changed(model([node("Reshape", "k")], [2, 3], {"k": np.array([3, 2], I64)}), cut)
    assert cnncalc.shape(read(shaped).spec).out is NOTHING_KNOWN


@pytest.mark.parametrize("has_length", [True, False])
def test_data_beside_the_file_are_read(has_length: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    arrays = {"k": rng.standard_normal((4, 3, 2, 2)).astype(F32), "b": rng.standard_normal(4).astype(F32)}
    data = model([node("Conv", "k", "b")], [1, 3, 5, 6], arrays)
    path, x = tmp_path / "net.onnx", rng.standard_normal((1, 3, 5, 6)).astype(F32)
    made = onnx.load_from_string(data)
    onnx.save(made, str(path), save_as_external_data=True, location="data.bin", size_threshold=0)
    if not has_length:  # onnx would read everything after that position
        whole = onnx.load(str(path), load_external_data=False)
        for tensor in whole.graph.initializer:
            kept = [entry for entry in tensor.external_data if entry.key != "length"]
            tensor.ClearField("external_data")
            tensor.external_data.extend(kept)
            tensor.external_data.add(key="##[group]", value="onnx would warn of this key")
        path.write_bytes(whole.SerializeToString())
    np.testing.assert_array_equal(cnncalc.run(path, x), cnncalc.run(read_bytes(data, "net.onnx"), x))
    (tmp_path / "data.bin").unlink()
    assert cnncalc.shape(path).params == 52
    with pytest.raises(cnncalc.SpecError, match=r"the data of '\w' cannot be read: "):
        cnncalc.run(path, x)


@pytest.mark.parametrize("number", ["INT4", "UINT4", "INT8"])
def test_numbers_beside_the_file_may_share_bytes(number: str, tmp_path: Path) -> None:
    """An odd number of them leaves half a byte, at the end of the data."""
    numbers = np.arange(15, dtype=np.uint8).reshape(3, 5) % 8
    flat = np.append(numbers, np.uint8(0))
    raw = (numbers if number == "INT8" else flat[::2] | flat[1::2] << 4).tobytes()
    rows = chain(("DequantizeLinear", ["w", "s"], "f", {}), ("MatMul", ["x", "f"], "y", {}))
    whole = onnx.load_from_string(model(rows, [2, 3], {"s": np.array(0.5, F32)}, 21))
    whole.graph.initializer.add(name="w", data_type=getattr(TensorProto, number), dims=[3, 5], raw_data=raw)
    onnx.save(whole, str(tmp_path / "net.onnx"), save_as_external_data=True, location="data.bin", size_threshold=0)
    x = drawn(2, 3)
    np.testing.assert_allclose(cnncalc.run(tmp_path / "net.onnx", x), x @ (numbers / 2), rtol=1e-5)


def test_an_input_of_any_number_of_axes_takes_the_sizes_that_are_given(tmp_path: Path) -> None:
    rows = chain(("Relu", ["x"], "r", {}), ("Flatten", ["r"], "y", {}))
    data = changed(model(rows, [1]), lambda made: made.graph.input[0].type.tensor_type.ClearField("shape"))
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    assert cnncalc.shape(path).out is NOTHING_KNOWN
    assert cnncalc.shape(path, (2, 3, 4)).out == (2, 12)
    check_values(data, np.arange(-12, 12, dtype=F32).reshape(2, 3, 4))


def test_an_input_of_too_many_axes_is_opaque() -> None:
    assert [layer["op"] for layer in layers_of(model([node("Relu")], [1] * 40))] == ["opaque", "relu"]


INPUTS: list[tuple[dict[str, list[int | str]], dict[str, tuple[int, ...]], list[Any]]] = [
    ({"x": [5], "w": [5]}, {"x": (5,), "w": (5,)}, chain(("Sub", ["x", "w"], "y", {}))),
    (
        {"x": [1, 3, 4], "w": [4, 5]},
        {"x": (1, 3, 4), "w": (4, 5)},
        chain(("Tanh", ["w"], "t", {}), ("MatMul", ["x", "t"], "m", {}), ("Softmax", ["m"], "y", {"axis": 0})),
    ),
    (
        {"x": [1, 3, 4], "w": ["A", "B"]},
        {"x": (1, 3, 4), "w": (4, 5)},
        chain(("Tanh", ["w"], "t", {}), ("MatMul", ["x", "t"], "m", {}), ("Softmax", ["m"], "y", {"axis": 0})),
    ),
    (
        {"x": [2, 3, 4], "w": [4, 5]},
        {"x": (2, 3, 4), "w": (4, 5)},
        chain(("MatMul", ["x", "w"], "m", {}), ("ReduceMax", ["m"], "y", {"axes": [0]})),
    ),
    (
        {"x": [2, 3, 4], "w": [2, 3, 4]},
        {"x": (2, 3, 4), "w": (2, 3, 4)},
        chain(("Sub", ["x", "w"], "m", {}), ("ReduceMax", ["m"], "y", {"axes": [0]})),
    ),
    (
        {"x": [2, 3, 4], "w": [3, 2, 4]},
        {"x": (2, 3, 4), "w": (3, 2, 4)},
        chain(("Transpose", ["w"], "t", {"perm": [1, 0, 2]}), ("Sub", ["x", "t"], "y", {})),
    ),
    ({"x": ["some", 3], "w": ["N", 3]}, {"x": (2, 3), "w": (2, 3)}, chain(("Sub", ["x", "w"], "y", {}))),
    ({"x": ["n", 3, "h"], "w": ["n", 3, "h"]}, {"x": (2, 3, 4), "w": (2, 3, 4)}, chain(("Sub", ["x", "w"], "y", {}))),
]


@pytest.mark.parametrize(("declared", "shapes", "nodes"), INPUTS)
def test_networks_of_two_inputs(
    declared: dict[str, list[int | str]], shapes: dict[str, tuple[int, ...]], nodes: list[Any]
) -> None:
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(8)
    given = {name: rng.standard_normal(shape).astype(F32) for name, shape in shapes.items()}
    data = several(nodes, declared, ["y"])
    expected = ReferenceEvaluator(onnx.load_from_string(data)).run(None, given)[0]
    np.testing.assert_allclose(cnncalc.run(read_bytes(data, "net.onnx"), given), expected, rtol=1e-5)


def test_a_result_that_depends_on_no_input() -> None:
    constant = helper.make_node("Constant", [], ["k"], value_floats=[1.0, 2.0])
    data = several([constant, *chain(("Neg", ["k"], "y", {}))], {"x": [2, 3]}, ["y"])
    assert cnncalc.run(read_bytes(data, "net.onnx"), ones((2, 3), F32)).tolist() == [-1, -2]
    data = several([constant, *chain(("Neg", ["x"], "y", {}))], {"x": [2, 3]}, ["y", "k"])
    assert cnncalc.run(read_bytes(data, "net.onnx"), ones((2, 3), F32), output="k").tolist() == [1, 2]


def test_weights_that_are_inputs_count_and_are_not_there() -> None:
    """As in files without their weights."""
    data = several([node("Conv", "w")], {"x": [1, 3, 5, 6], "w": [4, 3, 2, 2]}, ["y"])
    assert cnncalc.shape(read(data).spec).params == 48
    with pytest.raises(cnncalc.SpecError, match="the weights 'w' are an input of the file, not stored in it"):
        cnncalc.run(read_bytes(data, "net.onnx"), ones((1, 3, 5, 6), F32))
    data = several([node("Gemm", "w")], {"x": [2, 3], "w": [3, 4]}, ["y"])
    assert cnncalc.shape(read(data).spec).params == 12
    data = several([node("Conv", "w")], {"x": [1, 3, 5, 6], "w": ["A", 3, 2, 2]}, ["y"])
    assert str(cnncalc.shape(read(data).spec).out[1]) == "A"


BROKEN = [
    (b"\x08\x08", "is not an ONNX file: it holds no graph"),
    (export("alexnet").read_bytes()[:1500], "is not an ONNX file: "),
    (b"\x08\x08\x3a\xff\xff\xff\xff\x07", "is not an ONNX file: "),  # a graph of 2 GB
    (b"", "is not an ONNX file"),
    (model([], [1, 3, 7, 11]), "no node produces the output 'y'"),
    (model([helper.make_node("Relu", ["z"], ["y"], name="r")], [1, 3, 7, 11]), "node 'r' (Relu): reads 'z', which"),
    (changed(model([], [1, 3]), lambda made: made.graph.ClearField("output")), "it has no nodes and no output"),
    (changed(model([], [1, 3]), lambda made: made.graph.ClearField("input")), "the graph is empty: it has no nodes"),
    (
        changed(model([node("Neg")], [1, 3], {"x": ones(3, F32)}), lambda made: made.graph.ClearField("input")),
        "the graph has no input",
    ),
    (
        changed(
            model([helper.make_node("Relu", ["x"], [], name="r")], [1, 3]),
            lambda made: made.graph.ClearField("output"),
        ),
        "node 'r' (Relu): 0 outputs, but its operator has 1",
    ),
    (
        changed(model([node("Add", "k")], [1, 3], {"k": ones(3, F32)}), lambda made: _first(made).dims.append(-3)),
        "the constant 'k' has the shape [3, -3]",
    ),
    (calling(3), "the file's functions cannot be inlined: "),
    (
        model(chain(("Relu", ["b"], "a", {}), ("Relu", ["a"], "b", {}), ("Add", ["x", "b"], "y", {})), [1, 3, 7, 11]),
        "nodes read each other in a cycle: ",
    ),
    (
        model([node("MaxPool", kernel_shape="big")], [1, 3, 7, 11]),
        "node 'n' (MaxPool): kernel_shape has a different type than its operator declares",
    ),
    (model([node("MaxPool", kernel_shape=[3, 3], pads=[1])], [1, 3, 7, 11]), "1 pads for 2 axes"),
    (
        model([node("MaxPool", kernel_shape=[30, 3])], [1, 3, 7, 11]),
        "layers[0] 'n': does not fit: floor((7 + 0 - 30)/1)",
    ),
    (model([node("Conv", "w", strides=[0, 1])], [1, 3, 7, 11], {"w": ones((2, 3, 1, 1), F32)}), "s: 0 is too small"),
    (model([node("Conv", "w")], [1, 4, 7, 11], {"w": ones((2, 3, 1, 1), F32)}), "expects 3 input channels, gets 4"),
]


@pytest.mark.parametrize(("data", "message"), BROKEN)
def test_a_broken_file_is_one_message(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    done = here(["shape", str(path)])
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert str(path) in done.err
    assert "Traceback" not in done.err


def test_names_are_printable_and_unique() -> None:
    rows = [
        helper.make_node("Relu", ["x"], ["a"], name="one\x1b[31m"),
        helper.make_node("Relu", ["a"], ["b"], name="one\x1b[31m"),
        helper.make_node("Relu", ["b"], ["c"], name="input"),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    names = [layer["name"] for layer in layers_of(model(rows, [1, 3, 7, 11]))]
    assert names == ["one_[31m", "one_[31m_2", "input_2", "y"]


def test_random_damage_is_never_a_traceback() -> None:
    rng = np.random.default_rng(5)
    whole = [export("alexnet").read_bytes(), (LIGHT / "light_squeezenet.onnx").read_bytes()]
    codes = set()
    for number in range(150):
        data = bytearray(whole[number % 2])
        for at in rng.integers(0, len(data), 1 + number % 7):
            data[at] = rng.integers(256)
        codes.add(here(["shape", "-", "--json"], b"\x08" + bytes(data[1 : len(data) - number % 3 * 50])).code)
    assert codes == {0, 2}


def test_without_onnx_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    done = here(["shape", str(export("alexnet"))])
    assert done.code == 2
    assert "pip install 'cnncalc[onnx]'" in done.err


def test_arrays_are_read_only_to_tell_shared_ones_from_equal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading those of a large network takes longer than all else."""
    read_for = list[str]()
    monkeypatch.setattr(const, "_is_uniform", lambda tensor: read_for.append(tensor.name))
    weights = {"v": drawn(3, 3, 1, 1), "w": drawn(3, 3, 1, 1)}
    read(model(chain(("Conv", ["x", "v"], "a", {}), ("Conv", ["a", "w"], "y", {})), [1, 3, 5, 7], weights))
    assert read_for == []
    read(model(chain(("Conv", ["x", "v"], "a", {}), ("Conv", ["a", "v"], "y", {})), [1, 3, 5, 7], weights))
    assert set(read_for) == {"v"}


def test_messages_imported_without_the_package_are_its_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "onnx")
    alone = messages()
    assert alone is not onnx
    assert (alone.ModelProto, alone.NodeProto) == (onnx.ModelProto, onnx.NodeProto)


@pytest.mark.parametrize("number", ["BOOL", "INT32", "UINT64", "FLOAT16", "DOUBLE"])
def test_stored_numbers_are_those_of_onnx(number: str) -> None:
    """Without NumPy, and as an array, whether they are raw data or typed."""
    kind, numbers = getattr(TensorProto, number), [0, 1, 1, 0, 1, 1]
    typed = helper.make_tensor("w", kind, [2, 3], numbers)
    raw = numpy_helper.from_array(numpy_helper.to_array(typed), "w")
    assert [raw.HasField("raw_data"), typed.HasField("raw_data")] == [True, False]
    for tensor in (typed, raw):
        stored = of_tensor(tensor, "constant", None)
        assert stored.values == numbers
        array, truth = stored.read(), numpy_helper.to_array(tensor)
        assert (array.dtype, array.dtype.num) == (truth.dtype, truth.dtype.num)
        assert (array == truth).all()


@pytest.mark.parametrize("op", USUAL)
def test_usual_numbers_of_inputs_are_those_of_every_opset(op: str) -> None:
    since, fewest, most = USUAL[op]
    for opset in range(since, onnx.defs.onnx_opset_version() + 1):
        least, limit, outputs, needed = arity(op, opset)
        assert least <= fewest <= most <= limit, opset
        assert outputs == 1, opset
        assert set(needed) <= {*range(fewest)}, opset


@pytest.mark.parametrize("op", ["Pow", "Max", "Min", "Sub", "Mul"])
def test_arrays_that_a_node_holds_are_counted_whatever_it_is(op: str) -> None:
    data = model([node(op, "w")], [1, 3, 5, 7], {"w": np.full((3, 1, 1), 2, F32)})
    assert cnncalc.shape(read(data).spec).params == 3


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_scale_that_is_none(scale: float, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(model([node("Resize", "", "s")], [1, 3, 5, 7], {"s": np.array([1, 1, scale, scale], F32)}))
    done = here(["shape", str(path)])
    assert done.code == 2
    assert f"a scale of {scale}" in done.err


def test_constants_count_after_weights_and_prepare_an_input_before_them() -> None:
    """The rule of issue 12: what follows a convolution, or a norm written as nodes, is a weight in any node."""
    rng = np.random.default_rng(4)

    def constant(name: str) -> Any:
        array = rng.standard_normal((3, 1, 1)).astype(F32)
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name))

    rows = [
        *[constant(name) for name in ("m", "s", "f", "o")],
        *chain(
            ("Mul", ["x", "s"], "a", {}),
            ("Add", ["a", "m"], "b", {}),
            ("Conv", ["b", "w"], "c", {}),
            ("ReduceMean", ["c"], "mean", {"axes": [1, 2, 3]}),
            ("Sub", ["c", "mean"], "d", {}),
            ("Mul", ["d", "d"], "q", {}),
            ("ReduceMean", ["q"], "var", {"axes": [1, 2, 3]}),
            ("Sqrt", ["var"], "std", {}),
            ("Div", ["d", "std"], "n", {}),
            ("Mul", ["n", "f"], "g", {}),
            ("Add", ["g", "o"], "y", {}),
        ),
    ]
    data = model(rows, [2, 3, 7, 11], {"w": rng.standard_normal((3, 3, 1, 1)).astype(F32)})
    assert cnncalc.shape(read(data).spec).params == 9 + 3 + 3
    check_values(data, rng.standard_normal((2, 3, 7, 11)).astype(F32))


def test_a_map_whose_channels_are_last_is_resized() -> None:
    made = node("Resize", "", "s", mode="linear", coordinate_transformation_mode="half_pixel")
    data = model([made], [2, 5, 6, 3], {"s": np.array([1, 2, 1.5, 1], F32)})
    assert [layer["op"] for layer in layers_of(data)] == ["permute", "upsample", "permute"]
    check_values(data, np.random.default_rng(5).standard_normal((2, 5, 6, 3)).astype(F32))


@NEW_ONNX
def test_operators_of_whole_numbers() -> None:
    rng = np.random.default_rng(8)
    arrays = {
        "s": F32(0.02),
        "z": np.uint8(120),
        "w": rng.integers(-100, 100, (4, 3, 2, 2)).astype(np.int8),
        "ws": np.array([0.01, 0.02, 0.03, 0.04], F32),
        "wz": np.zeros(4, np.int8),
        "t": F32(0.1),
        "u": np.uint8(100),
        "b": np.array([100, -200, 300, 0], np.int32),
        "m": rng.integers(0, 255, (10, 5)).astype(np.uint8),
        "ms": F32(0.01),
        "mz": np.uint8(99),
        "o": F32(0.5),
    }
    rows = chain(
        ("QuantizeLinear", ["x", "s", "z"], "q", {}),
        ("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "t", "u", "b"], "c", {}),
        ("QLinearMatMul", ["c", "t", "u", "m", "ms", "mz", "o", "u"], "p", {}),
        ("DequantizeLinear", ["p", "o", "u"], "y", {}),
    )
    data = model(rows, [2, 3, 7, 11], arrays, opset=21)
    assert [layer["op"] for layer in layers_of(data)] == ["quantize", "conv", "quantize", "linear", "quantize"]
    report = cnncalc.shape(read(data).spec)
    assert (report.params, report.macs) == (48 + 4 + 50, 2 * 6 * 10 * 48 + 2 * 4 * 6 * 10 * 5)
    check_values(data, rng.standard_normal((2, 3, 7, 11)).astype(F32))


def test_whole_numbers_on_a_scale_of_their_own() -> None:
    rng = np.random.default_rng(7)
    rows = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="q"),
        *chain(
            ("MatMulInteger", ["q", "w", "z", "wz"], "i", {}),
            ("Cast", ["i"], "f", {"to": 1}),
            ("Mul", ["s", "ws"], "scale", {}),
            ("Mul", ["f", "scale"], "y", {}),
        ),
    ]
    arrays = {"w": rng.integers(0, 255, (6, 4)).astype(np.uint8), "wz": np.uint8(128), "ws": F32(0.01)}
    data = model(rows, [1, 3, 6], arrays)
    assert [layer["op"] for layer in layers_of(data)] == ["quantize", "linear", "identity", "rescale"]
    assert cnncalc.shape(read(data).spec).params == 24
    check_values(data, rng.standard_normal((1, 3, 6)).astype(F32))


def test_an_input_without_a_type_is_never_given_to_onnx() -> None:
    """The inference of onnx, which is native code, would read invalid memory."""
    proto = onnx.load_from_string(model([node("Mystery"), helper.make_node("Relu", ["z"], ["r"], name="r")], [2, 3]))
    proto.graph.input.append(onnx.ValueInfoProto(name="z"))
    report = cnncalc.shape(read(proto.SerializeToString()).spec)
    assert [layer.op for layer in report.layers] == ["opaque"]


@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_norm_over_a_batch_of_one_is_the_absolute_value(keepdims: int) -> None:
    data = model([node("ReduceL1", axes=[0], keepdims=keepdims)], [1, 3, 4])
    check_values(data, np.linspace(-2, 1, 12, dtype=F32).reshape(1, 3, 4))


# an operator that becomes several layers


@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_hardmax_is_the_first_of_the_largest(opset: int, axis: int) -> None:
    x = np.random.default_rng(1).integers(0, 3, (2, 3, 4, 5)).astype(F32)
    data = model([node("Hardmax", axis=axis)], list(x.shape), opset=opset)
    flat = x.reshape(*x.shape[:axis], -1) if opset < 13 else np.moveaxis(x, axis, -1)
    expected = np.zeros_like(flat)
    np.put_along_axis(expected, flat.argmax(-1)[..., None], 1, -1)
    expected = expected.reshape(x.shape) if opset < 13 else np.moveaxis(expected, -1, axis)
    np.testing.assert_array_equal(cnncalc.run(read_bytes(data, "net.onnx"), x), expected)


@pytest.mark.parametrize(
    ("made", "opset"),
    [
        (node("MeanVarianceNormalization"), 13),
        (node("MeanVarianceNormalization", axes=[2, 3]), 13),
        (node("MeanVarianceNormalization", axes=[-1, 1]), 13),
        (node("Shrink", lambd=0.25, bias=0.1), 13),
        (node("Shrink", lambd=0.5, bias=0.5), 13),
        (node("Selu", alpha=1.5, gamma=0.7), 13),
        (node("ThresholdedRelu", alpha=0.3), 13),
        (node("Mean"), 13),
        (node("Max"), 13),
        *[
            (node("CumSum", "axis", exclusive=exclusive, reverse=reverse), 14)
            for exclusive in (0, 1)
            for reverse in (0, 1)
        ],
    ],
    ids=str,
)
def test_operators_of_several_layers(made: Any, opset: int) -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(F32)
    arrays = {"axis": np.array(2, I64)} if "axis" in made.input else {}
    data = model([made], list(x.shape), arrays, opset)
    assert "opaque" not in [layer["op"] for layer in layers_of(data)]
    check_values(data, x)


@pytest.mark.parametrize("axis", [-1, -2])
def test_a_root_mean_square_norm(axis: int) -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(F32)
    weight = np.arange(1, 1 + np.prod(x.shape[axis:]), dtype=F32).reshape(x.shape[axis:])
    data = model([node("RMSNormalization", "w", axis=axis, epsilon=0.01)], list(x.shape), {"w": weight}, 23)
    axes = tuple(range(axis, 0))
    expected = x / np.sqrt((x**2).mean(axes, keepdims=True) + 0.01) * weight
    np.testing.assert_allclose(cnncalc.run(read_bytes(data, "net.onnx"), x), expected, rtol=1e-5)
    assert cnncalc.shape(read(data).spec).params == weight.size


def test_what_is_left_of_whole_numbers() -> None:
    x = np.arange(-12, 12, dtype=F32).reshape(2, 3, 4)
    nodes = chain(
        ("Cast", ["x"], "whole", {"to": TensorProto.INT64}),
        ("Mod", ["whole", "five"], "left", {}),
        ("Cast", ["left"], "y", {"to": TensorProto.FLOAT}),
    )
    data = model(nodes, list(x.shape), {"five": np.array(5, I64)}, 13)
    np.testing.assert_array_equal(cnncalc.run(read_bytes(data, "net.onnx"), x), x % 5)


@pytest.mark.parametrize("sizes", [(3, 6), (3, 1), (1, 1)])
def test_a_matrix_of_an_einsum_counts_wherever_it_is_stored(sizes: tuple[int, int]) -> None:
    value = numpy_helper.from_array(np.ones(sizes, F32), "w")
    nodes = [helper.make_node("Constant", [], ["w"], value=value), node("Einsum", "w", equation="nchw,cd->ndhw")]
    assert cnncalc.shape(read(model(nodes, [2, sizes[0], 4, 5])).spec).params == np.prod(sizes)


@pytest.mark.parametrize("op", ["Expand", "Tile"])
def test_a_class_token_that_is_repeated_for_each_sample_counts_once(op: str) -> None:
    token = np.arange(3, dtype=F32).reshape(1, 1, 3)
    nodes = chain((op, ["token", "batch"], "tokens", {}), ("Concat", ["tokens", "x"], "y", {"axis": 1}))
    data = model(nodes, [2, 4, 3], {"token": token, "batch": np.array([2, 1, 1], I64)})
    assert cnncalc.shape(read(data).spec).params == 3


def test_nearest_resizing_of_old_operator_sets_rounds_up_where_it_shrinks() -> None:
    x = np.arange(40, dtype=F32).reshape(1, 1, 4, 10)
    scales = np.array([1, 1, 2, 0.7], F32)
    data = model([node("Resize", "s", mode="nearest")], list(x.shape), {"s": scales}, 10)
    columns = np.ceil(np.arange(7) / scales[3]).astype(int)
    expected = x.repeat(2, axis=2)[..., columns]  # 10*0.7 is 7 in float32, and 6.9999999 in more digits
    np.testing.assert_array_equal(cnncalc.run(read_bytes(data, "net.onnx"), x), expected)


def declared_y(*shape: int) -> list[Any]:
    return [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)]


def test_a_shape_that_the_file_declares_is_used_where_ours_is_unknown() -> None:
    mystery = helper.make_node("Mystery", ["x"], ["m"], name="m", domain="mine")
    conv = helper.make_node("Conv", ["m", "w"], ["c"], name="c")
    relu = helper.make_node("Relu", ["c"], ["y"], name="y")
    data = model([mystery, conv, relu], [2, 3, 8, 8], {"w": ones((4, 3, 3, 3), F32)})
    assert NOTHING_KNOWN in [layer.out for layer in cnncalc.shape(read(data).spec).layers]
    made = onnx.load_from_string(data)
    made.graph.value_info.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, [2, 4, 6, 6]))
    network = read(made.SerializeToString())
    assert cnncalc.shape(network.spec).out == (2, 4, 6, 6)
    assert cnncalc.shape(network.spec).params == 108
    assert network.notes == ()


def test_a_shape_that_the_file_declares_and_its_values_do_not_have_is_a_note(tmp_path: Path) -> None:
    data = model([node("MaxPool", kernel_shape=[2, 2])], [2, 3, 8, 8], outputs=declared_y(2, 3, 4, 4))
    (tmp_path / "net.onnx").write_bytes(data)
    done = here(["shape", str(tmp_path / "net.onnx")])
    assert done.code == 0
    assert done.err.splitlines() == ["note: the file declares 'y' as 2x3x4x4, but it is 2x3x7x7"]
    agreeing = model([node("MaxPool", kernel_shape=[2, 2])], [2, 3, 8, 8], outputs=declared_y(2, 3, 7, 7))
    assert read(agreeing).notes == ()


def test_a_function_that_calls_itself_is_one_message(tmp_path: Path) -> None:
    made = onnx.load_from_string(model([node("F")], [1, 3]))
    made.graph.node[0].domain = "mine"
    inner = helper.make_node("F", ["a"], ["b"], domain="mine")
    opsets = [helper.make_opsetid("mine", 1)]
    made.functions.append(helper.make_function("mine", "F", ["a"], ["b"], [inner], opsets))
    made.opset_import.extend(opsets)
    with pytest.raises(cnncalc.SpecError, match="functions cannot be inlined"):
        read(made.SerializeToString())


def test_the_lengths_of_a_weight_norm_are_parameters() -> None:
    x, v, g = ones((1, 3, 5, 5), F32), np.arange(216, dtype=F32).reshape(8, 3, 3, 3), ones((8, 1, 1, 1), F32)
    nodes = chain(
        ("ReduceL2", ["v"], "norm", {"axes": [1, 2, 3], "keepdims": 1}),
        ("Div", ["v", "norm"], "unit", {}),
        ("Mul", ["unit", "g"], "kernel", {}),
        ("Conv", ["x", "kernel", "b"], "y", {}),
    )
    data = model(nodes, list(x.shape), {"v": v, "g": g, "b": ones(8, F32)})
    report = cnncalc.shape(read(data).spec)
    assert [layer.op for layer in report.layers] == ["conv"]
    assert (report.params, report.macs) == (216 + 8 + 8, 216 * 9)  # v, g and the bias, as in PyTorch's weight_norm
    check_values(data, x)


def test_a_table_that_is_also_a_matrix_counts_once() -> None:
    nodes = chain(
        ("Cast", ["x"], "rows", {"to": TensorProto.INT64}),
        ("Gather", ["table", "rows"], "found", {}),
        ("Transpose", ["table"], "matrix", {"perm": [1, 0]}),
        ("MatMul", ["found", "matrix"], "product", {}),
        ("Add", ["product", "b"], "y", {}),
    )
    data = model(nodes, [2, 5], {"table": np.arange(160, dtype=F32).reshape(20, 8) / 100, "b": ones(20, F32)})
    report = cnncalc.shape(read(data).spec)
    assert [layer.op for layer in report.layers if layer.params] == ["embedding", "linear"]
    assert report.params == 20 * 8 + 20
    check_values(data, np.array([[0, 1, 2, 3, 19], [5, 4, 3, 2, 1]], F32))


def test_a_matrix_that_two_layers_share_counts_once_though_one_has_a_bias() -> None:
    nodes = chain(
        ("MatMul", ["x", "w"], "first", {}),
        ("Add", ["first", "b"], "biased", {}),
        ("Relu", ["biased"], "positive", {}),
        ("MatMul", ["positive", "w"], "y", {}),
    )
    data = model(nodes, [2, 4], {"w": np.arange(16, dtype=F32).reshape(4, 4), "b": ones(4, F32)})
    assert cnncalc.shape(read(data).spec).params == 16 + 4
    check_values(data, np.arange(8, dtype=F32).reshape(2, 4))


@NEW_ONNX
def test_a_row_that_doubles_again_and_again_is_not_worked_out() -> None:
    doubles = [("Concat", [f"k{at}", f"k{at}"], f"k{at + 1}", {"axis": 0}) for at in range(40)]
    nodes = [*chain(*doubles, ("Reshape", ["x", "k40"], "y", {}))]
    report = cnncalc.shape(read(model(nodes, [1, 4], {"k0": np.array([1], I64)})).spec)
    assert report.out == NOTHING_KNOWN


@pytest.mark.parametrize(
    ("op", "reads"), [("Sub", ["k", "x"]), ("Div", ["k", "x"]), ("Add", ["x", "k"]), ("Max", ["x", "k"])]
)
def test_a_number_that_is_stored_as_a_weight_is_none(op: str, reads: list[str]) -> None:
    data = model([helper.make_node(op, reads, ["y"], name="n")], [2, 3, 4, 5], {"k": np.array(3, F32)})
    assert cnncalc.shape(read(data).spec).params == 0
    check_values(data, ones((2, 3, 4, 5), F32) * 2)


def test_inputs_and_outputs_have_the_names_of_the_file(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["pixels"], ["a"], name="/act/Relu"),
        helper.make_node("Neg", ["a"], ["boxes"], name="/head/Neg"),
        helper.make_node("Exp", ["pixels"], ["scores"], name="/head/Exp"),
    ]
    path = tmp_path / "net.onnx"
    path.write_bytes(several(nodes, {"pixels": [1, 2, 3, 5]}, ["boxes", "scores"]))
    report = cnncalc.shape(path, {"pixels": (1, 2, 4, 7)})
    assert report.network.names == {"input": "pixels", "outputs": ("boxes", "scores")}
    assert report.to_dict()["report"]["outputs"] == {"boxes": [1, 2, 4, 7], "scores": [1, 2, 4, 7]}
    assert "outputs boxes 1x2x4x7, scores 1x2x4x7" in str(report)
    again = cnncalc.load(json.loads(json.dumps(report.network.to_dict())))
    x = np.arange(30, dtype=F32).reshape(1, 2, 3, 5) / 30 - 0.5
    for network in (cnncalc.load(path), again):
        for name in ("scores", "/head/Exp"):
            np.testing.assert_allclose(cnncalc.run(network, {"pixels": x}, output=name), np.exp(x), rtol=1e-6)
        with pytest.raises(cnncalc.SpecError, match=r"there is no output 'score'\n  did you mean 'scores'"):
            cnncalc.run(network, x, output="score")
    np.save(tmp_path / "x.npy", x)
    command = ["run", str(path), "-x", f"pixels={tmp_path / 'x.npy'}", "--output", "scores", "-o", f"{tmp_path}/y.npy"]
    done = here(command)
    assert (done.code, done.out) == (0, ""), done.err
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), np.exp(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"outputs": ["a", "b"]}, "outputs has 2 names, but the network has 1 outputs"),
        ({"outputs": ["a", "a"]}, "two outputs have the same name"),
        ({"output": ["a"]}, 'names is {"output": …}'),
    ],
)
def test_names_that_a_spec_cannot_have(names: dict[str, Any], message: str) -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        cnncalc.load({"names": names, "layers": [{"op": "relu"}]})
    assert str(error.value).startswith(message)


def test_sizes_that_keep_their_ratio_are_rounded() -> None:
    """3*1.2 is 3.6, and the size is 4: no factor of upsample gives that."""
    made = node("Resize", "", "", "s", axes=[2, 3], keep_aspect_ratio_policy="not_larger")
    data = model([made], [2, 4, 3, 5], {"s": np.array([6, 6], I64)}, 18)
    assert out_of(data) == (2, 4, 4, 6)
    assert [layer["op"] for layer in layers_of(data)] == ["opaque"]


def test_a_large_mask_that_is_filled_in_is_no_parameter() -> None:
    fill = helper.make_tensor("", onnx.TensorProto.FLOAT, [1], [-np.inf])
    nodes = [
        helper.make_node("ConstantOfShape", ["sizes"], ["m"], value=fill),
        helper.make_node("Trilu", ["m", "next"], ["t"]),
        node("Add", "t"),
    ]
    arrays = {"sizes": np.array([900, 800], I64), "next": np.array(1, I64)}
    report = cnncalc.shape(read_bytes(model(nodes, ["N", 900, 800], arrays), "m.onnx"))
    assert ([layer.op for layer in report.layers], report.params) == (["constant", "add"], 0)


@pytest.mark.parametrize(
    ("op", "out", "macs"),
    [("Conv", (1, 1, 5, 3), 5 * 3 * 5 * 4), ("ConvTranspose", (1, 1, 5, 5), 5 * 4 * 5 * 4)],
)
def test_a_kernel_of_values_multiplies_as_one_of_numbers(op: str, out: tuple[int, ...], macs: int) -> None:
    nodes = [helper.make_node("Sin", ["x"], ["k"]), node(op, "k", pads=[2, 1, 2, 1])]
    report = cnncalc.shape(read_bytes(model(nodes, [1, 1, 5, 4]), "m.onnx"))
    assert (report.out, report.params, report.macs) == (out, 0, macs)


def test_a_diagonal_of_an_einsum_is_opaque() -> None:
    nodes = [node("Einsum", equation="ii->i"), helper.make_node("Relu", ["y"], ["z"], name="z")]
    data = model(nodes, [3, 3], outputs=[named("z")])
    assert [layer["op"] for layer in layers_of(data)] == ["opaque", "relu"]
    assert out_of(data) == (3,)


def test_a_clip_that_leaves_nothing_is_opaque() -> None:
    data = model([node("Clip", "b")], [2, 5], {"b": np.array(np.inf, F32)})
    assert [layer["op"] for layer in layers_of(data)] == ["opaque"]


def test_a_batch_norm_of_a_row_is_opaque() -> None:
    data = model([node("BatchNormalization", *"abcd")], [5], {name: ones(5, F32) for name in "abcd"})
    assert [layer["op"] for layer in layers_of(data)] == ["opaque"]
    assert out_of(data) == (5,)


@pytest.mark.parametrize("sizes", [["A", 5], ["A", "B"]])
def test_an_input_of_open_sizes_meets_a_batch(sizes: list[int | str]) -> None:
    nodes = [helper.make_node("MatMul", ["x", "y"], ["z"], name="z")]
    data = several(nodes, {"x": [1, 3, 4], "y": [1, *sizes]}, ["z"])
    assert cnncalc.shape(read(data).spec).layers[-1].name == "z"
    report = cnncalc.shape(read(data, sizes={"y": (1, 4, 5)}).spec)
    assert tuple(report.out) == (1, 3, 5)


def test_a_reshape_that_other_sizes_do_not_fit_says_so(tmp_path: Path) -> None:
    nodes = [node("Reshape", "s"), helper.make_node("Relu", ["y"], ["z"], name="z")]
    path = tmp_path / "net.onnx"
    path.write_bytes(model(nodes, [1, 2, 4, 7], {"s": np.array([0, 4, 14, -1], I64)}, outputs=[named("z")]))
    text = "'n' cannot reshape 1x2x5x8 to 0x4x14x-1: the file has fixed numbers for the sizes it was exported with"
    assert text not in here(["shape", str(path)]).err
    assert text in here(["shape", str(path), "-i", "1x2x5x8"]).err


def test_a_reshape_to_copied_sizes_that_do_not_fit_says_so(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(model([node("Reshape", "s")], ["N", 12, 3], {"s": np.array([0, 0], I64)}))
    assert "'n' cannot reshape Nx12x3 to 0x0: " in here(["shape", str(path)]).err


def test_a_grid_that_is_computed_from_numbers_has_no_parameters() -> None:
    """The positions of a detector's anchors: a range shifted by half a unit, beside a column that a node fills."""
    fill = numpy_helper.from_array(np.array([8], F32))
    rows = [
        ("Range", ["zero", "end", "one"], "r", {}),
        ("Add", ["r", "half"], "places", {}),
        ("ConstantOfShape", ["n"], "strides", {"value": fill}),
        ("Concat", ["places", "strides"], "grid", {"axis": 0}),
        ("Add", ["x", "grid"], "y", {}),
    ]
    numbers = {"zero": F32(0), "end": F32(6), "one": F32(1), "half": F32(0.5)}
    data = model(chain(*rows), [2, 12], {name: np.array(one) for name, one in numbers.items()} | {"n": np.array([6])})
    assert cnncalc.shape(read(data).spec).params == 0
    check_values(data, ones((2, 12), F32))


REPEATED = {
    "Expand": [helper.make_node("Expand", ["c", "sizes"], ["r"], name="r")],
    "Tile": [helper.make_node("Tile", ["c", "sizes"], ["r"], name="r")],
    "Shape": chain(
        ("Shape", ["x"], "n", {"end": 1}),
        ("Concat", ["n", "row"], "to", {"axis": 0}),
        ("Expand", ["c", "to"], "r", {}),
    ),
}


@pytest.mark.parametrize("joined", [("Add", {}), ("Concat", {"axis": 1})])
@pytest.mark.parametrize("how", REPEATED)
def test_a_constant_repeated_for_each_sample_of_a_fixed_batch_is_one(how: str, joined: tuple[str, Any]) -> None:
    op, keys = joined
    arrays = {"c": drawn(1, 1, 6), "sizes": np.array([4, 1, 1], I64), "row": np.array([1, 6], I64)}
    data = model([*REPEATED[how], helper.make_node(op, ["r", "x"], ["y"], name="y", **keys)], [4, 5, 6], arrays)
    report = cnncalc.shape(read(data).spec)
    assert (report.batch, report.sample, report.params) == (4, (5, 6), 6)
    assert report.layers[-1].traced.out == ((5, 6) if op == "Add" else (6, 6))
    check_values(data, drawn(4, 5, 6, seed=3))
    arrays["c"] = drawn(4, 1, 6)  # a row for each sample
    arrays["sizes"][0] = 1
    if how != "Shape":
        check_values(model(onnx.load_from_string(data).graph.node, [4, 5, 6], arrays), drawn(4, 5, 6, seed=3))
