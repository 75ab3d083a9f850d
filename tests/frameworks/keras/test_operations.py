"""Keras operations and layers that become several layers here: their values by NumPy, and figures of opaque ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.execute.weights import wanted
from cnncalc.sizes import NOTHING_KNOWN, UNKNOWN

X = np.random.default_rng(3).standard_normal((2, 4, 5, 3)).astype(np.float32)
ROW = np.array([0.5, -1, 2], np.float32)
ARRAY = [[[[0.5, -1.0, 2.0]]]]
SLICE = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}


def tensor(layer: str, at: int = 0, shape: tuple[int | None, ...] = (4, 5, 3)) -> dict[str, Any]:
    """Return a tensor as Keras 3 names it."""
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, *shape], "keras_history": [layer, 0, at]}}


def constant(value: Any) -> dict[str, Any]:
    """Return an array as Keras 3 writes it."""
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}


def layer(kind: str, args: list[Any], module: str = "keras.src.ops.numpy", **config: Any) -> dict[str, Any]:
    """Return the call of an operation, or of a layer of keras.layers."""
    node = {"args": args, "kwargs": config.pop("kwargs", {})}
    config = {"name": "y", **config}
    return {"module": module, "class_name": kind, "config": config, "name": "y", "inbound_nodes": [node]}


def model(*layers: dict[str, Any], shape: tuple[int | None, ...] = (4, 5, 3)) -> dict[str, Any]:
    """Return a functional model of one input, x, whose output is the last layer."""
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "name": "x"}, "name": "x"}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    records = [{"module": "keras.layers", **first, "inbound_nodes": []}, *layers]
    return {"module": "keras", "class_name": "Functional", "config": {"name": "m", "layers": records, **ends}}


RNG = np.random.default_rng(4)
MATRIX, PAIR, KERNEL, ONCE, BLOCK = [
    np.round(RNG.standard_normal(shape), 2).astype(np.float32)
    for shape in ((3, 7), (2, 5), (2, 3, 3, 2), (1, 1, 6, 2), (3, 2, 4))
]
CONVOLUTIONS = ("Conv", "DepthwiseConv")
HOLDS = [[[True], [False], [True], [True], [False]]]


def correlated(x: Any, kernel: Any, s: tuple[int, int], d: int = 1, *, each: bool = False) -> Any:
    """Return a convolution without padding, of each channel separately if `each`."""
    kh, kw = kernel.shape[:2]
    views = np.lib.stride_tricks.sliding_window_view(x, ((kh - 1) * d + 1, (kw - 1) * d + 1), (1, 2))
    views = views[:, :: s[0], :: s[1], :, ::d, ::d]
    if not each:
        return np.einsum("bhwcij,ijcd->bhwd", views, kernel)
    return np.einsum("bhwcij,ijcm->bhwcm", views, kernel).reshape(*views.shape[:3], -1)


def first(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function of images whose channels come first."""
    return lambda x: function(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


OPERATIONS: list[tuple[str, dict[str, Any], Callable[[Any], Any]]] = [
    ("whole numbers", layer("Cast", [tensor("x")], "keras.src.ops.core", dtype="int32"), np.trunc),
    ("saturated", layer("SaturateCast", [tensor("x")], "keras.src.ops.core", dtype="uint8"),
     lambda x: np.trunc(x.clip(0, 255))),
    ("truth values", layer("Cast", [tensor("x")], "keras.src.ops.core", dtype="bool"), lambda x: x != 0),
    ("halves", layer("Cast", [tensor("x")], "keras.src.ops.core", dtype="float16"), lambda x: x),
    ("an array last in a product", layer("Matmul", [tensor("x"), constant(MATRIX.tolist())]), lambda x: x @ MATRIX),
    ("an array first in a product", layer("Matmul", [constant(PAIR.tolist()), tensor("x")]), lambda x: PAIR @ x),
    ("dot", layer("Dot", [tensor("x"), constant(MATRIX.tolist())]), lambda x: x @ MATRIX),
    ("einsum with an array", layer("Einsum", [tensor("x"), constant(MATRIX.tolist())], subscripts="bhwc,cd->bdwh"),
     lambda x: np.einsum("bhwc,cd->bdwh", x, MATRIX)),
    ("einsum of an array first", layer("Einsum", [constant(PAIR.tolist()), tensor("x")], subscripts="dw,bhwc->bhdc"),
     lambda x: np.einsum("dw,bhwc->bhdc", PAIR, x)),
    ("tensordot", layer("Tensordot", [tensor("x"), constant(BLOCK.tolist())], axes=[[1, -1], [2, 0]]),
     lambda x: np.tensordot(x, BLOCK, ([1, 3], [2, 0]))),
    ("tensordot of an axis", layer("Tensordot", [tensor("x"), constant(MATRIX.tolist())], axes=1),
     lambda x: x @ MATRIX),
    ("conv", layer("Conv", [tensor("x"), constant(KERNEL.tolist())], "keras.src.ops.nn", strides=[2, 1],
                   padding="valid", dilation_rate=1), lambda x: correlated(x, KERNEL, (2, 1))),
    ("conv of rate 2", layer("Conv", [tensor("x"), constant(KERNEL.tolist())], "keras.src.ops.nn", strides=1,
                             padding="valid", dilation_rate=2), lambda x: correlated(x, KERNEL, (1, 1), 2)),
    ("conv of channels first", layer("Conv", [tensor("x", shape=(3, 4, 5)), constant(KERNEL.tolist())],
                                     "keras.src.ops.nn", padding="valid", data_format="channels_first"),
     first(lambda x: correlated(x, KERNEL, (1, 1)))),
    ("depthwise", layer("DepthwiseConv", [tensor("x"), constant(KERNEL.tolist())], "keras.src.ops.nn", strides=2,
                        padding="valid"), lambda x: correlated(x, KERNEL, (2, 2), each=True)),
    ("depthwise of channels first", layer("DepthwiseConv", [tensor("x", shape=(3, 4, 5)), constant(KERNEL.tolist())],
                                          "keras.src.ops.nn", padding="valid", data_format="channels_first"),
     first(lambda x: correlated(x, KERNEL, (1, 1), each=True))),
    ("separable", layer("SeparableConv", [tensor("x"), constant(KERNEL.tolist()), constant(ONCE.tolist())],
                        "keras.src.ops.nn", strides=2, padding="valid"),
     lambda x: correlated(x, KERNEL, (2, 2), each=True) @ ONCE[0, 0]),
    ("where an array holds", layer("Where", [constant(HOLDS), tensor("x"), 0.5]), lambda x: np.where(HOLDS, x, 0.5)),
    ("whole quotient", layer("FloorDivide", [tensor("x"), 0.5]), lambda x: x // 0.5),
    ("not a number", layer("Isnan", [tensor("x")]), np.isnan),
    ("differences", layer("Diff", [tensor("x")], n=1, axis=2), lambda x: np.diff(x, axis=2)),
    ("side by side", layer("Hstack", [[tensor("x"), tensor("x")]]), lambda x: np.concatenate([x, x], 1)),
    ("mean of the moments", layer("Moments", [tensor("x")], "keras.src.ops.nn", axes=[1, 2], keepdims=False),
     lambda x: x.mean((1, 2))),
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
    ("weighted average", layer("Average", [tensor("x")], axis=-2, kwargs={"weights": constant([1, 2, 0, 4, 3])}),
     lambda x: np.average(x, axis=2, weights=[1, 2, 0, 4, 3])),
    ("moveaxis", layer("Moveaxis", [tensor("x")], source=-1, destination=1), lambda x: np.moveaxis(x, -1, 1)),
    ("swapaxes", layer("Swapaxes", [tensor("x")], axis1=1, axis2=3), lambda x: np.swapaxes(x, 1, 3)),
    ("flip", layer("Flip", [tensor("x")], axis=[1, 2]), lambda x: np.flip(x, (1, 2))),
    ("roll", layer("Roll", [tensor("x")], shift=2, axis=2), lambda x: np.roll(x, 2, 2)),
    ("pad", layer("Pad", [tensor("x")], pad_width=[[0, 0], [1, 0], [0, 2], [0, 0]], mode="reflect"),
     lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), "reflect")),
    ("pad with a value", layer("Pad", [tensor("x"), 0.5], pad_width=[[0, 0], [1, 0], [0, 2], [0, 0]]),
     lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=0.5)),
    ("leaky, of slope 0", layer("LeakyRelu", [tensor("x")], negative_slope=0), lambda x: np.maximum(x, 0)),
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
    ("symmetric", layer("Pad", [tensor("x")], pad_width=[[0, 0], [4, 1], [0, 2], [0, 0]], mode="symmetric"),
     lambda x: np.pad(x, ((0, 0), (4, 1), (0, 2), (0, 0)), "symmetric")),
    ("repeat", layer("Repeat", [tensor("x")], repeats=2, axis=-2), lambda x: np.repeat(x, 2, 2)),
    ("expand_dims", layer("ExpandDims", [tensor("x")], axis=-2), lambda x: x[:, :, :, None]),
    ("squeeze", layer("Squeeze", [tensor("x")], axis=None), lambda x: x),
    ("reshape", layer("Reshape", [tensor("x")], newshape=[-1, 2, 30]), lambda x: x.reshape(2, 2, 30)),
    ("relu", layer("ReLU", [tensor("x")], "keras.layers", max_value=1.0, negative_slope=0.25, threshold=0.5),
     lambda x: np.where(x > 0.5, np.minimum(x, 1), 0.25 * (x - 0.5))),
    ("squareplus", layer("Squareplus", [tensor("x")], b=4), lambda x: (x + np.sqrt(x * x + 4)) / 2),
    ("sparse_plus", layer("SparsePlus", [tensor("x")]),
     lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4))),
    ("glu", layer("Glu", [tensor("x")], axis=1), lambda x: x[:, :2] / (1 + np.exp(-x[:, 2:]))),
    ("softmax over two axes", layer("Softmax", [tensor("x")], "keras.layers", axis=[1, 3]),
     lambda x: np.exp(x) / np.exp(x).sum((1, 3), keepdims=True)),
    ("normalized over two axes", layer("Normalization", [tensor("x")], "keras.layers", axis=[1, 3], invert=False,
                                       mean=[[[1.0, 2, 3]]] * 4, variance=[[[4.0, 9, 0.25]]] * 4),
     lambda x: (x - [1, 2, 3]) / [2, 3, 0.5]),
    ("pool of other channels", layer("MaxPooling2D", [tensor("x")], "keras.layers", pool_size=[2, 3], strides=[2, 3],
                                     padding="valid", data_format="channels_first"),
     lambda x: np.maximum(*(x[:, :, at:4:2, :3].max(3, keepdims=True) for at in (0, 1)))),
    ("bins", layer("Discretization", [tensor("x")], "keras.layers", bin_boundaries=[-0.5, 0.25, 1.0],
                   output_mode="int"), lambda x: np.digitize(x, [-0.5, 0.25, 1.0])),
    ("one place of four", layer("OneHot", [tensor("x")], num_classes=4, axis=-1),
     lambda x: x[..., None] == [0, 1, 2, 3]),
    ("exp2", layer("Exp2", [tensor("x")]), lambda x: 2**x),
    ("zeros_like", layer("ZerosLike", [tensor("x")]), lambda x: 0 * x),
    ("any", layer("Any", [tensor("x")], axis=[-1], keepdims=True), lambda x: (x != 0).any(-1, keepdims=True)),
    ("logical not", layer("LogicalNot", [tensor("x")]), lambda x: (x == 0).astype(np.float32)),
    ("patches", layer("ExtractPatches", [tensor("x")], size=[2, 2], strides=[2, 2], dilation_rate=1, padding="valid",
                      data_format="channels_last"),
     lambda x: x[:, :, :4].reshape(2, 2, 2, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 2, 12)),
    ("normalize", layer("Normalize", [tensor("x")], "keras.src.ops.nn", axis=[1, 2], order=2, epsilon=9.0),
     lambda x: x / np.maximum(np.sqrt((x * x).sum((1, 2), keepdims=True)), 9)),
    ("normalize by cubes", layer("Normalize", [tensor("x")], "keras.src.ops.nn", axis=1, order=3, epsilon=None),
     lambda x: x / (abs(x) ** 3).sum(1, keepdims=True) ** (1 / 3)),
    ("pool", layer("MaxPool", [tensor("x")], "keras.src.ops.nn", pool_size=[2, 3], strides=[1, 2], padding="same",
                   data_format="channels_last"),
     lambda x: np.stack([np.pad(x, ((0, 0), (0, 1), (1, 1), (0, 0)), constant_values=-9)[:, i : i + 4, j : j + 5 : 2]
                         for i in range(2) for j in range(3)]).max(0)),
    ("pool of other channels", layer("AveragePool", [tensor("x")], "keras.src.ops.nn", pool_size=2, strides=None,
                              padding="valid", data_format="channels_first"),
     lambda x: x[:, :, :4, :2].reshape(2, 4, 2, 2, 1, 2).mean((3, 5))),
    ("adaptive pool", layer("AdaptiveAveragePool", [tensor("x")], "keras.src.ops.nn", output_size=[2, 1],
                            data_format="channels_last"), lambda x: x.reshape(2, 2, 2, 5, 3).mean((2, 3))[:, :, None]),
    ("crop", layer("CenterCrop", [tensor("x")], "keras.layers", height=2, width=4), lambda x: x[:, 1:3, :4]),
    ("global pool of other channels", layer("GlobalAveragePooling2D", [tensor("x")], "keras.layers",
                                            data_format="channels_first", keepdims=False), lambda x: x.mean((2, 3))),
    ("pad by nothing", layer("Pad", [tensor("x")], pad_width=[[0, 0]] * 4), lambda x: x),
    ("all places", layer("GetItem", [tensor("x"), [SLICE, SLICE]]), lambda x: x),
    ("normalized whole", layer("Normalization", [tensor("x")], "keras.layers", axis=[1, 2], mean=[1.0, 2] * 10,
                               variance=4.0), lambda x: (x - np.array([1, 2] * 10).reshape(4, 5, 1)) / 2),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "function"), [row[1:] for row in OPERATIONS], ids=[row[0] for row in OPERATIONS])
