"""Every op: its shape, its parameters, its buffers and its multiply-accumulates, worked out by hand.

The sizes are all different, so that swapped axes show. What the figures follow: each framework's own documentation of
the layer, and the formulas beside the rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import cnncalc
from cnncalc.layers import OPS
from cnncalc.sizes import Shape


class Row(NamedTuple):
    """A layer, what arrives (without the batch) and what is expected of it."""

    spec: dict[str, Any]
    input: tuple[int, ...]
    out: Shape
    weights: int = 0
    bias: int = 0
    buffers: int = 0
    macs: int = 0
    dialect: str = "plain"
    layout: str | None = None

    def __str__(self) -> str:
        keys = ",".join(f"{k}={v}" for k, v in self.spec.items() if k != "op")
        return f"{self.spec['op']}:{keys}-{self.dialect}-{self.layout}"


X = (6, 11, 13)
"""Channels, height and width."""
LAST = (11, 13, 6)
"""The same with the channels last."""
LINE = (3, 17)
CUBE = (2, 5, 7, 11)

CONVOLUTIONS = [
    # weights c_o*(c_i/g)*k, MACs c_o*out*(c_i/g)*k
    Row({"op": "conv", "c_o": 4, "k": [3, 5]}, X, (4, 9, 9), 4 * 6 * 15, 4, 0, 4 * 81 * 6 * 15),
    Row({"op": "conv", "c_o": 4, "k": [3, 5], "bias": False}, X, (4, 9, 9), 360, 0, 0, 29160),
    Row({"op": "conv", "c_o": 4}, X, (4, 11, 13), 24, 4, 0, 24 * 143),
    Row({"op": "conv", "c_o": 4, "k": [3, 5], "s": [2, 3], "p": [1, 2]}, X, (4, 6, 5), 360, 4, 0, 360 * 30),
    Row({"op": "conv", "c_o": 4, "k": 3, "p": [[0, 1], [2, 3]]}, X, (4, 10, 16), 216, 4, 0, 216 * 160),
    Row({"op": "conv", "c_o": 4, "k": 3, "d": [2, 3]}, X, (4, 7, 7), 216, 4, 0, 216 * 49),
    Row({"op": "conv", "c_o": 4, "k": 3, "g": 2}, X, (4, 9, 11), 4 * 3 * 9, 4, 0, 108 * 99),
    Row({"op": "conv", "c_o": 4, "k": [2, 3], "p_total": [1, 2]}, X, (4, 11, 13), 144, 4, 0, 144 * 143),
    Row({"op": "conv", "c_o": 4, "k": 3, "s": [2, 3], "p": "same"}, X, (4, 6, 5), 216, 4, 0, 216 * 30),
    Row({"op": "conv", "c_o": 4, "k": 3, "s": [2, 3], "p": "valid"}, X, (4, 5, 4), 216, 4, 0, 216 * 20),
    Row({"op": "conv", "c_o": 4, "k": [3, 5], "p": "full"}, X, (4, 13, 17), 360, 4, 0, 360 * 221),
    Row({"op": "conv", "c_o": 4, "k": [2, 4], "p": "same_lower"}, X, (4, 11, 13), 192, 4, 0, 192 * 143),
    Row({"op": "conv", "c_o": 4, "k": 3, "flip": True}, X, (4, 9, 11), 216, 4, 0, 216 * 99),
    Row({"op": "conv", "c_i": 6, "c_o": 4, "k": 3}, X, (4, 9, 11), 216, 4, 0, 216 * 99),
    Row({"op": "conv", "c_o": 4, "k": [3, 5]}, LAST, (9, 9, 4), 360, 4, 0, 29160, layout="NHWC"),
    Row({"op": "conv", "c_o": 4, "k": 3, "g": 2}, LAST, (9, 11, 4), 108, 4, 0, 108 * 99, "keras"),
    Row({"op": "conv1d", "c_o": 5, "k": 4}, LINE, (5, 14), 5 * 3 * 4, 5, 0, 60 * 14),
    Row({"op": "conv1d", "c_o": 5, "k": 4, "s": 2, "p": [[1, 2]]}, LINE, (5, 9), 60, 5, 0, 60 * 9),
    Row({"op": "conv1d", "c_o": 5, "k": 4, "d": 2, "p": "causal"}, LINE, (5, 17), 60, 5, 0, 60 * 17),
    Row({"op": "conv1d", "c_o": 5, "k": 4}, (17, 3), (14, 5), 60, 5, 0, 840, "keras"),
    Row({"op": "conv3d", "c_o": 3, "k": [2, 3, 4]}, CUBE, (3, 4, 5, 8), 3 * 2 * 24, 3, 0, 144 * 160),
    # depthwise: weights c_i*multiplier*k, MACs the same at every output position
    Row({"op": "dwconv", "k": [3, 5]}, X, (6, 9, 9), 90, 6, 0, 90 * 81),
    Row({"op": "dwconv", "k": 3, "multiplier": 2}, X, (12, 9, 11), 108, 12, 0, 108 * 99),
    Row({"op": "dwconv", "k": 3, "c_o": 18}, X, (18, 9, 11), 162, 18, 0, 162 * 99),
    Row({"op": "dwconv", "k": 3, "multiplier": 2}, LAST, (9, 11, 12), 108, 12, 0, 108 * 99, "keras"),
    Row({"op": "dwconv1d", "k": 4, "multiplier": 2}, LINE, (6, 14), 24, 6, 0, 24 * 14),
    Row({"op": "dwconv3d", "k": [2, 3, 4], "bias": False}, CUBE, (2, 4, 5, 8), 48, 0, 0, 48 * 160),
    # separable: c_i*multiplier*k and then c_i*multiplier*c_o, one bias at the end
    Row({"op": "sepconv", "c_o": 4, "k": [3, 5]}, X, (4, 9, 9), 90 + 24, 4, 0, 114 * 81),
    Row({"op": "sepconv", "c_o": 4, "k": 3, "multiplier": 2}, X, (4, 9, 11), 108 + 48, 4, 0, 156 * 99),
    Row({"op": "sepconv", "c_o": 4, "k": [3, 5]}, LAST, (9, 9, 4), 114, 4, 0, 114 * 81, "keras"),
    Row({"op": "sepconv1d", "c_o": 5, "k": 4}, LINE, (5, 14), 12 + 15, 5, 0, 27 * 14),
    Row({"op": "sepconv3d", "c_o": 3, "k": [2, 3, 4]}, CUBE, (3, 4, 5, 8), 48 + 6, 3, 0, 54 * 160),
]

TRANSPOSED = [
    # out (n-1)*s - P + k' + out_pad, weights c_i*(c_o/g)*k, MACs c_i*in*(c_o/g)*k: per INPUT position
    Row({"op": "convT", "c_o": 4, "k": [3, 5]}, X, (4, 13, 17), 360, 4, 0, 360 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "s": [2, 3]}, X, (4, 23, 39), 216, 4, 0, 216 * 143),
    Row({"op": "convT", "c_o": 4, "k": 4, "s": 2, "p": 1}, X, (4, 22, 26), 384, 4, 0, 384 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "s": 2, "p": 1, "out_pad": 1}, X, (4, 22, 26), 216, 4, 0, 216 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "s": 2, "p": [[0, 1], [1, 2]]}, X, (4, 22, 24), 216, 4, 0, 216 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "d": [2, 3], "g": 2}, X, (4, 15, 19), 108, 4, 0, 108 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "s": [2, 3], "p": "same"}, X, (4, 22, 39), 216, 4, 0, 216 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "s": 2, "out": [22, 24]}, X, (4, 22, 24), 216, 4, 0, 216 * 143),
    Row({"op": "convT", "c_o": 4, "k": 3, "p_total": 3}, X, (4, 10, 12), 216, 4, 0, 216 * 143),
    # torch: out_pad < max(s, d)
    Row({"op": "convT", "c_o": 4, "k": 3, "d": 3, "out_pad": 2}, X, (4, 19, 21), 216, 4, 0, 216 * 143, "torch"),
    # keras valid (n-1)*s + max(k', s), with out_pad (n-1)*s + k' + out_pad; same n*s, with out_pad (n-1)*s + k'%2 + o
    Row({"op": "convT", "c_o": 4, "k": 2, "s": 3, "p": "valid"}, LAST, (33, 39, 4), 96, 4, 0, 96 * 143, "keras"),
    Row({"op": "convT", "c_o": 4, "k": 4, "s": 3, "p": "valid"}, LAST, (34, 40, 4), 384, 4, 0, 384 * 143, "keras"),
    Row(
        {"op": "convT", "c_o": 4, "k": 2, "s": 3, "p": "valid", "out_pad": 0},
        LAST,
        (32, 38, 4),
        96,
        4,
        0,
        96 * 143,
        "keras",
    ),
    Row({"op": "convT", "c_o": 4, "k": 3, "s": 2, "p": "same"}, LAST, (22, 26, 4), 216, 4, 0, 216 * 143, "keras"),
    Row({"op": "convT", "c_o": 4, "k": 1, "s": 2, "p": "same"}, LAST, (22, 26, 4), 24, 4, 0, 24 * 143, "keras"),
    Row(
        {"op": "convT", "c_o": 4, "k": [3, 4], "s": 2, "p": "same", "out_pad": 1},
        LAST,
        (22, 25, 4),
        288,
        4,
        0,
        288 * 143,
        "keras",
    ),
    # plain's valid is PyTorch's: (n-1)*s + k'
    Row({"op": "convT", "c_o": 4, "k": 2, "s": 3, "p": "valid"}, X, (4, 32, 38), 96, 4, 0, 96 * 143),
    Row({"op": "convT1d", "c_o": 5, "k": 4, "s": 3}, LINE, (5, 52), 60, 5, 0, 60 * 17),
    Row({"op": "convT3d", "c_o": 3, "k": [2, 3, 4], "bias": False}, CUBE, (3, 6, 9, 14), 144, 0, 0, 144 * 385),
]

POOLS = [
    # the default stride is the kernel, in plain, torch and keras alike
    Row({"op": "maxpool", "k": [2, 3]}, X, (6, 5, 4)),
    Row({"op": "maxpool", "k": [2, 3]}, X, (6, 5, 4), dialect="torch"),
    Row({"op": "maxpool", "k": [2, 3]}, LAST, (5, 4, 6), dialect="keras"),
    Row({"op": "maxpool", "k": 3, "s": 2, "p": 1}, X, (6, 6, 7)),
    Row({"op": "maxpool", "k": [2, 3], "ceil": True}, X, (6, 6, 5)),
    Row({"op": "maxpool", "k": 2, "d": [2, 3], "s": 1}, X, (6, 9, 10)),
    Row({"op": "maxpool", "k": 3, "s": 2, "p": "same"}, X, (6, 6, 7)),
    # 13 + 2 - 3 = 12 = 4*3: exact; 11 + 2 - 3 = 10, rounded up 5 windows, the last starts at 12 = 11 + 1: dropped
    Row({"op": "maxpool", "k": 3, "s": 3, "p": 1, "ceil": True}, X, (6, 4, 5)),
    Row({"op": "maxpool", "k": 3, "s": 2, "ceil": True}, (6, 2, 2), (6, 1, 1)),
    Row({"op": "maxpool1d", "k": 4, "s": 3}, LINE, (3, 5)),
    Row({"op": "maxpool3d", "k": [2, 3, 4]}, CUBE, (2, 2, 2, 2)),
    Row({"op": "avgpool", "k": [2, 3]}, X, (6, 5, 4)),
    Row({"op": "avgpool", "k": 3, "s": 2, "p": [1, 0], "ceil": True}, X, (6, 6, 6)),
    Row({"op": "avgpool1d", "k": 4, "s": 3, "p": 2}, LINE, (3, 6)),
    Row({"op": "avgpool3d", "k": [2, 3, 4], "s": 1}, CUBE, (2, 4, 5, 8)),
    Row({"op": "lppool", "k": [2, 3]}, X, (6, 5, 4)),
    Row({"op": "lppool", "k": 2, "norm": 1.5, "p": 1}, X, (6, 6, 7)),
    Row({"op": "lppool1d", "k": 4, "ceil": True}, LINE, (3, 5)),
    Row({"op": "lppool3d", "k": [2, 3, 4]}, CUBE, (2, 2, 2, 2)),
    Row({"op": "globalmaxpool"}, X, (6, 1, 1)),
    Row({"op": "globalavgpool"}, X, (6, 1, 1)),
    Row({"op": "globalavgpool", "keepdims": False}, X, (6,)),
    Row({"op": "globalavgpool"}, X, (6, 1, 1), dialect="torch"),
    # Keras drops the axes unless told
    Row({"op": "globalavgpool"}, LAST, (6,), dialect="keras"),
    Row({"op": "globalmaxpool", "keepdims": True}, LAST, (1, 1, 6), dialect="keras"),
    Row({"op": "adaptivemaxpool", "out": [4, 5]}, X, (6, 4, 5)),
    Row({"op": "adaptiveavgpool", "out": 7}, X, (6, 7, 7)),
    Row({"op": "adaptiveavgpool", "out": [None, 5]}, X, (6, 11, 5)),
    Row({"op": "adaptiveavgpool", "out": [4, 5]}, LAST, (4, 5, 6), layout="NHWC"),
]

WHOLE = [
    # in*out weights, on the last axis
    Row({"op": "linear", "out": 7}, (5,), (7,), 35, 7, 0, 35),
    Row({"op": "linear", "out": 7, "bias": False}, (5,), (7,), 35, 0, 0, 35),
    Row({"op": "linear", "out": 7}, X, (6, 11, 7), 91, 7, 0, 6 * 11 * 7 * 13),
    Row({"op": "linear", "out": 7}, LAST, (11, 13, 7), 42, 7, 0, 11 * 13 * 7 * 6, "keras"),
    Row({"op": "flatten"}, X, (858,)),
    Row({"op": "flatten"}, LAST, (858,), dialect="keras"),
    Row({"op": "reshape", "out": [22, 3, 13]}, X, (22, 3, 13)),
    Row({"op": "reshape", "out": [2, -1, 13]}, X, (2, 33, 13)),
    Row({"op": "permute", "order": [1, 3, 2]}, X, (6, 13, 11)),
    Row({"op": "permute", "order": [0, 2, 3, 1]}, X, (11, 13, 6)),
]

BORDERS = [
    Row({"op": "pad", "p": [1, 2]}, X, (6, 13, 17)),
    Row({"op": "pad", "p": [[0, 1], [2, 3]], "mode": "constant", "value": 0.5}, X, (6, 12, 18)),
    Row({"op": "pad", "p": 10, "mode": "reflect"}, X, (6, 31, 33)),
    Row({"op": "pad", "p": [11, 13], "mode": "circular"}, X, (6, 33, 39)),
    Row({"op": "pad", "p": [1, 2]}, LAST, (13, 17, 6), dialect="keras"),
    Row({"op": "crop", "p": [1, 2]}, X, (6, 9, 9)),
    Row({"op": "crop", "p": [[0, 1], [2, 3]]}, X, (6, 10, 8)),
    Row({"op": "crop", "p": [[1, 2], [1, 2]]}, X, (6, 8, 10)),
    Row({"op": "upsample", "factor": 2}, X, (6, 22, 26)),
    Row({"op": "upsample", "factor": [2, 3], "mode": "bilinear"}, X, (6, 22, 39)),
    Row({"op": "upsample", "factor": 1.5}, X, (6, 16, 19)),
    Row({"op": "upsample", "out": [17, 19], "mode": "bicubic", "align": True}, X, (6, 17, 19)),
    Row({"op": "upsample", "factor": [2, 3]}, LAST, (22, 39, 6), dialect="keras"),
    Row({"op": "pixelshuffle", "factor": 2}, (12, 5, 7), (3, 10, 14)),
    Row({"op": "pixelshuffle", "factor": 3}, (5, 7, 18), (15, 21, 2), layout="NHWC"),
    Row({"op": "channelshuffle", "g": 3}, X, X),
]

NORMS = [
    Row({"op": "batchnorm"}, X, X, 6, 6, 12),
    Row({"op": "batchnorm"}, LAST, LAST, 6, 6, 12, dialect="keras"),
    Row({"op": "batchnorm", "scale": False}, X, X, 0, 6, 12),
    Row({"op": "batchnorm", "center": False, "scale": False}, X, X, 0, 0, 12),
    Row({"op": "batchnorm"}, (5,), (5,), 5, 5, 10),
    # the last axis, or those named: the batch is axis 0
    Row({"op": "layernorm"}, X, X, 13, 13),
    Row({"op": "layernorm"}, LAST, LAST, 6, 6, layout="NHWC"),
    Row({"op": "layernorm", "axis": [1, 2, 3]}, X, X, 858, 858),
    Row({"op": "layernorm", "axis": [-2, -1]}, X, X, 143, 143),
    Row({"op": "layernorm", "axis": [1], "center": False}, X, X, 6, 0),
    Row({"op": "groupnorm", "g": 3}, X, X, 6, 6),
    Row({"op": "groupnorm", "g": 2}, LAST, LAST, 6, 6, layout="NHWC"),
    # PyTorch's affine=False: nothing unless asked
    Row({"op": "instancenorm"}, X, X),
    Row({"op": "instancenorm", "scale": True}, X, X, 6, 6),
    Row({"op": "instancenorm", "scale": True, "center": False}, X, X, 6, 0),
    Row({"op": "lrn", "size": 5}, X, X),
    Row({"op": "scale"}, X, X, 6),
    Row({"op": "scale"}, LAST, LAST, 6, layout="NHWC"),
]

AFFINE = [
    Row({"op": "scale", "center": True}, X, X, 6, 6),
    Row({"op": "scale", "scale": False, "center": True}, X, X, 0, 6),
    Row({"op": "rescale", "factor": 2, "offset": -1}, X, X),
    Row({"op": "rescale", "offset": [1, 2, 3, 4, 5, 6]}, LAST, LAST, dialect="keras"),
    # keras/src/layers/preprocessing/normalization.py: mean, variance and a count, none of them trained
    Row({"op": "normalization"}, X, X, 0, 0, 13),
    Row({"op": "normalization", "mean": 1, "variance": 2}, X, X),
]

PARTS = [
    Row({"op": "slice", "axis": 1, "start": 2}, X, (4, 11, 13)),
    Row({"op": "slice", "axis": 2, "stop": -3}, X, (6, 8, 13)),
    Row({"op": "slice", "axis": -1, "start": -5, "stop": 100, "step": 2}, X, (6, 11, 3)),
    Row({"op": "slice", "axis": 1, "start": 4, "stop": 5}, (7,), (1,)),
    Row({"op": "mean", "axis": [2, 3]}, X, (6,)),
    Row({"op": "mean", "axis": [-1], "keepdims": True}, X, (6, 11, 1)),
    Row({"op": "mean", "axis": [1]}, X, (11, 13)),
    Row(
        {"op": "block", "layers": [{"op": "conv", "c_o": 4, "k": 3}, {"op": "batchnorm"}]},
        X,
        (4, 9, 11),
        220,
        8,
        8,
        21384,
    ),
]

SIMPLE = ("relu", "relu6", "leakyrelu", "elu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "softmax")
MORE = ("clip", "selu", "softplus", "softsign", "mish", "exp")

ACTIVATIONS = [
    *[Row({"op": op}, X, X) for op in (*SIMPLE, *MORE, "identity", "dropout")],
    Row({"op": "leakyrelu", "alpha": 0.2}, X, X),
    Row({"op": "dropout", "rate": 0.25}, X, X),
    Row({"op": "softmax", "axis": 1}, X, X),
    # PyTorch: one slope, or one a channel; Keras: one a unit but along the shared axes
    Row({"op": "prelu"}, X, X, 1),
    Row({"op": "prelu"}, X, X, 1, dialect="torch"),
    Row({"op": "prelu", "num_parameters": 6}, X, X, 6),
    Row({"op": "prelu"}, LAST, LAST, 858, dialect="keras"),
    Row({"op": "prelu", "shared_axes": [1, 2]}, LAST, LAST, 6, dialect="keras"),
    Row({"op": "prelu", "shared_axes": [1]}, LAST, LAST, 78, dialect="keras"),
]

ROWS = [*CONVOLUTIONS, *TRANSPOSED, *POOLS, *WHOLE, *BORDERS, *NORMS, *AFFINE, *PARTS, *ACTIVATIONS]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_layer(row: Row) -> None:
    report = cnncalc.shape([row.spec], input=row.input, dialect=row.dialect, layout=row.layout)
    (layer,) = report.layers
    assert layer.out == row.out
    assert (layer.weights, layer.bias) == (row.weights, row.bias)
    assert layer.params == row.weights + row.bias
    assert layer.buffers == row.buffers
    assert layer.macs == row.macs
    assert (report.out, report.params, report.buffers, report.macs) == (
        row.out,
        row.weights + row.bias,
        row.buffers,
        row.macs,
    )


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.input) > 1], ids=str)
def test_a_batch_multiplies_the_work_and_nothing_else(row: Row) -> None:
    (layer,) = cnncalc.shape([row.spec], row.input, batch=5, dialect=row.dialect, layout=row.layout).layers
    assert layer.x == (5, *row.input)
    assert layer.out == (5, *row.out)
    assert layer.params == row.weights + row.bias
    assert layer.macs == 5 * row.macs


OPTIONAL = {
    "convT": {"out"},
    "convT1d": {"out"},
    "convT3d": {"out"},
    "upsample": {"factor", "out"},
    "prelu": {"num_parameters", "shared_axes"},
    "batchnorm": {"c_i"},
    "normalization": {"mean", "variance"},
    "identity": {"axes"},
}
"""Keys that a resolved layer may go without: another one stands for them, or they only check."""


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_resolved_layer_leaves_nothing_to_a_default(row: Row) -> None:
    report = cnncalc.shape([row.spec], input=row.input, dialect=row.dialect, layout=row.layout).to_dict()
    op = row.spec["op"]
    missing = set(OPS[op][0].KEYS) - {"p_total"} - set(report["layers"][0])
    assert missing <= OPTIONAL.get(op, set())
    assert cnncalc.shape(report).to_dict() == report


def test_every_op_has_a_row() -> None:
    """Those that join several layers have theirs in test_joins.py."""
    assert {row.spec["op"] for row in ROWS} == {op for op, (cls, _) in OPS.items() if not cls.JOINS}


# Defaults that differ by dialect, as they are resolved.


def resolved(spec: dict[str, Any], dialect: str, input: tuple[int, ...] = (7, 8, 9)) -> dict[str, Any]:
    """A layer's keys with every default written out."""
    found: dict[str, Any] = cnncalc.shape([spec], input=input, dialect=dialect).to_dict()["layers"][0]
    return found


