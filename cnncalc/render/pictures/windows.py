"""A window step by step, for pictures and pages: the maps as grids of cells, and the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import prod
from typing import Any, NamedTuple

from ...limits import MOST_STEPPED
from ...steps import Filled
from .. import Style
from ..texts import broken
from .elements import CHARACTER, EDGE, ROW, Drawn, text, text_width
from .steps import MOST_CELLS, Block, Sketch, check_asked, legend, numbers

MOST_DRAWN = 4096
"""The most cells that a page draws for a step."""
MOST_WORK = 400_000
"""The most cells of all steps of a page together; a product counts as two."""
EVERYTHING = 1 << 30
"""A number of cells per row that is never reached."""
WIDEST = 100
"""The most characters of a line of arithmetic in a picture."""
LINE = 18
"""The height of a line of text."""
ROOM = 960
"""The width in which the steps of a picture are placed side by side."""


class Steps(NamedTuple):
    """The requested steps of a single layer's window."""

    filled: Filled
    step: int | None
    """One step, counted from 1; None for all, or the first ones."""
    channel: int = 0
    """The output channel."""


def drawn(steps: Steps) -> Drawn:
    """Return the steps of a window as part of a picture. Raise SpecError for a missing step, or for too many cells."""
    asked, sketch = numbers(*steps), Sketch(steps.filled, steps.channel, Style())
    parts = [_step(sketch, number) for number in asked]
    wide, tall = max([part.width for part in parts]) + 2 * EDGE, max([part.height for part in parts]) + EDGE
    across = max(1, ROOM // wide)
    said = list(legend(steps.filled, Style()))
    lines = [text(0, at * LINE + 14, one, "faint", WIDEST) for at, one in enumerate(said)]
    top = len(said) * LINE + (EDGE if said else 0)
    for at, part in enumerate(parts):
        lines += [f'<g transform="translate({at % across * wide} {top + at // across * tall})">', *part.lines, "</g>"]
    height = top + -(-len(parts) // across) * tall
    more = steps.filled.window.total - len(parts)
    if more and steps.step is None:
        lines.append(text(0, height, f"and {more:,} more steps", "faint"))
    widths = [wide * min(across, len(parts)), *[text_width(one, WIDEST) for one in said]]
    return Drawn(max(widths), height, lines)


def _step(sketch: Sketch, number: int) -> Drawn:
    """Return the picture of one step."""
    title, place = sketch.title(number), sketch.window.place(number)
    lines, top, width = [text(0, 14, title, "name")], ROW, text_width(title)
    for row in sketch.rows(place, MOST_CELLS):
        left = bottom = 0
        for name, block in row:
            part = _grid(name, block)
            lines += [f'<g transform="translate({left} {top})">', *part.lines, "</g>"]
            left, bottom = left + part.width + EDGE, max(bottom, part.height)
        top, width = top + bottom + 8, max(width, left - EDGE)
    for line in [one for own in sketch.arithmetic(place) for one in broken(own, WIDEST)]:
        top += LINE
        lines.append(text(0, top, line, longest=WIDEST))
        width = max(width, text_width(line, WIDEST))
    return Drawn(width, top + 8, lines)


def _grid(name: str, block: Block) -> Drawn:
    """Return a map as a grid; marked cells are drawn last, so that their borders are whole."""
    wide = 8 + int(max([len(cell.text) for row in block for cell in row]) * CHARACTER)
    side = max(wide, ROW)
    lines = [text(0, 12, name, "faint")]
    cells = [(x * side, 18 + y * ROW, cell) for y, row in enumerate(block) for x, cell in enumerate(row)]
    for left, top, cell in sorted(cells, key=lambda place: place[2].is_marked):
        kind = f"cell {'marked' if cell.is_marked else ''} {cell.style}".split()
        lines.append(f'<rect class="{" ".join(kind)}" x="{left}" y="{top}" width="{side}" height="{ROW}"/>')
        lines.append(f'<text class="number" x="{left + side // 2}" y="{top + 16}">{escape(cell.text)}</text>')
    return Drawn(max(side * len(block[0]), text_width(name)), 18 + ROW * len(block), lines)


def as_json(steps: Steps) -> dict[str, Any] | None:
    """Return the steps of a window as JSON: the maps of the first, and the changes at each further one.

    Of very many steps, as many as a page has room for, from the requested one on; None if there are too many cells.
    Raise SpecError for a step that does not exist.
    """
    check_asked(*steps)
    window, asked = steps.filled.window, (steps.step or 1) - 1
    whole = prod([axis.n + axis.pb + axis.pa for axis in window.axes[-2:]])
    if max(whole, prod([axis.out for axis in window.axes[-2:]])) > MOST_DRAWN or window.products > MOST_STEPPED:
        return None
    sketch = Sketch(steps.filled, steps.channel, Style())
    maps = [one for row in sketch.rows(window.place(asked), EVERYTHING) for one in row]
    cells = sum([len(block) * len(block[0]) for _, block in maps])
    if cells > MOST_DRAWN:
        return None
    count = min(window.total, max(1, MOST_WORK // (cells + 2 * window.products)))
    first = 0 if count == window.total else min(asked, window.total - count)
    begin: list[list[list[Any]]] = []
    before: list[_Cells] = []
    frames: list[dict[str, Any]] = []
    for number in range(first, first + count):
        place = window.place(number)
        rows = sketch.rows(place, EVERYTHING)
        now = [_Cells(name, *zip(*_cells(block), strict=True)) for row in rows for name, block in row]
        begin = begin or [[_begun(name, block) for name, block in row] for row in rows]
        frames.append(
            {
                "title": sketch.title(number),
                "marked": [[at for at, is_marked in enumerate(one.marks) if is_marked] for one in now],
                "changed": [_changed(old, one) for old, one in zip(before or now, now, strict=True)],
                "lines": list(sketch.arithmetic(place)),
            }
        )
        before = now
    more = f"{count:,} of {window.total:,} steps; --step N begins at another one" if count < window.total else ""
    said = list(legend(steps.filled, Style()))
    return {"maps": begin, "steps": frames, "begin": asked - first, "legend": said, "more": more}


def _begun(name: str, block: Block) -> list[Any]:
    """Return a map's name, width and texts."""
    return [name, len(block[0]), [text for text, _ in _cells(block)]]


class _Cells(NamedTuple):
    """A map at one step."""

    name: str
    texts: Sequence[str]
    marks: Sequence[bool]


def _cells(block: Block) -> Iterator[tuple[str, bool]]:
    return ((cell.text, cell.is_marked) for row in block for cell in row)


def _changed(old: _Cells, new: _Cells) -> list[Any]:
    """Return a map's name, if it has changed, and the cells whose texts have changed."""
    cells = [[at, text] for at, (one, text) in enumerate(zip(old.texts, new.texts, strict=True)) if one != text]
    return [None if old.name == new.name else new.name, cells]
