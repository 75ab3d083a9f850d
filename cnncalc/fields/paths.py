"""The paths from a network's input to a layer: the field of each path, and whether their units are aligned.

Every skip connection doubles the paths, so those with the same field are kept together with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any, NamedTuple

from ..errors import SpecError
from ..field import BROADCAST, LARGEST, MISALIGNED, NOTHING, Field, Interval
from ..field import join as join_field
from ..layers import Fields
from ..network import INPUT
from ..report import LayerReport, rf_json
from ..sizes import NOTHING_KNOWN
from .figures import middle
from .graph import Graph

MOST_KINDS = 512
"""The most different fields on the way to a layer whose paths are listed."""


class Alike(NamedTuple):
    """The paths to a layer that have the same field."""

    number: int
    """How many there are."""
    via: tuple[str, ...]
    """What each joining layer reads along the first of them."""
    fields: tuple[Field, ...]
    """The field on each axis of the network's input."""

    @property
    def is_global(self) -> bool:
        """Return whether a join leaves them out: unlike others, they lead through a global pool, as a gate does."""
        return any(field.marks & BROADCAST for field in self.fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the paths as JSON."""
        number, via = _exact(self.number), list(self.via)
        return {"number": number, "via": via, "left_out": self.is_global, "rf": rf_json(self.fields)}


class Paths(NamedTuple):
    """All paths from the input to a layer."""

    to: str
    number: int
    """How many there are."""
    kinds: tuple[Alike, ...]
    """The groups of paths, by the size of their fields, smallest first."""

    def to_dict(self) -> dict[str, Any]:
        """Return the paths as JSON."""
        return {
            "to": self.to,
            "number": _exact(self.number),
            "aligned": list(self.aligned()),
            "apart": [text or None for text in self.apart()],
            "kinds": [kind.to_dict() for kind in self.kinds],
        }

    def aligned(self) -> tuple[bool | None, ...]:
        """Return for each axis of the input whether all paths are aligned: equal strides, and centres that coincide.

        Paths that a join leaves out do not count. None if a field is not known.
        """
        alone = sum(kind.number for kind in self.kinds if not kind.is_global) == 1
        return tuple([alone or _aligned(fields) for fields in zip(*self._met(), strict=True)])

    def apart(self) -> list[str]:
        """Return how paths that are not aligned differ, one line per axis: in strides or in centres."""
        return [
            _apart(list(dict.fromkeys(fields))) if aligned is False else ""
            for fields, aligned in zip(zip(*self._met(), strict=True), self.aligned(), strict=True)
        ]

    def _met(self) -> list[tuple[Field, ...]]:
        """Return the fields that meet."""
        return [kind.fields for kind in self.kinds if not kind.is_global]


def _exact(number: int) -> int | None:
    """Return a number of paths as JSON; None if it is too large to be useful."""
    return number if number < LARGEST else None


def paths(graph: Graph, end: int) -> Paths:
    """Return the paths to a layer of a graph. Raise SpecError for too many different fields."""
    found = _kinds(graph, end)
    kinds = [Alike(count, _names(graph, via), fields.of) for fields, (count, via) in found.items()]
    kinds.sort(key=lambda kind: [(field.size is None, field.size or 0, field.start or 0) for field in kind.fields])
    return Paths(graph.name(end), sum(kind.number for kind in kinds), tuple(kinds))


Via = tuple["Via", int] | None
"""What joining layers read along a path, as a linked list from the last one back: paths share their beginnings."""
Found = dict[Fields, tuple[int, Via]]
"""The fields of paths, each with the number of paths and what joining layers read along the first."""


def _names(graph: Graph, via: Via) -> tuple[str, ...]:
    """Return the names of what is read along a path, in order."""
    names = []
    while via is not None:
        via, read = via
        names.append(graph.name(read))
    return tuple(reversed(names))


def _kinds(graph: Graph, end: int) -> Found:
    """Return the fields of the paths to a layer."""
    found: dict[int, Found] = {INPUT: {graph.input: (1, None)}}
    before = sorted(graph.before(end))
    last = {read: at for at in before for read in graph.vertices[at].reads}
    """The last reader of each layer."""
    for at in before:
        found[at] = _met(graph, at, found)
        for read in {read for read in graph.vertices[at].reads if last[read] == at}:
            del found[read]
        if len(found[at]) > MOST_KINDS:
            what = f"more than {MOST_KINDS} different fields on the paths to {graph.name(at)}"
            raise SpecError(what, f"name a layer before it, such as --of {graph.name(max(graph.vertices[at].reads))}")
    return found[end]


def _met(graph: Graph, at: int, found: dict[int, Found]) -> Found:
    """Return the fields of the paths to a layer from those to its inputs; inputs that depend on no pixel have none."""
    met: Found = {}
    vertex = graph.vertices[at]
    joins = sum(bool(found[read]) for read in vertex.reads) > 1
    gated = joins and len({fields.is_pooled for fields in vertex.layer.reads_fields if fields.of}) > 1
    for place, read in enumerate(vertex.reads):
        for fields, (count, via) in found[read].items():
            seen = through(vertex.layer, place, fields)
            if gated and vertex.layer.reads_fields[place].is_pooled:
                seen = seen._replace(of=tuple([field._replace(marks=BROADCAST) for field in seen.of]))
            old, first = met.get(seen, (0, (via, read) if joins else via))
            met[seen] = old + count, first
    return met


def through(layer: LayerReport, place: int, fields: Fields) -> Fields:
    """Return the fields of a layer's units over a single one of its inputs, which has these fields."""
    if NOTHING_KNOWN in (*layer.samples, layer.traced.out):
        return fields.lost(len(layer.traced.fields.axes))
    if not layer.node.layer.JOINS:
        traced = layer.node.layer.trace(layer.samples[0], fields, layer.env)
        return traced.fields
    others = [fields if at == place else Fields((None,) * len(x)) for at, x in enumerate(layer.samples)]
    seen = layer.node.layer.trace_all(layer.samples, others, layer.env).fields
    own = layer.traced.fields
    return seen._replace(lead=own.lead, batched=own.batched)


def _aligned(fields: Sequence[Field]) -> bool | None:
    """Return whether paths with these fields are aligned on an axis; None if one of them is not known."""
    if any(None in (field.size, field.start) for field in fields):
        return None
    return not join_field([field._replace(marks=0) for field in fields]).marks & MISALIGNED


def _apart(fields: Sequence[Field]) -> str:
    """Return `strides 2 and 4`, or `centres 0 and 0.5, 0.5 apart`, for known fields that are not aligned."""
    spans = [field.spans for field in fields if field.spans is not None]
    strides = sorted({Fraction(advance, len(phases)) for phases, advance in spans})
    if len(strides) > 1:
        return f"strides {_and([str(stride) for stride in strides])}"
    period = lcm(*[len(phases) for phases, _ in spans])
    rows = [[_centre(*own, unit) for own in spans] for unit in range(period)]
    apart = max(max(known) - min(known) for row in rows if (known := [one for one in row if one is not None]))
    if period == 1:
        return f"centres {_and([f'{one:g}' for one in sorted({*rows[0]})])}, {apart:g} apart"  # type: ignore[type-var]
    return f"centres up to {apart:g} apart" if apart else "one of them sees nothing where another sees pixels"


def _centre(phases: Sequence[Interval], advance: int, unit: int) -> float | None:
    """Return the centre of a unit's field; None if it sees nothing."""
    turn, phase = divmod(unit, len(phases))
    return None if phases[phase] == NOTHING else middle(phases[phase]) + turn * advance


def _and(texts: Sequence[str]) -> str:
    """Return `1, 2 and 3`; for many, only the first and the last."""
    if len(texts) > 4:
        return f"{texts[0]} to {texts[-1]}"
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
