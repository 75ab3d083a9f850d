"""What the units of a network see: the figures of each layer's field, and the exact view of a single unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import SpecError
from ..field import Field
from ..layers import Fields
from ..limits import FEWER_LAYERS, MOST_SETTLED, MOST_WITH_FIELDS, check_limit
from ..network import INPUT
from ..report import LayerReport, Report
from ..sizes import to_json
from .borders import border, least
from .bounds import bounds
from .figures import AxisFigures, axis_figures, letters_of, number
from .graph import Graph
from .paths import Paths, paths
from .reads import Reads
from .views import Sight, Spread, independent, look_back, look_forth

Findings = dict[str, Any]
"""What execution finds out about fields, in the form of JSON."""


class LayerFields(NamedTuple):
    """The fields of one layer's units, axis by axis of the network's input."""

    name: str
    """The layer's name; `block.layer` for one inside a block."""
    layer: LayerReport
    axes: tuple[AxisFigures, ...]
    at: int
    """Its index in the graph."""
    bound: str | None
    """Why its units may see less; None if the field is exact."""
    border: tuple[bool | None, ...]
    """For each axis, whether it is a border layer: the field of its input is not smaller than the image."""

    def to_dict(self, graph: Graph) -> dict[str, Any]:
        """Return the figures that are added to the layer's report, as JSON."""
        space = graph.space(self.at)
        return {
            "axis": [axis.letter for axis in self.axes],
            "size": [axis.field.size for axis in self.axes],
            "stride": [_number(axis.stride) for axis in self.axes],
            "first": [None if axis.first is None else axis.first[0] for axis in self.axes],
            "centre": [axis.centre for axis in self.axes],
            "padding": [axis.padding for axis in self.axes],
            "border": list(self.border),
            "exact": self.bound is None,
            **({} if self.bound is None else {"bound": self.bound}),
            **space.to_dict(),
            "units": list(to_json(space.shape) or ()),
            "along": letters_of(graph, self.at),
            "reads": [
                {"layer": graph.name(read), "axes": reading.axes, **_bound(reading)}
                for read, reading in zip(graph.vertices[self.at].reads, graph.readings(self.at), strict=True)
                if reading.is_read
            ],
        }


def _number(stride: int | Fraction | None) -> float | None:
    """Return a stride as a number for JSON."""
    return number(*stride.as_integer_ratio()) if isinstance(stride, Fraction) else stride


def _bound(reading: Reads) -> dict[str, str]:
    """Return why units may read less, as JSON; empty if the reading is exact."""
    return {} if reading.not_exact is None else {"bound": reading.not_exact}


