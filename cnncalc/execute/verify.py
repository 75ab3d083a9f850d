"""Verify fields by execution: run a network on single pixels, and compare which units respond.

The network runs with positive weights and without constants on an input of zeros in which one pixel is 1. Every value
that the pixel reaches is positive and every other is 0, so nothing is hidden by a maximum, cancellation or rounding.
Ops that could hide an influence are replaced by ones with the same field: a product by a sum, a function that is not
0 at 0 by the identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..errors import CnncalcError, SpecError
from ..fields import masks
from ..fields.graph import Graph
from ..fields.masks import Region
from ..fields.views import look_back, look_forth
from ..layers import Layer
from ..layers.activation import Identity
from ..layers.base import StepKind
from ..layers.composite import MoveBatch
from ..network import INPUT, Network
from ..parts import part
from ..report import Report
from ..sizes import known, show, size_text
from ..trace import shape
from . import npy
from . import weights as arrays
from .job import Job
from .task import Array, sizes_of

MOST_VALUES = 1 << 31
"""The most values that are computed: those of all layers, once per pixel."""
MOST_MACS = 1 << 35
"""The most multiply-accumulates that they take."""
AT_ONCE = 1 << 23
"""The number of values in memory at once."""

INTERPOLATIONS = {"linear", "bilinear", "trilinear", "cubic", "bicubic"}
ROUNDING = 1e-12
"""The rounding after an interpolation: the weight of a neighbor of a hit unit is 0, but may be computed as 1e-15."""
IDENTITY = Identity(Identity.WORD, None, {})


class Mismatch(NamedTuple):
    """A unit and a pixel for which the prediction is wrong."""

    of: str
    unit: tuple[int, ...]
    pixel: tuple[int, ...]
    predicted: bool
    """Whether the unit should see the pixel."""

    def text(self) -> str:
        """Return the violation in words: `unit 3,4 of conv2 responds to pixel 0,1, but should not see it`."""
        says = "does not respond to" if self.predicted else "responds to"
        should = "should see it" if self.predicted else "should not see it"
        unit, pixel = (",".join(map(str, one)) for one in (self.unit, self.pixel))
        return f"unit {unit} of {self.of} {says} pixel {pixel}, but {should}"


class Verified(NamedTuple):
    """The result of comparing the fields of a network's layers with the responses of their units."""

    of: str
    """The layer for whose units all pixels are predicted; for earlier layers, the units that see each pixel are."""
    units: int
    """The number of units in all layers that were compared."""
    pixels: int
    """The number of pixels that were set one by one."""
    layers: int
    bounds: tuple[str, ...]
    """The layers whose predictions are only upper bounds."""
    replaced: tuple[str, ...]
    """The replacements of ops that might hide an influence: `mul as add`."""
    difference: Mismatch | None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        own = self.difference
        difference = None if own is None else {**own._asdict(), "text": own.text()}
        return {**self._asdict(), "equal": self.difference is None, "difference": difference}


def verify(report: Report, of: int | None = None) -> Verified:
    """Compare what the units of each layer respond to with what they are predicted to see.

    `of` is the last layer to verify, by default the last one whose units have a place. Raise SpecError for an op that
    hides influences, for values that are not numbers, and for a network that takes too long.
    """
    graph = Graph(report)
    last = of if of is not None else graph.last_with_space()
    if last is None or last == INPUT or not graph.space(last).shape:
        raise SpecError("no unit has a position in the input", "name a layer whose units have one: --of LAYER")
    graph = Graph(shape(part(report.network.inlined(), graph.name(last))))
    end = len(graph.vertices) - 1
    axes = len(graph.report.sample)  # the layers alone might not tell
    network, replaced = _positive(graph.report.network._replace(sample_axes=axes))
    running = _Running(network)
    sizes = sizes_of(graph.space(INPUT).shape, "the input")
    known = look_forth(graph, INPUT, (0,) * len(sizes)).sets
    layers = [at for at in sorted(known) if at != INPUT and graph.space(at).shape]
    if end not in layers:
        what = f"it is unknown what the units of {graph.name(end)} see"
        raise SpecError(what, "name a layer before it: --of LAYER")
    answers = running.answers(graph, layers, sizes)
    forth = {pixel: look_forth(graph, INPUT, pixel).sets for pixel in np.ndindex(*sizes)}
    bounds, difference = [], None
    for at in layers:
        if np.isnan(answers[at]).any():
            what = f"{graph.name(at)} has NaN or infinite values, such as those of an empty window, which hide others"
            raise SpecError(what, "verify the layers before it: --of LAYER")
        seen = answers[at] > 0
        units = sizes_of(graph.space(at).shape, graph.name(at))
        if at == end:
            predicted, certain = _looked_back(graph, at, units, sizes)
        else:
            predicted = np.stack([_marked(forth[pixel][at], units) for pixel in np.ndindex(*sizes)], -1)
            predicted = predicted.reshape(seen.shape)
            certain = np.zeros_like(predicted) if _is_bound(graph, at) else predicted
        wrong = ((answers[at] > running.rounding * answers[at].max()) & ~predicted) | (certain & ~seen)
        if (certain != predicted).any() or _is_bound(graph, at):
            bounds.append(graph.name(at))
        if wrong.any() and difference is None:
            number, pixel = np.argwhere(wrong)[0]
            unit, where = [tuple(map(int, np.unravel_index(*one))) for one in ((number, units), (pixel, sizes))]
            difference = Mismatch(graph.name(at), unit, where, not seen[number, pixel])
    total = sum(len(answers[at]) for at in layers)
    return Verified(graph.name(end), total, prod(sizes), len(layers), tuple(bounds), replaced, difference)


