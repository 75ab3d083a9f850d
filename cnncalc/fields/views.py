"""What one unit sees, layer by layer back to the input, and which units see one pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

from ..errors import SpecError
from ..field import Interval
from ..limits import FEWER_LAYERS, MOST_PARTS_FOLLOWED, MOST_UNITS_FOLLOWED, check_limit
from ..network import INPUT
from ..sizes import Shape, known, show
from . import masks
from .graph import Graph
from .masks import NOWHERE, Product, Region
from .reads import MOST_UNITS, Reads

Box = tuple[Interval, ...]
"""The first and last unit on each axis of a map."""


MOST_BOXES = 4_000
"""The most boxes of channels that are followed, in all layers together: up to 100 microseconds each."""


class ChannelBox(NamedTuple):
    """The box that is seen in some channels of a layer; it may differ in other channels."""

    channels: Region
    """All units of these channels."""
    box: Box


class Sets(NamedTuple):
    """What is read of a layer's output, or of the input, on all axes, channels included."""

    possible: Region
    """Everything that may be read."""
    certain: Region
    """What is certainly read; the same object as `possible` if they are equal."""

    def with_others(self, other: Sets) -> Sets:
        """Return the union of both."""
        possible = masks.union((*self.possible, *other.possible))
        if self.certain is self.possible and other.certain is other.possible:
            return Sets(possible, possible)
        return Sets(possible, masks.union((*self.certain, *other.certain)))


class Sight(NamedTuple):
    """What one unit of a layer sees of an earlier one, or of the input."""

    graph: Graph
    of: int
    """The index of the unit's layer."""
    unit: tuple[int, ...]
    source: int
    """The index of the layer that is seen, or INPUT."""
    sets: dict[int, Sets]
    """What it sees of both layers and of each layer between them."""
    boxes: dict[int, Box]
    """The first and last unit that it sees of each layer, on unbounded maps; layers that it does not see are left out.

    Empty if more than `MOST_BOXES` would have to be followed.
    """
    bound: str | None
    """Why it may see less; None if the sets are exact."""
    unknown: str | None
    """Why it is unknown what it sees; None if known."""

    def region(self, at: int) -> Region:
        """Return what it sees of a layer, or of the input: the places of which it sees at least one channel."""
        return self.graph.places(at, self.sets[at].possible) if at in self.sets else NOWHERE

    @property
    def box(self) -> Box | None:
        """The first and last unit that it sees of the source, on unbounded maps; None if unknown or if it sees none."""
        return None if self.clipped is None or not self.boxes else self.boxes.get(self.source, self.clipped)

    @property
    def clipped(self) -> Box | None:
        """The first and last unit of the source that it sees on the finite map; None if it sees none."""
        return None if self.unknown else masks.hull(self.region(self.source))

    @property
    def share(self) -> float | None:
        """The share of the units in the clipped box that it sees; None if it sees none."""
        if self.clipped is None:
            return None
        box = prod([last - first + 1 for first, last in self.clipped])
        return round(masks.count(self.region(self.source)) / box, 6)

    def to_dict(self) -> dict[str, Any]:
        """Return the unit as JSON."""
        axes = len(self.graph.space(self.source).places)
        none = [None] * axes
        return {
            "of": self.graph.name(self.of),
            "index": list(self.unit),
            "in": self.graph.name(self.source),
            "box": none if self.box is None else [list(span) for span in self.box],
            "clipped": none if self.clipped is None else [list(span) for span in self.clipped],
            "share": self.share,
            "exact": self.bound is None and self.unknown is None,
            **({} if self.bound is None else {"bound": self.bound}),
            **({} if self.unknown is None else {"unknown": self.unknown}),
        }


def look_back(graph: Graph, of: int, unit: Sequence[int], source: int) -> Sight:
    """Return what one unit of a layer sees of an earlier layer or of the input.

    Raise SpecError if there is no such unit.
    """
    check_unit(graph, of, unit)
    between = graph.after(source)
    if not graph.space(source).places and unit:
        raise _no_place(graph, source)
    _check_sizes(graph, [source, *sorted(between & graph.before(of) | {of})])
    _check_number(graph, between & graph.before(of))
    start = graph.everywhere(of, unit)
    sets = {of: Sets(start, start)}
    parts: dict[int, list[ChannelBox]] = {
        of: [ChannelBox(_anywhere(graph, of, start), tuple([(at, at) for at in unit]))]
    }
    bound = unknown = None
    number = followed = 0
    for at in range(of, source, -1):
        if at not in sets or at not in between:
            continue
        followed += _parts_at(graph, at, sets[at].possible)
        sets[at], many = _enclosed(graph, at, sets[at], followed)
        bound = bound or many
        own = parts[at] = _merged(parts.get(at, []))
        number += len(own) if len(own) > 1 else 0
        for read, reads in graph.reads_of(at, between):
            if not reads.is_known:
                unknown = unknown or _lost(graph, at)
                continue
            why = reads.not_exact
            if why is not None:
                bound = bound or f"{graph.name(at)}: {why}"
            seen = _read(sets[at], reads, why is None)
            if not seen.possible:  # it reads other channels or lies outside the map
                continue
            sets[read] = sets[read].with_others(seen) if read in sets else seen
            if number <= MOST_BOXES:
                alone = seen.possible if len(own) == 1 else None
                parts.setdefault(read, []).extend(_parts(graph, at, own, read, reads, alone))
    if bound is not None and source in sets:
        possible, certain = [graph.places(source, region) for region in sets[source]]
        bound = None if masks.same(possible, certain) else bound
    boxes = {at: _hull(own) for at, own in parts.items() if own} if number <= MOST_BOXES else {}
    return Sight(graph, of, tuple(unit), source, sets, boxes, bound, unknown)


