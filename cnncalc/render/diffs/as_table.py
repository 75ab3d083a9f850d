"""What changed between two networks as a table, by rich: what a person sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ...sizes import counted
from ..table import Canvas
from ..table import Row as CanvasRow
from .rows import SAME, SIGNS, Row, cost, renumbered, rows, short, total_rows, verdict

if TYPE_CHECKING:
    from ...diffs import Difference
    from .. import Style

TITLES = ("", "layer", "what", "before", "after", "change", "%")
_COLORS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan", ".": "dim"}


def render(diff: Difference, style: Style) -> Iterator[str]:
    """The verdict, the layers that differ, and the totals."""
    canvas = Canvas(style)
    if not diff:
        yield canvas.line(SAME)
        return
    yield canvas.line(f"{diff.names[0]} -> {diff.names[1]}: {verdict(diff)}", "bold")
    yield canvas.line(cost(diff))
    yield "\n"
    yield canvas.fitting(_tables(diff, canvas))
    seen = {row.sign for layer in diff.layers for row in rows(diff, layer)[:1]}
    if seen:
        yield canvas.line(", ".join(f"{sign} {word}" for sign, word in SIGNS.items() if sign in seen), "dim")
    numbers = renumbered(diff)
    if numbers:
        more = f" and {len(numbers) - 1:,} more" if len(numbers) > 1 else ""
        yield canvas.line(f"renumbered: {numbers[0][0]} to {numbers[0][1]}{more}")


def _tables(diff: Difference, canvas: Canvas) -> Iterator[Table]:
    """The table with its numbers in full, then close together, then the same in short."""
    for write, gap in ((counted, 1), (counted, 0), (short, 1), (short, 0)):
        body = _colored([row for layer in diff.layers for row in rows(diff, layer, write)])
        totals: list[CanvasRow] = [([*map(Text, row)], "") for row in total_rows(diff, write)]
        yield canvas.table(TITLES, [n >= 3 for n in range(len(TITLES))], gap, [body, totals])


def _colored(body: list[Row]) -> Iterator[CanvasRow]:
    """The rows in the colour of their layer's sign, which stands in its first row."""
    color = ""
    for row in body:
        color = _COLORS[row.sign] if row.sign else color
        yield [*map(Text, row)], color
