"""The output shapes of PyTorch's functions for windows, padding and resampling.

Sizes of windows are computed by our own layers, which know the formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ....axes import begin
from ....dialects import dialect_named
from ....errors import CnncalcError, ShapeError
from ....layers import OPS
from ....layers.base import ENDS, Env
from ....layers.names import TORCH
from ....sizes import show
from ...torch.read.windows import numbered
from .shapes import SHAPES, Rule, Shape, ShapeCall, Shapes, as_code, axis_of, listed
from .tensors import TensorValue


def window(op: str, nd: int, keys: Mapping[str, Any], x: Shape) -> Shape:
    """Return the shape of a map, with its batch, after one of our own layers. Raise ShapeError if it does not fit."""
    word = op + ENDS[nd]
    cls, rank = OPS[word]
    given = {key: _read(word, key, value) for key, value in keys.items() if key in cls.KEYS}
    front, sample = x[: len(x) - nd - 1], x[len(x) - nd - 1 :]
    layer = cls(word, rank, given)
    traced = layer.trace(sample, begin(sample, range(1, nd + 1)), Env(dialect_named("torch"), False))
    return (*front, *[n for n in traced.out if isinstance(n, int)])


def _read(word: str, key: str, value: Any) -> Any:
    """Read a key's value: a number, or one for each axis. Raise ShapeError with PyTorch's name for the key."""
    cls, rank = OPS[word]
    name = next((theirs for theirs, ours in TORCH[cls.WORD].keys.items() if ours == key), key)
    if isinstance(value, (list, tuple)):
        value = value[0] if len(set(value)) == 1 else list(value)
    try:
        return cls.KEYS[key](value, rank)
    except CnncalcError as error:
        raise ShapeError(f"{name}: {error.what}", error.help) from None


def keys_of(op: str, call: ShapeCall) -> dict[str, Any]:
    """Return a call's arguments as an op's keys."""
    given = TORCH[op].ours(call.get)
    return {key: value for key, value in given.items() if value is not None and not isinstance(value, TensorValue)}


def check_map(call: ShapeCall, nd: int) -> None:
    """Raise ShapeError unless the first argument is a feature map of nd axes, with or without a batch."""
    if len(call.x) not in (nd + 1, nd + 2):
        axes = "one axis" if nd == 1 else f"{nd} axes"
        raise ShapeError(f"works on channels and {axes}, gets {show(call.x[1:])}")


def dimensions(function: str) -> int:
    """Return the number of axes in a function's name: 2 for `conv2d`."""
    return int(next(c for c in function if c.isdigit()))


@SHAPES.rule(numbered("conv{}d", "conv_transpose{}d"), kind="float")
def conv(call: ShapeCall) -> Shapes:
    """Return the shape of a convolution, or of a transposed one."""
    nd, groups = dimensions(call.function), call.get("groups", 1)
    check_map(call, nd)
    first, second, *k = call.shape("weight")
    transposed = "transpose" in call.function
    c_i, c_o = (first, second * groups) if transposed else (second * groups, first)
    got = call.x[-nd - 1]
    if got != c_i:
        raise ShapeError(f"expects {c_i} input channels, gets {got} of {show(call.x[-nd - 1 :])}")
    op = "convT" if transposed else "conv"
    return window(op, nd, {**keys_of(op, call), "c_o": c_o, "k": k, "bias": True}, call.x)


def pool(op: str) -> Rule:
    """Return the rule of sliding-window pooling."""

    def rule(call: ShapeCall) -> Shapes:
        nd = dimensions(call.function)
        check_map(call, nd)
        keys = keys_of(op, call)
        keys = {key: value for key, value in keys.items() if not (key == "s" and value in ([], ()))}
        divisor = call.get("divisor_override")
        if divisor is not None and (type(divisor) is not int or not divisor):
            raise ShapeError(f"divisor_override is {as_code(divisor)}, not a whole number other than 0")
        out = window(op, nd, keys, call.x)
        return [out, out] if call.function.endswith("_with_indices") or call.get("return_indices") else out

    return rule


SHAPES.rule(numbered("max_pool{}d", "max_pool{}d_with_indices"))(pool("maxpool"))
SHAPES.rule(numbered("avg_pool{}d"))(pool("avgpool"))
SHAPES.rule(numbered("lp_pool{}d"))(pool("lppool"))


def sizes_of(call: ShapeCall, name: str, nd: int, least: int = 0) -> list[int]:
    """Return nd requested sizes. Raise ShapeError for a wrong number of them, or for one that is too small."""
    given = call.get(name)
    sizes = listed(given, nd, name)
    if any(isinstance(size, int) and size < least for size in sizes):
        raise ShapeError(f"{name} is {as_code(given)}: a size is at least {least}")
    return sizes


@SHAPES.rule(numbered("adaptive_avg_pool{}d", "adaptive_max_pool{}d", "adaptive_max_pool{}d_with_indices"))
def adaptive(call: ShapeCall) -> Shapes:
    """Return the shape of adaptive pooling."""
    nd = dimensions(call.function)
    check_map(call, nd)
    space = call.x[-nd:]
    wanted = sizes_of(call, "output_size", nd)
    out = (*call.x[:-nd], *[n if size is None else size for n, size in zip(space, wanted, strict=True)])
    return [out, out] if call.function.endswith("_with_indices") or call.get("return_indices") else out


