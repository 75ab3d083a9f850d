"""Execution compared with a naive oracle: every op, every layout, dtypes, strides of the input, NaN and infinity."""

from __future__ import annotations

import ctypes
import mmap
import re
import tracemalloc
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import cnncalc
from cnncalc.execute.convolution import columns, depthwise, product, shifts, transposed, winograd
from cnncalc.execute.job import Job
from cnncalc.execute.kernels import conv, pool
from cnncalc.execute.sinks import Memory
from cnncalc.execute.weights import wanted
from tests import naive
from tests.cases import LAID, PLAIN, ROWS, Row
from tests.program import posix

Spec = list[dict[str, Any]]


def weights_for(report: cnncalc.Report, seed: int = 0) -> dict[str, Any]:
    """Return random weights, with positive variances."""
    rng = np.random.default_rng(seed)
    found = {}
    for want in wanted(report):
        array = rng.standard_normal(want.shape)
        found[want.name] = np.abs(array) + 0.5 if want.role in ("running_var", "variance") else array
    return found


def agree(spec: Any, shape: tuple[int, ...], within: float = 1e-10, **how: Any) -> Any:
    """Run a network both ways on random values, compare, and return the output."""
    x = np.random.default_rng(1).standard_normal(shape)
    report = cnncalc.shape(cnncalc.load(spec).inlined(), shape, **how)
    weights = weights_for(report)
    found = cnncalc.run(spec, x, weights, **how)
    assert found.shape == report.out
    samples = x.reshape(-1, *report.layers[0].sample)
    expected = naive.run(report, samples, weights).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=within, atol=within * np.nan_to_num(np.abs(expected)).max())
    return found


CHAINS: dict[str, tuple[Spec, tuple[int, ...]]] = {
    "convolutions": (
        [
            {"op": "conv", "c_o": 6, "k": [3, 2], "p": [[1, 2], [0, 1]], "s": [1, 2]},
            {"op": "batchnorm"},
            {"op": "relu6"},
            {"op": "dwconv", "k": [2, 3], "multiplier": 2, "p": "same"},
            {"op": "groupnorm", "g": 3},
            {"op": "leakyrelu"},
            {"op": "sepconv", "c_o": 8, "k": 3, "p": 1, "multiplier": 2},
            {"op": "instancenorm", "scale": True},
            {"op": "silu"},
            {"op": "convT", "c_o": 4, "k": [3, 4], "s": [2, 3], "p": 1},
            {"op": "scale"},
            {"op": "gelu"},
            {"op": "conv", "c_o": 8, "k": 3, "g": 2, "d": [1, 2], "flip": True},
            {"op": "prelu", "num_parameters": 8},
            {"op": "pixelshuffle", "factor": 2},
        ],
        (2, 3, 9, 11),
    ),
    "pools": (
        [
            {"op": "pad", "p": [[1, 0], [2, 1]], "mode": "reflect"},
            {"op": "maxpool", "k": [3, 2], "s": [2, 1], "p": [1, 0], "ceil": True},
            {"op": "lrn", "size": 3, "alpha": 0.5},
            {"op": "elu", "alpha": 0.7},
            {"op": "avgpool", "k": 3, "s": 2, "p": 1, "ceil": True},
            {"op": "hardswish"},
            {"op": "upsample", "factor": [2, 1.5], "mode": "bilinear"},
            {"op": "channelshuffle", "g": 2},
            {"op": "lppool", "k": [2, 3], "s": 1, "p": 1, "norm": 3},
            {"op": "crop", "p": [[1, 0], [0, 2]]},
            {"op": "adaptiveavgpool", "out": [4, 5]},
            {"op": "tanh"},
            {"op": "adaptivemaxpool", "out": [3, 2]},
            {"op": "layernorm", "axis": [1, -1]},
            {"op": "permute", "order": [2, 1, 3]},
            {"op": "flatten"},
            {"op": "linear", "out": 7},
            {"op": "sigmoid"},
            {"op": "reshape", "out": [1, 7, 1]},
            {"op": "dropout"},
            {"op": "identity"},
        ],
        (3, 4, 13, 10),
    ),
    "branches": (
        [
            {"op": "conv", "name": "a", "c_o": 4, "k": 1},
            {"op": "relu", "name": "b"},
            {"op": "hardsigmoid", "name": "c", "from": "a"},
            {"op": "add", "from": ["a", "b", "c"]},
            {"op": "concat", "name": "d", "from": ["b", "c", "a"]},
            {"op": "globalavgpool", "name": "gate", "from": "d"},
            {"op": "globalmaxpool", "name": "top", "from": "d"},
            {"op": "add", "name": "gates", "from": ["gate", "top"]},
            {"op": "mul", "from": ["d", "gates"]},
            {"op": "conv", "c_o": 12, "k": 1, "name": "shared"},
            {"op": "conv", "c_o": 12, "k": 1, "tie": "shared"},
            {"op": "softmax", "axis": 1},
        ],
        (2, 3, 5, 4),
    ),
    "constants and parts": (
        [
            {"op": "rescale", "factor": 0.5, "offset": [1, 2, 3, 4, 5, 6]},
            {"op": "normalization"},
            {"op": "selu"},
            {"op": "scale", "center": True},
            {"op": "normalization", "mean": 0.25, "variance": [1, 2, 3, 4, 5, 6]},
            {"op": "gelu", "approximate": True},
            {"op": "scale", "scale": False, "center": True},
            {"op": "softplus"},
            {"op": "slice", "axis": 2, "start": 1, "stop": -2, "step": 2},
            {"op": "mish"},
            {"op": "slice", "axis": -1, "start": -5},
            {"op": "clip", "min": -0.5, "max": 0.75},
            {"op": "mean", "axis": [-1], "keepdims": True},
            {"op": "softsign"},
            {"op": "exp"},
            {"op": "hardsigmoid", "alpha": 0.3},
            {"op": "clip", "max": 0.5},
            {"op": "clip"},
            {"op": "mean", "axis": [2, 3]},
        ],
        (2, 6, 11, 7),
    ),
    "nested": (
        [
            {"op": "conv", "c_o": 4, "k": 2, "name": "stem"},
            {
                "op": "block",
                "name": "body",
                "layers": [
                    {"op": "conv", "c_o": 4, "k": 3, "p": 1, "name": "a"},
                    {"op": "block", "name": "deep", "layers": [{"op": "relu"}, {"op": "scale"}]},
                    {"op": "conv", "c_o": 4, "k": 3, "p": 1, "tie": "a"},
                    {"op": "add", "from": ["a", "deep", "input"]},
                ],
            },
            {"op": "relu"},
            {
                "op": "block",
                "name": "again",
                "tie": "body",
                "layers": [
                    {"op": "conv", "c_o": 4, "k": 3, "p": 1, "name": "a"},
                    {"op": "block", "name": "deep", "layers": [{"op": "relu"}, {"op": "scale"}]},
                    {"op": "conv", "c_o": 4, "k": 3, "p": 1, "tie": "a"},
                    {"op": "add", "from": ["a", "deep", "input"]},
                ],
            },
            {"op": "add", "from": ["again", "body", "stem"]},
        ],
        (2, 3, 6, 5),
    ),
    "one axis": (
        [
            {"op": "conv1d", "c_o": 5, "k": 3, "p": "causal", "d": 2},
            {"op": "maxpool1d", "k": 2},
            {"op": "dwconv1d", "k": 2},
            {"op": "avgpool1d", "k": 2, "s": 1},
            {"op": "sepconv1d", "c_o": 4, "k": 2},
            {"op": "lppool1d", "k": 2, "s": 1},
            {"op": "convT1d", "c_o": 3, "k": 4, "s": 3, "out_pad": 1},
        ],
        (2, 4, 19),
    ),
    "three axes": (
        [
            {"op": "conv3d", "c_o": 4, "k": [2, 3, 1], "s": [1, 2, 1], "p": [[0, 1], [1, 1], [0, 0]]},
            {"op": "maxpool3d", "k": [1, 2, 3], "s": 1, "p": [0, 1, 1]},
            {"op": "dwconv3d", "k": 2},
            {"op": "avgpool3d", "k": 2, "s": [2, 1, 1]},
            {"op": "sepconv3d", "c_o": 3, "k": [1, 2, 2]},
            {"op": "lppool3d", "k": [1, 1, 2], "s": 1, "norm": 1},
            {"op": "convT3d", "c_o": 2, "k": [2, 3, 2], "s": [1, 2, 3], "p": [0, 1, 0]},
        ],
        (2, 3, 5, 7, 6),
    ),
}


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_against_the_oracle(name: str, layout: str) -> None:
    spec, shape = CHAINS[name]
    if layout == "NHWC":
        shape = (shape[0], *shape[2:], shape[1])
    agree(spec, shape, layout=layout)


