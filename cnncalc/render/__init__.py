"""Results as text: a report here, what the other commands find in folders of their name; a function a format.

A renderer takes the result and a Style and yields the pieces of a text. `RENDERERS` of each folder says where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..report import Report

RENDERERS = {
    "table": "table.render",
    "json": "as_json.document",
    "jsonl": "as_json.line",
    "csv": "delimited.csv",
    "markdown": "delimited.markdown",
}
FORMATS = tuple(RENDERERS)


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
    """The function that writes a report in a format."""
    function: Renderer = imported(__name__, RENDERERS[format])
    return function


def imported(package: str, place: str) -> Any:
    """Import what stands at `module.name` in a package: a format costs nothing until it is asked for."""
    from importlib import import_module

    module, _, name = place.rpartition(".")
    return getattr(import_module(f"{package}.{module}"), name)
