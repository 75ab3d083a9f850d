"""The built-in networks: specs shipped beside this file, one a network."""

from __future__ import annotations

import os
from functools import cache

_HERE = os.path.dirname(__file__)


@cache
def names() -> tuple[str, ...]:
    """The networks' names, sorted."""
    return tuple(sorted(name.removesuffix(".json") for name in os.listdir(_HERE) if name.endswith(".json")))


def read(name: str) -> str:
    """A network's spec, as text."""
    with open(os.path.join(_HERE, f"{name}.json"), encoding="utf-8") as file:
        return file.read()
