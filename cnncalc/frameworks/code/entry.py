"""The network of a source: the one asked for, or the obvious one."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...errors import LONGEST_PATH, SpecError, nearest, no_input, printable, shown
from ...input import FIRST
from ...sizes import Shape
from .. import ForeignNetwork
from ..torch.read.factory import is_factory
from .annotate import AnnotatedSource, annotated
from .budget import Budget, TooMuchError
from .changes import is_guard, root_of
from .evaluate import Evaluator
from .libraries import Libraries
from .packages import package_of
from .scope import ModuleScope, TopStatement
from .source import DEFINED, CodeSource, inner_statements
from .values import ClassValue, FunctionValue, RaisedError, UnknownValue, describe

STEPS_A_CALL = 4
"""How many steps it takes to evaluate a name bound to the result of a call."""
NAMES_A_STEP = 10
"""How many mentioned names are looked at in one step."""
MOST_LISTED = 12
"""The most networks that an error lists."""


class SourceReader:
    """A reader of one source."""

    def __init__(self, text: str, name: str, wanted: str | None):
        self.source = CodeSource(text, name)
        self.name, self.wanted = printable(name), wanted
        self.libraries = Libraries()
        try:
            self.scope = ModuleScope(self.source.tree, Budget())
        except TooMuchError as error:
            raise self.source.at_line(SpecError(str(error)), 0) from None
        is_named = name.endswith(".py")
        self.prefix = f"{self.name}:" if is_named else "-:"
        """The prefix of a network's name on the command line: the file, or standard input."""
        self.suffix = "" if is_named or name == "-" else ", with the text on standard input"
        """What has to be added after such a name."""
        self.way_to = (wanted or "factory").partition("(")[0]
        """The name by which the framework itself would load the network."""
        self.last: Evaluator | None = None
        """The evaluator of the last attempt."""
        self.is_too_much = False
        """Whether an attempt exceeded a limit."""

    def begin(self) -> ForeignNetwork:
        """Return the network's inputs, to be bound to sizes later; or the whole network if the source states them.

        If reading fails after some shapes are known, the error is raised by `bind`, so that these shapes can be shown.
        An error of the budget is raised at once, as a second attempt would exceed it again.
        """
        try:
            return self.guarded(self.read_inputs)
        except SpecError:
            if self.is_too_much or self.last is None or not self.last.shapes:
                raise
            return self.unread([FIRST])

    def bind(self, inputs: Mapping[str, Shape]) -> ForeignNetwork:
        """Read the network for inputs of these sizes."""
        return self.guarded(lambda evaluator: self.read_all(evaluator, inputs))

    def annotate(self, inputs: Mapping[str, Shape]) -> AnnotatedSource:
        """Return the source annotated with the shapes that its lines produce for inputs of these sizes."""
        error = None
        try:
            spec = self.bind(inputs).spec
        except SpecError as failed:
            error = failed
        shapes = self.last.shapes if self.last is not None else {}
        if not shapes:
            sizes = [str(n) if isinstance(n, int) else "224" for n in spec["input"]] if error is None else []
            raise error or no_input(self.name, f"-i {'x'.join(sizes)}")
        return annotated(self.source.lines, shapes, error)

    def guarded(self, read: Callable[[Evaluator], ForeignNetwork]) -> ForeignNetwork:
        """Return the result of `read` on a new evaluator. Raise SpecError if it needs code that is not understood."""
        self.scope.budget = Budget()
        try:
            return self.scope.run(self.evaluator, read)
        except RaisedError as error:
            raise self.source.at(error.blamed(), error.node) from None
        except TooMuchError as error:
            self.is_too_much = True
            raise self.source.at(SpecError(str(error), self.way()), error.node) from None
        except RecursionError:
            raise self.source.at(SpecError("the code is nested too deeply", self.way()), None) from None

    def evaluator(self) -> Evaluator:
        """Return a new evaluator of the source."""
        self.last = Evaluator(self.source, self.scope, self.scope.budget, self.libraries)
        self.last.way = self.way()
        return self.last

    def read_inputs(self, evaluator: Evaluator) -> ForeignNetwork:
        """Return only the network's inputs, or the whole network if the source states their sizes."""
        found = self.found(evaluator)
        names = self.libraries.of_network(found).inputs(evaluator, found)
        if names is None:
            return self.read_all(evaluator, {}, found)
        return self.unread(names)

    def unread(self, names: Sequence[str]) -> ForeignNetwork:
        """Return a network of which only the input names are known so far."""
        layers: list[dict[str, Any]] = [{"op": "identity", **({"name": names[0]} if names[0] != FIRST else {})}]
        layers += [{"op": "input", "name": name, "shape": [1]} for name in names[1:]]
        return ForeignNetwork({"cnncalc": 1, "layers": layers}, {}, bind=self.bind, unread=True, annotate=self.annotate)

    def read_all(self, evaluator: Evaluator, inputs: Mapping[str, Shape], found: Any = None) -> ForeignNetwork:
        """Read the whole network."""
        found = self.found(evaluator) if found is None else found
        network = self.libraries.of_network(found).read(evaluator, found, inputs)
        return network._replace(notes=(*network.notes, *evaluator.notes), bind=self.bind, annotate=self.annotate)

    def found(self, evaluator: Evaluator) -> Any:
        """Return the network as a value of the evaluator."""
        return self.named(evaluator, self.wanted) if self.wanted is not None else self.meant(evaluator)

    # The network asked for

    def named(self, evaluator: Evaluator, wanted: str) -> Any:
        """Return the network asked for: a value, or what a class or function returns."""
        try:
            node = ast.parse(wanted, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            way = self.listed(evaluator) or f"for example {self.prefix}Net(num_classes=5){self.suffix}"
            raise SpecError(f"{shown(wanted)} is not a name or a call", way) from None
        for one in ast.walk(node):  # these nodes are not in a line of the source
            if isinstance(one, ast.expr | ast.keyword):
                one.lineno = one.end_lineno = 0
        root = root_of(node)
        if root is None or root not in self.scope.names:
            help = nearest(root or wanted, self.candidates(evaluator)) or self.listed(evaluator)
            raise SpecError(f"{self.name} has no {shown(root or wanted)}", help)
        value = self.network(evaluator, evaluator.top_value(node))
        if not self.libraries.is_network(value):
            raise SpecError(f"{self.name}:{wanted} is {describe(value)}, not a network", self.listed(evaluator))
        return value

    def network(self, evaluator: Evaluator, value: Any) -> Any:
        """Return what a class or function returns, and other values unchanged. Raise SpecError for an unknown value."""
        if not self.libraries.is_network(value) and isinstance(value, (ClassValue, FunctionValue)):
            needed = needed_arguments(value.find("__init__"), 1) if isinstance(value, ClassValue) else []
            needed = needed_arguments(value, 0) if isinstance(value, FunctionValue) else needed
            if needed:
                what = f"{value.name} needs {', '.join(needed)}"
                given = ", ".join(f"{one}=…" for one in needed)
                raise evaluator.error(value.node, what, f"give them: '{self.prefix}{value.name}({given})'{self.suffix}")
            value = evaluator.call(value, [], {}, value.node)
        if isinstance(value, UnknownValue):
            raise evaluator.unknown(value, value.node)
        return value

    # The obvious network

    def meant(self, evaluator: Evaluator) -> Any:
        """Return the last module-level network, or an instance of the only network class."""
        failed: list[tuple[ast.Call, SpecError | RaisedError]] = []
        brought: list[tuple[str, UnknownValue]] = []
        for at in range(len(self.scope.statements) - 1, -1, -1):
            for name, call in reversed(list(made_in(self.scope.statements[at]))):
                evaluator.budget.count(STEPS_A_CALL)
                try:
                    value = None if self.is_result(call, at) else self.scope.given(at, name)
                    value = self.scope.after(at, name) if self.libraries.is_network(value) else value
                except (SpecError, RaisedError) as error:
                    failed.append((call, error.with_traceback(None)))
                    continue
                if isinstance(value, UnknownValue) and package_of(value.what) is not None:
                    brought.append((name, value))
                if self.libraries.is_network(value):
                    self.leave_out(evaluator, failed, name)
                    return value
        if failed:
            raise failed[0][1]
        classes = self.classes(evaluator)
        free = [one for one in classes if takes_nothing(one)]
        inside = self.names_inside(free) if free[1:] else [set[str]()] * len(free)
        used = Counter(name for names in inside for name in names)
        whole = [one for one, names in zip(free, inside, strict=True) if used[one.name] == (one.name in names)]
        if len(whole) == 1:
            self.way_to = whole[0].name
            evaluator.way = self.way()
            return evaluator.call(whole[0], [], {}, whole[0].node)
        if brought and not classes:
            self.way_to, value = brought[0]
            evaluator.way = self.way()
            raise evaluator.unknown(value, value.node)
        if not classes and not self.candidates(evaluator):
            raise SpecError(
                f"{self.name} has no network", ("a network is a subclass of torch.nn.Module or a Keras model")
            )
        what = "several networks" if free else "no network that can be created without arguments"
        raise SpecError(f"{self.name} has {what}", self.listed(evaluator))

    def leave_out(
        self, evaluator: Evaluator, failed: list[tuple[ast.Call, SpecError | RaisedError]], name: str
    ) -> None:
        """Skip failed calls that only use the named network, such as `best = train(net)`, with a note.

        Raise the error of any other call, as its result may be the network itself.
        """
        for call, error in failed:
            works_on_it = any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(call))
            if not works_on_it or self.makes(evaluator, call):  # such as keras.Model(inputs, x)
                raise error
            evaluator.leave_out(call)

    def makes(self, evaluator: Evaluator, call: ast.Call) -> bool:
        """Return whether a call makes an instance of a class."""
        try:
            return isinstance(evaluator.top_value(call.func), ClassValue)
        except (SpecError, RaisedError):
            return False

    def is_result(self, call: ast.Call, at: int) -> bool:
        """Return whether the callee is a value of the source: `net(x)`."""
        if not isinstance(call.func, ast.Name):
            return False
        places = self.scope.places(call.func.id, at)
        return bool(places) and isinstance(self.scope.statements[places[-1]].node, ast.Assign)

    def classes(self, evaluator: Evaluator) -> list[ClassValue]:
        """Return the network classes."""
        values = [evaluator.global_value(name) for name in self.scope.defined(ast.ClassDef)]
        return [one for one in values if isinstance(one, ClassValue) and self.libraries.is_network_class(one)]

    def names_inside(self, classes: Sequence[ClassValue]) -> list[set[str]]:
        """Return, for each class, the names that its code leads to through other classes, functions and tables."""
        mentions: dict[ast.AST, set[str]] = {}
        all_found = []
        for cls in classes:
            found: set[str] = set()
            waiting: list[ast.AST] = [cls.node] if cls.node is not None else []
            while waiting:
                node = waiting.pop()
                if node not in mentions:
                    mentions[node] = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                self.scope.budget.count(1 + len(mentions[node]) // NAMES_A_STEP)
                for name in mentions[node] - found:
                    waiting += [self.scope.statements[at].node for at in self.scope.places(name, self.scope.position)]
                found |= mentions[node]
            all_found.append(found)
        return all_found

    def candidates(self, evaluator: Evaluator) -> list[str]:
        """Return what may be asked for by name: values that are made, network classes, and functions."""
        made = [name for one in self.scope.statements for name, _ in made_in(one) if self.is_network(evaluator, name)]
        classes = [with_arguments(one.name, one.find("__init__"), 1) for one in self.classes(evaluator)]
        functions = [evaluator.global_value(name) for name in self.scope.defined(ast.FunctionDef)]
        called = [with_arguments(one.name, one, 0) for one in functions if gives_a_value(one) and not is_method(one)]
        return [*dict.fromkeys(made), *sorted([*classes, *called], key=lambda one: "(" in one)]

    def is_network(self, evaluator: Evaluator, name: str) -> bool:
        """Return whether a module-level name refers to a network."""
        try:
            return self.libraries.is_network(evaluator.global_value(name))
        except (SpecError, RaisedError, TooMuchError):
            return False

    def listed(self, evaluator: Evaluator) -> str | None:
        """Return a list of the names that may be asked for, as text."""
        names = [f"{self.prefix}{one}" for one in self.candidates(evaluator)]
        names = [shown(one, LONGEST_PATH)[1:-1] if "(" not in one else f"'{one}'" for one in names]
        more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
        return f"name one: {', '.join(names[:MOST_LISTED])}{more}{self.suffix}" if names else None

    def way(self) -> str:
        """Return how to load the network through the framework."""
        module = self.name.removesuffix(".py").replace("/", ".")
        names = f"{module}:{self.way_to}"
        return (
            f"through the framework itself: cnncalc convert {names if is_factory(names) else 'package.module:factory'}"
        )


def made_in(statement: TopStatement) -> Iterator[tuple[str, ast.Call]]:
    """Yield the names that a statement, or one nested in it, binds to the result of a call, with the call."""
    waiting: list[ast.stmt] = [] if is_guard(statement.node) else [statement.node]
    while waiting:
        node = waiting.pop(0)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        target, value = targets[0], getattr(node, "value", None)
        value = value.body if isinstance(value, ast.IfExp) else value
        if isinstance(target, ast.Name) and isinstance(value, ast.Call):
            yield target.id, value
        if not isinstance(node, DEFINED):
            waiting += inner_statements(node)


def needed_arguments(function: Any, given: int) -> list[str]:
    """Return the names of a function's required parameters after the first `given`."""
    if not isinstance(function, FunctionValue):
        return []
    own = function.args
    names = [one.arg for one in (*own.posonlyargs, *own.args)]
    needed = names[given : len(names) - len(function.defaults)]
    return [*needed, *[one.arg for one in own.kwonlyargs if one.arg not in function.kw_defaults]]


def takes_nothing(cls: ClassValue) -> bool:
    """Return whether a class can be called without arguments."""
    return not needed_arguments(cls.find("__init__"), 1)


def gives_a_value(function: Any) -> bool:
    """Return whether a value is a function that returns something."""
    nodes = ast.walk(function.node) if isinstance(function, FunctionValue) else ()
    return any(isinstance(node, ast.Return) and node.value is not None for node in nodes)


def is_method(function: Any) -> bool:
    """Return whether a function is a method that is not bound to an object."""
    return needed_arguments(function, 0)[:1] == ["self"]


def with_arguments(name: str, function: Any, given: int) -> str:
    """Return a name with its required arguments: `ResNet(block, layers)`."""
    needed = needed_arguments(function, given)
    return f"{name}({', '.join(needed)})" if needed else name
