"""Receptive fields as a table for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterator

from ...fields import ReceptiveFields
from .. import Style
from ..drawing import draw, of_grid
from ..grid import full
from .rows import ALL, field_grid

DROPS = ("op", "centre", "padding")
"""The columns that a narrow terminal does without, in this order."""


def render(fields: ReceptiveFields, style: Style) -> Iterator[str]:
    """Yield the table."""
    drops = [DROPS.index(name) + 1 if name in DROPS else 0 for name in ALL]
    yield draw([of_grid(field_grid(fields, repeat=False), full, drops)], style)
