"""Name layers and connect them: turn a list of layers into nodes, or say in an error what to move.

A layer reads only earlier layers, so a network has no cycles.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import SpecError, nearest, shown
from .layers import OPS, Layer
from .network import INPUT, Node


class Wire(NamedTuple):
    """A layer as read, before it is named and wired."""

    layer: Layer
    name: str | None = None
    reads: tuple[str, ...] | None = None
    """The names that it reads; None for the layer above."""
    times: int = 1
    expect: Any = None
    tie: str | None = None
    trainable: bool = True
    counted: Mapping[str, int] | None = None
    before: tuple[tuple[str, Layer], ...] = ()
    """The layers before it in its group, each with the suffix that its name adds to the layer's."""
    after: tuple[tuple[str, Layer], ...] = ()
    """The layers after it in its group, each with its suffix; others that read the layer by name read the last one."""

    @property
    def first(self) -> Layer:
        """The first layer of its group, which reads what the group reads."""
        return self.before[0][1] if self.before else self.layer


def wire(layers: list[Wire]) -> tuple[Node, ...]:
    """Name the layers and connect them. Raise SpecError for a name given twice, or read before it is given.

    A layer without a name is named by its op and a running number; names that are taken are skipped.
    """
    names = _names(layers)
    made = _Made({name for copies in names for name in copies})

    def find(name: str, key: str) -> int:
        found = made.find(name, key)
        if found is None:
            entries = [Entry(one.name or copies[-1], one.reads) for one, copies in zip(layers, names, strict=True)]
            error = _not_above(entries, at, name, key)
            error.help = error.help or _number_help(item.layer, name)
            raise error
        return found

    for at, (item, copies) in enumerate(zip(layers, names, strict=True)):
        reads: tuple[int, ...] = () if item.layer.SOURCE else (len(made.nodes) - 1,)
        if item.reads is not None:
            if bool(item.reads) is item.layer.SOURCE:
                what = f"{item.layer.op} reads no layer" if item.reads else "from names no layer"
                raise _at(at, "from", what, "remove from")
            if len(item.reads) > 1 and not item.first.JOINS:
                what = f"from names {len(item.reads)} layers, but {item.first.op} reads one"
                raise _at(at, "from", what, "join them first, with add, mul or concat")
            reads = tuple([find(name, "from") for name in item.reads])
        tie = None if item.tie is None else _owner(at, item, find(item.tie, "tie"), made.nodes)
        wired = bool(item.reads)
        for name in copies:
            node = Node(name, item.layer, reads, at, wired, item.expect, tie, item.trainable, item.counted)
            made.add(item, node)
            if not item.layer.SOURCE:
                reads, wired = (len(made.nodes) - 1,), False
        if item.name is not None:  # the name of a repeated layer stands for its last copy
            made.ends[item.name], made.heads[item.name] = made.ends[copies[-1]], made.heads[copies[-1]]
    return tuple(made.nodes)


class _Made:
    """The nodes made so far, and what the names of layers stand for."""

    def __init__(self, taken: set[str]):
        self.taken = taken
        """The names of all layers, without those inside groups."""
        self.nodes: list[Node] = []
        self.ends: dict[str, int] = {"input": INPUT}
        """The node that each layer's name stands for: the end of its group."""
        self.heads: dict[str, int] = {"input": INPUT}
        """The node of each layer itself, whose weights may be shared."""
        self.members: dict[str, int] = {}
        """The other nodes of groups, by their own names."""
        self.counts: dict[str, int] = {}
        """The number of those nodes by the stem of their name."""

    def find(self, name: str, key: str) -> int | None:
        """Return the node that a name in a key stands for; None for a name not given so far."""
        names = self.heads if key == "tie" else self.ends
        return names[name] if name in names else self.members.get(name)

    def add(self, item: Wire, node: Node) -> None:
        """Add the node of a layer, with its group."""
        if not item.before and not item.after:
            self.heads[node.name] = self.ends[node.name] = len(self.nodes)
            self.nodes.append(node)
            return
        for suffix, layer in item.before:
            self._add_member(node, suffix, layer)
            node = node._replace(reads=(len(self.nodes) - 1,), wired=False)
        self.heads[node.name] = len(self.nodes)
        self.nodes.append(node._replace(expect=None) if item.after else node)
        for suffix, layer in item.after:
            self._add_member(node._replace(reads=(len(self.nodes) - 1,), wired=False), suffix, layer)
        if item.after and node.expect is not None:
            self.nodes[-1] = self.nodes[-1]._replace(expect=node.expect)
        self.ends[node.name] = len(self.nodes) - 1

    def _add_member(self, node: Node, suffix: str, layer: Layer) -> None:
        """Add a layer of a group, named like `node` with the suffix."""
        stem = f"{node.name}_{suffix}"
        self.counts[stem] = self.counts.get(stem, 0) + 1
        name = unused_name(stem if self.counts[stem] == 1 else f"{stem}_{self.counts[stem]}", self.taken, self.members)
        self.members[name] = len(self.nodes)
        self.nodes.append(node._replace(name=name, layer=layer, expect=None, tie=None, counted=None))