def test_an_operation(operation: dict[str, Any], function: Callable[[Any], Any]) -> None:
    is_first = operation["config"].get("data_format") == "channels_first" and operation["class_name"] in CONVOLUTIONS
    x = X.transpose(0, 3, 1, 2) if is_first else X
    whole, expected = model(operation, shape=x.shape[1:]), function(x)
    result, report = cnncalc.run(whole, x), cnncalc.shape(whole)
    assert result.shape == expected.shape
    assert np.allclose(result, expected, atol=1e-5)
    assert (report.out, report.params) == (expected.shape[1:], 0)


def test_rows_of_an_array_by_the_numbers_of_a_tensor() -> None:
    take = layer("Take", [constant(MATRIX.tolist()), tensor("x", shape=(4,))], axis=0)
    whole = model(take, shape=(4,))
    places = np.array([[2, 0, 1, 1], [0, 2, 2, 1]])
    assert np.array_equal(cnncalc.run(whole, places), MATRIX[places])
    assert cnncalc.shape(whole).params == 0


NO_PRODUCTS: dict[str, dict[str, Any]] = {
    "of the batch": layer("Matmul", [constant(PAIR.tolist()), tensor("x", shape=(5,))]),
    "of more axes": layer("Matmul", [tensor("x", shape=(5,)), constant([BLOCK.tolist()])]),
    "an array without the batch": layer("Einsum", [tensor("x"), constant(MATRIX.tolist())], subscripts="bhwc,bc->bhw"),
    "the batch in an array": layer("Tensordot", [constant(PAIR.tolist()), tensor("x")], axes=[[1], [2]]),
    "the batch": layer("Tensordot", [tensor("x"), constant(PAIR.tolist())], axes=[[0], [0]]),
    "other channels": layer("Conv", [tensor("x", shape=(4, 5, 2)), constant(KERNEL.tolist())], "keras.src.ops.nn"),
    "too few axes": layer("Conv", [tensor("x", shape=(5, 3)), constant(KERNEL.tolist())], "keras.src.ops.nn"),
    "an axis too far": layer("Average", [tensor("x")], axis=4, kwargs={"weights": constant([1, 2, 4])}),
    "an axis before the first": layer("Average", [tensor("x")], axis=-6, kwargs={"weights": constant([1, 2, 4, 3])}),
    "a sum of no float": layer("Average", [tensor("x")], axis=-1, kwargs={"weights": constant([0.5, 10**400, 2])}),
    "an infinite sum": layer("Average", [tensor("x")], axis=-1, kwargs={"weights": constant([1e308] * 3)}),
}


