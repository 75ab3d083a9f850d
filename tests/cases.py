"""Rows for every op: a layer, an input, and what is known of its output, in one place for all tests of ops.

The figures are worked out by hand, from each framework's documentation of the layer and the formulas beside the rows.
All sizes are different, so that swapped axes show. tests/layers compares the figures, and facts on the ops' classes,
with the layers; tests/execute compares values with tests/naive.py, and matrices with values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from cnncalc.report import LayerReport
from cnncalc.sizes import Shape


class Row(NamedTuple):
    """A layer, or several of which the last one is tested; a sample; and the figures of the tested layer."""

    spec: dict[str, Any] | list[dict[str, Any]]
    input: tuple[int, ...]
    out: Shape
    weights: int = 0
    bias: int = 0
    buffers: int = 0
    macs: int = 0
    dialect: str = "plain"
    layout: str | None = None

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Return the layers of a network that ends with the tested one."""
        return self.spec if isinstance(self.spec, list) else [self.spec]

    def sample(self, layout: str) -> tuple[int, ...]:
        """Return the sizes of a sample in NCHW, or of the same sample with the channels last."""
        return self.input if layout == "NCHW" else (*self.input[1:], self.input[0])

    @property
    def op(self) -> str:
        """Return the op that the row tests."""
        return str(self.layers[-1]["op"])

    def __str__(self) -> str:
        keys = ",".join(f"{k}={v}" for k, v in self.layers[-1].items() if k != "op")
        return f"{self.op}:{keys}-{self.dialect}-{self.layout}"


X = (6, 11, 13)
"""Channels, height and width."""
LAST = (11, 13, 6)
"""The same sizes with the channels last."""
LINE = (3, 17)
CUBE = (2, 5, 7, 11)
MAP = (4, 5, 6)
MAP3 = (4, 3, 5, 6)
"""Smaller sizes, with two and three spatial axes."""

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
    # out: total padding (out-1)*s + k' - n is 2 and 4, 5; even totals are split equally; 5 is 4 after on one axis
    Row({"op": "conv", "c_o": 4, "k": [3, 5], "s": [1, 2], "out": [11, 7]}, X, (4, 11, 7), 360, 4, 0, 360 * 77),
    Row({"op": "conv", "c_o": 4, "k": [2, 4], "out": [11, 13]}, X, (4, 11, 13), 192, 4, 0, 192 * 143),
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
    Row({"op": "dwconv", "k": [3, 4], "out": [13, 13]}, X, (6, 13, 13), 72, 6, 0, 72 * 169),
    Row({"op": "dwconv1d", "k": 4, "multiplier": 2}, LINE, (6, 14), 24, 6, 0, 24 * 14),
    Row({"op": "dwconv3d", "k": [2, 3, 4], "bias": False}, CUBE, (2, 4, 5, 8), 48, 0, 0, 48 * 160),
    # separable: c_i*multiplier*k and then c_i*multiplier*c_o, one bias at the end
    Row({"op": "sepconv", "c_o": 4, "k": [3, 5]}, X, (4, 9, 9), 90 + 24, 4, 0, 114 * 81),
    Row({"op": "sepconv", "c_o": 4, "k": 3, "multiplier": 2}, X, (4, 9, 11), 108 + 48, 4, 0, 156 * 99),
    Row({"op": "sepconv", "c_o": 4, "k": [3, 5]}, LAST, (9, 9, 4), 114, 4, 0, 114 * 81, "keras"),
    Row({"op": "sepconv1d", "c_o": 5, "k": 4}, LINE, (5, 14), 12 + 15, 5, 0, 27 * 14),
    Row({"op": "sepconv3d", "c_o": 3, "k": [2, 3, 4]}, CUBE, (3, 4, 5, 8), 48 + 6, 3, 0, 54 * 160),
    Row({"op": "conv1d", "c_o": 6, "k": 3, "g": 3, "p": 2, "s": 2}, LINE, (6, 10), 6 * 3, 6, 0, 18 * 10),
    Row({"op": "conv3d", "c_o": 4, "k": 3, "g": 2, "p": 1, "s": 2}, CUBE, (4, 3, 4, 6), 4 * 27, 4, 0, 108 * 72),
    Row({"op": "conv3d", "c_o": 3, "k": 2, "d": 2}, MAP3, (3, 1, 3, 4), 3 * 4 * 8, 3, 0, 96 * 12),
    Row({"op": "dwconv3d", "k": 3, "p": "same", "multiplier": 2}, MAP3, (8, 3, 5, 6), 8 * 27, 8, 0, 216 * 90),
    Row({"op": "sepconv", "c_o": 3, "k": 2, "multiplier": 2, "flip": True}, MAP, (3, 4, 5), 32 + 24, 3, 0, 56 * 20),
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
    Row({"op": "convT1d", "c_o": 6, "k": 3, "s": 2, "p": 1, "g": 3, "out_pad": 1}, LINE, (6, 34), 18, 6, 0, 18 * 17),
]

