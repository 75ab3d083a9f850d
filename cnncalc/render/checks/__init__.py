"""What `cnncalc check` finds, for people and for CI, as text: one function a format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ...checks import Result
from .. import Formats
from .common import encodable, placed

RENDERERS = Formats(
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
FORMATS = tuple(RENDERERS)


def renderer(format: str, color: bool = False) -> Callable[[Iterable[Result]], Iterator[str]]:
    """The function that writes results in a format as they come; text may have colours.

    Its pieces can be encoded as UTF-8 whatever a file is called, and files under the current directory are named
    from there.
    """
    write = RENDERERS.renderer(format)
    if format == "text":
        write = partial(write, color=color)
    return lambda results: map(encodable, write(map(placed, results)))
