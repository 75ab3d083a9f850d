"""Keep what an input is when a model becomes a spec: its sizes have to be read there as the framework reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..input import Reading, readings
from ..layers import OPS, Layer
from ..wiring import unused_name

Raw = dict[str, Any]
"""A layer as a spec holds it."""


def keep_reading(layers: list[Raw], sizes: int, wanted: Reading) -> None:
    """Put an identity in front that says how many spatial axes the input has, if it is read otherwise without."""
    if readings(made(layers)).get(sizes) is wanted:
        return
    axes = sizes - [Reading.SPACE, Reading.SAMPLE, Reading.BATCH].index(wanted)
    if layers and layers[0]["op"] == "identity" and "from" not in layers[0]:
        layers[0]["axes"] = axes
    else:
        _put_first(layers, {"op": "identity", "axes": axes})


def _put_first(layers: list[Raw], first: Raw) -> None:
    """Put a layer in front of others, which read it in place of the input."""
    name = unused_name("input_axes", {layer["name"] for layer in layers})
    for layer in layers:
        reads = layer.get("from", [])
        reads = [name if one == "input" else one for one in ([reads] if isinstance(reads, str) else reads)]
        if reads:
            layer["from"] = reads[0] if len(reads) == 1 else reads
    layers.insert(0, {"name": name, **first})


def made(layers: Iterable[Raw]) -> Iterator[Layer]:
    """Yield the layers of a spec, those of a block in its place; their keys are not checked."""
    for raw in layers:
        if "layers" in raw:
            yield from made(raw["layers"])
            continue
        cls, nd = OPS[raw["op"]]
        keys = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
        yield cls(raw["op"], nd, {key: keys[key] for key in cls.KEYS if key in keys})
