"""A report as CSV or Markdown rows."""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Iterator, Sequence

from ..explain import lines
from ..report import Report
from . import Style
from . import markdown as md
from .columns import ALL, NARROW, full, grid, plain, usual
from .summary import memory


def csv(report: Report, style: Style) -> Iterator[str]:
    """Yield a header and a row a layer, numbers in plain digits; empty if a figure has no meaning for the layer."""
    names = style.columns or usual(report, ALL)
    return map(csv_row, [names, *grid(report, names, plain).rows])


def csv_row(cells: Sequence[str]) -> str:
    """Return a row of CSV with its line end."""
    buffer = io.StringIO()
    csv_writer.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def markdown(report: Report, style: Style) -> Iterator[str]:
    """Yield a table as GitHub draws it, with the totals in its last row."""
    titles, right, rows, total = grid(report, style.columns or usual(report, NARROW), full)
    yield from md.table(titles, [*([*map(md.escape, row)] for row in rows), total], right)
    if report.memory is not None:
        yield "\n" + "".join(f"{md.escape(line)}  \n" for line in memory(report))
    if style.explain:
        yield "\n"
        for layer in report.layers:
            yield "".join(f"- **{md.escape(layer.name)}** {md.escape(line)}\n" for line in lines(report, layer))
