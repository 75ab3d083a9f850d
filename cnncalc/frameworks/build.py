"""The builder of specs for all readers: it names, wires and ties layers in the same way for every framework.

A reader says which layers there are, their keys, what each reads (by handle), its preferred name, and whose weights it
shares. The rest is done here.
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
"""The figures of an opaque layer without weights and multiplications."""


class Draft:
    """A layer that is being built, and the handle by which others read it."""

    __slots__ = ("counted", "derived", "keys", "name", "op", "reads", "tie", "trainable", "weights")

    def __init__(self, name: str, op: str, reads: Sequence[Draft] = (), keys: Mapping[str, Any] | None = None):
        self.name, self.op, self.reads, self.keys = name, op, list(reads), dict(keys or {})
        """`name` is the preferred one until the spec is written."""
        self.derived = False
        """Whether its name derives from another layer's; of equal names, one that does not takes precedence."""
        self.weights: dict[str, Callable[[], Any]] = {}
        self.tie: Draft | None = None
        """The layer whose weights it shares."""
        self.counted: dict[str, int] | None = None
        """What its arrays count as, if that differs from what they hold."""
        self.trainable = True

    @property
    def needs(self) -> list[Draft]:
        """The layers it reads, and the one whose weights it shares."""
        return self.reads if self.tie is None else [*self.reads, self.tie]


class SpecBuilder:
    """The layers of a network, or of a block, from first to last."""

    def __init__(self, *, wired: bool = False):
        """`wired` says whether each layer states what it reads, even if that is the previous layer."""
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
        """Add a layer of which only the output sizes and the figures that are not None are known, and return it."""
        keys: dict[str, Any] = {"type": printable(type), **{key: n for key, n in figures.items() if n is not None}}
        if out is not None:
            keys["out"] = [n if isinstance(n, int) else str(n) if is_letter(str(n)) else None for n in out]
        return self.add(name, "opaque", list(dict.fromkeys(reads)) or [self.input], keys, **more)

    def uses(self) -> Counter[Draft]:
        """Return how often each layer is read or has its weights shared."""
        return Counter(one for layer in self.layers for one in layer.needs)

    def keep(self, outputs: Sequence[Draft]) -> None:
        """Remove the layers that no output depends on."""
        needed: set[Draft] = set()
        waiting = list(outputs)
        while waiting:
            layer = waiting.pop()
            if layer not in needed:
                needed.add(layer)
                waiting += layer.needs
        self.layers = [layer for layer in self.layers if layer in needed]

    def end_with(self, output: Draft, name: str) -> Draft:
        """Move a result to the end, or add an identity of this name if other layers need it; return the last layer."""
        return self._end_with([(output, name)])[0]

    def _end_with(self, outputs: Sequence[tuple[Draft, str]]) -> list[Draft]:
        """End with several results in order, each with the name of the identity that it may need."""
        uses, ends = self.uses(), list[Draft]()
        for output, name in outputs:
            last = ends[-1] if ends else self.layers[-1] if self.layers else None
            if last is output or not (output is self.input or uses[output]):
                ends.append(output)
                continue
            ends.append(Draft(name, "identity", [output]))
            ends[-1].derived = True
        last_of_each = list(dict.fromkeys(reversed(ends)))[::-1]
        moved = set(ends)
        self.layers = [*[layer for layer in self.layers if layer not in moved], *last_of_each]
        return ends

    def end_with_all(self, outputs: Sequence[Draft]) -> list[Draft]:
        """End with a network's outputs, the first one as the last layer, and return the output layers.

        The other outputs come before it in order, as the report and all writers list them.
        """
        first, *others = outputs
        ends = self._end_with([(one, f"{one.name}_output") for one in (*others, first)])
        return [ends[-1], *ends[:-1]]

    def spec(self) -> list[dict[str, Any]]:
        """Name the layers and return them in the form of a spec."""
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
        """Return the arrays of the layers by name, shared ones once."""
        return {
            f"{one.name}.{role}": read for one in self.layers if one.tie is None for role, read in one.weights.items()
        }

    def _settle_names(self) -> None:
        """Give each layer a unique name; a preferred name goes to the first layer that prefers it."""
        preferred = {layer.name for layer in self.layers if not layer.derived}
        taken, tried = {"input"}, dict[str, int]()
        for layer in self.layers:
            if layer.derived or layer.name in taken:
                layer.name = unused_name(layer.name, taken, preferred, tried=tried)
            taken.add(layer.name)


def printable(text: str) -> str:
    """Return a name or a type in a form that a spec can hold."""
    if text.isprintable() and 0 < len(text) <= LONGEST_NAME:
        return text
    return "".join(c if c.isprintable() else "_" for c in text)[:LONGEST_NAME] or "layer"


def group_of(layer: Draft, role: str) -> str | None:
    """Return what a layer's array counts as by default: `weights`, `bias` or `buffers`; None if it does not count."""
    if layer.op == "constant":
        return {"parameter": "weights", "buffer": "buffers"}.get(layer.keys["kind"])
    return OPS[layer.op][0].group(role)
