"""The base of every layer: keys read into attributes, facts about its op, and one method that traces it.

To add an op, write a class with its facts, its `KEYS` and its `trace`; list it in its module's `OPS`, and its word in
`__init__`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from math import gcd, prod
from typing import Any, ClassVar, NamedTuple, TypeVar

from ..axes import Fields as Fields  # noqa: PLC0414  layers import it from here
from ..dialects import Dialect
from ..errors import ShapeError, shown
from ..registry import Registry
from ..sizes import Count, Shape, Size, count, show, total
from .keys import Reader

M = TypeVar("M")
AXIS_LETTERS = {1: "L", 2: "HW", 3: "DHW"}
AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
"""The names of spatial axes beyond three dimensions."""


Need = tuple[Size, str, Size]
"""Two sizes and the relation between them, as in `conditions.Requirement`: `=`, `!=`, `>=`, or `|` for a multiple."""


class Env(NamedTuple):
    """The dialect and the layout of a network while it is traced."""

    dialect: type[Dialect]
    channels_last: bool
    needs: list[tuple[Need, ...]] | None = None
    """The list that collects the requirements on open sizes; None if nobody asks for them."""
    done: dict[int, tuple[Shape, Any]] | None = None
    """What layers have computed from the shapes of their inputs, by layer id; None outside a trace."""

    def require(self, *tests: Need) -> None:
        """Record that at least one of these must hold."""
        if self.needs is not None:
            self.needs.append(tests)

    def once(self, layer: Layer, x: Shape, measure: Callable[[Shape, Env], M]) -> M:
        """Return `measure(x, env)`, computed once for consecutive copies of a layer (`times`)."""
        if self.done is None:
            return measure(x, self)
        held = self.done.get(id(layer))
        if held is None or held[0] != x:
            held = self.done[id(layer)] = x, measure(x, self)
        measured: M = held[1]
        return measured


class Trace(NamedTuple):
    """The result of tracing one sample through one layer; None for a number that is not known."""

    values: dict[str, Any]
    """Every key with its resolved value, in the order of writing."""
    out: Shape
    """The output's shape without the batch, in the network's layout."""
    fields: Fields
    """The meaning of its axes, and the receptive field on each axis of the network's input."""
    weights: Count = 0
    bias: Count = 0
    buffers: Count = 0
    macs: Count = 0
    local: Count = None
    """For a convolution: the weights of the locally connected layer with the same window."""
    axes: tuple[int, ...] = ()
    """The axes that `axis` or a similar key names, counted from the front with the batch as 0."""


class Sign(Enum):
    """What is known of the sign of an op's output."""

    ANY = "any"
    KEPT = "kept"
    """The output is not negative if no input is."""
    NOT_NEGATIVE = "not negative"


class ConvKind(Enum):
    """The kinds of convolutions."""

    PLAIN = "plain"
    DEPTHWISE = "depthwise"
    SEPARABLE = "separable"
    TRANSPOSED = "transposed"


class StepKind(Enum):
    """What a step of a window does."""

    SUM = "sum"
    """It sums products of what it reads."""
    SPREAD = "spread"
    """It adds its input times the kernel to a window of the output."""
    MAX = "max"
    MEAN = "mean"


Start = float | None
"""How an array of weights is initialized: to this constant, or as a KERNEL."""
KERNEL: Start = None
"""A kernel is drawn from a normal distribution of variance 2/fan_in (He et al. 2015, Delving Deep into Rectifiers)."""


