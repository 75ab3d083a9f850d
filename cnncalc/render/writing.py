"""A grid as CSV, TSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

import csv as csv_writer
from collections.abc import Callable, Iterator, Sequence
from html import escape
from io import DEFAULT_BUFFER_SIZE, StringIO
from typing import TypeVar

from . import Style
from . import markdown as md
from .grid import Grid, Writer, full, spreadsheet

T = TypeVar("T")
LONGEST_TABULAR = 40
"""The most rows of a LaTeX table that stays on one page."""
_SIGNS = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def csv(grid: Grid) -> Iterator[str]:
    """Yield a header and the rows: numbers in plain digits, texts guarded against formulas, empty cells as nothing."""
    return _delimited(grid, ",")


def tsv(grid: Grid) -> Iterator[str]:
    """Yield the rows of CSV with tabs between the cells."""
    return _delimited(grid, "\t")


def _delimited(grid: Grid, delimiter: str) -> Iterator[str]:
    buffer = StringIO()
    write = csv_writer.writer(buffer, delimiter=delimiter, lineterminator="\n").writerow
    write(grid.names)
    for row in grid.texts(spreadsheet):
        write(row)
        if buffer.tell() >= DEFAULT_BUFFER_SIZE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def markdown(grid: Grid, write: Writer = full) -> Iterator[str]:
    """Yield a table in GitHub's Markdown."""
    rows = [row for foot in (False, True) for row in grid.texts(write, foot, md.escape)]
    return md.table(grid.titles, rows, grid.right)


def latex(grid: Grid, write: Writer = full) -> Iterator[str]:
    """Yield a table with the rules of the booktabs package; a long one may break across pages."""
    is_long = len(grid.rows) > LONGEST_TABULAR
    name = "longtable" if is_long else "tabular"
    yield f"% \\usepackage{{booktabs{',longtable' if is_long else ''}}}\n"
    yield f"\\begin{{{name}}}{{@{{}}{''.join('r' if right else 'l' for right in grid.right)}@{{}}}}\n\\toprule\n"
    yield _latex_row([*map(_latex, grid.titles)]) + "\\midrule\n" + ("\\endhead\n" if is_long else "")
    yield from map(_latex_row, grid.texts(write, escape=_latex))
    if grid.foot:
        yield "\\midrule\n" + "".join(map(_latex_row, grid.texts(write, True, _latex)))
    yield f"\\bottomrule\n\\end{{{name}}}\n"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\" + "\n"


def _latex(text: str) -> str:
    """Return a text with LaTeX's special characters escaped."""
    return "".join([_SIGNS.get(sign, sign) for sign in text])


def html(grid: Grid, write: Writer = full) -> Iterator[str]:
    """Yield a table without its own colors, so that it fits a light or a dark page."""
    sections = (
        ("thead", "th", iter([tuple(map(escape, grid.titles))])),
        ("tbody", "td", grid.texts(write, escape=escape)),
        ("tfoot", "th", grid.texts(write, True, escape)),
    )
    yield "<table>\n"
    for part, tag, rows in sections:
        if lines := [_html_row(tag, grid.right, row) for row in rows]:
            yield from (f"<{part}>\n", *lines, f"</{part}>\n")
    yield "</table>\n"


def _html_row(tag: str, right: Sequence[bool], texts: Sequence[str]) -> str:
    cells = [
        f'<{tag} style="text-align: {"right" if is_right else "left"}">{text}</{tag}>'
        for is_right, text in zip(right, texts, strict=True)
    ]
    return f"<tr>{''.join(cells)}</tr>\n"


def html_page(title: str) -> str:
    """Return the beginning of an HTML document, to be completed by a table and paragraphs."""
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'


def forms(
    shown: Callable[[T], Grid], title: Callable[[T], str], exact: Callable[[T], Grid] | None = None
) -> tuple[Callable[[T, Style], Iterator[str]], ...]:
    """Return the renderers of a result as CSV, TSV, Markdown, LaTeX and an HTML page with this title, in this order.

    `shown` returns its rows for people, `exact` those for CSV and TSV if they differ.
    """
    own = exact or shown

    def page(result: T, _: Style) -> Iterator[str]:
        yield html_page(title(result))
        yield from html(shown(result))

    return (
        lambda result, _: csv(own(result)),
        lambda result, _: tsv(own(result)),
        lambda result, _: markdown(shown(result)),
        lambda result, _: latex(shown(result)),
        page,
    )
