"""Keras's operations while code is evaluated: `keras.ops`, the backend, TensorFlow's functions, and operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ...keras.read.config import Sizes
from ..libraries import NameTable
from ..source import quoted
from ..values import LibraryFunction, UnknownValue, describe, leaves
from .graph import LayerValue, SymbolicTensor, session_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator

BINARY = {
    "add": "Add",
    "sub": "Subtract",
    "mul": "Multiply",
    "truediv": "TrueDivide",
    "pow": "Power",
    "matmul": "Matmul",
    "floordiv": "FloorDivide",
    "mod": "Mod",
    "lt": "Less",
    "le": "LessEqual",
    "gt": "Greater",
    "ge": "GreaterEqual",
}
"""The operation of each of Python's operators."""

_TABLE = """
abs absolute: x
add add_n: x1 x2
amax max reduce_max: x axis keepdims
amin min reduce_min: x axis keepdims
arccos acos: x
arccosh acosh: x
arcsin asin: x
arcsinh asinh: x
arctan atan: x
arctanh atanh: x
argmax: x axis
argmin: x axis
average: x axis weights
cast: x dtype
ceil: x
celu: x alpha
clip clip_by_value: x x_min x_max
concatenate concat: xs axis
cos: x
cosh: x
cumsum: x axis
divide div divide_no_nan: x1 x2
dot: x1 x2
dot_product_attention: query key value bias mask scale is_causal
elu: x alpha
equal: x1 x2
erf: x
exp: x
expm1: x
flip reverse: x axis
floor: x
floor_divide floordiv: x1 x2
gelu: x approximate
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
log1p: x
log_sigmoid: x
log_softmax: x axis
logical_and: x1 x2
logical_not: x
logical_or: x1 x2
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
pad: x pad_width mode constant_values
power pow: x1 x2
prod reduce_prod: x axis keepdims
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
split: x indices_or_sections axis
sqrt: x
square: x
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
tile: x repeats
top_k: x k
transpose permute_dimensions: x axes
tril: x k
triu: x k
true_divide truediv: x1 x2
trunc: x
unstack: x num axis
var reduce_variance: x axis keepdims
where: x condition x1 x2
"""
"""An operation a line: the names of its function, then its arguments in order."""
_RENAMED = {"keep_dims": "keepdims", "features": "x", "input": "x", "perm": "axes", "multiples": "repeats"}
"""Arguments that TensorFlow calls otherwise."""
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


def class_of(name: str) -> str:
    """Return the class of Keras's operation of a name: `HardSilu` for `hard_silu`."""
    return name.title().replace("_", "")


def operate(evaluator: Evaluator, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> Any:
    """Return the result of an operation on tensors, as a layer of its class."""
    for one in leaves([args, dict(kwargs)]):
        if isinstance(one, UnknownValue):
            return one
    config = {
        key: value for key, value in kwargs.items() if not any(isinstance(one, SymbolicTensor) for one in leaves(value))
    }
    given = {key: value for key, value in kwargs.items() if key not in config}
    layer = LayerValue(kind, session_of(evaluator).unique(kind), config, node, is_operation=True)
    return layer.call(evaluator, list(args), given, node)


def moved(evaluator: Evaluator, name: str, x: SymbolicTensor, out: Sizes, node: Any) -> Any:
    """Return a tensor in another shape, by a layer of this name."""
    target = [-1 if n is None else n for n in out]
    if target.count(-1) > 1:
        raise evaluator.error(node, f"{name} to a shape with several open sizes is not understood")
    layer = LayerValue("Reshape", session_of(evaluator).unique(name), {"target_shape": target}, node)
    return layer.call(evaluator, [x], {}, node)


Function = Callable[["Evaluator", list[Any], dict[str, Any], Any], Any]


def _simple(name: str, names: Sequence[str]) -> Function:
    """Return a function that is one operation of Keras's."""
    kind = {"Amax": "Max", "Amin": "Min", "Abs": "Absolute", "Identity": "Identity"}.get(class_of(name), class_of(name))

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | {_RENAMED.get(key, key): value for key, value in kwargs.items()}
        given.pop("name", None)
        tensors = [given.pop(key) for key in names if key in given and key in _TENSOR_ARGUMENTS]
        if not any(isinstance(one, SymbolicTensor) for one in leaves([tensors, given])):
            return without_tensor(evaluator, name, tensors, given, node)
        return operate(evaluator, kind, tensors, {k: v for k, v in given.items() if v is not None}, node)

    return call


def without_tensor(evaluator: Evaluator, name: str, tensors: Sequence[Any], given: Mapping[str, Any], node: Any) -> Any:
    """Return what a function gives for values that are not tensors: numbers, or what is not known."""
    unknown = next((one for one in leaves([tensors, dict(given)]) if isinstance(one, UnknownValue)), None)
    if unknown is not None:
        return unknown
    plain = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "power": "pow"}
    if name in plain and len(tensors) == 2:
        return evaluator.operate(plain[name], tensors[0], tensors[1], node)
    if name in ("cast", "identity") and tensors:
        return tensors[0]
    if name in ("sqrt", "exp", "log", "ceil", "floor") and len(tensors) == 1 and isinstance(tensors[0], (int, float)):
        result = getattr(math, name)(tensors[0])
        return float(result) if name in ("ceil", "floor") else result
    return UnknownValue(f"the result of {name}", node)


