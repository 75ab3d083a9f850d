"""The answer to which settings give an output; where none does, how close they get and which key would have to move."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import CnncalcError, SpecError
from ..layers.keys import KEEP
from ..layers.pool import Pool
from ..layers.sliding import Windowed
from ..layers.transposed import TransposedConv
from .axis import Rounding, reach
from .settings import USUAL, LayerQuestion, Solutions, Whole

TRIES = 64
"""How many outputs are looked at for the nearest one: what a window reaches by its padding, it may not be allowed."""
FIRST = 32
"""How many values of each key are looked at for a change, beginning with the smallest."""


class Nearest(NamedTuple):
    """An output that can be reached, and the first setting that gives it."""

    out: tuple[int, ...]
    setting: Whole


class Answer(NamedTuple):
    """The first settings that give the wanted output."""

    question: LayerQuestion
    settings: list[Whole]
    number: int
    """How many there are, listed or not."""
    nearest: list[Nearest]
    """The nearest outputs that can be reached, if there is no setting."""
    changes: list[KeyChange]
    """The changes of one key each that make the output possible, if there is no setting."""

    @property
    def complete(self) -> bool:
        """Whether all settings are here."""
        return len(self.settings) == self.number


def answer(question: LayerQuestion, most: int = USUAL) -> Answer:
    """Return the first settings that give the wanted output. CnncalcError for a layer that the dialect refuses."""
    found = Solutions(question)
    if found.count:
        return Answer(question, found.first(most), found.count, [], [])
    return Answer(question, [], 0, nearest(question), changes(question))


class KeyChange(NamedTuple):
    """A change that makes the wanted output possible: the layer without the key, and its first setting then."""

    key: str
    layer: Windowed
    setting: Whole


def nearest(question: LayerQuestion) -> list[Nearest]:
    """Return the nearest output below the wanted one and the nearest above it, as far as there are any."""
    found = []
    for step in (-1, 1):
        outs = None
        with suppress(SpecError):  # there may be more windows than can be looked at
            outs = _reached(question, step)
        for _ in range(TRIES):
            if outs is None or min(outs) < 1:
                break
            with suppress(CnncalcError):
                settings = Solutions(question._replace(out=outs))
                if settings.count:
                    found.append(Nearest(outs, settings.first(1)[0]))
                    break
            outs = tuple([out + step * (out != want) for out, want in zip(outs, question.out, strict=True)])
    return sorted(found, key=lambda one: sum(abs(a - b) for a, b in zip(one.out, question.out, strict=True)))


def _reached(question: LayerQuestion, step: int) -> tuple[int, ...] | None:
    """Return the outputs nearest to the wanted ones, below or above them, by the bounds of each window."""
    layer, nd = question.layer, len(question.space)
    placed = dict[int, int]()
    for group in question.groups():
        own = group.question
        if isinstance(own.pair, str):
            return None
        alone = question._replace(space=(own.n,) * nd, out=(own.out,) * nd)
        if len(group.axes) < nd and Solutions(alone).count:
            best: int | None = own.out
        else:
            ceil = layer.rounding(1, nd, question.env) if isinstance(layer, Pool) else False
            bounds = list(reach(own, layer, question.env, Rounding(bool(ceil), ceil == KEEP)))
            most, least = [high for _, high in bounds if high < own.out], [low for low, _ in bounds if low > own.out]
            best = max(most, default=None) if step < 0 else min(least, default=None)
        if best is None:
            return None
        placed |= dict.fromkeys(group.axes, best)
    return tuple([placed[axis] for axis in sorted(placed)])


def changes(question: LayerQuestion) -> list[KeyChange]:
    """Return for each key how it has to move, alone, so that a setting gives the wanted output."""
    found = []
    layer, ranges = question.layer, question.ranges
    size = max(*question.space, *question.out)
    wide: dict[str, Any] = {
        "p": range(2 * size + _most_extent(question)),
        "s": range(1, size + 1),
        "k": range(1, 3 * size + 1),
        "d": range(1, size + 1),
        "out_pad": None,
    }
    for key, values in wide.items():
        if key not in layer.KEYS or (key == "out_pad" and not isinstance(layer, TransposedConv)):
            continue
        left = {name: value for name, value in layer.given.items() if name not in _names(key)}
        opened = type(layer)(layer.op, layer.nd, left)
        found += _solved(key, question._replace(layer=opened, ranges=ranges._replace(**{key: values}, first=FIRST)))
    if isinstance(layer, Pool) and not layer.given.get("ceil"):
        found += _solved(
            "ceil", question._replace(layer=type(layer)(layer.op, layer.nd, {**layer.given, "ceil": True}))
        )
    return found


def _most_extent(question: LayerQuestion) -> int:
    """Return the largest extent of a kernel in the question."""
    return max(one.question.d.stop * one.question.k.stop for one in question.groups())


def _names(key: str) -> tuple[str, ...]:
    return ("p", "p_total") if key == "p" else (key,)


def _solved(key: str, question: LayerQuestion) -> list[KeyChange]:
    try:
        settings = Solutions(question)
    except CnncalcError:
        return []
    return [KeyChange(key, question.layer, settings.first(1)[0])] if settings.count else []
