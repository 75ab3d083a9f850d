"""The arithmetic that leads to a layer's figures, one line a formula, and figures as text."""

from __future__ import annotations

from collections.abc import Sequence

from .field import NOTHING, PIXEL, POOLED, Field, Interval
from .layers.base import by_axis
from .layers.conv import times
from .measures import NetworkMemory
from .memory import itemsize
from .network import INPUT
from .report import LayerReport, Report
from .sizes import NOTHING_KNOWN, counted


def lines(report: Report, layer: LayerReport) -> list[str]:
    """Return all of a layer's arithmetic: its sizes, its counts, and the recurrence of its receptive field."""
    return [*layer.explain(), *field_lines(layer), *memory_lines(report, layer)]


def memory_lines(report: Report, layer: LayerReport) -> list[str]:
    """Return how many bytes a layer's output takes, if the report has a dtype."""
    if layer.memory is None or report.memory is None or layer.out == NOTHING_KNOWN:
        return []
    if layer.node.layer.VIEW:
        return ["memory: none, because it is a view of its input"]
    each = itemsize(report.memory.dtype)
    return [f"memory: {times(layer.out, each)} = {counted(layer.memory.activations)} bytes"]


def peak_line(memory: NetworkMemory) -> str:
    """Return the tensors in memory at the peak, and their sum."""
    parts = [f"{name} {size:,}" for name, size in memory.peak_tensors]
    return f"at once while {memory.peak_at} runs: {' + '.join(parts)} = {counted(memory.peak)} bytes"


def field_lines(layer: LayerReport) -> list[str]:
    """Return how a layer's receptive field follows from its inputs': the recurrence, or the paths that meet."""
    names = ["input" if at == INPUT else layer.nodes[at].name for at in layer.node.reads]
    inputs = [(name, fields.shown) for name, fields in zip(names, layer.reads_fields, strict=True)]
    result = f"receptive field: size {field_words(layer.rf)}"
    if not layer.rf:
        return []
    if len(inputs) > 1:
        met = [fields for _, fields in inputs if len(fields) == len(layer.rf)]
        joined = by_axis([_joined(fields) for fields in zip(*met, strict=True)])
        of = "; ".join(f"{name} {field_words(fields)}" for name, fields in inputs)
        return [f"{result}, of {of}", *[f"receptive field, {line}" for line in joined if not line.endswith(": ")]]
    if inputs[0][1] == layer.rf:
        return []
    steps = by_axis(_recurrence(layer))
    told = [result] if not steps or any(field.phases for field in (*inputs[0][1], *layer.rf)) else []
    if len(steps) > 1 or told:
        return [*told, *[f"receptive field, {step}" for step in steps]]
    return [f"receptive field: {step.partition(': ')[2]}" for step in steps]


def relation(layer: LayerReport) -> tuple[Field, ...]:
    """Return the field of a layer's units in units of its only input, on each axis of the network's input."""
    before = layer.reads_fields[0]
    own = layer.node.layer.trace(layer.samples[0], before._replace(of=(PIXEL,) * len(before.of)), layer.env)
    return own.fields.of


def _recurrence(layer: LayerReport) -> list[str]:
    """Return the recurrence on each axis; empty if a field is unknown, or if the layer is a block or moves axes."""
    old, new = layer.reads_fields[0].of, layer.traced.fields.of
    if layer.node.layer.NESTS or layer.node.layer.JOINS or old == new:
        return []
    own = relation(layer)
    if any(field.spans is None for field in (*old, *own, *new)):
        return []
    extents = _extents(layer, len(new))
    steps = [
        _window(*fields, extent) if all(map(_is_window, fields)) else _phases(*fields)
        for fields, extent in zip(zip(old, own, new, strict=True), extents, strict=True)
    ]
    order = [axis for axis in layer.traced.fields.axes if type(axis) is int]
    return [steps[axis] for axis in order] if len(order) == len(steps) else steps


def _is_window(field: Field) -> bool:
    """Return whether the units of a field differ only by their place, and are in order."""
    return field.phases is None and (field.stride or 0) > 0


def _extents(layer: LayerReport, axes: int) -> list[str]:
    """Return the extent of a dilated window on each axis as a formula; empty if nothing is dilated."""
    k, d = layer.values.get("k"), layer.values.get("d")
    if not isinstance(k, tuple) or not isinstance(d, tuple) or len(k) != axes:
        return [""] * axes
    return ["" if dilation == 1 else f"({dilation}*({taps} - 1) + 1)" for taps, dilation in zip(k, d, strict=True)]


