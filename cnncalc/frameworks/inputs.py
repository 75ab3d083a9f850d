"""The input of a model as a spec: its sizes must be read there as the framework reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..input import Reading, readings
from ..layers import OPS, Layer

Raw = dict[str, Any]
"""A layer as a spec holds it."""


def input_keys(layers: list[Raw], sizes: int, wanted: Reading) -> dict[str, int]:
    """Return the key of a spec that says how an input of so many sizes is read; none if its layers say the same.

    None either if there is no layer with its keys, for which the spec is refused.
    """
    found = [*layers_of(layers)]
    if not found or readings(found, own=True).get(sizes) is wanted:
        return {}
    return {"sample_axes": wanted.sample_axes(sizes)}


def layers_of(spec: Iterable[Raw]) -> Iterator[Layer]:
    """Yield the layers of a spec, those of a block in its place; the values of keys are not checked."""
    for raw in spec:
        if "layers" in raw:
            yield from layers_of(raw["layers"])
            continue
        cls, nd = OPS[raw["op"]]
        keys = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
        if keys.keys() >= set(cls.NEEDED):  # one that lacks a key is refused when it is read
            yield cls(raw["op"], nd, {key: keys[key] for key in cls.KEYS if key in keys})
