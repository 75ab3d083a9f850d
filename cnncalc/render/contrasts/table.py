"""A table, by rich, of the layers where dialects differ, and below it the reasons."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from ...contrasts import Contrast, alike, reasons
from .. import Style
from ..table import Canvas, Row
from .text import NOT_REACHED, SAME, cells, legend, name

PLENTY = 100
"""The width from which there is a column for the op."""
_COLORS = {SAME: "dim", NOT_REACHED: "dim", "refused": "red"}


def render(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield the layers where the dialects differ, the reasons, and the figures of the whole in each dialect."""
    canvas = Canvas(style)
    if not contrast.layers:
        yield canvas.line(contrast.agreement(), "bold")
        return
    with_op = (style.width or 0) >= PLENTY
    between = "\n" if style.width else " "  # off a terminal a layer is one line
    groups = [(group, cells(group)) for group in alike(contrast.layers)]
    rows: list[Row] = []
    for group, row in groups:
        op = [Text(group[0].op, "cyan")] if with_op else []
        texts = [Text(between.join(lines), _COLORS.get(lines[0], "green")) for lines in row]
        rows.append(([Text(name(group), "bold"), *op, *texts], ""))
    titles = ["layer", *(["op"] if with_op else []), *[run.name for run in contrast.runs]]
    yield canvas.fitting([canvas.table(titles, [rows])])
    sentence = legend([row for _, row in groups])
    if sentence:
        yield canvas.line(sentence, "dim")
    yield "\n"
    for group, lines in reasons(contrast.layers):
        yield canvas.line(f"{name(group)}: {group[0].op}", "cyan")
        yield from (canvas.line(f"  {line}") for line in lines)
    yield "\n"
    yield from (canvas.line(line, "bold") for line in contrast.summaries())
