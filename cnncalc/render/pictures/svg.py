"""A network as one SVG picture: text as text, light and dark, without anything from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from ...errors import printable, width_of
from ...field import Interval
from ...fields import ReceptiveFields, masks
from ...fields.masks import Region
from ...fields.views import Box, Sight
from ...layers import Layer
from ...report import Report
from ...sizes import known
from .. import Style
from ..summary import totals
from .lanes import Edge, Lanes, Station, lay_out, stations

if TYPE_CHECKING:
    from .windows import Steps

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
SEVERAL = 5
"""From so many layers on, a network without a name is called by their number."""
BEND = 8
"""The radius with which a line turns."""


class Drawn(NamedTuple):
    """A part of a picture, its corner at 0, 0."""

    width: int
    height: int
    lines: Sequence[str]
    """Its elements."""


def render(
    report: Report, style: Style, fields: ReceptiveFields | None = None, steps: Steps | None = None
) -> Iterator[str]:
    """Yield a report's picture: the diagram, the steps of a window, and what one unit sees, layer by layer."""
    from .windows import drawn

    view = None if fields is None else fields.view
    description = totals(report)
    parts = [diagram(stations(report, style.selection))]
    if steps is not None:
        parts.append(drawn(steps))
    if view is not None:
        description.append(seen_text(view))
        parts.append(pyramid(unit_maps(view), seen_text(view), parts[0].width))
    yield from document(title_of(report), "; ".join(description), parts)


def title_of(report: Report) -> str:
    """Return a network's name, or its layers' ops if there are few."""
    ops = [layer.op for layer in report]
    return printable(report.network.name or (", ".join(ops) if len(ops) < SEVERAL else f"{len(ops)} layers"))


def document(title: str, description: str, parts: Sequence[Drawn]) -> Iterator[str]:
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


def diagram(shown: Sequence[Station]) -> Drawn:
    """Return a network as a row a layer: the layer in its lane, its lines, and its name, op and output."""
    layout = lay_out([station.reads for station in shown], MOST_LANES)
    named = [
        [shown[edge.source].name for edge in layout.edges if (edge.target, edge.lane) == (at, None)]
        for at in range(len(shown))
    ]
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
    return Drawn(lefts[-1], len(shown) * ROW, lines)


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


def text(x: int, y: int, words: str, kind: str = "", longest: float = LONGEST) -> str:
    """Return a text, cut if it is too long."""
    own = f' class="{kind}"' if kind else ""
    return f'<text{own} x="{x}" y="{y}">{escape(cut(words, longest))}</text>'


def cut(words: str, longest: float = LONGEST) -> str:
    """Return a text with its middle left out if it is too long for a picture."""
    if width_of(words) <= longest:
        return words
    return f"{words[: LONGEST // 2]}…{words[-(LONGEST // 2) :]}"


def text_width(words: str, longest: float = LONGEST) -> int:
    """Return how many pixels a text needs at most."""
    return int(width_of(cut(words, longest)) * CHARACTER) + 1


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
    box: Box | None = None
    """The first and last unit on each axis of a map without ends, if that is shown."""


def seen_text(view: Sight) -> str:
    """Return `unit 3,4 of conv2 sees rows 1 to 5, columns 2 to 6 of input`."""
    graph, clipped = view.graph, view.clipped
    what = f"unit {','.join(map(str, view.unit))} of {graph.name(view.of)}"
    if view.unknown is not None:
        return f"{what}: {view.unknown}"
    if clipped is None:
        return f"{what} sees nothing of {graph.name(view.source)}"
    names = AXES.get(len(clipped), ("axis",) * len(clipped))
    sides = [f"{name} {a}" if a == b else f"{name}s {a} to {b}" for name, (a, b) in zip(names, clipped, strict=True)]
    return f"{what} sees {', '.join(sides) or 'all'} of {graph.name(view.source)}" + (
        "" if view.bound is None else f" at most ({view.bound})"
    )


AXES = {1: ("position",), 2: ("row", "column"), 3: ("depth", "row", "column")}


def unit_maps(view: Sight) -> list[UnitMap]:
    """Return what a unit sees, from its own layer down; of layers that see the same on maps of one size, one map."""
    graph = view.graph
    maps: list[UnitMap] = []
    for at in sorted(view.sets, reverse=True):
        sizes = [known(size) or 1 for size in graph.space(at).shape]
        region = view.region(at)
        rows, slices = _rows(region, sizes)
        note = "×".join(map(str, sizes)) or "1"
        own = UnitMap((graph.name(at),), sizes, rows, f"{note}{slices}, {masks.count(region):,}", at == view.of)
        if at == view.source:
            own = own._replace(box=view.box)
        last = maps[-1] if maps else None
        if (
            last is not None
            and (last.sizes, last.rows, last.note) == (own.sizes, own.rows, own.note)
            and own.box is None
        ):
            maps[-1] = last._replace(names=(*own.names, *last.names))
        else:
            maps.append(own)
    return maps


