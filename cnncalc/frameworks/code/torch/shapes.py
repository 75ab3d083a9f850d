"""The output shapes of PyTorch's functions, including the batch: a rule for each, by the function's name.

This module defines rules, and holds those of elementwise functions; the others are in `views`, `reductions`, `windows`
and `products`. The function is read into layers later, by its rule in `frameworks/torch/read`, which rejects a result
of another shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ....errors import ShapeError, clipped
from ....layers.product import broadcast
from ....registry import Registry
from ....sizes import show
from ...torch.read.build import RULES
from .tensors import TensorValue

Shape = tuple[int, ...]
Shapes = Shape | list[Shape]


class ShapeCall:
    """A call of a function with its arguments by name."""

    def __init__(self, function: str, names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]):
        self.function, self.args = function, args
        self.given = dict(zip(names, args, strict=False)) | dict(kwargs)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or its default."""
        return self.given.get(name, default)

    def shape(self, name: str) -> Shape:
        """Return the shape of a tensor argument; the shape of a number is empty."""
        return shape_of(self.given[name])

    @property
    def x(self) -> Shape:
        """The shape of the first argument."""
        first = self.args[0] if self.args else self.given.get("input", self.given.get("tensors"))
        return shape_of(first)

    def several(self, name: str, at: int) -> list[int]:
        """Return numbers given as one list, or as separate arguments from position `at` on."""
        given = self.given[name] if name in self.given and len(self.args) <= at + 1 else list(self.args[at:])
        return as_list(given)

    def axes(self, rank: int, name: str = "dim") -> list[int]:
        """Return the axes given by an argument, counted from 0; all axes if it is missing."""
        given = self.get(name, self.get("axis"))
        if given is None or (isinstance(given, (list, tuple)) and not given):
            return list(range(rank))
        return [axis_of(one, rank) for one in as_list(given)]

    def axis(self, rank: int, default: int | None = None, name: str = "dim") -> int:
        """Return the axis given by an argument, counted from 0."""
        return axis_of(self.get(name, self.get("axis", default)), rank)


Rule = Callable[[ShapeCall], Shapes]


class ShapeRule(NamedTuple):
    """The rule of a function."""

    rule: Rule
    names: tuple[str, ...]
    """The names of its parameters, in order."""
    kind: str
    """The kind of its results: `float`, `int`, `bool`, `same` as the first tensor, or `joined` (promoted).

    `joined` is promoted from all operands. `quotient` is `joined` if rounded, and otherwise `float`. `named` is given
    by another argument. `summed` is `same`, but `int` for `bool`.
    """

    def holds(self, args: Sequence[Any], kwargs: Mapping[str, Any], found: Sequence[TensorValue]) -> str:
        """Return the kind of the results of a call; `found` are its tensor arguments."""
        first = found[0].kind if found else "float"
        if self.kind in ("same", "summed"):
            return "int" if (self.kind, first) == ("summed", "bool") else first
        if self.kind == "named":
            given = [*args[1:], *kwargs.values()]
            named = [_TYPES.get(one) if isinstance(one, str) else getattr(one, "kind", None) for one in given]
            return next((kind for kind in named if kind in _BY_RANK), first)
        by_name = dict(zip(self.names, args, strict=False)) | dict(kwargs)
        if self.kind == "quotient" and by_name.get("rounding_mode") is None:
            return "float"
        if self.kind not in ("joined", "quotient"):
            return self.kind
        kinds = [_kind(one) for name, one in by_name.items() if name != "condition" and _is_operand(one)]
        return max(kinds, key=_BY_RANK.index, default=first)


_BY_RANK = ("bool", "int", "float")
"""The kinds of values, each before those that it is promoted to."""
_TYPES = {
    f"torch.{name}Tensor": kind
    for kind, names in (("int", "Long Int Short Char Byte"), ("bool", "Bool"), ("float", "Float Double Half"))
    for name in names.split()
}
"""The kind of values for the name of a tensor type."""


def _kind(one: Any) -> str:
    """Return the kind of an operand's values."""
    return str(one.kind) if isinstance(one, TensorValue) else type(one).__name__


