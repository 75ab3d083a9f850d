"""`cnncalc help`: pages, the help of commands, and how a page is drawn."""

from __future__ import annotations

import re

import pytest

from cnncalc.cli import COMMANDS, MORE
from cnncalc.help import TOPICS, read, subject
from cnncalc.render import Style
from cnncalc.render.page import render
from tests.program import environment, here, on_terminal, process


def test_without_a_name_it_lists_topics_and_commands() -> None:
    ended = here(["help"])
    assert (ended.code, ended.err) == (0, "")
    entries = re.findall(r"^  (\w+)  (.*\n(?: {10}.*\n)*)", ended.out, re.MULTILINE)
    listed = [(name, " ".join(lines.split())) for name, lines in entries]
    assert listed == [*((topic, subject(topic)) for topic in TOPICS), *COMMANDS.items()]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_is_markdown_where_there_is_no_terminal(topic: str) -> None:
    assert here(["help", topic]) == (0, read(topic), "")
    assert here(["help", topic.upper(), "--color", "never"]) == (0, read(topic), "")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in TOPICS])
def test_the_help_of_a_command_is_that_of_its_option(name: str) -> None:
    assert here(["help", name]) == here([name, "--help"])


def test_the_help_of_a_command_in_a_narrow_terminal() -> None:
    env = environment(COLUMNS="60")
    assert process("help", "shape", env=env) == process("shape", "--help", env=env)


@pytest.mark.parametrize(
    ("name", "err"),
    [
        ("nonsense", "there is no help topic or command 'nonsense'\n  for the list: cnncalc help\n"),
        ("wrods", "there is no help topic or command 'wrods'\n  did you mean 'words' or 'ops'?\n"),
        ("shap", "there is no help topic or command 'shap'\n  did you mean 'shape' or 'schema' or 'show'?\n"),
        ("Conv2d", "there is no help topic or command 'Conv2d'\n  for the op: cnncalc ops conv\n"),
        ("xyz", "there is no help topic or command 'xyz'\n  for the list: cnncalc help\n"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name: str, err: str) -> None:
    assert here(["help", name]) == (2, "", err)


def test_every_command_says_where_to_read_more() -> None:
    assert MORE.keys() <= COMMANDS.keys()
    assert {topic for topics in MORE.values() for topic in topics} == set(TOPICS) - {"python", "performance"}
    for name, topics in MORE.items():
        last = here([name, "--help"]).out.rpartition("\n\n")[2]
        assert last.split() == f"More: {', '.join(f'cnncalc help {topic}' for topic in topics)}".split()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    shown = here([name, "--help"]).out.partition("Options:")[0]
    assert re.search(rf"^    .*(cnncalc {name}\b|conv:64)", shown, re.MULTILINE)


# Drawn


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_drawn_page_keeps_its_blocks_and_its_words(topic: str, width: int) -> None:
    page = read(topic)
    drawn = render(page, Style(width=width))
    assert "\x1b" not in drawn
    assert "```" not in drawn
    for block in re.findall(r"```\w+\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            assert f"  {line}".rstrip() in drawn.splitlines(), line
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    words = set(re.findall(r"[A-Za-z]{5,8}", re.sub(r"^(\|| {4}).*", "", prose, flags=re.MULTILINE)))
    assert not [word for word in words if word not in drawn]


def test_a_drawn_page_fits_its_width() -> None:
    page = re.sub(r"```.*?```", "", read("words"), flags=re.DOTALL)
    page = re.sub(r"^    .*", "", page, flags=re.MULTILINE)
    for width in (60, 80):
        assert max(map(len, render(page, Style(width=width)).splitlines())) <= width


@pytest.mark.parametrize(("no_color", "escapes"), [("", True), ("1", False)])
def test_a_terminal_shows_the_page_drawn(no_color: str, escapes: bool) -> None:
    ended = on_terminal("help", "python", columns=80, NO_COLOR=no_color)
    shown = ended.out
    assert ended.code == 0
    assert ("\x1b[1m" in shown) is escapes
    assert "```" not in shown
    assert "  >>> import cnncalc" in shown


def test_colors_are_drawn_where_they_are_asked_for() -> None:
    ended = process("help", "words", "--color", "always")
    assert ended.code == 0
    assert "\x1b[1m" in ended.out
    assert "```" not in ended.out
