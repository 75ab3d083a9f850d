"""The layers of a Keras model and their calls, as the document lists them: Functional or Sequential, Keras 2 or 3."""

from __future__ import annotations

from typing import Any, NamedTuple

from ....errors import CnncalcError, SpecError, shown
from .config import DEEPEST, Sizes, TensorKey, dict_of, leaves, list_of, sample_of, shape_of, text_of

Calls = tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]
"""The arguments of each call, by position and by name, tensors as TensorKey."""


class KerasLayer(NamedTuple):
    """One layer of a model."""

    name: str
    kind: str
    """Its class."""
    config: dict[str, Any]
    calls: Calls
    model: KerasModel | None
    """What it is made of, where it is a model itself."""


class KerasModel(NamedTuple):
    """A model: its layers, its inputs and its outputs."""

    name: str | None
    records: tuple[KerasLayer, ...]
    inputs: tuple[TensorKey, ...]
    outputs: tuple[TensorKey, ...]
    sizes: dict[TensorKey, Sizes]
    """Those that the file says, without the batch."""
    shape: tuple[int | None, ...] | None
    """Of the first input, the batch included."""
    named_input: bool = True
    """Whether Keras lists its input layer among its layers: a Sequential's is not."""


INPUTS = ("InputLayer",)


MOST_CALLS = 200_000


def check_calls(model: KerasModel) -> int:
    """How many calls of layers a model is, those of models in it each time. SpecError for more than can be meant."""
    inner = [(len(one.calls), 1 if one.model is None else 1 + check_calls(one.model)) for one in model.records]
    count = sum(calls * each for calls, each in inner)
    if count > MOST_CALLS:
        raise SpecError(f"more than {MOST_CALLS:,} calls of layers, those of models in models counted each time")
    return count


def is_model_config(config: Any) -> bool:
    """Whether a configuration is one of layers; Keras before 2.2.3 has a bare list."""
    layers = config.get("layers") if isinstance(config, dict) else config
    return isinstance(layers, list) and all(isinstance(one, dict) and "class_name" in one for one in layers)


def read_model(kind: str, config: Any, build: Any = None, depth: int = 0) -> KerasModel:
    """A model from its configuration. SpecError, with the layer, for what cannot be read."""
    if depth > DEEPEST:
        raise SpecError(f"models are nested more than {DEEPEST} deep")
    config = {"layers": config} if isinstance(config, list) else dict_of(config, "config")
    layers = list_of(config.get("layers"), "layers")
    if not layers:
        raise SpecError("the model has no layers")
    name = config.get("name")
    name = name if isinstance(name, str) and name else None
    if kind == "Sequential" or "input_layers" not in config:
        return _sequential(name, layers, [config.get("build_input_shape"), _built(build)], depth)
    return _functional(name, layers, config, depth)


def _built(build: Any) -> Any:
    return build.get("input_shape") if isinstance(build, dict) else None


def _functional(name: str | None, layers: list[Any], config: dict[str, Any], depth: int) -> KerasModel:
    sizes: dict[TensorKey, Sizes] = {}
    records = tuple([_record(raw, at, sizes, depth) for at, raw in enumerate(layers)])
    by_name = {record.name: record for record in records}
    if len(by_name) < len(records):
        names = [record.name for record in records]
        twice = next(one for one in names if names.count(one) > 1)
        raise SpecError(f"two layers are called {shown(twice)}", "each layer has a name of its own in Keras")
    inputs, outputs = _keys(config["input_layers"], "input_layers"), _keys(config.get("output_layers"), "output_layers")
    for key in (*inputs, *outputs):
        if key.layer not in by_name:
            raise SpecError(f"{shown(key.layer)} is an input or output of the model, but not one of its layers")
    for key in inputs:
        shape = _input_shape(by_name[key.layer])
        if shape is not None:
            sizes[key] = shape[1:]
    return KerasModel(name, records, inputs, outputs, sizes, _input_shape(by_name[inputs[0].layer]))


def _keys(value: Any, what: str) -> tuple[TensorKey, ...]:
    """The tensors named in lists or objects of `[layer, node, tensor]`. SpecError if there is none."""
    keys: list[TensorKey] = []
    _collect(value, keys, 0)
    if not keys:
        raise SpecError(f"{what} names no tensor: {shown(value)}")
    return tuple(keys)


def _collect(value: Any, keys: list[TensorKey], depth: int) -> None:
    key = _key(value)
    if key is not None:
        keys.append(key)
    elif isinstance(value, (list, dict)) and depth < DEEPEST:
        for one in value if isinstance(value, list) else value.values():
            _collect(one, keys, depth + 1)


def _key(value: Any) -> TensorKey | None:
    """`[layer, node, tensor]`, and whatever stands behind."""
    if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str):
        node, tensor = value[1:3]
        if type(node) is int and type(tensor) is int and node >= 0 and 0 <= tensor < MOST_RESULTS:
            return TensorKey(value[0], node, tensor)
    return None


MOST_RESULTS = 64
"""How many tensors one call may give."""


def _input_shape(record: KerasLayer) -> tuple[int | None, ...] | None:
    """The shape that an input layer declares, or a model in its place, the batch included."""
    for key in ("batch_shape", "batch_input_shape"):
        shape = shape_of(record.config.get(key))
        if shape is not None:
            return shape
    return None if record.model is None else record.model.shape


def _record(raw: Any, at: int, sizes: dict[TensorKey, Sizes], depth: int) -> KerasLayer:
    """One layer; the sizes that it says others have are added to `sizes`. SpecError with its name."""
    label = f"layers[{at}]"
    try:
        name, kind, config = _parts(raw)
        label = f"{label} {shown(name)}"
        calls = _calls(raw.get("inbound_nodes"), sizes)
        _note_built(raw, calls, sizes)
        model = read_model(kind, config, raw.get("build_config"), depth + 1) if _is_model(kind, config) else None
    except CnncalcError as error:
        error.layer = label if error.layer is None else f"{label}, {error.layer}"
        raise
    return KerasLayer(name, kind, config if isinstance(config, dict) else {}, calls, model)