@pytest.mark.parametrize(("row", "layout"), LAID, ids=str)
def test_a_layer_against_the_oracle(row: Row, layout: str) -> None:
    """Two samples, except for features, which with a batch would be read as a map of one channel."""
    sample = row.sample(layout)
    agree(row.layers, (*(2,) * (len(sample) > 1), *sample), layout=layout)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in PLAIN[row.op]], ids=str)
def test_a_layer_of_a_dialect_against_the_oracle(row: Row) -> None:
    agree(row.layers, (2, *row.input), dialect=row.dialect, layout=row.layout)


@pytest.mark.parametrize("dialect", ["plain", "torch"])
@pytest.mark.parametrize("norm", [1, 2, 3, -1, -2, 0.5])
@pytest.mark.parametrize("more", [{}, {"s": 2, "ceil": True}, {"k": [3, 2], "s": [2, 3], "ceil": True}], ids=str)
def test_an_lppool_against_the_oracle(dialect: str, norm: float, more: dict[str, Any]) -> None:
    agree({"op": "lppool", "k": 2, "norm": norm, **more}, (2, 3, 5, 6), dialect=dialect)


@pytest.mark.parametrize("norm", [2, 3, -1, -2])
@pytest.mark.parametrize("pads", [{"p": 1}, {"p": [[0, 2], [1, 0]], "ceil": True}, {"p": 2, "d": 2}], ids=str)
def test_a_padded_lppool_counts_zeros(norm: float, pads: dict[str, Any]) -> None:
    """The power of a zero below 0 is infinite, so that such a window is 0."""
    agree({"op": "lppool", "k": 3, "s": 2, "norm": norm, **pads}, (2, 3, 7, 8))


