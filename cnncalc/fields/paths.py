"""The paths from a network's input to a layer: the field of each alone, and whether their units lie over each other.

Paths double with every skip connection, so those with the same field are kept together, with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from ..errors import SpecError, nearest, shown
from ..field import MISALIGNED, POOLED, Field
from ..field import join as join_field
from ..layers import Fields
from ..network import INPUT
from ..report import LayerReport, Report
from ..trace import shape

MOST_KINDS = 512
"""With more different fields than this on the way to a layer, its paths are not listed."""


class Kind(NamedTuple):
    """The paths to a layer that have the same field."""

    count: int
    via: tuple[str, ...]
    """Of the first of them: what each layer that joins paths reads on it."""
    fields: tuple[Field, ...]
    """On each axis of the network's input."""

    @property
    def is_global(self) -> bool:
        """Return whether they lead through a global pool, so that a join leaves them out."""
        return any(field.marks & POOLED for field in self.fields)


class Paths(NamedTuple):
    """All paths from the input to a layer."""

    to: str
    count: int
    kinds: tuple[Kind, ...]
    """By the size of their fields, the smallest first."""

    def aligned(self) -> tuple[bool | None, ...]:
        """Return whether all paths are aligned, on each axis of the input: equal strides, and centres that coincide.

        Paths through a global pool do not count beside others. None where a field is not known.
        """
        return tuple([_aligned(fields) for fields in zip(*self._met(), strict=True)])

    def apart(self) -> list[str]:
        """Return in what paths differ that are not aligned, an axis a line: their strides, or their centres."""
        return [
            _apart(list(dict.fromkeys(fields))) if aligned is False else ""
            for fields, aligned in zip(zip(*self._met(), strict=True), self.aligned(), strict=True)
        ]

    def _met(self) -> list[tuple[Field, ...]]:
        """Return the fields that meet: all, unless some paths lead through a global pool and others do not."""
        local = [kind.fields for kind in self.kinds if not kind.is_global]
        return local or [kind.fields for kind in self.kinds]


def centre(field: Field) -> Fraction | None:
    """Return the centre of unit 0's field, in pixels of the input; None if it is not known, or unit 0 sees nothing."""
    if field.start is None or field.size is None:
        return None
    first, last = (field.start, field.start + field.size - 1) if field.phases is None else field.phases[0]
    return Fraction(first + last, 2)


def paths(report: Report, of: str | None = None) -> Paths:
    """Return the paths to the layer `of`, by default the last one. SpecError for too many different fields."""
    if any(layer.inner for layer in report.layers):
        report = shape(report.network.inlined(), report.sample)
    layers = report.layers
    names = [layer.name for layer in layers]
    if of is not None and of not in names:
        raise SpecError(f"there is no layer {shown(of)}", nearest(of, names) or f"the last one is {names[-1]}")
    end = len(layers) - 1 if of is None else names.index(of)
    kinds = _kinds(layers, end)
    rows = [Kind(count, via, fields.shown) for fields, (count, via) in kinds.items() if fields.of]
    rows.sort(key=lambda kind: [(field.size is None, field.size or 0, field.start or 0) for field in kind.fields])
    return Paths(names[end], sum(kind.count for kind in rows), tuple(rows))


Found = dict[Fields, tuple[int, tuple[str, ...]]]


def _kinds(layers: Sequence[LayerReport], end: int) -> Found:
    """Return the fields of the paths to a layer, each with the number of paths and the choices of the first."""
    needed = {end}
    for at in range(end, -1, -1):
        needed |= {*layers[at].node.reads} if at in needed else set()
    found: dict[int, Found] = {}
    for at in sorted(needed - {INPUT}):
        found[at] = _met(layers[at], found)
        if len(found[at]) > MOST_KINDS:
            name = layers[at].name
            raise SpecError(
                f"more than {MOST_KINDS} different fields on the paths to {name}", "name an earlier layer: --of LAYER"
            )
    return found[end]


def _met(layer: LayerReport, found: dict[int, Found]) -> Found:
    """Return the fields of the paths to a layer from those to what it reads."""
    met: Found = {}
    reads = layer.node.reads
    joins = sum(at == INPUT or bool(found[at]) for at in reads) > 1
    for place, at in enumerate(reads):
        begun: Found = {layer.reads_fields[place]: (1, ())} if at == INPUT else found[at]
        name = "input" if at == INPUT else layer.nodes[at].name
        for fields, (count, via) in begun.items():
            seen = through(layer, place, fields)
            old, first = met.get(seen, (0, (*via, name) if joins else via))
            met[seen] = old + count, first
    return met


def through(layer: LayerReport, place: int, fields: Fields) -> Fields:
    """Return the fields of a layer's units over what it reads in one place, with these fields, and over that alone."""
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
        return None if len(set(fields)) > 1 else True
    return not join_field([field._replace(marks=0) for field in fields]).marks & MISALIGNED


def _apart(fields: Sequence[Field]) -> str:
    """Return `strides 2 and 4`, or `centres 0 and 0.5, up to 0.5 apart`, of fields that are not aligned."""
    strides = list(dict.fromkeys("~" if field.stride is None else f"{field.stride}" for field in fields))
    if len(strides) > 1:
        return f"strides {_and(strides)}"
    centres = sorted({place for field in fields if (place := centre(field)) is not None})
    if len(centres) < 2:
        return "fields by phase"
    return f"centres {_and([_number(one) for one in centres])}, {_number(centres[-1] - centres[0])} apart"


def _and(texts: Sequence[str]) -> str:
    """Return `1, 2 and 3`; of many, the first and the last."""
    if len(texts) > 4:
        return f"{texts[0]} to {texts[-1]}"
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def _number(value: Fraction) -> str:
    """Return a half number as text: `2`, `2.5`."""
    return f"{float(value):g}"