class ShapeRules(Registry[str, ShapeRule]):
    """The rules by function name."""

    def rule(self, functions: str, arguments: str = "", kind: str = "same") -> Callable[[Rule], Rule]:
        """Return a decorator that registers a rule; the parameters are by default those of the reader's rule."""

        def enter(rule: Rule) -> Rule:
            for function in functions.split():
                names = tuple(arguments.split()) or (RULES[function].names if function in RULES else ("input", "dim"))
                self[function] = ShapeRule(rule, names, kind)
            return rule

        return enter


SHAPES = ShapeRules()


def shape_of(value: Any) -> Shape:
    """Return the shape of a tensor; that of a number is empty."""
    if isinstance(value, TensorValue):
        return value.shape
    if isinstance(value, (bool, int, float)):
        return ()
    raise NotImplementedError


def axis_of(given: Any, rank: int) -> int:
    """Return an axis counted from 0. Raise ShapeError if a tensor of this rank does not have it."""
    if type(given) is not int:
        raise TypeError("an axis is a whole number")
    if not -max(rank, 1) <= given < max(rank, 1):
        raise ShapeError(f"there is no axis {given}: the tensor has {rank}")
    return given % max(rank, 1)


def as_list(value: Any) -> list[Any]:
    """Return a list or tuple as a list, and any other value as a list of one."""
    return [*value] if isinstance(value, (list, tuple)) else [value]


def listed(value: Any, nd: int, name: str, *, lone: bool = False) -> list[Any]:
    """Return a list of nd values. Raise ShapeError for a wrong number; with `lone`, one in a list is for all axes."""
    if not isinstance(value, (list, tuple)) or (lone and len(value) == 1):
        return as_list(value) * nd
    if len(value) != nd:
        given = f"{len(value)} number{'s' * (len(value) != 1)}"
        raise ShapeError(f"{name} is {as_code(value)}: {given} for {nd} {'axis' if nd == 1 else 'axes'}")
    return [*value]


def as_code(value: Any) -> str:
    """Return a value as Python code, shortened if it is long."""
    return clipped(repr(value), 40)


def met(*shapes: Shape) -> Shape:
    """Return the shape after broadcasting. Raise ShapeError if the shapes do not match."""
    out: Any = broadcast(*shapes)
    if out is None:
        raise ShapeError(f"{' and '.join(show(one) or '()' for one in shapes)} do not go together")
    return tuple(out)


# Elementwise functions of one value


_ALONE = """
    relu relu6 silu sigmoid tanh hardswish hardsigmoid selu softsign mish elu leaky_relu gelu celu softplus
    softshrink hardshrink threshold logsigmoid log_sigmoid tanhshrink abs sqrt rsqrt square
    reciprocal exp expm1 log log1p log2 log10 floor ceil round trunc sign erf sin cos tan asin acos atan sinh cosh
    asinh acosh atanh neg negative positive clamp clip clamp_min clamp_max nan_to_num dropout dropout1d dropout2d
    dropout3d alpha_dropout feature_alpha_dropout normalize flip roll
    contiguous clone detach requires_grad masked_fill tril triu erfinv lgamma logit local_response_norm
    channel_shuffle native_channel_shuffle fliplr flipud absolute setitem zero fill copy float double half bfloat16
    to type type_as cpu cuda bernoulli index_fill scatter index_add scatter_add masked_scatter index_copy index_put
    renorm long int short bool byte invert logical_not bitwise_not isnan isinf isfinite sgn expit special_expit
    uniform normal arccosh arcsinh arctanh erfc exp2 frac i0 sinc digamma deg2rad rad2deg angle logcumsumexp msort
    signbit isneginf isposinf exponential
"""
_KINDS = {"long": "int", "int": "int", "short": "int", "byte": "int", "bool": "bool", "logical_not": "bool"}
_KINDS |= dict.fromkeys(("isnan", "isinf", "isfinite", "signbit", "isneginf", "isposinf"), "bool")
_FLOATS = """
    float double half bfloat16 sigmoid tanh exp log sqrt rsqrt reciprocal expm1 log1p log2 log10 erf erfinv erfc exp2
    sin cos tan asin acos atan sinh cosh asinh acosh atanh arccosh arcsinh arctanh sinc i0 lgamma digamma logit expit
    special_expit deg2rad rad2deg
"""
_KINDS |= dict.fromkeys(_FLOATS.split(), "float")
_KINDS |= dict.fromkeys(("clamp", "clip", "clamp_min", "clamp_max"), "joined")
_KINDS |= dict.fromkeys(("to", "type", "type_as"), "named")