def _parts_at(graph: Graph, at: int, region: Region) -> int:
    """Return the number of units on the axes of a map, counted once per part of a region; 0 for a single part."""
    return len(region) * sum([known(size) or 1 for size in graph.space(at).sizes]) if len(region) > 1 else 0


def _enclosed(graph: Graph, at: int, own: Sets, followed: int) -> tuple[Sets, str | None]:
    """Return the sets of a layer, or a box around several parts if too many were followed, and why it is one."""
    if len(own.possible) <= 1 or followed <= MOST_PARTS_FOLLOWED:
        return own, None
    why = f"{graph.name(at)}: the region has too many parts to follow each"
    return Sets(masks.enclosing(own.possible), own.certain[:1]), why


def _read(own: Sets, reads: Reads, is_exact: bool) -> Sets:
    """Return what the units of a layer in these sets read of one input."""
    possible = reads.back(own.possible)
    if not is_exact:
        return Sets(possible, NOWHERE)
    return Sets(possible, possible if own.certain is own.possible else reads.back(own.certain))


def _parts(
    graph: Graph, at: int, own: Sequence[ChannelBox], read: int, reads: Reads, alone: Region | None
) -> Iterator[ChannelBox]:
    """Yield the boxes that the channels of a layer read of one input; `alone` is the region if there is only one."""
    for channels, box in own:
        seen = reads.back(channels) if alone is None else alone
        wide = reads.box(dict(zip(graph.space(at).places, box, strict=True)))
        if seen and wide is not None:
            yield ChannelBox(_anywhere(graph, read, seen), wide)


def _anywhere(graph: Graph, at: int, region: Region) -> Region:
    """Return all units of a layer in the channels of a region."""
    space = graph.space(at)
    sizes = {place: masks.full(known(space.sizes[place]) or 1) for place in space.places}
    return masks.union([tuple([sizes.get(axis, bits) for axis, bits in enumerate(one)]) for one in region])


def _merged(parts: Sequence[ChannelBox]) -> list[ChannelBox]:
    """Return the boxes with those of equal channels merged, and then the channels of equal boxes."""
    if len(parts) <= 1:
        return [*parts]
    by_channels: dict[frozenset[Product], list[ChannelBox]] = {}
    for part in parts:
        by_channels.setdefault(frozenset(part.channels), []).append(part)
    by_box: dict[Box, list[Product]] = {}
    for alike in by_channels.values():
        by_box.setdefault(_hull(alike), []).extend(alike[0].channels)
    return [ChannelBox(masks.union(products), box) for box, products in by_box.items()]


def _hull(parts: Sequence[ChannelBox]) -> Box:
    """Return the box that encloses those of all channels."""
    spans = zip(*[part.box for part in parts], strict=True)
    return tuple([(min(first for first, _ in axis), max(last for _, last in axis)) for axis in map(list, spans)])


def check_unit(graph: Graph, at: int, unit: Sequence[int]) -> None:
    """Raise SpecError unless a layer, or the input, has this unit."""
    name, space = graph.name(at), graph.space(at)
    what = "pixel" if at < 0 else "unit"
    shape = space.shape
    text = ",".join(map(str, unit))
    if not shape and unit:
        raise _no_place(graph, at)
    sizes = [known(size) for size in shape]
    if len(unit) != len(shape):
        number = f"{len(shape)} axes" if len(shape) > 1 else "1 axis"
        example = ",".join(["0"] * len(shape))
        raise SpecError(
            f"{name} has {number} ({show(shape)}), but {what} {text} has {len(unit)}",
            f"give one number per axis, such as {example}",
        )
    if None in sizes:
        raise _is_open(name, shape)
    for place, size in zip(unit, sizes, strict=True):
        if not 0 <= place < (size or 0):
            raise SpecError(f"{name} is {show(shape)}, so there is no {what} {text}", _range(sizes))


