"""The variables of Keras's layers: their names, their order, and their places in a `.weights.h5` file.

Sources: the `build` of each class in keras/src/layers, and keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from re import sub
from typing import Any, NamedTuple

from ....layers.names import KERAS_ALIASES
from .model import KerasLayer, KerasModel


class Variable(NamedTuple):
    """A variable of a layer."""

    name: str
    """The name: `kernel`, or with the part of the layer, if there are several, `forward/kernel`."""
    group: tuple[str, ...] = ()
    """The subgroups of the layer's group that contain it in a `.weights.h5` file."""
    trained: bool = True


class Slot(NamedTuple):
    """One of a model's layers among those of its class."""

    kind: str
    """The class as named in a `.weights.h5` file: `conv2d`."""
    number: int
    """The index among layers of the class."""
    full: int
    """The index among layers of the class with variables."""


class Place(NamedTuple):
    """The place of a variable in Keras's files."""

    path: tuple[str, ...]
    """The names of the enclosing models and of the layer."""
    variable: Variable
    steps: tuple[str | Slot, ...]
    """The groups of a `.weights.h5` file that lead to the variable's layer or part."""
    number: int
    """The index of the variable in its group."""
    trained: bool


Steps = tuple["str | Slot", ...]
"""The groups that lead to a place in a `.weights.h5` file."""


def places(model: KerasModel) -> Iterator[Place]:
    """Yield the places of all variables of a model, layer by layer."""
    for record, own, inside in _records(model, (), ()):
        yield from _places(record, own, inside)


def groups(model: KerasModel) -> Iterator[tuple[tuple[str, ...], Steps]]:
    """Yield the path of each layer, nested ones included, with its group in a `.weights.h5` file."""
    for _, own, inside in _records(model, (), ()):
        yield own, inside


def _records(
    model: KerasModel, path: tuple[str, ...], steps: Steps
) -> Iterator[tuple[KerasLayer, tuple[str, ...], Steps]]:
    """Yield the layers that are not models, each with its path and group."""
    number: Counter[str] = Counter()
    full: Counter[str] = Counter()
    for record in model.records:
        kind = snake_case(record.kind)
        inside = (*steps, "layers", Slot(kind, number[kind], full[kind]))
        own = (*path, record.name)
        inner = [(record, own, inside)]
        if record.model is not None:
            within = (*inside, "layer") if record.kind == "TimeDistributed" else inside
            inner = list(_records(record.model, own, within))
        number[kind] += 1
        full[kind] += any(True for one, at, where in inner for _ in _places(one, at, where))
        yield from inner


def _places(record: KerasLayer, path: tuple[str, ...], steps: Steps) -> Iterator[Place]:
    """Yield the places of the variables of a layer."""
    frozen = record.config.get("trainable") is False
    count: Counter[tuple[str, ...]] = Counter()
    for variable in variables(record.kind, record.config):
        index = count[variable.group]
        count[variable.group] += 1
        yield Place(path, variable, (*steps, *variable.group), index, variable.trained and not frozen)


def snake_case(kind: str) -> str:
    """Return the name of a class in a `.weights.h5` file (keras/src/utils/naming.py)."""
    kind = sub("(.)([A-Z][a-z]+)", r"\1_\2", sub(r"\W+", "", kind))
    return sub("([a-z])([A-Z])", r"\1_\2", kind).lower()


_CONV = "kernel bias?use_bias"
_LORA = "lora_kernel_a?lora_rank lora_kernel_b?lora_rank"
_SEPARABLE = "depthwise_kernel pointwise_kernel bias?use_bias"
_CELL = "kernel recurrent_kernel bias?use_bias"
_OWN = {
    "Dense": f"{_CONV} {_LORA}",
    **{f"Conv{n}D": f"{_CONV} {_LORA}" for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": _CONV for n in (1, 2)},
    **{f"Conv{n}DTranspose": _CONV for n in (1, 2, 3)},
    **{f"SeparableConv{n}D": _SEPARABLE for n in (1, 2)},
    "BatchNormalization": "gamma?scale beta?center moving_mean! moving_variance! moving_stddev!?renorm "
    "renorm_mean!?renorm renorm_stddev!?renorm",
    "LayerNormalization": "gamma?scale beta?center",
    "GroupNormalization": "gamma?scale beta?center",
    "RMSNormalization": "scale",
    "LayerScale": "gamma",
    "PReLU": "alpha",
    "Embedding": "embeddings lora_embeddings_a?lora_rank lora_embeddings_b?lora_rank",
    "EinsumDense": f"kernel bias?bias_axes {_LORA}",
    "AdditiveAttention": "scale?use_scale",
}
"""The variables of each class in order: `name?key` exists only if the key is not false, `name!` is not trained."""
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "CuDNNLSTM", "CuDNNGRU")
_PROJECTIONS = {part: f"{part}_dense" for part in ("query", "key", "gate", "value", "output")}


def variables(kind: str, config: dict[str, Any]) -> list[Variable]:
    """Return the variables of a layer in the order of Keras's files; empty for an unknown class."""
    if kind in _MAKERS:
        return _MAKERS[kind](kind, config)
    listed = _listed(_OWN.get(kind, _CELL if kind in _RECURRENT else ""), config)
    return [one._replace(group=("cell",)) for one in listed] if kind in _RECURRENT else listed


def _reversible(_: str, config: dict[str, Any]) -> list[Variable]:
    own = _listed(_OWN["Embedding"], config)
    return [*own, *([Variable("reverse_embeddings")] if config.get("tie_weights") is False else [])]


