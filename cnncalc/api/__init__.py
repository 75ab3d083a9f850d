"""The functions of `import cnncalc`, on networks and on arrays (which need NumPy), and how their results are shown."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any

from ..display import DISPLAYS


def _drawn(module: str, function: str) -> Callable[[Any], Any]:
    """Return a function that draws a result with a renderer, which is imported at the first call."""

    def draw(result: Any) -> Any:
        return attrgetter(function)(import_module(f"..render{module}", __package__))(result)

    return draw


DISPLAYS.update(
    {
        "report": _drawn("", "FORMATS.text"),
        "report as HTML": _drawn(".report_forms", "fragment"),
        "report as rows": _drawn(".columns", "records"),
        "comparison": _drawn(".comparisons", "FORMATS.text"),
        "comparison as HTML": _drawn(".comparisons", "fragment"),
        "comparison as rows": _drawn(".comparisons", "records"),
        "contrast": _drawn(".contrasts", "FORMATS.text"),
        "difference": _drawn(".diffs", "FORMATS.text"),
        "difference in a line": _drawn(".diffs.rows", "line"),
    }
)
