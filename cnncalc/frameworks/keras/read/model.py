"""The layers and calls of a Keras model, as listed in the document: Functional or Sequential, Keras 2 or 3."""

from __future__ import annotations

from typing import Any, NamedTuple

from ....errors import CnncalcError, SpecError, shown
from ....layers.names import KERAS_ALIASES
from ....limits import DEEPEST_CONFIG, MOST_CALLS, MOST_RESULTS, check_limit
from .config import Sizes, TensorKey, expect, sample_of, shape_of, tensors_in

Calls = tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]
"""The positional and named arguments of each call, with tensors as TensorKey."""


class KerasLayer(NamedTuple):
    """One layer of a model."""

    name: str
    kind: str
    """Its class."""
    config: dict[str, Any]
    calls: Calls
    model: KerasModel | None
    """Its layers, if it is itself a model."""
    is_operation: bool = False
    """Whether it is an operation rather than a layer."""
    shared: int | None = None
    """The id of its object, if other records may share it."""


class KerasModel(NamedTuple):
    """A model: its layers, its inputs and its outputs."""

    name: str | None
    records: tuple[KerasLayer, ...]
    inputs: tuple[TensorKey, ...]
    outputs: tuple[TensorKey, ...]
    sizes: dict[TensorKey, Sizes]
    """The sizes that the file states, without the batch."""
    shape: tuple[int | None, ...] | None
    """The shape of the first input, including the batch."""
    named_input: bool = True
    """Whether Keras lists the input layer among the layers, as in all models but Sequential ones."""


INPUT = "InputLayer"
UNWRITTEN = ""
"""The name of an input layer that is not in the file."""
MODELS = ("Functional", "Model", "Sequential")


def check_calls(model: KerasModel) -> None:
    """Raise SpecError for too many calls of layers."""
    help = "the calls in a nested model count each time it is called"
    check_limit(MOST_CALLS, count_calls(model), "the model makes {made:,} calls of layers, more than {most:,}", help)


def count_calls(model: KerasModel) -> int:
    """Return the number of layer calls in a model, with those of a nested model counted at each of its calls."""
    inner = [0 if one.model is None else count_calls(one.model) for one in model.records]
    return sum([len(one.calls) * (1 + calls) for one, calls in zip(model.records, inner, strict=True)])


def shared_across(model: KerasModel) -> set[int]:
    """Return the nested models, by object, that share a layer with the layers around them."""
    around: dict[int, list[set[int]]] = {}
    waiting = [(model, set[int]())]
    while waiting:
        one, path = waiting.pop()
        for record in one.records:
            if record.shared is not None:
                around.setdefault(record.shared, []).append(path)
            if record.model is not None:
                waiting.append((record.model, path | {object_of(record)}))
    return {
        one for paths in around.values() for one in set[int]().union(*paths).difference(paths[0].intersection(*paths))
    }


def object_of(record: KerasLayer) -> int:
    """Return the id of a record's object."""
    return id(record.model) if record.shared is None else record.shared


def is_model_config(config: Any) -> bool:
    """Return whether a configuration is that of a model; before Keras 2.2.3 it is a bare list of layers."""
    layers = config.get("layers") if isinstance(config, dict) else config
    return isinstance(layers, list) and all(isinstance(one, dict) and "class_name" in one for one in layers)


