"""The kernels of convolution layers: from a layer's keys and weights to cross-correlations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod

from . import exact, winograd
from .convolve import Windows, correlate, parts
from .task import Array, Kernel, Task, Weights, accumulates, wide
from .threads import buffer


def convolve(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1) -> None:
    """Fill `out` (N, c_o, *out) from x (N, c_i, *space) and weight (c_o, c_i/g, *k), the shortest way."""
    weight, bias = in_kind(x, weight, bias, out)
    if g == 1 and winograd.pays(x, weight, out, windows):
        winograd.correlate_by_tiles(x, weight, bias, out, windows)
    else:
        correlate(x, weight, bias, out, windows, g)


def in_kind(x: Array, weight: Array, bias: Array | None, out: Array) -> tuple[Array, Array | None]:
    """Weight and bias in the dtype in which sums are taken: integers exactly, float16 in float32."""
    kind = exact.kind(x, weight, bias, weight[0].size) if out.dtype.kind in "iu" else wide(out.dtype)
    return weight.astype(kind, copy=False), None if bias is None else bias.astype(kind, copy=False)


def windows_of(task: Task) -> Windows:
    """The windows of a layer, its padding worked out."""
    v = task.values
    return Windows(tuple(v["k"]), tuple(v["s"]), tuple(v["d"]), tuple([before for before, _ in v["p"]]))


def kernel_first(weight: Array, task: Task) -> Array:
    """A kernel as (c_o, c_i/g, *k), turned where the layer flips it; stored in NHWC it is (*k, c_i/g, c_o)."""
    if task.channels_last:
        weight = weight.transpose(weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2))
    return flipped(weight) if task.values["flip"] else weight


def flipped(weight: Array) -> Array:
    """A kernel turned by 180 degrees."""
    return weight[(slice(None), slice(None), *(slice(None, None, -1),) * (weight.ndim - 2))]


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


def scatter(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1) -> None:
    """Fill `out` with the transposed convolution of x (N, c_i, *space) and weight (c_i, c_o/g, *k), pb cut away before.

    Input u writes to the outputs u*s + i*d - pb, so the outputs of one phase modulo s are an ordinary cross-correlation
    with every s-th cell of the kernel, turned: each phase is computed by itself, and nothing is added up twice.
    """
    c_i, c_o = x.shape[1], out.shape[1]
    cells = weight.shape[2:]
    apart = weight.reshape(g, c_i // g, c_o // g, *cells).swapaxes(1, 2)  # (g, c_o/g, c_i/g, *k)
    axes = [_phases(*axis) for axis in zip(out.shape[2:], *windows, strict=True)]
    if prod(map(len, axes)) < prod(windows.s):  # some outputs see no input
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * len(cells))
    every = slice(None)
    for mine in product(*axes):
        kernel = apart[(every, every, every, *[taps for taps, _, _, _ in mine])]
        kernel = flipped(kernel.reshape(c_o, c_i // g, *kernel.shape[3:]))
        phase = out[(every, every, *[outputs for _, outputs, _, _ in mine])]
        if phase.size:
            steps, pads = tuple([step for _, _, step, _ in mine]), tuple([pad for *_, pad in mine])
            convolve(x, kernel, bias, phase, Windows(kernel.shape[2:], (1,) * len(cells), steps, pads), g)


def _phases(n: int, k: int, s: int, d: int, pb: int) -> list[tuple[slice, slice, int, int]]:
    """For each phase of the outputs that some taps write to: the taps, the outputs, and their dilation and padding."""
    period = s // gcd(s, d)
    found = []
    for first in range(min(period, k)):
        taps = len(range(first, k, period))
        start = (first * d - pb) % s
        step = period * d // s
        begin = (start + pb - first * d) // s  # the input that the first tap brings to the first output
        found.append((slice(first, None, period), slice(start, n, s), step, (taps - 1) * step - begin))
    return found


KERNELS = {
    "conv": Kernel(_conv, accumulates, spatial=True),
    "dwconv": Kernel(_depthwise, accumulates, spatial=True),
    "sepconv": Kernel(_separable, accumulates, spatial=True),
    "convT": Kernel(_transposed, accumulates, spatial=True),
}
