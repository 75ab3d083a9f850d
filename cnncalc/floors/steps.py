"""Sums of floors of one letter: their period, and whether they equal a single floor."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, lcm

from . import Sum, Terms, letters_of, value

MOST_TABLED = 128
"""The longest period of a sum of floors whose values are tabulated to find a shorter formula."""


@lru_cache(4096)
def period(terms: Terms) -> tuple[int, int] | None:
    """Return the period of a sum of one letter, and its growth over one period.

    None for products of letters, and for maxima and minima.
    """
    length, growth = 1, 0
    for product, times in terms:
        if not product:
            continue
        (atom,), kind = product[:1], product[0][0]
        if len(product) > 1 or kind in ("max", "min"):
            return None
        own = (1, 1)
        if kind == "//":
            inner = period(atom[1])
            if inner is None:
                return None
            turns = atom[2] // gcd(inner[1], atom[2])
            own = (inner[0] * turns, inner[1] * turns // atom[2])
        both = lcm(length, own[0])
        length, growth = both, growth * (both // length) + times * own[1] * (both // own[0])
    return length, growth


@lru_cache(4096)
def shorter(terms: Terms) -> Terms:
    """Return a sum in which floors of one letter are replaced by one floor, or by none, where they equal that."""
    groups: dict[frozenset[str], Sum] = {}
    for product, times in terms:
        groups.setdefault(letters_of(((product, 1),)), {})[product] = times
    found: Sum = {}
    for letters, group in groups.items():
        own = tuple(sorted(group.items()))
        single = _one_floor(own, next(iter(letters))) if len(letters) == 1 and len(group) > 1 else None
        for product, times in group.items() if single is None else single.items():
            found[product] = found.get(product, 0) + times
    return tuple(sorted((product, times) for product, times in found.items() if times))


def _one_floor(terms: Terms, letter: str) -> Sum | None:
    """Return a sum of floors of one letter as `times*floor((letter + add)/by) + constant`; None if it is not one."""
    repeats = period(terms)
    if repeats is None or repeats[0] > MOST_TABLED:
        return None
    values = [value(terms, {letter: n}) for n in range(repeats[0] + 1)]
    steps = [n for n in range(repeats[0]) if values[n] != values[n + 1]]
    if not steps or repeats[0] % len(steps):
        return None if steps else {(): values[0]}
    by, times = repeats[0] // len(steps), values[steps[0] + 1] - values[steps[0]]
    if any(n != steps[0] + at * by or values[n + 1] - values[n] != times for at, n in enumerate(steps)):
        return None
    first = ((letter,),)
    if by == 1:
        return {first: times, (): values[0]}
    add = -(steps[0] + 1) % by
    inside = ((((), add),) if add else ()) + ((first, 1),)
    return {(("//", inside, by),): times, (): values[0]}
