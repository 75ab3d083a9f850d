"""The built-in networks, a network a row, in every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..notation.encode import encode, entries
from ..report import Report
from ..sizes import show, to_json
from . import Formats, Style, writing
from .drawing import draw, of_grid
from .grid import Column, brief, full, grid

FORMATS = Formats(
    "cnncalc.render",
    {
        "table": "zoo.table",
        "json": "zoo.document",
        **{format: f"zoo.{format}" for format in ("csv", "markdown", "tsv", "latex", "html")},
    },
)
COLUMNS: dict[str, Column[Report]] = {
    "name": Column("network", lambda report: report.network.name or "", right=False, style="bold"),
    "layers": Column("layers", len),
    "input": Column("input", lambda report: show(report.network.input or ())),
    "output": Column("output", lambda report: show(report.out)),
    "params": Column("params", lambda report: report.params, short=True),
    "macs": Column("MACs", lambda report: report.macs, short=True),
}


def table(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table for a person, the numbers to the right."""
    networks = grid([*COLUMNS.values()], reports)
    yield draw([of_grid(networks, full), of_grid(networks, brief)], style)


def document(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield one JSON document, a list with a network a line."""
    yield from entries(map(encode, map(_as_dict, reports)))
    yield "\n"


def _as_dict(report: Report) -> dict[str, object]:
    sizes = {"input": to_json(report.network.input or ()), "output": to_json(report.out)}
    return {name: sizes.get(name, column.cell(report)) for name, column in COLUMNS.items()}


def csv(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a header and a row a network, numbers in plain digits."""
    return writing.delimited([*COLUMNS], grid([*COLUMNS.values()], reports))


def tsv(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield the rows of CSV with tabs between the cells."""
    return writing.delimited([*COLUMNS], grid([*COLUMNS.values()], reports), "\t")


def markdown(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table as GitHub draws it."""
    return writing.markdown(grid([*COLUMNS.values()], reports))


def latex(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a table for LaTeX."""
    return writing.latex(grid([*COLUMNS.values()], reports))


def html(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield a page with a table."""
    yield writing.html_page("cnncalc zoo")
    yield from writing.html(grid([*COLUMNS.values()], reports))
