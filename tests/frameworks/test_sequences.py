"""Products, attention and sequence layers in other frameworks' forms, without the frameworks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import cnncalc
from cnncalc import trace
from cnncalc.execute.weights import wanted
from cnncalc.frameworks import writer
from cnncalc.input import configure
from tests.cases import FIRST, MAP, PRODUCTS, SEQUENCES, TURNED, Row
from tests.frameworks.onnx.test_write import Weights, drawn, written

ROWS = [row for row in [*PRODUCTS, *SEQUENCES] if row.dialect == "plain" and not row.layers[-1].get("masked")]
MASKED = next(row for row in SEQUENCES if row.layers[-1].get("masked"))
NOT_COMPUTED = ("backward", "bidirectional", "reset_after", "state", "activation")
"""The keys of recurrent layers that onnx's reference does not support: it only reads forwards, with one reset."""


def settled(row: Row, layout: str = "NCHW", dialect: str | None = None) -> cnncalc.Network:
    """Return a row's network for its sample."""
    return configure(cnncalc.load(row.layers), row.sample(layout), dialect, layout)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_onnx_file_computes_the_same(row: Row, layout: str) -> None:
    if layout == "NHWC" and row.layers[-1].get("scale"):
        return  # a mask of other sizes
    network = settled(row, layout)
    name = network.nodes[-1].name
    if row.layers[-1].get("state") in ("cell", "both") and row.layers[-1].get("sequences", True):
        with pytest.raises(cnncalc.SpecError, match="ONNX cannot express the cells of all steps"):
            writer("onnx")(network)
        return
    x = np.random.default_rng(3).uniform(0, 4, (2, *row.sample(layout))).astype(np.float32)
    weights = {key: array - 0.6 for key, array in drawn(network, x).items()}
    model = onnx.load_from_string(written(network._replace(source=Weights(weights))))
    if row.op in ("lstm", "gru", "rnn") and any(key in row.layers[-1] for key in NOT_COMPUTED):
        return
    found = ReferenceEvaluator(model).run([name], {"input": x})[0]
    np.testing.assert_allclose(found, cnncalc.run(network, x, weights or None), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["keras", "onnx", "torch"])
def test_a_mask_of_steps_is_refused(form: str) -> None:
    with pytest.raises(cnncalc.SpecError, match="mask of steps"):
        writer(form)(settled(MASKED))


def test_the_gates_of_an_onnx_file_are_in_its_order() -> None:
    """LSTM: in, out, forget, cell; GRU: update, reset, new. The biases of a direction are concatenated."""
    for op, gates, order in (("lstm", 4, [0, 3, 1, 2]), ("gru", 3, [1, 0, 2])):
        network = settled(Row({"op": op, "out": 1, "bidirectional": True, "name": "r"}, (4, 5, 6), ()))
        arrays = {
            want.name: np.arange(np.prod(want.shape)).reshape(want.shape) + 100 * at
            for at, want in enumerate(wanted(trace.shape(network)))
        }
        model = onnx.load_from_string(written(network._replace(source=Weights(arrays))))
        held = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
        assert held["r.weight_ih"].shape == (2, gates, 6)
        assert np.array_equal(held["r.weight_ih"][1], arrays["r.weight_ih_reverse"][order])
        both = np.concatenate([arrays["r.bias_ih"][order], arrays["r.bias_hh"][order]])
        assert np.array_equal(held["r.bias"][0], both)


def kinds(row: Row, layout: str = "NCHW", dialect: str | None = None) -> list[str]:
    """Return the classes of the Keras layers that a row is written as, without the input."""
    text = writer("keras")(settled(row, layout, dialect))
    return [layer["class_name"] for layer in json.loads(text)["config"]["layers"][1:]]


