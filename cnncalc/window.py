"""The floor formula: how many windows fit on an axis.

A sliding layer on an axis is a window of extent k' = d(k-1)+1 that starts at -pb, moves by s and must end within
n + pa. Two in a row act as one window, which is the receptive field
(Dumoulin & Visin, arXiv 1603.07285; Araujo, Norris & Sim, Distill 2019, 'Computing Receptive Fields').
"""

from __future__ import annotations

from .sizes import Size


def extent(k: int, d: int) -> int:
    """Return how many units a kernel of k taps spans, d apart: d(k-1) + 1."""
    return d * (k - 1) + 1


def positions(n: Size, total: int, extent: int, stride: int) -> Size:
    """Return how many windows fit on an axis: floor((n + P - k' + s)/s), the floor formula.

    `n` is the input's size, `total` the padding of both sides P (negative for a crop), `extent` k' and `stride` s. The
    result is below 1 if none fits.
    """
    return (n + (total - extent + stride)) // stride


def positions_ceil(n: Size, before: int, after: int, extent: int, stride: int) -> Size:
    """Return the number rounded up, without a window that would start in the padding after (ATen/native/Pool.h).

    In closed form: rounding up is the floor formula with s-1 more padding after, and no window may start at n + pb or
    later. That drops at most one window while pa <= k', and otherwise always the one that the rule drops.
    """
    if after > extent:
        return positions(n, before + after + stride - 1, extent, stride) - 1
    return positions(n, before + min(after + stride - 1, extent - 1), extent, stride)


def dropped(n: int, before: int, extent: int, stride: int, out: int) -> int:
    """Return how many pixels at the end of an axis the floor drops: those that one more window would have read.

    Pixels that lie between two windows do not count.
    """
    after_last, next_window = (out - 1) * stride - before + extent, out * stride - before
    return max(0, n - max(after_last, next_window, 0))


def positions_kept(n: Size, before: int, after: int, extent: int, stride: int) -> Size:
    """Return the number rounded up, with all windows: Caffe's rule without padding (caffe/layers/pooling_layer.cpp)."""
    return positions(n, before + after + stride - 1, extent, stride)


def paddings(n: int, out: int, extent: int, stride: int, ceil: bool = False, kept: bool = False, odd: int = 0) -> range:
    """Return the paddings q (q before, q + odd after) for which there are `out` windows: the inverse of the formulas.

    `ceil` inverts `positions_ceil`; together with `kept`, `positions_kept`. The range may begin below 0.
    """
    least = (out - 1) * stride + extent - n  # of the total in `positions`: for the stride - 1 above it, the same
    if not ceil or kept:
        return _halved(least - odd - (stride - 1) * kept, stride)
    bounds = [  # the three branches of `positions_ceil`, by the padding added after
        (_halved(least - odd - (stride - 1), stride), None, extent - stride - odd),
        (range(least - (extent - 1), least - (extent - 1) + stride), extent - stride - odd + 1, extent - odd),
        (_halved(least - odd + 1, stride), extent - odd + 1, None),
    ]
    found = [
        (max(one.start, one.start if low is None else low), min(one.stop, one.stop if high is None else high + 1))
        for one, low, high in bounds
    ]
    found = [(start, stop) for start, stop in found if start < stop]
    return range(min(found)[0], max(found)[1]) if found else range(0)


def _halved(least: int, length: int) -> range:
    """Return the numbers whose double is `least` or one of the `length` - 1 numbers above it."""
    return range(-(-least // 2), (least + length - 1) // 2 + 1)