def _rows(region: Region, sizes: Sequence[int]) -> tuple[list[int], str]:
    """Return a bitmap for each row of a region's middle slice, and which slice that is."""
    ends = masks.hull(region)
    place: tuple[int, ...] = ()
    if ends is not None and len(sizes) > 2:
        place = tuple([(first + last) // 2 for first, last in ends[:-2]])
        region = tuple([one for one in region if all(bits >> at & 1 for bits, at in zip(one, place, strict=False))])
    rows = [0] * ((1, *sizes)[-2:][0] if len(sizes) > 1 else 1)
    for one in region:
        down, across = (1, 1, *one)[-2:]
        for row in masks.units(down):
            rows[row] |= across
    return rows, f", slice {','.join(map(str, place))}" if place else ""


def pyramid(maps: Sequence[UnitMap], title: str, room: int) -> Drawn:
    """Return the maps of a unit, from its own layer down to the input, in lines of this width at least."""
    largest = max([max(one.sizes[-2:], default=1) for one in maps], default=1)
    lines = [text(0, 14, title, "name", math.inf)]
    left, top, tallest, width = 0, ROW, 0, text_width(title, math.inf)
    for one in maps:
        height, side = _sides(one.sizes, largest)
        own = max(side, *[text_width(text) for text in (_title(one), one.note)])
        if left and left + own > max(room, LEAST_LINE):
            left, top, tallest = 0, top + tallest + EDGE, 0
        lines += _unit_map(one, left, top, side, height)
        tallest = max(tallest, height + 2 * ROW)
        left += own + EDGE
        width = max(width, left)
    return Drawn(width, top + tallest, lines)


LEAST_LINE = 640
"""The least width of a line of maps."""
SIDES = 36, 144
"""The longer side of the smallest and of the largest map."""
LEAST_SIDE = 12
"""The least height and width of a map that is drawn."""
MOST_LINES = 16
"""The most units along an axis that are set apart by lines."""
BESIDE = 4
"""How much of the padding is shown, as a divisor of the size."""


def _sides(sizes: Sequence[int], largest: int) -> tuple[int, int]:
    """Return the height and the width of a map; they grow as the roots of its sizes, so that small ones are seen."""
    least, most = SIDES
    height, width = (1, 1, *sizes)[-2:]
    longest = max(height, width)
    side = max(least, math.isqrt(most * most * longest // largest))
    return max(LEAST_SIDE, height * side // longest), max(LEAST_SIDE, width * side // longest)


def _title(one: UnitMap) -> str:
    return f"{one.names[0]} +{len(one.names) - 1}" if len(one.names) > 1 else one.names[0]


def _unit_map(one: UnitMap, left: int, top: int, width: int, height: int) -> Iterator[str]:
    """Yield the elements of a map: itself, the units on it, and its name."""
    rows, columns = (1, 1, *one.sizes)[-2:]
    spans = ((0, 0), (0, 0)) if one.box is None else _last_two(one.box)
    above, before = _beside(rows, spans[0]), _beside(columns, spans[1])
    path = "".join([f"M{x} {y}h{across}v{down}h{-across}z" for x, y, across, down in rectangles(one.rows)])
    lines = [f"M{x} 0v{rows}" for x in range(1, columns)] if columns <= MOST_LINES else []
    lines += [f"M0 {y}h{columns}" for y in range(1, rows)] if rows <= MOST_LINES else []
    yield f'<g transform="translate({left} {top})">'
    yield f"<title>{escape(', '.join(one.names))}</title>"
    view = f"{-before} {-above} {columns + 2 * before} {rows + 2 * above}"
    yield f'<svg width="{width}" height="{height}" viewBox="{view}" preserveAspectRatio="none">'
    if above or before:
        yield f'<path class="padding" d="M{-before} {-above}h{columns + 2 * before}v{rows + 2 * above}H{-before}z"/>'
    yield f'<path class="image" d="M0 0h{columns}v{rows}h{-columns}z"/>'
    yield f'<path class="{"self" if one.is_unit else "seen"}" d="{path}"/>'
    if lines:
        yield f'<path class="lines" d="{"".join(lines)}"/>'
    if one.box is not None:
        (y, bottom), (x, right) = spans
        yield f'<path class="box" d="M{x} {y}H{right + 1}V{bottom + 1}H{x}z"/>'
    yield "</svg>"
    yield text(0, height + 15, _title(one), "name")
    yield text(0, height + 31, one.note, "faint") + "</g>"


def _last_two(box: Box) -> Box:
    """Return the last two sides of a box; (0, 0) for one that it has not."""
    return ((0, 0), (0, 0), *box)[-2:]


def _beside(size: int, span: Interval) -> int:
    """Return how much of the padding on both sides is shown for a box."""
    return min(max(0, -span[0], span[1] + 1 - size), -(-size // BESIDE))


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
