"""Open sizes: exact arithmetic with letters, floors, maxima and minima.

An open size is a sum of products of letters and of floors of such sums, with integer coefficients. To give equal sizes
equal terms, nested floors are merged where that is exact, `floor((floor((H + a)/b) + c)/d) = floor((H + a +
c*b)/(b*d))` (Knuth, Concrete Mathematics, 3.11), and so are sums of floors of one letter that equal a single floor,
`H//2 + (H+1)//2 = H` (Hermite's identity). A formula that grows beyond `MOST_ATOMS` becomes unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd
from typing import Any

LARGEST = 2**63 - 1
"""The largest number that a spec may hold: frameworks hold sizes in 64 bits."""
MOST_ATOMS = 64
"""The most letters and floors in the formula of an open size."""

Atom = tuple[Any, ...]
"""`("H",)`, `("//", terms, divisor)`, `("max", terms, terms)` or `("min", terms, terms)`."""
Terms = tuple[tuple[tuple[Atom, ...], int], ...]
"""A sum: products of atoms with their coefficients, in order; the empty product is the constant."""
Sum = dict[tuple[Atom, ...], int]


class Open:
    """A size that depends on letters: `Open("H")`, and the results of arithmetic with it. `Open(None)` is unknown."""

    __slots__ = ("_hash", "terms")

    def __init__(self, letter: str | None = None, terms: Terms | None = None):
        self.terms: Terms | None = terms if letter is None else ((((letter,),), 1),)
        self._hash: int | None = None
        """The hash, computed when first needed, as it takes arithmetic."""

    def __add__(self, other: int | Open) -> int | Open:
        return _open(_added(self, other, 1)) if isinstance(other, Open) else _moved(self, other)

    __radd__ = __add__

    def __sub__(self, other: int | Open) -> int | Open:
        return _open(_added(self, other, -1)) if isinstance(other, Open) else _moved(self, -other)

    def __rsub__(self, other: int) -> int | Open:
        return self * -1 + other

    def __mul__(self, other: int | Open) -> int | Open:
        if not isinstance(other, Open):
            return _scaled(self, other)
        return UNKNOWN if self.terms is None or other.terms is None else _multiplied(self.terms, other.terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: int | Open) -> int | Open:
        if isinstance(other, Open):
            return _quotient(self, other)
        if other == 1:
            return self
        return UNKNOWN if self.terms is None or other < 1 else _open(_floor(dict(self.terms), other))

    def __mod__(self, other: int) -> int | Open:
        return self - self // other * other

    def same_as(self, other: object) -> bool:
        """Return whether this is certainly the same size as another; an unknown size is not even the same as itself."""
        return self.terms is not None and self == other

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of the size."""
        return self.terms is None

    @property
    def letter(self) -> str | None:
        """The letter, if the size is just a letter."""
        if self.terms is None or len(self.terms) > 1:
            return None
        (product, times), *_ = self.terms
        return str(product[0][0]) if times == 1 and len(product) == 1 and len(product[0]) == 1 else None

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters that it depends on, in alphabetical order."""
        return tuple(sorted(letters_of(self.terms or ())))

    def at(self, values: Mapping[str, int | Open]) -> int | Open:
        """Return the size with these numbers or sizes in place of letters; other letters stay."""
        return UNKNOWN if self.terms is None else _replaced(self.terms, values)

    @property
    def length(self) -> tuple[int, int]:
        """The length of the formula, in letters and floors, then in numbers; of equal formulas the shortest is used."""
        if self.terms is None:
            return MOST_ATOMS + 1, 0
        divisors = [atom[2] for atom in walk(self.terms) if atom[0] == "//"]
        return _atoms(self.terms), sum(divisors) + sum(abs(times) for _, times in self.terms)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Open):
            return False
        if self.terms == other.terms or self.terms is None or other.terms is None:
            return self.terms == other.terms
        return floors_of(self.terms) + floors_of(other.terms) > 2 and self - other == 0

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(None if self.terms is None else value(self.terms, _PROBE))
        return self._hash

    def __str__(self) -> str:
        if self.terms is None:
            return "?"
        from .text import text

        return text(self.terms)

    def __repr__(self) -> str:
        return f"<size {self}>"


UNKNOWN = Open()


class _Probe(dict[str, int]):
    """A fixed number for each letter, at which equal sizes have equal values."""

    def __missing__(self, letter: str) -> int:
        return 7919 * ord(letter) + 104729


_PROBE = _Probe()


def larger(a: int | Open, b: int | Open) -> int | Open:
    """Return the larger of two sizes."""
    return _extreme("max", a, b)


def smaller(a: int | Open, b: int | Open) -> int | Open:
    """Return the smaller of two sizes."""
    return _extreme("min", a, b)


def _extreme(kind: str, a: int | Open, b: int | Open) -> int | Open:
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b) if kind == "max" else min(a, b)
    apart = a - b
    if isinstance(apart, int):
        return a if (apart >= 0) == (kind == "max") else b
    if apart.is_unknown:
        return UNKNOWN
    drawn = dict(_terms(a if isinstance(a, Open) else b)).get((), 0)  # a constant that both sums share is drawn out
    both = sorted([_terms(a - drawn), _terms(b - drawn)])
    return _open({((kind, *both),): 1, (): drawn})


def _terms(size: int | Open) -> Terms:
    return (((), size),) if isinstance(size, int) else size.terms or ()


def _open(terms: Sum | None) -> int | Open:
    """Return a sum as a size: a number if no letter is left, unknown if it is too long."""
    if terms is None:
        return UNKNOWN
    ordered = tuple(sorted([item for item in terms.items() if item[1]]))
    if len(ordered) > 1 and floors_of(ordered):
        from .steps import shorter

        ordered = shorter(ordered)
    if not ordered or not ordered[-1][0]:
        return ordered[0][1] if ordered else 0
    if max([abs(times) for _, times in ordered]) > LARGEST or _atoms(ordered) > MOST_ATOMS:
        return UNKNOWN
    return Open(None, ordered)


def _moved(size: Open, by: int) -> Open:
    """Return a size plus a number: its products stay as they are, in order, after the constant."""
    terms = size.terms
    if not by or terms is None:
        return size
    has_constant = not terms[0][0]
    constant = terms[0][1] + by if has_constant else by
    if abs(constant) > LARGEST or (not has_constant and _atoms(terms) >= MOST_ATOMS):
        return UNKNOWN
    kept = terms[1:] if has_constant else terms
    return Open(None, (((), constant), *kept) if constant else kept)


def _scaled(size: Open, by: int) -> int | Open:
    """Return a size times a number: its products stay as they are, in order."""
    if by == 1 or size.terms is None:
        return size
    if not by:
        return 0
    terms = tuple([(product, times * by) for product, times in size.terms])
    return UNKNOWN if max([abs(times) for _, times in terms]) > LARGEST else Open(None, terms)


def _added(a: Open, b: Open, sign: int) -> Sum | None:
    if a.terms is None or b.terms is None:
        return None
    found = dict(a.terms)
    for product, times in b.terms:
        found[product] = found.get(product, 0) + sign * times
    return found


@lru_cache(4096)
def _multiplied(a: Terms, b: Terms) -> int | Open:
    if len(a) * len(b) > MOST_ATOMS:
        return UNKNOWN
    found: Sum = {}
    for product, times in a:
        for other, more in b:
            both = tuple(sorted((*product, *other)))
            found[both] = found.get(both, 0) + times * more
    return _open(found)


def _quotient(size: Open, other: Open) -> int | Open:
    """Return a size divided by another, if that is a single product which divides it; unknown otherwise."""
    if size.same_as(other):
        return 1
    if size.terms is None or other.terms is None or len(other.terms) > 1:
        return UNKNOWN
    ((by, number),) = other.terms
    found: Sum = {}
    for product, times in size.terms:
        left = list(product)
        for atom in by:
            if atom not in left:
                return UNKNOWN
            left.remove(atom)
        if times % number:
            return UNKNOWN
        found[tuple(left)] = times // number
    return _open(found)


def _floor(inside: Sum, by: int) -> Sum | None:
    """Return the floor of a sum divided by an integer; None for a divisor that is too large."""
    outside: Sum = {}
    while True:
        constant = inside.get((), 0)
        common = gcd(by, *[times for product, times in inside.items() if product])
        if common > 1:
            inside = {product: times // common for product, times in inside.items()}
            by, constant = by // common, constant // common
        for product, times in inside.items():
            outside[product] = outside.get(product, 0) + (times - _kept(product, times, by)) // by
        inside = {product: kept for product, times in inside.items() if product and (kept := _kept(product, times, by))}
        rest = constant % by
        if not inside:
            return outside
        nested = _lone_floor(inside)
        if nested is None:
            if by > LARGEST:
                return None
            inside[()] = rest
            ordered = tuple(sorted(item for item in inside.items() if item[1]))
            atom = (("//", ordered, by),)
            return {**outside, atom: outside.get(atom, 0) + 1}
        ((_, terms, divisor),) = nested
        del inside[nested]
        inside = {product: times * divisor for product, times in inside.items()}
        inside[()] = rest * divisor
        for product, times in terms:
            inside[product] = inside.get(product, 0) + times
        by *= divisor


def _kept(product: tuple[Atom, ...], times: int, by: int) -> int:
    """Return the coefficient of a product that stays inside a floor: the remainder, or for floors all unless it is 0.

    To split floors into a part outside and a rest inside would double a formula with each layer.
    """
    rest = times % by
    return times if rest and any(len(atom) > 1 for atom in product) else rest


def _lone_floor(terms: Sum) -> tuple[Atom, ...] | None:
    """Return the floor that a sum consists of; None if it is anything else."""
    found = [product for product in terms if any(len(atom) > 1 for atom in product)]
    if len(found) != 1 or len(found[0]) > 1 or found[0][0][0] != "//":
        return None
    return found[0] if terms[found[0]] == 1 else None


def value(terms: Terms, values: Mapping[str, int]) -> int:
    """Return the value of a sum for these letters."""
    result = 0
    for product, times in terms:
        for atom in product:
            kind = atom[0]
            if len(atom) == 1:
                times *= values[kind]  # noqa: PLW2901
            elif kind == "//":
                times *= value(atom[1], values) // atom[2]  # noqa: PLW2901
            else:
                times *= (max if kind == "max" else min)(value(atom[1], values), value(atom[2], values))  # noqa: PLW2901
        result += times
    return result


def _replaced(terms: Terms, values: Mapping[str, int | Open]) -> int | Open:
    """Return a sum with numbers or sizes in place of some letters."""
    result: int | Open = 0
    for product, times in terms:
        part: int | Open = times
        for atom in product:
            if len(atom) == 1:
                one = values.get(atom[0], Open(atom[0]))
            elif atom[0] == "//":
                one = _replaced(atom[1], values) // atom[2]
            else:
                one = _extreme(atom[0], _replaced(atom[1], values), _replaced(atom[2], values))
            part = part * one
        result = result + part
    return result


def walk(terms: Terms) -> list[Atom]:
    """Return all atoms of a sum, those inside others included."""
    atoms = [atom for product, _ in terms for atom in product]
    inner = [inner for atom in atoms if len(atom) > 1 for inner in atom[1:] if isinstance(inner, tuple)]
    return [*atoms, *[atom for own in inner for atom in walk(own)]] if inner else atoms


@lru_cache(4096)
def letters_of(terms: Terms) -> frozenset[str]:
    """Return the letters of a sum."""
    return frozenset([atom[0] for atom in walk(terms) if len(atom) == 1])


def _atoms(terms: Terms) -> int:
    return len(walk(terms)) + len(terms)


def floors_of(terms: Terms) -> int:
    """Return the number of floors, maxima and minima in a sum."""
    return len([atom for atom in walk(terms) if len(atom) > 1])
