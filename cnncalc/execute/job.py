"""Jobs: a network prepared for one input, traced and checked, with its needs known before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from os import PathLike
from os.path import splitext

import numpy as np

from ..errors import SpecError, layer_meant, nearest, shown
from ..input import Inputs
from ..layers.composite import FurtherInput
from ..limits import FEWER_LAYERS, MOST_RUN, check_limit
from ..network import Network
from ..report import Report
from ..sizes import LARGEST, show, size_text
from ..trace import shape as trace_shape
from . import weights as arrays
from .npy import NamedArrays, drop
from .program import MEMORY, Program, Progress, check_runnable
from .sinks import Memory, Sink
from .task import Array, Dtype, sizes_of
from .threads import release


class Samples:
    """The samples of an input array, and the shape in which their results are returned."""

    def __init__(
        self,
        network: Network,
        shape: tuple[int, ...],
        dialect: str | None,
        layout: str | None,
        others: Mapping[str, tuple[int, ...]] | None = None,
    ):
        """`shape` is the input's, `others` are those of further inputs.

        Raise SpecError or ShapeError if they do not fit.
        """
        if 0 in shape:
            raise SpecError(f"x is empty: its shape is {show(shape)}", "there is nothing to compute")
        if not shape:
            raise SpecError(
                "x is a single number, not an array", "the axes of an input are C,H,W, or N,C,H,W with a batch"
            )
        check_limit(
            MOST_RUN,
            network.layer_count,
            "a network of {made:,} layers is too large to run: the limit is {most:,}",
            FEWER_LAYERS,
        )
        given = Inputs([(None, shape), *(others or {}).items()])
        self.report = trace_shape(network.inlined(), given, dialect=dialect, layout=layout)
        self.batch = self.report.batch
        self.sample = sizes_of(self.report.sample, "the input")
        self._added_channel = len(shape) < len(self.sample)
        """Whether the input has no axis for its single channel."""

    def split(self, x: Array) -> Array:
        """Return the input with a batch in front and all axes of a sample, as a view if possible."""
        return x.reshape(-1, *self.sample)

    def further(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Return the arrays of further inputs, batch first. Raise SpecError for a missing one or a different batch."""
        arrays = {}
        for layer in self.report.layers:
            if not isinstance(layer.node.layer, FurtherInput):
                continue
            name, sample, count = layer.name, sizes_of(layer.traced.out, layer.name), self.batch or 1
            if name not in given:
                what = f"no values for the input {shown(name)} ({show(sample)})"
                raise SpecError(what, f"-x {name}=FILE gives them; from Python, x={{{name!r}: array}}")
            array = given[name].reshape(-1, *sample)
            if len(array) not in (1, count):
                raise SpecError(f"{name} has a batch of {len(array)}, but the first input has {count}")
            arrays[name] = np.broadcast_to(array, (count, *sample))
        return arrays

    def returned(self, sample: tuple[int, ...], count: int) -> tuple[int, ...]:
        """Return the shape of the results of `count` samples for the caller, without an added axis."""
        if self._added_channel:
            last = self.report.network.layout == "NHWC"
            if len(sample) == len(self.sample) and sample[-1 if last else 0] == 1:
                sample = sample[:-1] if last else sample[1:]
        return sample if self.batch is None else (count, *sample)


def real(kind: Dtype, name: str) -> Dtype:
    """Return the dtype in this machine's byte order. Raise SpecError for numbers that layers cannot process."""
    if kind.kind not in "biuf" or kind.itemsize > 8:
        why = {"c": "complex numbers have no order, so no ReLU", "f": f"{kind} has more than 64 bits"}.get(kind.kind)
        what = why or f"{kind} is not a numeric type"
        raise SpecError(f"{name} is of dtype {kind}", f"{what}: give float32, float64, float16, integers or booleans")
    return kind.newbyteorder("=")


def _check_bytes(report: Report, wants: Sequence[arrays.Weight], given: NamedArrays) -> None:
    """Raise SpecError if a sample of a layer's result, or a weight, has more bytes than can be addressed."""
    sizes = [(layer.name, prod(n for n in layer.traced.out if isinstance(n, int))) for layer in report.layers]
    sizes += [(want.name, prod(want.shape)) for want in wants if want.name not in given]
    for name, count in sizes:
        if count * 8 > LARGEST:
            raise SpecError(f"{name} has {count:,} values, more than any machine can hold", "make it smaller")


