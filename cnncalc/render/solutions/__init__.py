"""The results of `cnncalc solve`: settings of a layer, inputs of a network, a stack of layers."""

from __future__ import annotations

from .. import Formats

_FORMS = {"table": "table", "json": "as_json"} | {name: name for name in ("csv", "markdown", "tsv", "latex", "html")}
INPUTS = Formats(__name__, {name: f"inputs.{form}" for name, form in _FORMS.items()})
"""The renderers of the inputs of a network."""
SETTINGS = Formats(__name__, {name: f"settings.{form}" for name, form in _FORMS.items()})
"""The renderers of an answer about the settings of a layer."""
