"""Tracing: the layers before an error, the inputs that fit a linear layer, and what is known after unknown layers."""

from __future__ import annotations

import re
from typing import Any

import pytest

import cnncalc
from cnncalc import sizes, trace
from cnncalc.input import configure, read_input
from cnncalc.layers import Env
from cnncalc.layers.conv import Conv, Measured
from cnncalc.sizes import LARGEST, NOTHING_KNOWN, Open, Shape, show, to_json

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
    ("3x8x8 linear:10,c_i=5", None, "-i 3x5x5 gives 5"),  # over the last axis
    ("3x12x12 conv:4,k3,s4 flatten linear:9,c_i=16", "4x3x3 = 36 → Linear(36, 9)", "-i 3x7x7 to 3x10x10 give 16"),
    ("3x8x8 conv:4,k1,p1 flatten linear:9,c_i=16", "4x10x10 = 400 → Linear(400, 9)", None),  # 0x0 would
    ("1x8x8 conv:1,k3 flatten linear:2,c_i=1", "1x6x6 = 36 → Linear(36, 2)", "-i 1x3x3 gives 1"),
    # 3*6145*6145, and all sides not divisible by 5 are impossible: the search ends between such sides
    ("3x5x5 pixelunshuffle:5 flatten linear:3,c_i=113283075", "75x1x1 = 75 → Linear(75, 3)", None),
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


def test_inputs_are_tried_for_the_layer_at_fault_alone() -> None:
    tied: Layers = [
        {"op": "flatten"},
        {"op": "linear", "out": 3, "name": "a"},
        {"op": "linear", "out": 4, "c_i": 48, "tie": "a", "from": "flatten1"},
    ]
    assert refused(tied, (3, 4, 4)).help == (
        "layers share weights only of the same shape: remove tie, or fix the layer before"
    )
    cut: Layers = [{"op": "flatten"}, {"op": "linear", "out": 3, "c_i": 3}]
    block = {"op": "block", "name": "b", "layers": cut}
    for after in ([], [{"op": "linear", "out": 2, "c_i": 5}]):  # what follows a block was not reached
        error = refused([{"op": "relu"}, block, *after], (3, 4, 4))
        assert error.layer == "layers[1].layers[1] 'b.linear1'"
        assert error.help == "3x4x4 = 48 → Linear(48, 3)\nremove c_i, set it to 48, or fix the layer before"
    opaque: Layers = [{"op": "opaque"}, {"op": "flatten", "from": "input"}, {"op": "linear", "out": 2, "c_i": 12}]
    assert "-i 3x2x2 gives 12" in (refused(opaque, (3, 4, 4)).help or "")
    constant: Layers = [{"op": "constant", "shape": [7]}, {"op": "linear", "out": 3, "c_i": 5}]
    assert refused(constant, (3, 4, 4)).help == "remove c_i, set it to 7, or fix the layer before"


def test_inputs_that_fit_are_not_known_where_channels_are_open() -> None:
    network = cnncalc.load("flatten linear:2,c_i=1")
    for channels, said in ((Open("C"), None), (1, "-i 1x1x1 gives 1")):
        read = read_input(configure(network, (channels, Open("H"), Open("W")), None, None))
        assert trace.fitting_input(network, read, 1) == said


