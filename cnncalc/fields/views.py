"""What one unit sees, layer by layer back to the input, and which units see one pixel."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from ..errors import SpecError
from ..field import Interval
from ..sizes import known, show
from . import masks
from .graph import Graph
from .masks import NOWHERE, Product, Region
from .reading import Reading

Box = tuple[Interval, ...]
"""The first and the last unit on each axis of a map."""


class Sets(NamedTuple):
    """What is read of a layer's output, or of the input, on all of its axes, those of channels included."""

    possible: Region
    """All that is perhaps read."""
    certain: Region
    """What is read for sure; the same object if that is all."""

    def with_others(self, other: Sets) -> Sets:
        """Return what is read by either."""
        possible = masks.union((*self.possible, *other.possible))
        if self.certain is self.possible and other.certain is other.possible:
            return Sets(possible, possible)
        return Sets(possible, masks.union((*self.certain, *other.certain)))


class View(NamedTuple):
    """What one unit of a layer sees of an earlier one, or of the input."""

    graph: Graph
    of: int
    """The index of the unit's layer."""
    unit: tuple[int, ...]
    source: int
    """The index of the layer that is seen, or INPUT."""
    sets: dict[int, Sets]
    """What it sees of each layer between the two, and of both."""
    boxes: dict[int, Box]
    """The first and last unit that it sees of each, on maps without ends; without those of which it sees nothing."""
    bound: str | None
    """Why it may see less than that; None if that is exact."""
    unknown: str | None
    """Why it is not known what it sees; None if that is known."""

    def region(self, at: int) -> Region:
        """Return what it sees of a layer, or of the input: the places of which it sees some channel."""
        return self.graph.places(at, self.sets[at].possible) if at in self.sets else NOWHERE

    @property
    def box(self) -> Box | None:
        """The first and last unit that it sees of the source, on maps without ends; None if it sees none."""
        return None if self.unknown else self.boxes.get(self.source)

    @property
    def clipped(self) -> Box | None:
        """The first and last unit of the source that it really sees; None if it sees none."""
        return None if self.unknown else masks.hull(self.region(self.source))

    @property
    def share(self) -> float | None:
        """The share of the units in the clipped box that it really sees; None if it sees none."""
        if self.clipped is None:
            return None
        return masks.count(self.region(self.source)) / prod([last - first + 1 for first, last in self.clipped])

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


def look_back(graph: Graph, of: int, unit: Sequence[int], source: int) -> View:
    """Return what one unit of a layer sees of an earlier layer, or of the input. SpecError if there is no such unit."""
    check_unit(graph, of, unit)
    between = graph.behind(source)
    start = graph.everywhere(of, unit)
    sets, boxes = {of: Sets(start, start)}, {of: tuple([(at, at) for at in unit])}
    bound = unknown = None
    for at in range(of, source, -1):
        if at not in sets or at not in between:
            continue
        vertex, own = graph.vertices[at], sets[at]
        why = vertex.layer.node.layer.overstates
        for read, reading in zip(vertex.reads, graph.readings(at), strict=True):
            if read not in between or not reading.relations:
                continue
            if not reading.is_known:
                unknown = unknown or f"it is not known what the units of {vertex.name} ({vertex.layer.op}) read"
                continue
            if not reading.is_exact:
                why = why or "it is not known which channels it reads"
            if why is not None:
                bound = bound or f"{vertex.name}: {why}"
            seen = _read(own, reading, why is None)
            sets[read] = sets[read].with_others(seen) if read in sets else seen
            if at in boxes:
                span = reading.box(dict(zip(graph.space(at).places, boxes[at], strict=True)))
                if span is not None:
                    box = tuple(span.values())
                    boxes[read] = _hull(boxes[read], box) if read in boxes else box
    if bound is not None and source in sets:
        possible, certain = [graph.places(source, region) for region in sets[source]]
        bound = None if masks.same(possible, certain) else bound
    return View(graph, of, tuple(unit), source, sets, boxes, bound, unknown)


