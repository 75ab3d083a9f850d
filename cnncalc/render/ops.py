"""The ops: a list by family, or one op with its keys; for a person, in Markdown, or as JSON."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..contrasts import grouped
from ..layers import OPS
from ..notation.keys import LAYER_KEYS
from ..notation.ops import Key, Op, by_family

if TYPE_CHECKING:
    from . import Style

HEADS = ("op", "keys", "computes")
KEY_HEADS = ("key", "takes", "default", "meaning")
Section = tuple[str, Sequence[tuple[str, ...]]]
"""A heading and the rows below it."""


def listing(format: str, style: Style) -> Iterator[str]:
    """Write every op by family, a line each."""
    families = by_family()
    if format == "json":
        yield _json({title: [_as_dict(op) for op in ops] for title, ops in families.items()})
    elif format == "markdown":
        ops = [op for ops in families.values() for op in ops]
        yield from _markdown(HEADS, [(_code(op.words), _code(key.name for key in op.keys), op.title) for op in ops])
    else:
        sections = [(title, [(" ".join(op.words), op.title) for op in ops]) for title, ops in families.items()]
        yield from _table(("op", "computes"), sections, style)
        yield "\nkeys, defaults and an example of one: cnncalc ops conv\n"


def one(op: Op, format: str, style: Style) -> Iterator[str]:
    """Write one op: what it computes, its keys, what they default to, its other names and an example."""
    if format == "json":
        yield _json(_as_dict(op))
        return
    rows = [(key.name, key.takes, _default(key), _meaning(key)) for key in op.keys]
    if format == "markdown":
        yield f"**{op.name}**: {op.title}\n\n"
        yield from _markdown(KEY_HEADS, rows) if rows else ()
        yield "".join(f"\n{line}  " for line in _notes(op)) + "\n"
        return
    yield f"{op.name}: {op.title}\n\n"
    if rows:
        yield from _table(KEY_HEADS, [("", rows)], style)
        yield "\n"
    yield "".join(f"{line}\n" for line in _notes(op))


def _notes(op: Op) -> Iterator[str]:
    """Write the lines below the table of keys."""
    for key in op.keys:
        if key.by_dialect:
            yield f"{key.name} left out: {grouped([(name, _value(value)) for name, value in key.by_dialect.items()])}"
    if op.bare:
        yield f"a bare number, first, is {op.bare}"
    if op.flags:
        yield f"flags in layer words: {' '.join(op.flags)}"
    if op.also:
        yield f"also read as, in any case: {', '.join(op.also)}"
    if len(op.words) > 1:
        yield f"spatial axes: {', '.join(f'{OPS[word][1]} in {word}' for word in op.words)}"
    yield f"keys of every layer: {', '.join(LAYER_KEYS)} (cnncalc help words)"
    yield f"example: cnncalc shape {shlex.join(op.example)}"


def _default(key: Key) -> str:
    if key.needed:
        return "needed"
    return "by dialect" if key.by_dialect else "" if key.default is None else _value(key.default)


def _meaning(key: Key) -> str:
    return f"{key.help} Also {', '.join(key.also)}." if key.also else key.help


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(heads: tuple[str, ...], sections: Sequence[Section], style: Style) -> Iterator[str]:
    from rich.text import Text

    from .table import drawn, new_console, new_table

    console, table = new_console(style), new_table(style, 1)
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head == "key")
    for title, rows in sections:
        if title:
            table.add_section()
            table.add_row(Text(title, style="bold"))
        for first, *others in rows:
            table.add_row(Text(first, style="cyan"), *map(Text, others))
    yield drawn(console, table)


def _markdown(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    for row in (heads, ["---"] * len(heads), *rows):
        cells = [re.sub(r"([|*])", r"\\\1", cell) for cell in row]
        yield f"| {' | '.join(cells)} |\n"


def _code(words: Iterable[str]) -> str:
    return f"`{text}`" if (text := " ".join(words)) else ""


def _as_dict(op: Op) -> dict[str, Any]:
    return op._asdict() | {"keys": [key._asdict() for key in op.keys]}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
