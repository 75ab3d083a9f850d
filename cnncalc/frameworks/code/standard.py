"""The parts of Python's standard library and of NumPy that networks are written with."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import arrays, records
from .budget import TooMuchError, bounded
from .libraries import Library, NameTable
from .methods import Deque, by_name, pairs, spent
from .types import TYPES, TypeObject, TypeValue, is_callable, is_iterable, iterated
from .values import (
    MISSING,
    ClassValue,
    InstanceValue,
    LibraryFunction,
    LibraryObject,
    PropertyValue,
    Suppressed,
    UnknownValue,
)

if TYPE_CHECKING:
    from .evaluate import Evaluator

NAMES = NameTable(arrays.NAMES, records.NAMES)
LIBRARY = Library(NAMES, {"typing_extensions": "typing", "collections.abc": "typing", "numpy.math": "math"})

# math

_NUMBERS = """
    ceil floor sqrt log log2 log10 exp pow prod gcd lcm sin cos tan atan hypot fabs trunc isqrt isclose isinf isnan
    copysign fmod degrees radians tanh erf
"""
_NUMPY = "ceil floor sqrt log log2 log10 exp prod sin cos tan tanh"


def _of_numbers(name: str) -> LibraryFunction:
    """Return a function of `math` whose result is unknown if an argument is unknown."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        unknown = next((one for one in args if isinstance(one, UnknownValue)), None)
        if unknown is not None:
            return unknown
        numbers = [evaluator.items(one, node) if isinstance(one, (list, tuple, range)) else one for one in args]
        if name == "prod":
            return _product(evaluator, numbers, kwargs, node)
        if not all(isinstance(one, (int, float)) for one in numbers):
            raise NotImplementedError
        result = getattr(math, name)(*numbers, **kwargs)
        return bounded(result) if type(result) is int else result

    return LibraryFunction(f"math.{name}", call)


