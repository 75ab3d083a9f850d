"""Cross-correlation: the choice of the fastest way to compute one; for transposed ones, see `transposed.scatter`.

Everything here works on views with the channels first, of any strides.
"""

from __future__ import annotations

from ..sums import sum_dtype
from ..task import Array
from . import product, winograd
from .columns import EVERY, Shapes, Windows, seeing

TILE = 8 << 20
"""How many bytes are made at once for a large product: about as many as the last cache holds."""


def convolve(
    x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1, tile: int = TILE
) -> None:
    """Fill `out` (N, c_o, *out) from x (N, c_i, *space) and weight (c_o, c_i/g, *k), about `tile` bytes at once."""
    cells = seeing(windows, x.shape[2:], out.shape[2:])
    weight, windows = weight[(EVERY, EVERY, *[slice(some.start, some.stop) for some in cells])], windows.only(cells)
    weight, bias = in_kind(x, weight, bias, out, weight[0].size)
    shapes = Shapes(x.shape, weight.shape, out.shape, windows, g, weight.dtype, tile)
    if winograd.pays(shapes) and winograd.is_harmless(x, weight):
        winograd.correlate(x, weight, bias, out, windows, tile)
    else:
        product.correlate(x, weight, bias, out, windows, g, tile)


def working(shapes: Shapes) -> int:
    """Return how many bytes `convolve` takes at most beside its arguments."""
    cells = seeing(shapes.windows, shapes.x[2:], shapes.out[2:])
    windows = shapes.windows.only(cells)
    shapes = shapes._replace(windows=windows, weight=(*shapes.weight[:2], *windows.k))
    least = product.working(shapes)
    return max(least, winograd.working(shapes)) if winograd.pays(shapes) else least


def in_kind(x: Array, weight: Array, bias: Array | None, out: Array, terms: int) -> tuple[Array, Array | None]:
    """Return weight and bias in the dtype in which sums of so many terms are taken."""
    kind = sum_dtype(x, weight, bias, out, terms)
    return weight.astype(kind, copy=False), None if bias is None else bias.astype(kind, copy=False)