def _projections(kind: str, config: dict[str, Any]) -> list[Variable]:
    """Return the variables of attention with projections, each projection's in its own group."""
    parts = {part: group for part, group in _PROJECTIONS.items() if part != "gate" or config.get("use_gate")}
    return [
        Variable(f"{part}/{one.name}", (group if kind == "MultiHeadAttention" else f"_{group}",))
        for part, group in parts.items()
        for one in _listed(_CONV, config)
    ]


def _scores(_: str, config: dict[str, Any]) -> list[Variable]:
    has = {"scale": config.get("use_scale"), "concat_score_weight": config.get("score_mode") == "concat"}
    return [Variable(name) for name, is_there in has.items() if is_there]


def _statistics(_: str, config: dict[str, Any]) -> list[Variable]:
    own = config.get("mean") is None
    return [Variable(name, (), False) for name in ("mean", "variance", "count")] if own else []


CELLS = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
"""The recurrent layer for each cell."""


def cells(config: dict[str, Any]) -> list[tuple[str, tuple[str, ...], tuple[str, dict[str, Any]]]]:
    """Return the cells of an RNN: the prefix of their variables' names, their group, and class and configuration.

    The result is empty if one has a custom class.
    """
    outer = inner_layer(config, "cell")
    listed: list[tuple[str, tuple[str, ...], tuple[str, dict[str, Any]] | None]] = [("", ("cell",), outer)]
    if outer is not None and outer[0] == "StackedRNNCells":
        stacked = outer[1].get("cells")
        inner = [inner_layer({"layer": one}) for one in stacked] if isinstance(stacked, list) else []
        count: Counter[str] = Counter()
        listed = []
        for at, one in enumerate(inner):
            name = "" if one is None else snake_case(one[0])
            listed.append((f"{at}/", ("cell", "cells", f"{name}_{count[name]}" if count[name] else name), one))
            count[name] += 1
    found = [(part, group, one) for part, group, one in listed if one is not None and one[0] in CELLS]
    return found if len(found) == len(listed) else []


def _in_cell(part: str, group: tuple[str, ...], kind: str, config: dict[str, Any]) -> list[Variable]:
    return [Variable(f"{part}{one.name}", group, one.trained) for one in variables(CELLS[kind], config)]


_ABSENT = ("bias_axes", "lora_rank", "renorm")
"""The keys that default to false."""


def _listed(names: str, config: dict[str, Any]) -> list[Variable]:
    listed = []
    for name in names.split():
        bare, _, key = name.partition("?")
        if not key or config.get(key, key not in _ABSENT) not in (False, None):
            frozen = bare.endswith("!") or ("lora_rank" in config and bare in ("kernel", "embeddings"))
            listed.append(Variable(bare.rstrip("!"), (), not frozen))
    return listed


_PARTS = {
    "Bidirectional": (("forward", "layer"), ("backward", "backward_layer")),
    "TimeDistributed": (("", "layer"),),
    "SpectralNormalization": (("", "layer"),),
}
"""The inner layers of each wrapper: the prefix of a variable's name, and the key in the configuration."""


def inner_layer(config: dict[str, Any], key: str = "layer") -> tuple[str, dict[str, Any]] | None:
    """Return the class and configuration of a wrapper's inner layer; None if there is none."""
    inner = config.get(key) or config.get("layer")
    kind, own = (inner.get("class_name"), inner.get("config")) if isinstance(inner, dict) else (None, None)
    return (KERAS_ALIASES.get(kind, kind), own) if isinstance(kind, str) and isinstance(own, dict) else None


def _wrapped(wrapper: str, config: dict[str, Any]) -> list[Variable]:
    """Return the variables of a wrapper and its inner layers."""
    listed = []
    for part, key in _PARTS[wrapper]:
        inner = inner_layer(config, key)
        if inner is None:
            return []
        group = f"{part}_layer" if part else "layer"
        listed += [
            Variable(f"{part}/{one.name}" if part else one.name, (group, *one.group), one.trained)
            for one in variables(*inner)
        ]
    return [*listed, Variable("vector_u", (), False)] if wrapper == "SpectralNormalization" else listed


_MAKERS: dict[str, Callable[[str, dict[str, Any]], list[Variable]]] = {
    "ReversibleEmbedding": _reversible,
    "RNN": lambda _, config: [one for part, group, cell in cells(config) for one in _in_cell(part, group, *cell)],
    **dict.fromkeys(_PARTS, _wrapped),
    **dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention"), _projections),
    "Attention": _scores,
    "Normalization": _statistics,
}
"""The functions that list the variables of classes that a line of names cannot describe."""


def unused_buffers(kind: str, config: dict[str, Any], features: int | None) -> int:
    """Return the number of stored values that a layer's output does not depend on, given its input's features."""
    if kind == "Normalization":  # a count, besides statistics in separate arrays
        axis = config.get("axis", -1)
        apart = bool(config.get("invert")) or axis is None or (isinstance(axis, list) and len(axis) != 1)
        return int(config.get("mean") is None and apart)
    inner = inner_layer(config) if kind == "SpectralNormalization" else None
    if inner is None:
        return 3 * (features or 0) if kind == "BatchNormalization" and config.get("renorm") else 0
    kind, config = inner
    if kind.endswith("Transpose"):
        return features or 0
    last = next((config.get(key) for key in ("filters", "units", "output_dim", "depth_multiplier") if key in config), 0)
    return last if type(last) is int else 0
