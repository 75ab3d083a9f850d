"""The meaning of an input's sizes: one rule, however a network and its input are given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.frameworks import writer
from cnncalc.frameworks.inputs import input_keys, layers_of
from cnncalc.input import configure, read_input
from cnncalc.readings import Reading, readings
from cnncalc.sizes import Shape

SIZES = (2, 3, 5, 7, 11)
BATCH, SAMPLE, SPACE = Reading.BATCH, Reading.SAMPLE, Reading.SPACE
BLOCK = '{{"op":"block","layers":[{}]}}'
FIRST: dict[str, tuple[list[dict[str, Any]], list[Reading | None]]] = {
    "linear": ([{"op": "linear", "out": 4}], [SAMPLE, BATCH, SAMPLE, BATCH, None]),
    "relu, linear": ([{"op": "relu"}, {"op": "linear", "out": 4}], [SAMPLE, BATCH, SAMPLE, BATCH, None]),
    "block of linear": (
        [{"op": "block", "layers": [{"op": "relu"}, {"op": "linear", "out": 4}]}, {"op": "relu"}],
        [SAMPLE, BATCH, SAMPLE, BATCH, None],
    ),
    "flatten, linear": ([{"op": "flatten"}, {"op": "linear", "out": 4}], [SAMPLE, SPACE, SAMPLE, BATCH, None]),
    "block of flatten, conv1d below": (
        [{"op": "block", "layers": [{"op": "flatten"}, {"op": "reshape", "out": [1, -1]}]}, {"op": "conv1d", "c_o": 4}],
        [SAMPLE, SPACE, SAMPLE, BATCH, None],
    ),
    "batchnorm": ([{"op": "batchnorm"}], [SAMPLE, SPACE, SAMPLE, BATCH, None]),
    "batchnorm, linear": ([{"op": "batchnorm"}, {"op": "linear", "out": 4}], [SAMPLE, BATCH, SAMPLE, BATCH, None]),
    "conv1d": ([{"op": "conv1d", "c_o": 4}], [SPACE, SAMPLE, BATCH, None, None]),
    "linear, conv1d": ([{"op": "linear", "out": 4}, {"op": "conv1d", "c_o": 4}], [SPACE, SAMPLE, BATCH, None, None]),
    "conv": ([{"op": "relu"}, {"op": "conv", "c_o": 4}], [None, SPACE, SAMPLE, BATCH, None]),
    "block of conv": (
        [{"op": "block", "layers": [{"op": "conv", "c_o": 4}]}, {"op": "flatten"}],
        [None, SPACE, SAMPLE, BATCH, None],
    ),
    "pad of two axes": ([{"op": "pad", "p": [1, 2]}], [None, SPACE, SAMPLE, BATCH, None]),
    "conv3d": ([{"op": "conv3d", "c_o": 4}, {"op": "flatten"}], [None, None, SPACE, SAMPLE, BATCH]),
    "no axes": ([{"op": "identity", "axes": 0}], [SAMPLE, BATCH, None, None, None]),
    "tobatch, conv": (
        [{"op": "tobatch"}, {"op": "conv", "c_o": 4}, {"op": "frombatch"}],
        [None, None, None, SAMPLE, BATCH],
    ),
    "tobatch of two, conv1d": (
        [{"op": "relu"}, {"op": "tobatch", "axes": 2}, {"op": "conv1d", "c_o": 4}, {"op": "frombatch", "axes": 2}],
        [None, None, None, SAMPLE, BATCH],
    ),
    "one axis": ([{"op": "identity", "axes": 1}, {"op": "linear", "out": 4}], [SPACE, SAMPLE, BATCH, None, None]),
}
"""First layers, and the reading of one to five sizes for each."""
CASES = [
    pytest.param(layers, SIZES[:n], reading, id=f"{name}-{n}")
    for name, (layers, row) in FIRST.items()
    for n, reading in enumerate(row, 1)
]
READ = [case for case in CASES if case.values[2] is not None]


def expected(sizes: Shape, reading: Reading, last: bool = False) -> tuple[int | None, Shape]:
    """Return the batch and the sample that sizes mean under a reading."""
    if reading is BATCH:
        return int(str(sizes[0])), sizes[1:]
    if reading is SAMPLE:
        return None, sizes
    return None, (*sizes, 1) if last else (1, *sizes)


@pytest.mark.parametrize(("layers", "sizes", "reading"), CASES)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_spec_and_a_shape_are_read_by_the_rule(
    layers: list[dict[str, Any]], sizes: tuple[int, ...], reading: Reading | None, layout: str
) -> None:
    no_spatial = "conv" not in str(layers) and "pad" not in str(layers) and "axes" not in str(layers)
    features = reading is BATCH and len(sizes) == 2
    own = SAMPLE if no_spatial and not features else reading
    specs: list[tuple[Any, Any, Reading | None]] = [
        (layers, sizes, reading),
        ({"input": list(sizes), "layers": layers}, None, own),
    ]
    for spec, input, wanted in specs:
        if wanted is None:
            with pytest.raises(cnncalc.ShapeError, match=r"^the input [0-9x]+ has \d sizes?; "):
                cnncalc.shape(spec, input, layout=layout)
            continue
        report = cnncalc.shape(spec, input, layout=layout)
        assert (report.batch, report.sample) == expected(sizes, wanted, layout == "NHWC")
        assert report.network.input == sizes
        assert report.out == (sizes[:1] if wanted is BATCH else ()) + report.layers[-1].traced.out


@pytest.mark.parametrize(("layers", "sizes", "reading"), READ)
def test_an_array_is_read_as_its_shape_is(
    layers: list[dict[str, Any]], sizes: tuple[int, ...], reading: Reading
) -> None:
    x = np.random.default_rng(0).standard_normal(sizes).astype(np.float32)
    report = cnncalc.shape(layers, sizes)
    out = cnncalc.run(layers, x, seed=0)
    batch, sample = expected(sizes, reading)
    if reading is SPACE:  # an axis added for the only channel is removed again if it is still there
        assert out.size == np.prod([n for n in report.out if isinstance(n, int)])
        assert out.shape in (report.out, report.out[1:])
    else:
        assert out.shape == report.out
    full = [1 if batch is None else batch, *[n for n in sample if isinstance(n, int)]]
    whole = cnncalc.run([{"op": "identity", "axes": len(sample) - 1}, *layers], x.reshape(full), seed=0)
    assert np.array_equal(whole.reshape(-1), out.reshape(-1))


def through_keras(layers: list[dict[str, Any]], sizes: Shape) -> cnncalc.Report:
    network = configure(cnncalc.load(layers), sizes, "keras", "NHWC")
    return cnncalc.shape(json.loads(writer("keras")(network)))


def through_onnx(layers: list[dict[str, Any]], sizes: Shape) -> cnncalc.Report:
    from cnncalc.sources import read_bytes

    data = writer("onnx")(configure(cnncalc.load(layers), sizes, "onnx", None))
    assert isinstance(data, bytes)
    return cnncalc.shape(read_bytes(data, "net.onnx"))


def through_a_spec(layers: list[dict[str, Any]], sizes: Shape) -> cnncalc.Report:
    return cnncalc.shape(json.loads(json.dumps(cnncalc.shape(layers, sizes).to_dict())))


@pytest.mark.parametrize("through", [through_keras, through_onnx, through_a_spec])
@pytest.mark.parametrize(("layers", "sizes", "reading"), READ)
def test_a_network_that_is_written_reads_its_input_the_same(
    layers: list[dict[str, Any]],
    sizes: tuple[int, ...],
    reading: Reading,
    through: Callable[[list[dict[str, Any]], Shape], cnncalc.Report],
) -> None:
    if through is through_onnx and "axes" in layers[0] and reading is BATCH:
        return  # ONNX cannot name the axes: a leading number is read by the rule again
    if through is through_keras and any(layer["op"] == "tobatch" for layer in layers):
        return  # Keras's writer cannot express it
    last = through is through_keras
    before = cnncalc.shape(layers, sizes, layout="NHWC" if last else "NCHW")
    report = through(layers, sizes)
    assert (report.batch, report.sample) == expected(sizes, reading, last)
    assert report.layers[-1].traced.out == before.layers[-1].traced.out


@pytest.mark.parametrize(("layers", "sizes", "reading"), READ)
@pytest.mark.parametrize("wanted", list(Reading))
def test_a_reader_keeps_what_its_framework_reads(
    layers: list[dict[str, Any]], sizes: tuple[int, ...], reading: Reading, wanted: Reading
) -> None:
    """The spec says how many axes a sample has if, and only if, its layers imply another number."""
    if len(sizes) == 1 and wanted is BATCH:
        return
    keys = input_keys(layers, len(sizes), wanted)
    assert bool(keys) == (readings(layers_of(layers), own=True).get(len(sizes)) is not wanted)
    read = read_input(configure(cnncalc.load({"input": list(sizes), "layers": layers, **keys}), None, None, None))
    assert (read.batch, read.sample) == expected(sizes, wanted)


@pytest.mark.parametrize(("layers", "sizes", "reading"), READ)
def test_a_batch_is_put_in_front(layers: list[dict[str, Any]], sizes: tuple[int, ...], reading: Reading) -> None:
    _, sample = expected(sizes, reading)
    if reading is BATCH:
        with pytest.raises(cnncalc.SpecError, match="has a batch of 2 already"):
            cnncalc.shape(layers, sizes, batch=6)
    else:
        report = cnncalc.shape(layers, sizes, batch=6)
        assert (report.batch, report.sample, report.network.input) == (6, sample, (6, *sample))
        again = cnncalc.shape(report.to_dict())
        assert (again.batch, again.sample) == (6, sample)


@pytest.mark.parametrize("layers", [[{"op": "conv", "c_o": 4, "k": 3}], [{"op": "relu"}, {"op": "conv1d", "c_o": 4}]])
@pytest.mark.parametrize("sizes", [(5,), (5, 6), (3, 5, 6), (2, 3, 5, 6)])
def test_the_input_of_a_spec_that_states_its_layout_is_turned_into_another(
    layers: list[dict[str, Any]], sizes: tuple[int, ...]
) -> None:
    document = {"input": list(sizes), "layers": layers}
    try:
        expected = cnncalc.shape({**document, "layout": "NCHW"})
    except cnncalc.CnncalcError:
        for layout in ("NCHW", "NHWC"):
            with pytest.raises(cnncalc.CnncalcError):
                cnncalc.shape({**document, "layout": "NCHW"}, layout=layout)
        return
    turned = cnncalc.shape({**document, "layout": "NCHW"}, layout="NHWC")
    back = cnncalc.shape({**document, "layout": "NHWC", "input": turned.network.input}, layout="NCHW")
    for report in (turned, back):
        assert (report.params, report.macs, report.batch) == (expected.params, expected.macs, expected.batch)
    assert sorted(map(str, turned.out)) == sorted(map(str, expected.out))
    assert back.out == expected.out
    if len(sizes) > 2:
        other = cnncalc.shape(document, layout="NHWC")  # the input of a spec without a layout is in the given one
        assert other.network.input == sizes


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "mobilenet_v2"])
def test_a_built_in_network_in_the_other_layout_costs_the_same(name: str) -> None:
    own, turned = cnncalc.shape(name), cnncalc.shape(name, layout="NHWC")
    assert turned.sample == (*own.sample[1:], own.sample[0])
    assert (turned.out, turned.params, turned.macs) == (own.out, own.params, own.macs)


def test_an_axis_of_the_layout_that_a_network_states_is_named_as_the_cause() -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape("shufflenet_v2_x1_0", layout="NHWC")
    assert caught.value.help is not None
    assert "the network is written for NCHW" in caught.value.help
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape("lenet5", (1, 9, 9), layout="NCHW")
    assert "written for" not in (caught.value.help or "")


def test_a_declared_input_of_four_axes_is_not_guessed() -> None:
    with pytest.raises(cnncalc.SpecError, match="no input shape"):
        cnncalc.shape("batchnorm:c_i=3 pad:1x1x1x1")
    assert cnncalc.shape("batchnorm:c_i=3 identity:axes=0").sample == (3,)


@pytest.mark.parametrize("words", ["lstm:4", "relu gru:4", "attention", "multihead:1"])
def test_two_sizes_before_a_layer_over_sequences_are_steps_and_features(words: str) -> None:
    report = cnncalc.shape(words, (5, 7))
    assert (report.batch, report.sample) == (None, (5, 7))
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()
