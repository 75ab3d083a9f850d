"""Keras's models in evaluated code: Sequential, functional, and classes of the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import no_input
from ...keras.read.model import INPUT
from ..budget import Budget, listable
from ..methods import by_name
from ..values import ClassValue, FunctionValue, InstanceValue, LibraryFunction, UnknownValue, describe, leaves
from .graph import LayerValue, SymbolicTensor, functional, plain, tensors_in
from .layers import CLASSES, INNER, LAYER, input_of, is_layer, name_of, no_layer, run
from .session import session_of

if TYPE_CHECKING:
    from ..evaluate import Evaluator

EXAMPLE = "-i 28x28x1"
"""The example input of an error's help, as a model that is not built does not state its input."""


class ModelValue(LayerValue):
    """A model between inputs and outputs."""

    __slots__ = ("inputs", "outputs")

    def __init__(self, name: str, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor], made_at: Any):
        super().__init__("Functional", name, {}, made_at)
        self.inputs, self.outputs = list(inputs), list(outputs)

    def record(self, budget: Budget) -> dict[str, Any]:
        config = functional(self.name, self.inputs, self.outputs, budget)
        return self.recorded(self.kind, "keras", config | plain(self.config, budget))

    def count(self) -> int:
        return len(self.outputs)

    def parts(self, budget: Budget) -> Iterable[Any]:
        return self.layers(budget)

    def layers(self, budget: Budget) -> list[Any]:
        """Return its layers in order, without operations and arrays."""
        names = [record["name"] for record in self.record(budget)["config"]["layers"]]
        known = {one.path or one.name: one for one in layers_before(self.outputs, budget)}
        own = [known[name] for name in names if name in known]
        return [one for one in own if not one.is_operation and one.kind != "Constant"]

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name in ("input", "output", "inputs", "outputs"):
            ends = self.inputs if name.startswith("input") else self.outputs
            return list(ends) if name.endswith("s") or len(ends) > 1 else ends[0]
        if name in ("input_shape", "output_shape"):
            ends = self.inputs if name.startswith("input") else self.outputs
            shapes = [one.shape(node) for one in ends]
            return shapes if len(shapes) > 1 else shapes[0]
        if name == "layers":
            return self.layers(evaluator.budget)
        if name == "get_layer":
            return LibraryFunction(name, lambda _, args, kwargs, at: self.layer(evaluator, args, kwargs, at))
        return super().attribute(evaluator, name, node)

    def layer(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return a layer by name or by index."""
        wanted = args[0] if args else kwargs.get("name", kwargs.get("index"))
        own = self.layers(evaluator.budget)
        if type(wanted) is int and -len(own) <= wanted < len(own):
            return own[wanted]
        found = next((one for one in own if one.name == wanted), None)
        if found is None:
            names = ", ".join(one.name for one in own[:12])
            raise evaluator.error(node, f"{self.name} has no layer {wanted!r}", f"it has {names}")
        return found

    def describe(self) -> str:
        return f"the model {self.name}"


def layers_before(outputs: Sequence[SymbolicTensor], budget: Budget) -> Iterator[LayerValue]:
    """Yield the layers that tensors depend on."""
    seen: set[int] = set()
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        node = tensor.layer.nodes[tensor.node]
        if id(node.outputs) not in seen:
            seen.add(id(node.outputs))
            yield tensor.layer
            waiting += tensors_in([node.args, node.kwargs], budget)


class SequentialValue(LayerValue):
    """A Sequential: its layers, and their tensors once its input is known."""

    __slots__ = ("built", "feed", "members")

    def __init__(self, name: str, made_at: Any):
        super().__init__("Sequential", name, {}, made_at)
        self.feed: SymbolicTensor | None = None
        self.members: list[Any] = []
        self.built: list[Any] = []
        """The result of each member."""

    def add(self, evaluator: Evaluator, layer: Any, node: Any) -> None:
        """Add a layer. Raise SpecError for any other value."""
        if isinstance(layer, SymbolicTensor) and layer.layer.kind == INPUT:
            layer = layer.layer
        if not is_layer(layer):
            raise no_layer(evaluator, layer, node)
        if isinstance(layer, LayerValue) and layer.kind == INPUT:
            self.feed = layer.nodes[0].outputs[0]
            return
        self.members.append(layer)
        declared = layer.config.get("batch_input_shape") if isinstance(layer, LayerValue) else None
        if self.feed is None and len(self.members) == 1:
            if declared is not None:
                self.feed = input_of(evaluator, session_of(evaluator).unique(INPUT), declared, node)
            elif isinstance(layer, ModelValue):
                self.feed = input_of(evaluator, session_of(evaluator).unique(INPUT), layer.inputs[0].shape(node), node)
            elif isinstance(layer, SequentialValue) and layer.feed is not None:
                self.feed = input_of(evaluator, session_of(evaluator).unique(INPUT), layer.feed.shape(node), node)
        if self.feed is not None:
            self.run(evaluator, layer.made_at if isinstance(layer, LayerValue) and layer.made_at else node)

    def run(self, evaluator: Evaluator, node: Any) -> None:
        """Run the members that have not run yet."""
        while len(self.built) < len(self.members):
            layer = self.members[len(self.built)]
            read = self.built[-1] if self.built else self.feed
            result = evaluator.call(layer, [read], {}, node)
            unknown = next((one for one in leaves(result, evaluator.budget) if isinstance(one, UnknownValue)), None)
            if unknown is not None:
                what = f"the output of {describe(layer)} is not known: {unknown.what} is not known here"
                raise evaluator.error(node, what)
            self.built.append(result)
            made_at = layer.made_at if isinstance(layer, LayerValue) else layer.node
            if made_at is not None:
                evaluator.seen(made_at, result)

    def begin(self, evaluator: Evaluator, shape: Any, node: Any) -> None:
        """Set the input shape from the shape that the model is built for."""
        if isinstance(shape, (list, tuple)) and all(one is None or type(one) is int for one in shape):
            self.feed = input_of(evaluator, session_of(evaluator).unique(INPUT), shape, node)
            self.run(evaluator, node)

    def parts(self, budget: Budget) -> Iterable[Any]:
        return self.members

    @property
    def is_chain(self) -> bool:
        """Whether all of its members are Keras's own, so that its configuration lists them.

        Raise TooMuchError for more than a list may hold, which shared models can exceed.
        """
        waiting: list[Any] = [self]
        seen = 0
        while waiting:
            one = waiting.pop()
            seen = listable(seen + 1)
            if isinstance(one, SequentialValue):
                waiting += one.members
            elif not isinstance(one, LayerValue):
                return False
        return True

    def record(self, budget: Budget) -> dict[str, Any]:
        if not self.is_chain and self.feed is not None:
            own = functional(self.name, [self.feed], [*tensors_in(self.built[-1:], budget)], budget)
            return self.recorded("Functional", "keras", own)
        layers = [one.record(budget) for one in ([self.feed.layer] if self.feed is not None else []) + self.members]
        return self.recorded(self.kind, "keras", {"name": self.name, "layers": layers, **plain(self.config, budget)})

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        if not self.members:
            raise evaluator.error(node, f"{self.name} has no layers")
        if self.is_chain:
            return super().call(evaluator, args, kwargs, node)
        session = session_of(evaluator)
        session.path.append(self.name)
        try:
            value = args[0]
            for layer in self.members:
                value = evaluator.call(layer, [value], {}, node)
            return value
        finally:
            session.path.pop()

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name == "add":
            return LibraryFunction(name, lambda _, args, kwargs, at: self.add(evaluator, one_of(args, kwargs), at))
        if name == "build" and self.feed is None:
            return LibraryFunction(name, lambda _, args, kwargs, at: self.begin(evaluator, one_of(args, kwargs), at))
        if name == "pop":
            return LibraryFunction(name, lambda *_: self.pop())
        if name == "layers":
            return list(self.members)
        if name == "get_layer":
            return LibraryFunction(name, lambda _, args, kwargs, at: self.layer(evaluator, args, kwargs, at))
        if self.feed is not None and name in ("input", "inputs", "input_shape"):
            return {"input": self.feed, "inputs": [self.feed], "input_shape": self.feed.shape(node)}[name]
        if self.built and name in ("output", "outputs", "output_shape"):
            last = self.built[-1]
            shape = last.shape(node) if isinstance(last, SymbolicTensor) else UnknownValue(f"{self.name}.{name}", node)
            return {"output": last, "outputs": [last], "output_shape": shape}[name]
        return super().attribute(evaluator, name, node)

    def pop(self) -> None:
        """Remove the last layer."""
        self.members.pop()
        del self.built[len(self.members) :]

    def layer(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return a layer by name or by index."""
        wanted = args[0] if args else kwargs.get("name", kwargs.get("index"))
        found = self.members[wanted] if type(wanted) is int and abs(wanted) <= len(self.members) else None
        for one in self.members:
            own = one.name if isinstance(one, LayerValue) else name_of(evaluator, one)
            found = one if own == wanted else found
        if found is None:
            raise evaluator.error(node, f"{self.name} has no layer {wanted!r}")
        return found

    def describe(self) -> str:
        return f"the model {self.name}"


def one_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the only argument of a call."""
    return args[0] if args else next(iter(kwargs.values()), None)


def make_model(
    evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any, name: str | None = None
) -> ModelValue:
    """Return a functional model from the arguments of `keras.Model`. Raise SpecError for what is not a tensor."""
    given = by_name("inputs outputs name", args, kwargs)
    given |= {key: given[old] for key, old in (("inputs", "input"), ("outputs", "output")) if old in given}
    ends = []
    for key in ("inputs", "outputs"):
        own = list(leaves(given.get(key), evaluator.budget, by_key=True))
        for one in own:
            if isinstance(one, UnknownValue):
                raise evaluator.error(node, f"{key} of a model is unknown: {one.what} is unknown here")
            if not isinstance(one, SymbolicTensor):
                raise evaluator.error(node, f"{key} of a model is {describe(one)}, not a tensor")
        ends.append(own)
    own_name = name or given.get("name")
    own_name = own_name if isinstance(own_name, str) else session_of(evaluator).unique("functional")
    made = ModelValue(own_name, ends[0], ends[1], node)
    try:
        made.record(evaluator.budget)
    except LookupError as error:
        what = f"the outputs of {made.name} depend on the input {error.args[0]}, which is not among its inputs"
        raise evaluator.error(node, what) from None
    return made


def _new_model(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an instance of `keras.Model`, or of a class derived from it."""
    cls, *rest = args
    if cls.node is None:
        return make_model(evaluator, rest, kwargs, node)
    made = InstanceValue(cls, node)
    evaluator.call(cls.find("__init__"), [made, *rest], kwargs, node)
    name_of(evaluator, made)
    return made


def _init_model(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize an instance of a model class; with inputs and outputs, it is the model between them."""
    self, *rest = args
    if isinstance(kwargs.get("name"), str):
        self.attributes["name"] = kwargs["name"]
    if rest or "inputs" in kwargs or "outputs" in kwargs:
        self.attributes[INNER] = make_model(evaluator, rest, kwargs, node, name_of(evaluator, self))
    name_of(evaluator, self)


def _new_sequential(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return an instance of `keras.Sequential`, or of a class derived from it."""
    cls, *rest = args
    if cls.node is not None:
        made = InstanceValue(cls, node)
        evaluator.call(cls.find("__init__"), [made, *rest], kwargs, node)
        name_of(evaluator, made)
        return made
    return make_sequential(evaluator, rest, kwargs, node)


def make_sequential(evaluator: Evaluator, args: Sequence[Any], kwargs: Mapping[str, Any], node: Any) -> SequentialValue:
    """Return a Sequential from the arguments of `keras.Sequential`."""
    given = by_name("layers trainable name", args, kwargs)
    own_name = given.get("name")
    made = SequentialValue(own_name if isinstance(own_name, str) else session_of(evaluator).unique("sequential"), node)
    layers = given.get("layers")
    for one in evaluator.items(layers, node) if layers is not None else []:
        made.add(evaluator, one, node)
    return made


def _init_sequential(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Initialize an instance of a class derived from `Sequential`."""
    self, *rest = args
    self.attributes[INNER] = make_sequential(evaluator, rest, kwargs, node)


def _add(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Add a layer to an instance of a class derived from `Sequential`."""
    self, *rest = args
    self.attributes[INNER].add(evaluator, one_of(rest, kwargs), node)


MODEL = ClassValue(
    "Model",
    (LAYER,),
    {
        "__new__": LibraryFunction("__new__", _new_model),
        "__init__": LibraryFunction("__init__", _init_model),
    },
)
SEQUENTIAL = ClassValue(
    "Sequential",
    (MODEL,),
    {
        "__new__": LibraryFunction("__new__", _new_sequential),
        "__init__": LibraryFunction("__init__", _init_sequential),
        "add": LibraryFunction("add", _add),
    },
)
CLASSES |= {"Model": MODEL, "Functional": MODEL, "Sequential": SEQUENTIAL}


def is_model(value: Any) -> bool:
    """Return whether a value is a model."""
    return isinstance(value, (ModelValue, SequentialValue)) or (
        isinstance(value, InstanceValue) and value.cls.derives(MODEL)
    )


BUILT = "(input shape)"
"""The attribute of a custom model that holds the shape it was built for."""


def _build(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> None:
    """Record the shape that a custom model is built for."""
    self, shape, *_ = [*args, *kwargs.values(), None]
    if isinstance(shape, (list, tuple)) and all(one is None or type(one) is int for one in shape):
        self.attributes[BUILT] = tuple(shape)


MODEL.namespace["build"] = LibraryFunction("build", _build)


def needs_input(model: Any) -> bool:
    """Return whether a model does not state the sizes of its input."""
    if isinstance(model, InstanceValue):
        inner = model.attributes.get(INNER)
        return needs_input(inner) if inner is not None else BUILT not in model.attributes
    return isinstance(model, SequentialValue) and model.feed is None and not model.is_chain


def configuration(evaluator: Evaluator, model: Any, sizes: Sequence[Sequence[Any]], node: Any) -> dict[str, Any]:
    """Return a model as Keras's `to_json()` writes it, for inputs of these sizes if it states none."""
    if isinstance(model, InstanceValue) and isinstance(model.attributes.get(INNER), LayerValue):
        model = model.attributes[INNER]
    if isinstance(model, InstanceValue):
        return _of_class(evaluator, model, sizes, node)
    if isinstance(model, SequentialValue):
        if not model.members:
            raise evaluator.error(node, f"{model.name} has no layers")
        if needs_input(model):
            if not sizes:
                raise evaluator.source.at(no_input(model.name, EXAMPLE), node)
            model.feed = input_of(evaluator, "input_layer", (None, *sizes[0]), node)
            model.run(evaluator, node)
    return dict(model.record(evaluator.budget))


def _of_class(evaluator: Evaluator, model: InstanceValue, sizes: Sequence[Sequence[Any]], node: Any) -> dict[str, Any]:
    """Return the configuration of a custom model, by running its `call` method on inputs of these sizes."""
    name = name_of(evaluator, model)
    built = model.attributes.get(BUILT)
    shapes = [(None, *one) for one in sizes] or ([built] if built is not None else [])
    if not shapes:
        raise evaluator.source.at(no_input(model.cls.name, EXAMPLE), node)
    feeds: list[Any] = [input_of(evaluator, session_of(evaluator).unique(INPUT), one, node) for one in shapes]
    method = model.cls.find("call")
    taken = len(method.node.args.args) - 1 if isinstance(method, FunctionValue) else 1
    session_of(evaluator).in_class = True
    result = run(evaluator, model, feeds if len(feeds) <= taken else [feeds], {}, node)
    outputs = [*tensors_in(result, evaluator.budget)]
    if not outputs:
        if isinstance(result, UnknownValue):
            raise evaluator.unknown(result, node)
        raise evaluator.error(node, f"the call of {model.cls.name} gives {describe(result)}, not a tensor")
    return make_model(evaluator, [feeds, outputs], {}, node, name).record(evaluator.budget)
