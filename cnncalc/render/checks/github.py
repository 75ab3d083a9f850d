"""Findings as GitHub's workflow commands, which annotate the lines of a pull request, and as a step summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...checks.findings import Finding, Result
from ...errors import escaped
from .. import markdown
from .common import STDIN, ResultStream, Tally, named

COMMANDS = {"error": "error", "note": "notice"}
_DATA = str.maketrans({"%": "%25", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render(results: ResultStream) -> Iterator[str]:
    """Yield a command for each finding as its file is done, then the final line for the log."""
    tally = Tally()
    for result, commands in results.drawn(_commands):
        tally.count(result)
        yield from commands
    yield tally.line() + "\n"


def _commands(result: Result) -> list[str]:
    return list(map(_command, result.findings))


def _command(finding: Finding) -> str:
    properties = {"title": finding.title}
    if finding.file != STDIN:
        properties = {"file": finding.file, "line": str(finding.line), "col": str(finding.column), **properties}
    data = "\n".join(map(escaped, finding.lines()))
    words = ",".join(f"{key}={escaped(value).translate(_PROPERTY)}" for key, value in properties.items())
    return f"::{COMMANDS[finding.level]} {words}::{data.translate(_DATA)}\n"


TITLES = ("finding", "place", "layer", "expected", "actual")
MOST_ROWS = 500
MOST_BYTES = 512 * 1024
"""The most bytes of a summary: GitHub refuses more than 1 MiB, and other programs of the step may add to it."""


def github_summary(findings: Iterable[Finding]) -> str:
    """Return the findings as Markdown for `$GITHUB_STEP_SUMMARY`: a headline and a table, cut if too long."""
    tally = Tally()
    rows: list[str] = []
    size = left_out = 0
    for finding in findings:
        tally.note(finding)
        row = _row(finding)
        size += len(row.encode())
        if left_out or len(rows) == MOST_ROWS or size > MOST_BYTES:
            left_out += 1
        else:
            rows.append(row)
    table = ["\n", *markdown.table(TITLES), *rows] if rows else []
    more = [f"\n… and {left_out:,} more, in the step's log\n"] if left_out else []
    return "".join([f"### cnncalc check: {tally.outcome()}\n", *table, *more])


def _row(finding: Finding) -> str:
    place = f"{named(finding.file)}:{finding.line}:{finding.column}"
    expected = finding.expected
    if expected is not None and finding.figure is not None:
        expected = f"{re.sub('^(min|max)_', '', finding.figure)} {expected}"
    actual = finding.what if finding.actual is None else finding.actual
    cells = [finding.title, place, finding.layer, expected, actual]
    # as code, because GitHub reads `:100:` as an emoji elsewhere
    return markdown.row([markdown.html_code(cell) if cell else "" for cell in cells])
