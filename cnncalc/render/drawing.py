"""Tables as text, as wide as the terminal or as needed; drawn without rich, for speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from ..errors import width_of
from . import Style
from .grid import Grid, Writer
from .texts import broken, paint


class Heading(NamedTuple):
    """The heading of a column, and how its cells are drawn."""

    title: str
    right: bool = False
    style: str | Callable[[str], str] = ""
    """The color of its cells, or a function of each cell's text."""
    wraps: bool = False
    """Whether its cells may be wrapped between words."""
    drop: int = 0
    """The order in which it is dropped if the table is too wide; 0 for never."""


class Line(NamedTuple):
    """The texts of a row of a table."""

    texts: Sequence[str]
    style: str = ""
    """The color of all cells, in place of the columns' colors."""
    wraps: bool = True
    """Whether cells may be wrapped in the columns that allow it."""


class Table(NamedTuple):
    """A table to draw, with an empty line between its sections."""

    heads: Sequence[Heading]
    sections: Sequence[Sequence[Line]]


def of_grid(grid: Grid, write: Writer, drops: Sequence[int] = ()) -> Table:
    """Return the table of a grid, its cells written by `write`; `drops` is the order in which columns are dropped."""
    heads = [
        Heading(column.title, column.right, column.style, column.wraps, drop)
        for column, drop in zip(grid.columns, drops or [0] * len(grid.columns), strict=True)
    ]
    foot = [Line(texts, "bold") for texts in grid.texts(write, foot=True)]
    return Table(heads, [[*map(Line, grid.texts(write))], foot])


class Fitted(NamedTuple):
    """A table and the places of its columns."""

    table: Table
    widths: Sequence[int]
    gap: int
    """The spaces between columns."""

    def draw(self, style: Style) -> Iterator[str]:
        """Yield the lines of the table, without trailing spaces."""
        heads = self.table.heads
        yield from self._lines([Line([head.title for head in heads], "bold")], style)
        yield ("-" if style.ascii else "─") * (sum(self.widths) + self.gap * (len(heads) - 1)) + "\n"
        for number, section in enumerate(filter(None, self.table.sections)):
            yield "\n" * (number > 0)
            yield from self._lines(section, style)

    def _lines(self, rows: Sequence[Line], style: Style) -> Iterator[str]:
        """Yield the lines of rows: one for each, or as many as its longest cell has."""
        colors = [row.style if style.color else "" for row in rows]
        texts = zip(*[row.texts for row in rows], strict=True)
        columns = [
            _cells(head, width, own, colors, style)
            for head, width, own in zip(self.table.heads, self.widths, texts, strict=True)
        ]
        between = " " * self.gap
        for cells in zip(*columns, strict=True):
            line = between.join(cells)
            if "\n" in line:
                parts = zip_longest(*[cell.split("\n") for cell in cells])
                filled = [[part or " " * width for part, width in zip(row, self.widths, strict=True)] for row in parts]
                yield from [between.join(row).rstrip(" ") + "\n" for row in filled]
            else:
                yield line.rstrip(" ") + "\n"


def _cells(head: Heading, width: int, texts: Sequence[str], colors: Sequence[str], style: Style) -> list[str]:
    """Return texts as the colored cells of a column; a cell of several lines contains line ends.

    Equal texts are processed once.
    """
    place = str.rjust if head.right else str.ljust

    def placed(text: str, color: str) -> str:
        if not style.color and text.isascii() and "\n" not in text and len(text) <= width:  # the usual case
            return place(text, width)
        if style.color:
            color = color or (head.style if isinstance(head.style, str) else head.style(text))
        lines = []
        for part in broken(text, width):
            free = " " * (width - width_of(part))
            shown = paint(part, color, style.color)
            lines.append(free + shown if head.right else shown + free)
        return "\n".join(lines)

    if len({*colors}) == 1:
        found = {text: placed(text, colors[0]) for text in {*texts}}
        return [*map(found.__getitem__, texts)]
    each = {one: placed(*one) for one in {*zip(texts, colors, strict=True)}}
    return [each[one] for one in zip(texts, colors, strict=True)]


def draw(tables: Iterable[Table], style: Style) -> Iterator[str]:
    """Yield the lines of the table that `lay_out` picks."""
    return lay_out(tables, style.width).draw(style)


def lay_out(tables: Iterable[Table], width: int | None) -> Fitted:
    """Return the first table that fits a width after dropping the columns that it can do without.

    If none fits, the cells of the last are wrapped; if that does not help, its lines are too long.
    """
    for whole in tables:
        lines = [line.texts for section in whole.sections for line in section]
        all_widths = [_natural(texts) for texts in zip([head.title for head in whole.heads], *lines, strict=True)]
        kept = _kept(whole, all_widths, width)
        table, widths = _only(whole, kept), [all_widths[at] for at in kept]
        gap = _gap(widths, width)
        if gap:
            return Fitted(table, widths, gap)
    assert width is not None
    least = [_least(at, table) if head.wraps else widths[at] for at, head in enumerate(table.heads)]
    gap = _gap(least, width) or GAPS[-1]
    return Fitted(table, _shared(least, widths, width - gap * (len(widths) - 1)), gap)


def _only(table: Table, kept: Sequence[int]) -> Table:
    """Return a table with some of its columns."""
    if len(kept) == len(table.heads):
        return table
    lines = [[line._replace(texts=[line.texts[at] for at in kept]) for line in section] for section in table.sections]
    return Table([table.heads[at] for at in kept], lines)


GAPS = (2, 1)
"""The spaces between columns, the wider ones if there is room."""


def _gap(widths: Sequence[int], width: int | None) -> int:
    """Return the spaces between columns with which they fit a width; 0 if they do not fit."""
    room = None if width is None else width - sum(widths)
    return next((gap for gap in GAPS if room is None or gap * (len(widths) - 1) <= room), 0)


def _kept(table: Table, widths: Sequence[int], width: int | None) -> list[int]:
    """Return the columns that are left when the table fits, or when no more can be dropped."""
    kept = [*range(len(widths))]
    for at in sorted((at for at in kept if table.heads[at].drop), key=lambda at: table.heads[at].drop):
        if _gap([widths[one] for one in kept], width):
            break
        kept.remove(at)
    return kept


def _natural(texts: Iterable[str]) -> int:
    """Return the width of a column of these texts without wrapping."""
    return max([width_of(part) for text in {*texts} for part in text.split("\n")])


def _least(at: int, table: Table) -> int:
    """Return the least width of a column at which no word is broken."""
    lines = [line for section in table.sections for line in section]
    words = {word for line in lines for word in (line.texts[at].split() if line.wraps else [line.texts[at]])}
    return max(map(width_of, [table.heads[at].title, *words]))


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Return the widths of columns that share a room: as needed, up to one common limit."""
    for limit in range(max(most), 0, -1):
        widths = [max(low, min(high, limit)) for low, high in zip(least, most, strict=True)]
        if sum(widths) <= room:
            return widths
    return list(least)