@pytest.mark.parametrize("case", NO_PRODUCTS)
def test_what_an_array_does_not_fit_is_opaque(case: str) -> None:
    operation = NO_PRODUCTS[case]
    shapes = [one["config"].get("shape") for one in operation["inbound_nodes"][0]["args"]]
    whole = model(operation, shape=tuple(next(one for one in shapes if one)[1:]))
    assert cnncalc.shape(whole).layers[-1].op == "opaque"


def test_the_variance_is_the_second_of_the_moments() -> None:
    whole = model(layer("Moments", [tensor("x")], "keras.src.ops.nn", axes=[1], keepdims=True))
    whole["config"]["output_layers"] = [["y", 0, 1]]
    assert np.allclose(cnncalc.run(whole, X), X.var(1, keepdims=True), atol=1e-5)


KEPT: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "Sort": ({"axis": 1}, (4, 5, 3)),
    "Argsort": ({"axis": -1}, (4, 5, 3)),
    "Cumprod": ({"axis": 2}, (4, 5, 3)),
    "NanToNum": ({}, (4, 5, 3)),
    "CountNonzero": ({"axis": [1, -1]}, (5,)),
    "Median": ({"axis": 2, "keepdims": True}, (4, 1, 3)),
    "TopK": ({"k": 2, "sorted": True}, (4, 5, 2)),
    "Logaddexp": ({}, (4, 5, 3)),
}


