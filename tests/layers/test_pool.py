"""Pools: which windows contain a pixel, compared with listing the taps one by one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from itertools import product

import pytest

import cnncalc
from cnncalc.field import PIXEL, POOLED, UNKNOWN, Field
from cnncalc.layers.base import Sign
from cnncalc.layers.pixels import empty_window, pixel_paddings, stepped_over
from cnncalc.layers.sliding import Slide, place


def windows(d: int) -> Iterator[Slide]:
    """Yield dilated windows over small inputs, with every padding up to one tap more than the kernel's extent."""
    for n, k, s in product(range(1, 5), (1, 2, 3), (1, 2, 3, 5)):
        for pb, pa in product(range(d * (k - 1) + 2), repeat=2):
            (slide,) = place((n,), (k,), (s,), (d,), ((pb, pa),), ceil=False)
            assert isinstance(slide.out, int)
            if slide.out > 0:
                yield slide


def first_empty(slide: Slide) -> int | None:
    """Return the first window none of whose taps lies on the input."""
    n, s, pb, out = slide.n, slide.s, slide.pb, slide.out
    assert isinstance(n, int)
    assert isinstance(out, int)
    assert pb is not None
    on_input = ([0 <= unit * s - pb + tap * slide.d < n for tap in range(slide.taps)] for unit in range(out))
    return next((unit for unit, taps in enumerate(on_input) if not any(taps)), None)


def test_the_first_window_without_a_pixel() -> None:
    """Before the input, after it, or with a tap on either side of it."""
    found = {slide: empty_window(slide) for d in (1, 2, 3, 4, 7) for slide in windows(d)}
    assert found == {slide: first_empty(slide) for slide in found}
    assert {None, 0, 1, 2} <= {*found.values()}


def test_the_sizes_that_a_window_steps_over() -> None:
    """Return the sizes below the dilation for which a window that begins before the input contains no pixel."""
    for d in (1, 2, 3, 4, 7):
        for slide in {slide for slide in windows(d) if slide.pb is not None and slide.pb < slide.k}:
            others = [slide.over(n, kept=False) for n in range(1, d)]
            empty = [(one, first_empty(one)) for one in others if isinstance(one.out, int) and one.out > 0]
            before = [one.n for one, unit in empty if unit is not None and unit * one.s < (one.pb or 0)]
            assert [*stepped_over(slide, kept=False)] == before, slide


def test_a_window_far_before_the_input() -> None:
    """The only one of half a million windows, with taps a million apart, that steps over the whole input."""
    d = 1_000_003
    (slide,) = place((d - 1,), (3,), (2,), (d,), ((d, d + 2),), ceil=False)
    unit = empty_window(slide)
    assert unit is not None
    assert (unit * 2 - d) % d == d - 1
    assert empty_window(slide._replace(out=unit)) is None


def test_the_paddings_with_which_every_window_holds_a_pixel() -> None:
    checked = 0
    for d in (1, 3, 4, 7):
        for slide in {slide._replace(pb=0, pa=0) for slide in windows(d)}:  # the same number of windows, however padded
            assert isinstance(slide.n, int)
            wanted = [q for q in range(slide.k + 2) if first_empty(slide._replace(pb=q)) is None]
            for before in (range(-1, slide.k + 2), range(1, 3)):
                parts = [*pixel_paddings(slide, before)]
                assert all(parts)
                assert len(parts) <= 1 or slide.n < d  # otherwise one range, however many there are
                found = [q for part in parts for q in part]
                assert found == [q for q in wanted if q in before], slide
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
        (1, 1, PIXEL),  # which is still the unit at its position
        ("H", 1, Field(None, 1, 0, marks=POOLED)),
        ("H", 4, UNKNOWN),
        ("H", None, PIXEL),
    ],
)
def test_what_the_units_of_an_adaptive_pool_see(n: int | str, out: int | None, field: Field) -> None:
    (found,) = cnncalc.shape([{"op": "relu"}, {"op": "adaptiveavgpool", "out": [out]}], (2, n)).rf
    assert tuple(found) == tuple(field)


