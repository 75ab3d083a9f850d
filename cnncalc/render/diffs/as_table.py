"""What changed between two networks as a table, by rich: what a person sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...sizes import counted
from ..table import drawn, new_console, new_table
from .rows import SAME, SIGNS, Row, cost, renumbered, rows, short, total_rows, verdict

if TYPE_CHECKING:
    from ...diffs import Difference
    from .. import Style

TITLES = ("", "layer", "what", "before", "after", "change", "%")
_COLORS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan", ".": "dim"}


def render(diff: Difference, style: Style) -> Iterator[str]:
    """The verdict, the layers that differ, and the totals."""
    console = new_console(style)
    if not diff:
        yield drawn(console, Text(SAME))
        return
    yield drawn(console, Text(f"{diff.names[0]} -> {diff.names[1]}: {verdict(diff)}", style="bold"))
    yield drawn(console, Text(cost(diff)))
    yield "\n"
    yield drawn(console, _fitting(console, diff, style))
    signs = [sign for sign in SIGNS if sign in _signs(diff)]
    if signs:
        yield drawn(console, Text(", ".join(f"{sign} {SIGNS[sign]}" for sign in signs), style="dim"))
    numbers = renumbered(diff)
    if numbers:
        more = f" and {len(numbers) - 1:,} more" if len(numbers) > 1 else ""
        yield drawn(console, Text(f"renumbered: {numbers[0][0]} to {numbers[0][1]}{more}"))


def _signs(diff: Difference) -> set[str]:
    return {row.sign for layer in diff.layers for row in rows(diff, layer)[:1]}


def _fitting(console: Console, diff: Difference, style: Style) -> Table:
    """The table with its numbers in full; in short and close together where they would not fit."""
    for write, gap in ((counted, 1), (counted, 0), (short, 1), (short, 0)):
        body = [row for layer in diff.layers for row in rows(diff, layer, write)]
        totals = total_rows(diff, write)
        widths = [max(map(cell_len, column)) for column in zip(TITLES, *body, *totals, strict=True)]
        if sum(widths) + (gap + 1) * (len(TITLES) - 1) <= console.width:
            break
    return _table(style, body, totals, gap)


def _table(style: Style, body: list[Row], totals: list[Row], gap: int) -> Table:
    table = new_table(style, gap)
    for number, title in enumerate(TITLES):
        table.add_column(Text(title), justify="left" if number < 3 else "right", overflow="fold")
    color = ""
    for row in body:
        color = _COLORS[row.sign] if row.sign else color
        table.add_row(*map(Text, row), style=color)
    if body:
        table.add_section()
    for row in totals:
        table.add_row(*map(Text, row))
    return table
