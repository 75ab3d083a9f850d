"""The settings of one layer that give a wanted output: kernel, stride, padding and dilation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge, nsmallest
from itertools import islice, product
from operator import itemgetter
from typing import Any, NamedTuple

from ..errors import SpecError, shown
from ..layers import Env, Layer
from ..layers.base import check_channels as check_declared
from ..layers.conv import Convolution, check_strided_dilation
from ..layers.keys import KEEP, Pair, spread, spread_sides
from ..layers.pool import Pool
from ..layers.sliding import Windowed
from ..layers.transposed import TransposedConv
from ..sizes import Shape, Size
from .axis import AxisLayer, AxisQuestion, Ranges, Rounding, Setting, SettingRow

USUAL = 1000
"""The default for the most settings that are listed."""
KEYS = ("k", "s", "p", "d", "out_pad")
"""The keys that can be left open."""
Whole = tuple[Setting, ...]
"""A setting of a layer: one for each axis."""


class AxisGroup(NamedTuple):
    """Axes that share one setting, as their sizes and the layer's keys for them are the same."""

    axes: tuple[int, ...]
    question: AxisQuestion


class RoundedRows(NamedTuple):
    """The rows of each group under one rule of rounding."""

    rounding: Rounding
    rows: tuple[list[SettingRow], ...]
    complete: bool
    """Whether these are all the rows."""
    bare: bool | None = None
    """True if no axis may have padding, False if at least one must, None if either is allowed."""


class LayerQuestion(NamedTuple):
    """The question for a layer: from the sizes `space` to the sizes `out`."""

    layer: Windowed
    space: tuple[int, ...]
    out: tuple[int, ...]
    env: Env
    ranges: Ranges = Ranges()

    @property
    def opened(self) -> tuple[str, ...]:
        """The keys that the layer leaves open."""
        given = self.layer.given
        own = [key for key in KEYS if key in self.layer.KEYS and key not in given]
        return tuple([key for key in own if key != "p" or "p_total" not in given])

    def groups(self) -> list[AxisGroup]:
        """Return the groups of axes that share a setting, with their questions."""
        nd, layer = len(self.space), self.layer
        values = [self._values(key, nd) for key in ("k", "s", "d", "out_pad")]
        padding = layer.padding(nd, self.env) if "p" not in self.opened else None
        pads: Sequence[Pair | str | None] = (
            [padding] * nd if padding is None or isinstance(padding, str) else spread_sides(padding, nd)
        )
        found: dict[AxisQuestion, list[int]] = {}
        for axis, (n, out, pair, k, s, d, out_pad) in enumerate(zip(self.space, self.out, pads, *values, strict=True)):
            assert k is not None
            assert s is not None
            assert d is not None
            own_p = self.ranges.p if pair is None else None
            own = AxisQuestion(n, out, k, s, d, own_p, out_pad, pair, self.ranges.most)
            found.setdefault(own, []).append(axis)
        return [AxisGroup(tuple(axes), question) for question, axes in found.items()]

    def _values(self, key: str, nd: int) -> list[range | None]:
        """Return the values of a key on each axis: the given one, or its range."""
        if key not in self.layer.given:
            return [getattr(self.ranges, key)] * nd
        given: Any = self.layer.given[key]
        return [range(value, value + 1) for value in spread(given, nd)]

    def choices(self) -> list[RoundedRows]:
        """Return all rows, for each rule of rounding that may hold."""
        groups, layer, nd = self.groups(), self.layer, len(self.space)

        def found(rounding: Rounding, only: range | None = None, bare: bool | None = None) -> RoundedRows:
            asked = [one.question for one in groups]
            if only is not None:
                asked = [one._replace(p=only) if one.pair is None else one for one in asked]
            each = [AxisLayer(layer, nd, self.env, rounding).rows(one) for one in asked]
            return RoundedRows(rounding, tuple([one.rows for one in each]), all(one.complete for one in each), bare)

        if not isinstance(layer, Pool):
            return [found(Rounding())]
        with_padding, bare = layer.rounding(1, nd, self.env), layer.rounding(0, nd, self.env)
        plain = Rounding(bool(with_padding), with_padding == KEEP)
        if with_padding == bare:
            return [found(plain)]
        padded = plain._replace(padded=len(groups) == 1)
        return [found(Rounding(True, True), range(1), bare=True), found(padded, bare=False)]


