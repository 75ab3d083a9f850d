"""A Keras model as layers of a spec: each call in its place, wired and named; models in it as blocks."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from ....errors import CnncalcError, SpecError, shown
from ....layers import OPS
from ....layers.pool import GlobalPool
from ....wiring import unused_name
from .config import Call, Key, Sizes, Tensor, leaves
from .functions import NOTHING, SELF, Part, Raw, out_of
from .layers import convert
from .model import INPUTS, Model, Record

Calls = list[tuple[Record, int]]


class Facts(NamedTuple):
    """What holds for the whole file."""

    channels_last: bool
    old: bool
    """Whether it is Keras 2's."""


class Level:
    """A list of layers being made: the network's own, or those of a block."""

    def __init__(self, reserved: set[str]):
        self.layers: list[Raw] = []
        self.last = "input"
        """What a layer reads that does not say so."""
        self.reserved = reserved
        """Names that Keras's layers have."""
        self.used = {"input"}
        self.first: dict[str, str] = {}
        """What holds the weights of each layer that may be called again: its name by the file's."""

    def own(self, name: str) -> str:
        """A Keras layer's own name, or the nearest that is free."""
        if name in self.used:
            return self.unique(name)
        self.used.add(name)
        return name

    def unique(self, stem: str) -> str:
        """A name that no layer has."""
        name = unused_name(stem, self.used, self.reserved)
        self.used.add(name)
        return name

    def add(self, name: str, raw: Raw, reads: list[str], tie: str | None = None) -> str:
        """One more layer; what it reads is written where it is not the layer above."""
        made = {"name": name, **raw}
        if reads and reads != [self.last]:
            made["from"] = reads[0] if len(reads) == 1 else reads
        if tie is not None:
            made["tie"] = tie
        self.layers.append(made)
        self.last = name
        return name


def build(model: Model, level: Level, feeds: list[Tensor], facts: Facts, prefix: str = "") -> list[Tensor]:
    """Put a model's calls into a level, reading `feeds`; what its outputs are. SpecError with the Keras layer."""
    values: dict[Key, Tensor] = dict(zip(model.inputs, feeds, strict=True))
    level.reserved |= {prefix + record.name for record in model.records}
    results = _results(model)
    begins = _begins(model)
    for record, at in _ordered(model, begins):
        try:
            here = Key(record.name, at + begins.get(record.name, 0), 0)
            if here not in values:  # an input of the model is there already
                _emit(record, at, here, model, level, values, results, facts, prefix)
        except CnncalcError as error:
            label = f"layer {shown(record.name)}"
            error.layer = label if error.layer is None else f"{label}, {error.layer}"
            raise
    return [values[key] for key in model.outputs]


def _begins(model: Model) -> dict[str, int]:
    """The number of the first call of models in a model: in Keras 2 it is 1, 0 being how the model itself was made."""
    own = {record.name: len(record.calls) for record in model.records if record.model is not None}
    read: dict[str, set[int]] = {name: set() for name in own}
    for key in _all_keys(model):
        if key.layer in own:
            read[key.layer].add(key.node)
    return {name: 1 for name, nodes in read.items() if own[name] in nodes and 0 not in nodes}


def _all_keys(model: Model) -> list[Key]:
    """Every tensor that the model's calls and outputs name."""
    return [
        *model.outputs,
        *(key for record in model.records for at in range(len(record.calls)) for key in _keys(record, at)),
    ]


class Results(NamedTuple):
    """What is read of calls beyond their first result."""

    counts: dict[tuple[str, int], int]
    """How many results of such a call are read, by its layer and its number."""
    layers: set[str]
    """The layers with such a call."""


def _results(model: Model) -> Results:
    """The calls of a model of which more than the first result is read."""
    counts: dict[tuple[str, int], int] = {}
    for key in _all_keys(model):
        if key.tensor:
            counts[key[:2]] = max(counts.get(key[:2], 0), key.tensor + 1)
    return Results(counts, {name for name, _ in counts})


def _ordered(model: Model, begins: dict[str, int]) -> Calls:
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
    found: Calls = []
    while ready:
        index = heappop(ready)
        found.append(calls[index])
        for reader in readers.get(index, ()):
            missing[reader] -= 1
            if not missing[reader]:
                heappush(ready, reader)
    if len(found) < len(calls):
        stuck = [calls[index][0].name for index, count in enumerate(missing) if count]
        names = ", ".join(map(shown, stuck[:5])) + (", …" if len(stuck) > 5 else "")
        raise SpecError(f"layers read each other in a circle: {names}", "a network has a beginning")
    return found


def _keys(record: Record, at: int) -> list[Key]:
    return [one for one in leaves(record.calls[at]) if isinstance(one, Key)] if at < len(record.calls) else []


def _unknown(name: str, key: Key) -> SpecError:
    what = f"reads {shown(key.layer)}" + (f", call {key.node + 1} of it" if key.node else "")
    error = SpecError(f"{what}, which is not there")
    error.layer = f"layer {shown(name)}"
    return error


