"""An open size as text, and as a product of sums of one letter each."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, isqrt

from . import Atom, Sum, Terms, letters_of


def completed(terms: Terms) -> Terms:
    """Return a sum with the constant added that may make it a product of sums of one letter each."""
    letter = min(letters_of(terms))
    rows: dict[tuple[Atom, ...], Sum] = {}
    for product, times in terms:
        own = tuple([atom for atom in product if letters_of((((atom,), 1),)) == {letter}])
        rows.setdefault(tuple([atom for atom in product if atom not in own]), {})[own] = times
    alone = {own: times for own, times in rows.pop((), {}).items() if own}
    row = next(iter(rows.values()), {})
    own, times = next(iter(alone.items()), ((), 0))
    constant, rest = divmod(times * row.get((), 0), row.get(own, 0) or 1)
    kept = [term for term in terms if term[0]]
    return tuple(sorted([*kept, ((), constant)] if constant and not rest else kept))


def factors(terms: Terms) -> tuple[int, list[Terms]] | None:
    """Return a sum factored as an integer and sums of one letter each; None if it is not such a product."""
    parts: list[Terms] = []
    common = gcd(*[times for _, times in terms])
    left = {product: times // common for product, times in terms}
    for letter in sorted(letters_of(terms)):
        rows: dict[tuple[Atom, ...], Sum] = {}
        for product, times in left.items():
            own = tuple([atom for atom in product if letters_of((((atom,), 1),)) == {letter}])
            rest = tuple([atom for atom in product if atom not in own])
            rows.setdefault(rest, {})[own] = times
        first, *others = rows.values()
        sign = 1 if first[max(first, key=len)] > 0 else -1
        shared = gcd(*first.values()) * sign
        part = {own: times // shared for own, times in first.items()}
        lead = next(iter(part))
        if any(
            row.keys() != part.keys() or any(row[own] * part[lead] != row[lead] * part[own] for own in part)
            for row in others
        ):
            return None
        parts.append(tuple(sorted(part.items())))
        left = {rest: row[lead] // part[lead] for rest, row in rows.items()}
    return (common * left[()], parts) if left.keys() == {()} else None


def squared(terms: Terms) -> tuple[int, list[Terms]] | None:
    """Return the square of a letter or floor plus a constant, as an integer factor and the two sums."""
    if len(terms) != 3:
        return None
    common = gcd(*[times for _, times in terms])
    left = {product: times // common for product, times in terms}
    square = max(left, key=len)
    one = square[:1]
    if square != one * 2 or left.keys() != {square, one, ()}:
        return None
    lead, constant = isqrt(max(left[square], 0)), isqrt(max(left[()], 0))
    if (lead**2, 2 * lead * constant, constant**2) != (left[square], abs(left[one]), left[()]):
        return None
    root = (((), constant if left[one] > 0 else -constant), (one, lead))
    return common, [root, root]


@lru_cache(4096)
def text(terms: Terms) -> str:
    """Return a sum as text in Python's syntax: `(H+1)//2`, `((H+1)//2)*3+5`, `(H//32)*(W//32)*256`."""
    is_of_one = len(letters_of(terms)) < 2
    product = squared(terms) if is_of_one else factors(terms)
    if product is not None:
        times, parts = product
        return "*".join([_bracketed(text(part)) for part in parts]) + (f"*{times}" if times != 1 else "")
    if is_of_one:
        return _one_text(terms)
    shown, constant = [], dict(terms).get((), 0)
    for part in _parts(terms):
        whole = completed(part) if len(letters_of(part)) > 1 else ()
        is_product = bool(whole) and factors(whole) is not None
        shown.append(text(whole) if is_product else _one_text(part))
        constant -= dict(whole).get((), 0) if is_product else 0
    return _sum_text([*shown, str(constant)] if constant else shown)


def _parts(terms: Terms) -> list[Terms]:
    """Return the parts of a sum without its constant: products grouped by a common factor, the rest by letter."""
    groups: dict[frozenset[object], list[tuple[tuple[Atom, ...], int]]] = {}
    for term in sorted(terms, key=lambda term: -len(letters_of((term,)))):
        letters = letters_of((term,))
        alike = [key for key in groups if key & set(term[0])]
        if not alike and len(letters) == 1:
            groups.setdefault(frozenset(letters), []).append(term)
        elif letters:
            joined = frozenset(term[0]).union(*alike)
            groups[joined] = [*[other for key in alike for other in groups.pop(key)], term]
    parts = [tuple(sorted(group)) for group in groups.values()]
    return sorted(parts, key=lambda part: (-len(letters_of(part)), sorted(letters_of(part))))


def _one_text(terms: Terms) -> str:
    times, inner = _as_one_floor(terms)
    if inner is not None:
        atom = _atom_text(("//", *inner))
        return atom if times == 1 else f"({atom})*{times}"
    ordered = sorted(terms, key=lambda term: (-len(term[0]), *[len(atom) for atom in term[0]]))
    return _sum_text([_term_text(product, times) for product, times in ordered])


def _sum_text(parts: list[str]) -> str:
    return parts[0] + "".join([part if part[0] == "-" else f"+{part}" for part in parts[1:]])


def _as_one_floor(terms: Terms) -> tuple[int, tuple[Terms, int] | None]:
    """Return a sum with a single floor as a factor and that floor, with the rest drawn into it if possible."""
    lone = [term for term in terms if len(term[0]) == 1 and term[0][0][0] == "//"]
    rest = [term for term in terms if term not in lone]
    if len(lone) != 1 or any(len(product) > 1 or any(len(a) > 1 for a in product) for product, _ in rest):
        return 1, None
    (((_, inside, by),), times), *_ = lone
    drawn = abs(times) if all(product == () for product, _ in rest) else 1
    if any(number % drawn for _, number in rest) or (times < 0 and (drawn != 1 or times != -1)):
        return 1, None
    if drawn == 1 and abs(times) != 1:
        return 1, None
    sign = 1 if times > 0 else -1
    found = {product: sign * number for product, number in inside}
    if sign < 0:
        found[()] = found.get((), 0) + by - 1
    for product, number in rest:
        found[product] = found.get(product, 0) + number // drawn * by
    return drawn, (tuple(sorted(item for item in found.items() if item[1])), by)


def _term_text(product: tuple[Atom, ...], times: int) -> str:
    if not product:
        return str(times)
    atoms = [_atom_text(atom) for atom in product]
    if len(atoms) == 1 and times == 1:
        return atoms[0]
    shown = "*".join([_bracketed(atom) for atom in atoms])
    return ("-" if times < 0 else "") + shown + (f"*{abs(times)}" if abs(times) != 1 else "")


def _atom_text(atom: Atom) -> str:
    if len(atom) == 1:
        return str(atom[0])
    if atom[0] == "//":
        return f"{_bracketed(text(atom[1]))}//{atom[2]}"
    both = [text(terms) if terms else "0" for terms in atom[1:]]
    return f"{atom[0]}({', '.join(sorted(both, key=lambda one: (one.isdecimal(), one)))})"


def _bracketed(shown: str) -> str:
    is_call = shown.startswith(("max(", "min(")) and shown.find(")") == len(shown) - 1
    return shown if len(shown) == 1 or is_call else f"({shown})"
