"""A report as JSON: a document with a layer a line, or all of it in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..notation.encode import document as json_document
from ..notation.encode import encode
from ..report import LayerReport, Report
from . import Style


def document(report: Report, style: Style) -> Iterator[str]:
    """Yield one JSON document, a layer a line, as the layers come."""
    return json_document(_keys(report, style).items())


def line(report: Report, style: Style) -> Iterator[str]:
    """Yield the document in one line."""
    keys = _keys(report, style)
    yield encode(keys | {"layers": list(keys["layers"])}) + "\n"


def _keys(report: Report, style: Style) -> dict[str, Any]:
    expect = {} if report.network.expect is None else {"expect": report.network.expect}
    layers = (_layer(report, layer, style) for layer in report.layers)
    return {**report.head(), "layers": layers, **expect, "report": report.totals()}


def _layer(report: Report, layer: LayerReport, style: Style) -> dict[str, Any]:
    raw = layer.raw()
    if style.explain:
        from ..explain import lines

        raw["report"]["explain"] = lines(report, layer)
    return raw
