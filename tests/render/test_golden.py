"""Output to the letter: each file of tests/golden is a command with its output.

`python -m tests.render.test_golden` rewrites them; check the difference before you commit it.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.program import ROOT, here, on_terminal

FILES = sorted((ROOT / "tests" / "golden").rglob("*.txt"))


def output(line: str) -> str:
    """Return what `$ cnncalc ...` prints, with the exit code if it is not 0; `COLUMNS=60` is a terminal's width."""
    settings, words = {}, shlex.split(line.removeprefix("$ "))
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    assert words[0] == "cnncalc"
    ended = on_terminal(*words[1:], columns=int(settings["COLUMNS"])) if settings else here(words[1:])
    return ended.out + ended.err + (f"[exit {ended.code}]\n" if ended.code else "")


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_golden(path: Path) -> None:
    line, _, wanted = path.read_text(encoding="utf-8").partition("\n")
    assert output(line) == wanted


def test_there_are_golden_files() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_tables_columns_sum_to_its_totals(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    total = next((line for line in lines if line.startswith("total ")), None)
    summary = re.search(r"output \S+, ([\d,]+) parameters", text)
    if total is None or summary is None or "COLUMNS=60" in lines[0]:
        return  # no totals, or folded ones
    header = lines[1].split()
    assert summary[1] in total.split(), header


def write_anew() -> None:
    """Rewrite every golden file from what the program prints now."""
    for path in FILES:
        line = path.read_text(encoding="utf-8").partition("\n")[0]
        path.write_text(f"{line}\n{output(line)}", encoding="utf-8")


if __name__ == "__main__":
    write_anew()
