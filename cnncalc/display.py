"""How results show themselves to people: the functions that draw them, entered by the layer that can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .registry import Registry

DISPLAYS: Registry[str, Callable[[Any], Any]] = Registry()
"""The function that draws each kind of result; `cnncalc.api` enters them, which stands above the renderers."""


def drawn(kind: str, result: Any) -> str:
    """Return a result as text; as Python's own repr if nothing that draws has been imported."""
    text: str = DISPLAYS.get(kind, object.__repr__)(result)
    return text
