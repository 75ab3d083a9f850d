"""Receptive fields as JSON: the report of the network, with `fields` in the report of each layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...explain import field_lines
from ...fields import LayerFields, ReceptiveFields
from ...fields.graph import Graph
from ...notation.encode import document as json_document
from ...report import LayerReport
from .. import Style


def document(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield one JSON document, one layer per line."""
    report = fields.report
    own = {id(one.layer): one for one in fields.layers}
    keys = report.head()
    keys["layers"] = (_raw(layer, own, fields.graph, style) for layer in report)
    if report.network.expect is not None:
        keys["expect"] = report.network.expect
    keys["report"] = {**report.totals(), "fields": fields.totals()}
    return json_document({**keys, **fields.extras()}.items())


def _raw(layer: LayerReport, fields: Mapping[int, LayerFields], graph: Graph, style: Style) -> dict[str, Any]:
    """Return a layer of the report with its fields and those of its inner layers."""
    raw = layer.raw([_raw(one, fields, graph, style) for one in layer.inner] or None)
    if not layer.inner and id(layer) in fields:
        raw["report"]["fields"] = fields[id(layer)].to_dict(graph)
        if style.explain:
            raw["report"]["fields"]["explain"] = field_lines(layer)
    return raw
