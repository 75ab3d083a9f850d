"""A spec in the making: the layers that a reader finds, named, wired and tied in one way whatever the framework.

A reader says which layers there are, with which keys, what each reads (by handle), its preferred name, and whose
weights it has. The rest is done here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..sizes import Size, is_letter
from ..wiring import unused_name

LONGEST_NAME = 240
ArrayReaders = Mapping[str, Callable[[], Any]]
"""What reads each array, by its role in a layer or by its name in a network."""
NO_FIGURES = {"params": 0, "buffers": 0, "macs": 0}
"""The figures of an opaque layer without weights that multiplies nothing."""


class Imported(NamedTuple):
    """A network from a file of another framework."""

    spec: dict[str, Any]
    """As the reader of specs takes it: name, input, dialect, layout, layers."""
    weights: ArrayReaders
    """The arrays that the file holds, by their names here (`conv1.weight`), their axes in the layout's order."""


class Draft:
    """A layer in the making, and the handle by which others read it."""

    __slots__ = ("derived", "keys", "name", "op", "reads", "tie", "weights")

    def __init__(self, name: str, op: str, reads: Sequence[Draft] = (), keys: Mapping[str, Any] | None = None):
        self.name, self.op, self.reads, self.keys = name, op, list(reads), dict(keys or {})
        """The name is the preferred one until the spec is made."""
        self.derived = False
        """Whether its name follows from another layer's, which goes first where both want one name."""
        self.weights: dict[str, Callable[[], Any]] = {}
        self.tie: Draft | None = None
        """The layer whose weights it uses."""


class SpecBuilder:
    """The layers of a network, or of a block, from first to last."""

    def __init__(self, *, wired: bool = False):
        """`wired`: whether each layer says what it reads, also where it is the layer above."""
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
        """Add a layer behind the others. Layers of one op and `owner` share the weights of the first."""
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
        """Add a layer of which only this is known: its output's sizes, and those of its figures that are not None."""
        keys: dict[str, Any] = {"type": printable(type), **{key: n for key, n in figures.items() if n is not None}}
        if out:
            keys["out"] = [n if isinstance(n, int) else str(n) if is_letter(str(n)) else None for n in out]
        return self.add(name, "opaque", list(dict.fromkeys(reads)) or [self.input], keys, **more)

    def remove(self, layer: Draft) -> None:
        """Take back a layer that no other reads."""
        self.layers = [one for one in self.layers if one is not layer]

    def uses(self) -> Counter[Draft]:
        """How many times each layer is read."""
        return Counter(read for layer in self.layers for read in layer.reads)

    def keep(self, outputs: Sequence[Draft]) -> None:
        """Leave out the layers that no output depends on."""
        needed: set[Draft] = set()
        waiting = list(outputs)
        while waiting:
            layer = waiting.pop()
            if layer not in needed:
                needed.add(layer)
                waiting += layer.reads if layer.tie is None else [*layer.reads, layer.tie]
        self.layers = [layer for layer in self.layers if layer in needed]

    def end_with(self, output: Draft, name: str) -> Draft:
        """Put a result last: its layer is moved there, or an identity of this name follows it if others need it."""
        if self.layers and self.layers[-1] is output:
            return output
        if output is self.input or self.uses()[output] or any(layer.tie is output for layer in self.layers):
            return self.add(name, "identity", [output], derived=True)
        self.remove(output)
        self.layers.append(output)
        return output

    def spec(self) -> list[dict[str, Any]]:
        """Name the layers and write them as a spec holds them."""
        self._settle_names()
        return [self._written(layer, above) for above, layer in pairwise([self.input, *self.layers])]

    def weights(self) -> ArrayReaders:
        """The arrays of the layers, by their names; shared ones once."""
        return {
            f"{one.name}.{role}": read for one in self.layers if one.tie is None for role, read in one.weights.items()
        }

    def _settle_names(self) -> None:
        """Give each layer a name of its own: a preferred one goes to the first that prefers it."""
        preferred = {layer.name for layer in self.layers if not layer.derived}
        taken = {"input"}
        for layer in self.layers:
            if layer.derived or layer.name in taken:
                layer.name = unused_name(layer.name, taken, preferred)
            taken.add(layer.name)

    def _written(self, layer: Draft, above: Draft) -> dict[str, Any]:
        raw = {"name": layer.name, "op": layer.op, **layer.keys}
        if self.wired or layer.reads != [above]:
            names = [one.name for one in layer.reads]
            raw["from"] = names[0] if len(names) == 1 else names
        if layer.tie is not None:
            raw["tie"] = layer.tie.name
        return raw


def printable(text: str) -> str:
    """A name or a type as a spec can hold it."""
    return "".join(c if c.isprintable() else "_" for c in text)[:LONGEST_NAME] or "layer"