def _check_outputs(model: Model, place: dict[tuple[str, int], int]) -> None:
    for key in model.outputs:
        if key[:2] not in place:
            raise SpecError(f"the output {shown(key.layer)}, call {key.node + 1} of it, is not there")


def _emit(
    record: Record,
    at: int,
    here: Key,
    model: Model,
    level: Level,
    values: dict[Key, Tensor],
    results: Results,
    facts: Facts,
    prefix: str,
) -> None:
    """Put one call into the level, and its results into `values`."""
    args, kwargs = record.calls[at] if at < len(record.calls) else ((), {})
    args, kwargs = _tensors(args, values), _tensors(kwargs, values)
    call = Call(record.kind, record.config, args, kwargs, model.sizes.get(here), facts.channels_last, facts.old)
    name = prefix + record.name
    if record.model is not None:
        one_result = record.name not in results.layers
        outputs = _nested(name, record.model, call, level, facts, one_result)
    else:
        outputs = [_layers(name, convert(call), call, level)]
    count = max(results.counts.get(here[:2], 1), len(outputs))
    for tensor in range(count):
        key = here._replace(tensor=tensor)
        sizes = model.sizes.get(key)
        if tensor < len(outputs):
            values[key] = outputs[tensor] if sizes is None else outputs[tensor]._replace(sizes=sizes)
        else:
            raw = {"op": "opaque", "type": f"result {tensor + 1}", **NOTHING, **out_of(sizes)}
            made = level.add(level.unique(f"{name}_result{tensor + 1}"), raw, [outputs[0].name])
            values[key] = Tensor(made, sizes)


def _tensors(value: Any, values: dict[Key, Tensor]) -> Any:
    """The same with tensors for keys."""
    if isinstance(value, Key):
        if value not in values:
            raise SpecError(f"reads result {value.tensor + 1} of {shown(value.layer)}, which is not there")
        return values[value]
    if isinstance(value, (list, tuple)):
        return type(value)([_tensors(one, values) for one in value])
    return {key: _tensors(one, values) for key, one in value.items()} if isinstance(value, dict) else value


def _layers(name: str, parts: list[Part], call: Call, level: Level) -> Tensor:
    """The parts of one call, the Keras layer's own name on the part without a suffix; later calls have another."""
    shared = name in level.first
    stem = level.unique(f"{name}_call2") if shared else level.own(name)
    names: dict[str, str] = {"": stem}
    read = [one.name for one in (call.tensors() if _reads_all(parts) else call.read())]
    above = read or ["input"]
    for part in parts:
        own = names[part.suffix] = stem if not part.suffix else level.unique(stem + part.suffix)
        reads = above if part.reads is None else [_named(one, names) for one in part.reads]
        tie = level.first.get(name) if not part.suffix and _has_weights(part.raw) else None
        above = [level.add(own, part.raw, reads, tie)]
    level.first.setdefault(name, stem)
    return Tensor(above[0], call.out if call.out is not None else _sizes_after(parts, call))


def _reads_all(parts: list[Part]) -> bool:
    """Whether a layer reads what is given to it by name, too: joins do, and what is not known."""
    return OPS[parts[0].raw["op"]][0].JOINS


def _named(one: str, names: dict[str, str]) -> str:
    return names[one.removeprefix(SELF)] if one.startswith(SELF) else one


def _has_weights(raw: Raw) -> bool:
    if raw["op"] in ("opaque", "block"):
        return raw.get("params") != 0 or raw.get("buffers") != 0
    return bool(OPS[raw["op"]][0].WEIGHTS)


def _sizes_after(parts: list[Part], call: Call) -> Sizes | None:
    """What is sure of the sizes that come out, where the file says nothing: how many there are, at least."""
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


def _nested(name: str, model: Model, call: Call, level: Level, facts: Facts, one_result: bool) -> list[Tensor]:
    """A model in a model: a block, or its layers one by one where a block could not say what it reads or gives.

    `one_result`: no call of it is read beyond its first output.
    """
    read = call.read()
    if len(read) != len(model.inputs):
        raise SpecError(f"the model reads {len(model.inputs)} tensors, and {len(read)} are given")
    if len(read) == 1 and one_result:
        return [_block(name, model, read[0], level, facts)]
    return build(model, level, read, facts, f"{name}.")


def _block(name: str, model: Model, read: Tensor, level: Level, facts: Facts) -> Tensor:
    inner = Level(set())
    feed = Tensor("input", model.sizes.get(model.inputs[0], read.sizes))
    output = build(model, inner, [feed], facts)[0]
    if output.name != inner.last or not inner.layers:
        inner.add(inner.unique("output"), {"op": "identity"}, [output.name])
    tie = level.first.get(name)
    stem = level.own(name) if tie is None else level.unique(f"{name}_call2")
    level.first.setdefault(name, stem)
    level.add(stem, {"op": "block", "layers": inner.layers}, [read.name], tie)
    return Tensor(stem, output.sizes)
