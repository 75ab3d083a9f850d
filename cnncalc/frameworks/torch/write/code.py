"""What a layer is in PyTorch's source: a module that is made once, and how it (or a function) is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ....errors import SpecError
from ....layers.names import TORCH
from ....report import LayerReport
from ....sizes import NOTHING_KNOWN, Shape, Size


class Code(NamedTuple):
    """A layer's source."""

    call: str
    """The expression: `{0}`, `{1}` … are what it reads, `{self}` is its module."""
    module: str | None = None
    """What makes its module; None if it has none."""


def module(text: str) -> Code:
    """A layer that is a module and nothing else."""
    return Code("{self}({0})", text)


def invoke(name: str, *args: object, **kwargs: object) -> str:
    """A call as its source."""
    given = [repr(arg) for arg in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    return f"{name}({', '.join(given)})"


def in_row(*modules: str) -> str:
    """Modules one after another, each on a line of its own."""
    return "\n".join(["nn.Sequential(", *(f"            {text}," for text in modules), "        )"])


def without(keys: dict[str, object], **defaults: object) -> dict[str, object]:
    """Keyword arguments without those that are PyTorch's defaults."""
    return {key: value for key, value in keys.items() if value != defaults.get(key, NOTHING)}


NOTHING = object()


def compact(numbers: Sequence[int]) -> int | tuple[int, ...]:
    """One number for all axes where they are equal."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def order(axes: Sequence[int]) -> str:
    """A permute of these axes."""
    return f".permute({', '.join(map(str, axes))})"


class TorchContext:
    """A layer that is written, its shapes with PyTorch's channels first, whatever the network's layout."""

    def __init__(self, layer: LayerReport):
        self.layer, self.values, self.op = layer, layer.values, layer.op
        self.last = layer.network.layout == "NHWC"
        self.x, self.out = self.first(layer.sample), self.first(layer.traced.out)

    def first(self, sample: Shape) -> Shape:
        """A sample's shape with its channels first."""
        return (sample[-1], *sample[:-1]) if self.last and sample else sample

    def check_known(self) -> None:
        """SpecError for a layer whose shapes are not known."""
        if NOTHING_KNOWN in (self.layer.sample, self.layer.traced.out):
            raise self.refuse("needs to know the output's shape", "give the opaque layer before it its out")

    def named(self, *args: object, op: str | None = None, **values: object) -> str:
        """PyTorch's module for an op (the layer's own), by our keys; those with PyTorch's defaults are left out."""
        name = TORCH[op or self.layer.node.layer.WORD]
        given = {key: value for key, value in values.items() if value != name.defaults.get(key, NOTHING)}
        word = name.word.format(self.nd) if "{}" in name.word else name.word
        return invoke(f"nn.{word}", *args, **name.theirs(given))

    def refuse(self, what: str, help: str | None = None) -> SpecError:
        """The error for what PyTorch cannot say of this layer."""
        error = SpecError(f"PyTorch {what}", help)
        error.layer = self.layer.node.label()
        return error

    @property
    def nd(self) -> int:
        """The number of spatial axes, from one to three."""
        nd = len(self.x) - 1
        if not 1 <= nd <= 3:
            raise self.refuse(f"has no {self.op} over {nd} axes")
        return nd

    def known(self, size: Size, what: str = "its channels") -> int:
        """A size that has to be a number in PyTorch's source."""
        if not isinstance(size, int):
            raise self.refuse(f"needs {what} as a number, not {size}", "give the input's sizes")
        return size

    @property
    def c(self) -> int:
        """The number of input channels."""
        return self.known(self.x[0])

    @property
    def dims(self) -> list[int]:
        """PyTorch's numbers for the axes that the layer's keys name, the batch being 0."""
        rank, axes = len(self.x), self.layer.traced.axes
        return [axis % rank + 1 if self.last else axis for axis in axes]

    def own(self, rank: int) -> str:
        """What turns a value of this rank into the network's own order of axes; nothing where it is PyTorch's."""
        return order([0, *range(2, rank + 1), 1]) if self.last and rank > 1 else ""

    def back(self, rank: int) -> str:
        """What turns it back."""
        return order([0, rank, *range(1, rank)]) if self.last and rank > 1 else ""


TorchWriter = Callable[[TorchContext], Code]


def padded(pairs: Sequence[tuple[int, int]], value: Any = 0) -> str:
    """A call of F.pad on `{0}`: PyTorch names the last axis first."""
    sides = ", ".join(str(side) for pair in reversed(pairs) for side in pair)
    more = "" if value == 0 else f", value={value if isinstance(value, str) else repr(value)}"
    return f"F.pad({{0}}, ({sides}){more})"