class Layer:
    """One layer as the user wrote it. Its attributes are the keys that were given; its class holds the defaults."""

    WORD: ClassVar[str]
    """The op's word, without an ending for the number of axes."""
    VIEW: ClassVar[bool]
    """Whether its output is a view of its input, which takes no memory of its own."""
    LINEAR: ClassVar[bool]
    """Whether it is linear in its inputs up to the constants in `ADDED`, for all values of its keys."""
    SIGN: ClassVar[Sign]
    """The sign of its output for all values of its keys."""

    REFUSED: ClassVar[Mapping[str, str]] = {}
    """Why an op is not supported, by framework (`keras`, `onnx`, `torch`) or by one direction of it (`onnx_read`).

    `run` is the reason why it cannot be executed. Without a reason, the readers, writers and kernels must have the op.
    """
    RANKS: ClassVar[tuple[int | None, ...]] = (None,)
    """The numbers of spatial axes it may have, each a word of its own: None for any number, 2 without an ending."""
    CONVOLUTION: ClassVar[ConvKind | None] = None
    """The kind of convolution: convolutions are compared with fully connected and locally connected layers."""
    STEP: ClassVar[StepKind | None] = None
    """What each step of its window does; None if it has no moving window or does more than one thing."""
    KEEPS_SHAPE: ClassVar[bool] = False
    """Whether it changes values in place, so that the next layer decides what the input's sizes mean."""
    KEEPS_POSITIVE: ClassVar[bool] = False
    """Whether it maps zeros to 0, and inputs of which one is positive and none negative to a positive value."""
    MAKES_AXES: ClassVar[bool] = False
    """Whether its output has axes other than its input's, so that later layers tell nothing about the input."""
    MOVES_AXES: ClassVar[bool] = False
    """Whether its output has its input's axes in another order."""
    SPATIAL: ClassVar[bool] = False
    """Whether it works over the spatial axes of its input, for any number of them."""
    STEPS: ClassVar[bool] = False
    """Whether its input is a sequence: steps, then features."""
    MULTIPLIES: ClassVar[bool] = False
    """Whether it has multiply-accumulates without weights."""
    SOURCE: ClassVar[bool] = False
    """Whether it reads no layer; it is then traced by `trace_all`, without inputs."""
    JOINS: ClassVar[bool] = False
    """Whether it reads several layers; it is then traced by `trace_all`."""
    NESTS: ClassVar[bool] = False
    """Whether it has layers of its own, `layers`."""
    WEIGHTS: ClassVar[Mapping[str, Start]] = {}
    """How each of its arrays is initialized, by role (`weight`, `bias`, `running_mean` …)."""
    BUFFERS: ClassVar[tuple[str, ...]] = ()
    """The roles of arrays that it keeps but does not train."""
    ADDED: ClassVar[Mapping[str, object]] = {"bias": False}
    """The keys and array roles that only add a constant, each with the value that adds none."""

    KEYS: ClassVar[Mapping[str, Reader]] = {}
    """Every key and the reader of its value, in the order of writing."""
    ALSO: ClassVar[tuple[str, ...]] = ()
    """Other short names for the op, besides those of frameworks in `names.py`."""
    PER_AXIS: ClassVar[tuple[str, ...]] = ()
    """Keys with a value per axis, of an op without a number of axes: `pad1d` gives them one value, `pad3d` three."""
    FOLLOWS: ClassVar[bool] = False
    """Whether it may follow another op in its word: an activation or a norm."""
    ALIASES: ClassVar[Mapping[str, str]] = {}
    """Other names of its keys, besides those of the table in `names.py`, which `ops` adds."""
    CONDITIONS: ClassVar[frozenset[str]] = frozenset()
    """Names of flags that may be given together with another name of the same flag, which is then true if both are."""
    HELP: ClassVar[Mapping[str, str]] = {}
    """The meaning of its own keys, and of common keys with a special meaning, a line each."""
    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Keys whose default follows from another key instead of the attribute."""
    BARE: ClassVar[str | None] = None
    """The key that a bare number in a layer word stands for; `from` for a layer that joins others."""
    NEEDED: ClassVar[tuple[str, ...]] = ()
    """Keys that must be given."""
    EXAMPLE: ClassVar[str] = "OP"
    """Layer words of a network that uses the op, with OP in its place."""

    op: str
    nd: int | None

    def __init__(self, op: str, nd: int | None, given: Mapping[str, object]):
        self.__dict__.update(given, op=op, nd=nd)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"layers are immutable: make a new one to change {name}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((self.op, tuple(sorted(self.given))))

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(f'{k}={v!r}' for k, v in self.given.items())})"

    @property
    def given(self) -> dict[str, object]:
        """The keys that were given, with their values, in the order of `KEYS`."""
        return {key: self.__dict__[key] for key in self.KEYS if key in self.__dict__}

    @property
    def is_linear(self) -> bool:
        """Return whether this layer, with its keys, is linear in its inputs up to added constants."""
        return self.LINEAR

    @property
    def is_spatial(self) -> bool:
        """Return whether this layer, with its keys, works over the spatial axes of its input."""
        return self.SPATIAL

    @property
    def overstates(self) -> str | None:
        """Return why its units see less than its trace says; None if the trace is exact."""
        return None

    @property
    def sign(self) -> Sign:
        """The sign of this layer's output, with its keys."""
        return self.SIGN

    def without_constants(self) -> Layer:
        """Return the layer without the constants that its keys add."""
        none = {key: value for key, value in self.ADDED.items() if key in self.given}
        return type(self)(self.op, self.nd, self.given | none)

    def surrogate(self, inputs: int) -> Layer | None:
        """Return a layer with the same field in which every input has influence if values and weights are not negative.

        `inputs` is the number of layers it reads. None if there is no such layer, as its values are products or depend
        on other values.
        """
        return self if self.KEEPS_POSITIVE or self.is_linear else None

    @classmethod
    def refused(cls, form: str) -> str | None:
        """Return why this op is not supported in a form (`onnx_read`, `onnx_write`, `run` …); None if it is."""
        return cls.REFUSED.get(form, cls.REFUSED.get(form.partition("_")[0]))

    def rank(self) -> int | None:
        """Return the number of spatial axes of its input; None for any number."""
        return self.nd

    def unknown(self, fields: Fields) -> Fields:
        """Return the fields of its output if only the fields of its input are known."""
        return fields

    def split(self, x: Shape, env: Env) -> tuple[Size, Shape]:
        """Return a sample's channels and spatial sizes.

        Raise ShapeError unless it has `rank` spatial axes, at least one.
        """
        nd, have = self.rank(), len(x) - 1
        if have < 1 or nd not in (None, have):
            want = "axes" if nd is None else _axes(nd)
            help = f"for {_axes(have)} use {self.WORD}{ENDS[have]}" if have in self.RANKS else None
            raise ShapeError(f"{self.op} works on channels and {want}, but gets {show(x)}", help)
        return (x[-1], x[:-1]) if env.channels_last else (x[0], x[1:])

    def trace(self, x: Shape, fields: Fields, env: Env) -> Trace:
        """Trace one sample's shape, which by default is kept. Raise ShapeError if it does not fit the layer."""
        return Trace(self.values(env), x, fields)

    def values(self, env: Env) -> dict[str, Any]:
        """Return every key with its value, or the dialect's default."""
        return {key: getattr(self, key) for key in self.KEYS}

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Trace:
        """Trace the shapes of several inputs (without the batch) through a layer that joins them."""
        raise NotImplementedError

    def unequal(self, xs: Sequence[Shape], why: str) -> ShapeError:
        """Return the error for shapes that do not fit together; the caller adds the layers they come from."""
        return ShapeError(f"{self.op} of {' and '.join(map(show, xs))}: {why}", key="from")

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        """Return the shape of each array needed to run the layer, by role (`weight`, `bias`, `running_mean` …).

        `x` is the shape of its input sample, `values` has the resolved keys. The order of axes is PyTorch's in NCHW and
        Keras's in NHWC. Together the arrays hold as many weights, biases and buffers as `trace` counts.
        """
        return {}

    @classmethod
    def group(cls, role: str) -> str:
        """Return what an array of this role counts as: `weights`, `bias` or `buffers`."""
        return "buffers" if role in cls.BUFFERS else "bias" if "bias" in role else "weights"

    def counts(self, x: Shape, values: Mapping[str, Any], env: Env) -> tuple[Count, Count, Count]:
        """Return the numbers of weights, biases and buffers in its arrays; None if not known."""
        groups: dict[str, list[Count]] = {"weights": [], "bias": [], "buffers": []}
        for role, shape in self.weight_shapes(x, values, env).items():
            groups[self.group(role)].append(count(*shape))
        return total(groups["weights"]), total(groups["bias"]), total(groups["buffers"])

    def fan_in(self, role: str, shape: tuple[int, ...], values: Mapping[str, Any], env: Env) -> int:
        """Return how many inputs each output sums with the kernel of this role and shape."""
        return prod(shape[:-1] if env.channels_last else shape[1:])

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        """Return the keys that follow from the shape of its only kernel, for g groups; empty if impossible."""
        return {}

    def explain(self, x: Shape, traced: Trace, env: Env) -> list[str]:
        """Return the arithmetic of `trace`, one line per formula."""
        return []


