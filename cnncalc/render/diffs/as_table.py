"""A difference as a table, by rich, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from ...diffs import Difference
from ...sizes import counted
from .. import Style
from ..table import Canvas
from .rows import RIGHT, SAME, SIGNS, TITLES, cost, renumbered, rows, short, total_rows, verdict

_COLORS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan", ".": "dim"}


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield the verdict, the layers that differ, and the totals."""
    canvas = Canvas(style)
    if not diff:
        yield canvas.line(SAME)
        return
    yield canvas.line(f"{diff.names[0]} -> {diff.names[1]}: {verdict(diff)}", "bold")
    yield canvas.line(cost(diff))
    yield "\n"
    yield canvas.fitting(_tables(diff, canvas, style.totals))
    if style.totals:
        return
    seen = {row.sign for layer in diff.layers for row in rows(diff, layer)[:1]}
    if seen:
        yield canvas.line(", ".join(f"{sign} {word}" for sign, word in SIGNS.items() if sign in seen), "dim")
    if diff.renumbered:
        yield canvas.line(f"renumbered: {renumbered(diff)}")


def _tables(diff: Difference, canvas: Canvas, only_totals: bool) -> Iterator[Table]:
    """Yield the table with its numbers in full, then with less space, then both with the numbers shortened."""
    for write, gap in ((counted, 1), (counted, 0), (short, 1), (short, 0)):
        body = [
            ([*map(Text, row)], _COLORS[layer_rows[0].sign])
            for layer in diff.layers
            for layer_rows in [rows(diff, layer, write)]
            for row in layer_rows
        ]
        totals = [([*map(Text, row)], "") for row in total_rows(diff, write)]
        yield canvas.table(TITLES, [totals] if only_totals else [body, totals], RIGHT, gap)
