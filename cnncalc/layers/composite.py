"""Layers that stand for more than an op: a nested model, and a layer that cnncalc does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import SpecError, shown
from ..sizes import MOST_SIZES, NOTHING_KNOWN, Shape, read_shape, to_json
from .base import Env, Fields, Layer, Sign, Traced, ops, unseen
from .keys import Schema, takes, whole, whole_form


@takes("nested-layers", lambda _: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/layer"}})
def nested(value: object, nd: int | None) -> object:
    """A list of layers; the spec's reader reads and wires them."""
    if isinstance(value, (list, tuple)) and value:
        return value
    raise SpecError(f"{shown(value)} is not a list of layers", 'as [{"op": "relu"}]')


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


def shape_form(nd: int | None) -> Schema:
    """A shape: its sizes, or a text of them."""
    size = {**whole_form(), "type": ["integer", "string", "null"], "pattern": "^[A-WYZa-wyz]$"}
    return {"type": ["string", "array"], "pattern": SHAPE, "items": size, "minItems": 1, "maxItems": MOST_SIZES}


_SIZE = "(0*[1-9][0-9]{0,18}|[A-WYZa-wyz])"
SHAPE = f"^ *{_SIZE}([xX×,]{_SIZE}){{0,{MOST_SIZES - 1}}} *$"


@takes("whole-shape", shape_form)
def sizes(value: object, nd: int | None) -> tuple[int | str | None, ...]:
    """A shape without the batch as JSON holds it, its sizes numbers, letters or null."""
    return tuple(to_json(read_shape(value)) or ())


@takes("text", lambda _: {"type": "string", "maxLength": 255})
def text(value: object, nd: int | None) -> str:
    """Any printable text."""
    if isinstance(value, str) and value.isprintable() and len(value) <= 255:
        return value
    raise SpecError(f"{shown(value)} is not a printable text of at most 255 characters")


@takes("count", lambda _: whole_form(0))
def counts(value: object, nd: int | None) -> int:
    """A whole number from 0 on."""
    return whole(value, 0)


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
    KEYS = {"type": text, "out": sizes, "params": counts, "buffers": counts, "macs": counts}
    HELP = {
        "type": "The layer's type in the file that it comes from.",
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

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Traced:
        out = NOTHING_KNOWN if self.out is None else read_shape(self.out)
        seen = unseen(fields[0]) if len(out) == len(fields[0]) + 1 else ()
        bias = None if self.params is None else 0
        return Traced(dict(self.given), out, seen, self.params, bias, self.buffers, self.macs)


OPS = ops(Block, Opaque)
