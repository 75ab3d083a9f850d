"""The report: what it says about a network, and that it is itself a spec with the same report."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import cnncalc
from tests.program import here

Spec = dict[str, Any]

TINY: Spec = {
    "cnncalc": 1,
    "name": "tiny",
    "input": [1, 28, 28],
    "dialect": "plain",
    "layout": "NCHW",
    "layers": [
        {"op": "conv", "name": "c1", "c_o": 6, "k": 5, "p": 2},
        {"op": "avgpool", "k": 2},
        {"op": "flatten"},
        {"op": "linear", "out": 10},
    ],
}

TINY_REPORT = """
{"cnncalc": 1, "name": "tiny", "input": [1, 28, 28], "dialect": "plain", "layout": "NCHW", "layers": [
{"name": "c1", "op": "conv", "c_i": 1, "c_o": 6, "k": [5, 5], "s": [1, 1], "p": [[2, 2], [2, 2]], "d": [1, 1], "g": 1,
 "bias": true, "flip": false,
 "report": {"in": [[1, 28, 28]], "out": [6, 28, 28], "weights": 150, "bias": 6, "params": 156, "buffers": 0,
            "macs": 117600, "fc_weights": 3687936, "local_weights": 117600,
            "rf": {"size": [5, 5], "stride": [1, 1], "start": [-2, -2]}}},
{"name": "avgpool1", "op": "avgpool", "k": [2, 2], "s": [2, 2], "p": [[0, 0], [0, 0]], "d": [1, 1], "ceil": false,
 "count_include_pad": true,
 "report": {"in": [[6, 28, 28]], "out": [6, 14, 14], "weights": 0, "bias": 0, "params": 0, "buffers": 0, "macs": 0,
            "rf": {"size": [6, 6], "stride": [2, 2], "start": [-2, -2]}}},
{"name": "flatten1", "op": "flatten",
 "report": {"in": [[6, 14, 14]], "out": [1176], "weights": 0, "bias": 0, "params": 0, "buffers": 0, "macs": 0,
            "rf": {"size": [32, 32], "stride": [2, 2], "start": [-2, -2]}}},
{"name": "linear1", "op": "linear", "c_i": 1176, "out": 10, "bias": true,
 "report": {"in": [[1176]], "out": [10], "weights": 11760, "bias": 10, "params": 11770, "buffers": 0, "macs": 11760,
            "rf": {"size": [32, 32], "stride": [2, 2], "start": [-2, -2]}}}],
"report": {"out": [10], "params": 11926, "buffers": 0, "macs": 129360,
           "rf": {"size": [32, 32], "stride": [2, 2], "start": [-2, -2]}}}