def _parts(raw: Any) -> tuple[str, str, Any]:
    raw = dict_of(raw, "a layer")
    kind = text_of(raw.get("class_name"), "class_name")
    config = raw.get("config")
    if not is_model_config(config) or isinstance(config, dict):
        config = dict_of(config, "config")
    name = raw.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return text_of(kind.lower() if name is None else name, "name"), kind, config


def _is_model(kind: str, config: Any) -> bool:
    named = kind in ("Functional", "Model", "Sequential")
    return named or (is_model_config(config) and (isinstance(config, list) or "input_layers" in config))


def _calls(nodes: Any, sizes: dict[TensorKey, Sizes]) -> Calls:
    """The calls of Keras 3 (objects with args and kwargs) or of Keras 2 (lists of `[layer, node, tensor, kwargs]`)."""
    return tuple([_call(node, sizes) for node in list_of([] if nodes is None else nodes, "inbound_nodes")])


def _call(node: Any, sizes: dict[TensorKey, Sizes]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(node, dict):
        args = list_of(node.get("args", []), "args")
        kwargs = dict_of(node.get("kwargs", {}), "kwargs")
        return tuple([_seen(one, sizes) for one in args]), {key: _seen(one, sizes) for key, one in kwargs.items()}
    node = list_of(node, "a node")
    tensors = [node] if node and isinstance(node[0], str) else node
    read: list[Any] = []
    kwargs = {}
    for tensor in tensors:
        key = _key(tensor)
        if key is None and not _is_constant(tensor):
            raise SpecError(f"{shown(tensor)} is not a tensor of a node", "a tensor is [layer, node, tensor]")
        read.append(tensor[2] if key is None else key)
        if len(tensor) > 3 and isinstance(tensor[3], dict):
            kwargs |= {name: _old(one) for name, one in tensor[3].items()}
    return (read[0] if len(read) == 1 else read,), kwargs


def _is_constant(value: Any) -> bool:
    """Whether Keras 2 has a number in a tensor's place."""
    return isinstance(value, list) and value[:1] == ["_CONSTANT_VALUE"] and len(value) > 2


def _old(value: Any) -> Any:
    """A named argument of Keras 2, in which tensors are lists as the positional ones are."""
    key = _key(value)
    if key is not None:
        return key
    return [_key(one) or one for one in value] if isinstance(value, list) else value


def _seen(value: Any, sizes: dict[TensorKey, Sizes], depth: int = 0) -> Any:
    """An argument of Keras 3 with its tensors as TensorKey, their sizes noted."""
    if depth > DEEPEST:
        raise SpecError(f"its arguments are nested more than {DEEPEST} deep")
    if isinstance(value, list):
        return [_seen(one, sizes, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") != "__keras_tensor__":
        return {key: _seen(one, sizes, depth + 1) for key, one in value.items()}
    config = dict_of(value.get("config"), "a tensor")
    key = _key(config.get("keras_history"))
    if key is None:
        raise SpecError(f"{shown(config.get('keras_history'))} is not a keras_history", "it is [layer, node, tensor]")
    sample = sample_of(config.get("shape"))
    if sample is not None:
        sizes[key] = sample
    return key


def _note_built(raw: dict[str, Any], calls: Any, sizes: dict[TensorKey, Sizes]) -> None:
    """What a layer was built for is what the one tensor has that it reads."""
    built = sample_of(_built(raw.get("build_config")))
    keys = [one for one in leaves(calls) if isinstance(one, TensorKey)]
    if built is not None and len(keys) == 1:
        sizes.setdefault(keys[0], built)


def _sequential(name: str | None, layers: list[Any], shapes: list[Any], depth: int) -> KerasModel:
    """A chain, each layer reading the one above, whatever its nodes say."""
    sizes: dict[TensorKey, Sizes] = {}
    records: list[KerasLayer] = []
    for at, raw in enumerate(layers):
        calls = _reads_above(records)
        bare = {key: value for key, value in raw.items() if key != "inbound_nodes"} if isinstance(raw, dict) else raw
        record = _record(bare, at, sizes, depth)._replace(calls=calls)
        if not records and record.kind not in INPUTS:
            records.append(_input_before(record, raw, shapes))
            record = record._replace(calls=_reads_above(records))
        _note_built(raw, record.calls, sizes)
        records.append(record)
    first = TensorKey(records[0].name, 0, 0)
    names = {record.name for record in records}
    if len(names) < len(records):
        raise SpecError("two layers of a Sequential have the same name")
    shape = _input_shape(records[0])
    if shape is not None:
        sizes.setdefault(first, shape[1:])
    return KerasModel(name, tuple(records), (first,), (TensorKey(records[-1].name, 0, 0),), sizes, shape, False)


def _reads_above(records: list[KerasLayer]) -> Calls:
    """One call with the last layer's result, none of the first layer."""
    return (((TensorKey(records[-1].name, 0, 0),), {}),) if records else ()


def _input_before(first: KerasLayer, raw: dict[str, Any], shapes: list[Any]) -> KerasLayer:
    """The input layer that a Sequential leaves out."""
    given = [_input_shape(first), *shapes, _built(raw.get("build_config"))]
    shape = next((list(declared) for declared in map(shape_of, given) if declared is not None), None)
    return KerasLayer(UNWRITTEN, "InputLayer", {"batch_shape": shape}, (), None)


UNWRITTEN = ""
"""The name of an input layer that the file does not have."""
