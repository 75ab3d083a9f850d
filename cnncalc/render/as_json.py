"""A report as JSON: a document with a layer a line, or all of it in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import CnncalcError
from ..notation.encode import document as json_document
from ..notation.encode import encode
from ..report import Report
from . import Selection, Style
from .rows import Row, rows


def document(report: Report, style: Style) -> Iterator[str]:
    """Yield one JSON document, a layer a line, as the layers come."""
    return json_document(_keys(report, style).items())


def line(report: Report, style: Style) -> Iterator[str]:
    """Yield the document in one line."""
    keys = _keys(report, style)
    yield encode(keys | {"layers": list(keys["layers"])}) + "\n"


def before(error: CnncalcError, style: Style) -> Iterator[str]:
    """Yield the document of the layers before the one at fault, with the error in place of the report of the whole."""
    keys = _keys(error.report, style)
    del keys["report"]
    return json_document({**keys, "error": error.to_dict()}.items())


def _keys(report: Report, style: Style) -> dict[str, Any]:
    """Return the document. One that has only a selection of the report says so by a key: it is not a spec."""
    given = style.selection._asdict() | {"only": sorted(style.selection.only)}
    chosen = {name: value for name, value in given.items() if value and value != getattr(Selection(), name)}
    layers = (_layer(row, style) for row in rows(report, style.selection))
    expect = {} if report.network.expect is None or chosen else {"expect": report.network.expect}
    keys = report.head() | ({"selection": chosen} if chosen else {})
    return {**keys, "layers": layers, **expect, "report": report.totals()}


def _layer(row: Row, style: Style) -> dict[str, Any]:
    raw = row.layer.raw() | {"name": row.name}
    if len(row.layers) > 1:
        raw["report"]["times"] = len(row.layers)
    if style.explain:
        from ..explain import lines

        raw["report"]["explain"] = lines(row.report, row.layer)
    return raw
