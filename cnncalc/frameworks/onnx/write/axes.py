"""What orders a sample's values anew, takes some of them, or puts values around them."""

from __future__ import annotations

from ....registry import Registry
from ....report import LayerReport
from .file import OnnxFile, OnnxWriter, numbers
from .windows import between

END = 2**63 - 1
MODES = {"replicate": "edge", "circular": "wrap"}
WRITERS: Registry[str, OnnxWriter] = Registry()


@WRITERS.register("flatten")
def flatten(file: OnnxFile, layer: LayerReport) -> None:
    """All of a sample in one row."""
    file.node("Flatten", file.reads(layer), layer.name, axis=1)


@WRITERS.register("reshape")
def reshape(file: OnnxFile, layer: LayerReport) -> None:
    """The batch as it is: 0 keeps it."""
    shape = file.whole(layer, "shape", [0, *layer.values["out"]])
    file.node("Reshape", [*file.reads(layer), shape], layer.name)


@WRITERS.register("permute")
def permute(file: OnnxFile, layer: LayerReport) -> None:
    """The batch stays in front."""
    file.node("Transpose", file.reads(layer), layer.name, perm=[0, *layer.traced.axes])


def _pads(file: OnnxFile, layer: LayerReport, sign: int) -> str:
    """Begins of all axes, then their ends."""
    begins, ends = ([sign * pair[at] for pair in layer.values["p"]] for at in (0, 1))
    return file.whole(layer, "pads", [0, 0, *begins, 0, 0, *ends])


@WRITERS.register("pad")
def pad(file: OnnxFile, layer: LayerReport) -> None:
    """Around the spatial axes."""
    v = layer.values
    value = file.constant(layer, "value", [float(v["value"])], whole=False, shape=())
    reads = [_pads(file, layer, 1), *([value] if v["mode"] == "constant" else [])]
    between(file, layer, "Pad", reads, mode=MODES.get(v["mode"], v["mode"]))


@WRITERS.register("crop")
def crop(file: OnnxFile, layer: LayerReport) -> None:
    """A Pad of less than nothing."""
    between(file, layer, "Pad", [_pads(file, layer, -1)], mode="constant")


@WRITERS.register("slice")
def slices(file: OnnxFile, layer: LayerReport) -> None:
    """Some units of an axis."""
    v = layer.values
    stop = END if v["stop"] is None else v["stop"]
    parts = [("start", v["start"]), ("stop", stop), ("axis", v["axis"]), ("step", v["step"])]
    file.node("Slice", [*file.reads(layer), *[file.whole(layer, part, [n]) for part, n in parts]], layer.name)


@WRITERS.register("mean")
def mean(file: OnnxFile, layer: LayerReport) -> None:
    """Over some axes."""
    axes = file.whole(layer, "axes", layer.values["axis"])
    file.node("ReduceMean", [*file.reads(layer), axes], layer.name, keepdims=int(layer.values["keepdims"]))


@WRITERS.register("channelshuffle")
def channelshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """(g, c/g), its axes turned."""
    (x,), g = file.reads(layer), layer.values["g"]
    sizes = numbers(layer, layer.sample, "shuffled channels")
    at = len(sizes) - 1 if file.last else 0
    apart = [*sizes[:at], g, sizes[at] // g, *sizes[at + 1 :]]
    order = list(range(len(apart) + 1))
    order[at + 1], order[at + 2] = order[at + 2], order[at + 1]
    split = file.step(layer, "apart", "Reshape", [x, file.whole(layer, "groups", [0, *apart])])
    turned = file.step(layer, "turned", "Transpose", [split], perm=order)
    file.node("Reshape", [turned, file.whole(layer, "shape", [0, *sizes])], layer.name)
