"""Receptive fields, compared with sets of pixels carried from unit to unit."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import cnncalc
from cnncalc.field import BROADCAST, MISALIGNED, NOTHING, PIXEL, POOLED, UNKNOWN, Anchor, Field, join

Sees = Callable[[int], set[int]]
"""The units of the layer below that a unit sees, including padding, by the definition."""
Step = tuple[dict[str, Any], Sees]


POINT: Step = ({"op": "conv1d", "c_o": 1}, lambda u: {u})
"""The start of every chain, which gives it one axis whatever follows."""


def conv(k: int, s: int = 1, d: int = 1, pb: int = 0, pa: int = 0) -> Step:
    layer = {"op": "conv1d", "c_o": 1, "k": k, "s": s, "d": d, "p": [[pb, pa]]}
    return layer, lambda u: {u * s - pb + tap * d for tap in range(k)}


def pool(k: int, s: int) -> Step:
    return {"op": "avgpool1d", "k": k, "s": s}, lambda u: {u * s + tap for tap in range(k)}


def pad(pb: int, pa: int) -> Step:
    return {"op": "pad", "p": [[pb, pa]]}, lambda u: {u - pb}


def crop(before: int, after: int) -> Step:
    return {"op": "crop", "p": [[before, after]]}, lambda u: {u + before}


def transposed(k: int, s: int, pb: int = 0) -> Step:
    """Input unit i writes to s*i - pb .. s*i - pb + k-1; a unit sees the units that write to it."""
    layer = {"op": "convT1d", "c_o": 1, "k": k, "s": s, "p": [[pb, 0]]}
    return layer, lambda u: {i for i in range(u // s - k - 1, u // s + k + 2) if 0 <= u + pb - s * i < k}


def nearest(factor: int) -> Step:
    return {"op": "upsample", "factor": [factor]}, lambda u: {u // factor}


def linear(factor: int) -> Step:
    """A unit sees the two units around (u + 1/2)/factor - 1/2, or the one it falls on."""

    def sees(u: int) -> set[int]:
        doubled = 2 * u + 1 - factor  # twice factor times the position
        below, rest = divmod(doubled, 2 * factor)
        return {below, below + 1} if rest else {below}

    return {"op": "upsample", "factor": [factor], "mode": "linear"}, sees


def adaptive(n: int, out: int) -> Step:
    """A unit sees floor(u*n/o) to ceil((u+1)*n/o) - 1, computed exactly."""
    return {"op": "adaptiveavgpool", "out": [out]}, lambda u: set(range(u * n // out, ((u + 1) * n + out - 1) // out))


def pixels(chain: list[Step]) -> Callable[[int], set[int]]:
    """Return the pixels of the input that a unit of the last layer sees."""

    @cache
    def through(layer: int, unit: int) -> frozenset[int]:
        if layer < 0:
            return frozenset({unit})
        return frozenset().union(*(through(layer - 1, below) for below in chain[layer][1](unit)))

    return lambda unit: set(through(len(chain) - 1, unit))


def span(field: Field, unit: int) -> tuple[int, int] | None:
    """Return the first and the last pixel that a unit sees according to its field; None if it sees none."""
    if field.phases is not None:
        period, phase = divmod(unit, len(field.phases))
        first, last = (edge + period * field.advance for edge in field.phases[phase])
    else:
        assert field.size is not None
        assert field.stride is not None
        assert field.start is not None
        first = field.start + unit * field.stride
        last = first + field.size - 1
    return (first, last) if first <= last else None


def traced(chain: list[Step], n: int) -> cnncalc.Report:
    """Return the report of a chain over one channel of n pixels."""
    return cnncalc.shape([layer for layer, _ in (POINT, *chain)], input=(1, n))


def agree(chain: list[Step], n: int) -> None:
    """Compare the field of a chain with the pixels carried through it, for every unit and a few beyond."""
    report = traced(chain, n)
    (field,) = report.rf
    (_, out) = report.out
    assert isinstance(out, int)
    sees = pixels(chain)
    for unit in range(min(out, 24)):
        seen = sees(unit)
        assert span(field, unit) == ((min(seen), max(seen)) if seen else None), (unit, chain)
    sizes = [max(seen) - min(seen) + 1 if seen else 0 for seen in map(sees, range(240))]
    assert field.size == max(sizes)


CHAINS: dict[str, list[Step]] = {
    "two 3-kernels": [conv(3), conv(3)],
    "strided stem": [conv(7, 2, 1, 3, 3), conv(3, 2, 1, 1, 1)],
    "dilated": [conv(3, 1, 2, 2, 2), conv(3, 2, 3, 3, 3), pool(2, 2)],
    "uneven sides": [conv(4, 2, 1, 1, 2), conv(2, 3, 1, 0, 1)],
    "overlapping pools": [pool(3, 2), pool(3, 2)],
    "gaps between windows": [conv(1, 3), conv(2, 2)],
    "pad and crop": [pad(3, 2), conv(3), crop(1, 2), conv(2, 2)],
    "transposed 4 s2 p1": [conv(3, 2, 1, 1, 1), transposed(4, 2, 1), conv(3)],
    "transposed 3 s2": [transposed(3, 2)],
    "transposed 5 s3 p2 twice": [transposed(5, 3, 2), transposed(4, 2, 1)],
    "transposed and back": [transposed(4, 2, 1), conv(4, 2, 1, 1, 1)],
    "nearest": [conv(3, 2), nearest(2), conv(3)],
    "nearest 3 in strides": [nearest(3), conv(2, 2)],
    "bilinear": [conv(3), linear(2), conv(3, 1, 1, 1, 1)],
    "bilinear 3": [linear(3), pool(2, 2)],
    "adaptive 20 to 7": [adaptive(20, 7)],
    "adaptive 10 to 4 and on": [pool(2, 2), adaptive(10, 4), conv(2)],
    "adaptive to 1": [conv(3), adaptive(18, 1)],
    "everything": [pad(1, 2), conv(3, 2), transposed(4, 2), linear(2), nearest(2), conv(3, 2), crop(1, 1)],
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_field_is_the_pixels_carried_through(name: str) -> None:
    agree(CHAINS[name], 20)


@pytest.mark.parametrize(
    "chain",
    [
        [transposed(1, 2)],
        [transposed(1, 2), conv(3, 1, 1, 1, 1)],
        [pad(1, 0), transposed(1, 2, 1), conv(2, 2)],
        [transposed(1, 3), pool(2, 1)],
        [transposed(2, 3), conv(2), nearest(2)],
        [conv(3), transposed(1, 2), transposed(3, 2)],
    ],
)
def test_units_that_see_nothing_add_nothing(chain: list[Step]) -> None:
    """A transposed conv with k' < s leaves units that no input unit writes to."""
    agree(chain, 12)


