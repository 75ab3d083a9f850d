"""Findings as GitLab's Code Quality report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .common import Repeats, fingerprint

if TYPE_CHECKING:
    from ...checks import Finding, Result

_encode = json.JSONEncoder(ensure_ascii=False).encode


def render(results: Iterable[Result]) -> Iterator[str]:
    """One JSON array, a finding a line."""
    between = "["
    repeats = Repeats()
    for result in results:
        for finding in result.findings:
            yield f"{between}\n  {_encode(_issue(finding, repeats))}"
            between = ","
    yield "[]\n" if between == "[" else "\n]\n"


def _issue(finding: Finding, repeats: Repeats) -> dict[str, Any]:
    return {
        "description": finding.message(),
        "check_name": finding.title,
        "fingerprint": fingerprint(finding, repeats),
        "severity": _severity(finding),
        "location": {"path": finding.file, "lines": {"begin": finding.line}},
    }


def _severity(finding: Finding) -> str:
    if finding.level == "note":
        return "info"
    return "critical" if finding.is_unusable else "major"
