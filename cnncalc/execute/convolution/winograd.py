"""Winograd's F(2x2, 3x3): four outputs of a 3x3 kernel with 16 multiplications per channel instead of 36.

Y = A'[(G g G') * (B' d B)]A for a tile d of 4x4 inputs and a kernel g. The elementwise product is summed over the
channels, which gives 16 matrix products (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from ..task import Array, Dtype
from ..threads import buffer, each, shares
from .columns import EVERY, Part, Shapes, Windows, padded, parts, see

G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
LEAST_CHANNELS = 256
"""The fewest channels: with fewer, the products are too small to make up for the transforms."""
LEAST_TILES = 384
"""The fewest tiles that make up for transforming the weights."""
MOST_KERNELS = 8
"""The largest transformed weights, in multiples of the bytes made at once."""
LARGEST = 1e15
"""The largest values: with larger ones, sums of products could overflow float32 even if the result does not."""


def pays(shapes: Shapes) -> bool:
    """Return whether a convolution can be computed in this way, and faster."""
    _, weight, out, windows, g, kind, tile = shapes
    if windows.k != (3, 3) or windows.s != (1, 1) or windows.d != (1, 1) or kind.kind != "f" or g > 1:
        return False
    tiles = out[0] * prod(-(-n // 2) for n in out[2:])
    kernels = 16 * prod(weight[:2]) * kind.itemsize
    return min(weight[:2]) >= LEAST_CHANNELS and tiles >= LEAST_TILES and kernels <= MOST_KERNELS * tile


def is_harmless(x: Array, weight: Array) -> bool:
    """Return whether all values are finite and not too large: others would spread over their whole tile."""
    return all(array.min() > -LARGEST and array.max() < LARGEST for array in (x, weight))


def working(shapes: Shapes) -> int:
    """Return the most bytes that `correlate` takes besides its arguments."""
    c_o, c_i = shapes.weight[:2]
    part = next(_parts(c_i + c_o, shapes.out, shapes.kind, shapes.tile))
    high, wide = part.size
    inputs = 16 * high * wide + 8 * high * (wide + 1) + 4 * (high + 1) * (wide + 1)
    return int((16 * c_i * c_o + part.samples.stop * (c_i * inputs + c_o * 24 * high * wide)) * shapes.kind.itemsize)


def _parts(channels: int, out: tuple[int, ...], kind: Dtype, tile: int) -> Iterator[Part]:
    """Yield an output (N, c_o, h, w) in parts of tiles; `channels` are those of input and output together."""
    return parts(out[0], [-(-n // 2) for n in out[2:]], tile // (16 * channels * kind.itemsize), out[0])


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, tile: int) -> None:
    """Fill `out` (N, c_o, h, w) with the cross-correlation of x (N, c_i, h', w') and weight (c_o, c_i, 3, 3)."""
    c_o, c_i = weight.shape[:2]
    kind = weight.dtype
    transform = np.kron(G, G).astype(kind)  # (16, 9)
    kernels = buffer("kernels", (16, c_o * c_i), kind)
    np.matmul(transform, weight.reshape(c_o * c_i, 9).T, out=kernels)
    tiles = Windows((4, 4), (2, 2), (1, 1), windows.pb)
    for part in _parts(c_i + c_o, out.shape, kind, tile):
        view = see(x.shape[2:], tiles.at(part.begin), part.size)
        planes, _ = padded(x[part.samples].swapaxes(0, 1), view, kind)
        inputs = _inputs(planes, part)
        products = buffer("products", (16, c_o, inputs.shape[-1]), kind)
        np.matmul(kernels.reshape(16, c_o, c_i), inputs, out=products)
        _outputs(products, bias, out, part)


def _inputs(planes: Array, part: Part) -> Array:
    """Return B' d B of every tile, (16, c, tiles), from the even and odd rows and columns, (c, n, 2, 2, h+1, w+1)."""
    c, n = planes.shape[:2]
    high, wide = part.size
    inputs = buffer("inputs", (4, 4, c, n, high, wide), planes.dtype)
    halfway = buffer("halfway", (4, c, n, 2, high, wide + 1), planes.dtype)

    def work(mine: slice) -> None:
        even, odd = planes[mine, :, 0], planes[mine, :, 1]
        rows = halfway[:, mine]
        _four(even[..., :-1, :], odd[..., :-1, :], even[..., 1:, :], odd[..., 1:, :], rows)
        even, odd = rows[:, :, :, 0], rows[:, :, :, 1]
        _four(even[..., :-1], odd[..., :-1], even[..., 1:], odd[..., 1:], inputs[:, :, mine].swapaxes(0, 1))

    each(work, shares(c, inputs.nbytes))
    return inputs.reshape(16, c, n * high * wide)


def _four(d0: Array, d1: Array, d2: Array, d3: Array, into: Array) -> None:
    """Fill the four entries of `into` with B' d: d0 - d2, d1 + d2, d2 - d1 and d1 - d3."""
    np.subtract(d0, d2, out=into[0])
    np.add(d1, d2, out=into[1])
    np.subtract(d2, d1, out=into[2])
    np.subtract(d1, d3, out=into[3])


def _outputs(products: Array, bias: Array | None, out: Array, part: Part) -> None:
    """Fill `out` with A' m A of every tile plus the bias: four outputs each, unless the output ends before."""
    c_o = products.shape[1]
    begin = [2 * b for b in part.begin]
    target = out[(part.samples, EVERY, *[slice(b, b + 2 * n) for b, n in zip(begin, part.size, strict=True)])]
    tiles = products.reshape(4, 4, c_o, len(target), *part.size)
    halfway = buffer("halfway", (2, *tiles.shape[1:]), products.dtype)

    def work(mine: slice) -> None:
        m0, m1, m2, m3 = tiles[:, :, mine]
        rows, into = halfway[:, :, mine], target[:, mine]
        _two(m0, m1, m2, m3, rows[0], rows[1])
        for half in (0, 1):
            m0, m1, m2, m3 = rows[half]
            _two(m0, m1, m2, m3, m0, m3)
            for other, half_pixels in ((0, m0), (1, m3)):
                to = into[:, :, half::2, other::2]
                pixels = half_pixels.swapaxes(0, 1)[:, :, : to.shape[2], : to.shape[3]]
                if bias is None:
                    np.copyto(to, pixels, casting="unsafe")
                else:
                    np.add(pixels, bias[mine, None, None], out=to, casting="unsafe")

    each(work, shares(c_o, products.nbytes))


def _two(m0: Array, m1: Array, m2: Array, m3: Array, first: Array, second: Array) -> None:
    """Write m0 + m1 + m2 into `first`, and m1 - m2 - m3 into `second`; these may be m0 and m3 themselves."""
    np.add(m0, m1, out=first)
    np.add(first, m2, out=first)
    np.subtract(m1, m3, out=second)
    np.subtract(second, m2, out=second)
