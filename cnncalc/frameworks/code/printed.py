"""The text that PyTorch prints for a module: its class, the arguments shown, and its child modules.

    MODULE = CLASS "(" [SHOWN] CHILD* ")"
    CHILD  = "(" NAME ")" ":" [NUMBER "x"] MODULE | "(" NAME ")" ":" PARAMETER

Source: torch/nn/modules/module.py (`__repr__`) and container.py. Line ends and indentation are optional, so a print-out
may be pasted as a single argument.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ...errors import SpecError, Where
from ...limits import DEEPEST_BLOCKS, MOST_NODES, Limit
from ...notation.python import expression
from .pasted import printout

LONGEST_VALUE = 1_000
"""The longest text of one argument, in characters."""
PARAMETER = "Parameter"
"""The class of a parameter in a list or a dictionary of parameters."""

_PROMPT = re.compile(r"(?:\s*(?:>>>|\$|#|In \[\d+\]:|Out\[\d+\]:)[^\n]*(?:\n|$))*\s*")
_OUT = re.compile(r"\s*(?:Out\[\d+\]:|<bound method [\w.]+ of)\s+")
_CLASS = re.compile(r"\s*([^\W\d]\w*)\(")
_CHILD = re.compile(r"\s*\(([^()\n:]+)\):\s*(?:(\d{1,18}) x\s+)?")
_SEVERAL = re.compile(r"(\d{1,18})-(\d{1,18})")
_PARAMETER = re.compile(
    r"(?:Object of type: )?Parameter containing: \[[\w.]+ of size ?((?:\d{1,18}x)*\d{0,18})(?: \([\w:]+\))?\]"
)
_START = re.compile(
    r"[^\W\d]\w*\((?:[^()]|\([^()]*\))*?\s*\([^()\s:]+\):\s*(?:(?:\d+ x\s+)?[^\W\d]\w*\(|Parameter containing)"
)
_LINES = re.compile(r"\([^()\s:]+\):\s*(?:\d+ x\s+)?[^\W\d]\w*\((?s:.*?)\)\s+\([^()\s:]+\):\s")
_LONGEST_START = 5_000
"""How many characters at the start of a text decide whether it is a print-out."""


class PrintedModule(NamedTuple):
    """A module of a print-out."""

    kind: str
    """The name of its class; empty for lines without an enclosing module."""
    args: tuple[Any, ...]
    """The positional arguments shown."""
    kwargs: dict[str, Any]
    """The keyword arguments shown. A word without quotes, such as `same`, is a string."""
    children: tuple[tuple[str, PrintedModule], ...]
    """Its child modules, each with its name."""
    at: int
    """Its offset in the text."""


def is_printout(text: str) -> bool:
    """Return whether a text begins like the print-out of a module with child modules, or like lines from within one."""
    start = _begin(text)
    return any(form.match(text, start, start + _LONGEST_START) for form in (_START, _LINES))


def _begin(text: str) -> int:
    """Return where a print-out begins: after the prompt that produced it."""
    out = _OUT.match(text)
    found = out or _PROMPT.match(text)
    return found.end() if found is not None else 0


def parse(text: str, name: str) -> PrintedModule:
    """Parse a print-out. Raise SpecError, with line and column, if it is malformed."""
    return _Parser(text, name).whole()


class _Parser:
    """A parser of one print-out, with its current position."""

    def __init__(self, text: str, name: str):
        self.text, self.name, self.at = text, name, _begin(text)
        self.limit = Limit(MOST_NODES, "more than {most:,} modules, repeated ones counted each time", error=self.error)

    def whole(self) -> PrintedModule:
        """Parse the whole print-out."""
        start = self.at
        if _CHILD.match(self.text, start):
            module = PrintedModule("", (), {}, tuple(self.children(1)), start)
        else:
            module = self.module(1)
        if self.text[self.at : self.at + 1] == ">" and _OUT.match(self.text):
            self.at += 1
        prompt = _PROMPT.match(self.text, self.at)
        self.at = prompt.end() if prompt is not None else self.at
        rest = self.text[self.at :]
        if rest.startswith(")") or is_printout(rest) or printout(rest) is not None:
            raise self.error("the print-out ends before this", "give one print-out")
        return module

    def module(self, depth: int) -> PrintedModule:
        """Parse a module: its class, the arguments shown, and its children."""
        if depth > DEEPEST_BLOCKS:
            raise self.error(f"modules are nested more than {DEEPEST_BLOCKS} deep")
        found = _CLASS.match(self.text, self.at)
        if found is None:
            raise self.error("expected a class with its arguments, such as ReLU()")
        start, self.at = found.start(1), found.end()
        args, kwargs = self.arguments()
        children = tuple(self.children(depth + 1))
        self.skip_space()
        if self.text[self.at : self.at + 1] != ")":
            what = f"{found[1]}( is not closed" if self.at >= len(self.text) else f"unexpected text in {found[1]}("
            raise self.error(what, "copy the whole print-out: each ( needs its )")
        self.at += 1
        return PrintedModule(found[1], args, kwargs, children, start)

    def children(self, depth: int) -> Iterator[tuple[str, PrintedModule]]:
        """Parse the child modules of a module, repeating those with a count."""
        while (found := _CHILD.match(self.text, self.at)) is not None:
            start, self.at = self.at, found.end()
            names = self.names(found[1], found[2], start)
            before = self.limit.made
            module = self.parameter() or self.module(depth)
            inside = self.limit.made - before
            end, self.at = self.at, start
            self.limit.count((inside + 1) * len(names) - inside)
            self.at = end
            yield from [(str(name), module) for name in names]

    def names(self, name: str, times: str | None, start: int) -> Sequence[str | int]:
        """Return the names for a line; `2-4` with `3 x` gives three. Raise SpecError if the count does not match."""
        if times is None:
            return [name]
        found = _SEVERAL.fullmatch(name)
        numbers = range(int(found[1]), int(found[2]) + 1) if found is not None else range(0)
        if len(numbers) != int(times):
            self.at = start
            raise self.error(
                f"({name}) are not {times} modules", ("a line for several modules is written (2-4): 3 x Block(…)")
            )
        return numbers

    def parameter(self) -> PrintedModule | None:
        """Parse a parameter in a list or a dictionary of parameters; its sizes become its arguments."""
        found = _PARAMETER.match(self.text, self.at)
        if found is None:
            return None
        start, self.at = self.at, found.end()
        sizes = tuple([int(n) for n in found[1].split("x") if n])
        return PrintedModule(PARAMETER, sizes, {}, (), start)

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Parse the arguments that a module shows, up to its first child or its end."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        while True:
            self.skip_space()
            if _CHILD.match(self.text, self.at) or self.text[self.at : self.at + 1] in (")", ""):
                return tuple(args), kwargs
            start = self.at
            text = self.argument()
            key, equals, value = text.partition("=")
            if equals and key.isidentifier():
                kwargs[key] = value_of(value)
            elif text:
                args.append(value_of(text))
            else:
                self.at = start
                raise self.error("an argument is empty")

    def argument(self) -> str:
        """Return the text of one argument, and move past the comma or the line end after it."""
        start, closers = self.at, ""
        for at in range(start, min(start + LONGEST_VALUE, len(self.text))):
            c = self.text[at]
            if c in "([{":
                closers += {"(": ")", "[": "]", "{": "}"}[c]
            elif closers and c == closers[-1]:
                closers = closers[:-1]
            elif not closers and (c in ",)\n" or (c == " " and _CHILD.match(self.text, at))):
                self.at = at + (c in ",\n")
                return self.text[start:at].strip()
        raise self.error("an argument is not closed", "copy the whole print-out: each ( needs its )")

    def skip_space(self) -> None:
        """Move past white space."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def error(self, what: str, help: str | None = None) -> SpecError:
        """Return an error at the current position."""
        error = SpecError(what, help)
        error.where = place(self.text, self.at, self.name)
        return error


def place(text: str, at: int, name: str) -> Where:
    """Return the location of an offset in a print-out."""
    line = text.count("\n", 0, at) + 1
    return Where(name, line, at - (text.rfind("\n", 0, at) + 1) + 1)


@lru_cache(maxsize=4096)  # most values are repeated
def value_of(text: str) -> Any:
    """Return an argument's value: a number, a bool, None, a tuple of those, or the text itself."""
    text = text.strip()
    try:
        return ast.literal_eval(expression(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text
