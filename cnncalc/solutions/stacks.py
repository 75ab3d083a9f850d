"""The cheapest stack of layers with a wanted receptive field, searched backwards from its last layer.

A layer of extent k and stride s in front of a stack with field r makes the field (r - 1)*s + k. So the state of the
search is a stack's field r, at most the wanted one, and the channels it reads. The search is A*. Its lower bound of
the remaining cost is that of the axis that lacks most, so the first stack with the wanted field is the cheapest. A
stack is dropped if another costs no more and has a field at least as large.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import prod
from operator import ge
from typing import Any, NamedTuple

from ..errors import SpecError
from ..layers import Env
from ..layers.base import AXIS_LETTERS, join
from ..limits import Limit
from ..network import Network
from ..notation.completers import LeftOutChannels
from ..notation.words import read_words
from ..report import Report
from ..sizes import Open, Shape, known
from ..trace import shape

MOST_LAYERS = 1024
"""The most words of a stack."""
MOST_COMPARED = 5_000_000
"""The most pairs of stacks that are compared: 0.2 microseconds each."""
MOST_TRIED = 200_000
"""The most layers that are put in front of stacks: 4 microseconds and half a kilobyte each."""
MOST_WORDS = 2_000
"""The most traces of words, one per possible number of input channels: 0.25 milliseconds each."""
MOST_CHANNELS = 64
"""The most different numbers of channels that the words of a stack may produce."""
CHANNELS = 64
"""The channels of the input, if neither the caller nor a word gives them."""
BY = ("depth", "params")
"""What may be minimized. Ties are decided by the smallest stride, then by the other quantity."""


class StackStep(NamedTuple):
    """A word as a layer with a given number of input channels."""

    place: int
    """The index of the word."""
    windows: tuple[tuple[int, int], ...]
    """The extent and the stride of its window on each axis."""
    c_i: int
    c_o: int
    params: int


class StackQuestion(NamedTuple):
    """The question: a stack of these words with a receptive field of a given size on each axis."""

    words: tuple[str, ...]
    field: tuple[int, ...]
    channels: int
    env: Env
    by: str = BY[0]

    def sample(self, c: int) -> Shape:
        """Return an input with `c` channels and open sizes."""
        return join(c, tuple(map(Open, AXIS_LETTERS[len(self.field)])), self.env)


class LayerStack(NamedTuple):
    """The cheapest stack of words, and its report."""

    words: tuple[str, ...]
    """Its words, with left-out channels filled in."""
    report: Report


def stack(question: StackQuestion) -> LayerStack | None:
    """Return the cheapest stack with the wanted field; None if no stack of these words has it."""
    if max(question.field) < 2:
        raise SpecError("a unit sees one pixel already without any layer", "give a larger field, such as --rf 100")
    question = question._replace(words=tuple(dict.fromkeys(question.words)))
    places = _search(question, _steps(question))
    if places is None:
        return None
    words, c = [], question.channels
    for place in places:
        words.append(_with_channels(question.words[place], c))
        c = _step(question, place, c).c_o
    return LayerStack(tuple(words), shape(_network(words, question, question.channels)))


def _with_channels(word: str, channels: int) -> str:
    """Return a word with the channels it leaves out: `conv:64,k3` for `conv:k3`."""
    filled = LeftOutChannels(channels)
    read_words([word], complete=filled)
    name, colon, rest = word.partition(":")
    return f"{name}:{','.join([str(channels), *([rest] if colon else [])])}" if 0 in filled.places else word


def _network(words: Sequence[str], question: StackQuestion, channels: int) -> Network:
    network = read_words(words, complete=LeftOutChannels(channels))
    layout = "NHWC" if question.env.channels_last else "NCHW"
    return network._replace(input=question.sample(channels), dialect=question.env.dialect, layout=layout)


def _steps(question: StackQuestion) -> list[StackStep]:
    """Return each word with each possible number of input channels."""
    steps: list[StackStep] = []
    limit = Limit(MOST_WORDS, "more than {most:,} words, each counted for every number of channels", "give fewer words")
    waiting, seen = [question.channels], {question.channels}
    while waiting:
        c = waiting.pop()
        limit.count(len(question.words))
        for place in range(len(question.words)):
            step = _step(question, place, c)
            steps.append(step)
            if step.c_o not in seen:
                seen.add(step.c_o)
                waiting.append(step.c_o)
        if len(seen) > MOST_CHANNELS:
            raise SpecError(
                (f"the words lead to more than {MOST_CHANNELS} different numbers of channels"),
                "give c_o, for example conv:64,k3",
            )
    return steps


def _step(question: StackQuestion, place: int, c: int) -> StackStep:
    """Return a word over `c` channels. Raise SpecError if its units see differently."""
    word = question.words[place]
    report = shape(_network([word], question, c))
    windows = []
    for field in report.rf:
        if field.phases is not None or field.marks or field.size is None or not field.stride or field.stride < 1:
            what = f"the units of {word} see differently, or see the whole input"
            raise SpecError(what, "a stack consists of convolutions, pools and layers that keep the size")
        windows.append((field.size, field.stride))
    out = report.out[-1 if question.env.channels_last else 0]
    c_o, params = known(out), known(report.params)
    if len(windows) != len(question.field) or c_o is None or params is None:
        axes = f"{len(windows)} {'axis' if len(windows) == 1 else 'axes'}"
        raise SpecError(
            (f"{word} has a different number of axes than the stack"),
            f"give a field of {axes}, or words with that many axes",
        )
    return StackStep(place, tuple(windows), c, c_o, params)


State = tuple[tuple[int, ...], int]
"""The field of a stack, at most the wanted one, and the channels it reads."""
Cost = tuple[int, int, int]
"""The depth, the stride and the parameters of a stack, in the order in which they are minimized."""


def _search(question: StackQuestion, steps: Sequence[StackStep]) -> list[int] | None:
    """Return the indices of the words of the cheapest stack, first layer first; None if there is none.

    Raise SpecError if there are too many to try, or to compare.
    """
    wanted, by_depth = question.field, question.by == "depth"
    ending: dict[int, list[StackStep]] = {}
    for step in steps:
        ending.setdefault(step.c_o, []).append(step)
    compared, tried = map(_limit, (MOST_COMPARED, MOST_TRIED))
    axes = [AxisRest(axis, question, steps) for axis in range(len(wanted))]
    waiting: list[tuple[Cost, int, Cost, State, tuple[Any, ...]]] = []

    def wait(cost: Cost, state: State, places: tuple[Any, ...]) -> None:
        tried.count(1)
        rests = [axis.least(r, state[1]) for axis, r in zip(axes, state[0], strict=True)]
        if None not in rests:
            in_all = cost[0] + max(rest for rest in rests if rest is not None), *cost[1:]
            heappush(waiting, (in_all, tried.made, cost, state, places))

    for c in ending | {question.channels: []}:
        wait((0, 1, 0), ((1,) * len(wanted), c), ())
    done: dict[int, list[tuple[Cost, tuple[int, ...]]]] = {}
    while waiting:
        _, _, cost, (field, c), places = heappop(waiting)
        if c == question.channels and field == wanted:
            return [*_unlinked(places)]
        others = done.setdefault(c, [])
        compared.count(len(others))
        if any(own <= cost and all(map(ge, other, field)) for own, other in others):
            continue
        others.append((cost, field))
        depth, stride, params = cost if by_depth else cost[::-1]
        for step in ending.get(c, ()) if depth < MOST_LAYERS else ():
            seen = tuple(
                [min((r - 1) * s + k, most) for r, (k, s), most in zip(field, step.windows, wanted, strict=True)]
            )
            new = depth + 1, stride * prod(s for _, s in step.windows), params + step.params
            wait(new if by_depth else new[::-1], (seen, step.c_i), (step.place, places))
    return None


def _limit(most: int) -> Limit:
    """Return the limit of a search."""
    return Limit(most, "there are too many stacks to compare", "give fewer words, or a smaller field")


def _unlinked(places: tuple[Any, ...]) -> Iterator[int]:
    """Yield the indices in a linked list, each of which holds the next."""
    while places:
        place, places = places
        yield place


class AxisRest:
    """A lower bound of the remaining depth or parameters of a stack: what one axis alone needs."""

    def __init__(self, axis: int, question: StackQuestion, steps: Sequence[StackStep]):
        beginning: dict[int, list[StackStep]] = {}
        for step in steps:
            beginning.setdefault(step.c_i, []).append(step)
        self.costs: dict[int, list[tuple[int, int]]] = {}
        """For each number of channels that a stack reads: its field (negated) and the remaining cost, ascending."""
        waiting, tried = [(0, 0, question.field[axis], question.channels)], _limit(MOST_TRIED)
        while waiting:
            cost, depth, r, c = heappop(waiting)
            own = self.costs.setdefault(c, [])
            if depth > MOST_LAYERS or (own and r >= -own[-1][0]):
                continue
            own.append((-r, cost))
            tried.count(len(beginning.get(c, ())))
            for step in beginning.get(c, ()):
                k, s = step.windows[axis]
                more = 1 if question.by == "depth" else step.params
                heappush(waiting, (cost + more, depth + 1, max(-((k - r) // s) + 1, 1), step.c_o))

    def least(self, r: int, c: int) -> int | None:
        """Return the bound for a stack with the field r that reads c channels; None if it cannot be completed."""
        own = self.costs.get(c, [])
        at = bisect_left(own, (-r,))
        return own[at][1] if at < len(own) else None
