"""Networks side by side, one row per network, in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ..comparisons import Compared, Comparison, Figures
from ..counters import TOOLS
from ..errors import printable
from ..explain import field_text
from ..notation.encode import encode, entries
from ..sizes import Shape, show
from . import Formats, Style, writing
from .columns import numbers_of, rf_order, rf_text
from .drawing import draw, of_grid
from .grid import Cell, Column, Grid, brief, full, grid, ordered

FORMATS = Formats(
    "cnncalc.render",
    {
        name: f"comparisons.{function}"
        for name, function in {
            "table": "table",
            "json": "document",
            "jsonl": "lines",
            **{format: format for format in ("csv", "markdown", "tsv", "latex", "html")},
        }.items()
    },
)
PLAIN = Style()
FAILED = "error"
"""The cell of every figure of a network that has an error."""


def _column(
    title: str, of: Callable[[Figures], Cell], order: Callable[[Figures], Cell] | None = None
) -> Column[Compared]:
    """Return the column of a figure of the whole network."""

    def cell(network: Compared, of: Callable[[Figures], Cell] = of) -> Cell:
        return FAILED if network.figures is None else of(network.figures)

    return Column(title, cell, order=partial(cell, of=order) if order is not None else None)


def _shape(title: str, of: Callable[[Figures], Shape]) -> Column[Compared]:
    """Return the column of a shape, sorted by its number of values."""
    return _column(title, lambda own: show(of(own)), lambda own: numbers_of(of(own)))


def _bytes(title: str, name: str) -> Column[Compared]:
    """Return the column of a figure in bytes."""
    return _column(title, lambda own: None if own.memory is None else getattr(own.memory, name))._replace(short=True)


def _as(tool: str) -> Column[Compared]:
    """Return the column of the MACs that a tool prints."""
    return _column(tool, lambda own: own.tools[tool])._replace(short=True)


COLUMNS: dict[str, Column[Compared]] = {
    "name": Column("network", lambda network: printable(network.name), right=False, style="bold"),
    "layers": _column("layers", lambda own: own.layers),
    "input": _shape("input", lambda own: own.input),
    "output": _shape("output", lambda own: own.out)._replace(style="green"),
    **{name: _column(name, lambda own, name=name: getattr(own, name)) for name in ("weights", "bias")},  # type: ignore[misc]
    "params": _column("params", lambda own: own.params)._replace(short=True),
    "buffers": _column("buffers", lambda own: own.buffers)._replace(short=True),
    "macs": _column("MACs", lambda own: own.macs)._replace(short=True),
    "flops": _column("FLOPs", lambda own: own.flops)._replace(short=True),
    **{tool: _as(tool) for tool in TOOLS},
    "param_bytes": _bytes("param bytes", "params"),
    "memory": _bytes("memory", "peak"),
    "rf": _column("field", lambda own: rf_text(own.rf), lambda own: rf_order(own.rf, "size")),
    **{
        f"rf_{name}": _column(
            name,
            lambda own, name=name: field_text(own.rf, name),  # type: ignore[misc]
            lambda own, name=name: rf_order(own.rf, name),  # type: ignore[misc]
        )
        for name in ("size", "stride", "start")
    },
}
OTHERS = {"in": "input", "out": "output", "parameters": "params"}
"""Other names of columns, such as those used for layers."""
USUAL = ("name", "layers", "input", "output", "params", "buffers", "macs", "rf")
BYTES = ("param_bytes", "memory")
"""The columns that need a dtype."""
DROPS = ("layers", "buffers", "rf", "input")
"""The columns that a narrow terminal drops, in this order; the others are always shown."""
ALL = (*USUAL[:-1], "rf_size", "rf_stride", "rf_start")


def _names(comparison: Comparison, usual: tuple[str, ...], style: Style) -> tuple[str, ...]:
    """Return the columns to show: the named ones, or the default ones with those in bytes and that of a tool."""
    figures = [network.figures for network in comparison if network.figures is not None]
    names = list(style.columns or usual)
    tools = {own.macs_as.tool for own in figures if own.macs_as is not None}.difference(names)
    at = names.index("macs") + 1 if "macs" in names else len(names)
    names[at:at] = tools
    if style.columns is None and any(own.memory is not None for own in figures):
        names += BYTES
    return tuple(names)


def _networks(comparison: Comparison, style: Style) -> list[Compared]:
    """Return the networks in the order and number that a style selects."""
    networks = list(comparison)
    if style.selection.sort is not None:
        networks = ordered(networks, COLUMNS[style.selection.sort])
    return networks[: style.selection.top]


def _grid(comparison: Comparison, usual: tuple[str, ...], style: Style) -> Grid:
    """Return a row for each network in the columns of the style, or the default ones."""
    return grid(COLUMNS, _names(comparison, usual, style), _networks(comparison, style))


def table(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield a table for people, with numbers aligned to the right."""
    rows = _grid(comparison, USUAL, style)
    drops = [DROPS.index(name) + 1 if name in DROPS and style.columns is None else 0 for name in rows.names]
    yield from draw([of_grid(rows, write, drops) for write in ((brief,) if style.brief else (full, brief))], style)


def document(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield one JSON document, a list with one network per line."""
    yield from entries([encode(network.to_dict()) for network in _networks(comparison, style)])
    yield "\n"


def lines(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the JSON of each network on its own line."""
    return (encode(network.to_dict()) + "\n" for network in _networks(comparison, style))


def csv(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield a header and one row per network, with numbers in plain digits."""
    return writing.csv(_grid(comparison, ALL, style))


def tsv(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the rows of CSV with tabs between the cells."""
    return writing.tsv(_grid(comparison, ALL, style))


def markdown(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield a table in GitHub's Markdown."""
    return writing.markdown(_grid(comparison, USUAL, style), brief if style.brief else full)


def latex(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield a table for LaTeX."""
    return writing.latex(_grid(comparison, USUAL, style), brief if style.brief else full)


def html(comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield a page with a table."""
    yield writing.html_page("cnncalc compare")
    yield fragment(comparison, style)


def fragment(comparison: Comparison, style: Style = PLAIN) -> str:
    """Return the table, for notebooks."""
    return "".join(writing.html(_grid(comparison, USUAL, style), brief if style.brief else full))


def records(comparison: Comparison) -> list[dict[str, Cell]]:
    """Return the rows of CSV as dicts."""
    return _grid(comparison, ALL, PLAIN).records()
