"""An ONNX file as nodes: protobuf, which is not trusted, before it becomes layers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from math import prod
from typing import Any

from ....errors import LONGEST_PATH, SpecError, shown
from ....isolation import isolated
from ....layers.names import Name
from ....limits import ENDS_A_NODE, MEMORY_INFERRED, MOST_NUMBERS, MOST_READ, Limit, check_limit, most_nodes
from ....sizes import LARGEST, Size
from .const import INITIALIZER, first_line, has_data, messages, of_tensor, package, shortest, words


def parse(data: bytes | memoryview, name: str) -> Any:
    """Return the ModelProto of a file's bytes, with its functions inlined. Raise SpecError for anything else."""
    made = messages().ModelProto
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = made()
        model.ParseFromString(data)
    except (DecodeError, ValueError, RuntimeError) as error:  # the errors of protobuf's versions for broken bytes
        raise SpecError(f"{shown(name, LONGEST_PATH)} is not an ONNX file: {first_line(error)}") from None
    if not model.HasField("graph"):
        raise SpecError(f"{shown(name, LONGEST_PATH)} is not an ONNX file: it holds no graph")
    if model.functions:
        check_calls(model, len(data))
        return _inlined(model, len(data))
    return model


def _inlined(model: Any, size: int) -> Any:
    """Return a model of `size` bytes with its functions inlined. Raise SpecError if that fails."""
    onnx = package()
    from onnx.inliner import inline_local_functions

    def inline() -> bytes:
        try:
            return b"+" + bytes(inline_local_functions(model).SerializeToString())
        except (RuntimeError, ValueError, TypeError, onnx.checker.ValidationError) as error:
            return f"-{first_line(error)}".encode(errors="replace")

    made = isolated(inline, MEMORY_INFERRED + 2 * size, size) or b"-onnx fails"
    if made.startswith(b"-"):
        raise SpecError(f"the file's functions cannot be inlined: {made[1:].decode()}")
    flat = onnx.ModelProto()
    flat.ParseFromString(memoryview(made)[1:])
    return flat


def check_calls(model: Any, size: int) -> None:
    """Raise SpecError for functions of a model of `size` bytes that are recursive or make too many nodes.

    onnx would follow them.
    """
    called = {(words(one.domain), words(one.name)): _calls(one) for one in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    try:
        for name in TopologicalSorter(called).static_order():
            sizes[name] = 1 + sum([sizes[one] for one in called[name]]) if name in called else 1
    except CycleError as error:
        circle = ", ".join(shown(name) for _, name in error.args[1][:6])
        raise SpecError(f"the file's functions cannot be inlined: they call each other in a cycle: {circle}") from None
    made = sum([sizes[one] for one in _calls(model.graph) if one in called])
    what = "the file's functions make {made:,} nodes, more than {most:,}"
    check_limit(most_nodes(size), made, what, "export it without functions")


def _calls(graph: Any) -> list[tuple[str, str]]:
    """Return the operators of all nodes of a graph or function, including nested graphs."""
    return [(words(node.domain), words(node.op_type)) for node in nodes_in(graph)]


USUAL = {
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Softmax", "HardSwish", "HardSigmoid"), (1, 1, 1)),
    **dict.fromkeys(("GlobalAveragePool", "AveragePool", "MaxPool", "Flatten", "Transpose", "Identity"), (1, 1, 1)),
    **dict.fromkeys(("ReduceMean", "Dropout", "Cast", "Shape"), (1, 1, 1)),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "MatMul", "Gather"), (1, 2, 2)),
    "Conv": (1, 2, 3),
    "ConvTranspose": (1, 2, 3),
    "BatchNormalization": (1, 5, 5),
    "Concat": (1, 1, 1 << 16),
    "Constant": (1, 0, 0),
    "Reshape": (5, 2, 2),
    "Gemm": (11, 2, 3),
    "Clip": (11, 1, 3),
    "Slice": (10, 3, 5),
    "Squeeze": (13, 1, 2),
    "Unsqueeze": (13, 2, 2),
    "Pad": (11, 2, 3),
    "Resize": (13, 1, 4),
}
"""Operators with numbers of inputs that they have in every opset from the first one named, and with one output."""


