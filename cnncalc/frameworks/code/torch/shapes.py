"""The shapes of the results of PyTorch's functions, with the batch: a rule for each, by the function's name.

Sizes of windows come from our own layers, which know the formula; a function is read into layers later, by its rule in
`frameworks/torch/read`, and a result of another shape than here is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from ....axes import begin
from ....dialects import dialect_named
from ....errors import ShapeError
from ....layers import OPS
from ....layers.base import ENDS, Env
from ....layers.names import TORCH
from ....layers.product import broadcast
from ....registry import Registry
from ....sizes import show
from ...torch.read.build import RULES
from ...torch.read.windows import numbered
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
        """Return the shape of an argument that is a tensor; that of a number has no axes."""
        return shape_of(self.given[name])

    @property
    def x(self) -> Shape:
        """The shape of the first argument."""
        first = self.args[0] if self.args else self.given.get("input", self.given.get("tensors"))
        return shape_of(first)

    def several(self, name: str, at: int) -> list[int]:
        """Return numbers that are given as one list, or one by one from the argument at a place on."""
        given = self.given[name] if name in self.given and len(self.args) <= at + 1 else list(self.args[at:])
        return [*given] if isinstance(given, (list, tuple)) else [given]

    def axes(self, rank: int, name: str = "dim") -> list[int]:
        """Return the axes that an argument names, counted from 0; all without it."""
        given = self.get(name, self.get("axis"))
        if given is None or (isinstance(given, (list, tuple)) and not given):
            return list(range(rank))
        return [axis_of(one, rank) for one in (given if isinstance(given, (list, tuple)) else [given])]

    def axis(self, rank: int, default: int | None = None, name: str = "dim") -> int:
        """Return the axis that an argument names, counted from 0."""
        return axis_of(self.get(name, self.get("axis", default)), rank)


Rule = Callable[[ShapeCall], Shapes]


class ShapeRule(NamedTuple):
    """The rule of a function."""

    rule: Rule
    names: tuple[str, ...]
    """The names of its arguments, in order."""
    kind: str
    """What its results hold: `float`, `int`, `bool`, or `same` as the first tensor."""


class ShapeRules(Registry[str, ShapeRule]):
    """The rules by the names of functions."""

    def rule(self, functions: str, arguments: str = "", kind: str = "same") -> Callable[[Rule], Rule]:
        """Return a decorator that enters a rule; arguments that are left out are those of the reader's own rule."""

        def enter(rule: Rule) -> Rule:
            for function in functions.split():
                names = tuple(arguments.split()) or (RULES[function].names if function in RULES else ("input", "dim"))
                self[function] = ShapeRule(rule, names, kind)
            return rule

        return enter


SHAPES = ShapeRules()


def shape_of(value: Any) -> Shape:
    """Return the shape of a tensor, and none for a number."""
    if isinstance(value, TensorValue):
        return value.shape
    if isinstance(value, (bool, int, float)):
        return ()
    raise NotImplementedError


def axis_of(given: Any, rank: int) -> int:
    """Return an axis counted from 0. ShapeError for one that a tensor of so many axes does not have."""
    if not isinstance(given, int):
        raise TypeError("an axis is a whole number")
    if not -max(rank, 1) <= given < max(rank, 1):
        raise ShapeError(f"there is no axis {given}: the tensor has {rank}")
    return given % max(rank, 1)


def listed(value: Any, nd: int) -> list[Any]:
    """Return a value for each of nd axes."""
    values = [*value] if isinstance(value, (list, tuple)) else [value]
    return values * nd if len(values) == 1 else values


def met(*shapes: Shape) -> Shape:
    """Return the shape of values that meet, an axis of 1 repeated. ShapeError if they do not go together."""
    out: Any = broadcast(*shapes)
    if out is None:
        raise ShapeError(f"{' and '.join(show(one) or '()' for one in shapes)} do not go together")
    return tuple(out)


# Functions of each value alone


