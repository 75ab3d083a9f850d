"""What a tensor of PyTorch is here: a layer's sample, and where PyTorch keeps the batch among its axes.

A module may move the batch, or fold it with other axes: `permute(1, 0, 2)`, `flatten(0, 1)`, a view as windows. A
sample has no batch, so moving or folding it changes no value of the sample: where the batch stands is kept in mind.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from ...build import Draft
from .calls import Constant

BATCH = -1
"""The batch among the sizes that an axis is made of."""
Axis = tuple[int, ...]
"""The sizes that one axis of PyTorch is made of, outermost first: one, or the batch with others around it."""
Axes = tuple[Axis, ...]


class BatchedTensor(NamedTuple):
    """A tensor: the layer that makes it, and its axes. The sample is the sizes of all axes in order, without BATCH."""

    layer: Draft
    axes: Axes
    folded: int = 0
    """How many of the sample's first sizes are folded into the batch where the layer ends."""
    integer: str = ""
    """`int` or `bool` if it holds whole numbers or truth values."""

    @property
    def sample(self) -> tuple[int, ...]:
        """The sample's sizes, those that are folded included."""
        return sample_of(self.axes)

    @property
    def batch_at(self) -> int | None:
        """The axis that the batch is in; None if it is in none."""
        return next((at for at, axis in enumerate(self.axes) if BATCH in axis), None)

    def place(self, at: int) -> int:
        """Return where one of PyTorch's axes begins among those of the sample."""
        return len(sample_of(self.axes[:at]))


Operand = BatchedTensor | Constant | float
"""What an operation reads: a value, a constant tensor, or a number."""


def sample_of(axes: Axes) -> tuple[int, ...]:
    """Return the sizes of axes without the batch."""
    return tuple([n for n in chain.from_iterable(axes) if n != BATCH])


def plain(shape: Sequence[int]) -> Axes:
    """Return axes of these sizes, without a batch."""
    return tuple([(n,) for n in shape])


def with_batch(shape: Sequence[int], at: int | None, axis: Axis) -> Axes:
    """Return axes of these sizes, of which the one at a place is that of the batch."""
    return tuple([axis if i == at else (n,) for i, n in enumerate(shape)])


def regrouped(axes: Axes, batch: int, shape: Sequence[int]) -> Axes | None:
    """Return the axes that the same values have in another shape; None if the batch does not stay whole."""
    before, after, has_batch = 1, 1, False
    for n in chain.from_iterable(axes):
        if n == BATCH:
            has_batch = True
        elif has_batch:
            after *= n
        else:
            before *= n
    if not has_batch:
        return plain(shape)
    found: Axes | None = None
    for at, n in enumerate(shape):
        outer, inner = prod(shape[:at]), prod(shape[at + 1 :])
        if not outer or not inner or before % outer or after % inner:
            continue
        left, right = before // outer, after // inner
        if left * batch * right != n:
            continue
        axis = (*[left] * (left != 1), BATCH, *[right] * (right != 1))
        result = with_batch(shape, at, axis)
        if len(axis) == 1:
            return result
        found = found or result
    return found


def found_in(shape: Sequence[int], batch: int | None) -> Axes | None:
    """Return the axes of a result of which only the shape is known; None if the batch may be in several."""
    if not batch or batch == 1:
        ones = [at for at, n in enumerate(shape) if n == 1] if batch else []
        at = ones[0] if ones[:1] == [0] or len(ones) == 1 else None
        return with_batch(shape, at, (BATCH,))
    held = [at for at, n in enumerate(shape) if n % batch == 0 and n]
    if len(held) > 1:
        return None
    at = held[0] if held else None
    rest = shape[at] // batch if at is not None else 1
    return with_batch(shape, at, (BATCH,) if rest == 1 else (BATCH, rest))
