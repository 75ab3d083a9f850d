"""The output of a block is that of its last layer, whether a network is executed, traced, written or read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from onnx.reference import ReferenceEvaluator

import cnncalc
from cnncalc.frameworks import writer
from cnncalc.frameworks.onnx.read import read
from cnncalc.input import configure
from tests.standin import forward

Array = Any
Layers = list[dict[str, Any]]
FUNCTIONS: dict[str, Callable[..., Array]] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "concat": lambda *xs: np.concatenate(xs, 1),
}


def result(layers: Layers, x: Array) -> Array:
    """Return the output of a list of layers by definition, with every value in a separate array."""
    values = {"input": x}
    for layer in layers:
        reads = [values[name] for name in layer["from"]]
        inner = layer.get("layers")
        values[layer["name"]] = result(inner, *reads) if inner else FUNCTIONS[layer["op"]](*reads)
    return values[layers[-1]["name"]]


@st.composite
def graphs(draw: st.DrawFn, depth: int = 2) -> Layers:
    """Return layers that read any earlier ones, so that some have several readers and some none; including blocks."""
    names = ["input"]
    layers: Layers = []
    for at in range(draw(st.integers(1, 4))):
        op = draw(st.sampled_from([*FUNCTIONS, *(["block"] * 3 if depth else [])]))
        most = 3 if op == "concat" else 1
        reads = draw(st.lists(st.sampled_from(names), min_size=min(most, 2), max_size=most))
        layer = {"name": f"n{at}", "op": op, "from": reads}
        layers.append({**layer, "layers": draw(graphs(depth - 1))} if op == "block" else layer)
        names.append(f"n{at}")
    return layers


def layer(name: str, op: str, reads: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "from": [reads], **more}


BESIDE = [layer("a", "tanh", "input"), layer("b", "sigmoid", "input")]
"""An unread layer before the last one."""
READ_TWICE = [layer("x", "block", "input", layers=BESIDE), layer("y", "tanh", "x"), layer("z", "softsign", "x")]


def outcome(form: str, text: Any, x: Array) -> Array:
    """Return a written network's output, computed independently of the writer: its reader, ONNX's reference, Python."""
    if form == "onnx":
        y = ReferenceEvaluator(onnx.load_from_string(text)).run(None, {"input": x})[0]
        np.testing.assert_allclose(cnncalc.run(read(text).spec, x), y, rtol=1e-5)
        return y
    return cnncalc.run(json.loads(text), x) if form != "torch" else forward(text, x)


@pytest.mark.parametrize("form", ["spec", "keras", "onnx", "torch"])
@given(graphs())
@settings(max_examples=25)
@example([layer("x", "block", "input", layers=BESIDE), layer("y", "tanh", "x")])
@example([layer("x", "block", "input", layers=BESIDE)])
@example(READ_TWICE)
def test_a_block_gives_its_last_layers_result(form: str, layers: Layers) -> None:
    x = np.random.default_rng(2).standard_normal((2, 3, 2, 5)).astype(np.float32)
    network = configure(cnncalc.load(layers), x.shape[1:], None, None)
    expected = result(layers, x)
    assert cnncalc.shape(network).out == expected.shape[1:]
    np.testing.assert_allclose(cnncalc.run(network, x), expected, rtol=1e-5)
    np.testing.assert_allclose(outcome(form, writer(form)(network), x), expected, rtol=1e-5)


CONVS = [layer("a", "conv", "input", c_o=4, k=3), layer("b", "conv", "input", c_o=2, k=3)]
SHARED = [
    layer("x", "block", "input", layers=CONVS),
    layer("y", "block", "input", layers=CONVS, tie="x"),
    {"name": "both", "op": "concat", "from": ["x", "y"]},
]


@pytest.mark.parametrize("form", ["keras", "onnx"])
@pytest.mark.parametrize("layers", [SHARED[:1], SHARED], ids=["once", "shared"])
def test_layers_of_a_block_that_none_reads_are_written_too(form: str, layers: Layers) -> None:
    network = configure(cnncalc.load(layers), (3, 8, 9), None, None)
    text: Any = writer(form)(network)
    report, again = cnncalc.shape(network), cnncalc.shape(read(text).spec if form == "onnx" else json.loads(text))
    assert report.params == 112 + 56
    assert (again.out, again.params, again.macs) == (report.out, report.params, report.macs)


def test_a_keras_model_in_a_model_is_a_block_if_only_its_first_output_is_read() -> None:
    document = json.loads(writer("keras")(configure(cnncalc.load(SHARED), (3, 8, 9), None, None)))
    model, both = document["config"]["layers"][1:]
    assert model["config"]["output_layers"] == [["b", 0, 0], ["a", 0, 0]]
    assert [layer.op for layer in cnncalc.shape(document).layers] == ["block", "block", "concat"]
    first = both["inbound_nodes"][0]["args"][0][0]["config"]
    first |= {"keras_history": ["x", 0, 1], "shape": [None, 4, 6, 7]}
    report = cnncalc.shape(document)
    assert [layer.op for layer in report.layers] == ["conv"] * 4 + ["concat"]
    assert (report.out, report.params) == ((6, 6, 7), 112 + 56)
