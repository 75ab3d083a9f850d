"""The module level of a source, evaluated on demand: only statements that the network depends on run, in order.

First, the source is searched for the names that each statement binds or changes. Which statements are needed is found
while running: if a name is bound by a statement that has not run, the run stops and starts again with that statement
included. Definitions, imports and plain values affect nothing else, so they are evaluated where they are used.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import SpecError
from .budget import ITEMS_A_STEP, Budget
from .changes import changes
from .source import DEFINED
from .values import MISSING, RaisedError

if TYPE_CHECKING:
    from .evaluate import Evaluator

T = TypeVar("T")
STEPS_A_RUN = 8
"""How many steps it takes to start again."""


class NeededError(Exception):
    """Raised when statements are needed that have not run."""

    def __init__(self, statements: set[int]):
        super().__init__()
        self.statements = statements


class TopStatement:
    """A module-level statement."""

    __slots__ = ("binds", "changes", "node", "suspected")

    def __init__(self, node: ast.stmt, bound: set[str], changed: set[str], shared: set[str]):
        """`bound` are the names that it may bind, `changed` the names whose values it changes.

        `shared` are the names that may share a value with one of these.
        """
        self.node = node
        self.binds: frozenset[str] = frozenset()
        """The names that it assigns new values, independent of the old ones."""
        if isinstance(node, (*DEFINITIONS, ast.Assign, ast.AnnAssign)):
            self.binds = frozenset(bound)
        self.changes: frozenset[str] = frozenset((bound | changed | shared) - self.binds)
        """The names that it may bind, or whose values it may change."""
        self.suspected: frozenset[str] = frozenset(shared - bound)
        """The names whose values it changes only if they share them with another name."""

    @property
    def is_plain(self) -> bool:
        """Whether it only binds names, so that it may run at any time."""
        if self.changes:
            return False
        if isinstance(self.node, ast.Assign):
            return bool(self.binds) and is_literal(self.node.value)
        return isinstance(self.node, DEFINITIONS)


DEFINITIONS = (*DEFINED, ast.Import, ast.ImportFrom)


def is_literal(node: ast.expr) -> bool:
    """Return whether an expression is a constant, or lists, tuples and dicts of constants."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(map(is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(one is not None and is_literal(one) for one in [*node.keys, *node.values])
    return isinstance(node, ast.UnaryOp) and is_literal(node.operand)


class ModuleScope:
    """The names of the module level."""

    def __init__(self, tree: ast.Module, budget: Budget):
        self.budget = budget
        found = changes(tree.body, budget)
        self.statements = [TopStatement(node, *names) for node, names in zip(tree.body, found, strict=True)]
        self.needed: set[int] = set()
        """The statements that have to run, besides plain ones."""
        self.position = 0
        """The index of the running statement; names are looked up before it."""
        self._places: dict[str, list[int]] = {}
        for at, one in enumerate(self.statements):
            for name in one.binds | one.changes:
                self._places.setdefault(name, []).append(at)
        self.values: dict[str, tuple[Any, int]] = {}
        """The value of each name, and the statement that assigned it."""
        self.failed: dict[int, SpecError | RaisedError] = {}
        """The errors of failed statements, raised when a name that they bind is needed."""
        self._plain: dict[int, dict[str, Any]] = {}
        self.evaluator: Evaluator | None = None

    @property
    def names(self) -> list[str]:
        """The bound names, in the order of the source."""
        return list(self._places)

    def run(self, begin: Callable[[], Evaluator], result: Callable[[Evaluator], T]) -> T:
        """Run the needed statements with an evaluator, then return `result` of it at the end of the source."""
        while True:
            self.values, self._plain, self.failed = {}, {}, {}
            self.evaluator = begin()
            try:
                for at in sorted(self.needed):
                    self.position = at
                    try:
                        self.evaluator.top(self.statements[at].node)
                    except (SpecError, RaisedError) as error:
                        self.failed[at] = error.with_traceback(None)  # a traceback would keep all evaluated values
                self.position = len(self.statements)
                return result(self.evaluator)
            except NeededError as error:
                self.needed |= error.statements
                self.budget.count(STEPS_A_RUN)

    def places(self, name: str, before: int) -> list[int]:
        """Return the statements before `before` that decide the value of a name, in order."""
        places = self._places.get(name, [])
        end = bisect_left(places, before)
        start = end
        while start and (start == end or name not in self.statements[places[start]].binds):
            start -= 1
        self.budget.count((end - start) // ITEMS_A_STEP)
        return places[start:end]

    def lookup(self, name: str) -> Any:
        """Return the value of a name; MISSING if nothing binds it. Raise NeededError if a statement has not run."""
        places = self.places(name, self.position)
        missing = {at for at in set(places) - self.needed if not self.statements[at].is_plain}
        if missing:
            raise NeededError(missing)
        for at in places:
            if at in self.failed:
                self.left_out(at, name)
        value, given = self.values.get(name, (MISSING, -1))
        if places and self.statements[places[0]].is_plain and given < places[0]:
            return self.plain(places[0]).get(name, MISSING)
        return value

    def left_out(self, at: int, name: str) -> None:
        """Raise the error of a failed statement; only add a note if the statement may not affect the name."""
        if name not in self.statements[at].suspected or self.evaluator is None:
            raise self.failed[at]
        self.evaluator.leave_out(self.statements[at].node)

    def given(self, at: int, name: str) -> Any:
        """Return the value that a statement assigns to a name, without later changes."""
        return self._before(at + 1, name)

    def after(self, at: int, name: str) -> Any:
        """Return the value that a statement assigns to a name, with later changes up to the next assignment."""
        places = self._places.get(name, [])
        following = (places[next_at] for next_at in range(bisect_right(places, at), len(places)))
        others = (later for later in following if name in self.statements[later].binds)
        return self._before(next(others, len(self.statements)), name)

    def _before(self, end: int, name: str) -> Any:
        """Return the value of a name before a statement."""
        self.position = end
        try:
            return self.lookup(name)
        finally:
            self.position = len(self.statements)

    def defined(self, kind: type[ast.stmt]) -> list[str]:
        """Return the names whose last binding is a definition of a given kind."""
        last = {name: self.statements[places[-1]].node for name, places in self._places.items()}
        return [name for name, node in last.items() if isinstance(node, kind)]

    def starred(self) -> Iterator[str]:
        """Yield the modules imported with `*`, the last one first."""
        for at in reversed(self._places.get("*", [])):
            node = self.statements[at].node
            if isinstance(node, ast.ImportFrom):
                yield node.module or ""

    def plain(self, at: int) -> dict[str, Any]:
        """Return the names that a plain statement binds, with their values."""
        if at not in self._plain:
            assert self.evaluator is not None
            before = self.position
            self.position = at
            self._plain[at] = self.evaluator.plain(self.statements[at].node)
            self.position = before
        return self._plain[at]

    def bind(self, name: str, value: Any) -> None:
        """Assign a value to a name."""
        self.values[name] = (value, self.position)