def test_inputs_are_not_tried_for_a_long_network(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "3x8x8 relu relu flatten linear:10,c_i=75"
    for most, found in ((3, True), (2, False)):
        monkeypatch.setattr(trace, "MOST_RETRACED", most)
        assert ("-i 3x5x5 gives 75" in (refused(words).help or "")) == found


BUDGETS = [
    # the budget, layers that use up 12 of it, layers that exceed it by one, and the error
    ("MOST_PRODUCTS", "3x8x8 attention:times=12", "attention", "13 layers multiply their inputs with each other"),
    ("MOST_PHASES_IN_ALL", "3x8x9 convT:3,k4,s3 conv:3,k3", "conv:3,k3", "have 18 phases, more than 12"),
    ("MOST_PHASES_IN_ALL", "3x8x9 convT:3,k4,s3,name=a", "add:from=a+a", "have 18 phases, more than 12"),
    ("MOST_OPEN", "3xHxW conv:3,k3,s2,times=3", "conv:3,k3", "have 16 letters and floors"),
]


@pytest.mark.parametrize(("budget", "words", "more", "said"), BUDGETS)
def test_a_trace_has_budgets(budget: str, words: str, more: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, budget, 12)
    cnncalc.shape(words)
    assert said in str(refused(f"{words} {more}"))
    cnncalc.shape("LxC attention:times=50")  # copies that read the same are traced once


def test_an_output_has_no_more_axes_than_an_array() -> None:
    assert cnncalc.shape("3x8x9 stack:times=29").out == (1,) * 29 + (3, 8, 9)
    assert "stack30': the output has 33 axes" in str(refused("3x8x9 stack:times=100000"))


def test_copies_after_a_start_that_an_open_size_decides_are_moved_each() -> None:
    """Three pads move the map by three units of two pixels, however they are written: the sum sees 3 + 6 pixels."""
    moved = [{"op": "pad", "p": [[1, -1], [1, -1]], "name": f"moved{n}"} for n in (1, 2, 3)]
    for pads, last in (([{**moved[0], "name": "moved", "times": 3}], "moved"), (moved, "moved3")):
        layers = [{"op": "conv", "c_o": 4, "k": 3, "s": 2, "p": "same", "name": "stem"}, *pads]
        spec = [*layers, {"op": "add", "from": ["stem", last]}]
        report = cnncalc.shape(spec, ("H", "W", 3), dialect="keras")
        assert [(field.size, field.start) for field in report.rf] == [(9, None)] * 2
        assert [field.size for field in cnncalc.shape(spec, (31, 46, 3), dialect="keras").rf] == [9, 9]


def test_copies_of_a_block_share_what_follows_from_an_input(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Shape] = []

    measured = Conv.measured

    def counted(own: Conv, x: Shape, env: Env) -> Measured:
        found.append(x)
        return measured(own, x, env)

    monkeypatch.setattr(Conv, "measured", counted)
    inner = [{"op": "conv", "name": "c", "c_o": 3, "k": 3, "p": 1}, {"op": "add", "from": ["input", "c"]}]
    report = cnncalc.shape([{"op": "block", "times": 50, "layers": inner}], (3, 8, 9))
    assert (len(report), report.params, len(found)) == (50, 50 * 84, 1)


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
    said = "the network is written for NHWC, so its axes may be in that order: leave out the other layout"
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
    ({"op": "linear", "out": 4}, None, None, 4, 0, None),
    ({"op": "linear", "out": 4, "c_i": 5}, None, 20, 4, 0, None),  # once for each row
    ({"op": "batchnorm"}, None, None, None, None, 0),
    ({"op": "relu"}, None, 0, 0, 0, 0),
    ({"op": "permute", "order": [3, 1, 2]}, None, 0, 0, 0, 0),
    ({"op": "maxpool", "k": 2}, None, 0, 0, 0, 0),
    ({"op": "add", "from": ["o", "o"]}, None, 0, 0, 0, 0),
    ({"op": "matmul", "from": ["o", "o"]}, None, 0, 0, 0, None),
    ({"op": "multihead", "heads": 2, "from": ["o", "o", "o"]}, None, None, None, None, None),
    ({"op": "lstm", "out": 3}, None, None, None, None, None),
    ({"op": "opaque"}, None, None, None, None, None),
    ({"op": "prelu", "shared_axes": [1]}, None, None, 0, 0, 0),
    ({"op": "layernorm", "axis": [2], "center": False}, None, None, 0, 0, 0),
    ({"op": "layernorm", "axis": [6], "center": False}, None, None, 0, 0, 0),
]