@pytest.mark.parametrize("kind", KEPT)
def test_the_sizes_of_what_is_not_computed(kind: str) -> None:
    config, out = KEPT[kind]
    report = cnncalc.shape(model(layer(kind, [tensor("x")] * (1 + (kind == "Logaddexp")), **config)))
    assert (report.layers[-1].op, report.out, report.params, report.macs) == ("opaque", out, 0, 0)


@pytest.mark.parametrize(("kind", "config"), [("Cumprod", {"axis": None}), ("Argsort", {"axis": None})])
def test_what_goes_over_the_batch_has_no_known_sizes(kind: str, config: dict[str, Any]) -> None:
    assert cnncalc.shape(model(layer(kind, [tensor("x")], **config))).out == NOTHING_KNOWN


def test_the_parts_of_a_split_are_results() -> None:
    split = layer("Split", [tensor("x")], indices_or_sections=[1, 3], axis=2)
    second = {**layer("Negative", [tensor("y", 1)]), "name": "z", "config": {"name": "z"}}
    network = model(split, second)
    assert np.array_equal(cnncalc.run(network, X), -X[:, :, 1:3])
    assert [one.name for one in cnncalc.shape(network)] == ["x", "y_part2", "z"]


def test_a_split_may_have_many_parts() -> None:
    split = layer("Split", [tensor("x", 0, (120,))], indices_or_sections=120, axis=1)
    last = {**layer("Negative", [tensor("y", 119, (1,))]), "name": "z", "config": {"name": "z"}}
    x = X.reshape(1, 120)
    assert np.array_equal(cnncalc.run(model(split, last, shape=(120,)), x), -x[:, -1:])


LONG = 10_000_000
UNLISTED = {
    "repeat": layer("Repeat", [tensor("x", shape=(LONG, 5, 3))], repeats=3, axis=1),
    "repeated by": layer("Repeat", [tensor("x", shape=(5, 4, 3))], repeats=[LONG, 1, 1, 1, 1], axis=1),
    "below 0": layer("Repeat", [tensor("x", shape=(2, 4, 3))], repeats=[-1, 2], axis=1),
    "split": layer("Split", [tensor("x", shape=(LONG, 5, 3))], indices_or_sections=LONG, axis=1),
    "unstack": layer("Unstack", [tensor("x", shape=(LONG, 5, 3))], num=None, axis=1),
    "mirrored": layer("Pad", [tensor("x")], pad_width=[[0, 0], [LONG, 0], [0, 0], [0, 0]], mode="symmetric"),
    "nearest": layer(
        "Resize", [tensor("x")], "keras.src.ops.image", size=[LONG + 1, LONG + 1], interpolation="nearest"
    ),
    # results that depend on values, on the batch, or on open sizes
    "places of what holds": layer("Where", [tensor("x")]),
    "a condition and a truth": layer("LogicalAnd", [tensor("x"), True]),
    "norm over the batch": layer("L2Normalize", [tensor("x")], axis=None),
    "place in the batch": layer("Argmax", [tensor("x")], axis=0),
    "channels to halve": layer("Glu", [tensor("x", shape=(4, 5, None))], "keras.src.ops.nn", axis=-1),
    "channels to scale": layer("RMSNormalization", [tensor("x", shape=(4, 5, None))], "keras.layers", axis=-1),
    "channels to centre": layer(
        "LayerNormalization", [tensor("x", shape=(4, 5, None))], "keras.layers", axis=-1, rms_scaling=True
    ),
    "statistics": layer("Normalization", [tensor("x", shape=(None, 5, 3))], "keras.layers", axis=[1, 2]),
    "classes": layer("CategoryEncoding", [tensor("x", shape=(None, None))], "keras.layers", num_tokens=5),
    "image": layer("RandomCrop", [tensor("x", shape=(None, 5, 3))], "keras.layers", height=3, width=2),
    "kernel": layer(
        "EinsumDense", [tensor("x", shape=(5, None))], "keras.layers", equation="abc,cd->abd", output_shape=[None, 7]
    ),
    "places": layer("BroadcastTo", [tensor("x", shape=(1, 5, 3))], shape=[2, None, 5, 3]),
    "capped": layer("DotProductAttention", [tensor("x")] * 3, "keras.src.ops.nn", attn_logits_soft_cap=4.0),
    # settings that Keras does not accept
    "half a normalization": layer("Normalization", [tensor("x")], "keras.layers", axis=[1, 2], mean=1.0),
    "an axis too far": layer("Normalization", [tensor("x")], "keras.layers", axis=[7]),
    "no axes": layer("Dot", [[tensor("x"), tensor("x")]], "keras.layers", axes=None),
    "an axis that is a text": layer("Dot", [[tensor("x"), tensor("x")]], "keras.layers", axes=[1, "a"]),
    "products over the batch": layer("Dot", [[tensor("x"), tensor("x")]], "keras.layers", axes=0),
    "repeats": layer("Repeat", [tensor("x")], repeats="a", axis=1),
    "new axes": layer("ExpandDims", [tensor("x")], axis="a"),
    "heads": layer(
        "GroupedQueryAttention",
        [tensor("x", shape=(5, 6))] * 2,
        "keras.layers",
        num_query_heads=3,
        num_key_value_heads=2,
        head_dim=3,
    ),
    "maps": layer("ConvLSTM2D", [tensor("x", shape=(4,))], "keras.layers", filters=3, kernel_size=[3, 3]),
    "a wrapper": layer("SpectralNormalization", [tensor("x")], "keras.layers"),
    "a wrapper of steps": layer("TimeDistributed", [tensor("x")], "keras.layers"),
}
"""Operations with more indices than are listed, and others that are not computed."""


def normalized(shape: tuple[int, ...], **config: Any) -> dict[str, Any]:
    """Return a model of one normalization over the first two axes."""
    return model(layer("Normalization", [tensor("x", shape=shape)], "keras.layers", axis=[1, 2], **config), shape=shape)


def test_a_normalization_by_one_mean_and_variances_of_its_own() -> None:
    own = np.arange(1, 21, dtype=np.float32).reshape(4, 5, 1)
    found = cnncalc.run(normalized((4, 5, 3), mean=0.5, variance=own.ravel().tolist()), X)
    assert np.allclose(found, (X - 0.5) / np.sqrt(own), atol=1e-6)


