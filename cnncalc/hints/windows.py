"""Hints on windows: unread pixels, windows and taps that meet only padding, uneven sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, prod
from typing import TypeVar

from ..errors import named_list
from ..explain import axes_text
from ..layers.base import ENDS as RANK_ENDS
from ..layers.sliding import AxisWindow, Cut, Slide, Windowed
from ..sizes import Open
from ..window import dropped
from . import Advice, HintKind, HintPlace

W = TypeVar("W")
MOST_TAPS = 64
"""The longest kernel, and the most windows and pixels, that are tested one by one: a third of a microsecond each."""
LAST_SIDES = {"height": "bottom", "width": "right", "depth": "back", "length": "end"}
"""The name of the side at the end of each axis."""


def windows_of(place: HintPlace) -> Sequence[AxisWindow]:
    """Return a layer's window on each axis."""
    return place.level.windows(place.at)


def slides_of(place: HintPlace) -> list[Slide]:
    """Return a layer's sliding window on each axis."""
    return [window for window in windows_of(place) if isinstance(window, Slide)]


def _by_axis(windows: Sequence[W], say: Callable[[W], str | None], name: Callable[[W], str]) -> str | None:
    """Return what is said of each axis, merging axes with the same text; `%` in it stands for their names."""
    said: dict[str, list[str]] = {}
    for window in windows:
        text = say(window)
        if text is not None:
            said.setdefault(text, []).append(name(window))
    return "; ".join([text.replace("%", named_list(names)) for text, names in said.items()]) or None


def _axis(window: AxisWindow) -> str:
    return window.axis


def _last_side(window: AxisWindow) -> str:
    return LAST_SIDES.get(window.axis, f"end of the {window.axis} axis")


