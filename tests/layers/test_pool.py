"""Pools: which windows hold a pixel, against taps listed one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

import cnncalc
from cnncalc.field import PIXEL, POOLED, UNKNOWN, Field
from cnncalc.layers.pool import empty_window, pixel_paddings
from cnncalc.layers.sliding import Slide, place


def windows(d: int) -> Iterator[Slide]:
    """Windows of a dilation over small inputs, in every padding up to one tap behind the kernel's extent."""
    for n, k, s in product(range(1, 5), (1, 2, 3), (1, 2, 3, 5)):
        for pb, pa in product(range(d * (k - 1) + 2), repeat=2):
            (slide,) = place((n,), (k,), (s,), (d,), ((pb, pa),), ceil=False)
            assert isinstance(slide.out, int)
            if slide.out > 0:
                yield slide


def first_empty(slide: Slide) -> int | None:
    """The first window none of whose taps lies on the input."""
    n, s, pb, out = slide.n, slide.s, slide.pb, slide.out
    assert isinstance(n, int)
    assert isinstance(out, int)
    assert pb is not None
    on_input = ([0 <= unit * s - pb + tap * slide.d < n for tap in range(slide.taps)] for unit in range(out))
    return next((unit for unit, taps in enumerate(on_input) if not any(taps)), None)


def test_the_first_window_without_a_pixel() -> None:
    """Before the input, behind it, or with a tap on either side of it."""
    found = {slide: empty_window(slide) for d in (1, 2, 3, 4, 7) for slide in windows(d)}
    assert found == {slide: first_empty(slide) for slide in found}
    assert {None, 0, 1, 2} <= {*found.values()}


def test_the_paddings_with_which_every_window_holds_a_pixel() -> None:
    checked = 0
    for d, odd in product((1, 3, 4, 7), (0, 1)):
        for slide in {slide._replace(pb=0, pa=0) for slide in windows(d)}:  # the same number of windows, however padded
            parts = [*pixel_paddings(slide, range(-1, slide.k + 2), odd)]
            found = [q for part in parts for q in part]
            assert all(parts)
            assert isinstance(slide.n, int)
            assert len(parts) <= 1 or slide.n < d  # else one range, however many there are
            wanted = [q for q in range(slide.k + 2) if first_empty(slide._replace(pb=q, pa=q + odd)) is None]
            assert found == wanted, slide
            checked += len(found)
    assert checked > 1000


@pytest.mark.parametrize("input", ["2x7x9", "2xHxW", "2x7xW"])
def test_a_first_window_in_the_padding_is_refused_whatever_the_size(input: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape("maxpool:k3x2,s1,p=0x2", input, dialect="plain")
    width = {"9": "8", "W": "W-1"}[input[-1]]
    assert caught.value.what == (
        f"window 0 on the width axis holds no input pixel: it covers 0*1 - 2 = -2 to -1, the input is 0 to {width}"
    )
    assert cnncalc.shape("maxpool:k3x2,s1,p=0x1", input, dialect="plain").out[0] == 2


def test_a_padding_that_an_open_size_decides_is_not_refused() -> None:
    report = cnncalc.shape("maxpool:k3x2,s2,same", "2xHxW", dialect="plain")
    assert list(map(str, report.out)) == ["2", "(H+1)//2", "(W+1)//2"]


@pytest.mark.parametrize(
    ("n", "out", "field"),
    [
        (6, 4, Field(2, None, 0, ((0, 1), (1, 2)), 3)),
        (6, 1, Field(6, 1, 0, marks=POOLED)),
        (4, 4, PIXEL),
        (1, 1, PIXEL),  # which is still the unit in its place
        ("H", 1, Field(None, 1, 0, marks=POOLED)),
        ("H", 4, UNKNOWN),
        ("H", None, PIXEL),
    ],
)
def test_what_the_units_of_an_adaptive_pool_see(n: int | str, out: int | None, field: Field) -> None:
    (found,) = cnncalc.shape([{"op": "relu"}, {"op": "adaptiveavgpool", "out": [out]}], (2, n)).rf
    assert tuple(found) == tuple(field)


CONDITIONS = [
    # PyTorch's avgpool3d wants the window to fit without its padding.
    ("avgpool3d:k3x2x2,p1x0x0", "2xDx8xW", "torch", ["D >= 3", "W >= 2"]),
    ("avgpool3d:k3x2x2,p1x0x0", "2xDx8xW", "plain", ["W >= 2"]),
    ("maxpool3d:k3x2x2,p1x0x0", "2xDx8xW", "torch", ["W >= 2"]),
]


@pytest.mark.parametrize(("words", "input", "dialect", "texts"), CONDITIONS)
def test_what_pools_need_of_open_sizes(words: str, input: str, dialect: str, texts: list[str]) -> None:
    assert cnncalc.shape(words, input, dialect=dialect).holds.texts() == texts


@pytest.mark.parametrize(
    ("dialect", "d", "ways"),
    [
        ("plain", 2, "lower k to 1, or raise p to 2"),
        ("plain", 5, "lower k to 1"),  # a dilation above the input's size may step over it
        ("onnx", 5, "lower k to 1, or raise p to 5"),
        ("torch", 2, "lower k to 1"),
    ],
)
def test_padding_is_advised_where_it_is_allowed(dialect: str, d: int, ways: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape([{"op": "maxpool1d", "k": 3, "s": 1, "d": d}], (1, 2), dialect=dialect)
    assert (caught.value.help or "").endswith(f"): {ways}")
