"""The values of a layer's window from arrays, in the form that the window's steps read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..layers import ConvKind
from ..network import Network
from ..report import LayerReport
from ..sizes import Shape
from ..steps import Filled, Kernel, Number, Values, Window, made_up, window_of
from . import weights as arrays
from .job import Job
from .npy import NamedArrays
from .task import Array, sizes_of


def fill(
    network: Network,
    x: Array | None,
    shape: Shape,
    weights: NamedArrays | Array | None,
    bias: Array | None,
) -> tuple[LayerReport, Filled] | None:
    """Return the only layer of a network, and its window filled with values; None if it has no such window.

    What is not given is made up: the input `x` of this shape, or the weights, unless the network has its own. Of a
    batch, the first sample is used.
    Raise SpecError and ShapeError for arrays that do not fit the layer, as running it does.
    """
    kind = np.dtype(np.float64) if x is None else x.dtype
    job = Job(network, sizes_of(shape, "the input"), kind, weights, bias=bias, seed=0)
    layer, *others = job.report.layers
    window = None if others else window_of(layer)
    if window is None:
        return None
    filled = made_up(window)
    if x is not None:
        filled = filled._replace(x=_input(layer, job.samples.split(x)[0]), made_up=filled.made_up[1:])
    own = {name.rpartition(".")[2] for name in job.weights}
    bound = arrays.bind(job.wants, job.weights, 0, np.dtype(np.float64)) if own else {}
    named = {name.rpartition(".")[2]: array for name, array in bound.items() if name.rpartition(".")[2] in own}
    if "weight" in named:
        left = [what for what in filled.made_up if what != "kernel"]
        filled = filled._replace(kernel=_kernel(layer, window, named["weight"]), made_up=tuple(left))
    if "bias" in named:
        filled = filled._replace(bias=_bias(named["bias"]))
    return layer, filled


def _input(layer: LayerReport, sample: Array) -> Values:
    """Return the values of a sample, with channels first."""
    x = np.moveaxis(sample, -1, 0) if layer.env.channels_last else sample
    x = x.view(np.uint8) if x.dtype == bool else x
    return lambda channel, place: x[(channel, *place)].item()


def _kernel(layer: LayerReport, window: Window, weight: Array) -> Kernel:
    """Return the weights of an array in the layout of its network."""
    kind, last = layer.node.layer.CONVOLUTION, layer.env.channels_last
    if kind is ConvKind.DEPTHWISE:
        array = np.moveaxis(weight, (-2, -1), (0, 1)) if last else weight
        array = array.reshape(window.c_o, 1, *array.shape[2:])
    else:
        array = np.moveaxis(weight, (-1, -2), (0, 1)) if last else weight
    if kind is ConvKind.TRANSPOSED:
        each = window.c_o // window.groups
        return lambda channel, c, tap: array[(window.inputs(channel)[c], channel % each, *tap)].item()
    return lambda channel, c, tap: array[(channel, c, *tap)].item()


def _bias(bias: Array) -> Callable[[int], Number]:
    return lambda channel: bias[channel].item()
