"""Recurrent operators: LSTM, GRU and RNN (onnx/defs/rnn/defs.cc)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .....registry import Registry
from .....sizes import count, known
from ....values import Handle
from ..const import Const
from ..model import GraphNode
from ..reader import GraphReader, Handler, OpaqueNode, needed


class Kind(NamedTuple):
    """A recurrent operator as ONNX has it."""

    op: str
    order: tuple[int, ...]
    """The place in ONNX's order of each of our gates."""
    activations: tuple[str, ...]
    """The functions of one direction by default."""


KINDS = {
    "LSTM": Kind("lstm", (0, 2, 3, 1), ("Sigmoid", "Tanh", "Tanh")),  # iofc, ours are ifco
    "GRU": Kind("gru", (1, 0, 2), ("Sigmoid", "Tanh")),  # zrh, ours are rzh
    "RNN": Kind("rnn", (0,), ("Tanh",)),
}
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register(*KINDS)
def recurrent(b: GraphReader, node: GraphNode) -> None:
    """Read a layer whose states begin with zeros; of another only its shape and figures are known."""
    kind, x = KINDS[node.op], b.first(node)
    full = needed(b.full(x))
    w, r, bias = needed(b.const(node.input(1))), needed(b.const(node.input(2))), b.const(node.input(3))
    if len(full) != 3 or len(w.shape) != 3 or len(r.shape) != 3:
        raise node.wrong(f"works on 3 axes, and gets {len(full)}")
    directions, width, c_i = w.shape
    hidden, gates = r.shape[2], len(kind.order)
    layout = node.whole("layout")
    steps = full[1 if layout else 0]
    if width != gates * hidden or r.shape[:2] != w.shape[:2]:
        raise node.wrong(f"its kernels have the shapes {list(w.shape)} and {list(r.shape)}")
    keys: dict[str, Any] = {"c_i": c_i, "out": hidden, **_direction(node, directions), "bias": bias is not None}
    activation = _activation(node, kind, directions)
    if activation is None or not _plain(b, node, full, steps):
        macs = count(*[known(n) for n in full[:2]], directions * gates * hidden, c_i + hidden)
        one = count(known(b.batch))
        sizes = [full[1 - layout], full[layout]]
        out = [sizes[0], sizes[1], directions, hidden] if layout else [sizes[1], directions, sizes[0], hidden]
        each = None if macs is None or not one else macs // one
        raise OpaqueNode(out, params=w.params + r.params + (bias.params if bias else 0), macs=each)
    if bias is not None:
        keys["hidden_bias"] = True
    if node.op == "GRU":
        keys["reset_after"] = bool(node.whole("linear_before_reset"))
    if activation == "Relu":
        keys["activation"] = "relu"
    _give(b, node, x, kind, keys, _weights(kind, w, r, bias))


def _direction(node: GraphNode, directions: int) -> dict[str, bool]:
    """Return the keys of a direction."""
    word = node.text("direction", "forward")
    if directions != 1 + (word == "bidirectional"):
        raise node.wrong(f"{directions} directions, and it is {word}")
    return {"bidirectional": True} if word == "bidirectional" else {"backward": True} if word == "reverse" else {}


def _activation(node: GraphNode, kind: Kind, directions: int) -> str | None:
    """Return the function of a simple layer; None if the functions are not those that our layer has."""
    given = node.texts("activations") or [*kind.activations] * directions
    each = [
        tuple(name.capitalize() for name in given[at : at + len(kind.activations)])
        for at in range(0, len(given), len(kind.activations))
    ]
    if set(each) == {kind.activations}:
        return kind.activations[-1]
    return "Relu" if node.op == "RNN" and set(each) == {("Relu",)} else None


def _plain(b: GraphReader, node: GraphNode, full: Sequence[Any], steps: Any) -> bool:
    """Return whether a layer has nothing that ours lacks: a clip, peepholes, coupled gates, lengths, or a begin."""
    lengths = b.listed(node.input(4)) if node.input(4) else []
    zeros = [b.is_zero(name) for name in node.inputs[5:7] if name]
    odd = node.has("clip") or node.whole("input_forget") or node.input(7)
    return not odd and all(zeros) and lengths is not None and all(n == steps for n in lengths)


def _weights(kind: Kind, w: Const, r: Const, bias: Const | None) -> dict[str, Const | None]:
    """Return the arrays of each direction, their gates in our order."""
    gates, weights = len(kind.order), dict[str, Const | None]()

    def ordered(const: Const, direction: int, side: int | None = None) -> Const:
        width = const.shape[1] if side is None else const.shape[1] // 2
        rest = const.shape[2:]

        def change(array: Any) -> Any:
            own = array[direction] if side is None else array[direction][side * width : (side + 1) * width]
            return own.reshape(gates, -1, *rest)[list(kind.order)].reshape(width, *rest)

        return const.derived((width, *rest), change, f"of direction {direction}, side {side}")

    for direction, end in zip(range(w.shape[0]), ("", "_reverse"), strict=False):
        weights |= {f"weight_ih{end}": ordered(w, direction), f"weight_hh{end}": ordered(r, direction)}
        if bias is not None:
            weights |= {f"bias_ih{end}": ordered(bias, direction, 0), f"bias_hh{end}": ordered(bias, direction, 1)}
    return weights


def _give(
    b: GraphReader, node: GraphNode, x: Handle, kind: Kind, keys: dict[str, Any], weights: dict[str, Const | None]
) -> None:
    """Add the layer, and give its steps and its last state to the node's outputs that are read."""
    layout, hidden, both = node.whole("layout"), keys["out"], bool(keys.get("bidirectional"))
    read = [bool(out) and out in b.graph.uses for out in (*node.outputs, "", "")][:2]
    maps = b.maps(x if layout else b.permuted(f"{node.name}.x", x, [1, 0, 2]))
    if not read[0]:
        keys["sequences"] = False
    made = b.add(node.name, kind.op, maps.x, keys, weights)
    directions = 1 + both
    if read[0]:
        apart = b.add(f"{node.name}.directions", "reshape", made, {"out": [-1, directions, hidden]})
        y = b.unmapped(f"{node.name}.y", apart, maps)
        b.values[node.outputs[0]] = y if layout else b.permuted(f"{node.name}.steps", y, [1, 2, 0, 3])
        if read[1]:
            made = _last(
                b, node, made, needed(known(made.shape[0])), hidden, both=both, backward=bool(keys.get("backward"))
            )
    if read[1]:
        state = b.add(f"{node.name}.state", "reshape", made, {"out": [directions, hidden]})
        h = b.unmapped(f"{node.name}.h", state, maps)
        b.values[node.outputs[1]] = h if layout else b.permuted(f"{node.name}.last", h, [1, 0, 2])


def _last(b: GraphReader, node: GraphNode, y: Handle, steps: int, hidden: int, *, both: bool, backward: bool) -> Handle:
    """Return the state after the last step, of both directions side by side."""
    if not both:
        return b.add(f"{node.name}.end", "gather", y, {"axis": 1, "indices": 0 if backward else steps - 1})
    ends = []
    for at, step in enumerate((steps - 1, 0)):
        own = b.add(f"{node.name}.end{at + 1}", "gather", y, {"axis": 1, "indices": step})
        ends.append(
            b.add(
                f"{node.name}.half{at + 1}", "slice", own, {"axis": 1, "start": at * hidden, "stop": (at + 1) * hidden}
            )
        )
    return b.add(f"{node.name}.ends", "concat", ends, {"axis": 1})
