"""The spec of a module's calls: their layers, and the inputs, the name and the weights of each."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

from ....errors import SpecError
from ....layers import OPS
from ....layers.pool import MaxPool
from ... import ForeignNetwork
from ...build import LONGEST_NAME, NO_FIGURES, Draft, SpecBuilder
from . import activation, arithmetic, reshaping, windows
from .calls import Constant, FunctionCall, Recording, TracedTensor, tree
from .rules import SHAPED, Arguments, CallLayer, OpaqueCall, Rules

_WORDS = """
    add radd iadd sub rsub isub mul rmul imul div truediv itruediv rtruediv pow abs sqrt rsqrt square exp log sin
    cos erf floor ceil round sign reciprocal maximum minimum max min amax amin sum prod cumsum argmax argmin sort
    topk roll flip where masked_fill gather index_select getitem setitem cat stack expand expand_as repeat
    repeat_interleave tile pad mean var std norm normalize log_softmax logsigmoid celu threshold pixel_unshuffle
    interpolate permute transpose view reshape flatten unbind split chunk narrow select squeeze unsqueeze
    batch_norm instance_norm rms_norm avg_pool1d avg_pool2d avg_pool3d zeros_like ones_like full_like eq ne lt le
    gt ge isnan tril triu unfold fold
"""
NO_PRODUCTS = frozenset(_WORDS.split())
"""Functions without multiply-accumulates: none but those of convolutions and linear layers are counted."""
RULES = Rules(activation.RULES, arithmetic.RULES, reshaping.RULES, windows.RULES)
"""The rule of each call, by its function's name."""


def build(recording: Recording, name: str | None) -> ForeignNetwork:
    """Return the spec of a module that was followed, and its weights."""
    reader = CallReader(recording)
    for index, call in enumerate(recording.calls):
        reader.read(index, call)
    spec = reader.spec
    join_shuffles(spec)
    join_borders(reader)
    spec.keep([reader.layer_of(tensor) for tensor in recording.outputs])
    reader.name_layers()
    if not spec.layers:
        spec.add("identity", "identity", [spec.input])
    head = {"cnncalc": 1, "name": name or recording.name, "input": list(recording.input), "dialect": "torch"}
    return ForeignNetwork({**head, "layout": "NCHW", "layers": spec.spec()}, spec.weights())


class CallReader:
    """A reader of calls into layers, which knows the layer that makes each tensor."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.spec = SpecBuilder()
        self.made: dict[tuple[int, int], Draft] = {(-1, 0): self.spec.input}
        """By the index of a call and the place among its results."""
        self.calls: dict[Draft, FunctionCall] = {}
        self.owned: set[tuple[str, frozenset[str]]] = set()
        """The op and the arrays of each layer, so that one with the same is tied to it."""
        self.counted: set[str] = set()
        """The parameters and buffers that a layer has."""

    def read(self, index: int, call: FunctionCall) -> None:
        """Add the layers of one call: those of a rule, or an opaque one for each result."""
        before = len(self.spec.layers)
        try:
            ends = self._add_all(call)
        except OpaqueCall:
            del self.spec.layers[before:]
            ends = []
        ends += [self._add_opaque(call, place) for place in range(len(ends), len(call.outs))]
        self.calls |= dict.fromkeys(self.spec.layers[before:], call)
        self.made |= {(index, place): end for place, end in enumerate(ends)}

    def layer_of(self, tensor: TracedTensor) -> Draft:
        """Return the layer that makes a tensor."""
        return self.made[tensor.call, tensor.place]

    def _add_all(self, call: FunctionCall) -> list[Draft]:
        """Add the layers of a call by its rule, and return those that make its first results. OpaqueCall without one.

        Layers are side by side, one for each result, or in a row, of which the last makes the only result.
        """
        if call.function not in RULES:
            raise OpaqueCall
        rule, names, batch = RULES[call.function]
        args = Arguments(call, names, self.recording.batch, self.recording.trained)
        if args.bare and (batch or (args.has_batch(call.outs[0]) and call.function not in SHAPED)):
            raise OpaqueCall
        made = rule(args)
        if isinstance(made, TracedTensor):
            return [self.layer_of(made)]
        made = [made] if isinstance(made, CallLayer) else made
        beside = len(call.outs) > 1 and len(made) > 1
        layers: list[Draft] = []
        for one in made:
            before = [] if beside else layers[-1:]
            reads = one.reads or (() if before else (args.first,))
            layers.append(self._add(one, [*map(self.layer_of, reads), *before]))
        return layers if beside else layers[-1:]

    def _add(self, made: CallLayer, reads: list[Draft]) -> Draft:
        """Add one layer, tied to another with the same weights. OpaqueCall if another has only some of them."""
        names = frozenset([str(array.name) for array in made.weights.values()])
        if names & self.counted and (made.op, names) not in self.owned:
            raise OpaqueCall
        self.counted |= names
        self.owned.add((made.op, names))
        layer = self.spec.add("", made.op, reads, made.keys, owner=names or None)
        layer.weights = {role: partial(_values, layer, role, array) for role, array in made.weights.items()}
        return layer

    def _add_opaque(self, call: FunctionCall, place: int) -> Draft:
        """Add an opaque layer: its result's shape, and the parameters that no layer before it has."""
        leaves = tree([call.args, call.kwargs])
        names = {name for leaf in leaves if isinstance(leaf, Constant) for name in leaf.of} - self.counted
        self.counted |= names
        out, batch = call.outs[place], self.recording.batch
        if len(out) > 1 and out[0] == batch:
            out = out[1:]
        elif batch > 1:
            out = ()
        figures: dict[str, int | None] = {"macs": 0 if call.function in NO_PRODUCTS else None}
        for key, sizes in (("params", self.recording.trained), ("buffers", self.recording.kept)):
            figures[key] = sum(sizes.get(name, 0) for name in names)
        reads = [self.layer_of(leaf) for leaf in leaves if isinstance(leaf, TracedTensor)]
        return self.spec.opaque("", call.function, reads, None if 0 in out else out, figures)

    def name_layers(self) -> None:
        """Name a layer as its module if it is all or the chief part of what the module does, else by its op."""
        turns: dict[int, list[Draft]] = {}
        for layer in self.spec.layers:
            turns.setdefault(self.calls[layer].turn, []).append(layer)
        for turn in turns.values():
            chief = next((one for one in turn if one.weights), turn[-1])
            for layer in turn:
                path = self.calls[layer].path
                op = str(layer.keys["type"] if layer.op == "opaque" else layer.op)
                is_module = path and layer is chief and path in self.recording.leaves
                layer.name = path if is_module else ".".join(filter(None, (path, op)))[-LONGEST_NAME:]


