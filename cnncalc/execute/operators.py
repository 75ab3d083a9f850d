"""How influence propagates back from a layer's units to the units they read, axis by axis.

A layer is a product of taps over the axes of the network's input: `up[tap, i]` is the unit that input unit i reaches
through a tap (-1 for none), and `weight[tap, i]` is how strongly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from math import prod
from typing import NamedTuple

import numpy as np

from ..axes import AxisPart
from ..errors import SpecError
from ..explain import relation
from ..field import Field
from ..fields.graph import Graph, Vertex
from ..layers import Fields, Layer
from ..layers.conv import Convolution
from ..layers.pool import Pool
from ..layers.sliding import Cut, Slide
from ..network import INPUT, Network, Node
from .job import Job
from .task import Array, sizes_of

MOST_TAPS = 1 << 21
"""The most units of a map, and the most taps of an axis."""
MOST_MEASURED = 1 << 28
"""The most values on which a layer is measured."""


class Weights(Enum):
    """What is known of the weights of a layer's taps."""

    FIXED = "fixed"
    """They are numbers: an average, an interpolation, a sum."""
    SHARED = "shared"
    """They are random, independent, of mean zero, and the same at every position of a window."""
    FREE = "free"
    """They are random, independent, of mean zero, and different at each position."""


class Taps(NamedTuple):
    """A layer's taps on one axis of the network's input."""

    up: Array
    """The unit that each input unit reaches through each tap, (taps, n); -1 if there is none."""
    weight: Array
    """The weight of each tap; for random weights, the square root of their share of the variance."""


class Operator(NamedTuple):
    """How influence propagates back from a layer's units to the units of one of its inputs."""

    weights: Weights
    axes: tuple[Taps, ...]
    gain: float = 1.0
    """A further factor of the mean square."""
    offset: int = 0
    """The channel of the layer that is channel 0 of its input: a concat puts its inputs one after the other."""
    taken: range | None = None
    """The channels that it takes from its input; None for all."""
    of: int = 1
    """With `taken`: the number of the input's channels."""

    def share(self, other: Operator | None = None) -> float:
        """Return the share of the input's channels that it takes, or that it and another operator both take."""
        own = (
            self.taken
            if other is None or other.taken is None
            else range(
                max(self.taken.start if self.taken else 0, other.taken.start),
                min(self.taken.stop if self.taken else other.of, other.taken.stop),
            )
        )
        return 1.0 if own is None else len(own) / (self.of if self.taken else other.of if other else 1)


def grid(graph: Graph, at: int) -> tuple[int, ...]:
    """Return the number of units of a value along each axis of the network's input; 1 if they see all of it."""
    space = graph.space(at)
    sizes = [1] * len(graph.fields(at).of)
    for axis, size in zip(space.axes, space.sizes, strict=True):
        parts = axis if isinstance(axis, tuple) else (AxisPart(axis, size),)
        for along, number, _ in parts:
            if along is not None:
                name = f"'{graph.name(at)}'"
                if sizes[along] != 1 and number != 1:
                    raise _unknown("its units are spread over several axes").at(name)
                if not isinstance(number, int):
                    raise _unknown(f"its size is open ({number})", "give sizes as numbers: -i 3x64x64").at(name)
                sizes[along] = max(sizes[along], number)
    if prod(sizes) > MOST_TAPS:
        raise _too_many(prod(sizes), "units").at(f"'{graph.name(at)}'")
    return tuple(sizes)


def operator(graph: Graph, at: int, place: int) -> Operator | None:
    """Return how influence propagates back to one input of a layer; None if it is not counted (a gate's pool).

    Raise SpecError for a layer for which this is unknown.
    """
    vertex = graph.vertices[at]
    try:
        return _operator(graph, vertex, place, grid(graph, vertex.reads[place]), grid(graph, at))
    except SpecError as error:
        raise error.at(f"'{vertex.name}'") from None


