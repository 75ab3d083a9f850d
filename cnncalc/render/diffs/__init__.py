"""What changed between two networks, as text: one function a format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .. import imported

if TYPE_CHECKING:
    from ...diffs import Difference
    from .. import Style

RENDERERS = {"table": "as_table.render", "json": "as_json.render", "markdown": "as_markdown.render"}
FORMATS = tuple(RENDERERS)
Renderer = Callable[["Difference", "Style"], Iterator[str]]


def renderer(format: str) -> Renderer:
    """The function that writes a difference in a format."""
    function: Renderer = imported(__name__, RENDERERS[format])
    return function
