"""PyTorch's functions in evaluated code; calls are recorded for the reader if tensors depend on an input."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from math import prod
from typing import TYPE_CHECKING, Any

from ....errors import CnncalcError, SpecError
from ....limits import MOST_AXES, MOST_FUNCTIONS, Limit
from ....sizes import LARGEST, show
from ...torch.read.calls import NO_PRODUCTS, FunctionCall, TracedTensor
from ..budget import TooMuchError
from ..values import LibraryFunction, NamedItems, UnknownValue
from . import products, reductions, views, windows  # noqa: F401 - they register their rules in SHAPES
from .settings import checked
from .shapes import SHAPES, Shape, ShapeCall
from .tensors import DeviceValue, TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

STEPS_A_CALL = 20
"""How many steps a call takes."""


class CallRecorder:
    """A recorder of the calls of one network."""

    def __init__(self, *, runs: bool = False) -> None:
        self.runs = runs
        """Whether the network is running, rather than being constructed."""
        self.calls: list[FunctionCall] = []
        self.limit = Limit(MOST_FUNCTIONS, "the network calls more than {most:,} functions", error=TooMuchError)
        """How many functions it may call; one with several results counts once for each."""
        self.inside: list[tuple[str, int]] = [("", 0)]
        """The running modules, outermost first: the name of each, and the number of its call."""
        self.turns = count(1)
        self.looks = False
        """Whether the code has used a size of a tensor that depends on an input."""
        self.names: dict[int, str] = {}
        """The names of the modules, by `id`."""
        self.batch: int | None = None
        """The number of samples in a batch."""

    def looked(self, tensor: TensorValue) -> None:
        """Record that the code uses the sizes of a tensor."""
        self.looks = self.looks or tensor.traced is not None

    def call(self, function: str, args: Sequence[Any], kwargs: Any, results: Sequence[TensorValue]) -> FunctionCall:
        """Return a call made by the running module."""
        outs, kinds = tuple([one.shape for one in results]), tuple([one.kind for one in results])
        return FunctionCall(function, tuple(args), kwargs, outs, *self.inside[-1], 0, kinds)

    def note(self, call: FunctionCall) -> int:
        """Record a call, and return its index."""
        self.limit.count(max(len(call.outs), 1))
        self.calls.append(call)
        return len(self.calls) - 1


def recorder(evaluator: Evaluator) -> CallRecorder:
    """Return the recorder of the current network."""
    found: CallRecorder = evaluator.state.setdefault("torch", CallRecorder())
    return found


# Calls


def apply(evaluator: Evaluator, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> Any:
    """Return the result or results of a function of tensors, recording the call if it depends on an input."""
    evaluator.budget.count(STEPS_A_CALL)
    rule = SHAPES[function]
    for one in [*args, *kwargs.values()]:
        if isinstance(one, UnknownValue):
            raise evaluator.unknown(one, node)
    found = tensors_in([*args, *kwargs.values()], evaluator)
    for one in found:
        settle(evaluator, one, node)
    try:
        args, kwargs = checked(function, rule.names, args, kwargs)
        made = rule.rule(ShapeCall(function, rule.names, args, kwargs))
    except CnncalcError as error:
        raise misfit(evaluator, function, error, found, node) from None
    except KeyError as error:
        raise TypeError(f"{function} is not given {error}") from None
    shapes = made if isinstance(made, list) else [made]
    if any(prod(shape) > LARGEST for shape in shapes):
        raise TooMuchError(f"a tensor of more than {LARGEST:,} values")
    if any(len(shape) > MOST_AXES for shape in shapes):
        raise TooMuchError(f"a tensor of more than {MOST_AXES} axes")
    results = results_of(evaluator, function, args, kwargs, found, shapes, rule.holds(args, kwargs, found))
    if not isinstance(made, list):
        return results[0]
    return NamedItems(results) if function in WITH_PLACES else tuple(results)


WITH_PLACES = frozenset(["max", "min", "median", "mode", "kthvalue", "cummax", "cummin", "sort", "topk"])
"""Functions whose two results are named `values` and `indices`."""


def results_of(
    evaluator: Evaluator,
    function: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    found: list[TensorValue],
    shapes: list[Shape],
    kind: str,
) -> list[TensorValue]:
    """Return the results of a call, recorded if they depend on an input or on matrix products."""
    traced = any(one.traced is not None for one in found)
    roots = tuple(dict.fromkeys(root for one in found for root in one.roots()))
    made = not traced and found and (function not in NO_PRODUCTS or any(one.made is not None for one in found))
    own = recorder(evaluator)
    noting = traced or (made and own.runs)
    values = None if noting else values_of(function, args, kwargs, found)
    evaluator.budget.count(len(values or ()))
    results = [TensorValue(shape, kind, of=() if traced else roots, values=values) for shape in shapes]
    if not noting and (values is not None or not own.runs or not roots):
        return results
    if function in ("getitem", "setitem"):
        args = [args[0], index_of(args[1]), *args[2:]]
    call = own.call(function, [noted(one) for one in args], {key: noted(one) for key, one in kwargs.items()}, results)
    at = own.note(call) if noting else 0
    for place, result in enumerate(results):
        result.recipe = None if traced else (call, place)
        if noting:
            tensor = TracedTensor(at, place, result.shape)
            result.traced, result.made = (tensor, None) if traced else (None, tensor)
            result.run = own
    return results


_KEPT = """
    view reshape expand expand_as repeat getitem unsqueeze squeeze permute transpose flatten to float double half
    contiguous clone detach cpu cuda type type_as requires_grad select narrow chunk split unbind
