"""The README is tested: its commands print what it shows, its tables list what there is.

`python -m tests.test_docs` writes the README's outputs anew; look at the difference before you commit it.
"""

from __future__ import annotations

import contextlib
import doctest
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest

import cnncalc
from cnncalc.cli import COMMANDS, group
from cnncalc.dialects import DIALECTS
from cnncalc.layers import OPS
from tests.program import ROOT, environment, shell
from tests.render.test_golden import output

README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)


def examples(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with the output that is shown below it."""
    found = []
    for part in re.split(r"^(?=\$ )", block, flags=re.MULTILINE):
        if part:
            line, _, shown = part.partition("\n")
            found.append((line, shown))
    return found


BLOCKS = [examples(block) for block in BLOCK.findall(README.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("block", BLOCKS, ids=[block[0][0] for block in BLOCKS])
def test_an_example_prints_what_the_readme_shows(
    block: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of a block share a folder, as they would in a shell."""
    monkeypatch.chdir(tmp_path)
    for line, shown in block:
        assert printed(line) == shown, line


def printed(line: str) -> str:
    """What a line prints: a command's in this process, a pipe's or Python's in a shell."""
    if line.startswith("$ cnncalc") and " | " not in line:
        return output(line)
    there = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [shell(), "-c", line.removeprefix("$ ")],
        env=environment(PATH=there),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def test_python_examples() -> None:
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted >= 4
    assert results.failed == 0
    results = doctest.testmod(cnncalc)
    assert results.attempted >= 2
    assert results.failed == 0


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = README.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_op_is_in_the_table_with_its_keys() -> None:
    listed: dict[str, set[str]] = {}
    for ops, keys, *_ in rows("Ops"):
        for op in re.findall(r"`(\w+)`", ops):
            listed[op] = set(keys.strip("`").split())
    sliding = {"k", "s", "p", "p_total", "d"}
    for op, (cls, _) in OPS.items():
        own = set(cls.KEYS)
        base = re.sub("[13]d$", "", op)
        assert listed[base] == (own - sliding if "k" in own else own), op
    assert set(listed) <= set(OPS)


def test_every_command_and_dialect_is_documented() -> None:
    text = README.read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"cnncalc {command}" in text
    for dialect in DIALECTS:
        assert f"`{dialect}`" in text


def test_every_option_is_explained_in_the_help() -> None:
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        options = [p for p in command.params if isinstance(p, click.Option)]
        assert options
        for option in options:
            assert option.hidden or option.help, (name, option.name)


def test_the_spec_of_the_readme_is_one() -> None:
    block = re.search(r"```json\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert cnncalc.shape(json.loads(block[1])).params == 11926


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def test_only_what_belongs_stands_at_the_top() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    top = {line.partition("/")[0] for line in done.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible <= {"pyproject.toml", "README.md", "cnncalc", "tests", "completions"}


def write_anew() -> None:
    """Write the outputs of the README's examples from what the program prints now."""

    def anew(match: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            return "".join(f"{line}\n{printed(line)}" for line, _ in examples(match[1]))

    Path(README).write_text(BLOCK.sub(anew, README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_anew()
