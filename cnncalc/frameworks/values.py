"""Values of other frameworks: a layer's sample, and the framework's position of the batch among its axes.

A framework moves the batch (`Transpose`), or folds it with other axes (`Reshape` to windows); a sample here has none.
So a value states for each of the framework's axes which axes of the sample it consists of, in order, and where among
them the batch is. Moving or folding the batch then changes nothing in the sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from ..sizes import UNKNOWN, Open, Shape, Size, product
from .build import Draft

BATCH = -1
"""The batch among the axes of a sample, which are 0, 1 …"""
Axes = tuple[tuple[int, ...], ...]
"""For each axis of the framework, the sample's axes that it consists of; empty for an extra axis of size 1."""


class Handle(NamedTuple):
    """A value as a framework sees it."""

    layer: Draft
    shape: Shape
    """The sample's shape."""
    axes: Axes | None
    """The sample's axes, grouped by the framework's axes; None if nothing is known of the shape."""
    batched: bool | None = True
    """Whether the batch is outside the sample; False if it is one of its axes, None for a constant."""

    @property
    def rank(self) -> int:
        """The number of the framework's axes."""
        return len(self.axes or ())

    @property
    def batch_at(self) -> int | None:
        """The framework's axis that contains the batch; None if there is none."""
        return next((at for at, group in enumerate(self.axes or ()) if BATCH in group), None)

    def sizes_at(self, at: int, batch: Size) -> list[Size]:
        """Return the sizes that one of the framework's axes consists of."""
        return [batch if place == BATCH else self.shape[place] for place in (self.axes or ())[at]]

    def full(self, batch: Size) -> tuple[Size, ...] | None:
        """Return the framework's shape of the value; None if unknown."""
        if self.axes is None:
            return None
        return tuple([product(self.sizes_at(at, batch)) for at in range(self.rank)])

    def arranged(self, axes: Axes | None) -> Handle:
        """Return the value with these axes, or with unknown axes if its sample has a different number of axes."""
        if axes == self.axes:
            return self
        places = [place for group in axes or () for place in group if place != BATCH]
        fits = self.axes is not None and len(places) == len(self.shape)
        return self._replace(axes=axes if fits else None)


def plain(rank: int) -> Axes:
    """Return a sample's axes, each one of the framework's."""
    return tuple([(place,) for place in range(rank)])


def batch_first(rank: int) -> Axes:
    """Return the batch, then each axis of a sample."""
    return ((BATCH,), *plain(rank))


def numbered(sizes: Iterable[Iterable[object]], batch: tuple[int, int] | None = None) -> Axes:
    """Return groups of as many axes as given, numbered in order; `batch` is the group and the place of the batch."""
    axes, place = [], 0
    for group in sizes:
        count = len(list(group))
        axes.append(tuple(range(place, place + count)))
        place += count
    if batch is not None:
        at, where = batch
        axes[at] = (*axes[at][:where], BATCH, *axes[at][where:])
    return tuple(axes)


def transposed(axes: Axes, order: Sequence[int]) -> tuple[list[int], Axes]:
    """Return the sample's new order of axes if the framework's axes are reordered by `order`, and the new groups."""
    groups = [axes[at] for at in order]
    places = [place for place in chain.from_iterable(groups) if place != BATCH]
    new = {place: at for at, place in enumerate(places)} | {BATCH: BATCH}
    return places, tuple([tuple([new[place] for place in group]) for group in groups])


def ratio(sizes: Sequence[Size], others: Sequence[Size]) -> Size | None:
    """Return the quotient of two products of sizes, after cancelling common ones; None if it is not an integer."""
    numbers, divisors = [[n for n in own if isinstance(n, int) and n > 0] for own in (sizes, others)]
    if len(numbers) == len(sizes) and len(divisors) == len(others):
        quotient, left = divmod(prod(numbers), prod(divisors))
        return None if left else quotient
    have, rest = Counter(sizes), Counter(others)
    shared = have & rest
    del shared[UNKNOWN]
    above, below = list((have - shared).elements()), list((rest - shared).elements())
    whole = prod(n for n in below if isinstance(n, int))
    opened = [n for n in below if isinstance(n, Open)]
    number = product(above)
    if opened:
        one = opened[0] * whole if len(opened) == 1 else UNKNOWN
        return 1 if isinstance(number, Open) and number.same_as(one) else None
    if whole < 1:
        return None
    if isinstance(number, int):
        return number // whole if number % whole == 0 else None
    over = number // whole
    return over if whole == 1 or (over != UNKNOWN and over * whole == number) else None


def regrouped(value: Handle, batch: Size, target: Sequence[Size]) -> tuple[Shape, Axes] | None:
    """Return a value's sample and groups in another shape; None if the batch would be split."""
    atoms = [place for group in value.axes or () for place in group]
    if BATCH not in atoms:
        if value.batched and batch == 1 and target and target[0] == 1:
            return tuple(target[1:]), batch_first(len(target) - 1)
        return tuple(target), plain(len(target))
    at = atoms.index(BATCH)
    before, after = [value.shape[p] for p in atoms[:at]], [value.shape[p] for p in atoms[at + 1 :]]
    found: tuple[Shape, Axes] | None = None
    for place, size in enumerate(target):
        left, right = _share(before, target[:place]), _share(after, target[place + 1 :])
        if left is None or right is None or not fits(size, [left, batch, right]):
            continue
        inside = [[left] if left != 1 else [], [right] if right != 1 else []]
        groups = [[n] for n in target]
        groups[place] = [*inside[0], *inside[1]]
        result = tuple(chain.from_iterable(groups)), numbered(groups, (place, len(inside[0])))
        if left == right == 1:
            return result
        found = found or result
    return found


def _share(sizes: Sequence[Size], others: Sequence[Size]) -> Size | None:
    """Return `ratio`, in which an unknown size among the others takes whatever remains."""
    found = ratio(sizes, others)
    return 1 if found is None and list(others).count(UNKNOWN) == 1 else found


def fits(size: Size, factors: Sequence[Size]) -> bool:
    """Return whether a size may be the product of these; an unknown one may be anything."""
    whole = product(factors)
    return size == whole or UNKNOWN in (size, whole)
