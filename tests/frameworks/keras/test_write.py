"""Networks written for Keras read back unchanged; what Keras cannot express is refused with the layer's name."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc import zoo
from cnncalc.frameworks import writer
from cnncalc.input import configure
from cnncalc.report import Report
from tests.frameworks.keras import test_recorded as test_keras_cases
from tests.frameworks.torch import test_recorded as test_torch_cases
from tests.program import here

RELU = {"op": "relu"}
VOLUME = {"op": "maxpool3d", "k": 1, "name": "v"}
"""A layer without an effect that gives the input three spatial axes."""
CONV = {"op": "conv", "c_o": 6}
CASES: list[tuple[str, Any, list[Any]]] = [
    ("valid conv", (3, 17, 20), [{"op": "conv", "c_o": 4, "k": [3, 2], "s": [2, 3], "bias": False}]),
    ("same conv", (3, 17, 20), [{"op": "conv", "c_o": 4, "k": 4, "p": "same"}]),
    ("padded conv", (4, 17, 20), [{"op": "conv", "c_o": 6, "k": 3, "s": 2, "p": 1, "g": 2}]),
    ("lower conv", (3, 17, 20), [{"op": "conv", "c_o": 4, "k": 4, "p": "same_lower", "d": 2}]),
    ("open conv", (3, "H", "W"), [{"op": "conv", "c_o": 4, "k": 3, "p": 1}, {"op": "conv", "c_o": 2, "k": 2, "p": 1}]),
    ("causal conv", (3, 19), [{"op": "conv1d", "c_o": 4, "k": 3, "p": "causal", "d": 2}]),
    ("1-D", (6, 19), [{"op": "dwconv1d", "multiplier": 2, "k": 3, "p": 1}, {"op": "maxpool1d", "k": 2}]),
    ("3-D", (2, 9, 10, 11), [{"op": "conv3d", "c_o": 4, "k": 3, "p": [0, 1, 2]}, {"op": "avgpool3d", "k": 2}]),
    ("depthwise", (5, 17, 20), [{"op": "dwconv", "multiplier": 2, "k": 3, "s": 2, "p": 1}]),
    ("separable", (5, 17, 20), [{"op": "sepconv", "c_o": 7, "multiplier": 2, "k": 3, "s": 2, "p": "same"}]),
    ("transposed", (5, 7, 8), [{"op": "convT", "c_o": 3, "k": 2, "s": 2}]),
    ("transposed, k < s", (5, 7, 8), [{"op": "convT", "c_o": 3, "k": 2, "s": 3, "out_pad": 1}]),
    ("transposed same", (5, 7, 8), [{"op": "convT", "c_o": 3, "k": 3, "s": 2, "p": "same"}]),
    ("transposed, wider", (5, 7, 8), [{"op": "convT", "c_o": 3, "k": [3, 4], "s": [2, 3], "out_pad": [1, 2]}]),
    ("max pool", (5, 17, 20), [RELU, {"op": "maxpool", "k": 3, "s": 2, "p": 1}]),
    ("max pool by same", (5, 17, 19), [{"op": "maxpool", "k": 3, "s": 2, "p": 1}]),
    ("ceil pool by same", (5, 18, 20), [{"op": "maxpool", "k": 3, "s": 2, "ceil": True}]),
    ("ceil pool", (5, 17, 20), [RELU, {"op": "maxpool", "k": 4, "s": 3, "ceil": True}]),
    ("average", (5, 17, 20), [{"op": "avgpool", "k": 3, "s": 2, "p": 1}]),
    ("average by same", (5, 17, 19), [{"op": "avgpool", "k": 3, "s": 2, "p": 1, "count_include_pad": False}]),
    ("adaptive", (5, 12, 20), [{"op": "adaptiveavgpool", "out": [3, 5]}, {"op": "adaptivemaxpool", "out": [2, 3]}]),
    ("global", (5, 12, 20), [{"op": "globalmaxpool", "keepdims": True}, {"op": "globalavgpool", "keepdims": False}]),
    ("borders", (2, 12, 20), [{"op": "pad", "p": [[1, 2], [0, 3]]}, {"op": "crop", "p": [[2, 0], [1, 1]]}]),
    (
        "larger",
        (2, 4, 5),
        [{"op": "upsample", "factor": [2, 3]}, {"op": "upsample", "out": [16, 30], "mode": "bilinear"}],
    ),
    ("larger volume", (2, 3, 4, 5), [VOLUME, {"op": "upsample", "factor": 2}]),
    ("open conv by same", (3, "H", "W"), [{"op": "conv", "c_o": 4, "k": 3, "s": 2, "p": "same"}]),
    ("adaptive to one", (5, 12, 20), [{"op": "adaptiveavgpool", "out": 1}]),
    (
        "powers",
        (6, 4, 5),
        [CONV, {"op": "normalize", "axis": 2, "norm": 3}, {"op": "normalize", "axis": [1, 2], "eps": 0.5}],
    ),
    ("norms", (6, 4, 5), [{"op": "batchnorm", "scale": False}, {"op": "layernorm", "axis": [1, 3]}]),
    ("groups", (6, 4, 5), [{"op": "groupnorm", "g": 3, "center": False}, {"op": "normalization"}]),
    (
        "given",
        (3, 4, 5),
        [{"op": "normalization", "mean": [1, 2, 3], "variance": [4, 5, 6]}, {"op": "rescale", "factor": 2}],
    ),
    ("slopes", (6, 4, 5), [{"op": "prelu"}, {"op": "prelu", "num_parameters": 6}, {"op": "leakyrelu", "alpha": -0.2}]),
    (
        "functions",
        (6, 4, 5),
        [{"op": op} for op in ("relu6", "silu", "tanh", "hardswish", "selu", "mish", "exp", "gelu")],
    ),
    (
        "more functions",
        (6, 4, 5),
        [{"op": "clip", "min": -1, "max": 2}, {"op": "clip", "min": 0, "max": 4}, {"op": "elu"}],
    ),
    (
        "tanh gelu",
        (6, 4, 5),
        [{"op": "gelu", "approximate": True}, {"op": "softmax", "axis": 1}, {"op": "dropout", "rate": 0.1}],
    ),
    (
        "rows",
        (6, 4, 5),
        [CONV, {"op": "permute", "order": [2, 1, 3]}, {"op": "reshape", "out": [12, -1]}, {"op": "linear", "out": 3}],
    ),
    ("flat", (6, 4, 5), [CONV, {"op": "flatten"}, {"op": "linear", "out": 7, "bias": False}, {"op": "softmax"}]),
    ("features", (6,), [{"op": "linear", "out": 7}, {"op": "batchnorm"}, {"op": "sigmoid"}]),
    (
        "parts",
        (6, 9, 5),
        [CONV, {"op": "slice", "axis": 2, "start": 1, "stop": 8, "step": 3}, {"op": "mean", "axis": [2, 3]}],
    ),
    (
        "joins",
        (6, 9, 5),
        [
            {"op": "conv", "name": "a", "c_o": 6, "k": 1},
            {"op": "globalavgpool", "keepdims": True, "name": "gate", "from": "input"},
            {"op": "mul", "name": "m", "from": ["a", "gate"]},
            {"op": "add", "name": "s", "from": ["m", "a"]},
            {"op": "concat", "axis": 1, "from": ["s", "input", "a"]},
        ],
    ),
    (
        "blocks",
        (6, 9, 5),
        [
            {"op": "block", "name": "body", "layers": [{"op": "conv", "c_o": 6, "k": 3, "p": 1}, {"op": "batchnorm"}]},
            {"op": "maxpool", "k": 2, "name": "left"},
            {"op": "avgpool", "k": 3, "name": "right", "from": "body"},
        ],
    ),
]


def written(network: Any, layout: str | None = None, input: Any = None) -> dict[str, Any]:
    """Return a network as a parsed Keras document."""
    text = writer("keras")(configure(cnncalc.load(network), input, None, layout))
    assert isinstance(text, str)
    document = json.loads(text)
    assert document["class_name"] == "Functional"
    return dict(document)


def assert_same(again: Report, report: Report) -> None:
    """Check that every layer of the report is in the other one, with its shape, counts and fields."""
    assert (again.params, again.buffers, again.macs) == (report.params, report.buffers, report.macs)
    layers = {layer.name: layer for layer in again.layers}
    for layer in report.layers:
        other = layers[layer.name]
        assert (other.out, other.params, other.buffers, other.macs) == (
            layer.out,
            layer.params,
            layer.buffers,
            layer.macs,
        ), layer.name
        assert other.rf == layer.rf, layer.name


BEYOND = {
    "shufflenet_v2_x1_0": "it has no layer for channelshuffle",
    "convnext_tiny": "a scale with channels first",
}
"""Networks with a layer that Keras cannot express, and why."""


@pytest.mark.parametrize("name", BEYOND)
def test_what_keras_cannot_say_of_the_zoo(name: str) -> None:
    with pytest.raises(cnncalc.SpecError, match=BEYOND[name]):
        written(name)


@pytest.mark.parametrize("name", sorted(set(zoo.names()) - set(BEYOND)))
def test_the_zoo_through_keras_is_the_same(name: str) -> None:
    assert_same(cnncalc.shape(written(name)), cnncalc.shape(name))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("sizes", "layers"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_op_through_keras_is_the_same(sizes: tuple[Any, ...], layers: list[Any], layout: str) -> None:
    if layout == "NHWC":
        sizes = (*sizes[1:], sizes[0])
    report = cnncalc.shape({"layers": layers, "layout": layout}, sizes)
    again = cnncalc.shape(written(layers, layout, list(sizes)))
    assert again.network.layout == layout or layers[0]["op"] in ("linear", *LAYOUTLESS)
    assert_same(again, report)


LAYOUTLESS = ("prelu", "relu6", "clip", "gelu")
"""Ops for which Keras does not say where the channels are."""


REFUSED = [
    (
        {"op": "avgpool", "k": 3, "s": 2, "ceil": True, "p": 1},
        "an average that leaves out padding other than that of",
    ),
    (
        {"op": "maxpool", "k": 3, "s": 1, "p": [[1, 1], [0, 2]]},
        "a maximum over values that may be negative and padding",
    ),
    ({"op": "maxpool", "k": 3, "d": 2}, "a pool has no dilation"),
    ({"op": "conv", "c_o": 4, "k": 3, "s": 2, "d": 2}, "a convolution has no stride and dilation together"),
    ({"op": "conv", "c_o": 4, "k": 3, "flip": True}, "it has no convolution that flips its kernel"),
    ({"op": "convT", "c_o": 4, "k": 3, "g": 2}, "a transposed convolution has no groups"),
    ({"op": "convT", "c_o": 4, "k": 3, "s": 2, "d": 2}, "a transposed convolution has no stride and dilation together"),
    ({"op": "lrn"}, "it has no layer for lrn"),
    ({"op": "opaque", "type": "Mystery", "out": [3, 4, 5]}, "nothing is known about what 'Mystery' does"),
    ({"op": "pad", "p": 1, "mode": "wrap"}, "padding of mode wrap"),
    ({"op": "unfold", "k": 2}, "it has no layer for unfold"),
    ({"op": "channelshuffle", "g": 2}, "it has no layer for channelshuffle"),
    ({"op": "upsample", "factor": 1.5}, "upsampling by a factor that is not a whole number"),
    ({"op": "upsample", "factor": 2, "mode": "bilinear", "align": True}, "upsampling by bilinear of 2 axes, aligned"),
    ({"op": "upsample", "factor": 2, "mode": "bicubic"}, "upsampling by bicubic of 2 axes"),
    ({"op": "scale"}, "a scale with channels first"),
    ({"op": "clip", "min": -1}, "a clip with only one bound"),
    ({"op": "hardsigmoid", "alpha": 0.2}, "a hard sigmoid of slope 0.2"),
]


@pytest.mark.parametrize(("layer", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_keras_cannot_say_is_refused_with_the_layer(layer: dict[str, Any], why: str) -> None:
    named = {"name": "odd", **layer}
    done = here(["convert", "-", "-i", "4x13x14", "--to", "keras"], json.dumps([{"op": "tanh"}, named]))
    assert done.code == 2
    assert f"layers[1] '{named['name']}': Keras cannot express this: {why}" in done.err
    assert done.out == ""


REFUSED_NETWORKS: list[tuple[tuple[Any, ...], list[Any], str]] = [
    ((4, 7, 8), [{"op": "block", "layers": [{"op": "relu", "name": "x/y"}]}], "the name 'x/y', which contains a /"),
    ((2, 6, "E"), [{"op": "attention"}], "the scale for an open number of features"),
    ((2, 3, "T", 4), [VOLUME, {"op": "attention"}], "a reshape to open sizes"),
    (
        (2, 6, 4),
        [{"op": "slice", "axis": 1, "stop": 1, "name": "s"}, {"op": "attention", "from": ["s", "input", "input"]}],
        "attention whose queries, keys and values differ in their leading axes",
    ),
    (
        (2, 3, 6, 6),
        [
            VOLUME,
            {"op": "mean", "axis": 1, "keepdims": True, "name": "m"},
            {"op": "attention", "from": ["v", "v", "v", "m"]},
        ],
        "a mask that is repeated along some of several axes",
    ),
    ((6, 4), [{"op": "normalize", "axis": [1, 2], "norm": 3}], "a norm of power 3 over several axes"),
    ((6, 4), [{"op": "normalize", "axis": 1, "norm": 0.5}], "a norm of power 0.5"),
    ((6, 4), [{"op": "normalize", "eps": 0}], "a normalization with eps 0: it takes 1/eps"),
    ((3, "H", "W"), [{"op": "adaptiveavgpool", "out": 2}], "an adaptive pool of an open size"),
    ((5, 7, 8), [{"op": "convT", "c_o": 3, "k": 3, "d": 2, "out_pad": 1}], "output_padding 1 is not below the"),
    ((3, 8), [{"op": "maxpool1d", "k": 1}, {"op": "upsample", "factor": 2}], "UpSampling1D takes channels last"),
    (
        (4, 7, 8),
        [
            {"op": "batchnorm", "name": "b"},
            {"op": "reshape", "out": [4, 56]},
            {"op": "batchnorm", "tie": "b"},
        ],
        "a norm shared by inputs with different numbers of axes",
    ),
    ((3, 4, 5), [{"op": "rescale", "factor": [1, 2, 3]}], "a factor for each channel, with channels first"),
    ((2, "H", "W", 3), [{"op": "expand", "out": [4, 2, -1, -1, 3]}], "a reshape to several open sizes"),
    ((3, 7, 8, 9), [{"op": "dwconv3d", "k": 3}], "it has no dwconv3d"),
    (
        (5, 6),
        [
            {"op": "input", "name": "m", "shape": [5, 5]},
            {"op": "multihead", "heads": 2, "from": ["input", "input", "input", "m"]},
        ],
        "an additive mask of multi-head attention",
    ),
    (
        (2, 5, 6),
        [{"op": "input", "name": "h", "shape": [2, 3]}, {"op": "gru", "out": 3, "from": ["input", "h"]}],
        "initial states of gru",
    ),
    (
        (1, 1, 1),
        [
            {"op": "input", "name": "b", "shape": [1] * 8},
            {"op": "input", "name": "c", "shape": [1] * 8},
            {"op": "input", "name": "d", "shape": [1] * 7},
            {"op": "einsum", "equation": "abc,defghijk,lmnopqrs,tuvwxyz->a", "from": ["input", "b", "c", "d"]},
        ],
        "an equation that uses all letters, leaving none for the batch",
    ),
]


@pytest.mark.parametrize(("input", "layers", "why"), REFUSED_NETWORKS, ids=[row[-1] for row in REFUSED_NETWORKS])
def test_what_keras_cannot_say_of_a_network_is_refused(input: tuple[Any, ...], layers: list[Any], why: str) -> None:
    with pytest.raises(cnncalc.SpecError) as error:
        written(layers, None, list(input))
    assert error.value.what.startswith(f"Keras cannot express this: {why}")


def test_a_scale_of_an_open_number_of_channels_is_refused() -> None:
    with pytest.raises(cnncalc.SpecError, match="Keras cannot express this: a scale of an open number of channels"):
        written([{"op": "scale"}], "NHWC", [4, 5, "C"])


def test_rows_are_repeated_and_recurrent_layers_run_both_ways() -> None:
    """These were compared in Keras: the first by its values, the others by their weights."""
    rows = [{"op": "maxpool1d", "k": 1}, {"op": "upsample", "factor": 2}]
    assert_same(cnncalc.shape(written(rows, "NHWC", [8, 3])), cnncalc.shape({"layers": rows, "layout": "NHWC"}, (8, 3)))
    for keys in ({"op": "lstm", "hidden_bias": False}, {"op": "gru"}, {"op": "rnn", "hidden_bias": False}):
        layers = [{**keys, "out": 3, "bidirectional": True}]
        again, report = cnncalc.shape(written(layers, None, [6, 4])), cnncalc.shape(layers, (6, 4))
        assert (again.out, again.params, again.macs) == (report.out, report.params, report.macs)


@pytest.mark.parametrize(
    ("n", "layers"),
    [
        (4, [VOLUME, {"op": "attention", "causal": True, "scale": 0.3}]),
        (6, [VOLUME, {"op": "attention", "from": ["v", "v", "v", "v"]}]),
        (
            6,
            [VOLUME, {"op": "mean", "axis": [1, 2], "name": "m"}, {"op": "attention", "from": ["v", "v", "v", "m"]}],
        ),
    ],
    ids=["causal", "masked", "one mask for all"],
)
def test_attention_of_heads_on_two_axes_gives_the_same_values(n: int, layers: list[Any]) -> None:
    x = np.sin(np.arange(36 * n, dtype=np.float32)).reshape(2, 3, 6, n)
    assert np.allclose(cnncalc.run(written(layers, None, [2, 3, 6, n]), x), cnncalc.run(layers, x), atol=1e-6)


@pytest.mark.parametrize("sizes", [[4, 13, 14], [4, "H", "W"]])
def test_the_maximum_of_a_window_without_input_is_refused(sizes: list[Any]) -> None:
    """It is minus infinity, but Keras would use a zero from the layer that pads."""
    layers = [RELU, {"op": "maxpool", "name": "p", "k": 2, "p": 2}]
    with pytest.raises(cnncalc.SpecError) as error:
        written({"dialect": "onnx", "input": sizes, "layers": layers})
    assert error.value.what == "Keras cannot express this: the maximum of a window entirely in the padding"
    assert error.value.layer == "layers[1] 'p'"


def refusal(network: Any, input: Any) -> cnncalc.SpecError | None:
    """Return why a network cannot be written; None if it can."""
    try:
        written(network, None, input)
    except cnncalc.SpecError as error:
        return error
    return None


@pytest.mark.parametrize("case", test_torch_cases.ANSWERED, ids=test_torch_cases.name_of)
def test_a_layer_of_pytorch_through_keras_is_the_same_or_refused(case: dict[str, Any]) -> None:
    network = {"layers": [RELU, {"name": "one", **test_torch_cases.layer_of(case)}], "dialect": "torch"}
    error = refusal(network, case["in_shape"])
    if error is None:
        report = cnncalc.shape(network, case["in_shape"])
        again = cnncalc.shape(written(network, None, case["in_shape"]))
        assert (again.out, again.params, again.macs, again.rf) == (report.out, report.params, report.macs, report.rf)
    else:
        assert error.what.startswith("Keras cannot express this: ")
        assert error.layer == "layers[1] 'one'"


def test_what_of_pytorch_keras_cannot_say() -> None:
    why: dict[str, int] = {}
    for case in test_torch_cases.ANSWERED:
        error = refusal({"layers": [RELU, test_torch_cases.layer_of(case)], "dialect": "torch"}, case["in_shape"])
        what = "said" if error is None else error.what.removeprefix("Keras cannot express this: ")
        why[what] = why.get(what, 0) + 1
    assert why == {
        "said": 93,
        "a convolution has no stride and dilation together": 31,
        "a pool has no dilation": 24,
        "a transposed convolution has no stride and dilation together": 16,
        "an average that leaves out padding other than that of 'same'": 16,
        "a transposed convolution has no groups": 8,
        "Cropping1D takes channels last": 2,
    }


@pytest.mark.parametrize("case", test_keras_cases.ANSWERED, ids=test_keras_cases.name_of)
def test_a_layer_of_keras_is_written_as_one_layer(case: dict[str, Any]) -> None:
    network = {"layers": [test_keras_cases.layer_of(case)], "dialect": "keras"}
    report = cnncalc.shape(network, case["in_shape"])
    again = cnncalc.shape(written(network, None, case["in_shape"]))
    assert len(again.layers) == 1
    assert_same(again, report)


def test_a_scale_and_a_batch() -> None:
    report = cnncalc.shape({"layers": [{"op": "scale"}, {"op": "conv", "c_o": 2}], "layout": "NHWC"}, (9, 8, 7, 3))
    again = cnncalc.shape(written({"layers": [{"op": "scale"}, {"op": "conv", "c_o": 2}]}, "NHWC", [9, 8, 7, 3]))
    assert again.out == (9, 8, 7, 2)
    assert_same(again, report)


def test_shared_weights_are_one_layer_called_twice() -> None:
    layers = [
        {"op": "conv", "name": "a", "c_o": 4, "k": 3, "p": 1},
        {"op": "conv", "c_o": 4, "k": 3, "p": 1, "tie": "a"},
    ]
    document = written(layers, None, [4, 7, 8])
    assert [len(layer["inbound_nodes"]) for layer in document["config"]["layers"]] == [0, 2]
    again = cnncalc.shape(document)
    assert [(layer.name, layer.out) for layer in again.layers] == [("a", (4, 7, 8)), ("a_call2", (4, 7, 8))]
    assert (again.params, again.macs) == (148, 2 * 144 * 56)
    layers[1]["s"] = 2
    with pytest.raises(cnncalc.SpecError, match="it shares the weights of 'a', which is a different layer"):
        written(layers, None, [4, 7, 8])


def test_a_result_that_is_a_second_call_of_a_layer_stays_the_result() -> None:
    layers: list[Any] = [
        {"op": "conv", "name": "a", "c_o": 4, "k": 3, "p": 1},
        {"op": "maxpool", "name": "b", "k": 2},
        {"op": "conv", "name": "c", "c_o": 4, "k": 3, "p": 1, "tie": "a", "from": "input"},
    ]
    again = cnncalc.shape(written(layers, None, [4, 7, 8]))
    assert [(layer.name, layer.out) for layer in again.layers] == [
        ("a", (4, 7, 8)),
        ("b", (4, 3, 4)),
        ("a_call2", (4, 7, 8)),
    ]
    assert again.out == cnncalc.shape(layers, (4, 7, 8)).out


def test_what_is_cut_of_a_transposed_convolution_is_a_layer_after_it() -> None:
    layers = [{"op": "convT", "name": "up", "c_o": 3, "k": 3, "s": 2, "p": 1, "out_pad": 1}]
    again = cnncalc.shape(written(layers, None, [5, 7, 8]))
    assert [(layer.name, layer.op, layer.out) for layer in again.layers] == [
        ("up", "convT", (3, 15, 17)),
        ("up_crop", "crop", (3, 14, 16)),
    ]
    assert (again.out, again.params, again.macs) == (
        (report := cnncalc.shape(layers, (5, 7, 8))).out,
        report.params,
        report.macs,
    )
    assert again.rf == report.rf


def test_further_inputs_are_inputs_again() -> None:
    second = {"op": "input", "name": "b", "shape": [4, 7, 8]}
    layers = [{"op": "conv", "name": "a", "c_o": 4}, {**second, "from": []}, {"op": "add", "from": ["a", "b"]}]
    document = written(layers, None, [3, 7, 8])
    assert document["config"]["input_layers"] == [["input", 0, 0], ["b", 0, 0]]
    assert_same(cnncalc.shape(document), cnncalc.shape(layers, (3, 7, 8)))


def test_names_that_keras_does_not_take_are_changed() -> None:
    layers = [{"op": "relu", "name": "/a/b"}, {"op": "tanh", "name": "a_b"}, {"op": "relu", "name": "/"}]
    again = cnncalc.load(written(layers, None, [4, 7, 8]))
    assert [node.name for node in again.nodes] == ["a_b_2", "a_b", "layer"]
