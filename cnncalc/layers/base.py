"""What every layer is: keys read into attributes, and one method that traces it.

To add an op, write a class with its `KEYS` and its `trace`, and name it in its family's `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Any, ClassVar, NamedTuple

from ..dialects import Dialect
from ..errors import ShapeError, shown
from ..field import UNKNOWN, Field
from ..sizes import Shape, Size, known, show
from .keys import Reader

Fields = tuple[Field, ...]
AXIS_LETTERS = {1: "L", 2: "HW", 3: "DHW"}
AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class Env(NamedTuple):
    """What holds for a whole network while it is traced."""

    dialect: type[Dialect]
    channels_last: bool


class Traced(NamedTuple):
    """What one layer does to one sample; None where a number is not known."""

    values: dict[str, Any]
    """Every key with its resolved value, in the order it is written."""
    out: Shape
    """Without the batch, in the network's layout."""
    fields: Fields
    """The receptive field on each axis of the network's input."""
    weights: int | None = 0
    bias: int | None = 0
    buffers: int | None = 0
    macs: int | None = 0
    local: int | None = None
    """For convolutions: the weights of a locally connected layer of the same window."""
    axes: tuple[int, ...] = ()
    """The axes it works along, counted from the front, the batch being 0: those that `axis` or the like names."""


class Layer:
    """One layer as its user wrote it. The attributes are the keys that were given; the class holds the defaults."""

    KEYS: ClassVar[Mapping[str, Reader]] = {}
    """Every key and how its value is read, in the order it is written."""
    ALIASES: ClassVar[Mapping[str, str]] = {}
    """The long names that PyTorch, Keras and ONNX give to keys, where they differ from the common ones."""
    HELP: ClassVar[Mapping[str, str]] = {}
    """What its keys mean, in a line, where that is not what the same keys mean elsewhere."""
    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Keys whose default follows from another key, whatever the attribute says."""
    BARE: ClassVar[str | None] = None
    """The key that a bare number stands for, in a layer word."""
    NEEDED: ClassVar[tuple[str, ...]] = ()
    """Keys without which there is no such layer."""
    CONVOLUTION: ClassVar[bool] = False
    """Whether it is compared with the fully-connected and the locally connected layer."""

    KEEPS_SHAPE: ClassVar[bool] = False
    """Whether it works on values where they are, so that what comes next decides what the input's sizes mean."""

    MAKES_AXES: ClassVar[bool] = False
    """Whether what comes out has other axes than what went in, so that later layers say nothing of the input."""

    JOINS: ClassVar[bool] = False
    """Whether it reads several layers; `trace_all` is then what traces it."""

    NESTS: ClassVar[bool] = False
    """Whether it is made of layers of its own, `layers`."""

    op: str
    nd: int | None

    def __init__(self, op: str, nd: int | None, given: Mapping[str, object]):
        self.__dict__.update(given, op=op, nd=nd)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a layer does not change: make a new one for another {name}")

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

    def rank(self) -> int | None:
        """How many spatial axes its input has, None where any number will do."""
        return self.nd

    def trace(self, x: Shape, fields: Fields, env: Env) -> Traced:
        """From one sample's shape to what comes out. ShapeError where the two do not go together."""
        raise NotImplementedError

    def trace_all(self, xs: Sequence[Shape], fields: Sequence[Fields], env: Env) -> Traced:
        """From several samples' shapes to what comes out, for a layer that joins them."""
        raise NotImplementedError

    def weight_shapes(self, x: Shape, values: Mapping[str, Any], env: Env) -> dict[str, Shape]:
        """The shape of each array it needs to be executed, by role (`weight`, `bias`, `running_mean` …).

        `x` is its sample's shape, `values` the resolved keys. In NCHW the order is PyTorch's, in NHWC Keras's; together
        they are as many numbers as `trace` counts: weights, bias and buffers.
        """
        return {}

    @classmethod
    def keys_of_weight(cls, shape: tuple[int, ...], nd: int | None, g: int, env: Env) -> dict[str, Any]:
        """The keys that the shape of its (only) kernel tells, for g groups; none where it is no such kernel's shape."""
        return {}

    def explain(self, x: Shape, traced: Traced, env: Env) -> list[str]:
        """The arithmetic of `trace`, a line a formula."""
        return []


def split(x: Shape, env: Env, nd: int | None, op: str) -> tuple[Size, Shape]:
    """A sample's channels and its spatial sizes. ShapeError where it has not `nd` axes (at least one, with None)."""
    if len(x) - 1 != nd if nd is not None else len(x) < 2:
        want = f"channels and {nd} {'axis' if nd == 1 else 'axes'}" if nd is not None else "channels and axes"
        raise ShapeError(f"{op} works on {want}, and gets {show(x)}", _rank_help(op, len(x) - 1, nd))
    return (x[-1], x[:-1]) if env.channels_last else (x[0], x[1:])


