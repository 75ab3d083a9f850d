"""`cnncalc diff`: which layers correspond, what differs, how it is shown, and where networks are read from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncalc
from cnncalc import diffs
from cnncalc.diffs import ABSENT, Change, Difference
from cnncalc.diffs import revision as git_revision
from cnncalc.diffs.pairs import Item, align, in_order, match
from cnncalc.render import Style
from cnncalc.render.diffs.as_markdown import render as markdown
from cnncalc.render.diffs.rows import percent, share_text, short
from cnncalc.render.markdown import code
from cnncalc.sizes import UNKNOWN
from tests import cases
from tests.program import Ended, environment, here, on_terminal, posix, process


def diff(a: Any, b: Any, **more: Any) -> Difference:
    """Return what changed between two specs."""
    return diffs.diff(cnncalc.shape(a, **more), cnncalc.shape(b, **more))


def keys(found: Difference) -> dict[str, list[tuple[str, Any, Any]]]:
    """Return the differing keys of each changed layer."""
    return {x.name: [tuple(change) for change in x.keys] for x in found.changed}


def names(found: Difference) -> dict[str, list[str]]:
    """Return the layers of each kind by name."""
    return {
        kind: [layer.name for layer in layers]
        for kind in ("added", "removed", "changed", "following", "renamed", "moved")
        if (layers := getattr(found, kind))
    }


# Which layers correspond


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("conv:8,k3 relu", "conv:8,k3 relu", {}),
        ("conv:8,k3 relu", "conv:8,k=[3,3],s1 relu", {}),
        ("conv:8,k3,pt2 relu", "conv:8,k3,p1 relu", {}),
        ("conv:8,k3 relu", "conv:8,k5 relu", {"changed": ["conv1"], "following": ["relu1"]}),
        ("conv:8,k3", "conv:8,k3 relu", {"added": ["relu1"]}),
        ("conv:8,k3 relu", "conv:8,k3", {"removed": ["relu1"]}),
        # names are kept, whatever else changes
        ("conv:8,name=a relu:name=b", "conv:9,k3,p1,name=a relu6:name=b", {"changed": ["a", "b"]}),
        # another name, the same layer
        ("conv:8,name=a relu", "conv:8,name=stem relu", {"renamed": ["stem"]}),
        # another name and another key, between the same neighbors
        (
            "relu:name=r conv:8,k3,p1,name=a tanh:name=t",
            "relu:name=r conv:8,k5,p2,name=b tanh:name=t",
            {"changed": ["b"], "following": ["t"], "renamed": ["b"]},
        ),
        # running numbers shift: one layer was added, and the rest is unchanged
        (
            "conv:8,k1 relu conv:9,k1 relu conv:10,k1",
            "conv:5,k1 conv:8,k1 relu conv:9,k1 relu conv:10,k1",
            {"added": ["conv1"], "following": ["conv2"], "renamed": ["conv2", "conv3", "conv4"]},
        ),
        # an unchanged running number is as good as a name
        ("conv:8 conv:16", "conv:16 conv:8", {"changed": ["conv1", "conv2"]}),
        ("relu:name=a tanh:name=b", "tanh:name=b relu:name=a", {"moved": ["a"]}),
        ("conv:4,k3,p1 relu", "relu conv:4,k3,p1", {"moved": ["conv1"], "following": ["relu1"]}),
        (
            "relu:name=a tanh:name=b silu:name=c elu:name=d",
            "elu:name=d relu:name=a tanh:name=b silu:name=c",
            {"moved": ["d"]},
        ),
        ("conv:8,k3,p1,times=2", "conv:8,k3,p1,times=3", {"added": ["conv3"]}),
        (
            "flatten linear:10",
            "globalavgpool flatten linear:10",
            {"added": ["globalavgpool1"], "following": ["flatten1", "linear1"]},
        ),
    ],
)
def test_layers_are_matched(a: str, b: str, expected: dict[str, list[str]]) -> None:
    assert names(diff(f"4x32x32 {a}", f"4x32x32 {b}")) == expected


def test_a_repeated_block_grows_by_what_was_added() -> None:
    block = "conv:4,k3,p1 batchnorm relu "
    found = diff("4x8x8 " + block * 5, "4x8x8 " + block * 7)
    assert len(found.added) == 6
    assert not found.removed
    assert not found.changed


letters = st.lists(st.sampled_from("abcd"), max_size=12)


def longest(a: list[str], b: list[str]) -> int:
    """Return the length of the longest common subsequence, by the table."""
    row = [0] * (len(b) + 1)
    for x in a:
        above = row
        row = [0]
        for j, y in enumerate(b):
            row.append(above[j] + 1 if x == y else max(above[j + 1], row[j]))
    return row[-1]


@given(letters, letters)
def test_an_alignment_is_the_longest_common_subsequence(a: list[str], b: list[str]) -> None:
    pairs = align(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert pairs == in_order(pairs)
    assert len({i for i, _ in pairs}) == len(pairs) == len({j for _, j in pairs})
    assert len(pairs) == longest(a, b)


@pytest.mark.parametrize("edits", [0, 1, 2, 3, 5, 8])
@given(a=letters, b=letters)
def test_an_alignment_settled_early_still_is_one(edits: int, a: list[str], b: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnncalc.diffs.pairs.MOST_EDITS", edits or 1)
        pairs = align(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert pairs == in_order(pairs)
    assert len({i for i, _ in pairs}) == len(pairs) == len({j for _, j in pairs})


@given(st.permutations(range(7)))
def test_the_most_in_order(order: list[int]) -> None:
    pairs = list(enumerate(order))
    found = in_order(pairs)
    assert [j for _, j in found] == sorted(j for _, j in found)
    subsets = [[p for n, p in enumerate(pairs) if bits >> n & 1] for bits in range(1 << len(pairs))]
    assert len(found) == max(len(s) for s in subsets if [j for _, j in s] == sorted(j for _, j in s))


item = st.builds(Item, st.sampled_from(["conv1", "conv2", "a", "b", "c"]), st.just("conv"), st.sampled_from("xyz"))
items = st.lists(item, max_size=6, unique_by=lambda i: i.name)


@given(items, items)
def test_a_match_is_the_same_from_either_side(a: list[Item], b: list[Item]) -> None:
    pairs, steady = match(a, b)
    assert sorted((i, j) for j, i in match(b, a).pairs) == pairs == sorted(pairs)
    assert {(i, j) for j, i in match(b, a).steady} == steady <= set(pairs)
    assert len({i for i, _ in pairs}) == len(pairs) == len({j for _, j in pairs})
    assert match(a, a).pairs == [(i, i) for i in range(len(a))]
    own = {i.name for i in a if not i.is_counted} & {i.name for i in b if not i.is_counted}
    assert own <= {a[i].name for i, j in pairs if a[i].name == b[j].name}, "names come first"


# What differs


def test_a_key_of_its_own_and_what_follows() -> None:
    found = diff("3x32x32 conv:64,k3 batchnorm dwconv:k3 conv:8", "3x32x32 conv:128,k3 batchnorm dwconv:k3 conv:8")
    assert keys(found) == {"conv1": [("c_o", 64, 128)]}
    assert [x.name for x in found.following] == ["batchnorm1", "dwconv1", "conv2"]
    follower = {x.name: [change.what for change in x.keys] for x in found.following}
    assert follower == {"batchnorm1": [], "dwconv1": ["c_i", "c_o"], "conv2": ["c_i"]}
    figures = {change.what: (change.old, change.new, change.by) for change in found.changed[0].figures}
    assert figures["params"] == (1792, 3584, 1792)
    assert figures["out"] == ((64, 30, 30), (128, 30, 30), None)
    assert "rf_size" not in figures


def test_what_the_input_makes_of_a_padding_word_follows() -> None:
    old, new = cnncalc.shape("3x8x8 conv:8,k3,s2,same"), cnncalc.shape("3x9x9 conv:8,k3,s2,same")
    found = diffs.diff(old, new)
    assert [tuple(c) for c in found.settings] == [("input", (3, 8, 8), (3, 9, 9))]
    assert [x.name for x in found.following] == ["conv1"]
    assert not found.changed
    assert [change.what for change in found.following[0].keys] == ["p"]


def test_a_padding_word_that_is_written_otherwise_is_no_difference() -> None:
    assert not diff("3x9x9 conv:8,k3,same", "3x9x9 conv:8,k3,p1")


def test_a_report_is_its_spec() -> None:
    for name in ("mobilenet_v1", "lenet5", "vgg16"):
        report = cnncalc.shape(name)
        assert not diffs.diff(report, cnncalc.shape(report.to_dict()))


def test_a_wider_report_still_tells_what_follows() -> None:
    spec = cnncalc.shape("3x32x32 conv:8,k3 dwconv:k3 conv:8 linear:4").to_dict()
    wide = cnncalc.shape("3x32x32 conv:16,k3 dwconv:k3 conv:8 linear:4").to_dict()
    assert names(diff(spec, wide)) == {"changed": ["conv1"], "following": ["dwconv1", "conv2"]}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("maxpool:2", "maxpool:3", [("k", (2, 2), (3, 3)), ("s", (2, 2), (3, 3))]),
        ("maxpool:k2", "maxpool:k2,s1", [("s", (2, 2), (1, 1))]),
        ("conv:4,k3,pt2", "conv:4,k3,pt4", [("p", [(1, 1)] * 2, [(2, 2)] * 2)]),
        ("conv:4,name=x", "dwconv:name=x", None),
        ("relu:name=x", "leakyrelu:name=x", [("op", "relu", "leakyrelu"), ("alpha", ABSENT, 0.01)]),
        ("conv:4", "conv:4,nobias", [("bias", True, False)]),
        ("upsample:2", "upsample:2,mode=bilinear", [("mode", "nearest", "bilinear")]),
        ("dropout:rate=0.5", "dropout:rate=0.1", [("rate", 0.5, 0.1)]),
    ],
)
def test_keys_that_differ(a: str, b: str, expected: list[tuple[str, Any, Any]] | None) -> None:
    (found,) = keys(diff(f"4x12x12 {a}", f"4x12x12 {b}")).values()
    if expected is None:
        assert found[0] == ("op", "conv", "dwconv")
        assert ("multiplier", ABSENT, 1) in found
        assert ("g", 1, ABSENT) in found
    else:
        assert found == expected


def test_another_wire_is_a_change() -> None:
    a = "4x8x8 relu:name=a tanh:name=b silu:name=c"
    assert keys(diff(a, a + ",from=a")) == {"c": [("from", "b", "a")]}
    assert not diff(a, a + ",from=b")
    assert keys(diff(a, a.replace("name=c", "name=c,from=input"))) == {"c": [("from", "b", "input")]}
    assert keys(diff(a + ",from=a", a.replace("name=a", "name=z") + ",from=z")) == {}


def test_totals_and_their_changes() -> None:
    totals = {c.what: c for c in diff("3x32x32 conv:64,k7,s2,p3", "3x32x32 conv:64,k7,s2,p3 maxpool:k3,s2,p1").totals}
    assert list(totals) == ["out", "params", "buffers", "macs", "rf_size", "rf_stride", "rf_start"]
    assert totals["out"] == Change("out", (64, 16, 16), (64, 8, 8))
    assert (totals["params"].by, totals["params"].differs) == (0, False)
    assert totals["rf_size"].by == (4, 4)
    assert totals["rf_start"].by == (-2, -2)


def test_the_unknown_is_never_nothing() -> None:
    found = diff("3xHxW conv:6,k3", "3xHxW conv:6,k5")
    macs = next(change for change in found.totals if change.what == "macs")
    assert (str(macs.old), str(macs.new)) == ("(H-2)*(W-2)*162", "(H-4)*(W-4)*450")
    assert (macs.by, macs.is_unknown) == (None, True)
    assert [c.what for c in found.changed[0].figures if c.is_unknown] == ["macs", "fc_weights", "local_weights"]
    assert not diff("3xHxW conv:6,k3", "3xHxW conv:6,k3")
    half = diffs.diff(cnncalc.shape("3x8x8 conv:6,k3"), cnncalc.shape("3xHxW conv:6,k3"))
    macs = next(change for change in half.totals if change.what == "macs")
    assert (macs.old, macs.by, share_text(macs), macs.differs) == (5832, None, "unknown", True)


@pytest.mark.parametrize(
    ("old", "new", "unknown", "differs"),
    [
        ((3, 4), (3, 5), False, True),
        ((UNKNOWN, 4), (UNKNOWN, 4), True, False),
        ((UNKNOWN, 4), (UNKNOWN, 5), False, True),
        ((UNKNOWN, 4), (7, 4), True, True),
        ((UNKNOWN,), (UNKNOWN, 5), False, True),
    ],
)
def test_unknown_sizes(old: Any, new: Any, unknown: bool, differs: bool) -> None:
    change = Change("out", old, new)
    assert (change.is_unknown, change.differs, change.by) == (unknown, differs, None)


def test_dialect_and_layout_are_settings() -> None:
    old = cnncalc.shape("3x8x8 avgpool:k3,p1 batchnorm")
    new = cnncalc.shape("8x8x3 avgpool:k3,p=same batchnorm", dialect="keras")
    found = diffs.diff(old, new)
    assert [change.what for change in found.settings] == ["input", "dialect", "layout"]
    assert [x.name for x in found.following] == ["batchnorm1"]


# Laws


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Return a network that is always possible."""
    free = ["a", "b", "c", "conv1", "conv2", "relu1"]
    convs: st.SearchStrategy[dict[str, Any]] = st.builds(
        lambda c, k: {"op": "conv", "c_o": c, "k": k, "p": k // 2}, st.integers(1, 3), st.sampled_from([1, 3])
    )
    others: st.SearchStrategy[dict[str, Any]] = st.sampled_from(["relu", "batchnorm", "tanh", "dwconv"]).map(
        lambda op: {"op": op}
    )
    layers: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 7))):
        layer = dict(draw(st.one_of(convs, others)))
        if draw(st.booleans()) and free:
            layer["name"] = free.pop(draw(st.integers(0, len(free) - 1)))
        layers.append(layer)
    return {"input": draw(st.sampled_from([[2, 6, 6], [2, "H", "W"]])), "layers": layers}


