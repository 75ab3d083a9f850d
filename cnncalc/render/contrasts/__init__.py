"""A network under several dialects, as text: one function a format."""

from .. import Formats

FORMATS = Formats(
    __name__,
    {
        "table": "table.render",
        "json": "text.document",
        "jsonl": "text.line",
        "csv": "text.csv",
        "markdown": "text.markdown",
    },
)
