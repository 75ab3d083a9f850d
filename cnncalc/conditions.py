"""Conditions on letters: which numbers give a size a wanted value, and where all layers of a network agree.

    where(H // 2 * 2, "=", H)            the numbers of H for which that holds, as `Numbers`
    Holds("HW").also(Condition(...))     what holds of each letter, and of several at once

A size of one letter repeats (`floors.period`): on each residue class it is a line, or a polynomial, and where that has
a value, or is at least one, is solved exactly. What cannot be solved is still a condition, said as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from math import isqrt, lcm
from typing import Any, NamedTuple

from .floors import LARGEST, Open, Terms, completed, factors, period, text, value

MOST_CLASSES = 1 << 14
"""The most residue classes that are looked at one by one."""
MOST_VALUES = 1 << 16
"""The most values that are looked at one by one."""
MOST_LISTED = 1 << 12
"""The most single numbers that are listed."""
Run = tuple[int, int | None]
"""The first and the last number of a stretch of a residue class; None without an end."""
Size = int | Open


class Piece(NamedTuple):
    """The numbers from `least` to `most` whose remainder modulo `mod` is one of `rest`."""

    mod: int
    rest: tuple[int, ...]
    least: int
    """The first number of the piece."""
    most: int | None
    """The last number; None without an end."""

    def to_dict(self, axis: str) -> dict[str, Any]:
        """Return the piece as JSON, for the letter of an axis."""
        return {"axis": axis, "mod": self.mod, "rest": list(self.rest), "least": self.least, "most": self.most}

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
        if rest == tuple(range(1, mod)):
            return f"{letter} is not a multiple of {mod}"
        stretches = _stretches(rest)
        if len(stretches) > 1 and stretches[0][0] == 0 and stretches[-1][1] == mod - 1:
            stretches = [*stretches[1:-1], (stretches[-1][0], stretches[0][1] + mod)]
        runs = [f"{a}" if a == b else f"{a} to {b}" if b > a + 1 else f"{a}, {b}" for a, b in stretches]
        listed = ", ".join(runs)
        head, comma, tail = listed.rpartition(", ")
        return f"{letter} = {mod}{'n' if letter == 'm' else 'm'} + {f'{head} or {tail}' if comma else listed}"


def _stretches(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of neighbours."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


class Numbers:
    """A set of whole numbers from 1 on: stretches of residue classes. `224 in numbers` says whether one is in it."""

    __slots__ = ("mod", "runs")

    def __init__(self, mod: int, runs: Mapping[int, Iterable[Run]]):
        self.mod, self.runs = mod, {rest: own for rest, given in runs.items() if (own := tuple(given))}
        """The stretches of each residue class that is not empty, in order and apart from each other."""

    @classmethod
    def every(cls, least: int = 1, most: int | None = None) -> Numbers:
        """Return all numbers from `least` to `most`."""
        return cls(1, {0: [(max(least, 1), most)] if most is None or most >= max(least, 1) else []})

    @classmethod
    def multiples(cls, mod: int, *rest: int) -> Numbers:
        """Return the numbers with these remainders modulo `mod`, by default 0."""
        return cls(mod, {r % mod: [(r % mod or mod, None)] for r in rest or (0,)})

    @classmethod
    def listed(cls, numbers: Iterable[int]) -> Numbers:
        """Return these numbers."""
        return cls(1, {0: _stretches(sorted({number for number in numbers if number >= 1}))})

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
        """Whether every number from 1 on is in it."""
        return self.pieces() == (Piece(1, (0,), 1, None),)

    @property
    def least(self) -> int | None:
        """The smallest of them; None if there is none."""
        return min([own[0][0] for own in self.runs.values()], default=None)

    def first(self, at_least: int = 1) -> int | None:
        """Return the smallest that is at least a number; None if there is none."""
        found = []
        for rest, runs in self.runs.items():
            for a, b in runs:
                start = max(a, at_least + (rest - at_least) % self.mod)
                if b is None or start <= b:
                    found.append(start)
                    break
        return min(found, default=None)

    def __iter__(self) -> Iterator[int]:
        """Yield them in order; there may be no end."""
        number = self.first()
        while number is not None:
            yield number
            number = self.first(number + 1)

    def __and__(self, other: Numbers) -> Numbers:
        """Return the numbers that are in both. OverflowError if their residue classes are too many."""
        mod = _common(self.mod, other.mod)
        mine, others = self.split(mod), other.split(mod)
        return Numbers(mod, {r: _met(mine[r], others[r]) for r in mine if r in others})

    def __or__(self, other: Numbers) -> Numbers:
        """Return the numbers that are in one of the two. OverflowError if their residue classes are too many."""
        return ~(~self & ~other)

    def __invert__(self) -> Numbers:
        """Return the numbers that are not in it."""
        return Numbers(self.mod, {r: _gaps(self.runs.get(r, ()), r or self.mod, self.mod) for r in range(self.mod)})

    def split(self, mod: int) -> dict[int, tuple[Run, ...]]:
        """Return the stretches of the residue classes of a multiple of its modulus."""
        if mod == self.mod:
            return self.runs
        found = {}
        for rest, runs in self.runs.items():
            for own in range(rest, mod, self.mod):
                inside = [_within(a, b, own, mod) for a, b in runs]
                found[own] = tuple([run for run in inside if run is not None])
        return found

    def pieces(self) -> tuple[Piece, ...]:
        """Return the numbers as few pieces, in the order of their least; those without an end are one piece."""
        endless = {rest: runs[-1][0] for rest, runs in self.runs.items() if runs[-1][1] is None}
        ended = [runs[-1][1] for runs in self.runs.values() if runs[-1][1] is not None]
        found: list[Piece] = []
        tail = None
        if endless:
            mod = next(d for d in _divisors(self.mod) if {r % d for r in endless} and _repeats(endless, d, self.mod))
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
        """Return what holds of a letter, in words; `no H` for an empty set."""
        pieces = self.pieces()
        shown = " or ".join([piece.text(letter) for piece in pieces[:4]])
        return (shown + (f" or {len(pieces) - 4} more" if len(pieces) > 4 else "")) or f"no {letter}"

    def to_list(self, axis: str) -> list[dict[str, Any]]:
        """Return its pieces as JSON; a number is in it if it is in one of them."""
        return [piece.to_dict(axis) for piece in self.pieces()]


def _common(a: int, b: int) -> int:
    mod = lcm(a, b)
    if mod > MOST_VALUES:
        raise OverflowError(f"{mod} residue classes")
    return mod


def _within(a: int, b: int | None, rest: int, mod: int) -> Run | None:
    """Return the part of a stretch that lies in a residue class."""
    first = a + (rest - a) % mod
    if b is None:
        return first, None
    last = b - (b - rest) % mod
    return (first, last) if first <= last else None


def _met(mine: Iterable[Run], others: Iterable[Run]) -> list[Run]:
    """Return where stretches of one residue class overlap."""
    met = []
    for a, b in mine:
        for c, d in others:
            first, last = max(a, c), b if d is None else d if b is None else min(b, d)
            if last is None or first <= last:
                met.append((first, last))
    return met


def _gaps(runs: Iterable[Run], first: int, mod: int) -> list[Run]:
    """Return the stretches of a residue class, which begins at `first`, between others."""
    found: list[Run] = []
    at: int | None = first
    for a, b in runs:
        assert at is not None
        if a > at:
            found.append((at, a - mod))
        at = None if b is None else b + mod
    return found if at is None else [*found, (at, None)]


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *[number // d for d in small]})


def _repeats(rests: Iterable[int], by: int, mod: int) -> bool:
    """Return whether remainders modulo `mod` are all those with some remainders modulo one of its divisors."""
    own = set(rests)
    return len(own) == len({r % by for r in own}) * (mod // by)


def _progressions(numbers: list[int]) -> list[Piece]:
    """Return numbers in order as progressions: neighbours first, then steps of one length."""
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


# Which numbers give a size a value


class Test(NamedTuple):
    """A comparison of two sizes: `=`, `!=`, `>=`, or `|` for a multiple of a number."""

    left: Size
    sign: str
    right: Size

    def at(self, values: Mapping[str, int]) -> bool:
        """Return whether it holds for these letters, all of them given; so it is taken of an unknown size."""
        left, right = [
            one if isinstance(one, int) else value(one.terms or (), values) for one in (self.left, self.right)
        ]
        if any(isinstance(one, Open) and one.is_unknown for one in (self.left, self.right)):
            return True
        if self.sign == "|":
            return left % right == 0
        return left == right if self.sign == "=" else left != right if self.sign == "!=" else left >= right

    @property
    def letters(self) -> set[str]:
        """The letters that it depends on."""
        return {letter for one in (self.left, self.right) if isinstance(one, Open) for letter in one.letters}

    def text(self) -> str:
        """Return it as it is written: `H = ((H+1)//2)*2`, `H*W = 4096`, `H*W is a multiple of 4`."""
        if self.sign == "|":
            return f"{self.left} is a multiple of {self.right}"
        product = self.product()
        left, right = (self.left, self.right) if product is None else (product[0], product[1])
        return f"{left} {self.sign} {right}"

    def product(self) -> tuple[str, int, list[Terms]] | None:
        """Return a product of sums of a letter each as text, what it has to be, and the sums; None if it is not one."""
        apart = self.left - self.right
        if self.sign not in ("=", "!=") or not isinstance(apart, Open) or apart.terms is None:
            return None
        if len(apart.letters) < 2:
            return None
        whole = completed(apart.terms)
        found = factors(whole)
        wanted = dict(whole).get((), 0) - dict(apart.terms).get((), 0)
        if found is None or wanted % found[0]:
            return None
        times, parts = found
        return text(tuple([(product, number // times) for product, number in whole])), wanted // times, parts


def where(left: Size, sign: str, right: Size) -> Numbers | None:
    """Return the numbers of the only letter for which a comparison of two sizes holds: `=`, `!=`, `>=`, or `|`.

    `|` is for a multiple of a number. None if that cannot be worked out, or if there are several letters.
    """
    if sign == "|":
        assert isinstance(right, int)
        return where(left % right, "=", 0)
    apart = left - right
    if isinstance(apart, int):
        return Numbers.every() if {"=": apart == 0, "!=": apart != 0, ">=": apart >= 0}[sign] else Numbers(1, {})
    if apart.terms is None or len(apart.letters) != 1:
        return None
    try:
        if sign == "!=":
            found = _solved(apart.terms, "=")
            return None if found is None else ~found
        return _solved(apart.terms, sign)
    except OverflowError:
        return None


@lru_cache(4096)
def _solved(terms: Terms, sign: str) -> Numbers | None:
    """Return the numbers for which a sum of one letter is 0 (`=`), or at least 0 (`>=`)."""
    (letter,) = Open(None, terms).letters
    if _rises(terms):
        least = _least(terms, letter, 0)
        most = None if least is None or sign == ">=" else _least(terms, letter, 1)
        return Numbers(1, {}) if least is None else Numbers.every(least, None if most is None else most - 1)
    shape = _classes(terms, letter)
    if shape is None:
        return None
    start, mod, degree = shape
    runs: dict[int, list[Run]] = {}
    for first in range(start, start + mod):
        values = [value(terms, {letter: first + turn * mod}) for turn in range(degree + 1)]
        own = _turns(values, sign)
        if own is None:
            return None
        runs[first % mod] = [(first + a * mod, None if b is None else first + b * mod) for a, b in own]
    found = Numbers(mod, runs)
    if start > 1:
        numbers = [n for n in range(1, start) if _has(value(terms, {letter: n}), sign)]
        found = found & Numbers.every(start) | Numbers.listed(numbers)
    return found


def _has(number: int, sign: str) -> bool:
    return number >= 0 if sign == ">=" else number == 0


def _rises(terms: Terms, inside: bool = False) -> bool:
    """Return whether a sum never falls as its letter rises, as far as its signs say it."""
    for product, times in terms:
        if times < 0 and (product or inside):
            return False
        for atom in product:
            if atom[0] in ("max", "min") and (len(product) > 1 or inside):
                return False
            if any(isinstance(inner, tuple) and not _rises(inner, atom[0] == "//") for inner in atom[1:]):
                return False
    return True


def _least(terms: Terms, letter: str, wanted: int) -> int | None:
    """Return the smallest number for which a sum that never falls is at least `wanted`; None if there is none."""
    high = 1
    while value(terms, {letter: high}) < wanted:
        high *= 2
        if high > LARGEST * LARGEST:
            return None
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if value(terms, {letter: middle}) >= wanted else (middle, high)
    return high


def _classes(terms: Terms, letter: str) -> tuple[int, int, int] | None:
    """Return from where on, on which residue classes and of which degree a sum of one letter is a polynomial."""
    line = period(terms)
    if line is not None:
        return (1, line[0], 1) if line[0] <= MOST_CLASSES else None
    start, mod, degree = 1, 1, 1
    for product, _ in terms:
        own = 0
        for atom in product:
            found = (1, 1, 1) if len(atom) == 1 else _atom_classes(atom, letter)
            if found is None:
                return None
            start, mod, own = max(start, found[0]), lcm(mod, found[1]), own + found[2]
        degree = max(degree, own)
    return (start, mod, degree) if mod <= MOST_CLASSES and start <= MOST_VALUES and degree <= 4 else None


def _atom_classes(atom: tuple[Any, ...], letter: str) -> tuple[int, int, int] | None:
    if atom[0] == "//":
        inner = _classes(atom[1], letter)
        line = period(((((atom,), 1)),))
        return None if inner is None else (inner[0], line[0] if line else inner[1] * atom[2], inner[2])
    both = [_classes(terms, letter) if terms else (1, 1, 1) for terms in atom[1:]]
    if None in both:
        return None
    (a, b, c), (d, e, f) = [one or (1, 1, 1) for one in both]
    start, mod, degree = max(a, d), lcm(b, e), max(c, f)
    if mod > MOST_CLASSES:
        return None
    turns = 0
    for first in range(start, start + mod):
        numbers = [first + turn * mod for turn in range(degree + 1)]
        apart = [value(atom[1], {letter: n}) - value(atom[2], {letter: n}) for n in numbers]
        turns = max(turns, _bound(_coefficients(apart)))
    return start + turns * mod, mod, degree


def _coefficients(values: list[int]) -> list[int]:
    """Return the coefficients, constant first, of the polynomial that has these values from 0 on."""
    differences, row = [], values
    while row:
        differences.append(row[0])
        row = [b - a for a, b in pairwise(row)]
    found, basis, below = [0] * len(values), [1], 1  # basis: t(t-1)…, over the factorial `below`
    scale = 1
    for n in range(2, len(values)):
        scale *= n
    for at, difference in enumerate(differences):
        for power, times in enumerate(basis):
            found[power] += difference * times * (scale // below)
        basis = [a - at * b for a, b in zip([0, *basis], [*basis, 0], strict=True)]
        below *= at + 1
    return [number // scale for number in found]


def _bound(coefficients: list[int]) -> int:
    """Return a number from which on a polynomial has no root and its leading sign (Cauchy's bound)."""
    kept = list(coefficients)
    while kept and kept[-1] == 0:
        kept.pop()
    return 0 if len(kept) < 2 else 2 + max(map(abs, kept[:-1])) // abs(kept[-1])


def _turns(values: list[int], sign: str) -> list[Run] | None:
    """Return for which t from 0 on a polynomial with these values at 0, 1, 2 … is 0 (`=`), or at least 0 (`>=`)."""
    begin, step = values[0], values[1] - values[0]
    if len(values) == 2:
        if step == 0:
            return [(0, None)] if _has(begin, sign) else []
        if sign == "=":
            turn, rest = divmod(-begin, step)
            return [(turn, turn)] if rest == 0 and turn >= 0 else []
        if step > 0:
            return [(max(-(begin // step), 0), None)]
        return [(0, begin // -step)] if begin >= 0 else []
    coefficients = _coefficients(values)
    bound = _bound(coefficients)
    if bound > MOST_LISTED:
        return None
    at = [sum(times * turn**power for power, times in enumerate(coefficients)) for turn in range(bound + 1)]
    runs: list[Run] = [*_stretches([turn for turn in range(bound) if _has(at[turn], sign)])]
    if _has(at[bound], sign):
        last = runs.pop() if runs and runs[-1][1] == bound - 1 else (bound, bound)
        runs.append((last[0], None))
    return runs


# What holds of a network


class Condition(NamedTuple):
    """What has to hold of letters: one of some comparisons."""

    tests: tuple[Test, ...]
    what: str = ""
    """What needs it, in words, for an error: `add of 8xHxW and 8x[((H+1)//2)*2]xW`."""

    def at(self, values: Mapping[str, int]) -> bool:
        """Return whether it holds for these letters, all of them given."""
        return any(test.at(values) for test in self.tests)

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters that it depends on, in alphabetical order."""
        return tuple(sorted({letter for test in self.tests for letter in test.letters}))

    def text(self) -> str:
        """Return it as it is written."""
        possible = [test for test in self.tests if where(*test) != Numbers(1, {})] or self.tests[:1]
        return " or ".join([test.text() for test in possible])

    def solved(self) -> Numbers | None:
        """Return the numbers of its only letter; None if it has several, or cannot be solved."""
        found = Numbers(1, {})
        for test in self.tests:
            own = where(*test)
            if own is None:
                return None
            try:
                found = found | own if found else own
            except OverflowError:
                return None
        return found


class Holds:
    """Where a network holds: the numbers that each letter may be, and what has to hold of several at once.

    `holds.numbers["H"]` are `Numbers`; `holds.joint` are the other conditions: over several letters, or not solved.
    """

    __slots__ = ("conditions", "joint", "numbers")

    def __init__(self, letters: Iterable[str] = (), conditions: Iterable[Condition] = ()):
        self.numbers: dict[str, Numbers] = dict.fromkeys(letters, Numbers.every())
        self.joint: tuple[Condition, ...] = ()
        self.conditions: dict[tuple[Test, ...], Condition] = {}
        """Every condition, once."""
        for condition in conditions:
            self.add(condition)

    def also(self, *conditions: Condition) -> Holds:
        """Return what holds if these conditions hold, too."""
        both = Holds(self.numbers)
        both.numbers, both.joint, both.conditions = dict(self.numbers), self.joint, dict(self.conditions)
        for condition in conditions:
            both.add(condition)
        return both

    def add(self, condition: Condition) -> bool:
        """Add a condition; return whether anything is left that fulfils all of them."""
        if condition.tests in self.conditions:
            return True
        self.conditions[condition.tests] = condition
        letters = condition.letters
        own = condition.solved() if len(letters) < 2 else None
        if own is not None and not letters:
            return bool(own)
        if own is not None:
            try:
                (letter,) = letters
                self.numbers[letter] = self.numbers.get(letter, Numbers.every()) & own
                return bool(self.numbers[letter])
            except OverflowError:
                pass
        self.joint = (*self.joint, condition)
        boxes = self.boxes(condition)
        return boxes is None or bool(boxes)

    def at(self, values: Mapping[str, int]) -> bool:
        """Return whether the network holds for these letters, all of them given."""
        return all(condition.at(values) for condition in self.conditions.values())

    def failing(self, values: Mapping[str, int]) -> Condition | None:
        """Return the first condition that does not hold for these letters; None if all do."""
        return next((condition for condition in self.conditions.values() if not condition.at(values)), None)

    def refusal(self, condition: Condition) -> str:
        """Return the message for a condition that nothing fulfils beside these."""
        letters, alone = condition.letters, condition.solved()
        said = f"{condition.what}: {condition.text()} holds for no {' and '.join(letters)}"
        if alone:
            (letter,) = letters
            said = f"{condition.what}: {condition.text()} holds where {alone.text(letter)}"
        before = [own.text(letter) for letter, own in self.numbers.items() if letter in letters and not own.is_every]
        return f"{said}, but the layers before it need {'; '.join(before)}" if before else said

    @property
    def is_always(self) -> bool:
        """Whether the network holds for all numbers of all letters."""
        return not self.joint and all(own.is_every for own in self.numbers.values())

    def boxes(self, condition: Condition) -> list[dict[str, Numbers]] | None:
        """Return the numbers of each letter that make a product of sizes what it has to be, a dict for each way.

        None if a condition does not say that.
        """
        product = condition.tests[0].product() if len(condition.tests) == 1 else None
        if product is None or condition.tests[0].sign != "=" or not 0 < product[1] < 10**12:
            return None
        ways: list[tuple[int, dict[str, Numbers]]] = [(product[1], {})]
        for at, part in enumerate(product[2]):
            (letter,) = Open(None, part).letters
            further = []
            for left, box in ways:
                for size in _divisors(left) if at < len(product[2]) - 1 else [left]:
                    own = where(Open(None, part), "=", size)
                    if own is None:
                        return None
                    try:
                        own = own & self.numbers.get(letter, Numbers.every())
                    except OverflowError:
                        return None
                    if own:
                        further.append((left // size, {**box, letter: own}))
            ways = further
        return [box for _, box in ways]

    def alike(self, condition: Condition) -> Numbers | None:
        """Return the numbers that fulfil a condition over several letters if all of these are equal."""
        letters = condition.letters
        tests = [Test(_alike(test.left, letters), test.sign, _alike(test.right, letters)) for test in condition.tests]
        found = Condition(tuple(tests)).solved()
        try:
            for letter in letters:
                found = None if found is None else found & self.numbers.get(letter, Numbers.every())
        except OverflowError:
            return None
        return found

    def texts(self) -> list[str]:
        """Return what has to hold, a text for each letter and each condition over several; none if all holds."""
        said = [own.text(letter) for letter, own in self.numbers.items() if not own.is_every]
        for condition in self.joint:
            text, alike = condition.text(), self.alike(condition)
            if alike:
                text += f", as {alike.text(' = '.join(condition.letters))}"
            said.append(text)
        return said

    def to_list(self) -> list[dict[str, Any]]:
        """Return it as JSON: the pieces of each letter, of which one has to hold, and each condition over several."""
        pieces = [piece for letter, own in self.numbers.items() for piece in own.to_list(letter)]
        return pieces + [{"axes": list(one.letters), "condition": one.text()} for one in self.joint]

    def __repr__(self) -> str:
        return f"<holds {'; '.join(self.texts()) or 'always'}>"


def _alike(size: Size, letters: tuple[str, ...]) -> Size:
    """Return a size with the first of these letters in place of all of them."""
    return size.at(dict.fromkeys(letters[1:], Open(letters[0]))) if isinstance(size, Open) else size
