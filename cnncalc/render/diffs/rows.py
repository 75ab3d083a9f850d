"""The rows and the sentences that every format of a difference is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ...diffs import ABSENT, COUNTS, FIELDS, SHAPES, Change, LayerDiff
from ...explain import axes_text
from ...report import LayerReport
from ...sizes import counted, show
from ..columns import COLUMNS, brief, op_text, rf_text

if TYPE_CHECKING:
    from ...diffs import Difference

SAME = "no difference"
SIGNS = {
    "+": "added",
    "-": "removed",
    "~": "changed",
    ">": "moved or renamed",
    ".": "follows from what comes to it",
}
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
