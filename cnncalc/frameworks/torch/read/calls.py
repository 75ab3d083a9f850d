"""The record of a module that was followed: its calls of functions, each tensor described by its shape and origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class TracedTensor(NamedTuple):
    """A tensor that depends on the module's input."""

    call: int
    """The index of the call that made it; -1 for the input itself."""
    place: int
    """Which of the call's results it is."""
    shape: tuple[int, ...]
    """With the batch, if it still has one."""


class Constant(NamedTuple):
    """A tensor that does not depend on it: a parameter, a buffer, or a tensor computed from them."""

    shape: tuple[int, ...]
    name: str | None
    """The name of the parameter or the buffer that it is; None if it is computed."""
    of: tuple[str, ...]
    """The names of the parameters and buffers from which it is computed."""
    read: Callable[[], Any]
    """Return its values as a NumPy array, or None if it has none (a tensor on the meta device)."""


class FunctionCall(NamedTuple):
    """A call of a function on a tensor that depends on the input."""

    function: str
    """Its name, without the underscores of `relu_` and `__add__`."""
    args: tuple[Any, ...]
    """The arguments as given, each tensor a TracedTensor or a Constant."""
    kwargs: Mapping[str, Any]
    outs: tuple[tuple[int, ...], ...]
    """The shapes of its results, with the batch."""
    path: str
    """The module that it stands in, as `layer1.0.conv1`; empty for the outermost."""
    turn: int
    """A number for each time that a module runs."""


class Recording(NamedTuple):
    """All the calls of a module, in order."""

    name: str
    """The class of the module."""
    input: tuple[int, ...]
    """The input's sizes as given."""
    batch: int
    """The number of samples, which the calls' shapes have in front."""
    calls: list[FunctionCall]
    outputs: list[TracedTensor]
    trained: dict[str, int]
    """How many numbers each parameter holds."""
    kept: dict[str, int]
    """How many each buffer holds."""
    leaves: frozenset[str]
    """The modules without modules inside."""


def tree(value: Any) -> list[Any]:
    """Return the values in nested lists, tuples and dicts, in order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or isinstance(value, (TracedTensor, Constant)):
        return [value]
    return [leaf for one in value for leaf in tree(one)]
