"""The settings that give a wanted output, or else the nearest outputs and the keys that would have to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import CnncalcError
from ..layers.keys import KEEP
from ..layers.pool import Pool
from ..layers.sliding import Windowed
from ..layers.transposed import TransposedConv
from .axis import AxisLayer, Rounding
from .settings import USUAL, LayerQuestion, Solutions, Whole

TRIES = 64
"""The most outputs that are tried for the nearest one: an output within reach of the padding may not be allowed."""
FEW = 20_000
"""The most windows that are tried for near outputs, and for each change."""


class Nearest(NamedTuple):
    """A reachable output, and the first setting that gives it."""

    out: tuple[int, ...]
    setting: Whole


class Answer(NamedTuple):
    """The settings that give the wanted output."""

    question: LayerQuestion
    found: Solutions
    most: int
    """The most settings that are listed."""
    nearest: list[Nearest]
    """The nearest reachable outputs, if there is no setting."""
    changes: list[KeyChange]
    """The changes of a single key that make the output possible, if there is no setting."""

    @property
    def number(self) -> int:
        """The number of settings found, listed or not; `found.complete` says whether these are all."""
        return self.found.count

    @property
    def complete(self) -> bool:
        """Whether all settings are listed."""
        return self.found.complete and self.number <= self.most

    @property
    def settings(self) -> Iterator[Whole]:
        """The first settings, the usual ones first."""
        return self.found.first(self.most)


def answer(question: LayerQuestion, most: int = USUAL) -> Answer:
    """Return the first settings that give the wanted output.

    Raise CnncalcError for a layer that the dialect refuses.
    """
    found = Solutions(question)
    if found.count:
        return Answer(question, found, most, [], [])
    near, changed = nearest(question), changes(question)
    if not near and not changed and not {"k", "s", "p"} & {*question.opened}:
        question.layer.placed(question.space, question.env)  # its own keys may be wrong
    return Answer(question, found, most, near, changed)


class KeyChange(NamedTuple):
    """A change of one key that makes the wanted output possible: the layer without the key, and the first setting."""

    key: str
    layer: Windowed
    setting: Whole


def nearest(question: LayerQuestion) -> list[Nearest]:
    """Return the nearest reachable outputs below and above the wanted one, if any."""
    found = []
    question = question._replace(ranges=question.ranges._replace(most=FEW))
    for step in (-1, 1):
        outs = _reached(question, step)
        for _ in range(TRIES):
            if outs is None or min(outs) < 1:
                break
            setting = _first(question._replace(out=outs))
            if setting is not None:
                found.append(Nearest(outs, setting))
                break
            outs = tuple([out + step * (out != want) for out, want in zip(outs, question.out, strict=True)])
    return sorted(found, key=lambda one: sum(abs(a - b) for a, b in zip(one.out, question.out, strict=True)))


def _first(question: LayerQuestion) -> Whole | None:
    """Return the first setting; None if there is none, or if the layer is refused."""
    try:
        return next(Solutions(question).first(1), None)
    except CnncalcError:
        return None


def _reached(question: LayerQuestion, step: int) -> tuple[int, ...] | None:
    """Return the outputs nearest to the wanted ones, below or above, by the bounds of each window."""
    layer, nd = question.layer, len(question.space)
    ceil = layer.rounding(1, nd, question.env) if isinstance(layer, Pool) else False
    placed = dict[int, int]()
    for group in question.groups():
        own = group.question
        alone = question._replace(space=(own.n,) * nd, out=(own.out,) * nd)
        if len(group.axes) < nd and _first(alone) is not None:
            best: int | None = own.out
        else:
            best = AxisLayer(layer, nd, question.env, Rounding(bool(ceil), ceil == KEEP)).nearest(own, step)
        if best is None:
            return None
        placed |= dict.fromkeys(group.axes, best)
    return tuple([placed[axis] for axis in sorted(placed)])


def changes(question: LayerQuestion) -> list[KeyChange]:
    """Return for each key the change of it alone with which a setting gives the wanted output."""
    found = []
    layer, ranges = question.layer, question.ranges._replace(most=FEW)
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
        found += _solved(key, question._replace(layer=opened, ranges=ranges._replace(**{key: values})))
    if isinstance(layer, Pool) and not layer.given.get("ceil"):
        rounded = type(layer)(layer.op, layer.nd, {**layer.given, "ceil": True})
        found += _solved("ceil", question._replace(layer=rounded, ranges=ranges))
    return found


def _most_extent(question: LayerQuestion) -> int:
    """Return the largest extent of a kernel in the question."""
    return max(one.question.d.stop * one.question.k.stop for one in question.groups())


def _names(key: str) -> tuple[str, ...]:
    return ("p", "p_total") if key == "p" else (key,)


def _solved(key: str, question: LayerQuestion) -> list[KeyChange]:
    setting = _first(question)
    return [] if setting is None else [KeyChange(key, question.layer, setting)]
