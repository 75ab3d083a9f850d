"""Which layers a call is: one small function a kind of call, by the names of the functions that it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from .calls import Constant, FunctionCall, TracedTensor, tree


class OpaqueCall(Exception):
    """A call that is none of cnncalc's layers: it becomes an opaque one."""


class CallLayer(NamedTuple):
    """A layer that a call is; the second of several reads the first."""

    op: str
    keys: Mapping[str, Any] = {}
    weights: Mapping[str, Constant] = {}
    """Its arrays, by role."""
    reads: tuple[TracedTensor, ...] = ()
    """What it reads beside the layer before it in the same call; by default the call's input."""


class Arguments:
    """A call with its arguments by name. The axes of a sample are counted as PyTorch's are: the batch is 0.

    Where there is one sample, a value may have lost its batch (windows of it stand there): then it is seen with one.
    """

    def __init__(self, call: FunctionCall, names: Sequence[str], batch: int, trained: Collection[str]):
        self.call, self.batch, self.trained = call, batch, trained
        self.rest = call.args[len(names) :]
        self.given = dict(zip(names, call.args, strict=False)) | dict(call.kwargs)
        self.first = next(leaf for leaf in tree([call.args, call.kwargs]) if isinstance(leaf, TracedTensor))
        self.bare = not self.has_batch(self.first.shape)
        """Whether its first value has lost its batch."""

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or its default."""
        return self.given.get(name, default)

    def has_batch(self, shape: tuple[int, ...]) -> bool:
        """Whether the batch stands in front of a shape."""
        return len(shape) > 1 and shape[0] == self.batch

    def with_batch(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape with the batch in front. OpaqueCall where several samples are no more apart."""
        if self.has_batch(shape):
            return shape
        if self.batch != 1 or not shape:
            raise OpaqueCall
        return (1, *shape)

    def sampled(self, x: TracedTensor) -> TracedTensor:
        """A value with the batch in front of its shape."""
        return x._replace(shape=self.with_batch(x.shape))

    @property
    def x(self) -> TracedTensor:
        """The first argument, with the batch in front. OpaqueCall where it does not come from the input."""
        x = self.call.args[0] if self.call.args else self.call.kwargs.get("input")
        if not isinstance(x, TracedTensor):
            raise OpaqueCall
        return self.sampled(x)

    @property
    def map(self) -> TracedTensor:
        """The same, with channels behind the batch. OpaqueCall where the batch is gone."""
        if self.bare:
            raise OpaqueCall
        return self.x

    @property
    def out(self) -> tuple[int, ...]:
        """What comes out, without the batch."""
        return self.with_batch(self.call.outs[0])[1:]

    def axis(self, value: Any) -> int:
        """An axis of the first value, counted from 0, the batch; OpaqueCall for the batch."""
        axis = value % len(self.first.shape) + self.bare
        if axis == 0:
            raise OpaqueCall
        return int(axis)

    def axes(self, value: Any) -> list[int]:
        """Several axes, sorted. OpaqueCall for all of them."""
        if value is None:
            raise OpaqueCall
        return sorted({self.axis(one) for one in (value if isinstance(value, (list, tuple)) else [value])})


SHAPED = {"view", "reshape", "unsqueeze", "squeeze", "getitem", "select"}
"""Functions whose rules look at what comes out, so that they may give a value its batch back."""
Rule = Callable[[Arguments], "CallLayer | TracedTensor | list[CallLayer]"]
"""The layer of a call, several in a row, or a value where the call changes nothing. OpaqueCall where there is none."""
RULES: dict[str, tuple[Rule, tuple[str, ...]]] = {}


def rule(functions: str, arguments: str = "input") -> Callable[[Rule], Rule]:
    """Note a rule for functions of these arguments."""

    def note(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(functions.split(), (function, tuple(arguments.split()))))
        return function

    return note


def layers_of(call: FunctionCall, batch: int, trained: Collection[str]) -> list[CallLayer] | TracedTensor:
    """The layers of a call, or the value that it passes on. OpaqueCall where there are none."""
    if call.function not in RULES:
        raise OpaqueCall
    function, names = RULES[call.function]
    asked = Arguments(call, names, batch, trained)
    if asked.bare and asked.has_batch(call.outs[0]) and call.function not in SHAPED:
        raise OpaqueCall
    made = function(asked)
    return [made] if isinstance(made, CallLayer) else made


def plain(value: Any) -> Any:
    """A number or a list of them as a spec holds it: equal ones once."""
    if isinstance(value, (list, tuple)):
        numbers = [int(one) for one in value]
        return numbers[0] if len(set(numbers)) == 1 else numbers
    return int(value)


