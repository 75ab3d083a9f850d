"""A network under several dialects, as text: one function per format."""

from .. import Formats

FORMATS = Formats(
    __name__,
    {
        "table": "table.render",
        "json": "text.document",
        "jsonl": "text.line",
        **{format: f"text.{format}" for format in ("csv", "markdown", "tsv", "latex", "html")},
    },
)
