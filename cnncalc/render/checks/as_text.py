"""Findings as a compiler prints them, and one line at the end that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..messages import paint
from .common import Tally

if TYPE_CHECKING:
    from ...checks import Finding, Result


def render(results: Iterable[Result], color: bool = False) -> Iterator[str]:
    """Each finding as its file is done, then the closing line."""
    tally = Tally()
    for result in results:
        tally.add(result)
        for finding in result.findings:
            yield _text(finding, color) + "\n"
    yield paint(tally.line(), "bold", color) + "\n"


def _text(finding: Finding, color: bool) -> str:
    """Return a finding's text: in colour its place is bold, an error's code red, a note's cyan."""
    text = finding.text()
    if not color:
        return text
    place, title, rest = text.partition(finding.title)
    return paint(place, "bold") + paint(title, "red" if finding.level == "error" else "cyan") + rest
