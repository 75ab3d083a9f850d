"""Sets of positive integers: runs within residue classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd, isqrt, lcm
from typing import Any, NamedTuple

MOST_CLASSES = 1 << 13
"""The most residue classes of a set."""
MOST_LISTED = 1 << 12
"""The most single numbers that are listed as pieces."""
Run = tuple[int, int | None]
"""The first and last number of a run within a residue class; None if it has no end."""


class Piece(NamedTuple):
    """The numbers from `least` to `most` whose remainder modulo `mod` is one of `rest`."""

    mod: int
    rest: tuple[int, ...]
    least: int
    """The first number of the piece."""
    most: int | None
    """The last number; None if there is no end."""

    def to_dict(self) -> dict[str, Any]:
        """Return the piece as JSON."""
        return {"mod": self.mod, "rest": list(self.rest), "least": self.least, "most": self.most}

    def text(self, letter: str) -> str:
        """Return `H is a multiple of 8`, `H = 16m + 12, H >= 188`, `H = 7` or `H from 199 to 230`."""
        if self.least == self.most:
            return f"{letter} = {self.least}"
        if self.mod == 1:
            bounded = f"{letter} from {self.least} to {self.most}"
            return f"{letter} >= {self.least}" if self.most is None else bounded
        said = self._rule(letter)
        first = min(rest or self.mod for rest in self.rest)
        said += f", {letter} >= {self.least}" if self.least != first else ""
        return said + (f", {letter} <= {self.most}" if self.most is not None else "")

    def _rule(self, letter: str) -> str:
        mod, rest = self.mod, self.rest
        if rest == (0,):
            return f"{letter} is even" if mod == 2 else f"{letter} is a multiple of {mod}"
        if rest == (1,) and mod == 2:
            return f"{letter} is odd"
        if len(rest) == mod - 1 and 0 not in rest:
            return f"{letter} is not a multiple of {mod}"
        spans = stretches(rest)
        if len(spans) > 1 and spans[0][0] == 0 and spans[-1][1] == mod - 1:
            spans = [*spans[1:-1], (spans[-1][0], spans[0][1] + mod)]
        runs = [f"{a}" if a == b else f"{a} to {b}" if b > a + 1 else f"{a}, {b}" for a, b in spans]
        listed = ", ".join(runs)
        head, comma, tail = listed.rpartition(", ")
        return f"{letter} = {mod}{'n' if letter == 'm' else 'm'} + {f'{head} or {tail}' if comma else listed}"


def stretches(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last number of each run of consecutive integers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


class Numbers:
    """A set of positive integers: runs within residue classes. `224 in numbers` tests membership."""

    __slots__ = ("mod", "runs")

    def __init__(self, mod: int, runs: Mapping[int, Iterable[Run]]):
        self.mod, self.runs = mod, {rest: own for rest, given in runs.items() if (own := tuple(given))}
        """The modulus, and the sorted, disjoint runs of each residue class that is not empty."""

    @classmethod
    def every(cls, least: int = 1, most: int | None = None) -> Numbers:
        """Return all numbers from `least` to `most`."""
        return cls(1, {0: [(max(least, 1), most)] if most is None or most >= max(least, 1) else []})

    @classmethod
    def listed(cls, numbers: Iterable[int]) -> Numbers:
        """Return the set of these numbers."""
        return cls(1, {0: stretches(sorted({number for number in numbers if number >= 1}))})

    def __contains__(self, number: int) -> bool:
        return any(a <= number and (b is None or number <= b) for a, b in self.runs.get(number % self.mod, ()))

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self.pieces() == other.pieces()

    def __hash__(self) -> int:
        return hash(self.pieces())

    def __repr__(self) -> str:
        return f"<numbers {self.text('n')}>"

    @property
    def is_every(self) -> bool:
        """Whether every positive integer is in the set."""
        return self.pieces() == (Piece(1, (0,), 1, None),)

    @property
    def least(self) -> int | None:
        """The smallest number; None if the set is empty."""
        return min([own[0][0] for own in self.runs.values()], default=None)

    @property
    def most(self) -> int | None:
        """The largest number; None if the set is empty or infinite."""
        ends = [(rest, own[-1][1]) for rest, own in self.runs.items()]
        found = [end - (end - rest) % self.mod for rest, end in ends if end is not None]
        return max(found) if found and len(found) == len(ends) else None

    def first(self, at_least: int = 1) -> int | None:
        """Return the smallest number that is at least `at_least`; None if there is none."""
        found = []
        for rest, runs in self.runs.items():
            for a, b in runs:
                start = max(a, at_least + (rest - at_least) % self.mod)
                if b is None or start <= b:
                    found.append(start)
                    break
        return min(found, default=None)

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers in order, possibly without end."""
        number = self.first()
        while number is not None:
            yield number
            number = self.first(number + 1)

    def __and__(self, other: Numbers) -> Numbers:
        """Return the intersection. Raise OverflowError if it has too many residue classes."""
        if self.mod == other.mod:
            both = {rest: _met(own, other.runs[rest]) for rest, own in self.runs.items() if rest in other.runs}
            return Numbers(self.mod, both)
        common, mod = gcd(self.mod, other.mod), lcm(self.mod, other.mod)
        alike: dict[int, list[int]] = {}
        for rest in other.runs:
            alike.setdefault(rest % common, []).append(rest)
        turn = pow(self.mod // common, -1, other.mod // common)  # the Chinese remainder theorem
        found: dict[int, list[Run]] = {}
        for mine, own in self.runs.items():
            for theirs in alike.get(mine % common, ()):
                rest = mine + self.mod * ((theirs - mine) // common * turn % (other.mod // common))
                met = _met(_inside(own, rest, mod), _inside(other.runs[theirs], rest, mod))
                if met:
                    found[rest] = met
            if len(found) > MOST_CLASSES:
                raise OverflowError(f"{len(found)} residue classes")
        return Numbers(mod, found)

    def __or__(self, other: Numbers) -> Numbers:
        """Return the union. Raise OverflowError if it has too many residue classes."""
        mod = lcm(self.mod, other.mod)
        mine, others = self.split(mod), other.split(mod)
        return Numbers(mod, {r: _joined([*mine.get(r, ()), *others.get(r, ())], mod) for r in mine | others})

    def __sub__(self, other: Numbers) -> Numbers:
        """Return the difference. Raise OverflowError if it has too many residue classes."""
        mod = lcm(self.mod, other.mod)
        mine, others = self.split(mod), other.split(mod)
        return Numbers(mod, {r: _met(own, _gaps(others.get(r, ()), r or mod, mod)) for r, own in mine.items()})

    def __invert__(self) -> Numbers:
        """Return the complement."""
        return Numbers.every() - self

    def split(self, mod: int) -> dict[int, tuple[Run, ...]]:
        """Return the runs by residue class of `mod`, a multiple of the set's modulus.

        Raise OverflowError if there are too many classes.
        """
        if mod == self.mod:
            return self.runs
        found: dict[int, tuple[Run, ...]] = {}
        for rest, runs in self.runs.items():
            last = max(self.mod if b is None else b - a for a, b in runs)
            endless = runs[-1][1] is None or last >= mod
            if min(last, mod) // self.mod > MOST_CLASSES:  # all numbers of one run would be in different classes
                raise OverflowError(f"{mod} residue classes")
            short = (
                {n % mod for a, b in runs if b is not None for n in range(a, b + 1, self.mod)} if not endless else ()
            )
            for own in range(rest, mod, self.mod) if endless else sorted(short):
                inside = _inside(runs, own, mod)
                if inside:
                    found[own] = tuple(inside)
                if len(found) > MOST_CLASSES:
                    raise OverflowError(f"{mod} residue classes")
        return found

    def pieces(self) -> tuple[Piece, ...]:
        """Return the numbers as few pieces, ordered by their least number; those without an end are one piece."""
        endless = {rest: runs[-1][0] for rest, runs in self.runs.items() if runs[-1][1] is None}
        ended = [runs[-1][1] for runs in self.runs.values() if runs[-1][1] is not None]
        found: list[Piece] = []
        tail = None
        if endless:
            times = divisors(gcd(len(endless), self.mod))
            mod = next(self.mod // n for n in reversed(times) if _repeats(endless, self.mod // n, self.mod))
            rest = tuple(sorted({r % mod for r in endless}))
            tail = max([*[start - self.mod + 1 for start in endless.values()], *[(end or 0) + 1 for end in ended], 1])
            least = min(tail + (r - tail) % mod for r in rest)
            found.append(Piece(mod, rest, least, None))
        runs = [(a, b if b is not None else tail, r) for r, own in self.runs.items() for a, b in own]
        runs = [(a, min(b or 0, tail - 1) if tail else b, r) for a, b, r in runs if tail is None or a < tail]
        size = sum(((b or 0) - a) // self.mod + 1 for a, b, _ in runs)
        if size > MOST_LISTED:
            found += [Piece(self.mod, (r,), a, (b or 0) - ((b or 0) - a) % self.mod) for a, b, r in runs]
        else:
            found += _progressions(sorted({n for a, b, _ in runs for n in range(a, (b or 0) + 1, self.mod)}))
        return tuple(sorted(found, key=lambda piece: (piece.least, piece.mod)))

    def text(self, letter: str) -> str:
        """Return in words which numbers a letter may be; `no H` for an empty set."""
        pieces = self.pieces()
        shown = " or ".join([piece.text(letter) for piece in pieces[:4]])
        return (shown + (f" or {len(pieces) - 4} more" if len(pieces) > 4 else "")) or f"no {letter}"

    def to_list(self, axis: str) -> list[dict[str, Any]]:
        """Return the pieces as JSON; a number is in the set if it is in one of them."""
        return [{"axis": axis, **piece.to_dict()} for piece in self.pieces()]


def _within(a: int, b: int | None, rest: int, mod: int) -> Run | None:
    """Return the part of a run that lies in a residue class."""
    first = a + (rest - a) % mod
    if b is None:
        return first, None
    last = b - (b - rest) % mod
    return (first, last) if first <= last else None


def _inside(runs: Iterable[Run], rest: int, mod: int) -> list[Run]:
    """Return the parts of runs that lie in a residue class, merged where they touch."""
    return _joined([run for run in (_within(a, b, rest, mod) for a, b in runs) if run is not None], mod)


def _joined(runs: list[Run], mod: int) -> list[Run]:
    """Return runs of one residue class, merged where they touch."""
    found: list[Run] = []
    for a, b in sorted(runs, key=lambda run: run[0]):
        last = found[-1] if found else None
        if last is not None and (last[1] is None or a <= last[1] + mod):
            found[-1] = (last[0], None if last[1] is None or b is None else max(b, last[1]))
        else:
            found.append((a, b))
    return found


def _met(mine: Iterable[Run], others: Iterable[Run]) -> list[Run]:
    """Return the overlaps of runs of one residue class."""
    met = []
    for a, b in mine:
        for c, d in others:
            first, last = max(a, c), b if d is None else d if b is None else min(b, d)
            if last is None or first <= last:
                met.append((first, last))
    return met


def _gaps(runs: Iterable[Run], first: int, mod: int) -> list[Run]:
    """Return the gaps between runs of a residue class that begins at `first`."""
    found: list[Run] = []
    at: int | None = first
    for a, b in runs:
        assert at is not None
        if a > at:
            found.append((at, a - mod))
        at = None if b is None else b + mod
    return found if at is None else [*found, (at, None)]


def divisors(number: int) -> list[int]:
    """Return the divisors of a number, in order."""
    small = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *[number // d for d in small]})


def _repeats(rests: Iterable[int], by: int, mod: int) -> bool:
    """Return whether remainders modulo `mod` repeat with period `by`, a divisor of `mod`."""
    own = set(rests)
    return len(own) == len({r % by for r in own}) * (mod // by)


def _progressions(numbers: list[int]) -> list[Piece]:
    """Return sorted numbers as arithmetic progressions: consecutive ones first, then those with equal steps."""
    found = []
    while numbers:
        step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
        size = next((n for n in range(1, len(numbers)) if numbers[n] != numbers[0] + n * step), len(numbers))
        size = size if size > 2 or step == 1 else 1
        least, most = numbers[0], numbers[size - 1]
        step = 1 if size == 1 else step
        found.append(Piece(step, (least % step,), least, most))
        del numbers[:size]
    return found
