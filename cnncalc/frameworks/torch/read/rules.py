"""The rules that turn calls into layers, in tables by function name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ....layers.base import ENDS
from ....layers.names import TORCH
from ....registry import Registry
from .calls import BatchMixed, Constant, FunctionCall, Misread, OpaqueCall, TracedTensor
from .layers import Layers
from .values import BATCH, Axes, BatchedTensor, Operand, with_batch


class Call:
    """A call with its arguments by name, and methods that make its layers."""

    def __init__(self, call: FunctionCall, names: Sequence[str], layers: Layers, index: int = 0):
        self.call, self.layers, self.index = call, layers, index
        self.function = call.function
        self.given = dict(zip(names, call.args, strict=False)) | dict(call.kwargs)
        self.out = call.outs[0]
        """The shape of its first result."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or its default."""
        return self.given.get(name, default)

    def is_used(self, place: int) -> bool:
        """Return whether one of its results is read, or an output."""
        return (self.index, place) in self.layers.used

    def operand(self, value: Any) -> Operand:
        """Return an argument as an operation reads it. Raise OpaqueCall if it is neither a tensor nor a number."""
        if isinstance(value, TracedTensor):
            return self.layers.value_of(value)
        if isinstance(value, Constant):
            return value if value.made is None else self.layers.value_of(value.made)
        if isinstance(value, (int, float)):
            return float(value) if isinstance(value, bool) else value
        raise OpaqueCall

    @property
    def kept(self) -> BatchedTensor:
        """The first argument, possibly with axes in the batch. Raise OpaqueCall if it is not a tensor."""
        return self._value(self.call.args[0] if self.call.args else self.given.get("input"))

    @property
    def x(self) -> BatchedTensor:
        """The first argument, with no axes in the batch. Raise OpaqueCall if it does not depend on an input."""
        return self.layers.unfolded(self.kept)

    def value(self, name: str) -> BatchedTensor:
        """Return a tensor argument with no axes in the batch; a constant is turned into a value."""
        return self.layers.unfolded(self._value(self.get(name)))

    def _value(self, given: Any) -> BatchedTensor:
        operand = self.operand(given)
        if isinstance(operand, Constant):
            return self.layers.alone(operand)
        if not isinstance(operand, BatchedTensor):
            raise OpaqueCall
        return operand

    def spatial(self, nd: int | None = None) -> BatchedTensor:
        """Return the first argument as channels and space, or as it is if it has no batch.

        Axes before the channels are folded into the batch. Misread if the batch is elsewhere.
        """
        x = self.kept
        if nd is not None and len(x.axes) not in (nd + 1, nd + 2):
            raise OpaqueCall
        bare = nd is not None and len(x.axes) == nd + 1
        if x.batch_at is not None and (bare or x.batch_at != 0):
            raise Misread
        return self.layers.folded(x, 0 if bare else x.place(1))

    def axis(self, x: BatchedTensor, dim: int) -> int:
        """Return one of PyTorch's axes in a layer's numbering. Raise BatchMixed for the batch axis."""
        at = dim % len(x.axes)
        if BATCH in x.axes[at]:
            raise BatchMixed
        return x.place(at) + 1 - x.folded

    def same(
        self, op: str, keys: Mapping[str, Any] | None = None, arrays: Mapping[str, Constant] | None = None
    ) -> BatchedTensor:
        """Return the first argument after a value-by-value layer."""
        x = self.kept
        return x._replace(layer=self.layers.add(op, [x.layer], keys, arrays))

    def through(
        self,
        x: BatchedTensor,
        op: str,
        keys: Mapping[str, Any] | None = None,
        arrays: Mapping[str, Constant] | None = None,
    ) -> BatchedTensor:
        """Return a value after a layer that keeps the number of axes and the position of the batch."""
        layer = self.layers.add(op, [x.layer], keys, arrays)
        return x._replace(layer=layer, axes=self.resized(x, self.out))

    def resized(self, x: BatchedTensor, shape: Sequence[int]) -> Axes:
        """Return a value's axes with other sizes, keeping the batch."""
        at = x.batch_at
        if x.folded and at is None:  # the first axis is in the batch
            at = 0
        return with_batch(shape, at, x.axes[at] if at is not None else ())

    def named(self, op: str, *, nd: int = 2, **keys: Any) -> tuple[str, dict[str, Any]]:
        """Return an op over nd axes and its keys: those given and the call's renamed arguments, without defaults.

        Arguments that are tensors are not keys.
        """
        name = TORCH[op]
        given = {key: value for key, value in name.ours(self.get).items() if not isinstance(value, TENSORS)}
        values = {key: short(value) for key, value in {**keys, **given, **keys}.items()}
        return op + ENDS[nd], without(values, **name.defaults)

    def arrays(self, *names: str) -> dict[str, Constant]:
        """Return the given arrays by role. Raise OpaqueCall for one that depends on an input."""
        given = {name: self.get(name) for name in names if self.get(name) is not None}
        if any(not isinstance(array, Constant) for array in given.values()):
            raise OpaqueCall
        return given

    def dims(self, name: str = "dim", rank: int | None = None) -> list[int]:
        """Return an argument that names axes, counted from 0; all axes if it is left out."""
        rank = len(self.kept.axes) if rank is None else rank
        given = self.get(name)
        if given is None or given in ([], ()):
            return list(range(rank))
        return sorted({one % rank for one in (given if isinstance(given, (list, tuple)) else [given])})


TENSORS = (Constant, TracedTensor)
Result = BatchedTensor | list[BatchedTensor | None]
Rule = Callable[[Call], Result]
"""A function that returns the values of a call, None for an unknown one; it raises OpaqueCall if there is no layer."""


class RuleEntry(NamedTuple):
    """A rule with the signature of the calls it reads."""

    rule: Rule
    names: tuple[str, ...]
    """The names of the function's arguments, in order."""


class Rules(Registry[str, RuleEntry]):
    """The rules of a family of functions."""

    def rule(self, functions: str, arguments: str = "input") -> Callable[[Rule], Rule]:
        """Return a decorator that registers a rule for functions with these arguments."""

        def enter(rule: Rule) -> Rule:
            self.update(dict.fromkeys(functions.split(), RuleEntry(rule, tuple(arguments.split()))))
            return rule

        return enter


def short(value: Any) -> Any:
    """Return a value in the form of a spec: integral numbers as integers, and a list of equal numbers as one."""
    if isinstance(value, (list, tuple)):
        numbers = [int(one) if float(one).is_integer() else one for one in value]
        return numbers[0] if len(set(numbers)) == 1 else numbers
    return value


def without(keys: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """Return the keys whose values are neither None nor their default."""
    return {key: value for key, value in keys.items() if value is not None and value != defaults.get(key)}