def family(op: str) -> str:
    """An op's word without its number of axes: `conv` of `conv1d`."""
    return op.removesuffix("1d").removesuffix("3d")


def _rank_help(op: str, have: int, nd: int | None) -> str | None:
    bare = family(op)
    if nd is None or have not in (1, 2, 3):
        return None
    return f"for {have} {'axis' if have == 1 else 'axes'} the op is {bare}{'' if have == 2 else f'{have}d'}"


def axis_of(axis: int, x: Shape, key: str = "axis") -> int:
    """Return an axis of the sample x counted from the front, the batch being 0. ShapeError for what is not one."""
    if axis == 0 or not -len(x) <= axis <= len(x):
        help = f"the axes are 1 to {len(x)}, the batch is 0, the last is -1"
        raise ShapeError(f"axis {axis} is not an axis of {show(x)}", help, key=key)
    return axis if axis > 0 else axis + len(x) + 1


def axes_of(axes: Sequence[int], x: Shape, key: str = "axis") -> tuple[int, ...]:
    """Return axes of the sample x counted from the front, in their order. ShapeError for one given twice."""
    resolved = tuple([axis_of(axis, x, key) for axis in axes])
    if len(set(resolved)) < len(axes):
        raise ShapeError(f"{key} {shown(axes)} names an axis twice", "give each axis once", key=key)
    return resolved


def join(c: Size, space: Shape, env: Env) -> Shape:
    """Channels and spatial sizes as a sample in the network's layout."""
    return (*space, c) if env.channels_last else (c, *space)


def check_channels(declared: int | None, c: Size, x: Shape) -> None:
    """A declared number of channels against the one that arrives with the shape x."""
    if declared is None or known(c) in (None, declared):
        return
    if declared in (x[0], x[-1]):
        other = "NHWC" if declared == x[-1] else "NCHW"
        help = f"if the channels of {show(x)} stand {'last' if other == 'NHWC' else 'first'}, give --layout {other}"
    else:
        help = f"leave c_i out, or write {c}, or mend what comes before"
    raise ShapeError(f"c_i is {declared}, and {c} arrive", help, key="c_i")


def divides(parts: int, whole: Size, what: str, key: str = "g", also: int | None = None) -> None:
    """Whether `parts` divides a number of channels; `also` is another that it has to divide, for the help."""
    number = known(whole)
    if number is None or number % parts == 0:
        return
    common = gcd(number, also or number)
    fitting = [str(d) for d in range(1, min(common, 4096) + 1) if common % d == 0]
    both = f"both {number} and {also}" if also is not None and also != number else str(number)
    raise ShapeError(
        f"{key}={parts} does not divide {what}={number}: {number} = {number // parts}*{parts} + {number % parts}",
        f"what divides {both}: {', '.join(fitting[:24])}{' ...' if len(fitting) > 24 or common > 4096 else ''}",
        key=key,
    )


def unseen(fields: Fields) -> Fields:
    """Fields of which nothing is known."""
    return tuple([field.lost() for field in fields])


def whole(fields: Fields, space: Shape) -> Fields:
    """The fields of a unit that sees all of these sizes; where they are no more the input's axes, nothing changes."""
    if not space:
        return fields
    if len(space) != len(fields):
        return unseen(fields)
    return tuple([f.whole(known(n)) for f, n in zip(fields, space, strict=True)])


class Turned(tuple[Field, ...]):
    """Fields while the channels stand where space does: of no use to a window, until a permute turns them back."""

    axes: tuple[Field | None, ...]
    """What lies along each of the sample's axes, None along the channels'."""


def along(x: Shape, fields: Fields, env: Env) -> list[Field | None]:
    """The field along each axis of a sample: None along the channels, an unknown one where axes are not the input's."""
    if isinstance(fields, Turned) and len(fields.axes) == len(x):
        return list(fields.axes)
    known_ = fields if len(fields) == len(x) - 1 else (UNKNOWN,) * (len(x) - 1)
    channel = len(x) - 1 if env.channels_last else 0
    return [*known_[:channel], None, *known_[channel:]]


def laid(axes: Sequence[Field | None], fields: Fields, env: Env) -> Fields:
    """Such fields as a layer passes them on, where its input had `fields`."""
    seen = tuple([field for field in axes if field is not None])
    if len(seen) != len(fields):
        return unseen(fields)
    if axes[-1 if env.channels_last else 0] is None:
        return seen
    turned = Turned([field.lost() for field in seen])
    turned.axes = tuple(axes)
    return turned
