"""Every case recorded from PyTorch: its shape, or its refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cnncalc
from tests import DATA

CASES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "torch-cases.jsonl").read_text().splitlines()]
OPS = {"conv": "conv", "convT": "convT", "maxpool": "maxpool", "avgpool": "avgpool"}
PLAIN_IS_WIDER = "smaller than kernel size"
"""PyTorch's avgpool3d requires n >= k before padding; no other pool does, and plain has one rule for all."""


def layer_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case as a layer. PyTorch's average pools have no dilation: that of a rejected one was not passed on."""
    suffix = {1: "1d", 2: "", 3: "3d"}[case["nd"]]
    layer = {"op": case["kind"] + suffix, "k": case["k"], "s": case["s"], "p": case["p"]}
    if case["kind"] != "avgpool":
        layer["d"] = case["d"]
    if case["kind"] in ("conv", "convT"):
        layer["c_o"] = case.get("c_o", 1)
    layer |= {key: case[key] for key in ("g", "bias", "out_pad", "ceil", "count_include_pad") if key in case}
    return layer


def name_of(case: dict[str, Any]) -> str:
    return f"{CASES.index(case)}-{case['kind']}{case['nd']}d"


ANSWERED = [case for case in CASES if "error" not in case]
REFUSED = [case for case in CASES if "error" in case]


def test_all_of_the_cases_are_here() -> None:
    assert (len(ANSWERED), len(REFUSED)) == (190, 50)


@pytest.mark.parametrize("dialect", ["plain", "torch"])
@pytest.mark.parametrize("case", ANSWERED, ids=name_of)
def test_the_shape(case: dict[str, Any], dialect: str) -> None:
    report = cnncalc.shape([layer_of(case)], input=case["in_shape"], dialect=dialect)
    assert list(report.out) == case["out_shape"]


@pytest.mark.parametrize("case", ANSWERED, ids=name_of)
def test_a_sample_without_its_batch(case: dict[str, Any]) -> None:
    report = cnncalc.shape([layer_of(case)], input=case["in_shape"][1:], dialect="torch")
    assert list(report.out) == case["out_shape"][1:]


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_a_refusal_is_a_refusal_under_torch(case: dict[str, Any]) -> None:
    with pytest.raises(cnncalc.ShapeError):
        cnncalc.shape([layer_of(case)], input=case["in_shape"], dialect="torch")


@pytest.mark.parametrize("case", [c for c in REFUSED if PLAIN_IS_WIDER not in c["error"]], ids=name_of)
def test_an_empty_output_is_an_error_under_plain(case: dict[str, Any]) -> None:
    with pytest.raises(cnncalc.ShapeError, match=r"(does not fit|the output is empty): .* < 1 on the \w+ axis"):
        cnncalc.shape([layer_of(case)], input=case["in_shape"])


