"""Build the spec of a module from its recorded calls: the layers, and each one's inputs, name, weights and counts."""

from __future__ import annotations

from itertools import pairwise
from math import inf, isfinite, prod
from typing import Any

from ....layers import OPS
from ....layers.pool import MaxPool
from ... import ForeignNetwork
from ...build import LONGEST_NAME, NO_FIGURES, Draft, group_of
from . import activation, arithmetic, attention, parts, products, recurrent, reductions, reshaping, windows
from .calls import NO_PRODUCTS, BatchMixed, Constant, FunctionCall, OpaqueCall, Recording, TracedTensor, tree
from .layers import Layers
from .rules import Call, Rules
from .values import BATCH, BatchedTensor, found_in, plain, with_batch

RULES = Rules(
    activation.RULES,
    arithmetic.RULES,
    parts.RULES,
    products.RULES,
    attention.RULES,
    recurrent.RULES,
    reductions.RULES,
    reshaping.RULES,
    windows.RULES,
)
"""The rules by function name."""


def build(recording: Recording, name: str | None) -> ForeignNetwork:
    """Return the spec and the weights of a recorded module."""
    return CallReader(recording).read_all(name)


class CallReader:
    """A reader that turns calls into layers, and knows the layer that makes each tensor."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.layers = Layers(recording)
        self.spec = self.layers.spec
        self.calls: dict[Draft, FunctionCall] = {}
        self.mixed = False
        """Whether a call mixes samples, so that the batch is one of the axes."""
        self.unsized: set[TracedTensor] = set()
        """The results whose sizes depend on values."""
        self.unknown: dict[Draft, tuple[str, ...]] = {}
        """The parameters and buffers that opaque layers read."""
        self.functions: list[Draft] = []
        """The layers that are neither all nor the main part of what a module does."""

    def read_all(self, name: str | None) -> ForeignNetwork:
        """Return the spec of all calls, and its weights."""
        self.begin()
        for index, call in enumerate(self.recording.calls):
            self.read(index, call)
        spec = self.spec
        join_shuffles(self)
        join_borders(self)
        self.end()
        self.count()
        first, recording = self.recording.inputs[0], self.recording
        head = {"cnncalc": 1, "name": name or recording.name, "input": list(first.sizes), "dialect": "torch"}
        unused = self.unused()
        more = {"unused": unused} if unused else {}
        document = {**head, "layout": "NCHW", **more, "layers": spec.spec()}
        functions = frozenset([layer.name for layer in self.functions])
        return ForeignNetwork(document, spec.weights(), functions=functions)

    def begin(self) -> None:
        """Add the inputs; the first of several is an identity of its name."""
        for place, one in enumerate(self.recording.inputs):
            axes = plain(one.shape) if self.recording.batch is None else ((BATCH,), *plain(one.shape[1:]))
            if place == 0:
                several = len(self.recording.inputs) > 1
                named = self.spec.add(one.name, "identity", [self.spec.input]) if several else self.spec.input
                value = BatchedTensor(named, axes)
                if self.recording.batch is None and one.shape != one.sizes:
                    value = self.layers.reshaped(BatchedTensor(named, plain(one.sizes)), axes)
            else:
                sample = list(one.shape if self.recording.batch is None else one.shape[1:])
                value = BatchedTensor(self.spec.add(one.name, "input", [], {"shape": sample}), axes)
            self.layers.made[-1, place] = value
            self.calls |= dict.fromkeys(self.spec.layers, FunctionCall("input", (), {}, (), "", 0))

    def read(self, index: int, call: FunctionCall) -> None:
        """Add the layers of one call: those of a rule, or an opaque one for each result without a rule."""
        before = len(self.spec.layers)
        if self.depends_on_values(call):
            self.unsized |= {TracedTensor(index, place, shape) for place, shape in enumerate(call.outs)}
        try:
            if self.unsized and TracedTensor(index, 0, call.outs[0]) in self.unsized:
                raise OpaqueCall
            results = self.results(call, index)
        except OpaqueCall as error:
            self.mixed = self.mixed or isinstance(error, BatchMixed)
            self.layers.forget(self.spec.layers[before:])
            results = []
        results += [None] * (len(call.outs) - len(results))
        for place, (value, shape) in enumerate(zip(results, call.outs, strict=True)):
            sized = TracedTensor(index, place, shape) not in self.unsized
            self.layers.made[index, place] = self.opaque(call, place, sized=sized) if value is None else value
        self.calls |= dict.fromkeys(self.spec.layers[before:], call)

    def results(self, call: FunctionCall, index: int) -> list[BatchedTensor | None]:
        """Add the layers of a call by its rule, and return its results. Raise OpaqueCall if there is no rule.

        A result whose shape differs from PyTorch's would be wrong, so it counts as unknown.
        """
        if call.function not in RULES:
            raise OpaqueCall
        rule, names = RULES[call.function]
        before = len(self.spec.layers)
        try:
            made = rule(Call(call, names, self.layers, index))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise OpaqueCall from error  # arguments that the rule cannot handle
        results: list[BatchedTensor | None] = [*made] if isinstance(made, list) else [made]
        if any(layer.op != "pad" and is_boundless(layer) for layer in self.spec.layers[before:]):  # see join_borders
            raise OpaqueCall
        for place, value in enumerate(results):
            if value is not None and self.full(value) != call.outs[place]:
                raise OpaqueCall
        return [one and one._replace(integer=kind(call, place)) for place, one in enumerate(results)]

    def depends_on_values(self, call: FunctionCall) -> bool:
        """Return whether the sizes of a call's results depend on values, such as the number of nonzero ones."""
        leaves = tree([call.args, call.kwargs])
        traced = [leaf for leaf in leaves if isinstance(leaf, TracedTensor)]
        if any(one in self.unsized for one in traced) or call.function in BY_VALUES:
            return True
        if call.function == "where":
            return len(leaves) == 1
        index = tree([*call.args[1:2]]) if call.function == "getitem" else []
        return any(isinstance(one, TracedTensor) and self.layers.value_of(one).integer == "bool" for one in index)

    def full(self, value: BatchedTensor) -> tuple[int, ...]:
        """Return PyTorch's shape of a value."""
        batch = self.recording.batch or 1
        return tuple([prod(batch if n == BATCH else n for n in axis) for axis in value.axes])

    def opaque(self, call: FunctionCall, place: int, *, sized: bool = True) -> BatchedTensor:
        """Add an opaque layer, and return its result."""
        shape, batch = call.outs[place], self.recording.batch
        leaves = tree([call.args, call.kwargs])
        tensors = [leaf.made if isinstance(leaf, Constant) else leaf for leaf in leaves]
        reads = [self.layers.unfolded(self.layers.value_of(one)) for one in tensors if isinstance(one, TracedTensor)]
        axes = found_in(shape, batch)
        is_in = axes is not None and (not batch or any(BATCH in axis for axis in axes))
        if not is_in and any(one.batch_at is not None for one in reads):  # the batch is in several axes or in none
            self.mixed = self.mixed or sized
        if axes is None:
            axes = with_batch([n // (batch or 1) or 1 for n in shape], 0, (BATCH,))
        value = BatchedTensor(self.spec.input, axes, integer=kind(call, place))
        counted = call.function in NO_PRODUCTS or call.function.startswith("fft")
        macs = call.macs // (batch or 1) if call.macs else 0 if counted else None
        sample = value.sample
        layer = self.spec.opaque(
            "",
            call.function,
            [one.layer for one in reads],
            sample if sized and 0 not in sample else None,
            {"macs": macs},
        )
        self.unknown[layer] = tuple([name for leaf in leaves if isinstance(leaf, Constant) for name in leaf.of])
        return value._replace(layer=layer)

    def end(self) -> None:
        """Keep the layers that the outputs depend on, name them, and end with the outputs."""
        outputs = list(dict.fromkeys([self.output(tensor) for tensor in self.recording.outputs]))
        self.spec.keep(outputs)
        self.name_layers()
        for last in self.spec.end_with_all(outputs):
            self.calls.setdefault(last, self.recording.calls[-1] if self.recording.calls else _NONE)

    def output(self, tensor: TracedTensor) -> Draft:
        """Return the layer that makes an output, with the batch where PyTorch has it.

        A batch of one that the caller did not give is not part of any shape, so nothing is folded into it.
        """
        value, first = self.layers.value_of(tensor), self.recording.inputs[0]
        before = len(self.spec.layers)
        at = value.batch_at
        is_added = self.recording.batch == 1 and len(first.sizes) < len(first.shape)
        if at == 0 and value.axes[0][0] == BATCH and not is_added:
            value = self.layers.folded(value, value.place(1))
        else:
            value = self.layers.unfolded(value)
            if at and value.axes[at] == (BATCH,):
                value = value._replace(layer=self.layers.add("movebatch", [value.layer], {"to": value.place(at)}))
            self.mixed = self.mixed or (at is not None and value.axes[at] != (BATCH,))
        self.calls |= dict.fromkeys(
            self.spec.layers[before:], self.recording.calls[-1] if self.recording.calls else _NONE
        )
        return value.layer

    def name_layers(self) -> None:
        """Name each layer after its module if it is the main part of what the module does, otherwise by its op."""
        turns: dict[int, list[Draft]] = {}
        for layer in self.spec.layers:
            turns.setdefault(self.calls[layer].turn, []).append(layer)
        for turn in turns.values():
            own = [one for one in turn if one.op not in UNNAMED]
            chief = next((one for one in own if one.weights and one.op != "constant"), (own or turn)[-1])
            for layer in turn:
                if layer.name:
                    continue
                path = self.calls[layer].path
                op = str(layer.keys["type"] if layer.op == "opaque" else layer.op)
                is_module = path and layer is chief and path in self.recording.leaves
                layer.name = path if is_module else ".".join(filter(None, (path, op)))[-LONGEST_NAME:]
                if not is_module:
                    self.functions.append(layer)

    # Counts

    def count(self) -> None:
        """Tie layers with the same arrays, and record what arrays count as if that differs from what they hold.

        A parameter counts in the first layer that reads it. The multiplications of a call count in the first of its
        layers that has any; by now it is known which of its results are needed.
        """
        self.counted: set[str] = set()
        computed: set[int] = set()
        owners: dict[object, Draft] = {}
        for layer in self.spec.layers:
            arrays = self.layers.arrays.get(layer, {})
            call = id(self.calls.get(layer))
            if layer in self.unknown:
                figures = self.take(self.unknown[layer])
                layer.keys |= {"params": figures[0], "buffers": figures[1]} | ({"macs": 0} if call in computed else {})
            if layer in self.unknown or arrays:
                computed.add(call)
            if not arrays and layer not in self.layers.uses:
                if layer.op == "opaque":
                    layer.keys = {"params": 0, "buffers": 0, **layer.keys}
                continue
            same = (layer.op, frozenset((role, array.identity(), array.shape) for role, array in arrays.items()))
            owner = owners.setdefault(same, layer) if arrays else layer
            if owner is not layer:
                layer.tie = owner
                continue
            self.count_one(layer, arrays)

    def count_one(self, layer: Draft, arrays: dict[str, Constant]) -> None:
        """Record what a layer's arrays count as, if that differs from what they hold."""
        held = dict.fromkeys(("weights", "bias", "buffers"), 0)
        counts = dict(held)
        for role, array in arrays.items():
            group = group_of(layer, role)
            if group is not None:
                held[group] += prod(array.shape)
            params, buffers = self.take(array.of)
            counts["bias" if group == "bias" else "weights"] += params
            counts["buffers"] += buffers
        params, buffers = self.take(self.layers.uses.get(layer, ()))
        counts["weights"] += params
        counts["buffers"] += buffers
        differing = {key: n for key, n in counts.items() if n != held[key]}
        if differing:
            layer.counted = differing

    def take(self, names: tuple[str, ...]) -> tuple[int, int]:
        """Return how many parameters and buffer values these are, without those counted by an earlier layer."""
        new = [name for name in dict.fromkeys(names) if name not in self.counted]
        self.counted.update(new)
        recording = self.recording
        return tuple([sum(sizes.get(name, 0) for name in new) for sizes in (recording.trained, recording.kept)])  # type: ignore[return-value]

    def unused(self) -> dict[str, Any] | None:
        """Return the parts of the module that its outputs do not depend on; None if there are none."""
        sizes = {**self.recording.trained, **self.recording.kept}
        left = [name for name in sizes if name not in self.counted]
        if not left:
            return None
        params, buffers = [
            sum(own.get(name, 0) for name in left) for own in (self.recording.trained, self.recording.kept)
        ]
        return {"params": params, "buffers": buffers, "where": places_of(left, sorted(self.counted & sizes.keys()))}


BY_VALUES = frozenset(["nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "nms"])
"""Functions whose number of results depends on values."""


def kind(call: FunctionCall, place: int) -> str:
    """Return `int` or `bool` for a result of such values, and an empty text for floats."""
    return call.kinds[place].replace("float", "") if call.kinds else ""


_NONE = FunctionCall("input", (), {}, (), "", 0)
UNNAMED = frozenset(["tobatch", "frombatch", "movebatch", "constant", "reshape", "permute"])
"""Ops that are not the main part of a module that does anything else."""


def places_of(names: list[str], others: list[str]) -> list[str]:
    """Return the outermost modules that hold only these arrays, or else the arrays themselves."""
    used: set[str] = set()
    for name in others:
        steps = name.split(".")
        used |= {".".join(steps[:n]) for n in range(1, len(steps) + 1)}
    found: dict[str, None] = {}
    for name in names:
        steps = name.split(".")
        found[next((p for n in range(1, len(steps) + 1) if (p := ".".join(steps[:n])) not in used), name)] = None
    return list(found)


def join_borders(reader: CallReader) -> None:
    """Move padding with -inf into the max pool that reads it; other infinite or NaN padding becomes opaque."""
    uses, layers = reader.spec.uses(), reader.spec.layers
    for border, pool in pairwise(layers):
        if pool.reads == [border] and uses[border] == 1 and is_infinite(border) and fits(pool, border.keys["p"]):
            pool.keys["p"], pool.reads = border.keys["p"], border.reads
    for layer in filter(is_boundless, layers):
        out = list(reader.calls[layer].outs[0][1:])
        layer.op, layer.keys = "opaque", {"type": "pad", "out": out, **NO_FIGURES}


def is_boundless(layer: Draft) -> bool:
    """Return whether a key of a layer is a number that a spec cannot hold, such as NaN or infinity."""
    return any(isinstance(one, float) and not isfinite(one) for one in layer.keys.values())


def is_infinite(layer: Draft) -> bool:
    """Return whether a layer pads a map with minus infinity."""
    return layer.op == "pad" and layer.keys.get("value") == -inf


def fits(layer: Draft, pairs: list[list[int]]) -> bool:
    """Return whether a layer is a max pool that may have this padding itself: at most half of its kernel."""
    if OPS[layer.op][0] is not MaxPool or "p" in layer.keys or layer.keys.get("ceil"):
        return False
    k = layer.keys["k"]
    sizes = k if isinstance(k, list) else [k] * len(pairs)
    return all(max(pair) <= n // 2 for pair, n in zip(pairs, sizes, strict=True))


def join_shuffles(reader: CallReader) -> None:
    """Replace a reshape, permute and reshape that shuffle channels by one channelshuffle."""
    uses, layers = reader.spec.uses(), reader.spec.layers
    for apart, turned, together in zip(layers, layers[1:], layers[2:], strict=False):
        if [one.op for one in (apart, turned, together)] != ["reshape", "permute", "reshape"]:
            continue
        out: list[int] = apart.keys["out"]
        groups, each, space = *[*out, 0][:2], out[2:]
        in_row = together.reads == [turned] and turned.reads == [apart] and uses[turned] == uses[apart] == 1
        swapped = bool(space) and turned.keys["order"] == [2, 1, *range(3, len(space) + 3)]
        sample = [groups * each, *space]
        tensors = [one for one in tree(reader.calls[apart].args) if isinstance(one, TracedTensor)]
        same = any(list(one.shape[-len(sample) :]) == sample for one in tensors)
        if in_row and swapped and same and together.keys["out"] == sample:
            together.op, together.keys, together.reads = "channelshuffle", {"g": groups}, apart.reads
