"""Python's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...limits import MOST_BITS
from .budget import bounded
from .methods import key_of, sort, spent
from .operators import ordered
from .types import EXCEPTIONS, TYPES, IteratorValue, TypeValue, is_instance
from .values import (
    MISSING,
    BoundMethod,
    ClassMethodValue,
    ClassValue,
    FunctionValue,
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


def _isinstance(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, kinds = args
    evaluator.budget.count(len(kinds) if isinstance(kinds, tuple) else 0)
    return is_instance(value, kinds, node)


def _issubclass(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    cls, kinds = args
    several = kinds if isinstance(kinds, tuple) else (kinds,)
    evaluator.budget.count(len(several))
    return isinstance(cls, ClassValue) and any(cls.derives(kind) for kind in several)


def _len(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    (value,) = args
    return evaluator.length(value, node)


def _zip(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return spent(evaluator, zip(*[evaluator.items(one, node) for one in args], strict=bool(kwargs.get("strict"))))


def _enumerate(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    start = kwargs.get("start", args[1] if args[1:] else 0)
    return spent(evaluator, enumerate(evaluator.items(args[0] if args else kwargs["iterable"], node), start))


def _reversed(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return evaluator.items(args[0], node)[::-1]


def _sum(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    total = kwargs.get("start", args[1] if args[1:] else 0)
    for one in evaluator.iterate(args[0], node):
        evaluator.budget.count(1)
        total = evaluator.operate("add", total, one, node)
    return total


def _map(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    function, *rows = args
    columns = zip(*[evaluator.items(one, node) for one in rows], strict=False)
    return [evaluator.call(function, list(row), {}, node) for row in columns]


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
            raise ValueError("it is taken of nothing")
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


def _all(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return all(evaluator.truth(one, node) for one in evaluator.items(args[0], node))


def _any(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return any(evaluator.truth(one, node) for one in evaluator.items(args[0], node))


def _rounded(number: Any, digits: int | None = None) -> Any:
    """Return `round` of a number; Python works out 10 ** 9 digits, of which none are left, one by one."""
    return round(number, digits if digits is None else max(digits, -MOST_BITS))


def _number(name: str, function: Callable[..., Any]) -> LibraryFunction:
    """Return a function of numbers, whose result is not known for an argument that is not."""

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


def _getattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name, *default = args
    if not isinstance(name, str):
        raise TypeError("the name of an attribute is a text")
    if not default:
        return evaluator.attribute(value, name, node)
    found = evaluator.find(value, name, node)
    return default[0] if found is MISSING else found


def _hasattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name = args
    if isinstance(value, UnknownValue):
        return UnknownValue(f"whether {value.what} has {name}", node)
    return evaluator.find(value, name, node) is not MISSING


def _setattr(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, name, new = args
    evaluator.set_attribute(value, name, new, node)


def _callable(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    (value,) = args
    if isinstance(value, InstanceValue):
        return value.cls.find("__call__") is not MISSING
    return isinstance(value, (FunctionValue, LibraryFunction, BoundMethod, ClassValue, TypeValue))


def _iter(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return IteratorValue(iter(evaluator.items(args[0], node)))


def _next(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    rest, *default = args
    rows = rest.rest if isinstance(rest, IteratorValue) else evaluator.iterate(rest, node)
    found = next(rows, MISSING)
    if found is not MISSING:
        return found
    if not default:
        raise RaisedError(evaluator.exception("StopIteration"), "there is no next item", node)
    return default[0]


def _vars(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    if args and isinstance(args[0], InstanceValue):
        return args[0].attributes
    raise NotImplementedError


class GlobalNames(LibraryObject):
    """The names of the top level, which `globals()` gives, to be looked up."""

    __slots__ = ()

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        found = evaluator.scope.lookup(index) if isinstance(index, str) else MISSING
        if found is MISSING:
            raise KeyError(index)
        return found

    def describe(self) -> str:
        return "the names of the source"


BUILTINS: dict[str, Any] = {
    **TYPES,
    **EXCEPTIONS,
    "len": LibraryFunction("len", _len),
    "isinstance": LibraryFunction("isinstance", _isinstance),
    "issubclass": LibraryFunction("issubclass", _issubclass),
    "zip": LibraryFunction("zip", _zip),
    "enumerate": LibraryFunction("enumerate", _enumerate),
    "reversed": LibraryFunction("reversed", _reversed),
    "sum": LibraryFunction("sum", _sum),
    "map": LibraryFunction("map", _map),
    "filter": LibraryFunction("filter", _filter),
    "min": _extreme("lt"),
    "max": _extreme("gt"),
    "sorted": LibraryFunction("sorted", sort),
    "all": LibraryFunction("all", _all),
    "any": LibraryFunction("any", _any),
    "abs": _number("abs", abs),
    "round": _number("round", _rounded),
    "divmod": _number("divmod", divmod),
    "chr": _number("chr", chr),
    "ord": _number("ord", ord),
    "pow": LibraryFunction(
        "pow", lambda evaluator, args, kwargs, node: evaluator.operate("pow", args[0], args[1], node)
    ),
    "getattr": LibraryFunction("getattr", _getattr),
    "hasattr": LibraryFunction("hasattr", _hasattr),
    "setattr": LibraryFunction("setattr", _setattr),
    "callable": LibraryFunction("callable", _callable),
    "iter": LibraryFunction("iter", _iter),
    "next": LibraryFunction("next", _next),
    "vars": LibraryFunction("vars", _vars),
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
"""The names that are there without an import."""
