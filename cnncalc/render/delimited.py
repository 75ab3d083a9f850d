"""A report as CSV or Markdown rows."""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..explain import lines
from . import markdown as md
from .columns import ALL, COLUMNS, NARROW, full, plain, sums, texts, usual
from .summary import memory

if TYPE_CHECKING:
    from ..report import Report
    from . import Style


def csv(report: Report, style: Style) -> Iterator[str]:
    """A header and a row a layer, numbers in plain digits; empty where a figure has no meaning for the layer."""
    names = style.columns or usual(report, ALL)
    yield csv_row(names)
    yield from map(csv_row, texts(report, names, plain))


def csv_row(cells: Sequence[str]) -> str:
    """A row of CSV, the line's end included."""
    buffer = io.StringIO()
    csv_writer.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def markdown(report: Report, style: Style) -> Iterator[str]:
    """A table as GitHub draws it, the totals in its last row."""
    names = style.columns or usual(report, NARROW)
    columns = [COLUMNS[name] for name in names]
    body = [list(map(md.escape, row)) for row in texts(report, names, full)]
    yield from md.table([c.title for c in columns], [c.right for c in columns], [*body, sums(report, names, full)])
    if report.memory is not None:
        yield "\n" + "".join(f"{md.escape(line)}  \n" for line in memory(report))
    if style.explain:
        yield "\n"
        for layer in report.layers:
            yield "".join(f"- **{md.escape(layer.name)}** {md.escape(line)}\n" for line in lines(report, layer))
