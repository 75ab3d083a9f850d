"""Sets of units on one axis, as the bits of an integer, and regions, which are sets of units of a map.

A region is a union of products of such sets, one set per axis; no product contains another. A chain of windows gives
one product, for any number of units; branches may give more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from itertools import product as all_pairs
from math import prod
from operator import or_

from ..field import Interval

Product = tuple[int, ...]
"""A set of units for each axis, as bits: bit u is unit u."""
Region = tuple[Product, ...]
"""A union of products; () is empty."""

NOWHERE: Region = ()
MOST_PRODUCTS = 24
"""With more products than this, a region is split into rows, which may be fewer."""
WIDE = 1 << 16
"""With wider steps than this, the few units are handled one by one: digits take a byte for each bit between."""


def full(size: int) -> int:
    """Return the set of all units of an axis."""
    return (1 << size) - 1


def units(bits: int) -> Iterator[int]:
    """Yield the units of a set in order."""
    return (at for at, digit in enumerate(reversed(f"{bits:b}")) if digit == "1")


def spaced(bits: int, gap: int) -> int:
    """Return the set with each unit multiplied by `gap`."""
    if gap == 1 or bits <= 1:
        return bits
    if gap > WIDE:
        return reduce(or_, [1 << at * gap for at in units(bits)])
    return int(("0" * (gap - 1)).join(f"{bits:b}"), 2) if gap else 1


def every(bits: int, first: int, step: int) -> int:
    """Return the set of all j for which unit `first` + j*step is in a set."""
    if step == 1:
        return bits >> first
    if step > WIDE:
        octets = bits.to_bytes(bits.bit_length() // 8 + 1, "little")
        places = range(first, bits.bit_length(), step)
        return reduce(or_, [(octets[at >> 3] >> (at & 7) & 1) << j for j, at in enumerate(places)], 0)
    return int(f"{bits >> first:b}"[::-1][::step][::-1], 2)


def reversed_bits(bits: int, size: int) -> int:
    """Return a set of units with the axis reversed."""
    return int(f"{bits:0{size}b}"[::-1], 2)


def run(bits: int, count: int, step: int) -> int:
    """Return the set of a set's units and the `count` - 1 units after each, `step` apart."""
    have = 1
    while have < count:
        more = min(have, count - have)
        bits |= bits << (more * step)
        have += more
    return bits


def union(products: Iterable[Product]) -> Region:
    """Return the region of these products."""
    return _union(tuple(dict.fromkeys(products)))


@lru_cache(maxsize=4)  # many layers in a row read what the next one does
def _union(products: tuple[Product, ...]) -> Region:
    kept: list[Product] = []
    for one in _joined([*products]):
        if 0 in one or any(_within(one, other) for other in kept):
            continue
        kept = [other for other in kept if not _within(other, one)]
        kept.append(one)
    return _in_rows(kept) if len(kept) > MOST_PRODUCTS else tuple(kept)


def _joined(products: list[Product]) -> list[Product]:
    """Return products, merging those that differ on only one axis, as the channels of a concat do."""
    for axis in range(len(products[0]) if len(products) > 1 else 0):
        found: dict[tuple[Product, Product], int] = {}
        for one in products:
            others = one[:axis], one[axis + 1 :]
            found[others] = found.get(others, 0) | one[axis]
        products = [(*before, bits, *after) for (before, after), bits in found.items()]
    return products


def _within(one: Product, other: Product) -> bool:
    return all(a & b == a for a, b in zip(one, other, strict=True))


def _in_rows(products: Sequence[Product]) -> Region:
    """Return the region as products that are disjoint on the first axis, rows with the same units grouped."""
    if not products or len(products[0]) <= 1:
        return ((reduce(or_, [one[0] for one in products]),),) if products and products[0] else tuple(products[:1])
    rows: dict[Region, int] = {}
    inner: dict[tuple[int, ...], Region] = {}
    for row in range(max([one[0].bit_length() for one in products])):
        here = tuple([at for at, one in enumerate(products) if one[0] >> row & 1])
        if not here:
            continue
        if here not in inner:
            inner[here] = tuple(sorted(_in_rows([products[at][1:] for at in here])))
        rows[inner[here]] = rows.get(inner[here], 0) | 1 << row
    return tuple([(bits, *one) for region, bits in rows.items() for one in region])


def count(region: Region) -> int:
    """Return the number of units of a region."""
    if len(region) == 1:
        return prod([bits.bit_count() for bits in region[0]])
    return sum([prod([bits.bit_count() for bits in one]) for one in _in_rows(region)])


def same(one: Region, other: Region) -> bool:
    """Return whether two regions contain the same units."""
    return set(one) == set(other) or count(one) == count(other) == count(union((*one, *other)))


def hull(region: Region) -> tuple[Interval, ...] | None:
    """Return the first and the last unit of a region on each axis; None if it is empty."""
    if not region:
        return None
    return tuple([ends(reduce(or_, sets)) for sets in zip(*region, strict=True)])


def enclosing(region: Region) -> Region:
    """Return the box that encloses a region."""
    return (tuple([full(last + 1) ^ full(first) for first, last in hull(region) or ()]),) if region else NOWHERE


def middle(region: Region) -> tuple[int, ...]:
    """Return the indices on all but the last two axes at which a region is nearest to its middle; () if it is empty.

    The middle itself may be a hole of a dilation.
    """
    wanted = [(first + last) // 2 for first, last in (hull(region) or ())[:-2]]
    places = [[_nearest(bits, at) for bits, at in zip(one, wanted, strict=False)] for one in region]
    apart = [sum([abs(at - other) for at, other in zip(place, wanted, strict=True)]) for place in places]
    return tuple(places[apart.index(min(apart))]) if places else ()


def _nearest(bits: int, wanted: int) -> int:
    """Return the unit of a set that is nearest to `wanted`."""
    before, after = bits & full(wanted + 1), bits >> wanted
    found = [ends(before)[1]] * bool(before) + [wanted + ends(after or 1)[0]] * bool(after)
    return min(found, key=lambda at: abs(at - wanted))


def ends(bits: int) -> Interval:
    """Return the first and last unit of a non-empty set."""
    return (bits & -bits).bit_length() - 1, bits.bit_length() - 1


def disjoint(region: Region) -> Region:
    """Return a region as disjoint products."""
    return tuple(_in_rows(region)) if len(region) > 1 else region


def all_units(region: Region) -> Iterator[tuple[int, ...]]:
    """Yield each unit of a region once, in no particular order."""
    for one in disjoint(region):
        yield from all_pairs(*map(list, map(units, one)))
