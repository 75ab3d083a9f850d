"""Rows of figures in columns, for every format with rows: what a column shows, and how a cell is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log10
from typing import Any, Generic, NamedTuple, TypeVar

from ..errors import SpecError, nearest, printable, shown
from ..sizes import Open, counted

Cell = int | float | str | Open | None
"""A number or formula, a text (empty if the column does not apply to the row), or None for an unknown number."""
T = TypeVar("T")


class Column(NamedTuple, Generic[T]):
    """A column: its title, and the function that returns its cell for a row's subject."""

    title: str
    cell: Callable[[T], Cell]
    right: bool = True
    """Whether it is aligned to the right, as numbers are."""
    short: bool = False
    """Whether a narrow table may shorten its numbers to three digits: 118M."""
    unit: str = ""
    """The sign after a number for people: the x of a ratio, or %."""
    style: str = ""
    """The color of its cells on a terminal."""
    wraps: bool = False
    """Whether a narrow table may wrap its cells between words."""
    order: Callable[[T], Cell] | None = None
    """The function that returns the sort key, if it is not the cell."""
    of: Callable[[T], object] | None = None
    """The value that determines the cell, if many rows share one; the cell is computed once for each value."""

    def cells(self, things: Sequence[T]) -> list[Cell]:
        """Return the cell of each thing."""
        if self.of is None:
            return [*map(self.cell, things)]
        keys = [*map(id, map(self.of, things))]
        found = {key: self.cell(thing) for key, thing in dict(zip(keys, things, strict=True)).items()}
        return [*map(found.__getitem__, keys)]

    def texts(self, cells: Sequence[Cell], write: Writer, escape: Callable[[str], str] = str) -> list[str]:
        """Return cells as printable texts, escaped for a format; equal ones are written once."""
        written = {cell: escape(printable(write(cell, self))) for cell in set(cells)}
        return [*map(written.__getitem__, cells)]


class Grid(NamedTuple):
    """The cells of a table."""

    names: Sequence[str]
    """The keys of its columns."""
    columns: Sequence[Column[Any]]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()
    """The rows below the rule, such as the totals."""

    @property
    def titles(self) -> list[str]:
        """The titles of its columns."""
        return [column.title for column in self.columns]

    @property
    def right(self) -> list[bool]:
        """Whether each column is aligned to the right."""
        return [column.right for column in self.columns]

    def records(self) -> list[dict[str, Cell]]:
        """Return its rows as dicts, with None for what is unknown or has no meaning."""
        rows = [
            [None if cell == "" else str(cell) if isinstance(cell, Open) else cell for cell in row] for row in self.rows
        ]
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def texts(self, write: Writer, foot: bool = False, escape: Callable[[str], str] = str) -> Iterator[tuple[str, ...]]:
        """Yield the cells of its rows, or of its foot, as printable texts, escaped for a format."""
        cells = zip(*(self.foot if foot else self.rows), strict=True)
        texts = [column.texts(own, write, escape) for column, own in zip(self.columns, cells, strict=False)]
        return zip(*texts, strict=True)


Writer = Callable[[Cell, Column[Any]], str]
"""A function that writes a cell."""
UNITS = ("", *"KMGTPEZYRQ")


def grid(columns: Mapping[str, Column[T]], names: Sequence[str], things: Sequence[T]) -> Grid:
    """Return a row for each thing in the columns of these names."""
    chosen = [columns[name] for name in names]
    return Grid(names, chosen, [*zip(*[column.cells(things) for column in chosen], strict=True)])


def chosen(names: str, columns: Mapping[str, Column[Any]], others: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that a comma-separated list names, by key, title or another name.

    Raise SpecError if unknown.
    """
    keys = {**others, **{column.title.lower(): key for key, column in columns.items()}, **{key: key for key in columns}}
    found = []
    for name in (name.strip().lower() for name in names.split(",")):
        if name not in keys:
            help = nearest(name, keys) or f"the columns are {', '.join(columns)}"
            raise SpecError(f"there is no column {shown(name)}", help)
        found.append(keys[name])
    return tuple(found)


def ordered(things: Sequence[T], column: Column[T]) -> list[T]:
    """Return things sorted by a column: largest number first, texts alphabetically, unknown ones last."""
    key = column.order or column.cell
    return sorted(things, key=lambda thing: _rank(key(thing)))


def _rank(cell: Cell) -> tuple[int, float, str]:
    if isinstance(cell, str):
        return (1 if cell else 3), 0, cell
    return (2, 0, str(cell)) if cell is None or isinstance(cell, Open) else (0, -cell, "")


def plain(cell: Cell, column: Column[Any]) -> str:
    """Return a cell for programs: digits, and `unknown` for an unknown number."""
    if isinstance(cell, float):
        return f"{cell:.6g}" if cell < 1e6 else f"{cell:.0f}"
    return "unknown" if cell is None else str(cell)


def spreadsheet(cell: Cell, column: Column[Any]) -> str:
    """Return a cell for CSV, with an apostrophe before text that a spreadsheet would take for a formula."""
    text = plain(cell, column)
    is_text = isinstance(cell, str) and not column.right
    return f"'{text}" if is_text and text.lstrip().startswith(_FORMULA) else text


_FORMULA = (*"=+-@＝＋－＠",)  # noqa: RUF001  the wide ones count where Chinese and Japanese are written
"""The characters with which a spreadsheet's formula begins."""


def full(cell: Cell, column: Column[Any]) -> str:
    """Return a cell for people: thousands separated by commas, fractions in three digits, halves exact."""
    if isinstance(cell, str):
        return cell
    if cell is None or isinstance(cell, Open):
        return counted(cell, LONGEST_SHORT if column.short else LONGEST)
    if isinstance(cell, int):
        return f"{cell:,}{column.unit}"
    if column.unit == "%":
        return f"{cell:.1f}%" if cell >= 0.05 or not cell else "<0.1%"
    if (2 * cell).is_integer():
        return f"{cell:,.1f}".removesuffix(".0") + column.unit
    return (f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}") + column.unit


def brief(cell: Cell, column: Column[Any]) -> str:
    """Return a cell for people in three digits, if the column allows it: 118M. A formula is only shown as open."""
    if isinstance(cell, Open):
        return counted(cell, 0)
    if not column.short or not isinstance(cell, (int, float)):
        return full(cell, column)
    return rounded(cell) + column.unit if cell >= SHORTENED else full(cell, column)


LONGEST, LONGEST_SHORT = 40, 24
"""The longest formula that a cell for people shows, in a column of full numbers and of shortened ones."""
SHORTENED = 10_000
"""The smallest number that is shortened."""


def rounded(number: float) -> str:
    """Return a number of at least SHORTENED in three digits: 118M."""
    number = float(f"{number:.3g}")
    power = int(log10(number)) // 3
    return f"{number:.3g}" if power >= len(UNITS) else f"{number / 1000**power:.3g}{UNITS[power]}"
