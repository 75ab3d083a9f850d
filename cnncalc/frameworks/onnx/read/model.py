"""An ONNX file as nodes: protobuf read without trusting it, before anything is made of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from typing import Any

from ....errors import LONGEST_PATH, SpecError, shown
from ....layers.names import Name
from .const import INITIALISER, MOST_READ, first_line, has_data, of_tensor, package, shortest, words


def parse(data: bytes | memoryview, name: str) -> Any:
    """The ModelProto of a file's bytes, its own functions put in their places. SpecError for anything else."""
    onnx = package()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.ModelProto()
        model.ParseFromString(data)
    except (DecodeError, ValueError, RuntimeError) as error:  # what protobuf's versions raise of broken bytes
        raise SpecError(f"{shown(name, LONGEST_PATH)} is not an ONNX file: {first_line(error)}") from None
    if not model.HasField("graph"):
        raise SpecError(f"{shown(name, LONGEST_PATH)} is not an ONNX file: it holds no graph")
    if model.functions:
        from onnx.inliner import inline_local_functions

        try:
            return inline_local_functions(model)
        except (RuntimeError, ValueError, TypeError) as error:
            raise SpecError(f"the file's functions cannot be inlined: {first_line(error)}") from None
    return model


class GraphNode:
    """One node: its op, what it reads and makes, its attributes by their types."""

    def __init__(self, proto: Any, name: str):
        self.proto, self.name = proto, name
        domain, op = words(proto.domain), words(proto.op_type)
        self.op: str = op if domain in ("", "ai.onnx") else f"{domain}.{op}"
        self.inputs: list[str] = [words(name) for name in proto.input]
        self.outputs: list[str] = [words(name) for name in proto.output]
        self._attributes = {words(a.name): a for a in proto.attribute}

    def has(self, name: str) -> bool:
        """Whether an attribute is given."""
        return name in self._attributes

    def input(self, at: int) -> str:
        """The name of an input, empty if it is left out."""
        return self.inputs[at] if at < len(self.inputs) else ""

    def _get(self, name: str, kind: int, field: str, default: Any) -> Any:
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        if attribute.type not in (kind, 0):
            raise self.wrong(f"{name} has another type than its operator declares")
        return getattr(attribute, field)

    def wrong(self, what: str) -> SpecError:
        """The error of something in this node that no ONNX node has."""
        return SpecError(f"node {shown(self.name)} ({shown(self.op)[1:-1]}): {what}")

    def whole(self, name: str, default: int = 0) -> int:
        """An integer attribute."""
        return int(self._get(name, 2, "i", default))

    def axis(self, name: str, rank: int, default: int = 0, *, end: bool = False) -> int:
        """An axis of so many, from 0 on; with `end` also the place behind the last. SpecError for any other."""
        axis = self.whole(name, default)
        if not -rank <= axis < rank + end:
            raise self.wrong(f"axis {axis} of {rank}")
        return axis + rank if axis < 0 else axis

    def number(self, name: str, default: float = 0.0) -> float:
        """A float attribute, in as few digits as tell its float32."""
        value = float(self._get(name, 1, "f", default))
        return shortest(value)

    def text(self, name: str, default: str = "") -> str:
        """A text attribute."""
        value = self._get(name, 3, "s", default)
        return words(value)

    def renamed(self, name: Name) -> dict[str, Any]:
        """Its attributes under our names, numbers whole where the default is."""
        read = {float: self.number, int: self.whole}
        return {
            ours: read[type(name.defaults[ours])](theirs, name.defaults[ours]) for theirs, ours in name.keys.items()
        }

    def ints(self, name: str) -> list[int] | None:
        """A list of integers, None if it is not given."""
        values = self._get(name, 7, "ints", None)
        return None if values is None else list(values)

    def floats(self, name: str) -> list[float] | None:
        """A list of floats, None if it is not given."""
        values = self._get(name, 6, "floats", None)
        return None if values is None else [shortest(v) for v in values]

    def tensor(self, name: str) -> Any:
        """A tensor attribute, None if it is not given."""
        return self._get(name, 4, "t", None)


