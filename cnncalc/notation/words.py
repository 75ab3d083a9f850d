"""Layer words: `conv:64,k7,s2,p3`, one shell word a layer.

The grammar:

    word  = op [":" arg {"," arg}]
    arg   = key "=" value | fused | flag | AXES
    fused = ("k" | "s" | "p" | "pt" | "d" | "g") AXES
    AXES  = SIDE {"x" SIDE}           one for all axes, or one per axis
    SIDE  = digits ["+" digits]       before+after, for padding
    value = JSON | AXES | text
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from ..dialects import Dialect, layout_of
from ..errors import CnncalcError, Path, SpecError, Where, nearest, shown
from ..layers import OPS, Env, Layer, find_op, keys_named, unknown_op
from ..network import Network, Origin
from ..sizes import is_digits, split_axes
from . import document
from .keys import LAYER_KEYS, canonical

_FUSED = {"pt": "p_total", "k": "k", "s": "s", "p": "p", "d": "d", "g": "g"}
FLAGS: dict[str, tuple[str, Any]] = {
    "ceil": ("ceil", True),
    "flip": ("flip", True),
    "nobias": ("bias", False),
    **{word: ("p", word) for word in ("same", "valid", "full", "causal", "same_upper", "same_lower")},
}
_TEXTS = ("name", "tie")


class Arg(NamedTuple):
    """One argument of a word: the key as it is written, its value as JSON has it, and where in the word it stands."""

    key: str
    value: Any
    start: int
    end: int


class Words(Origin):
    """The words of a command line: where a network was read from."""

    def __init__(self, words: list[str], first: int = 0):
        self.words, self.first = words, first
        """`first` is how many of the words (a shape in front) are no layers."""

    def at(self, index: int, start: int, end: int) -> Where:
        """A stretch of a word, with all the words as the excerpt."""
        shown_words = [printable(w) for w in self.words]
        before = sum(len(w) + 1 for w in shown_words[:index])
        word = self.words[index]
        left = before + len(printable(word[:start]))
        width = max(len(printable(word[start:end])), 1)
        return Where(None, 1, left + 1, " ".join(shown_words), width)

    def locate(self, path: Path, key: str | None) -> Where | None:
        """The place of a layer, or of the argument that gives its key."""
        if len(path) < 2 or path[0] != "layers":
            return self.at(0, 0, len(self.words[0])) if path == ("input",) and self.first else None
        index = int(path[1]) + self.first
        word = self.words[index]
        wanted = key if key is not None else (str(path[2]) if len(path) > 2 else None)
        if wanted == "op":
            return self.at(index, 0, len(word.partition(":")[0]))
        for arg in parse_word(word)[1]:
            if wanted is not None and wanted in {arg.key, *canonical(arg.key)}:
                return self.at(index, arg.start, arg.end)
        return self.at(index, 0, len(word))


def printable(text: str) -> str:
    """A word with whatever a terminal cannot show escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class WordError(SpecError):
    """An argument that cannot be read, and where in its word."""

    def __init__(self, what: str, help: str | None, start: int, end: int):
        super().__init__(what, help)
        self.start, self.end = start, end


Completer = Callable[[list[dict[str, Any]]], None]
"""Adds keys that are known from elsewhere to layers as JSON has them."""


def read_words(words: list[str], first: int = 0, complete: Completer | None = None) -> Network:
    """A network from layer words, the first `first` of which are none. SpecError with a caret under what is wrong."""
    origin = Words(words, first)
    layers = []
    for index, word in enumerate(words[first:], first):
        try:
            layers.append(_as_object(word))
        except WordError as error:
            error.where = origin.at(index, error.start, error.end)
            error.layer = f"layers[{index - first}]"
            raise
    if complete is not None:
        complete(layers)
    return document.read({"layers": layers}, origin)


def completer_from_kernel(shape: tuple[int, ...], dialect: str | None, layout: str | None) -> Completer:
    """What the shape of a kernel tells of the one layer that such a kernel can be of: c_o and k, where left out."""
    env = Env(Dialect, layout_of(dialect, layout) == "NHWC")

    def complete(layers: list[dict[str, Any]]) -> None:
        told = []
        for layer in layers:
            cls, nd = OPS[layer["op"]]
            g = layer.get("g", 1)
            keys = cls.keys_of_weight(shape, nd, g if type(g) is int else 1, env)
            if keys:
                told.append((layer, cls, keys))
        if len(told) == 1:
            layer, cls, keys = told[0]
            given = {key for raw in layer for key in keys_named(cls, raw)}
            layer.update({key: value for key, value in keys.items() if key not in given})

    return complete