_ALONE = """
    relu relu6 silu sigmoid tanh hardswish hardsigmoid selu softsign mish elu leaky_relu gelu celu softplus
    softshrink hardshrink threshold hardtanh logsigmoid log_sigmoid tanhshrink rrelu abs sqrt rsqrt square
    reciprocal exp expm1 log log1p log2 log10 floor ceil round trunc sign erf sin cos tan asin acos atan sinh cosh
    asinh acosh atanh neg negative positive clamp clip clamp_min clamp_max nan_to_num dropout dropout1d dropout2d
    dropout3d alpha_dropout feature_alpha_dropout softmax log_softmax softmin normalize cumsum cumprod flip roll
    contiguous clone detach requires_grad masked_fill tril triu erfinv lgamma logit local_response_norm
    channel_shuffle native_channel_shuffle fliplr flipud absolute setitem zero fill copy float double half bfloat16
    to type type_as cpu cuda bernoulli index_fill scatter index_add scatter_add masked_scatter index_copy index_put
    renorm long int short bool byte invert logical_not bitwise_not isnan isinf isfinite sgn expit special_expit
    uniform normal arccosh arcsinh arctanh erfc exp2 frac i0 sinc digamma deg2rad rad2deg angle logcumsumexp msort
    signbit isneginf isposinf exponential
"""
_KINDS = {"long": "int", "int": "int", "short": "int", "byte": "int", "bool": "bool", "logical_not": "bool"}
_KINDS |= dict.fromkeys(("isnan", "isinf", "isfinite", "signbit", "isneginf", "isposinf"), "bool")
_KINDS |= dict.fromkeys(
    ["float", "double", "half", "bfloat16", "softmax", "log_softmax", "sigmoid", "tanh", "exp", "log", "sqrt"], "float"
)


def alone(call: ShapeCall) -> Shapes:
    """Return the shape of the first argument."""
    return call.x


for _name in _ALONE.split():
    SHAPES.rule(_name, kind=_KINDS.get(_name, "same"))(alone)


@SHAPES.rule("batch_norm instance_norm group_norm prelu")
def of_channels(call: ShapeCall) -> Shapes:
    """Return the shape of a norm over channels. ShapeError if it is for another number of them."""
    array = call.get("running_mean") or call.get("weight")
    channels, groups = call.x[1] if len(call.x) > 1 else 1, call.get("num_groups", 1)
    if isinstance(array, TensorValue) and array.size not in (1, channels):
        raise ShapeError(f"expects {array.size} channels, gets {channels} of {show(call.x[1:])}")
    if channels % groups:
        raise ShapeError(f"{groups} groups do not divide {channels} channels")
    return call.x


@SHAPES.rule("layer_norm rms_norm")
def of_last_axes(call: ShapeCall) -> Shapes:
    """Return the shape of a norm over the last axes. ShapeError if it is for other sizes."""
    wanted = tuple(listed(call.get("normalized_shape"), 1))
    if call.x[len(call.x) - len(wanted) :] != wanted:
        raise ShapeError(f"expects the last sizes {show(wanted)}, gets {show(call.x[1:])}")
    return call.x


# Functions of several values


_TOGETHER = """
    add radd sub rsub subtract mul rmul multiply div rdiv divide true_divide truediv rtruediv floor_divide floordiv
    rfloordiv remainder mod fmod rmod pow rpow float_power maximum minimum fmax fmin atan2 hypot and or xor bitwise_and
    bitwise_or bitwise_xor
"""
_COMPARED = """
    eq ne lt le gt ge not_equal greater less greater_equal less_equal logical_and logical_or logical_xor isclose
"""


def together(call: ShapeCall) -> Shapes:
    """Return the shape of two operands that meet."""
    names = ("input", "other", "exponent", "end", "weight", "tensor1", "tensor2", "condition", "mask", "value")
    return met(*[shape_of(call.given[name]) for name in names if name in call.given and _is_operand(call.given[name])])


def _is_operand(value: Any) -> bool:
    return isinstance(value, (TensorValue, bool, int, float))


SHAPES.rule(_TOGETHER)(together)
SHAPES.rule(_COMPARED, "input other", "bool")(together)
SHAPES.rule("addcmul addcdiv lerp")(together)


@SHAPES.rule("where")
def where(call: ShapeCall) -> Shapes:
    """Return the shape of a choice between two operands."""
    return met(*[call.shape(name) for name in ("condition", "input", "other")])


# Windows


