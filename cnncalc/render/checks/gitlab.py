"""Findings as GitLab's Code Quality report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...checks.findings import Finding, Result
from ...notation.encode import encode, entries
from .common import ResultStream, fingerprint

SEVERITIES = {"note": "info", "failure": "major", "error": "critical"}


def render(results: ResultStream) -> Iterator[str]:
    """Yield one JSON array, one finding per line."""
    seen: Counter[str] = Counter()

    def issues(result: Result) -> list[str]:
        return [encode(_issue(finding, seen)) for finding in result.findings]

    yield from entries(issue for _, every in results.drawn(issues) for issue in every)
    yield "\n"


def _issue(finding: Finding, seen: Counter[str]) -> dict[str, Any]:
    return {
        "description": finding.message(),
        "check_name": finding.title,
        "fingerprint": fingerprint(finding, seen),
        "severity": SEVERITIES[finding.gravity],
        "location": {"path": finding.file, "lines": {"begin": finding.line}},
    }
