"""The PyTorch source of one layer: the module made in `__init__`, and the call of it or of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ....errors import SpecError
from ....layers.names import TORCH
from ....report import LayerReport
from ....sizes import Size


class Code(NamedTuple):
    """A layer's source."""

    call: str
    """The expression: `{0}`, `{1}` … are the layer's inputs, `{self}` is its module."""
    module: str | None = None
    """The expression that makes its module; None if it has none."""


def module(text: str) -> Code:
    """Return the source of a layer that just calls its module."""
    return Code("{self}({0})", text)


def invoke(name: str, *args: object, **kwargs: object) -> str:
    """Return a call as source."""
    given = [repr(arg) for arg in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    return f"{name}({', '.join(given)})"


def listed(name: str, *args: str) -> str:
    """Return a call as source, with each argument on its own line."""
    return "\n".join([f"{name}(", *(f"    {text}," for text in args), ")"])


def compact(numbers: Sequence[Any]) -> Any:
    """Return one number if all are equal, otherwise a tuple."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def order(axes: Sequence[int]) -> str:
    """Return a permute to these axes, as a suffix of an expression."""
    return f".permute({', '.join(map(str, axes))})"


def inexpressible(what: str, help: str | None = None) -> SpecError:
    """Return the error for a property of a layer that PyTorch cannot express."""
    return SpecError(f"PyTorch {what}", help)


class TorchContext:
    """A layer to be written, with shapes in PyTorch's order (channels first) for any layout of the network."""

    def __init__(self, layer: LayerReport):
        self.layer, self.node, self.values, self.op = layer, layer.node, layer.values, layer.op
        self.last = layer.network.layout == "NHWC"
        self.x, self.out = [
            (*shape[-1:], *shape[:-1]) if self.last else shape for shape in (layer.sample, layer.traced.out)
        ]

    def named(self, *args: object, op: str | None = None, more: Mapping[str, object] = {}, **values: object) -> str:
        """Return a call of PyTorch's module for an op, by default the layer's own.

        `values` are given by our keys, and PyTorch's defaults are left out; `more` are given by PyTorch's names.
        """
        name = TORCH[op or self.node.layer.WORD]
        given = {key: value for key, value in values.items() if key not in name.defaults or value != name.defaults[key]}
        word = name.word.format(self.nd) if "{}" in name.word else name.word
        return invoke(f"nn.{word}", *args, **name.theirs(given), **more)

    @property
    def nd(self) -> int:
        """The number of axes in a module's name, from one to three; features without space count as one axis."""
        nd = max(len(self.x) - 1, 1)
        if nd > 3:
            raise inexpressible(f"has no {self.op} over {nd} axes")
        return nd

    def known(self, size: Size, what: str = "its channels") -> int:
        """Return a size that PyTorch's source needs as a number. Raise SpecError if it is open."""
        if not isinstance(size, int):
            raise inexpressible(f"needs {what} as a number, not {size}", "give the input's sizes")
        return size

    @property
    def c(self) -> int:
        """The number of input channels. Raise SpecError if it is open."""
        return self.known(self.x[0])

    @property
    def dims(self) -> list[int]:
        """PyTorch's numbers for the axes that the layer's keys name, with the batch as 0."""
        return [axis % len(self.x) + 1 if self.last else axis for axis in self.layer.traced.axes]

    def own(self, rank: int) -> str:
        """Return the permute from PyTorch's to the network's order of axes; empty if they are the same."""
        return order([0, *range(2, rank + 1), 1]) if self.last and rank > 1 else ""

    def back(self, rank: int) -> str:
        """Return the permute from the network's order of axes to PyTorch's; empty if they are the same."""
        return order([0, rank, *range(1, rank)]) if self.last and rank > 1 else ""


TorchWriter = Callable[[TorchContext], Code]
"""Return the source of a layer. SpecError for what PyTorch cannot express."""


def padded(pairs: Sequence[tuple[int, int]], value: Any = 0) -> str:
    """Return a call of F.pad on `{0}`: PyTorch names the last axis first."""
    sides = ", ".join(str(side) for pair in reversed(pairs) for side in pair)
    more = "" if value == 0 else f", value={value if isinstance(value, str) else repr(value)}"
    return f"F.pad({{0}}, ({sides}){more})"