def read_model(kind: str, config: Any, build: Any = None, depth: int = 0) -> KerasModel:
    """Return a model from its configuration. Raise SpecError, with the layer, if it cannot be read."""
    if depth > DEEPEST_CONFIG:
        raise SpecError(f"models are nested more than {DEEPEST_CONFIG} deep")
    config = {"layers": config} if isinstance(config, list) else expect(config, dict, "config")
    layers = expect(config.get("layers"), list, "layers")
    if not layers:
        raise SpecError("the model has no layers")
    sizes: dict[TensorKey, Sizes] = {}
    functional = kind != "Sequential" and "input_layers" in config
    if functional:
        records = [_layer(raw, at, sizes, depth) for at, raw in enumerate(layers)]
        inputs, outputs = [_ends(config.get(key), key, sizes) for key in ("input_layers", "output_layers")]
    else:
        records = _chain(layers, [config.get("build_input_shape"), _built(build)], sizes, depth)
        inputs, outputs = [(TensorKey(records[at].name, 0, 0),) for at in (0, -1)]
    by_name: dict[str, KerasLayer] = {}
    for record in records:
        if by_name.setdefault(record.name, record) is not record:
            raise SpecError(f"two layers are called {shown(record.name)}", "layer names must be unique in Keras")
    for key in (*inputs, *outputs):
        if key.layer not in by_name:
            raise SpecError(f"{shown(key.layer)} is an input or output of the model, but not one of its layers")
    shapes = [_input_shape(by_name[key.layer]) for key in inputs]
    sizes |= {key: shape[1:] for key, shape in zip(inputs, shapes, strict=True) if shape is not None}
    name = config.get("name")
    name = name if isinstance(name, str) and name else None
    return KerasModel(name, tuple(records), inputs, outputs, sizes, shapes[0], functional)


def _built(build: Any) -> Any:
    return build.get("input_shape") if isinstance(build, dict) else None


def _ends(value: Any, what: str, sizes: dict[TensorKey, Sizes]) -> tuple[TensorKey, ...]:
    """Return the tensors named in lists or objects of `[layer, node, tensor]`. Raise SpecError if there are none."""
    keys = tensors_in(_with_keys(value, sizes), TensorKey)
    if not keys:
        raise SpecError(f"{what} does not name a tensor: {shown(value)}")
    return tuple(keys)


def _input_shape(record: KerasLayer) -> tuple[int | None, ...] | None:
    """Return the shape, including the batch, that an input layer (or a model in its place) declares."""
    for key in ("batch_shape", "batch_input_shape"):
        shape = shape_of(record.config.get(key))
        if shape is not None:
            return shape
    return None if record.model is None else record.model.shape


def _layer(raw: Any, at: int, sizes: dict[TensorKey, Sizes], depth: int) -> KerasLayer:
    """Return one layer, and add the sizes it states for its inputs to `sizes`. Raise SpecError with its name."""
    label = f"layers[{at}]"
    try:
        raw = expect(raw, dict, "a layer")
        written = expect(raw.get("class_name"), str, "class_name")
        kind = KERAS_ALIASES.get(written, written)
        config, name = raw.get("config"), raw.get("name")
        listed = isinstance(config, list) and is_model_config(config)
        if not listed:
            config = expect(config, dict, "config")
            name = name or config.get("name")
        name = expect(kind.lower() if name is None else name, str, "name")
        label = f"{label} {shown(name)}"
        nodes = raw.get("inbound_nodes")
        calls = tuple([_call(node, sizes) for node in expect([] if nodes is None else nodes, list, "inbound_nodes")])
        _note_built(raw, calls, sizes)
        is_model = listed or kind in MODELS or (is_model_config(config) and "input_layers" in config)
        model = read_model(kind, config, raw.get("build_config"), depth + 1) if is_model else None
        if kind == "TimeDistributed":
            model = _model_in(config, depth)
    except CnncalcError as error:
        error.layer = label if error.layer is None else f"{label}, {error.layer}"
        raise
    config = {} if listed else config
    shared = raw.get("shared_object_id")
    is_operation = model is None and _is_operation(raw, kind, config)
    return KerasLayer(name, kind, config, calls, model, is_operation, shared if type(shared) is int else None)


def _is_operation(raw: dict[str, Any], kind: str, config: dict[str, Any]) -> bool:
    """Return whether a record is an operation, by its module or, in a .h5 file of Keras 3, its configuration."""
    module, nodes = raw.get("module"), raw.get("inbound_nodes")
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        return True
    if isinstance(module, str):
        return ".ops" in module
    is_new = isinstance(nodes, list) and any(isinstance(node, dict) for node in nodes)
    return is_new and kind != INPUT and not {"trainable", "dtype"} & config.keys()


def _model_in(config: dict[str, Any], depth: int) -> KerasModel | None:
    """Return the model in a wrapper; None for a layer."""
    inner = config.get("layer")
    kind = inner.get("class_name") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or kind not in MODELS or not is_model_config(inner.get("config")):
        return None
    return read_model(kind, inner["config"], inner.get("build_config"), depth + 1)


