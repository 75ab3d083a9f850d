"""A network as a diagram for a terminal or a pipe: a line for each layer, preceded by the lanes of the branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ...errors import width_of
from ...report import Report
from .. import Style
from ..texts import broken, paint
from .lanes import Edge, Lanes, PictureNode, lay_out, picture_nodes

LANE_COLORS = ("", "magenta", "yellow", "green", "cyan")
"""The colors of the lanes, in order; they repeat."""
MOST_LANES = 64
"""The most lanes that are drawn if the width is unlimited."""
MOST_NAMED = 8
"""The most inputs of a layer that are named if there is no room for their lines."""
LEAST_NAME, LEAST_OP = 12, 10
"""The widths below which names and ops are not cut."""
GAP = 2
"""The spaces between columns."""


class Glyphs(NamedTuple):
    """The characters of the lines of a diagram."""

    node: str
    input: str
    across: str
    down: str
    junctions: dict[str, str]
    """The characters by the directions of their lines: the first letters of up, down, left and right."""
    dots: str
    """The sign for a left-out part of a text."""


UNICODE = Glyphs(
    *("●", "○", "─", "│"),
    {"udlr": "┼", "udl": "┤", "udr": "├", "ulr": "┴", "dlr": "┬", "ul": "╯", "dl": "╮", "ur": "╰", "dr": "╭"},
    "…",
)
ASCII = Glyphs(
    *("o", "o", "-", "|"),
    {"udlr": "+", "udl": "+", "udr": "+", "ulr": "'", "dlr": ".", "ul": "'", "dl": ".", "ur": "'", "dr": "."},
    "~",
)
Mark = tuple[str, int]
"""A character of the lines, and the lane that gives its color."""


class Texts(NamedTuple):
    """The texts next to the lanes."""

    name: str
    op: str
    shape: str


def render(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines of a network's diagram: the lanes, then the name, the op and the output's shape of each layer."""
    rows = picture_nodes(report, style.selection)
    layout = lay_out([row.reads for row in rows], MOST_LANES if style.width is None else max(2, style.width // 6))
    glyphs = ASCII if style.ascii else UNICODE
    several = sum(row.is_output for row in rows) > 1
    texts = [_texts(row, several) for row in rows]
    for target, edges in groupby(layout.edges, key=lambda edge: edge.target):
        named = [rows[edge.source].name for edge in edges if edge.lane is None]  # no room for their lines
        if named:
            more = f" and {len(named) - MOST_NAMED:,} more" if len(named) > MOST_NAMED else ""
            op = f"{texts[target].op} from {', '.join(named[:MOST_NAMED])}{more}"
            texts[target] = texts[target]._replace(op=op)
    widths = _widths(texts, 2 * layout.width, style.width)
    lines = lines_of(layout, glyphs, [row.is_input for row in rows])
    for row, own, (line, below) in zip(rows, texts, lines, strict=True):
        is_kept = bool(row.reads) and row.shape == rows[row.reads[0]].shape
        yield from _drawn(own, widths, (line, below), style, glyphs, is_kept)


def _texts(row: PictureNode, several: bool) -> Texts:
    """Return the texts next to a row's lanes; if there are several outputs, each is marked."""
    times = f" x{row.times}" if row.times > 1 else ""
    return Texts(row.name + times, row.op, row.shape + (" output" if several and row.is_output else ""))


def lines_of(layout: Lanes, glyphs: Glyphs, are_inputs: Sequence[bool]) -> Iterator[tuple[list[Mark], list[Mark]]]:
    """Yield the characters of each row's line, and of a further line below it for when its texts need more."""
    edges = sorted(layout.edges, key=lambda edge: edge.source)
    active: list[Edge] = []
    begun, width = 0, layout.width
    for at, lane in enumerate(layout.lanes):
        while begun < len(edges) and edges[begun].source <= at:
            active += [edges[begun]] if edges[begun].lane is not None else []
            begun += 1
        active = [edge for edge in active if edge.target >= at]
        above = {edge.lane for edge in active if edge.source < at}
        below = {edge.lane for edge in active if edge.target > at}
        met = {lane, *(edge.lane for edge in active if at in (edge.source, edge.target) and edge.lane is not None)}
        node = glyphs.input if are_inputs[at] else glyphs.node
        yield (
            _cells(width, lane, node, above, below, met, glyphs),
            [cell for one in range(width) for cell in ((glyphs.down if one in below else " ", one), (" ", one))],
        )


def _cells(
    width: int, node: int, mark: str, above: set[int | None], below: set[int | None], met: set[int], glyphs: Glyphs
) -> list[Mark]:
    """Return the characters of a row: its node's mark in its lane, and a line along the row to the lanes it meets.

    `above` and `below` are the lanes whose lines come from above and continue below. A lane that the row's line only
    crosses is not broken.
    """
    first, last = min(met), max(met)
    cells: list[Mark] = []
    for lane in range(width):
        sides = [("u", lane in above), ("d", lane in below), ("l", first < lane <= last), ("r", first <= lane < last)]
        if lane == node:
            mark_here = mark
        elif lane in met:
            mark_here = glyphs.junctions["".join([side for side, has in sides if has])]
        elif lane in above:
            mark_here = glyphs.down
        else:
            mark_here = glyphs.across if first < lane < last else " "
        outer = lane + 1 if lane >= node else lane
        cells += [(mark_here, lane), (glyphs.across if first <= lane < last else " ", outer)]
    return cells


def _widths(texts: Sequence[Texts], lanes: int, width: int | None) -> tuple[int, int, int]:
    """Return the widths of the columns; if they do not fit, ops are wrapped, then names are cut."""
    name, op, shape = [max(map(width_of, column)) for column in zip(*texts, strict=True)]
    if width is not None:
        room = width - lanes - 3 * GAP + 1 - shape
        word = max([width_of(word) for own in texts for word in own.op.split()], default=0)
        op = max(min(op, max(word, LEAST_OP)), min(op, room - name))
        name = max(min(name, LEAST_NAME), min(name, room - op))
    return name, op, shape


def _drawn(
    texts: Texts,
    widths: tuple[int, int, int],
    lanes: tuple[Sequence[Mark], Sequence[Mark]],
    style: Style,
    glyphs: Glyphs,
    is_kept: bool,
) -> Iterator[str]:
    """Yield the lines of a row: the first, and those with the rest of its op. An unchanged shape (`is_kept`) is dim."""
    line, below = lanes
    name = cut(texts.name, widths[0], glyphs.dots)
    for number, part in enumerate(broken(texts.op, widths[1])):
        own, shape = ("", "") if number else (name, texts.shape)
        pieces = [
            _painted(below if number else line, style),
            _filled(own, widths[0], "bold", style),
            _filled(part, widths[1], "cyan", style),
            " " * (widths[2] - width_of(shape)) + paint(shape, "dim" if is_kept else "green", style.color),
        ]
        yield (" " * GAP).join(pieces).rstrip() + "\n"


def _filled(text: str, width: int, color: str, style: Style) -> str:
    return paint(text, color, style.color) + " " * (width - width_of(text))


def _painted(cells: Sequence[Mark], style: Style) -> str:
    """Return the characters of a row's lines in the colors of their lanes, followed by a space."""
    text = ""
    for color, run in groupby(cells[:-1], key=lambda cell: LANE_COLORS[cell[1] % len(LANE_COLORS)]):
        marks = "".join([mark for mark, _ in run])
        text += paint(marks, color, style.color) if color and not marks.isspace() else marks
    return text


def cut(text: str, width: int, dots: str) -> str:
    """Return a text of at most this width, with its middle left out if it is longer."""
    if width_of(text) <= width:
        return text
    head = tail = ""
    for turn in range(len(text)):
        longer = (head + text[len(head)], tail) if turn % 2 else (head, text[-1 - len(tail)] + tail)
        if sum(map(width_of, longer)) + 1 > width:
            break
        head, tail = longer
    return head + dots + tail
