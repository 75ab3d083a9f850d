"""The evaluator of Python source: module-level names, and calls. No code of the source is executed.

It knows the libraries in this folder; other code is an error only if it is needed. An unknown value (the result of a
library function that is not listed) is propagated, and is an error only if the network depends on it.
"""

from __future__ import annotations

import ast
import builtins
import sys
from typing import Any

from ...errors import nearest, shown
from ...limits import DEEPEST_CALLS
from ...notation.python import expression
from .budget import Budget, TooMuchError
from .builtin import BUILTINS
from .changes import CHANGING
from .libraries import Libraries
from .methods import METHODS
from .operations import PLAIN_ERRORS
from .scope import ModuleScope, is_literal
from .source import CodeSource, quoted
from .statements import Returned, StatementEvaluator
from .types import EXCEPTIONS, IteratorValue
from .values import (
    MISSING,
    BoundMethod,
    ClassValue,
    Frame,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    LibraryObject,
    NamedItems,
    PropertyValue,
    RaisedError,
    UnknownValue,
    describe,
)

USUAL = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "Tensor": "torch.Tensor",
    "math": "math",
    "np": "numpy",
    "partial": "functools.partial",
    "OrderedDict": "collections.OrderedDict",
    "keras": "keras",
    "layers": "keras.layers",
    "tf": "tensorflow",
}
"""The meanings of common names used without an import, as in an excerpt of a source."""
IMPORTS = {
    "from keras import *; from keras.layers import *": ("keras", "keras.layers"),
    "from torch.nn import *": ("torch.nn",),
}
"""The import statement for names of these modules, which are those of layers and networks."""