def test_one_mean_of_very_many_units_is_not_listed() -> None:
    report = cnncalc.shape(normalized((1_000_000_000, 5, 3), mean=0.5, variance=[1.0, 2.0]))
    assert report.layers[-1].op == "opaque"


def test_a_huge_number_is_refused() -> None:
    with pytest.raises(cnncalc.CnncalcError, match=r"layer 'y': 1000.* is not a number of at most 9,223,372,036"):
        cnncalc.load(normalized((1, 2, 3), mean=[10**400, 1], variance=[1, 1]))


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"mean": 10**400, "variance": 1}, "mean is 1000.*\n.*a mean must be a finite number"),
        ({"mean": 1, "variance": 10**400}, "variance is 1000.*\n.*a variance must be a finite number"),
        ({"mean": 1, "variance": -2}, "variance is -2.*\n.*a variance must be a finite number of at least 0"),
    ],
)
def test_what_cannot_be_a_mean_or_a_variance_is_refused(numbers: dict[str, int], said: str) -> None:
    with pytest.raises(cnncalc.SpecError, match=f"layer 'y': {said}"):
        cnncalc.load(normalized((1, 2, 3), **numbers))


@pytest.mark.parametrize("case", UNLISTED)
def test_what_is_not_listed_is_opaque(case: str) -> None:
    operation = UNLISTED[case]
    first = operation["inbound_nodes"][0]["args"][0]
    shape = (first[0] if isinstance(first, list) else first)["config"]["shape"][1:]
    assert cnncalc.shape(model(operation, shape=tuple(shape))).layers[-1].op == "opaque"


HERE: dict[str, Any] = {"data_format": "channels_first"}
BEHIND: list[tuple[str, dict[str, Any]]] = [
    ("LayerNormalization", {"rms_scaling": True, "axis": -1}),
    ("RMSNormalization", {"axis": -1}),
    ("Normalization", {"axis": [1, 2]}),
    ("Dot", {"axes": 1}),
    ("RepeatVector", {"n": 3}),
    ("CategoryEncoding", {"num_tokens": 3}),
    ("ExpandDims", {"axis": 1}),
    ("Glu", {"axis": 1}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "groups": 2, "lora_rank": 2}),
    ("Flatten", HERE),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], **HERE}),
    ("MaxPooling2D", {"pool_size": [2, 2], **HERE}),
    ("GlobalAveragePooling2D", HERE),
    ("Cropping2D", {"cropping": [[1, 1], [1, 1]], **HERE}),
]


