"""The columns and rows of a report, for every format with rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

from ..explain import axes_text, field_text
from ..field import Field
from ..network import INPUT
from ..report import LayerReport, Report
from ..sizes import NOTHING_KNOWN, Count, Open, Shape, known, show, total
from . import WHOLE, Selection, Style
from .grid import Cell, Column, Grid, grid
from .rows import Row, rows

_FLAGS = (("bias", False, "nobias"), ("ceil", True, "ceil"), ("ceil", "keep", "ceil=keep"), ("flip", True, "flip"))
"""Keys with a value that is written as a word."""


def op_text(layer: LayerReport) -> str:
    """Return an op with the keys that differ from their defaults: `conv k7 s2 p3`."""
    values = layer.values
    if not values:
        return layer.op
    parts = [layer.op]
    for key, usual in (("k", ""), ("s", "1"), ("p", "0"), ("d", "1"), ("g", "1")):
        if key in values and (text := axes_text(values[key])) not in ("", usual):
            parts.append(f"{key}={text}" if text[0].isalpha() else key + text)
    parts += [word for key, value, word in _FLAGS if key in values and values[key] == value]
    for key, usual in (("multiplier", "1"), ("out_pad", "0"), ("factor", "")):
        if key in values and (text := axes_text(values[key])) not in ("", usual):
            parts.append(f"{key}={text}")
    return " ".join([*parts, *([axes_text(values["order"])] if "order" in values else [])])


def rf_text(fields: Sequence[Field]) -> str:
    """Return a receptive field in short form: `11 s4 @-5` is size 11, stride 4, start -5."""
    if not fields:
        return ""
    if all(f[:3] == (None, None, None) for f in fields):
        return "unknown"
    if len({field[:4] for field in fields}) == 1:  # on a square map
        fields = fields[:1]
        if fields[0].phases is None and None not in fields[0][:3]:
            return "{} s{} @{}".format(*fields[0][:3])
    size, stride, start = [field_text(fields, name) for name in ("size", "stride", "start")]
    return f"{size} s{stride} @{start}"


def ratio(layer: LayerReport) -> Cell:
    """Return the weights of the fully-connected equivalent, divided by the layer's own."""
    if not layer.is_convolution:
        return ""
    weights = layer.weights
    if not isinstance(weights, int) or not weights or Open in map(type, (*layer.sample, *layer.traced.out)):
        return None
    fc = layer.fc_weights
    return fc / weights if isinstance(fc, int) else None


def reads(layer: LayerReport) -> str:
    """Return the names of what a layer reads: `conv1+relu3`."""
    return "+".join(["input" if at == INPUT else layer.nodes[at].name for at in layer.node.reads])


def intensity(layers: Sequence[LayerReport]) -> Cell:
    """Return the MACs per byte that layers move; empty if they move none."""
    macs = known(total([layer.macs for layer in layers]))
    moved = known(total([None if layer.memory is None else layer.memory.moved for layer in layers]))
    return None if macs is None or moved is None else macs / moved if moved else ""


def _percent(own: Cell, whole: Count) -> Cell:
    """Return the share of a figure in the whole; 0 if the whole is 0."""
    if not isinstance(own, int) or not isinstance(whole, int):
        return None
    return 100 * own / whole if whole else 0.0


def _share(figure: str) -> Callable[[Row], Cell]:
    """Return a function for the cell of a row's share in the whole; shared weights count once."""
    return lambda row: _percent(getattr(row.layer, figure) if row.adds(figure) else 0, getattr(row.report, figure))


def _figure(name: str) -> Callable[[Row], Cell]:
    return lambda row: getattr(row.layer, name)


def _of_conv(name: str) -> Callable[[Row], Cell]:
    return lambda row: getattr(row.layer, name) if row.layer.is_convolution else ""


def _key(name: str) -> Column[Row]:
    return Column(name, lambda row: axes_text(row.layer.values.get(name)), of=lambda row: row.layer.values.get(name))


def _values(row: Row) -> object:
    """Return the resolved keys of a row's layer, which copies by `times` share."""
    return row.layer.values


def _bytes(name: str) -> Callable[[Row], Cell]:
    return lambda row: None if row.layer.memory is None else getattr(row.layer.memory, name)


def _shape(title: str, of: Callable[[LayerReport], Shape]) -> Column[Row]:
    """Return the column of a shape, sorted by its number of values."""
    return Column(
        title,
        lambda row: show(of(row.layer)),
        order=lambda row: numbers_of(of(row.layer)),
        of=lambda row: of(row.layer),
    )


def numbers_of(shape: Shape) -> int | None:
    """Return the number of values of a shape; None if unknown."""
    sizes = [size for size in shape if isinstance(size, int)]
    return prod(sizes) if len(sizes) == len(shape) and shape != NOTHING_KNOWN else None


def _rf(title: str, text: Callable[[Sequence[Field]], str], name: str) -> Column[Row]:
    """Return a column of the receptive field, sorted by its number `name`."""
    return Column(
        title,
        lambda row: text(row.layer.rf),
        order=lambda row: rf_order(row.layer.rf, name),
        of=lambda row: row.layer.rf,
    )


