"""The figures of a report that may be expected: their values, their texts, and their arithmetic."""

from __future__ import annotations

from typing import Any

from ..errors import SpecError
from ..explain import field_text, lines
from ..layers.conv import times
from ..measures import NetworkMemory
from ..report import LayerReport, Report, summed
from ..sizes import Count, counted, known, show
from . import expect


def figure_of(subject: Report | LayerReport, figure: str) -> tuple[Any, str]:
    """Return a figure's value (a shape, a number for each axis, or a count; None if unknown) and its text."""
    if expect.FIGURES[figure].is_shape:
        shape = subject.out if figure == "out" else subject.x
        return shape, show(shape)
    if expect.FIGURES[figure].per_axis:
        part = "size" if figure == "rf" else figure.removeprefix("rf_")
        if not subject.rf:
            raise SpecError(f"there is no {figure}: the input has no axes", "leave the expectation out")
        return [getattr(field, part) for field in subject.rf], field_text(subject.rf, part)
    if expect.FIGURES[figure].in_bytes:
        number: Count = _bytes(subject, figure)
        return number, counted(number)
    of_convolutions = figure in ("fc_weights", "local_weights")
    if isinstance(subject, Report):
        if of_convolutions:
            raise SpecError(f"the whole network has no {figure}", "expect it of a convolution")
        number = subject.flops if figure == "flops" else summed(subject.layers, figure)
    elif of_convolutions and not subject.is_convolution:
        raise SpecError(f"{subject.op} has no {figure}", "only convolutions have it")
    else:
        number = getattr(subject, figure)
    return known(number), counted(number)


def _bytes(subject: Report | LayerReport, figure: str) -> int | None:
    """Return the peak of bytes in memory (of a layer: while it runs), or the bytes of the parameters."""
    if subject.memory is None:
        return None
    if figure == "param_bytes":
        return subject.memory.params
    return subject.memory.peak if isinstance(subject.memory, NetworkMemory) else subject.memory.alive


MOST_TERMS = 4
_STARTS = {"params": "parameters", "weights": "parameters", "bias": "parameters", "macs": "MACs"}
_STARTS |= {"buffers": "buffers", "rf": "receptive"}
"""The beginning of the lines of a layer's arithmetic that lead to a figure."""


def arithmetic(report: Report, subject: Report | LayerReport, figure: str) -> list[str]:
    """Return the lines that lead to a figure of a layer, or of the whole."""
    if figure == "in":
        return []
    if figure == "flops":
        return [f"2*{counted(subject.macs)} MACs = {counted(subject.flops)}"]
    if expect.FIGURES[figure].in_bytes:
        return _tensors(subject) if figure == "memory" and isinstance(subject, Report) else []
    if isinstance(subject, LayerReport):
        return _lines_of(report, subject, figure)
    if figure in ("params", "macs", "buffers", "weights", "bias"):
        return _sum(subject, figure)
    explained = ((layer.name, _lines_of(report, layer, figure)) for layer in reversed(subject.layers))
    return next(([f"{name}: {line}" for line in told] for name, told in explained if told), [])


def _tensors(report: Report) -> list[str]:
    """Return the sum of the tensors in memory at the peak."""
    memory = report.memory
    if memory is None or memory.peak is None:
        return []
    parts = [f"{name or 'the input'} {size:,}" for name, size in memory.peak_tensors]
    return [f"{memory.dtype}, while {memory.peak_at} runs: {' + '.join(parts)} = {memory.peak:,} bytes"]


def _lines_of(report: Report, layer: LayerReport, figure: str) -> list[str]:
    if figure == "fc_weights":
        return [f"in*out = {times(layer.sample)}*{times(layer.traced.out)} = {counted(layer.fc_weights)}"]
    every = lines(report, layer)
    if figure == "local_weights":
        return [line.replace("MACs", "a weight for each multiplication") for line in every if line.startswith("MACs:")]
    start = _STARTS.get(figure.partition("_")[0])
    if start is not None:
        return [line for line in every if line.startswith(start)]
    own = [line for line in every if not line.startswith(tuple(_STARTS.values()))]
    return own or [f"{layer.op}: {show(layer.x)} -> {show(layer.out)}"]


def _sum(report: Report, figure: str) -> list[str]:
    """Return the sum of the layers' counts, the largest by name."""
    counts = [(getattr(layer, figure), layer.name) for layer in report.layers if layer.adds(figure)]
    terms = sorted(((n, name) for n, name in counts if isinstance(n, int) and n), reverse=True)
    parts = [f"{name} {n:,}" for n, name in terms[:MOST_TERMS]]
    if terms[MOST_TERMS:]:
        rest = [n for n, _ in terms[MOST_TERMS:]]
        parts.append(f"{len(rest)} other{'s' * (len(rest) != 1)} {sum(rest):,}")
    parts += [f"{name} {counted(n)}" for n, name in counts if not isinstance(n, int)][:MOST_TERMS]
    return [f"{' + '.join(parts)} = {counted(summed(report.layers, figure))}"] if parts else []