def _product(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    total = kwargs.get("start", 1)
    for one in args[0] if isinstance(args[0], list) else [args[0]]:
        total = evaluator.operate("mul", total, one, node)
    return total


for _name in _NUMBERS.split():
    NAMES[f"math.{_name}"] = _of_numbers(_name)
for _name in _NUMPY.split():
    NAMES[f"numpy.{_name}"] = _of_numbers(_name)
for _name in ("pi", "e", "inf", "nan"):
    NAMES[f"math.{_name}"] = NAMES[f"numpy.{_name}"] = getattr(math, _name)
NAMES["math.tau"] = math.tau
for _name, _type in (("int64", "int"), ("int32", "int"), ("float32", "float"), ("float64", "float")):
    NAMES[f"numpy.{_name}"] = TYPES[_type]

# functools


class PartialValue(LibraryObject):
    """A function with some of its arguments bound."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Any, args: list[Any], kwargs: dict[str, Any]):
        self.function, self.args, self.kwargs = function, args, kwargs

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        evaluator.budget.copy(len(self.args) + len(self.kwargs))
        return evaluator.call(self.function, [*self.args, *args], {**self.kwargs, **kwargs}, node)

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        return {"func": self.function, "args": tuple(self.args), "keywords": self.kwargs}.get(name, MISSING)

    def type_of(self) -> Any:
        return PARTIAL

    def describe(self) -> str:
        return "a partial function"


def partial(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a function with some of its arguments bound."""
    function, *rest = args
    return PartialValue(function, rest, kwargs)


PARTIAL = NAMES["functools.partial"] = TypeValue("partial", (PartialValue,), partial)


@NAMES.function("functools.reduce")
def reduce(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the reduction of items by a function of two arguments."""
    function, row, *start = args
    items = [*start, *evaluator.items(row, node)]
    total = items[0]
    for one in items[1:]:
        total = evaluator.call(function, [total, one], {}, node)
    return total


def operation(op: str) -> LibraryFunction:
    """Return the function for a binary operator."""
    return LibraryFunction(op, lambda evaluator, args, kwargs, node: evaluator.operate(op, args[0], args[1], node))


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    NAMES[f"operator.{_name}"] = operation(_name)


@NAMES.function("functools.wraps")
def wraps(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a decorator that changes nothing."""
    return NAMES["copy.copy_nothing"]


@NAMES.function("functools.lru_cache", "functools.cache", "dataclasses.KW_ONLY")
def cached(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a function unchanged: its results are not cached."""
    return args[0] if args and not isinstance(args[0], int) and args[0] is not None else NAMES["copy.copy_nothing"]


NAMES["functools.cached_property"] = LibraryFunction("property", lambda _, args, kwargs, node: PropertyValue(*args))

# copy


@NAMES.function("copy.copy_nothing", "abc.abstractmethod", "typing.overload", "typing.final", "typing.no_type_check")
def same(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the first argument."""
    return args[0]


@NAMES.function("typing.cast")
def cast(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a value unchanged, ignoring the type."""
    return args[1]


@NAMES.function("copy.deepcopy")
def deepcopy(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a deep copy of a value."""
    return copied(args[0], {}, evaluator)


@NAMES.function("copy.copy")
def shallow(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a shallow copy of a value."""
    value = args[0]
    held = value.attributes if isinstance(value, InstanceValue) else value
    evaluator.budget.copy(len(held) if isinstance(held, (list, dict, set)) else 0)
    if isinstance(value, InstanceValue):
        made = InstanceValue(value.cls, value.node)
        made.attributes = dict(value.attributes)
        return made
    return copied_container(value, list(value)) if isinstance(value, (list, dict, set)) else value


def copied_container(value: Any, inside: list[Any]) -> Any:
    """Return a list, a set, or a dict with the same keys, of the given items."""
    if isinstance(value, dict):
        return dict(value)
    return type(value)(inside)


def copied(value: Any, known: dict[int, Any], evaluator: Evaluator) -> Any:
    """Return a deep copy of a value; a shared part is copied once."""
    if id(value) in known:
        return known[id(value)]
    evaluator.budget.count(1)
    copy = getattr(value, "copied", None)
    if isinstance(value, InstanceValue):
        made = known[id(value)] = InstanceValue(value.cls, value.node)
        made.attributes = {key: copied(one, known, evaluator) for key, one in value.attributes.items()}
        return made
    if isinstance(value, LibraryObject) and copy is not None:
        known[id(value)] = copy()
    elif isinstance(value, dict):
        known[id(value)] = {key: copied(one, known, evaluator) for key, one in value.items()}
    elif isinstance(value, (list, tuple)):
        known[id(value)] = type(value)([copied(one, known, evaluator) for one in value])
    else:
        return value
    return known[id(value)]


# collections


class DefaultDict(dict[Any, Any]):
    """A dict with default values for missing keys."""

    factory: Any = None


@NAMES.function("collections.OrderedDict")
def ordered_dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a dict, which keeps its order in Python anyway."""
    return (pairs(evaluator, args[0], node) if args else {}) | kwargs


@NAMES.function("collections.defaultdict")
def default_dict(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a dict with default values for missing keys."""
    made = DefaultDict(kwargs)
    made.factory = args[0] if args else None
    return made


@NAMES.function("collections.deque")
def deque(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a list with methods for its left end."""
    given = by_name("iterable maxlen", args, kwargs)
    if given.get("maxlen") is not None:
        raise NotImplementedError
    return Deque(evaluator.items(given.get("iterable", []), node))


@NAMES.function("ast.literal_eval")
def literal_eval(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the value of a string with a constant, or with lists, tuples and dicts of constants."""
    (text,) = args
    return evaluator.value_of_text(evaluator.needs(text, node), node, literal=True)


@NAMES.function("json.loads")
def loads(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the value of a JSON text."""
    (text,) = args
    evaluator.budget.count(len(evaluator.needs(text, node)))
    if kwargs or not isinstance(text, str):
        raise NotImplementedError
    try:
        return json.loads(text, parse_int=lambda digits: bounded(int(digits)))
    except RecursionError:
        raise TooMuchError("JSON that is nested too deeply") from None
    except ValueError as error:
        raise ValueError(str(error)) from None


@NAMES.function("contextlib.suppress")
def suppress(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a context manager that suppresses these exceptions."""
    return Suppressed(tuple(args))


def _namespace_init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    made, *given = args
    made.attributes |= {key: value for one in given for key, value in pairs(evaluator, one, node).items()} | kwargs


NAMES["types.SimpleNamespace"] = ClassValue(
    "SimpleNamespace", (), {"__init__": LibraryFunction("__init__", _namespace_init)}
)

# itertools


@NAMES.function("itertools.chain")
@iterated
def chain(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the items of several iterables, one after another."""
    return [item for one in args for item in evaluator.items(one, node)]


@NAMES.function("itertools.chain.from_iterable")
def chain_all(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the items of all iterables in an iterable, one after another."""
    return chain(evaluator, evaluator.items(args[0], node), kwargs, node)


@NAMES.function("itertools.repeat")
@iterated
def repeat(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a value repeated."""
    value, times = args
    return evaluator.operate("mul", [value], times, node)


@NAMES.function("itertools.product")
@iterated
def product(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the Cartesian product of iterables."""
    rows = evaluator.operate("mul", [evaluator.items(one, node) for one in args], kwargs.get("repeat", 1), node)
    evaluator.budget.copy(math.prod(map(len, rows)) * max(len(rows), 1))
    return list(itertools.product(*rows))


@NAMES.function("itertools.pairwise")
@iterated
def pairwise(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return each pair of successive items."""
    return spent(evaluator, itertools.pairwise(evaluator.items(args[0], node)))


@NAMES.function("itertools.accumulate")
@iterated
def accumulate(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the running sums of the items."""
    return list(itertools.accumulate(evaluator.items(args[0], node), lambda a, b: evaluator.operate("add", a, b, node)))


@NAMES.function("itertools.islice")
@iterated
def islice(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a slice of the items."""
    row, *bounds = args
    return spent(evaluator, itertools.islice(evaluator.iterate(row, node), *bounds))


# Typing, and functions without an effect


class TypingName(TypeObject):
    """A name of `typing`; annotations are ignored."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        return self

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        return self

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        return self

    def is_type_of(self, value: Any) -> bool | None:
        tests: dict[str, Callable[[Any], bool]] = {
            "Callable": is_callable,
            "Iterable": is_iterable,
            "Sequence": lambda value: isinstance(value, (list, tuple, str, range)),
            "Mapping": lambda value: isinstance(value, dict),
        }
        return tests[self.name](value) if self.name in tests else None


_TYPES = """
    Any Union Optional List Tuple Dict Set Type Callable Iterable Sequence Mapping Iterator Literal TypeVar
    ClassVar Final NewType Annotated Self TypeAlias Collection Generator MutableMapping Hashable
"""
NAMES.update({f"typing.{name}": TypingName(name) for name in _TYPES.split()})
NAMES["typing.TYPE_CHECKING"] = False
NAMES.update({name: ClassValue(name.rpartition(".")[2]) for name in ("abc.ABC", "typing.Generic", "typing.Protocol")})
for _name in ("warnings.warn", "warnings.filterwarnings", "warnings.simplefilter"):
    NAMES[_name] = LibraryFunction(_name, lambda *_: None)
