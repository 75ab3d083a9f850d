"""Findings as a compiler prints them, and one line at the end that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...checks import Result
from .common import with_summary


def render(results: Iterable[Result]) -> Iterator[str]:
    """The findings of each file as it is done, then the closing line."""
    return with_summary(results, lambda finding: finding.text() + "\n")
