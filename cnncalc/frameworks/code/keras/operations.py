"""Keras's operations in evaluated code: `keras.ops`, the backend, and TensorFlow's functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from ....errors import nearest, shown
from ...keras.read.activations import ACTIVATION_NAMES, class_of
from ...keras.read.config import Sizes
from ..libraries import NameTable
from ..methods import by_name
from ..values import LibraryFunction, UnknownValue, leaves
from .graph import LayerValue, SymbolicTensor, operate, tensors_in
from .session import session_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator


_TABLE = """
abs absolute: x
add add_n: x1 x2
amax max reduce_max: x axis keepdims
amin min reduce_min: x axis keepdims
any reduce_any: x axis keepdims
all reduce_all: x axis keepdims
arccos acos: x
arccosh acosh: x
arcsin asin: x
arcsinh asinh: x
arctan atan: x
arctan2 atan2: x1 x2
arctanh atanh: x
argmax: x axis keepdims
argmin: x axis keepdims
average: x axis weights
cast: x dtype
ceil: x
celu: x alpha
clip clip_by_value: x x_min x_max
concatenate concat: xs axis
cos: x
cosh: x
cumsum: x axis
deg2rad: x
divide div divide_no_nan: x1 x2
dot: x1 x2
dot_product_attention: query key value bias mask scale is_causal
elu: x alpha
equal: x1 x2
erf: x
erfc: x
exp: x
exp2: x
expm1: x
flip reverse: x axis
floor: x
floor_divide floordiv: x1 x2
gelu: x approximate
glu: x axis
greater: x1 x2
greater_equal: x1 x2
hard_shrink: x threshold
hard_sigmoid: x
hard_silu hard_swish: x
hard_tanh: x
identity stop_gradient copy: x
layer_normalization: x gamma beta axis epsilon
l2_normalize: x axis epsilon
leaky_relu: x negative_slope
less: x1 x2
less_equal: x1 x2
log: x
log10: x
log1p: x
log2: x
log_sigmoid: x
log_softmax: x axis
logical_and: x1 x2
logical_not: x
logical_or: x1 x2
logical_xor: x1 x2
logsumexp reduce_logsumexp: x axis keepdims
matmul batch_dot: x1 x2
maximum: x1 x2
mean reduce_mean: x axis keepdims
minimum: x1 x2
mish: x
mod floormod: x1 x2
moveaxis: x source destination
multiply mul: x1 x2
negative neg: x
norm: x ord axis keepdims
normalize: x axis order epsilon
not_equal: x1 x2
one_hot: x num_classes axis
ones_like: x
pad: x pad_width mode constant_values
power pow: x1 x2
prod reduce_prod: x axis keepdims
rad2deg: x
reciprocal: x
relu: x
relu6: x
roll: x shift axis
round: x
rsqrt: x
selu: x
sigmoid: x
sign: x
silu swish: x
sin: x
sinh: x
softmax: x axis
softplus: x
softsign: x
soft_shrink: x threshold
sparse_plus: x
sparse_sigmoid: x
sqrt: x
square: x
squareplus: x b
squared_difference: x1 x2
stack: x axis
std reduce_std: x axis keepdims
subtract sub: x1 x2
sum reduce_sum: x axis keepdims
swapaxes: x axis1 axis2
take gather: x indices axis
tan: x
tanh: x
tanh_shrink: x
threshold: x threshold default_value
top_k: x k
transpose permute_dimensions: x axes
tril: x k
triu: x k
true_divide truediv: x1 x2
trunc: x
unstack: x num axis
var reduce_variance: x axis keepdims
where: condition x1 x2
zeros_like: x
"""
"""One operation per line: the names of its function, then its parameters in order."""
_RENAMED = {
    **dict.fromkeys(
        ("features", "indices", "input", "input_tensor", "tensor", "logits", "params", "t", "value"), ("x",)
    ),
    "values": ("xs", "x"),
    "a": ("x1", "x"),
    "b": ("x2",),
    "x": ("x1",),
    "y": ("x2",),
    "alpha": ("negative_slope",),
    "clip_value_max": ("x_max",),
    "clip_value_min": ("x_min",),
    "keep_dims": ("keepdims",),
    "paddings": ("pad_width",),
    "perm": ("axes",),
}
"""Keras's names for TensorFlow's parameters; the first one that the function has applies."""
_TENSOR_ARGUMENTS = frozenset(["x", "x1", "x2", "xs", "inputs", "query", "key", "value", "bias", "mask", "condition"])

NAMES = NameTable()
ROOTS = (
    *("keras.ops", "keras.ops.nn", "keras.ops.numpy", "keras.ops.core", "keras.ops.image", "keras.backend"),
    *(
        "tensorflow",
        "tensorflow.nn",
        "tensorflow.math",
        "tensorflow.linalg",
        "tensorflow.image",
        "tensorflow.experimental",
    ),
    "keras.activations",
)
"""The modules that have these functions."""


Function = Callable[["Evaluator", list[Any], dict[str, Any], Any], Any]


_KINDS = {"amax": "Max", "amin": "Min", "abs": "Absolute", "layer_normalization": "LayerNorm"}
"""The classes whose names do not follow from those of their functions."""


def _simple(name: str, names: Sequence[str]) -> Function:
    """Return a function that is a single Keras operation."""
    kind = _KINDS.get(name, class_of(name))

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = dict(zip(names, args, strict=False))
        for key, value in kwargs.items():
            own = next((one for one in (key, *_RENAMED.get(key, ())) if one in names), None)
            if own is not None:
                given[own] = value.lower() if own == "mode" and isinstance(value, str) else value
            elif key not in _IDLE and value is not None and value is not False:
                raise NotImplementedError
        type_ = {"dtype": given["dtype"]} if name == "cast" and isinstance(given.get("dtype"), str) else {}
        given = {key: value for key, value in given.items() if key not in _IDLE} | type_
        tensors = [given.pop(key) for key in names if key in given and key in _TENSOR_ARGUMENTS]
        if not any(tensors_in([tensors, given], evaluator.budget)):
            return without_tensor(evaluator, name, tensors, given, node)
        return operate(evaluator, kind, tensors, {k: v for k, v in given.items() if v is not None}, node)

    return call


def without_tensor(evaluator: Evaluator, name: str, tensors: Sequence[Any], given: Mapping[str, Any], node: Any) -> Any:
    """Return the result of a function of values that are not tensors: a number, or an unknown value."""
    plain = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "power": "pow"}
    if name in plain and len(tensors) == 2:
        return evaluator.operate(plain[name], tensors[0], tensors[1], node)
    if name in ("cast", "identity") and tensors:
        return tensors[0]
    if name in _FOLDED and len(tensors) == 1 and not given:
        begin, operator = _FOLDED[name]
        return reduce(lambda a, b: evaluator.operate(operator, a, b, node), evaluator.items(tensors[0], node), begin)
    if name in _OF_NUMBERS and all(isinstance(one, (int, float)) for one in tensors):
        return _OF_NUMBERS[name](*tensors)
    return UnknownValue(f"the result of {name}", node)


_FOLDED = {"sum": (0, "add"), "prod": (1, "mul")}
"""Functions of a list of numbers: the initial value, and the operator."""
_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "ceil": lambda x: float(math.ceil(x)),
    "floor": lambda x: float(math.floor(x)),
    "abs": abs,
    "maximum": max,
    "minimum": min,
}
"""Functions of numbers."""
_IDLE = ("dtype", "index_type", "layout", "name", "output_type", "seed", "sorted")
"""Parameters that affect no figure."""


def enter(names: Sequence[str], call: Function, roots: Sequence[str] = ROOTS) -> None:
    """Register the implementation of the functions with these names, under each root that lacks the name."""

    def carried(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return the result of the function, or the first unknown value among its arguments."""
        read = [args, {key: value for key, value in kwargs.items() if key not in _IDLE}]
        unknown = next((one for one in leaves(read, evaluator.budget) if isinstance(one, UnknownValue)), None)
        return call(evaluator, args, kwargs, node) if unknown is None else unknown

    for name in names:
        for root in roots:
            NAMES.setdefault(f"{root}.{name}", LibraryFunction(f"{root}.{name}", carried))


