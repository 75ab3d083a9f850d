"""The head of a layer word, before its arguments: an op in any spelling, possibly with its kernel, or a class."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from ..errors import SpecError
from ..layers import OPS, Layer, find_op
from ..sizes import is_digits, split_axes
from .examples import EXAMPLE


class Arg(NamedTuple):
    """One argument of a word: its key as written, its value as in JSON, and its place in the word."""

    key: str
    value: Any
    start: int
    end: int


class WordError(SpecError):
    """An argument that cannot be read, with its place in the word."""

    def __init__(self, what: str, help: str | None, start: int, end: int):
        super().__init__(what, help)
        self.start, self.end = start, end


class WordHead(NamedTuple):
    """The head of a layer word, before its arguments."""

    written: str
    op: str
    """The op; empty for a framework's class that is not an op."""
    kind: str | None
    """The framework's class with exactly this name; None if there is none."""
    args: tuple[Arg, ...] = ()
    """The kernel that is part of the name."""

    @property
    def cls(self) -> type[Layer]:
        """The op's class."""
        return OPS[self.op][0]


class Misspelt(SpecError):
    """An argument that cannot be read, with what it probably means: the error shows the whole word with it."""

    def __init__(self, what: str, lead: str, instead: str):
        super().__init__(what)
        self.lead, self.instead = lead, instead


def head_of(name: str) -> WordHead | None:
    """Return the head for a name (an op in any spelling, perhaps with its kernel, or a class); None for others."""
    if "." in name:
        name = without_module(name)
    op = find_op(name) or (find_op(name.replace("_", "").replace("-", "")) if len(name) > 1 else None)
    if op is not None:
        return WordHead(name, op, kind_of(name))
    if not name[:1].isalpha():
        return None
    if name[-1:].isdigit() and not is_digits(name):
        sized = _sized(name)
        if sized is not None:
            return sized
    kind = kind_of(name) or _only_class(name)
    return None if kind is None else WordHead(name, _op_of(kind), kind)


_MODULES = {"nn", "F", "torch", "tf", "keras", "layers", "L"}
"""The module prefixes of frameworks' classes and functions."""


def without_module(name: str) -> str:
    """Return a name such as `nn.ReLU` or `tf.nn.relu` without its module prefixes."""
    return name.rpartition(".")[2] if name.partition(".")[0] in _MODULES else name


_IN_NAME = r"([A-Za-z_-]+(?:[123][dD])?)_?([0-9]+(?:[xX×][0-9]+)*)"
LIKELY_KERNEL = 7
"""The largest number that is more likely a kernel size than a number of channels."""


def _sized(name: str) -> WordHead | None:
    """Return the head for a name with a kernel: `conv3x3` is conv with k3x3.

    Raise WordError for a single number: `conv3`.
    """
    match = re.fullmatch(_IN_NAME, name)
    op = None if match is None else find_op(match[1].replace("_", "").replace("-", ""))
    if match is None or op is None or "k" not in OPS[op][0].KEYS:
        return None
    k, cls = split_axes(match[2]), OPS[op][0]
    end = "" if len(k) == 2 else f"{len(k)}d"
    if len(k) == 1 and int(k[0]) > LIKELY_KERNEL and cls.BARE == "c_o":
        help = f"put it after a colon: {op}:{k[0]},k3"
        raise WordError(f"{name} has its channels in its name", help, 0, len(name))
    if len(k) == 1:
        bare = f"{EXAMPLE.get(cls.BARE, 3)}," if cls.BARE not in (None, "k") and cls.NEEDED else ""
        what = f"a kernel in a name has one size per axis: {match[1].rstrip('_-')}{k[0]}x{k[0]}"
        raise WordError(what, f"or write {op}:{bare}k{k[0]}", 0, len(name))
    if op == cls.WORD and cls.WORD + end in OPS:
        op = cls.WORD + end
    sides = [int(n) for n in k]
    same = len(set(sides)) == 1
    return WordHead(name, op, None, (Arg("k", sides[0] if same else sides, match.start(2), len(name)),))


@cache
def _kinds() -> dict[str, list[str]]:
    """Return the frameworks' classes whose calls are read, by their names in lower case."""
    from .calls import kinds  # imported only if needed, as it imports Python's parser

    found: dict[str, list[str]] = {}
    for kind in kinds():
        found.setdefault(kind.lower(), []).append(kind)
    return found


def kind_of(name: str) -> str | None:
    """Return the framework's class with exactly this name."""
    return name if name[:1].isupper() and name in other_case(name) else None


def other_case(name: str) -> list[str]:
    """Return the frameworks' classes with this name in any case."""
    return _kinds().get(name.lower(), []) if name[:1].isalpha() and name.isalnum() else []


def _only_class(name: str) -> str | None:
    """Return the only class with this name in any case, unless the word usually means something else."""
    from ..layers.intents import meant

    found = other_case(name)
    return found[0] if len(found) == 1 and meant(name) is None else None


def _op_of(kind: str) -> str:
    """Return the op of a framework's class; empty if its arguments decide it."""
    from .calls import op_of

    return op_of(kind)
