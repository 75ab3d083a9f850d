"""Cross-correlation: choose the fastest way to compute one. For transposed convolutions, see `transposed.scatter`.

Everything here works on views with the channels first, of any strides.
"""

from __future__ import annotations

from math import prod

from ..sums import sum_dtype
from ..task import Array, Then
from . import depthwise, product, shifts, taps, winograd
from .columns import EVERY, Shapes, Windows, broadcast_bias, seeing, seeing_outputs

TILE = 8 << 20
"""The bytes that are made at once for a large product: about the size of the last-level cache."""


def convolve(
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    windows: Windows,
    g: int = 1,
    tile: int = TILE,
    then: Then | None = None,
) -> None:
    """Fill `out` (N, c_o, *out) from x (N, c_i, *space) and weight (c_o, c_i/g, *k), about `tile` bytes at once.

    `then` is called for each part of the output that is made.
    """
    if g == 1 and product.pointwise(x, weight, bias, out, windows):
        if then is not None:
            then((EVERY,) * out.ndim)
        return
    inside = seeing_outputs(windows, x.shape[2:], out.shape[2:])
    if [*map(len, inside)] == [*out.shape[2:]]:
        _convolve(x, weight, bias, out, windows, g, tile, then)
        return
    out[...] = broadcast_bias(bias, len(inside))  # these outputs see only padding
    if all(map(len, inside)):
        target = out[(EVERY, EVERY, *[slice(some.start, some.stop) for some in inside])]
        _convolve(x, weight, bias, target, windows.at(tuple([some.start for some in inside])), g, tile, None)
    if then is not None:
        then((EVERY,) * out.ndim)


def _convolve(
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    windows: Windows,
    g: int,
    tile: int,
    then: Then | None,
) -> None:
    """Fill `out`, whose units see the input or are between such units, with the kernel's cells that see the input."""
    cells = seeing(windows, x.shape[2:], out.shape[2:])
    weight, windows = weight[(EVERY, EVERY, *[slice(some.start, some.stop) for some in cells])], windows.only(cells)
    weight, bias = in_kind(x, weight, bias, out, weight[0].size)
    shapes = Shapes(x.shape, weight.shape, out.shape, windows, g, weight.dtype, tile)
    if taps.pays(shapes):
        taps.correlate(x, weight, bias, out, windows, g)
    elif winograd.pays(shapes) and winograd.is_harmless(x, weight):
        winograd.correlate(x, weight, bias, out, windows, tile)
    elif depthwise.pays(shapes):
        depthwise.correlate(x, weight, bias, out, windows, tile, then)
        return
    elif shifts.pays(shapes):
        shifts.correlate(x, weight, bias, out, windows, tile, then)
        return
    else:
        product.correlate(x, weight, bias, out, windows, g, tile, then)
        return
    if then is not None:
        then((EVERY,) * out.ndim)


def working(shapes: Shapes) -> int:
    """Return the most bytes that `convolve` takes besides its arguments, including weights in the dtype of sums."""
    inside = seeing_outputs(shapes.windows, shapes.x[2:], shapes.out[2:])
    if not all(map(len, inside)):
        return 0
    out = tuple(map(len, inside))
    windows = shapes.windows.at(tuple([some.start for some in inside]))
    cells = seeing(windows, shapes.x[2:], out)
    windows = windows.only(cells)
    shapes = shapes._replace(windows=windows, weight=(*shapes.weight[:2], *windows.k), out=(*shapes.out[:2], *out))
    weights = prod(shapes.weight) * shapes.kind.itemsize
    if taps.pays(shapes):
        return weights + taps.working(shapes)
    if depthwise.pays(shapes):
        return weights + depthwise.working(shapes)
    least = shifts.working(shapes) if shifts.pays(shapes) else product.working(shapes)
    return weights + (max(least, winograd.working(shapes)) if winograd.pays(shapes) else least)


def takes_shifts(shapes: Shapes) -> bool:
    """Return whether `convolve` works best with a weight arranged by `shifts.arranged`."""
    return shifts.pays(shapes) and not winograd.pays(shapes) and not taps.pays(shapes)


def in_kind(x: Array, weight: Array, bias: Array | None, out: Array, terms: int) -> tuple[Array, Array | None]:
    """Return weight and bias in the dtype for sums of `terms` terms."""
    kind = sum_dtype(x, weight, bias, out, terms)
    return weight.astype(kind, copy=False), None if bias is None else bias.astype(kind, copy=False)
