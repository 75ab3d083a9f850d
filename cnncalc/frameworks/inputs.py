"""The input of a model in a spec, whose sizes must be read as the framework reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..layers import OPS, Layer
from ..readings import Reading, readings

Raw = dict[str, Any]
"""A layer in the form of a spec."""


def input_keys(layers: list[Raw], sizes: int, wanted: Reading) -> dict[str, int]:
    """Return the spec's key that says how an input of `sizes` sizes is read; empty if its layers imply it.

    Also empty if no layer has all its keys, as such a spec is refused.
    """
    found = [*layers_of(layers)]
    if not found or readings(found, own=True).get(sizes) is wanted:
        return {}
    return {"sample_axes": wanted.sample_axes(sizes)}


def layers_of(spec: Iterable[Raw]) -> Iterator[Layer]:
    """Yield the layers of a spec, with blocks replaced by their layers; the values of keys are not checked."""
    for raw in spec:
        if "layers" in raw:
            yield from layers_of(raw["layers"])
            continue
        cls, nd = OPS[raw["op"]]
        keys = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
        if keys.keys() >= set(cls.NEEDED):  # others are refused when the spec is read
            yield cls(raw["op"], nd, {key: keys[key] for key in cls.KEYS if key in keys})
