"""The error for a module that fails while it is recorded, with its layers so far and the shapes that do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import SpecError, shown
from ....sizes import show
from .calls import Stopped

MOST_SHOWN = 12
"""The most layers before a failure that are shown."""


def stopped(failures: Sequence[Stopped]) -> SpecError:
    """Return the error for the attempt that got furthest; of several, the last, which has the caller's own batch."""
    error = max(failures, key=lambda one: (len(one.recording.calls), failures.index(one)))
    where = f"{shown(error.path)} of the module" if error.path else "the module"
    text = (str(error.error).splitlines() or [""])[0]
    own = f"{type(error.error).__name__}: {shown(text, 300)[1:-1]}"
    if error.function is None and isinstance(error.error, TypeError) and "argument" in text:
        help = 'give every input by its name: {"x": (3, 8, 8), "z": (4,)}, or -i x=3x8x8 -i z=4'
        return SpecError(f"{where} fails with {own}", help)
    meets = " and ".join(show(shape) for shape in error.shapes)
    at = f" at {error.function}" + (f" of {meets}" if meets else "") if error.function else ""
    help = "the module is traced without values, so its control flow must not depend on them"
    return SpecError(f"{where} stops{at}", "\n".join([*table(error), own, *[help] * is_about_values(error)]))


def is_about_values(error: Stopped) -> bool:
    """Return whether a module failed because a tensor has no values."""
    return any(word in str(error) for word in ("meta", "data-dependent", "item()", "nonzero"))


def table(error: Stopped) -> list[str]:
    """Return a line for each of the last calls before a failure: the module, the function, the shape."""
    inputs = [(one.name, "input", one.shape) for one in error.recording.inputs]
    rows = [*inputs, *[(call.path or "-", call.function, call.outs[0]) for call in error.recording.calls]]
    left = len(rows) - MOST_SHOWN
    lines = [(name, function, show(shape) or "()") for name, function, shape in rows[-MOST_SHOWN:]]
    widths = [max(len(row[at]) for row in lines) for at in (0, 1)]
    shown_rows = [f"{name:<{widths[0]}}  {function:<{widths[1]}}  {shape}" for name, function, shape in lines]
    return ([f"… {left} before"] if left > 0 else []) + shown_rows
