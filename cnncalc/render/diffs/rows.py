"""The rows and the sentences that all formats of a difference share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ...diffs import ABSENT, COUNTS, FIELDS, SHAPES, Change, Difference, LayerDiff
from ...explain import axes_text
from ...report import LayerReport
from ...sizes import counted, show
from ..columns import op_text, rf_text
from ..grid import SHORTENED, rounded
from ..texts import plural

SAME = "no difference"
SIGNS = {"+": "added", "-": "removed", "~": "changed", ">": "moved or renamed", ".": "follows from a change above"}
TITLES = ("", "layer", "what", "before", "after", "change", "%")
RIGHT = (False, False, False, True, True, True, True)
"""Whether each column is aligned to the right."""
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
"""The name of a figure in a table, if it differs from its key."""
_USUAL = ("out", "params", "buffers", "macs")


class DiffRow(NamedTuple):
    """A key or a figure that differs, as text."""

    sign: str
    layer: str
    what: str
    old: str
    new: str
    change: str = ""
    share: str = ""


Write = Callable[[int | None], str]
"""A function that writes a count, in full or shortened."""


def short(number: int | None) -> str:
    """Return a count, in three digits from 10,000 on: 118M."""
    if number is None or abs(number) < SHORTENED:
        return counted(number)
    return "-" * (number < 0) + rounded(abs(number))


def rows(diff: Difference, layer: LayerDiff, write: Write = counted) -> list[DiffRow]:
    """Return the rows of a layer, the first with its sign and name; empty if only its running number differs."""
    if layer.old is not None and layer.new is not None:
        sign = "~" if layer.own else "." if layer.follows else ">"
        return _labelled(list(_both_sides(diff, layer, layer.old, layer.new, write)), sign, layer.name)
    if layer.old is None:
        body = [DiffRow("", "", what, "", text) for what, text in _one_side(layer.new, write)]
    else:
        body = [DiffRow("", "", what, text, "") for what, text in _one_side(layer.old, write)]
    return _labelled(body, "+" if layer.old is None else "-", layer.name)


def _one_side(report: LayerReport | None, write: Write) -> Iterator[tuple[str, str]]:
    """Yield the figures of a layer that was added or removed."""
    assert report is not None
    yield "op", op_text(report)
    yield "output", show(report.out)
    for what in ("params", "buffers", "macs"):
        if getattr(report, what) != 0:
            yield _WORDS.get(what, what), write(getattr(report, what))


def _both_sides(
    diff: Difference, layer: LayerDiff, old: LayerReport, new: LayerReport, write: Write
) -> Iterator[DiffRow]:
    """Yield the rows of a layer that both networks have."""
    if layer.is_renamed and not layer.counted:
        yield DiffRow("", "", "name", old.name, new.name)
    if layer.moved:
        yield DiffRow(
            "", "", "place", _place(diff.old.layers, layer.places[0]), _place(diff.new.layers, layer.places[1])
        )
    for change in layer.keys:
        yield DiffRow("", "", change.what, value_text(change.old), value_text(change.new))
    usual = [change for change in layer.figures if change.what in _USUAL]
    field = any(change.what in FIELDS for change in layer.figures)
    for change in usual or ([] if field else layer.figures):
        yield figure_row(change, write)
    if field:
        yield DiffRow("", "", "field", rf_text(old.rf), rf_text(new.rf))


def _place(layers: list[LayerReport], place: int | None) -> str:
    return f"after {layers[place - 1].name}" if place else "first"


def figure_row(change: Change, write: Write = counted) -> DiffRow:
    """Return the row of a figure or a setting, with the absolute and relative change."""
    old, new = (_figure_text(change.what, value, write) for value in (change.old, change.new))
    word = _WORDS.get(change.what, change.what)
    return DiffRow("", "", word, old, new, change_text(change, write), share_text(change))


def total_rows(diff: Difference, write: Write = counted) -> list[DiffRow]:
    """Return the rows of the whole: the input, the dialect and the layout if they differ, then the figures."""
    figures = [change for change in diff.totals if change.old != () or change.new != ()]
    return _labelled([figure_row(change, write) for change in (*diff.settings, *figures)], "", "total")


def _labelled(body: list[DiffRow], sign: str, layer: str) -> list[DiffRow]:
    """Return rows with this sign and name in the first row."""
    return [row._replace(sign=sign, layer=layer) for row in body[:1]] + body[1:]


def _figure_text(what: str, value: Any, write: Write) -> str:
    if value is ABSENT:
        return ""
    if what in (*SHAPES, "input"):
        return show(value)
    return write(value) if what in COUNTS else axes_text(value)


def value_text(value: Any) -> str:
    """Return a key's value as in a layer word; empty for an absent key."""
    if value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "unknown" if value is None else axes_text(value)