def rf_order(fields: Sequence[Field], name: str) -> int | None:
    """Return the sort key of receptive fields: the product of a number over the axes; None if one is unknown."""
    numbers = [getattr(field, name) for field in fields]
    return None if None in numbers or not numbers else prod(numbers)


COLUMNS: dict[str, Column[Row]] = {
    "layer": Column("layer", lambda row: row.name, right=False, style="bold"),
    "times": Column("times", lambda row: f"x{len(row.layers)}" if len(row.layers) > 1 else ""),
    "op": Column("op", lambda row: op_text(row.layer), right=False, style="cyan", wraps=True, of=_values),
    "from": Column("from", lambda row: reads(row.layer), right=False),
    "in": _shape("input", lambda layer: layer.x),
    "out": _shape("output", lambda layer: layer.out)._replace(style="green"),
    **{key: _key(key) for key in ("k", "s", "p", "d", "g")},
    "weights": Column("weights", _figure("weights")),
    "bias": Column("bias", _figure("bias")),
    "params": Column("params", _figure("params")),
    "params%": Column("params%", _share("params"), unit="%"),
    "buffers": Column("buffers", _figure("buffers")),
    "macs": Column("MACs", _figure("macs")),
    "macs%": Column("MACs%", _share("macs"), unit="%"),
    "flops": Column("FLOPs", _figure("flops"), short=True),
    "local": Column("local", _of_conv("local_weights"), short=True, style="dim"),
    "fc": Column("fc", _of_conv("fc_weights"), short=True, style="dim"),
    "ratio": Column("ratio", lambda row: ratio(row.layer), short=True, unit="x", style="dim"),
    "param_bytes": Column("param bytes", _bytes("params"), short=True),
    "memory": Column("memory", _bytes("activations"), short=True),
    "alive": Column("alive", _bytes("alive"), short=True),
    "intensity": Column("MACs/byte", lambda row: intensity([row.layer])),
    "rf": _rf("field", rf_text, "size"),
    **{f"rf_{name}": _rf(name, partial(field_text, name=name), name) for name in ("size", "stride", "start")},
}
OTHERS: dict[str, str] = {}
"""Other names of columns."""
NARROW = ("layer", "op", "out", "params", "fc", "ratio", "macs", "rf")
WIDE = ("layer", "op", "out", "weights", "params", "local", "fc", "ratio", "macs", "rf")
DROPS = ("local", "weights", "ratio", "fc", "rf", "param_bytes")
"""The columns that a narrow terminal drops, in this order."""
LAST = "alive"
"""The column to drop if the others do not fit even with shortened numbers."""
BYTES = ("param_bytes", "memory", "alive", "intensity")
"""The columns that need a dtype."""
NARROW_BYTES = ("layer", "op", "out", "params", "macs", *BYTES[:3])
WIDE_BYTES = (*NARROW_BYTES, "rf")
ALL = (
    *("layer", "op", "in", "out", "k", "s", "p", "d", "g", "weights", "bias", "params", "buffers", "macs"),
    *("local", "fc", "ratio", "rf_size", "rf_stride", "rf_start"),
)
SUMMED = ("weights", "bias", "params", "buffers", "macs", "flops")


def shown_columns(report: Report, style: Style, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns to show: the chosen ones, or the default ones and, with a dtype, those in bytes.

    If rows are folded, `times` is one of them.
    """
    names = style.columns or usual
    if style.columns is None and report.memory is not None:
        names = {NARROW: NARROW_BYTES, WIDE: WIDE_BYTES}.get(names, (*names, *BYTES[:3]))
    return (*names[:1], "times", *names[1:]) if style.selection.fold and "times" not in names else names


def report_grid(report: Report, selection: Selection, names: Sequence[str]) -> Grid:
    """Return the selected rows of a report in these columns, with the totals below."""
    shown = rows(report, selection)
    return grid(COLUMNS, names, shown)._replace(foot=report_foot(report, selection, names, shown))


def report_foot(report: Report, selection: Selection, names: Sequence[str], shown: Sequence[Row]) -> list[list[Cell]]:
    """Return the totals below the rows that a selection picks."""
    everything = shown if selection == WHOLE else rows(report, WHOLE)
    sums = [("shown", shown), ("total", everything)] if selection.is_part else [("total", everything)]
    return [[_sum(report, of, name) if name != "layer" else label for name in names] for label, of in sums]


def _sum(report: Report, of: Sequence[Row], name: str) -> Cell:
    """Return the sum of a column over rows; empty for a column without a sum."""
    if name in SUMMED:
        return total([getattr(layer, name) for row in of if row.adds(name) for layer in row.layers])
    if name.endswith("%"):
        return _percent(_sum(report, of, name[:-1]), getattr(report, name[:-1]))
    if name not in ("param_bytes", "intensity"):
        return ""
    layers = [layer for row in of for layer in row.layers]
    if name == "param_bytes":
        return total([None if layer.memory is None else layer.memory.params for layer in layers])
    return intensity(layers)


def records(report: Report) -> list[dict[str, Cell]]:
    """Return the rows of CSV as dicts."""
    return report_grid(report, WHOLE, shown_columns(report, Style(), ALL)).records()
