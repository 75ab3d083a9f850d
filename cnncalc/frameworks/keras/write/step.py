"""The Keras layers that a layer is written as: one or a few in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ....errors import SpecError
from ....layers.base import join
from ....layers.names import KERAS
from ....report import LayerReport
from ....sizes import Shape

NUMPY, NN, MATH, CORE = [f"keras.src.ops.{part}" for part in ("numpy", "nn", "math", "core")]


class KerasStep(NamedTuple):
    """One Keras layer or operation."""

    kind: str
    """Its class."""
    config: dict[str, Any]
    out: Shape
    """The output's shape, without the batch."""
    suffix: str = ""
    """The suffix of its name; the step without one has the layer's own name."""
    module: str = "keras.layers"
    more: tuple[Any, ...] = ()
    """Further positional arguments after the inputs."""
    reads: tuple[int | str, ...] | None = None
    """Its inputs: numbers of the layer's inputs or suffixes of earlier steps; None for the previous step, or for all
    inputs."""
    named: Mapping[str, Any] = {}
    """Arguments by name."""


class KerasContext(NamedTuple):
    """A layer to be written, with what is known about its inputs."""

    layer: LayerReport
    not_negative: bool
    """Whether no input has negative values."""

    @property
    def channels_last(self) -> bool:
        """Return whether the channels are the last axis."""
        return self.layer.env.channels_last

    def space(self) -> Shape:
        """Return the input's spatial sizes."""
        return self.layer.node.layer.split(self.layer.sample, self.layer.env)[1]

    def spatial_out(self) -> Shape:
        """Return the output's spatial sizes."""
        return self.layer.node.layer.split(self.layer.traced.out, self.layer.env)[1]

    def wider(self, sample: Shape, pads: Sequence[tuple[int, int]]) -> Shape:
        """Return a sample's shape with its spatial sizes padded by these sides."""
        channels, sizes = self.layer.node.layer.split(sample, self.layer.env)
        space = tuple([n + (before + after) for n, (before, after) in zip(sizes, pads, strict=True)])
        return join(channels, space, self.layer.env)

    def one(self, kind: str, **config: Any) -> list[KerasStep]:
        """Return one layer of this class."""
        return [KerasStep(kind, config, self.layer.traced.out)]

    def named(self, op: str | None = None, config: Mapping[str, Any] | None = None, **values: Any) -> list[KerasStep]:
        """Return one layer of Keras's class for an op (by default the layer's own), from the values of our keys.

        `values` override the layer's; `config` has further arguments for Keras.
        """
        op = op or self.layer.node.layer.WORD
        name = KERAS[op]
        kind, more = name.word, dict(config or {})
        if "{}" in kind:
            nd = len(self.space())
            if not 1 <= nd <= 3:
                raise inexpressible(f"{kind.replace('{}D', '')} of {nd} axes")
            kind = kind.format(nd)
            if nd > 1 or op not in ("crop", "upsample"):
                more["data_format"] = "channels_last" if self.channels_last else "channels_first"
            elif not self.channels_last:
                raise inexpressible(f"{kind} takes channels last")
        return self.one(kind, **name.theirs({**self.layer.values, **values}), **more)

    def operation(self, module: str, kind: str, *more: Any, **config: Any) -> list[KerasStep]:
        """Return one operation of a module."""
        return [KerasStep(kind, config, self.layer.traced.out, "", module, more)]


KerasWriter = Callable[[KerasContext], list[KerasStep]]


def inexpressible(what: str, help: str | None = None, key: str | None = None) -> SpecError:
    """Return the error for what Keras cannot express; the caller adds the layer's name."""
    return SpecError(f"Keras cannot express this: {what}", help, key=key)


def border(context: KerasContext, op: str, pads: Sequence[tuple[int, int]], out: Shape, suffix: str = "") -> KerasStep:
    """Return a ZeroPadding or Cropping (`op` is pad or crop) with a pair of sides for each axis."""
    sides = [list(pair) for pair in pads]
    (step,) = context.named(op, p=sides[0] if len(sides) == 1 else sides)
    return step._replace(out=out, suffix=suffix)


def padded(context: KerasContext, pads: Sequence[tuple[int, int]]) -> KerasStep:
    """Return zero padding of the input, before the layer itself."""
    return border(context, "pad", pads, context.wider(context.layer.sample, pads), "_pad")