ENDS = {1: "1d", 2: "", 3: "3d"}
"""The ending of an op's word by its number of spatial axes."""
STATED = ("WORD", "VIEW", "LINEAR", "SIGN")
"""The facts that every op must state, as they have no default."""
Op = tuple[type[Layer], int | None]
"""An op's class, and its number of spatial axes (None: any number)."""


def ops(*classes: type[Layer]) -> Registry[str, Op]:
    """Return the ops of a module by their words.

    Raise TypeError for a class that does not state a fact about its op.
    """
    table: Registry[str, Op] = Registry()
    for cls in classes:
        missing = [fact for fact in STATED if not hasattr(cls, fact)]
        if cls.weight_shapes is not Layer.weight_shapes and not cls.WEIGHTS:
            missing.append("WEIGHTS")
        if missing:
            raise TypeError(f"the op {cls.__name__} has to state {', '.join(missing)}: see layers/base.py")
        table.update({cls.WORD + ENDS.get(nd or 2, ""): (cls, nd) for nd in cls.RANKS})
    return table


def _axes(nd: int) -> str:
    return f"{nd} {'axis' if nd == 1 else 'axes'}"


def axis_names(nd: int) -> tuple[str, ...]:
    """Return the names of nd spatial axes: `height` and `width`."""
    return AXIS_NAMES.get(nd, ORDINALS[:nd])


