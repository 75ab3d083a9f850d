"""Cross-correlation the shortest way: what chooses between the ways. `transposed.scatter` does for its opposite.

Everything here works on views with the channels first, whatever their strides.
"""

from __future__ import annotations

from . import exact, product, winograd
from .columns import EVERY, Windows, seeing
from .task import Array, Dtype, wide

TILE = 8 << 20
"""How many bytes are made at once for a large product: what the last cache holds, more or less."""


def convolve(
    x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1, tile: int = TILE
) -> None:
    """Fill `out` (N, c_o, *out) from x (N, c_i, *space) and weight (c_o, c_i/g, *k), about `tile` bytes at once."""
    weight, windows = _seeing(x, weight, out, windows)
    weight, bias = in_kind(x, weight, bias, out, weight[0].size)
    if g > 1:
        product.correlate_groups(x, weight, bias, out, windows, g, tile)
    elif winograd.pays(weight.shape, out.shape, windows, weight.dtype, tile) and winograd.is_harmless(x, weight):
        winograd.correlate(x, weight, bias, out, windows, tile)
    else:
        product.correlate(x, weight, bias, out, windows, tile)


def _seeing(x: Array, weight: Array, out: Array, windows: Windows) -> tuple[Array, Windows]:
    """The kernel and its windows without the cells at its ends with which no output sees the input."""
    kept = seeing(windows, x.shape[2:], out.shape[2:])
    if kept is windows:
        return weight, windows
    firsts = [(before - pb) // d for before, pb, d in zip(windows.pb, kept.pb, windows.d, strict=True)]
    return weight[(EVERY, EVERY, *[slice(a, a + k) for a, k in zip(firsts, kept.k, strict=True)])], kept


def working(
    shape: tuple[int, ...],
    weight: tuple[int, ...],
    out: tuple[int, ...],
    windows: Windows,
    g: int,
    kind: Dtype,
    tile: int,
) -> int:
    """How many bytes `convolve` takes at most beside its arguments, of these shapes, the sums in this dtype."""
    windows = seeing(windows, shape[2:], out[2:])
    weight = (*weight[:2], *windows.k)
    least = product.working(shape, weight, out, windows, g, kind.itemsize, tile)
    if g == 1 and winograd.pays(weight, out, windows, kind, tile):
        return max(least, winograd.working(weight, out, windows, kind, tile))
    return least


def in_kind(x: Array, weight: Array, bias: Array | None, out: Array, terms: int) -> tuple[Array, Array | None]:
    """Weight and bias in the dtype in which sums of so many terms are taken: integers exactly, float16 in float32."""
    kind = exact.kind(x, weight, bias, terms) if out.dtype.kind in "iu" else wide(out.dtype)
    return weight.astype(kind, copy=False), None if bias is None else bias.astype(kind, copy=False)
