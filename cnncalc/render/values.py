"""Single values of a report by name, for scripts: `params`, `out`, `conv1.out`, `rf.size`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import SpecError, nearest, shown
from ..explain import axes_text, field_text
from ..notation.encode import encode
from ..report import LayerReport, Report, listed, rf_json
from ..sizes import show, to_json
from . import Style
from .columns import rf_text

SAME = {
    "output": "out",
    "input": "in",
    "parameters": "params",
    "field": "rf",
    "size": "rf.size",
    "stride": "rf.stride",
    "start": "rf.start",
    **{f"rf_{part}": f"rf.{part}" for part in ("size", "stride", "start")},
    "param_bytes": "memory.params_bytes",
    "alive": "memory.alive_bytes",
    "peak_bytes": "memory.peak_bytes",
    "fc": "fc_weights",
    "local": "local_weights",
}
"""Other names of figures, such as those of the table's columns."""


def text(report: Report, style: Style) -> Iterator[str]:
    """Yield each of the style's values on a line."""
    yield from [f"{value(report, name)[1]}\n" for name in style.values]


def document(report: Report, style: Style) -> Iterator[str]:
    """Yield the style's value as a line of JSON, or several values as an object."""
    found = {name: value(report, name)[0] for name in style.values}
    yield encode(found if len(found) > 1 else found[style.values[0]]) + "\n"


def value(report: Report, name: str) -> tuple[Any, str]:
    """Return a value as JSON and as text. Raise SpecError with the nearest names for an unknown name."""
    subject, path = report.named(name)
    path = SAME.get(path.lower(), path.lower())
    if path == "memory":  # as in `check`
        path = "memory.alive_bytes" if isinstance(subject, LayerReport) else "memory.peak_bytes"
    if isinstance(subject, Report) and subject.letters and path == "holds":
        return subject.holds.to_list(), "; ".join(subject.holds.texts()) or "always"
    return _value(report, subject, name, path)


def _value(report: Report, subject: Report | LayerReport, name: str, path: str) -> tuple[Any, str]:
    """Return the value at a path in the whole or in a layer."""
    if path in ("out", "in"):
        shape = subject.out if path == "out" else subject.x
        return to_json(shape), show(shape)
    if path == "rf":
        return rf_json(subject.rf), rf_text(subject.rf)
    if path.startswith("rf.") and path[3:] in ("size", "stride", "start"):
        return [getattr(field, path[3:]) for field in subject.rf], field_text(subject.rf, path[3:])
    found: Any = _figures(subject)
    for key in path.split("."):
        if isinstance(found, (list, tuple)) and key.isdecimal() and int(key) < len(found):  # one size of a shape
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise _no_value(report, subject, name, path)
    if isinstance(found, dict):
        raise SpecError(f"{name} has several values", f"name one: {', '.join(f'{name}.{key}' for key in found)}")
    if isinstance(found, bool):
        return found, str(found).lower()
    return found, "unknown" if found is None else axes_text(found)


def _figures(subject: Report | LayerReport) -> dict[str, Any]:
    """Return all values of a layer or of the whole, as JSON."""
    figures: dict[str, Any]
    if isinstance(subject, LayerReport):
        own = {key: one for key, one in subject.raw().items() if key not in ("report", "layers")}
        figures = {**own, **subject.figures()}
    else:
        sums = {key: subject.sum(key) for key in ("weights", "bias")}
        figures = {**subject.head(), **subject.totals(), **sums, "layers": len(subject)}
    found: dict[str, Any] = listed({**figures, "flops": subject.flops})
    return found


def _no_value(report: Report, subject: Report | LayerReport, name: str, path: str) -> SpecError:
    if isinstance(subject, LayerReport) and not path:
        return SpecError(
            f"{name} is a layer, not a value", f"name one of its values, such as {name}.out or {name}.params"
        )
    figures = [*_figures(subject), *SAME]
    of = f"layer {shown(subject.name)}" if isinstance(subject, LayerReport) else "network"
    near = nearest(path.partition(".")[0], figures if isinstance(subject, LayerReport) else [*figures, *_names(report)])
    help = near or f"as out, params, macs, rf.size, {report.layers[0].name}.out"
    return SpecError(f"the {of} has no value {shown(path)}", help)


def _names(report: Report) -> list[str]:
    return [layer.name for layer in report.layers]
