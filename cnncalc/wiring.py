"""Layers named and connected: what a list of layers says becomes nodes, or the error says what to move.

A layer reads only what stands above it, so a network is acyclic by its form.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

from .errors import SpecError, nearest, shown
from .layers import Layer
from .network import INPUT, Node

MOST_LAYERS = 1_000_000


class Wire(NamedTuple):
    """A layer as it was read, before it is named and wired."""

    layer: Layer
    name: str | None = None
    reads: tuple[str, ...] | None = None
    times: int = 1
    expect: Any = None
    tie: str | None = None


def wire(layers: list[Wire]) -> tuple[Node, ...]:
    """Name the layers and connect them. SpecError for a name given twice, or read and not there above.

    Layers without a name are called by their op and its running number, names already taken skipped.
    """
    count = 0
    for at, item in enumerate(layers):
        count += item.times
        if count > MOST_LAYERS:
            what = f"{count:,} layers are more than {MOST_LAYERS:,}"
            raise SpecError(what, "lower times", key="times", path=("layers", at))
    taken = _taken(layers)
    running: dict[str, int] = {}
    index: dict[str, int] = {"input": INPUT}
    nodes: list[Node] = []
    for at, item in enumerate(layers):
        wired = item.reads is not None
        reads: tuple[int, ...] = (len(nodes) - 1,)
        if item.reads is not None:
            reads = _find_all(layers, at, item.reads, index)
        tie = None if item.tie is None else _tied(layers, at, item.tie, index, nodes)
        for _ in range(item.times):
            if item.name is None or item.times > 1:
                name = _next_name(item.name or item.layer.op, running, taken)
            else:
                name = item.name
            index[name] = len(nodes)
            nodes.append(Node(name, item.layer, reads, at, wired, item.expect, tie))
            reads, wired = (len(nodes) - 1,), False
        if item.name is not None:
            index[item.name] = len(nodes) - 1  # a repeated layer's own name is its last
    return tuple(nodes)


def _taken(layers: list[Wire]) -> set[str]:
    taken = {"input"}
    for at, item in enumerate(layers):
        if item.name is None:
            continue
        if item.name in taken:
            why = "is the network's input" if item.name == "input" else "is the name of a layer above"
            raise SpecError(f"{shown(item.name)} {why}", "give each layer a name of its own", path=("layers", at))
        taken.add(item.name)
    return taken


def _next_name(stem: str, running: dict[str, int], taken: set[str]) -> str:
    number = running.get(stem, 0) + 1
    while f"{stem}{number}" in taken:
        number += 1
    running[stem] = number
    return f"{stem}{number}"


def _find_all(layers: list[Wire], at: int, names: tuple[str, ...], index: dict[str, int]) -> tuple[int, ...]:
    """The nodes that a layer reads. SpecError for a name that is none, or more names than the op reads."""
    item = layers[at]
    if len(names) > 1 and not item.layer.JOINS:
        raise SpecError(
            f"from names {len(names)} layers, and {item.layer.op} reads one",
            "join them first, with add, mul or concat",
            key="from",
            path=("layers", at),
        )
    return tuple([_find(layers, at, name, "from", index) for name in names])


def _find(layers: list[Wire], at: int, name: str, key: str, index: dict[str, int]) -> int:
    """The node of a name. SpecError that names the cycle, or what would mend the order, or the nearest names."""
    if name in index:
        return index[name]
    entries = _entries(layers)
    names = [entry.name for entry in entries]
    if name not in names:
        what, help = f"{shown(name)} is no layer", nearest(name, [*names, "input"])
    elif key == "tie":
        what, help = (
            f"{shown(name)} stands below",
            "tie is for the later of the two: give it to the other layer",
        )
    else:
        what, help = misplaced(entries, at, name)
    raise SpecError(f"{key}: {what}", help, key=key, path=("layers", at))


def _entries(layers: list[Wire]) -> list[Entry]:
    """Every layer by the name that others read it by: of one that is repeated, its last."""
    taken, running = _taken(layers), dict[str, int]()
    found = []
    for item in layers:
        name = item.name
        if name is None or item.times > 1:
            for _ in range(item.times):
                last = _next_name(name or item.layer.op, running, taken)
            name = name or last
        found.append(Entry(name, item.reads))
    return found


def _tied(layers: list[Wire], at: int, name: str, index: dict[str, int], nodes: list[Node]) -> int:
    """The node whose weights a layer uses, the first of several. SpecError where it is a layer of another kind."""
    item = layers[at]
    owner = _find(layers, at, name, "tie", index)
    other = nodes[owner] if owner != INPUT else None
    if other is None or other.layer.op != item.layer.op:
        what = "the input" if other is None else other.layer.op
        raise SpecError(
            f"tie: {shown(name)} is {what}, and this is {item.layer.op}",
            "weights are shared by layers of the same op",
            key="tie",
            path=("layers", at),
        )
    return owner if other.tie is None else other.tie


def unused_name(stem: str, *taken: Container[str]) -> str:
    """A name, or where it is taken the first of `stem_2`, `stem_3` … that is not."""
    name, number = stem, 1
    while any(name in names for names in taken):
        number += 1
        name = f"{stem}_{number}"
    return name


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
