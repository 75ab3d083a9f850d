"""Python's own types and exceptions."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...limits import MOST_BITS
from .budget import TooMuchError, bounded, listable
from .methods import METHODS, pairs
from .operators import text_of
from .values import (
    MISSING,
    BoundMethod,
    ClassValue,
    FunctionValue,
    Implementation,
    InstanceValue,
    LibraryFunction,
    LibraryObject,
    UnknownValue,
    describe,
)

if TYPE_CHECKING:
    from .evaluate import Evaluator


class TypeObject(LibraryObject):
    """A type, or a union of types."""

    __slots__ = ()

    def is_type_of(self, value: Any) -> bool | None:
        """Return whether a value is of this type; None if that is unknown."""
        return None

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        if op == "or":
            return union(left, right)
        raise NotImplementedError


class TypeValue(TypeObject):
    """One of Python's types."""

    __slots__ = ("kinds", "make", "name")

    def __init__(self, name: str, kinds: tuple[type, ...], make: Callable[..., Any]):
        self.name, self.kinds, self.make = name, kinds, make

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        for one in args:
            if isinstance(one, UnknownValue):
                return UnknownValue(f"{self.name}({one.what})", one.node or node)
        return self.make(evaluator, args, kwargs, node)

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name == "__name__":
            return self.name
        if self.name == "dict" and name == "fromkeys":
            return LibraryFunction(name, _from_keys)
        return METHODS.get(self.kinds[0], {}).get(name, MISSING)

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        return self

    def is_type_of(self, value: Any) -> bool:
        return isinstance(value, self.kinds) or self.name == "object"

    def describe(self) -> str:
        return f"the type {self.name}"


class UnionValue(TypeObject):
    """A union of types: `int | None`."""

    __slots__ = ("kinds",)

    def __init__(self, kinds: tuple[Any, ...]):
        self.kinds = kinds

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        if op in ("eq", "ne"):
            return (set(_each_of(left)) == set(_each_of(right))) is (op == "eq")
        return super().binary(evaluator, op, left, right, node)

    def describe(self) -> str:
        return "a union of types"


class IteratorValue(LibraryObject):
    """The result of `iter`."""

    __slots__ = ("rest",)

    def __init__(self, rest: Iterator[Any]):
        self.rest = rest

    def items(self, evaluator: Evaluator, node: Any) -> Iterator[Any]:
        return self.rest

    def describe(self) -> str:
        return "an iterator"


def iterated(implementation: Implementation) -> Implementation:
    """Return a function that returns an iterator over the list returned by `implementation`."""
    return lambda evaluator, args, kwargs, node: IteratorValue(iter(implementation(evaluator, args, kwargs, node)))


def is_callable(value: Any) -> bool:
    """Return whether a value can be called."""
    if isinstance(value, InstanceValue):
        return value.cls.find("__call__") is not MISSING
    if isinstance(value, LibraryObject):
        return type(value).call is not LibraryObject.call
    return isinstance(value, (FunctionValue, LibraryFunction, BoundMethod, ClassValue))


def is_iterable(value: Any) -> bool:
    """Return whether a value is iterable, judging by its type."""
    if isinstance(value, InstanceValue):
        return value.cls.find("__iter__") is not MISSING
    if isinstance(value, LibraryObject):
        return type(value).items is not LibraryObject.items
    return isinstance(value, Iterable)


