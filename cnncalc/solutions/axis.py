"""The settings of a window on one axis that give a wanted size: an interval for each kernel, stride and dilation.

The paddings that give a size follow from the inverse of the floor formula (`window.paddings`), restricted to what the
ranges and the dialect allow; none is found by trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from ..errors import ShapeError, SpecError
from ..layers import Env
from ..layers.keys import Pair
from ..layers.pixels import pixel_paddings
from ..layers.pool import Pool
from ..layers.sliding import Cut, Slide, Windowed, windows_of
from ..layers.transposed import TransposedConv, out_pad_limit
from ..window import extent, paddings
from .windows import MOST_WINDOWS, Bound, Search, cut, windows

PLACED = 20
"""The number of windows that one counts as if the layer itself has to place it, for a padding word."""
ANY = 1 << 62
"""A bound larger than any output."""


class Ranges(NamedTuple):
    """The ranges of the keys that a layer leaves open."""

    k: range = range(1, 12)
    s: range = range(1, 5)
    p: range | None = None
    """The padding per side; None for any below the kernel's extent, so that every window may contain a pixel."""
    d: range = range(1, 5)
    out_pad: range | None = None
    """None for any that the dialect allows."""
    most: int = MOST_WINDOWS
    """How many windows are looked at, if there are more."""


class Setting(NamedTuple):
    """A window on one axis."""

    k: int
    s: int
    before: int
    after: int
    d: int
    out_pad: int | None
    """The out_pad; None for a sliding window."""
    word: str | None = None
    """The padding word that stands for both sides."""

    @property
    def extent(self) -> int:
        """The kernel's extent."""
        return extent(self.k, self.d)


class SettingRow(NamedTuple):
    """Solutions that differ only in padding: q before and q + odd after, for each q in `before`."""

    k: int
    s: int
    d: int
    before: range
    odd: int
    bare: int | None = None
    """For a transposed window, the out_pad without padding, which rises with the padding; None for others."""
    word: str | None = None

    def setting(self, q: int) -> Setting:
        """Return the setting with the padding q before."""
        out_pad = None if self.bare is None else self.bare + 2 * q + self.odd
        return Setting(self.k, self.s, q, q + self.odd, self.d, out_pad, self.word)

    @property
    def half(self) -> int | None:
        """The padding before if both sides add up to the kernel's extent less 1; None if they cannot."""
        half, rest = divmod(extent(self.k, self.d) - 1 - self.odd, 2)
        return None if rest else half


class AxisRows(NamedTuple):
    """The settings of one axis."""

    rows: list[SettingRow]
    complete: bool
    """Whether these are all."""


class AxisQuestion(NamedTuple):
    """The question for one axis: from n to `out`, with these values of each key."""

    n: int
    out: int
    k: range
    s: range
    d: range
    p: range | None
    """Per side; None for any below the kernel's extent."""
    out_pad: range | None
    """None for any that the dialect allows."""
    pair: Pair | str | None
    """The padding that the layer states, in numbers or as a word; None if it is open."""
    most: int = MOST_WINDOWS
    """How many windows are looked at, if there are more."""


class Rounding(NamedTuple):
    """How the number of windows is rounded: up with `ceil`, and with every window kept with `kept`."""

    ceil: bool = False
    kept: bool = False
    padded: bool = False
    """Whether that applies only with padding."""


Window = tuple[int, int, int, int]
"""A kernel, its extent, its stride and its dilation."""


