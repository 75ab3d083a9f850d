"""The built-in networks as a table, JSON, CSV or Markdown, a network a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..notation.encode import encode, entries
from ..report import Report
from ..sizes import to_json
from . import Formats, Style
from . import markdown as md
from .delimited import csv_row
from .messages import paint

TITLES = {"name": "network", "layers": "layers", "input": "input", "out": "output", "params": "params", "macs": "MACs"}
"""The keys of a row, and the header of each."""
FORMATS = Formats(
    "cnncalc.render", {"table": "zoo.table", "json": "zoo.document", "csv": "zoo.csv", "markdown": "zoo.markdown"}
)


def row(report: Report) -> dict[str, Any]:
    """Return what is said of a network, by the keys of TITLES."""
    sizes = (to_json(report.network.input or ()), to_json(report.out))
    return dict(zip(TITLES, (report.network.name, len(report.layers), *sizes, report.params, report.macs), strict=True))


def _cells(report: Report, thousands: str = ",") -> list[str]:
    """Return a row as texts, with this sign between thousands."""
    name, layers, *sizes, params, macs = row(report).values()
    counts = [f"{count:{thousands}}" for count in (layers, params, macs)]
    return [name, counts[0], *["x".join(map(str, shape)) for shape in sizes], *counts[1:]]


def table(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table for a person, the numbers to the right."""
    lines = [[*TITLES.values()], *map(_cells, reports)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, (first, *others) in enumerate(lines):
        name = first.ljust(widths[0])
        numbers = "".join(f"  {cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield paint(name, "bold", style.color) + paint(numbers, "bold", style.color and number == 0) + "\n"


def document(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield one JSON document, a list with a network a line."""
    yield from entries(map(encode, map(row, reports)))
    yield "\n"


def csv(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a header and a row a network, numbers in plain digits."""
    yield csv_row(list(TITLES))
    yield from (csv_row(_cells(report, "")) for report in reports)


def markdown(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table as GitHub draws it."""
    lines = (map(md.escape, _cells(report)) for report in reports)
    return md.table(list(TITLES.values()), map(list, lines), [False, *[True] * (len(TITLES) - 1)])
