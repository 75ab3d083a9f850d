"""What each unit sees, carried through a network as sets, by the definition of each op.

A map is an array of booleans: channels, rows, columns, and one for each value of the input. The code is independent of
`cnncalc.fields`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from math import ceil, floor
from typing import Any

import numpy as np
import numpy.typing as npt

Sets = npt.NDArray[np.bool_]


def begin(c: int, h: int, w: int) -> Sets:
    """Return the sets of the input, each value of which sees itself."""
    return np.eye(c * h * w, dtype=bool).reshape(c, h, w, -1)


def windows(x: Sets, out: tuple[int, int], reads: Callable[[int, int], Iterable[int]]) -> Sets:
    """Return what units see through windows, by channel; `reads(axis, u)` are the units in the window of u."""
    made = np.zeros((x.shape[0], *out, x.shape[3]), bool)
    for u, v in product(range(out[0]), range(out[1])):
        for i, j in product(reads(0, u), reads(1, v)):
            if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                made[:, u, v] |= x[:, i, j]
    return made


def groups(x: Sets, c_o: int, g: int) -> Sets:
    """Return the sets of output channels that see all channels of their group."""
    each, made = x.shape[0] // g, c_o // g
    return np.stack([x[at // made * each : (at // made + 1) * each].any(0) for at in range(c_o)])


def _out(n: int, k: int, s: int, pb: int, pa: int, d: int) -> int:
    return (n + pb + pa - d * (k - 1) - 1) // s + 1


def slide(x: Sets, k: Any, s: Any, p: Any, d: Any = (1, 1), ceiling: bool = False) -> Sets:
    """Return what units see through the window of a conv or a pool."""
    out = []
    for axis in range(2):
        n, (pb, pa) = x.shape[1 + axis], p[axis]
        size = _out(n, k[axis], s[axis], pb, pa, d[axis])
        if ceiling:
            size = ceil((n + pb + pa - d[axis] * (k[axis] - 1) - 1) / s[axis]) + 1
            if (size - 1) * s[axis] >= n + pb:
                size -= 1
        out.append(size)
    return windows(x, (out[0], out[1]), lambda a, u: [u * s[a] - p[a][0] + i * d[a] for i in range(k[a])])


def transpose(x: Sets, k: Any, s: Any, p: Any, d: Any, out_pad: Any) -> Sets:
    """Return what units see through a transposed conv: unit n writes to n*s - pb + i*d."""
    out = [(x.shape[1 + a] - 1) * s[a] - sum(p[a]) + d[a] * (k[a] - 1) + 1 + out_pad[a] for a in range(2)]
    made = np.zeros((x.shape[0], *out, x.shape[3]), bool)
    for n, m in product(range(x.shape[1]), range(x.shape[2])):
        for i, j in product(range(k[0]), range(k[1])):
            u, v = n * s[0] - p[0][0] + i * d[0], m * s[1] - p[1][0] + j * d[1]
            if 0 <= u < out[0] and 0 <= v < out[1]:
                made[:, u, v] |= x[:, n, m]
    return made


def resize(x: Sets, out: tuple[int, int], mode: str, align: bool) -> Sets:
    """Return PyTorch's interpolate: each unit sees the units around its position, clamped to the map."""

    def reads(axis: int, u: int) -> list[int]:
        n, o = x.shape[1 + axis], out[axis]
        if mode == "nearest":
            return [floor(u * n / o + 1e-9)]
        corners = u * (n - 1) / (o - 1) if o > 1 else 0.0
        place = corners if align else (u + 0.5) * n / o - 0.5
        first = floor(place + 1e-9)
        if abs(place - first) < 1e-9:
            taps = [first]
        else:
            taps = [first, first + 1] if mode == "bilinear" else [first - 1, first, first + 1, first + 2]
        return [min(max(at, 0), n - 1) for at in taps]

    return windows(x, out, reads)


def adaptive(x: Sets, out: tuple[int, int]) -> Sets:
    """Return what units see through an adaptive pool."""

    def reads(axis: int, u: int) -> range:
        n, o = x.shape[1 + axis], out[axis]
        return range(floor(u * n / o), ceil((u + 1) * n / o))

    return windows(x, out, reads)


def pad(x: Sets, p: Any, mode: str) -> Sets:
    """Return the padded sets (NumPy's padding, with False for a constant); negative padding crops."""
    kept = x
    for axis in range(2):
        before, after = [max(-side, 0) for side in p[axis]]
        kept = np.take(kept, range(before, kept.shape[1 + axis] - after), 1 + axis)
    sides = [(0, 0), *[(max(b, 0), max(a, 0)) for b, a in p], (0, 0)]
    names = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    padded: Sets = np.pad(kept, sides, names[mode])  # type: ignore[call-overload]
    return padded


def pixel_shuffle(x: Sets, f: int) -> Sets:
    """PyTorch's pixel_shuffle."""
    c, h, w, n = x.shape
    return x.reshape(c // (f * f), f, f, h, w, n).transpose(0, 3, 1, 4, 2, 5).reshape(c // (f * f), h * f, w * f, n)


def pixel_unshuffle(x: Sets, f: int) -> Sets:
    """PyTorch's pixel_unshuffle."""
    c, h, w, n = x.shape
    return x.reshape(c, h // f, f, w // f, f, n).transpose(0, 2, 4, 1, 3, 5).reshape(c * f * f, h // f, w // f, n)


def channel_shuffle(x: Sets, g: int) -> Sets:
    """PyTorch's channel_shuffle."""
    return x.reshape(g, x.shape[0] // g, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)
