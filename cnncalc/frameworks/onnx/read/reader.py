"""Nodes to layers: each is traced as it is made, so that the next ones know the shapes that they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ....axes import begin
from ....dialects import dialect_named
from ....errors import CnncalcError, SpecError
from ....layers import OPS, Env, Layer
from ....sizes import MOST_SIZES, NOTHING_KNOWN, UNKNOWN, Open, Shape, Size, known, product
from ...build import Draft, SpecBuilder, printable
from .const import INITIALISER, Const, Number
from .fold import Inputs, fold, inputs_of
from .model import GraphNode, OnnxGraph

ENV = Env(dialect_named("onnx"), channels_last=False)
T = TypeVar("T")
Full = Sequence[Size] | None
"""A shape with the batch; None if nothing is known of it."""


class Output(NamedTuple):
    """The output of a layer, or the network's input."""

    layer: Draft
    shape: Shape
    """Its shape without the batch, if there is one."""


class OpaqueNode(Exception):
    """The exception of a node for which there is no layer, with what is known of it nevertheless."""

    def __init__(self, shape: Full = None, *, params: int | None = None, macs: int | None = 0, known: bool = True):
        """Keep what is known: `params` are by default those of the node's arrays; without `known` all there is."""
        super().__init__()
        self.shape, self.params, self.macs, self.known = shape, params, macs, known


def needed(value: T | None) -> T:
    """Return a fact that a layer depends on. OpaqueNode if it is None: not known."""
    if value is None:
        raise OpaqueNode(known=False)
    return value


Handler = Callable[["GraphReader", GraphNode], None]
Reads = Output | Sequence[Output]
Keys = Mapping[str, Any] | None
Weights = Mapping[str, Const | None] | None


