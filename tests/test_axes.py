"""The axes of a value, followed through reshapes, permutes, products and joins, and compared with single pixels."""

from __future__ import annotations

from itertools import product as every
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc.axes import begin
from cnncalc.field import NOTHING, Field


def pixels_of(field: Field, unit: int) -> tuple[int, int]:
    """Return the first and the last pixel that a unit sees, according to its field; NOTHING if it sees none."""
    if field.phases is not None:
        first, last = field.phases[unit % len(field.phases)]
        shift = unit // len(field.phases) * field.advance
        return NOTHING if (first, last) == NOTHING else (first + shift, last + shift)
    assert None not in (field.size, field.stride, field.start)
    first = (field.start or 0) + unit * (field.stride or 0)
    return first, first + (field.size or 0) - 1


def seen(layers: list[dict[str, Any]], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Return the pixels that each unit of the output sees, by execution: the input's gradient, one pixel at a time."""
    n = prod(shape)
    x = np.eye(n).reshape(n, *shape)
    base = cnncalc.run(layers, np.zeros((1, *shape)), {}, dialect="plain")
    return np.asarray((cnncalc.run(layers, x, {}, dialect="plain") != base).reshape(n, -1).T)


@pytest.mark.parametrize(
    ("layers", "rf"),
    [
        # Channels last and back, as in every file of tf2onnx.
        ("permute:2x3x1 permute:3x1x2 conv:4,k3", [(3, 1, 0), (3, 1, 0)]),
        # Tokens and back.
        ("conv:4,k3 reshape:4x60 permute:2x1 linear:4 permute:2x1 reshape:4x6x10 conv:2,k3", [(5, 1, 0), (5, 1, 0)]),
        # Space to depth.
        (
            "reshape:2x4x2x6x2 permute:order=[1,3,5,2,4] reshape:8x4x6 conv:2,k3,p1",
            [(6, 2, -2), (6, 2, -2)],
        ),
        # After a convolution, the next one sees an axis that has become channels as a whole.
        ("conv:2,k3 permute:2x1x3 conv:3,k1", [(8, 1, 0), (3, 1, 0)]),
    ],
)
def test_fields_through_moves(layers: str, rf: list[tuple[int, int, int]]) -> None:
    assert [field[:3] for field in cnncalc.shape(layers, (2, 8, 12)).rf] == rf


def test_attention_in_windows_sees_its_window() -> None:
    """As in Swin: 4x4 windows of 4x4 patches; each unit sees its window, and its position is known."""
    layers: list[dict[str, Any]] = [
        {"op": "avgpool", "k": 4},
        {"op": "permute", "order": [2, 3, 1]},
        {"op": "reshape", "out": [2, 4, 3, 4, 2]},
        {"op": "permute", "order": [1, 3, 2, 4, 5]},
        {"op": "reshape", "out": [6, 16, 2]},
        {"op": "tobatch"},
        {"op": "attention"},
        {"op": "frombatch"},
        {"op": "reshape", "out": [2, 3, 4, 4, 2]},
        {"op": "permute", "order": [1, 3, 2, 4, 5]},
        {"op": "reshape", "out": [8, 12, 2]},
        {"op": "permute", "order": [3, 1, 2]},
    ]
    height, width = cnncalc.shape(layers, (2, 32, 48)).rf
    assert height.size == width.size == 16
    assert [pixels_of(height, unit) for unit in range(8)] == [(0, 15)] * 4 + [(16, 31)] * 4
    assert [pixels_of(width, unit) for unit in (0, 3, 4, 11)] == [(0, 15), (0, 15), (16, 31), (32, 47)]


def test_attention_over_all_sees_all() -> None:
    layers = "reshape:4x96 permute:2x1 attention permute:2x1 reshape:4x8x12"
    height, width = cnncalc.shape(layers, (4, 8, 12)).rf
    assert (height.size, width.size) == (8, 12)
    assert [pixels_of(height, unit) for unit in (0, 7)] == [(0, 7), (0, 7)]


@st.composite
def moves(draw: st.DrawFn) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    """Return a map of one channel, and random reshapes, permutes and sums."""
    shape: tuple[int, ...] = (1, draw(st.sampled_from([2, 3, 4, 6, 8])), draw(st.sampled_from([2, 4, 5, 6])))
    layers: list[dict[str, Any]] = []
    x = shape
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["split", "merge", "permute", "sum"]))
        if kind == "split" and len(x) < 6:
            at = draw(st.integers(0, len(x) - 1))
            factors = [d for d in range(1, x[at] + 1) if x[at] % d == 0]
            a = draw(st.sampled_from(factors))
            x = (*x[:at], a, x[at] // a, *x[at + 1 :])
            layers.append({"op": "reshape", "out": list(x)})
        elif kind == "merge" and len(x) > 2:
            at = draw(st.integers(0, len(x) - 2))
            x = (*x[:at], x[at] * x[at + 1], *x[at + 2 :])
            layers.append({"op": "reshape", "out": list(x)})
        elif kind == "permute":
            order = draw(st.permutations(range(1, len(x) + 1)))
            x = tuple([x[at - 1] for at in order])
            layers.append({"op": "permute", "order": list(order)})
        elif kind == "sum" and len(x) > 1:
            at = draw(st.integers(1, len(x)))
            x = (*x[: at - 1], *x[at:])
            layers.append({"op": "sum", "axis": [at], "keepdims": False})
    return shape, layers or [{"op": "relu"}]


@given(moves())
def test_any_moves_against_the_pixels(case: tuple[tuple[int, ...], list[dict[str, Any]]]) -> None:
    """The units that a field describes see, together, exactly the pixels that it says; a lost field says nothing."""
    shape, layers = case
    report = cnncalc.shape({"input": list(shape), "sample_axes": 3, "layers": layers})
    by_unit = seen([*layers], (*shape,)) if len(shape) == 3 else None
    assert by_unit is not None
    for axis, field in enumerate(report.layers[-1].traced.fields.of):
        if field.size is None:
            continue
        for unit in by_unit:
            places = np.nonzero(unit)[0] // (shape[2] if axis == 0 else 1) % shape[1 + axis]
            assert places.max() - places.min() + 1 <= field.size, (axis, field)


def test_parts_come_together_again() -> None:
    for split, order in every([(2, 4), (4, 2)], [(0, 1), (1, 0)]):
        fields = begin((8,), [0]).reshape((8,), split).permute(order)
        sizes = tuple([split[at] for at in order])
        together = fields.reshape(sizes, (8,))
        assert together.axes == ((0,) if order == (0, 1) else together.axes)
        assert isinstance(together.axes[0], int if order == (0, 1) else tuple)
