"""Ops that order a sample's values anew, take some of them, or put values around them."""

from __future__ import annotations

from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers
from .windows import between

END = 2**63 - 1
MODES = {"replicate": "edge", "circular": "wrap"}
WRITERS: Registry[str, OnnxWriter] = Registry()


@WRITERS.register("reshape")
def reshape(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Reshape that keeps the batch as it is: 0 says so."""
    shape = file.constant(layer, "shape", [0, *layer.values["out"]])
    file.node("Reshape", [*file.reads(layer), shape], layer.name)


@WRITERS.register("pad", "crop")
def pad(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Pad of the spatial axes, the begins of all axes before their ends; a crop pads by less than nothing."""
    v, crop = layer.values, layer.node.layer.WORD == "crop"
    mode = "constant" if crop else v["mode"]
    value = [] if crop or mode != "constant" else [file.constant(layer, "value", float(v["value"]))]
    begins, ends = ([-pair[at] if crop else pair[at] for pair in v["p"]] for at in (0, 1))
    pads = file.constant(layer, "pads", [0, 0, *begins, 0, 0, *ends])
    between(file, layer, "Pad", [pads, *value], mode=MODES.get(mode, mode))


@WRITERS.register("slice")
def slices(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Slice of one axis."""
    parts = layer.values | {"stop": END if layer.values["stop"] is None else layer.values["stop"]}
    places = [file.constant(layer, part, [parts[part]]) for part in ("start", "stop", "axis", "step")]
    file.node("Slice", [*file.reads(layer), *places], layer.name)


@WRITERS.register("channelshuffle")
def channelshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """Write the channels as (g, c/g), their axes transposed."""
    (x,), g = file.reads(layer), layer.values["g"]
    sizes = numbers(layer, layer.sample, "shuffled channels")
    at = len(sizes) - 1 if file.last else 0
    apart = [*sizes[:at], g, sizes[at] // g, *sizes[at + 1 :]]
    order = list(range(len(apart) + 1))
    order[at + 1], order[at + 2] = order[at + 2], order[at + 1]
    split = file.step(layer, "apart", "Reshape", [x, file.constant(layer, "groups", [0, *apart])])
    turned = file.step(layer, "turned", "Transpose", [split], perm=order)
    file.node("Reshape", [turned, file.constant(layer, "shape", [0, *sizes])], layer.name)