@lru_cache(maxsize=512)
def arity(op: str, opset: int) -> tuple[int, int, int, tuple[int, ...]]:
    """Return an operator's least and most inputs, its least outputs, and the inputs that are required.

    There are no bounds for an unknown one.
    """
    onnx = package()
    schema = None
    for version in ((opset,), ()):  # an operator missing in the file's opset has the bounds of the newest
        with suppress(Exception):  # onnx raises its own native error for unknown operators
            schema = schema or onnx.defs.get_schema(op, *version, "")
    if schema is None:
        return 0, LARGEST, 0, ()
    single = onnx.defs.OpSchema.FormalParameterOption.Single
    needed = [at for at, one in enumerate(schema.inputs) if one.option == single]
    return schema.min_input, schema.max_input, schema.min_output, tuple(needed)


class GraphNode:
    """A node: its op, its inputs and outputs by name, and its attributes by type."""

    __slots__ = ("attributes", "inputs", "name", "op", "outputs", "proto")

    def __init__(self, proto: Any, index: int):
        """Read a node; one without a name is named after its first output, or by its op and index."""
        self.proto = proto
        domain, op = words(proto.domain), words(proto.op_type)
        self.op: str = op if domain in ("", "ai.onnx") else f"{domain}.{op}"
        self.inputs: list[str] = [words(name) for name in proto.input]
        self.outputs: list[str] = [words(name) for name in proto.output]
        self.name = words(proto.name) or next(filter(None, self.outputs), f"{op}_{index}")
        self.attributes = {words(a.name): a for a in proto.attribute}

    def has(self, name: str) -> bool:
        """Return whether an attribute is given."""
        return name in self.attributes

    def without(self, name: str) -> GraphNode:
        """Return the node without an attribute."""
        node = copy(self)
        node.attributes = {key: value for key, value in self.attributes.items() if key != name}
        return node

    def part(self, name: str) -> GraphNode:
        """Return the node under the name of one of the layers it becomes."""
        node = copy(self)
        node.name = f"{self.name}.{name}"
        return node

    @property
    def nests(self) -> bool:
        """Whether it contains graphs, which may have their own weights."""
        return any(a.HasField("g") or a.graphs for a in self.attributes.values())

    @property
    def captured(self) -> list[str]:
        """The names that its inner graphs (If, Loop) may read from outside."""
        return captured(self.proto) if self.attributes else []

    def has_only(self, names: Iterable[str]) -> bool:
        """Return whether only these attributes are given."""
        return set(self.attributes) <= set(names)

    def input(self, at: int) -> str:
        """Return the name of an input; empty if it is left out."""
        return self.inputs[at] if at < len(self.inputs) else ""

    def _get(self, name: str, kind: int, field: str, default: Any) -> Any:
        attribute = self.attributes.get(name)
        if attribute is None:
            return default
        if attribute.type not in (kind, 0):
            raise self.wrong(f"{name} has a different type than its operator declares")
        return getattr(attribute, field)

    def check_arity(self, opset: int) -> None:
        """Raise SpecError for too few inputs or outputs, too many inputs, or a missing required input."""
        since, fewest, most = USUAL.get(self.op, (LARGEST, 0, 0))
        if opset >= since and fewest <= len(self.inputs) <= most and all(self.inputs[:fewest]) and self.outputs:
            return  # without importing the package
        fewest, most, outputs, needed = arity(self.op, opset)
        given = max([at + 1 for at, name in enumerate(self.inputs) if name], default=0)
        if len(self.inputs) < fewest or given > most:
            takes = (
                f"{fewest}"
                if fewest == most
                else f"at least {fewest}"
                if len(self.inputs) < fewest
                else f"at most {most}"
            )
            raise self.wrong(f"{given} input{'s' * (given != 1)}, but its operator takes {takes}")
        left_out = next((at for at in needed if not self.inputs[at]), None)
        if left_out is not None:
            raise self.wrong(f"input {left_out} is left out, and its operator needs it")
        if len(self.outputs) < outputs:
            own = len(self.outputs)
            raise self.wrong(f"{own} output{'s' * (own != 1)}, but its operator has {outputs}")

    def wrong(self, what: str) -> SpecError:
        """Return the error of this node, which says what is wrong with it."""
        return SpecError(f"node {shown(self.name)} ({shown(self.op)[1:-1]}): {what}")

    def whole(self, name: str, default: int = 0) -> int:
        """Return an integer attribute."""
        return int(self._get(name, 2, "i", default))

    def axis(self, name: str, rank: int, default: int = 0, *, end: bool = False) -> int:
        """Return an axis of `rank`, counted from 0; with `end` also the place after the last.

        Raise SpecError for others.
        """
        axis = self.whole(name, default)
        if not -rank <= axis < rank + end:
            raise self.wrong(f"axis {axis} of {rank}")
        return axis + rank if axis < 0 else axis

    def permutation(self, rank: int) -> list[int]:
        """Return the order of axes of a Transpose, reversed by default.

        Raise SpecError if it is not one of `rank` axes.
        """
        perm = self.ints("perm")
        perm = list(range(rank))[::-1] if perm is None else perm
        if sorted(perm) != list(range(rank)):
            raise self.wrong(f"perm is {perm}, but the input has {rank} axes")
        return perm

    def number(self, name: str, default: float = 0.0) -> float:
        """Return a float attribute as the shortest decimal of its float32."""
        return shortest(float(self._get(name, 1, "f", default)))

    def text(self, name: str, default: str = "") -> str:
        """Return a text attribute."""
        return words(self._get(name, 3, "s", default))

    def renamed(self, name: Name) -> dict[str, Any]:
        """Return its attributes under our names, integers if the default is an integer."""
        read = {float: self.number, int: self.whole}
        defaults = [(theirs, ours, name.defaults[ours]) for theirs, ours in name.keys.items()]
        return {ours: read[type(default)](theirs, default) for theirs, ours, default in defaults}

    def ints(self, name: str) -> list[int] | None:
        """Return a list of integers; None if it is not given."""
        values = self._get(name, 7, "ints", None)
        return None if values is None else list(values)

    def floats(self, name: str) -> list[float] | None:
        """Return a list of floats; None if it is not given."""
        values = self._get(name, 6, "floats", None)
        return None if values is None else [shortest(v) for v in values]

    def texts(self, name: str) -> list[str] | None:
        """Return a list of texts; None if it is not given."""
        values = self._get(name, 8, "strings", None)
        return None if values is None else [words(v) for v in values]

    def tensor(self, name: str) -> Any:
        """Return a tensor attribute; None if it is not given."""
        return self._get(name, 4, "t", None)

    def graph(self, name: str) -> Any:
        """Return a graph attribute; None if it is not given."""
        return self._get(name, 5, "g", None)


