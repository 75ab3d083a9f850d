"""The built-in networks as a table, JSON, CSV or Markdown, a network a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..report import Report
from ..sizes import to_json
from . import Formats, Style
from . import markdown as md
from .delimited import csv_row
from .messages import paint

TITLES = {
    "name": "network",
    "layers": "layers",
    "input": "input",
    "out": "output",
    "params": "params",
    "macs": "MACs",
}
"""The keys of a row, and the header of each."""


RENDERERS = Formats(
    "cnncalc.render", {"table": "zoo.table", "json": "zoo.document", "csv": "zoo.csv", "markdown": "zoo.markdown"}
)
FORMATS = tuple(RENDERERS)
renderer = RENDERERS.renderer


def rows(reports: Iterable[Report]) -> list[dict[str, Any]]:
    """Return what is said of each network, by the keys of TITLES."""
    return [
        {
            "name": report.network.name,
            "layers": len(report.layers),
            "input": to_json(report.network.input or ()),
            "out": to_json(report.out),
            "params": report.params,
            "macs": report.macs,
        }
        for report in reports
    ]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table for a person, the numbers to the right."""
    lines = [[*TITLES.values()], *[[*map(_cell, row.values())] for row in rows(reports)]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, (first, *others) in enumerate(lines):
        name = first.ljust(widths[0])
        numbers = "".join(f"  {cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield paint(name, "bold", style.color) + paint(numbers, "bold", style.color and number == 0) + "\n"


def document(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield one JSON document, a list."""
    yield json.dumps(rows(reports), indent=1) + "\n"


def csv(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a header and a row a network, numbers in plain digits."""
    yield csv_row(list(TITLES))
    yield from (csv_row([_cell(value).replace(",", "") for value in row.values()]) for row in rows(reports))


def markdown(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table as GitHub draws it."""
    lines = ([md.escape(_cell(value)) for value in row.values()] for row in rows(reports))
    return md.table(list(TITLES.values()), [False, *[True] * (len(TITLES) - 1)], lines)
