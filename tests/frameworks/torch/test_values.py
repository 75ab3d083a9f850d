"""The position of the batch among a tensor's axes, without PyTorch: the values are NumPy's."""

from __future__ import annotations

from itertools import chain
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncalc.frameworks.torch.read.values import BATCH, Axes, found_in, regrouped, sample_of

SAMPLES = 7
"""The batch: a size that no other axis has."""


def whole(axes: Axes) -> tuple[int, ...]:
    """Return the shape of a tensor."""
    return tuple([prod(SAMPLES if n == BATCH else n for n in axis) for axis in axes])


def samples(x: np.ndarray[tuple[int, ...], np.dtype[np.int64]], axes: Axes) -> list[list[int]]:
    """Return the values of each sample, in the order of its axes."""
    sizes = [SAMPLES if n == BATCH else n for n in chain.from_iterable(axes)]
    at = [n for axis in axes for n in axis].index(BATCH)
    return [one.reshape(-1).tolist() for one in np.moveaxis(x.reshape(sizes), at, 0)]


ROWS: list[tuple[Axes, tuple[int, ...], Axes | None]] = [
    (((BATCH,), (2,), (3,)), (SAMPLES, 6), ((BATCH,), (6,))),
    (((BATCH,), (2,), (3,)), (SAMPLES * 2, 3), ((BATCH, 2), (3,))),
    (((BATCH, 2), (3,)), (SAMPLES, 2, 3), ((BATCH,), (2,), (3,))),
    (((2,), (BATCH,), (3,)), (2 * SAMPLES, 3), ((2, BATCH), (3,))),
    (((2, BATCH), (3,)), (2, SAMPLES, 3), ((2,), (BATCH,), (3,))),
    (((BATCH,), (2,), (3,)), (2, SAMPLES, 3), None),
    (((2,), (3,)), (3, 2), ((3,), (2,))),
]


@pytest.mark.parametrize(("axes", "shape", "result"), ROWS)
def test_the_axes_of_another_shape(axes: Axes, shape: tuple[int, ...], result: Axes | None) -> None:
    assert regrouped(axes, SAMPLES, shape) == result


@given(
    st.lists(st.sampled_from([1, 2, 3, 4]), max_size=3),
    st.lists(st.sampled_from([1, 2, 3, 4]), max_size=3),
    st.data(),
)
def test_each_sample_keeps_its_values_in_order(before: list[int], after: list[int], data: st.DataObject) -> None:
    axes: Axes = (*[(n,) for n in before], (BATCH,), *[(n,) for n in after])
    sizes = list(whole(axes))
    while len(sizes) > 1 and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(sizes) - 2))
        sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
    x = np.arange(prod(sizes)).reshape(whole(axes))
    made = regrouped(axes, SAMPLES, sizes)
    assert made is not None
    assert whole(made) == tuple(sizes)
    assert samples(x.reshape(sizes), made) == samples(x, axes)
    assert prod(sample_of(made)) == prod(sample_of(axes))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((SAMPLES, 3), ((BATCH,), (3,))),
        ((3, SAMPLES), ((3,), (BATCH,))),
        ((2 * SAMPLES, 3), ((BATCH, 2), (3,))),
        ((2, 3), ((2,), (3,))),
        ((SAMPLES, SAMPLES), None),
    ],
)
def test_the_batch_in_a_shape_alone(shape: tuple[int, ...], axes: Axes | None) -> None:
    assert found_in(shape, SAMPLES) == axes
