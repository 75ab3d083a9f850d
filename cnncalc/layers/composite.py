"""Layers that are not ordinary ops: nested models, unknown layers, constants, inputs, and moves of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..axes import join_lost
from ..errors import ShapeError
from ..sizes import NOTHING_KNOWN, UNKNOWN, Count, Shape, count, read_shape
from .base import KERNEL, Env, Fields, Layer, Sign, Start, Trace, ops
from .keys import at_least, flag, nested, number, one_of, sizes, text


class Block(Layer):
    """A nested model: its layers read each other, and `input` is what the block reads."""

    WORD = "block"
    REFUSED = {"onnx_read": "a file has one graph", "torch_read": "reads as its layers one by one"}
    EXAMPLE = 'OP:layers=[{"op":"relu"}]'
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    KEYS = {"layers": nested}
    HELP = {"layers": "The layers of the nested model, in order; input is what the block reads."}
    NEEDED = ("layers",)
    NESTS = True
    layers: Any
    """The nodes of the nested network."""

    @property
    def is_linear(self) -> bool:
        return all(node.layer.is_linear for node in self.layers)


class Opaque(Layer):
    """A layer that cnncalc does not know: its output and its counts are what the spec states."""

    WORD = "opaque"
    REFUSED = {
        "run": "what it computes is unknown",
        **dict.fromkeys(("keras_write", "onnx_write", "torch_write"), "nothing is known about what {} does"),
    }
    EXAMPLE = "OP:out=64x16x16"
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    JOINS = True
    MAKES_AXES = True
    KEYS = {"type": text, "out": sizes, "same": flag, **dict.fromkeys(("params", "buffers", "macs"), at_least(0))}
    HELP = {
        "type": "The layer's type in its file.",
        "out": "The output's shape without the batch; left out if unknown.",
        "same": "Whether its output has the shape of its (first) input; out may then be left out.",
        "params": "The number of its trained parameters; left out if unknown.",
        "buffers": "The number of its values that are stored but not trained; left out if unknown.",
        "macs": "The number of its multiply-accumulates; left out if unknown.",
    }
    type: str | None = None
    out: tuple[int | str | None, ...] | None = None
    same: bool = False
    params: int | None = None
    buffers: int | None = None
    macs: int | None = None

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        out = NOTHING_KNOWN if self.out is None else read_shape(self.out, scalar=True)
        if self.same and xs[0] != NOTHING_KNOWN:
            out = xs[0]
        seen = join_lost(fields, len(out))
        bias = None if self.params is None else 0
        return Trace(dict(self.given), out, seen, self.params, bias, self.buffers, self.macs)


class Source(Layer):
    """The base of layers that read no other layer."""

    VIEW = False
    SIGN = Sign.ANY
    KEEPS_POSITIVE = True
    SOURCE = True
    JOINS = True
    KEYS = {"shape": sizes}
    NEEDED = ("shape",)
    BARE = "shape"
    shape: tuple[int | str | None, ...] = ()

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        out = read_shape(self.shape, scalar=True)
        values = self.values(env)
        return Trace(values, out, Fields((None,) * len(out)), *self.counts(out, values, env))


class ConstantArray(Source):
    """Constant: an array that is part of the network, without a batch; layers read it like another's output."""

    WORD = "constant"
    REFUSED = {"keras_write": "its functions take no weights"}
    EXAMPLE = "OP:16x1x1"
    LINEAR = False
    WEIGHTS: ClassVar[Mapping[str, Start]] = {"weight": KERNEL}
    ADDED = {"value": 0}
    KEYS = {**Source.KEYS, "value": number, "kind": one_of("parameter", "buffer", "constant")}
    HELP = {
        "shape": "The array's shape, without a batch.",
        "value": "The value of all its elements; without it they are stored as an array.",
        "kind": "Whether the array counts as a parameter, as a buffer, or as neither.",
    }
    value: float | None = None
    kind: str = "parameter"

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        return {} if self.value is not None else {"weight": read_shape(self.shape, scalar=True)}

    def counts(self, x: Shape, values: Mapping[str, Any], env: Env) -> tuple[Count, Count, Count]:
        size = count(*x)
        own = {} if self.value is not None else {self.kind: size}
        return own.get("parameter", 0), 0, own.get("buffer", 0)

    def fan_in(self, role: str, shape: tuple[int, ...], values: Mapping[str, Any], env: Env) -> int:
        return 1


class FurtherInput(Source):
    """Input: another input of the network, besides its first; its values are given by its name."""

    WORD = "input"
    EXAMPLE = "OP:16x32x32"
    LINEAR = True
    HELP = {"shape": "Its shape without the batch."}


class BatchAxes(Layer):
    """The base of layers that fold axes into the batch, and unfold them."""

    VIEW = True
    LINEAR = True
    SIGN = Sign.KEPT
    MAKES_AXES = True
    KEYS = {"axes": at_least(1)}
    BARE = "axes"
    axes: int = 1


class ToBatch(BatchAxes):
    """Fold the first axes of a sample into the batch: what follows works on each of them alone (time-distributed)."""

    WORD = "tobatch"
    REFUSED = {"keras_write": "its layers between fold and unfold would each be time-distributed"}
    EXAMPLE = "OP"
    HELP = {"axes": "How many of the first axes are folded into the batch."}

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if self.axes > len(x):
            raise ShapeError(f"axes is {self.axes}, but the sample has {len(x)}", f"lower it to {len(x)}", key="axes")
        return Trace({"axes": self.axes}, x[self.axes :], fields.fold(self.axes, x))

    def unknown(self, fields: Fields) -> Fields:
        return fields.lost(self.axes).fold(self.axes, (UNKNOWN,) * self.axes)


class FromBatch(BatchAxes):
    """Unfold the axes last folded into the batch: they are the first axes of the sample again."""

    WORD = "frombatch"
    REFUSED = {"keras_write": "its layers between fold and unfold would each be time-distributed"}
    EXAMPLE = "tobatch relu OP"
    HELP = {"axes": "How many of the most recently folded axes are unfolded."}

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        have = len(fields.lead)
        if self.axes > have:
            what = f"axes is {self.axes}, but {have or 'no'} axes are folded into the batch"
            raise ShapeError(what, f"lower it to {have}" if have else "fold them first, with tobatch", key="axes")
        sizes = tuple([size for size, _ in fields.lead[have - self.axes :]])
        return Trace({"axes": self.axes}, (*sizes, *x), fields.unfold(self.axes))

    def unknown(self, fields: Fields) -> Fields:
        return fields.unfold(min(self.axes, len(fields.lead))).lost(0)


class MoveBatch(Layer):
    """Move the batch to another axis of a result; for the next layer it is the first again."""

    WORD = "movebatch"
    REFUSED = {"keras": "its batch stays the first axis"}
    EXAMPLE = "OP:1"
    VIEW = False
    LINEAR = True
    SIGN = Sign.KEPT
    KEYS = {"to": at_least(0)}
    HELP = {"to": "The position of the batch: 0 is first."}
    BARE = "to"
    NEEDED = ("to",)
    to: int

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        if self.to > len(x):
            raise ShapeError(f"to is {self.to}, but there are {len(x)} axes besides the batch", key="to")
        return Trace({"to": self.to}, x, fields._replace(batch_at=self.to))


OPS = ops(Block, Opaque, ConstantArray, FurtherInput, ToBatch, FromBatch, MoveBatch)
