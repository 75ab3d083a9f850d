"""The windows of convolutions and pools: their position on each axis, and how many fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from ..errors import ShapeError
from ..field import Field
from ..sizes import LARGEST, Open, Shape, Size, atom
from ..window import extent, paddings, positions, positions_ceil, positions_kept
from .base import Env, Layer, axis_names, by_axis
from .keys import Axes, Pair, Sides, spread, spread_sides


class Slide(NamedTuple):
    """A sliding window placed on one axis."""

    n: Size
    k: int
    """k' = d(k-1) + 1: the kernel's extent."""
    s: int
    pb: int | None
    """Padding before; None if an open size decides it."""
    pa: int | None
    out: Size
    """The number of windows; below 1 if none fits."""
    taps: int
    d: int
    ceil: bool
    """Whether `out` is rounded up."""
    axis: str
    """The axis's name."""

    @property
    def sides(self) -> Pair:
        """The padding before and after; 0 where it is not known."""
        return self.pb or 0, self.pa or 0

    def see(self, field: Field) -> Field:
        """Return the field of its units over an input with this field."""
        return field.slide(self.k, self.s, self.pb, self.d)

    def over(self, n: Size, kept: bool) -> Slide:
        """Return the window with the same padding over another size; `kept` is as in `place`."""
        return self._replace(n=n, out=windows_of(n, *self.sides, self.k, self.s, self.ceil, kept))

    def floor_text(self) -> str:
        """Return `floor((2 + 0 - 5)/2) + 1`."""
        rounded = "ceil" if self.ceil else "floor"
        return f"{rounded}(({self.n} + {sum(self.sides)} - {self.k})/{self.s}) + 1"


class Cut(NamedTuple):
    """A transposed window on one axis: out = (n-1)*s - pb - pa + k' + out_pad, with pb and pa cut off."""

    n: Size
    k: int
    """k' = d(k-1) + 1."""
    s: int
    pb: int
    pa: int
    out_pad: int
    axis: str
    """The axis's name."""
    d: int = 1

    @property
    def taps(self) -> int:
        """The number of the kernel's taps, k."""
        return (self.k - 1) // self.d + 1

    @property
    def out(self) -> Size:
        """The output's size."""
        return (self.n - 1) * self.s + (self.k + self.out_pad - self.pb - self.pa)

    def see(self, field: Field) -> Field:
        """Return the field of its units over an input with this field."""
        return field.transpose(self.taps, self.d, self.s, self.pb)

    def text(self) -> str:
        """Return the formula with its numbers."""
        added = f" + {self.out_pad}" if self.out_pad else ""
        return f"({atom(self.n)} - 1)*{self.s} - ({self.pb}+{self.pa}) + {self.k}{added}"

    def seen_text(self) -> str:
        """Return which units a unit u sees, with numbers."""
        if self.d == 1:
            return f"ceil((u + {self.pb} - {self.k - 1})/{self.s}) to floor((u + {self.pb})/{self.s})"
        return f"(u + {self.pb} - i*{self.d})/{self.s} for i = 0 to {self.taps - 1}, where that is whole"


AxisWindow = Slide | Cut


class Windowed(Layer):
    """The base of layers with a window of k taps per axis, d apart, that moves by s over a map with padding p."""

    VIEW = False
    SPATIAL = True
    RANKS = (2, 1, 3)
    DIALECT_WORDS: ClassVar[str] = "conv_words"
    """The attribute of a dialect that lists the padding words for this layer."""
    k: Axes
    s: Axes | None
    p: Sides = 0
    p_total: Axes | None = None
    d: Axes = 1
    out: Axes | None = None

    @property
    def works_out_padding(self) -> bool:
        """Whether the padding follows from the wanted sizes."""
        return self.out is not None and not {"p", "p_total"} & self.given.keys()

    def most_per_side(self, taps: int, env: Env) -> int | None:
        """Return the largest padding per side that the dialect allows a window of `taps` taps; None for any."""
        return None

    def strides_dilated(self, env: Env) -> bool:
        """Return whether the dialect allows a stride and a dilation together."""
        return True

    def dilates(self, env: Env) -> bool:
        """Return whether the dialect allows a dilation."""
        return True

    def wanted(self, nd: int) -> tuple[int, ...] | None:
        """Return the wanted output sizes; None if the layer does not state them."""
        return None if self.out is None else spread(self.out, nd)

    def placed(self, space: Shape, env: Env) -> Sequence[AxisWindow]:
        """Return the window on each axis of a map of these sizes."""
        return ()

    def padding(self, nd: int, env: Env) -> Sides:
        """Return the padding per side, in numbers or as a word.

        Raise ShapeError for a word that is not allowed here.
        """
        if self.p_total is not None:
            return tuple([halves(total) for total in spread(self.p_total, nd)])
        if isinstance(self.p, str):
            words: frozenset[str] = getattr(env.dialect, self.DIALECT_WORDS)
            if self.p not in words:
                help = f"the words are {', '.join(sorted(words))}" if words else "write the padding as numbers"
                here = " here" if env.dialect.conv_words else ""
                raise ShapeError(f"{env.dialect.title} has no padding {self.p!r}{here}", help, key="p")
            if self.p == "causal" and nd != 1:
                what = f"causal padding is for one axis, this layer has {nd}"
                raise ShapeError(what, "write the two sides, for example p=0+1x2", key="p")
        return self.p


