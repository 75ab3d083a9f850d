"""The arithmetic that leads to a layer's figures, a line a formula, and figures as text."""

from __future__ import annotations

from collections.abc import Sequence

from .field import Field
from .layers import ConvKind
from .layers.base import by_axis
from .layers.conv import times
from .memory import itemsize
from .network import INPUT
from .report import LayerReport, NetworkMemory, Report
from .sizes import NOTHING_KNOWN, counted


def lines(report: Report, layer: LayerReport) -> list[str]:
    """Return a layer's whole arithmetic: its sizes, its counts, and the recurrence of its receptive field."""
    return [*layer.explain(), *field_lines(layer), *memory_lines(report, layer)]


def memory_lines(report: Report, layer: LayerReport) -> list[str]:
    """Return how many bytes a layer's output takes, if the report has a dtype."""
    if layer.memory is None or report.memory is None or layer.out == NOTHING_KNOWN:
        return []
    if layer.node.layer.VIEW:
        return ["memory: none of its own, it is a view of its input"]
    each = itemsize(report.memory.dtype)
    return [f"memory: {times(layer.out, each)} = {counted(layer.memory.activations)} bytes"]


def peak_line(memory: NetworkMemory) -> str:
    """Return the tensors in memory at the peak, and their sum."""
    parts = [f"{name} {size:,}" for name, size in memory.peak_tensors]
    return f"at once while {memory.peak_at} runs: {' + '.join(parts)} = {counted(memory.peak)} bytes"


def field_lines(layer: LayerReport) -> list[str]:
    """Return how a layer's receptive field follows from its inputs': the recurrence of a window, else the result."""
    names = ["input" if at == INPUT else layer.nodes[at].name for at in layer.node.reads]
    inputs = [(name, fields.shown) for name, fields in zip(names, layer.reads_fields, strict=True)]
    result = f"receptive field: size {field_words(layer.rf)}"
    if not layer.rf:
        return []
    if len(inputs) > 1:
        return [f"{result}, of {'; '.join(f'{name} {field_words(fields)}' for name, fields in inputs)}"]
    before = inputs[0][1]
    if before == layer.rf:
        return []
    steps = by_axis(_recurrence(layer, before))
    if len(steps) > 1:
        return [f"receptive field, {step}" for step in steps]
    return [f"receptive field: {step.partition(': ')[2]}" for step in steps] or [result]


def _recurrence(layer: LayerReport, before: Sequence[Field]) -> list[str]:
    """Return the recurrence on each axis; none unless the layer slides a window over axes whose fields are known."""
    k, s, p, d = (layer.values.get(key, ()) for key in ("k", "s", "p", "d"))
    slides = k and s and d and layer.node.layer.CONVOLUTION is not ConvKind.TRANSPOSED and not isinstance(p, str)
    if not slides or len(before) != len(k) or any(None in f[:3] or f.phases for f in (*before, *layer.rf)):
        return []
    steps = []
    for old, new, taps, stride, (pad, _), dilation in zip(before, layer.rf, k, s, p, d, strict=True):
        extent = taps if dilation == 1 else f"({dilation}*({taps} - 1) + 1)"
        steps.append(
            f"size {old.size} + ({extent} - 1)*{old.stride} = {new.size}, "
            f"stride {old.stride}*{stride} = {new.stride}, "
            f"start {old.start} - {pad}*{old.stride} = {new.start}"
        )
    return steps


def field_words(fields: Sequence[Field]) -> str:
    """Return receptive fields as text: `11, stride 4, start -5`."""
    words = {"?": "unknown", "~": "varying by phase"}
    figures = [field_text(fields, name) for name in ("size", "stride", "start")]
    for at, parts in enumerate(figure.split("x") for figure in figures):
        if words.keys() & set(parts):
            figures[at] = " x ".join(words.get(part, part) for part in parts)
    size, stride, start = figures
    return f"{size}, stride {stride}, start {start}"


def axes_text(value: object) -> str:
    """Return a number per axis as in a layer word: once if all are equal, before+after if the two sides differ."""
    if value is None or isinstance(value, (int, float, str)):
        return "" if value is None else str(value)
    assert isinstance(value, (list, tuple))
    sides = [_side_text(v) for v in value]
    return sides[0] if sides and all(s == sides[0] for s in sides) else "x".join(sides)


def _side_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        before, after = value
        return str(before) if before == after else f"{before}+{after}"
    return "?" if value is None else str(value)


def field_text(fields: Sequence[Field], name: str) -> str:
    """Return a figure of each axis' field, once if all are equal: `?` is not known, `~` differs by phase."""
    return axes_text([_figure(field, name) for field in fields])


def _figure(field: Field, name: str) -> object:
    """Return a figure of a field; of one that differs by unit the sizes from the least to the most, and no stride."""
    number = getattr(field, name)
    if field.phases is None:
        return "?" if number is None else number
    if name == "size" and field.sizes is not None and field.sizes[0] != field.sizes[1]:
        return "{}-{}".format(*field.sizes)
    return "~" if number is None or name == "stride" else number
