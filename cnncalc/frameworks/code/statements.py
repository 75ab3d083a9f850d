"""The execution of statements: assignments, loops, conditions, imports, definitions of functions and classes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from ...errors import LONGEST_REASON, SpecError, clipped
from .budget import STEPS_AN_ERROR, TooMuchError
from .operators import BINARY
from .patterns import fits
from .source import quoted
from .targets import TargetEvaluator
from .values import (
    DERIVED,
    MISSING,
    ClassMethodValue,
    ClassValue,
    Frame,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    LibraryObject,
    PropertyValue,
    RaisedError,
    StaticMethodValue,
    Suppressed,
    UnknownValue,
    describe,
)

MOST_SEEN = 4
"""The most results of one statement whose shapes are recorded."""
NEXT, BREAK, CONTINUE = "next", "break", "continue"
"""How a statement ends without returning: the next statement follows, the loop ends, or its next iteration begins."""


class Returned:
    """The end of a function, with its result."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


Outcome = str | Returned


class StatementEvaluator(TargetEvaluator):
    """The part of the evaluator that runs statements."""

    shapes: dict[int, dict[str, None]]
    """The shapes that each line produces, by line number."""

    # Statements

    def run(self, body: Sequence[ast.stmt], frame: Frame) -> Outcome:
        """Run statements in order, up to one that ends the function or the iteration."""
        for node in body:
            self.budget.count(1)
            execute = STATEMENTS.get(type(node))
            if execute is None:
                raise self.error(node, f"{type(node).__name__.lower()} statements are not supported", self.way)
            try:
                outcome = execute(self, node, frame)
            except TooMuchError as error:
                error.node = error.node or node
                raise
            if outcome is not NEXT:
                return outcome
        return NEXT

    def expression(self, node: ast.Expr, frame: Frame) -> Outcome:
        """Run an expression statement."""
        if isinstance(node.value, ast.Constant):  # a docstring
            return NEXT
        if isinstance(node.value, (ast.Yield, ast.YieldFrom)):
            self.give(node.value, frame)
            return NEXT
        self.seen(node, self.value(node.value, frame))
        return NEXT

    def give(self, node: ast.Yield | ast.YieldFrom, frame: Frame) -> None:
        """Record the values that a generator yields."""
        if isinstance(node, ast.YieldFrom):
            frame.yielded += self.items(self.value(node.value, frame), node)
        else:
            frame.yielded.append(None if node.value is None else self.value(node.value, frame))

    def seen(self, node: Any, value: Any) -> None:
        """Record the shapes of the results of a statement or a call."""
        parts = value if isinstance(value, (list, tuple)) else [value]
        texts = [one.shape_text(self) for one in parts[:MOST_SEEN] if isinstance(one, LibraryObject)]  # type: ignore[arg-type]
        if any(texts):
            text = " and ".join([one for one in texts if one])
            self.shapes.setdefault(node.end_lineno, {})[text] = None

    def assignment(self, node: ast.Assign, frame: Frame) -> Outcome:
        """Run an assignment."""
        value = self.value(node.value, frame)
        for target in node.targets:
            self.assign(target, value, frame)
        self.seen(node, value)
        return NEXT

    def annotated(self, node: ast.AnnAssign, frame: Frame) -> Outcome:
        """Run an assignment with an annotation, which is ignored."""
        if node.value is not None:
            value = self.value(node.value, frame)
            self.assign(node.target, value, frame)
            self.seen(node, value)
        return NEXT

    def augmented(self, node: ast.AugAssign, frame: Frame) -> Outcome:
        """Run an augmented assignment, such as `x += y`, which changes lists and tensors in place."""
        left = self.value(_as_read(node.target), frame)
        right = self.value(node.value, frame)
        value = self.in_place(BINARY[type(node.op)], left, right, node)
        self.assign(node.target, value, frame)
        self.seen(node, value)
        return NEXT

    def deletion(self, node: ast.Delete, frame: Frame) -> Outcome:
        """Run `del`."""
        for target in node.targets:
            if isinstance(target, ast.Name):
                frame.names.pop(target.id, None)
            elif isinstance(target, ast.Attribute):
                self.delete_attribute(self.value(target.value, frame), target.attr)
            elif isinstance(target, ast.Subscript):
                self.delete_item(self.value(target.value, frame), self.value(target.slice, frame), target)
        return NEXT

    def choice(self, node: ast.If, frame: Frame) -> Outcome:
        """Run `if`."""
        return self.run(node.body if self.holds(node.test, frame) else node.orelse, frame)

    def cases(self, node: ast.Match, frame: Frame) -> Outcome:
        """Run `match`."""
        value = self.value(node.subject, frame)
        for one in node.cases:
            matches = fits(self, one.pattern, value, frame)  # type: ignore[arg-type]
            if matches and (one.guard is None or self.holds(one.guard, frame)):
                return self.run(one.body, frame)
        return NEXT

    def loop(self, node: ast.For, frame: Frame) -> Outcome:
        """Run `for`."""
        for one in self.iterate(self.value(node.iter, frame), node.iter):
            self.assign(node.target, one, frame)
            ended = self.body(node, frame)
            if ended is not None:
                return ended
        return self.run(node.orelse, frame)

    def repetition(self, node: ast.While, frame: Frame) -> Outcome:
        """Run `while`."""
        while self.holds(node.test, frame):
            ended = self.body(node, frame)
            if ended is not None:
                return ended
        return self.run(node.orelse, frame)

    def body(self, node: ast.For | ast.While, frame: Frame) -> Outcome | None:
        """Run the body of a loop once. Return how the loop ends, or None if it continues."""
        self.budget.count(1)
        outcome = self.run(node.body, frame)
        if outcome is BREAK:
            return NEXT
        return outcome if isinstance(outcome, Returned) else None

    def context(self, node: ast.With, frame: Frame) -> Outcome:
        """Run `with`. Contexts of libraries, `torch.no_grad()` or `warnings.catch_warnings()`, have no effect."""
        return self.within(node.items, node, frame)

    def within(self, items: Sequence[ast.withitem], node: ast.With, frame: Frame) -> Outcome:
        """Run the body of a `with` within `items`, leaving each context when the inner ones have ended."""
        if not items:
            return self.run(node.body, frame)
        one, leave = items[0], None
        value = context = self.value(one.context_expr, frame)
        if isinstance(value, InstanceValue) and value.cls.find("__enter__") is not MISSING:
            leave = self.attribute(value, "__exit__", one.context_expr)
            value = self.call(self.attribute(value, "__enter__", one.context_expr), [], {}, one.context_expr)
        if one.optional_vars is not None:
            self.assign(one.optional_vars, value, frame)
        try:
            outcome = self.within(items[1:], node, frame)
        except RaisedError as error:
            ends = isinstance(context, Suppressed) and any(error.kind.derives(kind) for kind in context.kinds)
            if leave is not None:
                given = [error.kind, UnknownValue(clipped(error.text, LONGEST_REASON), node), None]
                ends = self.truth(self.call(leave, given, {}, one.context_expr), one.context_expr)
            if not ends:
                raise
            return NEXT
        if leave is not None:
            self.call(leave, [None, None, None], {}, one.context_expr)
        return outcome

    def attempt(self, node: ast.Try, frame: Frame) -> Outcome:
        """Run `try`; if it imports a package that is not supported, run the handler that is there for its absence."""
        self.budget.copy(len(node.body))
        missing = next(filter(None, map(self.unsupported, node.body)), None)
        error = RaisedError(self.exception("ModuleNotFoundError"), f"there is no module {missing}")
        handler = next((one for one in node.handlers if missing and self.handles(one, error, frame)), None)
        outcome: Outcome | None = None
        if handler is not None and self.binds(handler):
            with suppress(RaisedError, SpecError):
                outcome = self.handled(handler, error, frame)
                self.notes[f"line {node.lineno}: {missing} is taken to be absent, as its handler provides for"] = None
        if outcome is None:
            outcome = self.tried(node, frame)
        ending = self.run(node.finalbody, frame)
        return outcome if ending is NEXT else ending

    def tried(self, node: ast.Try, frame: Frame) -> Outcome:
        """Run the body of `try`, and the handler of an exception that it raises."""
        try:
            outcome = self.run(node.body, frame)
            return self.run(node.orelse, frame) if outcome is NEXT else outcome
        except RaisedError as error:
            handler = next((one for one in node.handlers if self.handles(one, error, frame)), None)
            if handler is None:
                self.run(node.finalbody, frame)
                raise
            return self.handled(handler, error, frame)

    def handled(self, handler: ast.ExceptHandler, error: RaisedError, frame: Frame) -> Outcome:
        """Run the handler of an exception."""
        if handler.name is not None:
            frame.names[handler.name] = UnknownValue(clipped(error.text, LONGEST_REASON), handler)
        return self.run(handler.body, frame)

    def binds(self, handler: ast.ExceptHandler) -> bool:
        """Return whether an exception handler gives a name a value."""
        for one in chain.from_iterable(map(ast.walk, handler.body)):
            self.budget.count(1)
            if isinstance(one, BINDING):
                return True
        return False

    def unsupported(self, node: ast.stmt) -> str | None:
        """Return the package that a statement imports, if it is neither supported nor part of Python."""
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            return None
        self.budget.copy(len(names))
        roots = [one.partition(".")[0] or one for one in names]
        return next((one for one in roots if not self.is_supported(one)), None)

    def handles(self, handler: ast.ExceptHandler, error: RaisedError, frame: Frame) -> bool:
        """Return whether an exception handler catches an exception."""
        if handler.type is None:
            return True
        kinds = self.value(handler.type, frame)
        several = kinds if isinstance(kinds, tuple) else (kinds,)
        self.budget.count(len(several))
        return any(error.kind.derives(kind) for kind in several)

    def raising(self, node: ast.Raise, frame: Frame) -> Outcome:
        """Run `raise`."""
        made = self.value(node.exc, frame) if node.exc is not None else None
        kind = made.cls if isinstance(made, InstanceValue) else made
        text = ""
        if isinstance(made, InstanceValue):
            given = made.attributes.get("args", ())
            text = next((one for one in given if isinstance(one, str)), "") if isinstance(given, tuple) else ""
        raise RaisedError(kind if isinstance(kind, ClassValue) else self.exception("Exception"), text, node)

    def assertion(self, node: ast.Assert, frame: Frame) -> Outcome:
        """Run `assert`; an unknown condition is assumed to hold."""
        held = self.value(node.test, frame)
        if isinstance(held, (UnknownValue, LibraryObject)) or self.truth(held, node.test):
            return NEXT
        said = self.value(node.msg, frame) if node.msg is not None else ""
        text = said if isinstance(said, str) else ""
        self.budget.count(0 if text else STEPS_AN_ERROR)
        raise RaisedError(self.exception("AssertionError"), text or f"{quoted(node.test)} does not hold", node)

    def global_names(self, node: ast.Global, frame: Frame) -> Outcome:
        """Record which names are global."""
        frame.globals.update(node.names)
        return NEXT

    def outer_names(self, node: ast.Nonlocal, frame: Frame) -> Outcome:
        """Give a frame the names of the enclosing function."""
        for name in node.names:
            outer = frame.outer
            while outer is not None and name not in outer.names:
                outer = outer.outer
            if outer is not None:
                frame.shared[name] = outer
        return NEXT

    # Imports

    def imports(self, node: ast.Import, frame: Frame) -> Outcome:
        """Run `import`."""
        for one in node.names:
            if one.asname is not None:
                self.bind(one.asname, self.library(one.name, node), frame)
            else:
                root = one.name.partition(".")[0]
                self.bind(root, self.library(root, node), frame)
        return NEXT

    def imports_from(self, node: ast.ImportFrom, frame: Frame) -> Outcome:
        """Run `from … import`."""
        for one in node.names:
            if one.name != "*":
                path = f"{'.' * node.level}{node.module or ''}{'.' * bool(node.module)}{one.name}"
                self.bind(one.asname or one.name, self.library(path, node), frame)
        return NEXT

    # Functions and classes

    def definition(self, node: ast.FunctionDef, frame: Frame) -> Outcome:
        """Run `def`."""
        function = FunctionValue(node.name, node, frame)
        function.is_generator = node in self.source.generators
        made: Any = self.defined(function, frame)
        for decorator in reversed(node.decorator_list):
            made = self.decorated(made, decorator, frame)
        self.bind(node.name, made, frame)
        return NEXT

    def decorated(self, made: Any, decorator: ast.expr, frame: Frame) -> Any:
        """Return a decorated function or class; an unknown decorator leaves it unchanged, with a note."""
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter"):
            own = self.value(decorator.value, frame)
            setting = decorator.attr == "setter" and isinstance(own, PropertyValue)
            return PropertyValue(own.getter, made) if setting else own
        by = self.value(decorator, frame)
        if isinstance(by, UnknownValue):
            self.notes[f"line {decorator.lineno}: the decorator {by.what} is unknown, and left out"] = None
            return made
        result = self.call(by, [made], {}, decorator)
        return made if isinstance(result, UnknownValue) else result

    def class_definition(self, node: ast.ClassDef, frame: Frame) -> Outcome:
        """Run `class`."""
        bases = []
        for one in node.bases:
            base = self.value(one.value if isinstance(one, ast.Subscript) else one, frame)
            if isinstance(base, (ClassValue, UnknownValue)):
                bases.append(base)
            else:
                bases.append(UnknownValue(describe(base), one))
        inside = Frame(frame)
        cls = ClassValue(node.name, bases, node=node)
        self.budget.count(len(bases) * len(cls.mro))
        self.run(node.body, inside)
        cls.namespace = inside.names
        self.budget.copy(sum(len(one.fields) for one in cls.mro if isinstance(one, ClassValue)))
        cls.fields = fields_of(node, cls)
        for value in cls.namespace.values():
            own(value, cls, inside.outer)
        derived = cls.find(DERIVED)
        if isinstance(derived, LibraryFunction):
            derived.call(self, [cls], {}, node)  # type: ignore[arg-type]
        made: Any = cls
        for decorator in reversed(node.decorator_list):
            made = self.decorated(made, decorator, frame)
        self.bind(node.name, made, frame)
        return NEXT


