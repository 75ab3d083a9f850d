"""Rules for recurrent layers, and for one step of them."""

from __future__ import annotations

from typing import Any

from .attention import sequence
from .calls import Constant, OpaqueCall
from .rules import TENSORS, Call, Rules, without
from .values import Axes, BatchedTensor

RULES = Rules()


_RECURRENT = "input hx params has_biases num_layers dropout train bidirectional batch_first"


@RULES.rule("lstm gru rnn_tanh rnn_relu", _RECURRENT)
def recurrent(call: Call) -> list[BatchedTensor | None]:
    """Read stacked recurrent layers: all steps of the last, and the last states of each."""
    arrays = call.get("params")
    if not isinstance(arrays, (list, tuple)) or "batch_first" not in call.given:
        raise OpaqueCall  # packed sequences
    batch = 0 if call.get("batch_first") else 1
    x = sequence(call, call.x, batch)
    both, count, biased = bool(call.get("bidirectional")), call.get("num_layers"), bool(call.get("has_biases"))
    roles = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if biased else [])]
    if len(arrays) != len(roles) * count * (1 + both):
        raise OpaqueCall  # projections
    op = "rnn" if call.function.startswith("rnn") else call.function
    hidden, has_cell = arrays[1].shape[-1], call.is_used(2)
    keys: dict[str, Any] = {"out": hidden, "bidirectional": both, "bias": biased}
    keys["activation"] = "relu" if call.function == "rnn_relu" else None
    keys["state"] = "both" if has_cell else None
    keys = without(keys, bidirectional=False, bias=True)
    begins = _begins(call, count, 1 + both)
    hiddens: list[BatchedTensor] = []
    cells: list[BatchedTensor] = []
    rest, width = iter(arrays), hidden * (1 + both)
    for at in range(count):
        own = {role: next(rest) for role in roles}
        own |= {f"{role}_reverse": next(rest) for role in roles} if both else {}
        layer = call.layers.add(op, [x.layer, *[state.layer for state in begins[at]]], keys, own)
        if has_cell:
            cell = call.layers.add("slice", [layer], {"axis": -1, "start": width})
            layer = call.layers.add("slice", [layer], {"axis": -1, "stop": width})
            cells += _ends(call, x._replace(layer=cell, axes=(*x.axes[:-1], (width,))), hidden, both=both)
        x = x._replace(layer=layer, axes=(*x.axes[:-1], (width,)))
        hiddens += _ends(call, x, hidden, both=both)
    steps = call.layers.permuted(x, (1, 0, 2)) if batch else call.layers.unfolded(x)
    return [steps, _states(call, hiddens), *([_states(call, cells)] if has_cell else [])]


def _begins(call: Call, count: int, directions: int) -> list[list[BatchedTensor]]:
    """Return the initial states of each layer, with all directions concatenated; empty if all are zero."""
    given = call.get("hx")
    states = list(given) if isinstance(given, (list, tuple)) and not isinstance(given, TENSORS) else [given]
    found: list[list[BatchedTensor]] = [[] for _ in range(count)]
    if all(isinstance(state, Constant) and is_zero(state) for state in states):
        return found
    for state in states:
        operand = call.operand(state)
        whole = call.layers.alone(operand) if isinstance(operand, Constant) else operand
        if not isinstance(whole, BatchedTensor) or whole.batch_at != 1 or len(whole.axes[1]) > 1:
            raise OpaqueCall
        whole = call.layers.unfolded(whole)  # layers and directions, samples, features
        hidden = whole.axes[2][0]
        for at, states_of in enumerate(found):
            layer = whole.layer
            if count > 1:
                keys = {"axis": 1, "start": at * directions, "stop": (at + 1) * directions}
                layer = call.layers.add("slice", [layer], keys)
            own = whole._replace(layer=layer, axes=((directions,), whole.axes[1], (hidden,)))
            turned = call.layers.permuted(own, (1, 0, 2))
            states_of.append(call.layers.reshaped(turned, (turned.axes[0], (directions * hidden,))))
    return found


def is_zero(state: Constant) -> bool:
    """Return whether a state is known to be zero."""
    values = state.read()
    return values is not None and not values.any()


def _ends(call: Call, x: BatchedTensor, hidden: int, *, both: bool) -> list[BatchedTensor]:
    """Return the last step of each direction as (samples, one step, features)."""
    steps = x.axes[1][0]
    layer = call.layers.add("slice", [x.layer], {"axis": -2, "start": steps - 1}) if steps > 1 else x.layer
    forward = call.layers.add("slice", [layer], {"axis": -1, "stop": hidden}) if both else layer
    axes: Axes = (x.axes[0], (1,), (hidden,))
    ends = [x._replace(layer=forward, axes=axes)]
    if both:
        first = call.layers.add("slice", [x.layer], {"axis": -2, "stop": 1}) if steps > 1 else x.layer
        backward = call.layers.add("slice", [first], {"axis": -1, "start": hidden})
        ends.append(x._replace(layer=backward, axes=axes))
    return ends


def _states(call: Call, ends: list[BatchedTensor]) -> BatchedTensor:
    """Return the last steps in PyTorch's form: (layers and directions, samples, features)."""
    one = ends[0]
    layer = call.layers.add("concat", [end.layer for end in ends], {"axis": -2}) if len(ends) > 1 else one.layer
    joined = one._replace(layer=layer, axes=(one.axes[0], (len(ends),), one.axes[2]))
    return call.layers.permuted(joined, (1, 0, 2))


@RULES.rule("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", "input hx w_ih w_hh b_ih b_hh")
def cell(call: Call) -> list[BatchedTensor | None]:
    """Read one step of a recurrent layer from the previous states."""
    x, given = call.x, call.get("hx")
    states = given if isinstance(given, (list, tuple)) and not isinstance(given, TENSORS) else [given]
    begins = [call.operand(state) for state in states]
    held = [call.layers.alone(one) if isinstance(one, Constant) else one for one in begins]
    if any(not isinstance(one, BatchedTensor) or one.batch_at != 0 or len(one.sample) != 1 for one in [x, *held]):
        raise OpaqueCall
    arrays = call.arrays("w_ih", "w_hh", "b_ih", "b_hh")
    own = {role.replace("w_", "weight_").replace("b_", "bias_"): array for role, array in arrays.items()}
    hidden, op = arrays["w_hh"].shape[-1], call.function.partition("_")[0]
    keys: dict[str, Any] = {"out": hidden, "bias": "b_ih" in arrays, "sequences": False}
    keys["activation"] = "relu" if call.function == "rnn_relu_cell" else None
    keys["state"] = "both" if op == "lstm" else None
    steps = call.layers.reshaped(x, (x.axes[0], (1,), x.axes[1]))
    reads = [steps.layer, *[one.layer for one in held if isinstance(one, BatchedTensor)]]
    layer = call.layers.add(op, reads, without(keys, bias=True), own)
    made = x._replace(layer=layer, axes=(x.axes[0], (hidden,)))
    if op != "lstm":
        return [made]
    ends = [{"axis": -1, "stop": hidden}, {"axis": -1, "start": hidden}]
    return [made._replace(layer=call.layers.add("slice", [layer], keys)) for keys in ends]
