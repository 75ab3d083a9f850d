"""What changed between two networks, as text: one function a format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...diffs import Difference
    from .. import Style

FORMATS = ("table", "json", "markdown")
Renderer = Callable[["Difference", "Style"], Iterator[str]]


def renderer(format: str) -> Renderer:
    """The function that writes a difference in a format; rich is imported for a table only."""
    if format == "table":
        from .as_table import render as as_table

        return as_table
    if format == "json":
        from .as_json import render as as_json

        return as_json
    from .as_markdown import render as as_markdown

    return as_markdown
