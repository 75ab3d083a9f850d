"""A difference as a table for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterator

from ...diffs import Difference
from ...sizes import counted
from .. import Style
from ..drawing import Heading, Line, Table, draw
from ..texts import paint
from .rows import RIGHT, SAME, SIGNS, TITLES, Write, cost, renumbered, rows, short, total_rows, verdict

_COLORS = {"+": "green", "-": "red", "~": "magenta", ">": "cyan", ".": "dim"}


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield the verdict, the layers that differ, and the totals."""
    if not diff:
        yield SAME + "\n"
        return
    yield paint(f"{diff.names[0]} -> {diff.names[1]}: {verdict(diff)}", "bold", style.color) + "\n"
    yield cost(diff) + "\n\n"
    body = [] if style.totals else _body(diff, counted)
    yield from draw(_tables(diff, body), style)
    if style.totals:
        return
    seen = {line.texts[0] for line in body}
    if seen:
        legend = ", ".join(f"{sign} {word}" for sign, word in SIGNS.items() if sign in seen)
        yield paint(legend, "dim", style.color) + "\n"
    if diff.renumbered:
        yield f"renumbered: {renumbered(diff)}\n"


def _body(diff: Difference, write: Write) -> list[Line]:
    """Return the lines of the layers that differ."""
    return [
        Line(row, _COLORS[layer_rows[0].sign], wraps=row.what == "op")
        for layer in diff.layers
        for layer_rows in [rows(diff, layer, write)]
        for row in layer_rows
    ]


def _tables(diff: Difference, body: list[Line]) -> Iterator[Table]:
    """Yield the table with full numbers, as in `body`, and then with shortened ones; only totals if `body` is empty."""
    drops = {"%": 1, "change": 2}
    heads = [
        Heading(title, right, wraps=title in {"before", "after"}, drop=drops.get(title, 0))
        for title, right in zip(TITLES, RIGHT, strict=True)
    ]
    for write in (counted, short):
        own = body if write is counted else body and _body(diff, write)
        totals = [Line(row, wraps=False) for row in total_rows(diff, write)]
        yield Table(heads, [own, totals])
