"""The effective receptive field: how strongly each pixel influences a unit, averaged over random weights.

Source: Luo et al. 2016, Understanding the Effective Receptive Field in Deep Convolutional Neural Networks (NIPS): the
gradient of a unit with respect to a pixel, with independent weights of mean zero and one variance per layer.

The mean square of a gradient is computed exactly. Random weights are independent, so their variances multiply along a
path and add over taps and paths. Averages and interpolations have no random weights: before them the gradients of
neighbors are correlated, and so are those on the two sides of a skip connection. So the mean product of two gradients
is also tracked, for the pairs of units for which an earlier layer needs it.
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
from ..limits import MOST_WITH_INFLUENCE, Limit, check_limit
from ..network import INPUT
from .operators import FURTHER_IN_FRONT, Operator, Taps, Weights, grid, operator, passes_one_on
from .task import Array

MOST_PRODUCTS = 1 << 22
"""The most mean products that are tracked, for all layers together."""
MOST_TERMS = 1 << 26
"""The most terms that they are summed from."""
MOST_HELD = 1 << 22
"""The most taps of all layers together, each counted once per unit of the axis."""

Key = tuple[int, int, int]
"""Two values, and the channel of the second minus that of the first."""
Step = tuple[Array, Array, Array]
"""On one axis: pairs of a value (as indices into its list), the pairs of units they reach, and the weights."""


class Passage(NamedTuple):
    """The part of a mean product that propagates back through one layer or two."""

    of: Key
    gain: float
    steps: tuple[tuple[Step, ...], ...]
    """The steps on each axis."""


class Influence(NamedTuple):
    """The mean square of the gradient of a unit with respect to each pixel, as a share of the sum over all."""

    of: str
    unit: tuple[int, ...]
    sizes: tuple[int, ...]
    """The size of the unit's own field on each axis of the input, padding included; 0 if it sees no pixel."""
    shares: Array
    """The share of each pixel, by the axes of the network's input; all 0 for a unit that sees no pixel."""
    reasons: tuple[str, ...]
    """Simplifications that make the figures those of a model: `relu as though it were linear`."""

    def profile(self, axis: int) -> Array:
        """Return the share of each position on an axis, summed over the other axes."""
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
        """Return the share of the influence within `times` standard deviations of its centre."""
        profile = self.profile(axis)
        near = np.abs(np.arange(len(profile)) - self.mean(axis)) <= times * self.deviation(axis) + 1e-9
        return float(profile[near].sum())

    @property
    def touched(self) -> int:
        """The number of pixels with any influence."""
        return int((self.shares > 0).sum())

    def strongest(self, share: float) -> int:
        """Return the smallest number of pixels that together have this share of the influence."""
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

    Raise SpecError if it is unknown how a layer passes influence on, or if there is no such unit.
    """
    space, sizes = graph.space(at), grid(graph, at)
    if not graph.space(INPUT).shape or not sizes:
        raise SpecError(f"{graph.name(at)} does not depend on any single pixel of the input")
    axes = [axis for axis in (space.axes[place] for place in space.places) if type(axis) is int]
    """The axis of the input for each index of the unit: the unit's map may have them in another order."""
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
    box = sight.box or clipped
    sizes_seen = tuple([last - first + 1 for first, last in box]) if box else (0,) * len(whole)
    pixels = [range(first, last + 1) for first, last in clipped] if clipped else [range(n) for n in whole]
    moments = _Moments(graph, at, pixels)
    squares = np.zeros(whole)
    squares[tuple([slice(rows.start, rows.stop) for rows in pixels])] = moments.of_input(unit)
    shares = squares / (squares.sum() or 1.0)
    return Influence(graph.name(at), own, sizes_seen, shares, _reasons(graph, moments.needed))


def _reasons(graph: Graph, needed: Sequence[int]) -> tuple[str, ...]:
    """Return the simplifications, one per op."""
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
    """The mean products of the gradients of one unit, from its layer back to the input."""

    def __init__(self, graph: Graph, end: int, pixels: Sequence[range]):
        self.graph, self.end, self._pixels = graph, end, pixels
        self.needed = sorted(graph.before(end))
        check_limit(
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
        """The pairs of units needed for each pair of values, on each axis, each pair encoded as one number."""
        self.terms: dict[Key, list[Passage]] = {}
        self._demand()

    def _demand(self) -> None:
        """Find, from the input on, which pairs are needed, and through which layers they propagate back."""
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
        """Return what propagates back from two later values, each through one operator, or the second through none."""
        r, r2, shift = of
        if r == r2 and shift:
            return None  # different channels of one value have uncorrelated gradients
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
        """Return the value of a term, propagated back on one axis after the other."""
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
    """Yield, for each pair of taps that may meet, what units i and j reach on an axis, the weight, and where it counts.

    Random weights correlate only with themselves: the same tap, and for FREE ones also the same position.
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
