"""The list of all hints, for the page `hints`."""

from __future__ import annotations

from collections.abc import Iterator

from ..hints.table import KINDS


def markdown() -> Iterator[str]:
    """Yield an entry for each kind of hint: its name, what it says, why it matters, and what to do."""
    for kind in KINDS.values():
        yield f"- `{kind.name}`: {kind.title}. {kind.why} *{kind.advice}*\n"
