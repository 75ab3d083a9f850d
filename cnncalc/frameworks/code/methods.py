"""The methods of plain values: strings, lists, dicts, sets and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key
from string import Formatter
from typing import TYPE_CHECKING, Any

from .operators import check_width, equal, ordered, text_of
from .values import LibraryFunction, UnknownValue

if TYPE_CHECKING:
    from .evaluate import Evaluator


def pairs(evaluator: Evaluator, given: Any, node: Any) -> dict[Any, Any]:
    """Return a new dict from a dict, or from pairs of keys and values."""
    if isinstance(given, dict):
        evaluator.budget.copy(len(given))
        return dict(given)
    rows = [evaluator.items(one, node) for one in evaluator.items(given, node)]
    return {evaluator.key(key, node): value for key, value in rows}


def spent(evaluator: Evaluator, found: Iterable[Any]) -> list[Any]:
    """Return the values found as a list, counting a step for each."""
    items = []
    for one in found:
        evaluator.budget.count(1)
        items.append(one)
    return items


def by_name(names: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by parameter name."""
    return {**dict(zip(names.split(), args, strict=False)), **kwargs}


def key_of(evaluator: Evaluator, one: Any, kwargs: dict[str, Any], node: Any) -> Any:
    """Return the sort key of an item: the result of the function `key`, or the item itself."""
    key = kwargs.get("key")
    return one if key is None else evaluator.call(key, [one], {}, node)


