"""Receptive fields, one axis at a time: which input pixels a unit sees.

Through a chain a field is three numbers (size, stride, start): unit u sees pixels `start + u*stride` to
`start + u*stride + size - 1`. After a transposed conv, an upsampling or an adaptive pool it differs by the unit's
phase, and is a list of intervals, one per phase, that repeats every `advance` pixels.
Numbers that depend on an open size are None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, lcm
from typing import NamedTuple

from .sizes import Size

Interval = tuple[int, int]

NOTHING: Interval = (0, -1)
"""The field of a unit that sees no pixel: a transposed conv makes such units if its kernel is shorter than s."""
MOST_PHASES = 1024
"""With more phases than this, a field is unknown."""
MOST_FOLLOWED = 1 << 20
"""With more phases than this, units are not followed one by one either."""
LARGEST = 1 << 1024
"""With a stride beyond this, a field is unknown: it is useless, and costs more with each layer."""


class Anchor:
    """An unknown first pixel, from which other pixels are at known distances."""


class Field(NamedTuple):
    """The receptive field of a layer's units on one axis, in pixels of the network's input."""

    size: int | None
    """The number of pixels that a unit sees; the largest number if phases differ."""
    stride: int | None
    """The distance between two neighbors in pixels; None if it is not an integer."""
    start: int | None
    """The first pixel of unit 0; negative in the padding."""
    phases: tuple[Interval, ...] | None = None
    """If units differ by phase: the first and last pixel of each unit of one period, or NOTHING."""
    advance: int = 0
    """With phases: the distance from one period to the next in pixels."""
    marks: int = 0
    """The flags POOLED, BROADCAST and MISALIGNED of the paths that lead here."""
    anchor: Anchor | None = None
    """The pixel that the start is counted from, if an open size decides it."""
    offset: int = 0
    """The distance of the start after the anchor in pixels."""

    def __eq__(self, other: object) -> bool:
        """Return whether the same is known of both fields; anchors, which stand for unknown pixels, do not count."""
        return isinstance(other, tuple) and tuple.__eq__(self[:6], other[:6])

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:6])

    @property
    def is_followed(self) -> bool:
        """Whether it follows single units through any layer, as a relation of `cnncalc.fields` does."""
        return False

    @property
    def sizes(self) -> tuple[int, int] | None:
        """The fewest and the most pixels that a unit sees; None if not known."""
        if self.size is None:
            return None
        spans = self.phases if self.phases is not None else [(0, self.size - 1)]
        return min(last - first + 1 for first, last in spans), self.size

    @property
    def spans(self) -> tuple[tuple[Interval, ...], int] | None:
        """Each phase's first and last pixel, or NOTHING, and the advance; None if they are not known."""
        if self.phases is not None:
            return self.phases, self.advance
        if self.size is None or self.stride is None or self.start is None:
            return None
        return ((self.start, self.start + self.size - 1),), self.stride

    def slide(self, k: int, s: int, pb: int | None, d: int = 1) -> Field:  # noqa: ARG002  a field has no holes
        """Return the field after a window of extent k, stride s and padding pb before (None: an open size decides)."""
        if self.phases is not None or (self.stride or 0) < 0:
            return self.lost() if pb is None else self.spread([(-pb, k - 1 - pb)], s)
        size, stride, start, _, _, marks, anchor, offset = self
        if stride is None:
            return self
        if stride > LARGEST:
            return self.lost()
        size = None if size is None else size + (k - 1) * stride
        if pb is not None and start is not None:
            return Field(size, stride * s, start - pb * stride, None, 0, marks)
        if pb is None:
            return Field(size, stride * s, None, None, 0, marks, Anchor())
        return Field(size, stride * s, None, None, 0, marks, anchor, offset - pb * stride)

    def whole(self, n: int | None) -> Field:
        """Return the field after a layer that sees all n units at once: a window of n, of stride 1, without padding."""
        if n is None:
            return self.lost() if self.phases is not None else self._replace(size=None)
        return self.slide(n, 1, 0) if self.phases is None else self.still(n)._replace(stride=self.stride or 0)

    def still(self, n: int) -> Field:
        """Return the field after a layer each of whose units sees all n units at once."""
        known = self.spans
        if known is None:
            return self.lost()
        first, last = _seen(*known, 0, n - 1, _monotone(*known))
        return self.lost() if (first, last) == NOTHING else Field(last - first + 1, 0, first, None, 0, self.marks)

    def pad(self, before: int, out: Size, repeats: Callable[[int], int] | None) -> Field:  # noqa: ARG002  not followed
        """Return the field after padding a map to `out` units with `before` more units in front (fewer if negative).

        For padding that is not constant, `repeats` returns the unit that a padded one repeats; the field counts it as
        padding.
        """
        return self.slide(1, 1, before)

    def prepend(self, before: int) -> Field | None:  # noqa: ARG002  what the others see is unknown
        """Return the field after `before` other units are put in front; None, as this class does not follow them."""
        return None

    def seen(self, first: int, last: int) -> Interval:
        """Return the pixels that units `first` to `last` of a known field see together; NOTHING if there are none."""
        assert self.spans is not None
        return _seen(*self.spans, first, last, _monotone(*self.spans))

    def spread(self, sees: Sequence[Interval], advance: int, step: int = 1) -> Field:  # noqa: ARG002  it has no holes
        """Return the field after a layer whose unit u sees every `step`-th of units `sees[u % P]`, P = len(sees).

        The units seen move by `advance` each period.
        """
        known = self.spans
        if known is None:
            return self.lost()
        phases, pace = known
        periods = len(phases) // gcd(len(phases), advance)  # after these periods both repeat together
        if len(sees) * periods > MOST_PHASES or pace > LARGEST:
            return self.lost()
        monotone = _monotone(phases, pace)
        spans = tuple(
            _seen(phases, pace, first + turn * advance, last + turn * advance, monotone)
            for turn in range(periods)
            for first, last in sees
        )
        return _from_phases(spans, pace * (advance * periods) // len(phases)).marked(self.marks)

    def transpose(self, taps: int, d: int, s: int, pb: int) -> Field:
        """Return the field after a transposed window: for each tap i, unit u sees (u + pb - i*d)/s if that is whole."""
        if s == 1:
            return self.slide((taps - 1) * d + 1, 1, (taps - 1) * d - pb, d)
        if s > MOST_PHASES:
            return self.lost()
        return self.spread(transposed(taps, d, s, pb), 1)

    def follows(self, n: Size, out: Size) -> bool:
        """Return whether the field after a layer from n to `out` units may be known."""
        few = not isinstance(n, int) or not isinstance(out, int) or out // gcd(n, out) <= MOST_PHASES
        return few and (self.size, self.stride, self.start) != (None, None, None)

    def resample(self, n: int, out: int, sees: Callable[[int], Interval]) -> Field:
        """Return the field after a layer from n to `out` units: unit u sees `sees(u)`, with period out/gcd(n, out)."""
        if not self.follows(n, out):
            return self.lost()
        common = gcd(n, out)
        return self.spread([sees(u) for u in range(out // common)], n // common)

    def take(self, units: Sequence[int], advance: int) -> Field:
        """Return the field of a row of these units, with nothing beside it; `advance` is the distance that it spans.

        A period is the row followed by as much emptiness, so that windows over its ends see nothing there.
        """
        if 2 * len(units) > MOST_PHASES:
            return self.lost()
        return self.spread([*[(unit, unit) for unit in units], *[NOTHING] * len(units)], 2 * advance)

    def met(self, others: Sequence[Field]) -> Field:
        """Return the field of units in which this path meets others, as `join` defines it."""
        fields, marks = [self, *others], 0
        for field in fields:
            marks |= field.marks
        local = [field for field in fields if not field.marks & POOLED]
        if local and len(local) < len(fields):
            marks = marks & ~POOLED | BROADCAST
        return _join_local(local or fields).marked(marks)

    def lost(self) -> Field:
        """Return the field with its numbers unknown; its marks stay."""
        return UNKNOWN.marked(self.marks)

    def marked(self, marks: int) -> Field:
        """Return the same field with these marks added."""
        return self if self.marks & marks == marks else self._replace(marks=self.marks | marks)


POOLED = 1
"""The path went through a global pool: its units see the whole image and have no place in it."""
BROADCAST = 2
"""A pooled path was joined and left out of the field, as in a squeeze-and-excite gate."""
MISALIGNED = 4
"""Paths were joined whose units are not aligned."""
UNKNOWN = Field(None, None, None)
PIXEL = Field(1, 1, 0)
"""The field of the input: each pixel sees itself."""


def transposed(taps: int, d: int, s: int, pb: int) -> list[Interval]:
    """Return the first and the last unit that each of s units sees through a transposed window, or NOTHING."""
    common = gcd(d, s)
    period = s // common
    """After this many taps, the pattern of units repeats."""
    inverse = pow(d // common, -1, period)
    sees = []
    for u in range(s):
        units, beside = divmod(u + pb, common)
        first = units * inverse % period
        if beside or first >= taps:
            sees.append(NOTHING)
            continue
        last = first + (taps - 1 - first) // period * period
        sees.append(((u + pb - last * d) // s, (u + pb - first * d) // s))
    return sees


def _monotone(phases: Sequence[Interval], step: int) -> bool:
    """Return whether no later unit starts or ends earlier, so that the hull of units is that of the outermost."""
    if NOTHING in phases:
        return False
    following = [*phases[1:], _span(phases, step, len(phases))]
    return all(a[0] <= b[0] and a[1] <= b[1] for a, b in zip(phases, following, strict=True))


def _span(phases: Sequence[Interval], step: int, unit: int) -> Interval:
    """Return the pixels that one unit sees."""
    span, shift = phases[unit % len(phases)], unit // len(phases) * step
    return span if span == NOTHING else (span[0] + shift, span[1] + shift)


def _seen(phases: Sequence[Interval], step: int, first: int, last: int, monotone: bool) -> Interval:
    """Return the pixels that units `first` to `last` see together; units that see none add none."""
    if monotone:
        return (_span(phases, step, first)[0], _span(phases, step, last)[1]) if first <= last else NOTHING
    reach = min(last - first + 1, len(phases))  # the first period has the smallest start, the last the largest end
    units = {*range(first, first + reach), *range(last - reach + 1, last + 1)}
    return _hull([_span(phases, step, unit) for unit in units])


def _from_phases(spans: tuple[Interval, ...], advance: int) -> Field:
    """Return the field of these phases, reduced to three numbers if they suffice."""
    sizes = {last - first + 1 for first, last in spans}
    stride, rest = divmod(advance, len(spans))
    start = spans[0][0]
    even = rest == 0 and len(sizes) == 1 and all(first == start + u * stride for u, (first, _) in enumerate(spans))
    if even and NOTHING not in spans:
        return Field(sizes.pop(), stride, start)
    return Field(max(sizes), stride if rest == 0 else None, None if spans[0] == NOTHING else start, spans, advance)


def join(fields: Sequence[Field]) -> Field:
    """Return the field of units in which several paths meet: from the smallest start to the largest end.

    Paths are aligned if their strides are equal and their centres coincide. If only some paths went through a global
    pool, those are left out and the field is marked.
    """
    return fields[0].met(fields[1:])


def _join_local(fields: list[Field]) -> Field:
    """Return the field of units in which paths meet, none of which is left out."""
    first = fields[0]
    same = [one for one in fields if one[:5] == first[:5] and one.anchor is first.anchor and one.offset == first.offset]
    if len(same) == len(fields):
        return first
    still = [field for field in fields if field.stride == 0 and field.phases is None]
    if still:
        sizes = [field.size for field in fields if field.size is not None]
        if len(sizes) == len(fields) and still[0].size == max(sizes):
            return still[0]  # as when attention is added to what it read
    if first.anchor is not None and all(field.anchor is first.anchor for field in fields):
        placed = [field._replace(start=field.offset, anchor=None) for field in fields]
        joined = _join_local(placed)
        return joined if joined.start is None else joined._replace(start=None, anchor=first.anchor, offset=joined.start)
    known = [spans for spans in (field.spans for field in fields) if spans is not None]
    if len(known) < len(fields):
        strides = {field.stride for field in fields}
        return Field(None, strides.pop() if len(strides) == 1 else None, None)
    return _join_known(known)


def _join_known(known: Sequence[tuple[tuple[Interval, ...], int]]) -> Field:
    """Return the field of units in which paths of these phases and advances meet."""
    (first, advance), *_ = known
    if len({(len(spans), step) for spans, step in known}) == 1 == len(first):  # the usual case
        begin, end = _hull([only for (only,), _ in known])
        joined = Field(end - begin + 1, advance, begin)
        return joined if len({sum(only) for (only,), _ in known}) == 1 else joined.marked(MISALIGNED)
    period = lcm(*(len(spans) for spans, _ in known))
    if len({step * period // len(spans) for spans, step in known}) > 1 or period > MOST_PHASES:
        return UNKNOWN.marked(MISALIGNED)
    rows = [[_span(spans, step, unit) for spans, step in known] for unit in range(period)]
    field = _from_phases(tuple(map(_hull, rows)), advance * period // len(first))
    return field if all(len(set(map(sum, row))) == 1 for row in rows) else field.marked(MISALIGNED)


def _hull(spans: Sequence[Interval]) -> Interval:
    """Return the interval from the smallest start to the largest end."""
    seen = [span for span in spans if span != NOTHING]
    return (min(begin for begin, _ in seen), max(end for _, end in seen)) if seen else NOTHING
