"""Rules of sums, differences, products and quotients: of values, with parameters, and with numbers."""

from __future__ import annotations

from math import prod
from typing import Any

from .calls import Constant, TracedTensor
from .rules import Arguments, CallLayer, OpaqueCall, Rules

RULES = Rules()


@RULES.rule("add radd iadd", "input other")
def add(args: Arguments) -> CallLayer | TracedTensor:
    """A sum: of two values, of a value and a bias, or of a value and numbers."""
    if args.get("alpha", 1) != 1:
        raise OpaqueCall
    return combined(args, "add", "bias", "offset", 0)


@RULES.rule("mul rmul imul multiply", "input other")
def mul(args: Arguments) -> CallLayer | TracedTensor:
    """A product, in the same three ways."""
    return combined(args, "mul", "weight", "factor", 1)


def combined(args: Arguments, op: str, role: str, key: str, neutral: int) -> CallLayer | TracedTensor:
    """A join of two values, a layer of its own weight, or a rescaling."""
    x, other = sides(args)
    if isinstance(other, TracedTensor):
        return joined(args, op, x, other)
    if isinstance(other, Constant) and other.name in args.trained:
        return scaled(role, x, other)
    factor = numbers(args, x, other)
    if factor == neutral:
        return x
    return CallLayer("rescale", {key: factor}, reads=(x,))


def sides(args: Arguments) -> tuple[TracedTensor, Any]:
    """A value with a batch, and what it is combined with."""
    first, second = args.get("input"), args.get("other")
    x, other = (first, second) if isinstance(first, TracedTensor) else (second, first)
    return args.sampled(x), other


def joined(args: Arguments, op: str, x: TracedTensor, other: TracedTensor) -> CallLayer:
    """Two values. OpaqueCall if a sum repeats one of them, or where their axes are counted from the end."""
    args.sampled(other)
    same = x.shape == other.shape if op == "add" else len(x.shape) == len(other.shape)
    if not same:
        raise OpaqueCall
    return CallLayer(op, reads=(x, other))


def along_channels(x: TracedTensor, shape: tuple[int, ...]) -> bool:
    """Whether what has this shape is one for each channel, when it is repeated over a value."""
    full = (1,) * (len(x.shape) - len(shape)) + shape
    return len(full) == len(x.shape) and full[1] == x.shape[1] == prod(full)


def scaled(role: str, x: TracedTensor, array: Constant) -> CallLayer:
    """A weight or a bias for each channel. OpaqueCall for a parameter of another shape."""
    if not along_channels(x, array.shape):
        raise OpaqueCall
    keys = {} if role == "weight" else {"scale": False, "center": True}
    flat = array._replace(read=lambda: None if (values := array.read()) is None else values.reshape(-1))
    return CallLayer("scale", keys, {role: flat}, (x,))


def numbers(args: Arguments, x: TracedTensor, other: Any) -> Any:
    """A constant as a number, or one a channel. OpaqueCall if its values are not known, or hang on a parameter."""
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        return other
    if not isinstance(other, Constant) or any(name in args.trained for name in other.of):
        raise OpaqueCall
    if prod(other.shape) != 1 and not along_channels(x, other.shape):
        raise OpaqueCall
    array = other.read()
    if array is None or other.of:  # a buffer's numbers are kept, which a rescaling's are not
        raise OpaqueCall
    values = [float(one) for one in array.reshape(-1)]
    return values[0] if len(values) == 1 else values


@RULES.rule("sub isub subtract", "input other")
def sub(args: Arguments) -> list[CallLayer] | CallLayer | TracedTensor:
    """A difference: of two values, or with numbers."""
    x, other = args.get("input"), args.get("other")
    if args.get("alpha", 1) != 1:
        raise OpaqueCall
    if not isinstance(x, TracedTensor):
        return negative(args.sampled(other), numbers(args, other, x))
    if isinstance(other, TracedTensor):
        joined(args, "add", args.sampled(x), other)
        return [CallLayer("rescale", {"factor": -1}, reads=(other,)), CallLayer("add", reads=(x,))]
    constant = numbers(args, args.sampled(x), other)
    offset = [-one for one in constant] if isinstance(constant, list) else -constant
    return CallLayer("rescale", {"offset": offset}, reads=(x,))


@RULES.rule("rsub", "input other")
def rsub(args: Arguments) -> CallLayer:
    """A number less a value."""
    return negative(args.x, numbers(args, args.x, args.get("other")))


def negative(x: TracedTensor, offset: Any) -> CallLayer:
    """A constant less a value."""
    return CallLayer("rescale", {"factor": -1, "offset": offset}, reads=(x,))


@RULES.rule("neg negative")
def neg(args: Arguments) -> CallLayer:
    """The value with the other sign."""
    return CallLayer("rescale", {"factor": -1}, reads=(args.x,))


@RULES.rule("div truediv itruediv divide true_divide", "input other")
def div(args: Arguments) -> CallLayer | TracedTensor:
    """A quotient by numbers."""
    if args.get("rounding_mode") is not None or isinstance(args.get("other"), TracedTensor):
        raise OpaqueCall
    divisor = numbers(args, args.x, args.get("other"))
    if 0 in (divisor if isinstance(divisor, list) else [divisor]):
        raise OpaqueCall
    factor = [1 / one for one in divisor] if isinstance(divisor, list) else 1 / divisor
    return args.x if factor == 1 else CallLayer("rescale", {"factor": factor}, reads=(args.x,))
