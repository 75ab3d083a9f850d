"""The shape, parameters, buffers and multiply-accumulates of every op, compared with the rows of tests/cases.py."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.layers import OPS
from tests.cases import PLAIN, ROWS, SPECIAL, Row, X


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_layer(row: Row) -> None:
    report = cnncalc.shape(row.layers, input=row.input, dialect=row.dialect, layout=row.layout)
    layer = report.layers[-1]
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
    layer = cnncalc.shape(row.layers, row.input, batch=5, dialect=row.dialect, layout=row.layout).layers[-1]
    assert layer.x == (5, *row.input)
    assert layer.out == (5, *row.out)
    assert layer.params == row.weights + row.bias
    assert layer.macs == 5 * row.macs


OPTIONAL = {
    **{
        op + end: {"out"}
        for op in ("conv", "dwconv", "sepconv", "convT", "maxpool", "avgpool", "lppool")
        for end in ("", "1d", "3d")
    },
    "upsample": {"factor", "out", "where", "round", "cubic", "exclude_outside", "antialias"},
    "pad": {"axis"},
    "prelu": {"num_parameters", "shared_axes"},
    **{op: {"value"} for op in ("add", "sub", "mul", "div", "pow", "compare")},
    **{op: {"value", "axis", "keepdims"} for op in ("min", "max")},
    **{op: {"c_i"} for op in ("batchnorm", "groupnorm", "instancenorm")},
    "layernorm": {"sizes"},
    "normalization": {"mean", "variance"},
    "quantize": {"scale"},
    "identity": {"axes"},
    "reshape": {"axis"},
}
"""Keys that a resolved layer may lack: another key replaces them, or they are only checked."""


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_resolved_layer_leaves_nothing_to_a_default(row: Row) -> None:
    report = cnncalc.shape(row.layers, input=row.input, dialect=row.dialect, layout=row.layout).to_dict()
    missing = set(OPS[row.op][0].KEYS) - {"p_total"} - set(report["layers"][-1])
    assert missing <= OPTIONAL.get(row.op, set())
    assert cnncalc.shape(report).to_dict() == report


def test_every_op_has_a_row() -> None:
    """Except those in SPECIAL, which have their own tests; one row is in the dialect plain, in which tests run ops."""
    assert {row.op for row in ROWS} == set(PLAIN) == set(OPS) - SPECIAL


# Defaults that differ by dialect, as they are resolved.


def resolved(spec: dict[str, Any], dialect: str, input: tuple[int, ...] = (7, 8, 9)) -> dict[str, Any]:
    """Return a layer's keys with every default written out."""
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


