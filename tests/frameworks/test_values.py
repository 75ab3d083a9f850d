"""A framework's axes as groups of a sample's axes: moving and folding the batch changes no value of the sample."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cnncalc.frameworks.build import Draft
from cnncalc.frameworks.values import BATCH, Handle, batch_first, ratio, regrouped, transposed
from cnncalc.sizes import UNKNOWN, Open, Size

B = BATCH
N, H = Open("N"), Open("H")


def value(*sample: Size) -> Handle:
    return Handle(Draft("x", "relu"), sample, batch_first(len(sample)))


def test_a_transpose_of_the_batch_moves_no_axis_of_the_sample() -> None:
    assert transposed(batch_first(2), [1, 0, 2]) == ([0, 1], ((0,), (B,), (1,)))
    assert transposed(batch_first(2), [2, 0, 1]) == ([1, 0], ((0,), (B,), (1,)))
    assert transposed(((0,), (B, 1)), [1, 0]) == ([1, 0], ((B, 0), (1,)))


@pytest.mark.parametrize(
    ("batch", "sample", "target", "expected"),
    [
        (N, (3, 5, 7), [N, 105], ((105,), ((B,), (0,)))),
        (N, (3, 5, 7), [N * 3, 5, 7], ((3, 5, 7), ((B, 0), (1,), (2,)))),  # a batch that absorbs an axis
        (2, (4, 6, 8), [2, 2, 2, 6, 8], ((2, 2, 6, 8), ((B,), (0,), (1,), (2,), (3,)))),
        (2, (4, 6, 8), [8, 6, 8], ((4, 6, 8), ((B, 0), (1,), (2,)))),  # flatten(0, 1)
        (2, (4, 6, 8), [4, 2, 6, 8], ((2, 2, 6, 8), ((B, 0), (1,), (2,), (3,)))),
        (1, (3, 5), [1, 1, 15], ((1, 15), ((B,), (0,), (1,)))),
        (N, (H, 7), [N, H * 7], ((H * 7,), ((B,), (0,)))),
        (2, (3, 5), [3, 10], None),  # five values of one sample, five of another
        (5, (3, 7), [7, 15], None),
    ],
)
def test_a_reshape_keeps_the_batch_whole(
    batch: Size, sample: Sequence[Size], target: list[Size], expected: object
) -> None:
    assert regrouped(value(*sample), batch, target) == expected


def test_a_batch_of_one_may_vanish_and_come_back() -> None:
    gone = value(3, 5)._replace(axes=((0,), (1,)))
    assert regrouped(gone, 1, [1, 3, 5]) == ((3, 5), batch_first(2))
    assert regrouped(gone, 1, [5, 3]) == ((5, 3), ((0,), (1,)))


def test_the_whole_shape_has_the_batch_where_it_stands() -> None:
    folded = value(4, 6, 8)._replace(axes=((B, 0), (1,), (2,)))
    assert folded.full(N) == (N * 4, 6, 8)
    assert (folded.rank, folded.batch_at) == (3, 0)
    assert value(4)._replace(axes=((0,), (B,))).full(2) == (4, 2)
    assert value()._replace(axes=None).full(2) is None


@pytest.mark.parametrize(
    ("sizes", "others", "expected"),
    [
        ([4, 6], [8], 3),
        ([4, 6], [7], None),
        ([N, 6], [N], 6),
        ([N, 6], [2], N * 3),
        ([N, 5], [2], None),
        ([N, H, 4], [H, 2], N * 2),
        ([N, H], [2], None),
        ([UNKNOWN], [UNKNOWN], None),
        ([N * 4], [N, 4], 1),
        ([4], [0], None),
    ],
)
def test_sizes_over_others(sizes: list[Size], others: list[Size], expected: Size | None) -> None:
    assert ratio(sizes, others) == expected
