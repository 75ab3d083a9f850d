"""A network under several dialects: the layers where they differ side by side, and below them why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..contrasts import LayerContrast, alike, reasons
from .delimited import csv_row, escape

if TYPE_CHECKING:
    from ..contrasts import Contrast
    from . import Style

SAME, NOT_REACHED = "=", "-"
PLENTY = 100
"""From this width on there is a column for the op."""


def renderer(format: str) -> Callable[[Contrast, Style], Iterator[str]]:
    """The function that writes a contrast in a format."""
    return {"table": table, "json": document, "jsonl": line, "csv": csv, "markdown": markdown}[format]


def cells(differences: Sequence[LayerContrast]) -> list[list[str]]:
    """What each dialect makes of layers that differ alike: lines of text; `=` for the same as the first that has it."""
    found: list[list[str]] = []
    first: list[str] | None = None
    for run in differences[0].runs:
        lines = differences[0].cell(run)
        if len(differences) > 1 and lines and not differences[0].figures_differ():
            lines = lines[1:] or [SAME]
        found.append([SAME] if first is not None and lines == first else lines or [NOT_REACHED])
        if first is None and run.at(differences[0].number) is not None:
            first = lines
    return found


def name(differences: Sequence[LayerContrast]) -> str:
    """`bn1`, or `bn1 and 52 more`."""
    more = len(differences) - 1
    return f"{differences[0].name} and {more:,} more" if more else differences[0].name


def legend(rows: Sequence[list[list[str]]]) -> str:
    """What the signs of a table mean, of those that it has."""
    signs = {SAME: "= as in the first dialect that has it", NOT_REACHED: "- not reached"}
    return ", ".join([text for sign, text in signs.items() if any([sign] in row for row in rows)])


def table(contrast: Contrast, style: Style) -> Iterator[str]:
    """The layers where the dialects differ, why, and what the whole comes to in each."""
    from rich.text import Text

    from .table import drawn, new_console, new_table

    console = new_console(style)
    if not contrast.layers:
        yield drawn(console, Text(contrast.agreement(), style="bold"))
        return
    with_op = console.width >= PLENTY
    drawing = new_table(style, 1)
    for title in ["layer", *(["op"] if with_op else []), *[run.name for run in contrast.runs]]:
        drawing.add_column(Text(title), justify="left", overflow="fold")
    rows = [(group, cells(group)) for group in alike(contrast.layers)]
    for group, row in rows:
        op = [Text(group[0].op, style="cyan")] if with_op else []
        drawing.add_row(Text(name(group), style="bold"), *op, *[Text("\n".join(c), style=_color(c)) for c in row])
    yield drawn(console, drawing)
    sentence = legend([row for _, row in rows])
    if sentence:
        yield drawn(console, Text(sentence, style="dim"))
    yield "\n"
    for group, lines in reasons(contrast.layers):
        yield drawn(console, Text(f"{name(group)}: {group[0].op}", style="cyan"))
        yield from (drawn(console, Text(f"  {line}")) for line in lines)
    yield "\n"
    yield from (drawn(console, Text(line, style="bold")) for line in contrast.summaries())


def _color(lines: list[str]) -> str:
    return {SAME: "dim", NOT_REACHED: "dim", "refused": "red"}.get(lines[0], "green")


def document(contrast: Contrast, style: Style) -> Iterator[str]:
    """One JSON document, a layer that differs a line."""
    found = contrast.to_dict()
    layers = found.pop("differing")
    yield json.dumps(found, ensure_ascii=False)[:-1] + ', "differing": ['
    for at, layer in enumerate(layers):
        yield (",\n  " if at else "\n  ") + json.dumps(layer, ensure_ascii=False)
    yield ("\n" if layers else "") + "]}\n"


def line(contrast: Contrast, style: Style) -> Iterator[str]:
    """The same in one line."""
    yield json.dumps(contrast.to_dict(), ensure_ascii=False) + "\n"


def csv(contrast: Contrast, style: Style) -> Iterator[str]:
    """A header and a row a layer that differs; every cell in full."""
    yield csv_row(["layer", "op", *[run.name for run in contrast.runs], "why"])
    for layer in contrast.layers:
        yield csv_row([layer.name, layer.op, *[" ".join(layer.cell(r)) for r in layer.runs], "; ".join(layer.why())])


def markdown(contrast: Contrast, style: Style) -> Iterator[str]:
    """A table as GitHub draws it, and the reasons as a list."""
    if not contrast.layers:
        yield escape(contrast.agreement()) + "\n"
        return
    yield "| " + " | ".join(["layer", "op", *[run.name for run in contrast.runs]]) + " |\n"
    yield "|" + "---|" * (2 + len(contrast.runs)) + "\n"
    for group in alike(contrast.layers):
        row = [escape(" ".join(lines)) for lines in cells(group)]
        yield "| " + " | ".join([escape(name(group)), group[0].op, *row]) + " |\n"
    yield "\n"
    for group, lines in reasons(contrast.layers):
        yield f"- **{escape(name(group))}** {group[0].op}: {escape('; '.join(lines))}\n"
    yield from (f"- {escape(line)}\n" for line in contrast.summaries())
