"""Keras's layers that resize and crop images.

Sources: keras/src/backend/tensorflow/image.py (resize) and keras/src/layers/preprocessing/image_preprocessing.
"""

from __future__ import annotations

from operator import mod
from struct import pack, unpack
from typing import TypeGuard

from ....sizes import LARGEST
from .config import LayerCall, is_listable
from .parts import CONVERTERS, LayerPart, Parts

MODES = ("nearest", "bilinear", "bicubic")
"""The interpolations with a layer here; lanczos3 and others are opaque."""


@CONVERTERS.register("Resizing", "Resize")
def _resizing(call: LayerCall) -> Parts:
    """Return a resize, after the crop or padding that keeps the aspect ratio."""
    size = call.get("size") or [call.get("height"), call.get("width")]
    wanted = [*filter(_is_size, size)] if isinstance(size, (list, tuple)) else []
    mode = call.get("interpolation") or "bilinear"
    if len(wanted) != 2 or mode not in MODES or call.get("antialias"):
        return None
    cuts = call.get("crop_to_aspect_ratio")
    pads = call.get("pad_to_aspect_ratio")
    have = _space(call)
    if not cuts and not pads and mode != "nearest":
        return [_resized(wanted, mode)]
    if have is None or (cuts and pads) or (pads and call.get("fill_mode") not in (None, "constant")):
        return None
    if cuts:
        box = [max(min(n, other), 1) for n, other in zip(have, _of_ratio(have, wanted), strict=True)]
        return _followed_by(_cropped(have, box), _scaled(box, wanted, mode, call))
    if pads:
        sides = [max(other - n, 0) // 2 for n, other in zip(have, _of_ratio(have, wanted), strict=True)]
        pad = {"op": "pad", "p": [[n, n] for n in sides], "value": call.get("fill_value") or 0}  # Keras pads evenly
        box = [n + 2 * side for n, side in zip(have, sides, strict=True)]
        return _followed_by([LayerPart(pad, "_pad")] if any(sides) else [], _scaled(box, wanted, mode, call))
    return _scaled(have, wanted, mode, call)


def _is_size(n: object) -> TypeGuard[int]:
    return type(n) is int and 1 <= n <= LARGEST


def _space(call: LayerCall) -> list[int] | None:
    """Return the height and width of the input; None if one is open."""
    sizes = call.sizes()
    space = None if sizes is None or len(sizes) != 3 else sizes[:2] if call.channels_last else sizes[1:]
    known = [n for n in space or () if n is not None]
    return known if len(known) == 2 else None


def _of_ratio(have: list[int], wanted: list[int]) -> list[int]:
    """Return the height that fits the width at the wanted ratio, and the width that fits the height."""
    (height, width), (high, wide) = have, wanted
    return [int(float(width * high) / wide), int(float(height * wide) / high)]


def _cropped(have: list[int], box: list[int]) -> list[LayerPart]:
    """Return a centre crop, if there is anything to cut off."""
    sides = [[(n - b) // 2, n - b - (n - b) // 2] for n, b in zip(have, box, strict=True)]
    return [LayerPart({"op": "crop", "p": sides}, "_crop")] if any(map(any, sides)) else []


def _resized(wanted: list[int], mode: str) -> LayerPart:
    return LayerPart({"op": "upsample", "out": wanted, "mode": mode})


def _followed_by(first: list[LayerPart], others: list[LayerPart] | None) -> list[LayerPart] | None:
    return None if others is None else first + others


def _scaled(have: list[int], wanted: list[int], mode: str, call: LayerCall) -> list[LayerPart] | None:
    """Return the layers that resize an image; the nearest pixel is the one at the centre of a unit's area.

    None if there are too many pixels to list.
    """
    if mode != "nearest" or all(size % n == 0 for n, size in zip(have, wanted, strict=True)):
        return [_resized(wanted, mode)]
    if not all(map(is_listable, wanted)):
        return None
    first = 1 if call.channels_last else 2
    taken = [_nearest(n, size) for n, size in zip(have, wanted, strict=True)]
    rows, columns = [{"op": "gather", "axis": first + at, "indices": one} for at, one in enumerate(taken)]
    return [LayerPart(rows, "_rows"), LayerPart(columns)]


def _nearest(n: int, size: int) -> list[int]:
    """Return the pixel of each unit in TensorFlow's float32 arithmetic: floor((u + 0.5) * n/size)."""
    scale = _single(n / size)
    return [min(int(_single((u + 0.5) * scale)), n - 1) for u in range(size)]


def _single(number: float) -> float:
    """Return a number rounded to float32."""
    rounded: float = unpack("f", pack("f", number))[0]
    return rounded


@CONVERTERS.register("RandomCrop")
def _random_crop(call: LayerCall) -> Parts:
    """Return what a random crop does in inference: Keras 2 resizes, Keras 3 returns the image.

    In Keras 3 its sizes differ from those that the model declares, unless they are those of the crop.
    """
    have, wanted = _space(call), [call.get("height"), call.get("width")]
    if have is None or not all(map(_is_size, wanted)):
        return None
    if have == wanted:
        return {"op": "identity"}
    return _to_ratio(have, wanted) if call.old else None


def _to_ratio(have: list[int], wanted: list[int]) -> list[LayerPart]:
    """Return an image resized to wanted sizes, cropped to their ratio first."""
    box = [max(min(n, other), 1) for n, other in zip(have, _of_ratio(have, wanted), strict=True)]
    return [*_cropped(have, box), _resized(wanted, "bilinear")]


@CONVERTERS.register("CenterCrop")
def _center_crop(call: LayerCall) -> Parts:
    """Return a centre crop; a smaller image is cropped to the ratio and resized."""
    have, height, width = _space(call), call.get("height"), call.get("width")
    if have is None or not _is_size(height) or not _is_size(width):
        return None
    if have[0] >= height and have[1] >= width:
        return [part._replace(suffix="") for part in _cropped(have, [height, width])] or {"op": "identity"}
    return _to_ratio(have, [height, width])


@CONVERTERS.register("DepthToSpace")
def _depth_to_space(call: LayerCall) -> Parts:
    return {"op": "pixelshuffle", "factor": call.get("block_size"), "order": "dcr"}


@CONVERTERS.register("SpaceToDepth")
def _space_to_depth(call: LayerCall) -> Parts:
    return {"op": "pixelunshuffle", "factor": call.get("block_size"), "order": "dcr"}


@CONVERTERS.register("ExtractPatches")
def _extract_patches(call: LayerCall) -> Parts:
    """Return adjacent windows, each as the channels of one place, by reshapes and a permute."""
    have, size = _space(call), call.get("size")
    sides = [size, size] if type(size) is int else size
    sizes, strides = call.sizes(), call.get("strides")
    strides = [strides, strides] if type(strides) is int else strides
    if have is None or sizes is None or strides not in (None, sides) or not call.channels_last:
        return None
    if not isinstance(sides, list) or len(sides) != 2 or not all(map(_is_size, sides)):
        return None
    if call.get("dilation_rate") not in (None, 1, [1, 1]):
        return None
    counts = [n // k for n, k in zip(have, sides, strict=True)]
    if sizes[2] is None or 0 in counts or (call.get("padding") == "same" and any(map(mod, have, sides))):
        return None
    (rows, columns), (high, wide), c = counts, sides, sizes[2]
    cut = [[0, n - count * side] for n, count, side in zip(have, counts, sides, strict=True)]
    return [
        *([LayerPart({"op": "crop", "p": cut}, "_crop")] if any(map(any, cut)) else []),
        LayerPart({"op": "reshape", "out": [rows, high, columns, wide, c]}, "_apart"),
        LayerPart({"op": "permute", "order": [1, 3, 2, 4, 5]}, "_windows"),
        LayerPart({"op": "reshape", "out": [rows, columns, high * wide * c]}),
    ]
