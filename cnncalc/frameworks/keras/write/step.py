"""What a layer becomes in Keras: one layer or a few in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ....errors import SpecError
from ....layers.names import KERAS
from ....report import LayerReport
from ....sizes import Shape

NUMPY, NN = "keras.src.ops.numpy", "keras.src.ops.nn"


class KerasStep(NamedTuple):
    """One Keras layer, or an operation of its modules."""

    kind: str
    """Its class."""
    config: dict[str, Any]
    out: Shape
    """The output's shape, without the batch."""
    suffix: str = ""
    """Ends the layer's name; the step without one has the layer's own."""
    module: str = "keras.layers"
    more: tuple[Any, ...] = ()
    """Arguments after what it reads."""


class KerasContext(NamedTuple):
    """A layer that is written, and what is known where it stands."""

    layer: LayerReport
    not_negative: bool
    """Whether nothing that it reads is below 0."""

    @property
    def channels_last(self) -> bool:
        """Whether the channels are the last axis."""
        return self.layer.env.channels_last

    def format(self) -> dict[str, str]:
        """The configuration's key for where the channels are."""
        return {"data_format": "channels_last" if self.channels_last else "channels_first"}

    def space(self) -> Shape:
        """The input's spatial sizes."""
        return self.layer.node.layer.split(self.layer.sample, self.layer.env)[1]

    def spatial_out(self) -> Shape:
        """The output's spatial sizes."""
        return self.layer.node.layer.split(self.layer.traced.out, self.layer.env)[1]

    def wider(self, pads: Sequence[tuple[int, int]]) -> Shape:
        """The input's shape, wider by these sides."""
        space = tuple([n + (before + after) for n, (before, after) in zip(self.space(), pads, strict=True)])
        return self.with_space(self.layer.sample, space)

    def with_space(self, sample: Shape, space: Shape) -> Shape:
        """A sample's shape with other spatial sizes."""
        return (*space, sample[-1]) if self.channels_last else (sample[0], *space)

    def one(self, kind: str, **config: Any) -> list[KerasStep]:
        """One layer of this class."""
        return [KerasStep(kind, config, self.layer.traced.out)]

    def named(self, op: str | None = None, config: Mapping[str, Any] | None = None, **values: Any) -> list[KerasStep]:
        """One layer of the class that Keras has for an op (the layer's own), by the values of our keys.

        `values` override the layer's; `config` is what Keras needs beside them.
        """
        name = KERAS[op or self.layer.node.layer.WORD]
        kind, more = name.word, dict(config or {})
        if "{}" in kind:
            nd = len(self.space())
            if not 1 <= nd <= 3:
                raise refuse(f"{kind.format('')} of {nd} axes")
            kind, more = kind.format(nd), more | self.format()
        return self.one(kind, **name.theirs({**self.layer.values, **values}), **more)

    def operation(self, module: str, kind: str, *more: Any, **config: Any) -> list[KerasStep]:
        """One operation of a module."""
        return [KerasStep(kind, config, self.layer.traced.out, "", module, more)]


KerasWriter = Callable[[KerasContext], list[KerasStep]]


def refuse(what: str, help: str | None = None, key: str | None = None) -> SpecError:
    """The error for what Keras cannot express; the writer of the layer adds its name."""
    return SpecError(f"Keras cannot express this: {what}", help, key=key)


def border(
    context: KerasContext, kind: str, pads: Sequence[tuple[int, int]], out: Shape, suffix: str = ""
) -> KerasStep:
    """A ZeroPadding or a Cropping with a pair of sides for each axis."""
    nd = len(pads)
    if nd > 3:
        raise refuse(f"{kind} of {nd} axes")
    if kind == "Cropping" and nd == 1 and not context.channels_last:
        raise refuse("Cropping1D takes channels last")
    key = "padding" if kind == "ZeroPadding" else "cropping"
    form = {} if kind == "Cropping" and nd == 1 else context.format()
    sides = [list(pair) for pair in pads]
    return KerasStep(f"{kind}{nd}D", {key: sides[0] if nd == 1 else sides, **form}, out, suffix)


def padded(context: KerasContext, pads: Sequence[tuple[int, int]]) -> KerasStep:
    """Zeros around the input, before the layer itself."""
    return border(context, "ZeroPadding", pads, context.wider(pads), "_pad")