class OnnxGraph:
    """The main graph of a model."""

    def __init__(self, model: Any, folder: str | None):
        self.model, self.folder = model, folder
        graph = model.graph
        self.opset: int = max([o.version for o in model.opset_import if o.domain in ("", "ai.onnx")], default=1)
        self.name = words(graph.name)
        tensors = [(words(t.name), t) for t in graph.initializer]
        self.constants = {name: of_tensor(t, INITIALISER, folder, name) for name, t in tensors if name}
        self.inputs = {words(i.name): i for i in graph.input if words(i.name) not in self.constants}
        self.declared_types = {words(v.name): v for v in (*graph.value_info, *graph.output, *graph.input)}
        self.outputs = [words(o.name) for o in graph.output]
        self.nodes = self._needed(self._sorted([GraphNode(n, _name(n, i)) for i, n in enumerate(graph.node)]))
        self.uses = self._uses()
        self._inferred: Mapping[str, Any] | None = None

    def _sorted(self, nodes: list[GraphNode]) -> list[GraphNode]:
        """The nodes, each after those it reads. SpecError for a circle, and for what nothing makes."""
        have = {"", *self.constants, *self.inputs, *[words(t.values.name) for t in self.model.graph.sparse_initializer]}
        makers = {out: node for node in nodes for out in node.outputs if out}
        done: list[GraphNode] = []
        later: list[GraphNode] = []
        for node in nodes:
            fits = have.issuperset(node.inputs)
            (done if fits else later).append(node)
            if fits:
                have.update(node.outputs)
        return done + _in_order(later, have, makers)

    def _needed(self, nodes: list[GraphNode]) -> list[GraphNode]:
        """The nodes from which a way leads to an output; all of them where the file names none."""
        wanted = set(self.outputs)
        for node in reversed(nodes):
            if wanted.intersection(node.outputs):
                wanted.update(node.inputs, _captured(node.proto))
        return [node for node in nodes if wanted.intersection(node.outputs)] if self.outputs else nodes

    def _uses(self) -> dict[str, int]:
        """How many nodes and outputs read each value."""
        uses: dict[str, int] = {}
        for name in (*self.outputs, *[n for node in self.nodes for n in (*node.inputs, *_captured(node.proto))]):
            uses[name] = uses.get(name, 0) + 1
        return uses

    def declared(self, name: str) -> list[int | str | None] | None:
        """The shape that the file, or else onnx's own inference, says of a value: numbers, names or None."""
        info = self.declared_types.get(name)
        shape = None if info is None else dims_of(info)
        if shape is None:
            info = self._infer().get(name)
            shape = None if info is None else dims_of(info)
        return shape

    def _infer(self) -> Mapping[str, Any]:
        if self._inferred is None:
            self._inferred = infer(self.model)
        return self._inferred


def _name(proto: Any, index: int) -> str:
    name = proto.name or next((out for out in proto.output if out), "")
    return words(name) or f"{words(proto.op_type)}_{index}"


def _in_order(nodes: list[GraphNode], have: set[str], makers: Mapping[str, GraphNode]) -> list[GraphNode]:
    """Nodes that the file does not have in order."""
    from graphlib import CycleError, TopologicalSorter

    for node in nodes:
        for name in node.inputs:
            if name not in have and name not in makers:
                raise node.wrong(f"reads {shown(name)}, which no node makes")
    left = {id(node): node for node in nodes}
    reads = {key: [id(makers[n]) for n in node.inputs if n not in have] for key, node in left.items()}
    try:
        return [left[key] for key in TopologicalSorter(reads).static_order()]
    except CycleError as error:
        names = ", ".join(shown(left[key].name) for key in error.args[1][:6])
        raise SpecError(f"nodes read each other in a cycle: {names}") from None


def _captured(proto: Any) -> list[str]:
    """What the graphs inside a node (If, Loop) may read from outside."""
    inner = [g for a in proto.attribute for g in (*([a.g] if a.HasField("g") else []), *a.graphs)]
    return [words(name) for graph in inner for node in graph.node for name in (*node.input, *_captured(node))]


def dims_of(info: Any) -> list[int | str | None] | None:
    """The sizes that a ValueInfoProto declares; None if it says nothing of them."""
    if not info.type.HasField("tensor_type") or not info.type.tensor_type.HasField("shape"):
        return None
    return [_dim(d) for d in info.type.tensor_type.shape.dim]


def _dim(dim: Any) -> int | str | None:
    return int(dim.dim_value) if dim.HasField("dim_value") else words(dim.dim_param) or None


def infer(model: Any) -> Mapping[str, Any]:
    """What onnx.shape_inference says of each value, large weights' data left out."""
    onnx = package()
    slim = onnx.ModelProto()
    slim.CopyFrom(model)
    graph = slim.graph
    large = [t for t in graph.initializer if prod(t.dims) > MOST_READ or not has_data(t)]
    names = {i.name for i in graph.input}
    for tensor in large:
        if tensor.name not in names:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        graph.initializer.remove(tensor)
    try:
        inferred = onnx.shape_inference.infer_shapes(slim, data_prop=True)
    except Exception:  # noqa: BLE001 - a model that it cannot read is one of which it says nothing
        return {}
    return {v.name: v for v in (*inferred.graph.value_info, *inferred.graph.output)}


def load(source: str | os.PathLike[str] | bytes | memoryview, name: str) -> OnnxGraph:
    """The graph of a file, or of its bytes. SpecError for anything else."""
    if isinstance(source, (bytes, memoryview)):
        return OnnxGraph(parse(source, name), os.path.dirname(name) or None)
    with open(source, "rb") as file:
        return OnnxGraph(parse(file.read(), name), os.path.dirname(os.fspath(source)) or None)
