"""Layers wired together: what a spec says, before any input is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .dialects import Dialect
from .errors import CnncalcError, Path, SpecError, Where
from .layers import Layer
from .sizes import Open, Shape, show, to_json

INPUT = -1
"""What a layer reads that reads the network's input."""


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

    def __repr__(self) -> str:
        name = self.name or f"of {len(self.nodes)} layer{'s' * (len(self.nodes) != 1)}"
        return f"<network {name}{f', input {show(self.input)}' if self.input is not None else ''}>"

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


def no_input() -> SpecError:
    """The error of a network without an input."""
    return SpecError("no input shape", 'put one in front (3x224x224), give -i 3x224x224, or "input" in the spec')
