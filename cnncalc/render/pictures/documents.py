"""A network as a graph for documents: Mermaid, which many sites draw in Markdown, and Graphviz's DOT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ...errors import printable
from ...report import Report
from .. import Style
from .lanes import PictureNode, picture_nodes

_MERMAID = str.maketrans({mark: f"#{ord(mark)};" for mark in '#"&<>`\\%:*'})
"""Characters that are special in Mermaid, as its entities: decimal codes.

Two `%` begin a directive, and `style` followed by `:` loses the end of an entity.
"""
_JOINED = re.compile(r"\$(?=\$)|#92;(?=n)|#58;(?=fa-)|^\d+(?=[.)](?: |$))|^[-+](?= |$)")
"""Sequences that Mermaid interprets even as entities: a formula, a new line, an icon, a list item.

The entity of an invisible word joiner after each makes it plain text.
"""
_DOT = str.maketrans({'"': '\\"', "\\": "\\\\", "&": "&amp;"})

MOST_EDGES, MOST_CHARACTERS = 500, 50_000
"""The defaults of Mermaid's `maxEdges` and `maxTextSize`."""


def beyond_mermaid(pieces: Sequence[str]) -> str | None:
    """Return why Mermaid with default settings does not draw a flowchart; None if it does."""
    edges, length = sum(" --> " in piece for piece in pieces), sum(map(len, pieces))
    if edges > MOST_EDGES:
        return f"{edges:,} edges, but Mermaid draws at most {MOST_EDGES} unless maxEdges is raised where it is drawn"
    if length > MOST_CHARACTERS:
        return f"{length:,} characters, but Mermaid reads at most {MOST_CHARACTERS:,} unless maxTextSize is raised"
    return None


def mermaid(report: Report, style: Style) -> Iterator[str]:
    """Yield a network as a Mermaid flowchart. Nodes are named n0, n1 …, independently of the layers' names."""
    rows = picture_nodes(report, style.selection)
    yield "flowchart TD\n"
    for at, row in enumerate(rows):
        label = "<br/>".join([_JOINED.sub(r"\g<0>#8288;", text.translate(_MERMAID)) for text in _label(row)])
        begin, end = ("([", "])") if row.is_input else ("[", "]")
        yield f'    n{at}{begin}"{label}"{end}\n'
    yield from _edges(rows, lambda source, target: f"    n{source} --> n{target}\n")


def dot(report: Report, style: Style) -> Iterator[str]:
    """Yield a network as a Graphviz graph. Nodes are named n0, n1 …, independently of the layers' names."""
    rows = picture_nodes(report, style.selection)
    name = printable(report.network.name or "network").translate(_DOT)
    yield f'digraph "{name}" {{\n'
    yield '    node [shape=box, fontname="Helvetica"]\n'
    for at, row in enumerate(rows):
        label = "\\n".join([text.translate(_DOT) for text in _label(row)])
        shape = ", shape=ellipse" if row.is_input else ""
        yield f'    n{at} [label="{label}"{shape}]\n'
    yield from _edges(rows, lambda source, target: f"    n{source} -> n{target}\n")
    yield "}\n"


def _label(row: PictureNode) -> list[str]:
    """Return the lines of a node's label: the name, the op (except for the input), and the output shape."""
    times = f" x{row.times}" if row.times > 1 else ""
    return [text for text in (row.name + times, row.op, row.shape) if text]


def _edges(rows: list[PictureNode], line: Callable[[int, int], str]) -> Iterator[str]:
    for target, row in enumerate(rows):
        yield from [line(source, target) for source in row.reads]