@pytest.mark.parametrize("dialect", ["keras", "onnx"])
@pytest.mark.parametrize(
    "spec",
    [
        [{"op": "conv", "c_o": 3, "k": 4, "s": 2, "p": "same"}],
        [{"op": "convT", "c_o": 3, "k": 4, "s": 3, "p": "same"}],
        [{"op": "convT", "c_o": 3, "k": 2, "s": 3, "p": "same"}],
        [{"op": "convT", "c_o": 3, "k": 3, "s": 2, "p": "same", "out_pad": 1}],
        [{"op": "convT", "c_o": 3, "k": 2, "s": 3}],
        [{"op": "avgpool", "k": 3, "s": 2, "p": "same"}],
        [{"op": "maxpool", "k": 2}],
        [{"op": "upsample", "factor": 3, "mode": "bicubic"}],
        [{"op": "upsample", "out": [5, 13], "mode": "bicubic"}],
        [{"op": "batchnorm"}, {"op": "leakyrelu"}, {"op": "hardsigmoid"}],
        [{"op": "globalavgpool"}],
        [{"op": "lrn", "size": 2, "alpha": 2.0}],
        [{"op": "prelu"}],
        [{"op": "prelu", "shared_axes": [1, 2]}],
    ],
    ids=str,
)
def test_a_dialect_against_the_oracle(spec: Spec, dialect: str) -> None:
    agree(spec, (2, 8, 11, 4) if dialect == "keras" else (2, 4, 8, 11), dialect=dialect)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(
    "size", [{"out": [4, 17]}, {"factor": [0.7, 2.3]}, {"out": [1, 1]}, {"factor": 2}, {"factor": 1.1}]
)
@pytest.mark.parametrize("align", [False, True])
def test_upsampling(mode: str, size: dict[str, Any], align: bool) -> None:
    if not (align and mode == "nearest"):
        agree([{"op": "upsample", "mode": mode, "align": align, **size}], (2, 3, 7, 9))


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("out", [[4, 17], [3, 2]])
def test_upsampling_block_by_block(mode: str, antialias: bool, out: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncalc.execute.threads.BLOCK", 5 * 8)
    if not (antialias and mode == "nearest"):
        agree([{"op": "upsample", "mode": mode, "antialias": antialias, "out": out}], (2, 3, 7, 9))


@pytest.mark.parametrize("mode", sorted(naive.PAD_MODES))
def test_padding(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agree([{"op": "pad", "p": [[2, 1], [0, 3]], "mode": mode}], (2, 3, 5, 4))
    monkeypatch.setattr("cnncalc.execute.threads.BLOCK", 5 * 8)
    agree([{"op": "pad", "p": [[2, 1], [0, 3]], "mode": mode}], (2, 3, 5, 4))


@st.composite
def windows(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, ...]]:
    nd = draw(st.integers(1, 3))
    axes = st.lists(st.integers(1, 3), min_size=nd, max_size=nd)
    k, s, d = draw(st.lists(st.integers(1, 5 - nd // 2), min_size=nd, max_size=nd)), draw(axes), draw(axes)
    p = [[draw(st.integers(0, 3)), draw(st.integers(0, 3))] for _ in range(nd)]
    g = draw(st.sampled_from([1, 1, 2]))
    c_i, c_o = g * draw(st.integers(1, 2)), g * draw(st.integers(1, 3))
    reach = [(b - 1) * a + 1 for a, b in zip(d, k, strict=True)]
    space = [max(r - sum(q), 1) + draw(st.integers(0, 4)) for r, q in zip(reach, p, strict=True)]
    if draw(st.booleans()):  # as wide as the input
        s, p = [1] * nd, [[begin, r - 1 - begin] for r in reach for begin in [draw(st.integers(0, r - 1))]]
        space = draw(axes)
    layer = {"k": k, "s": s, "d": d, "p": p, "g": g, "c_o": c_o, "flip": draw(st.booleans())}
    return layer, (draw(st.integers(1, 2)), c_i, *space)


@given(windows(), st.sampled_from(["conv", "convT"]), st.sampled_from(["NCHW", "NHWC"]))
def test_any_convolution(window: tuple[dict[str, Any], tuple[int, ...]], op: str, layout: str) -> None:
    layer, shape = window
    layer = {**layer, "op": op + {3: "1d", 4: "", 5: "3d"}[len(shape)]}
    if layout == "NHWC":
        shape = (shape[0], *shape[2:], shape[1])
    try:
        cnncalc.shape([layer], shape, layout=layout)
    except cnncalc.ShapeError:
        return  # all of it is cut away
    agree([layer], shape, layout=layout)


@given(windows(), st.sampled_from(["maxpool", "avgpool", "lppool"]), st.booleans(), st.booleans())
def test_any_pool(window: tuple[dict[str, Any], tuple[int, ...]], op: str, ceil: bool, counts: bool) -> None:
    keys, shape = window
    layer = {key: keys[key] for key in ("k", "s", "d", "p")} | {"ceil": ceil}
    layer |= {"count_include_pad": counts} if op == "avgpool" else {}
    layer["op"] = op + {3: "1d", 4: "", 5: "3d"}[len(shape)]
    try:
        cnncalc.shape([layer], shape)
    except cnncalc.ShapeError:
        return  # a window over no pixel
    agree([layer], shape)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(["adaptiveavgpool", "adaptivemaxpool"]))
def test_any_adaptive_pool(n: int, out: int, op: str) -> None:
    agree([{"op": op, "out": [out, 3]}], (2, 2, n, 5))


# strategies: each has to agree with the oracle, and parts with the whole


@pytest.mark.parametrize("shape", [(1, 256, 40, 40), (2, 256, 29, 31)])
def test_winograd_tiles(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    w = np.random.default_rng(1).standard_normal((260, 256, 3, 3)) / 48
    b = np.arange(260.0)
    found = cnncalc.run("conv:260,k3,p0+1x2", x, w, bias=b)
    monkeypatch.setattr(winograd, "LEAST_CHANNELS", 10**9)
    direct = cnncalc.run("conv:260,k3,p0+1x2", x, w, bias=b)
    assert not np.array_equal(found, direct), "the other way was taken"
    np.testing.assert_allclose(found, direct, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("way", "layer", "space", "calls"),
    [
        (shifts, {"op": "conv1d", "c_o": 3, "k": 4, "p": [[1, 2]]}, (400,), 1),
        (shifts, {"op": "conv", "c_o": 3, "k": [3, 5], "p": [1, 2]}, (20, 7), 1),
        (shifts, {"op": "conv", "c_o": 3, "k": [1, 3], "p": [0, 3], "d": [1, 3]}, (3, 4), 1),
        (
            shifts,
            {"op": "conv3d", "c_o": 3, "k": [3, 2, 3], "p": [[2, 2], [1, 0], [1, 1]], "d": [2, 1, 1]},
            (5, 4, 3),
            1,
        ),
        (shifts, {"op": "conv", "c_o": 3, "k": 2, "p": 2, "d": 4}, (6, 7), 0),  # no tap sees its own position
        (shifts, {"op": "conv", "c_o": 5, "k": 3, "p": 1}, (6, 7), 0),
        (shifts, {"op": "conv", "c_o": 3, "k": 3}, (6, 7), 0),
        (depthwise, {"op": "dwconv1d", "k": 4, "p": [[1, 2]]}, (9,), 1),
        (depthwise, {"op": "dwconv", "k": [3, 4], "s": [1, 2], "d": [2, 1], "p": [2, 1]}, (6, 7), 1),
        (depthwise, {"op": "dwconv3d", "k": [2, 3, 2], "p": [[1, 0], [1, 1], [0, 1]]}, (5, 4, 3), 1),
        (depthwise, {"op": "dwconv", "k": 3, "s": 2, "p": 1}, (6, 7), 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("kind", "tile"), [("f8", 1 << 20), ("f8", 30000), ("f2", 15000), ("i4", 30000)])
def test_each_way_gives_what_columns_give(
    way: Any, layer: dict[str, Any], space: tuple[int, ...], calls: int, layout: str, kind: str, tile: int
) -> None:
    shape = (2, 8, *space) if layout == "NCHW" else (2, *space, 8)
    x = (np.random.default_rng(0).standard_normal(shape) * 4).astype(kind)
    weights = weights_for(cnncalc.shape([layer], shape, layout=layout))
    weights = {name: (array * 4).astype(kind) for name, array in weights.items()}
    expected = cnncalc.run([layer], x, weights, layout=layout)
    taken = Mock(wraps=way.correlate)
    with (
        patch.object(shifts, "LEAST_INPUTS", 1),
        patch.object(depthwise, "LEAST_ROWS", 1),
        patch.object(way, "correlate", taken),
        patch.object(way, "BLOCK", 200),
        patch.object(conv, "TILE", tile),
    ):
        found = cnncalc.run([layer, {"op": "relu"}], x, weights, layout=layout)
    assert taken.call_count == calls
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=2e-3 if kind == "f2" else 1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        {"op": "conv", "c_o": 5, "k": 3, "p": 1},
        {"op": "conv", "c_o": 6, "k": [3, 5], "s": [2, 1], "p": [1, 2], "d": [1, 2], "g": 2},
        {"op": "dwconv", "k": 3, "p": 1, "s": 2},
        {"op": "conv", "c_o": 3, "k": [12, 9], "s": [9, 8], "p": [2, 3]},
        {"op": "sepconv", "c_o": 5, "k": 3, "p": 1},
        {"op": "convT", "c_o": 4, "k": 4, "s": 2, "p": 1},
        {"op": "maxpool", "k": 3, "s": 2, "p": 1},
        {"op": "avgpool", "k": 3, "s": 2, "p": 1},
        {"op": "lppool", "k": 3, "s": 1},
        {"op": "adaptiveavgpool", "out": [5, 3]},
    ],
    ids=str,
)
def test_small_parts_give_the_same(layer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 23, 17))
    weights = weights_for(cnncalc.shape([layer], x.shape))
    whole = cnncalc.run([layer], x, weights)
    monkeypatch.setattr(conv, "TILE", 3000)
    monkeypatch.setattr(product, "GROUP_SHARE", 1)
    monkeypatch.setattr(columns, "PIECE", 500)
    monkeypatch.setattr("cnncalc.execute.threads.BLOCK", 500)
    monkeypatch.setattr("cnncalc.execute.threads.WORTH_A_THREAD", 1)
    pool.sliding.cache_clear()
    np.testing.assert_allclose(cnncalc.run([layer], x, weights), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ({"c_o": 5, "k": 4, "s": 2, "p": 1}, (2, 6, 9, 7)),
        ({"c_o": 7, "k": [3, 5], "s": 2, "p": [1, 2], "output_padding": 1}, (2, 4, 6, 5)),
        ({"c_o": 3, "k": 2, "s": 2}, (3, 8, 5, 4)),
        ({"c_o": 4, "k": [2, 3], "s": [3, 1], "p": [0, 1]}, (1, 3, 4, 6)),
        ({"c_o": 2, "k": [1, 6], "s": 2, "p": [0, 3]}, (1, 2, 4, 2)),
        ({"c_o": 3, "k": 3, "s": 3, "p": [[3, 2], [3, 2]], "d": 2}, (2, 3, 8, 7)),
    ],
    ids=str,
)
def test_transposed_either_way(layer: dict[str, Any], shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    spec = [{"op": "convT", **layer}]
    x = np.random.default_rng(0).standard_normal(shape)
    x[0, 1, 2, -1], x[-1, 0, 3, 0] = np.nan, np.inf
    weights = weights_for(cnncalc.shape(spec, x.shape))
    add, each = Mock(wraps=transposed.add), Mock(wraps=transposed.correlate_each)
    monkeypatch.setattr(transposed, "add", add)
    monkeypatch.setattr(transposed, "correlate_each", each)
    added = cnncalc.run(spec, x, weights)
    each_channel = int(np.prod(weights["convT1.weight"].shape[2:])) * int(np.prod(shape[2:])) * 8
    monkeypatch.setattr(conv, "TILE", 2 * each_channel)
    np.testing.assert_array_equal(cnncalc.run(spec, x, weights), added)
    monkeypatch.setattr(conv, "TILE", 0)
    np.testing.assert_allclose(cnncalc.run(spec, x, weights), added, rtol=1e-12, atol=1e-12)
    assert (add.call_count, each.call_count) == (2, 1)


@pytest.mark.parametrize(
    "layer",
    [
        {"op": "conv", "c_o": 3, "k": [14, 9], "s": [9, 8], "p": [2, 3]},
        {"op": "conv", "c_o": 3, "k": [12, 9], "s": [9, 8]},
        {"op": "conv", "c_o": 3, "k": 3, "d": [70, 1], "p": [70, 1]},
        {"op": "conv", "c_o": 3, "k": [5, 3], "s": 2, "d": [30, 40], "p": [55, 44]},
        {"op": "dwconv", "k": 2},
        {"op": "conv", "c_o": 4, "k": 3, "p": 1, "g": 2},
        {"op": "convT", "c_o": 3, "k": 3, "s": 2, "p": 1},
    ],
    ids=str,
)
def test_unusual_windows_and_many_samples(layer: dict[str, Any]) -> None:
    agree([layer], (2, 2, 21, 26))
    x = np.random.default_rng(2).standard_normal((40, 2, 21, 26))
    weights = weights_for(cnncalc.shape([layer], x.shape))
    alone = [cnncalc.run([layer], sample, weights) for sample in x]
    np.testing.assert_allclose(cnncalc.run([layer], x, weights), alone, rtol=1e-12, atol=1e-12)


def test_a_dilation_far_beyond_the_input() -> None:
    x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.arange(9.0).reshape(1, 1, 3, 3)
    assert np.array_equal(cnncalc.run("conv:d1000000000,p1000000000", x, w), 4 * x)


def test_values_near_the_largest_are_no_reason_for_nan() -> None:
    x = np.random.default_rng(0).standard_normal((1, 256, 40, 40)).astype(np.float32)
    x[0, 0, 20, 20], x[0, 0, 18, 20] = 3e38, -3e38
    w = np.random.default_rng(1).standard_normal((256, 256, 3, 3)).astype(np.float32) / 48
    assert np.isfinite(cnncalc.run("conv:p1", x, w)).all()


def test_a_private_map_of_the_callers_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncalc.execute.npy.LEAST_DROPPED", 1)
    np.save(tmp_path / "x.npy", np.zeros((4, 1, 64, 64), np.float32))
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[...] = 7
    assert cnncalc.run("conv:k1", x, np.ones((1, 1, 1, 1), np.float32)).mean() == 7
    assert x.mean() == 7


def test_matrices_are_arrays_and_masks_are_refused() -> None:
    matrix = np.ones((5, 5)).view(np.matrix)
    assert cnncalc.run("conv:p1", matrix, np.ones((3, 3)))[2, 2] == 9
    with pytest.raises(cnncalc.SpecError, match="masked"):
        cnncalc.run("conv:p1", np.ma.masked_less(np.ones((5, 5)), 2), np.ones((3, 3)))


def test_batches_are_worked_on_some_samples_at_a_time() -> None:
    x = np.random.default_rng(0).standard_normal((64, 3, 40, 40)).astype(np.float32)
    small = cnncalc.run("conv:16,k3 relu maxpool:k2 flatten linear:5", x, seed=3, memory=1 << 20)
    large = cnncalc.run("conv:16,k3 relu maxpool:k2 flatten linear:5", x, seed=3)
    np.testing.assert_allclose(small, large, rtol=1e-5, atol=1e-5)


# what x may be


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f8", "<f2", ">f2", "i1", "u1", ">i2", "<i4", "i8", "?"])
def test_dtypes(kind: str) -> None:
    x = (np.random.default_rng(0).standard_normal((2, 3, 7, 8)) * 4).astype(kind)
    w = (np.random.default_rng(1).standard_normal((4, 3, 2, 3)) * 4).astype(kind)
    found = cnncalc.run("conv", x, w)
    expected = cnncalc.run("conv", x.astype(float), w.astype(float))
    if x.dtype.kind == "f":
        assert found.dtype == x.dtype.newbyteorder("=")
        within = {2: 2e-3, 4: 2e-6, 8: 1e-14}[x.dtype.itemsize]
        most = np.nan_to_num(np.abs(expected)).max()
        np.testing.assert_allclose(found.astype(float), expected, rtol=within, atol=within * most)
    else:
        assert found.dtype == np.int64
        assert np.array_equal(found, expected)
    top = cnncalc.run("maxpool:k2", x)
    assert top.dtype == x.dtype.newbyteorder("=")
    assert np.array_equal(top, cnncalc.run("maxpool:k2", x.astype(float)))
    mean = cnncalc.run("avgpool:k2", x)
    assert mean.dtype == (x.dtype.newbyteorder("=") if x.dtype.kind == "f" else np.float64)
    np.testing.assert_allclose(mean.astype(float), cnncalc.run("avgpool:k2", x.astype(float)), rtol=2e-3, atol=2e-3)


def test_float16_is_summed_in_float32() -> None:
    x = np.full((1, 4096, 1, 1), 1, np.float16)
    w = np.full((1, 4096, 1, 1), 1, np.float16)
    assert cnncalc.run("conv", x, w).item() == 4096  # in float16, 2048 + 1 is 2048
    assert cnncalc.run("avgpool:k64", np.full((1, 1, 64, 64), 1, np.float16)).item() == 1


@pytest.mark.parametrize("largest", [2**20, 2**26, 2**29])
def test_integers_are_exact(largest: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-largest, largest, (2, 3, 5, 6))
    w = rng.integers(-largest, largest, (4, 3, 2, 3))
    found = cnncalc.run("conv:p1", x, w)
    assert found.dtype == np.int64
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]).astype(object)
    for n, o, i, j in np.ndindex(found.shape):
        assert found[n, o, i, j] == (padded[n, :, i : i + 2, j : j + 3] * w[o].astype(object)).sum()
    flat, matrix = x.reshape(2, 90)[:, :16], rng.integers(-largest, largest, (7, 16))
    assert np.array_equal(cnncalc.run("linear", flat, matrix), flat.astype(object) @ matrix.T.astype(object))


def test_integers_of_a_transposed_convolution_are_exact() -> None:
    """The sums are over the input channels, and the cells that write to one output."""
    x, w = np.full((1, 64, 3, 4), 2**25 + 1), np.full((64, 1, 2, 2), 2**23 - 1)
    assert np.array_equal(cnncalc.run("convT:s2", x, w), np.full((1, 1, 6, 8), 64 * (2**25 + 1) * (2**23 - 1)))
    x, w = np.full((1, 4, 3, 4), 2**30), np.full((4, 8, 2, 2), 2**28)
    assert np.array_equal(cnncalc.run("convT:s2", x, w), np.full((1, 8, 6, 8), 2**60))
    with pytest.raises(cnncalc.ShapeError, match="sums of 64 products"):
        cnncalc.run("convT:s2", np.full((1, 64, 3, 4), 2**31), np.full((64, 1, 2, 2), 2**29))


def test_integers_that_could_wrap_are_refused() -> None:
    x = np.full((1, 2, 2, 2), 2**31)
    with pytest.raises(cnncalc.ShapeError, match=r"sums of 8 products .* may reach .*, beyond 2\^63 - 1"):
        cnncalc.run("conv", x, np.full((1, 2, 2, 2), 2**31))
    with pytest.raises(cnncalc.ShapeError, match=r"layers\[0\] 'conv1'"):
        cnncalc.run("conv", x, np.full((1, 2, 2, 2), 2**31))
    most = np.full((1, 1, 1, 1), 2**62)
    spec = [{"op": "identity", "name": "a"}, {"op": "add", "from": ["a", "input"]}]
    with pytest.raises(cnncalc.ShapeError, match="may reach"):
        cnncalc.run(spec, most * 2 - 1 + most)


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("sum", f"a sum of integers may reach {2**63:,}"),
        ("l1", f"a sum of integers may reach {2**63:,}"),
        ("cumsum:axis=3", f"a sum of integers may reach {2**63:,}"),
        ("square", f"a square of integers may reach {2**124:,}"),
        ("prod", f"a product of integers may reach {2**124:,}"),
    ],
)
def test_reductions_of_integers_that_could_wrap_are_refused(word: str, what: str) -> None:
    x = np.full((1, 1, 1, 2), 2**62)
    with pytest.raises(cnncalc.ShapeError, match=re.escape(f"{what}, beyond 2^63 - 1")):
        cnncalc.run(word, x)
    assert cnncalc.run("l1", np.array([[[[-2, 3]]]])).item() == 5
    found = cnncalc.run(word, x.astype(float))
    assert found.max() == {"square": 2.0**124, "prod": 2.0**124}.get(word, 2.0**63)


