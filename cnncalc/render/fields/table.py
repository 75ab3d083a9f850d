"""Receptive fields as a table for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterator

from ...explain import field_lines
from ...fields import ReceptiveFields
from ...sizes import show
from .. import Style
from ..drawing import draw, of_grid
from ..grid import full
from ..texts import paint
from .rows import field_grid, sentences

DROPS = ("op", "centre", "padding")
"""The columns that a narrow terminal drops, in this order."""


def render(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield the table and the sentences below it."""
    rows = field_grid(fields, is_drawn=True)
    drops = [DROPS.index(name) + 1 if name in DROPS else 0 for name in rows.names]
    yield from draw([of_grid(rows, full, drops)], style)
    for line in sentences(fields):
        yield paint(line, "bold", style.color) + "\n"
    if style.explain:
        yield from explanation(fields)


def explanation(fields: ReceptiveFields) -> Iterator[str]:
    """Yield how the field of each layer follows from those of its inputs, with numbers."""
    for layer in fields.layers:
        lines = field_lines(layer.layer)
        if lines and fields.of in (None, layer.at):
            yield f"\n{layer.name}: {show(layer.layer.x)} -> {show(layer.layer.out)}\n"
            yield from (f"  {line}\n" for line in lines)
