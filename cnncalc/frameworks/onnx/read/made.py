"""Layers that are traced as they are made, so that later ones know the shapes of their inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ....axes import Fields, begin
from ....dialects import dialect_named
from ....errors import CnncalcError
from ....layers import OPS, Env, Layer
from ....layers.base import Trace
from ....limits import NUMBERS_A_LAYER, Limit
from ....sizes import LARGEST, MOST_SIZES, NOTHING_KNOWN, UNKNOWN, Open, Shape, Size, known, product
from ...build import NO_FIGURES, Draft, SpecBuilder, group_of, printable
from ...values import BATCH, Axes, Handle, batch_first, numbered, plain, regrouped, transposed
from .const import Const

ENV = Env(dialect_named("onnx"), channels_last=False)
T = TypeVar("T")
Full = Sequence[Size] | None
"""The file's shape of a value; None if nothing is known of it."""

COMPLETED = ("bias", "scale", "center")
"""The keys of weights that a later node may add to a layer, which a layer sharing the other weights then lacks."""
Reads = Handle | Sequence[Handle]
Keys = Mapping[str, Any] | None
Weights = Mapping[str, Const | None] | None


class OpaqueNode(Exception):
    """A node for which there is no layer, with what is known of it."""

    def __init__(self, shape: Full = None, *, params: int | None = None, macs: int | None = 0, known: bool = True):
        """Keep what is known: by default `params` are those of the node's arrays; `known` says whether figures are."""
        super().__init__()
        self.shape, self.params, self.macs, self.known = shape, params, macs, known


def needed(value: T | None) -> T:
    """Return a fact that a layer depends on. Raise OpaqueNode if it is None, which means unknown."""
    if value is None:
        raise OpaqueNode(known=False)
    return value


class Quantized(NamedTuple):
    """How integers stand for real numbers: (number - zero)*scale, for all or per channel."""

    scale: tuple[float, ...]
    zero: tuple[float, ...]
    of: str | None = None
    """The node that computes the scale, if it is only known at run time."""
    shifted: bool = False
    """Whether that node's zero point is added."""

    @property
    def per_channel(self) -> bool:
        """Whether there are several scales or zeros."""
        return len(self.scale) > 1 or len(self.zero) > 1


class Maps(NamedTuple):
    """A tensor in the form (batch, channels, *space) that many layers need, with its original first axis."""

    x: Handle
    """The value, whose sample is all but the first axis."""
    first: tuple[int, ...]
    """What the first axis consisted of."""
    folded: Shape
    """The sizes of the sample's axes that were folded into the batch."""


Traced = tuple[Layer | None, Shape | None, Fields | None]
"""A layer, and the shape and fields of its output; None for what is impossible."""


def _trace(layer: Draft, shapes: Sequence[Shape | None], fields: Sequence[Fields]) -> Traced:
    """Return the trace of a layer for inputs of these shapes, which may be unknown."""
    cls, nd = OPS[layer.op]
    made = None
    try:
        keys = {key: cls.KEYS[key](value, nd) for key, value in layer.keys.items() if value is not None}
        made = cls(layer.op, nd, keys)
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return made, None, None
        if not made.JOINS:
            traced = made.trace(known[0], fields[0], ENV)
            own = traced.fields
        else:
            traced = made.trace_all(known, fields, ENV)
            own = traced.fields._replace(lead=max([one.lead for one in fields], key=len, default=()))
        return made, None if traced.out is NOTHING_KNOWN else traced.out, own
    except CnncalcError:
        return made, None, None


def made_of(op: str, keys: Mapping[str, Any], sample: Shape) -> Trace | None:
    """Return the trace of a layer on a sample of this shape; None if it is impossible."""
    cls, nd = OPS[op]
    try:
        layer = cls(op, nd, {key: cls.KEYS[key](value, nd) for key, value in keys.items()})
        return layer.trace(sample, begin(sample, ()), ENV)
    except CnncalcError:
        return None