@pytest.mark.parametrize(
    ("word", "kind", "value", "range"),
    [
        ("pad:p1,value=0.5", "i4", "0.5", "-2147483648 to 2147483647"),
        ("pad:p1,value=200", "i1", "200", "-128 to 127"),
        ("pad:p1,value=-1", "u1", "-1", "0 to 255"),
        ("pad:p1,value=2", "?", "2", "0 to 1"),
    ],
)
def test_a_border_that_the_dtype_does_not_have(word: str, kind: str, value: str, range: str) -> None:
    x = np.ones((1, 1, 1, 1), kind)
    with pytest.raises(cnncalc.SpecError, match=f"value {value} is not of dtype {x.dtype}\n.* from {range}, or x"):
        cnncalc.run(word, x)
    found = cnncalc.run(word, x.astype(float))
    assert (found[0, 0, 0, 0], found[0, 0, 1, 1]) == (float(value), 1)


def test_values_of_booleans_and_slopes_above_one() -> None:
    marks = np.array([[[[True, False]]]])
    for word in ("sign", "relu6", "relu"):
        assert cnncalc.run(word, marks).tolist() == marks.tolist()
    x = np.array([[[[-2.0, 3.0]]]])
    assert cnncalc.run("leakyrelu:alpha=2", x).tolist() == [[[[-4.0, 3.0]]]]
    assert cnncalc.run("leakyrelu:alpha=-0.5", x).tolist() == [[[[1.0, 3.0]]]]