def _from_keys(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return dict.fromkeys(
        [evaluator.key(one, node) for one in evaluator.items(args[0], node)], args[1] if args[1:] else None
    )


def _as_number(evaluator: Evaluator, value: LibraryObject, method: str, node: Any) -> Any:
    """Return a library object converted to a number by one of its methods."""
    found = value.attribute(evaluator, method, node)
    if found is MISSING:
        raise NotImplementedError
    return evaluator.call(found, [], {}, node)


def _int(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value = args[0] if args else 0
    if isinstance(value, LibraryObject):
        value = _as_number(evaluator, value, "__int__", node)
        return value if isinstance(value, UnknownValue) else bounded(int(value))
    if isinstance(value, str) and len(value) > MOST_BITS:
        raise TooMuchError(f"a whole number of more than {MOST_BITS} digits")
    return bounded(int(value, *args[1:]))


def _float(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value = args[0] if args else 0.0
    if isinstance(value, str) and len(value) > MOST_BITS:
        raise TooMuchError(f"a number of more than {MOST_BITS} digits")
    return _as_number(evaluator, value, "__float__", node) if isinstance(value, LibraryObject) else float(value)


def _str(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return text_of(args[0], evaluator.budget) if args else ""


def _bool(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return evaluator.truth(args[0], node) if args else False


def _list(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return evaluator.items(args[0], node) if args else []


def _tuple(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return tuple(_list(evaluator, args, kwargs, node))


def _set(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return {evaluator.key(one, node) for one in _list(evaluator, args, kwargs, node)}


def _dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    made: dict[Any, Any] = {}
    for given in args:
        made |= pairs(evaluator, given, node)
    return made | kwargs


def _range(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return range(*args)


def _slice(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return evaluator.slice_of(args)


def _type(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return type_of(args[0], node) if len(args) == 1 else UnknownValue("type(…)", node)


def type_of(value: Any, node: Any = None) -> Any:
    """Return the type of a value."""
    if isinstance(value, InstanceValue):
        return value.cls
    if value is None:
        return NONE_TYPE
    own = value.type_of() if isinstance(value, LibraryObject) else None
    if own is not None:
        return own
    named = next((one for one in TYPES.values() if type(value) is one.kinds[0]), None)
    return UnknownValue(f"the type of {describe(value)}", node) if named is None else named


TYPES = {
    "int": TypeValue("int", (int,), _int),
    "float": TypeValue("float", (float,), _float),
    "bool": TypeValue("bool", (bool,), _bool),
    "str": TypeValue("str", (str,), _str),
    "list": TypeValue("list", (list,), _list),
    "tuple": TypeValue("tuple", (tuple,), _tuple),
    "dict": TypeValue("dict", (dict,), _dict),
    "set": TypeValue("set", (set,), _set),
    "frozenset": TypeValue("frozenset", (frozenset,), _set),
    "range": TypeValue("range", (range,), _range),
    "slice": TypeValue("slice", (slice,), _slice),
    "type": TypeValue("type", (ClassValue, TypeValue), _type),
    "object": TypeValue("object", (object,), lambda *_: InstanceValue(ClassValue("object"))),
    "bytes": TypeValue("bytes", (bytes,), lambda *_: b""),
    "complex": TypeValue("complex", (complex,), lambda evaluator, args, *_: complex(*args)),
}
NONE_TYPE = TypeValue("NoneType", (type(None),), lambda *_: None)


def _exception_init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    args[0].attributes["args"] = tuple(args[1:])


_EXCEPTIONS = """
    Exception ArithmeticError ZeroDivisionError OverflowError AssertionError AttributeError ImportError
    ModuleNotFoundError LookupError IndexError KeyError NameError OSError FileNotFoundError RuntimeError
    NotImplementedError StopIteration TypeError ValueError Warning UserWarning DeprecationWarning RuntimeWarning
    FutureWarning SyntaxError
"""
EXCEPTIONS = {
    "BaseException": ClassValue("BaseException", (), {"__init__": LibraryFunction("__init__", _exception_init)})
}
"""Python's exceptions."""
for _name in _EXCEPTIONS.split():
    EXCEPTIONS[_name] = ClassValue(_name, (EXCEPTIONS[getattr(builtins, _name).__base__.__name__],))


def is_instance(value: Any, kinds: Any, node: Any) -> Any:
    """Return whether a value is of one of these types; an unknown value if the answer depends on one."""
    unknown = None
    for kind in _each_of(kinds):
        found = _is_of(value, kind)
        if found is True:
            return True
        unknown = kind if found is None else unknown
    return UnknownValue(f"whether {describe(value)} is of {describe(unknown)}", node) if unknown is not None else False


def union(left: Any, right: Any) -> UnionValue:
    """Return `left | right`. Raise NotImplementedError unless both are types, or None."""
    if not all(one is None or isinstance(one, (LibraryObject, ClassValue)) for one in (left, right)):
        raise NotImplementedError
    return UnionValue((left, right))


def _each_of(kinds: Any) -> Iterator[Any]:
    """Yield the single types of a union, or of nested tuples. Raise TooMuchError for more than a list may hold."""
    waiting, seen = [kinds], 0
    while waiting:
        one = waiting.pop()
        seen = listable(seen + 1)
        one = one.kinds if isinstance(one, UnionValue) else one
        if isinstance(one, tuple):
            waiting += reversed(one)
        else:
            yield one


def _is_of(value: Any, kind: Any) -> bool | None:
    """Return whether a value is of a type; None if that is unknown."""
    if isinstance(value, UnknownValue):
        return None
    if kind is None:
        return value is None
    if isinstance(kind, TypeObject):
        return kind.is_type_of(value)
    if isinstance(kind, ClassValue):
        if not isinstance(value, InstanceValue):
            return False
        return value.cls.derives(kind) or (
            None if any(isinstance(one, UnknownValue) for one in value.cls.mro) else False
        )
    if isinstance(kind, UnknownValue):  # a class of another library, of which no plain value is an instance
        return False if isinstance(value, (bool, int, float, str, list, tuple, dict)) or value is None else None
    return None