# Impossible shapes, with their messages: where, what with its numbers, and what would help.

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
            "'dwconv1': c_o=9 is not a multiple of c_i=6: 9 = 1*6 + 3\n"
            "  give c_o=6 or c_o=12; sepconv and conv give any number of channels",
        ),
        (
            {"op": "dwconv", "c_o": 18, "multiplier": 2},
            (6, 7, 9),
            "plain",
            "'dwconv1': c_o is 18, but c_i*multiplier = 6*2\n  leave c_o out",
        ),
        (
            P | {"p": [1, 2]},
            (3, 7, 9),
            "torch",
            "'maxpool1': p is 2 on the width axis, but PyTorch allows at most k//2 = 3//2 = 1\n"
            "  lower p to 1, or use --dialect plain",
        ),
        (
            P | {"p": 3},
            (3, 7, 9),
            "plain",
            "'maxpool1': window 0 on the height axis holds no input pixel: it covers 0*3 - 3 = -3 to -1, "
            "the input is 0 to 6\n  the padding must be below the kernel's extent (3): lower p to 2",
        ),
        (
            {"op": "avgpool", "k": 2, "s": 1, "p": [0, 2], "d": [1, 4]},
            (3, 7, 2),
            "plain",
            "'avgpool1': window 0 on the width axis holds no input pixel: it covers 0*1 - 2 = -2 to 2 in steps of 4, "
            "the input is 0 to 1\n  lower d to 2",
        ),
        (
            {"op": "avgpool3d", "k": [3, 2, 2], "p": [1, 0, 0]},
            (3, 2, 7, 9),
            "torch",
            "'avgpool3d1': does not fit: PyTorch's avgpool3d needs n >= k before padding, but 2 < 3 on the depth axis\n"
            "  lower k to 2, or use --dialect plain",
        ),
        (
            T | {"s": 2, "out_pad": 2},
            (3, 7, 9),
            "torch",
            "'convT1': out_pad is 2 on the height axis, but must be below max(s, d) = max(2, 1) = 2\n"
            "  lower out_pad to 1",
        ),
        (
            T | {"s": 2, "p": "same", "out_pad": [1, 2]},
            (7, 9, 3),
            "keras",
            "'convT1': out_pad is 2 on the width axis, but must be below s = 2\n  lower out_pad to 1",
        ),
        (
            T | {"p": [0, 3]},
            (3, 7, 3),
            "plain",
            "'convT1': the output is empty: (3 - 1)*1 - (3+3) + 3 = -1 < 1 on the width axis\n"
            "  the padding cuts away all of it: lower p to 2",
        ),
        (
            {"op": "groupnorm", "g": 2, "c_i": 6},
            (8, 7, 2),
            "plain",
            "'groupnorm1': expects 6 input channels, gets 8\n  remove c_i, set it to 8, or fix the layer before",
        ),
        (
            {"op": "layernorm", "sizes": [2, 7], "axis": [2, 3]},
            (8, 7, 2),
            "plain",
            "'layernorm1': normalizes axes of 2x7, gets 7x2\n  remove sizes, set it to [7, 2], or fix the layer before",
        ),
        (
            {"op": "layernorm", "sizes": [5, 7], "axis": [2, 3]},
            (8, 4, "W"),
            "plain",
            "'layernorm1': normalizes axes of 5x7, gets 4xW\n  remove sizes, or fix the layer before",
        ),
        (
            {"op": "reshape", "out": [4, 5]},
            (3, 7, 2),
            "plain",
            "'reshape1': 3x7x2 is 3*7*2 = 42 values, but out asks for 4*5 = 20\n"
            "  both must have the same number of values; -1 is inferred from the other sizes",
        ),
        (
            {"op": "reshape", "out": [4, -1]},
            (3, 7, 2),
            "plain",
            "'reshape1': 3x7x2 is 3*7*2 = 42 values, but out asks for 4*-1\n"
            "  both must have the same number of values; -1 is inferred from the other sizes",
        ),
        (
            {"op": "reshape", "out": []},
            (3, 7, 2),
            "plain",
            "'reshape1': 3x7x2 is 3*7*2 = 42 values, but out asks for a single one\n"
            "  both must have the same number of values; -1 is inferred from the other sizes",
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
            "'permute1': order is [1, 2], but the axes of 3x7x2 are 1 to 3\n"
            "  give each axis once; the batch is axis 0 and may be left out",
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
            "'conv1': causal padding is for one axis, this layer has 2\n  write the two sides, for example p=0+1x2",
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
            "'upsample1': upsample takes either factor or out\n  for example upsample:factor=2 or upsample:56x56",
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
            "'prelu1': num_parameters is 5, but the input has 6 channels\n  set it to 1 or 6",
        ),
        (
            {"op": "prelu", "num_parameters": 6, "shared_axes": [2]},
            (6, 7, 9),
            "plain",
            "'prelu1': prelu takes either num_parameters or shared_axes",
        ),
        (
            {"op": "scale", "scale": False},
            (6, 7, 9),
            "plain",
            "'scale1': scale has neither a weight nor a bias\n  leave the layer out",
        ),
        (
            {"op": "normalization", "mean": 3},
            (6, 7, 9),
            "plain",
            "'normalization1': normalization takes both mean and variance, or neither\n  give both",
        ),
        (
            {"op": "quantize", "scale": [1, 0]},
            (2, 7, 9),
            "plain",
            ("'quantize1': scale is [1, 0]: a step must be larger than 0"),
        ),
        (
            {"op": "quantize", "scale": 1, "min": 5, "max": 5},
            (6, 7, 9),
            "plain",
            "'quantize1': min is 5 and max is 5: min must not be larger than max",
        ),
        (
            {"op": "quantize", "scale": 1, "zero": [3, 8], "min": -8, "max": 7},
            (2, 7, 9),
            "plain",
            "'quantize1': zero is [3, 8]: it must be a whole number from -8 to 7",
        ),
        (
            {"op": "reshape", "out": [4, 4], "axis": [3, 1]},
            (4, 2, 2),
            "plain",
            "'reshape1': axis is [3, 1]: axis 1 comes before axis 3",
        ),
        (
            {"op": "reshape", "out": [4, 4], "axis": [1, 2, 3]},
            (4, 2, 2),
            "plain",
            "'reshape1': axis is [1, 2, 3]: one axis, or the first and the last of several"
            "\n  leave it out for all axes",
        ),
        (
            {"op": "clip", "min": 3, "max": 1.5},
            (7,),
            "plain",
            ("'clip1': min is 3 and max is 1.5: min must not be larger than max"),
        ),
        (
            {"op": "roll", "shift": [1, 2], "axis": [2]},
            (6, 7, 9),
            "plain",
            "'roll1': 2 shifts for 1 axes\n  give one shift for each axis",
        ),
        (
            {"op": "expand", "out": [1] * 6 + [6, 7, 9]},
            (6, 7, 9),
            "plain",
            "'expand1': out has 9 sizes\n  a shape has at most 8 sizes",
        ),
        (
            {"op": "fold", "out": [4, 5], "k": 2},
            (5, 12),
            "plain",
            "'fold1': the 5 values of a column are not a multiple of 4, the size of the window\n  5 = 1*4 + 1",
        ),
        (
            T | {"k": 3, "s": 2, "p": 1, "out_pad": 0, "out": [13, 18]},
            (6, 7, 9),
            "plain",
            "'convT1': out is 18 on the width axis, but p gives (9 - 1)*2 - (1+1) + 3 + 0 = 17"
            "\n  leave out either of the two",
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
            "layers[1] 'conv1': conv works on channels and 2 axes, but gets 378",
        ),
        (
            [C, {"op": "conv1d", "c_o": 2}],
            (6, 7, 9),
            "layers[1] 'conv1d1': conv1d works on channels and 1 axis, but gets 4x5x7\n  for 2 axes use conv",
        ),
        (
            [{"op": "globalavgpool", "keepdims": False}, {"op": "maxpool", "k": 1}],
            (6, 7, 9),
            "layers[1] 'maxpool1': maxpool works on channels and 2 axes, but gets 6",
        ),
        (
            [C],
            (2, 6, 7, 9, 11),
            "the input 2x6x7x9x11 has 5 sizes; the first spatial layer has 2 axes\n"
            "  an input is H,W (one channel), C,H,W, or N,C,H,W",
        ),
        (
            {"sample_axes": 1, "layers": [{"op": "relu"}]},
            (2, 6, 7),
            "the input 2x6x7 has 3 sizes; a sample has 1 axis\n  an input is C or N,C",
        ),
        (
            {"sample_axes": 0, "layers": [{"op": "relu"}]},
            (6, 7),
            "the input 6x7 has 2 sizes; a sample has 0 axes\n  an input is N, or [] in a spec",
        ),
        (
            [{"op": "conv3d", "c_o": 2}],
            (6, 7),
            "the input 6x7 has 2 sizes; the first spatial layer has 3 axes\n"
            "  an input is D,H,W (one channel), C,D,H,W, or N,C,D,H,W",
        ),
        (
            [{"op": "flatten"}, {"op": "stack", "from": ["input", "flatten1"]}],
            (3, 7, 9),
            "layers[1] 'stack1': stack of 3x7x9 and 189: the numbers of axes differ"
            "\n  the input gives 3x7x9, flatten1 gives 189",
        ),
        (
            [{"op": "flatten"}, {"op": "lstm", "out": 2, "masked": True, "from": ["input", "flatten1"]}],
            (7, 9),
            "layers[1] 'lstm1': lstm of 1x7x9: its mask, the last input, must be 1x7, but is 63"
            "\n  the input gives 1x7x9, flatten1 gives 63",
        ),
        (
            [{"op": "slice", "axis": 1, "stop": 2, "name": "k"}, {"op": "attention", "from": ["input", "k"]}],
            (3, 7, 9),
            "layers[1] 'attention1': attention of 3x7x9 and 2x7x9: the sizes before the last two differ, and none is 1"
            "\n  the input gives 3x7x9, k gives 2x7x9",
        ),
        (
            [{"op": "slice", "axis": 2, "stop": 5, "name": "v"}, {"op": "attention", "from": ["input", "input", "v"]}],
            (2, 7, 9),
            "layers[1] 'attention1': attention of 2x7x9 and 2x7x9 and 2x5x9: there are 7 keys, but 5 values"
            "\n  the input gives 2x7x9, the input gives 2x7x9, v gives 2x5x9",
        ),
    ],
)
def test_the_wrong_number_of_axes(spec: Any, input: tuple[int, ...], message: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape(spec, input=input)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            [{"op": "gather", "axis": 2, "indices": [[[[[1]]]]]}],
            "layers[0]: indices: indices are nested lists, at most 4 deep",
        ),
        ([{"op": "softshrink", "lambd": -1}], "layers[0]: lambd: -1 is too small: the minimum is 0"),
        ([{"op": "batchnorm", "eps": -1e-9}], "layers[0]: eps: -1e-09 is too small: the minimum is 0"),
        ([{"op": "celu", "alpha": 1e-39}], "layers[0]: alpha: 1e-39 is 0, or nearly: the layer divides by this number"),
        ({"sample_axes": 9, "layers": [C]}, "9 is not a number of axes\n  give a whole number from 0 to 7"),
        ({"sample_axes": True, "layers": [C]}, "true is not a number of axes\n  give a whole number from 0 to 7"),
    ],
)
def test_values_that_no_key_takes(spec: Any, message: str) -> None:
    with pytest.raises(cnncalc.SpecError) as caught:
        cnncalc.load(spec)
    assert str(caught.value) == message


