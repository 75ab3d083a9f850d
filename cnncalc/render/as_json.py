"""A report as JSON: a document with a layer a line, or all of it in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..notation.document import lines

if TYPE_CHECKING:
    from ..report import LayerReport, Report
    from . import Style


def document(report: Report, style: Style) -> Iterable[str]:
    """One JSON document, a layer a line, as the layers come."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    pieces: Iterable[str] = lines(
        report.head(), (encode(_layer(report, r, style)) for r in report.layers), _tail(report)
    )
    return pieces


def line(report: Report, style: Style) -> Iterator[str]:
    """The same in one line."""
    found = report.head() | {"layers": [_layer(report, r, style) for r in report.layers]} | _tail(report)
    yield json.dumps(found, ensure_ascii=False) + "\n"


def _layer(report: Report, layer: LayerReport, style: Style) -> dict[str, Any]:
    found = layer.raw()
    if style.explain:
        from ..explain import lines

        found["report"]["explain"] = lines(report, layer)
    return found


def _tail(report: Report) -> dict[str, Any]:
    expect = report.network.expect
    return {"report": report.totals()} if expect is None else {"expect": expect, "report": report.totals()}
