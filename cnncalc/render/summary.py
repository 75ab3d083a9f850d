"""The sentences under a table, and the arithmetic of `--explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

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
        size, stride, start = (field_text([getattr(f, n) for f in report.rf]) for n in ("size", "stride", "start"))
        lines.append(f"receptive field {size}, stride {stride}, start {start}".replace("?", "unknown"))
    return lines


def counted(number: int | None) -> str:
    """A count for a person."""
    return "unknown" if number is None else f"{number:,}"


def lone_convolution(report: Report) -> list[str]:
    """What a network's only convolution is compared with; nothing where it has none or several."""
    convolutions = [layer for layer in report.layers if layer.is_convolution]
    if len(convolutions) != 1:
        return []
    layer = convolutions[0]
    ratio = full(COLUMNS["ratio"].cell(layer), COLUMNS["ratio"])
    return [
        f"{layer.name}: {counted(layer.weights)} weights, {counted(layer.params)} with bias",
        f"  locally connected {counted(layer.local_weights)}, fully connected {counted(layer.fc_weights)} ({ratio})",
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
    from ..network import INPUT
    from ..receptive import PIXEL

    reads = layer.node.reads
    before = (PIXEL,) * len(layer.rf) if reads == INPUT else report.layers[reads].rf
    if before == layer.rf or not layer.rf:
        return []
    k, s, p, d = (layer.values.get(key) for key in ("k", "s", "p", "d"))
    if not (k and s and d) or isinstance(p, str) or layer.op.startswith("convT") or len(before) != len(k):
        return [f"receptive field: {_field(layer)}"]
    texts: dict[str, None] = {}
    for axis, (old, new) in enumerate(zip(before, layer.rf, strict=True)):
        if None in old[:3] or old.phases or new.phases or p is None:
            return [f"receptive field: {_field(layer)}"]
        tap = k[axis] if d[axis] == 1 else f"({d[axis]}*({k[axis]} - 1) + 1)"
        texts[
            f"receptive field: size {old.size} + ({tap} - 1)*{old.stride} = {new.size}, "
            f"stride {old.stride}*{s[axis]} = {new.stride}, "
            f"start {old.start} - {p[axis][0]}*{old.stride} = {new.start}"
        ] = None
    return list(texts)


def _field(layer: LayerReport) -> str:
    size, stride, start = (field_text([getattr(f, n) for f in layer.rf]) for n in ("size", "stride", "start"))
    return f"size {size}, stride {stride}, start {start}".replace("?", "unknown")
