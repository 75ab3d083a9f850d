"""Read a framework's call, or a line of a print-out: `Conv2d(3, 64, 3, padding=1)`, `(0): ReLU(inplace=True)`.

PyTorch and Keras are distinguished by spelling: `Conv2d` and `Conv2D`. The text is parsed, never run: it may contain
only calls of layers and literals.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from ...dialects import DIALECTS
from ...errors import SpecError, nearest, shown
from ...layers import with_named_axes
from ...sizes import LARGEST
from ..python import expression
from .classes import ModuleCall, NamedArgument
from .keras import KERAS
from .torch import TORCH

SEQUENTIAL = "Sequential"
"""The class of layers in sequence; calls separated by commas are read as one."""
LINE = re.compile(r"\s*\(([^():]*)\):\s*(.*?),?\s*", re.DOTALL)
"""A line of a print-out: the name of a module, then its call."""
_CALL = re.compile(r"\s*(?:\([^():]*\):\s*)?[A-Za-z_][\w.]*\s*\(.*\)\s*,?\s*", re.DOTALL)


def looks_like_call(text: str) -> bool:
    """Return whether a text has the form of a call or of a line of a print-out."""
    return "(" in text and _CALL.fullmatch(text) is not None


def is_expression(text: str) -> bool:
    """Return whether a text is a call in Python's syntax; most print-outs of several lines are not."""
    try:
        tree = expression(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(tree, (ast.Call, ast.Tuple))


def read_call(text: str) -> ModuleCall:
    """Read a call of a layer of PyTorch or Keras, or a line of a print-out. Raise SpecError for anything else."""
    line = LINE.fullmatch(text)
    try:
        call = _read(expression((line[2] if line else text).strip()), text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SpecError(f"{shown(text)} is not a call", "for example Conv2d(3, 64, 3, padding=1)") from None
    return call._replace(name=line[1]) if line and line[1] else call


def _read(tree: ast.expr, text: str) -> ModuleCall:
    if isinstance(tree, ast.Tuple):
        calls = [_read(one, ast.unparse(one)) for one in tree.elts]
        layers = [raw for call in calls for raw in call.layers]
        return calls[0] if len(calls) == 1 else ModuleCall(calls[0].framework, SEQUENTIAL, None, layers)
    if not isinstance(tree, ast.Call):
        raise SpecError(f"{shown(text)} is not a call", "for example Conv2d(3, 64, 3, padding=1)")
    path = _dotted(tree.func)
    if not path and isinstance(tree.func, ast.Call) and all(isinstance(arg, ast.Name) for arg in tree.args):
        return _read(tree.func, text)  # Conv2D(32, 3)(x)
    if not path:
        raise SpecError(f"{shown(text)} does not call a layer by its name", "for example Conv2d(3, 64, 3, padding=1)")
    args = [_value(arg) for arg in tree.args]
    kwargs: dict[str, Any] = {}
    for keyword in tree.keywords:
        if keyword.arg is None:
            raise SpecError("** is not supported in a call", "write the arguments themselves")
        kwargs[keyword.arg] = None if _has_no_effect(keyword.arg) else _value(keyword.value)
    framework = _framework_named(path[:-1])
    listed = len(args) == 1 and isinstance(args[0], list)  # as Keras has it
    rows = args[0] if listed else args
    if path[-1] == SEQUENTIAL and not {*kwargs} - {"name"} and all(isinstance(one, ModuleCall) for one in rows):
        framework = framework or ("keras" if listed else "torch")
        return ModuleCall(framework, SEQUENTIAL, None, [raw for one in rows for raw in one.layers])
    return layers_of(path[-1], args, kwargs, framework)


def _dotted(tree: ast.expr) -> list[str]:
    """Return the parts of a dotted name; empty for anything else."""
    parts: list[str] = []
    while isinstance(tree, ast.Attribute):
        parts.append(tree.attr)
        tree = tree.value
    return [tree.id, *reversed(parts)] if isinstance(tree, ast.Name) else []


def _framework_named(path: Sequence[str]) -> str | None:
    """Return the framework that is named by the parts before a class; None if there is none."""
    if not {"keras", "layers", "tf", "tensorflow", "L"}.isdisjoint(path):
        return "keras"
    return "torch" if {"nn", "torch"} & {*path} else None


def _value(tree: ast.expr) -> Any:
    """Return the value of an argument: a literal (tuples as lists), a class or function, or a call, which is read."""
    path = _dotted(tree)
    if path:
        return NamedArgument(path[-1])
    if isinstance(tree, ast.Call):
        return _read(tree, ast.unparse(tree))
    if isinstance(tree, (ast.Tuple, ast.List)):
        return [_value(one) for one in tree.elts]
    if isinstance(tree, ast.BinOp) and type(tree.op) in _ARITHMETIC:
        sides = [_value(tree.left), _value(tree.right)]
        if all(isinstance(side, (int, float)) and abs(side) <= LARGEST for side in sides):
            with suppress(ZeroDivisionError):
                return _ARITHMETIC[type(tree.op)](*sides)
    try:
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        what = f"{shown(ast.unparse(tree))} is not a value that can be read here"
        raise SpecError(what, "write the number itself") from None


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
"""The accepted arithmetic between numbers: `16*5*5`."""
FRAMEWORKS = {one.name: one for one in (TORCH, KERAS)}
"""The frameworks, in the order in which a class that both have is tried."""


@cache
def kinds() -> dict[str, tuple[str, ...]]:
    """Return the classes whose calls are read, in their exact spelling, each with the frameworks that have it."""
    names = [kind for framework in FRAMEWORKS.values() for kind in framework.kinds]
    return {kind: tuple([name for name, one in FRAMEWORKS.items() if kind in one.kinds]) for kind in names}


def layers_of(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any], framework: str | None = None) -> ModuleCall:
    """Return the layers of a class called with these arguments, which are JSON values.

    If no framework is given, a class that both have is PyTorch's if the arguments are. Raise SpecError for unsupported
    calls and for a class that the framework does not have.
    """
    having = kinds().get(kind, ())
    if framework is not None and having:
        if framework not in having:
            has = f"{DIALECTS[having[0]].title} has: {having[0]}.{kind}(…)"
            help = nearest(kind, FRAMEWORKS[framework].kinds) or has
            raise SpecError(f"{DIALECTS[framework].title} has no class {kind}", help)
        having = (framework,)
    if not having:
        help = nearest(kind, kinds()) or "write a call such as Conv2d(3, 64, 3, padding=1)"
        raise SpecError(f"{shown(kind)} is not a layer that can be read from a call", help)
    errors = []
    for name in having:
        try:
            call = FRAMEWORKS[name].call(kind, args, kwargs)
            return call._replace(layers=[with_named_axes(kind, raw) for raw in call.layers])
        except SpecError as error:
            errors.append(error)
    raise errors[0] from None


_READ_THOUGH_IGNORED = {"name", "inplace", "norm_type", "input_shape", "batch_input_shape", "input_dim"}


def _has_no_effect(argument: str) -> bool:
    """Return whether an argument is ignored here."""
    return argument not in _READ_THOUGH_IGNORED and any(
        argument in one.ignored or argument.endswith(one.ignored_ends) for one in FRAMEWORKS.values()
    )


def op_of(kind: str) -> str:
    """Return the op of a class; empty if its arguments decide it, or if it is several ops."""
    ops = {FRAMEWORKS[name].kinds[kind][0] for name in kinds()[kind]} - {""}
    return ops.pop() if len(ops) == 1 else ""


def theirs(kind: str, key: str) -> str:
    """Return the argument of a class for a key of its op: `kernel_size` for k; by default the key itself."""
    for name in kinds()[kind]:
        keys = FRAMEWORKS[name].kinds[kind][1].keys
        own = [argument for argument, ours in keys.items() if ours == key]
        if key not in keys and own:
            return own[0]
    return key


def arguments_of(kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the frameworks that have a class, each with the class's positional arguments."""
    for name in kinds().get(kind, ()):
        yield name, FRAMEWORKS[name].kinds[kind][1].arguments
