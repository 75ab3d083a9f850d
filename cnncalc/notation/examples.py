"""Layers as words, and an example of each key's value, for the texts of errors."""

from __future__ import annotations

import json
from typing import Any

from ..layers import OPS

EXAMPLE: dict[str, Any] = {
    "c_o": 64,
    "out": 10,
    "k": 3,
    "p": 1,
    "order": "2x3x1",
    "g": 8,
    "rate": 0.5,
    "alpha": 0.2,
    "axis": 1,
    "factor": 2,
    "lambd": 0.5,
    "size": 5,
    "heads": 4,
}
"""A value of a key, for the words of errors."""


def example_word(op: str) -> str:
    """Return an op as a word with the number it needs: `maxpool:3`."""
    cls = OPS[op][0]
    return f"{op}:{EXAMPLE.get(cls.BARE, 3)}" if cls.BARE in cls.NEEDED else op


_LETTERS = {"k": "k", "s": "s", "p": "p", "p_total": "pt", "d": "d", "g": "g"}


def word_of(raw: dict[str, Any]) -> str:
    """Return a layer as a word without default keys: `conv:64,c_i=3,k3`."""
    op = raw["op"]
    cls = OPS[op][0]
    parts = []
    for key in [*([cls.BARE] if cls.BARE in raw else []), *[key for key in raw if key not in ("op", cls.BARE)]]:
        value = raw[key]
        if value == getattr(cls, key, None) or value is False:
            continue
        numbers = value if isinstance(value, list) else [value]
        text = "x".join(map(str, numbers)) if all(type(n) is int for n in numbers) else json.dumps(value)
        parts.append(text if key == cls.BARE else f"{_LETTERS[key]}{text}" if key in _LETTERS else f"{key}={text}")
    return f"{op}:{','.join(parts)}" if parts else op
