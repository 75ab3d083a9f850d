"""Requirements: relations of two sizes, and the numbers of a letter that fulfil them.

A size of one letter is periodic (`floors.steps.period`): on each residue class it is a linear function or a polynomial,
so equations and inequalities are solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import lcm
from typing import Any, NamedTuple

from ..floors import LARGEST, Open, Terms, letters_of, value
from ..floors.steps import period
from ..floors.text import completed, factors, text
from .numbers import Numbers, Run, stretches

MOST_PERIODS = 1 << 12
"""The longest period of sizes whose maximum or minimum is solved."""
MOST_VALUES = 1 << 16
"""The most values that are tested one by one before a size is periodic."""
MOST_TURNS = 1 << 12
"""The most values of a polynomial that are tested one by one."""
EVERY = Numbers.every()
"""All positive integers."""
Size = int | Open


class Requirement(NamedTuple):
    """A relation of two sizes: `=`, `!=`, `>=`, or `|` for a multiple of a number."""

    left: Size
    sign: str
    right: Size

    def at(self, values: Mapping[str, int]) -> bool:
        """Return whether it holds for these values of all its letters; for unknown sizes it is taken to hold."""
        left, right = [
            one if isinstance(one, int) else value(one.terms or (), values) for one in (self.left, self.right)
        ]
        if any(isinstance(one, Open) and one.is_unknown for one in (self.left, self.right)):
            return True
        if self.sign == "|":
            return left % right == 0
        return left == right if self.sign == "=" else left != right if self.sign == "!=" else left >= right

    @property
    def is_always(self) -> bool:
        """Whether it obviously holds for all values of its letters."""
        if self.sign == "|" and isinstance(self.right, int):
            return self.left % self.right == 0
        apart = self.left - self.right
        return isinstance(apart, int) and {"=": apart == 0, "!=": apart != 0, ">=": apart >= 0}.get(self.sign, False)

    @property
    def letters(self) -> set[str]:
        """The letters that it depends on."""
        return {
            letter for one in (self.left, self.right) if isinstance(one, Open) for letter in letters_of(one.terms or ())
        }

    def text(self) -> str:
        """Return the relation as text: `H = ((H+1)//2)*2`, `H*W = 4096`, `H*W is a multiple of 4`."""
        if self.sign == "|":
            return f"{self.left} is a multiple of {self.right}"
        product = self.product()
        if product is None:
            return f"{self.left} {self.sign} {self.right}"
        whole, wanted, times = product
        if wanted % times == 0:
            whole, wanted = tuple([(atoms, number // times) for atoms, number in whole]), wanted // times
        return f"{text(whole)} {self.sign} {wanted}"

    def product(self) -> tuple[Terms, int, int] | None:
        """Return a product of sums of one letter each, its required value and its integer factor; otherwise None."""
        apart = self.left - self.right
        if self.sign not in ("=", "!=") or not isinstance(apart, Open) or apart.terms is None:
            return None
        whole = completed(apart.terms) if len(apart.letters) > 1 else ()
        found = factors(whole) if whole else None
        return None if found is None else (whole, _constant(whole) - _constant(apart.terms), found[0])


def _constant(terms: Terms) -> int:
    return dict(terms).get((), 0)


def where(left: Size, sign: str, right: Size, within: Numbers = EVERY) -> Numbers | None:
    """Return the numbers of the only letter for which a relation of two sizes holds: `=`, `!=`, `>=`, or `|`.

    `|` means that the left size is a multiple of the right number; `within` restricts the result. None if the relation
    cannot be solved or has several letters.
    """
    if sign == "|":
        assert isinstance(right, int)
        return where(left % right, "=", 0, within)
    apart = left - right
    if isinstance(apart, int):
        return within if {"=": apart == 0, "!=": apart != 0, ">=": apart >= 0}[sign] else Numbers(1, {})
    letters = letters_of(apart.terms or ())
    if apart.terms is None or len(letters) != 1:
        return None
    try:
        found = _solved(apart.terms, min(letters), "=" if sign == "!=" else sign, within)
        return within - found if sign == "!=" and found is not None else found
    except OverflowError:
        return None


def _solved(terms: Terms, letter: str, sign: str, within: Numbers) -> Numbers | None:
    """Return the numbers for which a sum of one letter is 0 (`=`), or at least 0 (`>=`)."""
    if _rises(terms):
        least = _least(terms, letter, 0)
        most = None if least is None or sign == ">=" else _least(terms, letter, 1)
        most = None if most is None else most - 1
        return Numbers(1, {}) if least is None else within & Numbers.every(least, most)
    shape = _classes(terms, letter)
    if shape is None:
        return None
    start, mod, degree = shape
    mod = lcm(mod, within.mod)
    runs: dict[int, list[Run]] = {}
    for rest in within.split(mod):
        first = start + (rest - start) % mod
        values = [value(terms, {letter: first + turn * mod}) for turn in range(degree + 1)]
        own = _turns(values, sign)
        if own is None:
            return None
        runs[rest] = [(first + a * mod, None if b is None else first + b * mod) for a, b in own]
    found = Numbers(mod, runs)
    if start > 1:
        numbers = [n for n in range(1, start) if _has(value(terms, {letter: n}), sign)]
        found = found & Numbers.every(start) | Numbers.listed(numbers)
    return found if within is EVERY else found & within


def _has(number: int, sign: str) -> bool:
    return number >= 0 if sign == ">=" else number == 0


def _rises(terms: Terms, inside: bool = False) -> bool:
    """Return whether the signs of a sum show that it never falls as its letter rises."""
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
    constant = terms[0][1] if not terms[0][0] else 0
    (product, times), *others = terms[1:] if constant else terms
    (atom,) = product if len(product) == 1 else (None,)
    if times > 0 and not others and atom is not None and atom[0] not in ("max", "min"):
        wanted = -((constant - wanted) // times)  # of the only letter or floor
        return max(wanted, 1) if len(atom) == 1 else _least(atom[1], letter, wanted * atom[2])
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
    """Return the start, modulus and degree of the polynomials that equal a sum of one letter on residue classes."""
    line = period(terms)
    if line is not None:
        return 1, line[0], 1
    start, mod, degree = 1, 1, 1
    for product, _ in terms:
        own = 0
        for atom in product:
            found = (1, 1, 1) if len(atom) == 1 else _atom_classes(atom, letter)
            if found is None:
                return None
            start, mod, own = max(start, found[0]), lcm(mod, found[1]), own + found[2]
        degree = max(degree, own)
    return (start, mod, degree) if start <= MOST_VALUES and degree <= 4 else None


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
    if mod > MOST_PERIODS:
        return None
    turns = 0
    for first in range(start, start + mod):
        numbers = [first + turn * mod for turn in range(degree + 1)]
        apart = [value(atom[1], {letter: n}) - value(atom[2], {letter: n}) for n in numbers]
        turns = max(turns, _bound(_coefficients(apart)))
    return start + turns * mod, mod, degree


def _coefficients(values: list[int]) -> list[int]:
    """Return the coefficients, constant first, of the polynomial with these values at 0, 1, 2 …."""
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
    """Return a number beyond which a polynomial has no root and keeps its leading sign (Cauchy's bound)."""
    kept = list(coefficients)
    while kept and kept[-1] == 0:
        kept.pop()
    return 0 if len(kept) < 2 else 2 + max(map(abs, kept[:-1])) // abs(kept[-1])


def _turns(values: list[int], sign: str) -> list[Run] | None:
    """Return the t >= 0 for which a polynomial with these values at 0, 1, 2 … is 0 (`=`) or at least 0 (`>=`)."""
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
    if bound > MOST_TURNS:
        return None
    at = [sum(times * turn**power for power, times in enumerate(coefficients)) for turn in range(bound + 1)]
    runs: list[Run] = [*stretches([turn for turn in range(bound) if _has(at[turn], sign)])]
    if _has(at[bound], sign):
        last = runs.pop() if runs and runs[-1][1] == bound - 1 else (bound, bound)
        runs.append((last[0], None))
    return runs
