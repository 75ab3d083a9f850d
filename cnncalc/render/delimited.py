"""A report as CSV or Markdown rows."""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..explain import lines
from .columns import ALL, COLUMNS, NARROW, full, plain, total_cell, usual
from .summary import memory

if TYPE_CHECKING:
    from ..report import Report
    from . import Style


def csv(report: Report, style: Style) -> Iterator[str]:
    """A header and a row a layer, numbers in plain digits; empty where a figure has no meaning for the layer."""
    names = style.columns or usual(report, ALL)
    yield csv_row(names)
    for layer in report.layers:
        yield csv_row([plain(COLUMNS[name].cell(layer)) for name in names])


def csv_row(cells: Sequence[str]) -> str:
    """A row of CSV, the line's end included."""
    buffer = io.StringIO()
    csv_writer.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def markdown(report: Report, style: Style) -> Iterator[str]:
    """A table as GitHub draws it, the totals in its last row."""
    names = style.columns or usual(report, NARROW)
    columns = [COLUMNS[name] for name in names]
    yield "| " + " | ".join(c.title for c in columns) + " |\n"
    yield "|" + "|".join("---:" if c.right else "---" for c in columns) + "|\n"
    for layer in report.layers:
        yield "| " + " | ".join(escape(full(c.cell(layer), c)) for c in columns) + " |\n"
    yield "| " + " | ".join(full(total_cell(report, name), COLUMNS[name]) for name in names) + " |\n"
    if report.memory is not None:
        yield "\n" + "".join(f"{escape(line)}  \n" for line in memory(report))
    if style.explain:
        yield "\n"
        for layer in report.layers:
            yield "".join(f"- **{escape(layer.name)}** {escape(line)}\n" for line in lines(report, layer))


def escape(text: str) -> str:
    """A text in which nothing is Markdown's."""
    for special in "\\|*_`<[":
        text = text.replace(special, "\\" + special)
    return text
