"""`re` in evaluated code, for patterns that are matched in a time that is known before."""

from __future__ import annotations

import re
import warnings
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
LONGEST_PATTERN = 1_000
"""Characters of a pattern."""
CHARACTERS_A_STEP = 1_000
"""How many characters Python's `re` compares in one step."""
NAMES = NameTable()


def ways(parsed: Any, length: int) -> int:
    """Return in how many ways a pattern can be tried at one place of a text of this length.

    Raise NotImplementedError for a part that may take long to match, or to compile.
    """
    found = 1
    for kind, given in parsed:
        if kind in _REPEATS:
            least, most, (part, *others) = given
            if others or part[0] not in _ONE:
                raise NotImplementedError
            found *= max(min(most, length) - least, 0) + ways([part], length)
        elif kind is _constants.SUBPATTERN:
            found *= ways(given[-1], length)
        elif kind is _constants.BRANCH:
            found *= sum([ways(one, length) for one in given[1]])
        elif kind is _constants.IN:
            if any(own is _constants.RANGE and ends[1] > 0xFF for own, ends in given):
                raise NotImplementedError
        elif kind not in _ONE and kind is not _constants.AT:
            raise NotImplementedError
    return found


class RegexPattern(LibraryObject):
    """A compiled pattern."""

    __slots__ = ("compiled", "parsed")

    def __init__(self, evaluator: Evaluator, text: Any):
        if not isinstance(text, str) or len(text) > LONGEST_PATTERN:
            raise NotImplementedError
        evaluator.budget.count(len(text))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are for the author of the pattern
                self.parsed = _parser.parse(text)
                ways(self.parsed, 0)
                self.compiled = re.compile(text)
        except re.error as error:
            raise ValueError(str(error)) from None

    def attribute(self, evaluator: Evaluator, name: str, node: Any) -> Any:
        if name == "pattern":
            return self.compiled.pattern
        return LibraryFunction(name, lambda _, *given: apply(_, name, self, *given)) if name in _PARAMETERS else MISSING

    def count(self, evaluator: Evaluator, text: str, repl: str, *, at_start: bool) -> None:
        """Count the steps of matching at the start, or at each place, of a text, and of making the results."""
        places = 1 if at_start else len(text) + 1
        evaluator.budget.count(places * (1 + len(text) // CHARACTERS_A_STEP) * ways(self.parsed, len(text)) + len(repl))
        evaluator.budget.copy(len(text) + places * (1 + len(repl) + self.compiled.groups))

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

        def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], at: Any) -> Any:
            for one in [*args, *kwargs.values()]:
                evaluator.needs(one, at)
            evaluator.budget.copy(len(self.found.string) * (1 + len(args) + self.found.re.groups))
            return getattr(self.found, name)(*args, **kwargs)

        return LibraryFunction(name, call)

    def item(self, evaluator: Evaluator, index: Any, node: Any) -> Any:
        return self.found[evaluator.needs(index, node)]

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
    names = _PARAMETERS[name].split()
    given = by_name(_PARAMETERS[name], args, kwargs)
    if len(args) > len(names) or not set(given) <= set(names):  # flags, or a part of the text
        raise NotImplementedError
    for one in given.values():
        evaluator.needs(one, node)
    text, repl = given.get("string"), given.get("repl", "")
    if not isinstance(text, str) or not isinstance(repl, str):
        raise NotImplementedError
    pattern.count(evaluator, text, repl, at_start=name in ("match", "fullmatch"))
    found = getattr(pattern.compiled, name)(**given)
    if isinstance(found, Iterator):
        return [RegexMatch(one) for one in found]
    return RegexMatch(found) if isinstance(found, re.Match) else found


@NAMES.function("re.compile")
def compiled(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Return a compiled pattern. Raise NotImplementedError if flags are given."""
    given = by_name("pattern", args, kwargs)
    if len(args) > 1 or set(given) != {"pattern"}:
        raise NotImplementedError
    text = evaluator.needs(given["pattern"], node)
    return text if isinstance(text, RegexPattern) else RegexPattern(evaluator, text)


def _function(name: str) -> LibraryFunction:
    def call(evaluator: Evaluator, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
        own = {key: value for key, value in kwargs.items() if key == "pattern"}
        others = {key: value for key, value in kwargs.items() if key not in own}
        return apply(evaluator, name, compiled(evaluator, args[:1], own, node), args[1:], others, node)

    return LibraryFunction(f"re.{name}", call)


NAMES.update({f"re.{name}": _function(name) for name in _PARAMETERS})
LIBRARY = Library(NAMES)
