"""The arguments of a layer word: `k3`, `k3s2`, `stride=2`, `nobias`, `0+1x2`, and activations and norms after it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import CnncalcError, SpecError
from ..layers import OPS, Layer, find_op, keys_named, names_axes, unknown_op
from ..layers.keys import FORMS, axis, divisor, factors, flag, integers, not_negative, number, numbers, rate, rounding
from ..sizes import is_digits, split_axes
from .examples import example_word
from .heads import Arg, Misspelt, WordError, WordHead
from .tokens import QUOTES, split_arguments

FLAGS: dict[str, tuple[str, Any]] = {
    "ceil": ("ceil", True),
    "flip": ("flip", True),
    "nobias": ("bias", False),
    **{word: ("p", word) for word in ("same", "valid", "full", "causal", "same_upper", "same_lower")},
}
_SPELT_FLAGS = {"bias": ("bias", True), **{word.replace("_", ""): said for word, said in FLAGS.items()}}
"""The flags by their normalized spelling: lower case, without - and _."""
FUSED = {"pt": "p_total", "k": "k", "s": "s", "p": "p", "d": "d", "g": "g"}
_SHORT = {"kernel": "k", "pad": "p"}
"""Names of keys that people type but that no framework has."""
_TEXTS = ("name", "tie")
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Follower(NamedTuple):
    """An activation or a norm after a layer, in its word."""

    suffix: str
    """What it adds to the layer's name: the word as written."""
    op: str


Part = Arg | Follower
BARE = ""
"""The key of a bare number."""
MODE = "padding_mode"


def all_parts(head: WordHead, rest: str, start: int) -> Iterator[Part]:
    """Yield the arguments of a word. Raise WordError at the place of an unreadable one."""
    first = start
    for index, text in enumerate(split_arguments(rest)):
        own = text.strip()
        begin = start + len(text) - len(text.lstrip())
        try:
            yield from parts_of(head, own, begin, first=index == 0)
        except CnncalcError as error:
            if isinstance(error, Misspelt):
                before, after = rest[: begin - first], rest[begin - first + len(own) :]
                error.help = f"{error.lead} {head.written}:{before}{error.instead}{after}"
            raise WordError(error.what, error.help, begin, max(begin + len(own), begin + 1)) from None
        start += len(text) + 1


def parts_of(head: WordHead, text: str, start: int, *, first: bool) -> list[Part]:
    """Return the keys that one argument sets; empty for one without effect."""
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
    if not head.op and text:
        return [Arg(BARE, _json(text), start, end)]
    if follower is None:
        from .guesses import unreadable  # imported only for an error

        raise unreadable(head, cls, text, first=first)
    return [_follower(head, text, follower)]


def _flag(cls: type[Layer], text: str) -> list[tuple[str, Any]]:
    """Return the keys that a flag sets: `nobias`, or the name of a boolean key, such as `bidirectional`."""
    if cls.KEYS.get(text) is flag:
        return [(text, True)]
    said = _SPELT_FLAGS.get(text.lower().replace("_", "").replace("-", ""))
    return [said] if said is not None and said[0] in cls.KEYS else []


def _bare(head: WordHead, cls: type[Layer], text: str) -> list[tuple[str, Any]]:
    """Return a bare number: AXES, or any number if the op or a framework's class accepts one."""
    axes = read_axes(text)
    if axes is None and text[:1] in tuple("-.0123456789") and (takes_any_number(cls) or head.kind):
        with suppress(ValueError):
            axes = json.loads(text)
    if axes is None and text[:1] in ("(", "[") and cls.BARE not in (None, "from"):
        axes = _json(text) if isinstance(_json(text), list) else None
    return [] if axes is None else [(BARE, axes)]


def _given(head: WordHead, cls: type[Layer], key: str, value: str, start: int, end: int) -> list[Part]:
    """Return the keys that `key=value` sets."""
    if key in ("act", "activation") and head.op and not keys_named(cls, key):
        if value.lower() in ("none", "linear", "identity", "null"):
            return []
        op = find_op(value.strip("\"'").replace("_", ""))
        if op is None:
            raise unknown_op(value)
        return [_follower(head, value.strip("\"'"), op)]
    is_switch = value.lower() in _TRUTHS and not keys_named(cls, key)
    if is_switch and (said := _switched(head, cls, key, _TRUTHS[value.lower()], start, end)) is not None:
        return said
    if _SHORT.get(key) in cls.KEYS and not keys_named(cls, key):
        key = _SHORT[key]
    return [Arg(key, _value(cls, key, value), start, end)]


def _switched(head: WordHead, cls: type[Layer], key: str, on: bool, start: int, end: int) -> list[Part] | None:
    """Return what `relu=true`, `same=yes`, `nobias=0` or `inplace=true` sets; None for other keys."""
    if key == "inplace" and cls.KEEPS_SHAPE:
        return []
    op = find_op(key) if head.op else None
    if op is not None and OPS[op][0].FOLLOWS:
        return [_follower(head, key, op)] if on else []
    for own, meant in _flag(cls, key):
        if on or not isinstance(meant, str):
            return [Arg(own, meant if on else not meant, start, end)]
        return []
    return None


