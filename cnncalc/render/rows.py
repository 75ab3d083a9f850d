"""The rows of a report: its layers, or a selection of them in its order."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from ..report import LayerReport, Report
from . import WHOLE, Selection

_NUMBER = r"[._]?\d+"
"""A number in a layer's name: equal blocks differ only in these, so that a run does not begin inside a block."""


class Row(NamedTuple):
    """A row of a report: a layer, or the first of several equal ones folded into one row."""

    report: Report
    name: str
    """The layer's name; `block.layer` for one inside a block."""
    layers: Sequence[LayerReport]
    """The layers it stands for."""
    shares: bool = False
    """Whether it shares the weights of an earlier layer, which count once."""
    kind: Hashable = None
    """A key shared by layers that are equal up to their numbers and fields, if rows are folded."""

    @property
    def layer(self) -> LayerReport:
        """The layer whose figures it shows."""
        return self.layers[0]

    def adds(self, figure: str) -> bool:
        """Return whether a figure counts in the total."""
        return not self.shares or figure in ("macs", "flops")


def rows(report: Report, selection: Selection) -> list[Row]:
    """Return the rows of a report: blocks expanded, equal runs folded, ops filtered, sorted, and cut to the first."""
    if selection == WHOLE and not (report.layers and report.layers[-1].is_cut):
        return [Row(report, layer.name, [layer], layer.node.tie is not None) for layer in report.layers]
    found = list(_opened(report, report.layers, selection.depth))
    if selection.fold:
        places: dict[int, int] = {}
        found = folded([row._replace(kind=(re.sub(_NUMBER, "", row.name), _kind(row.layer, places))) for row in found])
    if selection.only:
        found = [row for row in found if row.layer.op in selection.only]
    if selection.sort is not None:
        from .columns import COLUMNS
        from .grid import ordered

        found = ordered(found, COLUMNS[selection.sort])
    return found[: selection.top]


def _opened(
    report: Report, layers: Sequence[LayerReport], depth: int, within: str = "", shares: bool = False
) -> Iterator[Row]:
    """Yield a row for each layer, with blocks replaced by their layers' rows down to a depth, or if cut short."""
    for layer in layers:
        shared = shares or layer.node.tie is not None
        if layer.is_cut or (layer.inner and depth > 1):
            yield from _opened(report, layer.inner, depth - 1, f"{within}{layer.name}.", shared)
        else:
            yield Row(report, within + layer.name, [layer], shared)


def _kind(layer: LayerReport, places: dict[int, int]) -> Hashable:
    """Return a key that equal layers share: op, keys, shapes, counts, and the distances to the layers they read.

    `places` caches the index of each node among its network's or block's, by its id.
    """
    node = layer.node
    if id(node) not in places:
        places.update({id(one): at for at, one in enumerate(layer.nodes)})
    reads = tuple([places[id(node)] - read for read in node.reads])
    counts = (layer.weights, layer.bias, layer.buffers, layer.macs, node.tie is None)
    inner = tuple([_kind(one, places) for one in layer.inner])
    return layer.op, repr(layer.values), tuple(layer.inputs()), layer.out, counts, reads, inner


def folded(found: Sequence[Row]) -> list[Row]:
    """Return rows with each run of equal blocks (of one or more rows) folded into one block."""
    numbers: dict[Hashable, int] = {}
    kinds = [numbers.setdefault(row.kind, len(numbers)) for row in found]
    result: list[Row] = []
    at = 0
    following = _following(kinds)
    while at < len(found):
        length, times = _run(kinds, at, following)
        for offset in range(length):
            same = found[at + offset : at + length * times : length]
            result.append(same[0]._replace(layers=[row.layer for row in same]))
        at += length * times
    return result


LONGEST_BLOCK = 1000
"""The most rows of a block that is folded."""
MOST_BEGINNINGS = 32
"""The most rows of a block that are like its first row."""


def _following(kinds: Sequence[int]) -> list[int]:
    """Return for each row the index of the next row of the same kind; the number of rows if there is none."""
    next_of: dict[int, int] = {}
    found = [0] * len(kinds)
    for at in range(len(kinds) - 1, -1, -1):
        found[at] = next_of.get(kinds[at], len(kinds))
        next_of[kinds[at]] = at
    return found


def _run(kinds: Sequence[int], at: int, following: Sequence[int]) -> tuple[int, int]:
    """Return the length of the block that begins here and the number of its repetitions.

    Of several, it is the one that folds most. There is none if a later beginning folds as much, so that a block begins
    where its first layer differs from what comes before.
    """
    best, saved = (1, 1), 0
    again, most = following[at], at + min((len(kinds) - at) // 2, LONGEST_BLOCK)
    for _ in range(MOST_BEGINNINGS):
        length = again - at
        if again > most or len(kinds) - at - length <= saved:  # nothing more can be gained after this
            break
        times = _times(kinds, at, length)
        if (times - 1) * length > saved:
            best, saved = (length, times), (times - 1) * length
        again = following[again]
    length, times = best
    return (1, 1) if saved and _times(kinds, at + 1, length) == times else best


def _times(kinds: Sequence[int], at: int, length: int) -> int:
    """Return how often a block is repeated without a gap."""
    block, times = kinds[at : at + length], 1
    while kinds[at + times * length : at + (times + 1) * length] == block:
        times += 1
    return times
