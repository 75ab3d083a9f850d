"""Receptive fields as tables and JSON."""

from __future__ import annotations

from .. import Formats

FORMATS = Formats(
    __name__,
    {
        "table": "table.render",
        "json": "as_json.document",
        "csv": "forms.csv",
        "markdown": "forms.markdown",
        "tsv": "forms.tsv",
        "latex": "forms.latex",
        "html": "forms.html",
    },
)
