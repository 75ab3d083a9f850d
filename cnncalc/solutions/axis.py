"""The settings of a window on one axis that give a wanted size: for each kernel, stride and dilation an interval.

The paddings that give a size are the inverse of the floor formula (`window.paddings`), cut to what the ranges and the
dialect allow; none is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ShapeError, SpecError
from ..layers import Env
from ..layers.keys import Pair
from ..layers.pool import Pool, pixel_paddings
from ..layers.sliding import Slide, Windowed, windows_of
from ..layers.transposed import TransposedConv, out_pad_limit
from ..window import extent, paddings

MOST_WINDOWS = 300_000
"""How many combinations of kernel, stride and dilation are looked at, at most: one to three microseconds each."""
PLACED = 20
"""How many of these one costs that the layer itself places, as a padding word has it."""


class Ranges(NamedTuple):
    """The values that are tried for what a layer leaves open."""

    k: range = range(1, 12)
    s: range = range(1, 5)
    p: range | None = None
    """Per side; None for any below the kernel's extent, so that every window may hold a pixel."""
    d: range = range(1, 5)
    out_pad: range | None = None
    """None for any that the dialect allows."""
    first: int | None = None
    """Of each key only so many of the smallest values that may do are looked at; None for all."""


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
    first: int | None = None
    """Of each key only so many of the smallest values that may do are looked at; None for all."""


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