def _operator(graph: Graph, vertex: Vertex, place: int, ns: tuple[int, ...], outs: tuple[int, ...]) -> Operator | None:
    layer, own = vertex.layer, vertex.layer.node.layer
    if len(ns) != len(outs) or any(field.size is None for field in layer.traced.fields.of):
        raise _unknown("its receptive field is unknown")
    if own.WORD in JOINS:
        return JOINS[own.WORD](vertex, place, ns, outs)
    if own.JOINS or len(vertex.reads) > 1:
        raise _unknown(f"{layer.op} multiplies its inputs or chooses between them")
    if layer.node.tie is not None:
        raise _unknown("it shares its weights with another layer, so they are not independent")
    if isinstance(own, Convolution):
        return _convolution(vertex, ns, outs)
    return _of_one(graph, vertex, ns, outs)


def _of_one(graph: Graph, vertex: Vertex, ns: tuple[int, ...], outs: tuple[int, ...]) -> Operator:
    """Return the taps of a layer, other than a convolution, with one input."""
    layer, own, word = vertex.layer, vertex.layer.node.layer, vertex.layer.node.layer.WORD
    if word == "linear" and (ns == outs or prod(outs) == 1):
        kind = Weights.SHARED if ns == outs else Weights.FREE
        return Operator(kind, tuple(map(_whole, ns, outs)), layer.values["out"] / layer.values["c_i"])
    if passes_one_on(own):
        return Operator(Weights.FREE, _chosen(vertex, ns, outs))
    if ns == outs and ((own.KEEPS_SHAPE and word != "cumsum") or word in {"flatten", "permute"}):
        return Operator(Weights.FIXED, tuple(map(_same, ns)))
    if word in {"flatten", "reshape"} and prod(outs) == 1:  # each unit becomes a channel
        return Operator(Weights.FREE, tuple(map(_whole, ns, outs)))
    if word in APART and (word == "pixelshuffle" or _along_channels(vertex)):
        _check_mixed(graph, vertex)
        return APART[word](vertex, ns, outs)
    if own.is_linear and word in MEASURED:
        return Operator(Weights.FIXED, _measured(graph, vertex, ns, outs))
    raise _unknown(f"how {layer.op} passes on influence is not implemented")


MEASURED = {"avgpool", "globalavgpool", "adaptiveavgpool", "upsample", "pad", "crop", "slice", "roll", "mean", "sum"}
"""Linear ops without weights, whose taps are measured from their values."""


def passes_one_on(layer: Layer) -> bool:
    """Return whether a layer is modelled as if it passed on each pixel of a window equally often."""
    return layer.SPATIAL and not layer.LINEAR


def _unknown(why: str, help: str | None = None) -> SpecError:
    return SpecError(f"its influence is unknown: {why}", help or "name a layer before it: --of LAYER")


FURTHER_IN_FRONT = "give a smaller input, or an earlier layer: --of LAYER"
"""The help for too many units."""


def _too_many(number: int, what: str, most: int = MOST_TAPS) -> SpecError:
    return SpecError(f"{number:,} {what} are too many: the limit is {most:,}", FURTHER_IN_FRONT)


def _check_taps(number: int) -> None:
    """Raise SpecError for too many taps on an axis."""
    if number > MOST_TAPS:
        raise _too_many(number, "taps")


def _check_mixed(graph: Graph, vertex: Vertex) -> None:
    """Raise SpecError unless a convolution or linear layer mixes the channels before a layer that separates them."""
    at = vertex.reads[0]
    while at != INPUT:
        below = graph.vertices[at].layer
        if below.node.layer.WORD in {"conv", "convT", "sepconv", "linear"} and below.values.get("g", 1) == 1:
            return
        if not below.node.layer.KEEPS_SHAPE:
            raise _unknown("it treats channels separately that no convolution has mixed")
        at = graph.vertices[at].reads[0]


def _shuffled(vertex: Vertex, ns: Sequence[int], outs: Sequence[int]) -> Operator:
    """Return the taps of a pixel shuffle: each channel of a unit becomes one unit of a block."""
    axes = []
    for n, out in zip(ns, outs, strict=True):
        times = out // n
        axes.append(Taps(np.arange(n) * times + np.arange(times)[:, None], np.ones((times, n))))
    return Operator(Weights.SHARED, tuple(axes), prod(ns) / prod(outs))


def _along_channels(vertex: Vertex) -> bool:
    """Return whether a layer works along the channels, if there are several."""
    layer = vertex.layer
    axis = len(layer.sample) if layer.env.channels_last else 1
    several = layer.reads_fields[0].axes[axis - 1] is None and layer.sample[axis - 1] != 1
    return several and axis in layer.traced.axes


