"""Tracing: the layers before an error, the inputs that fit a linear layer, and what is known behind the unknown."""

from __future__ import annotations

import re
from typing import Any

import pytest

import cnncalc
from cnncalc import trace
from cnncalc.sizes import LARGEST, NOTHING_KNOWN, to_json

Layers = list[dict[str, Any]]


def refused(spec: Any, input: Any = None, **how: Any) -> cnncalc.CnncalcError:
    """Return the error of a network."""
    with pytest.raises(cnncalc.CnncalcError) as caught:
        cnncalc.shape(spec, input, **how)
    return caught.value


LINEAR = [
    ("3x8x10 conv:4,k3 relu flatten relu linear:10,c_i=400", "4x6x8 = 192 → Linear(192, 10)", "-i 3x12x12 gives 400"),
    ("3x8x8 conv:4,k3,s2 flatten linear:10,c_i=100", "4x3x3 = 36 → Linear(36, 10)", "-i 3x11x11 to 3x12x12 give 100"),
    ("3x8x8 reshape:out=[192] linear:3,c_i=48", "3x8x8 = 192 → Linear(192, 3)", None),
    ("3x8x8 flatten linear:1000,c_i=3", "3x8x8 = 192 → Linear(192, 1,000)", "-i 3x1x1 gives 3"),
    ("1x9x9 flatten linear:10,c_i=67108864", "1x9x9 = 81 → Linear(81, 10)", "-i 1x8192x8192 gives 67,108,864"),
    ("1x9x9 flatten linear:10,c_i=67125249", "1x9x9 = 81 → Linear(81, 10)", None),
    ("3x8x8 flatten linear:10,c_i=97", "3x8x8 = 192 → Linear(192, 10)", None),
    ("3x8x8 adaptiveavgpool:2 flatten linear:3,c_i=5", "3x2x2 = 12 → Linear(12, 3)", None),
    ("3x8x8 conv:4,k3 linear:10,c_i=97", None, "-i 3x99x99 gives 97"),
    ("3x8x8 flatten linear:4 linear:3,c_i=5", None, None),
    ("3x8x8 reshape:out=[3,64] linear:3,c_i=5", None, None),
    ("12 linear:10,c_i=10", None, None),
]


@pytest.mark.parametrize(("words", "arithmetic", "fitting"), LINEAR)
def test_the_arithmetic_of_a_linear_layer_and_the_inputs_that_fit(
    words: str, arithmetic: str | None, fitting: str | None
) -> None:
    error = refused(words)
    *lines, last = (error.help or "").split("\n")
    assert last.startswith("remove c_i, set it to ")
    assert lines == [line for line in (arithmetic, fitting) if line]
    for shape in re.findall(r"[\dx]+x[\dx]+", fitting or ""):
        assert cnncalc.shape(words.partition(" ")[2], shape).out


def test_inputs_that_fit_have_the_axes_of_the_layout() -> None:
    layers: Layers = [{"op": "conv", "c_o": 4}, {"op": "flatten"}, {"op": "linear", "out": 2, "c_i": 36}]
    assert "-i 3x3x7 gives 36" in (refused(layers, (5, 6, 7), layout="NHWC").help or "")
    assert "-i 7x3x3 gives 36" in (refused(layers, (7, 5, 6), layout="NCHW").help or "")


