"""What `cnncalc check` found, for people and for CI: one module a format, from results to the pieces of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from .common import encodable, placed

if TYPE_CHECKING:
    from ...checks import Result

_WRITERS = {
    "text": ("as_text", "render"),
    "json": ("as_json", "document"),
    "jsonl": ("as_json", "lines"),
    "github": ("github", "render"),
    "gitlab": ("gitlab", "render"),
    "junit": ("junit", "render"),
    "sarif": ("sarif", "render"),
}
FORMATS = tuple(_WRITERS)

Renderer = Callable[[Iterable["Result"]], Iterator[str]]


def renderer(format: str, color: bool = False) -> Renderer:
    """The function that writes results in a format as they come, text in `color`; only its own module is imported.

    Its pieces can be encoded as UTF-8 whatever a file is called, and files under the current directory are named
    from there.
    """
    module, name = _WRITERS[format]
    write = getattr(import_module(f".{module}", __name__), name)
    if format == "text":
        write = partial(write, color=color)

    def render(results: Iterable[Result]) -> Iterator[str]:
        return map(encodable, write(map(placed, results)))

    return render
