"""Read arrays from Keras's HDF5 files: `.h5` of Keras 2 and 3, whole or weights only, and an archive's `.weights.h5`.

The files are not trusted: links to other files are not followed, and a data set's claims are compared with the file's
size before it is read. This needs `cnncalc[keras]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from itertools import count, takewhile
from math import prod
from re import fullmatch
from typing import Any

from ....errors import SpecError, Where, shown
from ....isolation import isolated
from ....limits import (
    BYTES_A_NAME,
    DEEPEST_CONFIG,
    LARGEST_UNPACKED_WEIGHTS,
    MEMORY_WALKED,
    MOST_HELD,
    MOST_NAMED,
    PACKED,
    Limit,
)
from .model import KerasModel
from .variables import Place, Slot, Steps, groups, places

OLD_LAYERS = "_layer_checkpoint_dependencies"
"""The group of a model's layers in archives of TensorFlow 2.12 to 2.15."""


class HdfFile:
    """An HDF5 file, opened when something is first read from it."""

    def __init__(self, load: Callable[[], bytes | str], name: str, size: int):
        """`load` returns the file's bytes or its path; `name` is its name in errors.

        `size` is the size of the containing file, which may be far smaller if that is an archive.
        """
        self._load, self.name, self._size = load, name, size

    @property
    def _file(self) -> Any:
        found = self._file_or_error
        if isinstance(found, SpecError):
            raise SpecError(found.what, found.help)  # a new error: a raised one keeps its traceback
        return found

    @cached_property
    def _file_or_error(self) -> Any:
        """The h5py file, or why it cannot be opened, so that a broken file is not walked again."""
        try:
            import h5py  # noqa: F401 - whether it is there
        except ModuleNotFoundError:
            return SpecError("Keras's weights need the h5py package", "pip install 'cnncalc[keras]'")
        try:
            source = self._load()
            if isolated(lambda: _walked(source), MEMORY_WALKED + 2 * self._size, self._size) is None:
                return SpecError("a broken HDF5 file: its groups cannot be read")
            with _reading():
                return _opened(source)
        except SpecError as error:
            return error.with_traceback(None)

    def config(self) -> Any:
        """Return the model's configuration, as `to_json()` writes it; None for a file of weights only."""
        with _reading():
            text = self._file.attrs.get("model_config")
        if text is None:
            return None
        try:
            value = json.loads(text.decode() if isinstance(text, bytes) else text)
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise SpecError("its model_config is not JSON") from None
        version = self._file.attrs.get("keras_version")
        if isinstance(value, dict) and isinstance(version, (bytes, str)):
            text = version.decode(errors="replace") if isinstance(version, bytes) else version
            value.setdefault("keras_version", text)
        return value

    @cached_property
    def _groups(self) -> Groups:
        return Groups(self._file)

    def _top(self) -> Any:
        """Return the group of a file that lists the weights of each layer; None for a `.weights.h5` file."""
        top = _group(self._file, "model_weights", self._file)
        return top if "layer_names" in top.attrs or "layer_names0" in top.attrs else None

    def datasets(self, model: KerasModel) -> dict[tuple[tuple[str, ...], str], Any]:
        """Return the data set of each variable of a model's layers, by the layer's path and the variable's name."""
        with _reading():
            top = self._top()
            if top is not None:
                limit = Limit(
                    max(MOST_NAMED, self._size), "the names that it lists have {made:,} characters, more than {most:,}"
                )
                return _listed(top, list(places(model)), limit)
            found = {}
            for place in places(model):
                group = self._groups.at(place.steps)
                values = None if group is None else _member(group, "vars")
                dataset = _member(values, str(place.number)) if hasattr(values, "keys") else None
                if dataset is not None:
                    found[place.path, place.variable.name] = dataset
            return found

    def held(self, path: tuple[str, ...], steps: Steps | None) -> int | None:
        """Return how many numbers the file holds for a layer of an unknown class; None if it cannot be told.

        `steps` leads to its group in a `.weights.h5` file.
        """
        with _reading():
            top = self._top()
            if top is not None:
                group = _group(top, path[0]) if len(path) == 1 else None
            else:
                group = None if steps is None else self._groups.at(steps)
            return None if not hasattr(group, "visititems") else sum(self._groups.arrays(group))


