"""The rows of receptive fields: one for each layer and axis, with axes of equal figures merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from math import prod
from typing import NamedTuple

from ...field import NOTHING, Interval
from ...fields import LayerFields, ReceptiveFields, masks
from ...fields.figures import AxisFigures, letters_of, middle
from ...fields.views import Sight, Spread
from ...network import INPUT
from ...sizes import known, show
from ..columns import op_text
from ..grid import Cell, Column, Grid, grid
from ..summary import path_notes
from ..texts import plural
from .findings import (
    effective_grid,
    effective_sentences,
    least_sentence,
    path_sentences,
    paths_grid,
    proof_grid,
    proof_sentences,
)


class FieldRow(NamedTuple):
    """A layer's field on one axis, or on several axes if equal; for one phase, if phases are asked for."""

    fields: LayerFields
    letters: str
    axis: AxisFigures | None
    """The figures on the axis; None for a layer that does not depend on the input."""
    phase: int | None = None
    is_first: bool = True
    """Whether it is the first row of its layer."""
    border: object = False
    """Whether it is a border layer there; None if unknown."""


def rows(fields: ReceptiveFields, phases: bool) -> Iterator[FieldRow]:
    """Yield the rows of a network; with `phases`, one for each phase of a layer whose units differ."""
    for layer in fields.layers:
        if fields.of in (None, layer.at):
            for number, row in enumerate(_rows(layer, phases)):
                yield row._replace(is_first=not number)


def _rows(layer: LayerFields, phases: bool) -> Iterator[FieldRow]:
    groups: dict[tuple[object, ...], list[AxisFigures]] = {}
    for axis, border in zip(layer.axes, layer.border, strict=True):
        groups.setdefault((*axis.field[:5], axis.padding, border), []).append(axis)
    if not groups:
        yield FieldRow(layer, "", None)
    for (*_, border_there), group in groups.items():
        letters, spans = "".join(axis.letter for axis in group), group[0].field.phases
        row = FieldRow(layer, letters, group[0], border=border_there)
        if not phases or spans is None:
            yield row
        else:
            units = max(known(axis.units) or len(spans) for axis in group)
            yield from [row._replace(phase=phase) for phase in range(min(units, len(spans)))]


def _span(row: FieldRow, axis: AxisFigures) -> Interval | None:
    """Return the first and last pixel of a row's phase, or of unit 0; None if unknown or empty."""
    if row.phase is None:
        return axis.first
    span = (axis.field.phases or ())[row.phase]
    return None if span == NOTHING else span


def _nothing(row: FieldRow, axis: AxisFigures) -> bool:
    return axis.field.spans is not None and _span(row, axis) is None


def _size(row: FieldRow, axis: AxisFigures) -> Cell:
    if row.phase is not None:
        span = _span(row, axis)
        return 0 if span is None else span[1] - span[0] + 1
    sizes = axis.field.sizes
    return None if sizes is None else sizes[0] if sizes[0] == sizes[1] else f"{sizes[0]}-{sizes[1]}"


def _stride(row: FieldRow, axis: AxisFigures) -> Cell:
    if axis.stride is None:
        return None
    stride = axis.stride if row.phase is None else axis.field.advance
    return f"{stride}" if isinstance(stride, Fraction) else stride


def _first(row: FieldRow, axis: AxisFigures) -> Cell:
    span = _span(row, axis)
    return "none" if _nothing(row, axis) else axis.field.start if span is None else span[0]


def _centre(row: FieldRow, axis: AxisFigures) -> Cell:
    span = _span(row, axis)
    return "none" if _nothing(row, axis) else None if span is None else middle(span)


def _padding(row: FieldRow, axis: AxisFigures) -> Cell:
    return "" if row.phase is not None else None if axis.padding is None else 100 * axis.padding


def _exact(row: FieldRow) -> Cell:
    if row.axis is None or row.axis.field.size is None:
        return ""
    return "at most" if row.fields.bound else "yes"


def _of_axis(title: str, cell: Callable[[FieldRow, AxisFigures], Cell], unit: str = "") -> Column[FieldRow]:
    """Return the column of a figure of an axis, which is empty for a layer without axes."""
    return Column(title, lambda row: "" if row.axis is None else cell(row, row.axis), unit=unit)


