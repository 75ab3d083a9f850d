"""Cross-correlation of many channels, in bounded memory: columns for a part of the output, and one matrix product.

Everything here works on views with the channels first, whatever their strides: x (N, c_i, *space), weight
(c_o, c_i/g, *k), out (N, c_o, *out). On an axis with kernel k, stride s, dilation d and padding pb before, output u
sees the inputs u*s + i*d - pb, i = 0 … k-1; what lies outside of x is zero.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from .columns import MOST_WASTE, MOST_WASTE_OF_FEW, TILE, Index, Part, Windows, gather, merged, parts
from .task import Array
from .threads import buffer, each, shares

GROUP_TILE = 8 << 20
"""The same where each group has a small product of its own: what the cache of one core holds."""
GROUP_SHARE = 3 << 20
"""How many bytes of columns are worth another thread there."""
FEW = 32
"""How few channels come out where copying costs more than the product."""


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1) -> None:
    """Fill `out` with the cross-correlation, computed in the dtype of the weight (x's and out's may be others)."""
    kernel = prepare(weight, bias, g, len(x) * prod(out.shape[2:]))
    if g > 1:
        grouped(x, kernel, out, windows)
        return
    for part in parts(len(x), out.shape[2:], TILE // (kernel.matrix.shape[2] * weight.itemsize), len(x)):
        multiply(x, kernel, out, windows, part)


class Kernels(NamedTuple):
    """The kernels of a layer as a matrix for each group."""

    matrix: Array
    """(g, c_o/g, c_i/g * k), and with `ones` a last column, the bias."""
    taps_first: bool
    """Whether the cells come before the channels, as they lie in NHWC."""
    ones: bool
    """Whether the columns have a row of ones, which the bias is multiplied with."""
    bias: Array | None
    """What is still to be added, (c_o,)."""

    def of(self, groups: slice) -> Kernels:
        """Those of some of the groups."""
        c_o = self.matrix.shape[1]
        bias = None if self.bias is None else self.bias[groups.start * c_o : groups.stop * c_o]
        return self._replace(matrix=self.matrix[groups], bias=bias)


def prepare(weight: Array, bias: Array | None, g: int, positions: int) -> Kernels:
    """The kernels, the bias among them where copying them is cheaper than to add it to so many positions."""
    matrix, taps_first = as_matrix(weight, g)
    if bias is None or matrix.shape[2] > positions:
        return Kernels(matrix, taps_first, ones=False, bias=bias)
    return Kernels(np.concatenate([matrix, bias.reshape(g, -1, 1)], 2), taps_first, ones=True, bias=None)


def grouped(x: Array, kernel: Kernels, out: Array, windows: Windows) -> None:
    """A small product for each group: each thread has groups of its own, as many at a time as are worth waking it."""
    matrix = kernel.matrix
    g, c_o, height = matrix.shape
    c_i = x.shape[1] // g
    pieces = list(parts(len(x), out.shape[2:], GROUP_TILE // (height * matrix.itemsize), 1))
    each_group = prod(pieces[0].size) * height * matrix.itemsize
    several = max(min(GROUP_TILE // each_group, -(-g // len(shares(g, g * each_group, GROUP_SHARE)))), 1)

    def work(item: tuple[Part, int]) -> None:
        part, first = item
        last = min(first + several, g)
        i, o = slice(first * c_i, last * c_i), slice(first * c_o, last * c_o)
        multiply(x[:, i], kernel.of(slice(first, last)), out[:, o], windows, part)

    each(work, product(pieces, range(0, g, several)))


def as_matrix(weight: Array, g: int) -> tuple[Array, bool]:
    """The weight as (g, c_o/g, c_i/g * k), and whether the cells come before the channels, as they lie in NHWC."""
    shape = (g, len(weight) // g, weight[0].size)
    matrix = merged(weight, shape)
    if matrix is not None:
        return matrix, False
    matrix = merged(np.moveaxis(weight, 1, -1), shape)
    return (weight.reshape(shape), False) if matrix is None else (matrix, True)


def multiply(x: Array, kernel: Kernels, out: Array, windows: Windows, part: Part) -> None:
    """One part of the output: what each position sees as a column (im2col), the product, and the bias."""
    matrix, bias = kernel.matrix, kernel.bias
    g, c_o, _ = matrix.shape
    target = part.of(out)
    waste = MOST_WASTE if c_o >= FEW else MOST_WASTE_OF_FEW
    columns, rows = gather(
        x[part.samples], windows, part, matrix.dtype, g, taps_first=kernel.taps_first, ones=kernel.ones, waste=waste
    )
    apart, n = len(columns), len(target)
    if bias is None and rows == part.size and apart == n and target.dtype == matrix.dtype:
        flat = merged(target, (n, g, c_o, prod(rows)))
        if flat is not None:
            np.matmul(matrix, columns, out=flat)
            return
    found = buffer("product", (apart, g, c_o, columns.shape[-1]), matrix.dtype)
    np.matmul(matrix, columns, out=found)
    inside: Index = (slice(None), slice(None), slice(None), *map(slice, part.size))
    valid = found.reshape(apart, g * c_o, n // apart, *rows)[inside]
    valid = valid[:, :, 0] if apart == n else valid[0].swapaxes(0, 1)

    def finish(c: slice) -> None:
        if bias is None:
            np.copyto(target[:, c], valid[:, c], casting="unsafe")
        else:
            added = bias[c].reshape(-1, *(1,) * len(rows))
            np.add(valid[:, c], added, out=target[:, c], casting="unsafe")

    each(finish, shares(g * c_o, target.nbytes))
