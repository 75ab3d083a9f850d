"""A registry in which no word has two entries, however they are added."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cnncalc.registry import Registry

ADDITIONS: dict[str, Callable[[Registry[str, int]], object]] = {
    "item": lambda table: table.__setitem__("a", 2),
    "update": lambda table: table.update({"b": 3}, {"a": 2}),
    "|=": lambda table: table.__ior__({"a": 2}),
    "decorator": lambda table: table.register("b", "a")(2),
    "the same value": lambda table: table.update({"a": 1}),
}


@pytest.mark.parametrize("add", ADDITIONS.values(), ids=ADDITIONS)
def test_a_second_entry_is_an_error(add: Callable[[Registry[str, int]], object]) -> None:
    table = Registry({"a": 1})
    with pytest.raises(ValueError, match="'a' has two entries: 1 and"):
        add(table)
    assert table["a"] == 1


def test_tables_of_one_registry_share_no_word() -> None:
    with pytest.raises(ValueError, match="'a' has two entries: 1 and 3"):
        Registry({"a": 1, "b": 2}, {"c": 4, "a": 3})


def test_entries_keep_their_order() -> None:
    table = Registry({"b": 1}, {"a": 2})
    table |= {"d": 3}
    assert table.register("c", "e")(4) == 4
    assert list(table.items()) == [("b", 1), ("a", 2), ("d", 3), ("c", 4), ("e", 4)]
