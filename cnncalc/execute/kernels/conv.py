"""The kernels of convolution layers: from a layer's keys and weights to (transposed) cross-correlations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from ..convolution import transposed
from ..convolution.columns import Part, Shapes, Windows, flipped, parts
from ..convolution.convolve import TILE, convolve, working
from ..task import Array, Dtype, Kernel, Task, Weights, accumulates, wide
from ..threads import buffer, threads


def windows_of(task: Task) -> Windows:
    """The windows of a layer, its padding worked out."""
    v = task.values
    return Windows(tuple(v["k"]), tuple(v["s"]), tuple(v["d"]), tuple([before for before, _ in v["p"]]))


def kernel_first(weight: Array, task: Task) -> Array:
    """A kernel as (c_o, c_i/g, *k), turned where the layer flips it; stored in NHWC it is (*k, c_i/g, c_o).

    Of a transposed convolution it is (c_i, c_o/g, *k), and stored in NHWC (*k, c_o/g, c_i).
    """
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


def _tile(task: Task, g: int) -> int:
    """How many bytes of columns, and of products, are made at once: each thread has groups of its own."""
    return min(TILE, task.scratch // (4 * (threads() if g > 1 else 1)))


def _conv(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    weight = kernel_first(weights["weight"], task)
    g = task.values["g"]
    convolve(xs[0], weight, weights.get("bias"), out, windows_of(task), g, _tile(task, g))


def _depthwise(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    weight = channelwise(weights["weight"], task)
    g = xs[0].shape[1]
    convolve(xs[0], weight, weights.get("bias"), out, windows_of(task), g, _tile(task, g))


def _separable(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    x, windows, c_i = xs[0], windows_of(task), xs[0].shape[1]
    depthwise = channelwise(weights["depthwise"], task)
    pointwise = kernel_first(weights["pointwise"], task)
    kind = out.dtype if out.dtype.kind in "iu" else wide(out.dtype)
    for part in _between(task, len(x), len(depthwise), out.shape[2:], kind):
        target = part.of(out)
        between = buffer("between", (len(target), len(depthwise), *part.size), kind)
        convolve(x[part.samples], depthwise, None, between, windows.at(part.begin), c_i, _tile(task, c_i))
        convolve(between, pointwise, weights.get("bias"), target, _one(len(windows.k)), 1, _tile(task, 1))


def _between(task: Task, n: int, c: int, space: Sequence[int], kind: Dtype) -> Iterator[Part]:
    """The parts in which c channels stand between the two convolutions."""
    return parts(n, space, _tile(task, 1) // (c * kind.itemsize), n)


def _one(nd: int) -> Windows:
    """The windows of a 1x1 kernel."""
    return Windows((1,) * nd, (1,) * nd, (1,) * nd, (0,) * nd)


def _transposed(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    weight = kernel_first(weights["weight"], task)
    g = task.values["g"]
    transposed.scatter(xs[0], weight, weights.get("bias"), out, windows_of(task), g, _tile(task, g))


def _working(task: Task, x: tuple[int, ...], out: tuple[int, ...], kind: Dtype) -> int:
    """Of a conv or a dwconv: its kernel in the sums' dtype, and what `convolve` takes."""
    windows, g = windows_of(task), task.values.get("g", x[1])
    shapes = Shapes(x, (out[1], x[1] // g, *windows.k), out, windows, g, kind, _tile(task, g))
    return int(prod(shapes.weight) * kind.itemsize + working(shapes))


def _working_separable(task: Task, x: tuple[int, ...], out: tuple[int, ...], kind: Dtype) -> int:
    windows, g, c = windows_of(task), x[1], x[1] * int(task.values["multiplier"])
    part = next(_between(task, x[0], c, out[2:], kind))
    between = (part.samples.stop, c, *part.size)
    one = _one(len(part.size))
    depthwise = Shapes(x, (c, 1, *windows.k), between, windows, g, kind, _tile(task, g))
    pointwise = Shapes(
        between, (out[1], c, *one.k), (part.samples.stop, out[1], *part.size), one, 1, kind, _tile(task, 1)
    )
    held = prod(between) + prod(depthwise.weight) + prod(pointwise.weight)
    return int(held * kind.itemsize + max(working(depthwise), working(pointwise)))


def _working_transposed(task: Task, x: tuple[int, ...], out: tuple[int, ...], kind: Dtype) -> int:
    windows, g = windows_of(task), task.values["g"]
    shapes = Shapes(x, (x[1], out[1] // g, *windows.k), out, windows, g, kind, _tile(task, g))
    return prod(shapes.weight) * kind.itemsize + transposed.working(shapes)


KERNELS = {
    "conv": Kernel(_conv, accumulates, spatial=True, working=_working),
    "dwconv": Kernel(_depthwise, accumulates, spatial=True, working=_working),
    "sepconv": Kernel(_separable, accumulates, spatial=True, working=_working_separable),
    "convT": Kernel(_transposed, accumulates, spatial=True, working=_working_transposed),
}