def behind_unknown(*layers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a model of layers after an unknown one, in a network with channels last."""
    before: list[tuple[str, dict[str, Any]]] = [
        ("InputLayer", {"batch_shape": [None, 4, 5, 3]}),
        ("Conv2D", {"filters": 6, "kernel_size": [1, 1], "data_format": "channels_last"}),
        ("Mine", {}),
    ]
    records = [
        {"class_name": kind, "config": {"name": f"y{at}", **config}}
        for at, (kind, config) in enumerate([*before, *layers])
    ]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": records}}


@pytest.mark.parametrize(("kind", "config"), BEHIND)
def test_what_needs_the_number_of_axes_is_opaque_where_that_is_not_known(kind: str, config: dict[str, Any]) -> None:
    last = cnncalc.shape(behind_unknown((kind, config))).layers[-1]
    assert (last.op, last.out, last.macs or None) == ("opaque", NOTHING_KNOWN, None)


@pytest.mark.parametrize(
    ("layers", "ops"),
    [
        ([("SpatialDropout2D", HERE)], ["dropout"]),  # it is the same for both layouts
        # one axis is left
        ([("Flatten", {}), ("RepeatVector", {"n": 3})], ["flatten", "reshape", "tile"]),
        ([("GlobalMaxPooling2D", {}), ("RepeatVector", {"n": 3})], ["globalmaxpool", "reshape", "tile"]),
    ],
)
def test_what_is_known_after_a_layer_that_is_not(layers: list[tuple[str, dict[str, Any]]], ops: list[str]) -> None:
    assert [one.op for one in cnncalc.shape(behind_unknown(*layers)).layers[2:]] == ops


def test_steps_of_a_layer_that_is_not_known_come_back() -> None:
    """They are folded into the batch, although their number is unknown."""
    conv = {"class_name": "Conv2D", "config": {"filters": 2, "kernel_size": [3, 3]}}
    report = cnncalc.shape(behind_unknown(("TimeDistributed", {"layer": conv})))
    assert [one.op for one in report.layers[2:]] == ["tobatch", "conv", "frombatch"]
    assert report.out == (UNKNOWN, UNKNOWN, UNKNOWN, 2)


def test_an_unknown_activation_keeps_the_shape() -> None:
    """For an input of another size than the file's, too."""
    config = {"filters": 6, "kernel_size": [3, 3], "activation": {"class_name": "function", "config": "mine"}}
    network = model(layer("Conv2D", [tensor("x")], "keras.layers", **config))
    report = cnncalc.shape(network, (9, 8, 3))
    assert [(one.op, one.out, one.params) for one in report.layers[1:]] == [
        ("conv", (7, 6, 6), 168),
        ("opaque", (7, 6, 6), 0),
    ]


POLICIES: dict[str, tuple[Any, int]] = {
    "int8": ({"mode": "int8"}, 3 * 7 + 7),
    "int8 by name": ("int8_from_float32", 3 * 7 + 7),
    "int4 in blocks": ({"mode": "int4/2"}, 3 * 4 + 2 * 2 * 7 + 3),
    "int4": ({"mode": "int4/-1"}, 3 * 4 + 7),
    "float8": ({"mode": "float8"}, 3 * 7 + 7 + 3 * 1025),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_quantized_layer_counts_what_it_holds(policy: str) -> None:
    """Figures are those of Keras 3.15's variables; a quantized kernel is not trainable, a float8 one is."""
    config, held = POLICIES[policy]
    dtype = config if isinstance(config, str) else {"class_name": "QuantizedDTypePolicy", "config": config}
    dense = layer("Dense", [tensor("x")], "keras.layers", units=7, activation="relu", dtype=dtype)
    report = cnncalc.shape(model(dense))
    bias = 0 if policy == "float8" else 7
    assert (report.params, report.trainable) == (held + bias, held if policy == "float8" else 7)
    assert (report.out, report.macs) == ((4, 5, 7), 4 * 5 * 3 * 7)


@pytest.mark.parametrize("mode", ["int2", "int4/x"])
def test_what_a_quantized_layer_of_an_unknown_kind_holds_is_not_known(mode: str) -> None:
    dtype = {"class_name": "QuantizedDTypePolicy", "config": {"mode": mode}}
    assert cnncalc.shape(model(layer("Dense", [tensor("x")], "keras.layers", units=7, dtype=dtype))).params is None


ATTENTIONS: list[tuple[str, dict[str, Any]]] = [
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
    ("GroupedQueryAttention", {"num_query_heads": 4, "num_key_value_heads": 2, "head_dim": 3}),
]


@pytest.mark.parametrize(("kind", "config"), ATTENTIONS)
def test_what_quantized_attention_holds_is_not_known(kind: str, config: dict[str, Any]) -> None:
    """Keras 3.15 counts 192 and 276, and 168 and 246 without it."""
    read = [tensor("x", shape=(5, 6))] * 2
    assert cnncalc.shape(model(layer(kind, read, "keras.layers", **config), shape=(5, 6))).params in (168, 246)
    config = {**config, "dtype": "int8_from_float32"}
    assert cnncalc.shape(model(layer(kind, read, "keras.layers", **config), shape=(5, 6))).params is None


@pytest.mark.parametrize("window", [3, [3, 3]])
def test_the_parameters_of_a_convolution_with_a_state(window: Any) -> None:
    """As Keras 3.15 counts them."""
    config = {"filters": 3, "kernel_size": window}
    conv = layer("ConvLSTM2D", [tensor("x", shape=(4, 7, 6, 2))], "keras.layers", **config)
    assert cnncalc.shape(model(conv, shape=(4, 7, 6, 2))).params == 552
    conv = layer("ConvLSTM2D", [tensor("x", shape=(4, 7, 6, None))], "keras.layers", **config)
    assert cnncalc.shape(model(conv, shape=(4, 7, 6, None))).params is None


def test_a_normalized_kernel_has_a_vector_of_its_last_axis() -> None:
    """Keras 3.15 counts 136 and 136: 3 of the inputs of a transposed convolution, 3 of the outputs of the other."""
    for kind, filters, own in (("Conv2DTranspose", 7, 2 * 3 * 7 * 3 + 7), ("Conv2D", 5, 2 * 3 * 3 * 5 + 5)):
        inner = {"class_name": kind, "config": {"name": "i", "filters": filters, "kernel_size": [2, 3]}}
        report = cnncalc.shape(model(layer("SpectralNormalization", [tensor("x")], "keras.layers", layer=inner)))
        assert (report.trainable, report.non_trainable) == (own, 3 if filters == 7 else 5)


def masked_model(*ends: dict[str, Any], value: float | None = None) -> dict[str, Any]:
    """Return a model of 5 steps of 3 features, whose steps of zeros (or of `value` throughout) are masked."""
    masking = layer("Masking", [tensor("x")], "keras.layers", mask_value=value or 0.0)
    document = model(masking, *[{**one, "name": f"z{at}"} for at, one in enumerate(ends)], shape=(5, 3))
    for record in document["config"]["layers"][1:]:
        for one in record["inbound_nodes"][0]["args"]:
            for each in one if isinstance(one, list) else [one]:
                each["config"]["shape"] = [None, 5, 3]
    return document


STEPS = np.random.default_rng(5).uniform(0.5, 1, (2, 5, 3)).astype(np.float32)
STEPS[0, 3:] = STEPS[1, 0] = 0
COUNTS = (STEPS != 0).any(-1)


def test_the_mean_of_the_steps_that_count() -> None:
    pool = layer("GlobalAveragePooling1D", [tensor("y")], "keras.layers", keepdims=False)
    assert np.allclose(cnncalc.run(masked_model(pool), STEPS), STEPS.sum(1) / COUNTS.sum(1)[:, None], atol=1e-6)


def test_a_join_of_one_value_passes_its_mask_on() -> None:
    pool = layer("GlobalAveragePooling1D", [tensor("z0")], "keras.layers", keepdims=False)
    document = masked_model(layer("Add", [[tensor("y")]], "keras.layers"), pool)
    assert np.allclose(cnncalc.run(document, STEPS), STEPS.sum(1) / COUNTS.sum(1)[:, None], atol=1e-6)


LSTM3 = {"class_name": "LSTM", "config": {"name": "i", "units": 3}}


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("GlobalAveragePooling1D", {"keepdims": False}),
        ("LSTM", {"units": 3}),
        ("Bidirectional", {"layer": LSTM3}),
        ("RNN", {"cell": {"class_name": "LSTMCell", "config": {"units": 3}}}),
    ],
)
def test_what_depends_on_a_mask_that_is_not_followed_is_opaque(kind: str, config: dict[str, Any]) -> None:
    """Masked steps joined with steps that are not masked."""
    both = layer("Concatenate", [[tensor("y"), tensor("x")]], "keras.layers", axis=1)
    end = layer(kind, [tensor("z0")], "keras.layers", **config)
    assert cnncalc.shape(masked_model(both, end)).layers[-1].op == "opaque"


def test_masking_by_another_value_makes_steps_zero() -> None:
    x = STEPS.copy()
    x[0, 1] = 0.25
    document = masked_model(value=0.25)
    assert np.array_equal(cnncalc.run(document, x), np.where((x == 0.25).all(-1, keepdims=True), 0, x))


@pytest.mark.parametrize("sequences", [True, False])
def test_a_recurrent_layer_skips_the_steps_that_are_masked(sequences: bool) -> None:
    """A masked step keeps the state, and repeats the previous output."""
    config = {"units": 4, "activation": "tanh", "recurrent_activation": "sigmoid", "return_sequences": sequences}
    network = cnncalc.load(masked_model(layer("LSTM", [tensor("y")], "keras.layers", **config)))
    weights = _drawn(network)
    plain = {"op": "lstm", "name": "z0", "out": 4, "hidden_bias": False, "bias": True}
    alone = cnncalc.load({"dialect": "keras", "layout": "NHWC", "input": [3, 3], "sample_axes": 2, "layers": [plain]})
    result = cnncalc.run(network, STEPS, weights)
    expected = cnncalc.run(alone, STEPS[:1, :3], weights)[0]
    assert np.allclose(result[0, :3] if sequences else result[0], expected if sequences else expected[-1], atol=1e-6)
    if sequences:
        assert np.array_equal(result[0, 3], result[0, 4])
        assert np.array_equal(result[1, 0], np.zeros(4))