@pytest.mark.parametrize(
    ("spec", "key", "plain", "torch", "keras"),
    [
        ({"op": "avgpool", "k": 3, "p": 1}, "count_include_pad", True, True, False),
        ({"op": "avgpool", "k": 3, "p_total": 2}, "count_include_pad", True, True, False),
        ({"op": "avgpool", "k": 3, "count_include_pad": True}, "count_include_pad", True, True, True),
        ({"op": "avgpool", "k": 3, "count_include_pad": False}, "count_include_pad", False, False, False),
        ({"op": "batchnorm"}, "eps", 1e-5, 1e-5, 1e-3),
        ({"op": "layernorm"}, "eps", 1e-5, 1e-5, 1e-3),
        ({"op": "groupnorm", "g": 1}, "eps", 1e-5, 1e-5, 1e-3),
        ({"op": "instancenorm"}, "eps", 1e-5, 1e-5, 1e-3),
        ({"op": "batchnorm", "eps": 0.5}, "eps", 0.5, 0.5, 0.5),
        ({"op": "leakyrelu"}, "alpha", 0.01, 0.01, 0.3),
        ({"op": "leakyrelu", "alpha": 0.1}, "alpha", 0.1, 0.1, 0.1),
        ({"op": "globalavgpool"}, "keepdims", True, True, False),
        ({"op": "maxpool", "k": [2, 3]}, "s", [2, 3], [2, 3], [2, 3]),
        ({"op": "conv", "c_o": 2, "k": 2}, "p", [[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ({"op": "conv", "c_o": 2, "k": 2, "p": "same"}, "p", [[0, 1], [0, 1]], [[0, 1], [0, 1]], [[0, 1], [0, 1]]),
    ],
)
def test_what_a_dialect_takes_for_granted(
    spec: dict[str, Any], key: str, plain: object, torch: object, keras: object
) -> None:
    assert [resolved(spec, d)[key] for d in ("plain", "torch", "keras")] == [plain, torch, keras]


def test_an_average_pool_of_padding_same_never_counts_it() -> None:
    for dialect in ("plain", "keras"):
        assert resolved({"op": "avgpool", "k": 3, "p": "same"}, dialect)["count_include_pad"] is False


@pytest.mark.parametrize(
    ("spec", "p", "out_pad"),
    [
        # P = max((n-1)*s + k' - out, 0), pb = P//2, by n = 8 and s = 2
        ({"k": 3, "p": "same"}, (0, 1), 0),
        ({"k": 5, "p": "same"}, (1, 2), 0),
        ({"k": 4, "p": "same"}, (1, 1), 0),
        ({"k": 1, "p": "same"}, (0, 0), 1),
        # ONNX: P = (n-1)*s + out_pad + k' - out, pb = P - P//2 unless SAME_UPPER; a negative P appends zeros
        ({"k": 4, "out": 15}, (2, 1), 0),
        ({"k": 4, "out": 15, "p": "same_upper"}, (1, 2), 0),
        ({"k": 4, "out": 18}, (0, 0), 0),
        ({"k": 4, "out": 19}, (0, 0), 1),
    ],
)
def test_which_cells_a_transposed_conv_cuts_away(spec: dict[str, Any], p: tuple[int, int], out_pad: int) -> None:
    found = resolved({"op": "convT", "c_o": 2, "s": 2, **spec}, "plain", (3, 8, 8))
    assert found["p"] == [list(p)] * 2
    assert found["out_pad"] == [out_pad] * 2


# Impossible shapes. The text is the message: where, what with its numbers, and what would help.

C, P, T = {"op": "conv", "c_o": 4, "k": 3}, {"op": "maxpool", "k": 3}, {"op": "convT", "c_o": 4, "k": 3}


@pytest.mark.parametrize(
    ("spec", "input", "dialect", "message"),
    [
        (
            C | {"k": 5, "s": 2, "name": "c1"},
            (3, 2, 7),
            "plain",
            "'c1': does not fit: floor((2 + 0 - 5)/2) + 1 < 1 on the height axis\n"
            "  the padded input (2) is smaller than the kernel (5): lower k to 2, or raise p to 2",
        ),
        (
            C | {"d": [1, 4], "p": [[0, 0], [0, 1]]},
            (3, 7, 5),
            "plain",
            "'conv1': does not fit: floor((5 + 1 - 9)/1) + 1 < 1 on the width axis\n"
            "  the padded input (6) is smaller than the kernel (9 = 4*(3 - 1) + 1): lower k to 2, or raise p to 2",
        ),
        (
            P | {"k": 4, "s": 2, "ceil": True},
            (3, 1, 5),
            "plain",
            "'maxpool1': does not fit: ceil((1 + 0 - 4)/2) + 1 < 1 on the height axis\n"
            "  the padded input (1) is smaller than the kernel (4): lower k to 1, or raise p to 2",
        ),
        (
            C | {"g": 4},
            (6, 7, 9),
            "plain",
            "'conv1': g=4 does not divide c_i=6: 6 = 1*4 + 2\n  divisors of both 6 and 4: 1, 2",
        ),
        (
            C | {"g": 3},
            (6, 7, 9),
            "plain",
            "'conv1': g=3 does not divide c_o=4: 4 = 1*3 + 1\n  divisors of both 4 and 6: 1, 2",
        ),
        (
            C | {"c_i": 5},
            (6, 7, 9),
            "plain",
            "'conv1': expects 5 input channels, gets 6\n  remove c_i, set it to 6, or fix the layer before",
        ),
        (
            {"op": "linear", "out": 4, "c_i": 5},
            (6,),
            "plain",
            "'linear1': expects 5 input features, gets 6\n  remove c_i, set it to 6, or fix the layer before",
        ),
        (
            {"op": "dwconv", "c_o": 9},
            (6, 7, 9),
            "plain",
            "'dwconv1': c_o=6 does not divide c_o=9: 9 = 1*6 + 3\n  divisors of 9: 1, 3, 9",
        ),
        (
            {"op": "dwconv", "c_o": 18, "multiplier": 2},
            (6, 7, 9),
            "plain",
            "'dwconv1': c_o is 18, and c_i*multiplier = 6*2\n  leave c_o out",
        ),
        (
            P | {"p": [1, 2]},
            (3, 7, 9),
            "torch",
            "'maxpool1': p is 2 on the width axis, and PyTorch allows at most k//2 = 3//2 = 1\n"
            "  lower p to 1, or use --dialect plain",
        ),
        (
            P | {"p": 3},
            (3, 7, 9),
            "plain",
            "'maxpool1': window 0 on the height axis holds no input pixel: it covers 0*3 - 3 = -3 to -1, "
            "the input is 0 to 6\n  the padding has to stay below the kernel's extent (3): lower p",
        ),
        (
            {"op": "avgpool", "k": 2, "s": 1, "p": [0, 2], "d": [1, 4]},
            (3, 7, 2),
            "plain",
            "'avgpool1': window 0 on the width axis holds no input pixel: it covers 0*1 - 2 = -2 to 2 in steps of 4, "
            "the input is 0 to 1\n  the padding has to stay below the kernel's extent (5): lower p",
        ),
        (
            {"op": "avgpool3d", "k": [3, 2, 2], "p": [1, 0, 0]},
            (3, 2, 7, 9),
            "torch",
            "'avgpool3d1': does not fit: PyTorch's avgpool3d wants n >= k before padding, and 2 < 3 on the depth axis\n"
            "  lower k to 2, or use --dialect plain",
        ),
        (
            T | {"s": 2, "out_pad": 2},
            (3, 7, 9),
            "torch",
            "'convT1': out_pad is 2 on the height axis, and has to be below max(s, d) = max(2, 1) = 2\n"
            "  lower out_pad to 1",
        ),
        (
            T | {"s": 2, "p": "same", "out_pad": [1, 2]},
            (7, 9, 3),
            "keras",
            "'convT1': out_pad is 2 on the width axis, and has to be below s = 2\n  lower out_pad to 1",
        ),
        (
            T | {"p": [0, 3]},
            (3, 7, 3),
            "plain",
            "'convT1': the output is empty: (3 - 1)*1 - (3+3) + 3 = -1 < 1 on the width axis\n"
            "  the padding cuts away all of it: lower p to 2",
        ),
        (
            {"op": "reshape", "out": [4, 5]},
            (3, 7, 2),
            "plain",
            "'reshape1': 3x7x2 is 3*7*2 = 42 values, and out asks for 4*5 = 20\n"
            "  both have to hold the same number of values; -1 stands for what the other sizes leave",
        ),
        (
            {"op": "reshape", "out": [4, -1]},
            (3, 7, 2),
            "plain",
            "'reshape1': 3x7x2 is 3*7*2 = 42 values, and out asks for 4*-1\n"
            "  both have to hold the same number of values; -1 stands for what the other sizes leave",
        ),
        (
            {"op": "reshape", "out": [-1, -1]},
            (3, 7, 2),
            "plain",
            "'reshape1': out is -1x-1: sizes are at least 1, and one may be -1",
        ),
        (
            {"op": "permute", "order": [1, 2]},
            (3, 7, 2),
            "plain",
            "'permute1': order is [1, 2], and the axes of 3x7x2 are 1 to 3\n"
            "  each axis once; the batch is axis 0, and may be left out",
        ),
        (
            {"op": "pixelshuffle", "factor": 2},
            (6, 7, 9),
            "plain",
            "'pixelshuffle1': factor=2 needs a multiple of 2*2 = 4 input channels, gets 6\n  6 = 1*4 + 2",
        ),
        (
            {"op": "channelshuffle", "g": 4},
            (6, 7, 9),
            "plain",
            "'channelshuffle1': g=4 does not divide channels=6: 6 = 1*4 + 2\n  divisors of 6: 1, 2, 3, 6",
        ),
        (
            {"op": "crop", "p": [[3, 4], [0, 1]]},
            (6, 7, 9),
            "plain",
            "'crop1': the output is empty: 7 - 3 - 4 = 0 < 1 on the height axis\n  crop less",
        ),
        (
            {"op": "pad", "p": 7, "mode": "reflect"},
            (6, 7, 9),
            "plain",
            "'pad1': reflect padding of 7 needs at least 8 values, gets 7\n  lower p to 6, or use mode=constant",
        ),
        (
            C | {"p": "same", "s": [1, 2]},
            (6, 7, 9),
            "torch",
            "'conv1': PyTorch refuses padding same together with a stride: s is 1x2\n"
            "  write the padding as numbers, or use --dialect plain for Keras's meaning",
        ),
        (
            P | {"p": "same"},
            (6, 7, 9),
            "torch",
            "'maxpool1': PyTorch has no padding 'same' here\n  write the padding as numbers",
        ),
        (
            P | {"ceil": True},
            (7, 9, 6),
            "keras",
            "'maxpool1': Keras's pools always round down\n  leave ceil out",
        ),
        (
            {"op": "avgpool", "k": 2, "d": 2},
            (6, 7, 9),
            "torch",
            "'avgpool1': PyTorch's avgpool has no dilation\n  leave d out",
        ),
        (
            {"op": "lppool", "k": 2, "p": 1},
            (6, 7, 9),
            "torch",
            "'lppool1': PyTorch's lppool has no padding\n  leave p out, or put a pad layer before it",
        ),
        (
            C | {"s": 2, "d": [1, 3]},
            (7, 9, 6),
            "keras",
            "'conv1': Keras refuses a stride and a dilation together: s is 2x2, d is 1x3\n  make one of the two 1",
        ),
        (
            C | {"p": "causal"},
            (6, 7, 9),
            "plain",
            "'conv1': causal padding is for one axis, this layer has 2\n  write the sides, as p=0+1x2",
        ),
        (
            T | {"g": 2},
            (7, 9, 6),
            "keras",
            "'convT1': Keras's transposed convolution has no groups\n  leave g out",
        ),
        (
            {"op": "upsample"},
            (6, 7, 9),
            "plain",
            "'upsample1': upsample takes either factor or out\n  as upsample:factor=2 or upsample:56x56",
        ),
        (
            {"op": "upsample", "factor": 0.1},
            (6, 7, 9),
            "plain",
            "'upsample1': the output is empty: floor(7*0.1) = 0 < 1\n  raise factor",
        ),
        (
            {"op": "softmax", "axis": 4},
            (6, 7, 9),
            "plain",
            "'softmax1': axis 4 is not an axis of 6x7x9\n  the axes are 1 to 3, the batch is 0, the last is -1",
        ),
        (
            {"op": "layernorm", "axis": [0]},
            (6, 7, 9),
            "plain",
            "'layernorm1': axis 0 is not an axis of 6x7x9\n  the axes are 1 to 3, the batch is 0, the last is -1",
        ),
        (
            {"op": "groupnorm", "g": 4},
            (6, 7, 9),
            "plain",
            "'groupnorm1': g=4 does not divide channels=6: 6 = 1*4 + 2\n  divisors of 6: 1, 2, 3, 6",
        ),
        (
            {"op": "prelu", "num_parameters": 5},
            (6, 7, 9),
            "plain",
            "'prelu1': num_parameters is 5, gets 6 channels\n  set it to 1 or 6",
        ),
    ],
)
def test_what_cannot_be(spec: dict[str, Any], input: tuple[int, ...], dialect: str, message: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape([spec], input=input, dialect=dialect)
    assert str(caught.value) == f"layers[0] {message}"


@pytest.mark.parametrize(
    ("spec", "input", "message"),
    [
        (
            [{"op": "flatten"}, C],
            (6, 7, 9),
            "layers[1] 'conv1': conv works on channels and 2 axes, and gets 378",
        ),
        (
            [C, {"op": "conv1d", "c_o": 2}],
            (6, 7, 9),
            "layers[1] 'conv1d1': conv1d works on channels and 1 axis, and gets 4x5x7\n  for 2 axes the op is conv",
        ),
        (
            [{"op": "globalavgpool", "keepdims": False}, {"op": "maxpool", "k": 1}],
            (6, 7, 9),
            "layers[1] 'maxpool1': maxpool works on channels and 2 axes, and gets 6",
        ),
        (
            [C],
            (2, 6, 7, 9, 11),
            "the input 2x6x7x9x11 has 5 sizes; the first spatial layer has 2 axes\n"
            "  an input is H,W (one channel), C,H,W, or N,C,H,W",
        ),
        (
            [{"op": "conv3d", "c_o": 2}],
            (6, 7),
            "the input 6x7 has 2 sizes; the first spatial layer has 3 axes\n"
            "  an input is D,H,W (one channel), C,D,H,W, or N,C,D,H,W",
        ),
    ],
)
def test_the_wrong_number_of_axes(spec: list[dict[str, Any]], input: tuple[int, ...], message: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape(spec, input=input)
    assert str(caught.value) == message


# Further rules, each with its reason.


def test_a_pool_padded_with_numbers_stands_where_every_window_holds_a_pixel() -> None:
    assert cnncalc.shape([P | {"p": 2, "s": 1}], input=(3, 7, 9)).out == (3, 9, 11)


def test_valid_is_no_padding_and_says_nothing_about_rounding() -> None:
    """P = 0, and `ceil` is a pool's own option: 11 by 2 in 6 windows, 13 by 2 in 7."""
    for p in (0, "valid"):
        assert cnncalc.shape([{"op": "maxpool", "k": 2, "p": p, "ceil": True}], input=X).out == (6, 6, 7)


def test_features_before_a_linear_layer_are_one_size_whatever_follows() -> None:
    """A generator: 100 numbers, made into a map."""
    report = cnncalc.shape("linear:96 reshape:6x4x4 convT:3,k4,s2,p1", input=(100,))
    assert report.out == (3, 8, 8)
    assert report.params == (100 * 96 + 96) + (6 * 3 * 16 + 3)


def test_features_before_a_linear_layer_are_one_size_with_one_axis_below() -> None:
    report = cnncalc.shape("linear:12 reshape:3x4 conv1d:5,k2", input=(100,))
    assert [layer.x for layer in report.layers] == [(100,), (12,), (3, 4)]


@pytest.mark.parametrize("key", ["p", "p_total"])
def test_no_padding_is_a_padding_that_was_given(key: str) -> None:
    layer = {"op": "convT1d", "c_o": 4, "k": 4, "s": 2, "out": 16, key: 0}
    with pytest.raises(cnncalc.ShapeError, match="out is 16, and p gives"):
        cnncalc.shape(layer, (3, 8))


def test_a_whole_factor_is_one_however_it_is_written() -> None:
    spec = {"op": "upsample", "factor": 2.0}
    assert cnncalc.shape(spec, "3xHxW").to_dict()["report"]["out"] == [3, "H*2", "W*2"]


def test_a_pair_for_all_axes_by_any_name_of_the_padding() -> None:
    assert cnncalc.shape("pad:p=0+1", "3x8x8").out == cnncalc.shape("pad:padding=0+1", "3x8x8").out == (3, 9, 9)