@given(specs())
def test_nothing_differs_from_itself(spec: dict[str, Any]) -> None:
    found = diff(spec, spec)
    assert not found
    assert (found.layers, found.settings) == ([], ())
    assert not any(change.differs for change in found.totals)


def mirrored(change: Change) -> Change:
    return Change(change.what, change.new, change.old)


@given(specs(), specs())
def test_the_other_way_round_is_the_mirror_image(a: dict[str, Any], b: dict[str, Any]) -> None:
    there, back = diff(a, b), diff(b, a)
    assert bool(there) == bool(back)
    assert [x.name for x in there.added] == [x.name for x in back.removed]
    assert [x.name for x in there.removed] == [x.name for x in back.added]
    for kind in ("changed", "following", "renamed", "moved"):
        ours = {x.places: x for x in getattr(there, kind)}
        theirs = {(x.places[1], x.places[0]): x for x in getattr(back, kind)}
        assert set(ours) == set(theirs), kind
        for place, x in ours.items():
            assert sorted(map(repr, x.keys)) == sorted(repr(mirrored(c)) for c in theirs[place].keys)
            assert list(x.figures) == [mirrored(c) for c in theirs[place].figures]
    assert list(there.totals) == [mirrored(c) for c in back.totals]
    assert list(there.settings) == [mirrored(c) for c in back.settings]


