"""A network made ready for one input: traced, its weights bound, what it needs known before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from ..errors import SpecError
from ..network import Network
from ..report import Report
from ..sizes import LARGEST, show, size_text
from ..trace import shape as trace_shape
from . import weights as arrays
from .npy import Given, drop
from .program import MEMORY, Program, Progress
from .sinks import Memory, Sink
from .task import Array, Dtype
from .threads import release


class Samples:
    """The samples of an input array, and the shape in which their results are returned."""

    def __init__(self, network: Network, shape: tuple[int, ...], dialect: str | None, layout: str | None):
        """`shape` is the whole input's. SpecError or ShapeError if the network cannot take it."""
        if 0 in shape:
            raise SpecError(f"x is empty: its shape is {show(shape)}", "there is nothing to compute")
        if not shape:
            raise SpecError("x is a number without axes", "an input has the axes C,H,W, or a batch in front")
        self.report = trace_shape(network.inlined(), shape, dialect=dialect, layout=layout)
        self.batch = self.report.batch
        self.sample = tuple([n for n in self.report.sample if isinstance(n, int)])
        self._added_channel = len(shape) < len(self.sample)
        """Whether the input is one channel's space, without an axis for it."""

    def split(self, x: Array) -> Array:
        """Return the input with a batch in front and all axes of a sample, as a view if that is possible."""
        return x.reshape(-1, *self.sample)

    def returned(self, sample: tuple[int, ...], count: int) -> tuple[int, ...]:
        """Return the shape of the results of `count` samples for the caller: without an axis that was added."""
        if self._added_channel:
            last = self.report.network.layout == "NHWC"
            if len(sample) == len(self.sample) and sample[-1 if last else 0] == 1:
                sample = sample[:-1] if last else sample[1:]
        return sample if self.batch is None else (count, *sample)


def real(kind: Dtype, name: str) -> Dtype:
    """The dtype in this machine's byte order. SpecError for what is no number that layers can take."""
    if kind.kind not in "biuf" or kind.itemsize > 8:
        why = "complex numbers have no order and no ReLU" if kind.kind == "c" else f"{kind} is no real number"
        raise SpecError(f"{name} is of dtype {kind}", f"{why}: give float32, float64, float16, integers or booleans")
    return kind.newbyteorder("=")


class Needs(NamedTuple):
    """How many bytes a run takes."""

    weights: int
    working: int


def _check_bytes(report: Report, given: Given) -> None:
    """SpecError where a sample of a layer's result, or a weight, is of more bytes than can be counted."""
    sizes = [(layer.name, prod(n for n in layer.traced.out if isinstance(n, int))) for layer in report.layers]
    sizes += [(want.name, prod(want.shape)) for want in arrays.wanted(report) if want.name not in given]
    for name, count in sizes:
        if count * 8 > LARGEST:
            raise SpecError(f"{name} has {count:,} values: no machine holds them", "make it smaller")


