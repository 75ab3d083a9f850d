"""What convolutions and pools share: where on each axis the window lies, and how many fit."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..errors import ShapeError
from ..field import Field
from ..sizes import LARGEST, Open, Shape, Size, atom
from ..window import extent, positions, positions_ceil, positions_kept
from .base import AXIS_NAMES, by_axis
from .keys import Pair, Sides, spread, spread_sides


class Placed(Protocol):
    """A window of any kind, placed on one axis."""

    @property
    def out(self) -> Size:
        """The output's size."""

    def see(self, field: Field) -> Field:
        """The field of its units over an input with this field."""


class Slide(NamedTuple):
    """A sliding window, placed on one axis."""

    n: Size
    k: int
    """k' = d(k-1) + 1: the kernel's extent."""
    s: int
    pb: int | None
    """Padding before; None if an open size decides it."""
    pa: int | None
    out: Size
    """How many windows there are; below 1 if none fits."""

    def see(self, field: Field) -> Field:
        """The field of its units over an input with this field."""
        return field.slide(self.k, self.s, self.pb)


def place(
    space: Shape, k: tuple[int, ...], s: tuple[int, ...], d: tuple[int, ...], p: Sides, ceil: bool, kept: bool = False
) -> list[Slide]:
    """The window on each axis. `p` is per side, or a word.

    With `kept`, rounding up keeps a last window that would start in the padding after the input.
    """
    for taps, dilation in zip(k, d, strict=True):
        if extent(taps, dilation) > LARGEST:
            raise ShapeError(f"the kernel's extent {dilation}*({taps} - 1) + 1 is more than {LARGEST:,}", key="k")
    if isinstance(p, str):
        return [_by_word(n, extent(k, d), s, p, ceil, kept) for n, k, s, d in zip(space, k, s, d, strict=True)]
    pads = spread_sides(p, len(space))
    return [_by_sides(n, extent(k, d), s, p, ceil, kept) for n, k, s, d, p in zip(space, k, s, d, pads, strict=True)]


def _by_sides(n: Size, k: int, s: int, p: Pair, ceil: bool, kept: bool) -> Slide:
    pb, pa = p
    if not ceil:
        return Slide(n, k, s, pb, pa, positions(n, pb + pa, k, s))
    rounded = positions_kept if kept else positions_ceil
    return Slide(n, k, s, pb, pa, rounded(n, pb, pa, k, s))


def _by_word(n: Size, k: int, s: int, word: str, ceil: bool, kept: bool) -> Slide:
    if word == "valid":
        return _by_sides(n, k, s, (0, 0), ceil, kept)
    if word == "full":
        return _by_sides(n, k, s, (k - 1, k - 1), ceil, kept)
    if word == "causal":
        return _by_sides(n, k, s, (k - 1, 0), ceil, kept)
    out = positions(n, s - 1, s, s)  # ceil(n/s)
    lower = word == "same_lower"
    if isinstance(n, int) and isinstance(out, int):
        pb, pa = halves(max((out - 1) * s + k - n, 0), lower)
        return Slide(n, k, s, pb, pa, out)
    # n is open: with n = qs + r, r in 1..s, the total is max(k - r, 0), so its extremes are at r = 1 and r = s
    most, least = halves(k - 1, lower), halves(max(k - s, 0), lower)
    before, after = (a if a == b else None for a, b in zip(most, least, strict=True))
    return Slide(n, k, s, before, after, out)


def halves(total: int, lower: bool = False) -> Pair:
    """A total padding as (before, after), an odd unit after, or before with `lower`."""
    small = total // 2
    return (total - small, small) if lower else (small, total - small)


def by_total(p_total: int | tuple[int, ...], nd: int) -> Sides:
    """The textbook's total of both sides as padding per side."""
    return tuple([halves(t) for t in spread(p_total, nd)])


def check_fits(
    slides: list[Slide],
    k: tuple[int, ...],
    d: tuple[int, ...],
    ceil: bool = False,
    most: tuple[int, ...] | None = None,
    total: bool = False,
) -> None:
    """ShapeError with the arithmetic if a window does not fit once.

    `most` is the largest padding per side that would be allowed, None for any; `total` says whether p_total was given.
    """
    for axis, slide in enumerate(slides):
        if isinstance(slide.out, Open) or slide.out >= 1:
            continue
        raise ShapeError(
            f"does not fit: {floor_text(slide, ceil)} < 1 on the {AXIS_NAMES[len(slides)][axis]} axis",
            _fit_help(slide, k[axis], d[axis], None if most is None else most[axis], total),
            key="k",
        )


def floor_text(slide: Slide, ceil: bool = False) -> str:
    """`floor((2 + 0 - 5)/2) + 1` for a window on an axis."""
    total = (slide.pb or 0) + (slide.pa or 0)
    return f"{'ceil' if ceil else 'floor'}(({slide.n} + {total} - {slide.k})/{slide.s}) + 1"


def _fit_help(slide: Slide, k: int, d: int, most: int | None, as_total: bool) -> str:
    assert isinstance(slide.n, int)
    padded = slide.n + (slide.pb or 0) + (slide.pa or 0)
    kernel = f"{slide.k}" if d == 1 else f"{slide.k} = {d}*({k} - 1) + 1"
    ways = []
    if padded >= 1:
        ways.append(f"lower k to {(padded - 1) // d + 1}")
    needed = slide.k - slide.n
    if most is None or (needed + 1) // 2 <= most:
        ways.append(f"raise pt to {needed}" if as_total else f"raise p to {(needed + 1) // 2}")
    remedy = f": {', or '.join(ways)}" if ways else ""
    return f"the padded input ({padded}) is smaller than the kernel ({kernel}){remedy}"


def sides_of(slides: list[Slide], p: Sides) -> object:
    """The padding as it is reported: the sides worked out, or the word if an open size decides them."""
    pairs = [(s.pb, s.pa) for s in slides]
    return p if any(None in pair for pair in pairs) else pairs


def explain_slides(slides: list[Slide], d: tuple[int, ...], k: tuple[int, ...], ceil: bool) -> list[str]:
    """The floor formula of each axis with its numbers; equal axes once."""
    return by_axis([_slide_text(*row, ceil) for row in zip(slides, d, k, strict=True)])


def _slide_text(slide: Slide, d: int, k: int, ceil: bool) -> str:
    n = atom(slide.n)
    if slide.pb is None or slide.pa is None:
        return f"ceil({n}/{slide.s}) = {slide.out}"
    sides = f"{slide.pb}+{slide.pa}"
    text = f"floor(({n} + {sides} - {slide.k} + {slide.s})/{slide.s}) = {slide.out}"
    if ceil:
        text = f"ceil(({n} + {sides} - {slide.k} + {slide.s})/{slide.s})"
        rounded = positions_kept(slide.n, slide.pb, slide.pa, slide.k, slide.s)
        dropped = "" if rounded == slide.out else ", less the window that would start in the padding after"
        text += f" = {rounded}{dropped} = {slide.out}" if dropped else f" = {slide.out}"
    if d != 1:
        text += f", the kernel's extent {d}*({k} - 1) + 1 = {slide.k}"
    return text
