"""Texts about networks that are not networks: tables of summaries, objects as Python shows them, lists of weights."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import SpecError


class TextKind(NamedTuple):
    """A kind of text that is no network."""

    pattern: str
    """What such a text has among its first characters."""
    what: str
    help: str


LONGEST_HEAD = 2_000
"""In how many characters a text shows what it is."""
_KERAS = "give its source, as net.py, or what model.save('net.keras') or model.to_json() writes"
_TORCH = "give its source, as net.py:Net, or the output of print(module)"
KINDS = (
    TextKind(
        r'\A\s*Model: "|Layer \(type\)\s*(?:┃|Output Shape\s+Param #[^\n]*\n[=_]+\n.*\((?:None|\d+), )',
        "this is the table of Keras's model.summary(), which shows no kernels, strides or padding",
        _KERAS,
    ),
    TextKind(
        r"Layer \(type(?::depth-idx| \(var_name\))",
        "this is a table of torchinfo, which shows no kernels, strides or padding by default",
        _TORCH,
    ),
    TextKind(
        r"Layer \(type\)\s+Output Shape\s+Param #",
        "this is a table of torchsummary, which shows no kernels, strides or padding",
        _TORCH,
    ),
    TextKind(
        r"\|\s*Name\s*\|\s*Type\s*\|",
        "this is a table of Lightning, which shows no kernels, strides or padding",
        _TORCH,
    ),
    TextKind(
        r"\A\s*(?:OrderedDict\(\[\(|\{)'[\w.]+'[:,] (?:tensor|Parameter)",
        "this is a state_dict, which holds weights and says nothing of the layers between them",
        _TORCH,
    ),
    TextKind(
        r"\A\s*<(?:\w+ name=\w+|KerasTensor |[\w.]*keras[\w.]* object at )",
        "this is a Keras object as Python shows it, which says nothing of what is in it",
        _KERAS,
    ),
    TextKind(
        r"\A\s*<(?:class|function|bound method|module) |\A\s*<[\w.]+ object at 0x",
        "this is an object as Python shows it, which says nothing of what is in it",
        _TORCH,
    ),
)


def named(text: str) -> SpecError | None:
    """Return the error for a text that is about a network and is none; None for any other text."""
    head = text[:LONGEST_HEAD]
    kind = next((one for one in KINDS if re.search(one.pattern, head)), None)
    return None if kind is None else SpecError(kind.what, kind.help)