def change_text(change: Change, write: Write = counted) -> str:
    """Return the change of a figure: `+64`, `same`, `unknown`; empty if it is not a number."""
    if change.is_unknown:
        return "unknown"
    if not change.differs:
        return "same"
    by = change.by
    if by is None:
        return ""
    return _per_axis([("+" if n > 0 else "") + write(n) for n in (by if isinstance(by, tuple) else [by])])


def share_text(change: Change) -> str:
    """Return the change as a share of the old value: `+12.5%`, `unknown`, `from 0`; empty if it has no meaning."""
    if change.what not in (*COUNTS, "rf_size", "rf_stride") or ABSENT in (change.old, change.new):
        return ""
    if change.is_unknown:
        return "unknown"
    if not change.differs:
        return ""
    if change.what in COUNTS:
        return percent(change.old, change.new) if isinstance(change.old, int) else ""
    if len(change.old) != len(change.new):
        return ""
    return _per_axis([percent(old, new) for old, new in zip(change.old, change.new, strict=True)])


def _per_axis(texts: list[str]) -> str:
    """Return one text for each axis, once if all are equal."""
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def percent(old: int, new: int) -> str:
    """Return new minus old as a percentage of old, exactly rounded to a tenth."""
    if old == new:
        return "0%"
    if old == 0:
        return "from 0"
    sign = "+" if new > old else "-"
    tenths = (2000 * abs(new - old) + abs(old)) // (2 * abs(old))
    return f"{sign}{tenths // 10:,}.{tenths % 10}%" if tenths else f"{sign}<0.1%"


def line(diff: Difference) -> str:
    """Return what differs in one line; `no difference` if nothing does."""
    return verdict(diff) if diff else SAME


def verdict(diff: Difference) -> str:
    """Return `another input, 1 layer added, 2 changed, 5 follow`."""
    counts = (
        ("added", len(diff.added)),
        ("removed", len(diff.removed)),
        ("changed", len(diff.changed)),
        ("moved", len(diff.moved)),
        ("renamed", len(diff.renamed) - len(diff.renumbered)),
        ("renumbered", len(diff.renumbered)),
        ("follows" if len(diff.following) == 1 else "follow", len(diff.following)),
    )
    texts = [f"another {change.what}" for change in diff.settings]
    for at, (what, number) in enumerate((what, number) for what, number in counts if number):
        texts.append(f"{plural(number, 'layer') if at == 0 else f'{number:,}'} {what}")
    return ", ".join(texts)


def cost(diff: Difference) -> str:
    """Return `parameters +64 (+12.5%), MACs the same`."""
    parts = []
    for change in diff.totals:
        name = {"params": "parameters", "macs": "MACs"}.get(change.what)
        if name is not None and (change.is_unknown or not change.differs):
            parts.append(f"{name} {'unknown' if change.is_unknown else 'the same'}")
        elif name is not None:
            parts.append(f"{name} {change_text(change)} ({share_text(change)})")
    return ", ".join(parts)


def renumbered(diff: Difference, write: Callable[[str], str] = str) -> str:
    """Return `conv2 to conv3 and 8 more`, the layers with a new running number, if any; `write` quotes a name."""
    names = [(layer.old.name, layer.new.name) for layer in diff.renumbered if layer.old and layer.new]
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return " to ".join(map(write, names[0])) + more if names else ""
