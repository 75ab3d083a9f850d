"""Cross-correlation as matrix products: the columns of one part of the output at a time, and one product.

Everything here works on views with the channels first, of any strides: x (N, c_i, *space), weight
(c_o, c_i/g, *k), out (N, c_o, *out). On an axis with kernel k, stride s, dilation d and padding pb before, output u
sees the inputs u*s + i*d - pb, i = 0 … k-1; what is outside of x is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from ..task import Array, Then, wide
from ..threads import buffer, each, shares, threads
from .columns import EVERY, LEAST_POSITIONS, Index, Layout, Part, Shapes, Windows, gather, merged, parts, see

GROUP_SHARE = 3 << 20
"""The bytes of a grouped convolution's columns that justify another thread: waking one takes as long as 2 MiB.

A thread also makes at most this many bytes at a time, so that the products find them in its cache.
"""
MOST_WASTE = 1.13
"""The factor by which the planes' rows may be longer than the output's and still be copied and multiplied whole."""
MOST_WASTE_OF_FEW = 1.5
"""The same factor for few output channels, if copying costs more than the product."""
FEW = 32
"""The number of channels from which on they are not few."""


class Kernels(NamedTuple):
    """The kernels of a layer as a matrix for each group."""

    matrix: Array
    """(g, c_o/g, c_i/g * k), and with the layout's `ones` a last column, the bias."""
    layout: Layout
    """The order of the columns that the matrix is multiplied by."""
    bias: Array | None
    """The bias (c_o,) if it is not in the matrix."""

    @property
    def each_position(self) -> int:
        """The bytes per position of one group: its column or its outputs, whichever is larger."""
        return int(max(self.matrix.shape[1:]) * self.matrix.itemsize)

    def of(self, groups: slice) -> Kernels:
        """Return the kernels of some of the groups."""
        c_o = self.matrix.shape[1]
        bias = None if self.bias is None else self.bias[groups.start * c_o : groups.stop * c_o]
        layout = self.layout._replace(g=groups.stop - groups.start)
        return Kernels(self.matrix[groups], layout, bias)


def prepare(weight: Array, bias: Array | None, g: int, positions: int, tile: int) -> Kernels:
    """Return the kernels, with the bias in the matrix if that is cheaper than adding it to `positions` positions."""
    matrix, taps_first = _as_matrix(weight, g)
    if bias is None or matrix.shape[2] > positions or weight.nbytes > tile:
        return Kernels(matrix, Layout(weight.dtype, g, taps_first, ones=False), bias)
    matrix = np.concatenate([matrix, bias.reshape(g, -1, 1)], 2)
    return Kernels(matrix, Layout(weight.dtype, g, taps_first, ones=True), None)


