"""Hints: what is valid and perhaps not meant, each with its numbers and what would help.

A kind of hint is an entry of the `KINDS` of a module here; `table.py` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from ..errors import Path
from ..layers.sliding import AxisWindow, Windowed
from ..network import INPUT, Origin
from ..report import Hint, LayerReport
from ..sizes import NOTHING_KNOWN, Open, Shape

__all__ = ["Advice", "HintKind", "HintLevel", "HintPlace", "find", "grouped", "is_fixed"]


class Advice(NamedTuple):
    """The text of a hint on a layer, without its name, and what would help."""

    text: str
    help: str


class HintLevel:
    """The layers of a network, or of a block, with what is worked out once for all of them."""

    def __init__(self, layers: Sequence[LayerReport]):
        self.layers = layers
        self._windows: dict[tuple[int, Shape], Sequence[AxisWindow]] = {}
        """The windows of a layer, and of its copies, by its id and the shape of its input."""

    def windows(self, at: int) -> Sequence[AxisWindow]:
        """Return a layer's window on each axis; none for a layer without one, or of whose input nothing is known."""
        layer = self.layers[at]
        own, sample = layer.node.layer, layer.sample
        if not isinstance(own, Windowed) or NOTHING_KNOWN in (sample, layer.traced.out):
            return ()
        key = id(own), sample
        if key not in self._windows:
            self._windows[key] = own.placed(own.split(sample, layer.env)[1], layer.env)
        return self._windows[key]

    @cached_property
    def before(self) -> list[int]:
        """For each layer, the first one above it that does not work on values where they are; INPUT for none."""
        found: list[int] = []
        for layer in self.layers:
            at = layer.node.reads[0] if layer.node.reads else INPUT
            found.append(found[at] if at != INPUT and self.layers[at].node.layer.KEEPS_SHAPE else at)
        return found

    @cached_property
    def readers(self) -> dict[int, list[LayerReport]]:
        """The layers that read each layer, by its index."""
        found: dict[int, list[LayerReport]] = {}
        for layer in self.layers:
            for at in layer.node.reads:
                found.setdefault(at, []).append(layer)
        return found

    @cached_property
    def shared(self) -> set[int]:
        """The indices of the layers whose weights others use, too."""
        ties = [(at, layer.node.tie) for at, layer in enumerate(self.layers) if layer.node.tie is not None]
        return {index for pair in ties for index in pair}

    @cached_property
    def open_widths(self) -> list[int]:
        """The indices of the linear layers that declare how many features they get, from an input of open sizes."""
        return [
            at
            for at, layer in enumerate(self.layers)
            if layer.op == "linear" and "c_i" in layer.node.layer.given and Open in map(type, layer.sample[-1:])
        ]

    @cached_property
    def entrance(self) -> tuple[LayerReport, int] | None:
        """The first layer that reads the network's input, and at which of its inputs; None if none does."""
        layer, *_ = self.readers.get(INPUT, [None])
        return None if layer is None else (layer, layer.node.reads.index(INPUT))

    @cached_property
    def space(self) -> Shape:
        """The sizes of the network's input on the axes on which its pixels have their place; () if none reads it."""
        from ..fields.reads import space_of

        if self.entrance is None:
            return ()
        layer, at = self.entrance
        return space_of(layer.reads_fields[at], layer.samples[at]).shape

    @cached_property
    def borders(self) -> list[str]:
        """The names of the layers of a network that are border layers on every axis."""
        from ..fields.borders import border

        if not self.space:
            return []
        leaves = [place for place in places(self.layers) if not place.layer.inner]
        return [place.name for place in leaves if all(border(place.layer, self.space))]


