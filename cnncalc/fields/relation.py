"""What the units of one layer read on one axis: the counterpart of `Field` on a finite map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd
from typing import Any, NamedTuple

from ..field import MOST_FOLLOWED, NOTHING, PIXEL, Field, Interval, transposed
from ..sizes import Size
from . import masks

MANY = 64
"""With more phases than this, units are followed one by one."""


class Relation(NamedTuple):
    """The units of an axis that each unit of a layer reads. It has the methods of `Field` and starts as `itself`.

    Unit u reads every `step`-th unit from the first to the last of `phases[u % P]`, P = len(phases), moved by `advance`
    for each period and limited to 0 to n - 1.
    """

    n: int | None
    """The number of units that can be read; None if it depends on an open size."""
    field: Field
    """The same relation on an endless axis."""
    phases: tuple[Interval, ...] | None
    """The first and last unit read by each unit of one period; None if unknown."""
    advance: int = 0
    step: int = 1
    edge: bool = False
    """Whether a unit beyond the map stands for the one at its edge, as in an upsampling, which reads no zeros there."""

    @property
    def is_followed(self) -> bool:
        """Whether it follows single units through any layer."""
        return True

    @property
    def is_itself(self) -> bool:
        """Return whether each unit reads only the unit in its own place."""
        return self.phases == ((0, 0),) and self.advance == 1

    def _after(
        self, field: Field, phases: tuple[Interval, ...] | None, advance: int, step: int = 1, edge: bool = False
    ) -> Relation:
        """Return the relation after one more step; two steps of one layer on one axis are not followed."""
        if not self.is_itself:
            return Relation(self.n, field, None)
        return Relation(self.n, field, phases, advance, step if step > 0 else 1, edge)

    def slide(self, k: int, s: int, pb: int | None, d: int = 1) -> Relation:
        """Return the relation of windows of extent k, taps d apart, moved by s, with padding pb before."""
        phases = None if pb is None else ((-pb, k - 1 - pb),)
        return self._after(self.field.slide(k, s, pb, d), phases, s, d)

    def pad(self, before: int, out: Size, repeats: Callable[[int], int] | None) -> Relation:
        """Return the relation of a padded map of `out` units; `repeats` returns the unit that each one repeats."""
        field = self.field.pad(before, out, repeats)
        if repeats is None:
            return self._after(field, ((-before, -before),), 1)
        if not isinstance(out, int) or out > MOST_FOLLOWED:
            return self._after(field, None, 0)
        return self._after(field, tuple([(repeats(u),) * 2 for u in range(out)]), 0)

    def whole(self, n: int | None) -> Relation:
        """Return the relation of a layer whose units read all n units and have no place."""
        return self._after(self.field.whole(n), None if n is None else ((0, n - 1),), 0)

    def still(self, n: int) -> Relation:
        """Return the relation of a layer whose units read all n units but keep their places."""
        return self._after(self.field.still(n), ((0, n - 1),), 0)

    def spread(self, sees: Sequence[Interval], advance: int, step: int = 1) -> Relation:
        """Return the relation of units u that read every `step`-th unit of `sees[u % P]`."""
        return self._after(self.field.spread(sees, advance, step), tuple(sees), advance, step)

    def transpose(self, taps: int, d: int, s: int, pb: int) -> Relation:
        """Return the relation of a transposed window: for a tap i, unit u reads (u + pb - i*d)/s if that is whole."""
        phases = tuple(transposed(taps, d, s, pb)) if s <= MOST_FOLLOWED else None
        return self._after(self.field.transpose(taps, d, s, pb), phases, 1, d // gcd(d, s))

    def follows(self, n: Size, out: Size) -> bool:  # noqa: ARG002  as of a `Field`
        """Return whether the relation after a layer from n to `out` units may be known."""
        return True

    def resample(self, n: int, out: int, sees: Callable[[int], Interval]) -> Relation:
        """Return the relation of a layer from n to `out` units: unit u reads `sees(u)`, with period out/gcd(n, out)."""
        common = gcd(n, out)
        phases = tuple([sees(u) for u in range(out // common)]) if out // common <= MOST_FOLLOWED else None
        return self._after(self.field.resample(n, out, sees), phases, n // common, 1, edge=True)

    def take(self, units: Sequence[int], advance: int) -> Relation:
        """Return the relation of a row of these units."""
        return self._after(self.field.take(units, advance), tuple([(unit, unit) for unit in units]), 0)

    def prepend(self, before: int) -> Relation:
        """Return the relation of units with `before` other units in front."""
        return self._after(self.field.lost(), ((-before, -before),), 1)

    def met(self, others: Sequence[Relation]) -> Relation:
        """Return the relation of units that read one input in several ways: all of it, if one of them does."""
        whole = [one for one in (self, *others) if one.phases == ((0, self._size - 1),) and one.advance == 0]
        return whole[0] if whole else self if all(one[2:] == self[2:] for one in others) else self.lost()

    def lost(self) -> Relation:
        """Return the relation with what is read unknown."""
        return Relation(self.n, self.field.lost(), None)

    def marked(self, marks: int) -> Relation:
        """Return the relation with these marks added to its field."""
        return self._replace(field=self.field.marked(marks))

    def to_dict(self) -> dict[str, Any]:
        """Return the relation as JSON."""
        assert self.phases is not None
        phases = [None if span == NOTHING else span for span in self.phases]
        edge = {"edge": True} if self.edge and len(phases) > 1 else {}
        return {"n": self.n, "phases": phases, "advance": self.advance, "step": self.step, **edge}

    def endless(self) -> dict[str, Any]:
        """Return as JSON what is read on an endless axis, if that differs; null if unknown."""
        spans = self.field.spans
        if spans == (self.phases, self.advance):
            return {}
        phases = None if spans is None else [None if span == NOTHING else span for span in spans[0]]
        return {"endless": spans and {"phases": phases, "advance": spans[1]}}

    # Sets of units

    def back(self, bits: int) -> int:
        """Return the set of everything that the units of a set read."""
        if self.is_itself:
            return bits & masks.full(self._size)
        assert self.phases is not None
        read, period = 0, len(self.phases)
        if period > MANY:
            return self._back_each(bits)
        for phase, span in enumerate(self.phases):
            turns = masks.every(bits, phase, period) if span != NOTHING else 0
            if turns:
                read |= self._read(span, turns)
        return read

    def taps(self, unit: int) -> range:
        """Return the units on the map that one unit reads."""
        assert self.phases is not None
        first, last = self.phases[unit % len(self.phases)]
        if (first, last) == NOTHING:
            return range(0)
        moved, n = unit // len(self.phases) * self.advance, self._size
        first, last = first + moved, last + moved
        if self.edge:  # such a layer reads neighbors
            return range(min(max(first, 0), n - 1), min(max(last, 0), n - 1) + 1)
        return range(first + -(min(first, 0) // self.step) * self.step, min(last, n - 1) + 1, self.step)

    def _back_each(self, bits: int) -> int:
        """Return what the units of a set read, computed unit by unit."""
        digits = bytearray(b"0" * self._size)
        for unit in masks.units(bits):
            taps = self.taps(unit)
            digits[taps.start : taps.stop : taps.step] = b"1" * len(taps)
        return int(digits[::-1], 2)

    def _forth_each(self, bits: int, out: int) -> int:
        """Return the units that read a unit of a set, computed unit by unit."""
        digits = f"{bits:0{self._size}b}"[::-1]
        taps = map(self.taps, range(out))
        return int("".join(["1" if "1" in digits[own.start : own.stop : own.step] else "0" for own in taps])[::-1], 2)

    @property
    def _size(self) -> int:
        return self.n or 0

    def _read(self, span: Interval, turns: int) -> int:
        """Return the set of what the units of one phase read; bit t of `turns` stands for the unit of period t."""
        (first, last), gap, n = self._near(span, turns.bit_length()), self.advance, self._size
        if (first, last) == NOTHING:
            return 0
        if gap < 0:
            first += (turns.bit_length() - 1) * gap
            last += (turns.bit_length() - 1) * gap
            turns, gap = masks.reversed_bits(turns, turns.bit_length()), -gap
        bits = masks.run(masks.spaced(turns, gap), (last - first) // self.step + 1, self.step)
        before = bits & masks.full(-first) if first < 0 else 0
        bits = bits << first if first >= 0 else bits >> -first
        inside = bits & masks.full(n)
        if self.edge:
            inside |= bool(before) | (bool(bits >> n) << (n - 1))
        return inside

    def forth(self, bits: int, out: int) -> int:
        """Return the set of those of `out` units that read a unit of a set."""
        if self.is_itself:
            return bits & masks.full(out)
        assert self.phases is not None
        seeing, period = 0, len(self.phases)
        if period > MANY:
            return self._forth_each(bits, out)
        for phase, span in enumerate(self.phases[:out]):
            turns = len(range(phase, out, period))
            if span != NOTHING:
                seeing |= masks.spaced(self._reading(span, turns, bits), period) << phase
        return seeing

    def _reading(self, span: Interval, turns: int, bits: int) -> int:
        """Return the set of turns of a phase in which its unit reads a unit of a set."""
        (first, last), gap, n = self._near(span, turns), self.advance, self._size
        if (first, last) == NOTHING:
            return 0
        lowest, highest = min(first, first + (turns - 1) * gap), max(last, last + (turns - 1) * gap)
        before = max(-lowest, 0)
        """The number of units before the map that the sets below also have."""
        starts_at_edge, ends_at_edge = self.edge and bits & 1, self.edge and bits >> (n - 1)
        bits <<= before
        if starts_at_edge:
            bits |= masks.full(before)
        if ends_at_edge and highest >= n:
            bits |= masks.full(highest - n + 1) << (before + n)
        hits = masks.run(bits, (last - first) // self.step + 1, self.step)  # indexed by the last unit of a window
        begins = hits >> (last - first + lowest + before)
        if gap == 0:
            return masks.full(turns) if begins & 1 else 0
        chosen = masks.every(begins, 0, abs(gap)) & masks.full(turns)
        return chosen if gap > 0 else masks.reversed_bits(chosen, turns)

    def _near(self, span: Interval, turns: int) -> Interval:
        """Return a phase's window in its first turn, cut to the taps that meet the map in any turn.

        NOTHING if no tap does. With `edge`, one tap beyond the map stays at each end. A window may be much larger than
        the map.
        """
        (first, last), reach = span, (turns - 1) * self.advance
        low, high = -max(reach, 0), self._size - 1 - min(reach, 0)
        begin = first + max(-((first - low) // self.step) - self.edge, 0) * self.step
        end = last - max(-((high - last) // self.step) - self.edge, 0) * self.step
        if self.edge:
            return min(begin, last), max(end, first)
        return (begin, end) if begin <= end else NOTHING

    def box(self, span: Interval) -> Interval:
        """Return the first and last unit that the units of an interval read, on an endless axis."""
        if self.field.spans is not None:
            return self.field.seen(*span)
        first, last = max(span[0], 0), span[1]
        read = self.back(masks.full(last - first + 1) << first) if first <= last else 0
        return masks.ends(read) if read else NOTHING


def itself(n: int | None) -> Relation:
    """Return the relation of units that read the unit in their own place."""
    return Relation(n, PIXEL, ((0, 0),), 1)
