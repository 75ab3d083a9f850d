"""A report as JSON: a document with one layer per line, or all on one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import CnncalcError
from ..notation.encode import document as json_document
from ..report import Report
from . import WHOLE, Selection, Style
from .rows import Row, rows


def document(report: Report, style: Style) -> Iterator[str]:
    """Yield one JSON document with one layer per line, layer by layer."""
    return json_document(_keys(report, style).items())


def line(report: Report, style: Style) -> Iterator[str]:
    """Yield the document on one line."""
    return json_document(_keys(report, style).items(), in_lines=False)


def before(error: CnncalcError, style: Style) -> Iterator[str]:
    """Yield the document of the layers before the one at fault, with the error in place of the whole report."""
    return json_document(_keys_before(error, style).items())


def line_before(error: CnncalcError, style: Style) -> Iterator[str]:
    """Yield that document on one line."""
    return json_document(_keys_before(error, style).items(), in_lines=False)


def _keys_before(error: CnncalcError, style: Style) -> dict[str, Any]:
    return {**_layers(error.report, style), "error": error.to_dict()}


def _keys(report: Report, style: Style) -> dict[str, Any]:
    """Return the document."""
    keys = _layers(report, style)
    if report.network.expect is not None and "selection" not in keys:
        keys["expect"] = report.network.expect
    keys["report"] = report.totals()
    return keys


def _layers(report: Report, style: Style) -> dict[str, Any]:
    """Return the document up to its layers. If only some are shown, a key says so, as it is not a spec then."""
    keys, chosen = report.head(), _chosen(style.selection)
    if chosen:
        keys["selection"] = chosen
    keys["layers"] = (_layer(row, style) for row in rows(report, style.selection))
    return keys


def _chosen(selection: Selection) -> dict[str, Any]:
    """Return the selection as JSON; empty for a whole report."""
    if selection == WHOLE:
        return {}
    given = selection._asdict() | {"only": sorted(selection.only)}
    return {name: value for name, value in given.items() if value and value != getattr(WHOLE, name)}


def _layer(row: Row, style: Style) -> dict[str, Any]:
    raw = row.layer.raw()
    raw["name"] = row.name
    if len(row.layers) > 1:
        raw["report"]["times"] = len(row.layers)
    if style.explain:
        from ..explain import lines

        raw["report"]["explain"] = lines(row.report, row.layer)
    return raw
