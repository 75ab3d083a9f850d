"""The top level of a source, evaluated by demand: only the statements that the network depends on, in their order.

Which statements bind or change a name is read from the source first. What is needed is found while it runs: a name
that a statement binds which has not run yet ends the run, and it begins anew with that statement among those that are
needed. Definitions, imports and plain values do nothing to others, so they are evaluated where they are needed.
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
"""How many steps it takes to begin anew."""


class NeededError(Exception):
    """Statements that are needed and have not run."""

    def __init__(self, statements: set[int]):
        super().__init__()
        self.statements = statements


class TopStatement:
    """A statement of the top level."""

    __slots__ = ("binds", "changes", "node", "suspected")

    def __init__(self, node: ast.stmt, bound: set[str], changed: set[str], shared: set[str]):
        """`bound` are the names that it may bind, `changed` those whose values it changes.

        `shared` are those that may share a value with one of these.
        """
        self.node = node
        self.binds: frozenset[str] = frozenset()
        """The names that it gives a value of its own, whatever they were before."""
        if isinstance(node, (*DEFINITIONS, ast.Assign, ast.AnnAssign)):
            self.binds = frozenset(bound)
        self.changes: frozenset[str] = frozenset((bound | changed | shared) - self.binds)
        """The names that it may bind, or whose value it may change."""
        self.suspected: frozenset[str] = frozenset(shared - bound)
        """Those whose value it changes only if they share it with another name."""

    @property
    def is_plain(self) -> bool:
        """Whether it does nothing but bind names, so that it may run at any time."""
        if self.changes:
            return False
        if isinstance(self.node, ast.Assign):
            return bool(self.binds) and is_literal(self.node.value)
        return isinstance(self.node, DEFINITIONS)


DEFINITIONS = (*DEFINED, ast.Import, ast.ImportFrom)


def is_literal(node: ast.expr) -> bool:
    """Return whether an expression is a number, a text, or lists, tuples and dicts of those."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(map(is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(one is not None and is_literal(one) for one in [*node.keys, *node.values])
    return isinstance(node, ast.UnaryOp) and is_literal(node.operand)


class ModuleScope:
    """The names of the top level."""

    def __init__(self, tree: ast.Module, budget: Budget):
        self.budget = budget
        found = changes(tree.body, budget)
        self.statements = [TopStatement(node, *names) for node, names in zip(tree.body, found, strict=True)]
        self.needed: set[int] = set()
        """The statements that have to run, besides plain ones."""
        self.position = 0
        """The statement that runs; names are looked for in front of it."""
        self._places: dict[str, list[int]] = {}
        for at, one in enumerate(self.statements):
            for name in one.binds | one.changes:
                self._places.setdefault(name, []).append(at)
        self.values: dict[str, tuple[Any, int]] = {}
        """The value of each name, and the statement that gave it."""
        self.failed: dict[int, SpecError | RaisedError] = {}
        """The errors of statements that ran, which are raised where a name that they bind is needed."""
        self._plain: dict[int, dict[str, Any]] = {}
        self.evaluator: Evaluator | None = None

    @property
    def names(self) -> list[str]:
        """The names that are bound, in the order of the source."""
        return list(self._places)

    def run(self, begin: Callable[[], Evaluator], result: Callable[[Evaluator], T]) -> T:
        """Run what is needed with an evaluator, then return what is made of it at the end of the source."""
        while True:
            self.values, self._plain, self.failed = {}, {}, {}
            self.evaluator = begin()
            try:
                for at in sorted(self.needed):
                    self.position = at
                    try:
                        self.evaluator.top(self.statements[at].node)
                    except (SpecError, RaisedError) as error:
                        self.failed[at] = error.with_traceback(None)  # which holds all that was evaluated
                self.position = len(self.statements)
                return result(self.evaluator)
            except NeededError as error:
                self.needed |= error.statements
                self.budget.count(STEPS_A_RUN)

    def places(self, name: str, before: int) -> list[int]:
        """Return the statements that decide the value of a name in front of a statement, in their order."""
        places = self._places.get(name, [])
        end = bisect_left(places, before)
        start = end
        while start and (start == end or name not in self.statements[places[start]].binds):
            start -= 1
        self.budget.count((end - start) // ITEMS_A_STEP)
        return places[start:end]

    def lookup(self, name: str) -> Any:
        """Return the value of a name; MISSING if nothing binds it. NeededError for what has not run."""
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
        """Raise the error of a statement that failed; note it if the statement may not be about the name at all."""
        if name not in self.statements[at].suspected or self.evaluator is None:
            raise self.failed[at]
        self.evaluator.leave_out(self.statements[at].node)

    def given(self, at: int, name: str) -> Any:
        """Return the value that a statement gives a name, without the changes that follow."""
        return self._before(at + 1, name)

    def after(self, at: int, name: str) -> Any:
        """Return the value that a statement gives a name, with the changes that follow while the name keeps it."""
        places = self._places.get(name, [])
        behind = (places[next_at] for next_at in range(bisect_right(places, at), len(places)))
        others = (later for later in behind if name in self.statements[later].binds)
        return self._before(next(others, len(self.statements)), name)

    def _before(self, end: int, name: str) -> Any:
        """Return the value of a name in front of a statement."""
        self.position = end
        try:
            return self.lookup(name)
        finally:
            self.position = len(self.statements)

    def defined(self, kind: type[ast.stmt]) -> list[str]:
        """Return the names that end as definitions of a kind."""
        last = {name: self.statements[places[-1]].node for name, places in self._places.items()}
        return [name for name, node in last.items() if isinstance(node, kind)]

    def starred(self) -> Iterator[str]:
        """Yield the modules of which all names are imported, the last first."""
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
        """Give a name a value."""
        self.values[name] = (value, self.position)