def _opened(source: bytes | str) -> Any:
    """Open a file, given as its bytes or its path."""
    import h5py

    return h5py.File(BytesIO(source) if isinstance(source, bytes) else source, "r")


def _walked(source: bytes | str) -> bytes:
    """Visit all groups, attributes and shapes of a file, which may never end, crash, or use up memory.

    The reader reports why h5py cannot open a file. Raise KeyError and similar errors for a broken one.
    """

    def look(_: object, one: Any) -> None:
        for name in one.attrs:
            with suppress(TypeError):  # a type that NumPy does not have
                one.attrs[name]

    try:
        file = _opened(source)
    except _BROKEN:
        return b"closed"
    with file:
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

    @cached_property
    def _steps(self) -> dict[tuple[str, ...], Steps]:
        return dict(groups(self._model))

    def held(self, path: tuple[str, ...]) -> int | None:
        """Return how many numbers the file holds for a layer; None if it cannot be told or read."""
        try:
            return self._file.held(path, self._steps.get(path))
        except SpecError:
            return None

    def read(self, path: tuple[str, ...], names: Sequence[str], optional: Sequence[str] = ()) -> list[Any]:
        """Return the arrays of a layer's variables. Raise SpecError if the file lacks one that is not optional."""
        try:
            found = []
            for name in (*names, *optional):
                dataset = self._datasets.get((path, name))
                if dataset is None and name not in optional:
                    raise SpecError(f"it has no {name} for the layer {shown('.'.join(path))}")
                found.append(None if dataset is None else _array(dataset))
        except SpecError as error:
            error.where = error.where or Where(self._file.name, 0, 0)
            raise
        return found


_BROKEN = (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError, ArithmeticError)
"""The exceptions of h5py for a broken file."""


@contextmanager
def _reading() -> Iterator[None]:
    """Turn errors of h5py into SpecErrors."""
    try:
        yield
    except _BROKEN as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(f"a broken HDF5 file: {why[:120]}") from None


def _member(group: Any, path: str) -> Any:
    """Return the member of a group with a name or path; None if there is none.

    Raise SpecError for a link, which may lead to another file: h5py would open that to check the link.
    """
    import h5py

    for name in filter(None, path.split("/")):
        part, links = name.encode(errors="surrogateescape"), group.id.links if hasattr(group, "keys") else None
        if links is None or not links.exists(part):
            return None
        if links.get_info(part).type != h5py.h5l.TYPE_HARD:
            raise SpecError(f"{shown(name)} is a link, perhaps to another file", "links are not followed")
        group = group[name]
    return group


def _group(group: Any, name: str, default: Any = None) -> Any:
    found = _member(group, name)
    return default if found is None else found


def _names(group: Any, key: str, limit: Limit) -> list[str]:
    """Return a list of names from a group's attribute, which may be split into several."""
    if key in group.attrs:
        parts: Iterable[str] = [key]
    else:
        parts = takewhile(lambda part: part in group.attrs, (f"{key}{at}" for at in count()))
    names = []
    for part in parts:
        for name in group.attrs[part]:
            if not isinstance(name, (bytes, str)):
                raise TypeError(f"{key} lists something that is not a name")
            limit.count(len(name) + BYTES_A_NAME)
            names.append(name.decode() if isinstance(name, bytes) else str(name))
    return names


