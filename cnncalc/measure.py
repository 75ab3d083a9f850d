"""The bytes of a report: of each layer, and of what is there at once while the layers run."""

from __future__ import annotations

from collections.abc import Sequence

from . import memory
from .memory import INPUT, VIEWS, Step
from .sizes import NOTHING_KNOWN, Shape, count, total
from .trace import LayerReport, Report, summed


def measure(report: Report, dtype: str) -> Report:
    """The report with its bytes, every number of it in one dtype. SpecError for a dtype that there is not."""
    each = memory.itemsize(dtype)
    steps: list[Step] = []
    names: list[str] = []
    spans = _flatten(report.layers, INPUT, each, steps, names, "")
    assert report.network.input is not None
    fed = size_of(report.network.input, each)
    outputs = [spans[at][1] for at in _unread(report.layers)]
    during = memory.sweep(fed, steps, outputs)
    _note(report.layers, spans, during, each, shared=False)
    known = [size for size in during if size is not None]
    peak = max(known) if len(known) == len(during) else None
    at = None if peak is None else during.index(peak)
    there = () if at is None else memory.alive(fed, steps, outputs, at).tensors
    return report._replace(
        memory=memory.Whole(
            dtype.lower(),
            fed,
            total([step.size for step in steps]),
            peak,
            None if at is None else names[at],
            tuple(_named(tensor, fed, steps, names) for tensor in there),
            _bytes(summed(report.layers, "params"), each),
            _bytes(summed(report.layers, "buffers"), each),
        )
    )


def _named(tensor: int, fed: int | None, steps: Sequence[Step], names: Sequence[str]) -> tuple[str, int]:
    size = fed if tensor == INPUT else steps[tensor].size
    assert size is not None
    return ("input" if tensor == INPUT else names[tensor]), size


def size_of(shape: Shape, each: int) -> int | None:
    """How many bytes a tensor of a shape has; None where a size is open."""
    return None if shape == NOTHING_KNOWN else _bytes(count(*shape), each)


def _bytes(numbers: int | None, each: int) -> int | None:
    return None if numbers is None else numbers * each


def _unread(layers: Sequence[LayerReport]) -> list[int]:
    read = {at for layer in layers for at in layer.node.reads}
    return [at for at in range(len(layers)) if at not in read]


Span = tuple[int, int]
"""The first and the last step that a layer is made of."""


def _flatten(
    layers: Sequence[LayerReport], fed: int, each: int, steps: list[Step], names: list[str], within: str
) -> list[Span]:
    """Append the steps of layers, blocks opened up; where each layer's stand. `fed` is the step that is their input."""
    spans: list[Span] = []
    for layer in layers:
        reads = tuple([fed if at == INPUT else spans[at][1] for at in layer.node.reads])
        begin = len(steps)
        if layer.inner:
            _flatten(layer.inner, reads[0], each, steps, names, f"{within}{layer.name}.")
        else:
            steps.append(Step(reads, size_of(layer.out, each), layer.op in VIEWS))
            names.append(within + layer.name)
        spans.append((begin, len(steps) - 1))
    return spans


def _note(
    layers: Sequence[LayerReport], spans: Sequence[Span], during: Sequence[int | None], each: int, shared: bool
) -> None:
    """Give each layer its bytes; a block has the most that is there while its own layers run.

    `shared`: the layers stand in a block that has the weights of another.
    """
    for layer, (first, last) in zip(layers, spans, strict=True):
        there = during[first : last + 1]
        known = [size for size in there if size is not None]
        own = 0 if layer.op in VIEWS else size_of(layer.out, each)
        tied = shared or layer.node.tie is not None
        params, buffers = (0 if tied else _bytes(figure, each) for figure in (layer.params, layer.buffers))
        most = max(known) if len(known) == len(there) else None
        layer.memory = memory.Layer(own, params, buffers, most)
        if layer.inner:
            _note(layer.inner, _spans_within(layer, first), during, each, tied)


def _spans_within(layer: LayerReport, first: int) -> list[Span]:
    spans = []
    for inner in layer.inner:
        size = _steps_of(inner)
        spans.append((first, first + size - 1))
        first += size
    return spans


def _steps_of(layer: LayerReport) -> int:
    return sum(map(_steps_of, layer.inner)) if layer.inner else 1
