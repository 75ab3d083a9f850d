"""From nodes to layers: each is traced as it is made, so that the shapes are known which the next ones need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from ....dialects import dialect_named
from ....errors import CnncalcError, SpecError
from ....layers import OPS, Env, Layer
from ....sizes import MOST_SIZES, NOTHING_KNOWN, UNKNOWN, Open, Shape, Size, is_letter, known, product
from ....wiring import unused_name
from .const import INITIALISER, Const, of_values
from .fold import fold
from .model import Graph, Node

LONGEST_NAME = 240
ENV = Env(dialect_named("onnx"), channels_last=False)


class Value(NamedTuple):
    """What a layer makes, or the input."""

    layer: str
    shape: Shape
    """Without the batch, where there is one."""


class Unsaid(Exception):
    """A node for which there is no layer; with what is known of it all the same."""

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


Handler = Callable[["Builder", Node], None]


class Builder:
    """The layers of a graph as they are made, in one reading of its first axis: the batch, or a sample's own."""

    def __init__(self, graph: Graph, batched: bool, letters: Mapping[str, str]):
        self.graph, self.batched, self._letters = graph, batched, letters
        self.constants = dict(graph.constants)
        self.values: dict[str, Value] = {}
        self.layers: list[dict[str, Any]] = []
        self.made: dict[str, Layer] = {}
        """Each layer by its name, without those that could not be made."""
        self.weights: dict[str, Callable[[], Any]] = {}
        self.batch: Size = UNKNOWN
        self.makers = {out: node for node in graph.nodes for out in node.outputs if out}
        """The node that makes each value."""
        self._index: dict[str, dict[str, Any]] = {"input": {"op": "input"}}
        self._taken = {"input"}
        self._owners: dict[tuple[object, ...], str] = {}

    # names and shapes

    def name(self, wanted: str) -> str:
        """A name for a layer: printable, and no other's."""
        stem = "".join(c if c.isprintable() else "_" for c in wanted)[:LONGEST_NAME] or "layer"
        found = unused_name(stem, self._taken)
        self._taken.add(found)
        return found

    def size(self, dim: int | str | None) -> Size:
        """A size that the file declares."""
        if isinstance(dim, int):
            return dim if dim > 0 else UNKNOWN
        letter = None if dim is None else self._letters.get(dim)
        return UNKNOWN if letter is None else Open(letter)

    def full(self, value: Value) -> tuple[Size, ...] | None:
        """A value's shape with the batch, None where nothing is known of it."""
        if value.shape == NOTHING_KNOWN:
            return None
        return (self.batch, *value.shape) if self.batched else value.shape

    def sample(self, full: Sequence[Size] | None) -> Shape:
        """A shape without the batch; nothing known where its first axis is another."""
        if full is None or len(full) > MOST_SIZES or any(isinstance(n, int) and n < 1 for n in full):
            return NOTHING_KNOWN
        if not self.batched:
            return tuple(full)
        if not full or not (full[0] == self.batch or (full[0] == UNKNOWN and isinstance(self.batch, Open))):
            return NOTHING_KNOWN
        return tuple(full[1:])

    def axis(self, axis: int, rank: int) -> int:
        """One of our axes (the batch is 0) for one of ONNX's, of so many. Unsaid where there is none such."""
        if not -rank <= axis < rank:
            raise Unsaid(known=False)
        axis += rank if axis < 0 else 0
        return axis if self.batched else axis + 1

    # what nodes read

    def const(self, name: str) -> Const | None:
        """A constant, None for what is none."""
        return self.constants.get(name)

    def param(self, node: Node, at: int) -> Const | None:
        """A weight: a constant, or an input that stands for one; None where it is left out. Unsaid where it is made."""
        name = node.input(at)
        if not name:
            return None
        found = self.constants.get(name)
        if found is None and name in self.graph.inputs and name not in self.values:
            found = self._declared_weight(name)
        if found is None:
            raise Unsaid(known=False)
        return found

    def _declared_weight(self, name: str) -> Const | None:
        dims = self.graph.declared(name)
        if dims is None or not all(isinstance(n, int) and n > 0 for n in dims):
            return None

        def read() -> Any:
            raise SpecError(f"the weights {name!r} are an input of the file, and not in it")

        shape = tuple([n for n in dims if isinstance(n, int)])
        return Const(shape, "float", read, origin=INITIALISER, key=name)

    def value(self, name: str) -> Value:
        """What a node reads. A constant, or a second input, becomes a layer that is nothing but its shape."""
        found = self.values.get(name)
        if found is None:
            const = self.constants.get(name)
            kind = "Constant" if const is not None else "Input"
            full = list(const.shape) if const is not None else self._declared(name)
            params = const.size if const is not None and const.kind == "float" and const.origin == INITIALISER else 0
            found = self.values[name] = self.opaque(name or "nothing", kind, full, (), params=params, macs=0, buffers=0)
        return found

    def _declared(self, name: str) -> list[Size] | None:
        dims = self.graph.declared(name)
        return None if dims is None else [self.size(n) for n in dims]

    def first(self, node: Node) -> Value:
        """A node's first input. SpecError where it has none."""
        if not node.input(0):
            raise node.wrong("has no input")
        return self.value(node.input(0))

    def known(self, node: Node, at: int = 0) -> tuple[Value, tuple[Size, ...]]:
        """An input and its shape with the batch. Unsaid where nothing is known of it."""
        if not node.input(at):
            raise node.wrong(f"has no input {at}")
        value = self.value(node.input(at))
        full = self.full(value)
        if full is None:
            raise Unsaid(known=False)
        return value, full

    # what nodes make

    def emit(
        self,
        name: str,
        op: str,
        reads: Value | Sequence[Value],
        keys: Mapping[str, Any] | None = None,
        weights: Mapping[str, Const | None] | None = None,
    ) -> Value:
        """One more layer, and what it makes."""
        sources = [reads] if isinstance(reads, Value) else list(reads)
        own = {role: const for role, const in (weights or {}).items() if const is not None}
        made = self.name(name)
        raw = {"name": made, "op": op, **(keys or {}), "from": [v.layer for v in sources]}
        owner = self._owner(op, made, own)
        if owner != made:
            raw["tie"] = owner
        else:
            self.weights.update({f"{made}.{role}": const.read for role, const in own.items()})
        if len(sources) == 1:
            raw["from"] = sources[0].layer
        self.layers.append(raw)
        self._index[made] = raw
        return Value(made, self._trace(made, op, keys or {}, sources))

    def _owner(self, op: str, name: str, weights: Mapping[str, Const]) -> str:
        """The layer with the same weights, or itself; equal numbers of untrained norms are no sharing."""
        keys = (op, *[const.key for const in weights.values()])
        if not weights or None in keys or all(const.uniform() for const in weights.values()):
            return name
        return self._owners.setdefault(keys, name)

    def _trace(self, name: str, op: str, keys: Mapping[str, Any], sources: Sequence[Value]) -> Shape:
        """The shape that comes out; nothing known where the layer cannot be: who reads the spec says so."""
        cls, nd = OPS[op]
        shapes = [v.shape for v in sources]
        try:
            layer = self.made[name] = cls(op, nd, {k: cls.KEYS[k](v, nd) for k, v in keys.items() if v is not None})
            if NOTHING_KNOWN in shapes and op != "opaque":
                return NOTHING_KNOWN
            if layer.JOINS:
                return layer.trace_all(shapes, [()] * len(shapes), ENV).out
            return layer.trace(shapes[0], (), ENV).out
        except CnncalcError:
            return NOTHING_KNOWN

    def opaque(
        self,
        name: str,
        type: str,
        full: Sequence[Size] | None,
        reads: Sequence[Value],
        *,
        params: int | None = None,
        macs: int | None = None,
        buffers: int | None = None,
    ) -> Value:
        """A layer that is its output's shape, and what figures there are."""
        sample = self.sample(full)
        keys: dict[str, Any] = {"type": "".join(c if c.isprintable() else "_" for c in type)[:LONGEST_NAME]}
        if sample != NOTHING_KNOWN:
            keys["out"] = [_plain(n) for n in sample]
        keys |= {k: v for k, v in (("params", params), ("buffers", buffers), ("macs", macs)) if v is not None}
        made = self.emit(name, "opaque", list(dict.fromkeys(reads)) or [Value("input", NOTHING_KNOWN)], keys)
        return Value(made.layer, sample)

    def layer(self, value: Value) -> dict[str, Any]:
        """The layer that makes a value, as the spec will hold it."""
        return self._index[value.layer]

    def drop(self, node: Node) -> None:
        """Take back the layer of a node whose result nothing else reads."""
        layer = self.layer(self.values.pop(node.outputs[0]))
        if any(layer is one for one in self.layers):
            self.layers = [one for one in self.layers if one is not layer]
            del self.made[layer["name"]]

    def make(
        self,
        node: Node,
        op: str,
        reads: Value | Sequence[Value],
        keys: Mapping[str, Any] | None = None,
        weights: Mapping[str, Const | None] | None = None,
    ) -> None:
        """The layer that a node is, whose first output it makes."""
        self.give(node, self.emit(node.name, op, reads, keys, weights))

    def give(self, node: Node, value: Value) -> None:
        """What a node's first output is."""
        if node.outputs and node.outputs[0]:
            self.values[node.outputs[0]] = value

    def reshaped(self, name: str, value: Value, full: Sequence[Size]) -> Value:
        """A value in another shape. Unsaid where its batch would not be its first axis, or its sizes are open."""
        sample = self.sample(full)
        if sample == NOTHING_KNOWN:
            raise Unsaid(full)
        if sample == value.shape:
            return self.emit(name, "identity", value)
        if len(sample) == 1:
            return self.emit(name, "flatten", value)._replace(shape=sample)
        opened = [at for at, n in enumerate(sample) if not isinstance(n, int)]
        if len(opened) > 1:
            raise Unsaid(full)
        made = self.emit(name, "reshape", value, {"out": [-1 if at in opened else n for at, n in enumerate(sample)]})
        return made._replace(shape=sample)

    # all of them

    def node(self, node: Node, handlers: Mapping[str, Handler]) -> None:
        """Take one node: into a constant, a layer, or an opaque one."""
        const = fold(node, self.constants, self.graph)
        if const is not None:
            self.constants[node.outputs[0]] = const
            return
        handler = handlers.get(node.op)
        try:
            if handler is None:
                raise Unsaid(known=False)
            handler(self, node)
        except Unsaid as unsaid:
            self._leave_opaque(node, unsaid)
        for at, out in enumerate(node.outputs):
            if at and out and out not in self.values and out in self.graph.uses:
                self.values[out] = self.opaque(out, node.op, self._declared(out), self._reads(node), params=0, macs=0)

    def _leave_opaque(self, node: Node, unsaid: Unsaid) -> None:
        out = node.outputs[0] if node.outputs else ""
        full = unsaid.shape if unsaid.shape is not None else self._declared(out)
        own = [c.size for c in map(self.const, node.inputs) if c and c.kind == "float" and c.origin == INITIALISER]
        params: int | None = sum(own) if unsaid.params is None else unsaid.params
        macs = unsaid.macs if unsaid.known else None
        if not unsaid.known and not own:
            params = None
        made = self.opaque(
            node.name, node.op, full, self._reads(node), params=params, macs=macs, buffers=0 if unsaid.known else None
        )
        self.give(node, made)

    def _reads(self, node: Node) -> list[Value]:
        return [self.value(name) for name in node.inputs if name and name not in self.constants]

    def shape_const(self, full: Sequence[Size]) -> Const:
        """A shape as the constant that ONNX's Shape makes of it."""
        return of_values(list(full), (len(full),), "int")


def _plain(size: Size) -> int | str | None:
    """A size as an opaque layer's `out` takes it: a number, a letter, or null."""
    return size if isinstance(size, int) else str(size) if is_letter(str(size)) else None


def same_size(first: Size, second: Size) -> bool:
    """Whether two sizes are surely the same."""
    return first == second and first != UNKNOWN


def values_of(full: Sequence[Size]) -> int | None:
    """How many values a shape holds, None where a size is open."""
    return known(product(full)) if all(isinstance(n, int) for n in full) else None


def params_of(const: Const | None) -> int:
    """How many trained numbers a constant is."""
    return prod(const.shape) if const is not None and const.origin == INITIALISER else 0