@given(specs(), specs())
def test_what_came_and_went_adds_up(a: dict[str, Any], b: dict[str, Any]) -> None:
    old, new = cnncalc.shape(a), cnncalc.shape(b)
    found = diffs.diff(old, new)
    assert len(old.layers) + len(found.added) - len(found.removed) == len(new.layers)
    by_params = sum(x.new.params or 0 for x in found.added if x.new) - sum(
        x.old.params or 0 for x in found.removed if x.old
    )
    by_params += sum(c.by for x in found.layers for c in x.figures if c.what == "params" and isinstance(c.by, int))
    total = next(c for c in found.totals if c.what == "params")
    assert total.by == by_params
    assert bool(found) == (a["input"] != b["input"] or _written(old) != _written(new))


def _written(report: cnncalc.Report) -> list[Any]:
    return [(layer.name, layer.raw()) for layer in report.layers]


def test_ten_thousand_layers_in_no_time() -> None:
    """A quadratic algorithm would take half a minute or more."""
    base: list[dict[str, Any]] = [{"op": "conv", "c_o": 4, "k": 3, "p": 1}, {"op": "batchnorm"}, {"op": "relu"}] * 3333
    other = [dict(layer) for layer in base]
    for index in range(0, len(other), 7):
        other[index] |= {"name": f"n{index}"}
    for index in range(0, len(other), 33):
        other[index] = {"op": "tanh"}
    del other[5000:5100]
    old, new = (cnncalc.shape({"input": [4, 8, 8], "layers": layers}) for layers in (base, list(reversed(other))))
    begin = time.process_time()
    assert diffs.diff(old, new)
    assert time.process_time() - begin < 8


