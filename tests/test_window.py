"""The floor formula, compared with windows listed one by one."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnncalc
from cnncalc.dialects import dialect_named
from cnncalc.errors import ShapeError
from cnncalc.field import Field
from cnncalc.layers.base import Env
from cnncalc.layers.sliding import Slide, check_fits, halves, place, windows_of
from cnncalc.sizes import Open, Size
from cnncalc.window import dropped, extent, paddings, positions, positions_ceil


class Window(NamedTuple):
    """A window on one axis: extent, stride, padding before and after, in units of the axis it slides over."""

    k: int
    s: int = 1
    pb: int = 0
    pa: int = 0

    def out(self, n: Size) -> Size:
        """Return the output size for n units; below 1 if the window does not fit."""
        return positions(n, self.pb + self.pa, self.k, self.s)

    def fits(self, n: Size) -> bool:
        """Return whether it fits at least once; an open size counts as large enough."""
        return isinstance(n, Open) or n + self.pb + self.pa >= self.k

    def then(self, later: Window) -> Window:
        """Return the window over this one's input that is equivalent to this one followed by a later one."""
        return Window(
            self.k + (later.k - 1) * self.s,
            self.s * later.s,
            self.pb + later.pb * self.s,
            self.pa + later.pa * self.s,
        )

    def span(self, unit: int) -> tuple[int, int]:
        """Return the first and the last input unit that a unit sees; those below 0 or beyond n are padding."""
        first = unit * self.s - self.pb
        return first, first + self.k - 1


def listed(n: int, k: int, s: int, d: int, pb: int, pa: int) -> list[list[int]]:
    """Return the taps of every window that lies inside the padded input, by window; input pixels count from 0."""
    windows: list[list[int]] = []
    first = -pb
    while True:
        taps = [first + j * d for j in range(k)]
        if taps[-1] > n + pa - 1:
            return windows
        windows.append(taps)
        first += s


def aten_ceil(n: int, k: int, s: int, d: int, pb: int, pa: int) -> int:
    """Return PyTorch's size: ATen/native/Pool.h, pooling_output_shape_pad_lr with ceil_mode, line by line."""
    out = (n + pb + pa - d * (k - 1) - 1 + (s - 1)) // s + 1
    if (out - 1) * s >= n + pb:
        out -= 1
    return out


def slide(n: int, k: int, s: int, d: int, p: str) -> Slide:
    """Return a padding word on one axis."""
    (found,) = place((n,), (k,), (s,), (d,), p, ceil=False)
    return found


# The formula's special cases: Dive into Deep Learning, chapter 'Convolutional Neural Networks', padding and stride.


@pytest.mark.parametrize("n", [1, 2, 7, 224])
@pytest.mark.parametrize("m", [0, 1, 2, 5])
def test_odd_kernel_with_half_of_it_as_padding_keeps_the_size(n: int, m: int) -> None:
    assert Window(2 * m + 1, 1, m, m).out(n) == n


@pytest.mark.parametrize("n", [1, 2, 7, 224])
@pytest.mark.parametrize("k", range(1, 12))
def test_total_padding_of_k_minus_1_keeps_the_size(n: int, k: int) -> None:
    assert positions(n, k - 1, k, 1) == n
    assert Window(k, 1, *halves(k - 1)).out(n) == n


@pytest.mark.parametrize(("n", "k", "s"), list(product([1, 5, 8, 224], [1, 2, 3, 7, 11], [1, 2, 3, 4])))
def test_total_padding_of_k_minus_1_at_a_stride(n: int, k: int, s: int) -> None:
    assert positions(n, k - 1, k, s) == (n + s - 1) // s
    if n % s == 0:
        assert positions(n, k - 1, k, s) == n // s


@pytest.mark.parametrize(
    ("n", "k", "s", "d", "p", "out"),
    [
        # Dumoulin & Visin, A guide to convolution arithmetic: figures 2.1 to 2.7, and 5.1 for dilation.
        (4, 3, 1, 1, 0, 2),
        (5, 4, 1, 1, 2, 6),
        (5, 3, 1, 1, 1, 5),
        (5, 3, 1, 1, 2, 7),
        (5, 3, 2, 1, 0, 2),
        (5, 3, 2, 1, 1, 3),
        (6, 3, 2, 1, 1, 3),
        (7, 3, 1, 2, 0, 3),
    ],
)
def test_the_guides_figures(n: int, k: int, s: int, d: int, p: int, out: int) -> None:
    assert Window(extent(k, d), s, p, p).out(n) == out