def _output(report: Report, name: str | None) -> int:
    """Return the index of an output's layer, by default the first output's. Raise SpecError if it is not an output."""
    outputs = report.network.outputs()
    own = outputs if name is None or name in outputs else dict.fromkeys(outputs.values())
    if name is not None and name not in own:
        help = nearest(name, list(outputs)) or f"the outputs are {', '.join([*outputs][:24])}"
        raise SpecError(f"there is no output {shown(name)}", help)
    layer = next(iter(outputs.values())) if name is None else outputs.get(name, name)
    return [one.name for one in report.layers].index(layer)


def _by_name(
    report: Report, weights: NamedArrays | Array | arrays.Carried | None, bias: Array | None, seed: int | None
) -> NamedArrays:
    """Return weights by name; those of the network's own file if none are given."""
    weights = arrays.Carried(seed) if weights is None else weights
    return arrays.named(report, weights.of(report) if isinstance(weights, arrays.Carried) else weights, bias)


def _kept(names: Sequence[str], keep: Sequence[str], keep_all: bool) -> list[int]:
    """Return the indices of the layers to keep. Raise SpecError for an unknown name."""
    for name in keep:
        if name not in names:
            raise SpecError(f"there is no layer {shown(name)} to keep", layer_meant(name, names))
    return [at for at, name in enumerate(names) if keep_all or name in keep]


def _check_memory(least: int, allowed: int) -> None:
    """Raise SpecError if one sample takes more working memory than allowed."""
    if least > allowed:
        verb = "is" if allowed == 1 else "are"
        raise SpecError(
            f"one sample takes {size_text(least)} of working memory, and {size_text(allowed)} {verb} allowed",
            f"allow it {size_text(least)}: --memory on the command line, memory= in bytes from Python",
        )


