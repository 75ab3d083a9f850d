"""Positions of windows: padding in numbers and words, for known and open sizes, and the arithmetic in words."""

from __future__ import annotations

from typing import Any

import pytest

import cnncalc
from cnncalc.layers.sliding import Cut, explain_slides, halves, pad_for, place, sides_of
from cnncalc.sizes import LARGEST, Open, Size

H = Open("H")
PLACED: list[tuple[Size, int, int, int, Any, bool, bool, tuple[Any, Any, str], str]] = [
    # n, k, s, d, padding, ceil, kept; before, after and how many; in words
    (5, 3, 2, 1, "same", False, False, (1, 1, "3"), "floor((5 + 1+1 - 3 + 2)/2) = 3"),
    (6, 3, 2, 1, "same", False, False, (0, 1, "3"), "floor((6 + 0+1 - 3 + 2)/2) = 3"),
    (6, 3, 2, 1, "same_lower", False, False, (1, 0, "3"), "floor((6 + 1+0 - 3 + 2)/2) = 3"),
    (6, 3, 2, 1, "same_upper", False, False, (0, 1, "3"), "floor((6 + 0+1 - 3 + 2)/2) = 3"),
    (5, 1, 3, 1, "same", False, False, (0, 0, "2"), "floor((5 + 0+0 - 1 + 3)/3) = 2"),
    (
        7,
        3,
        1,
        2,
        "same",
        False,
        False,
        (2, 2, "7"),
        "floor((7 + 2+2 - 5 + 1)/1) = 7, the kernel's extent 2*(3 - 1) + 1 = 5",
    ),
    (H, 3, 2, 1, "same", False, False, (None, 1, "(H+1)//2"), "ceil(H/2) = (H+1)//2"),
    (H, 3, 2, 1, "same_lower", False, False, (1, None, "(H+1)//2"), "ceil(H/2) = (H+1)//2"),
    (H + 1, 5, 4, 1, "same", False, False, (None, None, "(H+4)//4"), "ceil((H+1)/4) = (H+4)//4"),
    (H, 4, 2, 1, "same", False, False, (1, None, "(H+1)//2"), "ceil(H/2) = (H+1)//2"),
    (H, 2, 2, 1, "same", False, False, (0, None, "(H+1)//2"), "ceil(H/2) = (H+1)//2"),
    (H, 2, 3, 1, "same", False, False, (0, None, "(H+2)//3"), "ceil(H/3) = (H+2)//3"),
    (H, 1, 3, 1, "same", False, False, (0, 0, "(H+2)//3"), "floor((H + 0+0 - 1 + 3)/3) = (H+2)//3"),
    (H, 4, 1, 1, "same", False, False, (1, 2, "H"), "floor((H + 1+2 - 4 + 1)/1) = H"),
    (
        7,
        3,
        1,
        2,
        "valid",
        False,
        False,
        (0, 0, "3"),
        "floor((7 + 0+0 - 5 + 1)/1) = 3, the kernel's extent 2*(3 - 1) + 1 = 5",
    ),
    (
        7,
        3,
        1,
        2,
        "full",
        False,
        False,
        (4, 4, "11"),
        "floor((7 + 4+4 - 5 + 1)/1) = 11, the kernel's extent 2*(3 - 1) + 1 = 5",
    ),
    (
        7,
        3,
        1,
        2,
        "causal",
        False,
        False,
        (4, 0, "7"),
        "floor((7 + 4+0 - 5 + 1)/1) = 7, the kernel's extent 2*(3 - 1) + 1 = 5",
    ),
    (7, 3, 2, 1, ((1, 0),), False, False, (1, 0, "3"), "floor((7 + 1+0 - 3 + 2)/2) = 3"),
    (6, 3, 2, 1, 0, True, False, (0, 0, "3"), "ceil((6 + 0+0 - 3 + 2)/2) = 3"),
    (2, 1, 2, 1, 0, True, True, (0, 0, "2"), "ceil((2 + 0+0 - 1 + 2)/2) = 2"),
    (
        *(2, 1, 2, 1, 0, True, False, (0, 0, "1")),
        "ceil((2 + 0+0 - 1 + 2)/2) = 2, minus the window that would start in the padding after the input = 1",
    ),
]


@pytest.mark.parametrize(("n", "k", "s", "d", "p", "ceil", "kept", "placed", "words"), PLACED)
def test_where_a_window_lies(
    n: Size, k: int, s: int, d: int, p: Any, ceil: bool, kept: bool, placed: tuple[Any, Any, str], words: str
) -> None:
    slides = place((n,), (k,), (s,), (d,), p, ceil, kept)
    (slide,) = slides
    assert (slide.pb, slide.pa, str(slide.out)) == placed
    assert (slide.n, slide.s, slide.taps, slide.d, slide.k, slide.axis) == (n, s, k, d, d * (k - 1) + 1, "length")
    assert explain_slides(slides) == [f"length: {words}"]
    assert sides_of(slides, p) == (p if None in placed[:2] else [placed[:2]])