IN_PARTS = "extract a part of it with onnx.utils.extract_model"
"""The help for too many nodes or layers."""
_MANY_NODES = "the graph has {made:,} nodes, more than {most:,}"


class OnnxGraph:
    """The main graph of a model."""

    def __init__(
        self, model: Any, folder: str | None, size: int = 0, graph: Any = None, around: Sequence[Container[str]] = ()
    ):
        """Read the graph of a model of `size` bytes, or an inner graph, whose nodes may read values `around` it."""
        self.model, self.folder, self.size = model, folder, size
        self.numbers = MOST_NUMBERS + size
        """How many more numbers of constants may be computed while the graph is read."""
        graph = model.graph if graph is None else graph
        self.opset: int = max([o.version for o in model.opset_import if o.domain in ("", "ai.onnx")], default=1)
        self.name = words(graph.name)
        most, ends = most_nodes(size), "the nodes of the graph have {made:,} inputs and outputs, more than {most:,}"
        check_limit(most, len(graph.initializer), "the graph has {made:,} constants, more than {most:,}", IN_PARTS)
        check_limit(most, len(graph.node), _MANY_NODES, IN_PARTS)  # before unneeded nodes are processed
        tensors = [(words(t.name), t) for t in graph.initializer]
        self.constants = {name: of_tensor(t, INITIALIZER, folder, name) for name, t in tensors if name}
        self._types = {name: int(t.data_type) for name, t in tensors}
        self.inputs = {words(i.name): i for i in graph.input if words(i.name) not in self.constants}
        self.declared_types = {words(v.name): v for v in (*graph.value_info, *graph.output, *graph.input)}
        self.outputs = [words(o.name) for o in graph.output]
        self.sparse = {words(t.values.name) for t in model.graph.sparse_initializer} if graph is model.graph else set()
        nodes = [GraphNode(n, at) for at, n in enumerate(graph.node)]
        self.nodes = self._needed(self._sorted(nodes, [self.constants, self.inputs, self.sparse, *around]))
        """The nodes that an output needs, each after those it reads."""
        self._limit = Limit(most, _MANY_NODES, IN_PARTS)
        self._ends = Limit(ENDS_A_NODE * most, ends, IN_PARTS)
        self.count(self.nodes)
        for node in self.nodes:
            node.check_arity(self.opset)
        read = [name for node in self.nodes for name in (*node.inputs, *node.captured)]
        self.uses = Counter([*self.outputs, *read])
        """The number of nodes and outputs that read each value."""
        self._inferred: Mapping[str, Any] | None = None

    def count(self, nodes: Sequence[GraphNode]) -> None:
        """Count nodes of the graph or of an inner graph. Raise SpecError if there are too many."""
        self._limit.count(len(nodes))
        self._ends.count(sum([len(node.inputs) + len(node.outputs) for node in nodes]))

    def _sorted(self, nodes: list[GraphNode], around: Sequence[Container[str]]) -> list[GraphNode]:
        """Return the nodes in an order in which each comes after those it reads; values may also come from `around`.

        Raise SpecError for a cycle, and for a value that no node makes.
        """
        have = {""}
        for node in nodes:
            have.update([name for name in node.inputs if any(name in names for names in around)])
        done: list[GraphNode] = []
        later: dict[int, GraphNode] = {}
        for at, node in enumerate(nodes):
            if have.issuperset(node.inputs):
                done.append(node)
                have.update(node.outputs)
            else:
                later[at] = node
        makers = {out: at for at, node in enumerate(nodes) for out in node.outputs if out}
        for node in later.values():
            for name in node.inputs:
                if name not in have and name not in makers:
                    raise node.wrong(f"reads {shown(name)}, which no node produces")
        reads = {at: [makers[n] for n in node.inputs if n not in have] for at, node in later.items()}
        try:
            return done + [later[at] for at in TopologicalSorter(reads).static_order()]
        except CycleError as error:
            names = ", ".join(shown(later[at].name) for at in error.args[1][:6])
            raise SpecError(f"nodes read each other in a cycle: {names}") from None

    def _needed(self, nodes: list[GraphNode]) -> list[GraphNode]:
        """Return the nodes that an output depends on; all of them if the file names no output."""
        wanted = set(self.outputs)
        for node in reversed(nodes):
            if wanted.intersection(node.outputs):
                wanted.update(node.inputs, node.captured)
        return [node for node in nodes if wanted.intersection(node.outputs)] if self.outputs else nodes

    def give_sizes(self, name: str, shape: Sequence[Size]) -> None:
        """Set the sizes of an input in place of the declared ones, everywhere that their names occur."""
        own = self.inputs[name].type.tensor_type.shape
        if dims_of(self.inputs[name]) is None:
            own.dim.extend([type(own).Dimension() for _ in shape])
        dims = own.dim
        pairs = [(dim, size) for dim, size in zip(dims, shape, strict=True) if isinstance(size, int)]
        if any(dim.dim_value not in (0, size) for dim, size in pairs):  # the file's other shapes hold for its own sizes
            self.declared_types = dict(self.inputs)
            del self.model.graph.value_info[:]
            for output in self.model.graph.output:
                output.type.tensor_type.ClearField("shape")
        bound = {dim.dim_param: size for dim, size in pairs if dim.dim_param}
        for dim, size in pairs:
            dim.dim_value = size
        named = [dim for one in self.declared_types.values() for dim in one.type.tensor_type.shape.dim if dim.dim_param]
        for dim in named:
            if dim.dim_param in bound:
                dim.dim_value = bound[dim.dim_param]
        self._inferred = None

    def type_of(self, name: str) -> int:
        """Return the TensorProto.DataType of a value, from the file or onnx's inference; 0 if unknown."""
        if name in self._types:
            return self._types[name]
        info = self.declared_types.get(name) or self.inferred.get(name)
        return int(info.type.tensor_type.elem_type) if info is not None else 0

    @property
    def inferred(self) -> Mapping[str, Any]:
        """The types that onnx infers for each value."""
        if self._inferred is None:
            self._inferred = infer(self.model, self.size)
        return self._inferred

    def declared(self, name: str) -> list[int | str | None] | None:
        """Return a value's shape from the file or else onnx's inference: numbers, names, or None for unknown sizes."""
        shape = dims_of(self.declared_types.get(name))
        if shape is None:
            shape = dims_of(self.inferred.get(name))
        return shape