class HintPlace:
    """A layer in its place: among the layers around it, which are the network's or those of a block."""

    def __init__(self, level: HintLevel, at: int, block: HintPlace | None = None):
        self.layer, self.at, self.level, self.block = level.layers[at], at, level, block
        """`block` is the place of the block around it, None for a layer of the network."""
        self.network: HintLevel = level if block is None else block.network

    @property
    def path(self) -> Path:
        """Its path in the spec."""
        return (*(() if self.block is None else self.block.path), "layers", self.layer.node.spec_index)

    @property
    def name(self) -> str:
        """Its name, after those of the blocks around it."""
        return self.layer.name if self.block is None else f"{self.block.name}.{self.layer.name}"

    @property
    def around(self) -> tuple[LayerReport, ...]:
        """The blocks around it."""
        return () if self.block is None else (*self.block.around, self.block.layer)

    @property
    def source(self) -> Origin:
        """Where its network was read from."""
        return self.layer.network.source or Origin()

    @property
    def label(self) -> str:
        """The layer as errors name it: `layers[2] 'pool1'`."""
        indices = ".".join([f"layers[{index}]" for index in self.path[1::2]])
        return f"{indices} '{self.name}'"

    def before(self) -> LayerReport | None:
        """Return the first layer above it that does not work on values where they are; None for the input."""
        at = self.level.before[self.at]
        return None if at == INPUT else self.level.layers[at]

    def alike(self) -> object:
        """Return what a hint that is `of_alike` follows from: equal for copies of a layer in sequence."""
        layer, before = self.layer, self.before()
        above = None if before is None else (id(before.node.layer), before.sample)
        return id(layer.node.layer), layer.sample, above


class HintKind:
    """A kind of hint."""

    def __init__(
        self,
        code: str,
        name: str,
        title: str,
        why: str,
        advice: str,
        find: Callable[[HintPlace], Advice | None],
        *,
        of_input: bool = False,
        of_alike: bool = False,
        note: str = "",
    ):
        self.code = code
        """The stable code of its finding in `cnncalc check`."""
        self.name = name
        self.title = title
        """What is the case, in a line."""
        self.why = why
        """Why that matters."""
        self.advice = advice
        """What to do."""
        self.find = find
        """Return what is to be said of a layer."""
        self.of_input = of_input
        """Whether it depends on the input's size, which no file fixes."""
        self.of_alike = of_alike
        """Whether it follows from the layer, its input and the layer before alone: copies by `times`, one behind the
        other, are looked at once."""
        self.note = note
        """The form of the note that layer words get unasked, on the first layer of the kind; empty for none."""


def places(layers: Sequence[LayerReport], block: HintPlace | None = None) -> Iterator[HintPlace]:
    """Yield each layer in its place, those of blocks after their block."""
    level = HintLevel(layers)
    for at, layer in enumerate(layers):
        place = HintPlace(level, at, block)
        yield place
        if layer.inner:
            yield from places(layer.inner, place)


def find(
    layers: Sequence[LayerReport], kinds: Iterable[HintKind], fixed: bool = False
) -> Iterator[tuple[HintKind, HintPlace, Hint]]:
    """Yield the hints of these kinds on each layer of a network, in the network's order.

    Those on what a file fixes are left out, unless `fixed`.
    """
    kinds = [kind for kind in kinds if fixed or kind.of_input or not is_fixed(layers)]
    alike = [kind for kind in kinds if kind.of_alike]
    others = [kind for kind in kinds if not kind.of_alike]
    looked_at: dict[object, list[tuple[HintKind, Advice]]] = {}
    for place in places(layers):
        key = place.alike()
        if key not in looked_at:
            looked_at[key] = _advice(alike, place)
        found = [*looked_at[key], *_advice(others, place)]
        for kind, said in sorted(found, key=lambda one: kinds.index(one[0])) if len(found) > 1 else found:
            yield kind, place, Hint(kind.name, (place.name,), said.text, said.help)


def _advice(kinds: Iterable[HintKind], place: HintPlace) -> list[tuple[HintKind, Advice]]:
    """Return what each of these kinds says of a layer, if it says something."""
    return [(kind, said) for kind in kinds if (said := kind.find(place)) is not None]


def is_fixed(layers: Sequence[LayerReport]) -> bool:
    """Return whether the keys of layers are not the reader's to choose: another framework's file fixes them."""
    source = layers[0].network.source
    return source is not None and source.is_fixed


def grouped(hints: Iterable[Hint]) -> list[Hint]:
    """Return hints with those together that say the same of several layers."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for hint in hints:
        groups.setdefault((hint.name, hint.text, hint.help), []).extend(hint.layers)
    return [Hint(name, tuple(layers), text, help) for (name, text, help), layers in groups.items()]