JOINS: dict[str, list[list[Step]]] = {
    "phased and plain": [[pool(2, 2), nearest(2)], [conv(2, 1, 1, 1, 0)]],
    "plain and phased": [[conv(2, 1, 1, 1, 0)], [transposed(4, 2, 1), pool(2, 2)], [pool(3, 3), nearest(3)]],
    "two and three phases": [[pool(2, 2), nearest(2)], [pool(3, 3), nearest(3)]],
    "three phases, four and two": [
        [pool(3, 3), linear(3)],
        [pool(4, 4), nearest(4)],
        [pool(2, 2), transposed(3, 2, 1)],
    ],
    "units that see nothing": [[pool(2, 2), transposed(1, 2)], [pool(3, 3), transposed(2, 3)]],
}


@pytest.mark.parametrize("name", JOINS)
def test_paths_that_meet_see_what_any_of_them_sees(name: str) -> None:
    paths = JOINS[name]
    layers: list[dict[str, Any]] = [{**POINT[0], "name": "point"}]
    for number, path in enumerate(paths):
        for at, (layer, _) in enumerate(path):
            layers.append({**layer, "name": f"path{number}_{at}"} | ({} if at else {"from": "point"}))
    ends = [f"path{number}_{len(path) - 1}" for number, path in enumerate(paths)]
    (field,) = cnncalc.shape([*layers, {"op": "add", "from": ends}], input=(1, 24)).rf
    for unit in range(72):
        seen = set().union(*(pixels(path)(unit) for path in paths))
        assert span(field, unit) == ((min(seen), max(seen)) if seen else None), unit


