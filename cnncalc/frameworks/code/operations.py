"""The evaluation of operations on values: truth, operators, comparison, attributes, items, iteration."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from ...errors import LONGEST_REASON, SpecError, clipped, nearest, shown
from .budget import STEPS_AN_ERROR, Budget, listable
from .operators import (
    COMPARED,
    equal,
    hashable,
    in_range,
    ordered,
    plain_binary,
    text_of,
)
from .packages import built_in, package_of
from .scope import ModuleScope
from .source import CodeSource, quoted
from .types import UnionValue, union
from .values import (
    MISSING,
    ArrayValue,
    BoundMethod,
    ClassMethodValue,
    ClassValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    LibraryName,
    LibraryObject,
    PropertyValue,
    RaisedError,
    StaticMethodValue,
    UnknownValue,
    describe,
)

PLAIN_ERRORS = (TypeError, ValueError, ZeroDivisionError, KeyError, IndexError, OverflowError, AttributeError)
"""The exceptions that Python raises for impossible operations on plain values."""
PLAIN = (bool, int, float, complex, str, list, tuple, dict, set, frozenset, range, slice, bytes, type(None), type(...))


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of nested rows of numbers; empty for a single number."""
    return (len(value), *_shape(value[0] if value else 0)) if isinstance(value, (list, tuple)) else ()