def window(op: str, nd: int, keys: Mapping[str, Any], x: Shape) -> Shape:
    """Return the shape of a map, with its batch, behind one of our own layers. ShapeError if it does not fit."""
    word = op + ENDS[nd]
    cls, rank = OPS[word]
    given = {key: cls.KEYS[key](_plain(value), rank) for key, value in keys.items() if key in cls.KEYS}
    front, sample = x[: len(x) - nd - 1], x[len(x) - nd - 1 :]
    layer = cls(word, rank, given)
    traced = layer.trace(sample, begin(sample, range(1, nd + 1)), Env(dialect_named("torch"), False))
    return (*front, *[n for n in traced.out if isinstance(n, int)])


def _plain(value: Any) -> Any:
    """Return a key's value: equal numbers of a list once, as a list for one axis is."""
    if isinstance(value, (list, tuple)):
        return value[0] if len(set(value)) == 1 else list(value)
    return value


def keys_of(op: str, call: ShapeCall) -> dict[str, Any]:
    """Return a call's arguments as an op's keys."""
    given = TORCH[op].ours(call.get)
    return {key: value for key, value in given.items() if value is not None and not isinstance(value, TensorValue)}


def check_map(call: ShapeCall, nd: int) -> None:
    """ShapeError unless the first argument is a map of nd axes, with or without a batch."""
    if len(call.x) not in (nd + 1, nd + 2):
        axes = "one axis" if nd == 1 else f"{nd} axes"
        raise ShapeError(f"works on channels and {axes}, gets {show(call.x[1:])}")


def dimensions(function: str) -> int:
    """Return the number of axes in a function's name: 2 for `conv2d`."""
    return int(next(c for c in function if c.isdigit()))


@SHAPES.rule(numbered("conv{}d", "conv_transpose{}d"), kind="float")
def conv(call: ShapeCall) -> Shapes:
    """Return the shape of a convolution, or of a transposed one."""
    nd, groups = dimensions(call.function), call.get("groups", 1)
    check_map(call, nd)
    first, second, *k = call.shape("weight")
    transposed = "transpose" in call.function
    c_i, c_o = (first, second * groups) if transposed else (second * groups, first)
    got = call.x[-nd - 1]
    if got != c_i:
        raise ShapeError(f"expects {c_i} input channels, gets {got} of {show(call.x[-nd - 1 :])}")
    op = "convT" if transposed else "conv"
    return window(op, nd, {**keys_of(op, call), "c_o": c_o, "k": k, "bias": True}, call.x)


def pool(op: str) -> Rule:
    """Return the rule of a pool that slides."""

    def rule(call: ShapeCall) -> Shapes:
        nd = dimensions(call.function)
        check_map(call, nd)
        keys = keys_of(op, call)
        keys = {key: value for key, value in keys.items() if not (key == "s" and value in ([], ()))}
        out = window(op, nd, keys, call.x)
        return [out, out] if call.function.endswith("_with_indices") or call.get("return_indices") else out

    return rule


SHAPES.rule(numbered("max_pool{}d", "max_pool{}d_with_indices"))(pool("maxpool"))
SHAPES.rule(numbered("avg_pool{}d"))(pool("avgpool"))
SHAPES.rule(numbered("lp_pool{}d"))(pool("lppool"))


@SHAPES.rule(numbered("adaptive_avg_pool{}d", "adaptive_max_pool{}d", "adaptive_max_pool{}d_with_indices"))
def adaptive(call: ShapeCall) -> Shapes:
    """Return the shape of an adaptive pool."""
    nd = dimensions(call.function)
    check_map(call, nd)
    space = call.x[-nd:]
    wanted = listed(call.get("output_size"), nd)
    out = (*call.x[:-nd], *[n if size is None else size for n, size in zip(space, wanted, strict=True)])
    return [out, out] if call.function.endswith("_with_indices") or call.get("return_indices") else out


@SHAPES.rule(numbered("max_unpool{}d"), "input indices kernel_size stride padding output_size")
def unpool(call: ShapeCall) -> Shapes:
    """Return the shape of a max pool undone."""
    nd, size = dimensions(call.function), call.get("output_size")
    if size is not None:
        return (*call.x[:-nd], *list(size)[-nd:])
    k = listed(call.get("kernel_size"), nd)
    s, p = listed(call.get("stride") or k, nd), listed(call.get("padding", 0), nd)
    space = [(n - 1) * one - 2 * side + own for n, one, side, own in zip(call.x[-nd:], s, p, k, strict=True)]
    return (*call.x[:-nd], *space)


