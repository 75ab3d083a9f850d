"""The kernels of convolution layers: from a layer's keys and weights to cross-correlations."""

from __future__ import annotations

from collections.abc import Sequence

from .columns import Windows, parts
from .convolve import convolve
from .task import Array, Kernel, Task, Weights, accumulates, wide
from .threads import buffer
from .transposed import flipped, scatter


def windows_of(task: Task) -> Windows:
    """The windows of a layer, its padding worked out."""
    v = task.values
    return Windows(tuple(v["k"]), tuple(v["s"]), tuple(v["d"]), tuple([before for before, _ in v["p"]]))


def kernel_first(weight: Array, task: Task) -> Array:
    """A kernel as (c_o, c_i/g, *k), turned where the layer flips it; stored in NHWC it is (*k, c_i/g, c_o)."""
    if task.channels_last:
        weight = weight.transpose(weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2))
    return flipped(weight) if task.values["flip"] else weight


def channelwise(weight: Array, task: Task) -> Array:
    """A depthwise kernel as (c_i*multiplier, 1, *k); stored in NHWC it is (*k, c_i, multiplier)."""
    if task.channels_last:
        nd = weight.ndim - 2
        weight = weight.transpose(nd, nd + 1, *range(nd))
        weight = weight.reshape(-1, 1, *weight.shape[2:])
    return flipped(weight) if task.values["flip"] else weight


def _conv(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    weight = kernel_first(weights["weight"], task)
    convolve(xs[0], weight, weights.get("bias"), out, windows_of(task), task.values["g"])


def _depthwise(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    weight = channelwise(weights["weight"], task)
    convolve(xs[0], weight, weights.get("bias"), out, windows_of(task), xs[0].shape[1])


def _separable(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, windows = xs[0], windows_of(task)
    depthwise = channelwise(weights["depthwise"], task)
    pointwise = kernel_first(weights["pointwise"], task)
    kind = out.dtype if out.dtype.kind in "iu" else wide(out.dtype)
    each_position = (len(depthwise) + len(pointwise)) * kind.itemsize
    ones = (1,) * len(windows.k)
    for part in parts(len(x), out.shape[2:], task.scratch // 2 // each_position, len(x)):
        target = part.of(out)
        between = buffer("between", (len(target), len(depthwise), *part.size), kind)
        begins = zip(windows.pb, part.begin, windows.s, strict=True)
        there = windows._replace(pb=tuple([pb - begin * s for pb, begin, s in begins]))
        convolve(x[part.samples], depthwise, None, between, there, x.shape[1])
        convolve(between, pointwise, weights.get("bias"), target, Windows(ones, ones, ones, (0,) * len(ones)))


def _transposed(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    weight = weights["weight"]
    if task.channels_last:  # stored (*k, c_o/g, c_i)
        weight = weight.transpose(weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2))
    if task.values["flip"]:
        weight = flipped(weight)
    scatter(xs[0], weight, weights.get("bias"), out, windows_of(task), task.values["g"])


KERNELS = {
    "conv": Kernel(_conv, accumulates, spatial=True),
    "dwconv": Kernel(_depthwise, accumulates, spatial=True),
    "sepconv": Kernel(_separable, accumulates, spatial=True),
    "convT": Kernel(_transposed, accumulates, spatial=True),
}