def place(
    space: Shape,
    k: tuple[int, ...],
    s: tuple[int, ...],
    d: tuple[int, ...],
    p: Sides | None,
    ceil: bool,
    kept: bool = False,
    wanted: Sequence[int] | None = None,
    strides: bool = True,
) -> list[Slide]:
    """Return the window on each axis. `p` is per side, or a word, or None if the wanted sizes decide.

    `strides` says whether a larger stride may be advised if only that gives the wanted sizes. With `kept`, rounding up
    keeps a last window that would start in the padding after the input.
    """
    nd = len(space)
    slides = []
    for n, taps, stride, dilation, pair, want, axis in zip(
        space,
        k,
        s,
        d,
        [p] * nd if p is None or isinstance(p, str) else spread_sides(p, nd),
        [None] * nd if wanted is None else wanted,
        axis_names(nd),
        strict=True,
    ):
        span = extent(taps, dilation)
        if span > LARGEST:
            raise ShapeError(f"the kernel's extent {dilation}*({taps} - 1) + 1 is more than {LARGEST:,}", key="k")
        if isinstance(pair, str) and pair.startswith("same"):
            pb, pa, out = _same(n, span, stride, lower=pair == "same_lower")
        else:
            if pair is None:
                assert want is not None
                pair = pad_for(n, want, span, stride, ceil, kept, axis, strides=strides)  # noqa: PLW2901
            before, after = pb, pa = _sides(pair, span)
            out = windows_of(n, before, after, span, stride, ceil, kept)
        slides.append(Slide(n, span, stride, pb, pa, out, taps, dilation, ceil, axis))
        if want is not None:
            _check_wanted(slides[-1], want)
    return slides


