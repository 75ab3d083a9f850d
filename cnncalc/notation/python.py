"""Text in Python's syntax, as a tree."""

from __future__ import annotations

import ast
import warnings
from typing import Any


def tree(text: str) -> ast.Module:
    """Return a text's syntax tree. Python's warnings about it are not shown: they repeat characters of the text."""
    found: ast.Module = _parsed(text, "exec")
    return found


def expression(text: str) -> ast.expr:
    """Return the syntax tree of a single expression, in the same way."""
    found: ast.expr = _parsed(text, "eval").body
    return found


def _parsed(text: str, mode: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode=mode)
