"""The patterns of `match` statements in evaluated code."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .source import quoted
from .values import ClassValue, Frame, InstanceValue

if TYPE_CHECKING:
    from .evaluate import Evaluator

_TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "tuple": tuple, "dict": dict}


def fits(evaluator: Evaluator, pattern: ast.pattern, value: Any, frame: Frame) -> bool:
    """Return whether a value matches a pattern, binding its names. Raise SpecError for an unsupported pattern."""
    evaluator.budget.count(1)
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None and not fits(evaluator, pattern.pattern, value, frame):
            return False
        if pattern.name is not None:
            evaluator.bind(pattern.name, value, frame)
        return True
    evaluator.needs(value, pattern)
    if isinstance(pattern, ast.MatchValue):
        equal = evaluator.compare(ast.Eq(), value, evaluator.value(pattern.value, frame), pattern.value)
        return evaluator.truth(equal, pattern.value)
    if isinstance(pattern, ast.MatchSingleton):
        return value is pattern.value
    if isinstance(pattern, ast.MatchOr):
        return any(fits(evaluator, one, value, frame) for one in pattern.patterns)
    if isinstance(pattern, ast.MatchSequence):
        return isinstance(value, (list, tuple)) and _fits_items(evaluator, pattern.patterns, list(value), frame)
    if isinstance(pattern, ast.MatchMapping):
        return isinstance(value, dict) and _fits_keys(evaluator, pattern, value, frame)
    assert isinstance(pattern, ast.MatchClass)  # MatchStar occurs only within a sequence pattern
    return _fits_class(evaluator, pattern, value, frame)


def _fits_items(evaluator: Evaluator, patterns: list[ast.pattern], items: list[Any], frame: Frame) -> bool:
    evaluator.budget.copy(len(items))
    star = next((at for at, one in enumerate(patterns) if isinstance(one, ast.MatchStar)), None)
    if star is not None:
        after = len(patterns) - star - 1
        if len(items) < len(patterns) - 1:
            return False
        starred, end = patterns[star], len(items) - after
        if isinstance(starred, ast.MatchStar) and starred.name is not None:
            evaluator.bind(starred.name, items[star:end], frame)
        patterns, items = patterns[:star] + patterns[star + 1 :], items[:star] + items[end:]
    return len(items) == len(patterns) and all(
        fits(evaluator, pattern, item, frame) for pattern, item in zip(patterns, items, strict=True)
    )


def _fits_keys(evaluator: Evaluator, pattern: ast.MatchMapping, value: dict[Any, Any], frame: Frame) -> bool:
    keys = [evaluator.key(evaluator.value(key, frame), pattern) for key in pattern.keys]
    if not all(key in value for key in keys):
        return False
    if pattern.rest is not None:
        evaluator.budget.copy(len(value))
        named = set(keys)
        evaluator.bind(pattern.rest, {key: one for key, one in value.items() if key not in named}, frame)
    return all(fits(evaluator, one, value[key], frame) for key, one in zip(keys, pattern.patterns, strict=True))


def _fits_class(evaluator: Evaluator, pattern: ast.MatchClass, value: Any, frame: Frame) -> bool:
    """Return whether a value matches a class pattern, of a class of the source or of a type such as `int`."""
    name = pattern.cls.id if isinstance(pattern.cls, ast.Name) else None
    if name in _TYPES and len(pattern.patterns) <= 1 and not pattern.kwd_patterns:
        return isinstance(value, _TYPES[name]) and all(fits(evaluator, one, value, frame) for one in pattern.patterns)
    cls = evaluator.needs(evaluator.value(pattern.cls, frame), pattern)
    if not isinstance(cls, ClassValue) or pattern.patterns:
        raise evaluator.error(pattern, f"the pattern {quoted(pattern)} is not supported", evaluator.way)
    if not isinstance(value, InstanceValue) or not value.cls.derives(cls):
        return False
    own = value.attributes
    return all(
        key in own and fits(evaluator, one, own[key], frame)
        for key, one in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)
    )
