"""The findings of `cnncalc check` for people and for CI: one function per format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ...checks.findings import Result, failed
from .. import Formats
from .common import ResultStream

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


def render(
    results: Iterable[Result],
    format: str,
    color: bool = False,
    failed: Callable[[str, Exception], Result] = failed,
) -> Iterator[str]:
    """Yield results in a format as they come. Text may have colors; `failed` turns an exception into a result."""
    more = {"color": color} if format == "text" else {}
    return FORMATS.renderer(format)(ResultStream(results, failed), **more)
