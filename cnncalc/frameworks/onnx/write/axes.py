"""Ops that rearrange, select or pad a sample's values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ....layers.keys import Pair, leaves, nested_shape
from ....layers.resample import apart_in_order
from ....registry import Registry
from ....report import LayerReport
from ....sizes import known
from ....window import extent, positions
from .composite import as_batch
from .file import IN_NUMBERS, OnnxFile, OnnxWriter, inexpressible, numbers
from .windows import between, channels_first

END = 2**63 - 1
MODES = {"replicate": "edge", "circular": "wrap"}
WRITERS: Registry[str, OnnxWriter] = Registry()


@WRITERS.register("reshape")
def reshape(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Reshape, in which 0 keeps the batch."""
    sizes = [n if isinstance(n, int) else -1 for n in layer.traced.out]
    if sizes.count(-1) > 1:
        raise inexpressible(layer, "a reshape to several open sizes", IN_NUMBERS)
    shape = file.constant(layer, "shape", [0, *sizes])
    file.node("Reshape", [*file.reads(layer), shape], layer.name)


@WRITERS.register("pad", "crop")
def pad(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Pad, with negative numbers for a crop. A reflection may include what is cut, so cuts come after it."""
    v, first = layer.values, file.is_first(layer)
    (x,) = file.reads(layer, first)
    crop = layer.node.layer.WORD == "crop"
    mode, pairs = "constant" if crop else v["mode"], [(-b, -a) if crop else (b, a) for b, a in v["p"]]
    if mode == "reflect" and min(map(min, pairs)) < 0:
        added = [(max(b, 0), max(a, 0)) for b, a in pairs]
        x = file.step(layer, "reflected", "Pad", [x, *_sides(file, layer, added, [""], first)], mode=mode)
        mode, pairs = "constant", [(min(b, 0), min(a, 0)) for b, a in pairs]
    value = [file.constant(layer, "value", float(v["value"]))] if not crop and v["mode"] == "constant" else [""]
    reads = [x, *_sides(file, layer, pairs, value, first)]
    file.end(layer, "Pad", reads if any(reads[2:]) else reads[:2], first, mode=MODES.get(mode, mode))


def _sides(file: OnnxFile, layer: LayerReport, pairs: Sequence[Pair], value: list[str], first: bool) -> list[str]:
    """Return the names of a Pad's pads, value and axes; the axes are omitted if they are the last ones."""
    rank, axes = len(layer.sample), [file.axis(layer, axis, first) for axis in layer.traced.axes]
    begins, ends = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if axes == list(range(2, rank + 1)):
        return [file.constant(layer, "pads", [0, 0, *begins, 0, 0, *ends]), *value]
    return [file.constant(layer, "pads", [*begins, *ends]), *value, file.constant(layer, "axes", axes)]


@WRITERS.register("slice")
def slices(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Slice of one axis."""
    v, first = layer.values, file.is_first(layer)
    end = v["stop"] if v["stop"] is not None else END if v["step"] > 0 else -END
    axis = file.axis(layer, layer.traced.axes[0], first)
    parts = {"start": v["start"], "stop": end, "axis": axis, "step": v["step"]}
    places = [file.constant(layer, part, [n]) for part, n in parts.items()]
    file.end(layer, "Slice", [*file.reads(layer, first), *places], first)


@WRITERS.register("gather")
def gather(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Gather by constant indices."""
    indices = layer.values["indices"]
    places = file.constant(layer, "indices", list(leaves(indices)), nested_shape(indices))
    file.node("Gather", [*file.reads(layer), places], layer.name, axis=layer.traced.axes[0])


@WRITERS.register("expand")
def expand(file: OnnxFile, layer: LayerReport) -> None:
    """Write an Expand, after a Reshape if axes are added; a size of 1 keeps an axis, including the batch."""
    (x,), sample, out = file.reads(layer), layer.sample, layer.traced.out
    added = len(out) - len(sample)
    if added:
        sizes = [0, *[1] * added, *numbers(layer, sample, "new axes")]
        x = file.step(layer, "axes", "Reshape", [x, file.constant(layer, "ones", sizes)])
    shape = [n if isinstance(n, int) else 1 for n in out]
    file.node("Expand", [x, file.constant(layer, "shape", [1, *shape])], layer.name)


@WRITERS.register("tile")
def tile(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Tile that leaves the batch unchanged."""
    repeats = file.constant(layer, "repeats", [1, *layer.values["repeats"]])
    file.node("Tile", [*file.reads(layer), repeats], layer.name)


@WRITERS.register("roll")
def roll(file: OnnxFile, layer: LayerReport) -> None:
    """Write a swap of the two parts of each axis, one axis after another."""
    (x,), moved = file.reads(layer), []
    for axis, shift in zip(layer.traced.axes, layer.values["shift"], strict=True):
        n = known(layer.sample[axis - 1])
        cut = -shift if n is None else -shift % n
        if cut:
            moved.append((axis, cut))
    for number, (axis, cut) in enumerate(moved, 1):
        where, at = file.constant(layer, "axis", [axis]), file.constant(layer, "cut", [cut])
        ends = [at, file.constant(layer, "end", [END])], [file.constant(layer, "start", [0]), at]
        parts = [file.step(layer, "part", "Slice", [x, *bounds, where]) for bounds in ends]
        x = layer.name if number == len(moved) else file.name(f"{layer.name}.{number}")
        file.node("Concat", parts, x, axis=axis)
    if not moved:
        file.node("Identity", [x], layer.name)


@WRITERS.register("stack")
def stack(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Concat of inputs along a new axis."""
    (axis,) = layer.traced.axes
    axes = file.constant(layer, "axes", [axis])
    parts = [file.step(layer, "part", "Unsqueeze", [x, axes]) for x in as_batch(file, layer)]
    file.node("Concat", parts, layer.name, axis=axis)


@WRITERS.register("unfold")
def unfold(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Pad, a Gather of each axis by its windows' taps, and a Transpose of taps before windows."""
    v = layer.values
    c, space = layer.node.layer.split(tuple(numbers(layer, layer.sample, "windows")), layer.env)
    pads = [0, 0, *[b for b, _ in v["p"]], 0, 0, *[a for _, a in v["p"]]]
    x = channels_first(file, layer)
    if any(pads):
        x = file.step(layer, "padded", "Pad", [x, file.constant(layer, "pads", pads)])
    for at, (n, (b, a), k, s, d) in enumerate(zip(space, v["p"], v["k"], v["s"], v["d"], strict=True)):
        windows = positions(n, b + a, extent(k, d), s)
        assert isinstance(windows, int)
        taps = [u * s + i * d for i in range(k) for u in range(windows)]
        places = file.constant(layer, "taps", taps, [k, windows])
        x = file.step(layer, "gathered", "Gather", [x, places], axis=2 + 2 * at)
    nd = len(space)
    order = [0, 1, *range(2, 2 + 2 * nd, 2), *range(3, 3 + 2 * nd, 2)]
    x = file.step(layer, "turned", "Transpose", [x], perm=order)
    columns = [0, prod(v["k"]) * (known(c) or 0), -1]
    file.end(layer, "Reshape", [x, file.constant(layer, "shape", columns)], first=True)


@WRITERS.register("fold")
def fold(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Col2Im."""
    v = layer.values
    sizes = [file.constant(layer, part, v[key]) for part, key in (("image", "out"), ("block", "k"))]
    pads = [*[b for b, _ in v["p"]], *[a for _, a in v["p"]]]
    reads = [channels_first(file, layer), *sizes]
    file.end(layer, "Col2Im", reads, first=True, dilations=v["d"], pads=pads, strides=v["s"])


@WRITERS.register("channelshuffle")
def channelshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """Write a Transpose between two Reshapes."""
    sample = (*layer.sample[-1:], *layer.sample[:-1]) if file.last else layer.sample
    sizes = tuple(numbers(layer, sample, "shuffled values"))
    apart, order, out = apart_in_order(layer.node.layer.WORD, layer.values, sizes, False)
    groups = file.constant(layer, "groups", [0, *numbers(layer, apart, "it")])
    split = file.step(layer, "apart", "Reshape", [channels_first(file, layer), groups])
    turned = file.step(layer, "turned", "Transpose", [split], perm=[0, *order])
    shape = file.constant(layer, "shape", [0, *numbers(layer, out, "it")])
    file.end(layer, "Reshape", [turned, shape], first=True)


@WRITERS.register("pixelshuffle")
def pixelshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """Write a DepthToSpace in the order CRD or DCR."""
    mode = layer.values["order"].upper()
    between(file, layer, "DepthToSpace", blocksize=layer.values["factor"], mode=mode)


@WRITERS.register("pixelunshuffle")
def pixelunshuffle(file: OnnxFile, layer: LayerReport) -> None:
    """Write a SpaceToDepth, which before operator set 28 has only the order DCR; others are transposed."""
    if layer.values["order"] == "dcr":
        between(file, layer, "SpaceToDepth", blocksize=layer.values["factor"])
    else:
        channelshuffle(file, layer)
