"""Kernels larger than the map, and taps far apart: the work depends on the taps that fall on the input."""

from __future__ import annotations

import tracemalloc
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import cnncalc
from cnncalc.execute.convolution import columns, taps
from tests.execute.test_values import agree

FAR = 10**9
SHAPE = (2, 3, 5)


@st.composite
def axes(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    """Return an axis of a few inputs, and a window that mostly sees padding."""
    n, k = draw(st.integers(1, 6)), draw(st.integers(1, 24))
    s, d = draw(st.integers(1, 20)), draw(st.sampled_from([1, 2, 3, 7, 19]))
    reach = d * (k - 1) + 1
    p = [draw(st.integers(0, min(reach, 20) + 5)) for _ in range(2)]
    missing = reach - n - sum(p)
    return n, {"k": k, "s": s, "d": d, "p": [[p[0] + max(missing, 0), p[1]]]}


@given(axes(), st.sampled_from(["conv", "dwconv", "convT", "maxpool", "avgpool", "lppool", "unfold"]), st.booleans())
def test_any_far_window(axis: tuple[int, dict[str, Any]], op: str, flag: bool) -> None:
    n, window = axis
    layer: dict[str, Any] = {"op": op if op == "unfold" else f"{op}1d", **window}
    layer |= {"conv": {"c_o": 4, "g": 1 + flag}, "convT": {"c_o": 4, "g": 1 + flag}}.get(op, {})
    layer |= {"count_include_pad": flag} if op == "avgpool" else {}
    if "pool" in op:
        layer["ceil"] = flag
    try:
        cnncalc.shape([layer], (2, 2, n), dialect="plain")
    except cnncalc.ShapeError:
        return  # a window over no pixel
    agree([layer], (2, 2, n))


@pytest.mark.parametrize("g", [1, 2])
@pytest.mark.parametrize("s", [[1, 1], [4, 7]])
@pytest.mark.parametrize("share", [0, FAR], ids=["each input", "columns"])
def test_each_tap_gives_what_other_ways_give(s: list[int], g: int, share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [{"op": "conv", "c_o": 4, "k": [5, 4], "d": [5, 6], "p": [18, 16], "s": s, "g": g}, {"op": "relu"}]
    found = agree(layers, (2, 2, 4, 5))
    x = np.random.default_rng(3).integers(-9, 9, (2, 2, 4, 5)) / 8
    weight = np.random.default_rng(4).integers(-9, 9, (4, 2 // g, 5, 4)) / 8
    exact, half = cnncalc.run(layers, x, weight), cnncalc.run(layers, x.astype(np.float16), weight.astype(np.float16))
    assert half.dtype == np.float16
    assert np.array_equal(half, exact.astype(np.float16))  # it is summed in float32
    agree(
        [{"op": "conv", "c_o": 4, "k": 2, "p": 5, "s": s, "g": g}, {"op": "relu"}], (2, 2, 4, 5)
    )  # bias alone, outside
    monkeypatch.setattr(taps, "LEAST_SHARE", share)
    np.testing.assert_allclose(agree(layers, (2, 2, 4, 5)), found, rtol=1e-12, atol=1e-12)


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, int, int, int, int]:
    """Return inputs of an axis, k, s, d, padding before, and at least as many outputs as these give."""
    n, window = draw(axes())
    k, s, d, (pb, pa) = window["k"], window["s"], window["d"], window["p"][0]
    return n, k, s, d, pb, (n + pb + pa - d * (k - 1) - 1) // s + 1 + draw(st.integers(0, 3))


@given(windows())
def test_taps_are_those_that_see_the_input(axis: tuple[int, int, int, int, int, int]) -> None:
    n, k, s, d, pb, size = axis
    seen = {(i, u) for i in range(k) for u in range(size) if 0 <= u * s + i * d - pb < n}
    found = columns.taps(n, k, s, d, pb, size)
    assert {(i, u) for i, to, _ in found for u in range(size)[to]} == seen
    assert all([*range(n)[inputs]] == [u * s + i * d - pb for u in range(size)[to]] for i, to, inputs in found)


@given(windows())
def test_what_an_input_reaches_are_the_outputs_that_see_it(axis: tuple[int, int, int, int, int, int]) -> None:
    n, k, s, d, pb, size = axis
    for u in range(n):
        cells, outputs = taps.reaching(u, k, s, d, pb, size) or (slice(0), slice(0))
        pairs = list(zip(range(k)[cells], range(size)[outputs], strict=True))
        assert pairs == sorted([(i, o) for i in range(k) for o in range(size) if o * s + i * d - pb == u], reverse=True)


HUGE: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "maxpool": ({"op": "maxpool", "k": FAR + 1, "s": 1, "p": FAR // 2}, {"op": "maxpool", "k": 11, "s": 1, "p": 5}),
    "far taps": ({"op": "maxpool", "k": 3, "s": 1, "d": FAR, "p": FAR}, {"op": "identity"}),
    "avgpool": (
        {"op": "avgpool", "k": FAR, "s": 1, "p": "same", "count_include_pad": False},
        {"op": "avgpool", "k": 11, "s": 1, "p": 5, "count_include_pad": False},
    ),
    "avgpool of each input": ({"op": "avgpool", "k": [1, 400_000], "s": 1, "p": [0, 399_999]}, None),
    "divisors": ({"op": "adaptiveavgpool", "out": [1, 2_000_000]}, None),
    "lppool": ({"op": "lppool", "k": FAR + 1, "s": 1, "p": FAR // 2}, {"op": "lppool", "k": 11, "s": 1, "p": 5}),
    "strides": ({"op": "maxpool", "k": 2 * FAR, "s": FAR, "p": FAR}, None),
    "lrn": ({"op": "lrn", "size": 10**12, "alpha": 10**12}, {"op": "lrn", "size": 5, "alpha": 5}),
    "conv": ({"op": "conv", "c_o": 1, "k": 3, "d": FAR, "p": FAR}, {"op": "conv", "c_o": 1, "k": 3, "d": 9, "p": 9}),
    "conv of strides": (
        {"op": "conv", "c_o": 1, "k": 30, "s": FAR, "p": 15 * FAR},
        {"op": "conv", "c_o": 1, "k": 30, "s": 50, "p": 15 * 50},
    ),
    "large convT": ({"op": "convT", "c_o": 2, "k": 300, "s": 300}, None),
    "convT": ({"op": "convT", "c_o": 1, "k": 3, "d": FAR, "p": FAR}, {"op": "convT", "c_o": 1, "k": 3, "d": 9, "p": 9}),
    "conv of each input": ({"op": "conv", "c_o": 2, "k": 700, "p": 699}, None),
    "convT of each input": ({"op": "convT", "c_o": 2, "k": 700}, None),
    "padding": ({"op": "conv", "c_o": 1, "k": 50, "p": 300}, None),
    "unfold": ({"op": "unfold", "k": 120, "p": 60}, None),
    "nearest units": ({"op": "upsample", "out": [1, 4_000_000]}, None),
    "far padding": ({"op": "pad", "p": [[0, 0], [0, 2_000_000]], "mode": "replicate"}, None),
    "interpolation": ({"op": "upsample", "out": [1, 2_000_000], "mode": "bicubic"}, None),
}
"""Layers that would take hours or gigabytes if all taps were computed, and small ones that are equivalent."""


@pytest.mark.parametrize("name", HUGE)
def test_huge_windows_take_little(name: str) -> None:
    layer, small = HUGE[name]
    x = np.random.default_rng(3).standard_normal(SHAPE)
    tracemalloc.start()
    try:
        found = cnncalc.run([layer], x, seed=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20 + 3 * found.nbytes
    if small is not None:
        np.testing.assert_allclose(found, cnncalc.run([small], x, seed=1), rtol=1e-12, atol=1e-12)


def test_an_average_over_a_huge_window_is_the_sum_over_its_cells() -> None:
    x = np.random.default_rng(3).standard_normal(SHAPE)
    found = cnncalc.run([{"op": "avgpool", "k": FAR + 1, "s": 1, "p": FAR // 2, "count_include_pad": True}], x)
    sums = np.broadcast_to(x.sum((1, 2), keepdims=True), SHAPE)
    np.testing.assert_allclose(found * (FAR + 1.0) ** 2, sums, rtol=1e-12)


@pytest.mark.parametrize("op", ["adaptiveavgpool", "adaptivemaxpool"])
@pytest.mark.parametrize(("n", "out"), [(7, 100_003), (100_003, 7), (10_007, 1_009)])
def test_adaptive_pools_of_any_ratio(op: str, n: int, out: int) -> None:
    x = np.random.default_rng(3).standard_normal((1, 1, n))
    units = np.arange(out)
    first, last = units * n // out, -(-(units + 1) * n // out)
    function = np.mean if "avg" in op else np.max
    expected = [function(x[0, 0, a:b]) for a, b in zip(first, last, strict=True)]
    np.testing.assert_allclose(cnncalc.run([{"op": op, "out": [1, out]}], x)[0, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("d", [[1, 1], [2, 3]])
@pytest.mark.parametrize("op", ["maxpool", "avgpool", "lppool"])
def test_few_windows_of_many_cells(op: str, d: list[int]) -> None:
    """Each output is reduced at once."""
    agree([{"op": op, "k": [20, 18], "s": [3, 4], "d": d, "p": [2, 1]}], (1, 2, 20 * d[0] + 1, 17 * d[1] + 4))


def test_more_axes_than_a_shape_can_have_are_refused() -> None:
    with pytest.raises(cnncalc.SpecError, match="1000000000000 is too large: the maximum is 7"):
        cnncalc.load([{"op": "identity", "axes": 10**12}])


def test_the_memory_promised_follows_the_taps() -> None:
    """A kernel of 3 GB of which 81 cells see the map: only its own array is large, which is reported before reading."""
    from cnncalc.execute.job import Job

    spec = cnncalc.load([{"op": "conv", "c_o": 1, "k": 20_000, "p": "same"}])
    job = Job(spec, SHAPE, np.dtype(np.float32), seed=0)
    assert job.weight_bytes > 3 * 10**9
    assert job.plan.working(1) < 10**5
