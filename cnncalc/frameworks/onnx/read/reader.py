"""Nodes to layers: each is traced as it is made, so that the next ones know the shapes that they read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ....axes import Fields, begin
from ....dialects import dialect_named
from ....errors import CnncalcError, SpecError
from ....layers import OPS, Env, Layer
from ....sizes import LARGEST, MOST_SIZES, NOTHING_KNOWN, UNKNOWN, Open, Shape, Size, known, product
from ...build import NO_FIGURES, Draft, SpecBuilder, group_of, printable
from ...values import BATCH, Axes, Handle, batch_first, numbered, plain, regrouped, transposed
from .const import BOOL, FLOAT, INITIALISER, INT64, INTEGERS, Const, Number, of_tensor
from .fold import Inputs, broadcast, fold, inputs_of
from .model import GraphNode, OnnxGraph, captured, dims_of

ENV = Env(dialect_named("onnx"), channels_last=False)
T = TypeVar("T")
Full = Sequence[Size] | None
"""A shape as the file has it; None if nothing is known of it."""


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


PASSED = (
    *("Reshape", "Transpose", "MaxPool", "Slice", "Squeeze", "Unsqueeze", "Flatten", "Gather", "Identity", "Cast"),
    *("GlobalMaxPool", "Expand", "Tile", "Dropout"),
)
"""Operators that whole numbers stay the same numbers in."""
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
"""Operators whose constants are scales, bounds and values to fill in: none of them is a parameter."""

WEIGHTED = ("conv", "convT", "linear", "batchnorm", "layernorm", "groupnorm", "instancenorm", "scale")
COMPLETED = ("bias", "scale", "center")
"""The keys of the weights that a later node may give a layer, which one that shares the others then does not have."""
NORMALISING = ("mul", "div")
"""The ops that end a norm which is written as several nodes: (x - mean) over, or times one over, the deviation."""

Handler = Callable[["GraphReader", GraphNode], None]
Reads = Handle | Sequence[Handle]
Keys = Mapping[str, Any] | None
Weights = Mapping[str, Const | None] | None


class Quantised(NamedTuple):
    """How whole numbers stand for real ones: (number - zero)*scale, one for all or one for each channel."""

    scale: tuple[float, ...]
    zero: tuple[float, ...]
    of: str | None = None
    """The node whose scale it is, if that is not known before it is run."""

    @property
    def per_channel(self) -> bool:
        """True if there are several scales or zeros."""
        return len(self.scale) > 1 or len(self.zero) > 1


class Maps(NamedTuple):
    """A tensor as a layer needs it that takes a batch, then channels and space; and its first axis as it was."""

    x: Handle
    """The sample is all but the first axis."""
    first: tuple[int, ...]
    """What the first axis was made of."""
    folded: Shape
    """The sizes of the axes of the sample that were folded into the batch."""


class GraphReader:
    """The layers of a graph as they are made."""

    def __init__(self, graph: OnnxGraph, batch: Size | None, letters: Mapping[str, str]):
        """`batch` is the size of the batch; None if the graph has none."""
        self.graph, self._letters = graph, letters
        self.batch: Size = 1 if batch is None else batch
        self.has_batch = batch is not None
        self.constants = dict(graph.constants)
        self.values: dict[str, Handle] = {}
        self.spec = SpecBuilder(wired=True)
        self.made: dict[Draft, Layer] = {}
        """The layers, without those that could not be made."""
        self.makers = {out: node for node in graph.nodes for out in node.outputs if out}
        """The node that makes each value."""
        self.whole_input = Draft("input", "input")
        """The input with its batch as an axis of the sample, if anything reads it so."""
        self.quantised: dict[str, Quantised] = {}
        """How the whole numbers of values stand for those that their layers have."""
        self.scales: dict[str, tuple[str, Const | None]] = {}
        """The values that are a node's own scale, each times a constant."""
        self._made_whole: dict[str, Handle] = {}
        self._passed = False
        """Whether the node that is read gives whole numbers on as they are."""
        self.dynamic: dict[str, tuple[Handle, Handle]] = {}
        """The scale and the zero of values that are rounded on a scale of their own."""
        self.zeros: dict[str, str] = {}
        """The values that are a node's own zero."""
        self._fields: dict[Draft, Fields] = {}
        self._unfolded: dict[Draft, Draft] = {}
        self._inputs: list[Draft] = []
        self.single_inputs: list[Draft] = []
        """The further inputs that are one sample as they are."""
        self.whole = False
        """Whether the result does not depend on the input, and so has no batch."""
        self._biases: dict[str, set[str]] | None = None
        self._made_constants: dict[tuple[str, Shape], Handle] = {}
        self.arrays: dict[Draft, dict[str, Const]] = {}
        """The arrays of each layer, by their roles."""
        self.contradictions: list[tuple[str, Shape, Shape]] = []
        """The values of which the file declares another shape than the one they have: name, declared, ours."""
        self.misfits: list[tuple[str, Shape, Shape]] = []
        """The reshapes to sizes that have another number of values: name, the shape before, and the one asked for."""

    # shapes

    def size(self, dim: int | str | None) -> Size:
        """Return a size that the file declares, open if it is not a positive number."""
        if isinstance(dim, int):
            return dim if dim > 0 else UNKNOWN
        letter = None if dim is None else self._letters.get(dim)
        return UNKNOWN if letter is None else Open(letter)

    def full(self, value: Handle) -> tuple[Size, ...] | None:
        """Return a value's shape as the file has it, None if nothing is known of it."""
        return value.full(self.batch)

    def full_of(self, name: str) -> tuple[Size, ...] | None:
        """Return the shape of an input as the file has it, a constant's as it is; None if nothing is known of it."""
        const = self.const(name)
        return self.full(self.value(name)) if const is None else const.shape

    def tensor(self, layer: Draft, full: Full, batched: bool | None = True) -> Handle:
        """Return a layer's output of which the file's shape is known: its batch is the axis of the batch's size."""
        if full is None or len(full) > MOST_SIZES or any(isinstance(n, int) and not 1 <= n <= LARGEST for n in full):
            return Handle(layer, NOTHING_KNOWN, None, batched)
        sizes = tuple(full)
        if batched and not self.has_batch:
            batched = False
        if not batched:
            return Handle(layer, sizes, plain(len(sizes)), batched)
        if sizes[:1] == (self.batch,) or (sizes[:1] == (UNKNOWN,) and isinstance(self.batch, Open)):
            return Handle(layer, sizes[1:], batch_first(len(sizes) - 1))
        if self.batch in sizes:
            at = sizes.index(self.batch)
            groups = [() if place == at else (n,) for place, n in enumerate(sizes)]
            return Handle(layer, (*sizes[:at], *sizes[at + 1 :]), numbered(groups, (at, 0)))
        if self.batch == 1:
            return Handle(layer, sizes, plain(len(sizes)))
        return Handle(layer, NOTHING_KNOWN, None)

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

    def is_zero(self, name: str) -> bool:
        """Return whether a value is a constant of nothing but zeros, of whatever shape."""
        const, maker = self.const(name), self.makers.get(name)
        if const is None:
            fill = maker.tensor("value") if maker is not None and maker.op == "ConstantOfShape" else None
            given = None if fill is None else of_tensor(fill, "constant", None).scalar()
            return maker is not None and maker.op == "ConstantOfShape" and not given
        values = const.values
        return set(values) == {0} if values is not None else const.uniform() and not const.read().any()

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

    def kind(self, name: str) -> str:
        """Return the kind of a value's numbers as far as the file says it: float, int or bool."""
        const = self.const(name)
        type_ = self.type_of(name) if const is None else {"int": INT64}.get(const.kind, FLOAT)
        return "bool" if type_ == BOOL else "int" if type_ in INTEGERS else "float"

    def type_of(self, name: str) -> int:
        """Return the TensorProto.DataType of a value, 0 if the file does not say it."""
        return self.graph.type_of(name)

    def completes(self, layer: Draft) -> bool:
        """Return whether factors and addends that follow a layer are weights of it, or of a norm written as nodes."""
        op = layer.op.rstrip("123d")
        if op in WEIGHTED:
            return True
        if op not in NORMALISING or len(layer.reads) < 2:
            return False
        waiting, seen = list(layer.reads), set[Draft]()
        while waiting:
            one = waiting.pop()
            if one.weights:
                return True
            waiting += [read for read in one.reads if read not in seen]
            seen.update(one.reads)
        return False

    def is_shared(self, name: str) -> bool:
        """Return whether several nodes read a constant as their weight, each with a bias of its own."""
        if self._biases is None:
            self._biases = {}
            for node in self.graph.nodes:
                self._biases.setdefault(node.input(1), set()).add(node.input(2))
        return len(self._biases.get(name, ())) > 1

    def sole_maker(self, name: str, *ops: str) -> GraphNode | None:
        """Return the node that makes a value, if it is one of these ops and nothing else reads the value."""
        maker = self.makers.get(name)
        return maker if maker is not None and maker.op in ops and self.graph.uses.get(name) == 1 else None

    def value(self, name: str) -> Handle:
        """Return an input; a constant becomes a layer, as does a second input of the graph."""
        if name not in self.values:
            const = self.const(name)
            if const is not None:
                return self.constant(name, const)
            self.values[name] = self._input(name)
        of = self.quantised[name].of if name in self.quantised else None
        return self.values[name] if of is None or self._passed else self._whole(name, of)

    def _whole(self, name: str, of: str) -> Handle:
        """Return the whole numbers that a value of a dynamic scale is in the file."""
        if name not in self._made_whole:
            scale, zero = self.dynamic[of]
            whole = self.add(f"{name}.steps", "div", [self.values[name], scale])
            if name == of:
                whole = self.add(f"{name}.shifted", "add", [whole, zero])
            self._made_whole[name] = self.pointwise(f"{name}.whole", "round", whole)
        return self._made_whole[name]

    def _input(self, name: str) -> Handle:
        """Return another input of the graph. Its batch is the axis that has the size of the first one's."""
        full = self._declared(name)
        value = self.tensor(Draft(name, "input"), full)
        if full is not None and value.axes is None:
            value = self.tensor(Draft(name, "input"), full, batched=False)
        if value.batch_at and full is not None and isinstance(self.batch, int):  # it is given as the file has it
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
        """Return each other input with the layer that its readers have in its place: it has its batch as an axis."""
        size = self.batch if isinstance(self.batch, int) else str(self.batch)
        for layer in self._inputs:
            layer.keys["shape"] = [size, *layer.keys["shape"]]
        return [(layer, layer) for layer in self._inputs]

    def constant(self, name: str, const: Const, shape: Sequence[int] | None = None, *, weight: bool = False) -> Handle:
        """Return a constant as a layer, of another shape if one is given; it has no batch.

        `weight` says that it counts as a parameter though it is not stored as one.
        """
        array = const if shape is None else const.reshaped(tuple(shape))
        have = self._made_constants.get((name, array.shape))
        if have is not None:
            return have
        if 0 in array.shape or len(array.shape) > MOST_SIZES:
            return self.opaque(name or "nothing", "Constant", None, (), params=const.params, macs=0, buffers=0)
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
        self._made_constants[name, array.shape] = value
        return value

    def _declared(self, name: str) -> Full:
        dims = self.graph.declared(name)
        return None if dims is None else [self.size(n) for n in dims]

    def first(self, node: GraphNode) -> Handle:
        """Return a node's first input. SpecError if it has none."""
        if not node.input(0):
            raise node.wrong("has no input")
        return self.value(node.input(0))

    def known(self, node: GraphNode) -> tuple[Handle, tuple[Size, ...]]:
        """Return a node's first input and its shape as the file has it. OpaqueNode if nothing is known of it."""
        value = self.first(node)
        return value, needed(self.full(value))

    # the batch among the axes

    def unfolded(self, x: Handle) -> Handle:
        """Return a tensor with its batch as an axis of the sample."""
        if not x.batched or x.axes is None:
            return x
        layer = self._unfolded.get(x.layer)
        if layer is None and x.layer is self.spec.input:
            layer = self._unfolded[x.layer] = self.whole_input
        sample = (self.batch, *x.shape)
        if layer is None:
            layer = self.add(f"{x.layer.name}.frombatch", "frombatch", x).layer
            self._unfolded[x.layer] = layer
        axes: Axes = tuple([tuple([place + 1 for place in group]) for group in x.axes])
        if BATCH not in [place for group in x.axes for place in group]:
            axes = ((0,), *axes)
        order = [place for group in axes for place in group]
        whole = Handle(layer, sample, plain(len(sample)), False)
        if order != sorted(order):
            whole = self.permuted(f"{x.layer.name}.permuted", whole, order)
        try:
            return self.reshaped(f"{x.layer.name}.merged", whole, self.full(x) or ())
        except OpaqueNode as opaque:
            return self.opaque(f"{x.layer.name}.merged", "Reshape", opaque.shape, [whole], **NO_FIGURES)

    def without_batch(self, x: Handle, at: int) -> Handle:
        """Return a tensor whose axis `at` has no part of the batch: one of a batch of 1 has none to lose."""
        if x.axes is None or BATCH not in x.axes[at]:
            return x
        if self.batch != 1:
            return self.unfolded(x)
        group = tuple([place for place in x.axes[at] if place != BATCH])
        if len(group) < 2:
            return x._replace(axes=(*x.axes[:at], group, *x.axes[at + 1 :]))
        full = needed(self.full(x))
        return Handle(self.shaped(f"{x.layer.name}.merged", x, full), full, plain(len(full)), x.batched)

    def explicit(self, x: Handle, front: int = 0) -> Handle:
        """Return a tensor with an axis of the sample for each of the file's from `front` on that has none."""
        if x.axes is None or all(x.axes[front:]):
            return x
        groups = [x.sizes_at(at, BATCH) or ([1] if at >= front else []) for at in range(x.rank)]
        batch = x.batch_at
        where = None if batch is None else (batch, x.axes[batch].index(BATCH))
        apart = [[n for n in group if n != BATCH] for group in groups]
        sample = tuple([n for group in apart for n in group])
        return Handle(self.shaped(f"{x.layer.name}.axes", x, sample), sample, numbered(apart, where), x.batched)

    def along(self, x: Handle, at: int) -> tuple[Handle, int]:
        """Return a tensor and the axis (the batch is 0) that one of the file's axes is. OpaqueNode if unknown."""
        if x.axes is None:
            raise OpaqueNode(known=False)
        if not x.axes[at] or BATCH in x.axes[at]:
            x = self.without_batch(x, at)
            if x.axes is not None and not x.axes[at]:
                x = self.explicit(x)
        assert x.axes is not None
        (place,) = x.axes[at]
        return x, place + 1

    def maps(self, x: Handle) -> Maps:
        """Return a tensor whose sample is all but the first axis, as windows and norms of channels need it."""
        if x.axes is None or not x.axes:
            return Maps(x, (BATCH,), ())
        for at in range(1, x.rank):
            x = self.without_batch(x, at)
        x = self.explicit(x, 1)
        assert x.axes is not None
        first = x.axes[0]
        folded = len([place for place in first if place != BATCH])
        if not folded:
            return Maps(x, first, ())
        rest = x.shape[folded:]
        if all(n == 1 for n in x.shape[:folded]):
            own = tuple([place for place in first if place == BATCH])
            layer = self.shaped(f"{x.layer.name}.samples", x, rest)
            return Maps(Handle(layer, rest, numbered([(), *[(n,) for n in rest]]), x.batched), own, ())
        if x.layer.op == "frombatch" and x.layer.keys.get("axes", 1) == folded:
            inner = x.layer.reads[0]
        else:
            inner = self.add(f"{x.layer.name}.tobatch", "tobatch", x, {"axes": folded}).layer
        return Maps(Handle(inner, rest, batch_first(len(rest)), x.batched), first, x.shape[:folded])

    def unmapped(self, name: str, made: Handle, maps: Maps) -> Handle:
        """Return what a layer made of `maps`, its first axis as it was."""
        if made.axes is None:
            return made
        groups = [maps.folded, *[(n,) for n in made.shape]]
        batch = (0, maps.first.index(BATCH)) if BATCH in maps.first else None
        axes = numbered(groups, batch)
        if not maps.folded:
            return made._replace(axes=axes, batched=maps.x.batched)
        back = self.add(f"{name}.frombatch", "frombatch", made, {"axes": len(maps.folded)})
        return Handle(back.layer, (*maps.folded, *made.shape), axes, maps.x.batched)

    def shaped(self, name: str, x: Handle, sample: Shape) -> Draft:
        """Return the layer of a sample in another shape; one number is the mean of a single one."""
        if not sample:
            return self.add(name, "mean", x, {"axis": list(range(1, len(x.shape) + 1))}).layer
        return self.add(name, "reshape", x, {"out": sizes_out(sample)}).layer

    def permuted(self, name: str, x: Handle, order: Sequence[int]) -> Handle:
        """Return a tensor with its axes in another order: a layer if that moves values of a sample."""
        places, axes = transposed(needed(x.axes), order)
        if places == sorted(places):
            return x._replace(axes=axes)
        made = self.add(name, "permute", x, {"order": [place + 1 for place in places]})
        return Handle(made.layer, tuple([x.shape[place] for place in places]), axes, x.batched)

    def reshaped(self, name: str, x: Handle, full: Sequence[Size]) -> Handle:
        """Return a tensor in another shape. OpaqueNode if its batch does not stay whole, or its sizes are open."""
        found = regrouped(x, self.batch, full) if x.axes is not None else None
        if found is None and x.batched and isinstance(self.batch, int):
            x = self.unfolded(x)
            found = regrouped(x, self.batch, full)
        if found is None:
            have = self.full(x)
            if have is not None and values_of(have) != values_of(full) and None not in map(values_of, (have, full)):
                self.misfits.append((name, tuple(have), tuple(full)))
            found = self._of_one(x, full)
        sample, axes = found
        if len(sample) > MOST_SIZES or any(isinstance(n, int) and not 1 <= n <= LARGEST for n in sample):
            raise OpaqueNode(full)
        if sample == x.shape:
            return x._replace(axes=axes)
        opened = [at for at, n in enumerate(sample) if not isinstance(n, int)]
        if len(opened) > 1:
            raise OpaqueNode(full)
        layer = self.add(name, "flatten", x).layer if len(sample) == 1 and x.shape else self.shaped(name, x, sample)
        return Handle(layer, sample, axes, x.batched)

    def _of_one(self, x: Handle, full: Sequence[Size]) -> tuple[Shape, Axes]:
        """Return the sample and its axes in a shape that a file with an open batch has only for one sample."""
        if x.axes is None or not x.batched or product(full) != product(x.shape) or product(full) == UNKNOWN:
            raise OpaqueNode(full)
        found = regrouped(x._replace(axes=plain(len(x.shape))), 1, full)
        if found is None or found[1][:1] != ((BATCH,),):
            raise OpaqueNode(full)
        return found

    # what nodes make

    def add(self, name: str, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> Handle:
        """Add a layer and return its output, its axes those of its first input if it has as many, else its own alone.

        Constants that other layers of this op have, too, are shared with them. OpaqueNode if there is no such op.
        """
        if op not in OPS or any(key not in OPS[op][0].KEYS for key in keys or ()):
            raise OpaqueNode
        sources = [reads] if isinstance(reads, Handle) else list(reads)
        own = {role: const for role, const in (weights or {}).items() if const is not None}
        arrays = {role: const.read for role, const in own.items()}
        read = [source.layer for source in sources]
        layer = self.spec.add(printable(name), op, read, keys, weights=arrays, owner=_owner(own.values()))
        self.arrays[layer] = own
        shape = self._trace(layer, sources)
        if shape is None:
            return Handle(layer, NOTHING_KNOWN, None, batched_of(sources))
        if not sources:
            return Handle(layer, shape, plain(len(shape)), None)
        x = sources[0]
        same = x.axes is not None and len(shape) == len(x.shape)
        return Handle(layer, shape, x.axes if same else plain(len(shape)), batched_of(sources))

    def _trace(self, layer: Draft, sources: Sequence[Handle]) -> Shape | None:
        """Return a layer's output shape; None if it is impossible, which the reader of specs will say."""
        cls, nd = OPS[layer.op]
        try:
            keys = {key: cls.KEYS[key](value, nd) for key, value in layer.keys.items() if value is not None}
            made = self.made[layer] = cls(layer.op, nd, keys)
            if any(source.axes is None for source in sources):
                return None
            shapes = [source.shape for source in sources]
            fields = [self._fields.get(source.layer, begin(source.shape, ())) for source in sources]
            if made.JOINS:
                traced = made.trace_all(shapes, fields, ENV)
                lead = max([one.lead for one in fields], key=len, default=())
                self._fields[layer] = traced.fields._replace(lead=lead)
            else:
                traced = made.trace(shapes[0], fields[0], ENV)
                self._fields[layer] = traced.fields
            return None if traced.out is NOTHING_KNOWN else traced.out
        except CnncalcError:
            return None

    def opaque(self, name: str, type: str, full: Full, reads: Sequence[Handle], **figures: int | None) -> Handle:
        """Add a layer of which only its output's shape and these figures are known, and return its output."""
        if {True, False} <= {x.batched for x in reads} and all(x.axes is not None for x in reads):
            reads = [self.unfolded(x) for x in reads]
        value = self.tensor(self.spec.input, full, batched_of(reads) if reads else type != "Constant" or None)
        out = None if value.axes is None else value.shape
        layer = self.spec.opaque(printable(name), type, [one.layer for one in reads], out, figures)
        if out == ():
            layer.keys["out"] = []
        return value._replace(layer=layer)

    def count(self) -> None:
        """Say what arrays count as that are made of several, or were counted whole before: a parameter counts once.

        Arrays of one number again and again are not shared but equal: exporters keep one of those before training.
        """
        seen: set[str] = set()
        for layer in self.spec.layers:
            if layer.tie is not None and any(layer.keys.get(key) != layer.tie.keys.get(key) for key in COMPLETED):
                layer.tie = None
            if layer.tie is not None:
                continue
            held, counts = Counter[str](), Counter[str]()
            for role, const in self.arrays.get(layer, {}).items():
                group, roots = group_of(layer, role), const.roots
                if group is None:
                    continue
                new = sum([size for key, size in roots.items() if key not in seen])
                shared = not new and sum(roots.values()) == const.size and const.varies
                computed = len(roots) > 1 or shared
                held[group] += const.size
                counts[group] += new if computed else const.size
                seen.update(roots)
            if held != counts:
                layer.counted = {group: counts[group] for group in held if counts[group] != held[group]}

    def drop(self, node: GraphNode) -> None:
        """Take back the layer of a node whose result nothing else reads."""
        layer = self.values.pop(node.outputs[0]).layer
        self.spec.remove(layer)
        self.made.pop(layer, None)

    def make(self, node: GraphNode, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> None:
        """Add the layer that a node is, and give its output to the node's first."""
        self.give(node, self.add(node.name, op, reads, keys, weights))

    def pointwise(self, name: str, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> Handle:
        """Add a layer that works value by value, before axes come back out of the batch if they do in all inputs."""
        xs = [reads] if isinstance(reads, Handle) else list(reads)
        backs = {(x.layer.op, x.layer.keys.get("axes"), x.shape) for x in xs}
        back, axes, shape = next(iter(backs))
        if back != "frombatch" or len(backs) > 1 or weights or axes is None:
            return self.add(name, op, reads, keys, weights)
        inner = [x._replace(layer=x.layer.reads[0], shape=x.shape[axes:], axes=plain(len(shape) - axes)) for x in xs]
        made = self.add(name, op, inner, keys)
        return self.add(f"{name}.frombatch", "frombatch", made, {"axes": axes})._replace(shape=shape, axes=xs[0].axes)

    def in_steps(self, name: str, x: Handle, own: Quantised) -> Handle:
        """Return the whole numbers that stand for real ones."""
        width = max(len(own.scale), len(own.zero))
        scale, zero = [one * width if len(one) == 1 else one for one in own[:2]]
        keys: dict[str, Any] = {"factor": [1 / s for s in scale], "offset": [*zero]}
        whole = self.pointwise(name, "rescale", x, keys if width > 1 else {key: one[0] for key, one in keys.items()})
        return self.pointwise(f"{name}.rounded", "round", whole)

    def make_pointwise(self, node: GraphNode, op: str, x: Handle, keys: Keys = None) -> None:
        """Add the layer that a node is, which works value by value."""
        self.give(node, self.pointwise(node.name, op, x, keys))

    def make_on_maps(self, node: GraphNode, op: str, x: Handle, keys: Keys = None, weights: Weights = None) -> None:
        """Add the layer that a node is, which takes a batch, then channels and space."""
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
            if node.op in PASSED and node.input(0) in self.quantised and node.outputs[0] not in self.quantised:
                self.quantised[node.outputs[0]] = self.quantised[node.input(0)]
        except OpaqueNode as opaque:
            self._leave_opaque(node, opaque)
        self._passed = False
        for out in node.outputs:
            self._hold_to_declared(out)
        for at, out in enumerate(node.outputs):
            if at and out and out not in self.values and out not in self.constants and out in self.graph.uses:
                self.values[out] = self.opaque(out, node.op, self._declared(out), self._reads(node), **NO_FIGURES)

    def _hold_to_declared(self, name: str) -> None:
        """Use the shape that the file declares for a value where ours is unknown; note it where ours is another."""
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
        """Return the graph that an If with a constant condition runs; None for any other node."""
        condition = self.scalar(node.input(0)) if node.op == "If" else None
        return None if condition is None else node.graph("then_branch" if condition else "else_branch")

    def _inline(self, node: GraphNode, branch: Any, handlers: Mapping[str, Handler]) -> None:
        """Read the nodes of a graph inside a node in its place."""
        inner = OnnxGraph(
            self.graph.model, self.graph.folder, branch, {*self.values, *self.constants, *self.graph.inputs}
        )
        self.constants |= inner.constants
        read = [name for one in inner.nodes for name in (*one.inputs, *captured(one.proto))]
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
        numbers = node.op in SETTINGS
        own = [const.size for const in map(self.const, node.inputs) if const and const.trained and not numbers]
        params = sum(own) if opaque.params is None else opaque.params
        figures = {"params": params, "macs": opaque.macs, "buffers": 0}
        if not opaque.known:
            figures = {} if node.nests else {"params": params, "buffers": 0}
        self.give(node, self.opaque(node.name, node.op, full, self._reads(node), **figures))

    def _reads(self, node: GraphNode) -> list[Handle]:
        """Return the values that a node reads, and the inputs of the file that the graphs inside of it do."""
        inner = [name for name in captured(node.proto) if name in self.graph.inputs]
        names = dict.fromkeys([*node.inputs, *inner])
        return [self.value(name) for name in names if name and name not in self.constants]

    def met(self, node: GraphNode) -> tuple[Size, ...] | None:
        """Return the shape that a node's inputs have together, None if that is not known."""
        shapes = [self.full_of(name) for name in filter(None, node.inputs)]
        known_shapes = [full for full in shapes if full is not None]
        return broadcast(*known_shapes) if len(known_shapes) == len(shapes) else None


def batched_of(reads: Sequence[Handle]) -> bool | None:
    """Return where the batch of a layer's output is: where that of its inputs is that have one."""
    kinds = {x.batched for x in reads} - {None}
    return None if not kinds else True in kinds


def sizes_out(sample: Shape) -> list[int]:
    """Return a sample as the target of a reshape. OpaqueNode if more than one size is open."""
    sizes = [n if isinstance(n, int) else -1 for n in sample]
    if sizes.count(-1) > 1:
        raise OpaqueNode(known=False)
    return sizes


def _owner(weights: Iterable[Const]) -> tuple[str | None, ...] | None:
    """Return the key of a layer's weights; None without any, and for those of untrained norms."""
    keys = tuple([const.key for const in weights])
    return None if not keys or None in keys or all(const.uniform() for const in weights) else keys


def _fills(ours: Size, declared: Size) -> bool:
    """Return whether a size that the file declares says what is not known here."""
    return ours == UNKNOWN and isinstance(declared, int)


def _contradicts(ours: Size, declared: Size) -> bool:
    """Return whether a size that the file declares is another than ours."""
    return isinstance(ours, int) and isinstance(declared, int) and ours != declared


def values_of(full: Sequence[Size]) -> int | None:
    """Return how many values a shape holds, None if a size is open."""
    return known(product(full)) if all(isinstance(n, int) for n in full) else None
