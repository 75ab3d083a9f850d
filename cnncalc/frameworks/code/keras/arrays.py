"""The arrays of a Keras model in evaluated code: constants, ranges, random numbers, and variables."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from ....errors import shown
from ...keras.read.functions import shape_in
from ..methods import by_name
from ..values import UnknownValue
from .graph import LayerValue, SymbolicTensor
from .operations import NAMES, function
from .reshaping import batch_of
from .session import session_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator


def constant(evaluator: Evaluator, name: str, shape: Sequence[int], kind: str, node: Any) -> SymbolicTensor:
    """Return an array of the network, without a batch; `kind` is parameter, buffer or constant."""
    shape = list(shape)
    batch = batch_of(shape)
    if not all(type(n) is int and n > 0 for n in shape):
        raise evaluator.error(node, f"{name} has the shape {shown(shape)}: each size must be a number of at least 1")
    layer = LayerValue("Constant", name, {"shape": shape[len(batch) :], "kind": kind}, node)
    layer.path = name
    result: SymbolicTensor = layer.results(evaluator, [], {}, node)
    result.batch = batch
    return result


def variable(evaluator: Evaluator, name: str, shape: Any, trained: bool, node: Any) -> SymbolicTensor:
    """Return a variable of a custom layer."""
    shape = [shape] if type(shape) is int else list(evaluator.items(shape, node)) if shape is not None else []
    *path, own = name.split(".")
    name = ".".join([*path, session_of(evaluator).unique(own)])
    return constant(evaluator, name, shape, "parameter" if trained else "buffer", node)


@function("arange", "range", roots=("keras.ops", "keras.backend", "tensorflow"))
def _arange(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return evenly spaced integers."""
    given = by_name("start stop step", args, kwargs)
    start, stop = given.get("start", 0), given.get("stop", given.get("limit"))
    step = given.get("step", given.get("delta", 1))
    if stop is None:
        start, stop = 0, start
    if not all(isinstance(one, (int, float)) for one in (start, stop, step)) or step == 0:
        raise NotImplementedError
    count = ceil((stop - start) / step)
    return constant(evaluator, session_of(evaluator).unique("arange"), [count], "constant", node)


@function(
    "zeros", "ones", "full", "random_normal", "random_uniform", roots=("keras.ops", "keras.backend", "tensorflow")
)
@function("normal", "uniform", roots=("keras.random", "tensorflow.random", "keras.backend"))
def _filled(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an array filled with one number or with random numbers, with a batch if its shape has one."""
    shape = by_name("shape", args, kwargs).get("shape")
    shape = [shape] if type(shape) is int else list(evaluator.items(shape, node))
    sizes = shape[1:] if shape[:1] == [None] else shape
    made = constant(evaluator, session_of(evaluator).unique("constant"), sizes, "constant", node)
    made.batch = made.batch if sizes is shape else (None,)
    return made


@NAMES.function("keras.Variable", "tensorflow.Variable")
def _variable(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a variable with a given shape, or with that of its initial value."""
    given = by_name("initializer shape", args, kwargs)
    value, shape, own = given.get("initializer", given.get("initial_value")), given.get("shape"), given.get("name")
    if shape is None or isinstance(shape, bool):  # TensorFlow's second parameter is `trainable`
        given.setdefault("trainable", shape)
        shape = value.shape(node) if isinstance(value, SymbolicTensor) else shape_in(value)
        if isinstance(value, UnknownValue):
            return value
    name = ".".join([*session_of(evaluator).path, own if isinstance(own, str) else "variable"])
    return variable(evaluator, name, shape, given.get("trainable") is not False, node)


for _name in ("float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool"):
    NAMES[f"tensorflow.{_name}"] = _name
