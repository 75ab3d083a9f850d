"""The arithmetic that leads to a layer's figures, a line a formula, and figures as text."""

from __future__ import annotations

from collections.abc import Sequence

from .field import PIXEL, Field
from .layers import Fields
from .layers.base import AXIS_NAMES
from .layers.conv import times
from .memory import itemsize
from .network import INPUT
from .report import LayerReport, NetworkMemory, Report
from .sizes import NOTHING_KNOWN, counted


def lines(report: Report, layer: LayerReport) -> list[str]:
    """A layer's whole arithmetic: its sizes, its counts, and the recurrence of its receptive field."""
    return [*layer.explain(), *field_lines(report, layer), *memory_lines(report, layer)]


def memory_lines(report: Report, layer: LayerReport) -> list[str]:
    """How many bytes a layer gives, where a dtype was asked for."""
    if layer.memory is None or report.memory is None or layer.out == NOTHING_KNOWN:
        return []
    if layer.node.layer.VIEW:
        return ["memory: none of its own, it gives what it reads"]
    each = itemsize(report.memory.dtype)
    return [f"memory: {times(layer.out, each)} = {counted(layer.memory.activations)} bytes"]


def peak_line(memory: NetworkMemory) -> str:
    """What is there at the peak, and its sum."""
    parts = [f"{name} {size:,}" for name, size in memory.peak_tensors]
    return f"at once while {memory.peak_at} runs: {' + '.join(parts)} = {counted(memory.peak)} bytes"


def field_lines(report: Report, layer: LayerReport) -> list[str]:
    """The receptive field's recurrence with its numbers, where the layer slides a window over the input's axes."""
    if len(layer.node.reads) > 1:
        return [_joined(report, layer)] if layer.rf else []
    (reads,) = layer.node.reads
    before = (PIXEL,) * len(layer.rf) if reads == INPUT else report.layers[reads].rf
    if before == layer.rf or not layer.rf:
        return []
    k, s, p, d = (layer.values.get(key) for key in ("k", "s", "p", "d"))
    if not (k and s and d) or isinstance(p, str) or layer.op.startswith("convT") or len(before) != len(k):
        return [f"receptive field: size {field_words(layer.rf)}"]
    lines: dict[str, list[str]] = {}
    for axis, (old, new) in enumerate(zip(before, layer.rf, strict=True)):
        if None in old[:3] or old.phases or new.phases or p is None:
            return [f"receptive field: size {field_words(layer.rf)}"]
        tap = k[axis] if d[axis] == 1 else f"({d[axis]}*({k[axis]} - 1) + 1)"
        text = (
            f"size {old.size} + ({tap} - 1)*{old.stride} = {new.size}, "
            f"stride {old.stride}*{s[axis]} = {new.stride}, "
            f"start {old.start} - {p[axis][0]}*{old.stride} = {new.start}"
        )
        lines.setdefault(text, []).append(AXIS_NAMES[len(k)][axis])
    if len(lines) == 1:
        return [f"receptive field: {text}" for text in lines]
    return [f"receptive field, {', '.join(axes)}: {text}" for text, axes in lines.items()]


def _joined(report: Report, layer: LayerReport) -> str:
    """The fields that meet in a layer, and what comes of them."""
    parts = []
    for at in layer.node.reads:
        name, fields = (
            ("input", (PIXEL,) * len(layer.rf)) if at == INPUT else (report.layers[at].name, report.layers[at].rf)
        )
        parts.append(f"{name} {field_words(fields)}")
    return f"receptive field: size {field_words(layer.rf)}, of {'; '.join(parts)}"


def field_words(fields: Fields) -> str:
    """`11, stride 4, start -5`."""
    size, stride, start = (_in_words(field_text(fields, name)) for name in ("size", "stride", "start"))
    return f"{size}, stride {stride}, start {start}"


def _in_words(figure: str) -> str:
    words = {"?": "unknown", "~": "varying by phase"}
    if not any(sign in figure for sign in words):
        return figure
    return " x ".join(words.get(part, part) for part in figure.split("x"))


def axes_text(value: object) -> str:
    """A number per axis as in a layer word: once where all are equal, before+after where the two differ."""
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
    """A figure of each axis' field, once where they are equal: `?` is not known, `~` differs by phase."""
    return axes_text([_figure(field, name) for field in fields])


def _figure(field: Field, name: str) -> object:
    number = getattr(field, name)
    return ("?" if field.phases is None else "~") if number is None else number
