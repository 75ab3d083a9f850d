"""The result of a run: the array in NumPy's form, its summary, or JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..errors import escaped
from ..notation.encode import encode

if TYPE_CHECKING:
    from ..execute.sinks import Sink
    from ..execute.task import Dtype


def result_text(layer: str, shape: tuple[int, ...], kind: Dtype, sink: Sink | None, as_json: bool) -> str:
    """Return a layer's result as text: in full if small, otherwise a summary.

    `shape` is the result's shape for the caller, with or without a batch; without a sink its values went to a file.
    """
    from ..execute.sinks import Both, Memory, Summary

    facts: dict[str, Any] = {"layer": layer, "shape": list(shape), "dtype": str(kind)}
    if isinstance(sink, Both):
        sink = sink.first
    if isinstance(sink, Memory):
        array = sink.array.reshape(shape)
        if not as_json:
            return f"{array}\n"
        facts["values"] = array.tolist()
        sink = Summary.of(array)
    if isinstance(sink, Summary):
        facts |= {"min": sink.least, "mean": sink.mean, "max": sink.most}
    if as_json:
        return encode(_finite(facts)) + "\n"
    width = max(map(len, facts))
    facts |= {"layer": escaped(layer), "shape": "x".join(map(str, shape))}
    return "".join(
        f"{name:{width}}  {f'{value:.6g}' if isinstance(value, float) else value}\n" for name, value in facts.items()
    )


def _finite(value: Any) -> Any:
    """Return a value with null for numbers that JSON cannot express."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