def _number_help(layer: Layer, name: str) -> str | None:
    """Return how to give a number to a layer whose bare argument is the layer it reads; None if it is a name."""
    key = next((key for key in ("value", "axis") if key in layer.KEYS), None)
    if key is None or not name.lstrip("-").replace(".", "", 1).isdecimal():
        return None
    pool = f"for a pool: {layer.op}pool:{name}, " if f"{layer.op}pool" in OPS else ""
    return f"{pool}for {'a constant' if key == 'value' else 'an axis'}: {layer.op}:{key}={name}"


def _at(at: int, key: str | None, what: str, help: str | None) -> SpecError:
    return SpecError(what, help, key=key, path=("layers", at))


def _names(layers: list[Wire]) -> list[list[str]]:
    """Return the names of each layer, one for each of its copies."""
    taken = {"input"}
    for at, item in enumerate(layers):
        if item.name in taken:
            why = "is the network's input" if item.name == "input" else "is the name of a layer above"
            raise _at(at, None, f"{shown(item.name)} {why}", "give each layer a name of its own")
        if item.name is not None:
            taken.add(item.name)
    running: dict[str, int] = {}
    names = []
    for item in layers:
        own: list[str] = []
        if item.name is not None and item.times == 1:
            own.append(item.name)
        else:
            stem = item.name or item.layer.op
            for _ in range(item.times):
                number = running.get(stem, 0) + 1
                while (name := f"{stem}{number}") in taken:
                    number += 1
                running[stem] = number
                own.append(name)
        names.append(own)
    return names


def _not_above(entries: Sequence[Entry], at: int, name: str, key: str) -> SpecError:
    """Return the error for a name that is not given above, with the cycle, a better order, or the nearest names."""
    names = [entry.name for entry in entries]
    if name not in names:
        others = [other for other in names if other != entries[at].name]
        what, help = f"{shown(name)} is not a layer", nearest(name, [*others, "input"])
    elif key == "tie":
        what, help = f"{shown(name)} comes later", "only the later of the two layers can have tie: move it there"
    else:
        what, help = misplaced(entries, at, name)
    return _at(at, key, f"{key}: {what}", help)


def _owner(at: int, item: Wire, owner: int, nodes: list[Node]) -> int:
    """Return the node whose weights a layer uses, the first of those that share them.

    Raise SpecError if its op differs.
    """
    op = "the input" if owner == INPUT else nodes[owner].layer.op
    if op != item.layer.op:
        what = f"tie: {shown(item.tie)} is {op}, but this is {item.layer.op}"
        raise _at(at, "tie", what, "only layers of the same op share weights")
    tie = nodes[owner].tie
    return owner if tie is None else tie


def unused_name(stem: str, *taken: Container[str], tried: dict[str, int] | None = None) -> str:
    """Return `stem`, or if it is taken, the first of `stem_2`, `stem_3` … that is free.

    `tried` keeps the last number of each stem, so that many names of one stem do not take quadratic time.
    """
    name, number = stem, (tried or {}).get(stem, 1)
    while any(name in names for names in taken):
        number += 1
        name = f"{stem}_{number}"
    if tried is not None:
        tried[stem] = number
    return name