def alone(call: ShapeCall) -> Shapes:
    """Return the shape of the first argument."""
    return call.x


for _name in _ALONE.split():
    SHAPES.rule(_name, kind=_KINDS.get(_name, "same"))(alone)


@SHAPES.rule("hardtanh rrelu")
def bounded(call: ShapeCall) -> Shapes:
    """Return the shape of the first argument. Raise ShapeError if its lower bound is above the upper one."""
    low, high = [call.get(one, call.get(other, 0)) for one, other in (("min_val", "lower"), ("max_val", "upper"))]
    if not low <= high and (call.function == "rrelu" or low > high):
        raise ShapeError(f"the lower bound {as_code(low)} is above the upper one, {as_code(high)}")
    return call.x


@SHAPES.rule("softmax log_softmax softmin", kind="float")
@SHAPES.rule("cumsum cumprod", kind="summed")
def along(call: ShapeCall) -> Shapes:
    """Return the shape of the first argument. Raise ShapeError if it does not have the axis."""
    if call.get("dim") is not None:
        call.axis(len(call.x))
    return call.x


@SHAPES.rule("batch_norm instance_norm group_norm prelu")
def of_channels(call: ShapeCall) -> Shapes:
    """Return the shape of a normalization over channels. Raise ShapeError if its number of channels differs."""
    array = call.get("running_mean") or call.get("weight")
    channels, groups = call.x[1] if len(call.x) > 1 else 1, call.get("num_groups", 1)
    if isinstance(array, TensorValue) and array.size != channels and (call.function != "prelu" or array.size != 1):
        raise ShapeError(f"expects {array.size} channels, gets {channels} of {show(call.x[1:])}")
    if groups < 1 or channels % groups:
        raise ShapeError(f"{groups} groups do not divide {channels} channels")
    return call.x


@SHAPES.rule("layer_norm rms_norm")
def of_last_axes(call: ShapeCall) -> Shapes:
    """Return the shape of a normalization over the last axes. Raise ShapeError if their sizes differ."""
    wanted = tuple(as_list(call.get("normalized_shape")))
    if call.x[len(call.x) - len(wanted) :] != wanted:
        raise ShapeError(f"expects the last sizes {show(wanted)}, gets {show(call.x[1:])}")
    return call.x


# Elementwise functions of several values


_TOGETHER = """
    add radd sub rsub subtract mul rmul multiply floor_divide floordiv rfloordiv remainder mod fmod rmod pow rpow
    maximum minimum fmax fmin and or xor bitwise_and bitwise_or bitwise_xor
"""
_QUOTIENTS = "div rdiv divide true_divide truediv rtruediv"
_COMPARED = """
    eq ne lt le gt ge not_equal greater less greater_equal less_equal logical_and logical_or logical_xor isclose
"""


def together(call: ShapeCall) -> Shapes:
    """Return the shape of two broadcast operands."""
    names = ("input", "other", "exponent", "end", "weight", "tensor1", "tensor2", "condition", "mask", "value")
    return met(*[shape_of(call.given[name]) for name in names if name in call.given and _is_operand(call.given[name])])


def _is_operand(value: Any) -> bool:
    return isinstance(value, (TensorValue, bool, int, float))


SHAPES.rule(_TOGETHER, kind="joined")(together)
SHAPES.rule(_QUOTIENTS, kind="quotient")(together)
SHAPES.rule("float_power atan2 hypot", kind="float")(together)
SHAPES.rule(_COMPARED, "input other", "bool")(together)
SHAPES.rule("addcmul addcdiv lerp")(together)


@SHAPES.rule("where", kind="joined")
def where(call: ShapeCall) -> Shapes:
    """Return the shape of a choice between two operands."""
    return met(*[call.shape(name) for name in ("condition", "input", "other")])


@SHAPES.rule("one_hot", "input num_classes", "int")
def one_hot(call: ShapeCall) -> Shapes:
    """Return the shape of one-hot rows."""
    if not isinstance(call.get("num_classes"), int) or call.get("num_classes") < 1:
        raise NotImplementedError
    return (*call.x, call.get("num_classes"))
