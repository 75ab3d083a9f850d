"""Layer words: `conv:64,k7,s2,p3`, one word for each layer, on the command line, in files and on standard input.

The grammar:

    word  = op [":" arg {"," arg}] | call
    arg   = key "=" value | fused {fused} | flag | AXES | follower
    fused = key AXES ["/" AXES]       k3, s2, stride2; k7/2 is k7,s2
    AXES  = SIDE {"x" SIDE}           one for all axes, or one per axis
    SIDE  = digits ["+" digits]       before+after, for padding
    value = JSON | AXES | text
    follower                          an activation or a norm: a layer of its own behind this one, in its group
    call                              a framework's: `Conv2d(3, 64, 3)` (calls.py)

An op is written in any case, with _ or without; its kernel may stand in its name (`conv3x3:64`). A framework's class in
its own spelling takes its arguments in its own order (`Conv2d:3,64,3`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from ..dialects import Dialect, layout_of
from ..errors import CnncalcError, Path, SpecError, Where, shown
from ..layers import OPS, Env, Layer, find_op, keys_named, unknown_op
from ..layers.keys import FORMS, axis, factors, flag, integers, number, numbers, power, rate, rounding
from ..network import Network, Origin
from ..sizes import is_digits, split_axes
from . import document
from .document import Group, Raw
from .tokens import QUOTES, WordText, split_arguments, wrong_bracket

__all__ = ["FLAGS", "Arg", "Words", "is_layer_word", "join_hint", "parse_word", "read_axes", "read_words"]

_FUSED = {"pt": "p_total", "k": "k", "s": "s", "p": "p", "d": "d", "g": "g"}
FLAGS: dict[str, tuple[str, Any]] = {
    "ceil": ("ceil", True),
    "flip": ("flip", True),
    "nobias": ("bias", False),
    **{word: ("p", word) for word in ("same", "valid", "full", "causal", "same_upper", "same_lower")},
}
_SPELT_FLAGS = {"bias": ("bias", True), **{word.replace("_", ""): said for word, said in FLAGS.items()}}
"""The flags as they are looked up: in lower case, without - and _."""
_SHORT = {"kernel": "k", "pad": "p"}
"""Names of keys that are typed, and that no framework has."""
_TEXTS = ("name", "tie")
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Arg(NamedTuple):
    """One argument of a word: its key as written, its value as in JSON, and its place in the word."""

    key: str
    value: Any
    start: int
    end: int


class Follower(NamedTuple):
    """An activation or a norm behind a layer, in its word."""

    suffix: str
    """What it adds to the layer's name: the word that it is written as."""
    op: str


class WordHead(NamedTuple):
    """The name of a word, before its arguments."""

    written: str
    op: str
    """Empty for a class of a framework that is no op of its own."""
    kind: str | None
    """The class that is spelt so in a framework."""
    args: tuple[Arg, ...] = ()
    """The kernel in the name."""

    @property
    def cls(self) -> type[Layer]:
        """The op's class."""
        return OPS[self.op][0]


class ParsedWord(NamedTuple):
    """A word that was read."""

    op: str
    """The first layer's op."""
    args: list[Arg]
    """The arguments; none of a call."""
    layers: list[Raw | Group]
    """The layers that it means."""


class Words(Origin):
    """Layer words: where a network was read from."""

    is_typed = True

    def __init__(self, text: WordText, first: int = 0):
        self.text, self.first = text, first
        """`first` is the index of the first layer's word: 1 after a shape."""
        self.parsed: list[ParsedWord] = []
        self.owners: list[int] = []
        """The word of each layer of the spec."""

    def with_argument(self, layer: int, key: str, value: int) -> str:
        """Return the word of a layer of the spec with one more argument, behind a bare number; at the end of a call."""
        word = self.text.words[self.owners[layer]]
        if word.endswith(")") and "(" in word.partition(":")[0]:
            name = "kernel_size" if key == "k" else "padding"
            return f"{word[:-1].rstrip(', ')}, {name}={value})"
        name, colon, rest = word.partition(":")
        first, *others = split_arguments(rest)
        bare = bool(colon) and read_axes(first.strip()) is not None
        own = f"{key}{value}"
        arguments = [first.strip(), own, *others] if bare else [own, *([first, *others] if colon else [])]
        return f"{name}:{','.join([text.strip() for text in arguments])}"

    def with_factor(self, layer: int, factor: int) -> str:
        word = self.text.words[self.owners[layer]]
        times = f"scale_factor={factor}" if word.endswith(")") else f"x{factor}"
        return re.sub(rf"(?<=[:(,])\s*((out|size)\s*=\s*)?{factor}(?=[,)]|$)", times, word, count=1)

    def locate(self, path: Path, key: str | None) -> Where | None:
        """Return the place of a layer, or of the argument that gives its key."""
        if len(path) < 2 or path[0] != "layers":
            if path != ("input",) or not self.first:
                return None
            return self.text.at(0, 0, len(self.text.words[0]))
        index = self.owners[int(path[1])]
        word = self.text.words[index]
        wanted = key if key is not None else (str(path[2]) if len(path) > 2 else None)
        if wanted == "op":
            return self.text.at(index, 0, len(word.partition(":")[0]))
        for arg in self.parsed[index - self.first].args:
            if wanted is not None and wanted in {arg.key, *document.canonical(arg.key)}:
                return self.text.at(index, arg.start, arg.end)
        return self.text.at(index, 0, len(word))


