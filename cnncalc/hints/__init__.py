"""Hints: remarks on what is valid but perhaps not meant, with numbers and what would help.

A kind of hint is an entry of `KINDS` in a module here; `table.py` collects them.
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
    """The text of a hint on a layer, without the layer's name, and what would help."""

    text: str
    help: str


class HintLevel:
    """The layers of a network or a block, with what is computed once for all of them."""

    def __init__(self, layers: Sequence[LayerReport]):
        self.layers = layers
        self._windows: dict[tuple[int, Shape], Sequence[AxisWindow]] = {}
        """The windows of layers and their copies, by id and input shape."""

    def windows(self, at: int) -> Sequence[AxisWindow]:
        """Return a layer's window on each axis; empty for a layer without windows or with an unknown input."""
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
        """For each layer, the nearest earlier one that does more than change values in place; INPUT if none."""
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
        """The indices of the layers whose weights others share."""
        ties = [(at, layer.node.tie) for at, layer in enumerate(self.layers) if layer.node.tie is not None]
        return {index for pair in ties for index in pair}

    @cached_property
    def open_widths(self) -> list[int]:
        """The indices of linear layers that declare their number of features but get an input of open sizes."""
        return [
            at
            for at, layer in enumerate(self.layers)
            if layer.op == "linear" and "c_i" in layer.node.layer.given and Open in map(type, layer.sample[-1:])
        ]

    @cached_property
    def entrance(self) -> tuple[LayerReport, int] | None:
        """The first layer that reads the network's input, and which of its inputs that is; None if there is none."""
        layer, *_ = self.readers.get(INPUT, [None])
        return None if layer is None else (layer, layer.node.reads.index(INPUT))

    @cached_property
    def space(self) -> Shape:
        """The spatial sizes of the network's input; () if no layer reads it."""
        from ..fields.reads import space_of

        if self.entrance is None:
            return ()
        layer, at = self.entrance
        return space_of(layer.reads_fields[at], layer.samples[at]).shape

    @cached_property
    def borders(self) -> list[str]:
        """The names of the layers that are border layers on every axis."""
        from ..fields.borders import border

        if not self.space:
            return []
        leaves = [place for place in places(self.layers) if not place.layer.inner]
        return [place.name for place in leaves if all(border(place.layer, self.space))]


class HintPlace:
    """A layer in its place among the layers of the network or of a block."""

    def __init__(self, level: HintLevel, at: int, block: HintPlace | None = None):
        self.layer, self.at, self.level, self.block = level.layers[at], at, level, block
        """`block` is the place of the enclosing block; None for a layer of the network."""
        self.network: HintLevel = level if block is None else block.network

    @property
    def path(self) -> Path:
        """Its path in the spec."""
        return (*(() if self.block is None else self.block.path), "layers", self.layer.node.spec_index)

    @property
    def name(self) -> str:
        """Its name, after the names of the enclosing blocks."""
        return self.layer.name if self.block is None else f"{self.block.name}.{self.layer.name}"

    @property
    def around(self) -> tuple[LayerReport, ...]:
        """The enclosing blocks."""
        return () if self.block is None else (*self.block.around, self.block.layer)

    @property
    def source(self) -> Origin:
        """The origin of its network."""
        return self.layer.network.source or Origin()

    @property
    def label(self) -> str:
        """The layer as errors name it: `layers[2] 'pool1'`."""
        indices = ".".join([f"layers[{index}]" for index in self.path[1::2]])
        return f"{indices} '{self.name}'"

    def before(self) -> LayerReport | None:
        """Return the nearest earlier layer that does more than change values in place; None for the input."""
        at = self.level.before[self.at]
        return None if at == INPUT else self.level.layers[at]

    def alike(self) -> object:
        """Return a key of what an `of_alike` hint depends on, which consecutive copies of a layer share."""
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
        """What the hint says, in a line."""
        self.why = why
        """Why it matters."""
        self.advice = advice
        """What to do."""
        self.find = find
        """The function that returns the advice on a layer, if any."""
        self.of_input = of_input
        """Whether it depends on the size of the input, which files do not fix."""
        self.of_alike = of_alike
        """Whether it depends only on the layer, its input and the layer before, so that consecutive copies (`times`)
        are examined once."""
        self.note = note
        """The form of the note that layer words get unasked, on the first layer with this hint; empty for no note."""


def places(layers: Sequence[LayerReport], block: HintPlace | None = None) -> Iterator[HintPlace]:
    """Yield each layer in its place, with the layers of a block after the block."""
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

    Hints on what a file fixes are left out, unless `fixed`.
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
    """Return the advice of each of these kinds that applies to a layer."""
    return [(kind, said) for kind in kinds if (said := kind.find(place)) is not None]


def is_fixed(layers: Sequence[LayerReport]) -> bool:
    """Return whether the keys of the layers are fixed by another framework's file rather than chosen by the user."""
    source = layers[0].network.source
    return source is not None and source.is_fixed


def grouped(hints: Iterable[Hint]) -> list[Hint]:
    """Return hints, merging those that say the same of several layers."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for hint in hints:
        groups.setdefault((hint.name, hint.text, hint.help), []).extend(hint.layers)
    return [Hint(name, tuple(layers), text, help) for (name, text, help), layers in groups.items()]