def _follower(head: WordHead, text: str, op: str) -> Follower:
    cls = OPS[op][0]
    example = example_word(op).replace(op, text) if names_axes(text) else example_word(op)
    if not cls.FOLLOWS:
        what = f"{text} is a separate layer: only activations and norms can follow {head.op} in its word"
        raise SpecError(what, f"write it as a separate word: {example}")
    if cls.NEEDED:
        raise SpecError(f"{text} needs {cls.NEEDED[0]}", f"write it as a separate word: {example}")
    return Follower(text.lower(), op)


_NUMBER_READERS = (number, not_negative, numbers, rate, axis, divisor, factors, integers)


FRACTIONS = (number, not_negative, rate)
"""The readers of a single number that may be a fraction."""


def takes_any_number(cls: type[Layer]) -> bool:
    """Return whether the bare number of a class may be fractional or negative."""
    return cls.BARE is not None and cls.KEYS.get(cls.BARE) in _NUMBER_READERS


def takes_several(cls: type[Layer]) -> bool:
    """Return whether the bare argument of a class may have a number for each axis."""
    bare = cls.BARE or ""
    return bare in cls.KEYS and FORMS[cls.KEYS[bare]][1](None).get("type") not in ("integer", "number")


_SIDE = r"\d+(?:\+\d+)?"
_ONE_FUSED = re.compile(rf"([A-Za-z_]+?)({_SIDE}(?:[xX×]{_SIDE})*)(?:/({_SIDE}(?:[xX×]{_SIDE})*))?")
_SCALE = r"[xX×](\d+(?:\.\d+)?(?:[xX×]\d+(?:\.\d+)?)*)|(\d+(?:\.\d+)?)[xX×]"


def _fused(cls: type[Layer], text: str) -> list[tuple[str, Any]]:
    """Return the keys of an argument whose numbers follow their names: `k3s2`, `stride2`, `k7/2`, `x2`."""
    letters = text[: 2 if text[:2].lower() == "pt" else 1].lower()
    axes = read_axes(text[len(letters) :])
    if axes is not None and letters in FUSED and keys_named(cls, FUSED[letters]):
        return [(FUSED[letters], axes)]  # the usual case
    scale = re.fullmatch(_SCALE, text) if "factor" in cls.KEYS else None
    if scale is not None:
        sides = [json.loads(side) for side in re.split("[xX×]", scale[1] or scale[2])]
        return [("factor", sides if len(sides) > 1 else sides[0])]
    found: list[tuple[str, Any]] = []
    at = 0
    if cls.BARE == "k" and "/" in text and text[:1].isdigit():
        text = f"k{text}"  # 3x3/2
    while at < len(text):
        match = _ONE_FUSED.match(text, at)  # searching for it would take the square of the length
        key = fused_key(cls, match[1].lower()) if match else None
        if match is None or key is None or (match[3] and key != "k"):
            return []
        found.append((FUSED[key], read_axes(match[2])))
        if match[3]:
            found.append(("s", read_axes(match[3])))
        at = match.end()
    return found


def fused_key(cls: type[Layer], word: str) -> str | None:
    """Return the letters that a number may follow (s), for any name of such a key of the op (stride)."""
    if word in FUSED:
        return word if keys_named(cls, FUSED[word]) else None
    names = (_SHORT[word],) if word in _SHORT else keys_named(cls, word)
    return next((letters for letters, key in FUSED.items() if names == (key,)), None)


def _value(cls: type[Layer], key: str, text: str) -> Any:
    """Read the value after `=`: JSON, AXES, a Python literal, or the text itself."""
    if key in _TEXTS:
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES else text
    if key == "from":
        return [part.strip().strip(QUOTES) for part in text.split("+")]
    is_truth = any(cls.KEYS[one] in (flag, rounding) for one in keys_named(cls, key))
    value = _TRUTHS.get(text.lower()) if is_truth else read_axes(text)
    return _json(text) if value is None else value


def _json(text: str) -> Any:
    """Return a text read as JSON or as a Python literal, or else the text."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return _literal(text) if text[:1] in ("(", "'") or text in ("True", "False", "None") else text


def _literal(text: str) -> Any:
    """Return a text read as a Python literal, with tuples as lists; the text itself if it is not one."""
    from ast import literal_eval

    from .python import expression

    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        value = literal_eval(expression(text))
        return json.loads(json.dumps(value))
    return text


def read_axes(text: str) -> Any:
    """Read `3` as a number, `3x5` per axis, `0+1` before and after on all axes, `0+1x2` per axis; None for others."""
    sides = [_side(side) for side in split_axes(text)] if "," not in text else [None]
    if None in sides:
        return None
    return sides[0] if len(sides) == 1 and isinstance(sides[0], int) else sides


def _side(text: str) -> Any:
    before, plus, after = text.partition("+")
    if not is_digits(before) or (plus and not is_digits(after)):
        return None
    return [int(before), int(after)] if plus else int(before)
