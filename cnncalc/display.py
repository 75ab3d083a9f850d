"""How results are displayed: a table of drawing functions, filled by `cnncalc.api`, which may import renderers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .registry import Registry

DISPLAYS: Registry[str, Callable[[Any], Any]] = Registry()
"""The function that draws each kind of result."""


def drawn(kind: str, result: Any) -> str:
    """Return a result as text, or Python's own repr if no drawing function has been registered."""
    text: str = DISPLAYS.get(kind, object.__repr__)(result)
    return text