class WordError(SpecError):
    """An argument that cannot be read, with its place in the word."""

    def __init__(self, what: str, help: str | None, start: int, end: int):
        super().__init__(what, help)
        self.start, self.end = start, end


Completer = Callable[[list[dict[str, Any]]], None]
"""Adds keys that are known from elsewhere to layers as JSON has them."""


def read_words(text: WordText | Sequence[str], first: int = 0, complete: Completer | None = None) -> Network:
    """Read a network from layer words, beginning at `first`. SpecError at the place of what is wrong."""
    if not isinstance(text, WordText):
        text = WordText(" ".join(text))
    origin = Words(text, first)
    layers: list[Raw | Group] = []
    for index, word in enumerate(text.words[first:], first):
        try:
            parsed = parse_word(word)
        except WordError as error:
            error.where = text.at(index, error.start, error.end)
            error.layer = f"layers[{len(layers)}]"
            raise
        origin.parsed.append(parsed)
        origin.owners += [index] * len(parsed.layers)
        layers += parsed.layers
    heads = [one.head if isinstance(one, Group) else one for one in layers]
    if complete is not None:
        complete(heads)
    for at, raw in enumerate(heads):
        index = origin.owners[at]
        lacks = _needed(raw, text.words[index])
        if lacks is not None:
            lacks.where = text.at(index, lacks.start, lacks.end)
            raise lacks.at(f"layers[{at}]")
    _spread_pairs(heads)
    return document.read({"layers": layers}, origin)


def completer_from_kernel(shape: tuple[int, ...], dialect: str | None, layout: str | None) -> Completer:
    """Return what adds c_o and k, if left out, to the one layer that a kernel of this shape can belong to."""
    env = Env(Dialect, layout_of(dialect, layout) == "NHWC")

    def complete(layers: list[dict[str, Any]]) -> None:
        owners = []
        for layer in layers:
            cls, nd = OPS[layer["op"]]
            g = layer.get("g", 1)
            keys = cls.keys_of_weight(shape, nd, g if type(g) is int else 1, env)
            if keys:
                owners.append((layer, cls, keys))
        if len(owners) == 1:
            layer, cls, keys = owners[0]
            given = {key for raw in layer for key in keys_named(cls, raw)}
            layer.update({key: value for key, value in keys.items() if key not in given})

    return complete


def _spread_pairs(layers: list[Raw]) -> None:
    """Give a pad or a crop with one [before, after] that pair for each axis that the other layers say there is."""
    lone = []
    ranks = []
    for raw in layers:
        cls, nd = OPS[raw["op"]]
        if nd is not None:
            ranks.append(nd)
        elif raw["op"] in ("pad", "crop") and "axis" not in raw:
            lone += [(raw, key) for key in raw if keys_named(cls, key) == ("p",) and _is_lone_pair(raw[key])]
    for raw, key in lone:
        raw[key] = raw[key] * (ranks[0] if ranks else 2)


def _is_lone_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)


def is_layer_word(word: str) -> bool:
    """Return whether a word begins with the name of an op, or of a framework's class, or is the call of one."""
    if "(" in word and _call_of(word) is not None:
        return True
    try:
        return _head(word.partition(":")[0].rstrip()) is not None
    except WordError:
        return True


def called_name(word: str) -> str:
    """Return the name in front of a word's arguments, without the modules of a framework."""
    if "(" in word:
        from .calls import LINE

        line = LINE.fullmatch(word)
        word = (line[2] if line else word).partition("(")[0].strip()
    return _without_module(word.partition(":")[0].strip())


def call_error(word: str) -> SpecError | None:
    """Return why a word that is written as a call is not one that is read; None for another word."""
    from .calls import looks_like_call, read_call

    if not looks_like_call(word):
        return None
    try:
        read_call(word)
    except SpecError as error:
        return error
    return None


