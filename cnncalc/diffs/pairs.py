"""Match the layers of two networks: by name, then by structure, then by op at the same place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Pair = tuple[int, int]
"""The indices of two matching layers, in the old and in the new network."""
MOST_EDITS = 128
"""The most insertions and deletions after which an alignment is fixed and continued from there: the cost stays nearly
linear, but the alignment need not be the longest."""


class Item(NamedTuple):
    """The identity of a layer."""

    name: str
    op: str
    structure: str
    """The op with the layer's own keys."""

    @property
    def is_counted(self) -> bool:
        """Return whether the name is the op and a running number, the default name."""
        return self.name.startswith(self.op) and self.name[len(self.op) :].isdecimal()


class Match(NamedTuple):
    """The matching layers of two networks."""

    pairs: list[Pair]
    """The pairs, in the old network's order."""
    steady: set[Pair]
    """The pairs in the same order in both networks; the others have moved."""


def match(old: Sequence[Item], new: Sequence[Item]) -> Match:
    """Match the layers of two networks. Exchanging the networks mirrors the result.

    A running number (`conv3`) shifts if an earlier layer is inserted, so it counts as a name only if that does not make
    more layers differ.
    """
    if list(old) > list(new):  # decide ties from the same side
        mirror = match(new, old)
        return Match(sorted([(i, j) for j, i in mirror.pairs]), {(i, j) for j, i in mirror.steady})
    pairs = _matched(old, new, counted=True)
    cost = _cost(old, new, pairs)
    if cost:
        shifted = _matched(old, new, counted=False)
        pairs = shifted if _cost(old, new, shifted) < cost else pairs
    return Match(pairs, set(in_order(pairs)))


def _cost(old: Sequence[Item], new: Sequence[Item], pairs: list[Pair]) -> int:
    """Count the layers that differ: added, removed, changed or moved."""
    changed = sum(old[i].structure != new[j].structure for i, j in pairs)
    return changed + len(old) + len(new) - 2 * len(pairs) + len(pairs) - len(in_order(pairs))


def _matched(old: Sequence[Item], new: Sequence[Item], counted: bool) -> list[Pair]:
    """Return the pairs, with running numbers taken as names or not."""
    places = {item.name: j for j, item in enumerate(new)}
    named = [(i, places[item.name]) for i, item in enumerate(old) if item.name in places]
    pairs = [(i, j) for i, j in named if counted or not (old[i].is_counted and new[j].is_counted)]
    for part in (_aligned("structure"), _by_name_and_op, _aligned("op")):
        gaps = _gaps(old, new, pairs)
        pairs = sorted(pairs + [pair for gap in gaps for pair in part(old, new, gap)])
    olds, news = {i for i, _ in pairs}, {j for _, j in pairs}
    free = [(i, j) for i, j in named if i not in olds and j not in news]
    return sorted(pairs + [(i, j) for i, j in free if old[i].op == new[j].op])  # these have moved


Gap = tuple[list[int], list[int]]
"""The unmatched indices between two neighboring pairs, in the old network and in the new one."""


def _gaps(old: Sequence[Item], new: Sequence[Item], pairs: list[Pair]) -> Iterator[Gap]:
    """Yield the unmatched indices of both networks between successive pairs that are in order."""
    olds, news = {i for i, _ in pairs}, {j for _, j in pairs}
    begin = (-1, -1)
    for end in [*in_order(pairs), (len(old), len(new))]:
        free = [i for i in range(begin[0] + 1, end[0]) if i not in olds]
        places = [j for j in range(begin[1] + 1, end[1]) if j not in news]
        if free and places:
            yield free, places
        begin = end


def _by_name_and_op(old: Sequence[Item], new: Sequence[Item], gap: Gap) -> list[Pair]:
    places = {(new[j].name, new[j].op): j for j in gap[1]}
    named = [(i, places.get((old[i].name, old[i].op))) for i in gap[0]]
    return in_order([(i, j) for i, j in named if j is not None])


def _aligned(field: str) -> Callable[[Sequence[Item], Sequence[Item], Gap], list[Pair]]:
    """Return a function that matches the layers of a gap in order, by one field of their items."""

    def part(old: Sequence[Item], new: Sequence[Item], gap: Gap) -> list[Pair]:
        a, b = [getattr(old[i], field) for i in gap[0]], [getattr(new[j], field) for j in gap[1]]
        return [(gap[0][x], gap[1][y]) for x, y in align(a, b)]

    return part


def in_order(pairs: list[Pair]) -> list[Pair]:
    """Return the longest subsequence of these pairs, sorted by first index, in which the second indices increase."""
    lasts: list[int] = []  # the smallest last second index of a chain of each length
    ends: list[int] = []  # the index of that pair
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
    """Return the longest common subsequence as pairs of indices; nearly the longest if there is little in common."""
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    common = {*a[start : len(a) - end]} & {*b[start : len(b) - end]}
    xs = [i for i in range(start, len(a) - end) if a[i] in common]
    ys = [j for j in range(start, len(b) - end) if b[j] in common]
    middle: list[Pair] = []
    at = (0, 0)
    a_middle, b_middle = [a[i] for i in xs], [b[j] for j in ys]
    while at[0] < len(xs) and at[1] < len(ys):
        stretch, at = _stretch(a_middle, b_middle, at)
        middle += [(xs[x], ys[y]) for x, y in stretch]
    return [(i, i) for i in range(start)] + middle + [(len(a) - k, len(b) - k) for k in range(end, 0, -1)]


def _stretch(a: Sequence[str], b: Sequence[str], start: Pair) -> tuple[list[Pair], Pair]:
    """Align greedily from `start` to the end of both, or as far as MOST_EDITS allows; return the pairs and the end.

    `far[k]` is the furthest index in `a` on the diagonal x - y = k (Myers, An O(ND) difference algorithm, 1986).
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
    if (MOST_EDITS - k) % 2:  # the far end of an even diagonal is one edit older
        history.pop()
    return _walk_back(history, (far[k], k), start), (x0 + far[k], y0 + far[k] - k)


def _goes_down(far: dict[int, int], k: int, edits: int) -> bool:
    return k == -edits or (k != edits and far[k - 1] < far[k + 1])


def _walk_back(history: list[dict[int, int]], end: Pair, start: Pair) -> list[Pair]:
    """Return the matches on the way to `end`, which is an index in `a` and its diagonal."""
    x, k = end
    pairs: list[Pair] = []
    for edits in range(len(history) - 1, -1, -1):
        far = history[edits]
        down = _goes_down(far, k, edits)
        before = k + 1 if down else k - 1
        begin = 0 if edits == 0 else far[before] if down else far[before] + 1
        while x > begin:
            x -= 1
            pairs.append((start[0] + x, start[1] + x - k))
        if edits:
            k, x = before, far[before]
    return pairs[::-1]
