"""NumPy arrays of numbers in evaluated code, as used for lists of widths and drop rates."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from ...limits import MOST_AXES
from .budget import Budget, listable
from .libraries import NameTable
from .methods import METHODS, by_name
from .values import ArrayValue, Implementation, LibraryFunction, LibraryObject, UnknownValue, leaves

if TYPE_CHECKING:
    from .evaluate import Evaluator

NAMES = NameTable()
KINDS = {"int": int, "float": float, "bool": bool}
"""The function that converts a number to each type of array."""


def array_of(evaluator: Evaluator, given: Any, node: Any, kind: Any = None) -> Any:
    """Return numbers, or rows of them, as an array of the named type, or else of the one type that fits all."""
    if not isinstance(given, (list, tuple, range)):
        return given if kind is None else KINDS[kind](evaluator.needs(given, node))
    evaluator.budget.copy(len(given))
    if kind is None and any(isinstance(one, float) for one in given):
        kind = "float"
    return ArrayValue([array_of(evaluator, one, node, kind) for one in given])


def kind_of(dtype: Any) -> str | None:
    """Return the name of a numeric type: `int`, `float` or `bool`; None for any other."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", "")
    return name.rstrip("0123456789") if isinstance(name, str) and name.rstrip("0123456789") in KINDS else None


@NAMES.function("numpy.array", "numpy.asarray")
def array(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an array of numbers; other values are returned as a list."""
    given = by_name("object dtype", args, kwargs)
    values = given.get("object", given.get("a"))
    if isinstance(values, UnknownValue):
        return values
    if not isinstance(values, (list, tuple, range, int, float)):
        values = evaluator.items(values, node)
    return array_of(evaluator, values, node, kind_of(given.get("dtype")))


@NAMES.function("numpy.arange")
def arange(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return evenly spaced numbers, by their step."""
    given = [evaluator.needs(one, node) for one in [*args, *[kwargs.get(name) for name in ("start", "stop", "step")]]]
    start, end, step = ([0, *given, 1] if len([one for one in given if one is not None]) == 1 else [*given, 1])[:3]
    step = 1 if step is None else step
    count = listable(max(ceil((end - start) / step), 0))
    evaluator.budget.copy(count)
    kind = kind_of(kwargs.get("dtype"))
    return array_of(evaluator, [start + at * step for at in range(count)], node, kind)


@NAMES.function("numpy.linspace")
def linspace(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return evenly spaced numbers, by their count."""
    given = by_name("start stop num endpoint", args, kwargs)
    start, end, count = [evaluator.needs(given.get(name, 50), node) for name in ("start", "stop", "num")]
    evaluator.budget.copy(count)
    step = (end - start) / max(count - bool(given.get("endpoint", True)), 1)
    return ArrayValue([float(start + at * step) for at in range(count)])


def filled(evaluator: Evaluator, sizes: Any, value: Any, node: Any) -> Any:
    """Return an array of these sizes whose numbers are all `value`."""
    shape = _shape(evaluator, sizes, node)
    evaluator.budget.copy(prod(max(one, 1) for one in shape))
    for size in reversed(shape):
        value = ArrayValue([array_of(evaluator, value, node) for _ in range(size)])
    return value


def _shape(evaluator: Evaluator, sizes: Any, node: Any) -> list[Any]:
    """Return the sizes of an array, given one or several. Raise ValueError for more axes than an array may have."""
    shape = [evaluator.needs(one, node) for one in (sizes if isinstance(sizes, (list, tuple)) else [sizes])]
    if len(shape) > MOST_AXES:
        raise ValueError(f"maximum supported dimension for an ndarray is {MOST_AXES}, found {len(shape)}")
    return shape


def _filled(name: str, number: float) -> None:
    @NAMES.function(f"numpy.{name}")
    def fill(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = by_name("shape dtype", args, kwargs)
        return filled(evaluator, given["shape"], KINDS[kind_of(given.get("dtype")) or "float"](number), node)


for _name, _number in (("zeros", 0), ("ones", 1)):
    _filled(_name, _number)


@NAMES.function("numpy.eye", "numpy.identity")
def eye(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an identity matrix."""
    given = by_name("N dtype", args, kwargs)
    size = evaluator.needs(given.pop("N", given.get("n")), node)
    if not set(given) <= {"n", "dtype"} or not isinstance(given.get("dtype"), (str, LibraryObject, type(None))):
        raise NotImplementedError  # a second number is that of columns
    made = filled(evaluator, [size, size], KINDS[kind_of(given.get("dtype")) or "float"](0), node)
    for at, row in enumerate(made):
        row[at] = type(row[at])(1)
    return made


def _flat(value: Any, budget: Budget) -> Any:
    return ArrayValue(leaves(value, budget))


def _reshape(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    row, *sizes = args
    if kwargs:
        raise NotImplementedError
    shape = _shape(evaluator, sizes[0] if isinstance(sizes[0], (list, tuple)) else sizes, node)
    flat = _flat(row, evaluator.budget)
    evaluator.budget.copy(len(flat))
    known = prod(one for one in shape if one != -1)
    shape = [len(flat) // max(known, 1) if one == -1 else one for one in shape]
    if min(shape) < 1 or prod(shape) != len(flat):
        raise ValueError(f"cannot reshape array of size {len(flat)} into shape {tuple(shape)}")
    for size in reversed(shape[1:]):
        flat = ArrayValue([ArrayValue(flat[at : at + size]) for at in range(0, len(flat), size)])
    return flat


def _row(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> list[Any]:
    """Return the numbers of a call's only argument. Raise NotImplementedError for nested rows or an axis."""
    items = evaluator.items(args[0], node) if len(args) == 1 and not kwargs else [None]
    if not all(isinstance(one, (int, float)) for one in items):
        raise NotImplementedError
    return items


def _cumulated(row: list[Any]) -> Any:
    total = 0
    return ArrayValue([total := total + one for one in row])


_OF_ROWS: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "amax": max,
    "amin": min,
    "mean": lambda row: sum(row) / len(row),
    "cumsum": _cumulated,
}


def _of_row(name: str) -> Implementation:
    return lambda evaluator, args, kwargs, node: _OF_ROWS[name](_row(evaluator, args, kwargs, node))


for _name in _OF_ROWS:
    NAMES.function(f"numpy.{_name}")(_of_row(_name))


def _listed(value: Any) -> Any:
    return [_listed(one) for one in value] if isinstance(value, ArrayValue) else value


def _as_type(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    row, dtype = [*args, *kwargs.values()]
    kind = kind_of(dtype)
    if kind is None:
        raise NotImplementedError
    return array_of(evaluator, row, node, kind)


_OWN: dict[str, Implementation] = {
    **{name: _of_row(name) for name in ("sum", "max", "min", "mean", "cumsum")},
    "astype": _as_type,
    **dict.fromkeys(("flatten", "ravel"), lambda evaluator, args, kwargs, node: _flat(args[0], evaluator.budget)),
    "reshape": _reshape,
    "tolist": lambda evaluator, args, kwargs, node: _listed(args[0]),
    "copy": lambda evaluator, args, kwargs, node: array_of(evaluator, args[0], node),
}
METHODS |= {ArrayValue: {name: LibraryFunction(name, one) for name, one in _OWN.items()}}
