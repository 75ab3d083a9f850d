"""The words that complete an option or argument: built-in names, and layer words with their keys."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import click

from .. import zoo
from ..dialects import ALL, DIALECTS, LAYOUTS
from ..errors import CnncalcError
from ..help import TOPICS, subject
from ..layers import OPS, Layer, find_op, keys_named, title
from ..layers.keys import WORDS, flag, sides
from ..notation.arguments import FLAGS
from ..notation.ops import flags_of, padding_words
from ..notation.spec import LAYER_KEYS
from ..notation.tokens import split_arguments
from ..notation.words import is_layer_word, parse_word
from ..sizes import looks_like_shape
from ..sources.words import is_stdin, spec_words
from . import COMMANDS
from ._candidates import FILES, NOTHING, Candidate, Offer
from ._options import FileName
from ._rows import LAYERS, NETWORKS, table_columns
from ._usage import SEVERAL, OneOf

EITHER = {"p": "p_total", "p_total": "p"}
"""Keys that exclude each other in a layer."""


def _hint_kinds() -> dict[str, str]:
    from ..hints.table import ALL as ALL_HINTS
    from ..hints.table import KINDS

    return {kind.name: kind.title for kind in KINDS.values()} | {ALL_HINTS: "all of them"}


def _dtypes() -> Iterable[str]:
    from ..memory import DTYPES

    return DTYPES.keys()


def _tools() -> Iterable[str]:
    from ..counters import TOOLS

    return TOOLS


VALUES: dict[str, Callable[[click.Parameter], Iterable[str] | Mapping[str, str]]] = {
    "dialect": lambda option: [*DIALECTS, ALL] if option.metavar == SEVERAL else DIALECTS.keys(),
    "dtype": lambda _: _dtypes(),
    "gets": lambda _: ("params", "macs", "flops", "out", "rf.size", "rf.stride", "rf.start", "buffers", "memory"),
    "layout": lambda _: LAYOUTS,
    "name": lambda _: zoo.names(),
    "op": lambda _: {op: title(op) for op in OPS},
    "tool": lambda _: _tools(),
    "topic": lambda _: {topic: subject(topic) for topic in TOPICS} | COMMANDS,
}
"""The words that an option or argument accepts, by its name, with their help if it is a mapping."""


LONGEST_READ = 1_000_000
"""The largest file, in bytes, that is read while someone types."""
LISTS: dict[str, Callable[[], Iterable[str] | Mapping[str, str]]] = {
    "only": lambda: OPS,
    "forbid": _hint_kinds,
}
"""The words for options that accept several, by the option's name."""


def values(parameter: click.Parameter, word: str, before: Sequence[str] = ()) -> Offer:
    """Return the possible values of an option or argument; `before` are the arguments before the cursor."""
    name = parameter.name or ""
    if isinstance(parameter.type, OneOf):
        return Offer.of(parameter.type.choices)
    if name in VALUES:
        return Offer.of(VALUES[name](parameter))
    if name.endswith("sort"):
        return Offer.of(_columns(name))
    if name in LISTS or name.endswith("columns"):
        return _list_of(LISTS[name]() if name in LISTS else _columns(name), word)
    if name in OF_NETWORK:
        return OF_NETWORK[name](before, word)
    return FILES if isinstance(parameter, click.Argument) or isinstance(parameter.type, FileName) else NOTHING


def _layers(words: Sequence[str]) -> Mapping[str, str]:
    """Return the layer names of a network, each with its op; empty if the network takes long to read."""
    if any(is_stdin(word) or (os.path.isfile(word) and os.path.getsize(word) > LONGEST_READ) for word in words):
        return {}
    from ..sources import load_words

    with contextlib.suppress(CnncalcError):
        return {node.name: node.layer.op for node in load_words(spec_words(words)).nodes}
    return {}


