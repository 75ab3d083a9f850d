"""The layout of a network's picture: each layer has its own row, and is placed in a lane.

A layer is below what it reads, in the same lane if it continues a chain. A further reader of the same value begins a
chain in a neighboring lane, and a value that is read again further down is carried there in its own lane. Every line
of a picture is an `Edge`: from the source along its row to the edge's lane, down the lane to the target's row, and
along that row to the target.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import printable
from ...limits import FEWER_LAYERS, MOST_DRAWN, check_limit
from ...network import INPUT
from ...report import LayerReport, Report
from ...sizes import show
from .. import Selection
from ..columns import op_text
from ..rows import Row, rows

_FEWER = f"--fold draws a run of equal layers once; {FEWER_LAYERS}"
MOST_FORKS = 8
"""The most chains from the same value that have their own lanes; further ones branch off from one lane."""


class PictureNode(NamedTuple):
    """A row of a picture: the input, a layer, or the first of several equal layers that are folded."""

    name: str
    """The printable name; `block.layer` for a layer inside a block."""
    row: Row | None
    """The row of the report; None for the input."""
    reads: tuple[int, ...]
    """The nodes that it reads, without repetitions."""
    shape: str
    """The shape of its output, as text."""
    is_output: bool = False
    """Whether it is an output of the network."""

    @property
    def is_input(self) -> bool:
        """Whether it is the network's first input or another one."""
        return self.row is None or self.row.layer.op == "input"

    @property
    def op(self) -> str:
        """The op with the keys that differ from their defaults; empty for the input."""
        return "" if self.row is None else printable(op_text(self.row.layer))

    @property
    def times(self) -> int:
        """The number of equal layers it stands for."""
        return 1 if self.row is None else len(self.row.layers)


def picture_nodes(report: Report, selection: Selection) -> list[PictureNode]:
    """Return the rows of a network's picture, input first, with blocks expanded to a depth and runs folded if wanted.

    Raise SpecError for too many rows.
    """
    found = rows(report, Selection(depth=selection.depth, fold=selection.fold))
    check_limit(MOST_DRAWN, len(found), "the picture has {made:,} rows, more than {most:,}", _FEWER)
    wires: dict[int, tuple[int, ...]] = {}
    _connect(report.layers, (INPUT,), selection.depth, wires)
    place = {id(layer): at for at, row in enumerate(found) for layer in row.layers}
    reads = [list(dict.fromkeys([place.get(one, INPUT) for one in wires[id(row.layer)]])) for row in found]
    has_input = any(INPUT in own for own in reads) or not found
    shift = 1 if has_input else 0
    outputs = {place[_last(layer, selection.depth)] for layer in (report.outputs() if report.layers else ())}
    begin = [PictureNode("input", None, (), show(report.network.input or report.sample))] if has_input else []
    return begin + [
        PictureNode(printable(row.name), row, tuple([at + shift for at in own]), show(row.layer.out), here in outputs)
        for here, (row, own) in enumerate(zip(found, reads, strict=True))
    ]


def _connect(
    layers: Sequence[LayerReport], outside: tuple[int, ...], depth: int, wires: dict[int, tuple[int, ...]]
) -> None:
    """Fill in what each layer with a row reads, by layer ids; `outside` is what a block reads."""
    for layer in layers:
        sources = [outside if at == INPUT else (_last(layers[at], depth),) for at in layer.node.reads]
        reads = tuple([one for some in sources for one in some])
        if _opens(layer, depth):
            _connect(layer.inner, reads, depth - 1, wires)
        else:
            wires[id(layer)] = reads


def _opens(layer: LayerReport, depth: int) -> bool:
    """Return whether a block is shown as its layers, as in tables."""
    return layer.is_cut or (bool(layer.inner) and depth > 1)


def _last(layer: LayerReport, depth: int) -> int:
    """Return the id of the layer that produces a layer's output: the last one in an expanded block."""
    while _opens(layer, depth):
        layer, depth = layer.inner[-1], depth - 1
    return id(layer)


class Edge(NamedTuple):
    """A line from one row to another."""

    source: int
    target: int
    lane: int | None
    """The lane it runs down; None if there are too many lanes, so that its source is named instead."""


class Lanes(NamedTuple):
    """The lanes of a picture."""

    lanes: tuple[int, ...]
    """The lane of each row's layer."""
    edges: tuple[Edge, ...]
    """The lines, ordered by target and, for one target, by the order in which it reads."""

    @property
    def width(self) -> int:
        """The number of lanes."""
        return 1 + max([*self.lanes, *(edge.lane for edge in self.edges if edge.lane is not None)], default=-1)


