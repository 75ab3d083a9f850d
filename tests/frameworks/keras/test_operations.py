"""Keras's operations and layers that take several layers here: their values by NumPy, and figures of what is opaque."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

import cnncalc

X = np.random.default_rng(3).standard_normal((2, 4, 5, 3)).astype(np.float32)
ROW = np.array([0.5, -1, 2], np.float32)
ARRAY = [[[[0.5, -1.0, 2.0]]]]
SLICE = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}


def tensor(layer: str, at: int = 0) -> dict[str, Any]:
    """A tensor as Keras 3 names it."""
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 4, 5, 3], "keras_history": [layer, 0, at]}}


def constant(value: Any) -> dict[str, Any]:
    """An array as Keras 3 writes it."""
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}


def layer(kind: str, args: list[Any], module: str = "keras.src.ops.numpy", **config: Any) -> dict[str, Any]:
    """The call of an operation, or of a layer of keras.layers."""
    node = {"args": args, "kwargs": config.pop("kwargs", {})}
    config = {"name": "y", **config}
    return {"module": module, "class_name": kind, "config": config, "name": "y", "inbound_nodes": [node]}


def model(*layers: dict[str, Any], shape: tuple[int, ...] = (4, 5, 3)) -> dict[str, Any]:
    """A functional model of one input, x, whose output is the last layer."""
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "name": "x"}, "name": "x"}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    records = [{"module": "keras.layers", **first, "inbound_nodes": []}, *layers]
    return {"module": "keras", "class_name": "Functional", "config": {"name": "m", "layers": records, **ends}}


OPERATIONS: list[tuple[str, dict[str, Any], Callable[[Any], Any]]] = [
    ("number first", layer("TrueDivide", [1.0, tensor("x")]), lambda x: 1 / x),
    ("array last", layer("Subtract", [tensor("x"), constant(ARRAY)]), lambda x: x - np.array(ARRAY, np.float32)),
    ("array first", layer("Power", [constant([[[[2.0]], [[3.0]], [[1.0]], [[4.0]]]]), tensor("x")]),
     lambda x: np.array([2, 3, 1, 4], np.float32).reshape(1, 4, 1, 1) ** x),
    ("a row", layer("Multiply", [tensor("x"), constant([0.5, -1.0, 2.0])]), lambda x: x * ROW),
    ("compare", layer("Greater", [0.25, tensor("x")]), lambda x: (x < 0.25).astype(np.float32)),
    ("var", layer("Var", [tensor("x")], axis=[1, 2], keepdims=False), lambda x: x.var((1, 2))),
    ("std", layer("Std", [tensor("x")], axis=-1, keepdims=True), lambda x: x.std(-1, keepdims=True)),
    ("norm", layer("Norm", [tensor("x")], ord=None, axis=3, keepdims=False), lambda x: np.linalg.norm(x, axis=3)),
    ("average", layer("Average", [tensor("x")], axis=2, kwargs={"weights": None}), lambda x: x.mean(2)),
    ("moveaxis", layer("Moveaxis", [tensor("x")], source=-1, destination=1), lambda x: np.moveaxis(x, -1, 1)),
    ("swapaxes", layer("Swapaxes", [tensor("x")], axis1=1, axis2=3), lambda x: np.swapaxes(x, 1, 3)),
    ("flip", layer("Flip", [tensor("x")], axis=[1, 2]), lambda x: np.flip(x, (1, 2))),
    ("roll", layer("Roll", [tensor("x")], shift=2, axis=2), lambda x: np.roll(x, 2, 2)),
    ("pad", layer("Pad", [tensor("x")], pad_width=[[0, 0], [1, 0], [0, 2], [0, 0]], mode="reflect"),
     lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), "reflect")),
    ("one place", layer("GetItem", [tensor("x"), [SLICE, 2, SLICE]]), lambda x: x[:, 2]),
    ("new axes", layer("GetItem", [tensor("x"), [SLICE, None, {"class_name": "__ellipsis__", "config": {}}, 1]]),
     lambda x: x[:, None, ..., 1]),
    ("take", layer("Take", [tensor("x"), [[2, 0], [1, 1]]], axis=1), lambda x: np.take(x, [[2, 0], [1, 1]], 1)),
    ("einsum", layer("Einsum", [tensor("x"), tensor("x")], subscripts="bhwc,bhwd->bcd"),
     lambda x: np.einsum("bhwc,bhwd->bcd", x, x)),
    ("inverted", layer("Normalization", [tensor("x")], "keras.layers", axis=-1, invert=True, mean=[1.0, 2.0, 3.0],
                       variance=[4.0, 9.0, 0.25]), lambda x: x * np.array([2, 3, 0.5]) + [1, 2, 3]),
    ("hard tanh", layer("HardTanh", [tensor("x")], "keras.src.ops.nn"), lambda x: x.clip(-1, 1)),
    ("gelu of Keras 3", layer("Gelu", [tensor("x")], "keras.src.ops.nn", approximate=False),
     lambda x: x * (1 + np.vectorize(erf)(x / 2**0.5)) / 2),
    ("nearest", layer("Resizing", [tensor("x")], "keras.layers", height=3, width=2, interpolation="nearest"),
     lambda x: x[:, [0, 2, 3]][:, :, [1, 3]]),
    ("crop", layer("CenterCrop", [tensor("x")], "keras.layers", height=2, width=4), lambda x: x[:, 1:3, :4]),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "function"), [row[1:] for row in OPERATIONS], ids=[row[0] for row in OPERATIONS])
def test_an_operation(operation: dict[str, Any], function: Callable[[Any], Any]) -> None:
    expected = function(X)
    result = cnncalc.run(model(operation), X)
    assert result.shape == expected.shape
    assert np.allclose(result, expected, atol=1e-5)
    assert cnncalc.shape(model(operation)).out == expected.shape[1:]


def test_the_parts_of_a_split_are_results() -> None:
    split = layer("Split", [tensor("x")], indices_or_sections=[1, 3], axis=2)
    second = {**layer("Negative", [tensor("y", 1)]), "name": "z", "config": {"name": "z"}}
    network = model(split, second)
    assert np.array_equal(cnncalc.run(network, X), -X[:, :, 1:3])
    assert [one.name for one in cnncalc.shape(network)] == ["x", "y_part2", "z"]


def test_an_unknown_activation_keeps_the_shape() -> None:
    """Of another input than the file's, too."""
    config = {"filters": 6, "kernel_size": [3, 3], "activation": {"class_name": "function", "config": "mine"}}
    network = model(layer("Conv2D", [tensor("x")], "keras.layers", **config))
    report = cnncalc.shape(network, (9, 8, 3))
    assert [(one.op, one.out, one.params) for one in report.layers[1:]] == [
        ("conv", (7, 6, 6), 168),
        ("opaque", (7, 6, 6), 0),
    ]


