"""A report as an HTML table, for notebooks: no colours of its own, so that it fits a light and a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..report import Report
from .columns import NARROW, full, grid, usual
from .summary import memory, totals


def html(report: Report) -> str:
    """Return a table of the usual columns, the totals in the table's foot, and the sentences of the whole below it."""
    titles, right, rows, total = grid(report, usual(report, NARROW), full)
    sections = (("thead", "th", [titles]), ("tbody", "td", rows), ("tfoot", "th", [total]))
    parts = [f"<{part}>\n{''.join(_row(tag, right, row) for row in body)}</{part}>\n" for part, tag, body in sections]
    return f"<table>\n{''.join(parts)}</table>\n<p>{'<br>'.join(map(escape, totals(report) + memory(report)))}</p>\n"


def _row(tag: str, right: Sequence[bool], texts: Sequence[str]) -> str:
    cells = [
        f'<{tag} style="text-align: {"right" if is_right else "left"}">{escape(text)}</{tag}>'
        for is_right, text in zip(right, texts, strict=True)
    ]
    return f"<tr>{''.join(cells)}</tr>\n"