def join_hint(before: str, words: Sequence[str]) -> SpecError | None:
    """Return the error for words the first of which is an argument of the layer word before; None for another word."""
    head = None
    with suppress(WordError):
        head = _head(before.partition(":")[0].rstrip())
    arguments: list[str] = []
    for word in [word.lstrip(":,") for word in words]:
        takes_number = ":" not in before and not arguments
        if head is None or not head.op or not _is_argument(head, word, takes_number):
            break
        arguments.append(word)
    if not arguments:
        return None
    joined = before.rstrip(",: ") + ("," if ":" in before.rstrip(",: ") else ":") + ",".join(arguments)
    return SpecError(f"{shown(arguments[0])} is an argument, not a layer", f"join with commas: {joined}")


def _is_argument(head: WordHead, word: str, takes_number: bool) -> bool:
    """Return whether a word can only be an argument of this layer, which may take a bare number."""
    if is_layer_word(word):
        return False
    bare = takes_number and head.cls.BARE not in (None, "from")
    try:
        parts = _parts(head, word, 0, first=False)
    except CnncalcError:
        return False
    return all(isinstance(one, Arg) and (one.key != BARE or bare) for one in parts)


def parse_word(word: str) -> ParsedWord:
    """Parse a word into its op, its arguments and its layers. WordError for what cannot be read."""
    wrong = wrong_bracket(word)
    if wrong is not None:
        raise WordError(wrong[1], "brackets are paired within a word", wrong[0], len(word))
    if "(" in word:
        call = _call_of(word)
        if call is not None:
            return call()
    name, colon, rest = word.partition(":")
    head = _head(name.rstrip())
    if head is None:
        error = unknown_op(name)
        raise WordError(error.what, error.help, 0, max(len(name), 1))
    parts = [*_all_parts(head, rest, len(name) + len(colon))] if colon else []
    return _word(head, word, parts)


# The name


def _head(name: str) -> WordHead | None:
    """Return what a name is: an op in any spelling, one with its kernel, or a framework's class; None for others."""
    if "." in name:
        name = _without_module(name)
    op = find_op(name) or (find_op(name.replace("_", "").replace("-", "")) if len(name) > 1 else None)
    if op is not None:
        return WordHead(name, op, _kind(name))
    if not name[:1].isalpha():
        return None
    if name[-1:].isdigit() and not is_digits(name):
        sized = _sized(name)
        if sized is not None:
            return sized
    kind = _kind(name) or _only_class(name)
    return None if kind is None else WordHead(name, _op_of(kind), kind)


_MODULES = {"nn", "F", "torch", "tf", "keras", "layers", "L"}
"""What the names of frameworks' classes and functions begin with."""


def _without_module(name: str) -> str:
    """Return a name without the modules in front of it: `nn.ReLU`, `tf.nn.relu`."""
    return name.rpartition(".")[2] if name.partition(".")[0] in _MODULES else name


_IN_NAME = r"([A-Za-z_-]+(?:[123][dD])?)_?([0-9]+(?:[xX×][0-9]+)*)"


def _sized(name: str) -> WordHead | None:
    """Return the op of a name with its kernel: `conv3x3` is conv with k3x3. WordError for one number: `conv3`."""
    match = re.fullmatch(_IN_NAME, name)
    op = None if match is None else find_op(match[1].replace("_", "").replace("-", ""))
    if match is None or op is None or "k" not in OPS[op][0].KEYS:
        return None
    k, cls = split_axes(match[2]), OPS[op][0]
    end = "" if len(k) == 2 else f"{len(k)}d"
    if len(k) == 1 and int(k[0]) > _LIKELY_KERNEL and cls.BARE == "c_o":
        help = f"behind a colon: {op}:{k[0]},k3"
        raise WordError(f"{name} has its channels in its name", help, 0, len(name))
    if len(k) == 1:
        bare = f"{document.EXAMPLE.get(cls.BARE, 3)}," if cls.BARE not in (None, "k") and cls.NEEDED else ""
        what = f"the kernel in a name has a side for each axis: {match[1]}{k[0]}x{k[0]}"
        raise WordError(what, f"or write {op}:{bare}k{k[0]}", 0, len(name))
    if op == cls.WORD and cls.WORD + end in OPS:
        op = cls.WORD + end
    sides = [int(n) for n in k]
    same = len(set(sides)) == 1
    return WordHead(name, op, None, (Arg("k", sides[0] if same else sides, match.start(2), len(name)),))


@cache
def _kinds() -> dict[str, list[str]]:
    """Return the classes of frameworks that calls are read of, by their names in lower case."""
    from .calls import kinds  # only where a word may be one: it imports Python's parser

    found: dict[str, list[str]] = {}
    for kind in kinds():
        found.setdefault(kind.lower(), []).append(kind)
    return found


def _kind(name: str) -> str | None:
    """Return the class of a framework that is spelt exactly so."""
    return name if name[:1].isupper() and name in _other_case(name) else None


def _other_case(name: str) -> list[str]:
    """Return the classes of frameworks that are spelt so in any case."""
    return _kinds().get(name.lower(), []) if name[:1].isalpha() and name.isalnum() else []