class ReceptiveFields:
    """The receptive fields of a network's layers, with blocks expanded, or of a single named layer."""

    def __init__(self, report: Report, of: str | None = None, source: str | None = None):
        self.report, self.graph = report, Graph(report)
        what = "the fields of {made:,} layers, each counted once per layer that it reads, more than {most:,}"
        check_limit(MOST_WITH_FIELDS, sum([max(len(one.reads), 1) for one in self.graph]), what, FEWER_LAYERS)
        self.source = INPUT if source is None else self.graph.find(source, "--in")
        self.of = None if of is None else self.graph.find(of, "--of")
        self.phases = False
        """Whether each phase has a row, for units that differ by phase."""
        self._lost = self.graph.after(*self.graph.lost())
        self._after = self.graph.after(self.source)
        self._is_large = self.graph.too_large([self.source, *sorted(self._after)]) is not None
        self._followed = 0
        self.view: Sight | None = None
        """What one unit sees, if asked for."""
        self.spread: Spread | None = None
        """The units that see one pixel, if asked for."""
        self.paths: Paths | None = None
        """The paths to a layer, if asked for."""
        self.effective: Findings | None = None
        """How strongly the pixels influence a unit, if asked for."""
        self.proof: Findings | None = None
        """The result of verifying fields by running the network, if asked for."""
        self.layers = list(self._layers())
        if self.source != INPUT and (not self.layers or self.of not in (None, *[layer.at for layer in self.layers])):
            raise independent(self.graph, self.of, self.source)

    def _layers(self) -> Iterator[LayerFields]:
        """Yield the layers that depend on the source, which is the input by default."""
        graph, whys = self.graph, bounds(self.graph)
        own = None if self.source == INPUT else graph.fields_from(self.source)
        for at, vertex in enumerate(graph):
            if own is None or (at in own and at != self.source):
                fields, bound = self._settled(at, graph.fields(at) if own is None else own[at], whys[at])
                axes = axis_figures(graph, at, fields, self.source)
                sizes = graph.space(INPUT).shape[: len(axes)]
                borders = border(vertex.layer, sizes) if own is None else (False,) * len(axes)
                yield LayerFields(vertex.name, vertex.layer, axes, at, bound, borders)

    def _settled(self, at: int, fields: Fields, bound: str | None) -> tuple[Fields, str | None]:
        """Return the fields of a layer, and why they are only bounds (None if exact).

        If the closed form is unknown or a bound, and the units have no place, they are what all units together see.
        """
        graph = self.graph
        is_open = bound is not None or any(field.spans is None for field in fields.of)
        if not is_open or graph.space(at).shape or self._is_large or at not in self._after:
            return fields, bound
        self._followed += at - self.source
        if self._followed > MOST_SETTLED:
            return fields, bound
        sight = look_back(graph, at, (), self.source)
        if sight.clipped is None or sight.box is None or sight.bound is not None:
            return fields, bound
        of = list(fields.of)
        for axis, (box, clipped) in enumerate(zip(sight.box, sight.clipped, strict=True)):
            first, last = clipped if of[axis].spans is None else box
            if of[axis].spans is None or of[axis].seen(0, 0) != box:
                of[axis] = Field(last - first + 1, 0, first, None, 0, of[axis].marks)
        return fields._replace(of=tuple(of)), None

    @cached_property
    def least(self) -> tuple[int | None, ...]:
        """The size of each axis of the input from which on every layer contributes."""
        return least(self.graph)

    def follow(self) -> None:
        """Compute the fields of all paths to the named layer, or to the last. Raise SpecError for too many."""
        self.paths = paths(self.graph, len(self.graph.vertices) - 1 if self.of is None else self.of)

    def differs(self, layer: LayerFields) -> bool:
        """Return whether a layer's fields have no closed form, although it is known what each unit sees."""
        is_known = all(axis.field.spans is not None for axis in layer.axes)
        return not (is_known or self._is_large or layer.at in self._lost) and bool(self.graph.space(layer.at).shape)

    def look_back(self, unit: Sequence[int]) -> None:
        """Compute what one unit sees. Raise SpecError if there is no such unit."""
        of = self.of
        if of is None:
            of = self.graph.last_with_space(len(unit))
        if of is None:
            raise self._no_layer(len(unit))
        self.view = look_back(self.graph, of, unit, self.source)

    def look_forth(self, pixel: Sequence[int]) -> None:
        """Compute which units see a pixel of the input, or a unit of a layer.

        Raise SpecError if there is no such pixel.
        """
        self.spread = look_forth(self.graph, self.source, pixel)

    def _no_layer(self, axes: int) -> SpecError:
        last = self.graph.last_with_space()
        if last is None:
            return SpecError("no layer has units with a position on an axis of the input")
        number = len(self.graph.space(last).shape)
        have = f"{number} {'axis' if number == 1 else 'axes'}"
        what = f"no layer has units with {axes} {'axis' if axes == 1 else 'axes'}"
        return SpecError(what, f"those of {self.graph.name(last)} have {have}: --unit {','.join(['0'] * number)}")

    def totals(self) -> dict[str, Any]:
        """Return the figures of the whole network as JSON."""
        found: dict[str, Any] = {**self.graph.space(INPUT).to_dict(), "least": list(self.least)}
        asked = {
            "paths": None if self.paths is None else self.paths.to_dict(),
            "effective": self.effective,
            "verify": self.proof,
        }
        return found | {name: value for name, value in asked.items() if value is not None}

    def extras(self) -> dict[str, Any]:
        """Return what is added to the report in a JSON document: the unit or the pixel."""
        if self.view is not None:
            return {"unit": self.view.to_dict()}
        if self.spread is not None:
            return {"pixel": self.spread.to_dict()}
        return {}
