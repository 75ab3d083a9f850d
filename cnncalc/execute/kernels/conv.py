"""The kernels of convolution layers, which map keys and weights to (transposed) cross-correlations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np

from ...layers import ConvKind
from ..convolution import shifts, transposed
from ..convolution.columns import Part, Shapes, Windows, flipped, parts
from ..convolution.convolve import TILE, convolve, takes_shifts, working
from ..task import Array, Dtype, Kernel, Task, Weights, accumulates, wide
from ..threads import buffer, threads


def windows_of(task: Task) -> Windows:
    """Return the windows of a layer with resolved padding."""
    v = task.values
    return Windows(tuple(v["k"]), tuple(v["s"]), tuple(v["d"]), tuple([before for before, _ in v["p"]]))


def kernel_first(weight: Array, task: Task, depthwise: bool = False) -> Array:
    """Return a kernel as (c_o, c_i/g, *k), flipped if the layer says so; in NHWC it is stored as (*k, c_i/g, c_o).

    For a depthwise convolution it is (c_i*multiplier, 1, *k), stored in NHWC as (*k, c_i, multiplier); for a transposed
    one it is (c_i, c_o/g, *k), stored in NHWC as (*k, c_o/g, c_i).
    """
    if task.channels_last:
        *space, first, second = range(weight.ndim)
        weight = weight.transpose(first, second, *space) if depthwise else weight.transpose(second, first, *space)
        weight = weight.reshape(-1, 1, *weight.shape[2:]) if depthwise else weight
    return flipped(weight) if task.values["flip"] else weight


def _tile(task: Task, g: int) -> int:
    """Return the bytes of columns and of products that are made at once: each thread has its own groups."""
    return min(TILE, task.scratch // (4 * (threads() if g > 1 else 1)))


def _kernel(way: Callable[..., None], estimate: Callable[[Shapes], int], kind: ConvKind) -> Kernel:
    """Return the kernel of a convolution with one weight array, from the function that fills its output."""

    def compute(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
        weight = kernel_first(weights["weight"], task, kind is ConvKind.DEPTHWISE)
        g = task.values.get("g") or xs[0].shape[1]
        way(xs[0], weight, weights.get("bias"), out, windows_of(task), g, _tile(task, g), task.then)

    def takes(task: Task, x: tuple[int, ...], out: tuple[int, ...], dtype: Dtype) -> int:
        windows, g = windows_of(task), task.values.get("g") or x[1]
        first, second = (x, out) if kind is ConvKind.TRANSPOSED else (out, x)
        shapes = Shapes(x, (first[1], second[1] // g, *windows.k), out, windows, g, dtype, _tile(task, g))
        return estimate(shapes)

    return Kernel(compute, accumulates, spatial=True, working=takes, finishes=True)


def arranges(task: Task, x: tuple[int, ...], out: tuple[int, ...], dtype: Dtype) -> bool:
    """Return whether another memory order of a plain convolution's weight pays off over many runs."""
    windows, g = windows_of(task), task.values["g"]
    shapes = Shapes(x, (out[1], x[1] // g, *windows.k), out, windows, g, dtype, _tile(task, g))
    return not task.values["flip"] and takes_shifts(shapes)


def arranged(weight: Array, task: Task) -> Array:
    """Return the weight of a plain, unflipped convolution in that memory order, with the same shape."""
    kernel = shifts.arranged(kernel_first(weight, task))
    return np.moveaxis(kernel, (1, 0), (-2, -1)) if task.channels_last else kernel


def _separable(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, windows, c_i = xs[0], windows_of(task), xs[0].shape[1]
    depthwise = kernel_first(weights["depthwise"], task, depthwise=True)
    pointwise = kernel_first(weights["pointwise"], task)
    kind = out.dtype if out.dtype.kind in "iu" else wide(out.dtype)
    for part in _between(task, len(x), len(depthwise), out.shape[2:], kind):
        target = part.of(out)
        between = buffer("between", (len(target), len(depthwise), *part.size), kind)
        convolve(x[part.samples], depthwise, None, between, windows.at(part.begin), c_i, _tile(task, c_i))
        convolve(between, pointwise, weights.get("bias"), target, _one(len(windows.k)), 1, _tile(task, 1))


def _between(task: Task, n: int, c: int, space: Sequence[int], kind: Dtype) -> Iterator[Part]:
    """Yield parts of the output such that the c channels between the two convolutions fit in memory."""
    return parts(n, space, _tile(task, 1) // (c * kind.itemsize), n)


def _one(nd: int) -> Windows:
    """Return the windows of a 1x1 kernel."""
    return Windows((1,) * nd, (1,) * nd, (1,) * nd, (0,) * nd)


def _working_separable(task: Task, x: tuple[int, ...], out: tuple[int, ...], kind: Dtype) -> int:
    windows, g, c = windows_of(task), x[1], x[1] * int(task.values["multiplier"])
    part = next(_between(task, x[0], c, out[2:], kind))
    between = (part.samples.stop, c, *part.size)
    one = _one(len(part.size))
    depthwise = Shapes(x, (c, 1, *windows.k), between, windows, g, kind, _tile(task, g))
    pointwise = Shapes(
        between, (out[1], c, *one.k), (part.samples.stop, out[1], *part.size), one, 1, kind, _tile(task, 1)
    )
    return int(prod(between) * kind.itemsize + max(working(depthwise), working(pointwise)))


KERNELS = {
    "conv": _kernel(convolve, working, ConvKind.PLAIN),
    "dwconv": _kernel(convolve, working, ConvKind.DEPTHWISE),
    "sepconv": Kernel(_separable, accumulates, spatial=True, working=_working_separable),
    "convT": _kernel(transposed.scatter, transposed.working, ConvKind.TRANSPOSED),
}