def _listed(top: Any, wanted: Iterable[Place], limit: Limit) -> dict[tuple[tuple[str, ...], str], Any]:
    """Return the data sets of a file that lists the weights of each layer, trained ones first.

    If their number is that of the layer's variables, their order decides, or their names if these end like the
    variables'; a LoRA layer has a different order.
    """
    import h5py

    groups = {name: _group(top, name) for name in dict.fromkeys(_names(top, "layer_names", limit))}
    full_groups = {name: group for name, group in groups.items() if isinstance(group, h5py.Group)}
    weights = {name: _names(group, "weight_names", limit) for name, group in full_groups.items()}
    full = [name for name, listed in weights.items() if listed]
    layers: dict[str, list[Place]] = {}
    for place in wanted:
        layers.setdefault(place.path[0], []).append(place)
    names = {name: name for name in layers if name in weights}
    if len(names) < len(layers) == len(full):  # a different model with the same layers
        names = dict(zip(layers, full, strict=True))
    found = {}
    for layer, name in names.items():
        group, own = groups[name], layers[layer]
        ordered = [place for trained in (True, False) for place in own if place.trained is trained]
        if len(weights[name]) == len(ordered):
            listed = [(one, _dataset(group, one)) for one in weights[name]]
            by_name = {one.rpartition("/")[2].partition(":")[0]: dataset for one, dataset in listed}
            for place, (_, dataset) in zip(ordered, listed, strict=True):
                last = place.variable.name.rpartition("/")[2]
                is_sure = len(by_name) == len(listed) and last in by_name
                found[place.path, place.variable.name] = by_name[last] if is_sure else dataset
            continue
        by_end: dict[tuple[str, ...], list[str]] = {}
        for one in weights[name]:
            parts = tuple(one.partition(":")[0].split("/"))
            for end in (parts[-1:], parts[-2:]):
                by_end.setdefault(end, []).append(one)
        for place in own:
            inner = (place.path[-1], place.variable.name.rpartition("/")[2])
            fits = by_end.get(inner if len(place.path) > 1 else (place.variable.name,), [])
            if len(fits) == 1:
                found[place.path, place.variable.name] = _dataset(group, fits[0])
    return found


def _dataset(group: Any, path: str) -> Any:
    """Return the data set at a path. Raise SpecError if there is none, or if the path is deeper than any model."""
    names = [name for name in path.split("/") if name]
    for at, name in enumerate(names):
        group = _member(group, name) if at < 3 * DEEPEST_CONFIG and hasattr(group, "keys") else None
        if group is None:
            raise SpecError(f"a broken HDF5 file: it has no {shown(path)}")
    return group


