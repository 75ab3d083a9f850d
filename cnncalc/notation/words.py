"""Layer words: `conv:64,k7,s2,p3`, one shell word for each layer.

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
from contextlib import suppress
from typing import Any, NamedTuple

from ..dialects import Dialect, layout_of
from ..errors import CnncalcError, Path, SpecError, Where, nearest, shown
from ..layers import OPS, Env, Layer, find_op, keys_named, unknown_op
from ..layers.keys import number, numbers
from ..network import Network, Origin
from ..sizes import is_digits, split_axes
from . import document

_FUSED = {"pt": "p_total", "k": "k", "s": "s", "p": "p", "d": "d", "g": "g"}
FLAGS: dict[str, tuple[str, Any]] = {
    "ceil": ("ceil", True),
    "flip": ("flip", True),
    "nobias": ("bias", False),
    **{word: ("p", word) for word in ("same", "valid", "full", "causal", "same_upper", "same_lower")},
}
_TEXTS = ("name", "tie")


class Arg(NamedTuple):
    """One argument of a word: its key as written, its value as in JSON, and its place in the word."""

    key: str
    value: Any
    start: int
    end: int


class Words(Origin):
    """The words of a command line: where a network was read from."""

    def __init__(self, words: list[str], first: int = 0):
        self.words, self.first = words, first
        """`first` is the index of the first layer: 1 after a shape."""

    def at(self, index: int, start: int, end: int) -> Where:
        """Return the place of a part of a word, with all the words as the excerpt."""
        shown_words = [printable(w) for w in self.words]
        before = sum(len(w) + 1 for w in shown_words[:index])
        word = self.words[index]
        left = before + len(printable(word[:start]))
        width = max(len(printable(word[start:end])), 1)
        return Where(None, 1, left + 1, " ".join(shown_words), width)

    def locate(self, path: Path, key: str | None) -> Where | None:
        """Return the place of a layer, or of the argument that gives its key."""
        if len(path) < 2 or path[0] != "layers":
            return self.at(0, 0, len(self.words[0])) if path == ("input",) and self.first else None
        index = int(path[1]) + self.first
        word = self.words[index]
        wanted = key if key is not None else (str(path[2]) if len(path) > 2 else None)
        if wanted == "op":
            return self.at(index, 0, len(word.partition(":")[0]))
        for arg in parse_word(word)[1]:
            if wanted is not None and wanted in {arg.key, *document.canonical(arg.key)}:
                return self.at(index, arg.start, arg.end)
        return self.at(index, 0, len(word))


def printable(text: str) -> str:
    """Return a word with every character escaped that a terminal cannot show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class WordError(SpecError):
    """An argument that cannot be read, with its place in the word."""

    def __init__(self, what: str, help: str | None, start: int, end: int):
        super().__init__(what, help)
        self.start, self.end = start, end


Completer = Callable[[list[dict[str, Any]]], None]
"""Adds keys that are known from elsewhere to layers as JSON has them."""


def read_words(words: list[str], first: int = 0, complete: Completer | None = None) -> Network:
    """Read a network from layer words, beginning at `first`. SpecError with a caret under what is wrong."""
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


def _as_object(word: str) -> dict[str, Any]:
    op, args = parse_word(word)
    cls, nd = OPS[op]
    layer: dict[str, Any] = {"op": op}
    for key, value, start, end in args:
        if key in layer:
            raise WordError(f"{shown(key)} is given twice", "leave out one of them", start, end)
        lone_pair = isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)
        twice = lone_pair and nd is None and keys_named(cls, key) == ("p",)
        layer[key] = value * 2 if twice else value  # pad:0+1 is for two axes: nothing says how many
    return layer


def is_layer_word(word: str) -> bool:
    """Return whether a word begins with the name of an op."""
    return find_op(word.partition(":")[0]) is not None


