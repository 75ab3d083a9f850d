"""Python's built-in functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...limits import MOST_BITS
from .budget import bounded
from .libraries import NameTable
from .methods import key_of, sort, spent
from .operators import ordered
from .types import EXCEPTIONS, TYPES, IteratorValue, is_callable, is_instance, iterated
from .values import (
    MISSING,
    ClassMethodValue,
    ClassValue,
    InstanceValue,
    LibraryFunction,
    LibraryObject,
    PropertyValue,
    RaisedError,
    StaticMethodValue,
    UnknownValue,
)

if TYPE_CHECKING:
    from .evaluate import Evaluator

BUILTINS = NameTable(TYPES, EXCEPTIONS)
"""The names that are available without an import."""


@BUILTINS.function("isinstance")
def _isinstance(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, kinds = args
    evaluator.budget.count(len(kinds) if isinstance(kinds, tuple) else 0)
    return is_instance(value, kinds, node)


@BUILTINS.function("issubclass")
def _issubclass(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    cls, kinds = args
    several = kinds if isinstance(kinds, tuple) else (kinds,)
    evaluator.budget.count(len(several))
    return isinstance(cls, ClassValue) and any(cls.derives(kind) for kind in several)


@BUILTINS.function("len")
def _len(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    (value,) = args
    return evaluator.length(value, node)


@BUILTINS.function("zip")
@iterated
def _zip(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return spent(evaluator, zip(*[evaluator.iterate(one, node) for one in args], strict=bool(kwargs.get("strict"))))


@BUILTINS.function("enumerate")
@iterated
def _enumerate(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    start = kwargs.get("start", args[1] if args[1:] else 0)
    return spent(evaluator, enumerate(evaluator.items(args[0] if args else kwargs["iterable"], node), start))


@BUILTINS.function("reversed")
@iterated
def _reversed(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return evaluator.items(args[0], node)[::-1]


@BUILTINS.function("sum")
def _sum(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    total = kwargs.get("start", args[1] if args[1:] else 0)
    for one in evaluator.iterate(args[0], node):
        evaluator.budget.count(1)
        total = evaluator.operate("add", total, one, node)
    return total


@BUILTINS.function("map")
@iterated
def _map(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    function, *rows = args
    columns = zip(*[evaluator.items(one, node) for one in rows], strict=False)
    return [evaluator.call(function, list(row), {}, node) for row in columns]


@BUILTINS.function("filter")
@iterated
def _filter(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    function, row = args
    items = evaluator.items(row, node)
    return [
        one
        for one in items
        if evaluator.truth(one if function is None else evaluator.call(function, [one], {}, node), node)
    ]


def _extreme(op: str) -> LibraryFunction:
    def extreme(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        items = evaluator.items(args[0], node) if len(args) == 1 else args
        if not items:
            if "default" in kwargs:
                return kwargs["default"]
            raise ValueError("it is taken of an empty sequence")
        unknown = next((one for one in items if isinstance(one, UnknownValue)), None)
        if unknown is not None:
            return unknown
        evaluator.budget.copy(len(items))
        keys = [key_of(evaluator, one, kwargs, node) for one in items]
        best = 0
        for at in range(1, len(items)):
            if ordered(op, keys[at], keys[best], evaluator.budget):
                best = at
        return items[best]

    return LibraryFunction("min" if op == "lt" else "max", extreme)


@BUILTINS.function("all")
def _all(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return all(evaluator.truth(one, node) for one in evaluator.iterate(args[0], node))


@BUILTINS.function("any")
def _any(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return any(evaluator.truth(one, node) for one in evaluator.iterate(args[0], node))


def _rounded(number: Any, digits: int | None = None) -> Any:
    """Return `round` of a number, without computing huge powers of ten for digits that cannot remain."""
    return round(number, digits if digits is None else max(digits, -MOST_BITS))


def _number(name: str, function: Callable[..., Any]) -> LibraryFunction:
    """Return a function of numbers whose result is unknown if an argument is unknown."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        for one in args:
            if isinstance(one, UnknownValue):
                return one
            if isinstance(one, LibraryObject):
                method = one.attribute(evaluator, f"__{name}__", node)
                if method is MISSING:
                    raise NotImplementedError
                return evaluator.call(method, args[1:], kwargs, node)
        result = function(*args, **kwargs)
        return bounded(result) if type(result) is int else result

    return LibraryFunction(name, call)


