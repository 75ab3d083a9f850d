"""PyTorch's tensors as values: a layer's sample, and PyTorch's position of the batch among the axes.

A module may move the batch or fold it with other axes: `permute(1, 0, 2)`, `flatten(0, 1)`, a view as windows. A
sample has no batch, so this does not change the sample; only the position of the batch is tracked.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from ...build import Draft
from .calls import Constant

BATCH = -1
"""The batch among the sizes that an axis consists of."""
Axis = tuple[int, ...]
"""The sizes that one of PyTorch's axes consists of, outermost first: one, or the batch with others around it."""
Axes = tuple[Axis, ...]


class BatchedTensor(NamedTuple):
    """A tensor: the layer that makes it, and its axes. The sample is the sizes of all axes in order, without BATCH."""

    layer: Draft
    axes: Axes
    folded: int = 0
    """How many of the sample's first sizes are folded into the batch in the layer's output."""
    integer: str = ""
    """`int` or `bool` if it holds integers or truth values, otherwise empty."""

    @property
    def sample(self) -> tuple[int, ...]:
        """The sample's sizes, including those folded into the batch."""
        return sample_of(self.axes)

    @property
    def batch_at(self) -> int | None:
        """The axis that contains the batch; None if there is none."""
        return next((at for at, axis in enumerate(self.axes) if BATCH in axis), None)

    def place(self, at: int) -> int:
        """Return the index of one of PyTorch's axes among those of the sample."""
        return len(sample_of(self.axes[:at]))


Operand = BatchedTensor | Constant | float
"""An operand of an operation: a value, a constant tensor, or a number."""


def sample_of(axes: Axes) -> tuple[int, ...]:
    """Return the sizes of axes without the batch."""
    return tuple([n for n in chain.from_iterable(axes) if n != BATCH])


def plain(shape: Sequence[int]) -> Axes:
    """Return axes of these sizes, without a batch."""
    return tuple([(n,) for n in shape])


def with_batch(shape: Sequence[int], at: int | None, axis: Axis) -> Axes:
    """Return axes of these sizes, with the batch's axis at a position."""
    return tuple([axis if i == at else (n,) for i, n in enumerate(shape)])


def regrouped(axes: Axes, batch: int, shape: Sequence[int]) -> Axes | None:
    """Return a value's axes in another shape; None if the batch would be split."""
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
    """Return the axes of a result of which only the shape is known; None if several may contain the batch."""
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
