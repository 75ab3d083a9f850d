"""The layers of a report as one graph, with blocks replaced by their layers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..errors import SpecError, layer_meant, shown
from ..field import PIXEL
from ..layers import Fields
from ..limits import FEWER_LAYERS, MOST_PAIRS, MOST_PHASES_FOLLOWED, Limit
from ..network import INPUT
from ..report import LayerReport, Report
from ..sizes import Shape, known
from . import masks
from .masks import Region
from .reads import MOST_UNITS, Reads, Space, alone, kind, read_by, space_of


class Vertex(NamedTuple):
    """A layer in the graph."""

    name: str
    """The layer's name; `block.layer` for one inside a block."""
    layer: LayerReport
    reads: tuple[int, ...]
    """The indices of what it reads; INPUT for the network's input."""


class Graph:
    """The layers of a report, each after what it reads."""

    def __init__(self, report: Report):
        self.report = report
        self.vertices: list[Vertex] = []
        self.names: dict[str, int] = {"input": INPUT}
        """The index of each layer; for a block, that of its last layer."""
        self._add(report.layers, "", {INPUT: INPUT})
        own = [layer.reads_fields[layer.node.reads.index(INPUT)] for layer in report if INPUT in layer.node.reads]
        self.input = own[0] if own else Fields(())
        """The axes and fields of the network's input."""
        self._spaces: dict[int, Space] = {}
        self._readings: dict[int, tuple[Reads, ...]] = {}
        self._alike: dict[object, tuple[Reads, ...]] = {}
        """What layers read, by everything it depends on: a deep network has few distinct layers."""
        what = "receptive fields of {made:,} pairs of inputs that meet in a layer, more than {most:,}"
        self._pairs = Limit(MOST_PAIRS, what, FEWER_LAYERS)
        what = "{made:,} units that differ in what they read, over all layers, more than {most:,}"
        self._phases = Limit(MOST_PHASES_FOLLOWED, what, FEWER_LAYERS)

    def _add(self, layers: Sequence[LayerReport], within: str, ends: dict[int, int]) -> int:
        """Add connected layers, whose inputs are in `ends`; return the index of the last."""
        for at, layer in enumerate(layers):
            reads = tuple([ends[read] for read in layer.node.reads])
            name = within + layer.name
            if layer.inner:
                ends[at] = self._add(layer.inner, f"{name}.", {INPUT: reads[0]})
            else:
                ends[at] = len(self.vertices)
                self.vertices.append(Vertex(name, layer, reads))
            self.names[name] = ends[at]
        return ends[len(layers) - 1]

    def __iter__(self) -> Iterator[Vertex]:
        return iter(self.vertices)

    def name(self, at: int) -> str:
        """Return the name of a layer, or `input`."""
        return "input" if at == INPUT else self.vertices[at].name

    def find(self, name: str, option: str = "") -> int:
        """Return the index of the layer that an option names, or INPUT. Raise SpecError for an unknown name."""
        if name in self.names:
            return self.names[name]
        first, *others = self.names
        help = layer_meant(name, [*others, first])
        raise SpecError(f"{option}{': ' * bool(option)}there is no layer {shown(name)}", help)

    def fields(self, at: int) -> Fields:
        """Return the axes and fields of a layer's output, or of the input."""
        return self.input if at == INPUT else self.vertices[at].layer.read

    def sample(self, at: int) -> Shape:
        """Return the shape of one sample of a layer's output, or of the input."""
        return self.report.sample if at == INPUT else self.vertices[at].layer.traced.out

    def space(self, at: int) -> Space:
        """Return the axes that give the units of a layer, or the pixels of the input, their place."""
        if at not in self._spaces:
            self._spaces[at] = space_of(self.fields(at), self.sample(at))
        return self._spaces[at]

    def too_large(self, among: Iterable[int]) -> int | None:
        """Return the first of these layers whose units cannot be followed: an axis is too long or open."""
        for at in among:
            if any((known(size) or MOST_UNITS + 1) > MOST_UNITS for size in self.space(at).sizes):
                return at
        return None

    def everywhere(self, at: int, unit: Sequence[int]) -> Region:
        """Return a unit of a layer as a region: its place, in all channels."""
        space = self.space(at)
        own = dict(zip(space.places, unit, strict=True))
        sizes = enumerate(space.sizes)
        return (tuple([1 << own[axis] if axis in own else masks.full(known(size) or 1) for axis, size in sizes]),)

    def places(self, at: int, region: Region) -> Region:
        """Return a region reduced to the axes that give units their place."""
        places = self.space(at).places
        return masks.union([tuple([one[place] for place in places]) for one in region])

    def readings(self, at: int) -> tuple[Reads, ...]:
        """Return what the units of a layer read of each of its inputs."""
        if at not in self._readings:
            layer, sources, target = (
                self.vertices[at].layer,
                [*map(self.space, self.vertices[at].reads)],
                self.space(at),
            )
            key = kind(layer, sources, target)
            found = self._alike.get(key) if key is not None else None
            if found is None:
                self._pairs.count(len(sources) ** 2)  # each goes through the layer together with all others
                found = tuple([read_by(layer, position, source, target) for position, source in enumerate(sources)])
                self._phases.count(sum([len(one.phases or ()) for reads in found for one in reads.relations]))
                if key is not None:
                    self._alike[key] = found
            self._readings[at] = found
        return self._readings[at]

    def lost(self) -> list[int]:
        """Return the layers whose units read an unknown part of inputs that are themselves known."""
        lost = set[int]()
        for at, vertex in enumerate(self.vertices):
            is_known = all(reads.is_known for reads in self.readings(at))
            if not is_known and lost.isdisjoint(vertex.reads) and self.too_large([at, *vertex.reads]) is None:
                lost.add(at)
        return sorted(lost)

    def lost_before(self, end: int) -> int | None:
        """Return the first of the `lost` layers among a layer and those it depends on; None if there is none."""
        before = self.before(end)
        return next((one for one in self.lost() if one in before), None)

    def last_with_space(self, axes: int | None = None) -> int | None:
        """Return the last layer whose units differ by place, on `axes` axes if given; None if there is none."""
        fitting = [
            at for at in range(len(self.vertices)) if self.space(at).shape and axes in (None, len(self.space(at).shape))
        ]
        apart = [at for at in fitting if any(size != 1 for size in self.space(at).shape)]
        return (apart or fitting)[-1] if fitting else None

    def reads_of(self, at: int, among: Container[int]) -> list[tuple[int, Reads]]:
        """Return those of the layers `among` whose values a layer reads, and how it reads them."""
        pairs = zip(self.vertices[at].reads, self.readings(at), strict=True)
        return [(read, reads) for read, reads in pairs if read in among and reads.is_read]

    def fields_from(self, source: int) -> dict[int, Fields]:
        """Return the axes and fields of the layers that depend on `source`, in terms of its units."""
        space, own = self.space(source), self.fields(source)
        axes = [space.places.index(at) if at in space.places else None for at in range(len(space.sizes))]
        number, sizes = len(own.lead), [size for size, _ in own.lead]
        lead = tuple(zip(sizes, axes[:number], strict=True))
        pixels = (PIXEL,) * len(space.places)
        found = {source: own._replace(axes=tuple(axes[number:]), of=pixels, lead=lead)}
        for at in sorted(self.after(source) - {source}):
            vertex = self.vertices[at]
            found[at] = alone(vertex.layer, {i: found[read] for i, read in enumerate(vertex.reads) if read in found})
        return found

    def after(self, *sources: int) -> set[int]:
        """Return the sources and the layers that depend on any of them."""
        found = set(sources)
        for at, vertex in enumerate(self.vertices):
            if not found.isdisjoint(vertex.reads):
                found.add(at)
        return found

    def before(self, end: int) -> set[int]:
        """Return the layer `end` and the layers it depends on."""
        found = {end}
        for at in range(end, -1, -1):
            if at in found:
                found.update(self.vertices[at].reads)
        return found - {INPUT}