"""
KEPT = frozenset(_KEPT.split())
"""Functions whose results contain only values of their first argument."""


_ORDER = "view reshape unsqueeze squeeze flatten to float double contiguous clone"
IN_ORDER = frozenset(_ORDER.split())
"""Those of KEPT that keep all values in order."""


def _power(a: float, b: float) -> float:
    """Return a power; an integral one is returned as an integer."""
    value = float(a) ** float(b)
    return int(value) if isinstance(a, int) and isinstance(b, int) and value.is_integer() else value


_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv", "mod")},
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "div": operator.truediv,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "rsub": lambda a, b: b - a,
    "rtruediv": lambda a, b: b / a,
    "pow": _power,
    "rpow": lambda a, b: _power(b, a),
}
_SINGLE: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(math, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "ceil", "floor", "log2")},
    **dict.fromkeys(("int", "long"), int),
    "neg": operator.neg,
    "round": round,
    "abs": abs,
}


def values_of(
    function: str, args: Sequence[Any], kwargs: Mapping[str, Any], found: Sequence[TensorValue]
) -> list[Any] | None:
    """Return the values of a result, if they follow from known values; None if they are unknown."""
    if not found or any(one.values is None for one in found):
        return None
    own = found[0].values or []
    if function in KEPT:
        at = args[1] if function == "getitem" else None
        if isinstance(at, int) and len(found[0].shape) == 1:
            return [own[at if len(own) > 1 else 0]]
        return own if len(own) == 1 or function in IN_ORDER else None
    if kwargs == {"rounding_mode": "floor"}:
        function = "floordiv"
    elif kwargs:  # a scale factor, or a number of decimals
        return None
    try:
        made = [_SINGLE[function](one) for one in own] if function in _SINGLE else of_pairs(function, args)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return None if made is None or any(isinstance(n, int) and abs(n) > LARGEST for n in made) else made


def of_pairs(function: str, args: Sequence[Any]) -> list[Any] | None:
    """Return the values of a binary operation on operands of the same shape, or on a tensor and a number."""
    if function not in _PAIRS or len(args) != 2:
        return None
    rows = [one.values or [] if isinstance(one, TensorValue) else [one] for one in args]
    shapes = {one.shape for one in args if isinstance(one, TensorValue)}
    count = max(map(len, rows))
    if min(map(len, rows)) > 1 and len(shapes) > 1:
        return None
    first, second = [row * count if len(row) == 1 else row for row in rows]
    return [_PAIRS[function](a, b) for a, b in zip(first, second, strict=True)]


def tensors_in(value: Any, evaluator: Evaluator) -> list[TensorValue]:
    """Return the tensors in nested containers, in order."""
    if isinstance(value, TensorValue):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return []
    evaluator.budget.count(len(value))
    return [tensor for one in value for tensor in tensors_in(one, evaluator)]


def settle(evaluator: Evaluator, tensor: TensorValue, node: Any) -> None:
    """Make a tensor left from an earlier run a constant. Raise SpecError if it depends on that run's input."""
    if tensor.run is None or tensor.run is recorder(evaluator):
        return
    if tensor.traced is not None:
        what = f"{tensor.describe()} is left from an earlier run of the network"
        raise evaluator.error(node, what, "create it anew in each run")
    tensor.made = tensor.run = None


