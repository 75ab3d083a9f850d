"""Small graphs from practice: their figures, and the values that onnxruntime computed for them (data/README)."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks.onnx.read import read
from cnncalc.sources import read_bytes
from tests import DATA

ARCHIVE = zipfile.ZipFile(DATA / "onnx-cases.zip")
CASES: dict[str, dict[str, Any]] = json.loads(ARCHIVE.read("cases.json"))
INSIDE = {"if_const": 3888}
"""The MACs of graphs with a convolution inside a node, which the figures beside the files do not count."""


def data(name: str) -> bytes:
    return ARCHIVE.read(f"{name}.onnx")


def arrays(name: str) -> Any:
    return np.load(io.BytesIO(ARCHIVE.read(f"{name}.npz")))


@pytest.mark.parametrize("name", CASES)
def test_the_figures_are_those_of_the_file_for_its_inputs(name: str) -> None:
    case = CASES[name]
    sizes = {key: tuple(shape) for key, shape in case["inputs"].items()}
    report = cnncalc.shape(read(data(name), sizes=sizes).spec)
    assert list(report.out) == case["out"]
    assert report.macs == INSIDE.get(name, case["macs"])
    assert case["params"] in (None, report.params)
    assert not [(layer.name, layer.values["type"]) for layer in report.layers if layer.op == "opaque"]


@pytest.mark.parametrize("name", CASES)
def test_the_values_are_those_of_onnxruntime(name: str) -> None:
    recorded = arrays(name)
    given = {key: recorded[f"in_{key}"] for key in CASES[name]["inputs"]}
    (x,) = [given] if len(given) > 1 else given.values()
    made = cnncalc.run(read_bytes(data(name), f"{name}.onnx"), x)
    assert made.shape == recorded["out"].shape
    np.testing.assert_allclose(made, recorded["out"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_inputs_are_bound_before_constants_are_worked_out(name: str) -> None:
    shapes = CASES[name]["inputs"]
    (input,) = [shapes] if len(shapes) > 1 else shapes.values()
    report = cnncalc.shape(read_bytes(data(name), f"{name}.onnx"), input)
    assert list(report.out) == CASES[name]["out"]
    assert report.macs == INSIDE.get(name, CASES[name]["macs"])