@pytest.mark.parametrize("kind", ["c8", "c16", "M8[s]", "m8[s]", "S3", "U2", "O", [("a", "f4")]])
def test_what_is_no_real_number_is_refused(kind: Any) -> None:
    with pytest.raises(cnncalc.SpecError, match="x is of dtype"):
        cnncalc.run("relu", np.zeros((1, 1, 2, 2), kind))


def test_strides_make_no_difference() -> None:
    x = np.random.default_rng(0).standard_normal((4, 3, 9, 8))
    w = np.random.default_rng(1).standard_normal((5, 3, 3, 2))
    spec = "conv:5,k3x2,p1 relu avgpool:k2 layernorm"
    scale = np.arange(1.0, 5.0)
    expected = cnncalc.run(spec, x, {"conv1.weight": w, "layernorm1.weight": scale, "layernorm1.bias": scale})
    wide = np.zeros((8, 6, 18, 16))
    wide[::2, ::2, ::2, ::2] = x
    backwards = np.ascontiguousarray(x[::-1, ::-1, ::-1, ::-1])
    for other in (np.asfortranarray(x), wide[::2, ::2, ::2, ::2], backwards[::-1, ::-1, ::-1, ::-1]):
        for kernel in (w, np.asfortranarray(w), np.ascontiguousarray(w[:, ::-1])[:, ::-1]):
            weights = {"conv1.weight": kernel, "layernorm1.weight": scale, "layernorm1.bias": scale}
            assert not other.flags.c_contiguous
            np.testing.assert_allclose(cnncalc.run(spec, other, weights), expected, rtol=1e-13, atol=1e-13)


