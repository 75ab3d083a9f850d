"""Findings as JSON: a document with one file per line, or a JSON line per file."""

from __future__ import annotations

from collections.abc import Iterator

from ...checks.findings import Result
from ...notation.encode import encode, entries
from .common import ResultStream, Tally


def document(results: ResultStream) -> Iterator[str]:
    """Yield one JSON document, one file per line as they come, with the counts at the end."""
    tally = Tally()

    def files() -> Iterator[str]:
        for result, text in results.drawn(_file):
            tally.count(result)
            yield text

    yield '{"cnncalc": 1, "files": '
    yield from entries(files())
    yield f', "summary": {encode(tally.to_dict())}}}\n'


def lines(results: ResultStream) -> Iterator[str]:
    """Yield a line for each file."""
    return (f"{text}\n" for _, text in results.drawn(_file))


def _file(result: Result) -> str:
    findings = [finding.to_dict() for finding in result.findings]
    return encode({"file": result.file, "checked": result.checked, "ok": result.ok, "findings": findings})
