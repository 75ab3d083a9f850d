"""The budget of evaluation: any pasted source gets an answer or an error without delay."""

from __future__ import annotations

from typing import Any

from ...limits import MOST_BITS, MOST_ITEMS, MOST_STEPS, Limit

ITEMS_A_STEP = 8
"""How many list items are copied in one step."""
STEPS_AN_ERROR = 200
"""How many steps it takes to quote code."""


class TooMuchError(Exception):
    """Raised for code that exceeds a limit, however it is read."""

    node: Any = None
    """The node at which it does, if known."""

    def __init__(self, what: str, help: str | None = None):
        super().__init__(what)


class Budget(Limit):
    """The steps left for one source, shared by all attempts to read it."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(MOST_STEPS, "the code takes more than {most:,} steps", error=TooMuchError)

    def copy(self, items: int) -> None:
        """Count the steps of copying `items` items, at least one. Raise TooMuchError for more than a list may hold."""
        self.count(1 + listable(items) // ITEMS_A_STEP)


def listable(items: int) -> int:
    """Return a number of items. Raise TooMuchError for more than a list may hold."""
    if items > MOST_ITEMS:
        raise TooMuchError(f"a list or a string of more than {MOST_ITEMS:,} items")
    return items


def bounded(number: int) -> int:
    """Return an integer. Raise TooMuchError if it has too many bits."""
    if number.bit_length() > MOST_BITS:
        raise TooMuchError(f"a whole number of more than {MOST_BITS} bits")
    return number
