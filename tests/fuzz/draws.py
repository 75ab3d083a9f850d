"""What all random draws share: choices that depend on a number, sizes that reveal swapped axes, and a case's type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from cnncalc.network import Network

from .measure import Fact

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12)


class Drawn(NamedTuple):
    """One case: a model as text, what its framework says about it, and how cnncalc reads it."""

    text: str
    """The model as source, so that the case can be reproduced by hand."""
    fact: Fact
    read: Callable[[], Network]
    inputs: dict[str, Any]
    weights: dict[str, Any] | None = None
    """Its arrays under our names; None if the network includes them."""
    exact: Callable[[], bool] | None = None
    """Whether the values agree in float64, so that a difference in float32 is only rounding."""


class Impossible(Exception):
    """Raised if what was drawn is not a model of the framework."""


def case_random(seed: int, case: int) -> Random:
    """Return the choices of a case, which depend only on the two numbers."""
    return Random(f"{seed}:{case}")


def per_axis(r: Random, nd: int, low: int, high: int, most: int | None = None) -> Any:
    """Return a number for all axes, or one per axis; small numbers are more likely."""
    numbers = [min(r.randint(low, high), r.randint(low, high if most is None else most)) for _ in range(nd)]
    return numbers[0] if r.random() < 0.5 else tuple(numbers)


def divisor(r: Random, n: int) -> int:
    """Return a divisor of a number; 1 is more likely."""
    return r.choice([1, *[d for d in range(1, n + 1) if n % d == 0]])


def sides(r: Random, count: int, low: int, high: int) -> tuple[int, ...]:
    """Return `count` integers."""
    return tuple(r.randint(low, high) for _ in range(count))


def flag(r: Random, odds: float = 0.5) -> bool:
    """Return a random bool."""
    return r.random() < odds


def axis_of(r: Random, shape: Sequence[int], first: int = 1) -> int:
    """Return an axis other than the batch, counted from the front or the back."""
    axis = r.randrange(first, len(shape))
    return axis - len(shape) if flag(r) else axis


def axes_of(r: Random, shape: Sequence[int]) -> tuple[int, ...]:
    """Return some axes other than the batch, in order."""
    axes = [axis for axis in range(1, len(shape)) if flag(r)] or [len(shape) - 1]
    return tuple(axis - len(shape) if flag(r, 0.3) else axis for axis in axes)


def split_of(r: Random, shape: Sequence[int]) -> tuple[int, ...] | None:
    """Return another shape for the values of a sample: one axis split, two merged, or all flattened."""
    sizes = list(shape[1:])
    kind = r.randrange(3)
    if kind == 0 and len(sizes) > 1:
        at = r.randrange(len(sizes) - 1)
        sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
    elif kind == 1 and len(sizes) < 5:
        at = r.randrange(len(sizes))
        part = divisor(r, sizes[at])
        sizes[at : at + 1] = [part, sizes[at] // part]
    else:
        total = 1
        for n in sizes:
            total *= n
        part = divisor(r, total)
        sizes = [part, total // part]
    return tuple(sizes)
