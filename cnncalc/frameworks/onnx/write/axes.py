"""Ops that order a sample's values anew, take some of them, or put values around them."""

from __future__ import annotations

from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers
from .windows import between, channels_first

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
    first = file.is_first(layer)
    parts = layer.values | {"axis": file.axis(layer, layer.traced.axes[0], first)}
    parts |= {"stop": END} if parts["stop"] is None else {}
    places = [file.constant(layer, part, [parts[part]]) for part in ("start", "stop", "axis", "step")]
    file.end(layer, "Slice", [*file.reads(layer, first), *places], first)


@WRITERS.register("mean")
def mean(file: OnnxFile, layer: LayerReport) -> None:
    """Write a ReduceMean over some axes."""
    keep = bool(layer.values["keepdims"])
    first = file.has_only_first(layer) and (keep or len(layer.traced.out) < 2)
    axes = file.constant(layer, "axes", [file.axis(layer, axis, first) for axis in layer.traced.axes])
    file.end(layer, "ReduceMean", [*file.reads(layer, first), axes], first, keepdims=int(keep))


@WRITERS.register("channelshuffle")
def channelshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """Write the channels as (g, c/g), their axes transposed."""
    g, sample = layer.values["g"], layer.sample
    sizes = numbers(layer, (*sample[-1:], *sample[:-1]) if file.last else sample, "shuffled channels")
    apart = [g, sizes[0] // g, *sizes[1:]]
    split = file.step(
        layer, "apart", "Reshape", [channels_first(file, layer), file.constant(layer, "groups", [0, *apart])]
    )
    turned = file.step(layer, "turned", "Transpose", [split], perm=[0, 2, 1, *range(3, len(apart) + 1)])
    file.end(layer, "Reshape", [turned, file.constant(layer, "shape", [0, *sizes])], first=True)