class OperationEvaluator:
    """The part of the evaluator that operates on values."""

    source: CodeSource
    budget: Budget
    scope: ModuleScope
    notes: dict[str, None]
    """Notes on what was left out."""
    way: str | None
    """How to load a network that is not understood through its framework."""

    # Implemented by the other parts

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return the result of a call."""
        raise NotImplementedError

    def global_value(self, name: str, node: Any = None) -> Any:
        """Return the value of a global name."""
        raise NotImplementedError

    def exception(self, name: str) -> ClassValue:
        """Return one of Python's exception classes."""
        raise NotImplementedError

    def method_of(self, value: Any, name: str) -> Any:
        """Return a method of a plain value; MISSING if there is none."""
        raise NotImplementedError

    def is_supported(self, package: str) -> bool:
        """Return whether a package is supported, or part of Python."""
        raise NotImplementedError

    def library(self, path: str, node: Any) -> Any:
        """Return the value of a library's dotted name."""
        raise NotImplementedError

    # Errors

    def error(self, node: Any, what: str, help: str | None = None) -> SpecError:
        """Return an error located at a node."""
        self.budget.count(STEPS_AN_ERROR)
        return self.source.at(SpecError(what, help), node)

    def raised(self, error: Exception, node: Any) -> RaisedError:
        """Return a Python exception as one raised by the code."""
        text = f"there is no key {self.key_text(error.args[0])}" if isinstance(error, KeyError) else str(error)
        return RaisedError(self.exception(type(error).__name__), text, node)

    def needs(self, value: Any, node: Any) -> Any:
        """Return a value that must be known. Raise SpecError if it is unknown."""
        if isinstance(value, UnknownValue):
            raise self.unknown(value, node)
        return value

    def unknown(self, value: UnknownValue, node: Any) -> SpecError:
        """Return the error for an unknown value that is needed."""
        package, name = package_of(value.what), built_in(value.what)
        if package is not None:
            part = "of a network" if "(…)." in value.what else "a network"
            what = f"{value.what} is {part} that {package} ships: this source does not show its layers"
            help = [f"the network itself is built in: cnncalc shape {name}"] if name is not None else []
            return self.error(value.node or node, what, "\n".join([*help, *filter(None, [self.way])]))
        return self.error(value.node or node, f"{value.what} is unknown here", self.way)

    # Operators

    def truth(self, value: Any, node: Any) -> bool:
        """Return the truth value of a value. Raise SpecError if it is unknown."""
        if isinstance(value, UnknownValue):
            what = f"whether {quoted(node)} holds is unknown: {value.what} is unknown here"
            raise self.error(node, what, self.way)
        if isinstance(value, LibraryObject):
            try:
                return value.truth(self, node)  # type: ignore[arg-type]
            except NotImplementedError:
                what = f"a condition on {value.describe()}, whose values are unknown"
                raise self.error(node, what, self.way) from None
        if isinstance(value, InstanceValue):
            for name in ("__bool__", "__len__"):
                if value.cls.find(name) is not MISSING:
                    return bool(self.call(self.attribute(value, name, node), [], {}, node))
            return True
        return bool(value)

    def operate(self, op: str, left: Any, right: Any, node: Any) -> Any:
        """Return the result of a binary operator."""
        for one in (left, right):
            if isinstance(one, UnknownValue):
                return UnknownValue(one.what, one.node)
        for one in (left, right):
            if isinstance(one, LibraryObject):
                try:
                    return one.binary(self, op, left, right, node)  # type: ignore[arg-type]
                except NotImplementedError:
                    raise self.impossible(op, left, right, node) from None
        for one, other, name in ((left, right, f"__{op}__"), (right, left, f"__r{op}__")):
            if isinstance(one, InstanceValue) and one.cls.find(name) is not MISSING:
                return self.call(self.attribute(one, name, node), [other], {}, node)
        return self.operate_plain(op, left, right, node)

    def operate_plain(self, op: str, left: Any, right: Any, node: Any) -> Any:
        """Return the result of a binary operator on values of Python's own types, and on NumPy arrays."""
        if isinstance(left, ArrayValue) or isinstance(right, ArrayValue):
            return self.each(op, left, right, node)
        if not isinstance(left, PLAIN) or not isinstance(right, PLAIN):
            return self.union(op, left, right, node)
        try:
            return plain_binary(op, left, right, self.budget)
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None

    def each(self, op: str, left: Any, right: Any, node: Any) -> ArrayValue:
        """Return the result of an elementwise operator on an array and another array or a single value."""
        rows = [one for one in (left, right) if isinstance(one, (list, tuple))]
        if len({_shape(one) for one in rows}) > 1:
            raise self.impossible(op, left, right, node)
        pairs = zip(
            *[one if isinstance(one, (list, tuple)) else [one] * len(rows[0]) for one in (left, right)], strict=True
        )
        return ArrayValue([self.operate(op, a, b, node) for a, b in pairs])

    def union(self, op: str, left: Any, right: Any, node: Any) -> UnionValue:
        """Return `A | None` for a class, or `None | A`. Raise SpecError for other operators."""
        if op == "or" and any(isinstance(one, ClassValue) for one in (left, right)):
            with suppress(NotImplementedError):
                return union(left, right)
        raise self.impossible(op, left, right, node)

    def impossible(self, op: str, left: Any, right: Any, node: Any) -> SpecError:
        """Return the error for an operator that does not support these operands."""
        what = f"{quoted(node)} has {describe(left)} and {describe(right)}, which is not supported"
        return self.error(node, what, self.way)

    def compare(self, op: ast.cmpop, left: Any, right: Any, node: Any) -> Any:
        """Return the result of one comparison; an unknown value if the result depends on one."""
        unknown = next((one for one in (left, right) if isinstance(one, UnknownValue)), None)
        if isinstance(op, (ast.Is, ast.IsNot)):
            if isinstance(left, UnknownValue) and isinstance(right, UnknownValue):
                return isinstance(op, ast.Is) if left.what == right.what else left
            return self.identical(left, right, node) is isinstance(op, ast.Is)
        if unknown is not None:
            return UnknownValue(unknown.what, unknown.node)
        if isinstance(op, (ast.In, ast.NotIn)):
            found = self.contains(right, left, node)
            return found if isinstance(found, UnknownValue) else found is isinstance(op, ast.In)
        name = COMPARED[type(op)]
        for one in (left, right):
            if isinstance(one, LibraryObject):
                try:
                    return one.binary(self, name, left, right, node)  # type: ignore[arg-type]
                except NotImplementedError:
                    return (left is right) is (name == "eq")
        return self.compare_plain(name, left, right, node)

    def compare_plain(self, name: str, left: Any, right: Any, node: Any) -> bool:
        """Return the result of comparing values of Python's own types. Raise SpecError for arrays."""
        if isinstance(left, ArrayValue) or isinstance(right, ArrayValue):
            raise self.impossible(name, left, right, node)
        if name in ("eq", "ne"):
            return equal(left, right, self.budget) is (name == "eq")
        try:
            return ordered(name, left, right, self.budget)
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None

    def identical(self, left: Any, right: Any, node: Any) -> bool:
        """Return whether two values are the same object; equal numbers and strings count as the same.

        An unknown value is assumed not to be None, with a note.
        """
        if isinstance(left, UnknownValue) and right is None:
            self.notes[f"line {node.lineno}: {left.what} is unknown, and assumed not to be None"] = None
        if isinstance(left, (str, int, float)) and type(left) is type(right):
            return bool(left == right)
        return left is right

    def contains(self, container: Any, one: Any, node: Any) -> Any:
        """Return whether a container contains a value; an unknown item if the answer depends on it."""
        if isinstance(container, (str, range, set, frozenset, dict)):
            self.budget.copy(len(container) if isinstance(container, str) else 0)
            if isinstance(container, range):
                return in_range(one, container)
            try:
                return self.key(one, node) in container
            except PLAIN_ERRORS as error:
                raise self.raised(error, node) from None
        if isinstance(container, InstanceValue) and container.cls.find("__contains__") is not MISSING:
            return bool(self.call(self.attribute(container, "__contains__", node), [one], {}, node))
        items = list(self.items(container, node))
        found = any(equal(item, one, self.budget) for item in items)
        if found or not isinstance(one, (str, int, float)):
            return found
        return next((item for item in items if isinstance(item, UnknownValue)), False)

    # Attributes

    def attribute(self, value: Any, name: str, node: Any) -> Any:
        """Return an attribute of a value. Raise SpecError if it has none of that name."""
        found = self.find(value, name, node)
        if found is MISSING:
            what = f"{describe(value)} has no {name!r}"
            raise RaisedError(self.exception("AttributeError"), what, node, lambda: nearest(name, attributes_of(value)))
        return found

    def find(self, value: Any, name: str, node: Any) -> Any:
        """Return an attribute of a value; MISSING if it has none of that name."""
        if isinstance(value, InstanceValue):
            return self.find_of_instance(value, name, node)
        if isinstance(value, ClassValue):
            return self.find_of_class(value, name)
        if isinstance(value, UnknownValue):
            return value.attribute(name)
        if isinstance(value, LibraryName):
            return self.library(f"{value.path}.{name}", node)
        if isinstance(value, LibraryObject):
            return value.attribute(self, name, node)  # type: ignore[arg-type]
        if isinstance(value, FunctionValue):
            own = {"__name__": value.name, "__qualname__": value.name, "__doc__": None}
            return value.attributes.get(name, own.get(name, MISSING))
        return self.method_of(value, name)

    def find_of_instance(self, value: InstanceValue, name: str, node: Any) -> Any:
        """Return an attribute of an instance, or else of its class."""
        if name in value.attributes:
            return value.attributes[name]
        if name == "__class__":
            return value.cls
        if name == "__dict__":
            return value.attributes
        found = value.cls.find(name)
        if found is MISSING:
            own = value.cls.find("__getattr__")
            if own is not MISSING:
                return self.call(own, [value, name], {}, node)
            own = LibraryFunction(name, lambda evaluator, args, kwargs, at: evaluator.attribute(value, args[0], at))
            return own if name in ("__getattr__", "__getattribute__") else MISSING
        if isinstance(found, PropertyValue):
            return self.call(found.getter, [value], {}, node)
        return self.bound(found, value, value.cls)

    def find_of_class(self, value: ClassValue, name: str) -> Any:
        """Return an attribute of a class."""
        if name in ("__name__", "__qualname__"):
            return value.name
        if name == "__mro__":
            return value.mro
        found = value.find(name)
        return self.bound(found, None, value)

    def bound(self, found: Any, receiver: Any, cls: ClassValue) -> Any:
        """Return a class attribute as accessed through an instance or through the class itself."""
        if isinstance(found, StaticMethodValue):
            return found.function
        if isinstance(found, ClassMethodValue):
            return BoundMethod(found.function, cls)
        if isinstance(found, (FunctionValue, LibraryFunction)) and receiver is not None:
            return BoundMethod(found, receiver)
        return found

    # Items

    def key(self, value: Any, node: Any) -> Any:
        """Return a value as a dict key."""
        try:
            return hashable(value, self.budget)
        except TypeError as error:
            raise self.raised(error, node) from None

    def key_text(self, key: Any) -> str:
        """Return a key as text for errors."""
        return shown(key) if isinstance(key, str) else clipped(text_of(key, self.budget), LONGEST_REASON)

    def item_of_class(self, value: ClassValue | LibraryName, index: Any, node: Any) -> Any:
        """Return the member of an enumeration, or else the class, as of Tuple[int] in an annotation."""
        getter = value.find("__class_getitem__") if isinstance(value, ClassValue) else None
        return self.call(getter, [value, index], {}, node) if isinstance(getter, LibraryFunction) else value

    def item(self, value: Any, index: Any, node: Any) -> Any:
        """Return the item of a value at an index."""
        if isinstance(value, UnknownValue):
            return UnknownValue(value.what, value.node)
        if isinstance(value, (ClassValue, LibraryName)):
            return self.item_of_class(value, index, node)
        try:
            if isinstance(value, LibraryObject):
                return value.item(self, index, node)  # type: ignore[arg-type]
            if isinstance(value, InstanceValue) and value.cls.find("__getitem__") is not MISSING:
                return self.call(self.attribute(value, "__getitem__", node), [index], {}, node)
            if isinstance(value, (list, tuple, str, range)):
                found = value[self.needs(index, node)]
                self.budget.copy(len(found) if isinstance(index, slice) else 0)
                return found
            if isinstance(value, dict):
                return self.item_of_dict(value, self.key(index, node), node)
        except NotImplementedError:
            pass
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None
        what = f"{describe(value)} has no items"
        if value is None or isinstance(value, (int, float)):
            raise RaisedError(self.exception("TypeError"), what, node)
        raise self.error(node, what)

    def item_of_dict(self, value: dict[Any, Any], key: Any, node: Any) -> Any:
        """Return a dict's value for a key. Raise KeyError, which lists the keys, if it is missing."""
        if key not in value:
            factory = getattr(value, "factory", None)
            if factory is not None:
                value[key] = self.call(factory, [], {}, node)
                return value[key]
            known = map(self.key_text, islice((one for one in value if isinstance(one, (str, int))), 12))
            text = f"there is no key {self.key_text(key)}; there are {', '.join(known) or 'none'}"
            raise RaisedError(self.exception("KeyError"), text, node)
        return value[key]

    def slice_of(self, parts: list[Any]) -> slice:
        """Return a slice with these bounds. Raise TypeError for containers, which could contain themselves."""
        if any(isinstance(one, (list, tuple, dict, set, frozenset, slice)) for one in parts):
            raise TypeError("the bounds of a slice are whole numbers, or None")
        return slice(*parts)

    def iterate(self, value: Any, node: Any) -> Iterator[Any]:
        """Yield the items of an iterable value."""
        self.needs(value, node)
        if isinstance(value, (set, frozenset)):
            self.budget.copy(len(value))
            return iter(sorted(value, key=lambda one: text_of(one, self.budget)))
        if isinstance(value, (list, tuple, str, dict, range)):
            return iter(value)
        if isinstance(value, LibraryObject):
            try:
                return value.items(self, node)  # type: ignore[arg-type]
            except NotImplementedError:
                pass
        if isinstance(value, InstanceValue):
            if value.cls.find("__iter__") is not MISSING:
                return self.iterate(self.call(self.attribute(value, "__iter__", node), [], {}, node), node)
            if value.cls.find("__getitem__") is not MISSING and value.cls.find("__len__") is not MISSING:
                return (self.item(value, at, node) for at in range(self.length(value, node)))
        raise self.error(node, f"{describe(value)} cannot be iterated over")

    def items(self, value: Any, node: Any) -> list[Any]:
        """Return the items of an iterable value as a list."""
        if isinstance(value, range):
            listable(len(value))
        found = []
        for one in self.iterate(value, node):
            found.append(one)
            if not len(found) % 8:
                self.budget.copy(8)
        return found

    def length(self, value: Any, node: Any) -> int:
        """Return the length of a value."""
        self.needs(value, node)
        if isinstance(value, LibraryObject):
            return value.length(self, node)  # type: ignore[arg-type]
        if isinstance(value, InstanceValue) and value.cls.find("__len__") is not MISSING:
            return int(self.call(self.attribute(value, "__len__", node), [], {}, node))
        try:
            return len(value)
        except PLAIN_ERRORS:
            raise RaisedError(self.exception("TypeError"), f"{describe(value)} has no length", node) from None


def attributes_of(value: Any) -> list[str]:
    """Return the attribute names of an object; empty for other values."""
    if not isinstance(value, InstanceValue):
        return []
    inherited = [key for one in value.cls.mro if isinstance(one, ClassValue) for key in one.namespace]
    return [*value.attributes, *inherited]
