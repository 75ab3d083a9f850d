"""What a layer becomes in Keras: one layer or a few in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ....errors import SpecError
from ....report import LayerReport
from ....sizes import Shape

NUMPY, NN = "keras.src.ops.numpy", "keras.src.ops.nn"


class Step(NamedTuple):
    """One Keras layer, or an operation of its modules."""

    kind: str
    """Its class."""
    config: dict[str, Any]
    out: Shape
    """What comes out, without the batch."""
    suffix: str = ""
    """What stands behind the layer's name: the step without one has the layer's own."""
    module: str = "keras.layers"
    more: tuple[Any, ...] = ()
    """Arguments behind what it reads."""


class Known(NamedTuple):
    """What a layer is written from."""

    layer: LayerReport
    not_negative: bool
    """Whether nothing that it reads is below 0."""

    @property
    def channels_last(self) -> bool:
        """Where the channels stand."""
        return self.layer.env.channels_last

    def format(self) -> dict[str, str]:
        """The key that says where the channels stand."""
        return {"data_format": "channels_last" if self.channels_last else "channels_first"}

    def space(self) -> Shape:
        """The spatial sizes that arrive."""
        return self.layer.node.layer.split(self.layer.sample, self.layer.env)[1]

    def spatial_out(self) -> Shape:
        """Those that come out."""
        return self.layer.node.layer.split(self.layer.traced.out, self.layer.env)[1]

    def wider(self, pads: Sequence[tuple[int, int]]) -> Shape:
        """What arrives, wider by these sides."""
        space = tuple([n + (before + after) for n, (before, after) in zip(self.space(), pads, strict=True)])
        return self.with_space(self.layer.sample, space)

    def with_space(self, sample: Shape, space: Shape) -> Shape:
        """A sample with other spatial sizes."""
        return (*space, sample[-1]) if self.channels_last else (sample[0], *space)

    def one(self, kind: str, **config: Any) -> list[Step]:
        """One layer of this class."""
        return [Step(kind, config, self.layer.traced.out)]

    def operation(self, module: str, kind: str, *more: Any, **config: Any) -> list[Step]:
        """One operation of a module."""
        return [Step(kind, config, self.layer.traced.out, "", module, more)]


Make = Callable[[Known], list[Step]]


def refuse(what: str, help: str | None = None, key: str | None = None) -> SpecError:
    """The error for what Keras has no way to say; who writes the layer adds its name."""
    return SpecError(f"Keras cannot say it: {what}", help, key=key)


def border(known: Known, kind: str, pads: Sequence[tuple[int, int]], out: Shape, suffix: str = "") -> Step:
    """A ZeroPadding or a Cropping of as many axes as there are sides."""
    nd = len(pads)
    if nd > 3:
        raise refuse(f"{kind} of {nd} axes")
    if kind == "Cropping" and nd == 1 and not known.channels_last:
        raise refuse("Cropping1D takes channels last")
    key = "padding" if kind == "ZeroPadding" else "cropping"
    form = {} if kind == "Cropping" and nd == 1 else known.format()
    sides = [list(pair) for pair in pads]
    return Step(f"{kind}{nd}D", {key: sides[0] if nd == 1 else sides, **form}, out, suffix)


def padded(known: Known, pads: Sequence[tuple[int, int]]) -> Step:
    """Zeros around what arrives, before the layer itself."""
    return border(known, "ZeroPadding", pads, known.wider(pads), "_pad")


def numbered(known: Known, kind: str, nd: int | None = None) -> str:
    """A class's name with its number of axes. SpecError where Keras has none of so many."""
    nd = len(known.space()) if nd is None else nd
    if not 1 <= nd <= 3:
        raise refuse(f"{kind} of {nd} axes")
    return f"{kind}{nd}D"