# The naive oracle, exhaustively over a small range.

SMALL = list(product(range(1, 8), range(1, 5), range(1, 4), range(1, 4)))
PADS = list(product(range(4), range(4)))


def test_floor_counts_the_windows_that_can_be_listed() -> None:
    checked = 0
    for (n, k, s, d), (pb, pa) in product(SMALL, PADS):
        windows = listed(n, k, s, d, pb, pa)
        window = Window(extent(k, d), s, pb, pa)
        assert window.fits(n) == bool(windows), (n, k, s, d, pb, pa)
        assert max(window.out(n), 0) == len(windows), (n, k, s, d, pb, pa)  # type: ignore[type-var]
        for unit, taps in enumerate(windows):
            assert window.span(unit) == (taps[0], taps[-1]), (n, k, s, d, pb, pa)
        checked += len(windows)
    assert checked > 5000


def test_the_floor_drops_what_one_window_more_would_have_read() -> None:
    for (n, k, s, d), (pb, pa) in product(SMALL, PADS):
        windows = listed(n, k, s, d, pb, pa)
        if windows:
            after = [x for x in range(n) if x > windows[-1][-1] and x >= windows[-1][0] + s]
            assert dropped(n, pb, extent(k, d), s, len(windows)) == len(after), (n, k, s, d, pb, pa)


def test_ceil_is_atens_text() -> None:
    checked = 0
    for (n, k, s, d), (pb, pa) in product(SMALL, [*PADS, (0, 9), (2, 7)]):
        expected = aten_ceil(n, k, s, d, pb, pa)
        found = positions_ceil(n, pb, pa, extent(k, d), s)
        assert max(found, 0) == max(expected, 0), (n, k, s, d, pb, pa)  # type: ignore[type-var]
        checked += expected > 0
    assert checked > 2000


def test_ceil_never_starts_a_window_in_the_padding_after() -> None:
    """If that is at most the kernel's extent; beyond it the rule drops one window, and pools reject the others."""
    for (n, k, s, d), (pb, pa) in product(SMALL, PADS):
        if pa > extent(k, d):
            continue
        out = positions_ceil(n, pb, pa, extent(k, d), s)
        assert isinstance(out, int)
        assert out < 1 or (out - 1) * s - pb < n, (n, k, s, d, pb, pa)


def test_a_ceil_pool_wider_than_its_input_gives_one_window() -> None:
    assert positions_ceil(2, 0, 0, 3, 2) == 1


@pytest.mark.parametrize(("ceil", "kept"), [(False, False), (True, False), (True, True)])
def test_the_paddings_are_all_that_give_the_number_of_windows(ceil: bool, kept: bool) -> None:
    for n, out, k, s, odd in product(range(1, 8), range(1, 9), range(1, 6), range(1, 5), (0, 1)):
        found = [q for q in paddings(n, out, k, s, ceil, kept, odd) if q >= 0]
        wanted = [q for q in range(24) if windows_of(n, q, q + odd, k, s, ceil, kept) == out]
        assert found == wanted, (n, out, k, s, odd)


# Padding words, against their definitions in prose.


def test_valid_full_and_causal() -> None:
    for n, k, s, d in SMALL:
        reach = d * (k - 1)
        for word, pb, pa in (("valid", 0, 0), ("full", reach, reach), ("causal", reach, 0)):
            found = slide(n, k, s, d, word)
            assert (found.pb, found.pa) == (pb, pa)
            assert max(found.out, 0) == len(listed(n, k, s, d, pb, pa))  # type: ignore[type-var]


def test_full_sees_every_overlap_and_causal_nothing_later() -> None:
    assert slide(5, 3, 1, 1, "full").out == 7
    causal = slide(7, 3, 1, 2, "causal")
    assert causal.out == 7
    assert Window(causal.k, causal.s, causal.pb or 0, causal.pa or 0).span(6) == (2, 6)


@pytest.mark.parametrize("word", ["same", "same_upper", "same_lower"])
def test_same_gives_n_over_s_rounded_up_with_the_least_padding(word: str) -> None:
    for n, k, s, d in SMALL:
        found = slide(n, k, s, d, word)
        wanted = len(range(0, n, s))
        assert found.out == wanted
        totals = [t for t in range(60) if len(listed(n, k, s, d, 0, t)) >= wanted]
        assert found.pb is not None
        assert found.pa is not None
        assert found.pb + found.pa == totals[0], (n, k, s, d)
        odd_unit = found.pb - found.pa if word == "same_lower" else found.pa - found.pb
        assert odd_unit in (0, 1)


