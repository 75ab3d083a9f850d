"""The keys that a name in a spec may stand for, whatever the op."""

from __future__ import annotations

from ..layers import ALIASES, OPS

LAYER_KEYS = ("name", "from", "times", "tie", "expect")
"""The keys that a layer of any op may have."""


def canonical(raw: str) -> set[str]:
    """Return every key that a name may stand for: `padding` is p, and `p` is also a dropout's rate."""
    names = {raw, ALIASES.get(raw, raw)}
    for cls, _ in OPS.values():
        names.update(cls.ALIASES.get(raw, "").split())
    return names