def _only_class(name: str) -> str | None:
    """Return the one class that is spelt so in any case, unless people say the word for something else."""
    from ..layers.intents import meant

    found = _other_case(name)
    return found[0] if len(found) == 1 and meant(name) is None else None


def _op_of(kind: str) -> str:
    """Return the op of a class of a framework; empty if its arguments decide."""
    from .calls import op_of

    return op_of(kind)


# The arguments

Part = Arg | Follower


def _all_parts(head: WordHead, rest: str, start: int) -> Iterator[Part]:
    """Yield the arguments of a word. WordError at the place of one that cannot be read."""
    for index, text in enumerate(split_arguments(rest)):
        own = text.strip()
        begin = start + len(text) - len(text.lstrip())
        try:
            yield from _parts(head, own, begin, first=index == 0)
        except CnncalcError as error:
            raise WordError(error.what, error.help, begin, max(begin + len(own), begin + 1)) from None
        start += len(text) + 1


BARE = ""
"""The key of a bare number."""
_MODE = "padding_mode"


def _parts(head: WordHead, text: str, start: int, *, first: bool) -> list[Part]:
    """Return what one argument says; nothing for one without effect."""
    end = start + len(text)
    cls = head.cls if head.op else Layer
    key, equals, value = [part.strip() for part in text.partition("=")]
    if equals:
        return _given(head, cls, key, value, start, end)
    if text == "inplace" and cls.KEEPS_SHAPE:
        return []
    if first and cls.BARE == "from" and text and ":" not in text:
        return [Arg("from", _value(cls, "from", text), start, end)]
    said = _flag(cls, text) or _bare(head, cls, text) or _fused(cls, text)
    if said:
        return [Arg(key, value, start, end) for key, value in said]
    follower = find_op(text) if text[:1].isalpha() and head.op else None
    if not head.op and text.isidentifier():
        return [Arg(BARE, text, start, end)]
    if follower is None:
        raise _unreadable(head, cls, text)
    return [_follower(head, text, follower)]


def _flag(cls: type[Layer], text: str) -> list[tuple[str, Any]]:
    said = _SPELT_FLAGS.get(text.lower().replace("_", "").replace("-", ""))
    return [said] if said is not None and said[0] in cls.KEYS else []


def _bare(head: WordHead, cls: type[Layer], text: str) -> list[tuple[str, Any]]:
    """Return a bare number: AXES, or any number if the op, or a framework's class, takes one."""
    axes = read_axes(text)
    if axes is None and text[:1] in tuple("-.0123456789") and (_takes_any_number(cls) or head.kind):
        with suppress(ValueError):
            axes = json.loads(text)
    if axes is None and text[:1] in ("(", "[") and cls.BARE not in (None, "from"):
        axes = _json(text) if isinstance(_json(text), list) else None
    return [] if axes is None else [(BARE, axes)]


def _given(head: WordHead, cls: type[Layer], key: str, value: str, start: int, end: int) -> list[Part]:
    """Return what `key=value` says."""
    if key in ("act", "activation") and head.op and not keys_named(cls, key):
        if value.lower() in ("none", "linear", "identity", "null"):
            return []
        op = find_op(value.strip("\"'").replace("_", ""))
        if op is None:
            raise unknown_op(value)
        return [_follower(head, value.strip("\"'"), op)]
    if key == "inplace" and cls.KEEPS_SHAPE and value.lower() in _TRUTHS:
        return []
    follower = find_op(key) if value.lower() in _TRUTHS and head.op and not keys_named(cls, key) else None
    if follower is not None and OPS[follower][0].FOLLOWS:
        return [_follower(head, key, follower)] if _TRUTHS[value.lower()] else []
    if _SHORT.get(key) in cls.KEYS and not keys_named(cls, key):
        key = _SHORT[key]
    return [Arg(key, _value(cls, key, value), start, end)]


def _follower(head: WordHead, text: str, op: str) -> Follower:
    cls = OPS[op][0]
    example = document.example_word(op)
    if not cls.FOLLOWS:
        what = f"{text} is a layer of its own: only activations and norms stand behind {head.op} in its word"
        raise SpecError(what, f"write it as a word of its own: {example}")
    if cls.NEEDED:
        raise SpecError(f"{text} needs {cls.NEEDED[0]}", f"write it as a word of its own: {example}")
    return Follower(text.lower(), op)


_NUMBER_READERS = (number, numbers, rate, axis, power, factors, integers)


def _takes_any_number(cls: type[Layer]) -> bool:
    """Return whether the bare number of a class may be one that is not whole, or below 0."""
    return cls.BARE is not None and cls.KEYS.get(cls.BARE) in _NUMBER_READERS