@SHAPES.rule("interpolate upsample upsample_nearest upsample_bilinear")
def interpolate(call: ShapeCall) -> Shapes:
    """Return the shape at another resolution."""
    nd, mode = len(call.x) - 2, call.get("mode", "nearest")
    size, factor = call.get("size"), call.get("scale_factor")
    if nd not in RESAMPLED.get(mode, (1, 2, 3)):
        raise ShapeError(f"{mode} is for another number of axes than that of {show(call.x[1:])}")
    given = size if size is not None else factor
    if given is None:
        raise ShapeError("it needs size or scale_factor")
    if isinstance(given, (list, tuple)) and len(given) != nd:
        raise ShapeError(f"{len(given)} numbers for the {nd} axes of space of {show(call.x[1:])}")
    numbers = listed(given, nd)
    if size is not None:
        return (*call.x[:2], *numbers)
    return (*call.x[:2], *[int(n * one) for n, one in zip(call.x[2:], numbers, strict=True)])


RESAMPLED = {"linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}
"""For how many axes of space a way to work out values between units is."""


@SHAPES.rule("pixel_shuffle")
def pixel_shuffle(call: ShapeCall) -> Shapes:
    """Return the shape of channels that become a finer map."""
    return window("pixelshuffle", 2, {"factor": call.get("upscale_factor")}, call.x)


@SHAPES.rule("pixel_unshuffle")
def pixel_unshuffle(call: ShapeCall) -> Shapes:
    """Return the shape of a map that becomes a coarser one of more channels."""
    return window("pixelunshuffle", 2, {"factor": call.get("downscale_factor")}, call.x)


@SHAPES.rule("pad")
def pad(call: ShapeCall) -> Shapes:
    """Return the shape with values around the last axes; PyTorch counts the last one first."""
    sizes, sides = list(call.x), list(call.get("pad"))
    inner = len(sizes) - len(sides) // 2 in (1, 2) and len(sides) <= 6
    if call.get("mode", "constant") != "constant" and not inner:
        raise ShapeError(f"{len(sides)} sides of padding are for other axes than those of {show(call.x[1:])}")
    if len(sides) % 2 or len(sides) > 2 * len(sizes):
        raise ShapeError(f"{len(sides)} sides of padding for {len(sizes)} axes: give two for each axis, the last first")
    for at, (before, after) in enumerate(zip(sides[::2], sides[1::2], strict=True), 1):
        sizes[-at] += before + after
        if sizes[-at] < 0:
            raise ShapeError(f"{show(call.x[1:])} is cut to less than nothing by {sides}")
    return tuple(sizes)


@SHAPES.rule("unfold", "input kernel_size dilation padding stride")
def unfold(call: ShapeCall) -> Shapes:
    """Return the shape of windows along an axis (the method), or of those of a map in columns (the function)."""
    if "size" in call.given:
        at = axis_of(call.get("dimension"), len(call.x))
        size, step = call.get("size"), call.get("step")
        count = (call.x[at] - size) // step + 1
        return (*call.x[:at], count, *call.x[at + 1 :], size)
    return window("unfold", 2, keys_of("unfold", call), call.x)


@SHAPES.rule("fold")
def fold(call: ShapeCall) -> Shapes:
    """Return the shape of windows that are summed up into a map."""
    out, k = listed(call.get("output_size"), 2), listed(call.get("kernel_size"), 2)
    return (*call.x[:-2], call.x[-2] // prod(k), *out)


# Products


@SHAPES.rule("linear", kind="float")
def linear(call: ShapeCall) -> Shapes:
    """Return the shape of a linear layer on the last axis."""
    *out, c_i = call.shape("weight")
    got = call.x[-1] if call.x else 1
    if got != c_i:
        raise ShapeError(f"expects {c_i:,} input features, gets {got:,}")
    return (*call.x[:-1], *out)


@SHAPES.rule("bilinear", "input1 input2 weight bias", "float")
def bilinear(call: ShapeCall) -> Shapes:
    """Return the shape of a product of two values and a weight."""
    return (*call.shape("input1")[:-1], call.shape("weight")[0])


@SHAPES.rule("matmul bmm mm rmatmul mv dot", kind="float")
def matmul(call: ShapeCall) -> Shapes:
    """Return the shape of a matrix product."""
    second = next((name for name in ("mat2", "vec", "tensor") if name in call.given), "other")
    return product(call.x, call.shape(second))


def product(a: Shape, b: Shape) -> Shape:
    """Return the shape of a matrix product of these shapes. ShapeError if they do not go together."""
    if not a or not b:
        raise ShapeError("a number has no matrix product")
    left, right = ((1, *a) if len(a) == 1 else a), ((*b, 1) if len(b) == 1 else b)
    if left[-1] != right[-2]:
        raise ShapeError(f"{show(a)} times {show(b)}: {left[-1]} and {right[-2]} differ")
    out = (*met(left[:-2], right[:-2]), left[-2], right[-1])
    out = out[:-2] + out[-1:] if len(a) == 1 else out
    return out[:-1] if len(b) == 1 else out


@SHAPES.rule("outer ger", "input vec2", "float")
def outer(call: ShapeCall) -> Shapes:
    """Return the shape of the products of each value of one vector with each of another."""
    if len(call.x) != 1 or len(call.shape("vec2")) != 1:
        raise ShapeError(f"takes two vectors, gets {show(call.x)} and {show(call.shape('vec2'))}")
    return (*call.x, *call.shape("vec2"))


@SHAPES.rule("addmm baddbmm addmv")
def addmm(call: ShapeCall) -> Shapes:
    """Return the shape of a matrix product and a sum."""
    names = ("batch1", "batch2") if "batch1" in call.given else ("mat1", "mat2")
    return met(call.shape("input"), product(*[call.shape(name) for name in names]))


@SHAPES.rule("einsum", kind="float")
def einsum(call: ShapeCall) -> Shapes:
    """Return the shape of a sum of products over named axes."""
    equation, given = call.args[0].replace(" ", ""), call.args[1:]
    operands = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
    terms, arrow, out = equation.partition("->")
    sizes: dict[str, int] = {}
    dots: Shape = ()
    for term, operand in zip(terms.split(","), operands, strict=True):
        shape = shape_of(operand)
        before, has_dots, after = term.partition("...")
        width = len(shape) - len(before) - len(after)
        if width < 0 or (width and not has_dots):
            raise ShapeError(f"{term} names {len(before) + len(after)} axes, and {show(shape)} has {len(shape)}")
        dots = met(dots, shape[len(before) : len(before) + width])
        for letter, n in [*zip(before, shape, strict=False), *zip(after, shape[len(before) + width :], strict=True)]:
            if sizes.setdefault(letter, n) not in (n, 1) and n != 1:
                raise ShapeError(f"{letter} is {sizes[letter]} and {n}")
            sizes[letter] = max(sizes[letter], n)
    if not arrow:
        letters = terms.replace(",", "").replace(".", "")
        out = "..." * ("..." in terms) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    before, has_dots, after = out.partition("...")
    return (*[sizes[c] for c in before], *(dots if has_dots else ()), *[sizes[c] for c in after])


@SHAPES.rule("scaled_dot_product_attention", kind="float")
def attention(call: ShapeCall) -> Shapes:
    """Return the shape of scaled dot-product attention."""
    query, key, value = [call.shape(name) for name in ("query", "key", "value")]
    if query[-1] != key[-1] or key[-2] != value[-2]:
        raise ShapeError(f"query {show(query)}, key {show(key)} and value {show(value)} do not go together")
    lead = query[:-2] if call.get("enable_gqa") else met(query[:-2], key[:-2], value[:-2])
    return (*lead, query[-2], value[-1])


@SHAPES.rule("multi_head_attention_forward", kind="float")
def multihead(call: ShapeCall) -> Shapes:
    """Return the shapes of multi-head attention: its result, and the weights of its positions if they are asked for."""
    query, key, value = call.shape("query"), call.shape("key"), call.shape("value")
    if len(query) not in (2, 3):
        raise ShapeError(f"works on steps and features, gets {show(query[1:])}")
    if query[-1] != call.get("embed_dim_to_check"):
        raise ShapeError(f"expects {call.get('embed_dim_to_check')} features, gets {query[-1]}")
    for name, one in (("key", key), ("value", value)):
        own = call.get(f"{name[0]}_proj_weight").shape[1] if call.get("use_separate_proj_weight") else query[-1]
        if one[-1] != own:
            raise ShapeError(f"expects {own} features of its {name}, gets {one[-1]}")
        if len(one) != len(query) or one[1:-1] != query[1:-1] or one[0] != key[0]:
            raise ShapeError(f"works on {name}s of as many samples and steps, gets {show(one)} and {show(query)}")
    if not call.get("need_weights", True):
        return query
    heads = () if call.get("average_attn_weights", True) else (call.get("num_heads"),)
    if len(query) == 2:
        return [query, (*heads, query[0], key[0])]
    return [query, (query[1], *heads, query[0], key[0])]


@SHAPES.rule("lstm gru rnn_tanh rnn_relu", kind="float")
def recurrent(call: ShapeCall) -> Shapes:
    """Return the shapes of all steps, and of the last states."""
    if len(call.x) not in (2, 3):
        raise ShapeError(f"works on steps and features, gets {show(call.x[1:])}")
    arrays, layers = call.get("params"), call.get("num_layers")
    ways = 2 if call.get("bidirectional") else 1
    if call.x[-1] != arrays[0].shape[1]:
        raise ShapeError(f"expects {arrays[0].shape[1]} input features, gets {call.x[-1]} of {show(call.x[1:])}")
    hidden = arrays[1].shape[1]
    samples = () if len(call.x) == 2 else (call.x[0 if call.get("batch_first") else 1],)
    out, states = (*call.x[:-1], hidden * ways), (layers * ways, *samples, hidden)
    if call.function != "lstm":
        return [out, states]
    return [out, states, (*states[:-1], arrays[0].shape[0] // 4)]  # as wide as the gates: with a projection, more


@SHAPES.rule("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", kind="float")
def cell(call: ShapeCall) -> Shapes:
    """Return the shape of the states after one step."""
    c_i, hidden = call.shape("w_ih")[1], call.shape("w_hh")[1]
    if call.x[-1] != c_i:
        raise ShapeError(f"expects {c_i} input features, gets {call.x[-1]}")
    out = (*call.x[:-1], hidden)
    return [out, out] if call.function == "lstm_cell" else out


@SHAPES.rule("embedding", kind="float")
def embedding(call: ShapeCall) -> Shapes:
    """Return the shape of rows of a table."""
    return (*call.x, call.shape("weight")[1])


@SHAPES.rule("one_hot", "input num_classes", "int")
def one_hot(call: ShapeCall) -> Shapes:
    """Return the shape of numbers as rows of zeros and a one."""
    if not isinstance(call.get("num_classes"), int) or call.get("num_classes") < 1:
        raise NotImplementedError
    return (*call.x, call.get("num_classes"))


@SHAPES.rule("grid_sample", "input grid", "float")
def grid_sample(call: ShapeCall) -> Shapes:
    """Return the shape of a map at the places of a grid."""
    return (*call.x[:2], *call.shape("grid")[1:-1])


@SHAPES.rule("affine_grid", "theta size", "float")
def affine_grid(call: ShapeCall) -> Shapes:
    """Return the shape of a grid."""
    n, _, *space = call.get("size")
    return (n, *space, len(space))


@SHAPES.rule("cosine_similarity", "x1 x2 dim", "float")
def similarity(call: ShapeCall) -> Shapes:
    """Return the shape of a similarity along an axis."""
    shape = met(call.shape("x1"), call.shape("x2"))
    at = call.axis(len(shape), 1)
    return shape[:at] + shape[at + 1 :]


@SHAPES.rule("cdist", "x1 x2", "float")
def cdist(call: ShapeCall) -> Shapes:
    """Return the shape of distances between rows."""
    first, second = call.shape("x1"), call.shape("x2")
    return (*met(first[:-2], second[:-2]), first[-2], second[-2])
