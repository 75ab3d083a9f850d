"""Keras's models as `to_json()` writes them, of Keras 3 and 2, Functional and Sequential: read as specs.

Sources: keras/src/models/functional.py and sequential.py, keras/src/saving/serialization_lib.py (Keras 3),
tf_keras/src/engine/functional.py (Keras 2).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ....errors import SpecError, shown
from ....input import Reading
from ... import Imported
from ...inputs import keep_reading
from .config import Key, Tensor, leaves
from .functions import NOTHING, Raw, out_of
from .graph import Facts, Level, build
from .model import UNWRITTEN, Model, check_calls, is_model_config, read_model


def is_model(value: Any) -> bool:
    """Whether a JSON value is a Keras model, a layer, or a model's configuration."""
    if not isinstance(value, dict):
        return False
    if "class_name" in value and "config" in value:
        return True
    return bool(value.get("layers")) and "op" not in value and is_model_config(value)


def read(value: Any) -> Imported:
    """A Keras model as a spec. SpecError, with the Keras layer, for what cannot be read."""
    model = _model(value)
    check_calls(model)
    facts = Facts(_channels_last(model), _is_old(value))
    level = Level(set())
    feeds = [_input(model, at, level) for at in range(len(model.inputs))]
    outputs = build(model, level, feeds, facts)
    _name_outputs(outputs, level)
    spec: dict[str, Any] = {"name": model.name} if model.name is not None else {}
    if model.shape is not None and len(model.shape) > 1:
        has_batch = model.shape[0] is not None
        spec["input"] = list(model.shape if has_batch else model.shape[1:])
        keep_reading(level.layers, len(spec["input"]), Reading.BATCH if has_batch else Reading.SAMPLE)
    spec |= {"dialect": "keras", "layout": "NHWC" if facts.channels_last else "NCHW", "layers": level.layers}
    return Imported(spec, {})


def _model(value: dict[str, Any]) -> Model:
    kind, config = value.get("class_name"), value.get("config")
    if kind is None:
        return read_model("Functional" if "input_layers" in value else "Sequential", value)
    if not isinstance(kind, str):
        raise SpecError(f"class_name is {shown(kind)}, not a text")
    if is_model_config(config) or kind in ("Functional", "Sequential", "Model"):
        return read_model(kind, config, value.get("build_config"))
    if not isinstance(config, dict):
        raise SpecError(f"config of {shown(kind)} is {shown(config)}, not an object", "to_json() of a model writes one")
    return read_model("Sequential", {"name": config.get("name"), "layers": [value]})


def _is_old(value: dict[str, Any]) -> bool:
    """Whether a document is Keras 2's: it names its version, or its modules nowhere."""
    version = value.get("keras_version")
    return version.startswith("2") if isinstance(version, str) else "module" not in value and "class_name" in value


def _channels_last(model: Model) -> bool:
    """Where most of its layers have their channels; without such layers where its norms do, last by Keras's default."""
    formats: Counter[object] = Counter()
    axes: Counter[object] = Counter()
    _count_formats(model, formats, axes)
    found = formats or axes
    return found["channels_first"] <= found["channels_last"]


def _count_formats(model: Model, formats: Counter[object], axes: Counter[object]) -> None:
    for record in model.records:
        if record.model is not None:
            _count_formats(record.model, formats, axes)
        given = record.config.get("data_format")
        if isinstance(given, str) and record.kind != "Flatten":
            formats[given] += 1
        read = [len(model.sizes.get(key, ())) for key in leaves(record.calls) if isinstance(key, Key)]
        if record.kind in ("BatchNormalization", "GroupNormalization", "Normalization") and max(read, default=0) > 1:
            axes["channels_first" if record.config.get("axis") in (1, [1]) else "channels_last"] += 1


def _input(model: Model, at: int, level: Level) -> Tensor:
    """One of the model's inputs: the first is the network's, by a layer of its name; the others are opaque layers."""
    key = model.inputs[at]
    sizes = model.sizes.get(key)
    if at:
        raw = {"op": "opaque", "type": "InputLayer", **NOTHING, **out_of(sizes)}
        return Tensor(level.add(level.own(key.layer), raw, ["input"]), sizes)
    if key.layer in (UNWRITTEN, "input") or not model.named_input:
        return Tensor("input", sizes)
    return Tensor(level.add(level.own(key.layer), {"op": "identity"}, ["input"]), sizes)


def _name_outputs(outputs: list[Tensor], level: Level) -> None:
    """Give an output that other layers read, or that is not the last, a layer that only it is."""
    read = {name for layer in level.layers for name in _reads(layer)}
    above = "input"
    for layer in level.layers:
        read |= {above} if "from" not in layer else set()
        above = layer["name"]
    for output in outputs:
        if output.name in read or (len(outputs) == 1 and output.name != level.last) or not level.layers:
            level.add(level.unique(f"{output.name}_output"), {"op": "identity"}, [output.name])


def _reads(layer: Raw) -> list[str]:
    given = layer.get("from", [])
    return [given] if isinstance(given, str) else given
