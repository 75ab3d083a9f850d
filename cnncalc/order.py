"""Which layer has to stand above which: why a list of layers is in no order in which it could be computed."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from .errors import shown

MOST_NAMED = 12
"""How many layers of a cycle, or of an order, are named."""


class Entry(NamedTuple):
    """A layer in the list: its name, and what it reads by name."""

    name: str
    reads: tuple[str, ...] | None
    """None where the spec does not say: the layer above."""


def misplaced(entries: Sequence[Entry], reader: int, wanted: str) -> tuple[str, str]:
    """Why entry `reader` cannot read `wanted`, which does not stand above it, and what would mend it."""
    reads = _reads(entries)
    target = next(at for at, entry in enumerate(entries) if entry.name == wanted)
    cycle = _path(reads, reader, target)
    if cycle is not None:
        names = [entries[at].name for at in (*cycle, cycle[0])]
        what = f"{shown(wanted)} reads itself" if len(cycle) == 1 else f"the layers read each other: {_chain(names)}"
        return what, _cycle_help(entries, cycle)
    return f"{shown(wanted)} stands below", _order_help(entries, reads, reader, target)


def _reads(entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    """The indices that each entry reads; names that are no layer's are left out."""
    index = {entry.name: at for at, entry in enumerate(entries)}
    found: list[tuple[int, ...]] = []
    for at, entry in enumerate(entries):
        above = (at - 1,) if at else ()
        found.append(above if entry.reads is None else tuple([index[name] for name in entry.reads if name in index]))
    return found


def _path(reads: Sequence[tuple[int, ...]], start: int, end: int) -> list[int] | None:
    """A shortest way along which what `start` gives reaches `end`, both included; None where there is none."""
    onward: dict[int, int] = {end: end}
    waiting = [end]
    for at in waiting:
        if at == start:
            path = [start]
            while path[-1] != end:
                path.append(onward[path[-1]])
            return path
        for read in reads[at]:
            if read not in onward:
                onward[read] = at
                waiting.append(read)
    return None


def _chain(names: list[str]) -> str:
    """`a -> b -> c -> a`, the middle of a long one left out."""
    if len(names) > MOST_NAMED:
        half = MOST_NAMED // 2
        names = [*names[:half], f"({len(names) - 2 * half} more)", *names[-half:]]
    return " -> ".join(names)


def _cycle_help(entries: Sequence[Entry], cycle: Sequence[int]) -> str:
    """Which arrows of a cycle nobody wrote: a layer without `from` reads the one above it."""
    silent = [at for at in cycle if entries[at].reads is None]
    if not silent:
        return "take one of them out of another's from"
    at = silent[0]
    return f"{shown(entries[at].name)} has no from, and so reads {shown(entries[at - 1].name)} above it: write its from"


def _order_help(entries: Sequence[Entry], reads: Sequence[tuple[int, ...]], reader: int, target: int) -> str:
    """Where to put what stands below, or the whole order where more than that has to move."""
    if all(at < reader for at in reads[target]):
        moved = f"move {shown(entries[target].name)} above {shown(entries[reader].name)}"
        return f"a layer reads what stands above it: {moved}{_then(entries, reads, target)}"
    order = _sorted(reads)
    if order is None or len(order) > MOST_NAMED:
        moved = f"move {shown(entries[reader].name)} below {shown(entries[target].name)}"
        return f"a layer reads what stands above it: {moved}"
    return f"a layer reads what stands above it: the order could be {', '.join(entries[at].name for at in order)}"


def _then(entries: Sequence[Entry], reads: Sequence[tuple[int, ...]], target: int) -> str:
    """What would no more read the layer above it, once the target is gone from where it is."""
    silent = [at for at in (target, target + 1) if at < len(entries) and entries[at].reads is None and reads[at]]
    froms = [f"from={entries[reads[at][0]].name} into {shown(entries[at].name)}" for at in silent]
    return f", and write {' and '.join(froms)}" if froms else ""


def _sorted(reads: Sequence[tuple[int, ...]]) -> list[int] | None:
    """The indices so that each stands below what it reads, near the old order; None where there is a cycle."""
    missing = [len(set(each)) for each in reads]
    readers: list[list[int]] = [[] for _ in reads]
    for at, each in enumerate(reads):
        for read in set(each):
            readers[read].append(at)
    ready = [at for at, count in enumerate(missing) if not count]
    order: list[int] = []
    while ready:
        order.append(heappop(ready))
        for at in readers[order[-1]]:
            missing[at] -= 1
            if not missing[at]:
                heappush(ready, at)
    return order if len(order) == len(reads) else None
