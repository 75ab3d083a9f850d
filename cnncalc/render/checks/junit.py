"""Findings as JUnit XML for Jenkins and GitLab: a suite for each file, a test case for each finding."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

from ...checks.findings import Result
from ...errors import escaped
from .common import ResultStream

TAGS = {"note": "skipped", "failure": "failure", "error": "error"}
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ATTRIBUTE = _TEXT | str.maketrans({'"': "&quot;"})


def render(results: ResultStream) -> Iterator[str]:
    """Yield one document, each suite as soon as its file is done."""
    now, numbers = timestamp(), count()
    seen: Counter[tuple[str, str]] = Counter()
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
    for _, suite in results.drawn(lambda result: list(_suite(result, next(numbers), now, seen))):
        yield from suite
    yield "</testsuites>\n"


def timestamp() -> str:
    """Return the current time in UTC, without a time zone, as JUnit's schema requires."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())


def _suite(result: Result, number: int, now: str, seen: Counter[tuple[str, str]]) -> Iterator[str]:
    tags = [TAGS[finding.gravity] for finding in result.findings]
    head = {"name": result.file or "-", "tests": str(len(tags) or 1)}
    head |= {"failures": str(tags.count("failure")), "errors": str(tags.count("error"))}
    head |= {"skipped": str(tags.count("skipped")), "time": "0", "timestamp": now, "hostname": "localhost"}
    yield f"  <testsuite{_attributes(head | {'package': '', 'id': str(number)})}>\n    <properties/>\n"
    common = {"classname": result.file.replace(".", "_"), "time": "0"}  # in Jenkins a dot ends a package name
    if not result.findings:
        yield f"    <testcase{_attributes({'name': 'all expectations hold', **common})}/>\n"
    for finding, tag in zip(result.findings, tags, strict=True):
        name = ": ".join(filter(None, [finding.title, finding.layer, finding.figure]))
        seen[result.file, name] += 1
        nth = seen[result.file, name]
        case = {"name": name if nth == 1 else f"{name} ({nth})", **common}
        why = _attributes({"type": finding.title, "message": finding.message()})
        text = f"<{tag}{why}>{finding.text().translate(_TEXT)}</{tag}>"
        yield f"    <testcase{_attributes(case)}>\n      {text}\n    </testcase>\n"
    yield "    <system-out/>\n    <system-err/>\n  </testsuite>\n"


def _attributes(values: dict[str, str]) -> str:
    """Return XML attributes. Characters that XML cannot hold are not printable, and so already escaped."""
    return "".join(f' {key}="{escaped(value).translate(_ATTRIBUTE)}"' for key, value in values.items())