# Output


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (100, 150, "+50.0%"),
        (200, 100, "-50.0%"),
        (3, 3, "0%"),
        (0, 0, "0%"),
        (0, 5, "from 0"),
        (1000, 1001, "+0.1%"),
        (10_000, 10_001, "+<0.1%"),
        (10_000, 9_999, "-<0.1%"),
        (1, 10**400, None),
        (3, 5, "+66.7%"),
        (1, 12, "+1,100.0%"),
    ],
)
def test_percentages(old: int, new: int, text: str | None) -> None:
    assert percent(old, new) == (text or percent(old, new))


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_a_percentage_is_the_nearest(old: int, new: int) -> None:
    text = percent(old, new).replace(",", "").rstrip("%")
    if "<" in text:
        assert abs(new - old) * 2000 < old
        assert (new > old) == text.startswith("+")
    else:
        assert abs(float(text) / 100 - (new - old) / old) <= 0.0005000001 + abs(new / old) * 1e-12


def test_short_numbers() -> None:
    assert [short(n) for n in (0, 9_999, 118_013_952, -118_013_952, None)] == ["0", "9,999", "118M", "-118M", "unknown"]


def table(*args: str) -> list[str]:
    ended = here(["diff", *args])
    assert (ended.code, ended.err) == (0, "")
    return ended.out.splitlines()


