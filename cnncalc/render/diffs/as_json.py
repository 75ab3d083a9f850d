"""A difference as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator

from ...diffs import Difference
from ...notation.encode import document
from .. import Style


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield one JSON document, one layer per line."""
    keys = diff.to_dict().items()
    return document(
        (key, iter(value) if isinstance(value, list) else value)
        for key, value in keys
        if not (style.totals and isinstance(value, list))
    )