def _drawn(network: cnncalc.Network) -> dict[str, Any]:
    random = np.random.default_rng(2)
    return {want.name: random.uniform(-1, 1, want.shape).astype(np.float32) for want in wanted(cnncalc.shape(network))}


def test_attention_sees_the_steps_that_count() -> None:
    """The output for a masked query is 0 (Attention)."""
    attention = layer("Attention", [[tensor("y"), tensor("y")]], "keras.layers", score_mode="dot", use_scale=False)
    scores = np.where(COUNTS[:, None], STEPS @ STEPS.transpose(0, 2, 1), -1e9)
    seen = np.exp(scores - scores.max(-1, keepdims=True))
    expected = seen / seen.sum(-1, keepdims=True) @ STEPS * COUNTS[:, :, None]
    assert np.allclose(cnncalc.run(masked_model(attention), STEPS), expected, atol=1e-6)


def test_a_mask_is_lost_after_a_layer_that_does_not_pass_it_on() -> None:
    conv = layer("Permute", [tensor("y")], "keras.layers", dims=[1, 2])
    pool = layer("GlobalAveragePooling1D", [tensor("z0")], "keras.layers", keepdims=False)
    assert np.allclose(cnncalc.run(masked_model(conv, pool), STEPS), STEPS.mean(1), atol=1e-6)


def attended(kind: str, *sizes: tuple[int, ...], kwargs: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """Return a model of an attention of inputs of these sizes, query, value and key."""
    names = ["x", "v", "k"][: len(sizes)]
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"shape": [None, *one], "keras_history": [name, 0, 0]}}
        for name, one in zip(names, sizes, strict=True)
    ]
    document = model(layer(kind, tensors, "keras.layers", kwargs=kwargs or {}, **config), shape=sizes[0])
    for name, one in zip(names[1:], sizes[1:], strict=True):
        first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *one], "name": name}, "name": name}
        document["config"]["layers"].insert(1, {"module": "keras.layers", **first, "inbound_nodes": []})
    document["config"]["input_layers"] = [[name, 0, 0] for name in names]
    return document


def attend(q: Any, v: Any, k: Any, w: dict[str, Any], heads: int, gate: bool) -> Any:
    """Return multi-head attention over the last axis but one, by einsum."""
    project = {
        part: np.einsum("...td,dhe->...hte", x, w[f"y_{part}.weight"].reshape(x.shape[-1], heads, -1))
        + w[f"y_{part}.bias"].reshape(heads, 1, -1)
        for part, x in (("query", q), ("value", v), ("key", k), *([("gate", q)] if gate else []))
    }
    scores = project["query"] @ project["key"].swapaxes(-1, -2) / project["query"].shape[-1] ** 0.5
    seen = np.exp(scores - scores.max(-1, keepdims=True))
    seen = seen / seen.sum(-1, keepdims=True) @ project["value"]
    if gate:
        seen = seen / (1 + np.exp(-project["gate"]))
    joined = np.moveaxis(seen, -3, -2).reshape(*q.shape[:-1], -1)
    return joined @ w["y.weight"] + w["y.bias"]


@pytest.mark.parametrize("lead", [(), (2,)])
def test_attention_with_a_gate_and_a_key_of_its_own(lead: tuple[int, ...]) -> None:
    """Parameters are Keras's: five projections with their biases."""
    random = np.random.default_rng(7)
    sizes = [(*lead, 5, 6), (*lead, 4, 7), (*lead, 4, 3)]
    config: dict[str, Any] = {"num_heads": 2, "key_dim": 3, "value_dim": 4, "use_gate": True}
    config["attention_axes"] = [len(lead) + 1]
    network = cnncalc.load(attended("MultiHeadAttention", *sizes, **config))
    weights = _drawn(network)
    widths = 6 * 6 + 3 * 6 + 7 * 8 + 6 * 8 + 8 * 6
    assert cnncalc.shape(network).params == widths + (6 + 6 + 8 + 8 + 6)
    q, v, k = (random.standard_normal((3, *one)).astype(np.float32) for one in sizes)
    result = cnncalc.run(network, {"input": q, "v": v, "k": k}, weights)
    assert np.allclose(result, attend(q, v, k, weights, 2, True), atol=1e-5)


def test_attention_over_a_window() -> None:
    """A position sees those less than `sliding_window` away."""
    config: dict[str, Any] = {"num_heads": 1, "key_dim": 3, "sliding_window": 2}
    network = cnncalc.load(attended("MultiHeadAttention", (6, 3), (6, 3), **config))
    weights = {name: array for name, array in _drawn(network).items() if name.startswith("y.")}
    x = np.random.default_rng(8).standard_normal((1, 6, 3)).astype(np.float32)
    y = cnncalc.run(network, {"input": x, "v": x}, weights)
    changed = x.copy()
    changed[:, 3] += 1
    moved = np.abs(cnncalc.run(network, {"input": x, "v": changed}, weights) - y).max((0, 2)) > 1e-6
    assert moved.tolist() == [False, False, True, True, True, False]