_SIDE = r"\d+(?:\+\d+)?"
_ONE_FUSED = rf"([A-Za-z_]+?)({_SIDE}(?:[xX×]{_SIDE})*)(?:/({_SIDE}(?:[xX×]{_SIDE})*))?"
_SCALE = r"[xX×](\d+(?:\.\d+)?(?:[xX×]\d+(?:\.\d+)?)*)|(\d+(?:\.\d+)?)[xX×]"


def _fused(cls: type[Layer], text: str) -> list[tuple[str, Any]]:
    """Return the keys of an argument with its numbers behind their names: `k3s2`, `stride2`, `k7/2`, `x2`."""
    letters = text[: 2 if text[:2].lower() == "pt" else 1].lower()
    axes = read_axes(text[len(letters) :])
    if axes is not None and letters in _FUSED and keys_named(cls, _FUSED[letters]):
        return [(_FUSED[letters], axes)]  # as nearly all
    scale = re.fullmatch(_SCALE, text) if "factor" in cls.KEYS else None
    if scale is not None:
        sides = [json.loads(side) for side in re.split("[xX×]", scale[1] or scale[2])]
        return [("factor", sides if len(sides) > 1 else sides[0])]
    found: list[tuple[str, Any]] = []
    at = 0
    if cls.BARE == "k" and "/" in text and text[:1].isdigit():
        text = f"k{text}"  # 3x3/2
    for match in re.finditer(_ONE_FUSED, text):
        key = _fused_key(cls, match[1].lower())
        if match.start() != at or key is None or (match[3] and key != "k"):
            return []
        found.append((_FUSED[key], read_axes(match[2])))
        if match[3]:
            found.append(("s", read_axes(match[3])))
        at = match.end()
    return found if at == len(text) else []


def _unreadable(head: WordHead, cls: type[Layer], text: str) -> SpecError:
    if not text:
        return SpecError("an argument is empty", "there is a comma or a colon too many")
    if ":" in text and find_op(text.partition(":")[0]) is not None:
        return SpecError(f"{shown(text)} is a layer of its own", "put a space in front of it, not a comma")
    marked = re.fullmatch(_MARKED, text)
    if marked is not None and find_op(marked[2]) is not None:
        return SpecError(f"{shown(text)} is not an argument", f"white space separates layers: {marked[1]} {marked[2]}")
    if ":" in text:
        help = f"one colon stands after the op, commas between arguments: {head.written}:{text.replace(':', ',')}"
        return SpecError(f"{shown(text)} is not an argument", help)
    return _not_a_number(head.op or head.written, cls, text) or _no_such_argument(head.op or head.written, cls, text)


_MARKED = r"(.+?)\s*(?:[-=]*>|[|;+&→⇒])\s*(\w+).*"
"""An argument and a layer behind it, with a mark between them in place of white space."""


def _not_a_number(op: str, cls: type[Layer], text: str) -> SpecError | None:
    """Return the error for what is meant as a bare number, and is not one that the op takes."""
    if cls.BARE not in (None, "from") and text[:1] == "-":
        with suppress(ValueError):
            _check(cls, cls.BARE or "", [int(part) for part in split_axes(text)])
        return SpecError(f"{shown(text)} is not a bare number", f"write {cls.BARE}=[{','.join(split_axes(text))}]")
    if cls.BARE in (None, "from") or text[0] not in "-.0123456789":
        return None
    what = f"{shown(text)} is not a {'' if _takes_any_number(cls) else 'whole '}number"
    if cls.BARE == "c_o" and "k" in cls.KEYS and (kernel := re.fullmatch(r"(\d+)\s*[@x*×]\s*(\d+(?:x\d+)+)", text)):
        return SpecError(what, f"for a kernel: {op}:{kernel[1]},k{kernel[2]}")
    before, slash, after = text.partition("/")
    if slash and is_digits(before) and is_digits(after) and "s" in cls.KEYS:
        return SpecError(what, f"for a stride: {op}:{before},s{after}")
    return SpecError(what, f"a bare number is {cls.BARE}: write {op}:{document.EXAMPLE.get(cls.BARE or '', 3)}")


def _check(cls: type[Layer], key: str, values: list[int]) -> None:
    """Raise the error of a key for numbers that it cannot have: advice to give them by its name would not help."""
    try:
        cls.KEYS[key](values[0] if len(values) == 1 else values, len(values))
    except CnncalcError as error:
        error.what = f"{key}: {error.what}"
        raise