def parse_word(word: str) -> tuple[str, list[Arg]]:
    """Parse a word into its op and its arguments. WordError for what cannot be read."""
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
    """Split arguments at the commas outside brackets and quotes."""
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
            what = "only the first argument may be a bare number" if cls.BARE else f"{op} takes no bare number"
            fused = [key + text for key in "kspdg" if key in cls.KEYS]
            raise SpecError(what, f"name this one: {' or '.join(fused)}" if fused else "leave it out")
        return Arg(cls.BARE, axes, start, end)
    if first and cls.BARE and cls.KEYS[cls.BARE] in (number, numbers) and text[:1] in "-0123456789":
        with suppress(ValueError):
            return Arg(cls.BARE, json.loads(text), start, end)
    letters = text[: 2 if text[:2].lower() == "pt" else 1].lower()
    axes, key = read_axes(text[len(letters) :]), _FUSED.get(letters, "")
    if axes is not None and keys_named(cls, key):
        return Arg(key, axes, start, end)
    raise _unreadable(op, cls, text)


def _unreadable(op: str, cls: type[Layer], text: str) -> SpecError:
    if not text:
        return SpecError("an argument is empty", "there is a comma or a colon too many")
    if ":" in text:
        return SpecError(f"{shown(text)} is not an argument", "one colon stands after the op, commas between arguments")
    if cls.BARE is not None and text[:1] == "-":
        with suppress(ValueError):
            _check(cls, cls.BARE, [int(part) for part in split_axes(text)])
        return SpecError(f"{shown(text)} is not a bare number", f"write {cls.BARE}=[{','.join(split_axes(text))}]")
    return _no_such_argument(op, cls, text)


def _check(cls: type[Layer], key: str, values: list[int]) -> None:
    """Raise the error of a key for numbers that it cannot have: advice to give them by its name would not help."""
    try:
        cls.KEYS[key](values[0] if len(values) == 1 else values, len(values))
    except CnncalcError as error:
        error.what = f"{key}: {error.what}"
        raise


def _no_such_argument(op: str, cls: type[Layer], text: str) -> SpecError:
    if cls.BARE is not None and text[0].isdigit():
        return SpecError(
            f"{shown(text)} is not a whole number",
            f"a bare number is {cls.BARE}: write {op}:{document.EXAMPLE.get(cls.BARE, 3)}",
        )
    stem = text.rstrip("0123456789.+xX-")
    flags = [f for f, (key, _) in FLAGS.items() if key in cls.KEYS and f not in cls.KEYS]
    known = [*cls.KEYS, *flags, *document.LAYER_KEYS]
    if stem.lower() in flags and stem != text:
        return SpecError(f"{stem} takes no number", f"write {stem} alone")
    if (fused := _fused_key(cls, stem.lower())) is not None:
        number = text[len(stem) :] if read_axes(text[len(stem) :]) is not None else _EXAMPLES[fused]
        if stem == text or stem.lower() != fused:
            what = "has no number" if stem == text else f"is not a number for {fused}"
            return SpecError(f"{shown(text)} {what}", f"write {fused}{number}")
    if stem.lower() in known and stem != text:
        return SpecError(f"{shown(text)} is not a number for {stem}", f"as {stem}3, {stem}3x5")
    help = nearest(stem or text, known) or f"{op} has {', '.join(known)}"
    return SpecError(f"{op} has no {shown(text)}", help)


_EXAMPLES = {"k": 3, "s": 2, "p": 1, "pt": 2, "d": 2, "g": 2}


def _fused_key(cls: type[Layer], word: str) -> str | None:
    """Return the letters that a number may follow, as s, for any name of such a key of the op, as stride."""
    if word in _FUSED:
        return word if keys_named(cls, _FUSED[word]) else None
    names = keys_named(cls, word)
    return next((letters for letters, key in _FUSED.items() if names == (key,)), None)


def _value(key: str, text: str) -> Any:
    """Read the value after `=`: JSON, AXES or the text itself."""
    if key in _TEXTS and not text.startswith('"'):
        return text
    if key == "from":
        return text.split("+")
    axes = read_axes(text)
    with suppress(ValueError, RecursionError):
        return json.loads(text) if axes is None else axes
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
