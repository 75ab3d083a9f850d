"""What PyTorch, Keras and ONNX compute: every recorded array, and a sample of them through the command."""

from __future__ import annotations

import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.backend.test.case import node as node_cases

import cnncalc
from tests import DATA
from tests.frameworks.keras import test_recorded as test_keras_cases
from tests.frameworks.torch import test_recorded as test_torch_cases
from tests.program import here

TORCH = np.load(DATA / "torch-arrays.npz")
KERAS = np.load(DATA / "keras-arrays.npz")
ROLES = {0: [], 1: ["weight"], 2: ["weight", "bias"], 3: ["depthwise", "pointwise", "bias"]}


def torch_arrays(case: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Return the input, the weights by name and the output of a case."""
    x, y = TORCH[f"{case['id']}_x"], TORCH[f"{case['id']}_y"]
    names = {"layer.weight": f"{case['id']}_w", "layer.bias": f"{case['id']}_b"}
    return x, {name: TORCH[key] for name, key in names.items() if key in TORCH}, y


def keras_arrays(case: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Return the same of a Keras case."""
    x, y = KERAS[f"{case['id']}_x"], KERAS[f"{case['id']}_y"]
    roles = ROLES[case["nw"]]
    return x, {f"layer.{role}": KERAS[f"{case['id']}_w{i}"] for i, role in enumerate(roles)}, y


def close(found: Any, expected: Any, within: float, name: str = "") -> None:
    """Check that two arrays agree, relative to the largest value, with infinities at the same positions."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
    finite = np.isfinite(expected)
    assert np.array_equal(found[~finite], expected[~finite]), name
    if finite.any():
        most = within * max(np.abs(expected[finite]).max(), 1e-30)
        assert np.abs(found[finite] - expected[finite]).max() <= most, name


@pytest.mark.parametrize("dialect", ["plain", "torch"])
@pytest.mark.parametrize("case", test_torch_cases.ANSWERED, ids=test_torch_cases.name_of)
def test_torch(case: dict[str, Any], dialect: str) -> None:
    x, weights, y = torch_arrays(case)
    layer = test_torch_cases.layer_of(case) | {"name": "layer"}
    close(cnncalc.run(layer, x, weights, dialect=dialect), y, 1e-10)


@pytest.mark.parametrize("case", test_torch_cases.ANSWERED[::7], ids=test_torch_cases.name_of)
def test_torch_one_sample(case: dict[str, Any]) -> None:
    x, weights, y = torch_arrays(case)
    layer = test_torch_cases.layer_of(case) | {"name": "layer"}
    close(cnncalc.run(layer, x[0], weights, dialect="torch"), y[0], 1e-10)


@pytest.mark.parametrize("case", test_keras_cases.ANSWERED, ids=test_keras_cases.name_of)
def test_keras(case: dict[str, Any]) -> None:
    x, weights, y = keras_arrays(case)
    layer = test_keras_cases.layer_of(case) | {"name": "layer"}
    close(cnncalc.run(layer, x, weights, dialect="keras"), y, 1e-4)


@pytest.mark.parametrize("case", test_keras_cases.AGREEING[::3], ids=test_keras_cases.name_of)
def test_keras_with_the_channels_first(case: dict[str, Any]) -> None:
    x, weights, y = keras_arrays(case)
    layer = test_keras_cases.layer_of(case) | {"name": "layer"}
    turned = {}
    for name, w in weights.items():
        depthwise = name.endswith("depthwise") or (case["kind"] == "dwconv" and w.ndim == 4)
        if w.ndim == 1:
            turned[name] = w
        elif depthwise:
            turned[name] = np.moveaxis(w, (2, 3), (0, 1)).reshape(-1, 1, *w.shape[:2])
        else:
            turned[name] = w.transpose(3, 2, 0, 1)
    found = cnncalc.run(layer, np.moveaxis(x, -1, 1), turned, dialect="keras", layout="NCHW")
    close(np.moveaxis(found, 1, -1), y, 1e-4)


COMMAND = [("torch", case) for case in test_torch_cases.ANSWERED[::10]] + [
    ("keras", case) for case in test_keras_cases.ANSWERED[::8]
]


def test_thirty_go_through_the_command() -> None:
    assert len(COMMAND) >= 30
    assert len({case["kind"] for _, case in COMMAND}) == 6


@pytest.mark.parametrize(("dialect", "case"), COMMAND, ids=lambda value: value if isinstance(value, str) else "")
def test_the_command(dialect: str, case: dict[str, Any], tmp_path: Path) -> None:
    arrays, cases = (torch_arrays, test_torch_cases) if dialect == "torch" else (keras_arrays, test_keras_cases)
    x, weights, y = arrays(case)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "w.npz", **weights)
    (tmp_path / "net.json").write_text(json.dumps([cases.layer_of(case) | {"name": "layer"}]))
    given = ["-w", "w.npz"] if weights else []
    done = here(["run", "net.json", "-x", "x.npy", *given, "-o", "y.npy", "--dialect", dialect], cwd=tmp_path)
    assert (done.code, done.out) == (0, ""), done.err
    close(np.load(tmp_path / "y.npy"), y, 1e-10 if dialect == "torch" else 1e-4)


# the node tests that the onnx package carries

OPS = {
    "Conv": "conv",
    "ConvTranspose": "convT",
    "MaxPool": "maxpool",
    "AveragePool": "avgpool",
    "LpPool": "lppool",
    "GlobalAveragePool": "globalavgpool",
    "GlobalMaxPool": "globalmaxpool",
}
KEYS = {"kernel_shape": "k", "strides": "s", "dilations": "d", "group": "g", "p": "norm", "ceil_mode": "ceil"}
KEYS |= {"output_padding": "out_pad", "output_shape": "out", "auto_pad": "auto_pad", "pads": "pads"}
KEYS |= {"count_include_pad": "count_include_pad"}
FLAGS = ("ceil_mode", "count_include_pad")
CORRECTED = "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True"
"""The case whose expected output counted cells beyond the padding until onnx 1.18."""
AS_CORRECTED = tuple(map(int, onnx.__version__.split(".")[:2])) >= (1, 18)


def _onnx_cases(op: str) -> list[Any]:
    """Return the cases of one node of this op. The package computes them, with overflows of its own, when imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module(f"{node_cases.__name__}.{op.lower()}")
    graphs = [(case, case.model.graph.node) for case in vars(node_cases)["_NodeTestCases"]]
    return [case for case, nodes in graphs if len(nodes) == 1 and nodes[0].op_type == op]


def onnx_layer(node: Any, inputs: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a node as a layer, and its weights by name."""
    nd = inputs[0].ndim - 2
    op = OPS[node.op_type]
    layer: dict[str, Any] = {"op": op if "global" in op or nd == 2 else f"{op}{nd}d", "name": "layer"}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.name in KEYS:
            value = value.decode() if isinstance(value, bytes) else value
            layer[KEYS[attribute.name]] = bool(value) if attribute.name in FLAGS else value
        else:
            assert attribute.name == "storage_order", attribute.name
    if "conv" not in op:
        return layer, {}
    weight = inputs[1]
    layer["c_o"] = len(weight) if op == "conv" else weight.shape[1] * layer.get("g", 1)
    layer |= {"k": list(weight.shape[2:]), "bias": len(inputs) > 2}
    return layer, {f"layer.{role}": array for role, array in zip(("weight", "bias"), inputs[1:], strict=False)}


@pytest.mark.parametrize(("op", "least"), list(zip(OPS, (6, 8, 14, 12, 6, 2, 2), strict=True)))
def test_onnx_nodes(op: str, least: int) -> None:
    held = [case for case in _onnx_cases(op) if AS_CORRECTED or case.name != CORRECTED]
    assert len(held) >= least
    for case in held:
        for inputs, outputs in case.data_sets:
            layer, weights = onnx_layer(case.model.graph.node[0], inputs)
            found = cnncalc.run(layer, inputs[0], weights, dialect="onnx")
            close(found, outputs[0], 2e-4, case.name)  # some are written with four digits
