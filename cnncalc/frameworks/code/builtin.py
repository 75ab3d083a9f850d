"""Python's own functions and types, and the methods of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from string import Formatter
from typing import TYPE_CHECKING, Any

from ...limits import MOST_BITS
from .budget import TooMuchError, bounded
from .operators import check_width, equal, ordered, text_of
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
    describe,
)

if TYPE_CHECKING:
    from .evaluate import Evaluator


class TypeValue(LibraryObject):
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

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        if op in ("eq", "ne"):
            return (left is right) is (op == "eq")
        if op == "or":  # a union of types, in an annotation
            return self
        raise NotImplementedError

    def describe(self) -> str:
        return f"the type {self.name}"


class IteratorValue(LibraryObject):
    """What `iter` gives."""

    __slots__ = ("rest",)

    def __init__(self, rest: Iterator[Any]):
        self.rest = rest

    def items(self, evaluator: Evaluator, node: Any) -> Iterator[Any]:
        return self.rest

    def describe(self) -> str:
        return "an iterator"


def _from_keys(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return dict.fromkeys(
        [evaluator.key(one, node) for one in evaluator.items(args[0], node)], args[1] if args[1:] else None
    )


# Types


def _as_number(evaluator: Evaluator, value: LibraryObject, method: str, node: Any) -> Any:
    """Return the number that an object of a library is by one of its methods."""
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


def pairs(evaluator: Evaluator, given: Any, node: Any) -> dict[Any, Any]:
    """Return a dict, or pairs of keys and values, as a new dict."""
    if isinstance(given, dict):
        evaluator.budget.copy(len(given))
        return dict(given)
    rows = [evaluator.items(one, node) for one in evaluator.items(given, node)]
    return {evaluator.key(key, node): value for key, value in rows}


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

# Exceptions


def _exception_init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    args[0].attributes["args"] = tuple(args[1:])


_BASE = ClassValue("BaseException", (), {"__init__": LibraryFunction("__init__", _exception_init)})
_EXCEPTION = ClassValue("Exception", (_BASE,))
_KINDS = {
    "ArithmeticError": "Exception",
    "ZeroDivisionError": "ArithmeticError",
    "OverflowError": "ArithmeticError",
    "AssertionError": "Exception",
    "AttributeError": "Exception",
    "ImportError": "Exception",
    "ModuleNotFoundError": "ImportError",
    "LookupError": "Exception",
    "IndexError": "LookupError",
    "KeyError": "LookupError",
    "NameError": "Exception",
    "OSError": "Exception",
    "FileNotFoundError": "OSError",
    "RuntimeError": "Exception",
    "NotImplementedError": "RuntimeError",
    "StopIteration": "Exception",
    "TypeError": "Exception",
    "ValueError": "Exception",
    "Warning": "Exception",
    "UserWarning": "Warning",
    "DeprecationWarning": "Warning",
    "RuntimeWarning": "Warning",
    "FutureWarning": "Warning",
}
EXCEPTIONS: dict[str, ClassValue] = {"BaseException": _BASE, "Exception": _EXCEPTION}
"""Python's exceptions."""
for _name, _of in _KINDS.items():
    EXCEPTIONS[_name] = ClassValue(_name, (EXCEPTIONS[_of],))

# Functions


def is_instance(value: Any, kinds: Any, node: Any) -> Any:
    """Return whether a value is of one of these types; an unknown value if one that decides is not known."""
    unknown = None
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        found = _is_of(value, kind)
        if found is True:
            return True
        unknown = kind if found is None else unknown
    return UnknownValue(f"whether {describe(value)} is of {describe(unknown)}", node) if unknown is not None else False


def _is_of(value: Any, kind: Any) -> bool | None:
    """Return whether a value is of a type; None if it is not known."""
    if isinstance(value, UnknownValue):
        return None
    if isinstance(kind, TypeValue):
        return isinstance(value, kind.kinds) or kind.name == "object"
    if isinstance(kind, ClassValue):
        if not isinstance(value, InstanceValue):
            return False
        return value.cls.derives(kind) or (
            None if any(isinstance(one, UnknownValue) for one in value.cls.mro) else False
        )
    if isinstance(kind, LibraryObject):
        told = getattr(kind, "is_kind_of", None)
        return bool(told(value)) if told is not None else None
    if isinstance(kind, UnknownValue):  # a class of another library: what is plain is not of it
        return False if isinstance(value, (bool, int, float, str, list, tuple, dict)) or value is None else None
    return None


def _isinstance(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    value, kinds = args
    evaluator.budget.count(len(kinds) if isinstance(kinds, tuple) else 0)
    return is_instance(value, kinds, node)


def _issubclass(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    cls, kinds = args
    several = kinds if isinstance(kinds, tuple) else (kinds,)
    evaluator.budget.count(len(several))
    return isinstance(cls, ClassValue) and any(cls.derives(kind) for kind in several)


def spent(evaluator: Evaluator, found: Iterable[Any]) -> list[Any]:
    """Return what is found as a list, which takes a step for each."""
    items = []
    for one in found:
        evaluator.budget.count(1)
        items.append(one)
    return items


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
        keys = [_key(evaluator, one, kwargs, node) for one in items]
        best = 0
        for at in range(1, len(items)):
            if ordered(op, keys[at], keys[best], evaluator.budget):
                best = at
        return items[best]

    return LibraryFunction("min" if op == "lt" else "max", extreme)


def _key(evaluator: Evaluator, one: Any, kwargs: dict[str, Any], node: Any) -> Any:
    key = kwargs.get("key")
    return one if key is None else evaluator.call(key, [one], {}, node)


def _sorted(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    from functools import cmp_to_key

    def compare(a: Any, b: Any) -> int:
        if ordered("lt", a[0], b[0], evaluator.budget):
            return -1
        return 0 if equal(a[0], b[0], evaluator.budget) else 1

    items = [(evaluator.needs(_key(evaluator, one, kwargs, node), node), one) for one in evaluator.items(args[0], node)]
    evaluator.budget.count(len(items) // 4)
    items.sort(key=cmp_to_key(compare), reverse=bool(kwargs.get("reverse")))
    return [one for _, one in items]


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
    "sorted": LibraryFunction("sorted", _sorted),
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
    "repr": LibraryFunction("repr", _str),
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

# Methods of plain values


def _method(kind: type, name: str) -> LibraryFunction:
    """Return a method of Python's that takes and gives plain values, and no more than it has."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        for one in [*args, *kwargs.values()]:
            evaluator.needs(one, node)
        evaluator.budget.copy(sum(len(one) for one in args if isinstance(one, (str, list, tuple, dict, set))))
        return getattr(kind, name)(*args, **kwargs)

    return LibraryFunction(name, call)


def _keyed(kind: type, name: str) -> LibraryFunction:
    """Return a method of Python's whose first argument is a key."""
    own = _method(kind, name)

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        for one in args[1:2]:
            evaluator.key(one, node)
        return own.call(evaluator, args, kwargs, node)

    return LibraryFunction(name, call)


def _of_sets(name: str) -> LibraryFunction:
    """Return a method of a set that takes others, or what they are made of."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        evaluator.budget.copy(len(args[0]))
        return getattr(set, name)(args[0], *[_set(evaluator, [one], {}, node) for one in args[1:]])

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
    args[0][:] = _sorted(evaluator, args, kwargs, node)


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
        raise TypeError("only texts are joined")
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
METHODS: dict[type, dict[str, LibraryFunction]] = {
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
"""The methods of plain values, by their type."""