def _sliced(vertex: Vertex, ns: Sequence[int], outs: Sequence[int]) -> Operator:
    """Return the taps of a slice of the channels."""
    (axis,), first = vertex.layer.traced.axes, vertex.layer.values["start"]
    every, count = [sizes_of(x, vertex.name)[axis - 1] for x in (vertex.layer.sample, vertex.layer.traced.out)]
    if vertex.layer.values["step"] != 1:
        raise _unknown("it takes channels with a step")
    taken = range(first, first + count)
    return Operator(Weights.FIXED, tuple(map(_same, ns)), 1.0, -first, taken, every)


APART: dict[str, Callable[[Vertex, Sequence[int], Sequence[int]], Operator]] = {
    "pixelshuffle": _shuffled,
    "slice": _sliced,
}
"""Ops that treat channels separately: the channels of their input must be statistically alike."""


def _same(n: int) -> Taps:
    """Return the taps of units that read the unit in their own place."""
    return Taps(np.arange(n)[None], np.ones((1, n)))


def _whole(n: int, out: int) -> Taps:
    """Return the taps of a single unit that reads all n, or of n units that read their own."""
    return _same(n) if n == out else Taps(np.zeros((1, n), int), np.ones((1, n)))


def _convolution(vertex: Vertex, ns: Sequence[int], outs: Sequence[int]) -> Operator:
    """Return the taps of a convolution whose weights have variance 1/(number of inputs that an output sums)."""
    layer = vertex.layer
    windows = _windows(vertex)
    axes = [
        _window_taps(windows[along], n, outs[along]) if along in windows else _same(n) for along, n in enumerate(ns)
    ]
    wider = layer.values["c_o"] / layer.values["c_i"]
    return Operator(Weights.SHARED, tuple(axes), wider * prod(map(_each, windows.values())))


def _each(window: Slide | Cut) -> float:
    """Return the variance of one tap on an axis, such that the variances of an output's taps sum to 1."""
    return (1 if isinstance(window, Slide) else window.s) / window.taps


def _windows(vertex: Vertex) -> dict[int, Slide | Cut]:
    """Return the window of a layer along each axis of the network's input."""
    layer, own = vertex.layer, vertex.layer.node.layer
    channels, *axes = np.roll(np.array(layer.reads_fields[0].axes, object), int(layer.env.channels_last))
    space = layer.sample[:-1] if layer.env.channels_last else layer.sample[1:]
    assert isinstance(own, (Convolution, Pool))
    placed = (own.windows if isinstance(own, Convolution) else own.slides)(space, layer.env)[0]
    found = {}
    for axis, window in zip(axes, placed, strict=True):
        if type(axis) is int:
            found[axis] = window
        elif window.k > 1:
            raise _unknown("it slides over an axis that is not the input's")
    if channels is not None:
        raise _unknown("its channels are a spatial axis of the input")
    return found


def _window_taps(window: Slide | Cut, n: int, out: int) -> Taps:
    """Return the taps of a window: `up*s - pb + tap*d = i`, or of a transposed one `up = i*s - pb + tap*d`."""
    _check_taps(n * window.taps)
    i, tap, pb = np.arange(n)[None], np.arange(window.taps)[:, None], window.pb or 0
    if isinstance(window, Slide):
        up, rest = np.divmod(i + pb - tap * window.d, window.s)
        up = np.where(rest == 0, up, -1)
    else:
        up = i * window.s - pb + tap * window.d
    up = np.where((up >= 0) & (up < out), up, -1)
    met = np.union1d(0, np.flatnonzero((up >= 0).any(axis=1)))  # drop taps that meet only padding
    return Taps(up[met], np.ones(up[met].shape))


def _chosen(vertex: Vertex, ns: Sequence[int], outs: Sequence[int]) -> tuple[Taps, ...]:
    """Return the taps of windows that pass on each of their pixels equally often."""
    if isinstance(vertex.layer.node.layer, Pool):
        placed = _windows(vertex)
        taps = {along: _window_taps(window, ns[along], outs[along]) for along, window in placed.items()}
    else:
        taps = {
            along: _interval_taps(field, ns[along], outs[along]) for along, field in enumerate(relation(vertex.layer))
        }
    return tuple([_equally(taps[along]) if along in taps else _same(n) for along, n in enumerate(ns)])


