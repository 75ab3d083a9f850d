"""A network as one SVG picture: text as text, light and dark, without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import NamedTuple

from ...errors import width_of
from ...layers import Layer
from ...report import Report
from .. import Style
from ..summary import totals
from .lanes import Edge, Lanes, Station, lay_out, stations

CHARACTER = 7.3
"""How wide a character of the pictures' font is at most, in pixels."""
LONGEST = 56
"""The most characters of a text that is not cut; the whole of it stands in a tooltip."""
ROW, LANE, EDGE = 24, 22, 16
"""The height of a row, the width of a lane, and the empty edge around a picture."""
NODE = 16, 12
"""The width and the height of a layer in its lane."""
MOST_LANES = 40
"""How many lanes are drawn; further lines are named."""
BEND = 8
"""The radius with which a line turns."""


class Part(NamedTuple):
    """A part of a picture, its corner at 0, 0."""

    width: int
    height: int
    lines: Sequence[str]
    """Its elements."""


def render(report: Report, style: Style) -> Iterator[str]:
    """Yield a report's picture."""
    name = report.network.name or "network"
    yield from document(name, "; ".join(totals(report)), [diagram(stations(report, style.selection))])


def document(title: str, description: str, parts: Sequence[Part]) -> Iterator[str]:
    """Yield a picture of parts, one below the other, under a title; the description is for screen readers."""
    head = text(0, 14, title, "title")
    width = max([text_width(title) * 5 // 4, *[part.width for part in parts]]) + 2 * EDGE
    height = 2 * EDGE + ROW + sum(part.height + EDGE for part in parts)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cnncalc" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(description)}</desc>\n'
        f'<style>\n{resource("picture.css")}</style>\n<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<g transform="translate({EDGE} {EDGE})">\n{head}\n'
    )
    top = ROW
    for part in parts:
        yield f'<g transform="translate(0 {top})">\n'
        yield from [f"{line}\n" for line in part.lines]
        yield "</g>\n"
        top += part.height + EDGE
    yield "</g>\n</svg>\n"


def resource(name: str) -> str:
    """Return a file of this folder."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def diagram(shown: Sequence[Station]) -> Part:
    """Return a network as a row a layer: the layer in its lane, its lines, and its name, op and output."""
    layout = lay_out([station.reads for station in shown], MOST_LANES)
    named = [[shown[edge.source].name for edge in layout.edges if (edge.target, edge.lane) == (at, None)] for at in range(len(shown))]
    columns = [
        [station.name for station in shown],
        [_op(station) for station in shown],
        [station.shape for station in shown],
        [f"← {', '.join(names)}" if names else "" for names in named],
    ]
    lefts = [layout.width * LANE + 6]
    for column in columns:
        widest = max(map(text_width, column), default=0)
        lefts.append(lefts[-1] + (widest + EDGE if widest > 1 else 0))
    lines = [f'<path class="edge" d="{_way(edge, layout)}"/>' for edge in layout.edges if edge.lane is not None]
    for at, (station, lane, *texts) in enumerate(zip(shown, layout.lanes, *columns, strict=True)):
        lines.append(f'<g class="layer" data-name="{escape(station.name)}">')
        lines.append(f"<title>{escape(', '.join(filter(None, texts)))}</title>")
        lines.append(f'<rect class="row" y="{at * ROW}" width="{lefts[-1]}" height="{ROW}"/>')
        lines.append(_node(station, lane, at))
        for left, own, kind in zip(lefts, texts, ("name", "faint", "", "faint"), strict=False):
            if own:
                lines.append(text(left, at * ROW + 16, own, kind))
        lines.append("</g>")
    return Part(lefts[-1], len(shown) * ROW, lines)


def _op(station: Station) -> str:
    return f"{station.op} ×{station.times}" if station.times > 1 else station.op


def _node(station: Station, lane: int, at: int) -> str:
    width, height = NODE
    left, top = lane * LANE + (LANE - width) // 2, at * ROW + (ROW - height) // 2
    return f'<rect class="{kind_of(station)}" x="{left}" y="{top}" width="{width}" height="{height}" rx="3"/>'


def kind_of(station: Station) -> str:
    """Return what a layer does, which decides its colour: `multiply`, `join`, `window` or `plain`."""
    if station.row is None:
        return "input"
    layer: Layer = station.row.layer.node.layer
    if layer.JOINS:
        return "join"
    if station.row.layer.macs != 0:
        return "multiply"
    return "window" if layer.is_spatial else "plain"


def _way(edge: Edge, layout: Lanes) -> str:
    """Return the line of an edge: along the source's row, down its lane, and along the target's row."""
    from_, to, down = layout.lanes[edge.source], layout.lanes[edge.target], edge.lane or 0
    top, bottom = edge.source * ROW + ROW // 2, edge.target * ROW + ROW // 2
    x, begin, end = (lane * LANE + LANE // 2 for lane in (down, from_, to))
    path = f"M{begin} {top}"
    if begin != x:
        path += f"H{x - BEND if x > begin else x + BEND}Q{x} {top} {x} {top + BEND}"
    if end == x:
        return f"{path}V{bottom}"
    return f"{path}V{bottom - BEND}Q{x} {bottom} {x - BEND if end < x else x + BEND} {bottom}H{end}"


def text(x: int, y: int, words: str, kind: str = "") -> str:
    """Return a text, cut if it is too long."""
    own = f' class="{kind}"' if kind else ""
    return f'<text{own} x="{x}" y="{y}">{escape(cut(words))}</text>'


def cut(words: str) -> str:
    """Return a text with its middle left out if it is too long for a picture."""
    if width_of(words) <= LONGEST:
        return words
    return f"{words[: LONGEST // 2]}…{words[-(LONGEST // 2) :]}"


def text_width(words: str) -> int:
    """Return how many pixels a text needs at most."""
    return int(width_of(cut(words)) * CHARACTER) + 1


class UnitMap(NamedTuple):
    """The units of a layer that one unit sees, or that unit itself."""

    names: Sequence[str]
    """The layer, and those behind it that work unit by unit."""
    sizes: Sequence[int]
    """The sizes of the map, an axis each."""
    rows: Sequence[int]
    """A bitmap for each row of the map, of the slice in the middle if it has three axes."""
    note: str
    """What stands below its name."""
    is_unit: bool = False
    """Whether it is the unit that sees the others."""


def pyramid(maps: Sequence[UnitMap], room: int) -> Part:
    """Return the maps of a unit, from its own layer down to the input, in lines of this width at least."""
    largest = max([max(one.sizes[-2:], default=1) for one in maps], default=1)
    lines: list[str] = []
    left = top = tallest = width = 0
    for one in maps:
        height, side = _sides(one.sizes, largest)
        own = max(side, *[text_width(text) for text in (_title(one), one.note)])
        if left and left + own > max(room, LEAST_LINE):
            left, top, tallest = 0, top + tallest + EDGE, 0
        lines += _unit_map(one, left, top, side, height)
        tallest = max(tallest, height + 2 * ROW)
        left += own + EDGE
        width = max(width, left)
    return Part(width, top + tallest, lines)


LEAST_LINE = 640
"""The least width of a line of maps."""
SIDES = 16, 128
"""The shortest and the longest side of a map that is drawn."""


def _sides(sizes: Sequence[int], largest: int) -> tuple[int, int]:
    """Return the height and the width of a map: the largest is the widest, and none is too small to see."""
    least, most = SIDES
    height, width = ((1, 1, *sizes)[-2:])
    return (max(least, height * most // largest), max(least, width * most // largest))


def _title(one: UnitMap) -> str:
    return f"{one.names[0]} +{len(one.names) - 1}" if len(one.names) > 1 else one.names[0]


def _unit_map(one: UnitMap, left: int, top: int, width: int, height: int) -> Iterator[str]:
    """Yield the elements of a map: itself, the units on it, and its name."""
    rows, columns = (1, 1, *one.sizes)[-2:]
    path = "".join([f"M{x} {y}h{across}v{down}h{-across}z" for x, y, across, down in rectangles(one.rows)])
    yield f'<g transform="translate({left} {top})">'
    yield f"<title>{escape(', '.join(one.names))}</title>"
    yield f'<svg width="{width}" height="{height}" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none">'
    yield f'<path class="image" d="M0 0h{columns}v{rows}h{-columns}z"/>'
    yield f'<path class="{"self" if one.is_unit else "seen"}" d="{path}"/></svg>'
    yield text(0, height + 15, _title(one), "name")
    yield text(0, height + 31, one.note, "faint") + "</g>"


def rectangles(rows: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the units of a map as rectangles, left, top, width and height: equal rows together, run by run."""
    top = 0
    while top < len(rows):
        down = next((at for at in range(top, len(rows)) if rows[at] != rows[top]), len(rows)) - top
        bits, left = rows[top], 0
        while bits:
            skipped = (bits & -bits).bit_length() - 1
            bits >>= skipped
            across = (~bits & (bits + 1)).bit_length() - 1
            yield left + skipped, top, across, down
            bits, left = bits >> across, left + skipped + across
        top += down