def test_inputs_are_not_tried_for_a_long_network(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "3x8x8 relu relu flatten linear:10,c_i=75"
    for most, found in ((3, True), (2, False)):
        monkeypatch.setattr(trace, "MOST_RETRACED", most)
        assert ("-i 3x5x5 gives 75" in (refused(words).help or "")) == found


def test_an_error_has_the_report_of_the_layers_before() -> None:
    inner: Layers = [{"op": "conv", "c_o": 2, "p": 1}, {"op": "conv", "c_o": 2, "k": 20}]
    error = refused([{"op": "relu"}, {"op": "block", "name": "b", "layers": inner}], (3, 8, 8), batch=5)
    assert error.report is not None
    assert [(one.name, to_json(one.out), len(one.inner)) for one in error.report.layers] == [
        ("relu1", [5, 3, 8, 8], 0),
        ("b", None, 1),
    ]
    assert (error.report.batch, error.report.network.input) == (5, (5, 3, 8, 8))
    assert error.layer == "layers[1].layers[1] 'b.conv2'"
    assert [
        one.name for one in refused([{"op": "block", "name": "b", "layers": inner[1:]}], (3, 8, 8)).report.layers
    ] == []


def test_another_layout_than_the_network_states_is_named() -> None:
    spec = {"layout": "NHWC", "layers": [{"op": "conv", "c_o": 4, "k": 9}]}
    said = "the network is written for NHWC, and its axes may be those of that layout: leave out the other"
    fits = "the padded input (3) is smaller than the kernel (9): lower k to 3, or raise p to 3"
    assert refused(spec, (5, 3, 8), layout="NCHW").help == f"{fits}\n{said}"
    assert refused(spec, (3, 8, 5)).help == fits
    assert refused({**spec, "layout": "NCHW"}, (5, 3, 8)).help == fits
    assert refused(spec["layers"], (3, 8, 5), layout="NHWC").help == fits


def test_no_output_is_larger_than_what_can_be_read_back() -> None:
    assert cnncalc.shape(f"3x{LARGEST}x1 relu").out == (3, LARGEST, 1)
    assert refused("3x4611686018427387904x1 upsample:x2").what == f"an output size is more than {LARGEST:,}"


UNKNOWN = [
    # name, its output, weights, bias, buffers and MACs, by layout
    ({"op": "conv", "c_o": 4, "k": 3}, [4, None, None], None, 4, 0, None),
    ({"op": "conv", "c_o": 4, "k": 3, "c_i": 5}, [4, None, None], 180, 4, 0, None),
    ({"op": "conv1d", "c_o": 4, "k": 3, "c_i": 5}, [4, None], 60, 4, 0, None),
    ({"op": "linear", "out": 4}, None, None, 4, 0, 0),
    ({"op": "linear", "out": 4, "c_i": 5}, None, 20, 4, 0, 0),
    ({"op": "batchnorm"}, None, None, None, None, 0),
    ({"op": "relu"}, None, 0, 0, 0, 0),
    ({"op": "maxpool", "k": 2}, None, 0, 0, 0, 0),
    ({"op": "add", "from": ["o", "o"]}, None, 0, 0, 0, 0),
    ({"op": "matmul", "from": ["o", "o"]}, None, 0, 0, 0, None),
    ({"op": "multihead", "heads": 2, "from": ["o", "o", "o"]}, None, None, None, None, None),
    ({"op": "lstm", "out": 3}, None, None, None, None, None),
    ({"op": "opaque"}, None, None, None, None, None),
]


@pytest.mark.parametrize(("layer", "out", "weights", "bias", "buffers", "macs"), UNKNOWN)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_what_is_known_behind_what_is_not(
    layer: dict[str, Any],
    out: list[int | None] | None,
    weights: int | None,
    bias: int | None,
    buffers: int | None,
    macs: int | None,
    layout: str,
) -> None:
    report = cnncalc.shape([{"op": "opaque", "name": "o"}, layer], (3, 8, 8), layout=layout)
    found = report.layers[-1]
    assert to_json(found.traced.out) == (out if out is None or layout == "NCHW" else [*out[1:], out[0]])
    assert (found.weights, found.bias, found.buffers, found.macs) == (weights, bias, buffers, macs)
    assert [field[:3] for field in report.rf] == [(None, None, None)] * 2
    given = {key for key in layer if key not in ("op", "from")}
    assert given <= {*found.values}


def test_tied_layers_have_the_same_arrays() -> None:
    conv = {"op": "conv", "c_o": 4, "k": 3}
    tied: Layers = [{**conv, "name": "a", "counted": {"bias": 0}}, {**conv, "tie": "a", "from": "input"}]
    assert cnncalc.shape(tied, (3, 8, 8)).params == 108
    unknown: Layers = [{**conv, "name": "a"}, {"op": "opaque", "name": "o"}, {**conv, "tie": "a"}]
    assert cnncalc.shape(unknown, (3, 8, 8)).params is None
    blocks: Layers = [
        {"op": "block", "name": "a", "layers": [{"op": "batchnorm"}]},
        {"op": "block", "name": "b", "layers": [{"op": "conv", "c_o": 1000}], "tie": "a"},
    ]
    assert refused(blocks, (3, 8, 8)).key == "tie"
    assert refused(blocks, (3, 8, 8)).what == (
        "tie: a has 6 parameters, 6 buffers, and this layer needs 4,000 parameters"
    )


BATCHED: Layers = [{"op": "tobatch"}, {"op": "conv", "c_o": 2, "k": [3, 5]}, {"op": "frombatch"}]
TURNED: Layers = [{"op": "permute", "order": [3, 1, 2]}, {"op": "conv", "c_o": 2, "k": [3, 5]}]
SPACES: list[tuple[Any, tuple[int, ...], list[tuple[int, int, int]]]] = [
    ("conv:4,k3x5", (3, 7, 9), [(3, 1, 0), (5, 1, 0)]),
    ("relu", (7,), []),
    ("attention", (7, 5), [(7, 0, 0)]),
    ("linear:4 conv1d:3,k3", (7, 5), [(5, 1, 0)]),
    ("relu permute:2x1 conv1d:3,k3", (7, 5), [(3, 1, 0)]),
    (TURNED, (7, 9, 3), [(3, 1, 0), (5, 1, 0)]),
    ([{"op": "relu"}, {"op": "block", "layers": TURNED}], (7, 9, 3), [(3, 1, 0), (5, 1, 0)]),
    ("reshape:out=[63,3] permute:2x1 reshape:out=[3,7,9] conv:4,k3x5", (7, 9, 3), [(3, 1, 0), (5, 1, 0)]),
    (BATCHED, (4, 3, 7, 9), [(3, 1, 0), (5, 1, 0)]),
    (
        [*BATCHED, {"op": "permute", "order": [2, 1, 3, 4]}, {"op": "conv3d", "c_o": 2, "k": [2, 3, 5]}],
        (4, 3, 7, 9),
        [(2, 1, 0), (5, 1, 0), (9, 1, 0)],  # frames too, as a later layer slides over them
    ),
]


@pytest.mark.parametrize(("layers", "input", "rf"), SPACES)
def test_the_axes_of_space_are_those_over_which_a_layer_slides(
    layers: Any, input: tuple[int, ...], rf: list[tuple[int, int, int]]
) -> None:
    assert [field[:3] for field in cnncalc.shape(layers, input).rf] == rf


def test_layers_know_the_input_that_was_given() -> None:
    report = cnncalc.shape({"input": [3, 8, 8], "layers": [{"op": "relu"}]}, (3, 5, 7))
    assert report.layers[0].network.input == (3, 5, 7)


def test_what_is_needed_is_needed_once() -> None:
    words = "3xHxW maxpool:2 upsample:x2,name=u relu add:from=input+u add:from=input+u conv:4,k1,c_i=3"
    assert [len(layer.needs) for layer in cnncalc.shape(words).layers] == [2, 0, 0, 2, 0, 2]


def test_what_is_resolved_behind_what_is_not_known() -> None:
    layers: Layers = [{"op": "opaque", "name": "o"}, {"op": "linear", "out": 4, "c_i": 5}, {"op": "maxpool", "k": 2}]
    for layer, more in (("linear1", {"out": 4, "c_i": 5}), ("maxpool1", {"k": (2, 2), "s": (2, 2)})):
        values = cnncalc.shape(layers, (3, 8, 8))[layer].values
        assert {key: values[key] for key in more} == more
        assert layer != "linear1" or values == more


def test_only_a_linear_layer_has_that_arithmetic() -> None:
    assert "-i " not in (refused("3x8x8 conv:4,k3 conv:4,k3,c_i=6").help or "")
    assert "→" not in (refused("3x8x8 flatten batchnorm:c_i=5").help or "")
    layers: Layers = [
        {"op": "flatten"},
        {"op": "linear", "out": 3, "name": "a"},
        {"op": "linear", "out": 4, "tie": "a", "from": "flatten1"},
    ]
    assert refused(layers, (3, 4, 5)).help == (
        "layers share weights only of the same shape: remove tie, or fix the layer before"
    )


def test_values_of_several_batches_do_not_meet() -> None:
    fold: Layers = [
        {"op": "reshape", "name": "r", "out": [2, 3, 8]},
        {"op": "tobatch", "name": "t"},
        {"op": "add", "from": ["t", "input"], "name": "a"},
    ]
    error = refused(fold, (6, 8))
    assert (error.what, error.key) == ("add of inputs with different axes folded into the batch", None)
    assert error.help == "unfold them first"
    opaque = cnncalc.shape([*fold[:2], {"op": "opaque", "from": ["t", "input"]}], (6, 8)).layers[-1]
    assert opaque.traced.out is NOTHING_KNOWN
