"""Keras's state while a source is evaluated: the names of its layers, and the position of channels."""

from __future__ import annotations

import ast
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from ...keras.read.variables import snake_case

if TYPE_CHECKING:
    from ..evaluate import Evaluator


class Session:
    """Keras's state while a source is evaluated."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.path: list[str] = []
        """The names of the custom layers being called, outermost first."""
        self.in_class = False
        """Whether the `call` method of a custom model is running; the model owns all layers that it calls."""
        self.channels_last = True
        self.calls = 0
        """The number of layer calls so far."""

    def unique(self, kind: str) -> str:
        """Return the name that Keras gives to an unnamed layer: `conv2d`, `conv2d_1`."""
        stem = snake_case(kind)
        self.names[stem] += 1
        return stem if self.names[stem] == 1 else f"{stem}_{self.names[stem] - 1}"


def session_of(evaluator: Evaluator) -> Session:
    """Return Keras's state for an evaluator."""
    session: Session | None = evaluator.state.get("keras")
    if session is None:
        session = evaluator.state["keras"] = Session()
        session.channels_last = not sets_channels_first(evaluator.source.tree)
    return session


@lru_cache(maxsize=1)
def sets_channels_first(tree: ast.AST) -> bool:
    """Return whether a source sets channels first. The call is found by search, as no value depends on it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) == 1]
    setting = [
        one for one in calls if "set_image_data_format" in (getattr(one.func, name, "") for name in ("attr", "id"))
    ]
    return any(isinstance(one.args[0], ast.Constant) and one.args[0].value == "channels_first" for one in setting)
