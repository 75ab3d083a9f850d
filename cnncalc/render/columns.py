"""The columns of a report's rows, a row a layer, for every format that has rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log10
from typing import NamedTuple

from ..errors import SpecError, nearest, shown
from ..explain import axes_text, field_text
from ..field import Field
from ..report import LayerReport, Report, summed
from ..sizes import show

Cell = int | float | str | None
"""A number, a text (empty if the column says nothing of the layer), or None for a number that is not known."""


class Column(NamedTuple):
    """A column: its title in a table and its cell for a layer."""

    title: str
    cell: Callable[[LayerReport], Cell]
    right: bool = True
    """Whether it is aligned to the right, as numbers are."""
    short: bool = False
    """Whether a narrow table may shorten it to three digits, as 118M."""
    spaced: str = ""
    """The sign after the number in a table, as the x of a ratio."""


_FLAGS = {"nobias": ("bias", False), "ceil": ("ceil", True), "ceil=keep": ("ceil", "keep"), "flip": ("flip", True)}


def op_text(layer: LayerReport) -> str:
    """Return an op with the keys that differ from their usual values: `conv k7 s2 p3`."""
    values = layer.values
    parts = [layer.op]
    for key, usual in (("k", ""), ("s", "1"), ("p", "0"), ("d", "1"), ("g", "1")):
        text = axes_text(values.get(key))
        if text not in ("", usual):
            parts.append(f"{key}={text}" if text[0].isalpha() else key + text)
    parts += [word for word, (key, value) in _FLAGS.items() if values.get(key) == value]
    for key, usual in (("multiplier", "1"), ("out_pad", "0"), ("factor", "")):
        text = axes_text(values.get(key))
        if text not in ("", usual):
            parts.append(f"{key}={text}")
    return " ".join([*parts, *([axes_text(values["order"])] if "order" in values else [])])


def rf_text(fields: Sequence[Field]) -> str:
    """Return a receptive field in short: `11 s4 @-5` is size 11, stride 4, start -5."""
    if not fields:
        return ""
    if all(f[:3] == (None, None, None) for f in fields):
        return "unknown"
    size, stride, start = (field_text(fields, name) for name in ("size", "stride", "start"))
    return f"{size} s{stride} @{start}"


def ratio(layer: LayerReport) -> Cell:
    """Return the weights of the fully-connected equivalent, divided by the layer's own."""
    if not layer.is_convolution:
        return ""
    if layer.fc_weights is None or not layer.weights:
        return None
    return layer.fc_weights / layer.weights


def _of_conv(name: str) -> Callable[[LayerReport], Cell]:
    return lambda layer: getattr(layer, name) if layer.is_convolution else ""


def _key(name: str) -> Callable[[LayerReport], Cell]:
    return lambda layer: axes_text(layer.values.get(name))


def _rf(name: str) -> Callable[[LayerReport], Cell]:
    return lambda layer: field_text(layer.rf, name)


def _bytes(name: str) -> Callable[[LayerReport], Cell]:
    return lambda layer: None if layer.memory is None else getattr(layer.memory, name)


COLUMNS = {
    "layer": Column("layer", lambda layer: layer.name, right=False),
    "op": Column("op", op_text, right=False),
    "in": Column("input", lambda layer: show(layer.x)),
    "out": Column("output", lambda layer: show(layer.out)),
    **{key: Column(key, _key(key)) for key in ("k", "s", "p", "d", "g")},
    "weights": Column("weights", lambda layer: layer.weights),
    "bias": Column("bias", lambda layer: layer.bias),
    "params": Column("params", lambda layer: layer.params),
    "buffers": Column("buffers", lambda layer: layer.buffers),
    "macs": Column("MACs", lambda layer: layer.macs, short=True),
    "local": Column("local", _of_conv("local_weights"), short=True),
    "fc": Column("fc", _of_conv("fc_weights"), short=True),
    "ratio": Column("ratio", ratio, short=True, spaced="x"),
    "param_bytes": Column("param bytes", _bytes("params"), short=True),
    "memory": Column("memory", _bytes("activations"), short=True),
    "alive": Column("alive", _bytes("alive"), short=True),
    "rf": Column("field", lambda layer: rf_text(layer.rf)),
    "rf_size": Column("size", _rf("size")),
    "rf_stride": Column("stride", _rf("stride")),
    "rf_start": Column("start", _rf("start")),
}
NARROW = ("layer", "op", "out", "params", "fc", "ratio", "macs", "rf")
WIDE = ("layer", "op", "out", "weights", "params", "local", "fc", "ratio", "macs", "rf")
BYTES = ("param_bytes", "memory", "alive")
"""The columns that need a dtype."""
NARROW_BYTES = ("layer", "op", "out", "params", "macs", *BYTES)
WIDE_BYTES = (*NARROW_BYTES, "rf")
ALL = tuple(name for name in COLUMNS if name not in ("rf", *BYTES))
UNITS = ("", *"KMGTPEZYRQ")
SUMMED = ("weights", "bias", "params", "buffers", "macs")


