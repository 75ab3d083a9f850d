"""Texts for a terminal: colored, wrapped, in the plural."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import width_of

if TYPE_CHECKING:
    from . import Style

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}


def paint(text: str, style: str, color: bool = True) -> str:
    """Return a text in a style of `_CODES`; the same text without `color`."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if color and text and style else text


def broken(text: str, width: int) -> list[str]:
    """Return a text wrapped to at most this width."""
    if "\n" not in text and width_of(text) <= width:
        return [text]
    lines = []
    for part in text.split("\n"):
        line = ""
        if width_of(part) > width:
            for word in part.split():
                if line and width_of(line) + 1 + width_of(word) > width:
                    lines.append(line)
                    line = word
                else:
                    line = f"{line} {word}" if line else word
        lines.append(line or part)
    return lines


def wrapped(text: str, style: Style) -> list[str]:
    """Return a text wrapped to the terminal, with all lines but the first indented."""
    if style.width is None:
        return [text]
    first, *others = broken(text, style.width - 2)
    return [first, *[f"  {line}" for line in others]]


def plural(number: int, word: str) -> str:
    """Return `1 file`, `3 files`, `1,200 files`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
