"""The rows of receptive fields: one for each layer and axis, axes with the same figures together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import prod
from typing import NamedTuple

from ...field import Interval
from ...fields import LayerFields, ReceptiveFields, masks
from ...fields.figures import AxisFigures, letters_of
from ...fields.views import Sight, Spread
from ...network import INPUT
from ...sizes import known, show
from ..columns import op_text
from ..grid import Cell, Column, Grid, grid


class FieldRow(NamedTuple):
    """A layer's field on one axis, or on several on which it is the same."""

    fields: LayerFields
    letters: str
    axis: AxisFigures | None
    """None for a layer whose units no pixel leads to."""
    is_first: bool = True
    """Whether it is the first row of its layer."""


def rows(fields: ReceptiveFields) -> Iterator[FieldRow]:
    """Yield the rows of a network."""
    for layer in fields.layers:
        if fields.of in (None, layer.at):
            yield from _rows(layer)


def _rows(layer: LayerFields) -> Iterator[FieldRow]:
    groups: dict[object, list[AxisFigures]] = {}
    for axis in layer.axes:
        groups.setdefault((*axis.field[:5], axis.padding), []).append(axis)
    if not groups:
        yield FieldRow(layer, "", None)
    for number, group in enumerate(groups.values()):
        yield FieldRow(layer, "".join(axis.letter for axis in group), group[0], not number)


def _size(axis: AxisFigures) -> Cell:
    sizes = axis.field.sizes
    return None if sizes is None else sizes[0] if sizes[0] == sizes[1] else f"{sizes[0]}-{sizes[1]}"


def _stride(axis: AxisFigures) -> Cell:
    return None if axis.stride is None else _number(axis.stride)


def _number(number: Fraction) -> Cell:
    return number.numerator if number.denominator == 1 else f"{number}"


def _first(axis: AxisFigures) -> Cell:
    return "none" if axis.sees_nothing else axis.field.start


def _centre(axis: AxisFigures) -> Cell:
    return "none" if axis.sees_nothing else axis.centre


def _padding(axis: AxisFigures) -> Cell:
    return None if axis.padding is None else 100 * axis.padding


def _of_axis(title: str, cell: object, unit: str = "") -> Column[FieldRow]:
    """Return the column of a figure of an axis; it says nothing of a layer without one."""
    return Column(title, lambda row: "" if row.axis is None else cell(row.axis), unit=unit)  # type: ignore[operator]


COLUMNS: dict[str, Column[FieldRow]] = {
    "layer": Column("layer", lambda row: row.fields.name, right=False, style="bold"),
    "op": Column("op", lambda row: op_text(row.fields.layer), right=False, style="cyan", wraps=True),
    "axis": Column("axis", lambda row: row.letters, right=False),
    "size": _of_axis("size", _size),
    "stride": _of_axis("stride", _stride),
    "first": _of_axis("first", _first),
    "centre": _of_axis("centre", _centre),
    "padding": _of_axis("padding", _padding, unit="%"),
}
ALL = tuple(COLUMNS)


def field_grid(fields: ReceptiveFields, repeat: bool = True) -> Grid:
    """Return the rows of what is asked for; without `repeat` a layer's name and op stand in its first row alone."""
    if fields.view is not None:
        return unit_grid(fields.view)
    if fields.spread is not None:
        return pixel_grid(fields.spread, fields.of)
    found = list(rows(fields))
    whole = grid(COLUMNS, ALL, found)
    if repeat:
        return whole
    once = {"layer", "op"}
    cells = [
        [cell if row.is_first or name not in once else "" for name, cell in zip(ALL, line, strict=True)]
        for row, line in zip(found, whole.rows, strict=True)
    ]
    return whole._replace(rows=cells)


class Side(NamedTuple):
    """What a unit sees on one axis of what it looks at."""

    letter: str
    size: int
    box: Interval | None
    clipped: Interval | None


def _ends(column: str, span: Callable[[Side], Interval | None]) -> dict[str, Column[Side]]:
    """Return the columns of the first and the last unit of an interval, and of how many they are."""
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


def unit_grid(view: Sight) -> Grid:
    """Return a row for each axis of what a unit looks at."""
    shape = view.graph.space(view.source).shape
    none = [None] * len(shape)
    letters = [letter or "" for letter in letters_of(view.graph, view.source)]
    sides = zip(letters, map(known, shape), view.box or none, view.clipped or none, strict=True)
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
    "share": Column("share", lambda row: row.spread.share(row.at), unit="%"),
}


def pixel_grid(spread: Spread, of: int | None) -> Grid:
    """Return a row for each layer that depends on the pixel, or for one of them."""
    behind = sorted(spread.graph.behind(spread.source) - {spread.source})
    return grid(SEEING, tuple(SEEING), [Seeing(spread, at) for at in behind if of in (None, at)])


def sentences(fields: ReceptiveFields) -> list[str]:
    """Return what is said below the rows."""
    return [] if fields.view is None else unit_sentences(fields.view)


def unit_sentences(view: Sight) -> list[str]:
    """Return how many of the pixels in its box a unit sees, and whether that is exact."""
    unit, of, source = ",".join(map(str, view.unit)), view.graph.name(view.of), view.graph.name(view.source)
    if view.unknown is not None:
        return [f"unit {unit} of {of}: what it sees of {source} is unknown: {view.unknown}"]
    clipped = view.clipped
    if clipped is None:
        return [f"unit {unit} of {of} sees nothing of {source}"]
    number, whole = masks.count(view.region(view.source)), prod([last - first + 1 for first, last in clipped])
    share = "all" if number == whole else f"{number:,} of the"
    least = "sees" if view.bound is None else "sees at most"
    what = "pixels" if view.source == INPUT else "units"
    lines = [f"unit {unit} of {of} {least} {share} {whole:,} {what} of the clipped box of {source}"]
    return lines if view.bound is None else [*lines, view.bound]
