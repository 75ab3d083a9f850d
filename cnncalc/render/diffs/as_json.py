"""A difference as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...diffs import ABSENT, SHAPES, Change, Difference, LayerDiff
from ...notation.encode import encode, entries
from ...report import listed
from ...sizes import to_json
from .. import Style


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield one JSON document, a layer a line."""
    head = {
        "cnncalc": 1,
        "old": {"spec": diff.names[0], **diff.old.head()},
        "new": {"spec": diff.names[1], **diff.new.head()},
        "differ": bool(diff),
        "settings": {change.what: _before_after(change) for change in diff.settings},
        "totals": {change.what: _figure_json(change) for change in diff.totals},
    }
    yield encode(head)[:-1]
    renamed = [(x.old.name, x.new.name, x.counted) for x in diff.renamed if x.old and x.new]
    lists: dict[str, list[Any]] = {
        "added": [{"at": x.places[1], **x.new.raw()} for x in diff.added if x.new],
        "removed": [{"at": x.places[0], **x.old.raw()} for x in diff.removed if x.old],
        "changed": list(map(_layer_json, diff.changed)),
        "follows": list(map(_layer_json, diff.following)),
        "renamed": [{"old": old, "new": new, "counted": counted} for old, new, counted in renamed],
        "moved": [{"name": x.name, "old": x.places[0], "new": x.places[1]} for x in diff.moved],
    }
    for key, layers in lists.items():
        yield f',\n"{key}": '
        yield from entries(map(encode, layers))
    yield "}\n"


def _layer_json(layer: LayerDiff) -> dict[str, Any]:
    return {
        "name": layer.name,
        "at": layer.places,
        "keys": {change.what: _before_after(change) for change in layer.keys},
        "figures": {change.what: _figure_json(change) for change in layer.figures},
    }


def _before_after(change: Change) -> dict[str, Any]:
    """Return the old and the new value, without one that is absent."""
    write = to_json if change.what in (*SHAPES, "input") else listed
    return {side: write(value) for side, value in (("old", change.old), ("new", change.new)) if value is not ABSENT}


def _figure_json(change: Change) -> dict[str, Any]:
    """Return old, new, and for a number the change and its share of the old value; null if it is not known."""
    values, by = _before_after(change), change.by
    if change.what not in SHAPES:
        values["change"] = by
    if change.what not in (*SHAPES, "rf_start"):
        values["relative"] = (
            [_relative(old, n) for old, n in zip(change.old, by, strict=True)]
            if isinstance(by, tuple)
            else _relative(change.old, by)
        )
    return values


def _relative(old: int, by: int | None) -> float | None:
    try:
        return None if by is None else by / old
    except (ZeroDivisionError, OverflowError):
        return None
