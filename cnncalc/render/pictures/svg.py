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
from .lanes import Edge, Layout, Station, lay_out, stations

CHARACTER = 7.3
"""How wide a character of the pictures' font is at most, in pixels."""
LONGEST = 56
"""The most characters of a text that is not cut; the whole of it stands in a tooltip."""
ROW, LANE, EDGE = 24, 22, 16
"""The height of a row, the width of a lane, and the empty edge around a picture."""
NODE = 16, 12
"""The width and the height of a layer in its lane."""
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
    layout = lay_out([station.reads for station in shown])
    columns = [[station.name for station in shown], [_op(station) for station in shown], [s.shape for s in shown]]
    lefts = [layout.width * LANE + 6]
    for column in columns:
        lefts.append(lefts[-1] + max(map(text_width, column), default=0) + EDGE)
    lines = [f'<path class="edge" d="{_way(edge, layout)}"/>' for edge in layout.edges]
    for at, (station, lane, *texts) in enumerate(zip(shown, layout.lanes, *columns, strict=True)):
        lines.append(f'<g class="layer" data-name="{escape(station.name)}">')
        lines.append(f"<title>{escape(', '.join(filter(None, texts)))}</title>")
        lines.append(f'<rect class="row" y="{at * ROW}" width="{lefts[-1]}" height="{ROW}"/>')
        lines.append(_node(station, lane, at))
        for left, own, kind in zip(lefts, texts, ("name", "faint", ""), strict=False):
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


def _way(edge: Edge, layout: Layout) -> str:
    """Return the line of an edge: along the source's row, down its lane, and along the target's row."""
    from_, to = layout.lanes[edge.source], layout.lanes[edge.target]
    down = to if edge.lane is None else edge.lane
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
