"""Wanted sizes: the padding that convolutions and pools compute from `out`, compared with trying every padding."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cnncalc
from cnncalc.dialects import DIALECTS

OPS = ("conv1d", "dwconv1d", "sepconv1d", "maxpool1d", "avgpool1d", "lppool1d")
MOST = 64
"""More padding per side than the sizes below need."""


def pads(spec: dict[str, Any], n: int, dialect: str) -> list[list[int]] | None:
    """Return the padding of a layer over n units; None if it is impossible."""
    try:
        layer = cnncalc.shape([spec], (2, n), dialect=dialect, layout="NCHW").layers[0]
    except cnncalc.CnncalcError:
        return None
    assert layer.out[1] == spec.get("out", layer.out[1])
    return [list(pair) for pair in layer.values["p"]]


def tried(spec: dict[str, Any], n: int, out: int, dialect: str, most: int = MOST) -> list[list[int]] | None:
    """Return the first padding that gives a size, equal sides first; None if there is none."""
    for odd in (0, 1):
        for p in range(most):
            sides = [[p, p + odd]]
            try:
                report = cnncalc.shape([{**spec, "p": sides}], (2, n), dialect=dialect, layout="NCHW")
            except cnncalc.CnncalcError:
                continue
            if report.out[1] == out:
                return sides
    return None


sizes = st.integers(1, 12)


@example("maxpool1d", "caffe", True, 3, 5, 1, 12, 3)
@example("conv1d", "plain", False, 7, 2, 1, 12, 6)
@example("maxpool1d", "plain", False, 2, 4, 3, 1, 1)
@example("maxpool1d", "caffe", False, 2, 3, 1, 3, 1)
@example("maxpool1d", "caffe", True, 2, 2, 1, 1, 2)
@example("maxpool1d", "plain", "keep", 4, 5, 1, 5, 2)
@example("maxpool1d", "caffe", False, 2, 4, 1, 3, 1)
@settings(max_examples=50)
@given(
    st.sampled_from(OPS),
    st.sampled_from(list(DIALECTS)),
    st.sampled_from([False, True, "keep"]),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 4),
    sizes,
    sizes,
)
def test_the_padding_is_the_first_that_gives_the_size(
    op: str, dialect: str, ceil: bool | str, k: int, s: int, d: int, n: int, out: int
) -> None:
    spec: dict[str, Any] = {"op": op, "k": k, "s": s, "d": d}
    spec |= {"ceil": ceil} if "pool" in op else {} if op == "dwconv1d" else {"c_o": 2}
    assert pads({**spec, "out": out}, n, dialect) == tried(spec, n, out, dialect)


def test_the_padding_of_every_small_pool() -> None:
    """Including pools for which rounding up matters, and dilated kernels that may step over the input."""
    found = 0
    for dialect, most, dilations in (("caffe", 3, (1,)), ("plain", 7, (1, 3))):
        for d, n, k, s, out, ceil in product(dilations, (1, 2, 4), (1, 2, 3), (1, 3), (1, 2, 3, 5), (True, "keep")):
            spec = {"op": "maxpool1d", "k": k, "s": s, "d": d, "ceil": ceil}
            own = pads({**spec, "out": out}, n, dialect)
            assert own == tried(spec, n, out, dialect, most), (dialect, n, spec, out)
            found += own is not None
    assert found > 150


@pytest.mark.parametrize(
    ("input", "k", "s", "out", "p", "ceil"),
    [
        ((3, 4), [2, 2], [3, 2], [2, 2], [[0, 0], [0, 0]], "keep"),
        ((3, 3), [2, 2], [3, 3], [1, 1], [[0, 1], [0, 1]], True),
        # Padding on one axis is enough, and the other has no room for it.
        ((3, 2), [2, 1], [3, 1], [1, 2], [[0, 1], [0, 0]], True),
        ((2, 3), [1, 2], [1, 3], [2, 1], [[0, 0], [0, 1]], True),
        ((5, 2), [3, 1], [2, 1], [3, 2], [[1, 1], [0, 0]], True),
    ],
)
def test_caffe_rounds_by_the_padding_of_all_axes(
    input: tuple[int, int], k: list[int], s: list[int], out: list[int], p: list[list[int]], ceil: bool | str
) -> None:
    spec = {"op": "maxpool", "k": k, "s": s, "out": out}
    layer = cnncalc.shape([spec], (2, *input), dialect="caffe").to_dict()["layers"][0]
    assert (layer["p"], layer["ceil"]) == (p, ceil)


ERRORS = [
    (
        "224x224 conv:64,k7,s2,out=37",
        "plain",
        "out is 37 on the height axis, but without padding it is floor((224 + 0 - 7)/2) + 1 = 109 already",
        "raise s to 6, or out to 109",
    ),
    (
        "224x224 conv:64,k7,s2,out=50",
        "plain",
        "out is 50 on the height axis, but without padding it is floor((224 + 0 - 7)/2) + 1 = 109 already",
        "raise out to 109",
    ),
    (  # Keras refuses s > 1 with d > 1
        "224x224x1 conv:64,k3,d2,out=37",
        "keras",
        "out is 37 on the height axis, but without padding it is floor((224 + 0 - 5)/1) + 1 = 220 already",
        "raise out to 220",
    ),
    (
        "10x10 maxpool:k3,s1,ceil=true,out=3",
        "plain",
        "out is 3 on the height axis, but without padding it is ceil((10 + 0 - 3)/1) + 1 = 8 already",
        "raise s to 4, or out to 8",
    ),
    (
        "224x224 conv:64,k7,s2,p3,out=111",
        "plain",
        "out is 111 on the height axis, but p gives floor((224 + 6 - 7)/2) + 1 = 112",
        "leave out either of the two",
    ),
    (
        *("HxW conv:64,k7,s2,out=112", "plain"),
        "out is 112, but which padding gives that depends on the input's size, which is open (H)",
        "give the input's size as a number, or the padding in place of out",
    ),
    (
        "8x9x9 maxpool:k2,s2,out=6x7",
        "torch",
        "p is 2 on the height axis, but PyTorch allows at most k//2 = 2//2 = 1",
        "lower out to 5, or use --dialect plain",
    ),
    (
        "8x9x9 lppool:k2,s1,out=9",
        "torch",
        "PyTorch's lppool has no padding",
        "lower out to 8, or put a pad layer before it",
    ),
    (
        "8x9x9 maxpool:k2,s2,out=7",
        "plain",
        "window 0 on the height axis holds no input pixel: it covers 0*2 - 3 = -3 to -2, the input is 0 to 8",
        "the padding must be below the kernel's extent (2): lower out to 5",
    ),
]


@pytest.mark.parametrize(("words", "dialect", "what", "help"), ERRORS, ids=[words for words, *_ in ERRORS])
def test_errors_have_the_arithmetic_and_their_advice_works(words: str, dialect: str, what: str, help: str) -> None:
    shape, word = words.split()
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape(word, shape, dialect=dialect)
    assert (caught.value.what, caught.value.help) == (what, help)
    assert caught.value.key == ("out" if what.startswith("out") else "p")
    for key, number in re.findall(r"\b(s|out) to (\d+)", help):
        old = rf"{key}=?[\dx]+"
        assert cnncalc.shape(re.sub(old, f"{key}={number}", word), shape, dialect=dialect).out


def test_a_report_reads_back() -> None:
    report = cnncalc.shape("conv:64,k7,s2,out=112", "3x224x224").to_dict()
    assert (report["layers"][0]["p"], report["layers"][0]["out"]) == ([[3, 3], [3, 3]], [112, 112])
    assert cnncalc.shape(report).to_dict() == report