def test_whole_numbers_may_be_those_of_numpy() -> None:
    assert cnncalc.shape([{"op": "maxpool", "k": np.int64(2), "s": np.int8(3)}], (3, 8, 11)).out == (3, 3, 4)


# Further rules, each with its reason.


def test_a_pool_padded_with_numbers_stands_where_every_window_holds_a_pixel() -> None:
    assert cnncalc.shape([P | {"p": 2, "s": 1}], input=(3, 7, 9)).out == (3, 9, 11)


def test_valid_is_no_padding_and_says_nothing_about_rounding() -> None:
    """P = 0, and `ceil` is an option of pools: 11 by 2 in 6 windows, 13 by 2 in 7."""
    for p in (0, "valid"):
        assert cnncalc.shape([{"op": "maxpool", "k": 2, "p": p, "ceil": True}], input=X).out == (6, 6, 7)


def test_features_before_a_linear_layer_are_one_size_whatever_follows() -> None:
    """A generator: 100 numbers, made into a map."""
    report = cnncalc.shape("linear:96 reshape:6x4x4 convT:3,k4,s2,p1", input=(100,))
    assert report.out == (3, 8, 8)
    assert report.params == (100 * 96 + 96) + (6 * 3 * 16 + 3)


def test_one_feature_is_reshaped_to_a_number() -> None:
    """Like x[:, 2] of features in PyTorch."""
    report = cnncalc.shape([{"op": "linear", "out": 1}, {"op": "reshape", "out": []}], input=(5, 3))
    assert (report.out, report["reshape1"].sample) == ((5,), (1,))