POOLS = [
    # the default stride is the kernel, in plain, torch and keras alike
    Row({"op": "maxpool", "k": [2, 3]}, X, (6, 5, 4)),
    Row({"op": "maxpool", "k": [2, 3]}, X, (6, 5, 4), dialect="torch"),
    Row({"op": "maxpool", "k": [2, 3]}, LAST, (5, 4, 6), dialect="keras"),
    Row({"op": "maxpool", "k": 3, "s": 2, "p": 1}, X, (6, 6, 7)),
    Row({"op": "maxpool", "k": 3, "s": 2, "out": [6, 7]}, X, (6, 6, 7)),
    Row({"op": "maxpool", "k": 4, "s": 3, "out": [4, 5], "ceil": True}, X, (6, 4, 5)),
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
    # Keras drops the axes by default
    Row({"op": "globalavgpool"}, LAST, (6,), dialect="keras"),
    Row({"op": "globalmaxpool", "keepdims": True}, LAST, (1, 1, 6), dialect="keras"),
    Row({"op": "adaptivemaxpool", "out": [4, 5]}, X, (6, 4, 5)),
    Row({"op": "adaptiveavgpool", "out": 7}, X, (6, 7, 7)),
    Row({"op": "adaptiveavgpool", "out": [None, 5]}, X, (6, 11, 5)),
    Row({"op": "adaptiveavgpool", "out": [4, 5]}, LAST, (4, 5, 6), layout="NHWC"),
    # a window of one value is linear; a power mean with norm 1, or of one value, is not
    Row({"op": "maxpool", "k": 1, "s": 2}, MAP, (4, 3, 3)),
    Row({"op": "avgpool", "k": 2, "p": 1, "count_include_pad": False}, MAP, (4, 3, 4)),
    Row({"op": "lppool", "k": 2, "s": 1, "norm": 1}, MAP, (4, 4, 5)),
    Row({"op": "lppool", "k": 1, "norm": 3}, MAP, (4, 5, 6)),
    Row({"op": "globalmaxpool", "keepdims": False}, MAP, (4,)),
    Row({"op": "adaptivemaxpool", "out": [3, None]}, MAP, (4, 3, 6)),
    Row({"op": "adaptiveavgpool", "out": 7}, MAP, (4, 7, 7)),
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
    Row({"op": "reshape", "out": [-1, 3, 2], "axis": 3}, (5, 7, 12), (5, 7, 2, 3, 2)),
    Row({"op": "reshape", "out": [-1], "axis": [-2, 2]}, (5, 7, 12), (5, 7, 12)),
    Row({"op": "reshape", "out": [14, 6], "axis": [2, -1]}, (5, 7, 12), (5, 14, 6)),
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
    Row({"op": "pixelshuffle", "factor": 2, "order": "dcr"}, (12, 5, 7), (3, 10, 14)),
    Row({"op": "pixelunshuffle", "factor": 2}, (3, 10, 14), (12, 5, 7)),
    Row({"op": "pixelunshuffle", "factor": 3, "order": "dcr"}, (2, 6, 9), (18, 2, 3)),
    Row({"op": "pixelunshuffle", "factor": 2}, (10, 14, 3), (5, 7, 12), layout="NHWC"),
    Row({"op": "channelshuffle", "g": 3}, X, X),
    Row({"op": "pad", "p": [[-1, 3], [2, -4]], "value": 2}, X, (6, 13, 11)),
    Row({"op": "pad", "p": [[-2, 9], [3, -1]], "mode": "reflect"}, X, (6, 18, 15)),
    Row({"op": "pad", "p": [[-2, 20], [30, -1]], "mode": "wrap"}, X, (6, 29, 42)),
    Row({"op": "pad", "p": [[2, 1], [-3, 4]], "axis": [1, -1], "mode": "edge"}, X, (9, 11, 14)),
    Row({"op": "pad", "p": 2, "axis": [1]}, (5,), (9,)),
    Row({"op": "pad", "p": [[1, 0], [2, 3]], "mode": "replicate"}, MAP, (4, 6, 11)),
    Row({"op": "upsample", "factor": [1.5, 2.25], "mode": "linear"}, MAP, (4, 7, 13)),
    Row({"op": "upsample", "out": [7, 3], "mode": "bilinear", "align": True}, MAP, (4, 7, 3)),
    Row({"op": "upsample", "factor": 2, "mode": "bicubic"}, MAP, (4, 10, 12)),
    Row({"op": "upsample", "out": [7, 11], "where": "half_pixel", "round": "round_prefer_floor"}, MAP, (4, 7, 11)),
    Row({"op": "upsample", "out": [7, 3], "where": "tf_half_pixel_for_nn"}, MAP, (4, 7, 3)),
    Row({"op": "upsample", "out": [8, 4], "align": True, "round": "ceil"}, MAP, (4, 8, 4)),
    Row({"op": "upsample", "out": [8, 4], "round": "round_prefer_ceil"}, MAP, (4, 8, 4)),
    Row({"op": "upsample", "out": [7, 11], "mode": "bilinear", "where": "asymmetric"}, MAP, (4, 7, 11)),
    Row({"op": "upsample", "factor": 1.3, "mode": "linear", "where": "half_pixel_symmetric"}, MAP, (4, 6, 7)),
    Row({"op": "upsample", "out": 1, "mode": "linear", "where": "pytorch_half_pixel"}, MAP, (4, 1, 1)),
    Row({"op": "upsample", "out": [7, 4], "mode": "cubic", "cubic": -0.5, "exclude_outside": True}, MAP, (4, 7, 4)),
    Row({"op": "upsample", "out": [2, 4], "mode": "linear", "antialias": True}, MAP, (4, 2, 4)),
    Row({"op": "upsample", "out": [3, 9], "mode": "cubic", "antialias": True, "exclude_outside": True}, MAP, (4, 3, 9)),
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
    # PyTorch's default is affine=False: no parameters
    Row({"op": "instancenorm"}, X, X),
    Row({"op": "instancenorm", "scale": True}, X, X, 6, 6),
    Row({"op": "instancenorm", "scale": True, "center": False}, X, X, 6, 0),
    Row({"op": "lrn", "size": 5}, X, X),
    Row({"op": "scale"}, X, X, 6),
    Row({"op": "scale"}, LAST, LAST, 6, layout="NHWC"),
    Row({"op": "batchnorm", "center": False}, MAP, MAP, 4, 0, 8),
    Row({"op": "layernorm", "axis": [1, 2], "scale": False, "center": False}, MAP, MAP),
    Row({"op": "lrn", "size": 3, "alpha": 2.0}, MAP, MAP),
    # linear: the sum has no weight, or no power
    Row({"op": "lrn", "alpha": 0, "offset": 2}, MAP, MAP),
    Row({"op": "lrn", "beta": 0}, MAP, MAP),
]