@posix
@pytest.mark.parametrize(
    "spec", ["conv:2,k3", "conv:2,k3,s2", "conv:2,k3,d2", "conv:2,k3,p1", "conv:2,k1x3,p0x1", "conv:2,k9,s9"]
)
def test_nothing_is_read_beyond_the_input(spec: str) -> None:
    """The input ends where its memory does: the page after it must not be touched."""
    page, libc = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True)
    memory = mmap.mmap(-1, 2 * page)
    flat = np.frombuffer(memory, np.float32)
    guard = ctypes.c_void_p(flat.ctypes.data + page)
    x = flat[: page // 4].reshape(1, 1, -1, 32)
    x[...] = np.arange(x.size).reshape(x.shape)
    assert libc.mprotect(guard, ctypes.c_size_t(page), 0) == 0
    try:
        found = cnncalc.run(spec, x, seed=0)
        assert np.array_equal(found, cnncalc.run(spec, x.copy(), seed=0))
    finally:
        libc.mprotect(guard, ctypes.c_size_t(page), mmap.PROT_READ | mmap.PROT_WRITE)


def test_the_input_is_not_changed() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    before = x.copy()
    cnncalc.run("relu batchnorm relu6 identity flatten", x, seed=0)
    assert np.array_equal(x, before)
    x.flags.writeable = False
    cnncalc.run("identity", x)


def test_nan_and_infinity_stay_where_they_are() -> None:
    x = np.zeros((1, 64, 44, 44))
    x[0, 3, 7, 9], x[0, 5, 20, 20] = np.nan, np.inf
    x[0, 3, 30, 43], x[0, 3, 35, 0] = np.nan, np.nan
    w = np.ones((64, 64, 3, 3))
    found = cnncalc.run("conv:p1", x, w)
    nan, infinite = np.zeros((44, 44), bool), np.zeros((44, 44), bool)
    nan[6:9, 8:11], infinite[19:22, 19:22] = True, True
    nan[29:32, 42:], nan[34:37, :2] = True, True  # nothing beyond the ends of a row
    assert np.array_equal(np.isnan(found[0, 0]), nan)
    assert np.array_equal(np.isposinf(found[0, 0]), infinite)
    for op in ("maxpool:k3,s1,p1", "avgpool:k3,s1,p1"):
        found = cnncalc.run(op, x)
        assert np.array_equal(np.isnan(found[0, 3]), nan)
        assert np.array_equal(np.isposinf(found[0, 5]), infinite)
    for op in ("relu", "relu6", "gelu", "silu", "sigmoid", "tanh", "leakyrelu", "elu", "hardswish", "hardsigmoid"):
        assert np.isnan(cnncalc.run(op, x)[0, 3, 7, 9]), op


def test_a_window_over_no_pixel_is_minus_infinity_in_torch() -> None:
    found = cnncalc.run("maxpool:k2,s1,d3,p1", np.zeros((1, 1, 2, 3)), dialect="torch")
    assert np.isneginf(found).any()


def test_max_pools_of_integers_never_see_padding() -> None:
    x = np.full((1, 1, 3, 3), -128, np.int8)
    assert cnncalc.run("maxpool:k3,s2,p1", x).tolist() == [[[[-128, -128], [-128, -128]]]]
    assert cnncalc.run("maxpool:k3,s2,p1", np.zeros((1, 1, 3, 3), bool)).dtype == bool


@pytest.mark.parametrize(
    ("spec", "shape", "out"),
    [
        ("conv:1,k2", (3, 5), (2, 4)),
        ("conv:1,k2 relu maxpool:k2", (3, 5), (1, 2)),
        ("conv:4,k2", (3, 5), (4, 2, 4)),
        ("conv:1,k2 flatten", (3, 5), (8,)),
        ("conv1d:1,k2", (5,), (4,)),
        ("conv3d:1,k2", (3, 4, 5), (2, 3, 4)),
        ("conv:2,k2", (1, 3, 5), (2, 2, 4)),
        ("conv:2,k2", (6, 1, 3, 5), (6, 2, 2, 4)),
        ("linear:3", (5,), (3,)),
        ("linear:3", (2, 5), (2, 3)),
    ],
)
def test_a_batch_or_none_and_one_channel(spec: str, shape: tuple[int, ...], out: tuple[int, ...]) -> None:
    assert cnncalc.run(spec, np.ones(shape), seed=0).shape == out


def test_a_two_dimensional_array_is_one_channel_in_nhwc_too() -> None:
    found = cnncalc.run("conv", np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2), layout="NHWC")
    assert found.tolist() == [[19, 25], [37, 43]]


