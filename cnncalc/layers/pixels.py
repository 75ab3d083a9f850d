"""Pool windows without an input pixel: before the input, after it, or with taps only on both sides of it.

A dilated kernel may step over an input that is smaller than its dilation. Everything here is about one axis.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ShapeError
from ..sizes import Open
from ..window import paddings
from .sliding import Slide, windows_of

MOST_STEPPED = 32
"""The most sizes of an open input that are tested one by one, if a dilated kernel might step over all of it."""
MOST_PADDINGS = 1 << 18
"""The most paddings that are tested one by one, if a dilated kernel might step over the whole input."""


def empty_window(slide: Slide) -> int | None:
    """Return the first window without an input pixel; None if there is none, or if an open size decides."""
    n, k, s, pb, d, out = slide.n, slide.k, slide.s, slide.pb, slide.d, slide.out
    if pb is not None and pb >= k:
        return 0
    if isinstance(n, Open):
        return None
    assert isinstance(out, int)
    assert pb is not None
    if n < d:  # a window that begins before the input steps over it if its first tap from 0 on is at n or later
        low, high = (n + pb) % d, (d - 1 + pb) % d
        unit = 0 if low > high else first_multiple(s % d, d, low, high)
        if unit is not None and unit < min(-(-pb // s), out):
            return unit
    return -((-n - pb) // s) if (out - 1) * s - pb >= n else None


def first_multiple(step: int, d: int, low: int, high: int) -> int | None:
    """Return the least u for which u*step mod d is from `low` to `high` (both below d); None if there is none."""
    if low == 0:
        return 0
    if step == 0:
        return None
    if 2 * step > d:
        return first_multiple(d - step, d, d - high, d - low)
    unit = -(-low // step)
    if unit * step <= high:
        return unit
    turns = first_multiple(-d % step, step, low % step, high % step)
    return None if turns is None else -(-(low + d * turns) // step)


def stepped_over(slide: Slide, kept: bool) -> Iterator[int]:
    """Yield the input sizes that a window which begins before the input steps over; `kept` is as in `place`.

    Raise ShapeError if there are too many sizes to test.
    """
    _, k, s, pb, _, _, _, d, ceil, axis = slide
    if not pb:
        return
    least = max(k - sum(slide.sides) - s + 1, 1)  # smaller inputs have no window
    if d - least > MOST_STEPPED:
        what = f"d is {d} on the {axis} axis: its windows may step over an input of {least} to {d - 1}, more sizes than"
        raise ShapeError(f"{what} the limit of {MOST_STEPPED}", "give the input's size as a number", key="d")
    seen = farthest = 0
    for n in range(least, d):
        out = windows_of(n, *slide.sides, k, s, ceil, kept)
        assert isinstance(out, int)
        before = min(-(-pb // s), d, out)
        farthest = max([farthest, *[(unit * s - pb) % d for unit in range(seen, before)]])
        seen = max(seen, before)
        if farthest >= n:
            yield n


def pixel_paddings(slide: Slide, before: range) -> Iterator[range]:
    """Yield the parts of a range of paddings before with which every window holds a pixel and their number stays."""
    n, out = slide.n, slide.out
    assert isinstance(n, int)
    assert isinstance(out, int)
    own = range(max(before.start, (out - 1) * slide.s - n + 1, 0), min(before.stop, slide.k))
    if n >= slide.d:
        yield from [own] if own else []
        return
    q = own.start
    for _ in range(MOST_PADDINGS):  # a dilated kernel may step over the whole input
        if q >= own.stop:
            return
        empty = empty_window(slide._replace(pb=q))
        if empty is None:
            yield range(q, q + 1)
            q += 1
        else:  # up to where this window's first tap is on the input's last pixel
            q += (empty * slide.s - q) % slide.d - n + 1


def over_pixels(slide: Slide, kept: bool) -> Slide:
    """Return the window with the least padding that keeps the number of windows and gives each a pixel, if possible.

    `kept` is as in `place`.
    """
    assert isinstance(slide.n, int)
    assert isinstance(slide.out, int)
    for odd in (0, 1):
        before = paddings(slide.n, slide.out, slide.k, slide.s, slide.ceil, kept, odd)
        part = next(pixel_paddings(slide, before), None)
        if part is not None:
            return slide._replace(pb=part.start, pa=part.start + odd)
    return slide