def index_of(index: Any) -> Any:
    """Return an index with its lists converted to tensors."""
    if isinstance(index, tuple):
        return tuple([index_of(one) for one in index])
    if isinstance(index, list) and index and all(isinstance(one, int) for one in index):
        kind = "bool" if all(isinstance(one, bool) for one in index) else "int"
        return TensorValue((len(index),), kind, values=list(index))
    return index


def noted(value: Any) -> Any:
    """Return an argument as in the record of a call."""
    if isinstance(value, TensorValue):
        return value.noted()
    if isinstance(value, (list, tuple)):
        return type(value)([noted(one) for one in value])
    return value.name if isinstance(value, DeviceValue) else value


def misfit(
    evaluator: Evaluator, function: str, error: CnncalcError, found: Sequence[TensorValue], node: Any
) -> SpecError:
    """Return the error for a call whose tensors do not fit, with the module and the arithmetic."""
    own = recorder(evaluator)
    path = own.inside[-1][0]
    lines = [error.help] if error.help and "c_i" not in error.help else []
    blamed = evaluator.error(node, error.what, "\n".join([*lines, *origin(own, function, found)]) or None)
    blamed.layer = path or function
    return blamed


def origin(own: CallRecorder, function: str, found: Sequence[TensorValue]) -> list[str]:
    """Return the origin of a flat tensor, such as `16x6x6 = 576`, and the linear layer that reads it."""
    first = next((one.traced for one in found if one.traced is not None), None)
    while first is not None and first.call >= 0:
        call = own.calls[first.call]
        before = next((one for one in call.args if isinstance(one, TracedTensor)), None)
        if before is None or call.function not in ("flatten", "view", "reshape", "dropout", "relu"):
            break
        if len(before.shape) > 2 and len(first.shape) == 2:
            features = prod(before.shape[1:])
            weight = found[1].shape if function == "linear" and len(found) > 1 else ()
            layer = f" → Linear({features}, {weight[0]})" if len(weight) == 2 else ""
            return [f"{show(before.shape[1:])} = {features:,}{layer}"]
        first = before
    return []


_SWAPPED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_COMMUTES = {"add", "mul", "and", "or", "xor", "eq", "ne"}


def operate(evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
    """Return the result of an operator with a tensor as an operand."""
    if left is None or right is None:
        if op in ("eq", "ne"):
            return op == "ne"
        raise NotImplementedError
    if isinstance(left, TensorValue):
        return apply(evaluator, op, [left, right], {}, node)
    function = _SWAPPED.get(op) or (op if op in _COMMUTES else f"r{op}")
    return apply(evaluator, function, [right, left], {}, node)


def function(name: str) -> LibraryFunction | None:
    """Return a PyTorch function of tensors by name; None if it is not supported.

    A function whose name ends in `_`, or that is called with `inplace`, changes its first argument.
    """
    plain = name.removesuffix("_").strip("_") if not name.startswith("__") else name.strip("_")
    plain = SAME.get(plain, plain)
    if plain not in SHAPES:
        return None
    in_place = name.endswith("_") and not name.endswith("__")

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        unknown = in_place and any(isinstance(one, UnknownValue) for one in [*args[1:], *kwargs.values()])
        if unknown and plain in SETTING and not recorder(evaluator).runs:
            args[0].become(TensorValue(args[0].shape, args[0].kind, of=args[0].of))
            return args[0]
        idle = ("out", "memory_format") if name == "to" else ("out", "dtype", "memory_format")
        own = {key: value for key, value in kwargs.items() if key not in idle}
        result = apply(evaluator, plain, args, own, node)
        if in_place or (kwargs.get("inplace") and isinstance(result, TensorValue)):
            args[0].become(result)
            return args[0]
        return result

    return LibraryFunction(name, call)


SETTING = frozenset(["normal", "uniform", "fill", "copy", "add", "sub", "mul", "div", "clamp"])
"""Functions that keep a tensor's shape whatever values they set; the initial values of weights may be unknown."""


SAME = {
    "concatenate": "cat",
    "arctan": "atan",
    "arcsin": "asin",
    "arccos": "acos",
    "fix": "trunc",
    "permute_dims": "permute",
    "vector_norm": "norm",
}
"""Other names of functions."""
