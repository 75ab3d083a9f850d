"""A source with the shape that each line makes behind it, as a comment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...errors import SpecError

MOST_SHAPES = 4
"""How many shapes are shown after a line that runs several times."""


class AnnotatedSource(NamedTuple):
    """A source with shapes behind its lines, up to the line that fails if one does."""

    text: str
    error: SpecError | None = None


def annotated(lines: list[str], shapes: Mapping[int, Mapping[str, None]], error: SpecError | None) -> AnnotatedSource:
    """Return lines with shapes, which are those of lines counted from 1, up to the line of an error."""
    fails = error.where.line if error is not None and error.where is not None else 0
    shown = []
    for number, line in enumerate(lines[: fails or len(lines)], 1):
        made = list(shapes.get(number, {})) if number != fails else []
        comment = ", ".join(made[:MOST_SHAPES]) + ", …" * (len(made) > MOST_SHAPES)
        shown.append(f"{line}  # {comment}" if comment else line)
    return AnnotatedSource("".join(f"{line}\n" for line in shown), error)