class Solutions:
    """All settings that give the wanted output, in closed form."""

    def __init__(self, question: LayerQuestion):
        check(question)
        self.question = question
        self.groups = question.groups()
        self.choices = question.choices()
        if len(self.choices) > 1:
            self.choices = _without_doubles(self.choices)
        self.count = sum(_count(choice, question) for choice in self.choices)
        """The number of settings; if they are incomplete, the number found."""
        self.complete = all(choice.complete for choice in self.choices)

    def first(self, most: int = USUAL) -> Iterator[Whole]:
        """Yield the first settings, most common first: those that are equal on all axes, then the others."""
        each = [_combined(choice, self.question, most) for choice in self.choices]
        merged = merge(*each, key=self._rank) if len(each) > 1 else each[0]
        return map(self._whole, islice(merged, most))

    def _rank(self, whole: Whole) -> tuple[bool, list[tuple[int, ...]]]:
        return len(set(whole)) > 1, [usual(setting, self.question) for setting in whole]

    def _whole(self, parts: Whole) -> Whole:
        """Return the setting of each axis from those of the groups."""
        placed = {axis: part for group, part in zip(self.groups, parts, strict=True) for axis in group.axes}
        return tuple([placed[axis] for axis in sorted(placed)])


def check(question: LayerQuestion) -> None:
    """Raise the error of a layer that the dialect refuses with any window."""
    layer, env, nd = question.layer, question.env, len(question.space)
    if isinstance(layer, Pool):
        layer.check_keys(spread(layer.d, nd), env)
    if isinstance(layer.given.get("p"), str):
        layer.padding(nd, env)
    if layer.s is not None and {"s", "d"} <= layer.given.keys() and not layer.strides_dilated(env):
        check_strided_dilation(spread(layer.s, nd), spread(layer.d, nd), env)


def _without_doubles(choices: Sequence[RoundedRows]) -> list[RoundedRows]:
    """Return the choices without total paddings for windows that need no padding, whose sides are equal already.

    This applies to a layer with one setting on all axes; with several, each keeps its own.
    """
    bare, padded = choices
    if len(bare.rows) > 1:
        return list(choices)
    equal = {(row.k, row.s, row.d) for row in bare.rows[0]}
    return [bare, padded._replace(rows=([r for r in padded.rows[0] if not r.odd or (r.k, r.s, r.d) not in equal],))]


def usual(setting: Setting, question: LayerQuestion) -> tuple[int, ...]:
    """Return the sort key of a setting: common ones come first."""
    k, s, before, after, d, out_pad, word = setting
    span, total = setting.extent, before + after
    not_by_word = question.env.dialect.pads_by_word and word is None and total > 0
    if isinstance(question.layer, TransposedConv):
        return (d, not_by_word, before != after, bool(out_pad), k % s, s, k, total, out_pad or 0)
    if isinstance(question.layer, Pool):
        habit = 0 if (k, total) == (s, 0) else 1 if total == span - 1 else 2 if total == 0 else 3
    else:
        habit = 1 - k % 2 if total == span - 1 else 2 if total == 0 else 3
    return (d, s > span, not_by_word, habit, before != after, s, 1 - k % 2, k, total)


Ranked = tuple[tuple[int, ...], Setting]
"""A setting, preceded by its sort key."""


def _in_order(row: SettingRow, question: LayerQuestion) -> Iterator[Ranked]:
    """Yield the settings of a row in the order of `usual`: padding of half the extent and none, then from the least on.

    Those of a transposed convolution are already in order.
    """
    habits = (row.half, 0) if row.bare is None else ()
    marked = [q for q in habits if q is not None and q in row.before]  # `None in range` searches linearly
    first = [row.setting(q) for q in dict.fromkeys(marked)]
    yield from sorted([(usual(setting, question), setting) for setting in first])
    for q in row.before:
        if q not in marked:
            setting = row.setting(q)
            yield usual(setting, question), setting


