"""Every case recorded from Keras: its shape and parameters, or its refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cnncalc
from tests import DATA

CASES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "keras-cases.jsonl").read_text().splitlines()]


def layer_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case as a layer; a pool's strides are always given."""
    layer = {"op": case["kind"], "k": case["k"], "s": case["s"], "p": case["p"]}
    if "pool" not in case["kind"]:
        layer |= {"d": case["d"]}
    if case["kind"] in ("conv", "convT", "sepconv"):
        layer["c_o"] = case.get("filters", 1)
    if case["kind"] in ("dwconv", "sepconv"):
        layer["multiplier"] = case.get("depth_multiplier", 1)
    return layer


def name_of(case: dict[str, Any]) -> str:
    return f"{CASES.index(case)}-{case['kind']}-{case['p']}"


def plain_agrees(case: dict[str, Any]) -> bool:
    """Keras's `valid` transposed conv is at least n*s wide: plain's is (n-1)*s + k', smaller where k' < s."""
    reach = [d * (k - 1) + 1 for k, d in zip(case["k"], case["d"], strict=True)]
    return case["kind"] != "convT" or case["p"] == "same" or all(k >= s for k, s in zip(reach, case["s"], strict=True))


ANSWERED = [case for case in CASES if "error" not in case]
REFUSED = [case for case in CASES if "error" in case]
AGREEING = [case for case in ANSWERED if plain_agrees(case)]
WIDER = [case for case in ANSWERED if not plain_agrees(case)]


def test_all_of_the_cases_are_here() -> None:
    assert (len(ANSWERED), len(REFUSED)) == (100, 8)
    assert len(WIDER) == 2


@pytest.mark.parametrize("case", ANSWERED, ids=name_of)
def test_shape_and_parameters_under_keras(case: dict[str, Any]) -> None:
    report = cnncalc.shape([layer_of(case)], input=case["in_shape"], dialect="keras")
    assert list(report.out) == case["out_shape"]
    assert report.params == case["params"]
    assert report.network.layout == "NHWC"


@pytest.mark.parametrize("case", AGREEING, ids=name_of)
def test_shape_and_parameters_under_plain_channels_last(case: dict[str, Any]) -> None:
    report = cnncalc.shape([layer_of(case)], input=case["in_shape"], layout="NHWC")
    assert list(report.out) == case["out_shape"]
    assert report.params == case["params"]


@pytest.mark.parametrize("case", WIDER, ids=name_of)
def test_a_valid_transposed_conv_is_wider_under_keras(case: dict[str, Any]) -> None:
    report = cnncalc.shape([layer_of(case)], input=case["in_shape"], layout="NHWC")
    rows = zip(case["in_shape"][1:3], case["k"], case["s"], strict=True)
    assert list(report.out)[1:3] == [(n - 1) * s + k for n, k, s in rows]
    assert list(report.out) != case["out_shape"]


@pytest.mark.parametrize("case", ANSWERED, ids=name_of)
def test_channels_first_is_the_same_with_the_axes_moved(case: dict[str, Any]) -> None:
    batch, *space, c = case["in_shape"]
    report = cnncalc.shape([layer_of(case)], input=(batch, c, *space), dialect="keras", layout="NCHW")
    batch, *space, c = case["out_shape"]
    assert list(report.out) == [batch, c, *space]
    assert report.params == case["params"]


@pytest.mark.parametrize("dialect", ["keras", "plain"])
@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_a_refusal_is_a_refusal(case: dict[str, Any], dialect: str) -> None:
    with pytest.raises(cnncalc.ShapeError, match=r"does not fit: .* < 1 on the \w+ axis"):
        cnncalc.shape([layer_of(case)], input=case["in_shape"], dialect=dialect, layout="NHWC")


# Cases that Keras refuses for other reasons than an empty output, or accepts: keras/src/layers/convolutional.


@pytest.mark.parametrize(
    "layer",
    [
        {"op": "conv", "c_o": 2, "k": 3, "s": 2, "d": 2},
        {"op": "conv", "c_o": 2, "k": 3, "s": [1, 2], "d": [2, 1]},
        {"op": "convT", "c_o": 2, "k": 3, "s": 2, "d": 2},
        {"op": "convT", "c_o": 2, "k": 3, "s": 2, "out_pad": 2},
        {"op": "maxpool", "k": 2, "ceil": True},
        {"op": "maxpool", "k": 2, "d": 2},
        {"op": "avgpool", "k": 2, "d": 2},
        {"op": "conv", "c_o": 2, "k": 3, "p": "full"},
        {"op": "conv", "c_o": 2, "k": 3, "p": "causal"},
        {"op": "convT", "c_o": 2, "k": 3, "p": "full"},
    ],
)
def test_other_refusals_of_keras(layer: dict[str, Any]) -> None:
    with pytest.raises(cnncalc.ShapeError):
        cnncalc.shape([layer], input=(9, 9, 3), dialect="keras")


@pytest.mark.parametrize(
    ("layer", "input", "out"),
    [
        ({"op": "dwconv", "k": 3, "s": 2, "d": 2}, (9, 11, 3), (3, 4, 3)),
        ({"op": "sepconv", "c_o": 5, "k": 3, "s": 2, "d": 2}, (9, 11, 3), (3, 4, 5)),
        ({"op": "conv1d", "c_o": 5, "k": 3, "d": 2, "p": "causal"}, (9, 3), (9, 5)),
        ({"op": "conv1d", "c_o": 5, "k": 3, "s": 2, "p": "causal"}, (9, 3), (5, 5)),
    ],
)
def test_what_keras_takes(layer: dict[str, Any], input: tuple[int, ...], out: tuple[int, ...]) -> None:
    assert cnncalc.shape([layer], input=input, dialect="keras").out == out
