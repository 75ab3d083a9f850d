"""Python source as text and as a syntax tree: parsing, and the locations of errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from ...errors import SpecError, Where, shown
from ...limits import LONGEST_SOURCE, MOST_BRACES
from ...notation.python import tree
from .pasted import code

LONGEST_LINE = 200
"""The most characters of a line that an error shows."""
DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""The nodes of definitions: `def` and `class` statements."""
MOST_QUOTED = 100
"""The most nodes in code that errors quote."""
_SCOPES = (*DEFINED, ast.Lambda)
_F_STRING = re.compile(r"""\b[rR]?[fF][rR]?['"]""")


class CodeSource:
    """Parsed source code."""

    def __init__(self, text: str, name: str):
        self.text, self.name = text, name
        self.lines = text.splitlines()
        try:
            self.tree = self._parsed()
        except SpecError:
            bare = code(text)
            if bare.splitlines() == self.lines:
                raise
            self.text, self.lines = bare, bare.splitlines()
            self.tree = self._parsed()

    @cached_property
    def generators(self) -> set[ast.AST]:
        """The generator functions: those with a `yield` that is not in a nested function."""
        found: set[ast.AST] = set()
        waiting: list[tuple[ast.AST, ast.AST]] = [(self.tree, self.tree)] if "yield" in self.text else []
        while waiting:
            node, function = waiting.pop()
            if isinstance(node, (ast.Yield, ast.YieldFrom)):
                found.add(function)
            inside = node if isinstance(node, _SCOPES) else function
            waiting += [(one, inside) for one in ast.iter_child_nodes(node)]
        return found

    def _parsed(self) -> ast.Module:
        if len(self.text) > LONGEST_SOURCE:
            what = f"the source has more than {LONGEST_SOURCE:,} characters"
            raise self.at_line(SpecError(what, "give the network's own file"), 0)
        if self.text.count("{") > MOST_BRACES and _F_STRING.search(self.text):
            what = f"the source has f-strings, and more than {MOST_BRACES:,} braces"
            raise self.at_line(SpecError(what, "give the network's own file"), 0)
        try:
            return tree(self.text)
        except SyntaxError as error:
            blamed = SpecError(f"this is not Python: {error.msg}")
            if error.lineno:
                blamed.where = self._where(error.lineno, error.offset or 1, 1)
            raise self.at_line(blamed, 0) from None
        except ValueError as error:  # such as a null byte
            raise self.at_line(SpecError(f"this is not Python: {error}"), 0) from None
        except (RecursionError, MemoryError):
            raise self.at_line(SpecError("the source is nested too deeply"), 0) from None

    def at(self, error: SpecError, node: Any) -> SpecError:
        """Add the location of a node to an error that has none, and return the error."""
        if error.where is None:
            line = getattr(node, "lineno", 0)
            if not line:
                return self.at_line(error, 0)
            start, end = self._column(line, node.col_offset), len(self._line(line)) + 1
            if node.end_lineno == line:
                end = self._column(line, node.end_col_offset)
            error.where = self._where(line, start, max(end - start, 1))
        return error

    def at_line(self, error: SpecError, line: int) -> SpecError:
        """Add a line as the location of an error that has none (0 for the whole file), and return the error."""
        if error.where is None:
            error.where = self._where(line, 1, 1) if line else Where(self.name, 0, 0)
        return error

    def _where(self, line: int, column: int, width: int) -> Where:
        text = "".join(c if c.isprintable() else " " for c in self._line(line)[:LONGEST_LINE])
        return Where(self.name, line, column, text if column <= len(text) + 1 else None, width)

    def _line(self, line: int) -> str:
        return self.lines[line - 1] if line <= len(self.lines) else ""

    def _column(self, line: int, offset: int) -> int:
        """Return a column in characters, from 1, for an offset in bytes."""
        text = self._line(line)
        return (min(offset, len(text)) if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))) + 1


def is_source(text: str) -> bool:
    """Return whether a text is Python, as given or after removing what surrounds pasted code."""
    try:
        return CodeSource(text, "") is not None
    except SpecError:
        return False


def inner_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the statements nested directly in a statement."""
    for field in ("body", "orelse", "finalbody"):
        yield from getattr(node, field, [])
    for handler in getattr(node, "handlers", []):
        yield from handler.body
    for case in getattr(node, "cases", []):
        yield from case.body


def _is_short(node: Any) -> bool:
    """Return whether a node has at most `MOST_QUOTED` nodes, with short strings."""
    waiting: list[Iterator[ast.AST]] = [iter([node])]
    for _ in range(MOST_QUOTED + 1):
        while (one := next(waiting[-1], None)) is None:
            waiting.pop()
            if not waiting:
                return True
        if isinstance(one, ast.Constant) and isinstance(one.value, (str, bytes)) and len(one.value) > LONGEST_LINE:
            return False
        waiting.append(ast.iter_child_nodes(one))
    return False


def quoted(node: Any) -> str:
    """Return the code of a node as quoted in errors."""
    try:
        return shown(ast.unparse(node), 80)[1:-1] if _is_short(node) else "this"
    except (RecursionError, ValueError):
        return "this"
