"""Value-by-value functions, and functions of values along an axis (onnx/defs/math/defs.cc)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .....layers.activation import Clip
from .....layers.names import ONNX, ONNX_FUNCTIONS
from .....registry import Registry
from .....sizes import known
from ....values import BATCH, Handle
from ..const import BOOL, INTEGERS
from ..made import OpaqueNode, Quantized, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler

KEPT = (
    *("BitwiseNot", "IsInf", "IsNaN", "Bernoulli", "EyeLike", "RandomNormalLike"),
    *("RandomUniformLike", "ReverseSequence", "ScatterElements", "ScatterND", "Scatter"),
)
"""The operators that keep their input's shape but have no layer here."""

HANDLERS: Registry[str, Handler] = Registry()
Keys = dict[str, Any]


def keyed(op: str, keys: Callable[[GraphNode], Keys] | None = None) -> Handler:
    """Return the handler of an op with these keys, by default its attributes renamed."""

    def handle(b: GraphReader, node: GraphNode) -> None:
        b.make_pointwise(node, op, b.first(node), keys(node) if keys else node.renamed(ONNX[op]))

    return handle


@HANDLERS.register(*KEPT)
def kept(b: GraphReader, node: GraphNode) -> None:
    """Read an operator of which only the shape is known: that of its input."""
    raise OpaqueNode(b.full(b.first(node)))


gelu = keyed("gelu", lambda node: {"approximate": node.text("approximate", "none") == "tanh"})
HANDLERS.update(
    {ONNX[op].word: keyed(op) for op in (*ONNX_FUNCTIONS, "hardswish", "leakyrelu", "elu", "celu")},
    {
        "Gelu": gelu,
        "Not": keyed("compare", lambda _: {"by": "eq", "value": 0}),
    },
)


@HANDLERS.register("Cast", "CastLike")
def cast(b: GraphReader, node: GraphNode) -> None:
    """Read a cast: to integers it truncates, truth values become 0 and 1, and other values stay."""
    x, to = b.first(node), node.whole("to") if node.op == "Cast" else 1
    have = b.kind(node.input(0))
    if node.input(0) in b.quantized and (own := b.quantized[node.input(0)]).of is None and to not in INTEGERS:
        b.give(node, b.in_steps(node.name, x, own))
        b.quantized[node.outputs[0]] = Quantized((1.0,), (0.0,))
        return
    if to == BOOL and have != "bool":
        b.make_pointwise(node, "compare", x, {"by": "ne", "value": 0})
    elif to in INTEGERS and have == "float":
        b.make_pointwise(node, "trunc", x)
    else:
        b.make_pointwise(node, "identity", x)


@HANDLERS.register("HardSigmoid")
def hardsigmoid(b: GraphReader, node: GraphNode) -> None:
    """Read max(0, min(1, alpha*x + beta)); with a beta other than 0.5, it is a clipped rescaling."""
    alpha, beta, x = node.number("alpha", 0.2), node.number("beta", 0.5), b.first(node)
    if beta == 0.5:
        b.make_pointwise(node, "hardsigmoid", x, {"alpha": alpha})
    else:
        scaled = b.pointwise(f"{node.name}.scaled", "rescale", x, {"factor": alpha, "offset": beta})
        b.make_pointwise(node, "clip", scaled, {"min": 0, "max": 1})


@HANDLERS.register("Selu")
def selu(b: GraphReader, node: GraphNode) -> None:
    """Read gamma*elu(x, alpha), by default with the constants of Klambauer et al."""
    alpha, gamma, x = node.number("alpha", 1.6732632), node.number("gamma", 1.050701), b.first(node)
    if abs(alpha - 1.6732632) < 1e-4 and abs(gamma - 1.0507) < 1e-4:
        b.make_pointwise(node, "selu", x)
    else:
        inner = b.pointwise(f"{node.name}.elu", "elu", x, {"alpha": alpha})
        b.make_pointwise(node, "rescale", inner, {"factor": gamma})


@HANDLERS.register("Swish")
def swish(b: GraphReader, node: GraphNode) -> None:
    """Read x*sigmoid(alpha*x), which is silu(alpha*x)/alpha."""
    alpha, x = node.number("alpha", 1.0), b.first(node)
    if alpha == 1:
        b.make_pointwise(node, "silu", x)
    elif alpha == 0:
        b.make_pointwise(node, "rescale", x, {"factor": 0.5})
    else:
        inner = b.pointwise(f"{node.name}.in", "rescale", x, {"factor": alpha})
        b.make_pointwise(node, "rescale", b.pointwise(f"{node.name}.silu", "silu", inner), {"factor": 1 / alpha})


