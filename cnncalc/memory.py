"""How many bytes a network's tensors take, and how many of them have to be there at once.

Layers run one after another. What a layer gives is there until the last layer that reads it has run, the network's
input as well; what nothing reads (the network's outputs) stays to the end. While a layer runs, what it reads and what
it gives are both there: nothing is computed in place. Flatten, reshape, identity and dropout (in inference) give what
they read, in another form, and take nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .errors import SpecError, nearest, shown
from .network import INPUT
from .report import LayerMemory, LayerReport, NetworkMemory, Report, summed
from .sizes import NOTHING_KNOWN, Shape, count, total

DTYPES = {
    "float32": 4,
    "float64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float8": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
}
"""How many bytes a number takes."""


def itemsize(dtype: str) -> int:
    """How many bytes a number of a dtype takes. SpecError for a dtype that there is not."""
    if dtype.lower() in DTYPES:
        return DTYPES[dtype.lower()]
    raise SpecError(f"unknown dtype {shown(dtype)}", nearest(dtype, DTYPES) or f"the dtypes are {', '.join(DTYPES)}")


class Step(NamedTuple):
    """A layer in the order of execution."""

    reads: tuple[int, ...]
    """The indices of the steps it reads, INPUT for the network's input."""
    size: int | None
    """How many bytes its result has; None where that is not known."""
    is_view: bool = False
    """Whether its result is what it reads, in another form."""


class Alive(NamedTuple):
    """What is there while a step runs."""

    size: int | None
    """In bytes; None where the size of one of them is not known."""
    tensors: tuple[int, ...]
    """The steps whose results they are, INPUT for the network's input."""


def owners(steps: Sequence[Step]) -> list[int]:
    """Whose memory each step's result stands in: its own index, or for a view that of what it is a view of."""
    found: list[int] = []
    for at, step in enumerate(steps):
        if not step.is_view:
            found.append(at)
        else:
            found.append(INPUT if step.reads[0] == INPUT else found[step.reads[0]])
    return found


def last_uses(steps: Sequence[Step], outputs: Sequence[int]) -> dict[int, int]:
    """The last step during which each tensor is there; `outputs` are steps whose results stay to the end."""
    owner = owners(steps)
    found = {INPUT: INPUT}
    for at, step in enumerate(steps):
        found.setdefault(owner[at], at)
        for read in step.reads:
            found[INPUT if read == INPUT else owner[read]] = at
        found[owner[at]] = at
    return found | {owner[at]: len(steps) for at in outputs}


def sweep(input: int | None, steps: Sequence[Step], outputs: Sequence[int]) -> list[int | None]:
    """How many bytes are there while each step runs; None where one of them is not known."""
    owner, last = owners(steps), last_uses(steps, outputs)
    ending: dict[int, list[int]] = {}
    for tensor, at in last.items():
        ending.setdefault(at, []).append(tensor)
    sizes = {INPUT: input, **{at: step.size for at, step in enumerate(steps)}}
    known, unknown = (input or 0), int(input is None)
    found: list[int | None] = []
    for at in range(len(steps)):
        for gone in ending.get(at - 1, ()):
            known, unknown = known - (sizes[gone] or 0), unknown - (sizes[gone] is None)
        if owner[at] == at:
            known, unknown = known + (sizes[at] or 0), unknown + (sizes[at] is None)
        found.append(None if unknown else known)
    return found


def alive(input: int | None, steps: Sequence[Step], outputs: Sequence[int], at: int) -> Alive:
    """The tensors that are there while one step runs."""
    last = last_uses(steps, outputs)
    tensors = sorted(tensor for tensor, end in last.items() if tensor <= at <= end)
    return Alive(total([input if tensor == INPUT else steps[tensor].size for tensor in tensors]), tuple(tensors))


def measure(report: Report, dtype: str) -> Report:
    """The report with its bytes, every number of it in one dtype. SpecError for a dtype that there is not."""
    each = itemsize(dtype)
    steps: list[Step] = []
    names: list[str] = []
    spans = _flatten(report.layers, INPUT, each, steps, names, "")
    assert report.network.input is not None
    fed = size_of(report.network.input, each)
    outputs = [spans[at][1] for at in _unread(report.layers)]
    during = sweep(fed, steps, outputs)
    _note(report.layers, spans, during, each, shared=False)
    known = [size for size in during if size is not None]
    peak = max(known) if len(known) == len(during) else None
    at = None if peak is None else during.index(peak)
    there = () if at is None else alive(fed, steps, outputs, at).tensors
    return report._replace(
        memory=NetworkMemory(
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
            steps.append(Step(reads, size_of(layer.out, each), layer.node.layer.VIEW))
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
        own = 0 if layer.node.layer.VIEW else size_of(layer.out, each)
        tied = shared or layer.node.tie is not None
        params, buffers = (0 if tied else _bytes(figure, each) for figure in (layer.params, layer.buffers))
        most = max(known) if len(known) == len(there) else None
        layer.memory = LayerMemory(own, params, buffers, most)
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
