"""The sentences under a table, and the arithmetic of `--explain`."""

from __future__ import annotations

from collections.abc import Iterator

from ..explain import field_words, lines, peak_line
from ..report import Report
from ..sizes import counted, show, size_text, total
from . import Selection
from .columns import COLUMNS
from .grid import full
from .rows import rows

TEXTBOOK = (
    "the textbook's formulas, where p_h is the total padding of both sides:",
    "  size        floor((n_h - k_h + p_h + s_h)/s_h)",
    "  parameters  c_o*c_i*k_h*k_w + c_o",
    "  field       size + (k-1)*stride; stride*s; start - p_before*stride",
)


def totals(report: Report) -> list[str]:
    """Return `output 64x56x56, 9,472 parameters, 118,013,952 MACs` and `receptive field 11, stride 4, start -5`."""
    buffers = "" if report.buffers == 0 else f", {counted(report.buffers)} buffers"
    output, params, macs = show(report.out), counted(report.params), counted(report.macs)
    sentences = [f"output {output}, {params} parameters{buffers}, {macs} MACs"]
    if report.is_keras:
        parts = (report.trainable, report.non_trainable)
        figures = [counted(n) for n in (total(parts), *parts)]
        sentences.append("Keras's totals: {} parameters, {} trainable, {} non-trainable".format(*figures))
    outputs = report.named_outputs()
    if len(outputs) > 1:
        sentences.append(f"outputs {', '.join([f'{name} {show(layer.out)}' for name, layer in outputs.items()])}")
    if report.rf:
        sentences.append(f"receptive field {field_words(report.rf)}")
    if report.letters and (conditions := report.holds.texts()):
        sentences.append(f"holds where {'; '.join(conditions)}")
    return sentences + path_notes(report)


def path_notes(report: Report) -> list[str]:
    """Return where misaligned paths meet, and where a global pool is left out of the field."""
    sentences = []
    for what, layers in (
        ("not aligned: paths with different strides or centres meet in", report.misaligned()),
        ("paths through a global pool, which see the whole input, are left out of the field of", report.left_out()),
    ):
        if layers:
            more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
            sentences.append(f"{what} {', '.join([layer.name for layer in layers[:3]])}{more}")
    return sentences


def memory(report: Report) -> list[str]:
    """Return the bytes of the parameters, the peak of the activations and the sum of outputs, if there is a dtype."""
    sizes = report.memory
    if sizes is None:
        return []
    buffers = "" if sizes.buffers == 0 else f", buffers {_in_bytes(sizes.buffers)}"
    peak = "unknown" if sizes.peak is None else f"at most {_in_bytes(sizes.peak)}, while {sizes.peak_at} runs"
    return [
        f"{sizes.dtype}: parameters {_in_bytes(sizes.params)}{buffers}",
        f"activations at once: {peak}",
        f"all outputs together, as other tools count them: {_in_bytes(sizes.naive)}",
    ]


def counted_as(report: Report) -> list[str]:
    """Return the MACs that a tool prints, and its difference from the exact count, one line per op."""
    counted_by = report.macs_as
    if counted_by is None:
        return []
    tool, exact = f"{counted_by.tool} {counted_by.version}", counted_by.exact
    if counted_by.macs is None or exact is None:
        few = ", ".join(counted_by.unknown[:3])
        return [f"MACs as {tool} prints them: unknown" + (f", because of {few}" if few else "")]
    sentences = [f"MACs as {tool} prints them: {counted_by.macs:,}, {_apart(counted_by.macs - exact)}"]
    kinds = [kind for kind in counted_by.kinds if kind.difference]
    width = max([len(kind.op) for kind in kinds], default=0)
    digits = max([len(f"{kind.difference:+,}") for kind in kinds], default=0)
    return sentences + [f"  {kind.op:{width}}  {kind.difference:+{digits},}  {kind.why}" for kind in kinds]


def _apart(difference: int) -> str:
    """Return `494,184 more than the exact count`."""
    if not difference:
        return "the exact count"
    return f"{abs(difference):,} {'more' if difference > 0 else 'fewer'} than the exact count"


def _in_bytes(number: int | None) -> str:
    """Return `9,408 bytes (9.2 KiB)`."""
    if number is None:
        return "unknown"
    return f"{number:,} bytes ({size_text(number)})" if number >= 1024 else f"{number:,} bytes"


def comparison(report: Report, in_table: bool) -> list[str]:
    """Return the comparison of convolutions with fully and locally connected layers, unless the table has it."""
    convolutions = [layer for layer in report.layers if layer.is_convolution]
    if not convolutions or (len(convolutions) > 1 and in_table):
        return []
    weights, local, fc = [
        total([getattr(layer, figure) for layer in convolutions])
        for figure in ("weights", "local_weights", "fc_weights")
    ]
    ratio = (
        f" ({full(fc / weights, COLUMNS['ratio'])})"
        if isinstance(fc, int) and isinstance(weights, int) and weights
        else ""
    )
    others = f"locally connected {counted(local)}, fully connected {counted(fc)}{ratio}"
    if len(convolutions) > 1:
        return [f"{len(convolutions)} convolutions: {counted(weights)} weights", f"  {others}"]
    layer = convolutions[0]
    return [f"{layer.name}: {counted(weights)} weights, {counted(layer.params)} with bias", f"  {others}"]


def explanation(report: Report, selection: Selection) -> Iterator[str]:
    """Yield the arithmetic of each layer, with the recurrence of its receptive field."""
    yield from TEXTBOOK
    for row in rows(report, selection):
        layer = row.layer
        yield ""
        yield f"{row.name}: {show(layer.x)} -> {show(layer.out)}"
        for line in lines(report, layer):
            yield f"  {line}"
    if report.memory is not None and report.memory.peak_at is not None:
        yield ""
        yield peak_line(report.memory)
