"""Findings as a compiler prints them, and one line at the end that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...checks import Finding, Result
from ..messages import paint
from .common import Tally


def render(results: Iterable[Result], color: bool = False) -> Iterator[str]:
    """The findings of each file as it is done, then the closing line."""
    tally = Tally()
    for result in tally.counting(results):
        yield from (_text(finding, color) + "\n" for finding in result.findings)
    yield paint(tally.line(), "bold", color) + "\n"


def _text(finding: Finding, color: bool) -> str:
    """A finding's text; in colour its place is bold, an error's code red, a note's cyan."""
    text = finding.text()
    if not color:
        return text
    place, title, rest = text.partition(finding.title)
    return paint(place, "bold") + paint(title, "red" if finding.level == "error" else "cyan") + rest
