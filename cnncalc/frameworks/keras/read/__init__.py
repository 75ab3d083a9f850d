"""The reader of Keras models as `to_json()` writes them: Functional and Sequential, of Keras 3 and 2.

Sources: keras/src/models/functional.py and sequential.py, keras/src/saving/serialization_lib.py (Keras 3),
tf_keras/src/engine/functional.py (Keras 2).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ....errors import SpecError, shown
from ....layers.names import KERAS_ALIASES
from ....readings import Reading
from ... import ForeignNetwork
from ...build import NO_FIGURES, Draft, SpecBuilder
from ...inputs import input_keys
from .config import Tensor, TensorKey, expect, tensors_in
from .graph import ModelReader
from .hdf import HdfFile, KerasArrays
from .layers import is_known
from .model import MODELS, UNWRITTEN, KerasModel, check_calls, is_model_config, read_model, shared_across


def is_model(value: Any) -> bool:
    """Return whether a JSON value is a Keras model, a layer, or a model's configuration."""
    if not isinstance(value, dict):
        return False
    if "class_name" in value and "config" in value:
        return True
    return bool(value.get("layers")) and "op" not in value and is_model_config(value)


def read(value: Any, file: HdfFile | None = None, layout: str | None = None) -> ForeignNetwork:
    """Read a Keras model as a spec, its arrays from a file.

    The spec has the layout of most of the layers, unless one is given. Raise SpecError, with the Keras layer, if it
    cannot be read.
    """
    model = _model(value)
    check_calls(model)
    channels_last = _channels_last(model) if layout is None else layout == "NHWC"
    arrays = None if file is None else KerasArrays(file, model)
    reader = ModelReader(channels_last, _is_old(value), arrays, spread=shared_across(model))
    feeds = [_input(model, at, reader.spec) for at in range(len(model.inputs))]
    outputs = [output.draft for output in reader.read(model, feeds)]
    reader.leave_out_spare(outputs)
    _end(reader.spec, outputs)
    layers = reader.spec.spec()
    spec: dict[str, Any] = {"name": model.name} if model.name is not None else {}
    if model.shape is not None:
        has_batch = model.shape[0] is not None
        spec["input"] = list(model.shape if has_batch else model.shape[1:])
        spec |= input_keys(layers, len(spec["input"]), Reading.BATCH if has_batch else Reading.SAMPLE)
    if reader.unused or reader.unread:
        counts = {"params": sum(reader.unread.values()), "buffers": sum(reader.unused.values())}
        spec["unused"] = {**counts, "where": list(reader.unread | reader.unused)}
    spec |= {"dialect": "keras", "layout": "NHWC" if channels_last else "NCHW", "layers": layers}
    return ForeignNetwork(spec, reader.spec.weights(), value)


def _model(value: Any) -> KerasModel:
    value = expect(value, dict, "the model")
    kind, config = value.get("class_name"), value.get("config")
    if kind is None:
        return read_model("Functional" if "input_layers" in value else "Sequential", value)
    kind = expect(kind, str, "class_name")
    if is_model_config(config) or kind in MODELS:
        return read_model(kind, config, value.get("build_config"))
    if not isinstance(config, dict):
        raise SpecError(f"config of {shown(kind)} is {shown(config)}, not an object", "to_json() of a model writes one")
    if not is_known(KERAS_ALIASES.get(kind, kind)) and not str(value.get("module")).startswith("keras"):
        what = f"{shown(kind)} is a custom class: the file holds its arguments, but not its layers"
        help = "what it computes is in its Python code: build it as a functional model, or export it as an ONNX file"
        raise SpecError(what, help)
    return read_model("Sequential", {"name": config.get("name"), "layers": [value]})


def _is_old(value: dict[str, Any]) -> bool:
    """Return whether a document is from Keras 2: it states that version, or names no modules."""
    version = value.get("keras_version")
    return version.startswith("2") if isinstance(version, str) else "module" not in value and "class_name" in value


def _channels_last(model: KerasModel) -> bool:
    """Return whether most layers have their channels last; without such layers, most norms; by default true."""
    formats: Counter[object] = Counter()
    axes: Counter[object] = Counter()
    _count_formats(model, formats, axes)
    votes = formats or axes
    return votes["channels_first"] <= votes["channels_last"]


def _count_formats(model: KerasModel, formats: Counter[object], axes: Counter[object]) -> None:
    for record in model.records:
        if record.model is not None:
            _count_formats(record.model, formats, axes)
        given = record.config.get("data_format")
        if isinstance(given, str) and record.kind != "Flatten":
            formats[given] += 1
        read = [len(model.sizes.get(key, ())) for key in tensors_in(record.calls, TensorKey)]
        if record.kind in ("BatchNormalization", "GroupNormalization", "Normalization") and max(read, default=0) > 1:
            axes["channels_first" if record.config.get("axis") in (1, [1]) else "channels_last"] += 1


def _input(model: KerasModel, at: int, spec: SpecBuilder) -> Tensor:
    """Return an input of the model: the first is the network's, under a layer of its name; others are layers."""
    key = model.inputs[at]
    sizes = model.sizes.get(key)
    if at:
        if sizes is None:
            return Tensor(spec.opaque(key.layer, "InputLayer", [spec.input], sizes, NO_FIGURES), sizes)
        return Tensor(spec.add(key.layer, "input", [], {"shape": list(sizes)}), sizes)
    if key.layer in (UNWRITTEN, "input") or not model.named_input:
        return Tensor(spec.input, sizes)
    return Tensor(spec.add(key.layer, "identity", [spec.input]), sizes)


def _end(spec: SpecBuilder, outputs: list[Draft]) -> None:
    """Make each output a layer that no other layer reads, and the first output the network's last layer."""
    spec.end_with_all(outputs)
