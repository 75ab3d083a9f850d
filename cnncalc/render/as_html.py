"""A report as an HTML table, for notebooks: no colours of its own, so that it fits a light and a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from .columns import COLUMNS, NARROW, full, sums, texts, usual
from .summary import memory, totals

if TYPE_CHECKING:
    from ..report import Report


def html(report: Report) -> str:
    """The usual columns, the totals in the table's foot, and below it the sentences of the whole."""
    names = usual(report, NARROW)
    body = "\n".join(_row(names, "td", row) for row in texts(report, names, full))
    return (
        f"<table>\n<thead>\n{_row(names, 'th', [COLUMNS[name].title for name in names])}\n</thead>\n"
        f"<tbody>\n{body}\n</tbody>\n"
        f"<tfoot>\n{_row(names, 'th', sums(report, names, full))}\n</tfoot>\n</table>\n"
        f"<p>{'<br>'.join(map(escape, [*totals(report), *memory(report)]))}</p>\n"
    )


def _row(names: Sequence[str], tag: str, cells: Sequence[str]) -> str:
    sides = ["right" if COLUMNS[name].right else "left" for name in names]
    parts = [
        f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for side, cell in zip(sides, cells, strict=True)
    ]
    return f"<tr>{''.join(parts)}</tr>"
