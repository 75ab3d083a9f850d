"""Networks and layers as pictures: lanes, which all forms share, and a module for each form."""

from __future__ import annotations

from .. import Formats

FORMATS = Formats(
    __name__,
    {
        "text": "diagram.render",
        "mermaid": "documents.mermaid",
        "dot": "documents.dot",
        "svg": "svg.render",
        "html": "page.render",
    },
)
"""The renderers of a network's picture: each takes a report and a Style."""
TEXTS = Formats(__name__, {"unit": "pyramid.render", "steps": "steps.render"})
"""The renderers of what a unit sees, and of a window's steps, as text."""
ENDINGS = {
    "text": (".txt",),
    "mermaid": (".mmd", ".mermaid"),
    "dot": (".dot", ".gv"),
    "svg": (".svg",),
    "html": (".html", ".htm"),
}
"""The file endings of each form of picture."""
