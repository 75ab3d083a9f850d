"""Files of other frameworks, read as specs: dicts that the spec's own reader takes, and the weights that they carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Imported(NamedTuple):
    """A network from a file of another framework."""

    spec: dict[str, Any]
    """As the spec's reader takes it: name, input, dialect, layout, layers."""
    weights: Mapping[str, Callable[[], Any]]
    """What reads each array that the file carries, by its name here (`conv1.weight`), in the layout's order of axes."""
