"""The built-in networks as a table, JSON, CSV or Markdown, a network a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..sizes import to_json
from .delimited import csv_row, escape
from .messages import paint

if TYPE_CHECKING:
    from ..report import Report
    from . import Style

TITLES = {
    "name": "network",
    "layers": "layers",
    "input": "input",
    "out": "output",
    "params": "params",
    "macs": "MACs",
}
"""The keys of a row, and the header of each."""


def renderer(format: str) -> Callable[[Iterable[Report], Style], Iterator[str]]:
    """Return the function that writes the networks' reports in a format, one of FORMATS."""
    return _WRITERS[format]


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


def _table(reports: Iterable[Report], style: Style) -> Iterator[str]:
    table = [[*TITLES.values()], *[[*map(_cell, row.values())] for row in rows(reports)]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, (first, *others) in enumerate(table):
        name = first.ljust(widths[0])
        numbers = "".join(f"  {cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        yield paint(name, "bold", style.color) + paint(numbers, "bold", style.color and number == 0) + "\n"


def _document(reports: Iterable[Report], _: Style) -> Iterator[str]:
    yield json.dumps(rows(reports), indent=1) + "\n"


def _csv(reports: Iterable[Report], _: Style) -> Iterator[str]:
    yield csv_row(list(TITLES))
    yield from (csv_row([_cell(value).replace(",", "") for value in row.values()]) for row in rows(reports))


def _markdown(reports: Iterable[Report], _: Style) -> Iterator[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |\n"

    yield line(list(TITLES.values()))
    yield "|---|" + "---:|" * (len(TITLES) - 1) + "\n"
    yield from (line([escape(_cell(value)) for value in row.values()]) for row in rows(reports))


_WRITERS = {"table": _table, "json": _document, "csv": _csv, "markdown": _markdown}
FORMATS = tuple(_WRITERS)
