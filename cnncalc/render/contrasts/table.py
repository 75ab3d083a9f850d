"""A table of the layers where dialects differ, and below it the reasons."""

from __future__ import annotations

from collections.abc import Iterator

from ...contrasts import Contrast, alike, reasons
from .. import Style
from ..drawing import Heading, Line, Table, draw
from ..texts import paint
from .text import NOT_REACHED, SAME, cells, legend, name

_COLORS = {SAME: "dim", NOT_REACHED: "dim", "refused": "red"}


def render(contrast: Contrast, style: Style) -> Iterator[str]:
    """Yield the layers where the dialects differ, the reasons, and the figures of the whole in each dialect."""
    if not contrast.layers:
        yield paint(contrast.agreement(), "bold", style.color) + "\n"
        return
    between = "\n" if style.width else " "  # outside a terminal, a layer is one line
    groups = [(group, cells(group)) for group in alike(contrast.layers)]
    lines = [
        Line([name(group), *([group[0].op] if style.width else []), *map(between.join, row)]) for group, row in groups
    ]
    heads = [
        Heading("layer", style="bold"),
        *([Heading("op", style="cyan", drop=1)] if style.width else []),
        *[Heading(run.name, style=_color, wraps=True) for run in contrast.runs],
    ]
    yield from draw([Table(heads, [lines])], style)
    sentence = legend([row for _, row in groups])
    if sentence:
        yield paint(sentence, "dim", style.color) + "\n"
    yield "\n"
    for group, why in reasons(contrast.layers):
        yield paint(f"{name(group)}: {group[0].op}", "cyan", style.color) + "\n"
        yield from (f"  {line}\n" for line in why)
    yield "\n"
    yield from (paint(line, "bold", style.color) + "\n" for line in contrast.summaries())


def _color(cell: str) -> str:
    """Return the color of a dialect's cell from its first line."""
    return _COLORS.get(cell.partition("\n")[0], "green")
