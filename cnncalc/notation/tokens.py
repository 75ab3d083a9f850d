"""Split a text into words: the one rule for shells, files and standard input.

White space separates words unless it follows `,` or `:`, or stands inside brackets or quotes. `#` at the start of a
word begins a comment, which ends with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import Where, printable

OPENING, CLOSING = "([{", ")]}"
QUOTES = "\"'"
_BEFORE_QUOTES = " \t\r\n=,:([{+"
"""The characters after which a quote begins a quoted text; elsewhere it is an apostrophe."""


class Token(NamedTuple):
    """A word of a text."""

    text: str
    """The word, with comments in it replaced by blanks."""
    start: int
    """The offset of its first character."""


class WordText:
    """A text of words and its place, in a file or on the command line."""

    def __init__(self, text: str, name: str | None = None, first_line: int = 1, tokens: Sequence[Token] | None = None):
        self.text, self.name, self.first_line = text, name, first_line
        self.tokens = list(tokenize(text) if tokens is None else tokens)
        self.words = [token.text for token in self.tokens]

    def at(self, index: int, start: int, end: int) -> Where:
        """Return the place of a part of a word; on the command line, the excerpt is all the words."""
        begin = self.tokens[index].start
        if self.name is not None:
            from . import positions

            return positions.place(positions.line_ends(self.text), begin + start, self.name, self.first_line)
        left = len(printable(self.text[: begin + start]))
        width = max(len(printable(self.text[begin + start : begin + end])), 1)
        return Where(None, 1, left + 1, printable(self.text), width)


def tokenize(text: str) -> Iterator[Token]:
    """Yield the words of a text."""
    at, end = 0, len(text)
    while at < end:
        if text[at].isspace():
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at)
        else:
            word, stop = _word(text, at)
            yield Token(word, at)
            at = stop


def _word(text: str, start: int) -> tuple[str, int]:
    """Return the word that begins at an offset, with comments blanked, and its end."""
    parts: list[str] = []
    depth, last = 0, ""
    at = start
    while at < len(text):
        c, end = text[at], at + 1
        if c.isspace() and depth == 0 and last not in ",:":
            break
        if c == "#" and text[at - 1].isspace():
            end = _line_end(text, at)
            parts.append(" " * (end - at))
        elif c in QUOTES and (at == start or text[at - 1] in _BEFORE_QUOTES):
            end = _quote_end(text, at)
            parts.append(text[at:end])
        else:
            parts.append(c)
        depth = max(depth + (c in OPENING) - (c in CLOSING), 0)
        last = last if c.isspace() or parts[-1].isspace() else c
        at = end
    return "".join(parts).rstrip(), at


def _quote_end(text: str, at: int) -> int:
    """Return the end of the quoted text that begins at an offset."""
    end = at + 1
    while end < len(text) and text[end] != text[at]:
        end += 2 if text[end] == "\\" else 1
    return min(end + 1, len(text))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def whole_words(words: Sequence[str]) -> WordText:
    """Return the arguments of a command line unchanged, each as one word, spaces included."""
    starts = [sum(len(word) + 1 for word in words[:index]) for index in range(len(words))]
    return WordText(" ".join(words), tokens=[Token(*one) for one in zip(words, starts, strict=True)])


def split_arguments(text: str) -> list[str]:
    """Split arguments at the commas outside brackets and quotes."""
    parts, depth, begin, at = [], 0, 0, 0
    while at < len(text):
        c = text[at]
        if c in QUOTES and (at == 0 or text[at - 1] in _BEFORE_QUOTES):
            at = _quote_end(text, at)
            continue
        depth += (c in OPENING) - (c in CLOSING)
        if c == "," and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def wrong_bracket(text: str) -> tuple[int, str] | None:
    """Return the offset of an unpaired bracket and what is wrong; None if all are paired."""
    open_at: list[int] = []
    at = 0
    while at < len(text):
        c = text[at]
        if c in QUOTES and (at == 0 or text[at - 1] in _BEFORE_QUOTES):
            at = _quote_end(text, at)
            continue
        if c in OPENING:
            open_at.append(at)
        elif c in CLOSING and (not open_at or OPENING.index(text[open_at.pop()]) != CLOSING.index(c)):
            return at, f"'{c}' has no opening bracket"
        at += 1
    return (open_at[-1], f"'{text[open_at[-1]]}' is not closed") if open_at else None
