"""Findings as GitLab's Code Quality report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ...checks import Finding, Result
from ...notation.encode import encode, entries
from .common import fingerprint


def render(results: Iterable[Result]) -> Iterator[str]:
    """One JSON array, a finding a line."""
    seen: Counter[str] = Counter()
    yield from entries(encode(_issue(finding, seen)) for result in results for finding in result.findings)
    yield "\n"


def _issue(finding: Finding, seen: Counter[str]) -> dict[str, Any]:
    return {
        "description": finding.message(),
        "check_name": finding.title,
        "fingerprint": fingerprint(finding, seen),
        "severity": _severity(finding),
        "location": {"path": finding.file, "lines": {"begin": finding.line}},
    }


def _severity(finding: Finding) -> str:
    if finding.level == "note":
        return "info"
    return "critical" if finding.is_unusable else "major"
