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
from .sizes import total

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
VIEWS = frozenset({"flatten", "reshape", "identity", "dropout"})
"""The ops that give what they read without taking memory of their own."""
INPUT = -1


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


class Layer(NamedTuple):
    """The bytes of one layer; None where a number is not known."""

    activations: int | None
    """What it gives, the whole batch; 0 for a view."""
    params: int | None
    """Its trained numbers; 0 where it shares another's."""
    buffers: int | None
    alive: int | None
    """What is there while it runs, of a block at the most."""

    def to_dict(self) -> dict[str, int | None]:
        """The same as JSON."""
        return {f"{name}_bytes": value for name, value in self._asdict().items()}


class Whole(NamedTuple):
    """The bytes of a network; None where a number is not known."""

    dtype: str
    input: int | None
    naive: int | None
    """The sum of what all layers give, views and all, as other tools count it."""
    peak: int | None
    """The most that is there at once, without the parameters."""
    peak_at: str | None
    """The layer that runs then, the first one where there are several."""
    peak_tensors: tuple[tuple[str, int], ...]
    """What is there then: the layers whose results they are, and their bytes."""
    params: int | None
    buffers: int | None

    def to_dict(self) -> dict[str, object]:
        """The same as JSON."""
        return {
            "dtype": self.dtype,
            "input_bytes": self.input,
            "peak_bytes": self.peak,
            "peak_at": self.peak_at,
            "peak_tensors": dict(self.peak_tensors),
            "all_outputs_bytes": self.naive,
            "params_bytes": self.params,
            "buffers_bytes": self.buffers,
        }
