"""Findings as a compiler prints them, and one line at the end that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .common import Tally

if TYPE_CHECKING:
    from ...checks import Result


def render(results: Iterable[Result]) -> Iterator[str]:
    """Each finding as its file is done, then the closing line."""
    tally = Tally()
    for result in results:
        tally.add(result)
        for finding in result.findings:
            yield finding.text() + "\n"
    yield tally.line() + "\n"
