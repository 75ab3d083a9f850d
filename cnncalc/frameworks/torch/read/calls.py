"""What a module did when it was followed: its calls of functions, with values in the place of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class TracedTensor(NamedTuple):
    """A tensor that comes from the input."""

    call: int
    """The index of the call that made it; -1 for the input itself."""
    place: int
    """Which of the call's results it is."""
    shape: tuple[int, ...]
    """With the batch, if it still has one."""


class Constant(NamedTuple):
    """A tensor that does not: a parameter, a buffer, or what is made of them."""

    shape: tuple[int, ...]
    name: str | None
    """The name of the parameter or the buffer that it is; None if it is computed."""
    of: tuple[str, ...]
    """The names of all that it is made of."""
    read: Callable[[], Any]
    """Its values as a NumPy array, or None if it has none (a tensor on the meta device)."""


class FunctionCall(NamedTuple):
    """A function that was called with a value."""

    function: str
    """Its name, without the underscores of `relu_` and `__add__`."""
    args: tuple[Any, ...]
    """As they were given, each tensor a TracedTensor or a Constant."""
    kwargs: Mapping[str, Any]
    outs: tuple[tuple[int, ...], ...]
    """The shapes of its results, with the batch."""
    path: str
    """The module that it stands in, as `layer1.0.conv1`; empty for the outermost."""
    turn: int
    """A number for each time that a module runs."""


class Recording(NamedTuple):
    """All that a module did, in order."""

    name: str
    """The class of the module."""
    input: tuple[int, ...]
    """The input as it was given."""
    batch: int
    """How many samples the calls' shapes have in front."""
    calls: list[FunctionCall]
    outputs: list[TracedTensor]
    trained: dict[str, int]
    """How many numbers each parameter holds."""
    kept: dict[str, int]
    """How many each buffer holds."""
    leaves: frozenset[str]
    """The modules that are made of no others."""


def tree(value: Any) -> list[Any]:
    """What a nest of lists, tuples and dicts holds, in order."""
    if isinstance(value, (TracedTensor, Constant)):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for one in value for leaf in tree(one)]
    return [value]