def without(keys: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """Keys without those that hold their default, or None."""
    return {key: value for key, value in keys.items() if value is not None and value != defaults.get(key)}


def ranked(op: str, nd: int) -> str:
    """An op's word for this many axes."""
    return op if nd == 2 else f"{op}{nd}d"


def own(weights: Mapping[str, Any]) -> dict[str, Constant]:
    """Arrays by role, those that are None left out. OpaqueCall for what is no parameter or buffer itself."""
    found = {role: array for role, array in weights.items() if array is not None}
    if any(not isinstance(array, Constant) or array.name is None for array in found.values()):
        raise OpaqueCall
    return found


def spatial(asked: Arguments, nd: int) -> None:
    """OpaqueCall where the input has not this many axes beside its channels."""
    if len(asked.map.shape) != nd + 2:
        raise OpaqueCall


@rule("conv1d conv2d conv3d", "input weight bias stride padding dilation groups")
def conv(asked: Arguments) -> CallLayer:
    """A convolution, depthwise where each channel is a group of its own."""
    arrays = own({"weight": asked.get("weight"), "bias": asked.get("bias")})
    c_o, each, *k = arrays["weight"].shape
    groups, c_i = asked.get("groups", 1), asked.map.shape[1]
    spatial(asked, len(k))
    alone = groups == c_i > 1 and each == 1
    padding = asked.get("padding", 0)
    keys = without(
        {
            "c_o": None if alone and c_o == c_i else c_o,
            "k": plain(k),
            "s": plain(asked.get("stride", 1)),
            "p": padding if isinstance(padding, str) else plain(padding),
            "d": plain(asked.get("dilation", 1)),
            "g": 1 if alone else groups,
            "bias": "bias" in arrays,
        },
        s=1,
        p=0,
        d=1,
        g=1,
        bias=True,
    )
    return CallLayer(ranked("dwconv" if alone else "conv", len(k)), keys, arrays)


@rule(
    "conv_transpose1d conv_transpose2d conv_transpose3d",
    "input weight bias stride padding output_padding groups dilation",
)
def transposed(asked: Arguments) -> CallLayer:
    """A transposed convolution."""
    arrays = own({"weight": asked.get("weight"), "bias": asked.get("bias")})
    _, each, *k = arrays["weight"].shape
    spatial(asked, len(k))
    groups = asked.get("groups", 1)
    keys = {
        "c_o": each * groups,
        "k": plain(k),
        "s": plain(asked.get("stride", 1)),
        "p": plain(asked.get("padding", 0)),
        "out_pad": plain(asked.get("output_padding", 0)),
        "d": plain(asked.get("dilation", 1)),
        "g": groups,
        "bias": "bias" in arrays,
    }
    keys = without(keys, s=1, p=0, out_pad=0, d=1, g=1, bias=True)
    return CallLayer(ranked("convT", len(k)), keys, arrays)


@rule("linear", "input weight bias")
def linear(asked: Arguments) -> CallLayer:
    """A linear layer on the last axis."""
    arrays = own({"weight": asked.get("weight"), "bias": asked.get("bias")})
    keys = without({"out": arrays["weight"].shape[0], "bias": "bias" in arrays}, bias=True)
    return CallLayer("linear", keys, arrays)


def window(asked: Arguments) -> tuple[int, dict[str, Any]]:
    """The axes and the common keys of a sliding pool."""
    k = plain(asked.get("kernel_size"))
    stride = asked.get("stride")
    s = k if stride is None or stride in ([], ()) else plain(stride)
    keys = {"k": k, "s": s, "p": plain(asked.get("padding", 0)), "d": plain(asked.get("dilation", 1))}
    nd = int(asked.call.function.removesuffix("_with_indices")[-2])
    spatial(asked, nd)
    return nd, without(keys | {"ceil": asked.get("ceil_mode", False)}, s=k, p=0, d=1, ceil=False)


@rule("max_pool1d max_pool2d max_pool3d", "input kernel_size stride padding dilation ceil_mode return_indices")
def maxpool(asked: Arguments) -> CallLayer:
    """A max pool, its indices (if they are asked for) left out."""
    nd, keys = window(asked)
    return CallLayer(ranked("maxpool", nd), keys)


RULES |= {f"max_pool{nd}d_with_indices": (RULES[f"max_pool{nd}d"][0], RULES[f"max_pool{nd}d"][1]) for nd in (1, 2, 3)}


@rule(
    "avg_pool1d avg_pool2d avg_pool3d",
    "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
)
def avgpool(asked: Arguments) -> CallLayer:
    """An average pool."""
    nd, keys = window(asked)
    if asked.get("divisor_override") is not None:
        raise OpaqueCall
    counts = {"count_include_pad": asked.get("count_include_pad", True)}
    return CallLayer(ranked("avgpool", nd), keys | without(counts, count_include_pad=True))


@rule("lp_pool1d lp_pool2d lp_pool3d", "input norm_type kernel_size stride ceil_mode")
def lppool(asked: Arguments) -> CallLayer:
    """A power-average pool."""
    nd, keys = window(asked)
    return CallLayer(ranked("lppool", nd), keys | {"norm": asked.get("norm_type")})


def adaptive(kind: str) -> Rule:
    """An adaptive pool, a global one where a single unit comes out."""

    def make(asked: Arguments) -> CallLayer:
        spatial(asked, int(asked.call.function.removesuffix("_with_indices")[-2]))
        out = asked.out[1:]
        if set(out) == {1}:
            return CallLayer(f"global{kind}")
        return CallLayer(f"adaptive{kind}", {"out": list(out)})

    return make


for _kind in ("avg", "max"):
    _words = " ".join(f"adaptive_{_kind}_pool{nd}d" for nd in (1, 2, 3))
    rule(_words, "input output_size")(adaptive(f"{_kind}pool"))
RULES |= {f"adaptive_max_pool{nd}d_with_indices": RULES[f"adaptive_max_pool{nd}d"] for nd in (1, 2, 3)}


@rule("mean", "input dim keepdim")
def mean(asked: Arguments) -> CallLayer:
    """A mean: a global pool where it is over all of space."""
    axes, keep = asked.axes(asked.get("dim")), bool(asked.get("keepdim", False))
    if axes == list(range(2, len(asked.x.shape))) and not asked.bare:
        return CallLayer("globalavgpool", without({"keepdims": keep}, keepdims=True))
    return CallLayer("mean", without({"axis": axes, "keepdims": keep}, keepdims=False))


@rule("amax", "input dim keepdim")
def amax(asked: Arguments) -> CallLayer:
    """A maximum over all of space."""
    if asked.axes(asked.get("dim")) != list(range(2, len(asked.map.shape))):
        raise OpaqueCall
    return CallLayer("globalmaxpool", without({"keepdims": bool(asked.get("keepdim", False))}, keepdims=True))