MOST_NAMED = 12
"""The most layers of a cycle or of an order that are named."""


class Entry(NamedTuple):
    """A layer in the list, under the name by which others read it."""

    name: str
    reads: tuple[str, ...] | None
    """The names that it reads; None for the layer above."""


def misplaced(entries: Sequence[Entry], reader: int, wanted: str) -> tuple[str, str]:
    """Return why entry `reader` cannot read `wanted`, which is not before it, and what would help."""
    reads = _reads(entries)
    target = next(at for at, entry in enumerate(entries) if entry.name == wanted)
    cycle = _path(reads, reader, target)
    if cycle is not None:
        names = [entries[at].name for at in (*cycle, cycle[0])]
        what = f"{shown(wanted)} reads itself" if len(cycle) == 1 else f"the layers read each other: {_chain(names)}"
        return what, _cycle_help(entries, cycle)
    return f"{shown(wanted)} comes later", _order_help(entries, reads, reader, target)


def _reads(entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    """Return the indices that each entry reads, without unknown names."""
    index = {entry.name: at for at, entry in enumerate(entries)}
    above = [(), *[(at,) for at in range(len(entries) - 1)]]
    return [
        before if entry.reads is None else tuple([index[name] for name in entry.reads if name in index])
        for entry, before in zip(entries, above, strict=True)
    ]


def _path(reads: Sequence[tuple[int, ...]], start: int, end: int) -> list[int] | None:
    """Return a shortest path from `start` along its readers to `end`, both included; None if there is none."""
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
    """Return `a -> b -> c -> a`, with the middle of a long chain left out."""
    if len(names) > MOST_NAMED:
        half = MOST_NAMED // 2
        names = [*names[:half], f"({len(names) - 2 * half} more)", *names[-half:]]
    return " -> ".join(names)


def _cycle_help(entries: Sequence[Entry], cycle: Sequence[int]) -> str:
    """Return help that names an implicit arrow of a cycle: a layer without `from` reads the previous one."""
    silent = [at for at in cycle if entries[at].reads is None]
    if not silent:
        if len(cycle) == 1:
            return "a layer cannot read itself: name another layer in `from`"
        return "remove one of these names from the `from` of the layer that reads it"
    at = silent[0]
    return f"{shown(entries[at].name)} has no from, so it reads {shown(entries[at - 1].name)} above it: give it a from"


def _order_help(entries: Sequence[Entry], reads: Sequence[tuple[int, ...]], reader: int, target: int) -> str:
    """Return where to move a layer, or the whole order if several layers have to move."""
    if all(at < reader for at in reads[target]):
        moved = f"move {shown(entries[target].name)} above {shown(entries[reader].name)}"
        return f"a layer reads only layers above it: {moved}{_then(entries, reads, target)}"
    order = _sorted(reads)
    if order is None or len(order) > MOST_NAMED:
        moved = f"move {shown(entries[reader].name)} below {shown(entries[target].name)}"
        return f"a layer reads only layers above it: {moved}"
    return f"a layer reads only layers above it: a possible order is {', '.join(entries[at].name for at in order)}"


def _then(entries: Sequence[Entry], reads: Sequence[tuple[int, ...]], target: int) -> str:
    """Return the `from` of each layer that would read a different one once the target is moved."""
    silent = [at for at in (target, target + 1) if at < len(entries) and entries[at].reads is None and reads[at]]
    froms = [f"from={entries[reads[at][0]].name} into {shown(entries[at].name)}" for at in silent]
    return f", and write {' and '.join(froms)}" if froms else ""


def _sorted(reads: Sequence[tuple[int, ...]]) -> list[int] | None:
    """Return the indices sorted so that each comes after what it reads, close to the old order; None for a cycle."""
    from graphlib import CycleError, TopologicalSorter  # imported only for an error, to save start-up time
    from heapq import heappop, heappush

    sorter = TopologicalSorter(dict(enumerate(reads)))
    ready: list[int] = []
    order: list[int] = []
    try:
        sorter.prepare()
    except CycleError:
        return None
    while sorter.is_active():
        for at in sorter.get_ready():
            heappush(ready, at)
        order.append(heappop(ready))
        sorter.done(order[-1])
    return order
