"""JSON text, streamed: all in one line, but for arrays and objects with an entry a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import UNSEEN

_encoded = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=str).encode


def encode(value: Any) -> str:
    """Return a JSON value in one line; what JSON cannot hold (an open size) as its text.

    A terminal or a log shows it as it is: what is not printable is escaped, and so is the beginning of `##[command]`.
    """
    text = _encoded(value)
    if not (text.isascii() and text.isprintable()):
        text = "".join([c if c.isprintable() else json.dumps(c)[1:-1] for c in text])
        text = re.sub(UNSEEN, lambda sign: json.dumps(sign[0])[1:-1], text)
    return text.replace("##", "#\\u0023") if "##" in text else text


def entries(texts: Iterable[str], brackets: str = "[]", outer: str = "", inner: str = "  ") -> Iterator[str]:
    """Yield an array (or an object, with the brackets `{}`) of JSON texts, each in a line of its own.

    `inner` is the indentation of the entries, `outer` that of the closing bracket.
    """
    before, end = f"{brackets[0]}\n{inner}", brackets
    for text in texts:
        yield before + text
        before, end = f",\n{inner}", f"\n{outer}{brackets[1]}"
    yield end


def document(keys: Iterable[tuple[str, Any]], in_lines: bool = True) -> Iterator[str]:
    """Yield an object in one line, except that an iterator is an array with an entry a line if it is `in_lines`.

    A key is asked for once the entries of the array before it have been written.
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