def _as_object(word: str) -> dict[str, Any]:
    op, args = parse_word(word)
    found: dict[str, Any] = {"op": op}
    for arg in args:
        if arg.key in found:
            raise WordError(f"{shown(arg.key)} is given twice", "leave out one of them", arg.start, arg.end)
        lone = keys_named(OPS[op][0], arg.key) == ("p",) and OPS[op][1] is None and _is_lone_pair(arg.value)
        found[arg.key] = arg.value * 2 if lone else arg.value  # pad:0+1 is for two axes: nothing says how many
    return found


def _is_lone_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)


def is_layer_word(word: str) -> bool:
    """Whether a word names an op, whatever stands behind it."""
    return find_op(word.partition(":")[0]) is not None


def parse_word(word: str) -> tuple[str, list[Arg]]:
    """The op and the arguments of a word. WordError for what cannot be read."""
    name, colon, rest = word.partition(":")
    op = find_op(name)
    if op is None:
        error = unknown_op(name)
        raise WordError(error.what, error.help, 0, max(len(name), 1))
    start = len(name) + len(colon)
    args: list[Arg] = []
    for text in _split(rest) if colon else []:
        end = start + len(text)
        try:
            args.append(_arg(op, text, start, first=not args and start == len(name) + 1))
        except CnncalcError as error:
            raise WordError(error.what, error.help, start, max(end, start + 1)) from None
        start = end + 1
    return op, args


def _split(rest: str) -> list[str]:
    """The arguments: between commas that stand outside of brackets and quotes."""
    parts, depth, quoted, begin = [], 0, False, 0
    for i, c in enumerate(rest):
        if c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c in "[{") - (c in "]}")
            if c == "," and depth == 0:
                parts.append(rest[begin:i])
                begin = i + 1
    return [*parts, rest[begin:]]


def _arg(op: str, text: str, start: int, first: bool) -> Arg:
    cls = OPS[op][0]
    end = start + len(text)
    key, equals, value = text.partition("=")
    if equals:
        return Arg(key, _value(key, value), start, end)
    if text.lower() in FLAGS:
        key, value_ = FLAGS[text.lower()]
        if key in cls.KEYS:
            return Arg(key, value_, start, end)
    axes = read_axes(text)
    if axes is not None:
        if cls.BARE is None or not first:
            why = "comes first, before the keys" if cls.BARE else f"means nothing to {op}"
            raise SpecError(f"the bare number {shown(text)} {why}", _fused_help(cls, text))
        return Arg(cls.BARE, axes, start, end)
    letters = text[:2].lower() if text[:2].lower() == "pt" else text[:1].lower()
    axes = read_axes(text[len(letters) :])
    if axes is not None and letters in _FUSED and keys_named(cls, _FUSED[letters]):
        return Arg(_FUSED[letters], axes, start, end)
    raise _unreadable(op, cls, text)


def _fused_help(cls: type[Layer], text: str) -> str:
    keys = [k for k in ("k", "s", "p", "d", "g") if k in cls.KEYS]
    return f"write {' or '.join(k + text for k in keys)}" if keys else "leave it out"


def _unreadable(op: str, cls: type[Layer], text: str) -> SpecError:
    if not text:
        return SpecError("an argument is empty", "there is a comma or a colon too many")
    if ":" in text:
        return SpecError(f"{shown(text)} is not an argument", "one colon stands after the op, commas between arguments")
    if cls.BARE is not None and text[:1] == "-":
        return SpecError(f"{shown(text)} is no bare number", f"write {cls.BARE}=[{text}]")
    stem = text.rstrip("0123456789.+xX-")
    flags = [f for f, (key, _) in FLAGS.items() if key in cls.KEYS and f not in cls.KEYS]
    known = [*cls.KEYS, *flags, *LAYER_KEYS]
    if stem.lower() in known and stem != text:
        return SpecError(f"{shown(text)} is not a number for {stem}", f"as {stem}3, {stem}3x5")
    help = nearest(stem or text, known) or f"{op} has {', '.join(known)}"
    return SpecError(f"{op} has no {shown(text)}", help)


def _value(key: str, text: str) -> Any:
    """The value behind `=`: JSON, AXES or the text itself."""
    if key in _TEXTS and not text.startswith('"'):
        return text
    if key == "from":
        return text.split("+")
    axes = read_axes(text)
    if axes is not None:
        return axes
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def read_axes(text: str) -> Any:
    """`3` is a number, `3x5` one per axis, `0+1` before and after on all axes, `0+1x2` per axis; else None."""
    sides = [_side(side) for side in split_axes(text)] if "," not in text else [None]
    if None in sides:
        return None
    return sides[0] if len(sides) == 1 and isinstance(sides[0], int) else sides


def _side(text: str) -> Any:
    before, plus, after = text.partition("+")
    if not is_digits(before) or (plus and not is_digits(after)):
        return None
    return [int(before), int(after)] if plus else int(before)
