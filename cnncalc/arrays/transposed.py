"""Transposed convolution, for each phase of the outputs modulo the stride: as a cross-correlation, or added up.

Everything here works on views with the channels first, whatever their strides: x (N, c_i, *space), weight
(c_i, c_o/g, *k), out (N, c_o, *out). Input u writes to the outputs u*s + i*d - pb, i = 0 … k-1. So to every s-th output
from `start` on write only some of the kernel's cells, each from the inputs in their order: output start + s*v is
written by input v - shift, where shift = (i*d - pb - start) / s.
Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning (arXiv 1603.07285), section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from .columns import EVERY, Index, Windows, flipped, merged
from .convolve import TILE, convolve, in_kind
from .convolve import working as working_each
from .task import Array, Dtype, summed
from .threads import buffer

MOST_OUT = 2
"""How many channels may come out for one that goes in, to write all cells at once: beyond, their adding up costs more
than to gather what each output sees."""


MOST_IN = 4
"""How many times what is made at once a sample may take that is copied."""


class Outputs(NamedTuple):
    """Every s-th output of an axis, from the first on that some of the kernel's cells write to."""

    cells: range
    """Which cells."""
    outputs: slice
    """Which outputs."""
    size: int
    """How many."""
    shifts: range
    """How many places before each output the input stands, for each of the cells."""


def scatter(
    x: Array, weight: Array, bias: Array | None, out: Array, windows: Windows, g: int = 1, tile: int = TILE
) -> None:
    """Fill `out` (N, c_o, *out) with the transposed convolution the shortest way, about `tile` bytes at once."""
    phases = _all_phases(out.shape[2:], windows)
    if len(phases) < prod(windows.s):  # some outputs see no input
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * len(windows.k))
    sums = [_sum(phase, x.shape[2:]) for phase in phases]
    if g == 1 and None not in sums and adding_pays(x.shape, weight.shape, len(phases), summed(out.dtype), tile):
        add(x, weight, bias, out, [phase for phase in sums if phase], tile)
    else:
        correlate_each(x, weight, bias, out, phases, g, tile)


def adding_pays(x: tuple[int, ...], weight: tuple[int, ...], phases: int, kind: Dtype, tile: int) -> bool:
    """Whether `add` is shorter for x (N, c_i, *space) and weight (c_i, c_o, *k), and a copy of a sample is small."""
    c_i, c_o, *k = weight
    each_map = prod(x[2:]) * kind.itemsize
    return phases > 1 and c_o <= MOST_OUT * c_i and prod(k) * each_map <= tile and c_i * each_map <= MOST_IN * tile


