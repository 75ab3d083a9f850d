"""A difference between two networks, as text: one function per format."""

from .. import Formats

FORMATS = Formats(__name__, {"table": "as_table.render", "json": "as_json.render", "markdown": "as_markdown.render"})
