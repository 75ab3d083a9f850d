"""The effective receptive field: how strongly each pixel influences a unit, in the mean over random weights.

Source: Luo et al. 2016, Understanding the Effective Receptive Field in Deep Convolutional Neural Networks (NIPS): the
gradient of a unit with respect to a pixel, its weights independent, of mean zero and of one variance a layer.

The mean square of a gradient is worked out exactly. Random weights are independent, so their variances multiply along a
path and add over taps and paths. Averages and interpolations have no random weights: below them the gradients of
neighbours are correlated, and so are those of the two sides of a skip connection. So the mean product of two gradients
is carried too, for those pairs of units of which a layer below needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..errors import SpecError
from ..fields.graph import Graph
from ..fields.views import check_unit, look_back
from ..limits import MOST_WITH_INFLUENCE, Limit, within
from ..network import INPUT
from .operators import FURTHER_IN_FRONT, Operator, Taps, Weights, grid, operator, passes_one_on
from .task import Array

MOST_PRODUCTS = 1 << 22
"""How many mean products are carried at most, for all layers together."""
MOST_TERMS = 1 << 26
"""How many terms they are summed up from at most."""
MOST_HELD = 1 << 22
"""How many taps all layers together have at most, each counted for each unit of the axis."""

Key = tuple[int, int, int]
"""Two values, and the channel of the second less that of the first."""
Step = tuple[Array, Array, Array]
"""On one axis: pairs of a value, by their place in its list, the pairs of units that they reach, and the weight."""


class Passage(NamedTuple):
    """The part of a mean product that comes back through a layer, or through two."""

    of: Key
    gain: float
    steps: tuple[tuple[Step, ...], ...]
    """For each axis."""


class Influence(NamedTuple):
    """The mean square of the gradient of a unit with respect to each pixel, as a share of the sum over all."""

    of: str
    unit: tuple[int, ...]
    sizes: tuple[int, ...]
    """Of the unit's own field on each axis of the input, padding included; 0 if it sees no pixel."""
    shares: Array
    """Of each pixel, by the axes of the network's input; all 0 for a unit that sees no pixel."""
    reasons: tuple[str, ...]
    """What is not as it is written, and makes the figures those of a model: `relu as though it were linear`."""

    def profile(self, axis: int) -> Array:
        """Return the share of each row of pixels across an axis."""
        return np.asarray(self.shares.sum(axis=tuple([at for at in range(self.shares.ndim) if at != axis])))

    def mean(self, axis: int) -> float:
        """Return the centre of the influence on an axis, in pixels."""
        profile = self.profile(axis)
        return float(profile @ np.arange(len(profile)))

    def deviation(self, axis: int) -> float:
        """Return the standard deviation of the influence on an axis, in pixels."""
        profile, mean = self.profile(axis), self.mean(axis)
        return float(np.sqrt(profile @ (np.arange(len(profile)) - mean) ** 2))

    def within(self, axis: int, times: float) -> float:
        """Return the share of the influence that is at most so many standard deviations from its centre."""
        profile = self.profile(axis)
        near = np.abs(np.arange(len(profile)) - self.mean(axis)) <= times * self.deviation(axis) + 1e-9
        return float(profile[near].sum())

    @property
    def touched(self) -> int:
        """How many pixels have any influence."""
        return int((self.shares > 0).sum())

    def strongest(self, share: float) -> int:
        """Return the least number of pixels that have this share of the influence together."""
        ordered = np.sort(self.shares, axis=None)[::-1].cumsum()
        return min(int(np.searchsorted(ordered, share - 1e-12)) + 1, self.touched)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON, axis by axis."""
        axes = range(self.shares.ndim)
        return {
            "of": self.of,
            "unit": list(self.unit),
            "size": list(self.sizes),
            "centre": [self.mean(axis) for axis in axes],
            "deviation": [self.deviation(axis) for axis in axes],
            "within_deviations": {f"{times}": [self.within(axis, times) for axis in axes] for times in (1, 2)},
            "touched": self.touched,
            "pixels_of_95%": self.strongest(0.95),
            "profile": [self.profile(axis).tolist() for axis in axes],
            "exact": not self.reasons,
            "reasons": list(self.reasons),
        }


def influence(graph: Graph, at: int, index: Sequence[int] | None = None) -> Influence:
    """Return the influence of the input's pixels on a unit, by default the one in the middle of the layer's map.

    SpecError if how a layer passes influence on is not known, or for a unit that is not there.
    """
    space, sizes = graph.space(at), grid(graph, at)
    if not graph.space(INPUT).shape or not sizes:
        raise SpecError(f"{graph.name(at)} does not depend on any single pixel of the input")
    axes = [axis for axis in (space.axes[place] for place in space.places) if type(axis) is int]
    """Which axis of the input each number of the unit runs along: its map may have them in another order."""
    if len(axes) < len(space.places):
        raise SpecError(
            f"units of {graph.name(at)} do not each run along one axis of the input",
            "name a layer before it: --of LAYER",
        )
    own = tuple([sizes[axis] // 2 for axis in axes]) if index is None else tuple(index)
    check_unit(graph, at, own)
    unit = [0] * len(sizes)
    for axis, place in zip(axes, own, strict=True):
        unit[axis] = place
    sight = look_back(graph, at, own, INPUT)
    clipped, whole = sight.clipped, grid(graph, INPUT)
    sizes_seen = tuple([last - first + 1 for first, last in sight.box]) if sight.box else (0,) * len(whole)
    pixels = [range(first, last + 1) for first, last in clipped] if clipped else [range(n) for n in whole]
    moments = _Moments(graph, at, pixels)
    squares = np.zeros(whole)
    squares[tuple([slice(rows.start, rows.stop) for rows in pixels])] = moments.of_input(unit)
    shares = squares / (squares.sum() or 1.0)
    return Influence(graph.name(at), own, sizes_seen, shares, _reasons(graph, moments.needed))


def _reasons(graph: Graph, needed: Sequence[int]) -> tuple[str, ...]:
    """Return what is taken otherwise than it is, an op once."""
    found: dict[str, None] = {}
    for at in needed:
        vertex = graph.vertices[at]
        own = vertex.layer.node.layer
        if not own.is_linear:
            how = (
                "as if each pixel of a window were the largest equally often"
                if passes_one_on(own)
                else ("as an open gate" if own.JOINS else "as if it were linear")
            )
            found[f"{vertex.layer.op} {how}"] = None
    return tuple(found)


class _Moments:
    """The mean products of gradients of one unit, from its layer down to the input."""

    def __init__(self, graph: Graph, end: int, pixels: Sequence[range]):
        self.graph, self.end, self._pixels = graph, end, pixels
        self.needed = sorted(graph.before(end))
        within(
            MOST_WITH_INFLUENCE,
            len(self.needed),
            "the influence of the pixels is followed through {made:,} layers, more than {most:,}",
            "name an earlier layer: --of LAYER",
        )
        held = Limit(MOST_HELD, "{made:,} taps are too many: the limit is {most:,}", FURTHER_IN_FRONT)
        self._readers: dict[int, list[tuple[int, Operator]]] = {at: [] for at in (INPUT, *self.needed)}
        for at in self.needed:
            for place, read in enumerate(graph.vertices[at].reads):
                if graph.fields(read).of:
                    found = operator(graph, at, place)
                    if found is not None:
                        held.count(sum(taps.up.size for taps in found.axes))
                        self._readers[read].append((at, found))
        self._sizes = {at: grid(graph, at) for at in self._readers if graph.fields(at).of}
        self.pairs: dict[Key, list[Array]] = {}
        """The pairs of units that are needed of each two values, on each axis, as one number each."""
        self.terms: dict[Key, list[Passage]] = {}
        self._demand()

    def _demand(self) -> None:
        """Find, from the input up, which pairs are needed, and through which layers they come back."""
        start = (INPUT, INPUT, 0)
        self.pairs[start] = [
            np.arange(own.start, own.stop) * (n + 1) for own, n in zip(self._pixels, self._sizes[INPUT], strict=True)
        ]
        waiting, terms, products = {start}, 0, prod(map(len, self.pairs[start]))
        while waiting:
            key = min(waiting)
            waiting.remove(key)
            if key[0] == self.end:
                continue
            self.terms[key] = list(self._terms(key))
            for term in self.terms[key]:
                own = [np.unique(np.concatenate([step[1] for step in steps])) for steps in term.steps]
                old = self.pairs.get(term.of)
                self.pairs[term.of] = own if old is None else list(map(np.union1d, old, own))
                products += prod(map(len, self.pairs[term.of])) - (0 if old is None else prod(map(len, old)))
                waiting.add(term.of)
                terms += sum(map(len, term.steps)) * prod(map(len, own))
            if products > MOST_PRODUCTS or terms > MOST_TERMS:
                most = f"{MOST_PRODUCTS:,} mean products of gradients, or sums of {MOST_TERMS:,} of them"
                raise SpecError(f"more than {most}, are needed", FURTHER_IN_FRONT)

    def _terms(self, key: Key) -> Sequence[Passage]:
        a, b, shift = key
        readers, found = self._readers[a], []
        for number, (r, own) in enumerate(readers):
            if a != b:
                if own.weights is Weights.FIXED:
                    found.append(self._term(key, (r, b, shift - own.offset), own, None))
                continue
            found.append(self._term(key, (r, r, 0), own, own))
            for other, (r2, second) in enumerate(readers):
                if other != number and own.weights is second.weights is Weights.FIXED:
                    found.append(self._term(key, (r, r2, second.offset - own.offset), own, second))
        return [term for term in found if term is not None]

    def _term(self, key: Key, of: Key, first: Operator, second: Operator | None) -> Passage | None:
        """Return what comes back from two values above: through one operator each, or of the second none."""
        r, r2, shift = of
        if r == r2 and shift:
            return None  # channels of one value, whose gradients are not correlated
        steps = []
        for axis, pairs in enumerate(self.pairs[key]):
            places = np.divmod(pairs, self._sizes[key[1]][axis])
            own = []
            for u, v, weight, there in _met(first, second, axis, *places):
                code = u * self._sizes[r2][axis] + v if r <= r2 else v * self._sizes[r][axis] + u
                own.append((np.flatnonzero(there), code[there], weight[there]))
            if not own:
                return None
            steps.append(tuple(own))
        gain = (
            first.share() if second is None else first.gain * first.share() if first is second else first.share(second)
        )
        return Passage(of if r <= r2 else (r2, r, -shift), gain, tuple(steps)) if gain else None

    def of_input(self, unit: Sequence[int]) -> Array:
        """Return the mean square of the gradient with respect to each pixel."""
        values: dict[Key, Array] = {}
        for key in sorted(self.pairs, reverse=True):
            pairs = self.pairs[key]
            value = np.zeros([len(own) for own in pairs])
            if key[0] == self.end:
                at = [
                    np.flatnonzero(own == u * (n + 1))
                    for own, u, n in zip(pairs, unit, self._sizes[self.end], strict=True)
                ]
                value[np.ix_(*at)] = 1.0
            for term in self.terms.get(key, ()):
                value += self._back(values[term.of], term, [len(own) for own in pairs])
            values[key] = value
        return values[INPUT, INPUT, 0]

    def _back(self, value: Array, term: Passage, counts: Sequence[int]) -> Array:
        """Return the part of a term: its value, brought back on one axis after the other."""
        for axis, steps in enumerate(term.steps):
            value = np.moveaxis(value, axis, 0)
            found = np.zeros((counts[axis], *value.shape[1:]))
            for target, code, weight in steps:
                source = np.searchsorted(self.pairs[term.of][axis], code)
                found[target] += value[source] * weight.reshape(-1, *(1,) * (value.ndim - 1))
            value = np.moveaxis(found, 0, axis)
        return term.gain * value


def _met(
    first: Operator, second: Operator | None, axis: int, i: Array, j: Array
) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Yield, for each two taps that may meet, what units i and j reach on an axis, the weight, and where it counts.

    Random weights count only with themselves: the same tap, and of FREE ones the same place.
    """
    here = Taps(np.arange(j.max() + 1)[None], np.ones((1, int(j.max()) + 1)))
    taps = [*zip(*first.axes[axis], strict=True)]
    others = [*zip(*(here if second is None else second.axes[axis]), strict=True)]
    is_random = first is second and first.weights is not Weights.FIXED
    for (up, weight), (up2, weight2) in zip(taps, others, strict=True) if is_random else product(taps, others):
        u, v, factor = up[i], up2[j], weight[i] * weight2[j]
        there = (u >= 0) & (v >= 0) & (factor != 0)
        if first is second and first.weights is Weights.FREE:
            there &= i == j
        if there.any():
            yield u, v, factor, there
