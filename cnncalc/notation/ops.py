"""The description of an op, from the tables that the reader, the JSON Schema and the completion use."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..dialects import DIALECTS, PADDING_WORDS, Dialect
from ..errors import CnncalcError
from ..layers import FAMILIES, OPS, Layer, find_op, spellings, title, unknown_op
from ..layers.keys import FORMS, KEEP, WORDS, Schema, sides, signed_sides
from ..layers.sliding import Windowed
from ..sizes import parse_shape, to_json
from ..trace import shape
from .arguments import FLAGS
from .schema import OpSchema, help_of
from .words import read_words

SAMPLE: dict[int | None, str] = {None: "16x32x32", 1: "16x32", 2: "16x32x32", 3: "16x32x32x32"}
"""The input of an example by the number of spatial axes."""


class KeyDescription(NamedTuple):
    """A key of an op."""

    name: str
    takes: str
    """The accepted values in words: `whole number, or one per axis`."""
    default: Any
    """The default; None if it follows from the input, the dialect or another key."""
    needed: bool
    help: str
    also: list[str]
    """Other names that are read as this key."""
    by_dialect: dict[str, Any]
    """The default under each dialect, where dialects differ; empty otherwise."""


class OpDescription(NamedTuple):
    """An op with its keys."""

    name: str
    title: str
    axes: int | None
    """The number of spatial axes it works on; None for any number."""
    words: list[str]
    """The op's words for all numbers of axes: `conv conv1d conv3d`."""
    also: list[str]
    """Other words that are read as this op, in lower case."""
    keys: list[KeyDescription]
    bare: str | None
    """The key that a bare number at the front of a layer word stands for."""
    flags: list[str]
    example: list[str]
    """The words of a network that uses the op: an input, then layers."""


def by_family() -> dict[str, list[OpDescription]]:
    """Return every op by family; ops that differ only in their number of axes are listed once, for two axes."""
    return {family: [describe(op) for op in ops if op == OPS[op][0].WORD] for family, ops in FAMILIES.items()}


def describe(word: str) -> OpDescription:
    """Return the description of an op, in any spelling of it. Raise SpecError if there is no such op."""
    op = find_op(word)
    if op is None:
        raise unknown_op(word)
    cls, nd = OPS[op]
    names = OpSchema(op).names
    example = [SAMPLE[nd], *cls.EXAMPLE.replace("OP", op).split()]
    by_dialect = _defaults_by_dialect(cls, example)
    keys = [
        KeyDescription(
            key,
            takes(cls, nd, key),
            None if key in cls.DERIVED or key in by_dialect else getattr(cls, key, None),
            key in cls.NEEDED,
            help_of(cls, key),
            names[key][1:],
            by_dialect.get(key, {}),
        )
        for key in cls.KEYS
    ]
    words = [other for other in OPS if OPS[other][0].WORD == cls.WORD]
    also = [spelling for spelling in spellings(op)[0] if spelling != op.lower()]
    return OpDescription(op, title(op), nd, words, also, keys, cls.BARE, flags_of(cls, nd), example)


def takes(cls: type[Layer], nd: int | None, key: str) -> str:
    """Return in words what a key accepts: `number`, `true or false`, or a list of words."""
    reader = cls.KEYS[key]
    if reader in (sides, signed_sides):
        return ", ".join(["integers", *padding_words(cls, nd)])
    if reader in WORDS:
        return ", ".join(WORDS[reader])
    form: Schema = FORMS[reader][1](nd or 2)
    kind, *more = form["type"] if isinstance(form["type"], list) else [form["type"]]
    if kind == "string":
        return "shape" if more else "text"
    said = {"boolean": "true or false", "array": "list of layers"}.get(str(kind), str(kind))
    return f"{said}, or one per axis" if "maxItems" in form else f"{said}, or a list" if more else said


def padding_words(cls: type[Layer], nd: int | None) -> tuple[str, ...]:
    """Return the padding words that a layer of `nd` axes accepts under at least one dialect."""
    words = getattr(Dialect, cls.DIALECT_WORDS) if issubclass(cls, Windowed) else ()
    return tuple([word for word in PADDING_WORDS if word in words and (word != "causal" or nd == 1)])


def flags_of(cls: type[Layer], nd: int | None) -> list[str]:
    """Return the flags that a layer word of this op may have, such as `nobias` or `same`."""
    words = padding_words(cls, nd) if "p" in cls.KEYS else ()
    return [
        flag for flag, (key, value) in FLAGS.items() if (flag in words if isinstance(value, str) else key in cls.KEYS)
    ]


def _defaults_by_dialect(cls: type[Layer], example: list[str]) -> dict[str, dict[str, Any]]:
    """Return the keys whose default differs between dialects, with the value each dialect resolves in the example."""
    sizes, *words = example
    network = read_words(words)
    *before, last = network.nodes
    needed = {key: value for key, value in last.layer.given.items() if key in cls.NEEDED}
    bare = last._replace(layer=cls(last.layer.op, last.layer.nd, needed))
    network = network._replace(nodes=(*before, bare), input=parse_shape(sizes))
    resolved: dict[str, dict[str, Any]] = {}
    for name in DIALECTS:
        try:
            values = shape(network, dialect=name, layout="NCHW").layers[-1].values
        except CnncalcError:
            continue
        for key in cls.KEYS.keys() - needed.keys():
            value = values.get(key)
            if key == "s" and value == values.get("k"):
                value = "k"
            elif value == KEEP:  # the meaning of `true` under this dialect without padding
                value = True
            resolved.setdefault(key, {})[name] = _short(value)
    return {key: values for key, values in resolved.items() if len(set(map(repr, values.values()))) > 1}


def _short(value: Any) -> Any:
    """Return a resolved value as it would be written: one number if all axes are equal."""
    if isinstance(value, (list, tuple)) and len(set(value)) == 1:
        return value[0]
    return to_json(value) if isinstance(value, tuple) else value
