"""The findings of `cnncalc check`, for people and for CI, as text: one function a format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...checks import Result
from .. import Formats
from .common import encodable, placed

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
    """Yield results in a format as they come; text may have colours.

    The pieces can be encoded as UTF-8 whatever a file is called, and files under the current directory are named
    from there.
    """
    more = {"color": color} if format == "text" else {}
    return map(encodable, FORMATS.renderer(format)(map(placed, results), **more))
