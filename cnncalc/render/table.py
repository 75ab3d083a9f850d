"""A report as a table for a terminal or a pipe, with the sentences below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import CnncalcError, width_of
from ..report import Report
from . import Style
from .columns import DROPS, LAST, NARROW, WIDE, report_grid, shown_columns
from .drawing import Table, draw, lay_out, of_grid
from .grid import Writer, brief, full
from .summary import comparison, counted_as, explanation, memory, totals
from .texts import paint


def render(report: Report, style: Style) -> Iterator[str]:
    """Yield the table, the totals, and with `explain` the arithmetic."""
    layout = lay_out(_tables(report, style), style.width)
    yield from layout.draw(style)
    for line in [*totals(report), *memory(report), *counted_as(report)]:
        yield _sentence(line, "" if line.startswith("  ") else "bold", style)
    if style.columns is None:
        has_fc = any(head.title == "fc" for head in layout.table.heads)
        yield from (_sentence(line, "", style) for line in comparison(report, has_fc))
    if style.explain:
        yield "\n"
        for line in explanation(report, style.selection):
            yield _sentence(line, "" if line.startswith("  ") else "cyan", style)


def _sentence(text: str, color: str, style: Style) -> str:
    """Return a sentence below the table, wrapped with an indent on a narrow terminal."""
    if style.width is None or width_of(text) <= style.width:
        return paint(text, color, style.color) + "\n"
    from textwrap import wrap

    indent = " " * (len(text) - len(text.lstrip()) + 4)
    lines = wrap(text, style.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "".join([paint(line, color, style.color) + "\n" for line in lines])


def before(error: CnncalcError, style: Style) -> Iterator[str]:
    """Yield the table of the layers before the one at fault, without totals."""
    if error.report.layers:
        tables = (table._replace(sections=table.sections[:1]) for table in _tables(error.report, style))
        yield from draw(tables, style)


def _tables(report: Report, style: Style) -> Iterator[Table]:
    """Yield the table with full numbers, then shortened, then without the columns that a narrow terminal drops."""

    def table(names: Sequence[str], write: Writer, drops: Sequence[str] = ()) -> Table:
        grid = report_grid(report, style.selection, names)
        turns = [drops.index(name) + 1 if name in drops else 0 for name in names]
        return of_grid(grid if len(report) > 1 else grid._replace(foot=()), write, turns)

    names = shown_columns(report, style, NARROW if style.width is None else WIDE)
    if style.columns is not None:
        yield from (table(names, write) for write in (full, brief))
        return
    yield table(names, full, DROPS)
    kept = [name for name in names if name not in DROPS]
    yield table(kept, brief)
    yield table([name for name in kept if name != LAST], brief)
