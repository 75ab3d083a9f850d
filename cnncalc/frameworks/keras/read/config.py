"""What a Keras document says, as plain values: a file may hold anything, and nothing here trusts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ....errors import SpecError, shown
from ....sizes import LARGEST, MOST_SIZES
from ...build import Draft

Sizes = tuple[int | None, ...]
"""A shape without its batch; None for a size that the file leaves open."""
DEEPEST = 32
"""How many models may stand in one another, and lists in an argument."""


class TensorKey(NamedTuple):
    """A tensor, as Keras's history names it: the layer, which of its calls, and which of the call's results."""

    layer: str
    node: int
    tensor: int

    def result(self, tensor: int) -> TensorKey:
        """Another result of the same call."""
        return self._replace(tensor=tensor)


class Tensor(NamedTuple):
    """What a layer reads."""

    layer: Draft
    """The layer whose output it is."""
    sizes: Sizes | None
    """None if they are not known."""


class LayerCall(NamedTuple):
    """One call of a Keras layer, or of one of its operations."""

    kind: str
    """Its class, `Conv2D`."""
    config: dict[str, Any]
    args: tuple[Any, ...]
    """Its arguments, tensors as Tensor."""
    kwargs: dict[str, Any]
    out: Sizes | None
    """The output's sizes, if the file says them."""
    channels_last: bool
    """Of the network."""
    old: bool
    """Whether the file is Keras 2's."""

    def get(self, *keys: str) -> Any:
        """The first of these keys that the configuration or a named argument gives; None without one."""
        for key in keys:
            for where in (self.config, self.kwargs):
                if where.get(key) is not None:
                    return plain(where[key])
        return None

    def tensors(self) -> list[Tensor]:
        """All that it reads, in order."""
        return [one for one in leaves((self.args, self.kwargs)) if isinstance(one, Tensor)]

    def read(self) -> list[Tensor]:
        """What it reads by position, or by name where nothing is: masks come by name."""
        return [one for one in leaves(self.args) if isinstance(one, Tensor)] or self.tensors()

    def sizes(self) -> Sizes | None:
        """Those of the first tensor it reads."""
        read = self.read()
        return read[0].sizes if read else None

    def rank(self) -> int | None:
        """The number of input sizes, without the batch."""
        sizes = self.sizes()
        return None if sizes is None else len(sizes)

    def axis(self, value: object) -> int | None:
        """An axis counted from the front, the batch 0; None if it is not one, or unknown."""
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if type(value) is not int:
            return None
        rank = self.rank()
        if value < 0:
            return None if rank is None else rank + 1 + value
        return value

    def on_channels(self, value: object) -> bool:
        """Whether an axis is surely the channels' one."""
        last = value in (-1, [-1])
        axis, rank = self.axis(value), self.rank()
        if rank is None:
            return last if self.channels_last else axis == 1
        return axis == (rank if self.channels_last else 1)


def leaves(value: object, depth: int = 0) -> Iterator[object]:
    """All that stands in lists and objects, in order; a tensor is one thing. SpecError if they nest too deeply."""
    if depth > DEEPEST:
        raise SpecError(f"its arguments are nested more than {DEEPEST} deep")
    if isinstance(value, (Tensor, TensorKey)) or not isinstance(value, (dict, list, tuple)):
        yield value
        return
    for one in value.values() if isinstance(value, dict) else value:
        yield from leaves(one, depth + 1)


def plain(value: Any) -> Any:
    """A value without the wrapping of arrays and tuples."""
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__", "__tuple__"):
        config = value.get("config")
        items = value.get("items") if value["class_name"] == "__tuple__" else None
        return items if config is None else config.get("value") if isinstance(config, dict) else config
    return value


def dict_of(value: Any, what: str) -> dict[str, Any]:
    """An object. SpecError for anything else."""
    if isinstance(value, dict):
        return value
    raise SpecError(f"{what} is {shown(value)}, not an object")


def list_of(value: Any, what: str) -> list[Any]:
    """A list. SpecError for anything else."""
    if isinstance(value, list):
        return value
    raise SpecError(f"{what} is {shown(value)}, not a list")


def text_of(value: Any, what: str) -> str:
    """A text that is not empty. SpecError for anything else."""
    if isinstance(value, str) and value:
        return value
    raise SpecError(f"{what} is {shown(value)}, not a text")


def shape_of(value: Any) -> Sizes | None:
    """All sizes of a shape, the batch included; None for anything else."""
    value = plain(value)
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MOST_SIZES:
        return None
    whole = all(size is None or (type(size) is int and 0 < size <= LARGEST) for size in value)
    return tuple(value) if whole else None


def sample_of(value: Any) -> Sizes | None:
    """The sizes of a shape but the batch; None for anything else."""
    shape = shape_of(value)
    return None if shape is None else shape[1:]
