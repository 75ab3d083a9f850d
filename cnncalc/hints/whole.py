"""Hints on a layer among others: weights without effect, constant outputs, fields that cover the input."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import named_list
from ..fields.borders import least
from ..fields.graph import Graph
from ..report import LayerReport, Report, leaves
from ..sizes import known, show
from ..trace import MOST_RETRACED
from . import Advice, HintKind, HintLevel, HintPlace
from .windows import plural


def _bias_before_norm(place: HintPlace) -> Advice | None:
    """Return the advice on a bias whose only readers subtract the mean of each channel."""
    layer, readers = place.layer, place.level.readers.get(place.at)
    if not layer.bias or not readers or place.at in place.level.shared:
        return None
    if not _is_per_channel(layer) or not all(map(_takes_mean_away, readers)):
        return None
    norms = [*dict.fromkeys(reader.op for reader in readers)]
    why = f"the {named_list(norms)} after it {'subtracts' if len(norms) == 1 else 'subtract'} the mean of each channel"
    return Advice(f"its bias of {layer.bias:,} has no effect: {why}", f"bias=false saves {layer.bias:,} parameters")


def _is_per_channel(layer: LayerReport) -> bool:
    """Return whether a layer's bias has one number for each channel of the next layer."""
    own = layer.node.layer
    if own.CONVOLUTION is not None:
        return True
    return own.WORD == "linear" and (len(layer.traced.out) == 1 or layer.env.channels_last)


def _takes_mean_away(layer: LayerReport) -> bool:
    """Return whether a norm subtracts the mean of each channel separately."""
    if layer.op == "groupnorm" and layer.sample:
        c = layer.sample[-1] if layer.env.channels_last else layer.sample[0]
        return layer.values.get("g") == c
    return layer.op in ("batchnorm", "instancenorm")


def _constant_output(place: HintPlace) -> Advice | None:
    """Return the advice on a softmax or a norm of single values."""
    layer = place.layer
    x, axes = layer.sample, layer.traced.axes
    if layer.op in ("softmax", "logsoftmax") and axes and x[axes[0] - 1] == 1:
        what = "1" if layer.op == "softmax" else "0"
        return Advice(
            f"axis {axes[0]} has one value, so every output is {what}",
            "use a sigmoid for one value, or give it two or more",
        )
    if layer.op not in ("layernorm", "instancenorm", "groupnorm") or not x:
        return None
    space = x[:-1] if layer.env.channels_last else x[1:]
    sizes = space if layer.op == "instancenorm" else [x[axis - 1] for axis in axes]
    if layer.op == "groupnorm":
        c, g = known(x[-1] if layer.env.channels_last else x[0]), layer.values["g"]
        sizes = () if c is None else (*space, c // g)
    if not sizes or any(n != 1 for n in sizes):
        return None
    text = "it normalizes single values: each is its own mean, so every output is the layer's bias, or 0"
    return Advice(text, "leave it out, or normalize over more values, as layernorm does over features")


def _is_map(layer: LayerReport | None) -> bool:
    """Return whether a layer's output is a map with channels first."""
    return layer is not None and layer.node.layer.is_spatial and not layer.env.channels_last


def _softmax_axis(place: HintPlace) -> Advice | None:
    """Return the advice on a softmax along the last axis of a map whose channels are first."""
    layer = place.layer
    if layer.op not in ("softmax", "logsoftmax") or len(layer.sample) < 3 or not _is_map(place.before()):
        return None
    axis, (n, c) = layer.traced.axes[0], (layer.sample[layer.traced.axes[0] - 1], layer.sample[0])
    if axis == 1 or n == 1:
        return None
    return Advice(
        (f"it works along axis {axis} of the map, {n} values, not along the {c} channels"),
        "axis=1 works along the channels",
    )


def _border_layers(place: HintPlace) -> Advice | None:
    """Return the advice on the first border layer, whose input already sees all of the network's input."""
    border = place.network.borders
    if not border or border[0] != place.name:
        return None
    sizes, own = place.network.space, place.layer.reads_fields[0].of
    field = "x".join([str(one.size) for one in own])
    more = f" and those of {plural(len(border) - 1, 'layer')} after it" if len(border) > 1 else ""
    text = (
        f"a unit of its input already sees {field} pixels, and the image has {show(sizes)}: in the middle of the map "
        f"its window{more} {'add' if more else 'adds'} nothing"
    )
    enough = [n for n in _least(place.network) if n is not None]
    size = f"an input of {show(enough)} or more, or " if len(enough) == len(sizes) else ""
    return Advice(text, f"{size}fewer strides and layers before it")


def _least(level: HintLevel) -> Sequence[int | None]:
    """Return the size of each axis of the input from which on every layer contributes; () for a long network."""
    if level.entrance is None or len([*leaves(level.layers)]) > MOST_RETRACED:
        return ()
    layer, at = level.entrance
    return least(Graph(Report(layer.network, None, layer.samples[at], list(level.layers))))


KINDS = (
    HintKind(
        "CC508",
        "bias-before-norm",
        "a bias comes right before a norm",
        "A batch norm (or instance norm) subtracts the mean of each channel, and with it the bias (Ioffe & Szegedy "
        "2015, 3.2); the norm has a bias of its own.",
        "Leave the bias out: `nobias`.",
        _bias_before_norm,
    ),
    HintKind(
        "CC509",
        "constant-output",
        "a softmax or a norm works on single values",
        "A softmax of one value is 1, and a value minus its own mean is 0, whatever the input is.",
        "Use a sigmoid, or an axis with more values.",
        _constant_output,
        of_input=True,
        of_alike=True,
    ),
    HintKind(
        "CC510",
        "softmax-axis",
        "a softmax works along the width of a map",
        "Its default is the last axis; in a map with the channels first that is the width, not the classes.",
        "Name the axis: `axis=1`.",
        _softmax_axis,
        of_alike=True,
    ),
    HintKind(
        "CC511",
        "border-layers",
        "the receptive field covers the input before the last window",
        "Where the units of a layer's input already see more than the whole input, its windows add no context in the "
        "middle of the map (border layers; Richter et al., Should You Go Deeper?, 2021).",
        "Use a larger input, or fewer strides and layers.",
        _border_layers,
        of_input=True,
    ),
)
