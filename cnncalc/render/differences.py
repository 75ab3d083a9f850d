"""What changed between two networks, as text: one function a format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..diff import ABSENT, COUNTS, FIELDS, SHAPES, Change, LayerDiff
from ..explain import axes_text
from ..sizes import counted, show, to_json
from ..trace import LayerReport, listed
from .columns import COLUMNS, brief, op_text, rf_text

if TYPE_CHECKING:
    from ..diff import Difference
    from . import Style

FORMATS = ("table", "json", "markdown")
SAME = "no difference"
SIGNS = {
    "+": "added",
    "-": "removed",
    "~": "changed",
    ">": "moved or renamed",
    ".": "follows from what comes to it",
}
FEW = 20
"""More rows than this are folded up in Markdown."""
LONGEST = 60_000
"""How many characters the rows of Markdown may have: a comment on GitHub holds 65,536."""
_WORDS = {
    "in": "input",
    "out": "output",
    "macs": "MACs",
    "fc_weights": "fc",
    "local_weights": "local",
    "rf_size": "field size",
    "rf_stride": "field stride",
    "rf_start": "field start",
}
_USUAL = ("out", "params", "buffers", "macs")


Renderer = Callable[["Difference", "Style"], Iterator[str]]


def renderer(format: str) -> Renderer:
    """The function that writes a difference in a format; rich is imported for a table only."""
    if format == "table":
        from .differences_table import render

        return render
    return as_json if format == "json" else markdown


class Row(NamedTuple):
    """A key or a figure that differs, as text."""

    sign: str
    layer: str
    what: str
    old: str
    new: str
    change: str = ""
    share: str = ""


Write = Callable[[int | None], str]
"""How a count is written: in full, or in short."""


def short(number: int | None) -> str:
    """A count in three digits from 10,000 on: 118M."""
    if number is None or number >= 0:
        return brief(number, COLUMNS["macs"])
    return "-" + brief(-number, COLUMNS["macs"])


def rows(diff: Difference, layer: LayerDiff, write: Write = counted) -> list[Row]:
    """The rows of a layer, its sign and its name in the first; none for one that has but another running number."""
    if layer.old is None or layer.new is None:
        found = list(_whole_layer(layer, write))
    else:
        found = list(_both(diff, layer, write))
    return [row._replace(sign=sign_of(layer), layer=layer.name) if n == 0 else row for n, row in enumerate(found)]


def sign_of(layer: LayerDiff) -> str:
    """The sign that stands before a layer."""
    if layer.old is None:
        return "+"
    if layer.new is None:
        return "-"
    return "~" if layer.own else "." if layer.follows else ">"


def _whole_layer(layer: LayerDiff, write: Write) -> Iterator[Row]:
    """A layer that has come, or gone."""
    report = layer.new or layer.old
    assert report is not None
    texts = [("op", op_text(report)), ("output", show(report.out))]
    for what in ("params", "buffers", "macs"):
        number: int | None = getattr(report, what)
        if number != 0:
            texts.append((word(what), write(number)))
    for what, text in texts:
        yield Row("", "", what, text, "") if layer.new is None else Row("", "", what, "", text)


def _both(diff: Difference, layer: LayerDiff, write: Write) -> Iterator[Row]:
    """A layer that was there before."""
    old, new = layer.old, layer.new
    assert old is not None
    assert new is not None
    if layer.is_renamed and not layer.counted:
        yield Row("", "", "name", old.name, new.name)
    if layer.moved:
        yield Row("", "", "place", _behind(diff.old.layers, layer.places[0]), _behind(diff.new.layers, layer.places[1]))
    for change in layer.keys:
        yield Row("", "", change.what, value_text(change.old), value_text(change.new))
    usual = [change for change in layer.figures if change.what in _USUAL]
    others = [change for change in layer.figures if change.what not in (*_USUAL, *FIELDS)]
    field = any(change.what in FIELDS for change in layer.figures)
    for change in usual or ([] if field else others):
        yield figure_row("", change, write)
    if field:
        yield Row("", "", "field", rf_text(old.rf), rf_text(new.rf))


def _behind(layers: list[LayerReport], place: int | None) -> str:
    return f"after {layers[place - 1].name}" if place else "first"


def figure_row(layer: str, change: Change, write: Write = counted) -> Row:
    """The row of a figure, with the change and what share of the old it is."""
    old, new = (_figure_text(change.what, value, write) for value in (change.old, change.new))
    return Row("", layer, word(change.what), old, new, change_text(change, write), share_text(change))


def total_rows(diff: Difference, write: Write = counted) -> list[Row]:
    """The figures of the whole; above them the input, the dialect and the layout where they differ."""
    found = [Row("", "", change.what, *_setting(change)) for change in diff.settings]
    found += [figure_row("", c, write) for c in diff.totals if c.old != () or c.new != ()]
    return [row._replace(layer="total") if n == 0 else row for n, row in enumerate(found)]


def _setting(change: Change) -> tuple[str, str]:
    old, new = (show(v) if isinstance(v, tuple) else str(v) for v in (change.old, change.new))
    return old, new


def word(what: str) -> str:
    """A figure as a table calls it."""
    return _WORDS.get(what, what)


def _figure_text(what: str, value: Any, write: Write) -> str:
    if value is ABSENT:
        return ""
    if what in SHAPES:
        return show(value)
    return write(value) if what in COUNTS else axes_text(value)


def value_text(value: Any) -> str:
    """A key's value as in a layer word; empty for a key that is not there."""
    if value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "unknown" if value is None else axes_text(value)


