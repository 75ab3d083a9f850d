"""Results as text: reports here, the results of other commands in folders and modules named after them.

A renderer takes a result and a Style and yields the pieces of a text. The renderers of a kind of result are in its
`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from importlib import import_module
from typing import NamedTuple

from ..errors import printable_lines


class Selection(NamedTuple):
    """The selection and the order of a report's rows."""

    sort: str | None = None
    """The column to sort by; None for the network's order."""
    top: int | None = None
    """The number of rows, from the first; None for all."""
    only: frozenset[str] = frozenset()
    """The ops whose layers are shown; empty for all."""
    depth: int = 1
    """The levels of blocks that are shown: 1 shows a block as one layer."""
    fold: bool = False
    """Whether a run of equal blocks is shown as one row."""

    @property
    def is_part(self) -> bool:
        """Whether some layers may be left out."""
        return bool(self.only) or self.top is not None


WHOLE = Selection()
"""All layers in the network's order, one row each."""


class Style(NamedTuple):
    """The style in which a result is shown."""

    columns: tuple[str, ...] | None = None
    """The columns of a table; None for the default ones."""
    explain: bool = False
    """Whether each layer's arithmetic is written out."""
    color: bool = False
    """Whether the output may have colors."""
    width: int | None = None
    """The most characters per line; None if nothing may be wrapped or shortened, as in a file."""
    ascii: bool = False
    """Whether the output can show only ASCII."""
    totals: bool = False
    """Whether only the totals of a difference are shown."""
    selection: Selection = WHOLE
    """The rows of a report that are shown."""
    brief: bool = False
    """Whether numbers are rounded to three digits for people: 11.7M."""
    values: tuple[str, ...] = ()
    """The names of the only values to show, if any."""


ENDINGS = {
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv",),
    "tsv": (".tsv",),
    "markdown": (".md", ".markdown"),
    "latex": (".tex",),
    "html": (".html", ".htm"),
    "gitlab": (".json",),
    "sarif": (".sarif", ".json"),
    "junit": (".xml",),
}
"""The file endings of each format. An ending shared by several formats means the first of them."""
OWN_ESCAPES = ("json", "jsonl", "gitlab", "sarif", "github")
"""The formats that escape their text themselves: JSON, and the commands of GitHub's log."""
Renderer = Callable[..., Iterator[str]]


class Formats(dict[str, str]):
    """The renderers of one kind of result: for each format, a `module.function` in a package.

    `renderer` makes everything they yield printable.
    """

    def __init__(self, package: str, places: dict[str, str]):
        super().__init__(places)
        self.package = package
        self.functions: dict[str, Renderer] = {}

    def renderer(self, format: str) -> Renderer:
        """Return the function of a format; its module is imported only now."""
        if format not in self.functions:
            module, _, name = self[format].partition(".")
            function = getattr(import_module(f"{self.package}.{module}"), name)
            self.functions[format] = function if format in OWN_ESCAPES else _printable(function)
        return self.functions[format]

    def text(self, result: object) -> str:
        """Return a result's table for `str(result)`: without colors, and with nothing shortened or wrapped."""
        return "".join(self.renderer("table")(result, Style())).rstrip("\n")


def _printable(function: Renderer) -> Renderer:
    """Return a renderer whose text has no effect on a terminal or a log."""

    @wraps(function)
    def render(*values: object, **more: object) -> Iterator[str]:
        return map(printable_lines, function(*values, **more))

    return render


FORMATS = Formats(
    __name__,
    {
        "table": "table.render",
        "json": "as_json.document",
        "jsonl": "as_json.line",
        "csv": "report_forms.csv",
        "markdown": "report_forms.markdown",
        "tsv": "report_forms.tsv",
        "latex": "report_forms.latex",
        "html": "report_forms.html",
    },
)
BEFORE = Formats(__name__, {"table": "table.before", "json": "as_json.before", "jsonl": "as_json.line_before"})
"""The renderers of a layer's error, which show the layers before it."""
VALUE_FORMATS = Formats(__name__, {"table": "values.text", "json": "values.document", "jsonl": "values.document"})
"""The renderers of a report's `Style.values` alone."""


def needs_dtype(value: str) -> bool:
    """Return whether the value of this name is a number of bytes."""
    return any(unit in value for unit in ("bytes", "memory", "alive"))
