"""Which layer of one network is which of another: by name, then by structure, then by op at the same place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Pair = tuple[int, int]
"""The places of two layers that belong together, in the old network and in the new."""
MOST_EDITS = 128
"""An alignment that needs more insertions and deletions than this is settled so far, and goes on from there: the cost
stays near linear, and what is aligned need no longer be the most that could be."""


class Item(NamedTuple):
    """What a layer is recognised by."""

    name: str
    op: str
    structure: str
    """The op with the keys that are its own."""

    @property
    def is_counted(self) -> bool:
        """Whether the name is the op and a running number, as layers without a name are called."""
        return self.name.startswith(self.op) and self.name[len(self.op) :].isdecimal()


class Match(NamedTuple):
    """The layers that belong together."""

    pairs: list[Pair]
    """In the old network's order."""
    steady: set[Pair]
    """Those of them that are in one order; the others have moved."""


def match(old: Sequence[Item], new: Sequence[Item]) -> Match:
    """The layers that belong together; the other way round it is the mirror image.

    A running number (`conv3`) shifts where a layer is put in above it, so it counts as a name only where no more
    layers differ for it.
    """
    if list(old) > list(new):  # what is as good either way is decided from the same side
        mirror = match(new, old)
        return Match(sorted([(i, j) for j, i in mirror.pairs]), {(i, j) for j, i in mirror.steady})
    pairs = _matched(old, new, counted=True)
    cost = _cost(old, new, pairs)
    if cost:
        shifted = _matched(old, new, counted=False)
        pairs = shifted if _cost(old, new, shifted) < cost else pairs
    return Match(pairs, set(in_order(pairs)))


def _cost(old: Sequence[Item], new: Sequence[Item], pairs: list[Pair]) -> int:
    """How many layers differ: come, gone, changed or moved."""
    changed = sum(old[i].structure != new[j].structure for i, j in pairs)
    return changed + len(old) + len(new) - 2 * len(pairs) + len(pairs) - len(in_order(pairs))


def _matched(old: Sequence[Item], new: Sequence[Item], counted: bool) -> list[Pair]:
    """The pairs, with running numbers taken as names or not."""
    pairs = _by_name(old, new, counted)
    for part in (_by_structure, _by_name_and_op, _by_op):
        gaps = _gaps(old, new, pairs)
        pairs = sorted(pairs + [pair for gap in gaps for pair in part(old, new, gap)])
    return sorted(pairs + _left_over(old, new, pairs))


def _by_name(old: Sequence[Item], new: Sequence[Item], counted: bool) -> list[Pair]:
    places = {item.name: j for j, item in enumerate(new)}
    found = [(i, places[item.name]) for i, item in enumerate(old) if item.name in places]
    return [(i, j) for i, j in found if counted or not (old[i].is_counted and new[j].is_counted)]


def _left_over(old: Sequence[Item], new: Sequence[Item], pairs: list[Pair]) -> list[Pair]:
    """Layers of one name and op that no neighbours hold together: they have moved."""
    olds, news = {i for i, _ in pairs}, {j for _, j in pairs}
    found = _by_name(old, new, counted=True)
    return [(i, j) for i, j in found if i not in olds and j not in news and old[i].op == new[j].op]


Gap = tuple[list[int], list[int]]
"""The places that are free between two matched neighbours, in the old network and in the new."""


def _gaps(old: Sequence[Item], new: Sequence[Item], pairs: list[Pair]) -> Iterator[Gap]:
    """What is free on both sides between each two pairs that are in order."""
    olds, news = {i for i, _ in pairs}, {j for _, j in pairs}
    begin = (-1, -1)
    for end in [*in_order(pairs), (len(old), len(new))]:
        free = [i for i in range(begin[0] + 1, end[0]) if i not in olds]
        places = [j for j in range(begin[1] + 1, end[1]) if j not in news]
        if free and places:
            yield free, places
        begin = end


def _by_structure(old: Sequence[Item], new: Sequence[Item], gap: Gap) -> list[Pair]:
    return _aligned(gap, [old[i].structure for i in gap[0]], [new[j].structure for j in gap[1]])


