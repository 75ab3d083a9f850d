"""What the units of a network see: the figures of each layer's field."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..report import LayerReport, Report
from .figures import AxisFigures, axis_figures
from .graph import Graph


class LayerFields(NamedTuple):
    """The fields of one layer's units, axis by axis of the network's input."""

    name: str
    """The layer's name, `block.layer` of one inside of a block."""
    layer: LayerReport
    axes: tuple[AxisFigures, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what stands beside the figures of the layer's report, as JSON."""
        return {
            "axis": [axis.letter for axis in self.axes],
            "centre": [axis.centre for axis in self.axes],
            "padding": [axis.padding for axis in self.axes],
        }


class ReceptiveFields:
    """The receptive fields of a network's layers, blocks opened."""

    def __init__(self, report: Report):
        self.report, self.graph = report, Graph(report)
        self.layers = [
            LayerFields(vertex.name, vertex.layer, axis_figures(self.graph, at)) for at, vertex in enumerate(self.graph)
        ]

    def extras(self) -> dict[str, Any]:
        """Return what stands beside the report in a JSON document, such as the unit."""
        return {}
