"""JSON text, streamed: on one line, except for arrays and objects with one entry per line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import UNSEEN

_encoded = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=str).encode


def encode(value: Any) -> str:
    """Return a JSON value on one line; what JSON cannot express (an open size) becomes text.

    It is safe in a terminal or a log: unprintable characters are escaped, and so is the beginning of `##[command]`.
    """
    text = _encoded(value)
    if not (text.isascii() and text.isprintable()):
        text = "".join([c if c.isprintable() else json.dumps(c)[1:-1] for c in text])
        text = re.sub(UNSEEN, lambda sign: json.dumps(sign[0])[1:-1], text)
    return text.replace("##", "#\\u0023") if "##" in text else text


def entries(texts: Iterable[str], brackets: str = "[]", outer: str = "", inner: str = "  ") -> Iterator[str]:
    """Yield an array (or an object, with the brackets `{}`) of JSON texts, each on its own line.

    `inner` is the indentation of the entries, `outer` that of the closing bracket.
    """
    before, end = f"{brackets[0]}\n{inner}", brackets
    for text in texts:
        yield before + text
        before, end = f",\n{inner}", f"\n{outer}{brackets[1]}"
    yield end


def document(keys: Iterable[tuple[str, Any]], in_lines: bool = True) -> Iterator[str]:
    """Yield an object on one line; an iterator becomes an array, with `in_lines` one entry per line.

    Keys are consumed only after the entries of a preceding array have been written.
    """
    before = "{"
    for key, value in keys:
        yield f"{before}{encode(key)}: "
        if isinstance(value, Iterator) and in_lines:
            yield from entries(map(encode, value))
        elif isinstance(value, Iterator):
            first = next(value, None)
            yield "[" if first is None else f"[{encode(first)}"
            yield from (f", {encode(entry)}" for entry in value)
            yield "]"
        else:
            yield encode(value)
        before = ", "
    yield "}\n"
