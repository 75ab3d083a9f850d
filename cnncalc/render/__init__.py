"""Results as text: a report here, what other commands find in a folder of its name; one function a format.

A renderer takes a result and a Style, and yields the pieces of a text. `RENDERERS` of a folder says where each is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import NamedTuple


class Style(NamedTuple):
    """How a result is shown."""

    columns: tuple[str, ...] | None = None
    """The columns of a table; None for the usual ones."""
    explain: bool = False
    """Whether each layer's arithmetic is written out."""
    color: bool = False
    """Whether the output may have colours."""
    width: int | None = None
    """How wide a table may be; None for the terminal's own width."""
    ascii: bool = False
    """Whether the output can show only ASCII."""


Renderer = Callable[..., Iterator[str]]


class Formats(dict[str, str]):
    """The renderers of one kind of result: by format, the place in a package, as `module.function`."""

    def __init__(self, package: str, places: dict[str, str]):
        super().__init__(places)
        self.package = package

    def renderer(self, format: str) -> Renderer:
        """The function of a format; its module is imported only now."""
        module, _, name = self[format].partition(".")
        function: Renderer = getattr(import_module(f"{self.package}.{module}"), name)
        return function


RENDERERS = Formats(
    __name__,
    {
        "table": "table.render",
        "json": "as_json.document",
        "jsonl": "as_json.line",
        "csv": "delimited.csv",
        "markdown": "delimited.markdown",
    },
)
FORMATS = tuple(RENDERERS)
renderer = RENDERERS.renderer
