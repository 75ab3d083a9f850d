"""What a review found: each row went wrong once."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cnncalc
from cnncalc.testing import assert_report
from tests.program import here


def test_networks_are_equal_or_they_are_not() -> None:
    one, other = cnncalc.load("conv:8,k3"), cnncalc.load("conv:8,k3")
    assert one == other
    assert (one != other) is False
    assert one != cnncalc.load("conv:8,k5")


@pytest.mark.parametrize("words", ["conv:64,kk", "conv:64,k3,k5", "cnv:64 relu", "relu"])
def test_what_cannot_be_read_is_a_spec_error(words: str) -> None:
    with pytest.raises(cnncalc.SpecError):
        cnncalc.shape(words)


@pytest.mark.parametrize("key", ["p", "p_total"])
def test_no_padding_is_a_padding_that_was_given(key: str) -> None:
    layer = {"op": "convT1d", "c_o": 4, "k": 4, "s": 2, "out": 16, key: 0}
    with pytest.raises(cnncalc.ShapeError, match="out is 16, and p gives"):
        cnncalc.shape(layer, (3, 8))


def test_an_open_input_has_the_networks_rank() -> None:
    layers: list[dict[str, Any]] = [{"op": "batchnorm", "c_i": 3}, {"op": "conv1d", "c_o": 8, "k": 3}]
    assert cnncalc.shape(layers).to_dict()["report"]["out"] == [8, "L-2"]
    assert cnncalc.shape([{"op": "batchnorm", "c_i": 3}, {"op": "linear", "out": 2}]).out == (2,)


def test_a_whole_factor_is_one_however_it_is_written() -> None:
    spec = {"op": "upsample", "factor": 2.0}
    assert cnncalc.shape(spec, "3xHxW").to_dict()["report"]["out"] == [3, "H*2", "W*2"]


def test_a_pair_for_all_axes_by_any_name_of_the_padding() -> None:
    assert cnncalc.shape("pad:p=0+1", "3x8x8").out == cnncalc.shape("pad:padding=0+1", "3x8x8").out == (3, 9, 9)


@pytest.mark.parametrize("version", [1.0, True, "1", 2, None])
def test_the_version_is_the_number_one(version: object) -> None:
    with pytest.raises(cnncalc.SpecError, match="of the spec is not known"):
        cnncalc.load({"cnncalc": version, "layers": [{"op": "relu"}]})


def test_an_unknown_count_is_no_zero_in_a_sum() -> None:
    spec = {
        "input": [3, "H", 8],
        "layers": [{"op": "conv", "c_o": 4, "k": 3}, {"op": "flatten"}, {"op": "linear", "out": 5}],
        "expect": {"params": 1},
    }
    (finding,) = json.loads(here(["check", "-", "--json"], stdin=json.dumps(spec)).out)["files"][0]["findings"]
    assert finding["arithmetic"] == ["conv1 112 + linear1 unknown = unknown"]


def test_a_figure_is_a_text() -> None:
    with pytest.raises(AssertionError, match="there is no figure 1 to expect"):
        assert_report({"input": [3, 8, 8], "layers": [{"op": "relu"}], "expect": {1: 2}})