class AxisLayer(NamedTuple):
    """A layer on one of its `nd` axes, under a dialect and a rule of rounding."""

    layer: Windowed
    nd: int
    env: Env
    rounding: Rounding = Rounding()

    @property
    def transposes(self) -> bool:
        """Whether it is a transposed convolution."""
        return isinstance(self.layer, TransposedConv)

    def rows(self, question: AxisQuestion) -> AxisRows:
        """Return the settings on an axis. Raise SpecError if the ranges are too wide to find any."""
        search, found = Search(question.most), list[SettingRow]()
        marks = question.pair is None and question.p is None and self.env.dialect.pads_by_word
        for window in self._windows(question, search, range(question.out, question.out + 1)):
            if search.is_over and found:
                return AxisRows(found, False)
            if isinstance(question.pair, str):
                placed = self._placed(question, window, question.pair, search)
                found += [row for out, row in placed if out == question.out]
                continue
            own = self._cuts(question, window) if self.transposes else self._slides(question, window, search)
            found += self._marked(question, window, own, search) if marks else own
        return AxisRows(found, True)

    def _windows(self, question: AxisQuestion, search: Search, outs: range) -> Iterator[Window]:
        """Yield the windows that may reach one of these outputs, smallest dilation first."""
        layer, env = self.layer, self.env
        strides, dilations = question.s, question.d if layer.dilates(env) else cut(question.d, 1, 1)
        if str(question.pair).startswith("same") and not self.transposes:
            n, first, last = question.n, outs[0], outs[-1]  # ceil(n/s) is one of them
            strides = cut(strides, -(-n // last), -(-n // (first - 1)) - 1 if first > 1 else strides.stop)
        bounds = self._bounds(question, outs)
        return windows(question.k, strides, dilations, bounds, layer.strides_dilated(env), search)

    def _bounds(self, question: AxisQuestion, outs: range) -> list[Bound]:
        """Return the bounds on windows that reach one of these outputs, with k' = d*k - d + 1.

        The most padding gives at least the first output, and the least padding at most the last; for a transposed
        window it is the other way round.
        """
        n, first, last, own = question.n, outs[0], outs[-1], question.out_pad
        least, most = _paddings(question)
        if self.transposes:  # (n-1)*s + k' + out_pad - out is cut off
            low, high = (0, Bound(0, 1, 1, 0, -2)) if own is None else (own.start, Bound(0, 0, 0, 0, own.stop - 1))
            if isinstance(question.pair, str):  # a padding word appends what it needs
                low, high = 0, Bound(0, 1, 1, 0, 0 if own is None else own.stop)
            enough, bare = Bound(0, 1 - n, 1, -1, 1 - first), Bound(0, n - 1, -1, 1, last - low - 1)
            return [enough.plus(least).less(high), bare.less(most)]
        slack = int(self.rounding.ceil)  # rounding up adds up to one stride, and its last-window rule removes one
        bare = Bound(0, first - 1 - slack, -1, 1, n - 1)
        bounds = [Bound(0, -last - slack, 1, -1, -n).plus(least), bare.less(most)]
        two, four = [self.layer.most_per_side(k, self.env) for k in (2, 4)]
        if two is not None and four is not None:  # limits are linear in k, rounded down
            bounds.append(bare.less(Bound(four - two, 0, 0, 0, 4 * two - 2 * four)))
        return bounds

    def _slides(self, question: AxisQuestion, window: Window, search: Search) -> list[SettingRow]:
        """Return the settings of a sliding window: equal sides, or an odd unit after."""
        (k, span, s, d), n, out, pair, p = window, question.n, question.out, question.pair, question.p
        layer, env, (ceil, kept, padded) = self.layer, self.env, self.rounding
        if isinstance(layer, Pool) and layer.needs_bare_fit(self.nd, env) and k > n:
            return []
        limit = layer.most_per_side(k, env)
        low, most = _per_side(p, span)
        most = most if limit is None else min(most, limit)
        sides = [(0, max(low, padded), most), (1, low, most - 1)]
        if isinstance(pair, tuple):
            sides = [(pair[1] - pair[0], pair[0], pair[0])] if limit is None or max(pair) <= limit else []
        for odd, first, last in sides:
            before = cut(paddings(n, out, span, s, ceil, kept, odd), first, last)
            if not before:
                continue
            parts = [before]
            if isinstance(layer, Pool) and env.dialect.pool_limit == "pixel":
                search.look(4 * len(before) if n < d else 0)  # it may step over the input: test one by one
                parts = [*pixel_paddings(Slide(n, span, s, None, None, out, k, d, False, ""), before)]
            if parts:
                return [SettingRow(k, s, d, part, odd) for part in parts]
        return []

    def _cuts(self, question: AxisQuestion, window: Window) -> list[SettingRow]:
        """Return the settings of a transposed window, whose out_pad rises with its padding."""
        (k, span, s, d), pair = window, question.pair
        appended, bare = self._appended(question, s, d), question.out - (question.n - 1) * s - span
        low, most = _per_side(question.p, span)
        sides = [(0, low, most), (1, low, most - 1)]
        if isinstance(pair, tuple):
            sides = [(pair[1] - pair[0], pair[0], pair[0])]
        found = []
        for odd, first, last in sides:  # out_pad is bare + 2*q + odd
            least, greatest = appended.start - bare - odd, appended.stop - 1 - bare - odd
            before = range(max(first, -(-least // 2)), min(last, greatest // 2) + 1)
            found += [SettingRow(k, s, d, before, odd, bare)] if before else []
        return found

    def _appended(self, question: AxisQuestion, s: int, d: int) -> range:
        """Return the values of out_pad to try."""
        limit, own = out_pad_limit(s, d, self.env), question.out_pad
        if own is None:
            return range(limit or max(s, d))
        return own if limit is None else cut(own, own.start, limit - 1)

    def _marked(
        self, question: AxisQuestion, window: Window, own: list[SettingRow], search: Search
    ) -> list[SettingRow]:
        """Return the rows with the word `same` where it gives one of them, and the row that only it gives."""
        n, s, appended = question.n, window[2], question.out_pad
        if "out_pad" in self.layer.given or question.out != (n * s if self.transposes else -(-n // s)):
            return own
        placed = self._placed(question._replace(out_pad=None), window, "same", search)
        same = [row for out, row in placed if out == question.out]
        same = [row for row in same if appended is None or row.setting(row.before.start).out_pad in appended]
        found = []
        for row in own:
            parts = [row.before]
            if same and (row.odd, row.bare) == (same[0].odd, same[0].bare):
                q = same[0].before.start
                parts = [cut(row.before, row.before.start, q - 1), cut(row.before, q + 1, row.before.stop)]
            found += [row._replace(before=part) for part in parts if part]
        return [*found, *same]

    def _placed(
        self, question: AxisQuestion, window: Window, word: str, search: Search
    ) -> Iterator[tuple[int, SettingRow]]:
        """Yield the outputs and settings of a padding word, as the layer itself places them."""
        k, _, s, d = window
        pads = [None] if question.out_pad is None or not self.transposes else self._appended(question, s, d)
        for out_pad in pads:
            search.look(PLACED)
            keys = {"k": k, "s": s, "d": d, "p": word} | ({} if out_pad is None else {"out_pad": out_pad})
            layer = type(self.layer)(self.layer.op, self.layer.nd, {**self.layer.given, **keys})
            with suppress(ShapeError):
                placed = layer.placed((question.n,) * self.nd, self.env)[0]
                pb, pa, out = placed.pb, placed.pa, placed.out
                assert isinstance(pb, int)
                assert isinstance(pa, int)
                assert isinstance(out, int)
                bare = placed.out_pad - pb - pa if isinstance(placed, Cut) else None
                yield out, SettingRow(k, s, d, range(pb, pb + 1), pa - pb, bare, word if out_pad is None else None)

    def nearest(self, question: AxisQuestion, step: int) -> int | None:
        """Return the output nearest to the wanted one, below (-1) or above it (1), that a window may reach.

        None if there is none, or if there are too many windows to try.
        """
        outs = range(question.out + 1, ANY) if step > 0 else range(1, question.out)
        found = None
        with suppress(SpecError):
            while outs:
                near = (
                    outs if found is None else outs[: len(outs) // 2 + 1] if step > 0 else outs[-(len(outs) // 2 + 1) :]
                )
                out = self._reached(question, near, step)
                if out is None:
                    if found is None:
                        return None
                    outs = range(near.stop, outs.stop) if step > 0 else range(outs.start, near.start)
                else:
                    found = out
                    outs = range(outs.start, out) if step > 0 else range(out + 1, outs.stop)
        return found

    def _reached(self, question: AxisQuestion, outs: range, step: int) -> int | None:
        """Return the first or last of these outputs that some window may reach; None if there is none."""
        search = Search(question.most)
        for window in self._windows(question, search, outs):
            for low, high in self._reach(question, window, search):
                found = range(max(low, outs.start), min(high, outs.stop - 1) + 1)
                if found:
                    return found[0 if step > 0 else -1]
        return None

    def _reach(self, question: AxisQuestion, window: Window, search: Search) -> Iterator[tuple[int, int]]:
        """Yield the least and the largest output of a window over all allowed paddings."""
        (k, span, s, d), pair, n = window, question.pair, question.n
        if isinstance(pair, str):
            yield from [(out, out) for out, _ in self._placed(question, window, pair, search)]
            return
        limit = self.layer.most_per_side(k, self.env)
        low, high = _per_side(question.p, span)
        sides = [pair, pair] if pair is not None else [(low, low), (min(high, high if limit is None else limit),) * 2]
        if self.transposes:
            appended, bare = self._appended(question, s, d), (n - 1) * s + span
            yield bare + appended.start - sum(sides[1]), bare + appended.stop - 1 - sum(sides[0])
            return
        outs = [windows_of(n, before, after, span, s, *self.rounding[:2]) for before, after in sides]
        low, high = [out for out in outs if isinstance(out, int)]
        yield low, high


def _paddings(question: AxisQuestion) -> tuple[Bound, Bound]:
    """Return the least and the most total padding, in terms of the window."""
    pair, p = question.pair, question.p
    none, extent_less_1, twice = Bound(0, 0, 0, 0, 0), Bound(0, 0, -1, 1, 0), Bound(0, 0, -2, 2, 0)
    if isinstance(pair, str):
        words = {"valid": (none, none), "full": (twice, twice), "causal": (extent_less_1, extent_less_1)}
        return words.get(pair, (none, extent_less_1))
    if pair is not None:
        return (Bound(0, 0, 0, 0, sum(pair)),) * 2
    if p is None:
        return none, twice
    return Bound(0, 0, 0, 0, 2 * p.start), Bound(0, 0, 0, 0, 2 * (p.stop - 1))


def _per_side(p: range | None, span: int) -> tuple[int, int]:
    """Return the least and the most padding per side."""
    return (0, span - 1) if p is None else (p.start, p.stop - 1)
