"""A difference as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...diffs import ABSENT, SHAPES, Change, Difference, LayerDiff
from ...notation.encode import document
from ...report import listed
from ...sizes import to_json
from .. import Style


def render(diff: Difference, style: Style) -> Iterator[str]:
    """Yield one JSON document, a layer a line."""
    renamed = ((x.old.name, x.new.name, x.counted) for x in diff.renamed if x.old and x.new)
    keys = {
        "cnncalc": 1,
        "old": {"spec": diff.names[0], **diff.old.head()},
        "new": {"spec": diff.names[1], **diff.new.head()},
        "differ": bool(diff),
        "settings": {change.what: _before_after(change) for change in diff.settings},
        "totals": {change.what: _figure_json(change) for change in diff.totals},
        "added": ({"at": x.places[1], **x.new.raw()} for x in diff.added if x.new),
        "removed": ({"at": x.places[0], **x.old.raw()} for x in diff.removed if x.old),
        "changed": map(_layer_json, diff.changed),
        "follows": map(_layer_json, diff.following),
        "renamed": ({"old": old, "new": new, "counted": counted} for old, new, counted in renamed),
        "moved": ({"name": x.name, "old": x.places[0], "new": x.places[1]} for x in diff.moved),
    }
    return document(keys.items())


def _layer_json(layer: LayerDiff) -> dict[str, Any]:
    keys = {change.what: _before_after(change) for change in layer.keys}
    figures = {change.what: _figure_json(change) for change in layer.figures}
    return {"name": layer.name, "at": layer.places, "keys": keys, "figures": figures}


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
        pairs = zip(change.old, by, strict=True) if isinstance(by, tuple) else [(change.old, by)]
        shares = [_relative(old, part) for old, part in pairs]
        values["relative"] = shares if isinstance(by, tuple) else shares[0]
    return values


def _relative(old: int, by: int | None) -> float | None:
    try:
        return None if by is None else by / old
    except (ZeroDivisionError, OverflowError):
        return None