ONE, OTHER = Anchor(), Anchor()


@pytest.mark.parametrize(
    ("fields", "joined"),
    [
        ([Field(3, 2, -1), Field(5, 2, -2)], Field(5, 2, -2)),
        ([Field(3, 2, -1), Field(5, 2, 0)], Field(6, 2, -1, marks=MISALIGNED)),
        ([Field(3, 2, -1), Field(7, 3, -3)], UNKNOWN.marked(MISALIGNED)),
        ([Field(3, 2, -1, marks=BROADCAST), Field(3, 2, -1, marks=MISALIGNED)], Field(3, 2, -1, marks=2 | 4)),
        ([Field(3, 2, -1, marks=MISALIGNED), PIXEL], UNKNOWN.marked(MISALIGNED)),
        # A path through a global pool counts only beside paths of its kind, or if its units see all of the others.
        ([Field(16, 0, 0, marks=POOLED), Field(3, 2, -1)], Field(3, 2, -1, marks=BROADCAST)),
        ([Field(3, 2, -1), Field(16, 0, 0, marks=POOLED), Field(5, 2, -2)], Field(5, 2, -2, marks=BROADCAST)),
        ([Field(16, 0, 0, marks=POOLED), Field(9, 0, 2, marks=POOLED)], Field(16, 0, 0, marks=POOLED)),
        ([Field(5, 2, -2), Field(9, 0, -1)], Field(9, 0, -1)),
        ([Field(4, 0, 1), Field(5, 0, 0)], Field(5, 0, 0, marks=MISALIGNED)),
        ([Field(9, 0, -1), Field(None, 2, None)], Field(None, None, None)),
        ([Field(9, 0, None), PIXEL], Field(9, 0, None)),
        ([Field(None, 0, None), PIXEL], UNKNOWN),
        ([Field(3, 0, 0, ((0, 2), (1, 1)), 0), PIXEL], UNKNOWN.marked(MISALIGNED)),
        # One phase with coinciding centres, and one without.
        (
            [PIXEL.spread([(0, 0), (2, 2)], 3), PIXEL.spread([(0, 0), (1, 1)], 3)],
            Field(2, None, 0, ((0, 0), (1, 2)), 3, MISALIGNED),
        ),
        ([Field(3, 2, None), Field(None, 2, None)], Field(None, 2, None)),
        ([Field(3, 2, None), Field(3, 2, None)], Field(3, 2, None)),
        # Starts that depend on an open size, at one layer or at two.
        (
            [Field(3, 2, None, anchor=ONE, offset=-1), Field(5, 2, None, anchor=ONE, offset=-2)],
            Field(5, 2, None, anchor=ONE, offset=-2),
        ),
        (
            [Field(9, 0, None, anchor=ONE, offset=-3), Field(5, 2, None, anchor=ONE, offset=4)],
            Field(9, 0, None, anchor=ONE, offset=-3),
        ),
        ([Field(3, 2, None, anchor=ONE), Field(5, 2, None, anchor=OTHER)], Field(None, 2, None)),
        ([Field(3, 2, None, anchor=ONE), Field(5, 3, None, anchor=ONE)], UNKNOWN.marked(MISALIGNED)),
        # 31 * 37 phases are too many to distinguish, 1024 are not.
        ([PIXEL.spread([(0, n - 1)] * n, n) for n in (31, 37)], UNKNOWN.marked(MISALIGNED)),
        (
            [PIXEL.spread([(0, n - 1)] * n, n) for n in (32, 1024)],
            Field(1024, 1, 0, ((0, 1023),) * 1024, 1024, MISALIGNED),
        ),
    ],
)
def test_what_is_known_where_paths_meet(fields: list[Field], joined: Field) -> None:
    assert tuple(join(fields)) == tuple(joined)


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (PIXEL.transpose(1, 1, 2, 0), Field(1, None, 0, ((0, 0), NOTHING), 1)),
        (PIXEL.transpose(1, 1, 2, 1), Field(1, None, None, (NOTHING, (1, 1)), 1)),
        (PIXEL.slide(2, 2, 0).spread([(0, 0)] * 2, 1), Field(2, 1, 0, ((0, 1), (0, 1)), 2)),
        (UNKNOWN.slide(3, 2, 1), UNKNOWN),
        (PIXEL.spread([NOTHING], 3), Field(0, 3, None, (NOTHING,), 3)),
        (PIXEL.spread([(0, 1), (3, 4)], 6), Field(2, 3, 0)),
        (PIXEL.spread([(0, 1), (3, 5)], 6), Field(3, 3, 0, ((0, 1), (3, 5)), 6)),
        (PIXEL.spread([(0, 1), (3, 5)], 6).whole(2), Field(6, 3, 0)),
        (PIXEL.transpose(1, 1, 2, 0).whole(4), Field(2, 0, 0)),
        (PIXEL.transpose(1, 1, 2, 0).spread([(0, 0), (1, 1)], 2), Field(1, None, 0, ((0, 0), NOTHING), 1)),
        (Field(3, 2, 0).slide(3, 2, None), Field(7, 4, None)),
        (Field(5, 0, None).slide(3, 2, 1), Field(5, 0, None)),
        (Field(3, 2, -1, marks=BROADCAST).still(4), Field(9, 0, -1, marks=BROADCAST)),
    ],
)
def test_three_numbers_if_they_say_it_all(found: Field, field: Field) -> None:
    assert found == field