@BUILTINS.function("getattr")
def _getattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name, *default = args
    if not isinstance(name, str):
        raise TypeError("the name of an attribute is a string")
    if not default:
        return evaluator.attribute(value, name, node)
    found = evaluator.find(value, name, node)
    return default[0] if found is MISSING else found


@BUILTINS.function("hasattr")
def _hasattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name = args
    if isinstance(value, UnknownValue):
        return UnknownValue(f"whether {value.what} has {name}", node)
    return evaluator.find(value, name, node) is not MISSING


@BUILTINS.function("setattr")
def _setattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name, new = args
    evaluator.set_attribute(value, name, new, node)


@BUILTINS.function("delattr")
def _delattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name = args
    evaluator.delete_attribute(value, name)


@BUILTINS.function("callable")
def _callable(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    (value,) = args
    if isinstance(value, UnknownValue):
        return UnknownValue(f"whether {value.what} is called", node)
    return is_callable(value)


@BUILTINS.function("iter")
def _iter(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return IteratorValue(iter(evaluator.items(args[0], node)))


@BUILTINS.function("next")
def _next(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    rest, *default = args
    rows = rest.rest if isinstance(rest, IteratorValue) else evaluator.iterate(rest, node)
    found = next(rows, MISSING)
    if found is not MISSING:
        return found
    if not default:
        raise RaisedError(evaluator.exception("StopIteration"), "there is no next item", node)
    return default[0]


@BUILTINS.function("vars")
def _vars(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    if args and isinstance(args[0], InstanceValue):
        return args[0].attributes
    raise NotImplementedError


@BUILTINS.function("locals")
def _locals(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    if evaluator.frame is None:
        raise NotImplementedError
    return evaluator.frame.names


@BUILTINS.function("eval")
def _eval(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    text, *names = args
    if names or kwargs:
        raise NotImplementedError
    return evaluator.value_of_text(evaluator.needs(text, node), node)


class GlobalNames(LibraryObject):
    """The names of the module as `globals()` returns them, for lookup only."""

    __slots__ = ()

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        found = evaluator.scope.lookup(index) if isinstance(index, str) else MISSING
        if found is MISSING:
            raise KeyError(index)
        return found

    def items(self, evaluator: Evaluator, node: Any) -> Iterator[Any]:
        return iter(evaluator.scope.names)

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        def get(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
            found = evaluator.scope.lookup(args[0])
            return found if found is not MISSING else [*args[1:], *kwargs.values(), None][0]

        return LibraryFunction("get", get) if name == "get" else MISSING

    def describe(self) -> str:
        return "the names of the source"


BUILTINS.update(
    {
        "min": _extreme("lt"),
        "max": _extreme("gt"),
        "sorted": LibraryFunction("sorted", sort),
        "abs": _number("abs", abs),
        "round": _number("round", _rounded),
        "divmod": _number("divmod", divmod),
        "chr": _number("chr", chr),
        "ord": _number("ord", ord),
        "pow": LibraryFunction(
            "pow", lambda evaluator, args, kwargs, node: evaluator.operate("pow", args[0], args[1], node)
        ),
        "globals": LibraryFunction("globals", lambda *_: GlobalNames()),
        "repr": LibraryFunction("repr", TYPES["str"].make),
        "print": LibraryFunction("print", lambda *_: None),
        "id": LibraryFunction("id", lambda evaluator, args, kwargs, node: id(args[0])),
        "staticmethod": LibraryFunction("staticmethod", lambda evaluator, args, kwargs, node: StaticMethodValue(*args)),
        "classmethod": LibraryFunction("classmethod", lambda evaluator, args, kwargs, node: ClassMethodValue(*args)),
        "property": LibraryFunction("property", lambda evaluator, args, kwargs, node: PropertyValue(args[0])),
        "NotImplemented": None,
        "Ellipsis": ...,
        "__debug__": True,
    }
)
