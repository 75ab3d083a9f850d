"""A short run of `tests.fuzz.commands`, always of the same cases, and what its long runs found."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.fuzz.commands import faults
from tests.program import here

CASES = 120
"""Cases of a run: about three seconds."""


def test_random_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [(number, fault) for number in range(CASES) for fault in faults(0, number)] == []


FOUND: list[tuple[str, int, str]] = [
    # A command line that ended as a bug, its exit code and the beginning of what it says now.
]


@pytest.mark.parametrize(("line", "code", "said"), FOUND)
def test_what_was_found(line: str, code: int, said: str) -> None:
    _, *words = shlex.split(line)
    ended = here(words)
    assert (ended.code, (ended.err or ended.out)[: len(said)]) == (code, said)