def pad_for(
    n: Size, want: int, k: int, s: int, ceil: bool, kept: bool, axis: str, low: int = 0, *, strides: bool = True
) -> Pair:
    """Return the least padding that gives the wanted size: equal sides if possible, otherwise 1 more after.

    Equal sides are at least `low`. Raise ShapeError with the arithmetic if there is none; if `strides`, it advises a
    larger stride that gives the size.
    """
    if not isinstance(n, int):
        raise open_input(want, n)
    for odd in (0, 1):
        found = paddings(n, want, k, s, ceil, kept, odd)
        least = max(found.start, 0 if odd else low)
        if least < found.stop:
            return least, least + odd
    (bare,) = place((n,), (k,), (s,), (1,), 0, ceil, kept)
    stride = -((k - n) // (want - 1)) if ceil and want > 1 else (n - k) // want + 1
    help = f"raise out to {bare.out}"
    if strides and windows_of(n, 0, 0, k, stride, ceil, kept) == want:
        help = f"raise s to {stride}, or out to {bare.out}"
    what = f"out is {want} on the {axis} axis, but without padding it is {bare.floor_text()} = {bare.out} already"
    raise ShapeError(what, help, key="out")


def windows_of(n: Size, before: int, after: int, k: int, s: int, ceil: bool, kept: bool) -> Size:
    """Return the number of windows of extent k."""
    if not ceil:
        return positions(n, before + after, k, s)
    return (positions_kept if kept else positions_ceil)(n, before, after, k, s)


def open_input(want: int, n: Size, decides: str = "padding") -> ShapeError:
    """Return the error for a wanted size over an input of open size; `decides` is the key to give instead."""
    what = f"out is {want}, but which {decides} gives that depends on the input's size, which is open ({n})"
    return ShapeError(what, f"give the input's size as a number, or the {decides} in place of out", key="out")


def _check_wanted(slide: Slide, want: int) -> None:
    """Raise ShapeError if the given padding does not lead to the wanted size; open sizes are left to `check_fits`."""
    if not isinstance(slide.out, Open) and slide.out != want:
        raise ShapeError(
            f"out is {want} on the {slide.axis} axis, but p gives {slide.floor_text()} = {slide.out}",
            "leave out either of the two",
            key="out",
        )


def _sides(p: Pair | str, k: int) -> Pair:
    """Return the padding before and after of a window of extent k."""
    return {"valid": (0, 0), "full": (k - 1, k - 1), "causal": (k - 1, 0)}[p] if isinstance(p, str) else p


def _same(n: Size, k: int, s: int, lower: bool) -> tuple[int | None, int | None, Size]:
    """Return the padding before and after for ceil(n/s) windows, and that number."""
    out = positions(n, s - 1, s, s)
    if isinstance(n, int):
        assert isinstance(out, int)
        return *halves(max((out - 1) * s + k - n, 0), lower), out
    # n is open: with n = qs + r, r in 1..s, the total is max(k - r, 0), with extremes at r = 1 and r = s
    most, least = halves(k - 1, lower), halves(max(k - s, 0), lower)
    before, after = (a if a == b else None for a, b in zip(most, least, strict=True))
    return before, after, out


def halves(total: int, lower: bool = False) -> Pair:
    """Return a total padding as (before, after), with an odd unit after, or before with `lower`."""
    small = total // 2
    return (total - small, small) if lower else (small, total - small)


def check_fits(
    slides: list[Slide],
    total: bool,
    env: Env,
    most: Callable[[Slide], int | None] = lambda _: None,
    wanted: Sequence[int] | None = None,
) -> None:
    """Raise ShapeError with the arithmetic if no window fits.

    `total` says whether p_total was given. `most` returns the largest padding per side that is allowed, None for any.
    Requirements on open sizes (large enough, or as wanted) are recorded in `env`.
    """
    for at, slide in enumerate(slides):
        if isinstance(slide.out, Open):
            env.require((slide.out, ">=", 1) if wanted is None else (slide.out, "=", wanted[at]))
        elif slide.out < 1:
            raise ShapeError(
                f"does not fit: {slide.floor_text()} < 1 on the {slide.axis} axis",
                _fit_help(slide, most, total),
                key="k",
            )


def _fit_help(slide: Slide, most: Callable[[Slide], int | None], as_total: bool) -> str:
    assert isinstance(slide.n, int)
    padded = slide.n + sum(slide.sides)
    taps = (padded - 1) // slide.d + 1
    kernel = f"{slide.k}" if slide.d == 1 else f"{slide.k} = {slide.d}*({slide.taps} - 1) + 1"
    ways = []
    allowed = most(slide._replace(taps=taps))
    if allowed is None or max(slide.sides) <= allowed:
        ways.append(f"lower k to {taps}")
    needed, allowed = slide.k - slide.n, most(slide)
    if allowed is None or (needed + 1) // 2 <= allowed:
        ways.append(f"raise pt to {needed}" if as_total else f"raise p to {(needed + 1) // 2}")
    remedy = f": {', or '.join(ways)}" if ways else ""
    return f"the padded input ({padded}) is smaller than the kernel ({kernel}){remedy}"


def sides_of(slides: list[Slide], p: Sides | None) -> object:
    """Return the padding as reported: both sides in numbers, or the word if they depend on an open size."""
    pairs = [(s.pb, s.pa) for s in slides]
    return p if [pair for pair in pairs if None in pair] else pairs


def explain_slides(slides: list[Slide]) -> list[str]:
    """Return the floor formula of each axis with its numbers, equal axes once."""
    return by_axis([_slide_text(slide) for slide in slides])


def _slide_text(slide: Slide) -> str:
    n, k, s, pb, pa, out, taps, d, ceil, _ = slide
    if pb is None or pa is None:
        return f"ceil({atom(n)}/{s}) = {out}"
    text = f"{'ceil' if ceil else 'floor'}(({atom(n)} + {pb}+{pa} - {k} + {s})/{s}) = {out}"
    if ceil and (rounded := positions_kept(n, pb, pa, k, s)) != out:
        formula = text.rpartition(" = ")[0]
        text = f"{formula} = {rounded}, minus the window that would start in the padding after the input = {out}"
    return text if d == 1 else f"{text}, the kernel's extent {d}*({taps} - 1) + 1 = {k}"
