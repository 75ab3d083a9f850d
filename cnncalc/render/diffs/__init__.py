"""What changed between two networks, as text: one function a format."""

from .. import Formats

RENDERERS = Formats(__name__, {"table": "as_table.render", "json": "as_json.render", "markdown": "as_markdown.render"})
FORMATS = tuple(RENDERERS)
renderer = RENDERERS.renderer
