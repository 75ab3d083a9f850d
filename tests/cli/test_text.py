"""The law of text: no file, name, path or command line can control a terminal or a log."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree as ET

import click
import numpy as np
import pytest

from cnncalc.cli import COMMANDS, _hints, _terminal, group
from cnncalc.errors import escaped, printable, printable_lines
from cnncalc.render import markdown
from tests import hostile
from tests.hostile import ATTACKS, PRINTABLE, harms
from tests.program import environment, here

T = TypeVar("T")
SPEC = [
    *(
        f"shape n.json --format {form}"
        for form in ("table", "csv", "tsv", "markdown", "latex", "html", "json", "jsonl")
    ),
    *("shape n.json --explain", "shape n.json --explain --format markdown", "shape n.json --hints --dtype float32"),
    *("shape n.json --dialect all", "shape n.json --dialect all --format csv", "shape n.json --dialect all --json"),
    *("shape n.json --get output,zzz", "shape n.json --color always", "shape n.json --depth 2 --fold"),
    *("shape n.json --columns layer,from", "shape n.json -i 3xHxW --at H=8,9 --at W=8", "shape n.json --macs-as thop"),
    *(f"rf n.json --format {form}" for form in ("table", "csv", "markdown", "latex", "html", "json")),
    *("rf n.json --unit 0,0", "rf n.json --explain", "rf n.json --from-pixel 3,3"),
    *("solve n.json -i 3xHxW --out 2x8x8", "solve n.json --clean", "solve n.json -i 3x8x8 --out 9"),
    *(f"show n.json --to {form}" for form in ("text", "svg", "html", "mermaid", "dot")),
    *("show n.json --unit 0,0", "show n.json --unit 0,0 --to svg"),
    *(f"check n.json --format {form}" for form in ("text", "json", "jsonl", "github", "gitlab", "junit", "sarif")),
    *("check n.json --forbid all", "check n.json --baseline b.json", "check n.json --dialect all", "check n.json -o c"),
    *(f"diff n.json m.json --format {form}" for form in ("table", "json", "markdown")),
    *(f"compare n.json m.json --format {form}" for form in ("table", "csv", "markdown", "latex", "html", "json")),
    *(f"convert n.json --to {form}" for form in ("spec", "keras", "torch")),
    *("run n.json -x x.npy", "run n.json -x x.npy --seed 1", "run n.json -x x.npy --seed 1 --json"),
    "run n.json -x x.npy --seed 1 -v --keep-all kept",
]
"""Command lines for a valid spec with hostile names."""
FILE = [
    *("shape", "shape --json", "shape --annotate", "rf", "show", "solve --clean", "convert", "convert --to torch"),
    *(
        "diff vgg16",
        "compare vgg16",
        "check --format text",
        "check --format github",
        "check --format junit",
        "run -x x.npy",
    ),
]
"""Commands for a file with any content."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hostile.write(tmp_path, "n.json", hostile.network())
    hostile.write(tmp_path, "m.json", hostile.network(PRINTABLE[::-1]))
    baseline = here(["check", "m.json", "--baseline", "-o", os.devnull], cwd=tmp_path)
    assert baseline.code == 2
    here(["check", "m.json", "--baseline", "b.json", "--update"], cwd=tmp_path)
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), np.float32))
    return tmp_path