AFFINE = [
    Row({"op": "scale", "center": True}, X, X, 6, 6),
    Row({"op": "scale", "scale": False, "center": True}, X, X, 0, 6),
    Row({"op": "rescale", "factor": 2, "offset": -1}, X, X),
    Row({"op": "rescale", "offset": [1, 2, 3, 4, 5, 6]}, LAST, LAST, dialect="keras"),
    # keras/src/layers/preprocessing/normalization.py: mean, variance and a count, none of them trainable
    Row({"op": "normalization"}, X, X, 0, 0, 13),
    Row({"op": "normalization", "mean": 1, "variance": 2}, X, X),
    Row({"op": "rescale", "factor": [1, 2, 3, 4], "offset": [4, 3, 2, 1]}, MAP, MAP),
    Row({"op": "normalization", "mean": [1, 2, 3, 4], "variance": [4, 3, 2, 1]}, MAP, MAP),
    Row({"op": "quantize", "scale": 0.125, "zero": 3, "min": -8, "max": 7}, X, X),
    Row({"op": "quantize", "scale": [0.5, 0.25, 0.75, 1], "min": -4, "max": 3}, MAP, MAP),
    Row({"op": "quantize"}, MAP, MAP),
    Row({"op": "quantize", "scale": 0.5, "zero": 7, "min": -8, "max": 7}, X, X),
]

PATCHES = [
    # c*k channels, and (n + P - k')//s + 1 windows on each axis: 9*5, 5*6, 7*5
    Row({"op": "unfold", "k": [3, 5]}, X, (6 * 15, 9 * 9)),
    Row({"op": "unfold", "k": [3, 4], "s": [2, 3], "p": [[0, 1], [2, 0]]}, X, (6 * 12, 5 * 4)),
    Row({"op": "unfold", "k": 2, "d": [2, 3], "p": 1}, X, (6 * 4, 11 * 12)),
    Row({"op": "unfold", "k": 3, "p": "same"}, LAST, (11 * 13, 6 * 9), layout="NHWC"),
    Row({"op": "unfold1d", "k": 4, "s": 3}, LINE, (12, 5)),
    Row({"op": "unfold3d", "k": [2, 3, 4]}, CUBE, (2 * 24, 4 * 5 * 8)),
    Row({"op": "fold", "out": [11, 13], "k": [3, 5]}, (30, 81), (2, 11, 13)),
    Row({"op": "fold", "out": [7, 9], "k": 2, "s": [3, 2], "p": [[0, 1], [1, 0]], "d": 2}, (12, 8), (3, 7, 9)),
    Row({"op": "fold3d", "out": [5, 7, 11], "k": [2, 3, 4]}, (48, 160), (2, 5, 7, 11)),
    Row({"op": "fold1d", "out": 17, "k": 4, "s": 3}, (12, 5), (3, 17)),
]

