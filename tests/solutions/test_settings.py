"""The settings of a layer: all listed ones are right, and none is missing, compared with tracing every setting."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cnncalc
from cnncalc.dialects import DIALECTS
from cnncalc.layers import OPS, Env
from cnncalc.layers.sliding import Windowed
from cnncalc.solutions.answers import answer
from cnncalc.solutions.axis import Ranges
from cnncalc.solutions.settings import LayerQuestion, Solutions, setting_keys, usual

KINDS = [
    op + end
    for op in ("conv", "dwconv", "sepconv", "convT", "maxpool", "avgpool", "lppool")
    for end in ("1d", "", "3d")
]
RANGES = Ranges(range(1, 5), range(1, 4), range(5), range(1, 3), range(3))
EVERY = 10**6
Spec = dict[str, Any]


def question(spec: Spec, space: tuple[int, ...], out: tuple[int, ...], dialect: str, ranges: Ranges) -> LayerQuestion:
    """Return what is asked about a layer; its channels, which change no size, stay as they are."""
    given = {key: value for key, value in spec.items() if key != "op"}
    cls, nd = OPS[spec["op"]]
    layer = cls(spec["op"], nd, given)
    assert isinstance(layer, Windowed)
    return LayerQuestion(layer, space, out, Env(DIALECTS[dialect], False), ranges)


def leads(spec: Spec, keys: Spec, space: tuple[int, ...], out: tuple[int, ...], dialect: str) -> bool:
    """Return whether a layer with these keys is accepted, and has the wanted output."""
    try:
        report = cnncalc.shape([{**spec, **keys}], (2, *space), dialect=dialect, layout="NCHW")
    except cnncalc.CnncalcError:
        return False
    return report.layers[0].out[1:] == out


def brute(spec: Spec, space: tuple[int, ...], out: tuple[int, ...], dialect: str) -> set[tuple[Any, ...]]:
    """Return every setting that is the same on all axes, by trying each."""
    windows = [[spec[key]] if key in spec else getattr(RANGES, key) for key in ("k", "s", "d")]
    assert RANGES.out_pad is not None
    assert RANGES.p is not None
    appended = ([spec["out_pad"]] if "out_pad" in spec else [*RANGES.out_pad]) if "convT" in spec["op"] else [None]
    found = set()
    for k, s, d, out_pad in product(*windows, appended):
        if k == 1 and d > 1 and "d" not in spec:
            continue
        keys: Spec = {"k": k, "s": s, "d": d} | ({} if out_pad is None else {"out_pad": out_pad})
        if "p" in spec:
            sides = [(spec["p"],) * 2] if leads(spec, keys, space, out, dialect) else []
        else:
            sides = [(p, p) for p in RANGES.p if leads(spec, {**keys, "p": p}, space, out, dialect)]
            sides = sides or [
                (p, p + 1) for p in RANGES.p[:-1] if leads(spec, {**keys, "p_total": 2 * p + 1}, space, out, dialect)
            ]
        found |= {(k, s, *pair, d, out_pad) for pair in sides}
    return found


def has(spec: Spec, space: tuple[int, ...], out: tuple[int, ...], dialect: str) -> bool:
    """Return whether there is a setting."""
    return Solutions(question(spec, space, out, dialect, RANGES)).count > 0


@st.composite
def layers(draw: st.DrawFn) -> Spec:
    """Return a layer of any op with a window, with some of its keys."""
    op = draw(st.sampled_from(KINDS))
    spec: Spec = {"op": op}
    if op.startswith(("conv", "sepconv")):
        spec["c_o"] = 2
    if "pool" in op:
        spec |= draw(st.sampled_from([{}, {"ceil": True}, {"ceil": False}, {"ceil": "keep"}]))
    if op.startswith("avgpool"):
        spec |= draw(st.sampled_from([{}, {"count_include_pad": False}]))
    for key in ("k", "s", "d", *(["out_pad"] if op.startswith("convT") else [])):
        values = getattr(RANGES, key)
        spec |= draw(st.sampled_from([{}, {}, {}, {key: values[-1]}]))
    return spec | draw(st.sampled_from([{}, {}, {}, {"p": 1}]))


@example({"op": "maxpool1d", "ceil": True}, "caffe", 3, 1)
@example({"op": "maxpool1d"}, "plain", 1, 1)
@example({"op": "avgpool3d"}, "torch", 2, 2)
@example({"op": "lppool", "d": 1}, "caffe", 4, 8)
@example({"op": "convT1d", "c_o": 2}, "keras", 3, 6)
@example({"op": "convT", "c_o": 2, "k": 4}, "keras", 1, 1)
@given(layers(), st.sampled_from(list(DIALECTS)), st.integers(1, 9), st.integers(1, 8))
def test_every_setting_is_right_and_none_is_missing(spec: Spec, dialect: str, n: int, out: int) -> None:
    nd = OPS[spec["op"]][1] or 2
    space, wanted = (n,) * nd, (out,) * nd
    try:
        found = answer(question(spec, space, wanted, dialect, RANGES), EVERY)
    except cnncalc.ShapeError:
        assert not brute(spec, space, wanted, dialect)
        return
    listed = list(found.settings)
    assert found.complete
    assert found.number == len({*listed})
    assert all(leads(spec, setting_keys(one), space, wanted, dialect) for one in listed)
    ranks = [usual(one[0], found.question) for one in listed]
    assert ranks == sorted(ranks)
    assert {one[0][:6] for one in listed if not one[0].word} == brute(spec, space, wanted, dialect)
    for step in () if found.number else (-1, 1):  # the nearest settings, up to 12 away
        nearer = [n for n in range(out + step, max(out + 12 * step, 0), step) if has(spec, space, (n,) * nd, dialect)]
        have = [one.out for one in found.nearest if (one.out[0] > out) == (step > 0)]
        assert have == [(n,) * nd for n in nearer[:1]] or not nearer
    for near in found.nearest:
        assert leads(spec, setting_keys(near.setting), space, near.out, dialect)
    for change in found.changes:
        given = {key: value for key, value in change.layer.given.items() if key not in ("p", "p_total")}
        assert leads({"op": spec["op"], **given}, setting_keys(change.setting), space, wanted, dialect)


@given(st.sampled_from(["conv", "maxpool", "convT"]), st.sampled_from(list(DIALECTS)), *[st.integers(1, 7)] * 4)
def test_settings_differ_by_axis_where_the_sizes_do(
    op: str, dialect: str, h: int, w: int, high: int, wide: int
) -> None:
    spec: Spec = {"op": op, "d": 1, "k": 2} | ({} if op == "maxpool" else {"c_o": 2})
    ranges = RANGES._replace(p=range(3), out_pad=range(1))
    found = answer(question(spec, (h, w), (high, wide), dialect, ranges), EVERY)
    every = list(found.settings)
    assert all(leads(spec, setting_keys(one), (h, w), (high, wide), dialect) for one in every)
    if dialect == "caffe" and op == "maxpool":  # there, the padding of one axis changes the rounding of the other
        return
    alone = [
        {
            (s, *sides)
            for s in RANGES.s
            for sides in [(p, p) for p in range(3)] + [(0, 1), (1, 2)]
            if leads(spec, {"s": s, "p": [[*sides], [*sides]]}, (n, n), (out, out), dialect)
        }
        for n, out in ((h, high), (w, wide))
    ]
    kept = [
        {one for one in all_ if one[1] == one[2] or not any(o[0] == one[0] and o[1] == o[2] for o in all_)}
        for all_ in alone
    ]
    expected = {(a, b) for a, b in product(*kept) if (h, high) != (w, wide) or a == b}
    listed = {tuple([(one.s, one.before, one.after) for one in whole]) for whole in every if not whole[0].word}
    assert listed == expected


ALL = Ranges(range(1, 1001), range(1, 1001), None, range(1, 1001))
WIDE = [
    ({"op": "conv", "c_o": 1}, 224, 112, "plain", ALL, True),
    ({"op": "conv", "c_o": 1}, 224, 500, "plain", ALL._replace(p=range(10)), False),
    ({"op": "conv", "c_o": 1, "p": "same"}, 224, 101, "keras", ALL, False),
    ({"op": "convT", "c_o": 1}, 7, 10**9, "plain", ALL, False),
    ({"op": "maxpool"}, 224, 500, "torch", ALL, False),
    ({"op": "maxpool"}, 224, 112, "plain", ALL, True),
]


@pytest.mark.parametrize(("spec", "n", "out", "dialect", "ranges", "solvable"), WIDE)
def test_ranges_that_are_too_wide_are_answered(
    spec: Spec, n: int, out: int, dialect: str, ranges: Ranges, solvable: bool
) -> None:
    found = answer(question(spec, (n, n), (out, out), dialect, ranges._replace(most=2000)), 20)
    assert bool(found.number) == solvable
    assert not found.complete or not solvable
    for one in found.settings:
        assert leads(spec, setting_keys(one), (n, n), (out, out), dialect)
    assert solvable or found.nearest
    for near in found.nearest:
        assert leads(spec, setting_keys(near.setting), (n, n), near.out, dialect)


def test_millions_of_candidates_are_counted_by_arithmetic() -> None:
    """200*50*20*101 candidates; each count equals that of trying the settings one by one."""
    wide = Ranges(range(1, 201), range(1, 51), range(101), range(1, 21))
    asked = question({"op": "conv", "c_o": 1}, (224, 224), (7, 7), "plain", wide)
    found = answer(asked, 100)
    assert (found.number, found.complete, len([*found.settings])) == (364_362, False, 100)


@pytest.mark.parametrize(
    ("words", "input", "dialect", "out", "first"),
    [
        # as published: AlexNet, GoogLeNet, VGG and ResNet, and DCGAN's generator
        ({"op": "conv", "c_o": 96, "k": 11, "s": 4}, 227, "plain", 55, {"p": [[0, 0], [0, 0]]}),
        ({"op": "conv", "c_o": 64, "k": 7, "s": 2}, 224, "plain", 112, {"p": [[3, 3], [3, 3]]}),
        ({"op": "maxpool", "k": 3, "s": 2}, 112, "torch", 56, {"p": [[1, 1], [1, 1]]}),
        ({"op": "conv", "c_o": 64}, 224, "plain", 224, {"k": [3, 3], "s": [1, 1], "p": [[1, 1], [1, 1]]}),
        ({"op": "convT", "c_o": 64, "k": 4, "s": 2}, 32, "torch", 64, {"p": [[1, 1], [1, 1]], "out_pad": [0, 0]}),
        ({"op": "conv", "c_o": 64, "k": 7, "s": 2}, 224, "keras", 112, {"p": "same"}),
    ],
)
def test_the_usual_setting_comes_first(words: Spec, input: int, dialect: str, out: int, first: Spec) -> None:
    found = answer(question(words, (input,) * 2, (out,) * 2, dialect, Ranges()))
    listed = list(found.settings)
    keys = setting_keys(listed[0])
    if words.get("k") is None:  # a kernel of 1 comes before that of 3: both are odd and centred
        keys = setting_keys(listed[1])
    assert first.items() <= keys.items()