# weights


def test_the_kernel_tells_what_the_word_leaves_out() -> None:
    x = np.ones((2, 6, 9, 9))
    assert cnncalc.run("conv", x, np.ones((4, 6, 2, 3))).shape == (2, 4, 8, 7)
    assert cnncalc.run("conv:g3", x, np.ones((3, 2, 2, 3))).shape == (2, 3, 8, 7)
    assert cnncalc.run("convT:g2,s2", x, np.ones((6, 4, 2, 3))).shape == (2, 8, 18, 19)
    assert cnncalc.run("dwconv", x, np.ones((6, 1, 2, 3))).shape == (2, 6, 8, 7)
    assert cnncalc.run("linear", np.ones((2, 5)), np.ones((3, 5))).shape == (2, 3)
    assert cnncalc.run("relu conv", x, np.ones((4, 6, 2, 3))).shape == (2, 4, 8, 7)
    last = np.ones((2, 9, 9, 6))
    assert cnncalc.run("conv", last, np.ones((2, 3, 6, 4)), layout="NHWC").shape == (2, 8, 7, 4)
    assert cnncalc.run("dwconv", last, np.ones((2, 3, 6, 2)), dialect="keras").shape == (2, 8, 7, 12)
    assert cnncalc.run("convT:s2", last, np.ones((2, 3, 4, 6)), dialect="keras").shape == (2, 18, 19, 4)
    assert cnncalc.run("linear", np.ones((2, 5)), np.ones((5, 3)), layout="NHWC").shape == (2, 3)
    with pytest.raises(cnncalc.ShapeError, match="2x6x2x3, but 4x6x2x3 is needed"):
        cnncalc.run("conv:4", x, np.ones((2, 6, 2, 3)))


def test_a_kernel_without_a_bias_is_a_layer_without_one() -> None:
    x, w = np.ones((1, 2, 4, 4)), np.ones((3, 2, 1, 1))
    assert cnncalc.run("conv", x, w).max() == 2
    assert cnncalc.run("conv", x, w, bias=np.ones(3)).max() == 3
    assert cnncalc.run("conv:3", x, {"conv1.weight": w}).max() == 2
    with pytest.raises(cnncalc.SpecError, match=r"no weights for conv1\.bias 3"):
        cnncalc.run("conv:bias=true", x, w)
    with pytest.raises(cnncalc.SpecError, match=r"no weights for conv1\.bias 3(?s:.)*given but not needed: .conv1\.b"):
        cnncalc.run("conv:3", x, {"conv1.weight": w, "conv1.b": np.ones(3)})
    with pytest.raises(cnncalc.SpecError, match="the layer has none"):
        cnncalc.run("conv:nobias", x, w, bias=np.ones(3))


def test_what_is_missing_is_listed_with_its_shape() -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        cnncalc.run("conv:4,k3 batchnorm linear:5", np.ones((1, 2, 6, 6)))
    assert "conv1.weight 4x2x3x3, conv1.bias 4, batchnorm1.weight 4" in caught.value.what
    assert "linear1.weight 5x4" in caught.value.what
    assert "--seed" in (caught.value.help or "")


def test_what_is_given_is_likened_to_what_is_missing() -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        cnncalc.run("conv:1,k2,nobias", np.ones((4, 4)), {"c1.weight": np.ones((1, 1, 2, 2))})
    assert caught.value.help is not None
    assert caught.value.help.endswith("given but not needed: 'c1.weight'; did you mean 'conv1.weight'?")


def test_an_array_for_no_layer_is_refused() -> None:
    with pytest.raises(cnncalc.SpecError, match="no layer here has weights\n  remove -w"):
        cnncalc.run("maxpool:2,s1", np.ones((4, 4)), np.ones((2, 2)))
    with pytest.raises(cnncalc.SpecError, match="no layer here has a bias\n  leave the bias out"):
        cnncalc.run("maxpool:2,s1", np.ones((4, 4)), bias=np.ones(2))


def test_too_little_memory_is_refused_with_what_it_needs() -> None:
    with pytest.raises(cnncalc.SpecError, match="one sample takes 504 bytes of working memory, and 1 byte is allowed"):
        cnncalc.run("relu", np.ones((3, 3)), memory=1)


def test_one_array_for_several_layers_is_refused() -> None:
    with pytest.raises(cnncalc.SpecError, match="one array is for one layer, but 2 have a weight: conv1, linear1"):
        cnncalc.run("conv:4,k3 linear:5", np.ones((1, 2, 6, 6)), np.ones((4, 2, 3, 3)))