for _line in _TABLE.strip().splitlines():
    _words, _, _arguments = _line.partition(":")
    enter(_words.split(), _simple(_words.split()[0], _arguments.split()))


def function(*names: str, roots: Sequence[str] = ROOTS) -> Callable[[Function], Function]:
    """Return a decorator that registers the implementation of these functions, in place of any from the table."""

    def entered(call: Function) -> Function:
        for name in names:
            for root in roots:
                NAMES.pop(f"{root}.{name}", None)
        enter(names, call, roots)
        return call

    return entered


def tensor_of(value: Any) -> SymbolicTensor:
    """Return a value that must be a tensor of known sizes. Raise NotImplementedError for any other value."""
    if not isinstance(value, SymbolicTensor) or value.sizes is None:
        raise NotImplementedError
    return value


@function("relu", roots=("keras.activations", "keras.backend"))
def _relu(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a ReLU with a slope, a maximum value and a threshold."""
    given = by_name("x negative_slope max_value threshold", args, kwargs)
    return operate(evaluator, "ReLU", [given.pop("x")], {key: one for key, one in given.items() if one}, node)


@function("gelu", roots=("keras.activations", "tensorflow.nn"))
def _gelu(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a GELU, which is exact by default here but approximate by default as an operation."""
    given = by_name("x approximate", args, kwargs)
    config = {"approximate": given.get("approximate", False)}
    return operate(evaluator, "Gelu", [given.get("x", given.get("features"))], config, node)


for _name, _other in (("linear", "identity"), ("exponential", "exp")):
    function(_name, roots=("keras.activations",))(_simple(_other, ["x"]))


@NAMES.function("keras.activations.get")
def _activation(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an activation by name; None is `linear`, and a function is returned unchanged."""
    given = evaluator.needs(by_name("identifier", args, kwargs).get("identifier"), node)
    if given is not None and not isinstance(given, str):
        return given
    name = "linear" if given is None else given
    if name not in ACTIVATION_NAMES:
        raise evaluator.error(node, f"{shown(name)} is not an activation of Keras", nearest(name, ACTIVATION_NAMES))
    return NAMES.get(f"keras.activations.{name}", UnknownValue(f"keras.activations.{name}", node))


for _name in ("argmax", "argmin"):  # a type follows the axis in this module
    function(_name, roots=("tensorflow", "tensorflow.math"))(_simple(_name, ["x", "axis"]))


@function("one_hot", roots=("tensorflow",))
def _one_hot(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return classes as one-hot rows. Raise NotImplementedError for values other than 0 and 1."""
    given = by_name("indices depth on_value off_value axis", args, kwargs)
    if given.get("on_value") not in (None, 1) or given.get("off_value") not in (None, 0):
        raise NotImplementedError
    axis = given.get("axis")
    config = {"num_classes": given.get("depth"), "axis": -1 if axis is None else axis}
    return operate(evaluator, "OneHot", [tensor_of(given.get("indices"))], config, node)


@function("matmul", roots=("tensorflow", "tensorflow.linalg"))
def _matmul(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a matrix product, with either operand optionally transposed first."""
    given = by_name("a b transpose_a transpose_b", args, kwargs)
    turned = [
        operate(evaluator, "Swapaxes", [tensor_of(given.get(key))], {"axis1": -2, "axis2": -1}, node)
        if given.get(f"transpose_{key}")
        else given.get(key)
        for key in ("a", "b")
    ]
    return operate(evaluator, "Matmul", turned, {}, node)


@function("einsum")
def _einsum(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the sum of products given by an equation."""
    equation = [*args, kwargs.get("subscripts", kwargs.get("equation"))][0]
    operands = [one for one in args if isinstance(one, SymbolicTensor)]
    if not isinstance(equation, str) or len(operands) != len(equation.partition("->")[0].split(",")):
        raise NotImplementedError
    return operate(evaluator, "Einsum", operands, {"subscripts": equation}, node)


def sized(evaluator: Evaluator, kind: str, x: SymbolicTensor, out: Sizes, node: Any, **config: Any) -> Any:
    """Return the result of an operation without multiplications, with its settings and its known output sizes."""
    layer = LayerValue(kind, session_of(evaluator).unique(kind), config, node, is_operation=True)
    result = layer.call(evaluator, [x], {}, node)
    result.sizes = out
    return result


@function("convert_to_tensor", "convert_to_numpy", "constant", roots=("keras.ops", "tensorflow", "keras.backend"))
def _as_it_is(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the first argument."""
    if not args and not kwargs:
        raise NotImplementedError
    return args[0] if args else next(iter(kwargs.values()))


NAMES.pop("keras.backend.hard_sigmoid")  # its slope is different


@function("epsilon", roots=("keras.backend", "keras.config"))
def _epsilon(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return 1e-7


@function("image_data_format", roots=("keras.backend", "keras.config"))
def _data_format(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the position of the channels."""
    return "channels_last" if session_of(evaluator).channels_last else "channels_first"


@function(
    "clear_session",
    "set_image_data_format",
    "set_floatx",
    "set_learning_phase",
    roots=("keras.backend", "keras.utils", "keras.config"),
)
def _idle(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return None