def _as_matrix(weight: Array, g: int) -> tuple[Array, bool]:
    """Return the weight as (g, c_o/g, c_i/g * k), and whether the cells come before the channels, as in NHWC."""
    shape = (g, len(weight) // g, weight[0].size)
    matrix = merged(weight, shape)
    if matrix is not None:
        return matrix, False
    matrix = merged(np.moveaxis(weight, 1, -1), shape)
    return (weight.reshape(shape), False) if matrix is None else (matrix, True)


def pointwise(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows) -> bool:
    """Fill `out` with one product per sample, without copies, if possible, and return whether it was.

    This is for a 1x1 kernel and floats of one dtype, unless maps are so small that several share a product.
    """
    n, c_i, *space = x.shape
    if x.shape[2:] != out.shape[2:] or max(windows.k) > 1 or max(windows.s) > 1 or any(windows.pb):
        return False
    if not x.dtype == weight.dtype == out.dtype or wide(out.dtype) != out.dtype or out.dtype.kind != "f":
        return False
    seen, made = merged(x, (n, c_i, prod(space))), merged(out, (n, len(weight), prod(space)))
    if seen is None or made is None or (n > 1 and prod(space) < LEAST_POSITIONS):
        return False
    np.matmul(weight.reshape(-1, c_i), seen, out=made)
    if bias is not None:
        np.add(made, bias.reshape(-1, 1), out=made, casting="unsafe")
    return True


def correlate(
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    windows: Windows,
    g: int,
    tile: int,
    then: Then | None = None,
) -> None:
    """Fill `out` with the cross-correlation, computed in the weight's dtype (x's and out's may be others).

    `tile` is how many bytes of columns, and of products, are made at once. With groups there is a small product for
    each, and a thread has some samples, or some groups of one, at a time; without, the BLAS uses the threads.
    """
    kernel = prepare(weight, bias, g, len(x) * prod(out.shape[2:]), tile)
    c_i, c_o = weight.shape[1], kernel.matrix.shape[1]
    pieces = list(_parts(len(x), out.shape[2:], g, kernel.each_position, tile))
    if g == 1:
        for part in pieces:
            multiply(x, kernel, out, windows, part)
        if then is not None:  # not between products: our threads and the BLAS's would compete
            then((EVERY,) * out.ndim)
        return
    whole = g * pieces[0].positions * kernel.each_position
    most = min(_groups(pieces[0], g, kernel.each_position, tile), -(-g // len(shares(g, whole, GROUP_SHARE))))

    def work(item: tuple[Part, int]) -> None:
        part, first = item
        last = min(first + most, g)
        i, o = slice(first * c_i, last * c_i), slice(first * c_o, last * c_o)
        multiply(x[:, i], kernel.of(slice(first, last)), out[:, o], windows, part)
        if then is not None:
            then(part.place(o))

    each(work, product(pieces, range(0, g, most)), len(pieces) * whole)


def _parts(n: int, space: tuple[int, ...], g: int, each_position: int, tile: int) -> Iterator[Part]:
    """Yield an output in parts; a position of one group takes `each_position` bytes."""
    several = n if g == 1 else min(GROUP_SHARE, tile) // (g * prod(space) * each_position)
    return parts(n, space, tile // each_position, several)


def _groups(part: Part, g: int, each_position: int, tile: int) -> int:
    """Return the number of groups that are processed at once."""
    return min(max(min(GROUP_SHARE, tile) // (part.positions * each_position), 1), g)


def multiply(x: Array, kernel: Kernels, out: Array, windows: Windows, part: Part) -> None:
    """Fill one part of the output: gather the columns (im2col), multiply, and add the bias."""
    matrix, bias = kernel.matrix, kernel.bias
    g, c_o, _ = matrix.shape
    target = part.of(out)
    view = see(x.shape[2:], windows.at(part.begin), part.size)
    waste = MOST_WASTE if c_o >= FEW else MOST_WASTE_OF_FEW
    rows = view.rows if prod(view.rows) <= waste * prod(part.size) else part.size
    columns = gather(x[part.samples], view, rows, kernel.layout)
    apart, n = len(columns), len(target)
    if bias is None and rows == part.size and apart == n and target.dtype == matrix.dtype:
        flat = merged(target, (n, g, c_o, prod(rows)))
        if flat is not None:
            np.matmul(matrix, columns, out=flat)
            return
    values = buffer("product", (apart, g, c_o, columns.shape[-1]), matrix.dtype)
    np.matmul(matrix, columns, out=values)
    inside: Index = (EVERY, EVERY, EVERY, *map(slice, part.size))
    valid = values.reshape(apart, g * c_o, n // apart, *rows)[inside]
    valid = valid[:, :, 0] if apart == n else valid[0].swapaxes(0, 1)
    if bias is None:
        np.copyto(target, valid, casting="unsafe")
    else:
        np.add(valid, bias.reshape(-1, *(1,) * len(rows)), out=target, casting="unsafe")


def working(shapes: Shapes) -> int:
    """Return the most bytes that `correlate` takes besides its arguments."""
    x, weight, out, windows, g, kind, tile = shapes
    rows, height = weight[0] // g, prod(weight[1:]) + 1
    each_position = max(rows, height) * kind.itemsize
    part = next(_parts(out[0], out[2:], g, each_position, tile))
    groups = _groups(part, g, each_position, tile)
    view = see(x[2:], windows, part.size)
    planes = 0 if view.unpadded else part.samples.stop * groups * weight[1] * prod(view.shape) + sum(view.margins)
    at_once = int(part.positions * MOST_WASTE_OF_FEW) * groups * (rows + height) + planes
    return min(prod(weight) * kind.itemsize, tile) + at_once * kind.itemsize * (threads() if g > 1 else 1)