def _expectations(before: Sequence[str], word: str) -> Offer:
    """Return the figures that can be expected, of the whole network or, after a dot, of a layer."""
    from ..checks.expect import BOUNDS, FIGURES

    layer, point, _ = word.rpartition(".")
    bounded = [bound + name for bound in BOUNDS for name, one in FIGURES.items() if not one.is_shape]
    figures = [Candidate(f"{layer}{point}{name}=") for name in (*FIGURES, *bounded)]
    return Offer(figures if point else [*figures, *[Candidate(f"{name}.", op) for name, op in _layers(before).items()]])


def _list_of(names: Iterable[str] | Mapping[str, str], word: str) -> Offer:
    """Return the names that may continue a comma-separated list."""
    head = word[: word.rfind(",") + 1]
    given = head.split(",")
    helps = names if isinstance(names, dict) else dict.fromkeys(names, "")
    return Offer([Candidate(head + name, help, then=",") for name, help in helps.items() if name not in given])


def _columns(name: str) -> list[str]:
    """Return the column names of layers, or of networks for their options."""
    return list(table_columns(NETWORKS if name.startswith("network") else LAYERS))


def _spec(before: Sequence[str], word: str) -> Offer:
    """Return layer words; at the start also built-in networks and files, each of which stands alone."""
    if before and looks_like_shape(before[0]):
        before = before[1:]
    name, colon, rest = word.partition(":")
    op = find_op(name)
    if before and not is_layer_word(before[0]):
        return NOTHING
    if colon and op is not None:
        return Offer(_arguments(op, f"{name}:", rest))
    ops = [_op(op) for op in OPS if op.lower().startswith(word.lower())]  # ops are loaded when accessed
    return Offer(ops) if before else Offer(ops + Offer.of(zoo.names()).candidates, files=True)


def _op(op: str) -> Candidate:
    """Return the beginning of a layer word, with its colon if arguments must follow."""
    cls, _ = OPS[op]
    return Candidate(f"{op}:", title(op)) if cls.NEEDED else Candidate(op, title(op), then=":" if cls.KEYS else "")


def _arguments(op: str, head: str, rest: str) -> list[Candidate]:
    """Return the completions of the last argument of a layer word; `head` is the word before the arguments."""
    cls, nd = OPS[op]
    if sum(rest.count(c) for c in "[{") > sum(rest.count(c) for c in "]}"):
        return []  # inside a JSON value
    *before, arg = split_arguments(rest)
    head += "".join(f"{text}," for text in before)
    key, equals, _ = arg.partition("=")
    if equals:
        keys = keys_named(cls, key)
        return [Candidate(f"{head}{key}={word}", then=",") for word in (_words(cls, nd, keys[0]) if keys else ())]
    given: set[str] = set()
    for text in before:
        with contextlib.suppress(CnncalcError):
            for one in parse_word(f"{op}:{text}").args:
                given.update(keys_named(cls, one.key) or (one.key,))
    given |= {EITHER[key] for key in given & EITHER.keys()}
    free = [key for key in (*cls.KEYS, *LAYER_KEYS) if key not in given]
    flags = [name for name in flags_of(cls, nd) if FLAGS[name][0] in free]
    assigned = [Candidate(f"{head}{key}=") for key in free if key not in flags]
    return assigned + [Candidate(head + name, then=",") for name in flags]


def _words(cls: type[Layer], nd: int | None, key: str) -> tuple[str, ...]:
    """Return the words that are values of a key."""
    reader = cls.KEYS[key]
    if reader is flag:
        return ("true", "false")
    return padding_words(cls, nd) if reader is sides else WORDS.get(reader, ())


OF_NETWORK: dict[str, Callable[[Sequence[str], str], Offer]] = {
    **dict.fromkeys(("until", "after", "of", "source"), lambda before, _: Offer.of(_layers(before))),
    "expected": _expectations,
    "layer": _spec,
    "networks": lambda _, word: _spec((), word),
    "spec": _spec,
}
"""The completions that depend on the words before the cursor, by the name of the option or argument."""
