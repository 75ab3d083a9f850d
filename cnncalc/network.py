"""Layers wired together: what a spec says, before any input is known."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

from .dialects import Dialect
from .errors import CnncalcError, Path, SpecError, Where, nearest, shown
from .layers import Layer
from .order import Entry, misplaced
from .sizes import Open, Shape, to_json

INPUT = -1
"""What a layer reads that reads the network's input."""
MOST_LAYERS = 1_000_000


class Source:
    """Where a network was read from, to say where in it something stands."""

    weights: Mapping[str, Callable[[], Any]] = {}
    """What reads each array that the file itself carries, by its name here."""

    def locate(self, path: Path, key: str | None) -> Where | None:
        """The place of a path, or of the name that stands for `key` there; None where there is no text."""
        raise NotImplementedError


class Node(NamedTuple):
    """A layer in its place."""

    name: str
    layer: Layer
    reads: tuple[int, ...]
    """The indices of the nodes it reads, INPUT for the network's input."""
    origin: int
    """The index of the layer in the spec: several nodes have the same where it is repeated."""
    wired: bool = False
    """Whether the spec says what it reads."""
    expect: Any = None
    """What the spec expects of it, carried along."""
    tie: int | None = None
    """The index of the node whose weights it uses; they are counted once."""

    def label(self) -> str:
        """The layer as errors name it: `layers[2] 'pool1'`."""
        return f"layers[{self.origin}] '{self.name}'"


class Network(NamedTuple):
    """A whole network. Equal to another where both are written as the same spec."""

    nodes: tuple[Node, ...]
    dialect: type[Dialect]
    layout: str | None = None
    """NCHW or NHWC; None for the dialect's own."""
    input: Shape | None = None
    name: str | None = None
    expect: Any = None
    source: Source | None = None
    is_report: bool = False
    """Whether it was read from a report, in which the padding words are worked out for one input."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.to_dict() == other.to_dict()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.name, len(self.nodes), self.input))

    def blame(self, error: CnncalcError, node: Node, within: Sequence[Node] = ()) -> CnncalcError:
        """An error of a layer, with the layer's name and its place in the text; `within` are the blocks around it."""
        if error.layer is None:
            path = (*within, node)
            at = ".".join([f"layers[{one.origin}]" for one in path])
            error.layer = f"{at} '{'.'.join([one.name for one in path])}'"
            if error.where is None and self.source is not None:
                places = [step for one in path for step in ("layers", one.origin)]
                error.where = self.source.locate(tuple(places), error.key)
        return error

    def to_dict(self) -> dict[str, Any]:
        """The spec that reads back as this network: every name written out, only the keys that were given.

        Lists are tuples, which the reader takes, too.
        """
        found: dict[str, Any] = {"cnncalc": 1}
        if self.name is not None:
            found["name"] = self.name
        if self.input is not None:
            found["input"] = to_json(self.input)
        found["dialect"] = self.dialect.name
        if self.layout is not None:
            found["layout"] = self.layout
        found["layers"] = [layer_dict(node, self.nodes) for node in self.nodes]
        if self.expect is not None:
            found["expect"] = self.expect
        return found

    def inlined(self) -> Network:
        """The same network with its blocks' layers in their place, called `block.layer`."""
        if not any(node.layer.NESTS for node in self.nodes):
            return self
        return self._replace(nodes=tuple(_inline(self.nodes)))