BINDING = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign)
"""The statements that give a name a value."""


def _as_read(target: ast.expr) -> ast.expr:
    """Return the target of `x += y` as an expression that reads it."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return target


def own(value: Any, cls: ClassValue, outer: Frame | None) -> None:
    """Record the class of a method, whose enclosing scope is that of the class, not the class body."""
    if isinstance(value, PropertyValue):
        own(value.getter, cls, outer)
        own(value.setter, cls, outer)
    elif isinstance(value, (StaticMethodValue, ClassMethodValue)):
        own(value.function, cls, outer)
    elif isinstance(value, FunctionValue) and value.owner is None:
        value.owner, value.frame = cls, outer


def fields_of(node: ast.ClassDef, cls: ClassValue) -> list[str]:
    """Return the annotated names of a class after those of its bases: the parameters of a dataclass."""
    before = [name for base in reversed(cls.mro[1:]) if isinstance(base, ClassValue) for name in base.fields]
    own = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
    return [*dict.fromkeys([*before, *[one.id for one in own if isinstance(one, ast.Name)]])]


def returning(evaluator: StatementEvaluator, node: ast.Return, frame: Frame) -> Outcome:
    """Run `return`."""
    value = None if node.value is None else evaluator.value(node.value, frame)
    evaluator.seen(node, value)
    return Returned(value)


STATEMENTS: dict[type[ast.stmt], Callable[[StatementEvaluator, Any, Frame], Outcome]] = {
    ast.Expr: StatementEvaluator.expression,
    ast.Assign: StatementEvaluator.assignment,
    ast.AnnAssign: StatementEvaluator.annotated,
    ast.AugAssign: StatementEvaluator.augmented,
    ast.Delete: StatementEvaluator.deletion,
    ast.If: StatementEvaluator.choice,
    ast.Match: StatementEvaluator.cases,
    ast.For: StatementEvaluator.loop,
    ast.While: StatementEvaluator.repetition,
    ast.With: StatementEvaluator.context,
    ast.Try: StatementEvaluator.attempt,
    ast.Raise: StatementEvaluator.raising,
    ast.Assert: StatementEvaluator.assertion,
    ast.Global: StatementEvaluator.global_names,
    ast.Nonlocal: StatementEvaluator.outer_names,
    ast.Import: StatementEvaluator.imports,
    ast.ImportFrom: StatementEvaluator.imports_from,
    ast.FunctionDef: StatementEvaluator.definition,
    ast.AsyncFunctionDef: StatementEvaluator.definition,
    ast.ClassDef: StatementEvaluator.class_definition,
    ast.Return: returning,
    ast.Pass: lambda *_: NEXT,
    ast.Break: lambda *_: BREAK,
    ast.Continue: lambda *_: CONTINUE,
}
"""The method that runs each kind of statement."""