def _window(old: Field, own: Field, new: Field, extent: str) -> str:
    """Return the recurrence of a window: `size 11 + (3 - 1)*4 = 19, stride 4*2 = 8, start -5 - 1*4 = -9`."""
    assert own.start is not None
    shift = f"- {-own.start}" if own.start <= 0 else f"+ {own.start}"
    span = extent or own.size
    return (
        f"size {old.size} + ({span} - 1)*{old.stride} = {new.size}, "
        f"stride {old.stride}*{own.stride} = {new.stride}, start {old.start} {shift}*{old.stride} = {new.start}"
    )


MOST_EXPLAINED = 4
"""The number of phases that are written out."""


def _phases(old: Field, own: Field, new: Field) -> str:
    """Return the units that the units of each phase see, and the pixels that those see."""
    count, texts = len(new.phases or own.phases or (0,)), []
    for unit in range(min(count, MOST_EXPLAINED)):
        seen, pixels = [_interval(field, unit) for field in (own, new)]
        if NOTHING in (seen, pixels):
            texts.append(f"unit {unit} sees nothing")
        elif old == PIXEL:
            texts.append(f"unit {unit} sees {_to('pixel', seen)}")
        else:
            texts.append(f"unit {unit} sees {_to('unit', seen)}, {_pixels(old, seen, pixels)}")
    if count > MOST_EXPLAINED:
        texts.append("…")
    if new.phases is not None:
        texts.append(_again(count, new.advance))
    elif new.stride:
        texts.append(_again(1, new.stride))
    return "; ".join(texts)


def _again(unit: int, pixels: int) -> str:
    return f"unit {unit} as unit 0, shifted by {pixels} pixel{'s' * (pixels != 1)}"


def _pixels(old: Field, seen: Interval, pixels: Interval) -> str:
    """Return the first and the last pixel of the outermost units, with their arithmetic if those units are alike."""
    if old.size is None or not _is_window(old):
        return _to("pixel", pixels)
    first, last = [f"{old.start} {'-' if unit < 0 else '+'} {abs(unit)}*{old.stride}" for unit in seen]
    return f"pixels {first} = {pixels[0]} to {last} + {old.size - 1} = {pixels[1]}"


def _joined(fields: Sequence[Field]) -> str:
    """Return how unit 0's field follows from those of the meeting paths; empty if they are the same."""
    spans = [_interval(field, 0) for field in fields if field.spans is not None]
    local = [span for field, span in zip(fields, spans, strict=False) if not field.marks & POOLED and span != NOTHING]
    if len(spans) < len(fields) or len(local) < 2 or len(set(fields)) == 1:
        return ""
    first, last = [", ".join(str(edge) for edge in edges) for edges in zip(*local, strict=True)]
    least, most = min(span[0] for span in local), max(span[1] for span in local)
    return f"unit 0 from min({first}) = {least} to max({last}) = {most}"


def _interval(field: Field, unit: int) -> Interval:
    """Return the first and the last pixel that a unit sees, or NOTHING."""
    phases, step = field.spans or ([NOTHING], 0)
    first, last = phases[unit % len(phases)]
    shift = unit // len(phases) * step
    return NOTHING if (first, last) == NOTHING else (first + shift, last + shift)


def _to(what: str, span: Interval) -> str:
    """Return `units 0 to 4`, or `unit 0`."""
    return f"{what}s {span[0]} to {span[1]}" if span[0] != span[1] else f"{what} {span[0]}"


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
    """Return a number per axis as a layer word has it: once if all are equal, before+after if the two sides differ."""
    if not isinstance(value, (list, tuple)):
        return "" if value is None else str(value)
    if value and value.count(value[0]) == len(value):
        return _side_text(value[0])
    sides = [_side_text(v) for v in value]
    return sides[0] if len(set(sides)) == 1 else "x".join(sides)


def _side_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        before, after = value
        return str(before) if before == after else f"{before}+{after}"
    return "?" if value is None else str(value)


def field_text(fields: Sequence[Field], name: str) -> str:
    """Return a figure of each axis's field, once if all are equal: `?` if not known, `~` if it differs by phase."""
    return axes_text([_figure(field, name) for field in fields])


def _figure(field: Field, name: str) -> object:
    """Return a figure of a field. If units differ, their size is a range and they have no stride."""
    number = getattr(field, name)
    if field.phases is None:
        return "?" if number is None else number
    if name == "size" and field.sizes is not None and field.sizes[0] != field.sizes[1]:
        return "{}-{}".format(*field.sizes)
    return "~" if number is None or name == "stride" else number