class Groups:
    """The groups of a `.weights.h5` file, each looked up once."""

    def __init__(self, root: Any):
        self._found: dict[Steps, Any] = {(): root}
        self._numbered: dict[Steps, dict[str, list[tuple[int, str]]]] = {}
        self._full: dict[tuple[Steps, str], list[str]] = {}
        self._looked = Limit(MOST_HELD, "more than {most:,} groups and arrays belong to unknown layers")

    def at(self, steps: Steps) -> Any:
        """Return the group of a layer or of a part of it; None if the file has none."""
        if steps not in self._found:
            around = self.at(steps[:-1])
            self._found[steps] = None if around is None else self._inside(around, steps[:-1], steps[-1])
        return self._found[steps]

    def _inside(self, around: Any, steps: Steps, step: str | Slot) -> Any:
        """Return a subgroup of the group at these steps."""
        found = self._slot(around, steps, step) if isinstance(step, Slot) else _group(around, step)
        if found is None and step == "layers":
            found = _group(around, OLD_LAYERS)
        if found is None and step in ("query_dense", "key_dense", "gate_dense", "value_dense", "output_dense"):
            found = _group(around, f"_{step}")
        return found if hasattr(found, "keys") else None

    def _slot(self, around: Any, steps: Steps, slot: Slot) -> Any:
        """Return the group of a layer among those of its class, which are numbered, sometimes with gaps."""
        classes = self._classes(around, steps)
        if slot.kind in _MODELS and _member(around, slot.kind) is None:
            slot = slot._replace(kind=next((kind for kind in _MODELS if _member(around, kind)), slot.kind))
        numbers = [number for number, _ in classes.get(slot.kind, [])]
        if numbers == [*range(len(numbers))]:  # no gaps
            return _member(around, classes[slot.kind][slot.number][1]) if slot.number < len(numbers) else None
        key = steps, slot.kind
        if key not in self._full:
            names = [name for _, name in classes[slot.kind]]
            self._full[key] = [name for name in names if self.arrays(_member(around, name), first=True)]
        full = self._full[key]
        return _member(around, full[slot.full]) if slot.full < len(full) else None

    def _classes(self, around: Any, steps: Steps) -> dict[str, list[tuple[int, str]]]:
        """Return the numbers and names of the groups of each class, in order: `conv2d` is 0, `conv2d_1` is 1."""
        if steps not in self._numbered:
            classes: dict[str, list[tuple[int, str]]] = {}
            for name in around:
                classes.setdefault(name, []).append((0, name))
                numbered = fullmatch(r"(.+)_(\d+)", name)
                if numbered is not None:
                    classes.setdefault(numbered[1], []).append((int(numbered[2]), name))
            self._numbered[steps] = {kind: sorted(names) for kind, names in classes.items()}
        return self._numbered[steps]

    def arrays(self, group: Any, first: bool = False) -> list[int]:
        """Return the sizes of the data sets in a group at any depth, or only of the first; links are not followed.

        Raise SpecError if too many were visited, as groups may contain each other any number of times.
        """
        found: list[int] = []
        seen = 0

        def look(_: object, one: Any) -> bool | None:
            nonlocal seen
            seen += 1
            if hasattr(one, "shape"):
                found.append(prod(one.shape))
            return True if (first and found) or self._looked.made + seen > MOST_HELD else None

        if hasattr(group, "visititems"):
            group.visititems(look)
        self._looked.count(seen)
        return found


_MODELS = ("functional", "sequential", "model")
"""The classes of nested models, one of which may have been written as another."""


def _array(dataset: Any) -> Any:
    """Return the numbers of a data set. Raise SpecError if it claims more than the file holds, or is not numeric."""
    with _reading():
        if not hasattr(dataset, "shape") or not (dataset.dtype.kind in "biuf" or dataset.dtype == BFLOAT16):
            raise SpecError(f"{shown(dataset.name)} holds no numbers")
        size = prod(dataset.shape) * dataset.dtype.itemsize
        if dataset.external or dataset.is_virtual:
            raise SpecError(f"{shown(dataset.name)} is stored in another file", "links are not followed")
        held = dataset.id.get_storage_size()
        most = max(LARGEST_UNPACKED_WEIGHTS, PACKED * held)
        if size > most:
            what = f"{shown(dataset.name)} claims {size:,} bytes, but the file holds only {held:,} of it"
            raise SpecError(what, _UNPACKED)
        chunks = prod([-(-length // part) for length, part in zip(dataset.shape, dataset.chunks or (), strict=False)])
        if chunks > max(MOST_HELD, held):
            what = f"{shown(dataset.name)} lies in {chunks:,} parts, and the file holds {held:,} bytes of it"
            raise SpecError(what, _UNPACKED)
        is_packed = dataset.id.get_create_plist().get_nfilters()
        if is_packed and isolated(lambda: bytes(dataset[()].ndim), 2 * most, size) is None:
            raise SpecError(f"{shown(dataset.name)} unpacks to more than it claims, or is broken", _UNPACKED)
        array = dataset[()]
        if array.dtype == BFLOAT16:
            array = (array.view("u2").astype("u4") << 16).view("f4")
        return array


BFLOAT16 = "V2"
"""The dtype in which Keras writes bfloat16: two bytes. Only a `.weights.h5` file states the actual type."""
_UNPACKED = "save the weights with Keras, which does not compress them"
