"""Which layers a call is: one small function a kind of call, by the names of the functions that it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ....layers.names import TORCH
from ....registry import Registry
from .calls import Constant, FunctionCall, TracedTensor, tree


class OpaqueCall(Exception):
    """A call for which cnncalc has no layer; it becomes an opaque one."""


class CallLayer(NamedTuple):
    """A layer that a call is; the second of several reads the first."""

    op: str
    keys: Mapping[str, Any] = {}
    weights: Mapping[str, Constant] = {}
    """Its arrays, by role."""
    reads: tuple[TracedTensor, ...] = ()
    """What it reads beside the layer before it in the same call; by default the call's input."""


class Arguments:
    """A call with its arguments by name. The axes of a sample are counted as PyTorch's are: the batch is 0.

    Where there is one sample, a value may have lost its batch (windows of it stand there): then it is seen with one.
    """

    def __init__(self, call: FunctionCall, names: Sequence[str], batch: int, trained: Collection[str]):
        self.call, self.batch, self.trained = call, batch, trained
        self.rest = call.args[len(names) :]
        self.given = dict(zip(names, call.args, strict=False)) | dict(call.kwargs)
        self.first = next(leaf for leaf in tree([call.args, call.kwargs]) if isinstance(leaf, TracedTensor))
        self.bare = not self.has_batch(self.first.shape)
        """Whether its first value has lost its batch."""

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or its default."""
        return self.given.get(name, default)

    def renamed(self, op: str) -> dict[str, Any]:
        """The arguments but tensors, or PyTorch's defaults, under the names of an op's keys."""
        keys = TORCH[op].ours(self.get)
        return {ours: plain(value) for ours, value in keys.items() if not isinstance(value, (Constant, TracedTensor))}

    def arrays(self, *names: str) -> dict[str, Constant]:
        """The arrays that are given, by role. OpaqueCall for what is not a parameter or a buffer itself."""
        given = {name: self.get(name) for name in names if self.get(name) is not None}
        if any(not isinstance(array, Constant) or array.name is None for array in given.values()):
            raise OpaqueCall
        return given

    def has_batch(self, shape: tuple[int, ...]) -> bool:
        """Whether the batch stands in front of a shape."""
        return len(shape) > 1 and shape[0] == self.batch

    def with_batch(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape with the batch in front. OpaqueCall if several samples are no longer separate."""
        if self.has_batch(shape):
            return shape
        if self.batch != 1 or not shape:
            raise OpaqueCall
        return (1, *shape)

    def sampled(self, x: TracedTensor) -> TracedTensor:
        """A value with the batch in front of its shape."""
        return x._replace(shape=self.with_batch(x.shape))

    @property
    def x(self) -> TracedTensor:
        """The first argument, with the batch in front. OpaqueCall if it does not come from the input."""
        x = self.call.args[0] if self.call.args else self.call.kwargs.get("input")
        if not isinstance(x, TracedTensor):
            raise OpaqueCall
        return self.sampled(x)

    @property
    def map(self) -> TracedTensor:
        """The same, with channels behind the batch. OpaqueCall if the batch is gone."""
        if self.bare:
            raise OpaqueCall
        return self.x

    @property
    def out(self) -> tuple[int, ...]:
        """The output's sizes, without the batch."""
        return self.with_batch(self.call.outs[0])[1:]

    def axis(self, value: Any) -> int:
        """An axis of the first value, counted from 0, the batch; OpaqueCall for the batch."""
        axis = value % len(self.first.shape) + self.bare
        if axis == 0:
            raise OpaqueCall
        return int(axis)

    def axes(self, value: Any) -> list[int]:
        """Several axes, sorted. OpaqueCall for all of them."""
        if value is None:
            raise OpaqueCall
        return sorted({self.axis(one) for one in (value if isinstance(value, (list, tuple)) else [value])})


SHAPED = {"view", "reshape", "unsqueeze", "squeeze", "getitem", "select"}
"""Functions whose rules look at the result's shape, so that they may give a value its batch back."""
Rule = Callable[[Arguments], "CallLayer | TracedTensor | list[CallLayer]"]
"""The layer of a call, several in a row, or a value where the call changes nothing. OpaqueCall if there is none."""


class Rules(Registry[str, tuple[Rule, tuple[str, ...]]]):
    """The rules of a family of functions, with the names of their arguments in order."""

    def rule(self, functions: str, arguments: str = "input") -> Callable[[Rule], Rule]:
        """Enter a rule for functions of these arguments."""

        def enter(rule: Rule) -> Rule:
            self.update(dict.fromkeys(functions.split(), (rule, tuple(arguments.split()))))
            return rule

        return enter


def plain(value: Any) -> Any:
    """A value as a spec holds it: equal numbers once."""
    if isinstance(value, (list, tuple)):
        numbers = [int(one) for one in value]
        return numbers[0] if len(set(numbers)) == 1 else numbers
    return value


def without(keys: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """Keys without those that hold their default, or None."""
    return {key: value for key, value in keys.items() if value is not None and value != defaults.get(key)}
