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
    """One JSON document, a layer a line."""
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
