"""Layers that stand for more than an op: a nested model, and a layer that cnncalc does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..sizes import NOTHING_KNOWN, Shape, read_shape
from .base import Env, Fields, Layer, Sign, Trace, ops, unseen
from .keys import at_least, nested, sizes, text


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
    """Nodes of a network."""

    @property
    def is_linear(self) -> bool:
        return all(node.layer.is_linear for node in self.layers)


class Opaque(Layer):
    """A layer that cnncalc does not know: it has the output that is written here, and no other figure."""

    WORD = "opaque"
    REFUSED = {
        "run": "what it computes is not known",
        **dict.fromkeys(("keras_write", "onnx_write", "torch_write"), "nothing is known of what {} does"),
    }
    EXAMPLE = "OP:out=64x16x16"
    VIEW = False
    LINEAR = False
    SIGN = Sign.ANY
    JOINS = True
    MAKES_AXES = True
    KEYS = {"type": text, "out": sizes, **dict.fromkeys(("params", "buffers", "macs"), at_least(0))}
    HELP = {
        "type": "The layer's type in its file.",
        "out": "The output's shape without the batch; left out if it is not known.",
        "params": "The number of its trained numbers; left out if it is not known.",
        "buffers": "The number of its numbers that are kept and not trained; left out if it is not known.",
        "macs": "The number of its multiply-accumulates; left out if it is not known.",
    }
    type: str | None = None
    out: tuple[int | str | None, ...] | None = None
    params: int | None = None
    buffers: int | None = None
    macs: int | None = None

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        out = NOTHING_KNOWN if self.out is None else read_shape(self.out)
        seen = unseen(fields[0]) if len(out) == len(fields[0]) + 1 else ()
        bias = None if self.params is None else 0
        return Trace(dict(self.given), out, seen, self.params, bias, self.buffers, self.macs)


OPS = ops(Block, Opaque)
