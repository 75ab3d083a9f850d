"""Rules of sums, differences, products and quotients: of values, with parameters, and with numbers."""

from __future__ import annotations

from math import prod
from typing import Any

from .calls import Constant, TracedTensor
from .rules import Arguments, CallLayer, OpaqueCall, Rules

RULES = Rules()


@RULES.rule("add radd iadd", "input other")
def add(asked: Arguments) -> CallLayer | TracedTensor:
    """A sum: of two values, of a value and a bias, or of a value and numbers."""
    if asked.get("alpha", 1) != 1:
        raise OpaqueCall
    return combined(asked, "add", "bias", "offset", 0)


@RULES.rule("mul rmul imul multiply", "input other")
def mul(asked: Arguments) -> CallLayer | TracedTensor:
    """A product, in the same three ways."""
    return combined(asked, "mul", "weight", "factor", 1)


def combined(asked: Arguments, op: str, role: str, key: str, neutral: int) -> CallLayer | TracedTensor:
    """A join of two values, a layer of its own weight, or a rescaling."""
    x, other = sides(asked)
    if isinstance(other, TracedTensor):
        return joined(asked, op, x, other)
    if isinstance(other, Constant) and other.name in asked.trained:
        return scaled(role, x, other)
    factor = numbers(asked, x, other)
    if factor == neutral:
        return x
    return CallLayer("rescale", {key: factor}, reads=(x,))


def sides(asked: Arguments) -> tuple[TracedTensor, Any]:
    """A value with a batch, and what it is combined with."""
    first, second = asked.get("input"), asked.get("other")
    x, other = (first, second) if isinstance(first, TracedTensor) else (second, first)
    return asked.sampled(x), other


def joined(asked: Arguments, op: str, x: TracedTensor, other: TracedTensor) -> CallLayer:
    """Two values. OpaqueCall if a sum repeats one of them, or where their axes are counted from the end."""
    asked.sampled(other)
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
    flat = array._replace(read=lambda: None if (found := array.read()) is None else found.reshape(-1))
    return CallLayer("scale", keys, {role: flat}, (x,))


def numbers(asked: Arguments, x: TracedTensor, other: Any) -> Any:
    """A constant as a number, or one a channel. OpaqueCall if its values are not known, or hang on a parameter."""
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        return other
    if not isinstance(other, Constant) or any(name in asked.trained for name in other.of):
        raise OpaqueCall
    if prod(other.shape) != 1 and not along_channels(x, other.shape):
        raise OpaqueCall
    array = other.read()
    if array is None or other.of:  # a buffer's numbers are kept, which a rescaling's are not
        raise OpaqueCall
    found = [float(one) for one in array.reshape(-1)]
    return found[0] if len(found) == 1 else found


@RULES.rule("sub isub subtract", "input other")
def sub(asked: Arguments) -> list[CallLayer] | CallLayer | TracedTensor:
    """A difference: of two values, or with numbers."""
    x, other = asked.get("input"), asked.get("other")
    if asked.get("alpha", 1) != 1:
        raise OpaqueCall
    if not isinstance(x, TracedTensor):
        return negative(asked.sampled(other), numbers(asked, other, x))
    if isinstance(other, TracedTensor):
        joined(asked, "add", asked.sampled(x), other)
        return [CallLayer("rescale", {"factor": -1}, reads=(other,)), CallLayer("add", reads=(x,))]
    found = numbers(asked, asked.sampled(x), other)
    offset = [-one for one in found] if isinstance(found, list) else -found
    return CallLayer("rescale", {"offset": offset}, reads=(x,))


@RULES.rule("rsub", "input other")
def rsub(asked: Arguments) -> CallLayer:
    """A number less a value."""
    return negative(asked.x, numbers(asked, asked.x, asked.get("other")))


def negative(x: TracedTensor, offset: Any) -> CallLayer:
    """A constant less a value."""
    return CallLayer("rescale", {"factor": -1, "offset": offset}, reads=(x,))


@RULES.rule("neg negative")
def neg(asked: Arguments) -> CallLayer:
    """The value with the other sign."""
    return CallLayer("rescale", {"factor": -1}, reads=(asked.x,))


@RULES.rule("div truediv itruediv divide true_divide", "input other")
def div(asked: Arguments) -> CallLayer | TracedTensor:
    """A quotient by numbers."""
    if asked.get("rounding_mode") is not None or isinstance(asked.get("other"), TracedTensor):
        raise OpaqueCall
    found = numbers(asked, asked.x, asked.get("other"))
    if 0 in (found if isinstance(found, list) else [found]):
        raise OpaqueCall
    factor = [1 / one for one in found] if isinstance(found, list) else 1 / found
    return asked.x if factor == 1 else CallLayer("rescale", {"factor": factor}, reads=(asked.x,))
