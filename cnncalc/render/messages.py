"""Errors and notes with ANSI colors; drawn without rich, for speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import CnncalcError, escaped, printable
from .texts import paint, wrapped

if TYPE_CHECKING:
    from ..report import Hint
    from . import Style


def error_text(error: CnncalcError, color: bool) -> str:
    """Return an error's text; with `color`, after a red `error:`, with its place in bold and the caret in red."""
    if not color:
        return str(error)
    excerpt = error.caret()
    lines = [*excerpt[:1], *(paint(caret, "red") for caret in excerpt[1:]), *map(printable, error.helps())]
    head = f"{paint('error:', 'red')} {paint(escaped(error.place()), 'bold')}{escaped(error.what)}"
    return "\n  ".join([head, *lines])


def hint_text(hint: Hint, name: str, style: Style) -> str:
    """Return a hint's lines: what it says and what would help, after the network's name, if given.

    They are wrapped to the width of a terminal.
    """
    about = ": ".join(filter(None, [name, listed_layers(hint.layers)]))
    first, *others = wrapped(f"hint: {escaped(f'{about}: {hint.text} ({hint.name})')}", style)
    others += [f"  {line.strip()}" for line in wrapped(escaped(hint.help), style)]
    return "\n".join([paint("hint:", "cyan", style.color) + first.removeprefix("hint:"), *map(printable, others)])


MOST_NAMED = 4
"""The most layers that a hint shared by many names."""


def listed_layers(names: Sequence[str]) -> str:
    """Return `conv1, conv2`, or `conv1, conv2 and 7 more`."""
    more = len(names) - MOST_NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:MOST_NAMED])} and {more} more"
