"""A difference as a table for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterator

from ...diffs import Difference
from ...sizes import counted
from .. import Style
from ..drawing import Heading, Line, Table, draw
from ..texts import paint
from .rows import RIGHT, SAME, SIGNS, TITLES, cost, renumbered, rows, short, total_rows, verdict

_COLORS = {"+": "green", "-": "red", "~": "magenta", ">": "cyan", ".": "dim"}


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield the verdict, the layers that differ, and the totals."""
    if not diff:
        yield SAME + "\n"
        return
    yield paint(f"{diff.names[0]} -> {diff.names[1]}: {verdict(diff)}", "bold", style.color) + "\n"
    yield cost(diff) + "\n\n"
    yield from draw(_tables(diff, style.totals), style)
    if style.totals:
        return
    seen = {row.sign for layer in diff.layers for row in rows(diff, layer)[:1]}
    if seen:
        legend = ", ".join(f"{sign} {word}" for sign, word in SIGNS.items() if sign in seen)
        yield paint(legend, "dim", style.color) + "\n"
    if diff.renumbered:
        yield f"renumbered: {renumbered(diff)}\n"


def _tables(diff: Difference, only_totals: bool) -> Iterator[Table]:
    """Yield the table with its numbers in full, then shortened."""
    drops = {"%": 1, "change": 2}
    heads = [
        Heading(title, right, wraps=title in {"before", "after"}, drop=drops.get(title, 0))
        for title, right in zip(TITLES, RIGHT, strict=True)
    ]
    for write in (counted, short):
        body = [
            Line(row, _COLORS[layer_rows[0].sign], wraps=row.what == "op")
            for layer in diff.layers
            for layer_rows in [rows(diff, layer, write)]
            for row in layer_rows
        ]
        totals = [Line(row, wraps=False) for row in total_rows(diff, write)]
        yield Table(heads, [totals] if only_totals else [body, totals])
