"""The settings of a window on one axis that give a wanted size: for each kernel, stride and dilation an interval.

The paddings that give a size are the inverse of the floor formula (`window.paddings`), cut to what the ranges and the
dialect allow; none is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import ShapeError, SpecError
from ..layers import Env
from ..layers.keys import Pair
from ..layers.pool import Pool, empty_window
from ..layers.sliding import Slide, Windowed, windows_of
from ..layers.transposed import TransposedConv, out_pad_limit
from ..window import extent, paddings

MOST_WINDOWS = 1_000_000
"""How many combinations of kernel, stride and dilation are looked at, at most."""


class Ranges(NamedTuple):
    """The values that are tried for what a layer leaves open."""

    k: range = range(1, 12)
    s: range = range(1, 5)
    p: range | None = None
    """Per side; None for any below the kernel's extent, so that every window may hold a pixel."""
    d: range = range(1, 5)
    out_pad: range | None = None
    """None for any that the dialect allows."""


class Setting(NamedTuple):
    """A window on one axis."""

    k: int
    s: int
    before: int
    after: int
    d: int
    out_pad: int | None
    """None of a window that slides."""
    word: str | None = None
    """The padding word that stands for both sides."""

    @property
    def extent(self) -> int:
        """The kernel's extent."""
        return extent(self.k, self.d)


class SettingRow(NamedTuple):
    """Solutions that differ in their padding alone: q before and q + odd after, for each q in `before`."""

    k: int
    s: int
    d: int
    before: range
    odd: int
    out_pad: int | None = None
    word: str | None = None

    def setting(self, q: int) -> Setting:
        """Return the setting with the padding q before."""
        return Setting(self.k, self.s, q, q + self.odd, self.d, self.out_pad, self.word)

    @property
    def half(self) -> int | None:
        """The padding before if both sides are the kernel's extent less 1; None if they cannot be."""
        half, rest = divmod(extent(self.k, self.d) - 1 - self.odd, 2)
        return None if rest else half


class AxisQuestion(NamedTuple):
    """What is asked of one axis: from n to `out`, with these values of each key."""

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
    """The padding that the layer gives, in numbers or as a word; None if it leaves it open."""


class Rounding(NamedTuple):
    """How the number of windows is rounded: `ceil` up, and with `kept` every window kept."""

    ceil: bool = False
    kept: bool = False
    padded: bool = False
    """Whether that holds only where there is padding."""


def rows(question: AxisQuestion, layer: Windowed, nd: int, env: Env, rounding: Rounding) -> list[SettingRow]:
    """Return all settings of one axis. SpecError if the ranges are too wide."""
    if isinstance(question.pair, str):
        return list(_by_word(question, layer, nd, env))
    if isinstance(layer, TransposedConv):
        found = list(_transposed(question, layer, env))
    else:
        found = list(_sliding(question, layer, nd, env, rounding))
    if question.pair is None and question.p is None and env.dialect.pads_by_word:
        found = list(_with_same(question, layer, nd, env, found))
    return found