def _interval_taps(field: Field, n: int, out: int) -> Taps:
    """Return the taps of units that see intervals of n units."""
    assert field.spans is not None
    _check_taps(n * out)
    phases, advance = field.spans
    matrix = np.zeros((out, n))
    for unit in range(out):
        turn, phase = divmod(unit, len(phases))
        first, last = (edge + turn * advance for edge in phases[phase])
        matrix[unit, max(first, 0) : last + 1] = 1
    return _sparse(matrix)


def _equally(taps: Taps) -> Taps:
    """Return equal taps whose squares sum to 1 over each window."""
    inside = np.bincount(taps.up[taps.up >= 0], minlength=int(taps.up.max()) + 1)
    return Taps(taps.up, np.where(taps.up >= 0, 1 / np.sqrt(np.maximum(inside[taps.up], 1)), 0.0))


def _sparse(matrix: Array) -> Taps:
    """Return the taps of a sparse matrix (out, n)."""
    columns = [np.flatnonzero(column) for column in matrix.T]
    up = np.full((max(1, *map(len, columns)), matrix.shape[1]), -1)
    for i, own in enumerate(columns):
        up[: len(own), i] = own
    return Taps(up, np.where(up >= 0, matrix[up, np.arange(matrix.shape[1])], 0.0))


Join = Callable[[Vertex, int, Sequence[int], Sequence[int]], Operator | None]


def _sum(vertex: Vertex, place: int, ns: Sequence[int], outs: Sequence[int]) -> Operator | None:
    """Return the taps of a summand; each unit of a broadcast one reaches all."""
    sign = -1.0 if vertex.layer.node.layer.WORD == "sub" and place else 1.0
    return Operator(Weights.FIXED, _broadcast(ns, outs, sign))


def _broadcast(ns: Sequence[int], outs: Sequence[int], weight: float) -> tuple[Taps, ...]:
    axes = []
    for at, (n, out) in enumerate(zip(ns, outs, strict=True)):
        up = np.arange(out)[:, None] if n == 1 else np.arange(n)[None]
        axes.append(Taps(up, np.full(up.shape, 1.0 if at else weight)))
    return tuple(axes)


def _product(vertex: Vertex, place: int, ns: Sequence[int], outs: Sequence[int]) -> Operator | None:
    """Return the taps of what a gate multiplies, as if the gate were open; the gate itself is left out."""
    value = vertex.layer.values.get("value")
    if value is not None:
        word = vertex.layer.node.layer.WORD
        return Operator(Weights.FIXED, _broadcast(ns, outs, value if word == "mul" else 1 / value))
    local = [at for at, fields in enumerate(vertex.layer.reads_fields) if fields.of and not fields.is_pooled]
    if len(local) != 1:
        raise _unknown(f"{vertex.layer.op} multiplies its inputs")
    return Operator(Weights.FIXED, _broadcast(ns, outs, 1.0)) if place == local[0] else None


def _concat(vertex: Vertex, place: int, ns: Sequence[int], outs: Sequence[int]) -> Operator | None:
    """Return the taps of an input of a concat along channels; for other axes the field is unknown."""
    (axis,) = vertex.layer.traced.axes
    before = sum(sizes_of(x, vertex.name)[axis - 1] for x in vertex.layer.samples[:place])
    return Operator(Weights.FIXED, tuple(map(_same, ns)), offset=before)


JOINS: dict[str, Join] = {"add": _sum, "sub": _sum, "mul": _product, "div": _product, "concat": _concat}


