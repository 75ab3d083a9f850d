"""Tables and texts as GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_SPECIAL = re.compile(r"[\\|*_`<[]")
_ACTIVE = re.compile(r"[&<>|\\`*_\[\]~$\"]")


def table(titles: Sequence[str], right: Sequence[bool], rows: Iterable[Sequence[str]] = ()) -> Iterator[str]:
    """A table, a line a piece; `right` says which columns stand to the right. Its texts are escaped already."""
    yield row(titles)
    yield "|" + "|".join("---:" if r else "---" for r in right) + "|\n"
    yield from map(row, rows)


def row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |\n"


def escape(text: str) -> str:
    """A text in which nothing has a meaning in Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """A text as code, which Markdown leaves as it is: no table ends in it, and nobody is mentioned by it."""
    if text and text.isprintable() and not any(sign in text for sign in "`|\\") and text == text.strip():
        return f"`{text}`"
    return html_code(text)


def html_code(text: str) -> str:
    r"""The same as an HTML element, with what is not printable written as `\n`, and a lone surrogate as `\udcff`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"<code>{_ACTIVE.sub(lambda sign: f'&#{ord(sign[0])};', shown)}</code>"