def join_borders(reader: CallReader) -> None:
    """Move padding by minus infinity into the max pool that reads it; where it cannot be moved it is opaque."""
    uses, layers = reader.spec.uses(), reader.spec.layers
    for border, pool in pairwise(layers):
        if pool.reads == [border] and uses[border] == 1 and is_infinite(border) and fits(pool, border.keys["p"]):
            pool.keys["p"], pool.reads = border.keys["p"], border.reads
    for layer in filter(is_infinite, layers):
        out = list(reader.calls[layer].outs[0][1:])
        layer.op, layer.keys = "opaque", {"type": "pad", "out": out, **NO_FIGURES}


def is_infinite(layer: Draft) -> bool:
    """Return whether a layer puts minus infinity around a map."""
    return layer.op == "pad" and layer.keys.get("value") == -inf


def fits(layer: Draft, pairs: list[list[int]]) -> bool:
    """Return whether a layer is a max pool that could have this padding itself: half of its kernel at most."""
    if OPS[layer.op][0] is not MaxPool or "p" in layer.keys or layer.keys.get("ceil"):
        return False
    k = layer.keys["k"]
    sizes = k if isinstance(k, list) else [k] * len(pairs)
    return all(max(pair) <= n // 2 for pair, n in zip(pairs, sizes, strict=True))


def join_shuffles(spec: SpecBuilder) -> None:
    """Replace a reshape, a permute and a reshape that deal out channels by one channelshuffle."""
    uses, layers = spec.uses(), spec.layers
    for apart, turned, together in zip(layers, layers[1:], layers[2:], strict=False):
        if [one.op for one in (apart, turned, together)] != ["reshape", "permute", "reshape"]:
            continue
        groups, each, *space = apart.keys["out"]
        in_row = together.reads == [turned] and turned.reads == [apart] and uses[turned] == uses[apart] == 1
        swapped = space and turned.keys["order"] == [2, 1, *range(3, len(space) + 3)]
        if in_row and swapped and together.keys["out"] == [groups * each, *space]:
            together.op, together.keys, together.reads = "channelshuffle", {"g": groups}, apart.reads


def _values(layer: Draft, role: str, array: Constant) -> Any:
    """Return a weight's values. SpecError if it has none."""
    values = array.read()
    if values is None:
        what = f"{layer.name}.{role} has no values: it is on PyTorch's meta device"
        raise SpecError(what, "make the module with values")
    return values
