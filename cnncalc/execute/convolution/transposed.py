"""Transposed convolution: a cross-correlation for each phase of the outputs modulo the stride, or a sum.

Everything here works on views with the channels first, of any strides: x (N, c_i, *space), weight
(c_i, c_o/g, *k), out (N, c_o, *out). Input u writes to the outputs u*s + i*d - pb, i = 0 … k-1. So only some of
the kernel's cells write to every s-th output from `start` on, each from consecutive inputs: output start + s*v is
written by input v - shift, where shift = (i*d - pb - start) / s.
Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning (arXiv 1603.07285), section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from ..task import Array, Then, summed
from ..threads import buffer
from . import taps
from .columns import EVERY, Index, Shapes, Windows, broadcast_bias, flipped, merged, overlap
from .convolve import TILE, convolve, in_kind
from .convolve import working as working_each

MOST_OUT = 2
"""The most output channels per input channel for writing all cells at once: with more, adding them up costs more than
gathering what each output sees."""
MOST_IN = 4
"""The largest sample that is copied, in multiples of the bytes made at once."""


class Outputs(NamedTuple):
    """A phase of an axis: every s-th output, and the kernel's cells that write to those outputs."""

    cells: range
    """The cells."""
    outputs: slice
    """The outputs."""
    size: int
    """The number of outputs."""
    shifts: range
    """For each cell, the distance of its input before each output."""


def scatter(
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    windows: Windows,
    g: int = 1,
    tile: int = TILE,
    then: Then | None = None,
) -> None:
    """Fill `out` (N, c_o, *out) with the transposed convolution, about `tile` bytes at once, and call `then` for it."""
    _scatter(x, weight, bias, out, windows, g, tile)
    if then is not None:
        then((EVERY,) * out.ndim)


