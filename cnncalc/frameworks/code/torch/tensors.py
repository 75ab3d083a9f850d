"""Tensors of evaluated code: their shapes and origins. Values are known only for the simplest tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import nan, prod
from typing import TYPE_CHECKING, Any

from ....limits import MOST_READ
from ...torch.read.calls import Constant, FunctionCall, TracedTensor
from ..types import TypeObject
from ..values import MISSING, BoundMethod, LibraryObject, UnknownValue
from .stored import read

if TYPE_CHECKING:
    from ..evaluate import Evaluator

Values = list[Any]
"""The values of a flattened tensor, or a single value if all are equal."""


class TensorValue(LibraryObject):
    """A tensor. In-place calls change its contents, so it is a mutable object."""

    __slots__ = (
        "_own",
        "is_buffer",
        "is_parameter",
        "is_random",
        "kind",
        "made",
        "name",
        "of",
        "recipe",
        "run",
        "shape",
        "traced",
        "values",
    )

    def __init__(
        self,
        shape: Sequence[int],
        kind: str = "float",
        *,
        traced: TracedTensor | None = None,
        of: tuple[TensorValue, ...] = (),
        values: Values | None = None,
        is_parameter: bool = False,
    ):
        self.shape, self.kind = tuple(shape), kind
        """Its sizes, including the batch, and the kind of its values: `float`, `int` or `bool`."""
        self.traced = traced
        """The result of a recorded call that the tensor is, if it depends on an input."""
        self.made: TracedTensor | None = None
        """The result of a recorded call that the tensor is, if it depends on matrix products but on no input."""
        self.run: object = None
        """The record of the run that contains the call of `traced` or `made`."""
        self.of = of
        """The parameters and buffers that it is computed from."""
        self.values = values
        """Its values, or a single one if all are equal; None if unknown."""
        self.is_parameter, self.is_buffer = is_parameter, False
        self.is_random = False
        """Whether its values are independent random numbers."""
        self.name: str | None = None
        """Its name in the module's `state_dict`."""
        self.recipe: tuple[FunctionCall, int] | None = None
        """The call that computes its initial contents from parameters and buffers, and the index among its results."""
        self._own: TensorValue = self
        """The identity of its contents: the tensor that held them first."""

    @property
    def size(self) -> int:
        """The number of its values."""
        return prod(self.shape)

    def copied(self) -> TensorValue:
        """Return another tensor with the same contents."""
        made = TensorValue(self.shape, self.kind, traced=self.traced, of=self.of, values=self.values)
        made.is_parameter, made.made, made.run = self.is_parameter, self.made, self.run
        return made

    def become(self, other: TensorValue) -> None:
        """Take over the contents of another tensor."""
        self.contents = (*other.contents[:-1], other)

    @property
    def contents(self) -> tuple[Any, ...]:
        """Its contents, as one value."""
        return self.shape, self.kind, self.traced, self.made, self.of, self.values, self.run, self._own

    @contents.setter
    def contents(self, contents: tuple[Any, ...]) -> None:
        self.shape, self.kind, self.traced, self.made, self.of, self.values, self.run, self._own = contents

    def roots(self) -> tuple[TensorValue, ...]:
        """Return the parameters and buffers that it is, or is computed from."""
        return tuple(dict.fromkeys((self, *self.of))) if self.name is not None else self.of

    def noted(self) -> TracedTensor | Constant:
        """Return it as in the record of a call."""
        if self.traced is not None:
            return self.traced
        names = tuple(dict.fromkeys(root.name for root in self.roots() if root.name is not None))
        return Constant(self.shape, self.name, names, partial(read, self._own, self.array()), self._own, self.made)

    def begin(self, name: str) -> None:
        """Make it the array of this name in a `state_dict`, independent of how it was made."""
        self.name, self._own = name, self

    def array(self) -> Any:
        """Return its values as an array; None if they are unknown."""
        if self.is_random:
            return RandomArray(self.shape)
        return KnownArray(self.shape, self.values, self.kind) if self.values and 0 not in self.shape else None

    def all_values(self) -> Values | None:
        """Return its values in flattened form; None if they are unknown, or too many."""
        if self.values is None or self.size > MOST_READ:
            return None
        return self.values * self.size if len(self.values) == 1 else self.values

    def describe(self) -> str:
        return f"a tensor of {'x'.join(map(str, self.shape)) or 'one number'}"

    def shape_text(self, evaluator: Evaluator) -> str | None:
        from .functions import recorder

        if self.traced is None:
            return None
        batch = recorder(evaluator).batch or 0
        sizes = self.shape[1:] if self.shape[:1] == (batch,) else self.shape
        folded = [batch > 1 and n > 0 and n % batch == 0 for n in sizes]
        texts = [f"{n // batch if n > batch else ''}N" if own else str(n) for n, own in zip(sizes, folded, strict=True)]
        return "x".join(texts) or "one number"

    # Expressions

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        from .methods import PROPERTIES, UNREAD, method

        if name in PROPERTIES:
            return PROPERTIES[name](evaluator, self, node)
        found = method(name)
        if found is None and name.removesuffix("_") in UNREAD:
            return UnknownValue(f"a tensor's {name}", node)
        return MISSING if found is None else BoundMethod(found, self)

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        from .functions import operate

        return operate(evaluator, op, left, right, node)

    def in_place(self, evaluator: Evaluator, op: str, other: Any, node: Any) -> Any:
        self.become(self.binary(evaluator, op, self, other, node))
        return self

    def unary(self, evaluator: Evaluator, op: str, node: Any) -> Any:
        from .functions import apply

        return self if op == "pos" else apply(evaluator, op, [self], {}, node)

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        from .functions import apply

        try:
            return apply(evaluator, "getitem", [self, index], {}, node)
        except NotImplementedError:
            return UnknownValue("a tensor's items that values choose", node)

    def set_item(self, evaluator: Evaluator, index: Any, value: Any, node: Any) -> None:
        from .functions import apply

        self.become(apply(evaluator, "setitem", [self, index, value], {}, node))

    def items(self, evaluator: Evaluator, node: Any) -> Iterator[Any]:
        return (self.item(evaluator, at, node) for at in range(self.length(evaluator, node)))

    def length(self, evaluator: Evaluator, node: Any) -> int:
        from .functions import recorder

        if not self.shape:
            raise NotImplementedError
        recorder(evaluator).looked(self)
        return self.shape[0]

    def truth(self, evaluator: Evaluator, node: Any) -> bool:
        if self.values is None or self.size != 1:
            raise NotImplementedError
        return bool(self.values[0])