def plural(number: int, word: str) -> str:
    """Return `1 pixel` or `2 pixels`."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def _numbers(slide: Slide) -> tuple[int, int, int] | None:
    """Return a window's input size, its padding before and its output size; None if the input's size is open."""
    if isinstance(slide.n, Open):
        return None
    assert slide.pb is not None
    assert isinstance(slide.out, int)
    return slide.n, slide.pb, slide.out


def _end(slide: Slide) -> tuple[int, int]:
    """Return how many pixels at the end the floor drops, and how many more are missing for a window that reads them."""
    numbers = _numbers(slide)
    if numbers is None:
        return 0, 0
    n, pb, out = numbers
    lost = dropped(n, pb, slide.k, slide.s, out)
    return lost, out * slide.s - pb + slide.k - n if lost else 0


def _padding_at_end(place: HintPlace, slides: Sequence[Slide]) -> dict[str, int]:
    """Return how many units at the end of each axis are padding by a preceding `pad`."""
    before = place.before()
    if not slides or before is None or before.op != "pad":
        return {}
    padding = zip(before.traced.axes, before.traced.values["p"], strict=True)
    ends = {axis: max(after, 0) for axis, (_, after) in padding}
    first = 1 if place.layer.env.channels_last else 2
    return {slide.axis: ends.get(axis, 0) for axis, slide in enumerate(slides, first)}


def _dropped_pixels(place: HintPlace) -> Advice | None:
    """Return the advice on a floor that leaves pixels at the end unread, other than padding."""
    slides = slides_of(place)
    padding = _padding_at_end(place, slides)

    def say(slide: Slide) -> str | None:
        lost = _end(slide)[0] - padding.get(slide.axis, 0)
        text = f"{plural(lost, 'pixel')} of {slide.n} at the %: {slide.floor_text()} = {slide.out}"
        return text if lost > 0 else None

    text = _by_axis(slides, say, _last_side)
    if text is None:
        return None
    if "ceil" in place.layer.values:
        more = "ceil=true" if place.layer.env.dialect.pool_ceil else "p=same"
    else:
        sides = [(*slide.sides, _end(slide)[1]) for slide in slides]
        more = f"p={axes_text([(before, after + lacking) for before, after, lacking in sides])}"
    ends = [(slide.n, *_end(slide)) for slide in slides]
    sizes = {" or ".join([f"{m}" for m in (n - lost, n + lacking) if m]) for n, lost, lacking in ends if lost}
    clean = f"; with {sizes.pop()} pixels none is dropped" if len(sizes) == 1 else ""
    return Advice(f"the floor drops {text}", f"{more} also reads them{clean}")


def _even_kernel(place: HintPlace) -> Advice | None:
    """Return the advice on an even kernel, which `same` pads by one more on one side."""
    own = place.layer.node.layer
    if not isinstance(own, Windowed) or not str(own.p).startswith("same"):
        return None
    slides = [slide for slide in slides_of(place) if slide.k % 2 == 0 and slide.s == 1]
    text = _by_axis(slides, lambda s: f"k={s.taps} by {s.pb} before and {s.pa} after on %", _axis)
    if text is None:
        return None
    odd = [f"k={k}" for k in dict.fromkeys(k for s in slides for k in (s.taps - 1, s.taps + 1)) if k > 1]
    return Advice(
        f"{own.p} pads {text}: the output lies half a pixel off",
        f"an odd kernel pads both sides equally: {' or '.join(odd)}",
    )


def _taps_by_phase(cut: Cut) -> tuple[int, int]:
    """Return the fewest and the most taps that an output of a transposed window sums, away from the borders."""
    common = gcd(cut.d, cut.s)
    period = cut.s // common
    """Taps this far apart meet the same outputs."""
    return 0 if common > 1 else cut.taps // period, -(-cut.taps // period)


def _checkerboard(place: HintPlace) -> Advice | None:
    """Return the advice on a transposed convolution whose outputs sum unequal numbers of taps."""
    cuts = [window for window in windows_of(place) if isinstance(window, Cut)]
    uneven = [cut for cut in cuts if len({*_taps_by_phase(cut)}) > 1]

    def say(cut: Cut) -> str:
        least, most = _taps_by_phase(cut)
        why = (
            f"k={cut.taps} is not divisible by s={cut.s}"
            if gcd(cut.d, cut.s) == 1
            else f"d={cut.d} and s={cut.s} share a factor"
        )
        return f"{why} on %, so its outputs sum either {least} or {most} taps"

    text = _by_axis(uneven, say, _axis)
    if text is None:
        return None
    same = "gives every output the same number of taps; so does an upsample before a conv"
    if any(gcd(cut.d, cut.s) > 1 for cut in cuts):
        return Advice(text, f"d=1 and a k that is divisible by s {same}")
    k = [-(-cut.taps // cut.s) * cut.s for cut in cuts]
    keys = f"k={axes_text(k)}"
    own = place.layer.node.layer
    pads = [cut.pb + cut.pa - cut.out_pad + cut.d * (taps - 1) + 1 - cut.k for cut, taps in zip(cuts, k, strict=True)]
    if not isinstance(own.given.get("p"), str) and "out" not in own.given and min(pads) >= 0:
        keys += f",p={axes_text([(pad + 1) // 2 for pad in pads])}"
        keys += " without out_pad" if any(cut.out_pad for cut in cuts) else ""
    return Advice(text, f"{keys} {same}")


def _touches(slide: Slide, n: int, pb: int, unit: int) -> bool:
    """Return whether a tap of a window meets the input."""
    first = unit * slide.s - pb
    tap = max(-(first // slide.d), 0)
    return tap < slide.taps and first + tap * slide.d < n


def _only_padding(slide: Slide) -> tuple[int, int]:
    """Return how many windows before the middle, and how many after it, contain no input pixel."""
    numbers = _numbers(slide)
    if numbers is None:
        return 0, 0
    n, pb, out = numbers
    before = max(0, -(-(pb - slide.k + 1) // slide.s))
    after = max(0, out - 1 - (n - 1 + pb) // slide.s)
    if n < slide.d and out <= MOST_TAPS:  # a window's taps may lie on both sides of the input
        return sum(not _touches(slide, n, pb, unit) for unit in range(out - after)), after
    return before, after


def _padding_windows(place: HintPlace) -> Advice | None:
    """Return the advice on windows that see only padding."""
    slides = slides_of(place)

    def say(slide: Slide) -> str | None:
        before, after = _only_padding(slide)
        at = [f"{count} {side}" for count, side in ((before, "before"), (after, "after")) if count]
        return f"{' and '.join(at)} the input, of {slide.out} on %" if at else None

    text = _by_axis(slides, say, _axis)
    if text is None:
        return None
    if any(isinstance(s.n, int) and s.n < s.d for s in slides):
        return Advice(f"some windows hold only padding: {text}", "a smaller d reads the input")
    sides = [tuple([min(side, s.k - 1) for side in s.sides]) for s in slides]
    return Advice(f"some windows hold only padding: {text}", f"p={axes_text(sides)} leaves them out")


def _used_taps(slide: Slide) -> tuple[int, int] | None:
    """Return the first and last tap that ever meets the input; None if unknown."""
    numbers = _numbers(slide)
    if numbers is None:
        return None
    n, pb, out = numbers
    if n >= slide.s:  # windows skip nothing: all taps are used from the beginning of the input to its end
        first = max(-(((out - 1) * slide.s - pb) // slide.d), 0)
        last = min((n - 1 + pb) // slide.d, slide.taps - 1)
        return (first, last) if first <= last else None
    if slide.taps > MOST_TAPS:
        return None

    def is_used(tap: int) -> bool:
        unit = max(-((tap * slide.d - pb) // slide.s), 0)  # the first window whose tap is not before the input
        return unit < out and unit * slide.s - pb + tap * slide.d < n

    used = [tap for tap in range(slide.taps) if is_used(tap)]
    return (used[0], used[-1]) if used and len(used) == used[-1] - used[0] + 1 else None


def _unused_taps(place: HintPlace) -> Advice | None:
    """Return the advice on a convolution with weights that are only ever multiplied by padding."""
    if place.layer.node.layer.CONVOLUTION is None:
        return None
    slides = slides_of(place)
    used = [_used_taps(slide) for slide in slides]
    spans = [span for span in used if span is not None]
    if len(spans) < len(slides) or all(
        last - first + 1 == s.taps for s, (first, last) in zip(slides, spans, strict=True)
    ):
        return None
    k = [last - first + 1 for first, last in spans]
    all_taps, met = prod(s.taps for s in slides), prod(k)
    p = [
        (before - first * s.d, after - (s.taps - 1 - last) * s.d)
        for s, (first, last) in zip(slides, spans, strict=True)
        for before, after in [s.sides]
    ]
    text = f"{all_taps - met:,} of the {all_taps:,} weights of a kernel only ever meet padding: the input is "
    text += "x".join(str(s.n) for s in slides)
    crop = [(max(-before, 0), max(-after, 0)) for before, after in p]
    cropped = f"crop:{axes_text(crop)} before " if any(map(any, crop)) else ""
    pads = [(max(before, 0), max(after, 0)) for before, after in p]
    return Advice(text, f"{cropped}k={axes_text(k)},p={axes_text(pads)} computes the same")


def _share_read(slide: Slide) -> tuple[int, int]:
    """Return how many pixels are read out of how many neighboring ones, far from the border."""
    period = slide.s // gcd(slide.d, slide.s)
    return min(slide.taps, period), slide.s


def _skips(slide: Slide) -> bool:
    """Return whether windows skip pixels of the input because of their stride."""
    read, of = _share_read(slide)
    numbers = _numbers(slide)
    if read == of or numbers is None:
        return read < of
    n, pb, out = numbers
    pixels = range(max(min(n, (out - 1) * slide.s - pb + slide.k), 0))
    if len(pixels) > read:  # of these neighbors, no two of which differ by s, at least one is unread
        return True
    return not all(_is_read(slide, pixel + pb, out) for pixel in pixels[:MOST_TAPS])


def _is_read(slide: Slide, pixel: int, out: int) -> bool:
    """Return whether a tap of one of `out` windows lies on a pixel, counted from the first window's start."""
    common = gcd(slide.d, slide.s)
    if pixel % common:
        return False
    pixel, s, d = pixel // common, slide.s // common, slide.d // common
    tap = pixel * pow(d, -1, s) % s  # this tap meets the pixel, and so does every s-th one, each d windows earlier
    window = (pixel - tap * d) // s
    later = max(-((out - 1 - window) // d), 0)
    return tap + later * s < slide.taps and window >= later * d


def _is_pointwise(place: HintPlace) -> bool:
    return place.layer.node.layer.CONVOLUTION is not None and all(slide.taps == 1 for slide in slides_of(place))


def _unread_pixels(place: HintPlace) -> Advice | None:
    """Return the advice on windows that skip pixels, except those of convolutions with a single tap."""
    if _is_pointwise(place):
        return None
    slides = [slide for slide in slides_of(place) if _skips(slide)]

    def say(slide: Slide) -> str:
        read, of = _share_read(slide)
        why = (
            f"s={slide.s} is larger than k={slide.taps}"
            if slide.taps < slide.s
            else f"d={slide.d} and s={slide.s} share a factor"
        )
        return f"{why} on %: {of - read} of every {of} pixels {'is' if of - read == 1 else 'are'} never read"

    text = _by_axis(slides, say, _axis)
    if text is None:
        return None
    own = slides_of(place)
    if any(slide.d > 1 for slide in slides):
        return Advice(text, "a d that shares no factor with s, and a k of at least s, read them all")
    k, s = ([max(x.taps, x.s) for x in own], [min(x.taps, x.s) for x in own])
    return Advice(text, f"k={axes_text(k)} or s={axes_text(s)} reads them all")


def _strided_pointwise(place: HintPlace) -> Advice | None:
    """Return the advice on a convolution of a single tap that skips pixels."""
    if not _is_pointwise(place):
        return None
    own = slides_of(place)
    slides = [slide for slide in own if _skips(slide)]
    if not slides:
        return None
    kernel = f"a {'x'.join('1' for _ in own)} kernel" if len(own) > 1 else "a kernel of 1"
    of = prod(slide.s for slide in own)
    s = axes_text([slide.s for slide in own])
    text = f"{kernel} with s={s} reads 1 of every {of} pixels"
    ends = "" if all(x.n % x.s == 0 for x in own) else ",ceil"
    if ends and not place.layer.env.dialect.pool_ceil:
        ends = ",p=same"
    pool = f"avgpool{RANK_ENDS.get(len(own), '')}:k{s},s{s}{ends}"
    return Advice(text, f"{pool} before it and s=1 read them all; so does k={s}")


KINDS = (
    HintKind(
        "CC501",
        "dropped-pixels",
        "the floor drops pixels at the end of an axis",
        "The last window does not reach the end, so the last pixels of the layer's input have no influence on the "
        "output, and a decoder that doubles the sizes again does not match the encoder's.",
        "Pad after the end, round up (`ceil`), or use another input size: `cnncalc solve SPEC --clean` says which.",
        _dropped_pixels,
        of_input=True,
        of_alike=True,
    ),
    HintKind(
        "CC502",
        "even-kernel",
        "`same` pads an even kernel by one more on one side",
        "The total padding k - 1 is odd, so the output is shifted by half a pixel; each such layer shifts it further.",
        "Use an odd kernel.",
        _even_kernel,
        of_alike=True,
    ),
    HintKind(
        "CC503",
        "checkerboard",
        "the outputs of a transposed convolution sum unequal numbers of taps",
        "Where s does not divide k, neighboring outputs sum different numbers of terms, which shows as a checkerboard "
        "(Odena, Dumoulin & Olah, Distill 2016).",
        "Use a k that is divisible by s, or an upsampling and a convolution.",
        _checkerboard,
        of_alike=True,
    ),
    HintKind(
        "CC504",
        "padding-windows",
        "windows see only padding",
        "The padding is as wide as the kernel or wider, so outputs at the border are the same for every input.",
        "Lower p below the kernel's extent.",
        _padding_windows,
        of_input=True,
        of_alike=True,
    ),
    HintKind(
        "CC505",
        "unused-taps",
        "weights of a kernel only ever meet padding",
        "The map is so small that a tap of the kernel lies outside it in every window: its weights are never trained, "
        "and count as parameters and MACs (Chen et al., 2017, on dilated 3x3 kernels that degenerate to 1x1).",
        "Use a smaller kernel or dilation, or a larger input.",
        _unused_taps,
        of_input=True,
        of_alike=True,
    ),
    HintKind(
        "CC506",
        "unread-pixels",
        "the stride is larger than the kernel",
        "Windows step over pixels, which have no influence on the output.",
        "Use a kernel as large as the stride, or a smaller stride.",
        _unread_pixels,
        of_alike=True,
    ),
    HintKind(
        "CC507",
        "strided-1x1",
        "a 1x1 convolution has a stride",
        "It reads one pixel of `s*s`, and ignores the others (He et al., Bag of Tricks, 2018, on ResNet's shortcuts).",
        "Put an average pool before it and use s=1, or use a kernel as large as the stride.",
        _strided_pointwise,
        of_alike=True,
    ),
)