def _ordered(found: Iterable[SettingRow], question: LayerQuestion, most: int) -> Iterator[Setting]:
    """Yield the first settings of rows, possibly more, in the order of `usual`, which begins with the dilation."""
    by_dilation: dict[int, list[SettingRow]] = {}
    for row in found:
        by_dilation.setdefault(row.d, []).append(row)
    for d in sorted(by_dilation):
        rows = by_dilation[d]
        if len(rows) > most:  # the rows that begin first have the first settings
            rows = nsmallest(most, rows, key=lambda row: next(_in_order(row, question))[0])
        each = [_in_order(row, question) for row in rows]
        yield from (setting for _, setting in merge(*each, key=itemgetter(0)))


def _combined(choice: RoundedRows, question: LayerQuestion, most: int) -> Iterator[Whole]:
    """Yield a setting for each group of axes: first those that all share, then the others, most common first."""
    fits = _Fits(choice, question)
    for setting in _ordered(_shared(choice.rows), question, most + 1):
        whole = (setting,) * len(choice.rows)
        if fits(whole):
            yield whole
    if len(choice.rows) == 1:
        return
    wide = max(most, 200)
    lists = [[*islice(_ordered(one, question, wide), wide)] for one in choice.rows]
    for parts in _diagonals(lists):
        if len(set(parts)) > 1 and fits(parts):
            yield parts


class _Fits:
    """The test of whether the settings of several axes go together."""

    def __init__(self, choice: RoundedRows, question: LayerQuestion):
        self.bare = choice.bare
        self.strided_dilation = question.layer.strides_dilated(question.env)

    def __call__(self, parts: Iterable[Setting]) -> bool:
        parts = list(parts)
        if self.bare is not None and self.bare == any(one.before or one.after for one in parts):
            return False
        return self.strided_dilation or not (any(one.s > 1 for one in parts) and any(one.d > 1 for one in parts))


def _shared(lists: Sequence[Sequence[SettingRow]]) -> list[SettingRow]:
    """Return the rows of settings that all lists share."""
    shared = list(lists[0])
    for other in lists[1:]:
        kept: list[SettingRow] = []
        index: dict[tuple[Any, ...], list[SettingRow]] = {}
        for row in other:
            index.setdefault((row.k, row.s, row.d, row.odd, row.bare, row.word), []).append(row)
        for row in shared:
            for met in index.get((row.k, row.s, row.d, row.odd, row.bare, row.word), ()):
                low, high = max(row.before.start, met.before.start), min(row.before.stop, met.before.stop)
                if low < high:
                    kept.append(row._replace(before=range(low, high)))
        shared = kept
    return shared


def _diagonals(lists: Sequence[Sequence[Setting]]) -> Iterator[Whole]:
    """Yield a setting from each list, in the order of the sum of their indices."""
    sizes = [len(one) for one in lists]
    for total in range(sum(sizes) - len(sizes) + 1):
        yield from _with_sum(lists, total)


def _with_sum(lists: Sequence[Sequence[Setting]], total: int) -> Iterator[Whole]:
    first, *rest = lists
    if not rest:
        yield (first[total],)
        return
    room = sum(len(one) - 1 for one in rest)
    for at in range(max(0, total - room), min(total, len(first) - 1) + 1):
        for others in _with_sum(rest, total - at):
            yield (first[at], *others)