def sort(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the items as a sorted list."""

    def compare(a: Any, b: Any) -> int:
        if ordered("lt", a[0], b[0], evaluator.budget):
            return -1
        return 0 if equal(a[0], b[0], evaluator.budget) else 1

    given = evaluator.items(args[0], node)
    evaluator.budget.count(len(given) // 4)
    items = [(evaluator.needs(key_of(evaluator, one, kwargs, node), node), one) for one in given]
    items.sort(key=cmp_to_key(compare), reverse=bool(kwargs.get("reverse")))
    return [one for _, one in items]


def _method(kind: type, name: str) -> LibraryFunction:
    """Return a Python method that takes and returns plain values; unexpected arguments are an error."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        for one in [*args, *kwargs.values()]:
            evaluator.needs(one, node)
        evaluator.budget.copy(sum(len(one) for one in args if isinstance(one, (str, list, tuple, dict, set))))
        return getattr(kind, name)(*args, **kwargs)

    return LibraryFunction(name, call)


def _keyed(kind: type, name: str) -> LibraryFunction:
    """Return a Python method whose first argument is a key."""
    own = _method(kind, name)

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        for one in args[1:2]:
            evaluator.key(one, node)
        return own.call(evaluator, args, kwargs, node)

    return LibraryFunction(name, call)


def _of_sets(name: str) -> LibraryFunction:
    """Return a set method that takes other sets or iterables."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        evaluator.budget.copy(len(args[0]))
        return getattr(set, name)(
            args[0], *[{evaluator.key(own, node) for own in evaluator.items(one, node)} for one in args[1:]]
        )

    return LibraryFunction(name, call)


def _append(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    into, one = args
    into.append(one)


def _extend(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    into, more = args
    evaluator.in_place("add", into, more, node)


def _insert(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    into, at, one = args
    evaluator.budget.copy(len(into))
    into.insert(at, one)


def _index(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    row, wanted = args
    for at, one in enumerate(row):
        if equal(one, wanted, evaluator.budget):
            return at
    raise ValueError(f"{text_of(wanted, evaluator.budget)} is not in the list")


def _count(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    row, wanted = args
    return sum(equal(one, wanted, evaluator.budget) for one in row)


def _remove(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    del args[0][_index(evaluator, args, kwargs, node)]


def _sort(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    args[0][:] = sort(evaluator, args, kwargs, node)


def _get(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    into, key, *default = args
    return into.get(evaluator.key(key, node), *(default or kwargs.values()))


def _items(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return spent(evaluator, args[0].items())


def _keys(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    evaluator.budget.copy(len(args[0]))
    return list(args[0])


def _values(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    evaluator.budget.copy(len(args[0]))
    return list(args[0].values())


def _update(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    into, *given = args
    for one in given:
        into |= pairs(evaluator, one, node) if isinstance(into, dict) else set(evaluator.items(one, node))
    if kwargs:
        into |= kwargs


def _set_default(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    into, key, *default = args
    return into.setdefault(evaluator.key(key, node), *default)


def _add(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    into, one = args
    into.add(evaluator.key(one, node))


def _move_to_end(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    into, key = args
    into[key] = into.pop(key)


def _join(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    between, row = args
    texts = evaluator.items(row, node)
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("only strings can be joined")
    evaluator.budget.copy(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _replace(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    text, old, new, *count = args
    evaluator.budget.copy(len(text) + text.count(old) * len(new))
    return text.replace(old, new, *count)


def _format(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    text, *given = args
    values = [*given, *kwargs.values()]
    if any(isinstance(one, UnknownValue) for one in values):
        return UnknownValue("a text", node)
    plain = [one if isinstance(one, (int, float)) else text_of(one, evaluator.budget) for one in values]
    check_width(text)
    for _, field, spec, _ in Formatter().parse(text):
        if set(field or "") & set(".[") or "{" in (spec or ""):
            raise NotImplementedError
    evaluator.budget.copy(len(text) + sum(len(str(one)) for one in plain) * max(text.count("{"), 1))
    made = text.format(*plain[: len(given)], **dict(zip(kwargs, plain[len(given) :], strict=True)))
    evaluator.budget.copy(len(made))
    return made


_TEXT = """
    lower upper strip lstrip rstrip split rsplit startswith endswith removeprefix removesuffix capitalize title find
    rfind isdigit isnumeric isalpha isupper islower partition rpartition count index splitlines swapcase isidentifier
"""


class Deque(list[Any]):
    """A list with methods for its left end."""


def _append_left(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    _insert(evaluator, [args[0], 0, args[1]], kwargs, node)


def _pop_left(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    evaluator.budget.copy(len(args[0]))
    return args[0].pop(0)


METHODS: dict[type, dict[str, LibraryFunction]] = {
    Deque: {
        "appendleft": LibraryFunction("appendleft", _append_left),
        "popleft": LibraryFunction("popleft", _pop_left),
    },
    str: {
        **{name: _method(str, name) for name in _TEXT.split()},
        "join": LibraryFunction("join", _join),
        "replace": LibraryFunction("replace", _replace),
        "format": LibraryFunction("format", _format),
    },
    list: {
        **{name: _method(list, name) for name in ("pop", "clear", "reverse", "copy")},
        "append": LibraryFunction("append", _append),
        "extend": LibraryFunction("extend", _extend),
        "insert": LibraryFunction("insert", _insert),
        "remove": LibraryFunction("remove", _remove),
        "index": LibraryFunction("index", _index),
        "count": LibraryFunction("count", _count),
        "sort": LibraryFunction("sort", _sort),
    },
    tuple: {"index": LibraryFunction("index", _index), "count": LibraryFunction("count", _count)},
    dict: {
        **{name: _method(dict, name) for name in ("clear", "copy", "popitem")},
        "pop": _keyed(dict, "pop"),
        "get": LibraryFunction("get", _get),
        "items": LibraryFunction("items", _items),
        "keys": LibraryFunction("keys", _keys),
        "values": LibraryFunction("values", _values),
        "update": LibraryFunction("update", _update),
        "setdefault": LibraryFunction("setdefault", _set_default),
        "move_to_end": LibraryFunction("move_to_end", _move_to_end),
    },
    set: {
        **{name: _keyed(set, name) for name in ("discard", "remove")},
        **{name: _of_sets(name) for name in ("copy", "union", "intersection", "difference")},
        "add": LibraryFunction("add", _add),
        "update": LibraryFunction("update", _update),
    },
    float: {"is_integer": _method(float, "is_integer")},
    int: {"bit_length": _method(int, "bit_length")},
    object: {},
}
"""The methods of plain values, by type."""