class Job:
    """A network, its input's shape and dtype, and its weights."""

    def __init__(
        self,
        network: Network,
        shape: tuple[int, ...],
        kind: Dtype,
        weights: NamedArrays | Array | arrays.Carried | None = None,
        *,
        bias: Array | None = None,
        dialect: str | None = None,
        layout: str | None = None,
        seed: int | None = None,
        keep: Sequence[str] = (),
        keep_all: bool = False,
        memory: int = MEMORY,
        others: Mapping[str, Array] | None = None,
        output: str | None = None,
        fuse: bool = False,
    ):
        """`weights` are arrays by name, or a single one for the only layer with weights; `keep` names layers.

        Without `weights`, those of the network's own file are used. `others` are the arrays of further inputs, by name.
        `output` names the wanted output, by default the first. With `fuse`, layers are computed together where that is
        faster.

        Raise SpecError or ShapeError, before anything is computed, if the arguments do not fit together.
        """
        self.kind = real(kind, "x")
        shapes = {name: array.shape for name, array in (others or {}).items()}
        self.samples = samples = Samples(network, shape, dialect, layout, shapes)
        for layer in samples.report.layers:
            check_runnable(layer)
        self.weights = _by_name(samples.report, weights, bias, seed)
        without = arrays.without_biases(samples.report.network, self.weights)
        if without is not samples.report.network:
            self.samples = Samples(without, shape, dialect, layout, shapes)
        self.report = self.samples.report
        self.last = _output(self.report, output)
        """The index of the layer whose result is wanted: the first output's, or the named one's."""
        self._seed = seed
        self.give(others or {})
        self._kinds = {name: real(array.dtype, name) for name, array in self.others.items()}
        self._is_loaded = False
        self._drawn = self.kind if self.kind.kind == "f" else np.dtype(np.float32)
        names = [layer.name for layer in self.report.layers]
        self.kept = _kept(names, keep, keep_all)
        self.wants = arrays.wanted(self.report)
        """The arrays that the network needs."""
        arrays.check(self.wants, self.weights, seed)
        _check_bytes(self.report, self.wants, self.weights)
        likes = {want.name: self._like(want) for want in self.wants}
        self.weight_bytes = sum(array.nbytes for array in likes.values())
        results = (*self.kept, self.last)
        self.plan = Program(self.report, self.kind, likes, results, memory, self._kinds, fuse)
        _check_memory(self.plan.working(1), memory)

    def give(self, others: Mapping[str, Array]) -> None:
        """Set the arrays of further inputs, by name. Raise SpecError for a missing one or a different batch."""
        self.others = self.samples.further(others)
        """The network's other inputs, with a batch in front, by name."""

    @property
    def not_needed(self) -> list[str]:
        """The names of given weights that no layer needs."""
        return arrays.unused(self.wants, self.weights)

    def _like(self, want: arrays.Weight) -> Array:
        """Return a placeholder of a weight's shape and dtype that takes no memory."""
        given = self.weights.get(want.name)
        return np.broadcast_to(np.zeros((), self._drawn if given is None else real(given.dtype, want.name)), want.shape)

    def result(self, at: int, count: int) -> tuple[tuple[int, ...], Dtype, tuple[int, ...]]:
        """Return the caller's shape, the dtype, and the shape as samples of a layer's result for `count` samples."""
        step, place = self.plan.steps[at], self.batch_at(at)
        rows = step.rows(count)
        samples = (*step.shape[:place], rows, *step.shape[place:])
        if step.times == 1 and not place and step.batched:
            shape = self.samples.returned(step.shape, count)
        else:
            shape = step.shape if self.samples.batch is None and rows == 1 else samples
        return shape, step.kind, samples

    def batch_at(self, at: int) -> int:
        """Return the position of the batch among the axes of a layer's result."""
        return self.plan.steps[at].layer.traced.fields.batch_at

    def load(self) -> Program:
        """Return the network ready to run; the first call reads or initializes its weights."""
        if not self._is_loaded:
            self.plan.take(arrays.bind(self.wants, self.weights, self._seed, self._drawn))
            self._is_loaded = True
        return self.plan

    def run(self, x: Array, sinks: Mapping[int, Sink], progress: Progress | None = None) -> None:
        """Fill the sinks of the kept layers and the last one, some samples at a time."""
        program = self.load()
        samples = self.samples.split(x)
        try:
            for begin in range(0, len(samples), program.at_once):
                end = min(begin + program.at_once, len(samples))
                parts = {at: self._rows(at, begin, end) for at in sinks}
                targets = {at: sink.part(*parts[at]) for at, sink in sinks.items()}
                others = {name: array[begin:end] for name, array in self.others.items()}
                program.run(samples[begin:end], targets, progress, others)
                for at, sink in sinks.items():
                    sink.done(*parts[at])
                drop(samples, begin, end)
        finally:
            release()

    def _rows(self, at: int, begin: int, end: int) -> tuple[int, int]:
        """Return the range of rows of a layer's result that these samples of the input make."""
        step = self.plan.steps[at]
        return (begin * step.times, end * step.times) if step.batched else (0, step.times)

    def outputs(self, x: Array) -> dict[str, Array]:
        """Return the results of the kept layers and the last one by name, in the caller's shape."""
        count = self.samples.batch or 1
        sinks, back = {}, {}
        for at in sorted({*self.kept, self.last}):
            back[at], kind, samples = self.result(at, count)
            sinks[at] = Memory(samples, kind, self.batch_at(at))
        self.run(x, sinks)
        return {self.report.layers[at].name: sink.array.reshape(back[at]) for at, sink in sinks.items()}


_LOADED = {
    **dict.fromkeys((".h5", ".keras", ".onnx"), "give the file of the whole model as the network"),
    ".safetensors": "load a file first, for example safetensors.numpy.load_file(path)",
}
"""How to read the arrays of files that NumPy does not load, by ending."""


def as_array(value: object, name: str) -> Array:
    """Return a caller's value as an array. Raise SpecError for a masked array, text, and lists of unequal lengths."""
    if isinstance(value, np.ma.MaskedArray):
        raise SpecError(
            (f"{name} is a masked array, but layers do not support masks"),
            f"fill it first, for example {name}.filled(0)",
        )
    if isinstance(value, (str, bytes, PathLike)):
        help = _LOADED.get(splitext(str(value))[1], "load a file first, for example numpy.load(path)")
        raise SpecError(f"{name} is {shown(str(value))}, not an array", help)
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        help = "give a NumPy array, or nested lists of equal lengths"
        raise SpecError(f"{name} cannot be read as an array", help) from None