def _is_bound(graph: Graph, at: int) -> bool:
    """Return whether a layer, or one it depends on, may see less than predicted."""
    after = graph.after(INPUT)
    return any(reads.not_exact for one in graph.before(at) & after for _, reads in graph.reads_of(one, after))


def _looked_back(graph: Graph, at: int, units: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return which pixels each unit possibly and certainly sees, (units, pixels) each."""
    possible, certain = [], []
    for unit in np.ndindex(*units):
        view = look_back(graph, at, unit, INPUT)
        both = view.sets.get(INPUT)
        regions = ((), ()) if both is None else [graph.places(INPUT, region) for region in both]
        least = regions[1] if view.unknown is None else ()
        possible.append(_marked(regions[0], sizes).ravel())
        certain.append(_marked(least if view.bound is not None else regions[0], sizes).ravel())
    return np.array(possible), np.array(certain)


def _marked(region: Region, sizes: tuple[int, ...]) -> Array:
    """Return a region as a boolean array."""
    marked = np.zeros(sizes, bool)
    for one in region:
        rows = [np.array(list(masks.units(bits)), int) for bits in one]
        marked[np.ix_(*rows)] = True
    return marked


def _positive(network: Network) -> tuple[Network, tuple[str, ...]]:
    """Return a network with the same fields that hides no influence, and the replacements made."""
    nodes, replaced = [], dict[str, None]()
    signed = any("cubic" in str(node.layer.given.get("mode", "")) for node in network.nodes)
    for node in network.nodes:
        own = node.layer.without_constants()
        if signed and own.STEP is StepKind.MAX:
            what = "a cubic interpolation has negative weights, which the maximum of a window may hide"
            raise SpecError(what, "verify the layers before it: --of LAYER").at(node.label())
        layer = IDENTITY if _may_be_left_out(own, signed) else own.surrogate(len(node.reads))
        if layer is None:
            what = f"{own.op} does not respond to single pixels: its values are products, or depend on other values"
            raise SpecError(what, "verify the layers before it: --of LAYER").at(node.label())
        if layer.op != own.op:
            replaced[f"{own.op} as {layer.op}"] = None
        tie = node.tie if layer.WEIGHTS else None
        nodes.append(node._replace(layer=layer, tie=tie, expect=None, counted=None))
    return network._replace(nodes=tuple(nodes), source=None, expect=None), tuple(replaced)


def _may_be_left_out(layer: Layer, signed: bool) -> bool:
    """Return whether a layer might hide an influence and has the field of the identity."""
    if isinstance(layer, MoveBatch):  # values are compared with the batch in front
        return True
    return layer.KEEPS_SHAPE and (not layer.KEEPS_POSITIVE or (signed and not layer.is_linear))


class _Running:
    """A network with positive weights, ready to run on single pixels."""

    def __init__(self, network: Network):
        self.network, report = network, shape(network)
        self.sample = sizes_of(report.sample, "the input")
        self.inputs = {layer.name: sizes_of(layer.traced.out, layer.name) for layer in report if layer.op == "input"}
        self.values = sum(known(layer.values_made) or 0 for layer in report) + prod(self.sample)
        self.macs = sum(known(layer.macs) or 0 for layer in report)
        self._report = report
        interpolates = any(layer.values.get("mode", "nearest") in INTERPOLATIONS for layer in report)
        self.rounding = ROUNDING if interpolates else 0.0
        """The share of the largest value up to which a value may be a rounding error."""

    @cached_property
    def weights(self) -> dict[str, Array]:
        """The weights, made only if the network is run."""
        return _weights(self._report)

    def answers(self, graph: Graph, layers: list[int], sizes: tuple[int, ...]) -> dict[int, Array]:
        """Return for each layer the largest value of each unit for each pixel, (units, pixels)."""
        count = prod(sizes)
        if self.takes_too_long(count):
            raise SpecError(
                f"{count:,} pixels take {count * self.values:,} values and {count * self.macs:,} multiply-accumulates: "
                f"the limits are {MOST_VALUES:,} and {MOST_MACS:,}",
                self._smaller(graph),
            )
        found = {at: np.zeros((prod(sizes_of(graph.space(at).shape, "")), count)) for at in layers}
        several = max(min(AT_ONCE // self.values, count), 1)
        for begin in range(0, count, several):
            chosen = range(begin, min(begin + several, count))
            for at, values in self._run(graph, chosen, sizes):
                if at in found:
                    found[at][:, chosen.start : chosen.stop] = _by_place(graph, at, values)
        return found

    def takes_too_long(self, count: int) -> bool:
        """Return whether a run for `count` pixels computes too many values."""
        return count * self.values > MOST_VALUES or count * self.macs > MOST_MACS

    def _smaller(self, graph: Graph) -> str:
        """Return the help for a network that takes too long: a smaller input, if one is found."""
        places, sample = graph.space(INPUT).places, list(self.sample)
        while max(sample[place] for place in places) > 1:
            for place in places:
                sample[place] = -(-sample[place] // 2)
            try:
                running = _Running(shape(self.network, tuple(sample)).network)
            except CnncalcError:
                break
            if not running.takes_too_long(prod(sample[place] for place in places)):
                return f"give a smaller input, for example -i {show(sample)}, or an earlier layer: --of LAYER"
        return "name an earlier layer: --of LAYER"

    def _run(self, graph: Graph, chosen: range, sizes: tuple[int, ...]) -> Iterator[tuple[int, Array]]:
        """Yield the values of each layer for inputs with a single pixel of 1."""
        places = graph.space(INPUT).places
        x = np.zeros((len(chosen), *self.sample))
        index: list[Any] = [slice(None)] * len(self.sample)
        pixels = np.unravel_index(np.array(chosen), sizes)
        for number in range(len(chosen)):
            for place, pixel in zip(places, pixels, strict=True):
                index[place] = pixel[number]
            x[(number, *index)] = 1.0
        others = {name: np.zeros((len(chosen), *own)) for name, own in self.inputs.items()}
        job = Job(self.network, x.shape, x.dtype, self.weights, keep_all=True, others=others)
        for at, values in enumerate(job.outputs(x).values()):
            yield at, np.asarray(values)


def _weights(report: Report) -> dict[str, Array]:
    """Return positive weights, so small that sums do not grow, and constants of 0."""
    random = np.random.default_rng(0)
    found = {}
    all_wanted = arrays.wanted(report)
    needed = 8 * sum(prod(want.shape) for want in all_wanted)
    npy.has_memory(f"the weights take {size_text(needed)}", needed, "name a layer before them: --of LAYER")
    for want in all_wanted:
        own = want.layer.node.layer
        if own.WORD == "constant" or want.role in own.ADDED:
            found[want.name] = np.zeros(want.shape)
            continue
        each = own.fan_in(want.role, want.shape, want.layer.values, want.layer.env)
        found[want.name] = random.uniform(0.5, 1.5, want.shape) / max(each, 1)
    return found


def _by_place(graph: Graph, at: int, values: Array) -> Array:
    """Return the largest value of each unit over its channels, (units, samples)."""
    space = graph.space(at)
    sizes = sizes_of(space.sizes, graph.name(at))
    gone = tuple([axis + 1 for axis in range(len(sizes)) if axis not in space.places])
    found: Array = np.abs(values).reshape(-1, *sizes).max(axis=gone)
    return found.reshape(len(found), -1).T
