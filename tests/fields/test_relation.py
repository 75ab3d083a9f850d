"""Relations compared with what each unit reads by their definition, and sets of units with Python's sets."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

import pytest

from cnncalc.field import NOTHING, PIXEL
from cnncalc.fields import masks
from cnncalc.fields.relation import Relation, itself


def bits(units: set[int]) -> int:
    return sum(1 << unit for unit in units)


def read(one: Relation, unit: int) -> set[int]:
    """Return what a unit reads, tap by tap."""
    assert one.phases is not None
    assert one.n is not None
    first, last = one.phases[unit % len(one.phases)]
    if (first, last) == NOTHING:
        return set()
    moved = unit // len(one.phases) * one.advance
    taps = [at + moved for at in range(first, last + 1, one.step)]
    if one.edge:
        return {min(max(at, 0), one.n - 1) for at in taps}
    return {at for at in taps if 0 <= at < one.n}


def draw(rng: random.Random) -> Relation:
    """Return a relation, and every fourth time one whose windows reach beyond the map at both ends."""
    step, phases, wide = rng.randint(1, 3), [], rng.choice([1, 1, 1, 9])
    for _ in range(rng.randint(1, 4)):
        first = rng.randint(-5 * wide, 8)
        phases.append(NOTHING if rng.random() < 0.2 else (first, first + step * rng.randint(0, 3 * wide)))
    return Relation(rng.randint(1, 12), PIXEL, tuple(phases), rng.randint(-3, 4), step, rng.random() < 0.3)


@pytest.mark.parametrize("seed", range(300))
def test_sets_go_back_and_forth(seed: int) -> None:
    rng = random.Random(seed)
    one, out = draw(rng), rng.randint(1, 14)
    assert one.n is not None
    every = [read(one, unit) for unit in range(out)]
    for _ in range(4):
        units = {unit for unit in range(out) if rng.random() < 0.4}
        assert one.back(bits(units)) == bits(set().union(*[every[unit] for unit in units]))
        pixels = {at for at in range(one.n) if rng.random() < 0.3}
        seeing = {unit for unit in range(out) if every[unit] & pixels}
        assert one.forth(bits(pixels), out) == bits(seeing), (one, pixels)


def test_windows_that_are_very_much_larger_than_the_map_cost_no_more_than_it() -> None:
    huge = Relation(9, PIXEL, ((-(10**18), 10**18),), 2)
    assert (huge.back(0b10), huge.forth(1 << 8, 5)) == (masks.full(9), masks.full(5))
    shifted = Relation(9, PIXEL, ((4, 4 + 3 * 10**18),), -2, 3)
    assert (shifted.back(0b100), shifted.forth(0b1001, 4)) == (0b1001001, 0b0100)
    apart = Relation(9, PIXEL, ((-(10**18), 10**18),), 2, 10**18)
    assert (apart.back(0b10), apart.forth(1 << 8, 5)) == (0b100, 0b10000)
    beside = Relation(9, PIXEL, ((-(10**18) - 1, 10**18 + 99),), 2, 10**18 + 50)
    assert (beside.back(0b10), beside.forth(1 << 8, 5)) == (0, 0)


@pytest.mark.parametrize("step", [2, masks.WIDE + 1])
def test_units_apart(step: int) -> None:
    assert masks.spaced(0b1101, step) == 1 << 3 * step | 1 << 2 * step | 1
    assert masks.every((1 << 3 * step | 1 << step | 1) << 5 | 1, 5, step) == 0b1011
    assert masks.every(1, 5, step) == 0


def test_each_method_of_a_field_has_its_relation() -> None:
    one = itself(9)
    cases: dict[Relation, Callable[[int], set[int]]] = {
        one.slide(5, 2, 1, 2): lambda u: {2 * u - 1, 2 * u + 1, 2 * u + 3},
        one.whole(9): lambda _: set(range(9)),
        one.still(9): lambda _: set(range(9)),
        one.transpose(3, 1, 2, 1): lambda u: {(u + 1 - i) // 2 for i in range(3) if (u + 1 - i) % 2 == 0},
        one.transpose(4, 3, 2, 0): lambda u: {(u - 3 * i) // 2 for i in range(4) if (u - 3 * i) % 2 == 0},
        one.resample(3, 2, lambda u: (u, u + 1)): lambda u: {u // 2 * 3 + u % 2, u // 2 * 3 + u % 2 + 1},
        one.take([3, 1, 4, 1], 9): lambda u: {(3, 1, 4, 1)[u]} if u < 4 else {(3, 1, 4, 1)[u % 4]},
        one.pad(2, 12, None): lambda u: {u - 2},
        one.pad(1, 3, [1, 0, 1].__getitem__): lambda u: {(1, 0, 1)[u % 3]},
        one.prepend(4): lambda u: {u - 4},
        one.spread([(0, 4)], 5, 2): lambda u: {5 * u, 5 * u + 2, 5 * u + 4},
    }
    for relation, reads in cases.items():
        for unit in range(12):
            want = {at for at in reads(unit) if 0 <= at < 9} or ({8} if relation.edge else set())
            assert relation.back(1 << unit) == bits(want), (relation, unit)
    assert one.slide(3, 1, None).phases is None
    assert one.pad(1, 10**9, lambda u: u).phases is None  # too many
    assert one.slide(3, 1, 1).slide(3, 1, 1).phases is None  # two steps of one layer are not followed


def brute(region: masks.Region) -> set[tuple[int, ...]]:
    return {unit for one in region for unit in product(*[list(masks.units(own)) for own in one])}


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_region_is_the_union_of_its_products(axes: int) -> None:
    rng = random.Random(axes)
    for number in [1, 2, 5, 40]:
        products = [tuple([rng.getrandbits(6) for _ in range(axes)]) for _ in range(number)]
        want = brute(tuple(products))
        region = masks.union(products)
        assert brute(region) == want
        assert masks.count(region) == len(want)
        assert sorted(masks.all_units(region)) == sorted(want)
        assert masks.same(region, tuple(products))
        ends = [(min(own), max(own)) for own in zip(*want, strict=True)]
        assert masks.hull(region) == tuple(ends)
        if number == 1:
            assert not masks.same(region, masks.union([*products, (1 << 9,) * axes]))
    assert masks.hull(masks.NOWHERE) is None
    assert masks.count(masks.NOWHERE) == 0


def test_products_that_differ_on_one_axis_alone_are_one() -> None:
    """For example the channels that a concat joins, each of which the later layers followed separately."""
    assert masks.union([(1 << channel, 6, 3) for channel in range(5)]) == ((31, 6, 3),)
    assert masks.union([(1, 6, 3), (2, 6, 3), (3, 1, 3)]) == ((3, 7, 3),)
    assert masks.union([(1, 6), (2, 5)]) == ((1, 6), (2, 5))
