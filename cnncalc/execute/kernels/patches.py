"""The kernels that split maps into the values of windows, and reassemble them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ...window import extent, positions
from ..convolution.columns import taps
from ..task import Array, Kernel, Task, Weights, accumulates, keeps, wide
from ..threads import blockwise

Places = tuple[Any, ...]
ALL = slice(None)


def _windows(task: Task, space: Sequence[int]) -> tuple[int, ...]:
    """Return the number of windows on each axis of a map."""
    v = task.values
    axes = zip(space, v["p"], v["k"], v["d"], v["s"], strict=True)
    return tuple([positions(n, sum(pair), extent(k, d), s) for n, pair, k, d, s in axes])  # type: ignore[misc]


def _taps(task: Task, space: Sequence[int], windows: Sequence[int]) -> Iterator[Iterable[Places]]:
    """Yield each tap that meets pixels: its index, the windows in which it does, and these pixels."""
    v = task.values
    befores = [before for before, _ in v["p"]]
    axes = [taps(*axis) for axis in zip(space, v["k"], v["s"], v["d"], befores, windows, strict=True)]
    for several in product(*axes):
        yield zip(*several, strict=True)


def _unfold(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    """Write tap t of channel c to channel c*k + t, for k taps (PyTorch)."""
    x = xs[0]
    windows = _windows(task, x.shape[2:])
    columns = out.reshape(*x.shape[:2], *task.values["k"], *windows)
    columns[...] = 0
    for tap, units, pixels in _taps(task, x.shape[2:], windows):
        columns[(ALL, ALL, *tap, *units)] = x[(ALL, ALL, *pixels)]


def _fold(task: Task, xs: Sequence[Array], weights: Weights, out: Array) -> None:
    windows = _windows(task, out.shape[2:])
    columns = xs[0].reshape(*out.shape[:2], *task.values["k"], *windows)
    kind = wide(out.dtype)
    corner: Places = (ALL, ALL, *(0,) * (out.ndim - 2))

    def work(block: Places) -> None:
        sums = np.zeros(out[block].shape, kind)
        for tap, units, pixels in _taps(task, out.shape[2:], windows):
            sums[(ALL, ALL, *pixels)] += columns[(*block, *tap, *units)]
        out[block] = sums

    blockwise(work, out[corner], prod(out.shape[2:]) * kind.itemsize)


KERNELS = {"unfold": Kernel(_unfold, keeps, spatial=True), "fold": Kernel(_fold, accumulates, spatial=True)}
