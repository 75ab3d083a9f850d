"""Kernels, strides and dilations: those of some ranges that keep within bounds, found by arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ..errors import SpecError
from ..window import extent

MOST_WINDOWS = 250_000
"""How many combinations of kernel, stride and dilation are looked at: one to three microseconds each."""
FRUITLESS = 10
"""How many times as many are looked at as long as none is found."""

AIMED = 5
"""How many of these finding the strides for one dilation costs."""


class Search:
    """The windows that are looked at: of more than `most` the first alone, as soon as one is found."""

    def __init__(self, most: int):
        self.most, self.looked = most, 0

    @property
    def is_over(self) -> bool:
        """Whether more were looked at."""
        return self.looked > self.most

    def look(self, number: int = 1) -> None:
        """Count windows. SpecError if there were far too many, all in vain."""
        self.looked += number
        if self.looked > FRUITLESS * self.most:
            what = f"more than {FRUITLESS * self.most:,} combinations of kernel, stride and dilation are left"
            raise SpecError(what, "narrow --k, --s or --d")


class Bound(NamedTuple):
    """What holds of a window: by_k*k + by_s*s + by_d*d + by_kd*k*d <= most."""

    by_k: int
    by_s: int
    by_d: int
    by_kd: int
    most: int

    def plus(self, other: Bound) -> Bound:
        """Return what holds if another sum, of which `most` is the constant, is added on the left."""
        k, s, d, kd, most = other
        return Bound(self.by_k + k, self.by_s + s, self.by_d + d, self.by_kd + kd, self.most - most)

    def less(self, other: Bound) -> Bound:
        """Return what holds if another sum, of which `most` is the constant, is taken away on the left."""
        return self.plus(Bound(*[-term for term in other]))

    def kernels(self, own: range, s: int, d: int) -> range:
        """Return the kernels that may go with a stride and a dilation."""
        return _at_most(own, self.by_k + self.by_kd * d, self.most - self.by_s * s - self.by_d * d)

    def strides(self, own: range, kernels: range, d: int) -> range:
        """Return the strides that may go with some kernels and a dilation."""
        ends = {kernels[0], kernels[-1]}
        least = min((self.by_k + self.by_kd * d) * k for k in ends)
        return _at_most(own, self.by_s, self.most - self.by_d * d - least)

    def dilations(self, own: range, kernels: range, strides: range) -> range:
        """Return a range of the dilations that may go with some kernels and strides."""
        corners = [(k, s) for k in {kernels[0], kernels[-1]} for s in {strides[0], strides[-1]}]
        found = [
            _at_most(own, self.by_d + self.by_kd * k, self.most - self.by_k * k - self.by_s * s) for k, s in corners
        ]
        found = [one for one in found if one]
        return range(min(one.start for one in found), max(one.stop for one in found)) if found else range(0)


def _at_most(values: range, slope: int, most: int) -> range:
    """Return the values v with slope*v <= most."""
    if slope > 0:
        return cut(values, values.start, most // slope)
    if slope < 0:
        return cut(values, -(most // -slope), values.stop)
    return values if most >= 0 else range(0)


def cut(values: range, low: int, high: int) -> range:
    """Return the numbers of a range from `low` to `high`."""
    return range(max(values.start, low), min(values.stop, high + 1))


def windows(
    k: range, s: range, d: range, bounds: Sequence[Bound], strided_dilation: bool, search: Search
) -> Iterator[tuple[int, int, int, int]]:
    """Yield each kernel, its extent, stride and dilation within all bounds, the smallest dilation first.

    A kernel of one tap has the smallest dilation alone. Without `strided_dilation` one of stride and dilation is 1.
    """
    wide = cut(k, 2, k.stop)
    others = d[1:] if wide else range(0)
    for bound in bounds:
        others = bound.dilations(others, wide, s) if others and s else others
    for dilation in chain(d[:1], others):
        search.look(AIMED)
        kernels = k if dilation == d.start else wide
        strides = s if dilation == 1 or strided_dilation else cut(s, 1, 1)
        for bound in bounds:
            strides = bound.strides(strides, kernels, dilation) if kernels else strides
        for stride in strides:
            found = kernels
            for bound in bounds:
                found = bound.kernels(found, stride, dilation)
            search.look()
            for taps in found:
                search.look()
                yield taps, extent(taps, dilation), stride, dilation
