"""Rules of sums, differences, products and quotients: of values, with parameters, and with numbers."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from .calls import Constant, TracedTensor
from .rules import Arguments, CallLayer, OpaqueCall, Rules

RULES = Rules()


def combine(args: Arguments, op: str) -> CallLayer | TracedTensor:
    """Read a join of two values, a scale by a weight or a bias of its own, or a rescaling by numbers."""
    role, key, neutral = ("bias", "offset", 0) if op == "add" else ("weight", "factor", 1)
    first, second = args.get("input"), args.get("other")
    if args.get("alpha", 1) != 1:
        raise OpaqueCall
    x, other = (first, second) if isinstance(first, TracedTensor) else (second, first)
    x = args.sampled(x)
    if isinstance(other, TracedTensor):
        return joined(args, op, x, other)
    if isinstance(other, Constant) and other.name in args.trained:
        return scaled(role, x, other)
    constant = numbers(x, other)
    return x if constant == neutral else rescaled(x, **{key: constant})


RULES.rule("add radd iadd", "input other")(partial(combine, op="add"))
RULES.rule("mul rmul imul multiply", "input other")(partial(combine, op="mul"))


def joined(args: Arguments, op: str, x: TracedTensor, other: TracedTensor) -> CallLayer:
    """Return the join of two values. OpaqueCall if a sum repeats one of them, or if they differ in number of axes."""
    args.sampled(other)
    same = x.shape == other.shape if op == "add" else len(x.shape) == len(other.shape)
    if not same:
        raise OpaqueCall
    return CallLayer(op, reads=(x, other))


def rescaled(x: TracedTensor, **keys: Any) -> CallLayer:
    """Return a rescaling of a value."""
    return CallLayer("rescale", keys, reads=(x,))


def along_channels(x: TracedTensor, shape: tuple[int, ...]) -> bool:
    """Return whether an array of this shape has one number for each channel of a value."""
    full = (1,) * (len(x.shape) - len(shape)) + shape
    return len(full) == len(x.shape) and full[1] == x.shape[1] == prod(full)


def scaled(role: str, x: TracedTensor, array: Constant) -> CallLayer:
    """Return a weight or a bias for each channel. OpaqueCall for a parameter of another shape."""
    if not along_channels(x, array.shape):
        raise OpaqueCall
    keys = {} if role == "weight" else {"scale": False, "center": True}
    flat = array._replace(read=lambda: None if (values := array.read()) is None else values.reshape(-1))
    return CallLayer("scale", keys, {role: flat}, (x,))


def numbers(x: TracedTensor, other: Any) -> Any:
    """Return a constant as a number, or a list of one per channel.

    OpaqueCall if its values are not known, or if it depends on a parameter or a buffer: an array is kept, and the
    numbers of a rescaling are not.
    """
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        return other
    if not isinstance(other, Constant) or other.of:
        raise OpaqueCall
    array = other.read()
    if array is None or (prod(other.shape) != 1 and not along_channels(x, other.shape)):
        raise OpaqueCall
    values = [float(one) for one in array.reshape(-1)]
    return values[0] if len(values) == 1 else values


@RULES.rule("sub isub subtract rsub", "input other")
def sub(args: Arguments) -> list[CallLayer] | CallLayer:
    """Read a difference: of two values, or of a value and numbers."""
    x, other = args.get("input"), args.get("other")
    if args.get("alpha", 1) != 1:
        raise OpaqueCall
    if args.call.function == "rsub":
        x, other = other, x
    if not isinstance(x, TracedTensor):
        other = args.sampled(other)
        return rescaled(other, factor=-1, offset=numbers(other, x))
    x = args.sampled(x)
    if isinstance(other, TracedTensor):
        joined(args, "add", x, other)
        return [rescaled(other, factor=-1), CallLayer("add", reads=(x,))]
    constant = numbers(x, other)
    return rescaled(x, offset=[-one for one in constant] if isinstance(constant, list) else -constant)


@RULES.rule("neg negative")
def neg(args: Arguments) -> CallLayer:
    """Read a change of sign."""
    return rescaled(args.x, factor=-1)


@RULES.rule("div truediv itruediv divide true_divide", "input other")
def div(args: Arguments) -> CallLayer | TracedTensor:
    """Read a quotient by numbers."""
    if args.get("rounding_mode") is not None:
        raise OpaqueCall
    divisor = numbers(args.x, args.get("other"))
    if 0 in (divisor if isinstance(divisor, list) else [divisor]):
        raise OpaqueCall
    factor = [1 / one for one in divisor] if isinstance(divisor, list) else 1 / divisor
    return args.x if factor == 1 else rescaled(args.x, factor=factor)
