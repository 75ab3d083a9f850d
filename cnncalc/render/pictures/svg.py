"""A network as one SVG picture: text as text, light and dark, without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from ...errors import printable, width_of
from ...fields import ReceptiveFields
from ...layers import Layer
from ...report import Report
from .. import Style
from ..summary import totals
from .lanes import Edge, Lanes, PictureNode, lay_out, picture_nodes

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
MEANINGS = {"multiply": "multiplies", "window": "moves a window", "join": "joins", "plain": "others"}
"""What the colours of a diagram mean."""
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
    from .pyramid import unit_title
    from .unit_maps import unit_maps
    from .windows import drawn

    view = None if fields is None else fields.view
    description = totals(report)
    rows = picture_nodes(report, style.selection)
    network = diagram(rows)
    found = {kind_of(row) for row in rows}
    parts = [key([(kind, words) for kind, words in MEANINGS.items() if kind in found]), network]
    if steps is not None:
        parts.insert(0, drawn(steps))
    if view is not None:
        description.insert(0, unit_title(view))
        parts.insert(0, unit_maps(view, network.width))
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


def key(meanings: Sequence[tuple[str, str]], top: int = 0) -> Drawn:
    """Return a line that says what colours mean: each class of a shape with its words."""
    lines, left = [], 0
    for kind, words in meanings:
        lines.append(f'<rect class="{kind}" x="{left}" y="{top + 4}" width="{NODE[0]}" height="{NODE[1]}" rx="3"/>')
        lines.append(text(left + NODE[0] + 6, top + 14, words, "faint"))
        left += NODE[0] + 6 + text_width(words) + EDGE
    return Drawn(left, ROW if lines else 0, lines)


def resource(name: str) -> str:
    """Return a file of this folder."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def diagram(shown: Sequence[PictureNode]) -> Drawn:
    """Return a network as a row a layer: the layer in its lane, its lines, and its name, op and output."""
    layout = lay_out([node.reads for node in shown], MOST_LANES)
    sources: list[list[str]] = [[] for _ in shown]
    for edge in layout.edges:
        if edge.lane is None:
            sources[edge.target].append(shown[edge.source].name)
    columns = [
        [node.name for node in shown],
        [_op(node) for node in shown],
        [node.shape for node in shown],
        [f"← {', '.join(names)}" if names else "" for names in sources],
    ]
    lefts = [layout.width * LANE + 6]
    for column in columns:
        widest = max(map(text_width, column), default=0)
        lefts.append(lefts[-1] + (widest + EDGE if widest > 1 else 0))
    lines = [f'<path class="edge" d="{_way(edge, layout)}"/>' for edge in layout.edges if edge.lane is not None]
    for at, (node, lane, *texts) in enumerate(zip(shown, layout.lanes, *columns, strict=True)):
        name = "input" if node.row is None else node.row.name
        lines.append(f'<g class="layer" data-name="{escape(name)}">')
        if any(cut(own) != own for own in texts):
            lines.append(f"<title>{escape(', '.join(filter(None, texts)))}</title>")
        lines.append(f'<rect class="row" y="{at * ROW}" width="{lefts[-1]}" height="{ROW}"/>')
        lines.append(_node(node, lane, at))
        for left, own, kind in zip(lefts, texts, ("name", "faint", "", "faint"), strict=False):
            if own:
                lines.append(text(left, at * ROW + 16, own, kind))
        lines.append("</g>")
    return Drawn(lefts[-1], len(shown) * ROW, lines)


def _op(node: PictureNode) -> str:
    return f"{node.op} ×{node.times}" if node.times > 1 else node.op


def _node(node: PictureNode, lane: int, at: int) -> str:
    width, height = NODE
    left, top = lane * LANE + (LANE - width) // 2, at * ROW + (ROW - height) // 2
    return f'<rect class="{kind_of(node)}" x="{left}" y="{top}" width="{width}" height="{height}" rx="3"/>'


def kind_of(node: PictureNode) -> str:
    """Return what a layer does, which decides its colour: `multiply`, `join`, `window` or `plain`."""
    if node.is_input or node.row is None:
        return "input"
    layer: Layer = node.row.layer.node.layer
    if layer.JOINS:
        return "join"
    if node.row.layer.macs != 0:
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
