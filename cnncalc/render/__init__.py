"""A report as text: one function a format, from a report to the pieces of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..report import Report

FORMATS = ("table", "json", "jsonl", "csv", "markdown")


class Style(NamedTuple):
    """How a person wants to see it."""

    columns: tuple[str, ...] | None = None
    """The columns of a table, None for the usual ones."""
    explain: bool = False
    """Whether each layer's arithmetic is written out."""
    color: bool = False
    """Whether the output may have colours."""
    width: int | None = None
    """How wide a table may be; None for the terminal's own width."""
    ascii: bool = False
    """Whether the output can show ASCII only."""


Renderer = Callable[["Report", Style], Iterable[str]]


def renderer(format: str) -> Renderer:
    """The function that writes a report in a format; only its own module is imported."""
    if format == "table":
        from .table import render as render_table

        return render_table
    if format in ("csv", "markdown"):
        from . import delimited

        return delimited.csv if format == "csv" else delimited.markdown
    from . import as_json

    return as_json.document if format == "json" else as_json.line
