"""The budget of evaluation: what is pasted may be anything, and an answer or an error comes at once."""

from __future__ import annotations

from typing import Any

from ...limits import MOST_BITS, MOST_ITEMS, MOST_STEPS, Limit

ITEMS_A_STEP = 8
"""How many items of a list are copied in one step."""
STEPS_AN_ERROR = 200
"""How many steps it takes to quote code."""


class TooMuchError(Exception):
    """Code that goes beyond a limit: no other way of reading it would end."""

    node: Any = None
    """Where it does, if that is known."""

    def __init__(self, what: str, help: str | None = None):
        super().__init__(what)


class Budget(Limit):
    """The steps that are left for one source, however many ways it is read."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(MOST_STEPS, "the code takes more than {most:,} steps", error=TooMuchError)

    def copy(self, items: int) -> None:
        """Count the steps of copying so many items, one at least. TooMuchError for more than a list may hold."""
        self.count(1 + listable(items) // ITEMS_A_STEP)


def listable(items: int) -> int:
    """Return a number of items. TooMuchError for more than a list may hold."""
    if items > MOST_ITEMS:
        raise TooMuchError(f"a list or a string of more than {MOST_ITEMS:,} items")
    return items


def bounded(number: int) -> int:
    """Return a whole number. TooMuchError for one of too many bits."""
    if number.bit_length() > MOST_BITS:
        raise TooMuchError(f"a whole number of more than {MOST_BITS} bits")
    return number
