"""Keras's convolutions and pools, and the layers that pad or crop (ZeroPadding, Cropping).

The keys of a window are only renamed (the tables are in `layers/names.py`). `padding` keeps its word: `valid`, `same`
and `causal` mean in the dialect keras what they mean in Keras, so that a pool's `same` does not count its padding.
"""

from __future__ import annotations

from ....layers import OPS
from ....layers.names import KERAS
from .config import LayerCall, Tensor, is_listable
from .functions import array_in, operands_of
from .parts import CONVERTERS, Converter, LayerPart, Parts, Raw, renamed
from .quantized import lora_rank, with_lora
from .roles import literal, turned

_CONVOLUTIONS = ("conv", "dwconv", "sepconv", "convT")
_POOLS = ("maxpool", "avgpool", "globalmaxpool", "globalavgpool", "adaptivemaxpool", "adaptiveavgpool")


def _window(op: str) -> Converter:
    """Return the converter to a convolution or a pool."""
    if op.startswith("conv") and not op.startswith("convT"):
        return lambda call: renamed(call, op) if lora_rank(call.config) is None else _conv_with_lora(call, op)
    return lambda call: renamed(call, op)


def _conv_with_lora(call: LayerCall, op: str) -> Parts:
    """Return a convolution plus one of `rank` outputs followed by a pointwise one."""
    raw, rank = renamed(call, op), lora_rank(call.config) or 1
    groups, sizes = raw.get("g", 1), call.sizes()
    if groups != 1 and (sizes is None or None in sizes or not is_listable(groups)):
        return None  # repeated copies of its first kernel could not be counted
    frozen: Raw = {**raw, "bias": False}
    second: Raw = {"op": op, "c_o": raw.get("c_o"), "k": 1, "g": groups, "bias": False}
    has_bias = call.get("use_bias") is not False
    return with_lora(call, rank, frozen, frozen | {"c_o": rank * groups}, second, has_bias, "kernel")


for _op in (*_CONVOLUTIONS, *_POOLS):
    for _word, _end in KERAS[_op].numbered():
        CONVERTERS[_word] = _window(_op + _end if _op + _end in OPS else _op)


_OPERATIONS = {
    "MaxPool": "maxpool",
    "AveragePool": "avgpool",
    "AdaptiveMaxPool": "adaptivemaxpool",
    "AdaptiveAveragePool": "adaptiveavgpool",
}
"""The pooling operations, which have one name for all numbers of axes, by class."""


@CONVERTERS.register(*_OPERATIONS)
def _pool(call: LayerCall) -> Parts:
    """Return a pool over all axes of space."""
    nd = len(call.sizes() or ()) - 1
    op = _OPERATIONS[call.kind] + ("" if nd == 2 else f"{nd}d")
    return renamed(call, op) if op in OPS else None


@CONVERTERS.register("Conv", "DepthwiseConv", "SeparableConv")
def _conv_of_arrays(call: LayerCall) -> Parts:
    """Return a convolution over all spatial axes whose kernel is an array, not a parameter."""
    operands, sizes = operands_of(call.args), call.sizes() or ()
    first, *others = [array_in(one) for one in operands[1:]] or [None]
    nd = len(sizes) - 1
    if first is None or len(others) != (call.kind == "SeparableConv") or not 1 <= nd <= 3 or len(first[1]) != nd + 2:
        return None
    if not isinstance(operands[0], Tensor) or first[1][-2] != sizes[-1 if call.channels_last else 0]:
        return None
    if call.kind == "Conv":
        return [_with_array(call, "conv", first)]
    parts = [_with_array(call, "dwconv", first)]
    if others:
        channels = first[1][-2] * first[1][-1]
        if others[0] is None or others[0][1][:-1] != [*[1] * nd, channels]:
            return None
        pointwise = _with_array(call, "conv", others[0])
        parts = [parts[0]._replace(suffix="_depthwise"), pointwise._replace(raw=pointwise.raw | {"s": 1, "d": 1})]
    return parts


def _with_array(call: LayerCall, op: str, array: tuple[list[float], list[int]]) -> LayerPart:
    """Return a convolution or depthwise convolution with Keras's array: (k, c_i, c_o) or (k, c_i, multiplier)."""
    numbers, shape = array
    *k, c_i, width = shape
    nd = len(k)
    is_conv = op == "conv"
    raw = renamed(call, op if nd == 2 else f"{op}{nd}d") | {"k": k, "bias": False}
    raw |= {"c_o": width} if is_conv else {"multiplier": width}
    if call.channels_last:
        return LayerPart(raw, recipes={"weight": literal(numbers, shape)})
    order = [*((nd + 1, nd) if is_conv else (nd, nd + 1)), *range(nd)]
    out = [width, c_i, *k] if is_conv else [c_i * width, 1, *k]
    return LayerPart(raw, recipes={"weight": turned(numbers, shape, order, out)})


@CONVERTERS.register(*(f"{kind}{n}D" for kind in ("ZeroPadding", "Cropping") for n in (1, 2, 3)))
def _border(call: LayerCall) -> Parts:
    """Return a pad or a crop; in one dimension two numbers are the sides before and after."""
    raw = renamed(call, "crop" if call.kind.startswith("Cropping") else "pad")
    p = raw.get("p")
    lone = call.kind.endswith("1D") and isinstance(p, list) and all(type(n) is int for n in p)
    return {**raw, "p": [p]} if lone else raw


FUSED = {word for op in _CONVOLUTIONS for word, _ in KERAS[op].numbered()}
"""The convolutions, which have a built-in activation."""