COLUMNS: dict[str, Column[FieldRow]] = {
    "layer": Column("layer", lambda row: row.fields.name, right=False, style="bold"),
    "op": Column("op", lambda row: op_text(row.fields.layer), right=False, style="cyan", wraps=True),
    "axis": Column("axis", lambda row: row.letters, right=False),
    "phase": Column("phase", lambda row: "" if row.phase is None else row.phase),
    "size": _of_axis("size", _size),
    "stride": _of_axis("stride", _stride),
    "first": _of_axis("first", _first),
    "centre": _of_axis("centre", _centre),
    "padding": _of_axis("padding", _padding, unit="%"),
    "border": Column("border", lambda row: None if row.border is None else "yes" if row.border else "", right=False),
    "exact": Column("exact", _exact),
}


def field_grid(fields: ReceptiveFields, is_drawn: bool = False) -> Grid:
    """Return the rows of what is asked for; if drawn, a name is shown once, and constant columns are left out."""
    asked = _asked_grid(fields, is_drawn)
    if asked is not None:
        return asked
    found = list(rows(fields, fields.phases))
    names = [name for name in COLUMNS if name != "phase" or fields.phases]
    if is_drawn and not any(row.fields.bound for row in found):
        names.remove("exact")
    if is_drawn and not any(row.border is not False for row in found):
        names.remove("border")
    whole = grid(COLUMNS, names, found)
    if not is_drawn:
        return whole
    cells = [
        [cell if row.is_first or name not in ("layer", "op") else "" for name, cell in zip(names, line, strict=True)]
        for row, line in zip(found, whole.rows, strict=True)
    ]
    return whole._replace(rows=cells)


def _asked_grid(fields: ReceptiveFields, is_drawn: bool) -> Grid | None:
    """Return the rows for the question that is asked; None if none is."""
    if fields.view is not None:
        return unit_grid(fields.view)
    if fields.spread is not None:
        return pixel_grid(fields.spread, fields.of)
    if fields.paths is not None:
        cells, whole = (
            {"size": _size, "stride": _stride, "first": _first, "centre": _centre},
            FieldRow(fields.layers[0], "", None),
        )
        return paths_grid(fields.paths, {name: partial(cell, whole) for name, cell in cells.items()}, is_drawn)
    if fields.effective is not None:
        return effective_grid(fields.effective)
    return None if fields.proof is None else proof_grid(fields.proof)


class Side(NamedTuple):
    """What a unit sees on one axis of its source."""

    letter: str
    size: int
    box: Interval | None
    clipped: Interval | None


def _ends(column: str, span: Callable[[Side], Interval | None]) -> dict[str, Column[Side]]:
    """Return the columns of the first and last unit of an interval, and of its length."""
    kinds: dict[str, Callable[[Interval], int]] = {
        "first": lambda ends: ends[0],
        "last": lambda ends: ends[1],
        "size": lambda ends: ends[1] - ends[0] + 1,
    }

    def cell(of: Callable[[Interval], int]) -> Callable[[Side], Cell]:
        return lambda side: "none" if (ends := span(side)) is None else of(ends)

    return {f"{column}_{kind}": Column(f"{column} {kind}", cell(of)) for kind, of in kinds.items()}


SIDES: dict[str, Column[Side]] = {
    "axis": Column("axis", lambda side: side.letter, right=False, style="bold"),
    "of": Column("pixels", lambda side: side.size),
    **_ends("box", lambda side: side.box),
    **_ends("clipped", lambda side: side.clipped),
}


def unit_grid(sight: Sight) -> Grid:
    """Return a row for each axis of the source that a unit sees."""
    shape = sight.graph.space(sight.source).shape
    none = [None] * len(shape)
    letters = [letter or "" for letter in letters_of(sight.graph, sight.source)]
    sides = zip(letters, map(known, shape), sight.box or none, sight.clipped or none, strict=True)
    return grid(SIDES, tuple(SIDES), [Side(letter, size or 0, *spans) for letter, size, *spans in sides])


