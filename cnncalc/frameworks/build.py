"""The builder of specs for the readers: it names, wires and ties layers in one way, whatever the framework.

A reader says which layers there are, with which keys, what each reads (by handle), its preferred name, and whose
weights it has. The rest is done here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..layers import OPS
from ..sizes import Size, is_letter
from ..wiring import unused_name
from . import ArrayReaders

LONGEST_NAME = 240
NO_FIGURES = {"params": 0, "buffers": 0, "macs": 0}
"""The figures of an opaque layer without weights that multiplies nothing."""


class Draft:
    """A layer that is being built, and the handle by which others read it."""

    __slots__ = ("counted", "derived", "keys", "name", "op", "reads", "tie", "trainable", "weights")

    def __init__(self, name: str, op: str, reads: Sequence[Draft] = (), keys: Mapping[str, Any] | None = None):
        self.name, self.op, self.reads, self.keys = name, op, list(reads), dict(keys or {})
        """The name is the preferred one until the spec is written."""
        self.derived = False
        """Whether its name follows from another layer's; a name that does not goes first if two are the same."""
        self.weights: dict[str, Callable[[], Any]] = {}
        self.tie: Draft | None = None
        """The layer whose weights it uses."""
        self.counted: dict[str, int] | None = None
        """What its arrays count as, where that is not what they hold."""
        self.trainable = True


class SpecBuilder:
    """The layers of a network, or of a block, from first to last."""

    def __init__(self, *, wired: bool = False):
        """`wired`: whether each layer says what it reads, even if it is the layer above."""
        self.wired = wired
        self.input = Draft("input", "input")
        self.layers: list[Draft] = []
        self._owners: dict[tuple[str, Hashable], Draft] = {}

    def add(
        self,
        name: str,
        op: str,
        reads: Sequence[Draft],
        keys: Mapping[str, Any] | None = None,
        *,
        weights: ArrayReaders | None = None,
        owner: Hashable = None,
        derived: bool = False,
    ) -> Draft:
        """Add a layer after the others and return it. Layers of one op and `owner` share the weights of the first."""
        layer = Draft(name, op, reads, keys)
        layer.weights.update(weights or {})
        layer.derived = derived
        if owner is not None:
            first = self._owners.setdefault((op, owner), layer)
            layer.tie = None if first is layer else first
        self.layers.append(layer)
        return layer

    def opaque(
        self,
        name: str,
        type: str,
        reads: Sequence[Draft],
        out: Sequence[Size | None] | None,
        figures: Mapping[str, int | None],
        **more: Any,
    ) -> Draft:
        """Add a layer of which only the output's sizes and the figures that are not None are known, and return it."""
        keys: dict[str, Any] = {"type": printable(type), **{key: n for key, n in figures.items() if n is not None}}
        if out:
            keys["out"] = [n if isinstance(n, int) else str(n) if is_letter(str(n)) else None for n in out]
        return self.add(name, "opaque", list(dict.fromkeys(reads)) or [self.input], keys, **more)

    def remove(self, layer: Draft) -> None:
        """Remove a layer that no other reads."""
        self.layers = [one for one in self.layers if one is not layer]

    def uses(self) -> Counter[Draft]:
        """Return how many times each layer is read."""
        return Counter(read for layer in self.layers for read in layer.reads)

    def keep(self, outputs: Sequence[Draft]) -> None:
        """Remove the layers that no output depends on."""
        needed: set[Draft] = set()
        waiting = list(outputs)
        while waiting:
            layer = waiting.pop()
            if layer not in needed:
                needed.add(layer)
                waiting += layer.reads if layer.tie is None else [*layer.reads, layer.tie]
        self.layers = [layer for layer in self.layers if layer in needed]

    def end_with(self, output: Draft, name: str) -> Draft:
        """Move a result to the end, or add an identity of this name if other layers need it; return the last layer."""
        if self.layers and self.layers[-1] is output:
            return output
        if output is self.input or self.uses()[output] or any(layer.tie is output for layer in self.layers):
            return self.add(name, "identity", [output], derived=True)
        self.remove(output)
        self.layers.append(output)
        return output

    def end_with_all(self, outputs: Sequence[Draft]) -> list[Draft]:
        """End with a network's outputs, the first as the last layer, and return the layers that they are now.

        The others stand before it in their order, as the report and every writer list them.
        """
        first, *others = outputs
        ends = [self.end_with(one, f"{one.name}_output") for one in (*others, first)]
        return [ends[-1], *ends[:-1]]

    def spec(self) -> list[dict[str, Any]]:
        """Name the layers and return them as a spec holds them."""
        self._settle_names()
        written = []
        for above, layer in pairwise([self.input, *self.layers]):
            raw = {"name": layer.name, "op": layer.op, **layer.keys}
            if (self.wired or layer.reads != [above]) and layer.reads:
                names = [one.name for one in layer.reads]
                raw["from"] = names[0] if len(names) == 1 else names
            if layer.tie is not None:
                raw["tie"] = layer.tie.name
            if layer.counted is not None:
                raw["counted"] = layer.counted
            if not layer.trainable:
                raw["trainable"] = False
            written.append(raw)
        return written

    def weights(self) -> ArrayReaders:
        """Return the arrays of the layers, by their names; shared ones once."""
        return {
            f"{one.name}.{role}": read for one in self.layers if one.tie is None for role, read in one.weights.items()
        }

    def _settle_names(self) -> None:
        """Give each layer a name of its own: a preferred one goes to the first that prefers it."""
        preferred = {layer.name for layer in self.layers if not layer.derived}
        taken, tried = {"input"}, dict[str, int]()
        for layer in self.layers:
            if layer.derived or layer.name in taken:
                layer.name = unused_name(layer.name, taken, preferred, tried=tried)
            taken.add(layer.name)


def printable(text: str) -> str:
    """Return a name or a type as a spec can hold it."""
    return "".join(c if c.isprintable() else "_" for c in text)[:LONGEST_NAME] or "layer"


def group_of(layer: Draft, role: str) -> str | None:
    """Return what a layer's array counts as by itself: `weights`, `bias` or `buffers`; None for nothing."""
    if layer.op == "constant":
        return {"parameter": "weights", "buffer": "buffers"}.get(layer.keys["kind"])
    if role in OPS[layer.op][0].BUFFERS:
        return "buffers"
    return "bias" if role == "bias" else "weights"
