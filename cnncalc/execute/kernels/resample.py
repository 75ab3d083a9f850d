"""The kernels of upsampling and of shuffled channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ...layers.resample import DETAILS, nearest, place
from ..task import Array, Dtype, Kernel, Place, Task, Weights, averages, keeps, wide
from ..threads import blockwise
from .norm import split_groups

Taps = tuple[Array, Array]
"""The inputs (0 to n - 1) that the outputs of one axis are mixed from, and their weights; both are (taps, out)."""


def places(task: Task, axis: int, n: int, out: int, units: Array, kind: Dtype) -> Array:
    """Return the positions of outputs, `units` of all `out`, on an axis of n inputs; they may be beyond the border."""
    unit, v, scale = units.astype(kind), task.values, _scale(task, axis, n, out)
    if v["align"]:
        return np.asarray(unit * kind.type((n - 1) / (out - 1) if out > 1 else 0))
    if DETAILS.isdisjoint(v):
        return np.asarray((unit + kind.type(0.5)) * kind.type(scale) - kind.type(0.5))
    by = kind.type(v["factor"][axis] if "factor" in v else out / n)
    at = place(units.astype(np.float64), n, out, by, v.get("where", "half_pixel"), kind.type)
    return np.asarray(at, kind)


def _scale(task: Task, axis: int, n: int, out: int) -> float:
    """Return the number of inputs per output, by the given factor or else by the sizes."""
    factor = task.values.get("factor")
    return float(n / out if factor is None else 1 / factor[axis])


def _nearest(task: Task, axis: int, n: int, out: int, units: Array, kind: Dtype) -> Array:
    """Return the input that each output takes."""
    is_double = kind == np.float64
    found = nearest(task.values, axis, (n, out), units.astype(np.float64), task.dialect, _in_float32, is_double)
    return np.asarray(np.clip(found, 0, n - 1), np.int64)


def _in_float32(values: Array) -> Array:
    """Return numbers rounded to float32, in double precision."""
    return np.asarray(values, np.float32).astype(np.float64)


def _linear(task: Task, axis: int, n: int, out: int, units: Array, kind: Dtype) -> Taps:
    at = np.maximum(places(task, axis, n, out, units, kind), 0)
    first = np.minimum(at.astype(np.int64), n - 1)
    share = np.minimum(at - first, 1)
    return np.stack([first, np.minimum(first + 1, n - 1)]), np.stack([1 - share, share]).astype(kind)


def _cubic(task: Task, axis: int, n: int, out: int, units: Array, kind: Dtype) -> Taps:
    """Return the taps of Keys's cubic convolution (1981), with A = -3/4 as in PyTorch, or -1/2 as in TensorFlow."""
    at, steps = places(task, axis, n, out, units, kind), task.dialect.cubic_steps
    first = np.floor(at).astype(np.int64)
    share: Array = np.asarray(at - first if steps == 0 else np.rint((at - first) * steps) / steps)
    v = task.values
    a = v.get("cubic", task.dialect.cubic)
    near = [((a + 2) * t - (a + 3)) * t * t + 1 for t in (share, 1 - share)]
    far = [((a * t - 5 * a) * t + 8 * a) * t - 4 * a for t in (share + 1, 2 - share)]
    weights = np.stack([far[0], *near, far[1]])
    inputs = first + np.arange(-1, 3)[:, None]
    if v.get("exclude_outside", task.dialect.cubic_leaves_out):
        weights *= (inputs >= 0) & (inputs < n)
        weights /= weights.sum(0)
    return np.clip(inputs, 0, n - 1), weights.astype(kind)


def _copied(task: Task, axis: int, n: int, out: int, units: Array, kind: Dtype) -> Taps:
    """Return the taps of an axis that is unchanged (PyTorch, cpu/UpSampleKernel.cpp; onnxruntime's antialias)."""
    return units[None], np.ones((1, len(units)))


def _antialiased(task: Task, axis: int, n: int, out: int, units: Array, kind: Dtype) -> Taps:
    """Return the taps of a filter that is as wide as an output (Pillow, Resample.c; onnx, Resize)."""
    by, cubic = _scale(task, axis, n, out), "cubic" in task.values["mode"]
    scale = max(by, 1.0)
    reach = (2 if cubic else 1) * scale
    centre = (units + 0.5) * by - 0.5
    inputs = np.ceil(centre - reach).astype(np.int64) + np.arange(int(2 * reach) + 1)[:, None]
    t = np.abs((inputs - centre) / scale)
    if cubic:
        a = task.values.get("cubic", task.dialect.cubic)
        near, far = ((a + 2) * t - (a + 3)) * t * t + 1, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        weights = np.where(t < 1, near, np.where(t < 2, far, 0))
    else:
        weights = np.maximum(1 - t, 0)
    if task.values.get("exclude_outside", task.dialect.cubic_leaves_out):
        weights = weights * ((inputs >= 0) & (inputs < n))
    return np.clip(inputs, 0, n - 1), (weights / weights.sum(0)).astype(kind)


