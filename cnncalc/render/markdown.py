"""Tables and texts as GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_SPECIAL = re.compile(r"[\\|*_`<[]")
_ACTIVE = re.compile(r"[&<>|\\`*_\[\]~$\"]")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]] = (), right: Sequence[bool] = ()) -> Iterator[str]:
    """Yield the lines of a table of texts that are already escaped; `right` says which columns stand to the right."""
    yield row(titles)
    yield "|" + "|".join("---:" if r else "---" for r in right or [False] * len(titles)) + "|\n"
    yield from map(row, rows)


def row(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |\n"


def escape(text: str) -> str:
    """Return a text with a backslash before all that has a meaning in Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """Return a text as code, which shows it literally: it cannot end a table cell or mention a user."""
    if text and text.isprintable() and not any(sign in text for sign in "`|\\") and text == text.strip():
        return f"`{text}`"
    return html_code(text)


def html_code(text: str) -> str:
    r"""Return a text as an HTML element; what is not printable is written as `\n`, a lone surrogate as `\udcff`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"<code>{_ACTIVE.sub(lambda sign: f'&#{ord(sign[0])};', shown)}</code>"
