"""A network: layers wired together as a spec says, before any input is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .dialects import Dialect
from .errors import CnncalcError, Path, SpecError, Where
from .layers import Layer
from .sizes import Open, Shape, show, to_json

INPUT = -1
"""The index of the network's input in what a layer reads."""


class Origin:
    """The source of a network, which knows the place of each layer and key."""

    weights: Mapping[str, Callable[[], Any]] = {}
    """The arrays that the file itself holds: for each name here, the function that reads the array."""
    model: Any = None
    """The model in the document of another framework; None for a spec."""
    bind: Callable[[Mapping[str, Shape]], Network] | None = None
    """The function that returns the network as its file defines it for inputs of these sizes, the first one under
    `input`; None if the network is the same for all sizes."""
    built_in = False
    """Whether the network comes with cnncalc."""
    annotate: Callable[[Mapping[str, Shape]], Any] | None = None
    """The function that returns the source code annotated with shapes, as `text` and `error`; None without code."""
    unread: bool = False
    """Whether the network holds only its inputs so far: `bind` reads the rest, with no sizes for open ones."""
    notes: tuple[str, ...] = ()
    """Remarks on the file, for example where it contradicts itself."""
    functions: frozenset[str] = frozenset()
    """The layers that PyTorch code computes by functions rather than modules."""
    stored: Callable[..., dict[str, Any]] | None = None
    """The function that returns the arrays of a module's layers from its `state_dict`; None without a module."""
    is_typed = False
    """Whether the source is layer words as somebody typed them."""

    @property
    def is_fixed(self) -> bool:
        """Return whether a framework wrote the layers, with arrays or a model, rather than source code."""
        return self.annotate is None and (self.model is not None or bool(self.weights))

    def with_argument(self, layer: int, key: str, value: int) -> str:  # noqa: ARG002 - words show their layer
        """Return how a layer of the spec is written with this key added."""
        return f'"{key}": {value}'

    def with_factor(self, layer: int, factor: int) -> str:  # noqa: ARG002
        """Return how an upsampling whose `out` is this number is written with the number as its factor."""
        return f'"factor": {factor}'

    def locate(self, path: Path, key: str | None) -> Where | None:
        """Return the place of a path, or of the key there; None if there is no text."""
        raise NotImplementedError


class Node(NamedTuple):
    """A layer in its place in the network."""

    name: str
    layer: Layer
    reads: tuple[int, ...]
    """The indices of the nodes it reads; INPUT for the network's input."""
    spec_index: int
    """The index of its layer in the spec, which the copies of a repeated layer share."""
    wired: bool = False
    """Whether the spec states what it reads."""
    expect: Any = None
    """The figures that the spec expects of it, which `cnncalc check` tests."""
    tie: int | None = None
    """The index of the node whose weights it shares; they are counted once."""
    trainable: bool = True
    """Whether its weights are trained; those of a frozen layer stay as they are."""
    counted: Mapping[str, int] | None = None
    """The `weights`, `bias` and `buffers` that its arrays count as, if that differs from what they hold."""

    def label(self) -> str:
        """Return the layer as errors name it: `layers[2] 'pool1'`."""
        return f"layers[{self.spec_index}] '{self.name}'"


