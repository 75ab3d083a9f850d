"""Findings from fuzzing against PyTorch 2.13 and Keras 3 (TensorFlow, CPU): each row was run there.

If `out` is None, the framework and the dialect of the same name refuse it.
"""

from __future__ import annotations

from typing import Any

import pytest

import cnncalc

ROWS: list[tuple[str, tuple[int, ...], dict[str, Any], tuple[int, ...] | None]] = [
    # LPPool3d is built on avg_pool3d, which requires n >= k before padding: this matters only with ceil.
    ("torch", (1, 2, 3, 6), {"op": "lppool3d", "k": 5, "s": 5, "ceil": True}, None),
    ("torch", (1, 6, 7, 8), {"op": "lppool3d", "k": 5, "s": 5, "ceil": True}, (1, 2, 2, 2)),
    ("plain", (1, 2, 3, 6), {"op": "lppool3d", "k": 5, "s": 5, "ceil": True}, (1, 1, 1, 2)),
    # Keras has the word causal only for Conv1D.
    ("keras", (7, 4), {"op": "conv1d", "c_o": 5, "k": 3, "p": "causal"}, (7, 5)),
    ("keras", (7, 4), {"op": "sepconv1d", "c_o": 5, "k": 3, "p": "causal"}, None),
    ("keras", (7, 4), {"op": "dwconv1d", "k": 3, "p": "causal"}, None),
    # Pool.h drops one window, not all that begin in the padding; the remaining ones contain no pixel.
    ("plain", (1, 8), {"op": "maxpool1d", "k": 1, "s": 2, "p": [[0, 7]], "ceil": True}, None),
    # Upsample: aligned corners mean nothing for nearest, and the modes depend on the number of axes.
    ("torch", (2, 3, 5), {"op": "upsample", "factor": 2, "align": True}, None),
    ("torch", (2, 3, 5), {"op": "upsample", "factor": 2, "mode": "linear"}, None),
    ("torch", (2, 3), {"op": "upsample", "factor": [2], "mode": "linear"}, (2, 6)),
    ("torch", (2, 3), {"op": "upsample", "factor": [2], "mode": "bilinear"}, None),
    ("torch", (2, 3, 5), {"op": "upsample", "factor": [1.5, 0.7], "mode": "bicubic", "align": True}, (2, 4, 3)),
    ("plain", (2, 3, 5), {"op": "upsample", "factor": 2, "mode": "linear"}, (2, 6, 10)),
    ("torch", (2, 3, 5), {"op": "lppool", "k": 2, "norm": 0}, None),
    ("keras", (3, 5, 7), {"op": "layernorm", "axis": [3, -1]}, None),
    # `same` with a stride, and padding beyond k//2.
    ("torch", (3, 9, 11), {"op": "conv", "c_o": 5, "k": 3, "s": [1, 2], "p": "same"}, None),
    ("torch", (3, 9, 11), {"op": "conv", "c_o": 5, "k": [4, 2], "d": [2, 3], "p": "same"}, (5, 9, 11)),
    ("torch", (3, 9, 11), {"op": "maxpool", "k": 3, "s": 1, "p": "same"}, None),
    ("torch", (3, 9, 11), {"op": "maxpool", "k": 3, "p": 2}, None),
    ("torch", (3, 9, 11), {"op": "maxpool", "k": [2, 5], "p": [1, 2]}, (3, 5, 3)),
    # A dilated window may step over the whole input: PyTorch returns -inf, plain refuses.
    ("torch", (1, 1, 9), {"op": "maxpool", "k": [2, 3], "s": 1, "p": [1, 1], "d": [2, 1]}, (1, 1, 9)),
    ("plain", (1, 1, 9), {"op": "maxpool", "k": [2, 3], "s": 1, "p": [1, 1], "d": [2, 1]}, None),
    ("torch", (3, 9, 11), {"op": "convT", "c_o": 5, "k": 3, "s": 2, "out_pad": 2}, None),
    ("torch", (3, 9, 11), {"op": "convT", "c_o": 5, "k": 3, "s": 2, "d": 3, "out_pad": 2}, (5, 25, 29)),
    ("torch", (1, 6), {"op": "convT1d", "c_o": 3, "k": 5, "s": 5, "p": 15}, None),
]


@pytest.mark.parametrize(("dialect", "input", "layer", "out"), ROWS, ids=[f"{d} {layer}" for d, _, layer, _ in ROWS])
def test_row(dialect: str, input: tuple[int, ...], layer: dict[str, Any], out: tuple[int, ...] | None) -> None:
    if out is None:
        with pytest.raises(cnncalc.CnncalcError):
            cnncalc.shape(layer, input, dialect=dialect)
    else:
        assert cnncalc.shape(layer, input, dialect=dialect).out == out


def test_keras_group_normalization_with_a_group_for_each_channel() -> None:
    report = cnncalc.shape({"op": "groupnorm", "groups": -1}, (4, 5, 6), dialect="keras")
    assert report.layers[0].values["g"] == 6
    assert report.params == 12


FIELDS: list[tuple[str, tuple[int, ...], list[tuple[int, int]]]] = [
    # By gradients of a network of ones: the pixels that unit 0, 1, 2 ... see, inside the image.
    ("convT1d:1,k1,s3 avgpool1d:k3,s1", (1, 24), [(0, 0), (1, 1), (1, 1), (1, 1), (2, 2)]),
    ("convT1d:1,k1,s2,out_pad=1 avgpool1d:k2,s2", (1, 16), [(0, 0), (1, 1), (2, 2)]),
    ("convT1d:1,k2,s3 conv1d:1,k3", (1, 4), [(0, 0), (0, 1), (1, 1), (1, 1)]),
    ("upsample:factor=3,mode=bicubic avgpool:k2,s3", (1, 9, 9), [(-2, 1), (-1, 2), (0, 3), (1, 4), (2, 5)]),
]


@pytest.mark.parametrize(("words", "input", "seen"), FIELDS, ids=[words for words, _, _ in FIELDS])
def test_fields_by_gradients(words: str, input: tuple[int, ...], seen: list[tuple[int, int]]) -> None:
    field = cnncalc.shape(words, input).rf[0]
    for unit, span in enumerate(seen):
        if field.phases is None:
            assert field.size is not None
            assert field.stride is not None
            assert field.start is not None
            first = field.start + unit * field.stride
            assert (first, first + field.size - 1) == span
        else:
            first, last = field.phases[unit % len(field.phases)]
            shift = unit // len(field.phases) * field.advance
            assert (first + shift, last + shift) == span


def test_a_factor_that_changes_nothing_still_moves_the_nearest_pixel() -> None:
    """PyTorch's unit 1 of 2 pixels by 1.25 is pixel floor(1/1.25) = 0, so it is not an identity."""
    assert cnncalc.shape({"op": "upsample", "factor": [1.25]}, (1, 2)).rf[0].size is None
    assert cnncalc.shape({"op": "upsample", "factor": [1.25], "mode": "linear"}, (1, 2)).rf[0].size == 1
