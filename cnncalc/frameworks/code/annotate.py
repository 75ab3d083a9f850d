"""A source whose lines are annotated with the shapes that they produce, as comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...errors import SpecError

MOST_SHAPES = 4
"""The most shapes shown after a line that runs several times."""


class AnnotatedSource(NamedTuple):
    """A source with shapes after its lines; it ends before the line that fails, if one does."""

    text: str
    error: SpecError | None = None


def annotated(lines: list[str], shapes: Mapping[int, Mapping[str, None]], error: SpecError | None) -> AnnotatedSource:
    """Return the lines, up to that of the error, with `shapes` (by line number from 1) as comments."""
    fails = error.where.line if error is not None and error.where is not None else 0
    shown = []
    for number, line in enumerate(lines[: fails or len(lines)], 1):
        made = list(shapes.get(number, {})) if number != fails else []
        comment = ", ".join(made[:MOST_SHAPES]) + ", …" * (len(made) > MOST_SHAPES)
        shown.append(f"{line}  # {comment}" if comment else line)
    return AnnotatedSource("".join(f"{line}\n" for line in shown), error)