def test_no_difference() -> None:
    assert here(["diff", "vgg11", "vgg11"]) == Ended(0, "no difference\n", "")
    assert here(["diff", "vgg11", "vgg11", "--exit-code"]).code == 0
    assert here(["diff", "3xHxW conv:8", "3xHxW conv:8"]).out == "no difference\n"
    assert here(["diff", "lenet5", "lenet5", "--format", "markdown"]).out == (
        "**No difference** between `lenet5` and `lenet5`.\n"
    )
    found = json.loads(here(["diff", "lenet5", "lenet5", "--json"]).out)
    assert found["differ"] is False
    assert [found[k] for k in ("added", "removed", "changed", "follows", "renamed", "moved")] == [[]] * 6
    assert found["totals"]["params"] == {"old": 61706, "new": 61706, "change": 0, "relative": 0.0}


def test_exit_codes() -> None:
    assert here(["diff", "vgg11", "vgg16", "-q"]).code == 0
    assert here(["diff", "vgg11", "vgg16", "--exit-code"]).code == 1
    assert here(["diff", "vgg11", "vgg11", "--exit-code", "-i", "1x9x9"]).code == 2
    assert process("diff", "vgg11", "vgg16", "--exit-code", "--json").code == 1


def test_the_options_hold_for_both() -> None:
    found = json.loads(
        here(
            ["diff", "conv:4,k3,same", "conv:4,k5,same", "-i", "9x9x2", "--dialect", "keras", "--batch", "2", "--json"]
        ).out
    )
    for side in ("old", "new"):
        assert found[side]["input"] == [2, 9, 9, 2]
        assert (found[side]["dialect"], found[side]["layout"]) == ("keras", "NHWC")
    assert found["totals"]["out"] == {"old": [2, 9, 9, 4], "new": [2, 9, 9, 4]}


def test_json_has_all_of_it() -> None:
    a = "3x8x8 conv:4,k3,name=a relu:name=b tanh:name=c"
    b = "3x8x8 conv:8,k3,name=a tanh:name=c relu:name=b sigmoid"
    found = json.loads(here(["diff", a, b, "--json"]).out)
    assert found["old"]["spec"] == a
    assert found["new"]["spec"] == b
    assert [(x["name"], x["at"], x["report"]["out"]) for x in found["added"]] == [("sigmoid1", 3, [8, 6, 6])]
    assert found["changed"][0]["keys"] == {"c_o": {"old": 4, "new": 8}}
    assert found["changed"][0]["figures"]["params"] == {"old": 112, "new": 224, "change": 112, "relative": 1.0}
    assert {x["name"] for x in found["follows"]} == {"b", "c"}
    assert len(found["moved"]) == 1
    absent = json.loads(here(["diff", "3x8x8 relu:name=x", "3x8x8 elu:name=x", "--json"]).out)["changed"][0]["keys"]
    assert absent["alpha"] == {"new": 1.0}


def test_json_of_a_key_that_has_the_name_of_a_figure() -> None:
    found = json.loads(here(["diff", "12 linear:10", "12 linear:4", "--json"]).out)["changed"][0]
    assert found["keys"] == {"out": {"old": 10, "new": 4}}
    assert found["figures"]["out"] == {"old": [10], "new": [4]}