def _measured(graph: Graph, vertex: Vertex, ns: Sequence[int], outs: Sequence[int]) -> tuple[Taps, ...]:
    """Return the taps of a linear layer without weights, measured on inputs with a single pixel of 1."""
    _check_taps(max(n * out for n, out in zip(ns, outs, strict=True)))
    layer = vertex.layer
    before, after = _order(layer.reads_fields[0], len(ns)), _order(layer.read, len(ns))
    sizes, made = sizes_of(layer.sample, vertex.name), sizes_of(layer.traced.out, vertex.name)
    if prod(sizes) * prod(outs) != prod(made) * prod(ns):
        raise _unknown("it changes the number of channels")
    if _along_channels(vertex):
        raise _unknown("it moves channels")
    sample = tuple([n if type(axis) is int else 1 for axis, n in zip(layer.reads_fields[0].axes, sizes, strict=True)])
    nodes = (Node("layer", layer.node.layer, (INPUT,), 0),)
    network = Network(nodes, layer.env.dialect, layer.network.layout, sample_axes=len(sample))

    def run(x: Array) -> Array:
        """Return the layer's values for several maps, whose axes are in the order of the network's input."""
        x = x.transpose(0, *[axis + 1 for axis in before]).reshape(len(x), *sample)
        (y,) = Job(network, x.shape, x.dtype).outputs(x).values()
        return y.reshape(len(x), *[outs[axis] for axis in after]).transpose(
            0, *[after.index(at) + 1 for at in range(len(ns))]
        )

    zero = run(np.zeros((1, *ns)))[0]
    reads = [_ends(graph, vertex, axis, n, out) for axis, (n, out) in enumerate(zip(ns, outs, strict=True))]
    return tuple(map(_sparse, _factors(lambda x: run(x) - zero, ns, reads)))


def _ends(graph: Graph, vertex: Vertex, axis: int, n: int, out: int) -> Array:
    """Return bounds on the first and last unit that each unit of a layer reads on an axis of the network's input."""
    (reads,) = graph.readings(graph.names[vertex.name])
    place = reads.source.axes.index(axis) if axis in reads.source.axes else None
    if place is not None and reads.followed[place]:
        digits = [(reads.target.axes[part.place], *part[1:]) for part in reads.parts[place]]
        if digits in ([], [(axis, 1, out, 1)]):
            taps = map(reads.relations[place].taps, range(out))
            return np.array([(own.start, own.stop - 1) for own in taps])
    return np.array([(0, n - 1)] * out)


def _order(fields: Fields, number: int) -> list[int]:
    """Return the axes of the network's input in the order of a value's axes, with missing ones last."""
    order = [axis for axis in fields.axes if type(axis) is int]
    return [*order, *[axis for axis in range(number) if axis not in order]]


def _factors(run: Callable[[Array], Array], ns: Sequence[int], reads: Sequence[Array]) -> list[Array]:
    """Return a matrix (out, n) for each axis, whose product is the linear map. Raise SpecError if it is not a product.

    `reads` has bounds on the first and last pixel that each unit reads on each axis. Pixels that no unit reads together
    are set at once.
    """
    middle = tuple([n // 2 for n in ns])
    base = run(_pixels(ns, middle))[0]
    if not base.any():  # the layer leaves out the middle
        middle = next((pixel for pixel in np.ndindex(*ns) if run(_pixels(ns, pixel)).any()), middle)
        base = run(_pixels(ns, middle))[0]
    peak = np.unravel_index(np.abs(base).argmax(), base.shape)
    factors, gaps = [], [int(max(1, (own[:, 1] - own[:, 0] + 1).max())) for own in reads]
    if sum(gaps) * prod(ns) > MOST_MEASURED:
        raise _too_many(sum(gaps) * prod(ns), "values", MOST_MEASURED)
    for axis, (n, gap) in enumerate(zip(ns, gaps, strict=True)):
        first, last = reads[axis].T
        matrix = np.zeros((len(first), n))
        for begin in range(min(gap, n)):
            x = _pixels(ns, (*middle[:axis], slice(begin, None, gap), *middle[axis + 1 :]))
            seen = run(x)[(0, *[slice(None) if at == axis else u for at, u in enumerate(peak)])]
            pixel = first + (begin - first) % gap
            units = np.flatnonzero(pixel <= last)
            matrix[units, pixel[units]] = seen[units]
        factors.append(matrix / (base[peak] if axis else 1.0))
    x = np.random.default_rng(0).standard_normal(ns)
    wanted = run(x[None])[0]
    if np.isnan(wanted).any():
        raise _unknown("it has NaN or infinite values, such as those of an empty window")
    for axis, matrix in enumerate(factors):
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    if not np.allclose(x, wanted, atol=1e-6 * np.abs(wanted).max()):
        raise _unknown("it is not a single window on each axis")
    return factors


def _pixels(ns: Sequence[int], place: tuple[int | slice, ...]) -> Array:
    """Return a map of zeros with ones at a place, as a batch of one."""
    x = np.zeros((1, *ns))
    x[(0, *place)] = 1
    return x
