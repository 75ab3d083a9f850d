"""The table of all kinds of hints, by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..errors import SpecError, nearest, shown
from ..report import Hint, LayerReport
from . import HintKind, find, grouped, typed, whole, windows

KINDS: dict[str, HintKind] = {kind.name: kind for kind in (*windows.KINDS, *whole.KINDS, *typed.KINDS)}
ALL = "all"
"""The word for all kinds."""


def hints(layers: Sequence[LayerReport], told: Collection[Hint] = ()) -> list[Hint]:
    """Return all hints on a network's layers except those in `told`, merging those that say the same."""
    return grouped(hint for _, _, hint in find(layers, KINDS.values()) if hint not in told)


def kinds_named(names: Sequence[object]) -> list[HintKind]:
    """Return the kinds of these names; all of them for `all`. Raise SpecError for an unknown name."""
    kinds: dict[str, HintKind] = {}
    for name in names:
        if name == ALL:
            kinds |= KINDS
        elif isinstance(name, str) and name in KINDS:
            kinds[name] = KINDS[name]
        else:
            near = nearest(name, [*KINDS, ALL]) if isinstance(name, str) else None
            raise SpecError(f"there is no hint {shown(name)}", near or "for the list: cnncalc help hints")
    return list(kinds.values())