def _call(node: Any, sizes: dict[TensorKey, Sizes]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call of Keras 3 (an object with args and kwargs) or of Keras 2 (`[layer, node, tensor, kwargs]`, …)."""
    if isinstance(node, dict):
        args = expect(node.get("args", []), list, "args")
        kwargs = expect(node.get("kwargs", {}), dict, "kwargs")
        return tuple([_with_keys(one, sizes) for one in args]), _values_with_keys(kwargs, sizes)
    node = expect(node, list, "a node")
    read: list[Any] = []
    kwargs = {}
    for tensor in [node] if node and isinstance(node[0], str) else node:
        is_constant = isinstance(tensor, list) and tensor[:1] == ["_CONSTANT_VALUE"] and len(tensor) > 2
        key = _key(tensor)
        if key is None and not is_constant:
            raise SpecError(f"{shown(tensor)} is not a tensor of a node", "a tensor is [layer, node, tensor]")
        read.append(tensor[2] if key is None else key)
        if len(tensor) > 3 and isinstance(tensor[3], dict):
            kwargs |= _values_with_keys(tensor[3], sizes)
    return (read[0] if len(read) == 1 else read,), kwargs


def _key(value: Any) -> TensorKey | None:
    """Return the key for `[layer, node, tensor, …]`; None for anything else."""
    if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str):
        node, tensor = value[1:3]
        if type(node) is int and type(tensor) is int and node >= 0 and 0 <= tensor < MOST_RESULTS:
            return TensorKey(value[0], node, tensor)
    return None


def _with_keys(value: Any, sizes: dict[TensorKey, Sizes], depth: int = 0) -> Any:
    """Return an argument with its tensors as TensorKey, and add the sizes that Keras 3 states to `sizes`."""
    if depth > DEEPEST_CONFIG:
        raise SpecError(f"its arguments are nested more than {DEEPEST_CONFIG} deep")
    if isinstance(value, list):
        return _key(value) or [_with_keys(one, sizes, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") != "__keras_tensor__":
        return _values_with_keys(value, sizes, depth + 1)
    config = expect(value.get("config"), dict, "a tensor")
    key = _key(config.get("keras_history"))
    if key is None:
        raise SpecError(f"{shown(config.get('keras_history'))} is not a keras_history", "it is [layer, node, tensor]")
    sample = sample_of(config.get("shape"))
    if sample is not None:
        sizes[key] = sample
    return key


def _values_with_keys(values: dict[str, Any], sizes: dict[TensorKey, Sizes], depth: int = 0) -> dict[str, Any]:
    return {key: _with_keys(one, sizes, depth) for key, one in values.items()}


def _note_built(raw: dict[str, Any], calls: Calls, sizes: dict[TensorKey, Sizes]) -> None:
    """Add to `sizes` the shape that a layer was built for, if it reads one tensor."""
    built = sample_of(_built(raw.get("build_config")))
    keys = tensors_in(calls, TensorKey)
    if built is not None and len(keys) == 1:
        sizes.setdefault(keys[0], built)


def _chain(layers: list[Any], shapes: list[Any], sizes: dict[TensorKey, Sizes], depth: int) -> list[KerasLayer]:
    """Return the layers of a Sequential, each reading the previous one regardless of its nodes.

    The input layer comes first, with one of these shapes if the file leaves it out.
    """
    records: list[KerasLayer] = []
    for at, raw in enumerate(layers):
        record = _layer({**raw, "inbound_nodes": []} if isinstance(raw, dict) else raw, at, sizes, depth)
        if not records and record.kind != INPUT:
            declared = map(shape_of, [_input_shape(record), *shapes, _built(raw.get("build_config"))])
            shape = next((list(one) for one in declared if one is not None), None)
            records.append(KerasLayer(UNWRITTEN, INPUT, {"batch_shape": shape}, (), None))
        if records:
            record = record._replace(calls=(((TensorKey(records[-1].name, 0, 0),), {}),))
            _note_built(raw, record.calls, sizes)
        records.append(record)
    return records
