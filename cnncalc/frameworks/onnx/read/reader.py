"""From nodes to layers: each is traced as it is made, so that the shapes are known which the next ones need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from ....dialects import dialect_named
from ....errors import CnncalcError, SpecError
from ....layers import OPS, Env, Layer
from ....sizes import MOST_SIZES, NOTHING_KNOWN, UNKNOWN, Open, Shape, Size, known, product
from ...build import Draft, SpecBuilder, printable
from .const import INITIALISER, Const, of_values
from .fold import Inputs, fold, inputs_of
from .model import GraphNode, OnnxGraph

ENV = Env(dialect_named("onnx"), channels_last=False)


class Output(NamedTuple):
    """The output of a layer, or the network's input."""

    layer: Draft
    shape: Shape
    """Without the batch, if there is one."""


class OpaqueNode(Exception):
    """A node for which there is no layer; with what is known of it nevertheless."""

    def __init__(
        self,
        shape: Sequence[Size] | None = None,
        *,
        params: int | None = None,
        macs: int | None = 0,
        known: bool = True,
    ):
        """`shape` has the batch; `params` are by default what the node's own arrays hold; `known`: no other figures."""
        super().__init__()
        self.shape, self.params, self.macs, self.known = shape, params, macs, known


Handler = Callable[["GraphReader", GraphNode], None]


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
        """A size that the file declares."""
        if isinstance(dim, int):
            return dim if dim > 0 else UNKNOWN
        letter = None if dim is None else self._letters.get(dim)
        return UNKNOWN if letter is None else Open(letter)

    def full(self, value: Output) -> tuple[Size, ...] | None:
        """A value's shape with the batch, None if nothing is known of it."""
        if value.shape == NOTHING_KNOWN:
            return None
        return (self.batch, *value.shape) if self.batched else value.shape

    def sample(self, full: Sequence[Size] | None) -> Shape:
        """A shape without the batch; nothing known if its first axis is another."""
        if full is None or len(full) > MOST_SIZES or any(isinstance(n, int) and n < 1 for n in full):
            return NOTHING_KNOWN
        if not self.batched:
            return tuple(full)
        if not full or not (full[0] == self.batch or (full[0] == UNKNOWN and isinstance(self.batch, Open))):
            return NOTHING_KNOWN
        return tuple(full[1:])

    def axis(self, axis: int, rank: int) -> int:
        """One of our axes (the batch is 0) for one of ONNX's, of so many. OpaqueNode if there is none."""
        if not -rank <= axis < rank:
            raise OpaqueNode(known=False)
        axis += rank if axis < 0 else 0
        return axis if self.batched else axis + 1

    # what nodes read

    def const(self, name: str) -> Const | None:
        """A constant, None for anything else."""
        return self.constants.get(name)

    def given(self, node: GraphNode) -> Inputs:
        """A node's inputs as constants."""
        return inputs_of(node, self.constants)

    def param(self, node: GraphNode, at: int) -> Const | None:
        """A weight: a constant, or an input that stands for one; None if left out. OpaqueNode if it is computed."""
        name = node.input(at)
        if not name:
            return None
        const = self.constants.get(name)
        if const is None and name in self.graph.inputs and name not in self.values:
            const = self._declared_weight(name)
        if const is None:
            raise OpaqueNode(known=False)
        return const

    def _declared_weight(self, name: str) -> Const | None:
        dims = self.graph.declared(name)
        if dims is None or not all(isinstance(n, int) and n > 0 for n in dims):
            return None

        def read() -> Any:
            raise SpecError(f"the weights {name!r} are an input of the file, not stored in it")

        shape = tuple([n for n in dims if isinstance(n, int)])
        return Const(shape, "float", read, origin=INITIALISER, key=name)

    def sole_maker(self, name: str, *ops: str) -> GraphNode | None:
        """The node that makes a value, if it is one of these ops and nothing else reads the value."""
        maker = self.makers.get(name)
        return maker if maker is not None and maker.op in ops and self.graph.uses.get(name) == 1 else None

    def value(self, name: str) -> Output:
        """What a node reads. A constant, or a second input, becomes a layer that is nothing but its shape."""
        output = self.values.get(name)
        if output is None:
            const = self.constants.get(name)
            kind = "Constant" if const is not None else "Input"
            full = list(const.shape) if const is not None else self._declared(name)
            params = const.size if const is not None and const.kind == "float" and const.origin == INITIALISER else 0
            output = self.values[name] = self.opaque(
                name or "nothing", kind, full, (), params=params, macs=0, buffers=0
            )
        return output

    def _declared(self, name: str) -> list[Size] | None:
        dims = self.graph.declared(name)
        return None if dims is None else [self.size(n) for n in dims]

    def first(self, node: GraphNode) -> Output:
        """A node's first input. SpecError if it has none."""
        if not node.input(0):
            raise node.wrong("has no input")
        return self.value(node.input(0))

    def known(self, node: GraphNode, at: int = 0) -> tuple[Output, tuple[Size, ...]]:
        """An input and its shape with the batch. OpaqueNode if nothing is known of it."""
        if not node.input(at):
            raise node.wrong(f"has no input {at}")
        value = self.value(node.input(at))
        full = self.full(value)
        if full is None:
            raise OpaqueNode(known=False)
        return value, full

    # what nodes make

    def add(
        self,
        name: str,
        op: str,
        reads: Output | Sequence[Output],
        keys: Mapping[str, Any] | None = None,
        weights: Mapping[str, Const | None] | None = None,
    ) -> Output:
        """Add a layer and return its output. Constants that other layers of this op have, too, are shared with them."""
        sources = [reads] if isinstance(reads, Output) else list(reads)
        own = {role: const for role, const in (weights or {}).items() if const is not None}
        arrays = {role: const.read for role, const in own.items()}
        read = [source.layer for source in sources]
        layer = self.spec.add(printable(name), op, read, keys, weights=arrays, owner=_owner(own.values()))
        return Output(layer, self._trace(layer, [source.shape for source in sources]))

    def _trace(self, layer: Draft, shapes: Sequence[Shape]) -> Shape:
        """The shape of a layer's output; NOTHING_KNOWN if the layer is impossible: the reader of specs will say so."""
        cls, nd = OPS[layer.op]
        try:
            keys = {key: cls.KEYS[key](value, nd) for key, value in layer.keys.items() if value is not None}
            made = self.made[layer] = cls(layer.op, nd, keys)
            if NOTHING_KNOWN in shapes and layer.op != "opaque":
                return NOTHING_KNOWN
            if made.JOINS:
                return made.trace_all(shapes, [()] * len(shapes), ENV).out
            return made.trace(shapes[0], (), ENV).out
        except CnncalcError:
            return NOTHING_KNOWN

    def opaque(
        self,
        name: str,
        type: str,
        full: Sequence[Size] | None,
        reads: Sequence[Output],
        **figures: int | None,
    ) -> Output:
        """Add a layer of which its output's shape and these figures are known, and return its output."""
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

    def make(
        self,
        node: GraphNode,
        op: str,
        reads: Output | Sequence[Output],
        keys: Mapping[str, Any] | None = None,
        weights: Mapping[str, Const | None] | None = None,
    ) -> None:
        """The layer that a node is, whose first output it makes."""
        self.give(node, self.add(node.name, op, reads, keys, weights))

    def give(self, node: GraphNode, value: Output) -> None:
        """What a node's first output is."""
        if node.outputs and node.outputs[0]:
            self.values[node.outputs[0]] = value

    def reshaped(self, name: str, value: Output, full: Sequence[Size]) -> Output:
        """A value in another shape. OpaqueNode if its batch would not be its first axis, or its sizes are open."""
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
        """Take one node: into a constant, a layer, or an opaque one."""
        const = fold(node, self.constants, self.graph)
        if const is not None:
            self.constants[node.outputs[0]] = const
            return
        handler = handlers.get(node.op)
        try:
            if handler is None:
                raise OpaqueNode(known=False)
            handler(self, node)
        except OpaqueNode as opaque:
            self._leave_opaque(node, opaque)
        for at, out in enumerate(node.outputs):
            if at and out and out not in self.values and out in self.graph.uses:
                self.values[out] = self.opaque(out, node.op, self._declared(out), self._reads(node), params=0, macs=0)

    def _leave_opaque(self, node: GraphNode, opaque: OpaqueNode) -> None:
        out = node.outputs[0] if node.outputs else ""
        full = opaque.shape if opaque.shape is not None else self._declared(out)
        own = [c.size for c in map(self.const, node.inputs) if c and c.kind == "float" and c.origin == INITIALISER]
        params: int | None = sum(own) if opaque.params is None else opaque.params
        macs = opaque.macs if opaque.known else None
        if not opaque.known and not own:
            params = None
        made = self.opaque(
            node.name, node.op, full, self._reads(node), params=params, macs=macs, buffers=0 if opaque.known else None
        )
        self.give(node, made)

    def _reads(self, node: GraphNode) -> list[Output]:
        return [self.value(name) for name in node.inputs if name and name not in self.constants]

    def shape_const(self, full: Sequence[Size]) -> Const:
        """A shape as the constant that ONNX's Shape makes of it."""
        return of_values(list(full), (len(full),), "int")


def _owner(weights: Iterable[Const]) -> tuple[str | None, ...] | None:
    """What a layer's weights are known by; None without any, and where they are those of untrained norms."""
    keys = tuple([const.key for const in weights])
    return None if not keys or None in keys or all(const.uniform() for const in weights) else keys


def same_size(first: Size, second: Size) -> bool:
    """Whether two sizes are surely the same."""
    return first == second and first != UNKNOWN


def values_of(full: Sequence[Size]) -> int | None:
    """How many values a shape holds, None if a size is open."""
    return known(product(full)) if all(isinstance(n, int) for n in full) else None


def params_of(const: Const | None) -> int:
    """How many trained numbers a constant is."""
    return prod(const.shape) if const is not None and const.origin == INITIALISER else 0