@pytest.mark.parametrize(("layer", "out", "weights", "bias", "buffers", "macs"), UNKNOWN)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_what_is_known_after_what_is_not(
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
    assert len(found.traced.fields.axes) == len(found.traced.out)
    given = {key for key in layer if key not in ("op", "from")}
    assert given <= {*found.values}


def test_tied_layers_have_the_same_arrays() -> None:
    conv = {"op": "conv", "c_o": 4, "k": 3}
    tied: Layers = [{**conv, "name": "a", "counted": {"bias": 0}}, {**conv, "tie": "a", "from": "input"}]
    assert cnncalc.shape(tied, (3, 8, 8)).params == 108
    counted = {"weights": 5, "bias": 0, "buffers": 2}
    own = cnncalc.shape([{**conv, "counted": counted}], (3, 8, 8)).layers[0]
    assert (own.weights, own.bias, own.buffers) == (5, 0, 2)
    assert cnncalc.shape([{"op": "batchnorm", "name": "a"}, {"op": "batchnorm", "tie": "a"}], (3, 8, 8)).params == 6
    other: Layers = [{**conv, "name": "a"}, {**conv, "k": 5, "tie": "a", "from": "input"}]
    assert refused(other, (3, 8, 8)).what == (
        "tie: a has weight 4x3x3x3, bias 4, and this layer needs weight 4x3x5x5, bias 4"
    )
    constant = {"op": "constant", "shape": [1, 8, 8]}
    constants: Layers = [{**constant, "name": "a"}, {**constant, "name": "b", "tie": "a"}]
    assert cnncalc.shape([*constants, {"op": "add", "from": ["a", "b", "input"]}], (3, 8, 8)).params == 64
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
    ("attention", (2, 7, 5), [(7, 0, 0), (5, 1, 0)]),  # the channels come first, as in every map
    ("linear:4 conv1d:3,k3", (7, 5), [(5, 1, 0)]),
    ("relu permute:2x1 conv1d:3,k3", (7, 5), [(3, 1, 0)]),
    (TURNED, (7, 9, 3), [(3, 1, 0), (5, 1, 0)]),
    ([{"op": "relu"}, {"op": "block", "layers": TURNED}], (7, 9, 3), [(3, 1, 0), (5, 1, 0)]),
    ("reshape:out=[63,3] permute:2x1 reshape:out=[3,7,9] conv:4,k3x5", (7, 9, 3), [(3, 1, 0), (5, 1, 0)]),
    # new or lost axes are not the input's; the usual ones are, if the others are among them
    ("reshape:out=[21,1,9] conv:4,k1x3", (3, 7, 9), [(7, 1, 0), (3, 1, 0)]),
    ("permute:3x2x1 reshape:out=[21,1,9] conv:4,k1x3", (9, 7, 3), [(3, 1, 0)]),
    ("reshape:out=[21,9] maxpool1d:3,s1,p1 reshape:out=[3,7,9] conv:4,k3x5", (3, 7, 9), [(7, 1, -1)]),
    (
        [
            {**TURNED[0], "name": "turned"},
            {"op": "constant", "shape": [2, 5, 6]},
            {"op": "conv", "c_o": 2, "k": 3},  # over no axis of the input
            {**TURNED[1], "from": "turned"},
        ],
        (7, 9, 3),
        [(3, 1, 0), (5, 1, 0)],
    ),
    (BATCHED, (4, 3, 7, 9), [(3, 1, 0), (5, 1, 0)]),
    (
        [*BATCHED, {"op": "tobatch"}, {"op": "reshape", "out": [10, 1, 5]}, {"op": "conv", "c_o": 2, "k": [1, 3]}],
        (4, 3, 7, 9),
        [(7, 1, 0), (7, 1, 0)],
    ),
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
    for batch, input in ((None, (3, 5, 7)), (2, (2, 3, 5, 7))):
        report = cnncalc.shape({"input": [3, 8, 8], "layers": [{"op": "relu"}]}, (3, 5, 7), batch=batch)
        assert report.layers[0].network.input == input


def test_what_is_needed_is_needed_once() -> None:
    words = "3xHxW maxpool:2 upsample:x2,name=u relu add:from=input+u add:from=input+u conv:4,k1,c_i=3"
    assert [len(layer.needs) for layer in cnncalc.shape(words).layers] == [2, 0, 0, 2, 0, 2]
    unknown: Layers = [{"op": "opaque", "out": [4, None, None]}, {"op": "conv", "c_o": 3, "k": 3}]
    assert not cnncalc.shape(unknown, (3, 8, 8)).layers[1].needs  # there is no letter for a condition


REFUSED = [
    ("CxHxW conv:4,k3,c_i=3,name=a conv:4,k3,c_i=5,from=input", "C = 5", "C = 3", "remove c_i"),
    # the sizes decide, whatever c_i is
    ("1xHxH conv:4,k1,p0,out=2x2,name=a conv:4,k3,c_i=1,from=input", "H-2 >= 1 (H >= 3)", "H = 2", None),
    ("3xHxH conv:4,k3,p0,out=5x5,name=a conv:4,k3,p0,c_i=3,out=3x3,from=input", "H-2 = 3 (H = 5)", "H = 7", None),
    ("3xHxH conv:4,k1,p0,out=2x2,name=a conv:4,k1,p0,c_i=3,out=4x4,from=input", "H = 4", "H = 2", None),
    ("3xHxH conv:4,k3,p0,out=5x5,name=a conv:4,k3,p0,out=3x3,from=input", "H-2 = 3 (H = 5)", "H = 7", None),
]


@pytest.mark.parametrize(("words", "needed", "before", "help"), REFUSED)
def test_layers_that_hold_for_no_letters_together(words: str, needed: str, before: str, help: str | None) -> None:
    error = refused(words)
    shape = words.partition(" ")[0]
    assert error.what == f"conv of {shape} needs {needed}, but the layers before it are possible only where {before}"
    assert error.help == help


@pytest.mark.parametrize(
    ("words", "letter", "holds"),
    [("CxHxW dwconv:k3,multiplier=2,c_o=8", "C", "C = 4"), ("5xN multihead:heads=2,c_i=8", "N", "N = 8")],
)
def test_channels_that_are_given_are_needed_of_open_ones(words: str, letter: str, holds: str) -> None:
    assert cnncalc.shape(words).holds.numbers[letter].text(letter) == holds


def test_weights_of_open_and_unknown_channels() -> None:
    conv, up = cnncalc.shape("CxHxW conv:4,k3x2 convT:5,k2").layers
    assert {role: show(shape) for role, shape in conv.weight_shapes().items()} == {"weight": "4xCx3x2", "bias": "4"}
    assert up.weight_shapes() == {"weight": (4, 5, 2, 2), "bias": (5,)}
    assert cnncalc.shape([{"op": "opaque"}, {"op": "conv", "c_o": 3}], (3, 8, 8))["conv1"].weight_shapes() == {}


def test_what_is_resolved_after_what_is_not_known() -> None:
    layers: Layers = [{"op": "opaque", "name": "o"}, {"op": "linear", "out": 4, "c_i": 5}, {"op": "maxpool", "k": 2}]
    for layer, more in (("linear1", {"out": 4, "c_i": 5, "bias": True}), ("maxpool1", {"k": (2, 2), "s": (2, 2)})):
        values = cnncalc.shape(layers, (3, 8, 8))[layer].values
        assert {key: values[key] for key in more} == more
        assert layer != "linear1" or values == more
    assert cnncalc.shape([{"op": "opaque"}, {"op": "leakyrelu"}], (3, 8, 8))["leakyrelu1"].values == {"alpha": 0.01}
    norm: dict[str, Any] = {"eps": 1e-3, "scale": True, "center": True}
    norms: list[tuple[str, dict[str, Any]]] = [
        ("batchnorm", {}),
        ("layernorm", {"axis": (-1,)}),
        ("groupnorm", {"g": 4}),
    ]
    for name, own in norms:
        given: dict[str, Any] = {"op": name, **({"g": 4} if name == "groupnorm" else {})}
        found = cnncalc.shape([{"op": "opaque"}, given], (3, 8, 8), dialect="keras")[f"{name}1"].values
        assert found == {**own, **norm}
    error = refused([{"op": "opaque"}, {"op": "layernorm", "axis": 7}], (3, 8, 8))
    assert (error.what, error.key) == ("axis 7 is not an axis of ?x?x?x?x?x?", "axis")


def test_only_a_linear_layer_has_that_arithmetic() -> None:
    assert "-i " not in (refused("3x8x8 conv:4,k3 conv:4,k3,c_i=6").help or "")
    assert "→" not in (refused("3x8x8 flatten batchnorm:c_i=5").help or "")
    assert refused("3x8x8 movebatch:7").help is None  # nor does it say where its only input comes from
    both = "3x8x8 maxpool:2 add:from=input+maxpool1"
    assert refused(both).help == "the input gives 3x8x8, maxpool1 gives 3x4x4"


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


@pytest.mark.parametrize("batch", [None, 3])
def test_a_block_after_folded_axes_has_the_macs_of_its_layers(batch: int | None) -> None:
    """5 frames: 4x6x6 values of 3x3x3 products, and 6 rows that the block itself folds, of 4x2 values of 6."""
    inner = [{"op": "conv", "c_o": 4, "k": 3}, {"op": "relu"}]
    rows = [{"op": "permute", "order": [2, 1, 3]}, {"op": "tobatch"}, {"op": "linear", "out": 2}]
    layers = [{"op": "tobatch"}, {"op": "block", "layers": inner}, {"op": "block", "layers": rows}]
    report = cnncalc.shape({"input": [5, 3, 8, 8], "layers": layers}, batch=batch)
    expected = [0, 5 * 4 * 6 * 6 * 27, 5 * 6 * 4 * 6 * 2]
    assert [layer.macs for layer in report.layers] == [macs * (batch or 1) for macs in expected]
    assert [layer.sample_macs for layer in report.layers] == expected
    assert report.macs == sum(expected) * (batch or 1)


def test_axes_of_an_unknown_size_are_folded_and_come_back() -> None:
    """Nothing is known about the opaque layer, except that its first two axes are in front again."""
    both: Layers = [{"op": "opaque"}, {"op": "tobatch", "axes": 2}, {"op": "conv", "c_o": 5, "k": 3}]
    assert cnncalc.shape([*both, {"op": "frombatch"}, {"op": "frombatch"}], (3, 6, 8)).out == (
        *(sizes.UNKNOWN, sizes.UNKNOWN),
        *(5, sizes.UNKNOWN, sizes.UNKNOWN),
    )
    assert refused([*both, {"op": "frombatch", "axes": 3}], (3, 6, 8)).what.endswith("2 axes are folded into the batch")
    error = refused([*both[:2], {"op": "frombatch", "axes": 2}, both[2], {"op": "frombatch"}], (3, 6, 8))
    assert error.what.endswith("no axes are folded into the batch")


def test_values_that_meet_have_the_batch_and_the_folded_axes_of_those_that_have_one() -> None:
    """A constant has neither, at any position among them."""
    layers: Layers = [
        {"op": "input", "name": "i", "shape": [4, 7]},
        {"op": "constant", "name": "c", "shape": [7]},
        {"op": "add", "name": "twice", "from": ["c", "c"]},
        {"op": "tobatch", "name": "t", "from": "i"},
        {"op": "add", "name": "a", "from": ["c", "t"]},
        {"op": "opaque", "name": "o", "from": ["c", "t"], "out": [7]},
        {"op": "frombatch", "name": "f", "from": "a"},
    ]
    report = cnncalc.shape(layers, (3,), batch=5)
    assert {layer.name: (layer.batch, layer.times) for layer in report.layers} == {
        "i": (5, 1),
        "c": (1, 1),
        "twice": (1, 1),
        "t": (5, 4),
        "a": (5, 4),
        "o": (5, 4),
        "f": (5, 1),
    }
    assert report.out == (5, 4, 7)