class ExtentBound(NamedTuple):
    """A bound of the kernel's extent, by the stride: at + slope*s."""

    at: int
    slope: int = 0

    def __call__(self, s: int) -> int:
        """Return the bound at a stride."""
        return self.at + self.slope * s

    def strides(self, own: range, most: int) -> range:
        """Return the strides at which the bound is at most `most`."""
        if self.slope > 0:
            return _cut(own, own.start, (most - self.at) // self.slope)
        if self.slope < 0:
            return _cut(own, -((most - self.at) // -self.slope), own.stop)
        return own if self.at <= most else range(0)


def _windows(
    question: AxisQuestion,
    layer: Windowed,
    env: Env,
    low: Sequence[ExtentBound] = (),
    high: Sequence[ExtentBound] = (),
    weight: int | None = 1,
) -> Iterator[tuple[int, int, int, int]]:
    """Yield each kernel, its extent, stride and dilation; its extent is from each bound of `low` to each of `high`.

    SpecError if there are too many; one counts `weight` times, None for as often as it has values of out_pad.
    """
    least, most = question.k.start, question.k.stop - 1
    dilations = question.d if layer.dilates(env) else _cut(question.d, question.d.start, 1)
    strides = question.s
    for line in low if dilations else ():
        strides = line.strides(strides, dilations[-1] * (most - 1) + 1)
    for at, slope in high if dilations else ():
        strides = ExtentBound(-at, -slope).strides(strides, -(dilations[0] * (least - 1) + 1))
    found, looked = [], 0
    for s in strides[: question.first]:
        bottom = max([1, *[line(s) for line in low]])
        top = min([line(s) for line in high], default=None)
        own = _cut(dilations, dilations.start, 1) if s > 1 and not layer.strides_dilated(env) else dilations
        for d in _dilations(own, question.k, bottom, top)[: question.first]:
            first = max(least, -(-(bottom - 1) // d) + 1, 1 + (d > dilations.start))  # one tap has no dilation
            last = most if top is None else min(most, (top - 1) // d + 1)
            kernels = range(first, last + 1)[: question.first]
            found.append((s, d, kernels))
            looked += 1 + len(kernels) * (max(s, d) if weight is None else weight)
            check_number(looked)
    for s, d, kernels in found:
        for k in kernels:
            yield k, extent(k, d), s, d


def check_number(looked: int) -> None:
    """SpecError if so many combinations are too many to look at."""
    if looked > MOST_WINDOWS:
        what = f"more than {MOST_WINDOWS:,} combinations of kernel, stride and dilation are left"
        raise SpecError(what, "narrow --k, --s or --d")


def _dilations(own: range, k: range, bottom: int, top: int | None) -> range:
    """Return the dilations with which the extent of one of the kernels may be from `bottom` to `top`."""
    if k.stop <= 2:
        return own[:1]
    last = own.stop if top is None else (top - 1) // max(k.start - 1, 1)
    if k.start == 1:
        last = max(last, own.start)
    return _cut(own, -(-(bottom - 1) // (k.stop - 2)), last)


def _sliding(question: AxisQuestion, layer: Windowed, nd: int, env: Env, rounding: Rounding) -> Iterator[SettingRow]:
    n, out, pair, p = question.n, question.out, question.pair, question.p
    assert not isinstance(pair, str)
    sees_pixels = isinstance(layer, Pool) and env.dialect.pool_limit == "pixel"
    fits_bare = isinstance(layer, Pool) and layer.needs_bare_fit(nd, env)
    low = p.start if p else 0
    more = (0 if p is None else 2 * (p.stop - 1)) if pair is None else sum(pair)
    least = 2 * low if pair is None else sum(pair)

    slack = int(rounding.ceil)  # a stride that rounding up adds, or its last-window rule takes away
    low_bounds = [ExtentBound(n + least + 1, -out - slack)]  # (out-1)*s + k' - n is from the least padding to the most
    high_bounds = [] if p is None and pair is None else [ExtentBound(n + more, slack - out + 1)]
    if not high_bounds:  # the most is k' - 1 on both sides
        low_bounds.append(ExtentBound(2 - n, out - 1 - slack))

    stepped = 0  # paddings looked at one by one, as a dilated kernel may step over the whole input
    for k, span, s, d in _windows(question, layer, env, low_bounds, high_bounds):
        if fits_bare and k > n:
            continue
        most = span - 1 if p is None else p.stop - 1
        limit = layer.most_per_side(k, env)
        if limit is not None:
            most = min(most, limit) if pair is None else limit
        for odd, first, last in _sides(pair, low, most, limit, rounding):
            before = _cut(paddings(n, out, span, s, rounding.ceil, rounding.kept, odd), first, last)
            row = SettingRow(k, s, d, before, odd)
            if sees_pixels and n < d:
                stepped += 4 * len(before)
                check_number(stepped)
            if sees_pixels:
                slide = Slide(n, span, s, None, None, out, k, d, False, "")
                found = [row._replace(before=part) for part in pixel_paddings(slide, before, odd)]
            else:
                found = [row] if before else []
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


def _cut(found: range, low: int, high: int) -> range:
    """Return the numbers of a range from `low` to `high`."""
    return range(max(found.start, low), min(found.stop, high + 1))


def _transposed(question: AxisQuestion, layer: Windowed, env: Env) -> Iterator[SettingRow]:
    n, out, pair, p = question.n, question.out, question.pair, question.p
    assert not isinstance(pair, str)

    # (n-1)*s + k' + out_pad - out is the padding of both sides
    own, low_bounds, high_bounds = question.out_pad, [], []
    if own is None:  # any below the stride or the dilation
        low_bounds.append(ExtentBound(out - question.d.stop, -n))
    else:
        low_bounds.append(ExtentBound(out - own.stop, 1 - n))
    if p is None and pair is None:  # the most is k' - 1 on both sides
        low_bounds.append(ExtentBound(2 - out, n - 1))
    else:
        high_bounds.append(ExtentBound(out + (2 * (p.stop - 1) + 1 if p else sum(pair or (0, 0))), 1 - n))

    for k, span, s, d in _windows(question, layer, env, low_bounds, high_bounds, None if own is None else len(own)):
        limit = out_pad_limit(s, d, env)
        appended = range(limit or max(s, d)) if own is None else own
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
    for k, _, s, d in _windows(question, layer, env, weight=PLACED):
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
    n, out = question.n, question.out
    if isinstance(layer, TransposedConv):
        strides = range(out // n, out // n + (out % n == 0))
    else:  # ceil(n/s) is out
        strides = range(-(-n // out), -(-n // (out - 1)) if out > 1 else question.s.stop)
    same_strides = question._replace(s=_cut(question.s, strides.start, strides.stop - 1))
    for k, _, s, d in _windows(same_strides, layer, env, weight=PLACED):
        row = _placed(layer, nd, env, question, {"k": k, "s": s, "d": d, "p": "same"}, None)
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
    for k, span, s, d in _windows(question, layer, env, weight=4):
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