def test_json_of_every_key() -> None:
    settings: list[dict[str, Any]] = [
        {"input": row.input, "dialect": row.dialect, "layout": row.layout} for row in cases.ROWS
    ]
    reports = [cnncalc.shape(row.layers, **given) for row, given in zip(cases.ROWS, settings, strict=True)]
    for old, new in pairwise(reports):
        found = diffs.diff(old, new)
        assert json.loads(json.dumps(found.to_dict()))["differ"] == bool(found)


def test_json_numbers_beyond_every_float() -> None:
    big = "conv:9000000000000000000,times=20"
    found = json.loads(here(["diff", f"1x9x9 {big}", f"1x9x9 {big} relu", "--json"]).out)
    assert found["differ"] is True


def test_a_table_fits_and_cuts_nothing() -> None:
    for columns in (60, 80, 120):
        ended = on_terminal("diff", "vgg11", "vgg16", columns=columns)
        rows = ended.out.split("\n\n")
        assert all(len(line) <= columns for line in rows[1].splitlines())
        assert "…" not in ended.out


def test_colors_only_where_they_are_wanted() -> None:
    assert "\x1b[" in here(["diff", "vgg11", "vgg16", "--color", "always"]).out
    assert "\x1b[" not in here(["diff", "vgg11", "vgg16"]).out


def test_an_open_size_in_the_table() -> None:
    lines = table("3xHxW conv:6,k3,name=c", "3xHxW conv:6,k5,p1,name=c")
    assert any(
        re.fullmatch(r" +MACs +\(H-2\)\*\(W-2\)\*162 +\(H-2\)\*\(W-2\)\*450 +unknown +unknown", line) for line in lines
    )
    assert "parameters +288 (+171.4%), MACs unknown" in lines


def test_markdown_folds_what_is_long() -> None:
    text = here(["diff", "vgg11", "vgg16", "--format", "markdown"]).out
    first, *_ = text.splitlines()
    assert first == (
        "**From `vgg11` to `vgg16`: 10 layers added, 9 renumbered, 28 follow; "
        "parameters +5,494,208 (+4.1%), MACs +7,861,174,272 (+103.3%).**"
    )
    assert text.count("<details><summary>") == text.count("</details>") == 2
    assert "<details>" not in here(["diff", "3x8x8 conv:8", "3x8x8 conv:9", "--format", "markdown"]).out


def test_markdown_fits_in_a_comment() -> None:
    def network(c: int) -> dict[str, Any]:
        return {"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": c, "name": f"layer{n}"} for n in range(2000)]}

    text = "".join(markdown(diff(network(3), network(4)), Style()))
    assert 55_000 < len(text) < 65_536
    assert re.search(r"[\d,]+ more rows are left out here", text)
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("name", ["a|b", "`x`", "a\\|b", "@team", "<b>", "x*y_z", "a`|`b", "#12", "ä ö"])
def test_markdown_is_escaped(name: str) -> None:
    spec = {"input": [3, 8, 8], "layers": [{"op": "relu", "name": name}, {"op": "conv", "c_o": 3}]}
    text = "".join(markdown(diff({"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": 3}]}, spec), Style()))
    (row,) = [line for line in text.splitlines() if line.startswith("| added")]
    assert row.count("|") == 8
    assert code(name) in row
    assert (f"`{name}`" in row) == (not set(name) & set("`|\\"))


def test_a_file_is_written(tmp_path: Path) -> None:
    target = tmp_path / "diff.md"
    ended = here(["diff", "vgg11", "vgg16", "--format", "markdown", "-o", str(target)])
    assert (ended.code, ended.out) == (0, "")
    assert target.read_text(encoding="utf-8").startswith("**From `vgg11` to `vgg16`")


@pytest.mark.parametrize("format", ["json", "markdown"])
def test_only_a_table_loads_rich(format: str) -> None:
    code_ = (
        "import sys; from cnncalc.cli import call\n"
        f"assert call(['diff', 'vgg11', 'vgg16', '--format', '{format}']) == 0\n"
        "assert not {'numpy', 'rich', 'difflib'} & set(sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code_], capture_output=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (0, b"")


# Where networks are read from


def test_files_words_and_standard_input(tmp_path: Path) -> None:
    spec = json.dumps({"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": 8, "k": 3}]})
    path = tmp_path / "my net.json"
    path.write_text(spec)
    words = "3x8x8 conv:8,k3"
    for pair in ([str(path), words], [words, "-"], ["-", str(path)]):
        assert here(["diff", *pair], stdin=spec).out == "no difference\n", pair
    assert "another input" in here(["diff", "3x9x9 conv:8,k3", "-"], stdin=spec).out


