"""Tables by key in which a second entry for a key is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Registry(dict[K, V]):
    """A dict whose entries are written once: ValueError for a second entry of a key, however it is added.

    Entries come from whole tables, `Registry(conv.OPS, pool.OPS)`, or one by one, `@TABLE.register("Conv", "Conv2d")`.
    """

    def __init__(self, *tables: Mapping[K, V]):
        super().__init__()
        self.update(*tables)

    def __setitem__(self, key: K, value: V) -> None:
        if key in self:
            raise ValueError(f"{key!r} has two entries: {self[key]!r} and {value!r}")
        super().__setitem__(key, value)

    def update(self, *tables: Mapping[K, V]) -> None:  # type: ignore[override]
        """Add the entries of whole tables."""
        for table in tables:
            for key, value in table.items():
                self[key] = value

    def __ior__(self, table: Mapping[K, V]) -> Registry[K, V]:  # type: ignore[override, misc]
        self.update(table)
        return self

    def register(self, *keys: K) -> Callable[[V], V]:
        """Return a decorator that registers what it decorates under each of these keys and returns it unchanged."""

        def enter(value: V) -> V:
            for key in keys:
                self[key] = value
            return value

        return enter
