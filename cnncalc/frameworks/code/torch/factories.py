"""PyTorch's functions that make tensors from numbers, and functions that do not affect a network."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isnan, nan, prod
from typing import TYPE_CHECKING, Any

from ....limits import MOST_ITEMS, MOST_READ
from ..budget import listable
from ..libraries import NameTable
from ..methods import by_name
from ..values import LibraryFunction, UnknownValue
from .methods import METHODS, shape
from .tensors import DeviceValue, TensorType, TensorValue

if TYPE_CHECKING:
    from ..evaluate import Evaluator

NAMES = NameTable()


def sizes_of(args: list[Any], kwargs: dict[str, Any]) -> tuple[int, ...]:
    """Return sizes that are given as one list or as separate arguments."""
    given = args or [kwargs["size"]]
    sizes = tuple(given[0]) if isinstance(given[0], (list, tuple)) else tuple(given)
    if not all(isinstance(n, int) and n >= 0 for n in sizes):
        raise TypeError("sizes are whole numbers")
    return sizes


def kind_of(kwargs: dict[str, Any], default: str) -> str:
    """Return the kind of a tensor's values from its `dtype`."""
    dtype = kwargs.get("dtype")
    return dtype.kind if isinstance(dtype, DeviceValue) else default


NUMBERS: dict[str, Callable[[float], float]] = {"int": int, "bool": bool, "float": float}
"""The function that converts a number to each kind of values."""


def made(shape: tuple[int, ...], kind: str, value: float | None) -> TensorValue:
    """Return a tensor filled with a number; NaN stands for random values, None for unknown ones."""
    tensor = TensorValue(shape, kind, values=None if value is None or isnan(value) else [NUMBERS[kind](value)])
    tensor.is_random = value is not None and isnan(value)
    return tensor


