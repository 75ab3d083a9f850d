"""Constants, further inputs, and axes folded into the batch: their figures and values."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from tests.program import command, environment

VIDEO = [
    {"op": "identity", "axes": 3},
    {"op": "tobatch"},
    {"op": "conv", "name": "c", "c_o": 4, "k": 3},
    {"op": "globalavgpool", "keepdims": False},
    {"op": "frombatch"},
    {"op": "mean", "axis": 1},
]


def test_a_video_is_convolved_frame_by_frame() -> None:
    x = np.random.default_rng(1).standard_normal((2, 5, 3, 7, 8)).astype(np.float32)
    weight = np.random.default_rng(2).standard_normal((4, 3, 3, 3)).astype(np.float32)
    bias = np.arange(4, dtype=np.float32)
    report = cnncalc.shape(VIDEO, (2, 5, 3, 7, 8))
    conv = report["c"]
    assert (conv.x, conv.out, conv.params) == ((10, 3, 7, 8), (10, 4, 5, 6), 4 * 3 * 9 + 4)
    assert conv.macs == 2 * 5 * 4 * 5 * 6 * 27
    assert report.out == (2, 4)
    assert report.layers[-2].out == (2, 5, 4)
    assert (report["c"].rf[0][:3], report["c"].rf[1][:3]) == ((3, 1, 0), (3, 1, 0))
    got = cnncalc.run(VIDEO, x, {"c.weight": weight, "c.bias": bias})
    frames = [cnncalc.run([VIDEO[2]], frame, {"c.weight": weight, "c.bias": bias}) for frame in x.reshape(10, 3, 7, 8)]
    want = np.array([frame.mean((1, 2)) for frame in frames]).reshape(2, 5, 4).mean(1)
    assert np.allclose(got, want, atol=1e-5)
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()


@pytest.mark.parametrize("batch", [None, 1, 3])
@pytest.mark.parametrize("axes", [1, 2])
def test_axes_come_back_as_they_were(batch: int | None, axes: int) -> None:
    shape = (4, 5, 6) if batch is None else (batch, 4, 5, 6)
    x = np.random.default_rng(0).standard_normal(shape)
    layers: list[dict[str, Any]] = [{"op": "tobatch", "axes": axes}, {"op": "relu"}, {"op": "frombatch", "axes": axes}]
    assert np.array_equal(cnncalc.run(layers, x), np.maximum(x, 0))
    assert cnncalc.shape(layers, shape).out == shape


def test_the_batch_may_stand_elsewhere_in_a_result() -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 6))
    layers = [{"op": "permute", "order": [2, 3, 1]}, {"op": "movebatch", "to": 1}]
    assert cnncalc.shape(layers, x.shape).out == (5, 2, 6, 4)
    assert np.array_equal(cnncalc.run(layers, x), x.transpose(2, 0, 3, 1))
    after = [*layers, {"op": "relu"}]
    assert cnncalc.shape(after, x.shape).out == (2, 5, 6, 4)


def test_a_folded_axis_may_end_a_network() -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 6))
    assert cnncalc.shape("tobatch", x.shape).out == (8, 5, 6)
    assert np.array_equal(cnncalc.run("tobatch", x), x.reshape(8, 5, 6))


@pytest.mark.parametrize(("kind", "params", "buffers"), [("parameter", 4, 0), ("buffer", 0, 4), ("constant", 0, 0)])
def test_a_constant_meets_a_batch(kind: str, params: int, buffers: int) -> None:
    layers: list[dict[str, Any]] = [
        {"op": "relu", "name": "a"},
        {"op": "constant", "name": "k", "shape": [4, 1, 1], "kind": kind},
        {"op": "mul", "from": ["a", "k"]},
    ]
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    weight = np.array([2.0, 3.0, 5.0, 7.0]).reshape(4, 1, 1)
    report = cnncalc.shape(layers, x.shape)
    assert (report.params, report.buffers, report["k"].out, report.out) == (params, buffers, (4, 1, 1), (3, 4, 5, 6))
    assert report.rf[0][:3] == (1, 1, 0)
    assert np.array_equal(cnncalc.run(layers, x, {"k.weight": weight}), np.maximum(x, 0) * weight)


def test_a_number_counts_nothing() -> None:
    layers = [
        {"op": "relu", "name": "a"},
        {"op": "constant", "name": "k", "shape": [1, 1, 1], "value": 0.5},
        {"op": "mul", "from": ["a", "k"]},
    ]
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    assert cnncalc.shape(layers, x.shape).params == 0
    assert np.array_equal(cnncalc.run(layers, x), np.maximum(x, 0) * 0.5)


def test_another_input_needs_its_values() -> None:
    layers: list[dict[str, Any]] = [
        {"op": "relu", "name": "a"},
        {"op": "input", "name": "z", "shape": [3, 4, 5]},
        {"op": "add", "from": ["a", "z"]},
    ]
    report = cnncalc.shape(layers, (2, 3, 4, 5))
    assert (report["z"].out, report.out) == ((2, 3, 4, 5), (2, 3, 4, 5))
    with pytest.raises(cnncalc.SpecError, match=r"no values for the input 'z' \(3x4x5\)"):
        cnncalc.run(layers, np.ones((3, 4, 5)))


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ([{"op": "frombatch"}], "axes is 1, but no axes are folded into the batch"),
        ([{"op": "tobatch", "axes": 4}], "axes is 4, but the sample has 3"),
        ([{"op": "movebatch", "to": 5}], "to is 5, but there are 3 axes besides the batch"),
        ([{"op": "constant", "shape": [2], "from": "input"}], "constant reads no layer"),
        ([{"op": "relu", "from": []}], "from names no layer"),
    ],
)
def test_what_does_not_fit(layers: list[dict[str, Any]], what: str) -> None:
    with pytest.raises(cnncalc.CnncalcError, match=what):
        cnncalc.shape(layers, (3, 4, 5))


@pytest.mark.parametrize("to", ["file", "pipe", "kept", "printed", "summed up"])
@pytest.mark.parametrize("memory", ["256K", "1G"])
def test_a_moved_batch_is_where_it_is_said_wherever_the_result_goes(to: str, memory: str, tmp_path: Path) -> None:
    """All at once and sample by sample: a batch after the first axis is in the same place in the file."""
    count = 2 if to != "summed up" else 300
    x = np.random.default_rng(0).standard_normal((count, 4, 5, 6)).astype(np.float32)
    want = x.transpose(2, 0, 3, 1)
    spec, array, out = tmp_path / "net.json", tmp_path / "x.npy", tmp_path / "y.npy"
    layers = [{"op": "permute", "order": [2, 3, 1]}, {"op": "movebatch", "to": 1, "name": "y"}]
    spec.write_text(json.dumps({"input": list(x.shape), "sample_axes": 3, "layers": layers}))
    np.save(array, x)
    words = ["run", str(spec), "-x", str(array), "--memory", memory]
    more = {"file": ["-o", str(out)], "pipe": ["-o", "-"], "kept": ["--keep-all", str(tmp_path)]}.get(to, ["--json"])
    ended = subprocess.run([*command(), *words, *more], capture_output=True, env=environment(), check=True)
    if to in ("file", "kept"):
        assert np.array_equal(np.load(out), want)
    elif to == "pipe":
        assert np.array_equal(np.load(io.BytesIO(ended.stdout)), want)
    else:
        facts = json.loads(ended.stdout)
        assert facts["shape"] == list(want.shape)
        assert np.isclose(facts["mean"], want.mean(), atol=1e-6)
        if to == "printed":
            assert np.allclose(facts["values"], want)
