"""Hints: what is valid and perhaps not meant, each with its numbers and what would help.

A kind of hint is an entry of the `KINDS` of a module here; `table.py` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..errors import Path
from ..network import INPUT, Origin
from ..report import Hint, LayerReport

__all__ = ["Advice", "HintKind", "HintPlace", "find", "grouped", "is_fixed"]


class Advice(NamedTuple):
    """The text of a hint on a layer, without its name, and what would help."""

    text: str
    help: str


class HintPlace(NamedTuple):
    """A layer in its place: among the layers around it, which are the network's or those of a block."""

    layer: LayerReport
    at: int
    layers: Sequence[LayerReport]
    path: Path
    """Its path in the spec."""
    name: str
    """Its name, behind those of the blocks around it."""
    around: tuple[LayerReport, ...] = ()
    """The blocks around it."""

    @property
    def source(self) -> Origin:
        """Where its network was read from."""
        return self.layer.network.source or Origin()

    @property
    def label(self) -> str:
        """The layer as errors name it: `layers[2] 'pool1'`."""
        indices = ".".join([f"layers[{index}]" for index in self.path[1::2]])
        return f"{indices} '{self.name}'"

    def readers(self) -> list[LayerReport]:
        """Return the layers that read it."""
        return [layer for layer in self.layers if self.at in layer.node.reads]

    def before(self) -> LayerReport | None:
        """Return the first layer above it that does not work on values where they are; None for the input."""
        reads = self.layer.node.reads
        while reads and reads[0] != INPUT and self.layers[reads[0]].node.layer.KEEPS_SHAPE:
            reads = self.layers[reads[0]].node.reads
        return self.layers[reads[0]] if reads and reads[0] != INPUT else None


class HintKind(NamedTuple):
    """A kind of hint."""

    code: str
    """The stable code of its finding in `cnncalc check`."""
    name: str
    title: str
    """What is the case, in a line."""
    why: str
    """Why that matters."""
    advice: str
    """What to do."""
    find: Callable[[HintPlace], Advice | None]
    """Return what is to be said of a layer."""
    of_input: bool = False
    """Whether it depends on the input's size, which no file fixes."""
    note: str = ""
    """The form of the note that layer words get without being asked, on the first layer of its kind; empty for none."""


def places(layers: Sequence[LayerReport], block: HintPlace | None = None) -> Iterator[HintPlace]:
    """Yield each layer in its place, those of blocks behind their block."""
    path, within, around = (
        ((), "", ()) if block is None else (block.path, f"{block.name}.", (*block.around, block.layer))
    )
    for at, layer in enumerate(layers):
        place = HintPlace(layer, at, layers, (*path, "layers", layer.node.spec_index), within + layer.name, around)
        yield place
        yield from places(layer.inner, place)


def find(
    layers: Sequence[LayerReport], kinds: Iterable[HintKind], fixed: bool = False
) -> Iterator[tuple[HintKind, HintPlace, Hint]]:
    """Yield the hints of these kinds on each layer of a network, in the network's order.

    Those on what a file fixes are left out, unless `fixed`.
    """
    kinds = [kind for kind in kinds if fixed or kind.of_input or not is_fixed(layers)]
    for place in places(layers):
        for kind in kinds:
            said = kind.find(place)
            if said is not None:
                yield kind, place, Hint(kind.name, (place.name,), said.text, said.help)


def is_fixed(layers: Sequence[LayerReport]) -> bool:
    """Return whether the keys of layers are not the reader's to choose: another framework's file fixes them."""
    source = layers[0].network.source if layers else None
    return source is not None and (source.model is not None or bool(source.weights))


def grouped(hints: Iterable[Hint]) -> list[Hint]:
    """Return hints with those together that say the same of several layers."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for hint in hints:
        groups.setdefault((hint.name, hint.text, hint.help), []).extend(hint.layers)
    return [Hint(name, tuple(layers), text, help) for (name, text, help), layers in groups.items()]
