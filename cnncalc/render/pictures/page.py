"""A network as one self-contained HTML page: the diagram, the table, and the fields of any unit.

The page's script computes with the same relations that `cnncalc rf --json` prints, so that both agree.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from html import escape
from typing import Any

from ...errors import SpecError
from ...fields import ReceptiveFields
from ...network import INPUT
from ...notation.encode import encode
from ...report import LayerReport, Report
from .. import Style
from ..columns import COLUMNS, report_foot
from ..fields.rows import COLUMNS as FIELD_COLUMNS
from ..fields.rows import FieldRow
from ..grid import Cell, Column, full
from ..grid import grid as table_of
from ..rows import Row, rows
from ..summary import totals
from .elements import resource
from .lanes import picture_nodes
from .svg import MEANINGS, diagram, title_of
from .windows import Steps, as_json

SHOWN = ("layer", "op", "out", "params", "macs", "rf_size", "rf_stride", "rf_start")
"""The columns of the table that come from the report."""
OF_FIELDS = ("centre", "padding", "border")
"""The columns that come from the receptive fields."""
MOST_FOLLOWED = 2_000
"""The most layers of a page with maps: more would take too long to open and to follow a unit through."""
KEY = " ".join(
    '<span><svg width="16" height="12" aria-hidden="true">'
    f'<rect class="{kind}" width="16" height="12" rx="3"/></svg> {words}</span>'
    for kind, words in MEANINGS.items()
)
TITLES = {"rf_size": "field", "rf_stride": "stride", "rf_start": "first pixel"}


def render(
    report: Report, style: Style, fields: ReceptiveFields | None = None, steps: Steps | None = None
) -> Iterator[str]:
    """Yield a report's page, which starts with the unit asked for in `fields` and includes a window's steps."""
    why = too_many(report)
    if why and fields is not None:
        raise SpecError(why, "use a part of them with --until and --after, or write .svg with -o")
    title = title_of(report)
    sheet = resource("picture.css") + resource("page.css")
    script = '"use strict";\n' + resource("fields.js") + resource("page.js")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(sheet)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    picture = diagram(picture_nodes(report, style.selection))
    yield (
        '<!doctype html>\n<html lang="en" class="cnncalc">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{sheet}</style>\n"
    )
    yield (
        '<a class="skip" href="#table">To the table of the layers</a>\n'
        f"<header><h1>{escape(title)}</h1>{_paragraphs(totals(report))}</header>\n<main>\n"
    )
    yield (
        '<section id="diagram" aria-labelledby="diagram-title"><h2 id="diagram-title">Diagram</h2>\n'
        f'<p class="hint key-of">{KEY}</p>\n'
        f'<div class="scroll"><svg width="{picture.width}" height="{picture.height}" '
        f'viewBox="0 0 {picture.width} {picture.height}" role="group" aria-label="Layers, from the input down">\n'
    )
    yield from [f"{line}\n" for line in picture.lines]
    yield "</svg></div></section>\n"
    yield resource("page.html")
    if not why:
        fields = fields or ReceptiveFields(report)
    yield from _table(report, style, fields)
    yield "</main>\n"
    yield _data("fields", {"why": why} if fields is None else _fields(fields))
    frames = None if steps is None else as_json(steps)
    if steps is not None and frames is None:
        frames = {"more": "The maps are too large to show the window step by step here: use a smaller input."}
    if frames is not None:
        yield _data("steps", frames)
    yield f"<script>{script}</script>\n</html>\n"


def too_many(report: Report) -> str | None:
    """Return why a page does not follow units through a network; None if it does."""
    count = _count(report.layers)
    if count <= MOST_FOLLOWED:
        return None
    return f"a page follows units through at most {MOST_FOLLOWED:,} layers, but there are {count:,}"


def _count(layers: Sequence[LayerReport]) -> int:
    """Return the number of layers, with blocks replaced by their layers."""
    return sum(_count(layer.inner) if layer.inner else 1 for layer in layers)


def _fields(fields: ReceptiveFields) -> dict[str, Any]:
    """Return what `rf --json` prints about each layer's map and what its units read, and the unit asked for."""
    layers = []
    for layer in fields.layers:
        own = layer.to_dict(fields.graph)
        followed = {key: own[key] for key in ("sizes", "places", "reads")}
        layers.append({"name": layer.name, "op": layer.layer.op, **followed})
    return {"input": fields.graph.space(INPUT).to_dict(), "layers": layers, **fields.extras()}