class LayerMaker:
    """The layers of a graph as they are made, and the axes of their outputs, possibly with the batch among them."""

    def __init__(self, batch: Size | None, limit: Limit):
        """`batch` is the size of the batch (None if the graph has none); `limit` counts the layers."""
        self._limit = limit
        self.batch: Size = 1 if batch is None else batch
        self.has_batch = batch is not None
        self.spec = SpecBuilder(wired=True)
        self.made: dict[Draft, Layer] = {}
        """The layers, without impossible ones."""
        self.whole_input = Draft("input", "input")
        """The input with its batch as an axis of the sample, if anything reads it like that."""
        self._fields: dict[Draft, Fields] = {}
        self._traced: dict[tuple[Any, ...], Traced] = {}
        """The traces of layers by op, keys, shapes and fields."""
        self._unfolded: dict[Draft, Draft] = {}
        self.weighted: set[Draft] = set()
        """The layers with weights, and those after a layer with weights."""
        self._owners: set[tuple[str | None, ...]] = set()
        """The keys of the weights of each layer."""
        self.arrays: dict[Draft, dict[str, Const]] = {}
        """The arrays of each layer, by role."""
        self.misfits: list[tuple[str, Shape, Shape]] = []
        """The reshapes that change the number of values: name, the shape before, and the requested one."""

    # Shapes

    def full(self, value: Handle) -> tuple[Size, ...] | None:
        """Return the file's shape of a value; None if nothing is known of it."""
        return value.full(self.batch)

    def tensor(self, layer: Draft, full: Full, batched: bool | None = True) -> Handle:
        """Return a layer's output with the file's shape, in which the batch is the axis of the batch's size."""
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

    # Layers

    def add(self, name: str, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> Handle:
        """Add a layer and return its output, with the axes of its first input if their number is the same.

        Constants that other layers of this op also have are shared. Raise OpaqueNode if there is no such op.
        """
        if op not in OPS or any(key not in OPS[op][0].KEYS for key in keys or ()):
            raise OpaqueNode
        self._limit.count(1 + sum(map(_length, (keys or {}).values())) // NUMBERS_A_LAYER)
        sources = [reads] if isinstance(reads, Handle) else list(reads)
        own = {role: const for role, const in (weights or {}).items() if const is not None}
        arrays = {role: const.read for role, const in own.items()}
        read = [source.layer for source in sources]
        layer = self.spec.add(printable(name), op, read, keys, weights=arrays, owner=self._owner(own.values()))
        if own:
            self.arrays[layer] = own
        if own or not self.weighted.isdisjoint(read):
            self.weighted.add(layer)
        shape = self._trace(layer, sources)
        if shape is None:
            return Handle(layer, NOTHING_KNOWN, None, batched_of(sources))
        if not sources:
            return Handle(layer, shape, plain(len(shape)), None)
        x = sources[0]
        same = x.axes is not None and len(shape) == len(x.shape)
        return Handle(layer, shape, x.axes if same else plain(len(shape)), batched_of(sources))

    def _owner(self, weights: Collection[Const]) -> tuple[str | None, ...] | None:
        """Return the key of a layer's weights; None if it has none, or for repeated ones of untrained norms."""
        keys = tuple([const.key for const in weights])
        if not keys or None in keys:
            return None
        is_new = keys not in self._owners
        self._owners.add(keys)
        return keys if is_new or not all(const.is_merged for const in weights) else None  # `is_merged` reads the array

    def _trace(self, layer: Draft, sources: Sequence[Handle]) -> Shape | None:
        """Return a layer's output shape; None if it is impossible, which the reader of specs will report."""
        shapes = [None if source.axes is None else source.shape for source in sources]
        fields = [self._fields.get(source.layer) or begin(source.shape, ()) for source in sources]
        how = layer.op, repr(layer.keys), tuple(shapes), tuple(fields)
        if how not in self._traced:
            self._traced[how] = _trace(layer, shapes, fields)
        made, out, own = self._traced[how]
        if made is not None:
            self.made[layer] = made
        if own is not None:
            self._fields[layer] = own
        return out

    def opaque(self, name: str, type: str, full: Full, reads: Sequence[Handle], **figures: int | None) -> Handle:
        """Add a layer of which only the output shape and these figures are known, and return its output."""
        self._limit.count(1)
        batched = batched_of(reads)
        if {True, False} <= {x.batched for x in reads}:
            batched = False  # as it is traced: what it does to a batch is not known
            if all(x.axes is not None for x in reads):
                reads = [self.unfolded(x) for x in reads]
        elif not reads:
            batched = type == "Input" or (type != "Constant" and self.batch in (full or ())) or None
        value = self.tensor(self.spec.input, full, batched)
        sized = bool(full) and isinstance(self.batch, int) and all(isinstance(n, int) for n in full or ())
        if value.axes is None and sized and reads:  # the batch is none of its axes: samples are mixed
            value, reads = self.tensor(self.spec.input, full, batched=False), [self.unfolded(x) for x in reads]
        out = None if value.axes is None else value.shape
        layer = self.spec.opaque(printable(name), type, [one.layer for one in reads], out, figures)
        if not self.weighted.isdisjoint(layer.reads):
            self.weighted.add(layer)
        return value._replace(layer=layer)

    def count(self) -> None:
        """Record what arrays count as if they are shared, already counted or repeated: each parameter counts once.

        Arrays that repeat one number are not shared, just equal: exporters merge those of untrained layers.
        """
        left: dict[str, int] = {}
        for layer in self.spec.layers:
            if layer.tie is not None and any(layer.keys.get(key) != layer.tie.keys.get(key) for key in COMPLETED):
                layer.tie = None
            arrays = self.arrays.get(layer)
            if layer.tie is not None or not arrays:
                continue
            held, counts = Counter[str](), Counter[str]()
            for role, const in arrays.items():
                group, roots = group_of(layer, role), const.roots
                if group is None:
                    continue
                new, whole = sum([left.get(key, size) for key, size in roots.items()]), sum(roots.values())
                taken = const.size if not roots else new if len(roots) > 1 else min(const.size, new)
                full = min(const.size, whole or const.size)
                held[group] += const.size
                is_shared = taken != full and (len(roots) > 1 or const.varies)  # `varies` reads the array
                counts[group] += taken if is_shared else full
                left.update(dict.fromkeys(roots, new - taken))
            if held != counts:
                layer.counted = {group: counts[group] for group in held if counts[group] != held[group]}

    def pointwise(self, name: str, op: str, reads: Reads, keys: Keys = None, weights: Weights = None) -> Handle:
        """Add a value-by-value layer, before axes are unfolded from the batch if that is done for all inputs."""
        xs = [reads] if isinstance(reads, Handle) else list(reads)
        if weights or any(x.layer.op != "frombatch" for x in xs):
            return self.add(name, op, reads, keys, weights)
        backs = {(x.layer.keys.get("axes"), x.shape) for x in xs}
        axes, shape = next(iter(backs))
        if len(backs) > 1 or axes is None:
            return self.add(name, op, reads, keys)
        inner = [x._replace(layer=x.layer.reads[0], shape=x.shape[axes:], axes=plain(len(shape) - axes)) for x in xs]
        made = self.add(name, op, inner, keys)
        return self.add(f"{name}.frombatch", "frombatch", made, {"axes": axes})._replace(shape=shape, axes=xs[0].axes)

    def in_steps(self, name: str, x: Handle, own: Quantized) -> Handle:
        """Return the integers that stand for real numbers."""
        width = max(len(own.scale), len(own.zero))
        scale, zero = [one * width if len(one) == 1 else one for one in own[:2]]
        keys: dict[str, Any] = {"factor": [1 / s for s in scale], "offset": [*zero]}
        whole = self.pointwise(name, "rescale", x, keys if width > 1 else {key: one[0] for key, one in keys.items()})
        return self.pointwise(f"{name}.rounded", "round", whole)

    # The batch among the axes

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
        """Return a tensor whose axis `at` does not contain the batch; a batch of 1 can be left out."""
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
        """Return a tensor with a sample axis for each of the file's axes from `front` on."""
        if x.axes is None or all(x.axes[front:]):
            return x
        groups = [x.sizes_at(at, BATCH) or ([1] if at >= front else []) for at in range(x.rank)]
        batch = x.batch_at
        where = None if batch is None else (batch, x.axes[batch].index(BATCH))
        apart = [[n for n in group if n != BATCH] for group in groups]
        sample = tuple([n for group in apart for n in group])
        return Handle(self.shaped(f"{x.layer.name}.axes", x, sample), sample, numbered(apart, where), x.batched)

    def along(self, x: Handle, at: int) -> tuple[Handle, int]:
        """Return a tensor and one of the file's axes in the sample's numbering (batch 0).

        Raise OpaqueNode if unknown.
        """
        x = self.without_batch(x, at)
        if x.axes is not None and not x.axes[at]:
            x = self.explicit(x)
        (place,) = needed(x.axes)[at]
        return x, place + 1

    def maps(self, x: Handle) -> Maps:
        """Return a tensor whose sample is all but the first axis, as windows and channel norms need."""
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
        """Return a layer's output for `maps`, with the original first axis."""
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
        """Return the layer that reshapes a sample; to a single number, it is a mean."""
        if not sample:
            return self.add(name, "mean", x, {"axis": list(range(1, len(x.shape) + 1))}).layer
        return self.add(name, "reshape", x, {"out": sizes_out(sample)}).layer

    def permuted(self, name: str, x: Handle, order: Sequence[int]) -> Handle:
        """Return a tensor with its axes reordered, by a layer if that moves values of a sample.

        Raise OpaqueNode for an order of a different number of axes, as for a Gemm without matrices.
        """
        if len(needed(x.axes)) != len(order) or min(order, default=0) < 0:
            raise OpaqueNode(known=False)
        places, axes = transposed(needed(x.axes), order)
        if places == sorted(places):
            return x._replace(axes=axes)
        made = self.add(name, "permute", x, {"order": [place + 1 for place in places]})
        return Handle(made.layer, tuple([x.shape[place] for place in places]), axes, x.batched)

    def reshaped(self, name: str, x: Handle, full: Sequence[Size]) -> Handle:
        """Return a tensor in another shape. Raise OpaqueNode if its batch would be split, or its sizes are open."""
        found = regrouped(x, self.batch, full) if x.axes is not None else None
        if found is None and x.batched and isinstance(self.batch, int):
            x = self.unfolded(x)
            found = regrouped(x, self.batch, full)
        if found is None:
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
        """Return the sample and axes of a shape that a file with an open batch only has for one sample."""
        if x.axes is None or not x.batched or product(full) != product(x.shape) or product(full) == UNKNOWN:
            raise OpaqueNode(full)
        found = regrouped(x._replace(axes=plain(len(x.shape))), 1, full)
        if found is None or found[1][:1] != ((BATCH,),):
            raise OpaqueNode(full)
        return found


def batched_of(reads: Sequence[Handle]) -> bool | None:
    """Return whether a layer's output has a batch, from its inputs."""
    kinds = {x.batched for x in reads} - {None}
    return None if not kinds else True in kinds


def sizes_out(sample: Shape) -> list[int]:
    """Return a sample as the target of a reshape. Raise OpaqueNode if more than one size is open."""
    sizes = [n if isinstance(n, int) else -1 for n in sample]
    if sizes.count(-1) > 1:
        raise OpaqueNode(known=False)
    return sizes


def _length(value: object) -> int:
    """Return the number of numbers in a key's nested list; 0 for anything else."""
    return len(value) * max(_length(value[0]), 1) if isinstance(value, list) and value else 0


def values_of(full: Sequence[Size]) -> int | None:
    """Return the number of values of a shape; None if a size is open."""
    return known(product(full)) if all(isinstance(n, int) for n in full) else None
