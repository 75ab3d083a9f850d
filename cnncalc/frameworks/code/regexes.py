"""`re` in evaluated code, for patterns that are matched in a time that is known before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

from .libraries import Library, NameTable
from .methods import by_name
from .values import MISSING, LibraryFunction, LibraryObject

if TYPE_CHECKING:
    from .evaluate import Evaluator

_ONE = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN}
"""The parts of a pattern that match exactly one character."""
_REPEATS = {_constants.MAX_REPEAT, _constants.MIN_REPEAT}
NAMES = NameTable()


def repeats(parsed: Any) -> int:
    """Return the number of repeats in a pattern. Raise NotImplementedError for a part that may take long to match."""
    count = 0
    for kind, given in parsed:
        if kind in _REPEATS:
            if any(part not in _ONE for part, _ in given[2]):
                raise NotImplementedError
            count += 1
        elif kind is _constants.SUBPATTERN:
            count += repeats(given[-1])
        elif kind is _constants.BRANCH:
            count += sum(map(repeats, given[1]))
        elif kind not in _ONE and kind is not _constants.AT:
            raise NotImplementedError
    return count


class RegexPattern(LibraryObject):
    """A compiled pattern. Its functions take at most a step for each way to place its repeats in the text."""

    __slots__ = ("compiled", "repeats")

    def __init__(self, text: Any):
        if not isinstance(text, str) or len(text) > 1000:
            raise NotImplementedError
        try:
            self.repeats = repeats(_parser.parse(text))
            self.compiled = re.compile(text)
        except re.error as error:
            raise ValueError(str(error)) from None

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name == "pattern":
            return self.compiled.pattern
        return LibraryFunction(name, lambda _, *given: apply(_, name, self, *given)) if name in _PARAMETERS else MISSING

    def describe(self) -> str:
        return "a pattern"


class RegexMatch(LibraryObject):
    """The result of matching a pattern."""

    __slots__ = ("found",)

    def __init__(self, found: re.Match[str]):
        self.found = found

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name not in ("group", "groups", "groupdict", "start", "end", "span"):
            return MISSING
        return LibraryFunction(name, lambda _, args, kwargs, at: getattr(self.found, name)(*args, **kwargs))

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        return self.found[index]

    def describe(self) -> str:
        return "a match"


_PARAMETERS = {
    **dict.fromkeys(("match", "search", "fullmatch", "findall", "finditer"), "string"),
    "split": "string maxsplit",
    "sub": "repl string count",
}
"""The parameters of each function of a pattern."""


def apply(
    evaluator: Evaluator, name: str, pattern: RegexPattern, args: Sequence[Any], kwargs: dict[str, Any], node: Any
) -> Any:
    """Return the result of a function of a pattern."""
    given = by_name(_PARAMETERS[name], args, kwargs)
    text = evaluator.needs(given.get("string"), node)
    if not set(given) <= set(_PARAMETERS[name].split()) or not isinstance(given.get("repl", ""), str):
        raise NotImplementedError
    evaluator.budget.count((len(text) + 1) ** (pattern.repeats + 1))
    evaluator.budget.copy(len(text) * len(given.get("repl", "") + " "))
    found = getattr(pattern.compiled, name)(**given)
    if isinstance(found, Iterator):
        return [RegexMatch(one) for one in found]
    return RegexMatch(found) if isinstance(found, re.Match) else found


@NAMES.function("re.compile")
def compiled(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a compiled pattern."""
    (text,) = args
    return text if isinstance(text, RegexPattern) else RegexPattern(evaluator.needs(text, node))


def _function(name: str) -> LibraryFunction:
    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        pattern, *rest = args
        return apply(evaluator, name, compiled(evaluator, [pattern], {}, node), rest, kwargs, node)

    return LibraryFunction(f"re.{name}", call)


NAMES.update({f"re.{name}": _function(name) for name in _PARAMETERS})
LIBRARY = Library(NAMES)
