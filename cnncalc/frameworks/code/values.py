"""The values of evaluated code without a Python counterpart: functions, classes, objects, library names.

Numbers, strings, lists, tuples, dicts, sets, ranges and slices are Python's own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import SpecError, printable
from ...limits import LONGEST_UNKNOWN, MOST_CLASSES
from .budget import Budget, TooMuchError, listable

if TYPE_CHECKING:
    from .evaluate import Evaluator

Args = list[Any]
Kwargs = dict[str, Any]
Implementation = Callable[["Evaluator", Args, Kwargs, Any], Any]
"""The implementation of a library function; it gets the evaluator, the arguments, and the calling node for errors."""


class Frame:
    """The names of a running function, or of the body of a class."""

    __slots__ = ("globals", "names", "outer", "owner", "receiver", "shared", "yielded")

    def __init__(self, outer: Frame | None = None, owner: ClassValue | None = None, receiver: Any = None):
        self.names: dict[str, Any] = {}
        self.outer, self.owner, self.receiver = outer, owner, receiver
        """The enclosing frame; for `super()`, the class that defines the function, and its first argument."""
        self.globals: set[str] = set()
        """The names declared `global`."""
        self.shared: dict[str, Frame] = {}
        """The enclosing frames whose names are declared `nonlocal`, by name."""
        self.yielded: list[Any] = []
        """What a generator has yielded so far."""


class FunctionValue:
    """A function of the source, or a lambda."""

    __slots__ = ("attributes", "defaults", "frame", "is_generator", "kw_defaults", "name", "node", "owner")

    def __init__(self, name: str, node: ast.FunctionDef | ast.Lambda, frame: Frame | None):
        self.name, self.node, self.frame = name, node, frame
        self.defaults: list[Any] = []
        self.kw_defaults: dict[str, Any] = {}
        self.owner: ClassValue | None = None
        """The class that defines it, if it is a method."""
        self.is_generator = False
        self.attributes: dict[str, Any] = {}

    @property
    def args(self) -> ast.arguments:
        """Its parameters."""
        return self.node.args


class LibraryFunction:
    """A function or a method of a library, with its implementation."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Implementation):
        self.name, self.call = name, call


class BoundMethod:
    """A method of an object, or a function with its first arguments bound."""

    __slots__ = ("function", "receiver")

    def __init__(self, function: Any, receiver: Any):
        self.function, self.receiver = function, receiver


class PropertyValue:
    """A property of a class."""

    __slots__ = ("getter", "setter")

    def __init__(self, getter: Any, setter: Any = None):
        self.getter, self.setter = getter, setter


class StaticMethodValue:
    """A static method."""

    __slots__ = ("function",)

    def __init__(self, function: Any):
        self.function = function


class ClassMethodValue:
    """A class method."""

    __slots__ = ("function",)

    def __init__(self, function: Any):
        self.function = function


class ClassValue:
    """A class of the source, or of a library."""

    __slots__ = ("bases", "fields", "mro", "name", "namespace", "node")

    def __init__(
        self,
        name: str,
        bases: Sequence[ClassValue | UnknownValue] = (),
        namespace: Mapping[str, Any] | None = None,
        node: Any = None,
    ):
        self.name, self.bases, self.node = name, tuple(bases), node
        """`node` is None for a class of a library."""
        self.namespace: dict[str, Any] = dict(namespace or {})
        self.fields: list[str] = []
        """The annotated names in its body: the parameters of a dataclass."""
        self.mro: tuple[ClassValue | UnknownValue, ...] = (self, *linearized(self.bases))

    def find(self, name: str, after: ClassValue | None = None) -> Any:
        """Return an attribute from the first class after `after` that has it; MISSING if none has it.

        An unknown class may have any attribute, so its attributes are unknown values.
        """
        order = self.mro if after is None or after not in self.mro else self.mro[self.mro.index(after) + 1 :]
        for one in order:
            if isinstance(one, UnknownValue):
                return one.attribute(name)
            if name in one.namespace:
                return one.namespace[name]
        return MISSING

    def derives(self, other: object) -> bool:
        """Return whether this class is `other` or is derived from it."""
        return other in self.mro


def linearized(bases: Sequence[ClassValue | UnknownValue]) -> list[ClassValue | UnknownValue]:
    """Return the method resolution order of a class with these bases, without the class itself."""
    rows: list[list[ClassValue | UnknownValue]] = [
        list(base.mro) if isinstance(base, ClassValue) else [base] for base in bases[: MOST_CLASSES + 1]
    ]
    order: list[ClassValue | UnknownValue] = []
    if len(rows) == 1:  # the usual case
        order = rows.pop()
    else:
        rows.append(list(bases))
    while any(rows) and len(order) <= MOST_CLASSES:
        rows = [row for row in rows if row]
        heads = [row[0] for row in rows]
        head = next((one for one in heads if not any(one in row[1:] for row in rows)), heads[0])
        order.append(head)
        rows = [[one for one in row if one is not head] for row in rows]
    if len(order) > MOST_CLASSES:
        raise TooMuchError(f"a class that derives from more than {MOST_CLASSES} others")
    return order


class InstanceValue:
    """An instance of a class."""

    __slots__ = ("attributes", "cls", "node")

    def __init__(self, cls: ClassValue, node: Any = None):
        self.cls, self.node = cls, node
        """`node` is the call that made it."""
        self.attributes: dict[str, Any] = {}


class LibraryName:
    """A module or a package of a library: `torch.nn`."""

    __slots__ = ("path",)

    def __init__(self, path: str):
        self.path = path