def _check_sizes(graph: Graph, layers: Sequence[int]) -> None:
    """Raise SpecError if an axis of one of these layers is too long to follow its units one by one."""
    at = graph.too_large(layers)
    if at is None:
        return
    lost = graph.lost_before(at)
    if lost is not None:
        raise SpecError(f"the size of {graph.name(at)} is unknown: {_lost(graph, lost)}", "name a layer before it")
    if None in map(known, graph.space(at).sizes):
        raise _is_open(graph.name(at), graph.space(at).sizes)
    what = f"{graph.name(at)} is {show(graph.space(at).sizes)}"
    what += f": units are followed on axes of at most {MOST_UNITS:,}"
    raise SpecError(what, "give a smaller input, or take the network --until a layer before")


def _check_number(graph: Graph, layers: Iterable[int]) -> None:
    """Raise SpecError if the axes of these layers have too many units in all."""
    units = sum([known(size) or 0 for at in layers for size in graph.space(at).sizes])
    what = "{made:,} units on the axes of all maps together, more than {most:,}"
    check_limit(MOST_UNITS_FOLLOWED, units, what, FEWER_LAYERS)


def _lost(graph: Graph, at: int) -> str:
    return f"it is unknown what the units of {graph.name(at)} ({graph.vertices[at].layer.op}) read"


def _is_open(name: str, sizes: Shape) -> SpecError:
    return SpecError(f"the size of {name} is open: {show(sizes)}", "give the input's sizes, for example -i 3x224x224")


def _range(sizes: Sequence[int | None]) -> str:
    return (
        f"the last is {','.join([f'{(size or 1) - 1}' for size in sizes])}, the first is {','.join(['0'] * len(sizes))}"
    )


def independent(graph: Graph, of: int | None, source: int) -> SpecError:
    """Return the error for a layer that does not depend on `source`, or for a source on which no layer depends."""
    after, name = sorted(graph.after(source) - {source}), graph.name(source)
    if not after or of is None:
        return SpecError(f"no layer depends on {name}: it is an output", "name a layer that others read")
    return SpecError(
        f"{graph.name(of)} does not depend on {name}", f"the last layer that does is {graph.name(after[-1])}"
    )


def _no_place(graph: Graph, at: int) -> SpecError:
    """Return the error for a layer, or an input, whose units have no place."""
    lost = graph.lost_before(at)
    last = graph.last_with_space()
    help = None if last is None else f"the last layer whose units have a position is {graph.name(last)}"
    what = (
        f"the {'values of the input' if at == INPUT else f'units of {graph.name(at)}'} "
        "have no position on an axis of the input"
    )
    if at not in graph.after(INPUT):
        what = f"the units of {graph.name(at)} see nothing of the first input"
    elif lost is not None:
        what += f": {_lost(graph, lost)}"
    return SpecError(what, help)


class Spread(NamedTuple):
    """The units of layers that see one pixel of the input, or one unit of a layer (the projective field)."""

    graph: Graph
    source: int
    """The index of the layer of the pixel, or INPUT."""
    pixel: tuple[int, ...]
    sets: dict[int, Region]
    """The units of each later layer that see it; layers for which that is unknown are left out."""

    def number(self, at: int) -> int | None:
        """Return how many units of a layer see it; None if unknown."""
        return masks.count(self.sets[at]) if at in self.sets else None

    def percentage(self, at: int) -> float | None:
        """Return the percentage of a layer's units that see it; None if unknown."""
        number, sizes = self.number(at), [known(size) or 1 for size in self.graph.space(at).shape]
        return None if number is None else 100 * number / prod(sizes)

    def hull(self, at: int) -> Box | None:
        """Return the first and last unit of a layer that see it; None if none does."""
        return masks.hull(self.sets[at]) if at in self.sets else None

    def to_dict(self) -> dict[str, Any]:
        """Return the pixel, and the units of each layer that see it, as JSON."""
        return {
            "in": self.graph.name(self.source),
            "index": list(self.pixel),
            "seen": [self._layer(at) for at in sorted(self.graph.after(self.source) - {self.source})],
        }

    def _layer(self, at: int) -> dict[str, Any]:
        """Return the units of one layer as JSON; null for an unknown number."""
        hull, axes = self.hull(at), len(self.graph.space(at).places)
        return {
            "by": self.graph.name(at),
            "box": [None] * axes if hull is None else [list(span) for span in hull],
            "units": self.number(at),
        }


def look_forth(graph: Graph, source: int, pixel: Sequence[int]) -> Spread:
    """Return the units of later layers that see a unit of a layer, or a pixel of the input."""
    check_unit(graph, source, pixel)
    after = graph.after(source)
    _check_sizes(graph, [source])
    _check_number(graph, [at for at in after if graph.too_large([at]) is None])
    whole = {source: graph.everywhere(source, pixel)}
    for at in sorted(after - {source}):
        if graph.too_large([at]) is not None:
            continue
        seen: list[Product] = []
        for read, reads in graph.reads_of(at, after):
            if not reads.is_known or read not in whole:
                break
            seen += reads.forth(whole[read])
        else:
            whole[at] = masks.union(seen)
    sets = {at: graph.places(at, region) for at, region in whole.items()}
    return Spread(graph, source, tuple(pixel), sets)