class KnownArray:
    """An array of known values, with those methods of NumPy arrays that the rules of calls need, without NumPy."""

    def __init__(self, shape: Sequence[int], values: Values, kind: str):
        self.shape, self.values, self.kind = tuple(shape), values, kind
        """`values` are flattened, or a single value if all are equal."""

    @property
    def size(self) -> int:
        """The number of its values."""
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    @property
    def dtype(self) -> KnownArray:
        """An object with NumPy's `dtype.kind` as its `kind`."""
        return KnownArray((), [], {"bool": "b", "int": "i"}.get(self.kind, "f"))

    def reshape(self, *shape: Any) -> KnownArray:
        """Return the same values in another shape."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (list, tuple)) else shape
        return KnownArray([self.size] if list(sizes) == [-1] else sizes, self.values, self.kind)

    def take(self, index: int, axis: int) -> KnownArray:
        """Return one unit of an axis."""
        shape = (*self.shape[:axis], *self.shape[axis + 1 :])
        if len(self.values) == 1:
            return KnownArray(shape, self.values, self.kind)
        inner = prod(self.shape[axis + 1 :])
        block = inner * self.shape[axis]
        starts = range(index * inner, self.size, block)
        return KnownArray(shape, [one for at in starts for one in self.values[at : at + inner]], self.kind)

    def nonzero(self) -> tuple[KnownArray]:
        """Return the indices of the nonzero values of a one-dimensional array."""
        places = [at for at, one in enumerate(self.each()) if one]
        return (KnownArray((len(places),), places, "int"),)

    def each(self) -> Values:
        """Return all values, flattened. Raise ValueError if there are too many."""
        if self.size > MOST_READ:
            raise ValueError("too many values")
        return self.values * self.size if len(self.values) == 1 else self.values

    def tolist(self) -> Any:
        """Return the values as nested lists."""
        rows: Any = self.each()
        for n in reversed(self.shape[1:]):
            rows = [rows[at : at + n] for at in range(0, len(rows), n)]
        return rows if self.shape else rows[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.each())

    def __getitem__(self, index: int) -> Any:
        return self.values[0 if len(self.values) == 1 else index]

    def __float__(self) -> float:
        return float(self.values[0])

    def _each_with(self, other: Any, function: Callable[[Any, Any], Any], kind: str) -> KnownArray:
        """Return the elementwise result of a function with a number, or with an array of the same shape."""
        others = other.values if isinstance(other, KnownArray) else [other]
        if len(self.values) == len(others) == 1:
            return KnownArray(self.shape, [function(self.values[0], others[0])], kind)
        own = self.each()
        others = others * len(own) if len(others) == 1 else others
        return KnownArray(self.shape, [function(a, b) for a, b in zip(own, others, strict=True)], kind)

    def __eq__(self, other: object) -> Any:
        return self._each_with(other, operator.eq, "bool")

    def __ne__(self, other: object) -> Any:
        return self._each_with(other, operator.ne, "bool")

    def __or__(self, other: Any) -> KnownArray:
        return self._each_with(other, operator.or_, "bool")

    def __and__(self, other: Any) -> KnownArray:
        return self._each_with(other, operator.and_, "bool")

    def __mod__(self, other: Any) -> KnownArray:
        return self._each_with(other, operator.mod, self.kind)

    def __mul__(self, other: Any) -> KnownArray:
        return self._each_with(other, operator.mul, self.kind)

    def __add__(self, other: Any) -> KnownArray:
        return self._each_with(other, operator.add, self.kind)

    __radd__ = __add__
    __hash__ = None  # type: ignore[assignment]

    def all(self) -> bool:
        """Return whether all values are true."""
        return all(self.values) or not self.size

    def any(self) -> bool:
        """Return whether any value is true."""
        return any(self.values) and self.size > 0


class RandomArray(KnownArray):
    """An array of random numbers: they are unknown, but those of one sample may stand for those of all."""

    def __init__(self, shape: Sequence[int]):
        super().__init__(shape, [nan], "float")

    def reshape(self, *shape: Any) -> RandomArray:
        return RandomArray(super().reshape(*shape).shape)

    def take(self, index: int, axis: int) -> RandomArray:
        return RandomArray(super().take(index, axis).shape)

    def __eq__(self, other: object) -> Any:
        return KnownArray(self.shape, [True], "bool")

    __hash__ = None


class TensorType(TypeObject):
    """The type of tensors, `torch.Tensor`; with `is_empty`, a type that no tensor has, as on a GPU."""

    __slots__ = ("is_empty", "kind", "make")

    def __init__(self, make: Any, is_empty: bool = False, kind: str = "float"):
        """`kind` is the kind of its tensors' values."""
        self.make, self.is_empty, self.kind = make, is_empty, kind

    def call(self, evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        return self.make(evaluator, args, kwargs, node)

    def is_type_of(self, value: Any) -> bool:
        return isinstance(value, TensorValue) and not self.is_empty

    def describe(self) -> str:
        return "the type torch.Tensor"


class DeviceValue(LibraryObject):
    """A device or a data type, which affects no shape."""

    __slots__ = ("kind", "name")

    def __init__(self, name: str, kind: str = "float"):
        self.name, self.kind = name, kind
        """`kind` is the kind of values for a data type, and `device` for a device."""

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name == "type":
            return self.name
        if name == "is_floating_point":
            return self.kind == "float"
        return MISSING

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        if op not in ("eq", "ne"):
            raise NotImplementedError
        names = [one.name if isinstance(one, DeviceValue) else one for one in (left, right)]
        return (names[0] == names[1]) is (op == "eq")

    def describe(self) -> str:
        return f"torch.{self.name}"
