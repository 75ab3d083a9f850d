"""What a layer is in PyTorch's source: a module that is made once, and how it (or a function) is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ....errors import SpecError
from ....report import LayerReport
from ....sizes import NOTHING_KNOWN, Shape, Size


class Code(NamedTuple):
    """A layer's source."""

    call: str
    """The expression: `{0}`, `{1}` … are what it reads, `{self}` is its module."""
    module: str | None = None
    """What makes its module; None where it has none."""


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


class Site:
    """A layer with what its source needs to know. PyTorch's channels come first, whatever the network's layout."""

    def __init__(self, layer: LayerReport):
        self.layer, self.values, self.op = layer, layer.values, layer.op
        self.last = layer.network.layout == "NHWC"
        self.x, self.out = self.first(layer.sample), self.first(layer.traced.out)

    def first(self, sample: Shape) -> Shape:
        """A sample's shape with its channels first."""
        return (sample[-1], *sample[:-1]) if self.last and sample else sample

    def refuse(self, what: str, help: str | None = None) -> SpecError:
        """The error for what PyTorch cannot say of this layer."""
        error = SpecError(f"PyTorch {what}", help)
        error.layer = self.layer.node.label()
        return error

    @property
    def nd(self) -> int:
        """How many spatial axes arrive, at least one and at most three."""
        nd = len(self.x) - 1
        if not 1 <= nd <= 3:
            raise self.refuse(f"has no {self.op} over {nd} axes")
        return nd

    def known(self, size: Size, what: str = "its channels") -> int:
        """A size that has to be a number in PyTorch's source."""
        if not isinstance(size, int):
            raise self.refuse(f"wants {what} as a number, and it is open ({size})", "give the input's sizes")
        return size

    @property
    def c(self) -> int:
        """The channels that arrive."""
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


def check_known(site: Site) -> None:
    """SpecError for a layer of which nothing is known."""
    if NOTHING_KNOWN in (site.layer.sample, site.layer.traced.out):
        raise site.refuse("needs to know what comes out", "give the opaque layer before it its out")


Emitter = Callable[[Site], Code]
EMITTERS: dict[str, Emitter] = {}


def emits(*ops: str) -> Callable[[Emitter], Emitter]:
    """Note the source of ops; one word serves its 1d and 3d too."""

    def note(function: Emitter) -> Emitter:
        EMITTERS.update(dict.fromkeys(ops, function))
        return function

    return note


def code_of(layer: LayerReport) -> Code:
    """The source of a layer. SpecError with its name for what PyTorch cannot say."""
    site = Site(layer)
    check_known(site)
    word = layer.node.layer.WORD
    if word not in EMITTERS:
        raise site.refuse(f"has no {layer.op} that is known here", "take the layer out, or write its module yourself")
    return EMITTERS[word](site)


def padded(pairs: Sequence[tuple[int, int]], value: Any = 0) -> str:
    """A call of F.pad on `{0}`: PyTorch names the last axis first."""
    sides = ", ".join(str(side) for pair in reversed(pairs) for side in pair)
    more = "" if value == 0 else f", value={value if isinstance(value, str) else repr(value)}"
    return f"F.pad({{0}}, ({sides}){more})"
