"""A network at several sizes, one row per size, in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import printable
from ..notation.encode import encode, entries
from ..report import Report
from ..sizes import show
from ..tabulation import Point, Tabulation
from . import Formats, Style, writing
from .columns import rf_text
from .drawing import draw, of_grid
from .grid import Cell, Column, Grid, full, grid

FORMATS = Formats(
    "cnncalc.render",
    {
        name: f"tabulation.{function}"
        for name, function in {
            "table": "table",
            "json": "document",
            "jsonl": "lines",
            **{format: format for format in ("csv", "markdown", "tsv", "latex", "html")},
        }.items()
    },
)


def _letter(letter: str) -> Column[Point]:
    return Column(letter, lambda point: point.at[letter], style="bold")


def _figure(title: str, of: Callable[[Report], Cell], short: bool = True) -> Column[Point]:
    """Return the column of a figure, which is empty if the network is impossible."""
    return Column(title, lambda point: "" if point.report is None else of(point.report), short=short)


def _holds(point: Point) -> str:
    if point.report is None:
        return "no"
    return "; ".join(point.report.holds.texts()) if point.report.letters else ""


def _why(point: Point) -> str:
    """Return the impossible layer and its arithmetic in one line; empty if there is none."""
    if point.error is None:
        return ""
    place = point.error.layer or ""  # layers[2] 'concat1'
    name = place.partition(" ")[2].strip("'") or place
    return printable(f"{name}: {point.error.what}" if name else point.error.what)


COLUMNS: dict[str, Column[Point]] = {
    "out": _figure("output", lambda report: show(report.out))._replace(style="green"),
    "params": _figure("params", lambda report: report.params),
    "macs": _figure("MACs", lambda report: report.macs),
    "memory": _figure("memory", lambda report: None if report.memory is None else report.memory.peak),
    "rf": _figure("field", lambda report: rf_text(report.rf)),
    "holds": Column("holds", lambda point: _holds(point) or "yes", right=False),
    "why": Column("why not", _why, right=False, wraps=True),
}


def _grid(tabulation: Tabulation, names: tuple[str, ...]) -> Grid:
    """Return a row for each point; the column `memory` needs a dtype, and `why` an error."""
    points = tabulation.points
    none = {"memory": all(p.report is None or p.report.memory is None for p in points)}
    none["why"] = "memory" in names and all(p.error is None for p in points)
    columns = {letter: _letter(letter) for letter in tabulation.letters} | COLUMNS
    return grid(columns, [*tabulation.letters, *[name for name in names if not none.get(name)]], points)


USUAL = ("out", "params", "macs", "memory", "holds", "why")
ALL = ("out", "params", "macs", "rf", "holds", "why")


def _shown(tabulation: Tabulation) -> Grid:
    return _grid(tabulation, USUAL)


def _exact(tabulation: Tabulation) -> Grid:
    return _grid(tabulation, ALL)


def table(tabulation: Tabulation, style: Style) -> Iterator[str]:
    """Yield a table for people, with numbers aligned to the right."""
    rows = _shown(tabulation)
    yield from draw([of_grid(rows, full, [0] * len(rows.names))], style)


def document(tabulation: Tabulation, style: Style) -> Iterator[str]:
    """Yield one JSON document, a list with one point per line."""
    yield from entries([encode(point.to_dict()) for point in tabulation.points])
    yield "\n"


def lines(tabulation: Tabulation, style: Style) -> Iterator[str]:
    """Yield the JSON of each point on its own line."""
    return (encode(point.to_dict()) + "\n" for point in tabulation.points)


csv, tsv, markdown, latex, html = writing.forms(_shown, lambda _: "cnncalc shape", exact=_exact)
