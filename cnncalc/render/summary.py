"""The sentences under a table, and the arithmetic of `--explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..layers import Fields
from ..layers.base import AXIS_NAMES
from ..network import INPUT
from ..receptive import PIXEL
from ..sizes import show
from .columns import COLUMNS, field_text, full

if TYPE_CHECKING:
    from ..trace import LayerReport, Report

TEXTBOOK = (
    "the textbook's forms, p_h being the total padding of both sides:",
    "  size        floor((n_h - k_h + p_h + s_h)/s_h)",
    "  parameters  c_o*c_i*k_h*k_w + c_o",
    "  field       size + (k-1)*stride; stride*s; start - p_before*stride",
)


def totals(report: Report) -> list[str]:
    """`output 64x56x56, 9,472 parameters, 118,013,952 MACs` and `receptive field 11, stride 4, start -5`."""
    parts = [f"output {show(report.out)}", f"{counted(report.params)} parameters"]
    if report.buffers != 0:
        parts.append(f"{counted(report.buffers)} buffers")
    parts.append(f"{counted(report.macs)} MACs")
    lines = [", ".join(parts)]
    if report.rf:
        lines.append(f"receptive field {_figures(report.rf)}")
    return lines


def _figures(fields: Fields) -> str:
    """`11, stride 4, start -5`."""
    size, stride, start = (_in_words(field_text(fields, name)) for name in ("size", "stride", "start"))
    return f"{size}, stride {stride}, start {start}"


def _in_words(figure: str) -> str:
    words = {"?": "unknown", "~": "varying by phase"}
    if not any(sign in figure for sign in words):
        return figure
    return " x ".join(words.get(part, part) for part in figure.split("x"))


def counted(number: int | None) -> str:
    """A count for a person."""
    return "unknown" if number is None else f"{number:,}"


def lone_convolution(report: Report) -> list[str]:
    """What a network's only convolution is compared with; nothing where it has none or several."""
    convolutions = [layer for layer in report.layers if layer.is_convolution]
    if len(convolutions) != 1:
        return []
    layer = convolutions[0]
    cell = COLUMNS["ratio"].cell(layer)
    ratio = "" if cell is None else f" ({full(cell, COLUMNS['ratio'])})"
    return [
        f"{layer.name}: {counted(layer.weights)} weights, {counted(layer.params)} with bias",
        f"  locally connected {counted(layer.local_weights)}, fully connected {counted(layer.fc_weights)}{ratio}",
    ]


def explanation(report: Report) -> Iterator[str]:
    """Each layer's arithmetic, and below it the recurrence of its receptive field."""
    yield from TEXTBOOK
    for layer in report.layers:
        yield ""
        yield f"{layer.name}: {show(layer.x)} -> {show(layer.out)}"
        for line in (*layer.explain(), *field_lines(report, layer)):
            yield f"  {line}"


def field_lines(report: Report, layer: LayerReport) -> list[str]:
    """The receptive field's recurrence with its numbers, where the layer slides a window over the input's axes."""
    reads = layer.node.reads
    before = (PIXEL,) * len(layer.rf) if reads == INPUT else report.layers[reads].rf
    if before == layer.rf or not layer.rf:
        return []
    k, s, p, d = (layer.values.get(key) for key in ("k", "s", "p", "d"))
    if not (k and s and d) or isinstance(p, str) or layer.op.startswith("convT") or len(before) != len(k):
        return [f"receptive field: size {_figures(layer.rf)}"]
    lines: dict[str, list[str]] = {}
    for axis, (old, new) in enumerate(zip(before, layer.rf, strict=True)):
        if None in old[:3] or old.phases or new.phases or p is None:
            return [f"receptive field: size {_figures(layer.rf)}"]
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
