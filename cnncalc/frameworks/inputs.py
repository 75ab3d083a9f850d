"""The input of a model as a spec: its sizes must be read there as the framework reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..input import Reading, readings
from ..layers import OPS, Layer
from ..wiring import unused_name

Raw = dict[str, Any]
"""A layer as a spec holds it."""


def keep_reading(layers: list[Raw], sizes: int, wanted: Reading) -> None:
    """Write how many spatial axes the input has into an identity in front, if it is read otherwise without."""
    if readings(layers_of(layers)).get(sizes) is wanted:
        return
    axes = sizes - [Reading.SPACE, Reading.SAMPLE, Reading.BATCH].index(wanted)
    if layers and layers[0]["op"] == "identity" and "from" not in layers[0]:
        layers[0]["axes"] = axes
        return
    name = unused_name("input_axes", {layer["name"] for layer in layers})
    for layer in layers:
        if "from" in layer:
            reads = layer["from"]
            reads = [name if one == "input" else one for one in ([reads] if isinstance(reads, str) else reads)]
            layer["from"] = reads[0] if len(reads) == 1 else reads
    layers.insert(0, {"name": name, "op": "identity", "axes": axes})


def layers_of(spec: Iterable[Raw]) -> Iterator[Layer]:
    """Yield the layers of a spec, those of a block in its place; their keys are not checked."""
    for raw in spec:
        if "layers" in raw:
            yield from layers_of(raw["layers"])
            continue
        cls, nd = OPS[raw["op"]]
        keys = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
        yield cls(raw["op"], nd, {key: keys[key] for key in cls.KEYS if key in keys})
