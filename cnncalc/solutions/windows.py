"""Kernels, strides and dilations from given ranges that satisfy linear bounds, found by arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ..errors import SpecError
from ..window import extent

MOST_WINDOWS = 250_000
"""The most combinations of kernel, stride and dilation that are tried: one to three microseconds each."""
FRUITLESS = 10
"""The factor by which more are tried as long as none is found."""

AIMED = 5
"""The number of windows that finding the strides for one dilation counts as."""


class Search:
    """A budget for windows that are tried: after `most` windows, the search ends as soon as one is found."""

    def __init__(self, most: int):
        self.most, self.looked = most, 0

    @property
    def is_over(self) -> bool:
        """Whether more than `most` windows were tried."""
        return self.looked > self.most

    def look(self, number: int = 1) -> None:
        """Count windows. Raise SpecError if far too many were tried without success."""
        self.looked += number
        if self.looked > FRUITLESS * self.most:
            what = f"more than {FRUITLESS * self.most:,} combinations of kernel, stride and dilation are left"
            raise SpecError(what, "narrow --k, --s or --d")


class Bound(NamedTuple):
    """A bound on a window: by_k*k + by_s*s + by_d*d + by_kd*k*d <= most."""

    by_k: int
    by_s: int
    by_d: int
    by_kd: int
    most: int

    def plus(self, other: Bound) -> Bound:
        """Return the bound with another sum, whose constant is its `most`, added on the left."""
        k, s, d, kd, most = other
        return Bound(self.by_k + k, self.by_s + s, self.by_d + d, self.by_kd + kd, self.most - most)

    def less(self, other: Bound) -> Bound:
        """Return the bound with another sum, whose constant is its `most`, subtracted on the left."""
        return self.plus(Bound(*[-term for term in other]))

    def kernels(self, own: range, s: int, d: int) -> range:
        """Return the kernels that are possible with a stride and a dilation."""
        return _at_most(own, self.by_k + self.by_kd * d, self.most - self.by_s * s - self.by_d * d)

    def strides(self, own: range, kernels: range, d: int) -> range:
        """Return the strides that are possible with some kernels and a dilation."""
        ends = {kernels[0], kernels[-1]}
        least = min((self.by_k + self.by_kd * d) * k for k in ends)
        return _at_most(own, self.by_s, self.most - self.by_d * d - least)

    def dilations(self, own: range, kernels: range, strides: range) -> range:
        """Return a range of the dilations that are possible with some kernels and strides."""
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
    """Yield each kernel, extent, stride and dilation within all bounds, smallest dilation first.

    A kernel of one tap has only the smallest dilation. Without `strided_dilation`, stride or dilation is 1.
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