A_B: list[dict[str, Any]] = FIRST
KERAS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([*TURNED, {"op": "matmul", "from": ["a", "b"]}], ["Matmul"]),
    (
        [*TURNED, {"op": "mean", "axis": [1, 2], "from": "a", "name": "c"}, {"op": "matmul", "from": ["a", "c"]}],
        ["Reshape", "Matmul", "Reshape"],
    ),
    ([*A_B, {"op": "einsum", "equation": "cij,cik->jk", "from": ["a", "b"]}], ["Einsum"]),
    ([*A_B, {"op": "attention", "from": ["a", "b"]}], ["Permute"] * 3 + ["DotProductAttention", "Permute"]),
    ([{"op": "multihead", "heads": 2}], ["MultiHeadAttention"]),
    ([{"op": "embedding", "rows": 9, "out": 2}], ["Embedding"]),
    ([{"op": "lstm", "out": 3, "hidden_bias": False}], ["TimeDistributed"]),
    ([{"op": "rnn", "out": 3, "bias": False, "backward": True}], ["TimeDistributed", "Flip"]),
]


@pytest.mark.parametrize(("layers", "expected"), KERAS, ids=str)
def test_what_keras_gets(layers: list[dict[str, Any]], expected: list[str]) -> None:
    assert kinds(Row(layers, MAP, ()))[-len(expected) :] == expected


@pytest.mark.parametrize(
    ("form", "layer", "what"),
    [
        ("keras", {"op": "lstm", "out": 3}, "two biases of lstm"),
        ("keras", {"op": "gru", "out": 3, "hidden_bias": False}, "one bias of gru"),
        ("keras", {"op": "lstm", "out": 3, "bias": False, "state": "cell"}, "the cell state as an output"),
        ("keras", {"op": "multihead", "heads": 2, "causal": True}, "multi-head attention over these axes"),
        ("torch", {"op": "lstm", "out": 3, "hidden_bias": False}, "PyTorch has two biases in lstm, or none"),
        ("torch", {"op": "gru", "out": 3, "reset_after": False}, "PyTorch resets after the product in gru"),
        ("torch", {"op": "lstm", "out": 3, "state": "cell"}, "PyTorch outputs the cell of the last step only"),
    ],
    ids=str,
)
def test_what_a_framework_lacks_is_refused(form: str, layer: dict[str, Any], what: str) -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        writer(form)(settled(Row(layer, MAP, ())))
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("layers", "lines"),
    [
        ([*TURNED, {"op": "matmul", "from": ["a", "b"]}], ["torch.matmul(a, b)"]),
        (
            [*A_B, {"op": "einsum", "equation": "cij,cik->jk", "from": ["a", "b"]}],
            ['torch.einsum("bcij,bcik->bjk", a, b)'],
        ),
        ([*A_B, {"op": "attention", "from": ["a", "b"]}], ["F.scaled_dot_product_attention(a, b, b)"]),
        ([{"op": "attention", "causal": True, "scale": 2}], ["(x, x, x, is_causal=True, scale=2)"]),
        ([{"op": "multihead", "heads": 2}], ["class MultiHead(nn.Module):", "MultiHead((6, 6, 6), 2, 3, 3, 6, True)"]),
        ([{"op": "embedding", "rows": 9, "out": 2}], ["nn.Embedding(9, 2)", "(x.long())"]),
        (
            [{"op": "lstm", "out": 3, "bidirectional": True, "sequences": False}],
            [
                "unnumbered(nn.LSTM(6, 3, bidirectional=True, batch_first=True))",
                "self.lstm1(x.flatten(0, 1))[1][0].transpose(0, 1).flatten(1).unflatten(0, (-1, 4))",
            ],
        ),
        (
            [{"op": "rnn", "out": 3, "backward": True, "activation": "relu", "bias": False}],
            [
                "nn.RNN(6, 3, bias=False, batch_first=True, nonlinearity='relu')",
                "self.rnn1(x.flatten(0, 1).flip(-2))[0].flip(-2).unflatten(0, (-1, 4))",
            ],
        ),
    ],
    ids=str,
)
def test_what_pytorch_gets(layers: list[dict[str, Any]], lines: list[str]) -> None:
    text = writer("torch")(settled(Row(layers, MAP, ())))
    for line in lines:
        assert line in text
