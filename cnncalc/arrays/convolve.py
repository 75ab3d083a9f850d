"""Cross-correlation, the shortest way: the one place that chooses between them.

Everything here works on views with the channels first, whatever their strides.
"""

from __future__ import annotations

from . import exact, winograd
from .columns import Windows
from .product import correlate
from .task import Array, wide


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