def captured(proto: Any) -> list[str]:
    """Return the names that a node's inner graphs (If, Loop) may read from outside."""
    return [words(n) for graph in graphs_in(proto) for node in graph.node for n in (*node.input, *captured(node))]


def dims_of(info: Any) -> list[int | str | None] | None:
    """Return the sizes that a ValueInfoProto declares; None if it declares none, or is None."""
    if info is None or not info.type.HasField("tensor_type") or not info.type.tensor_type.HasField("shape"):
        return None
    dims = info.type.tensor_type.shape.dim
    return [int(d.dim_value) if d.HasField("dim_value") else words(d.dim_param) or None for d in dims]


def infer(model: Any, size: int) -> Mapping[str, Any]:
    """Return the types that onnx.shape_inference gives a model's values; empty if it cannot read the model."""
    graph = package().GraphProto()  # imported here, not in the separate process
    found = isolated(lambda: _inferred(model), MEMORY_INFERRED + 2 * size, size)
    graph.ParseFromString(found or b"")
    return {v.name: v for v in (*graph.value_info, *graph.output)}


def _inferred(model: Any) -> bytes:
    """Return a graph with only the inferred types of values, leaving out the data of large weights.

    Data propagation is off, as this reader does it within bounds: `fold`.
    """
    onnx = package()
    slim = onnx.ModelProto()
    slim.CopyFrom(model)
    graph = slim.graph
    names = {i.name for i in graph.input}
    for at in reversed(range(len(graph.initializer))):
        tensor = graph.initializer[at]
        if prod(tensor.dims) > MOST_READ or not has_data(tensor):
            if tensor.name not in names:
                graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
            del graph.initializer[at]
    for values in (graph.output, graph.value_info):
        for at in reversed(range(len(values))):
            if dims_of(values[at]) is None:  # it has no information, and the checker refuses it
                del values[at]
    onnx.checker.check_model(slim)  # what it refuses may crash the process, such as an input without a type
    inferred = onnx.shape_inference.infer_shapes(slim).graph
    return bytes(onnx.GraphProto(value_info=inferred.value_info, output=inferred.output).SerializeToString())


def nodes_in(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph, including those of inner graphs."""
    for node in graph.node:
        yield node
        for inner in nested_graphs(node):
            yield from inner.node


def graphs_in(node: Any) -> Iterator[Any]:
    """Yield the inner graphs of a node one by one, as a few bytes may hold many."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def nested_graphs(node: Any) -> Iterator[Any]:
    """Yield the inner graphs of a node, and those of their nodes."""
    for graph in graphs_in(node):
        yield graph
        for inner in graph.node:
            yield from nested_graphs(inner)


def load(source: bytes | memoryview, name: str) -> OnnxGraph:
    """Return the graph of a file's bytes; `name` is its path. Raise SpecError for anything else."""
    return OnnxGraph(parse(source, name), os.path.dirname(name) or None, len(source))
