"""A Keras model as layers of a spec: calls in order, with nested models as blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from ....errors import CnncalcError, SpecError, shown
from ....layers import OPS
from ....layers.pool import GlobalPool
from ....limits import MOST_LISTED_IN_ALL, MOST_PARTS, NUMBERS_A_LAYER, Limit
from ....sizes import show
from ... import ArrayReaders
from ...build import NO_FIGURES, Draft, SpecBuilder
from .config import LayerCall, Sizes, Tensor, TensorKey, tensors_in
from .hdf import KerasArrays
from .layers import convert
from .masks import MadeMask, output_mask, takes_masks
from .model import INPUT, KerasLayer, KerasModel, object_of
from .parts import LayerPart, Results
from .quantized import quantization
from .roles import ROLES, Recipe
from .tracing import NOTHING, shape_of_sizes, sizes_of_shape, traced
from .variables import unused_buffers, variables


class CallNames(NamedTuple):
    """The names of the layers of one call."""

    owner: str
    """The name of the layer that owns the weights."""
    stem: str
    """The name of the call, to which each of its parts adds a suffix."""
    follows: bool
    """Whether it derives from the name of the layer's first call."""


class ModelReader:
    """The reader that turns a model, with its nested models, into the layers of a network or a block."""

    def __init__(
        self,
        channels_last: bool,
        old: bool,
        arrays: KerasArrays | None = None,
        path: tuple[str, ...] = (),
        limits: tuple[Limit, Limit] | None = None,
        spread: Container[int] = (),
    ):
        """`channels_last`, `old` (from Keras 2), the file's `arrays`, and `limits` apply to the whole file.

        `path` has the enclosing models; `spread` has the models whose layers are added one by one, by their objects.
        """
        what = "the layers expand to {made:,} numbers and results, more than {most:,}"
        parts = "the calls of the model's layers make {made:,} layers, more than {most:,}"
        self.listed, self.parts = limits or (
            Limit(MOST_LISTED_IN_ALL, what, "repeat, encode or split fewer units, or less often"),
            Limit(MOST_PARTS, parts, "an attention counts as several: use a part of the model"),
        )
        """The limits on numbers listed in keys, and on the number of parts."""
        self.conventions = channels_last, old
        self.arrays, self.path = arrays, path
        self.spec = SpecBuilder()
        self.unused: dict[str, int] = {}
        """The untrained numbers of layers that no output depends on."""
        self.unread: dict[str, int] = {}
        """The trained numbers of layers that no output depends on."""
        self._spare: list[Draft] = []
        """The parts of layers with several results, some of which may not be read."""
        self._trained: dict[Draft, int] = {}
        """The number of trained numbers of those parts."""
        self.spread = spread
        self.owners: dict[int, str] = {}
        """The name of each object's layer at its first call, which owns the weights."""
        self.calls: Counter[str] = Counter()
        """The number of calls of each Keras layer so far."""

    def read(self, model: KerasModel, feeds: list[Tensor], prefix: tuple[str, ...] = ()) -> list[Tensor]:
        """Add a model's calls, with `feeds` as inputs, and return its outputs. Raise SpecError with the Keras layer.

        `prefix` has the enclosing models whose layers are added one by one.
        """
        values: dict[TensorKey, Tensor] = dict(zip(model.inputs, feeds, strict=True))
        results, begins = _results(model), _begins(model)
        several = {name for name, _ in results}
        for record, at in _ordered(model, begins):
            here = TensorKey(record.name, at + begins.get(record.name, 0), 0)
            if here in values:  # inputs of the model exist already
                continue
            try:
                call = self._call_of(record, at, model.sizes.get(here), values)
                if record.model is None:
                    outputs = self.add_parts((*prefix, record.name), convert(call), call, record.shared)
                else:
                    outputs = self._add_model((*prefix, record.name), record, call, record.name not in several)
                for number in range(len(outputs), results.get(here[:2], 1)):
                    name, type = f"{'.'.join((*prefix, record.name))}_result{number + 1}", f"result {number + 1}"
                    sizes = model.sizes.get(here.result(number))
                    unknown = self.spec.opaque(name, type, [outputs[0].draft], sizes, NO_FIGURES, derived=True)
                    outputs.append(Tensor(unknown, None))
                if takes_masks(call):
                    for key in tensors_in(record.calls[at : at + 1], TensorKey):
                        values[key] = values[key]._replace(masked=False, mask=None)
                for number, output in enumerate(outputs):
                    key = here.result(number)
                    values[key] = output._replace(sizes=model.sizes.get(key, output.sizes))
            except CnncalcError as error:
                label = f"layer {shown(record.name)}"
                error.layer = label if error.layer is None else f"{label}, {error.layer}"
                raise
        return [values[key] for key in model.outputs]

    def _call_of(self, record: KerasLayer, at: int, out: Sizes | None, values: dict[TensorKey, Tensor]) -> LayerCall:
        args, kwargs = record.calls[at] if at < len(record.calls) else ((), {})
        args, kwargs = _tensors(args, values), _tensors(kwargs, values)
        return LayerCall(record.kind, record.config, args, kwargs, out, *self.conventions, record.is_operation)

    def _add_model(self, path: tuple[str, ...], record: KerasLayer, call: LayerCall, one_result: bool) -> list[Tensor]:
        """Add a nested model: a block, or its layers one by one if a block cannot express its inputs or outputs.

        That is also the case if layers outside share its weights. `one_result` says that of no call more than the first
        output is read.
        """
        read, model = call.read(), record.model
        assert model is not None
        check_inputs(model, read)
        each = call.kind == "TimeDistributed"
        if each:
            feed = self.spec.add(f"{'.'.join(path)}_steps", "tobatch", [read[0].draft], derived=True)
            read = [Tensor(feed, None if read[0].sizes is None else read[0].sizes[1:])]
        if len(read) > 1 or not one_result or read[0].masked or object_of(record) in self.spread:
            return self.read(model, read, path)
        inner = ModelReader(*self.conventions, self.arrays, (*self.path, *path), (self.listed, self.parts), self.spread)
        output = inner.read(model, [Tensor(inner.spec.input, model.sizes.get(model.inputs[0], read[0].sizes))])[0]
        if output.masked and not each:  # its mask is read outside
            return self.read(model, read, path)
        inner.leave_out_spare([output.draft])
        inner.spec.end_with(output.draft, "output")
        self.unused |= {f"{'.'.join(path)}.{name}": n for name, n in inner.unused.items()}
        self.unread |= {f"{'.'.join(path)}.{name}": n for name, n in inner.unread.items()}
        owner, stem, follows = self._names(path, record.shared)
        keys = {"layers": inner.spec.spec()}
        weights = inner.spec.weights()
        block = self.spec.add(stem, "block", [read[0].draft], keys, weights=weights, owner=owner, derived=follows)
        if each:
            steps, sizes = call.sizes(), call.out
            if sizes is None and steps is not None and output.sizes is not None:
                sizes = (steps[0], *output.sizes)
            return [Tensor(self.spec.add(f"{stem}_together", "frombatch", [block], derived=True), sizes)]
        return [Tensor(block, output.sizes)]

    def _names(self, path: tuple[str, ...], shared: int | None) -> CallNames:
        """Return the names for the next call of a layer.

        `shared` is the number of the layer's object, if other layers may be of the same one.
        """
        name = ".".join(path)
        owner = name if shared is None else self.owners.setdefault(shared, name)
        self.calls[name] += 1
        count = self.calls[name]
        stem = name if count == 1 else f"{name}_call2" if count == 2 else f"{name}_call2_{count - 1}"
        return CallNames(owner, stem, count > 1 or owner != name)

    def add_parts(
        self, path: tuple[str, ...], parts: list[LayerPart] | Results, call: LayerCall, shared: int | None = None
    ) -> list[Tensor]:
        """Add the parts of one call; the part without a suffix gets the Keras layer's name.

        `shared` is the number of the layer's object, if other layers may be of the same one.
        """
        names = self._names(path, shared)
        self._note_unused(names.owner, call)
        parts, given = parts if isinstance(parts, Results) else (parts, (parts[-1].suffix,))
        numbers = sum([len(value) for part in parts for value in part.raw.values() if isinstance(value, list)])
        self.listed.count(numbers + NUMBERS_A_LAYER * (len(given) - 1))
        made, has_several = output_mask(call), len(given) > 1
        self.parts.count(len(made.parts) + len(parts))
        every = call.tensors()
        masks = [one.mask for one in every if one.mask is not None]
        shapes = {one.draft: shape_of_sizes(one.sizes) for one in (*every, *masks)}
        joins = OPS[parts[0].raw["op"]][0].JOINS  # joins and opaque layers may have keyword arguments as inputs
        read = [one.draft for one in (every if joins else call.read())] or [self.spec.input]
        added: dict[str, Draft] = {}
        above = read
        for part in (*made.parts, *parts):
            above = read if part is parts[0] else above
            reads = above if part.reads is None else [added[one] if isinstance(one, str) else one for one in part.reads]
            layer = self._add_part(path, part, names, reads, call)
            added[part.suffix], above = layer, [layer]
            sources = [shapes.get(one, NOTHING) for one in reads]
            shapes[layer] = traced(layer.op, layer.keys, sources, call.channels_last)
            if part.copies > 1 and layer.counted is None:
                layer.counted = {"weights": (shapes[layer].params or 0) // part.copies}
            if has_several and layer.tie is None:
                self._trained[layer] = shapes[layer].params or 0
        self._note_table(names.owner, call, first=not names.follows)
        self._spare += added.values() if has_several else [added[part.suffix] for part in made.parts]
        outs = [sizes_of_shape(shapes[added[one]].shape) for one in given]
        if call.out is not None or outs[0] is None:
            outs[0] = call.out if call.out is not None else _sizes_after([*made.parts, *parts], call)
        return _with_masks([Tensor(added[one], out) for one, out in zip(given, outs, strict=True)], made, added)

    def _note_unused(self, name: str, call: LayerCall) -> None:
        """Count the stored numbers of a layer that do not affect its output."""
        sizes = call.sizes()
        unused = unused_buffers(call.kind, call.config, None if not sizes else sizes[-1 if call.channels_last else 0])
        if unused:
            self.unused[name] = unused

    def _add_part(
        self, path: tuple[str, ...], part: LayerPart, names: CallNames, reads: Sequence[Draft], call: LayerCall
    ) -> Draft:
        """Add one part of a call, which reads these layers."""
        op, keys = part.raw["op"], self._keys(path, part)
        is_counted = keys.get("params") != 0 or keys.get("buffers") != 0
        has_weights = is_counted if op == "opaque" else bool(OPS[op][0].WEIGHTS)
        layer = self.spec.add(
            names.stem + part.suffix,
            op,
            reads,
            keys,
            weights=self._weights(path, part, call),
            owner=names.owner + part.suffix if has_weights else None,
            derived=names.follows or bool(part.suffix),
        )
        layer.trainable = not has_weights or (part.trainable and call.config.get("trainable") is not False)
        given = part.recipes is not None and not any(one.variables or one.optional for one in part.recipes.values())
        is_literal = given and has_weights and op != "constant"  # its arrays are in the document, and are not variables
        layer.counted = {"weights": 0} if is_literal or (part.shared and names.follows) else None
        return layer

    def _keys(self, path: tuple[str, ...], part: LayerPart) -> dict[str, Any]:
        """Return the keys of a part; an opaque part has as many weights as the file holds for it."""
        keys = {key: value for key, value in part.raw.items() if key != "op"}
        if part.raw["op"] == "opaque" and "params" not in keys and self.arrays is not None:
            held = self.arrays.held((*self.path, *path))
            keys |= {} if held is None else {"params": held, "buffers": 0}
        return keys

    def _note_table(self, name: str, call: LayerCall, *, first: bool) -> None:
        """Count the table for the reverse direction of an embedding as unread until a call uses it."""
        rows, columns = call.config.get("input_dim"), call.config.get("output_dim")
        tied = call.config.get("tie_weights") is not False
        if call.kind != "ReversibleEmbedding" or tied or quantization(call.config) is not None:
            return
        own, other = ("", ".reverse") if not call.kwargs.get("reverse") else (".reverse", "")
        self.unread.pop(f"{name}{own}", None)
        if first and isinstance(rows, int) and isinstance(columns, int):
            self.unread[f"{name}{other}"] = rows * columns

    def leave_out_spare(self, outputs: Sequence[Draft]) -> None:
        """Remove unread parts of layers with several results."""
        uses, gone = self.spec.uses(), set[Draft]()
        for layer in reversed(self._spare):
            if not uses[layer] and layer not in outputs:
                uses.subtract(layer.needs)
                gone.add(layer)
                if self._trained.get(layer):
                    self.unread[layer.name] = self._trained[layer]
        self.spec.layers = [layer for layer in self.spec.layers if layer not in gone]

    def _weights(self, path: tuple[str, ...], part: LayerPart, call: LayerCall) -> ArrayReaders:
        """Return the functions that read the arrays of a part from the file."""
        recipes = ROLES.get(OPS[part.raw["op"]][0].WORD, {}) if part.recipes is None else part.recipes
        if self.arrays is None or not recipes:
            literals = {role: recipe for role, recipe in recipes.items() if not recipe.variables}
            return {role: partial(recipe.make, [], self.conventions[0]) for role, recipe in literals.items()}
        own = {one.name for one in variables(call.kind, call.config)}
        arrays, whole, channels_last = self.arrays, (*self.path, *path), self.conventions[0]
        return {
            role: partial(_made, arrays, whole, recipe, channels_last)
            for role, recipe in recipes.items()
            if own.issuperset(recipe.variables)
        }


def _with_masks(results: list[Tensor], made: MadeMask, added: Mapping[str, Draft]) -> list[Tensor]:
    """Return the results of a call, with its mask on the first `made.outputs`; `added` maps suffixes to the parts."""
    mask = made.mask
    if mask is not None and isinstance(mask.layer, str):
        mask = mask._replace(layer=added[mask.layer])
    masked = [one._replace(masked=made.masked, mask=mask) for one in results[: made.outputs]]
    return [*masked, *results[made.outputs :]]


def check_inputs(model: KerasModel, read: Sequence[Tensor]) -> None:
    """Raise SpecError if the number of a model's inputs differs from the tensors it reads."""
    if len(read) != len(model.inputs):
        raise SpecError(f"the model has {len(model.inputs)} inputs, but gets {len(read)}")


def results_of(record: KerasLayer, args: tuple[Any, ...], kwargs: dict[str, Any], channels_last: bool) -> list[Tensor]:
    """Return the results of a layer's call, with sizes as far as they follow from its arguments."""
    reader = ModelReader(channels_last, old=False)
    call = LayerCall(record.kind, record.config, args, kwargs, None, channels_last, False, record.is_operation)
    path = (record.name,)
    if record.model is not None:
        read = call.read()
        check_inputs(record.model, read)
        return reader.read(record.model, read, path)
    return reader.add_parts(path, convert(call), call)


def _made(arrays: KerasArrays, path: tuple[str, ...], recipe: Recipe, channels_last: bool) -> Any:
    """Return an array of a layer, made from variables of the file. Raise SpecError if their shapes differ."""
    found = arrays.read(path, recipe.variables, recipe.optional)
    try:
        return recipe.make(found, channels_last)
    except (ValueError, IndexError):
        shapes = ", ".join(show(array.shape) for array in found)
        raise SpecError(f"the file's arrays of {shown('/'.join(path))} do not fit the layer: {shapes}") from None


def _all_keys(model: KerasModel) -> list[TensorKey]:
    """Return all tensors that the model's calls and outputs refer to."""
    return [*model.outputs, *tensors_in([record.calls for record in model.records], TensorKey)]


def _begins(model: KerasModel) -> dict[str, int]:
    """Return 1 for each nested model of Keras 2, whose calls are counted from 1 (0 is its own construction)."""
    counts = {record.name: len(record.calls) for record in model.records if record.model is not None}
    read = {key[:2] for key in _all_keys(model)}
    return {name: 1 for name, count in counts.items() if (name, count) in read and (name, 0) not in read}


def _results(model: KerasModel) -> dict[tuple[str, int], int]:
    """Return the number of results read of each call, if more than one."""
    counts: dict[tuple[str, int], int] = {}
    for key in _all_keys(model):
        if key.tensor:
            counts[key[:2]] = max(counts.get(key[:2], 0), key.tensor + 1)
    return counts


def _ordered(model: KerasModel, begins: dict[str, int]) -> list[tuple[KerasLayer, int]]:
    """Return the calls in an order in which each comes after its inputs, otherwise as in the file.

    Raise SpecError for a cycle, and for a call that is read or is an output but does not exist.
    """
    calls = [(record, at) for record in model.records for at in range(max(len(record.calls), record.kind == INPUT))]
    place = {(record.name, at + begins.get(record.name, 0)): index for index, (record, at) in enumerate(calls)}
    places = place | {key[:2]: -1 for key in model.inputs}
    graph: dict[int, set[int]] = {}
    for index, (record, at) in enumerate(calls):
        read = tensors_in(record.calls[at : at + 1], TensorKey)
        for key in read:
            if key[:2] not in places:
                what = f"reads {shown(key.layer)}" + (f", call {key.node + 1} of it" if key.node else "")
                error = SpecError(f"{what}, which does not exist")
                error.layer = f"layer {shown(record.name)}"
                raise error
        graph[index] = {places[key[:2]] for key in read} - {-1}
    for key in model.outputs:
        if key[:2] not in places:
            raise SpecError(f"the output {shown(key.layer)}, call {key.node + 1} of it, does not exist")
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        names = [shown(calls[index][0].name) for index in sorted(set(error.args[1]))]
        text = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise SpecError(f"layers read each other in a cycle: {text}", "a network must not have cycles") from None
    ready = list(sorter.get_ready())
    heapify(ready)
    order = []
    while ready:
        index = heappop(ready)
        order.append(calls[index])
        sorter.done(index)
        for reader in sorter.get_ready():
            heappush(ready, reader)
    return order


def _tensors(value: Any, values: dict[TensorKey, Tensor]) -> Any:
    """Return an argument with keys replaced by their tensors."""
    if isinstance(value, TensorKey):
        if value not in values:
            raise SpecError(f"reads result {value.tensor + 1} of {shown(value.layer)}, which does not exist")
        return values[value]
    if isinstance(value, (list, tuple)):
        return type(value)([_tensors(one, values) for one in value])
    return {key: _tensors(one, values) for key, one in value.items()} if isinstance(value, dict) else value


def _sizes_after(parts: list[LayerPart], call: LayerCall) -> Sizes | None:
    """Return what is certain of the output sizes if the file does not state them: at least their number."""
    sizes = call.sizes()
    for part in parts:
        raw, (cls, _) = part.raw, OPS[part.raw["op"]]
        if raw["op"] in ("opaque", "reshape"):
            out = raw.get("out")
            sizes = tuple([n if raw["op"] == "opaque" else None for n in out]) if isinstance(out, list) else None
        elif raw["op"] == "flatten" or (issubclass(cls, GlobalPool) and not raw["keepdims"]):
            sizes = (None,)
        elif raw["op"] == "mean" and not raw["keepdims"]:
            sizes = None
        elif not cls.KEEPS_SHAPE and sizes is not None:
            sizes = (None,) * len(sizes)
    return sizes