def _no_such_argument(op: str, cls: type[Layer], text: str) -> SpecError:
    stem = text.rstrip("0123456789.+xX-")
    flags = [f for f, (key, _) in FLAGS.items() if key in cls.KEYS and f not in cls.KEYS]
    if stem.lower() in flags and stem != text:
        return SpecError(f"{stem} takes no number", f"write {stem} alone")
    if (fused := _fused_key(cls, stem.lower())) is not None:
        number = text[len(stem) :] if read_axes(text[len(stem) :]) is not None else _EXAMPLES[fused]
        if stem == text or stem.lower() != fused:
            what = "has no number" if stem == text else f"is not a number for {fused}"
            return SpecError(f"{shown(text)} {what}", f"write {fused}{number}")
    known = [*cls.KEYS, *flags, *document.LAYER_KEYS]
    if stem.lower() in known and stem != text:
        return SpecError(f"{shown(text)} is not a number for {stem}", f"as {stem}3, {stem}3x5")
    help = document.nearest_key(cls, stem or text, flags) or f"{op} has {', '.join(known)}"
    return SpecError(f"{op} has no {shown(text)}", help)


_EXAMPLES = {"k": 3, "s": 2, "p": 1, "pt": 2, "d": 2, "g": 2}


def _fused_key(cls: type[Layer], word: str) -> str | None:
    """Return the letters that a number may follow, as s, for any name of such a key of the op, as stride."""
    if word in _FUSED:
        return word if keys_named(cls, _FUSED[word]) else None
    names = (_SHORT[word],) if word in _SHORT else keys_named(cls, word)
    return next((letters for letters, key in _FUSED.items() if names == (key,)), None)


def _value(cls: type[Layer], key: str, text: str) -> Any:
    """Read the value after `=`: JSON, AXES, what Python writes so, or the text itself."""
    if key in _TEXTS:
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES else text
    if key == "from":
        return [part.strip().strip(QUOTES) for part in text.split("+")]
    is_truth = any(cls.KEYS[one] in (flag, rounding) for one in keys_named(cls, key))
    value = _TRUTHS.get(text.lower()) if is_truth else read_axes(text)
    return _json(text) if value is None else value


def _json(text: str) -> Any:
    """Return the value that a text is as JSON, or as Python writes it; else the text."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return _literal(text) if text[:1] in ("(", "'") or text in ("True", "False", "None") else text


def _literal(text: str) -> Any:
    """Return a value that is written as Python writes it, tuples as lists; the text itself if it is not one."""
    import ast

    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        value = ast.literal_eval(text)
        return json.loads(json.dumps(value))
    return text


def read_axes(text: str) -> Any:
    """Read `3` as a number, `3x5` per axis, `0+1` before and after on all axes, `0+1x2` per axis; else None."""
    sides = [_side(side) for side in split_axes(text)] if "," not in text else [None]
    if None in sides:
        return None
    return sides[0] if len(sides) == 1 and isinstance(sides[0], int) else sides


def _side(text: str) -> Any:
    before, plus, after = text.partition("+")
    if not is_digits(before) or (plus and not is_digits(after)):
        return None
    return [int(before), int(after)] if plus else int(before)


# The layers


def _word(head: WordHead, word: str, parts: Sequence[Part]) -> ParsedWord:
    """Return a word of these arguments."""
    behind = [one for one in parts if isinstance(one, Follower)]
    args = [*head.args, *[one for one in parts if isinstance(one, Arg) and one.key != BARE]]
    bare = [one for one in parts if isinstance(one, Arg) and one.key == BARE]
    if bare and parts[: len(bare)] != bare:
        raise _misplaced(head, word, parts)
    if _is_class(head, bare):
        return _class_word(head, word, bare, args, behind)
    cls, nd = OPS[head.op]
    if len(bare) == 1 and cls.BARE in (None, "from"):
        same = _without_key(head, bare[0])
        if same is not None:
            return _of_call([same], {one.key: one.value for one in args}, behind, args)
    if len(bare) > 1 or (bare and cls.BARE in (None, "from")):
        raise _too_many(head, word, bare)
    args = [*[one._replace(key=cls.BARE or BARE) for one in bare], *args]
    raw = _raw(head.op, args)
    if not bare and head.kind is not None and _lacking(raw):
        with suppress(WordError):
            return _class_word(head, word, bare, args, behind)
    mode = raw.pop(_MODE, None) if "p" in cls.KEYS else None
    before: list[tuple[str, Raw]] = []
    if mode is not None:
        before = [("pad", _pad_in_front(cls, raw, mode, nd or 2, word))]
    return ParsedWord(head.op, args, [_grouped(raw, before, [(one.suffix, {"op": one.op}) for one in behind])])


def _lacking(raw: Raw) -> list[str]:
    """Return the keys that a layer needs and does not have."""
    cls = OPS[raw["op"]][0]
    lacking = [key for key in cls.NEEDED if key not in raw]
    given = {key for one in raw if lacking and one != "op" for key in keys_named(cls, one)}
    return [key for key in lacking if key not in given]


def _needed(raw: Raw, word: str) -> WordError | None:
    """Return the error for a word without the bare number that its op needs, with the word as it could be."""
    op = raw["op"]
    bare = OPS[op][0].BARE
    if bare is None or _lacking(raw) != [bare]:
        return None
    example = 2 if bare == "k" else document.EXAMPLE.get(bare, 2)
    given = [text.strip() for text in split_arguments(word.partition(":")[2]) if text.strip()]
    return WordError(f"{op} needs {bare}: {op}:{','.join([str(example), *given])}", None, 0, len(word))


def _raw(op: str, args: Sequence[Arg]) -> Raw:
    """Return the layer of these arguments. WordError for a key that is given twice."""
    raw: Raw = {"op": op}
    for key, value, start, end in args:
        if key in raw:
            raise WordError(f"{shown(key)} is given twice", "leave out one of them", start, end)
        raw[key] = value
    return raw


def _grouped(head: Raw, before: Sequence[tuple[str, Raw]], behind: Sequence[tuple[str, Raw]]) -> Raw | Group:
    return Group(head, tuple(before), tuple(behind)) if before or behind else head


def _pad_in_front(cls: type[Layer], raw: Raw, mode: Any, nd: int, word: str) -> Raw:
    """Return the pad of a `padding_mode`, and take the padding out of the layer."""
    from .calls import padded_apart

    for written in [*raw]:
        names = keys_named(cls, written)
        if len(names) == 1:
            raw[names[0]] = raw.pop(written)
    try:
        layers = padded_apart(raw, mode, nd)
    except SpecError as error:
        raise WordError(error.what, error.help, 0, len(word)) from None
    return layers[0] if len(layers) > 1 else {"op": "identity"}


def _is_class(head: WordHead, bare: Sequence[Arg]) -> bool:
    """Return whether a word is read as the call of a framework's class: in its spelling, by its positions."""
    if not head.op:
        return True
    cls = OPS[head.op][0]
    if head.kind is None:
        return False
    return find_op(head.written) is None or len(bare) > 1 or bool(bare and cls.BARE in (None, "from"))