ARRANGED = [
    Row({"op": "expand", "out": [6, 5, 4]}, (1, 1, 1), (6, 5, 4)),
    Row({"op": "expand", "out": [3, 2, 7]}, (7,), (3, 2, 7)),
    Row({"op": "expand", "out": [2, -1, -1, 4]}, (6, 11, 1), (2, 6, 11, 4), layout="NCHW"),
    Row({"op": "expand", "out": [6, 5, 13]}, (6, 1, 13), (6, 5, 13), layout="NCHW"),
    Row({"op": "tile", "repeats": [1, 3, 2]}, X, (6, 33, 26)),
    Row({"op": "tile", "repeats": [2, 1, 1]}, X, (12, 11, 13)),
    Row({"op": "roll", "shift": 4, "axis": 2}, X, X),
    Row({"op": "roll", "shift": [-3, 20], "axis": [1, -1]}, X, X),
]

PARTS = [
    Row({"op": "slice", "axis": 2, "step": -1}, X, X),
    Row({"op": "slice", "axis": -1, "start": -2, "stop": 1, "step": -3}, X, (6, 11, 4)),
    Row({"op": "gather", "axis": 2, "indices": [4, 0, -1]}, X, (6, 3, 13)),
    Row({"op": "gather", "axis": -1, "indices": [[4, 0], [5, -2], [1, 1]]}, X, (6, 11, 3, 2)),
    Row({"op": "gather", "axis": 1, "indices": 3}, X, (11, 13)),
    Row({"op": "slice", "axis": 1, "start": 2}, X, (4, 11, 13)),
    Row({"op": "slice", "axis": 2, "stop": -3}, X, (6, 8, 13)),
    Row({"op": "slice", "axis": -1, "start": -5, "stop": 100, "step": 2}, X, (6, 11, 3)),
    Row({"op": "slice", "axis": 1, "start": 4, "stop": 5}, (7,), (1,)),
    Row({"op": "mean", "axis": [2, 3]}, X, (6,)),
    Row({"op": "mean", "axis": [-1], "keepdims": True}, X, (6, 11, 1)),
    Row({"op": "mean", "axis": [1]}, X, (11, 13)),
    Row({"op": "mean", "keepdims": True}, X, (1, 1, 1)),
    Row({"op": "sum", "axis": [1, 3]}, X, (11,)),
    Row({"op": "sum", "axis": [-1], "keepdims": True}, X, (6, 11, 1)),
    Row({"op": "prod", "axis": [2, 3]}, MAP, (4,)),
    Row({"op": "prod", "axis": [1], "keepdims": True}, MAP, (1, 5, 6)),
    Row({"op": "l1", "axis": [2]}, X, (6, 13)),
    Row({"op": "l2", "axis": [1, 2, 3], "keepdims": True}, X, (1, 1, 1)),
    Row({"op": "l2", "axis": [1]}, X, (11, 13)),
    Row({"op": "logsumexp", "axis": [2, -1]}, X, (6,)),
    Row({"op": "logsumexp", "axis": [1], "keepdims": True}, X, (1, 11, 13)),
    Row({"op": "min", "axis": [1, 2]}, X, (13,)),
    Row({"op": "max", "axis": [3], "keepdims": True}, X, (6, 11, 1)),
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

FIRST: list[dict[str, Any]] = [{"op": "identity", "name": "a"}, {"op": "slice", "axis": -1, "name": "b"}]
"""Two layers to join."""
SMALL: dict[str, Any] = {"op": "mean", "axis": [1], "keepdims": True, "from": "input", "name": "s"}
"""A third layer, with an axis of size 1."""
INNER = {
    "op": "block",
    "layers": [{"op": "rescale", "factor": 2, "offset": 1}, {"op": "add", "from": ["rescale1", "input"]}],
}
JOINED = [
    Row([*FIRST, {"op": "add", "from": ["a", "b", "a"]}], MAP, MAP),
    Row([*FIRST, {"op": "mul", "from": ["a", "b", "a"]}], MAP, MAP),
    Row([*FIRST, SMALL, {"op": "add", "from": ["b", "s", "a"]}], MAP, MAP),
    Row({"op": "add", "value": -1.5}, MAP, MAP),
    Row({"op": "mul", "value": 0.5}, MAP, MAP),
    Row([FIRST[0], SMALL, {"op": "sub", "from": ["a", "s"]}], MAP, MAP),
    Row({"op": "sub", "value": 2}, MAP, MAP),
    Row([*FIRST, {"op": "exp", "name": "e"}, {"op": "div", "from": ["a", "e"]}], MAP, MAP),
    Row({"op": "div", "value": 4}, MAP, MAP),
    Row([*FIRST, {"op": "exp", "name": "e"}, {"op": "pow", "from": ["e", "a"]}], MAP, MAP),
    Row({"op": "pow", "value": 2}, MAP, MAP),
    Row({"op": "pow", "value": -3}, MAP, MAP),
    Row({"op": "pow", "value": 1}, MAP, MAP),
    Row([*FIRST, {"op": "square", "name": "n"}, SMALL, {"op": "min", "from": ["a", "n", "s"]}], MAP, MAP),
    Row({"op": "min", "value": 0.25}, MAP, MAP),
    Row([*FIRST, {"op": "square", "name": "n"}, {"op": "max", "from": ["n", "b"]}], MAP, MAP),
    Row({"op": "max", "value": -0.25}, MAP, MAP),
    Row({"op": "max", "value": 0.25}, MAP, MAP),
    *[Row({"op": "compare", "by": by, "value": 0}, MAP, MAP) for by in ("gt", "ge", "lt", "le")],
    Row([*FIRST, {"op": "relu", "name": "r"}, {"op": "compare", "by": "eq", "from": ["r", "a"]}], MAP, MAP),
    Row([*FIRST, {"op": "relu", "name": "r"}, {"op": "compare", "by": "ne", "from": ["a", "r"]}], MAP, MAP),
    Row([*FIRST, {"op": "relu", "name": "r"}, SMALL, {"op": "where", "from": ["r", "s", "a"]}], MAP, MAP),
    Row([*FIRST, {"op": "concat", "from": ["a", "b", "a"]}], MAP, (12, 5, 6)),
    Row([*FIRST, {"op": "concat", "from": ["a", "b", "a"], "axis": 2}], MAP, (4, 15, 6)),
    Row([*FIRST, {"op": "stack", "from": ["a", "b", "a"]}], MAP, (3, 4, 5, 6)),
    Row([*FIRST, {"op": "stack", "from": ["a", "b"], "axis": -1}], MAP, (4, 5, 6, 2)),
    Row(INNER, MAP, MAP),
    Row(
        {"op": "block", "layers": [{"op": "conv", "c_o": 3, "k": 2}, {"op": "relu"}]}, MAP, (3, 4, 5), 48, 3, 0, 48 * 20
    ),
]

TURNED: list[dict[str, Any]] = [{"op": "identity", "name": "a"}, {"op": "permute", "order": [1, 3, 2], "name": "b"}]
"""A map, and the same with its last two axes swapped."""
MASK = {"op": "slice", "name": "mask", "axis": 3, "stop": 5, "from": "a"}
"""Numbers that are added to the scores of 5 queries and 5 keys."""
PRODUCTS = [
    # MACs: each output value is the sum of as many products as there are columns
    Row([*TURNED, {"op": "matmul", "from": ["a", "b"]}], MAP, (4, 5, 5), macs=4 * 5 * 5 * 6),
    Row(
        [*TURNED, {"op": "mean", "axis": [1], "name": "c"}, {"op": "matmul", "from": ["a", "c"]}],
        MAP,
        (4, 5, 5),
        macs=4 * 5 * 5 * 6,
    ),
    Row(
        [*TURNED, {"op": "mean", "axis": [1, 2], "name": "c", "from": "a"}, {"op": "matmul", "from": ["a", "c"]}],
        MAP,
        (4, 5),
        macs=4 * 5 * 6,
    ),
    Row([*FIRST, {"op": "einsum", "equation": "cij,cik->cjk", "from": ["a", "b"]}], MAP, (4, 6, 6), macs=4 * 6 * 6 * 5),
    Row([*FIRST, {"op": "einsum", "equation": "cij->ji", "from": "a"}], MAP, (6, 5)),
    Row([*FIRST, {"op": "einsum", "equation": "...i,...i->...", "from": ["a", "b"]}], MAP, (4, 5), macs=4 * 5 * 6),
    # two at a time, from the left: i is summed over 4*6 values of 5 products, then j over 4*6 of 6
    Row(
        [*FIRST, {"op": "einsum", "equation": "cij,cij,ckj->ck", "from": ["a", "b", "a"]}],
        MAP,
        (4, 5),
        macs=4 * 5 * 6 + 4 * 5 * 6,
    ),
    # both products, L*S*(E + Ev)
    Row([*FIRST, {"op": "attention", "from": ["a", "b", "a"]}], MAP, MAP, macs=4 * 5 * 5 * (6 + 6)),
    Row([*FIRST, {"op": "attention", "causal": True, "from": ["a", "b"]}], MAP, MAP, macs=4 * 5 * 5 * (6 + 6)),
    Row(
        [*FIRST, MASK, {"op": "attention", "scale": 0.5, "from": ["a", "b", "a", "mask"]}],
        (4, 5, 6),
        MAP,
        macs=4 * 5 * 5 * (6 + 6),
    ),
    # four projections of 6 features to 6, and attention in 2 heads of 3
    Row({"op": "multihead", "heads": 2}, MAP, MAP, 4 * 36, 24, 0, 4 * (5 * 4 * 36 + 2 * 5 * 5 * (3 + 3))),
    Row(
        [*FIRST, {"op": "multihead", "heads": 3, "key_dim": 2, "value_dim": 4, "out": 7, "from": ["a", "b"]}],
        MAP,
        (4, 5, 7),
        2 * 6 * 6 + 6 * 12 + 12 * 7,
        2 * 6 + 12 + 7,
        0,
        4 * (5 * (2 * 6 * 6 + 6 * 12 + 12 * 7) + 3 * 5 * 5 * (2 + 4)),
    ),
    Row(
        {"op": "multihead", "heads": 2, "bias": False, "causal": True},
        MAP,
        MAP,
        4 * 36,
        macs=4 * (5 * 4 * 36 + 2 * 5 * 5 * (3 + 3)),
    ),
]

BEGINS: list[dict[str, Any]] = [
    {"op": "identity", "name": "a"},
    {"op": "mean", "axis": [2], "name": "c"},
    {"op": "tanh", "name": "d"},
]
"""A sequence, and two initial states."""
WITH_MASK: list[dict[str, Any]] = [
    *BEGINS,
    {"op": "mean", "axis": [3], "name": "n", "from": "a"},
    {"op": "compare", "by": "gt", "value": 0, "name": "m"},
]
"""The same, and a mask of the steps."""
SEQUENCES = [
    Row(
        [{"op": "clip", "min": 0, "max": 6}, {"op": "round"}, {"op": "embedding", "rows": 7, "out": 3}],
        MAP,
        (*MAP, 3),
        7 * 3,
    ),
    # gates*h*(i + h) weights in each direction, as many MACs per step, and two biases of gates*h
    Row({"op": "lstm", "out": 3}, MAP, (4, 5, 3), 12 * 9, 24, 0, 4 * 5 * 12 * 9),
    Row({"op": "lstm", "out": 3, "state": "cell", "backward": True}, MAP, (4, 5, 3), 12 * 9, 24, 0, 4 * 5 * 12 * 9),
    Row(
        {"op": "lstm", "out": 3, "bidirectional": True, "sequences": False, "hidden_bias": False},
        MAP,
        (4, 6),
        2 * 12 * 9,
        2 * 12,
        0,
        4 * 5 * 2 * 12 * 9,
    ),
    # initial states: a hidden state and a cell state, each with both directions concatenated
    Row(
        [*BEGINS, {"op": "lstm", "out": 3, "bidirectional": True, "from": ["a", "c", "d"]}],
        (6, 5, 6),
        (6, 5, 6),
        2 * 12 * 9,
        48,
        0,
        6 * 5 * 2 * 12 * 9,
    ),
    Row(
        [*BEGINS, {"op": "lstm", "out": 6, "state": "both", "sequences": False, "from": ["a", "c", "d"]}],
        (6, 5, 6),
        (6, 12),
        24 * 12,
        48,
        0,
        6 * 5 * 24 * 12,
    ),
    Row([*BEGINS, {"op": "gru", "out": 6, "from": ["a", "c"]}], (6, 5, 6), (6, 5, 6), 216, 36, 0, 30 * 216),
    Row(
        [*BEGINS, {"op": "rnn", "out": 6, "backward": True, "from": ["a", "c"]}],
        (6, 5, 6),
        (6, 5, 6),
        72,
        12,
        0,
        30 * 72,
    ),
    Row({"op": "lstm", "out": 3, "state": "both", "bidirectional": True}, MAP, (4, 5, 12), 216, 48, 0, 20 * 216),
    Row({"op": "gru", "out": 3}, MAP, (4, 5, 3), 9 * 9, 18, 0, 4 * 5 * 9 * 9),
    Row({"op": "gru", "out": 3, "reset_after": False, "bidirectional": True}, MAP, (4, 5, 6), 162, 36, 0, 20 * 162),
    Row({"op": "gru", "out": 3, "bias": False, "sequences": False}, MAP, (4, 3), 81, 0, 0, 20 * 81),
    Row({"op": "rnn", "out": 3}, MAP, (4, 5, 3), 3 * 9, 6, 0, 4 * 5 * 3 * 9),
    Row({"op": "rnn", "out": 3, "activation": "relu", "backward": True}, MAP, (4, 5, 3), 27, 6, 0, 20 * 27),
    Row({"op": "lstm", "out": 3, "activation": "relu", "gate": "hardsigmoid"}, MAP, (4, 5, 3), 108, 24, 0, 20 * 108),
    Row({"op": "gru", "out": 3, "activation": "sigmoid", "gate": "relu"}, MAP, (4, 5, 3), 81, 18, 0, 20 * 81),
    Row({"op": "gru", "out": 3, "activation": "linear", "gate": "tanh"}, MAP, (4, 5, 3), 81, 18, 0, 20 * 81),
    # Keras: one bias, but two if a GRU resets after the product; the kernels are transposed
    Row({"op": "lstm", "out": 3}, MAP, (4, 5, 3), 12 * 9, 12, 0, 4 * 5 * 12 * 9, "keras"),
    Row({"op": "gru", "out": 3}, MAP, (4, 5, 3), 9 * 9, 18, 0, 4 * 5 * 9 * 9, "keras"),
    Row({"op": "gru", "out": 3, "reset_after": False}, MAP, (4, 5, 3), 9 * 9, 9, 0, 4 * 5 * 9 * 9, "keras"),
    Row({"op": "gru", "out": 3}, MAP, (4, 5, 3), 9 * 9, 18, 0, 4 * 5 * 9 * 9, "onnx"),
    # a mask of steps as the last input: at 0 the output is repeated (0 at the start), and the states stay
    Row(
        [*WITH_MASK, {"op": "lstm", "out": 6, "masked": True, "from": ["a", "c", "d", "m"]}],
        (6, 5, 6),
        (6, 5, 6),
        24 * 12,
        48,
        0,
        6 * 5 * 24 * 12,
    ),
    Row(
        [
            *WITH_MASK,
            {"op": "gru", "out": 3, "masked": True, "bidirectional": True, "sequences": False, "from": ["a", "m"]},
        ],
        (6, 5, 6),
        (6, 6),
        2 * 9 * 9,
        36,
        0,
        6 * 5 * 2 * 9 * 9,
    ),
]


def _clip(x: float, least: float, most: float) -> float:
    return min(max(x, least), most)


def _hard(x: float, layer: LayerReport) -> float:
    default = 0.2 if layer.env.dialect.name == "onnx" else 1 / 6
    return _clip(x * layer.node.layer.given.get("alpha", default) + 0.5, 0, 1)  # type: ignore[operator]


def _gelu(x: float, layer: LayerReport) -> float:
    if layer.values["approximate"]:
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


def _real(function: Callable[[float], float], x: float) -> float:
    """Return a function's value; NaN if it is undefined."""
    try:
        return function(x)
    except ValueError:
        return math.nan


def _bounded(x: float, layer: LayerReport) -> float:
    least, most = layer.values["min"], layer.values["max"]
    return _clip(x, -math.inf if least is None else least, math.inf if most is None else most)


FUNCTIONS: dict[str, Callable[[float, LayerReport], float]] = {
    "relu": lambda x, _: max(x, 0.0),
    "relu6": lambda x, _: _clip(x, 0, 6),
    "leakyrelu": lambda x, layer: x if x > 0 else x * layer.values["alpha"],
    "elu": lambda x, layer: x if x > 0 else layer.values["alpha"] * math.expm1(x),
    "gelu": _gelu,
    "clip": _bounded,
    "selu": lambda x, _: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "softplus": lambda x, _: math.log1p(math.exp(x)),
    "softsign": lambda x, _: x / (1 + abs(x)),
    "mish": lambda x, _: x * math.tanh(math.log1p(math.exp(x))),
    "exp": lambda x, _: math.exp(x),
    "silu": lambda x, _: x / (1 + math.exp(-x)),
    "sigmoid": lambda x, _: 1 / (1 + math.exp(-x)),
    "tanh": lambda x, _: math.tanh(x),
    "hardswish": lambda x, _: x * _clip(x / 6 + 0.5, 0, 1),
    "hardsigmoid": _hard,
    "identity": lambda x, _: x,
    "dropout": lambda x, _: x,
    "abs": lambda x, _: abs(x),
    "neg": lambda x, _: -x,
    "sqrt": lambda x, _: _real(math.sqrt, x),
    "rsqrt": lambda x, _: 1 / _real(math.sqrt, x),
    "square": lambda x, _: x * x,
    "reciprocal": lambda x, _: 1 / x,
    "log": lambda x, _: _real(math.log, x),
    "log1p": lambda x, _: _real(math.log1p, x),
    "expm1": lambda x, _: math.expm1(x),
    "floor": lambda x, _: math.floor(x),
    "ceil": lambda x, _: math.ceil(x),
    "round": lambda x, _: round(x),
    "trunc": lambda x, _: math.trunc(x),
    "sign": lambda x, _: (x > 0) - (x < 0),
    "erf": lambda x, _: math.erf(x),
    "sin": lambda x, _: math.sin(x),
    "cos": lambda x, _: math.cos(x),
    "tan": lambda x, _: math.tan(x),
    "asin": lambda x, _: _real(math.asin, x),
    "acos": lambda x, _: _real(math.acos, x),
    "atan": lambda x, _: math.atan(x),
    "sinh": lambda x, _: math.sinh(x),
    "cosh": lambda x, _: math.cosh(x),
    "asinh": lambda x, _: math.asinh(x),
    "acosh": lambda x, _: _real(math.acosh, x),
    "atanh": lambda x, _: _real(math.atanh, x),
    "logsigmoid": lambda x, _: -math.log1p(math.exp(-x)),
    "celu": lambda x, layer: max(x, 0) + min(0, layer.values["alpha"] * math.expm1(x / layer.values["alpha"])),
    "softshrink": lambda x, layer: math.copysign(max(abs(x) - layer.values["lambd"], 0), x),
    "hardshrink": lambda x, layer: x if abs(x) > layer.values["lambd"] else 0,
    "tanhshrink": lambda x, _: x - math.tanh(x),
    "threshold": lambda x, layer: x if x > layer.values["threshold"] else layer.values["value"],
}
"""The elementwise functions of ops for one value: the oracle of tests/naive.py."""

EVERYWHERE = [op for op in FUNCTIONS if op != "acosh"]
"""The functions that are defined for at least some random numbers."""
ACTIVATIONS = [
    Row([{"op": "cosh"}, {"op": "acosh"}], MAP, MAP),
    *[Row({"op": op}, X, X) for op in (*EVERYWHERE, "softmax", "logsoftmax", "cumsum", "normalize")],
    Row({"op": "logsoftmax", "axis": 2}, MAP, MAP),
    Row({"op": "cumsum", "axis": 1}, MAP, MAP),
    Row({"op": "normalize", "axis": [1, 3], "norm": 1, "eps": 0.5}, MAP, MAP),
    Row({"op": "normalize", "axis": [2], "norm": 3}, MAP, MAP),
    Row({"op": "celu", "alpha": 0.5}, MAP, MAP),
    Row({"op": "softshrink", "lambd": 0.25}, MAP, MAP),
    Row({"op": "hardshrink", "lambd": 0.25}, MAP, MAP),
    Row({"op": "threshold", "threshold": 0.5, "value": 2}, MAP, MAP),
    Row({"op": "threshold", "threshold": -0.5, "value": -1}, MAP, MAP),
    Row({"op": "leakyrelu", "alpha": 0.2}, X, X),
    Row({"op": "dropout", "rate": 0.25}, X, X),
    Row({"op": "softmax", "axis": 1}, X, X),
    # PyTorch: one slope, or one per channel; Keras: one per unit, except along shared axes
    Row({"op": "prelu"}, X, X, 1),
    Row({"op": "prelu"}, X, X, 1, dialect="torch"),
    Row({"op": "prelu", "num_parameters": 6}, X, X, 6),
    Row({"op": "prelu"}, LAST, LAST, 858, dialect="keras"),
    Row({"op": "prelu", "shared_axes": [1, 2]}, LAST, LAST, 6, dialect="keras"),
    Row({"op": "prelu", "shared_axes": [1]}, LAST, LAST, 78, dialect="keras"),
    *[Row({"op": op}, (7,), (7,)) for op in (*EVERYWHERE, "softmax", "logsoftmax", "cumsum", "normalize")],
    Row({"op": "identity", "axes": 2}, MAP, MAP),
    Row({"op": "leakyrelu", "alpha": 1}, MAP, MAP),
    Row({"op": "elu", "alpha": 0.5}, MAP, MAP),
    Row({"op": "clip", "min": 0}, MAP, MAP),
    Row({"op": "clip", "min": -1, "max": 0.5}, MAP, MAP),
    Row({"op": "clip", "max": -0.5}, MAP, MAP),
    Row({"op": "clip", "min": 0.5, "max": 1.5}, MAP, MAP),
    Row({"op": "gelu", "approximate": True}, MAP, MAP),
    Row({"op": "hardsigmoid", "alpha": 0.3}, MAP, MAP),
]

ROWS = [
    *CONVOLUTIONS,
    *TRANSPOSED,
    *POOLS,
    *WHOLE,
    *BORDERS,
    *NORMS,
    *AFFINE,
    *PARTS,
    *JOINED,
    *PRODUCTS,
    *SEQUENCES,
    *PATCHES,
    *ARRANGED,
    *ACTIVATIONS,
]
"""Rows of all ops except opaque, which cannot be executed, and those of SPECIAL."""
SPECIAL = {"opaque", "constant", "input", "tobatch", "frombatch", "movebatch"}
"""Ops that read nothing, or have the batch elsewhere; they have tests of their own."""
PLAIN: dict[str, list[Row]] = {}
"""The rows of each op in the dialect plain that do not fix a layout, so that they run in either."""
for _row in ROWS:
    if (_row.dialect, _row.layout) == ("plain", None):
        PLAIN.setdefault(_row.op, []).append(_row)
LAYOUTS = ("NCHW", "NHWC")
LAID: list[tuple[Row, str]] = [
    (row, layout)
    for rows in PLAIN.values()
    for at, row in enumerate(rows)
    for layout in (LAYOUTS if at == 0 else LAYOUTS[at % 2 : at % 2 + 1])
]
"""The rows of PLAIN with a layout each: both for the first row of an op, alternating for the others."""
