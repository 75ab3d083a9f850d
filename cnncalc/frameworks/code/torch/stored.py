"""The arrays that layers need, from a state_dict: its arrays themselves, parts of them, and computed arrays.

A run of evaluated code records how each tensor is computed from parameters and buffers. These calls are read as a
network with the parameters and buffers as inputs, and executed. A standardized weight, for example, is computed from
the stored one as in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ....errors import CnncalcError, ShapeError, SpecError, shown
from ....sizes import show
from ... import ArrayReaders, ForeignNetwork
from ...torch.read.calls import Constant, FunctionCall, Misread, NamedInput, Recording, TracedTensor

if TYPE_CHECKING:
    from .tensors import TensorValue

Run = Callable[[ForeignNetwork, Mapping[str, Any]], Any]
"""A function that executes a network on the arrays of its inputs, by name."""
WAY = "give the module itself, from Python, or the network as an ONNX file"


class MissingArrayError(Exception):
    """Raised for an array that is not in a state_dict and cannot be computed from it."""


class StateDict:
    """A state_dict from which the arrays of layers are read."""

    def __init__(self, given: Mapping[str, Any], run: Run):
        self.given, self.run = given, run
        self.used: set[str] = set()
        """The names read so far."""

    def array(self, own: TensorValue, known: Any) -> Any:
        """Return the values of a tensor; `known` are its values according to the source."""
        if own.name is not None and own.name in self.given:
            self.used.add(own.name)
            array = self.given[own.name]
            if tuple(array.shape) != own.shape:
                have, need = show(array.shape) or "of a number", show(own.shape) or "a number"
                raise ShapeError(f"{shown(own.name)} has the shape {have}, but {need} is needed")
            return array.read() if hasattr(array, "read") else array
        if own.recipe is not None:
            return self.computed(own)
        if known is None or not hasattr(known, "tolist") or own.is_random:
            raise MissingArrayError
        return known

    def computed(self, own: TensorValue) -> Any:
        """Return the computed values of a tensor. Raise MissingArrayError if a function cannot be executed."""
        from ...torch.read.build import CallReader

        calls, leaves = steps_to(own)
        names = {leaf.name or "": leaf for leaf in leaves}
        inputs = [NamedInput(name, leaf.shape, leaf.shape) for name, leaf in names.items()]
        arrays = {name: self.array(leaf, None) for name, leaf in names.items()}
        place = own.recipe[1] if own.recipe is not None else 0
        end = TracedTensor(len(calls) - 1, place, own.shape)
        try:
            model = CallReader(Recording("computed", inputs, None, calls, [end], {}, {}, frozenset())).read_all(None)
            return self.run(model, arrays)
        except (CnncalcError, Misread):
            raise MissingArrayError from None


STATE: ContextVar[StateDict | None] = ContextVar("STATE", default=None)
"""The state_dict that arrays are read from; None while a network is read."""


def read(own: TensorValue, known: Any) -> Any:
    """Return the values of a tensor from the current state_dict, or else according to the source."""
    state = STATE.get()
    return known if state is None else state.array(own, known)


def steps_to(own: TensorValue) -> tuple[list[FunctionCall], list[TensorValue]]:
    """Return the calls that compute a tensor, in order, and the parameters and buffers that they read."""
    order: dict[int, FunctionCall] = {}
    leaves: dict[TensorValue, None] = {}
    waiting: list[tuple[TensorValue, bool]] = [(own, False)]
    while waiting:
        one, is_done = waiting.pop()
        if one.recipe is None or one.name is not None:
            leaves[one] = None
        elif is_done:
            order.setdefault(id(one.recipe[0]), one.recipe[0])
        elif id(one.recipe[0]) not in order:
            waiting.append((one, True))
            waiting += [(leaf, False) for leaf in computed_in([one.recipe[0].args, one.recipe[0].kwargs])]
    places = {call: at for at, call in enumerate(order)}
    inputs: dict[TensorValue | None, int] = {leaf: at for at, leaf in enumerate(leaves)}

    def traced(value: Any) -> Any:
        if isinstance(value, Constant):
            leaf = computed(value)
            if leaf in inputs:
                return TracedTensor(-1, inputs[leaf], value.shape)
            if leaf is None or leaf.recipe is None:
                return value
            return TracedTensor(places[id(leaf.recipe[0])], leaf.recipe[1], value.shape)
        if isinstance(value, (list, tuple)):
            return type(value)([traced(one) for one in value])
        return value

    calls = [
        call._replace(args=traced(call.args), kwargs={key: traced(one) for key, one in call.kwargs.items()})
        for call in order.values()
    ]
    return calls, list(leaves)


def computed(value: Constant) -> TensorValue | None:
    """Return the tensor of a constant that is, or is computed from, parameters and buffers; None for any other."""
    own: Any = value.key
    return None if own.name is None and own.recipe is None else own


def computed_in(value: Any) -> list[TensorValue]:
    """Return the tensors in nested lists, tuples and dicts that are, or are computed from, parameters and buffers."""
    if isinstance(value, Constant):
        own = computed(value)
        return [] if own is None else [own]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [leaf for one in value for leaf in computed_in(one)] if isinstance(value, (list, tuple)) else []


def arrays(
    readers: ArrayReaders, names: Iterable[str], wanted: Iterable[str], given: Mapping[str, Any], run: Run
) -> dict[str, Any]:
    """Return arrays by layer names, replacing the arrays of a module's state_dict among those given.

    Values that the source states are returned as nested lists.

    `names` are the names of the module's parameters and buffers. Arrays that are not in its state_dict are returned
    unchanged. Raise SpecError for an array that is computed from the given ones by functions that cannot be executed.
    """
    from .tensors import KnownArray

    state, held = StateDict(given, run), frozenset(names)
    made: dict[str, Any] = {}
    token = STATE.set(state)
    try:
        for name in wanted:
            if name in readers:
                try:
                    array = readers[name]()
                    made[name] = array.tolist() if isinstance(array, KnownArray) else array
                except MissingArrayError:
                    if name in held and name in given:
                        what = f"{name} is given, but what the source computes from it is unknown"
                        raise SpecError(what, WAY) from None
    finally:
        STATE.reset(token)
    return {name: one for name, one in given.items() if name not in state.used} | made