@HANDLERS.register("ThresholdedRelu")
def thresholded(b: GraphReader, node: GraphNode) -> None:
    """Read x where it is above alpha, otherwise 0."""
    b.make_pointwise(node, "threshold", b.first(node), {"threshold": node.number("alpha", 1.0), "value": 0})


@HANDLERS.register("Shrink")
def shrink(b: GraphReader, node: GraphNode) -> None:
    """Read a shrinkage: hard without a bias, soft if the bias is the threshold, otherwise x minus clipped parts."""
    lambd, bias, x = node.number("lambd", 0.5), node.number("bias", 0.0), b.first(node)
    if bias in (0, lambd) and lambd >= 0:
        b.make_pointwise(node, "softshrink" if bias else "hardshrink", x, {"lambd": lambd})
        return
    sides = []
    for by, bound, shift in (("lt", -lambd, bias), ("gt", lambd, -bias)):
        chosen = b.pointwise(f"{node.name}.{by}", "compare", x, {"by": by, "value": bound})
        moved = b.pointwise(f"{node.name}.{by}.moved", "rescale", x, {"factor": 1, "offset": shift})
        sides.append((chosen, moved))
    (below, low), (above, high) = sides
    nothing = b.pointwise(f"{node.name}.nothing", "rescale", x, {"factor": 0, "offset": 0})
    upper = b.pointwise(f"{node.name}.upper", "where", [above, high, nothing])
    b.give(node, b.pointwise(node.name, "where", [below, low, upper]))


def _hardmax(b: GraphReader, name: str, x: Handle, axis: int) -> Handle:
    """Return 1 at the first of the largest values along an axis, otherwise 0."""
    largest = b.add(f"{name}.max", "max", x, {"axis": [axis], "keepdims": True})
    equal = b.add(f"{name}.equal", "compare", [x, largest], {"by": "eq"})
    count = b.add(f"{name}.count", "cumsum", equal, {"axis": axis})
    first = b.pointwise(f"{name}.first", "compare", count, {"by": "eq", "value": 1})
    return b.pointwise(name, "mul", [equal, first])


def _plain(op: str) -> Callable[[GraphReader, str, Handle, int], Handle]:
    """Return a function that adds a layer of this op along an axis."""
    return lambda b, name, x, axis: b.add(name, op, x, {"axis": axis})


ALONG = {"Softmax": _plain("softmax"), "LogSoftmax": _plain("logsoftmax"), "Hardmax": _hardmax}
"""The functions that add the layers of functions along an axis."""


@HANDLERS.register(*ALONG)
def softmax(b: GraphReader, node: GraphNode) -> None:
    """Read a function along one axis; before operator set 13 it was along all axes from `axis` on."""
    x, full = b.known(node)
    along, old = ALONG[node.op], b.graph.opset < 13
    at = node.axis("axis", len(full), 1 if old else -1, end=old)
    wide = [place for place in range(at, len(full)) if full[place] != 1]
    if not old or len(wide) < 2:
        x, axis = b.along(x, wide[0] if old and wide else min(at, len(full) - 1))
        b.give(node, along(b, node.name, x, axis))
        return
    for place in range(at, len(full)):
        x = b.without_batch(x, place)
    front = len([place for group in (x.axes or ())[:at] for place in group if place != BATCH])
    if front == 0:
        flat = b.add(f"{node.name}.flat", "flatten", x)
    else:
        flat = b.add(f"{node.name}.flat", "reshape", x, {"out": [*map(sized, x.shape[:front]), -1]})
    done = along(b, f"{node.name}.done", flat, front + 1)
    b.give(node, b.add(node.name, "reshape", done, {"out": [*map(sized, x.shape)]}).arranged(x.axes))


def sized(n: object) -> int:
    """Return a size as a number. Raise OpaqueNode if it is open."""
    if not isinstance(n, int):
        raise OpaqueNode(known=False)
    return n


