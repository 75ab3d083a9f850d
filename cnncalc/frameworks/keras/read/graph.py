"""A Keras model as layers of a spec: each call in its place; models in it as blocks."""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from ....errors import CnncalcError, SpecError, shown
from ....layers import OPS
from ....layers.pool import GlobalPool
from ...build import NO_FIGURES, Draft, SpecBuilder
from .config import LayerCall, Sizes, Tensor, TensorKey, leaves
from .functions import LayerPart, Raw, out_of
from .layers import convert
from .model import INPUTS, KerasLayer, KerasModel


class Conventions(NamedTuple):
    """What holds for the whole file."""

    channels_last: bool
    old: bool
    """Whether it is Keras 2's."""


class ModelReader:
    """Reads models into the layers of a network, or of a block."""

    def __init__(self, conventions: Conventions):
        self.conventions = conventions
        self.spec = SpecBuilder()
        self.calls: Counter[str] = Counter()
        """How many times each Keras layer was called so far."""

    def read(self, model: KerasModel, feeds: list[Tensor], prefix: str = "") -> list[Tensor]:
        """Add a model's calls, which read `feeds`, and return its outputs. SpecError with the Keras layer."""
        values: dict[TensorKey, Tensor] = dict(zip(model.inputs, feeds, strict=True))
        results, begins = _results(model), _begins(model)
        several = {name for name, _ in results}
        for record, at in _ordered(model, begins):
            here = TensorKey(record.name, at + begins.get(record.name, 0), 0)
            if here in values:  # an input of the model is there already
                continue
            try:
                call = self._call_of(record, at, model.sizes.get(here), values)
                if record.model is None:
                    outputs = [self._add_parts(prefix + record.name, convert(call), call)]
                else:
                    outputs = self._add_model(prefix + record.name, record.model, call, record.name not in several)
                for number in range(len(outputs), results.get(here[:2], 1)):
                    raw = {"type": f"result {number + 1}", **NO_FIGURES, **out_of(model.sizes.get(here.result(number)))}
                    name = f"{prefix}{record.name}_result{number + 1}"
                    unknown = self.spec.add(name, "opaque", [outputs[0].layer], raw, derived=True)
                    outputs.append(Tensor(unknown, None))
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
        return LayerCall(record.kind, record.config, args, kwargs, out, *self.conventions)

    def _add_model(self, name: str, model: KerasModel, call: LayerCall, one_result: bool) -> list[Tensor]:
        """Add a model in a model: a block, or its layers one by one if a block could not say what it reads or gives.

        `one_result`: no call of it is read beyond its first output.
        """
        read = call.read()
        if len(read) != len(model.inputs):
            raise SpecError(f"the model has {len(model.inputs)} inputs, gets {len(read)}")
        if len(read) == 1 and one_result:
            return [self._add_block(name, model, read[0])]
        return self.read(model, read, f"{name}.")

    def _stem(self, name: str) -> tuple[str, bool]:
        """The name of a layer's next call, and whether it follows from that of the first."""
        self.calls[name] += 1
        count = self.calls[name]
        return (name if count == 1 else f"{name}_call2" if count == 2 else f"{name}_call2_{count - 1}"), count > 1

    def _add_parts(self, name: str, parts: list[LayerPart], call: LayerCall) -> Tensor:
        """Add the parts of one call; the one without a suffix has the Keras layer's own name, and its weights."""
        stem, again = self._stem(name)
        made: dict[str, Draft] = {}
        joins = OPS[parts[0].raw["op"]][0].JOINS  # joins, and what is not known, read named arguments, too
        above = [one.layer for one in (call.tensors() if joins else call.read())] or [self.spec.input]
        for part in parts:
            reads = above if part.reads is None else [made[one] if isinstance(one, str) else one for one in part.reads]
            op, keys = part.raw["op"], {key: value for key, value in part.raw.items() if key != "op"}
            owner = name if not part.suffix and _has_weights(part.raw) else None
            derived = again or bool(part.suffix)
            layer = self.spec.add(stem + part.suffix, op, reads, keys, owner=owner, derived=derived)
            made[part.suffix], above = layer, [layer]
        return Tensor(above[0], call.out if call.out is not None else _sizes_after(parts, call))

    def _add_block(self, name: str, model: KerasModel, read: Tensor) -> Tensor:
        inner = ModelReader(self.conventions)
        output = inner.read(model, [Tensor(inner.spec.input, model.sizes.get(model.inputs[0], read.sizes))])[0]
        inner.spec.end_with(output.layer, "output")
        stem, again = self._stem(name)
        keys = {"layers": inner.spec.spec()}
        return Tensor(self.spec.add(stem, "block", [read.layer], keys, owner=name, derived=again), output.sizes)