def test_an_open_size_knows_its_padding_only_where_every_size_agrees() -> None:
    for (k, s, d), word in product(product(range(1, 6), range(1, 5), range(1, 4)), ("same", "same_lower")):
        (found,) = place((Open("H"),), (k,), (s,), (d,), word, ceil=False)
        sides = {slide(n, k, s, d, word)[3:5] for n in range(1, 40)}
        before, after = ({side[i] for side in sides} for i in (0, 1))
        assert found.pb == (before.pop() if len(before) == 1 else None), (k, s, d, word)
        assert found.pa == (after.pop() if len(after) == 1 else None), (k, s, d, word)


@pytest.mark.parametrize(
    ("total", "pair", "lower"), [(0, (0, 0), (0, 0)), (1, (0, 1), (1, 0)), (4, (2, 2), (2, 2)), (5, (2, 3), (3, 2))]
)
def test_an_odd_unit_of_padding_goes_after(total: int, pair: tuple[int, int], lower: tuple[int, int]) -> None:
    assert halves(total) == pair
    assert halves(total, lower=True) == lower


def test_what_does_not_fit_is_an_error_with_the_arithmetic() -> None:
    with pytest.raises(ShapeError) as caught:
        check_fits([Slide(2, 5, 2, 0, 0, 0, 5, 1, False, "length")], False, Env(dialect_named("plain"), False))
    assert str(caught.value) == (
        "does not fit: floor((2 + 0 - 5)/2) + 1 < 1 on the length axis\n"
        "  the padded input (2) is smaller than the kernel (5): lower k to 2, or raise p to 2"
    )


# Laws.

windows = st.builds(Window, st.integers(1, 9), st.integers(1, 5), st.integers(0, 9), st.integers(0, 9))
chains = st.lists(windows, min_size=1, max_size=6)


def composed(chain: list[Window]) -> Window:
    """Return a chain as one window."""
    whole = Window(1)
    for window in chain:
        whole = whole.then(window)
    return whole


@given(windows, windows, windows)
def test_windows_compose_associatively(a: Window, b: Window, c: Window) -> None:
    assert a.then(b).then(c) == a.then(b.then(c))


@given(windows)
@settings(max_examples=50)
def test_a_single_pixel_is_the_neutral_window(window: Window) -> None:
    assert Window(1).then(window) == window
    assert window.then(Window(1)) == window


@given(st.integers(1, 400), chains)
def test_a_chain_gives_as_many_units_as_its_composed_window(n: int, chain: list[Window]) -> None:
    size = n
    for window in chain:
        assume(window.fits(size))
        out = window.out(size)
        assert isinstance(out, int)
        size = out
    assert composed(chain).out(n) == size


@given(st.integers(1, 400), chains, st.sampled_from(["conv1d", "avgpool1d"]))
def test_the_last_layer_of_a_network_is_the_composed_window(n: int, chain: list[Window], op: str) -> None:
    """Its size, and its receptive field: size k, stride s, start -pb."""
    given_keys = {"op": op, "c_o": 1} if op == "conv1d" else {"op": op}
    try:
        report = cnncalc.shape(
            [given_keys | {"k": w.k, "s": w.s, "p": [[w.pb, w.pa]]} for w in chain], input=(1, n), dialect="plain"
        )
    except ShapeError:
        assume(False)
    whole = composed(chain)
    assert report.out == (1, whole.out(n))
    assert report.rf == (Field(whole.k, whole.s, -whole.pb),)


@given(chains, st.integers(-20, 20))
def test_the_composed_span_is_the_spans_in_turn(chain: list[Window], unit: int) -> None:
    first = last = unit
    for window in reversed(chain):
        first, last = window.span(first)[0], window.span(last)[1]
    assert composed(chain).span(unit) == (first, last)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4), st.integers(0, 9))
def test_the_two_forms_of_the_formula_agree(n: int, k: int, s: int, d: int, total: int) -> None:
    """floor((n + P - k' + s)/s) = floor((n + P - k')/s) + 1."""
    assert positions(n, total, extent(k, d), s) == (n + total - extent(k, d)) // s + 1