def test_features_before_a_linear_layer_are_one_size_with_one_axis_below() -> None:
    report = cnncalc.shape("linear:12 reshape:3x4 conv1d:5,k2", input=(100,))
    assert [layer.x for layer in report.layers] == [(100,), (12,), (3, 4)]


@pytest.mark.parametrize("key", ["p", "p_total"])
def test_no_padding_is_a_padding_that_was_given(key: str) -> None:
    layer = {"op": "convT1d", "c_o": 4, "k": 4, "s": 2, "out": 16, key: 0}
    with pytest.raises(cnncalc.ShapeError, match="out is 16 on the length axis, but p allows 18 to 19"):
        cnncalc.shape(layer, (3, 8))


@pytest.mark.parametrize(
    ("keys", "dialect", "p", "out_pad"),
    [
        ({"p": 1, "out": 32}, "plain", [(1, 1)], [1]),  # (16 - 1)*2 - 2 + 3 + 1
        ({"p": 1, "out": 31}, "plain", [(1, 1)], [0]),
        ({"p": 1, "out": 33, "d": 3}, "plain", None, "p allows 35 to 37"),  # d decides the extent: 2*15 - 2 + 7
        ({"p": 1, "out": 37, "d": 3}, "plain", [(1, 1)], [2]),  # below max(s, d) = 3
        ({"p": 1, "out": 32}, "onnx", [(1, 1)], [1]),
        ({"p": 1, "out": 33}, "plain", None, "p allows 31 to 32: (16 - 1)*2 - (1+1) + 3 + out_pad, out_pad < 2"),
        ({"p": 1, "out": 33}, "keras", None, "p allows 31 to 32"),
        ({"p": 1, "out": 30}, "plain", None, "p allows 31 to 32"),
        ({"p": 1, "out": 32}, "caffe", None, "p allows 31: (16 - 1)*2 - (1+1) + 3 + out_pad, out_pad < 1"),
        ({"out": 34}, "plain", [(0, 0)], [1]),
        ({"out": 35}, "plain", None, "the most without padding is (16 - 1)*2 + 3 + 1 = 34"),
        ({"out": 34}, "caffe", None, "the most without padding is (16 - 1)*2 + 3 + 0 = 33"),
        ({"out": 40}, "onnx", [(0, 0)], [7]),  # its output_shape appends any number
        ({"out": 34}, "torch", [(0, 0)], [1]),
        ({"out": 32}, "torch", None, "PyTorch allows 33 to 34"),
        ({"out_pad": 1, "out": 33}, "caffe", None, "Caffe's transposed convolution has no out_pad"),
    ],
)
def test_an_out_pad_that_follows_from_out_obeys_the_limits_of_one(
    keys: dict[str, Any], dialect: str, p: list[tuple[int, int]] | None, out_pad: Any
) -> None:
    layer = {"op": "convT1d", "c_o": 4, "k": 3, "s": 2, **keys}
    if p is None:
        with pytest.raises(cnncalc.ShapeError, match=re.escape(out_pad)):
            cnncalc.shape(layer, (2, 16), dialect=dialect, layout="NCHW")
        return
    report = cnncalc.shape(layer, (2, 16), dialect=dialect, layout="NCHW")
    values = report.layers[0].values
    assert (report.out, values["p"], values["out_pad"]) == ((4, keys["out"]), p, out_pad)
    assert cnncalc.shape(report.to_dict()).to_dict() == report.to_dict()


def test_a_whole_factor_is_one_however_it_is_written() -> None:
    spec = {"op": "upsample", "factor": 2.0}
    assert cnncalc.shape(spec, "3xHxW").to_dict()["report"]["out"] == [3, "H*2", "W*2"]


def test_a_pair_for_all_axes_by_any_name_of_the_padding() -> None:
    assert cnncalc.shape("pad:p=0+1", "3x8x8").out == cnncalc.shape("pad:padding=0+1", "3x8x8").out == (3, 9, 9)