"""


def test_the_report_of_a_tiny_network_key_by_key_and_in_order() -> None:
    assert json.dumps(cnncalc.shape(TINY).to_dict()) == json.dumps(json.loads(TINY_REPORT))


def test_that_report_is_a_spec_that_says_the_same() -> None:
    assert cnncalc.shape(json.loads(TINY_REPORT)).to_dict() == json.loads(TINY_REPORT)


def test_a_report_is_json_and_nothing_else() -> None:
    """No tuple is left in it, nor any value that JSON would change."""
    found = cnncalc.shape(TINY, batch=3).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_what_is_not_given_is_not_written() -> None:
    found = cnncalc.shape(TINY["layers"], input=(1, 28, 28)).to_dict()
    assert list(found) == ["cnncalc", "input", "dialect", "layout", "layers", "report"]


def test_expect_is_carried_along() -> None:
    spec = {"input": [1, 8, 8], "expect": {"params": 10}, "layers": [{"op": "relu", "expect": {"out": [1, 8, 8]}}]}
    found = cnncalc.shape(spec).to_dict()
    assert found["expect"] == {"params": 10}
    assert found["layers"][0]["expect"] == {"out": [1, 8, 8]}
    assert cnncalc.shape(found).to_dict() == found


# Random chains.


def layer(op: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """Return layers with some of these keys."""
    needed = {key: value for key, value in keys.items() if key in ("c_o", "out", "order", "factor")}
    optional = {key: value for key, value in keys.items() if key not in needed}
    return st.fixed_dictionaries({"op": st.just(op), **needed}, optional=optional)


def axes(least: int, most: int) -> st.SearchStrategy[Any]:
    """Return one number, or one per axis."""
    one = st.integers(least, most)
    return st.one_of(one, st.tuples(one, one).map(list))


side = st.tuples(st.integers(0, 2), st.integers(0, 2)).map(list)
numbers = st.one_of(axes(0, 2), st.tuples(side, side).map(list), side.map(lambda pair: [pair]))
words = st.sampled_from(["same", "valid", "full", "same_lower", "same_upper", "SAME"])
paddings = st.one_of(numbers, words)
window = {"s": axes(1, 3), "p": paddings, "d": axes(1, 2)}
kernel = axes(1, 4)
pooled = {"k": axes(2, 4), **window, "ceil": st.booleans()}


def with_k(strategy: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    """Return pooling layers, which always have a k."""
    return strategy.map(lambda spec: {"k": 2, **spec})


ONE_WORD = (
    "relu",
    "leakyrelu",
    "elu",
    "prelu",
    "softmax",
    "dropout",
    "batchnorm",
    "layernorm",
    "instancenorm",
    "scale",
)

spatial = st.one_of(
    layer("conv", c_o=st.integers(1, 6), k=kernel, **window, bias=st.booleans(), g=st.integers(1, 2)),
    layer("conv", c_o=st.integers(1, 6), k=kernel, s=axes(1, 3), p_total=axes(0, 4)),
    layer("dwconv", k=kernel, **window, multiplier=st.integers(1, 2)),
    layer("sepconv", c_o=st.integers(1, 6), k=kernel, **window),
    layer("convT", c_o=st.integers(1, 6), k=kernel, **window, out_pad=st.integers(0, 1)),
    with_k(layer("maxpool", **pooled)),
    with_k(layer("avgpool", **pooled, count_include_pad=st.booleans())),
    with_k(layer("lppool", **pooled, norm=st.sampled_from([1, 2, 1.5]))),
    layer("pad", mode=st.sampled_from(["constant", "reflect", "replicate"])).flatmap(
        lambda spec: numbers.map(lambda p: {**spec, "p": p})
    ),
    numbers.map(lambda p: {"op": "crop", "p": p}),
    layer("upsample", factor=st.sampled_from([2, 3, 1.5, [2, 1]]), mode=st.sampled_from(["nearest", "bilinear"])),
    layer("adaptiveavgpool", out=axes(1, 5)),
    st.sampled_from([{"op": op} for op in ONE_WORD]),
    st.just({"op": "groupnorm", "g": 1}),
    st.just({"op": "permute", "order": [1, 3, 2]}),
)
tails: st.SearchStrategy[list[Spec]] = st.sampled_from(
    [
        [],
        [{"op": "globalavgpool"}],
        [{"op": "flatten"}, {"op": "linear", "out": 7}],
        [{"op": "linear", "out": 5, "bias": False}],
        [{"op": "globalmaxpool"}, {"op": "flatten"}, {"op": "linear", "out": 7}, {"op": "softmax"}],
    ]
)


@st.composite
def specs(draw: st.DrawFn, sizes: st.SearchStrategy[Any]) -> Spec:
    """Return a spec of a few layers: named or not, repeated or not, wired or not, in any dialect and layout."""
    layers = [dict(one) for one in draw(st.lists(spatial, min_size=1, max_size=4))]
    for index, one in enumerate(layers):
        if draw(st.booleans()):
            one["name"] = draw(st.sampled_from(["conv1", "maxpool2", "stem", "relu1", "ü"])) + "'" * index
        if draw(st.integers(0, 4)) == 0:
            one["times"] = 2
    if "name" in layers[0] and draw(st.booleans()):
        layers.append({"op": "relu", "from": layers[0]["name"]})
    layers += draw(tails)
    spec: Spec = {"layers": layers, "dialect": draw(st.sampled_from(["plain", "torch", "keras"]))}
    if draw(st.booleans()):
        spec["layout"] = draw(st.sampled_from(["NCHW", "NHWC"]))
    last = spec.get("layout", "NHWC" if spec["dialect"] == "keras" else "NCHW") == "NHWC"
    c, height, width = draw(st.integers(1, 4)), draw(sizes), draw(sizes)
    sample = [height, width, c] if last else [c, height, width]
    batch = draw(st.sampled_from([None, 5]))
    spec["input"] = [height, width] if c == 1 else sample if batch is None else [batch, *sample]
    return spec


def reported(spec: Spec) -> Spec:
    """Return the report of a valid spec."""
    try:
        report = cnncalc.shape(spec)
    except cnncalc.ShapeError:
        assume(False)
    return report.to_dict()


numbered = specs(st.integers(7, 24))
lettered = specs(st.one_of(st.sampled_from(["H", "W", "a"]), st.integers(7, 24)))
often_impossible = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@given(st.one_of(numbered, lettered))
@example({"input": [3, 5, 5], "layers": [{"op": "maxpool", "k": 2, "p": "valid", "ceil": True}]})
@example({"input": [3, 5, 5], "layers": [{"op": "maxpool", "k": 3, "s": 2, "p": "full", "ceil": True}]})
@example({"input": [3, "H", "W"], "layers": [{"op": "avgpool", "k": 3, "s": 2, "p": "same"}, {"op": "flatten"}]})
@example({"input": [7, 9, 2], "dialect": "keras", "layers": [{"op": "convT", "c_o": 2, "k": 2, "s": 3, "p": "valid"}]})
@often_impossible
def test_a_report_read_back_yields_the_same_report(spec: Spec) -> None:
    found = reported(spec)
    again = cnncalc.shape(json.loads(json.dumps(found))).to_dict()
    assert again == found
    assert json.dumps(again) == json.dumps(found)


@given(st.one_of(numbered, lettered))
@often_impossible
def test_totals_are_the_sums(spec: Spec) -> None:
    found = reported(spec)
    parts = [one["report"] for one in found["layers"]]
    for key in ("params", "buffers", "macs"):
        assert at(found["report"][key]) == added([part[key] for part in parts])
    for part in parts:
        assert at(part["params"]) == added([part["weights"], part["bias"]])
    assert found["report"]["out"] == parts[-1]["out"]
    assert found["report"]["rf"] == parts[-1]["rf"]


@given(st.one_of(numbered, lettered))
@often_impossible
def test_every_layer_gets_what_the_one_it_reads_gives(spec: Spec) -> None:
    layers = reported(spec)["layers"]
    outs = {one["name"]: one["report"]["out"] for one in layers}
    for above, one in pairwise(layers):
        assert one["report"]["in"] == [outs[one.get("from", above["name"])]]
    assert len(outs) == len(layers)


@given(st.one_of(numbered, lettered))
def test_a_network_is_written_as_it_is_read(spec: Spec) -> None:
    network = cnncalc.load(spec)
    written = json.loads(json.dumps(network.to_dict()))
    assert cnncalc.load(written) == network
    assert cnncalc.load(written).to_dict() == network.to_dict()


@given(lettered)
@often_impossible
def test_a_number_for_the_letter_gives_what_the_letter_said(spec: Spec) -> None:
    """A report for open sizes is what the reports for all numbers have in common: it holds for each of them."""
    letters = {one for one in spec["input"] if isinstance(one, str)}
    assume(letters)
    found = reported(spec)
    assume(len(found["input"]) == len(spec["input"]))  # an open batch is left out, a numeric one stays
    values = {letter: 23 + 4 * i for i, letter in enumerate(sorted(letters))}
    number = reported({**spec, "input": [values.get(one, one) for one in spec["input"]]})
    for open_layer, one in zip(found["layers"], number["layers"], strict=True):
        units = zip(open_layer["report"]["out"] or [], one["report"]["out"], strict=False)
        assume(not any(isinstance(n, str) and m == 1 for n, m in units))  # a single unit has no stride
        for key in ("out", "weights", "bias", "buffers", "macs"):
            assert fits(open_layer["report"][key], one["report"][key], values), (key, open_layer, one)
        for key in ("size", "stride", "start"):
            if open_layer["report"]["rf"] is not None and one["report"]["rf"] is not None:
                assert fits(open_layer["report"]["rf"][key], one["report"]["rf"][key], values), (key, open_layer, one)


def at(count: int | str | None) -> int | None:
    """Return a count with numbers in place of its letters."""
    return eval(count, {"__builtins__": {}}, {"H": 23, "W": 29, "a": 31}) if isinstance(count, str) else count


def added(counts: list[int | str | None]) -> int | None:
    """Return the sum of counts; None if one is unknown."""
    numbers = list(map(at, counts))
    return None if None in numbers else sum(number or 0 for number in numbers)


def fits(said: Any, is_: Any, values: dict[str, int]) -> bool:
    """Return whether a number matches what was reported; null reports nothing."""
    if isinstance(said, list):
        return all(fits(a, b, values) for a, b in zip(said, is_, strict=True))
    if isinstance(said, str):
        return bool(eval(said, {"__builtins__": {}}, values) == is_)
    return said is None or bool(said == is_)


@pytest.mark.parametrize(
    ("words", "input"),
    [("linear:10", (100,)), ("relu linear:10", (100,)), ("flatten linear:7", (3, 5, 7)), ("batchnorm", (5,))],
)
def test_a_batch_of_features_reads_back(words: str, input: tuple[int, ...]) -> None:
    found = cnncalc.shape(words, input=input, batch=8).to_dict()
    assert cnncalc.shape(found).to_dict() == found


# Open sizes.


def test_open_sizes_and_counts_that_depend_on_them_are_expressions() -> None:
    found = cnncalc.shape("3xHxW conv:8,k3,s2,p1 maxpool:2 flatten linear:10").to_dict()
    conv, pool, flatten, linear = (one["report"] for one in found["layers"])
    assert found["input"] == [3, "H", "W"]
    assert conv["out"] == [8, "(H+1)//2", "(W+1)//2"]
    macs = "((H+1)//2)*((W+1)//2)*216"
    assert (conv["params"], conv["macs"], conv["local_weights"]) == (224, macs, macs)
    assert conv["fc_weights"] == "(((H+1)//2)*H)*(((W+1)//2)*W)*24"
    assert pool["out"] == [8, "(H+1)//4", "(W+1)//4"]
    assert (pool["params"], pool["macs"]) == (0, 0)
    assert flatten["out"] == ["((H+1)//4)*((W+1)//4)*8"]
    weights = "((H+1)//4)*((W+1)//4)*80"
    assert (linear["weights"], linear["bias"], linear["macs"]) == (weights, 10, weights)
    assert linear["params"] == f"{weights}+10"
    assert linear["out"] == [10]
    assert found["report"]["params"] == f"{weights}+234"
    assert found["report"]["macs"] == f"{macs}+{weights}"


def test_open_channels_decide_the_parameters() -> None:
    (layer,) = cnncalc.shape("Cx8x8 conv:4,k3").to_dict()["layers"]
    assert layer["c_i"] is None
    assert (layer["report"]["weights"], layer["report"]["bias"], layer["report"]["params"]) == ("C*36", 4, "C*36+4")
    (norm,) = cnncalc.shape("Cx8x8 batchnorm").to_dict()["layers"]
    assert (norm["report"]["params"], norm["report"]["buffers"]) == ("C*2", "C*2")


def test_one_open_axis_is_enough() -> None:
    (layer,) = cnncalc.shape("3xHx8 conv:4,k3").to_dict()["layers"]
    assert layer["report"]["out"] == [4, "H-2", 6]
    assert layer["report"]["macs"] == "H*648-1296"
    assert layer["report"]["rf"] == {"size": [3, 3], "stride": [1, 1], "start": [0, 0]}


def test_a_word_stays_a_word_where_an_open_size_decides_the_padding() -> None:
    (layer,) = cnncalc.shape("3xHxW conv:4,k3,s2,same").to_dict()["layers"]
    assert layer["p"] == "same"
    assert layer["report"]["out"] == [4, "(H+1)//2", "(W+1)//2"]
    assert layer["report"]["rf"]["start"] == [None, None]


def test_a_global_pool_makes_open_sizes_known_again() -> None:
    report = cnncalc.shape("3xHxW conv:8,k3 globalavgpool flatten linear:10")
    assert report.params == 224 + 90
    assert str(report.macs) == "(H-2)*(W-2)*216+80"
    assert report.out == (10,)


# Names and wiring.


def names(layers: list[Spec]) -> list[str]:
    return [node.name for node in cnncalc.load(layers).nodes]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"op": "relu"}, {"op": "relu"}, {"op": "tanh"}], ["relu1", "relu2", "tanh1"]),
        ([{"op": "ReLU"}, {"op": "Conv2d", "c_o": 1}], ["relu1", "conv1"]),
        ([{"op": "relu"}, {"op": "relu", "name": "relu1"}], ["relu2", "relu1"]),
        ([{"op": "relu", "name": "relu2"}, {"op": "relu"}, {"op": "relu"}], ["relu2", "relu1", "relu3"]),
        ([{"op": "relu", "times": 3}], ["relu1", "relu2", "relu3"]),
        ([{"op": "relu", "name": "act", "times": 2}, {"op": "relu"}], ["act1", "act2", "relu1"]),
        ([{"op": "relu", "name": "act", "times": 2}, {"op": "tanh", "name": "act1"}], ["act2", "act3", "act1"]),
    ],
)
def test_layers_without_a_name_are_called_by_their_op_and_its_number(layers: list[Spec], expected: list[str]) -> None:
    assert names(layers) == expected


def test_a_repeated_layer_reads_the_one_before_it() -> None:
    report = cnncalc.shape("1x9x9 conv:2,k3,times=3 relu")
    assert [layer.out for layer in report.layers] == [(2, 7, 7), (2, 5, 5), (2, 3, 3), (2, 3, 3)]
    assert report.params == 20 + 2 * 38


def test_a_layer_reads_the_one_it_names() -> None:
    report = cnncalc.shape("1x9x9 conv:2,k3,name=stem conv:3,k3 maxpool:3,from=stem conv:5,from=input")
    assert [layer.out for layer in report.layers] == [(2, 7, 7), (3, 5, 5), (2, 2, 2), (5, 9, 9)]
    assert [layer.get("from") for layer in report.to_dict()["layers"]] == [None, None, "stem", "input"]


def test_the_name_of_a_repeated_layer_is_its_last() -> None:
    report = cnncalc.shape("1x9x9 conv:2,k3,name=body,times=2 relu:from=input maxpool:5,from=body")
    assert report.out == (2, 1, 1)
    assert report.to_dict()["layers"][-1]["from"] == "body2"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [{"op": "relu", "name": "a"}, {"op": "tanh", "name": "a"}],
            "layers[1] 'a': 'a' is the name of a layer above\n  give each layer a name of its own",
        ),
        (
            [{"op": "relu", "name": "input"}],
            "layers[0] 'input': 'input' is the network's input\n  give each layer a name of its own",
        ),
        (
            [{"op": "relu", "from": "later"}, {"op": "tanh", "name": "later"}],
            "layers[0]: from: the layers read each other: relu1 -> later -> relu1\n"
            "  'later' has no from, so it reads 'relu1' above it: give it a from",
        ),
        (
            [{"op": "relu", "name": "stem"}, {"op": "tanh", "from": "stam"}],
            "layers[1]: from: 'stam' is not a layer\n  did you mean 'stem'?",
        ),
        (
            [{"op": "relu", "name": "a"}, {"op": "tanh", "name": "b"}, {"op": "relu", "from": ["a", "b"]}],
            "layers[2]: from names 2 layers, but relu reads one\n  join them first, with add, mul or concat",
        ),
    ],
)
def test_names_that_cannot_be(layers: list[Spec], message: str) -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        cnncalc.load(layers)
    assert str(caught.value) == message


def test_an_open_input_has_the_networks_rank() -> None:
    layers: list[dict[str, Any]] = [{"op": "batchnorm", "c_i": 3}, {"op": "conv1d", "c_o": 8, "k": 3}]
    assert cnncalc.shape(layers).to_dict()["report"]["out"] == [8, "L-2"]
    assert cnncalc.shape([{"op": "batchnorm", "c_i": 3}, {"op": "linear", "out": 2}]).out == (2,)


COUNTED: dict[str, Any] = {
    "input": [3, 7, 9],
    "unused": {"params": 500, "buffers": 12, "where": ["aux", "head"]},
    "layers": [
        {"name": "blur", "op": "conv", "c_o": 4, "k": 3, "counted": {"weights": 0, "buffers": 108}},
        {"name": "again", "op": "conv", "c_o": 4, "k": 3, "tie": "blur", "from": "input"},
        {"op": "add", "from": ["blur", "again"]},
    ],
}


def test_arrays_count_as_the_spec_says_and_what_is_unused_stays_out() -> None:
    report = cnncalc.shape(COUNTED)
    assert (report.params, report.buffers, report.macs) == (4, 108, 2 * 108 * 35)
    assert report["blur"].explain()[0] == (
        "its arrays are shared, computed or not trained: counted as 0 weights, 108 buffers"
    )
    document = report.to_dict()
    assert document["unused"] == COUNTED["unused"]
    assert document["layers"][0]["counted"] == COUNTED["layers"][0]["counted"]
    assert cnncalc.shape(document).to_dict() == document


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"counted": {"params": 3}}, "is not a count of arrays\n  give an object with the keys weights, bias, buffers"),
        ({"counted": {"bias": -1}}, "bias: -1 is not a number of values"),
    ],
)
def test_what_does_not_count_arrays_is_an_error(more: dict[str, Any], error: str) -> None:
    with pytest.raises(cnncalc.SpecError) as raised:
        cnncalc.load([{"op": "relu", **more}])
    assert error in str(raised.value)


def test_the_command_says_what_is_unused(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(COUNTED))
    assert here(["shape", str(path)]).err == (
        "note: this has 500 parameters and 12 buffers in aux, head that its output does not use; they are not counted\n"
    )