def _windows(
    question: AxisQuestion, layer: Windowed, env: Env, bounds: Callable[[int], tuple[int, int | None]]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield each kernel, its extent, stride and dilation; `bounds` are the extents that a stride allows."""
    looked, times = 0, _appended(question, layer)
    dilations = question.d if layer.dilates(env) else range(question.d.start, min(question.d.stop, 2))
    for s in question.s:
        low, high = bounds(s)
        for d in dilations:
            if s > 1 and d > 1 and not layer.strides_dilated(env):
                continue
            first = max(question.k.start, -(-(low - 1) // d) + 1)
            last = question.k.stop - 1 if high is None else min(question.k.stop - 1, (high - 1) // d + 1)
            looked += max(last - first + 1, 0) * (times or max(s, d))
            if looked > MOST_WINDOWS:
                what = f"more than {MOST_WINDOWS:,} combinations of kernel, stride and dilation are left"
                raise SpecError(what, "narrow --k, --s or --d")
            for k in range(first, last + 1):
                if k > 1 or d == question.d.start:  # a kernel of one tap has no dilation
                    yield k, extent(k, d), s, d


def _appended(question: AxisQuestion, layer: Windowed) -> int | None:
    """Return how many values of out_pad there may be; None if stride and dilation decide."""
    if not isinstance(layer, TransposedConv):
        return 1
    return None if question.out_pad is None else len(question.out_pad)


def _sliding(question: AxisQuestion, layer: Windowed, nd: int, env: Env, rounding: Rounding) -> Iterator[SettingRow]:
    n, out, pair, p = question.n, question.out, question.pair, question.p
    assert not isinstance(pair, str)
    sees_pixels = isinstance(layer, Pool) and env.dialect.pool_limit == "pixel"
    fits_bare = isinstance(layer, Pool) and layer.needs_bare_fit(nd, env)
    low = p.start if p else 0
    more = (0 if p is None else 2 * (p.stop - 1)) if pair is None else sum(pair)
    least = 2 * low if pair is None else sum(pair)

    def bounds(s: int) -> tuple[int, int | None]:
        """Return the extents that may give the size: (out-1)*s + k' - n is from the least padding to the most."""
        slack = s if rounding.ceil else 0  # what rounding up adds, or its last-window rule takes away
        open_ended = p is None and pair is None
        return max(n + least - out * s + 1 - slack, 1), None if open_ended else n + more + slack - (out - 1) * s

    for k, span, s, d in _windows(question, layer, env, bounds):
        if fits_bare and k > n:
            continue
        most = span - 1 if p is None else p.stop - 1
        limit = layer.most_per_side(k, env)
        if limit is not None:
            most = min(most, limit) if pair is None else limit
        for odd, first, last in _sides(pair, low, most, limit, rounding):
            before = _cut(paddings(n, out, span, s, rounding.ceil, rounding.kept, odd), first, last)
            row = SettingRow(k, s, d, before, odd)
            found = list(_seen(row, n, out, span)) if sees_pixels else [row] if before else []
            yield from found
            if found:  # totals are for windows without equal sides
                break


def _sides(
    pair: Pair | None, low: int, most: int, limit: int | None, rounding: Rounding
) -> Iterator[tuple[int, int, int]]:
    """Yield what is added after, and the bounds of the padding before: equal sides, then the odd unit after."""
    if pair is not None:
        if limit is None or max(pair) <= limit:
            yield pair[1] - pair[0], pair[0], pair[0]
        return
    yield 0, max(low, 1) if rounding.padded else low, most
    yield 1, low, most - 1


def _seen(row: SettingRow, n: int, out: int, span: int) -> Iterator[SettingRow]:
    """Yield the part of a row in which every window holds a pixel of the input."""
    before = _cut(row.before, (out - 1) * row.s - n + 1, span - 1)
    if n >= row.d:
        if before:
            yield row._replace(before=before)
        return
    for q in before:  # a dilated kernel may step over the whole input
        slide = Slide(n, span, row.s, q, q + row.odd, out, row.k, row.d, False, "")
        if empty_window(slide) is None:
            yield row._replace(before=range(q, q + 1))


def _cut(found: range, low: int, high: int) -> range:
    """Return the numbers of a range from `low` to `high`."""
    return range(max(found.start, low), min(found.stop, high + 1))


def _transposed(question: AxisQuestion, layer: Windowed, env: Env) -> Iterator[SettingRow]:
    n, out, pair, p = question.n, question.out, question.pair, question.p
    assert not isinstance(pair, str)

    def bounds(s: int) -> tuple[int, int | None]:
        """Return the extents that may give the size: n*s - s + k' + out_pad - out is the padding of both sides."""
        top = max(s, question.d.stop) if question.out_pad is None else question.out_pad.stop
        bare = out - (n - 1) * s
        most = None if p is None and pair is None else 2 * (p.stop - 1) + 1 if p else sum(pair or (0, 0))
        return max(bare - top, 1), None if most is None else bare + most

    for k, span, s, d in _windows(question, layer, env, bounds):
        limit = out_pad_limit(s, d, env)
        appended = question.out_pad if question.out_pad is not None else range(limit or max(s, d))
        for out_pad in appended if limit is None else range(appended.start, min(appended.stop, limit)):
            total = (n - 1) * s + span + out_pad - out
            if pair is not None:
                if total == sum(pair):
                    yield SettingRow(k, s, d, range(pair[0], pair[0] + 1), pair[1] - pair[0], out_pad)
                continue
            q, odd = total // 2, total % 2
            if (p.start if p else 0) <= q <= (span - 1 if p is None else p.stop - 1) - odd:
                yield SettingRow(k, s, d, range(q, q + 1), odd, out_pad)


def _by_word(question: AxisQuestion, layer: Windowed, nd: int, env: Env) -> Iterator[SettingRow]:
    """Yield the settings under a padding word."""
    for k, _, s, d in _windows(question, layer, env, lambda _: (1, None)):
        pads: list[int | None] = [None]
        if isinstance(layer, TransposedConv):
            limit = out_pad_limit(s, d, env) or max(s, d)
            own = question.out_pad
            pads = [None] if own is None else [*range(own.start, min(own.stop, limit))]
        for out_pad in pads:
            row = _placed(layer, nd, env, question, {"k": k, "s": s, "d": d, "p": question.pair}, out_pad)
            if row is not None:
                yield row


def _with_same(
    question: AxisQuestion, layer: Windowed, nd: int, env: Env, found: list[SettingRow]
) -> Iterator[SettingRow]:
    """Yield rows with the word `same` where it gives them, and those that it alone gives: its sides may differ."""
    words: dict[tuple[int, int, int, int, int | None], SettingRow] = {}
    for k, _, s, d in _windows(question, layer, env, lambda _: (1, None)):
        if isinstance(layer, TransposedConv):
            is_same = question.out == question.n * s
        else:
            is_same = question.out == -(-question.n // s)
        row = _placed(layer, nd, env, question, {"k": k, "s": s, "d": d, "p": "same"}, None) if is_same else None
        if row is not None:
            words[row.k, row.s, row.d, row.odd, row.out_pad] = row
    for row in found:
        same = words.get((row.k, row.s, row.d, row.odd, row.out_pad))
        if same is None or same.before.start not in row.before:
            yield row
            continue
        del words[row.k, row.s, row.d, row.odd, row.out_pad]
        q = same.before.start
        parts = range(row.before.start, q), range(q + 1, row.before.stop)
        yield from [row._replace(before=part) for part in parts if part]
        yield row._replace(before=same.before, word="same")
    yield from words.values()


def _placed(
    layer: Windowed, nd: int, env: Env, question: AxisQuestion, keys: Mapping[str, Any], out_pad: int | None
) -> SettingRow | None:
    """Return the setting of a padding word as the layer itself places it; None if it does not give the size."""
    given = {**layer.given, **keys} | ({} if out_pad is None else {"out_pad": out_pad})
    space = (question.n,) * nd
    try:
        same = type(layer)(layer.op, layer.nd, given)
        if isinstance(same, TransposedConv):
            (cut, *_), _ = same.windows(space, env)
            if cut.out != question.out:
                return None
            before, after, appended = cut.pb, cut.pa, cut.out_pad
        else:
            slide = same.slides(space, env)[0][0]  # type: ignore[attr-defined]
            if slide.out != question.out:
                return None
            before, after, appended = slide.pb, slide.pa, None
    except ShapeError:
        return None
    return SettingRow(
        keys["k"], keys["s"], keys["d"], range(before, before + 1), after - before, appended, str(keys["p"])
    )


def reach(question: AxisQuestion, layer: Windowed, env: Env, rounding: Rounding) -> Iterator[tuple[int, int]]:
    """Yield the least and the most that each kernel, stride and dilation gives, over all paddings that are allowed."""
    pair, p, n = question.pair, question.p, question.n
    assert not isinstance(pair, str)
    for k, span, s, d in _windows(question, layer, env, lambda _: (1, None)):
        limit = layer.most_per_side(k, env)
        most = span - 1 if p is None else p.stop - 1
        high = most if limit is None else min(most, limit)
        sides = [pair] if pair is not None else [(p.start if p else 0,) * 2, (high, high)]
        if isinstance(layer, TransposedConv):
            own = question.out_pad if question.out_pad is not None else range(out_pad_limit(s, d, env) or max(s, d))
            bare = (n - 1) * s + span
            yield bare + own.start - sum(sides[-1]), bare + own.stop - 1 - sum(sides[0])
            continue
        outs = [windows_of(n, before, after, span, s, *rounding[:2]) for before, after in sides]
        numbers = [out for out in outs if isinstance(out, int)]
        yield numbers[0], numbers[-1]
