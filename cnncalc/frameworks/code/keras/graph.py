"""Keras's layers and tensors in evaluated code, their operators, and the models made from them.

A layer records each of its calls. A model consists of the calls between its inputs and its outputs, in the format of
Keras's own `to_json()`, so that all Keras models are read in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ....errors import CnncalcError, ShapeError
from ....notation.spec import read as read_spec
from ....trace import shape
from ...build import Draft
from ...keras.read import read as read_keras
from ...keras.read.config import Sizes, Tensor
from ...keras.read.functions import JOINS
from ...keras.read.graph import results_of
from ...keras.read.model import INPUT, KerasLayer, count_calls, read_model
from ...keras.read.variables import inner_layer
from ..budget import Budget
from ..values import MISSING, InstanceValue, LibraryFunction, LibraryObject, UnknownValue, describe, leaves
from .session import session_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator

MODELS = ("Functional", "Sequential")
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
    "and": "LogicalAnd",
    "or": "LogicalOr",
    "xor": "LogicalXor",
}
"""The operation for each binary operator of Python."""
UNARY = {"neg": "Negative", "invert": "LogicalNot"}
"""The operation for each unary operator."""

STEPS_A_CALL = 80
"""How many steps the call of a layer takes, without its arguments."""
STEPS_AN_ARGUMENT = 20
"""How many steps each argument takes."""


class CallNode(NamedTuple):
    """A call of a layer."""

    number: int
    """How many layer calls there were before it."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[SymbolicTensor]


class SymbolicTensor(LibraryObject):
    """A tensor of a model under construction."""

    __slots__ = ("batch", "dtype", "index", "layer", "node", "sizes")

    def __init__(self, layer: LayerValue, node: int, index: int, sizes: Sizes | None, batch: Sizes = (None,)):
        self.layer, self.node, self.index = layer, node, index
        """The layer that produces it, the index of the layer's call, and the index among its results."""
        self.sizes, self.batch = sizes, batch
        """Its sizes without the batch, None if unknown; and its batch: () for an array, (1,) for one sample."""
        self.dtype = "float32"

    @property
    def whole(self) -> bool:
        """Whether it has no batch, as an array of the model."""
        return not self.batch

    def shape(self, node: Any) -> Any:
        """Return its shape as Keras does, with the batch as None."""
        if self.sizes is None:
            return UnknownValue(f"the shape of {self.layer.name}", node)
        return (*self.batch, *self.sizes)

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name in ("shape", "get_shape", "_keras_shape"):
            shape = self.shape(node)
            return LibraryFunction(name, lambda *_: shape) if name == "get_shape" else shape
        if name in ("ndim", "rank"):
            return UnknownValue("ndim", node) if self.sizes is None else len(self.batch) + len(self.sizes)
        return {"dtype": self.dtype, "name": self.layer.name}.get(name, MISSING)

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        if op not in BINARY:
            raise NotImplementedError
        return operate(evaluator, BINARY[op], [left, right], {}, node)

    def unary(self, evaluator: Evaluator, op: str, node: Any) -> Any:
        if op not in UNARY:
            raise NotImplementedError
        return operate(evaluator, UNARY[op], [self], {}, node)

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        keys = index if isinstance(index, tuple) else (index,)
        if self.whole:  # layers count axes after the batch
            keys = (slice(None), *keys)
        return operate(evaluator, "GetItem", [self, keys], {}, node)

    def shape_text(self, evaluator: Evaluator) -> str | None:
        return None if self.sizes is None else shown_sizes(self.sizes)

    def describe(self) -> str:
        return "a Keras tensor" + ("" if self.sizes is None else f" of {shown_sizes(self.sizes)}")


def shown_sizes(sizes: Sizes) -> str:
    """Return sizes as a user writes them."""
    return "x".join("?" if n is None else str(n) for n in sizes) or "()"


