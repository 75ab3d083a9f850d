"""Tests of the documentation: its commands print what it shows, and its tables are complete.

`python -m tests.test_docs` rewrites the outputs and the generated tables of the README and the help pages; check the
difference before you commit it.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import cnncalc
from cnncalc.cli import COMMANDS, group
from cnncalc.counters import TOOLS
from cnncalc.dialects import DIALECTS, PADDING_WORDS, Dialect
from cnncalc.help import TOPICS
from cnncalc.layers import OPS
from cnncalc.notation.arguments import FLAGS
from cnncalc.render import hints, support
from cnncalc.render.columns import COLUMNS
from cnncalc.render.comparisons import COLUMNS as NETWORK_COLUMNS
from tests.program import ROOT, environment, here, shell
from tests.render.test_golden import output

README = ROOT / "README.md"
PAGES = {"README": README, **{topic: ROOT / "cnncalc" / "help" / f"{topic}.md" for topic in TOPICS}}
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)


def text_of(page: str) -> str:
    """Return a page's Markdown."""
    return PAGES[page].read_text(encoding="utf-8")


def examples(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with the output shown below it."""
    commands = []
    for part in re.split(r"^(?=\$ )", block, flags=re.MULTILINE):
        if part:
            line, _, shown = part.partition("\n")
            commands.append((line, shown))
    return commands


def printed(line: str) -> str:
    """Return what a line prints; commands and Python run in this process if no shell is needed."""
    words = shlex.split(line.removeprefix("$ "))
    if words[0] == "cnncalc" and not {"|", ">"} & set(words):
        return output(line)
    if words[:2] == ["python", "-c"] and len(words) == 3:
        with contextlib.redirect_stdout(io.StringIO()) as stream:
            exec(words[2], {})
        return stream.getvalue()
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


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_print_what_the_page_shows(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a page share a folder, as they would in a shell."""
    monkeypatch.chdir(tmp_path)
    for block in BLOCK.findall(text_of(page)):
        for line, shown in examples(block):
            assert printed(line) == shown, line


def test_python_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    attempted = 0
    for page, path in PAGES.items():
        results = doctest.testfile(str(path), module_relative=False)
        assert results.failed == 0, page
        attempted += results.attempted
    assert attempted >= 12
    results = doctest.testmod(cnncalc)
    assert results.attempted >= 2
    assert results.failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_scripts_are_commands_with_their_options(page: str) -> None:
    """Lines that are not run (they need a framework, or a folder of specs) use existing commands and options."""
    for block in re.findall(r"```(?:sh|yaml)\n(.*?)```", text_of(page), re.DOTALL):
        for name, rest in re.findall(r"\bcnncalc (\w+)([^\n|;&#)]*)", block):
            assert name in COMMANDS, name
            for option in re.findall(r"(?<= )--?[a-z][\w-]*", rest):
                assert option in names_of_options(name), (name, option)


def names_of_options(name: str) -> set[str]:
    """Return every spelling of a command's options."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return {spelling for option in command.params for spelling in option.opts} | {"--help", "-h"}


# Tables


def section(page: str, heading: str) -> str:
    """Return what is below a heading, down to the next."""
    head, _, rest = text_of(page).partition(f"\n## {heading}\n")
    assert rest, (page, heading, len(head))
    return rest.partition("\n## ")[0]


def table_of(page: str, heading: str) -> str:
    """Return the first table below a heading."""
    table = re.search(r"(?:^\|.*\n?)+", section(page, heading), re.MULTILINE)
    assert table is not None
    return table[0]


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    lines = table_of(page, heading).splitlines()[2:]
    return [re.split(r" *(?<!\\)\| *", line.strip().removeprefix("| ").removesuffix(" |")) for line in lines]


def words_in_code(cell: str) -> list[str]:
    """Return the words in backticks in a cell."""
    return " ".join(re.findall(r"`([^`]+)`", cell)).split()


GENERATED: dict[tuple[str, str], Callable[[], str]] = {
    ("ops", "The ops"): lambda: here(["ops", "--format", "markdown"]).out,
    ("frameworks", "Ops"): lambda: "".join(support.markdown()),
}
"""Tables that the program generates, by page and heading."""
LISTS: dict[tuple[str, str], Callable[[], str]] = {("hints", "The hints"): lambda: "".join(hints.markdown())}
"""Lists that the program generates, each a whole section."""


@pytest.mark.parametrize(("page", "heading"), GENERATED)
def test_generated_tables_are_what_the_program_writes(page: str, heading: str) -> None:
    assert table_of(page, heading) == GENERATED[page, heading]()


@pytest.mark.parametrize(("page", "heading"), LISTS)
def test_generated_lists_are_what_the_program_writes(page: str, heading: str) -> None:
    assert section(page, heading) == f"\n{LISTS[page, heading]()}"


def test_every_op_is_in_the_table_with_its_keys() -> None:
    listed = {op: set(words_in_code(keys)) for ops, keys, _ in rows("ops", "The ops") for op in words_in_code(ops)}
    assert {op: set(cls.KEYS) for op, (cls, _) in OPS.items()} == listed


def test_the_tour_has_every_command_and_the_pages_have_titles() -> None:
    for command in COMMANDS:
        assert f"\n$ cnncalc {command}" in text_of("README"), command
    for topic in TOPICS:
        assert re.match(r"# \w[\w ]+: \w.*\n\n", text_of(topic)), topic


def test_every_column_is_in_the_table_with_its_heading() -> None:
    listed = {words_in_code(name)[0]: head for name, head, _ in rows("specs", "Columns")}
    assert listed == {name: column.title for name, column in COLUMNS.items()}


def test_every_column_of_networks_is_in_the_table_with_its_heading() -> None:
    listed = {words_in_code(name)[0]: head for name, head, _ in rows("specs", "Networks side by side")}
    assert listed == {name: column.title for name, column in NETWORK_COLUMNS.items()}


def test_every_tool_is_in_the_table_with_its_version() -> None:
    listed = {
        words_in_code(name)[0]: version for name, version, _ in rows("frameworks", "MACs as other tools print them")
    }
    assert listed == {name: tool.version for name, tool in TOOLS.items()}


def test_every_flag_is_in_the_table_of_arguments() -> None:
    cells = [cell for cell, _ in rows("words", "Arguments") if cell.startswith("a flag")]
    assert set(words_in_code(cells[0])) == set(FLAGS)


def test_shared_options_are_explained() -> None:
    """Options of at least three commands are in the table, and everything in it is an option."""
    listed = {option for names, _ in rows("words", "Options that commands share") for option in words_in_code(names)}
    commands = [names_of_options(name) for name in COMMANDS]
    count = {option: sum(option in names for names in commands) for names in commands for option in names}
    assert {option for option, times in count.items() if times >= 3 and option.startswith("--")} <= listed
    assert {option for option in listed if option.startswith("-")} <= count.keys()


DIALECT_ROWS: dict[str, Callable[[type[Dialect]], str]] = {
    "layout": lambda d: d.layout,
    "a pool's default stride": lambda d: "k" if d.pool_stride is None else str(d.pool_stride),
    "stride with dilation, conv": lambda d: "yes" if d.strided_dilation else "refused",
    "`out_pad` below": lambda d: {"larger": "max(s, d)", "stride": "s", "zero": "none"}[d.transposed_limit],
    "leaky ReLU's slope": lambda d: f"{d.leaky_slope:g}",
    "norms' `eps`": lambda d: f"{d.norm_eps:g}",
    "hardsigmoid's slope": lambda d: "1/6" if d.hard_slope == 1 / 6 else f"{d.hard_slope:g}",
    "global pools keep their axes": lambda d: "yes, as 1" if d.keepdims else "no",
    "grouped transposed conv": lambda d: "yes" if d.transposed_groups else "refused",
    "dilated max pool": lambda d: "yes" if d.max_dilation else "refused",
    "dilated average pool": lambda d: "yes" if d.avg_dilation else "refused",
    "a pool may round up": lambda d: "by default" if d.pool_rounds_up else "with `ceil`" if d.pool_ceil else "refused",
}
"""Rows of the table of dialects that hold a rule's value, and how it is written."""


def words_cell(words: frozenset[str]) -> str:
    """Return the padding words of a dialect as a cell."""
    return " ".join(f"`{word}`" for word in PADDING_WORDS if word in words) or "none"


def test_the_table_of_dialects_has_their_rules() -> None:
    table = {head: cells for head, *cells in rows("dialects", "The rules")}
    assert re.search(
        r"^\| *\| " + r" \| ".join(f"`{name}`" for name in DIALECTS), section("dialects", "The rules"), re.MULTILINE
    )
    for head, rule in DIALECT_ROWS.items():
        assert table[head] == [rule(dialect) for dialect in DIALECTS.values()], head


def test_the_table_of_padding_words_has_those_of_each_dialect() -> None:
    wanted = [
        [f"`{d.name}`", *map(words_cell, (d.conv_words, d.pool_words, d.transposed_words))] for d in DIALECTS.values()
    ]
    assert rows("dialects", "Padding words") == wanted


def test_every_option_is_explained_in_the_help() -> None:
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        options = [p for p in command.params if isinstance(p, click.Option)]
        assert options
        for option in options:
            assert option.hidden or option.help, (name, option.name)


@pytest.mark.parametrize("page", PAGES)
def test_the_specs_of_a_page_are_specs(page: str) -> None:
    for block in re.findall(r"```json\n(.*?)```", text_of(page), re.DOTALL):
        spec: Any = json.loads(block)
        assert cnncalc.shape(spec).out


CHAPTER = [
    "[[19 25]\n [37 43]]",  # X = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], K = [[0, 1], [2, 3]]
    "[[" + "] [".join([" 0.  1.  0.  0.  0. -1.  0."] * 6) + "]]",  # the edges of the 6x8 image ...
    "[[0. 0. 0. 0. 0.]\n [0. 0. 0. 0. 0.]\n",  # ... and none in the transposed one
    *("   2      15.990", "   4       6.157", "   6       2.456", "   8       0.995", "  10       0.406"),
    "[[ 1.0590 -0.9277]]",  # the learned kernel after 10 steps
    "[[ 1.0000 -1.0000]]",
    "[[ 0  3  8  4]\n [ 9 19 25 10]\n [21 37 43 16]\n [ 6  7  8  0]]",  # padded
    "[[0 8]\n [6 8]]",  # with strides of 3 and 2
    "[[[ 56  72]\n  [104 120]]]",  # two input channels
    "[[[ 56  72]\n  [104 120]]\n\n [[ 76 100]\n  [148 172]]\n\n [[ 96 128]\n  [192 224]]]",  # three output channels
    "conv2  conv k2   1x1x1     3       1      0",  # 2x2 twice sees 3x3
    "conv10  1x200x200",  # ten 5x5 layers over 240x240
    "1,000,000,000",  # a megapixel, fully connected to 1000 units
    "4x2x3x2  4x2x3x5",  # same padding, channels last
    "[[4 5]\n [7 8]]",  # max pooling, and average pooling
    "[[2. 3.]\n [5. 6.]]",
    "[[[[10.]]]]",
    "[[[[ 5.  7.]\n   [13. 15.]]]]",
    "[[[[ 5.  7.]\n   [13. 15.]]\n\n  [[ 6.  8.]\n   [14. 16.]]]]",
    "[[[[18. 19.]\n   [20. 21.]\n   [22. 23.]\n   [22. 23.]]\n\n"
    "  [[26. 27.]\n   [28. 29.]\n   [30. 31.]\n   [30. 31.]]]]",
]
"""What the chapter on convolutional networks prints, and its figures in the text."""


@pytest.mark.parametrize("shown", CHAPTER)
def test_the_textbook_page_has_what_the_chapter_prints(shown: str) -> None:
    assert " ".join(shown.split()) in " ".join(text_of("textbook").split())


# Links and references


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text_of(page)):
        assert (PAGES[page].parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_a_star_between_words_stands_in_code(page: str) -> None:
    """Markdown reads the two stars of a*b*c as emphasis, and drops them."""
    text = re.sub(r"```.*?```|`[^`]*`|^    .*$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"\w\*\w.*", text) == []


def test_the_tree_in_contributing_is_the_tree() -> None:
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
    tree = text.partition("## The house\n")[2].partition("So the rule of")[0]
    named = set(re.findall(r"\w+/?", " ".join(re.findall(r"^    ( *(?:\w+/?(?:  )?)+)(?:  +|$)", tree, re.MULTILINE))))
    rooms = [path for path in (ROOT / "cnncalc").iterdir() if path.name[:1].isalpha() and path.name != "py.typed"]
    there = {f"{path.name}/" if path.is_dir() else path.stem for path in rooms}
    assert there <= named, there - named
    inner = {f"{path.name}/" if path.is_dir() else path.stem for path in (ROOT / "cnncalc").glob("*/*")}
    assert named <= there | inner, named - there - inner
    for path in re.findall(r"`((?:layers|frameworks|render|execute)/[\w/.]+)`", text):
        assert (ROOT / "cnncalc" / path).exists(), path


def test_every_help_that_is_named_is_there() -> None:
    """`cnncalc help X` and `cnncalc ops X` work wherever the program or the documentation mentions them."""
    sources = [*PAGES.values(), *(ROOT / "cnncalc").rglob("*.py")]
    named = {words for path in sources for words in re.findall(r"cnncalc (help|ops) (\w+)", path.read_text("utf-8"))}
    assert len(named) > len(TOPICS)
    for command, word in named - {("help", "TOPIC"), ("help", "COMMAND"), ("ops", "OP")}:
        assert here([command, word]).code == 0, (command, word)


def test_no_message_sends_anybody_to_the_readme() -> None:
    for path in (ROOT / "cnncalc").rglob("*.py"):
        assert "README" not in path.read_text("utf-8"), path


def test_the_code_of_the_page_of_words_fits_a_terminal() -> None:
    code = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text_of("words"), re.DOTALL | re.MULTILINE))
    assert [line for line in code.split("\n") if len(line) > 100] == []


def test_the_readme_is_short() -> None:
    assert len(text_of("README").splitlines()) <= 250


def test_only_what_belongs_stands_at_the_top() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    top = {line.partition("/")[0] for line in done.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible <= {"pyproject.toml", "README.md", "cnncalc", "tests", "completions"}


def write_anew() -> None:
    """Rewrite the outputs of the examples and the generated tables from what the program prints now."""

    def anew(match: re.Match[str]) -> str:
        text = "".join(f"{line}\n{printed(line)}" for line, _ in examples(match[1]))
        assert "[exit 3]" not in text, text
        return text

    for (page, heading), table in GENERATED.items():
        PAGES[page].write_text(text_of(page).replace(table_of(page, heading), table()), encoding="utf-8")
    for (page, heading), entries in LISTS.items():
        PAGES[page].write_text(text_of(page).replace(section(page, heading), f"\n{entries()}"), encoding="utf-8")
    for page in sys.argv[1:] or PAGES:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            PAGES[page].write_text(BLOCK.sub(anew, text_of(page)), encoding="utf-8")


if __name__ == "__main__":
    write_anew()
