"""Keras's layers as classes of evaluated code: those of Keras, and those that the source derives from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import SpecError, nearest, shown
from ....layers.names import KERAS_ALIASES
from ...keras.read.activations import ACTIVATION_NAMES
from ...keras.read.config import Sizes
from ...keras.read.model import INPUT
from ..budget import Budget
from ..values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    RaisedError,
    UnknownValue,
    describe,
    leaves,
)
from .arrays import variable
from .graph import CallNode, LayerValue, SymbolicTensor, plain, set_trainable, tensors_in
from .session import session_of
from .signatures import Signature, signatures, taken

if TYPE_CHECKING:
    from ..evaluate import Evaluator

RECORDED = (bool, int, float, str, list, tuple, dict, type(None))
"""The types of the values that a configuration holds as they are."""
IGNORED = frozenset(
    [
        *("name", "dtype", "seed", "autocast", "batch_size", "sparse", "ragged", "unroll", "stateful", "use_cudnn"),
        *("dropout", "recurrent_dropout", "implementation", "unit_forget_bias", "time_major", "fused", "virtual_batch"),
        *("renorm_clipping", "renorm_momentum", "synchronized", "flash_attention", "weights", "mask"),
        *(
            "zero_output_for_mask",
            "sliding_window",
            "quantization_config",
            "gptq_unpacked_column_size",
            "lora_alpha",
            "scale_attention",
        ),
        *("activity_regularizer", "input_tensor", "optional", "experimental_autocast", "dynamic"),
    ]
)
"""Parameters that affect no figure."""
_ENDS = ("_initializer", "_regularizer", "_constraint")
_NEW_NAMES = {"alpha": "negative_slope", "keep_dims": "keepdims", "border_mode": "padding", "subsample": "strides"}
"""The new names of parameters that older versions of Keras name differently."""


def make_layer(
    evaluator: Evaluator, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any
) -> LayerValue:
    """Return a layer of one of Keras's classes. Raise SpecError for unexpected or unknown arguments."""
    kind = KERAS_ALIASES.get(kind, kind)
    given = bound(evaluator, kind, signatures()[kind], args, kwargs, node)
    session = session_of(evaluator)
    name = given.pop("name", None)
    name = name if isinstance(name, str) else session.unique(kind)
    config = {key: standard(evaluator, kind, key, value, node) for key, value in given.items()}
    if "data_format" in signatures()[kind].defaults and kind != "Flatten" and config.get("data_format") is None:
        config["data_format"] = "channels_last" if session.channels_last else "channels_first"
    shape = config.pop("input_shape", None)
    width = config.pop("input_dim", None) if kind != "Embedding" else None
    length = config.pop("input_length", None)
    if kind == "Embedding" and length is not None and shape is None:
        shape = [length]
    if width is not None and shape is None:
        shape = [width]
    if shape is not None:
        config["batch_input_shape"] = [None, *shape] if isinstance(shape, (list, tuple)) else shape
    if kind == "Lambda":
        arguments = given.get("arguments")
        return LambdaValue(name, config, node, given["function"], arguments if isinstance(arguments, dict) else {})
    return LayerValue(kind, name, config, node)


class LambdaValue(LayerValue):
    """A Lambda layer: the operations of its function, or an opaque layer if the function is not supported."""

    __slots__ = ("arguments", "function")

    def __init__(self, name: str, config: dict[str, Any], made_at: Any, function: Any, arguments: dict[str, Any]):
        super().__init__("Lambda", name, config, made_at)
        self.function, self.arguments = function, arguments

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        session = session_of(evaluator)
        session.path.append(self.name)
        try:
            result = evaluator.call(self.function, list(args), dict(self.arguments), node)
        except (SpecError, RaisedError):
            result = None
        finally:
            session.path.pop()
        if result is not None and all(isinstance(one, SymbolicTensor) for one in leaves(result, evaluator.budget)):
            return result
        return super().call(evaluator, args, kwargs, node)

    def given(
        self, evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any
    ) -> list[Sizes | None]:
        shape = self.config.get("output_shape")
        return [tuple(shape) if isinstance(shape, (list, tuple)) else None]


