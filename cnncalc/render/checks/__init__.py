"""What `cnncalc check` found, for people and for CI: one module a format, from results to the pieces of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .. import imported
from .common import encodable, placed

if TYPE_CHECKING:
    from ...checks import Result

RENDERERS = {
    "text": "as_text.render",
    "json": "as_json.document",
    "jsonl": "as_json.lines",
    "github": "github.render",
    "gitlab": "gitlab.render",
    "junit": "junit.render",
    "sarif": "sarif.render",
}
FORMATS = tuple(RENDERERS)

Renderer = Callable[[Iterable["Result"]], Iterator[str]]


def renderer(format: str) -> Renderer:
    """The function that writes results in a format as they come.

    Its pieces can be encoded as UTF-8 whatever a file is called, and files under the current directory are named
    from there.
    """
    write: Renderer = imported(__name__, RENDERERS[format])

    def render(results: Iterable[Result]) -> Iterator[str]:
        return map(encodable, write(map(placed, results)))

    return render