class UnknownValue:
    """An unknown value: it is an error only where it is needed."""

    __slots__ = ("node", "what")

    def __init__(self, what: str, node: Any = None):
        if len(what) > LONGEST_UNKNOWN:
            raise TooMuchError(f"an unknown value with a name of more than {LONGEST_UNKNOWN:,} characters")
        self.what, self.node = what, node
        """What it is, such as `torchvision.models.resnet18`, and where it occurs in the source."""

    def attribute(self, name: str) -> UnknownValue:
        """Return one of its attributes, which is unknown as well."""
        return UnknownValue(f"{self.what}.{name}", self.node)


class NamedItems(tuple[Any, ...]):
    """A tuple whose items also have names, such as PyTorch's extremes and their indices."""

    __slots__ = ()
    names = ("values", "indices")


class LibraryObject:
    """An object of a library that can be an operand in expressions, such as a tensor.

    The evaluator asks it for its attributes and for the results of operators; `op` is Python's name: `add`, `lt`,
    `neg`. A method raises NotImplementedError for an unsupported operation.
    """

    __slots__ = ()

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        """Return an attribute or a method; MISSING if there is none."""
        return MISSING

    def binary(self, evaluator: Evaluator, op: str, left: Any, right: Any, node: Any) -> Any:
        """Return the result of a binary operator or a comparison with this object as an operand."""
        raise NotImplementedError

    def in_place(self, evaluator: Evaluator, op: str, other: Any, node: Any) -> Any:
        """Return the new value of x after `x += other`."""
        return self.binary(evaluator, op, self, other, node)

    def unary(self, evaluator: Evaluator, op: str, node: Any) -> Any:
        """Return the result of a unary operator."""
        raise NotImplementedError

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        """Return the item at an index."""
        raise NotImplementedError

    def set_attribute(self, evaluator: Evaluator, name: str, value: Any, node: Any) -> None:
        """Set an attribute; this has no effect unless a subclass overrides it."""

    def set_item(self, evaluator: Evaluator, index: Any, value: Any, node: Any) -> None:
        """Set the item at an index."""
        raise NotImplementedError

    def items(self, evaluator: Evaluator, node: Any) -> Iterator[Any]:
        """Yield the items of an iteration."""
        raise NotImplementedError

    def length(self, evaluator: Evaluator, node: Any) -> int:
        """Return its length."""
        raise NotImplementedError

    def truth(self, evaluator: Evaluator, node: Any) -> bool:
        """Return its truth value; objects are true by default."""
        return True

    def call(self, evaluator: Evaluator, args: Args, kwargs: Kwargs, node: Any) -> Any:
        """Return the result of calling it."""
        raise NotImplementedError

    def type_of(self) -> Any:
        """Return its type; None if that is not known."""
        return None

    def shape_text(self, evaluator: Evaluator) -> str | None:
        """Return its shape as a comment for the line that makes it; None if it has none."""
        return None

    def describe(self) -> str:
        """Return a description for errors: `a tensor of 3x4`."""
        return f"a {type(self).__name__}"


class ArrayValue(list[Any]):
    """A NumPy array: numbers, or rows of them, with elementwise operators."""

    __slots__ = ()

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return ArrayValue(found) if isinstance(at, slice) else found


class Suppressed(LibraryObject):
    """The result of `contextlib.suppress`: a context manager that suppresses these exceptions."""

    __slots__ = ("kinds",)

    def __init__(self, kinds: tuple[Any, ...]):
        self.kinds = kinds


def leaves(value: Any, budget: Budget, *, by_key: bool = False) -> Iterator[Any]:
    """Yield the leaves of nested lists, tuples and dicts in order, or in the order of dict keys.

    Raise TooMuchError for more than a list may hold, which shared lists can exceed.
    """
    waiting, seen = [value], 0
    while waiting:
        one = waiting.pop()
        seen = listable(seen + 1)
        if isinstance(one, dict):
            budget.copy(len(one))
            waiting += [one[key] for key in sorted(one, key=str)][::-1] if by_key else reversed(one.values())
        elif isinstance(one, (list, tuple)):
            budget.copy(len(one))
            waiting += reversed(one)
        else:
            yield one


class _Missing:
    """The type of MISSING, the result of a lookup that finds nothing."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


DERIVED = "(derived)"
"""The name in a library class of a function that is called with each class of the source that derives from it."""


class RaisedError(Exception):
    """An exception that the code raises, or that Python would raise for it."""

    def __init__(self, kind: ClassValue, text: str, node: Any = None, hint: Callable[[], str | None] = lambda: None):
        super().__init__(text)
        self.kind, self.text, self.node, self.hint = kind, text, node, hint
        """`hint` says what may be meant; it is computed only if no handler catches the exception."""

    def blamed(self) -> SpecError:
        """Return it as an error without a location."""
        hint = self.hint()
        said = printable(self.text) + (f" ({hint})" if hint else "")
        return SpecError(f"the code raises {self.kind.name}" + (f": {said}" if said else ""))


def describe(value: Any) -> str:
    """Return a description of a value for errors."""
    if isinstance(value, LibraryObject):
        return value.describe()
    if isinstance(value, InstanceValue):
        return f"an object of {value.cls.name}"
    if isinstance(value, ClassValue):
        return f"the class {value.name}"
    if isinstance(value, (FunctionValue, LibraryFunction)):
        return f"the function {value.name}"
    if isinstance(value, BoundMethod):
        return f"a method of {describe(value.receiver)}"
    if isinstance(value, LibraryName):
        return f"the module {value.path}"
    if isinstance(value, UnknownValue):
        return value.what
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, ArrayValue):
        return "an array"
    return "a tuple" if isinstance(value, tuple) else f"a {type(value).__name__}"