@pytest.mark.parametrize("line", SPEC)
def test_names(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    words = line.split()
    ended = here(words, cwd=folder)
    assert ended.code in (0, 1, 2)
    color = [f"\x1b[{code}m" for code in (0, 1, 2, 31, 32, 33, 35, 36)] if "always" in words else []
    for code in color:
        ended = ended._replace(out=ended.out.replace(code, ""), err=ended.err.replace(code, ""))
    assert harms(ended, "github" in words) == []


@pytest.mark.parametrize(
    "line", ["shape w.json --hints", "shape w.json --explain", "show w.json --unit 0,0", "rf w.json --explain"]
)
def test_what_a_narrow_terminal_breaks_begins_no_command(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next line may begin with any word of a name."""
    words = "a ::error::b ::error::c ::error::d"
    layers = [{"op": "conv", "c_o": 4, "k": 3, "s": 2, "name": "c"}, {"op": "convT", "c_o": 2, "k": 3, "s": 2}]
    layers += [{"op": "opaque", "type": words, "out": [2, 5, 5]}, {"op": "maxpool", "k": 2, "s": 3, "p": 1}]
    layers = [layer | {"name": f"{at} {words}" if at else "c"} for at, layer in enumerate(layers)]
    hostile.write(folder, "w.json", {"name": words, "input": [3, 10, 11], "layers": layers, "expect": {"params": 1}})
    for width in (20, 27, 40):
        monkeypatch.setattr(_terminal, "_width", lambda _, width=width: width)
        ended = here(line.split(), cwd=folder)
        assert ended.code in (0, 1, 2)
        assert harms(ended) == []


def test_the_line_that_lists_the_hints_is_printable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hints, "counts_hints", lambda: True)
    (folder / "a\x1b[31mb").write_text("1x9x9 conv:2,k2,s2")
    assert here(["shape", "a\x1b[31mb"], cwd=folder).err == "1 hint: add --hints to list them\n"


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_string_of_a_spec(attack: str, tmp_path: Path) -> None:
    spec = {
        "cnncalc": 1,
        "name": "n",
        "input": {"x": [3, 8, 8]},
        "layers": [
            {"op": "conv", "name": "c", "c_o": 4, "k": 3, "p": "same", "expect": {"out": "4x8x8"}},
            {"op": "add", "from": ["c", "c"], "expect": {"zz": [{"a": "b"}]}},
        ],
        "expect": {"params": "1k"},
    }
    hostile.write(tmp_path, "b.json", {"cnncalc": 1, "files": {attack: {"report": {attack: attack}, "layers": {}}}})
    variants = [*hostile.replaced(spec, attack)]
    lines = "\n".join([json.dumps(variant) for variant in variants])
    hostile.write(tmp_path, "n.jsonl", lines)
    for words in (
        ["shape", "n.jsonl", "--jsonl"],
        ["check", "n.jsonl", "--baseline", "b.json"],
        ["check", "n.jsonl", "--json"],
    ):
        assert harms(here(words, cwd=tmp_path)) == []
    for variant in some(variants, ATTACKS.index(attack), 5):
        assert harms(here(["shape", "-"], json.dumps(variant))) == []


def some(things: Sequence[T], at: int, number: int = 2) -> list[T]:
    """Return a few of many things, others for another `at`: all occur in turn."""
    return [things[(number * at + more) % len(things)] for more in range(number)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_lines_that_are_completed(attack: str) -> None:
    for line in (
        f"shape conv:{attack},",
        f"shape --columns '{attack},",
        f"shape '{attack}",
        f"check --forbid '{attack},",
    ):
        ended = here(["completion", "bash", "--line", f"cnncalc {line}"])
        assert (harms(ended), "<" in ended.out, ended.code) == ([], "<" in attack and attack in ended.out, 0)


def test_warnings_of_libraries_are_not_shown() -> None:
    """They may repeat text of a file, and Python prints them as they are."""
    code = r"""
import warnings
from cnncalc import cli
cli.call = lambda args: warnings.warn("\x1b[31m") or 0
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    assert done.stderr == b""


@pytest.mark.parametrize("attack", ATTACKS)
def test_files_of_frameworks(attack: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), np.float32))
    hostile.write(tmp_path, "keras.json", hostile.keras_model(attack))
    hostile.write(tmp_path, "net.py", hostile.torch_source(attack))
    hostile.write(tmp_path, "words", attack)
    hostile.write(tmp_path, "print", f"Net(\n  ({attack}): Conv2d(3, 4, kernel_size=(3, 3))\n  (1): {attack}()\n)\n")
    files = ["keras.json", "net.py", "words", "print"]
    if hasattr(pytest.importorskip("onnx"), "helper"):
        hostile.write(tmp_path, "a.onnx", hostile.onnx_model(attack))
        hostile.write(tmp_path, "b.onnx", hostile.onnx_model(attack, "Other", attack))
        files += ["a.onnx", "b.onnx"]
    for at, file in enumerate(files, ATTACKS.index(attack)):
        for line in [*some(FILE, at), *["convert --to onnx -o o.onnx"] * (file == "a.onnx")]:
            command, *more = line.split()
            ended = here([command, file, *more, *(["-i", "3x8x8"] if file == "net.py" else [])], cwd=tmp_path)
            assert harms(ended, "github" in more) == [], (file, line)


