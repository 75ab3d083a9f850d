"""The functions of `import cnncalc`: on networks, and on arrays, which need NumPy; and how their results are shown."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..display import DISPLAYS


def _drawn(module: str, function: str) -> Any:
    """Return a function that draws a result by one of the renderers, which is imported when it is first asked."""

    def draw(result: Any) -> Any:
        render: Any = import_module(f"..render{module}", __package__)
        for name in function.split("."):
            render = getattr(render, name)
        return render(result)

    return draw


DISPLAYS.update(
    {
        "report": _drawn("", "FORMATS.text"),
        "report as HTML": _drawn(".as_html", "html"),
        "report as rows": _drawn(".columns", "records"),
        "contrast": _drawn(".contrasts", "FORMATS.text"),
        "difference": _drawn(".diffs", "FORMATS.text"),
        "difference in a line": _drawn(".diffs.rows", "line"),
    }
)
