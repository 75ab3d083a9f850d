"""The rows of receptive fields: one for each layer and axis, axes with the same figures together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from ...fields import LayerFields, ReceptiveFields
from ...fields.figures import AxisFigures
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


def field_grid(fields: ReceptiveFields, names: Sequence[str] = ALL, repeat: bool = True) -> Grid:
    """Return the rows under these columns; without `repeat` a layer's name and op stand in its first row alone."""
    found = list(rows(fields))
    whole = grid(COLUMNS, names, found)
    if repeat:
        return whole
    once = {"layer", "op"}
    cells = [
        [cell if row.is_first or name not in once else "" for name, cell in zip(names, line, strict=True)]
        for row, line in zip(found, whole.rows, strict=True)
    ]
    return whole._replace(rows=cells)
