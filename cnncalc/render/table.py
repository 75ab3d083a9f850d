"""A report as a table, by rich: what a person sees."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from .columns import COLUMNS, NARROW, WIDE, Cell, Column, brief, full, total_cell, usual
from .summary import explanation, lone_convolution, memory, totals

if TYPE_CHECKING:
    from ..report import Report
    from . import Style

PLENTY = 120
"""From this width on there are columns for the weights alone and the locally connected layer."""


def render(report: Report, style: Style) -> Iterator[str]:
    """The table, the totals below it, and with `explain` the arithmetic."""
    console = new_console(style)
    yield drawn(console, _fitting(console, report, style))
    for line in totals(report):
        yield drawn(console, Text(line, style="bold"))
    for line in memory(report):
        yield drawn(console, Text(line, style="bold"))
    for line in lone_convolution(report) if style.columns is None else []:
        yield drawn(console, Text(line))
    if style.explain:
        yield "\n"
        for line in explanation(report):
            yield drawn(console, Text(line, style="" if line.startswith("  ") else "cyan"))


def _fitting(console: Console, report: Report, style: Style) -> Table:
    """The table with its numbers in full; in short and close together where they would not fit."""
    names = style.columns or usual(report, WIDE if console.width >= PLENTY else NARROW)
    endless = console.options.update(max_width=100_000)
    for write, gap in ((full, 1), (brief, 1), (brief, 0)):
        table = _table(report, style, names, write, gap)
        if Measurement.get(console, endless, table).maximum <= console.width:
            break
    return table


def new_console(style: Style) -> Console:
    """A console that draws into a text, as wide and as colourful as the style says."""
    return Console(
        file=io.StringIO(),
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        no_color=not style.color,
        width=style.width,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        safe_box=True,
    )


def drawn(console: Console, thing: Table | Text) -> str:
    """A table or a line as text, without spaces at the ends of lines."""
    with console.capture() as captured:
        console.print(thing, soft_wrap=isinstance(thing, Text))
    return "".join(line.rstrip(" ") + "\n" for line in captured.get().splitlines())


def new_table(style: Style, gap: int) -> Table:
    """A table without columns yet, `gap` spaces wider than need be between them."""
    return Table(
        box=box.ASCII2 if style.ascii else box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        collapse_padding=True,
        header_style="bold",
        show_edge=False,
    )


def _table(
    report: Report, style: Style, names: tuple[str, ...], write: Callable[[Cell, Column], str], gap: int
) -> Table:
    table = new_table(style, gap)
    for name in names:
        column = COLUMNS[name]
        table.add_column(Text(column.title), justify="right" if column.right else "left", overflow="fold")
    for layer in report.layers:
        table.add_row(*[Text(write(COLUMNS[n].cell(layer), COLUMNS[n]), style=_style(n)) for n in names])
    if len(report.layers) > 1:
        table.add_section()
        sums = [write(total_cell(report, name), COLUMNS[name]) for name in names]
        table.add_row(*[Text(text, style="bold" if text else "") for text in sums])
    return table


def _style(name: str) -> str:
    return {"layer": "bold", "op": "cyan", "out": "green", "ratio": "dim", "fc": "dim", "local": "dim"}.get(name, "")