PHASED = PIXEL.transpose(1, 1, 2, 0)
ENDED = (*[(unit, unit) for unit in range(512)], *[NOTHING] * 512)


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (PHASED.slide(2, 1, None), UNKNOWN),
        (PHASED.whole(None), UNKNOWN),
        (Field(3, 2, 0).whole(None), Field(None, 2, 0)),
        (Field(3, 2, None, anchor=ONE, offset=-1).slide(3, 5, 1), Field(7, 10, None, anchor=ONE, offset=-3)),
        (PIXEL.transpose(1, 1, 1025, 0), UNKNOWN),
        (PIXEL.resample(1, 1024, lambda _: (0, 0)), Field(1, None, 0, ((0, 0),) * 1024, 1)),
        (PIXEL.resample(1, 1025, lambda _: (0, 0)), UNKNOWN),
        (PIXEL.take([4, 6], 3), Field(1, None, 4, ((4, 4), (6, 6), NOTHING, NOTHING), 6)),
        (PIXEL.take(range(513), 1), UNKNOWN),
        (PIXEL.take(range(512), 1), Field(1, None, 0, ENDED, 2)),
        # Too many phases are not even listed.
        (PIXEL.transpose(1, 1, 1 << 40, 0), UNKNOWN),
        (PIXEL.resample(1, 1 << 40, lambda _: (0, 0)), UNKNOWN),
        (PIXEL.take(range(1 << 40), 1), UNKNOWN),
        (PIXEL.transpose(1024, 1, 1024, 0), Field(1, None, 0, ((0, 0),) * 1024, 1)),
        (PIXEL.resample(2000, 4000, lambda _: (0, 0)), Field(1, None, 0, ((0, 0), (0, 0)), 1)),
        (PIXEL.spread([(0, 0)] * 1025, 1025), UNKNOWN),
        (PHASED.spread([(0, 0)] * 513, 1), UNKNOWN),
        (PHASED.spread([(0, 0)] * 513, 2), Field(1, None, 0, ((0, 0),) * 513, 1)),
        (Field(1, 1 << 1024, 0).slide(2, 1, 0), Field((1 << 1024) + 1, 1 << 1024, 0)),
        (Field(1, (1 << 1024) + 1, 0).slide(2, 1, 0), UNKNOWN),
        (Field(1, 1 << 1024, 0).spread([(0, 0)], 1), Field(1, 1 << 1024, 0)),
        (Field(1, (1 << 1024) + 1, 0).spread([(0, 0)], 1), UNKNOWN),
        (Field(None, 2, None, anchor=ONE).slide(3, 1, 1), Field(None, 2, None, anchor=ONE, offset=-2)),
        (Field(3, 2, None, anchor=ONE, offset=-1).whole(4), Field(9, 2, None, anchor=ONE, offset=-1)),
        (UNKNOWN.marked(POOLED).still(3), UNKNOWN.marked(POOLED)),
        (PIXEL.spread([NOTHING], 3).still(2), UNKNOWN),
        (Field(3, None, None).slide(3, 2, 1), Field(3, None, None)),
    ],
)
def test_where_a_field_ends_to_be_known(found: Field, field: Field) -> None:
    assert tuple(found) == tuple(field)