class _Chain:
    """Consecutive layers, each reading the one before; or, without rows, a value that is carried down."""

    __slots__ = ("begin", "end", "lane", "parent", "rows")

    def __init__(self, begin: int, parent: _Chain | None = None):
        self.begin, self.end = begin, begin
        """The first and last row of its lane."""
        self.parent = parent
        """The chain it branches off from."""
        self.rows: list[int] = []
        self.lane: int | None = None


def lay_out(reads: Sequence[Sequence[int]], most: int | None = None) -> Lanes:
    """Return the lanes of rows that read rows above them: at most `most` (at least two), if given.

    Rows that need more lanes are placed in the last lane, and their edges have no lane.
    """
    chains, ways = _chains(reads)
    _place(chains, most)
    if any(chain.lane is None for chain in chains):
        assert most is not None
        _place(chains, most - 1)
    lanes = [0] * len(reads)
    for chain in chains:
        for row in chain.rows:
            assert most is not None or chain.lane is not None
            lanes[row] = (most or 0) - 1 if chain.lane is None else chain.lane
    edges = []
    for target, own in enumerate(reads):
        for source in own:
            lane = ways[source, target].lane if (source, target) in ways else None
            is_near = source + 1 == target and lanes[source] == lanes[target]
            edges.append(Edge(source, target, lanes[target] if lane is None and is_near else lane))
    return Lanes(tuple(lanes), tuple(edges))


def _chains(reads: Sequence[Sequence[int]]) -> tuple[list[_Chain], dict[tuple[int, int], _Chain]]:
    """Return the chains of rows and of carried values, and the chain in whose lane each edge runs."""
    chains: list[_Chain] = []
    owner: list[_Chain] = []
    """The chain of each row."""
    ways: dict[tuple[int, int], _Chain] = {}
    continued, forks = [False] * len(reads), [0] * len(reads)
    for row, own in enumerate(reads):
        main = min(own, key=lambda source: (continued[source], owner[source].rows[0]), default=None)
        if main is not None and not continued[main]:
            chain = owner[main]
            continued[main] = True
        else:
            if main is not None:
                forks[main] += 1
                main = main if forks[main] <= MOST_FORKS else None
            chain = _Chain(row) if main is None else _Chain(main, owner[main])
            chains.append(chain)
        if main is not None:
            ways[main, row] = chain
        chain.rows.append(row)
        chain.end = row
        owner.append(chain)
    carried: dict[int, _Chain] = {}
    for target, own in enumerate(reads):
        for source in own:
            if (source, target) in ways:
                continue
            chain = owner[source]
            if continued[source]:
                if source not in carried:
                    carried[source] = _Chain(source, chain)
                    chains.append(carried[source])
                chain = carried[source]
            chain.end = max(chain.end, target)
            ways[source, target] = chain
    return chains, ways


def _place(chains: Sequence[_Chain], most: int | None) -> None:
    """Assign lanes to chains: next to the chain they branch off from, shorter ones nearer."""
    branches: dict[int, list[_Chain]] = {}
    for chain in chains:
        chain.lane = None
        branches.setdefault(id(chain.parent), []).append(chain)
    waiting = branches.get(id(None), [])[::-1]
    taken: list[list[tuple[int, int]]] = []
    """The ranges of rows in which each lane is taken, in order."""
    while waiting:
        chain = waiting.pop()
        beside = 0 if chain.parent is None or chain.parent.lane is None else chain.parent.lane + 1
        span = (chain.begin, chain.end)
        for lane in [*range(beside, len(taken) + 1), *range(min(beside, len(taken)))]:
            if lane == most:
                continue
            if lane == len(taken):
                taken.append([])
            at = bisect_left(taken[lane], span)
            is_free = at == 0 or taken[lane][at - 1][1] < span[0]
            if is_free and (at == len(taken[lane]) or taken[lane][at][0] > span[1]):
                taken[lane].insert(at, span)
                chain.lane = lane
                break
        waiting += sorted(branches.get(id(chain), []), key=_farthest_first)


def _farthest_first(chain: _Chain) -> tuple[int, int, int]:
    """Return the sort key of chains that branch off from one chain: longest first, then the later one first."""
    return chain.begin - chain.end, -chain.begin, -min(chain.rows, default=chain.end)