USAGE = "  layer words go in quotes: cnncalc diff '3x32x32 conv:16,k3 relu' '3x32x32 conv:32,k3 relu'\n"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], f"diff compares two networks, but no network is given\n{USAGE}"),
        (["vgg11"], f"diff compares two networks, but one network is given\n{USAGE}"),
        (["vgg11", "conv:1", "conv:2"], f"diff compares two networks, but 3 are given\n{USAGE}"),
        (
            ["3x8x8", "conv:1", "conv:2"],
            (
                "'3x8x8' is a shape, not a network\n"
                "  to use it as the input of all networks: cnncalc diff conv:1 conv:2 -i 3x8x8\n"
            ),
        ),
        (["-", "-"], "standard input can be only one of the two\n  give a file for the other\n"),
        (["vgg11", " "], f"' ' is not a network\n{USAGE}"),
        (
            ["vgg11", "vgg17"],
            "'vgg17' is not a layer, a file or a built-in network\n  vgg17\n  ^~~~~\n"
            "  did you mean 'vgg19' or 'vgg16' or 'vgg11'?\n",
        ),
        (
            ["3x8x8 conv:1", "conv:1"],
            "'conv:1': no input shape\n  put one first (3x224x224), give -i 3x224x224, or \"input\" in the spec\n",
        ),
        (
            ["3x8x8 conv:1", "conv:1", "-i", "3x8x8"],
            "'3x8x8 conv:1' starts with its own input, and -i 3x8x8\n  give one of them\n",
        ),
        (
            ["vgg11", "3x8x8 conv:16,k9"],
            "layers[0] 'conv1': does not fit: floor((8 + 0 - 9)/1) + 1 < 1 on the height and the width axis\n"
            "  3x8x8 conv:16,k9\n                ^~\n"
            "  the padded input (8) is smaller than the kernel (9): lower k to 8, or raise p to 1\n",
        ),
        (
            ["vgg11", "3x8x8 cnv:16 relu"],
            "unknown op 'cnv'\n  3x8x8 cnv:16 relu\n        ^~~\n  did you mean 'conv' or 'convT' or 'dwconv'?\n",
        ),
        (["vgg11", "none.json"], "there is no file 'none.json'\n  none.json\n  ^~~~~~~~~\n"),
        (["vgg11", "vgg16", "--json", "--format", "table"], "json and table are two formats\n  choose one of them\n"),
    ],
)
def test_errors(args: list[str], text: str) -> None:
    ended = here(["diff", *args])
    assert (ended.code, ended.out) == (2, "")
    if "does not fit" in text:
        assert "does not fit" in ended.err
        assert ended.err.splitlines()[1:] == text.splitlines()[1:]
    else:
        assert ended.err == text


def test_an_impossible_file_is_shown_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"input": [3, 8, 8], "layers": [\n  {"op": "conv", "c_o": 8, "k": 9}]}')
    ended = here(["diff", "vgg11", str(path), "--exit-code"])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{path}:2:28: layers[0] 'conv1': does not fit")