class Network(NamedTuple):
    """A whole network. Two networks are equal if they are written as the same spec."""

    nodes: tuple[Node, ...]
    dialect: type[Dialect]
    layout: str | None = None
    """NCHW or NHWC; None for the dialect's own."""
    input: Shape | None = None
    name: str | None = None
    expect: Any = None
    source: Origin | None = None
    """Where the network was read from."""
    is_report: bool = False
    """Whether it was read from a report, whose padding words are resolved for one input."""
    sample_axes: int | None = None
    """The number of axes of an input sample, if the spec states it rather than its layers."""
    unused: Mapping[str, Any] | None = None
    """The parameters and buffers of the source module that the network does not use: how many, and where."""
    names: Mapping[str, Any] | None = None
    """The names in its file for the first `input` and for the `outputs`, the first one first."""

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
        """Add a layer's name and place to an error and return the error; `within` has the blocks around the layer."""
        if error.layer is None:
            nodes = (*within, node)
            indices = ".".join([f"layers[{one.spec_index}]" for one in nodes])
            error.layer = f"{indices} '{'.'.join([one.name for one in nodes])}'"
            if error.where is None and self.source is not None:
                path = [step for one in nodes for step in ("layers", one.spec_index)]
                error.where = self.source.locate(tuple(path), error.key)
        return error

    def head(self) -> dict[str, Any]:
        """Return the keys of the spec before its layers, as JSON, without those that have no value."""
        head: dict[str, Any] = {"cnncalc": 1}
        if self.name is not None:
            head["name"] = self.name
        if self.input is not None:
            head["input"] = to_json(self.input)
        if self.sample_axes is not None:
            head["sample_axes"] = self.sample_axes
        if self.unused is not None:
            head["unused"] = self.unused
        if self.names is not None:
            head["names"] = self.names
        head["dialect"] = self.dialect.name
        if self.layout is not None:
            head["layout"] = self.layout
        return head

    def to_dict(self) -> dict[str, Any]:
        """Return the spec that reads back as this network: every name written out, but only the keys that were given.

        Lists are tuples; `load` takes both.
        """
        layers = [layer_dict(node, self.nodes) for node in self.nodes]
        return {**self.head(), "layers": layers, **({} if self.expect is None else {"expect": self.expect})}

    @property
    def layer_count(self) -> int:
        """The number of layers, those of blocks included."""
        return _count(self.nodes)

    def outputs(self) -> dict[str, str]:
        """Return the layer of each output by the output's name, the last layer first."""
        read = {at for node in self.nodes for at in node.reads}
        *others, first = [node.name for at, node in enumerate(self.nodes) if at not in read]
        own = [first, *others]
        return dict(zip((self.names or {}).get("outputs", own), own, strict=True))

    def bound(self, inputs: Mapping[str, Shape]) -> Network:
        """Return the network as its file defines it for inputs of these sizes, the first one under `input`."""
        bind = None if self.source is None else self.source.bind
        return self if bind is None else bind(inputs)

    def inlined(self) -> Network:
        """Return the network with each block replaced by its layers, named `block.layer`."""
        if not any(node.layer.NESTS for node in self.nodes):
            return self
        return self._replace(nodes=tuple(_inline(self.nodes)))


def _count(nodes: Any) -> int:
    return len(nodes) + sum([_count(node.layer.given["layers"]) for node in nodes if node.layer.NESTS])


def layer_dict(
    node: Node,
    nodes: Sequence[Node],
    values: Mapping[str, Any] | None = None,
    inner: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return one layer of the spec as JSON, with its resolved `values`, or by default those that were given.

    `nodes` are those around the layer. `inner` has the layers of a block if they have been made already.
    """
    raw: dict[str, Any] = {"name": node.name, "op": node.layer.op}
    keys: Mapping[str, Any] = node.layer.given if values is None else values
    for key, value in keys.items():
        is_open = type(value) is tuple and Open in map(type, value)
        raw[key] = to_json(value) if is_open else value
    if node.layer.NESTS:
        own: Any = node.layer.given["layers"]
        raw["layers"] = [layer_dict(one, own) for one in own] if inner is None else inner
    if node.wired:
        names = ["input" if at == INPUT else nodes[at].name for at in node.reads]
        raw["from"] = names[0] if len(names) == 1 else names
    if node.tie is not None:
        raw["tie"] = nodes[node.tie].name
    if node.counted is not None:
        raw["counted"] = node.counted
    if not node.trainable:
        raw["trainable"] = False
    if node.expect is not None:
        raw["expect"] = node.expect
    return raw


def _inline(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with each block replaced by its layers; whatever reads a block then reads its last layer."""
    inlined: list[Node] = []
    begins: list[int] = []
    """The index of each node, or of a block's first layer, in the new list."""
    ends = {INPUT: INPUT}
    """The index of each node's result in the new list."""
    for index, node in enumerate(nodes):
        begin = len(inlined)
        begins.append(begin)
        reads = tuple([ends[read] for read in node.reads])
        shared = None if node.tie is None else begins[node.tie]
        if node.layer.NESTS:
            inner: Any = node.layer.given["layers"]
            for at, one in enumerate(_inline(inner)):
                tie = None if one.tie is None else begin + one.tie
                if shared is not None:  # a tie names the first of the layers that share weights
                    own = inlined[shared + at].tie
                    tie = shared + at if own is None else own
                seen = tuple([reads[0] if read == INPUT else begin + read for read in one.reads])
                name = f"{node.name}.{one.name}"
                trainable = one.trainable and node.trainable
                inlined.append(
                    one._replace(name=name, reads=seen, spec_index=node.spec_index, tie=tie, trainable=trainable)
                )
        else:
            inlined.append(node._replace(reads=reads, wired=True, tie=shared))
        ends[index] = len(inlined) - 1
    return inlined


def no_input() -> SpecError:
    """Return the error for a network without an input."""
    return SpecError("no input shape", 'put one first (3x224x224), give -i 3x224x224, or "input" in the spec')
