"""Hints on a network of layer words: what is valid, and perhaps not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import CnncalcError
from ..input import read_input
from ..network import INPUT, Network
from ..report import LayerReport, Report
from ..sizes import LARGEST, Shape, known, show
from .words import Words


def hints(report: Report) -> Iterator[str]:
    """Yield a hint on each kind of layer that is perhaps not meant as it is written, on the first of the kind."""
    source = report.network.source
    if not isinstance(source, Words):
        return
    for find in (_kernel, _mode, _linear, _upsample):
        found = (find(report, layer, source) for layer in report.layers)
        yield from [hint for hint in [next(filter(None, found), None)] if hint is not None]


def _space(report: Report, sample: Shape) -> Shape:
    return sample[:-1] if report.network.layout == "NHWC" else sample[1:]


def _kernel(report: Report, layer: LayerReport, source: Words) -> str | None:
    """Return a hint on a convolution whose kernel is 1 because nothing says what it is."""
    own = layer.node.layer
    space = _space(report, layer.sample)
    if own.CONVOLUTION is None or "k" in own.given or any((known(n) or 3) < 3 for n in space):
        return None
    k = f"a {'x'.join(['3'] * len(space))}" if len(space) > 1 else "3"
    return f"{layer.name}: k is 1; for {k}: {source.with_argument(layer.node.spec_index, 'k3')}"


def _mode(report: Report, layer: LayerReport, source: Words) -> str | None:  # noqa: ARG001 - all have one form
    """Return a hint on a `padding_mode` without padding."""
    if layer.op != "pad" or layer.node.layer.given.get("p") != 0 or not layer.name.endswith("_pad"):
        return None
    word = source.with_argument(layer.node.spec_index, "p1")
    return f"{layer.name}: padding_mode pads by p, which is 0; for 1 on each side: {word}"


def _linear(report: Report, layer: LayerReport, source: Words) -> str | None:  # noqa: ARG001 - all have one form
    """Return a hint on a linear layer over the last axis of a map."""
    if layer.op != "linear" or len(layer.sample) < 2:
        return None
    at = layer.node.reads[0]
    while at != INPUT and report.layers[at].node.layer.KEEPS_SHAPE:
        at = report.layers[at].node.reads[0]
    if at == INPUT or not report.layers[at].node.layer.is_spatial:
        return None
    return f"{layer.name} works on the last axis; put flatten in front?"


def _upsample(report: Report, layer: LayerReport, source: Words) -> str | None:
    """Return a hint on an upsampling to sizes that are no larger than the input's."""
    own = layer.node.layer
    out = own.given.get("out")
    if layer.op != "upsample" or not isinstance(out, int):
        return None
    if any((known(n) or 0) <= out for n in _space(report, layer.sample)):
        return None
    to = show([out] * len(_space(report, layer.sample)))
    times = "twice" if out == 2 else f"{out} times"
    typed = source.text.words[source.owners[layer.node.spec_index]]
    factor = f"scale_factor={out}" if typed.endswith(")") else f"x{out}"
    word = re.sub(rf"(?<=[:(,])\s*((out|size)\s*=\s*)?{out}(?=[,)]|$)", factor, typed, count=1)
    return f"upsample to {to}; for {times} the size: {word}"


def channels_hint(network: Network) -> str | None:
    """Return a hint on a configured network's input whose channels seem to stand last, and are read as its width."""
    try:
        sample = read_input(network).sample
    except CnncalcError:  # the trace says what is wrong
        return None
    if network.layout == "NHWC" or len(sample) < 2 or "C" in map(str, sample) or len(network.input or ()) < len(sample):
        return None
    first, *middle, last = [known(n) or LARGEST for n in sample]
    spatial = any(node.layer.is_spatial for node in network.nodes)
    if not spatial or last not in (1, 3, 4) or first <= last or any(n <= last for n in middle):
        return None
    turned = show((last, *sample[:-1]))
    return f"{show(sample)} has {show(sample[:1])} channels; if they stand last: --layout NHWC, or {turned}"
