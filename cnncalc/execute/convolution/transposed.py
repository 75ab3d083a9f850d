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

from ..task import Array, Dtype, summed
from ..threads import buffer
from .columns import EVERY, Index, Shapes, Windows, flipped, merged
from .convolve import TILE, convolve, in_kind
from .convolve import working as working_each

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
    shapes = Shapes(x.shape, weight.shape, out.shape, windows, g, summed(out.dtype), tile)
    sums = _sums(phases, x.shape[2:]) if adding_pays(shapes, len(phases)) else None
    if sums is not None:
        add(x, weight, bias, out, sums, tile)
    else:
        correlate_each(x, weight, bias, out, phases, g, tile)


def adding_pays(shapes: Shapes, phases: int) -> bool:
    """Whether `add` is shorter for so many phases, and the copy of a sample that it may take is small."""
    c_i, c_o, *k = shapes.weight
    each_map = prod(shapes.x[2:]) * shapes.kind.itemsize
    few = shapes.g == 1 and phases > 1 and c_o <= MOST_OUT * c_i
    return few and prod(k) * each_map <= shapes.tile and c_i * each_map <= MOST_IN * shapes.tile


def working(shapes: Shapes) -> int:
    """How many bytes `scatter` takes at most beside its arguments."""
    n, c_i, *space = shapes.x
    c_o = shapes.out[1]
    phases = _all_phases(shapes.out[2:], shapes.windows)
    found = []
    for axes in phases:
        kernel = (c_o, c_i // shapes.g, *[len(axis.cells) for axis in axes])
        size = (n, c_o, *[axis.size for axis in axes])
        found.append(working_each(shapes._replace(weight=kernel, out=size, windows=_windows(axes))))
    if adding_pays(shapes, len(phases)):
        sample, written = (c * prod(space) * shapes.kind.itemsize for c in (c_i, c_o * prod(shapes.windows.k)))
        found.append(min(shapes.tile, n * written) + min(max(shapes.tile // written, 1), n) * sample)
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


def _sums(phases: Sequence[tuple[Outputs, ...]], space: Sequence[int]) -> list[Sum] | None:
    """How every phase is summed; None where of one no cell writes to all."""
    found = [_sum(phase, space) for phase in phases]
    sums = [one for one in found if one is not None]
    return sums if len(sums) == len(found) else None


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
