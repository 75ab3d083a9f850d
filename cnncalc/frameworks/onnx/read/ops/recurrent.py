"""Recurrent operators: LSTM, GRU and RNN (onnx/defs/rnn/defs.cc)."""

from __future__ import annotations

from typing import Any, NamedTuple

from .....registry import Registry
from .....sizes import count, known
from ....values import Handle
from ..const import Const
from ..made import OpaqueNode, needed
from ..model import GraphNode
from ..reader import GraphReader, Handler


class Kind(NamedTuple):
    """The properties of an ONNX recurrent operator."""

    op: str
    order: tuple[int, ...]
    """The position of each of our gates in ONNX's order."""
    activations: tuple[str, ...]
    """The default functions of one direction."""


KINDS = {
    "LSTM": Kind("lstm", (0, 2, 3, 1), ("Sigmoid", "Tanh", "Tanh")),  # iofc, ours are ifco
    "GRU": Kind("gru", (1, 0, 2), ("Sigmoid", "Tanh")),  # zrh, ours are rzh
    "RNN": Kind("rnn", (0,), ("Tanh",)),
}
WORDS = {"Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid"}
HANDLERS: Registry[str, Handler] = Registry()


@HANDLERS.register(*KINDS)
def recurrent(b: GraphReader, node: GraphNode) -> None:
    """Read a recurrent layer; if ours cannot express it, only its shape and figures are known."""
    kind, x = KINDS[node.op], b.first(node)
    full = needed(b.full(x))
    w, r, bias = needed(b.const(node.input(1))), needed(b.const(node.input(2))), b.const(node.input(3))
    if len(full) != 3 or len(w.shape) != 3 or len(r.shape) != 3:
        raise node.wrong(f"works on 3 axes, but gets {len(full)}")
    directions, width, c_i = w.shape
    hidden, gates = r.shape[2], len(kind.order)
    layout = node.whole("layout")
    steps = full[1 if layout else 0]
    if width != gates * hidden or r.shape[:2] != w.shape[:2]:
        raise node.wrong(f"its kernels have the shapes {list(w.shape)} and {list(r.shape)}")
    keys: dict[str, Any] = {"c_i": c_i, "out": hidden, **_direction(node, directions), "bias": bias is not None}
    functions, states = _functions(node, kind), _states(b, node)
    if functions is None or states is None or not _plain(b, node, steps):
        macs = known(count(*full[:2], directions * gates * hidden, c_i + hidden))
        batch = known(b.batch)
        out = [*full[:2], directions, hidden] if layout else [full[0], directions, full[1], hidden]
        params = w.params + r.params + (bias.params if bias else 0)
        raise OpaqueNode(out, params=params, macs=macs // batch if macs is not None and batch else None)
    if bias is not None:
        keys["hidden_bias"] = True
    if node.op == "GRU":
        keys["reset_after"] = bool(node.whole("linear_before_reset"))
    _give(b, node, x, kind, keys | functions, _weights(kind, w, r, bias), states)


@HANDLERS.register("com.microsoft.DynamicQuantizeLSTM")
def quantized(b: GraphReader, node: GraphNode) -> None:
    """Read the figures of a layer that rounds its states at every step, with kernels (directions, in, 4*hidden)."""
    full, w, r = needed(b.full(b.first(node))), needed(b.const(node.input(1))), needed(b.const(node.input(2)))
    if len(full) != 3 or len(w.shape) != 3 or len(r.shape) != 3:
        raise OpaqueNode(known=False)
    directions, c_i, width = w.shape
    macs, batch = known(count(*full[:2], directions * width, c_i + r.shape[1])), known(b.batch)
    bias = b.const(node.input(3))
    out = [full[0], directions, full[1], r.shape[1]]
    params = w.size + r.size + (bias.size if bias else 0)
    raise OpaqueNode(out, params=params, macs=macs // batch if macs is not None and batch else None)


def _direction(node: GraphNode, directions: int) -> dict[str, bool]:
    """Return the keys of a direction."""
    word = node.text("direction", "forward")
    if directions != 1 + (word == "bidirectional"):
        raise node.wrong(f"{directions} directions, but it is {word}")
    return {"bidirectional": True} if word == "bidirectional" else {"backward": True} if word == "reverse" else {}


def _functions(node: GraphNode, kind: Kind) -> dict[str, str] | None:
    """Return the functions of gates and states that are not defaults; None if our layer lacks one."""
    given = [name.capitalize() for name in node.texts("activations") or kind.activations]
    each = {tuple(given[at : at + len(kind.activations)]) for at in range(0, len(given), len(kind.activations))}
    (own, *others) = each
    if others or not set(own) <= set(WORDS) or len(own) != len(kind.activations):
        return None
    gate, state = (own[0] if len(own) > 1 else "Sigmoid"), own[-1]
    if own[1:-1] not in ((), (state,)):
        return None
    keys = {"gate": WORDS[gate]} if gate != "Sigmoid" else {}
    return keys | ({"activation": WORDS[state]} if state != "Tanh" else {})


def _states(b: GraphReader, node: GraphNode) -> list[str] | None:
    """Return the initial states; empty if they are zeros, None if only some of them are given."""
    given = [name for name in node.inputs[5:7] if name]
    begin = [name for name in given if not b.is_zero(name)]
    if not begin:
        return []
    return given if len(given) == (2 if node.op == "LSTM" else 1) else None


def _plain(b: GraphReader, node: GraphNode, steps: Any) -> bool:
    """Return whether a layer is without features that ours lacks: a clip, peepholes, coupled gates, or lengths."""
    lengths = b.listed(node.input(4)) if node.input(4) else []
    odd = node.has("clip") or node.whole("input_forget") or node.input(7)
    return not odd and lengths is not None and all(n == steps for n in lengths)


def _weights(kind: Kind, w: Const, r: Const, bias: Const | None) -> dict[str, Const | None]:
    """Return the arrays of each direction, with gates in our order."""
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
    b: GraphReader,
    node: GraphNode,
    x: Handle,
    kind: Kind,
    keys: dict[str, Any],
    weights: dict[str, Const | None],
    states: list[str],
) -> None:
    """Add the layer, and set its steps and last states as the node's outputs that are read."""
    layout, hidden, both = node.whole("layout"), keys["out"], bool(keys.get("bidirectional"))
    directions = 1 + both
    steps_read, *last_read = [bool(out) and out in b.graph.uses for out in (*node.outputs, "", "", "")][:3]
    maps = b.maps(x if layout else b.permuted(f"{node.name}.x", x, [1, 0, 2]))
    reads = [maps.x]
    for name in states:
        value = b.value(name)
        begin = b.maps(value if layout else b.permuted(f"{name}.samples", value, [1, 0, 2]))
        if begin.folded != maps.folded:
            raise OpaqueNode(known=False)
        reads.append(b.add(f"{name}.row", "flatten", begin.x))
    if not steps_read:
        keys["sequences"] = False
    if last_read[1]:
        keys["state"] = "both"
    made = b.add(node.name, kind.op, reads, keys, weights)
    parts = [made]
    if last_read[1]:
        width = directions * hidden
        parts = [
            b.add(f"{node.name}.{word}", "slice", made, {"axis": -1, "start": at * width, "stop": (at + 1) * width})
            for at, word in enumerate(("hidden", "cell"))
        ]
    if steps_read:
        apart = b.add(f"{node.name}.directions", "reshape", parts[0], {"out": [-1, directions, hidden]})
        y = b.unmapped(f"{node.name}.y", apart, maps)
        b.values[node.outputs[0]] = y if layout else b.permuted(f"{node.name}.steps", y, [1, 2, 0, 3])
    for at, (part, read) in enumerate(zip(parts, last_read, strict=False), 1):
        if not read:
            continue
        name = f"{node.name}.{'cell' if at == 2 else 'last'}"
        end = _last(b, name, part, hidden, both=both, backward=bool(keys.get("backward"))) if steps_read else part
        state = b.add(f"{name}.directions", "reshape", end, {"out": [directions, hidden]})
        h = b.unmapped(f"{name}.state", state, maps)
        b.values[node.outputs[at]] = h if layout else b.permuted(f"{name}.samples", h, [1, 0, 2])


def _last(b: GraphReader, name: str, y: Handle, hidden: int, *, both: bool, backward: bool) -> Handle:
    """Return the state after the last step, with both directions side by side."""
    if not both:
        return b.add(f"{name}.end", "gather", y, {"axis": 1, "indices": 0 if backward else -1})
    ends = []
    for at, step in enumerate((-1, 0)):
        own = b.add(f"{name}.end{at + 1}", "gather", y, {"axis": 1, "indices": step})
        cut = {"axis": 1, "start": at * hidden, "stop": (at + 1) * hidden}
        ends.append(b.add(f"{name}.half{at + 1}", "slice", own, cut))
    return b.add(f"{name}.ends", "concat", ends, {"axis": 1})
