"""The options that name a unit, and the reader of its place."""

from __future__ import annotations

import click

from ..errors import SpecError, shown
from ..sizes import is_digits

unit_option = click.option(
    "--unit", metavar="NUMBERS", help="Show what one unit sees: its index on each axis, such as 3,4."
)
of_option = click.option(
    "--of", "of", metavar="LAYER", help="The layer of the unit; by default the last one larger than 1x1."
)
in_option = click.option(
    "--in", "source", metavar="LAYER", help="Measure fields on this layer's output instead of the input."
)


MOST_DIGITS = 20


def place_of(option: str, text: str) -> tuple[int, ...]:
    """Return the place that an option names, a number per axis."""
    numbers = [number.strip() for number in text.strip(" ()[]").replace("x", ",").split(",")]
    if not all(map(is_digits, numbers)):
        raise SpecError(
            f"{option} {shown(text)} is not a position", "give one number per axis, counted from 0, such as 3,4"
        )
    if max(map(len, numbers)) >= MOST_DIGITS:
        raise SpecError(f"{option} {shown(text)} is larger than any map", "give one number per axis, such as 3,4")
    return tuple(map(int, numbers))