CONDITIONS = [
    # PyTorch's avgpool3d requires the window to fit without its padding.
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


@pytest.mark.parametrize("dialect", ["plain", "torch", "caffe"])
def test_open_sizes_are_taken_where_numbers_are(dialect: str) -> None:
    """Conditions of pools: rounding up may leave the last window after the input, and dilation may step over it."""
    refused = 0
    for k, s, d, p, ceil in product((1, 2, 3), (1, 2, 3), (1, 4), (0, 1, [[0, 3]]), (False, True, "keep")):
        spec: dict[str, object] = {"op": "maxpool1d", "k": k, "s": s, "d": d, "p": p, "ceil": ceil}
        numbers: set[int] = set()
        for n in range(1, 10):
            with contextlib.suppress(cnncalc.ShapeError):
                cnncalc.shape([spec], (2, n), dialect=dialect)
                numbers.add(n)
        try:
            holds = cnncalc.shape([spec], (2, "H"), dialect=dialect).holds
        except cnncalc.ShapeError:
            assert not numbers, spec
            refused += 1
        else:
            assert {n for n in range(1, 10) if holds.at({"H": n})} == numbers, spec
    assert refused > 5


@pytest.mark.parametrize(
    ("layer", "n", "what", "help"),
    [
        ({"k": 2, "d": 3, "p": 1}, 2, "-1 to 2 in steps of 3", "lower d to 2"),
        ({"k": 2, "d": 3, "p": 2}, 1, "-2 to 1 in steps of 3", "lower d to 1 and p to 1"),
        ({"k": 2, "d": 3, "p_total": 4}, 1, "-2 to 1 in steps of 3", "lower d to 1 and pt to 2"),
        ({"k": 2, "d": 2, "p": 1}, 1, "-1 to 1 in steps of 2", "lower d to 1"),
        ({"k": 2, "d": 2, "out": 2}, 1, "-1 to 1 in steps of 2", "lower d to 1"),
        ({"k": 2, "d": 2, "out": 3}, 1, "-1 to 1 in steps of 2", "lower d to 1 and out to 2"),
        ({"k": 2, "p": 2}, 5, "-2 to -1", "the padding must be below the kernel's extent (2): lower p to 1"),
        ({"k": 1, "s": 2, "ceil": "keep"}, 2, "2 to 2", "write ceil=true, which drops it"),
        (
            {"k": 2, "p": 2, "ceil": "keep"},
            5,
            "-2 to -1",
            "the padding must be below the kernel's extent (2): lower p to 1 and write ceil=true",
        ),
    ],
)
def test_what_helps_a_window_without_a_pixel(layer: dict[str, object], n: int, what: str, help: str) -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape([{"op": "maxpool1d", "s": 1, **layer}], (2, n), dialect="plain")
    assert re.search(rf" = {what}, the input is 0 to {n - 1}$", caught.value.what), caught.value.what
    assert (caught.value.help, caught.value.key) == (help, "p")


@pytest.mark.parametrize(
    ("layer", "n", "dialect", "what", "help", "key"),
    [
        ({"op": "maxpool1d", "ceil": True}, 9, "keras", "Keras's pools always round down", "leave ceil out", "ceil"),
        ({"op": "avgpool1d", "d": 2}, 9, "torch", "PyTorch's avgpool1d has no dilation", "leave d out", "d"),
        (
            {"op": "maxpool1d", "k": 4, "p": 4},
            9,
            "caffe",
            "p is 4 on the length axis, but Caffe allows at most k - 1 = 4 - 1 = 3",
            "lower p to 3, or use --dialect plain",
            "p",
        ),
        (
            {"op": "maxpool1d", "d": 3, "p": [[0, 2]]},
            1,
            "torch",
            "p is 2 on the length axis, but PyTorch allows at most k//2 = 2//2 = 1",
            "use --dialect plain",
            "p",
        ),
        (
            {"op": "avgpool1d", "k": 4, "p": 1, "count_include_pad": False},
            9,
            "caffe",
            "Caffe's average pools always count padding",
            "leave count_include_pad out, or use another dialect",
            "count_include_pad",
        ),
        (
            {"op": "avgpool1d", "k": 5, "count_include_pad": False},
            3,
            "caffe",
            "does not fit: ceil((3 + 0 - 5)/1) + 1 < 1 on the length axis",
            "the padded input (3) is smaller than the kernel (5): lower k to 3",
            "k",
        ),
        (
            {"op": "avgpool1d", "k": 5},
            3,
            "caffe",
            "does not fit: ceil((3 + 0 - 5)/1) + 1 < 1 on the length axis",
            "the padded input (3) is smaller than the kernel (5): lower k to 3, or raise p to 1",
            "k",
        ),
        (
            {"op": "lppool1d", "k": 5},
            3,
            "torch",
            "does not fit: floor((3 + 0 - 5)/1) + 1 < 1 on the length axis",
            "the padded input (3) is smaller than the kernel (5): lower k to 3",
            "k",
        ),
        ({"op": "lppool1d", "out": 1}, 1, "torch", "PyTorch's lppool has no padding", "put a pad layer before it", "p"),
        (
            {"op": "avgpool3d", "k": [3, 1, 1], "p": [1, 0, 0]},
            2,
            "torch",
            "does not fit: PyTorch's avgpool3d needs n >= k before padding, but 2 < 3 on the depth axis",
            "lower k to 2, or use --dialect plain",
            "k",
        ),
    ],
)
def test_what_a_dialect_s_pools_do_not_take(
    layer: dict[str, object], n: int, dialect: str, what: str, help: str, key: str
) -> None:
    input = (2, n, 3, 3) if layer["op"] == "avgpool3d" else (2, n)
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape([{"k": 2, "s": 1, **layer}], input, dialect=dialect, layout="NCHW")
    assert (caught.value.what, caught.value.help, caught.value.key) == (what, help, key)


@pytest.mark.parametrize(
    ("layer", "dialect", "keys"),
    [
        ({"op": "maxpool1d", "k": 3}, "plain", {"s": [3], "p": [[0, 0]], "ceil": False}),
        ({"op": "maxpool1d", "k": 3, "d": 2}, "torch", {"s": [3], "d": [2]}),
        ({"op": "maxpool1d", "k": 3, "ceil": False}, "caffe", {"s": [1], "ceil": False}),
        ({"op": "maxpool1d", "k": 3, "p": 2}, "caffe", {"p": [[2, 2]], "ceil": True}),
        ({"op": "maxpool1d", "k": 3}, "caffe", {"ceil": "keep"}),
        ({"op": "maxpool1d", "k": 3, "s": 2, "out": 4}, "plain", {"out": [4], "p": [[0, 0]]}),
        ({"op": "avgpool1d", "k": 3, "count_include_pad": False}, "caffe", {"count_include_pad": False}),
        ({"op": "avgpool1d", "k": 3}, "keras", {"count_include_pad": False}),
        ({"op": "avgpool1d", "k": 3, "p": "same"}, "plain", {"count_include_pad": False}),
        ({"op": "avgpool1d", "k": 3, "p_total": 2}, "plain", {"count_include_pad": True}),
        ({"op": "avgpool3d", "k": [4, 1, 1], "p": [2, 0, 0]}, "torch", {"p": [[2, 2], [0, 0], [0, 0]]}),
        ({"op": "maxpool3d", "k": [9, 1, 1], "p": [4, 0, 0]}, "torch", {"k": [9, 1, 1]}),
        ({"op": "lppool1d", "k": 3}, "onnx", {"norm": 2}),  # ONNX LpPool: p is 2 by default
    ],
)
def test_the_keys_of_a_resolved_pool(layer: dict[str, object], dialect: str, keys: dict[str, object]) -> None:
    input = (2, 4, 3, 3) if str(layer["op"]).endswith("3d") else (2, 9)
    found = cnncalc.shape([layer], input, dialect=dialect, layout="NCHW").to_dict()["layers"][0]
    assert {key: found[key] for key in keys} == keys
    assert ("out" in found) == ("out" in layer)


def test_the_axis_with_most_padding_is_advised() -> None:
    with pytest.raises(cnncalc.ShapeError) as caught:
        cnncalc.shape("lppool:3,s1,out=7x7", "1x7x9", dialect="torch")
    assert caught.value.help == "lower out to 5, or put a pad layer before it"


def test_which_pools_choose() -> None:
    keys = ({"k": 1}, {"k": [1, 1]}, {"k": 1, "p_total": 1}, {"k": 1, "p": 1}, {"k": [1, 2]}, {"k": 2})
    layers = [cnncalc.load([{"op": "maxpool", **own}]).nodes[0].layer for own in keys]
    assert [layer.is_linear for layer in layers] == [True, True, False, False, False, False]
    powers = [cnncalc.load([{"op": "lppool", "k": 2, "norm": norm}]).nodes[0].layer.sign for norm in (2, 3, 4)]
    assert powers == [Sign.NOT_NEGATIVE, Sign.KEPT, Sign.NOT_NEGATIVE]


def test_a_pool_is_explained_by_its_windows() -> None:
    report = cnncalc.shape("conv:4,k3 maxpool:3,s2,p1 adaptiveavgpool:2x3", "1x12x14")
    assert report["maxpool1"].explain() == [
        "height: floor((10 + 1+1 - 3 + 2)/2) = 5",
        "width: floor((12 + 1+1 - 3 + 2)/2) = 6",
    ]
    assert report["adaptiveavgpool1"].explain() == [
        "height: unit u sees floor(u*5/2) to ceil((u+1)*5/2) - 1",
        "width: unit u sees floor(u*6/3) to ceil((u+1)*6/3) - 1",
    ]
