"""Findings as a compiler prints them, and one line at the end that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...checks import Result
from ..messages import paint
from .common import Tally


def render(results: Iterable[Result], color: bool = False) -> Iterator[str]:
    """Yield the findings of each file as it is done, then the closing line, which is red if something failed.

    An error's code is red, a note's cyan.
    """
    tally = Tally()
    for result in tally.counting(results):
        for finding in result.findings:
            place, title, rest = finding.text().partition(finding.title)
            code = "red" if finding.level == "error" else "cyan"
            yield f"{paint(place, 'bold', color)}{paint(title, code, color)}{rest}\n"
    yield paint(tally.line(), "green" if tally.to_dict()["ok"] else "red", color) + "\n"
