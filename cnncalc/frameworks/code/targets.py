"""The targets of assignment and deletion: names, attributes, items, and several of these at once."""

from __future__ import annotations

import ast
from typing import Any

from .expressions import ExpressionEvaluator
from .operations import PLAIN_ERRORS
from .operators import plain_binary
from .values import (
    MISSING,
    ArrayValue,
    ClassValue,
    Frame,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    LibraryName,
    LibraryObject,
    PropertyValue,
    RaisedError,
    UnknownValue,
    describe,
)


class TargetEvaluator(ExpressionEvaluator):
    """The part of the evaluator that changes names, objects and containers."""

    def assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Assign a value to a target."""
        if isinstance(target, ast.Name):
            self.bind(target.id, value, frame)
        elif isinstance(target, ast.Attribute):
            self.set_attribute(self.value(target.value, frame), target.attr, value, target)
        elif isinstance(target, ast.Subscript):
            self.set_item(self.value(target.value, frame), self.value(target.slice, frame), value, target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target, value, frame)
        else:  # `*x = y`, which Python parses but does not compile
            raise self.error(target, "a starred target has to be in a list or a tuple", "write `[*x] = y`")

    def bind(self, name: str, value: Any, frame: Frame) -> None:
        """Assign a value to a name."""
        if name in frame.globals:
            self.scope.bind(name, value)
        else:
            frame.shared.get(name, frame).names[name] = value

    def unpack(self, target: ast.Tuple | ast.List, value: Any, frame: Frame) -> None:
        """Assign the items of a value to several targets."""
        if isinstance(value, UnknownValue):
            for one in target.elts:
                self.assign(one.value if isinstance(one, ast.Starred) else one, value, frame)
            return
        items = self.items(value, target)
        star = next((at for at, one in enumerate(target.elts) if isinstance(one, ast.Starred)), None)
        wanted = len(target.elts)
        if len(items) != wanted if star is None else len(items) < wanted - 1:
            text = f"{wanted} names are given {len(items)} value{'s' * (len(items) != 1)}, of {describe(value)}"
            raise RaisedError(self.exception("ValueError"), text, target)
        if star is not None:
            after = len(items) - (wanted - star - 1)
            items = [*items[:star], items[star:after], *items[after:]]
        for one, item in zip(target.elts, items, strict=True):
            self.assign(one.value if isinstance(one, ast.Starred) else one, item, frame)

    def set_attribute(self, value: Any, name: str, new: Any, node: Any) -> None:
        """Set an attribute of an object."""
        if isinstance(value, InstanceValue):
            setter, found = value.cls.find("__setattr__"), value.cls.find(name)
            if isinstance(found, PropertyValue) and found.setter is not None:
                self.call(found.setter, [value, new], {}, node)
            elif isinstance(setter, LibraryFunction):
                setter.call(self, [value, name, new], {}, node)  # type: ignore[arg-type]
            elif isinstance(setter, FunctionValue):
                raise self.error(node, f"{value.cls.name} has its own __setattr__, which is not supported", self.way)
            else:
                value.attributes[name] = new
        elif isinstance(value, ClassValue):
            value.namespace[name] = new
        elif isinstance(value, FunctionValue):
            value.attributes[name] = new
        elif isinstance(value, LibraryObject):
            value.set_attribute(self, name, new, node)  # type: ignore[arg-type]
        elif not isinstance(value, (UnknownValue, LibraryName)):
            raise self.error(node, f"{describe(value)} has no attributes that can be set")

    def set_item(self, value: Any, index: Any, new: Any, node: Any) -> None:
        """Set an item of a container."""
        if isinstance(value, UnknownValue):
            return
        try:
            if isinstance(value, LibraryObject):
                value.set_item(self, index, new, node)  # type: ignore[arg-type]
            elif isinstance(value, dict):
                value[self.key(index, node)] = new
            elif isinstance(value, list):
                more = self.items(new, node) if isinstance(index, slice) else []
                self.budget.copy(len(value) + len(more))
                value[self.needs(index, node)] = more if isinstance(index, slice) else new
            elif isinstance(value, InstanceValue) and value.cls.find("__setitem__") is not MISSING:
                self.call(self.attribute(value, "__setitem__", node), [index, new], {}, node)
            else:
                raise NotImplementedError
        except NotImplementedError:
            raise self.error(node, f"items of {describe(value)} cannot be written") from None
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None

    def in_place(self, op: str, left: Any, right: Any, node: Any) -> Any:
        """Return the new value of x after `x += y`."""
        if isinstance(left, ArrayValue):
            left[:] = self.each(op, left, right, node)
            return left
        if isinstance(left, list) and op == "add":
            more = self.items(right, node)
            self.budget.copy(len(left) + len(more))
            left += more
            return left
        if isinstance(left, LibraryObject) and not isinstance(right, UnknownValue):
            try:
                return left.in_place(self, op, right, node)  # type: ignore[arg-type]
            except NotImplementedError:
                raise self.impossible(op, left, right, node) from None
        if isinstance(left, InstanceValue) and left.cls.find(f"__i{op}__") is not MISSING:
            return self.call(self.attribute(left, f"__i{op}__", node), [right], {}, node)
        if isinstance(left, dict) and isinstance(right, dict):
            plain_binary(op, left, right, self.budget)
            left |= right
            return left
        return self.operate(op, left, right, node)

    def delete_attribute(self, value: Any, name: str) -> None:
        """Delete an attribute of an object."""
        if isinstance(value, InstanceValue):
            value.attributes.pop(name, None)

    def delete_item(self, value: Any, index: Any, node: Any) -> None:
        """Delete an item of a container."""
        if isinstance(value, InstanceValue) and value.cls.find("__delitem__") is not MISSING:
            self.call(self.attribute(value, "__delitem__", node), [index], {}, node)
            return
        if not isinstance(value, (list, dict)):
            raise self.error(node, f"items of {describe(value)} cannot be removed")
        try:
            self.budget.copy(len(value) if isinstance(value, list) else 0)
            del value[self.key(index, node) if isinstance(value, dict) else self.needs(index, node)]
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None
