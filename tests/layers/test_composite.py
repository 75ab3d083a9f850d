"""Nested models and opaque layers: every number that depends on unknown ones is shown as unknown."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cnncalc
from cnncalc.sizes import to_json
from tests.program import here

INNER = [
    {"op": "conv", "name": "a", "c_o": 4, "k": 3, "p": 1},
    {"op": "batchnorm"},
    {"op": "relu"},
    {"op": "conv", "c_o": 4, "k": 3, "p": 1, "tie": "a"},
]
BLOCK = {"op": "block", "name": "body", "layers": INNER}
CHAIN = [{"op": "conv", "c_o": 4, "k": 2, "name": "stem"}, BLOCK, {"op": "maxpool", "k": 2}]


def test_a_block_is_one_layer_with_the_figures_of_its_own() -> None:
    nested = cnncalc.shape(CHAIN, (3, 9, 11))
    flat = cnncalc.shape(cnncalc.load(CHAIN).inlined(), (3, 9, 11))
    assert [layer.name for layer in nested.layers] == ["stem", "body", "maxpool1"]
    assert [layer.name for layer in flat.layers][1:5] == ["body.a", "body.batchnorm1", "body.relu1", "body.conv1"]
    body = nested.layers[1]
    assert (body.weights, body.bias, body.buffers, body.macs) == (144 + 4, 4 + 4, 8, 2 * 144 * 80)
    assert (nested.out, nested.params, nested.buffers, nested.macs, nested.rf) == (
        flat.out,
        flat.params,
        flat.buffers,
        flat.macs,
        flat.rf,
    )


def test_a_block_that_is_shared_is_counted_once() -> None:
    report = cnncalc.shape([BLOCK, {**BLOCK, "name": "again", "tie": "body"}], (4, 9, 11))
    once = cnncalc.shape([BLOCK], (4, 9, 11))
    assert (report.params, report.buffers) == (once.params, once.buffers)
    assert report.macs == 2 * (once.macs or 0)
    flat = cnncalc.shape(cnncalc.load([BLOCK, {**BLOCK, "name": "again", "tie": "body"}]).inlined(), (4, 9, 11))
    assert flat.params == once.params


def test_a_report_of_a_block_reads_back() -> None:
    report = cnncalc.shape(CHAIN, (3, 9, 11)).to_dict()
    assert report["layers"][1]["layers"][0]["report"]["out"] == [4, 8, 10]
    assert cnncalc.shape(report).to_dict() == report
    spec = cnncalc.load(CHAIN)
    assert cnncalc.load(spec.to_dict()) == spec


def test_a_block_from_the_shell() -> None:
    done = here(["shape", "-", "-i", "3x9x11", "--columns", "layer,op,out,params"], json.dumps(CHAIN))
    assert done.code == 0
    assert ["body", "block", "4x8x10", "156"] in [line.split() for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "layers[0]: layers: [] is not a list of layers"),
        ([{"op": "convv"}], "unknown op 'convv'"),
        ([{"op": "relu", "from": "stem"}], "from: 'stem' is not a layer"),
        ([{"op": "conv", "c_o": 4, "k": 30}], "does not fit"),
    ],
)
def test_an_error_in_a_block_says_where(layers: list[object], message: str) -> None:
    text = json.dumps([{"op": "block", "layers": layers}], indent=1)
    done = here(["shape", "-", "-i", "3x9x11"], text)
    assert done.code == 2
    assert message in done.err


def test_an_opaque_layer_has_its_output_and_nothing_else() -> None:
    chain = [
        {"op": "conv", "c_o": 4, "k": 3},
        {"op": "opaque", "type": "Attention", "out": [8, 5, 5]},
        {"op": "conv", "c_o": 2, "k": 2},
    ]
    report = cnncalc.shape(chain, (3, 9, 9))
    opaque, last = report.layers[1:]
    assert (opaque.out, opaque.params, opaque.buffers, opaque.macs) == ((8, 5, 5), None, None, None)
    assert (last.out, last.params, last.macs) == ((2, 4, 4), 66, 64 * 16)
    assert (report.params, report.macs) == (None, None)
    assert report.rf[0].size is None
    done = here(["shape", "-", "-i", "3x9x9"], json.dumps(chain))
    assert done.code == 0
    assert "unknown parameters" in done.out
    figures = cnncalc.shape(chain, (3, 9, 9)).to_dict()["layers"][1]["report"]
    assert figures["params"] is None
    assert figures["rf"]["size"] == [None, None]


def test_an_opaque_layer_may_know_its_figures() -> None:
    layer = {"op": "opaque", "type": "Input", "out": [3, 7, 5], "params": 0, "buffers": 0, "macs": 0}
    report = cnncalc.shape([layer, {"op": "conv", "c_o": 2}], (3, 4, 4))
    assert (report.out, report.params, report.macs) == ((2, 7, 5), 8, 6 * 35)


def test_after_an_opaque_layer_without_an_output_all_is_unknown() -> None:
    chain = [
        {"op": "opaque", "type": "Mystery"},
        {"op": "relu"},
        {"op": "conv", "c_o": 4, "k": 3, "name": "c"},
        {"op": "add", "from": ["c", "c"]},
        {"op": "opaque", "type": "Head", "out": [7], "params": 0, "buffers": 0, "macs": 0},
        {"op": "linear", "out": 5},
    ]
    report = cnncalc.shape(chain, (3, 9, 9))
    shapes = [to_json(layer.out) for layer in report.layers]
    assert shapes == [None, None, [4, None, None], [4, None, None], [7], [5]]  # a conv's keys determine its channels
    assert [layer.params for layer in report.layers] == [None, 0, None, 0, 0, 40]
    assert (report.params, report.macs) == (None, None)
    found = report.to_dict()
    assert found["layers"][1]["report"]["out"] is None
    assert cnncalc.shape(found).to_dict() == found
    for format in ("table", "csv", "markdown", "json"):
        done = here(["shape", "-", "-i", "3x9x9", "--format", format], json.dumps(chain))
        assert done.code == 0, done.err


def test_an_opaque_layer_is_not_executed() -> None:
    with pytest.raises(cnncalc.SpecError, match="opaque cannot be run"):
        cnncalc.run([{"op": "opaque", "out": [3, 4, 4]}], np.ones((3, 4, 4)))


def test_an_opaque_layers_open_output_is_written_as_it_is_read() -> None:
    layers = [{"op": "opaque", "name": "o", "out": [None, "H", 8]}, {"op": "conv", "c_o": 2}]
    network = cnncalc.load(layers)
    again = cnncalc.load(json.loads(json.dumps(network.to_dict())))
    assert again == network
    report = cnncalc.shape(network, (3, 9, 9)).to_dict()
    assert report["layers"][0]["out"] == [None, "H", 8]
    assert cnncalc.shape(report).to_dict() == report


def test_an_identity_says_how_many_axes_arrive() -> None:
    """Two sizes are one channel's space unless a layer decides; here they are a sequence of 9 with 4 features."""
    layers = [{"op": "identity", "axes": 1}, {"op": "linear", "out": 5}]
    assert cnncalc.shape({"layers": layers, "layout": "NHWC"}, (9, 4)).out == (9, 5)
    assert cnncalc.shape({"layers": layers, "layout": "NHWC"}, (7, 9, 4)).out == (7, 9, 5)
    with pytest.raises(cnncalc.ShapeError, match="axes is 2, but 9 has 0 axes besides the channels"):
        cnncalc.shape([{"op": "flatten"}, {"op": "identity", "axes": 2}], (9,))


