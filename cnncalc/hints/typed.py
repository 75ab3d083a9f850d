"""Hints on what was left out or is read differently than it may be meant; layer words get most of them as notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import CnncalcError
from ..input import read_input
from ..network import Network
from ..report import Hint, LayerReport
from ..sizes import LARGEST, Shape, known, show
from ..trace import fitting_input
from . import Advice, HintKind, HintPlace, find

MOST_WIDTHS = 4
"""The most linear layers for which fitting inputs are searched, each by many traces of the layers before it."""
CHANNELS_NOTE = "{text}; {help}"


def notes(layers: Sequence[LayerReport]) -> Iterator[tuple[Hint, str]]:
    """Yield the hints that layer words get unasked, the first of each kind, each with its note."""
    first: dict[HintKind, Hint] = {}
    for kind, _, hint in find(layers, [kind for kind in KINDS if not kind.of_input]):
        first.setdefault(kind, hint)
    for kind in filter(first.__contains__, KINDS):
        hint = first[kind]
        yield hint, kind.note.format(layer=hint.layers[0], text=hint.text, help=hint.help)


def _space(place: HintPlace) -> Shape:
    sample = place.layer.sample
    return sample[:-1] if place.layer.env.channels_last else sample[1:]


def _kernel(place: HintPlace) -> Advice | None:
    """Return the advice on a convolution whose kernel is 1 because none was given."""
    own, space = place.layer.node.layer, _space(place)
    if (
        not place.source.is_typed
        or own.CONVOLUTION is None
        or "k" in own.given
        or any((known(n) or 3) < 3 for n in space)
    ):
        return None
    k = f"a {'x'.join(['3'] * len(space))}" if len(space) > 1 else "3"
    return Advice("k is 1", f"for {k}: {place.source.with_argument(place.layer.node.spec_index, 'k', 3)}")


def _mode(place: HintPlace) -> Advice | None:
    """Return the advice on a `padding_mode` without padding."""
    layer = place.layer
    if layer.op != "pad" or layer.node.layer.given.get("p") != 0 or not layer.name.endswith("_pad"):
        return None
    word = place.source.with_argument(layer.node.spec_index, "p", 1)
    return Advice("padding_mode pads by p, which is 0", f"for 1 on each side: {word}")


def _linear(place: HintPlace) -> Advice | None:
    """Return the advice on a linear layer over the last axis of a map."""
    layer = place.layer
    if layer.op != "linear" or len(layer.sample) < 2 or layer.env.channels_last:
        return None
    before = place.before()
    if before is None or not before.node.layer.is_spatial:
        return None
    return Advice("works on the last axis", "put flatten in front?")


def _upsample(place: HintPlace) -> Advice | None:
    """Return the advice on an upsampling to sizes that are smaller than the input's."""
    own, space = place.layer.node.layer, _space(place)
    out = own.given.get("out")
    if isinstance(out, tuple) and len({*out}) == 1:
        out = out[0]
    if place.layer.op != "upsample" or not isinstance(out, int) or any((known(n) or 0) <= out for n in space):
        return None
    times = "twice" if out == 2 else f"{out} times"
    word = place.source.with_factor(place.layer.node.spec_index, out)
    return Advice(f"upsample to {show([out] * len(space))}", f"for {times} the size: {word}")


def channels_last(network: Network) -> Advice | None:
    """Return the advice on a configured network's input whose channels seem to be last, in place of the width."""
    try:
        sample = read_input(network).sample
    except CnncalcError:  # the trace will report it
        return None
    if network.layout == "NHWC" or len(sample) < 2 or "C" in map(str, sample):
        return None
    first, *middle, last = [known(n) or LARGEST for n in sample]
    spatial = any(node.layer.is_spatial for node in network.nodes)
    if not spatial or last not in (1, 3, 4) or first <= last or any(n <= last for n in middle):
        return None
    text = f"{show(sample)} has {show(sample[:1])} channels"
    return Advice(text, f"if they come last: --layout NHWC, or {show((last, *sample[:-1]))}")


def _of_input(place: HintPlace) -> Advice | None:
    """Return the advice on the input's channels, at the first layer."""
    network = place.layer.network
    if place.at or place.around or any("c_i" in node.layer.given for node in network.nodes):
        return None
    return channels_last(network)


def _width(place: HintPlace) -> Advice | None:
    """Return the advice on a linear layer that declares its number of features but gets an input of open sizes.

    None if `holds where` already names sizes that fit.
    """
    if place.layer.op != "linear" or place.around or place.at not in place.level.open_widths[:MOST_WIDTHS]:
        return None
    network, wanted = place.layer.network, place.layer.node.layer.given["c_i"]
    from ..conditions import Holds

    if any(condition.solved() or Holds().example(condition) for condition in place.layer.needs):
        return None
    fitting = fitting_input(network, read_input(network), place.at)
    return None if fitting is None else Advice(f"expects {wanted:,} features, and the input's sizes are open", fitting)


KINDS = (
    HintKind(
        "CC512",
        "linear-width",
        "a linear layer expects a different width than it gets",
        "Its c_i fits only some input sizes. For all others the network is impossible, and the error names the inputs "
        "that fit; while the sizes are open, `holds where` names them, or the hint if that is only an equation.",
        "Use an input of a size that fits, or leave c_i out.",
        _width,
        of_input=True,
    ),
    HintKind(
        "CC513",
        "kernel-left-out",
        "a convolution has no k, which is then 1",
        "Frameworks ask for a kernel; here it is 1x1 unless a key or the weights say more.",
        "Write k, even if it is meant to be 1.",
        _kernel,
        of_alike=True,
        note="{layer}: {text}; {help}",
    ),
    HintKind(
        "CC514",
        "padding-mode",
        "a padding_mode has no padding",
        "The mode says what to pad with, p how much; p is 0 by default.",
        "Give p.",
        _mode,
        of_alike=True,
        note="{layer}: {text}; {help}",
    ),
    HintKind(
        "CC515",
        "last-axis",
        "a linear layer works on the last axis of a map",
        "As in PyTorch, it mixes the values along the width, once for each row of each channel.",
        "Put a flatten before it.",
        _linear,
        of_alike=True,
        note="{layer} {text}; {help}",
    ),
    HintKind(
        "CC516",
        "upsample-size",
        "an upsampling makes a map smaller",
        "A bare number is the output's size, not the factor.",
        "Write the factor: `upsample:x2`.",
        _upsample,
        of_alike=True,
        note="{text}; {help}",
    ),
    HintKind(
        "CC517",
        "channels-last",
        "the channels of the input seem to come last",
        "Sizes are read in the layout's order, by default channels first.",
        "Give `--layout NHWC`, or put the channels first.",
        _of_input,
        of_input=True,
        note=CHANNELS_NOTE,
    ),
)