def _by_name_and_op(old: Sequence[Item], new: Sequence[Item], gap: Gap) -> list[Pair]:
    places = {(new[j].name, new[j].op): j for j in gap[1]}
    found = [(i, places.get((old[i].name, old[i].op))) for i in gap[0]]
    return in_order([(i, j) for i, j in found if j is not None])


def _by_op(old: Sequence[Item], new: Sequence[Item], gap: Gap) -> list[Pair]:
    return _aligned(gap, [old[i].op for i in gap[0]], [new[j].op for j in gap[1]])


def _aligned(gap: Gap, a: list[str], b: list[str]) -> list[Pair]:
    return [(gap[0][x], gap[1][y]) for x, y in align(a, b)]


def in_order(pairs: list[Pair]) -> list[Pair]:
    """The most of these pairs, sorted by their first places, whose second places rise too."""
    lasts: list[int] = []  # of the chain of each length, as low as can be: its last second place
    ends: list[int] = []  # and the index of that pair
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(lasts, j)
        before.append(ends[length - 1] if length else -1)
        if length == len(ends):
            lasts.append(j)
            ends.append(index)
        else:
            lasts[length], ends[length] = j, index
    chain = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def align(a: Sequence[str], b: Sequence[str]) -> list[Pair]:
    """The longest common subsequence as places in both (nearly the longest where the two have little in common)."""
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    common = {*a[start : len(a) - end]} & {*b[start : len(b) - end]}
    xs = [i for i in range(start, len(a) - end) if a[i] in common]
    ys = [j for j in range(start, len(b) - end) if b[j] in common]
    found = [(i, i) for i in range(start)]
    found += [(xs[x], ys[y]) for x, y in _common([a[i] for i in xs], [b[j] for j in ys])]
    return found + [(len(a) - k, len(b) - k) for k in range(end, 0, -1)]


def _common(a: Sequence[str], b: Sequence[str]) -> list[Pair]:
    found: list[Pair] = []
    at = (0, 0)
    while at[0] < len(a) and at[1] < len(b):
        stretch, at = _stretch(a, b, at)
        found += stretch
    return found


def _stretch(a: Sequence[str], b: Sequence[str], start: Pair) -> tuple[list[Pair], Pair]:
    """Myers' greedy alignment from `start` on, to the end of both or as far as MOST_EDITS lead; and where that is.

    `far[k]` is the furthest place in `a` on the diagonal x - y = k (Myers, An O(ND) difference algorithm, 1986).
    """
    x0, y0 = start
    n, m = len(a) - x0, len(b) - y0
    far: dict[int, int] = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(MOST_EDITS + 1):
        history.append(far.copy())
        for k in range(-edits, edits + 1, 2):
            x = far[k + 1] if _goes_down(far, k, edits) else far[k - 1] + 1
            while x < n and 0 <= x - k < m and a[x0 + x] == b[y0 + x - k]:
                x += 1
            far[k] = x
            if x >= n and x - k >= m:
                return _walk_back(history, (x, k), start), (len(a), len(b))
    k = max((k for k in far if far[k] <= n and far[k] - k <= m), key=lambda k: (2 * far[k] - k, k))
    if (MOST_EDITS - k) % 2:  # the far end of an even diagonal is an edit older
        history.pop()
    return _walk_back(history, (far[k], k), start), (x0 + far[k], y0 + far[k] - k)


def _goes_down(far: dict[int, int], k: int, edits: int) -> bool:
    return k == -edits or (k != edits and far[k - 1] < far[k + 1])


def _walk_back(history: list[dict[int, int]], end: Pair, start: Pair) -> list[Pair]:
    """The places that are equal on the way to `end`, a place in `a` and its diagonal."""
    x, k = end
    found: list[Pair] = []
    for edits in range(len(history) - 1, -1, -1):
        far = history[edits]
        down = _goes_down(far, k, edits)
        before = k + 1 if down else k - 1
        begin = 0 if edits == 0 else far[before] if down else far[before] + 1
        while x > begin:
            x -= 1
            found.append((start[0] + x, start[1] + x - k))
        if edits:
            k, x = before, far[before]
    return found[::-1]
