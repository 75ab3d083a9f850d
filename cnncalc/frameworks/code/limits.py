"""The bounds of evaluation: what is pasted may be anything, and an answer or an error comes at once."""

from __future__ import annotations

from typing import Any

MOST_STEPS = 250_000
"""How many expressions and statements are evaluated; what works on many items takes more than one step."""
MOST_ITEMS = 50_000
"""The longest list, and the longest string."""
MOST_BITS = 256
"""The longest whole number, in bits."""
DEEPEST_CALLS = 60
"""How many calls may stand inside one another."""
MOST_CLASSES = 100
"""How many classes one may derive from."""
ITEMS_A_STEP = 8
"""How many items of a list are copied in one step."""


class TooMuchError(Exception):
    """Code that goes beyond a bound: no other way of reading it would end."""

    node: Any = None
    """Where it does, if that is known."""


class Budget:
    """The steps that are left for one source, however many ways it is read."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MOST_STEPS):
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps away. TooMuchError if none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchError(f"the code takes more than {MOST_STEPS:,} steps")

    def copy(self, items: int) -> None:
        """Take away the steps of copying so many items. TooMuchError for more than a list may hold."""
        self.spend(listable(items) // ITEMS_A_STEP)


def listable(items: int) -> int:
    """Return a number of items. TooMuchError for more than a list may hold."""
    if items > MOST_ITEMS:
        raise TooMuchError(f"a list, or a text, of more than {MOST_ITEMS:,} items")
    return items


def bounded(number: int) -> int:
    """Return a whole number. TooMuchError for one of too many bits."""
    if number.bit_length() > MOST_BITS:
        raise TooMuchError(f"a whole number of more than {MOST_BITS} bits")
    return number