@pytest.mark.parametrize("case", [c for c in REFUSED if PLAIN_IS_WIDER in c["error"]], ids=name_of)
def test_plain_refuses_an_average_in_3_axes_only_where_the_padded_input_is_too_small(case: dict[str, Any]) -> None:
    space, rows = case["in_shape"][2:], list(zip(case["k"], case["s"], case["p"], strict=True))
    out = [(n + 2 * p - k) // s + 1 for n, (k, s, p) in zip(space, rows, strict=True)]
    if min(out) >= 1:
        assert cnncalc.shape([layer_of(case)], input=case["in_shape"]).out == (*case["in_shape"][:2], *out)
    else:
        with pytest.raises(cnncalc.ShapeError, match="does not fit"):
            cnncalc.shape([layer_of(case)], input=case["in_shape"])


@pytest.mark.parametrize("case", [c for c in ANSWERED if c["kind"].startswith("conv")], ids=name_of)
def test_parameters_and_multiply_accumulates(case: dict[str, Any]) -> None:
    """MACs per output position for a convolution, per input position for a transposed one."""
    report = cnncalc.shape([layer_of(case)], input=case["in_shape"], dialect="torch")
    batch, c_i, *space = case["in_shape"]
    out, taps, places = case["out_shape"][2:], 1, 1
    for k, n in zip(case["k"], out if case["kind"] == "conv" else space, strict=True):
        taps, places = taps * k, places * n
    weights = c_i * case["c_o"] // case["g"] * taps
    (layer,) = report.layers
    assert layer.weights == weights
    assert layer.bias == (case["c_o"] if case["bias"] else 0)
    assert layer.macs == batch * weights * places
    assert report.params == layer.params


# Cases that PyTorch refuses for other reasons than an empty output, each with its own message.


@pytest.mark.parametrize(
    ("layer", "input"),
    [
        # "padding='same' is not supported for strided convolutions"
        ({"op": "conv", "c_o": 2, "k": 3, "s": 2, "p": "same"}, (1, 8, 8)),
        ({"op": "conv", "c_o": 2, "k": 3, "s": [1, 2], "p": "same"}, (1, 8, 8)),
        # "pad should be at most half of effective kernel size"
        ({"op": "maxpool", "k": 3, "s": 1, "p": 2}, (1, 8, 8)),
        ({"op": "maxpool", "k": [3, 4], "s": 1, "p": [1, 3]}, (1, 8, 8)),
        ({"op": "avgpool1d", "k": 3, "s": 1, "p": 2}, (1, 8)),
        # "input image (T: 2 H: 8 W: 8) smaller than kernel size (kT: 3 kH: 2 kW: 2)"
        ({"op": "avgpool3d", "k": [3, 2, 2], "s": 1, "p": [1, 0, 0]}, (1, 2, 8, 8)),
        # "output padding must be smaller than either stride or dilation"
        ({"op": "convT", "c_o": 2, "k": 3, "s": 2, "out_pad": 2}, (1, 8, 8)),
        ({"op": "convT", "c_o": 2, "k": 3, "out_pad": 1}, (1, 8, 8)),
        # "in_channels must be divisible by groups", "out_channels must be divisible by groups"
        ({"op": "conv", "c_o": 4, "k": 3, "g": 2}, (3, 8, 8)),
        ({"op": "conv", "c_o": 3, "k": 3, "g": 2}, (4, 8, 8)),
        ({"op": "convT", "c_o": 3, "k": 3, "g": 2}, (4, 8, 8)),
        # PyTorch's pools have no padding words, and average pools no dilation
        ({"op": "maxpool", "k": 3, "p": "same"}, (1, 8, 8)),
        ({"op": "avgpool", "k": 3, "d": 2}, (1, 8, 8)),
    ],
)
def test_other_refusals_of_pytorch(layer: dict[str, Any], input: tuple[int, ...]) -> None:
    with pytest.raises(cnncalc.CnncalcError):
        cnncalc.shape([layer], input=input, dialect="torch")


@pytest.mark.parametrize(
    ("layer", "input", "out"),
    [
        ({"op": "conv", "c_o": 2, "k": 4, "p": "same"}, (1, 8, 9), (2, 8, 9)),
        ({"op": "conv", "c_o": 2, "k": 3, "s": 2, "p": "valid"}, (1, 8, 9), (2, 3, 4)),
        ({"op": "conv", "c_o": 2, "k": 3, "p": 5}, (1, 1, 1), (2, 9, 9)),
        ({"op": "maxpool", "k": 3, "s": 1, "p": 1}, (1, 8, 9), (1, 8, 9)),
        ({"op": "maxpool", "k": 3, "s": 2, "ceil": True}, (1, 2, 2), (1, 1, 1)),
        # a dilated window over no pixel is -inf, not a refusal: its taps are at -1 and 3, the input is 0 to 2
        ({"op": "maxpool1d", "k": 2, "s": 1, "p": 1, "d": 4}, (1, 3), (1, 1)),
        ({"op": "avgpool3d", "k": 3, "s": 1, "p": 1}, (1, 3, 4, 5), (1, 3, 4, 5)),
        # out_pad below the dilation is enough
        ({"op": "convT", "c_o": 2, "k": 2, "d": 3, "out_pad": 2}, (1, 4, 5), (2, 9, 10)),
    ],
)
def test_what_pytorch_takes(layer: dict[str, Any], input: tuple[int, ...], out: tuple[int, ...]) -> None:
    assert cnncalc.shape([layer], input=input, dialect="torch").out == out


def test_a_pool_padded_beyond_half_its_kernel_is_plains_alone() -> None:
    layer = {"op": "maxpool", "k": 3, "s": 1, "p": 2}
    assert cnncalc.shape([layer], input=(1, 8, 8)).out == (1, 10, 10)
