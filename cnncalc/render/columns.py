"""The columns that a row of a layer can have, for tables, CSV and Markdown alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import SpecError, nearest, shown
from ..explain import axes_text, field_text
from ..report import summed
from ..sizes import show

if TYPE_CHECKING:
    from ..field import Field
    from ..report import LayerReport, Report

Cell = int | float | str | None
"""A number, a text (empty where there is nothing to say), or None for a number that is not known."""


class Column(NamedTuple):
    """What stands in a column, and how it is headed in a table."""

    title: str
    cell: Callable[[LayerReport], Cell]
    right: bool = True
    """Whether it is a number, and stands to the right."""
    short: bool = False
    """Whether a narrow table may write it in three digits, as 118M."""
    spaced: str = ""
    """What a table adds to the number, as the x of a ratio."""


def op_text(layer: LayerReport) -> str:
    """An op with what is not usual of it: `conv k7 s2 p3`."""
    values, sliding = layer.values, "k" in layer.values
    parts = [layer.op]
    for key, usual in (("k", None), ("s", 1), ("p", 0), ("d", 1), ("g", 1)):
        text = axes_text(values.get(key))
        if text and text != str(usual):
            parts.append(key + ("=" if text[:1].isalpha() else "") + text)
    if values.get("bias") is False:
        parts.append("nobias")
    parts += [key for key in ("ceil", "flip") if values.get(key)]
    if values.get("ceil") == "keep":
        parts[-1] = "ceil=keep"
    if sliding and values.get("multiplier", 1) != 1:
        parts.append(f"multiplier={values['multiplier']}")
    if axes_text(values.get("out_pad", 0)) != "0":
        parts.append(f"out_pad={axes_text(values['out_pad'])}")
    if "factor" in values:
        parts.append(f"factor={axes_text(values['factor'])}")
    if "order" in values:
        parts.append(axes_text(values["order"]))
    return " ".join(parts)


def rf_text(fields: Sequence[Field]) -> str:
    """A receptive field in short: `11 s4 @-5` is size 11, stride 4, start -5."""
    if not fields:
        return ""
    if all(f[:3] == (None, None, None) for f in fields):
        return "unknown"
    size, stride, start = (field_text(fields, name) for name in ("size", "stride", "start"))
    return f"{size} s{stride} @{start}"


def ratio(layer: LayerReport) -> Cell:
    """How many times the weights the fully-connected equivalent has."""
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
SUMMED = ("weights", "bias", "params", "buffers", "macs")


def total_cell(report: Report, name: str) -> Cell:
    """What stands in a column of the row of totals."""
    if name == "layer":
        return "total"
    if name == "param_bytes":
        return None if report.memory is None else report.memory.params
    return summed(report.layers, name) if name in SUMMED else ""


def usual(report: Report, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns where none are asked for: these, and those of a dtype where there is one."""
    if report.memory is None:
        return names
    return {NARROW: NARROW_BYTES, WIDE: WIDE_BYTES}.get(names, (*names, *BYTES))


Write = Callable[[Cell, Column], str]
"""How a cell is written: `plain` for a machine, `full` or `brief` for a person."""


def texts(report: Report, names: Sequence[str], write: Write) -> Iterator[list[str]]:
    """The rows of the layers under these columns."""
    columns = [COLUMNS[name] for name in names]
    return ([write(column.cell(layer), column) for column in columns] for layer in report.layers)


def sums(report: Report, names: Sequence[str], write: Write) -> list[str]:
    """The row of totals under these columns."""
    return [write(total_cell(report, name), COLUMNS[name]) for name in names]


def records(report: Report) -> list[dict[str, Cell]]:
    """The rows of CSV as dicts: numbers as numbers, and None for what is not known or has no meaning."""
    names = usual(report, ALL)
    rows = [{name: COLUMNS[name].cell(layer) for name in names} for layer in report.layers]
    return [{name: None if cell == "" else cell for name, cell in row.items()} for row in rows]


def chosen(names: str) -> tuple[str, ...]:
    """The columns of a comma list. SpecError for one that there is not."""
    found = tuple([name.strip().lower() for name in names.split(",")])
    for name in found:
        if name not in COLUMNS:
            raise SpecError(
                f"there is no column {shown(name)}", nearest(name, COLUMNS) or f"the columns are {', '.join(COLUMNS)}"
            )
    return found


def plain(cell: Cell, column: Column) -> str:
    """A cell for a machine: digits, and `unknown` for a number that is not known."""
    if isinstance(cell, float):
        return f"{cell:.6g}" if cell < 1e6 else f"{cell:.0f}"
    return "unknown" if cell is None else str(cell)


def full(cell: Cell, column: Column) -> str:
    """A cell for a person: thousands set apart."""
    if cell is None:
        return "unknown"
    if isinstance(cell, float):
        return (f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}") + column.spaced
    return f"{cell:,}{column.spaced}" if isinstance(cell, int) else cell


def brief(cell: Cell, column: Column) -> str:
    """The same in three digits, where the column allows it: 118M."""
    if not column.short or not isinstance(cell, (int, float)) or cell < 10_000:
        return full(cell, column)
    number, unit = float(cell), ""
    units = iter("KMGTPEZYRQ")
    while number >= 999.5:
        number, unit = number / 1000, next(units, "")
        if not unit:
            return f"{float(cell):.3g}{column.spaced}"
    return f"{number:.3g}{unit}{column.spaced}"
