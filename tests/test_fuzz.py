"""Short runs of the harnesses in `tests/fuzz`, always with the same cases, and the findings of long runs.

A finding is a file in `tests/data/found`, named after its format and what was wrong with it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from tests import DATA
from tests.fuzz import laws
from tests.fuzz.commands import Draw
from tests.fuzz.formats import FORMATS, made
from tests.fuzz.hostile import attempt
from tests.fuzz.sweep import SWEPT
from tests.program import ROOT, environment

CASES = 20
"""Cases of each format, about four seconds in all."""


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_input_is_read_by_every_law(format: str) -> None:
    for number in range(CASES):
        assert attempt(format, made(format, Draw(f"0/{format}/{number}"))) is None, number


@pytest.mark.parametrize("format", SWEPT)
def test_a_sweep_changes_every_kind_of_place(format: str) -> None:
    changed = [change() for change in islice(SWEPT[format](), CASES)]
    assert len(set(changed)) > CASES // 2
    assert not [fault for fault in (attempt(format, data) for data in changed) if fault is not None]


@pytest.mark.parametrize("file", sorted((DATA / "found").iterdir()), ids=lambda file: str(file.name))
def test_what_was_found(file: Path) -> None:
    assert attempt(file.name.partition("-")[0], file.read_bytes()) is None


def _lately(data: bytes) -> None:
    with laws.bounded():
        sum(range(10**7))


@pytest.mark.parametrize("wrong", [lambda data: 1 // 0, _lately])
def test_the_harness_finds_a_fault(wrong: Callable[[bytes], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laws, "SLOWEST", 0.01)
    monkeypatch.setitem(FORMATS, "words", FORMATS["words"]._replace(attempt=wrong))
    assert attempt("words", b"relu") is not None


def test_inputs_guided_by_the_code_they_reach(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is a development extra: pip install 'cnncalc[fuzz]'")
    line = [sys.executable, "-m", "tests.fuzz.hostile", "--guided", "--format", "expect", "--minutes", "0.02"]
    done = subprocess.run(
        [*line, "--folder", str(tmp_path)], cwd=ROOT, env=environment(), capture_output=True, check=True
    )
    assert re.match(rb"expect: \['\d+'\] runs", done.stdout), done