def test_names_of_files(tmp_path: Path) -> None:
    for at, attack in enumerate(ATTACKS):
        name = (
            attack.replace("/", "_")
            .encode("utf-8", "surrogateescape" if "\ud800" not in attack else "replace")
            .decode()
        )
        hostile.write(tmp_path, name, [{"op": "conv", "k": 9}])
        for line in some(FILE, at):
            command, *more = line.split()
            ended = here([command, *more, "--", name], cwd=tmp_path)
            assert harms(ended, "github" in more) == [], (attack, line)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_lines(command: str, folder: Path) -> None:
    """Every option and argument with an attack as its value."""
    found = group.get_command(click.Context(group), command)
    assert found is not None
    options = [o for o in found.params if isinstance(o, click.Option) and not o.is_flag]
    attacks, start = [a for a in ATTACKS if "\ud800" not in a], [*COMMANDS].index(command)
    for attack in some(attacks, start, 4):
        assert harms(here([attack], cwd=folder)) == []
        assert harms(here([command, f"--{attack}"], cwd=folder)) == []
        assert harms(here([command, "n.json", attack], cwd=folder)) == []
        assert harms(here([command, "3x8x8", f"conv:{attack}", f"relu:name={attack}"], cwd=folder)) == []
    for at, option in enumerate(options, start):
        name = max(option.opts, key=len)
        for attack in some(attacks, at):
            if name not in ("-o", "--output", "--keep-all"):
                assert harms(here([command, "n.json", f"{name}={attack}"], cwd=folder)) == [], name


def test_json_keeps_names(folder: Path) -> None:
    names = [layer["name"] for layer in json.loads(here(["shape", "n.json", "--json"], cwd=folder).out)["layers"]]
    assert names[: len(PRINTABLE)] == PRINTABLE
    converted = json.loads(here(["convert", "n.json"], cwd=folder).out)
    assert [layer["name"] for layer in converted["layers"]] == names


def test_a_spreadsheet_makes_no_formula_of_a_name(folder: Path) -> None:
    rows = [*csv.DictReader(io.StringIO(here(["shape", "n.json", "--format", "csv"], cwd=folder).out))]
    cells = [row["layer"] for row in rows]
    assert {"'=cmd|' /C calc'!A0", "'+1+1", "'-1+1", "'@everyone", "' \uff1d1+1"} <= {*cells}
    assert not [cell for cell in cells if cell.strip()[0] in "=+-@＝＋－＠"]  # noqa: RUF001
    assert {row["rf_start"] for row in rows[1:]} == {"-1"}  # numbers are not escaped


MARKDOWN = [
    ("plain conv1.relu 5 s2 @-3", "plain conv1.relu 5 s2 @-3"),
    ("see @everyone", "see `@everyone`"),
    ("#12 is an issue", "`#12` is an issue"),
    ("so is gh-12", "so is `gh-12`"),
    ("a@b.com", "`a@b.com`"),
    ("https://evil.example", "`https://evil.example`"),
    ("![x](http://e/y.png)", "`![x](http://e/y.png)`"),
    ("www.evil.example", "`www.evil.example`"),
    ("a|b`@c", "<code>a&#124;b&#96;@<!-- -->c</code>"),
    ("<b>*x*_y_`z`~~s~~$m$", r"\<b>\*x\*\_y\_\`z\`\~\~s\~\~\$m\$"),
    ("a&#60;b &lt; & c", r"a\&#60;b \&lt; & c"),
]


@pytest.mark.parametrize(("text", "shown"), MARKDOWN)
def test_markdown_links_and_mentions_nobody(text: str, shown: str) -> None:
    assert markdown.escape(text) == shown


def test_pages_have_no_elements_of_others(folder: Path) -> None:
    for line in (
        "shape n.json --format html",
        "show n.json --to html",
        "show n.json --to svg",
        "compare n.json m.json --format html",
    ):
        assert "<script>alert" not in here(line.split(), cwd=folder).out
    ET.fromstring(here(["show", "n.json", "--to", "svg"], cwd=folder).out)
    ET.fromstring(here(["check", "n.json", "--format", "junit"], cwd=folder).out)


ESCAPED: list[tuple[str, str]] = [
    ("conv1: 3×3 → ü", "conv1: 3×3 → ü"),
    ("\x1b[31m\r\n\t\x9b", r"\x1b[31m\r\n\t\x9b"),
    ("\u202e\u200b\ufeff\u2028\ud800", r"\u202e\u200b\ufeff\u2028\ud800"),
    ("a\ufe0f\u3164\U000e0100", r"a\ufe0f\u3164\U000e0100"),
    ("::error::x", r"\x3a:error::x"),
    ("  ::error::x", r"  \x3a:error::x"),
    ("a::b", "a::b"),
    ("x ##[error]y", r"x \x23#[error]y"),
    ("###vso[a]", r"#\x23#vso[a]"),
    ("## title", "## title"),
]


@pytest.mark.parametrize(("text", "shown"), ESCAPED)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert escaped(text) == shown.replace(r"\x3a", ":")


def test_colors_and_tabs_stay_in_lines() -> None:
    assert printable_lines("\x1b[31ma\tb\x1b[0m\n\t::c\n\x1b]0;d") == "\x1b[31ma\tb\x1b[0m\n\t\\x3a:c\n\\x1b]0;d"
