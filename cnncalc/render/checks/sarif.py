"""Findings as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ... import __version__
from ...checks.findings import CODES, Finding, Result
from ...notation.encode import encode, entries
from .common import ResultStream, fingerprint

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_INDEX = {code: index for index, code in enumerate(CODES)}


def render(results: ResultStream) -> Iterator[str]:
    """Yield one document, one finding per line, as the files come."""
    seen: Counter[str] = Counter()

    def found(result: Result) -> list[str]:
        return [encode(_result(finding, seen)) for finding in result.findings]

    yield f'{{"$schema": {encode(SCHEMA)}, "version": "2.1.0", "runs": [{{\n'
    yield f'"tool": {encode({"driver": _driver()})},\n"columnKind": "unicodeCodePoints",\n"results": '
    yield from entries(text for _, every in results.drawn(found) for text in every)
    yield "}]}\n"


def _driver() -> dict[str, Any]:
    rules = [{"id": code, "name": name, "shortDescription": {"text": what}} for code, (name, what) in CODES.items()]
    return {"name": "cnncalc", "version": __version__, "rules": rules}


def _result(finding: Finding, seen: Counter[str]) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    place = {"artifactLocation": {"uri": uri(finding.file)}, "region": region}
    layer = {"logicalLocations": [{"fullyQualifiedName": finding.layer}]} if finding.layer else {}
    return {
        "ruleId": finding.code,
        "ruleIndex": _INDEX[finding.code],
        "level": finding.level,
        "message": {"text": "\n".join(finding.lines())},
        "locations": [{"physicalLocation": place, **layer}],
        "partialFingerprints": {"cnncalc/v1": fingerprint(finding, seen)},
    }


def uri(file: str) -> str:
    """Return a file as a URI: relative for a relative path, `file:` for an absolute one."""
    try:
        name = os.fsencode(file)
    except UnicodeEncodeError:  # a name in a baseline that is invalid on this system
        name = file.encode("utf-8", "surrogatepass")
    path = quote(name, safe="/")
    if not os.path.isabs(file):
        return path
    return f"file://{path}" if path.startswith("/") else f"file:///{path}"
