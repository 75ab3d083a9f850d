"""Conditions on letters: which numbers give a size a wanted value, and for which all layers of a network fit together.

        where(H // 2 * 2, "=", H)            the numbers of H for which the equation holds, as `Numbers`
        report.holds                         the conditions on each letter of a network, and on several together
        report.holds.also(Condition(...))    the same with one more condition

A condition that cannot be solved is kept as it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..floors import Open
from ..floors.text import factors
from ..sizes import Shape, show
from .numbers import Numbers as Numbers
from .numbers import Piece as Piece
from .numbers import divisors
from .requirements import EVERY, Size
from .requirements import Requirement as Requirement
from .requirements import where as where

MOST_FACTORED = 10**10
"""The largest product for which all factors are tried."""
MOST_DIVISORS = 2_000
"""The most divisors that are tried when a product is divided among its sizes: up to 30 microseconds each."""
MOST_JOINT = 16
"""The most conditions over several letters for which examples are searched."""
MOST_RETRIED = 64
"""The number of residue classes down to which unsolved conditions are tried again."""


class Condition(NamedTuple):
    """A condition on letters: at least one of some relations must hold."""

    tests: tuple[Requirement, ...]
    who: str = ""
    """What needs the condition, in words, for an error."""
    of: Sequence[Shape] = ()
    """The shapes that it reads."""

    @property
    def what(self) -> str:
        """What needs the condition, with what it reads: `add of 8xHxW and 8x[((H+1)//2)*2]xW`."""
        return f"{self.who} of {' and '.join(map(show, self.of))}" if self.of else self.who

    def at(self, values: Mapping[str, int]) -> bool:
        """Return whether the condition holds for these values of all its letters."""
        return any(test.at(values) for test in self.tests)

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters that it depends on, in alphabetical order."""
        return tuple(sorted({letter for test in self.tests for letter in test.letters}))

    @property
    def is_unknown(self) -> bool:
        """Whether it involves an unknown size."""
        return any(isinstance(n, Open) and n.is_unknown for test in self.tests for n in (test.left, test.right))

    @property
    def key(self) -> object:
        """A key that equivalent conditions share, whichever side of `=` a size is on."""
        return frozenset(
            [(test.sign, frozenset([test.left, test.right]), test.sign == "=" or test) for test in self.tests]
        )

    def text(self) -> str:
        """Return the condition as text."""
        possible = [test for test in self.tests if where(*test) != Numbers(1, {})] or self.tests[:1]
        return " or ".join([test.text() for test in possible])

    def solved(self, within: Numbers = EVERY) -> Numbers | None:
        """Return the numbers within a set for which the condition on its only letter holds.

        None if it has several letters or cannot be solved.
        """
        found = Numbers(1, {})
        for test in self.tests:
            own = where(*test, within)
            if own is None:
                return None
            try:
                found = found | own if found else own
            except OverflowError:
                return None
        return found