def test_the_fewest_and_the_most_pixels() -> None:
    assert [field.sizes for field in (UNKNOWN, Field(3, 2, -1), PHASED)] == [None, (3, 3), (0, 1)]


def test_the_pixels_of_units_are_known_if_all_three_numbers_are() -> None:
    found = [Field(*numbers).spans for numbers in [(3, 2, -1), (None, 2, -1), (3, None, -1), (3, 2, None)]]
    assert found == [(((-1, 1),), 2), None, None, None]


def test_the_pixels_of_several_units() -> None:
    assert [PHASED.seen(first, last) for first, last in [(0, 3), (1, 1), (-1, 2)]] == [(0, 1), NOTHING, (0, 1)]


def test_fields_are_equal_if_the_same_is_known_of_both() -> None:
    assert Field(3, 2, None, anchor=ONE, offset=4) == Field(3, 2, None)
    assert not operator.ne(Field(3, 2, None, anchor=ONE), Field(3, 2, None))
    assert len({Field(3, 2, None, anchor=ONE), Field(3, 2, None, offset=1), Field(3, 2, 0)}) == 2
    others = Field(4, 2, -1), Field(3, 1, -1), Field(3, 2, 0), Field(3, 2, -1, ((0, 0),)), Field(3, 2, -1, None, 1)
    assert not any(Field(3, 2, -1) == other for other in (*others, Field(3, 2, -1, marks=POOLED), 3))
    assert PIXEL.marked(POOLED).marked(BROADCAST).marks == POOLED | BROADCAST


def test_a_window_over_phases_sees_what_its_units_see() -> None:
    for phases, advance in product(product([(0, 0), (1, 1), (0, 2), (-1, 0), NOTHING], repeat=2), (-2, 0, 1, 3)):
        field = Field(3, None, None, phases, advance)
        for k, s, pb in ((2, 1, 0), (3, 2, 1), (2, 5, -1), (7, 1, 3)):
            slid = field.slide(k, s, pb)
            for unit in range(-3, 6):
                spans = [span(field, unit * s - pb + tap) for tap in range(k)]
                ends = [end for one in spans if one for end in one]
                expected = (min(ends), max(ends)) if ends else None
                assert span(slid, unit) == expected, (phases, advance, k, s, pb, unit)


sliding = st.one_of(
    st.builds(conv, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3)),
    st.builds(pool, st.integers(1, 3), st.integers(1, 3)),
    st.builds(pad, st.integers(0, 3), st.integers(0, 3)),
    st.builds(crop, st.integers(0, 2), st.integers(0, 2)),
)
growing = st.one_of(
    st.integers(1, 3).flatmap(lambda s: st.builds(transposed, st.integers(s, 5), st.just(s), st.integers(0, 2))),
    st.builds(nearest, st.integers(1, 3)),
    st.builds(linear, st.integers(1, 4)),
)