def bound(
    evaluator: Evaluator, kind: str, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any
) -> dict[str, Any]:
    """Return the arguments of a layer by name, including defaults. Raise SpecError for an unexpected argument."""
    free = not signature.names and not signature.defaults
    if len(args) > len(signature.names) and not free:
        takes = ", ".join(signature.names) or "no positional arguments"
        raise evaluator.error(node, f"{kind} is given {len(args)} arguments", f"it takes {takes}")
    values = {**signature.defaults, **dict(zip(signature.names, args, strict=False))}
    for raw, value in kwargs.items():
        known = {*signature.names, *signature.defaults, "trainable", "input_shape", "batch_input_shape", "input_dim"}
        key = raw if raw in known else _NEW_NAMES.get(raw, raw)
        if key in known or key == "name" or (key == "input_length" and kind == "Embedding"):
            values[key] = value
        elif key not in IGNORED and not key.endswith(_ENDS) and not free:
            help = nearest(raw, known) or f"it takes {', '.join([*signature.names, *signature.defaults])}"
            raise evaluator.error(node, f"{kind} has no argument {raw!r}", help)
    missing = [name for name in signature.names if name not in values]
    if missing:
        takes = ", ".join(signature.names)
        raise RaisedError(evaluator.exception("TypeError"), f"{kind} is not given {missing[0]}: it takes {takes}", node)
    return {key: value for key, value in values.items() if key not in IGNORED or key == "name"}


def standard(evaluator: Evaluator, kind: str, key: str, value: Any, node: Any) -> Any:
    """Return an argument as in Keras's configuration. Raise SpecError if it is unknown."""
    if key in ("activation", "recurrent_activation"):
        check_activation(evaluator, f"{key} of {kind}", value, node)
        return activation_named(value, evaluator.budget)
    if key in ("function", "noise_shape", "arguments"):
        return None
    check_value(evaluator, kind, key, value, node)
    if isinstance(signatures()[kind].defaults.get(key), bool) and isinstance(value, RECORDED):
        return bool(value)
    if isinstance(value, bool):
        return int(value)
    if key in ("padding", "mode", "data_format", "interpolation") and isinstance(value, str):
        return value.lower()
    if key in ("kernel_size", "strides", "dilation_rate", "pool_size") and type(value) is int and kind[-1] == "D":
        return [value] * int(kind[-2])
    if (
        key in ("layer", "backward_layer")
        and isinstance(value, (*RECORDED, ClassValue))
        and not (value is None and key == "backward_layer")
    ):
        raise evaluator.error(node, f"{key} of {kind} is {describe(value)}, not a layer")
    if key in ("layer", "backward_layer") and isinstance(value, InstanceValue):
        raise evaluator.error(node, f"{kind} of {describe(value)} is not supported", "wrap a built-in Keras layer")
    return value


def _shown(value: Any) -> str:
    """Return a plain value as Python shows it."""
    return str(value) if value is None or isinstance(value, bool) else shown(value)


def check_value(evaluator: Evaluator, kind: str, key: str, value: Any, node: Any) -> None:
    """Raise SpecError for an argument that is unknown, or that Keras rejects."""
    for one in leaves([value], evaluator.budget):
        if isinstance(one, UnknownValue):
            raise evaluator.error(node, f"{key} of {kind} is unknown: {one.what} is unknown here")
        if isinstance(one, SymbolicTensor):
            raise evaluator.error(node, f"{key} of {kind} is {one.describe()}, but must be a number")
    own = taken(kind, key)
    if own is not None and not own.takes(value):
        raise evaluator.error(node, f"{key} of {kind} is {_shown(value)}, not {own.text}")


def check_activation(evaluator: Evaluator, what: str, value: Any, node: Any) -> None:
    """Raise SpecError for an activation that is not a function, a layer, or a name of Keras or of the source."""
    if value is not None and isinstance(value, RECORDED) and not isinstance(value, (str, dict)):
        raise evaluator.error(node, f"{what} is {_shown(value)}, not a name or a function")
    if isinstance(value, str) and not (
        value in ACTIVATION_NAMES or value in CLASSES or registers(evaluator.source.text)
    ):
        help = nearest(value, ACTIVATION_NAMES)
        raise evaluator.error(node, f"{what} is {shown(value)}, which Keras does not have", help)


