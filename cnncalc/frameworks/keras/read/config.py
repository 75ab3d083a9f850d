"""The values of a Keras document, which is not trusted: a file may hold anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeGuard, TypeVar

from ....errors import SpecError, shown
from ....limits import DEEPEST_CONFIG, MOST_LISTED
from ....sizes import LARGEST, MOST_SIZES
from ...build import Draft

T = TypeVar("T")
Sizes = tuple[int | None, ...]
"""A shape without the batch, with None for open sizes."""


class TensorKey(NamedTuple):
    """The key of a tensor in Keras's history: the layer, the index of the call, and the index of the result."""

    layer: str
    node: int
    tensor: int

    def result(self, tensor: int) -> TensorKey:
        """Return the key of another result of the same call."""
        return self._replace(tensor=tensor)


class Tensor(NamedTuple):
    """A tensor that a layer reads."""

    layer: Draft | str
    """The layer whose output it is, or within one call the suffix of an earlier part."""
    sizes: Sizes | None
    """The sizes; None if unknown."""
    masked: bool = False
    """Whether its steps are masked, as far as masks are passed on."""
    mask: Tensor | None = None
    """The mask of its steps, 1 for those that count; None if there is none or it cannot be followed."""

    @property
    def draft(self) -> Draft:
        """Return the layer of a tensor that a call reads."""
        assert isinstance(self.layer, Draft), f"{self.layer!r} is a part of a call that is not added yet"
        return self.layer


def is_listable(count: object) -> TypeGuard[int]:
    """Return whether this is a number of things small enough to list."""
    return type(count) is int and 1 <= count <= MOST_LISTED


def whole_numbers(value: object) -> list[int] | None:
    """Return an integer or a list of integers as a list; empty for None; None for anything else."""
    listed: list[Any] = list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]
    return listed if all(type(n) is int for n in listed) else None


class LayerCall(NamedTuple):
    """One call of a Keras layer, or of one of its operations."""

    kind: str
    """Its class, such as `Conv2D`."""
    config: dict[str, Any]
    args: tuple[Any, ...]
    """Its positional arguments, with tensors as Tensor."""
    kwargs: dict[str, Any]
    out: Sizes | None
    """The output sizes, if the file states them."""
    channels_last: bool
    """Whether the network's channels are the last axis."""
    old: bool
    """Whether the file is from Keras 2."""
    is_operation: bool = False
    """Whether it is an operation, which has no weights."""

    def get(self, *keys: str) -> Any:
        """Return the first of these keys in the configuration or the named arguments; None if there is none."""
        for key in keys:
            for where in (self.config, self.kwargs):
                if where.get(key) is not None:
                    return plain(where[key])
        return None

    @property
    def masked(self) -> bool:
        """Return whether steps of its inputs are masked."""
        return isinstance(self.kwargs.get("mask"), Tensor) or any(one.masked for one in self.read())

    @property
    def mask(self) -> Tensor | None:
        """Return the given mask, or else that of the first tensor it reads."""
        given = self.kwargs.get("mask")
        return given if isinstance(given, Tensor) else next((one.mask for one in self.read()), None)

    def tensors(self) -> list[Tensor]:
        """Return all tensors it reads, in order."""
        return tensors_in((self.args, self.kwargs), Tensor)

    def values(self) -> list[Tensor]:
        """Return all tensors it reads except masks, in order."""
        return tensors_in((self.args, {k: v for k, v in self.kwargs.items() if not k.endswith("mask")}), Tensor)

    def read(self) -> list[Tensor]:
        """Return the tensors it reads by position, or else by name; masks are given by name."""
        alone = len(self.args) == 1 and isinstance(self.args[0], Tensor)  # the usual case
        return [self.args[0]] if alone else tensors_in(self.args, Tensor) or self.values()

    def sizes(self) -> Sizes | None:
        """Return the sizes of the first tensor it reads."""
        read = self.read()
        return read[0].sizes if read else None

    def axis(self, value: object) -> int | None:
        """Return an axis counted from the front, with the batch as 0; None if it is not an axis.

        An axis counted from the end stays as it is if the number of axes is unknown.
        """
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if type(value) is not int:
            return None
        sizes = self.sizes()
        return value if value >= 0 or sizes is None else len(sizes) + 1 + value

    def axes(self, key: str = "axis") -> list[int] | None:
        """Return the axes that a key names (by default the last), sorted and from the front; None for the batch.

        Also None for no axes, and if the number of axes is unknown.
        """
        value = self.config.get(key, -1)
        found = [self.axis(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        sizes = self.sizes()
        if not found or sizes is None or any(one is None or not 0 < one <= len(sizes) for one in found):
            return None
        return sorted({one for one in found if one is not None})

    def on_last(self, value: object) -> bool:
        """Return whether an axis is certainly the last, as None is."""
        sizes = self.sizes()
        return value in (None, -1) or (sizes is not None and self.axis(value) == len(sizes))

    def on_channels(self, value: object) -> bool:
        """Return whether an axis is certainly the channel axis."""
        sizes = self.sizes()
        last = -1 if sizes is None else len(sizes)
        return self.axis(value) == (last if self.channels_last else 1)


def leaves(value: object) -> list[object]:
    """Return the leaves of nested lists and objects in order, each tensor as one.

    Raise SpecError if nested too deep.
    """
    found = list[object]()
    _gather([value], found, 0)
    return found


def _gather(values: Iterable[object], found: list[object], depth: int) -> None:
    if depth > DEEPEST_CONFIG:
        raise SpecError(f"its arguments are nested more than {DEEPEST_CONFIG} deep")
    for one in values:
        if not isinstance(one, (list, tuple, dict)) or isinstance(one, (Tensor, TensorKey)):
            found.append(one)
        elif one:
            _gather(one.values() if isinstance(one, dict) else one, found, depth + 1)


def tensors_in(value: object, kind: type[T]) -> list[T]:
    """Return the tensors in lists and objects, in order; `kind` is Tensor or TensorKey."""
    return [one for one in leaves(value) if isinstance(one, kind)]


def plain(value: Any) -> Any:
    """Return a value without the wrapping of arrays and tuples."""
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__", "__tuple__"):
        config = value.get("config", value.get("items"))
        return config.get("value") if isinstance(config, dict) else config
    return value


_KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}


def expect(value: Any, kind: type[T], what: str) -> T:
    """Return the value if it is of this type. Raise SpecError otherwise, and for an empty text."""
    if isinstance(value, kind) and value != "":
        return value
    raise SpecError(f"{what} is {shown(value)}, not {_KINDS[kind]}")


def shape_of(value: Any) -> Sizes | None:
    """Return all sizes of a shape, including the batch; None for anything else."""
    value = plain(value)
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MOST_SIZES:
        return None
    whole = all(size is None or (type(size) is int and 0 < size <= LARGEST) for size in value)
    return tuple(value) if whole else None


def sample_of(value: Any) -> Sizes | None:
    """Return the sizes of a shape without the batch; None for anything else."""
    shape = shape_of(value)
    return None if shape is None else shape[1:]