class GraphReader:
    """The layers of a graph as they are made, in one reading of its first axis: the batch, or a sample's own."""

    def __init__(self, graph: OnnxGraph, batched: bool, letters: Mapping[str, str]):
        self.graph, self.batched, self._letters = graph, batched, letters
        self.constants = dict(graph.constants)
        self.values: dict[str, Output] = {}
        self.spec = SpecBuilder(wired=True)
        self.made: dict[Draft, Layer] = {}
        """The layers, without those that could not be made."""
        self.batch: Size = UNKNOWN
        self.makers = {out: node for node in graph.nodes for out in node.outputs if out}
        """The node that makes each value."""

    # shapes

    def size(self, dim: int | str | None) -> Size:
        """Return a size that the file declares, open if it is not a positive number."""
        if isinstance(dim, int):
            return dim if dim > 0 else UNKNOWN
        letter = None if dim is None else self._letters.get(dim)
        return UNKNOWN if letter is None else Open(letter)

    def full(self, value: Output) -> tuple[Size, ...] | None:
        """Return a value's shape with the batch, None if nothing is known of it."""
        if value.shape == NOTHING_KNOWN:
            return None
        return (self.batch, *value.shape) if self.batched else value.shape

    def full_of(self, name: str) -> tuple[Size, ...] | None:
        """Return the shape of an input with the batch, a constant's as it is; None if nothing is known of it."""
        const = self.const(name)
        return self.full(self.value(name)) if const is None else const.shape

    def sample(self, full: Full) -> Shape:
        """Return a shape without the batch; NOTHING_KNOWN if the batch is not its first axis."""
        if full is None or len(full) > MOST_SIZES or any(isinstance(n, int) and n < 1 for n in full):
            return NOTHING_KNOWN
        if not self.batched:
            return tuple(full)
        if not full or not (full[0] == self.batch or (full[0] == UNKNOWN and isinstance(self.batch, Open))):
            return NOTHING_KNOWN
        return tuple(full[1:])

    def axis(self, axis: int, rank: int) -> int:
        """Return our axis (the batch is 0) for ONNX's, of `rank`. OpaqueNode if there is none."""
        if not -rank <= axis < rank:
            raise OpaqueNode(known=False)
        axis += rank if axis < 0 else 0
        return axis if self.batched else axis + 1

    # what nodes read

    def const(self, name: str) -> Const | None:
        """Return a constant, None for anything else."""
        return self.constants.get(name)

    def scalar(self, name: str) -> float | int | None:
        """Return the number that a constant is, None for anything else."""
        const = self.const(name)
        return None if const is None else const.scalar()

    def listed(self, name: str) -> list[Number] | None:
        """Return the numbers of a constant in a row, None if they are not known, and for anything else."""
        const = self.const(name)
        return None if const is None else const.values

    def given(self, node: GraphNode) -> Inputs:
        """Return a node's inputs as constants."""
        return inputs_of(node, self.constants)

    def param(self, node: GraphNode, at: int) -> Const | None:
        """Return a weight: a constant, or an input that stands for one; None if left out. OpaqueNode for others."""
        name = node.input(at)
        if not name or name in self.constants:
            return self.constants.get(name)
        if name not in self.graph.inputs or name in self.values:
            raise OpaqueNode(known=False)
        dims = needed(self.graph.declared(name))
        shape = [n for n in dims if isinstance(n, int) and n > 0]
        if len(shape) < len(dims):
            raise OpaqueNode(known=False)

        def read() -> Any:
            raise SpecError(f"the weights {name!r} are an input of the file, not stored in it")

        return Const(shape, "float", read, origin=INITIALISER, key=name)

    def sole_maker(self, name: str, *ops: str) -> GraphNode | None:
        """Return the node that makes a value, if it is one of these ops and nothing else reads the value."""
        maker = self.makers.get(name)
        return maker if maker is not None and maker.op in ops and self.graph.uses.get(name) == 1 else None

    def value(self, name: str) -> Output:
        """Return an input. A constant, or a second input of the graph, becomes an opaque layer of its shape."""
        if name not in self.values:
            const = self.const(name)
            type, full = ("Input", self._declared(name)) if const is None else ("Constant", const.shape)
            params = 0 if const is None else const.params
            self.values[name] = self.opaque(name or "nothing", type, full, (), params=params, macs=0, buffers=0)
        return self.values[name]

    def _declared(self, name: str) -> Full:
        dims = self.graph.declared(name)
        return None if dims is None else [self.size(n) for n in dims]

    def first(self, node: GraphNode) -> Output:
        """Return a node's first input. SpecError if it has none."""
        if not node.input(0):
            raise node.wrong("has no input")
        return self.value(node.input(0))

    def known(self, node: GraphNode) -> tuple[Output, tuple[Size, ...]]:
        """Return a node's first input and its shape with the batch. OpaqueNode if nothing is known of it."""
        value = self.first(node)
        return value, needed(self.full(value))

    # what nodes make

    def add(self, name: str, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> Output:
        """Add a layer and return its output. Constants that other layers of this op have, too, are shared with them."""
        sources = [reads] if isinstance(reads, Output) else list(reads)
        own = {role: const for role, const in (weights or {}).items() if const is not None}
        arrays = {role: const.read for role, const in own.items()}
        read = [source.layer for source in sources]
        layer = self.spec.add(printable(name), op, read, keys, weights=arrays, owner=_owner(own.values()))
        return Output(layer, self._trace(layer, [source.shape for source in sources]))

    def _trace(self, layer: Draft, shapes: Sequence[Shape]) -> Shape:
        """Return a layer's output shape; NOTHING_KNOWN if it is impossible, which the reader of specs will say."""
        cls, nd = OPS[layer.op]
        try:
            keys = {key: cls.KEYS[key](value, nd) for key, value in layer.keys.items() if value is not None}
            made = self.made[layer] = cls(layer.op, nd, keys)
            if NOTHING_KNOWN in shapes and layer.op != "opaque":
                return NOTHING_KNOWN
            if made.JOINS:
                return made.trace_all(shapes, [begin(shape, ()) for shape in shapes], ENV).out
            return made.trace(shapes[0], begin(shapes[0], ()), ENV).out
        except CnncalcError:
            return NOTHING_KNOWN

    def opaque(self, name: str, type: str, full: Full, reads: Sequence[Output], **figures: int | None) -> Output:
        """Add a layer of which only its output's shape and these figures are known, and return its output."""
        sample = self.sample(full)
        out = None if sample == NOTHING_KNOWN else sample
        layer = self.spec.opaque(printable(name), type, [value.layer for value in reads], out, figures)
        self._trace(layer, [value.shape for value in reads] or [NOTHING_KNOWN])
        return Output(layer, sample)

    def drop(self, node: GraphNode) -> None:
        """Take back the layer of a node whose result nothing else reads."""
        layer = self.values.pop(node.outputs[0]).layer
        self.spec.remove(layer)
        self.made.pop(layer, None)

    def make(self, node: GraphNode, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> None:
        """Add the layer that a node is, and give its output to the node's first."""
        self.give(node, self.add(node.name, op, reads, keys, weights))

    def give(self, node: GraphNode, value: Output) -> None:
        """Set a node's first output."""
        if node.outputs and node.outputs[0]:
            self.values[node.outputs[0]] = value

    def reshaped(self, name: str, value: Output, full: Sequence[Size]) -> Output:
        """Return a value in another shape. OpaqueNode if its first axis is not the batch, or its sizes are open."""
        sample = self.sample(full)
        if sample == NOTHING_KNOWN:
            raise OpaqueNode(full)
        if sample == value.shape:
            return self.add(name, "identity", value)
        if len(sample) == 1:
            return self.add(name, "flatten", value)._replace(shape=sample)
        opened = [at for at, n in enumerate(sample) if not isinstance(n, int)]
        if len(opened) > 1:
            raise OpaqueNode(full)
        made = self.add(name, "reshape", value, {"out": [-1 if at in opened else n for at, n in enumerate(sample)]})
        return made._replace(shape=sample)

    # all of them

    def node(self, node: GraphNode, handlers: Mapping[str, Handler]) -> None:
        """Read one node: as a constant, a layer, or an opaque one."""
        const = fold(node, self.constants, self.graph)
        if const is not None:
            self.constants[node.outputs[0]] = const
            return
        try:
            needed(handlers.get(node.op))(self, node)
        except OpaqueNode as opaque:
            self._leave_opaque(node, opaque)
        for at, out in enumerate(node.outputs):
            if at and out and out not in self.values and out in self.graph.uses:
                self.values[out] = self.opaque(out, node.op, self._declared(out), self._reads(node), params=0, macs=0)

    def _leave_opaque(self, node: GraphNode, opaque: OpaqueNode) -> None:
        full = opaque.shape if opaque.shape is not None else self._declared(node.outputs[0] if node.outputs else "")
        own = [const.size for const in map(self.const, node.inputs) if const and const.trained]
        params = sum(own) if opaque.params is None else opaque.params
        figures = {"params": params, "macs": opaque.macs, "buffers": 0}
        if not opaque.known:
            figures = {"params": params} if own else {}
        self.give(node, self.opaque(node.name, node.op, full, self._reads(node), **figures))

    def _reads(self, node: GraphNode) -> list[Output]:
        return [self.value(name) for name in node.inputs if name and name not in self.constants]


def _owner(weights: Iterable[Const]) -> tuple[str | None, ...] | None:
    """Return the key of a layer's weights; None without any, and for those of untrained norms."""
    keys = tuple([const.key for const in weights])
    return None if not keys or None in keys or all(const.uniform() for const in weights) else keys


def values_of(full: Sequence[Size]) -> int | None:
    """Return how many values a shape holds, None if a size is open."""
    return known(product(full)) if all(isinstance(n, int) for n in full) else None
