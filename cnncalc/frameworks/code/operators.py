"""Python's operators on plain values, within limits: numbers, strings, lists, tuples, dicts and sets."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from ...limits import MOST_BITS
from .budget import Budget, TooMuchError, bounded
from .values import LibraryObject, UnknownValue

Number = (int, float, complex)
SIZED = (str, list, tuple, bytes)
BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
}
"""The name of each binary operator in Python's `operator` module."""
COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
"""The name of each comparison in Python's `operator` module."""
STEPS_A_SHARED_HASH = 1000
"""How many steps a dict key or set item takes if a source can choose thousands with the same hash: Python compares
each of them with all others."""
UNARY: dict[type[ast.unaryop], str] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}
_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, f"__{name}__") for name in [*BINARY.values(), *COMPARED.values()]
}


def plain_binary(op: str, left: Any, right: Any, budget: Budget) -> Any:
    """Return the result of a binary operator on plain values. Raise TypeError and the like as Python does."""
    if isinstance(left, Number) and isinstance(right, Number):
        return _arithmetic(op, left, right)
    if op == "mul" and (isinstance(left, SIZED) or isinstance(right, SIZED)):
        items, times = (left, right) if isinstance(left, SIZED) else (right, left)
        if isinstance(times, int):
            budget.copy(max(len(items) * times, 0))
    elif op == "add" and isinstance(left, SIZED) and isinstance(right, SIZED):
        budget.copy(len(left) + len(right))
    elif op == "mod" and isinstance(left, str):
        return formatted(left, right, budget)
    elif isinstance(left, (set, frozenset, dict)) and isinstance(right, (set, frozenset, dict)):
        budget.copy(len(left) + len(right))
    return _FUNCTIONS[op](left, right)


def _arithmetic(op: str, left: Any, right: Any) -> Any:
    """Return a number of limited size."""
    if isinstance(left, int) and isinstance(right, int):
        if op == "pow" and right > 0 and left.bit_length() * right > 2 * MOST_BITS:
            raise TooMuchError(f"a whole number of more than {MOST_BITS} bits")
        if op == "lshift" and right > MOST_BITS:
            raise TooMuchError(f"a whole number of more than {MOST_BITS} bits")
    result = _FUNCTIONS[op](left, right)
    return bounded(result) if type(result) is int else result


def plain_unary(op: str, value: Any) -> Any:
    """Return the result of a unary operator on a plain value."""
    return getattr(operator, f"__{op}__")(value)


class _Shown(str):
    """A string whose `repr` is itself, so that `%s` and `%r` insert it unchanged."""

    __slots__ = ()
    __repr__ = str.__str__


def _shown(value: Any, budget: Budget) -> Any:
    return value if isinstance(value, (str, int, float)) or value is None else _Shown(_represented(value, budget))


def formatted(text: str, values: Any, budget: Budget) -> Any:
    """Return `text % values`; an unknown value if a library object is among the values."""
    given = values if isinstance(values, tuple) else (values,)
    inside = values.values() if isinstance(values, dict) else given
    if any(isinstance(one, (UnknownValue, LibraryObject)) for one in inside):
        return UnknownValue("a text")
    times = 1
    if isinstance(values, dict):
        values = {key: _shown(one, budget) for key, one in values.items()}
        given, times = (*values, *values.values()), text.count("%")  # each value may be inserted any number of times
    else:
        values = given = tuple([_shown(one, budget) for one in given])
    budget.copy(len(text) + times * (sum(len(one) for one in given if isinstance(one, str)) + 64 * len(given)))
    check_width(text)
    return str(text % values)


def check_width(text: str) -> None:
    """Raise TooMuchError if a format asks for more than three digits of width or precision."""
    if re.search(r"\d{4}", text) or "*" in text:
        raise TooMuchError("a format of more than 999 characters")


def equal(left: Any, right: Any, budget: Budget) -> bool:
    """Return whether two values are equal by Python's rules."""
    budget.count(1)
    if left is right:
        return True
    if isinstance(left, (list, tuple)):
        if not isinstance(right, type(left)) or len(left) != len(right):
            return False
        for a, b in zip(left, right, strict=True):  # noqa: SIM110 - `all` takes twice the time
            if not equal(a, b, budget):
                return False
        return True
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(key in right and equal(value, right[key], budget) for key, value in left.items())
        )
    if isinstance(right, (list, tuple, dict)):
        return False
    if isinstance(left, (set, frozenset)):
        budget.copy(len(left))
    return bool(left == right)


def in_range(one: Any, numbers: range) -> bool:
    """Return whether a range contains a value, without comparing a non-integer with every item as Python does."""
    if isinstance(one, complex) and not one.imag:
        one = one.real
    return (isinstance(one, int) or (isinstance(one, float) and one.is_integer())) and int(one) in numbers


def ordered(op: str, left: Any, right: Any, budget: Budget) -> bool:
    """Return the result of an ordering comparison, such as `<`."""
    if isinstance(left, (list, tuple)) and type(left) is type(right):
        for a, b in zip(left, right, strict=False):
            if not equal(a, b, budget):
                return ordered(op, a, b, budget)
        left, right = len(left), len(right)
    if isinstance(left, (list, tuple)) or isinstance(right, (list, tuple)):
        raise TypeError(f"'{op}' is not supported between these values")
    if isinstance(left, (set, frozenset)):
        budget.copy(len(left))
    return bool(_FUNCTIONS[op](left, right))


def hashable(value: Any, budget: Budget) -> Any:
    """Return a value for use as a dict key or set item. Raise TypeError if it is unhashable."""
    shares = value.bit_length() > 32 if isinstance(value, int) else isinstance(value, (*Number, range, frozenset))
    budget.count(STEPS_A_SHARED_HASH if shares else 1)
    if isinstance(value, tuple):
        for one in value:
            hashable(one, budget)
    elif isinstance(value, (list, dict, set)):
        raise TypeError(f"unhashable type: '{type(value).__name__}'")
    return value


def text_of(value: Any, budget: Budget) -> str:
    """Return a plain value as `str` does."""
    if isinstance(value, str):
        return value
    return _represented(value, budget)


def _represented(value: Any, budget: Budget) -> str:
    """Return a value as `repr` does."""
    budget.count(1)
    if value is None or isinstance(value, (str, bool, int, float, complex, range, slice, bytes)):
        return repr(value)
    if isinstance(value, dict):
        inside = [f"{_represented(key, budget)}: {_represented(one, budget)}" for key, one in value.items()]
        return _joined("{", inside, "}", budget)
    if isinstance(value, (list, set, frozenset)):
        inside = [_represented(one, budget) for one in value]
        return _joined("[", inside, "]", budget) if isinstance(value, list) else _joined("{", inside, "}", budget)
    if isinstance(value, tuple):
        inside = [_represented(one, budget) for one in value]
        return _joined("(", inside, ",)" if len(inside) == 1 else ")", budget)
    return f"<{type(value).__name__}>"


def _joined(begin: str, inside: list[str], end: str, budget: Budget) -> str:
    budget.copy(sum(map(len, inside)) + 2 * len(inside))
    return begin + ", ".join(inside) + end
