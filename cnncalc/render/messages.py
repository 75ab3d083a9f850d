"""Errors and notes with ANSI colours, without rich: what is printed most has to be printed fast."""

from __future__ import annotations

from ..errors import CnncalcError

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}


def paint(text: str, style: str, color: bool = True) -> str:
    """Return a text in a style of `_CODES`; the same text without `color`."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if color and text and style else text


def error_text(error: CnncalcError, color: bool) -> str:
    """Return an error's text: with `color` after a red `error:`, its place bold and the caret below red."""
    text = str(error)
    if not color:
        return text
    place, what, rest = text.partition(error.what)
    lines = rest.split("\n")
    if error.where is not None and error.where.excerpt is not None:
        lines[2] = paint(lines[2], "red")
    return f"{paint('error:', 'red')} {paint(place, 'bold')}{what}" + "\n".join(lines)


def plural(number: int, word: str) -> str:
    """Return `1 file`, `3 files`, `1,200 files`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