def _read(own: Sets, reading: Reading, is_exact: bool) -> Sets:
    """Return what the units of a layer in these sets read of one of its inputs."""
    possible = reading.back(own.possible)
    if not is_exact:
        return Sets(possible, NOWHERE)
    return Sets(possible, possible if own.certain is own.possible else reading.back(own.certain))


def _hull(one: Box, other: Box) -> Box:
    return tuple([(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True)])


def check_unit(graph: Graph, at: int, unit: Sequence[int]) -> None:
    """SpecError unless a layer, or the input, has this unit."""
    name, space = graph.name(at), graph.space(at)
    what = "pixel" if at < 0 else "unit"
    shape = space.shape
    text = ",".join(map(str, unit))
    if not shape:
        raise SpecError(f"{name} has no axis on which a {what} has a place", _help_space(graph))
    sizes = [known(size) for size in shape]
    if len(unit) != len(shape):
        number = f"{len(shape)} axes" if len(shape) > 1 else "1 axis"
        example = ",".join(["0"] * len(shape))
        raise SpecError(
            f"{name} has {number} ({show(shape)}), and {what} {text} has {len(unit)} numbers", f"as {example}"
        )
    if None in sizes:
        raise SpecError(f"the size of {name} is open: {show(shape)}", "give the input's sizes, as -i 3x224x224")
    if max(size or 0 for size in sizes) > MOST_UNITS:
        raise SpecError(f"{name} is {show(shape)}: units are followed on axes of at most {MOST_UNITS:,}")
    for number, size in zip(unit, sizes, strict=True):
        if not 0 <= number < (size or 0):
            raise SpecError(f"{name} is {show(shape)}, and has no {what} {text}", _range(sizes))


def _range(sizes: Sequence[int | None]) -> str:
    return f"the last is {','.join([f'{(size or 1) - 1}' for size in sizes])}, the first is {','.join(['0'] * len(sizes))}"


def _help_space(graph: Graph) -> str | None:
    last = graph.last_with_space()
    return None if last is None else f"the last layer with such axes is {graph.name(last)}: --of {graph.name(last)}"


MOST_UNITS = 1 << 24
"""On longer axes, units are not followed one by one."""


class Spread(NamedTuple):
    """The units of layers that see one pixel of the input, or one unit of a layer (the projective field)."""

    graph: Graph
    source: int
    """The index of the layer of the pixel, or INPUT."""
    pixel: tuple[int, ...]
    sets: dict[int, Region]
    """The units of each layer behind it that see it; a layer of which it is not known is left out."""

    def to_dict(self, of: int) -> dict[str, Any]:
        """Return the units of one layer as JSON."""
        region = self.sets.get(of)
        none = [None] * len(self.graph.space(of).places)
        hull = None if region is None else masks.hull(region)
        return {
            "in": self.graph.name(self.source),
            "index": list(self.pixel),
            "of": self.graph.name(of),
            "box": none if hull is None else [list(span) for span in hull],
            "units": None if region is None else masks.count(region),
        }


def look_forth(graph: Graph, source: int, pixel: Sequence[int]) -> Spread:
    """Return the units of the layers behind one that see a unit of it, or a pixel of the input."""
    check_unit(graph, source, pixel)
    behind = graph.behind(source)
    whole = {source: graph.everywhere(source, pixel)}
    for at in sorted(behind - {source}):
        seen: list[Product] = []
        for read, reading in zip(graph.vertices[at].reads, graph.readings(at), strict=True):
            if read not in behind or not reading.relations:
                continue
            if not reading.is_known or read not in whole:
                break
            seen += reading.forth(whole[read])
        else:
            whole[at] = masks.union(seen)
    sets = {at: graph.places(at, region) for at, region in whole.items()}
    return Spread(graph, source, tuple(pixel), sets)