def _data(name: str, value: object) -> str:
    """Return JSON as an element of the page, escaped so that no text in it ends the element."""
    escaped = encode(value).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{escaped}</script>\n'


def _hash(text: str) -> str:
    """Return the source expression by which a content security policy allows exactly this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _paragraphs(sentences: Sequence[str]) -> str:
    return "".join([f"<p>{escape(sentence)}</p>" for sentence in sentences])


def _table(report: Report, style: Style, fields: ReceptiveFields | None) -> Iterator[str]:
    """Yield the table of the layers, each cell with its sort key if that differs from its text."""
    layers, extra = rows(report, style.selection), {} if fields is None else _columns(fields)
    columns = {name: COLUMNS[name] for name in SHOWN} | extra
    foot = report_foot(report, style.selection, SHOWN, layers)
    grid = table_of(columns, tuple(columns), layers)._replace(foot=[[*line, *[""] * len(extra)] for line in foot])
    yield (
        '<section id="table" aria-labelledby="table-title"><h2 id="table-title">Layers</h2>\n'
        '<div class="scroll"><table id="layers" aria-labelledby="table-title"><thead><tr>'
    )
    for name, title, right in zip(columns, grid.titles, grid.right, strict=True):
        kind = " data-numbers" if right else ""
        yield f'<th scope="col"{kind}><button>{escape(TITLES.get(name, title))}</button></th>'
    yield "</tr></thead>\n<tbody>\n"
    for row, texts in zip(layers, grid.texts(full), strict=True):
        cells = [f'<th scope="row"><button>{escape(texts[0])}</button></th>']
        for column, text in zip(grid.columns[1:], texts[1:], strict=True):
            key = (column.order or column.cell)(row) if column.right else text
            shown = "" if key is None else f"{key}"
            own = f' data-key="{shown}"' if shown != text else ""
            cells.append(f"<td{own}>{escape(text)}</td>")
        yield f'<tr data-name="{escape(row.name)}">{"".join(cells)}</tr>\n'
    yield "</tbody>\n<tfoot>"
    for texts in grid.texts(full, foot=True):
        cells = [f"<td>{escape(text)}</td>" for text in texts[1:]]
        yield f'<tr><th scope="row">{escape(texts[0])}</th>{"".join(cells)}</tr>'
    yield "</tfoot></table></div></section>\n"


def _columns(fields: ReceptiveFields) -> dict[str, Column[Row]]:
    """Return the columns of the figures that only fields have; a block shows those of its last layer."""
    layers = fields.layers
    last = {layer.name[:at]: layer for layer in layers for at, sign in enumerate(layer.name) if sign == "."}
    last |= {layer.name: layer for layer in layers}
    names = OF_FIELDS if any(border is not False for layer in layers for border in layer.border) else OF_FIELDS[:-1]

    def cells(row: Row, column: Column[FieldRow]) -> list[Cell]:
        layer = last[row.name]
        axes = zip(layer.axes, layer.border, strict=True)
        return [column.cell(FieldRow(layer, axis.letter, axis, border=border)) for axis, border in axes]

    def text(row: Row, column: Column[FieldRow]) -> str:
        texts = [full(cell, column) for cell in cells(row, column)]
        return "x".join(texts[:1] if len(set(texts)) < 2 else texts)

    def order(row: Row, column: Column[FieldRow]) -> Cell:
        numbers = [cell for cell in cells(row, column) if isinstance(cell, (int, float))]
        return sum(numbers) if len(numbers) == len(last[row.name].axes) > 0 else None

    return {
        name: Column(column.title, partial(text, column=column), column.right, order=partial(order, column=column))
        for name, column in ((name, FIELD_COLUMNS[name]) for name in names)
    }
