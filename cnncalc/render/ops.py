"""The ops: a list by family, or one op with its keys; as a table, JSON or Markdown."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..contrasts import grouped
from ..layers import OPS
from ..notation.encode import document as json_document
from ..notation.ops import KeyDescription, OpDescription, by_family
from ..notation.spec import LAYER_KEYS
from . import Formats
from . import markdown as md
from .drawing import Heading, Line, Table, draw
from .support import said, stances
from .texts import wrapped

if TYPE_CHECKING:
    from . import Style

FORMATS = Formats(__package__, {"table": "ops.table", "json": "ops.document", "markdown": "ops.markdown"})
LONGEST_DECIMAL = 10
"""The most characters of a decimal number; a longer one is written as a fraction, such as 1/6."""
KEY_TITLES = ("key", "takes", "default", "meaning")
Rows = Sequence[Sequence[str]]


def table(op: OpDescription | None, style: Style) -> Iterator[str]:
    """Yield every op by family, one line each; or one op: its keys, their defaults, its other names, an example."""
    if op is None:
        families = {title: [(" ".join(op.words), op.title) for op in ops] for title, ops in by_family().items()}
        yield _drawn(("op", "computes"), families, style)
        yield "\nfor the keys, the defaults and an example of one: cnncalc ops conv\n"
        return
    yield from (f"{line}\n" for line in wrapped(f"{op.name}: {op.title}", style))
    yield "\n"
    if op.keys:
        yield _drawn(KEY_TITLES, {"": _key_rows(op)}, style) + "\n"
    yield from (f"{line}\n" for note in _notes(op) for line in wrapped(note, style))


def document(op: OpDescription | None, style: Style) -> Iterator[str]:
    """Yield one JSON document: the ops of each family, one per line, or one op, one key per line."""
    if op is None:
        return json_document((title, map(_as_dict, ops)) for title, ops in by_family().items())
    value = _as_dict(op)
    return json_document((value | {"keys": iter(value["keys"])}).items())


def markdown(op: OpDescription | None, style: Style) -> Iterator[str]:
    """Yield the ops with their keys, or one op, as Markdown."""
    if op is None:
        ops = [op for ops in by_family().values() for op in ops]
        rows = [(_code(op.words), _code(key.name for key in op.keys), op.title) for op in ops]
        yield from _markdown(("op", "keys", "computes"), rows)
        return
    yield f"**{op.name}**: {_escape(op.title)}\n\n"
    yield from _markdown(KEY_TITLES, _key_rows(op)) if op.keys else ()
    yield "".join(f"\n{_escape(line)}  " for line in _notes(op)) + "\n"


def _key_rows(op: OpDescription) -> Rows:
    also = {key.name: f" Also {', '.join(key.also)}." if key.also else "" for key in op.keys}
    return [(key.name, key.takes, _default(key), key.help + also[key.name]) for key in op.keys]


def _notes(op: OpDescription) -> Iterator[str]:
    """Yield the lines below the table of keys."""
    for key in op.keys:
        if key.by_dialect:
            defaults = [(name, "not set" if value is None else _value(value)) for name, value in key.by_dialect.items()]
            yield f"{key.name} by default: {grouped(defaults)}"
    if op.bare:
        yield f"a bare number as the first argument is {op.bare}"
    if op.flags:
        yield f"flags in layer words: {' '.join(op.flags)}"
    if op.also:
        yield f"also accepted, in any case: {', '.join(op.also)}"
    if len(op.words) > 1:
        yield f"spatial axes: {', '.join(f'{OPS[word][1]} in {word}' for word in op.words)}"
    yield from (f"{form}: {text}" for form, text in said(op.words[0]).items())
    yield f"keys of every layer: {', '.join(LAYER_KEYS)} (cnncalc help words)"
    yield f"example: cnncalc shape {shlex.join(op.example)}"


def _default(key: KeyDescription) -> str:
    if key.needed:
        return "needed"
    return "by dialect" if key.by_dialect else "" if key.default is None else _value(key.default)


def _value(value: Any) -> str:
    if isinstance(value, float) and len(repr(value)) > LONGEST_DECIMAL:
        fraction = Fraction(value).limit_denominator(100)
        if float(fraction) == value:
            return str(fraction)
    return value if isinstance(value, str) else json.dumps(value)


def _drawn(titles: Sequence[str], sections: Mapping[str, Rows], style: Style) -> str:
    """Draw a table with each section below its title."""
    first, *others = titles
    heads = [Heading(first, style="cyan"), *[Heading(title, wraps=True) for title in others]]
    lines = [
        [*([Line([title, *[""] * len(others)], "bold")] if title else []), *map(Line, rows)]
        for title, rows in sections.items()
    ]
    return "".join(draw([Table(heads, lines)], style))


def _markdown(titles: Sequence[str], rows: Rows) -> Iterator[str]:
    return md.table(titles, [list(map(_escape, row)) for row in rows])


def _escape(text: str) -> str:
    """Escape what Markdown would take for the end of a cell or for emphasis; code in backticks stays code."""
    return re.sub(r"([|*])", r"\\\1", text)


def _code(words: Iterable[str]) -> str:
    return f"`{text}`" if (text := " ".join(words)) else ""


def _as_dict(op: OpDescription) -> dict[str, Any]:
    forms = {form: stance._asdict() for form, stance in stances(op.words[0]).items()}
    return op._asdict() | {"keys": [key._asdict() for key in op.keys], "forms": forms}
