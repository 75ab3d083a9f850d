"""Several outputs: the last layer is the first of them, and their order is the same in every form."""

from __future__ import annotations

import json
from typing import Any

import onnx
import pytest

import cnncalc
from cnncalc.frameworks import writer
from cnncalc.frameworks.build import SpecBuilder
from cnncalc.frameworks.onnx.read import read
from cnncalc.input import configure

LAYERS: list[dict[str, Any]] = [
    {"op": "conv", "name": "stem", "c_o": 4},
    {"op": "conv", "name": "late", "c_o": 5},
    {"op": "relu", "name": "early", "from": "stem"},
    {"op": "tanh", "name": "other", "from": "early"},
    {"op": "conv", "name": "end", "c_o": 2, "from": "early"},
]
ORDER = ["end", "late", "other"]


@pytest.fixture
def network() -> cnncalc.Network:
    return configure(cnncalc.load(LAYERS), (3, 8, 9), None, None)


def test_the_report_lists_the_last_layer_first(network: cnncalc.Network) -> None:
    report = cnncalc.shape(network)
    assert [layer.name for layer in report.outputs()] == ORDER
    assert list(report.to_dict()["report"]["outputs"]) == ORDER
    assert report.out == (2, 8, 9)


def test_onnx(network: cnncalc.Network) -> None:
    text: Any = writer("onnx")(network)
    assert [one.name for one in onnx.load_from_string(text).graph.output] == ORDER
    again = cnncalc.shape(read(text).spec)
    assert [layer.name for layer in again.outputs()] == ORDER


def test_keras(network: cnncalc.Network) -> None:
    document = json.loads(writer("keras")(network))
    assert [name for name, *_ in document["config"]["output_layers"]] == ORDER
    assert [layer.name for layer in cnncalc.shape(document).outputs()] == ORDER
    document["config"]["output_layers"] = [["late", 0, 0], ["early", 0, 0], ["end", 0, 0]]  # early is read by others
    again = cnncalc.shape(document)
    assert [layer.name for layer in again.outputs()] == ["late", "other", "early_output", "end"]


def test_torch(network: cnncalc.Network) -> None:
    assert f"return {', '.join(ORDER)}" in str(writer("torch")(network))


def test_outputs_end_a_spec() -> None:
    spec = SpecBuilder()
    a = spec.add("a", "relu", [spec.input])
    b = spec.add("b", "relu", [a])
    ends = spec.end_with_all([a, b, spec.input])
    assert [one.name for one in spec.layers] == ["a", "b", "input_output", "a_output"]
    assert [one.name for one in ends] == ["a_output", "b", "input_output"]