def change_text(change: Change, write: Write = counted) -> str:
    """By how much a figure differs: `+64`, `same`, `unknown`; empty where it is no number."""
    if change.is_unknown:
        return "unknown"
    if not change.differs:
        return "same"
    by = change.by
    if isinstance(by, tuple):
        texts = [_signed(number, write) for number in by]
        return texts[0] if len(set(texts)) == 1 else " x ".join(texts)
    return "" if by is None else _signed(by, write)


def _signed(number: int, write: Write) -> str:
    return ("+" if number > 0 else "") + write(number)


def share_text(change: Change) -> str:
    """What share of the old the change is: `+12.5%`, `unknown`, `from 0`; empty where that means nothing."""
    if change.what in SHAPES or change.what == "rf_start" or ABSENT in (change.old, change.new):
        return ""
    if change.is_unknown:
        return "unknown"
    if not change.differs:
        return ""
    if change.what in COUNTS:
        return percent(change.old, change.new)
    if len(change.old) != len(change.new):
        return ""
    texts = [percent(old, new) for old, new in zip(change.old, change.new, strict=True)]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def percent(old: int, new: int) -> str:
    """The share of the old that new less old is, exactly rounded to a tenth of a percent."""
    if old == new:
        return "0%"
    if old == 0:
        return "from 0"
    sign = "+" if new > old else "-"
    tenths = (2000 * abs(new - old) + abs(old)) // (2 * abs(old))
    return f"{sign}{tenths // 10:,}.{tenths % 10}%" if tenths else f"{sign}<0.1%"


def verdict(diff: Difference) -> str:
    """`another input, 1 layer added, 2 changed, 5 follow`."""
    counts = {
        "added": len(diff.added),
        "removed": len(diff.removed),
        "changed": len(diff.changed),
        "moved": len(diff.moved),
        "renamed": len(diff.renamed) - len(renumbered(diff)),
        "renumbered": len(renumbered(diff)),
        "follows" if len(diff.following) == 1 else "follow": len(diff.following),
    }
    parts = [(number, what) for what, number in counts.items() if number]
    texts = [f"another {change.what}" for change in diff.settings]
    for index, (number, what) in enumerate(parts):
        noun = "" if index else "layer " if number == 1 else "layers "
        texts.append(f"{number:,} {noun}{what}")
    return ", ".join(texts)


def cost(diff: Difference) -> str:
    """`parameters +64 (+12.5%), MACs the same`."""
    parts = []
    for change in diff.totals:
        if change.what in ("params", "macs"):
            name = "parameters" if change.what == "params" else "MACs"
            if change.is_unknown or not change.differs:
                parts.append(f"{name} {'unknown' if change.is_unknown else 'the same'}")
            else:
                parts.append(f"{name} {change_text(change)} ({share_text(change)})")
    return ", ".join(parts)


def renumbered(diff: Difference) -> list[tuple[str, str]]:
    """The old and the new name of each layer that has but another running number."""
    return [(x.old.name, x.new.name) for x in diff.renamed if x.counted and x.old is not None and x.new is not None]


# JSON


def as_json(diff: Difference, style: Style) -> Iterator[str]:
    """One JSON document, a layer a line."""
    encode = json.JSONEncoder(ensure_ascii=False, default=_whatever).encode
    head = {
        "cnncalc": 1,
        "old": {"spec": diff.names[0], **diff.old.head()},
        "new": {"spec": diff.names[1], **diff.new.head()},
        "differ": bool(diff),
        "settings": {change.what: _before_after(change) for change in diff.settings},
        "totals": {change.what: _figure_json(change) for change in diff.totals},
    }
    yield encode(head)[:-1]
    lists: dict[str, list[Any]] = {
        "added": [{"at": x.places[1], **x.new.raw()} for x in diff.added if x.new is not None],
        "removed": [{"at": x.places[0], **x.old.raw()} for x in diff.removed if x.old is not None],
        "changed": [_layer_json(layer) for layer in diff.changed],
        "follows": [_layer_json(layer) for layer in diff.following],
        "renamed": [
            {"old": x.old.name, "new": x.new.name, "counted": x.counted} for x in diff.renamed if x.old and x.new
        ],
        "moved": [{"name": x.name, "old": x.places[0], "new": x.places[1]} for x in diff.moved],
    }
    for key, entries in lists.items():
        yield f',\n"{key}": [' + ",".join("\n  " + encode(entry) for entry in entries) + ("\n]" if entries else "]")
    yield "}\n"