@pytest.mark.parametrize(
    ("shape", "words"),
    [((3, 3, 2, 4), "its axes may be in the order of NHWC"), ((4, 2, 3), "the order in NCHW is c_o, c_i/g, k")],
)
def test_a_kernel_of_another_shape_is_refused(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(cnncalc.ShapeError, match="4x2x3x3 is needed") as caught:
        cnncalc.run("conv:4,k3", np.ones((1, 2, 6, 6)), {"conv1.weight": np.ones(shape)})
    assert words in (caught.value.help or "")


def test_full_padding_of_a_transposed_convolution_cuts_all_that_sees_less() -> None:
    found = agree([{"op": "convT", "c_o": 2, "k": [3, 2], "s": 2, "p": "full"}], (1, 3, 4, 5))
    assert found.shape == (1, 2, 3 * 2 + 3 - 4, 4 * 2 + 2 - 2)


@pytest.mark.parametrize(
    ("word", "layout", "order"),
    [
        ("convT:3,k2", "NCHW", "the order in NCHW is c_i, c_o/g, k"),
        ("convT:3,k2", "NHWC", "the order in NHWC is k, c_o/g, c_i"),
        ("dwconv:k2", "NCHW", "the order in NCHW is c_o, 1, k"),
        ("dwconv:k2", "NHWC", "the order in NHWC is k, c_i, multiplier"),
    ],
)
def test_the_order_of_a_kernels_axes_is_said(word: str, layout: str, order: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.run(
            word, np.ones((5, 5, 5)), {f"{word[: -5 if 'T' in word else -3]}1.weight": np.ones(7)}, layout=layout
        )
    assert caught.value.help == order


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("word", ["conv", "convT:s2", "dwconv"])
def test_a_kernel_of_one_channel_may_lack_its_channels(word: str, layout: str) -> None:
    shape = (1, 4, 5, 1) if layout == "NHWC" else (1, 1, 4, 5)
    x, kernel = np.arange(20.0).reshape(shape), np.array([[1.0, 2, 3], [4, 5, 6]])
    whole = kernel[..., None, None] if layout == "NHWC" else kernel[None, None]
    found = cnncalc.run(word, x, kernel, layout=layout)
    assert np.array_equal(found, cnncalc.run(word, x, whole, layout=layout))
    if word == "conv":
        assert found.ravel()[0] == 0 * 1 + 1 * 2 + 2 * 3 + 5 * 4 + 6 * 5 + 7 * 6


def test_a_turned_kernel_of_one_channel_is_not_taken_for_the_other() -> None:
    with pytest.raises(cnncalc.ShapeError):
        cnncalc.run("conv:1,k1x3", np.ones((5, 5)), {"conv1.weight": np.ones((3, 1))})
    with pytest.raises(cnncalc.ShapeError):
        cnncalc.run("conv:1,k1x3", np.ones((5, 5)), {"conv1.weight": np.ones((1, 1, 3, 1))})


def test_a_seed_draws_the_same_weights_again() -> None:
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    first, again, other = (cnncalc.run("conv:4,k3 relu conv:5,k3", x, seed=seed) for seed in (1, 1, 2))
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    w = np.ones((5, 4, 3, 3), np.float32)
    part = cnncalc.run("conv:4,k3 relu conv:5,k3", x, {"conv2.weight": w}, seed=1)
    shared = cnncalc.run("conv:4,k3 relu", x, seed=1)
    np.testing.assert_allclose(part, cnncalc.run("conv", shared, w), rtol=1e-5)


def test_drawn_weights_keep_the_variance() -> None:
    x = np.random.default_rng(0).standard_normal((4, 64, 16, 16)).astype(np.float32)
    found = cnncalc.run("conv:64,k3,p1 relu " * 6, x, seed=0)
    assert 0.2 < np.square(found).mean() < 5  # He's initialization keeps the mean square at about 1


def test_what_is_kept_comes_back_by_name() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    found = cnncalc.run("conv:4,k3 relu maxpool:k2", x, seed=0, keep=["conv1", "relu1"])
    assert {name: array.shape for name, array in found.items()} == {
        "conv1": (2, 4, 4, 5),
        "relu1": (2, 4, 4, 5),
        "maxpool1": (2, 4, 2, 2),
    }
    assert found["conv1"].min() < 0  # not overwritten by the following relu
    assert np.array_equal(found["relu1"], np.maximum(found["conv1"], 0))
    with pytest.raises(cnncalc.SpecError, match="there is no layer 'conv9'"):
        cnncalc.run("conv:4,k3", x, seed=0, keep=["conv9"])


def test_an_input_that_is_no_input() -> None:
    for shape, match in (((), "a single number"), ((0, 3, 4, 4), "x is empty"), ((2, 3, 0, 4), "x is empty")):
        with pytest.raises(cnncalc.SpecError, match=match):
            cnncalc.run("conv:4,k3", np.ones(shape), seed=0)
    with pytest.raises(cnncalc.CnncalcError):
        cnncalc.run("conv:4,k3", np.ones((1, 1, 1, 1, 4, 4)), seed=0)


def test_a_sample_that_needs_more_memory_is_refused_with_the_figure() -> None:
    with pytest.raises(cnncalc.SpecError, match=r"one sample takes \d+\.\d MiB of working memory, and 1\.0 MiB"):
        cnncalc.run("conv:64,k3,p1 relu conv:64,k3,p1", np.ones((1, 3, 128, 128), np.float32), seed=0, memory=1 << 20)


@pytest.mark.parametrize("name", ["lenet5", "squeezenet1_1", "resnet18", "mobilenet_v2"])
def test_networks_of_the_zoo_run(name: str) -> None:
    sample = cnncalc.shape(name).network.input
    assert sample is not None
    x = np.random.default_rng(0).standard_normal(sample).astype(np.float32)  # type: ignore[arg-type]
    found = cnncalc.run(name, x, seed=0)
    assert found.shape == cnncalc.shape(name).out
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("layer", "shape", "kind"),
    [
        ({"op": "conv", "c_o": 300, "k": 3, "p": 1}, (1, 1, 96, 96), np.float16),
        ({"op": "conv", "c_o": 300, "k": 3}, (2, 3, 96, 90), np.float32),
        ({"op": "conv", "c_o": 8, "k": 3, "d": 30, "p": 30}, (1, 64, 96, 64), np.float32),
        ({"op": "conv", "c_o": 64, "k": 3, "p": 1, "g": 16}, (2, 64, 60, 70), np.float32),
        ({"op": "dwconv", "k": 5, "s": 2, "p": 2}, (2, 96, 64, 64), np.int8),
        ({"op": "dwconv", "k": 7, "p": 3}, (2, 96, 64, 64), np.float32),
        ({"op": "sepconv", "c_o": 70, "k": 3, "p": 1, "multiplier": 3}, (2, 40, 60, 50), np.float32),
        ({"op": "convT", "c_o": 1, "k": 4, "s": 2, "p": 1}, (1, 1, 200, 190), np.int8),
        ({"op": "convT", "c_o": 48, "k": 3, "s": 2, "p": 1, "g": 3}, (1, 24, 60, 50), np.float64),
        ({"op": "conv", "c_o": 256, "k": 3, "p": 1}, (2, 256, 30, 30), np.float32),
    ],
    ids=str,
)
@pytest.mark.parametrize("memory", [256 << 20, 8 << 20])
def test_no_more_memory_than_promised(layer: dict[str, Any], shape: tuple[int, ...], kind: Any, memory: int) -> None:
    job = Job(cnncalc.load([layer]), shape, np.dtype(kind), seed=0, memory=memory)
    *_, samples = job.result(job.last, shape[0])
    sink = Memory(samples, job.result(job.last, shape[0])[1])
    job.load()
    tracemalloc.start()
    job.run(np.ones(shape, kind), {job.last: sink})
    peak = tracemalloc.get_traced_memory()[1] - np.ones(shape, kind).nbytes
    tracemalloc.stop()
    assert peak <= job.plan.working(shape[0]) + (1 << 18)  # Python's own objects


def test_drawn_weights_take_the_memory_that_is_promised_for_them() -> None:
    job = Job(cnncalc.load("conv:300,k=[1,5000]"), (1, 1, 5000), np.dtype(np.float32), seed=0)
    tracemalloc.start()
    job.load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 300 * 5001 * 4 + (1 << 18)
