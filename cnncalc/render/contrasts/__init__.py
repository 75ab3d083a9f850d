"""A network under several dialects, as text: one function a format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .. import imported

if TYPE_CHECKING:
    from ...contrasts import Comparison
    from .. import Style

RENDERERS = {
    "table": "table.render",
    "json": "text.document",
    "jsonl": "text.line",
    "csv": "text.csv",
    "markdown": "text.markdown",
}
FORMATS = tuple(RENDERERS)
Renderer = Callable[["Comparison", "Style"], Iterable[str]]


def renderer(format: str) -> Renderer:
    """The function that writes a comparison in a format."""
    function: Renderer = imported(__name__, RENDERERS[format])
    return function
