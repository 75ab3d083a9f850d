"""A report as CSV, TSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..explain import lines
from ..report import Report
from . import Style, writing
from . import markdown as md
from .columns import ALL, NARROW, report_grid, shown_columns
from .grid import Grid
from .rows import rows
from .summary import counted_as, memory, totals

PLAIN = Style()


def _grid(report: Report, style: Style, names: tuple[str, ...]) -> Grid:
    """Return the columns of the style, or by default these and those that the report needs."""
    return report_grid(report, style.selection, shown_columns(report, style, names))


def csv(report: Report, style: Style) -> Iterator[str]:
    """Yield a header and one row per layer, with numbers in plain digits; figures without meaning are empty."""
    return writing.csv(_grid(report, style, ALL))


def tsv(report: Report, style: Style) -> Iterator[str]:
    """Yield the rows of CSV with tabs between the cells."""
    return writing.tsv(_grid(report, style, ALL))


def markdown(report: Report, style: Style) -> Iterator[str]:
    """Yield a table in GitHub's Markdown, with the totals in its last row."""
    yield from writing.markdown(_grid(report, style, NARROW))
    for sentences in filter(None, (memory(report), counted_as(report))):
        yield "\n" + "".join(f"{md.escape(line)}  \n" for line in sentences)
    if style.explain:
        yield "\n"
        for row in rows(report, style.selection):
            yield "".join(f"- **{md.escape(row.name)}** {md.escape(line)}\n" for line in lines(report, row.layer))


def latex(report: Report, style: Style) -> Iterator[str]:
    """Yield a table for LaTeX, with the totals below its last rule."""
    return writing.latex(_grid(report, style, NARROW))


def html(report: Report, style: Style) -> Iterator[str]:
    """Yield a page with a table and the summary sentences below it."""
    yield writing.html_page(report.network.name or "cnncalc")
    yield fragment(report, style)


def fragment(report: Report, style: Style = PLAIN) -> str:
    """Return the table and the summary sentences, for notebooks."""
    sentences = "<br>".join(map(escape, totals(report) + memory(report) + counted_as(report)))
    return "".join([*writing.html(_grid(report, style, NARROW)), f"<p>{sentences}</p>\n"])