@given(st.lists(st.one_of(sliding, growing), min_size=1, max_size=4), st.integers(8, 30))
def test_any_chain_against_the_pixels(chain: list[Step], n: int) -> None:
    try:
        report = traced(chain, n)
    except cnncalc.ShapeError:
        assume(False)
    assume(all(layer.sample != (1, 1) for layer in report.layers if layer.op == "upsample"))  # it sees that unit alone
    agree(chain, n)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 3))
def test_any_adaptive_pool_against_the_pixels(n: int, out: int, k: int) -> None:
    assume(out >= k)
    agree([adaptive(n, out), conv(k)], n)


def test_a_pixel_sees_itself() -> None:
    assert Field(1, 1, 0) == PIXEL


def only(source: str, input: str) -> Field:
    """Return the field on both axes, which are the same."""
    height, width = cnncalc.shape(source, input=input).rf
    assert height == width
    return height


@pytest.mark.parametrize(
    ("spec", "start"),
    [
        # unknown: with n = qs + r, `same` pads max(k' - r, 0), so the padding before depends on r
        ("conv:1,k3,s2,same", None),
        ("conv:1,k5,s2,same", None),
        ("maxpool:k3,s2,same", None),
        ("conv:1,k4,s2,p=same_lower", None),
        # known: stride 1, kernel 1, or the same padding before for every n
        ("conv:1,k3,same", -1),
        ("conv:1,k4,same", -1),
        ("conv:1,k4,p=same_lower", -2),
        ("conv:1,k3,d2,same", -2),
        ("conv:1,k1,s2,same", 0),
        ("conv:1,k2,s2,same", 0),
        ("maxpool:k2,same", 0),
        ("conv:1,k4,s2,same", -1),
        ("conv:1,k3,s2,p=same_lower", -1),
        # numbers never depend on n
        ("conv:1,k7,s2,p3", -3),
    ],
)
def test_start_with_open_sizes(spec: str, start: int | None) -> None:
    field = only(spec, "1xHxW")
    assert field.start == start
    assert field.size is not None
    assert field.stride is not None


def test_an_unknown_start_stays_unknown_and_the_rest_goes_on() -> None:
    assert only("conv:1,k3,s2,same conv:1,k3", "1xHxW") == Field(7, 2, None)
    assert only("conv:1,k3,s2,same convT:1,k3", "1xHxW") == Field(7, 2, None)  # with stride 1 it is a convolution
    assert only("conv:1,k3,s2,same convT:1,k2,s2", "1xHxW") == UNKNOWN


def test_the_start_that_is_unknown_differs_with_the_size() -> None:
    assert {only("conv:1,k3,s2,same", f"1x{n}x{n}").start for n in (224, 321)} == {0, -1}


@pytest.mark.parametrize("tail", ["globalavgpool", "flatten", "flatten linear:7", "globalmaxpool flatten linear:3"])
def test_what_sees_everything_reaches_as_far_as_the_windows(tail: str) -> None:
    """A window of n = 4 units of size 3, stride 2, start -1: -1 to 7, 9 pixels."""
    assert only(f"conv:2,k3,s2,p1 {tail}", "1x8x8")[:3] == (9, 2, -1)


def test_a_pixel_shuffle_is_a_nearest_upsampling_for_the_field() -> None:
    assert only("conv:4,k3 pixelshuffle:2", "1x8x8") == only("conv:4,k3 upsample:factor=2", "1x8x8")
    assert only("pixelshuffle:3 conv:1,k2", "9x4x4") == Field(2, None, 0, ((0, 0), (0, 0), (0, 1)), 1)


def test_axes_are_kept_apart() -> None:
    report = cnncalc.shape("conv:1,k3x5,s2x3,p=0+1x2 maxpool:k2x3,s1x2", input=(1, 20, 30))
    assert report.rf == (Field(5, 2, 0), Field(11, 6, -2))


def test_permuted_axes_carry_their_fields_along() -> None:
    report = cnncalc.shape("conv:1,k3x5 permute:1x3x2", input=(1, 20, 30))
    assert report.rf == (Field(5, 1, 0), Field(3, 1, 0))


