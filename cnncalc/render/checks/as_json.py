"""Findings as JSON: a document with a file a line, or a line for each file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...checks import Result
from ...notation.encode import document as json_document
from ...notation.encode import encode
from .common import Tally


def document(results: Iterable[Result]) -> Iterator[str]:
    """Yield one JSON document, a file a line, as the files come; the counts stand last."""
    tally = Tally()

    def keys() -> Iterator[tuple[str, Any]]:
        yield "cnncalc", 1
        yield "files", map(_file, tally.counting(results))
        yield "summary", tally.to_dict()

    return json_document(keys())


def lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield a line for each file."""
    return (encode(_file(result)) + "\n" for result in results)


def _file(result: Result) -> dict[str, Any]:
    findings = [finding.to_dict() for finding in result.findings]
    return {"file": result.file, "checked": result.checked, "ok": result.ok, "findings": findings}