def _without_key(head: WordHead, bare: Arg) -> Raw | None:
    """Return the layer of an op with a number that a framework's class has and the op does not need: `flatten:1`."""
    from .calls import layers_of

    for name in (head.written, f"{head.written}2d"):
        for kind in _other_case(name):
            with suppress(SpecError):
                layers = layers_of(kind, [bare.value], {}).layers
                if len(layers) == 1 and layers[0]["op"] == head.op:
                    return layers[0]
    return None


def _class_word(
    head: WordHead, word: str, bare: Sequence[Arg], args: Sequence[Arg], behind: Sequence[Follower]
) -> ParsedWord:
    """Return a word of a framework's class by the rules of its call."""
    from .calls import layers_of, theirs

    assert head.kind is not None
    own = {one.key: one.value for one in args if one.key in document.COMMON_KEYS}
    given = {theirs(head.kind, one.key): one.value for one in args if one.key not in own}
    try:
        call = layers_of(head.kind, [one.value for one in bare], given)
    except SpecError as error:
        raise WordError(error.what, error.help, 0, len(word)) from None
    return _of_call(call.layers, own, behind, list(args))


def _of_call(layers: Sequence[Raw], own: Raw, behind: Sequence[Follower] = (), args: Sequence[Arg] = ()) -> ParsedWord:
    """Return the layers of a call as a word: what stands before and behind its layer is of one group with it."""
    at = 1 if len(layers) > 1 and layers[0]["op"] == "pad" else 0
    before = [(raw["op"], raw) for raw in layers[:at]]
    rest = layers[at + 1 :]
    if all(OPS[raw["op"]][0].FOLLOWS for raw in rest):
        after = [(raw["op"], raw) for raw in rest] + [(one.suffix, {"op": one.op}) for one in behind]
        return ParsedWord(layers[at]["op"], list(args), [_grouped({**layers[at], **own}, before, after)])
    return ParsedWord(layers[0]["op"], list(args), [{**layers[0], **own}, *layers[1:]])


def _call_of(word: str) -> Callable[[], ParsedWord] | None:
    """Return what reads a word that is written as a call; None for another word."""
    from .calls import LINE, SEVERAL, is_expression, looks_like_call, read_call

    if not looks_like_call(word):
        return None
    line = LINE.fullmatch(word)
    call = line[2] if line else word
    path = call.partition("(")[0].strip()
    name = path.rpartition(".")[2]
    if (_kind(name) or name == SEVERAL) and ((_kind(name) and "\n" not in word) or is_expression(word)):

        def read() -> ParsedWord:
            try:
                found = read_call(word)
            except SpecError as error:
                raise WordError(error.what, error.help, 0, len(word)) from None
            named = {} if not found.name or found.name.isdigit() else {"name": found.name}
            if found.kind == SEVERAL:
                return ParsedWord("", [], list(found.layers))
            return _of_call(found.layers, named)

        return read
    with suppress(WordError):
        if _head(path) is None:
            return None
    inside = call.strip().partition("(")[2].rstrip(", \t\n").removesuffix(")").strip()
    first, *others = split_arguments(inside)
    if "." in path and first.isidentifier():  # F.max_pool2d(x, 2)
        inside = ",".join(others).strip()
    return lambda: parse_word(f"{path}:{inside}" if inside else path)