def test_strides_of_a_thousand_doublings_are_given_up() -> None:
    spec = [{"op": "conv", "c_o": 1, "k": 2, "s": 2, "times": 1100}]
    assert only_json(spec) == Field(None, None, None)


def only_json(spec: list[dict[str, Any]]) -> Field:
    """Return the field of a JSON spec for open sizes."""
    field, _ = cnncalc.shape(spec, input="1xHxW").rf
    return field


@pytest.mark.parametrize(
    ("words", "input", "text"),
    [
        # Only existing units count: an upsampled pool has only one pixel, and a linear layer sees what there is.
        ("globalavgpool upsample:out=16,mode=bilinear", "1x16x16", "receptive field 16, stride 0, start 0"),
        ("alexnet", "3x256x256", "receptive field 387, stride 0, start -66"),
        ("convT:4,k3,s2 flatten linear:10", "3x8x8", "receptive field 10, stride 0, start -1"),
        # Backwards: the units of a row in reverse order, each with the window that it had.
        ("conv1d:4,k3,s2 slice:axis=2,step=-1", "3x9", "receptive field 3, stride -2, start 6"),
        ("conv1d:4,k3 slice:axis=2,step=-1 conv1d:4,k3", "3x9", "receptive field 5, stride -1, start 4"),
        ("slice:axis=2,step=-1 conv1d:4,k3 slice:axis=2,step=-1", "3x9", "receptive field 3, stride 1, start 0"),
        ("slice:axis=2,step=-2 convT1d:4,k4,s2", "3x9", "receptive field 3, stride varying by phase, start 8"),
        # A dilated transposed convolution sees by its taps: every second unit of this one sees nothing.
        ("convT:1,k3,s2,d2", "1x16x16", "receptive field 0-3, stride varying by phase, start -2"),
        ("convT:1,k3,s2", "1x16x16", "receptive field 1-2, stride varying by phase, start -1"),
    ],
)
def test_what_differs_by_unit_is_said(words: str, input: str, text: str) -> None:
    assert text in str(cnncalc.shape(words, input=input)).splitlines()


def slim_resnet_50() -> list[dict[str, Any]]:
    """Return TF-Slim's ResNet-50: the padding of pool1 depends on an open size, that of the units does not."""
    layers: list[dict[str, Any]] = [
        {"op": "conv", "c_o": 8, "k": 7, "s": 2, "p": 3},
        {"op": "maxpool", "k": 3, "s": 2, "p": "same", "name": "block0"},
    ]
    for block, units in enumerate((3, 4, 6, 3), 1):
        for unit in range(units):
            s = 2 if unit == units - 1 and block < 4 else 1
            before = layers[-1]["name"]
            layers += [
                {"op": "conv", "c_o": 8},
                {"op": "conv", "c_o": 8, "k": 3, "s": s, "p": 1},
                {"op": "conv", "c_o": 8, "name": f"deep{block}_{unit}"},
                {"op": "maxpool", "k": 1, "s": s, "from": before, "name": f"short{block}_{unit}"},
                {"op": "add", "from": [f"deep{block}_{unit}", f"short{block}_{unit}"], "name": f"unit{block}_{unit}"},
            ]
        layers[-1]["name"] = f"block{block}"
    return layers


def test_paths_that_share_an_unknown_start_have_a_known_size() -> None:
    """The rows of resnet_v1_50 with an open input (google-research/receptive_field)."""
    report = cnncalc.shape(slim_resnet_50(), input="3xHxW")
    fields = [report[f"block{n}"].rf[0][:3] for n in (1, 2, 3, 4)]
    assert fields == [(35, 8, None), (99, 16, None), (291, 32, None), (483, 32, None)]


def test_a_gate_that_is_left_out_is_named() -> None:
    gate = "conv:4,k3,p1,name=a globalavgpool conv:4 sigmoid mul:from=a+sigmoid1,name=gate conv:4"
    lines = str(cnncalc.shape(gate, input="4x9x9")).splitlines()
    assert lines[-1] == "paths through a global pool, which see the whole input, are left out of the field of gate"