def registers(source: str) -> bool:
    """Return whether a source registers custom objects with Keras by name."""
    return "custom_object" in source or "register_keras_serializable" in source


def activation_named(value: Any, budget: Budget) -> Any:
    """Return an activation as in a configuration: a name, or a layer."""
    if isinstance(value, LibraryFunction):
        return value.name.rpartition(".")[2]
    if isinstance(value, FunctionValue):
        return {"class_name": "function", "config": value.name}
    if isinstance(value, ClassValue):
        return {"class_name": value.name, "config": {}}
    if isinstance(value, LayerValue):
        return value.record(budget)
    return value if isinstance(value, str) or value is None else {"class_name": "function", "config": describe(value)}


# Inputs


def make_input(evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> SymbolicTensor:
    """Return an input of a model, from the arguments of `keras.Input`."""
    names = ("shape", "batch_size", "dtype", "sparse", "ragged", "batch_shape", "input_tensor", "optional", "name")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    whole = given.get("batch_shape", given.get("batch_input_shape"))
    shape = given.get("shape", given.get("input_shape"))
    for one in leaves([whole, shape], evaluator.budget):
        if isinstance(one, UnknownValue):
            raise evaluator.error(node, f"the shape of an input is unknown: {one.what} is unknown here")
    if whole is None:
        if not isinstance(shape, (list, tuple)):
            raise evaluator.error(
                node, f"the shape of an input is {describe(shape)}", "for example keras.Input(shape=(28, 28, 1))"
            )
        batch = given.get("batch_size")
        whole = (batch if isinstance(batch, int) else None, *shape)
    session = session_of(evaluator)
    name = given.get("name")
    name = name if isinstance(name, str) else session.unique(INPUT)
    return input_of(evaluator, name, whole, node)


def input_of(evaluator: Evaluator, name: str, shape: Any, node: Any) -> SymbolicTensor:
    """Return an input with a given shape, the batch first. Raise SpecError for an invalid shape."""
    sizes = shape if isinstance(shape, (list, tuple)) else ()
    if not sizes or not all(one is None or (type(one) is int and one > 0) for one in sizes):
        raise evaluator.error(
            node,
            f"{plain(shape, evaluator.budget)} is not the shape of an input",
            "for example keras.Input(shape=(28, 28, 1))",
        )
    session = session_of(evaluator)
    layer = LayerValue(INPUT, name, {"batch_shape": list(shape)}, node)
    layer.path = name
    tensor = SymbolicTensor(layer, 0, 0, tuple(shape[1:]))
    layer.nodes.append(CallNode(session.calls, (), {}, [tensor]))
    session.calls += 1
    return tensor


# Classes


def _new(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an instance of a layer class: one of Keras's layers, or an object of a class in the source."""
    cls, *rest = args
    if cls.node is None and cls is not LAYER:
        if cls is INPUT_LAYER:
            return make_input(evaluator, rest, kwargs, node).layer
        return make_layer(evaluator, cls.name, rest, kwargs, node)
    made = InstanceValue(cls, node)
    init = cls.find("__init__")
    evaluator.call(init, [made, *rest], kwargs, node)
    name_of(evaluator, made)
    return made


def _init(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize an instance of a class in the source: its name, and the Keras layer that it is derived from."""
    self, *rest = args
    name = kwargs.get("name")
    self.attributes.setdefault("trainable", kwargs.get("trainable", True))
    if isinstance(name, str):
        self.attributes["name"] = name
    own = base_of(self.cls)
    if own is not None:
        self.attributes[INNER] = make_layer(
            evaluator, own.name, rest, {"name": name_of(evaluator, self), **kwargs}, node
        )
    name_of(evaluator, self)


INNER = "(layer)"
"""The attribute of an instance that holds the Keras layer that its class is derived from."""


def base_of(cls: ClassValue) -> ClassValue | None:
    """Return the Keras layer class that a class is derived from, other than `Layer` and `Model`."""
    own = (one for one in cls.mro if isinstance(one, ClassValue) and one.node is None)
    return next((one for one in own if one.name in signatures()), None)


def name_of(evaluator: Evaluator, made: InstanceValue) -> str:
    """Return the name of an instance of a layer class."""
    name = made.attributes.get("name")
    if not isinstance(name, str):
        name = made.attributes["name"] = session_of(evaluator).unique(made.cls.name)
    return name


def _call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Call an instance of a layer class: build it, and run its `call` method."""
    self, *rest = args
    session = session_of(evaluator)
    session.path.append(name_of(evaluator, self))
    try:
        return run(evaluator, self, rest, kwargs, node)
    finally:
        session.path.pop()


def run(evaluator: Evaluator, self: InstanceValue, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Build an instance of a layer class, and run its `call` method."""
    build = self.cls.find("build")
    if isinstance(build, FunctionValue) and not self.attributes.get("built"):
        shapes = [one.shape(node) for one in tensors_in(args, evaluator.budget)]
        self.attributes["built"] = True
        whole = shapes[0] if args and isinstance(args[0], SymbolicTensor) and shapes else shapes
        evaluator.call(build, [self, whole], {}, node)
    method = self.cls.find("call")
    if isinstance(method, FunctionValue):
        own = method.node.args
        taken = {one.arg for one in (*own.args, *own.kwonlyargs)}
        if own.kwarg is None:
            kwargs = {key: value for key, value in kwargs.items() if key not in ("training", "mask") or key in taken}
    return evaluator.call(evaluator.attribute(self, "call", node), args, kwargs, node)


def _call_inner(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Run the `call` method of the Keras layer that a class is derived from."""
    self, *rest = args
    inner = self.attributes.get(INNER)
    if not isinstance(inner, LayerValue):
        raise evaluator.error(node, f"{self.cls.name} has no call method")
    path = session_of(evaluator).path
    around = path[-1:] == [inner.name] and path.pop()  # the layer has the same name as its instance
    try:
        return inner.call(evaluator, rest, kwargs, node)
    finally:
        path += [around] if around else []


def _set_attribute(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Set an attribute of an instance of a layer class."""
    self, name, value = args
    self.attributes[name] = value
    if name == "trainable" and isinstance(value, bool):
        set_trainable(self, value, evaluator.budget)


def _nothing(*_: Any) -> None:
    """Do nothing, for methods that affect no figure."""


def _add_weight(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a variable of an instance of a layer class."""
    rest = args[1:]
    names = ("name", "shape") if rest and isinstance(rest[0], str) else ("shape",)
    given = {**dict(zip(names, rest, strict=False)), **kwargs}
    trained = given.get("trainable", True) is not False
    own = given.get("name")
    name = ".".join([*session_of(evaluator).path, own if isinstance(own, str) else "variable"])
    return variable(evaluator, name, given.get("shape", ()), trained, node)


def _library(name: str, function: Any) -> LibraryFunction:
    return LibraryFunction(name, function)


LAYER = ClassValue(
    "Layer",
    namespace={
        "__new__": _library("__new__", _new),
        "__init__": _library("__init__", _init),
        "__setattr__": _library("__setattr__", _set_attribute),
        "__call__": _library("__call__", _call),
        "call": _library("call", _call_inner),
        "add_weight": _library("add_weight", _add_weight),
        "add_variable": _library("add_variable", _add_weight),
        **{
            name: _library(name, _nothing)
            for name in ("build", "add_loss", "add_metric", "compile", "fit", "summary", "evaluate", "predict", "save")
        },
        **{name: _library(name, _nothing) for name in ("load_weights", "build_from_config", "get_config")},
    },
)
"""The base class of all layers."""
INPUT_LAYER = ClassValue(INPUT, (LAYER,))
CLASSES: dict[str, ClassValue] = {
    "Layer": LAYER,
    INPUT: INPUT_LAYER,
    **{kind: ClassValue(kind, (LAYER,)) for kind in signatures()},
}
CLASSES |= {other: CLASSES[kind] for other, kind in KERAS_ALIASES.items()}
"""Keras's layer classes by name."""


def is_layer(value: Any) -> bool:
    """Return whether a value is a layer: one of Keras's, or an instance of a class in the source."""
    return isinstance(value, LayerValue) or (isinstance(value, InstanceValue) and value.cls.derives(LAYER))


def no_layer(evaluator: Evaluator, value: Any, node: Any) -> Exception:
    """Return the error for a value where a layer is required."""
    if isinstance(value, UnknownValue):
        return evaluator.unknown(value, node)
    return evaluator.error(node, f"{describe(value)} is not a layer")