def _enter(names: Sequence[str], call: Function, roots: Sequence[str] = ROOTS) -> None:
    for name in names:
        for root in roots:
            NAMES.setdefault(f"{root}.{name}", LibraryFunction(f"{root}.{name}", call))


for _line in _TABLE.strip().splitlines():
    _words, _, _arguments = _line.partition(":")
    _enter(_words.split(), _simple(_words.split()[0], _arguments.split()))


def _function(*names: str, roots: Sequence[str] = ROOTS) -> Callable[[Function], Function]:
    """Enter what functions of these names do, in place of what they do by the table."""

    def enter(call: Function) -> Function:
        for name in names:
            for root in roots:
                NAMES.pop(f"{root}.{name}", None)
        _enter(names, call, roots)
        return call

    return enter


def _given(names: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by their names."""
    return {**dict(zip(names.split(), args, strict=False)), **kwargs}


def _tensor(evaluator: Evaluator, value: Any, node: Any) -> SymbolicTensor:
    """Return a value that has to be a tensor of known sizes. SpecError for another."""
    if isinstance(value, UnknownValue):
        raise evaluator.unknown(value, node)
    if not isinstance(value, SymbolicTensor) or value.sizes is None:
        raise NotImplementedError
    return value


@_function("relu", roots=("keras.activations",))
def _relu(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a ReLU with a slope, a greatest value and a threshold."""
    given = _given("x negative_slope max_value threshold", args, kwargs)
    return operate(evaluator, "ReLU", [given.pop("x")], {key: one for key, one in given.items() if one}, node)


@_function("shape", "int_shape", "get_static_shape")
def _shape(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the shape of a tensor, the batch open."""
    x = args[0] if args else kwargs.get("x", kwargs.get("input"))
    return x.shape(node) if isinstance(x, SymbolicTensor) else evaluator.attribute(x, "shape", node)


@_function("ndim", "rank")
def _rank(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return len(_shape(evaluator, args, kwargs, node))


@_function("reshape")
def _reshape(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor in another shape; the first size is that of the batch."""
    given = _given("x newshape", args, kwargs)
    x = given.get("x", given.get("tensor"))
    if isinstance(x, UnknownValue):
        return x
    x = _tensor(evaluator, x, node)
    wanted = list(evaluator.items(given.get("newshape", given.get("shape")), node))
    if not all(one is None or type(one) is int for one in wanted) or not wanted:
        raise NotImplementedError
    sizes = wanted if x.whole else wanted[1:]
    if not x.whole and wanted[0] not in (None, -1):
        raise evaluator.error(node, "a reshape that changes the batch is not understood")
    return moved(evaluator, "reshape", x, tuple([None if n == -1 else n for n in sizes]), node)


@_function("expand_dims")
def _expand(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with an axis of one place."""
    given = _given("x axis", args, kwargs)
    x, axis = given.get("x", given.get("input")), given.get("axis", -1)
    if isinstance(x, UnknownValue):
        return x
    x = _tensor(evaluator, x, node)
    own = list(x.sizes or ())
    at = _axis(axis, len(own) + (not x.whole) + 1) - (not x.whole)
    if at < 0:
        raise evaluator.error(node, "an axis in front of the batch is not understood")
    return moved(evaluator, "expand_dims", x, (*own[:at], 1, *own[at:]), node)


@_function("squeeze")
def _squeeze(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor without axes of one place."""
    given = _given("x axis", args, kwargs)
    x, axis = given.get("x", given.get("input")), given.get("axis")
    if isinstance(x, UnknownValue):
        return x
    x = _tensor(evaluator, x, node)
    own = list(x.sizes or ())
    axes = [axis] if type(axis) is int else list(axis) if axis is not None else None
    gone = (
        [at for at, n in enumerate(own) if n == 1]
        if axes is None
        else [_axis(one, len(own) + (not x.whole)) - (not x.whole) for one in axes]
    )
    return moved(evaluator, "squeeze", x, tuple([n for at, n in enumerate(own) if at not in gone]), node)


def _axis(axis: Any, rank: int) -> int:
    if type(axis) is not int or not -rank <= axis < rank:
        raise NotImplementedError
    return axis % rank


@_function("flatten", "batch_flatten", roots=("keras.backend", "keras.ops"))
def _flatten(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with the values of each sample in a row."""
    x = _tensor(evaluator, args[0], node)
    sizes = x.sizes or ()
    count = None if None in sizes else prod(n for n in sizes if n is not None)
    return moved(evaluator, "flatten", x, (count,), node)


@_function("split")
def _split(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the parts of an axis: so many, at these places, or, in TensorFlow, of these sizes."""
    given = _given("x indices_or_sections axis", args, kwargs)
    x = given.get("x", given.get("value"))
    parts = given.get("indices_or_sections", given.get("num_or_size_splits"))
    if not isinstance(x, SymbolicTensor):
        raise NotImplementedError
    config = {"indices_or_sections": parts, "axis": given.get("axis", 0)}
    return operate(evaluator, "Split", [x], config, node)


@_function("resize", "resize_images", roots=("keras.ops.image", "tensorflow.image", "keras.backend"))
def _resize(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return images of another size."""
    given = _given("images size interpolation", args, kwargs)
    x, size = given.get("images"), given.get("size")
    method = given.get("interpolation", given.get("method", "bilinear"))
    if not isinstance(x, SymbolicTensor) or not isinstance(size, (list, tuple)):
        raise NotImplementedError
    config = {"height": size[0], "width": size[1], "interpolation": method if isinstance(method, str) else "bilinear"}
    layer = LayerValue("Resizing", session_of(evaluator).unique("Resize"), config, node)
    return layer.call(evaluator, [x], {}, node)


def sized(evaluator: Evaluator, kind: str, x: SymbolicTensor, out: Sizes, node: Any, **config: Any) -> Any:
    """Return the result of an operation without products, with its settings, of sizes that are known."""
    layer = LayerValue(kind, session_of(evaluator).unique(kind), config, node, is_operation=True)
    result = layer.call(evaluator, [x], {}, node)
    result.sizes = out
    return result


@_function("depth_to_space", "space_to_depth")
def _shuffle(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a map with its channels dealt out into space, or space put into channels."""
    given = _given("input block_size", args, kwargs)
    x = _tensor(evaluator, given.get("input", given.get("x")), node)
    by, apart = given.get("block_size"), quoted(node).partition("(")[0].endswith("depth_to_space")
    if type(by) is not int or by < 1 or x.sizes is None or len(x.sizes) != 3:
        raise NotImplementedError
    *space, c = x.sizes
    if apart:
        out = (*[None if n is None else n * by for n in space], None if c is None else c // (by * by))
    else:
        out = (*[None if n is None else n // by for n in space], None if c is None else c * by * by)
    return sized(evaluator, "DepthToSpace" if apart else "SpaceToDepth", x, out, node, block_size=by)


def _pair(value: Any) -> list[int]:
    """Return a number for each of two axes; TensorFlow's four have those of batch and channels."""
    numbers = [value] * 2 if type(value) is int else list(value)[-3:-1] if len(value) == 4 else list(value)
    if len(numbers) != 2 or not all(type(n) is int and n > 0 for n in numbers):
        raise NotImplementedError
    return numbers


@_function("extract_patches", "extract_image_patches", roots=("keras.ops.image", "tensorflow.image", "keras.ops"))
def _patches(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return the patches of images, the values of each in a row."""
    given = _given("images size strides dilation_rate padding", args, kwargs)
    x = _tensor(evaluator, given.get("images"), node)
    size = given.get("size", given.get("sizes", given.get("ksizes")))
    k = _pair(size)
    s = k if given.get("strides") is None else _pair(given["strides"])
    if x.sizes is None or len(x.sizes) != 3:
        raise NotImplementedError
    same = str(given.get("padding", "valid")).lower() == "same"
    *space, c = x.sizes
    places = [
        None if n is None else -(-(n if same else n - extent + 1) // step)
        for n, extent, step in zip(space, k, s, strict=True)
    ]
    out = (*places, None if c is None else c * prod(k))
    config = {"size": k, "strides": s, "padding": "same" if same else "valid"}
    return sized(evaluator, "ExtractPatches", x, out, node, **config, dilation_rate=given.get("dilation_rate"))


@_function("repeat", "repeat_elements")
def _repeat(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a tensor with each unit of an axis several times."""
    given = _given("x repeats axis", args, kwargs)
    x = _tensor(evaluator, given.get("x", given.get("input")), node)
    times = given.get("repeats", given.get("rep"))
    own = list(x.sizes or ())
    at = _axis(given.get("axis"), len(own) + (not x.whole)) - (not x.whole)
    if type(times) is not int or at < 0:
        raise NotImplementedError
    n = own[at]
    own[at] = None if n is None else n * times
    return sized(evaluator, "Repeat", x, tuple(own), node, repeats=times, axis=at + (not x.whole))


@_function("broadcast_to")
def _broadcast(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an array as it is if only the batch is added: it meets each sample anyway."""
    given = _given("x shape", args, kwargs)
    x, shape = _tensor(evaluator, given.get("x", given.get("input")), node), given.get("shape")
    wanted = list(evaluator.items(shape, node))
    if list(x.sizes or ()) == wanted[1:]:
        return x
    if None in wanted[1:]:
        raise NotImplementedError
    return sized(evaluator, "BroadcastTo", x, tuple(wanted if x.whole else wanted[1:]), node, shape=wanted)


@_function("slice", roots=("keras.ops", "tensorflow"))
def _slice(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a part of a tensor, by where it begins and how large it is."""
    given = _given("inputs start_indices shape", args, kwargs)
    x = _tensor(evaluator, given.get("inputs", given.get("input_")), node)
    begin, size = [
        evaluator.items(one, node)
        for one in (given.get("start_indices", given.get("begin")), given.get("shape", given.get("size")))
    ]
    ends = [None if n in (None, -1) else b + n for b, n in zip(begin, size, strict=True)]
    parts = [slice(b, e) for b, e in zip(begin, ends, strict=True)]
    if x.whole and all(b == 0 and e in (None, n) for b, e, n in zip(begin, ends, x.sizes or (), strict=True)):
        return x
    return operate(evaluator, "GetItem", [x, tuple(parts)], {}, node)


@_function("convert_to_tensor", "convert_to_numpy", roots=("keras.ops", "tensorflow", "keras.backend"))
def _as_it_is(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a value as it is."""
    return args[0] if args else next(iter(kwargs.values()))


def _pool(kind: str) -> Function:
    """Return a function that pools a map."""

    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        from .layers import make_layer

        given = _given("inputs pool_size strides padding", args, kwargs)
        x = given.get("inputs", given.get("input", given.get("value")))
        size = given.get("pool_size", given.get("ksize"))
        if not isinstance(x, SymbolicTensor) or x.sizes is None or size is None:
            raise NotImplementedError
        nd = len(x.sizes) - 1
        windows = {"pool_size": size, "strides": given.get("strides")}
        for key, one in windows.items():
            if isinstance(one, (list, tuple)) and len(one) == nd + 2:  # TensorFlow's has those of batch and channels
                windows[key] = list(one)[1:-1]
        layer = make_layer(evaluator, f"{kind}{nd}D", [], {**windows, "padding": given.get("padding", "valid")}, node)
        return layer.call(evaluator, [x], {}, node)

    return call


_enter(["max_pool", "max_pool2d", "max_pool1d"], _pool("MaxPooling"))
_enter(["average_pool", "avg_pool", "avg_pool2d", "avg_pool1d"], _pool("AveragePooling"))


# Constants and variables


def constant(evaluator: Evaluator, name: str, shape: Sequence[int], kind: str, node: Any) -> SymbolicTensor:
    """Return an array that the network has, without a batch: `kind` is parameter, buffer or constant."""
    if not all(type(n) is int and n > 0 for n in shape):
        raise evaluator.error(node, f"{name} has a shape that is not known: {describe(tuple(shape))}")
    layer = LayerValue("Constant", name, {"shape": list(shape), "kind": kind}, node)
    layer.path = name
    result: SymbolicTensor = layer.results(evaluator, [], {}, node)
    result.whole = True
    return result


def variable(evaluator: Evaluator, name: str, shape: Any, trained: bool, node: Any) -> SymbolicTensor:
    """Return a variable of a layer of the source's own."""
    shape = [shape] if type(shape) is int else list(evaluator.items(shape, node)) if shape is not None else []
    *path, own = name.split(".")
    name = ".".join([*path, session_of(evaluator).unique(own)])
    return constant(evaluator, name, shape, "parameter" if trained else "buffer", node)


@_function("arange", "range", roots=("keras.ops", "keras.backend", "tensorflow"))
def _arange(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return whole numbers in a row."""
    given = _given("start stop step", args, kwargs)
    start, stop = given.get("start", 0), given.get("stop", given.get("limit"))
    step = given.get("step", given.get("delta", 1))
    if stop is None:
        start, stop = 0, start
    if not all(type(one) is int for one in (start, stop, step)) or step == 0:
        raise NotImplementedError
    count = len(range(start, stop, step))
    return constant(evaluator, session_of(evaluator).unique("arange"), [count], "constant", node)


@_function("zeros", "ones", "random_normal", "random_uniform", roots=("keras.ops", "keras.backend", "tensorflow"))
def _filled(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an array of one number."""
    shape = _given("shape", args, kwargs).get("shape")
    if not isinstance(shape, (list, tuple)) or not all(type(n) is int and n > 0 for n in shape):
        return UnknownValue("an array", node)
    return constant(evaluator, session_of(evaluator).unique("constant"), list(shape), "constant", node)


@_function("normal", "uniform", roots=("keras.random", "tensorflow.random", "keras.backend"))
def _random(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return random numbers: an array, with the batch if its shape has one."""
    shape = _given("shape", args, kwargs).get("shape")
    if not isinstance(shape, (list, tuple)) or not shape or not all(n is None or type(n) is int for n in shape):
        return UnknownValue("random numbers", node)
    sizes = [n for n in (shape[1:] if shape[0] is None else shape) if n is not None]
    return constant(evaluator, session_of(evaluator).unique("normal"), sizes, "constant", node)


@_function("Variable", roots=("keras", "tensorflow"))
def _variable(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a variable with the shape of what it begins with."""
    value = _given("initial_value", args, kwargs).get("initial_value", kwargs.get("initializer"))
    if isinstance(value, SymbolicTensor) and value.whole and value.sizes is not None:
        name = ".".join([*session_of(evaluator).path, "variable"])
        return variable(evaluator, name, value.sizes, kwargs.get("trainable", True) is not False, node)
    if isinstance(value, (int, float)):
        return variable(evaluator, "variable", (), kwargs.get("trainable", True) is not False, node)
    return UnknownValue("a variable", node)


@_function("epsilon", roots=("keras.backend", "keras.config"))
def _epsilon(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return 1e-7


@_function("image_data_format", roots=("keras.backend", "keras.config"))
def _data_format(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return where channels stand."""
    return "channels_last" if session_of(evaluator).channels_last else "channels_first"


@_function(
    "clear_session",
    "set_image_data_format",
    "set_floatx",
    "set_learning_phase",
    roots=("keras.backend", "keras.utils", "keras.config"),
)
def _idle(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    return None