def test_a_window_over_another_size_keeps_its_padding() -> None:
    for n in range(3, 12):
        (slide,) = place((n,), (3,), (4,), (1,), ((2, 1),), True)
        assert place((5,), (3,), (4,), (1,), ((2, 1),), True)[0].over(n, False) == slide
        assert slide.over(n, True).out == -(-n // 4) + 1  # ceil((n + 3 - 3)/4) + 1
    assert [place((H,), (3,), (2,), (1,), p, False)[0].sides for p in ("same", "same_lower")] == [(0, 1), (1, 0)]


def test_halves_of_a_total() -> None:
    assert [halves(5), halves(5, True), halves(4), halves(4, True)] == [(2, 3), (3, 2), (2, 2), (2, 2)]
    report = cnncalc.shape([{"op": "conv", "c_o": 2, "k": 3, "p_total": [3, 4]}], (1, 9, 9)).to_dict()
    assert report["layers"][0]["p"] == [[1, 2], [2, 2]]


def test_the_least_padding_of_a_size() -> None:
    assert pad_for(9, 9, 3, 1, False, False, "height") == (1, 1)
    assert pad_for(9, 10, 3, 1, False, False, "height") == (1, 2)
    assert pad_for(9, 4, 3, 2, False, False, "height") == (0, 0)
    assert [pad_for(6, 2, 3, 5, True, False, "height", low=low) for low in (0, 1)] == [(0, 0), (1, 1)]
    assert pad_for(8, 4, 3, 2, True, False, "height", low=1) == (0, 1)


def test_the_extent_of_a_kernel_has_a_limit() -> None:
    assert place((LARGEST,), (2,), (1,), (LARGEST - 1,), 0, False)[0].k == LARGEST
    with pytest.raises(cnncalc.ShapeError) as caught:
        place((LARGEST,), (2,), (1,), (LARGEST,), 0, False)
    assert caught.value.what == f"the kernel's extent {LARGEST}*(2 - 1) + 1 is more than {LARGEST:,}"
    assert caught.value.key == "k"


def test_a_transposed_window_in_words() -> None:
    cut = Cut(H + 1, 5, 3, 1, 2, 1, "height", 2)
    assert (cut.taps, str(cut.out)) == (3, "H*3+3")
    assert cut.text() == "((H+1) - 1)*3 - (1+2) + 5 + 1"
    assert cut.seen_text() == "(u + 1 - i*2)/3 for i = 0 to 2, where that is whole"
    assert Cut(4, 4, 3, 0, 0, 0, "height", 3).taps == 2
    bare = Cut(4, 3, 2, 1, 0, 0, "height")
    assert (bare.text(), bare.out, bare.taps) == ("(4 - 1)*2 - (1+0) + 3", 8, 3)
    assert bare.seen_text() == "ceil((u + 1 - 2)/2) to floor((u + 1)/2)"


def test_wanted_sizes_of_an_open_axis_are_conditions() -> None:
    assert cnncalc.shape("conv:4,k3,s2,p1,out=5x7", "3xHxW").holds.texts() == ["H from 9 to 10", "W from 13 to 14"]
    assert cnncalc.shape("conv:4,k3,s2,p1,out=5x7", "3x9x14").out == (4, 5, 7)
    assert cnncalc.shape("conv:4,k3,s2", "3xHxW").holds.texts() == ["H >= 3", "W >= 3"]


def test_a_window_that_does_not_fit_says_which() -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape([{"op": "conv", "c_o": 4, "k": [3, 5], "p_total": 1, "d": [1, 2]}], (3, 3, 7))
    assert caught.value.what == "does not fit: floor((7 + 1 - 9)/1) + 1 < 1 on the width axis"
    kernel = "the padded input (8) is smaller than the kernel (9 = 2*(5 - 1) + 1)"
    assert (caught.value.help, caught.value.key) == (f"{kernel}: lower k to 4, or raise pt to 2", "k")


@pytest.mark.parametrize(
    ("words", "arithmetic"),
    [
        ("maxpool1d:2", "the padded input (1) is smaller than the kernel (2): lower k to 1, or raise p to 1"),
        ("maxpool1d:4,p1", "the padded input (3) is smaller than the kernel (4): lower k to 3, or raise p to 2"),
        # PyTorch allows k//2 of padding: for k=2, 2 would fit but exceeds 1, and so does 8 for k=5
        ("maxpool1d:5,p2,d4", "the padded input (5) is smaller than the kernel (17 = 4*(5 - 1) + 1)"),
    ],
)
def test_only_padding_that_the_dialect_allows_is_advised(words: str, arithmetic: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape(words, "1x1", dialect="torch")
    assert caught.value.help == arithmetic
