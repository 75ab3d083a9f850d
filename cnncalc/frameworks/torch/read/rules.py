"""The form of rules that turn a call into layers, and their table by the names of functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ....layers.base import ENDS
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
    """Its inputs beside the layer before it in the same call; by default the call's input."""


class Arguments:
    """A call with its arguments by name. The axes of a sample are counted as PyTorch's are: the batch is 0.

    If there is one sample, a value may have lost its batch; it is then described with one, unless a rule refuses that.
    """

    def __init__(self, call: FunctionCall, names: Sequence[str], batch: int, trained: Collection[str]):
        self.call, self.batch, self.trained = call, batch, trained
        self.given = dict(zip(names, call.args, strict=False)) | dict(call.kwargs)
        self.first = next(leaf for leaf in tree([call.args, call.kwargs]) if isinstance(leaf, TracedTensor))
        self.bare = not self.has_batch(self.first.shape)
        """Whether its first value has lost its batch."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or its default."""
        return self.given.get(name, default)

    def layer(self, op: str, arrays: Mapping[str, Constant] = {}, *, nd: int = 2, **keys: Any) -> CallLayer:
        """Return an op's layer over nd axes: these keys and the call's renamed arguments, without PyTorch's defaults.

        Arguments that are tensors are not keys.
        """
        name = TORCH[op]
        given = {key: value for key, value in name.ours(self.get).items() if not isinstance(value, TENSORS)}
        values = {key: plain(value) for key, value in {**keys, **given, **keys}.items()}
        return CallLayer(op + ENDS[nd], without(values, **name.defaults), arrays)

    def arrays(self, *names: str) -> dict[str, Constant]:
        """Return the arrays that are given, by role. OpaqueCall for what is not a parameter or a buffer itself."""
        given = {name: self.get(name) for name in names if self.get(name) is not None}
        if any(not isinstance(array, Constant) or array.name is None for array in given.values()):
            raise OpaqueCall
        return given

    def has_batch(self, shape: tuple[int, ...]) -> bool:
        """Return whether a shape begins with the batch."""
        return len(shape) > 1 and shape[0] == self.batch

    def with_batch(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape with the batch in front. OpaqueCall if several samples are no longer separate."""
        if self.has_batch(shape):
            return shape
        if self.batch != 1 or not shape:
            raise OpaqueCall
        return (1, *shape)

    def sampled(self, x: TracedTensor) -> TracedTensor:
        """Return a value with the batch in front of its shape. OpaqueCall if several samples are not separate."""
        return x._replace(shape=self.with_batch(x.shape))

    @property
    def x(self) -> TracedTensor:
        """The first argument, with the batch in front. OpaqueCall if it does not come from the module's input."""
        x = self.call.args[0] if self.call.args else self.call.kwargs.get("input")
        if not isinstance(x, TracedTensor):
            raise OpaqueCall
        return self.sampled(x)

    @property
    def out(self) -> tuple[int, ...]:
        """The output's sizes, without the batch."""
        return self.with_batch(self.call.outs[0])[1:]

    def axis(self, value: Any) -> int:
        """Return an axis of the first value, counted from 0, the batch. OpaqueCall for the batch."""
        axis = value % len(self.first.shape) + self.bare
        if axis == 0:
            raise OpaqueCall
        return int(axis)


TENSORS = (Constant, TracedTensor)
SHAPED = {"view", "reshape", "unsqueeze", "squeeze", "getitem", "select"}
"""Functions whose rules look at the result's shape, so that they may give a value its batch back."""
Rule = Callable[[Arguments], "CallLayer | TracedTensor | list[CallLayer]"]
"""Return the layer of a call, several in a row, or the value that it leaves as it is. OpaqueCall if there is none."""


class RuleEntry(NamedTuple):
    """A rule with the form of the calls that it reads."""

    rule: Rule
    names: tuple[str, ...]
    """The names of the function's arguments, in order."""
    batch: bool
    """Whether the first value must still have its batch."""


class Rules(Registry[str, RuleEntry]):
    """The rules of a family of functions."""

    def rule(self, functions: str, arguments: str = "input", *, batch: bool = False) -> Callable[[Rule], Rule]:
        """Return a decorator that enters a rule for functions of these arguments."""

        def enter(rule: Rule) -> Rule:
            self.update(dict.fromkeys(functions.split(), RuleEntry(rule, tuple(arguments.split()), batch)))
            return rule

        return enter


def plain(value: Any) -> Any:
    """Return a value as a spec holds it: whole numbers as integers, and equal numbers of a list once."""
    if isinstance(value, (list, tuple)):
        numbers = [int(one) if float(one).is_integer() else one for one in value]
        return numbers[0] if len(set(numbers)) == 1 else numbers
    return value


def without(keys: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """Return the keys that hold neither None nor their default."""
    return {key: value for key, value in keys.items() if value is not None and value != defaults.get(key)}
