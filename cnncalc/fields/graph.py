"""The layers of a report as one graph, the layers of blocks in their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..axes import Axis
from ..errors import SpecError, nearest, shown
from ..layers import Fields
from ..network import INPUT
from ..report import LayerReport, Report
from ..sizes import Shape, Size


class Vertex(NamedTuple):
    """A layer in the graph."""

    name: str
    """The layer's name, `block.layer` of one inside of a block."""
    layer: LayerReport
    reads: tuple[int, ...]
    """The indices of what it reads, INPUT for the network's input."""


class Space(NamedTuple):
    """The axes on which the units of a value have their place; those folded into its batch stand in front."""

    axes: tuple[Axis, ...]
    """Where each of all its axes runs along in the network's input, as `Fields` has them."""
    sizes: Shape
    """The sizes of all its axes."""
    places: tuple[int, ...]
    """Which of them units have a place on: the others are channels, or axes that layers made."""

    @property
    def shape(self) -> Shape:
        """The sizes of the axes that units have a place on."""
        return tuple([self.sizes[place] for place in self.places])


def space_of(fields: Fields, sample: Shape) -> Space:
    """Return the axes on which units of a sample with these fields have their place."""
    if len(fields.axes) != len(sample):  # of what nothing is known
        return Space((), (), ())
    axes = (*[axis for _, axis in fields.lead], *fields.axes)
    sizes: tuple[Size, ...] = (*[size for size, _ in fields.lead], *sample)
    return Space(axes, sizes, tuple([at for at, axis in enumerate(axes) if axis is not None]))


class Graph:
    """The layers of a report, each after what it reads."""

    def __init__(self, report: Report):
        self.report = report
        self.vertices: list[Vertex] = []
        self.names: dict[str, int] = {"input": INPUT}
        """The index of each layer; of a block, that of the last layer in it."""
        self._add(report.layers, "", {INPUT: INPUT})
        own = [layer.reads_fields[layer.node.reads.index(INPUT)] for layer in report if INPUT in layer.node.reads]
        self.input = own[0] if own else Fields(())
        """The axes and fields of the network's input."""

    def _add(self, layers: Sequence[LayerReport], within: str, ends: dict[int, int]) -> int:
        """Add layers that read each other, and `ends` in place of their input; return the index of the last."""
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

    def find(self, name: str) -> int:
        """Return the index of a layer, or INPUT. SpecError with the nearest name if there is none."""
        if name in self.names:
            return self.names[name]
        raise SpecError(f"there is no layer {shown(name)}", nearest(name, self.names) or _some(self.names))

    def fields(self, at: int) -> Fields:
        """Return the axes and fields of a layer's output, or of the input."""
        return self.input if at == INPUT else self.vertices[at].layer.read

    def sample(self, at: int) -> Shape:
        """Return the shape of one sample of a layer's output, or of the input."""
        return self.report.sample if at == INPUT else self.vertices[at].layer.traced.out

    def space(self, at: int) -> Space:
        """Return the axes on which the units of a layer, or the pixels of the input, have their place."""
        return space_of(self.fields(at), self.sample(at))


def _some(names: Mapping[str, int]) -> str:
    some = [name for name in names if name != "input"]
    return f"the layers are {', '.join(some[:6])}{', …' if len(some) > 6 else ''}"