def layer_dict(node: Node, nodes: Sequence[Node], values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One layer of the spec, in its place among the nodes, with the values given or resolved."""
    keys = node.layer.given if values is None else values
    found = {"name": node.name, "op": node.layer.op, **{key: _written(value) for key, value in keys.items()}}
    if node.layer.NESTS:
        inner = node.layer.given["layers"]
        assert isinstance(inner, tuple)
        found["layers"] = [layer_dict(one, inner) for one in inner]
    if node.wired:
        names = ["input" if at == INPUT else nodes[at].name for at in node.reads]
        found["from"] = names[0] if len(names) == 1 else names
    if node.tie is not None:
        found["tie"] = nodes[node.tie].name
    if node.expect is not None:
        found["expect"] = node.expect
    return found


def _written(value: Any) -> Any:
    """A value as a spec holds it: open sizes as their letters."""
    has_open = isinstance(value, tuple) and any(isinstance(n, Open) for n in value)
    return to_json(value) if has_open else value


def _inline(nodes: Sequence[Node]) -> list[Node]:
    """Nodes with the layers of blocks in their place: what read a block reads its last layer."""
    found: list[Node] = []
    at: list[int] = []
    """Where each node's result stands in the new list."""
    begins: dict[int, int] = {}
    for index, node in enumerate(nodes):
        reads = tuple([INPUT if read == INPUT else at[read] for read in node.reads])
        if not node.layer.NESTS:
            tie = None if node.tie is None else at[node.tie]
            found.append(node._replace(reads=reads, wired=True, tie=tie))
        else:
            begins[index] = begin = len(found)
            shared = None if node.tie is None else begins[node.tie]
            for inner, one in enumerate(_inline(node.layer.given["layers"])):  # type: ignore[arg-type]
                seen = tuple([reads[0] if read == INPUT else begin + read for read in one.reads])
                tie = shared + inner if shared is not None else None if one.tie is None else begin + one.tie
                found.append(one._replace(name=f"{node.name}.{one.name}", reads=seen, origin=node.origin, tie=tie))
        at.append(len(found) - 1)
    return found


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
    for origin, item in enumerate(layers):
        count += item.times
        if count > MOST_LAYERS:
            what = f"{count:,} layers are more than {MOST_LAYERS:,}"
            raise SpecError(what, "lower times", key="times", path=("layers", origin))
    taken = _taken(layers)
    running: dict[str, int] = {}
    index: dict[str, int] = {"input": INPUT}
    nodes: list[Node] = []
    for origin, item in enumerate(layers):
        wired = item.reads is not None
        reads: tuple[int, ...] = (len(nodes) - 1,)
        if item.reads is not None:
            reads = _find_all(layers, origin, item.reads, index)
        tie = None if item.tie is None else _tied(layers, origin, item.tie, index, nodes)
        for _ in range(item.times):
            if item.name is None or item.times > 1:
                name = _next_name(item.name or item.layer.op, running, taken)
            else:
                name = item.name
            index[name] = len(nodes)
            nodes.append(Node(name, item.layer, reads, origin, wired, item.expect, tie))
            reads, wired = (len(nodes) - 1,), False
        if item.name is not None:
            index[item.name] = len(nodes) - 1  # a repeated layer's own name is its last
    return tuple(nodes)


def _taken(layers: list[Wire]) -> set[str]:
    taken = {"input"}
    for origin, item in enumerate(layers):
        if item.name is None:
            continue
        if item.name in taken:
            why = "is the network's input" if item.name == "input" else "is the name of a layer above"
            raise SpecError(f"{shown(item.name)} {why}", "give each layer a name of its own", path=("layers", origin))
        taken.add(item.name)
    return taken


def _next_name(stem: str, running: dict[str, int], taken: set[str]) -> str:
    number = running.get(stem, 0) + 1
    while f"{stem}{number}" in taken:
        number += 1
    running[stem] = number
    return f"{stem}{number}"


def _find_all(layers: list[Wire], origin: int, names: tuple[str, ...], index: dict[str, int]) -> tuple[int, ...]:
    """The nodes that a layer reads. SpecError for a name that is none, or more names than the op reads."""
    item = layers[origin]
    if len(names) > 1 and not item.layer.JOINS:
        raise SpecError(
            f"from names {len(names)} layers, and {item.layer.op} reads one",
            "join them first, with add, mul or concat",
            key="from",
            path=("layers", origin),
        )
    return tuple([_find(layers, origin, name, "from", index) for name in names])


def _find(layers: list[Wire], origin: int, name: str, key: str, index: dict[str, int]) -> int:
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
        what, help = misplaced(entries, origin, name)
    raise SpecError(f"{key}: {what}", help, key=key, path=("layers", origin))


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


def _tied(layers: list[Wire], origin: int, name: str, index: dict[str, int], nodes: list[Node]) -> int:
    """The node whose weights a layer uses, the first of several. SpecError where it is a layer of another kind."""
    item = layers[origin]
    at = _find(layers, origin, name, "tie", index)
    other = nodes[at] if at != INPUT else None
    if other is None or other.layer.op != item.layer.op:
        what = "the input" if other is None else other.layer.op
        raise SpecError(
            f"tie: {shown(name)} is {what}, and this is {item.layer.op}",
            "weights are shared by layers of the same op",
            key="tie",
            path=("layers", origin),
        )
    return at if other.tie is None else other.tie


def unused_name(stem: str, *taken: Container[str]) -> str:
    """A name, or where it is taken the first of `stem_2`, `stem_3` … that is not."""
    name, number = stem, 1
    while any(name in names for names in taken):
        number += 1
        name = f"{stem}_{number}"
    return name


def no_input() -> SpecError:
    """The error of a network without an input."""
    return SpecError("no input shape", 'put one in front (3x224x224), give -i 3x224x224, or "input" in the spec')