def _upsample(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Fill `out` block by block; taps are computed for one block at a time."""
    x, v = xs[0], task.values
    sizes = [*zip(range(x.ndim - 2), x.shape[2:], out.shape[2:], strict=True)]
    kind = x.dtype if v["mode"] == "nearest" else wide(out.dtype)

    def units(block: Place) -> list[Array]:
        return [np.arange(*part.indices(o)) for part, (_, _, o) in zip(block, sizes, strict=True)]

    def choose(block: Place) -> None:
        grid = np.ix_(*[_nearest(task, *size, some, kind) for size, some in zip(sizes, units(block), strict=True)])
        for n, c in np.ndindex(x.shape[:2]):
            out[n, c][block] = x[n, c][grid]

    how = _antialiased if v.get("antialias") else _cubic if "cubic" in v["mode"] else _linear
    copies = v.get("antialias") or (how is _linear and "where" not in v)  # axes of the same size are copied
    hows = [_copied if copies and n == o else how for _, n, o in sizes]

    def mix(block: Place) -> None:
        taps = [how(task, *size, some, kind) for how, size, some in zip(hows, sizes, units(block), strict=True)]
        seen = tuple([slice(inputs.min(), inputs.max() + 1) for inputs, _ in taps])
        near = [[*zip(inputs - at.start, shares, strict=True)] for at, (inputs, shares) in zip(seen, taps, strict=True)]
        for n, c in np.ndindex(x.shape[:2]):
            mixed = x[n, c][seen].astype(kind)
            for axis, pairs in enumerate(near):
                across = (-1, *(1,) * (mixed.ndim - 1 - axis))
                mixed = sum(np.take(mixed, i, axis) * w.reshape(across) for i, w in pairs)
            np.copyto(out[n, c][block], mixed, casting="unsafe")

    each = max(prod(x.shape[2:]) // prod(out.shape[2:]), 1) * kind.itemsize
    blockwise(choose if v["mode"] == "nearest" else mix, out[0, 0], each)


def _working(task: Task, x: tuple[int, ...], out: tuple[int, ...], kind: Dtype) -> int:
    """Return the bytes that blocks take, including the filters' weights: a filter may be as wide as the input."""
    wide = prod(x[2:]) * kind.itemsize + FILTERED * max(x[2:]) if task.values.get("antialias") else 0
    return min(8 * (prod(x) + 4 * prod(out)), task.scratch) + wide


FILTERED = 160
"""The bytes per input of a filter that computing its weight takes."""


def _mixes(kinds: Sequence[Dtype], values: Mapping[str, Any]) -> Dtype:
    return (keeps if values["mode"] == "nearest" else averages)(kinds, values)


def _pixelshuffle(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    for blocks, pixels in _blocks(task, xs[0], out):
        np.copyto(pixels, blocks)


def _pixelunshuffle(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    for blocks, pixels in _blocks(task, out, xs[0]):
        np.copyto(blocks, pixels)


def _blocks(task: Task, many: Array, few: Array) -> Iterator[tuple[Array, Array]]:
    """Yield for each place of a block the channels of `many` that hold it, and the pixels of `few` there.

    Channel c*f*f + i*f + j of `many` is channel c of `few` (PyTorch), or with dcr channel (i*f + j)*C + c (TensorFlow).
    """
    f, c = task.values["factor"], few.shape[1]
    for i, j in np.ndindex(f, f):
        at = i * f + j
        chosen = slice(at, None, f * f) if task.values["order"] == "crd" else slice(at * c, (at + 1) * c)
        yield many[:, chosen], few[:, :, i::f, j::f]


def _channelshuffle(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    g = task.values["g"]
    np.copyto(split_groups(out, out.shape[1] // g), split_groups(xs[0], g).swapaxes(1, 2))


KERNELS = {
    "upsample": Kernel(_upsample, _mixes, spatial=True, working=_working),
    "pixelshuffle": Kernel(_pixelshuffle, keeps, spatial=True),
    "pixelunshuffle": Kernel(_pixelunshuffle, keeps, spatial=True),
    "channelshuffle": Kernel(_channelshuffle, keeps, spatial=True),
}
