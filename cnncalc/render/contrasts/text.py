"""A network under several dialects as JSON, CSV, Markdown, LaTeX and HTML, and the cells that all formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape

from ...contrasts import Contrast, LayerContrast, Run, alike, reasons
from ...notation.encode import document as json_document
from ...notation.encode import encode
from .. import Style, writing
from .. import markdown as md
from ..grid import Cell, Column, Grid, grid

SAME, NOT_REACHED = "=", "-"


def cells(differences: Sequence[LayerContrast]) -> list[list[str]]:
    """Return the lines of each dialect's cell for layers that differ alike; `=` if equal to the first non-empty one."""
    row: list[list[str]] = []
    first: list[str] | None = None
    for run in differences[0].runs:
        lines = differences[0].cell(run)
        if len(differences) > 1 and lines and not differences[0].figures_differ():
            lines = lines[1:] or [SAME]
        row.append([SAME] if first is not None and lines == first else lines or [NOT_REACHED])
        if first is None and run.at(differences[0].number) is not None:
            first = lines
    return row


def name(differences: Sequence[LayerContrast]) -> str:
    """Return `bn1`, or `bn1 and 52 more`."""
    more = len(differences) - 1
    return f"{differences[0].name} and {more:,} more" if more else differences[0].name


def legend(rows: Sequence[list[list[str]]]) -> str:
    """Return the meaning of the signs in a table."""
    signs = {SAME: "= same as the first dialect with a value", NOT_REACHED: "- not reached"}
    return ", ".join([text for sign, text in signs.items() if any([sign] in row for row in rows)])


def document(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield one JSON document, with a line for each layer that differs."""
    keys = contrast.to_dict()
    return json_document((keys | {"differing": iter(keys["differing"])}).items())


def line(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield the document on one line."""
    yield encode(contrast.to_dict()) + "\n"


def _grid(contrast: Contrast) -> Grid:
    """Return a row for each layer that differs, with every cell in full."""
    cells: dict[str, Callable[[LayerContrast], Cell]] = {
        "layer": lambda layer: layer.name,
        "op": lambda layer: layer.op,
        **{run.name: partial(_cell, run=run) for run in contrast.runs},
        "why": lambda layer: "; ".join(layer.why()),
    }
    columns = {name: Column(name, cell, right=False) for name, cell in cells.items()}
    return grid(columns, [*columns], contrast.layers)


def _cell(layer: LayerContrast, run: Run) -> str:
    return " ".join(layer.cell(run))


def csv(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield a header, and a row for each layer that differs."""
    return writing.csv(_grid(contrast))


def tsv(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield the rows of CSV with tabs between the cells."""
    return writing.tsv(_grid(contrast))


def latex(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield a table for LaTeX."""
    return writing.latex(_grid(contrast))


def html(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield a page with a table and, below it, the figures of the whole in each dialect."""
    yield writing.html_page(contrast.agreement() if not contrast.layers else "cnncalc")
    yield from writing.html(_grid(contrast))
    yield from (f"<p>{escape(line)}</p>\n" for line in contrast.summaries())


def markdown(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield a table in GitHub's Markdown, and the reasons as a list."""
    if not contrast.layers:
        yield md.escape(contrast.agreement()) + "\n"
        return
    titles = ["layer", "op", *[run.name for run in contrast.runs]]
    rows = [
        [md.escape(name(group)), group[0].op, *[md.escape(" ".join(lines)) for lines in cells(group)]]
        for group in alike(contrast.layers)
    ]
    yield from md.table(titles, rows)
    yield "\n"
    for group, lines in reasons(contrast.layers):
        yield f"- **{md.escape(name(group))}** {group[0].op}: {md.escape('; '.join(lines))}\n"
    yield from (f"- {md.escape(line)}\n" for line in contrast.summaries())
