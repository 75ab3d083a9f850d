"""The words of a SPEC: the leading shape, and what kind each other word is."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from .. import zoo
from ..errors import SpecError
from ..notation.tokens import WordText, tokenize, whole_words
from ..notation.words import is_layer_word
from ..sizes import Shape, looks_like_shape, parse_shape, respelled

STDIN = "-"


class SpecWords(NamedTuple):
    """The words of a SPEC."""

    input: Shape | None
    """The leading shape; None if there is none."""
    words: list[str]
    """All the words."""
    first: int
    """The index of the first word of the spec itself: 1 after a shape."""
    text: WordText
    """The text that contains the words."""

    @property
    def rest(self) -> list[str]:
        """The words of the spec itself."""
        return self.words[self.first :]

    def blame(self, error: SpecError, index: int, end: int) -> SpecError:
        """Add the place of a word, up to its character `end`, to an error and return it."""
        error.where = self.text.at(index, 0, end)
        return error


def spec_words(words: Sequence[str]) -> SpecWords:
    """Split shell words into the leading shape, if any, and the spec. Raise SpecError if there is no spec.

    The name of a file is taken as it is; in other shell words, white space separates layers as in a file.
    """
    alone = words[1:] if len(words) > 1 and looks_like_shape(words[0]) else words
    whole = len(alone) == 1 and (is_stdin(alone[0]) or is_file(alone[0]) or _names_file(alone[0]))
    return split(whole_words(words) if whole else WordText(" ".join(words)))


def _names_file(word: str) -> bool:
    """Return whether a word with spaces can only be the name of a file, which need not exist."""
    return " " in word and "(" not in word and is_path(word) and not is_words(word)


def split(text: WordText) -> SpecWords:
    """Split a text into the leading shape, if any, and the spec."""
    words = text.words
    spec = SpecWords(None, words, 0, text)
    if words and is_shape(words[0]):
        try:
            spec = SpecWords(parse_shape(words[0]), words, 1, text)
        except SpecError as error:
            raise spec.blame(error, 0, len(words[0])) from None
    if not spec.rest:
        what = "no layers: only a shape" if spec.first else "no SPEC"
        help = "give layers such as conv:64,k7,s2,p3 maxpool:k3, a file, a built-in network, or - for standard input"
        lacking = SpecError(what, help)
        raise lacking if text.name is None else spec.blame(lacking, 0, 1)
    return spec


def is_stdin(word: str) -> bool:
    """Return whether a word is standard input, or names a network in the Python source there: `-:Net`."""
    return split_code(word)[0] == STDIN


def is_shape(word: str) -> bool:
    """Return whether a word is meant as a shape (exp is not the sizes e and p)."""
    if looks_like_shape(word):
        return not is_layer_word(word)
    return word[:1] in tuple("([0123456789") and respelled(word) is not None and not re.match(_WHEN, word)


def is_spec(word: str) -> bool:
    """Return whether a word begins a SPEC: a shape, a layer, a file or a built-in network."""
    return is_layer_word(word) or looks_like_shape(word) or is_file(word) or word.lower() in zoo.names()


def is_network(word: str) -> bool:
    """Return whether a word is a whole network by its name: a file, a built-in network, or `-`."""
    return is_stdin(word) or os.path.isfile(word) or word.lower() in zoo.names()


def is_path(word: str) -> bool:
    """Return whether a word can only be a file, as it has a folder or an ending of letters."""
    return "/" in word or os.sep in word or re.fullmatch(r"\.[A-Za-z]\w{0,11}", os.path.splitext(word)[1]) is not None


_WHEN = r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d"
"""A date or a time, with which lines of logs begin."""
_LIST_AND_MORE = r"\s*\[[^][{}\"]*\]\s+[^\s]"
"""A shape in brackets and more text, unlike a JSON document."""
_MISSPELT = r"[A-Za-z]\w*:[^\s/]"


def is_words(text: str) -> bool:
    """Return whether a text is, or begins like, layer words; JSON is not."""
    if text[:1] == "{":
        return False
    begin = re.match(r"\s*([{[]?)", text)
    if begin is not None and begin[1]:
        return begin[1] == "[" and re.match(_LIST_AND_MORE, text) is not None
    tokens = [token.text for token in islice(tokenize(text.removeprefix("\ufeff")), 2)]
    if not tokens or tokens[1:] == ["="]:
        return False
    first = tokens[0]
    return (
        first.lower() in zoo.names()
        or (is_shape(first) and not first.isdecimal())
        or is_layer_word(first)
        or re.match(_MISSPELT, first) is not None
    )


def is_file(word: str) -> bool:
    """Return whether a word is an existing file, or names a network in an existing Python source."""
    return os.path.exists(word) or os.path.isfile(split_code(word)[0])


def split_code(word: str) -> tuple[str, str | None]:
    """Split a word into its file and the network that it names in Python source, if any.

    Examples: `net.py:Net`, `net.py:Net(num_classes=5)`, and `-:Net` for standard input.
    """
    path, _, wanted = word.rpartition(".py:")
    if path:
        return f"{path}.py", wanted
    return (STDIN, word[2:]) if word.startswith(f"{STDIN}:") else (word, None)