def working(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    out: tuple[int, ...],
    windows: Windows,
    g: int,
    kind: Dtype,
    tile: int,
) -> int:
    """How many bytes `scatter` takes at most beside its arguments, of these shapes, the sums in this dtype."""
    phases = _all_phases(out[2:], windows)
    c_i, c_o = weight[0] // g, weight[1] * g
    found = []
    for axes in phases:
        kernel = (c_o, c_i, *[len(axis.cells) for axis in axes])
        size = (out[0], c_o, *[axis.size for axis in axes])
        found.append(working_each(x, kernel, size, _windows(axes), g, kind, tile))
    if g == 1 and adding_pays(x, weight, len(phases), kind, tile):
        sample, written = (n * prod(x[2:]) * kind.itemsize for n in (c_i, c_o * prod(windows.k)))
        found.append(min(tile, x[0] * written) + min(max(tile // written, 1), x[0]) * sample)
    return max(found, default=0)


def _all_phases(out: Sequence[int], windows: Windows) -> list[tuple[Outputs, ...]]:
    """The phases of all axes that are not empty."""
    axes = [_phases(*axis) for axis in zip(out, *windows, strict=True)]
    return [phase for phase in product(*axes) if all(axis.size for axis in phase)]


def _windows(axes: Sequence[Outputs]) -> Windows:
    """The windows of a phase as a cross-correlation with its cells in turned order."""
    k, ones = tuple([len(axis.cells) for axis in axes]), (1,) * len(axes)
    return Windows(k, ones, tuple([axis.shifts.step for axis in axes]), tuple([axis.shifts[-1] for axis in axes]))


def _phases(n: int, k: int, s: int, d: int, pb: int) -> list[Outputs]:
    """The phases of an axis with n outputs that some cells write to."""
    period = s // gcd(s, d)
    found = []
    for first in range(min(period, k)):
        cells = range(first, k, period)
        start = (first * d - pb) % s
        shift, step = (first * d - pb - start) // s, period * d // s
        shifts = range(shift, shift + len(cells) * step, step)
        found.append(Outputs(cells, slice(start, n, s), len(range(start, n, s)), shifts))
    return found


def correlate_each(
    x: Array, weight: Array, bias: Array | None, out: Array, phases: Sequence[tuple[Outputs, ...]], g: int, tile: int
) -> None:
    """Each phase as a cross-correlation of its own, with its cells in turned order: nothing is added up twice."""
    c_i, c_o = x.shape[1] // g, weight.shape[1]
    apart = weight.reshape(g, c_i, c_o, *weight.shape[2:]).swapaxes(1, 2)  # (g, c_o/g, c_i/g, *k)
    for axes in phases:
        cells = [slice(axis.cells.start, None, axis.cells.step) for axis in axes]
        kernel = apart[(EVERY, EVERY, EVERY, *cells)]
        kernel = flipped(kernel.reshape(g * c_o, c_i, *kernel.shape[3:]))
        convolve(x, kernel, bias, out[(EVERY, EVERY, *[axis.outputs for axis in axes])], _windows(axes), g, tile)


class Sum(NamedTuple):
    """How a phase's outputs come from what every cell writes, (c, *k, *space)."""

    outputs: Index
    """Where they stand, in (c, *out)."""
    found: Index
    """What a cell writes that writes to all of them: the sum is taken there."""
    added: tuple[tuple[Index, Index], ...]
    """What another cell writes, after the part of `found` that it is added to."""


def _sum(axes: Sequence[Outputs], space: Sequence[int]) -> Sum | None:
    """How a phase is summed; None where no cell writes to all of it."""
    pairs: list[tuple[Index, Index]] = []
    for several in product(*[zip(axis.cells, axis.shifts, strict=True) for axis in axes]):
        cells, shifts = zip(*several, strict=True)
        firsts = [max(shift, 0) for shift in shifts]
        lasts = [min(axis.size, n + shift) for axis, n, shift in zip(axes, space, shifts, strict=True)]
        if all(first < last for first, last in zip(firsts, lasts, strict=True)):
            seen = [slice(a - shift, b - shift) for a, b, shift in zip(firsts, lasts, shifts, strict=True)]
            pairs.append(((EVERY, *map(slice, firsts, lasts)), (EVERY, *cells, *seen)))
    everything = (EVERY, *[slice(0, axis.size) for axis in axes])
    whole = [seen for to, seen in pairs if to == everything]
    if not whole:
        return None
    added = [pair for pair in pairs if pair[1] != whole[0]]
    return Sum((EVERY, *[axis.outputs for axis in axes]), whole[0], tuple(added))


def _in_order(x: Array, kind: Dtype) -> Array:
    """Samples (N, c_i, *space) as (N, c_i, positions) in a dtype, copied where they are not."""
    shape = (*x.shape[:2], prod(x.shape[2:]))
    found = merged(x, shape) if x.dtype == kind else None
    if found is None:
        found = buffer("samples", shape, kind)
        np.copyto(found.reshape(x.shape), x, casting="unsafe")
    return found


def add(x: Array, weight: Array, bias: Array | None, out: Array, sums: Sequence[Sum], tile: int) -> None:
    """What every cell writes in one product, some samples or channels at a time; then the sum for each phase."""
    terms = len(weight) * max(1 + len(phase.added) for phase in sums)
    weight, bias = in_kind(x, weight, bias, out, terms)
    kind, space = weight.dtype, x.shape[2:]
    c_i, c_o, *k = weight.shape
    matrix = weight.reshape(c_i, c_o, prod(k))
    each_channel = prod(k) * prod(space) * kind.itemsize
    channels, samples = max(tile // each_channel, 1), max(tile // (each_channel * c_o), 1)
    for begin in range(0, len(x), samples):
        some = slice(begin, min(begin + samples, len(x)))
        seen = _in_order(x[some], kind)
        for first in range(0, c_o, channels):
            mine = slice(first, min(first + channels, c_o))
            rows = matrix[:, mine].reshape(c_i, -1).T
            written = buffer("written", (len(seen), len(rows), prod(space)), kind)
            np.matmul(rows, seen, out=written)
            cells, target = written.reshape(len(seen), -1, *k, *space), out[some, mine]
            added = 0 if bias is None else bias[mine].reshape(-1, *(1,) * len(k))
            for phase in sums:
                found = cells[(EVERY, *phase.found)]
                for to, other in phase.added:
                    np.add(found[(EVERY, *to)], cells[(EVERY, *other)], out=found[(EVERY, *to)])
                np.add(found, added, out=target[(EVERY, *phase.outputs)], casting="unsafe")
