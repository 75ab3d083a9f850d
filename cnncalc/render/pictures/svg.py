"""A network as one self-contained SVG picture, with text as text, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ...errors import printable
from ...fields import ReceptiveFields
from ...layers import Layer
from ...report import Report
from .. import Style
from ..summary import totals
from .elements import EDGE, NODE, ROW, Drawn, cut, document, key, text, text_width
from .lanes import Edge, Lanes, PictureNode, lay_out, picture_nodes
from .pyramid import unit_title
from .unit_maps import unit_maps
from .windows import Steps, drawn

LANE = 22
"""The width of a lane."""
MOST_LANES = 40
"""The most lanes that are drawn; further lines are named."""
SEVERAL = 5
"""The number of layers from which on an unnamed network is titled by their number."""
MEANINGS = {"multiply": "multiplies", "window": "moves a window", "join": "joins", "plain": "others"}
"""The meaning of a diagram's colors."""
BEND = 8
"""The radius of a line's bends."""


def render(
    report: Report, style: Style, fields: ReceptiveFields | None = None, steps: Steps | None = None
) -> Iterator[str]:
    """Yield a report's picture: the diagram, the steps of a window, and what one unit sees, layer by layer."""
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
    """Return a network's name, or its layers' ops if there are few, or their number."""
    ops = [layer.op for layer in report]
    return printable(report.network.name or (", ".join(ops) if len(ops) < SEVERAL else f"{len(ops)} layers"))


def diagram(shown: Sequence[PictureNode]) -> Drawn:
    """Return a network with one row per layer: the layer in its lane, its lines, and its name, op and output."""
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
    """Return the kind of a layer, which decides its color: `multiply`, `join`, `window` or `plain`."""
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