def test_the_scores_of_an_attention_are_a_result() -> None:
    tensors = [[tensor("x"), tensor("x")]]
    attention = layer("Attention", tensors, "keras.layers", kwargs={"return_attention_scores": True}, score_mode="dot")
    second = {**layer("Negative", [tensor("y", 1)]), "name": "z", "config": {"name": "z"}}
    document = model(attention, second, shape=(5, 3))
    for one in document["config"]["layers"][1]["inbound_nodes"][0]["args"][0]:
        one["config"]["shape"] = [None, 5, 3]
    document["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 5, 5]
    x = np.random.default_rng(9).standard_normal((2, 5, 3)).astype(np.float32)
    scores = np.exp(x @ x.transpose(0, 2, 1))
    assert np.allclose(cnncalc.run(document, x), -scores / scores.sum(-1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("sizes", [3, 4])
def test_a_random_crop_of_keras_3_keeps_an_image_of_its_sizes_alone(sizes: int) -> None:
    document = model(layer("RandomCrop", [tensor("x")], "keras.layers", height=4, width=sizes + 1))
    (crop,) = cnncalc.shape(document).layers[1:]
    assert (crop.op, crop.out) == ("identity" if sizes == 4 else "opaque", (4, sizes + 1, 3))


def test_an_embedding_is_read_backwards() -> None:
    """It has its table only once."""
    config = {"input_dim": 7, "output_dim": 3, "tie_weights": True}
    document = model(layer("ReversibleEmbedding", [tensor("x")], "keras.layers", **config), shape=(5,))
    again: dict[str, Any] = {"args": [tensor("y")], "kwargs": {"reverse": True}}
    again["args"][0]["config"]["shape"] = [None, 5, 3]
    record = document["config"]["layers"][1]
    record["inbound_nodes"] = [{"args": [tensor("x")], "kwargs": {}}, again]
    record["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 5]
    document["config"]["output_layers"] = [["y", 1, 0]]
    report = cnncalc.shape(document)
    assert (report.out, report.params) == ((5, 7), 21)


@pytest.mark.parametrize(("tied", "count"), [(True, 7 * 3 + 7), (False, 2 * (7 * 3 + 7))])
def test_a_quantized_embedding_that_is_read_backwards_counts_its_tables(tied: bool, count: int) -> None:
    dtype = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}
    config = {"input_dim": 7, "output_dim": 3, "tie_weights": tied, "dtype": dtype}
    report = cnncalc.shape(model(layer("ReversibleEmbedding", [tensor("x")], "keras.layers", **config), shape=(5,)))
    assert (report.params, report.trainable) == (count, 0)


def test_a_table_for_the_other_direction_is_unread() -> None:
    config = {"input_dim": 7, "output_dim": 3, "tie_weights": False}
    report = cnncalc.shape(model(layer("ReversibleEmbedding", [tensor("x")], "keras.layers", **config), shape=(5,)))
    assert (report.params, report.trainable, report.non_trainable) == (21, 42, 0)
    assert report.network.unused == {"params": 21, "buffers": 0, "where": ["y.reverse"]}


def test_one_number_a_sample() -> None:
    """Input(()) is a batch of numbers, such as row indices."""
    document = model(layer("Embedding", [tensor("x")], "keras.layers", input_dim=7, output_dim=3), shape=())
    document["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None]
    network = cnncalc.load(document)
    assert cnncalc.shape(network).out == (3,)
    table = np.arange(21, dtype=np.float32).reshape(7, 3)
    assert np.array_equal(cnncalc.run(network, np.array([6, 2]), {"y.weight": table}), table[[6, 2]])
    again = cnncalc.load(json.loads(json.dumps(cnncalc.shape(network).to_dict())))
    assert cnncalc.shape(again).out == (3,)


PLACES = np.array([[2, 0, 2], [3, 1, 1]], np.float32)
ONES = (PLACES[..., None] == np.arange(5)).astype(np.float32)


@pytest.mark.parametrize(("mode", "expected"), [("one_hot", ONES), ("multi_hot", ONES.max(1)), ("count", ONES.sum(1))])
def test_categories(mode: str, expected: Any) -> None:
    document = model(
        layer("CategoryEncoding", [tensor("x")], "keras.layers", num_tokens=5, output_mode=mode), shape=(3,)
    )
    document["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 3]
    assert np.array_equal(cnncalc.run(document, PLACES), expected)


def test_blocks_of_channels_become_space() -> None:
    """TensorFlow's order: the positions in a block, then the channels."""
    shuffle = layer("DepthToSpace", [tensor("x")], block_size=2, data_format="channels_last")
    document = model(shuffle, shape=(4, 5, 8))
    document["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 4, 5, 8]
    x = np.random.default_rng(4).standard_normal((2, 4, 5, 8)).astype(np.float32)
    expected = x.reshape(2, 4, 5, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 8, 10, 2)
    assert np.array_equal(cnncalc.run(document, x), expected)


@pytest.mark.parametrize(("kind", "by"), [("Multiply", "mul"), ("Maximum", "max"), ("Minimum", "min")])
def test_a_join_leaves_out_the_steps_that_are_masked(kind: str, by: str) -> None:
    """A step that counts in only one input is that input's; a product multiplies it by 1."""
    other = {**layer("Permute", [tensor("x")], "keras.layers", dims=[1, 2]), "name": "p"}
    joined = layer(kind, [[tensor("y"), tensor("p")]], "keras.layers")
    document = masked_model(joined)
    other["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 5, 3]
    document["config"]["layers"].insert(1, other)
    function = {"mul": np.multiply, "max": np.maximum, "min": np.minimum}[by]
    expected = np.where(COUNTS[..., None], function(STEPS, STEPS), STEPS)
    assert np.allclose(cnncalc.run(document, STEPS), expected, atol=1e-6)


def test_a_recurrent_layer_of_cells_is_a_layer_for_each() -> None:
    def cell(kind: str, units: int) -> dict[str, Any]:
        return {"module": "keras.layers", "class_name": kind, "config": {"units": units, "reset_after": True}}

    stacked = {"class_name": "StackedRNNCells", "config": {"cells": [cell("LSTMCell", 4), cell("GRUCell", 6)]}}
    document = model(layer("RNN", [tensor("x")], "keras.layers", cell=stacked, return_sequences=False), shape=(5, 3))
    document["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 5, 3]
    report = cnncalc.shape(document)
    assert [(one.name, one.op, one.out) for one in report.layers[1:]] == [
        ("y_cell1", "lstm", (5, 4)),
        ("y", "gru", (6,)),
    ]
    assert report.params == 4 * 4 * (3 + 4 + 1) + 3 * 6 * (4 + 6 + 2)
    assert report.macs == 5 * (4 * 4 * (3 + 4) + 3 * 6 * (4 + 6))
