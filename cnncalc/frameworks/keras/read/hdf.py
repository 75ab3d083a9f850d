"""The arrays of Keras's HDF5 files: `.h5` of Keras 2 and 3, whole or weights only, and the `.weights.h5` of an archive.

The files are not trusted: links to other files are not followed, and what a data set claims is compared with what the
file holds before it is read. This needs `cnncalc[keras]`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from math import prod
from re import escape, fullmatch
from typing import Any

from ....errors import SpecError, Where, shown
from ....limits import LARGEST_UNPACKED_WEIGHTS, MEMORY_WALKED, PACKED, apart
from .model import KerasModel
from .variables import Place, Slot, groups, places

OLD_LAYERS = "_layer_checkpoint_dependencies"
"""The group of a model's layers in the archives of TensorFlow 2.12 to 2.15."""


class HdfFile:
    """An HDF5 file, opened when something is first read from it."""

    def __init__(self, load: Callable[[], bytes | str], name: str):
        """`load` returns the file's bytes, or its path; `name` is what errors call it."""
        self._load, self.name = load, name

    @cached_property
    def _file(self) -> Any:
        try:
            import h5py  # noqa: F401 - whether it is there
        except ModuleNotFoundError:
            raise SpecError("Keras's weights need the h5py package", "pip install 'cnncalc[keras]'") from None
        source = self._load()
        size = len(source) if isinstance(source, bytes) else os.path.getsize(source)
        if apart(lambda: _walked(source), MEMORY_WALKED, size) is None:
            raise SpecError("a broken HDF5 file: its groups cannot be read")
        with _reading():
            return _opened(source)

    def config(self) -> Any:
        """Return the model's configuration, as `to_json()` writes it; None in a file of weights only."""
        with _reading():
            text = self._file.attrs.get("model_config")
        if text is None:
            return None
        try:
            value = json.loads(text.decode() if isinstance(text, bytes) else text)
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise SpecError("its model_config is not JSON") from None
        version = self._file.attrs.get("keras_version")
        if isinstance(value, dict) and version is not None and "keras_version" not in value:
            value["keras_version"] = version.decode(errors="replace") if isinstance(version, bytes) else str(version)
        return value

    def datasets(self, model: KerasModel) -> dict[tuple[tuple[str, ...], str], Any]:
        """Return the data set of each variable of a model's layers, by the layer's path and the variable's name."""
        with _reading():
            root = self._file
            if "layer_names" in (top := _group(root, "model_weights", root)).attrs or "layer_names0" in top.attrs:
                return _listed(top, list(places(model)))
            found = {}
            for place in places(model):
                values = _group(_stepped(root, place.steps) or {}, "vars", {})
                dataset = _member(values, str(place.number)) if hasattr(values, "keys") else None
                if dataset is not None:
                    found[place.path, place.variable.name] = dataset
            return found

    def held(self, model: KerasModel, path: tuple[str, ...]) -> int | None:
        """Return how many numbers the file holds for a layer of a class that is not known here; None if it says not."""
        with _reading():
            root = self._file
            top = _group(root, "model_weights", root)
            if "layer_names" in top.attrs or "layer_names0" in top.attrs:
                group = _group(top, path[0]) if len(path) == 1 else None
            else:
                steps = next((steps for own, steps in groups(model) if own == path), None)
                group = None if steps is None else _stepped(root, steps)
            found: list[int] = []
            if group is None or not hasattr(group, "visititems"):
                return None
            group.visititems(lambda _, one: found.append(prod(one.shape)) if hasattr(one, "shape") else None)
            return sum(found)


def _opened(source: bytes | str) -> Any:
    """Open a file, given as its bytes or its path."""
    import h5py

    return h5py.File(BytesIO(source) if isinstance(source, bytes) else source, "r")


def _walked(source: bytes | str) -> bytes:
    """Look at all groups, attributes and shapes of a file: in a broken one, that may not end, or end the process.

    What h5py can say itself is left to the reader.
    """

    def look(_: object, one: Any) -> None:
        dict(one.attrs)

    with suppress(*_BROKEN), _opened(source) as file:
        look("/", file)
        file.visititems(look)
    return b"walked"


class KerasArrays:
    """The arrays of the layers of one model in a file."""

    def __init__(self, file: HdfFile, model: KerasModel):
        self._file, self._model = file, model

    @cached_property
    def _datasets(self) -> dict[tuple[tuple[str, ...], str], Any]:
        return self._file.datasets(self._model)

    def held(self, path: tuple[str, ...]) -> int | None:
        """Return how many numbers the file holds for a layer; None if it says not, or cannot be read."""
        try:
            return self._file.held(self._model, path)
        except SpecError:
            return None

    def read(self, path: tuple[str, ...], names: Sequence[str], optional: Sequence[str] = ()) -> list[Any]:
        """Return the arrays of a layer's variables. SpecError if the file lacks one that is not optional."""
        try:
            found = []
            for name in (*names, *optional):
                dataset = self._datasets.get((path, name))
                if dataset is None and name not in optional:
                    raise SpecError(f"it has no {name} of the layer {shown('.'.join(path))}")
                found.append(None if dataset is None else _array(dataset))
        except SpecError as error:
            error.where = error.where or Where(self._file.name, 0, 0)
            raise
        return found


_BROKEN = (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError, ArithmeticError)
"""What h5py raises for a broken file."""


@contextmanager
def _reading() -> Iterator[None]:
    """Turn an error of h5py's into a SpecError."""
    try:
        yield
    except _BROKEN as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(f"a broken HDF5 file: {why[:120]}") from None


def _member(group: Any, name: str) -> Any:
    """Return what a group holds under a name; None without it. SpecError for a link to another file."""
    import h5py

    if name not in group and group.get(name, getlink=True) is None:
        return None
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise SpecError(f"{shown(name)} is a link to another file", "links are not followed")
    return group[name]


