"""A difference as Markdown, for comments on pull requests."""

from __future__ import annotations

from collections.abc import Iterator

from ...diffs import Difference
from .. import Style
from ..markdown import code, table
from ..texts import plural
from .rows import RIGHT, SIGNS, TITLES, DiffRow, cost, renumbered, rows, total_rows, verdict

FEW = 20
"""The most rows of a table that is not collapsed."""
LONGEST = 60_000
"""The most characters of the rows: a comment on GitHub holds 65,536."""


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield the verdict, the totals, and the layers, collapsed if there are many."""
    old, new = (code(name) for name in diff.names)
    if not diff:
        yield f"**No difference** between {old} and {new}.\n"
        return
    yield f"**From {old} to {new}: {verdict(diff)}; {cost(diff)}.**\n\n"
    yield from table(TITLES[2:], [_cells(row)[2:] for row in total_rows(diff)], RIGHT[2:])
    if style.totals:
        return
    room = LONGEST
    for title, layers in (
        ("What changed", [layer for layer in diff.layers if not layer.follows]),
        ("What follows from it", [layer for layer in diff.layers if layer.follows]),
    ):
        body = [row for layer in layers for row in rows(diff, layer)]
        lines = list(table(TITLES, map(_cells, body), RIGHT))
        shown, room = _fitting(lines, room)
        if body:
            yield from _section(f"{title} ({plural(len(layers), 'layer')})", lines, shown)
    if diff.renumbered:
        yield f"\nRenumbered: {renumbered(diff, code)}.\n"


def _fitting(lines: list[str], room: int) -> tuple[int, int]:
    """Return how many of these lines (at least the header) fit into `room` characters, and the room left."""
    for number, line in enumerate(lines):
        room -= len(line)
        if room < 0 and number >= 2:
            return number, 0
    return len(lines), room


def _section(title: str, lines: list[str], shown: int) -> Iterator[str]:
    fold = len(lines) - 2 > FEW
    yield f"\n<details><summary>{title}</summary>\n\n" if fold else f"\n{title}:\n\n"
    yield from lines[:shown]
    if shown < len(lines):
        yield f"\n{len(lines) - shown:,} more rows are left out here: `cnncalc diff --json` has them all.\n"
    if fold:
        yield "\n</details>\n"


def _cells(row: DiffRow) -> tuple[str, ...]:
    """Return a row in Markdown: texts from the specs as code, the sign as a word."""
    sign = SIGNS[row.sign] if row.sign in "+-~>" and row.sign else ""
    old, new = (text if _is_plain(text) else code(text) for text in (row.old, row.new))
    layer = code(row.layer) if row.layer else ""
    return sign, layer, row.what, old, new, row.change, row.share.replace("<", "&lt;")


def _is_plain(text: str) -> bool:
    """Return whether a text is a number, which needs no escapes in Markdown."""
    return text == "unknown" or not text.strip("-0123456789,.")
