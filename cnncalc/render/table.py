"""A report as a table, by rich, for a terminal; and the canvas on which all such tables are drawn."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..report import Report
from . import Style
from .columns import NARROW, WIDE, brief, full, grid, usual
from .summary import explanation, lone_convolution, memory, totals

PLENTY = 120
"""The width from which there are columns for the weights alone and the locally connected layer."""
ENDLESS = 100_000
"""A width in which everything fits, for a style without one."""
_COLORS = {"layer": "bold", "op": "cyan", "out": "green", "ratio": "dim", "fc": "dim", "local": "dim"}

Row = tuple[Sequence[Text], str]
"""The cells of a row, and the style of all of them."""


def new_console(style: Style) -> Console:
    """Return a console that writes into memory, as wide and as colourful as a style says."""
    return Console(
        file=io.StringIO(),
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        no_color=not style.color,
        width=style.width or ENDLESS,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        safe_box=True,
    )


class Canvas:
    """Draws tables and lines as text."""

    def __init__(self, style: Style):
        self._box = box.ASCII2 if style.ascii else box.SIMPLE_HEAD
        self._console = new_console(style)

    def line(self, text: str, style: str = "") -> str:
        """Draw a line, however long."""
        return self._drawn(Text(text, style=style))

    def table(
        self, titles: Sequence[str], sections: Iterable[Iterable[Row]], right: Sequence[bool] = (), gap: int = 1
    ) -> Table:
        """Return a table to draw, with `gap` more spaces than needed between columns, and a rule between sections."""
        table = Table(
            box=self._box,
            pad_edge=False,
            padding=(0, gap, 0, 0),
            collapse_padding=True,
            header_style="bold",
            show_edge=False,
        )
        for title, is_right in zip(titles, right or [False] * len(titles), strict=True):
            table.add_column(Text(title), justify="right" if is_right else "left", overflow="fold")
        for section in sections:
            table.add_section()
            for cells, style in section:
                table.add_row(*cells, style=style)
        return table

    def fitting(self, tables: Iterable[Table]) -> str:
        """Draw the first table that fits the width; the last one if none does."""
        endless = self._console.options.update(max_width=ENDLESS)
        for table in tables:
            if Measurement.get(self._console, endless, table).maximum <= self._console.width:
                break
        return self._drawn(table)

    def _drawn(self, thing: Table | Text) -> str:
        """Return a table or a line as text, without spaces at the ends of lines."""
        with self._console.capture() as captured:
            self._console.print(thing, soft_wrap=isinstance(thing, Text))
        return "".join(line.rstrip(" ") + "\n" for line in captured.get().splitlines())


def render(report: Report, style: Style) -> Iterator[str]:
    """Yield the table, the totals below it, and with `explain` the arithmetic."""
    canvas = Canvas(style)
    yield canvas.fitting(_tables(report, style, canvas))
    for line in [*totals(report), *memory(report)]:
        yield canvas.line(line, "bold")
    if style.columns is None:
        yield from map(canvas.line, lone_convolution(report))
    if style.explain:
        yield "\n"
        for line in explanation(report):
            yield canvas.line(line, "" if line.startswith("  ") else "cyan")


def text(report: Report) -> str:
    """Return the same as one text, for `str(report)`: without colours, and with nothing shortened or wrapped."""
    return "".join(render(report, Style())).rstrip("\n")


def _tables(report: Report, style: Style, canvas: Canvas) -> Iterator[Table]:
    """Yield the table with its numbers in full, then shortened, then shortened and with less space."""
    names = style.columns or usual(report, WIDE if (style.width or 0) >= PLENTY else NARROW)
    colors = [_COLORS.get(name, "") for name in names]
    for write, gap in ((full, 1), (brief, 1), (brief, 0)):
        titles, right, rows, total = grid(report, names, write)
        layers = [([*map(Text, row, colors)], "") for row in rows]
        sums = [([Text(cell, "bold" if cell else "") for cell in total], "")] if len(rows) > 1 else []
        yield canvas.table(titles, [layers, sums], right, gap)