@HANDLERS.register("Clip")
def clip(b: GraphReader, node: GraphNode) -> None:
    """Read a clip with bounds from attributes (up to operator set 6) or inputs; with 0 and 6 it is a ReLU6."""
    x = b.first(node)
    bounds: list[float | int | None] = []
    for at, name, end in ((1, "min", -1), (2, "max", 1)):
        bound = node.number(name) if node.has(name) else b.scalar(node.input(at))
        if bound is None and node.input(at):
            raise OpaqueNode(b.full(x))
        try:
            bounds.append(None if bound is None else Clip.bound(bound, end))
        except ValueError:
            raise OpaqueNode(b.full(x)) from None
    least, most = bounds
    if least is not None and most is not None:
        least = min(least, most)  # if min > max, all values become max
    if bounds == [0, 6]:
        b.make_pointwise(node, "relu6", x)
    elif bounds == [None, None]:
        b.make_pointwise(node, "identity", x)
    else:
        b.make_pointwise(node, "clip", x, {"min": least, "max": most})


@HANDLERS.register("PRelu")
def prelu(b: GraphReader, node: GraphNode) -> None:
    """Read slopes that broadcast with a sample: one, one per channel, or one per unit, shared along axes of size 1."""
    x, full = b.known(node)
    slope = needed(b.param(node, 1))
    if len(slope.shape) > len(full):
        raise OpaqueNode(known=False)
    aligned = slope.aligned(len(full))
    for at, n in enumerate(aligned):
        x = b.without_batch(x, at) if n != 1 else x
    axes = x.axes or ()
    sizes = tuple([aligned[at] for at in range(len(full)) for place in axes[at] if place != BATCH])
    single = all(len(axes[at]) == 1 for at, n in enumerate(aligned) if n != 1)
    if not single or any(n not in (1, known(have)) for n, have in zip(sizes, x.shape, strict=True)):
        raise OpaqueNode(full, params=slope.size)
    if sizes and slope.size in (1, sizes[0]):
        b.make(node, "prelu", x, {"num_parameters": slope.size}, {"weight": slope.reshaped((slope.size,))})
    else:
        shared = [at for at, n in enumerate(sizes, 1) if n == 1]
        b.make(node, "prelu", x, {"shared_axes": shared}, {"weight": slope.reshaped(sizes)})


@HANDLERS.register("Dropout")
def dropout(b: GraphReader, node: GraphNode) -> None:
    """Read a dropout, which does nothing in inference; in training mode only its shape is known."""
    if b.scalar(node.input(2)):
        raise OpaqueNode(b.full(b.first(node)))
    rate = node.number("ratio", 0.5) if b.const(node.input(1)) is None else b.scalar(node.input(1))
    b.make(node, "dropout", b.first(node), {} if rate is None or not 0 <= rate <= 1 else {"rate": rate})


@HANDLERS.register("CumSum")
def cumsum(b: GraphReader, node: GraphNode) -> None:
    """Read a cumulative sum along an axis, from its end if reversed; an exclusive one leaves out the current value."""
    x, full = b.known(node)
    axis = b.scalar(node.input(1))
    if not isinstance(axis, int) or not -len(full) <= axis < len(full):
        raise OpaqueNode(full)
    x, ours = b.along(x, axis % len(full))
    turned = {"axis": ours, "start": None, "stop": None, "step": -1}
    if node.whole("reverse"):
        x = b.add(f"{node.name}.turned", "slice", x, turned)
    if node.whole("exclusive"):
        padded = b.add(f"{node.name}.behind", "pad", x, {"axis": [ours], "p": [[1, 0]]})
        x = b.add(f"{node.name}.before", "slice", padded, {"axis": ours, "start": 0, "stop": -1})
    made = b.add(f"{node.name}.sums" if node.whole("reverse") else node.name, "cumsum", x, {"axis": ours})
    b.give(node, b.add(node.name, "slice", made, turned) if node.whole("reverse") else made)


LEAST = 1e-30
"""The value used for a norm of 0, so that zeros stay zeros."""


@HANDLERS.register("LpNormalization")
def normalized(b: GraphReader, node: GraphNode) -> None:
    """Read values divided by their norm along an axis."""
    x, full = b.known(node)
    x, axis = b.along(x, node.axis("axis", len(full), -1))
    b.make(node, "normalize", x, {"axis": [axis], "norm": node.whole("p", 2), "eps": LEAST})
