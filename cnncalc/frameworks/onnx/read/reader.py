"""Turn nodes into layers: what each node reads and makes, in the order of the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....errors import SpecError
from ....limits import MOST_COMPARED, NUMBERS_A_NODE, Limit, most_nodes
from ....sizes import LARGEST, MOST_SIZES, UNKNOWN, Open, Shape, Size
from ...build import NO_FIGURES, Draft, printable
from ...values import Handle, plain
from .const import BOOL, FLOAT, INITIALIZER, INT64, INTEGERS, Const, Inputs, Number, broadcast, of_tensor
from .evaluate import WITHOUT_PRODUCTS
from .fold import fold, inputs_of
from .made import Full, Keys, LayerMaker, OpaqueNode, Quantized, Reads, Weights, needed
from .model import IN_PARTS, GraphNode, OnnxGraph, dims_of, nested_graphs

PASSED = (
    *("Reshape", "Transpose", "MaxPool", "Slice", "Squeeze", "Unsqueeze", "Flatten", "Gather", "Identity", "Cast"),
    *("GlobalMaxPool", "Expand", "Tile", "Dropout"),
)
"""Operators that leave integers unchanged."""
SETTINGS = {
    "Resize",
    "Upsample",
    "Pad",
    "Clip",
    "QuantizeLinear",
    "DequantizeLinear",
    "Range",
    "NonMaxSuppression",
    "OneHot",
}
"""Operators whose constants are scales, bounds and fill values, which are not parameters."""
WHOLE_NUMBERS = {"ConvInteger": (1,), "MatMulInteger": (0, 1), "QLinearConv": (3, 8), "QLinearMatMul": (0, 3)}
"""The indices of the weight inputs of integer operators, whose other constants are scales and zero points."""

PLACED = ("MaxPool", "TopK")
"""Operators whose second output has an index, or another number, for each value of the first."""

WEIGHTED = ("conv", "convT", "linear", "batchnorm", "layernorm", "groupnorm", "instancenorm", "scale")
NORMALIZING = ("mul", "div")
"""The ops that end a norm written as several nodes: (x - mean) divided by, or times the inverse of, the deviation."""

Handler = Callable[["GraphReader", GraphNode], None]


class GraphReader(LayerMaker):
    """The reader of a graph: what each node reads, and the layers it becomes."""

    def __init__(self, graph: OnnxGraph, batch: Size | None, letters: Mapping[str, str]):
        """`batch` is the size of the batch; None if the graph has none."""
        what = "the nodes of the graph make {made:,} layers, or numbers in them by the hundred, more than {most:,}"
        super().__init__(batch, Limit(most_nodes(graph.size), what, IN_PARTS))
        self.graph, self._letters = graph, letters
        self.constants = dict(graph.constants)
        self.values: dict[str, Handle] = {}
        self.makers = {out: node for node in graph.nodes for out in node.outputs if out}
        """The node that makes each value."""
        self.quantized: dict[str, Quantized] = {}
        """How the integers of values stand for the real numbers of their layers."""
        self.scales: dict[str, tuple[str, Const | None]] = {}
        """The values that are a node's computed scale times a constant."""
        self._made_whole: dict[str, Handle] = {}
        self._passed = False
        """Whether the current node passes integers on unchanged."""
        self._dropped: set[Draft] = set()
        self.dynamic: dict[str, tuple[Handle, Handle]] = {}
        """The scale and zero of values that are rounded by their own range."""
        self.zeros: dict[str, str] = {}
        """The values that are a node's computed zero."""
        self._inputs: list[Draft] = []
        self.single_inputs: list[Draft] = []
        """The further inputs that have no batch."""
        self.whole = False
        """Whether the result does not depend on the input, and so has no batch."""
        self._biases: dict[str, set[str]] | None = None
        self._made_constants: dict[tuple[str, Shape], tuple[Handle, Const]] = {}
        self._named: tuple[GraphNode | None, dict[int, str]] = (None, {})
        """The constants that a node reads, by id."""
        self.plans: dict[tuple[Any, ...], Any] = {}
        """How operands broadcast, by their shapes and axes."""
        self.contradictions: list[tuple[str, Shape, Shape]] = []
        """The values whose declared shape differs from the actual one: name, declared, ours."""

    # shapes

    def size(self, dim: int | str | None) -> Size:
        """Return a size declared in the file, which is open if it is not a positive number."""
        if isinstance(dim, int):
            return dim if dim > 0 else UNKNOWN
        letter = None if dim is None else self._letters.get(dim)
        return UNKNOWN if letter is None else Open(letter)

    def full_of(self, name: str) -> tuple[Size, ...] | None:
        """Return the file's shape of a node's input, which may be a constant; None if nothing is known of it."""
        const = self.const(name)
        return self.full(self.value(name)) if const is None else const.shape

    # what nodes read

    def const(self, name: str) -> Const | None:
        """Return a constant; None for anything else."""
        return self.constants.get(name)

    def name_of(self, node: GraphNode, const: Const, at: int) -> str:
        """Return the name of a constant that a node reads, or a new name for one made from its input `at`."""
        if self._named[0] is not node:
            self._named = node, {id(self.const(name)): name for name in reversed(node.inputs)}
        return self._named[1].get(id(const), f"{node.name}.{at + 1}")

    def scalar(self, name: str) -> float | int | None:
        """Return the number of a scalar constant; None for anything else."""
        const = self.const(name)
        return None if const is None else const.scalar()

    def listed(self, name: str) -> list[Number] | None:
        """Return the flat numbers of a constant; None if they are unknown, and for anything else."""
        const = self.const(name)
        return None if const is None else const.values

    def is_zero(self, name: str) -> bool:
        """Return whether a value is a constant of only zeros."""
        const, maker = self.const(name), self.makers.get(name)
        if const is None:
            fill = maker.tensor("value") if maker is not None and maker.op == "ConstantOfShape" else None
            given = None if fill is None else of_tensor(fill, "constant", None).scalar()
            return maker is not None and maker.op == "ConstantOfShape" and not given
        return const.repeats(0)

    def given(self, node: GraphNode) -> Inputs:
        """Return a node's inputs as constants."""
        return inputs_of(node, self.constants)

    def param(self, node: GraphNode, at: int) -> Const | None:
        """Return a weight, as a constant or an input that stands for one; None if left out.

        Raise OpaqueNode otherwise.
        """
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

        return Const(shape, "float", read, origin=INITIALIZER, key=name)

    def kind(self, name: str) -> str:
        """Return the kind of a value's numbers as stated in the file: float, int or bool."""
        const = self.const(name)
        type_ = self.type_of(name) if const is None else {"int": INT64}.get(const.kind, FLOAT)
        return "bool" if type_ == BOOL else "int" if type_ in INTEGERS else "float"

    def type_of(self, name: str) -> int:
        """Return the TensorProto.DataType of a value; 0 if the file does not state it."""
        return self.graph.type_of(name)

    def completes(self, layer: Draft) -> bool:
        """Return whether factors and addends after a layer are weights of it, or of a norm written as nodes."""
        op = layer.op.rstrip("123d")
        if op in WEIGHTED:
            return True
        if op not in NORMALIZING or len(layer.reads) < 2:
            return False
        return not self.weighted.isdisjoint(layer.reads)

    def is_shared(self, name: str) -> bool:
        """Return whether several nodes read a constant as their weight, each with its own bias."""
        if self._biases is None:
            self._biases = {}
            for node in self.graph.nodes:
                self._biases.setdefault(node.input(1), set()).add(node.input(2))
        return len(self._biases.get(name, ())) > 1

    def sole_maker(self, name: str, *ops: str) -> GraphNode | None:
        """Return the node that makes a value, if it has one of these ops and the value has no other reader."""
        maker = self.makers.get(name)
        return maker if maker is not None and maker.op in ops and self.graph.uses.get(name) == 1 else None

    def value(self, name: str) -> Handle:
        """Return an input; a constant becomes a layer, and so does a further input of the graph."""
        if name not in self.values:
            const = self.const(name)
            if const is not None:
                return self.constant(name, const)
            self.values[name] = self._input(name)
        own = self.quantized.get(name)
        return self.values[name] if own is None or own.of is None or self._passed else self._whole(name, own)

    def _whole(self, name: str, own: Quantized) -> Handle:
        """Return the integers in the file of a value with a dynamic scale."""
        if name not in self._made_whole:
            scale, zero = self.dynamic[own.of or name]
            whole = self.add(f"{name}.steps", "div", [self.values[name], scale])
            if own.shifted:
                whole = self.add(f"{name}.shifted", "add", [whole, zero])
            self._made_whole[name] = self.pointwise(f"{name}.whole", "round", whole)
        return self._made_whole[name]

    def _input(self, name: str) -> Handle:
        """Return a further input of the graph, whose batch is the axis of the first input's batch size."""
        full = self._declared(name)
        value = self.tensor(Draft(name, "input"), full)
        if full is not None and value.axes is None:
            value = self.tensor(Draft(name, "input"), full, batched=False)
        if value.batch_at and full is not None and isinstance(self.batch, int):  # it is given in the file's form
            value = Handle(value.layer, tuple(full), plain(len(full)), self.batch == 1)
        if value.axes is None:
            return self.opaque(name or "nothing", "Input", None, (), **NO_FIGURES)
        sizes = [n if isinstance(n, int) else str(n) if n != UNKNOWN else None for n in value.shape]
        layer = self.add(printable(name), "input", [], {"shape": sizes}).layer
        if value.batch_at is not None:
            self._inputs.append(layer)
        elif value.batched:
            self.single_inputs.append(layer)
        return value._replace(layer=layer)

    def unfolds(self) -> bool:
        """Return whether a layer reads a value with its batch as an axis of the sample, or the result has none."""
        if self.whole:
            return True
        unfolded = {self.whole_input, *self._unfolded.values()}
        return any(read in unfolded for layer in self.spec.layers for read in layer.reads) or any(
            layer in unfolded for layer in self.spec.layers
        )

    def whole_inputs(self) -> list[tuple[Draft, Draft]]:
        """Return each further input with the layer that its readers use: the input with its batch as an axis."""
        size = self.batch if isinstance(self.batch, int) else str(self.batch)
        for layer in self._inputs:
            layer.keys["shape"] = [size, *layer.keys["shape"]]
        return [(layer, layer) for layer in self._inputs]

    def constant(self, name: str, const: Const, shape: Sequence[int] | None = None, *, weight: bool = False) -> Handle:
        """Return a constant as a layer without a batch, in another shape if given.

        `weight` says that it counts as a parameter although it is not stored as one.
        """
        array = const if shape is None else const.reshaped(tuple(shape))
        have, made_of = self._made_constants.get((name, array.shape), (None, None))
        if have is not None and made_of is const:
            return have
        if min(array.shape, default=1) < 1 or len(array.shape) > MOST_SIZES:
            sizes = [n if n > 0 else UNKNOWN for n in array.shape]
            return self.opaque(name or "nothing", "Constant", sizes, (), params=const.params, macs=0, buffers=0)
        number = const.scalar()
        keys: dict[str, Any] = {
            "shape": list(array.shape),
            "kind": "parameter" if (const.params and const.shape) or weight else "constant",
        }
        if number is not None and keys["kind"] == "constant" and abs(number) < LARGEST:
            made = self.add(name, "constant", [], {"shape": list(array.shape), "value": number})
        else:
            made = self.add(name, "constant", [], keys, {"weight": array})
        value = Handle(made.layer, array.shape, plain(len(array.shape)), None)
        self._made_constants[name, array.shape] = (value, const)
        return value

    def once(self, const: Const, axis: int) -> Const:
        """Return a constant with one unit of a fixed batch's axis, if it is the same for all samples."""
        cost = const.cost + NUMBERS_A_NODE
        if const.shape[axis] != self.batch or const.size > MOST_COMPARED or cost > self.graph.numbers:
            return const
        self.graph.numbers -= cost
        return const.once(axis) or const

    def _declared(self, name: str) -> Full:
        dims = self.graph.declared(name)
        return None if dims is None else [self.size(n) for n in dims]

    def first(self, node: GraphNode) -> Handle:
        """Return a node's first input. Raise SpecError if it has none."""
        if not node.input(0):
            raise node.wrong("has no input")
        return self.value(node.input(0))

    def known(self, node: GraphNode) -> tuple[Handle, tuple[Size, ...]]:
        """Return a node's first input and its shape in the file. Raise OpaqueNode if the shape is unknown."""
        value = self.first(node)
        return value, needed(self.full(value))

    # what nodes make

    def drop(self, node: GraphNode) -> None:
        """Remove the layer of a node whose result has no other reader; a node that changes nothing has no layer."""
        layer = self.values.pop(node.outputs[0]).layer
        if layer not in [self.values[name].layer for name in node.inputs if name in self.values]:
            self._dropped.add(layer)
            self.made.pop(layer, None)

    def leave_out_dropped(self) -> None:
        """Delete the dropped layers."""
        self.spec.layers = [layer for layer in self.spec.layers if layer not in self._dropped]

    def make(self, node: GraphNode, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> None:
        """Add the layer for a node, and set its output as the node's first output."""
        self.give(node, self.add(node.name, op, reads, keys, weights))

    def make_pointwise(self, node: GraphNode, op: str, x: Handle, keys: Keys = None) -> None:
        """Add the value-by-value layer for a node."""
        self.give(node, self.pointwise(node.name, op, x, keys))

    def make_on_maps(self, node: GraphNode, op: str, x: Handle, keys: Keys = None, weights: Weights = None) -> None:
        """Add the layer for a node that works on (batch, channels, *space)."""
        maps = self.maps(x)
        self.give(node, self.unmapped(node.name, self.add(node.name, op, maps.x, keys, weights), maps))

    def give(self, node: GraphNode, value: Handle) -> None:
        """Set a node's first output."""
        if node.outputs and node.outputs[0]:
            self.values[node.outputs[0]] = value

    # all of them

    def node(self, node: GraphNode, handlers: Mapping[str, Handler]) -> None:
        """Read one node: as constants, a layer, or an opaque one."""
        consts = fold(node, self.constants, self.graph)
        if consts is not None:
            self.constants.update({name: const for name, const in zip(node.outputs, consts, strict=False) if name})
            return
        branch = self._branch(node)
        if branch is not None:
            self._inline(node, branch, handlers)
            return
        try:
            self._passed = node.op in PASSED
            needed(handlers.get(node.op))(self, node)
            if node.op in PASSED and node.input(0) in self.quantized and node.outputs[0] not in self.quantized:
                self.quantized[node.outputs[0]] = self.quantized[node.input(0)]
        except OpaqueNode as opaque:
            self._leave_opaque(node, opaque)
        except ArithmeticError:  # a scale or an order of 0, and numbers beyond those of floats
            self._leave_opaque(node, OpaqueNode(known=False))
        self._passed = False
        for out in node.outputs:
            self._hold_to_declared(out)
        for at, out in enumerate(node.outputs):
            if at and out and out not in self.values and out not in self.constants and out in self.graph.uses:
                first = self.values.get(node.outputs[0]) if node.op in PLACED else None
                full = self._declared(out) if first is None else self.full(first)
                self.values[out] = self.opaque(out, node.op, full, self._reads(node), **NO_FIGURES)

    def _hold_to_declared(self, name: str) -> None:
        """Use the declared shape of a value where ours is unknown; record contradictions."""
        dims = dims_of(self.graph.declared_types.get(name))
        value = self.values.get(name)
        if dims is None or value is None:
            return
        declared, full = [self.size(n) for n in dims], self.full(value)
        ours = [UNKNOWN] * len(declared) if full is None else list(full)
        if len(ours) != len(declared) or any(map(_contradicts, ours, declared)):
            self.contradictions.append((name, tuple(declared), tuple(ours)))
        elif full is None or any(map(_fills, ours, declared)):
            merged = [m if _fills(n, m) else n for n, m in zip(ours, declared, strict=True)]
            self.values[name] = self.opaque(f"{name}.declared", "Declared", merged, [value], **NO_FIGURES)

    def _branch(self, node: GraphNode) -> Any:
        """Return the graph that an If with a constant condition runs; None for other nodes."""
        condition = self.scalar(node.input(0)) if node.op == "If" else None
        return None if condition is None else node.graph("then_branch" if condition else "else_branch")

    def _inline(self, node: GraphNode, branch: Any, handlers: Mapping[str, Handler]) -> None:
        """Read the nodes of an inner graph in place of its node."""
        inner = OnnxGraph(
            self.graph.model,
            self.graph.folder,
            self.graph.size,
            graph=branch,
            around=[self.values, self.constants, self.graph.inputs, self.graph.sparse],
        )
        self.graph.count(inner.nodes)
        self.constants |= inner.constants
        read = [name for one in inner.nodes for name in (*one.inputs, *one.captured)]
        self.graph.uses.update(Counter([*read, *inner.outputs]))
        self.makers.update({out: one for one in inner.nodes for out in one.outputs if out})
        for one in inner.nodes:
            self.node(one, handlers)
        for ours, theirs in zip(node.outputs, inner.outputs, strict=False):
            if theirs in self.constants:
                self.constants[ours] = self.constants[theirs]
            elif ours:
                self.values[ours] = self.value(theirs)

    def _leave_opaque(self, node: GraphNode, opaque: OpaqueNode) -> None:
        full = opaque.shape if opaque.shape is not None else self._declared(node.outputs[0] if node.outputs else "")
        if node.op in WHOLE_NUMBERS:
            own = [const.size for at in WHOLE_NUMBERS[node.op] if (const := self.const(node.input(at)))]
        else:
            numbers = node.op in SETTINGS
            own = [const.size for const in map(self.const, node.inputs) if const and const.trained and not numbers]
        params = sum(own) if opaque.params is None else opaque.params
        figures: dict[str, int | None] = {"params": params, "macs": opaque.macs, "buffers": 0}
        if not opaque.known:
            figures = self._nested_figures(node) if node.nests else {"params": params, "buffers": 0}
        self.give(node, self.opaque(node.name, node.op, full, self._reads(node), **figures))

    def _nested_figures(self, node: GraphNode) -> dict[str, int | None]:
        """Return the figures of a node's inner graphs: none if they have neither weights nor MACs, else unknown."""
        read = [const for name in node.captured if (const := self.const(name)) is not None]
        if any(const.params and const.shape for const in read):
            return {}
        for graph in nested_graphs(node.proto):
            inner = [GraphNode(proto, at) for at, proto in enumerate(graph.node)]
            given = [a for one in inner for a in one.attributes.values()]
            arrays = [of_tensor(t, "", None) for t in (*graph.initializer, *[a.t for a in given if a.HasField("t")])]
            if graph.sparse_initializer or any(len(a.floats) > 1 or a.HasField("sparse_tensor") for a in given):
                return {}
            if not WITHOUT_PRODUCTS.issuperset([one.op for one in inner]):
                return {}
            if any(array.kind == "float" and array.size > 1 for array in arrays):
                return {}
        return dict(NO_FIGURES)

    def _reads(self, node: GraphNode) -> list[Handle]:
        """Return the values that a node reads, and the file's inputs that its inner graphs read."""
        inner = [name for name in node.captured if name in self.graph.inputs]
        names = dict.fromkeys([*node.inputs, *inner])
        return [self.value(name) for name in names if name and name not in self.constants]

    def met(self, node: GraphNode) -> tuple[Size, ...] | None:
        """Return the common broadcast shape of a node's inputs; None if unknown."""
        shapes = [self.full_of(name) for name in filter(None, node.inputs)]
        known_shapes = [full for full in shapes if full is not None]
        return broadcast(*known_shapes) if len(known_shapes) == len(shapes) else None


def _fills(ours: Size, declared: Size) -> bool:
    """Return whether a declared size adds information to ours."""
    return ours == UNKNOWN and isinstance(declared, int)


def _contradicts(ours: Size, declared: Size) -> bool:
    """Return whether a declared size contradicts ours."""
    return isinstance(ours, int) and isinstance(declared, int) and ours != declared
