"""The bytes that a network's tensors take, and how many of them have to be in memory at once.

Layers run one after another. A layer's output stays in memory until the last layer that reads it has run, as does the
network's input; what nothing reads (the network's outputs) stays to the end. While a layer runs, its inputs and its
output are both in memory: nothing is computed in place. The output of a view (a flatten, say) is its input in another
form, and takes no memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .errors import SpecError, nearest, shown
from .measures import LayerMemory, NetworkMemory
from .network import INPUT
from .report import LayerReport, Report
from .sizes import NOTHING_KNOWN, Count, Shape, count, known, total

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
"""The bytes per number of each dtype."""


_MEANT = {"half": "float16", "fp16": "float16", "f16": "float16", "float": "float32", "single": "float32"}
_MEANT |= {"fp32": "float32", "f32": "float32", "double": "float64", "fp64": "float64", "bf16": "bfloat16"}
_MEANT |= {"fp8": "float8", "int": "int32", "long": "int64", "byte": "int8", "i8": "int8", "u8": "uint8"}
"""Other names of the dtypes."""


def dtype_named(dtype: object) -> str:
    """Return the name of a dtype, given as a name or as a NumPy dtype. Raise SpecError for an unknown one."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", getattr(dtype, "__name__", None))
    if isinstance(name, str) and name.lower() in DTYPES:
        return name.lower()
    meant = _MEANT.get(name.lower()) if isinstance(name, str) else None
    help = f"did you mean '{meant}'?" if meant else nearest(name, DTYPES) if isinstance(name, str) else None
    raise SpecError(f"unknown dtype {shown(name or dtype)}", help or f"the dtypes are {', '.join(DTYPES)}")


def itemsize(dtype: object) -> int:
    """Return the bytes per number of a dtype. Raise SpecError for an unknown one."""
    return DTYPES[dtype_named(dtype)]


class MemoryStep(NamedTuple):
    """A layer in the order of execution."""

    reads: tuple[int, ...]
    """The indices of the steps it reads; INPUT for the network's input."""
    size: int | None
    """The bytes of its result; None if not known."""
    is_view: bool = False
    """Whether its result is a view of what it reads."""


def owners(steps: Sequence[MemoryStep]) -> list[int]:
    """Return the step whose memory holds each step's result: its own index, or for a view its input's."""
    owner: dict[int, int] = {INPUT: INPUT}
    for at, step in enumerate(steps):
        owner[at] = owner[step.reads[0]] if step.is_view else at
    return [owner[at] for at in range(len(steps))]


def last_uses(steps: Sequence[MemoryStep], outputs: Sequence[int]) -> dict[int, int]:
    """Return the last step during which each tensor is in memory; `outputs` are steps whose results stay to the end."""
    owner = [*owners(steps), INPUT]  # INPUT is -1, the last place
    last = {INPUT: INPUT}
    for at, step in enumerate(steps):
        last[owner[at]] = at
        for read in step.reads:
            last[owner[read]] = at
    return last | {owner[at]: len(steps) for at in outputs}


def sweep(input: int | None, steps: Sequence[MemoryStep], outputs: Sequence[int]) -> list[int | None]:
    """Return the bytes in memory while each step runs; None if a tensor's size is not known."""
    owner, last = owners(steps), last_uses(steps, outputs)
    ending: dict[int, list[int]] = {}
    for tensor, at in last.items():
        ending.setdefault(at, []).append(tensor)
    sizes = {INPUT: input, **{at: step.size for at, step in enumerate(steps)}}
    sure, unknown = (input or 0), int(input is None)
    during: list[int | None] = []
    for at in range(len(steps)):
        for gone in ending.get(at - 1, ()):
            sure, unknown = sure - (sizes[gone] or 0), unknown - (sizes[gone] is None)
        if owner[at] == at:
            sure, unknown = sure + (sizes[at] or 0), unknown + (sizes[at] is None)
        during.append(None if unknown else sure)
    return during


