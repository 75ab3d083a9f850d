"""The evaluation of expressions: names, constants, containers, operators, attributes, indices, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from .operations import PLAIN_ERRORS, OperationEvaluator
from .operators import (
    BINARY,
    UNARY,
    check_width,
    plain_unary,
    text_of,
)
from .source import quoted
from .types import IteratorValue
from .values import (
    Frame,
    FunctionValue,
    LibraryObject,
    UnknownValue,
    describe,
)


class ExpressionEvaluator(OperationEvaluator):
    """The part of the evaluator that evaluates expressions."""

    def value(self, node: ast.expr, frame: Frame) -> Any:
        """Return the value of an expression."""
        self.budget.count(1)
        evaluate = EXPRESSIONS.get(type(node))
        if evaluate is None:
            raise self.error(node, f"{quoted(node)} is not supported", self.way)
        return evaluate(self, node, frame)

    def values(self, nodes: list[ast.expr], frame: Frame) -> list[Any]:
        """Return the values of several expressions, with `*items` unpacked."""
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found += self.items(self.value(node.value, frame), node)
            else:
                found.append(self.value(node, frame))
        return found

    def constant(self, node: ast.Constant, frame: Frame) -> Any:
        """Return a constant."""
        value = node.value
        if isinstance(value, (str, bytes)):
            self.budget.copy(len(value))
        if type(value) is int and value.bit_length() > 64:
            raise self.error(node, "a whole number of more than 64 bits")
        return value

    def name(self, node: ast.Name, frame: Frame) -> Any:
        """Return the value of a name."""
        name = node.id
        inner: Frame | None = frame
        while inner is not None:
            if name in inner.names:
                return inner.names[name]
            if name in inner.globals:
                break
            inner = inner.outer
        return self.global_value(name, node)

    def text(self, node: ast.JoinedStr, frame: Frame) -> Any:
        """Return the text of an f-string."""
        parts = [self.value(one, frame) for one in node.values]
        if any(isinstance(one, UnknownValue) for one in parts):
            return next(one for one in parts if isinstance(one, UnknownValue))
        self.budget.copy(sum(map(len, parts)))
        return "".join(parts)

    def formatted(self, node: ast.FormattedValue, frame: Frame) -> Any:
        """Return the text of a replacement field of an f-string."""
        value = self.value(node.value, frame)
        if isinstance(value, UnknownValue):
            return value
        spec = self.value(node.format_spec, frame) if node.format_spec is not None else ""
        if not isinstance(spec, str) or (spec and not isinstance(value, (str, int, float))):
            return UnknownValue("a text", node)
        check_width(spec)
        if node.conversion == ord("r") and isinstance(value, str):
            value = repr(value)
        try:
            return format(value, spec) if spec else text_of(value, self.budget)
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None

    def list_value(self, node: ast.List, frame: Frame) -> Any:
        """Return a list."""
        return self.values(node.elts, frame)

    def tuple_value(self, node: ast.Tuple, frame: Frame) -> Any:
        """Return a tuple."""
        return tuple(self.values(node.elts, frame))

    def set_value(self, node: ast.Set, frame: Frame) -> Any:
        """Return a set."""
        return {self.key(one, node) for one in self.values(node.elts, frame)}

    def dict_value(self, node: ast.Dict, frame: Frame) -> Any:
        """Return a dict."""
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            own = self.value(value, frame)
            if key is not None:
                made[self.key(self.value(key, frame), key)] = own
                continue
            if not isinstance(self.needs(own, value), dict):
                raise self.error(value, f"{quoted(value)} is not a dict")
            self.budget.copy(len(made) + len(own))
            made |= own
        return made

    def function(self, node: ast.Lambda, frame: Frame) -> Any:
        """Return the function of a lambda."""
        return self.defined(FunctionValue("<lambda>", node, frame), frame)

    def defined(self, function: FunctionValue, frame: Frame) -> FunctionValue:
        """Return a function with the default values of its parameters."""
        function.defaults = [self.value(one, frame) for one in function.args.defaults]
        for one, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            if default is not None:
                function.kw_defaults[one.arg] = self.value(default, frame)
        return function

    def conditional(self, node: ast.IfExp, frame: Frame) -> Any:
        """Return the value of `a if condition else b`."""
        return self.value(node.body if self.holds(node.test, frame) else node.orelse, frame)

    def named(self, node: ast.NamedExpr, frame: Frame) -> Any:
        """Bind a name, and return the value of `name := value`."""
        value = self.value(node.value, frame)
        frame.names[node.target.id] = value
        return value

    def either(self, node: ast.BoolOp, frame: Frame) -> Any:
        """Return the value of `and` or `or`: that of the deciding operand."""
        *others, last = node.values
        for one in others:
            value = self.value(one, frame)
            if self.truth(value, one) is isinstance(node.op, ast.Or):
                return value
        return self.value(last, frame)

    def holds(self, node: ast.expr, frame: Frame) -> bool:
        """Return whether a condition is true."""
        return self.truth(self.value(node, frame), node)

    # Operators

    def binary(self, node: ast.BinOp, frame: Frame) -> Any:
        """Return the result of a binary operator."""
        left, right = self.value(node.left, frame), self.value(node.right, frame)
        return self.operate(BINARY[type(node.op)], left, right, node)

    def unary(self, node: ast.UnaryOp, frame: Frame) -> Any:
        """Return the result of a unary operator."""
        value = self.value(node.operand, frame)
        if isinstance(node.op, ast.Not):
            return not self.truth(value, node.operand)
        if isinstance(value, UnknownValue):
            return value
        op = UNARY[type(node.op)]
        try:
            if isinstance(value, LibraryObject):
                return value.unary(self, op, node)  # type: ignore[arg-type]
            return plain_unary(op, value)
        except NotImplementedError:
            raise self.error(node, f"{quoted(node)} is not supported: it has {describe(value)}") from None
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None

    def comparison(self, node: ast.Compare, frame: Frame) -> Any:
        """Return the result of a chain of comparisons."""
        left, result = self.value(node.left, frame), True
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node, frame)
            result = self.compare(op, left, right, node)
            if len(node.ops) > 1 and not self.truth(result, node):
                return False
            left = right
        return result

    # Attributes

    def attribute_value(self, node: ast.Attribute, frame: Frame) -> Any:
        """Return the value of an attribute."""
        return self.attribute(self.value(node.value, frame), node.attr, node)

    # Indices and loops

    def item_value(self, node: ast.Subscript, frame: Frame) -> Any:
        """Return the item at an index."""
        value = self.value(node.value, frame)
        return self.item(value, self.value(node.slice, frame), node)

    def slice_value(self, node: ast.Slice, frame: Frame) -> Any:
        """Return a slice."""
        parts = [None if one is None else self.value(one, frame) for one in (node.lower, node.upper, node.step)]
        try:
            return self.slice_of([self.needs(one, node) for one in parts])
        except TypeError as error:
            raise self.raised(error, node) from None

    def comprehension(self, node: Any, frame: Frame) -> Any:
        """Return the list or set of a comprehension; for a generator, an iterator."""
        found = [self.value(node.elt, inner) for inner in self.rounds(node.generators, Frame(frame))]
        if isinstance(node, ast.GeneratorExp):
            return IteratorValue(iter(found))
        return {self.key(one, node) for one in found} if isinstance(node, ast.SetComp) else found

    def dict_comprehension(self, node: ast.DictComp, frame: Frame) -> Any:
        """Return the dict of a comprehension."""
        return {
            self.key(self.value(node.key, inner), node): self.value(node.value, inner)
            for inner in self.rounds(node.generators, Frame(frame))
        }

    def rounds(self, generators: list[ast.comprehension], frame: Frame) -> Iterator[Frame]:
        """Yield the frame of a comprehension for each iteration."""
        first, *others = generators
        for one in self.iterate(self.value(first.iter, frame), first.iter):
            self.budget.count(1)
            self.assign(first.target, one, frame)
            if all(self.holds(test, frame) for test in first.ifs):
                if others:
                    yield from self.rounds(others, frame)
                else:
                    yield frame

    def call_value(self, node: ast.Call, frame: Frame) -> Any:
        """Return the result of a call."""
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self.parent(node, frame)
        function = self.value(node.func, frame)
        args, kwargs = self.arguments(node, frame)
        return self.call(function, args, kwargs, node)

    def parent(self, node: ast.Call, frame: Frame) -> Any:
        """Return the value of `super()`."""
        raise NotImplementedError

    def arguments(self, node: ast.Call, frame: Frame) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and keyword arguments of a call."""
        kwargs: dict[str, Any] = {}
        args = self.values(node.args, frame)
        for one in node.keywords:
            value = self.value(one.value, frame)
            if one.arg is not None:
                kwargs[one.arg] = value
                continue
            if not isinstance(self.needs(value, one.value), dict):
                raise self.error(one.value, f"{quoted(one.value)} is not a dict")
            self.budget.copy(len(value))
            kwargs |= {str(key): own for key, own in value.items()}
        return args, kwargs

    def assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Assign a value to a target."""
        raise NotImplementedError


Method = Callable[[Any, Any, Frame], Any]
EXPRESSIONS: dict[type[ast.expr], Method] = {
    ast.Constant: ExpressionEvaluator.constant,
    ast.Name: ExpressionEvaluator.name,
    ast.JoinedStr: ExpressionEvaluator.text,
    ast.FormattedValue: ExpressionEvaluator.formatted,
    ast.List: ExpressionEvaluator.list_value,
    ast.Tuple: ExpressionEvaluator.tuple_value,
    ast.Set: ExpressionEvaluator.set_value,
    ast.Dict: ExpressionEvaluator.dict_value,
    ast.Lambda: ExpressionEvaluator.function,
    ast.IfExp: ExpressionEvaluator.conditional,
    ast.NamedExpr: ExpressionEvaluator.named,
    ast.BoolOp: ExpressionEvaluator.either,
    ast.BinOp: ExpressionEvaluator.binary,
    ast.UnaryOp: ExpressionEvaluator.unary,
    ast.Compare: ExpressionEvaluator.comparison,
    ast.Attribute: ExpressionEvaluator.attribute_value,
    ast.Subscript: ExpressionEvaluator.item_value,
    ast.Slice: ExpressionEvaluator.slice_value,
    ast.ListComp: ExpressionEvaluator.comprehension,
    ast.SetComp: ExpressionEvaluator.comprehension,
    ast.GeneratorExp: ExpressionEvaluator.comprehension,
    ast.DictComp: ExpressionEvaluator.dict_comprehension,
    ast.Call: lambda evaluator, node, frame: evaluator.call_value(node, frame),
}
"""The method that evaluates each kind of expression."""