def git(folder: Path, *args: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return two commits of `net.json` and of a file with a difficult name."""
    folder = tmp_path / "a repository"
    (folder / "nets, größere").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for c in (8, 16):
        for name in ("net.json", "nets, größere/ä b.json"):
            (folder / name).write_text(json.dumps({"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": c, "k": 3}]}))
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"{c} channels")
    return folder


@pytest.fixture
def inside(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(repository)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return repository


@pytest.mark.parametrize("path", ["net.json", "nets, größere/ä b.json"])
def test_revisions_of_git(inside: Path, path: str) -> None:
    ended = here(["diff", f"HEAD~1:{path}", path])
    assert ended.code == 0
    assert ended.out.startswith(f"HEAD~1:{path} -> {path}: 1 layer changed\n")
    for revision in ("HEAD", "main", "@", ""):
        assert here(["diff", f"{revision}:{path}", path, "--exit-code"]).out == "no difference\n", revision
    assert here(["diff", f"main^:{path}", f"main:{path}", "--exit-code"]).code == 1


def test_a_file_that_git_unpacks_has_a_largest_size(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(git_revision.at_revision("HEAD:net.json"))
    monkeypatch.setattr(git_revision, "LARGEST_STREAM", size)
    assert len(git_revision.at_revision("HEAD:net.json")) == size
    monkeypatch.setattr(git_revision, "LARGEST_STREAM", size - 1)
    ended = here(["diff", "net.json"])
    assert (ended.code, ended.err) == (2, "'HEAD:./net.json' does not end within 0 MiB\n  give a file\n")


def test_revisions_through_the_installed_command(repository: Path) -> None:
    ended = process("diff", "HEAD~1:net.json", "HEAD:net.json", "--format", "markdown", cwd=repository)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("**From `HEAD~1:net.json` to `HEAD:net.json`: 1 layer changed; parameters +224")


def test_paths_below_the_top(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inside / "nets, größere")
    assert here(["diff", "HEAD:./ä b.json", "ä b.json"]).out == "no difference\n"
    ended = here(["diff", "HEAD:ä b.json", "ä b.json"])
    assert (ended.code, ended.err) == (
        2,
        "there is no file 'ä b.json' at revision 'HEAD'\n"
        "  did you mean 'HEAD:nets, größere/ä b.json'? git paths are relative to the top of the repository\n",
    )


def test_a_path_of_windows_is_one_of_git(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_revision, "os", SimpleNamespace(**{**vars(os), "sep": "\\"}))
    old = git_revision.at_revision("HEAD~1:net.json")
    assert git_revision.at_revision("HEAD~1:nets, größere\\ä b.json") == old


@pytest.mark.skipif(sys.platform != "linux", reason="a file's name is any bytes on Linux only")
@pytest.mark.parametrize(("format", "backslash"), [("json", "\\"), ("markdown", "&#92;"), ("table", "\\")])
def test_a_file_name_that_is_not_utf8(format: str, backslash: str, tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff.json")
    (tmp_path / name).write_text('{"input": [3, 8, 8], "layers": [{"op": "relu"}]}')
    ended = process("diff", name, "3x8x8 conv:4", "--format", format, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert f"a{backslash}udcff.json" in ended.out


@posix
def test_a_file_comes_before_a_revision(inside: Path) -> None:
    (inside / "HEAD:net.json").write_text('[{"op": "relu"}]')
    assert here(["diff", "HEAD:net.json", "relu", "-i", "3x8x8"]).out == "no difference\n"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("HEAD:nt.json", "there is no file 'nt.json' at revision 'HEAD'\n  did you mean 'net.json'?\n"),
        (":nt.json", "there is no file 'nt.json' in git's index\n  did you mean 'net.json'?\n"),
        (
            "nope:net.json",
            "'nope:net.json' is not a layer or a file, and git has no revision 'nope'\n  git log lists the revisions\n",
        ),
        (
            "cnv:64,k3",
            "'cnv:64,k3' is not a layer or a file, and git has no revision 'cnv'\n"
            "  did you mean 'conv' or 'convT' or 'dwconv'?\n",
        ),
        ("HEAD:nets, größere", "'nets, größere' is not a file at revision 'HEAD'\n  name a file in it\n"),
        ("HEAD:", "'.' is not a file at revision 'HEAD'\n  name a file in it\n"),
    ],
)
def test_what_git_does_not_have(inside: Path, word: str, text: str) -> None:
    assert here(["diff", "net.json", word]) == Ended(2, "", text)


def test_a_wrong_spec_of_an_old_revision_is_shown_with_its_place(inside: Path) -> None:
    (inside / "net.json").write_text('[{"op": "conv",\n "c_o": 0}]')
    git(inside, "commit", "-qam", "broken")
    ended = here(["diff", "HEAD:net.json", "HEAD~1:net.json"])
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("HEAD:net.json:2:2: layers[0]: c_o: 0 is too small")
    (inside / "net.json").write_bytes(b"\xfe\xfd")
    git(inside, "commit", "-qam", "binary")
    assert "is not text" in here(["diff", "HEAD:net.json", "vgg11"]).err


def test_without_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    ended = here(["diff", "HEAD:net.json", "vgg11"])
    assert (ended.code, ended.err) == (
        2,
        "'HEAD:net.json' is not a layer or a file, and git says: not a git repository (or any of the parent "
        "directories): .git\n  REVISION:PATH is read in a git repository\n",
    )


def test_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = here(["diff", "HEAD:net.json", "vgg11"])
    assert (ended.code, ended.err) == (
        2,
        "'HEAD:net.json': git is not installed\n  REVISION:PATH needs git; use a file instead\n",
    )


def test_a_revision_is_no_option_of_git(inside: Path) -> None:
    ended = here(["diff", "--", "--output=x:net.json", "vgg11"])
    assert ended.code == 2
    assert not (inside / "x:net.json").exists()