class Seeing(NamedTuple):
    """The units of a layer that see a pixel."""

    spread: Spread
    at: int


def _box(row: Seeing) -> Cell:
    if row.at not in row.spread.sets:
        return None
    hull = row.spread.hull(row.at)
    return "none" if hull is None else " x ".join([f"{a}" if a == b else f"{a}..{b}" for a, b in hull])


SEEING: dict[str, Column[Seeing]] = {
    "layer": Column("layer", lambda row: row.spread.graph.name(row.at), right=False, style="bold"),
    "op": Column("op", lambda row: op_text(row.spread.graph.vertices[row.at].layer), right=False, style="cyan"),
    "out": Column("output", lambda row: show(row.spread.graph.vertices[row.at].layer.out), style="green"),
    "units": Column("units", _box),
    "number": Column("number", lambda row: row.spread.number(row.at)),
    "share": Column("share", lambda row: row.spread.percentage(row.at), unit="%"),
}


def pixel_grid(spread: Spread, of: int | None) -> Grid:
    """Return a row for each layer that depends on the pixel, or for one of them."""
    after = sorted(spread.graph.after(spread.source) - {spread.source})
    return grid(SEEING, tuple(SEEING), [Seeing(spread, at) for at in after if of in (None, at)])


def sentences(fields: ReceptiveFields) -> list[str]:
    """Return the sentences below the rows."""
    if fields.paths is not None:
        return path_sentences(fields.paths)
    if fields.effective is not None:
        return effective_sentences(fields.effective)
    if fields.proof is not None:
        return proof_sentences(fields.proof)
    if fields.view is not None:
        return unit_sentences(fields.view)
    if fields.spread is not None:
        return []
    return [*field_sentences(fields), *(least_sentence(fields) if fields.source == INPUT else [])]


def field_sentences(fields: ReceptiveFields) -> Iterator[str]:
    """Yield why figures are unknown or bounds (each reason once), and where misaligned paths meet."""
    for at in fields.graph.lost():
        vertex = fields.graph.vertices[at]
        yield f"unknown after {vertex.name} ({vertex.layer.op}): it is unknown what its units read"
    yield from path_notes(fields.report)
    alone = [layer.name for layer in fields.layers if fields.of in (None, layer.at) and fields.differs(layer)]
    if alone:
        yield f"no formula holds for all units of {alone[0]}{' and later layers' * (len(alone) > 1)}: --unit shows one"
    reasons: dict[str, list[str]] = {}
    for layer in fields.layers:
        if layer.bound is not None and fields.of in (None, layer.at):
            reasons.setdefault(layer.bound, []).append(layer.name)
    for reason, names in list(reasons.items())[:MOST_REASONS]:
        yield f"at most, from {names[0]} on: {reason}" if len(names) > 1 else f"at most, in {names[0]}: {reason}"
    if len(reasons) > MOST_REASONS:
        yield f"and for {plural(len(reasons) - MOST_REASONS, 'reason')} more, all with --json"


MOST_REASONS = 3
"""The most reasons that are given below a table."""


def unit_sentences(sight: Sight) -> list[str]:
    """Return sentences on how many of the pixels in its box a unit sees, and whether that is exact."""
    unit, of, source = ",".join(map(str, sight.unit)), sight.graph.name(sight.of), sight.graph.name(sight.source)
    if sight.unknown is not None:
        return [f"unit {unit} of {of}: what it sees of {source} is unknown: {sight.unknown}"]
    clipped = sight.clipped
    if clipped is None:
        return [f"unit {unit} of {of} sees nothing of {source}"]
    number, whole = masks.count(sight.region(sight.source)), prod([last - first + 1 for first, last in clipped])
    what, least = "pixel" if sight.source == INPUT else "unit", "" if sight.bound is None else "at most "
    inside = f"{number:,} of the {plural(whole, what)} in its clipped box, {100 * number / whole:.1f}%"
    if number == whole:
        inside = f"the {plural(whole, what)} in its clipped box, all of them" if whole > 1 else f"one {what}"
    lines = [f"unit {unit} of {of} sees {least}{inside}"]
    return lines if sight.bound is None else [*lines, sight.bound]
