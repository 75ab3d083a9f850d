"""One window on one axis, and the one formula.

A sliding layer on an axis is a window of extent k' = d(k-1)+1 that starts at -pb, moves by s and must end inside
n + pa. Two in a row are again one window, and that window is the receptive field
(Dumoulin & Visin, arXiv 1603.07285; Araujo, Norris & Sim, Distill 2019, 'Computing Receptive Fields').
"""

from __future__ import annotations

from typing import NamedTuple

from .sizes import Open, Size


def extent(k: int, d: int) -> int:
    """How many units a kernel of k taps spans, d apart: d(k-1) + 1."""
    return d * (k - 1) + 1


def positions(n: Size, total: int, extent: int, stride: int) -> Size:
    """How many windows fit on an axis: floor((n + P - k' + s)/s), the floor formula.

    `n` is the input's size, `total` the padding of both sides P (negative for a crop), `extent` k' and `stride` s. The
    result is below 1 if none fits.
    """
    return (n + (total - extent + stride)) // stride


def positions_ceil(n: Size, before: int, after: int, extent: int, stride: int) -> Size:
    """The same rounded up, without a window that would start in the padding after the input (ATen/native/Pool.h).

    In closed form: rounding up is the floor formula with s-1 more padding after, and no window may start at n + pb or
    later. That drops at most one window while pa <= k', and beyond that always the one that the rule drops.
    """
    if after > extent:
        return positions(n, before + after + stride - 1, extent, stride) - 1
    return positions(n, before + min(after + stride - 1, extent - 1), extent, stride)


def positions_kept(n: Size, before: int, after: int, extent: int, stride: int) -> Size:
    """The same rounded up, with every window: Caffe without padding, ONNX's definition before opset 22."""
    return positions(n, before + after + stride - 1, extent, stride)


class Window(NamedTuple):
    """A window on one axis: extent, stride, padding before and after, all in units of the axis it slides over."""

    k: int
    s: int = 1
    pb: int = 0
    pa: int = 0

    def out(self, n: Size) -> Size:
        """The output's size for n units: below 1 if the window does not fit."""
        return positions(n, self.pb + self.pa, self.k, self.s)

    def fits(self, n: Size) -> bool:
        """Whether it fits at least once; an open size counts as large enough."""
        return isinstance(n, Open) or n + self.pb + self.pa >= self.k

    def then(self, later: Window) -> Window:
        """The window over this one's input that does the same as this one followed by a later one."""
        return Window(
            self.k + (later.k - 1) * self.s,
            self.s * later.s,
            self.pb + later.pb * self.s,
            self.pa + later.pa * self.s,
        )

    def span(self, unit: int) -> tuple[int, int]:
        """The first and the last input unit that a unit sees; those below 0 or beyond n are padding."""
        first = unit * self.s - self.pb
        return first, first + self.k - 1