class Holds:
    """Where a network is possible: the numbers that each letter may be, and conditions on several letters at once.

    `holds.numbers["H"]` is a `Numbers`; `holds.joint` has the conditions over several letters or not solved.
    """

    __slots__ = ("_keys", "is_partial", "joint", "numbers")

    def __init__(self, letters: Iterable[str] = (), conditions: Iterable[Condition] = ()):
        self.numbers: dict[str, Numbers] = dict.fromkeys(letters, Numbers.every())
        self.joint: list[Condition] = []
        self._keys: set[object] = set()
        """The keys of the conditions that are or were in `joint`."""
        self.is_partial = False
        """Whether unknown sizes would also have to agree, which cannot be decided."""
        for condition in conditions:
            self.add(condition)

    def also(self, *conditions: Condition) -> Holds:
        """Return a copy with these conditions added."""
        both = Holds()
        both.numbers, both.joint, both._keys = dict(self.numbers), [*self.joint], {*self._keys}
        both.is_partial = self.is_partial
        for condition in conditions:
            both.add(condition)
        return both

    def add(self, condition: Condition) -> bool:
        """Add a condition; return whether any numbers are left that fulfil all conditions."""
        letters = condition.letters
        if self._narrow(condition, letters):
            (letter,) = letters
            waiting = reversed(self.joint) if len(self.numbers[letter].runs) < MOST_RETRIED else ()
            for other in [*waiting]:  # the last ones recur soonest: paths meet from the smallest map on
                if other.letters == letters and self._narrow(other, letters):
                    self.joint = [one for one in self.joint if one is not other]
            return bool(self.numbers[letter])
        if any(test.is_always for test in condition.tests):
            return True
        if condition.is_unknown:
            self.is_partial = True
            return True
        if not letters:
            return False
        if condition.key in self._keys:
            return True
        self._keys.add(condition.key)
        self.joint.append(condition)
        boxes = self.boxes(condition) if len(self.joint) <= MOST_JOINT else None
        return boxes is None or bool(boxes)

    def at(self, values: Mapping[str, int]) -> bool:
        """Return whether the network is possible for these values of all its letters."""
        alone = all(values[letter] in own for letter, own in self.numbers.items())
        return alone and all(condition.at(values) for condition in self.joint)

    def _narrow(self, condition: Condition, letters: Sequence[str]) -> bool:
        """Keep only the numbers of a letter that fulfil a condition; return whether it could be solved."""
        found = condition.solved(self.numbers.get(letters[0], EVERY)) if len(letters) == 1 else None
        if found is not None:
            self.numbers[letters[0]] = found
        return found is not None

    def refusal(self, condition: Condition) -> str:
        """Return the message for a condition that cannot be fulfilled together with these."""
        letters, alone, boxes = condition.letters, condition.solved(), Holds().boxes(condition)
        before = [own.text(letter) for letter, own in self.numbers.items() if letter in letters and not own.is_every]
        if not before or (alone is not None and not alone) or (boxes is not None and not boxes):
            there = "there is" if len(letters) == 1 else "there are"
            return f"{condition.what}: {there} no {' and '.join(letters)} with {condition.text()}"
        said = condition.text()
        if alone and alone.text(letters[0]) != said:
            said += f" ({alone.text(letters[0])})"
        return f"{condition.what} needs {said}, but the layers before it are possible only where {'; '.join(before)}"

    @property
    def is_always(self) -> bool:
        """Whether the network is possible for all numbers of all letters."""
        return not self.joint and not self.is_partial and all(own.is_every for own in self.numbers.values())

    def boxes(self, condition: Condition) -> list[dict[str, Numbers]] | None:
        """Return the numbers of each letter that give products of sizes their required values, a dict per solution.

        None if the condition is not of that kind, the product is too large, or there are too many solutions.
        """
        found: list[dict[str, Numbers]] = []
        for test in condition.tests:
            own = self._boxes(test)
            if own is None:
                return None
            found += own
        return found

    def _boxes(self, test: Requirement) -> list[dict[str, Numbers]] | None:
        product = test.product()
        if product is None or test.sign != "=" or not 0 < product[1] < MOST_FACTORED:
            return None
        whole, wanted, times = product
        parts = (factors(whole) or (1, []))[1]
        ways: list[tuple[int, dict[str, Numbers]]] = [] if wanted % times else [(wanted // times, {})]
        tried = 0
        for at, part in enumerate(parts):
            (letter,) = Open(None, part).letters
            further = []
            for left, box in ways:
                sizes = divisors(left) if at < len(parts) - 1 else [left]
                tried += len(sizes)
                if tried > MOST_DIVISORS:
                    return None
                for size in sizes:
                    own = where(Open(None, part), "=", size)
                    met = None if own is None else _both(own, self.numbers.get(letter))
                    if met is None:
                        return None
                    if met:
                        further.append((left // size, {**box, letter: met}))
            ways = further
        return [box for _, box in ways]

    def alike(self, condition: Condition) -> Numbers | None:
        """Return the numbers that fulfil a condition over several letters if all letters are equal."""
        letters = condition.letters
        tests = [
            Requirement(_alike(test.left, letters), test.sign, _alike(test.right, letters)) for test in condition.tests
        ]
        found = Condition(tuple(tests)).solved()
        for letter in letters:
            found = None if found is None else _both(found, self.numbers.get(letter))
        return found

    def texts(self) -> list[str]:
        """Return the conditions as text, one per letter and per joint condition; empty if all always hold."""
        said = [own.text(letter) for letter, own in self.numbers.items() if not own.is_every]
        said += [condition.text() + self.example(condition) for condition in self.joint[:MOST_JOINT]]
        said += [condition.text() for condition in self.joint[MOST_JOINT:]]
        return [*said, "unknown sizes agree"] if self.is_partial else said

    def example(self, condition: Condition) -> str:
        """Return values that fulfil an equation over several letters: equal ones, or those that differ least."""
        alike, boxes = self.alike(condition), self.boxes(condition)
        if alike and boxes is not None:
            return f", as {alike.text(' = '.join(condition.letters))}"
        found = [{letter: own.least or 0 for letter, own in box.items()} for box in boxes or ()]
        if not found:
            return ""
        near = min(found, key=lambda letters: max(letters.values()) - min(letters.values()))
        return ", as " + ", ".join([f"{letter} = {number}" for letter, number in near.items()])

    def to_list(self) -> list[dict[str, Any]]:
        """Return the conditions as JSON: the pieces of each letter, one of which must hold, and each joint condition.

        A joint condition states the numbers for which it holds if its letters are equal, if that can be solved. One
        without axes stands for unknown sizes.
        """
        pieces = [piece for letter, own in self.numbers.items() for piece in own.to_list(letter)]
        for one in self.joint:
            alike = self.alike(one)
            equal = None if alike is None else [piece.to_dict() for piece in alike.pieces()]
            pieces.append({"axes": list(one.letters), "condition": one.text(), "equal": equal})
        return [*pieces, {"axes": [], "condition": None, "equal": None}] if self.is_partial else pieces

    def __repr__(self) -> str:
        return f"<holds {'; '.join(self.texts()) or 'always'}>"


def _both(numbers: Numbers, others: Numbers | None) -> Numbers | None:
    """Return the numbers in both sets, or all if there is no second; None if there are too many residue classes."""
    try:
        return numbers if others is None else numbers & others
    except OverflowError:
        return None


def _alike(size: Size, letters: tuple[str, ...]) -> Size:
    """Return a size with the first of these letters in place of all of them."""
    return size.at(dict.fromkeys(letters[1:], Open(letters[0]))) if isinstance(size, Open) else size