def _begins(model: KerasModel) -> dict[str, int]:
    """The number of the first call of models in a model: in Keras 2 it is 1, 0 being how the model itself was made."""
    own = {record.name: len(record.calls) for record in model.records if record.model is not None}
    read: dict[str, set[int]] = {name: set() for name in own}
    for key in _all_keys(model):
        if key.layer in own:
            read[key.layer].add(key.node)
    return {name: 1 for name, nodes in read.items() if own[name] in nodes and 0 not in nodes}


def _all_keys(model: KerasModel) -> list[TensorKey]:
    """Every tensor that the model's calls and outputs name."""
    return [
        *model.outputs,
        *(key for record in model.records for at in range(len(record.calls)) for key in _keys(record, at)),
    ]


def _results(model: KerasModel) -> dict[tuple[str, int], int]:
    """How many results of each call are read, if it is more than one."""
    counts: dict[tuple[str, int], int] = {}
    for key in _all_keys(model):
        if key.tensor:
            counts[key[:2]] = max(counts.get(key[:2], 0), key.tensor + 1)
    return counts


def _ordered(model: KerasModel, begins: dict[str, int]) -> list[tuple[KerasLayer, int]]:
    """The calls, each after what it reads, otherwise in the file's order. SpecError for a cycle and unknown names."""
    calls = [(record, at) for record in model.records for at in range(max(len(record.calls), record.kind in INPUTS))]
    place = {(record.name, at + begins.get(record.name, 0)): index for index, (record, at) in enumerate(calls)}
    place |= {key[:2]: -1 for key in model.inputs}
    readers: dict[int, list[int]] = {}
    missing = [0] * len(calls)
    for index, (record, at) in enumerate(calls):
        for key in _keys(record, at):
            before = place.get(key[:2])
            if before is None:
                raise _unknown(record.name, key)
            if before >= 0:
                readers.setdefault(before, []).append(index)
                missing[index] += 1
    _check_outputs(model, place)
    ready = [index for index, count in enumerate(missing) if not count]
    heapify(ready)
    order = []
    while ready:
        index = heappop(ready)
        order.append(calls[index])
        for reader in readers.get(index, ()):
            missing[reader] -= 1
            if not missing[reader]:
                heappush(ready, reader)
    if len(order) < len(calls):
        stuck = [calls[index][0].name for index, count in enumerate(missing) if count]
        names = ", ".join(map(shown, stuck[:5])) + (", …" if len(stuck) > 5 else "")
        raise SpecError(f"layers read each other in a cycle: {names}", "a network has no cycles")
    return order


def _keys(record: KerasLayer, at: int) -> list[TensorKey]:
    return [one for one in leaves(record.calls[at]) if isinstance(one, TensorKey)] if at < len(record.calls) else []


def _unknown(name: str, key: TensorKey) -> SpecError:
    what = f"reads {shown(key.layer)}" + (f", call {key.node + 1} of it" if key.node else "")
    error = SpecError(f"{what}, which does not exist")
    error.layer = f"layer {shown(name)}"
    return error


def _check_outputs(model: KerasModel, place: dict[tuple[str, int], int]) -> None:
    for key in model.outputs:
        if key[:2] not in place:
            raise SpecError(f"the output {shown(key.layer)}, call {key.node + 1} of it, does not exist")


def _tensors(value: Any, values: dict[TensorKey, Tensor]) -> Any:
    """The same with tensors for keys."""
    if isinstance(value, TensorKey):
        if value not in values:
            raise SpecError(f"reads result {value.tensor + 1} of {shown(value.layer)}, which does not exist")
        return values[value]
    if isinstance(value, (list, tuple)):
        return type(value)([_tensors(one, values) for one in value])
    return {key: _tensors(one, values) for key, one in value.items()} if isinstance(value, dict) else value


def _has_weights(raw: Raw) -> bool:
    if raw["op"] in ("opaque", "block"):
        return raw.get("params") != 0 or raw.get("buffers") != 0
    return bool(OPS[raw["op"]][0].WEIGHTS)


def _sizes_after(parts: list[LayerPart], call: LayerCall) -> Sizes | None:
    """What is sure of the output's sizes if the file says nothing: at least how many there are."""
    sizes = call.sizes()
    for part in parts:
        cls, _ = OPS[part.raw["op"]]
        if part.raw["op"] == "opaque":
            out = part.raw.get("out")
            sizes = None if out is None else tuple(out)
        elif part.raw["op"] == "reshape":
            out = part.raw["out"]
            sizes = (None,) * len(out) if isinstance(out, list) else None
        elif part.raw["op"] == "flatten" or (issubclass(cls, GlobalPool) and not part.raw["keepdims"]):
            sizes = (None,)
        elif part.raw["op"] == "mean" and not part.raw["keepdims"]:
            sizes = None
        elif not cls.KEEPS_SHAPE and sizes is not None:
            sizes = (None,) * len(sizes)
    return sizes