def _scatter(x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int, tile: int) -> None:
    """Fill `out` the fastest way."""
    if has_few_inputs(x.shape[2:], windows):
        weight, bias = in_kind(x, weight, bias, out, len(weight) // g * prod(x.shape[2:]))
        taps.scatter(x, weight, bias, out, windows, g)
        return
    phases = _all_phases(out.shape[2:], windows)
    if len(phases) < prod(windows.s):  # some outputs see no input
        out[...] = broadcast_bias(bias, len(windows.k))
    shapes = Shapes(x.shape, weight.shape, out.shape, windows, g, summed(out.dtype), tile)
    sums = [_sum(phase, x.shape[2:]) for phase in phases] if adding_pays(shapes, len(phases)) else [None]
    whole = [phase for phase in sums if phase is not None]
    if len(whole) == len(sums):
        add(x, weight, bias, out, whole, tile)
    else:
        correlate_each(x, weight, bias, out, phases, g, tile)


def has_few_inputs(space: Sequence[int], windows: Windows) -> bool:
    """Return whether there are fewer inputs than phases, or far fewer inputs than taps."""
    phases = prod([min(s // gcd(s, d), k) for k, s, d, _ in zip(*windows, strict=True)])
    return prod(space) < phases or taps.has_few_inputs(space, windows.k)


def adding_pays(shapes: Shapes, phases: int) -> bool:
    """Return whether `add` is faster for this number of phases, and the copy of a sample that it may need is small."""
    c_i, c_o, *k = shapes.weight
    each_map = prod(shapes.x[2:]) * shapes.kind.itemsize
    few = shapes.g == 1 and phases > 1 and c_o <= MOST_OUT * c_i
    return few and prod(k) * each_map <= shapes.tile and c_i * each_map <= MOST_IN * shapes.tile


def working(shapes: Shapes) -> int:
    """Return the most bytes that `scatter` takes besides its arguments."""
    n, c_i, *space = shapes.x
    c_o = shapes.out[1]
    weights = prod(shapes.weight) * shapes.kind.itemsize
    if has_few_inputs(space, shapes.windows):
        return weights + 2 * c_o * prod(shapes.out[2:]) * shapes.kind.itemsize + weights
    phases = _all_phases(shapes.out[2:], shapes.windows)
    takes = []
    for axes in phases:
        kernel = (c_o, c_i // shapes.g, *[len(axis.cells) for axis in axes])
        size = (n, c_o, *[axis.size for axis in axes])
        takes.append(working_each(shapes._replace(weight=kernel, out=size, windows=_windows(axes))))
    if adding_pays(shapes, len(phases)):
        sample, written = (c * prod(space) * shapes.kind.itemsize for c in (c_i, c_o * prod(shapes.windows.k)))
        takes.append(min(shapes.tile, n * written) + min(max(shapes.tile // written, 1), n) * sample)
    return weights + max(takes, default=0)


def _all_phases(out: Sequence[int], windows: Windows) -> list[tuple[Outputs, ...]]:
    """Return the phases of all axes that are not empty."""
    axes = [_phases(*axis) for axis in zip(out, *windows, strict=True)]
    return [phase for phase in product(*axes) if all(axis.size for axis in phase)]


def _windows(axes: Sequence[Outputs]) -> Windows:
    """Return the windows of a phase as a cross-correlation with its cells reversed."""
    k, ones = tuple([len(axis.cells) for axis in axes]), (1,) * len(axes)
    return Windows(k, ones, tuple([axis.shifts.step for axis in axes]), tuple([axis.shifts[-1] for axis in axes]))


def _phases(n: int, k: int, s: int, d: int, pb: int) -> list[Outputs]:
    """Return the phases of an axis with n outputs that some cells write to."""
    period = s // gcd(s, d)
    phases = []
    for first in range(min(period, k)):
        cells, step = range(first, k, period), period * d // s
        shift, start = divmod(first * d - pb, s)
        shifts = range(shift, shift + len(cells) * step, step)
        phases.append(Outputs(cells, slice(start, n, s), len(range(start, n, s)), shifts))
    return phases


def correlate_each(
    x: Array, weight: Array, bias: Array | None, out: Array, phases: Sequence[tuple[Outputs, ...]], g: int, tile: int
) -> None:
    """Fill `out`, each phase by a cross-correlation with its cells reversed."""
    c_i, c_o = x.shape[1] // g, weight.shape[1]
    apart = weight.reshape(g, c_i, c_o, *weight.shape[2:]).swapaxes(1, 2)  # (g, c_o/g, c_i/g, *k)
    for axes in phases:
        cells = [slice(axis.cells.start, None, axis.cells.step) for axis in axes]
        kernel = apart[(EVERY, EVERY, EVERY, *cells)]
        kernel = flipped(kernel.reshape(g * c_o, c_i, *kernel.shape[3:]))
        convolve(x, kernel, bias, out[(EVERY, EVERY, *[axis.outputs for axis in axes])], _windows(axes), g, tile)


class Sum(NamedTuple):
    """How the outputs of a phase are summed from what all cells write, (c, *k, *space)."""

    outputs: Index
    """The phase's outputs, in (c, *out)."""
    first: Index
    """The values of a cell that writes to all the outputs, in which the sum is accumulated."""
    added: tuple[tuple[Index, Index], ...]
    """Pairs of a part of `first` and another cell's values, which are added to it."""


def _sum(axes: Sequence[Outputs], space: Sequence[int]) -> Sum | None:
    """Return how a phase is summed; None if no cell writes to all of it."""
    pairs: list[tuple[Index, Index]] = []
    for several in product(*[zip(axis.cells, axis.shifts, strict=True) for axis in axes]):
        cells, shifts = zip(*several, strict=True)
        meets = [overlap(n, -shift, 1, axis.size) for axis, n, shift in zip(axes, space, shifts, strict=True)]
        if all(to.start < to.stop for to, _ in meets):
            pairs.append(((EVERY, *[to for to, _ in meets]), (EVERY, *cells, *[seen for _, seen in meets])))
    everything = (EVERY, *[slice(0, axis.size) for axis in axes])
    whole = [seen for to, seen in pairs if to == everything]
    if not whole:
        return None
    added = [pair for pair in pairs if pair[1] != whole[0]]
    return Sum((EVERY, *[axis.outputs for axis in axes]), whole[0], tuple(added))


def add(x: Array, weight: Array, bias: Array | None, out: Array, sums: Sequence[Sum], tile: int) -> None:
    """Compute what all cells write in one product, some samples or channels at a time, then sum each phase."""
    terms = len(weight) * max(1 + len(phase.added) for phase in sums)
    weight, bias = in_kind(x, weight, bias, out, terms)
    kind, space = weight.dtype, x.shape[2:]
    c_i, c_o, *k = weight.shape
    matrix = weight.reshape(c_i, c_o, prod(k))
    each_channel = prod(k) * prod(space) * kind.itemsize
    channels, samples = max(tile // each_channel, 1), max(tile // (each_channel * c_o), 1)
    for begin in range(0, len(x), samples):
        some = slice(begin, min(begin + samples, len(x)))
        shape = (some.stop - begin, c_i, prod(space))
        seen = merged(x[some], shape) if x.dtype == kind else None
        if seen is None:
            seen = buffer("samples", shape, kind)
            np.copyto(seen.reshape(x[some].shape), x[some], casting="unsafe")
        for first in range(0, c_o, channels):
            mine = slice(first, min(first + channels, c_o))
            rows = matrix[:, mine].reshape(c_i, -1).T
            written = buffer("written", (len(seen), len(rows), prod(space)), kind)
            np.matmul(rows, seen, out=written)
            cells, target = written.reshape(len(seen), -1, *k, *space), out[some, mine]
            added = broadcast_bias(None if bias is None else bias[mine], len(k))
            for phase in sums:
                total = cells[(EVERY, *phase.first)]
                for to, other in phase.added:
                    total[(EVERY, *to)] += cells[(EVERY, *other)]
                np.add(total, added, out=target[(EVERY, *phase.outputs)], casting="unsafe")
