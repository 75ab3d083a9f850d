"""Findings as JSON: a document with a file a line, or a line for each file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .common import Tally

if TYPE_CHECKING:
    from ...checks import Result

VERSION = 1
_encode = json.JSONEncoder(ensure_ascii=False).encode


def document(results: Iterable[Result]) -> Iterator[str]:
    """One JSON document, a file a line, as the files come; the counts stand last."""
    tally = Tally()
    yield f'{{"cnncalc": {VERSION}, "files": ['
    between = "\n"
    for result in results:
        tally.add(result)
        yield f"{between}  {_encode(_file(result))}"
        between = ",\n"
    yield f'\n], "summary": {_encode(tally.to_dict())}}}\n'


def lines(results: Iterable[Result]) -> Iterator[str]:
    """A line for each file."""
    for result in results:
        yield _encode(_file(result)) + "\n"


def _file(result: Result) -> dict[str, Any]:
    ok = all(finding.level != "error" for finding in result.findings)
    findings = [finding.to_dict() for finding in result.findings]
    return {"file": result.file, "checked": result.checked, "ok": ok, "findings": findings}