class LayerValue(LibraryObject):
    """A layer of Keras, or an operation."""

    __slots__ = ("config", "is_operation", "kind", "made_at", "name", "nodes", "path")

    def __init__(self, kind: str, name: str, config: dict[str, Any], made_at: Any, *, is_operation: bool = False):
        self.kind, self.name, self.config, self.made_at = kind, name, config, made_at
        """`config` has plain values; `made_at` is the node of the source that made the layer."""
        self.is_operation = is_operation
        self.nodes: list[CallNode] = []
        self.path: str | None = None
        """Its name after those of the enclosing layers; set by the first call."""

    def record(self, budget: Budget) -> dict[str, Any]:
        """Return the layer as in a model's configuration, without its calls."""
        module = "keras.ops" if self.is_operation else "keras.layers"
        return self.recorded(self.kind, module, {"name": self.name, **plain(self.config, budget)})

    def recorded(self, kind: str, module: str, config: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration with its class and the number of the layer object."""
        return {"class_name": kind, "module": module, "config": config, "shared_object_id": id(self)}

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Record a call, and return its results. Raise SpecError for an input that a layer cannot read."""
        given = list(leaves([args, kwargs], evaluator.budget))
        evaluator.budget.count(STEPS_A_CALL + STEPS_AN_ARGUMENT * len(given))
        session = session_of(evaluator)
        if self.path is None:
            self.path = ".".join([*session.path, self.name])
            if self.kind == "MultiHeadAttention":  # it makes these in its first call
                session.unique("Softmax")
                session.unique("Dropout")
        for one in given:
            if isinstance(one, UnknownValue):
                raise evaluator.error(node, f"{self.name} reads what is unknown here: {one.what}")
        kwargs = {key: value for key, value in kwargs.items() if key != "training" and value is not None}
        result = self.results(evaluator, args, kwargs, node)
        reads_arrays = all(one.batch != (None,) for one in given if isinstance(one, SymbolicTensor))
        if reads_arrays and not self.is_operation and not session.path and not session.in_class:
            self.become_arrays(evaluator, result, node)
        return result

    def become_arrays(self, evaluator: Evaluator, results: Any, node: Any) -> None:
        """Turn the results of a call into arrays: a layer that reads only arrays is not part of a model."""
        for one in leaves(results, evaluator.budget):
            if one.sizes is not None and None not in one.sizes:
                name = session_of(evaluator).unique(f"{self.name}_array")
                array = LayerValue("Constant", name, {"shape": list(one.sizes), "kind": "constant"}, node)
                array.results(evaluator, [], {}, node)
                array.path, one.layer, one.node, one.index = name, array, 0, 0

    def results(self, evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> Any:
        """Record a call, and return its results: one tensor, or a list of several."""
        tensors = [*tensors_in([args, kwargs], evaluator.budget)]
        batches = {one.batch for one in tensors}
        batch = () if batches == {()} else (1,) if batches and (None,) not in batches else (None,)
        made = self.given(evaluator, args, kwargs, node)
        outputs = [SymbolicTensor(self, len(self.nodes), at, sizes, batch) for at, sizes in enumerate(made)]
        session = session_of(evaluator)
        self.nodes.append(CallNode(session.calls, kept(tuple(args)), kept(dict(kwargs)), outputs))
        session.calls += 1
        return outputs[0] if len(outputs) == 1 and not self.gives_list() else outputs

    def gives_list(self) -> bool:
        """Return whether its result is a list even if it has only one item."""
        return self.kind in ("Split", "Unstack")

    def given(
        self, evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any
    ) -> list[Sizes | None]:
        """Return the sizes of the results of a call."""
        record = self.as_read(evaluator.budget)
        if record.model is not None:
            evaluator.budget.count(STEPS_A_CALL * count_calls(record.model))
        inner = inner_layer(record.config)
        while inner is not None:
            evaluator.budget.count(STEPS_A_CALL)
            inner = inner_layer(inner[1])
        read: tuple[Any, ...] = _tensors(tuple(args), evaluator.budget)
        named: dict[str, Any] = _tensors(dict(kwargs), evaluator.budget)
        try:
            tensors = results_of(record, read, named, session_of(evaluator).channels_last)
        except CnncalcError as error:
            raise evaluator.error(node, f"{self.name}: {error.what}", error.help) from None
        found = [one.sizes for one in tensors]
        if any(one is None or None in one for one in found):
            self.check(evaluator, args, kwargs, node)
        return [*found, *[None] * (self.count() - len(found))]

    def check(self, evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> None:
        """Raise SpecError, with the arithmetic, if a call is impossible for the sizes of its inputs."""
        feeds: dict[int, SymbolicTensor] = {}

        def fed(value: Any) -> Any:
            if isinstance(value, SymbolicTensor):
                if id(value) not in feeds:
                    name = value.layer.path or value.layer.name
                    taken = {one.layer.name for one in feeds.values()} | {self.path}
                    name = f"{name}_{value.node + 1}_{value.index + 1}" if name in taken else name
                    layer = LayerValue(INPUT, name, {"batch_shape": [None, *(value.sizes or ())]}, node)
                    layer.path = name
                    feeds[id(value)] = SymbolicTensor(layer, 0, 0, value.sizes)
                    layer.nodes.append(CallNode(len(feeds), (), {}, [feeds[id(value)]]))
                return feeds[id(value)]
            if isinstance(value, (list, tuple)):
                return type(value)([fed(one) for one in value])
            return {key: fed(one) for key, one in value.items()} if isinstance(value, dict) else value

        read, named = fed(tuple(args)), fed(dict(kwargs))
        tensors = tensors_in([args, dict(kwargs)], evaluator.budget)
        if any(one.sizes is None or one.whole for one in tensors):
            return
        before, self.nodes = self.nodes, []
        output = SymbolicTensor(self, 0, 0, None)
        self.nodes.append(CallNode(len(feeds) + 1, read, named, [output]))
        try:
            config = functional(self.name, list(feeds.values()), [output], evaluator.budget)
            model = read_keras({"class_name": "Functional", "module": "keras", "config": config})
            shape(read_spec(model.spec))
        except ShapeError as error:
            raise evaluator.error(node, f"{self.name}: {error.what}", error.help) from None
        except CnncalcError:  # errors in the configuration are reported when the model is read
            return
        finally:
            self.nodes = before

    def set_attribute(self, evaluator: Evaluator, name: str, value: Any, node: Any) -> None:
        if name == "trainable" and isinstance(value, bool):
            set_trainable(self, value, evaluator.budget)

    def parts(self, budget: Budget) -> Iterable[Any]:
        """Return the layers in it."""
        return [one for one in leaves(self.config, budget) if isinstance(one, LayerValue)]

    def as_read(self, budget: Budget) -> KerasLayer:
        """Return the layer as the reader of Keras models represents it."""
        record = self.record(budget)
        model = read_model(self.kind, record["config"]) if self.kind in MODELS else None
        return KerasLayer(self.name, self.kind, record["config"], (), model, self.is_operation)

    def count(self) -> int:
        """Return the minimum number of results of a call."""
        if self.kind in ("LSTM", "GRU", "SimpleRNN") and self.config.get("return_state"):
            return 3 if self.kind == "LSTM" else 2
        return 2 if self.kind == "TopK" else 1

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name in ("output", "input"):
            if not self.nodes:
                return MISSING
            last = self.nodes[-1]
            return last.outputs[0] if name == "output" else next(tensors_in(last.args, evaluator.budget), MISSING)
        if name == "output_shape":
            return self.nodes[-1].outputs[0].shape(node) if self.nodes else UnknownValue(f"{self.name}.{name}", node)
        if name in ("name", "trainable"):
            return self.name if name == "name" else self.config.get("trainable", True)
        if name in self.config:
            return self.config[name]
        if name in IDLE:
            return LibraryFunction(name, lambda *_: None)
        return UnknownValue(f"{self.name}.{name}", node)

    def describe(self) -> str:
        return f"the layer {self.name}"


def set_trainable(layer: Any, trained: bool, budget: Budget) -> None:
    """Set whether a layer, or an instance of a layer class, is trainable, with all layers in it so far."""
    seen: set[int] = set()
    waiting = [layer]
    while waiting:
        one = waiting.pop()
        one = one.layer if isinstance(one, SymbolicTensor) and one.layer.kind == "Constant" else one
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, LayerValue):
            one.config["trainable"] = trained
            waiting += one.parts(budget)
        elif isinstance(one, InstanceValue):
            one.attributes["trainable"] = trained
            waiting += leaves(one.attributes, budget)


IDLE = frozenset(
    [
        *("build", "compile", "fit", "summary", "evaluate", "predict", "save", "load_weights", "save_weights"),
        *("set_weights", "adapt", "fit_generator", "compute_output_shape"),
    ]
)
"""Methods that affect no figure."""


def tensors_in(value: Any, budget: Budget) -> Iterator[SymbolicTensor]:
    """Yield the tensors in nested lists, tuples and dicts."""
    return (one for one in leaves(value, budget) if isinstance(one, SymbolicTensor))


def kept(value: Any) -> Any:
    """Return arguments with their containers copied, as the source may change its lists after the call."""
    if isinstance(value, (list, tuple)):
        return type(value)([kept(one) for one in value])
    return {key: kept(one) for key, one in value.items()} if isinstance(value, dict) else value


def _tensors(value: Any, budget: Budget) -> Any:
    """Return arguments with the tensors as the reader of Keras models represents them."""
    if isinstance(value, SymbolicTensor):
        op = "constant" if value.whole else "input"
        return Tensor(Draft(op, op), value.sizes)
    if isinstance(value, (list, tuple)):
        return type(value)([_tensors(one, budget) for one in value])
    if isinstance(value, dict):
        return {key: _tensors(one, budget) for key, one in value.items()}
    return plain(value, budget)


def plain(value: Any, budget: Budget) -> Any:
    """Return the value of an argument in a form that JSON supports."""
    if isinstance(value, (list, tuple)):
        budget.copy(len(value))
        return [plain(one, budget) for one in value]
    if isinstance(value, dict):
        budget.copy(len(value))
        return {str(key): plain(one, budget) for key, one in value.items()}
    if isinstance(value, slice):
        config = {"start": value.start, "stop": value.stop, "step": value.step}
        return {"class_name": "__slice__", "config": config}
    if isinstance(value, LayerValue):
        return value.record(budget)
    if value is ...:
        return {"class_name": "__ellipsis__", "config": {}}
    return value if isinstance(value, (str, int, float, bool)) or value is None else describe(value)


# Operations


def operate(evaluator: Evaluator, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> Any:
    """Return the result of an operation on tensors, as a layer of its class."""
    config = {key: value for key, value in kwargs.items() if not any(tensors_in(value, evaluator.budget))}
    given = {key: value for key, value in kwargs.items() if key not in config}
    tensors = [*tensors_in([args, given], evaluator.budget)]
    ranks = [len(one.sizes or ()) for one in tensors if not one.whole]
    if tensors and not ranks:
        config = _past_batch(kind, config, len(tensors[0].sizes or ()))
    elif ranks and kind in JOINS:
        args = _beside_samples(evaluator, args, max(ranks), node)
    layer = LayerValue(kind, session_of(evaluator).unique(kind), config, node, is_operation=True)
    return layer.call(evaluator, list(args), given, node)


def _past_batch(kind: str, config: dict[str, Any], rank: int) -> dict[str, Any]:
    """Return the settings of an operation on arrays with the axes shifted past a batch axis, as in a layer."""
    if kind == "Transpose":
        axes = config.get("axes") or range(rank)[::-1]
        return {"axes": [0, *[axis % rank + 1 for axis in axes]]}
    keys = [key for key in ("axis", "axis1", "axis2", "source", "destination") if key in config]
    return config | {key: _one_further(config[key]) for key in keys}


def _one_further(axis: Any) -> Any:
    if isinstance(axis, (list, tuple)):
        return [_one_further(one) for one in axis]
    return axis + 1 if type(axis) is int and axis >= 0 else axis


def _beside_samples(evaluator: Evaluator, args: Sequence[Any], rank: int, node: Any) -> list[Any]:
    """Return operands in which an array with one more axis than samples, of size 1 in front, becomes one sample."""
    return [
        moved(evaluator, f"{one.layer.name}_reshape", one, one.sizes[1:], node, (1,))
        if isinstance(one, SymbolicTensor) and one.whole and one.sizes and len(one.sizes) > rank and one.sizes[0] == 1
        else one
        for one in args
    ]


def moved(
    evaluator: Evaluator, name: str, x: SymbolicTensor, out: Sequence[Any], node: Any, batch: Sizes | None = None
) -> Any:
    """Return a tensor reshaped by a layer of this name; `batch` is that of the result, by default that of `x`."""
    target = [-1 if n is None else n for n in out]
    if target.count(-1) > 1:
        raise evaluator.error(node, f"{name} to a shape with several open sizes is not supported")
    layer = LayerValue("Reshape", session_of(evaluator).unique(name), {"target_shape": target}, node)
    result = layer.call(evaluator, [x], {}, node)
    result.batch = x.batch if batch is None else batch
    return result


# Models


def functional(
    name: str, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor], budget: Budget
) -> dict[str, Any]:
    """Return the configuration of a model. Raise LookupError, with the layer, for an input that is not in `inputs`.

    Layers are in the order of their first calls, and have the calls that the outputs depend on.
    """
    budget.count(len(inputs) + len(outputs))
    before = _calls_before(inputs, outputs, budget)
    called = sorted(before.values(), key=lambda item: item[0].nodes[min(item[1])].number)
    numbers: dict[tuple[int, int], int] = {}
    for layer, nodes in called:
        numbers |= {(id(layer), at): number for number, at in enumerate(sorted(nodes))}

    def written(value: Any) -> Any:
        if isinstance(value, SymbolicTensor):
            history = [value.layer.path or value.layer.name, numbers[id(value.layer), value.node], value.index]
            config = {"shape": None if value.sizes is None else [None, *value.sizes], "keras_history": history}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, (list, tuple)):
            return [written(one) for one in value]
        return {key: written(one) for key, one in value.items()} if isinstance(value, dict) else plain(value, budget)

    layers = []
    for layer, nodes in called:
        record = layer.record(budget)
        record["name"] = record["config"]["name"] = layer.path or layer.name
        calls = [layer.nodes[at] for at in sorted(nodes)] if layer.kind != INPUT else []
        record["inbound_nodes"] = [{"args": written(one.args), "kwargs": written(one.kwargs)} for one in calls]
        layers.append(record)
    begins = [written(one)["config"]["keras_history"] for one in inputs]
    return {"name": name, "layers": layers, "input_layers": begins, "output_layers": written(outputs)}


def _calls_before(
    inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor], budget: Budget
) -> dict[int, tuple[LayerValue, set[int]]]:
    """Return the input layers and the layers that the outputs depend on, with the indices of their calls."""
    ends = {id(one) for one in inputs}
    found: dict[int, tuple[LayerValue, set[int]]] = {}
    seen: set[tuple[int, int]] = set()
    waiting = [*inputs, *outputs]
    while waiting:
        tensor = waiting.pop()
        layer, at = tensor.layer, tensor.node
        if (id(layer), at) in seen:
            continue
        seen.add((id(layer), at))
        found.setdefault(id(layer), (layer, set()))[1].add(at)
        if id(tensor) in ends:
            continue
        if layer.kind == INPUT:
            raise LookupError(layer.name)
        waiting += tensors_in([layer.nodes[at].args, layer.nodes[at].kwargs], budget)
    return found