POLICIES = {
    "int8": ({"mode": "int8"}, 3 * 7 + 7),
    "int4 in blocks": ({"mode": "int4/2"}, 3 * 4 + 2 * 2 * 7 + 3),
    "int4": ({"mode": "int4/-1"}, 3 * 4 + 7),
    "float8": ({"mode": "float8"}, 3 * 7 + 7 + 3 * 1025),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_quantised_layer_counts_what_it_holds(policy: str) -> None:
    """Figures as the variables of Keras 3.15 have them; a quantised kernel is not trained, a float8 one is."""
    config, held = POLICIES[policy]
    dtype = {"class_name": "QuantizedDTypePolicy", "config": config}
    dense = layer("Dense", [tensor("x")], "keras.layers", units=7, activation="relu", dtype=dtype)
    report = cnncalc.shape(model(dense))
    bias = 0 if policy == "float8" else 7
    assert (report.params, report.trainable) == (held + bias, held if policy == "float8" else 7)
    assert (report.out, report.macs) == ((4, 5, 7), 4 * 5 * 3 * 7)


def test_a_layer_that_reads_a_mask_is_opaque() -> None:
    """Its values depend on which steps are masked; its figures do not."""
    embedding = layer("Embedding", [tensor("x")], "keras.layers", input_dim=9, output_dim=5, mask_zero=True)
    lstm = layer("LSTM", [tensor("y")], "keras.layers", units=6, activation="tanh", recurrent_activation="sigmoid")
    lstm |= {"name": "z", "config": {**lstm["config"], "name": "z"}}
    document = model(embedding, lstm, shape=(8,))
    for record in document["config"]["layers"][1:]:
        record["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 8] if record["name"] == "y" else [None, 8, 5]
    report = cnncalc.shape(document)
    assert [(one.op, one.out, one.params, one.macs) for one in report.layers[1:]] == [
        ("embedding", (8, 5), 45, 0),
        ("opaque", (6,), 4 * 6 * (5 + 6 + 1), 8 * 4 * 6 * (5 + 6)),
    ]