def _whatever(value: Any) -> Any:
    return str(value)


def _layer_json(layer: LayerDiff) -> dict[str, Any]:
    return {
        "name": layer.name,
        "at": layer.places,
        "keys": {change.what: _before_after(change) for change in layer.keys},
        "figures": {change.what: _figure_json(change) for change in layer.figures},
    }


def _before_after(change: Change) -> dict[str, Any]:
    """Old and new, without what a layer does not have."""
    as_sizes = change.what in (*SHAPES, "input")
    values = {"old": change.old, "new": change.new}
    return {
        side: to_json(value) if as_sizes and isinstance(value, tuple) else listed(value)
        for side, value in values.items()
        if value is not ABSENT
    }


def _figure_json(change: Change) -> dict[str, Any]:
    """Old, new, and for a number the change and what share of the old it is; null where it is not known."""
    found = _before_after(change)
    if change.what in SHAPES:
        return found
    by = change.by
    found["change"] = by
    if change.what == "rf_start":
        return found
    if isinstance(by, tuple):
        found["relative"] = [_relative(old, n) for old, n in zip(change.old, by, strict=True)]
    else:
        found["relative"] = None if by is None else _relative(change.old, by)
    return found


def _relative(old: int, by: int) -> float | None:
    try:
        return by / old
    except (ZeroDivisionError, OverflowError):
        return None


# Markdown


def markdown(diff: Difference, style: Style) -> Iterator[str]:
    """A comment for a pull request: the verdict, the totals, and the layers, folded up where they are many."""
    old, new = (code(name) for name in diff.names)
    if not diff:
        yield f"**No difference** between {old} and {new}.\n"
        return
    yield f"**From {old} to {new}: {verdict(diff)}; {cost(diff)}.**\n\n"
    yield from _table(("", "before", "after", "change", "%"), (_cells(row)[2:] for row in total_rows(diff)), 1)
    room = LONGEST
    for title, layers in (
        ("What changed", [layer for layer in diff.layers if not layer.follows]),
        ("What follows from it", [layer for layer in diff.layers if layer.follows]),
    ):
        found = [row for layer in layers for row in rows(diff, layer)]
        lines = list(_table(("", "layer", "", "before", "after", "change", "%"), map(_cells, found), 3))
        shown, room = _fitting(lines, room)
        if found:
            many = f"{len(layers):,} {'layer' if len(layers) == 1 else 'layers'}"
            yield from _section(f"{title} ({many})", lines, shown)
    numbers = renumbered(diff)
    if numbers:
        yield f"\nRenumbered: {code(numbers[0][0])} to {code(numbers[0][1])}{_and_more(len(numbers) - 1)}.\n"


def _and_more(count: int) -> str:
    return f" and {count:,} more" if count else ""


def _fitting(lines: list[str], room: int) -> tuple[int, int]:
    """How many of these lines there is room for, the head always, and the room that is left."""
    for number, line in enumerate(lines):
        room -= len(line)
        if room < 0 and number >= 2:
            return number, 0
    return len(lines), room


def _section(title: str, lines: list[str], shown: int) -> Iterator[str]:
    fold = len(lines) - 2 > FEW
    yield f"\n<details><summary>{title}</summary>\n\n" if fold else f"\n{title}:\n\n"
    yield from lines[:shown]
    if shown < len(lines):
        yield f"\n{len(lines) - shown:,} more rows are left out here: `cnncalc diff --json` has them all.\n"
    if fold:
        yield "\n</details>\n"


def _table(titles: tuple[str, ...], body: Any, left: int) -> Iterator[str]:
    """A table as GitHub draws it, the first columns to the left."""
    yield "| " + " | ".join(titles) + " |\n"
    yield "|" + "|".join("---" if n < left else "---:" for n in range(len(titles))) + "|\n"
    for cells in body:
        yield "| " + " | ".join(cells) + " |\n"


def _cells(row: Row) -> tuple[str, ...]:
    """A row in Markdown: what comes from the specs as code, the sign as a word."""
    sign = SIGNS[row.sign] if row.sign in "+-~>" and row.sign else ""
    old, new = (text if _is_plain(text) else code(text) for text in (row.old, row.new))
    layer = code(row.layer) if row.layer else ""
    return sign, layer, row.what, old, new, row.change, row.share.replace("<", "&lt;")


def _is_plain(text: str) -> bool:
    """Whether nothing in a text can mean anything in Markdown."""
    return text == "unknown" or not text.strip("-0123456789,.")


def code(text: str) -> str:
    """A text as code, which Markdown leaves as it is: no table ends in it, nobody is called by it."""
    if not any(sign in text for sign in "`|\\\n\r") and text == text.strip():
        return f"`{text}`"
    return "<code>" + "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text) + "</code>"