def alive(steps: Sequence[MemoryStep], outputs: Sequence[int], at: int) -> list[int]:
    """Return the steps whose results are in memory while step `at` runs; INPUT for the network's input."""
    return sorted(tensor for tensor, end in last_uses(steps, outputs).items() if tensor <= at <= end)


class ReportSteps:
    """The steps of a report's layers, with the layers of blocks in place of the blocks."""

    def __init__(self, report: Report, each: int):
        """`each` is the bytes per number."""
        self._each = each
        self.steps: list[MemoryStep] = []
        self.names: list[str] = []
        self.spans: dict[LayerReport, tuple[int, int]] = {}
        """The first and last step of each layer; they differ for a block."""
        self._add(report.layers, INPUT, "")

    def _add(self, layers: Sequence[LayerReport], input: int, within: str) -> None:
        """Append the steps of these layers; `input` is the step they read as their input."""
        for layer in layers:
            reads = tuple([input if at == INPUT else self.spans[layers[at]][1] for at in layer.node.reads])
            begin = len(self.steps)
            if layer.inner:
                self._add(layer.inner, reads[0], f"{within}{layer.name}.")
            else:
                size = _bytes(layer.values_made, self._each)
                self.steps.append(MemoryStep(reads, size, layer.node.layer.VIEW))
                self.names.append(within + layer.name)
            self.spans[layer] = begin, len(self.steps) - 1

    def note(self, layers: Sequence[LayerReport], during: Sequence[int | None], shared: bool = False) -> None:
        """Set the bytes of each layer; `during` has the bytes in memory at each step.

        `shared` says that the layers belong to a block that uses another block's weights.
        """
        for layer in layers:
            first, last = self.spans[layer]
            is_view, tied = layer.node.layer.VIEW, shared or layer.node.tie is not None
            made = 0 if is_view else self.steps[last].size
            numbers = [_bytes(figure, self._each) for figure in (layer.params, layer.buffers)]
            params, buffers = (0, 0) if tied else numbers
            if layer.inner:
                self.note(layer.inner, during, tied)
                moved = known(total([None if one.memory is None else one.memory.moved for one in layer.inner]))
                most = _most(during[first : last + 1])
            else:
                most = during[last]
                read = _bytes(layer.values_read, self._each)
                moved = 0 if is_view else known(total([read, made, *numbers]))
            layer.memory = LayerMemory(made, params, buffers, most, moved)


def measure(report: Report, dtype: object) -> Report:
    """Return the report with its bytes for one dtype (a name or a NumPy dtype).

    Raise SpecError for an unknown dtype.
    """
    name, each = dtype_named(dtype), itemsize(dtype)
    order = ReportSteps(report, each)
    steps, names = order.steps, order.names
    input = size_of(report.x, each)
    outputs = [order.spans[layer][1] for layer in report.outputs()]
    during = sweep(input, steps, outputs)
    order.note(report.layers, during)
    peak = _most(during)
    at = None if peak is None else during.index(peak)
    tensors = [] if at is None else alive(steps, outputs, at)
    measured = Report(report.network, report.batch, report.sample, report.layers)
    measured.memory = NetworkMemory(
        name,
        input,
        known(total([step.size for step in steps])),
        peak,
        None if at is None else names[at],
        tuple([("input", input or 0) if n == INPUT else (names[n], steps[n].size or 0) for n in tensors]),
        _bytes(report.params, each),
        _bytes(report.buffers, each),
    )
    return measured


def _most(sizes: Sequence[int | None]) -> int | None:
    """Return the largest size; None if one is not known."""
    found = [size for size in sizes if size is not None]
    return max(found) if len(found) == len(sizes) else None


def size_of(shape: Shape, each: int) -> int | None:
    """Return the bytes of a tensor of this shape at `each` bytes per number; None if a size is open."""
    return None if shape == NOTHING_KNOWN else _bytes(count(*shape), each)


def _bytes(numbers: Count, each: int) -> int | None:
    number = known(numbers)
    return None if number is None else number * each