def _group(group: Any, name: str, default: Any = None) -> Any:
    found = _member(group, name)
    return default if found is None else found


def _names(group: Any, key: str) -> list[str]:
    """Return a list of names that a group has as an attribute, which may be cut into several."""
    listed = group.attrs.get(key)
    if listed is None:
        listed, part = [], 0
        while f"{key}{part}" in group.attrs:
            listed.extend(group.attrs[f"{key}{part}"])
            part += 1
    return [name.decode() if isinstance(name, bytes) else str(name) for name in listed]


def _listed(top: Any, wanted: list[Place]) -> dict[tuple[tuple[str, ...], str], Any]:
    """Return the data sets of a file that lists, for each layer of the model, its weights: the trained ones first.

    If they are as many as the layer has variables, their order decides, or their names if the last parts of these are
    the variables'; a LoRA layer has another order.
    """
    import h5py

    groups = {name: _group(top, name) for name in _names(top, "layer_names")}
    weights = {name: _names(group, "weight_names") for name, group in groups.items() if isinstance(group, h5py.Group)}
    full = [name for name, listed in weights.items() if listed]
    layers = list(dict.fromkeys([place.path[0] for place in wanted]))
    names = {name: name for name in layers if name in weights}
    if len(names) < len(layers) == len(full):  # another model of the same layers
        names = dict(zip(layers, full, strict=True))
    found = {}
    for layer, name in names.items():
        group = groups[name]
        own = [place for place in wanted if place.path[0] == layer]
        listed = [(one, _dataset(group, one)) for one in weights[name]]
        ordered = [place for trained in (True, False) for place in own if place.trained is trained]
        if len(listed) == len(ordered):
            by_name = {one.rpartition("/")[2].partition(":")[0]: dataset for one, dataset in listed}
            for place, (_, dataset) in zip(ordered, listed, strict=True):
                last = place.variable.name.rpartition("/")[2]
                is_sure = len(by_name) == len(listed) and last in by_name
                found[place.path, place.variable.name] = by_name[last] if is_sure else dataset
            continue
        for place in own:
            ends = (
                (place.path[-1], place.variable.name.rpartition("/")[2])
                if len(place.path) > 1
                else (place.variable.name,)
            )
            fits = [dataset for one, dataset in listed if _ends_with(one, ends)]
            if len(fits) == 1:
                found[place.path, place.variable.name] = fits[0]
    return found


def _ends_with(name: str, ends: tuple[str, ...]) -> bool:
    parts = tuple(name.partition(":")[0].split("/"))
    return parts[-len(ends) :] == ends


def _dataset(group: Any, path: str) -> Any:
    """Return the data set of a path; SpecError without one."""
    for name in filter(None, path.split("/")):
        group = _member(group, name) if hasattr(group, "keys") else None
        if group is None:
            raise SpecError(f"a broken HDF5 file: it has no {shown(path)}")
    return group


def _stepped(root: Any, steps: Sequence[str | Slot]) -> Any:
    """Return the group of a layer, or of a part of it, in a `.weights.h5` file; None if it has none."""
    group = root
    for step in steps:
        found = _slot(group, step) if isinstance(step, Slot) else _group(group, step)
        if found is None and step == "layers":
            found = _group(group, OLD_LAYERS)
        if found is None and step in ("query_dense", "key_dense", "gate_dense", "value_dense", "output_dense"):
            found = _group(group, f"_{step}")
        if found is None or not hasattr(found, "keys"):
            return None
        group = found
    return group


def _slot(group: Any, slot: Slot) -> Any:
    """Return the group of a layer among those of its class: they are numbered, at times with gaps."""
    if slot.kind in _MODELS and slot.kind not in group:
        slot = slot._replace(kind=next((kind for kind in _MODELS if kind in group), slot.kind))
    form = rf"{escape(slot.kind)}(?:_(\d+))?"
    kinds = [(int(found[1] or 0), name) for name in group if (found := fullmatch(form, name))]
    every = [name for _, name in sorted(kinds)]
    if [number for number, _ in sorted(kinds)] == list(range(len(kinds))):  # no gaps
        return _member(group, every[slot.number]) if slot.number < len(every) else None
    full = [name for name in every if _has_dataset(_member(group, name))]
    return _member(group, full[slot.full]) if slot.full < len(full) else None


_MODELS = ("functional", "sequential", "model")
"""The classes of models in a model, of which one may have been written as another."""


def _has_dataset(group: Any) -> bool:
    """Return whether a group holds a data set, at any depth; links are not followed."""
    return hasattr(group, "keys") and bool(group.visititems(lambda _, one: None if hasattr(one, "keys") else True))


def _array(dataset: Any) -> Any:
    """Return the numbers of a data set. SpecError if it claims more than the file holds, or holds no numbers."""
    with _reading():
        if not hasattr(dataset, "shape") or dataset.dtype.hasobject:
            raise SpecError(f"{shown(dataset.name)} holds no numbers")
        size = prod(dataset.shape) * dataset.dtype.itemsize
        if dataset.external or dataset.is_virtual:
            raise SpecError(f"{shown(dataset.name)} lies in another file", "links are not followed")
        held = dataset.id.get_storage_size()
        if size > max(LARGEST_UNPACKED_WEIGHTS, PACKED * held):
            what = f"{shown(dataset.name)} claims {size:,} bytes, and the file holds {held:,} of it"
            raise SpecError(what, "save the weights with Keras, which does not pack them")
        array = dataset[()]
        if dataset.attrs.get("dtype") in ("bfloat16", b"bfloat16"):
            array = (array.view("u2").astype("u4") << 16).view("f4")
        return array