def filled(value: float | None) -> Any:
    """Return a function that makes a tensor of given sizes."""

    def make(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> TensorValue:
        sizes = sizes_of([evaluator.needs(one, node) for one in args], kwargs)
        return made(sizes, kind_of(kwargs, "float"), value)

    return make


def like(value: float | None) -> Any:
    """Return a function that makes a tensor with the sizes of another."""

    def make(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> TensorValue:
        return made(shape(evaluator, args[0], node), kind_of(kwargs, args[0].kind), value)

    return make


def as_method(function: Any) -> Any:
    """Return a method that makes a tensor of the same kind as its own, as `x.new_zeros(3)` does."""

    def make(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        tensor = function(evaluator, args[1:], {name: one for name, one in kwargs.items() if name != "dtype"}, node)
        tensor.kind = kind_of(kwargs, args[0].kind)
        return tensor

    return make


for _name, _value in (("zeros", 0.0), ("ones", 1.0), ("empty", None), ("rand", nan), ("randn", nan)):
    NAMES[f"torch.{_name}"] = LibraryFunction(_name, filled(_value))
    NAMES[f"torch.{_name}_like"] = LibraryFunction(f"{_name}_like", like(_value))


@NAMES.function("torch.full")
def full(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor filled with a number."""
    size = kwargs.get("size", args[0] if args else ())
    value = kwargs.get("fill_value", args[1] if args[1:] else None)
    kind = kind_of(kwargs, "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float")
    values = [NUMBERS[kind](value)] if isinstance(value, (int, float)) else None
    return TensorValue(sizes_of([size], {}), kind, values=values)


for _name, _function in {"zeros": filled(0.0), "ones": filled(1.0), "empty": filled(None), "full": full}.items():
    METHODS[f"new_{_name}"] = LibraryFunction(f"new_{_name}", as_method(_function))


@NAMES.function("torch.full_like")
def full_like(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with the sizes of another, filled with a number."""
    value = kwargs.get("fill_value", args[1] if args[1:] else None)
    return like(value if isinstance(value, (int, float)) else None)(evaluator, args[:1], kwargs, node)


@NAMES.function("torch.randint", "torch.randperm", "torch.normal")
def random(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor of random numbers."""
    size = kwargs.get("size", next((one for one in args if isinstance(one, (list, tuple))), None))
    return TensorValue(sizes_of([size if size is not None else args[:1]], {}), "int")


@NAMES.function("torch.arange")
def arange(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor of evenly spaced numbers, without the end."""
    named = [kwargs[name] for name in ("start", "end", "step") if name in kwargs]
    given = [evaluator.needs(one, node) for one in [*args, *named]]
    if not all(isinstance(one, (int, float)) for one in given):
        return UnknownValue("torch.arange(…) of unknown numbers", node)
    kind = kind_of(kwargs, "int" if all(isinstance(one, int) for one in given) else "float")
    start, end, step = map(NUMBERS[kind], (0, *given, 1) if len(given) == 1 else (*given, 1)[:3])
    return numbered(evaluator, start, step, ceil((end - start) / step), kind)


@NAMES.function("torch.range")
def closed_range(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor of evenly spaced numbers, including the end."""
    given = in_order(evaluator, "start=0 end step=1", args, kwargs, node)
    if not all(isinstance(one, (int, float)) for one in given):
        return UnknownValue("torch.range(…) of unknown numbers", node)
    start, end, step = given
    return numbered(evaluator, start, step, int((end - start) / step + 1), kind_of(kwargs, "float"))


def numbered(evaluator: Evaluator, start: float, step: float, count: int, kind: str) -> TensorValue:
    """Return a tensor of `count` evenly spaced numbers."""
    count = max(count, 0)
    evaluator.budget.count(min(count, MOST_READ))
    values = [NUMBERS[kind](start + at * step) for at in range(count)] if count <= MOST_READ else None
    return TensorValue((count,), kind, values=values)


def in_order(evaluator: Evaluator, names: str, args: list[Any], kwargs: dict[str, Any], node: Any) -> list[Any]:
    """Return the arguments with these names in order; a name may have an integer as its default."""
    defaults = dict(one.partition("=")[::2] for one in names.split())
    given = by_name(" ".join(defaults), args, kwargs)
    for name, default in defaults.items():
        if name not in given and not default:
            raise TypeError(f"{name} is not given")
    return [evaluator.needs(given.get(name, int(default or 0)), node) for name, default in defaults.items()]


def spaced(value: Callable[[float, float], float]) -> Any:
    """Return a function that makes evenly spaced numbers and applies `value` to a base and each of them."""

    def make(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        start, end, count, base = in_order(evaluator, "start end steps=100 base=10", args, kwargs, node)
        if not all(isinstance(one, (int, float)) for one in (start, end, base)) or count > MOST_READ:
            return TensorValue((count,))
        evaluator.budget.count(count)
        step = (end - start) / max(count - 1, 1)
        return TensorValue((count,), values=[value(base, start + step * at) for at in range(count)])

    return make


NAMES.function("torch.linspace")(spaced(lambda base, at: at))
NAMES.function("torch.logspace")(spaced(pow))


@NAMES.function("torch.eye")
def eye(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an identity matrix."""
    rows, columns = in_order(evaluator, "n m=-1", args, kwargs, node)
    return TensorValue((rows, rows if columns == -1 else columns))


@NAMES.function("torch.tensor", "torch.as_tensor", "torch.from_numpy", "torch.asarray")
def tensor(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return numbers as a tensor."""
    if isinstance(args[0], (TensorValue, UnknownValue)):
        return args[0]
    shape: list[int] = []
    row: Any = [args[0]]
    while row and isinstance(row[0], (list, tuple)):
        shape.append(len(row[0]))
        row = [item for one in row for item in evaluator.items(one, node)]
        listable(len(row))  # shared lists can expand to any number of values
    if not all(isinstance(one, (bool, int, float)) for one in row) or len(row) != prod(shape) or len(row) > MOST_ITEMS:
        return UnknownValue("torch.tensor(…) of unknown values", node)
    kind = "bool" if all(isinstance(one, bool) for one in row) else "float"
    kind = kind_of(kwargs, "int" if all(type(one) is int for one in row) else kind)
    row = [*map(NUMBERS[kind], row)]
    return TensorValue(shape, kind, values=row[:1] if len(set(row)) == 1 else row[:MOST_READ])


def typed(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor of these sizes, or of these numbers."""
    if all(isinstance(one, int) for one in args):
        return TensorValue(sizes_of(args, {}))
    return tensor(evaluator, args, kwargs, node)


for _name in ("Tensor", "FloatTensor", "LongTensor", "DoubleTensor"):
    _holds = "int" if _name == "LongTensor" else "float"
    NAMES[f"torch.{_name}"] = TensorType(typed, kind=_holds)
    NAMES[f"torch.cuda.{_name}"] = TensorType(typed, is_empty=True, kind=_holds)
_KINDS = {
    "float": "float16 float32 float64 bfloat16 float half double",
    "int": "int8 int16 int32 int64 uint8 long int short",
    "bool": "bool",
}
for _kind, _names in _KINDS.items():
    for _name in _names.split():
        NAMES[f"torch.{_name}"] = DeviceValue(_name, _kind)
for _name in ("strided", "channels_last", "contiguous_format", "preserve_format", "channels_last_3d"):
    NAMES[f"torch.{_name}"] = DeviceValue(_name, "layout")


@NAMES.function("torch.device")
def device(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a device."""
    return DeviceValue(args[0] if isinstance(args[0], str) else "cpu", "device")


# Without an effect


def context(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a context manager, also a decorator, without an effect; applied to a function, return that function."""
    return args[0] if args and not isinstance(args[0], (bool, str)) else LibraryFunction("context", context)


_CONTEXTS = """
    no_grad enable_grad inference_mode set_grad_enabled jit.script jit.ignore jit.export jit.unused jit.script_method
    cuda.amp.autocast autocast amp.autocast compile fx.wrap
"""
for _name in _CONTEXTS.split():
    NAMES[f"torch.{_name}"] = LibraryFunction(f"torch.{_name}", context)
for _name in ("manual_seed", "cuda.manual_seed", "cuda.manual_seed_all", "set_default_dtype", "cuda.empty_cache"):
    NAMES[f"torch.{_name}"] = LibraryFunction(f"torch.{_name}", lambda *_: None)
_FALSE = """
    cuda.is_available backends.mps.is_available jit.is_scripting jit.is_tracing is_grad_enabled
    onnx.is_in_onnx_export compiler.is_compiling cuda.is_bf16_supported is_autocast_enabled
"""
for _name in _FALSE.split():
    NAMES[f"torch.{_name}"] = LibraryFunction(f"torch.{_name}", lambda *_: False)
NAMES["torch.cuda.device_count"] = LibraryFunction("torch.cuda.device_count", lambda *_: 0)


@NAMES.function("torch.is_tensor")
def is_tensor(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return whether a value is a tensor."""
    return isinstance(args[0], TensorValue)


@NAMES.function("torch._assert", "torch._log_api_usage_once")
def no_check(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return None."""
    return None


@NAMES.function("torch.utils.checkpoint.checkpoint")
def checkpoint(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the result of a function; running it twice in training has no effect here."""
    own = {key: value for key, value in kwargs.items() if key not in ("use_reentrant", "preserve_rng_state")}
    return evaluator.call(args[0], args[1:], own, node)


@NAMES.function("torch.nn.init._calculate_fan_in_and_fan_out")
def fans(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the fan-in and the fan-out of a weight."""
    c_o, c_i, *k = args[0].shape
    return c_i * prod(k), c_o * prod(k)


@NAMES.function("torch.autograd.Variable")
def variable(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the tensor."""
    return args[0]


@NAMES.function("torch.Size")
def torch_size(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return sizes."""
    return tuple(evaluator.items(args[0], node))


def by_method(name: str) -> None:
    """Register a function that is also a method of its first argument."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        return evaluator.call(evaluator.attribute(args[0], name, node), args[1:], kwargs, node)

    NAMES.function(f"torch.{name}")(call)


by_method("nonzero")
by_method("argwhere")
by_method("numel")
by_method("is_floating_point")