@pytest.mark.parametrize(
    "after", ["flatten", "linear:4", "pad:1", "crop:1", "conv:4,k3", 'block:layers=[{"op":"relu"}]']
)
@pytest.mark.parametrize("how", ["--explain", "--dialect=all", "--dtype=int8", "--json"])
def test_what_is_not_known_can_be_asked_in_every_way(after: str, how: str) -> None:
    done = here(["shape", "3x8x8", "opaque:type=Foo", after, how])
    assert done.code == 0, done.err
    for target in ("torch", "keras", "onnx"):
        refused = here(["convert", "3x8x8", "opaque:type=Foo", after, "--to", target])
        assert refused.code == 2
        assert "opaque" in refused.err or "Foo" in refused.err


def test_slices_of_an_open_axis() -> None:
    def out(**keys: int) -> object:
        return cnncalc.shape([{"op": "slice", "axis": 2, **keys}], "4xHx6").to_dict()["report"]["out"]

    assert out(start=2) == [4, "H-2", 6]
    assert out(stop=-1, step=2) == [4, "H//2", 6]
    assert out(start=-3) == [4, "min(H, 3)", 6]
    assert out(stop=5, step=2) == [4, "(min(H, 5)+1)//2", 6]
    assert out(start=-3, stop=2) == [4, "min(-H+min(H, 2), min(H, 2)-3)+3", 6]
    assert out(start=4, step=-1) == [4, "min(H, 5)", 6]
    assert out(stop=-3, step=-1) == [4, "min(H, 2)", 6]
    with pytest.raises(cnncalc.ShapeError, match="nothing is left of H: 0 to 0, 0 not included"):
        out(stop=0)


def test_a_variance_below_0_is_refused_and_0_is_not() -> None:
    x = np.ones((1, 2, 2))
    with pytest.raises(cnncalc.ShapeError, match="variance is -1: a variance must be at least 0"):
        cnncalc.shape([{"op": "normalization", "mean": 0, "variance": -1}], (1, 2, 2))
    assert cnncalc.run([{"op": "normalization", "mean": 0, "variance": 0}], x).max() == 1e7