class Evaluator(StatementEvaluator):
    """The evaluator of one source."""

    def __init__(self, source: CodeSource, scope: ModuleScope, budget: Budget, libraries: Libraries):
        self.source, self.scope, self.budget, self.libraries = source, scope, budget, libraries
        self.depth = 0
        """The current depth of nested calls."""
        self.frame: Frame | None = None
        """The frame of the running function of the source."""
        self.notes, self.way = {}, None
        self.shapes = {}
        self.state: dict[str, Any] = {}
        """The state that each library keeps while the source is evaluated, by the library's name."""

    # Module level

    def leave_out(self, node: ast.stmt | ast.expr) -> None:
        """Note that code was not understood and was left out."""
        self.notes[f"line {node.lineno}: this is not supported, and left out"] = None

    def top(self, node: ast.stmt) -> None:
        """Run a module-level statement."""
        frame = TopFrame(self.scope)
        self.run([node], frame)

    def top_value(self, node: ast.expr) -> Any:
        """Return the value of a module-level expression."""
        return self.value(node, TopFrame(self.scope))

    def value_of_text(self, text: Any, node: Any, literal: bool = False) -> Any:
        """Return the value of an expression in a string, in the running function or at module level."""
        if not isinstance(text, str):
            raise NotImplementedError
        self.budget.count(len(text))
        try:
            found = expression(text.strip(" \t"))
        except (SyntaxError, ValueError) as error:
            raise RaisedError(self.exception("SyntaxError"), f"{shown(text)} is not an expression", node) from error
        except (RecursionError, MemoryError):
            raise TooMuchError("a string that is nested too deeply") from None
        for one in ast.walk(found):
            ast.copy_location(one, node)  # these nodes are not in a line of the source
            if isinstance(one, ast.Attribute) and one.attr in CHANGING:  # changes by code in a string would not be seen
                raise NotImplementedError
        if literal and not is_literal(found):
            raise ValueError(f"{shown(text)} is not a number, a string, or a list, tuple or dict of those")
        return self.top_value(found) if self.frame is None else self.value(found, self.frame)

    def plain(self, node: ast.stmt) -> dict[str, Any]:
        """Return what a definition, an import or a plain assignment binds."""
        frame = Frame()
        self.run([node], frame)
        return frame.names

    def global_value(self, name: str, node: Any = None) -> Any:
        """Return the value of a global name. Raise NameError if it has none."""
        found = self.scope.lookup(name)
        if found is not MISSING:
            return found
        if name in BUILTINS:
            return BUILTINS[name]
        if name in ("__name__", "__file__"):
            return "module"
        if name in USUAL:
            return self.library(USUAL[name], node)
        modules = [*self.scope.starred()]
        self.budget.count(len(modules))
        starred = [self.library(f"{module}.{name}", node) for module in modules]
        for found in sorted(starred, key=lambda one: isinstance(one, UnknownValue)):
            return found  # an unlisted module that was imported with `*` may define any name
        if hasattr(builtins, name):
            raise self.error(node, f"Python's {name} is not supported", self.way)
        what = f"the name {name!r} has no value here"
        raise RaisedError(self.exception("NameError"), what, node, lambda: self.name_meant(name))

    def name_meant(self, name: str) -> str | None:
        """Return a hint for an undefined name: its import, or similar names."""
        others = [one for one in (*self.scope.names, *BUILTINS) if one != name]
        return self.import_of(name) or nearest(name, others)

    def import_of(self, name: str) -> str | None:
        """Return the import statement for a name of the frameworks' layers; None for any other name."""
        found = {line: [self.libraries.find(f"{one}.{name}") for one in modules] for line, modules in IMPORTS.items()}
        lines = [line for line, values in found.items() if any(value is not MISSING for value in values)]
        return f"add at the top: {', or: '.join(lines)}" if lines else None

    def library(self, path: str, node: Any) -> Any:
        """Return the value of a library's dotted name; an unknown value if it is not listed."""
        found = self.libraries.find(path)
        return UnknownValue(path, node) if found is MISSING else found

    def is_supported(self, package: str) -> bool:
        """Return whether a package is supported, or part of Python."""
        return self.libraries.of(package) is not None or package in sys.stdlib_module_names

    def exception(self, name: str) -> ClassValue:
        """Return one of Python's exception classes."""
        return EXCEPTIONS.get(name, EXCEPTIONS["Exception"])

    def method_of(self, value: Any, name: str) -> Any:
        """Return a method of a plain value; MISSING if there is none."""
        if isinstance(value, LibraryFunction):  # such as itertools.chain.from_iterable
            return self.libraries.find(f"{value.name}.{name}")
        if isinstance(value, NamedItems) and name in value.names:
            return value[value.names.index(name)]
        method = next((METHODS[kind][name] for kind in type(value).__mro__ if name in METHODS.get(kind, ())), None)
        return MISSING if method is None else BoundMethod(method, value)

    # Calls

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return the result of a call."""
        self.budget.count(1)
        if isinstance(function, UnknownValue):
            is_result = function.what.endswith("(…)")
            return UnknownValue(
                function.what if is_result else f"{function.what}(…)", function.node if is_result else node
            )
        self.depth += 1
        if self.depth > DEEPEST_CALLS:
            raise TooMuchError(f"more than {DEEPEST_CALLS} nested calls")
        try:
            return self.called(function, args, kwargs, node)
        finally:
            self.depth -= 1

    def called(self, function: Any, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return the result of a call, by the type of the callee."""
        if isinstance(function, BoundMethod):
            return self.called(function.function, [function.receiver, *args], kwargs, node)
        if isinstance(function, (LibraryFunction, LibraryObject)):
            return self.call_library(function, args, kwargs, node)
        if isinstance(function, FunctionValue):
            return self.call_function(function, args, kwargs, node)
        if isinstance(function, ClassValue):
            return self.make(function, args, kwargs, node)
        if isinstance(function, InstanceValue):
            method = function.cls.find("__call__")
            if method is not MISSING:
                return self.call(self.bound(method, function, function.cls), args, kwargs, node)
        raise self.error(node, f"{describe(function)} cannot be called")

    def call_library(self, function: Any, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return the result of calling a function or an object of a library."""
        try:
            return function.call(self, args, kwargs, node)
        except NotImplementedError:
            raise self.error(node, f"{quoted(node)} is not supported", self.way) from None
        except PLAIN_ERRORS as error:
            raise self.raised(error, node) from None

    def call_function(self, function: FunctionValue, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return the result of calling a function of the source."""
        frame = Frame(function.frame, function.owner, args[0] if args else None)
        self.bind_arguments(function, args, kwargs, frame, node)
        if isinstance(function.node, ast.Lambda):
            return self.value(function.node.body, frame)
        around, self.frame = self.frame, frame
        try:
            outcome = self.run(function.node.body, frame)
        finally:
            self.frame = around
        if function.is_generator:
            return IteratorValue(iter(frame.yielded))
        return outcome.value if isinstance(outcome, Returned) else None

    def bind_arguments(
        self, function: FunctionValue, args: list[Any], kwargs: dict[str, Any], frame: Frame, node: Any
    ) -> None:
        """Bind arguments to the parameters of a function. Raise TypeError for missing or unexpected arguments."""
        own = function.args
        names = [one.arg for one in (*own.posonlyargs, *own.args)]
        only = [one.arg for one in own.kwonlyargs]
        values = frame.names
        self.budget.copy(len(names) + len(only) + len(args) + len(kwargs))
        known = {*names, *only} if kwargs else ()
        values |= dict(zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True))
        values |= function.kw_defaults
        values |= dict(zip(names, args, strict=False))
        if len(args) > len(names) and own.vararg is None:
            self.wrong_arguments(function, f"takes {len(names)} arguments, but {len(args)} are given", node)
        if own.vararg is not None:
            values[own.vararg.arg] = tuple(args[len(names) :])
        extra = {key: value for key, value in kwargs.items() if key not in known}
        values |= {key: value for key, value in kwargs.items() if key not in extra}
        if own.kwarg is not None:
            values[own.kwarg.arg] = extra
        elif extra:
            help = nearest(next(iter(extra)), [*names, *only])
            what = f"has no argument {next(iter(extra))!r}" + (f" ({help})" if help else "")
            self.wrong_arguments(function, what, node)
        missing = [name for name in [*names, *only] if name not in values]
        if missing:
            self.wrong_arguments(function, f"is not given {', '.join(missing)}", node)

    def wrong_arguments(self, function: FunctionValue, what: str, node: Any) -> None:
        """Raise TypeError for arguments that a function does not accept."""
        name = f"{function.owner.name}.{function.name}" if function.owner is not None else function.name
        raise RaisedError(self.exception("TypeError"), f"{name} {what}", node)

    def make(self, cls: ClassValue, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        """Return an instance of a class."""
        new = cls.find("__new__")
        if isinstance(new, LibraryFunction):
            return new.call(self, [cls, *args], kwargs, node)
        if isinstance(new, FunctionValue) and cls.fields:
            raise self.error(node, f"{cls.name} has its own __new__, which is not supported", self.way)
        made = InstanceValue(cls, node)
        init = cls.find("__init__")
        if isinstance(init, UnknownValue):
            return UnknownValue(f"{cls.name}(…)", node)
        if init is MISSING:
            if args or kwargs:
                raise RaisedError(self.exception("TypeError"), f"{cls.name} takes no arguments", node)
            return made
        self.call(init, [made, *args], kwargs, node)
        return made

    def parent(self, node: ast.Call, frame: Frame) -> Any:
        """Return the value of `super()`, or of `super(Class, self)`."""
        if node.args:
            owner, *rest = self.values(node.args, frame)
            return SuperValue(owner, rest[0] if rest else None)
        inner: Frame | None = frame
        while inner is not None and inner.owner is None:
            inner = inner.outer
        if inner is None:
            raise self.error(node, "super() is used outside of a method")
        return SuperValue(inner.owner, inner.receiver)


class SuperValue(LibraryObject):
    """The value of `super()`: an object whose attributes are looked up after a given class."""

    __slots__ = ("after", "receiver")

    def __init__(self, after: Any, receiver: Any):
        self.after, self.receiver = after, receiver

    def attribute(self, evaluator: Any, name: str, node: Any) -> Any:
        cls = self.receiver.cls if isinstance(self.receiver, InstanceValue) else self.receiver
        if not isinstance(cls, ClassValue):
            return MISSING
        found = cls.find(name, self.after)
        if found is MISSING:
            return LibraryFunction(name, lambda *_: None) if name in ("__init__", "__init_subclass__") else MISSING
        if isinstance(found, PropertyValue):
            return evaluator.call(found.getter, [self.receiver], {}, node)
        return evaluator.bound(found, self.receiver, cls)

    def describe(self) -> str:
        return "super()"


class TopFrame(Frame):
    """The frame of the module level, whose names are those of the scope."""

    __slots__ = ()

    def __init__(self, scope: ModuleScope):
        super().__init__()
        self.names = TopNames(scope)


class TopNames(dict[str, Any]):
    """The module-level names while one statement runs; bindings go to the scope."""

    __slots__ = ("scope",)

    def __init__(self, scope: ModuleScope):
        super().__init__()
        self.scope = scope

    def __setitem__(self, name: str, value: Any) -> None:
        self.scope.bind(name, value)

    def pop(self, name: str, *default: Any) -> Any:
        """Unbind a name."""
        return self.scope.values.pop(name, *default)
