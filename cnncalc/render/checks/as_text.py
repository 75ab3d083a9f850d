"""Findings in the style of a compiler, with a final line that counts them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...checks.findings import Finding, Result
from ..texts import paint
from .common import ResultStream, Tally


def render(results: ResultStream, color: bool = False) -> Iterator[str]:
    """Yield the findings of each file as it is done, then the final line, which is red if something failed."""
    tally = Tally()
    for result, lines in results.drawn(partial(_lines, color=color)):
        tally.count(result)
        yield from lines
    yield paint(tally.line(), "green" if tally.to_dict()["ok"] else "red", color) + "\n"


def _lines(result: Result, color: bool) -> list[str]:
    return [_text(finding, color) for finding in result.findings]


def _text(finding: Finding, color: bool) -> str:
    """Return a finding as text; an error's code is red, a note's cyan."""
    place, title, rest = finding.text().partition(finding.title)
    code = "red" if finding.level == "error" else "cyan"
    return f"{paint(place, 'bold', color)}{paint(title, code, color)}{rest}\n"