@SHAPES.rule(numbered("max_unpool{}d"), "input indices kernel_size stride padding output_size")
def unpool(call: ShapeCall) -> Shapes:
    """Return the shape of undoing max pooling."""
    nd, size = dimensions(call.function), call.get("output_size")
    if size is not None:
        return (*call.x[:-nd], *list(size)[-nd:])
    k = listed(call.get("kernel_size"), nd, "kernel_size", lone=True)
    s = listed(call.get("stride") or k, nd, "stride", lone=True)
    p = listed(call.get("padding", 0), nd, "padding", lone=True)
    space = [(n - 1) * one - 2 * side + own for n, one, side, own in zip(call.x[-nd:], s, p, k, strict=True)]
    return (*call.x[:-nd], *space)


@SHAPES.rule("interpolate upsample upsample_nearest upsample_bilinear")
def interpolate(call: ShapeCall) -> Shapes:
    """Return the shape of a resampled feature map."""
    nd, mode = len(call.x) - 2, call.get("mode", "nearest")
    size, factor = call.get("size"), call.get("scale_factor")
    if nd not in RESAMPLED.get(mode, ANY):
        raise ShapeError(f"{mode} is for another number of axes than that of {show(call.x[1:])}")
    if mode not in RESAMPLED:
        raise ShapeError(f"{as_code(mode)} is not a mode: it is one of {', '.join(RESAMPLED)}")
    if (size is None) == (factor is None):
        raise ShapeError("it needs size or scale_factor" if size is None else "it takes size or scale_factor, not both")
    if mode not in INTERPOLATES and call.get("align_corners") is not None:
        raise ShapeError(f"align_corners is for modes that interpolate, not for {mode}")
    if size is not None:
        return (*call.x[:2], *sizes_of(call, "size", nd, least=1))
    sizes = [int(n * one) for n, one in zip(call.x[2:], listed(factor, nd, "scale_factor"), strict=True)]
    if min(sizes) < 1:
        raise ShapeError(f"scale_factor is {as_code(factor)}, which leaves {show(sizes)} of {show(call.x[2:])}")
    return (*call.x[:2], *sizes)


ANY = (1, 2, 3)
INTERPOLATES = {"linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}
RESAMPLED = {"nearest": ANY, **INTERPOLATES, "area": ANY, "nearest-exact": ANY}
"""The number of spatial axes for each mode, including those that interpolate between units."""


@SHAPES.rule("pixel_shuffle")
def pixel_shuffle(call: ShapeCall) -> Shapes:
    """Return the shape after moving channels into space."""
    return window("pixelshuffle", 2, {"factor": call.get("upscale_factor")}, call.x)


@SHAPES.rule("pixel_unshuffle")
def pixel_unshuffle(call: ShapeCall) -> Shapes:
    """Return the shape after moving space into channels."""
    return window("pixelunshuffle", 2, {"factor": call.get("downscale_factor")}, call.x)


@SHAPES.rule("pad")
def pad(call: ShapeCall) -> Shapes:
    """Return the shape after padding the last axes; PyTorch lists the last axis first."""
    sizes, sides = list(call.x), list(call.get("pad"))
    inner = len(sizes) - len(sides) // 2 in (1, 2) and len(sides) <= 6
    if call.get("mode", "constant") != "constant" and not inner:
        raise ShapeError(f"{len(sides)} sides of padding are for other axes than those of {show(call.x[1:])}")
    if len(sides) % 2 or len(sides) > 2 * len(sizes):
        raise ShapeError(f"{len(sides)} sides of padding for {len(sizes)} axes: give two for each axis, the last first")
    for at, (before, after) in enumerate(zip(sides[::2], sides[1::2], strict=True), 1):
        sizes[-at] += before + after
        if sizes[-at] < 0:
            raise ShapeError(f"{show(call.x[1:])} is cropped to a negative size by {sides}")
    return tuple(sizes)


@SHAPES.rule("unfold", "input kernel_size dilation padding stride")
def unfold(call: ShapeCall) -> Shapes:
    """Return the shape of windows along an axis (the method), or of a map's windows as columns (the function)."""
    if "size" in call.given:
        at = axis_of(call.get("dimension"), len(call.x))
        size, step = call.get("size"), call.get("step")
        count = (call.x[at] - size) // step + 1
        return (*call.x[:at], count, *call.x[at + 1 :], size)
    return window("unfold", 2, keys_of("unfold", call), call.x)


@SHAPES.rule("fold")
def fold(call: ShapeCall) -> Shapes:
    """Return the shape of a feature map that sums windows."""
    out, k = sizes_of(call, "output_size", 2, least=1), listed(call.get("kernel_size"), 2, "kernel_size")
    return (*call.x[:-2], call.x[-2] // prod(k), *out)


@SHAPES.rule("grid_sample", "input grid", "float")
def grid_sample(call: ShapeCall) -> Shapes:
    """Return the shape of a feature map sampled at the points of a grid."""
    return (*call.x[:2], *call.shape("grid")[1:-1])


@SHAPES.rule("affine_grid", "theta size", "float")
def affine_grid(call: ShapeCall) -> Shapes:
    """Return the shape of a sampling grid."""
    n, _, *space = call.get("size")
    return (n, *space, len(space))
