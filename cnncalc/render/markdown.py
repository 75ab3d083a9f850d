"""Tables and texts in GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..errors import escaped

_SPECIAL = re.compile(r"[\\|*_`<[~$]|&(?=#?\w+;)")
_LINK = re.compile(r"@\w|(?<!&)#\d|\bGH-\d|://|\bwww\.", re.IGNORECASE)
"""What makes GitHub take a word for a mention, an issue, an address or a link."""
_SPACE = re.compile(r"(\s+)")
_ACTIVE = re.compile(r"[&<>|\\`*_\[\]~$\"]|:(?=//)|#(?=\d)|(?<=www)\.", re.IGNORECASE)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]] = (), right: Sequence[bool] = ()) -> Iterator[str]:
    """Yield the lines of a table of escaped texts; `right` says which columns are aligned to the right."""
    yield row(titles)
    yield "|" + "|".join("---:" if r else "---" for r in right or [False] * len(titles)) + "|\n"
    yield from map(row, rows)


def row(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |\n"


def escape(text: str) -> str:
    """Return a text with Markdown's special characters escaped; links and mentions become code."""
    words = _SPACE.split(text) if _LINK.search(text) else [text]
    return "".join([code(word) if _LINK.search(word) else _SPECIAL.sub(r"\\\g<0>", word) for word in words])


def code(text: str) -> str:
    """Return a text as code, which is shown literally: it cannot end a table cell or mention a user."""
    if text and text == escaped(text) and not any(sign in text for sign in "`|\\") and text == text.strip():
        return f"`{text}`"
    return html_code(text)


def html_code(text: str) -> str:
    """Return a text as code in HTML."""
    shown = _ACTIVE.sub(lambda sign: f"&#{ord(sign[0])};", escaped(text))
    return f"<code>{shown.replace('@', '@<!-- -->')}</code>"