def _count(choice: RoundedRows, question: LayerQuestion) -> int:
    """Return the number of settings, without listing them."""
    strided_dilation = question.layer.strides_dilated(question.env)
    kinds: list[dict[tuple[bool, bool, bool], int]] = []
    for found in choice.rows:
        kind: dict[tuple[bool, bool, bool], int] = {}
        for row in found:
            padded = len(row.before) - (row.odd == 0 and 0 in row.before)
            for is_padded, number in ((True, padded), (False, len(row.before) - padded)):
                key = (row.s > 1, row.d > 1, is_padded)
                kind[key] = kind.get(key, 0) + number
        kinds.append(kind)
    total = 0
    for keys in product(*kinds):
        strided, dilated, padded_any = [any(marks) for marks in zip(*keys, strict=True)]
        if (strided and dilated and not strided_dilation) or choice.bare is padded_any:
            continue
        number = 1
        for key, kind in zip(keys, kinds, strict=True):
            number *= kind[key]
        total += number
    return total


def layer_of(layers: Sequence[Layer]) -> Windowed:
    """Return the only layer whose settings can be solved for; activations beside it change no size."""
    windowed = [layer for layer in layers if isinstance(layer, Windowed) and {"k", "s", "p"} <= layer.KEYS.keys()]
    others = [layer for layer in layers if layer not in windowed and not layer.KEEPS_SHAPE]
    if len(windowed) == 1 and not others and "out" in windowed[0].KEYS and windowed[0].WORD != "fold":
        return windowed[0]
    if len(layers) == 1:
        what = f"{layers[0].op} has no window to solve for"
        raise SpecError(what, "give a convolution, a transposed convolution or a pool, such as conv:k7,s2")
    raise SpecError(
        f"the settings of one layer can be solved for, but there are {len(layers)}",
        "give one layer; without -i, solve finds the inputs that give --out",
    )


def check_channels(layer: Windowed, c_i: Size, env: Env) -> None:
    """Raise ShapeError for channels and groups that do not go together; UNKNOWN stands for channels not given."""
    if not isinstance(layer, Convolution):
        return
    check_declared(layer.c_i, c_i, (c_i,), env)
    if "c_o" in layer.NEEDED and "c_o" not in layer.given:
        layer = with_keys(layer, {"c_o": layer.g})
    assert isinstance(layer, Convolution)
    layer.kernels(c_i, env)


def read_sizes(sizes: Shape, nd: int, what: str) -> tuple[int, ...]:
    """Return a size per axis from one size for all, or sizes with or without channels in front.

    Raise SpecError otherwise.
    """
    numbers = [size for size in sizes if isinstance(size, int)]
    if len(numbers) < len(sizes):
        raise SpecError(f"{what} has an open size", "give numbers")
    if len(numbers) == 1:
        return (numbers[0],) * nd
    if len(numbers) == nd:
        return tuple(numbers)
    axes = "one axis" if nd == 1 else f"{nd} axes"
    raise SpecError(
        (f"{what} {shown(list(numbers))} has {len(numbers)} sizes for {axes}"), "one size applies to every axis"
    )


def setting_keys(whole: Whole) -> dict[str, Any]:
    """Return a setting as keys of a layer in JSON: one entry per axis, and p_total if the sides differ."""
    keys: dict[str, Any] = {"k": [one.k for one in whole], "s": [one.s for one in whole]}
    words = {one.word for one in whole}
    if all(one.before == one.after for one in whole):
        keys["p"] = [[one.before, one.after] for one in whole]
    elif len(words) == 1 and None not in words:
        keys["p"] = words.pop()
    elif all(one.after - one.before in (0, 1) and one.word is None for one in whole):
        keys["p_total"] = [one.before + one.after for one in whole]
    else:
        keys["p"] = [[one.before, one.after] for one in whole]
    keys["d"] = [one.d for one in whole]
    if whole[0].out_pad is not None and not isinstance(keys.get("p"), str):
        keys["out_pad"] = [one.out_pad for one in whole]
    return keys


def with_keys(layer: Windowed, keys: Mapping[str, Any]) -> Windowed:
    """Return a layer with these keys in place of its own."""
    given = {key: value for key, value in layer.given.items() if key not in ("p", "p_total")}
    return type(layer)(layer.op, layer.nd, {**given, **_tuples(keys)})


def _tuples(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: tuple([tuple(v) if isinstance(v, list) else v for v in value]) if isinstance(value, list) else value
        for key, value in keys.items()
    }
