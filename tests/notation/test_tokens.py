"""The words of a text: one rule for shells, files and standard input."""

from __future__ import annotations

import pytest

from cnncalc.notation.tokens import WordText, split_arguments, tokenize, whole_words, wrong_bracket

TEXTS = [
    ("conv:6,k5 relu", ["conv:6,k5", "relu"]),
    ("conv: 6, k5 relu", ["conv: 6, k5", "relu"]),
    ("conv:6 k5", ["conv:6", "k5"]),
    ("conv :6", ["conv", ":6"]),
    ("  conv:6\n\t relu\r\n", ["conv:6", "relu"]),
    ("conv:6, # a comment\n k5 # more\nrelu#1", ["conv:6,            \n k5", "relu#1"]),
    ("# nothing else", []),
    ("3x32x32 #3x3\nrelu", ["3x32x32", "relu"]),
    ("Conv2d(3, 64, 3) relu", ["Conv2d(3, 64, 3)", "relu"]),
    ("(0): Conv2d(3, 64, kernel_size=(3, 3)) relu", ["(0): Conv2d(3, 64, kernel_size=(3, 3))", "relu"]),
    ("conv:6,p=[[1, 2], [3, 4]] relu", ["conv:6,p=[[1, 2], [3, 4]]", "relu"]),
    ('conv:6,name="a # b" relu', ['conv:6,name="a # b"', "relu"]),
    (r'einsum:equation="a\" b" relu', [r'einsum:equation="a\" b"', "relu"]),
    ("it's that's", ["it's", "that's"]),
    ("(3, 32, 32) conv:8", ["(3, 32, 32)", "conv:8"]),
    ("3, 32, 32 conv:8", ["3, 32, 32", "conv:8"]),
    ("conv:(1 relu", ["conv:(1 relu"]),
    ("a) b", ["a)", "b"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "words"), TEXTS, ids=[repr(text) for text, _ in TEXTS])
def test_the_words_of_a_text(text: str, words: list[str]) -> None:
    tokens = [*tokenize(text)]
    assert [token.text for token in tokens] == words
    for token in tokens:
        begin = token.text.split("#")[0].split("  ")[0]
        assert text[token.start :].startswith(begin)


def test_the_place_of_a_word_in_a_file_and_on_the_command_line() -> None:
    text = "3x8x8\n  conv:6,\n  k5\nrelu"
    assert WordText(text, "net.txt", 3).at(1, 5, 6)[:3] == ("net.txt", 4, 8)
    assert WordText("3x8x8 conv:6").at(1, 5, 6).caret() == "3x8x8 conv:6\n           ^"
    assert WordText("3x8x8\nconv:6").at(1, 0, 4).caret() == "3x8x8\\nconv:6\n       ^~~~"


def test_the_words_of_a_shell_may_be_taken_whole() -> None:
    text = whole_words(["3x8x8", "my net.json"])
    assert text.words == ["3x8x8", "my net.json"]
    assert text.at(1, 0, 11).caret() == "3x8x8 my net.json\n      ^~~~~~~~~~~"


def test_arguments_are_split_at_commas_outside_brackets_and_quotes() -> None:
    assert split_arguments('6, p=[[1, 2]],name="a,b",k=(3, 5)') == ["6", " p=[[1, 2]]", 'name="a,b"', "k=(3, 5)"]


def test_brackets_are_paired() -> None:
    assert wrong_bracket("a[(1)]{2}") is None
    assert wrong_bracket("a[1") == (1, "'[' is not closed")
    assert wrong_bracket("a[1)") == (3, "')' has no opening bracket")
    assert wrong_bracket('name="("') is None