class Job:
    """A network, its input's shape and dtype, and its weights."""

    def __init__(
        self,
        network: Network,
        shape: tuple[int, ...],
        kind: Dtype,
        weights: Given | Array | None = None,
        *,
        bias: Array | None = None,
        dialect: str | None = None,
        layout: str | None = None,
        seed: int | None = None,
        keep: Sequence[str] = (),
        keep_all: bool = False,
        memory: int = MEMORY,
    ):
        """`weights` are arrays by name, or the one of a network's only layer with weights; `keep` names layers.

        Without any, they are those that the network's own file holds.

        Raises SpecError and ShapeError for what does not go together, before anything is computed.
        """
        self.kind = real(kind, "x")
        samples = Samples(network, shape, dialect, layout)
        if weights is None:
            weights = arrays.carried(network, seed)
        self.weights = arrays.named(samples.report, weights, bias)
        network = samples.report.network
        without = arrays.without_biases(network, self.weights)
        self.samples = samples if without is network else Samples(without, shape, dialect, layout)
        self._seed, self._memory = seed, memory
        self._loaded: Program | None = None
        self._drawn = self.kind if self.kind.kind == "f" else np.dtype(np.float32)
        self.kept = self._indices(keep, keep_all)
        arrays.check(self.report, self.weights, seed)
        _check_bytes(self.report, self.weights)
        self.plan = self._program({want.name: self._like(want) for want in arrays.wanted(self.report)})
        least = self.plan.working(1)
        if least > memory:
            raise SpecError(
                f"one sample takes {size_text(least)} of working memory, and {size_text(memory)} are allowed",
                f"allow it {size_text(least)}: --memory on the command line, memory= in bytes from Python",
            )

    @property
    def report(self) -> Report:
        """The traced network."""
        return self.samples.report

    @property
    def not_needed(self) -> list[str]:
        """The names of the weights that are given and that no layer needs."""
        return arrays.unused(self.report, self.weights)

    @property
    def last(self) -> int:
        """The index of the layer whose result is the network's."""
        return len(self.report.layers) - 1

    def _indices(self, keep: Sequence[str], keep_all: bool) -> list[int]:
        names = [layer.name for layer in self.report.layers]
        if keep_all:
            return list(range(len(names)))
        for name in keep:
            if name not in names:
                raise SpecError(f"there is no layer {name!r} to keep", f"the layers are {', '.join(names[:24])}")
        return [names.index(name) for name in keep]

    def _like(self, want: arrays.Weight) -> Array:
        """An array of a weight's shape and dtype that takes no memory."""
        given = self.weights.get(want.name)
        return np.broadcast_to(np.zeros((), self._drawn if given is None else real(given.dtype, want.name)), want.shape)

    def _program(self, weights: Mapping[str, Array]) -> Program:
        return Program(self.report, self.kind, weights, kept=self.kept, memory=self._memory)

    def needs(self, count: int) -> Needs:
        """What a run of so many samples takes beside its input and its output."""
        size = 0
        for want in arrays.wanted(self.report):
            given = self.weights.get(want.name)
            size += prod(want.shape) * (self._drawn if given is None else given.dtype).itemsize
        return Needs(size, self.plan.working(count))

    def result(self, at: int, count: int) -> tuple[tuple[int, ...], Dtype, tuple[int, ...]]:
        """Of a layer's result for `count` samples: the shape as it is given back, the dtype, the shape as samples."""
        sample, kind = self.plan.result(at)
        return self.samples.returned(sample, count), kind, (count, *sample)

    def load(self) -> Program:
        """The network ready to run: its weights are read, or drawn, the first time."""
        if self._loaded is None:
            self._loaded = self._program(arrays.bind(self.report, self.weights, self._seed, self._drawn))
        return self._loaded

    def run(self, x: Array, sinks: Mapping[int, Sink], progress: Progress | None = None) -> None:
        """Fill the sinks of the layers that are kept and of the last one, some samples at a time."""
        program = self.load()
        samples = self.samples.split(x)
        try:
            for begin in range(0, len(samples), program.at_once):
                end = min(begin + program.at_once, len(samples))
                program.run(samples[begin:end], {at: sink.part(begin, end) for at, sink in sinks.items()}, progress)
                for sink in sinks.values():
                    sink.done(begin, end)
                drop(samples, begin, end)
        finally:
            release()


def run(
    network: Network,
    x: Array,
    weights: Given | Array | None = None,
    *,
    bias: Array | None = None,
    dialect: str | None = None,
    layout: str | None = None,
    seed: int | None = None,
    keep: Sequence[str] = (),
    memory: int = MEMORY,
) -> Array | dict[str, Array]:
    """What comes out of a network: see `cnncalc.run`."""
    if isinstance(x, np.ma.MaskedArray):
        raise SpecError("x is a masked array, and layers know no masks", "fill it, as x.filled(0)")
    x = np.asarray(x)
    job = Job(
        network,
        x.shape,
        x.dtype,
        weights,
        bias=bias,
        dialect=dialect,
        layout=layout,
        seed=seed,
        keep=keep,
        memory=memory,
    )
    count = job.samples.batch or 1
    found = {}
    for at in {*job.kept, job.last}:
        _, kind, samples = job.result(at, count)
        found[at] = Memory(samples, kind)
    job.run(x, found)
    back = {at: sink.array.reshape(job.result(at, count)[0]) for at, sink in found.items()}
    if keep:
        return {job.report.layers[at].name: array for at, array in sorted(back.items())}
    return back[job.last]
