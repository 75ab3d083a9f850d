"""A page of Markdown for a terminal, drawn by rich."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, ClassVar

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TableElement
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

if TYPE_CHECKING:
    from . import Style

WIDEST = 100
"""The widest paragraphs: longer lines are hard to read."""
_THEME = Theme(
    {
        **dict.fromkeys(("markdown.h1", "markdown.h2", "markdown.h3"), "bold"),
        "markdown.code": "cyan",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)


class _Heading(Heading):
    """A left-aligned heading, marked by its level as in the source."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text.assemble(f"{'#' * int(self.tag[1:])} ", self.text, style=self.style_name)


class _Code(CodeBlock):
    """A block of code or of a console session: indented, unwrapped, with commands highlighted."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().split("\n"):
            style = "bold" if line.startswith(("$ ", ">>> ")) else ""
            yield Text(f"  {line}".rstrip(), style, no_wrap=True, overflow="ignore")


class _Table(TableElement):
    """A table with the same rules as those of reports."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                table.box, table.show_edge = box.SIMPLE_HEAD, False
                endless = options.update(max_width=10_000)
                if Measurement.get(console, endless, table).maximum > options.max_width:
                    table.leading = 1  # separate rows of several lines
            yield table


def _console(style: Style) -> Console:
    """Return a console that writes to memory, with the style's width and colors."""
    return Console(
        file=io.StringIO(),
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        no_color=not style.color,
        width=min(style.width or 80, WIDEST),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        safe_box=True,
    )


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "table_open": _Table,
    }


def render(text: str, style: Style) -> str:
    """Return a page of Markdown as text for a terminal, with escape codes if the style has colors."""
    console = _console(style)
    console.push_theme(_THEME)
    with console.capture() as captured:
        console.print(_Page(text, hyperlinks=False), crop=False)
    return "".join(line.rstrip(" ") + "\n" for line in captured.get().splitlines())