def total_cell(report: Report, name: str) -> Cell:
    """Return the cell of a column in the row of totals."""
    if name == "layer":
        return "total"
    if name == "param_bytes":
        return None if report.memory is None else report.memory.params
    return summed(report.layers, name) if name in SUMMED else ""


def usual(report: Report, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns if none are named: these, and those in bytes if the report has a dtype."""
    if report.memory is None:
        return names
    return {NARROW: NARROW_BYTES, WIDE: WIDE_BYTES}.get(names, (*names, *BYTES))


class Grid(NamedTuple):
    """The texts of a table."""

    titles: list[str]
    right: list[bool]
    """Whether each column stands to the right."""
    rows: list[list[str]]
    """A row a layer."""
    total: list[str]


def grid(report: Report, names: Sequence[str], write: Callable[[Cell, Column], str]) -> Grid:
    """Return the report under these columns, its cells written by `plain`, or for a person by `full` or `brief`."""
    columns = [COLUMNS[name] for name in names]
    rows = [[write(column.cell(layer), column) for column in columns] for layer in report.layers]
    total = [write(total_cell(report, name), column) for name, column in zip(names, columns, strict=True)]
    return Grid([column.title for column in columns], [column.right for column in columns], rows, total)


def records(report: Report) -> list[dict[str, Cell]]:
    """Return the rows of CSV as dicts: numbers as numbers, and None for what is not known or has no meaning."""
    names = usual(report, ALL)
    rows = [{name: COLUMNS[name].cell(layer) for name in names} for layer in report.layers]
    return [{name: None if cell == "" else cell for name, cell in row.items()} for row in rows]


def chosen(names: str) -> tuple[str, ...]:
    """Return the columns that a comma list names, by key or by heading. SpecError for an unknown one."""
    keys = {column.title.lower(): key for key, column in COLUMNS.items()} | {key: key for key in COLUMNS}
    columns = []
    for name in (name.strip().lower() for name in names.split(",")):
        if name not in keys:
            help = nearest(name, keys) or f"the columns are {', '.join(COLUMNS)}"
            raise SpecError(f"there is no column {shown(name)}", help)
        columns.append(keys[name])
    return tuple(columns)


def plain(cell: Cell, column: Column) -> str:
    """Return a cell for a machine: digits, and `unknown` for a number that is not known."""
    if isinstance(cell, float):
        return f"{cell:.6g}" if cell < 1e6 else f"{cell:.0f}"
    return "unknown" if cell is None else str(cell)


def full(cell: Cell, column: Column) -> str:
    """Return a cell for a person, with commas between thousands."""
    if cell is None:
        return "unknown"
    if isinstance(cell, float):
        return (f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}") + column.spaced
    return f"{cell:,}{column.spaced}" if isinstance(cell, int) else cell


def brief(cell: Cell, column: Column) -> str:
    """Return a cell for a person in three digits, if the column allows it: 118M."""
    if not column.short or not isinstance(cell, (int, float)) or cell < 10_000:
        return full(cell, column)
    number = float(f"{cell:.3g}")
    power = int(log10(number)) // 3
    if power >= len(UNITS):
        return f"{number:.3g}{column.spaced}"
    return f"{number / 1000**power:.3g}{UNITS[power]}{column.spaced}"