def by_axis(texts: Sequence[str]) -> list[str]:
    """Return a text per axis as lines, with axes of equal text together: `height, width: floor(…)`."""
    lines: dict[str, list[str]] = {}
    for name, text in zip(axis_names(len(texts)), texts, strict=True):
        lines.setdefault(text, []).append(name)
    return [f"{', '.join(names)}: {text}" for text, names in lines.items()]


def axis_of(axis: int, x: Shape, key: str = "axis") -> int:
    """Return an axis of the sample x counted from the front, with the batch as 0. Raise ShapeError if there is none."""
    if axis == 0 or not -len(x) <= axis <= len(x):
        help = f"the axes are 1 to {len(x)}, the batch is 0, the last is -1"
        raise ShapeError(f"axis {axis} is not an axis of {show(x)}", help, key=key)
    return axis if axis > 0 else axis + len(x) + 1


def axes_of(axes: Sequence[int], x: Shape, key: str = "axis") -> tuple[int, ...]:
    """Return axes of the sample x counted from the front, in the given order. Raise ShapeError for one given twice."""
    resolved = tuple([axis_of(axis, x, key) for axis in axes])
    if len(set(resolved)) < len(axes):
        raise ShapeError(f"{key} {shown(axes)} names an axis twice", "give each axis once", key=key)
    return resolved


def space_of(x: Shape, env: Env) -> range:
    """Return the positions of a sample's spatial axes, counted from 0."""
    return range(len(x) - 1) if env.channels_last else range(1, len(x))


def join(c: Size, space: Shape, env: Env) -> Shape:
    """Return channels and spatial sizes as a sample in the network's layout."""
    return (*space, c) if env.channels_last else (c, *space)


def channels(x: Shape, env: Env) -> Size:
    """Return a sample's channels, or its features if it has no spatial axes. Raise ShapeError for a single number."""
    if not x:
        raise ShapeError("a single number has no channels", "keep an axis with keepdims, or put a reshape before it")
    return x[-1] if env.channels_last else x[0]


def check_channels(declared: int | None, c: Size, x: Shape, env: Env, what: str = "channel") -> None:
    """Raise ShapeError if a declared number of channels differs from that of the input, whose shape is x."""
    if declared is None or c == declared:
        return
    if not isinstance(c, int):
        env.require((c, "=", declared))
        return
    help = f"remove c_i, set it to {c}, or fix the layer before"
    if declared in (x[0], x[-1]):
        place, layout = ("last", "NHWC") if declared == x[-1] else ("first", "NCHW")
        help = f"if the channels of {show(x)} come {place}, give --layout {layout}"
    raise ShapeError(f"expects {declared} input {what}{'s' * (declared != 1)}, gets {c}", help, key="c_i")


def check_divides(parts: int, whole: Size, what: str, env: Env, key: str = "g", also: int | None = None) -> None:
    """Raise ShapeError unless `parts` divides a number of channels; the help lists divisors of `also`, too."""
    if not isinstance(whole, int):
        env.require((whole, "|", parts))
        return
    number = whole
    if number % parts == 0:
        return
    common = gcd(number, also or number)
    fitting = [str(d) for d in range(1, min(common, 4096) + 1) if common % d == 0]
    both = f"both {number} and {also}" if also is not None and also != number else str(number)
    raise ShapeError(
        f"{key}={parts} does not divide {what}={number}: {number} = {number // parts}*{parts} + {number % parts}",
        f"divisors of {both}: {', '.join(fitting[:24])}{' ...' if len(fitting) > 24 or common > 4096 else ''}",
        key=key,
    )
