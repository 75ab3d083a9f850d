"""The list of all hints, as the page `hints` has it."""

from __future__ import annotations

from collections.abc import Iterator

from ..hints.table import KINDS


def markdown() -> Iterator[str]:
    """Yield an entry for each kind of hint: its name, what is the case, why that matters, and what to do."""
    for kind in KINDS.values():
        yield f"- `{kind.name}`: {kind.title}. {kind.why} *{kind.advice}*\n"