# Errors


def _misplaced(head: WordHead, word: str, parts: Sequence[Part]) -> WordError:
    """Return the error for a bare number that is not the first argument."""
    bare = next(one for at, one in enumerate(parts) if isinstance(one, Arg) and one.key == BARE and at)
    text = word[bare.start : bare.end]
    if not head.op or head.cls.BARE in (None, "from"):
        takes = head.op or head.written
        return WordError(f"{takes} takes no bare number", "leave it out", bare.start, bare.end)
    return _too_many(head, word, [one for one in parts if isinstance(one, Arg) and one.key == BARE], text)


def _too_many(head: WordHead, word: str, bare: Sequence[Arg], text: str | None = None) -> WordError:
    """Return the error for more bare numbers than one, with the likely word, or for one that the op does not take."""
    cls = head.cls
    first = bare[0] if len(bare) == 1 or cls.BARE in (None, "from") or text else bare[1]
    own = head.written.lower() == head.op.lower() and cls.BARE not in (None, "from")
    readings = _readings(head, bare) if len(bare) > 1 and not own else {}
    if readings:
        what = "only the first argument may be a bare number, but in a framework's own spelling"
        if len({*readings.values()}) == 1:
            return WordError(what, f"write {next(iter(readings.values()))}", first.start, first.end)
        rest = word.partition(":")[2]
        help = "\n".join(f"{kind}:{rest} is {meant}" for kind, meant in readings.items())
        return WordError(what, help, first.start, first.end)
    if cls.BARE in (None, "from"):
        return WordError(f"{head.op} takes no bare number", _instead(head, word, bare), first.start, first.end)
    what = f"only the first argument may be a bare number ({cls.BARE}); {_likely(head, word, bare)}"
    return WordError(what, None, first.start, first.end)


def _instead(head: WordHead, word: str, bare: Sequence[Arg]) -> str:
    text = word[bare[0].start : bare[0].end]
    fused = [f"{key}{text}" for key in "kspdg" if key in head.cls.KEYS and len(bare) == 1]
    return f"name this one: {' or '.join(f'{head.op}:{one}' for one in fused)}" if fused else "leave it out"


def _likely(head: WordHead, word: str, bare: Sequence[Arg]) -> str:
    """Return the word that these bare numbers are probably meant for, each with its name."""
    cls = head.cls
    texts = [word[one.start : one.end] for one in bare]
    given = {key for text in split_arguments(word.partition(":")[2]) for key in _keys_of(head, text.strip())}
    order = [key for key in ("k", "s", "p", "d") if key in cls.KEYS and key != cls.BARE and key not in given]
    rest = [text.strip() for text in split_arguments(word.partition(":")[2])]
    others = [text for text in rest if text not in texts]
    kernel_second = "k" in order and bare[0].value > bare[1].value <= _LIKELY_KERNEL if len(bare) > 2 else False
    counted = "c_i" in cls.KEYS and cls.BARE in ("c_o", "out") and (len(bare) > 2 or not order) and not kernel_second
    own = texts[1:] if counted else texts
    if len(own) - 1 <= len(order) and (len(own) > 1 or counted or len(bare) == 1):
        named = [f"{key}{text}" for key, text in zip(order, own[1:], strict=False)]
        said = f"{head.op}:{','.join([own[0], *named, *others])}"
        if len(bare) == 1:
            return f"put it first: {said}"
        return f"c_i follows from the input; name the others: {said}" if counted else f"name this one: {said}"
    several = "array" in FORMS[cls.KEYS[cls.BARE or ""]][1](None).get("type", ())
    said = f"{head.op}:{','.join(['x'.join(texts) if several else texts[0], *others])}"
    return f"{'one per axis' if several else 'leave out the others'}: {said}"


_LIKELY_KERNEL = 7
"""The largest number that is rather the size of a kernel than a number of channels."""


def _keys_of(head: WordHead, text: str) -> list[str]:
    with suppress(CnncalcError):
        return [one.key for one in _parts(head, text, 0, first=False) if isinstance(one, Arg)]
    return []


def _readings(head: WordHead, bare: Sequence[Arg]) -> dict[str, str]:
    """Return each class that is spelt so in another case, with the word that its positions mean."""
    from .calls import layers_of

    found = {}
    for kind in _other_case(head.written):
        with suppress(SpecError):
            found[kind] = document.word_of(layers_of(kind, [one.value for one in bare], {}).layers[0])
    return found
