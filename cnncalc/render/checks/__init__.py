"""The findings of `cnncalc check`, for people and for CI, as text: one function a format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...checks import Result
from .. import Formats
from .common import placed

FORMATS = Formats(
    __name__,
    {
        "text": "as_text.render",
        "json": "as_json.document",
        "jsonl": "as_json.lines",
        "github": "github.render",
        "gitlab": "gitlab.render",
        "junit": "junit.render",
        "sarif": "sarif.render",
    },
)


def render(results: Iterable[Result], format: str, color: bool = False) -> Iterator[str]:
    """Yield results in a format as they come, files under the current directory named from there.

    Text may have colours.
    """
    more = {"color": color} if format == "text" else {}
    return FORMATS.renderer(format)(map(placed, results), **more)
