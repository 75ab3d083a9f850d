"""What the units of a network see: the figures of each layer's field, and exactly what one unit sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import SpecError, shown
from ..network import INPUT
from ..report import LayerReport, Report
from ..sizes import to_json
from .figures import AxisFigures, axis_figures, letters_of
from .graph import Graph
from .reads import Reads
from .views import Sight, Spread, look_back, look_forth


class LayerFields(NamedTuple):
    """The fields of one layer's units, axis by axis of the network's input."""

    name: str
    """The layer's name, `block.layer` of one inside of a block."""
    layer: LayerReport
    axes: tuple[AxisFigures, ...]
    at: int
    """Its index in the graph."""

    def to_dict(self, graph: Graph) -> dict[str, Any]:
        """Return what stands beside the figures of the layer's report, as JSON."""
        space = graph.space(self.at)
        return {
            "axis": [axis.letter for axis in self.axes],
            "centre": [axis.centre for axis in self.axes],
            "padding": [axis.padding for axis in self.axes],
            **space.to_dict(),
            "units": list(to_json(space.shape) or ()),
            "along": letters_of(graph, self.at),
            "reads": [
                {"layer": graph.name(read), "axes": reading_json(reading), **self._bound(reading)}
                for read, reading in zip(graph.vertices[self.at].reads, graph.readings(self.at), strict=True)
                if reading.relations
            ],
        }

    def _bound(self, reading: Reads) -> dict[str, str]:
        """Return why units may read less than that, as JSON; empty if that is exact."""
        why = self.layer.node.layer.overstates or reading.not_exact
        return {} if why is None else {"bound": why}


def reading_json(reading: Reads) -> list[dict[str, Any] | None] | None:
    """Return what units read on each axis of a thing that they read, as JSON; None if that is not known.

    Axes are counted from 0 among all of a map's, those of channels included, of which it may be None for one.
    """
    if not reading.is_known:
        return None
    axes: list[dict[str, Any] | None] = []
    for at, (relation, parts) in enumerate(zip(reading.relations, reading.parts, strict=True)):
        own: dict[str, Any] = {"axis": parts[0].place if parts else None}
        if len(parts) > 1 or any(part[1:] != (1, reading.target.sizes[part.place], 1) for part in parts):
            own = {"digits": parts}
        if parts and at in reading.source.places:
            own |= relation.endless()
        axes.append(relation.to_dict() | own if reading.followed[at] else None)
    return axes


class ReceptiveFields:
    """The receptive fields of a network's layers, blocks opened; of one layer alone if it is named."""

    def __init__(self, report: Report, of: str | None = None, source: str | None = None):
        self.report, self.graph = report, Graph(report)
        self.source = INPUT if source is None else self.graph.find(source, "--in")
        self.of = None if of is None else self.graph.find(of, "--of")
        self.view: Sight | None = None
        """What one unit sees, if that is asked for."""
        self.spread: Spread | None = None
        """Which units see one pixel, if that is asked for."""
        self.layers = [
            LayerFields(vertex.name, vertex.layer, axis_figures(self.graph, at), at)
            for at, vertex in enumerate(self.graph)
        ]

    def look_back(self, unit: Sequence[int]) -> None:
        """Find out what one unit sees. SpecError if there is no such unit."""
        of = self.of
        if of is None:
            of = self.graph.last_with_space(len(unit))
        if of is None:
            raise self._no_layer(len(unit))
        self.view = look_back(self.graph, of, unit, self.source)

    def look_forth(self, pixel: Sequence[int]) -> None:
        """Find out which units see a pixel of the input, or a unit of a layer. SpecError if there is no such pixel."""
        self.spread = look_forth(self.graph, self.source, pixel)

    def _no_layer(self, axes: int) -> SpecError:
        last = self.graph.last_with_space()
        what = f"no layer has units with {axes} {'axis' if axes == 1 else 'axes'}"
        if last is None:
            return SpecError("no layer has units that have a place in the input", "all of them see it whole")
        shape = self.graph.space(last).shape
        return SpecError(what, f"as {','.join(['0'] * len(shape))}, of {shown(self.graph.name(last))}")

    def extras(self) -> dict[str, Any]:
        """Return what stands beside the report in a JSON document: the unit, or the pixel."""
        if self.view is not None:
            return {"unit": self.view.to_dict()}
        if self.spread is not None:
            return {"pixel": self.spread.to_dict()}
        return {}
